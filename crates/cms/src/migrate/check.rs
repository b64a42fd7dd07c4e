//! What the new schema says of the data as a migration leaves it, and what is to be said of data whose version is not the schema's.

use std::collections::BTreeMap;
use std::sync::Arc;

use cms_model::schema::{ConflictKind, Lookup, Migrated, MigrationConflict, Version};
use cms_model::{Diagnostic, Package, PackageName, Severity};

use super::stamp;
use crate::error::Result;
use crate::snapshot::Snapshot;
use crate::store::Store;

/// Checks migrated packages by the schemas that are for them, and puts what these do not allow among the conflicts.
pub(super) fn add_findings(
    store: &Store,
    snapshot: &Snapshot,
    packages: &BTreeMap<PackageName, Package>,
    migrated: &mut Migrated,
) -> Result<()> {
    let changed = migrated.packages.iter().map(|(name, done)| (name.clone(), done.package.clone()));
    let mut all: BTreeMap<PackageName, Package> = packages.clone();
    all.extend(changed);
    let all: Vec<(PackageName, Arc<Package>)> =
        all.into_iter().map(|(name, package)| (name, Arc::new(package))).collect();
    let after = After { snapshot, packages: &all };
    for found in store.validate_packages(&after, &all)? {
        if found.severity == Severity::Error && found.detail.is_some() {
            let key = found.detail.map(|detail| detail.key).unwrap_or_default();
            migrated.add_conflict(MigrationConflict {
                key,
                step: String::new(),
                kind: ConflictKind::Invalid,
                message: found.message,
            });
        }
    }
    Ok(())
}

/// The packages as they will be.
struct After<'a> {
    snapshot: &'a Snapshot,
    packages: &'a [(PackageName, Arc<Package>)],
}

impl Lookup for After<'_> {
    fn package(&self, name: &str) -> Option<Arc<Package>> {
        let changed = self.packages.iter().find(|(own, _)| own.as_str() == name);
        changed.map(|(_, package)| package.clone()).or_else(|| Lookup::package(self.snapshot, name))
    }
}

impl Store {
    /// Says of packages whose data belongs to a newer schema than there is that what follows may be wrong.
    pub(crate) fn newer_data(&self, lookup: &dyn Lookup, names: &[PackageName]) -> Result<Vec<Diagnostic>> {
        let Some(stamps) = lookup.package(stamp::PACKAGE) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for registered in self.modules().list()? {
            let Ok(module) = &registered.module else { continue };
            let schema = module.settings().version;
            let is_for = names.iter().any(|name| module.governs(name.as_str()));
            // A stamp that is no version is told of where it is used.
            if let (true, Ok(Some(data))) = (is_for, stamp::read_from(&stamps, &registered.name))
                && data > schema
            {
                found.push(newer(&registered.name, data, schema));
            }
        }
        Ok(found)
    }
}

fn newer(module: &str, data: Version, schema: Version) -> Diagnostic {
    Diagnostic {
        code: "CMS0130",
        severity: Severity::Warning,
        message: format!("the data of module `{module}` has version {data}, its schema only {schema}"),
        file: Some(stamp::PACKAGE.to_owned()),
        line: 1,
        column: 1,
        line_text: Vec::new(),
        span_len: 0,
        hint: Some(format!("install the module of version {data}, or roll the data back with it")),
        detail: None,
    }
}

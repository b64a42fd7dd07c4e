//! The versions of a module, and the path from one to another.

use std::collections::BTreeMap;
use std::fmt;

use super::migration::{SchemaVersion, Step};
use super::module::{Module, Version};

/// The versions of a module's schema that are known.
///
/// ```
/// use cms_model::{Package, schema::{Module, Rules, SchemaRegistry, Version}};
///
/// let text = b"config module 'blog'\n\toption version '1.2.0'\n\
///              config migration\n\toption to '1.1.0'\n\tlist step 'rename site.colour theme'\n";
/// let blog = Module::read(&Package::parse(text).unwrap(), "blog", &Rules::default()).unwrap();
/// let registry = SchemaRegistry::new("blog", &blog);
///
/// let old = Version { major: 1, minor: 0, patch: 0 };
/// let path = registry.path(old, registry.current()).unwrap();
/// assert_eq!(path.len(), 1);
/// assert_eq!(registry.oldest().to_string(), "0.0.0");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaRegistry {
    module_name: String,
    current: Version,
    versions: BTreeMap<Version, SchemaVersion>,
}

/// Why there is no path from one version to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPath {
    /// Where the data is.
    pub from: Version,
    /// The migration that would be next.
    pub next: Version,
    /// The lowest version that it begins with.
    pub begins: Version,
}

impl fmt::Display for NoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoPath { from, next, begins } = self;
        write!(f, "no migration leads on from version {from}: the next one, to {next}, begins with {begins}")
    }
}

impl std::error::Error for NoPath {}

impl SchemaRegistry {
    /// Makes a registry of what a module file says of its versions.
    pub fn new(module_name: &str, module: &Module) -> SchemaRegistry {
        let current = module.settings().version;
        let mut registry =
            SchemaRegistry { module_name: module_name.to_owned(), current, versions: BTreeMap::new() };
        registry.add(module);
        registry
    }

    /// Adds what an earlier text of the module says, where nothing else is known of a version. Migrations beyond the current version
    /// are no concern of it.
    pub fn add(&mut self, module: &Module) {
        let settings = module.settings();
        let own = SchemaVersion {
            version: settings.version,
            description: settings.description.clone(),
            created_at: settings.created_at.clone(),
            ..SchemaVersion::default()
        };
        for version in
            module.versions().iter().chain([&own]).filter(|version| version.version <= self.current)
        {
            let known = self.versions.entry(version.version).or_insert_with(|| version.clone());
            if known.migration.is_empty() && known.migration.from.is_none() {
                known.migration = version.migration.clone();
            }
            known.description = known.description.take().or_else(|| version.description.clone());
            known.created_at = known.created_at.take().or_else(|| version.created_at.clone());
        }
    }

    /// Returns the name of the module.
    pub fn module_name(&self) -> &str {
        &self.module_name
    }

    /// Returns the version of the module as it is now.
    pub fn current(&self) -> Version {
        self.current
    }

    /// Returns a version, if it is known.
    pub fn version(&self, version: Version) -> Option<&SchemaVersion> {
        self.versions.get(&version)
    }

    /// Goes over the known versions, from the oldest.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &SchemaVersion> {
        self.versions.values()
    }

    /// Returns the oldest version from which there is a path: what data without a stamp counts as.
    pub fn oldest(&self) -> Version {
        match self.migrations().next() {
            Some((_, begins)) => begins,
            None => self.current,
        }
    }

    /// Returns the versions whose migrations lead from one version to a later one, in the order of taking them.
    ///
    /// # Errors
    /// [`NoPath`] if there are migrations in between, and none begins where the data is.
    pub fn path(&self, from: Version, to: Version) -> Result<Vec<&SchemaVersion>, NoPath> {
        let between: Vec<_> = self
            .migrations()
            .filter(|(version, _)| version.version > from && version.version <= to)
            .collect();
        let (mut path, mut at, mut left) = (Vec::new(), from, &between[..]);
        while let Some((next, begins)) = left.first() {
            let furthest = left.iter().rposition(|(_, begins)| *begins <= at);
            let Some(furthest) = furthest else {
                return Err(NoPath { from: at, next: next.version, begins: *begins });
            };
            let (taken, _) = left[furthest];
            at = taken.version;
            path.push(taken);
            left = &left[furthest + 1..];
        }
        Ok(path)
    }

    /// The versions with a migration, from the oldest, each with the lowest version that it begins with.
    fn migrations(&self) -> impl Iterator<Item = (&SchemaVersion, Version)> {
        let mut last = Version::default();
        let migrates =
            |version: &&SchemaVersion| !version.migration.is_empty() || version.migration.from.is_some();
        self.versions.values().filter(migrates).map(move |version| {
            let begins = version.migration.from.unwrap_or(last);
            last = version.version;
            (version, begins)
        })
    }
}

/// Fills in the defaults of steps that leave them to the schemas: `old` and `new` are the schemas before and after. Returns the steps
/// for which one of them does not say; these do nothing.
pub fn fill_defaults(steps: &mut [Step], old: Option<&Module>, new: Option<&Module>) -> Vec<String> {
    let mut unknown = Vec::new();
    for step in steps {
        let Some((kind, option)) = step.open_default() else { continue };
        let default =
            |module: Option<&Module>| module?.field(kind.unwrap_or("*"), option)?.default_value().cloned();
        match (default(old), default(new)) {
            (Some(old), Some(new)) => *step = step.with_defaults(old, new),
            _ => unknown.push(step.to_string()),
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Package;
    use crate::schema::Rules;

    fn registry(version: &str, migrations: &[(&str, Option<&str>)]) -> SchemaRegistry {
        let mut text = format!("config module 'm'\n\toption version '{version}'\n");
        for (to, from) in migrations {
            text += &format!("config migration\n\toption to '{to}'\n\tlist step 'drop a.b'\n");
            if let Some(from) = from {
                text += &format!("\toption from '{from}'\n");
            }
        }
        let module = Module::read(&Package::parse(text.as_bytes()).unwrap(), "m", &Rules::default()).unwrap();
        SchemaRegistry::new("m", &module)
    }

    #[test]
    fn a_path_goes_as_far_as_it_can_at_each_point() {
        let check = |migrations: &[(&str, Option<&str>)], from: &str, to: &str, expected: &str| {
            let registry = registry("9.0.0", migrations);
            let [from, to] = [from, to].map(|text| Version::parse(text).unwrap());
            let path = match registry.path(from, to) {
                Ok(path) => {
                    path.iter().map(|version| version.version.to_string()).collect::<Vec<_>>().join(" ")
                }
                Err(error) => error.to_string(),
            };
            assert_eq!(path, expected);
        };
        let plain = &[("1.1.0", None), ("1.2.0", None), ("2.0.0", None)][..];
        check(plain, "1.0.0", "2.0.0", "1.1.0 1.2.0 2.0.0");
        check(plain, "1.1.0", "1.2.0", "1.2.0");
        check(plain, "1.1.5", "1.2.0", "1.2.0");
        check(plain, "2.0.0", "9.0.0", "");
        check(plain, "1.0.0", "1.0.9", "");
        let short = &[("1.1.0", None), ("1.2.0", None), ("2.0.0", Some("1.0.0"))][..];
        check(short, "1.0.0", "2.0.0", "2.0.0");
        check(short, "0.9.0", "2.0.0", "1.1.0 2.0.0");
        check(short, "1.0.0", "1.2.0", "1.1.0 1.2.0");
        let gap = &[("1.1.0", Some("1.0.0")), ("2.0.0", None)][..];
        check(
            gap,
            "0.5.0",
            "2.0.0",
            "no migration leads on from version 0.5.0: the next one, to 1.1.0, begins with 1.0.0",
        );
    }

    #[test]
    fn data_without_a_stamp_is_as_old_as_the_oldest_path() {
        assert_eq!(registry("1.2.0", &[]).oldest().to_string(), "1.2.0");
        assert_eq!(registry("1.2.0", &[("1.1.0", None)]).oldest().to_string(), "0.0.0");
        assert_eq!(registry("1.2.0", &[("1.1.0", Some("1.0.0"))]).oldest().to_string(), "1.0.0");
    }
}

//! Checking packages against the schemas that concern them: at a commit what it changes, on request everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use cms_log::Backend;
use cms_model::schema::{Checker, Field, Lookup, Mode, Schemas, Typed};
use cms_model::{Change, Diagnostic, Key, Package, PackageName, Severity, Value};

use crate::commit::{Prepared, PreparedPackage, Signature};
use crate::error::{Error, Result};
use crate::external::Warning;
use crate::head::Head;
use crate::modules::{Modules, Relevant};
use crate::snapshot::Snapshot;
use crate::store::{Log, Store};

/// The modules that commits of one turn are checked by: those that there were after all of them had been asked for.
pub(crate) type Looked = BTreeMap<Vec<PackageName>, Relevant>;

impl Store {
    /// Returns the modules that are registered for the store.
    pub fn modules(&self) -> &Modules {
        &self.inner.modules
    }

    /// Checks packages of a state against the schemas that are for them: the named ones, or all. Errors are errors also where
    /// the module's mode is to warn; packages whose mode is off are checked like the others.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("blog"), "config site 'home'\n\toption port '80000'\n")?;
    /// # use cms::{Location, Options, Store};
    /// # let location = Location::find(&config, &dirs)?.with_modules(vec![home.path().join("modules")]);
    /// # let store = Store::open(&location, Options::default())?;
    /// store.modules().add("blog", b"config module 'blog'\nconfig fields 'site'\n\toption port 'port'\n")?;
    /// let found = store.validate(&store.snapshot()?, None)?;
    /// assert_eq!(found[0].message, "`blog.home.port`: `80000` is not a port from 0 to 65535");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of reading. A schema with faults is among the findings.
    pub fn validate(&self, snapshot: &Snapshot, names: Option<&[PackageName]>) -> Result<Vec<Diagnostic>> {
        let names: Vec<PackageName> = match names {
            Some(names) => names.to_vec(),
            None => snapshot.packages().cloned().collect(),
        };
        let packages = names.into_iter().map(|name| Ok((snapshot.package(&name)?, name)));
        let packages: Vec<_> =
            packages.map(|pair| pair.map(|(package, name)| (name, package))).collect::<Result<_>>()?;
        let found = self.validate_packages(snapshot, &packages)?;
        Ok(found.into_iter().map(|finding| self.placed(finding)).collect())
    }

    /// Checks packages that are in no state of the store, such as files that are yet to be installed or a transaction that is
    /// yet to be committed, as if they were the packages of these names. References to others are followed with `lookup`, and
    /// findings have the package's name in the place of a file.
    ///
    /// # Errors
    /// If the modules cannot be read.
    pub fn validate_packages(
        &self,
        lookup: &dyn Lookup,
        packages: &[(PackageName, Arc<Package>)],
    ) -> Result<Vec<Diagnostic>> {
        let names: Vec<PackageName> = packages.iter().map(|(name, _)| name.clone()).collect();
        let relevant = self.modules().of(&names)?;
        let mut found: Vec<Diagnostic> = relevant.faults.to_vec();
        found.extend(self.newer_data(lookup, &names)?);
        for (name, package) in packages {
            let (schemas, faults) = self.with_embedded(relevant.schemas.clone(), name, None, package, &[]);
            found.extend(faults);
            found.extend(Checker::new(&schemas, lookup).check(name.as_str(), package));
        }
        Ok(found)
    }

    /// Returns the modules that are for a package, that which lies in it included.
    ///
    /// # Errors
    /// If the modules cannot be read.
    pub fn schemas_of(&self, name: &PackageName, package: Option<&Arc<Package>>) -> Result<Arc<Schemas>> {
        let relevant = self.modules().of(std::slice::from_ref(name))?;
        Ok(match package {
            Some(package) => self.with_embedded(relevant.schemas, name, None, package, &[]).0,
            None => relevant.schemas,
        })
    }

    /// Checks a package that is in no store, such as a file that is yet to be installed, as if it were the package `name`.
    ///
    /// # Errors
    /// If the modules cannot be read.
    pub fn validate_text(
        &self,
        snapshot: &Snapshot,
        name: &PackageName,
        package: &Package,
    ) -> Result<Vec<Diagnostic>> {
        self.validate_packages(snapshot, &[(name.clone(), Arc::new(package.clone()))])
    }

    /// Says what an option is: its value or its default, and what its schema says of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a key that names no option; [`Error::NotFound`] if there is no such package or section; those of
    /// reading.
    pub fn effective(&self, snapshot: &Snapshot, key: &Key) -> Result<Effective> {
        self.effective_in(&snapshot.package(&key.package)?, key)
    }

    /// Says what an option of a package is that is in no state of the store, such as one with changes that are yet to be
    /// committed.
    ///
    /// # Errors
    /// As for [`effective`](Store::effective).
    pub fn effective_in(&self, package: &Arc<Package>, key: &Key) -> Result<Effective> {
        let (Some(selector), Some(option)) = (&key.section, &key.option) else {
            return Err(Error::Invalid { key: key.to_string(), reason: "it names no option".to_owned() });
        };
        let draft = cms_model::Draft::new(Package::clone(package), 0);
        let section = draft.resolve(selector).and_then(|id| package.section(id));
        let section = section.ok_or_else(|| Error::not_found(key))?;
        Ok(Effective {
            configured: section.get(option.as_str()),
            schemas: self.schemas_of(&key.package, Some(package))?,
            package: key.package.clone(),
            kind: section.kind().to_owned(),
            option: option.to_string(),
        })
    }

    /// Checks what a commit is about to change. `bounds` limit what the schemas do.
    ///
    /// Answers with what its user should know; refuses it where a schema that is enforced does not allow it.
    pub(crate) fn check(
        &self,
        log: &Log,
        head: &Head,
        prepared: &Prepared,
        bounds: Bounds,
        looked: &mut Looked,
    ) -> Result<Vec<Warning>> {
        if bounds.at_most == Mode::Off || prepared.packages.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<PackageName> = prepared.packages.iter().map(|package| package.name.clone()).collect();
        let relevant = match looked.get(&names).cloned().map_or_else(|| self.modules().of(&names), Ok) {
            Ok(relevant) => looked.entry(names).or_insert(relevant).clone(),
            // Whoever cannot read the schemas must not be locked out by that.
            Err(error) => {
                tracing::warn!(%error, "the modules could not be read; nothing was checked");
                return Ok(Vec::new());
            }
        };
        let after = After { backend: &*log.backend, head, packages: &prepared.packages };
        let (mut warnings, mut errors) = (Vec::new(), Vec::new());
        let mut faults: Vec<Diagnostic> = relevant.faults.to_vec();
        for package in &prepared.packages {
            let before = head.package(&*log.backend, &package.name)?;
            let found = match &package.result {
                Some(result) => {
                    let changes = package.changes();
                    let (schemas, wrong) = self.with_embedded(
                        relevant.schemas.clone(),
                        &package.name,
                        before.as_ref(),
                        result,
                        changes.unwrap_or_default(),
                    );
                    faults.extend(wrong);
                    let checker = Checker::new(&schemas, &after);
                    let found = match changes {
                        Some(changes) => checker.check_changes(package.name.as_str(), result, changes),
                        None => checker.check(package.name.as_str(), result),
                    };
                    sorted_by_mode(found, &schemas, bounds)
                }
                None => {
                    let Some(before) = before else { continue };
                    let empty = Package::empty();
                    let gone = Package::diff(&before, &empty);
                    let checker = Checker::new(&relevant.schemas, &after);
                    let found = checker.check_changes(package.name.as_str(), &empty, &gone);
                    // What the package lacks now is nothing to complain of: there is none.
                    let of_others = found
                        .into_iter()
                        .filter(|found| found.file.as_deref() != Some(package.name.as_str()));
                    sorted_by_mode(of_others.collect(), &relevant.schemas, bounds)
                }
            };
            errors.extend(found.errors);
            warnings.extend(found.warnings);
        }
        if !errors.is_empty() {
            errors.extend(warnings);
            return Err(Error::Refused {
                diagnostics: errors.into_iter().map(|found| self.placed(found)).collect(),
            });
        }
        // A schema that cannot be read is told of, and no reason to refuse a commit.
        warnings.extend(faults.into_iter().map(|fault| Diagnostic { severity: Severity::Warning, ..fault }));
        let findings = warnings.into_iter().map(|found| self.placed(found)).collect::<Vec<_>>();
        let package = prepared.packages[0].name.clone();
        Ok(if findings.is_empty() {
            Vec::new()
        } else {
            vec![Warning::Findings { package, diagnostics: findings }]
        })
    }

    /// Adds the module that lies in the package itself.
    fn with_embedded(
        &self,
        schemas: Arc<Schemas>,
        name: &PackageName,
        before: Option<&Arc<Package>>,
        package: &Arc<Package>,
        changes: &[Change],
    ) -> (Arc<Schemas>, Vec<Diagnostic>) {
        match self.modules().embedded(name, before, package, changes) {
            None => (schemas, Vec::new()),
            Some(Err(faults)) => (schemas, faults.into_iter().map(|fault| self.placed(fault)).collect()),
            Some(Ok(module)) => {
                let mut schemas = Schemas::clone(&schemas);
                schemas.insert(module);
                (Arc::new(schemas), Vec::new())
            }
        }
    }

    /// Names the file of the package that a finding is in.
    fn placed(&self, finding: Diagnostic) -> Diagnostic {
        match finding.file.as_deref().and_then(|name| PackageName::new(name).ok()) {
            Some(name) => finding.in_file(self.location().config().join(name.as_str()).display().to_string()),
            None => finding,
        }
    }
}

/// What whoever commits wants schemas to do, whatever they say themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    at_least: Mode,
    at_most: Mode,
}

impl Bounds {
    pub(crate) fn of(signature: &Signature) -> Bounds {
        Bounds { at_least: signature.at_least, at_most: signature.at_most }
    }
}

/// Findings that stop a commit, and the others.
struct Sorted {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// Sorts findings by what the schemas of the packages that they are in want to be done with them.
fn sorted_by_mode(found: Vec<Diagnostic>, schemas: &Schemas, bounds: Bounds) -> Sorted {
    let mut sorted = Sorted { errors: Vec::new(), warnings: Vec::new() };
    for finding in found {
        let mode = finding.file.as_deref().map_or(Mode::Warn, |package| schemas.mode(package));
        let mode = mode.max(bounds.at_least).min(bounds.at_most);
        match (mode, finding.severity) {
            (Mode::Off, _) => {}
            (Mode::Enforce, Severity::Error) => sorted.errors.push(finding),
            _ => sorted.warnings.push(Diagnostic { severity: Severity::Warning, ..finding }),
        }
    }
    sorted
}

/// The packages as they will be after a commit.
struct After<'a> {
    backend: &'a dyn Backend,
    head: &'a Head,
    packages: &'a [PreparedPackage],
}

impl Lookup for After<'_> {
    fn package(&self, name: &str) -> Option<Arc<Package>> {
        if let Some(changed) = self.packages.iter().find(|package| package.name.as_str() == name) {
            return changed.result.clone();
        }
        self.head.package(self.backend, &PackageName::new(name).ok()?).ok()?
    }
}

impl Lookup for Snapshot {
    fn package(&self, name: &str) -> Option<Arc<Package>> {
        Snapshot::package(self, &PackageName::new(name).ok()?).ok()
    }
}

/// What an option is, with what its schema says of it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("blog"), "config site 'home'\n")?;
/// # use cms::{Location, Options, Store, model::Key, model::schema::Typed};
/// # let location = Location::find(&config, &dirs)?.with_modules(vec![home.path().join("modules")]);
/// # let store = Store::open(&location, Options::default())?;
/// store.modules().add("blog", b"config module 'blog'\nconfig fields 'site'\n\toption port 'port|default:80'\n")?;
/// let port = store.effective(&store.snapshot()?, &Key::parse("blog.home.port")?)?;
/// assert!(port.is_default());
/// assert_eq!(port.typed()?, Some(Typed::Int(80)));
/// # Ok(())
/// # }
/// ```
pub struct Effective {
    configured: Option<Value>,
    schemas: Arc<Schemas>,
    package: PackageName,
    kind: String,
    option: String,
}

impl Effective {
    /// Returns what the configuration says; `None` where it says nothing.
    pub fn configured(&self) -> Option<&Value> {
        self.configured.as_ref()
    }

    /// Returns what holds: what the configuration says, or else the default.
    pub fn value(&self) -> Option<&Value> {
        self.configured().or_else(|| self.field().and_then(Field::default_value))
    }

    /// Tells whether what holds is the default.
    pub fn is_default(&self) -> bool {
        self.configured.is_none() && self.value().is_some()
    }

    /// Returns what the schema says of the option; `None` where no schema knows it.
    pub fn field(&self) -> Option<&Field> {
        self.schemas.field(self.package.as_str(), &self.kind, &self.option)
    }

    /// Returns the type of the section that the option is in.
    pub fn section_type(&self) -> &str {
        &self.kind
    }

    /// Returns what holds as what the schema says it is; text where no schema knows the option.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the value is not of that type.
    pub fn typed(&self) -> Result<Option<Typed>> {
        let Some(value) = self.value() else { return Ok(None) };
        let Some(field) = self.field() else {
            return Ok(Some(Typed::Text(value.items().concat())));
        };
        field.typed(value).map(Some).map_err(|item| Error::Invalid {
            key: format!("{}.{}", self.package, self.option),
            reason: match field.is_secret() {
                true => format!("it is no {}", field.type_name()),
                false => format!("`{}` is no {}", String::from_utf8_lossy(&item), field.type_name()),
            },
        })
    }
}

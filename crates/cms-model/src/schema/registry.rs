//! The schemas that there are, and the packages that references may lead to.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Package;

use super::field::Field;
use super::module::{Mode, Module};

/// All modules, by name.
///
/// ```
/// use cms_model::{Package, schema::{Mode, Module, Rules, Schemas}};
///
/// let mut schemas = Schemas::default();
/// for mode in ["warn", "enforce"] {
///     let text = format!("config module 'm'\n\toption mode '{mode}'\n");
///     let package = Package::parse(text.as_bytes()).unwrap();
///     schemas.insert(Module::read(&package, "m", &Rules::default()).unwrap());
/// }
/// assert_eq!(schemas.mode("m"), Mode::Enforce);
/// assert_eq!(schemas.mode("other"), Mode::Off);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    modules: Vec<Arc<Module>>,
    /// The module and number of every field that refers to something.
    references: Vec<(usize, u32)>,
}

impl Schemas {
    /// Adds a module in the place of one of the same name, which is returned.
    pub fn insert(&mut self, module: impl Into<Arc<Module>>) -> Option<Arc<Module>> {
        let module = module.into();
        let known = self.modules.iter_mut().find(|known| known.name() == module.name());
        let old = match known {
            Some(known) => Some(std::mem::replace(known, module)),
            None => {
                self.modules.push(module);
                None
            }
        };
        self.index();
        old
    }

    /// Removes a module.
    pub fn remove(&mut self, name: &str) -> Option<Arc<Module>> {
        let place = self.modules.iter().position(|module| module.name() == name)?;
        let removed = self.modules.remove(place);
        self.index();
        Some(removed)
    }

    /// Finds a module by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Module>> {
        self.modules.iter().find(|module| module.name() == name)
    }

    /// Goes over all modules, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Module>> {
        self.modules.iter()
    }

    /// Goes over the modules that are for a package.
    pub fn of<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a Arc<Module>> {
        self.modules.iter().filter(move |module| module.governs(package))
    }

    /// Says what a commit does with findings in a package: what the strictest of its modules says; nothing without any.
    pub fn mode(&self, package: &str) -> Mode {
        self.of(package).map(|module| module.settings().mode).max().unwrap_or(Mode::Off)
    }

    /// Finds the field for an option: the first module that knows it.
    pub fn field<'a>(&'a self, package: &'a str, kind: &str, option: &str) -> Option<&'a Field> {
        self.of(package).find_map(|module| module.field(kind, option))
    }

    pub(crate) fn references(&self) -> impl Iterator<Item = (&Module, u32)> {
        self.references.iter().map(|(module, field)| (&*self.modules[*module], *field))
    }

    fn index(&mut self) {
        self.references.clear();
        for (number, module) in self.modules.iter().enumerate() {
            let fields = module.fields.iter().enumerate().filter(|(_, field)| field.reference.is_some());
            self.references.extend(fields.map(|(field, _)| (number, field as u32)));
        }
    }
}

/// Where references lead: the other packages, as they will be when what is checked has come true.
///
/// The unit type knows no packages; references to other packages then count as good.
pub trait Lookup {
    /// Returns a package; none if there is no such package, or it cannot be read.
    fn package(&self, name: &str) -> Option<Arc<Package>>;
}

impl Lookup for () {
    fn package(&self, _: &str) -> Option<Arc<Package>> {
        None
    }
}

impl<S: std::hash::BuildHasher> Lookup for HashMap<String, Arc<Package>, S> {
    fn package(&self, name: &str) -> Option<Arc<Package>> {
        self.get(name).cloned()
    }
}

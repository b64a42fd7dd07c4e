//! One state of a store, and what Python was handed of it.

use std::collections::HashMap;
use std::sync::Arc;

use cms::model::schema::Schemas;
use cms::model::{Draft, Key, Package, PackageName, SectionId, Selector};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::error::{self, diagnostics_of, from_engine};
use crate::record;
use crate::value::{field_of, key, option_key, package_name, raw, section_key, typed};

/// How many values of one state are kept at most.
const KEPT: usize = 1 << 16;

/// One state of a store. It never changes.
#[pyclass(frozen, module = "cms._native")]
pub(crate) struct Snapshot {
    store: cms::Store,
    pub inner: cms::Snapshot,
    /// Values by key, as Python has them: what was read once is not made again.
    pub values: Py<PyDict>,
    schemas: Mutex<HashMap<PackageName, Arc<Schemas>>>,
}

impl Snapshot {
    pub fn new(py: Python<'_>, store: cms::Store, inner: cms::Snapshot) -> Snapshot {
        Snapshot { store, inner, values: PyDict::new(py).unbind(), schemas: Mutex::default() }
    }

    /// Returns the schemas that are for a package, read once for each state.
    pub fn schemas(&self, py: Python<'_>, package: &PackageName) -> PyResult<Arc<Schemas>> {
        if let Some(known) = self.schemas.lock().get(package) {
            return Ok(known.clone());
        }
        let read = py.detach(|| {
            let text = self.inner.package(package)?;
            self.store.schemas_of(package, Some(&text))
        });
        let schemas = read.map_err(|error| from_engine(py, error))?;
        self.schemas.lock().insert(package.clone(), schemas.clone());
        Ok(schemas)
    }

    /// Makes the value of an option, and keeps it.
    pub fn read<'py>(&self, py: Python<'py>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let name = text.to_str()?;
        let (key, section, option) = match key(py, name)? {
            Key { package, section: Some(section), option: Some(option) } => (
                Key { package, section: Some(section.clone()), option: Some(option.clone()) },
                section,
                option,
            ),
            key => return Err(self.no_option(py, name, &key)),
        };
        let found = py.detach(|| self.inner.get(&key)).map_err(|error| from_engine(py, error))?;
        let Some(value) = found else {
            return Err(error::not_found(py, name, &format!("{name} not found")));
        };
        let schemas = self.schemas(py, &key.package)?;
        let of_section = Key { package: key.package.clone(), section: Some(section), option: None };
        let kind = self.inner.get(&of_section).map_err(|error| from_engine(py, error))?;
        let kind = kind.as_ref().and_then(|kind| std::str::from_utf8(kind.as_bytes()?).ok());
        let field = kind.and_then(|kind| field_of(&schemas, &key.package, kind, &option));
        let value = typed(py, name, field, &value)?;
        let values = self.values.bind(py);
        if values.len() >= KEPT {
            values.clear();
        }
        values.set_item(text, &value)?;
        handed_out(value)
    }

    fn no_option(&self, py: Python<'_>, name: &str, key: &Key) -> PyErr {
        let message = match key.section {
            Some(_) => format!("{name} is the key of a section: use section({name:?}), or {name}.OPTION"),
            None => {
                format!("{name} is the key of a package: use package({name:?}), or {name}.SECTION.OPTION")
            }
        };
        error::not_found(py, name, &message)
    }

    fn package(&self, py: Python<'_>, name: &PackageName) -> PyResult<Arc<Package>> {
        py.detach(|| self.inner.package(name)).map_err(|error| from_engine(py, error))
    }
}

/// A list is its owner's to change, so that everybody gets one of his own.
#[inline]
pub(crate) fn handed_out(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    match value.cast_exact::<PyList>() {
        Ok(list) => Ok(list.get_slice(0, list.len()).into_any()),
        Err(_) => Ok(value),
    }
}

/// A key as an exact `str`, whose hash and comparison run no code of somebody else's.
#[inline]
pub(crate) fn exact<'py>(key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    match key.cast_exact::<PyString>() {
        Ok(key) => Ok(key.clone()),
        Err(_) => {
            let text: String = key.extract()?;
            Ok(PyString::new(key.py(), &text))
        }
    }
}

#[pymethods]
impl Snapshot {
    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, key) = (key.py(), exact(key)?);
        match self.values.bind(py).get_item(&key)? {
            Some(value) => handed_out(value),
            None => self.read(py, &key),
        }
    }

    /// Whether there is such an option.
    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(text) = key.extract::<&str>() else { return Ok(false) };
        let Ok(key) = Key::parse(text) else { return Ok(false) };
        if key.option.is_none() || !self.inner.contains(&key.package) {
            return Ok(false);
        }
        let found = py.detach(|| self.inner.get(&key)).map_err(|error| from_engine(py, error))?;
        Ok(found.is_some())
    }

    #[getter]
    fn revision(&self) -> Option<u64> {
        self.inner.revision().map(|revision| revision.0)
    }

    fn packages(&self) -> Vec<String> {
        self.inner.packages().map(ToString::to_string).collect()
    }

    fn has_package(&self, name: &str) -> bool {
        PackageName::new(name).is_ok_and(|name| self.inner.contains(&name))
    }

    /// The sections of a package, one after the other.
    fn sections(&self, py: Python<'_>, package: &str) -> PyResult<Sections> {
        let name = package_name(py, package)?;
        Ok(Sections::new(self.package(py, &name)?))
    }

    /// One section, as `sections` hands them out.
    fn section(&self, py: Python<'_>, key: &str) -> PyResult<Option<Entry>> {
        let (name, selector) = section_key(py, key)?;
        if !self.inner.contains(&name) {
            return Ok(None);
        }
        Ok(entry_of(&*self.package(py, &name)?, &selector))
    }

    /// How many options all packages have.
    fn count(&self, py: Python<'_>) -> PyResult<usize> {
        let mut count = 0;
        for name in self.inner.packages() {
            count += self.package(py, name)?.option_count();
        }
        Ok(count)
    }

    /// The value as text, or a list of texts, whatever the schema says.
    fn raw<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        let (parsed, _, _) = option_key(py, key)?;
        let found = py.detach(|| self.inner.get(&parsed)).map_err(|error| from_engine(py, error))?;
        match found {
            Some(value) => raw(py, &value),
            None => Err(error::not_found(py, key, &format!("{key} not found"))),
        }
    }

    /// The value or the schema's default, whether it is the default, the schema's word for the type, and whether it is a secret.
    fn effective<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Effective<'py>> {
        let (parsed, _, _) = option_key(py, key)?;
        let found = py
            .detach(|| self.store.effective(&self.inner, &parsed))
            .map_err(|error| from_engine(py, error))?;
        let value = found.value().map(|value| typed(py, key, found.field(), value)).transpose()?;
        let kind = found.field().map(|field| field.type_name().to_owned());
        Ok((value, found.is_default(), kind, found.field().is_some_and(|field| field.is_secret())))
    }

    /// The text of a package.
    fn text(&self, py: Python<'_>, package: &str) -> PyResult<Vec<u8>> {
        let name = package_name(py, package)?;
        Ok(self.package(py, &name)?.text())
    }

    fn warnings(&self) -> Vec<String> {
        record::warnings(self.inner.warnings())
    }

    /// Checks the named packages, or all, against the schemas.
    #[pyo3(signature = (packages=None))]
    fn validate<'py>(
        &self,
        py: Python<'py>,
        packages: Option<Vec<String>>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let names = packages
            .map(|names| names.iter().map(|name| package_name(py, name)).collect::<PyResult<Vec<_>>>());
        let names = names.transpose()?;
        let found = py
            .detach(|| self.store.validate(&self.inner, names.as_deref()))
            .map_err(|error| from_engine(py, error))?;
        diagnostics_of(py, &found)
    }

    fn __repr__(&self) -> String {
        match self.inner.revision() {
            Some(revision) => format!("<cms._native.Snapshot of revision {revision}>"),
            None => "<cms._native.Snapshot of files>".to_owned(),
        }
    }
}

type Effective<'py> = (Option<Bound<'py, PyAny>>, bool, Option<String>, bool);

/// Name, type, whether it is anonymous, and the options of a section.
pub(crate) type Entry = (String, String, bool, Vec<String>);

pub(crate) fn entry(package: &Package, id: SectionId) -> Option<Entry> {
    let section = package.section(id)?;
    let options = section.options().into_iter().map(|(option, _)| option.to_string()).collect();
    Some((cms::label(package, &section), section.kind().to_owned(), section.is_anonymous(), options))
}

pub(crate) fn entry_of(package: &Package, selector: &Selector) -> Option<Entry> {
    let id = Draft::new(package.clone(), 0).resolve(selector)?;
    entry(package, id)
}

/// Hands out the sections of a package one after the other.
#[pyclass(module = "cms._native")]
pub(crate) struct Sections {
    package: Arc<Package>,
    left: std::vec::IntoIter<SectionId>,
}

impl Sections {
    pub fn new(package: Arc<Package>) -> Sections {
        let ids: Vec<SectionId> = package.sections().map(|section| section.id()).collect();
        Sections { package, left: ids.into_iter() }
    }
}

#[pymethods]
impl Sections {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self) -> Option<Entry> {
        self.left.by_ref().find_map(|id| entry(&self.package, id))
    }

    fn __length_hint__(&self) -> usize {
        self.left.len()
    }
}

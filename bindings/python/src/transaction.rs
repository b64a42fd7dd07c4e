//! Changes that become one commit, or none.

use std::sync::Arc;
use std::time::Duration;

use cms::model::{Draft, Key, Name, Selector, TypeName};
use cms::{Confirm, Isolation, RefusedCommit, TransactionSavepoint};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::{self, from_draft, from_engine};
use crate::record;
use crate::snapshot::{Entry, Sections, Snapshot, entry_of};
use crate::value::{
    field_of, key as parse_key, option_key, package_name, raw, scalar, section_key, to_value, typed,
};

/// A transaction; nothing is left of it once it is committed or rolled back.
#[pyclass(module = "cms._native")]
pub(crate) struct Transaction {
    store: cms::Store,
    inner: Option<cms::Transaction>,
    /// For the schemas.
    base: Snapshot,
    savepoints: Vec<TransactionSavepoint>,
}

impl Transaction {
    pub fn begin(
        py: Python<'_>,
        store: &cms::Store,
        message: &str,
        author: Option<&str>,
        serializable: bool,
        timeout: Option<f64>,
    ) -> PyResult<Transaction> {
        let timeout = timeout.map(duration).transpose()?;
        let begun = py.detach(|| store.transaction()).map_err(|error| from_engine(py, error))?;
        let mut tx = begun.tool("python").message(message);
        if let Some(author) = author {
            tx = tx.author(author);
        }
        if let Some(timeout) = timeout {
            tx = tx.deadline(timeout);
        }
        if serializable {
            tx = tx.isolation(Isolation::Serializable);
        }
        let base = Snapshot::new(py, store.clone(), tx.snapshot().clone());
        Ok(Transaction { store: store.clone(), inner: Some(tx), base, savepoints: Vec::new() })
    }

    fn open(&mut self, py: Python<'_>) -> PyResult<&mut cms::Transaction> {
        self.inner.as_mut().ok_or_else(|| error::plain(py, "TransactionEnded", "the transaction has ended"))
    }

    /// Works on the draft of a package.
    fn edit<T>(
        &mut self,
        py: Python<'_>,
        text: &str,
        key: &Key,
        verb: impl FnOnce(&mut Draft) -> Result<T, cms::model::DraftError>,
    ) -> PyResult<T> {
        let draft = self.open(py)?.draft(&key.package).map_err(|error| from_engine(py, error))?;
        verb(draft).map_err(|error| from_draft(py, text, &error))
    }

    fn find(&mut self, py: Python<'_>, key: &Key) -> PyResult<Option<cms::model::Value>> {
        self.open(py)?.get(key).map_err(|error| from_engine(py, error))
    }
}

/// Reads seconds.
pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{seconds} is no number of seconds to wait")))
}

#[pymethods]
impl Transaction {
    fn value<'py>(&mut self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
        let (key, section, option) = option_key(py, text)?;
        let Some(value) = self.find(py, &key)? else {
            return Err(error::not_found(py, text, &format!("{text} not found")));
        };
        let of_section = Key { package: key.package.clone(), section: Some(section), option: None };
        let kind = self.find(py, &of_section)?;
        let kind = kind.as_ref().and_then(|kind| std::str::from_utf8(kind.as_bytes()?).ok());
        // A package that is new in this transaction has the schemas of its name.
        let schemas = match self.base.inner.contains(&key.package) {
            true => self.base.schemas(py, &key.package)?,
            false => self.store.schemas_of(&key.package, None).map_err(|error| from_engine(py, error))?,
        };
        let field = kind.and_then(|kind| field_of(&schemas, &key.package, kind, &option));
        typed(py, text, field, &value)
    }

    fn raw<'py>(&mut self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
        let (key, _, _) = option_key(py, text)?;
        match self.find(py, &key)? {
            Some(value) => raw(py, &value),
            None => Err(error::not_found(py, text, &format!("{text} not found"))),
        }
    }

    fn contains(&mut self, py: Python<'_>, text: &str) -> PyResult<bool> {
        let Ok(key) = Key::parse(text) else { return Ok(false) };
        if key.option.is_none() {
            return Ok(false);
        }
        Ok(self.find(py, &key)?.is_some())
    }

    fn packages(&mut self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.open(py)?.packages().iter().map(ToString::to_string).collect())
    }

    fn sections(&mut self, py: Python<'_>, package: &str) -> PyResult<Sections> {
        let name = package_name(py, package)?;
        let view = self.open(py)?.view(&name).map_err(|error| from_engine(py, error))?;
        Ok(Sections::new(Arc::new(view.package().clone())))
    }

    fn section(&mut self, py: Python<'_>, key: &str) -> PyResult<Option<Entry>> {
        let (name, selector) = section_key(py, key)?;
        let tx = self.open(py)?;
        if !tx.packages().contains(&name) {
            return Ok(None);
        }
        let view = tx.view(&name).map_err(|error| from_engine(py, error))?;
        let Some(id) = view.resolve(&selector) else { return Ok(None) };
        let mut entry = crate::snapshot::entry(view.package(), id);
        // A section that is new keeps the name that it got here.
        if let (Some(entry), Some(name)) = (&mut entry, view.display_name(id)) {
            entry.0 = name.to_string();
        }
        Ok(entry.or_else(|| entry_of(view.package(), &selector)))
    }

    fn set(&mut self, py: Python<'_>, text: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let (key, section, option) = option_key(py, text)?;
        let value = to_value(text, value)?;
        self.edit(py, text, &key, |draft| draft.set_option(&section, &option, value)).map(drop)
    }

    /// Gives a section another type; makes the section if it is named and not there.
    fn set_type(&mut self, py: Python<'_>, text: &str, kind: &str) -> PyResult<()> {
        let (package, section) = section_key(py, text)?;
        let kind = type_name(py, kind)?;
        let key = Key { package, section: None, option: None };
        self.edit(py, text, &key, |draft| draft.set_type(&section, &kind)).map(drop)
    }

    fn append(&mut self, py: Python<'_>, text: &str, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let (key, section, option) = option_key(py, text)?;
        let item = scalar(text, item)?;
        self.edit(py, text, &key, |draft| draft.add_list(&section, &option, &item)).map(drop)
    }

    fn remove(&mut self, py: Python<'_>, text: &str, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (key, section, option) = option_key(py, text)?;
        let item = scalar(text, item)?;
        let done = self.edit(py, text, &key, |draft| draft.del_list(&section, &option, &item))?;
        Ok(done.changed)
    }

    /// Deletes an option, a section or a package.
    fn delete(&mut self, py: Python<'_>, text: &str) -> PyResult<()> {
        let key = parse_key(py, text)?;
        match (&key.section, &key.option) {
            (Some(section), Some(option)) => {
                self.edit(py, text, &key, |draft| draft.delete_option(section, option)).map(drop)
            }
            (Some(section), None) => {
                self.edit(py, text, &key, |draft| draft.delete_section(section)).map(drop)
            }
            (None, _) => self.open(py)?.delete_package(&key.package).map_err(|error| from_engine(py, error)),
        }
    }

    fn rename(&mut self, py: Python<'_>, text: &str, name: &str) -> PyResult<()> {
        let key = parse_key(py, text)?;
        let name = self::name(py, name)?;
        match (&key.section, &key.option) {
            (Some(section), Some(option)) => {
                self.edit(py, text, &key, |draft| draft.rename_option(section, option, &name)).map(drop)
            }
            (Some(section), None) => {
                self.edit(py, text, &key, |draft| draft.rename_section(section, &name)).map(drop)
            }
            (None, _) => Err(error::plain(
                py,
                "InvalidKey",
                &format!("{text} is a package: only sections and options can be renamed"),
            )),
        }
    }

    fn reorder(&mut self, py: Python<'_>, text: &str, position: i64) -> PyResult<()> {
        let (package, section) = section_key(py, text)?;
        let key = Key { package, section: None, option: None };
        self.edit(py, text, &key, |draft| draft.reorder(&section, position)).map(drop)
    }

    /// Appends a section; answers its key.
    #[pyo3(signature = (package, kind, name, options))]
    fn add(
        &mut self,
        py: Python<'_>,
        package: &str,
        kind: &str,
        name: Option<&str>,
        options: Vec<(String, Bound<'_, PyAny>)>,
    ) -> PyResult<String> {
        let key = Key { package: package_name(py, package)?, section: None, option: None };
        let kind = type_name(py, kind)?;
        let name = name.map(|name| self::name(py, name)).transpose()?;
        if let Some(name) = &name {
            let section = Key { section: Some(Selector::Named(name.clone())), ..key.clone() };
            if self.find(py, &section)?.is_some() {
                let text = section.to_string();
                let message = format!("{text} exists already");
                return Err(error::raise(py, "Exists", &message, |with| with.set_item("key", &text)));
            }
        }
        let mut given = Vec::with_capacity(options.len());
        for (option, value) in options {
            let value = to_value(&format!("{package}.@{kind}.{option}"), &value)?;
            given.push((self::name(py, &option)?, value));
        }
        self.edit(py, package, &key, |draft| {
            let id = draft.add_section(&kind, name, given)?;
            let name = draft.display_name(id).map(|name| name.to_string()).unwrap_or_default();
            if draft.package().section(id).is_some_and(|section| section.is_anonymous())
                && let Ok(name) = Name::new(&name)
            {
                // Whoever was told the name may use it until the end, wherever the section stands then.
                draft.pin(id, &name);
            }
            Ok(format!("{package}.{name}"))
        })
    }

    fn create_package(&mut self, py: Python<'_>, package: &str) -> PyResult<()> {
        let name = package_name(py, package)?;
        self.open(py)?.create_package(&name).map(drop).map_err(|error| from_engine(py, error))
    }

    fn replace(&mut self, py: Python<'_>, package: &str, text: &[u8]) -> PyResult<()> {
        let name = package_name(py, package)?;
        self.open(py)?.replace_text(&name, text).map_err(|error| from_engine(py, error))
    }

    fn require(&mut self, py: Python<'_>, text: &str) -> PyResult<()> {
        let key = parse_key(py, text)?;
        self.open(py)?.require(&key).map_err(|error| from_engine(py, error))
    }

    fn changes<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<record::Change<'py>>> {
        let changes = self.open(py)?.changes();
        record::changes(py, &changes)
    }

    /// Marks the changes so far; answers the mark's number.
    fn savepoint(&mut self, py: Python<'_>) -> PyResult<usize> {
        let savepoint = self.open(py)?.savepoint();
        self.savepoints.push(savepoint);
        Ok(self.savepoints.len() - 1)
    }

    fn rollback_to(&mut self, py: Python<'_>, mark: usize) -> PyResult<()> {
        let savepoint = self.savepoints.get(mark).copied();
        let savepoint =
            savepoint.ok_or_else(|| error::plain(py, "NotFound", &format!("savepoint {mark} not found")))?;
        self.open(py)?.rollback_to(savepoint).map_err(|error| from_engine(py, error))
    }

    fn release(&mut self, py: Python<'_>, mark: usize) -> PyResult<()> {
        if let Some(savepoint) = self.savepoints.get(mark).copied() {
            self.open(py)?.release(savepoint);
        }
        Ok(())
    }

    /// Commits. A transaction that is refused goes on.
    #[pyo3(signature = (*, message, confirm, probe, volatile))]
    fn commit<'py>(
        &mut self,
        py: Python<'py>,
        message: Option<&str>,
        confirm: Option<f64>,
        probe: Option<String>,
        volatile: bool,
    ) -> PyResult<record::Commit<'py>> {
        let window = confirm.map(duration).transpose()?;
        self.open(py)?;
        let Some(mut tx) = self.inner.take() else {
            return Err(error::plain(py, "TransactionEnded", "the transaction has ended"));
        };
        if let Some(message) = message {
            tx = tx.message(message);
        }
        tx = tx.confirm(window.map(|window| Confirm { probe, volatile, ..Confirm::within(window) }));
        match py.detach(|| tx.try_commit()) {
            Ok(done) => record::commit(py, &self.store, &done),
            Err(refused) => {
                let RefusedCommit { error, transaction } = *refused;
                self.inner = transaction;
                Err(from_engine(py, error))
            }
        }
    }

    fn rollback(&mut self) {
        self.inner = None;
    }

    #[getter]
    fn is_open(&self) -> bool {
        self.inner.is_some()
    }

    #[getter]
    fn base_revision(&self) -> Option<u64> {
        self.base.inner.revision().map(|revision| revision.0)
    }
}

fn name(py: Python<'_>, text: &str) -> PyResult<Name> {
    Name::new(text).map_err(|error| error::plain(py, "InvalidKey", &format!("`{text}` is no name: {error}")))
}

fn type_name(py: Python<'_>, text: &str) -> PyResult<TypeName> {
    TypeName::new(text).map_err(|error| {
        error::plain(py, "InvalidKey", &format!("`{text}` is no type of a section: {error}"))
    })
}

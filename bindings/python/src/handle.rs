//! Keys that are read again and again.

use std::sync::Arc;

use cms::FromValue;
use cms::model::schema::Schemas;
use cms::model::{Key, Name, PackageName, Value};
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyType};

use crate::error::{self, from_engine};
use crate::snapshot::{Snapshot, handed_out};
use crate::value::{field_of, option_key, raw, text, typed};

/// The value as it is.
struct Whole(Value);

impl FromValue for Whole {
    const NAME: &'static str = "value";

    fn from_value(value: &Value) -> Option<Whole> {
        Some(Whole(value.clone()))
    }
}

/// A key that is bound to a store.
#[pyclass(frozen, generic, module = "cms._native", name = "Handle")]
pub(crate) struct Handle {
    key: String,
    form: Form,
    inner: Mutex<Inner>,
}

struct Inner {
    bound: cms::Bound<Whole>,
    /// What Python was handed last; nothing if it has to be made.
    kept: Option<Py<PyAny>>,
    has_moved: bool,
    /// How often the value moved.
    moves: u64,
}

/// What a look found: what Python was handed last, or a new value with the count of its moves.
enum Look<'py> {
    Kept(Bound<'py, PyAny>),
    New(Option<Value>, u64),
}

impl Inner {
    /// Notices whether the value moved.
    #[inline]
    fn look(&mut self) -> cms::Result<()> {
        if self.bound.changed()? {
            self.has_moved = true;
            self.moves += 1;
            self.kept = None;
        }
        Ok(())
    }
}

/// What Python is handed.
enum Form {
    Schema { schemas: Arc<Schemas>, package: PackageName, kind: String, option: Name },
    Text,
    Int,
    Float,
    Bool,
    List,
}

impl Handle {
    pub fn new(
        py: Python<'_>,
        store: &cms::Store,
        snapshot: &Snapshot,
        name: &str,
        kind: &str,
    ) -> PyResult<Handle> {
        let (key, section, option) = option_key(py, name)?;
        let bound = py.detach(|| store.bind::<Whole>(&key)).map_err(|error| from_engine(py, error))?;
        let form = match kind {
            "str" => Form::Text,
            "int" => Form::Int,
            "float" => Form::Float,
            "bool" => Form::Bool,
            "list" => Form::List,
            "" => {
                let of_section = Key { package: key.package.clone(), section: Some(section), option: None };
                let kind = snapshot.inner.get(&of_section).map_err(|error| from_engine(py, error))?;
                let kind = kind.as_ref().and_then(Value::as_bytes).unwrap_or_default();
                Form::Schema {
                    schemas: snapshot.schemas(py, &key.package)?,
                    kind: String::from_utf8_lossy(kind).into_owned(),
                    package: key.package,
                    option,
                }
            }
            other => {
                let message = format!("a handle reads str, int, float, bool or list, not {other}");
                return Err(PyValueError::new_err(message));
            }
        };
        let inner = Inner { bound, kept: None, has_moved: false, moves: 0 };
        Ok(Handle { key: name.to_owned(), form, inner: Mutex::new(inner) })
    }

    fn make<'py>(&self, py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
        let parsed = match &self.form {
            Form::Schema { schemas, package, kind, option } => {
                return typed(py, &self.key, field_of(schemas, package, kind, option), value);
            }
            Form::List => {
                let list = PyList::empty(py);
                for item in value.items() {
                    list.append(text(py, item)?)?;
                }
                Some(list.into_any())
            }
            Form::Text => match value.as_bytes() {
                Some(bytes) => Some(text(py, bytes)?),
                None => None,
            },
            Form::Int => match i64::from_value(value) {
                Some(number) => Some(number.into_pyobject(py)?.into_any()),
                None => None,
            },
            Form::Float => f64::from_value(value).map(|number| PyFloat::new(py, number).into_any()),
            Form::Bool => bool::from_value(value).map(|is| PyBool::new(py, is).to_owned().into_any()),
        };
        parsed.ok_or_else(|| {
            let shown = raw(py, value).and_then(|value| value.repr()).map(|text| text.to_string());
            let message = format!("{}: {} is no {}", self.key, shown.unwrap_or_default(), self.form.name());
            error::raise(py, "ValidationError", &message, |with: &Bound<'_, PyDict>| {
                with.set_item("key", &self.key)
            })
        })
    }
}

impl Form {
    fn name(&self) -> &'static str {
        match self {
            Form::Schema { .. } => "value",
            Form::Text => "str",
            Form::Int => "int",
            Form::Float => "float",
            Form::Bool => "bool",
            Form::List => "list",
        }
    }

    /// The type that Python knows it by.
    fn of<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyType>> {
        Some(match self {
            Form::Schema { .. } => return None,
            Form::Text => py.get_type::<PyString>(),
            Form::Int => py.get_type::<PyInt>(),
            Form::Float => py.get_type::<PyFloat>(),
            Form::Bool => py.get_type::<PyBool>(),
            Form::List => py.get_type::<PyList>(),
        })
    }
}

#[pymethods]
impl Handle {
    /// The value now; `None` if there is no such option.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let look = || {
            let mut inner = self.inner.lock();
            let inner = &mut *inner;
            inner.look()?;
            Ok(match &inner.kept {
                Some(kept) => Look::Kept(kept.bind(py).clone()),
                None => Look::New(inner.bound.get()?.map(|Whole(value)| value.clone()), inner.moves),
            })
        };
        // What Python is handed is made without the lock: that may collect garbage, and so run anybody's code.
        match look().map_err(|error| from_engine(py, error))? {
            Look::Kept(kept) => handed_out(kept),
            Look::New(value, moves) => {
                let made = match value {
                    Some(value) => self.make(py, &value)?,
                    None => py.None().into_bound(py),
                };
                let mut inner = self.inner.lock();
                if inner.moves == moves {
                    inner.kept = Some(made.clone().unbind());
                }
                drop(inner);
                handed_out(made)
            }
        }
    }

    /// Whether the value may have moved since this was last asked.
    fn changed(&self, py: Python<'_>) -> PyResult<bool> {
        let look = || {
            let mut inner = self.inner.lock();
            inner.look()?;
            Ok(std::mem::take(&mut inner.has_moved))
        };
        look().map_err(|error| from_engine(py, error))
    }

    #[getter]
    fn key(&self) -> &str {
        &self.key
    }

    #[getter]
    fn r#type<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyType>> {
        self.form.of(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.value(py).and_then(|value| value.repr()) {
            Ok(value) => format!("<cms.Handle {} = {value}>", self.key),
            Err(error) => format!("<cms.Handle {}: {}>", self.key, error.value(py)),
        }
    }
}

//! Values between the two languages. Bytes that are no UTF-8 travel as `os.fsdecode` would have them.

use cms::model::schema::{Field, Schemas, Typed};
use cms::model::{Key, Name, PackageName, Selector, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDelta, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::error;

/// Makes a `str` of bytes.
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => PyBytes::new(py, bytes).call_method1("decode", ("utf-8", "surrogateescape")),
    }
}

/// Makes a `str` or a list of them.
pub(crate) fn raw<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Scalar(bytes) => text(py, bytes),
        Value::List(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(text(py, item)?)?;
            }
            Ok(list.into_any())
        }
    }
}

/// Makes what the schema says that the value is; text where no schema knows it.
pub(crate) fn typed<'py>(
    py: Python<'py>,
    key: &str,
    field: Option<&Field>,
    value: &Value,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(field) = field else { return raw(py, value) };
    match field.typed(value) {
        Ok(value) => of_type(py, value),
        Err(item) => {
            let shown = match field.is_secret() {
                true => "the value".to_owned(),
                false => format!("`{}`", String::from_utf8_lossy(&item)),
            };
            let message = format!("{key}: {shown} is no {}; raw() reads it as it is", field.type_name());
            Err(error::raise(py, "ValidationError", &message, |with| with.set_item("key", key)))
        }
    }
}

fn of_type<'py>(py: Python<'py>, value: Typed) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Typed::Text(bytes) => text(py, &bytes)?,
        Typed::Bool(value) => PyBool::new(py, value).to_owned().into_any(),
        Typed::Int(value) => value.into_pyobject(py)?.into_any(),
        Typed::Float(value) => PyFloat::new(py, value).into_any(),
        Typed::Duration(value) => value.into_pyobject(py)?.into_any(),
        Typed::Size(value) => value.into_pyobject(py)?.into_any(),
        Typed::List(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(of_type(py, item)?)?;
            }
            list.into_any()
        }
        other => {
            let message = format!("this version of the package cannot show {other:?}");
            return Err(PyTypeError::new_err(message));
        }
    })
}

/// Finds what the schemas say of an option.
pub(crate) fn field_of<'a>(
    schemas: &'a Schemas,
    package: &'a PackageName,
    kind: &str,
    option: &Name,
) -> Option<&'a Field> {
    schemas.field(package.as_str(), kind, option.as_str())
}

/// Reads what a program wants to set. A list of nothing and an empty text are refused: text cannot express them.
pub(crate) fn to_value(key: &str, source: &Bound<'_, PyAny>) -> PyResult<Value> {
    let items = if let Ok(list) = source.cast::<PyList>() {
        Some(list.iter().map(|item| scalar(key, &item)).collect::<PyResult<Vec<_>>>()?)
    } else if let Ok(tuple) = source.cast::<PyTuple>() {
        Some(tuple.iter().map(|item| scalar(key, &item)).collect::<PyResult<Vec<_>>>()?)
    } else {
        None
    };
    let (is_empty, value) = match items {
        Some(items) => (items.is_empty(), Value::List(items)),
        None => {
            let bytes = scalar(key, source)?;
            (bytes.is_empty(), Value::Scalar(bytes))
        }
    };
    if is_empty {
        let message = format!("{key}: an empty value cannot be written; delete the option instead");
        return Err(error::raise(source.py(), "InvalidValue", &message, |with| with.set_item("key", key)));
    }
    Ok(value)
}

/// Reads one text, number or truth value.
pub(crate) fn scalar(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = value.cast::<PyString>() {
        return match text.to_str() {
            Ok(text) => Ok(text.as_bytes().to_vec()),
            Err(_) => text.call_method1("encode", ("utf-8", "surrogateescape"))?.extract(),
        };
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(if value.is_true() { b"1".to_vec() } else { b"0".to_vec() });
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if value.cast::<PyInt>().is_ok() || value.cast::<PyFloat>().is_ok() {
        return Ok(value.str()?.to_str()?.as_bytes().to_vec());
    }
    if value.cast::<PyDelta>().is_ok() {
        let seconds: f64 = value.call_method0("total_seconds")?.extract()?;
        return Ok(format!("{}ms", (seconds * 1000.0).round()).into_bytes());
    }
    let module: String = value.get_type().getattr("__module__")?.extract()?;
    if module == "ipaddress" {
        return Ok(value.str()?.to_str()?.as_bytes().to_vec());
    }
    let name = value.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{key}: a value is str, int, float, bool, bytes, timedelta, an address of ipaddress, or a list of these, not {name}"
    )))
}

/// Reads a key.
pub(crate) fn key(py: Python<'_>, text: &str) -> PyResult<Key> {
    Key::parse(text).map_err(|error| error::from_key(py, &error))
}

/// Reads a key that names an option.
pub(crate) fn option_key(py: Python<'_>, text: &str) -> PyResult<(Key, Selector, Name)> {
    let key = key(py, text)?;
    match (key.section.clone(), key.option.clone()) {
        (Some(section), Some(option)) => Ok((key, section, option)),
        _ => Err(error::plain(
            py,
            "InvalidKey",
            &format!("{text} names no option: a key of an option is PACKAGE.SECTION.OPTION"),
        )),
    }
}

/// Reads a key that names a section.
pub(crate) fn section_key(py: Python<'_>, text: &str) -> PyResult<(PackageName, Selector)> {
    let key = key(py, text)?;
    match (key.section, key.option) {
        (Some(section), None) => Ok((key.package, section)),
        _ => Err(error::plain(
            py,
            "InvalidKey",
            &format!("{text} names no section: a key of a section is PACKAGE.SECTION"),
        )),
    }
}

/// Reads the name of a package.
pub(crate) fn package_name(py: Python<'_>, text: &str) -> PyResult<PackageName> {
    let key = key(py, text)?;
    match key.section {
        None => Ok(key.package),
        Some(_) => Err(error::plain(py, "InvalidKey", &format!("{text} is no name of a package"))),
    }
}

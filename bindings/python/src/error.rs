//! Errors of the engine as exceptions: which class, what message, which attributes.

use std::error::Error as _;

use cms::model::{Diagnostic, DraftError, KeyError, Severity};
use cms::{Error, PatternError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::value::text;

/// Makes an exception of a class of `cms._errors`.
pub(crate) fn raise(
    py: Python<'_>,
    class: &str,
    message: &str,
    attributes: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let make = || {
        let keywords = PyDict::new(py);
        attributes(&keywords)?;
        py.import("cms._errors")?.getattr(class)?.call((message,), Some(&keywords))
    };
    match make() {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Makes an exception that has nothing but a message.
pub(crate) fn plain(py: Python<'_>, class: &str, message: &str) -> PyErr {
    raise(py, class, message, |_| Ok(()))
}

/// Says that there is nothing at a key.
pub(crate) fn not_found(py: Python<'_>, key: &str, message: &str) -> PyErr {
    raise(py, "NotFound", message, |with| with.set_item("key", key))
}

/// Turns an error of the engine into the exception that Python programs catch.
pub(crate) fn from_engine(py: Python<'_>, error: Error) -> PyErr {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    match &error {
        Error::Conflict { keys, revision, author } => raise(py, "Conflict", &message, |with| {
            with.set_item("keys", keys)?;
            with.set_item("revision", revision.0)?;
            with.set_item("author", author)
        }),
        Error::NotFound { key } => not_found(py, key, &message),
        Error::Exists { key } => raise(py, "Exists", &message, |with| with.set_item("key", key)),
        Error::Invalid { key, .. } => raise(py, "InvalidValue", &message, |with| with.set_item("key", key)),
        Error::Refused { diagnostics } => raise(py, "ValidationError", &message, |with| {
            with.set_item("diagnostics", diagnostics_of(py, diagnostics)?)
        }),
        Error::Unparsable { diagnostics, .. } => raise(py, "ParseError", &message, |with| {
            with.set_item("diagnostics", diagnostics_of(py, diagnostics)?)
        }),
        Error::FilesPending { revision, .. } => {
            raise(py, "FilesPending", &message, |with| with.set_item("revision", revision.0))
        }
        Error::Expired { .. } => plain(py, "Expired", &message),
        Error::NotPending { .. } => plain(py, "NotPending", &message),
        Error::SeveralPending { tokens } => {
            raise(py, "SeveralPending", &message, |with| with.set_item("tokens", tokens))
        }
        Error::Settled(_) => plain(py, "AlreadySettled", &message),
        _ if error.is_conflict() => plain(py, "Conflict", &message),
        _ if error.is_permission() => plain(py, "PermissionDenied", &message),
        _ if error.is_not_found() => plain(py, "NotFound", &message),
        _ => plain(py, "StorageError", &message),
    }
}

/// Turns the refusal of a verb into an exception.
pub(crate) fn from_draft(py: Python<'_>, key: &str, error: &DraftError) -> PyErr {
    let message = format!("{key}: {error}");
    match error.is_not_found() {
        true => not_found(py, key, &message),
        false => raise(py, "InvalidValue", &message, |with| with.set_item("key", key)),
    }
}

/// Says what is wrong with a key.
pub(crate) fn from_key(py: Python<'_>, error: &KeyError) -> PyErr {
    let message = match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    };
    plain(py, "InvalidKey", &message)
}

/// Says what is wrong with a pattern.
pub(crate) fn from_pattern(py: Python<'_>, error: &PatternError) -> PyErr {
    plain(py, "InvalidKey", &error.to_string())
}

/// Turns findings into what `cms._errors` makes a `Diagnostic` of.
pub(crate) fn diagnostics_of<'py>(
    py: Python<'py>,
    diagnostics: &[Diagnostic],
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let one = |found: &Diagnostic| {
        let with = PyDict::new(py);
        with.set_item("code", found.code)?;
        with.set_item("is_error", found.severity == Severity::Error)?;
        with.set_item("message", &found.message)?;
        with.set_item("file", found.file.as_deref())?;
        with.set_item("line", found.line)?;
        with.set_item("column", found.column)?;
        with.set_item("hint", found.hint.as_deref())?;
        let detail = found.detail.as_deref();
        with.set_item("key", detail.map(|detail| detail.key.as_str()))?;
        with.set_item("rule", detail.and_then(|detail| detail.rule.as_deref()))?;
        with.set_item("allowed", detail.and_then(|detail| detail.allowed.as_deref()))?;
        let value = detail.and_then(|detail| detail.value.as_deref());
        with.set_item("value", value.map(|value| text(py, value)).transpose()?)?;
        Ok(with)
    };
    diagnostics.iter().map(one).collect()
}

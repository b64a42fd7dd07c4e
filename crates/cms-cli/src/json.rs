//! What `--json` prints: one object, whose first member names its shape and version.
//!
//! The shapes are specified in `docs/json.md`.

use std::fmt;

use cms::model::Value as UciValue;
use serde_json::{Map, Value, json};

use crate::base64;

/// An answer for programs.
#[derive(Debug)]
pub(crate) struct Json(Value);

impl Json {
    /// `{"schema": "cms.VERB.v1", …}`.
    pub(crate) fn answer(verb: &str, members: Value) -> Json {
        let mut object = Map::new();
        object.insert("schema".to_owned(), Value::String(format!("cms.{verb}.v1")));
        if let Value::Object(members) = members {
            object.extend(members);
        }
        Json(Value::Object(object))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes as a string, or where they are no UTF-8 as `{"base64": "…"}`.
pub(crate) fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({ "base64": base64::encode(bytes) }),
    }
}

/// A value as a string or an array of strings.
pub(crate) fn value(value: &UciValue) -> Value {
    match value {
        UciValue::Scalar(scalar) => bytes(scalar),
        UciValue::List(items) => Value::Array(items.iter().map(|item| bytes(item)).collect()),
    }
}

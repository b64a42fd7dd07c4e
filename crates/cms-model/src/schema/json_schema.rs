//! Schemas as JSON Schema 2020-12, and back: docs/schema.md says what becomes of what.
//!
//! The document describes a package as an object: types of sections, in each the sections by name (anonymous ones as an array),
//! in each the options. Values of options are texts in UCI, so a number or truth value may be given as a text as well.

mod condition;
mod export;
mod import;
mod left_out;

pub use import::{Imported, from_json_schema};
pub use left_out::{LeftOut, LeftOutReason};

use super::json::Json;
use super::plain::{self, Measure, Plain};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Where things stand that JSON Schema has no words for.
const BEYOND: &str = "x-cms";

/// Types whose members say all of them; every other one is named beside them.
const SAID: [&str; 5] = ["string", "int", "uint", "float", "bool"];

/// What JSON Schema can say of a plain type.
fn type_members(plain: Option<&Plain>) -> Vec<(String, Json)> {
    let either = |json: &str| Json::List(vec![Json::text(json), Json::text("string")]);
    let Some(plain) = plain else { return vec![("type".to_owned(), Json::text("string"))] };
    let kind = match (plain.json, plain.measure) {
        (plain::Json::Boolean, _) => either("boolean"),
        _ if plain.names[0] == "leasetime" => Json::text("string"),
        (_, Measure::Number) => either("integer"),
        (_, Measure::Float) => either("number"),
        _ => Json::text("string"),
    };
    let mut members = vec![("type".to_owned(), kind)];
    let mut add = |name: &str, value| members.push((name.to_owned(), value));
    match plain.json {
        plain::Json::Unsigned => {
            add("minimum", Json::number(0));
            match plain.names[0] {
                "port" => add("maximum", Json::number(65535)),
                "prefix4" => add("maximum", Json::number(32)),
                "prefix6" => add("maximum", Json::number(128)),
                _ => {}
            }
        }
        plain::Json::Format(format) => add("format", Json::text(format)),
        plain::Json::Pattern(pattern) => add("pattern", Json::text(pattern)),
        _ => {}
    }
    members
}

/// A member of an object that there is.
fn some(name: &str, value: Option<Json>) -> Option<(String, Json)> {
    value.map(|value| (name.to_owned(), value))
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Json> {
    let texts: Vec<Json> = texts.map(Json::text).collect();
    (!texts.is_empty()).then_some(Json::List(texts))
}

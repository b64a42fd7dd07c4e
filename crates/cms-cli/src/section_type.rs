//! What a schema says of the sections of a type: in the cells of a table, and for programs.

use cms::model::schema::{Mode, Module, Naming, SectionType, Unknown};
use serde_json::{Value as JsonValue, json};

use crate::field;
use crate::text::text;

/// The titles of the cells.
pub(crate) fn titles() -> Vec<String> {
    ["title-type", "title-names", "title-count", "title-options", "title-description"].map(text).to_vec()
}

/// A row of a table: type, whether they have names, how many, how many options, and what they are about.
pub(crate) fn cells(module: &Module, shape: &SectionType) -> Vec<String> {
    let (least, most) = shape.count();
    let count = if least == 0 && most.is_none() { String::new() } else { field::range(least, most) };
    vec![
        kind(shape).to_owned(),
        match shape.naming() {
            Naming::Any => String::new(),
            Naming::Named => text("names-all"),
            Naming::Anonymous => text("names-none"),
        },
        count,
        module.fields_of(shape).count().to_string(),
        shape.description().unwrap_or_default().to_owned(),
    ]
}

/// All that a schema says of a type, as in `docs/json.md`.
pub(crate) fn to_json(shape: &SectionType, fields: Vec<JsonValue>) -> JsonValue {
    let (least, most) = shape.count();
    json!({
        "type": kind(shape),
        "naming": match shape.naming() {
            Naming::Any => "any",
            Naming::Named => "named",
            Naming::Anonymous => "anonymous",
        },
        "min": least,
        "max": most,
        "unknown": unknown_word(shape.unknown()),
        "description": shape.description(),
        "reload": shape.reload().collect::<Vec<_>>(),
        "fields": fields,
    })
}

/// The types that a module speaks of; those of which it only speaks in general are one, `*`.
pub(crate) fn of(module: &Module) -> impl Iterator<Item = &SectionType> {
    let general = module.undeclared().filter(|shape| module.fields_of(shape).next().is_some());
    module.section_types().chain(general)
}

/// The type as the schema writes it.
pub(crate) fn kind(shape: &SectionType) -> &str {
    if shape.kind().is_empty() { "*" } else { shape.kind() }
}

pub(crate) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Warn => "warn",
        Mode::Enforce => "enforce",
    }
}

pub(crate) fn unknown_word(unknown: Unknown) -> &'static str {
    match unknown {
        Unknown::Allow => "allow",
        Unknown::Warn => "warn",
        Unknown::Refuse => "error",
    }
}

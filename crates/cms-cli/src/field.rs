//! What a schema says of an option: in the cells of a table, in lines, and for programs.

use cms::model::Value;
use cms::model::schema::{Access, Field};
use serde_json::{Value as JsonValue, json};

use crate::json;
use crate::table;
use crate::text::{msg, text};

/// No cell of a table is wider: a rule may list a hundred names.
const WIDTH: usize = 60;

/// The titles of the cells.
pub(crate) fn titles() -> Vec<String> {
    ["title-option", "title-type", "title-rules", "title-default", "title-description"].map(text).to_vec()
}

/// A row of a table: name, type, rules, default, and what it is about.
pub(crate) fn cells(field: &Field) -> Vec<String> {
    let marks = marks(field).into_iter().chain(field.description().map(str::to_owned));
    vec![
        field.name().to_owned(),
        type_words(field),
        bounded(&rules(field)),
        default_words(field).map(|words| bounded(&words)).unwrap_or_default(),
        marks.collect::<Vec<_>>().join("; "),
    ]
}

/// Everything that there is to say, each with the text of its label.
pub(crate) fn lines(field: &Field) -> Vec<(String, String)> {
    let joined = |words: Vec<String>| (!words.is_empty()).then(|| words.join(", "));
    let strings = |words: &mut dyn Iterator<Item = &str>| joined(words.map(str::to_owned).collect());
    let conditions = field.required_if().iter().map(ToString::to_string).collect();
    // Choices that a rule lists are in the rules already.
    let is_listed = field.rules().any(|rule| rule.starts_with("in:") || rule.starts_with("in("));
    let choices = field.choices().map(|choice| String::from_utf8_lossy(choice).into_owned());
    let lines = [
        ("title-type", Some(type_words(field))),
        ("title-rules", Some(rules(field)).filter(|rules| !rules.is_empty())),
        ("label-choices", if is_listed { None } else { joined(choices.collect()) }),
        ("label-items", items(field)),
        ("label-unit", field.unit().map(str::to_owned)),
        ("title-default", default_words(field)),
        ("label-special", joined(marks(field))),
        ("label-required-if", joined(conditions)),
        ("label-excludes", strings(&mut field.excludes())),
        ("label-refers-to", field.reference().map(ToString::to_string)),
        ("label-reload", strings(&mut field.reload())),
        (
            "label-deprecated",
            field.deprecation().and_then(|deprecation| deprecation.reason.as_deref().map(str::to_owned)),
        ),
        ("title-description", field.description().map(str::to_owned)),
    ];
    lines.into_iter().filter_map(|(label, words)| Some((text(label), words?))).collect()
}

/// All that a schema says of an option, as in `docs/json.md`.
pub(crate) fn to_json(field: &Field) -> JsonValue {
    let strings = |words: &mut dyn Iterator<Item = &str>| words.map(str::to_owned).collect::<Vec<_>>();
    let deprecation = field.deprecation();
    let most = field.item_count().map(|(_, most)| most).filter(|most| *most < u64::MAX);
    json!({
        "name": field.name(),
        "type": field.type_name(),
        "list": field.is_list(),
        "words": field.has_words(),
        "min_items": field.item_count().map(|(least, _)| least),
        "max_items": most,
        "rules": strings(&mut field.rules()),
        "required": field.is_required(),
        "required_if": field.required_if().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "excludes": strings(&mut field.excludes()),
        "default": shown_default(field).map(json::value),
        "choices": field.choices().map(json::bytes).collect::<Vec<_>>(),
        "unit": field.unit(),
        "reference": field.reference().map(ToString::to_string),
        "unique": field.is_unique(),
        "distinct": field.is_distinct(),
        "secret": field.is_secret(),
        "deprecated": deprecation.is_some(),
        "deprecation_reason": deprecation.and_then(|deprecation| deprecation.reason.as_deref()),
        "replaced_by": deprecation.and_then(|deprecation| deprecation.replacement.as_deref()),
        "access": access(field),
        "reload": strings(&mut field.reload()),
        "description": field.description(),
    })
}

fn type_words(field: &Field) -> String {
    let name = field.type_name();
    match (field.has_words(), field.is_list()) {
        (true, _) => msg!("type-words", name = name).to_string(),
        (false, true) => msg!("type-list", name = name).to_string(),
        (false, false) => name.to_owned(),
    }
}

/// The rules, but for one that only says the type again.
fn rules(field: &Field) -> String {
    let rules: Vec<&str> = field.rules().filter(|rule| *rule != field.type_name()).collect();
    rules.join("|")
}

/// The default, unless it is a secret.
fn shown_default(field: &Field) -> Option<&Value> {
    field.default_value().filter(|_| !field.is_secret())
}

fn default_words(field: &Field) -> Option<String> {
    let items = shown_default(field)?.items();
    Some(items.iter().map(|item| table::cell(item)).collect::<Vec<_>>().join(" "))
}

fn items(field: &Field) -> Option<String> {
    let (least, most) = field.item_count()?;
    Some(range(least, (most < u64::MAX).then_some(most)))
}

/// `2 - 5`, `2 -` or `2`.
pub(crate) fn range(least: u64, most: Option<u64>) -> String {
    match most {
        Some(most) if most == least => least.to_string(),
        Some(most) => format!("{least} - {most}"),
        None => format!("{least} -"),
    }
}

/// What is special about it.
fn marks(field: &Field) -> Vec<String> {
    let mut marks = Vec::new();
    for (holds, label) in [
        (field.is_required(), "field-required"),
        (field.is_unique(), "field-unique"),
        (field.is_distinct(), "field-distinct"),
        (field.is_secret(), "field-secret"),
        (field.access() == Access::ReadOnly, "field-read-only"),
        (field.access() == Access::WriteOnce, "field-write-once"),
    ] {
        if holds {
            marks.push(text(label));
        }
    }
    match field.deprecation().map(|deprecation| deprecation.replacement.as_deref()) {
        Some(Some(name)) => marks.push(msg!("field-replaced", name = name).to_string()),
        Some(None) => marks.push(text("field-deprecated")),
        None => {}
    }
    marks
}

fn access(field: &Field) -> &'static str {
    match field.access() {
        Access::ReadWrite => "read-write",
        Access::ReadOnly => "read-only",
        Access::WriteOnce => "write-once",
    }
}

fn bounded(words: &str) -> String {
    match words.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words.to_owned(),
    }
}

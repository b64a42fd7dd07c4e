//! When options are required, and which exclude each other: `dependentRequired`, `if` and `not`, both ways.

use super::super::field::{Condition, Field};
use super::super::json::Json;
use super::left_out::LeftOutReason;

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn required<'a>(names: impl IntoIterator<Item = &'a str>) -> (&'static str, Json) {
    ("required", Json::List(names.into_iter().map(Json::text).collect()))
}

/// Says of a section what its fields say of each other. A field whose name ends with `*` is many options, of which JSON Schema
/// cannot speak like this.
pub(super) fn write<'a>(fields: impl Iterator<Item = &'a Field>) -> Vec<(String, Json)> {
    let mut beside: Vec<(String, Vec<Json>)> = Vec::new();
    let mut all = Vec::new();
    for field in fields.filter(|field| !field.name().ends_with('*')) {
        let name = field.name();
        for condition in field.required_if() {
            let has = |option: &str, value: &[u8]| {
                let value = object(vec![("const", Json::text(String::from_utf8_lossy(value)))]);
                object(vec![("properties", object(vec![(option, value)])), required([option])])
            };
            let holds = match condition {
                Condition::Present(option) => {
                    let of = match beside.iter().position(|(known, _)| **known == **option) {
                        Some(place) => place,
                        None => {
                            beside.push((option.to_string(), Vec::new()));
                            beside.len() - 1
                        }
                    };
                    beside[of].1.push(Json::text(name));
                    continue;
                }
                Condition::Equal(option, value) => has(option, value),
                Condition::Different(option, value) => object(vec![("not", has(option, value))]),
            };
            all.push(object(vec![("if", holds), ("then", object(vec![required([name])]))]));
        }
        for other in field.excludes() {
            all.push(object(vec![("not", object(vec![required([name, other])]))]));
        }
    }
    let mut members = Vec::new();
    if !beside.is_empty() {
        let beside = beside.into_iter().map(|(name, names)| (name, Json::List(names))).collect();
        members.push(("dependentRequired".to_owned(), Json::Object(beside)));
    }
    if !all.is_empty() {
        members.push(("allOf".to_owned(), Json::List(all)));
    }
    members
}

/// What options of a section say of each other, in the words of a schema.
#[derive(Default)]
pub(super) struct Conditions {
    /// An option, and a condition under which it is required.
    pub(super) required_if: Vec<(String, String)>,
    /// Two options that exclude each other.
    pub(super) excludes: Vec<(String, String)>,
    /// What cannot be said, and where below the section.
    pub(super) left_out: Vec<(String, LeftOutReason)>,
}

/// Reads what a section says of its options together.
pub(super) fn read(section: &Json) -> Conditions {
    let mut found = Conditions::default();
    for (option, names) in section.get("dependentRequired").map(Json::members).unwrap_or_default() {
        for name in names.items().iter().filter_map(Json::as_text) {
            found.required(section, name, option, "/dependentRequired");
        }
    }
    found.statement(section, section, "");
    for (number, part) in section.get("allOf").map(Json::items).unwrap_or_default().iter().enumerate() {
        let place = format!("/allOf/{number}");
        for (keyword, _) in part.members() {
            if !["if", "then", "else", "not", "$comment", "description"].contains(&keyword.as_str()) {
                found.left_out.push((place.clone(), LeftOutReason::Keyword(keyword.clone())));
            }
        }
        found.statement(section, part, &place);
    }
    found
}

/// An `if` in the words of a schema: the conditions of which one has to hold, and those of its contrary if a schema can say that.
struct Meaning {
    holds: Vec<String>,
    contrary: Option<Vec<String>>,
    /// An option without which it holds as well.
    absent: Option<String>,
}

impl Conditions {
    /// Reads `if` with `then` and `else`, or a `not` that excludes.
    fn statement(&mut self, section: &Json, part: &Json, place: &str) {
        if let Some(not) = part.get("not") {
            let names: Vec<&str> = names(not.get("required"));
            match (names.as_slice(), not.members().len()) {
                ([one, other], 1) if is_described(section, one) && is_described(section, other) => {
                    self.excludes.push(((*one).to_owned(), (*other).to_owned()));
                }
                _ => self.left_out.push((place.to_owned(), LeftOutReason::Keyword("not".to_owned()))),
            }
        }
        let Some(condition) = part.get("if") else { return };
        let meaning = meaning(condition, 0);
        for (keyword, is_contrary) in [("then", false), ("else", true)] {
            let Some(branch) = part.get(keyword) else { continue };
            let place = format!("{place}/{keyword}");
            for (other, _) in branch.members().iter().filter(|(other, _)| other != "required") {
                self.left_out.push((place.clone(), LeftOutReason::Keyword(other.clone())));
            }
            let conditions = match (&meaning, is_contrary) {
                (Some(meaning), false) => Some(&meaning.holds),
                (Some(meaning), true) => meaning.contrary.as_ref(),
                (None, _) => None,
            };
            for name in names(branch.get("required")) {
                let Some(conditions) = conditions.filter(|conditions| !conditions.is_empty()) else {
                    self.left_out.push((place.clone(), LeftOutReason::Condition(name.to_owned())));
                    continue;
                };
                for condition in conditions {
                    self.required(section, name, condition, &place);
                }
                if let Some(absent) = meaning.as_ref().and_then(|meaning| meaning.absent.clone()) {
                    self.left_out.push((place.clone(), LeftOutReason::Absent(absent)));
                }
            }
        }
    }

    fn required(&mut self, section: &Json, name: &str, condition: &str, place: &str) {
        let asked = condition.split(['=', '!']).next().unwrap_or_default();
        if is_described(section, name) && is_described(section, asked) {
            self.required_if.push((name.to_owned(), condition.to_owned()));
        } else {
            self.left_out.push((place.to_owned(), LeftOutReason::Condition(name.to_owned())));
        }
    }
}

fn names(required: Option<&Json>) -> Vec<&str> {
    required.map(Json::items).unwrap_or_default().iter().filter_map(Json::as_text).collect()
}

fn is_described(section: &Json, option: &str) -> bool {
    section.get("properties").is_some_and(|properties| properties.get(option).is_some())
}

fn meaning(condition: &Json, depth: usize) -> Option<Meaning> {
    let is_only = |known: &[&str]| condition.members().iter().all(|(name, _)| known.contains(&name.as_str()));
    if let Some(inner) = condition.get("not").filter(|_| is_only(&["not"]) && depth < 8) {
        let Meaning { holds, contrary, absent } = meaning(inner, depth + 1)?;
        // What holds without the option as well does not hold turned around; nothing says that of a value.
        return match absent {
            None => Some(Meaning { holds: contrary?, contrary: Some(holds), absent: None }),
            Some(_) => None,
        };
    }
    if !is_only(&["properties", "required"]) {
        return None;
    }
    let needed = names(condition.get("required"));
    match (condition.get("properties").map(Json::members).unwrap_or_default(), needed.as_slice()) {
        ([], [option]) => Some(Meaning { holds: vec![(*option).to_owned()], contrary: None, absent: None }),
        ([(option, value)], needed) if needed.iter().all(|name| name == option) => {
            let values: Vec<String> = match (value.members(), value.get("enum")) {
                ([(keyword, value)], _) if keyword == "const" => vec![super::import::plain_text(value)],
                ([_], Some(values)) => values.items().iter().map(super::import::plain_text).collect(),
                _ => return None,
            };
            let is_needed = !needed.is_empty();
            let contrary = match values.as_slice() {
                [value] if is_needed => Some(vec![format!("{option}!={value}")]),
                _ => None,
            };
            let absent = (!is_needed).then(|| option.clone());
            let holds = values.iter().map(|value| format!("{option}={value}")).collect();
            Some(Meaning { holds, contrary, absent })
        }
        _ => None,
    }
}

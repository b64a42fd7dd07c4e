//! Writing a schema as JSON Schema.

use super::super::field::{Access, Condition, Field, Reference};
use super::super::json::Json;
use super::super::module::{Mode, Module, Naming, SectionType, Unknown};
use super::super::plain::Plain;
use super::super::rule::{Rule, Test};
use super::{BEYOND, DIALECT, SAID, some, texts, type_members};

impl Module {
    /// Describes packages in JSON Schema 2020-12, for editors and other programs.
    ///
    /// What JSON Schema cannot say (references, what is unique, units, rules of a program's own) stands under `x-cms`, from where
    /// [`from_json_schema`](super::super::from_json_schema) takes it back. The key that data is signed with is left out.
    ///
    /// ```
    /// # use cms_model::{Package, schema::{Module, Rules}};
    /// # let schema = Package::parse(b"config module 'm'\nconfig fields 's'\n\toption n 'uint|max:9|required'\n").unwrap();
    /// # let module = Module::read(&schema, "m", &Rules::default()).unwrap();
    /// let document = module.to_json_schema();
    /// let text = document.to_string();
    /// assert!(text.starts_with(r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"m""#));
    /// assert!(text.contains(r#""n":{"type":["integer","string"],"minimum":0,"maximum":9}"#), "{text}");
    /// ```
    pub fn to_json_schema(&self) -> Json {
        let settings = self.settings();
        let mut members =
            vec![("$schema".to_owned(), Json::text(DIALECT)), ("title".to_owned(), Json::text(self.name()))];
        if let Some(description) = &settings.description {
            members.push(("description".to_owned(), Json::text(description)));
        }
        members.push(("version".to_owned(), Json::text(settings.version.to_string())));
        members.extend(beyond(self.beyond()));
        members.push(("type".to_owned(), Json::text("object")));
        let mut properties = Vec::new();
        let mut patterns = Vec::new();
        for shape in self.section_types() {
            let sections = self.sections_schema(shape);
            match shape.kind().strip_suffix('*') {
                Some(prefix) => patterns.push((format!("^{}", escape(prefix)), sections)),
                None => properties.push((shape.kind().to_owned(), sections)),
            }
        }
        members.push(("properties".to_owned(), Json::Object(properties)));
        if !patterns.is_empty() {
            members.push(("patternProperties".to_owned(), Json::Object(patterns)));
        }
        let others = match settings.unknown {
            Unknown::Refuse if self.declares_types => Json::Bool(false),
            _ if self.anywhere.fields.is_empty() => Json::Bool(true),
            _ => self.sections_schema(&self.anywhere),
        };
        members.push(("additionalProperties".to_owned(), others));
        Json::Object(members)
    }

    /// What it says of itself that JSON Schema cannot say.
    fn beyond(&self) -> Vec<(String, Json)> {
        let settings = self.settings();
        let strings = |all: &[String]| texts(all.iter().map(String::as_str));
        let text = |text: &Option<String>| text.as_ref().map(Json::text);
        let mode = match settings.mode {
            Mode::Off => Some("off"),
            Mode::Warn => None,
            Mode::Enforce => Some("enforce"),
        };
        let packages = if settings.packages == [self.name()] { None } else { strings(&settings.packages) };
        let members = [
            some("mode", mode.map(Json::text)),
            some("unknown", unknown_word(settings.unknown, Unknown::Warn)),
            some("open", self.undeclared().map(|_| Json::Bool(true))),
            some("packages", packages),
            some("reload", strings(&settings.reload)),
            some("created_at", text(&settings.created_at)),
            some("db_path", text(&settings.db_path)),
            some("cache_policy", text(&settings.cache_policy)),
            some("cache_size", settings.cache_size.map(Json::number)),
            some("allowed_clients", strings(&settings.allowed_clients)),
        ];
        members.into_iter().flatten().collect()
    }

    fn sections_schema(&self, shape: &SectionType) -> Json {
        let section = self.section_schema(shape);
        let object = |section: Json| {
            let mut members =
                vec![("type".to_owned(), Json::text("object")), ("additionalProperties".to_owned(), section)];
            if shape.min > 0 {
                members.push(("minProperties".to_owned(), Json::number(shape.min)));
            }
            members.extend(shape.max.map(|max| ("maxProperties".to_owned(), Json::number(max))));
            Json::Object(members)
        };
        let array = |section: Json| {
            let mut members = vec![("type".to_owned(), Json::text("array")), ("items".to_owned(), section)];
            if shape.min > 0 {
                members.push(("minItems".to_owned(), Json::number(shape.min)));
            }
            members.extend(shape.max.map(|max| ("maxItems".to_owned(), Json::number(max))));
            Json::Object(members)
        };
        match shape.naming() {
            Naming::Named => object(section),
            Naming::Anonymous => array(section),
            Naming::Any => Json::Object(vec![(
                "anyOf".to_owned(),
                Json::List(vec![object(section.clone()), array(section)]),
            )]),
        }
    }

    fn section_schema(&self, shape: &SectionType) -> Json {
        let mut members = vec![("type".to_owned(), Json::text("object"))];
        if let Some(description) = shape.description() {
            members.push(("description".to_owned(), Json::text(description)));
        }
        let mut properties = Vec::new();
        let mut patterns = Vec::new();
        let mut required = Vec::new();
        for field in self.fields_of(shape) {
            match field.name().strip_suffix('*') {
                Some(prefix) => patterns.push((format!("^{}", escape(prefix)), field_schema(field))),
                None => properties.push((field.name().to_owned(), field_schema(field))),
            }
            if field.is_required() {
                required.push(Json::text(field.name()));
            }
        }
        members.push(("properties".to_owned(), Json::Object(properties)));
        if !patterns.is_empty() {
            members.push(("patternProperties".to_owned(), Json::Object(patterns)));
        }
        if !required.is_empty() {
            members.push(("required".to_owned(), Json::List(required)));
        }
        if shape.unknown == Unknown::Refuse {
            members.push(("additionalProperties".to_owned(), Json::Bool(false)));
        }
        members.extend(super::condition::write(self.fields_of(shape)));
        let more = [
            some("unknown", unknown_word(shape.unknown, self.settings().unknown)),
            some("name_rules", texts(shape.name_rules.iter().map(|rule| &*rule.text))),
            some("reload", texts(shape.reload())),
        ];
        members.extend(beyond(more.into_iter().flatten().collect()));
        Json::Object(members)
    }
}

/// The member for what JSON Schema has no words for, if there is any.
fn beyond(members: Vec<(String, Json)>) -> Option<(String, Json)> {
    (!members.is_empty()).then(|| (BEYOND.to_owned(), Json::Object(members)))
}

/// What becomes of what is not declared, where that is not what one expects.
fn unknown_word(unknown: Unknown, expected: Unknown) -> Option<Json> {
    let word = match unknown {
        Unknown::Allow => "allow",
        Unknown::Warn => "warn",
        Unknown::Refuse => "error",
    };
    (unknown != expected).then(|| Json::text(word))
}

fn field_schema(field: &Field) -> Json {
    let mut members = Vec::new();
    let Item { members: item, unsaid } = item(field);
    if field.is_list() {
        let mut array =
            vec![("type".to_owned(), Json::text("array")), ("items".to_owned(), Json::Object(item.clone()))];
        if let Some((least, most)) = field.items {
            if least > 0 {
                array.push(("minItems".to_owned(), Json::number(least)));
            }
            if most < u64::MAX {
                array.push(("maxItems".to_owned(), Json::number(most)));
            }
        }
        if field.distinct {
            array.push(("uniqueItems".to_owned(), Json::Bool(true)));
        }
        // A single value is a list of one, and several words are one value.
        let one = if field.has_words() { vec![("type".to_owned(), Json::text("string"))] } else { item };
        members.push(("anyOf".to_owned(), Json::List(vec![Json::Object(array), Json::Object(one)])));
    } else {
        members.extend(item);
    }
    let text = |bytes: &[u8]| Json::text(String::from_utf8_lossy(bytes));
    let default = field.default_value().map(|default| match default {
        crate::Value::Scalar(bytes) => text(bytes),
        crate::Value::List(items) => Json::List(items.iter().map(|item| text(item)).collect()),
    });
    let flag = |holds: bool| holds.then_some(Json::Bool(true));
    members.extend(some("description", field.description().map(Json::text)));
    members.extend(some("default", default));
    members.extend(some("deprecated", flag(field.deprecation().is_some())));
    members.extend(some("writeOnly", flag(field.is_secret())));
    members.extend(some("readOnly", flag(field.access() == Access::ReadOnly)));
    let deprecation = field.deprecation();
    let of_deprecation = |text: Option<&Box<str>>| text.map(|text| Json::text(&**text));
    // The conditions of a name with a `*` stand nowhere else.
    let is_many = field.name().ends_with('*');
    let conditions: Vec<String> =
        field.required_if().iter().filter(|_| is_many).map(condition_text).collect();
    let more = [
        some("type", Some(field.type_name()).filter(|name| !SAID.contains(name)).map(Json::text)),
        some("words", flag(field.has_words())),
        some("ref", field.reference().map(Reference::to_string).map(Json::text)),
        some("beside_ref", (!field.beside_reference.is_empty()).then(|| values(&field.beside_reference))),
        some("unique", flag(field.is_unique())),
        some("distinct", flag(field.distinct && !field.is_list())),
        some("required_if", texts(conditions.iter().map(String::as_str))),
        some("excludes", texts(field.excludes().filter(|_| is_many))),
        some("unit", field.unit().map(Json::text)),
        some("size", field.size().map(Json::number)),
        some("access", (field.access() == Access::WriteOnce).then(|| Json::text("write-once"))),
        some("cache", (!field.is_cached()).then_some(Json::Bool(false))),
        some("reload", texts(field.reload())),
        some("replaced_by", of_deprecation(deprecation.and_then(|known| known.replacement.as_ref()))),
        some("reason", of_deprecation(deprecation.and_then(|known| known.reason.as_ref()))),
        some("rules", texts(unsaid.iter().map(String::as_str))),
    ];
    members.extend(beyond(more.into_iter().flatten().collect()));
    Json::Object(members)
}

/// A condition as a schema writes it.
fn condition_text(condition: &Condition) -> String {
    match condition {
        Condition::Present(option) => option.to_string(),
        Condition::Equal(option, value) => format!("{option}={}", String::from_utf8_lossy(value)),
        Condition::Different(option, value) => format!("{option}!={}", String::from_utf8_lossy(value)),
    }
}

/// What JSON Schema says of one value, and the rules that it has no words for.
struct Item {
    members: Vec<(String, Json)>,
    unsaid: Vec<String>,
}

fn item(field: &Field) -> Item {
    let is_type = |plain: &Plain| plain.names[0] == field.type_name();
    let kind = field.rules.iter().find_map(|rule| match rule.test {
        Test::Plain(plain) if is_type(plain) => Some(plain),
        _ => None,
    });
    let mut item = Item { members: type_members(kind), unsaid: Vec::new() };
    // What is said by rules: a narrower bound than that of the type takes its place.
    let mut own: Vec<String> = Vec::new();
    for rule in &field.rules {
        let said = match &rule.test {
            Test::Plain(plain) if is_type(plain) || plain.names[0] == "string" => continue,
            // The member `size` says it.
            Test::Bytes(_) if rule.text.starts_with("size:") => continue,
            _ => said(rule, field),
        };
        let is_known = |(name, value): &(String, Json)| {
            own.contains(name) && !item.members.iter().any(|(known, same)| known == name && same == value)
        };
        if said.is_empty() || said.iter().any(is_known) {
            item.unsaid.push(rule_text(rule));
            continue;
        }
        for (name, value) in said {
            own.push(name.clone());
            match item.members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => item.members.push((name, value)),
            }
        }
    }
    item
}

/// The members that say all of a rule; none if there are none.
fn said(rule: &Rule, field: &Field) -> Vec<(String, Json)> {
    let bounds = |low: (&str, Option<Json>), high: (&str, Option<Json>)| {
        some(low.0, low.1).into_iter().chain(some(high.0, high.1)).collect()
    };
    let number = |holds: bool, number: &dyn std::fmt::Display| holds.then(|| Json::number(number));
    match &rule.test {
        Test::Int(low, high) => {
            bounds(("minimum", number(*low > i64::MIN, low)), ("maximum", number(*high < i64::MAX, high)))
        }
        Test::Float(low, high) => {
            bounds(("minimum", number(*low > f64::MIN, low)), ("maximum", number(*high < f64::MAX, high)))
        }
        Test::Length(low, high) => {
            bounds(("minLength", number(*low > 0, low)), ("maxLength", number(*high < u64::MAX, high)))
        }
        // In the order of the schema, if all of them are of this rule.
        Test::In(all) if all.len() == field.choices.len() => {
            vec![("enum".to_owned(), values(&field.choices))]
        }
        Test::In(all) => vec![("enum".to_owned(), values(all))],
        Test::Not(inner) => match &**inner {
            Test::In(all) => vec![("not".to_owned(), Json::Object(vec![("enum".to_owned(), values(all))]))],
            _ => Vec::new(),
        },
        Test::Matches(_) => match pattern(rule) {
            Some(pattern) => vec![("pattern".to_owned(), Json::text(format!("^(?:{pattern})$")))],
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The pattern of a rule as it was written; the compiled one has anchors of another dialect.
fn pattern(rule: &Rule) -> Option<&str> {
    rule.wants.strip_prefix("a text that matches /").and_then(|rest| rest.strip_suffix('/'))
}

/// A rule as it can be written beside others. A pattern may have been written in a line of its own, without delimiters.
fn rule_text(rule: &Rule) -> String {
    match (&rule.test, pattern(rule)) {
        (Test::Matches(_), Some(pattern)) => format!("regex:/{}/", pattern.replace('/', "\\/")),
        _ => rule.text.to_string(),
    }
}

fn values(values: &[Box<[u8]>]) -> Json {
    Json::List(values.iter().map(|value| Json::text(String::from_utf8_lossy(value))).collect())
}

/// A text as a pattern that matches it alone.
fn escape(text: &str) -> String {
    regex::escape(text)
}

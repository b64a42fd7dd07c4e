//! Schemas as JSON Schema 2020-12, and back.
//!
//! The document describes a package as an object: types of sections, in each the sections by name (anonymous ones as an array),
//! in each the options. Values of options are texts in UCI, so a number or truth value may be given as a text as well.

use std::fmt::Write;

use super::field::{Access, Field, Kind};
use super::json::Json;
use super::module::{Module, Naming, SectionType, Unknown};
use super::plain;
use super::rule::{Rule, Test};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Module {
    /// Describes packages in JSON Schema 2020-12, for editors and other programs.
    ///
    /// What JSON Schema cannot say (references, what is unique, rules of a program's own) stands under `x-cms`.
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

    fn sections_schema(&self, shape: &SectionType) -> Json {
        let section = self.section_schema(shape);
        let object = |section: Json| {
            Json::Object(vec![
                ("type".to_owned(), Json::text("object")),
                ("additionalProperties".to_owned(), section),
            ])
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
        Json::Object(members)
    }
}

fn field_schema(field: &Field) -> Json {
    let mut members = Vec::new();
    let item = item_schema(field);
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
    if let Some(description) = field.description() {
        members.push(("description".to_owned(), Json::text(description)));
    }
    if let Some(default) = field.default_value() {
        let text = |bytes: &Vec<u8>| Json::text(String::from_utf8_lossy(bytes));
        let value = match default {
            crate::Value::Scalar(bytes) => text(bytes),
            crate::Value::List(items) => Json::List(items.iter().map(text).collect()),
        };
        members.push(("default".to_owned(), value));
    }
    if field.deprecation().is_some() {
        members.push(("deprecated".to_owned(), Json::Bool(true)));
    }
    if field.is_secret() {
        members.push(("writeOnly".to_owned(), Json::Bool(true)));
    }
    if field.access() == Access::ReadOnly {
        members.push(("readOnly".to_owned(), Json::Bool(true)));
    }
    let mut beyond = Vec::new();
    if let Some(reference) = field.reference() {
        beyond.push(("ref".to_owned(), Json::text(reference.to_string())));
    }
    if field.is_unique() {
        beyond.push(("unique".to_owned(), Json::Bool(true)));
    }
    if !field.required_if().is_empty() {
        let conditions =
            field.required_if().iter().map(|condition| Json::text(condition.to_string())).collect();
        beyond.push(("required_if".to_owned(), Json::List(conditions)));
    }
    let excludes: Vec<Json> = field.excludes().map(Json::text).collect();
    if !excludes.is_empty() {
        beyond.push(("excludes".to_owned(), Json::List(excludes)));
    }
    if let Some(unit) = field.unit() {
        beyond.push(("unit".to_owned(), Json::text(unit)));
    }
    let unsaid: Vec<Json> =
        field.rules.iter().filter(|rule| !is_said(rule)).map(|rule| Json::text(&*rule.text)).collect();
    if !unsaid.is_empty() {
        beyond.push(("rules".to_owned(), Json::List(unsaid)));
    }
    if !beyond.is_empty() {
        members.push(("x-cms".to_owned(), Json::Object(beyond)));
    }
    Json::Object(members)
}

/// Says whether JSON Schema has words for all of a rule.
fn is_said(rule: &Rule) -> bool {
    match &rule.test {
        Test::Plain(plain) => plain.json != plain::Json::Text || plain.names[0] == "string",
        Test::Int(..) | Test::Float(..) | Test::Length(..) | Test::In(_) | Test::Matches(_) => true,
        Test::Not(inner) => matches!(**inner, Test::In(_)),
        _ => false,
    }
}

fn item_schema(field: &Field) -> Vec<(String, Json)> {
    let mut members: Vec<(String, Json)> = Vec::new();
    let mut set = |name: &str, value: Json| match members.iter_mut().find(|(known, _)| known == name) {
        // A narrower bound comes from a rule of its own, behind the type.
        Some((_, known)) => *known = value,
        None => members.push((name.to_owned(), value)),
    };
    let either = |json: &str| Json::List(vec![Json::text(json), Json::text("string")]);
    set(
        "type",
        match field.kind() {
            Kind::Bool => either("boolean"),
            Kind::Int => either("integer"),
            Kind::Float => either("number"),
            _ => Json::text("string"),
        },
    );
    for rule in &field.rules {
        match &rule.test {
            Test::Plain(plain) => match plain.json {
                plain::Json::Unsigned => {
                    set("minimum", Json::number(0));
                    let most = match plain.names[0] {
                        "port" => 65535,
                        "prefix4" => 32,
                        "prefix6" => 128,
                        _ => 0,
                    };
                    if most > 0 {
                        set("maximum", Json::number(most));
                    }
                }
                plain::Json::Format(format) => set("format", Json::text(format)),
                plain::Json::Pattern(pattern) => set("pattern", Json::text(pattern)),
                _ => {}
            },
            Test::Int(low, high) => {
                if *low > i64::MIN {
                    set("minimum", Json::number(low));
                }
                if *high < i64::MAX {
                    set("maximum", Json::number(high));
                }
            }
            Test::Float(low, high) => {
                if *low > f64::MIN {
                    set("minimum", Json::number(low));
                }
                if *high < f64::MAX {
                    set("maximum", Json::number(high));
                }
            }
            Test::Length(low, high) => {
                if *low > 0 {
                    set("minLength", Json::number(low));
                }
                if *high < u64::MAX {
                    set("maxLength", Json::number(high));
                }
            }
            Test::In(values) => set("enum", texts(values)),
            Test::Not(inner) => {
                if let Test::In(values) = &**inner {
                    set("not", Json::Object(vec![("enum".to_owned(), texts(values))]));
                }
            }
            // The crate's own anchors are of another dialect.
            Test::Matches(_) => {
                if let Some(pattern) =
                    rule.wants.strip_prefix("a text that matches /").and_then(|rest| rest.strip_suffix('/'))
                {
                    set("pattern", Json::text(format!("^(?:{pattern})$")));
                }
            }
            _ => {}
        }
    }
    members
}

fn texts(values: &[Box<[u8]>]) -> Json {
    Json::List(values.iter().map(|value| Json::text(String::from_utf8_lossy(value))).collect())
}

/// A text as a pattern that matches it alone.
fn escape(text: &str) -> String {
    regex::escape(text)
}

/// A schema made from a JSON Schema, and what could not be taken over.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The schema, as text.
    pub text: String,
    /// What was left out, each with its place in the document: `/properties/site: if is not taken over`.
    pub left_out: Vec<String>,
}

/// Makes a schema from a JSON Schema document of the form that [`Module::to_json_schema`] gives; from one of
/// another form, as far as it describes an object of objects with simple members.
///
/// ```
/// use cms_model::schema::{Json, from_json_schema};
///
/// let document = Json::parse(r#"{"properties": {"site": {"additionalProperties": {
///     "properties": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}, "x": {"if": {}}},
///     "required": ["port"]}}}}"#).unwrap();
/// let imported = from_json_schema("blog", &document);
/// assert!(imported.text.contains("\toption port 'required|int|min:1|max:65535'\n"), "{}", imported.text);
/// assert_eq!(imported.left_out, ["/properties/site/properties/x: `if` is not taken over"]);
/// ```
pub fn from_json_schema(name: &str, document: &Json) -> Imported {
    let mut import = Import { text: String::new(), left_out: Vec::new() };
    let module: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    import.line(&format!("config module {}", quoted(&module)));
    if module != name {
        import.option("package", name);
    }
    let version =
        document.get("version").and_then(Json::as_text).filter(|text| super::Version::parse(text).is_some());
    import.option("version", version.unwrap_or("0.1.0"));
    if let Some(description) = document.get("description").and_then(Json::as_text) {
        import.option("description", description);
    }
    if document.get("additionalProperties") == Some(&Json::Bool(false)) {
        import.option("strict", "1");
    }
    import.keywords(
        "",
        document,
        &[
            "$schema",
            "$id",
            "$comment",
            "title",
            "description",
            "version",
            "type",
            "properties",
            "patternProperties",
            "additionalProperties",
        ],
    );
    for (group, star) in [("properties", ""), ("patternProperties", "*")] {
        for (kind, sections) in document.get(group).map(Json::members).unwrap_or_default() {
            let kind = kind.strip_prefix('^').filter(|_| !star.is_empty()).unwrap_or(kind).replace('\\', "");
            import.section(&format!("/{group}/{kind}"), &format!("{kind}{star}"), sections);
        }
    }
    Imported { text: import.text, left_out: import.left_out }
}

struct Import {
    text: String,
    left_out: Vec<String>,
}

fn quoted(value: &str) -> String {
    String::from_utf8_lossy(&crate::quote(value.as_bytes())).into_owned()
}

impl Import {
    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn option(&mut self, name: &str, value: &str) {
        self.line(&format!("\toption {name} {}", quoted(value)));
    }

    fn keywords(&mut self, place: &str, value: &Json, known: &[&str]) {
        for (name, _) in value.members() {
            if !known.contains(&name.as_str()) {
                self.left_out.push(format!("{place}: `{name}` is not taken over"));
            }
        }
    }

    fn section(&mut self, place: &str, kind: &str, sections: &Json) {
        if crate::TypeName::new(kind).is_err() {
            self.left_out.push(format!("{place}: `{kind}` is no section type"));
            return;
        }
        let either = sections.get("anyOf").map(Json::items).unwrap_or_default();
        let forms = if either.is_empty() { std::slice::from_ref(sections) } else { either };
        let named = forms.iter().find_map(|form| form.get("additionalProperties"));
        let anonymous = forms.iter().find_map(|form| form.get("items"));
        // An object of options itself describes sections of whatever name.
        let section =
            named.or(anonymous).filter(|section| section.get("properties").is_some()).unwrap_or(sections);
        self.line("\nconfig section");
        self.option("type", kind);
        match (named.is_some() && !std::ptr::eq(section, sections), anonymous) {
            (true, None) => self.option("naming", "named"),
            (false, Some(_)) => self.option("naming", "anonymous"),
            _ => {}
        }
        for form in forms {
            for (keyword, bound) in [("minItems", "min"), ("maxItems", "max")] {
                if let Some(Json::Number(count)) = form.get(keyword) {
                    self.option(bound, count);
                }
            }
        }
        if let Some(description) = section.get("description").and_then(Json::as_text) {
            self.option("description", description);
        }
        if section.get("additionalProperties") == Some(&Json::Bool(false)) {
            self.option("unknown", "error");
        }
        self.keywords(
            place,
            section,
            &[
                "type",
                "description",
                "title",
                "properties",
                "patternProperties",
                "required",
                "additionalProperties",
            ],
        );
        let required: Vec<&str> = section
            .get("required")
            .map(Json::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Json::as_text)
            .collect();
        for (group, star) in [("properties", ""), ("patternProperties", "*")] {
            for (option, value) in section.get(group).map(Json::members).unwrap_or_default() {
                let name = option.strip_prefix('^').filter(|_| !star.is_empty()).unwrap_or(option);
                if crate::Name::new(name).is_err() {
                    self.left_out.push(format!("{place}/{group}/{option}: `{name}` is no name of an option"));
                    continue;
                }
                self.field(
                    &format!("{place}/{group}/{option}"),
                    &format!("{name}{star}"),
                    value,
                    required.contains(&name),
                );
            }
        }
    }

    fn field(&mut self, place: &str, name: &str, value: &Json, required: bool) {
        let either = value.get("anyOf").map(Json::items).unwrap_or_default();
        let array = either.iter().chain([value]).find(|form| form.get("items").is_some());
        let item = array.and_then(|array| array.get("items")).unwrap_or(value);
        let mut rules = Vec::new();
        if required {
            rules.push("required".to_owned());
        }
        rules.extend(self.rules(place, item));
        if array.is_none() || !std::ptr::eq(item, value) {
            let own: &[&str] = &[
                "anyOf",
                "items",
                "description",
                "title",
                "default",
                "deprecated",
                "writeOnly",
                "readOnly",
                "x-cms",
                "examples",
                "$comment",
                "type",
                "minItems",
                "maxItems",
                "uniqueItems",
            ];
            if array.is_some() {
                self.keywords(place, value, own);
            }
        }
        if let Some(array) = array {
            let count = |keyword: &str| match array.get(keyword) {
                Some(Json::Number(count)) => count.clone(),
                _ => String::new(),
            };
            let (least, most) = (count("minItems"), count("maxItems"));
            if !(least.is_empty() && most.is_empty()) {
                rules.push(format!("items:{least},{most}"));
            }
            if array.get("uniqueItems") == Some(&Json::Bool(true)) {
                rules.push("distinct".to_owned());
            }
        }
        for (keyword, rule) in
            [("deprecated", "deprecated"), ("writeOnly", "secret"), ("readOnly", "read_only")]
        {
            if value.get(keyword) == Some(&Json::Bool(true)) {
                rules.push(rule.to_owned());
            }
        }
        if let Some(reference) =
            value.get("x-cms").and_then(|beyond| beyond.get("ref")).and_then(Json::as_text)
        {
            rules.push(format!("ref:{reference}"));
        }
        let description = value.get("description").and_then(Json::as_text);
        let defaults: Vec<String> = match value.get("default") {
            None => Vec::new(),
            Some(Json::List(items)) => items.iter().map(plain_text).collect(),
            Some(one) => vec![plain_text(one)],
        };
        if description.is_none() && defaults.is_empty() && !name.ends_with('*') {
            let keyword = if array.is_some() { "list" } else { "option" };
            self.fields_line(&format!("\t{keyword} {name} {}", quoted(&rules.join("|"))));
            return;
        }
        self.line("\nconfig field");
        self.option("name", name);
        for rule in &rules {
            self.line(&format!("\tlist validation {}", quoted(rule)));
        }
        if array.is_some() {
            self.option("list", "1");
        }
        for default in defaults {
            self.line(&format!("\tlist default {}", quoted(&default)));
        }
        if let Some(description) = description {
            self.option("description", description);
        }
    }

    /// Adds a line to the `config fields` that the text ends with, or begins one.
    fn fields_line(&mut self, line: &str) {
        let last = self.text.rfind("\nconfig ").map_or(&self.text[..], |place| &self.text[place..]);
        if !last.starts_with("\nconfig fields\n") {
            self.line("\nconfig fields");
        }
        self.line(line);
    }

    fn rules(&mut self, place: &str, item: &Json) -> Vec<String> {
        let mut rules = Vec::new();
        let kinds: Vec<&str> = match item.get("type") {
            Some(Json::Text(kind)) => vec![kind],
            Some(Json::List(kinds)) => kinds.iter().filter_map(Json::as_text).collect(),
            _ => Vec::new(),
        };
        let kind =
            kinds.iter().find(|kind| **kind != "string" || kinds.len() == 1).copied().unwrap_or("string");
        rules.push(
            match kind {
                "integer" => "int",
                "number" => "float",
                "boolean" => "bool",
                _ => "string",
            }
            .to_owned(),
        );
        for (keyword, value) in item.members() {
            let number = match value {
                Json::Number(number) => Some(number.as_str()),
                _ => None,
            };
            match (keyword.as_str(), number, value) {
                ("minimum", Some(number), _) => rules.push(format!("min:{number}")),
                ("maximum", Some(number), _) => rules.push(format!("max:{number}")),
                ("minLength", Some(number), _) => rules.push(format!("minlength({number})")),
                ("maxLength", Some(number), _) => rules.push(format!("maxlength({number})")),
                ("enum", _, Json::List(values)) if !values.is_empty() => {
                    let values: Vec<_> = values.iter().map(|value| argument(&plain_text(value))).collect();
                    rules.push(format!("in:{}", values.join(",")));
                }
                ("const", _, value) => rules.push(format!("in:{}", argument(&plain_text(value)))),
                ("pattern", _, Json::Text(pattern)) => {
                    let whole = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
                    let whole = whole.map_or_else(|| format!(".*(?:{pattern}).*"), str::to_owned);
                    match super::pattern::compile(&whole) {
                        Ok(_) => rules.push(format!("regex:/{}/", whole.replace('/', "\\/"))),
                        Err(reason) => {
                            self.left_out.push(format!("{place}: the pattern cannot be used: {reason}"))
                        }
                    }
                }
                ("format", _, Json::Text(format)) => {
                    let known = plain::PLAIN
                        .iter()
                        .find(|plain| plain.json == plain::Json::Format(known_format(format)));
                    match known {
                        Some(plain) => rules.push(plain.names[0].to_owned()),
                        None => self.left_out.push(format!("{place}: the format `{format}` is not known")),
                    }
                }
                ("not", _, not) if matches!(not.members(), [(name, _)] if name == "enum") => {
                    let values: Vec<_> = not
                        .get("enum")
                        .map(Json::items)
                        .unwrap_or_default()
                        .iter()
                        .map(|value| argument(&plain_text(value)))
                        .collect();
                    rules.push(format!("not_in:{}", values.join(",")));
                }
                (
                    "type" | "description" | "title" | "default" | "deprecated" | "writeOnly" | "readOnly"
                    | "x-cms" | "examples" | "$comment" | "anyOf",
                    ..,
                ) => {}
                _ => self.left_out.push(format!("{place}: `{keyword}` is not taken over")),
            }
        }
        rules
    }
}

/// Formats of JSON Schema that mean the same to UCI.
fn known_format(format: &str) -> &'static str {
    const SAME: [&str; 9] =
        ["ipv4", "ipv6", "hostname", "uri", "email", "date", "date-time", "uuid", "regex"];
    SAME.iter().find(|known| **known == format).copied().unwrap_or("")
}

/// A value as UCI writes it.
fn plain_text(value: &Json) -> String {
    match value {
        Json::Text(text) => text.clone(),
        Json::Bool(truth) => if *truth { "1" } else { "0" }.to_owned(),
        other => other.to_string(),
    }
}

/// A text as an argument of a rule.
fn argument(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

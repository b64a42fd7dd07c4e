//! Making a schema of a JSON Schema.

use std::fmt::Write;

use super::super::json::Json;
use super::super::{Version, pattern, plain};
use super::condition::{self, Conditions};
use super::left_out::{LeftOut, LeftOutReason};
use super::{BEYOND, type_members};

/// So many references one after the other are followed; those that lead to themselves have more.
const REFERENCES: usize = 32;

/// A schema made from a JSON Schema, and what could not be taken over.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The schema, as text.
    pub text: String,
    /// What was left out, each with its place in the document.
    pub left_out: Vec<LeftOut>,
}

/// Makes a schema from a JSON Schema document of the form that
/// [`Module::to_json_schema`](super::super::Module::to_json_schema) gives; from one of another form, as far as it describes an object
/// of objects with simple members.
///
/// ```
/// use cms_model::schema::{Json, from_json_schema};
///
/// let document = Json::parse(r#"{"properties": {"site": {"additionalProperties": {
///     "properties": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}, "x": {"if": {}}},
///     "required": ["port"]}}}}"#).unwrap();
/// let imported = from_json_schema("blog", &document);
/// assert!(imported.text.contains("\toption port 'required|int|min:1|max:65535'\n"), "{}", imported.text);
/// assert_eq!(imported.left_out[0].to_string(), "/properties/site/properties/x: `if` is not taken over");
/// ```
pub fn from_json_schema(name: &str, document: &Json) -> Imported {
    let mut import = Import { root: document, text: String::new(), left_out: Vec::new(), open: false };
    import.module(name);
    Imported { text: import.text, left_out: import.left_out }
}

struct Import<'j> {
    root: &'j Json,
    text: String,
    left_out: Vec<LeftOut>,
    /// Whether the schema declares no section types, only fields of some.
    open: bool,
}

/// A field in the words of a schema.
#[derive(Default)]
struct Line {
    rules: Vec<String>,
    is_list: bool,
    /// Properties that need a line of their own: whether that is a `list` line, its name and its value.
    properties: Vec<(bool, &'static str, String)>,
}

impl<'j> Import<'j> {
    fn module(&mut self, name: &str) {
        let document = self.root;
        let beyond = document.get(BEYOND);
        let title = document.get("title").and_then(Json::as_text);
        let module: String =
            name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
        self.line(&format!("config module {}", quoted(&module)));
        // A document that is taken as another package is for that alone.
        let packages: Vec<&str> = match title == Some(name) {
            true => strings(beyond, "packages").collect(),
            false => Vec::new(),
        };
        if packages.is_empty() && module != name {
            self.option("package", name);
        }
        for package in packages {
            self.list("package", package);
        }
        let version = document.get("version").and_then(Json::as_text);
        self.option("version", version.filter(|text| Version::parse(text).is_some()).unwrap_or("0.1.0"));
        let description = document.get("description").and_then(Json::as_text);
        self.option_if_any("description", description);
        for member in ["mode", "unknown", "created_at", "db_path", "cache_policy"] {
            self.option_if_any(member, string(beyond, member));
        }
        if let Some(Json::Number(size)) = beyond.and_then(|beyond| beyond.get("cache_size")) {
            self.option("cache_size", size);
        }
        for member in ["reload", "allowed_clients"] {
            for text in strings(beyond, member) {
                self.list(member, text);
            }
        }
        if string(beyond, "unknown").is_none()
            && document.get("additionalProperties") == Some(&Json::Bool(false))
        {
            self.option("strict", "1");
        }
        self.open = is_true(beyond, "open");
        self.keywords(
            "",
            document,
            &[
                "$schema",
                "$id",
                "$comment",
                "$defs",
                "definitions",
                "title",
                "description",
                "version",
                "type",
                "properties",
                "patternProperties",
                "additionalProperties",
                BEYOND,
            ],
        );
        // What stands above all types belongs to every type.
        if let Some(others) =
            document.get("additionalProperties").filter(|others| !others.members().is_empty())
        {
            let place = "/additionalProperties";
            let others = self.resolve(place, others);
            let (section, _) = self.forms(place, others);
            self.fields(place, None, section);
        }
        for (group, star) in [("properties", ""), ("patternProperties", "*")] {
            for (kind, sections) in document.get(group).map(Json::members).unwrap_or_default() {
                let kind =
                    kind.strip_prefix('^').filter(|_| !star.is_empty()).unwrap_or(kind).replace('\\', "");
                self.section(&format!("/{group}/{kind}"), &format!("{kind}{star}"), sections);
            }
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn option(&mut self, name: &str, value: &str) {
        self.line(&format!("\toption {name} {}", quoted(value)));
    }

    fn option_if_any(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.option(name, value);
        }
    }

    fn list(&mut self, name: &str, value: &str) {
        self.line(&format!("\tlist {name} {}", quoted(value)));
    }

    fn leave(&mut self, place: &str, reason: LeftOutReason) {
        self.left_out.push(LeftOut { place: place.to_owned(), reason });
    }

    fn keywords(&mut self, place: &str, value: &Json, known: &[&str]) {
        for (name, _) in value.members() {
            if !known.contains(&name.as_str()) {
                self.leave(place, LeftOutReason::Keyword(name.clone()));
            }
        }
    }

    /// Follows `$ref` within the document.
    fn resolve(&mut self, place: &str, value: &'j Json) -> &'j Json {
        let mut value = value;
        for _ in 0..REFERENCES {
            let Some(target) = value.get("$ref").and_then(Json::as_text) else { return value };
            let parts = target.strip_prefix("#/").map(|path| path.split('/'));
            let found = parts.and_then(|mut parts| {
                parts
                    .try_fold(self.root, |inner, part| inner.get(&part.replace("~1", "/").replace("~0", "~")))
            });
            match found {
                Some(found) => value = found,
                None => break,
            }
        }
        if let Some(target) = value.get("$ref").and_then(Json::as_text) {
            self.leave(place, LeftOutReason::Reference(target.to_owned()));
        }
        value
    }

    /// The sections of a type: what is said of one, and the forms in which they come.
    fn forms(&mut self, place: &str, sections: &'j Json) -> (&'j Json, Vec<&'j Json>) {
        let either = sections.get("anyOf").map(Json::items).unwrap_or_default();
        let forms: Vec<&Json> = if either.is_empty() { vec![sections] } else { either.iter().collect() };
        let named = forms.iter().find_map(|form| form.get("additionalProperties"));
        let anonymous = forms.iter().find_map(|form| form.get("items"));
        let one = named.filter(|named| !named.members().is_empty()).or(anonymous);
        let one = one.map(|one| self.resolve(place, one)).filter(|one| one.get("properties").is_some());
        // An object of options itself describes sections of whatever name.
        (one.unwrap_or(sections), forms)
    }

    fn section(&mut self, place: &str, kind: &str, sections: &'j Json) {
        if crate::TypeName::new(kind).is_err() {
            return self.leave(place, LeftOutReason::NoType(kind.to_owned()));
        }
        let sections = self.resolve(place, sections);
        let (section, forms) = self.forms(place, sections);
        if self.open {
            return self.fields(place, Some(kind), section);
        }
        let is_one = std::ptr::eq(section, sections);
        let is_named = !is_one && forms.iter().any(|form| form.get("additionalProperties").is_some());
        let is_anonymous = forms.iter().any(|form| form.get("items").is_some());
        self.line("\nconfig section");
        self.option("type", kind);
        match (is_named, is_anonymous) {
            (true, false) => self.option("naming", "named"),
            (false, true) => self.option("naming", "anonymous"),
            _ => {}
        }
        for (keywords, bound) in
            [(["minItems", "minProperties"], "min"), (["maxItems", "maxProperties"], "max")]
        {
            // The count of options of a section is something else.
            let counts = forms.iter().filter(|_| !is_one);
            let count = counts.flat_map(|form| keywords.map(|keyword| form.get(keyword))).flatten().next();
            if let Some(Json::Number(count)) = count {
                self.option(bound, count);
            }
        }
        let beyond = section.get(BEYOND);
        self.option_if_any("description", section.get("description").and_then(Json::as_text));
        if section.get("additionalProperties") == Some(&Json::Bool(false)) {
            self.option("unknown", "error");
        } else {
            self.option_if_any("unknown", string(beyond, "unknown"));
        }
        let name_rules: Vec<&str> = strings(beyond, "name_rules").collect();
        if !name_rules.is_empty() {
            self.option("name_rules", &name_rules.join("|"));
        }
        for text in strings(beyond, "reload") {
            self.list("reload", text);
        }
        self.fields(place, None, section);
    }

    /// The fields of a section: of the type that is named, or else of that above.
    fn fields(&mut self, place: &str, kind: Option<&str>, section: &'j Json) {
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
                "dependentRequired",
                "allOf",
                "if",
                "then",
                "else",
                "not",
                "$comment",
                "examples",
                BEYOND,
            ],
        );
        let conditions = condition::read(section);
        for (below, reason) in &conditions.left_out {
            self.leave(&format!("{place}{below}"), reason.clone());
        }
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
                let place = format!("{place}/{group}/{option}");
                if crate::Name::new(name).is_err() && (star.is_empty() || !name.is_empty()) {
                    self.leave(&place, LeftOutReason::NoOption(name.to_owned()));
                    continue;
                }
                let is_required = required.contains(&name) && star.is_empty();
                let value = self.resolve(&place, value);
                let mut line = self.field(&place, value, is_required);
                if star.is_empty() {
                    line.add_conditions(name, &conditions);
                }
                self.write(kind, &format!("{name}{star}"), line);
            }
        }
    }

    fn field(&mut self, place: &str, value: &'j Json, is_required: bool) -> Line {
        let either = value.get("anyOf").map(Json::items).unwrap_or_default();
        let array = either.iter().chain([value]).find(|form| form.get("items").is_some());
        let item = match array.and_then(|array| array.get("items")) {
            Some(item) => self.resolve(place, item),
            None => value,
        };
        let beyond = value.get(BEYOND);
        let mut line = Line::default();
        if is_required {
            line.rules.push("required".to_owned());
        }
        line.rules.extend(self.rules(place, item, string(beyond, "type")));
        line.rules.extend(strings(beyond, "rules").map(str::to_owned));
        if let Some(array) = array {
            if !std::ptr::eq(array, value) || array.get("items").is_some() {
                self.keywords(place, value, &OF_FIELDS);
            }
            let count = |keyword: &str| match array.get(keyword) {
                Some(Json::Number(count)) => count.clone(),
                _ => String::new(),
            };
            let (least, most) = (count("minItems"), count("maxItems"));
            if !(least.is_empty() && most.is_empty()) {
                line.rules.push(format!("items:{least},{most}"));
            }
            if array.get("uniqueItems") == Some(&Json::Bool(true)) {
                line.rules.push("distinct".to_owned());
            }
        }
        line.is_list = array.is_some() && !is_true(beyond, "words");
        for (member, rule) in [("words", "words"), ("unique", "unique"), ("distinct", "distinct")] {
            if is_true(beyond, member) {
                line.rules.push(rule.to_owned());
            }
        }
        for (keyword, rule) in [("writeOnly", "secret"), ("readOnly", "read_only")] {
            if value.get(keyword) == Some(&Json::Bool(true)) {
                line.rules.push(rule.to_owned());
            }
        }
        if string(beyond, "access") == Some("write-once") {
            line.rules.push("write_once".to_owned());
        }
        if beyond.and_then(|beyond| beyond.get("cache")) == Some(&Json::Bool(false)) {
            line.rules.push("nocache".to_owned());
        }
        if let Some(Json::Number(size)) = beyond.and_then(|beyond| beyond.get("size")) {
            line.rules.push(format!("size:{size}"));
        }
        if let Some(reference) = string(beyond, "ref") {
            let beside = strings(beyond, "beside_ref").map(argument);
            line.rules.push(
                std::iter::once(format!("ref:{reference}")).chain(beside).collect::<Vec<_>>().join(","),
            );
        }
        line.properties(value, beyond);
        line
    }

    /// Writes a field the short way if that can say all of it.
    fn write(&mut self, kind: Option<&str>, name: &str, line: Line) {
        let Line { rules, is_list, properties } = line;
        if properties.is_empty() && !name.ends_with('*') {
            let keyword = if is_list { "list" } else { "option" };
            return self.fields_line(kind, &format!("\t{keyword} {name} {}", quoted(&rules.join("|"))));
        }
        self.line("\nconfig field");
        self.option("name", name);
        self.option_if_any("section", kind);
        for rule in &rules {
            self.list("validation", rule);
        }
        if is_list {
            self.option("list", "1");
        }
        for (is_list, name, value) in &properties {
            match is_list {
                true => self.list(name, value),
                false => self.option(name, value),
            }
        }
    }

    /// Adds a line to the `config fields` that the text ends with, or begins one.
    fn fields_line(&mut self, kind: Option<&str>, line: &str) {
        let head = match kind {
            Some(kind) => format!("config fields {}", quoted(kind)),
            None => "config fields".to_owned(),
        };
        let last = self.text.rfind("\nconfig ").map_or(&self.text[..], |place| &self.text[place + 1..]);
        if last.split('\n').next() != Some(head.as_str()) {
            self.line(&format!("\n{head}"));
        }
        self.line(line);
    }

    /// What a value has to be. A type that is named says what its members say, and more.
    fn rules(&mut self, place: &str, item: &Json, named: Option<&str>) -> Vec<String> {
        let named = named.and_then(plain::find);
        let implied = named.map(|plain| type_members(Some(plain))).unwrap_or_default();
        let mut rules = Vec::new();
        let mut is_unsigned = false;
        rules.push(match named {
            Some(plain) => plain.names[0].to_owned(),
            None => {
                let kind = kind(item);
                is_unsigned = kind == "int" && item.get("minimum") == Some(&Json::number(0));
                if is_unsigned { "uint" } else { kind }.to_owned()
            }
        });
        for (keyword, value) in item.members() {
            if implied.iter().any(|(name, implied)| name == keyword && implied == value)
                || is_unsigned && keyword == "minimum"
            {
                continue;
            }
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
                    rules.push(format!("in:{}", arguments(values)));
                }
                ("const", _, value) => rules.push(format!("in:{}", argument(plain_text(value)))),
                ("pattern", _, Json::Text(pattern)) => rules.extend(self.pattern(place, pattern)),
                ("format", _, Json::Text(format)) => match plain_of_format(format) {
                    Some(plain) => rules.push(plain.names[0].to_owned()),
                    None => self.leave(place, LeftOutReason::Format(format.clone())),
                },
                ("not", _, not) if matches!(not.members(), [(name, _)] if name == "enum") => {
                    let values = not.get("enum").map(Json::items).unwrap_or_default();
                    rules.push(format!("not_in:{}", arguments(values)));
                }
                (name, ..) if OF_FIELDS.contains(&name) => {}
                _ => self.leave(place, LeftOutReason::Keyword(keyword.clone())),
            }
        }
        rules
    }

    fn pattern(&mut self, place: &str, pattern: &str) -> Option<String> {
        let whole = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
        // As a rule is exported, without what holds its alternatives together.
        let inner = whole.and_then(|whole| whole.strip_prefix("(?:")?.strip_suffix(')'));
        let inner = inner.filter(|inner| pattern::compile(inner).is_ok());
        let whole = match inner.or(whole) {
            Some(whole) => whole.to_owned(),
            None => format!(".*(?:{pattern}).*"),
        };
        match pattern::compile(&whole) {
            Ok(_) => Some(format!("regex:/{}/", whole.replace('/', "\\/"))),
            Err(reason) => {
                self.leave(place, LeftOutReason::Pattern(reason.to_string()));
                None
            }
        }
    }
}

/// What may stand beside the members that say what a value has to be.
const OF_FIELDS: [&str; 17] = [
    "type",
    "anyOf",
    "items",
    "title",
    "description",
    "default",
    "deprecated",
    "writeOnly",
    "readOnly",
    "examples",
    "$comment",
    "$ref",
    "minItems",
    "maxItems",
    "uniqueItems",
    "$schema",
    BEYOND,
];

impl Line {
    /// Takes what needs a line of its own.
    fn properties(&mut self, value: &Json, beyond: Option<&Json>) {
        let mut add = |is_list: bool, name: &'static str, text: &str| {
            self.properties.push((is_list, name, text.to_owned()));
        };
        for text in strings(beyond, "required_if") {
            add(true, "required_if", text);
        }
        for text in strings(beyond, "excludes") {
            add(true, "excludes", text);
        }
        match value.get("default") {
            None => {}
            Some(Json::List(items)) => items.iter().for_each(|item| add(true, "default", &plain_text(item))),
            Some(one) => add(false, "default", &plain_text(one)),
        }
        let mut if_any = |name: &'static str, text: Option<&str>| {
            if let Some(text) = text {
                add(false, name, text);
            }
        };
        if_any("unit", string(beyond, "unit"));
        let (reason, replacement) = (string(beyond, "reason"), string(beyond, "replaced_by"));
        if_any("deprecated", reason);
        if_any("replaced_by", replacement);
        if_any("description", value.get("description").and_then(Json::as_text));
        for text in strings(beyond, "reload") {
            add(true, "reload", text);
        }
        let is_deprecated = value.get("deprecated") == Some(&Json::Bool(true));
        if is_deprecated && reason.is_none() && replacement.is_none() {
            self.rules.push("deprecated".to_owned());
        }
    }

    fn add_conditions(&mut self, name: &str, conditions: &Conditions) {
        let own = |(of, _): &&(String, String)| of == name;
        for (_, condition) in conditions.required_if.iter().filter(own) {
            self.properties.push((true, "required_if", condition.clone()));
        }
        for (_, other) in conditions.excludes.iter().filter(own) {
            self.properties.push((true, "excludes", other.clone()));
        }
    }
}

/// The type that a member says.
fn kind(item: &Json) -> &'static str {
    let kinds: Vec<&str> = match item.get("type") {
        Some(Json::Text(kind)) => vec![kind],
        Some(Json::List(kinds)) => kinds.iter().filter_map(Json::as_text).collect(),
        _ => Vec::new(),
    };
    let narrow = kinds.iter().find_map(|kind| match *kind {
        "integer" => Some("int"),
        "number" => Some("float"),
        "boolean" => Some("bool"),
        _ => None,
    });
    narrow.unwrap_or("string")
}

/// The plain type for a format of JSON Schema that means the same to UCI.
fn plain_of_format(format: &str) -> Option<&'static plain::Plain> {
    const SAME: [&str; 9] =
        ["ipv4", "ipv6", "hostname", "uri", "email", "date", "date-time", "uuid", "regex"];
    let same = SAME.iter().find(|known| **known == format)?;
    plain::PLAIN.iter().find(|plain| plain.json == plain::Json::Format(same))
}

/// A value as UCI writes it.
pub(super) fn plain_text(value: &Json) -> String {
    match value {
        Json::Text(text) => text.clone(),
        Json::Bool(truth) => if *truth { "1" } else { "0" }.to_owned(),
        other => other.to_string(),
    }
}

fn arguments(values: &[Json]) -> String {
    values.iter().map(|value| argument(plain_text(value))).collect::<Vec<_>>().join(",")
}

/// A text as an argument of a rule.
fn argument(text: impl AsRef<str>) -> String {
    format!("\"{}\"", text.as_ref().replace('\\', "\\\\").replace('"', "\\\""))
}

fn quoted(value: &str) -> String {
    String::from_utf8_lossy(&crate::quote(value.as_bytes())).into_owned()
}

fn string<'j>(beyond: Option<&'j Json>, member: &str) -> Option<&'j str> {
    beyond?.get(member)?.as_text()
}

fn strings<'j>(beyond: Option<&'j Json>, member: &str) -> impl Iterator<Item = &'j str> {
    let items = beyond.and_then(|beyond| beyond.get(member)).map(Json::items).unwrap_or_default();
    items.iter().filter_map(Json::as_text)
}

fn is_true(beyond: Option<&Json>, member: &str) -> bool {
    beyond.and_then(|beyond| beyond.get(member)) == Some(&Json::Bool(true))
}

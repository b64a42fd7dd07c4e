//! Reading the fields of a schema, written the short way or the long way.

use crate::{Section, Value};

use super::code::{ARGUMENT, DEFAULT, FIELD_TWICE, NO_NAME, SCHEMA_VALUE};
use super::compile::{Scale, amount, compile, is_property, measure};
use super::field::{Access, Condition, Deprecation, Field, Kind, Reference};
use super::place::{Line, Place, head, stanzas};
use super::plain::{self, Json, Measure};
use super::quantity;
use super::read::Reader;
use super::rule::{Rule, Test, words};
use super::syntax::{Argument, Call, Fault};

const FIELD_OPTIONS: &[&str] = &[
    "name",
    "section",
    "type",
    "validation",
    "list",
    "words",
    "min_items",
    "max_items",
    "required",
    "default",
    "enum",
    "min",
    "max",
    "size",
    "unit",
    "pattern",
    "ref",
    "required_if",
    "excludes",
    "unique",
    "distinct",
    "secret",
    "deprecated",
    "replaced_by",
    "access",
    "cache",
    "reload",
    "description",
];

/// A field that is not yet given to its section types.
pub(super) struct Pending {
    pub field: Field,
    pub place: Place,
    pub sections: Vec<(String, Place)>,
    /// The options that its conditions name.
    pub conditions: Vec<(String, Place)>,
}

/// A rule, and the line that it stands on.
pub(super) struct Source<'a> {
    pub call: Call,
    pub line: Line<'a>,
    /// Whether it was made from all of the line, not read from a part of it.
    pub whole: bool,
}

impl Source<'_> {
    fn place(&self, fault: &Fault) -> Place {
        if self.whole { self.line.value_place() } else { self.line.part_place(&fault.at) }
    }
}

/// A field in the making.
struct Making<'a> {
    field: Field,
    place: Place,
    sections: Vec<(String, Place)>,
    sources: Vec<Source<'a>>,
    default: Option<(Vec<String>, bool, Place)>,
    conditions: Vec<(String, Place)>,
}

impl<'a> Making<'a> {
    fn new(name: &str, place: Place) -> Making<'a> {
        let field = Field { name: name.into(), ..Field::default() };
        Making {
            field,
            place,
            sections: Vec::new(),
            sources: Vec::new(),
            default: None,
            conditions: Vec::new(),
        }
    }

    /// Adds a rule that an option of its own stands for.
    fn add(&mut self, line: Line<'a>, name: &str, values: Vec<String>) {
        let text = format!("{name}:{}", values.join(","));
        let arguments =
            values.iter().map(|text| Argument { text: text.clone(), quoted: true, at: 0..0 }).collect();
        let call = Call {
            name: name.to_owned(),
            negated: false,
            parenthesized: false,
            arguments,
            whole: values.join(","),
            at: 0..0,
            text,
        };
        // Several lines of one list are one rule.
        if line.list
            && let Some(known) = self
                .sources
                .iter_mut()
                .find(|source| source.whole && source.line.list && source.call.name == name)
        {
            known.call.arguments.extend(call.arguments);
            known.call.whole = format!("{},{}", known.call.whole, call.whole);
            known.call.text = format!("{},{}", known.call.text, call.whole);
            return;
        }
        self.sources.push(Source { call, line, whole: true });
    }

    fn flag(&mut self, line: Line<'a>, name: &str) {
        let call = Call {
            name: name.to_owned(),
            negated: false,
            parenthesized: false,
            arguments: Vec::new(),
            whole: String::new(),
            at: 0..0,
            text: name.to_owned(),
        };
        self.sources.push(Source { call, line, whole: true });
    }
}

impl<'a> Reader<'a> {
    /// Reads `config fields`: each line is a field.
    pub(super) fn fields(&mut self, section: Section<'a>, above: Option<&str>) -> Vec<Pending> {
        let at = head(self.package, section);
        let of = section.name().or(above);
        let mut made: Vec<Making<'a>> = Vec::new();
        for line in self.lines(section) {
            let name = Self::name(&line);
            let Some(text) = self.text(&line) else { continue };
            let known = made.iter().position(|making| *making.field.name == *name);
            if let Some(number) = known
                && !(line.list && made[number].field.list)
            {
                self.fault(line.name_place(), FIELD_TWICE, format!("`{name}` is declared twice"), None);
                continue;
            }
            let sources = self.sources(line, &text);
            let making = match known {
                Some(number) => &mut made[number],
                None => {
                    let mut making = Making::new(&name, line.name_place());
                    making.sections.extend(of.map(|name| (name.to_owned(), at)));
                    made.push(making);
                    let last = made.len() - 1;
                    &mut made[last]
                }
            };
            making.field.list |= line.list;
            making.sources.extend(sources);
        }
        made.into_iter().map(|making| self.finish(making)).collect()
    }

    /// Reads `config field`: each line is a property.
    pub(super) fn field(&mut self, section: Section<'a>, above: Option<&str>) -> Option<Pending> {
        let at = head(self.package, section);
        let own: Vec<_> = stanzas(self.package, section);
        if own.len() > 1 {
            let hint = "leave the fields without names, and write `option name 'NAME'` in each".to_owned();
            self.fault(
                at,
                FIELD_TWICE,
                format!("`config field '{}'` stands here more than once", section.name().unwrap_or_default()),
                Some(hint),
            );
        }
        let lines = self.lines(section);
        let named = lines.iter().rfind(|line| &*line.name.value() == b"name").copied();
        let name = match named {
            Some(line) => self.text(&line)?,
            None => section.name().unwrap_or_default().to_owned(),
        };
        let place = named.map_or(at, |line| line.value_place());
        if name.is_empty() {
            let hint = "write `config field 'NAME'`, or `option name 'NAME'`".to_owned();
            self.fault(place, NO_NAME, "a field without a name", Some(hint));
            return None;
        }
        let plain = name.strip_suffix('*').unwrap_or(&name);
        if !plain.is_empty() && crate::Name::new(plain).is_err() {
            self.fault(place, SCHEMA_VALUE, format!("`{name}` is not the name of an option"), None);
        }
        let mut making = Making::new(&name, place);
        let says = lines.iter().any(|line| &*line.name.value() == b"section");
        for line in lines {
            self.property_line(&mut making, line);
        }
        if !says {
            making.sections.extend(above.map(|name| (name.to_owned(), at)));
        }
        Some(self.finish(making))
    }

    fn property_line(&mut self, making: &mut Making<'a>, line: Line<'a>) {
        let Some(text) = self.text(&line) else { return };
        let name = Self::name(&line);
        match name.as_str() {
            "name" => {}
            "section" => {
                let names = text.split_ascii_whitespace();
                making.sections.extend(
                    names.filter(|name| *name != "*").map(|name| (name.to_owned(), line.value_place())),
                );
            }
            // The seed's types are in capitals.
            "type" => match text.to_ascii_lowercase().as_str() {
                "array" => making.flag(line, "list"),
                text => {
                    let sources = self.sources(line, text);
                    making.sources.splice(0..0, sources);
                }
            },
            "validation" => {
                let sources = self.sources(line, &text);
                making.sources.extend(sources);
            }
            "required" | "list" | "words" | "unique" | "distinct" | "secret" => {
                if self.flag(&line) {
                    making.flag(line, &name);
                }
            }
            "cache" => {
                if !self.flag(&line) {
                    making.flag(line, "nocache");
                }
            }
            "enum" => making.add(line, "in", vec![text]),
            "pattern" => making.add(line, "regex", vec![text]),
            "min" | "max" | "size" | "unit" | "ref" | "required_if" | "default" | "reload" => {
                making.add(line, &name, vec![text])
            }
            "excludes" => making.add(line, &name, text.split_ascii_whitespace().map(str::to_owned).collect()),
            "min_items" | "max_items" => {
                let Some(count) = self.count(&line) else { return };
                let (least, most) = making.field.items.unwrap_or((0, u64::MAX));
                making.field.items = Some(if name == "min_items" { (count, most) } else { (least, count) });
                making.field.list = true;
            }
            "access" => match text.as_str() {
                "read-write" | "rw" => {}
                "read-only" | "ro" => making.flag(line, "read_only"),
                "write-once" => making.flag(line, "write_once"),
                _ => self.wrong(&line, "`read-write`, `read-only` or `write-once`"),
            },
            "deprecated" => {
                making.field.deprecated.get_or_insert_default().reason = Some(text.into());
            }
            "replaced_by" => {
                making.field.deprecated.get_or_insert_default().replacement = Some(text.as_str().into());
                making.conditions.push((text, line.value_place()));
            }
            "description" => making.field.description = Some(text.into()),
            _ => self.unknown_option(&line, "field", FIELD_OPTIONS),
        }
    }

    /// Compiles the rules and brings everything together.
    fn finish(&mut self, mut making: Making<'a>) -> Pending {
        let sources = std::mem::take(&mut making.sources);
        let (properties, rules): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|source| is_property(&source.call));
        for source in properties {
            if let Err(fault) = property(&mut making, &source) {
                self.rule_fault(source.place(&fault), fault);
            }
        }
        let calls: Vec<Call> = rules.iter().map(|source| source.call.clone()).collect();
        let measure = measure(&calls);
        let unit = making.field.unit.clone().unwrap_or_default();
        let bare = match measure {
            Some(Measure::Duration) => quantity::bare_time(&unit),
            Some(Measure::Size) => quantity::bare_size(&unit),
            _ => None,
        };
        let scale = Scale { measure, bare };
        for source in &rules {
            match compile(std::slice::from_ref(&source.call), scale, self.rules, 0) {
                Ok(compiled) => making.field.rules.extend(compiled),
                Err(fault) => self.rule_fault(source.place(&fault), fault),
            }
        }
        settle_type(&mut making.field, &calls, bare);
        if let Some(width) = making.field.size {
            self.settle_size(&mut making, width);
        }
        making.field.rules.sort_by_key(|rule| !matches!(rule.test, Test::Plain(_)));
        // In the order of the schema, not sorted as the rule has them.
        for call in calls.iter().filter(|call| call.name == "in" && !call.negated) {
            making
                .field
                .choices
                .extend(call.arguments.iter().map(|argument| argument.text.as_bytes().into()));
        }
        making.field.list |= making.field.words || making.field.items.is_some();
        self.settle_default(&mut making);
        making.field.sections = making.sections.iter().map(|(name, _)| name.as_str().into()).collect();
        let Making { field, place, sections, conditions, .. } = making;
        Pending { field, place, sections, conditions }
    }

    fn settle_size(&mut self, making: &mut Making<'a>, width: u64) {
        let unsigned = making
            .field
            .rules
            .iter()
            .any(|rule| matches!(rule.test, Test::Plain(plain) if plain.json == Json::Unsigned));
        let rule = match (making.field.kind, width) {
            (Kind::Int, 1 | 2 | 4 | 8) => {
                let bits = width * 8;
                let (low, high) = match (unsigned, bits) {
                    (_, 64) => (i64::MIN, i64::MAX),
                    (true, bits) => (0, (1i64 << bits) - 1),
                    (false, bits) => (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1),
                };
                Rule {
                    test: Test::Int(low, high),
                    text: format!("size:{width}").into(),
                    code: super::code::RANGE,
                    wants: format!("a number of {bits} bits").into(),
                }
            }
            (Kind::Int, _) => {
                return self.fault(
                    making.place,
                    SCHEMA_VALUE,
                    format!("a whole number is 1, 2, 4 or 8 bytes wide, not {width}"),
                    None,
                );
            }
            (Kind::Text, most) => Rule {
                test: Test::Bytes(most),
                text: format!("size:{most}").into(),
                code: super::code::LENGTH,
                wants: amount(0, most, "byte").into(),
            },
            // How wide a truth value or a number with a point is says nothing about how it may be written.
            _ => return,
        };
        making.field.rules.push(rule);
    }

    fn settle_default(&mut self, making: &mut Making<'a>) {
        let Some((values, split, place)) = making.default.take() else { return };
        let field = &mut making.field;
        let value = if field.list && !(field.words && values.len() == 1) {
            Value::list(values)
        } else if split {
            Value::scalar(values.join(","))
        } else {
            Value::scalar(values.concat())
        };
        let bad = value.items().iter().find_map(|item| {
            let parts: Vec<&[u8]> = if field.words { words(item).collect() } else { vec![item] };
            parts.into_iter().find_map(|part| {
                let rule = field.rules.iter().find(|rule| !rule.test.holds(part))?;
                Some(format!(
                    "the default `{}` of `{}` {}",
                    String::from_utf8_lossy(part),
                    field.name,
                    rule.complaint(part)
                ))
            })
        });
        field.default = Some(value);
        if let Some(message) = bad {
            self.fault(place, DEFAULT, message, None);
        }
    }
}

/// What the values are to a program: the first type that says so.
fn settle_type(field: &mut Field, calls: &[Call], bare: Option<u64>) {
    let mut types = calls.iter().filter(|call| !call.negated).filter_map(|call| plain::find(&call.name));
    let found = types.find(|plain| plain.names[0] != "string");
    field.type_name = found.map_or("string", |plain| plain.names[0]).into();
    field.kind = match found {
        Some(plain) if plain.json == Json::Boolean => Kind::Bool,
        // `infinite` is a lease time, and no duration.
        Some(plain) if plain.names[0] == "leasetime" => Kind::Text,
        Some(plain) => match plain.measure {
            Measure::Text => Kind::Text,
            Measure::Number => Kind::Int,
            Measure::Float => Kind::Float,
            Measure::Duration => Kind::Duration(bare.unwrap_or(1000)),
            Measure::Size => Kind::Size(bare.unwrap_or(1)),
        },
        None => Kind::Text,
    };
}

/// Takes a property into a field.
fn property<'a>(making: &mut Making<'a>, source: &Source<'a>) -> Result<(), Fault> {
    let Source { call, line, .. } = source;
    let fault = |message: String| Fault::new(ARGUMENT, call.at.clone(), message);
    let texts = || call.arguments.iter().map(|argument| argument.text.as_str());
    let field = &mut making.field;
    let name = call.name.as_str();
    if call.negated {
        return Err(fault(format!("`!{name}` means nothing")));
    }
    const TAKES: [&str; 11] = [
        "default",
        "deprecated",
        "reload",
        "unit",
        "size",
        "ref",
        "required_if",
        "required_with",
        "required_unless",
        "excludes",
        "items",
    ];
    let takes = TAKES.contains(&name);
    if !takes && !call.arguments.is_empty() {
        return Err(fault(format!("`{name}` takes no arguments")));
    }
    if takes && call.arguments.is_empty() && name != "deprecated" {
        return Err(fault(format!("`{0}` wants an argument: `{0}:...`", name)));
    }
    match name {
        "required" => field.required = true,
        "nullable" | "sometimes" | "optional" => {}
        "unique" => field.unique = true,
        "distinct" => field.distinct = true,
        "list" | "array" => field.list = true,
        "words" => field.words = true,
        "secret" => field.secret = true,
        "read_only" => field.access = Access::ReadOnly,
        "write_once" => field.access = Access::WriteOnce,
        "nocache" => field.uncached = true,
        "default" => {
            let values = texts().map(str::to_owned).collect();
            making.default = Some((values, true, line.value_place()));
        }
        "unit" => field.unit = Some(call.whole.as_str().into()),
        "reload" => field.reload.extend(if source.whole {
            texts().map(Into::into).collect::<Vec<_>>()
        } else {
            vec![call.whole.as_str().into()]
        }),
        "size" => match quantity::size(call.whole.as_bytes(), 1) {
            Some(size) => field.size = Some(size),
            None => return Err(fault(format!("`{}` is not a number of bytes", call.whole))),
        },
        "items" => {
            let bound = |argument: Option<&Argument>, otherwise: u64| match argument
                .map(|argument| argument.text.as_str())
            {
                None | Some("") => Ok(otherwise),
                Some(text) => quantity::int(text.as_bytes())
                    .and_then(|count| u64::try_from(count).ok())
                    .ok_or_else(|| fault(format!("`{text}` is not a count"))),
            };
            let least = bound(call.arguments.first(), 0)?;
            let most =
                if call.arguments.len() == 1 { least } else { bound(call.arguments.get(1), u64::MAX)? };
            if call.arguments.len() > 2 || least > most {
                return Err(fault("`items` wants the fewest and the most: `items:1,9`".to_owned()));
            }
            field.items = Some((least, most));
        }
        "ref" => {
            let target = texts().next().unwrap_or_default();
            field.reference = Some(reference(target).ok_or_else(|| {
                fault(format!("`{target}` is not of the form PACKAGE.TYPE or PACKAGE.TYPE.OPTION"))
            })?);
            field.beside_reference = texts().skip(1).map(|text| text.as_bytes().into()).collect();
        }
        "required_if" | "required_with" | "required_unless" => {
            for text in texts() {
                let condition = condition(name, text)
                    .ok_or_else(|| fault(format!("`{text}` is no condition of `{name}`")))?;
                making.conditions.push((condition.option().to_owned(), line.value_place()));
                field.required_if.push(condition);
            }
        }
        "excludes" => {
            for text in texts() {
                making.conditions.push((text.to_owned(), line.value_place()));
                field.excludes.push(text.into());
            }
        }
        "deprecated" => {
            let known = field.deprecated.get_or_insert_with(Deprecation::default);
            if !call.whole.is_empty() {
                known.replacement = Some(call.whole.as_str().into());
                making.conditions.push((call.whole.clone(), line.value_place()));
            }
        }
        _ => return Err(fault(format!("`{name}` is no property"))),
    }
    Ok(())
}

fn reference(text: &str) -> Option<Reference> {
    let mut parts = text.split('.');
    let package = parts.next()?;
    let kind = parts.next().filter(|kind| crate::TypeName::new(kind).is_ok())?;
    let option = parts.next();
    if parts.next().is_some()
        || option.is_some_and(|option| crate::Name::new(option).is_err())
        || !(package.is_empty() || crate::PackageName::new(package).is_ok())
    {
        return None;
    }
    Some(Reference {
        package: (!package.is_empty()).then(|| package.into()),
        kind: (kind != "*").then(|| kind.into()),
        option: option.map(Into::into),
    })
}

fn condition(rule: &str, text: &str) -> Option<Condition> {
    let valid = |option: &str| crate::Name::new(option).ok().map(|_| Box::<str>::from(option));
    let different = text.split_once("!=");
    let equal = text.split_once('=');
    match (rule, different, equal) {
        ("required_with", _, None) => Some(Condition::Present(valid(text)?)),
        ("required_if", Some((option, value)), _) => {
            Some(Condition::Different(valid(option)?, value.as_bytes().into()))
        }
        ("required_if", None, Some((option, value))) => {
            Some(Condition::Equal(valid(option)?, value.as_bytes().into()))
        }
        ("required_if", None, None) => Some(Condition::Present(valid(text)?)),
        ("required_unless", None, Some((option, value))) => {
            Some(Condition::Different(valid(option)?, value.as_bytes().into()))
        }
        _ => None,
    }
}

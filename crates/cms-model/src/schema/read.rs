//! Reading a schema: from its package to a module.

use crate::{Diagnostic, Package, Section, Severity};

use super::code::{
    Code, FIELD_TWICE, LANGUAGE, NO_MODULE, NO_NAME, NO_SUCH_FIELD, NO_SUCH_SECTION, SCHEMA_OPTION,
    SCHEMA_TYPE, SCHEMA_VALUE, TWO_MODULES,
};
use super::compile::{Scale, compile};
use super::migration::migrations;
use super::module::{Mode, Module, Naming, SectionType, Settings, Unknown, Version};
use super::place::{Finding, Findings, Line, Place, head, lines, stanzas};
use super::quantity;
use super::read_field::{Pending, Source};
use super::rule::{Rule, Rules};
use super::suggest::closest;
use super::syntax::{Fault, parse};

/// The version of the language that this reader knows.
const LANGUAGE_VERSION: i64 = 1;

/// The section types of a schema.
const TYPES: [&str; 5] = ["module", "section", "fields", "field", "migration"];

const MODULE_OPTIONS: &[&str] = &[
    "version",
    "language",
    "mode",
    "unknown",
    "strict",
    "package",
    "description",
    "reload",
    "created_at",
    "db_path",
    "sha_key",
    "cache_policy",
    "cache_size",
    "allowed_clients",
];

const SECTION_OPTIONS: &[&str] =
    &["type", "naming", "min", "max", "name_rules", "unknown", "description", "reload"];

impl Module {
    /// Reads a schema from a file of its own. `file` names it in what is wrong with it.
    ///
    /// # Errors
    /// All that is wrong with the schema, with places.
    ///
    /// ```
    /// use cms_model::{Package, schema::{Module, Rules}};
    ///
    /// let text = b"config module 'm'\nconfig fields\n\toption age 'uint|betwen:1,9'\n";
    /// let faults = Module::read(&Package::parse(text).unwrap(), "m.schema", &Rules::default()).unwrap_err();
    /// assert_eq!(faults[0].to_string(), "m.schema:3:19: there is no rule `betwen`");
    /// assert_eq!(faults[0].hint.as_deref(), Some("did you mean `between`?"));
    /// ```
    pub fn read(package: &Package, file: &str, rules: &Rules) -> Result<Module, Vec<Diagnostic>> {
        Reader { package, rules, findings: Findings::default() }.module(file, None)
    }

    /// Reads the schema that lies in a package itself, if there is one: a `config module` with fields or section types.
    ///
    /// # Errors
    /// All that is wrong with the schema, with places.
    pub fn embedded(package: &Package, name: &str, rules: &Rules) -> Result<Option<Module>, Vec<Diagnostic>> {
        let has = |kinds: &[&str]| kinds.iter().any(|kind| package.nth(Some(kind), 0).is_some());
        if !has(&["module"]) || !has(&["section", "fields", "field"]) {
            return Ok(None);
        }
        Reader { package, rules, findings: Findings::default() }.module(name, Some(name)).map(Some)
    }
}

pub(super) struct Reader<'a> {
    pub package: &'a Package,
    pub rules: &'a Rules,
    findings: Findings,
}

impl<'a> Reader<'a> {
    fn module(mut self, file: &str, embedded_in: Option<&str>) -> Result<Module, Vec<Diagnostic>> {
        let mut module = Module {
            name: String::new(),
            settings: Settings::default(),
            fields: Vec::new(),
            types: Vec::new(),
            by_type: Default::default(),
            by_prefix: Vec::new(),
            anywhere: SectionType::default(),
            declares_types: false,
            embedded: embedded_in.is_some(),
            versions: Vec::new(),
        };
        let mut found = false;
        for section in self.package.sections() {
            match section.kind() {
                "module" if found => {
                    self.fault(
                        head(self.package, section),
                        TWO_MODULES,
                        "a second module in one schema",
                        None,
                    );
                }
                "module" => {
                    found = true;
                    self.settings(section, &mut module, embedded_in);
                }
                kind if embedded_in.is_none() && !TYPES.contains(&kind) => {
                    let hint = closest(kind, TYPES).map(|meant| format!("did you mean `{meant}`?"));
                    self.fault(
                        head(self.package, section),
                        SCHEMA_TYPE,
                        format!("`{kind}` is no section of a schema"),
                        hint,
                    );
                }
                _ => {}
            }
        }
        if !found {
            self.fault(
                Place::default(),
                NO_MODULE,
                "the schema has no module",
                Some("begin with `config module 'NAME'`".to_owned()),
            );
        }
        module.anywhere.unknown = module.settings.unknown;
        for section in self.package.sections().filter(|section| section.kind() == "section") {
            self.section_type(section, &mut module);
        }
        module.declares_types = !module.types.is_empty();
        let mut pending = Vec::new();
        // Fields belong to the section type above them, unless they say otherwise.
        let mut above = None;
        for section in self.package.sections() {
            match section.kind() {
                "section" => {
                    let kind =
                        section.get("type").and_then(|kind| String::from_utf8(kind.items().concat()).ok());
                    above = kind.or_else(|| section.name().map(str::to_owned));
                }
                "fields" => pending.extend(self.fields(section, above.as_deref())),
                "field" => pending.extend(self.field(section, above.as_deref())),
                _ => {}
            }
        }
        self.resolve(&mut module, pending);
        // In a package that describes itself a `config migration` is a section like any other.
        if embedded_in.is_none() {
            let package = self.package;
            let sections: Vec<_> =
                package.sections().filter(|section| section.kind() == "migration").collect();
            module.versions = migrations(&mut self, &sections, module.settings.version);
        }
        let diagnostics = self.findings.finish(self.package, file);
        if diagnostics.iter().any(|found| found.severity == Severity::Error) {
            Err(diagnostics)
        } else {
            Ok(module)
        }
    }

    pub(super) fn fault(
        &mut self,
        place: Place,
        code: &'static Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let message = message.into();
        self.findings.push(Finding {
            place,
            code,
            severity: code.severity,
            message,
            hint,
            detail: None,
            secret: false,
            names: false,
        });
    }

    pub(super) fn rule_fault(&mut self, place: Place, fault: Fault) {
        self.fault(place, fault.code, fault.message, fault.hint);
    }

    /// All lines of a section, in order.
    pub(super) fn lines(&self, section: Section<'a>) -> Vec<Line<'a>> {
        stanzas(self.package, section).into_iter().flat_map(|spot| lines(self.package, spot)).collect()
    }

    /// The value of a line as text.
    pub(super) fn text(&mut self, line: &Line<'_>) -> Option<String> {
        let value = line.value.map(|word| word.value().into_owned()).unwrap_or_default();
        match String::from_utf8(value) {
            Ok(text) => Some(text),
            Err(_) => {
                self.fault(line.value_place(), SCHEMA_VALUE, "a schema is UTF-8 text", None);
                None
            }
        }
    }

    pub(super) fn name(line: &Line<'_>) -> String {
        String::from_utf8_lossy(&line.name.value()).into_owned()
    }

    pub(super) fn wrong(&mut self, line: &Line<'_>, wanted: &str) {
        let text =
            String::from_utf8_lossy(&line.value.map(|word| word.value()).unwrap_or_default()).into_owned();
        let message = format!("`{}` is `{text}`, not {wanted}", Self::name(line));
        self.fault(line.value_place(), SCHEMA_VALUE, message, None);
    }

    pub(super) fn unknown_option(&mut self, line: &Line<'_>, of: &str, known: &[&'static str]) {
        let name = Self::name(line);
        let hint = match closest(&name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are: {}", known.join(", ")),
        };
        self.fault(
            line.name_place(),
            SCHEMA_OPTION,
            format!("a `config {of}` has no option `{name}`"),
            Some(hint),
        );
    }

    pub(super) fn flag(&mut self, line: &Line<'_>) -> bool {
        let text = self.text(line).unwrap_or_default();
        quantity::boolean(text.as_bytes()).unwrap_or_else(|| {
            self.wrong(line, "a bool");
            false
        })
    }

    pub(super) fn count(&mut self, line: &Line<'_>) -> Option<u64> {
        let text = self.text(line)?;
        let count = quantity::int(text.as_bytes()).and_then(|count| u64::try_from(count).ok());
        if count.is_none() {
            self.wrong(line, "a count");
        }
        count
    }

    fn unknown(&mut self, line: &Line<'_>) -> Unknown {
        match self.text(line).as_deref() {
            Some("allow") => Unknown::Allow,
            Some("warn") => Unknown::Warn,
            Some("error") => Unknown::Refuse,
            _ => {
                self.wrong(line, "`allow`, `warn` or `error`");
                Unknown::Warn
            }
        }
    }

    fn settings(&mut self, section: Section<'a>, module: &mut Module, embedded_in: Option<&str>) {
        match section.name() {
            Some(name) => module.name = name.to_owned(),
            None => {
                let hint = Some("write `config module 'NAME'`".to_owned());
                self.fault(head(self.package, section), NO_MODULE, "the module has no name", hint);
            }
        }
        let mut settings = Settings::default();
        for line in self.lines(section) {
            let Some(text) = self.text(&line) else { continue };
            let name = Self::name(&line);
            match name.as_str() {
                "version" => match Version::parse(&text) {
                    Some(version) => settings.version = version,
                    None => self.wrong(&line, "a version such as 1.2.0"),
                },
                "language" => match quantity::int(text.as_bytes()) {
                    Some(1..=LANGUAGE_VERSION) => {}
                    Some(newer) if newer > LANGUAGE_VERSION => {
                        let message = format!(
                            "the schema is written in version {newer} of the language; this program knows {LANGUAGE_VERSION}"
                        );
                        self.fault(
                            line.value_place(),
                            LANGUAGE,
                            message,
                            Some("use a newer version of the program".to_owned()),
                        );
                    }
                    _ => self.wrong(&line, "the number of a version"),
                },
                "mode" => match text.as_str() {
                    "off" => settings.mode = Mode::Off,
                    "warn" => settings.mode = Mode::Warn,
                    "enforce" => settings.mode = Mode::Enforce,
                    _ => self.wrong(&line, "`off`, `warn` or `enforce`"),
                },
                "unknown" => settings.unknown = self.unknown(&line),
                "strict" => {
                    if self.flag(&line) {
                        settings.unknown = Unknown::Refuse;
                    }
                }
                "package" => {
                    for name in text.split_ascii_whitespace() {
                        if crate::PackageName::new(name).is_ok() {
                            settings.packages.push(name.to_owned());
                        } else {
                            self.wrong(&line, "the name of a package");
                        }
                    }
                }
                "description" => settings.description = Some(text),
                "reload" => settings.reload.push(text),
                "created_at" => {
                    let is_date = ["date", "datetime"].iter().any(|kind| holds(kind, &text));
                    if is_date {
                        settings.created_at = Some(text)
                    } else {
                        self.wrong(&line, "a date, or a date and time")
                    }
                }
                "db_path" => settings.db_path = Some(text),
                "sha_key" => settings.sha_key = Some(text),
                "cache_policy" => {
                    const POLICIES: [&str; 5] = ["LRU", "MRU", "FIFO", "S3-FIFO", "TinyLFU"];
                    if POLICIES.iter().any(|policy| policy.eq_ignore_ascii_case(&text)) {
                        settings.cache_policy = Some(text);
                    } else {
                        self.wrong(&line, "`LRU`, `MRU`, `FIFO`, `S3-FIFO` or `TinyLFU`");
                    }
                }
                "cache_size" => match quantity::size(text.as_bytes(), 1) {
                    Some(size) => settings.cache_size = Some(size),
                    None => self.wrong(&line, "a size such as 100M"),
                },
                "allowed_clients" => {
                    if holds("ipmask", &text) || holds("host", &text) {
                        settings.allowed_clients.push(text);
                    } else {
                        self.wrong(&line, "an address, a network or a host name");
                    }
                }
                _ => self.unknown_option(&line, "module", MODULE_OPTIONS),
            }
        }
        if settings.packages.is_empty() {
            settings.packages.push(embedded_in.unwrap_or(&module.name).to_owned());
        }
        module.settings = settings;
    }

    fn section_type(&mut self, section: Section<'a>, module: &mut Module) {
        let name = section.name().unwrap_or_default();
        let mut shape = SectionType {
            name: name.into(),
            kind: name.into(),
            unknown: module.settings.unknown,
            ..SectionType::default()
        };
        let mut kind_place = head(self.package, section);
        for line in self.lines(section) {
            let Some(text) = self.text(&line) else { continue };
            match Self::name(&line).as_str() {
                "type" => {
                    if crate::TypeName::new(&text).is_err() {
                        self.wrong(&line, "a section type");
                    }
                    shape.kind = text.into();
                    kind_place = line.value_place();
                }
                "naming" => match text.as_str() {
                    "any" => shape.naming = Naming::Any,
                    "named" => shape.naming = Naming::Named,
                    "anonymous" => shape.naming = Naming::Anonymous,
                    _ => self.wrong(&line, "`any`, `named` or `anonymous`"),
                },
                "min" => shape.min = self.count(&line).unwrap_or_default(),
                "max" => shape.max = self.count(&line),
                "name_rules" => shape.name_rules.extend(self.rules_of(&line, &text)),
                "unknown" => shape.unknown = self.unknown(&line),
                "description" => shape.description = Some(text.into()),
                "reload" => shape.reload.push(text.into()),
                _ => self.unknown_option(&line, "section", SECTION_OPTIONS),
            }
        }
        if shape.kind.is_empty() {
            let hint = Some("write `option type 'TYPE'`".to_owned());
            return self.fault(kind_place, NO_NAME, "a section type without a name", hint);
        }
        if shape.name.is_empty() {
            shape.name = shape.kind.clone();
        }
        self.declare(module, shape, kind_place);
    }

    /// Compiles rules that stand alone on a line.
    fn rules_of(&mut self, line: &Line<'_>, text: &str) -> Vec<Rule> {
        let compiled =
            parse(text).and_then(|calls| compile(&calls, Scale { measure: None, bare: None }, self.rules, 0));
        compiled.unwrap_or_else(|fault| {
            self.rule_fault(line.part_place(&fault.at), fault);
            Vec::new()
        })
    }

    fn declare(&mut self, module: &mut Module, shape: SectionType, place: Place) -> u32 {
        let number = module.types.len() as u32;
        let twice = match shape.kind.strip_suffix('*') {
            Some(prefix) => {
                let known = module.by_prefix.iter().any(|(other, _)| **other == *prefix);
                module.by_prefix.push((prefix.into(), number));
                module.by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
                known
            }
            None => module.by_type.insert(shape.kind.as_bytes().into(), number).is_some(),
        };
        if twice {
            self.fault(
                place,
                FIELD_TWICE,
                format!("the section type `{}` is declared twice", shape.kind),
                None,
            );
        }
        module.types.push(shape);
        number
    }

    /// Gives each field to its section types.
    fn resolve(&mut self, module: &mut Module, pending: Vec<Pending>) {
        let mut general = Vec::new();
        let mut places = Vec::new();
        for Pending { field, place, sections, conditions } in pending {
            let number = module.fields.len() as u32;
            places.push(conditions);
            if sections.is_empty() {
                general.push((number, place));
            }
            for (name, at) in &sections {
                if let Some(shape) = self.shape_named(module, name, *at)
                    && !module.types.get_mut(shape).is_some_and(|shape| shape.take(number, &field.name))
                {
                    let message = format!("`{}` is declared twice for `{name}`", field.name);
                    self.fault(place, FIELD_TWICE, message, None);
                }
            }
            module.fields.push(field);
        }
        for (number, place) in general {
            let name = module.fields[number as usize].name.clone();
            // A field of one section type wins over a field of all.
            for shape in &mut module.types {
                shape.take(number, &name);
            }
            if !module.anywhere.take(number, &name) {
                self.fault(place, FIELD_TWICE, format!("`{name}` is declared twice"), None);
            }
        }
        for shape in module.types.iter_mut().chain([&mut module.anywhere]) {
            let SectionType { fields, required, related, .. } = shape;
            for (place, number) in fields.iter().enumerate() {
                let field = &module.fields[*number as usize];
                if field.required {
                    required.push(place as u32);
                }
                if !field.required_if.is_empty() || !field.excludes.is_empty() {
                    related.push(place as u32);
                }
            }
            for (place, number) in shape.fields.iter().enumerate() {
                let _ = place;
                for (option, at) in places.get(*number as usize).into_iter().flatten() {
                    if shape.place(option.as_bytes()).is_some() || shape.unknown == Unknown::Allow {
                        continue;
                    }
                    let known = shape.fields.iter().filter_map(|number| module.fields.get(*number as usize));
                    let hint = closest(option, known.map(|field| field.name()))
                        .map(|meant| format!("did you mean `{meant}`?"));
                    let of =
                        if shape.kind.is_empty() { String::new() } else { format!(" of `{}`", shape.kind) };
                    let message = format!("`{option}` is no option{of}");
                    self.findings.push(Finding {
                        place: *at,
                        code: NO_SUCH_FIELD,
                        severity: NO_SUCH_FIELD.severity,
                        message,
                        hint,
                        detail: None,
                        secret: false,
                        names: false,
                    });
                }
            }
        }
    }

    /// Finds the section type that a field names.
    fn shape_named(&mut self, module: &mut Module, name: &str, place: Place) -> Option<usize> {
        let by_kind = module.types.iter().position(|shape| *shape.kind == *name);
        let found = by_kind.or_else(|| module.types.iter().position(|shape| *shape.name == *name));
        if found.is_some() {
            return found;
        }
        if !module.declares_types {
            let kind: Box<str> = name.into();
            let shape = SectionType {
                name: kind.clone(),
                kind,
                unknown: module.settings.unknown,
                ..SectionType::default()
            };
            return Some(self.declare(module, shape, place) as usize);
        }
        let hint = closest(name, module.types.iter().map(|shape| &*shape.name))
            .map(|meant| format!("did you mean `{meant}`?"));
        self.fault(
            place,
            NO_SUCH_SECTION,
            format!("there is no `config section` of the type `{name}`"),
            hint,
        );
        None
    }

    pub(super) fn sources(&mut self, line: Line<'a>, text: &str) -> Vec<Source<'a>> {
        match parse(text) {
            Ok(calls) => calls.into_iter().map(|call| Source { call, line, whole: false }).collect(),
            Err(fault) => {
                self.rule_fault(line.part_place(&fault.at), fault);
                Vec::new()
            }
        }
    }
}

impl SectionType {
    /// Takes a field; says whether there was none of its name.
    fn take(&mut self, number: u32, name: &str) -> bool {
        let place = self.fields.len() as u32;
        let fresh = match name.strip_suffix('*') {
            Some(prefix) => {
                let known = self.by_prefix.iter().any(|(other, _)| **other == *prefix);
                if !known {
                    self.by_prefix.push((prefix.into(), place));
                    self.by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
                }
                !known
            }
            None => match self.by_name.contains_key(name.as_bytes()) {
                true => false,
                false => self.by_name.insert(name.as_bytes().into(), place).is_none(),
            },
        };
        if fresh {
            self.fields.push(number);
        }
        fresh
    }
}

/// Says whether a plain type holds for a text.
pub(super) fn holds(kind: &str, text: &str) -> bool {
    super::plain::find(kind).is_some_and(|plain| (plain.test)(text.as_bytes()))
}

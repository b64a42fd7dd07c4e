//! Checking packages: whole, or what changed.

use std::borrow::Cow;

use hashbrown::HashMap;
use rapidhash::fast::RandomState;

use crate::{Change, ChangeKind, Detail, Diagnostic, Name, Package, Section, SectionId, Severity};

use super::code::{
    CHOICE, CONDITION, COUNT, Code, DEPRECATED, DUPLICATE, EXCLUDED, ITEMS, LIST, MISSING, NAMING, READ_ONLY,
    REFERENCE, REPEATED, SECTION_NAME, UNKNOWN_OPTION, UNKNOWN_TYPE,
};
use super::compile::amount;
use super::field::{Access, Condition, Field, Reference};
use super::module::{Module, Naming, SectionType, Unknown};
use super::place::{Finding, Findings, Line, Place, head, lines, stanzas};
use super::registry::{Lookup, Schemas};
use super::relation::{Targets, each_target, exists, has_value, is_kind, targets};
use super::rule::{Rule, words};
use super::suggest::closest;

/// With more changes than this, tables of values pay for themselves.
const FEW: usize = 16;

/// Who has a value: the first section, and the second if there is one.
type Holders = HashMap<Box<[u8]>, (SectionId, Option<SectionId>), RandomState>;

/// Checks packages against the schemas that there are.
///
/// Findings come with the package's name in the place of a file. Errors are errors here also where the module's
/// [`Mode`](super::Mode) is to warn: what to do with them is the caller's decision.
pub struct Checker<'a> {
    schemas: &'a Schemas,
    lookup: &'a dyn Lookup,
}

impl<'a> Checker<'a> {
    /// Makes a checker; references to other packages are followed with `lookup`.
    pub fn new(schemas: &'a Schemas, lookup: &'a dyn Lookup) -> Checker<'a> {
        Checker { schemas, lookup }
    }

    /// Checks all of a package: up to 1,000 errors and 1,000 warnings for each of its modules, in the order of the text.
    pub fn check(&self, name: &str, package: &Package) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for module in self.schemas.of(name) {
            let mut pass = self.pass(module, name, package);
            pass.whole = true;
            pass.tabled = true;
            pass.all();
            found.extend(pass.findings.finish(package, name));
        }
        in_order(found)
    }

    /// Checks what changes can have broken. `package` is what they led to, and `changes` are as they took effect.
    ///
    /// If nothing was wrong before them, the findings say the same as [`check`](Checker::check) says of the package, and
    /// beyond it what they must not change ([`Access`]) and which references of other packages they leave dangling. The
    /// cost follows the sections that changed; only a reference taken away, or a value that must be unique, looks at others.
    ///
    /// ```
    /// # use cms_model::{Draft, Name, Package, Value, schema::{Checker, Module, Rules, Schemas}};
    /// # let schema = Package::parse(b"config module 'm'\nconfig fields 's'\n\toption port 'port'\n").unwrap();
    /// # let mut schemas = Schemas::default();
    /// # schemas.insert(Module::read(&schema, "m", &Rules::default()).unwrap());
    /// let mut draft = Draft::new(Package::parse(b"config s 'a'\n\toption port '80'\n").unwrap(), 1);
    /// draft.set_option(&"a".parse().unwrap(), &Name::new("port").unwrap(), Value::scalar("80000")).unwrap();
    ///
    /// let found = Checker::new(&schemas, &()).check_changes("m", draft.package(), draft.changes());
    /// assert_eq!(found[0].message, "`m.a.port`: `80000` is not a port from 0 to 65535");
    /// ```
    pub fn check_changes(&self, name: &str, package: &Package, changes: &[Change]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for module in self.schemas.of(name) {
            let mut pass = self.pass(module, name, package);
            pass.changes(changes);
            found.extend(pass.findings.finish(package, name));
        }
        self.dangling(name, package, changes, &mut found);
        in_order(found)
    }

    fn pass<'p>(&self, module: &'p Module, name: &'p str, package: &'p Package) -> Pass<'p>
    where
        'a: 'p,
    {
        let others = self
            .schemas
            .of(name)
            .map(|other| &**other)
            .filter(|other| !std::ptr::eq(*other, module))
            .collect();
        Pass {
            module,
            others,
            name,
            package,
            lookup: self.lookup,
            findings: Findings::default(),
            occurrences: Vec::new(),
            states: Vec::new(),
            epoch: 0,
            whole: false,
            tabled: false,
            holders: HashMap::default(),
            targets: HashMap::default(),
        }
    }

    /// Finds references, from wherever, to what the changes took away.
    fn dangling(&self, name: &str, package: &Package, changes: &[Change], found: &mut Vec<Diagnostic>) {
        if self.schemas.references().next().is_none() {
            return;
        }
        let lost = Lost::new(package, changes);
        for (module, number) in self.schemas.references() {
            let field = &module.fields[number as usize];
            let Some(reference) = &field.reference else { continue };
            for referring in &module.settings.packages {
                let target = reference.package.as_deref().unwrap_or(referring);
                if target != name || !lost.concerns(reference) {
                    continue;
                }
                let table = (lost.values.len() > FEW && reference.option.is_some())
                    .then(|| targets(package, reference));
                let is_there = |value: &[u8]| match &table {
                    Some(table) => table.contains(value),
                    None => exists(package, reference, value),
                };
                let gone: Targets = lost
                    .values
                    .iter()
                    .filter(|value| !is_there(value))
                    .map(|value| value[..].into())
                    .collect();
                if gone.is_empty() {
                    continue;
                }
                let other = if referring == name { None } else { self.lookup.package(referring) };
                let holder = match &other {
                    Some(other) => other,
                    None if referring == name => package,
                    None => continue,
                };
                let mut pass = self.pass(module, referring, holder);
                pass.refer_to(number, reference, &gone);
                found.extend(pass.findings.finish(holder, referring));
            }
        }
    }
}

/// Sorts findings as the text goes, and drops what was found twice.
fn in_order(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |found: &Diagnostic| (found.file.clone(), found.line, found.column, found.code);
    if found.len() > 1 {
        found.sort_by_cached_key(place);
        found.dedup_by(|left, right| place(left) == place(right) && left.message == right.message);
    }
    found
}

/// What changes may have taken away. A section can change its type and an option its name on the way, so this says more
/// rather than less: whether a reference leads nowhere is looked up anyway.
#[derive(Default)]
struct Lost<'c> {
    /// The types that the sections have or had.
    kinds: Vec<Cow<'c, str>>,
    /// The options that had values.
    options: Vec<Cow<'c, str>>,
    /// Whether a name went.
    names: bool,
    values: Vec<Cow<'c, [u8]>>,
}

impl<'c> Lost<'c> {
    fn new(package: &'c Package, changes: &'c [Change]) -> Lost<'c> {
        let mut lost = Lost::default();
        for change in changes {
            lost.take(package, change);
        }
        lost.kinds.sort_unstable();
        lost.kinds.dedup();
        lost
    }

    /// Says whether a reference may have led to any of it.
    fn concerns(&self, reference: &Reference) -> bool {
        let by_option = match reference.option.as_deref() {
            Some(option) => self.options.iter().any(|known| known == option),
            None => self.names,
        };
        by_option && self.kinds.iter().any(|kind| is_kind(reference, kind))
    }

    fn take(&mut self, package: &'c Package, change: &'c Change) {
        let section = || package.section(change.section);
        if let Some(section) = section() {
            self.kinds.push(section.kind().into());
        }
        match &change.kind {
            ChangeKind::Delete { kind, name, options, .. } => {
                self.kinds.push(kind.as_str().into());
                self.name(name.as_ref());
                for (option, value) in options {
                    self.option(
                        option.as_str().into(),
                        value.items().iter().map(|item| Cow::Borrowed(&item[..])),
                    );
                }
            }
            ChangeKind::Rename { old, .. } => self.name(old.as_ref()),
            ChangeKind::Retype { old, .. } => {
                self.kinds.push(old.as_str().into());
                let Some(section) = section() else { return };
                if let Some(name) = section.name() {
                    self.names = true;
                    self.values.push(name.as_bytes().into());
                }
                for (option, value) in section.options() {
                    self.option(
                        option.to_string().into(),
                        value.items().to_vec().into_iter().map(Cow::Owned),
                    );
                }
            }
            ChangeKind::Set { option, old: Some(old), .. } | ChangeKind::Unset { option, old, .. } => {
                self.option(option.as_str().into(), old.items().iter().map(|item| Cow::Borrowed(&item[..])));
            }
            ChangeKind::RenameOption { old, new } => {
                self.options.push(old.as_str().into());
                let value = section().and_then(|section| section.get(new));
                let items = value.map(|value| value.items().to_vec()).unwrap_or_default();
                self.option(new.as_str().into(), items.into_iter().map(Cow::Owned));
            }
            ChangeKind::RemoveItem { option, item, .. } => {
                self.option(option.as_str().into(), [Cow::Borrowed(&item[..])].into_iter());
            }
            _ => {}
        }
    }

    fn name(&mut self, name: Option<&'c Name>) {
        if let Some(name) = name {
            self.names = true;
            self.values.push(name.as_bytes().into());
        }
    }

    fn option(&mut self, option: Cow<'c, str>, items: impl Iterator<Item = Cow<'c, [u8]>>) {
        self.options.push(option);
        for item in items {
            if words(&item).nth(1).is_some() {
                self.values.extend(words(&item).map(|word| Cow::Owned(word.to_vec())));
            }
            self.values.push(item);
        }
    }
}

/// Which options of a section are looked at.
#[derive(Clone, Copy)]
enum Scope<'s> {
    All,
    /// These, and what is said of them together with others.
    Touched {
        options: &'s [&'s Name],
        renamed: bool,
    },
}

impl Scope<'_> {
    #[inline]
    fn has(&self, option: &[u8]) -> bool {
        match self {
            Scope::All => true,
            // Sorted, because a section may have many.
            Scope::Touched { options, .. } => {
                options.binary_search_by(|name| name.as_bytes().cmp(option)).is_ok()
            }
        }
    }
}

/// A line, and the field that it is about.
#[derive(Clone, Copy)]
struct Occurrence<'a> {
    line: Line<'a>,
    place: u32,
}

/// What is known of a field in the section at hand.
#[derive(Clone, Copy, Default)]
struct State {
    /// The section that this is about.
    epoch: u32,
    /// The first line that counts.
    start: u32,
    last: u32,
    is_list: bool,
}

/// The check of one package by one module.
struct Pass<'a> {
    module: &'a Module,
    /// The other modules of the package.
    others: Vec<&'a Module>,
    name: &'a str,
    package: &'a Package,
    lookup: &'a dyn Lookup,
    findings: Findings,
    occurrences: Vec<Occurrence<'a>>,
    states: Vec<State>,
    epoch: u32,
    /// Whether all of the package is checked.
    whole: bool,
    /// Whether so much is checked that tables of values pay for themselves.
    tabled: bool,
    /// The values of fields that are unique, and the first two sections that have them.
    holders: HashMap<(u32, Box<str>), Holders, RandomState>,
    /// What references may lead to; none where it is not known.
    targets: HashMap<u32, Option<Targets>, RandomState>,
}

impl<'a> Pass<'a> {
    fn all(&mut self) {
        let mut counts = vec![0u64; self.module.types.len()];
        for section in self.package.sections() {
            let number = self.module.number_of(section.kind());
            if let Some(number) = number
                && let Some(count) = counts.get_mut(number as usize)
            {
                *count += 1;
                let shape = &self.module.types[number as usize];
                if shape.max.is_some_and(|max| *count == max + 1) {
                    self.too_many(section, shape);
                }
            }
            self.section(section, Scope::All);
        }
        for (shape, count) in self.module.types.iter().zip(counts) {
            if count < shape.min {
                self.too_few(shape, count);
            }
        }
    }

    fn changes(&mut self, changes: &[Change]) {
        self.tabled = changes.len() > FEW;
        // Most commits touch one option, and many one section.
        let mut touched: Vec<(SectionId, Option<&Name>, bool)> = Vec::with_capacity(changes.len());
        let mut counted = false;
        for change in changes {
            let id = change.section;
            match &change.kind {
                ChangeKind::Add { .. } | ChangeKind::Retype { .. } => {
                    counted = true;
                    touched.push((id, None, false));
                }
                ChangeKind::Delete { .. } => counted = true,
                ChangeKind::Rename { .. } => touched.push((id, None, true)),
                ChangeKind::Move { .. } => {}
                ChangeKind::RenameOption { old, new } => {
                    touched.push((id, Some(old), false));
                    touched.push((id, Some(new), false));
                }
                ChangeKind::Set { option, .. }
                | ChangeKind::Unset { option, .. }
                | ChangeKind::InsertItem { option, .. }
                | ChangeKind::RemoveItem { option, .. } => touched.push((id, Some(option), false)),
            }
            self.access(change);
        }
        touched.sort_unstable();
        touched.dedup();
        for group in touched.chunk_by(|left, right| left.0 == right.0) {
            let Some(section) = group.first().and_then(|(id, ..)| self.package.section(*id)) else {
                continue;
            };
            let whole = group.iter().any(|(_, option, renamed)| option.is_none() && !renamed);
            let options: Vec<&Name> = group.iter().filter_map(|(_, option, _)| *option).collect();
            let renamed = group.iter().any(|(.., renamed)| *renamed);
            let scope = if whole { Scope::All } else { Scope::Touched { options: &options, renamed } };
            self.section(section, scope);
        }
        if counted {
            self.counts();
        }
    }

    /// Counts the sections of the types of which there may not be any number.
    fn counts(&mut self) {
        for shape in &self.module.types {
            if shape.min == 0 && shape.max.is_none() {
                continue;
            }
            let number =
                |section: &Section<'_>| self.module.section_type(section.kind()).map(|found| found.kind());
            let mut count = 0u64;
            let mut surplus = None;
            for section in self.package.sections().filter(|section| number(section) == Some(shape.kind())) {
                count += 1;
                if shape.max.is_some_and(|max| count == max + 1) {
                    surplus = Some(section);
                }
            }
            if let Some(section) = surplus {
                self.too_many(section, shape);
            }
            if count < shape.min {
                self.too_few(shape, count);
            }
        }
    }

    fn too_many(&mut self, section: Section<'a>, shape: &SectionType) {
        let limit = amount(shape.min, shape.max.unwrap_or(u64::MAX), "section");
        let report = Report::new(COUNT, "is one section too many").allowed(limit.clone());
        let report = report.hint(format!("there may be {limit} of the type `{}`", shape.kind));
        self.report(head(self.package, section), section, None, report);
    }

    fn too_few(&mut self, shape: &SectionType, count: u64) {
        let limit = amount(shape.min, shape.max.unwrap_or(u64::MAX), "section");
        let detail = Detail { key: self.name.to_owned(), allowed: Some(limit.clone()), ..Detail::default() };
        let message = format!(
            "`{}` has {} of the type `{}`, not {limit}",
            self.name,
            amount(count, count, "section"),
            shape.kind
        );
        self.findings.push(Finding {
            place: Place::default(),
            code: COUNT,
            severity: COUNT.severity,
            message,
            hint: Some(format!("add a `config {}`", shape.kind)),
            detail: Some(detail),
            secret: false,
            names: false,
        });
    }

    /// Finds what may not be changed.
    fn access(&mut self, change: &Change) {
        let (option, first) = match &change.kind {
            ChangeKind::Set { option, old, .. } => (option, old.is_none()),
            ChangeKind::Unset { option, .. } | ChangeKind::RemoveItem { option, .. } => (option, false),
            ChangeKind::InsertItem { option, at, .. } => (option, at.is_some()),
            ChangeKind::RenameOption { old, .. } => (old, false),
            _ => return,
        };
        let Some(section) = self.package.section(change.section) else { return };
        let Some(field) = self.module.field(section.kind(), option) else { return };
        let refused = match field.access {
            Access::ReadWrite => false,
            Access::ReadOnly => true,
            Access::WriteOnce => !first,
        };
        if refused {
            let words = if field.access == Access::ReadOnly {
                "may not be changed"
            } else {
                "has been written, and may not be changed"
            };
            let all = stanzas(self.package, section).into_iter().flat_map(|spot| lines(self.package, spot));
            let line = all.filter(|line| *line.name.value() == *option.as_bytes()).last();
            let place = line.map_or_else(|| head(self.package, section), |line| line.value_place());
            self.report(place, section, Some(option), Report::new(READ_ONLY, words));
        }
    }

    /// Checks a section.
    fn section(&mut self, section: Section<'a>, scope: Scope<'_>) {
        let kind = section.kind();
        let module = self.module;
        if module.is_own(kind) {
            return;
        }
        let number = module.number_of(kind);
        let shape = number.map_or(&module.anywhere, |number| &module.types[number as usize]);
        match (number, scope) {
            (None, Scope::All) if module.declares_types => self.unknown_type(section),
            (Some(_), Scope::All | Scope::Touched { renamed: true, .. }) => self.naming(section, shape),
            _ => {}
        }
        // A section type that is not declared has been told of; its options are not gone through one by one.
        let unknown = match number {
            Some(_) => shape.unknown,
            None if module.declares_types || shape.fields.is_empty() => Unknown::Allow,
            None => shape.unknown,
        };
        self.read(section, shape, scope, unknown);
        for index in 0..self.occurrences.len() {
            let occurrence = self.occurrences[index];
            let Some(field) = module.field_at(shape, occurrence.place) else { continue };
            if !scope.has(&occurrence.line.name.value()) {
                continue;
            }
            self.occurrence(section, field, occurrence, index as u32);
        }
        self.presence(section, shape, scope);
    }

    /// Takes note of the lines of a section, and finds those that no field is for.
    #[inline]
    fn read(&mut self, section: Section<'a>, shape: &SectionType, scope: Scope<'_>, unknown: Unknown) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.states.len() < shape.fields.len() {
            self.states.resize(shape.fields.len(), State::default());
        }
        self.occurrences.clear();
        if self.package.len() == self.package.stanza_count() {
            return self.read_stanza(section, section.spot(), shape, scope, unknown);
        }
        for spot in stanzas(self.package, section) {
            self.read_stanza(section, spot, shape, scope, unknown);
        }
    }

    #[inline]
    fn read_stanza(
        &mut self,
        section: Section<'a>,
        spot: crate::package::Spot,
        shape: &SectionType,
        scope: Scope<'_>,
        unknown: Unknown,
    ) {
        for line in lines(self.package, spot) {
            let name = line.name.value();
            let Some(place) = shape.place(&name) else {
                if unknown != Unknown::Allow && scope.has(&name) {
                    self.unknown_option(section, shape, line, unknown);
                }
                continue;
            };
            let index = self.occurrences.len() as u32;
            self.occurrences.push(Occurrence { line, place });
            let state = &mut self.states[place as usize];
            if state.epoch != self.epoch || !line.list {
                *state = State { epoch: self.epoch, start: index, last: index, is_list: line.list };
            }
            state.last = index;
            state.is_list |= line.list;
        }
    }

    fn is_there(&self, place: u32) -> bool {
        self.states.get(place as usize).is_some_and(|state| state.epoch == self.epoch)
    }

    fn occurrence(&mut self, section: Section<'a>, field: &'a Field, occurrence: Occurrence<'a>, index: u32) {
        let Occurrence { line, place } = occurrence;
        let state = self.states[place as usize];
        let glob = field.name.ends_with('*');
        if index < state.start && !glob {
            return;
        }
        let value = line.value.map(|value| value.value()).unwrap_or_default();
        if line.list && !field.list && (glob || index == state.last) {
            let report =
                Report::new(LIST, "is a list, and one value belongs there").hint("write one `option` line");
            self.report_line(section, field, line, report);
        }
        if field.words {
            for word in words(&value) {
                self.item(section, field, line, &value, word);
            }
        } else {
            self.item(section, field, line, &value, &value);
        }
        if index == state.start && field.deprecated.is_some() {
            self.deprecated(section, field, line);
        }
        if index == state.last && (field.items.is_some() || field.distinct) {
            self.items(section, field, place);
        }
    }

    /// Checks one value.
    #[inline]
    fn item(&mut self, section: Section<'a>, field: &'a Field, line: Line<'a>, value: &[u8], item: &[u8]) {
        for rule in &field.rules {
            if !rule.test.holds(item) {
                return self.broken(section, field, line, value, item, rule);
            }
        }
        if let Some(reference) = &field.reference
            && !field.beside_reference.iter().any(|value| **value == *item)
            && !self.leads_somewhere(field, reference, item)
        {
            self.dead_end(section, field, line, value, item, reference);
        }
        if field.unique && !item.is_empty() {
            self.unique(section, field, line, item);
        }
    }

    #[cold]
    fn broken(
        &mut self,
        section: Section<'a>,
        field: &'a Field,
        line: Line<'a>,
        value: &[u8],
        item: &[u8],
        rule: &Rule,
    ) {
        let mut report =
            Report::new(rule.code, rule.complaint(item)).rule(&rule.text).allowed(rule.wants.to_string());
        if rule.code == CHOICE && !field.secret {
            let choices: Vec<String> =
                field.choices().map(|choice| String::from_utf8_lossy(choice).into_owned()).collect();
            report.hint = closest(&String::from_utf8_lossy(item), choices.iter().map(String::as_str))
                .map(|meant| format!("did you mean `{meant}`?"));
            report.choices = choices;
        }
        self.report_item(section, field, line, value, item, report);
    }

    fn leads_somewhere(&mut self, field: &'a Field, reference: &Reference, value: &[u8]) -> bool {
        let (package, lookup, own) = (self.package, self.lookup, self.name);
        let other = |name: &str| if name == own { None } else { Some(lookup.package(name)) };
        let other = || reference.package.as_deref().and_then(other);
        if !self.tabled || reference.option.is_none() {
            return match other() {
                None => exists(package, reference, value),
                Some(Some(other)) => exists(&other, reference, value),
                Some(None) => true,
            };
        }
        let number = self.number_of(field);
        let targets = self.targets.entry(number).or_insert_with(|| match other() {
            None => Some(targets(package, reference)),
            Some(other) => other.map(|other| targets(&other, reference)),
        });
        targets.as_ref().is_none_or(|targets| targets.contains(value))
    }

    fn number_of(&self, field: &Field) -> u32 {
        self.module.fields.iter().position(|known| std::ptr::eq(known, field)).unwrap_or(usize::MAX) as u32
    }

    #[cold]
    fn dead_end(
        &mut self,
        section: Section<'a>,
        field: &'a Field,
        line: Line<'a>,
        value: &[u8],
        item: &[u8],
        reference: &Reference,
    ) {
        let holder = match reference.package.as_deref() {
            Some(name) if name != self.name => self.lookup.package(name),
            _ => None,
        };
        let mut choices: Vec<String> = Vec::new();
        each_target(holder.as_deref().unwrap_or(self.package), reference, |target| {
            choices.push(String::from_utf8_lossy(target).into_owned());
            choices.len() >= 200
        });
        let what = describe(reference, self.name);
        let mut report = Report::new(REFERENCE, format!("names {what} that does not exist"))
            .rule(&format!("ref:{reference}"));
        report.hint = closest(&String::from_utf8_lossy(item), choices.iter().map(String::as_str))
            .map(|meant| format!("did you mean `{meant}`?"));
        report.choices = choices;
        self.report_item(section, field, line, value, item, report);
    }

    fn unique(&mut self, section: Section<'a>, field: &'a Field, line: Line<'a>, value: &[u8]) {
        let kind = section.kind();
        let option = String::from_utf8_lossy(&line.name.value()).into_owned();
        let package = self.package;
        let same_kind = || package.sections().filter(|other| other.kind() == kind);
        let other = if self.tabled {
            let key = (self.number_of(field), Box::from(kind));
            let holders = self.holders.entry(key).or_insert_with(|| {
                let mut holders = Holders::default();
                for section in same_kind() {
                    for item in section.get(&option).iter().flat_map(|value| value.items()) {
                        let parts: Vec<&[u8]> = if field.words { words(item).collect() } else { vec![item] };
                        for part in parts {
                            let known = holders.entry(part.into()).or_insert((section.id(), None));
                            if known.0 != section.id() {
                                known.1.get_or_insert(section.id());
                            }
                        }
                    }
                }
                holders
            });
            match holders.get(value) {
                // Told once: of the second that has it, and of those behind.
                Some((first, Some(_))) if *first != section.id() => Some(*first),
                Some((first, Some(second))) if *first == section.id() && !self.whole => Some(*second),
                _ => None,
            }
        } else {
            let mut others = same_kind().filter(|other| other.id() != section.id());
            others.find(|other| has_value(package, *other, field, &option, value)).map(|other| other.id())
        };
        if let Some(other) = other.and_then(|id| package.section(id)) {
            let words = format!("is the value of `{}` already", self.key(other, None));
            self.report_item(
                section,
                field,
                line,
                value,
                value,
                Report::new(DUPLICATE, words).rule("unique"),
            );
        }
    }

    #[cold]
    fn deprecated(&mut self, section: Section<'a>, field: &'a Field, line: Line<'a>) {
        let Some(deprecation) = &field.deprecated else { return };
        let mut report = Report::new(
            DEPRECATED,
            match &deprecation.reason {
                Some(reason) => format!("is deprecated: {reason}"),
                None => "is deprecated".to_owned(),
            },
        );
        report.hint = deprecation.replacement.as_ref().map(|instead| format!("use `{instead}` instead"));
        let name = String::from_utf8_lossy(&line.name.value()).into_owned();
        self.report(line.name_place(), section, Some(&name), report.of_name());
    }

    fn items(&mut self, section: Section<'a>, field: &'a Field, place: u32) {
        let state = self.states[place as usize];
        let own = self.occurrences[state.start as usize..=state.last as usize]
            .iter()
            .filter(|known| known.place == place);
        let values: Vec<(Line<'a>, Cow<'a, [u8]>)> = own
            .map(|known| (known.line, known.line.value.map(|value| value.value()).unwrap_or_default()))
            .collect();
        let items: Vec<(Line<'a>, &[u8])> = values
            .iter()
            .flat_map(|(line, value)| {
                let whole = (!field.words).then_some(&value[..]);
                let parts = field.words.then(|| words(value)).into_iter().flatten();
                whole.into_iter().chain(parts).map(|item| (*line, item))
            })
            .collect();
        let count = items.len() as u64;
        let Some((last, _)) = items.last().copied() else { return };
        if let Some((least, most)) = field.items
            && !(least..=most).contains(&count)
        {
            let wants = amount(least, most, "item");
            let report = Report::new(ITEMS, format!("has {}, not {wants}", amount(count, count, "item")))
                .allowed(wants);
            self.report_line(section, field, last, report);
        }
        if field.distinct {
            let mut sorted: Vec<usize> = (0..items.len()).collect();
            sorted.sort_by_key(|index| (items[*index].1, *index));
            for pair in sorted.windows(2) {
                if items[pair[0]].1 == items[pair[1]].1 {
                    let (line, item) = items[pair[1]];
                    let report = Report::new(REPEATED, "is in the list already").rule("distinct");
                    let value = line.value.map(|value| value.value()).unwrap_or_default();
                    let item = item.to_vec();
                    self.report_item(section, field, line, &value, &item, report);
                }
            }
        }
    }

    /// Checks what has to be there, and what may not stand together.
    fn presence(&mut self, section: Section<'a>, shape: &'a SectionType, scope: Scope<'_>) {
        let module = self.module;
        for place in &shape.required {
            if !self.is_there(*place)
                && let Some(field) = module.field_at(shape, *place)
                && scope.has(field.name.as_bytes())
            {
                self.missing(
                    section,
                    field,
                    Report::new(MISSING, "is missing, and required").rule("required"),
                );
            }
        }
        for place in &shape.related {
            let Some(field) = module.field_at(shape, *place) else { continue };
            let asked = field.required_if.iter().map(Condition::option).chain(field.excludes());
            if !scope.has(field.name.as_bytes())
                && !asked.into_iter().any(|option| scope.has(option.as_bytes()))
            {
                continue;
            }
            if !self.is_there(*place) {
                if let Some(condition) =
                    field.required_if.iter().find(|condition| self.condition_holds(shape, condition))
                {
                    let report =
                        Report::new(CONDITION, format!("is missing, and required because {condition}"));
                    self.missing(section, field, report);
                }
                continue;
            }
            let clash = field
                .excludes()
                .find(|other| shape.place(other.as_bytes()).is_some_and(|place| self.is_there(place)));
            if let Some(other) = clash {
                let words = format!("cannot stand beside `{other}`");
                let index = self.states[*place as usize].last as usize;
                let line = self.occurrences[index].line;
                let name = field.name.clone();
                self.report(
                    line.name_place(),
                    section,
                    Some(&name),
                    Report::new(EXCLUDED, words).hint("remove one of the two").of_name(),
                );
            }
        }
    }

    fn condition_holds(&self, shape: &SectionType, condition: &Condition) -> bool {
        let place = shape.place(condition.option().as_bytes());
        let there = place.is_some_and(|place| self.is_there(place));
        let is = |wanted: &[u8]| {
            let Some(place) = place else { return false };
            if !there {
                let default = self.module.field_at(shape, place).and_then(|field| field.default.as_ref());
                return default.is_some_and(|default| default.items().iter().any(|item| *item == wanted));
            }
            let state = self.states[place as usize];
            self.occurrences[state.start as usize..=state.last as usize]
                .iter()
                .filter(|known| known.place == place)
                .any(|known| known.line.value.is_some_and(|value| *value.value() == *wanted))
        };
        match condition {
            Condition::Present(_) => there,
            Condition::Equal(_, value) => is(value),
            Condition::Different(_, value) => !is(value),
        }
    }

    #[cold]
    fn missing(&mut self, section: Section<'a>, field: &'a Field, mut report: Report) {
        report.hint = Some(match field.default_value() {
            Some(default) => format!(
                "add `option {} '{}'`",
                field.name,
                String::from_utf8_lossy(&default.items().concat())
            ),
            None => format!("add `option {} '...'`", field.name),
        });
        report.allowed = field.rules.first().map(|rule| rule.wants.to_string());
        let name = field.name.clone();
        self.report(head(self.package, section), section, Some(&name), report);
    }

    fn naming(&mut self, section: Section<'a>, shape: &SectionType) {
        match (shape.naming, section.name()) {
            (Naming::Named, None) => {
                let hint = format!("write `config {} 'NAME'`", shape.kind);
                self.report(
                    head(self.package, section),
                    section,
                    None,
                    Report::new(NAMING, "has no name, and needs one").hint(hint),
                );
            }
            (Naming::Anonymous, Some(_)) => {
                let hint = format!("write `config {}` alone", shape.kind);
                self.report(
                    head(self.package, section),
                    section,
                    None,
                    Report::new(NAMING, "has a name, and must not have one").hint(hint),
                );
            }
            (_, Some(name)) => {
                if let Some(rule) = shape.name_rules.iter().find(|rule| !rule.test.holds(name.as_bytes())) {
                    let report = Report::new(
                        SECTION_NAME,
                        format!("has a name that {}", rule.complaint(name.as_bytes())),
                    );
                    self.report(head(self.package, section), section, None, report.rule(&rule.text));
                }
            }
            _ => {}
        }
    }

    #[cold]
    fn unknown_type(&mut self, section: Section<'a>) {
        let kind = section.kind();
        let unknown = self.module.settings.unknown;
        if unknown == Unknown::Allow
            || self.others.iter().any(|other| other.number_of(kind).is_some() || other.is_own(kind))
        {
            return;
        }
        let types = || {
            std::iter::once(self.module)
                .chain(self.others.iter().copied())
                .flat_map(|module| module.section_types())
        };
        let mut report =
            Report::new(UNKNOWN_TYPE, format!("is of the type `{kind}`, which the schema does not know"));
        report.severity = severity(unknown);
        report.hint =
            closest(kind, types().map(|shape| shape.kind())).map(|meant| format!("did you mean `{meant}`?"));
        report.choices = types().map(|shape| shape.kind().to_owned()).collect();
        self.report(head(self.package, section), section, None, report);
    }

    #[cold]
    fn unknown_option(
        &mut self,
        section: Section<'a>,
        shape: &SectionType,
        line: Line<'a>,
        unknown: Unknown,
    ) {
        let name = String::from_utf8_lossy(&line.name.value()).into_owned();
        let kind = section.kind();
        if self.others.iter().any(|other| other.field(kind, &name).is_some()) {
            return;
        }
        let own = shape.fields.iter().filter_map(|number| self.module.fields.get(*number as usize));
        let foreign = self.others.iter().flat_map(|other| {
            let fields = &other.fields;
            other.shape(kind).fields.iter().filter_map(|number| fields.get(*number as usize))
        });
        let choices: Vec<String> = own.chain(foreign).map(|field| field.name().to_owned()).collect();
        let mut report = Report::new(UNKNOWN_OPTION, format!("is no option of `{kind}`"));
        report.severity = severity(unknown);
        let meant = closest(&name, choices.iter().map(String::as_str));
        // The value behind a mistyped name of a secret is the secret.
        let secret = meant.and_then(|meant| self.field_of_any(kind, meant)).is_some_and(|field| field.secret);
        report.hint = meant.map(|meant| format!("did you mean `{meant}`?"));
        report.choices = choices;
        self.report_secret(line.name_place(), section, Some(&name), report.of_name(), secret);
    }

    fn field_of_any(&self, kind: &str, option: &str) -> Option<&Field> {
        self.module
            .field(kind, option)
            .or_else(|| self.others.iter().find_map(|other| other.field(kind, option)))
    }

    /// Reports every section that refers to one of these values through a field.
    fn refer_to(&mut self, number: u32, reference: &Reference, gone: &Targets) {
        let module = self.module;
        let field = &module.fields[number as usize];
        let is_gone = |value: &[u8]| {
            gone.contains(value) && !field.beside_reference.iter().any(|beside| **beside == *value)
        };
        for section in self.package.sections() {
            let shape = module.shape(section.kind());
            for line in stanzas(self.package, section).into_iter().flat_map(|spot| lines(self.package, spot))
            {
                let place = shape.place(&line.name.value());
                if place.and_then(|place| shape.fields.get(place as usize)) != Some(&number) {
                    continue;
                }
                let found = line.value.map(|value| value.value()).unwrap_or_default();
                let option = String::from_utf8_lossy(&line.name.value()).into_owned();
                let parts: Vec<&[u8]> = if field.words { words(&found).collect() } else { vec![&found] };
                for part in parts.into_iter().filter(|part| is_gone(part)) {
                    // A line may have been overruled by one below.
                    if has_value(self.package, section, field, &option, part) {
                        self.dead_end(section, field, line, &found, part, reference);
                    }
                }
            }
        }
    }

    /// Names a section, or an option of it.
    fn key(&self, section: Section<'a>, option: Option<&str>) -> String {
        let mut key = match section.name() {
            Some(name) => format!("{}.{name}", self.name),
            None => {
                let kind = section.kind();
                let index = self.package.index_of_kind(section);
                format!("{}.@{kind}[{index}]", self.name)
            }
        };
        if let Some(option) = option {
            key.push('.');
            key += option;
        }
        key
    }

    /// Reports something about an item of a value.
    fn report_item(
        &mut self,
        section: Section<'a>,
        field: &Field,
        line: Line<'a>,
        value: &[u8],
        item: &[u8],
        mut report: Report,
    ) {
        // An item is a part of the value that it was found in.
        let start = (item.as_ptr() as usize).wrapping_sub(value.as_ptr() as usize);
        let part = if start <= value.len() && start + item.len() <= value.len() {
            start..start + item.len()
        } else {
            0..value.len()
        };
        if field.secret {
            report.words = format!("the value {}", report.words);
        } else {
            report.words = format!("`{}` {}", shown(item), report.words);
            report.value = Some(item.to_vec());
        }
        let place = if part == (0..value.len()) { line.value_place() } else { line.part_place(&part) };
        let name = String::from_utf8_lossy(&line.name.value()).into_owned();
        self.report_secret(place, section, Some(&name), report, field.secret);
    }

    /// Reports something about all of an option.
    fn report_line(&mut self, section: Section<'a>, field: &Field, line: Line<'a>, report: Report) {
        let name = String::from_utf8_lossy(&line.name.value()).into_owned();
        self.report_secret(line.name_place(), section, Some(&name), report.of_name(), field.secret);
    }

    fn report(&mut self, place: Place, section: Section<'a>, option: Option<&str>, report: Report) {
        let secret = option
            .and_then(|option| self.module.field(section.kind(), option))
            .is_some_and(|field| field.secret);
        self.report_secret(place, section, option, report, secret);
    }

    fn report_secret(
        &mut self,
        place: Place,
        section: Section<'a>,
        option: Option<&str>,
        report: Report,
        secret: bool,
    ) {
        if !self.findings.wants(report.severity) {
            return;
        }
        let key = self.key(section, option);
        let message = match option {
            // What is said of a value begins with it; what is said of an option continues its key.
            Some(_) if report.words.starts_with('`') || report.words.starts_with("the value") => {
                format!("`{key}`: {}", report.words)
            }
            _ => format!("`{key}` {}", report.words),
        };
        let Report { code, severity, rule, value, allowed, choices, hint, names, .. } = report;
        let detail = Some(Detail { key, rule, value, allowed, choices });
        self.findings.push(Finding { place, code, severity, message, hint, detail, secret, names });
    }
}

fn severity(unknown: Unknown) -> Severity {
    if unknown == Unknown::Refuse { Severity::Error } else { Severity::Warning }
}

/// A value as it is shown: not all of it, if it is long.
fn shown(value: &[u8]) -> String {
    const LONGEST: usize = 80;
    let text = String::from_utf8_lossy(value);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

fn describe(reference: &Reference, own: &str) -> String {
    let kind = reference.kind.as_deref().map_or_else(|| "a section".to_owned(), |kind| format!("a `{kind}`"));
    match reference.package.as_deref() {
        Some(package) if package != own => format!("{kind} of `{package}`"),
        _ => kind,
    }
}

/// What is said of a place.
struct Report {
    code: &'static Code,
    severity: Severity,
    words: String,
    rule: Option<String>,
    value: Option<Vec<u8>>,
    allowed: Option<String>,
    choices: Vec<String>,
    hint: Option<String>,
    /// Whether it is said of a name, not of a value.
    names: bool,
}

impl Report {
    fn new(code: &'static Code, words: impl Into<String>) -> Report {
        Report {
            code,
            severity: code.severity,
            words: words.into(),
            rule: None,
            value: None,
            allowed: None,
            choices: Vec::new(),
            hint: None,
            names: false,
        }
    }

    fn of_name(mut self) -> Report {
        self.names = true;
        self
    }

    fn rule(mut self, rule: &str) -> Report {
        self.rule = Some(rule.to_owned());
        self
    }

    fn allowed(mut self, allowed: String) -> Report {
        self.allowed = Some(allowed);
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Report {
        self.hint = Some(hint.into());
        self
    }
}

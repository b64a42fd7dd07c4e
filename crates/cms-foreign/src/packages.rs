//! The packages that a text becomes, put together key by key.

use cms_model::{Export, PackageName, Value};
use std::collections::HashMap;
use std::ops::Range;

use crate::fault::{Faults, Line, Number};
use crate::fit::What;
use crate::options::Options;

/// The type of a section that nobody says one for.
const TYPE: &str = "section";

/// Up to so many options of a section are looked through; more have an index.
const LOOKED_THROUGH: usize = 24;

/// What a text was read as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreign {
    /// The packages in the order of the text, each with its UCI text.
    pub packages: Vec<(PackageName, Vec<u8>)>,
    /// How many options they have, each item of a list counted.
    pub options: usize,
    /// What its user should know.
    pub notes: Notes,
}

/// What was read otherwise than it stands there, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    /// Options with an empty value, which are none.
    pub empty: usize,
    /// Keys that are not below the prefix.
    pub outside: usize,
    /// Values in which a shell would expand a variable.
    pub variables: usize,
    /// Keys with a lease or with flags.
    pub marked: usize,
}

/// A piece of a line: a name or a key, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Piece<'a> {
    pub(crate) bytes: std::borrow::Cow<'a, [u8]>,
    pub(crate) place: Range<usize>,
}

impl<'a> Piece<'a> {
    pub(crate) fn new(bytes: &'a [u8], start: usize) -> Piece<'a> {
        Piece { bytes: bytes.into(), place: start..start + bytes.len() }
    }
}

/// Which of the sections begun so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SectionAt {
    package: usize,
    section: usize,
}

/// What is done about an option that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Refused,
    /// It is a list; with `true` also where it is there once.
    List(bool),
}

pub(crate) struct Packages<'o> {
    options: &'o Options<'o>,
    packages: Vec<Package>,
    by_name: HashMap<Box<str>, usize>,
    count: usize,
    pub(crate) notes: Notes,
}

struct Package {
    name: PackageName,
    sections: Vec<Section>,
    by_name: HashMap<Box<str>, usize>,
}

struct Section {
    name: Option<Box<str>>,
    /// The type that the text says, and where.
    kind: Option<(Box<str>, Number)>,
    /// Whether the text named it without a type.
    is_plain: bool,
    options: Vec<Entry>,
    by_name: HashMap<Box<str>, usize>,
}

struct Entry {
    name: Box<str>,
    value: Value,
    first: Number,
}

impl<'o> Packages<'o> {
    pub(crate) fn new(options: &'o Options<'o>) -> Packages<'o> {
        let mut all = Packages {
            options,
            packages: Vec::new(),
            by_name: HashMap::new(),
            count: 0,
            notes: Notes::default(),
        };
        if let Some(name) = &options.package {
            all.package_named(name.as_str());
        }
        all
    }

    fn package_named(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.by_name.get(name) {
            return Some(*at);
        }
        let package =
            Package { name: PackageName::new(name).ok()?, sections: Vec::new(), by_name: HashMap::new() };
        self.packages.push(package);
        self.by_name.insert(name.into(), self.packages.len() - 1);
        Some(self.packages.len() - 1)
    }

    /// Finds or begins the package that a piece names; `None` is the only one.
    pub(crate) fn package(
        &mut self,
        name: Option<&Piece<'_>>,
        line: Line<'_>,
        faults: &mut Faults,
    ) -> Option<usize> {
        let Some(piece) = name else { return (!self.packages.is_empty()).then_some(0) };
        let name = self.fitted(What::Package, piece, line, faults)?;
        self.package_named(&name)
    }

    /// Finds or begins a named section.
    pub(crate) fn section(
        &mut self,
        package: usize,
        name: &Piece<'_>,
        line: Line<'_>,
        faults: &mut Faults,
    ) -> Option<SectionAt> {
        let name = self.fitted(What::Name, name, line, faults)?;
        Some(self.section_named(package, &name))
    }

    /// Finds or begins the section of keys that are in none.
    pub(crate) fn unnamed_keys(&mut self, package: usize) -> SectionAt {
        let name = self.options.section.as_ref().map_or("main", |name| name.as_str());
        let section = self.section_named(package, name);
        self.at(section).is_plain = true;
        section
    }

    fn section_named(&mut self, package: usize, name: &str) -> SectionAt {
        let into = &mut self.packages[package];
        if let Some(section) = into.by_name.get(name) {
            return SectionAt { package, section: *section };
        }
        into.by_name.insert(name.into(), into.sections.len());
        self.begin(package, Some(name.into()))
    }

    fn begin(&mut self, package: usize, name: Option<Box<str>>) -> SectionAt {
        let into = &mut self.packages[package];
        into.sections.push(Section {
            name,
            kind: None,
            is_plain: false,
            options: Vec::new(),
            by_name: HashMap::new(),
        });
        SectionAt { package, section: into.sections.len() - 1 }
    }

    /// Begins a section: an anonymous one, or one whose name may not be there yet.
    pub(crate) fn new_section(
        &mut self,
        package: usize,
        name: Option<&Piece<'_>>,
        line: Line<'_>,
        faults: &mut Faults,
    ) -> Option<SectionAt> {
        let Some(piece) = name else { return Some(self.begin(package, None)) };
        let name = self.fitted(What::Name, piece, line, faults)?;
        let known = self.packages[package].by_name.get(&*name).copied();
        if let Some(known) = known {
            let first = self.packages[package].sections[known]
                .kind
                .as_ref()
                .map_or(line.number, |(_, number)| *number);
            faults.twice(line, piece.place.clone(), first);
            return None;
        }
        let at = self.section_named(package, &name);
        // For the place of a second one.
        let kind = self.options.kind.as_ref().map_or(TYPE, |kind| kind.as_str());
        self.at(at).kind = Some((kind.into(), line.number));
        Some(at)
    }

    /// Says the type of a section, which it may have already.
    pub(crate) fn set_type(&mut self, at: SectionAt, kind: &Piece<'_>, line: Line<'_>, faults: &mut Faults) {
        let Some(name) = self.fitted(What::Type, kind, line, faults) else { return };
        let section = self.at(at);
        match &section.kind {
            Some((known, _)) if **known != *name => faults.add("type-mismatch", line, kind.place.clone()),
            Some(_) => {}
            None => section.kind = Some((name.into(), line.number)),
        }
    }

    /// Says that a section was named without a type, or with one, where every header says the same.
    pub(crate) fn header(
        &mut self,
        at: SectionAt,
        kind: Option<&Piece<'_>>,
        name: &Piece<'_>,
        line: Line<'_>,
        faults: &mut Faults,
    ) {
        let section = self.at(at);
        match kind {
            None if section.kind.is_some() => faults.add("type-mismatch", line, name.place.clone()),
            None => section.is_plain = true,
            Some(kind) if section.is_plain => faults.add("type-mismatch", line, kind.place.clone()),
            Some(kind) => self.set_type(at, kind, line, faults),
        }
    }

    /// Puts an option into a section.
    pub(crate) fn option(
        &mut self,
        at: SectionAt,
        name: &Piece<'_>,
        value: &[u8],
        again: Again,
        line: Line<'_>,
        faults: &mut Faults,
    ) {
        let Some(fitted) = self.fitted(What::Name, name, line, faults) else { return };
        if value.contains(&0) {
            faults.add("nul-byte", line, name.place.clone());
            return;
        }
        if value.is_empty() {
            self.notes.empty += 1;
            return;
        }
        let section = self.at(at);
        let Some(known) = section.find(&fitted) else {
            let value = match again {
                Again::List(true) => Value::list([value]),
                Again::List(false) | Again::Refused => Value::scalar(value),
            };
            section.push(Entry { name: fitted.into(), value, first: line.number });
            self.count += 1;
            return;
        };
        let entry = &mut section.options[known];
        match (again, &mut entry.value) {
            (Again::Refused, _) => faults.twice(line, name.place.clone(), entry.first),
            (Again::List(_), Value::List(items)) => {
                items.push(value.to_vec());
                self.count += 1;
            }
            (Again::List(_), Value::Scalar(first)) => {
                entry.value = Value::List(vec![std::mem::take(first), value.to_vec()]);
                self.count += 1;
            }
        }
    }

    /// Notes it where a piece can be no name.
    pub(crate) fn check_name(&self, name: &Piece<'_>, line: Line<'_>, faults: &mut Faults) {
        self.fitted(What::Name, name, line, faults);
    }

    fn at(&mut self, at: SectionAt) -> &mut Section {
        &mut self.packages[at.package].sections[at.section]
    }

    fn fitted(&self, what: What, piece: &Piece<'_>, line: Line<'_>, faults: &mut Faults) -> Option<String> {
        match what.fit(&piece.bytes, self.options.fit_names) {
            Ok(name) => Some(name.into_owned()),
            Err(wrong) => {
                let start = piece.place.start + wrong;
                faults.add(what.code(), line, start..(start + 1).min(piece.place.end.max(start)));
                None
            }
        }
    }

    /// Writes the packages.
    pub(crate) fn end(self) -> Foreign {
        let options = self.options;
        let packages = self.packages.into_iter().map(|package| (package.name.clone(), package.text(options)));
        Foreign { packages: packages.collect(), options: self.count, notes: self.notes }
    }
}

impl Package {
    fn text(self, options: &Options<'_>) -> Vec<u8> {
        let mut export = Export::new(Vec::new());
        for section in self.sections {
            let own = section.kind.map(|(kind, _)| kind);
            let asked = || options.kind.as_ref().map(|kind| kind.as_str().into());
            let known = || {
                let known = (options.known)(&self.name, section.name.as_deref()?)?;
                Some(known.as_str().into())
            };
            let kind = own.or_else(asked).or_else(known).unwrap_or_else(|| TYPE.into());
            let name = section.name.as_deref().map(str::as_bytes);
            export.section(kind.as_bytes(), name).expect("a Vec takes all");
            for entry in section.options {
                export.option(entry.name.as_bytes(), &entry.value).expect("a Vec takes all");
            }
        }
        export.end().expect("a Vec takes all");
        export.into_inner()
    }
}

impl Section {
    fn find(&self, name: &str) -> Option<usize> {
        if self.options.len() <= LOOKED_THROUGH {
            return self.options.iter().position(|entry| *entry.name == *name);
        }
        self.by_name.get(name).copied()
    }

    fn push(&mut self, entry: Entry) {
        self.options.push(entry);
        let count = self.options.len();
        // From here on the index is asked, so it begins with all that there are.
        let missing = if count == LOOKED_THROUGH + 1 { 0..count } else { count - 1..count };
        if count > LOOKED_THROUGH {
            let entries = missing.map(|at| (self.options[at].name.clone(), at));
            self.by_name.extend(entries);
        }
    }
}

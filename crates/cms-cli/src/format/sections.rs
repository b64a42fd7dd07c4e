//! The sections of a package in JSON, YAML or TOML, written as UCI text while they are read: a million options never stand in
//! memory as values.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use cms::model::{Export, Name, TypeName};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::base64;

/// Up to so many options of a section are looked through for one that is there twice; more have an index.
const LOOKED_THROUGH: usize = 24;

/// The sections as text, or the first part that cannot be in a package, and why.
pub(super) struct Sections {
    text: Vec<u8>,
    fault: Option<(String, String)>,
}

impl Sections {
    pub(super) fn into_text(self) -> Result<Vec<u8>, (String, String)> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.text),
        }
    }
}

/// What is being written.
struct Pen {
    export: Export<Vec<u8>>,
    /// The options of the section, whose header may come after them.
    options: Vec<u8>,
    names: Names,
    /// The number of the section.
    section: usize,
    /// What is no document at all says more than a fault, so reading goes on behind it.
    fault: Option<(String, String)>,
}

impl Pen {
    fn wrong(&mut self, member: fmt::Arguments<'_>, cause: &dyn fmt::Display) {
        if self.fault.is_none() {
            self.fault = Some((format!("sections[{}]{member}", self.section), cause.to_string()));
        }
    }

    fn wrong_option(&mut self, cause: &dyn fmt::Display) {
        let name = self.names.last().to_owned();
        self.wrong(format_args!(".options.{name}"), cause);
    }

    fn name(&mut self, name: &str) {
        let is_new = self.names.add(name);
        match Name::is_valid(name.as_bytes()) {
            true if is_new => {}
            true => self.wrong_option(&"the option is there twice"),
            false => {
                if let Err(error) = Name::new(name) {
                    self.wrong_option(&error);
                }
            }
        }
    }

    fn item(&mut self, item: &[u8], is_list: bool) {
        if item.is_empty() && !is_list {
            self.empty();
        }
        if item.contains(&0) {
            self.wrong_option(&"no UCI text can hold a NUL byte");
        }
        let name = self.names.last().as_bytes();
        Export::new(&mut self.options).item(name, item, is_list).expect("a Vec takes all");
    }

    fn empty(&mut self) {
        self.wrong_option(&"UCI has no empty values: leave the option out");
    }

    fn section(&mut self, kind: &str, name: Option<&str>) {
        if let Err(error) = TypeName::new(kind) {
            self.wrong(format_args!(".type"), &error);
        }
        if let Some(Err(error)) = name.map(Name::new) {
            self.wrong(format_args!(".name"), &error);
        }
        self.export.section(kind.as_bytes(), name.map(str::as_bytes)).expect("a Vec takes all");
        self.export.append(&self.options).expect("a Vec takes all");
        self.options.clear();
        self.names.clear();
    }
}

/// The names of a section's options.
#[derive(Default)]
struct Names {
    text: String,
    each: Vec<Range<usize>>,
    /// All of them, once they are many.
    many: HashSet<Box<str>>,
}

impl Names {
    fn clear(&mut self) {
        self.text.clear();
        self.each.clear();
        self.many.clear();
    }

    fn last(&self) -> &str {
        self.each.last().map_or("", |range| &self.text[range.clone()])
    }

    /// Adds a name; says whether it is new.
    fn add(&mut self, name: &str) -> bool {
        if self.each.len() == LOOKED_THROUGH {
            self.many.extend(self.each.iter().map(|range| Box::from(&self.text[range.clone()])));
        }
        let is_new = match self.each.len() {
            0..LOOKED_THROUGH => self.each.iter().all(|range| self.text[range.clone()] != *name),
            _ => self.many.insert(name.into()),
        };
        let start = self.text.len();
        self.text.push_str(name);
        self.each.push(start..self.text.len());
        is_new
    }
}

impl<'de> Deserialize<'de> for Sections {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sections, D::Error> {
        struct SectionsVisitor;
        impl<'de> Visitor<'de> for SectionsVisitor {
            type Value = Sections;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of sections")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Sections, A::Error> {
                let mut pen = Pen {
                    export: Export::new(Vec::new()),
                    options: Vec::new(),
                    names: Names::default(),
                    section: 0,
                    fault: None,
                };
                while sequence.next_element_seed(SectionSeed(&mut pen))?.is_some() {
                    pen.section += 1;
                }
                pen.export.end().map_err(A::Error::custom)?;
                Ok(Sections { text: pen.export.into_inner(), fault: pen.fault })
            }
        }
        deserializer.deserialize_seq(SectionsVisitor)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Member {
    Type,
    Name,
    Options,
}

struct SectionSeed<'p>(&'p mut Pen);

impl<'de> DeserializeSeed<'de> for SectionSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SectionSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut kind, mut name, mut options) = (None::<String>, None::<Option<String>>, None);
        while let Some(member) = map.next_key()? {
            match member {
                Member::Type if kind.is_some() => return Err(A::Error::duplicate_field("type")),
                Member::Name if name.is_some() => return Err(A::Error::duplicate_field("name")),
                Member::Options if options.is_some() => return Err(A::Error::duplicate_field("options")),
                Member::Type => kind = Some(map.next_value()?),
                Member::Name => name = Some(map.next_value()?),
                Member::Options => options = Some(map.next_value_seed(OptionsSeed(self.0))?),
            }
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
        self.0.section(&kind, name.flatten().as_deref());
        Ok(())
    }
}

/// Options in their order, each written when it is read.
struct OptionsSeed<'p>(&'p mut Pen);

impl<'de> DeserializeSeed<'de> for OptionsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OptionsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("options with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(NameSeed(self.0))?.is_some() {
            map.next_value_seed(ValueSeed { pen: self.0, is_item: false })?;
        }
        Ok(())
    }
}

struct NameSeed<'p>(&'p mut Pen);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an option")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.0.name(name);
        Ok(())
    }
}

/// A value, or an item of a list.
struct ValueSeed<'p> {
    pen: &'p mut Pen,
    is_item: bool,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number or a boolean is refused, not guessed at: 010 and `no` have cost enough people a day.
        f.write_str("a string in quotes, a list of such, or base64 in an object")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.pen.item(text.as_bytes(), self.is_item);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        if self.is_item {
            return Err(A::Error::custom("a list cannot hold a list"));
        }
        let mut is_empty = true;
        while sequence.next_element_seed(ValueSeed { pen: self.pen, is_item: true })?.is_some() {
            is_empty = false;
        }
        if is_empty {
            self.pen.empty();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let shape = || A::Error::custom("an object as a value is { \"base64\": \"…\" }");
        let Some((key, text)) = map.next_entry::<String, String>()? else { return Err(shape()) };
        if key != "base64" || map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            return Err(shape());
        }
        let bytes = base64::decode(&text).ok_or_else(|| A::Error::custom("this is no base64"))?;
        self.pen.item(&bytes, self.is_item);
        Ok(())
    }
}

//! A section of a package, read from its text.

use std::borrow::Cow;

use rapidhash::fast::RandomState;

use crate::package::Spot;
use crate::{Command, Name, Package, SectionId, SliceParser, Value};

/// A section in its package.
///
/// Options are read from the text at each call: to look at many, take them all at once.
///
/// ```
/// # use cms_model::{Package, Value};
/// let text = b"config rule\n\toption port 80\n\tlist proto tcp\n\tlist proto udp\n\toption port 81\n";
/// let package = Package::parse(text).unwrap();
/// let rule = package.nth(Some("rule"), 0).unwrap();
/// assert_eq!(rule.get("port"), Some(Value::scalar("81")));
/// assert_eq!(rule.options()[1].1, Value::list(["tcp", "udp"]));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    package: &'a Package,
    spot: Spot,
}

impl<'a> Section<'a> {
    pub(crate) fn new(package: &'a Package, spot: Spot) -> Section<'a> {
        Section { package, spot }
    }

    /// Where it begins.
    pub(crate) fn spot(&self) -> Spot {
        self.spot
    }

    /// Returns its id.
    pub fn id(&self) -> SectionId {
        self.package.block(self.spot.slot).entries[self.spot.entry].id
    }

    /// Returns its type.
    pub fn kind(&self) -> &'a str {
        self.package.block(self.spot.slot).kind(self.spot.entry)
    }

    /// Returns its name; an anonymous section has none.
    pub fn name(&self) -> Option<&'a str> {
        let name = self.package.block(self.spot.slot).name(self.spot.entry);
        (!name.is_empty()).then_some(name)
    }

    /// Says whether it has no name.
    pub fn is_anonymous(&self) -> bool {
        self.name().is_none()
    }

    /// Returns its options in order: each at the place where it is first mentioned, with the value
    /// that all its lines together give it.
    pub fn options(&self) -> Vec<(Name, Value)> {
        let mut options: Vec<(Name, Value)> = Vec::new();
        let mut numbers = None;
        self.each_command(|command| {
            let (name, value, list) = command;
            let known = position(&options, &mut numbers, &name);
            match (known, list) {
                (Some(index), true) => append(&mut options[index].1, value),
                (Some(index), false) => options[index].1 = Value::Scalar(value.into_owned()),
                (None, _) => {
                    let Ok(name) = Name::try_from(&*name) else { return };
                    if let Some(numbers) = &mut numbers {
                        numbers.insert(name.as_str().into(), options.len());
                    }
                    let value = value.into_owned();
                    options.push((name, if list { Value::List(vec![value]) } else { Value::Scalar(value) }));
                }
            }
        });
        options
    }

    /// Returns the number of its options.
    pub fn option_count(&self) -> usize {
        let mut names: Vec<Cow<'_, [u8]>> = Vec::new();
        self.each_command(|(name, ..)| names.push(name));
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// Returns the value of an option.
    pub fn get(&self, option: &str) -> Option<Value> {
        let mut found: Option<Value> = None;
        self.each_command(|(name, value, list)| {
            if *name != *option.as_bytes() {
                return;
            }
            match (&mut found, list) {
                (Some(known), true) => append(known, value),
                (_, true) => found = Some(Value::List(vec![value.into_owned()])),
                (_, false) => found = Some(Value::Scalar(value.into_owned())),
            }
        });
        found
    }

    /// Returns its text: its stanza, or all of them if it is opened again.
    pub fn text(&self) -> Cow<'a, [u8]> {
        let mut stanzas = self.stanzas();
        match (stanzas.next(), stanzas.next()) {
            (Some(only), None) => Cow::Borrowed(only),
            _ => Cow::Owned(self.stanzas().flatten().copied().collect()),
        }
    }

    /// Returns the line of its `config` command, from 1. Reads all text before it.
    pub fn line(&self) -> usize {
        let entry = self.package.block(self.spot.slot).entries[self.spot.entry];
        self.line_at(self.spot, entry.keyword as usize)
    }

    /// Returns the line that gives an option its value, from 1. Reads all text before it.
    pub fn line_of(&self, option: &str) -> Option<usize> {
        let mut found = None;
        for spot in self.package.spots(self.id()) {
            for event in SliceParser::new(self.package.stanza(spot)).flatten() {
                if let Command::Option { name, .. } | Command::List { name, .. } = event.command
                    && *name.value() == *option.as_bytes()
                {
                    found = Some((spot, event.span.start));
                }
            }
        }
        found.map(|(spot, offset)| self.line_at(spot, offset))
    }

    fn line_at(&self, spot: Spot, offset: usize) -> usize {
        let newlines = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
        let before: usize =
            self.package.slots[..spot.slot].iter().map(|slot| newlines(&slot.block.text)).sum();
        let block = self.package.block(spot.slot);
        let start = block.start_of(spot.entry);
        before + newlines(&block.text[..start + offset]) + 1
    }

    /// The stanzas, in order.
    fn stanzas(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let package = self.package;
        let only_one = package.len() == package.stanza_count();
        let spots = if only_one { Vec::new() } else { package.spots(self.id()) };
        let first = only_one.then_some(self.spot);
        first.into_iter().chain(spots).map(|spot| package.stanza(spot))
    }

    /// Goes over the commands that have an effect: the name, the value, whether it is a list.
    fn each_command(&self, mut visit: impl FnMut((Cow<'a, [u8]>, Cow<'a, [u8]>, bool))) {
        for event in self.stanzas().flat_map(SliceParser::new).flatten() {
            match event.command {
                Command::Option { name, value: Some(value) } if !value.is_empty() => {
                    visit((name.value(), value.value(), false));
                }
                Command::List { name, value } => {
                    visit((name.value(), value.map(|value| value.value()).unwrap_or_default(), true));
                }
                _ => {}
            }
        }
    }
}

impl Package {
    /// The bytes of a stanza.
    pub(crate) fn stanza(&self, spot: Spot) -> &[u8] {
        let block = self.block(spot.slot);
        &block.text[block.stanza(spot.entry)]
    }
}

fn append(known: &mut Value, item: Cow<'_, [u8]>) {
    match known {
        Value::List(items) => items.push(item.into_owned()),
        Value::Scalar(first) => *known = Value::List(vec![std::mem::take(first), item.into_owned()]),
    }
}

/// Beyond this many options a table finds them.
const FEW: usize = 24;

type Numbers = hashbrown::HashMap<Box<str>, usize, RandomState>;

fn position(options: &[(Name, Value)], numbers: &mut Option<Numbers>, name: &[u8]) -> Option<usize> {
    if options.len() < FEW {
        return options.iter().position(|(known, _)| known.as_bytes() == name);
    }
    let numbers = numbers.get_or_insert_with(|| {
        options.iter().enumerate().map(|(number, (name, _))| (name.as_str().into(), number)).collect()
    });
    numbers.get(std::str::from_utf8(name).ok()?).copied()
}

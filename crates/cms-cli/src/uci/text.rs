//! Packages read from text and written to it.
//!
//! Text is read by the strict grammar, which understands every file that the reference reads, and
//! loses nothing on the few lines where that one does. Where a text is in error, the message is the
//! reference's.

use std::io::{self, Write};

use cms::model::{
    Command, DeltaLine, DeltaOperation, Dialect, Event, Export, First, Name, ParseOptions, Reason,
    SliceParser, Word,
};

use super::failure::Failure;
use super::package::Package;
use super::print_error;

/// Why a command of a text cannot be taken.
pub enum Refusal {
    /// A fault of the text.
    Fault(Reason),
    /// A package that is in the stream already.
    Duplicate,
}

/// Builds something from the commands of a text.
pub trait Taker: Clone {
    /// Takes the next command.
    fn take(&mut self, event: &Event<'_>, lenient: bool) -> Result<(), Refusal>;
}

/// Reads a text into `start`. In lenient mode bad lines are reported to standard error and skipped.
pub fn read<T: Taker>(text: &[u8], first: First, lenient: bool, start: &T) -> Result<T, Failure> {
    if lenient {
        return read_as(text, ParseOptions { dialect: Dialect::Reference, lenient, first }, start);
    }
    let options = |dialect| ParseOptions { dialect, lenient, first };
    // A text that only the reference takes, as one with NUL bytes, would lose some of itself there: the
    // strict error stands.
    read_as(text, options(Dialect::Strict), start)
        .map_err(|strict| read_as(text, options(Dialect::Reference), start).err().unwrap_or(strict))
}

fn read_as<T: Taker>(text: &[u8], options: ParseOptions, start: &T) -> Result<T, Failure> {
    let mut taker = start.clone();
    let mut parser = SliceParser::with_options(text, options);
    while let Some(event) = parser.next() {
        let taken = match event {
            Ok(event) => match taker.take(&event, options.lenient) {
                Ok(()) => continue,
                Err(Refusal::Duplicate) => return Err(Failure::Duplicate),
                Err(Refusal::Fault(reason)) => parser.reject(reason),
            },
            Err(error) => error,
        };
        if !options.lenient {
            return Err(taken.into());
        }
        print_error(format_args!("{}", Failure::from(taken)));
    }
    Ok(taker)
}

/// Reads a package file.
pub fn load(text: &[u8], lenient: bool) -> Result<Package, Failure> {
    read(text, First::Section, lenient, &Loader::default()).map(|loader| loader.package)
}

/// Puts the commands of a text into a package, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Loader {
    /// The package.
    pub package: Package,
    /// What changed in it, if that is asked for.
    pub changes: Option<Vec<DeltaLine>>,
    section: Option<usize>,
}

impl Loader {
    /// Merges into a package, and notes what changes.
    pub fn merging_into(package: Package) -> Loader {
        Loader { package, changes: Some(Vec::new()), section: None }
    }

    fn note(&mut self, operation: DeltaOperation, option: Option<&[u8]>, value: &[u8]) {
        let (Some(changes), Some(at)) = (&mut self.changes, self.section) else { return };
        let section = Name::try_from(&self.package.section(at).name[..]);
        // The parser lets only valid names pass.
        if let (Ok(section), Ok(option)) = (section, option.map(Name::try_from).transpose()) {
            changes.push(DeltaLine { operation, section, option, value: Some(value.to_vec()) });
        }
    }
}

impl Taker for Loader {
    fn take(&mut self, event: &Event<'_>, lenient: bool) -> Result<(), Refusal> {
        let value_of =
            |value: &Option<Word<'_>>| value.map(|value| value.value().into_owned()).unwrap_or_default();
        match &event.command {
            Command::Package { .. } => {}
            Command::Config { kind, name: None } => {
                self.section = Some(self.package.create(&kind.value(), None));
                self.note(DeltaOperation::Add, None, &kind.value());
            }
            Command::Config { kind, name: Some(name) } => {
                let kind = kind.value();
                match self.package.find(&name.value()) {
                    Some(at) if self.package.section(at).kind == *kind => self.section = Some(at),
                    Some(_) if !lenient => return Err(Refusal::Fault(Reason::TypeMismatch)),
                    Some(at) => {
                        self.section = Some(at);
                        self.package.section_mut(at).kind = kind.to_vec();
                        self.note(DeltaOperation::Set, None, &kind);
                    }
                    None => {
                        self.section = Some(self.package.create(&kind, Some(&name.value())));
                        self.note(DeltaOperation::Set, None, &kind);
                    }
                }
            }
            Command::Option { name, value } => {
                let (name, value) = (name.value(), value_of(value));
                if let Some(at) = self.section.filter(|_| !value.is_empty())
                    && self.package.section_mut(at).set(&name, &value)
                {
                    self.note(DeltaOperation::Set, Some(&name), &value);
                }
            }
            Command::List { name, value } => {
                let (name, value) = (name.value(), value_of(value));
                if let Some(at) = self.section {
                    self.package.section_mut(at).add_item(&name, &value);
                    self.note(DeltaOperation::AddList, Some(&name), &value);
                }
            }
        }
        Ok(())
    }
}

/// Writes a package: with its name as `export` does, without as `commit` does.
pub fn write(out: impl Write, package: &Package, name: Option<&str>, all_names: bool) -> io::Result<()> {
    let mut export = Export::new(out);
    if let Some(name) = name {
        export.package(name.as_bytes())?;
    }
    for section in package.sections() {
        let name = (all_names || !section.anonymous).then_some(&section.name[..]);
        export.section(&section.kind, name)?;
        for (name, value) in &section.options {
            export.option(name, value)?;
        }
    }
    export.end()
}

//! `import`, and the input that it shares with `batch`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use cms::model::{Command, Event, First, PackageName};

use super::Session;
use super::failure::Failure;
use super::files::Locked;
use super::package::Package;
use super::text::{self, Loader, Refusal, Taker};
use super::verbs::Loaded;

/// Standard input, or the file given in its place.
pub struct Input(BufReader<Box<dyn Read>>);

impl Input {
    /// Reads a file, or standard input.
    pub fn new(file: Option<File>) -> Input {
        Input(BufReader::new(match file {
            Some(file) => Box::new(file),
            None => Box::new(io::stdin()),
        }))
    }

    /// Appends the next line to `text`; says whether there was one.
    pub fn line(&mut self, text: &mut Vec<u8>) -> Result<bool, Failure> {
        self.0.read_until(b'\n', text).map(|count| count > 0).map_err(|_| Failure::Io)
    }

    fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        self.0.read_to_end(&mut text).map_err(|_| Failure::Io)?;
        Ok(text)
    }
}

/// Runs `import [NAME]`.
pub fn run(session: &mut Session<'_>, name: Option<&[u8]>) -> Result<(), Failure> {
    let lenient = session.options.lenient;
    let Some(name) = name else {
        if session.options.merge {
            return Err(Failure::Usage);
        }
        let stream = text::read(&session.input.rest()?, First::Package, lenient, &Stream::default())?;
        // Each is tried, whatever becomes of the others; the first failure is told.
        let results =
            stream.packages.into_iter().map(|(name, loader)| write(session, &name, &loader.package));
        return results.fold(Ok(()), Result::and);
    };
    if session.options.merge
        && let Ok(loaded) = Loaded::read(&session.options, name)
    {
        let start = Loader::merging_into(loaded.package.clone());
        let merged = text::read(&session.input.rest()?, First::Section, lenient, &start)?;
        return loaded.save(&session.options, &merged.changes.unwrap_or_default());
    }
    if !PackageName::is_valid(name) {
        return Err(Failure::Invalid);
    }
    let package = text::load(&session.input.rest()?, lenient)?;
    write(session, name, &package)
}

/// Replaces the file of a package, or makes it.
fn write(session: &Session<'_>, name: &[u8], package: &Package) -> Result<(), Failure> {
    let path = Loaded::config_path(&session.options, name);
    let mut file = Locked::open_or_create(&path, 0o600)?;
    let mut text = Vec::new();
    text::write(&mut text, package, None, session.options.export_names).map_err(|_| Failure::Io)?;
    file.replace(&text)
}

/// The packages of a stream.
#[derive(Debug, Clone, Default)]
struct Stream {
    packages: Vec<(Vec<u8>, Loader)>,
}

impl Taker for Stream {
    fn take(&mut self, event: &Event<'_>, lenient: bool) -> Result<(), Refusal> {
        if let Command::Package { name } = &event.command {
            let name = name.value().into_owned();
            if self.packages.iter().any(|(other, _)| *other == name) {
                return Err(Refusal::Duplicate);
            }
            self.packages.push((name, Loader::default()));
            return Ok(());
        }
        match self.packages.last_mut() {
            Some((_, loader)) => loader.take(event, lenient),
            // The parser refuses sections before the first package.
            None => Ok(()),
        }
    }
}

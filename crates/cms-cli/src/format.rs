//! Packages as text in one of four formats: what `export` writes and `import` reads.
//!
//! The shapes are specified in `docs/formats.md`. UCI text keeps every byte of a package; the others
//! keep its meaning: order, types, names, lists, and values that are no UTF-8.

mod input;
mod read;
mod sections;
mod structured;
#[cfg(test)]
mod tests;
mod uci_text;

use std::io::{self, Write};

use cms::model::{Package, PackageName};

pub(crate) use input::{Input, Text};
pub(crate) use read::{FormatError, Imported, read};

/// A format of whole packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Uci,
    Json,
    Yaml,
    Toml,
}

impl Format {
    pub(crate) const NAMES: [&'static str; 4] = ["uci", "json", "yaml", "toml"];

    pub(crate) fn from_name(name: &str) -> Option<Format> {
        match name {
            "uci" => Some(Format::Uci),
            "json" => Some(Format::Json),
            "yaml" => Some(Format::Yaml),
            "toml" => Some(Format::Toml),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Uci => "uci",
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::Toml => "toml",
        }
    }
}

/// How `export` names anonymous sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anonymous {
    /// Without a name, as they are.
    Unnamed,
    /// By their generated names, which makes named sections of them when read back (`-n`).
    Generated,
}

/// Writes packages in a format, one after the other, so that a large one is never held as text.
pub(crate) struct Writer<'a> {
    format: Format,
    anonymous: Anonymous,
    /// Whether no package has been written yet.
    first: bool,
    out: &'a mut dyn Write,
}

impl<'a> Writer<'a> {
    /// Goes on with a document, or begins one if `first`.
    pub(crate) fn new(
        format: Format,
        anonymous: Anonymous,
        first: bool,
        out: &'a mut dyn Write,
    ) -> Writer<'a> {
        Writer { format, anonymous, first, out }
    }

    pub(crate) fn package(&mut self, name: &PackageName, package: &Package) -> io::Result<()> {
        let first = std::mem::take(&mut self.first);
        match self.format {
            Format::Uci => uci_text::write(self.out, name, package, self.anonymous, first),
            structured => structured::write(self.out, structured, name, package, self.anonymous, first),
        }
    }

    /// Writes what closes the document.
    pub(crate) fn end(self) -> io::Result<()> {
        structured::end(self.out, self.format, self.first)
    }
}

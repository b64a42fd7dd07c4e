//! What is wrong with a text, all of it at once.

use std::fmt;
use std::ops::Range;

use cms_model::schema::Code;
use cms_model::{Diagnostic, Severity};

/// After so many nobody reads on.
const LIMIT: usize = 1000;

/// How much of a line is shown.
const LINE_TEXT_LIMIT: usize = 400;

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The format does not say which package it is, and nobody else does.
    NoPackage,
    /// Rows have no type, and nobody says one.
    NoType,
    /// What is wrong with the text, with the places.
    Faults(Vec<Diagnostic>),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NoPackage => f.write_str("the text does not say which package it is"),
            Refused::NoType => f.write_str("the text does not say of which type its sections are"),
            Refused::Faults(faults) => match &faults[..] {
                [] => f.write_str("the text cannot be read"),
                [only] => write!(f, "{only}"),
                [first, rest @ ..] => write!(f, "{first} (and {} more)", rest.len()),
            },
        }
    }
}

impl std::error::Error for Refused {}

/// A line, or in a dump a key, that a fault is shown on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) number: Number,
    pub(crate) text: &'a [u8],
}

/// Which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// A line of the text, from 1.
    Line(usize),
    /// An entry of a dump, from 0, and the name of their array.
    Entry(&'static str, usize),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Line(number) => write!(f, "{number}"),
            Number::Entry(array, number) => write!(f, "{array}[{number}]"),
        }
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    found: Vec<Diagnostic>,
}

impl Faults {
    /// Notes a fault in some bytes of a line.
    pub(crate) fn add(&mut self, code: &'static str, line: Line<'_>, bytes: Range<usize>) {
        self.add_with(code, line, bytes, None);
    }

    /// Notes that something is there a second time.
    pub(crate) fn twice(&mut self, line: Line<'_>, bytes: Range<usize>, first: Number) {
        self.add_with("key-twice", line, bytes, Some(format!("first at {first}")));
    }

    /// Notes what the reader of JSON says.
    pub(crate) fn json(&mut self, text: &[u8], error: &serde_json::Error) {
        let words = error.to_string();
        // It says the place itself, which is shown here otherwise.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = words.strip_suffix(&place).unwrap_or(&words).to_owned();
        let number = error.line().max(1);
        let line = text.split(|byte| *byte == b'\n').nth(number - 1).unwrap_or_default();
        let column = error.column().saturating_sub(1);
        // A dump is one line of megabytes: what is shown is what lies around the place.
        let start = column.saturating_sub(LINE_TEXT_LIMIT / 2).min(line.len());
        let shown = &line[start..line.len().min(start + LINE_TEXT_LIMIT)];
        self.found.push(Diagnostic {
            message,
            ..diagnostic(
                "bad-json",
                Number::Line(number),
                shown,
                column - start.min(column)..column - start.min(column) + 1,
            )
        });
    }

    fn add_with(&mut self, code: &'static str, line: Line<'_>, bytes: Range<usize>, hint: Option<String>) {
        self.found.push(Diagnostic { hint, ..diagnostic(code, line.number, line.text, bytes) });
    }

    /// Says whether to read on.
    pub(crate) fn is_enough(&self) -> bool {
        self.found.len() >= LIMIT
    }

    pub(crate) fn is_any(&self) -> bool {
        !self.found.is_empty()
    }

    pub(crate) fn end(self) -> Result<(), Refused> {
        if self.found.is_empty() { Ok(()) } else { Err(Refused::Faults(self.found)) }
    }
}

fn diagnostic(code: &'static str, number: Number, text: &[u8], bytes: Range<usize>) -> Diagnostic {
    let (file, line) = match number {
        Number::Line(line) => (None, line),
        Number::Entry(..) => (Some(number.to_string()), 1),
    };
    Diagnostic {
        code,
        severity: Severity::Error,
        message: words(code).to_owned(),
        file,
        line,
        column: bytes.start + 1,
        line_text: text[..text.len().min(LINE_TEXT_LIMIT)].to_vec(),
        span_len: bytes.end.saturating_sub(bytes.start),
        hint: None,
        detail: None,
    }
}

/// What a code means, for those who have no catalogue of their own.
fn words(code: &str) -> &'static str {
    Code::find(code).map_or("the text cannot be read", |code| code.title)
}

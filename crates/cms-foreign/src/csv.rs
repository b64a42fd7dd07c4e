//! Tables in the shape of RFC 4180: a row is a section. Read here and not by a library, for those are lenient: a quote that is never closed takes
//! the rest of the table for one field.

use std::borrow::Cow;
use std::ops::Range;

use crate::fault::{Faults, Line, Number, Refused};
use crate::lines::without_mark;
use crate::options::Options;
use crate::packages::{Again, Packages, Piece};

pub(crate) fn read(
    text: &[u8],
    options: &Options<'_>,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) -> Result<(), Refused> {
    if options.kind.is_none() {
        return Err(Refused::NoType);
    }
    let Some(text) = without_mark(text, faults) else { return Ok(()) };
    let mut rows = Rows { text, at: 0, start: 0, number: 1, separator: options.separator };
    let mut fields = Vec::new();
    let first = loop {
        let Some(line) = rows.next(&mut fields, faults) else { return Ok(()) };
        if !fields.is_empty() || faults.is_any() {
            break line;
        }
    };
    let header: Vec<Field<'_>> = std::mem::take(&mut fields);
    let names = match name_column(&header, options.name_column.as_deref()) {
        Ok(names) => names,
        Err(()) => {
            faults.add("no-column", first, 0..first.text.len());
            return Ok(());
        }
    };
    let again = repeated(&header);
    let package = packages.package(None, first, faults);
    // Options of a table without rows have their names looked at, too.
    for (column, field) in header.iter().enumerate() {
        if Some(column) != names {
            packages.check_name(&field.piece(), field.line, faults);
        }
    }
    let Some(package) = package.filter(|_| !faults.is_any()) else { return Ok(()) };
    while let Some(line) = rows.next(&mut fields, faults) {
        if faults.is_enough() {
            break;
        }
        if fields.is_empty() {
            continue;
        }
        if fields.len() != header.len() {
            faults.add("field-count", line, 0..line.text.len());
            continue;
        }
        let name =
            names.map(|column| &fields[column]).filter(|field| !field.bytes.is_empty()).map(Field::piece);
        let place = names.map_or(line, |column| fields[column].line);
        let Some(section) = packages.new_section(package, name.as_ref(), place, faults) else { continue };
        for (column, (title, field)) in header.iter().zip(&fields).enumerate() {
            if Some(column) == names {
                continue;
            }
            // What is wrong is the value: the name was looked at.
            let name = Piece { bytes: Cow::Borrowed(&*title.bytes), place: field.place.clone() };
            packages.option(section, &name, &field.bytes, again[column], field.line, faults);
        }
    }
    Ok(())
}

/// The column that names the sections.
fn name_column(header: &[Field<'_>], wanted: Option<&[u8]>) -> Result<Option<usize>, ()> {
    let Some(wanted) = wanted else { return Ok(None) };
    header.iter().position(|field| *field.bytes == *wanted).map(Some).ok_or(())
}

/// Which columns are there several times, and so are lists, also where only one of them has a value.
fn repeated(header: &[Field<'_>]) -> Vec<Again> {
    let mut counts = std::collections::HashMap::<&[u8], usize>::new();
    for field in header {
        *counts.entry(&field.bytes).or_default() += 1;
    }
    header
        .iter()
        .map(|field| if counts[&*field.bytes] > 1 { Again::List(true) } else { Again::Refused })
        .collect()
}

/// A field, and where it stands in the line that it begins on.
struct Field<'a> {
    bytes: Cow<'a, [u8]>,
    line: Line<'a>,
    place: Range<usize>,
}

impl Field<'_> {
    fn piece(&self) -> Piece<'_> {
        Piece { bytes: Cow::Borrowed(&*self.bytes), place: self.place.clone() }
    }
}

struct Rows<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the line of `at` begins, and its number.
    start: usize,
    number: usize,
    separator: u8,
}

impl<'a> Rows<'a> {
    /// Reads the fields of the next row; none for an empty line, and for one with a fault. Gives the line that it begins on.
    fn next(&mut self, fields: &mut Vec<Field<'a>>, faults: &mut Faults) -> Option<Line<'a>> {
        fields.clear();
        if self.at >= self.text.len() {
            return None;
        }
        let row = self.line();
        if row.text.is_empty() {
            self.end_line();
            return Some(row);
        }
        loop {
            let (line, start) = (self.line(), self.at - self.start);
            let bytes = match self.text.get(self.at) {
                Some(b'"') => self.quoted(line, faults),
                _ => self.bare(line, faults),
            };
            let Some(bytes) = bytes else {
                self.end_line();
                fields.clear();
                return Some(row);
            };
            // One that goes over lines is shown on its first.
            let end = if self.line().number == line.number { self.at - self.start } else { line.text.len() };
            fields.push(Field { bytes, line, place: start..end.min(line.text.len()).max(start) });
            if self.text.get(self.at) != Some(&self.separator) {
                self.end_line();
                return Some(row);
            }
            self.at += 1;
        }
    }

    fn bare(&mut self, line: Line<'a>, faults: &mut Faults) -> Option<Cow<'a, [u8]>> {
        let rest = &self.text[self.at..];
        let length = memchr::memchr2(self.separator, b'\n', rest).unwrap_or(rest.len());
        let mut bytes = &rest[..length];
        if rest.get(length) != Some(&self.separator) {
            bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        }
        if let Some(quote) = memchr::memchr(b'"', bytes) {
            let at = self.at - self.start + quote;
            faults.add("quote-in-field", line, at..at + 1);
            return None;
        }
        self.at += length;
        Some(bytes.into())
    }

    fn quoted(&mut self, line: Line<'a>, faults: &mut Faults) -> Option<Cow<'a, [u8]>> {
        let open = self.at;
        let (mut value, mut copied, mut at) = (Vec::new(), open + 1, open + 1);
        let close = loop {
            let Some(quote) = memchr::memchr(b'"', &self.text[at..]).map(|quote| at + quote) else {
                faults.add("unterminated-quote", line, open - self.start..open - self.start + 1);
                // There is nothing to go on with.
                self.at = self.text.len();
                return None;
            };
            if self.text.get(quote + 1) != Some(&b'"') {
                break quote;
            }
            value.extend_from_slice(&self.text[copied..=quote]);
            (copied, at) = (quote + 2, quote + 2);
        };
        let rest = &self.text[copied..close];
        let passed = &self.text[open..close];
        if let Some(newline) = memchr::memrchr(b'\n', passed) {
            self.number += memchr::memchr_iter(b'\n', passed).count();
            self.start = open + newline + 1;
        }
        self.at = close + 1;
        let behind = &self.text[self.at..];
        let is_end = behind.is_empty()
            || behind[0] == self.separator
            || behind.starts_with(b"\n")
            || behind.starts_with(b"\r\n")
            || behind == b"\r";
        if !is_end {
            let (line, at) = (self.line(), self.at - self.start);
            faults.add("after-quote", line, at..line.text.len().max(at + 1));
            return None;
        }
        Some(if value.is_empty() { rest.into() } else { [&value, rest].concat().into() })
    }

    /// The line that is being read, without its end.
    fn line(&self) -> Line<'a> {
        let rest = &self.text[self.start..];
        let text = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        Line { number: Number::Line(self.number), text: text.strip_suffix(b"\r").unwrap_or(text) }
    }

    /// Goes on behind the end of the line.
    fn end_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
        self.start = self.at;
        self.number += 1;
    }
}

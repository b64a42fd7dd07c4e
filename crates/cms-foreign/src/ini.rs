//! INI files, those of git included.

use cms_model::Name;

use crate::fault::{Faults, Line};
use crate::lines::{Lines, comment, first, trimmed, without_mark};
use crate::options::Options;
use crate::packages::{Again, Packages, Piece, SectionAt};
use crate::quoted::{self, Quoted};

const ESCAPES: [(u8, u8); 5] = [(b'"', b'"'), (b'\\', b'\\'), (b'n', b'\n'), (b'r', b'\r'), (b't', b'\t')];
const COMMENTS: &[u8] = b";#";

pub(crate) fn read(text: &[u8], options: &Options<'_>, packages: &mut Packages<'_>, faults: &mut Faults) {
    let Some(text) = without_mark(text, faults) else { return };
    // What belongs to a header that is none is not complained of as well.
    let mut section = Place::Before;
    for line in Lines::new(text) {
        if faults.is_enough() {
            return;
        }
        let start = first(line.text, 0);
        match line.text.get(start) {
            None => {}
            Some(byte) if COMMENTS.contains(byte) => {}
            Some(b'[') => {
                let begun = header(line, start, packages, faults);
                section = begun.map_or(Place::Nowhere, Place::In);
            }
            Some(_) => entry(line, start, &mut section, options, packages, faults),
        }
    }
}

/// Where a key belongs.
enum Place {
    /// Above the first header.
    Before,
    In(SectionAt),
    /// In a section whose header is none.
    Nowhere,
}

fn header(
    line: Line<'_>,
    start: usize,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) -> Option<SectionAt> {
    let package = packages.package(None, line, faults)?;
    let wrong = |faults: &mut Faults, at: usize| {
        faults.add("bad-header", line, at..line.text.len().max(at + 1));
        None
    };
    let text = line.text;
    let begin = first(text, start + 1);
    let quote = memchr::memchr2(b'"', b']', &text[begin..]).map(|at| begin + at);
    let Some(stop) = quote else { return wrong(faults, start) };
    if text[stop] == b']' {
        let (name, at) = trimmed(text, begin, stop);
        if name.is_empty() || !is_end(text, stop + 1) {
            return wrong(faults, if name.is_empty() { start } else { stop + 1 });
        }
        let name = Piece::new(name, at);
        let section = packages.section(package, &name, line, faults)?;
        packages.header(section, None, &name, line, faults);
        return Some(section);
    }
    let (kind, at) = trimmed(text, begin, stop);
    // Between the type and the quote git wants a blank.
    if kind.is_empty() || at + kind.len() == stop {
        return wrong(faults, stop);
    }
    let quoted = match quoted::read(&text[stop..], &[(b'"', b'"'), (b'\\', b'\\')]) {
        Ok(quoted) => quoted,
        Err(error) => {
            quoted::fault(&error, line, stop, &text[stop..], faults);
            return None;
        }
    };
    let end = first(text, stop + quoted.end);
    if text.get(end) != Some(&b']') || !is_end(text, end + 1) {
        let at = if text.get(end) == Some(&b']') { first(text, end + 1) } else { end };
        return wrong(faults, at);
    }
    let name = Piece { place: stop + 1..stop + quoted.end - 1, bytes: quoted.value };
    let section = packages.section(package, &name, line, faults)?;
    packages.header(section, Some(&Piece::new(kind, at)), &name, line, faults);
    Some(section)
}

/// Whether nothing follows but a comment.
fn is_end(text: &[u8], from: usize) -> bool {
    text.get(first(text, from)).is_none_or(|byte| COMMENTS.contains(byte))
}

fn entry(
    line: Line<'_>,
    start: usize,
    place: &mut Place,
    options: &Options<'_>,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) {
    let text = line.text;
    let Some(separator) = memchr::memchr2(b'=', b':', &text[start..]).map(|at| start + at) else {
        faults.add("no-value", line, start..text.len());
        return;
    };
    let (key, at) = trimmed(text, start, separator);
    if key.is_empty() {
        faults.add("no-key", line, separator..separator + 1);
        return;
    }
    let (key, is_list) = match key.strip_suffix(b"[]") {
        Some(key) => (key, true),
        None => (key, false),
    };
    let Some(value) = value(line, separator + 1, options, faults) else { return };
    let section = match place {
        Place::Before => {
            let Some(package) = packages.package(None, line, faults) else { return };
            let section = packages.unnamed_keys(package);
            *place = Place::In(section);
            section
        }
        Place::In(section) => *section,
        // Its name is looked at all the same.
        Place::Nowhere => {
            if !options.fit_names && Name::try_from(key).is_err() {
                faults.add("foreign-name", line, at..at + key.len());
            }
            return;
        }
    };
    packages.option(section, &Piece::new(key, at), &value, Again::List(is_list), line, faults);
}

fn value<'a>(
    line: Line<'a>,
    from: usize,
    options: &Options<'_>,
    faults: &mut Faults,
) -> Option<std::borrow::Cow<'a, [u8]>> {
    let text = line.text;
    let start = first(text, from);
    if matches!(text.get(start), Some(b'"' | b'\'')) {
        match quoted::read(&text[start..], &ESCAPES) {
            Ok(Quoted { value, end, .. }) if is_end(text, start + end) => return Some(value),
            Ok(Quoted { end, .. }) => {
                let end = first(text, start + end);
                faults.add("after-quote", line, end..text.len());
            }
            Err(error) => quoted::fault(&error, line, start, &text[start..], faults),
        }
        return None;
    }
    let mut end = text.len();
    if let Some(mark) = comment(text, from, COMMENTS) {
        match options.inline_comments {
            Some(true) => end = mark,
            Some(false) => {}
            None => {
                faults.add("unclear-comment", line, mark..text.len());
                return None;
            }
        }
    }
    let (value, at) = trimmed(text, start.min(end), end);
    if value.ends_with(b"\\") && options.inline_comments != Some(false) {
        let last = at + value.len() - 1;
        faults.add("continued-line", line, last..last + 1);
        return None;
    }
    Some(value.into())
}

//! `.env` files.

use crate::fault::{Faults, Line};
use crate::lines::{Lines, comment, first, is_blank, trimmed, without_mark};
use crate::options::Options;
use crate::packages::{Again, Packages, Piece, SectionAt};
use crate::quoted::{self, Quoted};

const ESCAPES: [(u8, u8); 6] =
    [(b'"', b'"'), (b'\\', b'\\'), (b'$', b'$'), (b'n', b'\n'), (b'r', b'\r'), (b't', b'\t')];
const COMMENT: &[u8] = b"#";

pub(crate) fn read(text: &[u8], _options: &Options<'_>, packages: &mut Packages<'_>, faults: &mut Faults) {
    let Some(text) = without_mark(text, faults) else { return };
    let mut section = None;
    let mut lines = Lines::new(text);
    while let Some(line) = lines.next() {
        if faults.is_enough() {
            return;
        }
        let start = first(line.text, 0);
        if line.text.get(start).is_none_or(|byte| COMMENT.contains(byte)) {
            continue;
        }
        let Some((key, from)) = key(line, start, faults) else { continue };
        let Some(value) = value(&mut lines, line, from, faults) else { continue };
        if section.is_none() {
            let package = packages.package(None, line, faults);
            section = package.map(|package| packages.unnamed_keys(package));
        }
        let Some(at): Option<SectionAt> = section else { return };
        packages.notes.variables += usize::from(value.has_variable);
        packages.option(at, &key, &value.value, Again::Refused, line, faults);
    }
}

/// The key of a line, and where its value begins.
fn key<'a>(line: Line<'a>, start: usize, faults: &mut Faults) -> Option<(Piece<'a>, usize)> {
    let text = line.text;
    let Some(separator) = memchr::memchr(b'=', &text[start..]).map(|at| start + at) else {
        faults.add("no-value", line, start..text.len());
        return None;
    };
    let begin = match text[start..separator].strip_prefix(b"export") {
        Some(rest) if rest.first().is_some_and(|byte| is_blank(*byte)) => start + b"export".len(),
        _ => start,
    };
    let (key, at) = trimmed(text, begin, separator);
    if key.is_empty() {
        faults.add("no-key", line, separator..separator + 1);
        return None;
    }
    Some((Piece::new(key, at), separator + 1))
}

fn value<'a>(lines: &mut Lines<'a>, line: Line<'a>, from: usize, faults: &mut Faults) -> Option<Quoted<'a>> {
    let text = line.text;
    let start = first(text, from);
    if !matches!(text.get(start), Some(b'"' | b'\'')) {
        let end = comment(text, from, COMMENT).unwrap_or(text.len());
        let (value, at) = trimmed(text, start.min(end), end);
        let has_variable = memchr::memchr_iter(b'$', value).any(|dollar| quoted::expands(&value[dollar..]));
        return Some(Quoted { value: value.into(), has_variable, end: at + value.len() });
    }
    let rest = lines.from(start);
    match quoted::read(rest, &ESCAPES) {
        Ok(quoted) => {
            let (last, end) = lines.go_on(start + quoted.end);
            let behind = first(last.text, end.min(last.text.len()));
            if last.text.get(behind).is_none_or(|byte| COMMENT.contains(byte)) {
                return Some(quoted);
            }
            faults.add("after-quote", last, behind..last.text.len());
        }
        Err(error) => quoted::fault(&error, line, start, rest, faults),
    }
    None
}

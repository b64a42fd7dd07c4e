//! Keys with parts: which package, section and option they are.

use std::ops::Range;

use crate::fault::{Faults, Line};
use crate::options::Options;
use crate::packages::{Again, Packages, Piece};

/// Takes the parts of a key apart at each `/`; one before the first part is nothing.
pub(crate) fn parts(key: &[u8]) -> Vec<Piece<'_>> {
    let start = usize::from(key.first() == Some(&b'/'));
    let mut at = start;
    let pieces = key[start..].split(|byte| *byte == b'/').map(|part| {
        let piece = Piece::new(part, at);
        at += part.len() + 1;
        piece
    });
    pieces.collect()
}

/// Puts a value where its key says.
pub(crate) fn option(
    parts: &[Piece<'_>],
    place: Range<usize>,
    value: &[u8],
    line: Line<'_>,
    options: &Options<'_>,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) {
    if let Some((section, option)) = section_and_option(parts, &place, line, options, packages, faults) {
        let Some(option) = option else {
            faults.add("short-key", line, place);
            return;
        };
        packages.option(section, &option, value, Again::Refused, line, faults);
    }
}

/// The same, where a key that ends at the section says its type.
pub(crate) fn option_or_type(
    parts: &[Piece<'_>],
    value: &[u8],
    line: Line<'_>,
    options: &Options<'_>,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) {
    let place = 0..line.text.len();
    let Some((section, option)) = section_and_option(parts, &place, line, options, packages, faults) else {
        return;
    };
    match option {
        Some(option) => packages.option(section, &option, value, Again::Refused, line, faults),
        // It has no type of its own, and is there.
        None if value.is_empty() => {}
        None => {
            let kind = Piece { bytes: value.into(), place };
            packages.set_type(section, &kind, line, faults);
        }
    }
}

/// The section, begun if need be, and what the option is called that the further parts name.
fn section_and_option<'a>(
    parts: &[Piece<'a>],
    place: &Range<usize>,
    line: Line<'_>,
    options: &Options<'_>,
    packages: &mut Packages<'_>,
    faults: &mut Faults,
) -> Option<(crate::packages::SectionAt, Option<Piece<'a>>)> {
    if let Some(empty) = parts.iter().find(|part| part.bytes.is_empty()) {
        let at = empty.place.start.min(line.text.len());
        faults.add("empty-part", line, at..at);
        return None;
    }
    let (package, rest) = match (&options.package, parts) {
        (Some(_), parts) => (None, parts),
        (None, [package, rest @ ..]) => (Some(package), rest),
        (None, []) => (None, parts),
    };
    let [section, rest @ ..] = rest else {
        faults.add("short-key", line, place.clone());
        return None;
    };
    let package = packages.package(package, line, faults)?;
    let section = packages.section(package, section, line, faults)?;
    Some((section, joined(rest)))
}

/// What several parts are together.
fn joined<'a>(parts: &[Piece<'a>]) -> Option<Piece<'a>> {
    let (first, rest) = parts.split_first()?;
    let mut piece = first.clone();
    for part in rest {
        let mut bytes = piece.bytes.into_owned();
        bytes.push(b'_');
        bytes.extend_from_slice(&part.bytes);
        piece = Piece { bytes: bytes.into(), place: piece.place.start..part.place.end };
    }
    Some(piece)
}

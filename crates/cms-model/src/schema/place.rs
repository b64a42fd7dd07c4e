//! Places in a package's text, and findings that are tied to them.

use std::ops::Range;

use crate::diagnostic::line_at;
use crate::package::Spot;
use crate::scan::place_of;
use crate::{Command, Detail, Diagnostic, Package, Section, Severity, SliceParser, Word};

use super::code::Code;

/// More findings than this of one severity are not kept.
pub(crate) const LIMIT: usize = 1000;

/// A run of bytes in a block of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place {
    pub slot: usize,
    pub at: usize,
    pub len: usize,
}

/// A line `option` or `list` that has an effect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub name: Word<'a>,
    pub value: Option<Word<'a>>,
    pub list: bool,
    pub slot: u32,
    /// Where its stanza starts in the block.
    pub base: u32,
}

impl Line<'_> {
    pub(crate) fn name_place(&self) -> Place {
        self.place(self.name.span())
    }

    pub(crate) fn value_place(&self) -> Place {
        self.place(self.value.map_or(self.name.span(), |value| value.span()))
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place { slot: self.slot as usize, at: self.base as usize + span.start, len: span.len() }
    }

    /// The place of a part of the value; of all of it, if the value is written in several pieces.
    pub(crate) fn part_place(&self, part: &Range<usize>) -> Place {
        let Some(Ok(inner)) = self.value.map(|value| place_of(&value)) else { return self.value_place() };
        let start = inner.start + part.start.min(inner.len());
        let end = inner.start + part.end.clamp(part.start, inner.len().max(part.start)).min(inner.len());
        self.place(start..end.max(start))
    }
}

/// Goes over the lines of a stanza that have an effect.
#[inline]
pub(crate) fn lines(package: &Package, spot: Spot) -> impl Iterator<Item = Line<'_>> {
    let block = package.block(spot.slot);
    let (slot, base) = (spot.slot as u32, block.start_of(spot.entry) as u32);
    SliceParser::new(package.stanza(spot)).flatten().filter_map(move |event| match event.command {
        Command::Option { name, value: Some(value) } if !value.is_empty() => {
            Some(Line { name, value: Some(value), list: false, slot, base })
        }
        Command::List { name, value } => Some(Line { name, value, list: true, slot, base }),
        _ => None,
    })
}

/// All stanzas of a section.
pub(crate) fn stanzas(package: &Package, section: Section<'_>) -> Vec<Spot> {
    if package.len() == package.stanza_count() {
        return vec![section.spot()];
    }
    package.spots(section.id())
}

/// Where a section's `config` command stands.
pub(crate) fn head(package: &Package, section: Section<'_>) -> Place {
    let spot = section.spot();
    let base = package.block(spot.slot).start_of(spot.entry);
    let first = SliceParser::new(package.stanza(spot))
        .flatten()
        .find(|event| matches!(event.command, Command::Config { .. }));
    let span = first.map_or(0..0, |event| event.span);
    Place { slot: spot.slot, at: base + span.start, len: span.len() }
}

/// What was found in a package, to be turned into diagnostics at the end: then each line is counted once.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    warnings: usize,
    errors: usize,
}

#[derive(Debug)]
pub(crate) struct Finding {
    pub place: Place,
    pub code: &'static Code,
    pub severity: Severity,
    pub message: String,
    pub hint: Option<String>,
    pub detail: Option<Detail>,
    /// Whether the line holds a value that is never shown.
    pub secret: bool,
    /// Whether the place is a name, which is shown anyway.
    pub names: bool,
}

impl Findings {
    /// Says whether one more of that severity would be kept.
    pub(crate) fn wants(&self, severity: Severity) -> bool {
        match severity {
            Severity::Warning => self.warnings < LIMIT,
            Severity::Error => self.errors < LIMIT,
        }
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        let count = match finding.severity {
            Severity::Warning => &mut self.warnings,
            Severity::Error => &mut self.errors,
        };
        *count += 1;
        if *count <= LIMIT {
            self.found.push(finding);
        }
    }

    /// Gives the diagnostics in the order of the text, none twice.
    pub(crate) fn finish(mut self, package: &Package, file: &str) -> Vec<Diagnostic> {
        self.found.sort_by(|left, right| (left.place, left.code.id).cmp(&(right.place, right.code.id)));
        self.found.dedup_by(|left, right| {
            left.place == right.place && left.code == right.code && left.message == right.message
        });
        let mut lines = LineCounter { package, slot: 0, at: 0, line: 1 };
        self.found
            .into_iter()
            .map(|finding| {
                let (line, column, mut line_text) = lines.find(finding.place);
                if finding.secret {
                    // Everything behind the fault may be the value, and the fault too unless it is a name.
                    let kept = if finding.names { column - 1 + finding.place.len } else { column - 1 };
                    line_text.truncate(kept);
                }
                Diagnostic {
                    code: finding.code.id,
                    severity: finding.severity,
                    message: finding.message,
                    file: Some(file.to_owned()),
                    line,
                    column,
                    span_len: finding.place.len.min((line_text.len() + 1).saturating_sub(column)),
                    line_text,
                    hint: finding.hint,
                    detail: finding.detail.map(Box::new),
                }
            })
            .collect()
    }
}

/// Counts lines forward.
struct LineCounter<'a> {
    package: &'a Package,
    slot: usize,
    at: usize,
    line: usize,
}

impl LineCounter<'_> {
    fn find(&mut self, place: Place) -> (usize, usize, Vec<u8>) {
        let count = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
        let block = |slot: usize| self.package.block_text(slot).unwrap_or_default();
        while self.slot < place.slot {
            self.line += count(block(self.slot).get(self.at..).unwrap_or_default());
            self.slot += 1;
            self.at = 0;
        }
        let text = block(place.slot);
        let at = place.at.min(text.len());
        self.line += count(text.get(self.at..at).unwrap_or_default());
        self.at = at.max(self.at);
        let (start, shown) = line_at(text, at);
        let mut shown = shown.to_vec();
        let mut column = at - start + 1;
        if start == 0 && place.slot > 0 {
            // Several sections can share a line that goes over the end of a block.
            let before = block(place.slot - 1);
            let tail = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
            column += tail.len();
            shown.splice(0..0, tail.iter().copied());
        }
        (self.line, column, shown)
    }
}

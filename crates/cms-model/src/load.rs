//! From text, or from the parts of a snapshot, to a package.

use std::fmt;
use std::io::{self, Read};

use crate::block::{Block, BlockSize};
use crate::index::{hash_id, hash_name};
use crate::parse_error::hint;
use crate::scan::{Head, Stanzas};
use crate::{BlockPart, Diagnostic, Package, ParseError, Reason, SectionId};

/// How much of a file is read at once.
const CHUNK: usize = 1 << 20;
/// How much of a line that is too long a report shows.
const LINE_SHOWN: usize = 200;
/// More errors than this are not reported one by one.
const DIAGNOSTIC_LIMIT: usize = 1000;

/// Why a package could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The reader failed.
    Io(io::Error),
    /// The text has errors: up to 1,000 of them, in order.
    Parse(Vec<Diagnostic>),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(_) => f.write_str("cannot read the package"),
            ReadError::Parse(diagnostics) => match diagnostics.first() {
                Some(first) => write!(f, "cannot parse the package: {first}"),
                None => f.write_str("cannot parse the package"),
            },
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io(error) => Some(error),
            ReadError::Parse(_) => None,
        }
    }
}

/// Says that the parts of a snapshot do not make a package: the text of a part does not parse, or
/// the number of its stanzas is not that of its ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsError {
    /// The part, from 0.
    pub part: usize,
}

impl fmt::Display for PartsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {} of the package is damaged", self.part)
    }
}

impl std::error::Error for PartsError {}

impl Package {
    /// Reads a text. Its sections get the ids 1, 2, 3 and so on.
    ///
    /// # Errors
    /// All that is wrong with the text, in order (but not more than 1,000 findings).
    pub fn parse(text: &[u8]) -> Result<Package, Vec<Diagnostic>> {
        let mut loader = Loader::default();
        loader.take(text, true);
        loader.finish()
    }

    /// Reads a text piece by piece; the longest section must fit in memory twice.
    ///
    /// # Errors
    /// If the reader fails, or the text does not parse.
    pub fn read(reader: impl Read) -> Result<Package, ReadError> {
        Package::read_by(reader, CHUNK)
    }

    fn read_by(reader: impl Read, chunk: usize) -> Result<Package, ReadError> {
        Package::read_into(Loader::default(), reader, chunk)
    }

    fn read_into(mut loader: Loader, mut reader: impl Read, chunk: usize) -> Result<Package, ReadError> {
        let mut window = vec![0; chunk];
        let mut filled = 0;
        loop {
            if filled == window.len() {
                window.resize(window.len() * 2, 0);
            }
            match reader.read(&mut window[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ReadError::Io(error)),
            }
            if filled == window.len() {
                let taken = loader.take(&window[..filled], false);
                if taken == 0 && filled > loader.longest.0 {
                    loader.refuse_length(&window, 0);
                    return loader.finish().map_err(ReadError::Parse);
                }
                window.copy_within(taken..filled, 0);
                filled -= taken;
            }
        }
        loader.take(&window[..filled], true);
        loader.finish().map_err(ReadError::Parse)
    }

    /// Puts a package together again from what [`to_parts`](Package::to_parts) gave.
    ///
    /// # Errors
    /// If a part does not hold as many sections as it has ids.
    pub fn from_parts(parts: impl IntoIterator<Item = BlockPart>) -> Result<Package, PartsError> {
        let mut loader = Loader::default();
        for (part, BlockPart { text, ids }) in parts.into_iter().enumerate() {
            let block = Block::scan(text, part == 0, &ids).ok_or(PartsError { part })?;
            loader.open = block;
            for entry in 0..loader.open.entries.len() {
                loader.open.entries[entry].reopen = loader.is_known(entry);
                loader.admit(entry);
            }
            loader.open.shrink();
            loader.close();
        }
        let mut package = loader.package;
        // Only the first part may be without a section.
        for slot in (1..package.slots.len()).rev() {
            if package.slots[slot].stanzas == 0 {
                package.settle(slot);
            }
        }
        Ok(package)
    }
}

/// A stanza of which the end is not yet known.
struct Pending<'a> {
    head: Head<'a>,
    /// The section that it goes on with.
    known: Option<SectionId>,
}

/// How much text a section can take: offsets in a block are of 32 bits.
struct Longest(usize);

impl Default for Longest {
    fn default() -> Longest {
        Longest(u32::MAX as usize)
    }
}

/// A package in the making: blocks that are done, and one that is not.
#[derive(Default)]
struct Loader {
    longest: Longest,
    package: Package,
    open: Block,
    last_id: u64,
    /// The lines before the text at hand.
    lines: usize,
    /// The part of the line before the text at hand, if that starts within one: several sections can
    /// share a line.
    line_before: Vec<u8>,
    diagnostics: Vec<Diagnostic>,
}

impl Loader {
    /// Takes the stanzas of `text`; unless the text is complete, all but the last. Returns how many
    /// bytes were taken.
    fn take(&mut self, text: &[u8], complete: bool) -> usize {
        let at_start = self.package.slots.is_empty() && self.open.entries.is_empty();
        let mut stanzas = Stanzas::new(text, at_start);
        let mut pending: Option<Pending<'_>> = None;
        let mut errors: Vec<ParseError> = Vec::new();
        let mut taken = 0;
        while let Some(next) = stanzas.next() {
            match next {
                Err(error) => {
                    // An open quote at the end of a piece may be closed in the next one, and what was
                    // found behind it may be its content.
                    let quote =
                        matches!(error.reason, Reason::UnterminatedSingle | Reason::UnterminatedDouble);
                    if !complete && quote {
                        break;
                    }
                    if self.diagnostics.len() + errors.len() < DIAGNOSTIC_LIMIT {
                        errors.push(error);
                    }
                }
                Ok(head) => {
                    if let Some(pending) = pending.take() {
                        self.push(text, taken, head.start, &pending);
                        taken = head.start;
                    }
                    let known = self.known(&head);
                    if known.is_some_and(|(_, same_kind)| !same_kind)
                        && self.diagnostics.len() + errors.len() < DIAGNOSTIC_LIMIT
                    {
                        errors.push(stanzas.reject(Reason::TypeMismatch));
                    }
                    pending = Some(Pending { head, known: known.map(|(id, _)| id) });
                }
            }
        }
        match pending {
            Some(pending) if complete => {
                self.push(text, taken, text.len(), &pending);
                taken = text.len();
            }
            // The section will be met again, with the rest of it.
            Some(_) => {}
            None if complete => {
                self.open.text.extend_from_slice(&text[taken..]);
                taken = text.len();
            }
            None => {}
        }
        let errors = errors.into_iter().filter(|error| complete || error.offset < taken as u64);
        for mut error in errors {
            if error.start_line == 1 {
                error.column += self.line_before.len();
                error.line_text.splice(0..0, self.line_before.iter().copied());
            }
            error.start_line += self.lines;
            self.diagnostics.push(error.diagnostic());
        }
        let text = &text[..taken];
        self.lines += memchr::memchr_iter(b'\n', text).count();
        if let Some(newline) = memchr::memrchr(b'\n', text) {
            self.line_before.clear();
            self.line_before.extend_from_slice(&text[newline + 1..]);
        } else {
            self.line_before.extend_from_slice(text);
        }
        taken
    }

    /// Returns the id of the section that `head` opens again, and whether its type is the same.
    fn known(&self, head: &Head<'_>) -> Option<(SectionId, bool)> {
        let name = head.name.as_ref()?.value();
        let name = std::str::from_utf8(&name).ok()?;
        for uid in self.package.names.blocks(hash_name(name.as_bytes())) {
            let block = match self.package.slot_of(uid) {
                Some(slot) => self.package.block(slot),
                None => &self.open,
            };
            if let Some(entry) = block.find_name(name) {
                return Some((block.entries[entry].id, block.kind(entry).as_bytes() == &*head.kind.value()));
            }
        }
        None
    }

    /// Takes the bytes `from..end`, which hold one stanza (and, the first time, the prologue).
    fn push(&mut self, text: &[u8], from: usize, end: usize, Pending { head, known }: &Pending<'_>) {
        let id = known.unwrap_or_else(|| {
            self.last_id += 1;
            SectionId(self.last_id)
        });
        let before = if head.start > from { text.get(head.start - 1) } else { self.open.text.last() };
        let starts_line = before == Some(&b'\n');
        let length = self.open.text.len() + end - from;
        // How long the package will be is not known; so it has twice as many blocks at most as it would have.
        let size = BlockSize::of(self.package.text_len() + length as u64);
        let full = self.open.text.len() >= size.target || length > size.limit;
        if full && starts_line && !self.open.entries.is_empty() {
            self.close();
        }
        if self.open.text.is_empty() {
            self.open.text.reserve(size.target + size.target / 16);
        }
        let before = self.open.text.len();
        if before + end - from > self.longest.0 {
            self.refuse_length(text, head.start);
            return;
        }
        self.open.text.extend_from_slice(&text[from..end]);
        let mut entry = self.open.entry(head, head.start, id);
        entry.start = (before + head.start - from) as u32;
        entry.reopen = known.is_some();
        self.open.entries.push(entry);
        self.admit(self.open.entries.len() - 1);
    }

    /// Reports that the section at `start` is too long.
    fn refuse_length(&mut self, text: &[u8], start: usize) {
        let line_start = memchr::memrchr(b'\n', &text[..start]).map_or(0, |newline| newline + 1);
        let line_end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |newline| start + newline);
        let line_before = if line_start == 0 { &self.line_before[..] } else { &[] };
        let line = self.lines + memchr::memchr_iter(b'\n', &text[..start]).count();
        let reason = Reason::TooLong;
        let error = ParseError {
            reason,
            line,
            byte: 0,
            start_line: line + 1,
            column: line_before.len() + start - line_start + 1,
            offset: 0,
            length: (line_end - start).min(LINE_SHOWN),
            line_text: [line_before, &text[line_start..line_end.min(line_start + LINE_SHOWN)]].concat(),
            hint: hint(reason, &[]),
        };
        self.diagnostics.push(error.diagnostic());
    }

    /// Says whether there was a stanza with the same id before this one of the open block.
    fn is_known(&self, index: usize) -> bool {
        let id = self.open.entries[index].id;
        self.package.ids.blocks(hash_id(id)).any(|uid| match self.package.slot_of(uid) {
            Some(slot) => self.package.block(slot).find_id(id, 0).is_some(),
            None => self.open.find_id(id, 0).is_some_and(|first| first < index),
        })
    }

    /// Enters a stanza of the open block in the directory.
    fn admit(&mut self, index: usize) {
        let uid = self.package.slots.len() as u32;
        self.package.register(uid, self.open.entries[index].id, self.open.name(index));
    }

    fn close(&mut self) {
        let mut block = std::mem::take(&mut self.open);
        block.shrink();
        let place = self.package.slots.len();
        self.package.insert_slot(place, block);
    }

    fn finish(mut self) -> Result<Package, Vec<Diagnostic>> {
        if !self.diagnostics.is_empty() {
            return Err(self.diagnostics);
        }
        if !self.open.text.is_empty() {
            self.close();
        }
        Ok(self.package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_section_that_is_too_long_is_refused_with_its_place() {
        let text = format!("config a x\n\toption o '1'\nconfig b y\n\toption o '{}'\n", "v".repeat(300));
        let place = |diagnostics: Vec<Diagnostic>| -> Vec<_> {
            diagnostics.into_iter().map(|found| (found.code, found.line, found.column)).collect()
        };
        let mut whole = Loader { longest: Longest(200), ..Loader::default() };
        whole.take(text.as_bytes(), true);
        assert_eq!(place(whole.finish().unwrap_err()), [("section-too-long", 3, 1)]);
        for chunk in [16, 64, 1024] {
            let pieces = Loader { longest: Longest(200), ..Loader::default() };
            match Package::read_into(pieces, text.as_bytes(), chunk) {
                Err(ReadError::Parse(found)) => assert_eq!(place(found), [("section-too-long", 3, 1)]),
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn pieces_read_as_the_whole_does(
            lines in prop::collection::vec(
                "(#c|  |config [ab]( [xy])?|\toption o '1'|\toption p 'a\nconfig z\n'|\tlist o \"|bad|config a ;)(\n|; )",
                0..30,
            ),
            chunk in 1..200usize,
        ) {
            let text = lines.concat();
            let whole = Package::parse(text.as_bytes());
            match (whole, Package::read_by(text.as_bytes(), chunk)) {
                (Ok(whole), Ok(read)) => {
                    prop_assert_eq!(read.text(), text.as_bytes());
                    let ids = |package: &Package| -> Vec<_> {
                        package.to_parts().into_iter().flat_map(|part| part.ids).collect()
                    };
                    prop_assert_eq!(ids(&whole), ids(&read));
                    let names = |package: &Package| -> Vec<_> {
                        package.sections().map(|s| (s.name().map(str::to_owned), s.options())).collect()
                    };
                    prop_assert_eq!(names(&whole), names(&read));
                }
                (Err(whole), Err(ReadError::Parse(read))) => {
                    let places = |errors: Vec<Diagnostic>| -> Vec<_> {
                        errors.into_iter().map(|error| (error.code, error.line, error.column)).collect()
                    };
                    prop_assert_eq!(places(whole), places(read));
                }
                (whole, read) => prop_assert!(false, "{:?} {:?}", whole, read),
            }
        }
    }

    #[test]
    fn all_that_is_wrong_comes_at_once() {
        let errors = Package::parse(b"option a 1\nconfig a x\nnonsense\nconfig b x\n\toption o").unwrap_err();
        let places: Vec<_> = errors.iter().map(|error| (error.code, error.line)).collect();
        assert_eq!(places, [("option-before-section", 1), ("invalid-command", 3), ("type-mismatch", 4)]);
    }

    #[test]
    fn damaged_parts_are_refused() {
        let part = |text: &str, ids: &[u64]| BlockPart {
            text: text.into(),
            ids: ids.iter().map(|id| SectionId(*id)).collect(),
        };
        assert!(Package::from_parts([part("config a\n", &[1]), part("config a\n", &[2])]).is_ok());
        assert_eq!(Package::from_parts([part("config a\n", &[])]).unwrap_err().part, 0);
        assert_eq!(Package::from_parts([part("config a\n", &[1]), part("conf", &[])]).unwrap_err().part, 1);
    }
}

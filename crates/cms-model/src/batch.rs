//! Many changes of many sections at once.
//!
//! A change by itself finds its section, reads it, and moves what follows in its block. Where a migration changes most options of a
//! package, each block is written anew once instead, and each section is read once.

use std::borrow::Cow;
use std::ops::Range;

use crate::scan::{Tail, line_start, tail};
use crate::text_edit::requote;
use crate::{ApplyError, Change, ChangeKind, Command, Name, Package, SectionId, SliceParser, Value};

/// What is to be done to sections, in the order of their places.
pub(crate) type Made = Vec<(SectionId, Vec<ChangeKind>)>;

/// A block beyond this is changed by and by, where each step is checked for what can be held.
const LARGE: usize = 1 << 30;

/// A stanza that grows beyond twice its size and this as well.
const GROWTH: usize = 256;

/// The number of a stanza in its block, and its text.
pub(crate) type NewStanza = (usize, Vec<u8>);

impl Package {
    /// Applies changes section by section, adds them to `done` as they took effect, and returns those that could not be applied. Gives
    /// the text that applying one after the other gives.
    pub(crate) fn apply_in_sections(
        &mut self,
        made: Made,
        done: &mut Vec<Change>,
    ) -> Vec<(SectionId, ApplyError)> {
        let mut failed = Vec::new();
        for (section, kinds) in self.apply_in_blocks(made, done) {
            for kind in kinds {
                match self.apply(&Change { section, kind }) {
                    Ok(change) => done.push(change),
                    Err(error) => failed.push((section, error)),
                }
            }
        }
        failed
    }

    /// Writes blocks anew, as far as sections are plain; returns what is left to do.
    fn apply_in_blocks(&mut self, made: Made, done: &mut Vec<Change>) -> Made {
        // With sections that are opened again a stanza is not all of its section.
        if self.len() != self.stanza_count() {
            return made;
        }
        let (mut left, mut touched) = (Vec::new(), Vec::new());
        let mut blocks: Vec<(usize, Vec<NewStanza>)> = Vec::new();
        for (id, kinds) in made {
            let plain = self
                .spot(id)
                .filter(|spot| !self.is_last_stanza(*spot) && self.block(spot.slot).text.len() < LARGE);
            let edited = plain.and_then(|spot| {
                let text = self.stanza(spot);
                let edited = edited(text, &kinds).filter(|(new, _)| new.len() <= 2 * text.len() + GROWTH)?;
                Some((spot, edited))
            });
            let Some((spot, (text, changes))) = edited else {
                left.push((id, kinds));
                continue;
            };
            done.extend(changes.into_iter().map(|kind| Change { section: id, kind }));
            match blocks.last_mut() {
                Some((slot, stanzas)) if *slot == spot.slot => stanzas.push((spot.entry, text)),
                _ => blocks.push((spot.slot, vec![(spot.entry, text)])),
            }
        }
        for (slot, mut stanzas) in blocks {
            stanzas.sort_by_key(|(entry, _)| *entry);
            self.block_mut(slot).rewrite(&stanzas);
            self.recount(slot);
            touched.push(slot);
        }
        self.settle_all(touched);
        left
    }
}

/// A command of an option, as it stands and as it will.
struct Row<'a> {
    span: Range<usize>,
    name_at: Range<usize>,
    name: Cow<'a, [u8]>,
    name_raw: Cow<'a, [u8]>,
    value_at: Option<Range<usize>>,
    value: Cow<'a, [u8]>,
    value_raw: Cow<'a, [u8]>,
    is_list: bool,
    is_gone: bool,
}

impl Row<'_> {
    /// `option x` and `option x ''` do nothing.
    fn is_inert(&self) -> bool {
        !self.is_list && self.value.is_empty()
    }
}

/// The text of a stanza after changes of its options, and the changes as they took effect; `None` if the changes are not all of the
/// simple kinds, or the text is not plain.
fn edited(text: &[u8], kinds: &[ChangeKind]) -> Option<(Vec<u8>, Vec<ChangeKind>)> {
    let is_simple = |kind: &ChangeKind| {
        matches!(kind, ChangeKind::RenameOption { .. } | ChangeKind::Unset { .. })
            || matches!(kind, ChangeKind::Set { old: Some(Value::Scalar(_)), new: Value::Scalar(_), .. })
    };
    if text.last() != Some(&b'\n') || !kinds.iter().all(is_simple) {
        return None;
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut ends = Vec::new();
    for event in SliceParser::new(text) {
        let event = event.ok()?;
        ends.push(event.span.end);
        let (name, value, is_list) = match event.command {
            Command::Option { name, value } => (name, value, false),
            Command::List { name, value } => (name, value, true),
            _ => continue,
        };
        rows.push(Row {
            span: event.span,
            name_at: name.span(),
            name: name.value(),
            name_raw: Cow::Borrowed(name.raw()),
            value_at: value.map(|value| value.span()),
            value: value.map(|value| value.value()).unwrap_or_default(),
            value_raw: value.map(|value| Cow::Borrowed(value.raw())).unwrap_or_default(),
            is_list,
            is_gone: false,
        });
    }
    let mut effective = Vec::with_capacity(kinds.len());
    for kind in kinds {
        effective.push(take(&mut rows, kind)?);
    }
    let mut edits: Vec<(Range<usize>, &[u8])> = Vec::new();
    for row in &rows {
        if row.is_gone {
            edits.push((whole_line(text, row, &ends)?, &[]));
            continue;
        }
        if let Cow::Owned(raw) = &row.name_raw {
            edits.push((row.name_at.clone(), raw));
        }
        if let (Cow::Owned(raw), Some(at)) = (&row.value_raw, &row.value_at) {
            edits.push((at.clone(), raw));
        }
    }
    let (mut result, mut from) = (Vec::with_capacity(text.len() + 64), 0);
    for (range, bytes) in edits {
        result.extend_from_slice(text.get(from..range.start)?);
        result.extend_from_slice(bytes);
        from = range.end;
    }
    result.extend_from_slice(text.get(from..)?);
    Some((result, effective))
}

/// Carries a change out on the rows.
fn take(rows: &mut [Row<'_>], kind: &ChangeKind) -> Option<ChangeKind> {
    let of = |option: &Name| option.as_bytes().to_vec();
    match kind {
        ChangeKind::RenameOption { old, new } => {
            // What the new name was mentioned for without effect would have to go.
            if rows.iter().any(|row| !row.is_gone && *row.name == *new.as_bytes()) {
                return None;
            }
            let mut found = false;
            for row in rows.iter_mut().filter(|row| !row.is_gone && *row.name == *old.as_bytes()) {
                found |= !row.is_inert();
                row.name_raw = Cow::Owned(requote(&row.name_raw, new.as_bytes()));
                row.name = Cow::Owned(of(new));
            }
            found.then(|| kind.clone())
        }
        ChangeKind::Set { option, new: Value::Scalar(bytes), .. } => {
            let mut own = rows.iter_mut().filter(|row| !row.is_gone && *row.name == *option.as_bytes());
            let (row, other) = (own.next()?, own.next());
            if other.is_some() || row.is_list || row.is_inert() || bytes.is_empty() || bytes.contains(&0) {
                return None;
            }
            let old = Some(Value::Scalar(row.value.to_vec()));
            if *row.value != **bytes {
                row.value_raw = Cow::Owned(requote(&row.value_raw, bytes));
                row.value = Cow::Owned(bytes.clone());
            }
            Some(ChangeKind::Set { option: option.clone(), old, new: Value::Scalar(bytes.clone()), at: None })
        }
        ChangeKind::Unset { option, .. } => {
            let is_own = |row: &Row<'_>| !row.is_gone && *row.name == *option.as_bytes();
            let mut own = rows.iter().enumerate().filter(|(_, row)| is_own(row));
            let ((at, row), other) = (own.next()?, own.next());
            if other.is_some() || row.is_list || row.is_inert() {
                return None;
            }
            let old = Value::Scalar(row.value.to_vec());
            let mut names: Vec<&[u8]> = rows[..at]
                .iter()
                .filter(|row| !row.is_gone && !row.is_inert())
                .map(|row| &*row.name)
                .collect();
            names.sort_unstable();
            names.dedup();
            let index = names.len() as u32;
            rows[at].is_gone = true;
            Some(ChangeKind::Unset { option: option.clone(), old, index })
        }
        _ => None,
    }
}

/// The line of a command, with its comment and its end, if it has one of its own.
fn whole_line(text: &[u8], row: &Row<'_>, ends: &[usize]) -> Option<Range<usize>> {
    let before = ends.iter().rev().find(|end| **end <= row.span.start)?;
    match (tail(text, *before), tail(text, row.span.end)) {
        (Tail::Command(at), _) if at == row.span.start => None,
        (_, Tail::End(end)) => Some(line_start(text, 0, row.span.start)..end),
        _ => None,
    }
}

//! Stanzas put in, taken out and moved; blocks kept at their size.

use std::ops::Range;
use std::sync::Arc;

use crate::block::{Block, BlockSize};
use crate::index::{hash_id, hash_name};
use crate::package::Spot;
use crate::scan::{Tail, epilogue_start, line_start, next_line, tail};
use crate::text_edit::{eol_of, missing_eol, one_command_a_line};
use crate::{Command, Package, SectionId, SliceParser};

/// So many hashes are looked for one by one.
const FEW: usize = 4;

/// The directory entries of some stanzas: the hashes of ids, and of names, each once and in order.
#[derive(Default)]
pub(crate) struct Hashes {
    ids: Vec<u32>,
    names: Vec<u32>,
}

impl Hashes {
    pub fn of(block: &Block, entries: Range<usize>) -> Hashes {
        let mut hashes = Hashes::default();
        hashes.add(block, entries);
        hashes
    }

    fn add(&mut self, block: &Block, entries: Range<usize>) {
        for index in entries {
            self.ids.push(hash_id(block.entries[index].id));
            let name = block.name(index);
            if !name.is_empty() {
                self.names.push(hash_name(name.as_bytes()));
            }
        }
        for hashes in [&mut self.ids, &mut self.names] {
            hashes.sort_unstable();
            hashes.dedup();
        }
    }
}

/// Returns what is in the one and not in the other.
fn missing(from: &[u32], other: &[u32]) -> Vec<u32> {
    from.iter().filter(|hash| other.binary_search(hash).is_err()).copied().collect()
}

impl Package {
    /// Gives access to a block for a change; a shared block is copied first.
    pub(crate) fn block_mut(&mut self, slot: usize) -> &mut Block {
        Arc::make_mut(&mut self.slots[slot].block)
    }

    /// Replaces bytes of a stanza behind its `config` command.
    pub(crate) fn splice(&mut self, spot: Spot, range: Range<usize>, bytes: &[u8]) {
        let block = self.block_mut(spot.slot);
        let start = block.start_of(spot.entry);
        block.splice(spot.entry, start + range.start..start + range.end, bytes);
        self.recount_bytes(spot.slot);
    }

    /// Replaces stanzas of a block, given as entries and as bytes, by those in `text`, which get
    /// `ids`, each with the flag that it re-opens a section. Says whether `text` holds as many.
    /// With `prologue`, bytes may stand before the first of them that do not belong to it.
    pub(crate) fn replace_stanzas(
        &mut self,
        slot: usize,
        entries: Range<usize>,
        range: Range<usize>,
        text: &[u8],
        prologue: bool,
        ids: &[(SectionId, bool)],
    ) -> bool {
        let old = Hashes::of(self.block(slot), entries.clone());
        let uid = self.slots[slot].uid;
        let start = entries.start;
        let plain: Vec<_> = ids.iter().map(|(id, _)| *id).collect();
        let block = self.block_mut(slot);
        if !block.replace(entries, range, text, prologue, &plain) {
            return false;
        }
        for (offset, (_, reopen)) in ids.iter().enumerate() {
            block.set_reopen(start + offset, *reopen);
        }
        self.reindex(slot, uid, &old, start..start + ids.len());
        self.recount(slot);
        true
    }

    /// Brings the directory up to date after `old` left a block and `fresh` entries joined it.
    pub(crate) fn reindex(&mut self, slot: usize, uid: u32, old: &Hashes, fresh: Range<usize>) {
        let block = Arc::clone(&self.slots[slot].block);
        let new = Hashes::of(&block, fresh);
        for hash in missing(&new.ids, &old.ids) {
            self.ids.insert(hash, uid);
        }
        for hash in missing(&new.names, &old.names) {
            self.names.insert(hash, uid);
        }
        self.forget(&block, uid, &missing(&old.ids, &new.ids), &missing(&old.names, &new.names));
    }

    /// Takes those of the hashes out of the directory that `block` does not have.
    fn forget(&mut self, block: &Block, uid: u32, ids: &[u32], names: &[u32]) {
        let entries = 0..block.entries.len();
        if ids.len() <= FEW && names.len() <= FEW {
            let left = |hash: &u32| entries.clone().any(|index| hash_id(block.entries[index].id) == *hash);
            ids.iter().filter(|hash| !left(hash)).for_each(|hash| self.ids.remove(*hash, uid));
            let named =
                |hash: &u32| entries.clone().any(|index| hash_name(block.name(index).as_bytes()) == *hash);
            names.iter().filter(|hash| !named(hash)).for_each(|hash| self.names.remove(*hash, uid));
            return;
        }
        let left = Hashes::of(block, entries);
        missing(ids, &left.ids).into_iter().for_each(|hash| self.ids.remove(hash, uid));
        missing(names, &left.names).into_iter().for_each(|hash| self.names.remove(hash, uid));
    }

    /// Splits a block that has grown too large, joins one that has become too small.
    pub(crate) fn settle(&mut self, slot: usize) {
        let Some(bytes) = self.slots.get(slot).map(|slot| slot.bytes as usize) else { return };
        let size = BlockSize::of(self.text_len());
        if slot > 0 && self.slots[slot].stanzas == 0 {
            // What is left of a block is the end of the stanza before it.
            self.join(slot - 1);
        } else if bytes > size.limit {
            self.split(slot);
        } else if bytes < size.small {
            let fits = |other: usize| {
                self.slots.get(other).is_some_and(|other| bytes + other.bytes as usize <= size.target)
            };
            if slot > 0 && fits(slot - 1) {
                self.join(slot - 1);
            } else if fits(slot + 1) {
                self.join(slot);
            } else if bytes == 0 && self.slots[slot].stanzas == 0 {
                self.remove_slot(slot);
            }
        }
    }

    /// Cuts pieces of the usual size off the end of a block.
    fn split(&mut self, slot: usize) {
        let uid = self.slots[slot].uid;
        let size = BlockSize::of(self.text_len());
        let mut pieces = Vec::new();
        let block = self.block_mut(slot);
        let mut end = block.text.len();
        let mut whole = Vec::new();
        for index in (1..block.entries.len()).rev() {
            let start = block.start_of(index);
            if end - start >= size.target && start > 0 && block.starts_line(index) {
                whole.push(index);
                end = start;
            }
            if end <= size.limit {
                break;
            }
        }
        // A block with one huge stanza and little behind it: part the two.
        if whole.is_empty() {
            let large = (1..block.entries.len()).find(|index| block.starts_line(*index));
            let last = (1..block.entries.len()).rev().find(|index| block.starts_line(*index));
            let cut = if block.stanza(0).len() > size.target { large } else { last };
            whole.extend(cut);
        }
        for index in whole {
            pieces.push(block.split_off(index));
        }
        if pieces.is_empty() {
            return;
        }
        self.recount(slot);
        let mut moved = Hashes::default();
        for piece in &pieces {
            moved.add(piece, 0..piece.entries.len());
        }
        let block = Arc::clone(&self.slots[slot].block);
        self.forget(&block, uid, &moved.ids, &moved.names);
        // They were cut off from the end, so each one goes before those cut off earlier.
        for piece in pieces {
            self.insert_block(slot + 1, piece);
        }
    }

    /// Puts a block in and enters its stanzas in the directory.
    pub(crate) fn insert_block(&mut self, slot: usize, block: Block) {
        let hashes = Hashes::of(&block, 0..block.entries.len());
        let uid = self.insert_slot(slot, block);
        for hash in hashes.ids {
            self.ids.insert(hash, uid);
        }
        for hash in hashes.names {
            self.names.insert(hash, uid);
        }
    }

    /// Takes a block out, its stanzas out of the directory too.
    pub(crate) fn remove_block(&mut self, slot: usize) -> Arc<Block> {
        let uid = self.slots[slot].uid;
        let block = self.remove_slot(slot);
        let hashes = Hashes::of(&block, 0..block.entries.len());
        hashes.ids.iter().for_each(|hash| self.ids.remove(*hash, uid));
        hashes.names.iter().for_each(|hash| self.names.remove(*hash, uid));
        block
    }

    /// Joins a block with the next one.
    fn join(&mut self, slot: usize) {
        let next = self.remove_block(slot + 1);
        let uid = self.slots[slot].uid;
        self.block_mut(slot).append(&next);
        for index in 0..next.entries.len() {
            self.register(uid, next.entries[index].id, next.name(index));
        }
        self.recount(slot);
    }

    /// Settles several blocks, given by slot.
    pub(crate) fn settle_all(&mut self, mut slots: Vec<usize>) {
        slots.sort_unstable();
        slots.dedup();
        for slot in slots.into_iter().rev() {
            self.settle(slot);
        }
    }

    /// Where a stanza ends, without the epilogue of the package.
    pub(crate) fn stanza_range(&self, spot: Spot) -> Range<usize> {
        let block = self.block(spot.slot);
        let range = block.stanza(spot.entry);
        if self.is_last_stanza(spot) {
            range.start..range.start + epilogue_start(&block.text[range])
        } else {
            range
        }
    }

    pub(crate) fn is_last_stanza(&self, spot: Spot) -> bool {
        spot.slot + 1 == self.slots.len() && spot.entry + 1 == self.block(spot.slot).entries.len()
    }

    /// Gives each command of a section a line of its own, and those that share a line with it.
    pub(crate) fn break_lines(&mut self, id: SectionId) {
        for spot in self.spots(id) {
            let block = self.block(spot.slot);
            let mut first = spot.entry;
            while first > 0 && !block.starts_line(first) {
                first -= 1;
            }
            let mut end = spot.entry + 1;
            while end < block.entries.len() && !block.starts_line(end) {
                end += 1;
            }
            let range = block.start_of(first)..block.start_of(end);
            let ids: Vec<_> =
                block.entries[first..end].iter().map(|entry| (entry.id, entry.reopen)).collect();
            let broken = one_command_a_line(&block.text[range.clone()]);
            if broken.len() != range.len() || broken != block.text[range.clone()] {
                self.replace_stanzas(spot.slot, first..end, range, &broken, false, &ids);
            }
        }
    }

    /// Says whether a stanza of the section starts or ends within a line.
    pub(crate) fn shares_line(&self, id: SectionId) -> bool {
        self.spots(id).into_iter().any(|spot| {
            let block = self.block(spot.slot);
            !block.starts_line(spot.entry) || !block.starts_line(spot.entry + 1)
        })
    }

    /// Takes the section out and returns its text: that of its stanzas, joined to one.
    pub(crate) fn take_stanzas(&mut self, id: SectionId) -> Vec<u8> {
        if self.shares_line(id) || self.spots(id).len() > 1 {
            self.break_lines(id);
        }
        let spots = self.spots(id);
        let mut text = Vec::new();
        for (number, spot) in spots.iter().enumerate() {
            let stanza = &self.block(spot.slot).text[self.stanza_range(*spot)];
            text.extend(missing_eol(&text, eol_of(&text)));
            if number == 0 {
                text.extend_from_slice(stanza);
            } else {
                text.extend(without_head(stanza));
            }
        }
        for spot in spots.iter().rev() {
            let range = self.stanza_range(*spot);
            self.replace_stanzas(spot.slot, spot.entry..spot.entry + 1, range, b"", false, &[]);
        }
        self.settle_all(spots.into_iter().map(|spot| spot.slot).collect());
        text
    }

    /// Puts a stanza in behind a section (at the front for `None`), or at the end.
    ///
    /// `style` says that the text may get blank lines around it as its neighbours have them.
    pub(crate) fn put_stanza(&mut self, place: Place, mut text: Vec<u8>, id: SectionId, style: bool) -> bool {
        let (slot, entry, offset) = self.offset_of(place);
        let Some(block) = self.slots.get(slot).map(|slot| &slot.block) else {
            // Nothing at all so far: the form that `uci` writes.
            if style {
                text = [b"\n", &text[..], b"\n"].concat();
            }
            let Some(block) = Block::scan(text, false, &[id]) else { return false };
            self.insert_block(0, block);
            return true;
        };
        let eol = eol_of(&block.text);
        if style {
            let (before, behind) = self.blank_lines_at(slot, entry);
            if before {
                text.splice(0..0, eol.iter().copied());
            }
            if behind {
                text.extend_from_slice(eol);
            }
        }
        text.extend(missing_eol(&text, eol));
        let missing = missing_eol(&block.text[..offset], eol);
        let block = self.block_mut(slot);
        let offset = if missing.is_empty() { offset } else { block.insert(entry, offset, &missing) };
        // The block's first stanza must not be taken for the start of its prologue.
        let done = block.replace(entry..entry, offset..offset, &text, false, &[id]);
        if done {
            let uid = self.slots[slot].uid;
            let name = self.block(slot).name(entry).to_owned();
            self.register(uid, id, &name);
            self.recount(slot);
            self.settle(slot);
        }
        done
    }

    /// The slot, entry and byte at which a stanza is put in.
    fn offset_of(&mut self, place: Place) -> (usize, usize, usize) {
        let first = || self.slots.iter().position(|slot| slot.stanzas > 0);
        let last_slot = self.slots.len().saturating_sub(1);
        match place {
            Place::First => match first() {
                Some(slot) => (slot, 0, self.block(slot).start_of(0)),
                None => self.offset_at_end(last_slot),
            },
            Place::Behind(id) => {
                let spot = self.spot(id);
                match spot {
                    Some(spot) if !self.is_last_stanza(spot) => {
                        if !self.block(spot.slot).starts_line(spot.entry + 1) {
                            self.break_lines(id);
                        }
                        let Some(spot) = self.spot(id) else { return self.offset_at_end(last_slot) };
                        (spot.slot, spot.entry + 1, self.block(spot.slot).start_of(spot.entry + 1))
                    }
                    _ => self.offset_at_end(last_slot),
                }
            }
            Place::Last => self.offset_at_end(last_slot),
        }
    }

    fn offset_at_end(&self, slot: usize) -> (usize, usize, usize) {
        let Some(block) = self.slots.get(slot).map(|slot| &slot.block) else { return (slot, 0, 0) };
        let entries = block.entries.len();
        match entries.checked_sub(1) {
            Some(last) => (slot, entries, self.stanza_range(Spot { slot, entry: last }).end),
            None => (slot, 0, epilogue_start(&block.text)),
        }
    }

    /// Says whether a new stanza gets a blank line before and behind it.
    fn blank_lines_at(&self, slot: usize, entry: usize) -> (bool, bool) {
        let first = self.slots.iter().position(|slot| slot.stanzas > 0);
        let starts_blank = |spot: Spot| {
            let text = self.stanza(spot);
            text[..next_line(text, 0)].iter().all(|byte| crate::lexer::is_space(*byte))
        };
        let behind = |spot: Spot| {
            let within = spot.entry + 1 < self.block(spot.slot).entries.len();
            let next = if within {
                Spot { entry: spot.entry + 1, ..spot }
            } else {
                Spot { slot: spot.slot + 1, entry: 0 }
            };
            (next.slot < self.slots.len() && self.slots[next.slot].stanzas > 0).then_some(next)
        };
        let Some(first) = first.map(|slot| Spot { slot, entry: 0 }) else { return (true, false) };
        let at = Spot { slot, entry };
        if at == first {
            if starts_blank(first) {
                return (true, false);
            }
            return (false, behind(first).is_none_or(starts_blank));
        }
        let before = match entry.checked_sub(1) {
            Some(entry) => Spot { slot, entry },
            None => first,
        };
        if before != first {
            return (starts_blank(before), false);
        }
        (behind(before).is_none_or(starts_blank), false)
    }

    fn recount_bytes(&mut self, slot: usize) {
        let bytes = self.slots[slot].block.text.len() as u32;
        self.add_bytes(i64::from(bytes) - i64::from(self.slots[slot].bytes));
        self.slots[slot].bytes = bytes;
    }
}

/// Where a stanza goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Behind(SectionId),
    Last,
}

/// A stanza without the line of its `config` command.
fn without_head(stanza: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let head =
        SliceParser::new(stanza).flatten().find(|event| matches!(event.command, Command::Config { .. }));
    let range = head.map_or(0..0, |event| {
        let end = match tail(stanza, event.span.end) {
            Tail::End(end) | Tail::Command(end) => end,
        };
        line_start(stanza, 0, event.span.start)..end
    });
    stanza[..range.start].iter().chain(&stanza[range.end..]).copied()
}

//! Edits carried out: a package brought to the exact bytes and ids of another state.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::arrange::Hashes;
use crate::block::Block;
use crate::{Edit, EditError, Package, SectionId};

/// Blocks that an edit touches, and the one that takes their place, if anything is left.
struct Patch {
    slots: Range<usize>,
    block: Option<Block>,
}

impl Package {
    /// Carries out an edit: gives exactly the bytes and ids of the package that the edit leads to.
    ///
    /// # Errors
    /// If the package is not the one that the edit starts from. It is then unchanged.
    pub fn apply_edit(&mut self, edit: &Edit) -> Result<(), EditError> {
        if self.apply_within(edit) { Ok(()) } else { self.apply_by_blocks(edit) }
    }

    /// Carries out an edit by scanning the blocks anew that it touches.
    pub(crate) fn apply_by_blocks(&mut self, edit: &Edit) -> Result<(), EditError> {
        // All is checked before anything is changed.
        let patches = self.patches(edit)?;
        let mut touched = BTreeSet::new();
        let mut slots = Vec::new();
        for patch in patches.into_iter().rev() {
            for slot in &self.slots[patch.slots.clone()] {
                touched.extend(slot.block.entries.iter().map(|entry| entry.id));
            }
            touched.extend(patch.block.iter().flat_map(|block| block.entries.iter().map(|entry| entry.id)));
            if patch.block.is_some() {
                slots.push(patch.slots.start);
            }
            self.put_patch(patch);
        }
        self.mark_openings(touched);
        self.settle_all(slots);
        Ok(())
    }

    fn put_patch(&mut self, patch: Patch) {
        let Patch { slots, block } = patch;
        match block {
            Some(block) if slots.len() == 1 => {
                let slot = slots.start;
                let uid = self.slots[slot].uid;
                let old = Hashes::of(self.block(slot), 0..self.block(slot).entries.len());
                let fresh = 0..block.entries.len();
                self.slots[slot].block = Arc::new(block);
                self.reindex(slot, uid, &old, fresh);
                self.recount(slot);
            }
            block => {
                for slot in slots.clone().rev() {
                    self.remove_block(slot);
                }
                if let Some(block) = block {
                    self.insert_block(slots.start, block);
                }
            }
        }
    }

    /// Groups the splices by the blocks they touch and makes the blocks that come of it.
    fn patches(&self, edit: &Edit) -> Result<Vec<Patch>, EditError> {
        let (mut bytes, mut stanzas) = (vec![0], vec![0]);
        let (mut text_len, mut stanza_count) = (0u64, 0u64);
        for slot in &self.slots {
            text_len += u64::from(slot.bytes);
            stanza_count += u64::from(slot.stanzas);
            bytes.push(text_len);
            stanzas.push(stanza_count);
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for splice in &edit.text {
            ranges.push(touched(&bytes, splice.offset, splice.removed.len(), splice.offset)?);
        }
        for splice in &edit.ids {
            ranges.push(touched(&stanzas, splice.index, splice.removed.len(), 0)?);
        }
        ranges.sort_unstable_by_key(|range| range.start);
        let mut patches = Vec::new();
        let (mut text, mut ids) = (&edit.text[..], &edit.ids[..]);
        let mut ranges = ranges.into_iter().peekable();
        while let Some(mut range) = ranges.next() {
            while let Some(next) = ranges.next_if(|next| next.start < range.end) {
                range.end = range.end.max(next.end);
            }
            // The sorted ranges hold all splices, so those of this one come next in both lists.
            let text_count = text.iter().take_while(|splice| splice.offset <= bytes[range.end]).count();
            let text_count = if range.end == self.slots.len() { text.len() } else { text_count };
            let id_count = ids.iter().take_while(|splice| splice.index <= stanzas[range.end]).count();
            let id_count = if range.end == self.slots.len() { ids.len() } else { id_count };
            let (text_here, text_rest) = text.split_at(text_count);
            let (ids_here, ids_rest) = ids.split_at(id_count);
            (text, ids) = (text_rest, ids_rest);

            let mut old_text = Vec::new();
            let mut old_ids = Vec::new();
            for slot in &self.slots[range.clone()] {
                old_text.extend_from_slice(&slot.block.text);
                old_ids.extend(slot.block.entries.iter().map(|entry| entry.id));
            }
            let base = bytes[range.start];
            let splices =
                text_here.iter().map(|splice| (splice.offset, &splice.removed[..], &splice.inserted[..]));
            let new_text = spliced(&old_text, base, splices).map_err(|offset| EditError { offset })?;
            let splices =
                ids_here.iter().map(|splice| (splice.index, &splice.removed[..], &splice.inserted[..]));
            let new_ids =
                spliced(&old_ids, stanzas[range.start], splices).map_err(|_| EditError { offset: base })?;
            let block = match new_text.is_empty() && new_ids.is_empty() {
                true => None,
                false => Some(
                    Block::scan(new_text, range.start == 0, &new_ids).ok_or(EditError { offset: base })?,
                ),
            };
            patches.push(Patch { slots: range, block });
        }
        match text.is_empty() && ids.is_empty() {
            true => Ok(patches),
            false => Err(EditError { offset: text_len }),
        }
    }

    /// Finds out anew which stanza begins each of these sections and which go on with it.
    fn mark_openings(&mut self, ids: BTreeSet<SectionId>) {
        for id in ids {
            for (number, spot) in self.all_spots(id).into_iter().enumerate() {
                let reopen = number > 0;
                if self.block(spot.slot).entries[spot.entry].reopen != reopen {
                    self.block_mut(spot.slot).set_reopen(spot.entry, reopen);
                    self.recount(spot.slot);
                }
            }
        }
    }
}

/// The blocks that a splice touches, given where each block starts and the last one ends. One at a
/// border touches both sides.
fn touched(starts: &[u64], at: u64, removed: usize, offset: u64) -> Result<Range<usize>, EditError> {
    let end = at.checked_add(removed as u64).ok_or(EditError { offset })?;
    if end > starts[starts.len() - 1] {
        return Err(EditError { offset });
    }
    let first = starts.partition_point(|start| *start < at).saturating_sub(1);
    let last = starts.partition_point(|start| *start <= end).min(starts.len() - 1);
    Ok(first..last)
}

/// Carries out splices on a list of which the first element has the number `base`.
fn spliced<'a, T: PartialEq + Clone + 'a>(
    old: &[T],
    base: u64,
    splices: impl Iterator<Item = (u64, &'a [T], &'a [T])>,
) -> Result<Vec<T>, u64> {
    let mut new = Vec::with_capacity(old.len());
    let mut done = 0;
    for (at, removed, inserted) in splices {
        let start =
            at.checked_sub(base).map(|start| start as usize).filter(|start| *start >= done).ok_or(at)?;
        let end = start.checked_add(removed.len()).ok_or(at)?;
        if old.get(start..end) != Some(removed) {
            return Err(at);
        }
        new.extend_from_slice(&old[done..start]);
        new.extend_from_slice(inserted);
        done = end;
    }
    new.extend_from_slice(&old[done..]);
    Ok(new)
}

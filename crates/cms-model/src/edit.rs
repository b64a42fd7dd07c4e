//! The physical difference of two texts of a package, as the log keeps it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rapidhash::fast::RandomState;

use crate::block::Block;
use crate::package::Slot;
use crate::{Package, SectionId};

/// What was done to a text and to the ids of its stanzas.
///
/// Applied to the text it was taken from it gives the other one, byte for byte and id for id; its
/// inverse leads back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// The text edits, ascending and disjoint.
    pub text: Vec<Splice>,
    /// The edits of the list of ids, ascending and disjoint.
    pub ids: Vec<IdSplice>,
}

/// Bytes replaced by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Where the removed bytes begin in the old text.
    pub offset: u64,
    /// The bytes that go.
    pub removed: Vec<u8>,
    /// The bytes that come in their place.
    pub inserted: Vec<u8>,
}

/// Ids replaced by others, in the list that has one id for each stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdSplice {
    /// The stanza in the old order, counted from 0; a stanza that re-opens a section counts too.
    pub index: u64,
    /// The ids that go.
    pub removed: Vec<SectionId>,
    /// The ids that come in their place.
    pub inserted: Vec<SectionId>,
}

/// A run of whole stanzas with their ids: what a snapshot of a package is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockPart {
    /// The text.
    pub text: Vec<u8>,
    /// One id for each stanza in it.
    pub ids: Vec<SectionId>,
}

/// Says that an edit does not fit a package: what it removes is not there, or the result does not
/// parse, or has another number of stanzas than ids. The package is then as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditError {
    /// Where in the old text the trouble begins.
    pub offset: u64,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the edit does not fit the text at byte {}", self.offset)
    }
}

impl std::error::Error for EditError {}

impl Edit {
    /// Returns what leads from `old` to `new`.
    ///
    /// Blocks that the two share are not looked at; of the others, stanzas are compared with stanzas.
    pub fn between(old: &Package, new: &Package) -> Edit {
        let mut edit = Edit::default();
        let mut offset = 0;
        let mut index = 0;
        let mut done = 0;
        for (old_part, new_part) in changed_runs(old, new) {
            let unchanged = &old.slots[done..old_part.start];
            offset += unchanged.iter().map(|slot| u64::from(slot.bytes)).sum::<u64>();
            index += unchanged.iter().map(|slot| u64::from(slot.stanzas)).sum::<u64>();
            done = old_part.end;
            if let ([old_slot], [new_slot]) = (&old.slots[old_part.clone()], &new.slots[new_part.clone()])
                && compare_blocks(&old_slot.block, &new_slot.block, offset, &mut edit)
            {
                offset += u64::from(old_slot.bytes);
                index += u64::from(old_slot.stanzas);
                continue;
            }
            let old_run = Run::of(&old.slots[old_part]);
            let new_run = Run::of(&new.slots[new_part]);
            old_run.compare(&new_run, offset, index, &mut edit);
            offset += old_run.text_len() as u64;
            index += old_run.ids.len() as u64;
        }
        edit
    }

    /// Says whether the edit changes nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.ids.is_empty()
    }

    /// Returns the edit that takes this one back.
    pub fn inverse(&self) -> Edit {
        let mut shift = 0i64;
        let text = self.text.iter().map(|splice| {
            let offset = splice.offset.wrapping_add_signed(shift);
            shift += splice.inserted.len() as i64 - splice.removed.len() as i64;
            Splice { offset, removed: splice.inserted.clone(), inserted: splice.removed.clone() }
        });
        let text = text.collect();
        let mut shift = 0i64;
        let ids = self.ids.iter().map(|splice| {
            let index = splice.index.wrapping_add_signed(shift);
            shift += splice.inserted.len() as i64 - splice.removed.len() as i64;
            IdSplice { index, removed: splice.inserted.clone(), inserted: splice.removed.clone() }
        });
        Edit { text, ids: ids.collect() }
    }
}

/// A run of blocks of the one package and of the other, with other content.
pub(crate) type ChangedRun = (Range<usize>, Range<usize>);

/// How far the next block that both have is looked for before all of them are noted.
const NEAR: usize = 12;

/// Finds the runs of blocks that differ, in order; the blocks between them are the same ones.
pub(crate) fn changed_runs(old: &Package, new: &Package) -> Vec<ChangedRun> {
    let (old, new) = (&old.slots[..], &new.slots[..]);
    let same = |a: usize, b: usize| Arc::ptr_eq(&old[a].block, &new[b].block);
    let (mut old_end, mut new_end) = (old.len(), new.len());
    while old_end > 0 && new_end > 0 && same(old_end - 1, new_end - 1) {
        (old_end, new_end) = (old_end - 1, new_end - 1);
    }
    let mut runs = Vec::new();
    let (mut a, mut b) = (0, 0);
    while a < old_end && b < new_end {
        if same(a, b) {
            (a, b) = (a + 1, b + 1);
            continue;
        }
        // Mostly a block or two have changed and the next one is the same again.
        let near = (1..=NEAR)
            .flat_map(|distance| (0..=distance).map(move |skip| (a + skip, b + distance - skip)))
            .find(|(x, y)| *x < old_end && *y < new_end && same(*x, *y));
        let (next_a, next_b) = near.unwrap_or((old_end, new_end));
        pair_up(old, new, a..next_a, b..next_b, &mut runs);
        (a, b) = (next_a, next_b);
    }
    if a < old_end || b < new_end {
        runs.push((a..old_end, b..new_end));
    }
    runs
}

/// Cuts a run into smaller ones, at blocks that both have, and at blocks that have changed and kept
/// their number. Blocks never change their order, so what does not come in order is no cut.
fn pair_up(
    old: &[Slot],
    new: &[Slot],
    old_run: Range<usize>,
    new_run: Range<usize>,
    runs: &mut Vec<ChangedRun>,
) {
    if old_run.len() <= 1 && new_run.len() <= 1 {
        runs.push((old_run, new_run));
        return;
    }
    let mut places = hashbrown::HashMap::<*const Block, usize, RandomState>::default();
    let mut numbers = hashbrown::HashMap::<u32, usize, RandomState>::default();
    for place in new_run.clone() {
        places.insert(Arc::as_ptr(&new[place].block), place);
        numbers.insert(new[place].uid, place);
    }
    let shared: Vec<Option<usize>> =
        old_run.clone().map(|place| places.get(&Arc::as_ptr(&old[place].block)).copied()).collect();
    // For each place, the new place of the next shared block: a number must not lead past it.
    let mut bound = new_run.end;
    let mut bounds = vec![bound; shared.len()];
    for (index, shared) in shared.iter().enumerate().rev() {
        bound = shared.unwrap_or(bound);
        bounds[index] = bound;
    }
    let (mut old_from, mut new_from) = (old_run.start, new_run.start);
    for (index, place) in old_run.clone().enumerate() {
        let numbered = || numbers.get(&old[place].uid).copied().filter(|other| *other < bounds[index]);
        let Some(other) = shared[index].or_else(numbered).filter(|other| *other >= new_from) else {
            continue;
        };
        if place > old_from || other > new_from {
            runs.push((old_from..place, new_from..other));
        }
        let past = usize::from(shared[index].is_some());
        (old_from, new_from) = (place + past, other + past);
    }
    if old_from < old_run.end || new_from < new_run.end {
        runs.push((old_from..old_run.end, new_from..new_run.end));
    }
}

/// Compares two blocks, if their stanzas have the same ids, as they have where options were changed; answers whether they have.
fn compare_blocks(old: &Block, new: &Block, offset: u64, edit: &mut Edit) -> bool {
    let have_same_ids = old.entries.len() == new.entries.len()
        && old.entries.iter().zip(&new.entries).all(|(old, new)| old.id == new.id);
    if !have_same_ids {
        return false;
    }
    push_splice(edit, offset, &old.text[..old.start_of(0)], &new.text[..new.start_of(0)]);
    for entry in 0..old.entries.len() {
        let place = old.stanza(entry);
        let at = offset + place.start as u64;
        push_splice(edit, at, &old.text[place], &new.text[new.stanza(entry)]);
    }
    true
}

/// The text of a run of blocks, stanza by stanza.
struct Run<'a> {
    ids: Vec<SectionId>,
    /// One piece before the first stanza, then one for each.
    pieces: Vec<&'a [u8]>,
}

impl<'a> Run<'a> {
    fn of(slots: &'a [Slot]) -> Run<'a> {
        let mut run = Run { ids: Vec::new(), pieces: vec![&[][..]] };
        for slot in slots {
            let block = &slot.block;
            let before = &block.text[..block.start_of(0)];
            if !before.is_empty() {
                // Only the first block of a package has bytes before its first stanza.
                run.pieces[0] = before;
            }
            for (entry, known) in block.entries.iter().enumerate() {
                run.ids.push(known.id);
                run.pieces.push(&block.text[block.stanza(entry)]);
            }
        }
        run
    }

    fn text_len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Compares stanzas that have the same id, and takes the others for removed and inserted.
    fn compare(&self, new: &Run<'_>, offset: u64, index: u64, edit: &mut Edit) {
        let mut at = offset;
        push_splice(edit, at, self.pieces[0], new.pieces[0]);
        at += self.pieces[0].len() as u64;
        let (mut old_done, mut new_done) = (0, 0);
        let end = (self.ids.len(), new.ids.len());
        for (old_next, new_next) in self.in_common(new).into_iter().chain([end]) {
            if old_done < old_next || new_done < new_next {
                let (old_gap, new_gap) = (old_done..old_next, new_done..new_next);
                let (removed, inserted) =
                    (self.ids[old_gap.clone()].to_vec(), new.ids[new_gap.clone()].to_vec());
                edit.ids.push(IdSplice { index: index + old_done as u64, removed, inserted });
                let removed = self.pieces[old_gap.start + 1..=old_gap.end].concat();
                push_splice(edit, at, &removed, &new.pieces[new_gap.start + 1..=new_gap.end].concat());
                at += removed.len() as u64;
            }
            if (old_next, new_next) != end {
                let old = self.pieces[old_next + 1];
                push_splice(edit, at, old, new.pieces[new_next + 1]);
                at += old.len() as u64;
            }
            (old_done, new_done) = (old_next + 1, new_next + 1);
        }
    }

    /// The stanzas that both have in the same order, by position, without the end.
    fn in_common(&self, new: &Run<'_>) -> Vec<(usize, usize)> {
        if self.ids == new.ids {
            return (0..self.ids.len()).map(|position| (position, position)).collect();
        }
        // A section may have several stanzas; they are told apart by their order.
        let mut counts = hashbrown::HashMap::<SectionId, u32, RandomState>::default();
        let mut number = |id: SectionId| {
            let count = counts.entry(id).or_insert(0);
            *count += 1;
            (id, *count)
        };
        let places: hashbrown::HashMap<_, _, RandomState> =
            self.ids.iter().enumerate().map(|(place, id)| (number(*id), place)).collect();
        counts.clear();
        let mut number = |id: SectionId| {
            let count = counts.entry(id).or_insert(0);
            *count += 1;
            (id, *count)
        };
        let pairs: Vec<(usize, usize)> = new
            .ids
            .iter()
            .enumerate()
            .filter_map(|(place, id)| places.get(&number(*id)).map(|old| (*old, place)))
            .collect();
        let keep = increasing(pairs.iter().map(|(old, _)| *old));
        keep.into_iter().map(|index| pairs[index]).collect()
    }
}

/// Returns the positions of a longest increasing subsequence.
pub(crate) fn increasing(values: impl Iterator<Item = usize>) -> Vec<usize> {
    let values: Vec<usize> = values.collect();
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (position, value) in values.iter().enumerate() {
        let rank = ends.partition_point(|end| values[*end] < *value);
        before.push(rank.checked_sub(1).map(|rank| ends[rank]));
        if rank == ends.len() {
            ends.push(position);
        } else {
            ends[rank] = position;
        }
    }
    let mut chain = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(position) = next {
        chain.push(position);
        next = before[position];
    }
    chain.reverse();
    chain
}

/// Adds what differs between two texts, without what they have in common at both ends.
pub(crate) fn push_splice(edit: &mut Edit, offset: u64, old: &[u8], new: &[u8]) {
    if old == new {
        return;
    }
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (removed, inserted) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let offset = offset + head as u64;
    match edit.text.last_mut() {
        Some(last) if last.offset + last.removed.len() as u64 == offset => {
            last.removed.extend_from_slice(removed);
            last.inserted.extend_from_slice(inserted);
        }
        _ => edit.text.push(Splice { offset, removed: removed.to_vec(), inserted: inserted.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_the_same_stanzas_are_compared_as_runs_are() {
        let old = b"# head\n\nconfig a 'x'\n\toption o '1'\n\nconfig b 'y'\n\toption p '1'\n\nconfig c\n";
        let old = Package::parse(old).unwrap();
        let blocks = |new: &Package| {
            let mut edit = Edit::default();
            let are_alike = compare_blocks(&old.slots[0].block, &new.slots[0].block, 5, &mut edit);
            are_alike.then_some(edit)
        };
        for text in [
            "# head\n\nconfig a 'x'\n\toption o '1'\n\nconfig b 'y'\n\toption p '1'\n\nconfig c\n",
            "# other\n\nconfig a 'x'\n\toption o '12'\n\nconfig b 'y'\n\toption p '2'\n\nconfig c\n",
            "config a 'x'\n\nconfig b 'y'\n\toption p '1'\n\toption q '1'\n\nconfig c\n# end\n",
        ] {
            let new = old.adopt(Package::parse(text.as_bytes()).unwrap(), 7);
            let mut runs = Edit::default();
            Run::of(&old.slots).compare(&Run::of(&new.slots), 5, 0, &mut runs);
            assert_eq!(blocks(&new), Some(runs), "{text}");
        }
        for text in
            ["config a 'x'\n\nconfig b 'y'\n", "config a 'x'\n\nconfig n\n\nconfig b 'y'\n\nconfig c\n", ""]
        {
            let new = old.adopt(Package::parse(text.as_bytes()).unwrap(), 7);
            assert!(new.slots.is_empty() || blocks(&new).is_none(), "{text}");
        }
    }
}

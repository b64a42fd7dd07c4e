//! The package: its exact text, and what is where in it.
//!
//! The text is the state. A package keeps it in blocks of 4 to 16 KiB that are shared between its
//! copies, and beside each block the list of its stanzas; options are read from the text when asked
//! for. So a copy costs a pointer for each block, a change copies one block, and a package takes
//! little more memory than its text.

use std::io::{self, Write};
use std::sync::Arc;

use crate::block::Block;
use crate::index::{Index, hash_id, hash_name};
use crate::{BlockPart, Section, SectionId};

/// A block in its place, with the figures that are summed over many blocks.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub block: Arc<Block>,
    /// The number by which the directory knows the block.
    pub uid: u32,
    pub sections: u32,
    pub stanzas: u32,
    pub bytes: u32,
}

/// Where a stanza is: the slot, and the entry in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Spot {
    pub slot: usize,
    pub entry: usize,
}

/// A package: sections in order, each with its options, and the text that says so.
///
/// ```
/// use cms_model::Package;
///
/// let network = Package::parse(b"config interface 'lan'\n\toption proto 'static' # for now\n").unwrap();
/// let lan = network.find("lan").unwrap();
/// assert_eq!(lan.kind(), "interface");
/// assert_eq!(lan.get("proto").unwrap().as_bytes(), Some(&b"static"[..]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Package {
    pub(crate) slots: Vec<Slot>,
    /// The slot of each block number.
    places: Vec<u32>,
    /// Block numbers that are not in use.
    free: Vec<u32>,
    pub(crate) names: Index,
    pub(crate) ids: Index,
    sections: usize,
    stanzas: usize,
    bytes: u64,
}

impl Package {
    /// Makes a package without text.
    pub fn empty() -> Package {
        Package::default()
    }

    /// Returns the number of sections.
    pub fn len(&self) -> usize {
        self.sections
    }

    /// Says whether there is no section.
    pub fn is_empty(&self) -> bool {
        self.sections == 0
    }

    /// Returns the number of options in all sections. Reads the whole text.
    pub fn option_count(&self) -> usize {
        self.sections().map(|section| section.option_count()).sum()
    }

    /// Returns the length of the text in bytes.
    pub fn text_len(&self) -> u64 {
        self.bytes
    }

    /// Writes the text.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        self.slots.iter().try_for_each(|slot| out.write_all(&slot.block.text))
    }

    /// Returns the text in one piece.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes as usize);
        for slot in &self.slots {
            text.extend_from_slice(&slot.block.text);
        }
        text
    }

    /// Returns the text in pieces, in order, without a copy.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.slots.iter().map(|slot| &slot.block.text[..])
    }

    /// Goes over the sections in order.
    pub fn sections(&self) -> Sections<'_> {
        Sections { package: self, next: Spot { slot: 0, entry: 0 }, left: self.sections }
    }

    /// Returns the section with an id.
    pub fn section(&self, id: SectionId) -> Option<Section<'_>> {
        self.spot(id).map(|spot| Section::new(self, spot))
    }

    /// Returns the section with a name; generated names are not known here.
    pub fn find(&self, name: &str) -> Option<Section<'_>> {
        self.spot_of_name(name).map(|spot| Section::new(self, spot))
    }

    /// Returns the section number `index` of a type, or of all types, from 0; a negative number
    /// counts from the end, -1 being the last.
    pub fn nth(&self, kind: Option<&str>, index: i64) -> Option<Section<'_>> {
        let here = |slot: &Slot| match kind {
            None => slot.sections as usize,
            Some(kind) => slot.block.sections_of(kind),
        };
        let mut left = usize::try_from(index.unsigned_abs()).ok()?;
        let backward = index < 0;
        if backward {
            left -= 1;
        }
        let mut number = if backward { self.slots.len() } else { 0 };
        loop {
            if backward {
                number = number.checked_sub(1)?;
            }
            let slot = self.slots.get(number)?;
            let count = here(slot);
            if left < count {
                let rank = if backward { count - 1 - left } else { left };
                let entry = (0..slot.block.entries.len())
                    .filter(|entry| !slot.block.entries[*entry].reopen)
                    .filter(|entry| kind.is_none_or(|kind| slot.block.kind(*entry) == kind))
                    .nth(rank)?;
                return Some(Section::new(self, Spot { slot: number, entry }));
            }
            left -= count;
            if !backward {
                number += 1;
            }
        }
    }

    /// Returns the position of a section among all sections, from 0.
    pub fn position(&self, id: SectionId) -> Option<usize> {
        let spot = self.spot(id)?;
        let before: usize = self.slots[..spot.slot].iter().map(|slot| slot.sections as usize).sum();
        let entries = &self.slots[spot.slot].block.entries[..spot.entry];
        Some(before + entries.iter().filter(|entry| !entry.reopen).count())
    }

    /// The place of a section among those of its type, from 0.
    pub(crate) fn index_of_kind(&self, section: Section<'_>) -> usize {
        let (spot, kind) = (section.spot(), section.kind());
        let before: usize = self.slots[..spot.slot].iter().map(|slot| slot.block.sections_of(kind)).sum();
        let block = self.block(spot.slot);
        let here =
            (0..spot.entry).filter(|entry| !block.entries[*entry].reopen && block.kind(*entry) == kind);
        before + here.count()
    }

    /// Returns the section before one; none if it is the first or there is no such section.
    pub fn section_before(&self, id: SectionId) -> Option<SectionId> {
        let spot = self.spot(id)?;
        let mut end = spot.entry;
        for slot in self.slots[..=spot.slot].iter().rev() {
            let entries = &slot.block.entries;
            if let Some(entry) = entries[..end.min(entries.len())].iter().rev().find(|entry| !entry.reopen) {
                return Some(entry.id);
            }
            end = usize::MAX;
        }
        None
    }

    /// Returns the last section.
    pub fn last_section(&self) -> Option<SectionId> {
        self.nth(None, -1).map(|section| section.id())
    }

    /// Returns what a snapshot keeps of the package: each block's text, and the ids in it.
    pub fn to_parts(&self) -> Vec<BlockPart> {
        (0..self.block_count()).filter_map(|number| self.part(number)).collect()
    }

    /// Returns the number of blocks, which are the parts of a snapshot.
    pub fn block_count(&self) -> usize {
        self.slots.len()
    }

    /// Returns one part of what [`to_parts`](Package::to_parts) returns.
    pub fn part(&self, block: usize) -> Option<BlockPart> {
        let block = &self.slots.get(block)?.block;
        Some(BlockPart {
            text: block.text.clone(),
            ids: block.entries.iter().map(|entry| entry.id).collect(),
        })
    }

    /// Returns the text of a block without a copy.
    pub fn block_text(&self, block: usize) -> Option<&[u8]> {
        self.slots.get(block).map(|slot| &slot.block.text[..])
    }

    /// Returns the ids of the stanzas of a block.
    pub fn block_ids(&self, block: usize) -> impl Iterator<Item = SectionId> + '_ {
        self.slots.get(block).into_iter().flat_map(|slot| slot.block.entries.iter().map(|entry| entry.id))
    }

    /// Returns how many sections begin in a block.
    pub fn block_sections(&self, block: usize) -> usize {
        self.slots.get(block).map_or(0, |slot| slot.sections as usize)
    }

    /// Returns what was noted about a block when it was stored; nothing if it changed since.
    pub fn block_stored(&self, block: usize) -> Option<[u8; 16]> {
        self.slots.get(block)?.block.stored.get().copied()
    }

    /// Notes that a block is stored under a digest. All copies of the package that share the block
    /// know it from then on.
    pub fn set_block_stored(&self, block: usize, digest: [u8; 16]) {
        if let Some(slot) = self.slots.get(block) {
            // A block is stored under the digest of its content, so a second note says the same.
            let _ = slot.block.stored.set(digest);
        }
    }

    /// Returns the number of stanzas: sections, and places where one is re-opened.
    pub(crate) fn stanza_count(&self) -> usize {
        self.stanzas
    }

    pub(crate) fn block(&self, slot: usize) -> &Block {
        &self.slots[slot].block
    }

    /// Where a section begins.
    pub(crate) fn spot(&self, id: SectionId) -> Option<Spot> {
        self.spots_in_blocks(hash_id(id), &self.ids, move |block, from| block.find_id(id, from))
    }

    pub(crate) fn spot_of_name(&self, name: &str) -> Option<Spot> {
        if name.is_empty() {
            return None;
        }
        self.spots_in_blocks(hash_name(name.as_bytes()), &self.names, |block, from| match from {
            0 => block.find_name(name),
            _ => None,
        })
    }

    fn spots_in_blocks(
        &self,
        hash: u32,
        index: &Index,
        find: impl Fn(&Block, usize) -> Option<usize>,
    ) -> Option<Spot> {
        for uid in index.blocks(hash) {
            let slot = self.slot_of(uid)?;
            let block = &self.slots[slot].block;
            // A section begins with the first stanza of its block that has its id, or in another block.
            if let Some(entry) = find(block, 0)
                && block.entries.get(entry).is_some_and(|entry| !entry.reopen)
            {
                return Some(Spot { slot, entry });
            }
        }
        None
    }

    /// All stanzas of a section, in order.
    pub(crate) fn spots(&self, id: SectionId) -> Vec<Spot> {
        if self.stanzas == self.sections {
            return self.spot(id).into_iter().collect();
        }
        self.all_spots(id)
    }

    /// All stanzas with an id, in order, also while the flags do not yet say which one comes first.
    pub(crate) fn all_spots(&self, id: SectionId) -> Vec<Spot> {
        let mut spots = Vec::new();
        for slot in self.ids.blocks(hash_id(id)).filter_map(|uid| self.slot_of(uid)) {
            let mut from = 0;
            while let Some(entry) = self.slots[slot].block.find_id(id, from) {
                spots.push(Spot { slot, entry });
                from = entry + 1;
            }
        }
        spots.sort_unstable();
        spots
    }

    pub(crate) fn slot_of(&self, uid: u32) -> Option<usize> {
        self.places.get(uid as usize).map(|slot| *slot as usize)
    }

    /// Reads the figures of a block anew after it changed.
    pub(crate) fn recount(&mut self, slot: usize) {
        let Some(slot) = self.slots.get_mut(slot) else { return };
        self.sections -= slot.sections as usize;
        self.stanzas -= slot.stanzas as usize;
        self.bytes -= u64::from(slot.bytes);
        slot.sections = slot.block.sections() as u32;
        slot.stanzas = slot.block.entries.len() as u32;
        slot.bytes = slot.block.text.len() as u32;
        self.sections += slot.sections as usize;
        self.stanzas += slot.stanzas as usize;
        self.bytes += u64::from(slot.bytes);
    }

    pub(crate) fn add_bytes(&mut self, more: i64) {
        self.bytes = self.bytes.wrapping_add_signed(more);
    }

    /// Puts a block in at `place`, its stanzas not yet in the directory, and returns its number.
    pub(crate) fn insert_slot(&mut self, place: usize, block: Block) -> u32 {
        let uid = self.free.pop().unwrap_or_else(|| {
            self.places.push(0);
            self.places.len() as u32 - 1
        });
        let slot = Slot { block: Arc::new(block), uid, sections: 0, stanzas: 0, bytes: 0 };
        self.slots.insert(place, slot);
        self.place_from(place);
        self.recount(place);
        uid
    }

    /// Takes a block out, its stanzas being out of the directory already.
    pub(crate) fn remove_slot(&mut self, place: usize) -> Arc<Block> {
        let slot = self.slots.remove(place);
        self.sections -= slot.sections as usize;
        self.stanzas -= slot.stanzas as usize;
        self.bytes -= u64::from(slot.bytes);
        self.free.push(slot.uid);
        self.place_from(place);
        slot.block
    }

    fn place_from(&mut self, first: usize) {
        for (place, slot) in self.slots.iter().enumerate().skip(first) {
            self.places[slot.uid as usize] = place as u32;
        }
    }

    /// Notes an entry of a block in the directory.
    pub(crate) fn register(&mut self, uid: u32, id: SectionId, name: &str) {
        self.ids.insert(hash_id(id), uid);
        if !name.is_empty() {
            self.names.insert(hash_name(name.as_bytes()), uid);
        }
    }
}

/// Goes over the sections of a package in order.
#[derive(Debug, Clone)]
pub struct Sections<'a> {
    package: &'a Package,
    next: Spot,
    left: usize,
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    fn next(&mut self) -> Option<Section<'a>> {
        loop {
            let slot = self.package.slots.get(self.next.slot)?;
            let Some(entry) = slot.block.entries.get(self.next.entry) else {
                self.next = Spot { slot: self.next.slot + 1, entry: 0 };
                continue;
            };
            let spot = self.next;
            self.next.entry += 1;
            if !entry.reopen {
                self.left = self.left.saturating_sub(1);
                return Some(Section::new(self.package, spot));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Sections<'_> {}

impl<'a> IntoIterator for &'a Package {
    type Item = Section<'a>;
    type IntoIter = Sections<'a>;

    fn into_iter(self) -> Sections<'a> {
        self.sections()
    }
}

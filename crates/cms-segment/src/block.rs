//! Blocks: the head of every group, and the whole of a small one.
//!
//! | bytes | what |
//! | --- | --- |
//! | 2, 1, 1 | length of the path, capacity, flags |
//! | 4 | *forward*: the block that replaced this one (`offset / 4`), or 0 |
//! | 4 | *order*: versioned word; of a small group the order of its slots where that is not theirs, of a large one its roster |
//! | 4, 4, 8 | if EXTENDED: *anchor* (the block that the roster of groups names, `offset / 4`), *history*, *since* |
//! | 1 × capacity | tags, padded to 4 |
//! | | path, padded to 4 |
//! | 2 or 4 × capacity | references to the leaves' names, padded to 4 |
//! | 4 × capacity | slots: versioned words |
//!
//! A block lies at a multiple of 4, that of a large group at a multiple of 8. All but the path is words.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::{
    Result, Value,
    error::damaged,
    generation::Generation,
    hash::Leaf,
    map::{Map, bytes_of_words_that_are},
    name,
    value::{self, decode},
    version,
};

/// Entries of a small group.
pub(crate) const GREATEST_SMALL: usize = 64;

/// The entries of the group are found through the index.
pub(crate) const LARGE: u8 = 1;
/// References to names take four bytes, not two.
pub(crate) const WIDE: u8 = 2;
/// The block replaced another.
pub(crate) const EXTENDED: u8 = 4;

const PLAIN_HEADER: u64 = 12;
const EXTENDED_HEADER: u64 = 28;

/// Where the parts of a block lie, by what its first word says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub path_length: usize,
    pub capacity: usize,
    pub flags: u8,
}

impl Shape {
    #[inline(always)]
    fn of(first: u32) -> Shape {
        Shape {
            path_length: (first & 0xffff) as usize,
            capacity: (first >> 16 & 0xff) as usize,
            flags: (first >> 24) as u8,
        }
    }

    pub fn first_word(&self) -> u32 {
        self.path_length as u32 | (self.capacity as u32) << 16 | u32::from(self.flags) << 24
    }

    /// Bytes before the tags.
    #[inline(always)]
    fn tags(&self) -> u64 {
        if self.flags & EXTENDED == 0 { PLAIN_HEADER } else { EXTENDED_HEADER }
    }

    /// Bytes before the path.
    #[inline(always)]
    pub fn path(&self) -> u64 {
        self.tags() + 4 * self.tag_words() as u64
    }

    /// Bytes before the references to names.
    #[inline(always)]
    fn names(&self) -> u64 {
        self.path() + (self.path_length as u64).next_multiple_of(4)
    }

    /// Words of tags.
    #[inline(always)]
    fn tag_words(&self) -> usize {
        self.capacity.div_ceil(4)
    }

    /// Words of references to names.
    #[inline(always)]
    fn name_words(&self) -> usize {
        if self.flags & WIDE == 0 { self.capacity.div_ceil(2) } else { self.capacity }
    }

    /// Bytes of the whole block.
    pub fn size(&self) -> u64 {
        self.names() + 4 * (self.name_words() + self.capacity) as u64
    }
}

/// A block in a map.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub offset: u64,
    pub shape: Shape,
    pub path: &'a [u8],
    tags: &'a [AtomicU32],
    /// References to names, then slots.
    words: &'a [AtomicU32],
}

impl<'a> Block<'a> {
    /// The block at an offset.
    #[inline(always)]
    pub fn read(map: &'a Map, offset: u64) -> Result<Block<'a>> {
        let outside = || damaged("a group lies outside");
        let first = map.word(offset).ok_or_else(outside)?.load(Ordering::Relaxed);
        let shape = Shape::of(first);
        if shape.capacity > GREATEST_SMALL {
            return Err(damaged("a small group of too many entries"));
        }
        let tags = map.words(offset + shape.tags(), shape.tag_words()).ok_or_else(outside)?;
        let words = shape.name_words() + shape.capacity;
        let parts =
            map.bytes_and_words(offset + shape.path(), shape.path_length, offset + shape.names(), words);
        let (path, words) = parts.ok_or_else(outside)?;
        Ok(Block { offset, shape, path, tags, words })
    }

    /// Whether the entries are found through the index.
    #[inline(always)]
    pub fn is_large(&self) -> bool {
        self.shape.flags & LARGE != 0
    }

    /// The number of slots.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.shape.capacity
    }

    /// The place of the word that tells the block that replaced this one.
    pub fn forward_place(&self) -> u64 {
        self.offset + 4
    }

    /// The place of the order word.
    pub fn order_place(&self) -> u64 {
        self.offset + 8
    }

    /// The order word.
    pub fn order(&self, map: &Map) -> u32 {
        map.word(self.order_place()).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// The block that replaced this one, if one did.
    pub fn forward(&self, map: &Map) -> u64 {
        map.word(self.forward_place()).map_or(0, |word| u64::from(word.load(Ordering::Acquire)) << 2)
    }

    fn extension(&self, map: &Map, word: u64) -> u32 {
        if self.shape.flags & EXTENDED == 0 {
            return 0;
        }
        map.word(self.offset + PLAIN_HEADER + word * 4).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The block that the roster names for this group.
    pub fn anchor(&self, map: &Map) -> u64 {
        match self.extension(map, 0) {
            0 => self.offset,
            anchor => u64::from(anchor) << 2,
        }
    }

    /// The versions of the group's block.
    pub fn history(&self, map: &Map) -> u32 {
        self.extension(map, 1)
    }

    /// The first revision at which this block is the group's.
    #[inline(always)]
    pub fn since(&self, map: &Map) -> u64 {
        if self.shape.flags & EXTENDED == 0 {
            return 0;
        }
        u64::from(self.extension(map, 2)) | u64::from(self.extension(map, 3)) << 32
    }

    /// The word of a slot.
    #[inline(always)]
    pub fn slot(&self, position: usize) -> u32 {
        let at = self.shape.name_words() + position;
        self.words.get(at).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// The place of a slot.
    pub fn slot_place(&self, position: usize) -> u64 {
        self.offset + self.shape.names() + 4 * (self.shape.name_words() + position) as u64
    }

    /// The tag of a slot.
    pub fn tag(&self, position: usize) -> u8 {
        let word = self.tags.get(position / 4).map_or(0, |word| word.load(Ordering::Relaxed));
        (word >> (8 * (position % 4))) as u8
    }

    /// The reference to the name of a slot's leaf.
    #[inline(always)]
    fn name_reference(&self, position: usize) -> u32 {
        if self.shape.flags & WIDE != 0 {
            return self.words.get(position).map_or(0, |word| word.load(Ordering::Relaxed));
        }
        let word = self.words.get(position / 2).map_or(0, |word| word.load(Ordering::Relaxed));
        word >> (16 * (position % 2)) & 0xffff
    }

    /// Where the name of a slot's leaf lies.
    #[inline(always)]
    pub fn name_place(&self, generation: &Generation, position: usize) -> u64 {
        let reference = u64::from(self.name_reference(position));
        if self.shape.flags & WIDE != 0 {
            reference << generation.header.shift
        } else {
            generation.header.names + (reference << 3)
        }
    }

    /// The leaf of a slot.
    pub fn leaf(&self, generation: &'a Generation, position: usize) -> Result<&'a [u8]> {
        name::read(&generation.map, self.name_place(generation, position))
    }

    /// Gives a free slot to a leaf. The slot's word is stored later, and makes it visible.
    pub fn name(&self, position: usize, tag: u8, reference: u32) {
        let set = |words: &[AtomicU32], at: usize, shift: usize, mask: u32, bits: u32| {
            if let Some(word) = words.get(at) {
                let old = word.load(Ordering::Relaxed);
                word.store(old & !(mask << shift) | bits << shift, Ordering::Release);
            }
        };
        set(self.tags, position / 4, 8 * (position % 4), 0xff, u32::from(tag));
        if self.shape.flags & WIDE != 0 {
            set(self.words, position, 0, u32::MAX, reference);
        } else {
            set(self.words, position / 2, 16 * (position % 2), 0xffff, reference & 0xffff);
        }
    }

    /// The slot of a leaf and the place of its record at a revision, if it has a value.
    #[inline(always)]
    pub fn find(
        &self,
        generation: &'a Generation,
        leaf: &Leaf<'_>,
        tag: u8,
        revision: u64,
    ) -> Result<Option<(usize, u64)>> {
        for group in 0..self.shape.capacity.div_ceil(16) {
            let mut equal = self.equal_tags(group, tag);
            while equal != 0 {
                let position = 16 * group + equal.trailing_zeros() as usize;
                equal &= equal - 1;
                // Behind the tags lie references, which stand for no slot.
                if position >= self.shape.capacity {
                    break;
                }
                let word = self.slot(position);
                if word == 0 || !name::is(&generation.map, self.name_place(generation, position), leaf) {
                    continue;
                }
                if let Some(record) = record_at(generation, word, revision)? {
                    return Ok(Some((position, record)));
                }
            }
        }
        Ok(None)
    }

    /// Which of sixteen tags are a given one.
    #[inline(always)]
    fn equal_tags(&self, group: usize, tag: u8) -> u32 {
        if let Some(words) = self.tags.get(4 * group..).and_then(|words| words.first_chunk::<4>()) {
            return bytes_of_words_that_are(words, tag);
        }
        let mut bits = 0;
        for position in 0..self.shape.capacity.saturating_sub(16 * group) {
            bits |= u32::from(self.tag(16 * group + position) == tag) << position;
        }
        bits
    }

    /// The slots of a small group in the order of its entries at a revision, those without an entry included.
    pub fn positions(&self, generation: &Generation, revision: u64) -> Result<Positions> {
        let mut positions = Positions { list: [0; GREATEST_SMALL], length: 0 };
        let mut listed = 0u64;
        let order = version::resolve(
            &generation.map,
            generation.header.shift,
            self.order(&generation.map),
            revision,
        )?;
        if order != 0
            && let Some(Value::Bytes(list)) = decode(&*generation.map, order)?
        {
            for position in list {
                if usize::from(*position) < self.shape.capacity && listed >> position & 1 == 0 {
                    listed |= 1 << position;
                    positions.push(*position);
                }
            }
        }
        for position in 0..self.shape.capacity as u8 {
            if listed >> position & 1 == 0 {
                positions.push(position);
            }
        }
        Ok(positions)
    }
}

/// The value that a slot's word stands for at a revision.
#[inline(always)]
pub(crate) fn value_at(generation: &Generation, word: u32, revision: u64) -> Result<Option<Value<'_>>> {
    match version::resolve(&generation.map, generation.header.shift, word, revision)? {
        0 => Ok(None),
        record => decode(&*generation.map, record),
    }
}

/// The place of the record that a slot's word stands for at a revision, unless it is absent or deleted.
#[inline(always)]
pub(crate) fn record_at(generation: &Generation, word: u32, revision: u64) -> Result<Option<u64>> {
    let record = version::resolve(&generation.map, generation.header.shift, word, revision)?;
    if record == 0 {
        return Ok(None);
    }
    match generation.map.bytes(record, 1) {
        Some([value::DELETED]) => Ok(None),
        Some(_) => Ok(Some(record)),
        None => Err(damaged("a value lies outside")),
    }
}

/// Slots of a small group, in an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Positions {
    list: [u8; GREATEST_SMALL],
    length: u8,
}

impl Positions {
    /// Adds a slot behind the others.
    pub fn push(&mut self, position: u8) {
        if let Some(place) = self.list.get_mut(usize::from(self.length)) {
            *place = position;
            self.length += 1;
        }
    }

    /// The slots.
    pub fn as_slice(&self) -> &[u8] {
        self.list.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

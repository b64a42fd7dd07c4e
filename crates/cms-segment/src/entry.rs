//! Entries of large groups.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | the group's block (`offset / 8`), bit 31: EXTENDED |
//! | 4 | slot: a versioned word |
//! | 4, 8 | if EXTENDED: *history*, *since* |
//! | | name |
//!
//! An entry lies at a multiple of 4. One that was deleted and added again is another entry; the old one is found through the
//! history of the new one.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::{
    Result, Value, block::value_at, error::damaged, generation::Generation, map::Map, name, version,
};

const EXTENDED: u32 = 1 << 31;

/// An entry in a map.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub offset: u64,
    /// The group's block, and whether the entry replaced another.
    first: u32,
    slot: &'a AtomicU32,
}

impl<'a> Entry<'a> {
    /// The entry at an offset.
    #[inline(always)]
    pub fn read(map: &'a Map, offset: u64) -> Result<Entry<'a>> {
        match map.words(offset, 2) {
            Some([first, slot]) => Ok(Entry { offset, first: first.load(Ordering::Relaxed), slot }),
            _ => Err(damaged("an entry lies outside")),
        }
    }

    /// Appends the bytes of an entry without its value, and answers where its name begins.
    pub fn encode(
        group: u64,
        word: u32,
        history: Option<(u32, u64)>,
        leaf: &[u8],
        out: &mut Vec<u8>,
    ) -> usize {
        let first = (group >> 3) as u32 | if history.is_some() { EXTENDED } else { 0 };
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(&word.to_le_bytes());
        if let Some((history, since)) = history {
            out.extend_from_slice(&history.to_le_bytes());
            out.extend_from_slice(&since.to_le_bytes());
        }
        let name = out.len();
        name::encode(leaf, out);
        name
    }

    /// The block of the group.
    #[inline(always)]
    pub fn group(&self) -> u64 {
        u64::from(self.first & !EXTENDED) << 3
    }

    /// The place of the name.
    #[inline(always)]
    pub fn name_place(&self) -> u64 {
        self.offset + if self.first & EXTENDED == 0 { 8 } else { 20 }
    }

    /// The leaf.
    pub fn leaf(&self, map: &'a Map) -> Result<&'a [u8]> {
        name::read(map, self.name_place())
    }

    /// The word of the slot.
    #[inline(always)]
    pub fn slot(&self) -> u32 {
        self.slot.load(Ordering::Acquire)
    }

    /// The place of the slot.
    pub fn slot_place(&self) -> u64 {
        self.offset + 4
    }

    /// The value at a revision.
    #[inline(always)]
    pub fn value(&self, generation: &'a Generation, revision: u64) -> Result<Option<Value<'a>>> {
        value_at(generation, self.slot(), revision)
    }

    /// The versions of the entry, of which this one is the last.
    pub fn history(&self, map: &Map) -> u32 {
        self.extension(map, 0)
    }

    /// The first revision at which this is the entry of its key.
    pub fn since(&self, map: &Map) -> u64 {
        u64::from(self.extension(map, 1)) | u64::from(self.extension(map, 2)) << 32
    }

    fn extension(&self, map: &Map, word: u64) -> u32 {
        if self.first & EXTENDED == 0 {
            return 0;
        }
        map.word(self.offset + 8 + 4 * word).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The entry that was that of the key at a revision, this one or one before it.
    #[inline(always)]
    pub fn at(self, generation: &'a Generation, revision: u64) -> Result<Option<Entry<'a>>> {
        if self.first & EXTENDED == 0 || self.since(&generation.map) <= revision {
            return Ok(Some(self));
        }
        let place = past(generation, self.history(&generation.map), revision)?;
        place.map(|place| Entry::read(&generation.map, place)).transpose()
    }
}

/// The place that a history names for a revision.
pub(crate) fn past(generation: &Generation, history: u32, revision: u64) -> Result<Option<u64>> {
    let record = version::resolve(&generation.map, generation.header.shift, history, revision)?;
    if record == 0 {
        return Ok(None);
    }
    match crate::value::decode(&*generation.map, record)? {
        Some(Value::Int(place)) if place > 0 => Ok(Some(place as u64)),
        _ => Err(damaged("a history of another kind")),
    }
}

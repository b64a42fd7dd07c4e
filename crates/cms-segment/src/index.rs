//! The index: where groups, entries of large groups and symbols are found by their hash.
//!
//! Buckets of a cache line each: eight *tags*, then the eight *places* that they stand for (`offset / 4`). A tag is 0 where the slot
//! is free, or `kind (2 bits), bits of the hash (30)`. A search begins at the bucket the hash names and ends at the first
//! bucket with a free slot. A slot's place is stored before its tag; slots are filled in order, and are not given to
//! another key.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Result, error::damaged, generation::Generation, map::words_that_are};

/// What a slot of the index leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The block of a group, found by the hash of its path.
    Group = 1,
    /// An entry of a large group, found by the hash of path and leaf.
    Entry = 2,
    /// The name of leaves, found by its hash. Only writers ask for it.
    Symbol = 3,
}

/// Slots of a bucket.
pub(crate) const SLOTS: usize = 8;
const WORDS: usize = 2 * SLOTS;
const BYTES: u64 = 64;
/// From a tag to its place.
pub(crate) const TO_PLACE: u64 = 32;

/// The tag of a hash.
#[inline(always)]
pub(crate) fn tag(place: Place, hash: u64) -> u32 {
    (place as u32) << 30 | hash as u32 >> 2
}

#[inline(always)]
fn first_bucket(hash: u64, buckets: u32) -> u32 {
    (((hash >> 32) * u64::from(buckets)) >> 32) as u32
}

#[inline(always)]
fn bucket(generation: &Generation, number: u32) -> Result<&[AtomicU32; WORDS]> {
    let place = generation.header.index + u64::from(number) * BYTES;
    let words = generation.map.words(place, WORDS).and_then(|words| words.try_into().ok());
    words.ok_or_else(|| damaged("the index lies outside"))
}

/// Starts to fetch the line where a search for `hash` begins.
#[inline(always)]
pub(crate) fn prefetch(generation: &Generation, hash: u64) {
    let number = first_bucket(hash, generation.header.buckets);
    generation.map.prefetch(generation.header.index + u64::from(number) * BYTES);
}

/// The positions of those tags that equal one, as bits. All at once: branches on single slots would be guessed
/// wrongly half of the time.
#[inline(always)]
fn equal(words: &[AtomicU32; WORDS], tag: u32) -> u32 {
    words.first_chunk::<SLOTS>().map_or(0, |tags| words_that_are(tags, tag))
}

/// Where the bucket lies at which a search for `hash` begins.
#[inline(always)]
pub(crate) fn first(generation: &Generation, hash: u64) -> u64 {
    generation.header.index + u64::from(first_bucket(hash, generation.header.buckets)) * BYTES
}

/// Finds the slot whose place satisfies `is_it`: where its tag lies, and the offset it leads to.
#[inline(always)]
pub(crate) fn find(
    generation: &Generation,
    place: Place,
    hash: u64,
    mut is_it: impl FnMut(u64) -> Result<bool>,
) -> Result<Option<(u64, u64)>> {
    let tag = tag(place, hash);
    let buckets = generation.header.buckets;
    let mut number = first_bucket(hash, buckets);
    for _ in 0..buckets {
        let words = bucket(generation, number)?;
        let mut bits = equal(words, tag);
        while bits != 0 {
            let position = bits.trailing_zeros() as usize % SLOTS;
            bits &= bits - 1;
            // Without its place, or with that of another key, the tag is of a batch that cannot be seen yet.
            let offset = u64::from(words[SLOTS + position].load(Ordering::Acquire)) << 2;
            if offset != 0 && is_it(offset)? {
                let at = generation.header.index + u64::from(number) * BYTES + position as u64 * 4;
                return Ok(Some((at, offset)));
            }
        }
        if equal(words, 0) != 0 {
            return Ok(None);
        }
        number = if number + 1 == buckets { 0 } else { number + 1 };
    }
    Ok(None)
}

/// Where the tag of the free slot lies that ends a search for `hash`.
pub(crate) fn vacant(generation: &Generation, hash: u64) -> Result<u64> {
    let buckets = generation.header.buckets;
    let mut number = first_bucket(hash, buckets);
    for _ in 0..buckets {
        let free = equal(bucket(generation, number)?, 0);
        if free != 0 {
            let position = u64::from(free.trailing_zeros());
            return Ok(generation.header.index + u64::from(number) * BYTES + position * 4);
        }
        number = if number + 1 == buckets { 0 } else { number + 1 };
    }
    Err(damaged("the index is full"))
}

/// A place as the index stores it.
pub(crate) fn place(offset: u64) -> Result<u32> {
    match u32::try_from(offset >> 2) {
        Ok(place) if offset.is_multiple_of(4) => Ok(place),
        _ => Err(damaged("an offset that the index cannot hold")),
    }
}

/// Every slot in use: tag and offset.
pub(crate) fn slots(generation: &Generation) -> impl Iterator<Item = Result<(u32, u64)>> + '_ {
    (0..generation.header.buckets).flat_map(|number| match bucket(generation, number) {
        Ok(words) => (0..SLOTS)
            .map(|position| {
                let offset = u64::from(words[SLOTS + position].load(Ordering::Acquire)) << 2;
                (words[position].load(Ordering::Acquire), offset)
            })
            .filter(|(tag, _)| *tag != 0)
            .map(Ok)
            .collect(),
        Err(error) => vec![Err(error)],
    })
}

//! The index: where groups, entries of large groups and symbols are found by their hash.
//!
//! Buckets of eight long words, a cache line each. A slot is 0 or `kind (2 bits), tag (28 bits), offset (34 bits)`. A search
//! begins at the bucket the hash names and ends at the first bucket with a free slot. Slots are filled in order, and are
//! not given to another key.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Result, error::damaged, generation::Generation};

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
const OFFSET_BITS: u32 = 34;
const OFFSET: u64 = (1 << OFFSET_BITS) - 1;
const TAG: u64 = (1 << 28) - 1;

/// The slot that leads to `offset`.
pub(crate) fn slot(place: Place, hash: u64, offset: u64) -> Result<u64> {
    if offset > OFFSET {
        return Err(damaged("an offset beyond the greatest segment"));
    }
    Ok(key(place, hash) << OFFSET_BITS | offset)
}

/// Where a slot leads to.
#[inline(always)]
pub(crate) fn offset(slot: u64) -> u64 {
    slot & OFFSET
}

/// What kind of thing a slot leads to.
pub(crate) fn is(slot: u64, place: Place) -> bool {
    slot >> 62 == place as u64
}

#[inline(always)]
fn key(place: Place, hash: u64) -> u64 {
    (place as u64) << 28 | hash & TAG
}

#[inline(always)]
fn first_bucket(hash: u64, buckets: u32) -> u32 {
    ((hash >> 32) * u64::from(buckets) >> 32) as u32
}

#[inline(always)]
fn bucket(generation: &Generation, number: u32) -> Result<&[AtomicU64; SLOTS]> {
    let place = generation.header.index + u64::from(number) * 64;
    let longs = generation.map.longs(place, SLOTS).and_then(|longs| longs.try_into().ok());
    longs.ok_or_else(|| damaged("the index lies outside"))
}

/// Starts to fetch the line where a search for `hash` begins.
#[inline(always)]
pub(crate) fn prefetch(generation: &Generation, hash: u64) {
    let number = first_bucket(hash, generation.header.buckets);
    generation.map.prefetch(generation.header.index + u64::from(number) * 64);
}

/// Finds the slot whose place satisfies `is_it`: where the slot lies, and the offset it leads to.
#[inline(always)]
pub(crate) fn find(
    generation: &Generation,
    place: Place,
    hash: u64,
    mut is_it: impl FnMut(u64) -> Result<bool>,
) -> Result<Option<(u64, u64)>> {
    let key = key(place, hash);
    let buckets = generation.header.buckets;
    let mut number = first_bucket(hash, buckets);
    for _ in 0..buckets {
        let slots = bucket(generation, number)?;
        // All at once: branches on single slots would be guessed wrongly half of the time.
        let (mut equal, mut free) = (0u32, 0u32);
        for (position, slot) in slots.iter().enumerate() {
            let slot = slot.load(Ordering::Relaxed);
            equal |= u32::from(slot >> OFFSET_BITS == key) << position;
            free |= u32::from(slot == 0) << position;
        }
        while equal != 0 {
            let position = equal.trailing_zeros() as usize;
            equal &= equal - 1;
            let slot = slots[position % SLOTS].load(Ordering::Acquire);
            // The slot may have been taken back meanwhile, or lead to a newer place of the same key.
            if slot >> OFFSET_BITS == key && is_it(offset(slot))? {
                let at = generation.header.index + u64::from(number) * 64 + position as u64 * 8;
                return Ok(Some((at, offset(slot))));
            }
        }
        if free != 0 {
            return Ok(None);
        }
        number = if number + 1 == buckets { 0 } else { number + 1 };
    }
    Ok(None)
}

/// The place of the free slot that ends a search for `hash`.
pub(crate) fn vacant(generation: &Generation, hash: u64) -> Result<u64> {
    let buckets = generation.header.buckets;
    let mut number = first_bucket(hash, buckets);
    for _ in 0..buckets {
        let slots = bucket(generation, number)?;
        if let Some(position) = slots.iter().position(|slot| slot.load(Ordering::Relaxed) == 0) {
            return Ok(generation.header.index + u64::from(number) * 64 + position as u64 * 8);
        }
        number = if number + 1 == buckets { 0 } else { number + 1 };
    }
    Err(damaged("the index is full"))
}

/// Every slot in use.
pub(crate) fn slots(generation: &Generation) -> impl Iterator<Item = Result<u64>> + '_ {
    (0..generation.header.buckets).flat_map(|number| match bucket(generation, number) {
        Ok(slots) => {
            slots.iter().map(|slot| slot.load(Ordering::Acquire)).filter(|slot| *slot != 0).map(Ok).collect()
        }
        Err(error) => vec![Err(error)],
    })
}

//! The key table of a small segment: from a whole key to its entry, at once.
//!
//! A segment of few entries, as that of most systems is, has room to keep its keys a second time, each in one piece. So a search
//! compares a key as it is, rather than a path, a name and what stands between them. What is not found here is looked up by the group:
//! the table may lack any key, and says nothing about those that it lacks.
//!
//! Buckets of a cache line each: twelve tags of a byte (0 if the slot is free, else eight bits of the hash), the twelve *places* of
//! key records (`offset / 8`), four bytes of nothing. A key record, at a multiple of 8:
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | *target* (long word): `offset / 4` of the entry's slot, and in the upper half that of the block of its group |
//! | 1 | length of the key, at most 48 |
//! | | key; one of less than sixteen bytes with zeros behind it |

use std::sync::atomic::Ordering;

use crate::{
    Result,
    error::damaged,
    fast::to_mixed_value,
    generation::Generation,
    hash::{Ends, GREATEST_KEY, SHORT, padded},
    map::{View, Window, WordWindow},
};

/// Entries of the largest segment that has a table.
const GREATEST: u64 = 8192;
/// Slots of a bucket.
const SLOTS: usize = 12;
const BYTES: u64 = 64;
/// Bytes of a record before the key.
const HEADER: usize = 9;

/// The buckets of the table for so many entries, with room for half as many more, and some.
pub(crate) fn buckets(entries: u64) -> u32 {
    if entries <= GREATEST { (entries + entries / 2 + 1536).div_ceil(8) as u32 } else { 0 }
}

/// Bytes of a table.
pub(crate) fn size(buckets: u32) -> u64 {
    u64::from(buckets) * BYTES
}

/// Where the bucket of a hash lies.
#[inline(always)]
fn bucket(generation: &Generation, hash: u64) -> u64 {
    generation.header.keys + (((hash >> 32) * u64::from(generation.header.key_buckets)) >> 32) * BYTES
}

/// The tag of a hash.
#[inline(always)]
fn tag(hash: u64) -> u8 {
    let tag = (hash as u32 >> 24) as u8;
    // 0 is that of a free slot.
    tag + u8::from(tag == 0)
}

/// A target, as a record has it.
pub(crate) fn target(slot: u64, block: u64) -> u64 {
    slot >> 2 | (block >> 2) << 32
}

/// Appends a record to bytes.
pub(crate) fn encode(target: u64, key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&target.to_le_bytes());
    out.push(key.len() as u8);
    out.extend_from_slice(key);
    out.resize(out.len() + SHORT.saturating_sub(key.len()), 0);
}

/// Bytes of the record of a key.
pub(crate) fn record_size(key: &[u8]) -> u64 {
    (HEADER + key.len().max(SHORT)) as u64
}

/// A word of the table, and what it is to become.
pub(crate) struct Change {
    pub place: u64,
    pub word: u32,
}

/// What a writer finds for a key.
pub(crate) enum Found {
    /// Its record.
    Record(u64),
    /// Where a record could be linked: the words of a free slot.
    Free(Free),
    /// Neither.
    Full,
}

/// A free slot.
pub(crate) struct Free {
    bucket: u64,
    number: usize,
    tag: u8,
}

impl Free {
    /// The changes that link a record, in their order.
    pub fn link(&self, generation: &Generation, record: u64) -> Result<[Change; 2]> {
        let place = u32::try_from(record >> 3).map_err(|_| damaged("a key beyond the greatest segment"))?;
        let at = self.bucket + (self.number & !3) as u64;
        let tags = generation.map.word(at).ok_or_else(|| damaged("the key table lies outside"))?;
        let tags = tags.load(Ordering::Relaxed) | u32::from(self.tag) << (8 * (self.number % 4));
        let places = self.bucket + (SLOTS + 4 * self.number) as u64;
        Ok([Change { place: places, word: place }, Change { place: at, word: tags }])
    }
}

impl Generation {
    /// Whether the segment has a table, and a key may be in it.
    pub fn has_key_table(&self, path: &[u8], leaf: &[u8]) -> bool {
        // A key with another dot in its leaf is also that of another path and leaf.
        self.header.key_buckets != 0 && path.len() + 1 + leaf.len() <= GREATEST_KEY && !leaf.contains(&b'.')
    }

    /// Finds a key in the table.
    pub fn find_key(&self, key: &[u8]) -> Result<Found> {
        let outside = || damaged("the key table lies outside");
        let hash = self.hasher.key(key).ok_or_else(|| damaged("a key that is too long for the key table"))?;
        let (place, tag) = (bucket(self, hash), tag(hash));
        let words = self.map.words(place, 16).ok_or_else(outside)?;
        for number in 0..SLOTS {
            let word = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Acquire));
            let found = (word(number / 4) >> (8 * (number % 4))) as u8;
            if found == 0 {
                return Ok(Found::Free(Free { bucket: place, number, tag }));
            }
            let record = u64::from(word(SLOTS / 4 + number)) << 3;
            let at = record + HEADER as u64 - 1;
            if found == tag
                && self.map.bytes(at, 1) == Some(&[key.len() as u8])
                && self.map.bytes(at + 1, key.len()) == Some(key)
            {
                return Ok(Found::Record(record));
            }
        }
        Ok(Found::Full)
    }

    /// The record of a key's value at a revision, if the table leads to it; as [`glance`](Generation::glance) says it.
    #[inline(always)]
    pub fn by_key_table(&self, key: &[u8], revision: u64) -> Option<&[u8]> {
        // What is inlined is the first guess for common keys, and keeps nothing for a second one.
        if let Some(ends) = Ends::of(key) {
            let view = self.map.view();
            let hash = self.hasher.ends(&ends);
            let bucket = view.word_window(bucket(self, hash))?;
            let equal = bucket.bytes_that_are(0, tag(hash)) & ((1 << SLOTS) - 1);
            if equal == 0 {
                return None;
            }
            if let Some(record) = record(view, bucket, equal.trailing_zeros() as usize)
                && is_it(record.bytes(), &ends)
            {
                return self.value_of(view, record, revision);
            }
        }
        self.search_key_table(key, revision)
    }

    /// The same for short keys, and such as share their tag.
    #[inline(never)]
    fn search_key_table(&self, key: &[u8], revision: u64) -> Option<&[u8]> {
        let bytes = padded(key);
        let ends = match Ends::of(key) {
            Some(ends) => ends,
            None if key.len() < SHORT => Ends::short(&bytes, key.len()),
            None => return None,
        };
        let view = self.map.view();
        let hash = self.hasher.ends(&ends);
        let bucket = view.word_window(bucket(self, hash))?;
        let mut equal = bucket.bytes_that_are(0, tag(hash)) & ((1 << SLOTS) - 1);
        while equal != 0 {
            if let Some(record) = record(view, bucket, equal.trailing_zeros() as usize)
                && is_it(record.bytes(), &ends)
            {
                return self.value_of(view, record, revision);
            }
            equal &= equal - 1;
        }
        None
    }

    /// The value that a key record leads to.
    #[inline(always)]
    fn value_of<'m>(&'m self, view: View<'m>, record: WordWindow<'m>, revision: u64) -> Option<&'m [u8]> {
        let target = record.long_word();
        let block = view.word_window((target >> 32) << 2)?;
        let slot = view.word_window((target & u64::from(u32::MAX)) << 2)?;
        // What has replaced the block may have a newer value.
        if block.word(4, Ordering::Acquire) != 0 {
            return None;
        }
        to_mixed_value(self, view, revision, slot.word(0, Ordering::Acquire))
    }

    /// The keys of the table, for who looks it over: the place of each record and its key.
    pub fn keys(&self) -> impl Iterator<Item = Result<(u64, &[u8])>> {
        let outside = || damaged("the key table lies outside");
        (0..self.header.key_buckets).flat_map(move |number| {
            let place = self.header.keys + u64::from(number) * BYTES;
            (0..SLOTS).filter_map(move |slot| {
                let words = match self.map.words(place, 16) {
                    Some(words) => words,
                    None => return Some(Err(outside())),
                };
                let word = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Acquire));
                if (word(slot / 4) >> (8 * (slot % 4))) as u8 == 0 {
                    return None;
                }
                let record = u64::from(word(SLOTS / 4 + slot)) << 3;
                let key = self
                    .map
                    .bytes(record + 8, 1)
                    .and_then(|length| self.map.bytes(record + HEADER as u64, usize::from(*length.first()?)));
                Some(key.map(|key| (record, key)).ok_or_else(outside))
            })
        })
    }
}

/// The record that a slot of a bucket leads to.
#[inline(always)]
fn record<'m>(view: View<'m>, bucket: WordWindow<'m>, number: usize) -> Option<WordWindow<'m>> {
    let place = bucket.word(SLOTS + 4 * number, Ordering::Acquire);
    view.word_window(u64::from(place) << 3)
}

/// Whether a record is that of a key.
#[inline(always)]
fn is_it(record: Window<'_>, key: &Ends<'_>) -> bool {
    let same = record.same(HEADER, key.first)
        & record.same(HEADER + key.middle_at(), key.middle)
        & record.same(HEADER + key.last_at(), key.last);
    usize::from(record.byte(HEADER - 1)) == key.length && same == u16::MAX
}

#[cfg(test)]
mod tests {
    use crate::{Root, RootOptions, Value};

    /// Groups small and large, keys short and long; some loaded, some added by batches that move others.
    #[test]
    fn a_table_leads_to_every_key_that_it_may_hold() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(folder.path(), &RootOptions::default()).unwrap();
        let key = |number: usize| match number % 4 {
            0 => format!("large.option{number}"),
            1 => format!("network.section{}.option{number}", number % 17),
            2 => format!("s.{number}"),
            _ => format!("firewall.a_section_of_a_long_name{}.option{number}", number % 17),
        };
        let mut writer = root.writer().unwrap();
        let keys: Vec<String> = (0..600).map(key).collect();
        let (loaded, added) = keys.split_at(400);
        let entries = loaded.iter().map(|key| key.rsplit_once('.').unwrap());
        writer
            .rebuild("", entries.map(|(path, leaf)| (path, leaf, Value::String(leaf.as_bytes()))), 1)
            .unwrap();
        for (number, key) in added.iter().enumerate() {
            let mut batch = writer.batch(number as u64 + 2).unwrap();
            batch.set(key.as_bytes(), Value::String(key.rsplit_once('.').unwrap().1.as_bytes())).unwrap();
            batch.publish().unwrap();
        }
        drop(writer);
        let snapshot = Root::attach(folder.path()).unwrap().snapshot().unwrap();
        let generation = snapshot.maps().generation(0).unwrap();
        for key in &keys {
            let leaf = key.rsplit_once('.').unwrap().1;
            assert_eq!(
                generation.by_key_table(key.as_bytes(), snapshot.revision()),
                Some(leaf.as_bytes()),
                "{key}"
            );
        }
        assert_eq!(generation.keys().count(), keys.len());
        assert_eq!(generation.by_key_table(b"network.section0.option9999", snapshot.revision()), None);
    }
}

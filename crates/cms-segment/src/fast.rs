//! The short way from a key to its value, for keys and values of common lengths.
//!
//! It does what `lookup.rs` does, with one check for each thing that is looked at rather than one for each part of it. Whatever
//! is out of the ordinary (a long path, the second bucket of a search, a newer version, damage) it leaves to that module.

use std::sync::atomic::Ordering;

use crate::{
    Value,
    block::{LARGE, WIDE},
    generation::Generation,
    hash::{FIRST, LAST, SHORT, Words, halves},
    index::{self, Place, SLOTS},
    map::{Window, WordWindow, bytes_that_are},
    name,
    version::{GREATEST_REVISION, VERSIONED},
};

/// Bytes of a block before its tags.
const HEADER: usize = 12;

impl Generation {
    /// The value of a key at a revision, if it is found the short way.
    #[inline(always)]
    pub fn glance(&self, key: &[u8], revision: u64) -> Option<Value<'_>> {
        // The leaf and the dot before it are among the last sixteen bytes.
        let last = key.last_chunk::<SHORT>()?;
        let dots = u32::from(bytes_that_are(last, b'.'));
        if dots == 0 {
            return None;
        }
        let length = SHORT - 1 - dots.ilog2() as usize;
        let [low, high] = halves(last);
        let mask = LAST.get(length)?;
        let leaf = Short { low: low & mask[0], high: high & mask[1], mask, length };
        let path = Words::beginning(key, key.len() - length - 1)?;
        let hash = self.hasher.words(&path);
        let bucket = self.map.word_window(index::first(self, hash))?;
        let leaf_hash = self.hasher.short_leaf(leaf.low, leaf.high, length);

        let offset = self.first_match(bucket, index::tag(Place::Group, hash))?;
        let block = self.map.word_window(offset)?;
        // The way to the value leads through the block: its lines are asked for together.
        for line in 1..=4 {
            self.map.prefetch(offset + 64 * line);
        }
        let shape = block.word(0, Ordering::Relaxed);
        let (length, capacity) = ((shape & 0xffff) as usize, (shape >> 16 & 0xff) as usize);
        if length != path.length {
            return None;
        }
        let text = block.bytes();
        let at = HEADER + fours(capacity);
        let is_it =
            match (key.first_chunk::<16>(), key.get(..length).and_then(|path| path.last_chunk::<16>())) {
                (Some(first), Some(last)) => text.are_equal([at, at + length - 16], [first, last]),
                _ => {
                    let mask = FIRST.get(length)?;
                    let low = text.long(at) & mask[0] ^ path.first[0];
                    let high = text.long(at + 8) & mask[1] ^ path.first[1];
                    low | high == 0
                }
            };
        if !is_it {
            return None;
        }
        let names = at + fours(length);
        let flags = (shape >> 24) as u8;
        if flags == 0 {
            return self.glance_at_slots::<false>(block, capacity, names, &leaf, leaf_hash.tag(), revision);
        }
        if flags == WIDE {
            return self.glance_at_slots::<true>(block, capacity, names, &leaf, leaf_hash.tag(), revision);
        }
        if flags == LARGE {
            return self.glance_at_entry(offset, key, &leaf, leaf_hash.entry(hash), revision);
        }
        None
    }

    /// The value of a leaf in a small group.
    #[inline(always)]
    fn glance_at_slots<const IS_WIDE: bool>(
        &self,
        block: WordWindow<'_>,
        capacity: usize,
        names: usize,
        leaf: &Short<'_>,
        tag: u8,
        revision: u64,
    ) -> Option<Value<'_>> {
        let slots = names + if IS_WIDE { 4 * capacity } else { fours(2 * capacity) };
        let mut sixteen = 0;
        while sixteen < capacity {
            let mut equal = block.bytes_that_are(HEADER + sixteen, tag);
            while equal != 0 {
                let position = sixteen + equal.trailing_zeros() as usize;
                equal &= equal - 1;
                if position >= capacity {
                    break;
                }
                let word = block.word(slots + 4 * position, Ordering::Acquire);
                let name = if IS_WIDE {
                    u64::from(block.word(names + 4 * position, Ordering::Relaxed)) << self.header.shift
                } else {
                    let pair = block.word(names + 2 * position, Ordering::Relaxed);
                    self.header.names + u64::from(pair >> (16 * (position % 2)) & 0xffff) * 8
                };
                let name = self.map.window(name.wrapping_sub(SHORT as u64))?;
                if leaf.is(name) {
                    // A group may have had another entry of the name; only one has a value.
                    return self.glance_at_value(word, revision);
                }
            }
            sixteen += 16;
        }
        None
    }

    /// Where the first slot of a bucket that has the tag leads.
    #[inline(always)]
    fn first_match(&self, bucket: WordWindow<'_>, tag: u32) -> Option<u64> {
        let equal = bucket.words_that_are(tag);
        if equal == 0 {
            return None;
        }
        let position = equal.trailing_zeros() as usize;
        let place = bucket.word(4 * (SLOTS + position), Ordering::Acquire);
        (place != 0).then_some(u64::from(place) << 2)
    }

    #[inline(always)]
    fn glance_at_entry(
        &self,
        group: u64,
        key: &[u8],
        leaf: &Short<'_>,
        hash: u64,
        revision: u64,
    ) -> Option<Value<'_>> {
        let bucket = self.map.word_window(index::first(self, hash))?;
        let offset = self.first_match(bucket, index::tag(Place::Entry, hash))?;
        let entry = self.map.word_window(offset)?;
        self.map.prefetch(offset + 64);
        // The group's block, and no older entry of the key.
        let text = entry.bytes();
        let is_it = u64::from(entry.word(0, Ordering::Relaxed)) << 3 == group
            && usize::from(text.byte(8)) == leaf.length
            && name::equal(text.short(9, leaf.length as u8), key.get(key.len() - leaf.length..)?);
        if !is_it {
            return None;
        }
        self.glance_at_value(entry.word(4, Ordering::Acquire), revision)
    }

    /// The short string that a slot's word stands for.
    #[inline(always)]
    fn glance_at_value(&self, word: u32, revision: u64) -> Option<Value<'_>> {
        let (value, start) = if word & VERSIONED == 0 {
            (self.map.window(u64::from(word) << self.header.shift)?, 0)
        } else {
            let version = self.map.window(u64::from(word & !VERSIONED) << 3)?;
            if version.long(0) & GREATEST_REVISION > revision {
                return None;
            }
            (version, 16)
        };
        let length = value.byte(start);
        (word != 0 && length < 0x80).then(|| Value::String(value.short(start + 1, length)))
    }
}

/// A leaf of less than sixteen bytes, as the last of sixteen, behind zeros.
struct Short<'m> {
    low: u64,
    high: u64,
    mask: &'m [u64; 2],
    length: usize,
}

impl Short<'_> {
    /// Whether a name is that of the leaf; its place is sixteen bytes into the window.
    #[inline(always)]
    fn is(&self, name: Window<'_>) -> bool {
        let low = name.long(0) & self.mask[0] ^ self.low;
        let high = name.long(8) & self.mask[1] ^ self.high;
        u64::from(name.byte(SHORT)) ^ self.length as u64 | low | high == 0
    }
}

/// The next multiple of four.
#[inline(always)]
fn fours(bytes: usize) -> usize {
    (bytes + 3) & !3
}

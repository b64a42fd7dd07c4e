//! The short way from a key to its value, for keys and values of common lengths.
//!
//! It does what `lookup.rs` does, with one check for each thing that is looked at rather than one for each part of it. Whatever
//! is out of the ordinary (a long path, the second bucket of a search, a newer version, damage) it leaves to that module.

use std::sync::atomic::Ordering;

use crate::{
    Value,
    block::{EXTENDED, GREATEST_SMALL, LARGE, WIDE},
    generation::Generation,
    hash::{Leaf, MASKS, SHORT, Words, last_dot},
    index::{self, Place, SLOTS},
    map::{Window, WordWindow},
    version::{GREATEST_REVISION, VERSIONED},
};

/// Bytes of a block before its tags.
const HEADER: usize = 12;

impl Generation {
    /// The value of a key at a revision, if it is found the short way.
    #[inline(always)]
    pub fn glance(&self, key: &[u8], revision: u64) -> Option<Value<'_>> {
        let dot = last_dot(key)?;
        let leaf = Leaf::ending(key, key.get(dot + 1..)?);
        let path = Words::beginning(key, dot)?;
        let mask = MASKS.get(leaf.text.len())?;
        let hash = self.hasher.words(&path);
        let bucket = self.map.word_window(index::first(self, hash))?;
        let leaf_hash = self.hasher.leaf(&leaf);

        let offset = self.first_match(bucket, index::tag(Place::Group, hash))?;
        let block = self.map.word_window(offset)?;
        // The way to the value leads through the block: its lines are asked for together.
        for line in 1..=4 {
            self.map.prefetch(offset + 64 * line);
        }
        let shape = block.word(0, Ordering::Relaxed);
        let (length, capacity) = ((shape & 0xffff) as usize, (shape >> 16 & 0xff) as usize);
        let flags = (shape >> 24) as u8;
        if length != path.length || flags & EXTENDED != 0 || capacity > GREATEST_SMALL {
            return None;
        }
        let text = block.bytes();
        let at = HEADER + capacity.next_multiple_of(4);
        let first = [text.long(at), text.long(at + 8)];
        let differs = if length < SHORT {
            let mask = MASKS.get(length)?;
            (first[0] & mask[0] ^ path.first[0]) | (first[1] & mask[1] ^ path.first[1])
        } else {
            let last = [text.long(at + length - 16), text.long(at + length - 8)];
            (first[0] ^ path.first[0])
                | (first[1] ^ path.first[1])
                | (last[0] ^ path.last[0])
                | (last[1] ^ path.last[1])
        };
        if differs != 0 {
            return None;
        }
        if flags & LARGE != 0 {
            return self.glance_at_entry(offset, leaf, mask, leaf_hash.entry(hash), revision);
        }
        let names = at + length.next_multiple_of(4);
        let wide = flags & WIDE != 0;
        let slots = names + if wide { 4 * capacity } else { (2 * capacity).next_multiple_of(4) };
        let mut sixteen = 0;
        while sixteen < capacity {
            let mut equal = block.bytes_that_are(HEADER + sixteen, leaf_hash.tag());
            while equal != 0 {
                let position = sixteen + equal.trailing_zeros() as usize;
                equal &= equal - 1;
                if position >= capacity {
                    break;
                }
                let name = if wide {
                    u64::from(block.word(names + 4 * position, Ordering::Relaxed)) << self.header.shift
                } else {
                    let pair = block.word(names + 2 * position, Ordering::Relaxed);
                    self.header.names + u64::from(pair >> (16 * (position % 2)) & 0xffff) * 8
                };
                let name = self.map.window(name)?;
                let word = block.word(slots + 4 * position, Ordering::Acquire);
                if is_name(name, &leaf, mask) {
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
        leaf: Leaf<'_>,
        mask: &[u64; 2],
        hash: u64,
        revision: u64,
    ) -> Option<Value<'_>> {
        let bucket = self.map.word_window(index::first(self, hash))?;
        let offset = self.first_match(bucket, index::tag(Place::Entry, hash))?;
        let entry = self.map.word_window(offset)?;
        self.map.prefetch(offset + 64);
        // The group's block, and no older entry of the key.
        if u64::from(entry.word(0, Ordering::Relaxed)) << 3 != group || !is_name_at(entry.bytes(), 8, &leaf, mask) {
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

#[inline(always)]
fn is_name(name: Window<'_>, leaf: &Leaf<'_>, mask: &[u64; 2]) -> bool {
    is_name_at(name, 0, leaf, mask)
}

#[inline(always)]
fn is_name_at(name: Window<'_>, at: usize, leaf: &Leaf<'_>, mask: &[u64; 2]) -> bool {
    let length = u64::from(name.byte(at)) ^ leaf.text.len() as u64;
    let low = name.long(at + 1) & mask[0] ^ leaf.low;
    let high = name.long(at + 9) & mask[1] ^ leaf.high;
    length | low | high == 0
}

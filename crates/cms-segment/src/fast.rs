//! The short way from a key to its value, for keys and values of common lengths.
//!
//! A small segment has a table of whole keys for it (`keys.rs`), and of a large one each thread remembers what it has found
//! (`hot.rs`). Without these, or where they do not lead to the key, it does what `lookup.rs` does, with one check for each thing
//! that is looked at rather than one for each part of it. Whatever is out of the ordinary (a long path, the second bucket of a
//! search, a newer version, damage) it leaves to that module. A search that finds nothing is out of the ordinary, too.

use std::sync::atomic::Ordering;

use crate::{
    Result, Value,
    block::{LARGE, WIDE},
    generation::Generation,
    hash::{LAST, Leaf, SHORT, Words, halves, split},
    hot::{self, Recalled, recall, remember, rests},
    index::{self, Place, SLOTS},
    map::{View, Window, WordWindow, bytes_that_are},
    name,
    value::{DELETED, LONG_STRING, decode},
    version::{GREATEST_REVISION, VERSIONED},
};

/// Slots of a block that one look goes through.
const GUESSED: usize = 32;
/// Bytes of a version before its record.
const VERSION_HEADER: usize = 16;
/// Bytes of a block before its tags.
const HEADER: usize = 12;

impl Generation {
    /// The record of a key at a revision, if it is found the short way: the text of a short string, or else [`LONG_STRING`]
    /// bytes from its start on, which is more than a short string has.
    #[inline(always)]
    pub fn glance(&self, key: &[u8], revision: u64) -> Option<&[u8]> {
        if self.header.key_buckets == 0 {
            return if rests() { self.by_group(key, revision) } else { self.by_memory(key, revision) };
        }
        match self.by_key_table(key, revision) {
            None => self.by_group(key, revision),
            record => record,
        }
    }

    /// The same by what the thread remembers, or else by the group.
    #[inline(never)]
    fn by_memory(&self, key: &[u8], revision: u64) -> Option<&[u8]> {
        let recalled = recall(self, key, revision);
        if let Recalled::At(place) = recalled {
            let window = self.map.view().window(place.offset)?;
            return Some(window.short(usize::from(place.length < LONG_STRING), place.length));
        }
        let record = self.by_group(key, revision)?;
        if let Recalled::Wanted(hash) = recalled {
            let length = (record.len() as u8).min(LONG_STRING);
            // Of a short string the text was handed out, behind its length.
            let behind = u64::from(length < LONG_STRING);
            remember(
                self,
                key,
                hash,
                revision,
                hot::Place { offset: self.map.offset_of(record) - behind, length },
            );
        }
        Some(record)
    }

    /// The same by the group of the key.
    #[inline(always)]
    fn by_group(&self, key: &[u8], revision: u64) -> Option<&[u8]> {
        // The leaf and the dot before it are among the last sixteen bytes.
        let last = key.last_chunk::<SHORT>()?;
        let dots = bytes_that_are(last, b'.');
        if dots == 0 {
            return self.look_again(key, revision);
        }
        let length = SHORT - 1 - dots.ilog2() as usize;
        let leaf = Short { last, dots, length };
        let path_length = key.len().wrapping_sub(length + 1);
        let [first, end] = Words::ends(key, path_length)?;
        let path = Words::masked(first, end, path_length)?;
        let hash = self.hasher.words(&path);
        let view = self.map.view();
        let bucket = view.word_window(index::first(self, hash))?;
        let [low, high] = halves(last);
        let mask = LAST.get(length)?;
        let leaf_hash = self.hasher.short_leaf(low & mask[0], high & mask[1], length);

        let offset = first_match(bucket, index::tag(Place::Group, hash))?;
        let block = view.word_window(offset)?;
        // The way to the value leads through the block: its lines are asked for together.
        for line in 1..=3 {
            self.map.prefetch(offset + 64 * line);
        }
        let shape = block.word(0, Ordering::Relaxed);
        let (length, capacity) = ((shape & 0xffff) as usize, (shape >> 16 & 0xff) as usize);
        let text = block.bytes();
        let at = HEADER + fours(capacity);
        // The first sixteen bytes and the last sixteen in one: of a shorter path both are all of it, and what follows.
        let same = text.same(at, first) & text.same(at + Words::end(path_length), end);
        let agree = (u64::from(!same) | 1 << 63).trailing_zeros() as usize;
        if length != path_length || agree < path_length {
            return None;
        }
        let names = at + fours(length);
        let flags = (shape >> 24) as u8;
        let way = Way { generation: self, view, revision };
        if flags == LARGE {
            return way.through_entry(offset, key, &leaf, leaf_hash.entry(hash));
        }
        // What follows keeps nothing for a second look, which few need.
        let found = match flags {
            0 => way.through_slots::<false>(block, [0, capacity], names, &leaf, leaf_hash.tag()),
            WIDE => way.through_slots::<true>(block, [0, capacity], names, &leaf, leaf_hash.tag()),
            _ => return None,
        };
        if found.is_none() && capacity > GUESSED { self.look_again(key, revision) } else { found }
    }

    /// The same for a leaf of sixteen bytes and more, or one in a slot behind the first, in a small group.
    #[inline(never)]
    fn look_again(&self, key: &[u8], revision: u64) -> Option<&[u8]> {
        let (path, text) = split(key);
        let leaf = Leaf::new(text);
        let hash = self.hasher.path(path);
        let view = self.map.view();
        let offset =
            first_match(view.word_window(index::first(self, hash))?, index::tag(Place::Group, hash))?;
        let block = view.word_window(offset)?;
        let shape = block.word(0, Ordering::Relaxed);
        let (length, capacity) = (shape as u16, (shape >> 16 & 0xff) as usize);
        let at = HEADER + fours(capacity);
        let length = u8::try_from(length).ok()?;
        if text.len() >= usize::from(u8::MAX) || block.bytes().short(at, length) != path {
            return None;
        }
        let names = at + fours(length.into());
        let (way, tag) = (Way { generation: self, view, revision }, self.hasher.leaf(&leaf).tag());
        (0..capacity).step_by(GUESSED).find_map(|start| match (shape >> 24) as u8 {
            0 => way.through_slots::<false>(block, [start, capacity], names, &Long(text), tag),
            WIDE => way.through_slots::<true>(block, [start, capacity], names, &Long(text), tag),
            _ => None,
        })
    }

    /// Where the name of the leaf of a slot lies.
    #[inline(always)]
    fn name_of_slot(&self, block: WordWindow<'_>, names: usize, position: usize, is_wide: bool) -> u64 {
        if is_wide {
            return u64::from(block.word(names + 4 * position, Ordering::Relaxed)) << self.header.shift;
        }
        let pair = block.word(names + 2 * position, Ordering::Relaxed);
        self.header.names + u64::from(pair >> (16 * (position % 2)) & 0xffff) * 8
    }

    /// The value of a record that [`glance`](Generation::glance) handed out.
    #[inline(always)]
    pub fn value_of_record<'m>(&'m self, record: &'m [u8]) -> Result<Option<Value<'m>>> {
        if record.len() < usize::from(LONG_STRING) {
            return Ok(Some(Value::String(record)));
        }
        self.decode(record)
    }

    /// The value of a record that is no short string.
    #[inline(never)]
    fn decode(&self, record: &[u8]) -> Result<Option<Value<'_>>> {
        decode(&*self.map, self.map.offset_of(record))
    }
}

/// The way from a group to a value.
#[derive(Clone, Copy)]
struct Way<'m> {
    generation: &'m Generation,
    view: View<'m>,
    revision: u64,
}

impl<'m> Way<'m> {
    /// The value of a leaf in the slots of a small group from one on: up to [`GUESSED`], for most groups all.
    #[inline(always)]
    fn through_slots<const IS_WIDE: bool>(
        self,
        block: WordWindow<'m>,
        [start, capacity]: [usize; 2],
        names: usize,
        leaf: &impl Name,
        tag: u8,
    ) -> Option<&'m [u8]> {
        // Without a guess whether the second half has any.
        let tags = block.bytes_that_are(HEADER + start, tag);
        let more = block.bytes_that_are(HEADER + start + 16, tag);
        let slots = names + if IS_WIDE { 4 * capacity } else { fours(2 * capacity) };
        let mut equal = tags | more << 16;
        while equal != 0 {
            let position = start + equal.trailing_zeros() as usize;
            // Behind the tags lie other things.
            if position >= capacity {
                break;
            }
            // A group may have had another entry of the name; only one has a value.
            if let Some(word) = self.slot_of::<IS_WIDE>(block, slots, names, position, leaf)?
                && let Some(value) = self.to_value(word)
            {
                return Some(value);
            }
            equal &= equal - 1;
        }
        None
    }

    /// The word of a slot if it is that of the leaf; nothing at all if the way leads astray.
    #[inline(always)]
    fn slot_of<const IS_WIDE: bool>(
        self,
        block: WordWindow<'m>,
        slots: usize,
        names: usize,
        position: usize,
        leaf: &impl Name,
    ) -> Option<Option<u32>> {
        let word = block.word(slots + 4 * position, Ordering::Acquire);
        let name = self.generation.name_of_slot(block, names, position, IS_WIDE);
        Some(leaf.is_at(self.view, name)?.then_some(word))
    }

    /// The value of a leaf in a large group.
    #[inline(always)]
    fn through_entry(self, group: u64, key: &[u8], leaf: &Short<'_>, hash: u64) -> Option<&'m [u8]> {
        let bucket = self.view.word_window(index::first(self.generation, hash))?;
        let offset = first_match(bucket, index::tag(Place::Entry, hash))?;
        let entry = self.view.word_window(offset)?;
        self.generation.map.prefetch(offset + 64);
        // The group's block, and no older entry of the key.
        let text = entry.bytes();
        let is_it = u64::from(entry.word(0, Ordering::Relaxed)) << 3 == group
            && usize::from(text.byte(8)) == leaf.length
            && name::equal(text.short(9, leaf.length as u8), key.get(key.len() - leaf.length..)?);
        if !is_it {
            return None;
        }
        self.to_value(entry.word(4, Ordering::Acquire))
    }

    /// The value that a slot's word stands for.
    #[inline(always)]
    fn to_value(self, word: u32) -> Option<&'m [u8]> {
        to_value(self.generation, self.view, self.revision, word)
    }
}

/// The value that a slot's word stands for at a revision, if it is found the short way.
#[inline(always)]
fn to_value<'m>(generation: &Generation, view: View<'m>, revision: u64, word: u32) -> Option<&'m [u8]> {
    if word & VERSIONED == 0 {
        let value = view.window(u64::from(word) << generation.header.shift)?;
        return of_record(value, 0, word);
    }
    let version = view.window(u64::from(word & !VERSIONED) << 3)?;
    if version.long(0) & GREATEST_REVISION > revision {
        None
    } else {
        of_record(version, VERSION_HEADER, word)
    }
}

/// The same without a branch on whether there is a version: where entries are changed one by one, as in a small segment, some have
/// one and some not, and a wrong guess costs more than all of this.
#[inline(always)]
pub(crate) fn to_mixed_value<'m>(
    generation: &Generation,
    view: View<'m>,
    revision: u64,
    word: u32,
) -> Option<&'m [u8]> {
    let versioned = word >> VERSIONED.ilog2();
    let all = 0_u64.wrapping_sub(versioned.into());
    let shift = (u32::from(generation.header.shift) | all as u32) & 3;
    let value = view.window(u64::from(word & !VERSIONED) << shift)?;
    // What has no version is as old as can be; the compiler is not told, because it would make a branch of it.
    if value.long(0) & GREATEST_REVISION > std::hint::black_box(revision | !all) {
        return None;
    }
    of_record(value, VERSION_HEADER * versioned as usize, word)
}

/// The value of a record that begins in a window, if its word leads to one.
#[inline(always)]
fn of_record(value: Window<'_>, start: usize, word: u32) -> Option<&[u8]> {
    let length = value.byte(start);
    if word == 0 {
        None
    } else if length < LONG_STRING {
        Some(value.short(start + 1, length))
    } else if length == DELETED {
        // The entry may have been added again elsewhere.
        None
    } else {
        Some(value.short(start, LONG_STRING))
    }
}

/// Where the first slot of a bucket that has the tag leads.
#[inline(always)]
fn first_match(bucket: WordWindow<'_>, tag: u32) -> Option<u64> {
    let equal = bucket.words_that_are(tag);
    if equal == 0 {
        return None;
    }
    let position = equal.trailing_zeros() as usize;
    let place = bucket.word(4 * (SLOTS + position), Ordering::Acquire);
    (place != 0).then_some(u64::from(place) << 2)
}

/// A leaf of less than sixteen bytes: so many of a key's last sixteen.
struct Short<'m> {
    last: &'m [u8; SHORT],
    /// Which of them are dots; the leaf follows the last of these.
    dots: u16,
    length: usize,
}

/// The name of a leaf, as it is looked for.
trait Name {
    /// Whether it is the one at a place; nothing if that leads astray.
    fn is_at(&self, view: View<'_>, place: u64) -> Option<bool>;
}

impl Name for Short<'_> {
    #[inline(always)]
    fn is_at(&self, view: View<'_>, place: u64) -> Option<bool> {
        let name = view.window(place.wrapping_sub(SHORT as u64))?;
        // The last byte that differs lies behind the last dot if and only if its bit is more than all bits of the dots.
        let differ = !name.same(0, self.last) & !self.dots;
        Some(differ <= self.dots && usize::from(name.byte(SHORT)) == self.length)
    }
}

/// A leaf of less than 255 bytes, which stand for a length that follows.
struct Long<'k>(&'k [u8]);

impl Name for Long<'_> {
    #[inline(always)]
    fn is_at(&self, view: View<'_>, place: u64) -> Option<bool> {
        let length = view.window(place)?.byte(0);
        let start = view.window(place.wrapping_sub(length.into()))?;
        Some(length != u8::MAX && start.short(0, length) == self.0)
    }
}

/// The next multiple of four.
#[inline(always)]
fn fours(bytes: usize) -> usize {
    (bytes + 3) & !3
}

#[cfg(test)]
mod tests {
    use crate::{Root, RootOptions, Value};

    /// Groups of every size up to the largest block, so that leaves lie in each of their slots, beside leaves that end or begin
    /// alike, and paths of lengths about sixteen.
    #[test]
    fn every_slot_of_every_group_is_found_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(folder.path(), &RootOptions::default()).unwrap();
        let path = |size: usize| format!("net.{}{size}", "s".repeat(size % 24));
        let leaf =
            |size: usize, number: usize| format!("{}{number}", "option"[size % 6..].repeat(1 + number % 2));
        let entries: Vec<_> = (1..=64)
            .flat_map(|size| {
                (0..size).map(move |number| (path(size), leaf(size, number), format!("{size}/{number}")))
            })
            .collect();
        let load = entries.iter().map(|(path, leaf, value)| (path, leaf, Value::String(value.as_bytes())));
        root.writer().unwrap().rebuild("", load, 1).unwrap();
        let snapshot = root.snapshot().unwrap();
        let keys: std::collections::BTreeSet<_> =
            entries.iter().map(|(path, leaf, _)| format!("{path}.{leaf}")).collect();
        for (path, leaf, value) in &entries {
            let key = format!("{path}.{leaf}");
            assert_eq!(snapshot.get(key.as_bytes()).unwrap(), Some(Value::String(value.as_bytes())), "{key}");
            let others = [
                format!("{path}.x{leaf}"),
                format!("{path}.{leaf}x"),
                format!("x{key}"),
                format!("{path}x{leaf}"),
            ];
            for other in others.iter().filter(|other| !keys.contains(*other)) {
                assert_eq!(snapshot.get(other.as_bytes()).unwrap(), None, "{other}");
            }
        }
    }
}

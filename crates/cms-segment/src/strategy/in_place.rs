//! A store in one file whose room is used again.
//!
//! ```text
//! file     header (one page), then pieces, each at a multiple of 16
//! header   longs, see `field`; longs 0-7 never change, and the 7th is the checksum of those before it
//! index    long capacity, long buckets; `capacity` slots; `buckets` longs {tag: 32 bits, slot number + 1: 32 bits}
//! slot     {piece / 16: 32 bits, sequence: 20 bits, 0: 12 bits}; 0: no entry. The order of slots is the order of entries
//! entry    long sequence; u32 length, u16 length of key, u16 check; key, value record (`value.rs`)
//! journal  long count, `count` pairs of longs {offset, value}, long check
//! ```
//!
//! **Writing.** A batch writes new pieces, which nothing leads to. Then it writes what it will store into words, slots above
//! all, as a journal, and points the header at it: from here on the batch is decided. It stores the words, and takes the
//! journal off. Whoever becomes the writer after one that was killed finds the journal and stores the words again. What
//! was replaced gets a new sequence number and is free. A batch of one word needs no journal.
//!
//! **Reading.** A reader finds the slot, copies the piece it leads to, and looks again: if the slot and the piece's sequence
//! number are what they were, no writer has given the piece to somebody else meanwhile, and the copy is whole. Else it
//! begins again, a bounded number of times. Numbers follow one another from a random one of 64 bits: whatever else is written
//! where an entry was, a count or an offset, is not taken for its number. Pieces of arrays and tables have no number of their own: they are given up
//! only with the entry that leads to them, so the entry's is looked at after them.
//!
//! Several keys are read as they are between two batches by looking at the header's epoch before and after. A batch that
//! was decided and not finished, because its writer was killed, counts: the reader takes its words from the journal.

mod draft;
mod words;

use std::{
    collections::HashMap,
    fs::File,
    ops::ControlFlow,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering, fence},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};
use rustix::{io::Errno, thread::futex};

use self::{draft::Writing, words::Copies};
use super::{
    Allocator, Extent, Strategy, Usage, allocator,
    allocator::fragmentation,
    keeper::{Draft, Each, Keeper, Order, WithAll},
};
use crate::{Error, Result, Source, Value, error::damaged, map::Map, random, value};

const MAGIC: u64 = u64::from_le_bytes(*b"CMS-INPL");
const VERSION: u64 = 1;
/// Where pieces begin.
const START: u64 = 4096;
/// Addresses taken, and so the largest limit.
const ROOM: u64 = 1 << 36;
/// How often a reader begins again before it says that the store is busy.
const ATTEMPTS: usize = 1_000;
/// Longest key.
const LONGEST_KEY: usize = u16::MAX as usize;
/// Bytes of an entry before its key.
const ENTRY: usize = 16;

/// The longs of the header by their offsets.
mod field {
    pub const MAGIC: u64 = 0;
    pub const VERSION: u64 = 8;
    pub const SEED: u64 = 16;
    pub const SEALED: u64 = 56;
    /// {index / 16: 40 bits, number of the index: 24 bits}
    pub const INDEX: u64 = 64;
    /// Slots in use, holes among them.
    pub const USED: u64 = 72;
    pub const LIVE: u64 = 80;
    /// Even between batches, odd while the words of one are stored.
    pub const EPOCH: u64 = 88;
    /// Where the journal of a decided batch lies.
    pub const JOURNAL: u64 = 96;
    /// The next sequence number. Every writer that walks begins at another random one.
    pub const SEQUENCE: u64 = 104;
    pub const LIMIT: u64 = 112;
    /// How far the file is pieces.
    pub const END: u64 = 120;
    /// Who wrote last.
    pub const WRITER: u64 = 128;
    /// How often a writer looked anew at what is free. What it found free may never have been given a new number.
    pub const WALKS: u64 = 136;
    /// A u32 that changes with every batch, and on which readers wait.
    pub const WAKE: u64 = 144;
}

/// The entries of a store in one file.
pub(crate) struct InPlace {
    map: Arc<Map>,
    secrets: RapidSecrets,
    strategy: Strategy,
    /// What a writer knows; none in a store attached for reading.
    desk: Option<Mutex<Desk>>,
}

/// What a writer knows of the store beside what is in it.
struct Desk {
    /// The lock is on an open file of its own, because that of the map is closed last.
    file: File,
    /// A number that no other writer has.
    writer: u64,
    /// None until the pieces in use were walked over.
    allocator: Option<Box<dyn Allocator>>,
}

impl InPlace {
    /// Makes a store.
    pub fn create(path: &Path, strategy: Strategy, limit: u64) -> Result<()> {
        let limit = limit.clamp(START + 4096, ROOM);
        let fault = |what| move |source| Error::io(what, path, source);
        let file =
            File::options().read(true).write(true).create_new(true).open(path).map_err(fault("create"))?;
        let length = (START + 16 * 1024).min(limit);
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length)
            .map_err(|source| Error::io("allocate room for", path, source.into()))?;
        let seed = random::bytes()?;
        let mut header = vec![0; START as usize];
        let mut put = |at: u64, value: u64| {
            header[at as usize..at as usize + 8].copy_from_slice(&value.to_le_bytes());
        };
        put(field::MAGIC, MAGIC);
        put(field::VERSION, VERSION | (strategy as u64) << 32);
        put(field::SEED, u64::from_le_bytes(seed));
        put(field::SEQUENCE, u64::from_le_bytes(random::bytes()?));
        put(field::LIMIT, limit);
        put(field::END, length);
        let sealed = u64::from(crc32fast::hash(&header[..field::SEALED as usize]));
        header[field::SEALED as usize..field::SEALED as usize + 8].copy_from_slice(&sealed.to_le_bytes());
        // The first index: no slots, no buckets.
        file.write_all_at(&header, 0).map_err(fault("write"))
    }

    /// Opens a store for reading, and for writing if asked for.
    pub fn open(path: &Path, writable: bool) -> Result<Self> {
        let fault = |what| move |source| Error::io(what, path, source);
        let file = File::options().read(true).write(writable).open(path).map_err(fault("open"))?;
        let mut header = [0; START as usize];
        if !Map::glance(&file, path, &mut header)? {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let at =
            |at: u64| (0..8).rev().fold(0, |value, byte| value << 8 | u64::from(header[at as usize + byte]));
        if at(field::MAGIC) != MAGIC {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let version = at(field::VERSION);
        if version as u32 as u64 > VERSION {
            return Err(Error::NewerFormat {
                path: path.to_owned(),
                found: version as u32,
                known: VERSION as u32,
            });
        }
        if at(field::SEALED) != u64::from(crc32fast::hash(&header[..field::SEALED as usize])) {
            return Err(damaged("the header of the store is damaged"));
        }
        let strategy =
            Strategy::of_byte((version >> 32) as u8).filter(|strategy| *strategy != Strategy::Append);
        let strategy = strategy.ok_or_else(|| damaged("the store is of no known strategy"))?;
        let desk = if writable {
            let number = random::bytes()?;
            let file = File::options().read(true).write(true).open(path).map_err(fault("open"))?;
            Some(Mutex::new(Desk { file, writer: u64::from_le_bytes(number) | 1, allocator: None }))
        } else {
            None
        };
        let map = Arc::new(Map::new(file, path, ROOM, writable)?);
        Ok(InPlace { map, secrets: RapidSecrets::seed(at(field::SEED)), strategy, desk })
    }

    fn long(&self, at: u64) -> Result<&AtomicU64> {
        self.map.long(at).ok_or_else(|| damaged("the header of the store is cut short"))
    }

    fn load(&self, at: u64) -> Result<u64> {
        Ok(self.long(at)?.load(Ordering::Acquire))
    }

    /// How far the file is pieces, and surely file.
    fn end(&self) -> Result<u64> {
        let end = self.load(field::END)?;
        // Asking for the last word makes the map look how long the file is by now.
        let inside = end >= START && self.map.long(end - 8).is_some();
        if inside { Ok(end) } else { Err(damaged("the store is shorter than it says")) }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        rapidhash_v3_seeded(key, &self.secrets)
    }

    /// The index that a word of the header leads to; none before there is one.
    fn index(&self, word: u64) -> Result<Option<Index<'_>>> {
        if word == 0 {
            return Ok(None);
        }
        let outside = || damaged("the index lies outside");
        let offset = (word >> 24) * 16;
        let [capacity, buckets] = self.map.longs(offset, 2).ok_or_else(outside)? else {
            return Err(outside());
        };
        let (capacity, buckets) = (capacity.load(Ordering::Relaxed), buckets.load(Ordering::Relaxed));
        if capacity > u64::from(u32::MAX) || !buckets.is_power_of_two() || buckets > 1 << 33 {
            return Err(damaged("the index has an impossible size"));
        }
        let slots = offset + 16;
        Ok(Some(Index {
            slots_at: slots,
            slots: self.map.longs(slots, capacity as usize).ok_or_else(outside)?,
            buckets: self.map.longs(slots + capacity * 8, buckets as usize).ok_or_else(outside)?,
        }))
    }

    /// Whether what was read since `word` led to the index can be relied on.
    fn stands(&self, word: u64) -> Result<bool> {
        fence(Ordering::Acquire);
        Ok(self.load(field::INDEX)? == word)
    }

    /// Finds a key: its slot's number and the slot. Says nothing of whether that was overtaken.
    fn find(&self, index: &Index<'_>, key: &[u8], overlay: Option<&Overlay>) -> Result<Option<(usize, u64)>> {
        let hash = self.hash(key);
        let mask = index.buckets.len() - 1;
        let mut place = hash as usize & mask;
        for _ in 0..index.buckets.len() {
            let bucket = index.buckets[place].load(Ordering::Acquire);
            if bucket == 0 {
                return Ok(None);
            }
            if bucket >> 32 == hash >> 32 {
                let number = (bucket as u32).wrapping_sub(1) as usize;
                for attempt in 0..ATTEMPTS {
                    pause(attempt);
                    let slot = index.slot(number, overlay).unwrap_or(0);
                    if slot == 0 {
                        break;
                    }
                    if self.is_key(slot, key) {
                        return Ok(Some((number, slot)));
                    }
                    // Another key, unless the piece was given to somebody else while it was looked at.
                    fence(Ordering::Acquire);
                    if index.slot(number, overlay) == Some(slot) {
                        break;
                    }
                }
            }
            place = (place + 1) & mask;
        }
        Ok(None)
    }

    fn is_key(&self, slot: u64, key: &[u8]) -> bool {
        let offset = piece(slot);
        let Some(shape) = words::word(&self.map, offset + 8) else { return false };
        let shape = shape.load(Ordering::Relaxed);
        (shape >> 32) as u16 as usize == key.len() && words::equal(&self.map, offset + ENTRY as u64, key)
    }

    /// Copies the entry that a slot leads to, with the sequence number that it must keep; none if it was overtaken.
    /// `walks` is the header's number from before the slot was loaded.
    fn entry(&self, slot: u64, walks: u64) -> Option<Entry> {
        let offset = piece(slot);
        let sequence = words::word(&self.map, offset)?.load(Ordering::Acquire);
        if sequence & SEQUENCE != (slot >> 12) & SEQUENCE {
            return None;
        }
        let shape = words::word(&self.map, offset + 8)?.load(Ordering::Relaxed);
        let (len, key) = (shape as u32 as usize, (shape >> 32) as u16 as usize);
        if key > len || len as u64 > self.map.length() {
            return None;
        }
        let bytes = words::copy(&self.map, offset + ENTRY as u64, len)?;
        Some(Entry { offset, sequence, walks, key, check: (shape >> 48) as u16, bytes })
    }

    /// Whether an entry was not overtaken until now.
    fn holds(&self, entry: &Entry) -> bool {
        fence(Ordering::Acquire);
        let is =
            |at, value| words::word(&self.map, at).is_some_and(|word| word.load(Ordering::Acquire) == value);
        is(field::WALKS, entry.walks) && is(entry.offset, entry.sequence)
    }

    /// Hands over the value of an entry, and answers whether it was not overtaken meanwhile.
    fn hand(&self, entry: &Entry, with: &mut dyn FnMut(Value<'_>) -> Result<()>) -> Result<bool> {
        let record = &entry.bytes[entry.key..];
        if value::has_pieces(record) {
            let copies = Copies::new(&self.map);
            let at = entry.offset + (ENTRY + entry.key) as u64;
            let value = value::decode(&copies, at);
            // The record was read a second time: what is handed over must be that of the entry, and not what somebody
            // else has put there since. Parts are read while the closure wants them.
            if !self.holds(entry) {
                return Ok(false);
            }
            let answer = value.and_then(|value| with(value.ok_or_else(|| damaged("an entry has no value"))?));
            return if self.holds(entry) { answer.map(|()| true) } else { Ok(false) };
        }
        if !self.holds(entry) {
            return Ok(false);
        }
        let slice = Slice(record);
        let value = value::decode(&slice, 0)?;
        with(value.ok_or_else(|| damaged("an entry has no value"))?).map(|()| true)
    }

    /// Reads as between two batches: the closure gets what the words of the current one shall be, and answers nothing if it
    /// was overtaken.
    fn settled<T>(&self, mut with: impl FnMut(u64, Option<&Overlay>) -> Result<Option<T>>) -> Result<T> {
        let mut last = None;
        let mut still = 0;
        for attempt in 0..ATTEMPTS {
            pause(attempt);
            let epoch = self.load(field::EPOCH)?;
            let journal = self.load(field::JOURNAL)?;
            let overlay = if journal == 0 { None } else { self.journal(journal) };
            let answer = if (journal != 0) != overlay.is_some() {
                Ok(None)
            } else {
                let mut word = self.load(field::INDEX)?;
                if let Some(overlay) = &overlay {
                    word = overlay.get(&field::INDEX).copied().unwrap_or(word);
                }
                with(word, overlay.as_ref())
            };
            fence(Ordering::Acquire);
            let same = self.load(field::EPOCH)? == epoch && self.load(field::JOURNAL)? == journal;
            match answer {
                Ok(Some(answer)) if same => return Ok(answer),
                Err(error) if same => return Err(error),
                // Nobody overtook it: what is there does not hold together.
                Ok(None) if same && last == Some((epoch, journal)) => {
                    still += 1;
                    if still > 20 {
                        return Err(damaged("the entries do not hold together"));
                    }
                }
                _ => still = 0,
            }
            last = Some((epoch, journal));
        }
        Err(Error::Busy)
    }

    /// What the journal at an offset says; none if it does not hold together.
    fn journal(&self, offset: u64) -> Option<Overlay> {
        let count = words::word(&self.map, offset)?.load(Ordering::Acquire);
        let longs = usize::try_from(count).ok()?.checked_mul(2)?.checked_add(1)?;
        if longs as u64 > self.map.length() / 8 {
            return None;
        }
        let bytes = words::copy(&self.map, offset, longs * 8)?;
        let check = words::word(&self.map, offset + longs as u64 * 8)?.load(Ordering::Relaxed);
        if check != u64::from(crc32fast::hash(&bytes)) {
            return None;
        }
        let longs: Vec<u64> = bytes.as_chunks().0.iter().map(|long| u64::from_le_bytes(*long)).collect();
        Some(longs[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }

    /// Every slot with an entry, in order.
    fn slots(&self, word: u64, overlay: Option<&Overlay>) -> Result<Vec<u64>> {
        let Some(index) = self.index(word)? else { return Ok(Vec::new()) };
        let used = match overlay.and_then(|overlay| overlay.get(&field::USED)) {
            Some(used) => *used,
            None => self.load(field::USED)?,
        };
        let used = usize::try_from(used).unwrap_or(usize::MAX).min(index.slots.len());
        Ok((0..used).filter_map(|number| index.slot(number, overlay)).filter(|slot| *slot != 0).collect())
    }

    /// Every entry in order, as between two batches.
    fn all(&self) -> Result<Vec<Entry>> {
        self.settled(|word, overlay| {
            let walks = self.load(field::WALKS)?;
            let slots = self.slots(word, overlay)?;
            // The words were loaded one after another: what was replaced meanwhile has another number.
            let entries: Option<Vec<Entry>> = slots.iter().map(|slot| self.entry(*slot, walks)).collect();
            Ok(entries)
        })
    }

    /// Hands entries over one after another.
    fn hand_all(&self, entries: &[Entry], with: Each<'_>) -> Result<()> {
        for entry in entries {
            let (key, record) = entry.bytes.split_at(entry.key);
            let flow = if value::has_pieces(record) {
                // Its parts were not copied: they are read as they are now.
                let mut flow = ControlFlow::Continue(());
                self.read(key, &mut |value| {
                    if let Some(value) = value {
                        flow = with(key, value)?;
                    }
                    Ok(())
                })?;
                flow
            } else {
                let slice = Slice(record);
                let value = value::decode(&slice, 0)?;
                with(key, value.ok_or_else(|| damaged("an entry has no value"))?)?
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Every piece in use, by what the index leads to. For the writer.
    fn extents(&self) -> Result<Vec<Extent>> {
        let mut extents = Vec::new();
        let word = self.load(field::INDEX)?;
        if let Some(index) = self.index(word)? {
            extents.push(Extent { offset: (word >> 24) * 16, size: index.size() });
        }
        for slot in self.slots(word, None)? {
            let entry = self
                .entry(slot, self.load(field::WALKS)?)
                .ok_or_else(|| damaged("a slot leads to no entry"))?;
            extents.push(Extent { offset: entry.offset, size: (ENTRY + entry.bytes.len()) as u64 });
            self.hand(&entry, &mut |value| {
                let mut visit = |offset, size| extents.push(Extent { offset, size: size as u64 });
                match value {
                    Value::Array(array) => array.places(&mut visit),
                    Value::Table(table) => table.open("")?.places(table.source(), &mut visit),
                    _ => Ok(()),
                }
            })?;
        }
        Ok(extents)
    }

    /// Holds the lock and, if another writer wrote meanwhile, repairs and looks anew at what is free.
    fn locked<T>(&self, with: impl FnOnce(&InPlace, &mut Desk) -> Result<T>) -> Result<T> {
        let mut desk = self.desk.as_ref().ok_or(Error::ReadOnly)?.lock();
        desk.file.lock().map_err(|source| Error::io("lock", self.map.path(), source))?;
        let answer = self.prepare(&mut desk).and_then(|()| with(self, &mut desk));
        desk.file.unlock().map_err(|source| Error::io("unlock", self.map.path(), source))?;
        answer
    }

    fn prepare(&self, desk: &mut Desk) -> Result<()> {
        let journal = self.load(field::JOURNAL)?;
        if journal != 0 {
            let overlay = self.journal(journal).ok_or_else(|| damaged("a journal does not hold together"))?;
            self.apply(&overlay.into_iter().collect::<Vec<_>>())?;
            desk.allocator = None;
        }
        if desk.allocator.is_none() || self.load(field::WRITER)? != desk.writer {
            desk.allocator = None;
            // Readers that hold on to what a killed writer replaced begin again, before any of it is given out.
            self.long(field::WALKS)?.fetch_add(1, Ordering::AcqRel);
            fence(Ordering::Release);
            self.long(field::SEQUENCE)?.store(u64::from_le_bytes(random::bytes()?), Ordering::Relaxed);
            let end = self.end()?;
            desk.allocator = Some(allocator(self.strategy, START, end, self.extents()?)?);
            self.long(field::WRITER)?.store(desk.writer, Ordering::Release);
        }
        Ok(())
    }

    /// Stores the words of a decided batch, which is then over.
    fn apply(&self, patches: &[(u64, u64)]) -> Result<()> {
        let epoch = self.long(field::EPOCH)?;
        // After a writer that was killed the number is odd already.
        epoch.fetch_or(1, Ordering::AcqRel);
        for (at, value) in patches {
            crate::trial::step("in place: a word of a batch");
            self.long(*at)?.store(*value, Ordering::Release);
        }
        self.long(field::JOURNAL)?.store(0, Ordering::Release);
        crate::trial::step("in place: journal taken off");
        epoch.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

impl Keeper for InPlace {
    fn read(&self, key: &[u8], with: &mut dyn FnMut(Option<Value<'_>>) -> Result<()>) -> Result<()> {
        for attempt in 0..ATTEMPTS {
            pause(attempt);
            let epoch = self.load(field::EPOCH)?;
            let walks = self.load(field::WALKS)?;
            let word = self.load(field::INDEX)?;
            let found = match self.index(word) {
                Ok(Some(index)) => self
                    .find(&index, key, None)
                    .map(|found| found.and_then(|(number, slot)| Some((index.slots.get(number)?, slot)))),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            match found {
                // What was read of an index that is none any more means nothing, not even a fault.
                _ if !self.stands(word)? => {}
                Err(error) => return Err(error),
                Ok(None) if epoch % 2 == 0 && self.load(field::EPOCH)? == epoch => return with(None),
                // A batch may move a key to the end, where it is found a moment after it is gone.
                Ok(None) => return self.read_all(&[key], &mut |values| with(values[0])),
                Ok(Some((place, slot))) => {
                    let Some(entry) = self.entry(slot, walks) else {
                        if place.load(Ordering::Acquire) == slot && attempt > 20 {
                            return Err(damaged("a slot leads to no entry"));
                        }
                        continue;
                    };
                    if entry.key != key.len() || entry.bytes[..entry.key] != *key {
                        continue;
                    }
                    if self.hand(&entry, &mut |value| with(Some(value)))? {
                        return Ok(());
                    }
                }
            }
        }
        Err(Error::Busy)
    }

    fn read_all(&self, keys: &[&[u8]], with: WithAll<'_>) -> Result<()> {
        for attempt in 0..ATTEMPTS {
            pause(attempt);
            let entries = self.settled(|word, overlay| {
                let walks = self.load(field::WALKS)?;
                let index = self.index(word)?;
                let mut entries = Vec::with_capacity(keys.len());
                for key in keys {
                    let found = match &index {
                        Some(index) => self.find(index, key, overlay)?,
                        None => None,
                    };
                    entries.push(match found {
                        None => None,
                        Some((_, slot)) => match self.entry(slot, walks) {
                            None => return Ok(None),
                            entry => entry,
                        },
                    });
                }
                Ok(entries.iter().flatten().all(|entry| self.holds(entry)).then_some(entries))
            })?;
            // What has no parts is copied and whole by now. Parts are read while the closure wants them.
            let copies = Copies::new(&self.map);
            let slices: Vec<Slice<'_>> = entries
                .iter()
                .map(|entry| Slice(entry.as_ref().map_or(&[], |entry| &entry.bytes[entry.key..])))
                .collect();
            let mut values = Vec::with_capacity(keys.len());
            for (entry, slice) in entries.iter().zip(&slices) {
                values.push(match entry {
                    None => None,
                    Some(entry) if value::has_pieces(slice.0) => {
                        value::decode(&copies, entry.offset + (ENTRY + entry.key) as u64).unwrap_or(None)
                    }
                    Some(_) => value::decode(slice, 0)?,
                });
            }
            let parts = |entry: &&Entry| value::has_pieces(&entry.bytes[entry.key..]);
            let whole = || entries.iter().flatten().filter(parts).all(|entry| self.holds(entry));
            if !whole() {
                continue;
            }
            let answer = with(&values);
            if whole() {
                return answer;
            }
        }
        Err(Error::Busy)
    }

    fn scan(&self, with: Each<'_>) -> Result<()> {
        let entries = self.all()?;
        self.hand_all(&entries, with)
    }

    fn between(&self, start: &[u8], end: Option<&[u8]>, with: Each<'_>) -> Result<()> {
        let mut entries = self.all()?;
        entries.retain(|entry| {
            let key = &entry.bytes[..entry.key];
            key >= start && end.is_none_or(|end| key < end)
        });
        entries.sort_by(|one, other| one.bytes[..one.key].cmp(&other.bytes[..other.key]));
        self.hand_all(&entries, with)
    }

    fn len(&self) -> Result<u64> {
        self.load(field::LIVE)
    }

    fn write(&self, with: &mut dyn FnMut(&mut dyn Draft) -> Result<()>) -> Result<()> {
        self.locked(|store, desk| {
            let mut writing = Writing::new(store, desk)?;
            match with(&mut writing).and_then(|()| writing.publish()) {
                Ok(()) => Ok(()),
                Err(error) => {
                    writing.abandon();
                    Err(error)
                }
            }
        })
    }

    fn sort(&self, order: Order<'_>) -> Result<()> {
        self.locked(|store, desk| {
            let mut writing = Writing::new(store, desk)?;
            match writing.sort(order) {
                Ok(()) => Ok(()),
                Err(error) => {
                    writing.abandon();
                    Err(error)
                }
            }
        })
    }

    fn defragment(&self) -> Result<()> {
        self.locked(draft::defragment)
    }

    fn resize(&self, limit: u64) -> Result<()> {
        self.locked(|store, desk| draft::resize(store, desk, limit))
    }

    fn usage(&self) -> Result<Usage> {
        let extents = self.settled(|_, _| self.extents().map(Some))?;
        let end = self.end()?;
        let allocator = allocator(self.strategy, START, end, extents.clone())?;
        let gaps = allocator.gaps();
        Ok(Usage {
            entries: self.load(field::LIVE)?,
            limit: self.load(field::LIMIT)?,
            files: self.map.length(),
            live: START + extents.iter().map(|extent| extent.size).sum::<u64>(),
            free: gaps.iter().map(|gap| gap.size).sum(),
            largest: gaps.iter().map(|gap| gap.size).max().unwrap_or(0),
            garbage: 0,
            fragmentation: fragmentation(&gaps),
        })
    }

    fn check(&self) -> Result<Vec<String>> {
        self.settled(|word, overlay| {
            let mut findings = Vec::new();
            let slots = self.slots(word, overlay)?;
            if overlay.is_none() && slots.len() as u64 != self.load(field::LIVE)? {
                findings.push(format!(
                    "{} entries are found, and {} counted",
                    slots.len(),
                    self.load(field::LIVE)?
                ));
            }
            let index = self.index(word)?;
            for slot in slots {
                let Some(entry) = self.entry(slot, self.load(field::WALKS)?) else {
                    findings.push(format!("the slot {slot:x} leads to no entry"));
                    continue;
                };
                let key = String::from_utf8_lossy(&entry.bytes[..entry.key]).into_owned();
                if entry.check != check(&entry.bytes) {
                    findings.push(format!("the entry '{key}' does not match its checksum"));
                }
                let found = match &index {
                    Some(index) => self.find(index, &entry.bytes[..entry.key], overlay)?,
                    None => None,
                };
                if found.is_none_or(|(_, found)| found != slot) {
                    findings.push(format!("the entry '{key}' is not found by its key"));
                }
                if let Err(error) = self.hand(&entry, &mut walk) {
                    findings.push(format!("the value of '{key}': {error}"));
                }
            }
            if overlay.is_none() {
                let end = self.end()?;
                if let Err(error) = self.extents().and_then(|used| allocator(self.strategy, START, end, used))
                {
                    findings.push(error.to_string());
                }
            }
            Ok(Some(findings))
        })
    }

    fn version(&self) -> u32 {
        self.map.word(field::WAKE).map_or(0, |word| word.load(Ordering::Acquire))
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Option<u32>> {
        let word =
            self.map.word(field::WAKE).ok_or_else(|| damaged("the header of the store is cut short"))?;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let now = word.load(Ordering::Acquire);
            if now != seen {
                return Ok(Some(now));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            let left = left.map(|left| futex::Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            // Without PRIVATE: those who wake us are other processes.
            match futex::wait(word, futex::Flags::empty(), seen, left.as_ref()) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
                Err(error) => return Err(Error::io("wait on", self.map.path(), error.into())),
            }
        }
    }
}

/// Reads all parts of a value.
fn walk(value: Value<'_>) -> Result<()> {
    match value {
        Value::Array(array) => array.iter().try_for_each(|element| element.map(drop)),
        Value::Table(table) => table.open("")?.rows(table.source()).try_for_each(|row| row.map(drop)),
        _ => Ok(()),
    }
}

/// What the words of a decided batch shall be.
type Overlay = HashMap<u64, u64>;

/// The lowest bits of a sequence number, which a slot repeats.
const SEQUENCE: u64 = (1 << 20) - 1;

/// The index, as long as nobody else is given its piece.
struct Index<'a> {
    slots_at: u64,
    slots: &'a [AtomicU64],
    buckets: &'a [AtomicU64],
}

impl Index<'_> {
    fn slot(&self, number: usize, overlay: Option<&Overlay>) -> Option<u64> {
        let slot = self.slots.get(number)?;
        let at = self.slots_at + number as u64 * 8;
        Some(match overlay.and_then(|overlay| overlay.get(&at)) {
            Some(word) => *word,
            None => slot.load(Ordering::Acquire),
        })
    }

    fn size(&self) -> u64 {
        16 + (self.slots.len() + self.buckets.len()) as u64 * 8
    }
}

/// An entry, copied.
struct Entry {
    offset: u64,
    sequence: u64,
    walks: u64,
    /// Length of the key.
    key: usize,
    check: u16,
    /// Key and record.
    bytes: Vec<u8>,
}

fn piece(slot: u64) -> u64 {
    (slot >> 32) * 16
}

fn check(bytes: &[u8]) -> u16 {
    crc32fast::hash(bytes) as u16
}

/// Lets a writer pass that was met in the middle.
fn pause(attempt: usize) {
    match attempt {
        0 => {}
        1..16 => std::hint::spin_loop(),
        16..200 => std::thread::yield_now(),
        _ => std::thread::sleep(std::time::Duration::from_micros(50)),
    }
}

/// Bytes that are a source of their own.
struct Slice<'a>(&'a [u8]);

impl Source for Slice<'_> {
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(len)?)
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

#[cfg(test)]
mod tests;

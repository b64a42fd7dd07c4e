//! Writing into a store whose room is used again.

use std::{
    collections::HashMap,
    sync::atomic::{Ordering, fence},
};

use rustix::thread::futex;

use super::{
    Desk, ENTRY, Entry, Extent, InPlace, LONGEST_KEY, ROOM, SEQUENCE, START, check, field, piece,
    words::{self, Shelf},
};
use crate::{
    Array, Error, Result, Scalar, Source, Space, Value,
    error::damaged,
    map::Map,
    strategy::{
        Allocator, GRANULE, allocator, gathering,
        keeper::{Amend, Draft, Order, release},
    },
    value,
};

/// A batch that is being written.
pub(super) struct Writing<'a> {
    store: &'a InPlace,
    pieces: Pieces<'a>,
    changes: HashMap<Vec<u8>, Change>,
    /// How many keys were put behind the last entry.
    added: u64,
    /// Entries that the batch replaces or takes away: to be given new numbers, then free.
    replaced: Vec<Extent>,
}

/// What becomes of a key.
#[derive(Clone, Copy)]
struct Change {
    /// The slot before the batch: its number.
    old: Option<usize>,
    /// Whether the slot becomes empty, because the key was taken away and, if it is there again, stands at the end.
    moved: bool,
    /// The slot's value, and where among the added it stands if it is not in its old slot.
    new: Option<(u64, u64)>,
}

impl<'a> Writing<'a> {
    pub fn new(store: &'a InPlace, desk: &'a mut Desk) -> Result<Self> {
        let pieces = Pieces::new(store, desk)?;
        Ok(Writing { store, pieces, changes: HashMap::new(), added: 0, replaced: Vec::new() })
    }

    /// The slot of a key, and its number if it was there before the batch.
    fn slot(&self, key: &[u8]) -> Result<Option<(Option<usize>, u64)>> {
        if let Some(change) = self.changes.get(key) {
            return Ok(change.new.map(|(slot, _)| (change.old.filter(|_| !change.moved), slot)));
        }
        let word = self.store.load(field::INDEX)?;
        match self.store.index(word)? {
            Some(index) => Ok(self.store.find(&index, key, None)?.map(|(number, slot)| (Some(number), slot))),
            None => Ok(None),
        }
    }

    /// The piece that a slot leads to is no longer wanted.
    fn drop_entry(&mut self, slot: u64) -> Result<()> {
        let entry = self
            .store
            .entry(slot, self.store.load(field::WALKS)?)
            .ok_or_else(|| damaged("a slot leads to no entry"))?;
        let size = (ENTRY + entry.bytes.len()) as u64;
        if !self.pieces.forget(entry.offset) {
            self.replaced.push(Extent { offset: entry.offset, size });
        }
        Ok(())
    }

    /// Writes an entry, and answers its slot.
    fn write_entry(&mut self, key: &[u8], record: &[u8]) -> Result<u64> {
        let sequence = self.store.long(field::SEQUENCE)?.fetch_add(1, Ordering::Relaxed);
        let mut bytes = Vec::with_capacity(ENTRY + key.len() + record.len());
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&((key.len() + record.len()) as u32).to_le_bytes());
        bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(record);
        let check = check(&bytes[ENTRY..]);
        bytes[14..16].copy_from_slice(&check.to_le_bytes());
        let offset = self.pieces.append(&bytes)?;
        Ok(slot(offset, sequence))
    }

    /// Makes the batch visible.
    pub fn publish(&mut self) -> Result<()> {
        let word = self.store.load(field::INDEX)?;
        let index = self.store.index(word)?;
        let used = self.store.load(field::USED)?;
        let capacity = index.as_ref().map_or(0, |index| index.slots.len() as u64);
        if used > capacity {
            return Err(damaged("more slots are used than there are"));
        }
        if used + self.added > capacity {
            return self.publish_index(None);
        }
        let Some(index) = index else { return Ok(()) };
        let mut patches = Vec::with_capacity(self.changes.len() + 2);
        let mut live = self.store.load(field::LIVE)?;
        let at = |number: usize| index.slots_at + number as u64 * 8;
        for (key, change) in &self.changes {
            match (change.old, change.new) {
                (Some(number), Some((slot, _))) if !change.moved => patches.push((at(number), slot)),
                (old, new) => {
                    if let Some(number) = old {
                        patches.push((at(number), 0));
                        live = live.saturating_sub(1);
                    }
                    if let Some((slot, order)) = new {
                        // The bucket leads to a slot without an entry until the batch is decided, and for ever if it is not:
                        // another key that is given the slot is told from this one by its bytes.
                        let number = used + order;
                        let hash = self.store.hash(key);
                        let mask = index.buckets.len() - 1;
                        let free = (0..index.buckets.len())
                            .map(|step| &index.buckets[(hash as usize + step) & mask])
                            .find(|bucket| bucket.load(Ordering::Relaxed) == 0);
                        let Some(bucket) = free else { return self.publish_index(None) };
                        bucket.store(hash >> 32 << 32 | (number + 1), Ordering::Release);
                        patches.push((at(number as usize), slot));
                        live += 1;
                    }
                }
            }
        }
        if self.added > 0 {
            patches.push((field::USED, used + self.added));
        }
        if live != self.store.load(field::LIVE)? {
            patches.push((field::LIVE, live));
        }
        self.decide(patches)
    }

    /// Makes the batch visible with a new index, in an order given or in that of the slots.
    fn publish_index(&mut self, order: Option<Vec<u64>>) -> Result<()> {
        let old = self.store.load(field::INDEX)?;
        let slots = match order {
            Some(slots) => slots,
            None => self.slots()?,
        };
        let capacity = (slots.len() as u64 * 3 / 2).max(8).next_multiple_of(8);
        let buckets = (capacity * 3 / 2).next_power_of_two();
        let mut bytes = vec![0; (16 + (capacity + buckets) * 8) as usize];
        bytes[..8].copy_from_slice(&capacity.to_le_bytes());
        bytes[8..16].copy_from_slice(&buckets.to_le_bytes());
        let (head, table) = bytes[16..].split_at_mut(capacity as usize * 8);
        let (table, _) = table.as_chunks_mut::<8>();
        for (number, slot) in slots.iter().enumerate() {
            head[number * 8..number * 8 + 8].copy_from_slice(&slot.to_le_bytes());
            let entry = self
                .store
                .entry(*slot, self.store.load(field::WALKS)?)
                .ok_or_else(|| damaged("a slot leads to no entry"))?;
            let hash = self.store.hash(&entry.bytes[..entry.key]);
            let mut place = hash as usize & (buckets as usize - 1);
            while table[place] != [0; 8] {
                place = (place + 1) & (buckets as usize - 1);
            }
            table[place] = (hash >> 32 << 32 | (number as u64 + 1)).to_le_bytes();
        }
        let offset = self.pieces.append(&bytes)?;
        if let Some(index) = self.store.index(old)? {
            self.replaced.push(Extent { offset: (old >> 24) * 16, size: index.size() });
        }
        let number = (old + 1) & 0xff_ffff;
        self.decide(vec![
            (field::INDEX, ((offset / 16) << 24) | number),
            (field::USED, slots.len() as u64),
            (field::LIVE, slots.len() as u64),
        ])
    }

    /// The slots as the batch leaves them.
    fn slots(&self) -> Result<Vec<u64>> {
        let mut changed: HashMap<usize, Option<u64>> = HashMap::new();
        let mut added = Vec::new();
        for change in self.changes.values() {
            match (change.old, change.new) {
                (Some(number), Some((slot, _))) if !change.moved => drop(changed.insert(number, Some(slot))),
                (old, new) => {
                    old.map(|number| changed.insert(number, None));
                    added.extend(new.map(|(slot, order)| (order, slot)));
                }
            }
        }
        added.sort_unstable();
        let mut slots = Vec::new();
        if let Some(index) = self.store.index(self.store.load(field::INDEX)?)? {
            let used =
                usize::try_from(self.store.load(field::USED)?).unwrap_or(usize::MAX).min(index.slots.len());
            for number in 0..used {
                let slot = changed.get(&number).copied().unwrap_or_else(|| index.slot(number, None));
                slots.extend(slot.filter(|slot| *slot != 0));
            }
        }
        slots.extend(added.into_iter().map(|(_, slot)| slot));
        Ok(slots)
    }

    pub fn sort(&mut self, order: Order<'_>) -> Result<()> {
        let copies = words::Copies::new(&self.store.map);
        let mut entries = Vec::new();
        for slot in self.slots()? {
            entries.push((
                slot,
                self.store
                    .entry(slot, self.store.load(field::WALKS)?)
                    .ok_or_else(|| damaged("a slot leads to no entry"))?,
            ));
        }
        let mut values: Vec<(u64, &[u8], Value<'_>)> = Vec::with_capacity(entries.len());
        for (slot, entry) in &entries {
            let at = entry.offset + (ENTRY + entry.key) as u64;
            let value = value::decode(&copies, at)?.ok_or_else(|| damaged("an entry has no value"))?;
            values.push((*slot, &entry.bytes[..entry.key], value));
        }
        values.sort_by(|one, other| order((one.1, one.2), (other.1, other.2)));
        let slots = values.into_iter().map(|(slot, ..)| slot).collect();
        self.publish_index(Some(slots))
    }

    /// Decides the batch, stores its words, and gives back what it replaced.
    fn decide(&mut self, patches: Vec<(u64, u64)>) -> Result<()> {
        if patches.is_empty() {
            return Ok(());
        }
        crate::trial::step("in place: before the decision");
        let mut journal = None;
        if let [(at, value)] = patches[..] {
            // One word is stored at once or not at all.
            let epoch = self.store.long(field::EPOCH)?;
            self.store.long(at)?.store(value, Ordering::Release);
            epoch.fetch_add(2, Ordering::AcqRel);
        } else {
            let mut bytes = Vec::with_capacity(patches.len() * 16 + 16);
            bytes.extend_from_slice(&(patches.len() as u64).to_le_bytes());
            for (at, value) in &patches {
                bytes.extend_from_slice(&at.to_le_bytes());
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            bytes.extend_from_slice(&u64::from(crc32fast::hash(&bytes)).to_le_bytes());
            let offset = self.pieces.append(&bytes)?;
            self.store.long(field::JOURNAL)?.store(offset, Ordering::Release);
            crate::trial::step("in place: decided");
            self.store.apply(&patches)?;
            journal = Some(offset);
        }
        crate::trial::step("in place: visible");
        if let Some(word) = self.store.map.word(field::WAKE) {
            word.fetch_add(1, Ordering::Release);
            let _ = futex::wake(word, futex::Flags::empty(), u32::MAX >> 1);
        }
        // From here on nothing may fail: the batch is visible.
        self.pieces.settle(journal, std::mem::take(&mut self.replaced), self.store);
        Ok(())
    }

    /// Gives back what was written for nothing.
    pub fn abandon(&mut self) {
        self.pieces.abandon();
    }
}

impl Writing<'_> {
    /// Gives a key the value of a record, and leaves the parts of the old one alone.
    fn put_record(&mut self, key: &[u8], record: &[u8]) -> Result<()> {
        if key.len() > LONGEST_KEY {
            return Err(Error::TooLong { what: "a key", length: key.len(), greatest: LONGEST_KEY });
        }
        if record.len() > value::GREATEST_VALUE {
            return Err(Error::TooLong {
                what: "a value",
                length: record.len(),
                greatest: value::GREATEST_VALUE,
            });
        }
        let before = self.slot(key)?;
        let new = self.write_entry(key, record)?;
        if let Some((_, slot)) = before {
            self.drop_entry(slot)?;
        }
        let mut change = match (self.changes.get(key), before) {
            (Some(change), _) => *change,
            (None, before) => Change { old: before.and_then(|(number, _)| number), moved: false, new: None },
        };
        let order = match (change.new, change.old) {
            (Some((_, order)), _) => order,
            (None, Some(_)) if !change.moved => 0,
            (None, _) => {
                self.added += 1;
                self.added - 1
            }
        };
        change.new = Some((new, order));
        self.changes.insert(key.to_vec(), change);
        Ok(())
    }

    /// Gives a key that has a value the closure's attention: the value, and where parts lie.
    fn with_value<T>(
        &mut self,
        key: &[u8],
        with: impl FnOnce(Option<Value<'_>>, &mut Pieces<'_>) -> Result<T>,
    ) -> Result<T> {
        let Some((_, slot)) = self.slot(key)? else { return with(None, &mut self.pieces) };
        let store = self.store;
        let entry = store.entry(slot, store.load(field::WALKS)?);
        let entry = entry.ok_or_else(|| damaged("a slot leads to no entry"))?;
        let copies = words::Copies::new(&store.map);
        let value = value::decode(&copies, entry.offset + (ENTRY + entry.key) as u64)?;
        with(value, &mut self.pieces)
    }
}

impl Draft for Writing<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Value<'_>>> {
        let Some((_, slot)) = self.slot(key)? else { return Ok(None) };
        let entry = self.store.entry(slot, self.store.load(field::WALKS)?);
        let entry = entry.ok_or_else(|| damaged("a slot leads to no entry"))?;
        value::decode(&self.pieces, entry.offset + (ENTRY + entry.key) as u64)
    }

    fn set(&mut self, key: &[u8], value: Scalar<'_>) -> Result<()> {
        self.with_value(key, |value, pieces| release(value, pieces))?;
        let mut record = Vec::new();
        value::encode(value.into(), &mut record);
        self.put_record(key, &record)
    }

    fn amend(&mut self, key: &[u8], _weight: u64, with: Amend<'_>) -> Result<()> {
        let mut record = Vec::new();
        match self.with_value(key, |value, pieces| with(value, pieces, &mut record))? {
            true => self.put_record(key, &record),
            false => Ok(()),
        }
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let Some((number, slot)) = self.slot(key)? else { return Ok(false) };
        self.with_value(key, |value, pieces| release(value, pieces))?;
        self.drop_entry(slot)?;
        let old = self.changes.get(key).map_or(number, |change| change.old);
        self.changes.insert(key.to_vec(), Change { old, moved: true, new: None });
        Ok(true)
    }
}

/// The pieces of the store, for a writer.
pub(super) struct Pieces<'a> {
    store: &'a InPlace,
    allocator: &'a mut Box<dyn Allocator>,
    shelf: Shelf,
    /// What this batch was given.
    fresh: HashMap<u64, u64>,
    /// What this batch no longer wants, and what is visible may still lead to.
    released: Vec<Extent>,
}

impl<'a> Pieces<'a> {
    fn new(store: &'a InPlace, desk: &'a mut Desk) -> Result<Self> {
        let allocator = desk.allocator.as_mut().ok_or(Error::Poisoned)?;
        Ok(Pieces { store, allocator, shelf: Shelf::default(), fresh: HashMap::new(), released: Vec::new() })
    }

    /// Gives a piece of this batch back at once, and answers whether it was one.
    fn forget(&mut self, offset: u64) -> bool {
        match self.fresh.remove(&offset) {
            Some(size) => {
                self.allocator.free(offset, size);
                true
            }
            None => false,
        }
    }

    fn allocate(&mut self, size: u64) -> Result<u64> {
        if let Some(offset) = self.allocator.allocate(size) {
            return Ok(offset);
        }
        let limit = self.store.load(field::LIMIT)?.min(ROOM);
        let end = self.store.load(field::END)?;
        let footprint = self.allocator.footprint(size).max(GRANULE);
        let full = Error::Full { limit, wanted: end.saturating_add(footprint) };
        let step = (end / 8).clamp(16 * 1024, 4 << 20).max(footprint + 4096);
        for step in [step, footprint + 4096, footprint] {
            let grown = end.saturating_add(step).next_multiple_of(4096);
            let grown = if grown > limit { limit - limit % GRANULE } else { grown };
            if grown <= end {
                return Err(full);
            }
            let map: &Map = &self.store.map;
            // The room is the file system's promise before a byte of it is touched.
            let from = end.min(map.file().metadata().map_or(0, |status| status.len()));
            match rustix::fs::fallocate(map.file(), rustix::fs::FallocateFlags::empty(), from, grown - from) {
                Ok(()) => {}
                Err(_) if step > footprint => continue,
                Err(error) => return Err(Error::io("allocate room for", map.path(), error.into())),
            }
            self.store.long(field::END)?.store(grown, Ordering::Release);
            self.allocator.extend(grown);
            return self.allocator.allocate(size).ok_or(full);
        }
        Err(full)
    }

    /// After a batch became visible: what it replaced gets new numbers, all of it before any is given out again.
    fn settle(&mut self, journal: Option<u64>, replaced: Vec<Extent>, store: &InPlace) {
        for extent in &replaced {
            if let (Ok(next), Some(word)) =
                (store.long(field::SEQUENCE), words::word(&store.map, extent.offset))
            {
                word.store(next.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        fence(Ordering::Release);
        if let Some(offset) = journal {
            self.forget(offset);
        }
        for extent in replaced.into_iter().chain(std::mem::take(&mut self.released)) {
            self.allocator.free(extent.offset, extent.size);
        }
        self.fresh.clear();
    }

    fn abandon(&mut self) {
        for (offset, size) in self.fresh.drain() {
            self.allocator.free(offset, size);
        }
        self.released.clear();
    }
}

impl Source for Pieces<'_> {
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        Some(self.shelf.put(words::copy(&self.store.map, offset, len)?.into_boxed_slice()))
    }

    fn size(&self) -> u64 {
        self.store.map.length()
    }
}

impl Space for Pieces<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        self.shelf.clear();
        let offset = self.allocate(bytes.len() as u64)?;
        self.fresh.insert(offset, bytes.len() as u64);
        crate::trial::step("in place: before a piece");
        if !words::store(&self.store.map, offset, bytes) {
            return Err(damaged("a free piece lies outside"));
        }
        Ok(offset)
    }

    fn release(&mut self, offset: u64, len: usize) {
        if !self.forget(offset) {
            self.released.push(Extent { offset, size: len as u64 });
        }
    }
}

fn slot(offset: u64, sequence: u64) -> u64 {
    ((offset / 16) << 32) | ((sequence & SEQUENCE) << 12)
}

/// Writes every piece again that lies behind a free one that it fits into, the last ones first.
pub(super) fn defragment(store: &InPlace, desk: &mut Desk) -> Result<()> {
    desk.allocator = None;
    desk.allocator = Some(gathering(store.strategy, START, store.end()?, store.extents()?)?);
    let moved = move_forward(store, desk);
    desk.allocator = None;
    desk.allocator = Some(allocator(store.strategy, START, store.end()?, store.extents()?)?);
    moved
}

fn move_forward(store: &InPlace, desk: &mut Desk) -> Result<()> {
    for _ in 0..3 {
        let mut moved = 0;
        let mut slots = store.slots(store.load(field::INDEX)?, None)?;
        slots.sort_unstable_by_key(|slot| std::cmp::Reverse(piece(*slot)));
        for slot in slots {
            let entry = store.entry(slot, store.load(field::WALKS)?);
            moved +=
                u64::from(relocate(store, desk, &entry.ok_or_else(|| damaged("a slot leads to no entry"))?)?);
        }
        move_index_forward(store, desk)?;
        if moved == 0 {
            break;
        }
    }
    Ok(())
}

fn move_index_forward(store: &InPlace, desk: &mut Desk) -> Result<()> {
    let word = store.load(field::INDEX)?;
    let Some(index) = store.index(word)? else { return Ok(()) };
    let mut writing = Writing::new(store, desk)?;
    let moved = match writing.pieces.append(&vec![0; index.size() as usize]) {
        Ok(offset) if offset < (word >> 24) * 16 => {
            writing.pieces.forget(offset);
            writing.slots().and_then(|slots| writing.publish_index(Some(slots)))
        }
        Ok(_) => {
            writing.abandon();
            Ok(())
        }
        Err(error) => Err(error),
    };
    moved.or_else(|error| {
        writing.abandon();
        // The index that is there does as well.
        if error.is_full() { Ok(()) } else { Err(error) }
    })
}

/// Writes an entry and its parts again if that brings them forward, and answers whether it did.
fn relocate(store: &InPlace, desk: &mut Desk, entry: &Entry) -> Result<bool> {
    let (key, record) = entry.bytes.split_at(entry.key);
    let mut writing = Writing::new(store, desk)?;
    let mut again = || -> Result<bool> {
        let mut before = entry.offset;
        let mut copied = Vec::new();
        if value::has_pieces(record) {
            copy_parts(&mut writing, entry, &mut copied)?;
            store.hand(entry, &mut |value| {
                let mut visit = |offset: u64, _: usize| before = before.max(offset);
                match value {
                    Value::Array(array) => array.places(&mut visit),
                    Value::Table(table) => table.open("")?.places(table.source(), &mut visit),
                    _ => Ok(()),
                }
            })?;
            let last = writing.pieces.fresh.keys().max().copied();
            if last.is_some_and(|last| last >= before) {
                return Ok(false);
            }
        }
        writing.put_record(key, if copied.is_empty() { record } else { &copied })?;
        if writing.pieces.fresh.keys().max().is_none_or(|last| *last >= before) {
            return Ok(false);
        }
        writing.publish()?;
        Ok(true)
    };
    match again() {
        Ok(true) => Ok(true),
        Ok(false) => {
            writing.abandon();
            Ok(false)
        }
        Err(error) => {
            writing.abandon();
            if error.is_full() { Ok(false) } else { Err(error) }
        }
    }
}

/// Writes the pieces of an array or a table again, releases the old ones, and puts its record into `copied`.
fn copy_parts(writing: &mut Writing<'_>, entry: &Entry, copied: &mut Vec<u8>) -> Result<()> {
    let source = words::Copies::new(&writing.store.map);
    let at = entry.offset + (ENTRY + entry.key) as u64;
    match value::decode(&source, at)? {
        Some(Value::Array(array)) => {
            let copy = Array::copy(&mut writing.pieces, array)?;
            Array::load(&source, &array.encode())?.release(&mut writing.pieces)?;
            value::encode_array(&copy.encode(), copied);
        }
        Some(Value::Table(table)) => {
            let table = table.open("")?;
            let copy = table.copy(&mut writing.pieces, &source)?;
            table.release(&mut writing.pieces)?;
            value::encode_table(&copy.encode(), copied);
        }
        _ => {}
    }
    Ok(())
}

/// Changes the limit. To make the store smaller, what lies behind the new limit must be free.
pub(super) fn resize(store: &InPlace, desk: &mut Desk, limit: u64) -> Result<()> {
    let limit = limit.clamp(START + 4096, ROOM);
    if limit < store.load(field::END)? {
        let last = |store: &InPlace| -> Result<u64> {
            Ok(store.extents()?.iter().map(|extent| extent.offset + extent.size).max().unwrap_or(START))
        };
        if last(store)? > limit {
            defragment(store, desk)?;
        }
        let wanted = last(store)?;
        if wanted > limit {
            return Err(Error::Full { limit, wanted });
        }
        let end = limit - limit % 4096;
        let end = if end >= wanted { end } else { limit - limit % GRANULE };
        if end < wanted {
            return Err(Error::Full { limit, wanted });
        }
        desk.allocator = Some(allocator(store.strategy, START, end, store.extents()?)?);
        store.long(field::END)?.store(end, Ordering::Release);
    }
    store.long(field::LIMIT)?.store(limit, Ordering::Release);
    Ok(())
}

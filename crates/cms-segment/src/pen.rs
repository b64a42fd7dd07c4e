//! The pen: a writer's hold on one generation.
//!
//! Every word that readers follow is changed by [`Pen::switch`] (or its sibling for long words), which first writes the word's
//! place and old content into the *journal*. What a killed writer left is undone from there, and a batch that is
//! dropped undoes itself in the same way.
//!
//! The journal is a list of chunks, the first in the header of the file, each of the others twice as large as the one before:
//! `next chunk (8 bytes), records (8 bytes), then records of 16 bytes: place (bit 63: a long word), old content`. It is
//! used again by every batch.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    Result,
    error::damaged,
    generation::{Generation, JOURNAL_FIRST, at},
    map::{Appender, Map},
    trial::step,
};

const LONG: u64 = 1 << 63;
const GREATEST_CHUNK: u64 = 1 << 16;

pub(crate) struct Pen {
    pub generation: Arc<Generation>,
    pub appender: Appender,
    /// The revision of the batch; 0 between batches.
    pub revision: u64,
    /// Records in the journal.
    count: u64,
    chunk: Chunk,
    /// The tail as the header tells it.
    told_tail: u64,
    /// Entries added less entries deleted by the batch.
    pub entries: i64,
}

/// The chunk of the journal that the next record goes to.
#[derive(Clone, Copy)]
struct Chunk {
    /// Where the word that leads to the next chunk lies.
    next: u64,
    /// Where its records lie.
    records: u64,
    capacity: u64,
    used: u64,
}

impl Chunk {
    const FIRST: Chunk =
        Chunk { next: at::JOURNAL_MORE, records: at::JOURNAL, capacity: JOURNAL_FIRST, used: 0 };

    /// The chunk at a place, which lies behind the one that leads to it.
    fn read(map: &Map, place: u64, behind: u64) -> Result<Chunk> {
        let capacity = long(map, place.checked_add(8).ok_or_else(outside)?)?;
        if place <= behind || capacity == 0 || capacity > GREATEST_CHUNK {
            return Err(damaged("the journal leads astray"));
        }
        Ok(Chunk { next: place, records: place + 16, capacity, used: 0 })
    }
}

fn outside() -> crate::Error {
    damaged("the journal lies outside")
}

fn long(map: &Map, place: u64) -> Result<u64> {
    Ok(map.long(place).ok_or_else(outside)?.load(Ordering::Acquire))
}

fn set_long(map: &Map, place: u64, word: u64) -> Result<()> {
    map.long(place).ok_or_else(outside)?.store(word, Ordering::Release);
    Ok(())
}

/// Undoes what a batch that was not published left in a generation. Answers whether there was one.
pub(crate) fn repair(map: &Map, head: u64) -> Result<bool> {
    let count = long(map, at::JOURNAL_COUNT)?;
    if count == 0 {
        return Ok(false);
    }
    let undone = long(map, at::JOURNAL_REVISION)? > head;
    if undone {
        undo(map, count)?;
    }
    set_long(map, at::JOURNAL_COUNT, 0)?;
    Ok(undone)
}

/// Puts back the old contents, the latest change first, so that the oldest content of a word remains.
fn undo(map: &Map, count: u64) -> Result<()> {
    let mut chunks = vec![Chunk::FIRST];
    let mut reach = JOURNAL_FIRST;
    while reach < count {
        let last = chunks.last().copied().unwrap_or(Chunk::FIRST);
        let behind = if chunks.len() == 1 { 0 } else { last.next };
        let chunk = Chunk::read(map, long(map, last.next)?, behind)?;
        reach += chunk.capacity;
        chunks.push(chunk);
    }
    let mut before = reach;
    for chunk in chunks.into_iter().rev() {
        before -= chunk.capacity;
        for number in (0..chunk.capacity.min(count.saturating_sub(before))).rev() {
            let record = chunk.records + 16 * number;
            let (place, old) = (long(map, record)?, long(map, record + 8)?);
            if place & LONG != 0 {
                set_long(map, place & !LONG, old)?;
            } else {
                map.word(place).ok_or_else(outside)?.store(old as u32, Ordering::Release);
            }
            step("a word is put back");
        }
    }
    Ok(())
}

impl Pen {
    /// Takes hold of a generation that has been repaired.
    pub fn new(generation: Arc<Generation>, limit: u64) -> Result<Pen> {
        let tail = generation.long(at::TAIL);
        if tail < generation.header.end {
            return Err(damaged("the tail lies before the end of the base"));
        }
        let limit = limit.min(generation.header.room);
        let appender = Appender::new(generation.map.clone(), tail, limit)?;
        Ok(Self::with(generation, appender))
    }

    /// Takes hold of a generation that was just written.
    pub fn with(generation: Arc<Generation>, appender: Appender) -> Pen {
        let told_tail = appender.tail();
        Pen { generation, appender, revision: 0, count: 0, chunk: Chunk::FIRST, told_tail, entries: 0 }
    }

    /// Begins a batch.
    pub fn begin(&mut self, revision: u64) -> Result<()> {
        self.revision = revision;
        self.count = 0;
        self.chunk = Chunk::FIRST;
        self.entries = 0;
        set_long(&self.generation.map, at::JOURNAL_REVISION, revision)
    }

    /// Whether a batch is under way.
    pub fn is_begun(&self) -> bool {
        self.revision != 0
    }

    /// Forgets the journal: the batch is published.
    pub fn end(&mut self) -> Result<()> {
        set_long(&self.generation.map, at::JOURNAL_COUNT, 0)?;
        if self.entries != 0 {
            let entries = self.generation.long(at::ENTRIES).saturating_add_signed(self.entries);
            set_long(&self.generation.map, at::ENTRIES, entries)?;
        }
        self.revision = 0;
        Ok(())
    }

    /// Takes the batch back.
    pub fn cancel(&mut self) -> Result<()> {
        if self.revision == 0 {
            return Ok(());
        }
        self.revision = 0;
        self.tell_tail()?;
        undo(&self.generation.map, self.count)?;
        set_long(&self.generation.map, at::JOURNAL_COUNT, 0)
    }

    /// The content of a word.
    pub fn word(&self, place: u64) -> Result<u32> {
        let word = self.generation.map.word(place).ok_or_else(|| damaged("a word lies outside"))?;
        Ok(word.load(Ordering::Relaxed))
    }

    /// Changes a word that readers follow.
    pub fn switch(&mut self, place: u64, new: u32) -> Result<()> {
        let old = self.word(place)?;
        if old == new {
            return Ok(());
        }
        self.record(place, u64::from(old))?;
        self.tell_tail()?;
        step("before a word is switched");
        if let Some(word) = self.generation.map.word(place) {
            // Whoever loads this sees the bytes that it leads to.
            word.store(new, Ordering::Release);
        }
        step("a word is switched");
        Ok(())
    }

    /// Changes a long word that readers follow.
    pub fn switch_long(&mut self, place: u64, new: u64) -> Result<()> {
        let old = long(&self.generation.map, place)?;
        self.record(place | LONG, old)?;
        self.tell_tail()?;
        step("before a slot of the index is switched");
        set_long(&self.generation.map, place, new)?;
        step("a slot of the index is switched");
        Ok(())
    }

    /// Writes a record into the journal.
    fn record(&mut self, place: u64, old: u64) -> Result<()> {
        if self.revision == 0 {
            return Err(damaged("a change outside a batch"));
        }
        if self.chunk.used == self.chunk.capacity {
            self.next_chunk()?;
        }
        let record = self.chunk.records + 16 * self.chunk.used;
        let Some([at, content]) = self.generation.map.longs(record, 2) else { return Err(outside()) };
        at.store(place, Ordering::Relaxed);
        content.store(old, Ordering::Relaxed);
        self.chunk.used += 1;
        self.count += 1;
        step("a record is written");
        // Counted before the word changes, and not before the record is there.
        set_long(&self.generation.map, at::JOURNAL_COUNT, self.count)
    }

    #[cold]
    fn next_chunk(&mut self) -> Result<()> {
        let next = long(&self.generation.map, self.chunk.next)?;
        if next != 0 {
            let behind = if self.chunk.next == at::JOURNAL_MORE { 0 } else { self.chunk.next };
            self.chunk = Chunk::read(&self.generation.map, next, behind)?;
            return Ok(());
        }
        let capacity = (self.chunk.capacity * 2).min(GREATEST_CHUNK);
        let place = self.appender.append_zeros(8, 16 + 16 * capacity)?;
        set_long(&self.generation.map, place + 8, capacity)?;
        self.tell_tail()?;
        set_long(&self.generation.map, self.chunk.next, place)?;
        self.chunk = Chunk { next: place, records: place + 16, capacity, used: 0 };
        Ok(())
    }

    /// Tells the tail: space below it is never written again, even if the batch is taken back.
    fn tell_tail(&mut self) -> Result<()> {
        let tail = self.appender.tail();
        if tail != self.told_tail {
            self.told_tail = tail;
            set_long(&self.generation.map, at::TAIL, tail)?;
        }
        Ok(())
    }
}

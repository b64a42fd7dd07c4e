//! Batches: changes that become visible at once.

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    Error, Result, Value, Writer, copy,
    error::damaged,
    hash::{Leaf, split},
    load::check_name,
    pen::Pen,
    root::at,
    strategy::Amend,
    trial::step,
    value::{self, GREATEST_VALUE},
    writer::Replacement,
};

/// Changes that become visible at once with [`publish`](Batch::publish). Dropped before, they never happened.
pub struct Batch<'w, 'r> {
    writer: &'w mut Writer<'r>,
    revision: u64,
    record: Vec<u8>,
    is_poisoned: bool,
    is_published: bool,
}

/// What a change may take beside its value, in a group of any size.
const MARGIN: u64 = 4 << 10;

impl<'w, 'r> Batch<'w, 'r> {
    pub(crate) fn new(writer: &'w mut Writer<'r>, revision: u64) -> Self {
        Batch { writer, revision, record: Vec::new(), is_poisoned: false, is_published: false }
    }

    /// The revision that the batch will be.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Sets a key to a value. A new entry goes behind the others of its group.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::NoSpace`] if there is no room, which leaves the batch as it was; [`Error::TooLong`].
    pub fn set(&mut self, key: &[u8], value: Value<'_>) -> Result<()> {
        let (path, leaf) = split(key);
        self.set_in(path, leaf, value)
    }

    /// Sets the entry of a leaf whose path is known apart.
    pub fn set_in(&mut self, path: &[u8], leaf: &[u8], value: Value<'_>) -> Result<()> {
        check_name("a path", path)?;
        check_leaf(leaf)?;
        let position = self.writer.route(path)?;
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        let done = self.set_record(position, path, leaf, value, None, &mut record);
        self.record = record;
        done
    }

    fn set_record(
        &mut self,
        position: usize,
        path: &[u8],
        leaf: &[u8],
        value: Value<'_>,
        to: Option<u64>,
        record: &mut Vec<u8>,
    ) -> Result<()> {
        let weight = match value {
            Value::String(bytes) | Value::Bytes(bytes) if bytes.len() > GREATEST_VALUE => {
                return Err(Error::TooLong {
                    what: "a value",
                    length: bytes.len(),
                    greatest: GREATEST_VALUE,
                });
            }
            Value::String(bytes) | Value::Bytes(bytes) => bytes.len() as u64,
            // Their pieces are written where they belong; what they take is known only then.
            Value::Array(array) => 64 * array.len(),
            _ => 16,
        };
        let bytes = weight + path.len() as u64 + leaf.len() as u64;
        self.check_headroom(position, path, leaf, bytes)?;
        self.change(position, bytes, |pen| {
            match value {
                Value::Array(_) | Value::Table(_) => copy::encode(value, &mut pen.appender, record)?,
                plain => value::encode(plain, record),
            }
            match to {
                None => pen.set(path, leaf, record),
                Some(to) => pen.insert(path, leaf, record, to),
            }
        })
    }

    /// Sets a key to a value that a closure makes out of the old one, its pieces in the space of the segment.
    pub(crate) fn amend(&mut self, key: &[u8], weight: u64, with: Amend<'_>) -> Result<()> {
        let (path, leaf) = split(key);
        check_name("a path", path)?;
        check_leaf(leaf)?;
        let position = self.writer.route(path)?;
        let revision = self.revision;
        let mut failed = None;
        self.change(position, weight + key.len() as u64, |pen| {
            let generation = pen.generation.clone();
            let old = generation.get(path, &Leaf::new(leaf), revision)?;
            let mut record = Vec::new();
            match with(old, &mut pen.appender, &mut record) {
                Ok(true) => pen.set(path, leaf, &record),
                Ok(false) => Ok(()),
                // Nothing but room was taken.
                Err(error) => {
                    failed = Some(error);
                    Ok(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Deletes a key, and answers whether there was one.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let (path, leaf) = split(key);
        self.delete_in(path, leaf)
    }

    /// Deletes the entry of a leaf whose path is known apart.
    pub fn delete_in(&mut self, path: &[u8], leaf: &[u8]) -> Result<bool> {
        let position = self.writer.route(path)?;
        self.change(position, 0, |pen| pen.delete(path, leaf))
    }

    /// Deletes every entry of a group, but not those of groups below it, and answers how many there were.
    pub fn delete_group(&mut self, path: &[u8]) -> Result<u64> {
        let position = self.writer.route(path)?;
        let entries = self.pen(position)?.entries_of(path)?.len() as u64;
        self.change(position, 32 * entries, |pen| pen.delete_group(path))
    }

    /// Gives the entries of a group another path, in the same order.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there are none, [`Error::Invalid`] if the other path has entries.
    pub fn rename_group(&mut self, old: &[u8], new: &[u8]) -> Result<()> {
        check_name("a path", new)?;
        let (from, to) = (self.writer.route(old)?, self.writer.route(new)?);
        let entries = self.pen(from)?.entries_of(old)?;
        if entries.is_empty() {
            return Err(Error::NotFound { what: "group" });
        }
        if old == new {
            return Ok(());
        }
        if !self.pen(to)?.entries_of(new)?.is_empty() {
            return Err(Error::Invalid { what: "there is a group of this path" });
        }
        let generation = self.pen(from)?.generation.clone();
        for (leaf, record) in entries {
            if from == to && Arc::ptr_eq(&generation, &self.pen(from)?.generation) {
                let bytes = self.pen(from)?.record_bytes(record)?;
                self.change(to, bytes.len() as u64, |pen| pen.set(new, &leaf, &bytes))?;
            } else {
                // Into another file: what the value consists of has to follow.
                let value = value::decode(&*generation.map, record)?;
                let value = value.ok_or_else(|| damaged("a value that was there is deleted"))?;
                self.set_in(new, &leaf, value)?;
            }
        }
        self.delete_group(old).map(drop)
    }

    /// Moves an entry to a position in its group, counted without it; beyond the end is the end.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such entry.
    pub fn move_to(&mut self, path: &[u8], leaf: &[u8], position: u64) -> Result<()> {
        let segment = self.writer.route(path)?;
        let moved = self.change(segment, 0, |pen| pen.move_to(path, leaf, position))?;
        if moved { Ok(()) } else { Err(Error::NotFound { what: "entry" }) }
    }

    /// Sets the entry of a leaf, and moves it to a position in its group.
    pub fn insert_at(&mut self, path: &[u8], leaf: &[u8], value: Value<'_>, position: u64) -> Result<()> {
        check_name("a path", path)?;
        check_leaf(leaf)?;
        let segment = self.writer.route(path)?;
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        let done = self.set_record(segment, path, leaf, value, Some(position), &mut record);
        self.record = record;
        done
    }

    /// The value of a key as the batch would leave it.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Value<'_>>> {
        let (path, leaf) = split(key);
        let position = self.writer.route(path)?;
        let revision = self.revision;
        self.pen(position)?.generation.get(path, &Leaf::new(leaf), revision)
    }

    /// Makes sure that changes of this many bytes, keys and values together, will find room in the first segment.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::NoSpace`] if they will not.
    pub fn reserve(&mut self, bytes: u64) -> Result<()> {
        self.reserve_in(b"", bytes)
    }

    /// Makes sure that changes of this many bytes will find room in the segment of a path.
    pub fn reserve_in(&mut self, path: &[u8], bytes: u64) -> Result<()> {
        let position = self.writer.route(path)?;
        self.room(position, bytes)
    }

    fn pen(&mut self, position: usize) -> Result<&mut Pen> {
        let revision = self.revision;
        let pen = self.writer.pen(position)?;
        if !pen.is_begun() {
            pen.begin(revision)?;
        }
        Ok(pen)
    }

    /// Refuses a new entry where only so much room is left as overwriting and deleting need.
    fn check_headroom(&mut self, position: usize, path: &[u8], leaf: &[u8], bytes: u64) -> Result<()> {
        let revision = self.revision;
        let pen = self.pen(position)?;
        let limit = pen.appender.limit();
        let headroom = limit.min(32 << 20) / 32;
        let wanted = pen.appender.tail() + 2 * bytes + MARGIN + headroom;
        if wanted <= limit || pen.generation.locate(path, &Leaf::new(leaf), revision)?.is_some() {
            return Ok(());
        }
        if pen.appender.tail() > pen.generation.header.end + headroom {
            // Without what is no longer in use it may fit.
            self.grow(position)?;
            let pen = self.pen(position)?;
            if pen.appender.tail() + 2 * bytes + MARGIN + headroom <= limit {
                return Ok(());
            }
        }
        Err(Error::Full { limit, wanted })
    }

    /// Does something to a segment, after making sure that it cannot fail half-way for lack of room.
    #[inline]
    fn change<T>(
        &mut self,
        position: usize,
        bytes: u64,
        change: impl FnOnce(&mut Pen) -> Result<T>,
    ) -> Result<T> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        self.room(position, bytes)?;
        let changed = change(self.pen(position)?);
        if changed.is_err() {
            // Some of it may have been done.
            self.is_poisoned = true;
        }
        changed
    }

    fn room(&mut self, position: usize, bytes: u64) -> Result<()> {
        let pen = self.pen(position)?;
        let wanted = 2 * bytes + MARGIN;
        if !pen.is_cramped(wanted) && pen.appender.reserve(wanted).is_ok() {
            return Ok(());
        }
        self.make_room(position, wanted)
    }

    #[cold]
    fn make_room(&mut self, position: usize, wanted: u64) -> Result<()> {
        let pen = self.pen(position)?;
        if !pen.is_cramped(wanted) {
            match pen.appender.reserve(wanted) {
                Ok(()) => return Ok(()),
                // Without what is no longer in use it may fit.
                Err(Error::Full { .. }) if pen.appender.tail() > pen.generation.header.end + wanted => {}
                Err(error) => return Err(error),
            }
        }
        self.grow(position)?;
        let pen = self.pen(position)?;
        pen.appender.reserve(wanted)
    }

    /// Goes on in a new generation now rather than when this one is full, for tests.
    #[cfg(feature = "trial")]
    #[doc(hidden)]
    pub fn grow_now(&mut self, path: &[u8]) -> Result<()> {
        let position = self.writer.route(path)?;
        self.grow(position)
    }

    /// Goes on in a new generation, which is published with the batch.
    fn grow(&mut self, position: usize) -> Result<()> {
        let revision = self.revision;
        self.pen(position)?;
        let (generation, appender) =
            self.writer.write_generation(position, revision, true, false, Replacement::Compacted)?;
        let mut pen = Pen::with(Arc::new(generation), appender);
        pen.begin(revision)?;
        let slot = self.writer.slots.get_mut(position).ok_or(Error::NotFound { what: "segment" })?;
        let old = slot.pen.replace(pen);
        match (&slot.before, old) {
            (None, old) => slot.before = old,
            // The second time in this batch: the one between was never published.
            (Some(_), Some(old)) => drop(fs::remove_file(old.generation.map.path())),
            (Some(_), None) => {}
        }
        Ok(())
    }

    /// Makes the changes visible to every reader, in this and other processes, at once.
    ///
    /// # Errors
    /// [`Error::Poisoned`] if a change failed half-way; nothing is visible then.
    pub fn publish(mut self) -> Result<()> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        for position in 0..self.writer.slots.len() {
            let slot = self.writer.slots.get(position);
            if let Some((Some(_), Some(pen))) = slot.map(|slot| (&slot.before, &slot.pen)) {
                let number = pen.generation.header.number;
                self.writer.offer(position, number)?;
            }
        }
        self.writer.publish(self.revision);
        self.is_published = true;
        for position in 0..self.writer.slots.len() {
            let Some(slot) = self.writer.slots.get_mut(position) else { continue };
            if let Some(pen) = &mut slot.pen
                && pen.is_begun()
            {
                pen.end()?;
                step("the journal is forgotten");
            }
            if slot.before.take().is_some()
                && let Some(pen) = slot.pen.take()
            {
                self.writer.adopt(position, pen);
            }
        }
        self.writer.maintain();
        Ok(())
    }
}

impl Drop for Batch<'_, '_> {
    fn drop(&mut self) {
        if self.is_published {
            return;
        }
        for slot in self.writer.slots.iter_mut() {
            if let Some(before) = slot.before.take()
                && let Some(fresh) = slot.pen.replace(before)
            {
                let _ = fs::remove_file(fresh.generation.map.path());
            }
            if let Some(pen) = &mut slot.pen
                && pen.cancel().is_err()
            {
                // The next writer repairs it.
                slot.pen = None;
                self.writer.shared.long(at::WRITER).store(0, Ordering::Release);
            }
        }
    }
}

impl std::fmt::Debug for Batch<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("revision", &self.revision).finish()
    }
}

fn check_leaf(leaf: &[u8]) -> Result<()> {
    check_name("a leaf", leaf)?;
    if leaf.contains(&b'.') {
        return Err(Error::Invalid { what: "a leaf has no dot" });
    }
    Ok(())
}

//! Writing: the one writer of a store, and what it does to whole segments.

use std::{
    collections::HashSet,
    fs,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::MutexGuard;
use rustix::{fs::FlockOperation, io::Errno, thread::futex};

use crate::{
    Batch, Error, Result, SegmentOptions, Value,
    error::damaged,
    generation::{Generation, file_name},
    load::{self, Collector, Target},
    map::Appender,
    pen::{self, Pen},
    root::{GREATEST_SEGMENTS, Row, Shared, at, encode_row},
    trial::step,
    version::GREATEST_REVISION,
};

/// The one writer of a store. Others, in any process, wait until it is dropped or dies.
///
/// It keeps nothing from readers: they go on while it exists and while it writes.
pub struct Writer<'r> {
    pub(crate) shared: &'r Arc<Shared>,
    pub(crate) slots: MutexGuard<'r, Vec<Slot>>,
}

/// What a writer has of a segment.
#[derive(Default)]
pub(crate) struct Slot {
    /// The name, which a segment keeps: reading it from the root for each key would take longer than to write the key.
    name: String,
    pub pen: Option<Pen>,
    /// The pen of the current generation, while the batch goes on in one that is not published yet.
    pub before: Option<Pen>,
    /// The segment is not defragmented again before its tail reaches this.
    pub patience: u64,
}

impl<'r> Writer<'r> {
    pub(crate) fn new(shared: &'r Arc<Shared>, wait: bool) -> Result<Writer<'r>> {
        if !shared.is_writable() {
            return Err(Error::ReadOnly);
        }
        let writing =
            if wait { shared.writing.lock() } else { shared.writing.try_lock().ok_or(Error::Busy)? };
        let operation =
            if wait { FlockOperation::LockExclusive } else { FlockOperation::NonBlockingLockExclusive };
        loop {
            match rustix::fs::flock(shared.map.file(), operation) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Err(Error::Busy),
                Err(error) => return Err(Error::io("lock", shared.map.path(), error.into())),
            }
        }
        let mut writer = Writer { shared, slots: writing };
        if !writer.resume() {
            writer.slots.clear();
            writer.repair()?;
            // Last: a repair that was cut short is done again.
            shared.long(at::WRITER).store(shared.token, Ordering::Release);
        }
        Ok(writer)
    }

    /// Goes on with what the last writer of this handle had open, if nobody else has written since.
    fn resume(&mut self) -> bool {
        self.shared.long(at::WRITER).load(Ordering::Acquire) == self.shared.token
            && !self.slots.is_empty()
            && self.slots.iter_mut().all(|slot| {
                slot.before.is_none()
                    && slot.pen.as_mut().is_none_or(|pen| !pen.is_begun() && pen.appender.wake().is_ok())
            })
    }

    /// Finishes or undoes what a killed writer left.
    fn repair(&mut self) -> Result<()> {
        let rows = self.shared.rows()?;
        self.slots.extend(rows.iter().map(|row| Slot { name: row.name.clone(), ..Slot::default() }));
        let head = self.shared.head();
        let swap = self.shared.long(at::SWAP).load(Ordering::Acquire);
        for row in &rows {
            let (current, previous) = self.shared.generations(row.place);
            if previous == current {
                // Stopped before the new one was named.
                self.shared.long(row.place + at::PREVIOUS).store(0, Ordering::Release);
            } else if previous != 0 {
                let published = match self.shared.open_generation(row, current, false) {
                    Ok(generation) => generation.header.since <= head,
                    Err(_) => self.shared.open_generation(row, previous, false).is_err(),
                };
                if !published {
                    self.shared.long(row.place + at::CURRENT).store(previous, Ordering::Release);
                }
                step("a swap is decided");
                self.remove(row, if published { previous } else { current });
                self.shared.long(row.place + at::PREVIOUS).store(0, Ordering::Release);
            }
        }
        if swap != 0 {
            self.remove_strays(&rows);
            self.shared.long(at::SWAP).store(0, Ordering::Release);
        }
        for position in 0..rows.len() {
            // A segment that cannot be opened can still be written anew.
            if let Ok(generation) = self.generation(position) {
                pen::repair(&generation.map, head)?;
            }
        }
        Ok(())
    }

    fn remove(&self, row: &Row, number: u64) {
        // What cannot be removed now is removed as a stray after the next swap.
        let _ = fs::remove_file(self.shared.directory.join(file_name(&row.name, number)));
    }

    /// Removes files of generations that the root does not name.
    fn remove_strays(&self, rows: &[Row]) {
        let named: HashSet<String> = rows
            .iter()
            .flat_map(|row| {
                let (current, previous) = self.shared.generations(row.place);
                [file_name(&row.name, current), file_name(&row.name, previous)]
            })
            .collect();
        let Ok(files) = fs::read_dir(&self.shared.directory) else { return };
        for file in files.flatten() {
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_generation = name
                .rsplit_once('.')
                .is_some_and(|(stem, number)| !stem.is_empty() && number.parse::<u64>().is_ok());
            if is_generation && !named.contains(name) {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// The current generation of a segment, mapped for writing.
    pub(crate) fn generation(&self, position: usize) -> Result<Arc<Generation>> {
        if let Ok((_, maps)) = self.shared.maps()
            && let Some(generation) = maps.generation(position)
            && generation.map.is_writable()
        {
            return Ok(generation.clone());
        }
        let row = self.shared.row(position as u64)?;
        let (current, _) = self.shared.generations(row.place);
        self.shared.open_generation(&row, current, true).map(Arc::new)
    }

    /// The pen of a segment.
    pub(crate) fn pen(&mut self, position: usize) -> Result<&mut Pen> {
        if self.slots.get(position).is_some_and(|slot| slot.pen.is_none()) {
            let generation = self.generation(position)?;
            let limit = self.shared.row(position as u64)?.limit;
            let pen = Pen::new(generation, limit)?;
            if let Some(slot) = self.slots.get_mut(position) {
                slot.pen = Some(pen);
            }
        }
        let slot = self.slots.get_mut(position);
        slot.and_then(|slot| slot.pen.as_mut()).ok_or(Error::NotFound { what: "segment" })
    }

    /// The position of the segment that a path belongs to.
    pub(crate) fn route(&self, path: &[u8]) -> Result<usize> {
        if self.slots.len() == 1 {
            return Ok(0);
        }
        let end = path.iter().position(|byte| *byte == b'.').unwrap_or(path.len());
        let found = self.slots.iter().skip(1).position(|slot| slot.name.as_bytes() == &path[..end]);
        Ok(found.map_or(0, |position| position + 1))
    }

    /// The newest revision that can be read.
    pub fn head(&self) -> u64 {
        self.shared.head()
    }

    /// Says whether the store lags behind what it is a view of, and wakes those who wait.
    pub fn set_stale(&mut self, stale: bool) {
        self.shared.word(at::STALE).store(u32::from(stale), Ordering::Release);
        self.wake();
    }

    /// Begins a batch: changes that become visible at once, as one revision, or not at all.
    ///
    /// # Errors
    /// [`Error::Revision`] if the revision is not above the head.
    pub fn batch(&mut self, revision: u64) -> Result<Batch<'_, 'r>> {
        self.check_revision(revision, false)?;
        Ok(Batch::new(self, revision))
    }

    pub(crate) fn check_revision(&self, revision: u64, may_stay: bool) -> Result<()> {
        let head = self.head();
        if revision > GREATEST_REVISION || revision < head || (revision == head && !may_stay) {
            return Err(Error::Revision { revision, head });
        }
        Ok(())
    }

    /// Adds a segment for the keys of one first component, which must not be in use.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the name is taken or there are too many segments.
    pub fn add_segment(&mut self, options: &SegmentOptions) -> Result<()> {
        let rows = self.shared.rows()?;
        if options.name.is_empty() || rows.iter().any(|row| row.name == options.name) {
            return Err(Error::Invalid { what: "there is a segment of this name" });
        }
        if rows.len() >= GREATEST_SEGMENTS {
            return Err(Error::Invalid { what: "a store has at most 62 segments" });
        }
        let bytes = encode_row(options)?;
        let place = at::TABLE + 128 * rows.len() as u64;
        let row = Row::of(options, place);
        let number = self.next_number()?;
        load::write_empty(&self.shared.directory, &row, self.shared.identity, number, self.head())?;
        // The row counts for nobody until the number of segments says so.
        std::os::unix::fs::FileExt::write_all_at(self.shared.map.file(), &bytes[16..], place + 16)
            .map_err(|source| Error::io("write", self.shared.map.path(), source))?;
        self.shared.long(place + at::PREVIOUS).store(0, Ordering::Relaxed);
        self.shared.long(place + at::CURRENT).store(number, Ordering::Release);
        step("a row is written");
        self.shared.long(at::SEGMENTS).store(rows.len() as u64 + 1, Ordering::Release);
        self.shared.long(at::SWAP).store(0, Ordering::Release);
        self.slots.push(Slot { name: options.name.clone(), ..Slot::default() });
        self.wake();
        Ok(())
    }

    /// A number that no generation has had; a file of it is a stray until the root names it.
    pub(crate) fn next_number(&self) -> Result<u64> {
        let number = self.shared.long(at::NEXT).load(Ordering::Relaxed);
        let after =
            number.checked_add(1).ok_or_else(|| damaged("the root has no number for a generation"))?;
        self.shared.long(at::NEXT).store(after, Ordering::Release);
        self.shared.long(at::SWAP).store(number, Ordering::Release);
        step("a number is taken");
        Ok(number)
    }

    /// Replaces all entries of a segment by others, given in order as path, leaf and value. Far quicker than setting them one
    /// by one, and works where the segment is damaged.
    ///
    /// ```
    /// # use cms_segment::{Root, RootOptions, Value};
    /// # let dir = tempfile::tempdir()?;
    /// # let root = Root::create(dir.path(), &RootOptions::default())?;
    /// let options = (0..1000).map(|number| {
    ///     (format!("network.lan{number}"), "mtu", Value::Int(number))
    /// });
    /// root.writer()?.rebuild("", options, 1)?;
    /// assert_eq!(root.snapshot()?.get(b"network.lan7.mtu")?, Some(Value::Int(7)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Revision`] if the revision is below the head; [`Error::NotFound`] if there is no such segment.
    pub fn rebuild<'v, P, L>(
        &mut self,
        segment: &str,
        entries: impl IntoIterator<Item = (P, L, Value<'v>)>,
        revision: u64,
    ) -> Result<()>
    where
        P: AsRef<[u8]>,
        L: AsRef<[u8]>,
    {
        self.check_revision(revision, true)?;
        let position = self.position(segment)?;
        let mut collector = Collector::new(load::seed()?);
        for (path, leaf, value) in entries {
            collector.add(path.as_ref(), leaf.as_ref(), value)?;
        }
        self.replace(vec![(position, Replacement::Collected(Box::new(collector)))], revision)
    }

    /// Begins to replace the entries of every segment: what is added goes to the segment that it belongs to.
    ///
    /// # Errors
    /// [`Error::Revision`] if the revision is below the head.
    pub fn load(&mut self, revision: u64) -> Result<Load<'_, 'r>> {
        self.check_revision(revision, true)?;
        let collectors = (0..self.slots.len()).map(|_| Ok(Collector::new(load::seed()?)));
        Ok(Load { collectors: collectors.collect::<Result<_>>()?, writer: self, revision })
    }

    /// Writes a segment anew without what is no longer in use. Readers do not notice.
    pub fn defragment(&mut self, segment: &str) -> Result<()> {
        let position = self.position(segment)?;
        let head = self.head();
        self.replace(vec![(position, Replacement::Compacted)], head)
    }

    /// Changes how many bytes a generation of a segment may take, and writes it anew.
    ///
    /// # Errors
    /// [`Error::Full`] if what is in it takes more.
    pub fn resize(&mut self, segment: &str, limit: u64) -> Result<()> {
        let position = self.position(segment)?;
        let word = self.shared.long(self.shared.row(position as u64)?.place + at::LIMIT);
        let old = word.swap(limit, Ordering::AcqRel);
        let head = self.head();
        self.replace(vec![(position, Replacement::Compacted)], head).inspect_err(|_| {
            word.store(old, Ordering::Release);
        })
    }

    pub(crate) fn position(&self, segment: &str) -> Result<usize> {
        let rows = self.shared.rows()?;
        rows.iter().position(|row| row.name == segment).ok_or(Error::NotFound { what: "segment" })
    }

    /// Writes a generation of a segment.
    pub(crate) fn write_generation(
        &self,
        position: usize,
        since: u64,
        grows: bool,
        is_final: bool,
        what: Replacement,
    ) -> Result<(Generation, Appender)> {
        let row = self.shared.row(position as u64)?;
        let number = self.next_number()?;
        let target = Target {
            directory: &self.shared.directory,
            row: &row,
            identity: self.shared.identity,
            number,
            since,
            is_final,
            grows,
        };
        match what {
            Replacement::Collected(collector) => load::collected(*collector, &target),
            Replacement::Compacted => {
                let slot = self.slots.get(position).and_then(|slot| slot.pen.as_ref());
                let generation = match slot {
                    Some(pen) => pen.generation.clone(),
                    None => self.generation(position)?,
                };
                load::compacted(&generation, since, &target)
            }
        }
    }

    /// Replaces the generations of segments, and publishes the revision.
    fn replace(&mut self, what: Vec<(usize, Replacement)>, revision: u64) -> Result<()> {
        let mut fresh = Vec::new();
        for (position, what) in what {
            match self.write_generation(position, revision, false, true, what) {
                Ok((generation, appender)) => fresh.push((position, Arc::new(generation), appender)),
                Err(error) => {
                    for (_, generation, _) in fresh {
                        let _ = fs::remove_file(generation.map.path());
                    }
                    return Err(error);
                }
            }
        }
        for (position, generation, _) in &fresh {
            self.offer(*position, generation.header.number)?;
        }
        self.publish(revision);
        for (position, generation, appender) in fresh {
            self.adopt(position, Pen::with(generation, appender));
        }
        Ok(())
    }

    /// Makes a generation current; readers take it once the head is not older than it.
    pub(crate) fn offer(&self, position: usize, number: u64) -> Result<()> {
        let row = self.shared.row(position as u64)?;
        let (current, _) = self.shared.generations(row.place);
        self.shared.long(row.place + at::PREVIOUS).store(current, Ordering::Release);
        step("the previous generation is named");
        self.shared.long(row.place + at::CURRENT).store(number, Ordering::Release);
        step("the current generation is named");
        Ok(())
    }

    /// Makes a revision the head, and wakes those who wait.
    pub(crate) fn publish(&self, revision: u64) {
        step("before the head");
        self.shared.long(at::HEAD).store(revision, Ordering::Release);
        step("after the head");
        self.wake();
    }

    pub(crate) fn wake(&self) {
        let word = self.shared.word(at::SEQUENCE);
        word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        // Without PRIVATE: those who wait are other processes. There is nobody to tell if it fails.
        let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
    }

    /// Goes on with a generation that was published, and removes the one before it.
    pub(crate) fn adopt(&mut self, position: usize, pen: Pen) {
        if let Some(slot) = self.slots.get_mut(position) {
            slot.patience = 0;
            slot.before = None;
            slot.pen = Some(pen);
        }
        // The file of the old generation takes room for as long as it is mapped.
        self.shared.forget_maps();
        if let Ok(row) = self.shared.row(position as u64) {
            let (_, previous) = self.shared.generations(row.place);
            if previous != 0 {
                self.remove(&row, previous);
                step("the previous generation is removed");
                self.shared.long(row.place + at::PREVIOUS).store(0, Ordering::Release);
            }
        }
        self.shared.long(at::SWAP).store(0, Ordering::Release);
    }

    /// Writes segments anew that hold too much that is no longer in use.
    pub(crate) fn maintain(&mut self) {
        for position in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(position) else { continue };
            let Some(pen) = &slot.pen else { continue };
            let (tail, end) = (pen.appender.tail(), pen.generation.header.end);
            let slack = slack(end);
            if tail - end < slack || tail < slot.patience {
                continue;
            }
            // If there is no room for a second generation now, there may be later.
            slot.patience = tail + slack / 2;
            let head = self.head();
            let _ = self.replace(vec![(position, Replacement::Compacted)], head);
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        // The pens first: other handles of this process may take the maps as soon as the lock is gone.
        for slot in self.slots.iter_mut() {
            if slot.before.is_some() || slot.pen.as_ref().is_some_and(Pen::is_begun) {
                *slot = Slot::default();
                // The next writer repairs.
                self.shared.long(at::WRITER).store(0, Ordering::Release);
            } else if let Some(pen) = &mut slot.pen {
                pen.appender.rest();
            }
        }
        let _ = rustix::fs::flock(self.shared.map.file(), FlockOperation::Unlock);
    }
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("head", &self.head()).finish()
    }
}

/// How many bytes a generation whose base ends at `end` may grow before it is written anew.
///
/// Half of it where it is large, because both lie in memory for a moment. A middling one may grow by more than itself: moving one
/// section among 100,000 writes some kilobytes of tree, and writing all of it anew costs what thousands of such moves do.
fn slack(end: u64) -> u64 {
    (end / 2).max((2 * end).min(16 << 20)).max(256 << 10)
}

/// What a segment is replaced by.
pub(crate) enum Replacement {
    Collected(Box<Collector>),
    /// Itself, without what is no longer in use.
    Compacted,
}

/// The replacement of all segments; see [`Writer::load`].
pub struct Load<'w, 'r> {
    writer: &'w mut Writer<'r>,
    collectors: Vec<Collector>,
    revision: u64,
}

impl Load<'_, '_> {
    /// Adds an entry behind those of its path.
    pub fn add(&mut self, path: &[u8], leaf: &[u8], value: Value<'_>) -> Result<()> {
        let position = self.writer.route(path)?;
        let collector = self.collectors.get_mut(position).ok_or_else(|| damaged("a segment is missing"))?;
        collector.add(path, leaf, value)
    }

    /// Makes what was added the content of the store, at once.
    pub fn publish(self) -> Result<()> {
        let what = self
            .collectors
            .into_iter()
            .map(|collector| Replacement::Collected(Box::new(collector)))
            .enumerate()
            .collect();
        self.writer.replace(what, self.revision)
    }
}

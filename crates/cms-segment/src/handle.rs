//! Handles: a key that is read again and again.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    Content, Field, Result, Snapshot, Value,
    error::damaged,
    hash::{Leaf, split},
    root::{Shared, at},
    version::Version,
};

/// A key bound to a store. Reading it again is a look at the head; when that has moved, a look at the entry's own slot.
///
/// ```
/// # use cms_segment::{Root, RootOptions, Value};
/// # let dir = tempfile::tempdir()?;
/// # let root = Root::create(dir.path(), &RootOptions::default())?;
/// let mut mtu = root.bind(b"network.lan.mtu");
/// assert_eq!(mtu.get()?, None);
///
/// let mut writer = root.writer()?;
/// let mut batch = writer.batch(1)?;
/// batch.set(b"network.lan.mtu", Value::Int(1500))?;
/// batch.publish()?;
/// assert_eq!(mtu.get()?, Some(Value::Int(1500)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Handle {
    shared: Arc<Shared>,
    path: Box<[u8]>,
    leaf: Box<[u8]>,
    /// The head up to which the snapshot's value is known to hold.
    seen: u64,
    /// Keeps the map that the value is read from.
    snapshot: Option<Snapshot>,
    watch: Option<Watch>,
    /// Where the value's record lies, if there is a value.
    record: Option<u64>,
    /// Counts the looks at which the value may have moved.
    moves: u64,
}

/// What has to stay as it is for a value to stay as it is.
struct Watch {
    /// The row of the segment in the root, and the generation that it names.
    row: u64,
    generation: u64,
    /// The position of the segment.
    position: usize,
    slot: u64,
    word: u32,
    /// The word that tells whether the group's block was replaced; 0 for an entry of a large group.
    forward: u64,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, key: &[u8]) -> Handle {
        let (path, leaf) = split(key);
        Handle {
            shared,
            path: path.into(),
            leaf: leaf.into(),
            seen: u64::MAX,
            snapshot: None,
            watch: None,
            record: None,
            moves: 0,
        }
    }

    /// The value at the head.
    ///
    /// # Errors
    /// Those of [`Root::snapshot`](crate::Root::snapshot) and [`Snapshot::get`].
    #[inline]
    pub fn get(&mut self) -> Result<Option<Value<'_>>> {
        self.look()?;
        self.value()
    }

    /// Whether the value may have moved since the last look; a value that was set to what it was counts as moved.
    #[inline]
    pub fn changed(&mut self) -> Result<bool> {
        let moves = self.moves;
        self.look()?;
        Ok(self.moves != moves)
    }

    /// Counts the looks at which the value may have moved: whoever keeps what he made of the value keeps this beside it.
    #[inline]
    pub fn moves(&mut self) -> Result<u64> {
        self.look()?;
        Ok(self.moves)
    }

    /// Whether nothing was published since the last look, and no writer said that the store lags behind what it is a view of: two
    /// loads of one line.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.shared.head() == self.seen && !self.shared.is_stale()
    }

    /// The value that the last look found, without looking.
    pub fn value(&self) -> Result<Option<Value<'_>>> {
        match (&self.snapshot, &self.watch, self.record) {
            (Some(snapshot), Some(watch), Some(record)) => {
                let generation = snapshot.maps().generation(watch.position);
                let generation = generation.ok_or_else(|| damaged("a handle without its map"))?;
                crate::group::value_of(generation, record).map(Some)
            }
            (Some(snapshot), _, _) => snapshot.get_in(&self.path, &self.leaf),
            (None, _, _) => Ok(None),
        }
    }

    /// Brings the handle up to the head.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> Result<()> {
        let head = self.shared.head();
        if head == self.seen { Ok(()) } else { self.look_again(head) }
    }

    #[inline(never)]
    fn look_again(&mut self, head: u64) -> Result<()> {
        if let (Some(watch), Some(snapshot)) = (&self.watch, &self.snapshot)
            && self.shared.long(watch.row + at::CURRENT).load(Ordering::Acquire) == watch.generation
            && let Some(generation) = snapshot.maps().generation(watch.position)
            && let (Some(slot), Some(forward)) =
                (generation.map.word(watch.slot), generation.map.word(watch.forward))
            && slot.load(Ordering::Acquire) == watch.word
            && (watch.forward == 0 || forward.load(Ordering::Acquire) == 0)
        {
            self.seen = head;
            return Ok(());
        }
        self.bind()
    }

    #[cold]
    fn bind(&mut self) -> Result<()> {
        let snapshot = self.shared.snapshot()?;
        let revision = snapshot.revision();
        let maps = snapshot.maps();
        let position = maps.route_position(&self.path);
        self.watch = None;
        self.record = None;
        if let Some(generation) = maps.generation(position) {
            let path_hash = generation.hasher.path(&self.path);
            let leaf = Leaf::new(&self.leaf);
            let leaf_hash = generation.hasher.leaf(&leaf);
            let block = generation.block(&self.path, path_hash, revision)?;
            let found = match block {
                None => None,
                Some(block) if block.is_large() => {
                    let hash = leaf_hash.entry(path_hash);
                    let entry = generation.entry(&block, &leaf, hash, revision)?;
                    entry.map(|entry| (entry.slot_place(), 0))
                }
                Some(block) => {
                    let found = block.find(generation, &leaf, leaf_hash.tag(), revision)?;
                    found.map(|(slot, _)| (block.slot_place(slot), block.forward_place()))
                }
            };
            if let Some((slot, forward)) = found
                && let Some(word) = generation.map.word(slot)
            {
                let word = word.load(Ordering::Acquire);
                // A version that is not visible yet will be without the slot changing.
                let is_settled =
                    Version::read(&generation.map, word)?.is_none_or(|version| version.revision <= revision);
                let record = crate::block::record_at(generation, word, revision)?;
                if is_settled && record.is_some() {
                    self.record = record;
                    self.watch = Some(Watch {
                        row: maps.place(position),
                        generation: generation.header.number,
                        position,
                        slot,
                        word,
                        forward,
                    });
                }
            }
        }
        self.seen = revision;
        self.snapshot = Some(snapshot);
        self.moves += 1;
        Ok(())
    }
}

/// A key bound to a store, of which the value is kept as a Rust value: reading it again is a look at the head.
///
/// ```
/// # use cms_segment::{Root, RootOptions, Value};
/// # let dir = tempfile::tempdir()?;
/// # let root = Root::create(dir.path(), &RootOptions::default())?;
/// # let mut writer = root.writer()?;
/// let mut batch = writer.batch(1)?;
/// batch.set(b"network.lan.mtu", Value::Int(1500))?;
/// batch.publish()?;
///
/// let mut mtu = root.bind_as::<u16>(b"network.lan.mtu");
/// assert_eq!(mtu.get()?, Some(&1500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bound<T> {
    handle: Handle,
    moves: u64,
    value: Option<T>,
}

impl<T: Field> Bound<T> {
    pub(crate) fn new(handle: Handle) -> Self {
        Bound { handle, moves: 0, value: None }
    }

    /// The value at the head, if there is one.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the value is not one of the type, and those of [`Handle::get`].
    #[inline]
    pub fn get(&mut self) -> Result<Option<&T>> {
        self.handle.look()?;
        if self.handle.moves != self.moves {
            self.decode()?;
        }
        Ok(self.value.as_ref())
    }

    /// Whether the value may have moved since the last look; a value that was set to what it was counts as moved.
    pub fn changed(&mut self) -> Result<bool> {
        self.handle.look()?;
        Ok(self.handle.moves != self.moves)
    }

    #[cold]
    fn decode(&mut self) -> Result<()> {
        self.value = match self.handle.value()? {
            None => None,
            Some(value) => match T::of(&Content::of(value)?) {
                Some(value) => Some(value),
                None => {
                    return Err(crate::Error::Invalid { what: "the value of a bound key has another type" });
                }
            },
        };
        self.moves = self.handle.moves;
        Ok(())
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("path", &String::from_utf8_lossy(&self.path))
            .field("leaf", &String::from_utf8_lossy(&self.leaf))
            .finish()
    }
}

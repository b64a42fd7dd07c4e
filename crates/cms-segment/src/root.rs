//! The root of a store: which generation of which segment is current, and up to which revision it may be read.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    Bound, Error, Field, Handle, Result, Snapshot, Writer,
    check::checksum,
    error::damaged,
    generation::{self, Generation},
    load,
    map::Map,
    random,
    snapshot::Maps,
    writer,
};

const MAGIC: [u8; 8] = *b"cms-root";
const FORMAT: u32 = 1;
/// The sealed part of the header; the last four bytes are its check.
const SEALED: usize = 64;
/// Segments of a store.
pub(crate) const GREATEST_SEGMENTS: usize = 62;
const LENGTH: u64 = 256 + 128 * GREATEST_SEGMENTS as u64;
/// How often a reader that writers overtake tries again.
const RETRIES: usize = 1000;
/// The file's name in the store's directory.
pub(crate) const FILE_NAME: &str = "root";

/// Words of the root.
pub(crate) mod at {
    /// The newest revision that can be read.
    pub const HEAD: u64 = 64;
    /// What processes that wait for a change wait on.
    pub const SEQUENCE: u64 = 72;
    /// Whether the store lags behind what it is a view of.
    pub const STALE: u64 = 76;
    /// The number that the next generation gets.
    pub const NEXT: u64 = 128;
    /// The generation that is being written, or 0.
    pub const SWAP: u64 = 136;
    /// The number of segments.
    pub const SEGMENTS: u64 = 144;
    /// The token of the handle that wrote last: if it is a writer's own, nothing has changed since.
    pub const WRITER: u64 = 152;
    /// The table of segments.
    pub const TABLE: u64 = 256;
    /// In a segment's row: the current generation.
    pub const CURRENT: u64 = 0;
    /// In a segment's row: the generation before, while the current one may not be read yet.
    pub const PREVIOUS: u64 = 8;
    /// In a segment's row: how many bytes a generation may take.
    pub const LIMIT: u64 = 16;
}

/// How a store is made.
#[derive(Clone, Debug)]
pub struct RootOptions {
    /// What tells the store from others; a random one if there is none.
    pub identity: Option<[u8; 16]>,
    /// The mode of the root file: who may read it may read the revision and the names of segments.
    pub mode: u32,
    /// The first segment, which holds every key that no other segment is for.
    pub segment: SegmentOptions,
}

impl Default for RootOptions {
    fn default() -> Self {
        RootOptions { identity: None, mode: 0o644, segment: SegmentOptions::default() }
    }
}

/// How a segment is made.
#[derive(Clone, Debug)]
pub struct SegmentOptions {
    /// The first component of the keys that the segment is for; empty for the first segment.
    pub name: String,
    /// The mode of its files.
    pub mode: u32,
    /// The owner of its files, user and group, if not the caller.
    pub owner: Option<(u32, u32)>,
    /// How many bytes a generation of it may take.
    pub limit: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        SegmentOptions { name: String::new(), mode: 0o644, owner: None, limit: generation::GREATEST_ROOM }
    }
}

/// A store: one directory with a root file and the files of its segments.
///
/// ```
/// use cms_segment::{Root, RootOptions, Value};
///
/// # let dir = tempfile::tempdir()?;
/// let root = Root::create(dir.path(), &RootOptions::default())?;
/// let mut writer = root.writer()?;
/// let mut batch = writer.batch(1)?;
/// batch.set(b"network.lan.proto", Value::String(b"static"))?;
/// batch.set(b"network.lan.mtu", Value::String(b"1500"))?;
/// batch.publish()?;
///
/// // Any process that may read the files reads them without a lock.
/// let snapshot = Root::attach(dir.path())?.snapshot()?;
/// assert_eq!(snapshot.get(b"network.lan.mtu")?, Some(Value::String(b"1500")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Root {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub directory: PathBuf,
    pub map: Arc<Map>,
    pub identity: [u8; 16],
    writable: bool,
    /// Held by the one writer of this process; the lock on the file keeps out those of others. What the last writer had open
    /// is kept for the next one.
    pub writing: Mutex<Vec<writer::Slot>>,
    /// Tells writers of this handle from others: see [`at::WRITER`].
    pub token: u64,
    maps: Mutex<Option<Arc<Maps>>>,
}

/// What the table says of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub place: u64,
    pub name: String,
    pub mode: u32,
    pub owner: Option<(u32, u32)>,
    pub limit: u64,
}

impl Root {
    /// Makes a store in a directory, which is made as well if it is missing.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one.
    pub fn create(directory: &Path, options: &RootOptions) -> Result<Root> {
        fs::create_dir_all(directory).map_err(|source| Error::io("make", directory, source))?;
        let path = directory.join(FILE_NAME);
        if path.exists() {
            return Err(Error::Exists { path });
        }
        let random: [u8; 24] = random::bytes()?;
        let mut identity = [0; 16];
        identity.copy_from_slice(&random[..16]);
        let identity = options.identity.unwrap_or(identity);

        let temporary =
            directory.join(format!(".root.{:016x}", u64::from_le_bytes(first_eight(&random[16..]))));
        let made = Self::write_new(&temporary, directory, identity, options);
        let linked = made.and_then(|first| {
            fs::hard_link(&temporary, &path).map_err(|source| {
                let _ = fs::remove_file(directory.join(first));
                Error::io("make", &path, source)
            })
        });
        let _ = fs::remove_file(&temporary);
        linked?;
        Self::open(directory)
    }

    /// Writes the root file and the first, empty generation; answers the name of the latter.
    fn write_new(
        temporary: &Path,
        directory: &Path,
        identity: [u8; 16],
        options: &RootOptions,
    ) -> Result<String> {
        let io = |source| Error::io("write", temporary, source);
        let mut bytes = vec![0; LENGTH as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&(GREATEST_SEGMENTS as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&identity);
        let check = checksum(&bytes[..SEALED - 4]);
        bytes[SEALED - 4..SEALED].copy_from_slice(&check.to_le_bytes());
        // Several may try at once: the number of the first generation is random, so that they do not meet in its file.
        let number = u64::from(u32::from_le_bytes(random::bytes()?)) + 1;
        let put = |bytes: &mut [u8], at: u64, word: u64| {
            bytes[at as usize..at as usize + 8].copy_from_slice(&word.to_le_bytes());
        };
        put(&mut bytes, at::NEXT, number + 1);
        put(&mut bytes, at::SEGMENTS, 1);
        let row = encode_row(&options.segment)?;
        bytes[at::TABLE as usize..at::TABLE as usize + 128].copy_from_slice(&row);
        put(&mut bytes, at::TABLE + at::CURRENT, number);

        let row = Row::of(&options.segment, at::TABLE);
        load::write_empty(directory, &row, identity, number, 0)?;
        let file =
            File::options().write(true).create_new(true).mode(options.mode).open(temporary).map_err(io)?;
        std::io::Write::write_all(&mut &file, &bytes).map_err(io)?;
        file.set_permissions(fs::Permissions::from_mode(options.mode)).map_err(io)?;
        Ok(generation::file_name(&row.name, number))
    }

    /// Opens a store for reading and writing.
    ///
    /// # Errors
    /// [`Error::Absent`] if there is none, [`Error::Denied`] if the caller may not write to it.
    pub fn open(directory: &Path) -> Result<Root> {
        Self::open_as(directory, true)
    }

    /// Opens a store for reading, for which no right to write is needed.
    ///
    /// # Errors
    /// [`Error::Absent`] if there is none.
    pub fn attach(directory: &Path) -> Result<Root> {
        Self::open_as(directory, false)
    }

    fn open_as(directory: &Path, writable: bool) -> Result<Root> {
        let path = directory.join(FILE_NAME);
        let file = File::options().read(true).write(writable).open(&path);
        let file = file.map_err(|source| Error::io("open", &path, source))?;
        let mut sealed = [0; SEALED];
        let length = file.metadata().map_err(|source| Error::io("examine", &path, source))?.size();
        let whole = Map::glance(&file, &path, &mut sealed)?;
        let word = |at: usize| (0..4).rev().fold(0, |word, i| word << 8 | u32::from(sealed[at + i]));
        if !whole || sealed[..8] != MAGIC {
            return Err(Error::Foreign { path });
        }
        if word(8) > FORMAT {
            return Err(Error::NewerFormat { path, found: word(8), known: FORMAT });
        }
        let sound = word(8) == FORMAT
            && word(SEALED - 4) == checksum(&sealed[..SEALED - 4])
            && word(12) == GREATEST_SEGMENTS as u32
            && length >= LENGTH;
        if !sound {
            return Err(damaged("the root does not agree with its check"));
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&sealed[16..32]);
        let map = Arc::new(Map::new(file, &path, LENGTH, writable)?);
        let shared = Shared {
            directory: directory.to_owned(),
            map,
            identity,
            writable,
            writing: Mutex::new(Vec::new()),
            token: load::seed()? | 1,
            maps: Mutex::new(None),
        };
        Ok(Root { shared: Arc::new(shared) })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What tells the store from others.
    pub fn identity(&self) -> [u8; 16] {
        self.shared.identity
    }

    /// Where the store lies.
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// The newest revision that can be read.
    #[inline]
    pub fn head(&self) -> u64 {
        self.shared.head()
    }

    /// Whether a writer said that the store lags behind what it is a view of.
    pub fn is_stale(&self) -> bool {
        self.shared.is_stale()
    }

    /// A number that changes with every change of the store: what [`wait`](Root::wait) wants to know.
    pub fn sequence(&self) -> u32 {
        self.shared.word(at::SEQUENCE).load(Ordering::Acquire)
    }

    /// Waits until the store has changed since `seen`, and answers the new sequence number; `None` after the timeout.
    ///
    /// # Errors
    /// [`Error::Io`] if the system cannot wait.
    ///
    /// ```
    /// # use {cms_segment::{Root, RootOptions, Value}, std::time::Duration};
    /// # let dir = tempfile::tempdir()?;
    /// # let root = Root::create(dir.path(), &RootOptions::default())?;
    /// let seen = root.sequence();
    /// assert_eq!(root.wait(seen, Some(Duration::from_millis(1)))?, None);
    ///
    /// let mut writer = root.writer()?;
    /// let mut batch = writer.batch(1)?;
    /// batch.set(b"a", Value::Int(1))?;
    /// batch.publish()?;
    /// assert!(root.wait(seen, None)?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Option<u32>> {
        use rustix::{io::Errno, thread::futex};
        let deadline = timeout.and_then(|timeout| std::time::Instant::now().checked_add(timeout));
        let word = self.shared.word(at::SEQUENCE);
        loop {
            let now = word.load(Ordering::Acquire);
            if now != seen {
                return Ok(Some(now));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
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
                Err(error) => return Err(Error::io("wait on", self.shared.map.path(), error.into())),
            }
        }
    }

    /// Of the first segment: its limit, where its next record goes, and how much before that is garbage.
    pub(crate) fn room(&self) -> Result<(u64, u64, u64)> {
        let limit = self.shared.row(0)?.limit;
        let (_, maps) = self.shared.maps()?;
        let generation = maps.generation(0).ok_or(Error::NotFound { what: "segment" })?;
        let at = |at| generation.long(at);
        Ok((limit, at(generation::at::TAIL), at(generation::at::GARBAGE)))
    }

    /// The state of the store at its head, which stays as it is.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a segment has to be written anew; [`Error::Busy`] if writers swapped generations faster than this
    /// reader could open them, many times over.
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.shared.snapshot()
    }

    /// Binds a key, for reading it again and again.
    pub fn bind(&self, key: &[u8]) -> Handle {
        Handle::new(self.shared.clone(), key)
    }

    /// Binds a key to a type, for reading it again and again.
    pub fn bind_as<T: Field>(&self, key: &[u8]) -> Bound<T> {
        Bound::new(self.bind(key))
    }

    /// The names of the segments; that of the first one is empty.
    pub fn segments(&self) -> Result<Vec<String>> {
        Ok(self.shared.rows()?.into_iter().map(|row| row.name).collect())
    }

    /// Becomes the one writer of the store, waiting for another to finish, and repairs what a killed one left.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] if the store was attached for reading.
    pub fn writer(&self) -> Result<Writer<'_>> {
        Writer::new(&self.shared, true)
    }

    /// Becomes the one writer of the store, unless there is another.
    ///
    /// # Errors
    /// [`Error::Busy`] if there is.
    pub fn try_writer(&self) -> Result<Writer<'_>> {
        Writer::new(&self.shared, false)
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root").field("directory", &self.shared.directory).field("head", &self.head()).finish()
    }
}

impl Shared {
    /// A word of the root. The file was found long enough when it was opened, and is never cut.
    #[inline(always)]
    pub fn word(&self, at: u64) -> &AtomicU32 {
        static NONE: AtomicU32 = AtomicU32::new(0);
        self.map.word(at).unwrap_or(&NONE)
    }

    /// A long word of the root.
    #[inline(always)]
    pub fn long(&self, at: u64) -> &AtomicU64 {
        static NONE: AtomicU64 = AtomicU64::new(0);
        self.map.long(at).unwrap_or(&NONE)
    }

    /// The newest revision that can be read.
    #[inline(always)]
    pub fn head(&self) -> u64 {
        self.map.front_long(at::HEAD).map_or(0, |head| head.load(Ordering::Acquire))
    }

    /// Whether a writer said that the store lags behind what it is a view of.
    #[inline(always)]
    pub fn is_stale(&self) -> bool {
        self.map.front_word(at::STALE).is_some_and(|stale| stale.load(Ordering::Acquire) != 0)
    }

    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// The table of segments.
    pub fn rows(&self) -> Result<Vec<Row>> {
        let count = self.long(at::SEGMENTS).load(Ordering::Acquire);
        if count == 0 || count > GREATEST_SEGMENTS as u64 {
            return Err(damaged("a root without segments"));
        }
        (0..count).map(|number| self.row(number)).collect()
    }

    pub fn row(&self, number: u64) -> Result<Row> {
        let place = at::TABLE + number * 128;
        let bytes: &[u8; 104] = self
            .map
            .bytes(place + 24, 104)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| damaged("a segment's row lies outside"))?;
        decode_row(bytes, place, self.long(place + at::LIMIT).load(Ordering::Acquire))
    }

    /// The current generation of a segment, and the one before it.
    pub fn generations(&self, row: u64) -> (u64, u64) {
        (
            self.long(row + at::CURRENT).load(Ordering::Acquire),
            self.long(row + at::PREVIOUS).load(Ordering::Acquire),
        )
    }

    /// Maps that a revision of at most the head can be read from, and that revision.
    pub fn maps(&self) -> Result<(u64, Arc<Maps>)> {
        for _ in 0..RETRIES {
            // The head is loaded first: whatever generation its writer had made current is then seen as current.
            let head = self.head();
            let known = self.maps.lock().clone();
            if let Some(maps) = &known
                && maps.are_current(self, head)
            {
                return Ok((head, maps.clone()));
            }
            let fresh = match Maps::open(self, head, known.as_deref()) {
                Ok(Some(maps)) => Arc::new(maps),
                // A generation was swapped away between the look at the root and the opening.
                Ok(None) => continue,
                Err(error) => return Err(error),
            };
            *self.maps.lock() = Some(fresh.clone());
            return Ok((head, fresh));
        }
        Err(Error::Busy)
    }

    /// Lets go of the maps; who holds a snapshot keeps them.
    pub fn forget_maps(&self) {
        *self.maps.lock() = None;
    }

    pub fn snapshot(&self) -> Result<Snapshot> {
        let (revision, maps) = self.maps()?;
        Ok(Snapshot::new(revision, maps))
    }

    /// Opens a generation's file.
    pub fn open_generation(&self, row: &Row, number: u64, writable: bool) -> Result<Generation> {
        let path = self.directory.join(generation::file_name(&row.name, number));
        Generation::open(&path, &self.identity, number, writable)
    }
}

impl Row {
    /// The row that options describe.
    pub fn of(options: &SegmentOptions, place: u64) -> Row {
        Row {
            place,
            name: options.name.clone(),
            mode: options.mode,
            owner: options.owner,
            limit: options.limit.min(generation::GREATEST_ROOM),
        }
    }
}

/// The row of a segment without generations.
///
/// | bytes | what |
/// | --- | --- |
/// | 8, 8 | current and previous generation: words |
/// | 8 | limit: a word |
/// | 4, 4, 4 | mode, user, group |
/// | 1, 1, 2 | whether user and group count, length of the name, nothing |
/// | 64 | name |
/// | 20 | nothing |
/// | 4 | check over the bytes from the mode on |
pub(crate) fn encode_row(options: &SegmentOptions) -> Result<[u8; 128]> {
    let name = options.name.as_bytes();
    if name.len() > 64 || name.contains(&b'/') || name.contains(&0) || name.contains(&b'.') || name == b"_" {
        return Err(Error::Invalid {
            what: "a segment's name has at most 64 bytes, and no dot, slash or NUL",
        });
    }
    let mut row = [0; 128];
    row[16..24].copy_from_slice(&options.limit.to_le_bytes());
    row[24..28].copy_from_slice(&options.mode.to_le_bytes());
    let (user, group) = options.owner.unwrap_or((0, 0));
    row[28..32].copy_from_slice(&user.to_le_bytes());
    row[32..36].copy_from_slice(&group.to_le_bytes());
    row[36] = u8::from(options.owner.is_some());
    row[37] = name.len() as u8;
    row[40..40 + name.len()].copy_from_slice(name);
    let check = checksum(&row[24..124]);
    row[124..].copy_from_slice(&check.to_le_bytes());
    Ok(row)
}

fn decode_row(bytes: &[u8; 104], place: u64, limit: u64) -> Result<Row> {
    let word = |at: usize| (0..4).rev().fold(0, |word, i| word << 8 | u32::from(bytes[at + i]));
    let name = bytes.get(16..16 + usize::from(bytes[13]).min(64));
    let name = name.and_then(|name| String::from_utf8(name.to_vec()).ok());
    match name {
        Some(name) if word(100) == checksum(&bytes[..100]) && !name.contains('/') => Ok(Row {
            place,
            name,
            mode: word(0),
            owner: (bytes[12] == 1).then(|| (word(4), word(8))),
            limit: limit.min(generation::GREATEST_ROOM),
        }),
        _ => Err(damaged("a segment's row does not agree with its check")),
    }
}

fn first_eight(bytes: &[u8]) -> [u8; 8] {
    bytes.first_chunk().copied().unwrap_or_default()
}

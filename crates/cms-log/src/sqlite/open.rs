//! Opening and creating the file, and setting a connection up.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata, OpenOptions},
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, MetadataExt, OpenOptionsExt, fchown},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use super::{
    Access, Link, PATIENCE, Sqlite, fault,
    group::Group,
    index::Fresh,
    newest::Newest,
    seen::{Mark, Seen},
    shared_sync::SharedSync,
};
use crate::{Error, Fault, Result};

/// `cmsl`.
const APPLICATION_ID: i32 = 0x636d_736c;

/// The format of a log without tables, and of one with them, which is the newest that this program reads.
const FORMAT_VERSION: i32 = 1;
pub(super) const WITH_TABLES: i32 = 2;

/// SQLite before this could lose committed writes when two connections wrote and copied back at once.
const SQLITE_AT_LEAST: i32 = 3_051_003;

const SCHEMA: &str = "
CREATE TABLE commits (revision INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, header BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE objects (id INTEGER PRIMARY KEY, digest BLOB NOT NULL, kind INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX objects_by_digest ON objects (digest);
CREATE TABLE checkpoints (revision INTEGER PRIMARY KEY, root BLOB NOT NULL) STRICT;
CREATE TABLE views (package TEXT PRIMARY KEY, note BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA application_id = 0x636d736c;
PRAGMA user_version = 1;
";

/// How to open a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Make a log where there is none. The caller must hold a lock that keeps others from doing the same.
    pub create: bool,
    /// Refuse to write.
    pub read_only: bool,
    /// The caller is about to write: opens for that at once, where else a first look would be cheaper.
    pub writes: bool,
}

impl Sqlite {
    /// Opens the log at `path`.
    ///
    /// The file must not be opened by anything else in this process, not even to be read and closed again: that drops
    /// the locks of this handle (so says POSIX).
    ///
    /// # Errors
    /// [`Error::Absent`] if there is none and `create` is not set, [`Error::NotALog`] and [`Error::NewerFormat`] if it is
    /// something that this program does not know.
    pub fn open(path: impl AsRef<Path>, options: Open) -> Result<Sqlite> {
        let path = path.as_ref();
        if rusqlite::version_number() < SQLITE_AT_LEAST {
            let source = format!("SQLite {} can lose commits in WAL mode", rusqlite::version());
            return Err(Error::Io(Fault {
                path: path.to_owned(),
                attempt: "open the log".into(),
                source: Some(source.into()),
            }));
        }
        let create = options.create && !options.read_only;
        let system = |error| fault::of_system(path, "open the log", error);
        let file = match path.metadata() {
            Ok(metadata) if metadata.len() > 0 || create => FileId::of(&metadata),
            Err(error) if error.kind() == ErrorKind::NotFound && create => {
                create_file(path)?;
                FileId::of(&path.metadata().map_err(system)?)
            }
            Ok(_) => return Err(Error::Absent { path: path.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::Absent { path: path.to_owned() });
            }
            Err(error) => return Err(system(error)),
        };
        let look = if options.writes { None } else { glance(path, file) };
        let main = match look {
            Some(main) => main,
            // Whatever a glance could not make out, a proper look says properly.
            None => {
                let mut connection = connect(path, file, options.read_only)?;
                if !is_log(path, &connection)? {
                    if !create {
                        return Err(Error::Absent { path: path.to_owned() });
                    }
                    initialize(path, &mut connection)?;
                }
                Arc::new(Mutex::new(Link { connection: Some(connection), access: Access::Read }))
            }
        };
        let write_ahead = WriteAhead::new(path);
        if !options.read_only {
            write_ahead.settle_mark(path, file)?;
        }
        Ok(Sqlite {
            path: path.to_owned(),
            read_only: options.read_only,
            file,
            main,
            second: Mutex::new(None),
            group: Group::default(),
            write_ahead,
            frames: Arc::new(AtomicU32::new(0)),
            seen: Seen::new(path),
            shared: SharedSync::new(path),
            newest: Newest::new(path, file),
            fresh: Fresh::default(),
        })
    }

    /// Sets a connection up for writing.
    pub(super) fn prepare_to_write<'a>(&self, link: &'a mut Link) -> Result<&'a mut Connection> {
        if link.access == Access::Glance || link.connection.is_none() {
            self.look_properly(link)?;
        }
        let Link { connection: Some(connection), access } = link else { return Err(self.closed()) };
        if *access == Access::Write {
            return Ok(connection);
        }
        ensure_wal(&self.path, connection)?;
        self.write_ahead.open()?;
        // NORMAL: a commit writes without syncing, which `sync` does for all of them; copying back still syncs.
        connection
            .execute_batch(
                "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -8192;",
            )
            .map_err(|error| self.fault("prepare to write", error))?;
        let frames = Arc::clone(&self.frames);
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
                frames.store(pages.unsigned_abs(), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(|error| self.fault("prepare to write", error))?;
        *access = Access::Write;
        self.seen.hold();
        Ok(connection)
    }

    /// Replaces a glance by a connection that takes part in everything.
    pub(super) fn look_properly(&self, link: &mut Link) -> Result<()> {
        link.connection = None;
        let main = Arc::downgrade(&self.main);
        glances().retain(|glance| !glance.link.ptr_eq(&main));
        link.connection = Some(connect(&self.path, self.file, self.read_only)?);
        link.access = Access::Read;
        Ok(())
    }

    /// Closes the connection if it is a glance, and takes it off the list.
    pub(super) fn forget_glance(&self) {
        let mut glances = glances();
        let main = Arc::downgrade(&self.main);
        let listed = glances.len();
        glances.retain(|glance| !glance.link.ptr_eq(&main));
        if glances.len() < listed {
            self.main.lock().unwrap_or_else(PoisonError::into_inner).connection = None;
        }
    }
}

/// Which file it is, however its path is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub fn of(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }

    /// What tells it from every other file of the machine.
    pub fn bytes(self) -> [u8; 16] {
        (u128::from(self.device) << 64 | u128::from(self.inode)).to_le_bytes()
    }
}

/// Opens a file beside the log that any process may do without, and makes it if it is not there.
pub(super) fn open_aid(path: &Path, log: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = open_unnoticed(path, &mut options).ok()?;
    // Root works in the stores of others; who owns the log shall be able to open this, too.
    if let (Ok(log), Ok(ours)) = (log.metadata(), file.metadata())
        && (log.uid(), log.gid()) != (ours.uid(), ours.gid())
    {
        let _ = fchown(&file, Some(log.uid()), Some(log.gid()));
    }
    Some(file)
}

/// Opens a file that is read each time somebody has written it, so that not every such reading is written down as well: in the time
/// of the last access. The kernel lets the owner choose that, and root.
pub(super) fn open_unnoticed(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    let flags = |flags: rustix::fs::OFlags| flags.bits() as i32;
    let opened = options.custom_flags(flags(rustix::fs::OFlags::NOATIME)).open(path);
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            options.custom_flags(flags(rustix::fs::OFlags::empty())).open(path)
        }
        opened => opened,
    }
}

/// A handle of this process that glances at a file.
struct Glance {
    file: FileId,
    link: Weak<Mutex<Link>>,
}

/// All connections of a process to a file share what SQLite has mapped of it, and how: after a glance nobody could write.
/// So whoever wants to take part first closes the glances at the file; their owners look again when they next read.
fn glances() -> MutexGuard<'static, Vec<Glance>> {
    static GLANCES: Mutex<Vec<Glance>> = Mutex::new(Vec::new());
    GLANCES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a connection that only looks at the files, which is half the price: it neither truncates nor
/// fills the shared index when no other process is there, but keeps an index of its own.
///
/// It is not to be had in every state of the files; then [`connect`] is.
fn glance(path: &Path, file: FileId) -> Option<Arc<Mutex<Link>>> {
    // A WAL of a header alone, as a kill leaves it, is one that SQLite tries to make out for ten seconds.
    if beside(path, "-wal").metadata().is_ok_and(|wal| wal.len() <= 32) {
        return None;
    }
    let mut uri = b"file:".to_vec();
    if path.is_absolute() {
        // An empty authority, lest the first component of `//a/b` be taken for one.
        uri.extend_from_slice(b"//");
    }
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => uri.push(*byte),
        }
    }
    uri.extend_from_slice(b"?readonly_shm=1");
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let mut glances = glances();
    let connection = open_connection(Path::new(OsStr::from_bytes(&uri)), access).ok()?;
    if !is_log(path, &connection).is_ok_and(|is_log| is_log) {
        return None;
    }
    let link = Arc::new(Mutex::new(Link { connection: Some(connection), access: Access::Glance }));
    glances.push(Glance { file, link: Arc::downgrade(&link) });
    Some(link)
}

/// Opens a connection that takes part in everything.
pub(super) fn connect(path: &Path, file: FileId, read_only: bool) -> Result<Connection> {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    let glances = loop {
        let mut glances = glances();
        let mut busy = false;
        glances.retain(|glance| {
            let link = if glance.file == file { glance.link.upgrade() } else { None };
            let Some(link) = link else { return glance.file != file };
            match link.try_lock() {
                Ok(mut link) => link.connection = None,
                Err(TryLockError::Poisoned(link)) => link.into_inner().connection = None,
                Err(TryLockError::WouldBlock) => {
                    busy = true;
                    return true;
                }
            }
            false
        });
        if !busy {
            break glances;
        }
        // Somebody reads through it at the moment, and may be about to come here too.
        drop(glances);
        std::thread::yield_now();
    };
    let fault = |error| fault::of_sqlite(path, "open the log", error);
    let connection = open_connection(path, access).map_err(fault)?;
    // A connection maps the files when it first reads: until then no glance may come in between. What is no
    // database is told by the one who asks for its version.
    let _ = connection.query_row("PRAGMA user_version", [], |_| Ok(()));
    drop(glances);
    Ok(connection)
}

fn open_connection(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    // The last process to close would copy the WAL back, sync twice and delete it: `copy_back` decides instead.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Returns whether the file is a log of a version we know; false if its creation was never finished.
fn is_log(path: &Path, connection: &Connection) -> Result<bool> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let fault = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotALog { path: path.to_owned() },
        _ => fault::of_sqlite(path, "open the log", error),
    };
    if matches!(pragma("user_version").map_err(fault)?, FORMAT_VERSION | WITH_TABLES) {
        return Ok(true);
    }
    // In one transaction, because another process may be creating the log just now.
    let _snapshot = connection.unchecked_transaction().map_err(fault)?;
    match pragma("user_version").map_err(fault)? {
        FORMAT_VERSION | WITH_TABLES => Ok(true),
        version => match pragma("application_id").map_err(fault)? {
            APPLICATION_ID => Err(Error::NewerFormat {
                path: path.to_owned(),
                found: version.unsigned_abs(),
                known: WITH_TABLES.unsigned_abs(),
            }),
            0 if version == 0 => {
                let tables = connection
                    .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
                    .map_err(fault)?;
                if tables == 0 { Ok(false) } else { Err(Error::NotALog { path: path.to_owned() }) }
            }
            _ => Err(Error::NotALog { path: path.to_owned() }),
        },
    }
}

fn create_file(path: &Path) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| fault::of_system(path, "create the log", error))
}

/// Turns an empty file into a log. Everything up to the commit of the schema may be repeated.
fn initialize(path: &Path, connection: &mut Connection) -> Result<()> {
    let fault = |error| fault::of_sqlite(path, "create the log", error);
    connection.execute_batch("PRAGMA synchronous = FULL").map_err(fault)?;
    ensure_wal(path, connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    transaction.execute_batch(SCHEMA).map_err(fault)?;
    transaction.commit().map_err(fault)?;
    sync_directory(path)
}

/// Puts the file into WAL mode, on which everything here rests, unless it is.
fn ensure_wal(path: &Path, connection: &Connection) -> Result<()> {
    let fault = |error| fault::of_sqlite(path, "put the log into WAL mode", error);
    let mode = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    let deadline = Instant::now() + PATIENCE;
    let mut changed = false;
    while mode("PRAGMA journal_mode").map_err(fault)? != "wal" {
        changed = true;
        match mode("PRAGMA journal_mode = WAL") {
            Ok(mode) if mode == "wal" => {}
            // The change wants the file for itself and does not wait for somebody who just looks in.
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(fault(error)),
            Ok(_) => return Err(no_wal(path)),
        }
    }
    // When it fails to write, SQLite may say `wal` all the same, and then go on without.
    if changed {
        connection.query_row("PRAGMA user_version", [], |_| Ok(())).map_err(fault)?;
    }
    if wal_of(path).exists() { Ok(()) } else { Err(no_wal(path)) }
}

fn no_wal(path: &Path) -> Error {
    let source = "SQLite could not write it, or cannot share memory beside it";
    let attempt = "put the log into WAL mode".into();
    Error::Io(Fault { path: path.to_owned(), attempt, source: Some(source.into()) })
}

/// Returns the path of the `-wal` file. SQLite follows a link to the database before it names the files beside it.
pub(super) fn wal_of(log: &Path) -> PathBuf {
    match log.read_link() {
        Ok(_) => beside(&log.canonicalize().unwrap_or_else(|_| log.to_owned()), "-wal"),
        Err(_) => beside(log, "-wal"),
    }
}

fn sync_directory(path: &Path) -> Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| fault::of_system(directory, "sync the directory of the log", error))
}

/// Bytes of a frame of the WAL: its header and a page.
pub(super) const FRAME: u64 = 24 + 4096;

/// How many bytes the WAL is made longer by: as many frames as a short-lived process lets it have.
const ROOM: usize = 32 * FRAME as usize;

/// Where a WAL of so many frames ends.
fn end_of(frames: u32) -> u64 {
    32 + u64::from(frames) * FRAME
}

/// The `-wal` file beside the log, and the mark that a sync of it failed.
pub(super) struct WriteAhead {
    path: PathBuf,
    mark: PathBuf,
    file: OnceLock<File>,
    /// Up to where the file was found to reach.
    reaches: AtomicU64,
}

impl WriteAhead {
    pub(super) fn new(log: &Path) -> WriteAhead {
        let path = wal_of(log);
        WriteAhead { mark: beside(log, "-unsynced"), path, file: OnceLock::new(), reaches: AtomicU64::new(0) }
    }

    /// Makes the file long enough for the next frames before they are written: a sync of bytes that overwrite others takes
    /// two thirds of the time of one that has to make a file longer, too.
    ///
    /// SQLite takes zeros behind the last frame for what it leaves there itself when it begins anew. It is only for speed:
    /// a failure is met again by whoever writes the frame.
    pub fn make_room(&self, connection: &mut Connection, mark: impl Fn() -> Option<Mark>) {
        // A file with a header alone stays as it is; readers without a right to the index are slow to make it out.
        let lacks = |reach: u64| match mark() {
            Some(mark) if mark.frames > 0 => reach < end_of(mark.frames.saturating_add(2)),
            _ => false,
        };
        let (true, Some(file)) = (lacks(self.reaches.load(Ordering::Relaxed)), self.file.get()) else {
            return;
        };
        let length = || file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        if lacks(length()) {
            // What another process has just put at the end must not be overwritten: nobody writes but who holds this lock.
            let Ok(lock) = connection.transaction_with_behavior(TransactionBehavior::Immediate) else {
                return;
            };
            let end = length();
            if lacks(end) && file.write_all_at(&[0; ROOM], end).is_err() {
                // On a disk that is full somebody else may have a use for what there was.
                let _ = file.set_len(end);
            }
            drop(lock);
        }
        self.reaches.store(length(), Ordering::Relaxed);
    }

    /// Returns how many bytes the file has behind so many frames, which the next ones take before the disk has to have more.
    pub fn room_behind(&self, frames: u32) -> u64 {
        self.path.metadata().map_or(0, |meta| meta.len().saturating_sub(end_of(frames)))
    }

    /// Opens the file for syncing. The connection must have read before, so that the file exists and stays.
    fn open(&self) -> Result<()> {
        if self.file.get().is_some() {
            return Ok(());
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(|error| fault::of_system(&self.path, "open the write-ahead log", error))?;
        let len = file
            .metadata()
            .map_err(|error| fault::of_system(&self.path, "open the write-ahead log", error))?
            .len();
        if len == 0 {
            // Nobody has written to it yet, so nobody may have synced its name. Whoever finds bytes in it
            // knows that the one who wrote them came through here first.
            sync_directory(&self.path)?;
        }
        let _ = self.file.set(file);
        Ok(())
    }

    /// Syncs the file.
    pub fn sync(&self) -> Result<()> {
        let Some(file) = self.file.get() else {
            return Err(Error::Invalid { what: "sync before an append".into() });
        };
        if let Err(error) = file.sync_data() {
            self.mark_unsynced();
            // Not as `NoSpace`, whatever the system says: that would promise that nothing was changed.
            return Err(Error::Io(Fault {
                path: self.path.clone(),
                attempt: "sync the write-ahead log".into(),
                source: Some(Box::new(error)),
            }));
        }
        Ok(())
    }

    /// Fails if a sync of any process has.
    pub fn check_mark(&self, log: &Path) -> Result<()> {
        match self.mark.symlink_metadata() {
            Ok(_) => Err(Error::Poisoned { path: log.to_owned() }),
            Err(_) => Ok(()),
        }
    }

    /// Leaves word for other processes that a sync failed, as far as the disk allows.
    pub fn mark_unsynced(&self) {
        let _ = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.mark);
    }

    /// Makes sure, if a sync has failed before, that all of the log that can be read is on disk.
    fn settle_mark(&self, log: &Path, file: FileId) -> Result<()> {
        if self.mark.symlink_metadata().is_err() {
            return Ok(());
        }
        let connection = connect(log, file, false)?;
        let attempt = "bring the log to disk after a failed sync";
        let fault = |error| fault::of_sqlite(log, attempt, error);
        connection.execute_batch("PRAGMA synchronous = FULL").map_err(fault)?;
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(fault)?;
        if busy != 0 {
            return Err(Error::Busy(Fault { path: log.to_owned(), attempt: attempt.into(), source: None }));
        }
        // What could not be written may be gone from the log, and its number be given to another commit.
        let newest = beside(log, "-newest");
        if let Ok(file) = OpenOptions::new().write(true).open(&newest) {
            file.set_len(0).map_err(|error| fault::of_system(&newest, attempt, error))?;
        }
        std::fs::remove_file(&self.mark).or_else(|error| match error.kind() {
            // Another process was faster.
            ErrorKind::NotFound => Ok(()),
            _ => Err(fault::of_system(&self.mark, attempt, error)),
        })
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

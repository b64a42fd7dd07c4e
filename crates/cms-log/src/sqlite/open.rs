//! Opening and creating the file, and setting a connection up.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, atomic::AtomicU32},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use super::{Access, Link, PATIENCE, Sqlite, fault, group::Group};
use crate::{Error, Fault, Result};

/// `cmsl`.
const APPLICATION_ID: i32 = 0x636d_736c;

/// The format that this program writes, and the newest that it reads.
const FORMAT_VERSION: i32 = 1;

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
        match path.metadata() {
            Ok(metadata) if metadata.len() > 0 || create => {}
            Err(error) if error.kind() == ErrorKind::NotFound && create => create_file(path)?,
            Ok(_) => return Err(Error::Absent { path: path.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::Absent { path: path.to_owned() });
            }
            Err(error) => return Err(fault::of_system(path, "open the log", error)),
        }
        let mut connection = connect(path, options.read_only)?;
        if !is_log(path, &connection)? {
            if !create {
                return Err(Error::Absent { path: path.to_owned() });
            }
            initialize(path, &mut connection)?;
        }
        let link = Link { connection, access: Access::Read };
        let write_ahead = WriteAhead::new(path);
        if !options.read_only {
            write_ahead.settle_mark(path)?;
        }
        Ok(Sqlite {
            path: path.to_owned(),
            read_only: options.read_only,
            main: Mutex::new(link),
            second: Mutex::new(None),
            group: Group::default(),
            write_ahead,
            frames: Arc::new(AtomicU32::new(0)),
        })
    }

    /// Sets a connection up for writing.
    pub(super) fn prepare_to_write(&self, link: &mut Link) -> Result<()> {
        self.write_ahead.open()?;
        // NORMAL: a commit writes without syncing, which `sync` does for all of them; copying back still syncs.
        link.connection
            .execute_batch(
                "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -8192;",
            )
            .map_err(|error| self.fault("prepare to write", error))?;
        let frames = Arc::clone(&self.frames);
        link.connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
                frames.store(pages.unsigned_abs(), std::sync::atomic::Ordering::Relaxed);
                Ok(())
            }))
            .map_err(|error| self.fault("prepare to write", error))?;
        link.access = Access::Write;
        Ok(())
    }
}

/// Opens a connection with what every one needs.
pub(super) fn connect(path: &Path, read_only: bool) -> Result<Connection> {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    open_connection(path, access).map_err(|error| fault::of_sqlite(path, "open the log", error))
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
    match pragma("user_version").map_err(fault)? {
        FORMAT_VERSION => Ok(true),
        version => match pragma("application_id").map_err(fault)? {
            APPLICATION_ID => Err(Error::NewerFormat {
                path: path.to_owned(),
                found: version.unsigned_abs(),
                known: FORMAT_VERSION.unsigned_abs(),
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
    // The change of mode wants the file for itself and does not wait for somebody who just looks in.
    let deadline = Instant::now() + PATIENCE;
    let mode: String = loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Ok(mode) => break mode,
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(fault(error)),
        }
    };
    if mode != "wal" {
        return Err(Error::Io(Fault {
            path: path.to_owned(),
            attempt: "create the log".into(),
            source: Some("the file system does not allow shared memory beside the log".into()),
        }));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    transaction.execute_batch(SCHEMA).map_err(fault)?;
    transaction.commit().map_err(fault)?;
    sync_directory(path)
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

/// The `-wal` file beside the log, and the mark that a sync of it failed.
pub(super) struct WriteAhead {
    path: PathBuf,
    mark: PathBuf,
    file: OnceLock<File>,
}

impl WriteAhead {
    fn new(log: &Path) -> WriteAhead {
        // SQLite follows a link to the database before it names the files beside it.
        let real = match log.read_link() {
            Ok(_) => log.canonicalize().unwrap_or_else(|_| log.to_owned()),
            Err(_) => log.to_owned(),
        };
        WriteAhead { path: beside(&real, "-wal"), mark: beside(&real, "-unsynced"), file: OnceLock::new() }
    }

    /// Opens the file for syncing. The connection must have read before, so that the file exists and stays.
    fn open(&self) -> Result<()> {
        if self.file.get().is_some() {
            return Ok(());
        }
        let file = File::open(&self.path)
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
    pub fn sync(&self, log: &Path) -> Result<()> {
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
        // Another process may have met the error that this sync was spared.
        if self.mark.symlink_metadata().is_ok() {
            return Err(Error::Poisoned { path: log.to_owned() });
        }
        Ok(())
    }

    /// Leaves word for other processes that a sync failed, as far as the disk allows.
    pub fn mark_unsynced(&self) {
        let _ = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.mark);
    }

    /// Makes sure, if a sync has failed before, that all of the log that can be read is on disk.
    fn settle_mark(&self, log: &Path) -> Result<()> {
        if self.mark.symlink_metadata().is_err() {
            return Ok(());
        }
        let connection = connect(log, false)?;
        let attempt = "bring the log to disk after a failed sync";
        let fault = |error| fault::of_sqlite(log, attempt, error);
        connection.execute_batch("PRAGMA synchronous = FULL").map_err(fault)?;
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(fault)?;
        if busy != 0 {
            return Err(Error::Busy(Fault { path: log.to_owned(), attempt: attempt.into(), source: None }));
        }
        std::fs::remove_file(&self.mark).or_else(|error| match error.kind() {
            // Another process was faster.
            ErrorKind::NotFound => Ok(()),
            _ => Err(fault::of_system(&self.mark, attempt, error)),
        })
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

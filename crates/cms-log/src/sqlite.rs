//! The log in a SQLite file: many processes at once, no daemon (`docs/log-format.md`, section 4).

mod copy;
mod fault;
mod group;
mod index;
mod moment;
mod newest;
mod open;
mod retain;
mod script;
mod seen;
mod shared_sync;
mod tables;
mod verify;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use cms_model::{
    PackageName,
    table::{Definition, Query, Row},
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

pub use self::{copy::Retired, open::Open};
use self::{
    group::Group,
    index::Fresh,
    newest::Newest,
    open::{FileId, WriteAhead},
    seen::{Mark, Seen, Stamp, State},
    shared_sync::SharedSync,
};
use crate::{
    Appended, Backend, Commit, Digest, Durable, EntryBody, Error, Fault, FileView, Finding, Header, Held,
    Look, Note, Object, ObjectKind, Order, Progress, Reclaimed, Record, Result, Revision, Root, ScriptRun,
    ScriptTask, StoredCommit, StoredObject, TableRead, Touch, Views, codec,
    content::{self, decode_root, encode_root},
    wire::{Malformed, Reader},
};

/// A handle copies the WAL back after a sync when it has this many frames.
const COPY_AT: u32 = 1000;

/// A handle that wrote copies the WAL back on closing when it has this many frames.
const COPY_ON_CLOSE_AT: u32 = 32;

/// Beyond this many frames somebody keeps the WAL from being restarted, and the copy becomes insistent.
const COPY_INSISTENTLY_AT: u32 = 16_000;

/// How long an insistent copy waits for those who read or write.
const INSISTENCE: Duration = Duration::from_millis(50);

/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(10);

/// A read takes at most this much at a time, and lets go of the database before it hands it on.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// The log in a SQLite file.
///
/// ```
/// use cms_log::{Backend, Commit, CommitKind, Open, Origin, Revision, Sqlite};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let log = Sqlite::open(directory.path().join("log.db"), Open { create: true, read_only: false, ..Open::default() })?;
/// let commit = Commit {
///     revision: log.head()?.next(),
///     time_us: 0,
///     author: "root".into(),
///     tool: "example".into(),
///     message: "nothing changed".into(),
///     origin: Origin::Direct,
///     kind: CommitKind::Normal,
///     packages: Vec::new(),
///     tables: Vec::new(),
///     conflicts: Vec::new(),
/// };
/// let appended = log.append(Revision::EMPTY, &commit, &[], None)?;
/// let durable = log.sync(appended)?;
/// assert_eq!(durable.revision(), Revision(1));
/// assert!(log.append(Revision::EMPTY, &commit, &[], None).unwrap_err().is_head_moved());
/// # Ok(())
/// # }
/// ```
pub struct Sqlite {
    path: PathBuf,
    read_only: bool,
    file: FileId,
    /// The connection that writes, and that reads unless it is busy.
    main: Arc<Mutex<Link>>,
    /// A second one for those who want to read while the first is busy.
    second: Mutex<Option<Connection>>,
    group: Group,
    write_ahead: WriteAhead,
    /// The frames in the WAL after our last write.
    frames: Arc<AtomicU32>,
    seen: Seen,
    shared: SharedSync,
    newest: Newest,
    fresh: Fresh,
}

/// A connection, and what has been done to it.
struct Link {
    /// None after another handle of this process has closed our glance.
    connection: Option<Connection>,
    access: Access,
}

/// What a connection was set up for. Each step costs, so none is taken before it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Looks at the files and leaves them as they are.
    Glance,
    /// Takes part in what the processes share.
    Read,
    /// Writes.
    Write,
}

impl Sqlite {
    /// Returns what tells the log's file from every other file of the machine.
    pub fn file_id(&self) -> [u8; 16] {
        self.file.bytes()
    }

    /// Runs `work` on a connection that is free.
    fn read<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        if let Ok(mut link) = self.main.try_lock() {
            if let Some(connection) = &link.connection {
                let outcome = work(connection);
                let storage_failed = matches!(
                    outcome,
                    Err(Error::Busy(_)
                        | Error::ReadOnly(_)
                        | Error::Io(_)
                        | Error::Denied(_)
                        | Error::Damaged(_))
                );
                if link.access != Access::Glance || !storage_failed {
                    return outcome;
                }
            }
            // The files came into a state that a glance cannot make out, or the glance was closed.
            self.look_properly(&mut link)?;
            return work(link.connection.as_ref().ok_or_else(|| self.closed())?);
        }
        self.read_aside(work)
    }

    /// Runs `work` on a connection that is none of those who write.
    fn read_aside<T>(&self, mut work: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match second.take() {
            Some(connection) => connection,
            None => open::connect(&self.path, self.file, self.read_only)?,
        };
        work(second.insert(connection))
    }

    /// Locks the writing connection and runs `work` on it.
    fn write<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        if self.read_only {
            return Err(Error::ReadOnly(Fault {
                path: self.path.clone(),
                attempt: "write to a log opened for reading".into(),
                source: None,
            }));
        }
        let mut link = self.main.lock().unwrap_or_else(PoisonError::into_inner);
        if self.group.is_poisoned() {
            return Err(self.poisoned());
        }
        let connection = self.prepare_to_write(&mut link)?;
        self.write_ahead.make_room(connection, || self.seen.mark());
        work(connection)
    }

    /// Runs `work` in a write transaction, which lasts if it succeeds.
    fn transaction<T>(
        &self,
        attempt: &str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write(|connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|error| self.fault(attempt, error))?;
            let answer = work(&transaction)?;
            transaction.commit().map_err(|error| self.fault(attempt, error))?;
            Ok(answer)
        })
    }

    fn fault(&self, attempt: impl Into<String>, error: rusqlite::Error) -> Error {
        fault::of_sqlite(&self.path, attempt, error)
    }

    fn damaged(&self, what: impl Into<String>, reason: Malformed) -> Error {
        fault::damaged(&self.path, what, reason)
    }

    /// What cannot be, for `look_properly` opens a connection or fails.
    fn closed(&self) -> Error {
        let attempt = "read through a closed connection".into();
        Error::Io(Fault { path: self.path.clone(), attempt, source: None })
    }

    fn poisoned(&self) -> Error {
        Error::Poisoned { path: self.path.clone() }
    }

    fn head_of(&self, connection: &Connection) -> Result<Revision> {
        connection
            .prepare_cached("SELECT max(revision) FROM commits")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)))
            .map(|head| Revision(head.unwrap_or(0) as u64))
            .map_err(|error| self.fault("read the head", error))
    }

    /// The head and the notes on files, read again only where the database has changed.
    fn state(&self) -> Result<Arc<State>> {
        self.seen.state(
            |stamp| self.newest.head_at(stamp),
            || {
                self.read(|connection| {
                    let views = Arc::new(Views::new(self.views_of(connection)?));
                    Ok(State { head: self.head_of(connection)?, views })
                })
            },
        )
    }

    /// Lets others know of an append of ours without asking the log.
    fn tell(&self, before: Option<Stamp>, rows: &[(&Commit, &codec::Encoded)]) -> Appended {
        let head = rows.last().map_or(Revision::EMPTY, |(commit, _)| commit.revision);
        let seen = self.seen.wrote(before, |state| state.head = head);
        self.newest.keep(rows);
        let mark = match seen {
            Some((stamp, state)) => {
                self.newest.note_head(&stamp, head, state.views.mark());
                Mark::of(&stamp)
            }
            None => self.seen.mark(),
        };
        self.fresh.note(rows.iter().map(|(commit, _)| *commit));
        Appended { revision: head, ticket: self.group.appended(mark) }
    }

    fn views_of(&self, connection: &Connection) -> Result<BTreeMap<PackageName, FileView>> {
        let fault = |error| self.fault("read the notes on files", error);
        let mut statement = connection.prepare_cached("SELECT package, note FROM views").map_err(fault)?;
        let mut rows = statement.query([]).map_err(fault)?;
        let mut views = BTreeMap::new();
        while let Some(row) = rows.next().map_err(fault)? {
            let package = row.get_ref(0).map_err(fault)?.as_bytes().unwrap_or_default();
            let note = row.get_ref(1).map_err(fault)?.as_bytes().unwrap_or_default();
            // A damaged note is as good as none: the file is read again.
            if let (Ok(package), Some(view)) = (PackageName::try_from(package), FileView::decode(note)) {
                views.insert(package, view);
            }
        }
        Ok(views)
    }

    fn first_of(&self, connection: &Connection) -> Result<Revision> {
        match self.meta_of(connection, "first")? {
            None => Ok(Revision::EMPTY),
            Some(value) => {
                let mut reader = Reader(&value);
                reader.varint().map(Revision).map_err(|reason| self.damaged("the oldest revision", reason))
            }
        }
    }

    fn meta_of(&self, connection: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
        connection
            .prepare_cached("SELECT value FROM meta WHERE name = ?1")
            .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
            .map_err(|error| self.fault(format!("read note {name}"), error))
    }

    fn has_object_in(&self, connection: &Connection, digest: &Digest) -> Result<bool> {
        connection
            .prepare_cached("SELECT 1 FROM objects WHERE digest = ?1")
            .and_then(|mut statement| statement.exists([&digest.0[..]]))
            .map_err(|error| self.fault(format!("look for object {digest}"), error))
    }

    fn object_in(&self, connection: &Connection, digest: &Digest) -> Result<Option<Object>> {
        let mut statement = connection
            .prepare_cached("SELECT kind, data FROM objects WHERE digest = ?1")
            .map_err(|error| self.fault(format!("read object {digest}"), error))?;
        let restored = statement
            .query_row([&digest.0[..]], |row| {
                let stored = row.get_ref(1)?.as_blob()?;
                Ok((row.get::<_, i64>(0)?, content::restore(digest, stored)))
            })
            .optional()
            .map_err(|error| self.fault(format!("read object {digest}"), error))?;
        let Some((kind, restored)) = restored else { return Ok(None) };
        let kind = u8::try_from(kind).ok().and_then(ObjectKind::from_byte);
        kind.ok_or(Malformed("its kind is unknown"))
            .and_then(|kind| Ok(Some(Object::trusted(kind, *digest, restored?))))
            .map_err(|reason| self.damaged(format!("object {digest}"), reason))
    }

    /// Decodes a row of `commits`, fetching the chunks of a long body.
    fn decode_commit(&self, connection: &Connection, row: &CommitRow) -> Result<Commit> {
        let damaged = |reason| self.damaged(format!("commit {}", row.revision), reason);
        let header = codec::decode_header(&row.header).map_err(damaged)?;
        if header.header.revision != row.revision {
            return Err(damaged(Malformed("it says it is another revision")));
        }
        let decoded: std::result::Result<Commit, DecodeError> =
            codec::decode(header, &row.body, |digest, joined| {
                let object = self.object_in(connection, digest).map_err(DecodeError::Storage)?;
                let object = object.ok_or(Malformed("a piece of its body is missing"))?;
                joined.extend_from_slice(object.content());
                Ok(())
            });
        decoded.map_err(|error| match error {
            DecodeError::Storage(error) => error,
            DecodeError::Malformed(reason) => damaged(reason),
        })
    }

    /// Inserts objects in their stored form; each may name only what is there before it.
    fn insert_objects(&self, connection: &Connection, objects: &[Object], stored: &[Vec<u8>]) -> Result<()> {
        for (object, stored) in objects.iter().zip(stored) {
            let digest = object.digest();
            let fault = |error| self.fault(format!("store object {digest}"), error);
            if self.has_object_in(connection, &digest)? {
                continue;
            }
            let children = content::children(object.kind(), object.content())
                .map_err(|Malformed(what)| Error::Invalid { what: format!("object {digest}: {what}") })?;
            for child in children {
                self.require_object(connection, &child)?;
            }
            connection
                .prepare_cached("INSERT INTO objects (digest, kind, data) VALUES (?1, ?2, ?3)")
                .and_then(|mut statement| {
                    statement.execute(params![&digest.0[..], object.kind() as u8, stored])
                })
                .map_err(fault)?;
        }
        Ok(())
    }

    fn require_object(&self, connection: &Connection, digest: &Digest) -> Result<()> {
        if self.has_object_in(connection, digest)? {
            Ok(())
        } else {
            Err(Error::ObjectMissing { digest: *digest })
        }
    }

    fn require_manifests(&self, connection: &Connection, commit: &Commit) -> Result<()> {
        manifests(commit).try_for_each(|manifest| self.require_object(connection, manifest))
    }

    fn insert_checkpoint(&self, connection: &Connection, revision: Revision, root: &Object) -> Result<()> {
        self.insert_objects(connection, std::slice::from_ref(root), &[content::store(root)])?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO checkpoints (revision, root) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![revision.0 as i64, &root.digest().0[..]]))
            .map_err(|error| self.fault(format!("record checkpoint {revision}"), error))?;
        Ok(())
    }

    /// Inserts the row if the head is what it should be. The condition is the compare-and-set.
    fn insert_commit(
        &self,
        connection: &Connection,
        commit: &Commit,
        encoded: &codec::Encoded,
    ) -> Result<()> {
        let inserted = connection
            .prepare_cached(
                "INSERT INTO commits (revision, time_us, header, body) SELECT ?1, ?2, ?3, ?4 \
                 WHERE ifnull((SELECT max(revision) FROM commits), 0) = ?1 - 1",
            )
            .and_then(|mut statement| {
                let revision = commit.revision.0 as i64;
                statement.execute(params![revision, commit.time_us, encoded.header, encoded.body])
            })
            .map_err(|error| self.fault(format!("append revision {}", commit.revision), error))?;
        if inserted == 0 {
            let head = self.head_of(connection)?;
            return Err(Error::HeadMoved { expected: Revision(commit.revision.0 - 1), head });
        }
        Ok(())
    }

    fn keep_note(&self, connection: &Connection, note: &Note) -> Result<()> {
        match &note.value {
            Some(value) => connection
                .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")
                .and_then(|mut statement| statement.execute(params![note.name, value])),
            None => connection
                .prepare_cached("DELETE FROM meta WHERE name = ?1")
                .and_then(|mut statement| statement.execute([&note.name])),
        }
        .map_err(|error| self.fault(format!("keep note {}", note.name), error))?;
        Ok(())
    }

    /// Refuses ranges that reach beyond what the log keeps.
    fn check_range(&self, connection: &Connection, after: Revision, upto: Revision) -> Result<()> {
        let first = self.first_of(connection)?;
        if after < first {
            return Err(Error::Compacted { revision: after, first });
        }
        let head = self.head_of(connection)?;
        if upto > head {
            return Err(Error::NoSuchRevision { revision: upto, head });
        }
        Ok(())
    }

    /// Reads the next commits of a range, a batch at most.
    fn next_records(&self, after: Revision, upto: Revision) -> Result<Vec<Record>> {
        self.read(|connection| {
            let fault = |error| self.fault(format!("read commits after {after}"), error);
            // Asked for only where something is missing: who reads the newest shall not pay for more than that.
            let explain = |error| self.check_range(connection, after, upto).err().unwrap_or(error);
            let missing = |revision: Revision| {
                explain(self.damaged(format!("commit {revision}"), Malformed("it is missing from the log")))
            };
            let mut statement = connection
                .prepare_cached(
                    "SELECT revision, header, body FROM commits WHERE revision > ?1 AND revision <= ?2 \
                     ORDER BY revision",
                )
                .map_err(fault)?;
            let mut rows = statement.query(params![after.0 as i64, upto.0 as i64]).map_err(fault)?;
            let mut records = Vec::new();
            let mut bytes = 0;
            let mut expected = after;
            while let Some(row) = rows.next().map_err(fault)? {
                let row = CommitRow::of(row).map_err(fault)?;
                expected = expected.next();
                if row.revision != expected {
                    return Err(missing(expected));
                }
                bytes += row.body.len();
                records.push(match Record::of_stored(&row.header, &row.body, row.revision) {
                    Ok(Some(record)) => record,
                    _ => Record::from(Arc::new(self.decode_commit(connection, &row).map_err(explain)?)),
                });
                if records.len() == BATCH_ROWS || bytes >= BATCH_BYTES {
                    return Ok(records);
                }
            }
            if expected != upto { Err(missing(expected.next())) } else { Ok(records) }
        })
    }

    /// Reads the next headers of a range, a batch at most.
    fn next_headers(&self, after: Revision, upto: Revision, order: Order) -> Result<Vec<Header>> {
        let sql = match order {
            Order::Ascending => {
                "SELECT revision, header FROM commits WHERE revision > ?1 AND revision <= ?2 \
                 ORDER BY revision LIMIT ?3"
            }
            Order::Descending => {
                "SELECT revision, header FROM commits WHERE revision > ?1 AND revision <= ?2 \
                 ORDER BY revision DESC LIMIT ?3"
            }
        };
        self.read(|connection| {
            let fault = |error| self.fault(format!("read headers after {after}"), error);
            let mut statement = connection.prepare_cached(sql).map_err(fault)?;
            let range = params![after.0 as i64, signed(upto), BATCH_ROWS as i64];
            let mut rows = statement.query(range).map_err(fault)?;
            let mut headers = Vec::new();
            while let Some(row) = rows.next().map_err(fault)? {
                let revision: i64 = row.get(0).map_err(fault)?;
                let stored = row.get_ref(1).map_err(fault)?.as_blob().unwrap_or_default();
                let decoded = codec::decode_header(stored)
                    .map_err(|reason| self.damaged(format!("commit {revision}"), reason))?;
                headers.push(decoded.header);
            }
            Ok(headers)
        })
    }

    /// Copies the WAL back through a connection of its own, before it has grown so much that a commit would do it.
    fn copy_back_aside(&self) -> Result<()> {
        self.copy_back_beyond(COPY_AT / 2)
    }

    /// As [`copy_back_aside`](Sqlite::copy_back_aside), from so many frames on.
    fn copy_back_beyond(&self, limit: u32) -> Result<()> {
        if self.frames.load(Ordering::Relaxed) >= limit && !self.group.is_poisoned() {
            let connection = open::connect(&self.path, self.file, false)?;
            self.copy_back_as(&connection, COPY_AT, false, "PASSIVE");
        }
        Ok(())
    }

    /// Copies the WAL back into the database if it has grown to `limit` frames.
    ///
    /// A failure is no failure of the commit before it, which is on disk. But when a sync failed in it, it is unknown
    /// what the database file holds, and nothing more may be written.
    fn copy_back(&self, connection: &Connection, limit: u32) {
        let frames = self.frames.load(Ordering::Relaxed);
        if frames < limit {
            return;
        }
        let insistent = frames >= COPY_INSISTENTLY_AT;
        self.copy_back_as(connection, limit, insistent, if insistent { "RESTART" } else { "PASSIVE" });
    }

    /// Copies the WAL back and empties it. What has been copied is known to the shared index alone, which the
    /// last process takes with it: left in the file, all frames would be read again by every later process, and
    /// the next writer would add to them.
    fn empty(&self, connection: &Connection) {
        if self.frames.load(Ordering::Relaxed) < COPY_ON_CLOSE_AT {
            return;
        }
        // Where others are at work it is left to them.
        let _ = connection.busy_timeout(Duration::ZERO);
        self.copy_back_as(connection, COPY_ON_CLOSE_AT, false, "TRUNCATE");
    }

    fn copy_back_as(&self, connection: &Connection, limit: u32, insistent: bool, mode: &str) {
        if insistent {
            let _ = connection.busy_timeout(INSISTENCE);
        }
        let outcome = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        if insistent {
            let _ = connection.busy_timeout(PATIENCE);
        }
        match outcome {
            // All of it was copied: the next write starts from the beginning and says so to the hook. Until then
            // there is nothing to copy.
            Ok((frames, copied)) if frames == copied => self.frames.store(0, Ordering::Relaxed),
            // A reader stands in the way. Try again after as many frames.
            Ok(_) => self.frames.store(limit / 2, Ordering::Relaxed),
            Err(error) => {
                if matches!(self.fault("copy the WAL back", error), Error::Io(_) | Error::Damaged(_)) {
                    self.write_ahead.mark_unsynced();
                    self.group.poison();
                }
            }
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // A glance is closed under the lock of the list it is on: whoever looks there finds it either open or closed.
        self.forget_glance();
        let Ok(link) = self.main.lock() else { return };
        if let Link { connection: Some(connection), access: Access::Write } = &*link
            && !self.group.is_poisoned()
        {
            self.empty(connection);
        }
    }
}

impl Backend for Sqlite {
    fn place(&self) -> &Path {
        &self.path
    }

    fn head(&self) -> Result<Revision> {
        self.state().map(|state| state.head)
    }

    fn look(&self) -> Result<Look> {
        self.state().map(|state| Look { head: state.head, views: state.views.clone() })
    }

    fn first(&self) -> Result<Revision> {
        self.read(|connection| self.first_of(connection))
    }

    fn put_objects(&self, objects: &[Object]) -> Result<()> {
        // Compressed before the lock is taken, so that others wait for the writing only.
        let stored: Vec<Vec<u8>> = objects.iter().map(content::store).collect();
        self.transaction("store objects", |transaction| self.insert_objects(transaction, objects, &stored))?;
        self.write(|connection| {
            self.copy_back(connection, 4 * COPY_AT);
            Ok(())
        })
    }

    fn append_noting(
        &self,
        expected: Revision,
        commit: &Commit,
        objects: &[Object],
        checkpoint: Option<&Root>,
        notes: &[Note],
    ) -> Result<Appended> {
        let revision = commit.revision;
        if revision != expected.next() || i64::try_from(revision.0).is_err() {
            return Err(Error::Invalid { what: format!("commit {revision} does not follow {expected}") });
        }
        let encoded = codec::encode(commit);
        let stored: Vec<Vec<u8>> = objects.iter().chain(&encoded.chunks).map(content::store).collect();
        let root = checkpoint.map(encode_root);

        self.write(|connection| {
            let before = self.seen.before_writing();
            let is_plain = root.is_none() && notes.is_empty() && commit.tables.is_empty();
            if is_plain && stored.is_empty() && manifests(commit).next().is_none() {
                // The usual commit is a single statement, which is its own transaction.
                self.insert_commit(connection, commit, &encoded)?;
            } else {
                let fault = |error| self.fault(format!("append revision {revision}"), error);
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
                self.insert_commit(&transaction, commit, &encoded)?;
                let (given, chunks) = stored.split_at(objects.len());
                self.insert_objects(&transaction, objects, given)?;
                self.insert_objects(&transaction, &encoded.chunks, chunks)?;
                self.require_manifests(&transaction, commit)?;
                if let Some(root) = &root {
                    self.insert_checkpoint(&transaction, revision, root)?;
                }
                notes.iter().try_for_each(|note| self.keep_note(&transaction, note))?;
                commit.tables.iter().try_for_each(|change| self.apply_change(&transaction, change))?;
                transaction.commit().map_err(fault)?;
            }
            Ok(self.tell(before, &[(commit, &encoded)]))
        })
    }

    fn append_all(&self, expected: Revision, commits: &[&Commit]) -> Result<Appended> {
        let mut next = expected;
        let mut encoded = Vec::with_capacity(commits.len());
        for commit in commits {
            next = next.next();
            if commit.revision != next || i64::try_from(next.0).is_err() {
                return Err(Error::Invalid {
                    what: format!("commit {} does not follow {expected}", commit.revision),
                });
            }
            let rows = codec::encode(commit);
            let stored: Vec<Vec<u8>> = rows.chunks.iter().map(content::store).collect();
            encoded.push((commit, rows, stored));
        }
        if encoded.is_empty() {
            return Err(Error::Invalid { what: "no commits to append".into() });
        }
        let fault = |error| self.fault(format!("append revisions {} to {next}", expected.next()), error);
        self.write(|connection| {
            let before = self.seen.before_writing();
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
            // Nobody else appends before the transaction has ended.
            let head = self.head_of(&transaction)?;
            if head != expected {
                return Err(Error::HeadMoved { expected, head });
            }
            let mut insert = transaction
                .prepare_cached(
                    "INSERT INTO commits (revision, time_us, header, body) VALUES (?1, ?2, ?3, ?4)",
                )
                .map_err(fault)?;
            for (commit, rows, stored) in &encoded {
                insert
                    .execute(params![commit.revision.0 as i64, commit.time_us, rows.header, rows.body])
                    .map_err(fault)?;
                self.insert_objects(&transaction, &rows.chunks, stored)?;
                self.require_manifests(&transaction, commit)?;
                commit.tables.iter().try_for_each(|change| self.apply_change(&transaction, change))?;
            }
            drop(insert);
            transaction.commit().map_err(fault)?;
            let rows: Vec<_> = encoded.iter().map(|(commit, rows, _)| (**commit, rows)).collect();
            Ok(self.tell(before, &rows))
        })
    }

    fn appended(&self, revision: Revision) -> Result<Appended> {
        self.write(|connection| {
            let head = self.head_of(connection)?;
            if revision > head {
                return Err(Error::NoSuchRevision { revision, head });
            }
            Ok(Appended { revision, ticket: self.group.appended(self.seen.mark()) })
        })
    }

    fn sync(&self, appended: Appended) -> Result<Durable> {
        let sync = |mine| {
            self.shared.run(mine, || self.seen.mark(), || self.write_ahead.sync())?;
            // Another process may have met the error that this one was spared.
            self.write_ahead.check_mark(&self.path)
        };
        self.group.wait(appended.ticket, sync, || self.poisoned())?;
        if self.frames.load(Ordering::Relaxed) >= COPY_AT {
            // Whoever writes at the moment will come by here too.
            if let Ok(link) = self.main.try_lock()
                && let Some(connection) = &link.connection
            {
                self.copy_back(connection, COPY_AT);
            }
        }
        Ok(Durable { revision: appended.revision })
    }

    fn commits(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut damaged = Ok(());
        self.records(after, upto, &mut |record| match record.into_commit(self) {
            Ok(commit) => visit(commit),
            Err(error) => {
                damaged = Err(error);
                ControlFlow::Break(())
            }
        })?;
        damaged
    }

    fn records(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut after = after;
        let begin = after;
        // Those who keep up ask for the newest.
        if upto.0.saturating_sub(after.0) <= newest::SLOTS {
            let mut visit = |record: Record| {
                after = record.revision();
                visit(record)
            };
            if self.newest.visit(begin, upto, &mut visit).is_break() {
                return Ok(());
            }
        }
        while after < upto {
            for record in self.next_records(after, upto)? {
                after = record.revision();
                if visit(record).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn commit(&self, revision: Revision) -> Result<Option<Commit>> {
        self.read(|connection| {
            let fault = |error| self.fault(format!("read commit {revision}"), error);
            // A commit and the pieces of its body, which may be given up between two readings.
            let _moment = self.moment(connection, "read a commit")?;
            let mut statement = connection
                .prepare_cached("SELECT revision, header, body FROM commits WHERE revision = ?1")
                .map_err(fault)?;
            let row = statement.query_row([signed(revision)], CommitRow::of).optional().map_err(fault)?;
            row.map(|row| self.decode_commit(connection, &row)).transpose()
        })
    }

    fn headers(
        &self,
        after: Revision,
        upto: Revision,
        order: Order,
        visit: &mut dyn FnMut(Header) -> ControlFlow<()>,
    ) -> Result<()> {
        let (mut after, mut upto) = (after, upto);
        while after < upto {
            let headers = self.next_headers(after, upto, order)?;
            let complete = headers.len() < BATCH_ROWS;
            for header in headers {
                match order {
                    Order::Ascending => after = header.revision,
                    Order::Descending => upto = Revision(header.revision.0 - 1),
                }
                if visit(header).is_break() {
                    return Ok(());
                }
            }
            if complete {
                break;
            }
        }
        Ok(())
    }

    fn touches(
        &self,
        package: &PackageName,
        upto: Revision,
        visit: &mut dyn FnMut(Touch) -> ControlFlow<()>,
    ) -> Result<()> {
        self.visit_touches(package, upto, visit)
    }

    fn commits_at(
        &self,
        revisions: &[Revision],
        visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<()> {
        self.visit_commits_at(revisions, visit)
    }

    fn index(&self) -> Result<bool> {
        self.index_next()
    }

    fn revision_at(&self, time_us: i64) -> Result<Revision> {
        self.read(|connection| {
            let found: Option<i64> = connection
                .prepare_cached(
                    "SELECT revision FROM commits WHERE time_us <= ?1 ORDER BY revision DESC LIMIT 1",
                )
                .and_then(|mut statement| statement.query_row([time_us], |row| row.get(0)).optional())
                .map_err(|error| self.fault("find the revision of a time", error))?;
            let first = self.first_of(connection)?;
            Ok(found.map_or(first, |revision| Revision(revision as u64).max(first)))
        })
    }

    fn object(&self, digest: &Digest) -> Result<Option<Object>> {
        self.read(|connection| self.object_in(connection, digest))
    }

    fn has_object(&self, digest: &Digest) -> Result<bool> {
        self.read(|connection| self.has_object_in(connection, digest))
    }

    fn checkpoint(&self, at_or_before: Revision) -> Result<Option<(Revision, Root)>> {
        self.read(|connection| {
            let fault = |error| self.fault(format!("read the checkpoint before {at_or_before}"), error);
            // A checkpoint and its root, which may be given up between two readings.
            let _moment = self.moment(connection, "read a checkpoint")?;
            let found: Option<(i64, [u8; 16])> = connection
                .prepare_cached(
                    "SELECT revision, root FROM checkpoints WHERE revision <= ?1 \
                     ORDER BY revision DESC LIMIT 1",
                )
                .and_then(|mut statement| {
                    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                    statement.query_row([signed(at_or_before)], row).optional()
                })
                .map_err(fault)?;
            let Some((revision, root)) = found else { return Ok(None) };
            let damaged = |reason| self.damaged(format!("checkpoint {revision}"), reason);
            let object = self.object_in(connection, &Digest(root))?;
            let object = object.ok_or_else(|| damaged(Malformed("its root is missing")))?;
            let root = decode_root(object.content()).map_err(damaged)?;
            Ok(Some((Revision(revision as u64), root)))
        })
    }

    fn put_checkpoint(&self, revision: Revision, root: &Root, objects: &[Object]) -> Result<()> {
        let stored: Vec<Vec<u8>> = objects.iter().map(content::store).collect();
        let root = encode_root(root);
        self.transaction(&format!("record checkpoint {revision}"), |transaction| {
            let head = self.head_of(transaction)?;
            if revision > head {
                return Err(Error::NoSuchRevision { revision, head });
            }
            self.insert_objects(transaction, objects, &stored)?;
            self.insert_checkpoint(transaction, revision, &root)
        })
    }

    fn view(&self, package: &PackageName) -> Result<Option<FileView>> {
        self.state().map(|state| state.views.each().get(package).cloned())
    }

    fn views(&self) -> Result<Vec<(PackageName, FileView)>> {
        self.state().map(|state| {
            state.views.each().iter().map(|(package, view)| (package.clone(), view.clone())).collect()
        })
    }

    fn record_views(&self, views: &[(PackageName, Option<FileView>)]) -> Result<()> {
        if views.is_empty() {
            return Ok(());
        }
        let fault = |error| self.fault("note what files hold", error);
        self.write(|connection| {
            let before = self.seen.before_writing();
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
            for (package, view) in views {
                let name = package.as_str();
                match view {
                    Some(view) => transaction
                        .prepare_cached("INSERT OR REPLACE INTO views (package, note) VALUES (?1, ?2)")
                        .and_then(|mut statement| statement.execute(params![name, view.encode()])),
                    None => transaction
                        .prepare_cached("DELETE FROM views WHERE package = ?1")
                        .and_then(|mut statement| statement.execute([name])),
                }
                .map_err(|error| self.fault(format!("note what the file of {package} holds"), error))?;
            }
            transaction.commit().map_err(fault)?;
            self.seen.wrote(before, |state| {
                let known = Arc::make_mut(&mut state.views).change();
                for (package, view) in views {
                    match view {
                        Some(view) => known.insert(package.clone(), view.clone()),
                        None => known.remove(package),
                    };
                }
            });
            Ok(())
        })
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(|connection| self.meta_of(connection, name))
    }

    fn set_meta(&self, name: &str, value: Option<&[u8]>) -> Result<()> {
        let note = Note { name: name.to_owned(), value: value.map(<[u8]>::to_vec) };
        self.transaction("keep a note", |transaction| self.keep_note(transaction, &note))
    }

    fn keep_notes(&self, notes: &[Note]) -> Result<Appended> {
        let fault = |error| self.fault("keep notes", error);
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
            notes.iter().try_for_each(|note| self.keep_note(&transaction, note))?;
            let revision = self.head_of(&transaction)?;
            transaction.commit().map_err(fault)?;
            Ok(Appended { revision, ticket: self.group.appended(self.seen.mark()) })
        })
    }

    fn size(&self) -> Result<u64> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT (page_count - freelist_count) * page_size \
                     FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
                )
                .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
                .map(i64::unsigned_abs)
                .map_err(|error| self.fault("measure the log", error))
        })
    }

    fn weight(&self, from: Revision, before: Revision) -> Result<u64> {
        self.weigh(from, before)
    }

    fn retain(&self, keep_from: Revision) -> Result<Reclaimed> {
        self.retain_from(keep_from)
    }

    fn hold(&self) -> Result<Held> {
        self.hold_now()
    }

    fn tables(&self) -> Result<(Revision, Vec<Arc<Definition>>)> {
        self.read_tables()
    }

    fn rows(&self, table: &Definition, query: &Query) -> Result<TableRead<Vec<Row>>> {
        self.read_rows(table, query)
    }

    fn count_rows(&self, table: &Definition) -> Result<TableRead<u64>> {
        self.read_count(table)
    }

    fn rows_by_key(&self, table: &Definition, keys: &[Row]) -> Result<TableRead<Vec<Option<Row>>>> {
        self.read_rows_by_key(table, keys)
    }

    fn explain_rows(&self, table: &Definition, query: &Query) -> Result<Vec<String>> {
        self.explain_query(table, query)
    }

    fn run_script(&self, task: &ScriptTask<'_>) -> Result<ScriptRun> {
        self.run_script_aside(task)
    }

    fn newest_object(&self) -> Result<u64> {
        self.newest_object_id()
    }

    fn stored_objects(
        &self,
        after: u64,
        upto: u64,
        visit: &mut dyn FnMut(StoredObject) -> ControlFlow<()>,
    ) -> Result<()> {
        self.visit_objects(after, upto, visit)
    }

    fn stored_commits(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(StoredCommit) -> ControlFlow<()>,
    ) -> Result<()> {
        self.visit_commits(after, upto, visit)
    }

    fn checkpoints(&self, upto: Revision) -> Result<Vec<(Revision, Digest)>> {
        self.all_checkpoints(upto)
    }

    fn tidy(&self) -> Result<()> {
        self.write(|connection| {
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(|error| self.fault("copy the WAL back", error))?;
            self.frames.store(0, Ordering::Relaxed);
            Ok(())
        })
    }

    fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>> {
        self.verify_all(progress)
    }
}

/// A row of `commits`.
struct CommitRow {
    revision: Revision,
    header: Vec<u8>,
    body: Vec<u8>,
}

impl CommitRow {
    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<CommitRow> {
        Ok(CommitRow {
            revision: Revision(row.get::<_, i64>(0)? as u64),
            header: row.get(1)?,
            body: row.get(2)?,
        })
    }
}

/// Why a commit could not be decoded.
enum DecodeError {
    Malformed(Malformed),
    Storage(Error),
}

impl From<Malformed> for DecodeError {
    fn from(reason: Malformed) -> DecodeError {
        DecodeError::Malformed(reason)
    }
}

/// Returns the manifests that a commit names.
fn manifests(commit: &Commit) -> impl Iterator<Item = &Digest> {
    commit.packages.iter().flat_map(|entry| {
        let (old, new) = match &entry.body {
            EntryBody::Edit { .. } => (None, None),
            EntryBody::Replace { old, new, .. } => (old.as_ref(), new.as_ref()),
        };
        old.into_iter().chain(new)
    })
}

/// SQLite's integers are signed; a revision beyond them is beyond every commit.
fn signed(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

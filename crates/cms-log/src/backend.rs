//! What a home of the log must be able to do.

use std::{collections::BTreeMap, ops::ControlFlow, path::Path, sync::Arc};

use cms_model::{
    PackageName,
    table::{Definition, Query, Row},
};

use crate::{
    Commit, Digest, Header, Look, Object, Record, Result, Revision, ScriptRun, ScriptTask, StoredCommit,
    StoredObject, TableRead, Touch,
    check::checksum,
    wire::{Decoded, Malformed, Reader, Writer},
};

/// A home of the log.
///
/// A backend keeps commits in the order of their revisions, objects under the names of their content, checkpoints
/// from which old states are rebuilt, and a few notes of this machine. It knows nothing of what a change means.
///
/// A commit takes two steps. [`append`](Backend::append) makes it the head, atomically, for every process that
/// looks; [`sync`](Backend::sync) makes it durable. Only then may it be acknowledged. Writers that append while a
/// sync is under way share the next one.
///
/// All methods may be called from any thread. Every method that reads may be called while others write.
pub trait Backend: Send + Sync {
    /// Returns where the log lies, for messages.
    fn place(&self) -> &Path;

    /// Returns the revision of the newest commit, [`Revision::EMPTY`] if there is none.
    fn head(&self) -> Result<Revision>;

    /// Returns the head and what is known of all package files, as they are at one moment.
    fn look(&self) -> Result<Look>;

    /// Returns the oldest revision whose state can still be read.
    fn first(&self) -> Result<Revision>;

    /// Stores objects ahead of the commit that names them.
    ///
    /// An object may name only objects that are in the log or come earlier in `objects`. Storing an object that is
    /// there already does nothing. Objects that no commit comes to name are collected by
    /// [`retain`](Backend::retain).
    ///
    /// # Errors
    /// [`Error::ObjectMissing`](crate::Error::ObjectMissing) names an object that should have been stored before.
    fn put_objects(&self, objects: &[Object]) -> Result<()>;

    /// Makes `commit` the head if the head is still `expected`, together with the objects it names, all or nothing.
    ///
    /// Other processes see the commit when this returns, but it is **not yet durable**: pass the answer to
    /// [`sync`](Backend::sync) before telling anyone. `checkpoint` also records the state after the commit.
    ///
    /// # Errors
    /// [`Error::HeadMoved`](crate::Error::HeadMoved) if another commit came first; nothing was changed.
    /// [`Error::ObjectMissing`](crate::Error::ObjectMissing) if the commit names an object that is not in the log.
    fn append(
        &self,
        expected: Revision,
        commit: &Commit,
        objects: &[Object],
        checkpoint: Option<&Root>,
    ) -> Result<Appended> {
        self.append_noting(expected, commit, objects, checkpoint, &[])
    }

    /// As [`append`](Backend::append), and keeps notes in the same transaction: what is armed with a commit is there
    /// exactly when the commit is, and the sync of the commit makes both durable.
    ///
    /// # Errors
    /// As [`append`](Backend::append); then the notes are as they were.
    fn append_noting(
        &self,
        expected: Revision,
        commit: &Commit,
        objects: &[Object],
        checkpoint: Option<&Root>,
        notes: &[Note],
    ) -> Result<Appended>;

    /// Makes `commits`, which follow each other, the newest if the head is still `expected`: all of them or none.
    ///
    /// What [`append`](Backend::append) does for one, for the price of little more than one: a writer that finds others
    /// waiting takes their commits along. The answer stands for the last of them, and syncing it for all. The objects that
    /// they name must be in the log.
    fn append_all(&self, expected: Revision, commits: &[&Commit]) -> Result<Appended>;

    /// Returns what stands for a commit that another process has appended, to be [synced](Backend::sync) here.
    ///
    /// # Errors
    /// [`Error::NoSuchRevision`](crate::Error::NoSuchRevision) above the head.
    fn appended(&self, revision: Revision) -> Result<Appended>;

    /// Waits until the commit, and so every commit before it, is on disk.
    ///
    /// Callers that wait at the same time share a sync.
    ///
    /// # Errors
    /// If the sync failed, the outcome is unknown; the handle is poisoned, and everything after answers
    /// [`Error::Poisoned`](crate::Error::Poisoned) until the log has been opened again.
    fn sync(&self, appended: Appended) -> Result<Durable>;

    /// Calls `visit` with each commit after `after` up to and including `upto`, oldest first, until it breaks.
    ///
    /// # Errors
    /// [`Error::Compacted`](crate::Error::Compacted) if commits of the range are no longer kept.
    fn commits(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<()>;

    /// As [`commits`](Backend::commits), with records, of which little is decoded.
    ///
    /// # Errors
    /// As `commits`.
    fn records(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Returns the commit that made `revision`, if the log keeps it.
    fn commit(&self, revision: Revision) -> Result<Option<Commit>>;

    /// Calls `visit` with the header of each kept commit after `after` up to and including `upto`, until it breaks.
    ///
    /// Cheap: bodies are not read. Commits that are no longer kept are passed over.
    fn headers(
        &self,
        after: Revision,
        upto: Revision,
        order: Order,
        visit: &mut dyn FnMut(Header) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Calls `visit` with the commits up to and including `upto` that touched `package`, the newest first, until it breaks.
    ///
    /// The price is that of the package's own commits, however many there are to others. Commits that are no longer kept may
    /// be among them; [`commits_at`](Backend::commits_at) passes them over.
    fn touches(
        &self,
        package: &PackageName,
        upto: Revision,
        visit: &mut dyn FnMut(Touch) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Calls `visit` with the commits of some revisions, in their order, until it breaks. Those that are not kept are passed over.
    fn commits_at(
        &self,
        revisions: &[Revision],
        visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Does a small piece of what [`touches`](Backend::touches) rests on, if one is due; answers whether there may be more.
    ///
    /// No commit waits for it. What has not been done makes histories dearer, not wrong.
    fn index(&self) -> Result<bool>;

    /// Returns the newest revision whose commit is not later than `time_us`, or, before all of them, the oldest readable.
    fn revision_at(&self, time_us: i64) -> Result<Revision>;

    /// Returns an object, its checksum checked.
    fn object(&self, digest: &Digest) -> Result<Option<Object>>;

    /// Returns whether the log has the object.
    fn has_object(&self, digest: &Digest) -> Result<bool>;

    /// Returns the newest checkpoint that is not newer than `at_or_before`.
    fn checkpoint(&self, at_or_before: Revision) -> Result<Option<(Revision, Root)>>;

    /// Records the state at `revision`, so that reading at or after it need not replay what came before.
    ///
    /// # Errors
    /// As [`append`](Backend::append) for objects; [`Error::NoSuchRevision`](crate::Error::NoSuchRevision) above the head.
    fn put_checkpoint(&self, revision: Revision, root: &Root, objects: &[Object]) -> Result<()>;

    /// Returns what is known of a package's file.
    fn view(&self, package: &PackageName) -> Result<Option<FileView>>;

    /// Returns what is known of all package files.
    fn views(&self) -> Result<Vec<(PackageName, FileView)>>;

    /// Notes what package files hold; `None` forgets one.
    ///
    /// Not synced: after a power failure an older note may be found, never one for a commit that was lost.
    fn record_views(&self, views: &[(PackageName, Option<FileView>)]) -> Result<()>;

    /// Returns a note of this log.
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Keeps a note of this log; `None` removes it. Not synced by itself.
    fn set_meta(&self, name: &str, value: Option<&[u8]>) -> Result<()>;

    /// Keeps notes, all or none; pass the answer to [`sync`](Backend::sync) before telling anyone.
    fn keep_notes(&self, notes: &[Note]) -> Result<Appended>;

    /// Returns how many bytes the log takes, without the room that it has given up and fills again.
    fn size(&self) -> Result<u64>;

    /// Returns how many bytes the records of the commits from one revision to before another take, about, without the objects that
    /// they name.
    fn weight(&self, from: Revision, before: Revision) -> Result<u64>;

    /// Gives up the states before `keep_from`, and collects what nothing readable needs.
    ///
    /// Works in short steps between which others commit, and may be stopped at any moment; the next call goes on.
    fn retain(&self, keep_from: Revision) -> Result<Reclaimed>;

    /// Holds the log as it is at this moment, for those who read much of it while others append and give up old states.
    ///
    /// It is held as long as that costs the others little; from then on each reading has its own moment, and may find that what it
    /// asks for was given up.
    fn hold(&self) -> Result<Held>;

    /// Returns the tables at the head, and the head.
    fn tables(&self) -> Result<(Revision, Vec<Arc<Definition>>)>;

    /// Returns the rows of a table at the head that a query asks for, in its order.
    fn rows(&self, table: &Definition, query: &Query) -> Result<TableRead<Vec<Row>>>;

    /// Returns how many rows a table has at the head.
    fn count_rows(&self, table: &Definition) -> Result<TableRead<u64>>;

    /// Returns the rows of a table at the head that have these keys, in the order of the keys.
    fn rows_by_key(&self, table: &Definition, keys: &[Row]) -> Result<TableRead<Vec<Option<Row>>>>;

    /// Says how a query would be answered, in the words of the database: for those who want to see that an index is used.
    fn explain_rows(&self, table: &Definition, query: &Query) -> Result<Vec<String>>;

    /// Runs a script on the tables and answers what it would change. Nothing is kept of it.
    ///
    /// # Errors
    /// [`Error::HeadMoved`](crate::Error::HeadMoved) if the head is not the task's; [`Error::Script`](crate::Error::Script) and
    /// [`Error::Table`](crate::Error::Table) say what is wrong with the script or a row that it made.
    fn run_script(&self, task: &ScriptTask<'_>) -> Result<ScriptRun>;

    /// Returns the number of the newest object. Numbers ascend, and are never given twice.
    fn newest_object(&self) -> Result<u64>;

    /// Calls `visit` with each object after the number `after` up to `upto`, as it is stored, in the order of their numbers.
    fn stored_objects(
        &self,
        after: u64,
        upto: u64,
        visit: &mut dyn FnMut(StoredObject) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Calls `visit` with each commit after `after` up to and including `upto`, as it is stored, oldest first.
    ///
    /// # Errors
    /// [`Error::Compacted`](crate::Error::Compacted) if commits of the range are no longer kept.
    fn stored_commits(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(StoredCommit) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Lists the checkpoints up to a revision, and the digests of their roots.
    fn checkpoints(&self, upto: Revision) -> Result<Vec<(Revision, Digest)>>;

    /// Brings the storage into its cheapest shape to open. For idle moments; commits do what is needed by themselves.
    fn tidy(&self) -> Result<()>;

    /// Checks everything: the storage, each record, each object, each checkpoint, and a replay up to the head.
    ///
    /// Damage is an answer, not an error. `progress` is called now and then.
    fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>>;
}

/// The log as it was at one moment: what [`Backend::hold`] answers.
///
/// ```
/// use cms_log::{Backend, Open, Sqlite};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let log = Sqlite::open(directory.path().join("log.db"), Open { create: true, ..Open::default() })?;
/// log.set_meta("colour", Some(b"red"))?;
/// let held = log.hold()?;
/// log.set_meta("colour", Some(b"blue"))?;
/// assert_eq!(held.log().meta("colour")?.as_deref(), Some(&b"red"[..]));
/// # Ok(())
/// # }
/// ```
#[must_use = "it lasts as long as this"]
pub struct Held {
    /// First, so that nothing is held when the log is closed.
    _guard: Box<dyn Send>,
    log: Box<dyn Backend>,
    head: Revision,
}

impl Held {
    pub(crate) fn new(log: Box<dyn Backend>, head: Revision, guard: Box<dyn Send>) -> Held {
        Held { _guard: guard, log, head }
    }

    /// Returns the log, to read from alone. Its [`head`](Backend::head) may go on; [`Held::head`] does not.
    pub fn log(&self) -> &dyn Backend {
        &*self.log
    }

    /// Returns the revision that was the newest.
    pub fn head(&self) -> Revision {
        self.head
    }
}

/// A note of the log, as it shall be.
///
/// ```
/// use cms_log::Note;
///
/// let kept = Note::new("owner", b"ada");
/// let removed = Note { value: None, ..kept.clone() };
/// assert_eq!(kept.name, removed.name);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its name.
    pub name: String,
    /// What it holds; `None` removes it.
    pub value: Option<Vec<u8>>,
}

impl Note {
    /// Makes a note that holds `value`.
    pub fn new(name: &str, value: impl Into<Vec<u8>>) -> Note {
        Note { name: name.to_owned(), value: Some(value.into()) }
    }
}

/// A commit that is the head for everyone but not yet durable.
#[derive(Clone, Copy, Debug)]
#[must_use = "a commit is not durable before it is synced"]
pub struct Appended {
    /// The commit.
    pub(crate) revision: Revision,
    /// Its place in the order of appends through this handle.
    pub(crate) ticket: u64,
}

impl Appended {
    /// Returns the revision of the commit.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}

/// The proof that a commit is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    pub(crate) revision: Revision,
}

impl Durable {
    /// Returns the revision of the commit.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}

/// The direction in which headers are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the oldest.
    Ascending,
    /// From the newest.
    Descending,
}

/// The state of a store at a revision: its packages and the manifests of their text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// Each package's manifest.
    pub packages: BTreeMap<PackageName, Digest>,
}

/// What a package's file held when it was last written or read, to notice edits by others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// The revision whose text it is.
    pub revision: Revision,
    /// The digest of the whole file text.
    pub digest: Digest,
    /// The length in bytes.
    pub size: u64,
    /// Nanoseconds of the file's modification time.
    pub mtime_ns: i64,
    /// Nanoseconds of the file's status change time.
    pub ctime_ns: i64,
    /// The device it lies on.
    pub dev: u64,
    /// Its inode.
    pub inode: u64,
    /// Its type and permission bits.
    pub mode: u32,
    /// The wall clock in nanoseconds when this was taken: a younger modification time proves nothing.
    pub checked_ns: i64,
}

impl FileView {
    /// Encodes the view, with a checksum.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u32(0);
        writer.varint(self.revision.0);
        writer.digest(&self.digest);
        writer.varint(self.size);
        writer.zigzag(self.mtime_ns);
        writer.zigzag(self.ctime_ns);
        writer.varint(self.dev);
        writer.varint(self.inode);
        writer.varint(self.mode.into());
        writer.zigzag(self.checked_ns);
        let crc = checksum(&writer.0[4..]);
        writer.0[..4].copy_from_slice(&crc.to_le_bytes());
        writer.0
    }

    /// Decodes a view; `None` if it is damaged, which is as good as none: the file is read again.
    pub fn decode(note: &[u8]) -> Option<FileView> {
        let mut reader = Reader(note);
        let decoded: Decoded<FileView> = (|| {
            if reader.u32()? != checksum(reader.0) {
                return Err(Malformed("its checksum does not agree"));
            }
            let view = FileView {
                revision: Revision(reader.varint()?),
                digest: reader.digest()?,
                size: reader.varint()?,
                mtime_ns: reader.zigzag()?,
                ctime_ns: reader.zigzag()?,
                dev: reader.varint()?,
                inode: reader.varint()?,
                mode: u32::try_from(reader.varint()?).map_err(|_| Malformed("its mode is out of range"))?,
                checked_ns: reader.zigzag()?,
            };
            reader.end()?;
            Ok(view)
        })();
        decoded.ok()
    }
}

/// What a [`Backend::retain`] gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Commits deleted.
    pub commits: u64,
    /// Objects deleted.
    pub objects: u64,
    /// Bytes of records and objects deleted; the file keeps the room and fills it again.
    pub bytes: u64,
}

/// How far a [`Backend::verify`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being checked.
    pub stage: &'static str,
    /// How many are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// A fault that [`Backend::verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: a commit, an object, a checkpoint or the file.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Harmless, but not as it should be.
    Notice,
    /// Old states cannot be read; the head can.
    History,
    /// The head cannot be read from the log.
    Head,
}

//! The store: opening it, its newest state, and the right to write.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cms_log::{Backend, Commit, Digest, Digester, FileView, Record, Revision, Sqlite, Views};
use cms_model::{Package, PackageName};
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::board::Desk;
use crate::error::{Error, Result};
use crate::group::Commits;
use crate::head::Head;
use crate::location::Location;
use crate::lock::{Held, LockFile};
use crate::manager::Active;
use crate::mapped::Mapped;
use crate::mapped::limit::Limit;
use crate::modules::Modules;
use crate::package_file::{PackageFile, is_temporary};
use crate::recent::Recent;
use crate::status::{COMPARED, now_ns};
use crate::upkeep::Upkeep;

/// The note in the log that says which directory it belongs to.
pub(crate) const IDENTITY: &str = "identity";

/// The variable that says with how much text there still is a segment.
const SEGMENT_LIMIT: &str = "CMS_SEGMENT_LIMIT";

/// What [`Store::open`] may do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Make the log where there is none and this process may; its first commit imports the package files.
    pub create: bool,
    /// This process is going to commit; saves it from opening the log twice.
    pub writes: bool,
    /// With how many bytes of text in all packages together there still is a segment. By default 512 MiB, a quarter of what is
    /// free in the runtime directory, or an eighth of the available memory, whatever is least; with 0 there is none.
    pub segment_limit: Option<u64>,
}

impl Options {
    /// Reads `CMS_SEGMENT_LIMIT`: bytes, or `K`, `M` or `G` of 1024 to a step.
    ///
    /// Everybody who uses a store must use the same value: a segment that one process builds would be taken away by the other.
    ///
    /// ```
    /// let options = cms::Options { create: false, ..cms::Options::from_env()? };
    /// # Ok::<(), cms::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no such number.
    pub fn from_env() -> Result<Options> {
        let Some(text) = std::env::var_os(SEGMENT_LIMIT).filter(|text| !text.is_empty()) else {
            return Ok(Options::default());
        };
        match text.to_str().and_then(bytes_of) {
            Some(limit) => Ok(Options { segment_limit: Some(limit), ..Options::default() }),
            None => Err(Error::Invalid {
                key: SEGMENT_LIMIT.to_owned(),
                reason: format!("{} is no number of bytes; write 268435456 or 256M", text.display()),
            }),
        }
    }
}

/// Reads a number of bytes.
fn bytes_of(text: &str) -> Option<u64> {
    let (number, shift) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 10),
        b'M' | b'm' => (&text[..text.len() - 1], 20),
        b'G' | b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    // A number may be written with a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

impl Default for Options {
    fn default() -> Options {
        Options { create: true, writes: false, segment_limit: None }
    }
}

/// One configuration directory with its log. Cheap to clone; clones share everything.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption proto 'static'\n")?;
/// use cms::{Location, Options, Store};
///
/// let store = Store::open(&Location::find(&config, &dirs)?, Options::default())?;
/// let snapshot = store.snapshot()?;
/// let network = snapshot.package(&"network".parse()?)?;
/// assert_eq!(network.find("lan").unwrap().get("proto").unwrap().as_bytes(), Some(&b"static"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub location: Location,
    log: Option<Log>,
    listing: Mutex<Option<Listing>>,
    pub active: Arc<Active>,
    pub modules: Modules,
}

/// The package files of the configuration directory, and what it was when they were listed.
struct Listing {
    directory: DirectoryStatus,
    files: Arc<Files>,
}

/// What lies in a configuration directory.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The packages that have a file: regular files with a valid name, in byte order.
    pub packages: Vec<PackageName>,
    /// Whether there is a temporary of a replacement.
    pub has_temporary: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct DirectoryStatus {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

/// The log of a store, opened by somebody who may.
pub(crate) struct Log {
    pub backend: Arc<dyn Backend>,
    lock: LockFile,
    files_lock: LockFile,
    /// The newest state that is in the log, whether durable or not; its guard is the right to append.
    writer: Mutex<Head>,
    /// The newest state that this process's readers see.
    published: RwLock<Arc<Head>>,
    flushing: Mutex<()>,
    following: Mutex<()>,
    /// Whether this process has looked for files that an earlier one left behind the log.
    pub caught_up: AtomicBool,
    /// Whether this process is going to commit.
    writes: bool,
    /// Views that were confirmed by a later look, which the log need not know: see [`Log::confirm`].
    confirmed: Mutex<BTreeMap<PackageName, FileView>>,
    /// What other processes read.
    pub mapped: Mapped,
    pub recent: Recent,
    pub commits: Commits,
    pub desk: Desk,
    pub upkeep: Upkeep,
}

/// The right to append to the log, with the newest state to build on.
pub(crate) struct Writing<'a> {
    pub head: MutexGuard<'a, Head>,
    log: &'a Log,
    _lock: Held<'a>,
    /// Last, for when the lock was given back.
    _call: Call<'a>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.forget_unmade();
        }
    }
}

impl Writing<'_> {
    /// Goes back to a state that the log has, and forgets what was made of it since: commits that are not appended, or half of one.
    pub(crate) fn forget_unmade(&mut self) {
        let published = self.log.published.read().clone();
        self.log.recent.forget_from(published.revision.next());
        *self.head = Head::clone(&published);
    }
}

/// Calls one of the processes that wait on the board.
struct Call<'a>(&'a Desk);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.call();
    }
}

impl Store {
    /// Opens the store at `location`.
    ///
    /// A process that may not open the log gets a store that reads the package files. Commits whose confirmation is overdue are
    /// rolled back first.
    ///
    /// # Errors
    /// Those of the log, above all of one that a newer version wrote, or that is damaged.
    pub fn open(location: &Location, options: Options) -> Result<Store> {
        let log = if location.is_ours() { Log::open(location, options)? } else { None };
        let kept = log.as_ref().map(|log| log.backend.clone());
        let modules = Modules::new(location.modules().to_vec(), kept);
        let store = Store {
            inner: Arc::new(Inner {
                location: location.clone(),
                log,
                listing: Mutex::new(None),
                active: Arc::default(),
                modules,
            }),
        };
        store.settle_on_opening();
        Ok(store)
    }

    /// Returns where the store lies.
    pub fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Tells whether this process has the log, and so history, transactions and staging.
    pub fn has_log(&self) -> bool {
        self.inner.log.is_some()
    }

    /// Returns the newest revision in the log.
    ///
    /// # Errors
    /// [`Error::NotOwner`] or [`Error::NoLog`] without a log.
    pub fn head(&self) -> Result<Revision> {
        Ok(self.log("read the revision")?.backend.head()?)
    }

    pub(crate) fn log(&self, attempt: &'static str) -> Result<&Log> {
        match &self.inner.log {
            Some(log) => Ok(log),
            None if self.inner.location.is_ours() => {
                Err(Error::NoLog { path: self.inner.location.config().to_owned() })
            }
            None => Err(Error::NotOwner {
                attempt,
                path: self.inner.location.config().to_owned(),
                owner: self.inner.location.owner(),
            }),
        }
    }

    pub(crate) fn optional_log(&self) -> Option<&Log> {
        self.inner.log.as_ref()
    }

    pub(crate) fn file(&self, package: &PackageName) -> PackageFile {
        PackageFile::new(self.inner.location.config(), package)
    }

    /// Lists the packages that have a file: regular files with a valid name, in byte order.
    pub(crate) fn file_names(&self) -> Result<Vec<PackageName>> {
        Ok(self.files()?.packages.clone())
    }

    /// Looks at the configuration directory.
    pub(crate) fn files(&self) -> Result<Arc<Files>> {
        let path = self.inner.location.config();
        let status = std::fs::metadata(path).map(|meta| DirectoryStatus {
            device: meta.dev(),
            inode: meta.ino(),
            changed: (meta.ctime(), meta.ctime_nsec()),
        });
        let mut listing = self.inner.listing.lock();
        if let (Some(known), Ok(status)) = (&*listing, &status)
            && known.directory == *status
        {
            return Ok(known.files.clone());
        }
        let files = Arc::new(Files::list(path)?);
        // A change within the clock's last tick would not show in the directory's time.
        *listing = status.ok().and_then(|directory| {
            let (seconds, nanoseconds) = directory.changed;
            let is_old = now_ns() - (seconds * 1_000_000_000 + nanoseconds) > LISTING_AGE_NS;
            is_old.then(|| Listing { directory, files: files.clone() })
        });
        Ok(files)
    }
}

/// How long a directory must not have changed for its time to tell a later change: longer than any tick of the clock that
/// file systems take their times from.
const LISTING_AGE_NS: i64 = 100_000_000;

/// Lists the regular files of a directory that can be packages, in byte order.
pub(crate) fn package_files(directory: &Path) -> Result<Vec<PackageName>> {
    Files::list(directory).map(|files| files.packages)
}

impl Files {
    fn list(directory: &Path) -> Result<Files> {
        let failed = |source| Error::io("list", directory, source);
        let mut files = Files::default();
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| PackageName::new(name).ok()) else {
                files.has_temporary |= is_temporary(&name);
                continue;
            };
            let is_file = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => {
                    std::fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file())
                }
                Ok(kind) => kind.is_file(),
                Err(error) => return Err(failed(error)),
            };
            if is_file {
                files.packages.push(name);
            }
        }
        files.packages.sort();
        Ok(files)
    }
}

impl Log {
    fn open(location: &Location, options: Options) -> Result<Option<Log>> {
        let path = location.log();
        let open = cms_log::Open { writes: options.writes, ..cms_log::Open::default() };
        let backend = match Sqlite::open(&path, open) {
            Ok(backend) => backend,
            Err(error) if error.is_absent() && options.create => {
                match Log::create(location) {
                    Ok(backend) => backend,
                    // Whoever cannot make a log can still read the files.
                    Err(error) if error.is_permission() => {
                        tracing::warn!(%error, "no log can be made; reading the package files");
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let head = Head::load(&backend, None)?;
        let newest = head.revision;
        let log = Log {
            lock: LockFile::new(location, location.state().join("lock")),
            files_lock: LockFile::new(location, location.state().join("files.lock")),
            published: RwLock::new(Arc::new(head.clone())),
            writer: Mutex::new(head),
            flushing: Mutex::new(()),
            following: Mutex::new(()),
            caught_up: AtomicBool::new(false),
            writes: options.writes,
            confirmed: Mutex::new(BTreeMap::new()),
            mapped: Mapped::new(location, Limit::new(options.segment_limit)),
            recent: Recent::default(),
            commits: Commits::new(),
            desk: Desk::new(location, backend.file_id()),
            upkeep: Upkeep::new(newest, &backend),
            backend: Arc::new(backend),
        };
        log.check_identity(location)?;
        Ok(Some(log))
    }

    fn create(location: &Location) -> Result<Sqlite> {
        location.create_state()?;
        let lock = LockFile::new(location, location.state().join("lock"));
        let _held = lock.lock()?;
        let path = location.log();
        let backend = Sqlite::open(&path, cms_log::Open { create: true, ..cms_log::Open::default() })?;
        location.give_to_owner(&path).map_err(|source| Error::io("give to its owner", &path, source))?;
        if backend.meta(IDENTITY)?.is_none() {
            backend.set_meta(IDENTITY, Some(&location.identity()))?;
        }
        Ok(backend)
    }

    /// Where another directory stands at the path now, the directory wins: every package counts as
    /// last written with the text of the head, so that each difference is an edit and each missing
    /// file a deletion.
    fn check_identity(&self, location: &Location) -> Result<()> {
        let identity = location.identity();
        if self.backend.meta(IDENTITY)?.as_deref() == Some(&identity[..]) {
            return Ok(());
        }
        let writing = self.write()?;
        if self.backend.meta(IDENTITY)?.as_deref() == Some(&identity[..]) {
            return Ok(());
        }
        tracing::warn!(path = %location.config().display(), "the configuration directory is another one; its files win");
        let mut views: Vec<(PackageName, Option<FileView>)> =
            self.backend.views()?.into_iter().map(|(name, _)| (name, None)).collect();
        for (name, cell) in writing.head.cells() {
            let digest = text_digest(&*cell.package(&*self.backend, name, writing.head.revision)?);
            let view = FileView {
                revision: writing.head.revision,
                digest,
                size: 0,
                mtime_ns: 0,
                ctime_ns: 0,
                dev: 0,
                inode: 0,
                mode: 0,
                checked_ns: 0,
            };
            views.push((name.clone(), Some(view)));
        }
        self.backend.record_views(&views)?;
        self.backend.set_meta(IDENTITY, Some(&identity))?;
        Ok(())
    }

    /// Waits for the right to append, and reads what others appended meanwhile.
    pub(crate) fn write(&self) -> Result<Writing<'_>> {
        let head = self.writer.lock();
        let held = self.lock.lock()?;
        self.writing(head, held)
    }

    /// Takes the right to append unless another process has it: threads of this one are waited for.
    pub(crate) fn write_unless_taken(&self) -> Result<Option<Writing<'_>>> {
        let head = self.writer.lock();
        let Some(held) = self.lock.try_lock()? else { return Ok(None) };
        self.writing(head, held).map(Some)
    }

    /// Takes the right to append if nobody has it.
    pub(crate) fn try_write(&self) -> Result<Option<Writing<'_>>> {
        let Some(head) = self.writer.try_lock() else { return Ok(None) };
        let Some(held) = self.lock.try_lock()? else { return Ok(None) };
        self.writing(head, held).map(Some)
    }

    fn writing<'a>(&'a self, head: MutexGuard<'a, Head>, held: Held<'a>) -> Result<Writing<'a>> {
        let mut writing = Writing { head, log: self, _lock: held, _call: Call(&self.desk) };
        let newest = self.backend.head()?;
        if newest > writing.head.revision {
            // What this process's readers have followed is not followed again.
            let published = self.published.read().clone();
            if published.revision > writing.head.revision {
                *writing.head = Head::clone(&published);
                self.recent.catch_up(&*self.backend, published.revision);
            }
            self.advance(&mut writing.head, newest, |record| self.recent.learn(record))?;
        }
        Ok(writing)
    }

    /// Brings a state up to a revision of the log, and hands out the commits that it had to read.
    fn advance(&self, head: &mut Head, revision: Revision, visit: impl FnMut(Arc<Record>)) -> Result<()> {
        // What another thread has appended, or read already.
        if revision > head.revision
            && let Some(commits) = self.recent.between(head.revision, revision)
        {
            commits.iter().for_each(|commit| head.apply(commit));
            return Ok(());
        }
        match head.follow_with(&*self.backend, revision, visit) {
            // Nobody asked this process while the commits after its state came and were given up.
            Err(Error::Log(error)) if error.is_overtaken() => {
                *head = Head::load(&*self.backend, Some(revision))?;
                Ok(())
            }
            followed => followed,
        }
    }

    /// Takes the right to replace package files.
    pub(crate) fn write_files(&self) -> Result<WritingFiles<'_>> {
        let mutex = self.flushing.lock();
        let held = self.files_lock.lock()?;
        Ok(WritingFiles { _held: held, _mutex: mutex })
    }

    /// Returns what was last seen in a package's file, at the newest look.
    pub(crate) fn view(&self, name: &PackageName) -> Result<Option<FileView>> {
        Ok(self.view_in(&self.backend.look()?.views, name))
    }

    /// As [`view`](Log::view), of notes that were looked at before.
    pub(crate) fn view_in(&self, views: &Views, name: &PackageName) -> Option<FileView> {
        let noted = views.get(name)?.clone();
        let confirmed = self.confirmed.lock();
        let again = confirmed
            .get(name)
            .filter(|view| FileView { checked_ns: noted.checked_ns, ..(*view).clone() } == noted);
        Some(again.cloned().unwrap_or(noted))
    }

    /// Keeps in mind that a file was found as its view has it, later than the view was taken; answers whether that is enough.
    ///
    /// A process that is going to commit would note it in the log, and soon after the file that it writes. Of a small file
    /// the first note is worth less than what it spares others, one comparison.
    pub(crate) fn confirm(&self, name: &PackageName, seen: &FileView) -> bool {
        let is_enough = self.writes && seen.size <= COMPARED;
        if is_enough {
            self.confirmed.lock().insert(name.clone(), seen.clone());
        }
        is_enough
    }

    /// Notes what package files hold. A note that cannot be taken costs a comparison at the next use.
    pub(crate) fn note(&self, views: &[(PackageName, Option<FileView>)]) {
        if views.is_empty() {
            return;
        }
        if let Err(error) = self.backend.record_views(views) {
            tracing::warn!(%error, "could not note what the package files hold");
        }
        if self.mapped.note(&*self.backend, views) {
            let newest = self.published.read().clone();
            self.show(&newest, &[]);
        }
    }

    /// Shows a state that `commits` led to in the segment.
    pub(crate) fn show(&self, head: &Head, commits: &[Arc<Commit>]) {
        self.mapped.follow(&*self.backend, head, &self.recent, commits);
    }

    /// Returns the newest state in the log.
    pub(crate) fn newest(&self) -> Result<Arc<Head>> {
        self.newest_of(self.backend.head()?)
    }

    /// Returns a state that is not older than a head that was looked at.
    pub(crate) fn newest_of(&self, newest: Revision) -> Result<Arc<Head>> {
        let published = self.published.read().clone();
        if newest <= published.revision {
            return Ok(published);
        }
        // One reads what is new; those who come meanwhile wait for it.
        let _following = self.following.lock();
        let published = self.published.read().clone();
        if newest <= published.revision {
            return Ok(published);
        }
        let mut head = Head::clone(&published);
        let mut newest = newest;
        // What is read is not kept: only he who commits needs it once more.
        while let Err(error) = self.advance(&mut head, newest, drop) {
            // What was the newest when it was looked at may be given up by now: then there is a newer one.
            let now = self.backend.head()?;
            if error.first_kept().is_none() || now == newest {
                return Err(error);
            }
            newest = now;
        }
        Ok(self.publish(Arc::new(head)))
    }

    /// Returns the state at a revision, which is one of the newest.
    pub(crate) fn head_at(&self, revision: Revision) -> Result<Arc<Head>> {
        let _following = self.following.lock();
        let published = self.published.read().clone();
        if published.revision > revision {
            return Ok(Arc::new(Head::load(&*self.backend, Some(revision))?));
        }
        let mut head = Head::clone(&published);
        self.advance(&mut head, revision, drop)?;
        Ok(self.publish(Arc::new(head)))
    }

    /// Returns the commit that made a revision, as the log has it; `None` if there is none of that number.
    pub(crate) fn commit_in_log(&self, revision: Revision) -> Result<Option<Arc<Commit>>> {
        let Some(before) = revision.0.checked_sub(1) else { return Ok(None) };
        let mut found = None;
        let read = self.backend.records(Revision(before), revision, &mut |record| {
            found = Some(record);
            ControlFlow::Continue(())
        });
        match read {
            Ok(()) => {}
            Err(cms_log::Error::NoSuchRevision { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        Ok(found.map(|record| record.into_commit(&*self.backend)).transpose()?.map(Arc::new))
    }

    /// Shows a state to this process's readers, unless they see a newer one.
    pub(crate) fn publish(&self, head: Arc<Head>) -> Arc<Head> {
        let mut published = self.published.write();
        if published.revision < head.revision {
            *published = head;
        }
        published.clone()
    }
}

/// The right to replace package files.
pub(crate) struct WritingFiles<'a> {
    _held: Held<'a>,
    _mutex: MutexGuard<'a, ()>,
}

/// The digest of a package's text, as views note it.
pub(crate) fn text_digest(package: &Package) -> Digest {
    let mut digester = Digester::new();
    // Writing to a digester does not fail.
    let _ = package.write_text(&mut digester);
    digester.finish()
}

/// A seed for the ids of new sections: two writers must not draw the same.
pub(crate) fn seed() -> u64 {
    let mut random = [0; 8];
    match rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => u64::from_le_bytes(random),
        _ => (now_ns() as u64) ^ u64::from(std::process::id()).rotate_left(32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read =
            ["0", "100", "64K", "3m", "2G", "", "K", "1T", "-1", "+1", "1.5G", "99999999999G"].map(bytes_of);
        let sizes = [Some(0), Some(100), Some(64 << 10), Some(3 << 20), Some(2 << 30)];
        assert_eq!(read[..5], sizes);
        assert_eq!(read[5..], [None; 7]);
    }
}

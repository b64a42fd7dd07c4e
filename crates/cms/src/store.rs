//! The store: opening it, its newest state, and the right to write.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cms_log::{Backend, Commit, Digest, Digester, FileView, Revision, Sqlite};
use cms_model::{Package, PackageName};
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::error::{Error, Result};
use crate::head::Head;
use crate::location::Location;
use crate::lock::{Held, LockFile};
use crate::mapped::Mapped;
use crate::package_file::PackageFile;
use crate::status::now_ns;

/// The note in the log that says which directory it belongs to.
const IDENTITY: &str = "identity";

/// What [`Store::open`] may do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Make the log where there is none and this process may; its first commit imports the package files.
    pub create: bool,
    /// This process is going to commit; saves it from opening the log twice.
    pub writes: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { create: true, writes: false }
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
}

/// The log of a store, opened by somebody who may.
pub(crate) struct Log {
    pub backend: Box<dyn Backend>,
    lock: LockFile,
    files_lock: LockFile,
    /// The newest state that is in the log, whether durable or not; its guard is the right to append.
    writer: Mutex<Head>,
    /// The newest state that this process's readers see.
    published: RwLock<Arc<Head>>,
    flushing: Mutex<()>,
    /// Whether this process has looked for files that an earlier one left behind the log.
    pub caught_up: AtomicBool,
    /// What other processes read.
    pub mapped: Mapped,
}

/// The right to append to the log, with the newest state to build on.
pub(crate) struct Writing<'a> {
    pub head: MutexGuard<'a, Head>,
    _lock: Held<'a>,
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
        let store = Store { inner: Arc::new(Inner { location: location.clone(), log }) };
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
        package_files(self.inner.location.config())
    }
}

/// Lists the regular files of a directory that can be packages, in byte order.
pub(crate) fn package_files(directory: &Path) -> Result<Vec<PackageName>> {
    let failed = |source| Error::io("list", directory, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(name) = entry.file_name().to_str().and_then(|name| PackageName::new(name).ok()) else {
            continue;
        };
        let is_file = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => std::fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file()),
            Ok(kind) => kind.is_file(),
            Err(error) => return Err(failed(error)),
        };
        if is_file {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
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
        let log = Log {
            lock: LockFile::new(location, location.state().join("lock")),
            files_lock: LockFile::new(location, location.state().join("files.lock")),
            published: RwLock::new(Arc::new(head.clone())),
            writer: Mutex::new(head),
            flushing: Mutex::new(()),
            caught_up: AtomicBool::new(false),
            mapped: Mapped::new(location),
            backend: Box::new(backend),
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
            let digest = text_digest(&*cell.package(&*self.backend, name)?);
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
        let mut head = self.writer.lock();
        let held = self.lock.lock()?;
        let newest = self.backend.head()?;
        head.follow(&*self.backend, newest)?;
        Ok(Writing { head, _lock: held })
    }

    /// Takes the right to append if nobody has it.
    pub(crate) fn try_write(&self) -> Result<Option<Writing<'_>>> {
        let Some(mut head) = self.writer.try_lock() else { return Ok(None) };
        let Some(held) = self.lock.try_lock()? else { return Ok(None) };
        let newest = self.backend.head()?;
        head.follow(&*self.backend, newest)?;
        Ok(Some(Writing { head, _lock: held }))
    }

    /// Takes the right to replace package files.
    pub(crate) fn write_files(&self) -> Result<WritingFiles<'_>> {
        let mutex = self.flushing.lock();
        let held = self.files_lock.lock()?;
        Ok(WritingFiles { _held: held, _mutex: mutex })
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
            self.mapped.follow(&*self.backend, &newest, None);
        }
    }

    /// Shows a state that `commit` led to in the segment.
    pub(crate) fn show(&self, head: &Head, commit: &Commit) {
        self.mapped.follow(&*self.backend, head, Some(commit));
    }

    /// Returns the newest state in the log.
    pub(crate) fn newest(&self) -> Result<Arc<Head>> {
        let newest = self.backend.head()?;
        let published = self.published.read().clone();
        if newest <= published.revision {
            return Ok(published);
        }
        let mut head = Head::clone(&published);
        head.follow(&*self.backend, newest)?;
        Ok(self.publish(Arc::new(head)))
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
    getrandom::u64().unwrap_or_else(|_| {
        let process = u64::from(std::process::id());
        (now_ns() as u64) ^ process.rotate_left(32)
    })
}

//! Restoring backups: into an empty place with all of the history, or over a store as one commit (`docs/backup-format.md`).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cms_log::{Backend, Backup, BackupError, Chain, FileView, Open, Retired, Revision, Sqlite, tables_at};
use cms_model::PackageName;
use cms_model::schema::Mode;
use cms_model::table::{TableChange, TableName};

use crate::backup::{BackupSource, STORE, failed};
use crate::commit::Committed;
use crate::describe::DisplayChange;
use crate::error::{Error, Result};
use crate::head::Head;
use crate::location::Location;
use crate::lock::{FileLock, LockFile};
use crate::package_file::PackageFile;
use crate::store::{IDENTITY, Options, Store, package_files};
use crate::tables::{creations, display};

/// How [`Store::restore`] goes about it.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// The state to restore; the newest by default.
    pub at: Option<RestorePoint>,
    /// Put the backup's history in the place of the store's own, which is gone then, staged changes included.
    pub replace_history: bool,
    /// Also restore the backup of another store over this one.
    pub any_store: bool,
    /// Change nothing; say what would be.
    pub dry_run: bool,
    /// Why, for the commit.
    pub message: String,
    /// With which program.
    pub tool: String,
    /// What is done with what schemas find where the restore is a commit, whatever they say themselves. By default they only tell of
    /// it, for the way back is never closed.
    pub validate: Option<Mode>,
}

/// A state in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestorePoint {
    /// That of a revision.
    Revision(Revision),
    /// So many revisions before the last.
    BeforeLast(u64),
    /// The newest that is not later than a time in microseconds since 1970.
    Time(i64),
}

/// What a restore did.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The revision of the backup whose state is restored.
    pub revision: Revision,
    /// Whether its history was restored, too: there was nothing before, or it was to be replaced.
    pub history: bool,
    /// What changed.
    pub committed: Committed,
}

impl Store {
    /// Restores backups that follow each other, the first a whole one, to the store at `location`.
    ///
    /// Where there is nothing yet, the backup's log becomes the store's and its packages the files. Over a store, its packages become one
    /// commit, which can be undone. All of every backup is read and checked before anything is touched. `progress` is told how many
    /// bytes of the present one are read.
    ///
    /// # Errors
    /// [`Error::Backup`] names the backup that is refused; nothing was changed then. [`Error::Log`] for a revision that is not in
    /// it, and when another process has the log open that is to be replaced. [`Error::FilesPending`] when only the files are missing.
    pub fn restore(
        location: &Location,
        backups: &mut [BackupSource<'_>],
        options: &RestoreOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Restored> {
        if !location.is_ours() {
            let (path, owner) = (location.config().to_owned(), location.owner());
            return Err(Error::NotOwner { attempt: "restore", path, owner });
        }
        let workplace = Workplace::new(location)?;
        let read = Read::new(&workplace.log(), backups, options.at, progress)?;
        let files = package_files(location.config())?;
        let store = match files.is_empty() && !has_log(location) {
            true => None,
            false => {
                Some(Store::open(location, Options { writes: !options.dry_run, ..Options::from_env()? })?)
            }
        };
        let is_empty = match &store {
            Some(store) => files.is_empty() && store.head()? == Revision::EMPTY,
            None => true,
        };
        if options.dry_run || !(is_empty || options.replace_history) {
            let Some(store) = store else { return read.as_new() };
            return read.over(&store, options);
        }
        drop(store);
        let revision = read.take_place(location, &workplace)?;
        workplace.keep();
        let store = Store::open(location, Options { writes: true, ..Options::from_env()? })?;
        store.write_restored(revision)
    }

    /// Brings the files to a log that was just put in place.
    fn write_restored(&self, revision: Revision) -> Result<Restored> {
        let log = self.log("restore")?;
        let head = log.newest()?;
        let names = self.known_names(log, &head)?;
        let warnings = self
            .write_package_files(&names)
            .map_err(|source| Error::FilesPending { revision, source: Box::new(source) })?;
        tracing::info!(revision = revision.0, "restored with its history");
        let packages = created(head.cells().map(|(name, _)| name));
        let tables = created_tables(&*log.backend)?;
        Ok(Restored {
            revision,
            history: true,
            committed: Committed { packages, tables, ..Committed::nothing(revision, warnings) },
        })
    }
}

fn created<'a>(names: impl Iterator<Item = &'a PackageName>) -> Vec<(PackageName, Vec<DisplayChange>)> {
    names.map(|name| (name.clone(), vec![DisplayChange::package_created(name)])).collect()
}

fn created_tables(backend: &dyn Backend) -> Result<Vec<(TableName, Vec<DisplayChange>)>> {
    let (_, tables) = backend.tables()?;
    let made = tables.into_iter().map(|table| {
        let name = table.name.clone();
        (name, display(&TableChange { old: None, new: Some(table), rows: Vec::new() }))
    });
    Ok(made.collect())
}

/// Whether somebody has begun a log.
fn has_log(location: &Location) -> bool {
    location.log().metadata().is_ok_and(|meta| meta.len() > 0)
}

/// Backups that were read into a log of their own.
struct Read {
    log: Sqlite,
    head: Head,
    /// The last of them, and what it is called.
    backup: Backup,
    name: String,
}

impl Read {
    fn new(
        path: &Path,
        backups: &mut [BackupSource<'_>],
        at: Option<RestorePoint>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Read> {
        let log = Sqlite::open(path, Open { create: true, writes: true, ..Open::default() })?;
        let mut chain = Chain::default();
        let mut last = None;
        for backup in backups {
            let read = chain
                .read(backup.reader, Some(&log), progress)
                .map_err(|source| failed(&backup.name, source))?;
            last = Some((read, backup.name.clone()));
        }
        let Some((backup, name)) = last else {
            return Err(Error::Invalid {
                key: "restore".to_owned(),
                reason: "no backup is named".to_owned(),
            });
        };
        let wanted = match at {
            None => None,
            Some(RestorePoint::Revision(revision)) => Some(revision),
            Some(RestorePoint::BeforeLast(back)) => Some(Revision(backup.header.last.0.saturating_sub(back))),
            Some(RestorePoint::Time(time_us)) => Some(log.revision_at(time_us)?),
        };
        if let Some(revision) = wanted {
            log.cut_after(revision)?;
        }
        let head = Head::load(&log, None)?;
        Ok(Read { log, head, backup, name })
    }

    /// What a restore into an empty place would do.
    fn as_new(&self) -> Result<Restored> {
        let packages = created(self.head.cells().map(|(name, _)| name));
        let nothing = Committed::nothing(self.head.revision, Vec::new());
        let committed = Committed { packages, tables: created_tables(&self.log)?, ..nothing };
        Ok(Restored { revision: self.head.revision, history: true, committed })
    }

    /// Makes the store's packages those of the backup, in one commit.
    fn over(&self, store: &Store, options: &RestoreOptions) -> Result<Restored> {
        let known = store.log("restore")?.known_store_id()?;
        if known.is_some_and(|known| known != self.backup.header.store) && !options.any_store {
            return Err(Error::Backup { name: self.name.clone(), source: BackupError::OtherStore });
        }
        let mut transaction =
            store.transaction()?.message(options.message.clone()).tool(options.tool.clone());
        transaction.check_at_most(options.validate.unwrap_or(Mode::Warn));
        transaction.check_at_least(options.validate.unwrap_or(Mode::Off));
        let now = transaction.snapshot().clone();
        for name in now.packages().filter(|name| self.head.cell(name).is_none()) {
            transaction.delete_package(name)?;
        }
        for (name, cell) in self.head.cells() {
            let then = cell.read(&self.log, name, self.head.revision)?;
            if !now.contains(name) || now.package(name)?.text() != then.text() {
                transaction.replace_package(name, (*then).clone())?;
            }
        }
        let base = now.revision().unwrap_or(Revision::EMPTY);
        let now = tables_at(&*store.log("restore")?.backend, base, None)?;
        for change in creations(&now, &tables_at(&self.log, self.head.revision, None)?) {
            transaction.wish_table(change)?;
        }
        let committed =
            if options.dry_run { transaction.plan()? } else { transaction.commit_and_wait_files()? };
        Ok(Restored { revision: self.head.revision, history: options.replace_history, committed })
    }

    /// Puts the log in the place of the store's.
    fn take_place(self, location: &Location, workplace: &Workplace<'_>) -> Result<Revision> {
        let Read { log, head, backup, .. } = self;
        let path = location.log();
        let writers = LockFile::new(location, location.state().join("lock"));
        let _writing = writers.lock()?;
        let flushers = LockFile::new(location, location.state().join("files.lock"));
        let _flushing = flushers.lock()?;
        let retired = if has_log(location) { Some(Retired::seize(&path)?) } else { None };
        log.set_meta(STORE, Some(&backup.header.store))?;
        log.set_meta(IDENTITY, Some(&location.identity()))?;
        log.record_views(&views_of_old(location)?)?;
        log.tidy()?;
        drop(log);

        let new = workplace.log();
        let failed = |attempt, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { attempt, path, source }
        };
        File::open(&new).and_then(|file| file.sync_all()).map_err(failed("sync", &new))?;
        location.give_to_owner(&new).map_err(failed("give to its owner", &new))?;
        // They belong to the old log, which is complete without them now, or to none: the new one would take them for its own.
        for suffix in ["-wal", "-shm", "-unsynced", "-synced", "-newest"] {
            remove(&location.state().join(format!("log.db{suffix}")))?;
        }
        fs::rename(&new, &path).map_err(failed("replace", &path))?;
        File::open(location.state())
            .and_then(|state| state.sync_all())
            .map_err(failed("sync", location.state()))?;
        if let Some(retired) = retired {
            retired.give_up();
        }
        // They were made on states that are no longer there.
        let staged = location.state().join("stage");
        match fs::remove_dir_all(&staged) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(failed("remove", &staged)(source)),
            _ => Ok(head.revision),
        }
    }
}

/// What the package files are, as of before the first revision: older than what the log has.
fn views_of_old(location: &Location) -> Result<Vec<(PackageName, Option<FileView>)>> {
    let names: BTreeSet<PackageName> = package_files(location.config())?.into_iter().collect();
    let mut views = Vec::new();
    for name in names {
        if let Some((digest, status)) = PackageFile::new(location.config(), &name).digest()? {
            views.push((name, Some(status.view(Revision::EMPTY, digest))));
        }
    }
    Ok(views)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, source)),
        _ => Ok(()),
    }
}

/// The folder in which a log is made of backups, removed with this.
struct Workplace<'a> {
    location: &'a Location,
    folder: PathBuf,
    /// Whether the state directory was made for it, and nothing else is in it.
    is_first: std::cell::Cell<bool>,
    _lock: FileLock,
}

impl<'a> Workplace<'a> {
    fn new(location: &'a Location) -> Result<Workplace<'a>> {
        let is_first = !location.state().is_dir();
        location.create_state()?;
        let lock = FileLock::wait(location, &lock_of(location))?;
        let folder = location.state().join("restore~");
        let workplace = Workplace { location, folder, is_first: std::cell::Cell::new(is_first), _lock: lock };
        workplace.clear().map_err(|source| Error::io("remove", &workplace.folder, source))?;
        location.create_private(&workplace.folder)?;
        Ok(workplace)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log.db")
    }

    /// The state directory is in use from now on.
    fn keep(&self) {
        self.is_first.set(false);
    }

    fn clear(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Workplace<'_> {
    fn drop(&mut self) {
        // What cannot be removed now, the next restore removes.
        let _ = self.clear();
        if self.is_first.get() {
            let _ = fs::remove_file(lock_of(self.location));
            // It stays where something else has come into it.
            let _ = fs::remove_dir(self.location.state());
        }
    }
}

fn lock_of(location: &Location) -> PathBuf {
    location.state().join("restore.lock")
}

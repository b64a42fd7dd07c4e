//! Making backups of a store that is in use, and checking them (`docs/backup-format.md`).

use std::io::{Read, Write};

use cms_log::{Backup, BackupError, Chain, Extent, Revision, StoreId};

use crate::error::{Error, Result};
use crate::status::now_ns;
use crate::store::{Log, Store};

/// The note in the log that tells the store from all others.
pub(crate) const STORE: &str = "store";
/// The note in the log of what backups have.
const BACKUPS: &str = "backups";
/// How many backups are noted, and how long a note is.
const NOTED: usize = 64;
const NOTE_LENGTH: usize = 16;

/// What [`Store::backup`] is to make.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    /// What the backup is called in errors.
    pub name: String,
    /// What to continue; a whole backup if nothing.
    pub since: Option<Since>,
}

/// Where an incremental backup begins.
#[derive(Clone, Debug)]
pub enum Since {
    /// After the commit of a revision, with which another backup ends.
    Revision(Revision),
    /// After another backup.
    Backup {
        /// What it is called in errors.
        name: String,
        /// What [`verify_backups`] found in it.
        backup: Backup,
    },
}

/// A backup to read.
pub struct BackupSource<'a> {
    /// What it is called in errors.
    pub name: String,
    /// Where it comes from.
    pub reader: &'a mut dyn Read,
}

impl Store {
    /// Writes a backup of the log: the newest state and all of the history, or, continuing another backup, what came after it.
    ///
    /// Others may commit meanwhile; the backup ends with the revision that is the newest when it is begun. It is written from the
    /// first byte to the last and not synced: that, and a name for it, is the caller's. `progress` is told how many records are written,
    /// of how many.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// use cms::{BackupOptions, BackupSource, RestoreOptions, Store};
    ///
    /// let mut file = Vec::new();
    /// let made = store.backup(&mut file, &BackupOptions::default(), &mut |_, _| {})?;
    /// assert_eq!(made.counts.commits, 1);
    ///
    /// # let other = home.path().join("other");
    /// # std::fs::create_dir(&other)?;
    /// # let location = cms::Location::find(&other, &dirs)?;
    /// let backup = BackupSource { name: "network.cms".into(), reader: &mut &file[..] };
    /// let restored = Store::restore(&location, &mut [backup], &RestoreOptions::default(), &mut |_| {})?;
    /// assert!(restored.history);
    /// assert_eq!(std::fs::read(other.join("network"))?, std::fs::read(config.join("network"))?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotOwner`] for those who may not read the log; [`Error::Backup`] when it cannot be written, or what it is to
    /// continue is of another store or another history; [`Error::Log`] when that is no longer kept.
    pub fn backup(
        &self,
        out: &mut dyn Write,
        options: &BackupOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Backup> {
        let log = self.log("make a backup")?;
        // What other programs have written belongs to the newest state.
        self.snapshot()?;
        let store = log.store_id()?;
        let since = match &options.since {
            None => None,
            Some(Since::Revision(revision)) => Some(*revision),
            Some(Since::Backup { name, backup }) => {
                let refused = |source| failed(name, source);
                if backup.header.store != store {
                    return Err(refused(BackupError::OtherStore));
                }
                backup.check_continued_by(&*log.backend).map_err(refused)?;
                Some(backup.header.last)
            }
        };
        let notes = log.backups()?;
        let known = since.map(|since| notes.iter().find(|note| note.0 == since.0).map_or(0, |note| note.1));
        let extent = Extent {
            store,
            since,
            known: known.unwrap_or(0),
            time_us: now_ns() / 1000,
            place: self.location().config().display().to_string(),
        };
        let (backup, newest) = cms_log::write_backup(&*log.backend, out, &extent, progress)
            .map_err(|source| failed(&options.name, source))?;
        log.note_backup(backup.header.last, newest)?;
        tracing::info!(
            revision = backup.header.last.0,
            commits = backup.counts.commits,
            bytes = backup.counts.bytes,
            "backed up"
        );
        Ok(backup)
    }
}

/// Reads backups that follow each other to their ends, and checks every byte; answers what each of them is.
///
/// Nothing is restored, and no store is needed. `progress` is told how many bytes of the present one are read.
///
/// # Errors
/// [`Error::Backup`] names the one that is refused, and why.
pub fn verify_backups(
    backups: &mut [BackupSource<'_>],
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Backup>> {
    let mut chain = Chain::default();
    let read = backups.iter_mut().map(|backup| {
        chain.read(backup.reader, None, progress).map_err(|source| failed(&backup.name, source))
    });
    read.collect()
}

pub(crate) fn failed(name: &str, source: BackupError) -> Error {
    match source {
        // The log itself, which has its own words for what is to be done.
        BackupError::Log(error) => Error::Log(error),
        source => Error::Backup { name: name.to_owned(), source },
    }
}

impl Log {
    /// What tells this store from all others; drawn at the first call.
    fn store_id(&self) -> Result<StoreId> {
        if let Some(id) = self.known_store_id()? {
            return Ok(id);
        }
        let _writing = self.write()?;
        if let Some(id) = self.known_store_id()? {
            return Ok(id);
        }
        let mut id = StoreId::default();
        let (first, second) = id.split_at_mut(8);
        first.copy_from_slice(&crate::store::seed().to_le_bytes());
        second.copy_from_slice(&crate::store::seed().to_le_bytes());
        self.backend.set_meta(STORE, Some(&id))?;
        Ok(id)
    }

    pub(crate) fn known_store_id(&self) -> Result<Option<StoreId>> {
        Ok(self.backend.meta(STORE)?.and_then(|id| StoreId::try_from(&id[..]).ok()))
    }

    /// The backups that were made of this log: the revision with which each ends, and the newest object at that time.
    fn backups(&self) -> Result<Vec<(u64, u64)>> {
        let note = self.backend.meta(BACKUPS)?.unwrap_or_default();
        let (pairs, _) = note.as_chunks::<NOTE_LENGTH>();
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(pairs.iter().map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect())
    }

    fn note_backup(&self, revision: Revision, newest: u64) -> Result<()> {
        let _writing = self.write()?;
        let mut notes = self.backups()?;
        // Of two that end alike the first is noted: what it has, the other has too.
        if notes.iter().any(|note| note.0 == revision.0) {
            return Ok(());
        }
        notes.push((revision.0, newest));
        let recent = &notes[notes.len().saturating_sub(NOTED)..];
        let note: Vec<u8> = recent
            .iter()
            .flat_map(|(revision, newest)| [revision.to_le_bytes(), newest.to_le_bytes()])
            .flatten()
            .collect();
        self.backend.set_meta(BACKUPS, Some(&note))?;
        Ok(())
    }
}

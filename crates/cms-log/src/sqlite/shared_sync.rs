//! Processes that wait for the disk at the same time share a sync, too (`docs/log-format.md`, "Durability").
//!
//! Whoever holds the lock of the file `NAME-synced` syncs for all, and notes in it how far the WAL was written by then. Those
//! who waited for the lock meanwhile find that their frames are among these.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    open::{beside, open_aid},
    seen::Mark,
};
use crate::{Digest, Result};

/// Bytes of the note: which start of the machine it was taken after, the salts of the WAL, the number of frames, and a digest of
/// these.
const NOTE: usize = 8 + 8 + 4 + 8;

pub(super) struct SharedSync {
    path: PathBuf,
    log: PathBuf,
    file: OnceLock<Option<File>>,
}

impl SharedSync {
    pub fn new(log: &Path) -> SharedSync {
        SharedSync { path: beside(log, "-synced"), log: log.to_owned(), file: OnceLock::new() }
    }

    /// Makes sure that the WAL is on disk up to `mine`. `now` says how far it is written, and `sync` syncs it.
    pub fn run(
        &self,
        mine: Option<Mark>,
        now: impl FnOnce() -> Option<Mark>,
        sync: impl FnOnce() -> Result<()>,
    ) -> Result<Shared> {
        // A file that cannot be had, or no lock on it, costs no more than the sharing.
        let held =
            mine.zip(self.file()).and_then(|(mine, file)| file.lock().ok().map(|()| (mine, Held(file))));
        let Some((mine, held)) = held else { return sync().map(|()| Shared::Own) };
        if held.note().is_some_and(|noted| noted.covers(mine)) {
            return Ok(Shared::Spared);
        }
        // Before the sync: what is written while it goes on may be too late for it.
        let covered = now();
        sync()?;
        if let Some(covered) = covered {
            held.take_note(covered);
        }
        Ok(Shared::Own)
    }

    fn file(&self) -> Option<&File> {
        self.file.get_or_init(|| open_aid(&self.path, &self.log)).as_ref()
    }
}

/// Who has synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// This process.
    Own,
    /// Another one, with what was to be synced here.
    Spared,
}

/// The lock, given back on drop.
struct Held<'a>(&'a File);

impl Held<'_> {
    fn note(&self) -> Option<Mark> {
        let mut bytes = [0; NOTE];
        self.0.read_exact_at(&mut bytes, 0).ok()?;
        let (content, check) = bytes.split_at(NOTE - 8);
        let (boot, mark) = content.split_at(8);
        let is_whole = Digest::of(content).0[..8] == *check;
        // What was in memory when the machine stopped may not be on disk, whatever was noted.
        let is_of_this_start = boot == this_start();
        if is_whole && is_of_this_start { Mark::decode(mark) } else { None }
    }

    /// A note that cannot be taken costs others a sync.
    fn take_note(&self, mark: Mark) {
        let mut bytes = [this_start(), mark.encode().as_slice()].concat();
        bytes.extend_from_slice(&Digest::of(&bytes).0[..8]);
        let _ = self.0.write_all_at(&bytes, 0);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Unlocking an open file that holds the lock cannot fail; if it did, closing would free it.
        let _ = self.0.unlock();
    }
}

/// Tells the starts of the machine apart.
pub(super) fn this_start() -> &'static [u8] {
    static START: OnceLock<Digest> = OnceLock::new();
    let read = || Digest::of(&std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default());
    &START.get_or_init(read).0[..8]
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::Error;

    fn mark(salt: u8, frames: u32) -> Option<Mark> {
        Some(Mark { salts: [salt; 8], frames })
    }

    #[test]
    fn frames_that_another_process_has_synced_are_not_synced_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.db");
        std::fs::write(&log, "").unwrap();
        let (one, other) = (SharedSync::new(&log), SharedSync::new(&log));
        let syncs = Cell::new(0);
        let sync = || {
            syncs.set(syncs.get() + 1);
            Ok(())
        };
        assert_eq!(one.run(mark(1, 7), || mark(1, 9), sync).unwrap(), Shared::Own);
        assert_eq!(other.run(mark(1, 9), || mark(1, 12), sync).unwrap(), Shared::Spared);
        assert_eq!(
            other.run(mark(1, 10), || mark(1, 12), sync).unwrap(),
            Shared::Own,
            "written after that sync"
        );
        assert_eq!(
            one.run(mark(2, 3), || mark(2, 3), sync).unwrap(),
            Shared::Own,
            "a WAL that was begun anew"
        );
        assert_eq!(one.run(mark(1, 7), || mark(2, 3), sync).unwrap(), Shared::Own, "unknown is not synced");
        assert_eq!(syncs.get(), 4);
    }

    #[test]
    fn a_sync_that_failed_is_noted_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.db");
        std::fs::write(&log, "").unwrap();
        let shared = SharedSync::new(&log);
        let failed = || Err(Error::Poisoned { path: "log".into() });
        shared.run(mark(1, 7), || mark(1, 9), failed).unwrap_err();
        assert_eq!(shared.run(mark(1, 7), || mark(1, 9), || Ok(())).unwrap(), Shared::Own);
    }

    #[test]
    fn a_damaged_note_or_one_of_an_earlier_start_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.db");
        std::fs::write(&log, "").unwrap();
        let shared = SharedSync::new(&log);
        shared.run(mark(1, 7), || mark(1, 9), || Ok(())).unwrap();
        let path = folder.path().join("log.db-synced");
        let note = std::fs::read(&path).unwrap();
        for byte in 0..NOTE {
            let mut damaged = note.clone();
            damaged[byte] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(shared.run(mark(1, 7), || None, || Ok(())).unwrap(), Shared::Own, "byte {byte}");
        }
        let mut earlier = note[8..NOTE - 8].to_vec();
        earlier.splice(0..0, [0; 8]);
        let check = Digest::of(&earlier);
        earlier.extend_from_slice(&check.0[..8]);
        std::fs::write(&path, earlier).unwrap();
        assert_eq!(shared.run(mark(1, 7), || None, || Ok(())).unwrap(), Shared::Own);
    }
}

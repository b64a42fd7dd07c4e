//! The newest commits once more, where others find them at once (`docs/log-format.md`, "The newest commits").
//!
//! Whoever watches a log reads each commit as soon as it is there, and whoever writes reads those of the others first. For one small row
//! SQLite takes locks, reads the header of the index and three pages; here it is one read. The rows are those of the log, with
//! their own checksums, so what is found here is believed as far as a row is, and what is not is looked up there.

use std::{
    fs::{File, OpenOptions},
    ops::ControlFlow,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use super::{
    open::{FileId, beside, open_aid, open_unnoticed},
    seen::Stamp,
    shared_sync::this_start,
};
use crate::{Commit, Digest, Record, Revision, codec, wire::Malformed};

/// How many commits are kept, each at the place of its revision modulo this.
pub(super) const SLOTS: u64 = 256;
/// Bytes of a slot. A longer commit is not kept.
const SLOT: usize = 1024;
/// How many are read at a time.
const AT_A_TIME: u64 = 16;
/// What tells files with such slots from those with others.
const LAYOUT: &[u8] = b"256 x 1024";
/// Bytes before the rows: which log it is of, and the lengths of header and body.
const HEAD: usize = 8 + 4 + 4;

/// Where the note of the head is, and its bytes: which log it is of, the header, the head, the mark, and a digest of these.
const PLACE_OF_NOTE: u64 = SLOTS * SLOT as u64;
const NOTE: usize = 8 + size_of::<Stamp>() + 8 + 8 + 8;

pub(super) struct Newest {
    path: PathBuf,
    log: PathBuf,
    id: [u8; 8],
    /// Once it is there.
    file: OnceLock<File>,
    /// What was read into last.
    slots: Mutex<Vec<u8>>,
}

impl Newest {
    pub fn new(log: &Path, file: FileId) -> Newest {
        // After a loss of power the log may be shorter, and its next commit another one than that of the number here.
        let digest = Digest::of(&[this_start(), &file.bytes(), LAYOUT].concat());
        let mut id = [0; 8];
        id.copy_from_slice(&digest.0[..8]);
        Newest {
            path: beside(log, "-newest"),
            log: log.to_owned(),
            id,
            file: OnceLock::new(),
            slots: Mutex::default(),
        }
    }

    /// Keeps commits that have been appended, one after the other. Where that fails, readers ask the log.
    pub fn keep(&self, commits: &[(&Commit, &codec::Encoded)]) {
        let Some(file) = self.file_to_write() else { return };
        let mut slots: Vec<u8> = Vec::new();
        let mut first = None;
        for (commit, rows) in commits {
            let revision = commit.revision;
            // Beyond the last slot it goes on with the first one.
            if place(revision) == 0
                && let Some(first) = first.take()
            {
                let _ = file.write_all_at(&slots, place(first));
                slots.clear();
            }
            first.get_or_insert(revision);
            let start = slots.len();
            self.put(&mut slots, rows);
            // The last one need not be filled up.
            if commits.last().is_none_or(|(last, _)| last.revision != revision) {
                slots.resize(start + SLOT, 0);
            }
        }
        if let Some(first) = first {
            let _ = file.write_all_at(&slots, place(first));
        }
    }

    /// Adds what a slot holds; of a commit that is too long, or in pieces, nothing that would be taken for one.
    fn put(&self, slots: &mut Vec<u8>, rows: &codec::Encoded) {
        let length = HEAD + rows.header.len() + rows.body.len();
        let lengths = u32::try_from(rows.header.len()).ok().zip(u32::try_from(rows.body.len()).ok());
        match lengths {
            Some((header, body)) if length <= SLOT && rows.chunks.is_empty() => {
                slots.extend_from_slice(&self.id);
                slots.extend_from_slice(&header.to_le_bytes());
                slots.extend_from_slice(&body.to_le_bytes());
                slots.extend_from_slice(&rows.header);
                slots.extend_from_slice(&rows.body);
            }
            _ => slots.extend_from_slice(&[0; HEAD]),
        }
    }

    /// Calls `visit` with each commit after `after` up to `upto`, until one is not here, or it breaks.
    pub fn visit(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(file) = self.file_to_read() else { return ControlFlow::Continue(()) };
        // Whoever reads at the same time has one of his own.
        let mut lent = self.slots.try_lock().ok();
        let mut own = Vec::new();
        let slots = lent.as_deref_mut().unwrap_or(&mut own);
        let mut next = after.0 + 1;
        while next <= upto.0 {
            // Not beyond the last slot, after which the first one comes.
            let count = AT_A_TIME.min(upto.0 - next + 1).min(SLOTS - next % SLOTS);
            let length = SLOT * count as usize;
            if slots.len() < length {
                slots.resize(length, 0);
            }
            let Some(wanted) = slots.get_mut(..length) else { break };
            // The last slot of a young file ends early.
            let Ok(filled) = file.read_at(wanted, place(Revision(next))) else { break };
            for slot in slots.get(..filled).unwrap_or_default().chunks(SLOT) {
                let Some(record) = self.record_in(slot, Revision(next)) else {
                    return ControlFlow::Continue(());
                };
                next += 1;
                visit(record)?;
            }
            if filled.div_ceil(SLOT) < count as usize {
                break;
            }
        }
        ControlFlow::Continue(())
    }

    fn record_in(&self, slot: &[u8], revision: Revision) -> Option<Record> {
        let (head, rows) = slot.split_at_checked(HEAD)?;
        let (id, lengths) = head.split_at(8);
        if id != self.id {
            return None;
        }
        let (header, body) = lengths.split_at(4);
        let length = |bytes: &[u8]| bytes.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize);
        let (header, rest) = rows.split_at_checked(length(header)?)?;
        let body = rest.get(..length(body)?)?;
        match Record::of_stored(header, body, revision).ok()? {
            Some(record) => Some(record),
            None => {
                let decoded = codec::decode_header(header).ok()?;
                if decoded.header.revision != revision {
                    return None;
                }
                // Of a commit in pieces nothing is here.
                let commit: Commit = codec::decode(decoded, body, |_, _| Err(Malformed("in pieces"))).ok()?;
                Some(Record::from(Arc::new(commit)))
            }
        }
    }

    fn file_to_read(&self) -> Option<&File> {
        if self.file.get().is_none() {
            // A handle that reads now may write later.
            let mut reading = OpenOptions::new();
            reading.read(true);
            let file = open_unnoticed(&self.path, reading.clone().write(true));
            let file = file.or_else(|_| open_unnoticed(&self.path, &mut reading)).ok()?;
            return Some(self.file.get_or_init(|| file));
        }
        self.file.get()
    }

    /// Forgets all: the log has given some of them up.
    pub fn forget(&self) {
        if let Some(file) = self.file_to_write() {
            let _ = file.set_len(0);
        }
    }

    /// Notes what the head is while the index of the WAL has a header, and what marks the notes on files that there are then.
    pub fn note_head(&self, stamp: &Stamp, head: Revision, views: [u8; 8]) {
        let Some(file) = self.file_to_write() else { return };
        let mut note = Vec::with_capacity(NOTE);
        note.extend_from_slice(&self.id);
        note.extend_from_slice(stamp);
        note.extend_from_slice(&head.0.to_le_bytes());
        note.extend_from_slice(&views);
        let check = Digest::of(&note);
        note.extend_from_slice(&check.0[..8]);
        let _ = file.write_all_at(&note, PLACE_OF_NOTE);
    }

    /// The head while the index of the WAL has a header, and the mark of the notes on files, if they were noted.
    pub fn head_at(&self, stamp: &Stamp) -> Option<(Revision, [u8; 8])> {
        let mut note = [0; NOTE];
        self.file.get()?.read_exact_at(&mut note, PLACE_OF_NOTE).ok()?;
        let (content, check) = note.split_at(NOTE - 8);
        let (id, rest) = content.split_at(8);
        let (noted, rest) = rest.split_at(stamp.len());
        if id != self.id || noted != stamp || Digest::of(content).0[..8] != *check {
            return None;
        }
        let (head, views) = rest.split_at(8);
        Some((Revision(u64::from_le_bytes(head.try_into().ok()?)), views.try_into().ok()?))
    }

    fn file_to_write(&self) -> Option<&File> {
        if self.file.get().is_none() {
            let file = open_aid(&self.path, &self.log)?;
            return Some(self.file.get_or_init(|| file));
        }
        self.file.get()
    }
}

fn place(revision: Revision) -> u64 {
    revision.0 % SLOTS * SLOT as u64
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{CommitKind, Origin, sqlite::open::FileId};

    fn commit(revision: u64, message: &str) -> Commit {
        Commit {
            revision: Revision(revision),
            time_us: 7,
            author: "alice".into(),
            tool: "test".into(),
            message: message.into(),
            origin: Origin::Direct,
            kind: CommitKind::Normal,
            packages: Vec::new(),
            tables: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    impl Newest {
        fn get(&self, revision: Revision) -> Option<Commit> {
            let mut found = None;
            let _ = self.visit(Revision(revision.0.checked_sub(1)?), revision, &mut |record| {
                found = record.decode();
                ControlFlow::Continue(())
            });
            found
        }
    }

    fn keep(newest: &Newest, commit: &Commit) {
        newest.keep(&[(commit, &codec::encode(commit))]);
    }

    fn newest(folder: &Path) -> Newest {
        let log = folder.join("log.db");
        if !log.exists() {
            fs::write(&log, "").unwrap();
        }
        Newest::new(&log, FileId::of(&fs::metadata(&log).unwrap()))
    }

    #[test]
    fn the_newest_commits_are_found_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (newest(folder.path()), newest(folder.path()));
        assert_eq!(other.get(Revision(1)), None);
        for revision in 1..=300 {
            keep(&one, &commit(revision, "hello"));
            assert_eq!(other.get(Revision(revision)), Some(commit(revision, "hello")));
        }
        let found: Vec<u64> = (0..=600).filter(|revision| other.get(Revision(*revision)).is_some()).collect();
        assert_eq!(found, (45..=300).collect::<Vec<_>>());
        for (after, upto) in [(44, 300), (250, 260), (200, 290), (255, 256), (299, 500)] {
            let mut next = after;
            let _ = other.visit(Revision(after), Revision(upto), &mut |record| {
                next += 1;
                assert_eq!(record.revision(), Revision(next));
                ControlFlow::Continue(())
            });
            assert_eq!(next, upto.min(300), "after {after}");
        }
        // One that is too long is not there.
        keep(&one, &commit(301, &"long".repeat(2000)));
        assert_eq!(other.get(Revision(301)), None);
        let several: Vec<Commit> =
            (500..530).map(|number| commit(number, &"x".repeat(number as usize))).collect();
        let rows: Vec<codec::Encoded> = several.iter().map(codec::encode).collect();
        let pairs: Vec<_> = several.iter().zip(&rows).collect();
        one.keep(&pairs);
        for commit in several {
            assert_eq!(other.get(commit.revision), Some(commit));
        }
        one.forget();
        assert_eq!(other.get(Revision(300)), None);
        keep(&other, &commit(302, ""));
        assert_eq!(one.get(Revision(302)), Some(commit(302, "")));
    }

    #[test]
    fn the_head_is_known_for_the_state_it_was_noted_of() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (newest(folder.path()), newest(folder.path()));
        let stamp = |byte| [byte; size_of::<Stamp>()];
        keep(&one, &commit(1, ""));
        assert!(other.get(Revision(1)).is_some());
        assert_eq!(other.head_at(&stamp(1)), None);
        one.note_head(&stamp(1), Revision(1), [5; 8]);
        assert_eq!(other.head_at(&stamp(1)), Some((Revision(1), [5; 8])));
        assert_eq!(other.head_at(&stamp(2)), None);
        let path = folder.path().join("log.db-newest");
        let bytes = fs::read(&path).unwrap();
        for byte in bytes.len() - NOTE..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[byte] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(other.head_at(&stamp(1)), None, "byte {byte}");
        }
        fs::write(&path, &bytes).unwrap();
        assert!(other.head_at(&stamp(1)).is_some());
        one.forget();
        assert_eq!(other.head_at(&stamp(1)), None);
    }

    #[test]
    fn long_commits_are_found_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (newest(folder.path()), newest(folder.path()));
        for length in (300..900).step_by(7) {
            let commit = commit(length, &"x".repeat(length as usize));
            keep(&one, &commit);
            assert_eq!(other.get(Revision(length)), Some(commit));
        }
    }

    #[test]
    fn those_of_another_log_or_damaged_ones_are_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let log = newest(folder.path());
        keep(&log, &commit(1, "hello"));
        let path = folder.path().join("log.db-newest");
        let bytes = fs::read(&path).unwrap();
        for byte in SLOT..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[byte] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(log.get(Revision(1)), None, "byte {byte}");
            fs::write(&path, &damaged[..byte]).unwrap();
            assert_eq!(log.get(Revision(1)), None, "cut at {byte}");
        }
        fs::write(&path, &bytes).unwrap();
        assert_eq!(log.get(Revision(1)), Some(commit(1, "hello")));
        fs::write(folder.path().join("new"), "").unwrap();
        fs::rename(folder.path().join("new"), folder.path().join("log.db")).unwrap();
        assert_eq!(newest(folder.path()).get(Revision(1)), None);
    }
}

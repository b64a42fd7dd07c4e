//! The newest commits once more, where others find them at once (`docs/log-format.md`, "The newest commits").
//!
//! Whoever watches a log reads each commit as soon as it is there, and whoever writes reads those of the others first. For one small row
//! SQLite takes locks, reads the header of the index and three pages; here it is one read. The rows are those of the log, with
//! their own checksums, so what is found here is believed as far as a row is, and what is not is looked up there.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    open::{FileId, beside, open_aid},
    seen::Stamp,
    shared_sync::this_start,
};
use crate::{Commit, Digest, Revision, codec, wire::Malformed};

/// How many commits are kept, each at the place of its revision modulo this.
pub(super) const SLOTS: u64 = 64;
/// Bytes of a slot. A longer commit is not kept.
const SLOT: usize = 4096;
/// Bytes of a slot that are read at first.
const USUAL: usize = 512;
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
}

impl Newest {
    pub fn new(log: &Path, file: FileId) -> Newest {
        // After a loss of power the log may be shorter, and its next commit another one than that of the number here.
        let digest = Digest::of(&[this_start(), &file.bytes()].concat());
        let mut id = [0; 8];
        id.copy_from_slice(&digest.0[..8]);
        Newest { path: beside(log, "-newest"), log: log.to_owned(), id, file: OnceLock::new() }
    }

    /// Keeps a commit that has been appended. Where that fails, readers ask the log.
    pub fn keep(&self, revision: Revision, rows: &codec::Encoded) {
        let length = HEAD + rows.header.len() + rows.body.len();
        let (Ok(header), Ok(body)) = (u32::try_from(rows.header.len()), u32::try_from(rows.body.len()))
        else {
            return;
        };
        if length > SLOT || !rows.chunks.is_empty() {
            return;
        }
        let Some(file) = self.file_to_write() else { return };
        let mut slot = Vec::with_capacity(length);
        slot.extend_from_slice(&self.id);
        slot.extend_from_slice(&header.to_le_bytes());
        slot.extend_from_slice(&body.to_le_bytes());
        slot.extend_from_slice(&rows.header);
        slot.extend_from_slice(&rows.body);
        let _ = file.write_all_at(&slot, place(revision));
    }

    /// A commit, if it is here.
    pub fn get(&self, revision: Revision) -> Option<Commit> {
        let file = match self.file.get() {
            Some(file) => file,
            None => {
                // A handle that reads now may write later.
                let file = OpenOptions::new().read(true).write(true).open(&self.path);
                let file = file.or_else(|_| File::open(&self.path)).ok()?;
                self.file.get_or_init(|| file)
            }
        };
        let mut slot = [0; SLOT];
        // Most are short, and the last slot of a young file ends early.
        let mut filled = file.read_at(slot.get_mut(..USUAL)?, place(revision)).ok()?;
        let lengths = u64::from_le_bytes(slot.get(8..HEAD)?.try_into().ok()?);
        let wanted = HEAD as u64 + (lengths & u64::from(u32::MAX)) + (lengths >> 32);
        while filled >= USUAL && (filled as u64) < wanted.min(SLOT as u64) {
            match file.read_at(slot.get_mut(filled..)?, place(revision) + filled as u64) {
                Ok(read @ 1..) => filled += read,
                _ => break,
            }
        }
        let (head, rows) = slot.get(..filled)?.split_at_checked(HEAD)?;
        let (id, lengths) = head.split_at(8);
        let (header, body) = lengths.split_at(4);
        let length = |bytes: &[u8]| bytes.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize);
        let (header, rest) = rows.split_at_checked(length(header)?)?;
        let body = rest.get(..length(body)?)?;
        let decoded = codec::decode_header(header).ok()?;
        if id != self.id || decoded.header.revision != revision {
            return None;
        }
        // Of a commit in pieces nothing is here.
        codec::decode(decoded, body, |_, _| Err(Malformed("in pieces"))).ok()
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

    fn keep(newest: &Newest, commit: &Commit) {
        newest.keep(commit.revision, &codec::encode(commit));
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
        for revision in 1..=100 {
            keep(&one, &commit(revision, "hello"));
            assert_eq!(other.get(Revision(revision)), Some(commit(revision, "hello")));
        }
        let found: Vec<u64> = (0..=200).filter(|revision| other.get(Revision(*revision)).is_some()).collect();
        assert_eq!(found, (37..=100).collect::<Vec<_>>());
        // One that is too long leaves what was there, which is no commit of that number.
        keep(&one, &commit(101, &"long".repeat(2000)));
        assert_eq!(other.get(Revision(101)), None);
        one.forget();
        assert_eq!(other.get(Revision(100)), None);
        keep(&other, &commit(102, ""));
        assert_eq!(one.get(Revision(102)), Some(commit(102, "")));
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
        for length in (300..4000).step_by(7) {
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

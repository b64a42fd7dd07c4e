//! A log in one file, or the end of one, written and read from the first byte to the last (`docs/backup-format.md`).

mod error;
mod frame;
mod read;
mod write;

pub(crate) use self::read::Records;
pub use self::{
    error::BackupError,
    read::Chain,
    write::{Extent, write_backup},
};
use crate::{
    Backend, Digest, Error, Revision,
    wire::{Decoded, Malformed, Reader, Writer},
};

/// The version of a backup without tables, and of one with them, which is the newest that this program reads.
const VERSION: u64 = 1;
const WITH_TABLES: u64 = 2;

/// A frame is closed when it holds so much.
const FRAME_BYTES: usize = 256 << 10;

/// What tells the stores of the world apart in backups.
pub type StoreId = [u8; 16];

/// What stands at the beginning of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupHeader {
    /// The store that it is of.
    pub store: StoreId,
    /// Whether it continues another one, and holds only what came after that.
    pub incremental: bool,
    /// The oldest revision that can be read from it; of an incremental one, the revision that it continues.
    pub first: Revision,
    /// The digest of the commit that it continues.
    pub(crate) base: Digest,
    /// The newest revision in it.
    pub last: Revision,
    /// When it was begun, in microseconds since 1970.
    pub time_us: i64,
    /// The configuration directory of the store, as people know it.
    pub place: String,
}

/// How much is in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupCounts {
    /// Pieces of text and what holds them together.
    pub objects: u64,
    /// Commits.
    pub commits: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// The length of the file.
    pub bytes: u64,
}

/// An object in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub(crate) kind: u8,
    pub(crate) digest: Digest,
    pub(crate) data: Vec<u8>,
}

/// A commit in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCommit {
    pub(crate) header: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// A backup that was written, or read to its end and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// What it begins with.
    pub header: BackupHeader,
    /// What is in it.
    pub counts: BackupCounts,
    /// The name of its last commit.
    end: Digest,
}

impl Backup {
    /// Tells whether a log can continue it: whether it has its last commit.
    ///
    /// # Errors
    /// [`BackupError::OtherHistory`], or why the log could not be asked.
    pub fn check_continued_by(&self, log: &dyn Backend) -> Result<(), BackupError> {
        let revision = self.header.last;
        let known = revision <= log.head()?;
        let first = log.first()?;
        if known && revision < first {
            return Err(Error::Compacted { revision, first }.into());
        }
        if known && write::digest_of(log, revision)? == self.end {
            return Ok(());
        }
        Err(BackupError::OtherHistory { revision })
    }
}

impl BackupCounts {
    /// What the end frame says: how much there is, and the digest of all before it.
    fn end(&self, digest: &[u8; 32]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.varint(self.objects);
        writer.varint(self.commits);
        writer.varint(self.checkpoints);
        writer.0.extend_from_slice(digest);
        writer.0
    }
}

impl BackupHeader {
    fn encode(&self, has_tables: bool) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.varint(if has_tables { WITH_TABLES } else { VERSION });
        writer.0.extend_from_slice(&self.store);
        writer.bool(self.incremental);
        writer.varint(self.first.0);
        writer.digest(&self.base);
        writer.varint(self.last.0);
        writer.zigzag(self.time_us);
        writer.bytes(self.place.as_bytes());
        writer.0
    }

    /// Decodes what stands behind the version.
    fn decode(mut reader: Reader<'_>) -> Decoded<BackupHeader> {
        let header = BackupHeader {
            store: reader.digest()?.0,
            incremental: reader.bool()?,
            first: Revision(reader.varint()?),
            base: reader.digest()?,
            last: Revision(reader.varint()?),
            time_us: reader.zigzag()?,
            place: reader.text()?,
        };
        reader.end()?;
        if header.last < header.first {
            return Err(Malformed("it ends before it begins"));
        }
        Ok(header)
    }

    /// Returns the revision before its first commit.
    pub fn after(&self) -> Revision {
        if self.incremental { self.first } else { Revision(self.first.0.saturating_sub(1)) }
    }
}

/// The name of a commit in the chain of backups.
pub(crate) fn commit_digest(header: &[u8]) -> Digest {
    Digest::of(header)
}

#[cfg(test)]
mod tests;

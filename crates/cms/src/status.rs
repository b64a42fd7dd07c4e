//! What `stat` says about a package file, and when that can be believed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cms_log::{Digest, FileView, Revision};

/// A modification time younger than this at the time of the look proves nothing: the clock behind
/// file times ticks every 1 to 10 ms, so a later edit could carry the same time.
const CLOCK_NS: i64 = 20_000_000;
/// The same for file systems that keep whole seconds, or two of them (FAT).
const COARSE_CLOCK_NS: i64 = 2_000_000_000;

/// A file up to this size is rather compared by its content, where its times prove nothing, than something else done about it.
pub(crate) const COMPARED: u64 = 64 << 10;

/// The identity and the state of a file, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub size: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub device: u64,
    pub inode: u64,
    pub mode: u32,
}

impl Status {
    /// Looks at the regular file that `path` leads to; `None` where there is none.
    pub(crate) fn of(path: &Path) -> io::Result<Option<Status>> {
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_file() => Ok(Some(Status::from(&meta))),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn of_file(file: &File) -> io::Result<Status> {
        Ok(Status::from(&file.metadata()?))
    }

    /// Tells whether the file is as it was at the view, as far as its status can tell.
    pub(crate) fn proves(&self, view: &FileView) -> bool {
        self.equals(view) && view.checked_ns.saturating_sub(self.mtime_ns) >= self.clock_ns()
    }

    /// Tells whether nothing in the status differs from the view.
    pub(crate) fn equals(&self, view: &FileView) -> bool {
        self.size == view.size
            && self.mtime_ns == view.mtime_ns
            && self.ctime_ns == view.ctime_ns
            && self.device == view.dev
            && self.inode == view.inode
            && self.mode == view.mode
    }

    /// Tells whether two looks at one file saw the same content, as far as its status can tell; a
    /// rename in between changes only the ctime.
    pub(crate) fn same_content(&self, other: &Status) -> bool {
        self.inode == other.inode
            && self.device == other.device
            && self.size == other.size
            && self.mtime_ns == other.mtime_ns
    }

    /// Makes the view to note for a file that holds the text of `revision`.
    pub(crate) fn view(&self, revision: Revision, digest: Digest) -> FileView {
        FileView {
            revision,
            digest,
            size: self.size,
            mtime_ns: self.mtime_ns,
            ctime_ns: self.ctime_ns,
            dev: self.device,
            inode: self.inode,
            mode: self.mode,
            checked_ns: now_ns(),
        }
    }

    fn clock_ns(&self) -> i64 {
        if self.mtime_ns % 1_000_000_000 == 0 { COARSE_CLOCK_NS } else { CLOCK_NS }
    }
}

impl From<&Metadata> for Status {
    fn from(meta: &Metadata) -> Status {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Status {
            size: meta.size(),
            mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            device: meta.dev(),
            inode: meta.ino(),
            mode: meta.mode(),
        }
    }
}

/// Tells whether an error means that there is no such file.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The time of day in nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_time_proves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("network");
        std::fs::write(&path, "config a x\n").unwrap();
        let status = Status::of(&path).unwrap().unwrap();
        let mut view = status.view(Revision(1), Digest::of(b"config a x\n"));
        view.checked_ns = status.mtime_ns + 1;
        assert!(status.equals(&view) && !status.proves(&view));
        view.checked_ns = status.mtime_ns + COARSE_CLOCK_NS;
        assert!(status.proves(&view));
        view.size += 1;
        assert!(!status.equals(&view));
    }
}

//! How much text of packages the segment of a store is built for.
//!
//! A segment lies in memory wherever runtime directories do, and while it is built so do a package and what is collected of
//! all packages. A store that is too large for that is read from the log.

use std::fs;
use std::path::Path;

use rustix::fs::statvfs;

/// What a segment shows at most unless somebody asks for more: building one of this size takes 2 GB of memory.
const TEXT: u64 = 512 << 20;

/// The share of the free room in the runtime directory: text becomes about as much segment, twice that while one is
/// replaced by another, and the directory is there for others, too.
const SHARE_OF_ROOM: u64 = 4;

/// The share of the available memory: building takes four to five times the text, and must leave others some.
const SHARE_OF_MEMORY: u64 = 8;

/// What keeps a store from having a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentBound {
    /// The limit that [`Options::segment_limit`](crate::Options::segment_limit) sets, or the one that stands in its place.
    Setting,
    /// The free room in the runtime directory.
    Room,
    /// The available memory.
    Memory,
}

/// Says that the packages have too much text for a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beyond {
    pub text: u64,
    pub limit: u64,
    pub bound: SegmentBound,
}

/// How much text may be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    set: Option<u64>,
}

impl Limit {
    pub(crate) fn new(set: Option<u64>) -> Limit {
        Limit { set }
    }

    /// How far a segment that there is may grow.
    pub(crate) fn greatest(self) -> u64 {
        self.set.unwrap_or(TEXT)
    }

    /// Tells why none is to be built in the directory `run`, if that is so. Whoever sets a limit answers for it: then what is
    /// free is not asked.
    pub(crate) fn exceeded(self, text: u64, run: &Path) -> Option<Beyond> {
        let beyond = |limit, bound| (text > limit).then_some(Beyond { text, limit, bound });
        let free = || {
            beyond(room(run)? / SHARE_OF_ROOM, SegmentBound::Room)
                .or_else(|| beyond(available_memory()? / SHARE_OF_MEMORY, SegmentBound::Memory))
        };
        beyond(self.greatest(), SegmentBound::Setting)
            .or_else(|| if self.set.is_none() { free() } else { None })
    }
}

/// The free bytes of the file system that holds a directory, which may be yet to be made.
fn room(directory: &Path) -> Option<u64> {
    let status = directory.ancestors().find_map(|directory| statvfs(directory).ok())?;
    Some(status.f_bavail.saturating_mul(status.f_frsize))
}

fn available_memory() -> Option<u64> {
    let table = fs::read_to_string("/proc/meminfo").ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_takes_the_place_of_what_the_machine_says() {
        let none = Path::new("/");
        let beyond =
            |set, text| Limit::new(set).exceeded(text, none).map(|beyond| (beyond.limit, beyond.bound));
        assert_eq!(beyond(Some(10), 10), None);
        assert_eq!(beyond(Some(10), 11), Some((10, SegmentBound::Setting)));
        assert_eq!(beyond(Some(u64::MAX), u64::MAX), None);
        assert_eq!(beyond(None, TEXT + 1), Some((TEXT, SegmentBound::Setting)));
        assert_eq!(beyond(None, 0), None);
    }

    #[test]
    fn what_is_free_is_known() {
        assert!(available_memory().is_some_and(|bytes| bytes > 0));
        assert!(room(Path::new("/nothing/of/that/name")).is_some());
    }
}

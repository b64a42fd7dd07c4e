//! The newest state, for whoever asks for it again and again.

use cms_segment::Root;

use crate::error::Result;
use crate::snapshot::Snapshot;
use crate::store::Store;

/// A snapshot that knows, at the cost of two loads from the segment, whether something was committed since it was taken.
///
/// For readers that keep what they made of a state, such as the values that a program in another language was handed. A commit by
/// any process is seen at the next look; an edit of a package file is seen once some process has taken it into the log, which
/// [`refresh`](Latest::refresh) does.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: Some(home.path().join("run")) };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("system"), "config system 'main'\n")?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// let mut latest = store.latest()?;
/// assert!(latest.is_current());
///
/// let mut tx = store.transaction()?;
/// tx.create_package(&"network".parse()?)?;
/// tx.commit()?;
/// assert!(!latest.is_current());
/// assert!(latest.follow()?, "the state is another one");
/// assert!(latest.snapshot().contains(&"network".parse()?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Latest {
    store: Store,
    snapshot: Snapshot,
    /// The segment, and its head before the snapshot was taken.
    seen: Option<(Root, u64)>,
}

impl Store {
    /// Takes a snapshot that can be brought up to date.
    ///
    /// # Errors
    /// As [`snapshot`](Store::snapshot).
    pub fn latest(&self) -> Result<Latest> {
        let (snapshot, seen) = look(self)?;
        Ok(Latest { store: self.clone(), snapshot, seen })
    }
}

impl Latest {
    /// Tells whether the snapshot is proven to be the newest state. Where there is no segment, it never is.
    #[inline]
    pub fn is_current(&self) -> bool {
        matches!(&self.seen, Some((root, head)) if root.head() == *head && !root.is_stale())
    }

    /// Returns the state that was last looked at.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Looks again unless the snapshot is current, and tells whether the state may be another one.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn follow(&mut self) -> Result<bool> {
        if self.is_current() { Ok(false) } else { self.refresh() }
    }

    /// Looks again, at the package files as well, and tells whether the state may be another one.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn refresh(&mut self) -> Result<bool> {
        let (snapshot, seen) = look(&self.store)?;
        self.seen = seen;
        // A file that is newer than the log has no revision yet.
        let is_same = snapshot.revision().is_some()
            && snapshot.revision() == self.snapshot.revision()
            && snapshot.warnings().is_empty()
            && self.snapshot.warnings().is_empty();
        if !is_same {
            self.snapshot = snapshot;
        }
        Ok(!is_same)
    }
}

/// How often a look is repeated: the first one may have to make the segment.
const LOOKS: usize = 3;

/// Takes a snapshot. What is seen of the segment is from before, and counts only if the segment shows the same state afterwards, so
/// that no commit falls between the two. Where files are newer than the log, or there is no segment, nothing is seen.
fn look(store: &Store) -> Result<(Snapshot, Option<(Root, u64)>)> {
    let mut looks = 0;
    loop {
        looks += 1;
        let log = store.optional_log();
        let before = log.and_then(|log| log.mapped.root(&*log.backend)).map(|root| {
            let head = root.head();
            (root, head)
        });
        let snapshot = store.snapshot()?;
        let can_be_seen = snapshot.warnings().is_empty() && snapshot.mapped().is_some();
        let seen = before.filter(|(root, head)| can_be_seen && root.head() == *head && !root.is_stale());
        if seen.is_some() || !can_be_seen || looks == LOOKS {
            return Ok((snapshot, seen));
        }
    }
}

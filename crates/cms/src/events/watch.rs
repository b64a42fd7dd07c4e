//! Asking for events, one commit after the other.

use std::time::{Duration, Instant};

use cms_log::Revision;

use super::feed::Feed;
use super::wake::Wake;
use super::{Notice, Pattern};
use crate::error::Result;
use crate::store::Store;

/// A reader of events. It holds nothing up: what it has not asked for yet is in the log.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// # store.snapshot()?;
/// use cms::{Notice, Pattern, Revision};
///
/// let mut watch = store.watch([Pattern::new("network.*.mtu")?], Some(Revision(0)))?;
/// let Some(Notice::Commit(commit)) = watch.next(None)? else { panic!() };
/// assert_eq!(commit.events[0].change.key, "network.lan.mtu");
/// # Ok(())
/// # }
/// ```
pub struct Watch {
    feed: Feed,
    wake: Wake,
}

impl Store {
    /// Reads the events of some topics after a revision, or from now on.
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) for those who may not read the log, and
    /// [`Error::Log`](crate::Error::Log) for a revision that there is not yet.
    pub fn watch(
        &self,
        patterns: impl IntoIterator<Item = Pattern>,
        after: Option<Revision>,
    ) -> Result<Watch> {
        let mut wake = Wake::new(self)?;
        let after = match after {
            Some(after) => after,
            None => wake.newest()?,
        };
        Ok(Watch { feed: Feed::new(self, patterns.into_iter().collect(), after)?, wake })
    }
}

impl Watch {
    /// Returns what is next; waits for it, for ever or for a time, after which the answer is `None`.
    ///
    /// # Errors
    /// Those of the log. The next call goes on at the same place.
    pub fn next(&mut self, time: Option<Duration>) -> Result<Option<Notice>> {
        let end = time.and_then(|time| Instant::now().checked_add(time));
        loop {
            let newest = self.wake.newest()?;
            if let Some(notice) = self.feed.next(newest)? {
                return Ok(Some(notice));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            self.wake.wait(left)?;
        }
    }

    /// Returns the revision up to which everything was told, also where nothing of it was asked for.
    pub fn revision(&self) -> Revision {
        self.feed.revision()
    }
}

//! Waiting for the next commit of any process.

use std::time::{Duration, Instant};

use cms_log::Revision;
use cms_segment::Root;

use crate::error::Result;
use crate::mapped::revision_of;
use crate::store::Store;

/// How often the log is asked where no segment can wake.
const POLL: Duration = Duration::from_millis(50);
/// How often log and segment are compared: a process may have died between them.
const CHECK: Duration = Duration::from_secs(1);

/// What wakes when there is a new commit.
pub(super) struct Wake {
    store: Store,
    root: Option<Root>,
    sequence: u32,
    shown: Revision,
    /// When log and segment were last compared.
    compared: Instant,
}

impl Wake {
    pub(super) fn new(store: &Store) -> Result<Wake> {
        store.log("watch")?;
        // What was done to the files until now is no news.
        store.snapshot()?.map();
        Ok(Wake {
            store: store.clone(),
            root: None,
            sequence: 0,
            shown: Revision::EMPTY,
            compared: Instant::now(),
        })
    }

    /// Returns the newest revision that may be told.
    pub(super) fn newest(&mut self) -> Result<Revision> {
        let log = self.store.log("watch")?;
        if self.root.as_ref().is_none_or(Root::is_stale) {
            self.root = log.mapped.root(&*log.backend).filter(|root| !root.is_stale());
        }
        if let Some(root) = &self.root {
            // Before what it shows is read, so that no change comes between the two.
            self.sequence = root.sequence();
            if let Some(shown) = root.snapshot().ok().as_ref().and_then(revision_of) {
                self.shown = self.shown.max(shown);
                return Ok(self.shown);
            }
            self.root = None;
        }
        self.shown = self.shown.max(log.backend.head()?);
        Ok(self.shown)
    }

    /// Waits until there may be a newer one than [`newest`](Wake::newest) answered, or until the time is over.
    pub(super) fn wait(&mut self, time: Option<Duration>) -> Result<()> {
        let Some(root) = &self.root else {
            std::thread::sleep(time.map_or(POLL, |time| time.min(POLL)));
            return Ok(());
        };
        let time = time.map_or(CHECK, |time| time.min(CHECK));
        match root.wait(self.sequence, Some(time)) {
            Ok(Some(_)) => {}
            Ok(None) if self.compared.elapsed() >= CHECK => self.mend()?,
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "the segment cannot be waited for");
                self.root = None;
                std::thread::sleep(time.min(POLL));
            }
        }
        Ok(())
    }

    /// Shows what somebody left behind who died after the sync of a commit.
    fn mend(&mut self) -> Result<()> {
        self.compared = Instant::now();
        let log = self.store.log("watch")?;
        if log.backend.head()? > self.shown {
            let newest = log.newest()?;
            log.show(&newest, &[]);
        }
        Ok(())
    }
}

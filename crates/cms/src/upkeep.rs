//! What a log needs now and then, and no commit waits for: the index of its history, and giving up what is too old.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cms_log::{Backend, Revision};
use parking_lot::Mutex;

use crate::error::Result;
use crate::retention::compact;

/// Whoever appends the commit that is a multiple of this sees to the log, so that of many processes one does,
const EVERY: u64 = 256;

/// and whoever appends one so long after he last did: the one whose turn it was may have died, or have no thread for it.
const AT_THE_LATEST: u64 = 4 * EVERY;

/// And whoever makes the log longer than a multiple of this many bytes: a few commits may be large.
const EVERY_BYTES: u64 = 16 << 20;

/// A process that ends does so much of what is due, lest on a machine of short processes nothing is ever done.
const AT_LEAST: Duration = Duration::from_millis(30);

/// Sees to a log after commits, on a thread of its own that lives as long as there is something to do.
pub(crate) struct Upkeep {
    /// The revision after which this process last did, or at which it opened the log.
    last: AtomicU64,
    /// How long the log was then.
    length: AtomicU64,
    is_closing: Arc<AtomicBool>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Upkeep {
    pub(crate) fn new(head: Revision, backend: &dyn Backend) -> Upkeep {
        Upkeep {
            last: AtomicU64::new(head.0),
            length: AtomicU64::new(length(backend)),
            is_closing: Arc::new(AtomicBool::new(false)),
            worker: Mutex::new(None),
        }
    }

    /// Called after commits, those after `before` up to `last`, have been acknowledged by the one who appended them.
    pub(crate) fn after(&self, before: Revision, last: Revision, backend: &Arc<dyn Backend>) {
        let is_late = || last.0.saturating_sub(self.last.load(Ordering::Relaxed)) >= AT_THE_LATEST;
        let length = length(&**backend);
        let was = self.length.fetch_max(length, Ordering::Relaxed);
        if last.0 / EVERY > before.0 / EVERY || is_late() || length / EVERY_BYTES > was / EVERY_BYTES {
            self.last.fetch_max(last.0, Ordering::Relaxed);
            self.start(backend);
        }
    }

    fn start(&self, backend: &Arc<dyn Backend>) {
        let mut worker = self.worker.lock();
        if worker.as_ref().is_some_and(|worker| !worker.is_finished()) {
            return;
        }
        let (backend, is_closing) = (backend.clone(), self.is_closing.clone());
        let spawned =
            thread::Builder::new().name("cms-upkeep".to_owned()).spawn(move || work(&*backend, &is_closing));
        match spawned {
            Ok(spawned) => *worker = Some(spawned),
            Err(error) => tracing::debug!(%error, "the log is seen to later"),
        }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::Relaxed);
        if let Some(worker) = self.worker.get_mut().take() {
            // It panics nowhere; if it did, there would be nobody to tell.
            let _ = worker.join();
        }
    }
}

/// How long the file of the log is. What is in it is never more.
fn length(backend: &dyn Backend) -> u64 {
    backend.place().metadata().map_or(0, |file| file.len())
}

/// Does what is due. What fails now, as on a disk that is full, is due again later: a commit is not concerned.
fn work(backend: &dyn Backend, is_closing: &AtomicBool) {
    let start = Instant::now();
    loop {
        match step(backend) {
            Ok(true) if !is_closing.load(Ordering::Relaxed) || start.elapsed() < AT_LEAST => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "the log could not be seen to; it is tried again later");
                return;
            }
        }
    }
}

fn step(backend: &dyn Backend) -> Result<bool> {
    match backend.index() {
        Ok(true) => Ok(true),
        // The index needs room, and what is given up makes some.
        Err(error) if error.is_no_space() => {
            compact(backend)?;
            Err(error.into())
        }
        indexed => {
            indexed?;
            compact(backend)
        }
    }
}

#[cfg(test)]
mod tests {
    use cms_model::{Name, Selector, Value};

    use super::*;
    use crate::location::{Dirs, Location};
    use crate::store::{Options, Store};

    /// The multiple of 256 is an edit by another program, which a snapshot, or a commit that comes to it, brings into the log.
    #[test]
    fn the_log_is_seen_to_whoever_makes_the_commit_whose_turn_it_is() {
        for is_by_snapshot in [false, true] {
            let home = tempfile::tempdir().unwrap();
            let path = |name: &str| home.path().join(name);
            std::fs::create_dir(path("config")).unwrap();
            std::fs::write(path("config/network"), "config interface 'lan'\n\toption mtu '0'\n").unwrap();
            let dirs = Dirs { state: Some(path("state")), run: Some(path("run")) };
            let location = Location::find(&path("config"), &dirs).unwrap();
            let store = Store::open(&location, Options::default()).unwrap();
            let log = store.log("test").unwrap();
            let set = |value: u64, between: &dyn Fn()| {
                let mut tx = store.transaction().unwrap();
                let lan = Selector::Named(Name::new("lan").unwrap());
                let mtu = Name::new("mtu").unwrap();
                tx.draft(&"network".parse().unwrap())
                    .unwrap()
                    .set_option(&lan, &mtu, Value::scalar(value.to_string()))
                    .unwrap();
                between();
                tx.commit().unwrap().revision.0
            };
            let mut last = 0;
            while last < EVERY - 1 {
                last = set(last + 1, &|| {});
            }
            // The file is brought up to the log, and then edited behind an option of it.
            store.write_package_files(&["network".parse().unwrap()]).unwrap();
            let edit = || {
                let file = path("config/network");
                let text = std::fs::read_to_string(&file).unwrap();
                std::fs::write(&file, text + "\toption by_hand '1'\n").unwrap();
            };
            if is_by_snapshot {
                edit();
                assert_eq!(store.snapshot().unwrap().revision(), Some(Revision(EVERY)));
            } else {
                assert_eq!(set(7000, &edit), EVERY + 1, "after the edit");
            }
            let end = Instant::now() + Duration::from_secs(20);
            while log.backend.meta("indexed").unwrap().is_none() {
                assert!(Instant::now() < end, "nobody has seen to it");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

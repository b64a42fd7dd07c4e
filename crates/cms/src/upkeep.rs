//! What a log needs now and then, and no commit waits for: the index of its history, and giving up what is too old.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cms_log::{Backend, Revision};
use parking_lot::Mutex;

use crate::error::Result;
use crate::retention::compact;

/// Whoever makes a commit beyond a multiple of this many sees to the log.
const EVERY: u64 = 256;

/// A process that ends does so much of what is due, lest on a machine of short processes nothing is ever done.
const AT_LEAST: Duration = Duration::from_millis(30);

/// Sees to a log after commits, on a thread of its own that lives as long as there is something to do.
pub(crate) struct Upkeep {
    /// The newest revision after which it was seen to.
    last: AtomicU64,
    is_closing: Arc<AtomicBool>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Upkeep {
    pub(crate) fn new(head: Revision) -> Upkeep {
        Upkeep {
            last: AtomicU64::new(head.0),
            is_closing: Arc::new(AtomicBool::new(false)),
            worker: Mutex::new(None),
        }
    }

    /// Called after a commit has been acknowledged.
    pub(crate) fn after(&self, revision: Revision, backend: &Arc<dyn Backend>) {
        let last = self.last.load(Ordering::Relaxed);
        if revision.0 / EVERY > last / EVERY {
            self.last.fetch_max(revision.0, Ordering::Relaxed);
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
    Ok(backend.index()? || compact(backend)?)
}

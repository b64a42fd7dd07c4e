//! Group commit: writers that wait at the same time share a sync.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, Thread},
};

use super::seen::Mark;
use crate::{Error, Result};

/// The order of appends through a handle, and how far they are on disk.
#[derive(Default)]
pub(super) struct Group {
    appended: AtomicU64,
    /// The last append that a sync has covered.
    synced: AtomicU64,
    /// How far the WAL was written by the last append, as far as that is known.
    written: Mutex<Option<Mark>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether somebody syncs at the moment.
    led: bool,
    /// Whether a sync has failed.
    poisoned: bool,
    /// Who sleeps until a sync covers the append with this place. Each is woken by name: woken all at once, they would
    /// queue for the lock again.
    waiting: Vec<(u64, Thread)>,
}

impl Group {
    /// Gives an append its place, after which the WAL is `written` so far. Must be called while appends are locked out.
    pub fn appended(&self, written: Option<Mark>) -> u64 {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = written;
        self.appended.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Waits until the append with this place is on disk, and syncs if nobody else does: as far as the mark says at least.
    pub fn wait(
        &self,
        ticket: u64,
        sync: impl FnOnce(Option<Mark>) -> Result<()>,
        poisoned: impl Fn() -> Error,
    ) -> Result<()> {
        loop {
            if self.synced.load(Ordering::Acquire) >= ticket {
                return Ok(());
            }
            let mut state = self.state();
            // Looked at again under the lock, under which it is raised: a sync that ended meanwhile wakes nobody later.
            if self.synced.load(Ordering::Acquire) >= ticket {
                return Ok(());
            }
            if state.poisoned {
                return Err(poisoned());
            }
            if !state.led {
                state.led = true;
                break;
            }
            // Whoever wakes this thread takes it off the list; when it wakes by itself, it is on it twice, which does no harm.
            state.waiting.push((ticket, thread::current()));
            drop(state);
            thread::park();
        }
        // Whatever has its place by now was written before the sync begins.
        let covered = self.appended.load(Ordering::Acquire);
        let written = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = sync(written);
        let mut state = self.state();
        state.led = false;
        match outcome {
            Ok(()) => {
                self.synced.store(covered, Ordering::Release);
            }
            Err(_) => state.poisoned = true,
        }
        let everybody = state.poisoned;
        let waiting = std::mem::take(&mut state.waiting);
        let (done, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(ticket, _)| everybody || *ticket <= covered);
        state.waiting = rest;
        // One of those who came too late leads next.
        let next = if state.waiting.is_empty() { None } else { Some(state.waiting.swap_remove(0)) };
        drop(state);
        for (_, thread) in next.into_iter().chain(done) {
            thread.unpark();
        }
        outcome
    }

    /// Refuses every write from now on.
    pub fn poison(&self) {
        let mut state = self.state();
        state.poisoned = true;
        for (_, thread) in state.waiting.drain(..) {
            thread.unpark();
        }
    }

    /// Returns whether a sync has failed.
    pub fn is_poisoned(&self) -> bool {
        self.state().poisoned
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Barrier, time::Duration};

    fn poisoned() -> Error {
        Error::Poisoned { path: "log".into() }
    }

    #[test]
    fn writers_that_wait_together_share_a_sync() {
        let (group, syncs, barrier) = (Group::default(), AtomicU64::new(0), Barrier::new(16));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let ticket = group.appended(None);
                    barrier.wait();
                    let sync = |_| {
                        syncs.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(5));
                        Ok(())
                    };
                    group.wait(ticket, sync, poisoned).unwrap();
                });
            }
        });
        assert!(syncs.into_inner() <= 2);
    }

    #[test]
    fn after_a_failed_sync_nobody_is_told_that_it_succeeded() {
        let group = Group::default();
        let first = group.appended(None);
        group.wait(first, |_| Ok(()), poisoned).unwrap();
        let second = group.appended(None);
        group.wait(second, |_| Err(poisoned()), poisoned).unwrap_err();
        group.wait(second, |_| Ok(()), poisoned).unwrap_err();
        assert!(group.is_poisoned());
        group.wait(first, |_| Ok(()), poisoned).unwrap();
    }
}

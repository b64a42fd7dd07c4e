//! Being told of commits, with a file descriptor to poll.

#![expect(unsafe_code, reason = "the patterns are C's")]

use std::collections::VecDeque;
use std::ffi::{c_char, c_int};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use cms::{Pattern, Revision};
use rustix::event::{EventfdFlags, eventfd};

use crate::border::{Out, given, guard, put, status};
use crate::owned::Notice;
use crate::status::{Failure, Status};
use crate::store::Handle;

/// How long the end of a watch may have to wait for its thread.
const ATTENTION: Duration = Duration::from_millis(50);
/// So many notices wait to be taken; until there is room the rest stays in the log.
const WAITING: usize = 1024;

/// `cms_watch`.
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Can be read as long as a notice waits.
    ready: OwnedFd,
    is_ending: AtomicBool,
}

#[derive(Default)]
struct Queue {
    notices: VecDeque<Box<Notice>>,
    failure: Option<(Status, String)>,
}

impl Shared {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, add: impl FnOnce(&mut Queue)) {
        add(&mut self.queue());
        self.changed.notify_all();
        // It counts what waits; that the count is full only means that it can be read already.
        let _ = rustix::io::write(&self.ready, &1u64.to_ne_bytes());
    }
}

/// Starts a watch.
#[unsafe(no_mangle)]
pub extern "C" fn cms_watch_open(
    store: Option<&Handle>,
    patterns: *const *const c_char,
    count: usize,
    after: u64,
) -> Option<Box<Watch>> {
    guard(None, || {
        let store = &given(store, "store")?.store;
        let mut topics = Vec::new();
        if patterns.is_null() && count > 0 {
            return Err(Failure::invalid("the patterns are null"));
        }
        for at in 0..count {
            // SAFETY: the header asks for `count` strings.
            let pattern = unsafe { *patterns.add(at) };
            if pattern.is_null() {
                return Err(Failure::invalid(format!("pattern {at} is null")));
            }
            // SAFETY: as above.
            let pattern = unsafe { std::ffi::CStr::from_ptr(pattern) };
            topics.push(Pattern::new(&pattern.to_string_lossy())?);
        }
        let after = (after != u64::MAX).then_some(Revision(after));
        let mut watch = store.watch(topics, after)?;
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC | EventfdFlags::SEMAPHORE;
        let ready = eventfd(0, flags).map_err(std::io::Error::from)?;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            ready,
            is_ending: AtomicBool::new(false),
        });
        let theirs = shared.clone();
        let work = move || follow(&theirs, &mut watch);
        let thread = std::thread::Builder::new().name("cms-watch".to_owned()).spawn(work)?;
        Ok(Some(Box::new(Watch { shared, thread: Some(thread) })))
    })
}

fn follow(shared: &Shared, watch: &mut cms::Watch) {
    while !shared.is_ending.load(Ordering::Acquire) {
        let queue = shared.queue();
        if queue.notices.len() >= WAITING {
            drop(shared.changed.wait_timeout(queue, ATTENTION));
            continue;
        }
        drop(queue);
        match crate::border::caught(|| Ok(watch.next(Some(ATTENTION))?)) {
            Ok(None) => {}
            Ok(Some(notice)) => {
                let notice = Notice::new(&notice);
                let is_last = notice.is_last();
                shared.put(|queue| queue.notices.push_back(notice));
                if is_last {
                    return;
                }
            }
            Err(failure) => {
                shared.put(|queue| queue.failure = Some((failure.status, failure.message)));
                return;
            }
        }
    }
}

/// The descriptor to poll.
#[unsafe(no_mangle)]
pub extern "C" fn cms_watch_fd(watch: Option<&Watch>) -> c_int {
    guard(-1, || Ok(given(watch, "watch")?.shared.ready.as_raw_fd()))
}

/// Takes the next notice.
#[unsafe(no_mangle)]
pub extern "C" fn cms_watch_next(
    watch: Option<&Watch>,
    timeout_ms: c_int,
    notice: Out<'_, Option<Box<Notice>>>,
) -> c_int {
    status(|| {
        let shared = &given(watch, "watch")?.shared;
        let limit = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let is_waiting = |queue: &mut Queue| queue.notices.is_empty() && queue.failure.is_none();
        let mut queue = shared.queue();
        queue = match limit {
            None => shared.changed.wait_while(queue, is_waiting).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = shared.changed.wait_timeout_while(queue, limit, is_waiting);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if let Some(next) = queue.notices.pop_front() {
            let mut count = [0; 8];
            let _ = rustix::io::read(&shared.ready, &mut count);
            drop(queue);
            shared.changed.notify_all();
            put(notice, Some(next));
            return Ok(());
        }
        match &queue.failure {
            Some((status, message)) => Err(Failure::new(*status, message.clone())),
            None => Err(Failure::new(Status::Timeout, "no commit changed what is watched in time")),
        }
    })
}

/// Ends a watch.
#[unsafe(no_mangle)]
pub extern "C" fn cms_watch_close(watch: Option<Box<Watch>>) {
    guard((), || {
        drop(watch);
        Ok(())
    });
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Release);
        self.shared.changed.notify_all();
        // It ended by itself or does now; that it panicked was told as a failure.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

//! Being told of commits by callbacks: `struct EventManager`, with its topics and subscribers in uthash's tables.

#![expect(unsafe_code, reason = "callbacks and what they are called with are C's")]

use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use cms::{EventLimits, Pattern, Revision, Start};

use crate::border::{given, guard, status};
use crate::lock::Lock;
use crate::owned::Notice;
use crate::status::{Failure, Result, Status};
use crate::store::Handle;
use crate::text::{Text, shown};

/// `EventCallback`.
type Callback = unsafe extern "C" fn(data: *mut c_void, context: *mut c_void);

unsafe extern "C" {
    fn cms_topics_add(
        topics: *mut *mut c_void,
        id: *const c_char,
        topic: *const c_char,
        callback: Callback,
        context: *mut c_void,
    ) -> c_int;
    fn cms_topics_remove(topics: *mut *mut c_void, id: *const c_char) -> c_int;
    fn cms_topics_free(topics: *mut *mut c_void);
}

/// What the header shows.
#[repr(C)]
pub struct Shown {
    topics: UnsafeCell<*mut c_void>,
    lock: Lock,
    max_subscribers: usize,
}

/// `struct EventManager`.
#[repr(C)]
pub struct EventManager {
    shown: Shown,
    /// There until it is dropped.
    inner: Option<cms::EventManager>,
}

impl EventManager {
    fn inner(&self) -> Result<&cms::EventManager> {
        given(self.inner.as_ref(), "event manager")
    }
}

impl Drop for EventManager {
    fn drop(&mut self) {
        // First the threads end, then what they may look at goes.
        drop(self.inner.take());
        // SAFETY: nobody else uses what is being freed.
        unsafe { cms_topics_free(self.shown.topics.get()) };
    }
}

/// A callback with what it is called with.
struct Subscriber {
    callback: Callback,
    context: *mut c_void,
}

// SAFETY: the header says that the callback runs in a thread of the manager's, so that its context must bear that.
unsafe impl Send for Subscriber {}

impl Subscriber {
    fn call(&self, notice: &cms::Notice) {
        let notice = Box::into_raw(Notice::new(notice));
        // SAFETY: the header asks for a function of this type; the notice lives until it returns, and is freed once.
        unsafe {
            (self.callback)(notice.cast(), self.context);
            drop(Box::from_raw(notice));
        }
    }
}

/// Makes an event manager.
#[unsafe(no_mangle)]
pub extern "C" fn cms_events_new(
    store: Option<&Handle>,
    max_subscribers: usize,
) -> Option<Box<EventManager>> {
    guard(None, || {
        let mut limits = EventLimits::default();
        if max_subscribers > 0 {
            limits.subscribers = max_subscribers;
        }
        let inner = cms::EventManager::new(&given(store, "store")?.store, limits)?;
        let shown = Shown {
            topics: UnsafeCell::new(ptr::null_mut()),
            lock: Lock::new(),
            max_subscribers: limits.subscribers,
        };
        Ok(Some(Box::new(EventManager { shown, inner: Some(inner) })))
    })
}

/// Calls a function with the events of a topic.
#[unsafe(no_mangle)]
pub extern "C" fn cms_events_subscribe(
    events: Option<&EventManager>,
    id: Text<'_>,
    topic: Text<'_>,
    after: u64,
    callback: Option<Callback>,
    context: *mut c_void,
) -> c_int {
    status(|| {
        let events = given(events, "event manager")?;
        let topic = Pattern::new(topic.utf8("topic")?)?;
        let callback = given(callback, "callback")?;
        let subscriber = Subscriber { callback, context };
        let start = if after == u64::MAX { Start::Now } else { Start::After(Revision(after)) };
        let id = id.utf8("name of the subscriber")?;
        let (name, place) = (shown(&topic.to_string()), shown(id));
        // What is shown and what is subscribed to change together.
        let _held = events.shown.lock.hold();
        events.inner()?.subscribe(id, topic, start, move |notice| subscriber.call(notice))?;
        // SAFETY: the lock is held; the strings live until the call returns.
        let is_shown = unsafe {
            // One that ended by itself may be there still.
            cms_topics_remove(events.shown.topics.get(), place.as_ptr());
            cms_topics_add(events.shown.topics.get(), place.as_ptr(), name.as_ptr(), callback, context)
        };
        if is_shown == 0 {
            events.inner()?.unsubscribe(id);
            return Err(Failure::new(Status::Full, format!("there is no memory for the subscriber '{id}'")));
        }
        Ok(())
    })
}

/// Ends a subscription.
#[unsafe(no_mangle)]
pub extern "C" fn cms_events_unsubscribe(events: Option<&EventManager>, id: Text<'_>) -> c_int {
    status(|| {
        let id = id.utf8("name of the subscriber")?;
        let events = given(events, "event manager")?;
        let place = shown(id);
        let _held = events.shown.lock.hold();
        // SAFETY: the lock is held; the string lives until the call returns.
        let was_shown = unsafe { cms_topics_remove(events.shown.topics.get(), place.as_ptr()) } != 0;
        match events.inner()?.unsubscribe(id) || was_shown {
            true => Ok(()),
            false => Err(Failure::new(Status::NotFound, format!("there is no subscriber '{id}'"))),
        }
    })
}

/// Ends all subscriptions.
#[unsafe(no_mangle)]
pub extern "C" fn cms_events_free(events: Option<Box<EventManager>>) {
    guard((), || {
        drop(events);
        Ok(())
    });
}

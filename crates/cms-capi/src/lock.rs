//! Locks that the header shows, so that C programs can hold them.

#![expect(unsafe_code, reason = "the lock is C's")]

use std::cell::UnsafeCell;

/// `pthread_mutex_t`, as a member of a struct that is shown. It stays where it is from its first use on.
#[repr(transparent)]
pub struct Lock(UnsafeCell<libc::pthread_mutex_t>);

/// A lock that is held, until this is dropped.
pub struct Held<'a>(&'a Lock);

impl Lock {
    pub const fn new() -> Lock {
        Lock(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER))
    }

    pub fn hold(&self) -> Held<'_> {
        // SAFETY: it was initialised by `new`, and is borrowed, so it stays where it is. It fails for nothing but a thread that holds it
        // already, which the header rules out.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
        Held(self)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds it.
        unsafe { libc::pthread_mutex_unlock(self.0.0.get()) };
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // SAFETY: whoever frees what it is a member of is the last to use it.
        unsafe { libc::pthread_mutex_destroy(self.0.get()) };
    }
}

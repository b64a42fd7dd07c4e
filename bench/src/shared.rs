//! Memory that this process shares with another: for a bare futex, and for what the clock showed over there.

#![allow(unsafe_code, reason = "no safe crate of ours shares single words between processes")]

use std::fs::File;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::Result;

/// Words that two processes share.
#[repr(C)]
pub struct Words {
    /// What one waits on, and the other wakes.
    pub futex: AtomicU32,
    /// How often the other has woken.
    pub woken: AtomicU32,
    /// What its clock showed then, in nanoseconds.
    pub clock: AtomicU64,
}

/// Maps the words in a file, which is made if need be. They stay mapped for as long as this process lives.
pub fn words(path: &Path) -> Result<&'static Words> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.set_len(4096)?;
    // SAFETY: a fresh mapping, which touches no memory of ours.
    let place = unsafe {
        mmap(std::ptr::null_mut(), 4096, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0)?
    };
    let place = NonNull::new(place).ok_or("mapped at nothing")?;
    // SAFETY: a page is aligned and large enough for the words, all of which are atomics that any bits are valid for; the
    // file keeps its length, and nobody unmaps it.
    Ok(unsafe { place.cast::<Words>().as_ref() })
}

/// The time since the machine started, which all its processes agree on, in nanoseconds.
pub fn clock() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

//! How the program starts and ends, in place of Rust's runtime.
//!
//! The runtime asks for the bounds of the stack, by way of `/proc/self/maps`, and sets up a second one to report an overflow
//! from. That costs a short command as much as all that it computes, so this does the rest alone: standard streams that are
//! closed are filled, and signals are ignored that would kill a commit half-way.

#![cfg_attr(test, allow(dead_code, reason = "tests are started by their own harness"))]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::fs::File;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;

use rustix::process::Signal;

// Numbers of signal(2) and fcntl(2), the same on every Linux.
const SIG_IGN: usize = 1;
const F_GETFD: c_int = 1;

#[expect(unsafe_code, reason = "the standard library has no calls for these")]
unsafe extern "C" {
    /// `fcntl(2)`, for the commands that take no argument.
    fn fcntl(descriptor: c_int, command: c_int, ...) -> c_int;

    /// `signal(2)`, with its handler as a number: `SIG_IGN` is 1 on every Linux.
    fn signal(number: c_int, handler: usize) -> usize;
}

/// What the C library calls.
#[cfg(not(test))]
#[expect(unsafe_code, reason = "the C library finds it by its name")]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    fill_standard_streams();
    ignore_signals();
    // SAFETY: these are the arguments of `main`, as the C library gives them.
    let code = crate::run(unsafe { words_of(count, words) });
    // What is printed without a line's end waits here. Nobody is left to be told that it could not be written.
    let _ = std::io::Write::flush(&mut std::io::stdout());
    c_int::from(code)
}

/// Reads the arguments of `main`.
///
/// # Safety
/// `words` points at `count` C strings, or at fewer and a null.
#[expect(unsafe_code, reason = "C's words are raw memory")]
unsafe fn words_of(count: c_int, words: *const *const c_char) -> Vec<OsString> {
    let count = usize::try_from(count).unwrap_or(0);
    let mut all = Vec::with_capacity(count);
    for at in 0..count {
        // SAFETY: the caller promises `count` pointers, and stops at a null.
        let word = unsafe { *words.add(at) };
        if word.is_null() {
            break;
        }
        // SAFETY: not null, so a C string, as the caller promises. Nobody writes to it.
        let word = unsafe { CStr::from_ptr(word) };
        all.push(OsStr::from_bytes(word.to_bytes()).to_owned());
    }
    all
}

/// Opens `/dev/null` for each standard stream that is closed: the next file to be opened would become the stream, and a
/// message would go into the log.
fn fill_standard_streams() {
    for stream in 0..3 {
        // SAFETY: F_GETFD takes any number, touches no memory of ours and changes nothing.
        #[expect(unsafe_code, reason = "argued above")]
        let is_open = unsafe { fcntl(stream, F_GETFD) } != -1;
        if is_open {
            continue;
        }
        // The lowest free number is the one that was found closed.
        let filled = File::options().read(true).write(true).open("/dev/null").map(File::into_raw_fd);
        if filled.ok() != Some(stream) {
            std::process::abort();
        }
    }
}

/// Makes a write beyond the file-size limit an error (`EFBIG`), which a commit can undo and report, instead of a signal that
/// kills it half-way; and a reader that went away a `BrokenPipe`, which ends the program quietly (see `output`).
fn ignore_signals() {
    for number in [Signal::XFSZ, Signal::PIPE] {
        // SAFETY: called first in `main`, before any thread exists; SIG_IGN installs no handler of ours,
        // so no code of ours can run in signal context; the number is the platform's own.
        #[expect(unsafe_code, reason = "argued above")]
        unsafe {
            signal(number.as_raw(), SIG_IGN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "the function reads raw memory")]
    fn words_end_at_their_count_or_a_null() {
        let words = [c"cms".as_ptr(), c"get".as_ptr(), std::ptr::null()];
        let read = |count| {
            // SAFETY: two C strings and a null.
            unsafe { words_of(count, words.as_ptr()) }
        };
        assert_eq!(read(1), ["cms"]);
        assert_eq!(read(2), ["cms", "get"]);
        assert_eq!(read(3), ["cms", "get"]);
        assert_eq!(read(-1), [""; 0]);
    }
}

//! What signals do to a program that writes configuration.

use rustix::process::Signal;

const SIG_IGN: usize = 1;

#[expect(unsafe_code, reason = "the standard library has no call for signal dispositions")]
unsafe extern "C" {
    /// `signal(2)`, with its handler as a number: `SIG_IGN` is 1 on every Linux.
    fn signal(number: core::ffi::c_int, handler: usize) -> usize;
}

/// Makes a write beyond the file-size limit an error (`EFBIG`), which a commit can undo and report,
/// instead of a signal that kills it half-way.
///
/// `SIGPIPE` needs nothing here: Rust's runtime ignores it, and a reader that went away shows as
/// `BrokenPipe`, which ends the program quietly (see `output`).
#[expect(unsafe_code, reason = "see above: one call, argued below")]
pub(crate) fn ignore_file_size_limit() {
    // SAFETY: called first in `main`, before any thread exists; SIG_IGN installs no handler of ours,
    // so no code of ours can run in signal context; the number is the platform's own.
    unsafe {
        signal(Signal::XFSZ.as_raw(), SIG_IGN);
    }
}

//! Whether anybody else has a file open.

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::AsRawFd;

use rustix::process::Signal;

// The numbers of fcntl(2), the same on every Linux.
const F_SETSIG: c_int = 10;
const F_SETLEASE: c_int = 1024;
const F_WRLCK: c_int = 1;
const F_UNLCK: c_int = 2;

#[expect(unsafe_code, reason = "neither the standard library nor rustix has leases")]
unsafe extern "C" {
    /// `fcntl(2)`, for the commands that take a number.
    fn fcntl(descriptor: c_int, command: c_int, ...) -> c_int;
}

/// Tells whether `file`, which no name leads to any more, is open nowhere but here. Where the file
/// system cannot tell, the answer is no.
///
/// The kernel grants a write lease only on a file that nobody else has open (fcntl(2), "Leases"). This costs two
/// system calls, where `/proc/locks` waits for every processor to pass through the scheduler: milliseconds.
pub(crate) fn is_ours_alone(file: &File) -> bool {
    let number = |command, argument: c_int| {
        // SAFETY: the descriptor is open for as long as `file` is borrowed; these commands take an int and
        // touch no memory of ours.
        #[expect(unsafe_code, reason = "argued above")]
        unsafe {
            fcntl(file.as_raw_fd(), command, argument)
        }
    };
    // Who opens the file while the lease lasts, through /proc alone since it has no name, would have a signal sent
    // to us: one that is ignored, not SIGIO, which kills.
    if number(F_SETSIG, Signal::URG.as_raw()) == -1 {
        return false;
    }
    let granted = number(F_SETLEASE, F_WRLCK) != -1;
    if granted {
        number(F_SETLEASE, F_UNLCK);
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_somebody_else_has_open_is_not_ours_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("network");
        std::fs::write(&path, "config a x\n").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let alone = is_ours_alone(&file);
        let other = File::open(&path).unwrap();
        assert!(!is_ours_alone(&file));
        drop(other);
        assert_eq!(is_ours_alone(&file), alone);
    }
}

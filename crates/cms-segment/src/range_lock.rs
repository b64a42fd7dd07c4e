//! Locks on single bytes of a file that belong to an open file (fcntl(2), "Open file description locks"): the kernel frees them
//! when it is closed, and tells others whether they are held.

use std::{fs::File, os::fd::AsRawFd};

/// Locks a byte for as long as `file` stays open, unless another open file has locked it.
pub(crate) fn try_lock(file: &File, byte: u64) -> bool {
    call(file, libc::F_OFD_SETLK, byte).is_some()
}

/// Tells whether another open file has locked a byte. Where that cannot be told, the answer is no.
pub(crate) fn is_locked(file: &File, byte: u64) -> bool {
    call(file, libc::F_OFD_GETLK, byte).is_some_and(|lock| i32::from(lock.l_type) != libc::F_UNLCK)
}

fn call(file: &File, command: libc::c_int, byte: u64) -> Option<libc::flock> {
    // SAFETY: the struct is plain numbers, for which zeros are a value; the kernel wants the process id to be one.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = byte.try_into().ok()?;
    lock.l_len = 1;
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and these commands read and write the one struct that the
    // reference covers.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    (answer == 0).then_some(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_locked_until_its_file_is_closed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let (one, other) = (open(), open());
        assert!(try_lock(&one, 64));
        assert!(is_locked(&other, 64) && !is_locked(&other, 65) && !is_locked(&one, 64));
        assert!(!try_lock(&other, 64) && try_lock(&other, 128));
        drop(one);
        assert!(!is_locked(&other, 64) && try_lock(&other, 64));
    }
}

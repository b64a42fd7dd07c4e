//! Random bytes from the system.

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};

/// Returns random bytes. It asks the kernel itself: a program that is linked statically cannot look up whether its C library
/// has a call for that, and the way around, by files, is six system calls instead of one.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Error::Invalid { what: "the system has no random bytes" }),
        }
    }
    Ok(bytes)
}

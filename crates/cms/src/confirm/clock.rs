//! The time since the machine was started, and which start that was.

use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use crate::error::{Error, Result};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A moment that no change of the wall clock moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// The boot: random, and another one after each.
    pub boot: String,
    /// Microseconds since, including those in suspend.
    pub since_boot_us: u64,
}

impl Clock {
    pub(super) fn now() -> Result<Clock> {
        let boot = std::fs::read_to_string(BOOT_ID)
            .map_err(|source| Error::io("read", Path::new(BOOT_ID), source))?;
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_nsec / 1000).unwrap_or(0);
        Ok(Clock { boot: boot.trim().to_owned(), since_boot_us: seconds * 1_000_000 + micros })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_stays_and_its_time_goes_on() {
        let (one, two) = (Clock::now().unwrap(), Clock::now().unwrap());
        assert_eq!(one.boot, two.boot);
        assert!(!one.boot.is_empty() && one.since_boot_us > 0 && one.since_boot_us <= two.since_boot_us);
    }
}

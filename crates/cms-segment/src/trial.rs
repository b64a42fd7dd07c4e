//! Where a writer can be killed by the tests of what a killed writer leaves.

/// Kills the process if the tests armed this step: `CMS_TRIAL=n` is the nth step from the first on, whatever its name.
#[cfg(feature = "trial")]
pub(crate) fn step(_name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    };
    static LEFT: LazyLock<AtomicI64> = LazyLock::new(|| {
        AtomicI64::new(std::env::var("CMS_TRIAL").ok().and_then(|text| text.parse().ok()).unwrap_or(i64::MAX))
    });
    if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing, outside of tests.
#[cfg(not(feature = "trial"))]
#[inline(always)]
pub(crate) fn step(_name: &str) {}

//! Named steps of batches and swaps, at which the crash tests stop the process.

/// The process may end here: tests see to it that it does.
#[cfg(not(feature = "trial"))]
#[inline(always)]
pub(crate) fn step(_name: &'static str) {}

#[cfg(feature = "trial")]
pub(crate) use armed::step;
#[cfg(feature = "trial")]
pub use armed::stop_after;

#[cfg(feature = "trial")]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    /// Steps left; 0 if the process is not to be stopped. `CMS_TRIAL=n` stops it at the nth step from the first on.
    static LEFT: LazyLock<AtomicU64> = LazyLock::new(|| {
        AtomicU64::new(std::env::var("CMS_TRIAL").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
    });

    /// Kills this process when it reaches the given step from now on, whatever its name.
    pub fn stop_after(steps: u64) {
        LEFT.store(steps, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn step(name: &'static str) {
        if LEFT.load(Ordering::Relaxed) != 0 {
            count(name);
        }
    }

    #[cold]
    fn count(name: &'static str) {
        if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            if std::env::var_os("CMS_TRIAL_TELL").is_some() {
                eprintln!("stopped at: {name}");
            }
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // The signal is on its way.
            loop {
                std::thread::park();
            }
        }
    }
}

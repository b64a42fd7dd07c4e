//! Named steps of batches and swaps, at which the crash tests stop the process.

/// The process may end here: tests see to it that it does.
#[inline(always)]
pub(crate) fn step(name: &'static str) {
    #[cfg(feature = "trial")]
    trial::reach(name);
    #[cfg(not(feature = "trial"))]
    let _ = name;
}

/// Stopping at a step, for tests.
#[cfg(feature = "trial")]
pub mod trial {
    use std::sync::atomic::{AtomicU64, Ordering};

    static LEFT: AtomicU64 = AtomicU64::new(0);

    /// Kills this process when it has passed `steps` more steps.
    pub fn stop_after(steps: u64) {
        LEFT.store(steps, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn reach(name: &'static str) {
        if LEFT.load(Ordering::Relaxed) != 0 {
            count(name);
        }
    }

    #[cold]
    fn count(name: &'static str) {
        if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            if std::env::var_os("CMS_SEGMENT_TRIAL").is_some() {
                eprintln!("stopped at {name}");
            }
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // The signal is on its way.
            loop {
                std::thread::park();
            }
        }
    }
}

//! Somebody to take over from a thread that is away for longer than it thought.
//!
//! A thread that calls a subscriber is away until the call returns, and another one has to lead meanwhile. To wake it before each call
//! takes longer than most calls do, and the call waits for it. So the thread sets an alarm, which the kernel gives if the call lasts.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// How long a thread may be away before somebody is woken.
const PATIENCE: Duration = Duration::from_millis(1);

/// An alarm that all threads of a manager share. Whoever turns it off looks for work himself at once, so it does not matter whose it was.
pub(super) struct Alarm(OwnedFd);

impl Alarm {
    /// Makes one, where the kernel has it.
    pub(super) fn new() -> Option<Alarm> {
        timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).ok().map(Alarm)
    }

    /// Lets it ring in a while; answers whether it will.
    pub(super) fn set(&self) -> bool {
        self.ring_in(PATIENCE)
    }

    /// Turns it off.
    pub(super) fn clear(&self) {
        self.ring_in(Duration::ZERO);
    }

    /// Lets it ring now.
    pub(super) fn ring(&self) {
        self.ring_in(Duration::from_nanos(1));
    }

    fn ring_in(&self, time: Duration) -> bool {
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: never, it_value: time };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once).is_ok()
    }

    /// Waits until it rings; answers whether it did.
    pub(super) fn wait(&self) -> bool {
        let mut count = [0; 8];
        rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut count)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_rings_in_time_unless_it_is_turned_off() {
        let alarm = Alarm::new().unwrap();
        let start = Instant::now();
        assert!(alarm.set() && alarm.wait());
        assert!(start.elapsed() >= PATIENCE);
        assert!(alarm.set());
        alarm.clear();
        std::thread::sleep(2 * PATIENCE);
        let start = Instant::now();
        assert!(alarm.set() && alarm.wait());
        assert!(start.elapsed() >= PATIENCE / 2, "what was turned off did not ring");
        alarm.ring();
        assert!(alarm.wait());
    }
}

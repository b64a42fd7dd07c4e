//! The guardian: waits until everything that is pending is settled, and rolls back what nobody confirms.

use std::collections::HashMap;
use std::time::Duration;

use cms_log::{Outcome, Pending, Settled};

use super::probe::Probe;
use super::{Clock, due, read};
use crate::error::{Error, Result};
use crate::lock::{Held, LockFile};
use crate::store::{Log, Store};
use crate::system_log;

/// The longest sleep: so late is noticed what others armed or settled, or that the machine was suspended.
const NAP: Duration = Duration::from_secs(1);
/// The same while a probe runs.
const SHORT_NAP: Duration = Duration::from_millis(50);
/// How often files that could not be written are tried again.
const ATTEMPTS: u32 = 6;

impl Store {
    /// Watches over what is pending until nothing is: runs the probes, and rolls back at the deadline.
    ///
    /// One at a time does so, one more waits to take over, and any further one returns at once. What it rolls back it hands to
    /// `rolled_back`.
    ///
    /// # Errors
    /// Those of the log when it is opened or locked. What goes wrong later is tried again.
    pub fn guard(&self, rolled_back: &mut dyn FnMut(&[Settled])) -> Result<()> {
        let log = self.log("watch over what is pending")?;
        let post = self.post("guardian.lock");
        let _held = match post.try_lock()? {
            Some(held) => held,
            None => match self.relief(&post)? {
                Some(held) => held,
                None => return Ok(()),
            },
        };
        let mut probes = HashMap::new();
        let mut is_failing = false;
        // Without its log there is nothing to watch over: the store was taken away.
        while log.backend.place().exists() {
            match self.look(log, &mut probes, rolled_back) {
                Ok(None) => break,
                Ok(Some(pause)) => {
                    is_failing = false;
                    std::thread::sleep(pause);
                }
                Err(error) => {
                    tracing::error!(%error, "the guardian tries again");
                    if !is_failing {
                        let config = self.location().config().display();
                        system_log::warn(&format!(
                            "{config}: cannot watch over what is pending, trying again: {error}"
                        ));
                    }
                    is_failing = true;
                    if error.is_committed() {
                        self.write_late();
                    }
                    std::thread::sleep(NAP);
                }
            }
        }
        Ok(())
    }

    /// Tells whether somebody watches over what is pending.
    pub fn is_guarded(&self) -> bool {
        !matches!(self.post("guardian.lock").try_lock(), Ok(Some(_)))
    }

    fn post(&self, name: &str) -> LockFile {
        LockFile::new(self.location(), self.location().state().join(name))
    }

    /// Waits to take over from the guardian, unless somebody else does already.
    ///
    /// Whoever waits looks into the log after it took over, so it sees what was armed for the one that goes away here.
    fn relief<'a>(&self, post: &'a LockFile) -> Result<Option<Held<'a>>> {
        let next = self.post("guardian.next");
        let Some(_next) = next.try_lock()? else { return Ok(None) };
        Ok(Some(post.lock()?))
    }

    /// Does what is to be done now; returns for how long there is nothing, or `None` when nothing is pending.
    fn look(
        &self,
        log: &Log,
        probes: &mut HashMap<String, Probe>,
        rolled_back: &mut dyn FnMut(&[Settled]),
    ) -> Result<Option<Duration>> {
        let pending = read(log)?.pending;
        if pending.is_empty() {
            return Ok(None);
        }
        let now = Clock::now()?;
        if pending.iter().any(|pending| due(pending, &now).is_some()) {
            let mut failure = |pending: &Pending| {
                let probe = probes.get(name(pending)).filter(|probe| probe.round == pending.round);
                probe.map(Probe::verdict).unwrap_or_default()
            };
            rolled_back(&self.settle_due(&mut failure)?);
            return Ok(Some(Duration::ZERO));
        }
        probes.retain(|token, _| pending.iter().any(|pending| name(pending) == token));
        let mut next_us = pending.iter().map(|pending| pending.deadline_us).min().unwrap_or(u64::MAX);
        for pending in &pending {
            let Some(command) = &pending.probe else { continue };
            let now_us = now.since_boot_us;
            let fresh = || Probe::new(command, pending.round, now_us);
            let probe = probes.entry(name(pending).to_owned()).or_insert_with(fresh);
            if probe.round != pending.round {
                *probe = fresh();
            }
            if probe.go_on(now_us) {
                match self.settle_confirmed(Some(name(pending)), Outcome::Proven, Some(pending.round)) {
                    // Too late, or for a round that is over.
                    Ok(_) | Err(Error::Settled(_) | Error::NotPending { .. }) => {}
                    Err(error) => return Err(error),
                }
                return Ok(Some(Duration::ZERO));
            }
            next_us = next_us.min(probe.next_us());
        }
        let longest = if probes.values().any(Probe::is_running) { SHORT_NAP } else { NAP };
        Ok(Some(longest.min(Duration::from_micros(next_us.saturating_sub(now.since_boot_us)))))
    }

    /// A rollback is in the log, and its files are not written: taking a snapshot tries again.
    fn write_late(&self) {
        for attempt in 0..ATTEMPTS {
            std::thread::sleep(NAP * 2u32.pow(attempt));
            match self.snapshot() {
                Ok(_) => return,
                Err(error) => tracing::error!(%error, "the files of a rollback could not be written"),
            }
        }
    }
}

/// The name under which an entry is known as long as it is pending.
fn name(pending: &Pending) -> &str {
    pending.tokens.first().map_or("", String::as_str)
}

//! Settling what is pending: by confirming it, or by the commit that rolls it back.

use std::sync::Arc;

use cms_log::{CommitKind, Origin, Outcome, Pending, Settled};
use cms_model::PackageName;

use super::reversal::{Reversal, reverse};
use super::{Clock, choose, due, keep, name_revisions, name_window, read, set_mark, unmark_if_idle};
use crate::author::current_user;
use crate::commit::Prepared;
use crate::error::{Error, Result};
use crate::external::Warning;
use crate::status::now_ns;
use crate::store::{Log, Store};
use crate::system_log;

/// The program that the history names for a rollback.
const TOOL: &str = "cms confirm";

impl Store {
    /// Confirms an entry, if it still is of `round`.
    pub(super) fn settle_confirmed(
        &self,
        token: Option<&str>,
        outcome: Outcome,
        round: Option<u64>,
    ) -> Result<Settled> {
        let log = self.log("confirm a commit")?;
        let too_late = {
            let _writing = log.write()?;
            let mut known = read(log)?;
            let at = choose(&known, token)?;
            if due(&known.pending[at], &Clock::now()?).is_none() {
                if round.is_some_and(|round| round != known.pending[at].round) {
                    return Err(Error::NotPending { token: token.map(str::to_owned) });
                }
                let settled = settled(known.pending.remove(at), outcome);
                known.settled.push(Settled { seen: true, ..settled });
                keep(self.location(), log, &known)?;
                let settled = known.settled.pop().ok_or(Error::NotPending { token: None })?;
                let revisions = name_revisions(&settled.revisions);
                tracing::info!(%revisions, "confirmed");
                return Ok(settled);
            }
            known.pending[at].tokens.first().cloned()
        };
        self.expire()?;
        // What is due is settled by now, and found among those.
        Err(match choose(&read(log)?, too_late.as_deref()) {
            Err(error) => error,
            Ok(_) => Error::NotPending { token: too_late },
        })
    }

    /// Rolls back an entry before its deadline.
    pub(super) fn settle_cancelled(&self, token: Option<&str>) -> Result<Settled> {
        let log = self.log("cancel a commit")?;
        let known = read(log)?;
        let pending = &known.pending[choose(&known, token)?];
        match self.roll_back(log, pending, Some(Outcome::Cancelled), String::new())? {
            Some(settled) => Ok(settled),
            None => match choose(&read(log)?, token) {
                Err(error) => Err(error),
                Ok(_) => Err(Error::NotPending { token: token.map(str::to_owned) }),
            },
        }
    }

    /// Rolls back what is due. `probe_failure` knows how the probe of an entry failed.
    pub(super) fn settle_due(
        &self,
        probe_failure: &mut dyn FnMut(&Pending) -> String,
    ) -> Result<Vec<Settled>> {
        let log = self.log("roll back what was not confirmed")?;
        let mut all = Vec::new();
        let mut failed = None;
        let pending = read(log)?.pending;
        if pending.is_empty() {
            return Ok(all);
        }
        let now = Clock::now()?;
        // The newest first, as they were built upon each other.
        for pending in pending.iter().rev().filter(|pending| due(pending, &now).is_some()) {
            match self.roll_back(log, pending, None, probe_failure(pending)) {
                Ok(settled) => all.extend(settled),
                // The others may still be rolled back.
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(all),
        }
    }

    /// Makes the commit that reverses an entry and the note that settles it, in one transaction. `None` if somebody else settled
    /// the entry, or, where `outcome` leaves it to the clock, if it is not due any more.
    fn roll_back(
        &self,
        log: &Log,
        entry: &Pending,
        outcome: Option<Outcome>,
        probe_failure: String,
    ) -> Result<Option<Settled>> {
        let mut writing = log.write()?;
        let absorbed = self.absorb(log, &mut writing, &entry.packages)?;
        let mut known = read(log)?;
        let token = entry.tokens.first().map(String::as_str);
        let Some(at) =
            known.pending.iter().position(|pending| token.is_some_and(|token| pending.is_called(token)))
        else {
            return Ok(None);
        };
        let Some(outcome) = outcome.map_or_else(
            || Clock::now().map(|now| due(&known.pending[at], &now)),
            |outcome| Ok(Some(outcome)),
        )?
        else {
            return Ok(None);
        };
        let pending = known.pending.remove(at);
        let (window_us, probe) = (pending.window_us, pending.probe.clone());
        let Reversal { packages, tables, conflicts } =
            reverse(log, &writing.head, &pending.revisions, &locked(&absorbed.warnings))?;
        let touched = pending.packages.clone();
        let made = !packages.is_empty() || !tables.is_empty();
        let settled = Settled {
            undone: made.then(|| writing.head.revision.next()),
            conflicts,
            probe_failure,
            seen: outcome == Outcome::Cancelled,
            ..settled(pending, outcome)
        };
        let message = message(&settled, window_us, probe.as_deref());
        known.settled.push(settled.clone());
        if made {
            let (from, to) = (settled.revisions[0], settled.revisions[settled.revisions.len() - 1]);
            let mut prepared = Prepared::new(CommitKind::Undo { from, to }, current_user(), Origin::Direct);
            prepared.tool = TOOL.to_owned();
            prepared.message.clone_from(&message);
            prepared.packages = packages;
            prepared.tables = tables;
            prepared.notes = vec![known.encode()];
            set_mark(self.location(), &known)?;
            let (appended, commit) = self.append(log, &mut writing, prepared)?;
            let head = Arc::new(writing.head.clone());
            log.backend.sync(appended)?;
            unmark_if_idle(self.location(), &known);
            drop(writing);
            log.show(&log.publish(head), &[commit]);
        } else {
            keep(self.location(), log, &known)?;
            drop(writing);
        }
        tracing::warn!(revisions = %name_revisions(&settled.revisions), "{message}");
        if outcome != Outcome::Cancelled {
            let config = self.location().config().display();
            system_log::warn(&format!("{config}: {message}"));
        }
        if let Some(revision) = settled.undone {
            self.follow(revision, &touched)?;
        }
        Ok(Some(settled))
    }
}

fn settled(pending: Pending, outcome: Outcome) -> Settled {
    Settled {
        tokens: pending.tokens,
        revisions: pending.revisions,
        outcome,
        time_us: now_ns() / 1000,
        undone: None,
        conflicts: Vec::new(),
        probe_failure: String::new(),
        seen: false,
    }
}

/// The packages whose files must not be written.
fn locked(warnings: &[Warning]) -> Vec<PackageName> {
    let locked = warnings.iter().filter_map(|warning| match warning {
        Warning::Unparsable { package, .. } | Warning::Unreadable { package, .. } => Some(package.clone()),
        _ => None,
    });
    locked.collect()
}

/// Why, for the history and the system's log.
fn message(settled: &Settled, window_us: u64, probe: Option<&str>) -> String {
    let why = match settled.outcome {
        Outcome::Cancelled => "cancelled".to_owned(),
        Outcome::Rebooted => "the machine was restarted before it was confirmed".to_owned(),
        _ => format!("not confirmed within {}", name_window(window_us)),
    };
    let mut message = format!("rolled back {}: {why}", name_revisions(&settled.revisions));
    if let Some(probe) = probe.filter(|_| !settled.probe_failure.is_empty()) {
        message.push_str(&format!("\nthe probe `{probe}` failed: {}", settled.probe_failure));
    }
    if !settled.conflicts.is_empty() {
        message.push_str(&format!(
            "\nNOT rolled back, for later commits changed the same or the file cannot be read: {}",
            settled.conflicts.join(", ")
        ));
    }
    message
}

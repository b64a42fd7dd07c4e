//! Commits that are rolled back by themselves unless they are confirmed (`docs/commit-confirmed.md`).
//!
//! `arm` writes the note together with the commit, `settle` confirms and rolls back, `reversal` finds out what to
//! reverse, `guard` is the guardian's loop and `probe` what it runs; `clock` and `survival` say what a reboot is and
//! whether the log outlives one.

mod arm;
mod clock;
mod guard;
mod probe;
mod reversal;
mod settle;
mod survival;

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use cms_log::{Backend, Confirmations, Outcome, Pending, Revision, Settled};

use self::clock::Clock;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::store::{Log, Store};

/// Asks for a commit to be rolled back unless it is confirmed in time.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// use std::time::Duration;
/// use cms::{Confirm, model::{Name, Selector, Value}};
///
/// let mut tx = store.transaction()?;
/// let network = tx.draft(&"network".parse()?)?;
/// network.set_option(&Selector::Named(Name::new("lan")?), &Name::new("mtu")?, Value::scalar("9000"))?;
/// # let volatile = true;
/// let confirm = Confirm { volatile, ..Confirm::within(Duration::from_secs(90)) };
/// let committed = tx.confirm(confirm).commit_and_wait_files()?;
///
/// let token = &committed.armed.unwrap().tokens[0];
/// assert_eq!(store.pending()?.len(), 1);
/// store.cancel(Some(token))?;
/// assert!(std::fs::read_to_string(config.join("network"))?.contains("option mtu '1500'"));
/// # Ok(())
/// # }
/// ```
///
/// Somebody has to be there at the deadline: the program `cms` starts a guardian for its commits. Another program calls
/// [`Store::guard`] in a process or thread that lives as long as the window, or leaves it to whoever opens the store next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// How much time there is, from [`SHORTEST`](Confirm::SHORTEST) to [`LONGEST`](Confirm::LONGEST).
    pub window: Duration,
    /// A shell command whose success confirms.
    pub probe: Option<String>,
    /// The token of what is pending already and shall be confirmed or rolled back together with this commit.
    pub join: Option<String>,
    /// Arm it although the log may not survive a reboot.
    pub volatile: bool,
}

impl Confirm {
    /// The shortest window.
    pub const SHORTEST: Duration = Duration::from_secs(1);
    /// The longest window.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Asks for confirmation within `window`.
    pub fn within(window: Duration) -> Confirm {
        Confirm { window, probe: None, join: None, volatile: false }
    }
}

impl Store {
    /// Returns what awaits confirmation, in the order of arming.
    ///
    /// # Errors
    /// [`Error::NotOwner`] or [`Error::NoLog`] without a log.
    pub fn pending(&self) -> Result<Vec<Pending>> {
        Ok(read(self.log("read what awaits confirmation")?)?.pending)
    }

    /// Returns what became of the last commits that awaited confirmation, the newest first.
    ///
    /// # Errors
    /// As [`pending`](Store::pending).
    pub fn settled(&self) -> Result<Vec<Settled>> {
        let mut settled = read(self.log("read what awaits confirmation")?)?.settled;
        settled.reverse();
        Ok(settled)
    }

    /// Confirms what `token` names, or without one the only thing that is pending. Confirming again changes nothing.
    ///
    /// # Errors
    /// [`Error::Settled`] when it was rolled back; [`Error::NotPending`]; [`Error::SeveralPending`] without a token.
    pub fn confirm(&self, token: Option<&str>) -> Result<Settled> {
        match self.settle_confirmed(token, Outcome::Confirmed, None) {
            Err(Error::Settled(settled)) if settled.outcome.is_confirmed() => Ok(*settled),
            outcome => outcome,
        }
    }

    /// Rolls back what `token` names, or without one the only thing that is pending, without waiting for the deadline.
    ///
    /// # Errors
    /// As [`confirm`](Store::confirm), but [`Error::Settled`] when it was confirmed; those of a commit.
    pub fn cancel(&self, token: Option<&str>) -> Result<Settled> {
        match self.settle_cancelled(token) {
            Err(Error::Settled(settled)) if !settled.outcome.is_confirmed() => Ok(*settled),
            outcome => outcome,
        }
    }

    /// Rolls back whatever is due: its deadline has come, or the machine was restarted. [`Store::open`] does so, too.
    ///
    /// # Errors
    /// Those of a commit; what could not be rolled back stays due.
    pub fn expire(&self) -> Result<Vec<Settled>> {
        self.settle_due(&mut |_| String::new())
    }

    /// Returns how much time is left to confirm an entry: none when it is due.
    ///
    /// # Errors
    /// [`Error::Io`] where the system does not tell which boot this is.
    pub fn time_left(&self, pending: &Pending) -> Result<Duration> {
        let now = Clock::now()?;
        let left = pending.deadline_us.saturating_sub(now.since_boot_us);
        Ok(if due(pending, &now).is_some() { Duration::ZERO } else { Duration::from_micros(left) })
    }

    /// Notes that somebody has seen what became of these.
    ///
    /// # Errors
    /// Those of the log.
    pub fn acknowledge(&self, seen: &[Settled]) -> Result<()> {
        let log = self.log("note what was seen")?;
        if seen.iter().all(|settled| settled.seen) {
            return Ok(());
        }
        let _writing = log.write()?;
        let mut known = read(log)?;
        for settled in &mut known.settled {
            settled.seen |= seen.iter().any(|other| other.tokens == settled.tokens);
        }
        keep(self.location(), log, &known)
    }

    /// Tells whether there may be something pending or unseen, by a glance that does not open the log.
    pub fn may_be_pending(&self) -> bool {
        is_marked(self.location())
    }

    /// Rolls back what is due before anything else is done with a store that was just opened.
    pub(crate) fn settle_on_opening(&self) {
        let Some(log) = self.optional_log() else { return };
        let settled = read(log).and_then(|known| {
            if !known.pending.is_empty() {
                self.expire()?;
            } else if is_marked(self.location()) && known.settled.iter().all(|settled| settled.seen) {
                clear_mark(self.location(), log);
            }
            Ok(())
        });
        // Whoever only reads can go on; whoever commits meets the reason again.
        if let Err(error) = settled {
            tracing::error!(%error, "what was not confirmed could not be rolled back");
        }
    }
}

/// Reads the note on what awaits confirmation.
fn read(log: &Log) -> Result<Confirmations> {
    read_from(&*log.backend)
}

/// Reads the note from a log without its store.
pub(crate) fn read_from(backend: &dyn Backend) -> Result<Confirmations> {
    match backend.meta(Confirmations::NOTE)? {
        None => Ok(Confirmations::default()),
        Some(note) => Confirmations::decode(&note).ok_or_else(|| Error::Invalid {
            key: backend.place().display().to_string(),
            reason: "the note on what awaits confirmation is damaged or of a newer version".to_owned(),
        }),
    }
}

/// Keeps the note, durably. The caller has the right to write.
fn keep(location: &Location, log: &Log, known: &Confirmations) -> Result<()> {
    set_mark(location, known)?;
    let noted = log.backend.keep_notes(&[known.encode()])?;
    log.backend.sync(noted)?;
    unmark_if_idle(location, known);
    Ok(())
}

/// Whoever reads from the segment does not open the log, and so would not notice what is due. A file beside the log says that
/// there is something to notice. It need not survive a power failure, since the segment does not either.
fn mark(location: &Location) -> PathBuf {
    location.state().join("pending")
}

pub(crate) fn is_marked(location: &Location) -> bool {
    mark(location).exists()
}

fn is_idle(known: &Confirmations) -> bool {
    known.pending.is_empty() && known.settled.iter().all(|settled| settled.seen)
}

/// Before the note: a mark without a note costs time, a note without a mark would be overlooked.
fn set_mark(location: &Location, known: &Confirmations) -> Result<()> {
    let path = mark(location);
    if is_idle(known) || path.exists() {
        return Ok(());
    }
    let created = File::create(&path).and_then(|_| location.give_to_owner(&path));
    created.map_err(|source| Error::io("write", &path, source))
}

fn unmark_if_idle(location: &Location, known: &Confirmations) {
    if is_idle(known)
        && let Err(error) = std::fs::remove_file(mark(location))
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, "could not remove the mark of what awaits confirmation");
    }
}

/// Removes a mark whose note was never written, unless somebody is about to write it.
fn clear_mark(location: &Location, log: &Log) {
    if let Ok(Some(_writing)) = log.try_write()
        && let Ok(known) = read(log)
    {
        unmark_if_idle(location, &known);
    }
}

/// Finds the entry that is meant.
fn choose(known: &Confirmations, token: Option<&str>) -> Result<usize> {
    let settled = |settled: &Settled| Error::Settled(Box::new(settled.clone()));
    match token {
        Some(token) => match known.pending.iter().position(|pending| pending.is_called(token)) {
            Some(at) => Ok(at),
            None => match known.settled.iter().rev().find(|settled| settled.is_called(token)) {
                Some(found) => Err(settled(found)),
                None => Err(Error::NotPending { token: Some(token.to_owned()) }),
            },
        },
        None => match &known.pending[..] {
            [_] => Ok(0),
            // Whoever comes too late is told so.
            [] => match known.settled.last().filter(|last| !last.outcome.is_confirmed() && !last.seen) {
                Some(last) => Err(settled(last)),
                None => Err(Error::NotPending { token: None }),
            },
            several => {
                let tokens = several.iter().filter_map(|pending| pending.tokens.first().cloned());
                Err(Error::SeveralPending { tokens: tokens.collect() })
            }
        },
    }
}

/// Tells whether it is to be rolled back now, and why.
fn due(pending: &Pending, now: &Clock) -> Option<Outcome> {
    if pending.boot != now.boot {
        Some(Outcome::Rebooted)
    } else if now.since_boot_us >= pending.deadline_us {
        Some(Outcome::Expired)
    } else {
        None
    }
}

/// Names revisions for people: `revision 5`, `revisions 5, 7`.
fn name_revisions(revisions: &[Revision]) -> String {
    let numbers: Vec<String> = revisions.iter().map(ToString::to_string).collect();
    let noun = if revisions.len() == 1 { "revision" } else { "revisions" };
    format!("{noun} {}", numbers.join(", "))
}

/// A length of time for people: `90 s`.
fn name_window(window_us: u64) -> String {
    format!("{} s", window_us.div_ceil(1_000_000))
}

//! How long the log remembers.

use std::ops::ControlFlow;

use cms_log::{Backend, Note, Order, Revision};

use crate::error::{Error, Result};
use crate::status::now_ns;
use crate::store::Store;

/// The note in the log that says what it keeps.
const RETENTION: &str = "retention";

/// How many commits a cursor that nobody moves any more holds back.
const UNACKNOWLEDGED: u64 = 100_000;

/// A log that is larger than it may be gives up this part of its commits at a time.
const PART: u64 = 8;

/// Two pages of the log, which stay when what is on them went in part.
const ENDS: u64 = 2 * 4096;

/// By itself a log gives up this many commits at least, or this part of them: each time it looks at all that stays.
const AT_ONCE: u64 = 256;
const AT_ONCE_PART: u64 = 16;

/// How long the log remembers.
///
/// A commit is given up when neither the number nor the age asks for it, or, whatever these say, when the log is larger than it may be.
/// The newest state always stays, and so does the one before a commit that awaits confirmation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Keep at least so many of the newest commits.
    pub commits: Option<u64>,
    /// Keep at least the commits of so many microseconds.
    pub age_us: Option<i64>,
    /// Keep no more than so many bytes of log, whatever the others ask for.
    pub bytes: Option<u64>,
    /// Keep commits that a cursor has not acknowledged, up to so many of the newest: 100,000 where nothing is said. What the
    /// size forces out is given up all the same; the reader is told, with a revision to go on from.
    pub unacknowledged: Option<u64>,
}

/// What [`Store::retain`] would give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WouldRetain {
    /// The number of commits.
    pub commits: u64,
    /// Whether that is about the most: how far a size reaches back shows only when the texts that nothing needs any more are gone.
    pub is_estimate: bool,
}

impl Retention {
    /// What a log keeps where nobody has said anything else: 100,000 commits, and all of the last 30 days, in 1 GiB.
    pub const STANDARD: Retention = Retention {
        commits: Some(100_000),
        age_us: Some(30 * 24 * 3600 * 1_000_000),
        bytes: Some(1 << 30),
        unacknowledged: None,
    };

    /// Reads what the log itself says.
    pub(crate) fn of(backend: &dyn Backend) -> Result<Retention> {
        let Some(note) = backend.meta(RETENTION)? else { return Ok(Retention::STANDARD) };
        // Who cannot read it does not know what may be given up.
        Ok(Retention::read(&note).unwrap_or_default())
    }

    /// The note: a name and a number in each line.
    fn note(&self) -> Vec<u8> {
        let lines = [
            ("commits", self.commits),
            ("age", self.age_us.map(|age| age.max(0).unsigned_abs())),
            ("bytes", self.bytes),
            ("unacknowledged", self.unacknowledged),
        ];
        let lines = lines.into_iter().filter_map(|(name, number)| Some(format!("{name} {}\n", number?)));
        lines.collect::<String>().into_bytes()
    }

    fn read(note: &[u8]) -> Option<Retention> {
        let mut retention = Retention::default();
        for line in std::str::from_utf8(note).ok()?.lines() {
            let (name, number) = line.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            match name {
                "commits" => retention.commits = Some(number),
                "age" => retention.age_us = Some(i64::try_from(number).ok()?),
                "bytes" => retention.bytes = Some(number),
                "unacknowledged" => retention.unacknowledged = Some(number),
                _ => return None,
            }
        }
        Some(retention)
    }

    /// Returns from which revision on the log shall be kept, and whether its size says so.
    fn keep_from(&self, backend: &dyn Backend) -> Result<(Revision, bool)> {
        self.keep_from_of(backend, backend.first()?, backend.size()?)
    }

    /// As [`keep_from`](Retention::keep_from), for a log that begins with a state and has a size.
    fn keep_from_of(&self, backend: &dyn Backend, first: Revision, size: u64) -> Result<(Revision, bool)> {
        let head = backend.head()?;
        let mut keep = if self.commits.is_none() && self.age_us.is_none() { first } else { head };
        if let Some(commits) = self.commits {
            keep = keep.min(Revision(head.0.saturating_sub(commits)));
        }
        if let Some(age) = self.age_us
            && keep > first
        {
            keep = older_than(backend, first, keep, (now_ns() / 1000).saturating_sub(age))?;
        }
        if keep > first
            && let Some(lowest) = crate::events::lowest(backend)?
        {
            let quota = self.unacknowledged.unwrap_or(UNACKNOWLEDGED);
            keep = keep.min(lowest.max(Revision(head.0.saturating_sub(quota))));
        }
        let mut is_forced = false;
        if let Some(bytes) = self.bytes
            && size > bytes
        {
            let forced = Revision(first.0 + (head.0.saturating_sub(first.0)).div_ceil(PART));
            is_forced = forced > keep;
            keep = keep.max(forced);
        }
        // What is rolled back unless it is confirmed needs the state before it.
        for pending in crate::confirm::read_from(backend)?.pending {
            keep = keep.min(pending.restore());
        }
        Ok((keep.clamp(first, head.max(first)), is_forced))
    }
}

/// Returns the newest revision from `first` to `upto` whose commit is not later than a time, or `first`.
///
/// It looks at a few commits alone, so where a clock was set back it may find an older one.
fn older_than(backend: &dyn Backend, first: Revision, upto: Revision, time_us: i64) -> Result<Revision> {
    let (mut low, mut high) = (first.0, upto.0);
    while low < high {
        let middle = high - (high - low) / 2;
        let mut is_older = true;
        backend.headers(Revision(middle - 1), Revision(middle), Order::Ascending, &mut |header| {
            is_older = header.time_us <= time_us;
            ControlFlow::Break(())
        })?;
        if is_older {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(Revision(low))
}

/// Gives up what the log's retention does not ask for, if that is worth while; answers whether there is more to give up.
///
/// The oldest state that stays is one that the log has a checkpoint of, so that none has to be made, if there is one.
pub(crate) fn compact(backend: &dyn Backend) -> Result<bool> {
    let retention = Retention::of(backend)?;
    let (first, head) = (backend.first()?, backend.head()?);
    let (keep, is_forced) = retention.keep_from(backend)?;
    let at_once = if is_forced { 1 } else { AT_ONCE.max((head.0 - first.0.min(head.0)) / AT_ONCE_PART) };
    if keep.0 < first.0 + at_once {
        return Ok(false);
    }
    let checkpoint = backend.checkpoint(keep)?.map_or(Revision::EMPTY, |(revision, _)| revision);
    let keep = match checkpoint > first {
        true => checkpoint,
        // A few commits that are too large have none between them.
        false if is_forced => keep,
        false => return Ok(false),
    };
    let reclaimed = backend.retain(keep)?;
    tracing::info!(
        first = keep.0,
        commits = reclaimed.commits,
        bytes = reclaimed.bytes,
        "gave up old commits"
    );
    Ok(is_forced)
}

impl Store {
    /// Returns what the log keeps by itself.
    ///
    /// # Errors
    /// Those of the log.
    pub fn retention(&self) -> Result<Retention> {
        Retention::of(&*self.log("read the retention")?.backend)
    }

    /// Says what the log shall keep by itself from now on; `None` is [`Retention::STANDARD`].
    ///
    /// What it does not ask for is given up by and by, after commits, in the background. With [`Retention::default`] everything is kept.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// use cms::{Location, Options, Retention, Store};
    ///
    /// let store = Store::open(&Location::find(&config, &dirs)?, Options::default())?;
    /// assert_eq!(store.retention()?, Retention::STANDARD);
    /// let small = Retention { bytes: Some(4 << 20), ..Retention::STANDARD };
    /// store.set_retention(Some(small))?;
    /// assert_eq!(store.retention()?, small);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] for an age below zero; those of the log.
    pub fn set_retention(&self, retention: Option<Retention>) -> Result<()> {
        let log = self.log("say what the log shall keep")?;
        if retention.is_some_and(|retention| retention.age_us.is_some_and(|age| age < 0)) {
            let reason = "an age below zero; write a number of microseconds".to_owned();
            return Err(Error::Invalid { key: "retention".to_owned(), reason });
        }
        let value = retention.map(|retention| retention.note());
        let appended = log.backend.keep_notes(&[Note { name: RETENTION.to_owned(), value }])?;
        log.backend.sync(appended)?;
        Ok(())
    }

    /// Says what [`retain`](Store::retain) would give up.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("network"), "config interface 'lan'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// use cms::Retention;
    ///
    /// store.snapshot()?;
    /// let few = Retention { commits: Some(0), ..Retention::default() };
    /// let would = store.would_retain(few)?;
    /// assert!(!would.is_estimate);
    /// assert_eq!(store.retain(few)?, would.commits);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the log.
    pub fn would_retain(&self, retention: Retention) -> Result<WouldRetain> {
        let backend = &*self.log("look what compacting would give up")?.backend;
        let begin = backend.first()?;
        let (mut first, mut size, mut is_estimate) = (begin, backend.size()?, false);
        loop {
            let (keep, is_forced) = retention.keep_from_of(backend, first, size)?;
            // What the size asks for is given up in parts. Each makes the log smaller by its commits at least, but for the pages at its
            // ends, and by the texts that they alone need, which are not counted.
            size = size.saturating_sub(backend.weight(first, keep)?.saturating_sub(ENDS));
            is_estimate |= is_forced && keep > first;
            if !is_forced || keep <= first {
                // There is no commit of the revision 0, and that of the oldest state stays.
                let commits = keep.0.saturating_sub(begin.0.max(1));
                return Ok(WouldRetain { commits, is_estimate });
            }
            first = keep;
        }
    }

    /// Forgets commits that a retention does not ask for, now; returns the number of commits given up.
    ///
    /// The newest state always stays, and so does the one before a commit that awaits confirmation.
    ///
    /// # Errors
    /// Those of the log.
    pub fn retain(&self, retention: Retention) -> Result<u64> {
        let backend = &*self.log("compact the log")?.backend;
        let mut given_up = 0;
        loop {
            let first = backend.first()?;
            let (keep, is_forced) = retention.keep_from(backend)?;
            if keep <= first && given_up > 0 || retention == Retention::default() {
                return Ok(given_up);
            }
            given_up += backend.retain(keep)?.commits;
            if !is_forced || keep <= first {
                return Ok(given_up);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_was_said() {
        let odd = Retention {
            commits: Some(0),
            age_us: Some(i64::MAX),
            bytes: None,
            unacknowledged: Some(u64::MAX),
        };
        for retention in [Retention::default(), Retention::STANDARD, odd] {
            assert_eq!(Retention::read(&retention.note()), Some(retention));
        }
    }

    #[test]
    fn what_cannot_be_read_gives_nothing_up() {
        for note in [
            &b"commits"[..],
            b"commits x\n",
            b"commits -1\n",
            b"colour 3\n",
            b"\xff 1\n",
            b"age 18446744073709551615\n",
        ] {
            assert_eq!(Retention::read(note), None, "{note:?}");
        }
    }
}

//! Running triggers: once for all that was committed since the last time, one process at a time.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cms::{CommitEvents, Cursor, Notice, Revision, Store, Watch};

use super::Trigger;
use crate::event_command;
use crate::failure::Failure;
use crate::text::{Message, msg};

/// Who runs triggers, and who waits to be next.
const RUNNING: &str = "triggers";
const WAITING: &str = "triggers.next";
/// How many times the debounce a trigger waits at most.
const PATIENCE: u32 = 10;

/// What came of the triggers.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Those that were run, and for which revision.
    pub(crate) done: Vec<(String, Revision)>,
    pub(crate) failed: Vec<Message>,
}

/// A trigger and what was committed for it.
struct Work {
    trigger: Trigger,
    cursor: Cursor,
    watch: Watch,
    commits: Vec<Arc<CommitEvents>>,
    /// Since when, and until when it waits for more.
    waits: Option<(Instant, Instant)>,
    is_over: bool,
}

/// Runs the triggers for what was committed since they last ran; one that never ran begins after `since`, or now. With `leave`, it is left to
/// another process that waits to do the same; without it, all of it is done in the end, whoever did it.
pub(crate) fn run(store: &Store, since: Option<Revision>, leave: bool) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    // Who waits has not looked at the log yet, and will see what we would.
    let Some(waiting) = store.cursor(WAITING)?.claim(!leave)? else { return Ok(outcome) };
    let _running = store.cursor(RUNNING)?.claim(true)?;
    drop(waiting);
    let (triggers, faults) = super::read(store)?;
    for fault in faults {
        tracing::error!(%fault, "a trigger cannot be used");
        outcome.failed.push(fault);
    }
    let mut works = Vec::new();
    for trigger in triggers {
        works.push(Work::new(store, trigger, since)?);
    }
    loop {
        for work in works.iter_mut().filter(|work| !work.is_over) {
            work.look()?;
        }
        let waiting = works.iter_mut().filter(|work| !work.is_over && work.waits.is_some());
        let Some(work) = waiting.min_by_key(|work| work.waits.map(|(_, end)| end)) else {
            return Ok(outcome);
        };
        let left =
            work.waits.map_or(Duration::ZERO, |(_, end)| end.saturating_duration_since(Instant::now()));
        if left > Duration::ZERO {
            std::thread::sleep(left);
            continue;
        }
        match work.run(store) {
            Ok(()) => outcome.done.push((work.trigger.name.clone(), work.watch.revision())),
            Err(reason) => {
                tracing::error!(trigger = work.trigger.name, reason, "a trigger failed");
                work.cursor.remark(&reason)?;
                work.is_over = true;
                outcome.failed.push(msg!(
                    "trigger-failed",
                    trigger = &work.trigger.name,
                    revision = work.watch.revision().0.to_string(),
                    reason = reason
                ));
                continue;
            }
        }
        work.cursor.acknowledge(work.watch.revision())?;
        work.commits.clear();
        work.waits = None;
    }
}

/// Tells whether something was committed that a trigger has not been run for.
pub(crate) fn is_behind(store: &Store, trigger: &Trigger, after: Revision) -> Result<bool, Failure> {
    let mut watch = store.watch(trigger.patterns.iter().cloned(), Some(after))?;
    Ok(watch.next(Some(Duration::ZERO))?.is_some())
}

impl Work {
    fn new(store: &Store, trigger: Trigger, since: Option<Revision>) -> Result<Work, Failure> {
        let cursor = store.cursor(&trigger.cursor())?;
        let after = match (cursor.revision()?, since) {
            (Some(after), _) => after,
            (None, since) => {
                let after = since.unwrap_or(store.head()?);
                cursor.acknowledge(after)?;
                after
            }
        };
        let watch = store.watch(trigger.patterns.iter().cloned(), Some(after))?;
        Ok(Work { trigger, cursor, watch, commits: Vec::new(), waits: None, is_over: false })
    }

    /// Takes in what has been committed.
    fn look(&mut self) -> Result<(), Failure> {
        let debounce = self.trigger.debounce;
        while let Some(notice) = self.watch.next(Some(Duration::ZERO))? {
            // Of commits that the log no longer has it is unknown what they changed.
            if let Notice::Commit(commit) = notice {
                self.commits.push(commit);
            }
            let now = Instant::now();
            let begin = self.waits.map_or(now, |(begin, _)| begin);
            self.waits = Some((begin, (now + debounce).min(begin + debounce * PATIENCE)));
        }
        if self.waits.is_none() && self.cursor.revision()?.is_none_or(|known| known < self.watch.revision()) {
            self.cursor.acknowledge(self.watch.revision())?;
        }
        Ok(())
    }

    fn run(&self, store: &Store) -> Result<(), String> {
        let mut command = self.trigger.command();
        let location = store.location();
        if rustix::process::geteuid().is_root() && location.owner() != 0 {
            // Whoever writes the package says what is run, and must not become root by that.
            let group = std::fs::metadata(location.config()).map_err(|error| error.to_string())?.gid();
            command.uid(location.owner()).gid(group);
        }
        command.env("CMS_REVISION", self.watch.revision().0.to_string());
        match event_command::run(command, &self.commits) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

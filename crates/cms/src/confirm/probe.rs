//! A command that is run until it succeeds.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

const SECOND_US: u64 = 1_000_000;
/// How long a run may take.
const PATIENCE_US: u64 = 10 * SECOND_US;
/// The longest pause between two runs.
const LONGEST_PAUSE_US: u64 = 30 * SECOND_US;
/// How much is kept of what a run prints.
const KEPT: usize = 1000;

/// A probe between its runs and during one. Dropped, it takes the run with it.
pub(super) struct Probe {
    command: String,
    /// The round of the entry for which it is run.
    pub round: u64,
    run: Option<Run>,
    next_us: u64,
    pause_us: u64,
    /// How the last run failed; empty before the first one ended.
    pub failure: String,
}

struct Run {
    child: Child,
    /// The end of what it has printed so far.
    output: Arc<Mutex<Vec<u8>>>,
    until_us: u64,
}

impl Probe {
    pub(super) fn new(command: &str, round: u64, now_us: u64) -> Probe {
        Probe {
            command: command.to_owned(),
            round,
            run: None,
            next_us: now_us + SECOND_US,
            pause_us: SECOND_US,
            failure: String::new(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// When there is something to do next.
    pub(super) fn next_us(&self) -> u64 {
        self.run.as_ref().map_or(self.next_us, |run| run.until_us)
    }

    /// Goes on; returns whether a run has succeeded.
    pub(super) fn go_on(&mut self, now_us: u64) -> bool {
        let Some(run) = &mut self.run else {
            if now_us >= self.next_us {
                match Run::start(&self.command, now_us + PATIENCE_US) {
                    Ok(run) => self.run = Some(run),
                    Err(error) => self.failed(format!("it cannot be started: {error}"), now_us),
                }
            }
            return false;
        };
        match run.child.try_wait() {
            Ok(Some(status)) if status.success() => {
                self.run = None;
                return true;
            }
            Ok(Some(status)) => {
                let failure = run.report(&name(status));
                self.failed(failure, now_us);
            }
            Ok(None) if now_us < run.until_us => {}
            Ok(None) => {
                let failure = run.report(&format!("no answer within {} s", PATIENCE_US / SECOND_US));
                self.failed(failure, now_us);
            }
            Err(error) => self.failed(error.to_string(), now_us),
        }
        false
    }

    fn failed(&mut self, failure: String, now_us: u64) {
        self.run = None;
        self.failure = failure;
        self.next_us = now_us + self.pause_us;
        self.pause_us = (2 * self.pause_us).min(LONGEST_PAUSE_US);
    }

    /// Says how it failed, also if the only run has not ended yet.
    pub(super) fn verdict(&self) -> String {
        match &self.run {
            Some(run) if self.failure.is_empty() => run.report("it did not answer"),
            _ => self.failure.clone(),
        }
    }
}

impl Run {
    fn start(command: &str, until_us: u64) -> std::io::Result<Run> {
        let (mut reader, writer) = std::io::pipe()?;
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            // What it starts ends with it.
            .process_group(0)
            .spawn()?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let kept = output.clone();
        // It ends when the last process that has the pipe does.
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut piece) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&piece[..read]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        Ok(Run { child, output, until_us })
    }

    /// What happened, and the end of what was printed, on one line.
    fn report(&self, what: &str) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&output);
        let words: Vec<&str> =
            text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty()).collect();
        if words.is_empty() { what.to_owned() } else { format!("{what}: {}", words.join(" ")) }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Its group is there at least until it has been waited for.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn name(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Runs it on a clock of its own, which each look moves on by `step_us`.
    fn watch(command: &str, step_us: u64, looks: u64) -> (bool, Probe) {
        let mut probe = Probe::new(command, 1, 0);
        for look in 0..looks {
            if probe.go_on(look * step_us) {
                return (true, probe);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        (false, probe)
    }

    #[test]
    fn success_is_success() {
        assert!(watch("true", SECOND_US / 100, 10_000).0);
    }

    #[test]
    fn a_failure_is_kept_with_what_was_printed() {
        let (passed, probe) = watch("printf 'no\\nroute'; sleep 0.1; exit 3", SECOND_US / 100, 300);
        assert!(!passed && probe.pause_us > SECOND_US);
        assert_eq!(probe.verdict(), "exit code 3: no route");
    }

    #[test]
    fn a_run_that_hangs_is_killed_with_all_that_it_started() {
        let (passed, probe) = watch("echo waiting; sleep 1000 & sleep 1000", SECOND_US, 40);
        assert!(!passed);
        assert!(probe.failure.starts_with("no answer within 10 s"), "{}", probe.failure);
    }

    #[test]
    fn a_flood_does_not_fill_memory() {
        let (_, probe) = watch("yes | head -c 3000000; false", SECOND_US / 100, 400);
        assert!(probe.verdict().len() < 2 * KEPT, "{}", probe.verdict().len());
    }
}

//! Triggers: what is done when something was committed. `docs/events.md` has the rules.

pub(crate) mod run;

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use cms::model::{PackageName, Section, Value};
use cms::{Committed, Pattern, Revision, Settled, Store};

use crate::event_command;
use crate::globals::Globals;
use crate::text::{Message, msg};

/// The package with the settings of `cms` itself.
const PACKAGE: &str = "cms";

/// What is done when something was committed.
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) action: Action,
    pub(crate) debounce: Duration,
}

pub(crate) enum Action {
    /// A line for the shell.
    Exec(String),
    /// A unit of systemd, and what it is told.
    Service { unit: String, verb: &'static str },
}

impl Trigger {
    /// The name of the cursor that says which revision it was run for.
    pub(crate) fn cursor(&self) -> String {
        format!("trigger.{}", self.name)
    }

    /// Reads a section; what is wrong with it is said.
    fn read(section: &Section<'_>) -> Result<Trigger, Message> {
        let Some(name) = section.name() else { return Err(msg!("trigger-no-name")) };
        let word = |option: &str| {
            let value = section.get(option)?;
            value.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let wrong = |option: &str, value: &str| {
            msg!("trigger-bad-option", trigger = name, option = option, value = value)
        };
        let mut patterns = Vec::new();
        for item in section.get("pattern").as_ref().map(Value::items).unwrap_or_default() {
            let item = String::from_utf8_lossy(item);
            patterns.push(Pattern::new(&item).map_err(|error| wrong("pattern", &error.to_string()))?);
        }
        if patterns.is_empty() {
            return Err(msg!("trigger-no-option", trigger = name, option = "pattern"));
        }
        let action = match (word("exec"), word("service")) {
            (Some(line), None) => Action::Exec(line),
            (None, Some(unit)) => {
                let verb = match word("action").as_deref() {
                    None | Some("reload") => "reload",
                    Some("restart") => "restart",
                    Some(other) => return Err(wrong("action", other)),
                };
                // What begins with a dash would be an option of systemctl.
                if unit.starts_with('-') {
                    return Err(wrong("service", &unit));
                }
                Action::Service { unit, verb }
            }
            _ => return Err(msg!("trigger-no-option", trigger = name, option = "exec | service")),
        };
        let debounce = match word("debounce") {
            None => Duration::ZERO,
            Some(typed) => duration(&typed).ok_or_else(|| wrong("debounce", &typed))?,
        };
        Ok(Trigger { name: name.to_owned(), patterns, action, debounce })
    }

    /// What it does, in a line.
    pub(crate) fn summary(&self) -> String {
        match &self.action {
            Action::Exec(line) => line.clone(),
            Action::Service { unit, verb } => format!("systemctl {verb} {unit}"),
        }
    }

    fn command(&self) -> Command {
        let mut command = match &self.action {
            Action::Exec(line) => event_command::shell(line),
            Action::Service { unit, verb } => {
                let mut command = Command::new("systemctl");
                command.args([verb, unit.as_str()]);
                command
            }
        };
        command.env("CMS_TRIGGER", &self.name);
        command
    }
}

/// `500ms`, `2s`, or seconds.
fn duration(text: &str) -> Option<Duration> {
    let (number, scale) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (text, 1.0),
    };
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = number.parse::<f64>().ok().filter(|_| is_plain)? * scale;
    Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= Duration::from_secs(3600))
}

/// Reads the triggers of a store, and what is wrong with those that cannot be used.
pub(crate) fn read(store: &Store) -> cms::Result<(Vec<Trigger>, Vec<Message>)> {
    let (mut triggers, mut faults) = (Vec::new(), Vec::new());
    let Ok(name) = PackageName::new(PACKAGE) else { return Ok((triggers, faults)) };
    // Most stores have none, and every commit asks.
    if !store.location().config().join(PACKAGE).exists() {
        return Ok((triggers, faults));
    }
    let snapshot = store.snapshot_of(Some(std::slice::from_ref(&name)))?;
    if snapshot.contains(&name) {
        let package = snapshot.package(&name)?;
        for section in package.sections().filter(|section| section.kind() == "trigger") {
            match Trigger::read(&section) {
                Ok(trigger) => triggers.push(trigger),
                Err(fault) => faults.push(fault),
            }
        }
    }
    Ok((triggers, faults))
}

/// Starts a process that runs the triggers for a commit, if there are any for it, and does not wait for it. To be called by whoever has
/// committed, when the package files are written.
pub(crate) fn start(store: &Store, globals: &Globals, committed: &Committed) -> io::Result<()> {
    // A store whose triggers cannot be read has other troubles, which the next command tells.
    let Ok((triggers, _)) = read(store) else { return Ok(()) };
    let concerned = |trigger: &Trigger| {
        let mut reached = trigger
            .patterns
            .iter()
            .flat_map(|pattern| committed.packages.iter().map(move |(package, _)| pattern.reaches(package)));
        reached.any(|is_reached| is_reached)
    };
    if committed.is_empty() || !triggers.iter().any(concerned) {
        return Ok(());
    }
    spawn(globals, committed.revision)
}

/// The same for rollbacks of what was not confirmed.
pub(crate) fn start_after(store: &Store, globals: &Globals, settled: &[Settled]) -> io::Result<()> {
    let Some(first) = settled.iter().filter_map(|settled| settled.undone).min() else { return Ok(()) };
    match read(store) {
        Ok((triggers, _)) if !triggers.is_empty() => spawn(globals, first),
        _ => Ok(()),
    }
}

/// Starts the process for what was committed from `first` on.
fn spawn(globals: &Globals, first: Revision) -> io::Result<()> {
    let before = first.0.saturating_sub(1).to_string();
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--config").arg(&globals.config);
    if let Some(state) = &globals.state {
        command.arg("--state-dir").arg(state);
    }
    if let Some(run) = &globals.run {
        command.arg("--run-dir").arg(run);
    }
    command.args(["trigger", "run", "--detach", "--since", &before]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It outlives this process, and then belongs to init.
    command.spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = ["0", "2", "1.5s", "500ms", "", "s", "-1", "inf", "1e3", "2h", "99999999"].map(duration);
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(read[..4], [millis(0), millis(2000), millis(1500), millis(500)]);
        assert_eq!(read[4..], [None; 7]);
    }
}

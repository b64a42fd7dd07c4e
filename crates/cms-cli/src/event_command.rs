//! Running a command for the events of commits.

use std::io::{self, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use cms::CommitEvents;

use crate::event_line;

/// The kernel takes no longer variable than 128 KiB.
const KEYS: usize = 64 << 10;

/// A command for the shell.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

/// Runs a command and waits for it: the events are on its standard input as JSON lines, and the environment has
/// `CMS_REVISION`, `CMS_AUTHOR` and `CMS_KEYS`.
pub(crate) fn run(mut command: Command, commits: &[Arc<CommitEvents>]) -> io::Result<ExitStatus> {
    if let Some(newest) = commits.last() {
        command.env("CMS_REVISION", newest.revision.0.to_string()).env("CMS_AUTHOR", &*newest.author);
    }
    let mut child = command.env("CMS_KEYS", keys(commits)).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        for commit in commits {
            // A command need not read them.
            if input.write_all(event_line::json_lines(commit).as_bytes()).is_err() {
                break;
            }
        }
    }
    child.wait()
}

/// The keys that changed, each once, with blanks between them. Where they are too many, the first of them: all are on the input.
fn keys(commits: &[Arc<CommitEvents>]) -> String {
    let mut keys = String::new();
    let mut seen = std::collections::HashSet::new();
    let events = commits.iter().flat_map(|commit| &commit.events);
    for key in events.map(|event| event.change.key.as_str()) {
        if keys.len() + key.len() >= KEYS {
            break;
        }
        if seen.insert(key) {
            if !keys.is_empty() {
                keys.push(' ');
            }
            keys.push_str(key);
        }
    }
    keys
}

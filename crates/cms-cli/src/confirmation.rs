//! What is said about commits that have to be confirmed.

use std::io::IsTerminal;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::{Confirm, Dirs, Location, Outcome, Pending, Revision, Settled, Store};
use serde_json::{Value as JsonValue, json};

use crate::arguments::{Help, help};
use crate::failure::Failure;
use crate::globals::{DEFAULT_CONFIG, Globals};
use crate::guardian::{self, Guardian};
use crate::session::Session;
use crate::text::msg;
use crate::trigger;
use crate::{when, window};

/// The options with which a verb that commits asks for confirmation.
pub(crate) fn options(command: Command, help: Help) -> Command {
    let asks = |name: &'static str| Arg::new(name).long(name).requires("confirm");
    command
        .arg(Arg::new("confirm").long("confirm").value_name("TIME").help(help!("option-confirm", help)))
        .arg(asks("probe").value_name("CMD").help(help!("option-probe", help)))
        .arg(asks("join").value_name("TOKEN").help(help!("option-join", help)))
        .arg(asks("force").action(ArgAction::SetTrue).help(help!("option-force", help)))
}

/// What those options ask for.
pub(crate) fn asked(matches: &ArgMatches) -> Result<Option<Confirm>, Failure> {
    let word = |name: &str| matches.get_one::<String>(name).cloned();
    let Some(time) = word("confirm") else { return Ok(None) };
    let window = window::parse(&time)?;
    let (probe, join) = (word("probe"), word("join"));
    Ok(Some(Confirm { window, probe, join, volatile: matches.get_flag("force") }))
}

/// Starts the guardian that a commit needs, before the commit.
pub(crate) fn guardian(
    confirm: Option<&Confirm>,
    dry_run: bool,
    store: &Store,
) -> Result<Option<Guardian>, Failure> {
    let wanted = confirm.is_some() && !dry_run;
    wanted.then(|| guardian::start(store.location())).transpose()
}

/// Says until when and how a commit can be confirmed, and what else awaits it.
pub(crate) fn report(armed: Option<&Pending>, others: &[Pending], session: &mut Session) {
    if let Some(armed) = armed {
        let (time, command) = (when::local(armed.until_us), command_for(armed, &session.globals));
        session.output.say(&msg!("confirm-armed", time = time, command = command));
        if armed.revisions.len() > 1 {
            let (revisions, restore) = (names(&armed.revisions), armed.restore().0.to_string());
            session.output.say(&msg!("confirm-joined", revisions = revisions, restore = restore));
        }
    }
    for other in others {
        let (time, command) = (when::local(other.until_us), command_for(other, &session.globals));
        let revisions = names(&other.revisions);
        session.output.warn(&msg!("confirm-still", revisions = revisions, time = time, command = command));
    }
}

/// Says how a commit can be confirmed whose package files could not be written: it is in the log, and armed.
pub(crate) fn report_unwritten(error: &cms::Error, store: &Store, session: &mut Session) {
    if let cms::Error::FilesPending { revision, .. } = error
        && let Ok(pending) = store.pending()
        && let Some(armed) = pending.iter().find(|pending| pending.revisions.contains(revision))
    {
        report(Some(armed), &[], session);
    }
}

/// How long after a rollback the next command looks whether its triggers have run.
const FRESH_US: i64 = 10_000_000;

/// Tells of rollbacks that nobody has seen yet, and makes sure that what is pending has a guardian.
pub(crate) fn tell(session: &mut Session, store: &Store) {
    if !store.may_be_pending() {
        return;
    }
    let unseen: Vec<Settled> =
        store.settled().unwrap_or_default().into_iter().filter(|settled| !settled.seen).collect();
    for settled in unseen.iter().rev() {
        warn(settled, session);
    }
    // Opening the store has rolled them back just now, or a guardian has, whose triggers are run once all the same.
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as i64);
    let fresh: Vec<Settled> =
        unseen.iter().filter(|settled| now_us - settled.time_us < FRESH_US).cloned().collect();
    if let Err(error) = trigger::start_after(store, &session.globals, &fresh) {
        tracing::error!(%error, "the triggers of a rollback could not be started");
    }
    if !unseen.is_empty() && !session.output.is_quiet() && std::io::stderr().is_terminal() {
        // Told again if it cannot be noted.
        let _ = store.acknowledge(&unseen);
    }
    ensure_guardian(store, session);
}

fn ensure_guardian(store: &Store, session: &mut Session) {
    let pending = match store.pending() {
        Ok(pending) => pending,
        Err(error) => {
            session.tell(&error.into());
            return;
        }
    };
    // Opening the store has tried to roll it back.
    for overdue in pending.iter().filter(|pending| store.time_left(pending).is_ok_and(|left| left.is_zero()))
    {
        session.output.warn(&msg!("confirm-overdue", revisions = names(&overdue.revisions)));
    }
    if !pending.is_empty()
        && !store.is_guarded()
        && let Err(failure) = guardian::start(store.location())
    {
        tracing::warn!(?failure, "no guardian can be started; the next use of the store looks again");
    }
}

/// Says loudly what was rolled back, and what could not be.
pub(crate) fn warn(settled: &Settled, session: &mut Session) {
    session.output.warn(&rolled_back(settled));
    if !settled.conflicts.is_empty() {
        let keys = settled.conflicts.join(", ");
        session.output.warn(&msg!("confirm-kept", keys = keys));
    }
}

/// What became of it, in a sentence.
pub(crate) fn rolled_back(settled: &Settled) -> crate::text::Message {
    let (revisions, time) = (names(&settled.revisions), when::local(settled.time_us));
    let undone = settled.undone.map_or_else(|| "-".to_owned(), |revision| format!("r{}", revision.0));
    match settled.outcome {
        Outcome::Confirmed => msg!("confirm-confirmed", revisions = revisions, time = time),
        Outcome::Proven => msg!("confirm-proven", revisions = revisions, time = time),
        Outcome::Cancelled => {
            msg!("confirm-cancelled", revisions = revisions, time = time, undone = undone)
        }
        Outcome::Expired => msg!("confirm-expired", revisions = revisions, time = time, undone = undone),
        Outcome::Rebooted => msg!("confirm-rebooted", revisions = revisions, time = time, undone = undone),
    }
}

/// `r4, r7`.
pub(crate) fn names(revisions: &[Revision]) -> String {
    let names: Vec<String> = revisions.iter().map(|revision| format!("r{}", revision.0)).collect();
    names.join(", ")
}

/// The words that confirm it, for the store of this call.
fn command_for(pending: &Pending, globals: &Globals) -> String {
    let mut words = vec!["cms".to_owned()];
    if globals.config.as_os_str() != DEFAULT_CONFIG {
        words.extend(["-c".to_owned(), quoted(&globals.config)]);
    }
    // Another login need not have our environment.
    let dirs = Dirs::from_env();
    for (option, typed, set) in
        [("--state-dir", &globals.state, &dirs.state), ("--run-dir", &globals.run, &dirs.run)]
    {
        if let Some(directory) = typed.as_ref().or(set.as_ref()) {
            words.extend([option.to_owned(), quoted(directory)]);
        }
    }
    words.push("confirm".to_owned());
    words.extend(pending.tokens.first().cloned());
    words.join(" ")
}

/// A path as a shell takes it; absolute, for it may be typed elsewhere.
fn quoted(path: &std::path::Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    if text.chars().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A pending entry for programs.
pub(crate) fn pending_to_json(pending: &Pending, store: &Store) -> JsonValue {
    let left = store.time_left(pending).ok();
    json!({
        "tokens": pending.tokens,
        "revisions": pending.revisions.iter().map(|revision| revision.0).collect::<Vec<_>>(),
        "restore": pending.restore().0,
        "packages": pending.packages.iter().map(|package| package.as_str()).collect::<Vec<_>>(),
        "deadline": when::rfc3339(pending.until_us),
        "window_seconds": pending.window_us / 1_000_000,
        "seconds_left": left.map(|left| left.as_secs()),
        "probe": pending.probe,
        "guarded": store.is_guarded(),
    })
}

/// A settled entry for programs.
pub(crate) fn settled_to_json(settled: &Settled) -> JsonValue {
    json!({
        "tokens": settled.tokens,
        "revisions": settled.revisions.iter().map(|revision| revision.0).collect::<Vec<_>>(),
        "outcome": match settled.outcome {
            Outcome::Confirmed => "confirmed",
            Outcome::Proven => "proven",
            Outcome::Cancelled => "cancelled",
            Outcome::Expired => "expired",
            Outcome::Rebooted => "rebooted",
        },
        "time": when::rfc3339(settled.time_us),
        "revision": settled.undone.map(|revision| revision.0),
        "kept": settled.conflicts,
        "probe_failure": Some(&settled.probe_failure).filter(|failure| !failure.is_empty()),
    })
}

/// The directory of a store as messages name it.
pub(crate) fn folder(location: &Location) -> String {
    location.config().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_out_of_a_shell_as_it_was() {
        assert_eq!(quoted("/etc/config".as_ref()), "/etc/config");
        assert_eq!(quoted("/a b/it's".as_ref()), r"'/a b/it'\''s'");
    }
}

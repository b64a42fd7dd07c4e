//! `watch`: what is committed, as it is committed.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use cms::{CommitEvents, Cursor, Notice, Pattern, Revision};

use super::Verb;
use crate::arguments::{Help, help};
use crate::event_command;
use crate::event_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

pub(super) const VERB: Verb = Verb { name: "watch", aliases: &[], uci: false, hidden: false, arguments, run };

/// After so long a silence, a cursor learns how far the log has come.
const SILENCE: Duration = Duration::from_secs(60);

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("pattern")
                .value_name("PATTERN")
                .num_args(0..)
                .value_parser(clap::value_parser!(OsString))
                .help(help!("watch-pattern", help)),
        )
        .arg(Arg::new("since").long("since").value_name("REV|TIME").help(help!("watch-since", help)))
        .arg(Arg::new("cursor").long("cursor").value_name("NAME").help(help!("watch-cursor", help)))
        .arg(Arg::new("exec").long("exec").value_name("COMMAND").help(help!("watch-exec", help)))
        .arg(
            Arg::new("count")
                .long("count")
                .value_name("N")
                .value_parser(clap::value_parser!(u64))
                .help(help!("watch-count", help)),
        )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let patterns = patterns(matches)?;
    let count = matches.get_one::<u64>("count").copied();
    let command = super::text_of(matches, "exec");
    let since = super::text_of(matches, "since").map(|typed| session.revision(typed)).transpose()?;
    let store = session.store()?;
    let cursor = super::text_of(matches, "cursor").map(|name| store.cursor(name)).transpose()?;
    let known = match &cursor {
        Some(cursor) => cursor.revision()?,
        None => None,
    };
    let mut watch = store.watch(patterns, known.or(since))?;
    acknowledge(cursor.as_ref(), watch.revision())?;
    let mut told = 0;
    while count.is_none_or(|count| told < count) {
        match watch.next(Some(SILENCE))? {
            Some(Notice::Commit(commit)) => {
                tell(&commit, command, session)?;
                told += 1;
                acknowledge(cursor.as_ref(), commit.revision)?;
            }
            Some(Notice::Compacted { after, resume }) => {
                if session.globals.json && command.is_none() {
                    write(session, event_line::compacted(after, resume).as_bytes())?;
                }
                let (after, resume) = (after.0.to_string(), resume.0.to_string());
                session.output.warn(&msg!("watch-compacted", after = after, resume = resume));
            }
            Some(Notice::Stopped { reason }) => {
                return Err(Failure::new(Exit::Unavailable, msg!("watch-stopped", reason = &*reason)));
            }
            Some(_) => {}
            None => acknowledge(cursor.as_ref(), watch.revision())?,
        }
    }
    Ok(session.exit)
}

/// The topics that were asked for; without any, everything.
fn patterns(matches: &ArgMatches) -> Result<Vec<Pattern>, Failure> {
    let words = matches.get_many::<OsString>("pattern").into_iter().flatten();
    let mut patterns = Vec::new();
    for word in words {
        patterns.push(pattern(&word.to_string_lossy())?);
    }
    if patterns.is_empty() {
        patterns.push(pattern("**")?);
    }
    Ok(patterns)
}

fn pattern(text: &str) -> Result<Pattern, Failure> {
    Pattern::new(text).map_err(|error| {
        let (place, reason) = ((error.at + 1).to_string(), error.reason);
        Failure::usage(msg!("bad-pattern", pattern = text, place = place, reason = reason))
            .hint(msg!("bad-pattern-hint"))
    })
}

fn acknowledge(cursor: Option<&Cursor>, revision: Revision) -> Result<(), Failure> {
    match cursor {
        Some(cursor) => Ok(cursor.acknowledge(revision)?),
        None => Ok(()),
    }
}

fn tell(commit: &Arc<CommitEvents>, command: Option<&str>, session: &mut Session) -> Result<(), Failure> {
    let Some(command) = command else {
        if session.globals.json {
            return write(session, event_line::json_lines(commit).as_bytes());
        }
        let lines = event_line::lines(commit, session.output.paint);
        return write(session, &lines);
    };
    let outcome = match event_command::run(event_command::shell(command), std::slice::from_ref(commit)) {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let revision = commit.revision.0.to_string();
    session.output.warn(&msg!("watch-exec-failed", revision = revision, command = command, reason = outcome));
    Ok(())
}

/// Writes whole lines at once: whoever reads them sees each when it happens, and none by half.
fn write(session: &mut Session, lines: &[u8]) -> Result<(), Failure> {
    session.output.write(lines)?;
    session.output.writer().flush().map_err(Failure::output)
}

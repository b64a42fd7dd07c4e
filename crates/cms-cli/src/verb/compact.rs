//! `compact`: gives up old commits.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use cms::{Location, Retention};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::text::msg;
use crate::window;

pub(super) const VERB: Verb =
    Verb { name: "compact", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("keep-commits")
                .long("keep-commits")
                .value_name("N")
                .value_parser(clap::value_parser!(u64))
                .help(help!("compact-keep-commits", help)),
        )
        .arg(Arg::new("keep-age").long("keep-age").value_name("AGE").help(help!("compact-keep-age", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let commits = matches.get_one::<u64>("keep-commits").copied();
    let age = super::text_of(matches, "keep-age").map(age).transpose()?;
    if commits.is_none() && age.is_none() {
        return Err(Failure::usage(msg!("compact-nothing-said")).hint(msg!("compact-nothing-said-hint")));
    }
    let age_us = age.map(|age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let store = session.store()?;
    let before = bytes(store.location());
    let given_up = store.retain(Retention { commits, age_us, ..Retention::default() })?;
    let after = bytes(store.location());
    if session.globals.json {
        let answer = json!({ "commits": given_up, "before": before, "after": after });
        session.output.line(Json::answer("compact", answer).to_string())?;
    } else {
        let count = usize::try_from(given_up).unwrap_or(usize::MAX);
        let (before, after) = (before.to_string(), after.to_string());
        session.output.say(&msg!("compact-done", count = count, before = before, after = after));
    }
    Ok(Exit::Ok)
}

fn age(text: &str) -> Result<Duration, Failure> {
    window::age(text)
        .ok_or_else(|| Failure::usage(msg!("compact-age", text = text)).hint(msg!("compact-age-hint")))
}

/// What the log takes on disk.
fn bytes(location: &Location) -> u64 {
    let log = location.log();
    let wal = log.with_extension("db-wal");
    [log, wal].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum()
}

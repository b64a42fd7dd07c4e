//! `compact`: gives up old commits.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
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
        .arg(Arg::new("max-size").long("max-size").value_name("SIZE").help(help!("compact-max-size", help)))
        .arg(flag("always").help(help!("compact-always", help)))
        .arg(flag("dry-run").conflicts_with("always").help(help!("compact-dry-run", help)))
        .arg(flag("show").conflicts_with_all(OTHERS).help(help!("compact-show", help)))
        .arg(
            flag("standard")
                .conflicts_with_all(OTHERS)
                .conflicts_with("show")
                .help(help!("compact-standard", help)),
        )
}

/// What says what is to be given up now.
const OTHERS: [&str; 5] = ["keep-commits", "keep-age", "max-size", "always", "dry-run"];

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    if matches.get_flag("show") || matches.get_flag("standard") {
        let store = session.store()?;
        if matches.get_flag("standard") {
            store.set_retention(None)?;
        }
        let retention = store.retention()?;
        return show(&retention, session);
    }
    let commits = matches.get_one::<u64>("keep-commits").copied();
    let age = super::text_of(matches, "keep-age").map(age).transpose()?;
    let size = super::text_of(matches, "max-size").map(size).transpose()?;
    if commits.is_none() && age.is_none() && size.is_none() {
        return Err(Failure::usage(msg!("compact-nothing-said")).hint(msg!("compact-nothing-said-hint")));
    }
    let age_us = age.map(|age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let retention = Retention { commits, age_us, bytes: size, ..Retention::default() };
    let store = session.store()?;
    let before = bytes(store.location());
    if matches.get_flag("dry-run") {
        let would = store.would_retain(retention)?;
        if session.globals.json {
            let answer = json!({
                "commits": would.commits, "before": before, "dry_run": true, "estimate": would.is_estimate,
            });
            session.output.line(Json::answer("compact", answer).to_string())?;
        } else {
            let count = usize::try_from(would.commits).unwrap_or(usize::MAX);
            session.output.say(&match would.is_estimate {
                true => msg!("compact-would-about", count = count),
                false => msg!("compact-would", count = count),
            });
        }
        return Ok(Exit::Ok);
    }
    if matches.get_flag("always") {
        store.set_retention(Some(retention))?;
    }
    let given_up = store.retain(retention).map_err(|error| match &error {
        cms::Error::Log(log) if log.is_no_space() => {
            Failure::new(Exit::Unavailable, msg!("compact-full")).because(log).hint(msg!("compact-full-hint"))
        }
        _ => error.into(),
    })?;
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

/// Says what the log keeps by itself.
fn show(retention: &Retention, session: &mut Session) -> Result<Exit, Failure> {
    let seconds = retention.age_us.map(|age| age / 1_000_000);
    if session.globals.json {
        let answer = json!({ "commits": retention.commits, "seconds": seconds, "bytes": retention.bytes });
        session.output.line(Json::answer("retention", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    // A line for each, in the form in which it is given.
    let lines = [
        ("keep-commits", retention.commits.map(|commits| commits.to_string())),
        (
            "keep-age",
            seconds.map(|seconds| {
                in_units(seconds.unsigned_abs(), &[("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)])
            }),
        ),
        (
            "max-size",
            retention
                .bytes
                .map(|bytes| in_units(bytes, &[("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("", 1)])),
        ),
    ];
    for (name, value) in lines {
        session.output.line(format!("--{name} {}", value.as_deref().unwrap_or("-")))?;
    }
    Ok(Exit::Ok)
}

/// A number in the largest unit that says it exactly.
fn in_units(number: u64, units: &[(&str, u64)]) -> String {
    let exact = units.iter().find(|(_, unit)| number != 0 && number.is_multiple_of(*unit));
    exact
        .or(units.last())
        .map_or_else(|| number.to_string(), |(name, unit)| format!("{}{name}", number / unit))
}

fn age(text: &str) -> Result<Duration, Failure> {
    window::age(text)
        .ok_or_else(|| Failure::usage(msg!("compact-age", text = text)).hint(msg!("compact-age-hint")))
}

fn size(text: &str) -> Result<u64, Failure> {
    window::size(text)
        .ok_or_else(|| Failure::usage(msg!("compact-size", text = text)).hint(msg!("compact-size-hint")))
}

/// What the log takes on disk.
fn bytes(location: &Location) -> u64 {
    let log = location.log();
    let wal = log.with_extension("db-wal");
    [log, wal].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum()
}

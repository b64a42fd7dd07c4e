//! `trigger`: which service runs which revision, and running what has to be run.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::Revision;
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};
use crate::trigger::{self, run as runner};
use crate::when;

pub(super) const VERB: Verb =
    Verb { name: "trigger", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("action")
                .value_name("ACTION")
                .value_parser(["status", "run"])
                .default_value("status")
                .help(help!("trigger-action", help)),
        )
        .arg(Arg::new("since").long("since").value_name("REV|TIME").help(help!("trigger-since", help)))
        .arg(
            Arg::new("detach")
                .long("detach")
                .action(ArgAction::SetTrue)
                .hide(true)
                .help(help!("trigger-detach", help)),
        )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    if super::text_of(matches, "action") != Some("run") {
        return status(session);
    }
    let detached = matches.get_flag("detach");
    if detached {
        // Neither the terminal nor its end is ours. One that leads a session already has its own.
        let _ = rustix::process::setsid();
    }
    let since = super::text_of(matches, "since").map(|typed| session.revision(typed)).transpose()?;
    let outcome = runner::run(&session.store()?, since, detached)?;
    for (name, revision) in &outcome.done {
        session.output.say(&msg!("trigger-done", trigger = name, revision = revision.0.to_string()));
    }
    for failed in outcome.failed {
        session.tell(&Failure::new(Exit::Error, failed));
    }
    Ok(session.exit)
}

fn status(session: &mut Session) -> Result<Exit, Failure> {
    let store = session.store()?;
    let cursors = store.cursors()?;
    let (triggers, faults) = trigger::read(&store)?;
    let mut rows = Vec::new();
    let mut answers = Vec::new();
    for trigger in &triggers {
        let cursor = cursors.iter().find(|cursor| cursor.name == trigger.cursor());
        let behind = match cursor {
            Some(cursor) => runner::is_behind(&store, trigger, cursor.revision)?,
            None => false,
        };
        let remark = cursor.map(|cursor| cursor.remark.as_str()).unwrap_or_default();
        answers.push(json!({
            "name": trigger.name,
            "does": trigger.summary(),
            "patterns": trigger.patterns.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "revision": cursor.map(|cursor| cursor.revision.0),
            "time": cursor.map(|cursor| when::rfc3339(cursor.time_us)),
            "behind": behind,
            "failure": (!remark.is_empty()).then_some(remark),
        }));
        let state = match (cursor, behind, remark) {
            (None, ..) => text("trigger-never"),
            (_, _, remark) if !remark.is_empty() => msg!("trigger-broken", reason = remark).to_string(),
            (_, true, _) => text("trigger-behind"),
            _ => text("trigger-current"),
        };
        rows.push(vec![
            trigger.name.clone(),
            cursor.map(|cursor| cursor.revision.0.to_string()).unwrap_or_default(),
            state,
            trigger.summary(),
        ]);
    }
    if session.globals.json {
        let head: Revision = store.head()?;
        let answer = json!({ "head": head.0, "triggers": answers });
        session.output.line(Json::answer("trigger", answer).to_string())?;
    } else if rows.is_empty() && faults.is_empty() {
        session.output.say(&msg!("trigger-none"));
    } else if !rows.is_empty() {
        let titles = ["title-trigger", "title-revision", "title-state", "title-does"].map(text);
        session.output.line(table::draw(&titles, rows))?;
    }
    for fault in faults {
        session.tell(&Failure::new(Exit::Invalid, fault));
    }
    Ok(session.exit)
}

//! `history`: the commits, newest first.

use clap::{Arg, ArgMatches, Command};
use cms::{CommitKind, HistoryEntry, HistoryQuery, Revision};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::arguments::{Help, help};
use crate::change_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};
use crate::when;

pub(super) const VERB: Verb =
    Verb { name: "history", aliases: &["log"], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let time = |name: &'static str| Arg::new(name).long(name).value_name("REV|TIME");
    command
        .arg(super::key(help).help(help!("history-key", help)))
        .arg(
            Arg::new("limit")
                .long("limit")
                .short('l')
                .value_name("N")
                .value_parser(clap::value_parser!(usize))
                .help(help!("history-limit", help)),
        )
        .arg(time("since").help(help!("history-since", help)))
        .arg(time("until").help(help!("history-until", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let query = HistoryQuery {
        key: super::optional_key(matches)?,
        limit: matches.get_one("limit").copied(),
        since: point(matches, "since", session)?,
        until: point(matches, "until", session)?,
    };
    let store = session.store()?;
    let entries = store.history(&query)?;
    let first = store.oldest()?;
    // Whoever reads on from where he was must not take a gap for the whole.
    if query.since.is_some_and(|since| since.next() < first)
        && query.limit.is_none_or(|limit| entries.len() < limit)
    {
        session.output.warn(&msg!("history-begins", first = first.to_string()));
    }
    print(entries, session)
}

/// Prints commits as was asked for.
pub(super) fn print(entries: Vec<HistoryEntry>, session: &mut Session) -> Result<Exit, Failure> {
    session.output.page();
    let as_table = super::wants_table(session)?;
    let mut rows = Vec::new();
    let mut answers = Vec::new();
    let mut count = 0;
    for entry in entries {
        count += 1;
        if session.globals.json {
            answers.push(to_json(&entry));
        } else if as_table {
            rows.push(cells(&entry));
        } else {
            write(&entry, session)?;
        }
    }
    if session.globals.json {
        session.output.line(Json::answer("history", json!({ "commits": answers })).to_string())?;
    } else if as_table {
        let titles = ["title-revision", "title-time", "title-author", "title-changes", "title-message"];
        session.output.line(table::draw(&titles.map(text), rows))?;
    } else if count == 0 {
        session.output.say(&msg!("history-nothing"));
    }
    Ok(Exit::Ok)
}

fn point(matches: &ArgMatches, name: &str, session: &mut Session) -> Result<Option<Revision>, Failure> {
    super::text_of(matches, name).map(|typed| session.revision(typed)).transpose()
}

fn write(entry: &HistoryEntry, session: &mut Session) -> Result<(), Failure> {
    let paint = session.output.paint;
    let revision = paint.changed(&format!("r{}", entry.revision.0));
    let mut head = format!("{revision}  {}  {}", when::local(entry.time_us), entry.author);
    if !entry.tool.is_empty() {
        head.push_str(&format!("  {}", paint.faint(&entry.tool)));
    }
    session.output.line(head)?;
    for line in summary(entry).lines() {
        session.output.line(format!("    {line}"))?;
    }
    for change in &entry.changes {
        let mut line = b"    ".to_vec();
        line.extend(change_line::line_with_old(change, paint));
        session.output.line(line)?;
    }
    for lost in &entry.lost {
        let mut line = format!("    {} ", paint.warning(&text("label-lost"))).into_bytes();
        line.extend(change_line::line_with_old(lost, paint));
        session.output.line(line)?;
    }
    session.output.line("")
}

/// The message, or where there is none what the kind of the commit says.
fn summary(entry: &HistoryEntry) -> String {
    if !entry.message.is_empty() {
        return entry.message.clone();
    }
    match &entry.kind {
        CommitKind::Normal => String::new(),
        CommitKind::External => text("kind-external"),
        CommitKind::Import => text("kind-import"),
        CommitKind::Rollback { to } => msg!("kind-rollback", revision = to.0.to_string()).to_string(),
        CommitKind::Undo { from, to } if from == to => {
            msg!("kind-undo", revision = from.0.to_string()).to_string()
        }
        CommitKind::Undo { from, to } => {
            msg!("kind-undo-range", from = from.0.to_string(), to = to.0.to_string()).to_string()
        }
    }
}

fn cells(entry: &HistoryEntry) -> Vec<String> {
    vec![
        entry.revision.0.to_string(),
        when::local(entry.time_us),
        entry.author.clone(),
        entry.changes.len().to_string(),
        summary(entry),
    ]
}

pub(super) fn kind_word(kind: &CommitKind) -> &'static str {
    match kind {
        CommitKind::Normal => "normal",
        CommitKind::External => "external",
        CommitKind::Import => "import",
        CommitKind::Rollback { .. } => "rollback",
        CommitKind::Undo { .. } => "undo",
    }
}

fn to_json(entry: &HistoryEntry) -> JsonValue {
    json!({
        "revision": entry.revision.0,
        "time": when::rfc3339(entry.time_us),
        "author": entry.author,
        "tool": entry.tool,
        "message": entry.message,
        "kind": kind_word(&entry.kind),
        "changes": entry.changes.iter().map(change_line::to_json).collect::<Vec<_>>(),
        "lost": entry.lost.iter().map(change_line::to_json).collect::<Vec<_>>(),
    })
}

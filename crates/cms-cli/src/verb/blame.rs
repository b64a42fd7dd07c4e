//! `blame`: who set each option last, when, and why.

use clap::{ArgMatches, Command};
use cms::BlameLine;
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::{self, Json};
use crate::keys;
use crate::session::Session;
use crate::table;
use crate::text::text;
use crate::when;

pub(super) const VERB: Verb = Verb { name: "blame", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(super::key(help).required(true).help(help!("blame-key", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let key = keys::key(super::word(matches, "key"))?;
    let lines = session.store()?.blame(&key)?;
    session.output.page();
    if session.globals.json {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| {
                let commit = line.commit.as_ref();
                json!({
                    "key": line.key,
                    "value": json::value(&line.value),
                    "revision": commit.map(|commit| commit.revision.0),
                    "time": commit.map(|commit| when::rfc3339(commit.time_us)),
                    "author": commit.map(|commit| &commit.author),
                    "message": commit.map(|commit| &commit.message),
                })
            })
            .collect();
        session.output.line(Json::answer("blame", json!({ "lines": lines })).to_string())?;
    } else if super::wants_table(session)? {
        let titles =
            ["title-key", "title-value", "title-revision", "title-time", "title-author", "title-message"];
        let rows = lines.iter().map(|line| {
            let [revision, time, author] = origin(line);
            let message = line.commit.as_ref().map(|commit| commit.message.clone()).unwrap_or_default();
            vec![
                line.key.clone(),
                table::cell(&line.value.items().join(&b' ')),
                revision,
                time,
                author,
                message,
            ]
        });
        session.output.line(table::draw(&titles.map(text), rows.collect()))?;
    } else {
        let paint = session.output.paint;
        let width =
            |column: usize| lines.iter().map(|line| origin(line)[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        for line in &lines {
            let [revision, time, author] = origin(line);
            let revision = paint.changed(&format!("{revision:>0$}", widths[0]));
            let time = paint.faint(&format!("{time:0$}", widths[1]));
            let mut shown =
                format!("{revision}  {time}  {author:0$}  {1}=", widths[2], line.key).into_bytes();
            let items: Vec<Vec<u8>> = line.value.items().iter().map(|item| cms::model::quote(item)).collect();
            shown.extend(items.join(&b' '));
            session.output.line(shown)?;
        }
    }
    Ok(Exit::Ok)
}

/// Revision, time and author; what is older than the log's memory has none.
fn origin(line: &BlameLine) -> [String; 3] {
    match &line.commit {
        Some(commit) => {
            [format!("r{}", commit.revision.0), when::local(commit.time_us), commit.author.clone()]
        }
        None => ["-".to_owned(), String::new(), text("blame-older")],
    }
}

//! `blame`: who set each option last, when, and why.

use clap::{ArgMatches, Command};
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

pub(super) const VERB: Verb =
    Verb { name: "blame", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(super::key(help).required(true).help(help!("blame-key", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let key = keys::key(super::word(matches, "key"))?;
    session.check_key(&key)?;
    let lines = session.store()?.blame(&key)?;
    session.output.page();
    if session.globals.json {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| {
                json!({
                    "key": line.key,
                    "value": line.value.as_ref().map(json::value),
                    "revision": line.revision.0,
                    "time": when::rfc3339(line.time_us),
                    "author": line.author,
                    "message": line.message,
                })
            })
            .collect();
        session.output.line(Json::answer("blame", json!({ "lines": lines })).to_string())?;
    } else if super::wants_table(session)? {
        let titles =
            ["title-key", "title-value", "title-revision", "title-time", "title-author", "title-message"];
        let rows = lines.iter().map(|line| {
            vec![
                line.key.clone(),
                line.value.as_ref().map(|value| table::cell(&value.items().join(&b' '))).unwrap_or_default(),
                line.revision.0.to_string(),
                when::local(line.time_us),
                line.author.clone(),
                line.message.clone(),
            ]
        });
        session.output.line(table::draw(&titles.map(text), rows.collect()))?;
    } else {
        let paint = session.output.paint;
        let author_width = lines.iter().map(|line| line.author.chars().count()).max().unwrap_or(0);
        for line in &lines {
            let revision = paint.changed(&format!("{:>6}", format!("r{}", line.revision.0)));
            let who = format!("{:<author_width$}", line.author);
            let mut shown = format!("{revision}  {}  {who}  {}", when::local(line.time_us), line.key).into_bytes();
            if let Some(value) = &line.value {
                shown.push(b'=');
                let items: Vec<Vec<u8>> = value.items().iter().map(|item| cms::model::quote(item)).collect();
                shown.extend(items.join(&b' '));
            }
            session.output.line(shown)?;
        }
    }
    Ok(Exit::Ok)
}

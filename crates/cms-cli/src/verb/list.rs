//! `list`: the names below a key, and nothing else: packages, sections, options.

use clap::{ArgMatches, Command};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::address::Addresses;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(super) const VERB: Verb =
    Verb { name: "list", aliases: &["ls"], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(super::key(help).help(help!("list-key", help))).arg(super::at(help))
}

/// A name below the key, and what a table says about it.
struct Entry {
    name: String,
    about: JsonValue,
    cells: Vec<String>,
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let key = super::optional_key(matches)?;
    let mut view = session.view(key.as_ref().map(|key| &key.package), super::text_of(matches, "at"))?;
    let (what, titles, entries) = match &key {
        None => {
            ("packages", vec![text("title-package"), text("title-sections")], packages(&mut view, session))
        }
        Some(key) if key.option.is_some() => {
            return Err(Failure::usage(msg!("list-option", key = key.to_string())));
        }
        Some(key) => {
            let draft = view.draft(&key.package)?;
            if key.section.is_none() {
                let titles = vec![text("title-section"), text("title-type"), text("title-options")];
                ("sections", titles, sections(draft, session.globals.show_generated))
            } else {
                let section = keys::section(draft, key)?;
                ("options", vec![text("title-option"), text("title-items")], options(draft, section))
            }
        }
    };
    session.output.page();
    if session.globals.json {
        let entries: Vec<JsonValue> = entries.into_iter().map(|entry| entry.about).collect();
        let key = key.map(|key| key.to_string());
        session.output.line(Json::answer("list", json!({ "key": key, what: entries })).to_string())?;
    } else if super::wants_table(session)? {
        let rows = entries.into_iter().map(|entry| [vec![entry.name], entry.cells].concat()).collect();
        session.output.line(table::draw(&titles, rows))?;
    } else {
        for entry in entries {
            session.output.line(entry.name)?;
        }
    }
    Ok(session.exit)
}

fn packages(view: &mut crate::session::View, session: &mut Session) -> Vec<Entry> {
    let mut entries = Vec::new();
    for package in view.packages() {
        // A package that does not parse is there all the same.
        let sections = match view.draft(&package) {
            Ok(draft) => Some(draft.package().len()),
            Err(failure) => {
                session.tell(&failure);
                None
            }
        };
        entries.push(Entry {
            about: json!({ "name": package.as_str(), "sections": sections }),
            cells: vec![sections.map(|count| count.to_string()).unwrap_or_default()],
            name: package.to_string(),
        });
    }
    entries
}

fn sections(draft: &cms::model::Draft, generated: bool) -> Vec<Entry> {
    let mut addresses = Addresses::new(draft, generated);
    let entry = |section: cms::model::Section<'_>, name: String| {
        let count = section.option_count();
        Entry {
            about: json!({ "name": section.name(), "address": name, "type": section.kind(), "options": count }),
            cells: vec![section.kind().to_owned(), count.to_string()],
            name,
        }
    };
    draft.package().sections().map(|section| entry(section, addresses.next(section))).collect()
}

fn options(draft: &cms::model::Draft, section: cms::model::Section<'_>) -> Vec<Entry> {
    let entry = |name: String, value: cms::model::Value| {
        let items = value.is_list().then(|| value.items().len());
        Entry {
            about: json!({ "name": name, "list": value.is_list(), "items": items }),
            cells: vec![items.map(|count| count.to_string()).unwrap_or_default()],
            name,
        }
    };
    draft.options(section.id()).into_iter().map(|(name, value)| entry(name.to_string(), value)).collect()
}

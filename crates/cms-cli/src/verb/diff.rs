//! `diff`: what changed between two states.

use std::sync::Arc;

use clap::{ArgAction, ArgMatches, Command};
use cms::model::table::TableName;
use cms::model::{Key, Package};
use cms::{DisplayChange, PackageDiff};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::change_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::table;
use crate::text_diff;

pub(super) const VERB: Verb =
    Verb { name: "diff", aliases: &["compare"], uci: false, hidden: false, arguments, run };

/// What `--format` may be here.
const FORMATS: [&str; 3] = ["uci", "unified", "table"];

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(clap::Arg::new("from").value_name("REV").help(help!("diff-from", help)))
        .arg(clap::Arg::new("to").value_name("REV").help(help!("diff-to", help)))
        .arg(super::key(help).long("key").help(help!("diff-key", help)))
        .arg(
            clap::Arg::new("exit-code")
                .long("exit-code")
                .action(ArgAction::SetTrue)
                .help(help!("diff-exit-code", help)),
        )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let format = session.globals.format.clone().unwrap_or_else(|| "uci".to_owned());
    if !FORMATS.contains(&format.as_str()) {
        return Err(super::unknown_format(&format, &FORMATS));
    }
    let filter = super::optional_key(matches)?;
    let (names, differences) = differences(matches, filter.as_ref(), session)?;
    let tables = tables(matches, filter.as_ref(), session)?;
    session.output.page();
    let paint = session.output.paint;
    if session.globals.json {
        let packages: Vec<_> = differences
            .iter()
            .map(|package| {
                let changes: Vec<_> = package.changes.iter().map(change_line::to_json).collect();
                json!({ "name": package.package.as_str(), "changes": changes })
            })
            .collect();
        let mut answer = json!({ "from": names.0, "to": names.1, "packages": packages });
        if !tables.is_empty() {
            answer["tables"] = super::commit::tables_to_json(&tables).into();
        }
        session.output.line(Json::answer("diff", answer).to_string())?;
    } else {
        let mut rows = Vec::new();
        for difference in &differences {
            match format.as_str() {
                "unified" => {
                    let text = |package: &Option<_>| package.as_ref().map(|p: &Arc<Package>| p.text());
                    let (old, new) = (text(&difference.old), text(&difference.new));
                    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                    session.output.write(&text_diff::unified(
                        &difference.package,
                        &old,
                        &new,
                        (&names.0, &names.1),
                        paint,
                    ))?;
                }
                "table" => rows.extend(difference.changes.iter().map(change_line::cells)),
                _ => {
                    for change in &difference.changes {
                        session.output.line(change_line::line_with_old(change, paint))?;
                    }
                }
            }
        }
        // Rows have no text, so there is one way to show them beside the table of all.
        for change in tables.iter().flat_map(|(_, changes)| changes) {
            match format.as_str() {
                "table" => rows.push(change_line::cells(change)),
                _ => session.output.line(change_line::line_with_old(change, paint))?,
            }
        }
        if format == "table" {
            session.output.line(table::draw(&change_line::titles(), rows))?;
        }
    }
    let differ = !differences.is_empty() || !tables.is_empty();
    Ok(if differ && matches.get_flag("exit-code") { Exit::Changes } else { Exit::Ok })
}

/// What differs between the tables of two revisions. Nothing of a table is staged, and none has a key of a package.
fn tables(
    matches: &ArgMatches,
    filter: Option<&Key>,
    session: &mut Session,
) -> Result<Vec<(TableName, Vec<DisplayChange>)>, Failure> {
    let (Some(from), None) = (super::text_of(matches, "from"), filter) else { return Ok(Vec::new()) };
    let from = session.revision(from)?;
    let to = session.revision(super::text_of(matches, "to").unwrap_or("head"))?;
    Ok(session.store()?.diff_tables(from, to)?)
}

/// The two states that are compared, by name, and what differs. Without a revision these are the head
/// and the caller's staged state; with one, that revision and the head.
fn differences(
    matches: &ArgMatches,
    filter: Option<&Key>,
    session: &mut Session,
) -> Result<((String, String), Vec<PackageDiff>), Failure> {
    let store = session.store()?;
    let Some(from) = super::text_of(matches, "from") else {
        let mut stage = session.stage(filter.map(|key| std::slice::from_ref(&key.package)))?;
        let mut differences = Vec::new();
        for package in stage.packages() {
            if filter.is_none_or(|key| key.package == package) {
                let draft = crate::session::staged(&mut stage, &package)?;
                let (old, new) = (Arc::new(draft.base().clone()), Arc::new(draft.package().clone()));
                differences.push(PackageDiff::new(package, Some(old), Some(new), filter));
            }
        }
        differences.retain(|difference| !difference.is_empty());
        return Ok((("head".to_owned(), "staged".to_owned()), differences));
    };
    let from = session.revision(from)?;
    let to = session.revision(super::text_of(matches, "to").unwrap_or("head"))?;
    let differences = store.diff(from, to, filter)?;
    Ok(((format!("r{}", from.0), format!("r{}", to.0)), differences))
}

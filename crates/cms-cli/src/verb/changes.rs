//! `changes`: what the caller has staged.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::PackageName;
use serde_json::json;

use super::Verb;
use crate::adopt;
use crate::arguments::{Help, help};
use crate::change_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::globals::DEFAULT_CONFIG;
use crate::json::Json;
use crate::session::Session;
use crate::table;
use crate::text::msg;
use crate::text_diff;

pub(super) const VERB: Verb =
    Verb { name: "changes", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(super::key(help).value_name("PACKAGE").help(help!("changes-package", help)))
        .arg(Arg::new("diff").long("diff").action(ArgAction::SetTrue).help(help!("changes-diff", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let only = super::optional_key(matches)?.map(|key| key.package);
    let mut stage = session.stage(only.as_ref().map(std::slice::from_ref))?;
    let mut staged = Vec::new();
    for package in stage.packages() {
        if only.as_ref().is_none_or(|only| *only == package) {
            let changes = stage.changes(&package)?;
            if !stage.stale(&package)?.is_empty() {
                session.output.warn(&msg!("changes-stale", package = package.as_str()));
            }
            staged.push((package, changes));
        }
    }
    if let Some(package) = &only
        && staged.is_empty()
    {
        // Nothing staged is an answer; a package that is not there is none.
        crate::session::staged(&mut stage, package)?;
    }
    session.output.page();
    if session.globals.json {
        let packages: Vec<_> = staged
            .iter()
            .map(|(package, changes)| {
                let changes: Vec<_> = changes.iter().map(change_line::to_json).collect();
                json!({ "name": package.as_str(), "changes": changes })
            })
            .collect();
        session.output.line(Json::answer("changes", json!({ "packages": packages })).to_string())?;
        return Ok(Exit::Ok);
    }
    let paint = session.output.paint;
    let as_table = super::wants_table(session)?;
    let mut rows = Vec::new();
    for (package, changes) in &staged {
        if matches.get_flag("diff") {
            let draft = crate::session::staged(&mut stage, package)?;
            let (old, new) = (draft.base().text(), draft.package().text());
            session.output.write(&text_diff::unified(package, &old, &new, ("head", "staged"), paint))?;
            continue;
        }
        for change in changes {
            if as_table {
                rows.push(change_line::cells(change));
            } else {
                session.output.line(change_line::line(change, paint))?;
            }
        }
    }
    if as_table {
        session.output.line(table::draw(&change_line::titles(), rows))?;
    }
    if staged.is_empty() {
        session.output.say(&msg!("changes-none"));
    }
    say_what_uci_staged(only.as_ref(), session);
    Ok(Exit::Ok)
}

/// Says that something lies in `uci`'s folder, which `cms` does not publish unasked.
fn say_what_uci_staged(only: Option<&PackageName>, session: &mut Session) {
    // That folder is for the packages of /etc/config.
    if session.globals.config != Path::new(DEFAULT_CONFIG) {
        return;
    }
    let staged = adopt::staged_with_uci(Path::new(adopt::UCI_SAVE_DIR));
    let names: Vec<&str> =
        staged.iter().filter(|name| only.is_none_or(|only| only == *name)).map(PackageName::as_str).collect();
    if !names.is_empty() {
        session.output.say(&msg!("changes-uci", folder = adopt::UCI_SAVE_DIR, packages = names.join(", ")));
    }
}

//! `diff`: what changed between two states.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::{Key, Package, PackageName};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::change_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::session::Session;
use crate::table;
use crate::text_diff;

pub(super) const VERB: Verb =
    Verb { name: "diff", aliases: &["compare"], uci: false, hidden: false, arguments, run };

/// What `--format` may be here.
const FORMATS: [&str; 3] = ["uci", "unified", "table"];

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(Arg::new("from").value_name("REV").help(help!("diff-from", help)))
        .arg(Arg::new("to").value_name("REV").help(help!("diff-to", help)))
        .arg(super::key(help).long("key").help(help!("diff-key", help)))
        .arg(
            Arg::new("exit-code")
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
    let differences = differences(matches, filter.as_ref(), session)?;
    session.output.page();
    let paint = session.output.paint;
    if session.globals.json {
        let packages: Vec<_> = differences
            .packages
            .iter()
            .map(|package| {
                let changes: Vec<_> = package.changes.iter().map(change_line::to_json).collect();
                json!({ "name": package.package.as_str(), "changes": changes })
            })
            .collect();
        let answer = json!({ "from": differences.names.0, "to": differences.names.1, "packages": packages });
        session.output.line(Json::answer("diff", answer).to_string())?;
    } else {
        let mut rows = Vec::new();
        for difference in &differences.packages {
            match format.as_str() {
                "unified" => {
                    let text = |package: &Option<_>| package.as_ref().map(|p: &std::sync::Arc<Package>| p.text());
                    let (old, new) = (text(&difference.old), text(&difference.new));
                    let names = (differences.names.0.as_str(), differences.names.1.as_str());
                    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                    session.output.write(&text_diff::unified(&difference.package, &old, &new, names, paint))?;
                }
                "table" => rows.extend(difference.changes.iter().map(change_line::cells)),
                _ => {
                    for change in &difference.changes {
                        session.output.line(change_line::line_with_old(change, paint))?;
                    }
                }
            }
        }
        if format == "table" {
            session.output.line(table::draw(&change_line::titles(), rows))?;
        }
    }
    let differ = !differences.packages.is_empty();
    Ok(if differ && matches.get_flag("exit-code") { Exit::Changes } else { Exit::Ok })
}

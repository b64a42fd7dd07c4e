//! `module list`: which modules there are, and what is wrong with them.

use clap::ArgMatches;
use cms::{Modules, Registered};
use serde_json::json;

use super::super::action::Action;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::section_type::mode_word;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(super) const ACTION: Action = Action { name: "list", arguments: |command, _| command, run };

fn run(_: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let modules = Modules::from_env();
    let all = modules.list()?;
    if session.globals.json {
        let answer = json!({
            "directories": modules.directories(),
            "modules": all.iter().map(super::to_json).collect::<Vec<_>>(),
        });
        session.output.line(Json::answer("module", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    if all.is_empty() {
        let folders: Vec<_> = modules.directories().iter().map(|path| path.display().to_string()).collect();
        session.output.say(&msg!("module-list-none", folders = folders.join(", ")));
        return Ok(Exit::Ok);
    }
    session.output.page();
    let titles =
        ["title-module", "title-version", "title-mode", "title-packages", "title-file", "title-faults"];
    let rows = all.iter().map(cells).collect();
    session.output.line(table::draw(&titles.map(text), rows))?;
    if let Some(faulty) = all.iter().find(|module| module.module.is_err()) {
        session.output.advise(&msg!("module-show-hint", module = &faulty.name));
    }
    Ok(Exit::Ok)
}

fn cells(registered: &Registered) -> Vec<String> {
    let settings = registered.module.as_ref().ok().map(|module| module.settings());
    let faults = super::faults(registered).len();
    vec![
        registered.name.clone(),
        settings.map(|settings| settings.version.to_string()).unwrap_or_default(),
        settings.map(|settings| mode_word(settings.mode).to_owned()).unwrap_or_default(),
        settings.map(|settings| settings.packages.join(" ")).unwrap_or_default(),
        registered.path.display().to_string(),
        if faults == 0 { String::new() } else { faults.to_string() },
    ]
}

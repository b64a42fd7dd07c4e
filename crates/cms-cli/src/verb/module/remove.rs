//! `module remove`: takes a module away, and says what holds then.

use clap::{Arg, ArgMatches, Command};
use cms::Modules;
use serde_json::json;

use super::super::action::Action;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::text::msg;

pub(super) const ACTION: Action = Action { name: "remove", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(Arg::new("module").value_name("NAME").required(true).help(help!("module-name", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let name = super::super::text_of(matches, "module").unwrap_or_default();
    let modules = Modules::from_env();
    super::find(&modules, name)?;
    let path = modules.remove(name)?;
    let remains = match modules.get(name) {
        Ok(registered) => Some(registered.path),
        Err(cms::Error::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if session.globals.json {
        let answer = json!({ "name": name, "file": path, "remains": remains });
        session.output.line(Json::answer("module-remove", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    session.output.say(&msg!("module-removed", module = name, file = path.as_path()));
    if let Some(remains) = remains {
        session.output.say(&msg!("module-remains", file = remains.as_path()));
    }
    Ok(Exit::Ok)
}

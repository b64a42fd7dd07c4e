//! `schema check`: what is wrong with schemas that are yet to be registered.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command};
use cms::Modules;
use cms::model::schema::Module;
use serde_json::json;

use super::super::action::Action;
use super::source;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::report;
use crate::session::Session;
use crate::text::msg;

pub(super) const ACTION: Action = Action { name: "check", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(
        Arg::new("files")
            .value_name("FILE")
            .num_args(1..)
            .required(true)
            .value_parser(clap::value_parser!(OsString))
            .help(help!("schema-files", help)),
    )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let modules = Modules::from_env();
    let (mut sound, mut faults) = (Vec::new(), Vec::new());
    for file in matches.get_many::<OsString>("files").into_iter().flatten() {
        let (name, text) = match source::read(file) {
            Ok(read) => read,
            Err(failure) => {
                session.tell(&failure);
                continue;
            }
        };
        match modules.read(&text, &name) {
            Ok(module) => sound.push((name, module)),
            Err(found) => faults.extend(found),
        }
    }
    if session.globals.json {
        let sound: Vec<_> = sound.iter().map(|(file, module)| to_json(file, module)).collect();
        let findings: Vec<_> = faults.iter().map(report::to_json).collect();
        let answer = json!({ "sound": sound, "findings": findings });
        session.output.line(Json::answer("schema-check", answer).to_string())?;
    } else {
        if !faults.is_empty() {
            session.output.page();
            session.output.line(report::render_all(&faults, None, session.output.paint))?;
        }
        for (file, module) in &sound {
            session.output.say(&msg!(
                "schema-sound",
                file = file,
                module = module.name(),
                version = module.settings().version.to_string(),
                count = module.fields().count()
            ));
        }
        if let Some(first) = faults.first() {
            session.output.advise(&msg!("explain-hint", code = first.code));
        }
    }
    Ok(if faults.is_empty() { session.exit } else { Exit::Invalid })
}

fn to_json(file: &str, module: &Module) -> serde_json::Value {
    json!({
        "file": file,
        "module": module.name(),
        "version": module.settings().version.to_string(),
        "types": module.section_types().count(),
        "fields": module.fields().count(),
    })
}

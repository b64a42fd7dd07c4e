//! `schema export`: a schema for other programs, as JSON Schema or as it was written.

use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use super::super::action::Action;
use super::packages::{self, Found};
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::session::Session;
use crate::text::msg;

pub(super) const ACTION: Action = Action { name: "export", arguments, run };

const FORMATS: [&str; 2] = ["json-schema", "uci"];

fn arguments(command: Command, help: Help) -> Command {
    let package = Arg::new("schema-package").value_name("PACKAGE").required(true);
    command.arg(package.help(help!("schema-export-package", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let typed = super::super::text_of(matches, "schema-package").unwrap_or_default();
    let as_text = match session.globals.format.as_deref() {
        None | Some("json-schema") => false,
        Some("uci") => true,
        Some(other) => return Err(super::super::unknown_format(other, &FORMATS)),
    };
    let package = keys::package(typed.as_ref())?;
    let Found { module, path } = one(packages::find(&package, session)?, typed)?;
    let text = match (as_text, path) {
        (false, _) => module.to_json_schema().pretty().into_bytes(),
        (true, Some(path)) => std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?,
        (true, None) => {
            return Err(Failure::usage(msg!("schema-embedded", package = typed))
                .hint(msg!("schema-embedded-hint", package = typed)));
        }
    };
    if !session.globals.json {
        session.output.write(&text)?;
        if !text.ends_with(b"\n") {
            session.output.write(b"\n")?;
        }
        return Ok(Exit::Ok);
    }
    let document = match as_text {
        true => json!(String::from_utf8_lossy(&text)),
        false => serde_json::from_slice(&text).unwrap_or_default(),
    };
    let answer = json!({
        "module": module.name(),
        "version": module.settings().version.to_string(),
        "format": FORMATS[usize::from(as_text)],
        "document": document,
    });
    session.output.line(Json::answer("schema-export", answer).to_string())?;
    Ok(Exit::Ok)
}

/// The schema that is meant: that of the package's own name where there are several.
fn one(found: Vec<Found>, typed: &str) -> Result<Found, Failure> {
    let names: Vec<String> = found.iter().map(|found| found.module.name().to_owned()).collect();
    let place = match names.iter().position(|name| name == typed) {
        None if names.len() == 1 => Some(0),
        place => place,
    };
    let several = || {
        Failure::usage(msg!("schema-several", package = typed)).hint(msg!("one-of", names = names.join(" ")))
    };
    found.into_iter().nth(place.ok_or_else(several)?).ok_or_else(several)
}

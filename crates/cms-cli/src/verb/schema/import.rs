//! `schema import`: a schema from a JSON Schema.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use cms::Modules;
use cms::model::PackageName;
use cms::model::schema::{Json as Document, LeftOut, LeftOutReason, from_json_schema};
use serde_json::json;

use super::super::action::Action;
use super::super::module::add::{self, Added};
use super::{infer, source};
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::session::Session;
use crate::text::msg;

pub(super) const ACTION: Action = Action { name: "import", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let file = Arg::new("document").value_name("FILE").required(true);
    command
        .arg(file.value_parser(clap::value_parser!(OsString)).help(help!("schema-import-file", help)))
        .arg(Arg::new("as").long("as").value_name("PACKAGE").help(help!("schema-import-as", help)))
        .arg(infer::register(help))
        .arg(add::force(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let (file, text) = source::read(super::super::word(matches, "document"))?;
    let document = parse(&file, &text)?;
    let describes = |member: &str| document.get(member).is_some_and(|member| !member.members().is_empty());
    if !["properties", "patternProperties", "additionalProperties"].into_iter().any(describes) {
        return Err(Failure::invalid(msg!("schema-import-empty", file = &file), Vec::new()));
    }
    let package = match super::super::text_of(matches, "as") {
        Some(name) => keys::package(name.as_ref())?,
        None => name_of(&document, &file)?,
    };
    let imported = from_json_schema(package.as_str(), &document);
    for what in &imported.left_out {
        session.output.warn(&msg!("schema-left-out", what = words(what)));
    }
    let modules = Modules::from_env();
    // What is written is checked, so that nothing is handed on that could not be registered.
    modules
        .read(imported.text.as_bytes(), &file)
        .map_err(|diagnostics| cms::Error::Refused { diagnostics })?;
    let added = match matches.get_flag("add") {
        true => Some(add::register(&modules, imported.text.as_bytes(), &file, matches.get_flag("force"))?),
        false => None,
    };
    if session.globals.json {
        let answer = json!({
            "package": package.as_str(),
            "text": imported.text,
            "left_out": imported.left_out.iter().map(words).collect::<Vec<_>>(),
            "added": added.as_ref().map(Added::to_json),
        });
        session.output.line(Json::answer("schema-import", answer).to_string())?;
    } else if let Some(added) = added {
        added.tell(session);
    } else {
        session.output.write(imported.text.as_bytes())?;
    }
    Ok(Exit::Ok)
}

/// What was left out, and why, in the user's language.
fn words(left_out: &LeftOut) -> String {
    let reason = match &left_out.reason {
        LeftOutReason::Keyword(name) => msg!("left-out-keyword", name = name),
        LeftOutReason::Format(name) => msg!("left-out-format", name = name),
        LeftOutReason::Pattern(reason) => msg!("left-out-pattern", reason = reason),
        LeftOutReason::NoType(name) => msg!("left-out-type", name = name),
        LeftOutReason::NoOption(name) => msg!("left-out-option", name = name),
        LeftOutReason::Condition(name) => msg!("left-out-condition", name = name),
        LeftOutReason::Absent(name) => msg!("left-out-absent", name = name),
        LeftOutReason::Reference(target) => msg!("left-out-reference", name = target),
        // A reason that this program does not know yet.
        _ => return left_out.to_string(),
    };
    format!("{}: {reason}", left_out.place)
}

fn parse(file: &str, text: &[u8]) -> Result<Document, Failure> {
    let parsed = match std::str::from_utf8(text) {
        Ok(text) => Document::parse(text),
        Err(error) => Err(error.valid_up_to()),
    };
    parsed.map_err(|place| {
        let before = &text[..place.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        let (line, column) = (line.to_string(), column.to_string());
        Failure::invalid(msg!("schema-no-json", file = file, line = line, column = column), Vec::new())
    })
}

/// The package that the schema is for: the title of the document if that is a name, or else the name of the file.
fn name_of(document: &Document, file: &str) -> Result<PackageName, Failure> {
    let title = document.get("title").and_then(Document::as_text);
    let stem = Path::new(file).file_name().and_then(|name| name.to_str()?.split('.').next());
    let names = [title, stem.filter(|_| file != source::STDIN)];
    let mut names = names.into_iter().flatten().filter_map(|name| PackageName::new(name).ok());
    names.next().ok_or_else(|| Failure::usage(msg!("schema-import-unnamed", file = file)))
}

//! `explain`: what a kind of finding means, and what to do about it.

use clap::{Arg, ArgMatches, Command};
use cms::model::schema::Code;
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::report;
use crate::session::Session;
use crate::spelling;
use crate::text::{msg, text};

pub(super) const VERB: Verb =
    Verb { name: "explain", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(Arg::new("code").value_name("CODE").help(help!("explain-code", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let codes: Vec<&Code> = match super::text_of(matches, "code") {
        None => Code::all().collect(),
        Some(typed) => vec![find(typed)?],
    };
    let is_index = matches.get_one::<String>("code").is_none();
    if session.globals.json {
        let codes: Vec<JsonValue> = codes.into_iter().map(to_json).collect();
        session.output.line(Json::answer("explain", json!({ "codes": codes })).to_string())?;
        return Ok(Exit::Ok);
    }
    session.output.page();
    let paint = session.output.paint;
    for code in codes {
        let title = title(code);
        if is_index {
            session.output.line(format!("{}  {title}", paint.place(&format!("{:<21}", code.id))))?;
        } else {
            let severity = text(match code.severity {
                cms::model::Severity::Error => "label-error",
                cms::model::Severity::Warning => "label-warning",
            });
            session.output.line(format!("{} ({severity}): {title}", paint.title(code.id)))?;
            session.output.line(code.explanation)?;
        }
    }
    Ok(Exit::Ok)
}

fn find(typed: &str) -> Result<&'static Code, Failure> {
    Code::find(typed).ok_or_else(|| {
        let nearest = spelling::nearest(typed, Code::all().map(|code| code.id));
        Failure::not_found(msg!("explain-unknown", code = typed))
            .hint(msg!("explain-index-hint"))
            .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name)))
    })
}

fn title(code: &Code) -> String {
    report::title(code.id).unwrap_or_else(|| code.title.to_owned())
}

fn to_json(code: &Code) -> JsonValue {
    json!({
        "code": code.id,
        "severity": code.severity.to_string(),
        "title": title(code),
        "explanation": code.explanation,
    })
}

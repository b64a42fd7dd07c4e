//! `schema status`: which version the data of modules has, and what is to come.

use clap::ArgMatches;
use cms::SchemaState;
use serde_json::{Value as JsonValue, json};

use super::super::super::action::Action;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(in crate::verb::schema) const ACTION: Action =
    Action { name: "status", arguments: |command, help| command.arg(super::module(help)), run };

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let store = session.store()?;
    let states = match super::super::super::text_of(matches, "module") {
        Some(name) => vec![super::find(&store, name)?.state()?],
        None => store.schema_states()?,
    };
    if session.globals.json {
        let modules: Vec<_> = states.iter().map(to_json).collect();
        session.output.line(Json::answer("schema-status", json!({ "modules": modules })).to_string())?;
        return Ok(Exit::Ok);
    }
    if states.is_empty() {
        session.output.say(&msg!("schema-status-none"));
        return Ok(Exit::Ok);
    }
    session.output.page();
    let titles = ["title-module", "title-data", "title-schema", "title-pending"];
    let rows = states.iter().map(cells).collect();
    session.output.line(table::draw(&titles.map(text), rows))?;
    for state in &states {
        if state.is_newer() {
            let (data, schema) = (state.data.to_string(), state.schema.to_string());
            session.output.warn(&msg!("schema-newer", module = &state.module, data = data, schema = schema));
        }
        if let Some(obstacle) = &state.obstacle {
            session.output.warn(&msg!("schema-no-path", module = &state.module, reason = obstacle));
        }
    }
    if states.iter().any(|state| !state.pending.is_empty()) {
        session.output.advise(&msg!("schema-plan-hint"));
    }
    Ok(Exit::Ok)
}

fn cells(state: &SchemaState) -> Vec<String> {
    let data = match state.is_stamped {
        true => state.data.to_string(),
        // It does not say so itself.
        false => format!("({})", state.data),
    };
    let pending: Vec<String> = state.pending.iter().map(ToString::to_string).collect();
    vec![state.module.clone(), data, state.schema.to_string(), pending.join(" ")]
}

fn to_json(state: &SchemaState) -> JsonValue {
    json!({
        "module": state.module,
        "data": state.data.to_string(),
        "stamped": state.is_stamped,
        "schema": state.schema.to_string(),
        "newer": state.is_newer(),
        "pending": state.pending.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "obstacle": state.obstacle,
    })
}

//! `module show`: what a module says of itself, and which types it speaks of.

use clap::{Arg, ArgMatches, Command};
use cms::model::schema::{Module, Settings};
use cms::{Modules, Registered};
use serde_json::{Value as JsonValue, json};

use super::super::action::Action;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::lines;
use crate::report;
use crate::section_type::{self, mode_word, unknown_word};
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(super) const ACTION: Action = Action { name: "show", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(Arg::new("module").value_name("NAME").required(true).help(help!("module-name", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let name = super::super::text_of(matches, "module").unwrap_or_default();
    let registered = super::find(&Modules::from_env(), name)?;
    let exit = if registered.module.is_ok() { Exit::Ok } else { Exit::Invalid };
    if session.globals.json {
        session.output.line(Json::answer("module-show", to_json(&registered)).to_string())?;
        return Ok(exit);
    }
    session.output.page();
    let module = match &registered.module {
        Ok(module) => module,
        Err(faults) => {
            let drawn = report::render_all(faults, None, session.output.paint);
            session.output.line(drawn)?;
            if let Some(first) = faults.first() {
                session.output.advise(&msg!("explain-hint", code = first.code));
            }
            return Ok(exit);
        }
    };
    let title = session.output.paint.title(&format!("{} {}", module.name(), module.settings().version));
    session.output.line(title)?;
    lines::write(&about(&registered, module.settings()), session)?;
    let rows: Vec<_> = section_type::of(module).map(|shape| section_type::cells(module, shape)).collect();
    if !rows.is_empty() {
        session.output.line("")?;
        session.output.line(table::draw(&section_type::titles(), rows))?;
    }
    Ok(exit)
}

fn about(registered: &Registered, settings: &Settings) -> Vec<(String, String)> {
    let joined = |words: &[String]| (!words.is_empty()).then(|| words.join(", "));
    let lines = [
        ("title-description", settings.description.clone()),
        ("title-packages", joined(&settings.packages)),
        ("title-mode", Some(mode_word(settings.mode).to_owned())),
        ("label-unknown", Some(unknown_word(settings.unknown).to_owned())),
        ("label-reload", joined(&settings.reload)),
        ("label-created", settings.created_at.clone()),
        ("label-tables", settings.db_path.clone()),
        ("label-cache", cache(settings)),
        ("label-clients", joined(&settings.allowed_clients)),
        // The key itself is a secret.
        ("label-signed", settings.sha_key.as_ref().map(|_| text("label-yes"))),
        ("title-file", Some(registered.path.display().to_string())),
    ];
    lines.into_iter().filter_map(|(label, words)| Some((text(label), words?))).collect()
}

fn cache(settings: &Settings) -> Option<String> {
    let size = settings.cache_size.map(|size| size.to_string());
    let words: Vec<String> = settings.cache_policy.clone().into_iter().chain(size).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn to_json(registered: &Registered) -> JsonValue {
    let mut answer = super::to_json(registered);
    if let (Ok(module), JsonValue::Object(members)) = (&registered.module, &mut answer) {
        let settings = module.settings();
        let more = json!({
            "unknown": unknown_word(settings.unknown),
            "reload": settings.reload,
            "created_at": settings.created_at,
            "db_path": settings.db_path,
            "cache_policy": settings.cache_policy,
            "cache_size": settings.cache_size,
            "allowed_clients": settings.allowed_clients,
            "signed": settings.sha_key.is_some(),
            "types": types(module),
        });
        if let JsonValue::Object(more) = more {
            members.extend(more);
        }
    }
    answer
}

/// The types with the names of their options.
fn types(module: &Module) -> Vec<JsonValue> {
    let names = |shape| module.fields_of(shape).map(|field| json!(field.name())).collect();
    section_type::of(module).map(|shape| section_type::to_json(shape, names(shape))).collect()
}

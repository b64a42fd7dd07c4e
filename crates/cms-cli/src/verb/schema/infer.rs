//! `schema infer`: drafts schemas from packages and files that there are.

use std::ffi::OsString;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::Modules;
use cms::model::schema::infer;
use cms::model::{Package, PackageName};
use serde_json::json;

use super::super::action::Action;
use super::super::module::add::{self, Added};
use super::super::validate::{self, Unread};
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::session::Session;
use crate::text::msg;

pub(super) const ACTION: Action = Action { name: "infer", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("names")
                .value_name("PACKAGE|FILE")
                .num_args(1..)
                .required(true)
                .value_parser(clap::value_parser!(OsString))
                .help(help!("schema-infer-names", help)),
        )
        .arg(Arg::new("as").long("as").value_name("PACKAGE").help(help!("schema-infer-as", help)))
        .arg(register(help))
        .arg(add::force(help))
}

/// `--add`, for what makes a schema.
pub(super) fn register(help: Help) -> Arg {
    Arg::new("add").long("add").action(ArgAction::SetTrue).help(help!("schema-add", help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let known_as =
        super::super::text_of(matches, "as").map(|name| keys::package(name.as_ref())).transpose()?;
    let drafts: Vec<(PackageName, String)> = examples(matches, known_as.as_ref(), session)?
        .into_iter()
        .map(|(name, packages)| {
            let packages: Vec<&Package> = packages.iter().map(|package| &**package).collect();
            let text = infer(name.as_str(), &packages);
            (name, text)
        })
        .collect();
    let is_added = matches.get_flag("add");
    if drafts.len() > 1 && !is_added && !session.globals.json {
        return Err(Failure::usage(msg!("schema-infer-several")).hint(msg!("schema-infer-several-hint")));
    }
    let modules = Modules::from_env();
    let mut answers = Vec::new();
    for (name, text) in &drafts {
        let added = match is_added {
            true => Some(add::register(&modules, text.as_bytes(), name, matches.get_flag("force"))?),
            false => None,
        };
        if session.globals.json {
            let added = added.as_ref().map(Added::to_json);
            answers.push(json!({ "package": name.as_str(), "text": text, "added": added }));
        } else if let Some(added) = added {
            added.tell(session);
        } else {
            session.output.write(text.as_bytes())?;
        }
    }
    if session.globals.json {
        session.output.line(Json::answer("schema-infer", json!({ "schemas": answers })).to_string())?;
    }
    Ok(session.exit)
}

type Examples = Vec<(PackageName, Vec<Arc<Package>>)>;

/// What is drafted from, by the package that each is an example of.
fn examples(
    matches: &ArgMatches,
    known_as: Option<&PackageName>,
    session: &mut Session,
) -> Result<Examples, Failure> {
    let words: Vec<&OsString> = matches.get_many("names").into_iter().flatten().collect();
    let (files, names): (Vec<&OsString>, Vec<&OsString>) =
        words.into_iter().partition(|word| validate::is_file(word));
    let mut found = Examples::new();
    let mut add = |name: PackageName, package| {
        let name = known_as.cloned().unwrap_or(name);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, packages)) => packages.push(package),
            None => found.push((name, vec![package])),
        }
    };
    if !names.is_empty() {
        session.leaves_nothing = true;
        let mut view = session.view(None, None)?;
        for name in names {
            let name = keys::package(name)?;
            let package = Arc::new(view.draft(&name)?.package().clone());
            add(name, package);
        }
    }
    for file in files {
        match validate::read_file(file, known_as) {
            Ok((name, package)) => add(name, Arc::new(package)),
            Err(Unread::Failure(failure)) => return Err(failure),
            Err(Unread::Faults(faults)) => {
                let file = file.to_string_lossy();
                return Err(Failure::invalid(msg!("import-unparsable", source = file.as_ref()), faults));
            }
        }
    }
    Ok(found)
}

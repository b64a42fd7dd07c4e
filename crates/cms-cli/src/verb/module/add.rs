//! `module add`: registers a schema, after it was checked.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::schema::Version;
use cms::{Modules, Store};
use serde_json::{Value as JsonValue, json};

use super::super::action::Action;
use super::super::schema::source;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::text::msg;

pub(super) const ACTION: Action = Action { name: "add", arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let file = Arg::new("document").value_name("FILE").required(true);
    command
        .arg(file.value_parser(clap::value_parser!(OsString)).help(help!("module-file", help)))
        .arg(force(help))
}

/// `--force`, for what registers a module.
pub(in crate::verb) fn force(help: Help) -> Arg {
    Arg::new("force").long("force").action(ArgAction::SetTrue).help(help!("module-force", help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let (file, text) = source::read(super::super::word(matches, "document"))?;
    // With the log of a store, the versions are kept for migrations; without one a module can be registered all the same.
    session.leaves_nothing = true;
    let store = if session.globals.config.is_dir() { session.store().ok() } else { None };
    let bare = Modules::from_env();
    let modules = store.as_ref().map_or(&bare, Store::modules);
    let added = register(modules, &text, &file, matches.get_flag("force"))?;
    if session.globals.json {
        session.output.line(Json::answer("module-add", added.to_json()).to_string())?;
    } else {
        added.tell(session);
    }
    Ok(Exit::Ok)
}

/// A module that was registered.
pub(in crate::verb) struct Added {
    name: String,
    version: Version,
    packages: Vec<String>,
    path: PathBuf,
    /// The module that was found under this name before, and its version if it had no faults.
    replaced: Option<(PathBuf, Option<Version>)>,
}

/// Registers a schema; `file` names it in what is wrong with it. A newer version stays unless `force`.
pub(in crate::verb) fn register(
    modules: &Modules,
    text: &[u8],
    file: &str,
    force: bool,
) -> Result<Added, Failure> {
    let module = modules.read(text, file).map_err(|diagnostics| cms::Error::Refused { diagnostics })?;
    let (name, version) = (module.name().to_owned(), module.settings().version);
    let known = match modules.get(&name) {
        Ok(known) => Some((known.path, known.module.ok().map(|module| module.settings().version))),
        Err(cms::Error::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if let Some((path, Some(newer))) = &known
        && *newer > version
        && !force
    {
        let (version, newer) = (version.to_string(), newer.to_string());
        let message =
            msg!("module-newer", module = &name, version = version, newer = newer, file = path.as_path());
        return Err(Failure::new(Exit::Conflict, message).hint(msg!("module-newer-hint")));
    }
    let path = modules.add(&name, text)?;
    let packages = module.settings().packages.clone();
    Ok(Added { name, version, packages, path, replaced: known })
}

impl Added {
    /// Says where it was put, and what it hides or replaces.
    pub(in crate::verb) fn tell(&self, session: &mut Session) {
        let (module, version) = (&self.name, self.version.to_string());
        session.output.say(&msg!(
            "module-added",
            module = module,
            version = version,
            file = self.path.as_path()
        ));
        match &self.replaced {
            Some((path, version)) if *path == self.path => {
                let version = version.map_or_else(|| "?".to_owned(), |version| version.to_string());
                session.output.say(&msg!("module-replaced", version = version));
            }
            Some((path, _)) => session.output.say(&msg!("module-hides", file = path.as_path())),
            None => {}
        }
        let packages = self.packages.join(" ");
        session.output.advise(&msg!("module-validate-hint", packages = packages));
    }

    pub(in crate::verb) fn to_json(&self) -> JsonValue {
        let replaced = self.replaced.as_ref().map(
            |(path, version)| json!({ "file": path, "version": version.map(|version| version.to_string()) }),
        );
        json!({
            "name": self.name,
            "version": self.version.to_string(),
            "packages": self.packages,
            "file": self.path,
            "replaced": replaced,
        })
    }
}

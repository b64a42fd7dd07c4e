//! `module`: the schemas that are registered on this machine. One file to an action.

pub(super) mod add;
mod list;
mod remove;
mod show;

use cms::Modules;
use cms::Registered;
use serde_json::{Value as JsonValue, json};

use super::Verb;
use super::action::{self, Action};
use crate::failure::Failure;
use crate::report;
use crate::section_type::mode_word;
use crate::spelling;
use crate::text::msg;

pub(super) const VERB: Verb = Verb {
    name: "module",
    aliases: &["modules"],
    uci: false,
    hidden: false,
    arguments: |command, help| action::arguments(command, help, ACTIONS),
    run: |matches, session| action::run(ACTIONS, Some(&list::ACTION), "module", matches, session),
};

/// All actions, in the order in which the help shows them.
const ACTIONS: &[Action] = &[list::ACTION, show::ACTION, add::ACTION, remove::ACTION];

/// Finds a module by its name, or says which may have been meant.
fn find(modules: &Modules, name: &str) -> Result<Registered, Failure> {
    match modules.get(name) {
        Err(cms::Error::NotFound { .. }) => {
            let known = modules.list()?;
            let nearest = spelling::nearest(name, known.iter().map(|module| module.name.as_str()));
            Err(Failure::not_found(msg!("module-none", module = name))
                .hint(msg!("module-list-hint"))
                .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name))))
        }
        found => Ok(found?),
    }
}

/// A module in a list, as in `docs/json.md`.
fn to_json(registered: &Registered) -> JsonValue {
    let module = registered.module.as_deref().ok();
    let settings = module.map(cms::model::schema::Module::settings);
    json!({
        "name": registered.name,
        "version": settings.map(|settings| settings.version.to_string()),
        "mode": settings.map(|settings| mode_word(settings.mode)),
        "packages": settings.map(|settings| settings.packages.as_slice()).unwrap_or_default(),
        "file": registered.path,
        "description": settings.and_then(|settings| settings.description.as_deref()),
        "faults": faults(registered).iter().map(report::to_json).collect::<Vec<_>>(),
    })
}

/// What is wrong with a module.
fn faults(registered: &Registered) -> &[cms::model::Diagnostic] {
    registered.module.as_ref().err().map(Vec::as_slice).unwrap_or_default()
}

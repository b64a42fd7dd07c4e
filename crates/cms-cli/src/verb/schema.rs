//! `schema`: what schemas say, and where they come from. One file to an action.

mod check;
mod export;
mod import;
mod infer;
mod packages;
mod show;
pub(super) mod source;
mod version;

use super::Verb;
use super::action::{self, Action};

pub(super) const VERB: Verb = Verb {
    name: "schema",
    aliases: &[],
    uci: false,
    hidden: false,
    arguments: |command, help| action::arguments(command, help, ACTIONS),
    run: |matches, session| action::run(ACTIONS, None, "schema", matches, session),
};

/// All actions, in the order in which the help shows them.
const ACTIONS: &[Action] = &[
    show::ACTION,
    check::ACTION,
    infer::ACTION,
    export::ACTION,
    import::ACTION,
    version::status::ACTION,
    version::migrate::PLAN,
    version::migrate::MIGRATE,
    version::migrate::ROLLBACK,
];

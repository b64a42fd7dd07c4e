//! Verbs with actions, as `cms schema show`: a table of them, and how one is found.

use clap::{ArgMatches, Command};

use crate::arguments::Help;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::globals;
use crate::session::Session;
use crate::text::msg;

/// An action of a verb: what it takes and what it does. Its summary is the message `action-VERB-NAME`.
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) arguments: fn(Command, Help) -> Command,
    pub(crate) run: fn(&ArgMatches, &mut Session) -> Result<Exit, Failure>,
}

/// Adds the actions to the parser of their verb.
pub(super) fn arguments(command: Command, help: Help, actions: &[Action]) -> Command {
    let verb = command.get_name().to_owned();
    let parser = |action: &Action| {
        let parser = Command::new(action.name)
            .bin_name(format!("cms {verb} {}", action.name))
            .about(help.get(&format!("action-{verb}-{}", action.name)))
            .disable_help_flag(true)
            .args_override_self(true);
        (action.arguments)(parser, help).next_help_heading(globals::HEADING)
    };
    command.disable_help_subcommand(true).subcommands(actions.iter().map(parser))
}

/// Does what the action says that was typed, or else the one that is meant without a word.
pub(super) fn run(
    actions: &[Action],
    without: Option<&Action>,
    verb: &'static str,
    matches: &ArgMatches,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let typed = matches.subcommand();
    let found = typed.and_then(|(name, matches)| Some((find(actions, name)?, matches)));
    match found.or(without.map(|action| (action, matches))) {
        Some((action, matches)) => (action.run)(matches, session),
        None => Err(missing(verb, &actions.iter().map(|action| action.name).collect::<Vec<_>>())),
    }
}

fn find<'a>(actions: &'a [Action], name: &str) -> Option<&'a Action> {
    actions.iter().find(|action| action.name == name)
}

fn missing(verb: &str, names: &[&str]) -> Failure {
    Failure::usage(msg!("missing-action", verb = verb)).hint(msg!("one-of", names = names.join(" ")))
}

//! `--validate` and `--no-validate`: what a commit does with what schemas find, whatever they say themselves.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::Transaction;
use cms::model::schema::Mode;

use crate::arguments::{Help, help};

/// Adds the options to a verb that commits.
pub(crate) fn options(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("validate")
                .long("validate")
                .value_name("MODE")
                .value_parser(["off", "warn", "enforce"])
                .hide_possible_values(true)
                .help(help!("option-validate", help)),
        )
        .arg(
            Arg::new("no-validate")
                .long("no-validate")
                .action(ArgAction::SetTrue)
                .conflicts_with("validate")
                .help(help!("option-no-validate", help)),
        )
}

/// What was asked for; nothing where the schemas decide, and for verbs without these options.
pub(crate) fn asked(matches: &ArgMatches) -> Option<Mode> {
    if matches.try_get_one::<bool>("no-validate").ok().flatten().is_some_and(|is_off| *is_off) {
        return Some(Mode::Off);
    }
    match matches.try_get_one::<String>("validate").ok().flatten().map(String::as_str) {
        Some("off") => Some(Mode::Off),
        Some("warn") => Some(Mode::Warn),
        Some("enforce") => Some(Mode::Enforce),
        _ => None,
    }
}

/// Has the commit of a transaction do what was asked for.
pub(crate) fn apply(asked: Option<Mode>, transaction: &mut Transaction) {
    transaction.check_at_most(asked.unwrap_or(Mode::Enforce));
    transaction.check_at_least(asked.unwrap_or(Mode::Off));
}

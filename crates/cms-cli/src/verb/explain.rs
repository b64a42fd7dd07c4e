//! `explain`: what a kind of finding means; or what an option is, and why it is so.

mod code;
mod key;

use clap::{ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

pub(super) const VERB: Verb =
    Verb { name: "explain", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(super::key(help).value_name("CODE|KEY").help(help!("explain-what", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let Some(typed) = matches.get_one::<std::ffi::OsString>("key") else {
        return code::explain(None, session);
    };
    // A key of more than a package has a dot, and no code has one.
    match typed.to_string_lossy() {
        typed if !typed.contains('.') => code::explain(Some(&typed), session),
        _ => key::explain(typed, session),
    }
}

//! `shell`: one command after the other, typed or from a script, with transactions.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::shell;

pub(super) const VERB: Verb = Verb { name: "shell", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    command
        .arg(flag("keep-going").help(help!("shell-keep-going", help)))
        .arg(flag("no-history").help(help!("shell-no-history", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    session.commits = true;
    shell::run(session, matches.get_flag("keep-going"), matches.get_flag("no-history"))
}

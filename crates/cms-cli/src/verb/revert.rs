//! `revert`: drops staged changes.

use clap::{ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::session::Session;
use crate::text::msg;

pub(super) const VERB: Verb = Verb { name: "revert", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(super::key(help).required(true).help(help!("revert-key", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let key = keys::key(super::word(matches, "key"))?;
    let mut stage = session.stage(Some(std::slice::from_ref(&key.package)))?;
    let dropped = stage.revert(&key)?;
    stage.save()?;
    if dropped == 0 {
        crate::session::staged(&mut stage, &key.package)?;
        session.output.say(&msg!("revert-nothing", key = key.to_string()));
    }
    Ok(Exit::Ok)
}

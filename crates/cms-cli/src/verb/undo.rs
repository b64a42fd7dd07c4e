//! `undo`: a new commit that reverses the named commits and no others.

use clap::{Arg, ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

pub(super) const VERB: Verb = Verb { name: "undo", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    confirmation::options(command, help)
        .arg(
            Arg::new("revisions").value_name("REV[..REV]").required(true).help(help!("undo-revisions", help)),
        )
        .arg(super::message(help))
        .arg(super::dry_run(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    session.commits = true;
    let typed = super::text_of(matches, "revisions").unwrap_or_default();
    let (from, to) = typed.split_once("..").unwrap_or((typed, typed));
    let (from, to) = (session.revision(from)?, session.revision(to)?);
    // Whichever way round they were typed.
    let range = from.min(to)..=from.max(to);
    let options = super::commit::options(matches, "cms undo")?;
    let store = session.store()?;
    let guardian = confirmation::guardian(options.confirm.as_ref(), options.dry_run, &store)?;
    let committed = store.undo(range, &options).map_err(built_upon)?;
    drop(guardian);
    super::commit::report(&committed, matches.get_flag("dry-run"), session)
}

/// Says what to do when later commits stand on what is to be reversed.
pub(super) fn built_upon(error: cms::Error) -> Failure {
    let is_conflict = error.is_conflict();
    let failure = Failure::from(error);
    if is_conflict { failure.hint(msg!("undo-conflict-hint")) } else { failure }
}

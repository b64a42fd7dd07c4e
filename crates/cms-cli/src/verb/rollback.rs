//! `rollback`: a new commit that restores the state of a revision.

use clap::{Arg, ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

pub(super) const VERB: Verb =
    Verb { name: "rollback", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    confirmation::options(command, help)
        .arg(Arg::new("revision").value_name("REV").required(true).help(help!("rollback-revision", help)))
        .arg(super::key(help).help(help!("rollback-key", help)))
        .arg(super::message(help))
        .arg(super::dry_run(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    session.commits = true;
    let revision = session.revision(super::text_of(matches, "revision").unwrap_or_default())?;
    let filter = super::optional_key(matches)?;
    let options = super::commit::options(matches, "cms rollback")?;
    let store = session.store()?;
    let guardian = confirmation::guardian(options.confirm.as_ref(), options.dry_run, &store)?;
    let committed = store.rollback(revision, filter.as_ref(), &options).map_err(super::undo::built_upon)?;
    drop(guardian);
    super::commit::report(&committed, matches.get_flag("dry-run"), session)
}

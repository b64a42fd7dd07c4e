//! `__man`: writes the manual pages into a directory, for the build.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manual;
use crate::session::Session;

pub(super) const VERB: Verb = Verb { name: "__man", aliases: &[], uci: false, hidden: true, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command.arg(
        Arg::new("folder")
            .value_name("DIR")
            .required(true)
            .value_parser(clap::value_parser!(PathBuf))
            .help(help!("man-folder", help)),
    )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let folder = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    // As a manual hierarchy, in which man(1) finds the pages that others refer to.
    let folder = folder.join("man1");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    for (name, text) in manual::pages() {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
    }
    Ok(session.exit)
}

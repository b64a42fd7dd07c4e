//! `export`: whole packages, in one of four formats.

use clap::{ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::{Anonymous, Format, Writer};
use crate::session::Session;

pub(super) const VERB: Verb = Verb { name: "export", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(super::key(help).value_name("PACKAGE").help(help!("export-package", help)))
        .arg(super::at(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let format = format_of(session)?;
    let key = super::optional_key(matches)?;
    let names = if session.globals.name_sections { Anonymous::Generated } else { Anonymous::Unnamed };
    let mut view = session.view(key.as_ref().map(|key| &key.package), super::text_of(matches, "at"))?;
    session.output.page();
    let mut first = true;
    super::each_package(&mut view, key.as_ref(), session, |draft, name, session| {
        let is_first = std::mem::take(&mut first);
        let mut writer = Writer::new(format, names, is_first, session.output.writer());
        writer.package(name, draft.package()).map_err(Failure::output)
    })?;
    Writer::new(format, names, first, session.output.writer()).end().map_err(Failure::output)?;
    Ok(session.exit)
}

/// The format that `--format` or `--json` asks for.
fn format_of(session: &Session) -> Result<Format, Failure> {
    match session.globals.format.as_deref() {
        None if session.globals.json => Ok(Format::Json),
        None => Ok(Format::Uci),
        Some(name) => Format::from_name(name).ok_or_else(|| super::unknown_format(name, &Format::NAMES)),
    }
}

//! `restore`: a backup, with its history where there is nothing yet, or as one commit over a store.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::{RestoreOptions, RestorePoint, Restored, Revision, Store};
use serde_json::json;

use super::Verb;
use super::backup::read_files;
use crate::arguments::{Help, help};
use crate::change_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::progress::Progress;
use crate::session::{self, Session};
use crate::text::{msg, text};
use crate::validation;
use crate::when::When;

pub(super) const VERB: Verb =
    Verb { name: "restore", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    validation::options(command, help)
        .arg(
            Arg::new("backups")
                .value_name("FILE")
                .required(true)
                .num_args(1..)
                .value_parser(clap::value_parser!(OsString))
                .help(help!("restore-file", help)),
        )
        .arg(Arg::new("at").long("at").value_name("REV|TIME").help(help!("restore-at", help)))
        .arg(flag("replace-history").help(help!("restore-replace-history", help)))
        .arg(flag("yes").short('y').help(help!("restore-yes", help)))
        .arg(super::message(help))
        .arg(super::dry_run(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    session.commits = true;
    let files: Vec<&OsString> = matches.get_many("backups").into_iter().flatten().collect();
    let (is_sure, dry_run) = (matches.get_flag("yes"), matches.get_flag("dry-run"));
    let replace_history = matches.get_flag("replace-history");
    if replace_history && !is_sure && !dry_run {
        return Err(Failure::usage(msg!("restore-not-sure")).hint(msg!("restore-not-sure-hint")));
    }
    let at = super::text_of(matches, "at").map(point).transpose()?;
    let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
    let message = match super::text_of(matches, "message") {
        Some(message) => message.to_owned(),
        None => format!("restored from {}", names.join(" ")),
    };
    let tool = "cms restore".to_owned();
    let options = RestoreOptions {
        at,
        replace_history,
        any_store: is_sure,
        dry_run,
        message,
        tool,
        validate: validation::asked(matches),
    };
    let folder = session.globals.config.clone();
    let place = Place::new(&folder)?;
    let location = session::locate(&session.globals)?;
    let progress = Progress::new(text("progress-restore"), &session.output);
    let restored = read_files(&files, progress, |sources, step| {
        Store::restore(&location, sources, &options, step).map_err(Failure::from)
    })?;
    if !dry_run {
        place.keep();
    }
    report(&restored, dry_run, session)
}

fn point(typed: &str) -> Result<RestorePoint, Failure> {
    match When::parse(typed) {
        Some(When::Revision(number)) => Ok(RestorePoint::Revision(Revision(number))),
        Some(When::Head(back)) => Ok(RestorePoint::BeforeLast(back)),
        Some(When::Time(time)) => Ok(RestorePoint::Time(time.as_microsecond())),
        None => Err(Failure::usage(msg!("not-a-revision", text = typed)).hint(msg!("revision-hint"))),
    }
}

/// The configuration directory; one that was made for a restore which came to nothing goes again.
struct Place<'a> {
    made: std::cell::Cell<Option<&'a Path>>,
}

impl<'a> Place<'a> {
    fn new(folder: &'a Path) -> Result<Place<'a>, Failure> {
        match fs::create_dir(folder) {
            Ok(()) => Ok(Place { made: std::cell::Cell::new(Some(folder)) }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Ok(Place { made: std::cell::Cell::new(None) })
            }
            Err(error) => Err(Failure::file(folder, &error)),
        }
    }

    fn keep(&self) {
        self.made.set(None);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(folder) = self.made.get() {
            // It stays where a package has come into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

fn report(restored: &Restored, dry_run: bool, session: &mut Session) -> Result<Exit, Failure> {
    let committed = &restored.committed;
    if !restored.history && !session.globals.json {
        return super::commit::report(committed, dry_run, session);
    }
    session.warn_all(&committed.warnings);
    super::commit::start_triggers(committed, dry_run, session)?;
    let revision = restored.revision.0.to_string();
    if session.globals.json {
        let is_made = !dry_run && (restored.history || !committed.is_empty());
        let mut answer = json!({
            "restored": restored.revision.0,
            "history": restored.history,
            "revision": is_made.then_some(committed.revision.0),
            "dry_run": dry_run,
            "packages": super::commit::packages_to_json(committed),
            "findings": super::commit::findings_to_json(committed),
        });
        if !committed.tables.is_empty() {
            answer["tables"] = super::commit::tables_to_json(&committed.tables).into();
        }
        session.output.line(Json::answer("restore", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    if dry_run {
        let paint = session.output.paint;
        for change in committed.all() {
            session.output.line(change_line::line_with_old(change, paint))?;
        }
        session.output.say(&msg!("restore-planned", revision = revision));
    } else {
        session.output.say(&msg!("restore-done", count = committed.packages.len(), revision = revision));
    }
    Ok(Exit::Ok)
}

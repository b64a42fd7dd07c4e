//! The verbs of `cms`, one file each; those that change one key share `edit`.

pub(crate) mod commit;
pub(crate) mod edit;
pub(crate) mod help;
pub(crate) mod history;

mod action;
mod backup;
mod batch;
mod bench;
mod blame;
mod changes;
mod compact;
mod completion;
mod confirm;
mod diff;
mod doctor;
mod explain;
mod export;
mod get;
mod health;
mod import;
mod list;
mod manual;
mod memory;
mod module;
mod restore;
mod revert;
mod rollback;
mod schema;
mod search;
mod shell;
mod show;
mod table;
mod trigger;
mod undo;
mod validate;
mod watch;

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Command};
use cms::model::{Draft, Key, PackageName};

use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::session::{Session, View};
use crate::text::msg;

/// A verb: what it takes and what it does.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Whether `uci` has it too.
    pub(crate) uci: bool,
    /// Whether it is for shells, not for people.
    pub(crate) hidden: bool,
    pub(crate) arguments: fn(Command, Help) -> Command,
    pub(crate) run: fn(&ArgMatches, &mut Session) -> Result<Exit, Failure>,
}

/// All verbs, in the order in which the overview shows them.
pub(crate) const VERBS: &[Verb] = &[
    get::VERB,
    show::VERB,
    list::VERB,
    search::VERB,
    edit::SET,
    edit::ADD,
    edit::ADD_LIST,
    edit::DEL_LIST,
    edit::DELETE,
    edit::RENAME,
    edit::REORDER,
    batch::VERB,
    changes::VERB,
    revert::VERB,
    validate::VERB,
    explain::VERB,
    module::VERB,
    schema::VERB,
    commit::VERB,
    confirm::VERB,
    history::VERB,
    diff::VERB,
    blame::VERB,
    watch::VERB,
    table::VERB,
    trigger::VERB,
    rollback::VERB,
    undo::VERB,
    export::VERB,
    import::VERB,
    backup::VERB,
    restore::VERB,
    compact::VERB,
    health::VERB,
    doctor::VERB,
    memory::VERB,
    bench::VERB,
    shell::VERB,
    completion::VERB,
    completion::CANDIDATES,
    confirm::GUARD,
    bench::PEER,
    manual::VERB,
];

/// Finds a verb by its name or an alias; as for `uci`, capitals do not matter.
pub(crate) fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| {
        std::iter::once(&verb.name).chain(verb.aliases).any(|known| known.eq_ignore_ascii_case(name))
    })
}

/// The argument that names a package, a section or an option.
fn key(_help: Help) -> Arg {
    Arg::new("key").value_name("KEY").value_parser(clap::value_parser!(OsString))
}

/// `--at REV|TIME`.
fn at(help: Help) -> Arg {
    Arg::new("at").long("at").value_name("REV|TIME").help(help!("option-at", help))
}

/// `-m MESSAGE`, for what makes a commit.
fn message(help: Help) -> Arg {
    Arg::new("message").short('m').long("message").value_name("TEXT").help(help!("option-message", help))
}

/// `--dry-run`, for what makes a commit.
fn dry_run(help: Help) -> Arg {
    Arg::new("dry-run").long("dry-run").action(clap::ArgAction::SetTrue).help(help!("option-dry-run", help))
}

/// A word that the parser requires.
fn word<'m>(matches: &'m ArgMatches, name: &str) -> &'m OsStr {
    matches.get_one::<OsString>(name).map(OsString::as_os_str).unwrap_or_default()
}

fn text_of<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    matches.get_one::<String>(name).map(String::as_str)
}

pub(crate) fn optional_key(matches: &ArgMatches) -> Result<Option<Key>, Failure> {
    matches.get_one::<OsString>("key").map(|word| keys::key(word)).transpose()
}

/// Whether `--format table` was asked for; a verb that knows no other format refuses any other.
fn wants_table(session: &Session) -> Result<bool, Failure> {
    match session.globals.format.as_deref() {
        None | Some("text") => Ok(false),
        Some("table") => Ok(true),
        Some(other) => Err(unknown_format(other, &["text", "table"])),
    }
}

fn unknown_format(format: &str, known: &[&str]) -> Failure {
    Failure::usage(msg!("unknown-format", format = format)).hint(msg!("one-of", names = known.join(" ")))
}

/// Goes over the package of a key, or over all: there, one that cannot be read is reported and does
/// not keep the others from being shown. The call fails at the end as the first of them did.
fn each_package(
    view: &mut View,
    key: Option<&Key>,
    session: &mut Session,
    mut each: impl FnMut(&Draft, &PackageName, &mut Session) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(key) = key {
        return each(view.draft(&key.package)?, &key.package, session);
    }
    for package in view.packages() {
        match view.draft(&package) {
            Ok(draft) => each(draft, &package, session)?,
            Err(failure) => session.tell(&failure),
        }
    }
    Ok(())
}

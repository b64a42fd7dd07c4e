//! The verbs that change one key: `set`, `add`, `add_list`, `del_list`, `delete`, `rename`, `reorder`.
//!
//! Each is read from its words and then applied to the caller's stage; `batch` does the same with the
//! words of its lines.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches};
use cms::model::{Draft, DraftError, DraftResult, Key, Name, PackageName, Selector, TypeName, Value};

use super::Verb;
use crate::arguments::help;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::session::Session;
use crate::text::{Message, msg};

macro_rules! edit_verb {
    ($constant:ident, $name:literal, $aliases:expr, $values:literal, $help:literal) => {
        pub(super) const $constant: Verb = Verb {
            name: $name,
            aliases: $aliases,
            uci: true,
            hidden: false,
            arguments: |command, help| command.arg(words($values, help!($help, help))),
            run: |matches, session| run($name, matches, session),
        };
    };
}

edit_verb!(SET, "set", &[], "KEY=VALUE", "set-words");
edit_verb!(ADD_LIST, "add_list", &[], "KEY=VALUE", "add-list-words");
edit_verb!(DEL_LIST, "del_list", &[], "KEY=VALUE", "del-list-words");
edit_verb!(DELETE, "delete", &["del"], "KEY", "delete-words");
edit_verb!(RENAME, "rename", &["ren"], "KEY=NAME", "rename-words");
edit_verb!(REORDER, "reorder", &[], "KEY=POSITION", "reorder-words");

pub(super) const ADD: Verb = Verb {
    name: "add",
    aliases: &[],
    uci: true,
    hidden: false,
    arguments: |command, help| {
        let word =
            |name: &'static str| Arg::new(name).required(true).value_parser(clap::value_parser!(OsString));
        command
            .arg(word("package").value_name("PACKAGE").help(help!("add-package", help)))
            .arg(word("type").value_name("TYPE").help(help!("add-type", help)))
    },
    run: |matches, session| run("add", matches, session),
};

fn words(value_name: &'static str, help: clap::builder::StyledStr) -> Arg {
    Arg::new("words")
        .value_name(value_name)
        .required(true)
        .action(ArgAction::Append)
        .num_args(1..)
        .value_parser(clap::value_parser!(OsString))
        .help(help)
}

fn run(verb: &str, matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    apply_all(&edits(verb, matches)?, session)
}

/// The edits that the words of a call ask for.
pub(crate) fn edits(verb: &str, matches: &ArgMatches) -> Result<Vec<Edit>, Failure> {
    if verb == "add" {
        let words = ["package", "type"].map(|name| super::word(matches, name).as_bytes().to_owned());
        return Ok(vec![Edit::parse(verb, &words)?]);
    }
    let words = matches.get_many::<OsString>("words").into_iter().flatten();
    words.map(|word| Edit::parse(verb, &[word.as_bytes().to_owned()])).collect()
}

/// Applies all edits or none: what is staged is saved once, at the end.
fn apply_all(edits: &[Edit], session: &mut Session) -> Result<Exit, Failure> {
    if stage_simply(edits, session)? {
        return Ok(Exit::Ok);
    }
    let names: Vec<PackageName> = edits.iter().map(|edit| edit.package().clone()).collect();
    let mut stage = session.stage(Some(&names))?;
    let mut outcomes = Vec::new();
    for edit in edits {
        outcomes.push(edit.apply(crate::session::staged(&mut stage, edit.package())?)?);
    }
    stage.save()?;
    for outcome in outcomes {
        outcome.tell(session)?;
    }
    Ok(Exit::Ok)
}

/// Stages the usual edit, the setting of an option that is there, without opening the log; answers whether that was possible.
fn stage_simply(edits: &[Edit], session: &Session) -> Result<bool, Failure> {
    let values: Option<Vec<(Key, Vec<u8>)>> = edits
        .iter()
        .map(|edit| match edit {
            Edit::Set(key, value) => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect();
    match (values, session.reader()?) {
        (Some(values), Some(reader)) => Ok(reader.stage(&values)?),
        _ => Ok(false),
    }
}

/// A change of one key, as typed.
#[derive(Debug)]
pub(crate) enum Edit {
    Set(Key, Vec<u8>),
    Add(PackageName, TypeName),
    AddList(Key, Vec<u8>),
    DelList(Key, Vec<u8>),
    Delete(Key),
    /// `delete KEY=N`: the N-th item of a list.
    DeleteItem(Key, i64),
    Rename(Key, Name),
    Reorder(Key, i64),
}

/// What an edit did.
#[derive(Debug)]
pub(crate) enum Outcome {
    Changed,
    /// Nothing, and why. That is no failure, but nothing succeeds silently without effect.
    Unchanged(Message),
    /// A section was created with this generated name.
    Created(Name),
}

impl Outcome {
    pub(crate) fn tell(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Outcome::Changed => Ok(()),
            Outcome::Unchanged(why) => {
                session.output.say(&why);
                Ok(())
            }
            Outcome::Created(name) => session.output.line(name.as_str()),
        }
    }
}

impl Edit {
    /// The verbs that are edits, for `batch`.
    pub(crate) fn is_verb(name: &str) -> bool {
        let verbs = [&SET, &ADD, &ADD_LIST, &DEL_LIST, &DELETE, &RENAME, &REORDER];
        verbs.iter().any(|verb| verb.name == name)
    }

    /// Reads the words behind a verb.
    pub(crate) fn parse(verb: &str, words: &[Vec<u8>]) -> Result<Edit, Failure> {
        if let ("add", [package, kind]) = (verb, words) {
            let package = keys::package(std::ffi::OsStr::from_bytes(package))?;
            return Ok(Edit::Add(package, keys::type_name(kind)?));
        }
        let [word] = words else {
            return Err(
                Failure::usage(msg!("wrong-words", verb = verb)).hint(msg!("see-help-of", verb = verb))
            );
        };
        if verb == "delete" {
            return Edit::parse_delete(word);
        }
        let (key, value) = keys::assignment(word)?;
        if key.section.is_none() {
            return Err(
                Failure::usage(msg!("section-missing", key = key.to_string())).hint(msg!("key-shape-hint"))
            );
        }
        let value_owned = value.to_owned();
        match verb {
            "set" if key.option.is_none() && !value.is_empty() => {
                keys::type_name(value)?;
                Ok(Edit::Set(key, value_owned))
            }
            "set" => Ok(Edit::Set(key, value_owned)),
            "rename" => Ok(Edit::Rename(key, keys::new_name(value)?)),
            "add_list" | "del_list" if key.option.is_none() => {
                Err(Failure::usage(msg!("option-missing", key = key.to_string()))
                    .hint(msg!("key-shape-hint")))
            }
            "add_list" => Ok(Edit::AddList(key, value_owned)),
            "del_list" => Ok(Edit::DelList(key, value_owned)),
            _ if key.option.is_some() => {
                Err(Failure::usage(msg!("section-wanted", key = key.to_string(), verb = verb)))
            }
            _ => match number(value) {
                Some(position) => Ok(Edit::Reorder(key, position)),
                None => Err(not_a_number(value)),
            },
        }
    }

    fn parse_delete(word: &[u8]) -> Result<Edit, Failure> {
        let (key, item) = match word.iter().position(|byte| *byte == b'=') {
            None => (keys::key_of_bytes(word)?, None),
            Some(equals) => (keys::key_of_bytes(&word[..equals])?, Some(&word[equals + 1..])),
        };
        if key.section.is_none() {
            let package = key.package.as_str();
            return Err(
                Failure::usage(msg!("delete-package", package = package)).hint(msg!("delete-package-hint"))
            );
        }
        match item {
            None => Ok(Edit::Delete(key)),
            Some(item) if key.option.is_some() => {
                number(item).map(|index| Edit::DeleteItem(key, index)).ok_or_else(|| not_a_number(item))
            }
            Some(_) => Err(Failure::usage(msg!("value-not-wanted", key = key.to_string()))),
        }
    }

    /// The package that the edit changes.
    pub(crate) fn package(&self) -> &PackageName {
        match self {
            Edit::Add(package, _) => package,
            Edit::Set(key, _)
            | Edit::AddList(key, _)
            | Edit::DelList(key, _)
            | Edit::Delete(key)
            | Edit::DeleteItem(key, _)
            | Edit::Rename(key, _)
            | Edit::Reorder(key, _) => &key.package,
        }
    }

    /// Makes the change in the package's draft.
    pub(crate) fn apply(&self, draft: &mut Draft) -> Result<Outcome, Failure> {
        match self {
            Edit::Set(key, value) => set(draft, key, value),
            Edit::Add(package, kind) => {
                let id = draft.add(kind).map_err(|error| refused(&error, draft, package.as_str(), None))?;
                Ok(draft.display_name(id).map_or(Outcome::Changed, Outcome::Created))
            }
            Edit::AddList(key, item) => {
                let (section, option) = option_of(key)?;
                let done = draft.add_list(section, option, item);
                outcome(done, draft, key, || msg!("set-same", key = key.to_string()))
            }
            Edit::DelList(key, item) => {
                let (section, option) = option_of(key)?;
                let done = draft.del_list(section, option, item);
                outcome(done, draft, key, || msg!("del-list-absent", key = key.to_string()))
            }
            Edit::Delete(key) => {
                let done = match &key.option {
                    None => draft.delete_section(section_of(key)?),
                    Some(option) => draft.delete_option(section_of(key)?, option),
                };
                outcome(done, draft, key, || msg!("set-same", key = key.to_string()))
            }
            Edit::DeleteItem(key, index) => {
                let (section, option) = option_of(key)?;
                match draft.delete_item(section, option, *index) {
                    Ok(done) if !done.changed => Err(Failure::not_found(msg!(
                        "no-item",
                        key = key.to_string(),
                        index = index.to_string()
                    ))),
                    done => outcome(done, draft, key, || msg!("set-same", key = key.to_string())),
                }
            }
            Edit::Rename(key, name) => {
                let done = match &key.option {
                    None => draft.rename_section(section_of(key)?, name),
                    Some(option) => draft.rename_option(section_of(key)?, option, name),
                };
                outcome(done, draft, key, || msg!("rename-same", key = key.to_string(), name = name.as_str()))
            }
            Edit::Reorder(key, position) => {
                let done = draft.reorder(section_of(key)?, *position);
                outcome(done, draft, key, || msg!("reorder-same", key = key.to_string()))
            }
        }
    }
}

fn set(draft: &mut Draft, key: &Key, value: &[u8]) -> Result<Outcome, Failure> {
    let section = section_of(key)?;
    if value.is_empty() && draft.get(section, key.option.as_ref()).is_none() {
        // The section of an option must be there all the same.
        if key.option.is_some() {
            keys::section(draft, key)?;
        }
        return Ok(Outcome::Unchanged(msg!("set-empty-absent", key = key.to_string())));
    }
    let done = match &key.option {
        Some(option) => draft.set_option(section, option, Value::scalar(value)),
        None if value.is_empty() => draft.delete_section(section),
        None => draft.set_type(section, &keys::type_name(value)?),
    };
    outcome(done, draft, key, || msg!("set-same", key = key.to_string()))
}

fn section_of(key: &Key) -> Result<&Selector, Failure> {
    key.section.as_ref().ok_or_else(|| {
        Failure::usage(msg!("section-missing", key = key.to_string())).hint(msg!("key-shape-hint"))
    })
}

fn option_of(key: &Key) -> Result<(&Selector, &Name), Failure> {
    let option = key.option.as_ref().ok_or_else(|| {
        Failure::usage(msg!("option-missing", key = key.to_string())).hint(msg!("key-shape-hint"))
    })?;
    Ok((section_of(key)?, option))
}

fn outcome(
    done: DraftResult,
    draft: &Draft,
    key: &Key,
    unchanged: impl FnOnce() -> Message,
) -> Result<Outcome, Failure> {
    match done {
        Ok(done) if done.changed => Ok(Outcome::Changed),
        Ok(_) => Ok(Outcome::Unchanged(unchanged())),
        Err(error) => Err(refused(&error, draft, &key.to_string(), Some(key))),
    }
}

/// Why an edit cannot be: what it names is not there, or the change makes no sense.
fn refused(error: &DraftError, draft: &Draft, words: &str, key: Option<&Key>) -> Failure {
    match (error, key) {
        (DraftError::NoSection { section }, Some(key)) => keys::no_section(draft, &key.package, section),
        (DraftError::NoOption { option, .. }, Some(key)) => match keys::section(draft, key) {
            Ok(section) => keys::no_option(section, key, option),
            Err(failure) => failure,
        },
        _ => Failure::new(Exit::Invalid, msg!("edit-refused", key = words)).because(error),
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn not_a_number(text: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(text);
    Failure::usage(msg!("not-a-number", text = text.as_ref()))
}

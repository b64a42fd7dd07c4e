//! `show`: sections and options with their values.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::{Draft, Key, Name, PackageName, Section, Selector, Value, quote};
use serde_json::{Map, Value as JsonValue, json};

use super::Verb;
use crate::address::Addresses;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::{self, Json};
use crate::keys;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(super) const VERB: Verb = Verb { name: "show", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(super::key(help).help(help!("show-key", help)))
        .arg(Arg::new("default").long("default").action(ArgAction::SetTrue).help(help!("show-default", help)))
        .arg(super::at(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let key = super::optional_key(matches)?;
    let mut view = session.view(key.as_ref().map(|key| &key.package), super::text_of(matches, "at"))?;
    session.output.page();
    let as_table = super::wants_table(session)?;
    let mut packages = Vec::new();
    let mut rows = Vec::new();
    let delimiter = session.globals.delimiter.as_bytes().to_owned();
    let with_default = matches.get_flag("default");
    super::each_package(&mut view, key.as_ref(), session, |draft, package, session| {
        let full = if with_default { Some(with_defaults(draft, package, session)?) } else { None };
        let draft = full.as_ref().unwrap_or(draft);
        let key = key.as_ref().filter(|key| key.section.is_some());
        if session.globals.json {
            packages.push(to_json(draft, package, key)?);
            return Ok(());
        }
        let mut result = Ok(());
        lines(draft, package, key, session.globals.show_generated, |address, value| {
            if as_table {
                rows.push(vec![address.to_owned(), table::cell(&shown(value, &delimiter))]);
            } else if result.is_ok() {
                result = session.output.line(line(address, value, &delimiter));
            }
        })?;
        result
    })?;
    if session.globals.json {
        session.output.line(Json::answer("show", json!({ "packages": packages })).to_string())?;
    } else if as_table {
        session.output.line(table::draw(&[text("title-key"), text("title-value")], rows))?;
    }
    Ok(session.exit)
}

/// The package with the defaults that its schemas give to options that are not set.
fn with_defaults(draft: &Draft, package: &PackageName, session: &mut Session) -> Result<Draft, Failure> {
    let text = Arc::new(draft.package().clone());
    let schemas = session.store()?.schemas_of(package, Some(&text))?;
    let mut full = draft.clone();
    for (index, section) in text.sections().enumerate() {
        let place = Selector::Nth { kind: None, index: index as i64 };
        // Of several modules the first one that knows an option has its say.
        for (option, value) in schemas.of(package.as_str()).flat_map(|module| module.defaults(section.kind()))
        {
            // A name with a `*` is that of no option.
            let Ok(name) = Name::new(&option) else { continue };
            let is_set = full.package().section(section.id()).is_none_or(|now| now.get(&option).is_some());
            if !is_set && keys::option(draft, section, &name).is_none() {
                full.set_option(&place, &name, value.clone()).map_err(|error| {
                    Failure::new(Exit::Invalid, msg!("edit-refused", key = option.as_ref())).because(&error)
                })?;
            }
        }
    }
    Ok(full)
}

/// A line's right side: a type, bare; or a value, quoted.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    Type(&'a str),
    Value(&'a Value),
}

pub(super) fn line(address: &str, value: Shown<'_>, delimiter: &[u8]) -> Vec<u8> {
    let mut line = address.as_bytes().to_owned();
    line.push(b'=');
    match value {
        Shown::Type(kind) => line.extend_from_slice(kind.as_bytes()),
        Shown::Value(value) => {
            let quoted: Vec<Vec<u8>> = value.items().iter().map(|item| quote(item)).collect();
            line.extend_from_slice(&quoted.join(delimiter));
        }
    }
    line
}

fn shown(value: Shown<'_>, delimiter: &[u8]) -> Vec<u8> {
    match value {
        Shown::Type(kind) => kind.as_bytes().to_owned(),
        Shown::Value(value) => value.items().join(delimiter),
    }
}

/// Goes over what a key names: the sections of a package by `@type[n]`, or by generated name; one
/// section or option by name, as `uci` does.
pub(super) fn lines(
    draft: &Draft,
    package: &PackageName,
    key: Option<&Key>,
    generated: bool,
    mut each: impl FnMut(&str, Shown<'_>),
) -> Result<(), Failure> {
    let Some(key) = key else {
        let mut addresses = Addresses::new(draft, generated);
        for section in draft.package().sections() {
            section_lines(draft, package, section, &addresses.next(section), &mut each);
        }
        return Ok(());
    };
    let section = keys::section(draft, key)?;
    let name = keys::shown_name(draft, section);
    match &key.option {
        None => section_lines(draft, package, section, &name, &mut each),
        Some(option) => {
            let value = keys::option(draft, section, option);
            let value = value.ok_or_else(|| keys::no_option(section, key, option))?;
            each(&format!("{package}.{name}.{option}"), Shown::Value(&value));
        }
    }
    Ok(())
}

fn section_lines(
    draft: &Draft,
    package: &PackageName,
    section: Section<'_>,
    address: &str,
    each: &mut impl FnMut(&str, Shown<'_>),
) {
    each(&format!("{package}.{address}"), Shown::Type(section.kind()));
    for (option, value) in draft.options(section.id()) {
        each(&format!("{package}.{address}.{option}"), Shown::Value(&value));
    }
}

fn to_json(draft: &Draft, package: &PackageName, key: Option<&Key>) -> Result<JsonValue, Failure> {
    let mut addresses = Addresses::new(draft, false);
    let mut sections = Vec::new();
    let wanted = match key {
        Some(key) => {
            let section = keys::section(draft, key)?;
            if let Some(option) = &key.option
                && keys::option(draft, section, option).is_none()
            {
                return Err(keys::no_option(section, key, option));
            }
            Some(section.id())
        }
        None => None,
    };
    for section in draft.package().sections() {
        let address = addresses.next(section);
        if wanted.is_none_or(|id| id == section.id()) {
            let option = key.and_then(|key| key.option.as_ref());
            sections.push(section_json(draft, section, &address, option));
        }
    }
    Ok(json!({ "name": package.as_str(), "sections": sections }))
}

fn section_json(draft: &Draft, section: Section<'_>, address: &str, only: Option<&Name>) -> JsonValue {
    let options: Map<String, JsonValue> = draft
        .options(section.id())
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == name))
        .map(|(name, value)| (name.to_string(), json::value(value)))
        .collect();
    json!({
        "type": section.kind(),
        "name": section.name(),
        "address": address,
        "generated": section.is_anonymous().then(|| keys::shown_name(draft, section)),
        "options": options,
    })
}

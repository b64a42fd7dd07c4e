//! Keys and assignments as typed: `network.lan.proto`, `network.lan.proto=dhcp`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use cms::model::{
    Draft, Key, KeyError, KeyReason, Name, NameError, PackageName, Section, Selector, TypeName, Value,
};

use crate::failure::Failure;
use crate::spelling;
use crate::text::{Message, msg};

/// Reads a key.
pub(crate) fn key(word: &OsStr) -> Result<Key, Failure> {
    key_of_bytes(word.as_bytes())
}

pub(crate) fn key_of_bytes(word: &[u8]) -> Result<Key, Failure> {
    // What is no UTF-8 is in no name; the replacement character in the message shows where.
    let text = String::from_utf8_lossy(word);
    if text.contains('=') {
        return Err(Failure::usage(msg!("value-not-wanted", key = text.as_ref())));
    }
    Key::parse(&text).map_err(|error| key_failure(&text, &error))
}

/// Reads `KEY=VALUE`, split at the first `=`.
pub(crate) fn assignment(word: &[u8]) -> Result<(Key, &[u8]), Failure> {
    let Some(equals) = word.iter().position(|byte| *byte == b'=') else {
        let key = String::from_utf8_lossy(word);
        return Err(Failure::usage(msg!("value-missing", key = key.as_ref())));
    };
    let value = &word[equals + 1..];
    let key = key_of_bytes(&word[..equals])?;
    if !cms::model::is_valid_value(value) {
        return Err(Failure::usage(msg!("value-control-byte", key = key.to_string()))
            .hint(msg!("value-control-byte-hint")));
    }
    Ok((key, value))
}

/// Reads the name of a package.
pub(crate) fn package(word: &OsStr) -> Result<PackageName, Failure> {
    PackageName::try_from(word.as_bytes()).map_err(|error| name_failure(word.as_bytes(), &error))
}

/// Reads the type of a section.
pub(crate) fn type_name(word: &[u8]) -> Result<TypeName, Failure> {
    TypeName::try_from(word).map_err(|error| name_failure(word, &error))
}

/// Reads a new name for a section or an option.
pub(crate) fn new_name(word: &[u8]) -> Result<Name, Failure> {
    Name::try_from(word).map_err(|error| name_failure(word, &error))
}

fn name_failure(word: &[u8], error: &NameError) -> Failure {
    let name = String::from_utf8_lossy(word);
    Failure::usage(msg!("invalid-name", name = name.as_ref(), reason = name_reason(error).to_string()))
        .hint(name_hint(error))
}

fn key_failure(typed: &str, error: &KeyError) -> Failure {
    let (reason, hint) = match &error.reason {
        KeyReason::Name(cause) => (name_reason(cause), name_hint(cause)),
        KeyReason::NoIndex => (msg!("key-no-index", part = &error.text), msg!("key-index-hint")),
        KeyReason::BadIndex => (msg!("key-bad-index", part = &error.text), msg!("key-index-hint")),
        _ => (msg!("key-too-many-parts"), msg!("key-shape-hint")),
    };
    Failure::usage(msg!("invalid-key", key = typed, reason = reason.to_string())).hint(hint)
}

fn name_reason(error: &NameError) -> Message {
    match error {
        NameError::Byte { what, byte, .. } if (33..127).contains(byte) => {
            msg!("name-byte", byte = char::from(*byte).to_string(), what = what_is_named(what))
        }
        NameError::Byte { what, byte, .. } => {
            msg!("name-byte", byte = format!("0x{byte:02x}"), what = what_is_named(what))
        }
        NameError::Empty { what } => msg!("name-empty", what = what_is_named(what)),
        _ => msg!("name-wrong"),
    }
}

fn what_is_named(what: &str) -> String {
    match what {
        "package" => msg!("what-package"),
        "type" => msg!("what-type"),
        _ => msg!("what-name"),
    }
    .to_string()
}

/// Which bytes would have been fine.
fn name_hint(error: &NameError) -> Message {
    match error {
        NameError::Empty { what } | NameError::Byte { what, .. } => match *what {
            "package" => msg!("package-hint"),
            "type" => msg!("type-hint"),
            _ => msg!("name-hint"),
        },
        _ => msg!("name-hint"),
    }
}

/// The section that a key names, or a failure that suggests the one that was meant.
pub(crate) fn section<'d>(draft: &'d Draft, key: &Key) -> Result<Section<'d>, Failure> {
    let Some(selector) = &key.section else {
        return Err(
            Failure::usage(msg!("section-missing", key = key.to_string())).hint(msg!("key-shape-hint"))
        );
    };
    draft
        .resolve(selector)
        .and_then(|id| draft.package().section(id))
        .ok_or_else(|| no_section(draft, &key.package, selector))
}

/// The value of an option of a section; a list that was emptied is there until the commit.
pub(crate) fn option(draft: &Draft, section: Section<'_>, option: &Name) -> Option<Value> {
    draft.options(section.id()).into_iter().find(|(name, _)| name == option).map(|(_, value)| value)
}

/// The name that a section goes by: its own or the generated one.
pub(crate) fn shown_name(draft: &Draft, section: Section<'_>) -> String {
    draft.display_name(section.id()).map_or_else(|| section.id().to_string(), |name| name.to_string())
}

pub(crate) fn no_section(draft: &Draft, package: &PackageName, selector: &Selector) -> Failure {
    let failure =
        Failure::not_found(msg!("no-section", section = selector.to_string(), package = package.as_str()));
    let sections = || draft.package().sections();
    match selector {
        Selector::Named(name) => {
            let suggestion = spelling::nearest(name, sections().filter_map(|section| section.name()));
            failure.hint_if_any(suggestion.map(|name| msg!("did-you-mean", name = name)))
        }
        Selector::Nth { kind: Some(kind), .. } => {
            let count = sections().filter(|section| section.kind() == kind.as_str()).count();
            if count > 0 {
                return failure.hint(msg!("sections-of-type", count = count, kind = kind.as_str()));
            }
            let suggestion = spelling::nearest(kind, sections().map(|section| section.kind()));
            failure.hint_if_any(suggestion.map(|name| msg!("did-you-mean", name = name)))
        }
        Selector::Nth { kind: None, .. } => failure.hint(msg!("sections-in-all", count = sections().count())),
    }
}

pub(crate) fn no_option(section: Section<'_>, key: &Key, option: &Name) -> Failure {
    let options = section.options();
    let suggestion = spelling::nearest(option, options.iter().map(|(name, _)| name.as_str()));
    Failure::not_found(msg!("no-option", key = key.to_string()))
        .hint_if_any(suggestion.map(|name| msg!("did-you-mean", name = name)))
}

pub(crate) fn no_package<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Failure {
    let suggestion = spelling::nearest(name, known);
    Failure::not_found(msg!("no-package", name = name)).hint_if_any(Some(match suggestion {
        Some(name) => msg!("did-you-mean", name = name),
        None => msg!("no-package-hint", name = name),
    }))
}

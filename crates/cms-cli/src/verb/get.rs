//! `get`: one value, as bytes.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::Store;
use cms::model::schema::Field;
use cms::model::{Draft, Key, Value, quote};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::{self, Json};
use crate::keys;
use crate::session::Session;
use crate::text::msg;

pub(super) const VERB: Verb = Verb { name: "get", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(super::key(help).required(true).help(help!("get-key", help)))
        .arg(Arg::new("default").long("default").action(ArgAction::SetTrue).help(help!("get-default", help)))
        .arg(super::at(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let key = keys::key(super::word(matches, "key"))?;
    let at = super::text_of(matches, "at");
    let mapped = if at.is_none() { session.reader()?.and_then(|reader| reader.get(&key)) } else { None };
    let with_default = matches.get_flag("default");
    let mut is_default = false;
    let value = match mapped {
        Some(value) => value,
        None => {
            let mut view = session.view(Some(&key.package), at)?;
            if at.is_none() {
                // The next one shall find the segment.
                view.map();
            }
            let draft = view.draft(&key.package)?;
            match value(draft, &key) {
                Err(failure) if with_default && failure.exit == Exit::NotFound => {
                    is_default = true;
                    default(draft, &key, &session.store()?)?.ok_or(failure)?
                }
                value => value?,
            }
        }
    };
    if session.globals.json {
        let mut answer = json!({ "key": key.to_string(), "value": json::value(&value) });
        if with_default {
            answer["default"] = json!(is_default);
        }
        session.output.line(Json::answer("get", answer).to_string())?;
    } else {
        let line = joined(&value, session.globals.delimiter.as_bytes());
        session.output.line(line)?;
    }
    Ok(session.exit)
}

/// What the schema says that holds where an option is not set.
fn default(draft: &Draft, key: &Key, store: &Store) -> Result<Option<Value>, Failure> {
    let (Some(option), Ok(section)) = (&key.option, keys::section(draft, key)) else { return Ok(None) };
    let package = Arc::new(draft.package().clone());
    let schemas = store.schemas_of(&key.package, Some(&package))?;
    let field = schemas.field(key.package.as_str(), section.kind(), option);
    Ok(field.and_then(Field::default_value).cloned())
}

/// The value of an option, or the type of a section.
pub(super) fn value(draft: &Draft, key: &Key) -> Result<Value, Failure> {
    if key.section.is_none() {
        return Err(Failure::usage(msg!("get-package", key = key.to_string()))
            .hint(msg!("get-package-hint", package = key.package.as_str())));
    }
    let section = keys::section(draft, key)?;
    match &key.option {
        None => Ok(Value::scalar(section.kind())),
        Some(option) => {
            keys::option(draft, section, option).ok_or_else(|| keys::no_option(section, key, option))
        }
    }
}

/// The value on one line: a string as it is; the items of a list with the delimiter between them, in
/// quotes where an item holds blank space.
pub(super) fn joined(value: &Value, delimiter: &[u8]) -> Vec<u8> {
    match value {
        Value::Scalar(bytes) => bytes.clone(),
        Value::List(items) => {
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            let shown: Vec<Vec<u8>> = items
                .iter()
                .map(|item| if item.iter().any(is_blank) { quote(item) } else { item.clone() })
                .collect();
            shown.join(delimiter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_blanks_are_quoted() {
        assert_eq!(joined(&Value::scalar("a b"), b" "), b"a b");
        assert_eq!(joined(&Value::list(["a", "b c", "d'e", "f\tg'"]), b","), br"a,'b c',d'e,'f	g'\'''");
        assert_eq!(joined(&Value::List(Vec::new()), b" "), b"");
    }
}

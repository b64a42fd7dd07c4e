//! `table`: tables and their rows. Each call that changes something commits by itself.

mod change;
mod define;
mod look;
mod script;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::table::{Datum, Definition, Row};
use cms::{Snapshot, Transaction};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::arguments::{Help, help};
use crate::base64;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

pub(super) const VERB: Verb = Verb { name: "table", aliases: &[], uci: false, hidden: false, arguments, run };

/// What can be done, each with what it does.
const ACTIONS: [(&str, Action); 10] = [
    ("list", look::list),
    ("show", look::show),
    ("query", look::query),
    ("history", look::history),
    ("create", define::create),
    ("alter", define::alter),
    ("drop", define::drop_table),
    ("insert", change::insert),
    ("update", change::update),
    ("delete", change::delete),
];

type Action = fn(&Words<'_>, &mut Session) -> Result<Exit, Failure>;

/// What was typed behind the action.
struct Words<'m> {
    name: Option<&'m str>,
    rest: Vec<&'m str>,
    matches: &'m ArgMatches,
}

fn arguments(command: Command, help: Help) -> Command {
    let actions = ACTIONS.iter().map(|(name, _)| *name).chain(["sql"]);
    let many = |name: &'static str, value: &'static str| {
        Arg::new(name).long(name).value_name(value).action(ArgAction::Append)
    };
    let number =
        |name: &'static str| Arg::new(name).long(name).value_name("N").value_parser(clap::value_parser!(u64));
    command
        .arg(
            Arg::new("action")
                .value_name("ACTION")
                .value_parser(clap::builder::PossibleValuesParser::new(actions))
                .default_value("list")
                .help(help!("table-action", help)),
        )
        .arg(Arg::new("name").value_name("TABLE").help(help!("table-name", help)))
        .arg(
            Arg::new("words")
                .value_name("WORD")
                .action(ArgAction::Append)
                .allow_hyphen_values(false)
                .num_args(0..)
                .help(help!("table-words", help)),
        )
        .arg(many("key", "COLUMN,…").help(help!("table-key", help)))
        .arg(many("unique", "COLUMN,…").help(help!("table-unique", help)))
        .arg(many("index", "COLUMN,…").help(help!("table-index", help)))
        .arg(many("no-index", "COLUMN,…").help(help!("table-no-index", help)))
        .arg(many("add", "COLUMN").help(help!("table-add", help)))
        .arg(many("drop", "COLUMN").help(help!("table-drop", help)))
        .arg(many("default", "COLUMN=VALUE").help(help!("table-default", help)))
        .arg(many("null", "COLUMN").help(help!("table-null", help)))
        .arg(many("order", "[-]COLUMN").allow_hyphen_values(true).help(help!("table-order", help)))
        .arg(number("limit").short('l').help(help!("table-limit", help)))
        .arg(number("offset").help(help!("table-offset", help)))
        .arg(Arg::new("csv").long("csv").value_name("FILE").help(help!("table-csv", help)))
        .arg(
            Arg::new("replace").long("replace").action(ArgAction::SetTrue).help(help!("table-replace", help)),
        )
        .arg(Arg::new("script").long("script").value_name("FILE").help(help!("table-script", help)))
        .arg(super::at(help))
        .arg(super::message(help))
        .arg(super::dry_run(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let action = super::text_of(matches, "action").unwrap_or("list");
    let rest = matches.get_many::<String>("words").into_iter().flatten().map(String::as_str);
    let words = Words { name: super::text_of(matches, "name"), rest: rest.collect(), matches };
    match ACTIONS.iter().find(|(name, _)| *name == action) {
        Some((_, act)) => act(&words, session),
        None => script::run(&words, session),
    }
}

impl Words<'_> {
    /// The name of the table.
    fn table(&self) -> Result<&str, Failure> {
        self.name.ok_or_else(|| Failure::usage(msg!("table-which")).hint(msg!("table-which-hint")))
    }

    /// The values of an option that may be given several times.
    fn all(&self, option: &str) -> Vec<&str> {
        self.matches.get_many::<String>(option).into_iter().flatten().map(String::as_str).collect()
    }

    /// The state that is looked at.
    fn snapshot(&self, session: &mut Session) -> Result<Snapshot, Failure> {
        let store = session.store()?;
        Ok(match super::text_of(self.matches, "at") {
            Some(at) => store.snapshot_at(session.revision(at)?)?,
            None => store.snapshot_of(Some(&[]))?,
        })
    }

    /// Begins what will be a commit.
    fn transaction(&self, session: &mut Session) -> Result<Transaction, Failure> {
        session.commits = true;
        let message = super::text_of(self.matches, "message").unwrap_or_default();
        let action = super::text_of(self.matches, "action").unwrap_or_default();
        Ok(session.store()?.transaction()?.message(message).tool(format!("cms table {action}")))
    }

    /// Commits, or says what would be.
    fn finish(&self, transaction: Transaction, session: &mut Session) -> Result<Exit, Failure> {
        super::commit::finish_transaction(transaction, None, self.matches.get_flag("dry-run"), session)
    }
}

/// Divides `a,b`.
fn columns(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).collect()
}

/// Divides `COLUMN=VALUE`.
fn assignment(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=')
        .ok_or_else(|| Failure::usage(msg!("table-no-value", text = text)).hint(msg!("table-no-value-hint")))
}

/// Reads a key: its columns, with commas between them where it has several.
fn key(table: &Definition, text: &str) -> Result<Row, Failure> {
    let texts: Vec<&str> = if table.key.len() == 1 { vec![text] } else { text.split(',').collect() };
    Ok(table.key_from_text(&texts).map_err(cms::Error::from)?)
}

/// A value for programs.
fn to_json(datum: &Datum) -> JsonValue {
    match datum {
        Datum::Null => JsonValue::Null,
        Datum::Bool(value) => json!(value),
        Datum::Int(number) => json!(number),
        Datum::Float(number) => json!(number),
        Datum::Blob(bytes) => json!({ "base64": base64::encode(bytes) }),
        Datum::Text(_) | Datum::Time(_) => json!(datum.text()),
    }
}

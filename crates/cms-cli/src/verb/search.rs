//! `search`: keys and values that match a pattern.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::Value;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use super::show::{self, Shown};
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::{self, Json};
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(super) const VERB: Verb =
    Verb { name: "search", aliases: &["find"], uci: false, hidden: false, arguments, run };

/// How large a pattern may grow when compiled: patterns come from anywhere.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

fn arguments(command: Command, help: Help) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    command
        .arg(Arg::new("pattern").value_name("PATTERN").required(true).help(help!("search-pattern", help)))
        .arg(flag("regex").help(help!("search-regex", help)))
        .arg(flag("ignore-case").short('i').help(help!("search-ignore-case", help)))
        .arg(flag("keys").help(help!("search-keys", help)).conflicts_with("values"))
        .arg(flag("values").help(help!("search-values", help)))
        .arg(super::at(help))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let typed = super::text_of(matches, "pattern").unwrap_or_default();
    let pattern = compile(typed, matches.get_flag("regex"), matches.get_flag("ignore-case"))?;
    let (in_keys, in_values) = (!matches.get_flag("values"), !matches.get_flag("keys"));
    let mut view = session.view(None, super::text_of(matches, "at"))?;
    session.output.page();
    let as_table = super::wants_table(session)?;
    let mut found = 0;
    let mut rows = Vec::new();
    let mut answers: Vec<JsonValue> = Vec::new();
    super::each_package(&mut view, None, session, |draft, package, session| {
        let mut result = Ok(());
        show::lines(draft, package, None, session.globals.show_generated, |address, value| {
            let items: &[Vec<u8>] = match value {
                Shown::Type(_) => &[],
                Shown::Value(value) => value.items(),
            };
            let is_found = (in_keys && pattern.is_match(address.as_bytes()))
                || (in_values && items.iter().any(|item| pattern.is_match(item)));
            if !is_found || result.is_err() {
                return;
            }
            found += 1;
            let type_as_value;
            let value_found = match value {
                Shown::Type(kind) => {
                    type_as_value = Value::scalar(kind);
                    &type_as_value
                }
                Shown::Value(value) => value,
            };
            if session.globals.json {
                let is_section = matches!(value, Shown::Type(_));
                let member = if is_section { "type" } else { "value" };
                answers.push(json!({ "key": address, member: json::value(value_found) }));
            } else if as_table {
                rows.push(vec![address.to_owned(), table::cell(&value_found.items().join(&b' '))]);
            } else {
                result = session.output.line(show::line(address, value, b" "));
            }
        })?;
        result
    })?;
    if session.globals.json {
        let answer = json!({ "pattern": typed, "matches": answers });
        session.output.line(Json::answer("search", answer).to_string())?;
    } else if as_table && found > 0 {
        session.output.line(table::draw(&[text("title-key"), text("title-value")], rows))?;
    }
    if found == 0 {
        Err(Failure::not_found(msg!("search-nothing", pattern = typed)))
    } else {
        Ok(session.exit)
    }
}

/// Makes one pattern of what was typed: a regular expression, a glob over the whole key or value, or a
/// plain text anywhere in it.
fn compile(typed: &str, is_regex: bool, ignore_case: bool) -> Result<Regex, Failure> {
    let wrong = |cause: &dyn std::error::Error| {
        Failure::usage(msg!("search-bad-pattern", pattern = typed)).because(cause)
    };
    let expression = if is_regex {
        typed.to_owned()
    } else if typed.contains(['*', '?', '[', '{']) {
        let glob = globset::GlobBuilder::new(typed).build().map_err(|error| wrong(&error))?;
        // The library writes `(?-u)^…$`: anchored, and on bytes.
        glob.regex().to_owned()
    } else {
        regex::escape(typed)
    };
    RegexBuilder::new(&expression)
        .case_insensitive(ignore_case)
        .dot_matches_new_line(!is_regex)
        .size_limit(PATTERN_SIZE_LIMIT)
        .build()
        .map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_text_a_glob_or_a_regular_expression() {
        let check = |typed: &str, regex: bool, text: &[u8], expected: bool| {
            assert_eq!(compile(typed, regex, false).unwrap().is_match(text), expected, "{typed} {text:?}");
        };
        check("lan", false, b"network.lan.proto", true);
        check("1.1", false, b"1x1", false);
        check("*.proto", false, b"network.lan.proto", true);
        check("*.pro", false, b"network.lan.proto", false);
        check("wan?", false, b"wan6", true);
        check("192.168.*", false, b"192.168.1.1", true);
        check("a*", false, b"a\xff\n", true);
        check("^network\\.[lw]an$", true, b"network.wan", true);
        assert!(compile("(", true, false).is_err());
        assert!(compile("LAN", false, true).unwrap().is_match(b"lan"));
    }
}

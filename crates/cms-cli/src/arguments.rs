//! How a line of words becomes a call: its verb, and the parser of that verb.
//!
//! Only the parser of the verb that was typed is built, and help texts are fetched only when somebody
//! asks for help: the rest of the tree would cost every call some hundred microseconds.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::{ArgMatches, Command};

use crate::failure::Failure;
use crate::globals::{self, Globals};
use crate::text::{english, msg, text};
use crate::verb::{self, Verb};
use crate::{spelling, usage};

/// Whether the parser carries its help texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Help {
    /// Somebody will read them, in the user's language.
    Wanted,
    /// They go into a manual page, which is in English.
    English,
    /// Nobody will.
    Unwanted,
}

impl Help {
    pub(crate) fn get(self, id: &str) -> StyledStr {
        match self {
            Help::Wanted => text(id).into(),
            Help::English => english(id).into(),
            Help::Unwanted => StyledStr::new(),
        }
    }
}

/// `help!("id", help)`: a help text, named so that the test of the catalogues finds it.
macro_rules! help {
    ($id:literal, $help:expr) => {
        $help.get($id)
    };
}
pub(crate) use help;

/// The parser of one verb, with the global options.
pub(crate) fn command(verb: &Verb, help: Help) -> Command {
    let command = Command::new(verb.name)
        .bin_name(format!("cms {}", verb.name))
        .no_binary_name(true)
        .disable_help_flag(true)
        .args_override_self(true);
    let command = (verb.arguments)(command, help).next_help_heading(globals::HEADING);
    let has_actions = command.has_subcommands();
    command.args(globals::options(help).into_iter().map(|option| option.global(has_actions)))
}

/// A line of words, understood.
#[expect(clippy::large_enum_variant, reason = "a call is made once and taken apart at once")]
pub(crate) enum Call {
    /// A verb with its arguments.
    Verb { verb: &'static Verb, globals: Globals, matches: ArgMatches },
    /// The overview.
    Overview,
    /// The help of a verb.
    Help(&'static Verb),
    /// `--version`.
    Version,
}

/// Understands the words behind the program's name.
pub(crate) fn parse(words: &[OsString]) -> Result<Call, Failure> {
    let Some(place) = verb_place(words) else {
        let has = |names: [&str; 2]| words.iter().any(|word| names.iter().any(|name| word == name));
        if has(["--version", "-V"]) {
            return Ok(Call::Version);
        }
        return match words.iter().find(|word| !globals::is_known(word)) {
            Some(unknown) if !has(["--help", "-h"]) => Err(unknown_option(unknown, None)),
            _ => Ok(Call::Overview),
        };
    };
    let name = words[place].to_string_lossy();
    if name.eq_ignore_ascii_case("help") {
        return match words.get(place + 1) {
            None => Ok(Call::Overview),
            Some(name) => Ok(Call::Help(verb_named(&name.to_string_lossy())?)),
        };
    }
    let verb = verb_named(&name)?;
    let rest = words[..place].iter().chain(&words[place + 1..]);
    let matches = match command(verb, Help::Unwanted).try_get_matches_from(rest) {
        Ok(matches) if matches.get_flag("help") => return Ok(Call::Help(verb)),
        Ok(matches) => matches,
        // Who asks for help need not give the words that the verb requires.
        Err(_)
            if words.iter().take_while(|word| *word != "--").any(|word| word == "--help" || word == "-h") =>
        {
            return Ok(Call::Help(verb));
        }
        Err(error) => return Err(usage::failure(verb, &error)),
    };
    Ok(Call::Verb { verb, globals: Globals::read(&matches), matches })
}

fn verb_named(name: &str) -> Result<&'static Verb, Failure> {
    verb::find(name).ok_or_else(|| {
        let names = verb::VERBS.iter().filter(|verb| !verb.hidden).map(|verb| verb.name);
        let suggestion = spelling::nearest(name, names);
        Failure::usage(msg!("unknown-verb", name = name))
            .hint(msg!("see-help"))
            .hint_if_any(suggestion.map(|name| msg!("did-you-mean", name = name)))
    })
}

/// Where the verb stands: the first word that is neither an option nor an option's value.
fn verb_place(words: &[OsString]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let bytes = word.as_encoded_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            return Some(at);
        }
        at += if globals::takes_next_word(word) { 2 } else { 1 };
    }
    None
}

fn unknown_option(word: &OsStr, verb: Option<&Verb>) -> Failure {
    let name = word.to_string_lossy();
    let failure = Failure::usage(msg!("unknown-option", name = name.as_ref()));
    match verb {
        Some(verb) => failure.hint(msg!("see-help-of", verb = verb.name)),
        None => failure.hint(msg!("see-help")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_verb_is_found_among_options() {
        let check = |line: &str, expected: Option<&str>| {
            let words = words(line);
            let found = verb_place(&words).map(|place| words[place].to_string_lossy().into_owned());
            assert_eq!(found.as_deref(), expected, "{line}");
        };
        check("get network", Some("get"));
        check("-c /tmp get network", Some("get"));
        check("-c/tmp get network", Some("get"));
        check("-qc /tmp get", Some("get"));
        check("-qcd /tmp get", Some("/tmp"));
        check("--config=/tmp -X show", Some("show"));
        check("--config /tmp show", Some("show"));
        check("--format json -v export", Some("export"));
        check("-q", None);
        check("", None);
    }

    #[test]
    fn every_parser_is_sound() {
        for verb in verb::VERBS {
            let command = command(verb, Help::Wanted);
            let global: Vec<_> = globals::options(Help::Unwanted);
            let own = command.get_subcommands().flat_map(Command::get_arguments);
            for argument in own {
                // The parser takes the value of one for that of the other, and finds a type that it does not expect.
                let clash = global.iter().find(|option| option.get_id() == argument.get_id());
                assert!(clash.is_none(), "{}: {} is a global option", verb.name, argument.get_id());
            }
            command.debug_assert();
        }
    }
}

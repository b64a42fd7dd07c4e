//! What can be typed: the global options, and how a line of words finds its verb.
//!
//! Only the parser of the verb that was typed is built, and help texts are fetched only when somebody
//! asks for help: the rest of the tree would cost every call some hundred microseconds.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::failure::Failure;
use crate::paint::ColorChoice;
use crate::spelling;
use crate::text::{msg, text};
use crate::verb::{self, Verb};

/// Whether the parser carries its help texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Help {
    /// Somebody will read them, in the user's language.
    Wanted,
    /// Nobody will.
    Unwanted,
}

impl Help {
    pub(crate) fn get(self, id: &str) -> StyledStr {
        match self {
            Help::Wanted => text(id).into(),
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

/// The options that every verb takes, as typed.
#[derive(Debug)]
pub(crate) struct Globals {
    pub(crate) config: PathBuf,
    pub(crate) state: Option<PathBuf>,
    pub(crate) run: Option<PathBuf>,
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
    pub(crate) json: bool,
    pub(crate) format: Option<String>,
    pub(crate) color: ColorChoice,
    pub(crate) pager: bool,
    pub(crate) delimiter: OsString,
    pub(crate) file: Option<PathBuf>,
    /// `-n`: anonymous sections get their generated names for good.
    pub(crate) name_sections: bool,
    /// `-X`: anonymous sections are shown by their generated names.
    pub(crate) show_generated: bool,
    /// `-t`, `-P`, `-p`, `-C`, `-S`: the call is one of `uci`, with these options.
    pub(crate) uci: Vec<OsString>,
}

pub(crate) const DEFAULT_CONFIG: &str = "/etc/config";

impl Globals {
    fn read(matches: &ArgMatches) -> Globals {
        let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
        let on = |name: &str| matches.get_flag(name);
        Globals {
            config: path("config").unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG)),
            state: path("state-dir"),
            run: path("run-dir"),
            quiet: on("quiet"),
            verbose: matches.get_count("verbose"),
            json: on("json"),
            format: matches.get_one::<String>("format").cloned(),
            color: match matches.get_one::<String>("color").map(String::as_str) {
                Some("always") => ColorChoice::Always,
                Some("never") => ColorChoice::Never,
                _ => ColorChoice::Auto,
            },
            pager: !on("no-pager"),
            delimiter: matches.get_one("delimiter").cloned().unwrap_or_else(|| OsString::from(" ")),
            file: path("file"),
            name_sections: on("name-sections") && !on("no-names"),
            show_generated: on("show-generated"),
            uci: uci_options(matches),
        }
    }
}

/// The options that only `uci` understands, as it takes them and in its order.
fn uci_options(matches: &ArgMatches) -> Vec<OsString> {
    let mut options = Vec::new();
    for (name, letter) in [("override", "-C"), ("search", "-p"), ("save", "-t"), ("save-only", "-P")] {
        for folder in matches.get_many::<OsString>(name).into_iter().flatten() {
            options.extend([OsString::from(letter), folder.clone()]);
        }
    }
    if matches.get_flag("lenient") {
        options.push(OsString::from("-S"));
    }
    options
}

/// The parser of one verb, with the global options.
pub(crate) fn command(verb: &Verb, help: Help) -> Command {
    let command = Command::new(verb.name)
        .bin_name(format!("cms {}", verb.name))
        .no_binary_name(true)
        .disable_help_flag(true)
        .args_override_self(true);
    (verb.arguments)(command, help).next_help_heading(GLOBAL).args(globals(help))
}

/// The heading that sets the options of every verb apart from those of one.
pub(crate) const GLOBAL: &str = "global";

/// The options that every verb takes. The letters are those of `uci`.
fn globals(help: Help) -> Vec<Arg> {
    let path = || clap::value_parser!(PathBuf);
    let value = |name: &'static str, help: StyledStr| Arg::new(name).action(ArgAction::Set).help(help);
    let flag = |name: &'static str, help: StyledStr| Arg::new(name).action(ArgAction::SetTrue).help(help);
    vec![
        value("config", help!("option-config", help))
            .short('c')
            .long("config")
            .value_name("DIR")
            .value_parser(path()),
        value("state-dir", help!("option-state-dir", help))
            .long("state-dir")
            .value_name("DIR")
            .value_parser(path()),
        value("run-dir", help!("option-run-dir", help))
            .long("run-dir")
            .value_name("DIR")
            .value_parser(path()),
        flag("quiet", help!("option-quiet", help)).short('q').long("quiet"),
        Arg::new("verbose")
            .short('v')
            .long("verbose")
            .action(ArgAction::Count)
            .help(help!("option-verbose", help)),
        flag("json", help!("option-json", help)).long("json"),
        value("format", help!("option-format", help)).long("format").value_name("FORMAT"),
        value("color", help!("option-color", help))
            .long("color")
            .value_name("WHEN")
            .value_parser(["auto", "always", "never"])
            .hide_possible_values(true),
        flag("no-pager", help!("option-no-pager", help)).long("no-pager"),
        value("delimiter", help!("option-delimiter", help))
            .short('d')
            .value_name("STR")
            .value_parser(clap::value_parser!(OsString)),
        value("file", help!("option-file", help)).short('f').value_name("FILE").value_parser(path()),
        flag("name-sections", help!("option-name-sections", help)).short('n').overrides_with("no-names"),
        flag("no-names", help!("option-no-names", help)).short('N').overrides_with("name-sections"),
        flag("show-generated", help!("option-show-generated", help)).short('X'),
        flag("strict", help!("option-strict", help)).short('s').overrides_with("lenient"),
        flag("lenient", help!("option-lenient", help)).short('S').overrides_with("strict"),
        folder("save", 't', help!("option-save", help)),
        folder("save-only", 'P', help!("option-save-only", help)),
        folder("search", 'p', help!("option-search", help)),
        folder("override", 'C', help!("option-override", help)),
        Arg::new("help").short('h').long("help").action(ArgAction::SetTrue).help(help!("option-help", help)),
    ]
}

fn folder(name: &'static str, letter: char, help: StyledStr) -> Arg {
    Arg::new(name)
        .short(letter)
        .value_name("DIR")
        .action(ArgAction::Append)
        .value_parser(clap::value_parser!(OsString))
        .help(help)
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
        return match words.iter().find(|word| !is_known_global(word)) {
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
        Err(error) => return Err(usage_failure(verb, &error)),
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

/// The options before the verb that take the next word as their value.
const SHORT_WITH_VALUE: &[u8] = b"cdftPpC";
const LONG_WITH_VALUE: [&str; 5] = ["--config", "--state-dir", "--run-dir", "--format", "--color"];
const SHORT_FLAGS: &[u8] = b"qvnNXsShm";
const LONG_FLAGS: [&str; 5] = ["--quiet", "--verbose", "--json", "--no-pager", "--help"];

/// Where the verb stands: the first word that is neither an option nor an option's value.
fn verb_place(words: &[OsString]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let bytes = word.as_encoded_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            return Some(at);
        }
        at += if takes_next_word(word) { 2 } else { 1 };
    }
    None
}

fn takes_next_word(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    if bytes.starts_with(b"--") {
        return LONG_WITH_VALUE.iter().any(|name| *word == **name);
    }
    // `-qc DIR`: the first letter that takes a value takes the rest of the word, or the next one.
    let letters = &bytes[1..];
    letters.iter().position(|letter| SHORT_WITH_VALUE.contains(letter)) == Some(letters.len() - 1)
}

/// Whether a call without a verb may hold this word.
fn is_known_global(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    let name = word.to_string_lossy();
    let name = name.split('=').next().unwrap_or_default();
    !bytes.starts_with(b"-")
        || LONG_FLAGS.contains(&name)
        || LONG_WITH_VALUE.contains(&name)
        || (!bytes.starts_with(b"--")
            && bytes.get(1).is_some_and(|c| SHORT_FLAGS.contains(c) || SHORT_WITH_VALUE.contains(c)))
}

fn unknown_option(word: &OsStr, verb: Option<&Verb>) -> Failure {
    let name = word.to_string_lossy();
    let failure = Failure::usage(msg!("unknown-option", name = name.as_ref()));
    match verb {
        Some(verb) => failure.hint(msg!("see-help-of", verb = verb.name)),
        None => failure.hint(msg!("see-help")),
    }
}

/// Says in our words what the parser found wrong.
fn usage_failure(verb: &Verb, error: &clap::Error) -> Failure {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let message = match error.kind() {
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            msg!("extra-word", name = argument.clone(), verb = verb.name)
        }
        ErrorKind::UnknownArgument => msg!("unknown-option", name = argument.clone()),
        ErrorKind::MissingRequiredArgument => {
            msg!("missing-words", names = argument.clone(), verb = verb.name)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
            if context(ContextKind::InvalidValue).is_empty() =>
        {
            msg!("missing-value", name = argument.clone())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            msg!("invalid-value", name = argument.clone(), value = context(ContextKind::InvalidValue))
        }
        ErrorKind::ArgumentConflict => {
            msg!("not-together", name = argument.clone(), other = context(ContextKind::PriorArg))
        }
        _ => msg!("wrong-words", verb = verb.name),
    };
    let suggestion = spelling::nearest(&argument, known_options(verb).iter().map(String::as_str));
    let valid = context(ContextKind::ValidValue);
    let hint = if error.kind() == ErrorKind::InvalidValue && !valid.is_empty() {
        Some(msg!("one-of", names = valid))
    } else {
        suggestion
            .filter(|_| error.kind() == ErrorKind::UnknownArgument)
            .map(|name| msg!("did-you-mean", name = name))
    };
    Failure::usage(message).hint(msg!("see-help-of", verb = verb.name)).hint_if_any(hint)
}

fn known_options(verb: &Verb) -> Vec<String> {
    let command = command(verb, Help::Unwanted);
    command.get_arguments().filter_map(Arg::get_long).map(|name| format!("--{name}")).collect()
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
    fn the_lists_of_options_agree_with_the_parser() {
        for argument in globals(Help::Unwanted) {
            let takes_value = argument.get_action().takes_values();
            if let Some(letter) = argument.get_short() {
                let list = if takes_value { SHORT_WITH_VALUE } else { SHORT_FLAGS };
                assert!(list.contains(&(letter as u8)), "-{letter}");
            }
            if let Some(name) = argument.get_long() {
                let list: &[&str] = if takes_value { &LONG_WITH_VALUE } else { &LONG_FLAGS };
                assert!(list.contains(&format!("--{name}").as_str()), "--{name}");
            }
        }
    }

    #[test]
    fn every_parser_is_sound() {
        for verb in verb::VERBS {
            command(verb, Help::Wanted).debug_assert();
        }
    }
}

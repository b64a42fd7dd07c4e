//! The options that every verb takes: those of `uci`, and those of `cms`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, ArgMatches};

use crate::arguments::{Help, help};
use crate::paint::ColorChoice;

/// The options that every verb takes, as typed.
#[derive(Clone, Debug)]
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
    pub(crate) fn read(matches: &ArgMatches) -> Globals {
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

impl Globals {
    /// The options as words, for the calls that are made in the shell: where the store is, and how is answered.
    pub(crate) fn inherited(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        let mut path = |option: &str, path: Option<&PathBuf>| {
            if let Some(path) = path {
                words.extend([OsString::from(option), path.clone().into_os_string()]);
            }
        };
        path("--config", Some(&self.config));
        path("--state-dir", self.state.as_ref());
        path("--run-dir", self.run.as_ref());
        let flags = [
            (self.quiet, "-q"),
            (self.json, "--json"),
            (!self.pager, "--no-pager"),
            (self.name_sections, "-n"),
            (self.show_generated, "-X"),
        ];
        words.extend(flags.iter().filter(|(is_on, _)| *is_on).map(|(_, word)| OsString::from(word)));
        words.extend(std::iter::repeat_n(OsString::from("-v"), usize::from(self.verbose)));
        words.extend([OsString::from("-d"), self.delimiter.clone()]);
        let color = match self.color {
            ColorChoice::Auto => "auto",
            ColorChoice::Always => "always",
            ColorChoice::Never => "never",
        };
        words.extend(["--color", color].map(OsString::from));
        words
    }

    /// Whether two calls work on the same store.
    pub(crate) fn is_same_store(&self, other: &Globals) -> bool {
        self.config == other.config && self.state == other.state && self.run == other.run
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

/// The heading that sets the options of every verb apart from those of one.
pub(crate) const HEADING: &str = "global";

/// The options that every verb takes. The letters are those of `uci`.
pub(crate) fn options(help: Help) -> Vec<Arg> {
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

/// The options before the verb that take the next word as their value.
const SHORT_WITH_VALUE: &[u8] = b"cdftPpC";
const LONG_WITH_VALUE: [&str; 5] = ["--config", "--state-dir", "--run-dir", "--format", "--color"];
const SHORT_FLAGS: &[u8] = b"qvnNXsShm";
const LONG_FLAGS: [&str; 5] = ["--quiet", "--verbose", "--json", "--no-pager", "--help"];

/// Whether the word is an option whose value is the next word.
pub(crate) fn takes_next_word(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    if bytes.starts_with(b"--") {
        return LONG_WITH_VALUE.iter().any(|name| *word == **name);
    }
    // `-qc DIR`: the first letter that takes a value takes the rest of the word, or the next one.
    let letters = &bytes[1..];
    letters.iter().position(|letter| SHORT_WITH_VALUE.contains(letter)) == Some(letters.len() - 1)
}

/// Whether a call without a verb may hold this word.
pub(crate) fn is_known(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    let name = word.to_string_lossy();
    let name = name.split('=').next().unwrap_or_default();
    !bytes.starts_with(b"-")
        || LONG_FLAGS.contains(&name)
        || LONG_WITH_VALUE.contains(&name)
        || (!bytes.starts_with(b"--")
            && bytes.get(1).is_some_and(|c| SHORT_FLAGS.contains(c) || SHORT_WITH_VALUE.contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_options_agree_with_the_parser() {
        for argument in options(Help::Unwanted) {
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
}

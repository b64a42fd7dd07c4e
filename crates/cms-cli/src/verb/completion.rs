//! `completion`: the script that makes a shell complete verbs, options, and what is in the packages.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Verb;
use crate::arguments::{Help, help};
use crate::completion;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

pub(super) const VERB: Verb =
    Verb { name: "completion", aliases: &[], uci: false, hidden: false, arguments, run };

/// What the scripts call to learn the candidates for a word.
pub(super) const CANDIDATES: Verb = Verb {
    name: "__candidates",
    aliases: &[],
    uci: false,
    hidden: true,
    arguments: |command, help| {
        command.arg(
            Arg::new("words")
                .action(ArgAction::Append)
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString))
                .help(help!("candidates-words", help)),
        )
    },
    run: |matches, session| {
        let words: Vec<OsString> = matches.get_many("words").into_iter().flatten().cloned().collect();
        let keys = completion::Keys::of_words(&words);
        for line in completion::candidates(words, &keys) {
            session.output.line(line)?;
        }
        Ok(Exit::Ok)
    },
};

fn arguments(command: Command, help: Help) -> Command {
    command.arg(
        Arg::new("shell")
            .value_name("SHELL")
            .required(true)
            .value_parser(["bash", "zsh", "fish"])
            .hide_possible_values(true)
            .help(help!("completion-shell", help)),
    )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let script = match super::text_of(matches, "shell") {
        Some("zsh") => include_str!("../../completion/cms.zsh"),
        Some("fish") => include_str!("../../completion/cms.fish"),
        _ => include_str!("../../completion/cms.bash"),
    };
    session.output.write(script.as_bytes())?;
    Ok(Exit::Ok)
}

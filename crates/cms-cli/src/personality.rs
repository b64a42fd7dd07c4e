//! The `cms` personality: from the words of a call to its exit code.

use std::ffi::OsString;

use crate::arguments::{self, Call};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Output;
use crate::paint::ColorChoice;
use crate::session::Session;
use crate::text::msg;
use crate::verb::{self, Verb};
use crate::{journal, uci};

/// Does what the words ask for.
pub(crate) fn run(words: Vec<OsString>) -> u8 {
    let call = match arguments::parse(&words) {
        Ok(call) => call,
        Err(failure) => {
            let quiet = words.iter().any(|word| word == "-q" || word == "--quiet");
            let mut output = Output::new(ColorChoice::Auto, quiet, false);
            failure.tell(&mut output, words.iter().any(|word| word == "--json"));
            return failure.exit.into();
        }
    };
    match call {
        Call::Verb { verb, globals, .. } if !globals.uci.is_empty() => as_uci(verb, &globals, words),
        Call::Verb { verb, globals, matches } => run_verb(verb, globals, &matches),
        Call::Overview => print(verb::help::overview),
        Call::Help(verb) => print(|output| verb::help::of(verb, output)),
        Call::Version => print(|output| output.line(concat!("cms ", env!("CARGO_PKG_VERSION")))),
    }
}

fn run_verb(verb: &Verb, globals: Globals, matches: &clap::ArgMatches) -> u8 {
    journal::start(globals.verbose);
    let output = Output::new(globals.color, globals.quiet, globals.pager);
    let mut session = Session::new(globals, output);
    let ended = (verb.run)(matches, &mut session);
    finish(ended, session.globals.json, session.output)
}

fn print(what: impl FnOnce(&mut Output) -> Result<(), Failure>) -> u8 {
    let mut output = Output::new(ColorChoice::Auto, false, true);
    let ended = what(&mut output).map(|()| Exit::Ok);
    finish(ended, false, output)
}

fn finish(ended: Result<Exit, Failure>, json: bool, mut output: Output) -> u8 {
    let exit = match ended {
        Ok(exit) => exit,
        Err(failure) => {
            failure.tell(&mut output, json);
            failure.exit
        }
    };
    match output.finish() {
        Ok(()) => exit.into(),
        Err(failure) => {
            failure.tell(&mut Output::new(ColorChoice::Auto, false, false), json);
            let worse = if exit == Exit::Ok { failure.exit } else { exit };
            worse.into()
        }
    }
}

/// Serves a call with the staging folders of `uci`: there the folders and formats are `uci`'s, and so
/// is everything else. Options of `cms` alone have no meaning there.
fn as_uci(verb: &Verb, globals: &Globals, words: Vec<OsString>) -> u8 {
    let ours = words.iter().find(|word| word.as_encoded_bytes().starts_with(b"--") && word.len() > 2);
    let failure = match ours {
        _ if !verb.uci => msg!("not-a-uci-verb", verb = verb.name),
        Some(option) => msg!("not-a-uci-option", option = option.to_string_lossy().into_owned()),
        None => return uci::run("cms", words),
    };
    let mut output = Output::new(globals.color, globals.quiet, false);
    Failure::usage(failure).tell(&mut output, globals.json);
    Exit::Usage.into()
}

//! The interactive shell: the verbs of the command line without its start, and transactions over several of them.
//!
//! - `words`: a line, taken apart
//! - `source`, `editor`: where lines come from: a script, or a person with history and completion
//! - `own`: the verbs that only the shell has
//! - `open`: what the verbs do in an open transaction

mod editor;
mod open;
mod own;
mod source;
mod words;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cms::{Store, TransactionSavepoint};

use crate::arguments::{self, Call};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Output;
use crate::session::Session;
use crate::text::msg;
use crate::verb::{self, Verb};
use own::Own;
use source::{Line, Source};

/// Verbs that may take long: the shell waits for them in a process of their own, so that Ctrl-C ends them and not the shell.
const LONG: [&str; 6] = ["watch", "bench", "doctor", "backup", "restore", "memory"];

/// What a line leads to.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Line,
    Leave,
}

struct Shell {
    store: Store,
    globals: Globals,
    /// The options that every line inherits.
    inherited: Vec<OsString>,
    open: Option<Open>,
    is_interactive: bool,
    /// Whether the line asks for JSON, of errors, too.
    as_json: bool,
}

/// The open transaction between two lines.
struct Open {
    transaction: Box<cms::Transaction>,
    savepoints: Vec<(String, TransactionSavepoint)>,
    /// Whether its last commit was refused.
    is_refused: bool,
}

/// Reads lines and does what they say, until there are no more.
pub(crate) fn run(session: &mut Session, keeps_going: bool, without_history: bool) -> Result<Exit, Failure> {
    let store = session.store()?;
    let mut source = Source::open(session, without_history)?;
    let mut shell = Shell {
        store,
        inherited: session.globals.inherited(),
        globals: Globals { file: None, format: None, ..session.globals.clone() },
        open: None,
        is_interactive: source.is_interactive(),
        as_json: session.globals.json,
    };
    if shell.is_interactive {
        // Who presses Ctrl-C means the line, or the process that it waits for, not the shell and its transaction.
        let heard = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGINT, heard)
            .map_err(|error| Failure::new(Exit::Error, msg!("shell-terminal")).because(&error))?;
        session.output.say(&msg!("shell-welcome", folder = session.globals.config.as_path()));
    }
    // What follows is written by the calls of the lines.
    session.output.flush()?;
    let exit = shell.serve(&mut source, keeps_going, session)?;
    source.close(session);
    Ok(exit)
}

impl Shell {
    fn serve(
        &mut self,
        source: &mut Source,
        keeps_going: bool,
        session: &mut Session,
    ) -> Result<Exit, Failure> {
        let mut exit = Exit::Ok;
        let mut was_warned = false;
        loop {
            let (next, leaves) = match source.next(self)? {
                Line::Abandoned => (Ok((Next::Line, Exit::Ok)), false),
                Line::End => (Ok((Next::Leave, Exit::Ok)), true),
                Line::Text { text, number } => {
                    let done = self.lines(&text);
                    (done.map_err(|failure| source.place(failure, number)), false)
                }
            };
            let ended = match next {
                Ok((Next::Leave, ended)) => {
                    // A person is asked once more; the end of a script is the end.
                    if let (Some(open), true, false) = (&self.open, self.is_interactive, was_warned) {
                        let count = open.transaction.changes().len();
                        session.output.warn(&msg!("shell-still-open", count = count));
                        was_warned = true;
                        continue;
                    }
                    return Ok(self.leave(exit, ended, session));
                }
                Ok((Next::Line, ended)) => ended,
                Err(failure) => {
                    failure.tell(&mut session.output, self.as_json);
                    failure.exit
                }
            };
            was_warned &= leaves;
            if self.is_interactive || ended == Exit::Ok {
                continue;
            }
            if exit == Exit::Ok {
                exit = ended;
            }
            if !keeps_going {
                return Ok(self.leave(exit, Exit::Ok, session));
            }
        }
    }

    /// Ends the shell. A script that ends within a transaction has done something without effect, which is a failure.
    fn leave(&mut self, exit: Exit, ended: Exit, session: &mut Session) -> Exit {
        let exit = if exit == Exit::Ok { ended } else { exit };
        let Some(open) = self.open.take() else { return exit };
        let count = open.transaction.changes().len();
        session.output.warn(&msg!("shell-dropped", count = count));
        if exit == Exit::Ok && !self.is_interactive && count > 0 { Exit::Error } else { exit }
    }

    /// Does what was typed, line by line; a text that was pasted has several.
    fn lines(&mut self, text: &[u8]) -> Result<(Next, Exit), Failure> {
        self.as_json = self.globals.json;
        for words in words::of(text)? {
            self.as_json = self.globals.json || words.iter().any(|word| word == "--json");
            let (next, exit) = self.line(words)?;
            if next == Next::Leave || exit != Exit::Ok {
                return Ok((next, exit));
            }
        }
        Ok((Next::Line, Exit::Ok))
    }

    fn line(&mut self, mut words: Vec<OsString>) -> Result<(Next, Exit), Failure> {
        // A line copied from a script or a document.
        if words.first().is_some_and(|word| word == "cms") {
            words.remove(0);
        }
        if words.is_empty() {
            return Ok((Next::Line, Exit::Ok));
        }
        if let Some(own) = Own::parse(&words, self.open.is_some())? {
            return self.own(own).map(|next| (next, Exit::Ok));
        }
        let exit = self.verb(&words)?;
        Ok((Next::Line, exit))
    }

    /// Runs a verb of the command line.
    fn verb(&mut self, typed: &[OsString]) -> Result<Exit, Failure> {
        let all: Vec<OsString> = self.inherited.iter().chain(typed).cloned().collect();
        let (verb, globals, matches) = match arguments::parse(&all)? {
            Call::Verb { verb, globals, matches } => (verb, globals, matches),
            Call::Overview => return self.print(own::overview),
            Call::Help(verb) => return self.print(|output| verb::help::of(verb, output)),
            Call::Version => {
                return self.print(|output| output.line(concat!("cms ", env!("CARGO_PKG_VERSION"))));
            }
        };
        if verb.name == "shell" || verb.hidden || !globals.uci.is_empty() {
            return Err(Failure::usage(msg!("shell-not-here", verb = verb.name)));
        }
        if self.is_interactive && LONG.contains(&verb.name) {
            return apart(&all);
        }
        let output = Output::new(globals.color, globals.quiet, globals.pager);
        let mut session = if globals.is_same_store(&self.globals) {
            // A script was told when it began; a person may sit here for long.
            Session::on(self.store.clone(), !self.is_interactive, globals, output)
        } else if self.open.is_some() {
            return Err(Failure::usage(msg!("shell-other-store")).hint(msg!("shell-end-first")));
        } else {
            Session::new(globals, output)
        };
        let ended = match &mut self.open {
            Some(open) => open::run(open, verb, &matches, &mut session),
            None => (verb.run)(&matches, &mut session).map(|exit| (exit, true)),
        };
        let ended = ended.map(|(exit, is_open)| {
            if !is_open {
                self.open = None;
            }
            exit
        });
        let finished = session.output.finish();
        let exit = ended?;
        finished.map(|()| exit)
    }

    fn print(&self, what: impl FnOnce(&mut Output) -> Result<(), Failure>) -> Result<Exit, Failure> {
        let mut output = Output::new(self.globals.color, self.globals.quiet, self.globals.pager);
        what(&mut output)?;
        output.finish()?;
        Ok(Exit::Ok)
    }

    /// What the line begins with: how much is staged, or changed in the open transaction.
    fn prompt(&self) -> String {
        match &self.open {
            Some(open) => {
                let mark = if open.is_refused { '!' } else { '*' };
                format!("cms(+{}){mark}> ", open.transaction.changes().len())
            }
            None => match self.staged() {
                0 => "cms> ".to_owned(),
                count => format!("cms({count})> "),
            },
        }
    }

    fn staged(&self) -> usize {
        // A prompt has no place for an error; the next command tells it.
        let Some(stage) = self.store.has_log().then(|| self.store.stage_to_read(None).ok()).flatten() else {
            return 0;
        };
        stage.packages().iter().map(|package| stage.raw_changes(package).len()).sum()
    }
}

/// Runs a verb in a process of its own and waits for it.
fn apart(words: &[OsString]) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Error, msg!("failed")).because(&error);
    // The program itself, also when its file has been replaced meanwhile.
    let mut command = Command::new("/proc/self/exe");
    let status = command.arg0("cms").args(words).status().map_err(failed)?;
    // It has said itself what went wrong, and a person reads it.
    tracing::debug!(%status, "a verb ran in a process of its own");
    Ok(Exit::Ok)
}

/// The verbs of the command line that a person may type here.
fn known_verbs() -> impl Iterator<Item = &'static Verb> {
    verb::VERBS.iter().filter(|verb| !verb.hidden && verb.name != "shell")
}

//! Where lines come from: a person at a terminal, or a script.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};

use super::editor::Editor;
use super::{Shell, words};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

pub(super) enum Source {
    Terminal(Box<Editor>),
    /// `-f FILE`, and how many lines were read.
    File(BufReader<File>, usize),
    Stdin(usize),
}

pub(super) enum Line {
    /// A line, and its number in a script.
    Text {
        text: Vec<u8>,
        number: usize,
    },
    /// Ctrl-C.
    Abandoned,
    End,
}

impl Source {
    pub(super) fn open(session: &mut Session, without_history: bool) -> Result<Source, Failure> {
        match &session.globals.file {
            Some(path) if path.as_os_str() != "-" => {
                let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
                Ok(Source::File(BufReader::new(file), 0))
            }
            _ if io::stdin().is_terminal() && io::stdout().is_terminal() => {
                Ok(Source::Terminal(Box::new(Editor::open(session, without_history)?)))
            }
            _ => Ok(Source::Stdin(0)),
        }
    }

    pub(super) fn is_interactive(&self) -> bool {
        matches!(self, Source::Terminal(_))
    }

    /// The next line, and those that it goes on in.
    pub(super) fn next(&mut self, shell: &mut Shell) -> Result<Line, Failure> {
        match self {
            Source::Terminal(editor) => editor.next(shell),
            Source::File(file, number) => script(file, number),
            // Not held: a command may read its own input from there.
            Source::Stdin(number) => script(&mut io::stdin().lock(), number),
        }
    }

    /// Says in which line of a script something failed.
    pub(super) fn place(&self, failure: Failure, number: usize) -> Failure {
        if self.is_interactive() { failure } else { failure.in_line(number) }
    }

    pub(super) fn close(self, session: &mut Session) {
        if let Source::Terminal(editor) = self {
            editor.close(session);
        }
    }
}

fn script(input: &mut dyn BufRead, number: &mut usize) -> Result<Line, Failure> {
    let failed =
        |error: io::Error| Failure::new(Exit::Error, msg!("file-failed", file = "stdin")).because(&error);
    let first = *number + 1;
    let mut text = Vec::new();
    loop {
        let read = input.read_until(b'\n', &mut text).map_err(failed)?;
        if read == 0 && text.is_empty() {
            return Ok(Line::End);
        }
        *number += 1;
        if read == 0 || !words::wants_more(&text) {
            return Ok(Line::Text { text, number: first });
        }
    }
}

//! Why a call failed: the exit code, the message, and what helps.

mod engine;

use std::io;

use cms::model::Diagnostic;
use serde_json::json;

use crate::exit::Exit;
use crate::json::Json;
use crate::output::Output;
use crate::report;
use crate::text::{Message, msg, text};

/// The end of a call that did not do what it was asked to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: Option<Message>,
    cause: Option<String>,
    hint: Option<Message>,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: Message) -> Failure {
        Failure { exit, message: Some(message), cause: None, hint: None, diagnostics: Vec::new() }
    }

    pub(crate) fn usage(message: Message) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    pub(crate) fn not_found(message: Message) -> Failure {
        Failure::new(Exit::NotFound, message)
    }

    /// Text with errors; each is shown with its place.
    pub(crate) fn invalid(message: Message, diagnostics: Vec<Diagnostic>) -> Failure {
        Failure { diagnostics, ..Failure::new(Exit::Invalid, message) }
    }

    /// A failed write to stdout. A reader that has seen enough is none: the call ends quietly.
    pub(crate) fn output(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure { exit: Exit::Ok, message: None, cause: None, hint: None, diagnostics: Vec::new() };
        }
        Failure::new(Exit::Error, msg!("output-failed")).because(&error)
    }

    /// A failed access to a file.
    pub(crate) fn file(path: &std::path::Path, error: &io::Error) -> Failure {
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Exit::Permission,
            _ => Exit::Error,
        };
        Failure::new(exit, msg!("file-failed", file = path)).because(error)
    }

    pub(crate) fn because(mut self, cause: &dyn std::error::Error) -> Failure {
        let mut words = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            let source_words = source.to_string();
            if !words.contains(&source_words) {
                words = format!("{words}: {source_words}");
            }
            next = source.source();
        }
        self.cause = Some(words);
        self
    }

    pub(crate) fn hint(mut self, hint: Message) -> Failure {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn hint_if_any(mut self, hint: Option<Message>) -> Failure {
        self.hint = hint.or(self.hint);
        self
    }

    /// Places the failure in a batch: `line 3: …`.
    pub(crate) fn in_line(mut self, line: usize) -> Failure {
        if let Some(message) = self.message.take() {
            let words = message.to_string();
            self.message = Some(msg!("batch-line", line = line.to_string(), error = words));
        }
        self
    }

    /// Tells the person, or with `--json` the program, what went wrong.
    pub(crate) fn tell(&self, output: &mut Output, as_json: bool) {
        let Some(message) = self.message.as_ref().filter(|_| !output.is_quiet()) else { return };
        let mut words = message.to_string();
        if let Some(cause) = &self.cause {
            words = format!("{words}: {cause}");
        }
        if as_json {
            let hint = self.hint.as_ref().map(ToString::to_string);
            let diagnostics: Vec<_> = self.diagnostics.iter().map(report::to_json).collect();
            let error = Json::answer(
                "error",
                json!({ "exit": self.exit as u8, "message": words, "hint": hint, "diagnostics": diagnostics }),
            );
            output.complain(&error.to_string());
            return;
        }
        let paint = output.stderr_paint;
        let mut lines = format!("{}: {words}", paint.error("cms"));
        for diagnostic in &self.diagnostics {
            lines.push('\n');
            lines.push_str(&report::render(diagnostic, paint));
        }
        if let Some(hint) = &self.hint {
            lines.push_str(&format!("\n{}: {hint}", paint.hint(&text("label-hint"))));
        }
        output.complain(&lines);
    }
}

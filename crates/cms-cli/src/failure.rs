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

pub(crate) use engine::unmapped;

/// The end of a call that did not do what it was asked to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What to say; nothing when the call ends quietly.
    report: Option<Box<Report>>,
}

#[derive(Debug)]
struct Report {
    message: Message,
    cause: Option<String>,
    hint: Option<Message>,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: Message) -> Failure {
        let report = Report { message, cause: None, hint: None, diagnostics: Vec::new() };
        Failure { exit, report: Some(Box::new(report)) }
    }

    fn with(mut self, change: impl FnOnce(&mut Report)) -> Failure {
        if let Some(report) = &mut self.report {
            change(report);
        }
        self
    }

    pub(crate) fn usage(message: Message) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    pub(crate) fn not_found(message: Message) -> Failure {
        Failure::new(Exit::NotFound, message)
    }

    /// Text with errors; each is shown with its place.
    pub(crate) fn invalid(message: Message, diagnostics: Vec<Diagnostic>) -> Failure {
        Failure::new(Exit::Invalid, message).with(|report| report.diagnostics = diagnostics)
    }

    /// A failed write to stdout. A reader that has seen enough is none: the call ends quietly.
    pub(crate) fn output(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure { exit: Exit::Ok, report: None };
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

    pub(crate) fn because(self, cause: &dyn std::error::Error) -> Failure {
        let mut words = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            let source_words = source.to_string();
            if !words.contains(&source_words) {
                words = format!("{words}: {source_words}");
            }
            next = source.source();
        }
        self.with(|report| report.cause = Some(words))
    }

    pub(crate) fn hint(self, hint: Message) -> Failure {
        self.with(|report| report.hint = Some(hint))
    }

    pub(crate) fn hint_if_any(self, hint: Option<Message>) -> Failure {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Places the failure in a batch: `line 3: …`.
    pub(crate) fn in_line(self, line: usize) -> Failure {
        self.with(|report| {
            let words = report.message.to_string();
            report.message = msg!("batch-line", line = line.to_string(), error = words);
        })
    }

    /// What went wrong, in a line.
    pub(crate) fn words(&self) -> String {
        let Some(told) = self.report.as_deref() else { return String::new() };
        match &told.cause {
            Some(cause) => format!("{}: {cause}", told.message),
            None => told.message.to_string(),
        }
    }

    /// Tells the person, or with `--json` the program, what went wrong.
    pub(crate) fn tell(&self, output: &mut Output, as_json: bool) {
        let Some(told) = self.report.as_deref().filter(|_| !output.is_quiet()) else { return };
        let words = self.words();
        if as_json {
            let hint = told.hint.as_ref().map(ToString::to_string);
            let diagnostics: Vec<_> = told.diagnostics.iter().map(report::to_json).collect();
            let error = Json::answer(
                "error",
                json!({ "exit": self.exit as u8, "message": words, "hint": hint, "diagnostics": diagnostics }),
            );
            output.complain(&error.to_string());
            return;
        }
        let paint = output.stderr_paint;
        let mut lines = format!("{}: {words}", paint.error("cms"));
        if !told.diagnostics.is_empty() {
            lines.push('\n');
            lines.push_str(&report::render_all(&told.diagnostics, None, paint));
        }
        if let Some(hint) = &told.hint {
            lines.push_str(&format!("\n{}: {hint}", paint.hint(&text("label-hint"))));
        }
        output.complain(&lines);
    }
}

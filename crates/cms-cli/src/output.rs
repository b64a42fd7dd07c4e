//! Where a call writes: data to stdout (through a pager, if long and on a terminal), messages to stderr.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;
use crate::paint::{ColorChoice, Paint};
use crate::text::{Message, text};

/// The two streams of a call and the rules for them.
pub(crate) struct Output {
    sink: Sink,
    /// How data is painted.
    pub(crate) paint: Paint,
    /// How messages are painted.
    pub(crate) stderr_paint: Paint,
    quiet: bool,
    pager_allowed: bool,
}

enum Sink {
    Stdout(BufWriter<io::StdoutLock<'static>>),
    Pager { child: Child, input: BufWriter<std::process::ChildStdin> },
}

impl Output {
    pub(crate) fn new(color: ColorChoice, quiet: bool, pager_allowed: bool) -> Output {
        Output {
            sink: Sink::Stdout(BufWriter::with_capacity(64 << 10, io::stdout().lock())),
            paint: color.for_stream(&io::stdout()),
            stderr_paint: color.for_stream(&io::stderr()),
            quiet,
            pager_allowed,
        }
    }

    /// Sends what follows through the user's pager, if there is a terminal to page on.
    pub(crate) fn page(&mut self) {
        if !self.pager_allowed || !io::stdout().is_terminal() || matches!(self.sink, Sink::Pager { .. }) {
            return;
        }
        let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
        if pager.is_empty() || pager == "cat" {
            return;
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&pager).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            // Colours as they are, no pager for one screen, and the text stays when it ends.
            command.env("LESS", "FRX");
        }
        // A pager that cannot be started is no reason to withhold the answer.
        let Ok(mut child) = command.spawn() else { return };
        if let Some(input) = child.stdin.take() {
            self.sink = Sink::Pager { child, input: BufWriter::new(input) };
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer().write_all(bytes).map_err(Failure::output)
    }

    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.write(line.as_ref())?;
        self.write(b"\n")
    }

    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        match &mut self.sink {
            Sink::Stdout(stdout) => stdout,
            Sink::Pager { input, .. } => input,
        }
    }

    /// Tells the person something that is not the answer.
    pub(crate) fn say(&mut self, message: &Message) {
        self.note("", message);
    }

    /// Warns: the call goes on, but something is not as it should be.
    pub(crate) fn warn(&mut self, message: &Message) {
        if self.quiet {
            return;
        }
        let label = self.stderr_paint.warning(&text("label-warning"));
        self.note(&format!("{label}: "), message);
    }

    /// Says what helps.
    pub(crate) fn advise(&mut self, message: &Message) {
        if self.quiet {
            return;
        }
        let label = self.stderr_paint.hint(&text("label-hint"));
        self.note(&format!("{label}: "), message);
    }

    /// Whether nobody wants to be told anything.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Says why the call failed. `-q` silences this too, as it does for `uci`: scripts ask for the exit code.
    pub(crate) fn complain(&mut self, lines: &str) {
        if !self.quiet {
            let _ = self.writer().flush();
            let _ = writeln!(io::stderr().lock(), "{lines}");
        }
    }

    fn note(&mut self, prefix: &str, message: &Message) {
        if self.quiet {
            return;
        }
        // Data first: on a terminal the two streams are one, and the order is the story.
        let _ = self.writer().flush();
        // Nobody is left to be told that stderr is gone.
        let _ = writeln!(io::stderr().lock(), "{prefix}{message}");
    }

    /// Writes what is still held back.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.writer().flush().map_err(Failure::output)
    }

    /// Writes what is still held back, and waits for the pager.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.sink {
            Sink::Stdout(mut stdout) => stdout.flush().map_err(Failure::output),
            Sink::Pager { mut child, mut input } => {
                let flushed = input.flush();
                drop(input);
                let _ = child.wait();
                flushed.map_err(Failure::output)
            }
        }
    }
}

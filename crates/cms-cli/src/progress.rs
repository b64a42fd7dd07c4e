//! How far long work has come, on stderr where that is a terminal.

use std::io::{self, IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::text::Message;

/// How often the line is drawn.
const EACH: Duration = Duration::from_millis(100);
const WIDTH: usize = 30;

/// A line that is drawn again and again, and wiped out at the end.
pub(crate) struct Progress {
    what: String,
    /// When it was last drawn, or work began.
    last: Instant,
    is_shown: bool,
    is_drawn: bool,
}

impl Progress {
    pub(crate) fn new(what: String, output: &Output) -> Progress {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let is_shown = io::stderr().is_terminal() && !output.is_quiet() && !is_dumb;
        Progress { what, last: Instant::now(), is_shown, is_drawn: false }
    }

    /// Shows nothing unless this holds, too.
    pub(crate) fn only_if(mut self, shown: bool) -> Progress {
        self.is_shown &= shown;
        self
    }

    /// Draws what is done now and says nothing of how far it is.
    pub(crate) fn stand_still(&mut self, what: &Message) {
        if self.is_shown {
            self.is_drawn = true;
            let _ = io::stderr().write_all(format!("\r{} {what}\x1b[K", self.what).as_bytes());
        }
    }

    /// Wipes the line out, so that something can be said; the next step draws it again.
    pub(crate) fn wipe(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    /// Draws the line, if it is time. Work of unknown size has a total of 0.
    pub(crate) fn step(&mut self, done: u64, total: u64) {
        if !self.is_shown || self.last.elapsed() < EACH {
            return;
        }
        self.last = Instant::now();
        self.is_drawn = true;
        let line = match total {
            0 => format!("\r{} {done}\x1b[K", self.what),
            _ => {
                let share = (done.min(total) as f64 / total as f64).clamp(0.0, 1.0);
                let full = (share * WIDTH as f64) as usize;
                let (bar, rest) = ("#".repeat(full), "-".repeat(WIDTH - full));
                format!("\r{} [{bar}{rest}] {:3.0} %\x1b[K", self.what, share * 100.0)
            }
        };
        // Nobody is left to be told that stderr is gone.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// A reader that tells how much was read of it.
pub(crate) struct Counted<R, F> {
    reader: R,
    done: u64,
    tell: F,
}

impl<R: Read, F: FnMut(u64)> Counted<R, F> {
    pub(crate) fn new(reader: R, tell: F) -> Counted<R, F> {
        Counted { reader, done: 0, tell }
    }
}

impl<R: Read, F: FnMut(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.done += count as u64;
        (self.tell)(self.done);
        Ok(count)
    }
}

//! The machine behind the parsers: it reads logical lines and gives the places of their words.
//!
//! It holds no text, only positions in a window that its owner may refill and shift. The general way
//! follows the reference implementation step by step; `canonical` is the short way beside it.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::diagnostic::line_at;
use crate::lexer::{BARE_TYPE_BYTE, Form, NAME_BYTE, Span, is_space};
use crate::names::{is_name_byte, is_type_byte};
use crate::parse_error::{ParseError, Reason, hint};
use crate::parser::{Command, Dialect, Event, First, ParseOptions};

/// What a step of the machine gives.
pub(crate) enum Step {
    Event(RawEvent),
    Error(Box<ParseError>),
    /// The text ends within a logical line, and more of it is to come.
    Starved,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Package,
    Config,
    Option,
    List,
}

/// An event by its places alone, so that it can outlive a refill of the window.
pub(crate) struct RawEvent {
    keyword: Keyword,
    first: Span,
    second: Option<Span>,
    start: usize,
    end: usize,
    line: usize,
}

impl RawEvent {
    #[inline(always)]
    pub(crate) fn tie(self, text: &[u8], base: u64) -> Event<'_> {
        let first = self.first.word(text);
        let second = self.second.map(|word| word.word(text));
        let command = match self.keyword {
            Keyword::Package => Command::Package { name: first },
            Keyword::Config => Command::Config { kind: first, name: second },
            Keyword::Option => Command::Option { name: first, value: second },
            Keyword::List => Command::List { name: first, value: second },
        };
        Event { command, span: self.start..self.end, line: self.line, base }
    }
}

/// Why a logical line is given up, and the bytes at fault.
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) at: Range<usize>,
}

/// The state between two commands. Positions are offsets in the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    options: ParseOptions,
    /// The next byte to look at.
    pub(crate) pos: usize,
    /// Where the logical line starts.
    pub(crate) line_start: usize,
    /// Behind the last line read into the logical line: its newline, or the end of the text.
    pub(crate) line_end: usize,
    /// Where the logical line ends for the reader of words: `line_end`, or a `#` before it.
    pub(crate) cut: usize,
    /// Lines before the logical line.
    lines: usize,
    /// Newlines read in the logical line.
    newlines: usize,
    /// Newlines (and carriage returns) that continuations took out of the logical line so far.
    skipped: usize,
    /// More commands may follow on the logical line.
    within_line: bool,
    section_open: bool,
    package_open: bool,
    /// Where the last command started.
    command: usize,
    /// Newlines in the logical line before `counted`, so that none is counted twice.
    newlines_before: usize,
    counted: usize,
    /// A NUL byte in what was read; an error in the strict dialect.
    nul: Option<usize>,
    /// How often the text ended within quotes; each time, reading went on behind the opening line.
    unterminated: u8,
    pub(crate) starved: bool,
    pub(crate) complete: bool,
}

impl Machine {
    pub(crate) fn new(options: ParseOptions) -> Machine {
        Machine {
            options,
            pos: 0,
            line_start: 0,
            line_end: 0,
            cut: 0,
            lines: 0,
            newlines: 0,
            skipped: 0,
            within_line: false,
            section_open: options.first == First::Any,
            package_open: options.first != First::Package,
            command: 0,
            newlines_before: 0,
            counted: 0,
            nul: None,
            unterminated: 0,
            starved: false,
            complete: false,
        }
    }

    pub(crate) fn needed_from(&self) -> usize {
        if self.within_line { self.line_start } else { self.line_end }
    }

    pub(crate) fn shift(&mut self, by: usize) {
        let Machine { pos, line_start, line_end, cut, command, counted, .. } = self;
        for position in [pos, line_start, line_end, cut, command, counted] {
            *position = position.saturating_sub(by);
        }
    }

    /// Reads the lines that the printer writes: `\toption NAME 'VALUE'`, `\tlist NAME 'VALUE'`,
    /// `config TYPE`, `config TYPE 'NAME'` and empty ones, in both dialects the same. Anything else
    /// is left to the general way, untouched.
    ///
    /// Inlined by force: an event that is handed on through memory costs more than to find it.
    #[inline(always)]
    pub(crate) fn canonical(&mut self, text: &[u8]) -> Option<RawEvent> {
        if self.within_line || !self.section_open || !self.package_open {
            return None;
        }
        let mut pos = self.line_end;
        while text.get(pos) == Some(&b'\n') {
            pos += 1;
        }
        let blank_lines = pos - self.line_end;
        let rest = text.get(pos..)?;
        let (keyword, name) = match rest {
            [b'\t', b'o', b'p', b't', b'i', b'o', b'n', b' ', ..] => (Keyword::Option, 8),
            [b'\t', b'l', b'i', b's', b't', b' ', ..] => (Keyword::List, 6),
            [b'c', b'o', b'n', b'f', b'i', b'g', b' ', ..] => (Keyword::Config, 7),
            _ => return None,
        };
        let class = if keyword == Keyword::Config { &BARE_TYPE_BYTE } else { &NAME_BYTE };
        let name_length = rest[name..].iter().position(|byte| !class[usize::from(*byte)])?;
        if name_length == 0 {
            return None;
        }
        let name_end = name + name_length;
        let (second, end) = match &rest[name_end..] {
            [b' ', b'\'', value @ ..] => {
                let length = quoted_length(value)?;
                let end = name_end + length + 3;
                if rest.get(end) != Some(&b'\n') {
                    return None;
                }
                let empty_or_odd_name = keyword == Keyword::Config
                    && (length == 0 || !value[..length].iter().all(|byte| NAME_BYTE[usize::from(*byte)]));
                if empty_or_odd_name {
                    return None;
                }
                (Some(Span { start: pos + name_end + 1, end: pos + end, form: Form::Quoted }), end)
            }
            [b'\n', ..] if keyword == Keyword::Config => (None, name_end),
            _ => return None,
        };
        self.lines += self.newlines + blank_lines;
        self.newlines = 1;
        self.skipped = 0;
        self.line_start = pos;
        self.line_end = pos + end + 1;
        self.pos = self.line_end;
        self.cut = self.line_end;
        let start = pos + usize::from(keyword != Keyword::Config);
        self.command = start;
        Some(RawEvent {
            keyword,
            first: Span { start: pos + name, end: pos + name_end, form: Form::Bare },
            second,
            start,
            end: pos + end,
            line: self.lines + 1,
        })
    }

    /// Reads the next command by the full grammar.
    #[cold]
    #[inline(never)]
    pub(crate) fn general(&mut self, text: &[u8], complete: bool) -> Step {
        self.starved = false;
        self.complete = complete;
        let mut begin = *self;
        let step = self.advance(text, &mut begin);
        if self.starved {
            *self = begin;
            return Step::Starved;
        }
        step
    }

    /// Notes in `begin` where reading must start again if the text turns out to be too short.
    fn advance(&mut self, text: &[u8], begin: &mut Machine) -> Step {
        loop {
            if !self.within_line {
                *begin = *self;
                self.begin_line();
                if !self.read_line(text) {
                    return Step::End;
                }
                self.within_line = true;
                self.skip_space(text);
            }
            let read = self.read_command(text);
            if let Some(nul) = self.nul.take() {
                self.pos = nul;
                return self.give_up(text, Fault { reason: Reason::Nul, at: nul..nul + 1 });
            }
            match read {
                Ok(Some(event)) => return Step::Event(event),
                Ok(None) => self.within_line = false,
                Err(fault) => return self.give_up(text, fault),
            }
            if self.starved {
                return Step::Starved;
            }
        }
    }

    /// Makes the error and goes on behind what was read; behind an unterminated quote, which takes all
    /// the rest, with the line after the one that opened it (where the reference would stop anyway).
    fn give_up(&mut self, text: &[u8], fault: Fault) -> Step {
        let unterminated = matches!(fault.reason, Reason::UnterminatedSingle | Reason::UnterminatedDouble);
        let error = self.error(text, fault.reason, fault.at.clone());
        self.within_line = false;
        if unterminated && self.options.dialect == Dialect::Strict && self.unterminated < 2 {
            self.unterminated += 1;
            let next = memchr(b'\n', &text[fault.at.start..]).map_or(text.len(), |n| fault.at.start + n + 1);
            self.newlines = memchr_iter(b'\n', &text[self.line_start..next]).count();
            self.line_end = next;
        }
        Step::Error(Box::new(error))
    }

    #[cold]
    pub(crate) fn error(&self, text: &[u8], reason: Reason, at: Range<usize>) -> ParseError {
        let byte = (self.pos - self.line_start).saturating_sub(self.skipped);
        let (start, line_text) = line_at(text, at.start);
        let before = memchr_iter(b'\n', &text[self.line_start..at.start.max(self.line_start)]).count();
        ParseError {
            reason,
            line: self.lines + self.newlines,
            byte,
            start_line: self.lines + before + 1,
            column: at.start - start + 1,
            offset: at.start as u64,
            length: at.len(),
            line_text: line_text.to_vec(),
            hint: hint(reason, &text[at]),
        }
    }

    pub(crate) fn reject(&self, text: &[u8], reason: Reason) -> ParseError {
        let line = &text[self.command..self.pos.min(text.len()).max(self.command)];
        let length = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
        self.error(text, reason, self.command..self.command + length)
    }

    pub(crate) fn begin_line(&mut self) {
        self.lines += self.newlines;
        self.newlines = 0;
        self.newlines_before = 0;
        self.skipped = 0;
        self.line_start = self.line_end;
        self.counted = self.line_end;
        self.pos = self.line_end;
        self.cut = self.line_end;
    }

    /// Takes the next line of the text into the logical line; says whether there was one.
    pub(crate) fn read_line(&mut self, text: &[u8]) -> bool {
        let start = self.line_end;
        match memchr(b'\n', &text[start..]) {
            Some(length) => {
                self.line_end = start + length + 1;
                self.newlines += 1;
            }
            None => {
                self.starved |= !self.complete;
                self.line_end = text.len();
            }
        }
        self.cut = self.line_end;
        if self.options.dialect == Dialect::Strict && self.nul.is_none() {
            self.nul = memchr(0, &text[start..self.line_end]).map(|offset| start + offset);
        }
        self.line_end > start
    }

    /// Returns the byte at the position; `None` at the end of the logical line.
    fn current(&self, text: &[u8]) -> Option<u8> {
        if self.pos < self.cut { text.get(self.pos).copied() } else { None }
    }

    fn skip_space(&mut self, text: &[u8]) {
        while self.current(text).is_some_and(is_space) {
            self.pos += 1;
        }
    }

    /// Skips what is between two words: also a continued line's end, except in the reference's reading.
    fn skip_between(&mut self, text: &[u8]) {
        self.skip_space(text);
        while self.options.dialect == Dialect::Strict && self.at_continuation(text) {
            self.read_backslash(text);
            self.skip_space(text);
        }
    }

    /// Says whether the logical line ends here with a backslash.
    fn at_continuation(&self, text: &[u8]) -> bool {
        matches!(&text[self.pos.min(self.cut)..self.cut], [b'\\'] | [b'\\', b'\n'] | [b'\\', b'\r', b'\n'])
    }

    /// Reads the next command on the logical line.
    fn read_command(&mut self, text: &[u8]) -> Result<Option<RawEvent>, Fault> {
        let strict = self.options.dialect == Dialect::Strict;
        let mut start = self.pos;
        if strict {
            self.skip_space(text);
            start = self.pos;
        }
        // The reference steps over these without moving its position, which its messages show.
        while start < self.cut && matches!(text[start], b' ' | b'\t') {
            start += 1;
        }
        let line = &text[start.min(self.cut)..self.cut];
        if line.is_empty() || line[0] == b'#' {
            return Ok(None);
        }
        let ends_keyword = |byte: &u8| match byte {
            b' ' | b'\t' => true,
            byte => strict && (is_space(*byte) || *byte == b';'),
        };
        let length = line.iter().position(ends_keyword).unwrap_or(line.len());
        let end = start + length;
        let keyword = match &line[..length] {
            b"option" | b"o" => Keyword::Option,
            b"list" | b"l" => Keyword::List,
            b"config" | b"c" => Keyword::Config,
            b"package" | b"p" => Keyword::Package,
            word => {
                let word = word.trim_ascii_end().len().max(1);
                return Err(Fault { reason: Reason::InvalidCommand, at: start..start + word });
            }
        };
        let whole = start..end;
        match keyword {
            Keyword::Config if !self.package_open => {
                return Err(Fault { reason: Reason::NoPackage, at: whole });
            }
            Keyword::Option | Keyword::List if !self.section_open => {
                return Err(Fault { reason: Reason::BeforeFirstSection, at: whole });
            }
            Keyword::Config if strict => self.section_open = true,
            _ => {}
        }
        self.command = start;
        if end == self.cut && !strict {
            let reason = match keyword {
                Keyword::Package => Reason::PackageWithoutName,
                Keyword::Config => Reason::ConfigWithoutName,
                Keyword::Option | Keyword::List => Reason::OptionWithoutName,
            };
            return Err(Fault { reason, at: whole });
        }
        self.pos = if strict { end } else { end + 1 };

        let first = self.read_word(text)?;
        if first.value(text).is_empty() {
            let at = if first.raw.end > first.raw.start { first.raw.start..first.raw.end } else { whole };
            return Err(Fault { reason: Reason::InsufficientArguments, at });
        }
        let first = first.raw;
        let allowed: fn(u8) -> bool = match keyword {
            Keyword::Package => |byte| is_name_byte(byte) || byte == b'-',
            Keyword::Config => is_type_byte,
            Keyword::Option | Keyword::List => is_name_byte,
        };
        if !first.word(text).value().iter().all(|byte| allowed(*byte)) {
            let reason = if keyword == Keyword::Config { Reason::InvalidType } else { Reason::InvalidName };
            return Err(Fault { reason, at: first.start..first.end });
        }
        let mut last = first.end;
        let mut second = None;
        if keyword != Keyword::Package {
            let word = self.read_word(text)?;
            if word.present {
                last = word.raw.end;
                let value = word.value(text);
                if keyword == Keyword::Config && !value.iter().all(|byte| is_name_byte(*byte)) {
                    return Err(Fault { reason: Reason::InvalidName, at: word.raw.start..word.raw.end });
                }
                if keyword != Keyword::Config || !value.is_empty() {
                    second = Some(word.raw);
                }
            }
        }
        last = self.read_end(text)?.unwrap_or(last);
        match keyword {
            Keyword::Config => self.section_open = true,
            Keyword::Package if self.options.first == First::Package => {
                self.package_open = true;
                self.section_open = false;
            }
            _ => {}
        }
        self.newlines_before += memchr_iter(b'\n', &text[self.counted..start]).count();
        self.counted = start;
        let line = self.lines + self.newlines_before + 1;
        if self.pos >= self.cut {
            self.within_line = false;
        }
        Ok(Some(RawEvent { keyword, first, second, start, end: last, line }))
    }

    /// Checks that the command ends here. Returns the end of a further word that was let pass.
    fn read_end(&mut self, text: &[u8]) -> Result<Option<usize>, Fault> {
        let mut last = None;
        loop {
            if self.options.dialect == Dialect::Strict {
                self.skip_between(text);
                if self.current(text) == Some(b';') {
                    self.pos += 1;
                    return Ok(last);
                }
            }
            let word = self.read_word(text)?;
            if word.present {
                if !word.value(text).is_empty() && !self.options.lenient {
                    return Err(Fault { reason: Reason::TooManyArguments, at: word.raw.start..word.raw.end });
                }
                last = Some(word.raw.end);
            }
            if self.options.dialect == Dialect::Reference || !word.present {
                return Ok(last);
            }
        }
    }

    /// Reads the next word of the logical line.
    pub(crate) fn read_word(&mut self, text: &[u8]) -> Result<ReadWord, Fault> {
        let strict = self.options.dialect == Dialect::Strict;
        self.skip_between(text);
        let start = self.pos;
        let mut word = ReadWord { raw: Span { start, end: start, form: Form::Bare }, present: false };
        if self.current(text) == Some(b';') {
            // The reference takes it for an empty word.
            self.pos += usize::from(!strict);
            return Ok(word);
        }
        let mut parts = 0usize;
        let mut quoted_only = true;
        let mut escaped = false;
        let mut glued = false;
        loop {
            match self.current(text) {
                None => break,
                Some(b'#') => {
                    self.cut = self.pos;
                    break;
                }
                Some(b';') => {
                    glued = true;
                    break;
                }
                Some(b'\'') => {
                    parts += 1;
                    self.read_single(text)?;
                }
                Some(b'"') => {
                    parts += 1;
                    escaped = true;
                    self.read_double(text)?;
                }
                Some(b'\\') => {
                    escaped = true;
                    if self.read_backslash(text) {
                        self.pos += 1;
                    }
                }
                Some(_) => {
                    quoted_only = false;
                    self.pos += 1;
                }
            }
            if self.current(text).is_none_or(is_space) {
                break;
            }
        }
        word.raw.end = self.pos;
        word.present = self.pos > start;
        word.raw.form = match (parts, escaped, quoted_only) {
            (0, false, _) => Form::Bare,
            (1, false, true) => Form::Quoted,
            _ => Form::Mixed,
        };
        if glued {
            if !strict && word.raw.form == Form::Bare {
                // The reference ends the word with a NUL in the place of the semicolon, and with it the line.
                self.cut = self.pos;
            }
        } else if self.current(text).is_some() {
            self.pos += 1;
        }
        Ok(word)
    }

    fn read_single(&mut self, text: &[u8]) -> Result<(), Fault> {
        let open = self.pos;
        self.pos += 1;
        loop {
            if let Some(length) = memchr(b'\'', &text[self.pos..self.cut]) {
                self.pos += length + 1;
                return Ok(());
            }
            self.pos = self.cut;
            if !self.read_line(text) {
                return Err(Fault { reason: Reason::UnterminatedSingle, at: open..open + 1 });
            }
        }
    }

    fn read_double(&mut self, text: &[u8]) -> Result<(), Fault> {
        let open = self.pos;
        self.pos += 1;
        loop {
            match self.current(text) {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(());
                }
                None if self.read_line(text) => {}
                None => return Err(Fault { reason: Reason::UnterminatedDouble, at: open..open + 1 }),
                Some(b'\\') => {
                    if self.read_backslash(text) {
                        self.pos += 1;
                    }
                }
                Some(_) => self.pos += 1,
            }
        }
    }

    /// Steps over a backslash. Says whether a byte follows that it escapes; otherwise the line goes on
    /// with the next one.
    fn read_backslash(&mut self, text: &[u8]) -> bool {
        let continued = self.at_continuation(text);
        self.pos += 1;
        if continued {
            self.skipped += self.cut - self.pos;
            self.pos = self.cut;
            self.read_line(text);
        }
        !continued
    }
}

pub(crate) struct ReadWord {
    pub(crate) raw: Span,
    /// Whether anything was written, be it only `''`.
    present: bool,
}

impl ReadWord {
    fn value<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        self.raw.word(text).value()
    }
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Returns how many bytes stand before the closing quote, or `None` if a control byte comes first:
/// the value goes over a line's end, or holds what the general way must judge.
#[inline(always)]
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut length = 0;
    let mut rest = text;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (EACH * b'\'' as u64);
        // A borrow can only reach bytes above a true hit, so that the lowest hit is always a true one.
        let quotes = quote.wrapping_sub(EACH) & !quote & HIGH;
        let controls = word.wrapping_sub(EACH * 14) & !word & HIGH;
        let hits = quotes | controls;
        if hits != 0 {
            let at = hits.trailing_zeros() / 8;
            let is_quote = chunk[at as usize] == b'\'';
            return is_quote.then_some(length + at as usize);
        }
        length += 8;
        rest = tail;
    }
    let at = rest.iter().position(|byte| *byte == b'\'' || *byte < 14)?;
    (rest[at] == b'\'').then_some(length + at)
}

//! The parser: UCI text in, commands and errors out, each with its place.
//!
//! One machine reads logical lines; [`SliceParser`] runs it over a text in memory, [`Parser`] over a
//! reader with a bounded window. Lines in the form that the printer writes take a short way that
//! looks at each byte about once; all others go through the general tokenizer, which follows the
//! reference implementation step by step, so that its error positions come out the same.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::diagnostic::{Diagnostic, Severity, line_at};
use crate::lexer::{BARE_TYPE_BYTE, Form, NAME_BYTE, Span, Word, is_space};
use crate::names::{is_name_byte, is_type_byte};

/// Chooses between two readings of the few texts on which they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// What the grammar means: a `;` ends a command wherever a blank would end a word, a line may be
    /// continued before a blank, and a NUL byte is an error.
    #[default]
    Strict,
    /// What the reference implementation does, faults included.
    Reference,
}

/// What a text must begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum First {
    /// Any command: the text is a part of a package.
    #[default]
    Any,
    /// A section: an option before it is an error. Lines `package` have no meaning.
    Section,
    /// A package, as in a stream for `import`.
    Package,
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParseOptions {
    /// The reading.
    pub dialect: Dialect,
    /// Whether one argument too many is let pass (`uci -S`).
    pub lenient: bool,
    /// What the text must begin with.
    pub first: First,
}

impl ParseOptions {
    /// Options for a whole package file in the strict dialect.
    pub const FILE: ParseOptions =
        ParseOptions { dialect: Dialect::Strict, lenient: false, first: First::Section };
}

/// A command of the grammar with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// `package NAME`
    Package {
        /// The name; it may not be that of the package the text belongs to.
        name: Word<'a>,
    },
    /// `config TYPE [NAME]`
    Config {
        /// The type, never empty.
        kind: Word<'a>,
        /// The name; `None` if it is missing or empty.
        name: Option<Word<'a>>,
    },
    /// `option NAME [VALUE]`; without a value, or with an empty one, it does nothing.
    Option {
        /// The name, never empty.
        name: Word<'a>,
        /// The value, if there is a word.
        value: Option<Word<'a>>,
    },
    /// `list NAME [VALUE]`; without a value it adds an empty item.
    List {
        /// The name, never empty.
        name: Word<'a>,
        /// The item, if there is a word.
        value: Option<Word<'a>>,
    },
}

/// A command and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The command.
    pub command: Command<'a>,
    /// From the keyword's first byte to the end of the last word. Counted, like the spans of the
    /// words, from `base`.
    pub span: Range<usize>,
    /// The line of the keyword, from 1.
    pub line: usize,
    /// The offset in the input that spans are counted from: 0 for a slice.
    pub base: u64,
}

impl Event<'_> {
    /// Returns the offset of the keyword in the input.
    pub fn offset(&self) -> u64 {
        self.base + self.span.start as u64
    }
}

/// Why a text is no UCI. `Display` gives the words that `uci` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The first word of a command is no keyword.
    InvalidCommand,
    /// A word is missing or empty.
    InsufficientArguments,
    /// There is a word too many.
    TooManyArguments,
    /// A type holds a byte that types may not have.
    InvalidType,
    /// A name holds a byte that names may not have.
    InvalidName,
    /// An option comes before any section.
    BeforeFirstSection,
    /// A section is opened again with another type.
    TypeMismatch,
    /// The text ends within single quotes.
    UnterminatedSingle,
    /// The text ends within double quotes.
    UnterminatedDouble,
    /// The text ends with the word `config`.
    ConfigWithoutName,
    /// The text ends with the word `option` or `list`.
    OptionWithoutName,
    /// The text ends with the word `package`.
    PackageWithoutName,
    /// A stream for `import` has no line `package`.
    NoPackage,
    /// The line holds a NUL byte, which no text does.
    Nul,
}

impl Reason {
    /// Names the reason for programs.
    pub fn code(self) -> &'static str {
        match self {
            Reason::InvalidCommand => "invalid-command",
            Reason::InsufficientArguments => "missing-word",
            Reason::TooManyArguments => "extra-word",
            Reason::InvalidType => "invalid-type",
            Reason::InvalidName => "invalid-name",
            Reason::BeforeFirstSection => "option-before-section",
            Reason::TypeMismatch => "type-mismatch",
            Reason::UnterminatedSingle | Reason::UnterminatedDouble => "unterminated-quote",
            Reason::ConfigWithoutName | Reason::OptionWithoutName | Reason::PackageWithoutName => {
                "missing-word"
            }
            Reason::NoPackage => "missing-package",
            Reason::Nul => "nul-byte",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::InvalidCommand => "invalid command",
            Reason::InsufficientArguments => "insufficient arguments",
            Reason::TooManyArguments => "too many arguments",
            Reason::InvalidType => "invalid character in type field",
            Reason::InvalidName => "invalid character in name field",
            Reason::BeforeFirstSection => "option/list command found before the first section",
            Reason::TypeMismatch => "section of different type overwrites prior section with same name",
            Reason::UnterminatedSingle => "EOF with unterminated '",
            Reason::UnterminatedDouble => "EOF with unterminated \"",
            Reason::ConfigWithoutName => "config without name",
            Reason::OptionWithoutName => "option without name",
            Reason::PackageWithoutName => "package without name",
            Reason::NoPackage => "attempting to import a file without a package name",
            Reason::Nul => "NUL byte",
        })
    }
}

/// An error in a text. After it the parser goes on with the next line.
///
/// `Display` gives what `uci` prints in parentheses and after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub reason: Reason,
    /// The line as `uci` counts: newlines read so far.
    pub line: usize,
    /// The byte as `uci` counts: from 0, in the logical line, often behind the fault.
    pub byte: usize,
    /// The line that the fault starts in, from 1.
    pub start_line: usize,
    /// The byte in that line, from 1.
    pub column: usize,
    /// The offset of the fault in the input.
    pub offset: u64,
    /// How many bytes the fault covers.
    pub length: usize,
    /// That line, without its end, cut off when it is very long.
    pub line_text: Vec<u8>,
    /// How to mend it, when that is known.
    pub hint: Option<&'static str>,
}

impl ParseError {
    /// Turns it into a diagnostic without a file.
    pub fn diagnostic(self) -> Diagnostic {
        Diagnostic {
            code: self.reason.code(),
            severity: Severity::Error,
            message: self.reason.to_string(),
            file: None,
            line: self.start_line,
            column: self.column,
            span_len: self.length.min((self.line_text.len() + 1).saturating_sub(self.column)),
            line_text: self.line_text,
            hint: self.hint.map(str::to_owned),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) at line {}, byte {}", self.reason, self.line, self.byte)
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for Diagnostic {
    fn from(error: ParseError) -> Diagnostic {
        error.diagnostic()
    }
}

/// Reads commands from a text in memory.
///
/// ```
/// use cms_model::{Command, SliceParser};
///
/// let mut parser = SliceParser::new(b"config rule\n\tlist port '22'\nnonsense\n\tlist port 80");
/// assert!(matches!(parser.next(), Some(Ok(event)) if event.line == 1));
/// assert!(matches!(parser.next(), Some(Ok(event)) if event.span == (13..27)));
/// let error = parser.next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "(invalid command) at line 3, byte 0");
/// let event = parser.next().unwrap().unwrap();
/// assert!(matches!(event.command, Command::List { value: Some(port), .. } if &*port.value() == b"80"));
/// assert!(parser.next().is_none());
/// ```
#[derive(Debug, Clone)]
pub struct SliceParser<'a> {
    text: &'a [u8],
    machine: Machine,
}

impl<'a> SliceParser<'a> {
    /// Reads `text`, a package or a part of one, in the strict dialect.
    pub fn new(text: &'a [u8]) -> SliceParser<'a> {
        SliceParser::with_options(text, ParseOptions::default())
    }

    /// Reads `text` as `options` say.
    pub fn with_options(text: &'a [u8], options: ParseOptions) -> SliceParser<'a> {
        SliceParser { text, machine: Machine::new(options) }
    }

    /// Returns where the next logical line, or the next command of this one, begins.
    #[inline]
    pub fn position(&self) -> usize {
        self.machine.pos
    }

    /// Makes an error about the command read last, placed behind its last word.
    pub fn reject(&self, reason: Reason) -> ParseError {
        self.machine.reject(self.text, reason)
    }
}

impl<'a> Iterator for SliceParser<'a> {
    type Item = Result<Event<'a>, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.machine.step(self.text, true) {
            Step::Event(event) => Some(Ok(event.tie(self.text, 0))),
            Step::Error(error) => Some(Err(*error)),
            Step::End | Step::Starved => None,
        }
    }
}

/// How many bytes a streaming parser asks its reader for at once.
const WINDOW: usize = 64 * 1024;

/// Reads commands from a reader. Its window grows to the longest logical line, not further.
///
/// ```
/// use cms_model::Parser;
///
/// let mut parser = Parser::new(&b"config rule\n\toption name 'x'\n"[..]);
/// let mut count = 0;
/// while let Some(event) = parser.next()? {
///     count += usize::from(event.is_ok());
/// }
/// assert_eq!(count, 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Parser<R> {
    reader: R,
    window: Vec<u8>,
    filled: usize,
    base: u64,
    complete: bool,
    chunk: usize,
    machine: Machine,
}

impl<R: Read> Parser<R> {
    /// Reads a package or a part of one in the strict dialect.
    pub fn new(reader: R) -> Parser<R> {
        Parser::with_options(reader, ParseOptions::default())
    }

    /// Reads as `options` say.
    pub fn with_options(reader: R, options: ParseOptions) -> Parser<R> {
        Parser::with_window(reader, options, WINDOW)
    }

    /// Reads as `options` say, with a window of `size` bytes to begin with.
    pub fn with_window(reader: R, options: ParseOptions, size: usize) -> Parser<R> {
        let machine = Machine::new(options);
        let chunk = size.max(1);
        Parser { reader, window: Vec::new(), filled: 0, base: 0, complete: false, chunk, machine }
    }

    /// Reads the next command, or the next error in the text; `None` at the end.
    ///
    /// # Errors
    /// If the reader fails; the parser can then be used again, and tries to go on.
    #[allow(clippy::should_implement_trait, reason = "the event borrows the parser's window")]
    #[inline]
    pub fn next(&mut self) -> io::Result<Option<Result<Event<'_>, ParseError>>> {
        loop {
            match self.machine.step(&self.window[..self.filled], self.complete) {
                Step::Event(event) => return Ok(Some(Ok(event.tie(&self.window, self.base)))),
                Step::Error(mut error) => {
                    error.offset += self.base;
                    return Ok(Some(Err(*error)));
                }
                Step::End => return Ok(None),
                Step::Starved => self.fill()?,
            }
        }
    }

    /// Makes an error about the command read last, placed behind its last word.
    pub fn reject(&self, reason: Reason) -> ParseError {
        let mut error = self.machine.reject(&self.window[..self.filled], reason);
        error.offset += self.base;
        error
    }

    /// Drops the lines that are done with and reads on behind the rest.
    fn fill(&mut self) -> io::Result<()> {
        let keep = self.machine.needed_from();
        if keep > 0 {
            self.window.copy_within(keep..self.filled, 0);
            self.filled -= keep;
            self.base += keep as u64;
            self.machine.shift(keep);
        }
        if self.window.len() < self.filled * 2 || self.window.is_empty() {
            // Doubling keeps the work of retrying a long line linear in its length.
            self.window.resize((self.filled * 4).max(self.chunk), 0);
        }
        loop {
            match self.reader.read(&mut self.window[self.filled..]) {
                Ok(0) => self.complete = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

/// Checks what a single command cannot show: that a section opened again keeps its type.
///
/// ```
/// use cms_model::{Reason, SliceParser, Structure};
///
/// let mut structure = Structure::default();
/// let mut parser = SliceParser::new(b"config a x\nconfig b x\n");
/// let mut found = None;
/// while let Some(Ok(event)) = parser.next() {
///     if let Err(reason) = structure.check(&event.command) {
///         found = Some(parser.reject(reason));
///     }
/// }
/// assert_eq!(found.unwrap().reason, Reason::TypeMismatch);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Structure {
    types: HashMap<Vec<u8>, u32>,
    kinds: HashMap<Vec<u8>, u32>,
}

impl Structure {
    /// Takes note of a command.
    ///
    /// # Errors
    /// [`Reason::TypeMismatch`] if it opens a section again with another type.
    pub fn check(&mut self, command: &Command<'_>) -> Result<(), Reason> {
        let Command::Config { kind, name: Some(name) } = command else { return Ok(()) };
        let fresh = self.kinds.len() as u32;
        let kind = match self.kinds.get(&*kind.value()) {
            Some(kind) => *kind,
            None => *self.kinds.entry(kind.value().into_owned()).or_insert(fresh),
        };
        match self.types.get(&*name.value()) {
            Some(known) if *known == kind => Ok(()),
            Some(_) => Err(Reason::TypeMismatch),
            None => {
                self.types.insert(name.value().into_owned(), kind);
                Ok(())
            }
        }
    }
}

/// Reads a text as logical lines of words, in the reference's reading: staged changes and the
/// commands of a `batch` are written so.
///
/// ```
/// let mut lines = cms_model::WordLines::new(b"set 'a.b=c d'\nexit\n");
/// assert!(lines.next_line());
/// assert_eq!(&*lines.next_word().unwrap().value(), b"set");
/// assert_eq!(&*lines.next_word().unwrap().value(), b"a.b=c d");
/// assert!(lines.next_word().unwrap().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct WordLines<'a> {
    text: &'a [u8],
    machine: Machine,
}

impl<'a> WordLines<'a> {
    /// Reads `text`.
    pub fn new(text: &'a [u8]) -> WordLines<'a> {
        let options = ParseOptions { dialect: Dialect::Reference, ..ParseOptions::default() };
        WordLines { text, machine: Machine { complete: true, ..Machine::new(options) } }
    }

    /// Goes to the next logical line, whatever is left of this one; says whether there is one.
    pub fn next_line(&mut self) -> bool {
        self.machine.begin_line();
        self.machine.read_line(self.text)
    }

    /// Steps over the next byte of the line.
    pub fn skip_byte(&mut self) {
        self.machine.pos = (self.machine.pos + 1).min(self.machine.cut);
    }

    /// Reads the next word; an empty one at the end of the line.
    ///
    /// # Errors
    /// If the text ends within quotes.
    pub fn next_word(&mut self) -> Result<Word<'a>, ParseError> {
        match self.machine.read_word(self.text) {
            Ok(word) => Ok(word.raw.word(self.text)),
            Err(fault) => Err(self.machine.error(self.text, fault.reason, fault.at)),
        }
    }

    /// Returns what is left of the line behind the last word and the byte that ended it.
    pub fn rest_of_line(&self) -> &'a [u8] {
        let Machine { pos, cut, .. } = self.machine;
        &self.text[pos.min(cut)..cut]
    }

    /// Returns the line as far as it was read, with its newline.
    pub fn line(&self) -> &'a [u8] {
        &self.text[self.machine.line_start..self.machine.line_end]
    }

    /// Returns the text behind that line.
    pub fn rest(&self) -> &'a [u8] {
        &self.text[self.machine.line_end..]
    }
}

/// What a step of the machine gives.
enum Step {
    Event(RawEvent),
    Error(Box<ParseError>),
    /// The text ends within a logical line, and more of it is to come.
    Starved,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Package,
    Config,
    Option,
    List,
}

/// An event by its places alone, so that it can outlive a refill of the window.
struct RawEvent {
    keyword: Keyword,
    first: Span,
    second: Option<Span>,
    start: usize,
    end: usize,
    line: usize,
}

impl RawEvent {
    #[inline]
    fn tie(self, text: &[u8], base: u64) -> Event<'_> {
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
struct Fault {
    reason: Reason,
    at: Range<usize>,
}

/// The state between two commands. Positions are offsets in the window.
#[derive(Debug, Clone, Copy)]
struct Machine {
    options: ParseOptions,
    /// The next byte to look at.
    pos: usize,
    /// Where the logical line starts.
    line_start: usize,
    /// Behind the last line read into the logical line: its newline, or the end of the text.
    line_end: usize,
    /// Where the logical line ends for the reader of words: `line_end`, or a `#` before it.
    cut: usize,
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
    starved: bool,
    complete: bool,
}

impl Machine {
    fn new(options: ParseOptions) -> Machine {
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

    fn needed_from(&self) -> usize {
        if self.within_line { self.line_start } else { self.line_end }
    }

    fn shift(&mut self, by: usize) {
        let Machine { pos, line_start, line_end, cut, command, counted, .. } = self;
        for position in [pos, line_start, line_end, cut, command, counted] {
            *position = position.saturating_sub(by);
        }
    }

    #[inline]
    fn step(&mut self, text: &[u8], complete: bool) -> Step {
        if !self.within_line {
            if let Some(event) = self.canonical(text) {
                return Step::Event(event);
            }
        }
        self.general(text, complete)
    }

    /// Reads the lines that the printer writes: `\toption NAME 'VALUE'`, `\tlist NAME 'VALUE'`,
    /// `config TYPE`, `config TYPE 'NAME'` and empty ones, in both dialects the same. Anything else
    /// is left to the general way, untouched.
    #[inline]
    fn canonical(&mut self, text: &[u8]) -> Option<RawEvent> {
        if !self.section_open || !self.package_open {
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
    fn general(&mut self, text: &[u8], complete: bool) -> Step {
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
    fn error(&self, text: &[u8], reason: Reason, at: Range<usize>) -> ParseError {
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

    fn reject(&self, text: &[u8], reason: Reason) -> ParseError {
        let line = &text[self.command..self.pos.min(text.len()).max(self.command)];
        let length = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
        self.error(text, reason, self.command..self.command + length)
    }

    fn begin_line(&mut self) {
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
    fn read_line(&mut self, text: &[u8]) -> bool {
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
        while start < self.cut && matches!(text[start], b' ' | b'\t') {
            start += 1;
        }
        if strict {
            self.skip_between(text);
            start = self.pos;
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
    fn read_word(&mut self, text: &[u8]) -> Result<ReadWord, Fault> {
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
        } else if !strict && self.current(text).is_some() {
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

struct ReadWord {
    raw: Span,
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
#[inline]
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

fn hint(reason: Reason, at: &[u8]) -> Option<&'static str> {
    Some(match reason {
        Reason::InvalidCommand => return keyword_hint(at),
        Reason::InsufficientArguments
        | Reason::ConfigWithoutName
        | Reason::OptionWithoutName
        | Reason::PackageWithoutName => {
            "write `config TYPE [NAME]`, `option NAME VALUE` or `list NAME VALUE`"
        }
        Reason::TooManyArguments => "put quotes around a value with blanks in it",
        Reason::InvalidType => "types are made of visible ASCII characters",
        Reason::InvalidName => "names are made of letters, digits and `_`",
        Reason::BeforeFirstSection => "begin with a line `config TYPE [NAME]`",
        Reason::TypeMismatch => "give the section another name, or the same type",
        Reason::UnterminatedSingle | Reason::UnterminatedDouble => "the quote opened here is never closed",
        Reason::NoPackage => "begin with a line `package NAME`, or name the package",
        Reason::Nul => "the file is damaged, or no text",
    })
}

fn keyword_hint(word: &[u8]) -> Option<&'static str> {
    const KEYWORDS: [(&str, &str); 4] = [
        ("config", "did you mean `config`?"),
        ("option", "did you mean `option`?"),
        ("list", "did you mean `list`?"),
        ("package", "did you mean `package`?"),
    ];
    let close = |keyword: &str| {
        let mut left: Vec<u8> = word.iter().take(keyword.len() + 2).map(u8::to_ascii_lowercase).collect();
        let mut right = keyword.as_bytes().to_vec();
        let starts = left.len() >= 3 && (keyword.as_bytes().starts_with(&left) || left.starts_with(&right));
        // The same letters in another order, or one letter more or less.
        left.sort_unstable();
        right.sort_unstable();
        let common = left.iter().filter(|byte| right.contains(byte)).count();
        starts || left == right || (left.len().abs_diff(right.len()) <= 1 && common + 1 >= right.len())
    };
    let (_, hint) = KEYWORDS.iter().find(|(keyword, _)| close(keyword))?;
    Some(hint)
}

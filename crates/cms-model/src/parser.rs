//! The parser: UCI text in, commands and errors out, each with its place.
//!
//! One machine reads logical lines; [`SliceParser`] runs it over a text in memory, [`Parser`] over a
//! reader with a bounded window. Lines in the form that the printer writes take a short way that
//! looks at each byte about once; all others go through the general tokenizer, which follows the
//! reference implementation step by step, so that its error positions come out the same.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;

use crate::lexer::Word;
use crate::machine::{Machine, Step};
use crate::parse_error::{ParseError, Reason};

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
        if let Some(event) = self.machine.canonical(self.text) {
            return Some(Ok(event.tie(self.text, 0)));
        }
        match self.machine.general(self.text, true) {
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
            if let Some(event) = self.machine.canonical(&self.window[..self.filled]) {
                return Ok(Some(Ok(event.tie(&self.window, self.base))));
            }
            match self.machine.general(&self.window[..self.filled], self.complete) {
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
        let mut machine = Machine::new(options);
        machine.complete = true;
        WordLines { text, machine }
    }

    /// Reads `text`, which may go on behind its end; see [`WordLines::wants_more`].
    pub fn partial(text: &'a [u8]) -> WordLines<'a> {
        let mut lines = WordLines::new(text);
        lines.machine.complete = false;
        lines
    }

    /// Says whether the text ended where the line went on, so that what was read means nothing.
    pub fn wants_more(&self) -> bool {
        self.machine.starved
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

//! Stanzas: where each section begins in a text.
//!
//! A stanza is the run of bytes that belongs to one `config` command: the comment block directly
//! above it, the blank lines above that, the command, and everything up to the next stanza. What
//! comes before the first stanza of a package is its prologue; the blank line after its last
//! command, and what follows it, is its epilogue.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memrchr};

use crate::lexer::is_space;
use crate::{Command, ParseError, Reason, SliceParser, Word};

/// A `config` command and where its stanza starts. Offsets count from the start of the text.
#[derive(Debug, Clone)]
pub(crate) struct Head<'a> {
    pub start: usize,
    pub keyword: usize,
    pub kind: Word<'a>,
    pub name: Option<Word<'a>>,
}

/// Finds the stanzas of a text one after the other.
pub(crate) struct Stanzas<'a> {
    text: &'a [u8],
    parser: SliceParser<'a>,
    /// Behind the last word read, if any was.
    last_end: Option<usize>,
    /// Whether bytes may stand before the first stanza that do not belong to it.
    prologue: bool,
    first: bool,
}

impl<'a> Stanzas<'a> {
    /// Reads `text`; without `prologue` the first stanza starts with the first byte.
    pub fn new(text: &'a [u8], prologue: bool) -> Stanzas<'a> {
        Stanzas { text, parser: SliceParser::new(text), last_end: None, prologue, first: true }
    }

    /// Makes an error about the `config` command found last.
    pub fn reject(&self, reason: Reason) -> ParseError {
        self.parser.reject(reason)
    }

    pub fn next(&mut self) -> Option<Result<Head<'a>, ParseError>> {
        loop {
            let event = match self.parser.next()? {
                Ok(event) => event,
                Err(error) => return Some(Err(error)),
            };
            let last_end = self.last_end.replace(event.span.end);
            match event.command {
                Command::Config { kind, name } => {
                    let keyword = event.span.start;
                    let start = if self.first && !self.prologue {
                        0
                    } else {
                        stanza_start(self.text, last_end, keyword)
                    };
                    self.first = false;
                    return Some(Ok(Head { start, keyword, kind, name }));
                }
                Command::Option { .. } | Command::List { .. } if self.first => {
                    return Some(Err(self.parser.reject(Reason::BeforeFirstSection)));
                }
                _ => {}
            }
        }
    }
}

/// Where the bytes of a borrowed word lie, or the word itself if it is written in several parts.
pub(crate) fn place_of(word: &Word<'_>) -> Result<Range<usize>, Vec<u8>> {
    match word.value() {
        Cow::Borrowed(value) => {
            let start = word.span().start + (word.raw().len() - value.len()) / 2;
            Ok(start..start + value.len())
        }
        Cow::Owned(value) => Err(value),
    }
}

/// What follows a command on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing, or a comment; the next line starts here.
    End(usize),
    /// Another command starts here.
    Command(usize),
}

/// Looks at what follows the command whose last word ends at `position`.
pub(crate) fn tail(text: &[u8], mut position: usize) -> Tail {
    loop {
        match text.get(position..).unwrap_or_default() {
            [] => return Tail::End(text.len()),
            [b'\n', ..] => return Tail::End(position + 1),
            [b'#', ..] => return Tail::End(next_line(text, position)),
            [b'\\', b'\n', ..] => position += 2,
            [b'\\', b'\r', b'\n', ..] => position += 3,
            [b'\\'] => position += 1,
            [b';', ..] => position += 1,
            [byte, ..] if is_space(*byte) => position += 1,
            _ => return Tail::Command(position),
        }
    }
}

/// Returns where the line after the one that holds `position` starts, or the end of the text.
pub(crate) fn next_line(text: &[u8], position: usize) -> usize {
    let position = position.min(text.len());
    memchr(b'\n', &text[position..]).map_or(text.len(), |length| position + length + 1)
}

/// Returns where the line that holds `position` starts, not before `floor`.
pub(crate) fn line_start(text: &[u8], floor: usize, position: usize) -> usize {
    memrchr(b'\n', &text[floor..position]).map_or(floor, |newline| floor + newline + 1)
}

fn stanza_start(text: &[u8], last_end: Option<usize>, keyword: usize) -> usize {
    let floor = match last_end.map(|end| tail(text, end)) {
        None => 0,
        Some(Tail::End(position)) => position.min(keyword),
        Some(Tail::Command(_)) => return keyword,
    };
    let mut start = line_start(text, floor, keyword);
    for blank in [false, true] {
        while start > floor {
            let above = line_start(text, floor, start - 1);
            let line = &text[above..start];
            let wanted = match line.iter().find(|byte| !is_space(**byte)) {
                None => blank,
                Some(first) => *first == b'#' && !blank,
            };
            if !wanted {
                break;
            }
            start = above;
        }
    }
    start
}

/// Returns where the epilogue of a package starts that ends with the stanza `text`: at the first
/// blank line after its last command.
pub(crate) fn epilogue_start(text: &[u8]) -> usize {
    let last_end = SliceParser::new(text).flatten().last().map(|event| event.span.end);
    let mut position = match last_end.map(|end| tail(text, end)) {
        Some(Tail::End(position)) => position,
        // Only trivia: all but the blank lines at its end.
        _ => text.len() - trailing_blank(text),
    };
    while position < text.len() {
        let next = next_line(text, position);
        if text[position..next].iter().all(|byte| is_space(*byte)) {
            break;
        }
        position = next;
    }
    position
}

/// Returns the length of the blank lines at the end of a text without commands.
fn trailing_blank(text: &[u8]) -> usize {
    let content = text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| next_line(text, last));
    text.len() - content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, stanzas: &[&str]) {
        let mut starts = Vec::new();
        let mut scan = Stanzas::new(text.as_bytes(), true);
        while let Some(head) = scan.next() {
            starts.push(head.unwrap().start);
        }
        starts.push(text.len());
        let found: Vec<_> = starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        assert_eq!(found, stanzas, "{text:?}");
    }

    #[test]
    fn comments_above_a_section_and_the_blank_lines_above_them_belong_to_it() {
        check("\nconfig a\n\toption x 1\n\nconfig b\n\n", &["\nconfig a\n\toption x 1\n", "\nconfig b\n\n"]);
        check(
            "# head\n\n# of a\nconfig a\n# in a\n\n#b\n config b",
            &["\n# of a\nconfig a\n# in a\n", "\n#b\n config b"],
        );
        check("package p\n#a\nconfig a # c\n#b\nconfig b\n", &["#a\nconfig a # c\n", "#b\nconfig b\n"]);
        check("config a; option x 1; config b\n", &["config a; option x 1; ", "config b\n"]);
        check(
            "config a\n\toption x '\nconfig b\n'\n\r\nconfig c\r\n",
            &["config a\n\toption x '\nconfig b\n'\n", "\r\nconfig c\r\n"],
        );
        check("", &[]);
    }

    #[test]
    fn the_epilogue_starts_with_a_blank_line() {
        let check = |text: &str, rest: &str| {
            assert_eq!(&text[epilogue_start(text.as_bytes())..], rest, "{text:?}");
        };
        check("config a\n\toption x 1\n\n", "\n");
        check("config a\n\toption x 1\n#y\n\n# vim\n", "\n# vim\n");
        check("config a", "");
        check("\n", "\n");
        check("# head\n", "");
        check("# head\n\n", "\n");
        check("", "");
    }
}

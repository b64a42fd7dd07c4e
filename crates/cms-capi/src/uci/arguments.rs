//! Lines of words, quoted as in a shell: `uci_parse_argument`.

#![expect(unsafe_code, reason = "an exported name is unsafe by itself")]

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use cms::model::{WordLines, is_valid_value};

use super::code::{Code, Result};
use super::context::{Context, call};
use super::stream::Stream;
use crate::text::Text;

/// The words of the line that was read last. The program gets them one by one, with a pointer that tells how far it is.
pub struct Line {
    words: Vec<CString>,
    /// What comes behind the last word.
    end: CString,
    next: usize,
    /// The line ends within quotes, or has a word that is none.
    is_broken: bool,
}

impl Line {
    /// Reads the next line, with those that continue it.
    fn read(stream: Stream<'_>) -> Result<Line> {
        let mut text = Vec::new();
        stream.line(&mut text)?;
        let mut is_whole = false;
        loop {
            let mut lines = if is_whole { WordLines::new(&text) } else { WordLines::partial(&text) };
            lines.next_line();
            let line = Line::of(&mut lines);
            if !lines.wants_more() || is_whole {
                return Ok(line);
            }
            is_whole = !stream.line(&mut text)?;
        }
    }

    fn of(lines: &mut WordLines<'_>) -> Line {
        let mut line = Line { words: Vec::new(), end: CString::default(), next: 0, is_broken: false };
        loop {
            let Ok(word) = lines.next_word() else {
                line.is_broken = true;
                return line;
            };
            let value = word.value();
            if value.is_empty() {
                return line;
            }
            let shown = value.split(|byte| *byte == 0).next().unwrap_or_default();
            line.words.push(CString::new(shown).unwrap_or_default());
        }
    }

    /// Where the program is.
    fn place(&self) -> *mut c_char {
        self.words.get(self.next).unwrap_or(&self.end).as_ptr().cast_mut()
    }

    fn take(&mut self) -> Result<*mut c_char> {
        let word = self.place();
        if self.next < self.words.len() {
            self.next += 1;
        } else if self.is_broken {
            return Err(Code::Parse);
        }
        Ok(word)
    }
}

/// Takes the next word of the line, or of the next line.
#[unsafe(no_mangle)]
pub extern "C" fn uci_parse_argument(
    context: Option<&mut Context>,
    stream: Stream<'_>,
    cursor: Option<&mut *mut c_char>,
    result: Option<&mut *mut c_char>,
) -> c_int {
    call(context, |context| {
        let (cursor, result) = cursor.zip(result).ok_or(Code::Invalid)?;
        *result = ptr::null_mut();
        if cursor.is_null() {
            context.line = Some(Line::read(stream)?);
        }
        let line = context.line.as_mut().ok_or(Code::Invalid)?;
        if !cursor.is_null() && *cursor != line.place() {
            return Err(Code::Invalid);
        }
        *result = line.take()?;
        *cursor = line.place();
        Ok(())
    })
}

/// Whether a text can be the value of an option.
#[unsafe(no_mangle)]
pub extern "C" fn uci_validate_text(text: Text<'_>) -> bool {
    text.optional().is_some_and(|text| is_valid_value(text.to_bytes()))
}

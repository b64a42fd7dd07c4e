//! Words: how UCI quotes, and the byte classes of the grammar.

use std::borrow::Cow;
use std::ops::Range;

/// A word as it stands in the text, quotes and escapes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    raw: &'a [u8],
    start: usize,
    form: Form,
}

impl<'a> Word<'a> {
    /// Returns the bytes as written.
    #[inline]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns what the bytes mean: without quotes, escapes and continuations. Borrowed unless the
    /// word is made of several parts or holds an escape.
    #[inline]
    pub fn value(&self) -> Cow<'a, [u8]> {
        match self.form {
            Form::Bare => Cow::Borrowed(self.raw),
            Form::Quoted => Cow::Borrowed(inner(self.raw)),
            Form::Mixed => Cow::Owned(unquote(self.raw)),
        }
    }

    /// Returns the place of the word in the text that was parsed.
    #[inline]
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.raw.len()
    }

    /// Says whether the word means nothing, as `''` does.
    pub fn is_empty(&self) -> bool {
        self.value().is_empty()
    }
}

/// How a word is written, which decides what reading it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// No quotes, no escapes.
    Bare,
    /// One pair of single quotes around everything.
    Quoted,
    /// Anything else.
    Mixed,
}

/// A word by its place, before it is tied to the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) form: Form,
}

impl Span {
    #[inline(always)]
    pub(crate) fn word<'a>(&self, text: &'a [u8]) -> Word<'a> {
        Word { raw: &text[self.start..self.end], start: self.start, form: self.form }
    }
}

#[inline]
fn inner(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// Reads a raw word: adjacent parts `'...'` (literal), `"..."` (backslash gives the next byte) and
/// bare bytes (the same); a backslash before the end of the line continues on the next one.
///
/// ```
/// assert_eq!(cms_model::unquote(br#"a'b c'"d\"e"\ f"#), b"ab cd\"e f");
/// ```
pub fn unquote(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut quote = 0u8;
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (*byte, quote) {
            (byte, open) if open != 0 && byte == open => quote = 0,
            (byte @ (b'\'' | b'"'), 0) => quote = byte,
            (b'\\', 0 | b'"') => match tail {
                [] => {}
                [b'\n', tail @ ..] | [b'\r', b'\n', tail @ ..] => rest = tail,
                [escaped, tail @ ..] => {
                    value.push(*escaped);
                    rest = tail;
                }
            },
            (byte, _) => value.push(byte),
        }
    }
    value
}

/// Blank space as C's `isspace` has it.
#[inline]
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

/// Bytes of names, as a table for the fast path.
pub(crate) static NAME_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = crate::names::is_name_byte(byte as u8);
        byte += 1;
    }
    table
};

/// Bytes of types that can be written bare, as a table for the fast path.
pub(crate) static BARE_TYPE_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_bare_type_byte(byte as u8);
        byte += 1;
    }
    table
};

/// Says whether a type with this byte can be written without quotes.
pub(crate) const fn is_bare_type_byte(byte: u8) -> bool {
    crate::names::is_type_byte(byte) && !matches!(byte, b'\'' | b'"' | b'#' | b';' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoting_follows_the_rules_of_each_part() {
        let check = |raw: &str, value: &str| assert_eq!(unquote(raw.as_bytes()), value.as_bytes(), "{raw}");
        check("a''b\"c\"", "abc");
        check(r"'a\n\'", r"a\n\");
        check(r#""\n \\ \"""#, r#"n \ ""#);
        check("\"a\\\nb\nc\"", "ab\nc");
        check("a\\\nb\\\r\nc", "abc");
        check(r"a\ b\#\;", "a b#;");
        check("a\\", "a");
        check("''", "");
    }
}

//! Values in quotes.

use std::borrow::Cow;

use crate::fault::{Faults, Line, Number};

/// What stands in quotes, and where the closing one is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Quoted<'a> {
    pub(crate) value: Cow<'a, [u8]>,
    /// Whether there is a `$` that a shell would expand.
    pub(crate) has_variable: bool,
    /// Behind the closing quote.
    pub(crate) end: usize,
}

/// Why it cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unquoted {
    /// The closing quote is missing.
    Open,
    /// A backslash here, and what is behind it means nothing.
    Escape(usize),
}

/// Reads from the opening quote on. In double quotes, `\` takes its meaning from `escapes`.
pub(crate) fn read<'a>(text: &'a [u8], escapes: &[(u8, u8)]) -> Result<Quoted<'a>, Unquoted> {
    let quote = text[0];
    let (mut value, mut copied, mut has_variable, mut at) = (Vec::new(), 1, false, 1);
    while let Some(byte) = text.get(at) {
        match *byte {
            byte if byte == quote => {
                let rest = &text[copied..at];
                let value =
                    if value.is_empty() { Cow::Borrowed(rest) } else { Cow::Owned([&value, rest].concat()) };
                return Ok(Quoted { value, has_variable, end: at + 1 });
            }
            b'\\' if quote == b'"' => {
                let behind = text.get(at + 1);
                let known = escapes.iter().find(|(escape, _)| behind == Some(escape));
                let Some((_, meaning)) = known else { return Err(Unquoted::Escape(at)) };
                value.extend_from_slice(&text[copied..at]);
                value.push(*meaning);
                at += 2;
                copied = at;
            }
            b'$' if quote == b'"' => {
                has_variable |= expands(&text[at..]);
                at += 1;
            }
            _ => at += 1,
        }
    }
    Err(Unquoted::Open)
}

/// Whether a shell would expand what begins with this `$`.
pub(crate) fn expands(text: &[u8]) -> bool {
    text.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'{' | b'('))
}

/// Notes why a value in quotes cannot be read, which opens at a byte of a line, within a text that begins there.
pub(crate) fn fault(error: &Unquoted, line: Line<'_>, open: usize, text: &[u8], faults: &mut Faults) {
    let Unquoted::Escape(at) = error else {
        faults.add("unterminated-quote", line, open..open + 1);
        return;
    };
    let newlines = text[..*at].iter().filter(|byte| **byte == b'\n').count();
    let (Number::Line(number), true) = (line.number, newlines > 0) else {
        faults.add("bad-escape", line, open + at..open + at + 2);
        return;
    };
    // The value goes over lines: the one of the fault is shown.
    let start = memchr::memrchr(b'\n', &text[..*at]).map_or(0, |newline| newline + 1);
    let end = memchr::memchr(b'\n', &text[*at..]).map_or(text.len(), |length| at + length);
    let line = Line { number: Number::Line(number + newlines), text: &text[start..end] };
    faults.add("bad-escape", line, at - start..at - start + 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_off() {
        let escapes = [(b'"', b'"'), (b'\\', b'\\'), (b'n', b'\n')];
        let check = |text: &str, expected: Result<(&str, usize), Unquoted>| {
            let read = read(text.as_bytes(), &escapes);
            let read = read.map(|read| (String::from_utf8_lossy(&read.value).into_owned(), read.end));
            assert_eq!(read, expected.map(|(value, end)| (value.to_owned(), end)), "{text}");
        };
        check(r#""a" b"#, Ok(("a", 3)));
        check(r#""""#, Ok(("", 2)));
        check(r#""a\"\\\nb""#, Ok(("a\"\\\nb", 10)));
        check(r"'a\n'", Ok((r"a\n", 5)));
        check("\"a\nb\"", Ok(("a\nb", 5)));
        check("\"a", Err(Unquoted::Open));
        check("'", Err(Unquoted::Open));
        check(r#""a\q""#, Err(Unquoted::Escape(2)));
        check(r#""\"#, Err(Unquoted::Escape(1)));
    }

    #[test]
    fn variables_are_seen() {
        let sees = |text: &str| read(text.as_bytes(), &[(b'$', b'$')]).is_ok_and(|read| read.has_variable);
        assert!(sees(r#""$a""#) && sees(r#""x${a}""#) && sees(r#""$(b)""#));
        assert!(!sees(r#""5$""#) && !sees(r#""$5""#) && !sees(r#""\$a""#) && !sees("'$a'"));
    }
}

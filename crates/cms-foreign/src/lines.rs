//! A text as lines.

use crate::fault::{Faults, Line, Number};

/// Takes the byte order mark away. UTF-16 is refused: its letters are no bytes.
pub(crate) fn without_mark<'a>(text: &'a [u8], faults: &mut Faults) -> Option<&'a [u8]> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        faults.add("utf-16", Line { number: Number::Line(1), text: &text[..2] }, 0..2);
        return None;
    }
    Some(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
}

/// Goes over the lines of a text, without their ends, and counts them.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    text: &'a [u8],
    /// Where the last line begins.
    start: usize,
    /// Where the next one begins.
    next: usize,
    /// The number of the last one.
    number: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Lines<'a> {
        Lines { text, start: 0, next: 0, number: 0 }
    }

    /// The text from a byte of the last line on, with all lines behind it.
    pub(crate) fn from(&self, column: usize) -> &'a [u8] {
        &self.text[self.start + column..]
    }

    /// Goes on behind so many bytes from the begin of the last line, which may be on a later one: that line, and the byte in it.
    pub(crate) fn go_on(&mut self, bytes: usize) -> (Line<'a>, usize) {
        let end = self.start + bytes;
        let passed = &self.text[self.start..end];
        let newlines = memchr::memchr_iter(b'\n', passed).count();
        let start = memchr::memrchr(b'\n', passed).map_or(self.start, |newline| self.start + newline + 1);
        // Taking the line counts it.
        (self.next, self.number) = (start, self.number + newlines - 1);
        let line = self.take();
        (line, end - start)
    }

    fn take(&mut self) -> Line<'a> {
        self.start = self.next;
        let rest = &self.text[self.start..];
        let line = match memchr::memchr(b'\n', rest) {
            Some(end) => &rest[..end],
            None => rest,
        };
        self.next = self.text.len().min(self.start + line.len() + 1);
        self.number += 1;
        Line { number: Number::Line(self.number), text: line.strip_suffix(b"\r").unwrap_or(line) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        (self.next < self.text.len()).then(|| self.take())
    }
}

/// Where the first byte is that is no blank; the length of the line where there is none.
pub(crate) fn first(line: &[u8], from: usize) -> usize {
    let blanks = line[from..].iter().take_while(|byte| is_blank(**byte)).count();
    from + blanks
}

/// A part of a line without the blanks around it, and where it begins.
pub(crate) fn trimmed(line: &[u8], from: usize, to: usize) -> (&[u8], usize) {
    let start = first(&line[..to], from);
    let end =
        line[start..to].iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| start + last + 1);
    (&line[start..end], start)
}

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Where a comment begins that has a blank before it.
pub(crate) fn comment(line: &[u8], from: usize, marks: &[u8]) -> Option<usize> {
    (from.max(1)..line.len()).find(|at| marks.contains(&line[*at]) && is_blank(line[at - 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_either_end() {
        let lines = |text: &'static [u8]| Lines::new(text).map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(lines(b"a\r\nb\n\nc"), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b"a\n"), [b"a"]);
        let mut lines_of = Lines::new(b"a='1\n2' # x\nb");
        assert_eq!(lines_of.next().unwrap().text, b"a='1");
        assert_eq!(lines_of.from(2), b"'1\n2' # x\nb");
        let (line, at) = lines_of.go_on(7);
        assert_eq!((line.number, line.text, at), (Number::Line(2), &b"2' # x"[..], 2));
        assert_eq!(lines_of.next().unwrap().number, Number::Line(3));
        assert!(lines_of.next().is_none());
        assert!(lines(b"").is_empty());
        assert_eq!(trimmed(b"  a b\t", 0, 6), (&b"a b"[..], 2));
        assert_eq!(trimmed(b"   ", 1, 3), (&b""[..], 3));
        assert_eq!(comment(b"a #b", 0, b"#"), Some(2));
        assert_eq!(comment(b"a#b", 0, b"#"), None);
        assert_eq!(comment(b"#b", 0, b"#"), None);
    }
}

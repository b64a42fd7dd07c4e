//! A line, taken apart as `batch` takes it: the quotes and escapes of UCI.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use cms::model::WordLines;

use crate::failure::Failure;
use crate::text::msg;

/// The words of each command in what was typed or pasted; usually it is one. They end with their line or with `;`.
pub(super) fn of(text: &[u8]) -> Result<Vec<Vec<OsString>>, Failure> {
    let mut all = Vec::new();
    for command in commands(text) {
        let mut lines = WordLines::new(command);
        let mut words = Vec::new();
        while lines.next_line() {
            loop {
                let word = lines
                    .next_word()
                    .map_err(|error| Failure::invalid(msg!("batch-unreadable"), vec![error.diagnostic()]))?;
                if word.raw().is_empty() {
                    break;
                }
                words.push(OsString::from_vec(word.value().into_owned()));
            }
        }
        if !words.is_empty() {
            all.push(words);
        }
    }
    Ok(all)
}

/// Cuts a text where commands end.
fn commands(text: &[u8]) -> Vec<&[u8]> {
    let (mut all, mut start, mut state) = (Vec::new(), 0, State::Bare);
    for (place, byte) in text.iter().enumerate() {
        state = match (state, byte) {
            (State::Bare | State::Comment, b'\n') | (State::Bare, b';') => {
                all.push(&text[start..place]);
                start = place + 1;
                State::Bare
            }
            (state, byte) => state.after(*byte),
        };
    }
    all.push(&text[start..]);
    all
}

/// Where in a line a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Bare,
    Comment,
    Single,
    Double,
    /// Behind a backslash, within double quotes or not.
    Escaped(bool),
}

impl State {
    fn after(self, byte: u8) -> State {
        match (self, byte) {
            (State::Bare, b'#') => State::Comment,
            (State::Bare, b'\'') => State::Single,
            (State::Bare, b'"') => State::Double,
            (State::Bare, b'\\') => State::Escaped(false),
            (State::Double, b'\\') => State::Escaped(true),
            (State::Single, b'\'') | (State::Double, b'"') | (State::Escaped(false), _) => State::Bare,
            (State::Escaped(true), _) => State::Double,
            (state, _) => state,
        }
    }
}

/// Whether a line goes on behind its end: within quotes, or behind a backslash.
pub(super) fn wants_more(line: &[u8]) -> bool {
    let mut lines = WordLines::partial(line);
    while lines.next_line() {
        while lines.next_word().is_ok_and(|word| !word.raw().is_empty()) {}
        if lines.wants_more() || lines.rest().is_empty() {
            break;
        }
    }
    lines.wants_more()
}

/// The words before the place where something is to be completed, the part of a word that ends there, and where that begins. Nothing is
/// offered within quotes.
pub(super) fn before(line: &str) -> Option<(Vec<OsString>, String, usize)> {
    let (mut start, mut state) = (0, State::Bare);
    for (place, byte) in line.bytes().enumerate() {
        if state == State::Bare && (byte.is_ascii_whitespace() || byte == b';') {
            start = place + 1;
        }
        state = state.after(byte);
    }
    if state != State::Bare {
        return None;
    }
    // Behind a `;` a command begins.
    let begins = line[..start].trim_ascii_end().ends_with(';');
    let words =
        if begins { Vec::new() } else { of(&line.as_bytes()[..start]).ok()?.pop().unwrap_or_default() };
    let typed = of(&line.as_bytes()[start..]).ok()?.pop().unwrap_or_default();
    let typed = typed.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    Some((words, typed, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_by_blanks_and_quotes() {
        let check = |line: &str, expected: &[&[&str]]| {
            let words = of(line.as_bytes()).unwrap();
            let expected: Vec<Vec<OsString>> =
                expected.iter().map(|words| words.iter().map(OsString::from).collect()).collect();
            assert_eq!(words, expected, "{line}");
        };
        check("set a.b.c='x y'", &[&["set", "a.b.c=x y"]]);
        check("  get \t a.b ", &[&["get", "a.b"]]);
        check("set a.b.c=\"it's\" d", &[&["set", "a.b.c=it's", "d"]]);
        check("", &[]);
        check("# said to nobody", &[]);
        check("set a.b.c='one\ntwo'", &[&["set", "a.b.c=one\ntwo"]]);
        check("commit -m ''", &[&["commit", "-m", ""]]);
        check("begin\n\nget a.b # why\n", &[&["begin"], &["get", "a.b"]]);
        check(
            "begin; set a.b='c;d' ;get a\nabort;",
            &[&["begin"], &["set", "a.b=c;d"], &["get", "a"], &["abort"]],
        );
        assert!(of(b"set a.b.c='x").is_err());
    }

    #[test]
    fn an_open_quote_goes_on_in_the_next_line() {
        for (line, expected) in [
            ("set a='x\n", true),
            ("set a=\"x\n", true),
            ("set a \\\n", true),
            ("set a='x'\n", false),
            ("get a\n", false),
            ("\n", false),
            ("begin\nset a='x\n", true),
            ("begin\nget a\n", false),
        ] {
            assert_eq!(wants_more(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_to_be_completed_is_the_last_word() {
        let check = |line: &str, expected: Option<(&[&str], &str, usize)>| {
            let expected = expected.map(|(words, typed, start)| {
                (words.iter().map(OsString::from).collect(), typed.to_owned(), start)
            });
            assert_eq!(before(line), expected, "{line}");
        };
        check("", Some((&[], "", 0)));
        check("ge", Some((&[], "ge", 0)));
        check("get ", Some((&["get"], "", 4)));
        check("get network.l", Some((&["get"], "network.l", 4)));
        check("set a.b='x y' net", Some((&["set", "a.b=x y"], "net", 14)));
        check("set a.b='x", None);
        check("set a\\", None);
        check("begin; ge", Some((&[], "ge", 7)));
        check("begin;get ne", Some((&["get"], "ne", 10)));
        check("get # ne", None);
    }
}

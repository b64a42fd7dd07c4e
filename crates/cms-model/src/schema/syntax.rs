//! How rules are written: `required|between:1,9|or(port,"any")`.

use std::ops::Range;

use super::code::{Code, RULE_SYNTAX};

/// A rule as written, before it is known whether there is one of that name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub name: String,
    /// Whether a `!` turns it around.
    pub negated: bool,
    /// Whether the arguments stand in parentheses, as OpenWrt writes them.
    pub parenthesized: bool,
    pub arguments: Vec<Argument>,
    /// All of the arguments as one text: for rules that take a sentence.
    pub whole: String,
    /// The rule with its arguments, in the text that was read.
    pub at: Range<usize>,
    /// The rule as it stands there.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Argument {
    pub text: String,
    pub quoted: bool,
    pub at: Range<usize>,
}

/// What is wrong with a rule, and where in its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub code: &'static Code,
    pub at: Range<usize>,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(code: &'static Code, at: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { code, at, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }
}

/// Rules whose argument is a pattern: bars and commas within its groups belong to it.
fn takes_pattern(name: &str) -> bool {
    matches!(name, "regex" | "not_regex")
}

/// Reads rules with bars between. Blanks around bars do not matter.
pub(crate) fn parse(text: &str) -> Result<Vec<Call>, Fault> {
    let mut reader = Reader { text, position: 0 };
    let mut calls = Vec::new();
    loop {
        calls.push(reader.call()?);
        reader.blanks();
        match reader.peek() {
            None => return Ok(calls),
            Some(b'|') => reader.position += 1,
            Some(_) => {
                return Err(
                    reader.fault(reader.position..reader.text.len(), "a `|` belongs between two rules")
                );
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.position += 1;
        }
    }

    fn fault(&self, at: Range<usize>, message: impl Into<String>) -> Fault {
        Fault::new(RULE_SYNTAX, at, message)
    }

    fn call(&mut self) -> Result<Call, Fault> {
        self.blanks();
        let start = self.position;
        let mut negated = false;
        while self.peek() == Some(b'!') {
            negated = !negated;
            self.position += 1;
            self.blanks();
        }
        let name_start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.position += 1;
        }
        if self.position == name_start {
            let end =
                (name_start + self.text[name_start..].chars().next().map_or(0, char::len_utf8)).max(start);
            return Err(self
                .fault(start..end, "a rule begins with its name")
                .hint("write `\\|` for a bar that belongs to an argument"));
        }
        let name = self.text[name_start..self.position].to_ascii_lowercase();
        let mut call = Call {
            name,
            negated,
            parenthesized: false,
            arguments: Vec::new(),
            whole: String::new(),
            at: start..self.position,
            text: String::new(),
        };
        match self.peek() {
            Some(b'(') => {
                call.parenthesized = true;
                self.position += 1;
                self.parenthesized(&mut call)?;
            }
            Some(b':') => {
                self.position += 1;
                if takes_pattern(&call.name) { self.pattern(&mut call)? } else { self.colon(&mut call)? }
            }
            _ => {}
        }
        call.at.end = self.position;
        call.text = self.text[call.at.clone()].trim_end().to_owned();
        Ok(call)
    }

    /// Reads a quoted text, the quote being next; returns what is in it.
    fn quoted(&mut self) -> Result<String, Fault> {
        let open = self.position;
        let quote = self.peek();
        self.position += 1;
        let mut text = String::new();
        loop {
            let Some(next) = self.text[self.position..].chars().next() else {
                return Err(self.fault(open..open + 1, "this quote is not closed"));
            };
            self.position += next.len_utf8();
            match next {
                _ if Some(next as u32) == quote.map(u32::from) => return Ok(text),
                '\\' => text.push(self.escaped()),
                _ => text.push(next),
            }
        }
    }

    /// Reads what a backslash stands before; a backslash before anything without a meaning stays one.
    fn escaped(&mut self) -> char {
        match self.peek() {
            Some(byte @ (b'\\' | b'|' | b',' | b'"' | b'\'' | b'(' | b')')) => {
                self.position += 1;
                byte as char
            }
            _ => '\\',
        }
    }

    /// Reads arguments behind a colon, up to a bar.
    fn colon(&mut self, call: &mut Call) -> Result<(), Fault> {
        loop {
            self.blanks();
            let start = self.position;
            let quoted = matches!(self.peek(), Some(b'"' | b'\''));
            let mut text = if quoted { self.quoted()? } else { String::new() };
            let mut end = self.position;
            while let Some(next) = self.text[self.position..].chars().next() {
                match next {
                    '|' | ',' => break,
                    _ if next.is_ascii_whitespace() && quoted => self.position += 1,
                    _ if quoted => {
                        return Err(self.fault(
                            self.position..self.position + next.len_utf8(),
                            "a `,` or `|` belongs behind a quoted argument",
                        ));
                    }
                    '\\' => {
                        self.position += 1;
                        text.push(self.escaped());
                        end = self.position;
                    }
                    _ => {
                        self.position += next.len_utf8();
                        text.push(next);
                        end = self.position;
                    }
                }
            }
            let text = if quoted { text } else { text.trim_end().to_owned() };
            if !call.arguments.is_empty() {
                call.whole.push(',');
            }
            call.whole += &text;
            call.arguments.push(Argument { text, quoted, at: start..end });
            if self.peek() != Some(b',') {
                return Ok(());
            }
            self.position += 1;
        }
    }

    /// Reads a pattern: within slashes, or up to a bar that is in no group.
    fn pattern(&mut self, call: &mut Call) -> Result<(), Fault> {
        let start = self.position;
        let slashes = self.peek() == Some(b'/');
        let mut text = String::new();
        let mut depth = 0usize;
        let mut class = false;
        if slashes {
            self.position += 1;
        }
        loop {
            let Some(next) = self.text[self.position..].chars().next() else {
                if slashes {
                    return Err(self.fault(start..start + 1, "the pattern is not closed by a `/`"));
                }
                break;
            };
            match next {
                '/' if slashes => {
                    self.position += 1;
                    break;
                }
                '|' if !slashes && depth == 0 && !class => break,
                '\\' => {
                    let escaped = self.text[self.position + 1..].chars().next();
                    self.position += 1 + escaped.map_or(0, char::len_utf8);
                    if escaped != Some('/') {
                        text.push('\\');
                    }
                    text.extend(escaped);
                    continue;
                }
                '[' => class = true,
                ']' => class = false,
                '(' if !class => depth += 1,
                ')' if !class => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.position += next.len_utf8();
            text.push(next);
        }
        call.whole = text.clone();
        call.arguments.push(Argument { text, quoted: true, at: start..self.position });
        Ok(())
    }

    /// Reads arguments up to the closing parenthesis, each as it stands.
    fn parenthesized(&mut self, call: &mut Call) -> Result<(), Fault> {
        let open = self.position - 1;
        self.blanks();
        let whole = self.position;
        if self.peek() == Some(b')') {
            self.position += 1;
            return Ok(());
        }
        loop {
            self.blanks();
            let start = self.position;
            let mut quoted = None;
            if matches!(self.peek(), Some(b'"' | b'\'')) {
                quoted = Some(self.quoted()?);
            }
            let mut depth = 0usize;
            let last = loop {
                let Some(next) = self.text[self.position..].chars().next() else {
                    return Err(self.fault(open..open + 1, "this parenthesis is not closed"));
                };
                match next {
                    '"' | '\'' => {
                        self.quoted()?;
                        continue;
                    }
                    '\\' => {
                        let escaped = self.text[self.position + 1..].chars().next();
                        self.position += 1 + escaped.map_or(0, char::len_utf8);
                        continue;
                    }
                    '(' => depth += 1,
                    ')' if depth == 0 => break true,
                    ')' => depth -= 1,
                    ',' if depth == 0 => break false,
                    _ => {}
                }
                self.position += next.len_utf8();
            };
            let raw = self.text[start..self.position].trim_end();
            let at = start..start + raw.len();
            // A quoted text with something behind it is no quoted text.
            let closed = quoted.filter(|_| raw.len() >= 2 && raw.as_bytes().first() == raw.as_bytes().last());
            let argument = match closed {
                Some(text) => Argument { text, quoted: true, at },
                None => Argument { text: raw.to_owned(), quoted: false, at },
            };
            call.arguments.push(argument);
            self.position += 1;
            if last {
                call.whole = self.text[whole..self.position - 1].trim_end().to_owned();
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, calls: &[(&str, &[&str])]) {
        let found = parse(text).unwrap();
        let found: Vec<(String, Vec<String>)> = found
            .into_iter()
            .map(|call| {
                let bang = if call.negated { "!" } else { "" };
                (
                    format!("{bang}{}", call.name),
                    call.arguments.into_iter().map(|argument| argument.text).collect(),
                )
            })
            .collect();
        let wanted: Vec<(String, Vec<String>)> = calls
            .iter()
            .map(|(name, arguments)| {
                ((*name).to_owned(), arguments.iter().map(|a| (*a).to_owned()).collect())
            })
            .collect();
        assert_eq!(found, wanted, "{text}");
    }

    #[test]
    fn rules_are_separated_by_bars_and_arguments_by_commas() {
        check("required|alpha_num", &[("required", &[]), ("alpha_num", &[])]);
        check(" required | between: 1 , 9 ", &[("required", &[]), ("between", &["1", "9"])]);
        check(r"in:a\,b,c\|d,e\f", &[("in", &["a,b", "c|d", r"e\f"])]);
        check("in:\"a|b\", 'c,d'|int", &[("in", &["a|b", "c,d"]), ("int", &[])]);
        check("!ip|!!ip", &[("!ip", &[]), ("ip", &[])]);
        check("default:", &[("default", &[""])]);
    }

    #[test]
    fn patterns_keep_their_bars() {
        check("regex:^(a|b)$|int", &[("regex", &["^(a|b)$"]), ("int", &[])]);
        check(r"regex:/a|b\/c/|int", &[("regex", &["a|b/c"]), ("int", &[])]);
        check(r"regex:[|,]\||int", &[("regex", &[r"[|,]\|"]), ("int", &[])]);
    }

    #[test]
    fn parentheses_nest() {
        check("or(ip4addr,\"a,)b\",list(port))", &[("or", &["ip4addr", "a,)b", "list(port)"])]);
        check("range( 1, 9 )|list( or(a, b) )", &[("range", &["1", "9"]), ("list", &["or(a, b)"])]);
        check("and()", &[("and", &[])]);
    }

    #[test]
    fn what_cannot_be_read_has_a_place() {
        let check = |text: &str, at: Range<usize>| assert_eq!(parse(text).unwrap_err().at, at, "{text}");
        check("", 0..0);
        check("int||int", 4..5);
        check("in(a", 2..3);
        check("in:\"a", 3..4);
        check("int int", 4..7);
        check("regex:/a", 6..7);
        check("\u{e9}", 0..2);
    }
}

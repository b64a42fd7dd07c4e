//! A manual page in the macros of man(7), written line by line.
//!
//! **Invariant:** what comes from outside is escaped before it is in the page: no text can become a request, and
//! quotes, dashes and accents are those that a user can copy into a shell.

use std::fmt::Write as _;

/// A page that is being written.
pub(super) struct Roff {
    text: String,
}

/// Words with fonts, escaped already.
pub(super) struct Styled(String);

impl Roff {
    /// A page with its title line. It bears no date: the same source makes the same page.
    pub(super) fn new(title: &str, section: u8) -> Roff {
        let title = escape(&title.to_uppercase());
        let version = escape(env!("CARGO_PKG_VERSION"));
        Roff { text: format!(".TH \"{title}\" {section} \"\" \"cms {version}\" \"cms\"\n.nh\n.ad l\n") }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The line that whatis(1) shows.
    pub(super) fn name(&mut self, name: &str, summary: &str) {
        self.section("NAME");
        let mut letters = summary.chars();
        let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
        // The dash between the two is what whatis(1) looks for.
        self.line(&format!("{} \\- {}", escape(name), escape(&format!("{first}{}", letters.as_str()))));
    }

    pub(super) fn section(&mut self, title: &str) {
        self.line(&format!(".SH \"{}\"", escape(title)));
    }

    pub(super) fn subsection(&mut self, title: &str) {
        self.line(&format!(".SS \"{}\"", escape(title)));
    }

    /// How a command is called; several follow each other.
    pub(super) fn usage(&mut self, usage: &str) {
        // A word of capitals, with or without brackets, stands for something.
        let is_place =
            |word: &str| !word.contains(|c: char| c.is_lowercase()) && word.contains(char::is_alphabetic);
        let words = usage.split(' ').map(|word| {
            let plain = word.replace(['<', '>'], "");
            if is_place(&plain) {
                format!("\\fI{}\\fR", escape(&plain))
            } else {
                format!("\\fB{}\\fR", escape(&plain))
            }
        });
        let words: Vec<String> = words.collect();
        self.line(&words.join(" "));
        self.line(".br");
    }

    pub(super) fn paragraph(&mut self, words: &str) {
        self.line(".PP");
        self.line(&marked(words));
    }

    /// Paragraphs and lists as [`prose`](super::prose) has them.
    pub(super) fn prose(&mut self, prose: &str) {
        for paragraph in prose.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            if !paragraph.contains(" :: ") {
                self.paragraph(&paragraph.replace('\n', " "));
                continue;
            }
            let entries = paragraph.lines().filter_map(|line| line.split_once(" :: "));
            entries.for_each(|(term, words)| self.term(&Roff::bold(term), words));
        }
    }

    /// An entry of a list.
    pub(super) fn term(&mut self, term: &Styled, words: &str) {
        self.line(".TP");
        self.line(&term.0);
        self.line(&marked(words));
    }

    /// Lines as they are typed.
    pub(super) fn example(&mut self, lines: &str) {
        self.line(".PP");
        self.line(".nf");
        for line in lines.lines() {
            let line = escape(line);
            self.line(&line);
        }
        self.line(".fi");
    }

    pub(super) fn see_also(&mut self, pages: &[(String, u8)]) {
        let pages: Vec<String> =
            pages.iter().map(|(name, section)| format!("\\fB{}\\fR({section})", escape(name))).collect();
        self.line(&pages.join(",\n"));
    }

    pub(super) fn bold(words: &str) -> Styled {
        Styled(format!("\\fB{}\\fR", escape(words)))
    }

    pub(super) fn italic(words: &str) -> Styled {
        Styled(format!("\\fI{}\\fR", escape(words)))
    }

    /// An option by its names, and what stands for its value.
    pub(super) fn option(short: Option<char>, long: Option<&str>, value: Option<&str>) -> Styled {
        let short = short.map(|letter| format!("\\fB\\-{}\\fR", escape(&letter.to_string())));
        let long = long.map(|name| format!("\\fB\\-\\-{}\\fR", escape(name)));
        let mut option = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(option, " \\fI{}\\fR", escape(value));
        }
        Styled(option)
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Words in which those between backticks are bold.
fn marked(words: &str) -> String {
    let parts = words
        .split('`')
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { format!("\\fB{}\\fR", escape(part)) } else { escape(part) });
    parts.collect()
}

/// Text that the formatter prints as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    if text.starts_with(['.', '\'']) {
        // A line that begins with one of these is a request.
        escaped.push_str("\\&");
    }
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\(rs"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '"' => escaped.push_str("\\(dq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_request_or_another_character() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected);
        check(".so /etc/passwd", "\\&.so /etc/passwd");
        check("'tr", "\\&\\(aqtr");
        check("a\n.so b", "a .so b");
        check("--at `x` ^y~ \"z\" \\", "\\-\\-at \\(gax\\(ga \\(hay\\(ti \\(dqz\\(dq \\(rs");
    }

    #[test]
    fn words_in_backticks_are_bold() {
        let check = |words: &str, expected: &str| assert_eq!(marked(words), expected);
        check("see `cms get`, or not", "see \\fBcms get\\fR, or not");
        check("`a` and `b`", "\\fBa\\fR and \\fBb\\fR");
        check("plain", "plain");
    }
}

//! Staged changes in the format of `uci`'s delta files.
//!
//! One change a line: a sign for the operation, the key, and a value:
//! `network.lan.proto='static'`, `-network.lan.dns`, `+network.cfg03abcd='rule'`.

use std::io::{self, Write};

use crate::names::Name;
use crate::parser::WordLines;
use crate::print::write_quoted;
use crate::value::is_valid_value;

/// What a staged change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeltaOperation {
    /// No sign: sets the type of a section or the value of an option.
    Set,
    /// `+`: makes an anonymous section with the generated name given.
    Add,
    /// `-`: deletes a section or an option, or with a value the N-th item of a list.
    Delete,
    /// `@`: renames a section or an option.
    Rename,
    /// `^`: moves a section.
    Reorder,
    /// `|`: appends an item to a list.
    AddList,
    /// `~`: removes all equal items from a list.
    DelList,
}

impl DeltaOperation {
    const SIGNS: [(DeltaOperation, u8); 6] = [
        (DeltaOperation::Add, b'+'),
        (DeltaOperation::Delete, b'-'),
        (DeltaOperation::Rename, b'@'),
        (DeltaOperation::Reorder, b'^'),
        (DeltaOperation::AddList, b'|'),
        (DeltaOperation::DelList, b'~'),
    ];

    fn sign(self) -> Option<u8> {
        Self::SIGNS.iter().find(|(operation, _)| *operation == self).map(|(_, sign)| *sign)
    }

    fn of_sign(sign: u8) -> Option<DeltaOperation> {
        Self::SIGNS.iter().find(|(_, other)| *other == sign).map(|(operation, _)| *operation)
    }
}

/// A staged change to a package.
///
/// ```
/// use cms_model::{DeltaLine, DeltaOperation, Name};
///
/// let line = DeltaLine {
///     operation: DeltaOperation::AddList,
///     section: Name::new("lan")?,
///     option: Some(Name::new("dns")?),
///     value: Some(b"1.1.1.1".to_vec()),
/// };
/// let mut text = Vec::new();
/// line.write("network", &mut text).unwrap();
/// assert_eq!(text, b"|network.lan.dns='1.1.1.1'\n");
/// assert_eq!(DeltaLine::parse(&text, "network").next(), Some(line));
/// # Ok::<(), cms_model::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaLine {
    /// What it does.
    pub operation: DeltaOperation,
    /// The section, by its real or its generated name.
    pub section: Name,
    /// The option, if it is about one.
    pub option: Option<Name>,
    /// The type, value, item, new name or position; only a deletion can do without.
    pub value: Option<Vec<u8>>,
}

impl DeltaLine {
    /// Reads the staged changes of `package`, leaving out the lines that mean nothing.
    pub fn parse<'a>(text: &'a [u8], package: &'a str) -> impl Iterator<Item = DeltaLine> + 'a {
        DeltaReader::new(text, package).filter_map(|entry| entry.line)
    }

    /// Writes the change as a line.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write(&self, package: &str, out: &mut impl Write) -> io::Result<()> {
        if let Some(sign) = self.operation.sign() {
            out.write_all(&[sign])?;
        }
        write!(out, "{package}.{}", self.section)?;
        if let Some(option) = &self.option {
            write!(out, ".{option}")?;
        }
        if let Some(value) = &self.value {
            out.write_all(b"=")?;
            write_quoted(out, value)?;
        }
        out.write_all(b"\n")
    }

    /// Takes a word such as `network.lan.dns=1.1.1.1` apart.
    fn of_word(operation: DeltaOperation, word: &[u8], package: &str) -> Option<DeltaLine> {
        let equals = memchr::memchr(b'=', word);
        let key = &word[..equals.unwrap_or(word.len())];
        let value = equals.map(|equals| &word[equals + 1..]);
        let mut parts = key.split(|byte| *byte == b'.');
        if parts.next()? != package.as_bytes() {
            return None;
        }
        let section = Name::try_from(parts.next()?).ok()?;
        let option = parts.next().map(Name::try_from).transpose().ok()?;
        let complete = parts.next().is_none()
            && value.is_none_or(is_valid_value)
            && match (operation, value) {
                (DeltaOperation::Delete, _) => true,
                (_, None) => false,
                (DeltaOperation::Rename, Some(name)) => Name::is_valid(name),
                (DeltaOperation::Reorder, Some(_)) => option.is_none(),
                (DeltaOperation::AddList | DeltaOperation::DelList, Some(_)) => option.is_some(),
                (DeltaOperation::Set | DeltaOperation::Add, Some(_)) => true,
            };
        complete.then(|| DeltaLine { operation, section, option, value: value.map(<[u8]>::to_vec) })
    }
}

/// A logical line of a delta file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaEntry<'a> {
    /// Its bytes, newline included.
    pub raw: &'a [u8],
    /// The change; `None` if the line is damaged or about another package.
    pub line: Option<DeltaLine>,
    /// Whether the text ends within quotes here, as a write that was cut short leaves it. What is
    /// appended behind it would be taken for a part of it.
    pub torn: bool,
}

/// Reads a delta file line by line, damaged ones included.
#[derive(Debug, Clone)]
pub struct DeltaReader<'a> {
    lines: WordLines<'a>,
    package: &'a str,
}

impl<'a> DeltaReader<'a> {
    /// Reads the staged changes of `package`.
    pub fn new(text: &'a [u8], package: &'a str) -> DeltaReader<'a> {
        DeltaReader { lines: WordLines::new(text), package }
    }
}

impl<'a> Iterator for DeltaReader<'a> {
    type Item = DeltaEntry<'a>;

    fn next(&mut self) -> Option<DeltaEntry<'a>> {
        if !self.lines.next_line() {
            return None;
        }
        let operation = self.lines.line().first().and_then(|sign| DeltaOperation::of_sign(*sign));
        if operation.is_some() {
            self.lines.skip_byte();
        }
        let word = self.lines.next_word();
        let torn = word.is_err();
        let line = match word {
            // Text behind the word makes the line void, even a carriage return.
            Ok(word) if self.lines.rest_of_line().is_empty() => {
                DeltaLine::of_word(operation.unwrap_or(DeltaOperation::Set), &word.value(), self.package)
            }
            Ok(_) | Err(_) => None,
        };
        Some(DeltaEntry { raw: self.lines.line(), line, torn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<String> {
        let show = |line: DeltaLine| {
            let mut out = Vec::new();
            line.write("p", &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        DeltaLine::parse(text.as_bytes(), "p").map(show).collect()
    }

    #[test]
    fn every_operation_reads_and_prints() {
        let text = "p.s='t'\np.s.o='v'\n+p.cfg01b606='a'\n-p.s\n-p.s.o\n-p.s.l='2'\n@p.s='n'\n@p.s.o='n'\n^p.s='3'\n|p.s.l='i'\n~p.s.l='i'\n";
        assert_eq!(parsed(text).concat(), text);
    }

    #[test]
    fn words_follow_the_grammar_of_files() {
        assert_eq!(
            parsed("p.s.o=bare\np.s.o=\"a\nb\"\np.s.o=a#b\n"),
            ["p.s.o='bare'\n", "p.s.o='a\nb'\n", "p.s.o='a'\n"]
        );
        assert_eq!(parsed(r"p.s.o='it'\''s'"), ["p.s.o='it'\\''s'\n"]);
    }

    #[test]
    fn lines_that_mean_nothing_are_left_out() {
        for line in [
            "p.s.o='v' x",
            "p.s.o='v' ",
            "p.s.o='v'\r",
            "q.s.o='v'",
            "p='v'",
            "p.@s[0].o='v'",
            "p.s-1.o='v'",
            "p.s.o-1='v'",
            "p.s.o.x='v'",
            "p.s.o='\x01'",
            "p.s.o",
            "p.s",
            "+p.s",
            "@p.s='a-b'",
            "@p.s=''",
            "^p.s.o='1'",
            "^p.s",
            "|p.s='v'",
            "~p.s='v'",
            "~p.s.o",
            "",
            "#p.s.o='v'",
            "p.s.o='v",
        ] {
            assert_eq!(parsed(&format!("{line}\n")), Vec::<String>::new(), "{line}");
        }
        assert_eq!(parsed("rubbish\np.s.o='v'\n\nrubbish"), ["p.s.o='v'\n"]);
    }

    #[test]
    fn the_reader_gives_back_every_byte() {
        let text = b"p.s.o='a\nb'\nrubbish x\n\n|p.s.l=\"x";
        let raw: Vec<u8> = DeltaReader::new(text, "p").flat_map(|entry| entry.raw.to_vec()).collect();
        assert_eq!(raw, text);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_lose_text(text: Vec<u8>) {
            let raw: Vec<u8> = DeltaReader::new(&text, "p").flat_map(|entry| entry.raw.to_vec()).collect();
            prop_assert_eq!(raw, text);
        }

        #[test]
        fn what_is_written_reads_back(value in "[ -~\t\r\n\u{80}-\u{100}]{0,40}") {
            let line = DeltaLine {
                operation: DeltaOperation::Set,
                section: Name::new("s").unwrap(),
                option: Some(Name::new("o").unwrap()),
                value: Some(value.into_bytes()),
            };
            let mut text = Vec::new();
            line.write("p", &mut text).unwrap();
            prop_assert_eq!(DeltaLine::parse(&text, "p").collect::<Vec<_>>(), vec![line]);
        }
    }
}

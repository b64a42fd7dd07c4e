//! What is wrong with a text: the reasons, in the reference's words, and where they apply.

use std::fmt;

use crate::diagnostic::{Diagnostic, Severity};

/// Why a text is no UCI. `Display` gives the words that `uci` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The first word of a command is no keyword.
    InvalidCommand,
    /// A word is missing or empty.
    InsufficientArguments,
    /// There is a word too many.
    TooManyArguments,
    /// A type holds a byte that types may not have.
    InvalidType,
    /// A name holds a byte that names may not have.
    InvalidName,
    /// An option comes before any section.
    BeforeFirstSection,
    /// A section is opened again with another type.
    TypeMismatch,
    /// The text ends within single quotes.
    UnterminatedSingle,
    /// The text ends within double quotes.
    UnterminatedDouble,
    /// The text ends with the word `config`.
    ConfigWithoutName,
    /// The text ends with the word `option` or `list`.
    OptionWithoutName,
    /// The text ends with the word `package`.
    PackageWithoutName,
    /// A stream for `import` has no line `package`.
    NoPackage,
    /// The line holds a NUL byte, which no text does.
    Nul,
    /// A section takes more than 4 GiB of text.
    TooLong,
}

impl Reason {
    /// Names the reason for programs.
    pub fn code(self) -> &'static str {
        match self {
            Reason::InvalidCommand => "invalid-command",
            Reason::InsufficientArguments => "missing-word",
            Reason::TooManyArguments => "extra-word",
            Reason::InvalidType => "invalid-type",
            Reason::InvalidName => "invalid-name",
            Reason::BeforeFirstSection => "option-before-section",
            Reason::TypeMismatch => "type-mismatch",
            Reason::UnterminatedSingle | Reason::UnterminatedDouble => "unterminated-quote",
            Reason::ConfigWithoutName | Reason::OptionWithoutName | Reason::PackageWithoutName => {
                "missing-word"
            }
            Reason::NoPackage => "missing-package",
            Reason::Nul => "nul-byte",
            Reason::TooLong => "section-too-long",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::InvalidCommand => "invalid command",
            Reason::InsufficientArguments => "insufficient arguments",
            Reason::TooManyArguments => "too many arguments",
            Reason::InvalidType => "invalid character in type field",
            Reason::InvalidName => "invalid character in name field",
            Reason::BeforeFirstSection => "option/list command found before the first section",
            Reason::TypeMismatch => "section of different type overwrites prior section with same name",
            Reason::UnterminatedSingle => "EOF with unterminated '",
            Reason::UnterminatedDouble => "EOF with unterminated \"",
            Reason::ConfigWithoutName => "config without name",
            Reason::OptionWithoutName => "option without name",
            Reason::PackageWithoutName => "package without name",
            Reason::NoPackage => "attempting to import a file without a package name",
            Reason::Nul => "NUL byte",
            Reason::TooLong => "section of more than 4 GiB",
        })
    }
}

/// An error in a text. After it the parser goes on with the next line.
///
/// `Display` gives what `uci` prints in parentheses and after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub reason: Reason,
    /// The line as `uci` counts: newlines read so far.
    pub line: usize,
    /// The byte as `uci` counts: from 0, in the logical line, often behind the fault.
    pub byte: usize,
    /// The line that the fault starts in, from 1.
    pub start_line: usize,
    /// The byte in that line, from 1.
    pub column: usize,
    /// The offset of the fault in the input.
    pub offset: u64,
    /// How many bytes the fault covers.
    pub length: usize,
    /// That line, without its end, cut off when it is very long.
    pub line_text: Vec<u8>,
    /// How to mend it, when that is known.
    pub hint: Option<&'static str>,
}

impl ParseError {
    /// Turns it into a diagnostic without a file.
    pub fn diagnostic(self) -> Diagnostic {
        Diagnostic {
            code: self.reason.code(),
            severity: Severity::Error,
            message: self.reason.to_string(),
            file: None,
            line: self.start_line,
            column: self.column,
            span_len: self.length.min((self.line_text.len() + 1).saturating_sub(self.column)),
            line_text: self.line_text,
            hint: self.hint.map(str::to_owned),
            detail: None,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) at line {}, byte {}", self.reason, self.line, self.byte)
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for Diagnostic {
    fn from(error: ParseError) -> Diagnostic {
        error.diagnostic()
    }
}

/// Says how to mend the fault, given the bytes it is about.
pub(crate) fn hint(reason: Reason, at: &[u8]) -> Option<&'static str> {
    Some(match reason {
        Reason::InvalidCommand => return keyword_hint(at),
        Reason::InsufficientArguments
        | Reason::ConfigWithoutName
        | Reason::OptionWithoutName
        | Reason::PackageWithoutName => {
            "write `config TYPE [NAME]`, `option NAME VALUE` or `list NAME VALUE`"
        }
        Reason::TooManyArguments => "put quotes around a value with blanks in it",
        Reason::InvalidType => "types are made of visible ASCII characters",
        Reason::InvalidName => "names are made of letters, digits and `_`",
        Reason::BeforeFirstSection => "begin with a line `config TYPE [NAME]`",
        Reason::TooLong => "split the section in two",
        Reason::TypeMismatch => "give the section another name, or the same type",
        Reason::UnterminatedSingle | Reason::UnterminatedDouble => "the quote opened here is never closed",
        Reason::NoPackage => "begin with a line `package NAME`, or name the package",
        Reason::Nul => "the file is damaged, or no text",
    })
}

fn keyword_hint(word: &[u8]) -> Option<&'static str> {
    const KEYWORDS: [(&str, &str); 4] = [
        ("config", "did you mean `config`?"),
        ("option", "did you mean `option`?"),
        ("list", "did you mean `list`?"),
        ("package", "did you mean `package`?"),
    ];
    let close = |keyword: &str| {
        let mut left: Vec<u8> = word.iter().take(keyword.len() + 2).map(u8::to_ascii_lowercase).collect();
        let mut right = keyword.as_bytes().to_vec();
        let starts = left.len() >= 3 && (keyword.as_bytes().starts_with(&left) || left.starts_with(&right));
        // The same letters in another order, or one letter more or less.
        left.sort_unstable();
        right.sort_unstable();
        let common = left.iter().filter(|byte| right.contains(byte)).count();
        starts || left == right || (left.len().abs_diff(right.len()) <= 1 && common + 1 >= right.len())
    };
    let (_, hint) = KEYWORDS.iter().find(|(keyword, _)| close(keyword))?;
    Some(hint)
}

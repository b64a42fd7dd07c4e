//! What is wrong with a text, and where: for people.

use std::fmt;

/// How much of a line a diagnostic carries.
const LINE_TEXT_LIMIT: usize = 400;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// The text cannot be used as it is.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One finding in a text, with its place.
///
/// ```
/// let error = cms_model::SliceParser::new(b"config lan\n\toptoin x 1\n").find_map(Result::err).unwrap();
/// let diagnostic = error.diagnostic().in_file("network");
/// assert_eq!(diagnostic.to_string(), "network:2:2: invalid command");
/// assert_eq!(diagnostic.hint.as_deref(), Some("did you mean `option`?"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Names the kind of finding for programs; never changes.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in lower case, without a full stop.
    pub message: String,
    /// The file, if there is one.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
    /// The line, without its end, cut off when it is very long.
    pub line_text: Vec<u8>,
    /// How many bytes the finding covers; 0 when it is a place between bytes.
    pub span_len: usize,
    /// How to mend it, when that is known.
    pub hint: Option<String>,
    /// What was checked, if the finding comes from a schema.
    pub detail: Option<Box<Detail>>,
}

/// What a schema was asked and what it found. A secret's value is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// The key, `package.section.option` or a part of it; anonymous sections as `@type[0]`.
    pub key: String,
    /// The rule that does not hold, as the schema writes it.
    pub rule: Option<String>,
    /// The value at fault.
    pub value: Option<Vec<u8>>,
    /// What would have been right, in words.
    pub allowed: Option<String>,
    /// What would have been right, if these are few: the values, options or types that there are.
    pub choices: Vec<String>,
}

impl Diagnostic {
    /// Names the file that it is about.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Diagnostic {
        self.file = Some(file.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// Returns the line of `text` that holds the byte `offset`, without its end and bounded, with the
/// offset of its first byte.
pub(crate) fn line_at(text: &[u8], offset: usize) -> (usize, &[u8]) {
    let offset = offset.min(text.len());
    let start = memchr::memrchr(b'\n', &text[..offset]).map_or(0, |newline| newline + 1);
    let end = memchr::memchr(b'\n', &text[offset..]).map_or(text.len(), |length| offset + length);
    let line = text[start..end].strip_suffix(b"\r").unwrap_or(&text[start..end]);
    (start, &line[..line.len().min(LINE_TEXT_LIMIT)])
}

//! How a command fails: the reference's messages and exit codes.

use std::fmt;

use cms::model::ParseError;

/// Why a command could not do its work.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A bad reference, a missing value, the wrong kind of target.
    Invalid,
    /// A missing package, section or option.
    NotFound,
    /// A file or folder that cannot be opened or written.
    Io,
    /// Text or a reference that cannot be read; with its place if it has one.
    Parse(Option<Box<ParseError>>),
    /// The same package twice in one stream.
    Duplicate,
    /// `-f` twice.
    TooManyInputs,
    /// A wrong number of words, or an unknown command: the usage is shown.
    Usage,
    /// Exit 1 without a word.
    Silent,
    /// Another failure under an exit code of its own.
    Coded(Box<Failure>, u8),
}

impl Failure {
    /// The exit code that the reference gives.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage => 255,
            Failure::Coded(_, code) => *code,
            _ => 1,
        }
    }

    /// The same failure with its number as the exit code, as `add` has it.
    pub fn numbered(self) -> Failure {
        let code = match self {
            Failure::Invalid => 2,
            Failure::NotFound => 3,
            Failure::Io => 4,
            Failure::Parse(_) => 5,
            Failure::Duplicate => 6,
            other => return other,
        };
        Failure::Coded(Box::new(self), code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Invalid => f.write_str("Invalid argument"),
            Failure::NotFound => f.write_str("Entry not found"),
            Failure::Io => f.write_str("I/O error"),
            Failure::Parse(None) => f.write_str("Parse error"),
            Failure::Parse(Some(error)) => write!(f, "Parse error {error}"),
            Failure::Duplicate => f.write_str("Duplicate entry"),
            Failure::TooManyInputs => f.write_str("Too many input files."),
            Failure::Coded(failure, _) => failure.fmt(f),
            Failure::Usage | Failure::Silent => Ok(()),
        }
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Failure {
        Failure::Parse(Some(Box::new(error)))
    }
}

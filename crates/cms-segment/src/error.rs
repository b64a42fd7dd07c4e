//! What can go wrong with a segment.

use std::fmt;

/// The result of an operation on a segment.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation on a segment failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes of the segment contradict each other.
    Damaged {
        /// What is wrong with them.
        what: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Damaged { what } => write!(f, "the segment is damaged: {what}"),
        }
    }
}

impl std::error::Error for Error {}

//! What can go wrong with a segment.

use std::fmt;

use crate::Kind;

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
    /// A value is of another type than its place wants.
    Mistyped {
        /// The place, for instance `column 'id' of table 'users'`.
        what: String,
        /// The type wanted.
        expected: Kind,
        /// The type of the value.
        found: Kind,
    },
    /// An array has no element at the position.
    NoSuchPosition {
        /// The position asked for.
        position: u64,
        /// The number of elements.
        len: u64,
    },
    /// Something is larger than it may be.
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        len: u64,
        /// The largest size allowed.
        limit: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Mistyped { what, expected, found } => write!(f, "{what} wants {expected}, not {found}"),
            Error::NoSuchPosition { position, len } => {
                write!(f, "there is no position {position} in an array of {len} elements")
            }
            Error::TooLarge { what, len, limit } => write!(f, "{what} of {len} is larger than {limit}"),
            Error::Damaged { what } => write!(f, "the segment is damaged: {what}"),
        }
    }
}

impl std::error::Error for Error {}

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
    /// A unique index has a row with the value already.
    NotUnique {
        /// The table.
        table: String,
        /// The indexed column.
        column: String,
        /// The value, as text.
        value: String,
    },
    /// A table has no column of the name.
    NoSuchColumn {
        /// The table.
        table: String,
        /// The name asked for.
        column: String,
    },
    /// A table has no row of the number.
    NoSuchRow {
        /// The table.
        table: String,
        /// The number asked for.
        row: u64,
    },
    /// A range was asked of a column without an index.
    NoIndex {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value does not fit its column.
    BadValue {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with it.
        what: String,
    },
    /// A table cannot be made as asked.
    BadTable {
        /// The table.
        table: String,
        /// What is wrong.
        what: String,
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
            Error::NotUnique { table, column, value } => {
                write!(f, "column '{column}' of table '{table}' has a row with {value} already")
            }
            Error::NoSuchColumn { table, column } => write!(f, "table '{table}' has no column '{column}'"),
            Error::NoSuchRow { table, row } => write!(f, "table '{table}' has no row {row}"),
            Error::NoIndex { table, column } => {
                write!(f, "column '{column}' of table '{table}' has no index")
            }
            Error::BadValue { table, column, what } => {
                write!(f, "column '{column}' of table '{table}': {what}")
            }
            Error::BadTable { table, what } => write!(f, "table '{table}': {what}"),
            Error::TooLarge { what, len, limit } => write!(f, "{what} of {len} is larger than {limit}"),
            Error::Damaged { what } => write!(f, "the segment is damaged: {what}"),
        }
    }
}

impl std::error::Error for Error {}

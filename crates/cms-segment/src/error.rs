//! What can go wrong with a segment, by what a caller can do about it.

use std::{error, fmt, io, path::PathBuf};

use crate::Kind;

/// The result of an operation on a segment.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a segment failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes of the segment contradict each other: write it anew from what it is a view of.
    Damaged {
        /// What is wrong with them.
        what: &'static str,
    },
    /// There is no store at the path.
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a store at the path already.
    Exists {
        /// Where it lies.
        path: PathBuf,
    },
    /// The file is something else than a part of a store, or belongs to another one.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of the program, which alone can read it.
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format version found.
        found: u32,
        /// The newest format version that this program knows.
        known: u32,
    },
    /// The hard limit of the segment does not allow what was asked for. Nothing of it is visible.
    Full {
        /// The limit in bytes.
        limit: u64,
        /// How many bytes the segment would have had to take.
        wanted: u64,
    },
    /// The file system has no room. Nothing of what was asked for is visible.
    NoSpace {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The caller may not open the file.
    Denied {
        /// The file.
        path: PathBuf,
    },
    /// Another writer holds the lock, or writers overtook this reader more often than it may retry.
    Busy,
    /// The store was attached for reading only.
    ReadOnly,
    /// A batch must be newer than the head, and revisions end at 2^48.
    Revision {
        /// The revision of the batch.
        revision: u64,
        /// The head.
        head: u64,
    },
    /// A key, path or value is longer than the format can hold.
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The greatest length.
        greatest: usize,
    },
    /// There is no such key, group, segment, column or position.
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// What was asked for does not fit what is there: another type, a taken name, a value already in a unique index.
    Invalid {
        /// What does not fit.
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
    /// An option that a record requires is absent.
    MissingOption {
        /// Its full key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An option is not what a record expects.
    BadOption {
        /// Its full key.
        key: String,
        /// What is there.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The batch failed before and can only be dropped.
    Poisoned,
    /// The system failed to read or write.
    Io {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the segment has to be written anew.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Error::Damaged { .. } | Error::Foreign { .. })
    }

    /// Whether room is missing: by the segment's limit or on the file system.
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Full { .. } | Error::NoSpace { .. })
    }

    /// Whether trying again later may help.
    pub fn is_busy(&self) -> bool {
        matches!(self, Error::Busy)
    }

    /// The error of a system call.
    pub(crate) fn io(what: &'static str, path: &std::path::Path, source: io::Error) -> Error {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Error::Absent { path },
            io::ErrorKind::AlreadyExists => Error::Exists { path },
            io::ErrorKind::PermissionDenied => Error::Denied { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace { path },
            _ => Error::Io { what, path, source },
        }
    }
}

/// A short way to say that the map contradicts itself.
pub(crate) fn damaged(what: &'static str) -> Error {
    Error::Damaged { what }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Damaged { what } => write!(f, "the segment is damaged: {what}"),
            Error::Absent { path } => write!(f, "there is no store at {}", path.display()),
            Error::Exists { path } => write!(f, "there is a store at {} already", path.display()),
            Error::Foreign { path } => write!(f, "{} does not belong to this store", path.display()),
            Error::NewerFormat { path, found, known } => {
                write!(f, "{} has format {found}, this program knows formats up to {known}", path.display())
            }
            Error::Full { limit, wanted } => {
                write!(f, "the segment is limited to {limit} bytes and would have to take {wanted}")
            }
            Error::NoSpace { path } => write!(f, "no room on the file system for {}", path.display()),
            Error::Denied { path } => write!(f, "permission denied on {}", path.display()),
            Error::Busy => write!(f, "the store is busy"),
            Error::ReadOnly => write!(f, "the store was attached for reading only"),
            Error::Revision { revision, head } => {
                write!(f, "revision {revision} cannot follow the head {head}")
            }
            Error::TooLong { what, length, greatest } => {
                write!(f, "{what} has {length} bytes, the greatest length is {greatest}")
            }
            Error::NotFound { what } => write!(f, "there is no such {what}"),
            Error::Invalid { what } => write!(f, "{what}"),
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
            Error::MissingOption { key, expected } => write!(f, "{key} is missing, {expected} was expected"),
            Error::BadOption { key, found, expected } => {
                write!(f, "{key} is {found}, {expected} was expected")
            }
            Error::Poisoned => write!(f, "the batch failed before and can only be dropped"),
            Error::Io { what, path, .. } => write!(f, "cannot {what} {}", path.display()),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

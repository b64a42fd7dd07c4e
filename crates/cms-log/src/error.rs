//! What can go wrong with a log, by what a caller can do about it.

use std::{error, fmt, path::PathBuf};

use cms_model::table::{ScriptError, TableError};

use crate::{Digest, Revision};

/// The result of an operation on a log.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation on a log failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Another commit came first: read it, rebase, and append again.
    HeadMoved {
        /// The head that the writer built on.
        expected: Revision,
        /// The head found.
        head: Revision,
    },
    /// There is no log at the path, or its creation was cut short; opening it with `create` makes one.
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The log was written by a newer version of the program, which alone can read it.
    NewerFormat {
        /// The log.
        path: PathBuf,
        /// The format version found.
        found: u32,
        /// The newest format version that this program knows.
        known: u32,
    },
    /// The file at the path is something else than a log.
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// The revision is older than the log still keeps.
    Compacted {
        /// The revision asked for.
        revision: Revision,
        /// The oldest revision that can be read.
        first: Revision,
    },
    /// The revision is newer than the head.
    NoSuchRevision {
        /// The revision asked for.
        revision: Revision,
        /// The head.
        head: Revision,
    },
    /// An object that was to be named is not (or no longer) in the log: store the package again, then retry.
    ObjectMissing {
        /// The object.
        digest: Digest,
    },
    /// A record or the file itself is damaged; `doctor` and [`Backend::verify`](crate::Backend::verify) tell the extent.
    Damaged(Fault),
    /// The disk or the quota is full. Nothing was changed; the operation may be tried again.
    NoSpace(Fault),
    /// The log is on a read-only file system, or was opened for reading.
    ReadOnly(Fault),
    /// The caller may not open the log.
    Denied(Fault),
    /// Another process held the log's lock for longer than the patience of this one.
    Busy(Fault),
    /// The system failed to read or write.
    Io(Fault),
    /// An earlier sync failed, so it is unknown what the disk holds: nothing more is written through this
    /// handle until the log has been opened again, which checks it.
    Poisoned {
        /// The log.
        path: PathBuf,
    },
    /// A row or a table cannot be as it was asked for; nothing was changed.
    Table(Box<TableError>),
    /// A script cannot be run, or failed; nothing was changed.
    Script(ScriptError),
    /// A commit or an object is malformed, which is a fault of the caller.
    Invalid {
        /// What is wrong with it.
        what: String,
    },
}

/// A failure of the storage below: where, at what, and the cause.
#[derive(Debug)]
pub struct Fault {
    /// The file concerned.
    pub path: PathBuf,
    /// What was attempted, for instance `append revision 17`.
    pub attempt: String,
    /// What the layer below said, if it said something.
    pub source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn table(error: TableError) -> Error {
        Error::Table(Box::new(error))
    }

    /// Returns whether another commit came first, so that rebasing and trying again may succeed.
    pub fn is_head_moved(&self) -> bool {
        matches!(self, Error::HeadMoved { .. })
    }

    /// Returns whether there is no log yet.
    pub fn is_absent(&self) -> bool {
        matches!(self, Error::Absent { .. })
    }

    /// Returns whether content of the log is damaged.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Error::Damaged(_))
    }

    /// Returns whether the revision asked for is no longer kept.
    pub fn is_compacted(&self) -> bool {
        matches!(self, Error::Compacted { .. })
    }

    /// Returns whether a reading may have failed because others gave up meanwhile what it began from: a commit, or an object that a
    /// checkpoint or a commit named.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, Error::Compacted { .. } | Error::ObjectMissing { .. })
    }

    /// Returns whether an object must be stored again before it can be named.
    pub fn is_object_missing(&self) -> bool {
        matches!(self, Error::ObjectMissing { .. })
    }

    /// Returns whether the disk or the quota is full.
    pub fn is_no_space(&self) -> bool {
        matches!(self, Error::NoSpace(_))
    }

    /// Returns whether the caller may not write, by its rights or because the file system is read-only.
    pub fn is_permission(&self) -> bool {
        matches!(self, Error::ReadOnly(_) | Error::Denied(_))
    }

    /// Returns whether the handle must be opened again before anything is written.
    pub fn is_poisoned(&self) -> bool {
        matches!(self, Error::Poisoned { .. })
    }

    /// Returns whether trying the same again later may succeed.
    pub fn is_busy(&self) -> bool {
        matches!(self, Error::Busy(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::HeadMoved { expected, head } => {
                write!(f, "append after revision {expected}: the log is already at revision {head}")
            }
            Error::Absent { path } => write!(f, "no log at {}", path.display()),
            Error::NewerFormat { path, found, known } => write!(
                f,
                "open log {}: it has format version {found}, this program knows versions up to {known}; \
                 a newer version of the program is needed",
                path.display()
            ),
            Error::NotALog { path } => write!(f, "open log {}: the file is not a log of cms", path.display()),
            Error::Compacted { revision, first } => {
                write!(f, "revision {revision} is no longer kept, the oldest is {first}")
            }
            Error::NoSuchRevision { revision, head } => {
                write!(f, "there is no revision {revision} yet, the newest is {head}")
            }
            Error::ObjectMissing { digest } => write!(f, "object {digest} is not in the log"),
            Error::Damaged(fault) => write!(f, "{fault}: the log is damaged"),
            Error::NoSpace(fault) => write!(f, "{fault}: no space left"),
            Error::ReadOnly(fault) => write!(f, "{fault}: it cannot be written"),
            Error::Denied(fault) => write!(f, "{fault}: permission denied"),
            Error::Busy(fault) => write!(f, "{fault}: another process holds it"),
            Error::Io(fault) => fault.fmt(f),
            Error::Poisoned { path } => write!(
                f,
                "log {}: an earlier sync failed, nothing is written until the log is opened again",
                path.display()
            ),
            Error::Table(error) => error.fmt(f),
            Error::Script(error) => error.fmt(f),
            Error::Invalid { what } => f.write_str(what),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.attempt, self.path.display())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Error::Damaged(fault)
            | Error::NoSpace(fault)
            | Error::ReadOnly(fault)
            | Error::Denied(fault)
            | Error::Busy(fault)
            | Error::Io(fault) => match &fault.source {
                Some(source) => Some(&**source),
                None => None,
            },
            _ => None,
        }
    }
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Error {
        Error::table(error)
    }
}

//! Why a backup could not be written or was refused.

use std::{error, fmt, io};

use crate::{Error, Revision};

/// Why a backup could not be written, or was refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupError {
    /// Writing or reading it failed.
    Io(io::Error),
    /// It is something else.
    NotABackup,
    /// A newer version of the program wrote it, which alone can read it.
    Newer {
        /// The version of its format.
        found: u64,
        /// The newest that this program knows.
        known: u64,
    },
    /// It ends before its end: it was never finished, or has been cut.
    Unfinished {
        /// Where it ends, in bytes.
        offset: u64,
    },
    /// It is not as it was written.
    Damaged {
        /// Where, in bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// It does not continue the backup before it, or there is none before it.
    NotNext {
        /// The revision that it continues; `None` of a whole one.
        continues: Option<Revision>,
        /// The last revision of the one before, if there is one.
        before: Option<Revision>,
    },
    /// It is of another store.
    OtherStore,
    /// The log does not have the commit with which the backup to be continued ends, but another under its number.
    OtherHistory {
        /// The commit.
        revision: Revision,
    },
    /// The log that it is made of, or put into, failed.
    Log(Error),
}

impl BackupError {
    /// Returns whether the file itself is at fault, and another one may do.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, BackupError::Io(_) | BackupError::Log(_))
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Io(error) => error.fmt(f),
            BackupError::NotABackup => f.write_str("it is not a backup of cms"),
            BackupError::Newer { found, known } => {
                write!(f, "it has format version {found}, this program knows versions up to {known}")
            }
            BackupError::Unfinished { offset } => {
                write!(f, "it ends at byte {offset}, before its end: it was not finished or has been cut")
            }
            BackupError::Damaged { offset, what } => write!(f, "it is damaged at byte {offset}: {what}"),
            BackupError::NotNext { continues: None, before } => {
                write!(f, "it is a whole backup and cannot follow")?;
                before.map_or(Ok(()), |before| write!(f, " one up to revision {before}"))
            }
            BackupError::NotNext { continues: Some(continues), before: None } => {
                write!(f, "it continues a backup up to revision {continues}, which has to come before it")
            }
            BackupError::NotNext { continues: Some(continues), before: Some(before) } => write!(
                f,
                "it continues another backup, up to revision {continues}; the one before it ends at revision {before}"
            ),
            BackupError::OtherStore => f.write_str("it is of another store"),
            BackupError::OtherHistory { revision } => {
                write!(f, "the log has another commit than the backup as revision {revision}")
            }
            BackupError::Log(error) => error.fmt(f),
        }
    }
}

impl error::Error for BackupError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            BackupError::Log(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> BackupError {
        BackupError::Io(error)
    }
}

impl From<Error> for BackupError {
    fn from(error: Error) -> BackupError {
        BackupError::Log(error)
    }
}

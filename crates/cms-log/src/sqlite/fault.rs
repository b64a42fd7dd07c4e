//! SQLite's error codes in our words.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};
use rustix::{fs::Access, io::Errno};

use crate::{Error, Fault, wire::Malformed};

/// Says what an error of SQLite means for the caller who attempted something on the log at `path`.
pub(super) fn of_sqlite(path: &Path, attempt: impl Into<String>, error: rusqlite::Error) -> Error {
    let attempt = attempt.into();
    let (code, extended) = match &error {
        rusqlite::Error::SqliteFailure(failure, _) => (Some(failure.code), failure.extended_code),
        rusqlite::Error::SqlInputError { error, .. } => (Some(error.code), error.extended_code),
        _ => (None, 0),
    };
    let fault = Fault { path: path.to_owned(), attempt, source: Some(Box::new(error)) };
    match code {
        Some(ErrorCode::DiskFull) => Error::NoSpace(fault),
        // SQLite could not give the wal-index its next 32 KiB.
        Some(ErrorCode::SystemIoFailure) if extended == ffi::SQLITE_IOERR_SHMSIZE => Error::NoSpace(fault),
        Some(ErrorCode::ReadOnly) => Error::ReadOnly(fault),
        Some(ErrorCode::PermissionDenied) => Error::Denied(fault),
        Some(ErrorCode::CannotOpen) => of_cannot_open(fault),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(fault),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged(fault),
        _ => Error::Io(fault),
    }
}

/// Says what an error of the system means.
pub(super) fn of_system(path: &Path, attempt: impl Into<String>, error: std::io::Error) -> Error {
    let errno = Errno::from_io_error(&error);
    let fault = Fault { path: path.to_owned(), attempt: attempt.into(), source: Some(Box::new(error)) };
    match errno {
        Some(Errno::NOSPC | Errno::DQUOT) => Error::NoSpace(fault),
        Some(Errno::ROFS) => Error::ReadOnly(fault),
        Some(Errno::ACCESS | Errno::PERM) => Error::Denied(fault),
        _ => Error::Io(fault),
    }
}

/// Says that a record is not what it should be.
pub(super) fn damaged(path: &Path, what: impl Into<String>, reason: Malformed) -> Error {
    Error::Damaged(Fault { path: path.to_owned(), attempt: what.into(), source: Some(reason.0.into()) })
}

/// SQLite says no more than that a file could not be opened, be it the database or a file beside it.
fn of_cannot_open(fault: Fault) -> Error {
    let directory = match fault.path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = rustix::fs::access(&fault.path, Access::READ_OK);
    match file.and_then(|()| rustix::fs::access(directory, Access::WRITE_OK)) {
        Err(Errno::ACCESS | Errno::PERM) => Error::Denied(fault),
        Err(Errno::ROFS) => Error::ReadOnly(fault),
        _ => Error::Io(fault),
    }
}

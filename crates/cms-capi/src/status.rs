//! Errors as C sees them: a code to branch on, and a sentence for people, kept for each thread.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};

/// The codes of `enum cms_status`. They are part of the binary interface: numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Ok = 0,
    Invalid = 1,
    NotFound = 2,
    Exists = 3,
    Type = 4,
    Conflict = 5,
    Refused = 6,
    Parse = 7,
    Denied = 8,
    Full = 9,
    Busy = 10,
    Io = 11,
    Damaged = 12,
    Expired = 13,
    NoLog = 14,
    FilesPending = 15,
    Timeout = 16,
    Newer = 17,
    Internal = 18,
}

impl Status {
    const ALL: [Status; 19] = [
        Status::Ok,
        Status::Invalid,
        Status::NotFound,
        Status::Exists,
        Status::Type,
        Status::Conflict,
        Status::Refused,
        Status::Parse,
        Status::Denied,
        Status::Full,
        Status::Busy,
        Status::Io,
        Status::Damaged,
        Status::Expired,
        Status::NoLog,
        Status::FilesPending,
        Status::Timeout,
        Status::Newer,
        Status::Internal,
    ];

    fn sentence(self) -> &'static CStr {
        match self {
            Status::Ok => c"success",
            Status::Invalid => c"invalid argument",
            Status::NotFound => c"not found",
            Status::Exists => c"exists already",
            Status::Type => c"value of another type",
            Status::Conflict => c"changed by another commit meanwhile",
            Status::Refused => c"refused by a schema",
            Status::Parse => c"text does not parse",
            Status::Denied => c"permission denied",
            Status::Full => c"limit reached",
            Status::Busy => c"busy",
            Status::Io => c"input or output failed",
            Status::Damaged => c"data is damaged",
            Status::Expired => c"deadline passed",
            Status::NoLog => c"there is no log",
            Status::FilesPending => c"committed, but package files could not be written yet",
            Status::Timeout => c"time ran out",
            Status::Newer => c"written by a newer version",
            Status::Internal => c"internal error",
        }
    }
}

/// Why a call failed.
#[derive(Debug)]
pub struct Failure {
    pub status: Status,
    pub message: String,
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub fn new(status: Status, message: impl Into<String>) -> Failure {
        Failure { status, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Status::Invalid, message)
    }
}

/// A message with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

impl From<cms_segment::Error> for Failure {
    fn from(error: cms_segment::Error) -> Failure {
        use cms_segment::Error;
        let status = match &error {
            Error::Damaged { .. } | Error::Foreign { .. } | Error::Poisoned => Status::Damaged,
            Error::Absent { .. }
            | Error::NotFound { .. }
            | Error::NoSuchPosition { .. }
            | Error::NoSuchColumn { .. }
            | Error::NoSuchRow { .. }
            | Error::NoIndex { .. }
            | Error::MissingOption { .. } => Status::NotFound,
            Error::Exists { .. } | Error::NotUnique { .. } => Status::Exists,
            Error::NewerFormat { .. } => Status::Newer,
            Error::Full { .. } | Error::NoSpace { .. } => Status::Full,
            Error::Denied { .. } | Error::ReadOnly => Status::Denied,
            Error::Busy => Status::Busy,
            Error::Mistyped { .. } | Error::BadOption { .. } => Status::Type,
            Error::Io { .. } => Status::Io,
            _ => Status::Invalid,
        };
        Failure::new(status, told(&error))
    }
}

impl From<cms::Error> for Failure {
    fn from(error: cms::Error) -> Failure {
        use cms::Error;
        let status = match &error {
            _ if error.is_conflict() => Status::Conflict,
            Error::FilesPending { .. } => Status::FilesPending,
            Error::Refused { .. } => Status::Refused,
            Error::Unparsable { .. } => Status::Parse,
            Error::Expired { .. } => Status::Expired,
            Error::NoLog { .. } => Status::NoLog,
            Error::NewerSchema { .. } => Status::Newer,
            Error::NoMigration { .. } => Status::NotFound,
            Error::Migration { .. } | Error::MigrationSql { .. } | Error::TablesKept { .. } => {
                Status::Refused
            }
            Error::Exists { .. } => Status::Exists,
            Error::Subscribers { .. } | Error::Unmapped { .. } => Status::Full,
            Error::StageDamaged { .. } => Status::Damaged,
            Error::NotOwner { .. } | Error::Untrusted { .. } => Status::Denied,
            Error::NoDirectory { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Status::NotFound
            }
            _ if error.is_permission() => Status::Denied,
            _ if error.is_not_found() => Status::NotFound,
            Error::Io { .. } | Error::NoDirectory { .. } | Error::Log(_) => Status::Io,
            Error::Segment(_) => Status::Damaged,
            _ => Status::Invalid,
        };
        // The program's own words for it are at the end of a chain; the diagnostics of a refusal are told apart.
        Failure::new(status, told(&error))
    }
}

macro_rules! invalid {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::invalid(told(&error))
            }
        }
    )*};
}

invalid!(cms::model::KeyError, cms::model::NameError, cms::PatternError);

impl From<cms::model::DraftError> for Failure {
    fn from(error: cms::model::DraftError) -> Failure {
        let status = if error.is_not_found() { Status::NotFound } else { Status::Invalid };
        Failure::new(status, told(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(Status::Io, told(&error))
    }
}

thread_local! {
    static LAST: RefCell<(Status, CString)> = RefCell::new((Status::Ok, CString::default()));
}

/// Keeps a failure for [`cms_last_error`].
pub fn keep(failure: Failure) -> Status {
    let status = failure.status;
    // What C reads ends at a NUL, so a message has none inside.
    let message = CString::new(failure.message.replace('\0', "\u{fffd}")).unwrap_or_default();
    // A thread that is ending has no place for it any more.
    let _ = LAST.try_with(|last| last.replace((status, message)));
    status
}

/// The failure that was kept last in this thread.
pub fn last() -> Failure {
    let kept = LAST.try_with(|last| {
        let (status, message) = &*last.borrow();
        Failure::new(*status, message.to_string_lossy())
    });
    kept.unwrap_or_else(|_| Failure::new(Status::Internal, "the thread is ending"))
}

/// The sentence for a code.
#[unsafe(no_mangle)]
pub extern "C" fn cms_strerror(status: c_int) -> *const c_char {
    let known = Status::ALL.into_iter().find(|known| *known as c_int == status);
    known.map_or(c"unknown error", Status::sentence).as_ptr()
}

/// The code of the last failure in this thread.
#[unsafe(no_mangle)]
pub extern "C" fn cms_last_status() -> c_int {
    LAST.try_with(|last| last.borrow().0 as c_int).unwrap_or(Status::Internal as c_int)
}

/// What the last failure in this thread was about.
#[unsafe(no_mangle)]
pub extern "C" fn cms_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().1.as_ptr()).unwrap_or(c"".as_ptr())
}

/// Forgets it.
#[unsafe(no_mangle)]
pub extern "C" fn cms_clear_error() {
    let _ = LAST.try_with(|last| last.replace((Status::Ok, CString::default())));
}

/// The version of the library.
#[unsafe(no_mangle)]
pub extern "C" fn cms_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_sentence() {
        let mut sentences: Vec<&CStr> = Status::ALL.into_iter().map(Status::sentence).collect();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), Status::ALL.len());
        for (number, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, number);
        }
    }

    #[test]
    fn the_last_failure_is_kept_for_its_thread() {
        keep(Failure::invalid("a\0b"));
        assert_eq!(cms_last_status(), Status::Invalid as c_int);
        let kept = LAST.with(|last| last.borrow().1.clone());
        assert_eq!(kept.to_str(), Ok("a\u{fffd}b"));
        let other = std::thread::spawn(|| cms_last_status()).join();
        assert_eq!(other.ok(), Some(Status::Ok as c_int));
        cms_clear_error();
        assert_eq!(cms_last_status(), Status::Ok as c_int);
    }
}

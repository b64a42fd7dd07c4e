//! The errors of libuci.

use std::ffi::{CStr, c_int};

use cms::model::DraftError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    Invalid = 2,
    NotFound = 3,
    Io = 4,
    Parse = 5,
    Duplicate = 6,
    Unknown = 7,
}

pub type Result<T, E = Code> = std::result::Result<T, E>;

/// The sentence of a code.
pub fn sentence(code: c_int) -> &'static CStr {
    match code {
        0 => c"Success",
        1 => c"Out of memory",
        2 => c"Invalid argument",
        3 => c"Entry not found",
        4 => c"I/O error",
        5 => c"Parse error",
        6 => c"Duplicate entry",
        _ => c"Unknown error",
    }
}

impl From<DraftError> for Code {
    fn from(error: DraftError) -> Code {
        if error.is_not_found() { Code::NotFound } else { Code::Invalid }
    }
}

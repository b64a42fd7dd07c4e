//! Strings that cross the border.

#![expect(unsafe_code, reason = "strings of C are looked into here")]

use std::ffi::{CStr, CString, c_char};
use std::marker::PhantomData;

use crate::status::{Failure, Result, Status};

/// A string of the caller's, which ends with a NUL, or a null. It comes only from C, as an argument of a function whose
/// documentation asks for such a string, and stays as it is until the function returns.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Text<'a>(*const c_char, PhantomData<&'a CStr>);

impl<'a> Text<'a> {
    /// The string, unless it is null.
    pub fn optional(self) -> Option<&'a CStr> {
        // SAFETY: not null, and then a string that lives and stays unchanged while the function runs, as the type demands.
        (!self.0.is_null()).then(|| unsafe { CStr::from_ptr(self.0) })
    }

    /// The bytes of a string that must be there.
    pub fn bytes(self, what: &str) -> Result<&'a [u8]> {
        self.optional().map(CStr::to_bytes).ok_or_else(|| Failure::invalid(format!("the {what} is null")))
    }

    /// The text of a string that must be there, in UTF-8.
    pub fn utf8(self, what: &str) -> Result<&'a str> {
        let bytes = self.bytes(what)?;
        std::str::from_utf8(bytes).map_err(|_| {
            Failure::invalid(format!("the {what} '{}' is not UTF-8", String::from_utf8_lossy(bytes)))
        })
    }
}

/// A string of our own for C. Bytes with a NUL among them cannot be handed over whole, which is an error and not a shorter string.
pub fn owned(bytes: impl Into<Vec<u8>>, what: &str) -> Result<CString> {
    CString::new(bytes).map_err(|_| {
        Failure::new(Status::Type, format!("the {what} has a NUL among its bytes, which no C string has"))
    })
}

/// A string for C of a text for people: what it cannot hold is replaced.
pub fn shown(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

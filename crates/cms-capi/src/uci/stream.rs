//! Streams of C: read to their end, line by line, and written to.

#![expect(unsafe_code, reason = "a FILE is C's")]

use std::ffi::c_int;
use std::marker::PhantomData;

use super::code::{Code, Result};

/// A stream of the caller's, or a null. It comes only from C, as an argument of a function whose documentation asks for one, and stays open
/// until the function returns.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Stream<'a>(*mut libc::FILE, PhantomData<&'a mut libc::FILE>);

impl Stream<'_> {
    fn given(self) -> Result<*mut libc::FILE> {
        if self.0.is_null() { Err(Code::Invalid) } else { Ok(self.0) }
    }

    /// What is left of it.
    pub fn rest(self) -> Result<Vec<u8>> {
        let stream = self.given()?;
        let mut text = Vec::new();
        let mut window = vec![0u8; 64 * 1024];
        loop {
            // SAFETY: an open stream, and as many bytes as are told.
            let count = unsafe { libc::fread(window.as_mut_ptr().cast(), 1, window.len(), stream) };
            text.extend_from_slice(&window[..count]);
            if count < window.len() {
                break;
            }
        }
        // SAFETY: as above.
        if unsafe { libc::ferror(stream) } != 0 { Err(Code::Io) } else { Ok(text) }
    }

    /// Appends the next line to a text, and says whether there was one.
    pub fn line(self, text: &mut Vec<u8>) -> Result<bool> {
        let stream = self.given()?;
        let before = text.len();
        loop {
            // SAFETY: an open stream.
            let byte = unsafe { libc::fgetc(stream) };
            match u8::try_from(byte) {
                Ok(byte) => text.push(byte),
                // SAFETY: as above.
                Err(_) if unsafe { libc::ferror(stream) } != 0 => return Err(Code::Io),
                Err(_) => break,
            }
            if byte == c_int::from(b'\n') {
                break;
            }
        }
        Ok(text.len() > before)
    }

    /// Writes all of a text.
    pub fn write(self, text: &[u8]) -> Result<()> {
        let stream = self.given()?;
        // SAFETY: an open stream, and as many bytes as are told.
        let count = unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stream) };
        // What stays in the stream's buffer fails when the caller closes it, but what is handed on is handed on now.
        // SAFETY: as above.
        let is_written = count == text.len() && unsafe { libc::fflush(stream) } == 0;
        if is_written { Ok(()) } else { Err(Code::Io) }
    }
}

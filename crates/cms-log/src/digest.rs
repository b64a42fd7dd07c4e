//! Names made from content.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Names bytes by their content: the first 16 bytes of their SHA-256.
///
/// ```
/// use cms_log::Digest;
///
/// let text = b"config system\n";
/// assert_eq!(Digest::of(text), Digest::of(text));
/// assert_ne!(Digest::of(text), Digest::of(b""));
/// assert_eq!(Digest::of(b"").to_string(), "e3b0c44298fc1c149afbf4c8996fb924");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Computes the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        let mut digester = Digester::new();
        digester.update(bytes);
        digester.finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Computes a [`Digest`] of bytes that come in pieces.
///
/// ```
/// use cms_log::{Digest, Digester};
///
/// let mut digester = Digester::new();
/// digester.update(b"config ");
/// digester.update(b"system\n");
/// assert_eq!(digester.finish(), Digest::of(b"config system\n"));
/// ```
#[derive(Clone, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Starts a digest of no bytes yet.
    pub fn new() -> Digester {
        Digester(Sha256::new())
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes added.
    pub fn finish(self) -> Digest {
        let full = self.0.finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        Digest(short)
    }
}

impl std::io::Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

//! Where structures of many pieces live: bytes found by their offset, and room for more of them.

use crate::Result;

/// Bytes found by their offset. The bytes may come from elsewhere: whoever reads them believes none of them.
pub trait Source: Sync {
    /// The `len` bytes at `offset`, or nothing if they do not lie wholly inside.
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]>;

    /// A bound of every offset. Counts that could not fit below it are lies.
    fn size(&self) -> u64;
}

/// A [`Source`] that takes more bytes. Bytes once appended never change until they are released.
pub trait Space: Source {
    /// Puts bytes into the space and answers their offset, which is never 0.
    fn append(&mut self, bytes: &[u8]) -> Result<u64>;

    /// Says that nothing that will be written from here on refers to these bytes. What is already visible may still
    /// refer to them: a space that reuses room does so when the change that released them is visible.
    fn release(&mut self, offset: u64, len: usize) {
        let _ = (offset, len);
    }
}

#[cfg(test)]
pub(crate) mod memory {
    use std::collections::BTreeMap;

    use super::*;

    /// A space in process memory that knows what is still in use.
    pub(crate) struct Memory {
        pub bytes: Vec<u8>,
        pub live: BTreeMap<u64, usize>,
        /// Whether releasing what is not in use is a fault.
        pub strict: bool,
    }

    impl Memory {
        pub fn new() -> Self {
            Self { bytes: vec![0; 8], live: BTreeMap::new(), strict: true }
        }
    }

    impl Source for Memory {
        fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
            let start = usize::try_from(offset).ok()?;
            self.bytes.get(start..start.checked_add(len)?)
        }

        fn size(&self) -> u64 {
            self.bytes.len() as u64
        }
    }

    impl Space for Memory {
        fn append(&mut self, bytes: &[u8]) -> Result<u64> {
            let offset = self.bytes.len() as u64;
            self.bytes.extend_from_slice(bytes);
            self.live.insert(offset, bytes.len());
            Ok(offset)
        }

        fn release(&mut self, offset: u64, len: usize) {
            let found = self.live.remove(&offset);
            assert!(!self.strict || found == Some(len), "released twice, or never given");
        }
    }
}

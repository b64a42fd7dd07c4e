//! Checksums of headers: CRC-32 as in zlib.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// Up to this length a table is as good: `crc32fast` asks the processor first what it can do, and where that one is virtual
/// the host answers, in a time in which a hundred keys could have been read.
const SHORT: usize = 256;

static TABLE: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// Returns the checksum of `bytes`.
pub fn checksum(bytes: &[u8]) -> u32 {
    if bytes.len() > SHORT { crc32fast::hash(bytes) } else { TABLE.checksum(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_agree() {
        let bytes: Vec<u8> = (0..SHORT as u32 + 2).map(|byte| (byte * 7 + byte / 256) as u8).collect();
        for length in 0..=bytes.len() {
            assert_eq!(checksum(&bytes[..length]), crc32fast::hash(&bytes[..length]), "{length} bytes");
        }
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }
}

//! Checksums of headers: CRC-32 as in zlib.

/// Up to this length a table is as good: `crc32fast` asks the processor first what it can do, and where that one is virtual
/// the host answers, in a time in which a hundred keys could have been read.
const SHORT: usize = 256;

static TABLE: [u32; 256] = table();

/// Returns the checksum of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    if bytes.len() > SHORT {
        return crc32fast::hash(bytes);
    }
    let step = |sum: u32, byte: &u8| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8);
    !bytes.iter().fold(u32::MAX, step)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
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

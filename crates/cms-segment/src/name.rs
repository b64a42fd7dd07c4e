//! Names in a segment: leaves, behind their lengths.

use crate::{
    Result,
    error::damaged,
    hash::{Leaf, MASKS, SHORT},
    map::Map,
    value::decode_length,
};

/// The greatest length of a path or of a leaf.
pub(crate) const GREATEST_NAME: usize = u16::MAX as usize;

/// Bytes from the start of a name on that never change: so many are compared at once, whatever its length.
pub(crate) const REACH: usize = 1 + SHORT;

/// Whether the name at a place is that of a leaf.
#[inline(always)]
pub(crate) fn is(map: &Map, at: u64, leaf: &Leaf<'_>) -> bool {
    if let Some([low_mask, high_mask]) = MASKS.get(leaf.text.len())
        && let Some([length, text @ ..]) = map.bytes(at, REACH)
        && let (Some(low), Some(high)) = (text.first_chunk::<8>(), text.last_chunk::<8>())
    {
        let low = u64::from_le_bytes(*low) & low_mask ^ leaf.low;
        let high = u64::from_le_bytes(*high) & high_mask ^ leaf.high;
        return u64::from(*length) ^ leaf.text.len() as u64 | low | high == 0;
    }
    is_long(map, at, leaf.text)
}

#[inline(never)]
fn is_long(map: &Map, at: u64, leaf: &[u8]) -> bool {
    matches!(read(map, at), Ok(found) if found == leaf)
}

/// Whether two paths are equal, without a call for those of common lengths.
#[inline(always)]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let word = |text: &[u8; 16]| u128::from_le_bytes(*text);
    if let (Some(a0), Some(b0), Some(a1), Some(b1)) =
        (a.first_chunk::<16>(), b.first_chunk::<16>(), a.last_chunk::<16>(), b.last_chunk::<16>())
        && a.len() <= 32
    {
        return (word(a0) ^ word(b0)) | (word(a1) ^ word(b1)) == 0;
    }
    let word = |text: &[u8; 8]| u64::from_le_bytes(*text);
    if let (Some(a0), Some(b0), Some(a1), Some(b1)) =
        (a.first_chunk::<8>(), b.first_chunk::<8>(), a.last_chunk::<8>(), b.last_chunk::<8>())
        && a.len() <= 16
    {
        return (word(a0) ^ word(b0)) | (word(a1) ^ word(b1)) == 0;
    }
    a == b
}

/// The name at a place.
pub(crate) fn read(map: &Map, at: u64) -> Result<&[u8]> {
    let (length, width) = decode_length(map, at)?;
    if length > GREATEST_NAME {
        return Err(damaged("a name of too many bytes"));
    }
    map.bytes(at + width, length).ok_or_else(|| damaged("a name lies outside"))
}

/// Appends a name as it is stored.
pub(crate) fn encode(name: &[u8], out: &mut Vec<u8>) {
    crate::value::encode_length(name.len(), out);
    out.extend_from_slice(name);
}

/// Adds what a name that begins at `start` lacks to its reach.
pub(crate) fn pad(bytes: &mut Vec<u8>, start: usize) {
    if bytes.len() < start + REACH {
        bytes.resize(start + REACH, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn short_texts_are_compared_to_the_last_byte() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..=40 {
            assert!(equal(&text[..length], &text.clone()[..length]));
            assert!(length == 0 || !equal(&text[..length], &text[..length - 1]));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 1;
                assert!(!equal(&text[..length], &other), "{length} {at}");
            }
        }
    }
}

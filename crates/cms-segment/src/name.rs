//! Names in a segment: leaves, behind their lengths.

use crate::{Result, error::damaged, map::Map, value::decode_length};

/// The greatest length of a path or of a leaf.
pub(crate) const GREATEST_NAME: usize = u16::MAX as usize;

/// Whether the name at a place is `name`.
#[inline(always)]
pub(crate) fn is(map: &Map, at: u64, name: &[u8]) -> bool {
    if name.len() < 0x80 {
        let Some([length, rest @ ..]) = map.bytes(at, name.len() + 1) else { return false };
        return usize::from(*length) == name.len() && equal(rest, name);
    }
    matches!(read(map, at), Ok(found) if found == name)
}

/// Whether two short texts are equal, without a call.
#[inline(always)]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (mut a, mut b) = (a, b);
    if let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        // The last word overlaps those before it, so that no byte is left over.
        let mut difference = u64::from_le_bytes(*last_a) ^ u64::from_le_bytes(*last_b);
        while let (Some((x, after_a)), Some((y, after_b))) =
            (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
        {
            difference |= u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
            (a, b) = (after_a, after_b);
        }
        return difference == 0;
    }
    if let (Some(x), Some(y), Some(u), Some(v)) =
        (a.first_chunk::<4>(), b.first_chunk::<4>(), a.last_chunk::<4>(), b.last_chunk::<4>())
    {
        return (u32::from_le_bytes(*x) ^ u32::from_le_bytes(*y))
            | (u32::from_le_bytes(*u) ^ u32::from_le_bytes(*v))
            == 0;
    }
    a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
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

//! Names in a segment.
//!
//! The name of leaves that a group refers to lies *before* its place: its bytes, and at the place their number; 255 stands for a
//! number that follows in two bytes. So the end of a key and the end of a name can be compared as they lie, sixteen bytes at
//! once. For that, the sixteen bytes before a place never change, and belong to this name, another, or nothing.

use crate::{
    Result,
    error::damaged,
    hash::{LAST, Leaf, SHORT},
    map::Map,
};

/// The greatest length of a path or of a leaf.
pub(crate) const GREATEST_NAME: usize = u16::MAX as usize;

const LONG: u8 = 0xff;

/// Whether the name at a place is that of a leaf.
#[inline(always)]
pub(crate) fn is(map: &Map, place: u64, leaf: &Leaf<'_>) -> bool {
    if let Some(mask) = LAST.get(leaf.text.len())
        && let Some([text @ .., length]) =
            place.checked_sub(SHORT as u64).and_then(|start| map.bytes(start, SHORT + 1))
        && let (Some(low), Some(high)) = (text.first_chunk::<8>(), text.last_chunk::<8>())
    {
        let low = u64::from_le_bytes(*low) & mask[0] ^ leaf.low;
        let high = u64::from_le_bytes(*high) & mask[1] ^ leaf.high;
        return u64::from(*length) ^ leaf.text.len() as u64 | low | high == 0;
    }
    matches!(read(map, place), Ok(found) if found == leaf.text)
}

/// The name at a place.
pub(crate) fn read(map: &Map, place: u64) -> Result<&[u8]> {
    let outside = || damaged("a name lies outside");
    let length = match map.bytes(place, 1).ok_or_else(outside)? {
        [LONG] => match map.bytes(place + 1, 2).ok_or_else(outside)? {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => return Err(outside()),
        },
        [length] => u16::from(*length),
        _ => return Err(outside()),
    };
    let start = place.checked_sub(u64::from(length)).ok_or_else(outside)?;
    map.bytes(start, usize::from(length)).ok_or_else(outside)
}

/// Appends a name to bytes that will begin at `start`, and answers its place, a multiple of `align`.
///
/// The bytes so far are names, or such as never change; what lies before them may change.
pub(crate) fn encode(name: &[u8], start: u64, align: u64, out: &mut Vec<u8>) -> u64 {
    let end = out.len() + name.len();
    let lack = SHORT.saturating_sub(end);
    let place = (start + (end + lack) as u64).next_multiple_of(align);
    out.resize((place - start) as usize - name.len(), 0);
    out.extend_from_slice(name);
    match u8::try_from(name.len()) {
        Ok(length) if length != LONG => out.push(length),
        _ => {
            out.push(LONG);
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        }
    }
    place
}

/// Whether two texts are equal, without a call for those of common lengths.
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

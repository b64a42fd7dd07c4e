//! How keys are cut and hashed.

use crate::map::bytes_that_are;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline};

/// The hash functions of one segment. Their seed is random, so that nobody can prepare keys that collide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher(RapidSecrets);

/// The hash of a leaf, from which the others are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeafHash(u64);

impl Hasher {
    /// The functions of a seed.
    pub fn new(seed: u64) -> Self {
        Hasher(RapidSecrets::seed(seed))
    }

    /// The hash by which a group is found.
    #[inline(always)]
    pub fn path(&self, path: &[u8]) -> u64 {
        match Words::new(path) {
            Some(words) => self.words(&words),
            None => self.other_path(path),
        }
    }

    /// The hash of a path of at most 32 bytes.
    #[inline(always)]
    pub fn words(&self, path: &Words) -> u64 {
        let [a, b, c, d, ..] = self.0.secrets;
        let first = fold(path.first[0] ^ a, path.first[1] ^ b);
        let last = fold(path.last[0] ^ c ^ path.length as u64, path.last[1] ^ d);
        first ^ last
    }

    #[inline(never)]
    fn other_path(&self, path: &[u8]) -> u64 {
        rapidhash_v3_nano_inline::<true, false>(path, &self.0)
    }

    /// The hash by which a key of at most [`GREATEST_KEY`] bytes is found.
    pub fn key(&self, key: &[u8]) -> Option<u64> {
        match Ends::of(key) {
            Some(ends) => Some(self.ends(&ends)),
            None if key.len() < SHORT => Some(self.ends(&Ends::short(&padded(key), key.len()))),
            None => None,
        }
    }

    /// The same by what the key begins and ends with.
    #[inline(always)]
    pub fn ends(&self, key: &Ends<'_>) -> u64 {
        let [a, b, c, d, e, f, ..] = self.0.secrets;
        let [first, middle, last] = [key.first, key.middle, key.last].map(halves);
        fold(first[0] ^ a, first[1] ^ b)
            ^ fold(middle[0] ^ c, middle[1] ^ d)
            ^ fold(last[0] ^ e ^ key.length as u64, last[1] ^ f)
    }

    /// The hash of a leaf.
    #[inline(always)]
    pub fn leaf(&self, leaf: &Leaf<'_>) -> LeafHash {
        if leaf.text.len() > SHORT {
            return self.long_leaf(leaf.text);
        }
        self.short_leaf(leaf.low, leaf.high, leaf.text.len())
    }

    /// The hash of a leaf of at most sixteen bytes, as the last of two words.
    #[inline(always)]
    pub fn short_leaf(&self, low: u64, high: u64, length: usize) -> LeafHash {
        LeafHash(fold(low ^ self.0.secrets[0] ^ length as u64, high ^ self.0.secrets[1]))
    }

    #[inline(never)]
    fn long_leaf(&self, leaf: &[u8]) -> LeafHash {
        LeafHash(rapidhash_v3_nano_inline::<false, false>(leaf, &self.0))
    }
}

/// A path of at most 32 bytes: its first sixteen and its last sixteen, or, of a shorter one, all of it and nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub first: [u64; 2],
    pub last: [u64; 2],
    pub length: usize,
}

impl Words {
    #[inline(always)]
    fn new(path: &[u8]) -> Option<Words> {
        if let (Some(first), Some(last)) = (path.first_chunk::<16>(), path.last_chunk::<16>()) {
            let words = Words { first: halves(first), last: halves(last), length: path.len() };
            return (path.len() <= 32).then_some(words);
        }
        let mut first = [0; 16];
        first[..path.len()].copy_from_slice(path);
        Some(Words { first: halves(&first), last: [0; 2], length: path.len() })
    }

    /// The bytes that the words of a path of at most 32 bytes are made of: sixteen at its start, and sixteen at
    /// [`Words::end`]. The path begins a key of sixteen bytes and more.
    #[inline(always)]
    pub fn ends(key: &[u8], length: usize) -> Option<[&[u8; 16]; 2]> {
        if length > 32 {
            return None;
        }
        let end = Self::end(length);
        Some([key.first_chunk()?, key.get(end..end + 16)?.first_chunk()?])
    }

    /// The words of a path with these ends.
    #[inline(always)]
    pub fn masked(first: &[u8; 16], last: &[u8; 16], length: usize) -> Option<Words> {
        // Without a branch on the length: paths of both kinds come as they like.
        let (first, last) = (halves(first), halves(last));
        let [low, high, all] = *PATH.get(length)?;
        Some(Words { first: [first[0] & low, first[1] & high], last: [last[0] & all, last[1] & all], length })
    }

    /// Where the last words of a path begin.
    #[inline(always)]
    pub fn end(length: usize) -> usize {
        length.saturating_sub(16)
    }
}

/// The masks for the words of a path, by its length: two for the first ones, and one for both of the last.
const PATH: [[u64; 3]; 33] = {
    let mut masks = [[u64::MAX; 3]; 33];
    let mut length = 0;
    while length < 16 {
        masks[length] = [FIRST[length][0], FIRST[length][1], 0];
        length += 1;
    }
    masks
};

/// Keys up to this length are compared as three times sixteen bytes.
pub(crate) const GREATEST_KEY: usize = 48;

/// Sixteen bytes at the start, in the middle and at the end of a key of at least sixteen and at most [`GREATEST_KEY`]: all of it. Of a shorter
/// one all three are the key and zeros behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<'k> {
    pub first: &'k [u8; SHORT],
    pub middle: &'k [u8; SHORT],
    pub last: &'k [u8; SHORT],
    pub length: usize,
}

impl<'k> Ends<'k> {
    /// Those of a key that is neither short nor long.
    #[inline(always)]
    pub fn of(key: &'k [u8]) -> Option<Ends<'k>> {
        let behind = key.len().checked_sub(SHORT)?;
        if behind > GREATEST_KEY - SHORT {
            return None;
        }
        let middle = key.get(behind / 2..)?.first_chunk()?;
        Some(Ends { first: key.first_chunk()?, middle, last: key.last_chunk()?, length: key.len() })
    }

    /// Those of a key of less than sixteen bytes, by it and the zeros behind it.
    #[inline(always)]
    pub fn short(padded: &'k [u8; SHORT], length: usize) -> Ends<'k> {
        Ends { first: padded, middle: padded, last: padded, length }
    }

    /// Where the last sixteen bytes begin.
    #[inline(always)]
    pub fn last_at(&self) -> usize {
        self.length.saturating_sub(SHORT)
    }

    /// Where those in the middle begin.
    #[inline(always)]
    pub fn middle_at(&self) -> usize {
        self.last_at() / 2
    }
}

/// A key of less than sixteen bytes with zeros behind it.
#[inline(always)]
pub(crate) fn padded(key: &[u8]) -> [u8; SHORT] {
    let mut bytes = [0; SHORT];
    if let Some(start) = bytes.get_mut(..key.len()) {
        start.copy_from_slice(key);
    }
    bytes
}

/// Puts a key together.
pub(crate) fn join(path: &[u8], leaf: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(path);
    if !path.is_empty() {
        key.push(b'.');
    }
    key.extend_from_slice(leaf);
}

/// Sixteen bytes as two words.
#[inline(always)]
pub(crate) fn halves(bytes: &[u8; 16]) -> [u64; 2] {
    let word = u128::from_le_bytes(*bytes);
    [word as u64, (word >> 64) as u64]
}

/// Leaves up to this length are handled as two words.
pub(crate) const SHORT: usize = 16;

/// A leaf, and, if it is short, its bytes as two little-endian words: the last of sixteen, behind zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'k> {
    pub text: &'k [u8],
    pub low: u64,
    pub high: u64,
}

/// What keeps the first bytes of two words, by how many.
pub(crate) const FIRST: [[u64; 2]; SHORT + 1] = masks(false);
/// What keeps the last bytes of two words, by how many.
pub(crate) const LAST: [[u64; 2]; SHORT + 1] = masks(true);

const fn masks(last: bool) -> [[u64; 2]; SHORT + 1] {
    let mut masks = [[0; 2]; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        let bits = 8 * (SHORT - length);
        let mask = if last { u128::MAX << bits } else { u128::MAX >> bits };
        masks[length] = [mask as u64, (mask >> 64) as u64];
        length += 1;
    }
    masks
}

impl<'k> Leaf<'k> {
    /// The leaf of a text.
    #[inline]
    pub fn new(text: &'k [u8]) -> Leaf<'k> {
        let mut word = [0; SHORT];
        if let Some(end) = SHORT.checked_sub(text.len()).and_then(|start| word.get_mut(start..)) {
            end.copy_from_slice(text);
        }
        let [low, high] = halves(&word);
        Leaf { text, low, high }
    }

    /// The leaf that ends a key: without a branch on its length.
    #[inline(always)]
    pub fn ending(key: &'k [u8], text: &'k [u8]) -> Leaf<'k> {
        match (key.last_chunk::<SHORT>(), LAST.get(text.len())) {
            (Some(last), Some(mask)) => {
                let [low, high] = halves(last);
                Leaf { text, low: low & mask[0], high: high & mask[1] }
            }
            _ => Leaf::new(text),
        }
    }
}

/// Cuts a key at its last dot into path and leaf.
#[inline(always)]
pub(crate) fn cut(key: &[u8]) -> (&[u8], Leaf<'_>) {
    let (path, text) = split(key);
    (path, Leaf::ending(key, text))
}

impl LeafHash {
    /// What a small group keeps of the hash.
    #[inline(always)]
    pub fn tag(self) -> u8 {
        (self.0 >> 56) as u8
    }

    /// The hash by which an entry of a large group is found.
    #[inline(always)]
    pub fn entry(self, path: u64) -> u64 {
        fold(self.0 ^ 0x9e37_79b9_7f4a_7c15, path | 1)
    }

    /// The hash by which a symbol is found.
    #[inline(always)]
    pub fn symbol(self) -> u64 {
        fold(self.0 ^ 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f)
    }
}

#[inline(always)]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Eleven bits over the bytes of a version, to tell a flipped bit.
pub(crate) fn check(parts: [&[u8]; 2]) -> u64 {
    let [head, record] = parts
        .map(|part| rapidhash_v3_nano_inline::<true, false>(part, &rapidhash::v3::DEFAULT_RAPID_SECRETS));
    (head ^ record.rotate_left(17)) >> 53
}

/// Cuts a key at its last dot into path and leaf.
#[inline(always)]
pub(crate) fn split(key: &[u8]) -> (&[u8], &[u8]) {
    match last_dot(key) {
        Some(dot) => (&key[..dot], &key[dot + 1..]),
        None => (&[], key),
    }
}

/// Where the last dot of a key is.
#[inline(always)]
fn last_dot(key: &[u8]) -> Option<usize> {
    // Most keys: sixteen bytes from either end cover all of it, or all of it that matters.
    if let (Some(first), Some(last)) = (key.first_chunk::<16>(), key.last_chunk::<16>()) {
        let behind = key.len() - 16;
        let mut dots = u32::from(bytes_that_are(last, b'.')) << 16;
        if behind <= 16 {
            dots |= u32::from(bytes_that_are(first, b'.')) << (32 - key.len());
        }
        if dots != 0 {
            // Bit 31 stands for the last byte.
            return Some(key.len() + dots.ilog2() as usize - 32);
        }
        if behind <= 16 {
            return None;
        }
    }
    key.iter().rposition(|byte| *byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_at_the_last_dot() {
        #[track_caller]
        fn check(key: &str, path: &str, leaf: &str) {
            assert_eq!(split(key.as_bytes()), (path.as_bytes(), leaf.as_bytes()));
        }
        check("", "", "");
        check("hostname", "", "hostname");
        check("a_long_name_without_one", "", "a_long_name_without_one");
        check("network.lan", "network", "lan");
        check("network.lan.ipaddr", "network.lan", "ipaddr");
        check("network.lan.a_very_long_option_name", "network.lan", "a_very_long_option_name");
        check("a.", "a", "");
        check(".a", "", "a");
        check("..", ".", "");
        check("x.\u{ae}\u{ae}\u{ae}\u{ae}\u{ae}\u{ae}", "x", "\u{ae}\u{ae}\u{ae}\u{ae}\u{ae}\u{ae}");
        for at in 0..40 {
            let mut key = [b'/'; 40];
            key[at] = b'.';
            assert_eq!(split(&key), (&key[..at], &key[at + 1..]));
        }
    }

    #[test]
    fn the_path_of_a_key_is_that_of_its_text() {
        let key = b"package_of_name.a_section.and_a_long_option_name";
        for length in 0..=40 {
            let beginning =
                Words::ends(key, length).and_then(|[first, last]| Words::masked(first, last, length));
            assert_eq!(beginning, Words::new(&key[..length]), "{length}");
        }
    }

    #[test]
    fn the_leaf_of_a_key_is_that_of_its_text() {
        let key = b"package.a_section.and_a_long_option_name";
        for start in 0..=key.len() {
            for leaf in 0..=key.len() - start {
                let key = &key[start..];
                let leaf = Leaf::ending(key, &key[key.len() - leaf..]);
                let other = Leaf::new(leaf.text);
                assert_eq!((leaf.low, leaf.high), (other.low, other.high), "{start} {}", leaf.text.len());
            }
        }
    }
}

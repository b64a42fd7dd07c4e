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
        let [a, b, c, d, e] = self.secrets();
        let first = fold(path.first[0] ^ a, path.first[1] ^ b);
        let last = fold(path.last[0] ^ c ^ path.length as u64, path.last[1] ^ d);
        fold(first ^ last.rotate_left(32), e)
    }

    #[inline(never)]
    fn other_path(&self, path: &[u8]) -> u64 {
        rapidhash_v3_nano_inline::<true, false>(path, &self.0)
    }

    #[inline(always)]
    fn secrets(&self) -> [u64; 5] {
        let [a, b, c, d, e, ..] = self.0.secrets;
        [a, b, c, d, e]
    }

    /// The hash of a leaf.
    #[inline(always)]
    pub fn leaf(&self, leaf: &Leaf<'_>) -> LeafHash {
        if leaf.text.len() > SHORT {
            return self.long_leaf(leaf.text);
        }
        LeafHash(fold(leaf.low ^ self.0.secrets[0] ^ leaf.text.len() as u64, leaf.high ^ self.0.secrets[1]))
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

    /// The words of a path that begins a key of sixteen bytes and more.
    #[inline(always)]
    pub fn beginning(key: &[u8], length: usize) -> Option<Words> {
        let first = halves(key.first_chunk::<16>()?);
        if let Some(mask) = MASKS.get(length)
            && length < 16
        {
            return Some(Words { first: [first[0] & mask[0], first[1] & mask[1]], last: [0; 2], length });
        }
        let last = halves(key.get(..length)?.last_chunk::<16>()?);
        (length <= 32).then_some(Words { first, last, length })
    }
}

#[inline(always)]
fn halves(bytes: &[u8; 16]) -> [u64; 2] {
    let word = u128::from_le_bytes(*bytes);
    [word as u64, (word >> 64) as u64]
}

/// Leaves up to this length are handled as two words.
pub(crate) const SHORT: usize = 16;

/// A leaf, and its bytes as two little-endian words if it is short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'k> {
    pub text: &'k [u8],
    pub low: u64,
    pub high: u64,
}

/// What the two words of a short leaf are made of, by its length.
pub(crate) const MASKS: [[u64; 2]; SHORT + 1] = {
    let mut masks = [[0; 2]; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        masks[length] = match length {
            0..8 => [(1 << (8 * length)) - 1, 0],
            8 => [u64::MAX, 0],
            9..16 => [u64::MAX, (1 << (8 * (length - 8))) - 1],
            _ => [u64::MAX, u64::MAX],
        };
        length += 1;
    }
    masks
};

impl<'k> Leaf<'k> {
    /// The leaf of a text.
    #[inline]
    pub fn new(text: &'k [u8]) -> Leaf<'k> {
        let mut word = [0; SHORT];
        if text.len() <= SHORT {
            word[..text.len()].copy_from_slice(text);
        }
        let word = u128::from_le_bytes(word);
        Leaf { text, low: word as u64, high: (word >> 64) as u64 }
    }

    /// The leaf that ends a key: without a branch on its length.
    #[inline(always)]
    pub fn ending(key: &'k [u8], text: &'k [u8]) -> Leaf<'k> {
        let start = key.len() - text.len();
        if let Some(mask) = MASKS.get(text.len())
            && key.len() >= SHORT
            && let Some(last) = key.last_chunk::<8>()
            // Of a leaf shorter than a word, the word begins before it.
            && let Some(first) = key.get(start.min(key.len() - 8)..).and_then(|rest| rest.first_chunk::<8>())
        {
            let before = start - start.min(key.len() - 8);
            let low = u64::from_le_bytes(*first).checked_shr(8 * before as u32).unwrap_or(0);
            // For a leaf of up to a word the shift is of no account: nothing of it is kept.
            let high = u64::from_le_bytes(*last) >> (8 * (SHORT - text.len()) & 63);
            return Leaf { text, low, high: high & mask[1] };
        }
        Leaf::new(text)
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
fn fold(a: u64, b: u64) -> u64 {
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
pub(crate) fn last_dot(key: &[u8]) -> Option<usize> {
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
            assert_eq!(Words::beginning(key, length), Words::new(&key[..length]), "{length}");
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

//! One generation of a segment: a file that is written whole, then grows, and is replaced by the next one.

use std::{
    fs::File,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use crate::{Error, Result, check::checksum, error::damaged, hash::Hasher, hot, map::Map};

/// The version of the format that this program writes.
pub(crate) const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"cms-seg\0";

/// Bytes of the header, words and first part of the journal included.
pub(crate) const HEADER: u64 = 2048;
/// Bytes of the part of the header that never changes; the last four are its check.
const SEALED: usize = 192;

/// Words of the header that change.
pub(crate) mod at {
    /// Where the next record goes.
    pub const TAIL: u64 = 256;
    /// Slots of the index in use.
    pub const USED: u64 = 264;
    /// Bytes behind the base that nothing at the head leads to: an estimate.
    pub const GARBAGE: u64 = 272;
    /// Entries at the head: an estimate.
    pub const ENTRIES: u64 = 280;
    /// The word of the roster of groups.
    pub const GROUPS: u64 = 288;
    /// The revision of the batch in the journal.
    pub const JOURNAL_REVISION: u64 = 320;
    /// The number of records in the journal.
    pub const JOURNAL_COUNT: u64 = 328;
    /// The first further chunk of the journal.
    pub const JOURNAL_MORE: u64 = 336;
    /// The first chunk of the journal.
    pub const JOURNAL: u64 = 512;
}

/// Records in the first chunk of the journal.
pub(crate) const JOURNAL_FIRST: u64 = (HEADER - at::JOURNAL) / 16;

/// What the sealed part of a generation's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The store that the file belongs to.
    pub identity: [u8; 16],
    /// The number of the generation, which no other file of the store ever has.
    pub number: u64,
    /// The first revision at which the generation can be read.
    pub since: u64,
    /// The seed of the hash functions.
    pub seed: u64,
    /// Where the index lies.
    pub index: u64,
    /// The number of its buckets of 64 bytes.
    pub buckets: u32,
    /// What offsets of base records are shifted by.
    pub shift: u8,
    /// Where short references to names count from.
    pub names: u64,
    /// Where the base begins: symbols, then groups.
    pub base: u64,
    /// Where the groups begin.
    pub groups: u64,
    /// Where the base ends.
    pub end: u64,
    /// The number of entries in the base.
    pub entries: u64,
    /// The number of groups in the base.
    pub group_count: u64,
    /// How long the file may become before another generation has to be written.
    pub room: u64,
    /// The check over the bytes of the base.
    pub body: u32,
    /// The number of symbols in the base.
    pub symbols: u64,
    /// Where the key table lies.
    pub keys: u64,
    /// The number of its buckets of 64 bytes; 0 if there is none.
    pub key_buckets: u32,
}

impl Header {
    /// The sealed part as bytes.
    pub fn encode(&self) -> [u8; SEALED] {
        let mut out = [0; SEALED];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&FORMAT.to_le_bytes());
        put(&(HEADER as u32).to_le_bytes());
        put(&self.identity);
        for word in [self.number, self.since, self.seed, self.index] {
            put(&word.to_le_bytes());
        }
        put(&self.buckets.to_le_bytes());
        put(&u32::from(self.shift).to_le_bytes());
        for word in [
            self.names,
            self.base,
            self.groups,
            self.end,
            self.entries,
            self.group_count,
            self.room,
            self.symbols,
        ] {
            put(&word.to_le_bytes());
        }
        put(&self.body.to_le_bytes());
        put(&self.keys.to_le_bytes());
        put(&self.key_buckets.to_le_bytes());
        let check = checksum(&out[..SEALED - 4]);
        out[SEALED - 4..].copy_from_slice(&check.to_le_bytes());
        out
    }

    /// Reads and checks the sealed part of a file that is `length` bytes long.
    pub fn decode(bytes: &[u8; SEALED], length: u64, path: &Path) -> Result<Header> {
        let word =
            |at: usize| -> u32 { (0..4).rev().fold(0, |word, i| word << 8 | u32::from(bytes[at + i])) };
        let long = |at: usize| -> u64 { u64::from(word(at + 4)) << 32 | u64::from(word(at)) };
        if bytes[..8] != MAGIC {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        if word(8) > FORMAT {
            return Err(Error::NewerFormat { path: path.to_owned(), found: word(8), known: FORMAT });
        }
        if word(8) == 0 || word(12) != HEADER as u32 || word(SEALED - 4) != checksum(&bytes[..SEALED - 4]) {
            return Err(damaged("the header of a generation does not agree with its check"));
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&bytes[16..32]);
        let header = Header {
            identity,
            number: long(32),
            since: long(40),
            seed: long(48),
            index: long(56),
            buckets: word(64),
            shift: u8::try_from(word(68)).map_err(|_| damaged("a shift beyond every segment"))?,
            names: long(72),
            base: long(80),
            groups: long(88),
            end: long(96),
            entries: long(104),
            group_count: long(112),
            room: long(120),
            symbols: long(128),
            body: word(136),
            keys: long(140),
            key_buckets: word(148),
        };
        let keys_end = header.keys.checked_add(u64::from(header.key_buckets) * 64);
        let has_keys = header.key_buckets != 0;
        let ordered = HEADER <= header.index
            && header.index.is_multiple_of(64)
            && header.index.checked_add(u64::from(header.buckets) * 64).is_some_and(|end| end <= header.base)
            && header.base <= header.groups
            && header.names <= header.groups
            && header.groups <= header.end
            && header.end <= length
            && (!has_keys || header.keys.is_multiple_of(64) && header.keys >= header.index)
            && (!has_keys || keys_end.is_some_and(|end| end <= header.base))
            && header.buckets > 0
            && header.shift <= 3
            && header.room <= GREATEST_ROOM;
        if ordered { Ok(header) } else { Err(damaged("the parts of a generation do not follow each other")) }
    }
}

/// No file grows further: words lead no further.
pub(crate) const GREATEST_ROOM: u64 = 16 << 30;

/// A generation, mapped.
pub(crate) struct Generation {
    pub map: Arc<Map>,
    pub header: Header,
    pub hasher: Hasher,
    /// Of this mapping, in this process.
    pub number: u64,
}

impl Generation {
    /// Opens and maps the file of a generation.
    pub fn open(path: &Path, identity: &[u8; 16], number: u64, writable: bool) -> Result<Generation> {
        let file = File::options().read(true).write(writable).open(path);
        let file = file.map_err(|source| Error::io("open", path, source))?;
        Self::of_file(file, path, identity, number, writable)
    }

    fn of_file(
        file: File,
        path: &Path,
        identity: &[u8; 16],
        number: u64,
        writable: bool,
    ) -> Result<Generation> {
        let mut sealed = [0; SEALED];
        if !Map::glance(&file, path, &mut sealed)? {
            return Err(damaged("a generation without a header"));
        }
        let length = file.metadata().map_err(|source| Error::io("examine", path, source))?.len();
        let header = Header::decode(&sealed, length, path)?;
        if header.identity != *identity || header.number != number {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let map = Arc::new(Map::new(file, path, header.room, writable)?);
        Ok(Generation { map, header, hasher: Hasher::new(header.seed), number: hot::number() })
    }

    /// A long word of the header.
    pub fn long(&self, at: u64) -> u64 {
        self.map.long(at).map_or(0, |long| long.load(Ordering::Acquire))
    }

    /// The word of the roster of groups.
    pub fn groups_word(&self) -> u32 {
        self.map.word(at::GROUPS).map_or(0, |word| word.load(Ordering::Acquire))
    }
}

/// The name of a generation's file.
pub(crate) fn file_name(segment: &str, number: u64) -> String {
    let segment = if segment.is_empty() { "_" } else { segment };
    format!("{segment}.{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_in_the_header_is_found() {
        let header = Header {
            identity: [7; 16],
            number: 1,
            since: 2,
            seed: 3,
            index: 2048,
            buckets: 1,
            shift: 0,
            names: 2112,
            base: 2112,
            groups: 2112,
            end: 4096,
            entries: 0,
            group_count: 0,
            room: 8192,
            body: 0,
            symbols: 0,
            keys: 0,
            key_buckets: 0,
        };
        let path = Path::new("x");
        let sealed = header.encode();
        assert_eq!(Header::decode(&sealed, 4096, path).unwrap(), header);
        assert!(Header::decode(&sealed, 4095, path).is_err());
        for bit in 0..SEALED * 8 {
            let mut sealed = sealed;
            sealed[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&sealed, 4096, path).is_err(), "bit {bit}");
        }
        let mut newer = sealed;
        newer[8] = 2;
        assert!(matches!(Header::decode(&newer, 4096, path), Err(Error::NewerFormat { found: 2, .. })));
    }
}

//! Versioned words: what a slot holds, and the chain of versions it leads to.
//!
//! A *word* is 0 (nothing), or leads to a base record (`offset >> shift`, bit 31 clear), or to a version (`offset / 8`, bit 31
//! set). A base record is older than every version and visible to all who can see its generation. A version is
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | revision (48 bits), rank (5), check (11) |
//! | 4 | predecessor: a word |
//! | 4 | jump: a word further down the chain |
//! | | the record |
//!
//! Predecessors and jumps lead to lower offsets, so that no chain is endless, whatever the map says. Jumps are those of
//! a skew-binary list: a version of rank *r* jumps over 2^(r+1) - 1 versions, and n versions are passed in O(log n) steps.

use crate::{
    Result,
    error::damaged,
    hash,
    map::{Appender, Map},
};

/// Revisions end here.
pub(crate) const GREATEST_REVISION: u64 = (1 << 48) - 1;

/// In a word: it leads to a version.
pub(crate) const VERSIONED: u32 = 1 << 31;
const HEADER: u64 = 16;
/// More steps than any chain of a file of 16 GiB needs.
const STEPS: usize = 256;

/// The word that leads to a base record.
pub(crate) fn base_word(offset: u64, shift: u8) -> Option<u32> {
    let word = u32::try_from(offset >> shift).ok()?;
    (word & VERSIONED == 0 && word != 0 && (offset >> shift) << shift == offset).then_some(word)
}

/// A version's place and header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    offset: u64,
    pub revision: u64,
    rank: u64,
    check: u64,
    pub predecessor: u32,
    pub jump: u32,
}

impl Version {
    /// The version a word leads to, unless it leads to a base record or nothing.
    #[inline(always)]
    pub fn read(map: &Map, word: u32) -> Result<Option<Version>> {
        if word & VERSIONED == 0 {
            return Ok(None);
        }
        let offset = u64::from(word & !VERSIONED) << 3;
        let header: &[u8; HEADER as usize] = map
            .bytes(offset, HEADER as usize)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| damaged("a version lies outside"))?;
        let [a, b, c, d, e, f, g, h, predecessor @ .., j0, j1, j2, j3] = *header;
        let first = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Ok(Some(Version {
            offset,
            revision: first & GREATEST_REVISION,
            rank: first >> 48 & 31,
            check: first >> 53,
            predecessor: u32::from_le_bytes(predecessor),
            jump: u32::from_le_bytes([j0, j1, j2, j3]),
        }))
    }

    /// Where the record lies.
    #[inline(always)]
    pub fn record(&self) -> u64 {
        self.offset + HEADER
    }

    /// Whether the check agrees with the header and a record of this length.
    pub fn is_sound(&self, map: &Map, length: usize) -> bool {
        let Some(record) = map.bytes(self.record(), length) else { return false };
        let header = header(self.revision, self.rank, self.predecessor, self.jump);
        hash::check([&header, record]) == self.check
    }

    /// Whether another version lies where a predecessor or jump of this one may.
    pub fn precedes(&self, word: u32) -> bool {
        word & VERSIONED == 0 || u64::from(word & !VERSIONED) << 3 < self.offset
    }
}

fn header(revision: u64, rank: u64, predecessor: u32, jump: u32) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(&(revision | rank << 48).to_le_bytes());
    header[8..12].copy_from_slice(&predecessor.to_le_bytes());
    header[12..].copy_from_slice(&jump.to_le_bytes());
    header
}

/// The offset of the record that a word stands for at a revision; 0 if there was none yet.
#[inline(always)]
pub(crate) fn resolve(map: &Map, shift: u8, word: u32, revision: u64) -> Result<u64> {
    if word & VERSIONED == 0 {
        return Ok(u64::from(word) << shift);
    }
    resolve_version(map, shift, word, revision)
}

#[inline(never)]
fn resolve_version(map: &Map, shift: u8, mut word: u32, revision: u64) -> Result<u64> {
    for _ in 0..STEPS {
        let Some(version) = Version::read(map, word)? else {
            return Ok(u64::from(word) << shift);
        };
        if version.revision <= revision {
            return Ok(version.record());
        }
        if !version.precedes(version.predecessor) || !version.precedes(version.jump) {
            return Err(damaged("a version that is older than its predecessor"));
        }
        word = match Version::read(map, version.jump)? {
            Some(jump) if jump.revision > revision => version.jump,
            _ => version.predecessor,
        };
    }
    Err(damaged("a chain of too many versions"))
}

/// Appends a version that follows `word`, and answers the word that leads to it.
///
/// Where `word` leads to a version of the same revision, the new one takes its place: of several writes of one key in a batch,
/// one remains.
pub(crate) fn append(appender: &mut Appender, word: u32, revision: u64, record: &[u8]) -> Result<u32> {
    let map = appender.map().clone();
    let mut predecessor = word;
    if let Some(last) = Version::read(&map, word)?
        && last.revision == revision
    {
        predecessor = last.predecessor;
    }
    let (mut rank, mut jump) = (0, predecessor);
    if let Some(previous) = Version::read(&map, predecessor)?
        && let Some(second) = Version::read(&map, previous.jump)?
        && previous.rank == second.rank
    {
        (rank, jump) = (previous.rank + 1, second.jump);
    }
    let mut header = header(revision, rank, predecessor, jump);
    let check = hash::check([&header, record]);
    let first = revision | rank << 48 | check << 53;
    header[..8].copy_from_slice(&first.to_le_bytes());
    let offset = appender.append(8, &[&header, record])?;
    match u32::try_from(offset >> 3) {
        Ok(word) if word & VERSIONED == 0 => Ok(word | VERSIONED),
        _ => Err(damaged("a version beyond the greatest segment")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, sync::Arc};

    fn appender(dir: &tempfile::TempDir) -> Appender {
        let path = dir.path().join("map");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let map = Arc::new(Map::new(file, &path, 64 << 20, true).unwrap());
        let mut appender = Appender::new(map, 0, 64 << 20).unwrap();
        appender.append(1, &[&[0; 64]]).unwrap();
        appender
    }

    #[test]
    fn every_revision_of_a_long_chain_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = appender(&dir);
        let base = appender.append(1, &[b"base"]).unwrap();
        let mut word = base_word(base, 0).unwrap();
        let mut places = vec![base];
        let mut missed = 0;
        for revision in 1..=5000u64 {
            word = append(&mut appender, word, 2 * revision, &revision.to_le_bytes()).unwrap();
            let version = Version::read(appender.map(), word).unwrap().unwrap();
            assert!(version.is_sound(appender.map(), 8));
            // Eleven bits let one fault in two thousand pass.
            missed += u32::from(version.is_sound(appender.map(), 7));
            places.push(version.record());
        }
        assert!(missed < 20, "{missed} of 5000");
        for revision in 0..=10_001u64 {
            let place = resolve(appender.map(), 0, word, revision).unwrap();
            assert_eq!(place, places[revision as usize / 2], "{revision}");
        }
    }

    #[test]
    fn the_last_write_of_a_batch_remains() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = appender(&dir);
        let first = append(&mut appender, 0, 7, b"a").unwrap();
        let second = append(&mut appender, first, 7, b"b").unwrap();
        let version = Version::read(appender.map(), second).unwrap().unwrap();
        assert_eq!(version.predecessor, 0);
        assert_eq!(resolve(appender.map(), 0, second, 6).unwrap(), 0);
        assert_eq!(resolve(appender.map(), 0, second, 7).unwrap(), version.record());
    }

    #[test]
    fn chains_that_turn_back_are_damage() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = appender(&dir);
        let at = appender.tail().next_multiple_of(8);
        let own = (at >> 3) as u32 | VERSIONED;
        let offset = appender.append(8, &[&header(9, 0, own, own)]).unwrap();
        assert_eq!(offset, at);
        assert!(resolve(appender.map(), 0, own, 3).is_err());
        assert!(resolve(appender.map(), 0, u32::MAX, 3).is_err());
    }
}

//! The directory of a package: in which block a name or an id is to be found.
//!
//! It holds hashes, not names; whoever looks something up checks it in the block. A block is noted
//! once for a hash, however many of its stanzas have it. Shards are copied when written, so that a
//! clone of the directory shares all but what changed.

use std::sync::Arc;

use hashbrown::HashTable;
use rapidhash::v3::rapidhash_v3;

use crate::SectionId;

/// A mean of more entries than this in a shard doubles the number of shards.
const SHARD_LIMIT: usize = 700;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    hash: u32,
    block: u32,
}

type Shard = HashTable<Note>;

/// Notes which blocks hold a hash.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    shards: Vec<Arc<Shard>>,
    len: usize,
}

impl Default for Index {
    fn default() -> Index {
        Index { shards: vec![Arc::new(Shard::new())], len: 0 }
    }
}

impl Index {
    /// Notes that `block` holds `hash`.
    pub fn insert(&mut self, hash: u32, block: u32) {
        if self.len >= self.shards.len() * SHARD_LIMIT {
            self.double();
        }
        let note = Note { hash, block };
        let shard_index = self.shard_of(hash);
        let shard = Arc::make_mut(&mut self.shards[shard_index]);
        if shard.find(spread(hash), |known| *known == note).is_none() {
            shard.insert_unique(spread(hash), note, |note| spread(note.hash));
            self.len += 1;
        }
    }

    /// Forgets that `block` holds `hash`.
    pub fn remove(&mut self, hash: u32, block: u32) {
        let shard_index = self.shard_of(hash);
        let shard = Arc::make_mut(&mut self.shards[shard_index]);
        if let Ok(entry) = shard.find_entry(spread(hash), |note| *note == Note { hash, block }) {
            entry.remove();
            self.len -= 1;
        }
    }

    /// Returns the blocks that hold `hash`.
    pub fn blocks(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let shard = &self.shards[self.shard_of(hash)];
        shard.iter_hash(spread(hash)).filter(move |note| note.hash == hash).map(|note| note.block)
    }

    fn shard_of(&self, hash: u32) -> usize {
        // The number of shards is a power of two.
        let bits = self.shards.len().trailing_zeros();
        (u64::from(hash) >> (32 - bits)) as usize
    }

    fn double(&mut self) {
        let bits = self.shards.len().trailing_zeros() + 1;
        let mut shards = vec![Shard::new(); 1 << bits];
        for note in self.shards.iter().flat_map(|shard| shard.iter()) {
            let shard = (u64::from(note.hash) >> (32 - bits)) as usize;
            shards[shard].insert_unique(spread(note.hash), *note, |note| spread(note.hash));
        }
        self.shards = shards.into_iter().map(Arc::new).collect();
    }
}

/// Makes the 64 bits that the table wants.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The hash of a section's name.
pub(crate) fn hash_name(name: &[u8]) -> u32 {
    rapidhash_v3(name) as u32
}

/// The hash of a section's id. Ids that follow each other fall into the same shard, so that a text
/// can be taken in without jumping about in memory.
pub(crate) fn hash_id(id: SectionId) -> u32 {
    let group = (id.0 >> 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((group >> 32) as u32 & !0xff) | (id.0 as u32 & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_noted_also_after_growing() {
        let mut index = Index::default();
        for number in 0..50_000u64 {
            index.insert(hash_id(SectionId(number)), number as u32);
            index.insert(hash_id(SectionId(number)), number as u32);
        }
        let before = index.clone();
        for number in (0..50_000u64).step_by(2) {
            index.remove(hash_id(SectionId(number)), number as u32);
        }
        for number in 0..50_000u64 {
            let holds = |index: &Index| index.blocks(hash_id(SectionId(number))).any(|b| b == number as u32);
            assert!(holds(&before));
            assert_eq!(holds(&index), number % 2 == 1);
        }
    }
}

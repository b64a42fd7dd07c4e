//! From a key to its value.

use crate::{
    Result, Value,
    block::{Block, record_at},
    entry::{Entry, past},
    generation::Generation,
    hash::Leaf,
    index::{self, Place},
    name,
    value::decode,
};

impl Generation {
    /// The value of a key at a revision.
    #[inline(always)]
    pub fn get<'a>(&'a self, path: &[u8], leaf: &Leaf<'_>, revision: u64) -> Result<Option<Value<'a>>> {
        // Places are handed on rather than values, which take several words.
        match self.locate(path, leaf, revision)? {
            None => Ok(None),
            Some(record) => decode(&*self.map, record),
        }
    }

    /// The place of the record of a key's value at a revision.
    #[inline(always)]
    pub fn locate(&self, path: &[u8], leaf: &Leaf<'_>, revision: u64) -> Result<Option<u64>> {
        let path_hash = self.hasher.path(path);
        // The line is on its way while the leaf is hashed.
        index::prefetch(self, path_hash);
        let leaf_hash = self.hasher.leaf(leaf);
        let Some(block) = self.block(path, path_hash, revision)? else { return Ok(None) };
        if block.is_large() {
            return match self.entry(&block, leaf, leaf_hash.entry(path_hash), revision)? {
                Some(entry) => record_at(self, entry.slot(), revision),
                None => Ok(None),
            };
        }
        Ok(block.find(self, leaf, leaf_hash.tag(), revision)?.map(|(_, record)| record))
    }

    /// The group's block in the index.
    #[inline(always)]
    pub fn newest_block(&self, path: &[u8], hash: u64) -> Result<Option<(u64, Block<'_>)>> {
        let mut found = None;
        let slot = index::find(self, Place::Group, hash, |offset| {
            // A block rarely ends in the line it begins in.
            self.map.prefetch(offset + 64);
            self.map.prefetch(offset + 128);
            self.map.prefetch(offset + 192);
            self.map.prefetch(offset + 256);
            let block = Block::read(&self.map, offset)?;
            let is_it = name::equal(block.path, path);
            found = Some(block);
            Ok(is_it)
        })?;
        Ok(slot.and_then(|(place, _)| found.map(|block| (place, block))))
    }

    /// The block that is the group's at a revision.
    #[inline(always)]
    pub fn block(&self, path: &[u8], hash: u64, revision: u64) -> Result<Option<Block<'_>>> {
        match self.newest_block(path, hash)? {
            Some((_, block)) if block.since(&self.map) <= revision => Ok(Some(block)),
            Some((_, block)) => self.past_block(&block, revision),
            None => Ok(None),
        }
    }

    /// The block that was the group's before this one, at a revision.
    #[cold]
    #[inline(never)]
    pub fn past_block(&self, block: &Block<'_>, revision: u64) -> Result<Option<Block<'_>>> {
        let place = past(self, block.history(&self.map), revision)?;
        place.map(|place| Block::read(&self.map, place)).transpose()
    }

    /// The entry of a large group at a revision, whether or not it has a value.
    #[inline(always)]
    pub fn entry(
        &self,
        block: &Block<'_>,
        leaf: &Leaf<'_>,
        hash: u64,
        revision: u64,
    ) -> Result<Option<Entry<'_>>> {
        match self.newest_entry(block, leaf, hash)? {
            Some((_, entry)) => entry.at(self, revision),
            None => Ok(None),
        }
    }

    /// The entry in the index, and its place there.
    #[inline(always)]
    pub fn newest_entry(
        &self,
        block: &Block<'_>,
        leaf: &Leaf<'_>,
        hash: u64,
    ) -> Result<Option<(u64, Entry<'_>)>> {
        let mut found = None;
        let slot = index::find(self, Place::Entry, hash, |offset| {
            self.map.prefetch(offset + 64);
            let entry = Entry::read(&self.map, offset)?;
            found = Some(entry);
            Ok(entry.group() == block.offset && name::equal(entry.leaf(&self.map)?, leaf.text))
        })?;
        Ok(slot.and_then(|(place, _)| found.map(|entry| (place, entry))))
    }
}

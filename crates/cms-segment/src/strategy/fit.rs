//! Best fit and first fit: one list of free pieces, joined with their neighbours when they come back.
//!
//! Best fit takes the smallest piece that is large enough, which wastes least and costs O(log n); first fit takes the one
//! that comes first, which keeps the end of the file free for large ones and costs a walk over what is free.

use std::collections::{BTreeMap, BTreeSet};

use super::allocator::{Allocator, Extent, GRANULE, between};
use crate::{Result, error::damaged};

pub(crate) struct Fit {
    first: bool,
    end: u64,
    by_offset: BTreeMap<u64, u64>,
    by_size: BTreeSet<(u64, u64)>,
}

impl Fit {
    pub fn best(start: u64) -> Self {
        Fit {
            first: false,
            end: start.next_multiple_of(GRANULE),
            by_offset: BTreeMap::new(),
            by_size: BTreeSet::new(),
        }
    }

    pub fn first(start: u64) -> Self {
        Fit { first: true, ..Fit::best(start) }
    }

    /// Where the first free piece lies.
    pub fn first_free(&self) -> Option<u64> {
        self.by_offset.keys().next().copied()
    }

    fn add(&mut self, mut offset: u64, mut size: u64) {
        if let Some((&before, &len)) = self.by_offset.range(..offset).next_back()
            && before + len == offset
        {
            self.take(before, len);
            (offset, size) = (before, size + len);
        }
        if let Some(&len) = self.by_offset.get(&(offset + size)) {
            self.take(offset + size, len);
            size += len;
        }
        self.by_offset.insert(offset, size);
        self.by_size.insert((size, offset));
    }

    fn take(&mut self, offset: u64, size: u64) {
        self.by_offset.remove(&offset);
        self.by_size.remove(&(size, offset));
    }
}

impl Allocator for Fit {
    fn allocate(&mut self, size: u64) -> Option<u64> {
        let size = size.checked_next_multiple_of(GRANULE)?;
        let (found, offset) = if self.first {
            self.by_offset.iter().find(|(_, free)| **free >= size).map(|(offset, free)| (*free, *offset))?
        } else {
            *self.by_size.range((size, 0)..).next()?
        };
        self.take(offset, found);
        if found > size {
            self.by_offset.insert(offset + size, found - size);
            self.by_size.insert((found - size, offset + size));
        }
        Some(offset)
    }

    fn free(&mut self, offset: u64, size: u64) {
        self.add(offset, size.next_multiple_of(GRANULE));
    }

    fn extend(&mut self, end: u64) {
        let end = end - end % GRANULE;
        if end > self.end {
            self.add(self.end, end - self.end);
            self.end = end;
        }
    }

    fn claim(&mut self, used: &[Extent]) -> Result<()> {
        // What is free before the claims is one piece.
        let Some((&start, _)) = self.by_offset.first_key_value() else {
            return if used.is_empty() { Ok(()) } else { Err(damaged("pieces of the store overlap")) };
        };
        self.by_offset.clear();
        self.by_size.clear();
        for gap in between(start, self.end, used)? {
            self.add(gap.offset, gap.size);
        }
        Ok(())
    }

    fn gaps(&self) -> Vec<Extent> {
        self.by_offset.iter().map(|(&offset, &size)| Extent { offset, size }).collect()
    }
}

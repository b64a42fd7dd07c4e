//! TLSF, two-level segregated fit: free pieces in bins by the power of two of their size and sixteen steps within it,
//! and a bit per bin, so that a piece is found, split, given back and joined in a fixed number of steps.
//!
//! A search begins in the bin above the size asked for, of which every piece is large enough; so a piece may be passed
//! over that would have fitted, at most a sixteenth larger than asked for. The last resort is to look into the bin itself.

use std::collections::HashMap;

use super::allocator::{Allocator, Extent, GRANULE, between};
use crate::{Result, error::damaged};

/// Steps within a power of two, as a power of two.
const STEPS: u32 = 4;
/// How many pieces of the bin itself are looked at when all above are empty.
const LOOKS: usize = 16;

pub(crate) struct Tlsf {
    end: u64,
    /// Bit n: one of the bins of the nth power of two holds a piece.
    powers: u64,
    /// For each power, bit n: the nth bin holds a piece.
    steps: [u16; 64],
    bins: Vec<Vec<u64>>,
    /// The free pieces by offset: size, and place in the bin.
    starts: HashMap<u64, (u64, usize)>,
    /// The offsets of the free pieces by their ends.
    ends: HashMap<u64, u64>,
}

impl Tlsf {
    pub fn new(start: u64) -> Self {
        Tlsf {
            end: start.next_multiple_of(GRANULE),
            powers: 0,
            steps: [0; 64],
            bins: vec![Vec::new(); 64 << STEPS],
            starts: HashMap::new(),
            ends: HashMap::new(),
        }
    }

    /// The bin of pieces of a size, in granules.
    fn bin(size: u64) -> (u32, u32) {
        let granules = size / GRANULE;
        let power = granules.max(1).ilog2();
        let step = if power >= STEPS {
            (granules >> (power - STEPS)) & 15
        } else {
            (granules << (STEPS - power)) & 15
        };
        (power, step as u32)
    }

    fn index((power, step): (u32, u32)) -> usize {
        ((power << STEPS) + step) as usize
    }

    fn add(&mut self, mut offset: u64, mut size: u64) {
        if let Some(&before) = self.ends.get(&offset) {
            size += self.take(before);
            offset = before;
        }
        if self.starts.contains_key(&(offset + size)) {
            size += self.take(offset + size);
        }
        let bin = Self::bin(size);
        let pieces = &mut self.bins[Self::index(bin)];
        self.starts.insert(offset, (size, pieces.len()));
        self.ends.insert(offset + size, offset);
        pieces.push(offset);
        self.steps[bin.0 as usize] |= 1 << bin.1;
        self.powers |= 1 << bin.0;
    }

    /// Takes a free piece out of its bin, and answers its size.
    fn take(&mut self, offset: u64) -> u64 {
        let Some((size, place)) = self.starts.remove(&offset) else { return 0 };
        self.ends.remove(&(offset + size));
        let bin = Self::bin(size);
        let pieces = &mut self.bins[Self::index(bin)];
        pieces.swap_remove(place);
        if let Some(moved) = pieces.get(place)
            && let Some(entry) = self.starts.get_mut(moved)
        {
            entry.1 = place;
        }
        if pieces.is_empty() {
            self.steps[bin.0 as usize] &= !(1 << bin.1);
            if self.steps[bin.0 as usize] == 0 {
                self.powers &= !(1 << bin.0);
            }
        }
        size
    }

    /// A piece of the first bin that holds one, from a bin on.
    fn first_from(&self, (power, step): (u32, u32)) -> Option<u64> {
        let within = if step < 16 { u32::from(self.steps[power as usize]) >> step << step } else { 0 };
        let bin = if within != 0 {
            (power, within.trailing_zeros())
        } else {
            let above = self.powers.checked_shr(power + 1)?.checked_shl(power + 1)?;
            if above == 0 {
                return None;
            }
            let power = above.trailing_zeros();
            (power, self.steps[power as usize].trailing_zeros())
        };
        self.bins[Self::index(bin)].last().copied()
    }
}

impl Allocator for Tlsf {
    fn allocate(&mut self, size: u64) -> Option<u64> {
        let size = size.checked_next_multiple_of(GRANULE)?;
        let (power, step) = Self::bin(size);
        let offset = self.first_from((power, step + 1)).or_else(|| {
            let pieces = &self.bins[Self::index((power, step))];
            pieces.iter().rev().take(LOOKS).find(|piece| self.starts[*piece].0 >= size).copied()
        })?;
        let found = self.take(offset);
        if found > size {
            self.add(offset + size, found - size);
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
        let Some(start) = self.starts.keys().next().copied() else {
            return if used.is_empty() { Ok(()) } else { Err(damaged("pieces of the store overlap")) };
        };
        self.take(start);
        for gap in between(start, self.end, used)? {
            self.add(gap.offset, gap.size);
        }
        Ok(())
    }

    fn gaps(&self) -> Vec<Extent> {
        self.starts.iter().map(|(&offset, &(size, _))| Extent { offset, size }).collect()
    }
}

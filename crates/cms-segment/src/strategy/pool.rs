//! Size-class pools: pages cut into equal pieces, so that what is given back fits the next of its class.
//!
//! A page of 4 KiB holds pieces of one class; one without a piece in use is any class's again. Larger pieces take whole pages
//! in a row. Nothing is ever cut up further, which bounds fragmentation by what rounding to a class wastes: a fifth on
//! average, and up to a half of a piece a little larger than half a page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    allocator::{Allocator, Extent, GRANULE},
    fit::Fit,
};
use crate::{Result, error::damaged};

const PAGE: u64 = 4096;

/// The sizes of pieces, as many to a page as fit.
const CLASSES: [u64; 21] =
    [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 336, 400, 512, 576, 672, 816, 1024, 1360, 2048, 4096];

pub(crate) struct Pool {
    /// Pages in no class; their allocator works in pages, and never cuts one.
    pages: Fit,
    /// The pages of classes: the class, and a bit for each piece that is free.
    cut: HashMap<u64, (usize, [u64; 4])>,
    /// For each class, the pages that have a free piece.
    open: Vec<BTreeSet<u64>>,
    end: u64,
    /// Whether a page that lies before the others is better than a free piece in one of them.
    gathers: bool,
}

impl Pool {
    pub fn new(start: u64) -> Self {
        let start = start.next_multiple_of(PAGE);
        Pool {
            // The first, so that what is used gathers at the start.
            pages: Fit::first(start),
            cut: HashMap::new(),
            open: vec![BTreeSet::new(); CLASSES.len()],
            end: start,
            gathers: false,
        }
    }

    /// Pools that fill the start of the file, for moving pieces there.
    pub fn gathering(start: u64) -> Self {
        Pool { gathers: true, ..Pool::new(start) }
    }

    fn class(size: u64) -> Option<usize> {
        let class = CLASSES.partition_point(|class| *class < size);
        // A piece as large as a page is a page.
        (class < CLASSES.len() - 1).then_some(class)
    }

    fn all_free(class: usize) -> [u64; 4] {
        let count = PAGE / CLASSES[class];
        std::array::from_fn(|word| match count.saturating_sub(word as u64 * 64) {
            0 => 0,
            rest @ 1..64 => (1 << rest) - 1,
            _ => u64::MAX,
        })
    }

    fn open_page(&mut self, page: u64, class: usize) {
        self.cut.insert(page, (class, Self::all_free(class)));
        self.open[class].insert(page);
    }

    fn take(&mut self, page: u64, piece: u64) -> bool {
        let Some((class, free)) = self.cut.get_mut(&page) else { return false };
        let Some(word) = free.get_mut((piece / 64) as usize) else { return false };
        let bit = 1 << (piece % 64);
        if *word & bit == 0 {
            return false;
        }
        *word &= !bit;
        if *free == [0; 4] {
            self.open[*class].remove(&page);
        }
        true
    }
}

impl Allocator for Pool {
    fn allocate(&mut self, size: u64) -> Option<u64> {
        let Some(class) = Self::class(size) else {
            return self.pages.allocate(size.checked_next_multiple_of(PAGE)?);
        };
        let before = |page: &&u64| !self.gathers || self.pages.first_free().is_none_or(|free| **page < free);
        let page = match self.open[class].first().filter(before) {
            Some(page) => *page,
            None => {
                let page = self.pages.allocate(PAGE)?;
                self.open_page(page, class);
                page
            }
        };
        let free = self.cut.get(&page)?.1;
        let piece = free.iter().zip((0..).step_by(64)).find(|(word, _)| **word != 0);
        let piece = piece.map(|(word, first)| first + u64::from(word.trailing_zeros()))?;
        self.take(page, piece);
        Some(page + piece * CLASSES[class])
    }

    fn free(&mut self, offset: u64, size: u64) {
        let Some(class) = Self::class(size) else {
            return self.pages.free(offset, size.next_multiple_of(PAGE));
        };
        let page = offset - offset % PAGE;
        let Some((_, free)) = self.cut.get_mut(&page) else { return };
        let piece = offset % PAGE / CLASSES[class];
        free[(piece / 64) as usize] |= 1 << (piece % 64);
        if *free == Self::all_free(class) {
            self.cut.remove(&page);
            self.open[class].remove(&page);
            self.pages.free(page, PAGE);
        } else {
            self.open[class].insert(page);
        }
    }

    fn extend(&mut self, end: u64) {
        let end = end - end % PAGE;
        if end > self.end {
            self.pages.extend(end);
            self.end = end;
        }
    }

    fn claim(&mut self, used: &[Extent]) -> Result<()> {
        let overlap = || damaged("pieces of the store overlap");
        let mut pages: BTreeMap<u64, u64> = BTreeMap::new();
        let mut cut = BTreeMap::new();
        for extent in used {
            match Self::class(extent.size) {
                None if !extent.offset.is_multiple_of(PAGE) => return Err(overlap()),
                None => drop(pages.insert(extent.offset, extent.size.next_multiple_of(PAGE))),
                Some(class) => {
                    let page = extent.offset - extent.offset % PAGE;
                    pages.insert(page, PAGE);
                    if *cut.entry(page).or_insert(class) != class
                        || !(extent.offset % PAGE).is_multiple_of(CLASSES[class])
                    {
                        return Err(damaged("a page holds pieces of two classes"));
                    }
                }
            }
        }
        let pages: Vec<Extent> = pages.into_iter().map(|(offset, size)| Extent { offset, size }).collect();
        self.pages.claim(&pages)?;
        cut.into_iter().for_each(|(page, class)| self.open_page(page, class));
        for extent in used {
            if let Some(class) = Self::class(extent.size) {
                let page = extent.offset - extent.offset % PAGE;
                if !self.take(page, extent.offset % PAGE / CLASSES[class]) {
                    return Err(overlap());
                }
            }
        }
        Ok(())
    }

    fn gaps(&self) -> Vec<Extent> {
        let mut gaps = self.pages.gaps();
        for (page, (class, free)) in &self.cut {
            for piece in 0..PAGE / CLASSES[*class] {
                if free[(piece / 64) as usize] >> (piece % 64) & 1 == 1 {
                    gaps.push(Extent { offset: page + piece * CLASSES[*class], size: CLASSES[*class] });
                }
            }
        }
        gaps
    }

    fn footprint(&self, size: u64) -> u64 {
        match Self::class(size) {
            Some(class) => CLASSES[class],
            None => size.next_multiple_of(PAGE).max(GRANULE),
        }
    }
}

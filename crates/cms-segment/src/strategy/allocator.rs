//! What an allocator does for a store that reuses room: pieces of a file, known by offset and size.
//!
//! An allocator holds its state in the memory of the writing process. It needs no place in the file, because all of it follows
//! from the pieces in use: whoever becomes the writer after another one walks over them and begins anew. So
//! nothing that a killed writer leaves behind can be torn, and what it had not made visible is free again.

use super::{fit::Fit, pool::Pool, tlsf::Tlsf};
use crate::{Result, Strategy, error::damaged};

/// Offsets and sizes are multiples of this.
pub(crate) const GRANULE: u64 = 16;

/// A piece of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Extent {
    pub offset: u64,
    pub size: u64,
}

/// Gives out pieces of a file from `start` to its end, and takes them back.
pub(crate) trait Allocator: Send + Sync {
    /// The offset of a piece that nobody uses; none if no free piece is as large.
    fn allocate(&mut self, size: u64) -> Option<u64>;

    /// Takes back a piece of the size that was asked for.
    fn free(&mut self, offset: u64, size: u64);

    /// Makes the file longer: everything up to `end` is there to be given out.
    fn extend(&mut self, end: u64);

    /// Takes pieces out of what is free, at their places. They come in the order of their offsets, first of all calls.
    fn claim(&mut self, used: &[Extent]) -> Result<()>;

    /// Every piece that can be given out, in any order.
    fn gaps(&self) -> Vec<Extent>;

    /// How many bytes a piece of a size takes in the file.
    fn footprint(&self, size: u64) -> u64 {
        size.next_multiple_of(GRANULE)
    }
}

/// What lies from `start` to `end` between pieces in use, which come in the order of their offsets.
pub(super) fn between(start: u64, end: u64, used: &[Extent]) -> Result<Vec<Extent>> {
    let overlap = || damaged("pieces of the store overlap");
    let mut gaps = Vec::new();
    let mut free = start;
    for extent in used {
        match extent.offset.checked_sub(free).ok_or_else(overlap)? {
            0 => {}
            size => gaps.push(Extent { offset: free, size }),
        }
        free = extent.offset + extent.size.next_multiple_of(GRANULE);
    }
    match end.checked_sub(free).ok_or_else(overlap)? {
        0 => {}
        size => gaps.push(Extent { offset: free, size }),
    }
    Ok(gaps)
}

/// An allocator of a strategy over a file of which the first `start` bytes are taken.
pub(crate) fn allocator(
    strategy: Strategy,
    start: u64,
    end: u64,
    used: Vec<Extent>,
) -> Result<Box<dyn Allocator>> {
    let allocator: Box<dyn Allocator> = match strategy {
        Strategy::Pool => Box::new(Pool::new(start)),
        Strategy::Tlsf => Box::new(Tlsf::new(start)),
        Strategy::FirstFit => Box::new(Fit::first(start)),
        Strategy::BestFit | Strategy::Append => Box::new(Fit::best(start)),
    };
    over(allocator, start, end, used)
}

/// An allocator that gives out what lies first, whatever the strategy gives out otherwise: for moving pieces together.
/// Pools cannot share their pages with others, and stay pools.
pub(crate) fn gathering(
    strategy: Strategy,
    start: u64,
    end: u64,
    used: Vec<Extent>,
) -> Result<Box<dyn Allocator>> {
    match strategy {
        Strategy::Pool => over(Box::new(Pool::gathering(start)), start, end, used),
        _ => over(Box::new(Fit::first(start)), start, end, used),
    }
}

fn over(
    mut allocator: Box<dyn Allocator>,
    start: u64,
    end: u64,
    mut used: Vec<Extent>,
) -> Result<Box<dyn Allocator>> {
    used.sort_unstable();
    let to = |extent: &Extent| extent.offset.checked_add(extent.size).filter(|to| *to <= end);
    let apart = used.windows(2).all(|pair| to(&pair[0]).is_some_and(|to| to <= pair[1].offset));
    let inside = used.first().is_none_or(|first| first.offset >= start)
        && used.last().is_none_or(|last| to(last).is_some());
    if !apart || !inside || used.iter().any(|extent| extent.offset % GRANULE != 0 || extent.size == 0) {
        return Err(damaged("pieces of the store overlap"));
    }
    allocator.extend(end);
    allocator.claim(&used)?;
    Ok(allocator)
}

/// How badly free room is cut up: 0 if it is one piece, close to 1 if the largest piece is a small part of it.
pub(crate) fn fragmentation(gaps: &[Extent]) -> f64 {
    let free: u64 = gaps.iter().map(|gap| gap.size).sum();
    let largest = gaps.iter().map(|gap| gap.size).max().unwrap_or(0);
    if free == 0 { 0.0 } else { 1.0 - largest as f64 / free as f64 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{Just, ProptestConfig, Strategy as _, any, prop, prop_oneof, proptest};

    use super::*;

    const START: u64 = 4096;

    #[derive(Clone, Debug)]
    enum Step {
        Allocate(u64),
        Free(usize),
        Extend(u64),
        Rebuild,
    }

    fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
        let size = prop_oneof![8 => 1..300u64, 2 => 300..5_000u64, 1 => 5_000..40_000u64];
        let step = prop_oneof![
            10 => size.prop_map(Step::Allocate),
            8 => any::<prop::sample::Index>().prop_map(|index| Step::Free(index.index(1 << 20))),
            1 => (0..20_000u64).prop_map(Step::Extend),
            1 => Just(Step::Rebuild),
        ];
        prop::collection::vec(step, 0..400)
    }

    fn check(strategy: Strategy, steps: Vec<Step>) {
        let mut end = START + 64 * 1024;
        let mut allocator = super::allocator(strategy, START, end, Vec::new()).unwrap();
        let whole: u64 = allocator.gaps().iter().map(|gap| gap.size).sum();
        let mut used: BTreeMap<u64, u64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Allocate(size) => {
                    let Some(offset) = allocator.allocate(size) else {
                        let largest = allocator.gaps().iter().map(|gap| gap.size).max().unwrap_or(0);
                        // What is rounded up to find it in one step may be passed over: an eighth at most.
                        assert!(
                            largest < allocator.footprint(size) * 5 / 4 + 64 || strategy == Strategy::Pool,
                            "{largest} free and {size} refused"
                        );
                        continue;
                    };
                    assert!(offset >= START && offset % GRANULE == 0 && offset + size <= end);
                    let before = used.range(..offset + size).next_back();
                    assert!(
                        before.is_none_or(|(at, len)| at + len <= offset),
                        "{offset}+{size} overlaps {before:?}"
                    );
                    used.insert(offset, size);
                }
                Step::Free(which) => {
                    if used.is_empty() {
                        continue;
                    }
                    let offset = *used.keys().nth(which % used.len()).unwrap();
                    allocator.free(offset, used.remove(&offset).unwrap());
                }
                Step::Extend(by) => {
                    end += by;
                    allocator.extend(end);
                }
                Step::Rebuild => {
                    let extents = used.iter().map(|(&offset, &size)| Extent { offset, size }).collect();
                    let rebuilt = super::allocator(strategy, START, end, extents).unwrap();
                    let sum = |allocator: &dyn Allocator| -> u64 {
                        allocator.gaps().iter().map(|gap| gap.size).sum()
                    };
                    assert_eq!(sum(&*rebuilt), sum(&*allocator));
                    allocator = rebuilt;
                }
            }
            let taken: u64 = used.values().map(|size| allocator.footprint(*size)).sum();
            let mut gaps = allocator.gaps();
            gaps.sort_unstable();
            let free: u64 = gaps.iter().map(|gap| gap.size).sum();
            assert!(taken + free <= end - START);
            for pair in gaps.windows(2) {
                assert!(pair[0].offset + pair[0].size <= pair[1].offset, "free pieces overlap");
            }
            for gap in &gaps {
                let before = used.range(..gap.offset + gap.size).next_back();
                assert!(
                    before.is_none_or(|(at, len)| at + len <= gap.offset),
                    "a piece is both free and used"
                );
            }
        }
        for (offset, size) in used {
            allocator.free(offset, size);
        }
        let gaps = allocator.gaps();
        assert!(gaps.iter().map(|gap| gap.size).sum::<u64>() >= whole);
        assert_eq!(gaps.len(), 1, "free neighbours were not joined");
        assert_eq!(fragmentation(&gaps), 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn pools_keep_pieces_apart(steps in steps()) {
            check(Strategy::Pool, steps);
        }

        #[test]
        fn tlsf_keeps_pieces_apart(steps in steps()) {
            check(Strategy::Tlsf, steps);
        }

        #[test]
        fn best_fit_keeps_pieces_apart(steps in steps()) {
            check(Strategy::BestFit, steps);
        }

        #[test]
        fn first_fit_keeps_pieces_apart(steps in steps()) {
            check(Strategy::FirstFit, steps);
        }
    }

    #[test]
    fn overlapping_pieces_are_damage() {
        for strategy in [Strategy::Pool, Strategy::Tlsf, Strategy::BestFit, Strategy::FirstFit] {
            let at = |offset, size| Extent { offset, size };
            for used in [
                vec![at(START, 64), at(START + 48, 64)],
                vec![at(START - 16, 64)],
                vec![at(START + 4, 8)],
                vec![at(1 << 20, 8)],
                vec![at(u64::MAX - 15, 64)],
            ] {
                assert!(
                    super::allocator(strategy, START, START + 65_536, used.clone()).is_err(),
                    "{strategy:?} {used:?}"
                );
            }
        }
    }
}

//! Trees against vectors, and against bytes that lie.

use cms_testkit::Random;
use proptest::prelude::*;

use super::*;
use crate::space::memory::Memory;

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u64),
    Push(u64),
    Front(u64),
    Remove(u16),
    Replace(u16, u64),
    Shift(u16, u16),
    Splice(u16, u16, Vec<u64>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let payload = prop_oneof![0..300u64, any::<u64>()];
    let step = prop_oneof![
        4 => (any::<u16>(), payload.clone()).prop_map(|(at, payload)| Step::Insert(at, payload)),
        3 => payload.clone().prop_map(Step::Push),
        2 => payload.clone().prop_map(Step::Front),
        6 => any::<u16>().prop_map(Step::Remove),
        2 => (any::<u16>(), payload.clone()).prop_map(|(at, payload)| Step::Replace(at, payload)),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(from, to)| Step::Shift(from, to)),
        1 => (any::<u16>(), any::<u16>(), prop::collection::vec(payload, 0..200))
            .prop_map(|(start, end, payloads)| Step::Splice(start, end, payloads)),
    ];
    prop::collection::vec(step, 0..250)
}

fn check(space: &Memory, tree: &Tree, model: &[u64]) {
    assert_eq!(tree.len(), model.len() as u64);
    assert_eq!(tree.iter(space).collect::<Result<Vec<_>>>().unwrap(), model);
    assert!(tree.iter(space).rev().map(Result::unwrap).eq(model.iter().rev().copied()));
    let mut live = space.live.clone();
    tree.nodes(space, &mut |offset, size| assert_eq!(live.remove(&offset), Some(size))).unwrap();
    assert_eq!(live, Default::default(), "leaked");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn follows_a_vector(start in prop::collection::vec(any::<u64>(), 0..9_000), steps in steps()) {
        let mut space = Memory::new();
        let mut model = start;
        let mut tree = Tree::build(&mut space, model.iter().copied()).unwrap();
        let first = (tree, model.clone());
        let mut pinned = Memory { bytes: space.bytes.clone(), live: space.live.clone(), ..Memory::new() };
        for step in steps {
            let len = model.len();
            let at = |place: u16, len: usize| usize::from(place) * (len + 1) / 65536;
            tree = match step {
                Step::Insert(place, payload) => {
                    model.insert(at(place, len), payload);
                    tree.insert(&mut space, at(place, len) as u64, payload).unwrap()
                }
                Step::Push(payload) => {
                    model.push(payload);
                    tree.push(&mut space, payload).unwrap()
                }
                Step::Front(payload) => {
                    model.insert(0, payload);
                    tree.insert(&mut space, 0, payload).unwrap()
                }
                Step::Remove(_) | Step::Replace(..) | Step::Shift(..) if len == 0 => continue,
                Step::Remove(place) => {
                    let at = at(place, len - 1);
                    let (changed, removed) = tree.remove(&mut space, at as u64).unwrap();
                    prop_assert_eq!(removed, model.remove(at));
                    changed
                }
                Step::Replace(place, payload) => {
                    let at = at(place, len - 1);
                    model[at] = payload;
                    tree.replace(&mut space, at as u64, payload).unwrap()
                }
                Step::Shift(from, to) => {
                    let (from, to) = (at(from, len - 1), at(to, len - 1));
                    let payload = model.remove(from);
                    model.insert(to, payload);
                    tree.shift(&mut space, from as u64, to as u64).unwrap()
                }
                Step::Splice(start, end, payloads) => {
                    let (start, end) = (at(start.min(end), len), at(start.max(end), len));
                    model.splice(start..end, payloads.iter().copied());
                    tree.splice(&mut space, start as u64, end as u64, &payloads).unwrap()
                }
            };
            prop_assert_eq!(tree.len(), model.len() as u64);
        }
        check(&space, &tree, &model);
        for position in (0..model.len()).step_by(1 + model.len() / 50) {
            prop_assert_eq!(tree.get(&space, position as u64).unwrap(), Some(model[position]));
        }
        prop_assert_eq!(tree.get(&space, model.len() as u64).unwrap(), None);
        // What was appended later changed nothing of the first tree.
        pinned.bytes = space.bytes.clone();
        check(&pinned, &first.0, &first.1);
        tree.release(&mut space).unwrap();
        prop_assert!(space.live.is_empty());
    }

    #[test]
    fn finds_its_place_in_a_sorted_sequence(payloads in prop::collection::vec(0..5_000u64, 0..3_000), wanted in 0..5_001u64) {
        let mut space = Memory::new();
        let mut tree = Tree::EMPTY;
        let mut model = Vec::new();
        for payload in payloads {
            let at = tree.partition_point(&space, |other| Ok(other < payload)).unwrap();
            tree = tree.insert(&mut space, at, payload).unwrap();
            let place = model.partition_point(|other| *other < payload);
            prop_assert_eq!(at, place as u64);
            model.insert(place, payload);
        }
        check(&space, &tree, &model);
        let at = tree.partition_point(&space, |other| Ok(other < wanted)).unwrap();
        prop_assert_eq!(at, model.partition_point(|other| *other < wanted) as u64);
        let (start, end) = (at, at + 100);
        let found: Vec<u64> = tree.range(&space, start, end).map(Result::unwrap).collect();
        prop_assert_eq!(&found, &model[at as usize..(at as usize + 100).min(model.len())]);
    }
}

/// Everything that can be asked of a tree, over bytes that may be anything.
fn ask(space: &mut Memory, tree: Tree) {
    // What is claimed may be long: bounded, but a test has no patience.
    let _ = tree.iter(&*space).take(20_000).filter(Result::is_ok).count();
    let _ = tree.iter(&*space).rev().take(20_000).filter(Result::is_ok).count();
    let _ = tree.partition_point(&*space, |payload| Ok(payload < 1_000));
    let mut bytes = space.bytes.clone();
    for position in [0, 1, 100, tree.len() / 2, tree.len().saturating_sub(1), tree.len()] {
        let _ = tree.get(&*space, position);
        let mut scratch = Loose(std::mem::take(&mut bytes));
        let _ = tree.insert(&mut scratch, position, 7);
        let _ = tree.replace(&mut scratch, position, 7);
        let _ = tree.remove(&mut scratch, position);
        let _ = tree.splice(&mut scratch, position, position.saturating_add(1), &[1, 2, 3]);
        bytes = scratch.0;
        bytes.truncate(space.bytes.len());
    }
    let mut visits = 0;
    if tree.len() < 100_000 {
        let _ = tree.nodes(&*space, &mut |_, _| visits += 1);
    }
    assert!(visits <= 100_000);
}

/// A space that does not look at what is released.
struct Loose(Vec<u8>);

impl Source for Loose {
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(len)?)
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

impl Space for Loose {
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        self.0.extend_from_slice(bytes);
        Ok((self.0.len() - bytes.len()) as u64)
    }
}

#[test]
fn flipped_bits_are_survived() {
    let mut random = Random::for_test("flipped bits in a tree");
    let mut space = Memory::new();
    let mut tree = Tree::build(&mut space, (0..2_000).map(|index| index * 3)).unwrap();
    for _ in 0..30 {
        tree = tree.insert(&mut space, random.below(2_000), random.next() >> 40).unwrap();
    }
    for _ in 0..3_000 {
        let (at, bit) = (random.below(space.bytes.len() as u64) as usize, 1 << random.below(8));
        space.bytes[at] ^= bit;
        ask(&mut space, tree);
        space.bytes[at] ^= bit;
    }
    assert_eq!(tree.iter(&space).filter(Result::is_ok).count(), 2_030);
}

#[test]
fn lies_are_survived() {
    let mut random = Random::for_test("lies in a tree");
    let mut space = Memory::new();
    // Small numbers everywhere make headers, offsets and counts that look right.
    for _ in 0..2_000 {
        space.bytes = (0..600).map(|_| (random.next() % 12) as u8).collect();
        let tree = Tree::new(random.below(40), [1, 3, 9, 100, u64::MAX][random.below(5) as usize]);
        ask(&mut space, tree);
    }
}

#[test]
fn a_cycle_ends() {
    let mut space = Memory::new();
    let at = space.bytes.len() as u64;
    let child = Child { offset: at, count: 5, first: 0 };
    let mut bytes = Vec::new();
    node::inner(1, &[child, child], &mut bytes);
    space.append(&bytes).unwrap();
    let tree = Tree::new(at, 10);
    assert!(tree.iter(&space).any(|payload| payload.is_err()));
    assert!(tree.get(&space, 3).is_err());
    assert!(tree.nodes(&space, &mut |_, _| {}).is_err());
}

#[test]
fn dense_and_shallow() {
    let mut space = Memory::new();
    let tree = Tree::build(&mut space, (0..1_000_000).map(|index| 5_000 + index * 40)).unwrap();
    let bytes: usize = space.live.values().sum();
    assert!(bytes < 2_300_000, "{bytes} bytes for a million sorted payloads");
    let before = space.bytes.len();
    let mut changed = tree;
    for index in 0..1_000 {
        changed = changed.insert(&mut space, index * 991, 7).unwrap();
    }
    let written = (space.bytes.len() - before) / 1_000;
    assert!(written < 2_500, "{written} bytes for each insertion among a million");
    assert_eq!(tree.iter(&space).count(), 1_000_000);
}

//! `snapshot.scan`: all entries of a consistent state in order, and those behind a prefix.

use std::hint::black_box;

use cms_segment::{Item, Snapshot, Value};

use crate::Result;
use crate::entries::Entries;
use crate::figure::{Figure, Limit};
use crate::measure::{by_turns, core_seconds, rate, scaled};
use crate::peers::Lmdb;
use crate::segment::Segment;
use crate::world::folder_in_memory;

const COUNT: usize = 1_000_000;
const FEW: usize = 10_000;
const OVERWRITES: usize = 3;
const SECTIONS: usize = 500;
const MILLION: f64 = 1e6;

pub fn measure() -> Result<Vec<Figure>> {
    let mut store = Segment::new(COUNT)?;
    let entries = Entries::new(COUNT);
    let folder = folder_in_memory()?;
    let lmdb = Lmdb::new(&folder.path().join("lmdb"), &entries)?;
    let mut others = || {
        let (seconds, count) = core_seconds(|| Ok(lmdb.scan()))?;
        assert_eq!(count, COUNT as u64);
        Ok(seconds)
    };

    let loaded = store.root.snapshot()?;
    let [ours, theirs] = by_turns(9, 1, [&mut || scan(&loaded), &mut others])?;
    let few = Segment::new(FEW)?;
    let (prefix, prefix_few, entries_few) = prefixes(&loaded, &few.root.snapshot()?, &entries)?;
    drop(loaded);
    for _ in 0..OVERWRITES {
        store.writer.tell(&format!("some {COUNT}"))?;
    }
    let overwritten = store.root.snapshot()?;
    let [ours_later, theirs_later] = by_turns(9, 1, [&mut || scan(&overwritten), &mut others])?;

    let millions = COUNT as f64 / MILLION;
    let first = Figure {
        id: "snapshot.scan",
        what: format!("all of {COUNT} entries in order from one snapshot, after a bulk load"),
        unit: "M/s",
        value: rate(&ours, millions),
        peer: "a cursor of LMDB".into(),
        peer_value: rate(&theirs, millions),
        must: Limit::AtLeast(20.0),
        goal: Limit::AtLeast(60.0),
    };
    let second = Figure {
        id: "snapshot.scan.overwritten",
        what: format!(
            "the same after {OVERWRITES} times as many random overwrites, each a commit of its own"
        ),
        unit: "M/s",
        value: rate(&ours_later, millions),
        peer: "a cursor of LMDB, after a bulk load".into(),
        peer_value: rate(&theirs_later, millions),
        must: Limit::AtLeast(5.0),
        goal: Limit::AtLeast(20.0),
    };
    let third = Figure {
        id: "snapshot.scan.prefix",
        what: format!(
            "the options of a random section by its prefix, {entries_few:.0} on average, among {COUNT}"
        ),
        unit: "us",
        value: scaled(&prefix, 1e6 / SECTIONS as f64),
        peer: format!("the same among {FEW}"),
        peer_value: scaled(&prefix_few, 1e6 / SECTIONS as f64),
        must: Limit::AtMostTimes(5.0),
        goal: Limit::AtMostTimes(2.0),
    };
    Ok(vec![first, second, third])
}

fn scan(snapshot: &Snapshot) -> Result<f64> {
    let (seconds, count) = core_seconds(|| look_at(snapshot.iter()))?;
    assert_eq!(count, COUNT);
    Ok(seconds)
}

/// Takes key and value of each; answers how many there were.
fn look_at<'a>(items: impl Iterator<Item = cms_segment::Result<Item<'a>>>) -> Result<usize> {
    let (mut count, mut bytes) = (0, 0);
    for item in items {
        let item = item?;
        count += 1;
        bytes += item.path.len() + item.leaf.len();
        bytes += match item.value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.len() as usize,
            _ => return Err("a value is of another kind".into()),
        };
    }
    black_box(bytes);
    Ok(count)
}

/// The seconds for the options of some sections among many and among few, and how many a section has.
fn prefixes(
    many: &Snapshot,
    few: &Snapshot,
    entries: &Entries,
) -> Result<(crate::measure::Rounds, crate::measure::Rounds, f64)> {
    // The same numbers of options in both, for the small store begins as the large one does in its first package.
    let chosen = |count: usize, of: &Entries| {
        let mut random = cms_testkit::Random::new(17);
        let pick = |_| format!("{}.", of.section(random.below(count as u64) as usize));
        (0..SECTIONS).map(pick).collect::<Vec<_>>()
    };
    let of_many = chosen(COUNT, entries);
    let of_few = chosen(FEW, &Entries::new(FEW));
    let mut found = 0;
    let mut look = |snapshot: &Snapshot, prefixes: &[String]| -> Result<f64> {
        let (seconds, count) = core_seconds(|| {
            prefixes.iter().try_fold(0, |sum, prefix| Ok(sum + look_at(snapshot.prefix(prefix.as_bytes())?)?))
        })?;
        found = count;
        Ok(seconds)
    };
    let look = std::cell::RefCell::new(&mut look);
    let [slow, quick] = by_turns(
        7,
        5,
        [&mut || (look.borrow_mut())(many, &of_many), &mut || (look.borrow_mut())(few, &of_few)],
    )?;
    Ok((slow, quick, found as f64 / SECTIONS as f64))
}

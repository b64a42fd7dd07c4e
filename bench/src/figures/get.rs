//! `get.1k`, `get.100k`, `get.1m`: an option by its key, beside uthash without a lock.

use crate::Result;
use crate::entries::{Entries, Questions};
use crate::figure::{Figure, Limit};
use crate::measure::{by_turns, core_seconds, scaled};
use crate::peers::{Hashbrown, Lmdb, Uthash};
use crate::segment::{self, Segment};
use crate::world::folder_in_memory;

struct Size {
    id: &'static str,
    dependent: &'static str,
    count: usize,
    asked: usize,
    turns: usize,
    must: Limit,
    goal: Limit,
}

const ROUNDS: usize = 7;

pub fn among_1k() -> Result<Vec<Figure>> {
    measure(&Size {
        id: "get.1k",
        dependent: "get.1k.dependent",
        count: 1_000,
        asked: 100_000,
        turns: 9,
        must: Limit::BelowAndAtMostTimes(25.0, 0.5),
        goal: Limit::AtMost(12.0),
    })
}

pub fn among_100k() -> Result<Vec<Figure>> {
    measure(&Size {
        id: "get.100k",
        dependent: "get.100k.dependent",
        count: 100_000,
        asked: 500_000,
        turns: 1,
        must: Limit::AtMostTimes(0.5),
        goal: Limit::AtMostTimes(0.3),
    })
}

pub fn among_1m() -> Result<Vec<Figure>> {
    measure(&Size {
        id: "get.1m",
        dependent: "get.1m.dependent",
        count: 1_000_000,
        asked: 1_000_000,
        turns: 1,
        must: Limit::AtMostTimes(0.5),
        goal: Limit::AtMostTimes(0.3),
    })
}

fn measure(size: &Size) -> Result<Vec<Figure>> {
    let store = Segment::new(size.count)?;
    let entries = Entries::new(size.count);
    let questions = Questions::uniform(&entries, size.asked);
    let uthash = Uthash::new(&entries)?;
    let hashbrown = Hashbrown::new(&entries);
    let folder = folder_in_memory()?;
    let lmdb = Lmdb::new(&folder.path().join("lmdb"), &entries)?;
    let snapshot = store.root.snapshot()?;

    let time = |work: &dyn Fn() -> Result<()>| core_seconds(work).map(|(seconds, ())| seconds);
    let theirs = |work: &dyn Fn()| {
        time(&|| {
            work();
            Ok(())
        })
    };
    let rounds = by_turns(
        ROUNDS,
        size.turns,
        [
            &mut || time(&|| segment::ask(&snapshot, &questions)),
            &mut || theirs(&|| uthash.ask(&questions)),
            &mut || time(&|| segment::ask_in_turn(&snapshot, &questions)),
            &mut || theirs(&|| uthash.ask_in_turn(&questions)),
            &mut || time(&|| segment::ask_anew(&store.root, &questions, 1)),
            &mut || theirs(&|| hashbrown.ask(&questions)),
            &mut || theirs(&|| lmdb.ask(&questions)),
        ],
    )?;
    let [ours, uthash, ours_in_turn, uthash_in_turn, anew, hashbrown, lmdb] =
        rounds.map(|rounds| scaled(&rounds, 1e9 / size.asked as f64));
    let independent = Figure {
        id: size.id,
        what: format!(
            "a random existing key of {}, {}; {:.0} ns with a snapshot taken for each, hashbrown {:.0} ns, LMDB {:.0} ns",
            size.count,
            entries.shape(),
            anew.median(),
            hashbrown.median(),
            lmdb.median(),
        ),
        unit: "ns",
        value: ours,
        peer: "uthash, no lock".into(),
        peer_value: uthash,
        must: size.must,
        goal: size.goal,
    };
    let dependent = Figure {
        id: size.dependent,
        what: "the same, each key known only once the answer to the one before is there".into(),
        unit: "ns",
        value: ours_in_turn,
        peer: "the same of uthash".into(),
        peer_value: uthash_in_turn,
        must: Limit::Works,
        goal: Limit::AtMostTimes(0.5),
    };
    Ok(vec![independent, dependent])
}

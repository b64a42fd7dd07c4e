//! `get.hot`: the keys that are asked for again and again, among a million.

use crate::Result;
use crate::entries::{Entries, Questions};
use crate::figure::{Figure, Limit};
use crate::measure::{by_turns, core_seconds, scaled};
use crate::peers::{Hashbrown, Uthash};
use crate::segment::{self, Segment};

const COUNT: usize = 1_000_000;
const HOT: usize = 10_000;
const ASKED: usize = 500_000;

pub fn measure() -> Result<Vec<Figure>> {
    let store = Segment::new(COUNT)?;
    let entries = Entries::new(COUNT);
    let questions = Questions::zipf(&entries, HOT, ASKED);
    let uthash = Uthash::new(&entries)?;
    let hashbrown = Hashbrown::new(&entries);
    let snapshot = store.root.snapshot()?;

    let time = |work: &dyn Fn() -> Result<()>| core_seconds(work).map(|(seconds, ())| seconds);
    let theirs = |work: &dyn Fn()| {
        time(&|| {
            work();
            Ok(())
        })
    };
    let rounds = by_turns(
        7,
        3,
        [
            &mut || time(&|| segment::ask(&snapshot, &questions)),
            &mut || theirs(&|| uthash.ask(&questions)),
            &mut || time(&|| segment::ask_in_turn(&snapshot, &questions)),
            &mut || theirs(&|| hashbrown.ask(&questions)),
        ],
    )?;
    let [ours, uthash, in_turn, hashbrown] = rounds.map(|rounds| scaled(&rounds, 1e9 / ASKED as f64));
    Ok(vec![Figure {
        id: "get.hot",
        what: format!(
            "a key of the {HOT} that are asked for (Zipf 0.99) among {COUNT}; {:.0} ns when each waits for the one before, \
             hashbrown {:.0} ns",
            in_turn.median(),
            hashbrown.median(),
        ),
        unit: "ns",
        value: ours,
        peer: "uthash, no lock".into(),
        peer_value: uthash,
        must: Limit::Below(50.0),
        goal: Limit::AtMost(25.0),
    }])
}

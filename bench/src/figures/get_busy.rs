//! `get.busy`: reading while another process writes.

use crate::Result;
use crate::entries::{Entries, Questions};
use crate::figure::{Figure, Limit};
use crate::measure::{by_turns, core_seconds, median, scaled};
use crate::other::BUSY;
use crate::segment::{Segment, ask_anew};

const COUNT: usize = 100_000;
const ASKED: usize = 1_000_000;
/// Gets between two looks for a newer state.
const EVERY: usize = 100;

pub fn measure() -> Result<Vec<Figure>> {
    // What is read in quiet was never written to, so that the comparison shows also what writing leaves behind.
    let (quiet, mut busy) = (Segment::new(COUNT)?, Segment::new(COUNT)?);
    let questions = Questions::uniform(&Entries::new(COUNT), ASKED);
    let mut rates = Vec::new();
    let [reading_quiet, reading_busy] = by_turns(
        9,
        1,
        [&mut || Ok(core_seconds(|| ask_anew(&quiet.root, &questions, EVERY))?.0), &mut || {
            busy.writer.tell("busy")?;
            let seconds = core_seconds(|| ask_anew(&busy.root, &questions, EVERY))?.0;
            rates.push(busy.writer.tell("quiet")?.parse::<f64>()?);
            Ok(seconds)
        }],
    )?;
    let each = 1e9 / ASKED as f64;
    Ok(vec![Figure {
        id: "get.busy",
        what: format!(
            "a random key of {COUNT}, a snapshot for every {EVERY}, while another process commits {:.0} changes a second \
             ({BUSY} wanted)",
            median(&mut rates)
        ),
        unit: "ns",
        value: scaled(&reading_busy, each),
        peer: "the same of a segment that nobody writes".into(),
        peer_value: scaled(&reading_quiet, each),
        must: Limit::AtMostTimes(1.4),
        goal: Limit::AtMostTimes(1.1),
    }])
}

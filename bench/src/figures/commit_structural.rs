//! `commit.structural`: adding, deleting and moving sections at the front, among many and among few.

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::Bench;
use crate::measure::{Plan, Rounds, scaled, side_by_side};
use crate::packages::{self, Shape};
use crate::world::World;

const FEW: Shape = Shape { sections: 100, options: 1200 };
const MANY: Shape = Shape { sections: 100_000, options: 1_200_000 };
/// Adding comes before deleting, so that the few stay about as many as they were.
const PLAN: Plan = Plan { rounds: 5, turns: 2, operations: 20 };

type Operation = fn(&mut Bench) -> Result<()>;

pub fn measure() -> Result<Vec<Figure>> {
    let (few, many) = (World::new()?, World::new()?);
    few.write(&few.package("hosts"), |out| packages::write(out, FEW))?;
    many.write(&many.package("hosts"), |out| packages::write(out, MANY))?;
    let (mut among_few, mut among_many) = (Bench::new(&few, "hosts")?, Bench::new(&many, "hosts")?);

    let operations: [(&str, Operation); 3] =
        [("add", Bench::add_first), ("reorder", Bench::move_first), ("delete", Bench::delete_first)];
    let mut measured: Vec<(&str, Rounds, Rounds)> = Vec::new();
    for (name, operation) in operations {
        let (value, peer) = side_by_side(PLAN, || operation(&mut among_many), || operation(&mut among_few))?;
        measured.push((name, scaled(&value, 1e6), scaled(&peer, 1e6)));
    }
    let ratio = |(_, value, peer): &(&str, Rounds, Rounds)| value.over(peer).median();
    let each: Vec<String> = measured.iter().map(|one| format!("{} {:.2}x", one.0, ratio(one))).collect();
    let (worst, value, peer_value) = measured
        .iter()
        .max_by(|a, b| ratio(a).total_cmp(&ratio(b)))
        .cloned()
        .ok_or("nothing was measured")?;
    Ok(vec![Figure {
        id: "commit.structural",
        what: format!("{worst} at the front of 100,000 sections, the slowest of: {}", each.join(", ")),
        unit: "us",
        value,
        peer: "the same among 100 sections".into(),
        peer_value,
        must: Limit::AtMostTimes(5.0),
        goal: Limit::AtMostTimes(1.5),
    }])
}

//! `commit.large`: one option in a package of a million.

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::{Bench, Until};
use crate::measure::{Plan, scaled, side_by_side};
use crate::packages::{self, A_HOST, Shape};
use crate::world::{Disk, World};

const LARGE: Shape = Shape { sections: 80_000, options: 1_000_000 };
const LOG: Plan = Plan { rounds: 5, turns: 2, operations: 20 };
const FILE: Plan = Plan { rounds: 5, turns: 1, operations: 4 };

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    let text = packages::text(LARGE);
    std::fs::write(world.package("hosts"), &text)?;
    let mut store = Bench::new(&world, "hosts")?;
    let mut disk = Disk::new(&world)?;

    let (log, append) = side_by_side(LOG, || store.set(A_HOST, "metric", Until::Log), || disk.append())?;
    let (file, replace) =
        side_by_side(FILE, || store.set(A_HOST, "metric", Until::File), || disk.replace(&text))?;
    let durable = Figure {
        id: "commit.large",
        what: "one option of a package of 1M options, durable in the log".into(),
        unit: "ms",
        value: scaled(&log, 1e3),
        peer: "append of 4 KiB + fdatasync".into(),
        peer_value: scaled(&append, 1e3),
        must: Limit::Below(10.0),
        goal: Limit::Below(1.0),
    };
    let files = Figure {
        id: "commit.large.file",
        what: format!("the same, and its file of {:.0} MB replaced", text.len() as f64 / 1e6),
        unit: "s",
        value: file,
        peer: "write + fsync + rename + fsync of the directory, the same text".into(),
        peer_value: replace,
        must: Limit::Below(1.0),
        goal: Limit::Below(0.2),
    };
    Ok(vec![durable, files])
}

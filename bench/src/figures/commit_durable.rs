//! `commit.durable`: one option in a small package through the Rust API, beside the least that a disk asks for.

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::{Bench, Until};
use crate::measure::{Plan, scaled, side_by_side};
use crate::packages::{self, A_HOST, Shape};
use crate::world::{Disk, World};

/// Turns are long enough that what one side leaves to the file system's journal is paid by itself.
const PLAN: Plan = Plan { rounds: 5, turns: 3, operations: 40 };

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    let text = packages::text(Shape::SMALL);
    std::fs::write(world.package("hosts"), &text)?;
    let mut store = Bench::new(&world, "hosts")?;
    let mut disk = Disk::new(&world)?;

    let (log, append) = side_by_side(PLAN, || store.set(A_HOST, "metric", Until::Log), || disk.append())?;
    let (file, replace) =
        side_by_side(PLAN, || store.set(A_HOST, "metric", Until::File), || disk.replace(&text))?;
    let durable = Figure {
        id: "commit.durable",
        what: "one option of a package of 20 sections, through the Rust API, durable in the log".into(),
        unit: "us",
        value: scaled(&log, 1e6),
        peer: "append of 4 KiB + fdatasync".into(),
        peer_value: scaled(&append, 1e6),
        must: Limit::BelowTimes(2.0),
        goal: Limit::BelowTimes(1.2),
    };
    let files = Figure {
        id: "commit.durable.files",
        what: "the same, and its file replaced".into(),
        unit: "us",
        value: scaled(&file, 1e6),
        peer: "write + fsync + rename + fsync of the directory, the same text".into(),
        peer_value: scaled(&replace, 1e6),
        must: Limit::BelowTimes(2.0),
        goal: Limit::BelowTimes(1.2),
    };
    Ok(vec![durable, files])
}

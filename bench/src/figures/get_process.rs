//! `get.process`: one `cms get`, as a shell script runs it.

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Plan, scaled, side_by_side};
use crate::packages::{self, A_HOST, Shape};
use crate::process::{Program, spawn_nothing};
use crate::world::World;

const PLAN: Plan = Plan { rounds: 7, turns: 10, operations: 10 };

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    world.write(&world.package("hosts"), |out| packages::write(out, Shape::SMALL))?;
    let cms = Program::new(&world)?;
    let key = format!("hosts.{A_HOST}.ip");
    assert!(cms.output(&["get", &key])?.starts_with("10."), "cms get does not answer the value");
    let (value, peer_value) = side_by_side(PLAN, || cms.run(&["get", &key]), spawn_nothing)?;
    Ok(vec![Figure {
        id: "get.process",
        what: "`cms get` on a package of 20 sections".into(),
        unit: "ms",
        value: scaled(&value, 1e3),
        peer: "starting `true`".into(),
        peer_value: scaled(&peer_value, 1e3),
        must: Limit::BelowPlus(1.5),
        goal: Limit::BelowPlus(0.4),
    }])
}

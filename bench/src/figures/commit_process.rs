//! `commit.process`: a setting changed from a shell: `cms set`, then `cms commit`.

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Plan, scaled, side_by_side};
use crate::packages::{self, A_HOST, Shape};
use crate::process::{Program, spawn_nothing};
use crate::world::World;

const PLAN: Plan = Plan { rounds: 7, turns: 5, operations: 6 };

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    world.write(&world.package("hosts"), |out| packages::write(out, Shape::SMALL))?;
    let cms = Program::new(&world)?;
    let mut number = 0;
    let change = || {
        number += 1;
        cms.run(&["set", &format!("hosts.{A_HOST}.metric={number}")])?;
        cms.run(&["commit"])
    };
    let nothing_twice = || spawn_nothing().and_then(|()| spawn_nothing());
    let (value, peer_value) = side_by_side(PLAN, change, nothing_twice)?;
    let file = std::fs::read_to_string(world.package("hosts"))?;
    assert!(file.contains(&format!("option metric '{number}'")), "the last commit is not in the file");
    Ok(vec![Figure {
        id: "commit.process",
        what: "`cms set` and `cms commit` on a package of 20 sections, durable, file written".into(),
        unit: "ms",
        value: scaled(&value, 1e3),
        peer: "starting `true` twice".into(),
        peer_value: scaled(&peer_value, 1e3),
        must: Limit::BelowPlus(3.0),
        goal: Limit::BelowPlus(1.5),
    }])
}

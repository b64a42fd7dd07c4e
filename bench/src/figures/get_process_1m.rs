//! `get.process.1m`: one `cms get` among a million options, over the same among ten.

use std::time::Duration;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Plan, scaled, side_by_side};
use crate::packages::{self, A_HOST, Shape};
use crate::process::Program;
use crate::world::World;

const PLAN: Plan = Plan { rounds: 7, turns: 10, operations: 10 };
const PACKAGES: u64 = 20;
const EACH: Shape = Shape { sections: 80_000 / PACKAGES, options: 1_000_000 / PACKAGES };
const FEW: Shape = Shape { sections: 1, options: 10 };

pub fn measure() -> Result<Vec<Figure>> {
    let (many, few) = (World::new()?, World::new()?);
    for number in 0..PACKAGES {
        many.write(&many.package(&format!("hosts{number}")), |out| packages::write(out, EACH))?;
    }
    few.write(&few.package("hosts0"), |out| packages::write(out, FEW))?;
    // A file that has just been written might be written again without a trace; after a while its times prove it.
    std::thread::sleep(Duration::from_secs(2));
    let (of_many, of_few) = (Program::new(&many)?, Program::new(&few)?);
    let key = format!("hosts0.{A_HOST}.ip");
    for program in [&of_many, &of_few] {
        // The first of them takes the files into the log.
        assert!(program.output(&["get", &key])?.starts_with("10."), "cms get does not answer the value");
    }
    let (value, peer_value) =
        side_by_side(PLAN, || of_many.run(&["get", &key]), || of_few.run(&["get", &key]))?;
    Ok(vec![Figure {
        id: "get.process.1m",
        what: format!("`cms get` on 1M options in {PACKAGES} packages"),
        unit: "ms",
        value: scaled(&value, 1e3),
        peer: "the same on 10 options".into(),
        peer_value: scaled(&peer_value, 1e3),
        must: Limit::AtMostTimes(1.2),
        goal: Limit::AtMostTimes(1.05),
    }])
}

//! `load.1m`: the first use of a directory that holds a million options.

use std::fs::{self, File};
use std::io::Write;

use cms::model::PackageName;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine;
use crate::measure::{Rounds, seconds};
use crate::packages::{self, A_HOST, Shape};
use crate::world::World;

const ROUNDS: usize = 5;
const PACKAGES: u64 = 20;
const EACH: Shape = Shape { sections: 80_000 / PACKAGES, options: 1_000_000 / PACKAGES };

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    for number in 0..PACKAGES {
        world.write(&world.package(&format!("hosts{number}")), |out| packages::write(out, EACH))?;
    }
    let (mut value, mut peer_value) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        world.forget()?;
        value.push(seconds(|| first_use(&world))?.0);
        peer_value.push(seconds(|| copy(&world))?.0);
    }
    Ok(vec![Figure {
        id: "load.1m",
        what: format!("first use of 1M options in 80,000 sections of {PACKAGES} packages: import, then read"),
        unit: "s",
        value,
        peer: "reading the files, writing and syncing their text once".into(),
        peer_value,
        must: Limit::Below(4.0),
        goal: Limit::Below(1.5),
    }])
}

/// Opens the store, which imports, and reads an option of each package.
fn first_use(world: &World) -> Result<()> {
    let store = engine::open(world)?;
    let snapshot = store.snapshot()?;
    assert!(snapshot.revision().is_some(), "the packages are not in the log");
    let mut options = 0;
    for number in 0..PACKAGES {
        let package = snapshot.package(&PackageName::new(&format!("hosts{number}"))?)?;
        options += package.option_count();
        let host = package.find(A_HOST).ok_or("a section is missing")?;
        assert!(host.get("ip").is_some(), "an option is missing");
    }
    // List items make one option of several lines.
    assert!(options > 800_000, "{options} options");
    Ok(())
}

fn copy(world: &World) -> Result<()> {
    let mut copy = File::create(world.root().join("copy"))?;
    for number in 0..PACKAGES {
        copy.write_all(&fs::read(world.package(&format!("hosts{number}")))?)?;
    }
    copy.sync_data()?;
    Ok(())
}

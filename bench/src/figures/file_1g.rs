//! `file.1g`: a package of 1 GB through the program: import, get, set, commit, export.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Rounds, seconds};
use crate::packages::{self, A_HOST};
use crate::process::{Cost, Program};
use crate::world::World;

const BYTES: u64 = 1_000_000_000;
const ROUNDS: usize = 3;
const STEPS: [&str; 5] = ["import", "get", "set", "commit", "export"];

pub fn measure() -> Result<Vec<Figure>> {
    let mut slowest = Rounds::default();
    let mut largest = Rounds::default();
    let mut copying = Rounds::default();
    let mut costs: [Vec<Cost>; STEPS.len()] = Default::default();
    let mut bytes = 0.0;
    for _ in 0..ROUNDS {
        let world = World::new()?;
        let source = world.root().join("source");
        world.write(&source, |out| packages::write_bytes(out, BYTES))?;
        bytes = source.metadata()?.len() as f64;
        let round = steps(&world, &source)?;
        slowest.push(round.iter().map(|cost| cost.seconds).fold(0.0, f64::max));
        largest.push(round.iter().map(|cost| cost.peak / bytes).fold(0.0, f64::max));
        for (all, cost) in costs.iter_mut().zip(round) {
            all.push(cost);
        }
        copying.push(seconds(|| copy(&source, &world.root().join("copy")))?.0);
    }
    let each: Vec<String> = STEPS
        .iter()
        .zip(&costs)
        .map(|(step, costs)| {
            let median = |field: fn(&Cost) -> f64| Rounds::new(costs.iter().map(field).collect()).median();
            format!("{step} {:.2} s {:.0} MB", median(|cost| cost.seconds), median(|cost| cost.peak) / 1e6)
        })
        .collect();
    let what = format!("the slowest step with a package of {:.2} GB: {}", bytes / 1e9, each.join(", "));
    let time = Figure {
        id: "file.1g",
        what,
        unit: "s",
        value: slowest,
        peer: "copying the file and syncing the copy".into(),
        peer_value: copying,
        must: Limit::Below(30.0),
        goal: Limit::Below(8.0),
    };
    let memory = Figure {
        id: "file.1g.memory",
        what: "the largest peak memory of these steps".into(),
        unit: "x",
        value: largest,
        peer: "the size of the file".into(),
        peer_value: Rounds::new(vec![1.0; ROUNDS]),
        must: Limit::Works,
        goal: Limit::Below(1.5),
    };
    Ok(vec![time, memory])
}

fn steps(world: &World, source: &Path) -> Result<[Cost; STEPS.len()]> {
    let cms = Program::new(world)?;
    let key = format!("big.{A_HOST}.ip");
    let (got, exported) = (world.root().join("got"), world.root().join("exported"));
    let import = cms.cost(&["import", "big"], Some(source), None)?;
    let get = cms.cost(&["get", &key], None, Some(&got))?;
    assert!(std::fs::read_to_string(&got)?.starts_with("10."), "cms get does not answer the value");
    let set = cms.cost(&["set", &format!("{key}=10.255.255.255")], None, None)?;
    let commit = cms.cost(&["commit"], None, None)?;
    let export = cms.cost(&["export", "big"], None, Some(&exported))?;
    for file in [&world.package("big"), &exported] {
        assert!(head(file)?.contains("10.255.255.255"), "{} lacks the new value", file.display());
        let size = file.metadata()?.len() as f64;
        assert!(size > BYTES as f64 * 0.95, "{} has {size} bytes", file.display());
    }
    Ok([import, get, set, commit, export])
}

/// The part of a file that holds the first section.
fn head(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(4096).read_to_string(&mut text)?;
    Ok(text)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut from = BufReader::with_capacity(1 << 20, File::open(from)?);
    let mut to = File::create(to)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    Ok(())
}

//! `rebuild.1m`: the segment made anew from the log.

use std::fs::{self, File};
use std::io;

use cms_segment::{Root, Value};

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine;
use crate::measure::{Rounds, seconds};
use crate::packages::{self, A_HOST, Shape};
use crate::segment::bytes_in;
use crate::world::World;

const ROUNDS: usize = 5;
const PACKAGES: u64 = 20;
const EACH: Shape = Shape { sections: 80_000 / PACKAGES, options: 1_000_000 / PACKAGES };

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    for number in 0..PACKAGES {
        world.write(&world.package(&format!("hosts{number}")), |out| packages::write(out, EACH))?;
    }
    open(&world)?;
    let segment = engine::segment(&world)?;
    let (mut value, mut peer_value, mut there) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        there.push(seconds(|| open(&world))?.0);
        fs::remove_dir_all(&segment)?;
        value.push(seconds(|| open(&world))?.0);
        check(&segment)?;
        peer_value.push(seconds(|| copy(&world, &segment))?.0);
    }
    let (bytes, payload) = (bytes_in(&segment)? as f64, payload(&segment)? as f64);
    let time = Figure {
        id: "rebuild.1m",
        what: format!(
            "opening a store of 1M options in {PACKAGES} packages whose segment is missing; {:.3} s where it is there",
            there.median()
        ),
        unit: "s",
        value,
        peer: "copying the files of the segment".into(),
        peer_value,
        must: Limit::Below(2.0),
        goal: Limit::Below(0.5),
    };
    let memory = Figure {
        id: "memory.ratio.view",
        what: "bytes of that segment, sections and notes on files included, over those of keys, values and types".into(),
        unit: "x",
        value: Rounds::new(vec![bytes / payload]),
        peer: "nothing more".into(),
        peer_value: Rounds::new(vec![1.0]),
        must: Limit::Works,
        goal: Limit::AtMost(1.05),
    };
    Ok(vec![time, memory])
}

/// Opens the store and makes sure of its segment.
fn open(world: &World) -> Result<()> {
    engine::open(world)?.snapshot()?.map();
    Ok(())
}

/// The segment is there again, and has an option of each package.
fn check(segment: &std::path::Path) -> Result<()> {
    let snapshot = Root::attach(segment)?.snapshot()?;
    for number in 0..PACKAGES {
        let key = format!("hosts{number}.{A_HOST}.ip");
        assert!(matches!(snapshot.get(key.as_bytes())?, Some(Value::String(_))), "{key} is missing");
    }
    Ok(())
}

fn copy(world: &World, segment: &std::path::Path) -> Result<()> {
    let mut copy = File::create(world.run().join("copy"))?;
    for file in fs::read_dir(segment)? {
        io::copy(&mut File::open(file?.path())?, &mut copy)?;
    }
    Ok(())
}

/// The bytes of what a user would see of the entries: keys with their dots, and values.
fn payload(segment: &std::path::Path) -> Result<u64> {
    let mut bytes = 0;
    let snapshot = Root::attach(segment)?.snapshot()?;
    for item in snapshot.iter() {
        let item = item?;
        let value = match item.value {
            Value::String(text) | Value::Bytes(text) => text.len(),
            Value::Array(items) => {
                let mut sum = 0;
                for item in items.iter() {
                    if let cms_segment::Scalar::String(text) = item? {
                        sum += text.len();
                    }
                }
                sum
            }
            _ => 0,
        };
        bytes += item.path.len() + 1 + item.leaf.len() + value;
    }
    Ok(bytes as u64)
}

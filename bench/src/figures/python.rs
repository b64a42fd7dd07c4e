//! `py.get`, `py.handle`: what a Python program pays to read an option.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::Rounds;
use crate::world::World;

const ROUNDS: usize = 9;

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    let python = std::env::var_os("CMS_PYTHON")
        .filter(|python| !python.is_empty())
        .ok_or("CMS_PYTHON does not name a Python that has the package cms (use `make bench`)")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/read.py");
    let answer = Command::new(python).arg(script).arg(world.root()).arg(ROUNDS.to_string()).output()?;
    if !answer.status.success() {
        return Err(String::from_utf8_lossy(&answer.stderr).into_owned().into());
    }
    let [mut store, mut dict, mut handle, mut attribute, mut json] =
        std::array::from_fn(|_| Rounds::default());
    for line in String::from_utf8(answer.stdout)?.lines() {
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        for rounds in [&mut store, &mut dict, &mut handle, &mut attribute, &mut json] {
            rounds.push(numbers.next().ok_or("a line is too short")??);
        }
    }
    let get = Figure {
        id: "py.get",
        what: format!(
            "Python store[key] on 1,000 options (a JSON file that is read again: {:.0} ns)",
            json.median()
        ),
        unit: "ns",
        value: store,
        peer: "a dict".into(),
        peer_value: dict,
        must: Limit::Below(250.0),
        goal: Limit::Below(120.0),
    };
    let bound = Figure {
        id: "py.handle",
        what: "Python handle.value".into(),
        unit: "ns",
        value: handle,
        peer: "an attribute of an object".into(),
        peer_value: attribute,
        must: Limit::Below(80.0),
        goal: Limit::Below(40.0),
    };
    Ok(vec![get, bound])
}

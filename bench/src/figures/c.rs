//! `c.get`, `c.handle`, `libuci.lookup`: what a C program pays to read an option.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::Rounds;
use crate::world::World;

const ROUNDS: usize = 9;

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    let library = std::env::var_os("CMS_LIBRARY")
        .filter(|library| !library.is_empty())
        .ok_or("CMS_LIBRARY does not name the directory of libcms.so (use `make bench`)")?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = world.root().join("read");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-O2", "-o"]).arg(&program).arg(source.join("c/read.c"));
    compiler.arg("-I").arg(source.join("../include")).arg("-L").arg(&library).arg("-lcms");
    succeed(&mut compiler)?;
    let mut reader = Command::new(&program);
    reader.arg(world.root()).arg(ROUNDS.to_string()).env("LD_LIBRARY_PATH", &library);
    reader.env("CMS_STATE_DIR", world.state()).env("CMS_RUN_DIR", world.run());
    let answer = succeed(&mut reader)?;
    let mut all: [Rounds; 8] = std::array::from_fn(|_| Rounds::default());
    for line in answer.lines() {
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        for rounds in &mut all {
            rounds.push(numbers.next().ok_or("a line is too short")??);
        }
    }
    let [get, uthash, handle, load, few, few_uthash, many, many_uthash] = all;
    let figure = |id, what: &str, value, peer: &str, peer_value, must, goal| Figure {
        id,
        what: what.into(),
        unit: "ns",
        value,
        peer: peer.into(),
        peer_value,
        must,
        goal,
    };
    Ok(vec![
        figure(
            "c.get",
            "C config_get_string on 1,000 keys, each set by itself",
            get,
            "uthash in the same program",
            uthash,
            Limit::BelowAndAtMostTimes(30.0, 0.6),
            Limit::Below(15.0),
        ),
        figure(
            "c.handle",
            "C cms_handle_int",
            handle,
            "a load from memory",
            load,
            Limit::Below(4.0),
            Limit::Below(1.5),
        ),
        figure(
            "libuci.lookup",
            "uci_lookup_ptr in a loaded package of 1,200 options (libuci itself: 264 ns, peers.md)",
            few,
            "uthash in the same program",
            few_uthash,
            Limit::Below(120.0),
            Limit::Below(40.0),
        ),
        figure(
            "libuci.lookup.1m",
            "the same of 1M options (libuci itself: 19 us)",
            many,
            "uthash in the same program",
            many_uthash,
            Limit::AtMostTimes(0.6),
            Limit::AtMostTimes(0.3),
        ),
    ])
}

/// What a program prints, if it ends well.
fn succeed(command: &mut Command) -> Result<String> {
    let answer = command.output()?;
    if !answer.status.success() {
        return Err(String::from_utf8_lossy(&answer.stderr).into_owned().into());
    }
    Ok(String::from_utf8(answer.stdout)?)
}

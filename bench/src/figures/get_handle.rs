//! `get.handle`, `get.handle.busy`: a bound key, read as a number again and again.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use cms::Bound;
use cms::model::Key;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine;
use crate::measure::{by_turns, core_seconds, scaled};
use crate::other::{BUSY, Other};
use crate::packages::{self, A_HOST, Shape};
use crate::world::World;

const SHAPE: Shape = Shape { sections: 1_000, options: 12_000 };
const READS: usize = 20_000_000;

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    world.write(&world.package("hosts"), |out| packages::write(out, SHAPE))?;
    let store = engine::open(&world)?;
    let mut mtu: Bound<u32> = store.bind(&Key::parse(&format!("hosts.{A_HOST}.mtu"))?)?;
    let value = *mtu.get()?.ok_or("the option is missing")?;
    let segment = engine::segment(&world)?;
    let mut other = Other::start("changer", &[&segment.to_string_lossy()])?;
    other.hear()?;

    let mtu = std::cell::RefCell::new(mtu);
    let read = || {
        let mut mtu = mtu.borrow_mut();
        let mut sum = 0;
        for _ in 0..READS {
            sum += u64::from(*mtu.get()?.ok_or("the option is missing")?);
        }
        assert_eq!(sum, u64::from(value) * READS as u64);
        Ok(())
    };
    let (version, cached) = (AtomicU64::new(1), AtomicU64::new(u64::from(value)));
    let least = || {
        let mut sum = 0;
        for _ in 0..READS {
            if black_box(&version).load(Ordering::Acquire) == 1 {
                sum += cached.load(Ordering::Relaxed);
            }
        }
        black_box(sum);
        Ok(())
    };
    let mut rate = Vec::new();
    let rounds = by_turns(
        7,
        1,
        [&mut || Ok(core_seconds(read)?.0), &mut || Ok(core_seconds(least)?.0), &mut || {
            other.tell("busy")?;
            let seconds = core_seconds(read)?.0;
            rate.push(other.tell("quiet")?.parse::<f64>()?);
            Ok(seconds)
        }],
    )?;
    let [quiet, least, busy] = rounds.map(|rounds| scaled(&rounds, 1e9 / READS as f64));
    let first = Figure {
        id: "get.handle",
        what: "a bound option read as a number, while nothing changes".into(),
        unit: "ns",
        value: quiet.clone(),
        peer: "an acquire load that guards a load".into(),
        peer_value: least,
        must: Limit::Below(3.0),
        goal: Limit::AtMost(1.0),
    };
    let second = Figure {
        id: "get.handle.busy",
        what: format!(
            "the same while another process changes other options {:.0} times a second ({BUSY} wanted)",
            crate::measure::median(&mut rate)
        ),
        unit: "ns",
        value: busy,
        peer: "the same while nothing changes".into(),
        peer_value: quiet,
        must: Limit::AtMostTimes(1.5),
        goal: Limit::AtMostTimes(1.1),
    };
    Ok(vec![first, second])
}

//! `tx.durable`, `tx.group`, `tx.group.processes`: commits of one option, alone and many at once, durable each.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::{self, Bench, Until};
use crate::measure::Rounds;
use crate::other::Other;
use crate::packages::{self, Shape};
use crate::world::{Disk, World};

const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_millis(400);
const THREADS: usize = 64;
const PROCESSES: usize = 16;
/// A package with a section for each writer.
const HOSTS: Shape = Shape { sections: 2 * THREADS as u64, options: 20 * THREADS as u64 };

pub fn durable() -> Result<Vec<Figure>> {
    let world = World::new()?;
    std::fs::write(world.package("hosts"), packages::text(HOSTS))?;
    let mut store = Bench::new(&world, "hosts")?;
    let mut disk = Disk::new(&world)?;
    let section = packages::host(0);
    let [mut mine, mut theirs, mut my_tail, mut their_tail] = std::array::from_fn(|_| Rounds::default());
    for _ in 0..ROUNDS {
        let (mut commits, mut appends) = (Vec::new(), Vec::new());
        for _ in 0..10 {
            for _ in 0..40 {
                let start = Instant::now();
                store.set(&section, "metric", Until::Log)?;
                commits.push(start.elapsed().as_secs_f64() * 1e6);
            }
            for _ in 0..40 {
                let start = Instant::now();
                disk.append()?;
                appends.push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
        for (times, middle, tail) in
            [(&mut commits, &mut mine, &mut my_tail), (&mut appends, &mut theirs, &mut their_tail)]
        {
            times.sort_by(f64::total_cmp);
            middle.push(times[times.len() / 2]);
            tail.push(times[times.len() * 99 / 100]);
        }
    }
    let figure = |id, what: &str, value, peer_value, must| Figure {
        id,
        what: format!("one option in a transaction of a long-lived process, durable in the log: {what}"),
        unit: "us",
        value,
        peer: "append of 4 KiB + fdatasync".into(),
        peer_value,
        must,
        goal: Limit::BelowTimes(1.4),
    };
    Ok(vec![
        figure("tx.durable", "median", mine, theirs, Limit::BelowTimes(2.0)),
        figure("tx.durable.p99", "99 of 100", my_tail, their_tail, Limit::BelowOrAtMostTimes(1000.0, 1.5)),
    ])
}

pub fn group() -> Result<Vec<Figure>> {
    let world = World::new()?;
    std::fs::write(world.package("hosts"), packages::text(HOSTS))?;
    let store = engine::open(&world)?;
    let rate = |threads: usize| -> Result<f64> {
        let start = Barrier::new(threads);
        let counts: Vec<std::result::Result<usize, String>> = thread::scope(|scope| {
            let writers: Vec<_> = (0..threads)
                .map(|number| {
                    let (start, store) = (&start, store.clone());
                    scope.spawn(move || {
                        let mut bench = Bench::of(store, "hosts").map_err(|error| error.to_string())?;
                        start.wait();
                        commit_for(&mut bench, number, TURN).map_err(|error| error.to_string())
                    })
                })
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().unwrap_or(Err("a writer panicked".into())))
                .collect()
        });
        let mut total = 0;
        for count in counts {
            total += count?;
        }
        Ok(total as f64 / TURN.as_secs_f64())
    };
    let (mut many, mut one) = (Rounds::default(), Rounds::default());
    rate(THREADS)?;
    for _ in 0..ROUNDS {
        one.push(rate(1)?);
        many.push(rate(THREADS)?);
    }
    Ok(vec![Figure {
        id: "tx.group",
        what: format!("commits of {THREADS} threads, each with a key of its own, durable each"),
        unit: "/s",
        value: many,
        peer: "the same of one thread".into(),
        peer_value: one,
        must: Limit::AtLeastTimes(10.0),
        goal: Limit::AtLeastTimes(20.0),
    }])
}

pub fn group_of_processes() -> Result<Vec<Figure>> {
    let world = World::new()?;
    std::fs::write(world.package("hosts"), packages::text(HOSTS))?;
    drop(engine::open(&world)?.snapshot()?);
    let [config, state, run] =
        [world.config(), world.state(), world.run()].map(|folder| folder.to_string_lossy().into_owned());
    let mut others = (0..PROCESSES)
        .map(|number| Other::start("committer", &[&config, &state, &run, &number.to_string()]))
        .collect::<Result<Vec<_>>>()?;
    for other in &mut others {
        other.hear()?;
    }
    let mut rate = |count: usize| -> Result<f64> {
        for other in &mut others[..count] {
            other.order(&format!("for {}", TURN.as_millis()))?;
        }
        let mut total = 0;
        for other in &mut others[..count] {
            total += other.hear()?.parse::<usize>()?;
        }
        Ok(total as f64 / TURN.as_secs_f64())
    };
    let (mut many, mut one) = (Rounds::default(), Rounds::default());
    rate(PROCESSES)?;
    for _ in 0..ROUNDS {
        one.push(rate(1)?);
        many.push(rate(PROCESSES)?);
    }
    Ok(vec![Figure {
        id: "tx.group.processes",
        what: format!("commits of {PROCESSES} processes, each with a key of its own, durable each"),
        unit: "/s",
        value: many,
        peer: "the same of one process".into(),
        peer_value: one,
        must: Limit::AtLeastTimes(4.0),
        goal: Limit::AtLeastTimes(8.0),
    }])
}

/// Commits changes of one section until the time is over.
pub fn commit_for(bench: &mut Bench, number: usize, time: Duration) -> Result<usize> {
    let section = packages::host(number);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        bench.set(&section, "metric", Until::Log)?;
        count += 1;
    }
    Ok(count)
}

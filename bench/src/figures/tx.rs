//! `tx.durable`, `tx.group`, `tx.group.processes`, `tx.open1000`, `bulk.durable`: transactions, alone and many at once, durable each.

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

/// Transactions that are open at once, every two of which want the same.
const OPEN: usize = 1000;
const WRITES: usize = 10;

pub fn open_at_once() -> Result<Vec<Figure>> {
    let world = World::new()?;
    let shape = Shape { sections: OPEN as u64, options: 10 * OPEN as u64 };
    std::fs::write(world.package("hosts"), packages::text(shape))?;
    let mut bench = Bench::new(&world, "hosts")?;
    let [mut many, mut one] = std::array::from_fn(|_| Rounds::default());
    for round in 0..ROUNDS {
        let mut all = Vec::new();
        for number in 0..OPEN {
            let value = format!("{round}-{number}");
            all.push((number, bench.begin(&packages::host(number / 2), WRITES, &value)?));
        }
        let (mut committed, mut seconds) = (0, 0.0);
        for (number, tx) in all {
            let start = Instant::now();
            let outcome = tx.commit();
            let took = start.elapsed().as_secs_f64();
            match outcome {
                Ok(_) if number % 2 == 0 => {
                    (committed, seconds) = (committed + 1, seconds + took);
                }
                Err(error) if number % 2 == 1 && error.is_conflict() => {}
                Ok(_) => return Err("a conflict was not seen".into()),
                Err(error) => return Err(error.into()),
            }
        }
        many.push(seconds / f64::from(committed) * 1e6);
        for number in 0..OPEN / 2 {
            if !bench.holds(&packages::host(number), WRITES, &format!("{round}-{}", 2 * number))? {
                return Err("a commit is lost".into());
            }
        }
        let (mut alone, count) = (0.0, OPEN / 4);
        for number in 0..count {
            let tx = bench.begin(&packages::host(number), WRITES, &format!("{round}-{number}-alone"))?;
            let start = Instant::now();
            tx.commit()?;
            alone += start.elapsed().as_secs_f64();
        }
        one.push(alone / count as f64 * 1e6);
    }
    Ok(vec![Figure {
        id: "tx.open1000",
        what: format!(
            "commit of one of {OPEN} open transactions of {WRITES} changes, half of which are refused for a conflict; none lost"
        ),
        unit: "us",
        value: many,
        peer: "the same with one open".into(),
        peer_value: one,
        must: Limit::AtMostTimes(1.5),
        goal: Limit::AtMostTimes(1.1),
    }])
}

pub fn bulk() -> Result<Vec<Figure>> {
    const SECTIONS: u64 = 50_000;
    const CHANGES: usize = 20;
    let [mut rate, mut copies] = std::array::from_fn(|_| Rounds::default());
    for round in 0..3 {
        let world = World::new()?;
        let shape = Shape { sections: 2 * SECTIONS, options: 10 * SECTIONS };
        let text = packages::text(shape);
        std::fs::write(world.package("hosts"), &text)?;
        let mut bench = Bench::new(&world, "hosts")?;
        let disk = Disk::new(&world)?;
        let sections: Vec<String> = (0..SECTIONS as usize).map(packages::host).collect();
        let (seconds, changes) =
            crate::measure::seconds(|| bench.change_all(&sections, CHANGES, &format!("bulk {round}")))?;
        rate.push(changes as f64 / seconds);
        let (seconds, ()) = crate::measure::seconds(|| disk.replace(&text))?;
        copies.push(changes as f64 / seconds);
    }
    Ok(vec![Figure {
        id: "bulk.durable",
        what: "changes of one transaction of a million, from its first change until the log has it on disk"
            .into(),
        unit: "/s",
        value: rate,
        peer: "writing the package's text and syncing it".into(),
        peer_value: copies,
        must: Limit::AtLeast(100_000.0),
        goal: Limit::AtLeast(300_000.0),
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

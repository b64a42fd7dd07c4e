//! A short measurement of the user's own machine, on a store of its own: each figure beside what the machine itself takes for the
//! least that has to be done.
//!
//! - `world`: the store that is measured, and its end
//! - `peer`: the other process

pub(crate) mod peer;
mod world;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cms::model::{Key, Value};
use cms::{Location, Store};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::msg;
use peer::Peer;
use world::World;

/// So many reads are timed together: the clock itself takes as long as some of them.
const READS: u32 = 1000;

/// What was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Get,
    Handle,
    Commit,
    Files,
    Wake,
}

impl What {
    /// The name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            What::Get => "get",
            What::Handle => "handle",
            What::Commit => "commit",
            What::Files => "commit-files",
            What::Wake => "wake",
        }
    }
}

/// A figure beside the limit that the machine sets.
pub(crate) struct Figure {
    pub(crate) what: What,
    pub(crate) ours: Times,
    pub(crate) limit: Times,
}

impl Figure {
    pub(crate) fn ratio(&self) -> f64 {
        self.ours.at(0.5) / self.limit.at(0.5).max(0.01)
    }
}

/// Times in nanoseconds, in order.
pub(crate) struct Times(Vec<f64>);

impl Times {
    fn new(mut times: Vec<f64>) -> Times {
        times.sort_by(f64::total_cmp);
        Times(times)
    }

    /// The time that a part of all is not longer than.
    pub(crate) fn at(&self, part: f64) -> f64 {
        let place = (self.0.len() as f64 * part) as usize;
        self.0.get(place.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Measures everything within a time, beside where the store at a location lies.
pub(crate) fn run(location: &Location, time: Duration) -> Result<Vec<Figure>, Failure> {
    let world = World::new(location)?;
    let store = world.store()?;
    let keys = world.keys()?;
    let mut figures = vec![
        get(&store, &keys, time.mul_f64(0.1))?,
        handle(&store, &keys[0], time.mul_f64(0.1))?,
        commit(What::Commit, &store, &world, &keys, time.mul_f64(0.4))?,
    ];
    figures.push(commit(What::Files, &store, &world, &keys, time.mul_f64(0.2))?);
    figures.push(wake(&store, &world, &keys, time.mul_f64(0.2))?);
    Ok(figures)
}

/// The system's clock, the same for all processes, in nanoseconds.
fn clock() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn failed(error: io::Error) -> Failure {
    Failure::new(Exit::Error, msg!("bench-failed")).because(&error)
}

/// Times two things in turns, so that both see the same machine.
fn in_turns(
    time: Duration,
    mut ours: impl FnMut() -> Result<f64, Failure>,
    mut limit: impl FnMut() -> Result<f64, Failure>,
) -> Result<(Times, Times), Failure> {
    let (mut our_times, mut limits) = (Vec::new(), Vec::new());
    let end = Instant::now() + time;
    // The first of each finds cold caches.
    ours()?;
    limit()?;
    loop {
        our_times.push(ours()?);
        limits.push(limit()?);
        if Instant::now() >= end {
            return Ok((Times::new(our_times), Times::new(limits)));
        }
    }
}

/// Reading by key, beside a hash table in the memory of this process.
fn get(store: &Store, keys: &[Key], time: Duration) -> Result<Figure, Failure> {
    let snapshot = store.snapshot()?;
    let mut table: HashMap<String, Value> = HashMap::new();
    for key in keys {
        if let Some(value) = snapshot.get(key)? {
            table.insert(key.to_string(), value);
        }
    }
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let (ours, limit) = in_turns(
        time,
        || {
            let start = Instant::now();
            for key in keys.iter().cycle().take(READS as usize) {
                black_box(snapshot.get(black_box(key))?);
            }
            Ok(each(start))
        },
        || {
            let start = Instant::now();
            for name in names.iter().cycle().take(READS as usize) {
                black_box(table.get(black_box(name)).cloned());
            }
            Ok(each(start))
        },
    )?;
    Ok(Figure { what: What::Get, ours, limit })
}

/// Nanoseconds for each of the reads that began at `start`.
fn each(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / f64::from(READS)
}

/// Reading through a bound key, beside one look at a word in memory.
fn handle(store: &Store, key: &Key, time: Duration) -> Result<Figure, Failure> {
    let mut bound = store.bind::<u32>(key)?;
    let word = AtomicU64::new(1);
    let (ours, limit) = in_turns(
        time,
        || {
            let start = Instant::now();
            for _ in 0..READS {
                black_box(bound.get()?);
            }
            Ok(each(start))
        },
        || {
            let start = Instant::now();
            for _ in 0..READS {
                black_box(black_box(&word).load(Ordering::Acquire));
            }
            Ok(each(start))
        },
    )?;
    Ok(Figure { what: What::Handle, ours, limit })
}

/// A commit of one option, and with [`What::Files`] of its package file too, beside a write to a file on the same file system and
/// its fdatasync.
fn commit(what: What, store: &Store, world: &World, keys: &[Key], time: Duration) -> Result<Figure, Failure> {
    let mut next = world.changes(keys);
    let mut file = Synced::new(world)?;
    let (ours, limit) = in_turns(
        time,
        || {
            let (key, value) = next();
            let start = Instant::now();
            let transaction = world.begin(store, key, value)?;
            match what {
                What::Files => transaction.commit_and_wait_files()?,
                _ => transaction.commit()?,
            };
            Ok(start.elapsed().as_nanos() as f64)
        },
        || file.write().map_err(failed),
    )?;
    Ok(Figure { what, ours, limit })
}

/// From the call of a commit here to its event in another process, beside an fdatasync and a byte through a pipe to that process.
fn wake(store: &Store, world: &World, keys: &[Key], time: Duration) -> Result<Figure, Failure> {
    let mut next = world.changes(keys);
    let mut file = Synced::new(world)?;
    let mut echo = Peer::start(world.location(), peer::ECHO).map_err(failed)?;
    let mut watch = Peer::start(world.location(), peer::WATCH).map_err(failed)?;
    let (ours, limit) = in_turns(
        time,
        || {
            let (key, value) = next();
            let start = clock();
            world.begin(store, key, value)?.commit()?;
            let seen = watch.time().map_err(failed)?;
            Ok(seen.saturating_sub(start) as f64)
        },
        || {
            let synced = file.write().map_err(failed)?;
            let start = clock();
            echo.wake().map_err(failed)?;
            let seen = echo.time().map_err(failed)?;
            Ok(synced + seen.saturating_sub(start) as f64)
        },
    )?;
    Ok(Figure { what: What::Wake, ours, limit })
}

/// A file that is written and synced as a log is: into room that it has already.
struct Synced {
    file: File,
    place: u64,
}

impl Synced {
    /// What a commit of one option writes, about, and when the file begins anew.
    const BLOCK: usize = 4096;
    const ROOM: u64 = 1 << 20;

    fn new(world: &World) -> Result<Synced, Failure> {
        let path = world.folder().join("synced");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let mut file = file.map_err(failed)?;
        file.write_all(&vec![1; Self::ROOM as usize]).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Synced { file, place: 0 })
    }

    fn write(&mut self) -> io::Result<f64> {
        use std::os::unix::fs::FileExt;
        let start = Instant::now();
        self.file.write_all_at(&[2; Self::BLOCK], self.place)?;
        self.file.sync_data()?;
        self.place = (self.place + Self::BLOCK as u64) % Self::ROOM;
        Ok(start.elapsed().as_nanos() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_their_order() {
        let times = Times::new(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((times.at(0.0), times.at(0.5), times.at(0.99), times.at(1.0)), (1.0, 3.0, 5.0, 5.0));
        assert_eq!(Times::new(Vec::new()).at(0.5), 0.0);
    }
}

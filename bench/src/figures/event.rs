//! `event.process`, `event.fanout`, `event.queue`: from a commit to the closures that other processes have it told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::futex;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::{self, Bench, Until};
use crate::measure::Rounds;
use crate::other::Other;
use crate::packages::{self, Shape};
use crate::shared::{Words, clock, words};
use crate::world::{Disk, World};

const ROUNDS: usize = 5;
const WAKES: usize = 200;
/// Between two of them, so that the other process sleeps.
const PAUSE: Duration = Duration::from_micros(500);
const PROCESSES: usize = 20;
const SUBSCRIBERS: usize = 1000;
const QUEUED: usize = 1_000_000;
/// Events of a commit.
const CHANGES: usize = 100;
const SHAPE: Shape = Shape { sections: 2 * CHANGES as u64, options: 20 * CHANGES as u64 };

/// What the clock showed when a commit was about to be published.
static PUBLISHED: AtomicU64 = AtomicU64::new(0);

/// Notes when the engine says that it publishes.
struct Publications;

impl tracing::Subscriber for Publications {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "cms::mapped" && *metadata.level() == tracing::Level::TRACE
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        PUBLISHED.store(clock(), Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A store with a package, and the directories as others are told of them.
fn store() -> Result<(World, Bench, [String; 3])> {
    tracing::subscriber::set_global_default(Publications)?;
    let world = World::new()?;
    std::fs::write(world.package("hosts"), packages::text(SHAPE))?;
    let store = engine::open(&world)?;
    store.snapshot()?.map();
    let directories =
        [world.config(), world.state(), world.run()].map(|folder| folder.to_string_lossy().into_owned());
    Ok((world, Bench::of(store, "hosts")?, directories))
}

pub fn process() -> Result<Vec<Figure>> {
    let (world, mut bench, [config, state, run]) = store()?;
    let mut disk = Disk::new(&world)?;
    let (of_events, of_futex) = (world.run().join("of-events"), world.run().join("of-futex"));
    let (by_events, by_futex) = (words(&of_events)?, words(&of_futex)?);
    let mut listener = Other::start("listener", &[&config, &state, &run, &of_events.to_string_lossy(), "1"])?;
    let mut bare = Other::start("futex", &[&of_futex.to_string_lossy()])?;
    listener.hear()?;
    bare.hear()?;
    let section = packages::host(0);
    let [mut p50, mut p50_bare, mut p99, mut p99_bare, mut total, mut appended] =
        std::array::from_fn(|_| Rounds::default());
    for _ in 0..ROUNDS {
        let [mut ours, mut theirs, mut totals, mut appends] = [const { Vec::new() }; 4];
        for _ in 0..WAKES {
            std::thread::sleep(PAUSE);
            let before = by_events.woken.load(Ordering::Acquire);
            let start = clock();
            bench.set(&section, "metric", Until::Log)?;
            let end = woken(by_events, before, 1)?;
            ours.push(micros(PUBLISHED.load(Ordering::Relaxed), end));
            totals.push(micros(start, end));
            std::thread::sleep(PAUSE);
            let before = by_futex.woken.load(Ordering::Acquire);
            let start = clock();
            by_futex.futex.fetch_add(1, Ordering::Release);
            futex::wake(&by_futex.futex, futex::Flags::empty(), 1)?;
            theirs.push(micros(start, woken(by_futex, before, 1)?));
            let start = clock();
            disk.append()?;
            appends.push(micros(start, clock()));
        }
        for (times, part, rounds) in [
            (&mut ours, 50, &mut p50),
            (&mut theirs, 50, &mut p50_bare),
            (&mut totals, 50, &mut total),
            (&mut appends, 50, &mut appended),
        ] {
            times.sort_by(f64::total_cmp);
            rounds.push(times[times.len() * part / 100]);
        }
        p99.push(ours[ours.len() * 99 / 100]);
        p99_bare.push(theirs[theirs.len() * 99 / 100]);
    }
    let figure = |id, which: &str, value, peer_value, must, goal| Figure {
        id,
        what: format!("{which} from before a publication until the closure of another process is called"),
        unit: "us",
        value,
        peer: "a bare futex between two processes".into(),
        peer_value,
        must,
        goal,
    };
    Ok(vec![
        figure(
            "event.process",
            "p50",
            p50,
            p50_bare,
            Limit::BelowAndAtMostTimes(100.0, 2.0),
            Limit::AtMostTimes(1.5),
        ),
        figure("event.process.p99", "p99", p99, p99_bare, Limit::BelowTimes(3.0), Limit::AtMostTimes(2.0)),
        Figure {
            id: "event.process.total",
            what: "p50 from the call of commit until the closure of another process is called".into(),
            unit: "us",
            value: total,
            peer: "append of 4 KiB + fdatasync".into(),
            peer_value: appended,
            must: Limit::BelowOrAtMostTimes(500.0, 3.0),
            goal: Limit::BelowTimes(2.0),
        },
    ])
}

pub fn fanout() -> Result<Vec<Figure>> {
    let (world, mut bench, [config, state, run]) = store()?;
    let (of_events, of_futex) = (world.run().join("of-events"), world.run().join("of-futex"));
    let (by_events, by_futex) = (words(&of_events)?, words(&of_futex)?);
    let each = (SUBSCRIBERS / PROCESSES).to_string();
    let mut others = Vec::new();
    for _ in 0..PROCESSES {
        others.push(Other::start("listener", &[&config, &state, &run, &of_events.to_string_lossy(), &each])?);
        others.push(Other::start("futex", &[&of_futex.to_string_lossy()])?);
    }
    for other in &mut others {
        other.hear()?;
    }
    let section = packages::host(0);
    let (mut mine, mut theirs) = (Rounds::default(), Rounds::default());
    for _ in 0..4 * ROUNDS {
        std::thread::sleep(PAUSE * 20);
        let before = by_events.woken.load(Ordering::Acquire);
        bench.set(&section, "metric", Until::Log)?;
        let end = woken(by_events, before, SUBSCRIBERS as u32)?;
        mine.push(micros(PUBLISHED.load(Ordering::Relaxed), end) / 1e3);
        std::thread::sleep(PAUSE * 20);
        let before = by_futex.woken.load(Ordering::Acquire);
        let start = clock();
        by_futex.futex.fetch_add(1, Ordering::Release);
        futex::wake(&by_futex.futex, futex::Flags::empty(), i32::MAX as u32)?;
        theirs.push(micros(start, woken(by_futex, before, PROCESSES as u32)?) / 1e3);
    }
    Ok(vec![Figure {
        id: "event.fanout",
        what: format!(
            "from before a publication until the last of {SUBSCRIBERS} subscribers of one topic in {PROCESSES} processes is called"
        ),
        unit: "ms",
        value: mine,
        peer: format!("a bare futex that wakes {PROCESSES} processes"),
        peer_value: theirs,
        must: Limit::Below(20.0),
        goal: Limit::Below(10.0),
    }])
}

pub fn queue() -> Result<Vec<Figure>> {
    let (_world, mut bench, [config, state, run]) = store()?;
    let sections: Vec<String> = (0..CHANGES).map(packages::host).collect();
    for _ in 0..QUEUED / CHANGES {
        bench.set_all(&sections, "metric")?;
    }
    let [mut rate, mut memory, mut channel, mut none] = std::array::from_fn(|_| Rounds::default());
    for _ in 0..3 {
        let mut drainer = Other::start("drainer", &[&config, &state, &run, &QUEUED.to_string()])?;
        let said = drainer.hear()?;
        let (seconds, bytes) = said.split_once(' ').ok_or("two numbers")?;
        rate.push(QUEUED as f64 / seconds.parse::<f64>()?);
        memory.push(bytes.parse::<f64>()? / 1e6);
        channel.push(through_a_channel()?);
        none.push(0.0);
    }
    Ok(vec![
        Figure {
            id: "event.queue",
            what: "a subscriber that comes late to 1M events: all of them, in order".into(),
            unit: "/s",
            value: rate,
            peer: "a channel of the standard library in one process".into(),
            peer_value: channel,
            must: Limit::AtLeast(500_000.0),
            goal: Limit::AtLeast(1_000_000.0),
        },
        Figure {
            id: "event.queue.memory",
            what: "peak memory of that subscriber's process".into(),
            unit: "MB",
            value: memory,
            peer: "nothing".into(),
            peer_value: none,
            must: Limit::Below(256.0),
            goal: Limit::Below(64.0),
        },
    ])
}

/// Sends keys and values through a channel; answers how many in a second.
fn through_a_channel() -> Result<f64> {
    let start = Instant::now();
    let (sender, receiver) = std::sync::mpsc::channel();
    let sending = std::thread::spawn(move || {
        for number in 0..QUEUED {
            let _ = sender.send((
                format!("hosts.host_{number:06}.metric"),
                number.to_string(),
                number.to_string(),
            ));
        }
    });
    let count = receiver.iter().count();
    sending.join().map_err(|_| "the sender panicked")?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Waits until so many more have woken; answers what the clock showed to the last of them.
fn woken(words: &Words, before: u32, count: u32) -> Result<u64> {
    for _ in 0..200_000 {
        if words.woken.load(Ordering::Acquire).wrapping_sub(before) >= count {
            return Ok(words.clock.load(Ordering::Relaxed));
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    Err("the other process did not wake".into())
}

fn micros(start: u64, end: u64) -> f64 {
    end.saturating_sub(start) as f64 / 1e3
}

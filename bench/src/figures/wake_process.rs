//! `wake.process`: from the publication of a change to the next step of a process that waits for it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cms_segment::{Root, RootOptions, Value, Writer};
use rustix::thread::futex;

use crate::Result;
use crate::entries::Entries;
use crate::figure::{Figure, Limit};
use crate::measure::Rounds;
use crate::other::Other;
use crate::shared::{Words, clock, words};
use crate::world::folder_in_memory;

const ROUNDS: usize = 7;
const WAKES: usize = 400;
/// Between two of them, so that the other process sleeps.
const PAUSE: Duration = Duration::from_micros(500);

pub fn measure() -> Result<Vec<Figure>> {
    let folder = folder_in_memory()?;
    let store = folder.path().join("store");
    std::fs::create_dir(&store)?;
    let root = Root::create(&store, &RootOptions::default())?;
    let entries = Entries::new(10_000);
    entries.load(root.writer()?.load(1)?)?;
    let (of_store, of_futex) = (folder.path().join("of-store"), folder.path().join("of-futex"));
    let (by_store, by_futex) = (words(&of_store)?, words(&of_futex)?);
    let mut waiter = Other::start("waiter", &[&store.to_string_lossy(), &of_store.to_string_lossy()])?;
    let mut bare = Other::start("futex", &[&of_futex.to_string_lossy()])?;
    waiter.hear()?;
    bare.hear()?;

    let mut writer = root.writer()?;
    let mut rounds = [const { (Vec::new(), Vec::new()) }; ROUNDS];
    for (ours, theirs) in &mut rounds {
        for _ in 0..WAKES {
            ours.push(wake(by_store, || publish(&mut writer, &entries))?);
            theirs.push(wake(by_futex, || {
                let start = clock();
                by_futex.futex.fetch_add(1, Ordering::Release);
                futex::wake(&by_futex.futex, futex::Flags::empty(), 1)?;
                Ok(start)
            })?);
        }
    }
    let part = |of: f64| {
        let at = |times: &Vec<f64>| {
            let mut times = times.clone();
            times.sort_by(f64::total_cmp);
            times[(times.len() as f64 * of) as usize]
        };
        let (ours, theirs): (Vec<f64>, Vec<f64>) =
            rounds.iter().map(|(ours, theirs)| (at(ours), at(theirs))).unzip();
        (Rounds::new(ours), Rounds::new(theirs))
    };
    let (median, median_bare) = part(0.5);
    let (late, late_bare) = part(0.99);
    let figure = |id, which: &str, value, peer_value| Figure {
        id,
        what: format!("{which} from before a publication until the process that waits for it runs"),
        unit: "us",
        value,
        peer: "a bare futex between two processes".into(),
        peer_value,
        must: Limit::AtMostTimes(1.5),
        goal: Limit::AtMostTimes(1.1),
    };
    Ok(vec![
        figure("wake.process", "p50", median, median_bare),
        figure("wake.process.p99", "p99", late, late_bare),
    ])
}

/// Changes an option; answers when it was about to publish.
fn publish(writer: &mut Writer<'_>, entries: &Entries) -> Result<u64> {
    let revision = writer.head() + 1;
    let number = revision as usize % entries.len();
    let mut batch = writer.batch(revision)?;
    let (section, option) = (entries.section(number).as_bytes(), entries.option(number).as_bytes());
    batch.set_in(section, option, Value::String(b"changed"))?;
    let start = clock();
    batch.publish()?;
    Ok(start)
}

/// The microseconds from what `act` answers until the other process has woken.
fn wake(words: &Words, act: impl FnOnce() -> Result<u64>) -> Result<f64> {
    std::thread::sleep(PAUSE);
    let before = words.woken.load(Ordering::Acquire);
    let start = act()?;
    for _ in 0..100_000 {
        if words.woken.load(Ordering::Acquire) != before {
            let end = words.clock.load(Ordering::Relaxed);
            return Ok(end.saturating_sub(start) as f64 / 1e3);
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    Err("the other process did not wake".into())
}

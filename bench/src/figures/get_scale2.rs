//! `get.scale2`: two threads that read, over one.

use std::sync::Barrier;

use cms_segment::Snapshot;

use crate::Result;
use crate::entries::{Entries, Questions};
use crate::figure::{Figure, Limit};
use crate::measure::{Rounds, by_turns, core_seconds, rate};
use crate::peers::Uthash;
use crate::segment::{self, Segment};

const COUNT: usize = 100_000;
const ASKED: usize = 1_000_000;

pub fn measure() -> Result<Vec<Figure>> {
    let store = Segment::new(COUNT)?;
    let entries = Entries::new(COUNT);
    let questions = [Questions::uniform(&entries, ASKED), Questions::uniform(&entries, ASKED)];
    let uthash = Uthash::new(&entries)?;
    let snapshot: Snapshot = store.root.snapshot()?;

    let ours = |thread: usize| segment::ask(&snapshot, &questions[thread]).map_err(|error| error.to_string());
    let theirs = |thread: usize| {
        uthash.ask(&questions[thread]);
        Ok(())
    };
    let [one, two, one_of_theirs, two_of_theirs] = by_turns(
        7,
        3,
        [&mut || on(1, &ours), &mut || on(2, &ours), &mut || on(1, &theirs), &mut || on(2, &theirs)],
    )?;
    let times = |one: &Rounds, two: &Rounds| rate(two, 2.0 * ASKED as f64).over(&rate(one, ASKED as f64));
    Ok(vec![Figure {
        id: "get.scale2",
        what: format!(
            "random keys of {COUNT} by two threads over one thread, by the time that they have a core; maps of the segment \
             that the readers could write to: {}",
            writable_maps(&store)?
        ),
        unit: "x",
        value: times(&one, &two),
        peer: "uthash, no lock".into(),
        peer_value: times(&one_of_theirs, &two_of_theirs),
        must: Limit::AtLeast(1.85),
        goal: Limit::AtLeast(2.0),
    }])
}

/// The seconds that the slowest of some threads had a core for, all starting together.
fn on(threads: usize, work: &(dyn Fn(usize) -> std::result::Result<(), String> + Sync)) -> Result<f64> {
    let start = Barrier::new(threads);
    let times: Vec<std::result::Result<f64, String>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    core_seconds(|| Ok(work(thread)?))
                        .map(|(seconds, ())| seconds)
                        .map_err(|error| error.to_string())
                })
            })
            .collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err("a panic".into()))
        };
        running.into_iter().map(ended).collect()
    });
    times.into_iter().try_fold(0.0_f64, |slowest, time| Ok(slowest.max(time?)))
}

/// How many maps of the segment's files this process may write to.
fn writable_maps(store: &Segment) -> Result<usize> {
    let folder = store.folder().to_string_lossy().into_owned();
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let of_segment: Vec<&str> = maps.lines().filter(|line| line.contains(&folder)).collect();
    if of_segment.is_empty() {
        return Err("the segment is not mapped".into());
    }
    let writable = |line: &&&str| line.split(' ').nth(1).is_some_and(|rights| rights.contains('w'));
    Ok(of_segment.iter().filter(writable).count())
}

//! `memory.ratio`, `memory.peak`: what a million entries take.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Result;
use crate::entries::Entries;
use crate::figure::{Figure, Limit};
use crate::measure::Rounds;
use crate::peers::Uthash;
use crate::segment::{Segment, bytes_in};

const COUNT: usize = 1_000_000;
const OVERWRITES: usize = 10;

pub fn measure() -> Result<Vec<Figure>> {
    let entries = Entries::new(COUNT);
    let payload = entries.payload() as f64;
    let before = resident()?;
    let uthash = Uthash::new(&entries)?;
    let of_uthash = (resident()? - before) / payload;
    drop(uthash);

    let mut store = Segment::new(COUNT)?;
    let live = bytes_in(store.folder())? as f64 / payload;
    let (mut peaks, mut of_files) = (Rounds::default(), Rounds::default());
    let folder = store.folder().to_owned();
    let writer = store.writer.id();
    for _ in 0..OVERWRITES {
        let enough = AtomicBool::new(false);
        let peak = std::thread::scope(|scope| -> Result<Peak> {
            let watching = scope.spawn(|| watch(&folder, writer, &enough).map_err(|error| error.to_string()));
            let done = store.writer.tell(&format!("some {COUNT}"));
            enough.store(true, Ordering::Relaxed);
            done?;
            Ok(watching.join().map_err(|_| "the watcher panicked")??)
        })?;
        peaks.push(peak.all as f64 / payload);
        of_files.push(peak.files as f64 / payload);
    }
    let after = bytes_in(store.folder())? as f64 / payload;
    let uthash_value = |rounds: usize| Rounds::new(vec![of_uthash; rounds]);
    let ratio = Figure {
        id: "memory.ratio",
        what: format!(
            "bytes of the segment's files after a load of {COUNT} entries, {}, over those of the keys and values, {:.1} MB",
            entries.shape(),
            payload / 1e6
        ),
        unit: "x",
        value: Rounds::new(vec![live]),
        peer: "what uthash adds to its process".into(),
        peer_value: uthash_value(1),
        must: Limit::AtMost(1.05),
        goal: Limit::AtMost(0.75),
    };
    let peak = Figure {
        id: "memory.peak",
        what: format!(
            "the most that they take in {OVERWRITES} rounds of {COUNT} random overwrites, each a commit of its own: a \
             generation being written included, and what the writer still maps of one that is removed ({:.2}x without \
             that); {after:.2}x after the last",
            of_files.max()
        ),
        unit: "x",
        value: Rounds::new(vec![peaks.max()]),
        peer: "what uthash adds to its process, nothing overwritten".into(),
        peer_value: uthash_value(1),
        must: Limit::AtMost(2.2),
        goal: Limit::AtMost(1.5),
    };
    Ok(vec![ratio, peak])
}

/// The most bytes at a time.
#[derive(Default)]
struct Peak {
    /// Of the files in the folder.
    files: u64,
    /// Of these and of what is removed but mapped.
    all: u64,
}

/// Looks at what a folder takes until it is enough, and at what its writer still has mapped of files that are gone.
fn watch(folder: &Path, writer: u32, enough: &AtomicBool) -> Result<Peak> {
    let mut peak = Peak::default();
    while !enough.load(Ordering::Relaxed) {
        let files = bytes_in(folder)?;
        peak.files = peak.files.max(files);
        peak.all = peak.all.max(files + removed(folder, writer)?);
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(peak)
}

/// The bytes of removed files of a folder that a process has mapped.
fn removed(folder: &Path, process: u32) -> Result<u64> {
    let folder = folder.to_string_lossy();
    let is_removed = |line: &str| line.contains(&*folder) && line.ends_with("(deleted)");
    // Cheap, and mostly all that is needed.
    if !fs::read_to_string(format!("/proc/{process}/maps"))?.lines().any(is_removed) {
        return Ok(0);
    }
    let maps = fs::read_to_string(format!("/proc/{process}/smaps"))?;
    let mut bytes = 0;
    let mut counts = false;
    for line in maps.lines() {
        if line.contains('-') && !line.contains("kB") {
            counts = is_removed(line);
        } else if counts && let Some(rest) = line.strip_prefix("Rss:") {
            bytes += rest.trim().trim_end_matches(" kB").parse::<u64>()? * 1024;
        }
    }
    Ok(bytes)
}

/// The memory of this process that is not of files.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}

//! A writer killed at any instruction leaves nothing torn, locked or lost, and readers never see half of what it did.
//!
//! The content of the store is a function of its revision, so that any reader can tell whether a snapshot is right: all
//! values are the revision, groups are rotated by it, and some entries come and go. Writers are processes that are stopped at a
//! random step of what they do (see `stop_after`), or killed at a random time, while readers in this and another
//! process look on. The next writer repairs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong ends")]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use cms_segment::{Batch, Root, RootOptions, SegmentOptions, Snapshot, Value, Writer, stop_after};
use cms_testkit::Random;

const PATHS: [&str; 4] = ["", "a", "a.b", "secret.x"];
const SMALL: u64 = 9;
const LARGE: u64 = 90;
const EXTRA: u64 = 5;
const NAMES: u64 = 8;

fn text(revision: u64) -> Vec<u8> {
    // Of different lengths, so that mixed up bytes would show.
    let mut text = revision.to_string();
    for _ in 0..revision % 5 {
        text.push_str(" and more");
    }
    text.into_bytes()
}

fn key(path: &str, leaf: &str) -> String {
    if path.is_empty() { leaf.to_owned() } else { format!("{path}.{leaf}") }
}

/// The entries of the group `extra` at a revision: the newest last.
fn extras(revision: u64) -> Vec<String> {
    (revision.saturating_sub(EXTRA - 1).max(1)..=revision)
        .map(|number| format!("e{}", number % NAMES))
        .collect()
}

/// What stands first in a group that was rotated once by each revision.
fn first(revision: u64, count: u64) -> u64 {
    revision % count
}

/// Takes the store from one revision to the next.
fn advance(batch: &mut Batch<'_, '_>, revision: u64) -> cms_segment::Result<()> {
    let text = text(revision);
    let value = Value::String(&text);
    for path in PATHS {
        for number in 0..3 {
            batch.set(key(path, &format!("key{number}")).as_bytes(), value)?;
        }
    }
    for number in 0..SMALL {
        batch.set(format!("small.o{number}").as_bytes(), value)?;
    }
    batch.move_to(b"small", format!("o{}", first(revision - 1, SMALL)).as_bytes(), u64::MAX)?;
    for number in 0..LARGE {
        batch.set(format!("large.o{number}").as_bytes(), value)?;
    }
    batch.move_to(b"large", format!("o{}", first(revision - 1, LARGE)).as_bytes(), u64::MAX)?;
    if revision > EXTRA {
        let gone = format!("extra.e{}", (revision - EXTRA) % NAMES);
        assert!(batch.delete(gone.as_bytes())?, "{gone} at {revision}");
    }
    batch.set(format!("extra.e{}", revision % NAMES).as_bytes(), value)
}

/// The store as it is at a revision, from nothing.
fn load(writer: &mut Writer<'_>, revision: u64) -> cms_segment::Result<()> {
    let text = text(revision);
    let value = Value::String(&text);
    let mut load = writer.load(revision)?;
    for path in PATHS {
        for number in 0..3 {
            load.add(path.as_bytes(), format!("key{number}").as_bytes(), value)?;
        }
    }
    for (path, count) in [("small", SMALL), ("large", LARGE)] {
        for number in 0..count {
            let number = (number + first(revision, count)) % count;
            load.add(path.as_bytes(), format!("o{number}").as_bytes(), value)?;
        }
    }
    for leaf in extras(revision) {
        let number: u64 = leaf[1..].parse().unwrap();
        let at = (revision.saturating_sub(EXTRA - 1)..=revision).find(|at| at % NAMES == number).unwrap();
        let text = self::text(at);
        load.add(b"extra", leaf.as_bytes(), Value::String(&text))?;
    }
    load.publish()
}

fn verify(snapshot: &Snapshot) {
    let revision = snapshot.revision();
    let text = text(revision);
    let value = Value::String(&text);
    for path in PATHS {
        for number in 0..3 {
            let key = key(path, &format!("key{number}"));
            assert_eq!(snapshot.get(key.as_bytes()).unwrap(), Some(value), "{key} at {revision}");
        }
    }
    for (path, count) in [("small", SMALL), ("large", LARGE)] {
        let group = snapshot.group(path.as_bytes()).unwrap().expect("the group is there");
        let mut expected = first(revision, count);
        let mut found = 0;
        for entry in group.iter() {
            let (leaf, own) = entry.unwrap();
            assert_eq!(own, value, "{path} at {revision}");
            assert_eq!(leaf, format!("o{expected}").as_bytes(), "{path} at {revision}");
            expected = (expected + 1) % count;
            found += 1;
        }
        assert_eq!(found, count, "{path} at {revision}");
        let leaf = format!("o{}", (first(revision, count) + 2) % count);
        assert_eq!(group.position(leaf.as_bytes()).unwrap(), Some(2));
    }
    let group = snapshot.group(b"extra").unwrap().expect("the group is there");
    let leaves: Vec<String> =
        group.iter().map(|entry| String::from_utf8(entry.unwrap().0.to_vec()).unwrap()).collect();
    assert_eq!(leaves, extras(revision), "at {revision}");
    assert_eq!(snapshot.prefix(b"extra.").unwrap().count() as u64, leaves.len() as u64);
}

fn work(root: &Root, random: &mut Random) -> cms_segment::Result<()> {
    let mut writer = root.writer()?;
    let next = root.head() + 1;
    match random.below(20) {
        0 => writer.defragment(["", "secret"][random.below(2) as usize])?,
        1 => load(&mut writer, next)?,
        2 => {
            let mut batch = writer.batch(next)?;
            advance(&mut batch, next)?;
            // Never published.
        }
        3..=4 => {
            let mut batch = writer.batch(next)?;
            if random.below(2) == 0 {
                batch.grow_now(b"")?;
            }
            advance(&mut batch, next)?;
            batch.grow_now([&b""[..], b"secret"][random.below(2) as usize])?;
            batch.publish()?;
        }
        _ => {
            for revision in next..next + 1 + random.below(4) {
                let mut batch = writer.batch(revision)?;
                advance(&mut batch, revision)?;
                batch.publish()?;
            }
        }
    }
    Ok(())
}

/// What the child processes do; nothing when it is run as a test.
#[test]
fn child() {
    let Ok(role) = std::env::var("CMS_KILL_ROLE") else { return };
    let directory = std::env::var_os("CMS_KILL_DIRECTORY").unwrap();
    let seed = std::env::var("CMS_KILL_SEED").unwrap().parse().unwrap();
    let mut random = Random::new(seed);
    match &*role {
        "writer" => {
            let root = Root::open(Path::new(&directory)).unwrap();
            match random.below(6) {
                0 => {}
                1 | 2 => {
                    // A swap takes a dozen steps.
                    stop_after(1 + random.below(16));
                    loop {
                        let mut writer = root.writer().unwrap();
                        match random.below(3) {
                            0 => writer.defragment("").unwrap(),
                            1 => writer.defragment("secret").unwrap(),
                            _ => {
                                let next = root.head() + 1;
                                load(&mut writer, next).unwrap();
                            }
                        }
                    }
                }
                // A batch takes some 300 steps, of which the last few are the delicate ones.
                _ => stop_after(1 + random.below(1500)),
            }
            let parent = std::os::unix::process::parent_id();
            while std::os::unix::process::parent_id() == parent {
                work(&root, &mut random).unwrap();
            }
        }
        _ => {
            let root = Root::attach(Path::new(&directory)).unwrap();
            let mut seen = 0;
            // Should the test be killed, this ends as well.
            let parent = std::os::unix::process::parent_id();
            while std::os::unix::process::parent_id() == parent {
                let snapshot = root.snapshot().unwrap();
                assert!(snapshot.revision() >= seen);
                seen = snapshot.revision();
                verify(&snapshot);
            }
        }
    }
}

fn spawn(role: &str, directory: &Path, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("CMS_KILL_ROLE", role)
        .env("CMS_KILL_DIRECTORY", directory)
        .env("CMS_KILL_SEED", seed.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_writers_leave_nothing_torn() {
    let rounds: u64 = std::env::var("CMS_TEST_KILLS").map_or(2000, |text| text.parse().unwrap());
    let mut random = Random::for_test("killed writers");
    let dir = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap();
    let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
    {
        let mut writer = root.writer().unwrap();
        writer.add_segment(&SegmentOptions { name: "secret".into(), ..SegmentOptions::default() }).unwrap();
        load(&mut writer, EXTRA + 1).unwrap();
    }
    let mut reader = Kept(spawn("reader", dir.path(), 0));
    let done = AtomicBool::new(false);
    let looks = AtomicU64::new(0);
    let start = root.head();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let root = Root::attach(dir.path()).unwrap();
            let mut pinned: Vec<Snapshot> = Vec::new();
            let mut handle = root.bind(b"small.o3");
            while !done.load(Ordering::Relaxed) {
                let snapshot = root.snapshot().unwrap();
                verify(&snapshot);
                let value = handle.get().unwrap().map(|value| value.as_bytes().unwrap().to_vec());
                let newest = text(root.head());
                assert!(value.is_some_and(
                    |value| value == text(snapshot.revision()) || value.len() <= newest.len() + 40
                ));
                // What a snapshot showed it shows for ever.
                for pinned in &pinned {
                    verify(pinned);
                }
                pinned.push(snapshot);
                if pinned.len() > 4 {
                    pinned.remove(looks.load(Ordering::Relaxed) as usize % 4);
                }
                looks.fetch_add(1, Ordering::Relaxed);
            }
        });
        let finish = Finish(&done);
        for round in 0..rounds {
            let mut writer = spawn("writer", dir.path(), random.next());
            let deadline = Instant::now() + Duration::from_micros(2000 + random.below(12_000));
            let status = loop {
                match writer.try_wait().unwrap() {
                    Some(status) => break status,
                    None if Instant::now() > deadline => {
                        writer.kill().unwrap();
                        break writer.wait().unwrap();
                    }
                    None => std::thread::sleep(Duration::from_micros(300)),
                }
            };
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
            if round % 2 == 0 {
                // Readers must not depend on the repair; every other time they go on without one.
                let mut writer = root.try_writer().expect("the lock of a killed writer is free");
                let snapshot = root.snapshot().unwrap();
                verify(&snapshot);
                let next = root.head() + 1;
                let mut batch = writer.batch(next).unwrap();
                advance(&mut batch, next).unwrap();
                batch.publish().unwrap();
                verify(&root.snapshot().unwrap());
                verify(&snapshot);
                if round % 16 == 0 {
                    drop(writer);
                    assert_eq!(root.check().unwrap(), []);
                }
            }
            assert!(reader.0.try_wait().unwrap().is_none(), "the reading process died");
        }
        drop(finish);
    });
    drop(reader);
    root.writer().unwrap().defragment("").unwrap();
    verify(&root.snapshot().unwrap());
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert!(files <= 3, "{files} files are left, where the root and two generations should be");
    eprintln!(
        "{rounds} writers killed, {} revisions, {} looks of this process",
        root.head() - start,
        looks.load(Ordering::Relaxed)
    );
}

/// A process that does not outlive the test.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets the reading thread end, whether or not the test goes well.
struct Finish<'d>(&'d AtomicBool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

//! What a commit costs, beside what the disk costs by itself.
//!
//! `cargo run --release -p cms-log --example commit_cost [DIRECTORY [option|group|open|import]]`
//!
//! Prints medians over rounds with minimum and maximum; rounds of the two sides alternate, so that they meet the same weather.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it fails")]

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use cms_log::{
    Backend, Commit, CommitKind, EntryBody, Open, Origin, PackageEntry, Revision, Root, Sqlite, load_package,
    store_package,
};
use cms_model::{Change, ChangeKind, Edit, Name, Package, PackageName, SectionId, Splice, Value};

const ROUNDS: usize = 7;
const COMMITS: usize = 300;

/// One table of figures, measured in a directory.
type Part = fn(&Path);

fn main() {
    let base = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let directory = tempfile::tempdir_in(base).unwrap();
    let only = std::env::args().nth(2).unwrap_or_default();
    let parts: [(&str, Part); 4] =
        [("option", one_option), ("group", group), ("open", open), ("import", import)];
    for (_, part) in parts.iter().filter(|(name, _)| only.is_empty() || *name == only) {
        part(directory.path());
    }
}

fn one_option(directory: &Path) {
    let log = create(&directory.join("one.db"));
    let mut plain =
        OpenOptions::new().append(true).create_new(true).mode(0o600).open(directory.join("plain")).unwrap();
    let (mut floor, mut commit, mut ratio, mut tail) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let mut plain_times: Vec<Duration> = (0..COMMITS)
            .map(|_| {
                let start = Instant::now();
                plain.write_all(&[0x55; 4096]).unwrap();
                plain.sync_data().unwrap();
                start.elapsed()
            })
            .collect();
        let mut times: Vec<Duration> = (0..COMMITS)
            .map(|_| {
                let head = log.head().unwrap();
                let next = set_option(head);
                let start = Instant::now();
                let appended = log.append(head, &next, &[], None).unwrap();
                log.sync(appended).unwrap();
                start.elapsed()
            })
            .collect();
        plain_times.sort();
        times.sort();
        let (a, b) = (plain_times[COMMITS / 2], times[COMMITS / 2]);
        floor.push(micros(a));
        commit.push(micros(b));
        ratio.push(b.as_secs_f64() / a.as_secs_f64());
        tail.push(micros(times[COMMITS * 99 / 100]));
    }
    print("append 4 KiB + fdatasync, p50", "us", floor);
    print("commit of one option, append + sync, p50", "us", commit);
    print("    over the append of 4 KiB", "x", ratio);
    print("    p99", "us", tail);
    let mut appends = vec![];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..COMMITS {
            let head = log.head().unwrap();
            let _ = log.append(head, &set_option(head), &[], None).unwrap();
        }
        appends.push(micros(start.elapsed()) / COMMITS as f64);
    }
    print("    append alone, with head", "us", appends);
}

/// How a thread commits.
type Way = fn(&Queue, &Sqlite);

/// Threads that commit as fast as they can: each by an append of its own, and by taking along the commits of those that wait.
fn group(directory: &Path) {
    let log = create(&directory.join("group.db"));
    let commits: [(usize, Way); 3] = [(1, commit_alone), (64, commit_alone), (64, commit_together)];
    let mut rates = [vec![], vec![], vec![]];
    for _ in 0..ROUNDS {
        for (rates, (threads, commit)) in rates.iter_mut().zip(commits) {
            let queue = Queue::new(log.head().unwrap());
            let before = log.head().unwrap().0;
            let start = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        while start.elapsed() < Duration::from_millis(400) {
                            commit(&queue, &log);
                        }
                    });
                }
            });
            rates.push((log.head().unwrap().0 - before) as f64 / start.elapsed().as_secs_f64());
        }
    }
    let over_one = |many: &[f64]| many.iter().zip(&rates[0]).map(|(many, one)| many / one).collect();
    let (alone, together) = (over_one(&rates[1]), over_one(&rates[2]));
    let [one, many, combined] = rates;
    print("commits a second, 1 thread", "/s", one);
    print("commits a second, 64 threads, an append each", "/s", many);
    print("    over 1 thread", "x", alone);
    print("commits a second, 64 threads, appended together", "/s", combined);
    print("    over 1 thread", "x", together);
}

/// What stands for the engine's lock and for those who wait for it.
struct Queue {
    head: Mutex<Revision>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    led: bool,
    requests: Vec<Request>,
}

/// A commit whose thread sleeps until it is durable.
struct Request {
    commit: Commit,
    durable: Arc<AtomicBool>,
    thread: Thread,
}

impl Queue {
    fn new(head: Revision) -> Queue {
        Queue { head: Mutex::new(head), waiting: Mutex::default() }
    }
}

fn commit_alone(queue: &Queue, log: &Sqlite) {
    let appended = {
        let mut head = queue.head.lock().unwrap();
        let appended = log.append(*head, &set_option(*head), &[], None).unwrap();
        *head = appended.revision();
        appended
    };
    log.sync(appended).unwrap();
}

fn commit_together(queue: &Queue, log: &Sqlite) {
    let durable = Arc::new(AtomicBool::new(false));
    let request = Request {
        commit: set_option(Revision::EMPTY),
        durable: Arc::clone(&durable),
        thread: std::thread::current(),
    };
    let mut waiting = queue.waiting.lock().unwrap();
    waiting.requests.push(request);
    if waiting.led {
        drop(waiting);
        // Woken with the commit durable, or because nobody leads any more.
        loop {
            std::thread::park();
            if durable.load(Ordering::Acquire) {
                return;
            }
            waiting = queue.waiting.lock().unwrap();
            if !waiting.led && !durable.load(Ordering::Acquire) {
                break;
            }
            drop(waiting);
        }
    }
    waiting.led = true;
    let mut requests = std::mem::take(&mut waiting.requests);
    drop(waiting);
    let commits: Vec<Commit> = {
        let mut head = queue.head.lock().unwrap();
        let numbered = requests.iter_mut().zip(head.0 + 1..);
        let commits: Vec<Commit> = numbered
            .map(|(request, revision)| {
                let commit = std::mem::replace(&mut request.commit, set_option(Revision::EMPTY));
                Commit { revision: Revision(revision), ..commit }
            })
            .collect();
        let appended = log.append_all(*head, &commits.iter().collect::<Vec<_>>()).unwrap();
        *head = appended.revision();
        log.sync(appended).unwrap();
        commits
    };
    drop(commits);
    let mut waiting = queue.waiting.lock().unwrap();
    waiting.led = false;
    let next = waiting.requests.first().map(|request| request.thread.clone());
    drop(waiting);
    if let Some(next) = next {
        next.unpark();
    }
    for request in requests {
        request.durable.store(true, Ordering::Release);
        request.thread.unpark();
    }
}

fn open(directory: &Path) {
    let path = directory.join("open.db");
    let mut long = vec![];
    let mut short = vec![];
    for _ in 0..ROUNDS {
        for (times, commits) in [(&mut short, 1), (&mut long, 60)] {
            {
                let log = create(&path);
                log.tidy().unwrap();
                for _ in 0..commits {
                    let head = log.head().unwrap();
                    let appended = log.append(head, &set_option(head), &[], None).unwrap();
                    log.sync(appended).unwrap();
                }
            }
            let start = Instant::now();
            for _ in 0..100 {
                Sqlite::open(&path, Open::default()).unwrap().head().unwrap();
            }
            times.push(micros(start.elapsed()) / 100.0);
        }
    }
    print("open + head + close, WAL of 1 frame", "us", short);
    print("open + head + close, WAL of 60 frames", "us", long);
}

fn import(directory: &Path) {
    let mut text = String::new();
    for section in 0..80_000 {
        text += &format!("config interface 'if{section}'\n");
        for option in 0..12 {
            text += &format!("\toption opt{option}_{} 'value{}'\n", section % 7, section * 31 + option);
        }
        text += "\n";
    }
    let mut times = vec![];
    let mut loads = vec![];
    let mut again = vec![];
    let mut size = 0;
    for round in 0..5 {
        // Parsed anew, so that no block is known to be stored.
        let package = Package::parse(text.as_bytes()).unwrap();
        let path = directory.join(format!("import{round}.db"));
        let log = create(&path);
        let start = Instant::now();
        let stored = store_package(&log, &package).unwrap();
        let name = PackageName::new("big").unwrap();
        let body = EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None };
        let packages = vec![PackageEntry { package: name.clone(), body }];
        let commit = Commit { kind: CommitKind::Import, packages, ..set_option(Revision::EMPTY) };
        let root = Root { packages: [(name, stored.manifest)].into() };
        let appended = log.append(Revision::EMPTY, &commit, &stored.objects, Some(&root)).unwrap();
        log.sync(appended).unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let _ = store_package(&log, &package).unwrap();
        again.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let loaded = load_package(&log, &stored.manifest).unwrap();
        loads.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(loaded.text_len(), text.len() as u64);
        drop(log);
        size = std::fs::metadata(&path).unwrap().len();
    }
    println!("import: {:.1} MB of text, {:.1} MB of log", text.len() as f64 / 1e6, size as f64 / 1e6);
    print("import 960,000 options in 80,000 sections, durable", "ms", times);
    print("    store the same again", "ms", again);
    print("    load them from the log", "ms", loads);
}

fn create(path: &Path) -> Sqlite {
    Sqlite::open(path, Open { create: true, read_only: false, ..Open::default() }).unwrap()
}

fn set_option(head: Revision) -> Commit {
    let (old, new) = (b"192.168.1.1".to_vec(), b"192.168.1.2".to_vec());
    let kind = ChangeKind::Set {
        option: Name::new("ipaddr").unwrap(),
        old: Some(Value::Scalar(old.clone())),
        new: Value::Scalar(new.clone()),
        at: None,
    };
    let edit = Edit { text: vec![Splice { offset: 4711, removed: old, inserted: new }], ids: vec![] };
    Commit {
        revision: head.next(),
        time_us: 1_800_000_000_000_000,
        author: "root".into(),
        tool: "cms".into(),
        message: String::new(),
        origin: Origin::Direct,
        kind: CommitKind::Normal,
        packages: vec![PackageEntry {
            package: PackageName::new("network").unwrap(),
            body: EntryBody::Edit { changes: vec![Change { section: SectionId(7), kind }], edit },
        }],
        tables: Vec::new(),
        conflicts: vec![],
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn print(what: &str, unit: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let (low, mid, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    println!("{what:<52} {mid:>10.1} {unit} [{low:.1} - {high:.1}]");
}

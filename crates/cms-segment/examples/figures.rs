//! The figures of the segment beside a private hash table in the same run: `cargo run --release --example figures [part]`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program for those who measure: what goes wrong ends it"
)]

use std::{
    fs,
    hint::black_box,
    io::Write,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use cms_segment::{Root, RootOptions, Value};
use cms_testkit::Random;
use hashbrown::HashTable;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline};

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// `package.section.option`, a dozen options in a section.
    Sections,
    /// Undotted keys.
    Flat,
    /// One option in every section.
    Single,
    /// 100,000 options in a section.
    Wide,
}

struct Data {
    /// Path, leaf, value, in order.
    entries: Vec<(String, String, String)>,
}

impl Data {
    fn new(shape: Shape, count: usize) -> Data {
        let mut random = Random::new(7);
        let packages = [
            "network", "wireless", "firewall", "dhcp", "system", "sqm", "openvpn", "mwan3", "uhttpd", "snmpd",
        ];
        let names = [
            "proto",
            "ipaddr",
            "netmask",
            "gateway",
            "dns",
            "mtu",
            "enabled",
            "disabled",
            "ssid",
            "encryption",
            "key",
            "channel",
            "hwmode",
            "country",
            "src",
            "dest",
            "src_port",
            "dest_port",
            "target",
            "family",
            "name",
            "leasetime",
            "start",
            "limit",
            "interface",
            "ip6assign",
            "hostname",
            "timezone",
            "log_size",
            "metric",
            "username",
            "password",
            "delegate",
            "peerdns",
            "defaultroute",
            "macaddr",
            "type",
            "ifname",
            "device",
            "masq",
            "mtu_fix",
            "input",
            "output",
            "forward",
            "network",
            "description",
        ];
        let mut entries = Vec::with_capacity(count);
        while entries.len() < count {
            let section = entries.len() / 12;
            let in_section = match shape {
                Shape::Sections => 8 + random.below(9) as usize,
                Shape::Single => 1,
                Shape::Wide => 100_000,
                Shape::Flat => count,
            };
            let package = packages[section % packages.len()];
            let path = match shape {
                Shape::Flat => String::new(),
                _ => format!("{package}.section{:05}", entries.len() / 2),
            };
            let first = random.below(names.len() as u64) as usize;
            for number in 0..in_section.min(count - entries.len()) {
                let leaf = match shape {
                    Shape::Flat | Shape::Wide => format!("{}_{number:07}", names[number % names.len()]),
                    _ => names[(first + number) % names.len()].to_owned(),
                };
                let value = match random.below(4) {
                    0 => format!("192.168.{}.{}", random.below(256), random.below(256)),
                    1 => format!("{}", random.below(100_000)),
                    2 => format!("value of {:010}", random.below(1 << 32)),
                    _ => format!(
                        "fe80::{:04x}:{:04x}:{:04x}",
                        random.below(65536),
                        random.below(65536),
                        random.below(65536)
                    ),
                };
                entries.push((path.clone(), leaf, value));
            }
        }
        Data { entries }
    }

    fn payload(&self) -> usize {
        self.entries.iter().map(|(path, leaf, value)| key(path, leaf).len() + value.len()).sum()
    }
}

fn key(path: &str, leaf: &str) -> String {
    if path.is_empty() { leaf.to_owned() } else { format!("{path}.{leaf}") }
}

/// Keys to ask for, one behind the other in memory, so that reading them costs nothing beside the lookups.
struct Questions {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl Questions {
    fn new(data: &Data, count: usize) -> Questions {
        let mut random = Random::new(11);
        let mut questions = Questions { text: Vec::new(), ends: vec![0] };
        for _ in 0..count {
            let (path, leaf, _) = &data.entries[random.below(data.entries.len() as u64) as usize];
            questions.text.extend_from_slice(key(path, leaf).as_bytes());
            questions.ends.push(questions.text.len() as u32);
        }
        questions
    }

    fn get(&self, at: usize) -> &[u8] {
        &self.text[self.ends[at] as usize..self.ends[at + 1] as usize]
    }
}

/// The best of some rounds, in ns for each of `count`.
fn best(rounds: usize, count: usize, mut round: impl FnMut()) -> f64 {
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed().as_nanos() as f64 / count as f64
        })
        .fold(f64::MAX, f64::min)
}

fn disk(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(files) = fs::read_dir(directory) else { return 0 };
    files.flatten().filter_map(|file| file.metadata().ok()).map(|status| status.blocks() * 512).sum()
}

fn store(data: &Data) -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
    fill(&root, data, 1);
    (dir, root)
}

fn fill(root: &Root, data: &Data, revision: u64) {
    let entries =
        data.entries.iter().map(|(path, leaf, value)| (path, leaf, Value::String(value.as_bytes())));
    root.writer().unwrap().rebuild("", entries, revision).unwrap();
}

fn lookups(shape: Shape, count: usize) {
    let data = Data::new(shape, count);
    let (dir, _root) = store(&data);
    let root = Root::attach(dir.path()).unwrap();
    let snapshot = root.snapshot().unwrap();
    let asked = count.clamp(100_000, 1_000_000);
    let questions = Questions::new(&data, asked);

    let secrets = RapidSecrets::seed(1);
    let hash = |key: &[u8]| rapidhash_v3_nano_inline::<true, false>(key, &secrets);
    let mut table: HashTable<(String, String)> = HashTable::with_capacity(count);
    for (path, leaf, value) in &data.entries {
        let key = key(path, leaf);
        table.insert_unique(hash(key.as_bytes()), (key, value.clone()), |entry| hash(entry.0.as_bytes()));
    }
    if std::env::var_os("SAME").is_some() {
        for distinct in [1, 2, 4, 16, 64, 256, 1024] {
            let time = best(5, asked, || {
                let mut sum = 0;
                for at in 0..asked {
                    if let Ok(Some(Value::String(value))) = snapshot.get(questions.get(at % distinct)) {
                        sum += value[0] as usize;
                    }
                }
                black_box(sum);
            });
            println!("{distinct} distinct keys: {time:.1} ns");
        }
    }
    let zero = black_box(0usize);
    let rounds = if count > 500_000 { 5 } else { 9 };
    let (mut ours, mut ours_d, mut theirs, mut theirs_d) = (f64::MAX, f64::MAX, f64::MAX, f64::MAX);
    // Interleaved, so that the noise of the machine meets both.
    for _ in 0..rounds {
        ours = ours.min(best(1, asked, || {
            let mut sum = 0;
            for at in 0..asked {
                if let Ok(Some(Value::String(value))) = snapshot.get(questions.get(at)) {
                    sum += value[0] as usize;
                }
            }
            black_box(sum);
        }));
        theirs = theirs.min(best(1, asked, || {
            let mut sum = 0;
            for at in 0..asked {
                let key = questions.get(at);
                if let Some(entry) = table.find(hash(key), |entry| entry.0.as_bytes() == key) {
                    sum += entry.1.as_bytes()[0] as usize;
                }
            }
            black_box(sum);
        }));
        ours_d = ours_d.min(best(1, asked, || {
            let mut at = 0;
            while at < asked {
                let Ok(Some(Value::String(value))) = snapshot.get(questions.get(at)) else { panic!("lost") };
                at += 1 + (value[0] as usize & zero);
            }
        }));
        theirs_d = theirs_d.min(best(1, asked, || {
            let mut at = 0;
            while at < asked {
                let key = questions.get(at);
                let entry = table.find(hash(key), |entry| entry.0.as_bytes() == key).unwrap();
                at += 1 + (entry.1.as_bytes()[0] as usize & zero);
            }
        }));
    }
    println!(
        "get {shape:?} {count:>8}: {ours:6.1} ns ({ours_d:6.1} dependent), hashbrown {theirs:6.1} ({theirs_d:6.1})"
    );
}

fn scans(shape: Shape, count: usize) {
    let data = Data::new(shape, count);
    let (dir, root) = store(&data);
    let entries =
        data.entries.iter().map(|(path, leaf, value)| (path, leaf, Value::String(value.as_bytes())));
    let mut writer = root.writer().unwrap();
    let load = best(3, count, || writer.rebuild("", entries.clone(), 1).unwrap());
    println!("load {shape:?} {count}: {:.2} M/s", 1e3 / load);
    let payload = data.payload();
    let resident = disk(dir.path());
    println!(
        "memory {shape:?} {count}: {:.3} of {:.1} MB ({:.1} B an entry)",
        resident as f64 / payload as f64,
        payload as f64 / 1e6,
        payload as f64 / count as f64
    );
    let scan = |root: &Root, what: &str| {
        let snapshot = root.snapshot().unwrap();
        let time = best(5, count, || {
            let mut sum = 0;
            for item in snapshot.iter() {
                let item = item.unwrap();
                sum += item.leaf.len() + item.value.as_bytes().unwrap().len();
            }
            black_box(sum);
        });
        println!("scan {shape:?} {count} {what}: {:.1} M/s", 1e3 / time);
    };
    scan(&root, "after a load");
    let defragment = best(2, count, || writer.defragment("").unwrap());
    println!(
        "defragment {shape:?} {count}: {:.2} M/s, {:.3} of the payload",
        1e3 / defragment,
        disk(dir.path()) as f64 / payload as f64
    );

    let done = AtomicBool::new(false);
    let peak = AtomicU64::new(0);
    let mut random = Random::new(5);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(disk(dir.path()), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let start = Instant::now();
        let rounds = 3;
        let mut revision = root.head();
        for _ in 0..rounds {
            for _ in 0..count {
                let (path, leaf, value) = &data.entries[random.below(count as u64) as usize];
                revision += 1;
                let mut batch = writer.batch(revision).unwrap();
                batch.set_in(path.as_bytes(), leaf.as_bytes(), Value::String(value.as_bytes())).unwrap();
                batch.publish().unwrap();
            }
        }
        let rate = (rounds * count) as f64 / start.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        println!(
            "set {shape:?} {count}: {:.0} k/s, each published, random, defragmenting included",
            rate / 1e3
        );
    });
    println!(
        "peak {shape:?} {count}: {:.2} of the payload; now {:.2}",
        peak.load(Ordering::Relaxed) as f64 / payload as f64,
        disk(dir.path()) as f64 / payload as f64
    );
    scan(&root, "after 3 rounds of random overwrites");
}

fn small_sets() {
    let data = Data::new(Shape::Sections, 10_000);
    let (_dir, root) = store(&data);
    let mut writer = root.writer().unwrap();
    let mut random = Random::new(3);
    let mut revision = 1;
    let count = 500_000;
    let time = best(3, count, || {
        for _ in 0..count {
            let (path, leaf, value) = &data.entries[random.below(10_000) as usize];
            revision += 1;
            let mut batch = writer.batch(revision).unwrap();
            batch.set_in(path.as_bytes(), leaf.as_bytes(), Value::String(value.as_bytes())).unwrap();
            batch.publish().unwrap();
        }
    });
    println!("set among 10,000, lock held: {:.0} k/s", 1e6 / time);
    drop(writer);
    let time = best(3, count, || {
        for _ in 0..count {
            let (path, leaf, value) = &data.entries[random.below(10_000) as usize];
            revision += 1;
            let mut writer = root.writer().unwrap();
            let mut batch = writer.batch(revision).unwrap();
            batch.set_in(path.as_bytes(), leaf.as_bytes(), Value::String(value.as_bytes())).unwrap();
            batch.publish().unwrap();
        }
    });
    println!("set among 10,000, lock taken for each: {:.0} k/s", 1e6 / time);
}

fn handles() {
    let data = Data::new(Shape::Sections, 10_000);
    let (dir, root) = store(&data);
    let (path, leaf, _) = &data.entries[17];
    let mut handle = Root::attach(dir.path()).unwrap().bind(key(path, leaf).as_bytes());
    let mut moves = 0;
    let mut cached = 0;
    let count = 10_000_000;
    let mut read = || {
        let mut sum = 0;
        for _ in 0..count {
            // What a typed handle does: decode again when the value may have moved.
            let now = handle.moves().unwrap();
            if now != moves {
                moves = now;
                cached = handle.value().unwrap().map_or(0, |value| value.as_bytes().map_or(0, <[u8]>::len));
            }
            sum += black_box(cached);
        }
        black_box(sum);
    };
    println!("handle: {:.2} ns", best(5, count, &mut read));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = root.writer().unwrap();
            let mut revision = 1;
            let start = Instant::now();
            while !done.load(Ordering::Relaxed) {
                revision += 1;
                let (path, leaf, value) = &data.entries[18 + revision as usize % 5000];
                let mut batch = writer.batch(revision).unwrap();
                batch.set_in(path.as_bytes(), leaf.as_bytes(), Value::String(value.as_bytes())).unwrap();
                batch.publish().unwrap();
                let next = Duration::from_micros(100 * revision);
                while start.elapsed() < next {
                    std::hint::spin_loop();
                }
            }
        });
        println!("handle, 10,000 other changes a second: {:.2} ns", best(9, count, &mut read));
        done.store(true, Ordering::Relaxed);
    });
}

fn structural() {
    for count in [100u64, 100_000] {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
        let mut writer = root.writer().unwrap();
        let entries =
            (0..count).map(|number| ("network", format!("section{number:06}"), Value::String(b"interface")));
        writer.rebuild("", entries, 1).unwrap();
        let mut revision = 1;
        let rounds = 2000;
        let time = best(5, rounds, || {
            for round in 0..rounds {
                revision += 1;
                let mut batch = writer.batch(revision).unwrap();
                let leaf = format!("new{round}");
                batch.insert_at(b"network", leaf.as_bytes(), Value::String(b"interface"), 0).unwrap();
                batch.publish().unwrap();
                revision += 1;
                let mut batch = writer.batch(revision).unwrap();
                batch.move_to(b"network", b"section000099", 0).unwrap();
                batch.publish().unwrap();
                revision += 1;
                let mut batch = writer.batch(revision).unwrap();
                batch.delete_in(b"network", leaf.as_bytes()).unwrap();
                batch.publish().unwrap();
            }
        });
        println!("add, move and delete at the front of {count}: {:.1} us", time / 1e3);
    }
}

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    let is = |name: &str| part.is_empty() || part == name;
    if is("get") {
        for count in [1_000, 100_000, 1_000_000] {
            lookups(Shape::Sections, count);
        }
    }
    if part == "get1k" {
        lookups(Shape::Sections, 1_000);
    }
    if is("shapes") {
        lookups(Shape::Flat, 1_000_000);
        lookups(Shape::Single, 1_000_000);
        lookups(Shape::Wide, 1_000_000);
    }
    if is("scan") {
        scans(Shape::Sections, 1_000_000);
    }
    if is("scans") {
        scans(Shape::Flat, 1_000_000);
        scans(Shape::Single, 1_000_000);
        scans(Shape::Wide, 1_000_000);
    }
    if is("set") {
        small_sets();
    }
    if is("handle") {
        handles();
    }
    if is("structural") {
        structural();
    }
    let _ = std::io::stdout().flush();
}

//! Files that lie: whatever bits are flipped and wherever a file is cut, nothing panics, nothing faults, every read ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong ends")]

use std::{fs, path::Path};

use cms_segment::{Array, Heap, Kind, Root, RootOptions, Scalar, Value};
use cms_testkit::Random;

/// A store with something of everything in it.
fn small_store(directory: &Path) {
    let root = Root::create(directory, &RootOptions::default()).unwrap();
    let mut writer = root.writer().unwrap();
    let mut heap = Heap::new();
    let mut array = Array::new(Kind::String);
    let elements: Vec<_> = (0..40).map(|_| Scalar::String(b"an element of the array")).collect();
    array.extend(&mut heap, &elements).unwrap();
    let record = array.encode();
    let long = vec![b'x'; 300];
    let mut entries = vec![
        ("network".to_owned(), "lan".to_owned(), Value::String(b"interface")),
        ("network.lan".to_owned(), "proto".to_owned(), Value::String(b"static")),
        ("network.lan".to_owned(), "an_option_of_a_long_name".to_owned(), Value::Int(7)),
        ("network.lan".to_owned(), "dns".to_owned(), Value::array(&heap, &record).unwrap()),
        (String::new(), "undotted".to_owned(), Value::Bytes(&long)),
        ("wireless.radio".to_owned(), "proto".to_owned(), Value::Bool(true)),
    ];
    for number in 0..70 {
        entries.push(("large".to_owned(), format!("o{number}"), Value::Float(0.5)));
    }
    writer.rebuild("", entries, 1).unwrap();
    for revision in 2..8u64 {
        let text = format!("value {revision}");
        let value = Value::String(text.as_bytes());
        let mut batch = writer.batch(revision).unwrap();
        batch.set(b"network.lan.proto", value).unwrap();
        batch.set(format!("network.wan.o{revision}").as_bytes(), value).unwrap();
        batch.set(format!("large.n{revision}").as_bytes(), value).unwrap();
        batch.delete(format!("large.o{revision}").as_bytes()).unwrap();
        batch.move_to(b"network.lan", b"proto", 1).unwrap();
        batch.move_to(b"large", b"o50", 0).unwrap();
        batch.delete(b"network.wan.o3").unwrap();
        batch.publish().unwrap();
    }
}

/// Reads all there is in every way, and writes. What comes of it does not matter: it must end, and not badly.
fn use_all(directory: &Path) {
    let Ok(root) = Root::attach(directory) else { return };
    let _ = root.check();
    if let Ok(snapshot) = root.snapshot() {
        for key in [
            &b"network.lan.proto"[..],
            b"undotted",
            b"large.o9",
            b"large.n3",
            b"network.wan.o2",
            b"none.of.it",
        ] {
            let _ = snapshot.get(key);
            let _ = root.bind(key).get();
        }
        // A roster that lies can name every word of the file as a group; some are enough.
        for item in snapshot.iter().take(1000).flatten() {
            if let Value::Array(array) = item.value {
                let _ = array.iter().take(100).count();
            }
        }
        let _ = snapshot.prefix(b"n").map(|items| items.take(1000).count());
        let _ = snapshot.statistics();
        for path in [&b"network"[..], b"network.lan", b"large", b""] {
            if let Ok(Some(group)) = snapshot.group(path) {
                let _ = (group.len(), group.at(3), group.position(b"o50"));
            }
        }
    }
    let Ok(root) = Root::open(directory) else { return };
    let Ok(mut writer) = root.try_writer() else { return };
    let next = writer.head().wrapping_add(1);
    if let Ok(mut batch) = writer.batch(next) {
        let _ = batch.set(b"network.lan.proto", Value::String(b"changed"));
        let _ = batch.set(b"large.new", Value::String(b"changed"));
        let _ = batch.move_to(b"large", b"o60", 0);
        let _ = batch.delete(b"large.o20");
        let _ = batch.publish();
    }
    let _ = writer.defragment("");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(to).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap()
}

#[test]
fn a_sound_store_has_no_findings() {
    let dir = place();
    small_store(dir.path());
    assert_eq!(Root::attach(dir.path()).unwrap().check().unwrap(), []);
}

#[test]
fn flipped_bits_do_no_harm() {
    let mut random = Random::for_test("flipped bits");
    let dir = place();
    small_store(&dir.path().join("sound"));
    let victim = dir.path().join("victim");
    // Under a sanitizer not every byte, but another choice each time.
    let every = std::env::var("CMS_TEST_FLIPS").map_or(1, |text| text.parse().unwrap());
    let mut found = 0u64;
    let mut flips = 0u64;
    for (name, bytes) in files(&dir.path().join("sound")) {
        // Every byte that is in use: what is allocated but not written yet says nothing.
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        for at in (random.below(every) as usize..=end).step_by(every as usize) {
            copy(&dir.path().join("sound"), &victim);
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << random.below(8);
            fs::write(victim.join(&name), &bytes).unwrap();
            flips += 1;
            found += u64::from(match Root::attach(&victim) {
                Ok(root) => !matches!(root.check(), Ok(findings) if findings.is_empty()),
                Err(_) => true,
            });
            use_all(&victim);
        }
    }
    eprintln!("{found} of {flips} flipped bits were found by a check");
}

fn every_damage() -> u64 {
    std::env::var("CMS_TEST_FLIPS").map_or(1, |text| text.parse().unwrap())
}

#[test]
fn random_damage_does_no_harm() {
    let mut random = Random::for_test("random damage");
    let dir = place();
    small_store(&dir.path().join("sound"));
    let victim = dir.path().join("victim");
    let files = files(&dir.path().join("sound"));
    for _ in 0..3000 / every_damage() {
        copy(&dir.path().join("sound"), &victim);
        let (name, bytes) = &files[random.below(files.len() as u64) as usize];
        let mut bytes = bytes.clone();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
        for _ in 0..1 + random.below(20) {
            // Words of the right shape do more harm than random ones: some are copied from elsewhere.
            let to = (random.below(end) & !3) as usize;
            let word = match random.below(4) {
                0 => (random.next() as u32).to_le_bytes(),
                1 => [255; 4],
                2 => [0; 4],
                _ => {
                    let from = (random.below(end) & !3) as usize;
                    [bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]
                }
            };
            bytes[to..to + 4].copy_from_slice(&word);
        }
        fs::write(victim.join(name), &bytes).unwrap();
        use_all(&victim);
    }
}

/// Numbers that one more than is too much for, wherever one lies: counts, offsets, numbers of generations.
#[test]
fn the_greatest_numbers_do_no_harm() {
    let dir = place();
    small_store(&dir.path().join("sound"));
    let victim = dir.path().join("victim");
    for (name, bytes) in files(&dir.path().join("sound")) {
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0).next_multiple_of(8);
        for at in (0..end).step_by(8 * every_damage() as usize) {
            for number in [u64::MAX, u64::MAX << 32, u64::from(u32::MAX)] {
                copy(&dir.path().join("sound"), &victim);
                let mut bytes = bytes.clone();
                bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
                fs::write(victim.join(&name), &bytes).unwrap();
                use_all(&victim);
            }
        }
    }
}

#[test]
fn cut_files_do_no_harm() {
    let dir = place();
    small_store(&dir.path().join("sound"));
    let victim = dir.path().join("victim");
    for (name, bytes) in files(&dir.path().join("sound")) {
        for length in (0..bytes.len()).step_by(37) {
            copy(&dir.path().join("sound"), &victim);
            fs::write(victim.join(&name), &bytes[..length]).unwrap();
            use_all(&victim);
        }
    }
}

#[test]
fn a_damaged_segment_can_be_written_anew() {
    let dir = place();
    small_store(dir.path());
    for (name, bytes) in files(dir.path()) {
        if name != "root" {
            fs::write(dir.path().join(name), vec![0; bytes.len()]).unwrap();
        }
    }
    let root = Root::open(dir.path()).unwrap();
    assert!(root.snapshot().unwrap_err().is_damaged());
    let mut writer = root.writer().unwrap();
    let head = writer.head();
    assert!(writer.batch(head + 1).unwrap().set(b"a.b", Value::Int(1)).is_err());
    writer.rebuild("", [("a", "b", Value::Int(2))], head).unwrap();
    assert_eq!(root.snapshot().unwrap().get(b"a.b").unwrap(), Some(Value::Int(2)));
    assert_eq!(root.check().unwrap(), []);
}

#[test]
fn foreign_and_newer_files_are_refused() {
    let dir = place();
    let root = dir.path().join("root");
    fs::write(&root, b"").unwrap();
    assert!(Root::attach(dir.path()).is_err());
    fs::write(&root, vec![b'x'; 9000]).unwrap();
    assert!(matches!(Root::attach(dir.path()), Err(cms_segment::Error::Foreign { .. })));
    fs::remove_file(&root).unwrap();
    assert!(matches!(Root::attach(dir.path()), Err(cms_segment::Error::Absent { .. })));
    small_store(dir.path());
    let mut bytes = fs::read(&root).unwrap();
    bytes[8] = 9;
    fs::write(&root, bytes).unwrap();
    assert!(matches!(Root::attach(dir.path()), Err(cms_segment::Error::NewerFormat { found: 9, .. })));
}

//! The store beside a plain model: whatever is done, both hold the same, and what a snapshot once showed it always shows.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong ends")]

use std::collections::BTreeMap;

use cms_segment::{Root, RootOptions, SegmentOptions, Snapshot, Value};
use cms_testkit::Random;

/// By path, the entries in order.
type Model = BTreeMap<Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>>;

fn value(number: u64) -> Vec<u8> {
    let text = format!("value {number} ");
    text.repeat((number % 17) as usize * (number % 3) as usize + 1).into_bytes()
}

fn key(path: &[u8], leaf: &[u8]) -> Vec<u8> {
    if path.is_empty() { leaf.to_vec() } else { [path, b".", leaf].concat() }
}

#[track_caller]
fn check(snapshot: &Snapshot, model: &Model, random: &mut Random) {
    let mut all = BTreeMap::new();
    for (path, entries) in model {
        let group = snapshot.group(path).unwrap();
        assert_eq!(group.is_none(), entries.is_empty(), "{}", path.escape_ascii());
        let found: Vec<(Vec<u8>, Vec<u8>)> = group
            .iter()
            .flat_map(|group| group.iter())
            .map(|entry| {
                entry.map(|(leaf, value)| (leaf.to_vec(), value.as_bytes().unwrap().to_vec())).unwrap()
            })
            .collect();
        assert_eq!(
            found.iter().map(|entry| entry.0.escape_ascii().to_string()).collect::<Vec<_>>(),
            entries.iter().map(|entry| entry.0.escape_ascii().to_string()).collect::<Vec<_>>(),
            "order of {}",
            path.escape_ascii()
        );
        assert_eq!(&found, entries);
        if let Some(group) = group {
            assert_eq!(group.len().unwrap(), entries.len() as u64);
            assert_eq!(group.at(entries.len() as u64).unwrap(), None);
            let position = random.below(entries.len() as u64);
            let (leaf, _) = &entries[position as usize];
            assert_eq!(group.position(leaf).unwrap(), Some(position));
            assert_eq!(group.at(position).unwrap().unwrap().0, leaf);
            assert_eq!(group.position(b"nowhere").unwrap(), None);
        }
        for (leaf, value) in entries {
            let key = key(path, leaf);
            assert_eq!(snapshot.get(&key).unwrap(), Some(Value::String(value)), "{}", key.escape_ascii());
            all.insert(key, value.clone());
        }
        assert_eq!(snapshot.get(&key(path, b"nowhere")).unwrap(), None);
    }
    let found: BTreeMap<_, _> = snapshot
        .iter()
        .map(|item| item.map(|item| (item.key(), item.value.as_bytes().unwrap().to_vec())).unwrap())
        .collect();
    assert_eq!(found, all);
    assert_eq!(snapshot.count().unwrap(), all.len() as u64);

    let keys: Vec<_> = all.keys().cloned().collect();
    let sorted = |found: cms_segment::Sorted<'_>| -> Vec<String> {
        found.map(|item| item.unwrap().key().escape_ascii().to_string()).collect()
    };
    let expected = |wanted: &dyn Fn(&[u8]) -> bool| -> Vec<String> {
        keys.iter().filter(|key| wanted(key)).map(|key| key.escape_ascii().to_string()).collect()
    };
    assert_eq!(sorted(snapshot.prefix(b"").unwrap()), expected(&|_| true));
    for _ in 0..4 {
        let mut bound = || -> Vec<u8> {
            if keys.is_empty() {
                return b"a".to_vec();
            }
            let mut key = keys[random.below(keys.len() as u64) as usize].clone();
            key.truncate(random.below(key.len() as u64 + 2) as usize);
            if random.below(4) == 0 {
                key.push(b"-.!z"[random.below(4) as usize]);
            }
            key
        };
        let (a, b) = (bound(), bound());
        let prefix = sorted(snapshot.prefix(&a).unwrap());
        assert_eq!(prefix, expected(&|key| key.starts_with(&a)), "prefix {}", a.escape_ascii());
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        let range = sorted(snapshot.range(&a, Some(&b)).unwrap());
        assert_eq!(
            range,
            expected(&|key| key >= &a[..] && key < &b[..]),
            "{} to {}",
            a.escape_ascii(),
            b.escape_ascii()
        );
    }
}

fn change(batch: &mut cms_segment::Batch<'_, '_>, model: &mut Model, random: &mut Random, wide: bool) {
    const PATHS: [&[u8]; 9] =
        [b"", b"a", b"a.b", b"a.b.c", b"a-b", b"ab", b"a.b-", b"z.long_section_name", b"r.x"];
    let path = PATHS[random.below(PATHS.len() as u64) as usize];
    let leaves = if wide { 300 } else { 12 };
    let leaf = match random.below(leaves) {
        number if number % 7 == 3 => format!("option-{number}"),
        number => format!("o{number}"),
    };
    let leaf = leaf.as_bytes();
    let entries = model.entry(path.to_vec()).or_default();
    let at = entries.iter().position(|entry| entry.0 == leaf);
    match random.below(20) {
        0..=8 => {
            let value = value(random.below(100));
            batch.set(&key(path, leaf), Value::String(&value)).unwrap();
            match at {
                Some(at) => entries[at].1 = value,
                None => entries.push((leaf.to_vec(), value)),
            }
        }
        9..=12 => {
            assert_eq!(batch.delete(&key(path, leaf)).unwrap(), at.is_some());
            if let Some(at) = at {
                entries.remove(at);
            }
        }
        13..=15 => {
            let to = random.below(entries.len() as u64 + 2);
            let moved = batch.move_to(path, leaf, to);
            assert_eq!(moved.is_ok(), at.is_some());
            if let Some(at) = at {
                let entry = entries.remove(at);
                entries.insert((to as usize).min(entries.len()), entry);
            }
        }
        16..=17 => {
            let to = random.below(entries.len() as u64 + 2);
            let value = value(random.below(100));
            batch.insert_at(path, leaf, Value::String(&value), to).unwrap();
            if let Some(at) = at {
                entries.remove(at);
            }
            entries.insert((to as usize).min(entries.len()), (leaf.to_vec(), value));
        }
        18 if random.below(4) == 0 => {
            assert_eq!(batch.delete_group(path).unwrap(), entries.len() as u64);
            entries.clear();
        }
        19 if random.below(4) == 0 => {
            let other = PATHS[random.below(PATHS.len() as u64) as usize];
            if model.get(path).is_some_and(|entries| !entries.is_empty())
                && model.get(other).is_none_or(|entries| entries.is_empty())
            {
                batch.rename_group(path, other).unwrap();
                let entries = model.remove(path).unwrap();
                model.insert(other.to_vec(), entries);
            }
        }
        _ => {}
    }
}

fn trial(name: &str, rounds: u64, wide: bool) {
    let mut random = Random::for_test(name);
    let dir = tempfile::tempdir().unwrap();
    let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
    let reader = Root::attach(dir.path()).unwrap();
    root.writer().unwrap().add_segment(&SegmentOptions { name: "r".into(), ..Default::default() }).unwrap();
    let mut model = Model::new();
    let mut pinned: Vec<(Snapshot, Model)> = Vec::new();
    let mut handles: Vec<(Vec<u8>, Vec<u8>, cms_segment::Handle)> = (0..8u64)
        .map(|number| {
            let (path, leaf) = ([&b"a"[..], b"a.b"][number as usize % 2], format!("o{number}").into_bytes());
            let handle = reader.bind(&key(path, &leaf));
            (path.to_vec(), leaf, handle)
        })
        .collect();
    for round in 1..=rounds {
        let mut writer = root.writer().unwrap();
        for _ in 0..random.below(3) {
            let mut next = model.clone();
            let mut batch = writer.batch(root.head() + 1 + random.below(3)).unwrap();
            let revision = batch.revision();
            let most = if random.below(5) == 0 { 200 } else { 6 };
            for _ in 0..1 + random.below(most) {
                change(&mut batch, &mut next, &mut random, wide);
            }
            if random.below(6) == 0 {
                drop(batch);
            } else {
                batch.publish().unwrap();
                assert_eq!(root.head(), revision);
                model = next;
            }
        }
        match random.below(60) {
            0 => writer.defragment("").unwrap(),
            1 => writer.defragment("r").unwrap(),
            2 => {
                let mut load = writer.load(root.head() + 1).unwrap();
                for (path, entries) in &model {
                    for (leaf, value) in entries {
                        load.add(path, leaf, Value::String(value)).unwrap();
                    }
                }
                load.publish().unwrap();
            }
            _ => {}
        }
        drop(writer);
        for (path, leaf, handle) in &mut handles {
            let found = handle.get().unwrap().map(|value| value.as_bytes().unwrap().to_vec());
            let entries = model.get(path);
            let wanted = entries
                .and_then(|entries| entries.iter().find(|entry| entry.0 == *leaf))
                .map(|entry| entry.1.clone());
            assert_eq!(found, wanted, "handle of {}", key(path, leaf).escape_ascii());
        }
        if random.below(8) == 0 {
            let source = if random.below(2) == 0 { &root } else { &reader };
            let snapshot = source.snapshot().unwrap();
            check(&snapshot, &model, &mut random);
            pinned.push((snapshot, model.clone()));
            if pinned.len() > 12 {
                pinned.swap_remove(random.below(12) as usize);
            }
        }
        if round % 32 == 0 {
            assert_eq!(root.check().unwrap(), []);
            let statistics = root.snapshot().unwrap().statistics().unwrap();
            let entries = model.values().map(|entries| entries.len() as u64).sum::<u64>();
            assert_eq!(statistics.iter().map(|segment| segment.entries).sum::<u64>(), entries);
            for segment in &statistics {
                assert_eq!(segment.size, segment.live + segment.garbage + segment.free, "{segment:?}");
            }
            for (snapshot, model) in &pinned {
                check(snapshot, model, &mut random);
            }
        }
    }
}

#[test]
fn small_groups_follow_the_model() {
    trial("small groups", 1500, false);
}

#[test]
fn large_groups_follow_the_model() {
    trial("large groups", 600, true);
}

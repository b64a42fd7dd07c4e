//! A store in place against a model, under readers, and over bytes that lie.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
};

use cms_testkit::Random;

use super::{super::keeper::release, *};
use crate::{Array, Column, Kind, Scalar, Table};

#[derive(Clone, Debug, PartialEq)]
enum Model {
    Int(i64),
    Text(Vec<u8>),
    Array(Vec<Vec<u8>>),
    Table(Vec<(i64, Vec<u8>)>),
}

/// Entries in the order of insertion.
type Entries = Vec<(Vec<u8>, Model)>;

fn model(value: Value<'_>) -> Result<Model> {
    Ok(match value {
        Value::Int(value) => Model::Int(value),
        Value::String(text) => Model::Text(text.to_vec()),
        Value::Array(array) => Model::Array(
            array.iter().map(|element| Ok(element?.as_bytes().unwrap().to_vec())).collect::<Result<_>>()?,
        ),
        Value::Table(table) => {
            let open = table.open("t")?;
            let rows = open.range(table.source(), "id", ..)?.map(|row| {
                let row = row?;
                let text = row.get("text").unwrap().as_bytes().unwrap().to_vec();
                Ok((row.get("id").unwrap().as_int().unwrap(), text))
            });
            Model::Table(rows.collect::<Result<_>>()?)
        }
        other => panic!("{other:?}"),
    })
}

fn read(store: &InPlace, key: &[u8]) -> Result<Option<Model>> {
    let mut found = None;
    store.read(key, &mut |value| {
        found = value.map(model).transpose()?;
        Ok(())
    })?;
    Ok(found)
}

fn scan(store: &InPlace) -> Result<Entries> {
    let mut found: Entries = Vec::new();
    store.scan(&mut |key, value| {
        found.push((key.to_vec(), model(value)?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn put(draft: &mut dyn Draft, key: &[u8], value: &Model) -> Result<()> {
    match value {
        Model::Int(value) => draft.set(key, Scalar::Int(*value)),
        Model::Text(text) => draft.set(key, Scalar::String(text)),
        Model::Array(elements) => draft.amend(key, 0, &mut |old, space, record| {
            release(old, space)?;
            let mut array = Array::new(Kind::String);
            let elements: Vec<Scalar<'_>> = elements.iter().map(|element| Scalar::String(element)).collect();
            array.extend(space, &elements)?;
            value::encode_array(&array.encode(), record);
            Ok(true)
        }),
        Model::Table(rows) => draft.amend(key, 0, &mut |old, space, record| {
            release(old, space)?;
            let columns = vec![Column::new("id", Kind::Int), Column::new("text", Kind::String)];
            let mut table = Table::new("t", columns)?;
            table.create_index(space, "id", true)?;
            for (id, text) in rows {
                table.insert(space, &[("id", Scalar::Int(*id)), ("text", Scalar::String(text))])?;
            }
            value::encode_table(&table.encode(), record);
            Ok(true)
        }),
    }
}

fn any(random: &mut Random) -> Model {
    let text =
        |random: &mut Random, most: u64| vec![b'a' + random.below(26) as u8; random.below(most) as usize];
    match random.below(10) {
        0..=3 => Model::Int(random.next() as i64 >> random.below(64)),
        4..=6 => Model::Text(text(random, 200)),
        7 => Model::Text(text(random, 9_000)),
        8 => Model::Array((0..random.below(150)).map(|_| text(random, 30)).collect()),
        _ => {
            let mut id = 0;
            Model::Table(
                (0..random.below(90))
                    .map(|_| {
                        id += 1 + random.below(9) as i64;
                        (id, text(random, 20))
                    })
                    .collect(),
            )
        }
    }
}

fn store(strategy: Strategy, limit: u64) -> (tempfile::TempDir, InPlace) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    InPlace::create(&path, strategy, limit).unwrap();
    let store = InPlace::open(&path, true).unwrap();
    (dir, store)
}

#[track_caller]
fn check(store: &InPlace, entries: &Entries) {
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let found = scan(store).unwrap();
    assert_eq!(
        found.iter().map(|entry| &entry.0).collect::<Vec<_>>(),
        entries.iter().map(|entry| &entry.0).collect::<Vec<_>>()
    );
    assert_eq!(found, *entries);
    for (key, value) in entries {
        assert_eq!(read(store, key).unwrap().as_ref(), Some(value));
    }
    assert_eq!(read(store, b"no such key").unwrap(), None);
    assert_eq!(store.len().unwrap(), entries.len() as u64);
}

/// Whether a writer's allocator holds back nothing that the walk does not reach.
#[track_caller]
fn check_leaks(store: &InPlace) {
    store
        .locked(|store, desk| {
            let sum = |allocator: &dyn Allocator| allocator.gaps().iter().map(|gap| gap.size).sum::<u64>();
            let walked = allocator(store.strategy, START, store.end()?, store.extents()?)?;
            assert_eq!(sum(&**desk.allocator.as_ref().unwrap()), sum(&*walked), "leaked");
            Ok(())
        })
        .unwrap();
}

#[test]
fn follows_a_model() {
    let mut random = Random::for_test("stores in place follow a model");
    for round in 0..12 {
        let strategy = Strategy::IN_PLACE[round % 4];
        let (dir, mut store) = store(strategy, 4 << 20);
        let mut entries: Entries = Vec::new();
        for step in 0..150 {
            let before = entries.clone();
            let fail = random.below(8) == 0;
            let answer = store.write(&mut |draft| {
                for _ in 0..1 + random.below(6) {
                    let key = format!("key.{}", random.below(60)).into_bytes();
                    let at = entries.iter().position(|entry| entry.0 == key);
                    if random.below(4) == 0 {
                        assert_eq!(draft.delete(&key)?, at.is_some());
                        at.map(|at| entries.remove(at));
                    } else {
                        let value = any(&mut random);
                        put(draft, &key, &value)?;
                        match at {
                            Some(at) => entries[at].1 = value,
                            None => entries.push((key, value)),
                        }
                    }
                }
                if fail { Err(Error::Busy) } else { Ok(()) }
            });
            assert_eq!(answer.is_err(), fail, "{answer:?}");
            if fail {
                entries = before;
            }
            match random.below(40) {
                0 => store.defragment().unwrap(),
                1 => store = InPlace::open(&dir.path().join("store"), true).unwrap(),
                2 => {
                    store.sort(&mut |one, other| one.0.cmp(other.0)).unwrap();
                    entries.sort_by(|one, other| one.0.cmp(&other.0));
                }
                3 => {
                    // Another writer, so that this one has to look anew.
                    let other = InPlace::open(&dir.path().join("store"), true).unwrap();
                    other.write(&mut |draft| put(draft, b"other", &Model::Int(step))).unwrap();
                    match entries.iter().position(|entry| entry.0 == b"other") {
                        Some(at) => entries[at].1 = Model::Int(step),
                        None => entries.push((b"other".to_vec(), Model::Int(step))),
                    }
                }
                _ => {}
            }
            if step % 30 == 0 {
                check(&store, &entries);
                check_leaks(&store);
            }
        }
        check(&store, &entries);
        check_leaks(&store);
        store.defragment().unwrap();
        check(&store, &entries);
        check_leaks(&store);
        let after = store.usage().unwrap();
        store.resize(after.files - after.free / 2).ok();
        check(&store, &entries);
        store.resize(8 << 20).unwrap();
        store.write(&mut |draft| put(draft, b"last", &Model::Int(1))).unwrap();
        assert_eq!(read(&store, b"last").unwrap(), Some(Model::Int(1)));
        check_leaks(&store);
    }
}

#[test]
fn defragmenting_gathers_what_is_free() {
    for strategy in Strategy::IN_PLACE {
        let (_dir, store) = store(strategy, 4 << 20);
        let mut entries: Entries = Vec::new();
        for number in 0..1_500 {
            let value = match number % 50 {
                0 => Model::Array((0..80).map(|_| vec![b'x'; 9]).collect()),
                _ => Model::Text(vec![b'a' + (number % 26) as u8; 200 + number % 700]),
            };
            entries.push((format!("k{number}").into_bytes(), value));
        }
        store.write(&mut |draft| entries.iter().try_for_each(|(key, value)| put(draft, key, value))).unwrap();
        for (key, _) in entries.iter().skip(1).step_by(2) {
            store.write(&mut |draft| draft.delete(key).map(drop)).unwrap();
        }
        entries = entries.into_iter().step_by(2).collect();
        let before = store.usage().unwrap();
        store.defragment().unwrap();
        let after = store.usage().unwrap();
        eprintln!("{strategy:?}: {:.2} before, {:.2} after", before.fragmentation, after.fragmentation);
        assert!(
            before.fragmentation > 0.5 && after.fragmentation < 0.25,
            "{strategy:?} {before:?} {after:?}"
        );
        check(&store, &entries);
        check_leaks(&store);
        store.resize(after.files - after.largest / 2).unwrap();
        check(&store, &entries);
    }
}

#[test]
fn the_limit_is_hard_and_clear() {
    for strategy in Strategy::IN_PLACE {
        let (_dir, store) = store(strategy, 256 << 10);
        let text = Model::Text(vec![b'x'; 1_000]);
        let mut count = 0;
        let error = loop {
            match store.write(&mut |draft| put(draft, format!("k{count}").as_bytes(), &text)) {
                Ok(()) => count += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Full { limit: 262_144, .. }), "{error}");
        assert!(count > 150, "{strategy:?} {count}");
        check_leaks(&store);
        // Overwriting goes on for ever, as long as there is room for one more value.
        store.write(&mut |draft| draft.delete(b"k0").map(drop)).unwrap();
        store.write(&mut |draft| draft.delete(b"k1").map(drop)).unwrap();
        for round in 0..2_000 {
            let key = format!("k{}", 2 + round % (count - 2));
            store.write(&mut |draft| put(draft, key.as_bytes(), &text)).unwrap();
        }
        assert!(store.usage().unwrap().files <= 256 << 10);
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        store.resize(512 << 10).unwrap();
        store.write(&mut |draft| put(draft, b"more", &text)).unwrap();
    }
}

#[test]
fn readers_see_whole_batches_only() {
    for strategy in Strategy::IN_PLACE {
        let (dir, store) = store(strategy, 4 << 20);
        let text = |number: i64, len: usize| Model::Text(vec![b'a' + (number % 26) as u8; len]);
        let set = |number: i64| {
            store.write(&mut |draft| {
                put(draft, b"left", &Model::Int(number))?;
                put(draft, b"right", &Model::Int(-number))?;
                put(draft, b"text", &text(number, 10 + number as usize % 700))?;
                let element = vec![b'a' + (number % 26) as u8; 8];
                put(draft, b"array", &Model::Array(vec![element; 40 + number as usize % 50]))
            })
        };
        set(0).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let reader = InPlace::open(&dir.path().join("store"), false).unwrap();
                    let (mut reads, mut busy) = (0, 0);
                    while !done.load(Ordering::Relaxed) || reads < 100 {
                        let mut sum = 1;
                        let answer = reader.read_all(&[b"left", b"right"], &mut |values| {
                            sum = values[0].unwrap().as_int().unwrap() + values[1].unwrap().as_int().unwrap();
                            Ok(())
                        });
                        match answer {
                            Ok(()) => assert_eq!(sum, 0),
                            Err(Error::Busy) => busy += 1,
                            Err(error) => panic!("{error}"),
                        }
                        for key in [&b"text"[..], b"array"] {
                            match read(&reader, key) {
                                Ok(Some(Model::Text(text))) => {
                                    assert!(text.windows(2).all(|pair| pair[0] == pair[1]))
                                }
                                Ok(Some(Model::Array(array))) => {
                                    assert!(
                                        array.len() >= 40 && array.windows(2).all(|pair| pair[0] == pair[1])
                                    );
                                }
                                Err(Error::Busy) => busy += 1,
                                other => panic!("{other:?}"),
                            }
                        }
                        reads += 1;
                    }
                    assert!(busy < reads, "{busy} of {reads} reads were busy");
                });
            }
            for number in 1..1_500 {
                set(number).unwrap();
                if number % 200 == 0 {
                    store.defragment().unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        check_leaks(&store);
    }
}

#[test]
fn what_is_written_over_an_entry_never_looks_like_its_number() {
    for strategy in Strategy::IN_PLACE {
        let (dir, first) = store(strategy, 4 << 20);
        let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
        for number in 0..600 {
            // The second writer takes over from the first.
            let second = InPlace::open(&dir.path().join("store"), true).unwrap();
            let store = if number < 400 { &first } else { &second };
            let write = store.write(&mut |draft| {
                put(draft, b"left", &Model::Int(number))?;
                put(draft, b"right", &Model::Int(-number))?;
                put(draft, b"text", &Model::Text(vec![b'x'; 10 + number as usize * 111 % 700]))?;
                put(draft, b"array", &Model::Array(vec![vec![b'x'; 8]; 40 + number as usize % 50]))
            });
            write.unwrap();
            if number % 200 == 199 {
                store.defragment().unwrap();
            }
            let now: HashMap<u64, u64> =
                store.all().unwrap().iter().map(|entry| (entry.offset, entry.sequence)).collect();
            for (offset, sequences) in &seen {
                let word = store.load(*offset).unwrap();
                assert!(
                    now.get(offset) == Some(&word) || !sequences.contains(&word),
                    "{strategy:?}, batch {number}: {word} at {offset} was the number of an entry that is no more"
                );
            }
            now.into_iter().for_each(|(offset, sequence)| seen.entry(offset).or_default().push(sequence));
        }
    }
}

#[test]
fn flipped_bits_are_survived() {
    let mut random = Random::for_test("flipped bits in a store in place");
    for strategy in Strategy::IN_PLACE {
        let (dir, store) = store(strategy, 1 << 20);
        for number in 0..12 {
            let value = any(&mut random);
            store.write(&mut |draft| put(draft, format!("k{number}").as_bytes(), &value)).unwrap();
        }
        let array = Model::Array((0..60).map(|_| vec![b'x'; 9]).collect());
        store.write(&mut |draft| put(draft, b"array", &array)).unwrap();
        drop(store);
        let path = dir.path().join("store");
        let image = std::fs::read(&path).unwrap();
        let copy = dir.path().join("copy");
        for _ in 0..300 {
            let mut bytes = image.clone();
            for _ in 0..1 + random.below(3) {
                // The header and what comes first are small and matter most.
                let at = match random.below(3) {
                    0 => random.below(200),
                    1 => START + random.below(2_000),
                    _ => random.below(bytes.len() as u64),
                };
                bytes[at as usize] ^= 1 << random.below(8);
            }
            std::fs::write(&copy, &bytes).unwrap();
            let Ok(store) = InPlace::open(&copy, true) else { continue };
            let _ = store.check();
            let _ = store.usage();
            let _ = store.read(b"k3", &mut walk_one);
            let _ = store.read(b"array", &mut walk_one);
            let _ = store.scan(&mut |_, value| walk(value).map(|()| ControlFlow::Continue(())));
            let _ = store.read_all(&[b"k1", b"array"], &mut |_| Ok(()));
            let _ = store.write(&mut |draft| {
                draft.set(b"k1", Scalar::Int(7))?;
                draft.set(b"new", Scalar::Int(7))
            });
            let _ = store.defragment();
        }
    }
}

fn walk_one(value: Option<Value<'_>>) -> Result<()> {
    value.map_or(Ok(()), walk)
}

#[test]
fn keys_may_be_anything() {
    let (_dir, store) = store(Strategy::Tlsf, 1 << 20);
    let keys: HashMap<Vec<u8>, i64> =
        [&b""[..], b".", b"a\0b", &[0xff; 300], b"a.b.c"].into_iter().map(<[u8]>::to_vec).zip(0..).collect();
    for (key, number) in &keys {
        store.write(&mut |draft| put(draft, key, &Model::Int(*number))).unwrap();
    }
    for (key, number) in &keys {
        assert_eq!(read(&store, key).unwrap(), Some(Model::Int(*number)));
    }
    let long = vec![b'k'; LONGEST_KEY + 1];
    assert!(matches!(
        store.write(&mut |draft| put(draft, &long, &Model::Int(1))),
        Err(Error::TooLong { .. })
    ));
}

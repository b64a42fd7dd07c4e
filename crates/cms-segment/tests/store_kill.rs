//! Writers killed at any step, for every strategy: what they leave is a store between two batches.
//!
//! The writer is this program run again, told to stop at the nth step. Its batches keep what any reader can check: that some
//! numbers add up to nothing, that an array has equal elements, as many as a number says, and that a table has as many
//! rows as another says, each found through its index.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use cms_segment::{Column, Content, Error, Kind, Result, Scalar, Store, StoreOptions, Strategy, stop_after};
use cms_testkit::Random;

const ACCOUNTS: u64 = 8;

fn set_up(path: &str, strategy: Strategy) -> Store {
    let store = Store::create(path, &StoreOptions::new().strategy(strategy).limit(2 << 20)).unwrap();
    store
        .batch(|batch| {
            for account in 0..ACCOUNTS {
                batch.set(format!("account.{account}"), 0)?;
            }
            batch.create_array("array", Kind::String)?;
            batch.set("array.len", 0)?;
            let columns = vec![Column::new("id", Kind::Int), Column::new("text", Kind::String)];
            batch.create_table("table", columns, &[("id", true)])?;
            batch.set("table.len", 0)
        })
        .unwrap();
    store
}

/// One batch, which leaves the invariants as it found them.
fn step(store: &Store, random: &mut Random) -> Result<()> {
    match random.below(40) {
        0 => return store.defragment(),
        1 => return store.resize((1 << 20) + random.below(1 << 20)).or_else(allow_full),
        2 => return store.sort_by(|one, other| one.0.cmp(other.0)),
        _ => {}
    }
    let kind = random.below(5);
    let done = store.batch(|batch| {
        if kind == 0 || kind == 4 {
            let amount = random.below(1_000) as i64;
            batch.add(format!("account.{}", random.below(ACCOUNTS)), amount)?;
            batch.add(format!("account.{}", random.below(ACCOUNTS)), -amount)?;
        }
        if kind == 1 || kind == 4 {
            let letter = [b'a' + random.below(26) as u8; 9];
            let len = batch.array("array", |array, space| {
                let len = random.below(120);
                array.clear(space)?;
                array.resize(space, len, Scalar::String(&letter))?;
                Ok(array.len())
            })?;
            batch.set("array.len", len as i64)?;
        }
        if kind == 2 || kind == 4 {
            let len = batch.table("table", |table, space| {
                let id = random.below(200) as i64;
                let row = table.find(&*space, "id", id.into())?.next().transpose()?.map(|row| row.id);
                match row {
                    Some(row) if random.below(2) == 0 => table.delete(space, row)?,
                    Some(row) => table.update(space, row, &[("text", "changed".into())])?,
                    None => drop(table.insert(space, &[("id", id.into()), ("text", "new".into())])?),
                }
                Ok(table.len())
            })?;
            batch.set("table.len", len as i64)?;
        }
        if kind >= 3 {
            let text = "x".repeat(random.below(3_000) as usize);
            batch.set(format!("other.{}", random.below(40)), &*text)?;
            batch.delete(format!("other.{}", random.below(40)))?;
        }
        Ok(())
    });
    done.or_else(allow_full)
}

fn allow_full(error: Error) -> Result<()> {
    if error.is_full() { Ok(()) } else { Err(error) }
}

/// What must hold between any two batches; whether it could be read.
fn check(store: &Store) -> bool {
    let mut keys: Vec<String> = (0..ACCOUNTS).map(|account| format!("account.{account}")).collect();
    keys.extend(["array", "array.len", "table", "table.len"].map(String::from));
    let values = match store.get_all(&keys) {
        Ok(values) => values,
        Err(Error::Busy) => return false,
        Err(error) => panic!("{error}"),
    };
    let int = |content: &Option<Content>| content.as_ref().unwrap().as_scalar().unwrap().as_int().unwrap();
    assert_eq!(values[..ACCOUNTS as usize].iter().map(int).sum::<i64>(), 0);
    let [array, array_len, table, table_len] = &values[ACCOUNTS as usize..] else { panic!() };
    let Some(Content::Array { elements, .. }) = array else { panic!("{array:?}") };
    assert_eq!(elements.len() as i64, int(array_len));
    assert!(elements.windows(2).all(|pair| pair[0] == pair[1]));
    let Some(Content::Table { rows, .. }) = table else { panic!("{table:?}") };
    assert_eq!(rows.len() as i64, int(table_len));
    true
}

fn check_all(store: &Store) {
    assert!(check(store));
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let found = store.read("table", |value| {
        let table = value.and_then(|value| value.as_table()).unwrap();
        let open = table.open("table")?;
        for row in open.rows(table.source()) {
            let row = row?;
            let by_index = open.find(table.source(), "id", row.get("id").unwrap())?.next().transpose()?;
            assert_eq!(by_index.unwrap().id, row.id);
        }
        Ok(open.len())
    });
    found.unwrap();
}

/// The writer, when this program is run again; nothing otherwise.
#[test]
fn writer() {
    let Ok(path) = std::env::var("CMS_SEGMENT_STORE") else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let mut random = Random::new(number("CMS_SEGMENT_SEED"));
    let store = Store::open(&path).unwrap();
    stop_after(number("CMS_SEGMENT_STEPS"));
    for _ in 0..10_000 {
        step(&store, &mut random).unwrap();
    }
}

fn kill_writers(strategy: Strategy) {
    let rounds: u64 = std::env::var("CMS_TEST_KILLS").map_or(400, |text| text.parse().unwrap());
    let mut random = Random::for_test("killed writers");
    let dir = tempfile::tempdir_in(shm()).unwrap();
    let path = dir.path().join("store");
    let path = path.to_str().unwrap();
    drop(set_up(path, strategy));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A failure below must not leave the reader reading.
        let done = Done(&done);
        let reading = done.0;
        let reader = scope.spawn(move || {
            let store = Store::attach(path).unwrap();
            let (mut checks, mut busy) = (0u64, 0);
            while !reading.load(Ordering::Relaxed) {
                checks += 1;
                busy += u64::from(!check(&store));
            }
            (checks, busy)
        });
        for round in 0..rounds {
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["writer", "--exact", "--quiet"])
                .env("CMS_SEGMENT_STORE", path)
                .env("CMS_SEGMENT_SEED", random.next().to_string())
                .env(
                    "CMS_SEGMENT_STEPS",
                    (1 + random.below(if round % 4 == 0 { 2_000 } else { 120 })).to_string(),
                )
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap();
            assert_eq!(
                std::os::unix::process::ExitStatusExt::signal(&status),
                Some(9),
                "the writer was not killed"
            );
            // As a reader finds it, who may not repair; then as the next writer does.
            assert!(check(&Store::attach(path).unwrap()), "a killed writer left readers busy");
            if round % 3 == 0 {
                let store = Store::open(path).unwrap();
                store.resize(2 << 20).unwrap();
                step(&store, &mut random).unwrap();
                check_all(&store);
            }
        }
        done.0.store(true, Ordering::Relaxed);
        let (checks, busy) = reader.join().unwrap();
        assert!(checks > rounds && busy * 10 <= checks, "{busy} of {checks} reads were busy");
        eprintln!("{strategy:?}: {rounds} writers killed, {checks} checks meanwhile, {busy} busy");
    });
    check_all(&Store::open(path).unwrap());
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn shm() -> &'static Path {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { shm } else { Path::new("/tmp") }
}

#[test]
fn killed_in_pools() {
    kill_writers(Strategy::Pool);
}

#[test]
fn killed_in_tlsf() {
    kill_writers(Strategy::Tlsf);
}

#[test]
fn killed_in_best_fit() {
    kill_writers(Strategy::BestFit);
}

#[test]
fn killed_in_first_fit() {
    kill_writers(Strategy::FirstFit);
}

#[test]
fn killed_in_append() {
    kill_writers(Strategy::Append);
}

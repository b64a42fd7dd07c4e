//! What each strategy costs, for the table in `docs/strategies.md`:
//! `cargo run --release --package cms-segment --example strategies`.
//!
//! Every strategy does each load in turn, three times, and the best time counts: what is compared ran in the same minute.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement stops where it fails")]

use std::time::{Duration, Instant};

use cms_segment::{Result, Scalar, Store, StoreOptions, Strategy};

/// A load: what it is, and how long its operations took and how many they were.
struct Load {
    name: &'static str,
    unit: &'static str,
    run: fn(&Store) -> Result<(Duration, u64)>,
    limit: u64,
}

const LOADS: &[Load] = &[
    Load { name: "read one of 10,000 small values", unit: "ns", run: read_small, limit: 64 << 20 },
    Load { name: "read a value of 64 KiB", unit: "us", run: read_large, limit: 64 << 20 },
    Load { name: "read 10,000 values in order", unit: "us", run: scan, limit: 64 << 20 },
    Load { name: "overwrite one small value of 1,000", unit: "ns", run: overwrite_small, limit: 64 << 20 },
    Load {
        name: "the same under a limit of twice what is live",
        unit: "ns",
        run: overwrite_tight,
        limit: 512 << 10,
    },
    Load {
        name: "overwrite values of 1 to 32 KiB, 4 MiB live, 12 MiB limit",
        unit: "us",
        run: overwrite_large,
        limit: 12 << 20,
    },
    Load { name: "load 10,000 values in one batch", unit: "us", run: load, limit: 64 << 20 },
    Load { name: "push onto an array of 10,000", unit: "us", run: push, limit: 64 << 20 },
];

fn main() -> Result<()> {
    let dir =
        tempfile::tempdir_in(if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" })
            .expect("there is a directory for temporary files");
    print!("| load | unit |");
    Strategy::ALL.iter().for_each(|strategy| print!(" {strategy:?} |"));
    println!("\n| --- | --- |{}", " --- |".repeat(Strategy::ALL.len()));
    for load in LOADS {
        let mut best = [f64::INFINITY; Strategy::ALL.len()];
        let mut files = [0; Strategy::ALL.len()];
        for round in 0..3 {
            for (number, strategy) in Strategy::ALL.into_iter().enumerate() {
                let path = dir.path().join(format!("{strategy:?}.{round}"));
                let path = path.to_string_lossy();
                let store = Store::create(&path, &StoreOptions::new().strategy(strategy).limit(load.limit))?;
                let took = match (load.run)(&store) {
                    Ok((time, count)) => time.as_nanos() as f64 / count as f64,
                    Err(error) if error.is_full() => f64::NAN,
                    Err(error) => return Err(error),
                };
                best[number] = best[number].min(took);
                files[number] = store.usage()?.files;
                drop(store);
                Store::destroy(&path)?;
            }
        }
        let scale = if load.unit == "us" { 1_000.0 } else { 1.0 };
        print!("| {} | {} |", load.name, load.unit);
        best.iter().for_each(|best| match best.is_finite() {
            true => print!(" {:.1} |", best / scale),
            false => print!(" full |"),
        });
        print!("\n| – its files | KiB |");
        files.iter().for_each(|files| print!(" {} |", files / 1024));
        println!();
    }
    Ok(())
}

fn fill(store: &Store, count: u64) -> Result<()> {
    store.batch(|batch| {
        (0..count).try_for_each(|number| {
            let value = format!("value {number} of some");
            batch.set(format!("package.section{}.option{}", number / 10, number % 10), &*value)
        })
    })
}

fn key(number: u64) -> String {
    format!("package.section{}.option{}", number / 10, number % 10)
}

fn timed(count: u64, mut each: impl FnMut(u64) -> Result<()>) -> Result<(Duration, u64)> {
    let start = Instant::now();
    for number in 0..count {
        each(number)?;
    }
    Ok((start.elapsed(), count))
}

fn scatter(number: u64, of: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % of
}

fn read_small(store: &Store) -> Result<(Duration, u64)> {
    fill(store, 10_000)?;
    let keys: Vec<String> = (0..1_000).map(|number| key(scatter(number, 10_000))).collect();
    timed(100_000, |number| {
        store.read(&keys[(number % 1_000) as usize], |value| {
            std::hint::black_box(value.is_some());
            Ok(())
        })
    })
}

fn read_large(store: &Store) -> Result<(Duration, u64)> {
    store.set("large", Scalar::Bytes(&vec![7; 64 << 10]))?;
    timed(5_000, |_| {
        store.read("large", |value| {
            std::hint::black_box(value.and_then(|value| value.as_bytes().map(<[u8]>::len)));
            Ok(())
        })
    })
}

fn scan(store: &Store) -> Result<(Duration, u64)> {
    fill(store, 10_000)?;
    timed(20, |_| {
        let mut bytes = 0;
        store.for_each(|key, _| {
            bytes += key.len();
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        std::hint::black_box(bytes);
        Ok(())
    })
}

fn overwrite_small(store: &Store) -> Result<(Duration, u64)> {
    fill(store, 1_000)?;
    timed(30_000, |number| store.set(key(scatter(number, 1_000)), number as i64))
}

fn overwrite_tight(store: &Store) -> Result<(Duration, u64)> {
    store.batch(|batch| (0..1_000).try_for_each(|number| batch.set(key(number), &*"x".repeat(150))))?;
    timed(30_000, |number| {
        store.set(key(scatter(number, 1_000)), &*"y".repeat(100 + (number % 100) as usize))
    })
}

fn overwrite_large(store: &Store) -> Result<(Duration, u64)> {
    let value = |number: u64| vec![number as u8; 1024 + (scatter(number, 31) * 1024) as usize];
    for number in 0..256 {
        store.set(format!("blob{number}"), Scalar::Bytes(&value(number)))?;
    }
    timed(3_000, |number| {
        store.set(format!("blob{}", scatter(number, 256)), Scalar::Bytes(&value(number + 1)))
    })
}

fn load(store: &Store) -> Result<(Duration, u64)> {
    let start = Instant::now();
    fill(store, 10_000)?;
    Ok((start.elapsed(), 1))
}

fn push(store: &Store) -> Result<(Duration, u64)> {
    store.batch(|batch| {
        batch.create_array("array", cms_segment::Kind::Int)?;
        let elements: Vec<Scalar<'_>> = (0..10_000).map(Scalar::Int).collect();
        batch.array("array", |array, space| array.extend(space, &elements))
    })?;
    timed(2_000, |number| {
        store
            .batch(|batch| batch.array("array", |array, space| array.push(space, Scalar::Int(number as i64))))
    })
}

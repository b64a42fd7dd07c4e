//! Images of every released format open, and those of newer ones say what is wrong.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::path::{Path, PathBuf};

use cms_segment::{Column, Content, Error, Kind, Scalar, Store, StoreOptions, Strategy};

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store-v{version}.image"))
}

/// The store that the fixtures were made of.
fn store(path: &str) -> Store {
    let options = StoreOptions::new().strategy(Strategy::BestFit).limit(1 << 20);
    let store = Store::create(path, &options).unwrap();
    store.set("server.host", "localhost").unwrap();
    store.set("server.port", 8080).unwrap();
    store.set("server.timeout", 30.5).unwrap();
    store.set("server.tls", true).unwrap();
    store.set("server.key", Scalar::Bytes(&[0, 255, 10])).unwrap();
    store
        .batch(|batch| {
            batch.create_array("allowed_ports", Kind::Int)?;
            batch.array("allowed_ports", |ports, space| {
                let all: Vec<Scalar<'_>> = (0..100).map(|port| Scalar::Int(port * 7)).collect();
                ports.extend(space, &all)
            })?;
            let columns = vec![
                Column::new("id", Kind::Int).most(8).required(),
                Column::new("name", Kind::String).most(64),
                Column::new("active", Kind::Bool),
            ];
            batch.create_table("users", columns, &[("id", true), ("name", false)])?;
            batch.table("users", |users, space| {
                users
                    .insert(space, &[("id", 1.into()), ("name", "admin".into()), ("active", true.into())])?;
                let gone = users.insert(space, &[("id", 2.into()), ("name", "guest".into())])?;
                users.delete(space, gone)
            })
        })
        .unwrap();
    store
}

/// Makes the fixture of the present format: `cargo test --test fixture make -- --ignored`, once per format.
#[test]
#[ignore = "fixtures are made once"]
fn make() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path().join("store").to_str().unwrap()).backup(&fixture(1)).unwrap();
}

#[test]
fn version_1_opens() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let expected = store(&path("expected"));
    let restored = Store::restore(&path("restored"), &fixture(1), None).unwrap();
    assert_eq!(restored.strategy(), Strategy::BestFit);
    assert_eq!(restored.usage().unwrap().limit, 1 << 20);
    assert_eq!(restored.entries().unwrap(), expected.entries().unwrap());
    assert_eq!(restored.check().unwrap(), Vec::<String>::new());
    let Some(Content::Table { next, .. }) = restored.get("users").unwrap() else { panic!("no table") };
    assert_eq!(next, 3);
    // What is written today is the same, byte for byte.
    let again = dir.path().join("again");
    restored.backup(&again).unwrap();
    assert_eq!(std::fs::read(again).unwrap(), std::fs::read(fixture(1)).unwrap());
}

#[test]
fn newer_and_foreign_images_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().join("store");
    let name = name.to_str().unwrap();
    let mut bytes = std::fs::read(fixture(1)).unwrap();
    bytes[8] = 9;
    let newer = dir.path().join("newer");
    std::fs::write(&newer, &bytes).unwrap();
    let error = Store::restore(name, &newer, None).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 9, known: 1, .. }), "{error}");
    std::fs::write(&newer, "config system").unwrap();
    assert!(matches!(Store::restore(name, &newer, None), Err(Error::Foreign { .. })));
    assert!(matches!(Store::open(name), Err(Error::Absent { .. })));
}

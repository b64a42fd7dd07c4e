//! Stores as a program uses them.

use super::*;
use crate::Column;

fn name(dir: &tempfile::TempDir, name: &str) -> String {
    dir.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_example_of_the_seed_for_every_strategy() {
    let dir = tempfile::tempdir().unwrap();
    for strategy in Strategy::ALL {
        let store = name(&dir, &format!("{strategy:?}"));
        let options = StoreOptions::new().limit(1 << 20).strategy(strategy);
        let store = Store::create(&store, &options).unwrap();
        store.set("server.host", "localhost").unwrap();
        store.set("server.port", 8080).unwrap();
        store
            .batch(|batch| {
                batch.create_array("allowed_ports", Kind::Int)?;
                batch.array("allowed_ports", |ports, space| {
                    ports.extend(space, &[Scalar::Int(80), Scalar::Int(443), Scalar::Int(8080)])
                })?;
                let columns = vec![
                    Column::new("id", Kind::Int).most(8).required(),
                    Column::new("name", Kind::String).most(64),
                    Column::new("active", Kind::Bool),
                ];
                batch.create_table("users", columns, &[("id", true)])?;
                batch.table("users", |users, space| {
                    users
                        .insert(space, &[("id", 1.into()), ("name", "admin".into()), ("active", true.into())])
                })
            })
            .unwrap();
        let ports = store.read("allowed_ports", |value| {
            let ports = value.and_then(|value| value.as_array()).unwrap();
            ports.iter().map(|port| Ok(port?.as_int().unwrap())).collect::<Result<Vec<_>>>()
        });
        assert_eq!(ports.unwrap(), [80, 443, 8080]);
        let user = store.read("users", |value| {
            let users = value.and_then(|value| value.as_table()).unwrap();
            let row = users.open("users")?.find(users.source(), "id", 1.into())?.next().transpose()?;
            Ok(row.and_then(|row| row.get("name").map(Content::from)))
        });
        assert_eq!(user.unwrap(), Some(Content::String(b"admin".to_vec())));

        // A batch that fails changes nothing, neither values nor parts.
        let failed = store.batch(|batch| {
            batch.set("server.port", 1)?;
            batch.delete("allowed_ports")?;
            batch.table("users", |users, space| users.insert(space, &[("id", 2.into())]))?;
            batch.table("users", |users, space| users.insert(space, &[("id", 1.into())]))
        });
        let message = failed.unwrap_err().to_string();
        assert_eq!(message, "column 'id' of table 'users' has a row with 1 already");
        assert_eq!(store.get_int("server.port").unwrap(), Some(8080));
        let keys: Vec<Vec<u8>> = store.entries().unwrap().into_iter().map(|entry| entry.0).collect();
        assert_eq!(keys, [&b"server.host"[..], b"server.port", b"allowed_ports", b"users"]);
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn waiting() {
    let dir = tempfile::tempdir().unwrap();
    for strategy in Strategy::ALL {
        let path = name(&dir, &format!("{strategy:?}"));
        let store = Store::create(&path, &StoreOptions::new().strategy(strategy)).unwrap();
        let seen = store.version();
        assert_eq!(store.wait(seen, Some(Duration::from_millis(5))).unwrap(), None);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Store::attach(&path).unwrap().wait(seen, None).unwrap());
            std::thread::sleep(Duration::from_millis(5));
            store.set("a", 1).unwrap();
            assert_eq!(waiting.join().unwrap(), Some(store.version()));
        });
    }
}

#[test]
fn atomic_operations() {
    let dir = tempfile::tempdir().unwrap();
    let path = name(&dir, "atomic");
    Store::create(&path, &StoreOptions::new()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = Store::open(&path).unwrap();
                for _ in 0..200 {
                    store.add("count", 1).unwrap();
                }
            });
        }
    });
    let store = Store::open(&path).unwrap();
    assert_eq!(store.get_int("count").unwrap(), Some(800));
    assert!(!store.compare_and_set("count", Some(1.into()), 2).unwrap());
    assert!(store.compare_and_set("count", Some(800.into()), "done").unwrap());
    assert!(!store.compare_and_set("count", None, 2).unwrap());
    assert!(store.compare_and_set("new", None, i64::MAX).unwrap());
    assert!(matches!(store.add("new", 1), Err(Error::Invalid { .. })));
    assert!(matches!(store.add("count", 1), Err(Error::Mistyped { .. })));
    assert_eq!(store.get_all(&["new", "none", "count"]).unwrap().iter().flatten().count(), 2);
}

#[test]
fn scans() {
    let dir = tempfile::tempdir().unwrap();
    for strategy in Strategy::ALL {
        let options = StoreOptions::new().strategy(strategy);
        let store = Store::create(&name(&dir, &format!("{strategy:?}")), &options).unwrap();
        store.load((0..500).map(|number| (format!("k.{:03}", (number * 7) % 500), number as i64))).unwrap();
        store.set([255, 255], "last").unwrap();
        assert_eq!(store.count().unwrap(), 501);
        assert_eq!(store.entries().unwrap()[1].0, b"k.007");
        let keys = |found: Vec<(Vec<u8>, Content)>| -> Vec<String> {
            found.into_iter().map(|entry| String::from_utf8_lossy(&entry.0).into_owned()).collect()
        };
        let tens: Vec<String> = (120..130).map(|number| format!("k.{number}")).collect();
        assert_eq!(keys(store.prefix("k.12").unwrap()), tens);
        assert_eq!(store.prefix([255]).unwrap().len(), 1);
        assert_eq!(store.prefix("").unwrap().len(), 501);
        assert!(store.prefix("k.12x").unwrap().is_empty());
        assert_eq!(keys(store.range(&b"k.100"[..]..b"k.103").unwrap()), ["k.100", "k.101", "k.102"]);
        let range = (Bound::Excluded(&b"k.100"[..]), Bound::Included(&b"k.102"[..]));
        assert_eq!(keys(store.range(range).unwrap()), ["k.101", "k.102"]);
        assert_eq!(store.range(..).unwrap().len(), 501);
        assert_eq!(store.select(|_, value| value.as_int() > Some(489)).unwrap().len(), 10);
        store.sort_by(|one, other| one.0.cmp(other.0)).unwrap();
        assert_eq!(store.entries().unwrap()[1].0, b"k.001");
        assert!(store.delete("k.001").unwrap());
        assert!(!store.delete("k.001").unwrap());
        assert_eq!(store.count().unwrap(), 500);
    }
}

#[test]
fn a_reboot() {
    let dir = tempfile::tempdir().unwrap();
    let path = name(&dir, "durable");
    let store = Store::create(&path, &StoreOptions::new().durable().strategy(Strategy::BestFit)).unwrap();
    store.set("a", 1).unwrap();
    store.sync().unwrap();
    store.set("a", 2).unwrap();
    drop(store);
    assert_eq!(Store::open(&path).unwrap().get_int("a").unwrap(), Some(2));

    // The next boot finds the file of another one.
    let about = dir.path().join("durable/about");
    let text = fs::read_to_string(&about).unwrap().replace("boot=", "boot=another");
    fs::write(&about, text).unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!((store.get_int("a").unwrap(), store.strategy()), (Some(1), Strategy::BestFit));
    // Or none, as in a runtime directory.
    fs::remove_dir_all(dir.path().join("durable")).unwrap();
    assert_eq!(Store::open(&path).unwrap().get_int("a").unwrap(), Some(1));

    let brief = name(&dir, "brief");
    let store = Store::create(&brief, &StoreOptions::new()).unwrap();
    assert!(matches!(store.sync(), Err(Error::Invalid { .. })));
    let about = dir.path().join("brief/about");
    let text = fs::read_to_string(&about).unwrap().replace("boot=", "boot=another");
    fs::write(&about, text).unwrap();
    assert!(matches!(Store::open(&brief), Err(Error::Absent { .. })));

    Store::destroy(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(Error::Absent { .. })));
    assert!(matches!(Store::destroy(&path), Err(Error::Absent { .. })));
}

#[test]
fn existing_absent_newer_and_foreign() {
    let dir = tempfile::tempdir().unwrap();
    let path = name(&dir, "store");
    assert!(matches!(Store::open(&path), Err(Error::Absent { .. })));
    Store::create(&path, &StoreOptions::new()).unwrap();
    assert!(matches!(Store::create(&path, &StoreOptions::new()), Err(Error::Exists { .. })));
    Store::open_or_create(&path, &StoreOptions::new()).unwrap();
    let reader = Store::attach(&path).unwrap();
    assert!(matches!(reader.set("a", 1), Err(Error::ReadOnly)));

    let about = dir.path().join("store/about");
    let text = fs::read_to_string(&about).unwrap();
    fs::write(&about, text.replace("format=1", "format=2")).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 2, known: 1, .. }), "{error}");
    fs::write(&about, "hello").unwrap();
    assert!(matches!(Store::open(&path), Err(Error::Foreign { .. })));
    for wrong in ["", ".", "..", ".hidden", "a\0b"] {
        assert!(matches!(Store::open(wrong), Err(Error::Invalid { .. })), "{wrong}");
    }
    // Nothing is left of what was made on the way.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn an_image_passes_from_one_strategy_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&name(&dir, "one"), &StoreOptions::new().strategy(Strategy::Pool)).unwrap();
    store.load((0..3_000).map(|number| (format!("k{number}"), number as i64))).unwrap();
    store
        .batch(|batch| {
            batch.create_array("array", Kind::String)?;
            batch.array("array", |array, space| array.resize(space, 100, "x".into()))?;
            batch.create_table("table", vec![Column::new("id", Kind::Int)], &[("id", true)])?;
            batch.table("table", |table, space| {
                table.insert(space, &[("id", 5.into())])?;
                let last = table.insert(space, &[("id", 6.into())])?;
                table.delete(space, last)
            })
        })
        .unwrap();
    let image = dir.path().join("image");
    store.backup(&image).unwrap();
    for strategy in Strategy::ALL {
        let options = StoreOptions::new().strategy(strategy);
        let copy = Store::restore(&name(&dir, &format!("{strategy:?}")), &image, Some(&options)).unwrap();
        assert_eq!(copy.entries().unwrap(), store.entries().unwrap());
        assert_eq!(copy.check().unwrap(), Vec::<String>::new());
        let row =
            copy.batch(|batch| batch.table("table", |table, space| table.insert(space, &[("id", 6.into())])));
        assert_eq!(row.unwrap(), 3, "the number of a deleted row is not given again");
    }
}

//! The segment of a store shows what the log has: after every commit, by whomever; and nothing depends on it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cms::model::{Draft, Name, Package, SectionId, Selector, TypeName, Value};
use cms::{Error, Options, Reader, SegmentBound, Store};
use cms_segment::{Root, Snapshot as Mapped, Value as Entry};
use proptest::prelude::*;
use support::{Home, NETWORK, commit, key, package, set};

/// What the segment shows of a package: sections with their options, in order.
type Shown = Vec<(String, String, Vec<(String, Value)>)>;

fn shown(mapped: &Mapped, name: &str) -> Shown {
    let Some(sections) = mapped.group(name.as_bytes()).unwrap() else { return Vec::new() };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    sections
        .iter()
        .map(|section| {
            let (leaf, entry) = section.unwrap();
            let Entry::Bytes(entry) = entry else { panic!("a section is {entry:?}") };
            let id = entry.iter().take_while(|byte| **byte >= 0x80).count() + 1;
            let path = [name.as_bytes(), b".", leaf].concat();
            let options = mapped.group(&path).unwrap().map(|group| {
                group
                    .iter()
                    .map(|option| {
                        let (option, value) = option.unwrap();
                        (text(option), value_of(&value))
                    })
                    .collect()
            });
            (text(leaf), text(&entry[id..]), options.unwrap_or_default())
        })
        .collect()
}

fn value_of(entry: &Entry<'_>) -> Value {
    match entry {
        Entry::String(bytes) => Value::Scalar(bytes.to_vec()),
        Entry::Array(array) => Value::List(
            array
                .iter()
                .map(|item| match item.unwrap() {
                    cms_segment::Scalar::String(bytes) => bytes.to_vec(),
                    other => panic!("an item is {other:?}"),
                })
                .collect(),
        ),
        other => panic!("an option is {other:?}"),
    }
}

fn expected(package: &Package) -> Shown {
    package
        .sections()
        .map(|section| {
            let leaf = section.name().map_or_else(|| format!("@{:x}", section.id().0), str::to_owned);
            let options =
                section.options().into_iter().map(|(name, value)| (name.to_string(), value)).collect();
            (leaf, section.kind().to_owned(), options)
        })
        .collect()
}

fn attach(home: &Home) -> Mapped {
    Root::attach(&home.location().run().join("segment")).unwrap().snapshot().unwrap()
}

fn compare(home: &Home, store: &Store) {
    let snapshot = store.snapshot().unwrap();
    let mapped = attach(home);
    for name in snapshot.packages() {
        assert_eq!(shown(&mapped, name), expected(&snapshot.package(name).unwrap()), "{name}");
    }
    assert!(mapped.group(b"nothing").unwrap().is_none());
    let text: u64 = snapshot.packages().map(|name| snapshot.package(name).unwrap().text_len()).sum();
    assert_eq!(noted_text(home), text as i64);
}

/// Does one of the things that can be done to a package; what is not possible is left.
fn edit(draft: &mut Draft, what: u8, which: usize, other: usize) {
    let ids: Vec<SectionId> = draft.package().sections().map(|section| section.id()).collect();
    let nth = |index: usize| Selector::Nth { kind: None, index: (index % ids.len().max(1)) as i64 };
    let name = |prefix: &str, number: usize| Name::new(&format!("{prefix}{}", number % 7)).unwrap();
    let option = name("o", other);
    let done = match what % 12 {
        0 | 1 => draft.set_option(&nth(which), &option, Value::scalar(format!("v{which}"))).map(drop),
        2 => draft.add_list(&nth(which), &option, format!("i{other}").as_bytes()).map(drop),
        3 => draft.del_list(&nth(which), &option, format!("i{other}").as_bytes()).map(drop),
        4 => draft.delete_option(&nth(which), &option).map(drop),
        5 => draft.add(&TypeName::new(&format!("t{}", which % 3)).unwrap()).map(drop),
        6 => {
            let kind = TypeName::new(&format!("t{}", which % 3)).unwrap();
            let options = vec![(name("o", 1), Value::scalar("1")), (name("o", 2), Value::list(["a", "b"]))];
            draft.add_section(&kind, Some(name("s", other)), options).map(drop)
        }
        7 => draft.delete_section(&nth(which)).map(drop),
        8 => draft.rename_section(&nth(which), &name("s", other)).map(drop),
        9 => draft.rename_option(&nth(which), &option, &name("o", other + 1 + which % 3)).map(drop),
        10 => draft.reorder(&nth(which), (other % ids.len().max(1)) as i64).map(drop),
        _ => draft.set_type(&nth(which), &TypeName::new(&format!("t{}", other % 3)).unwrap()).map(drop),
    };
    let _ = done;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn it_shows_what_commits_make(
        commits in prop::collection::vec(prop::collection::vec((any::<u8>(), 0..40_usize, 0..40_usize), 1..8), 1..12),
        other_process in any::<bool>(),
    ) {
        let home = Home::new(&[("network", NETWORK)]);
        let (store, second) = (home.open(), home.open());
        store.snapshot().unwrap().map();
        for (round, edits) in commits.into_iter().enumerate() {
            let by = if other_process && round % 2 == 1 { &second } else { &store };
            let mut tx = by.transaction().unwrap();
            let draft = tx.draft(&package("network")).unwrap();
            for (what, which, other) in edits {
                edit(draft, what, which, other);
            }
            tx.commit().unwrap();
            compare(&home, by);
        }
    }
}

#[test]
fn packages_come_and_go() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap().map();
    let mut tx = store.transaction().unwrap();
    let draft = tx.create_package(&package("dhcp")).unwrap();
    draft
        .add_section(
            &TypeName::new("pool").unwrap(),
            None,
            vec![(Name::new("start").unwrap(), Value::scalar("100"))],
        )
        .unwrap();
    tx.commit_and_wait_files().unwrap();
    compare(&home, &store);
    assert_eq!(
        Reader::open(&home.location()).unwrap().get(&key("dhcp.@pool[0].start")),
        Some(Value::scalar("100"))
    );
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("network")).unwrap();
    tx.replace_text(&package("dhcp"), b"config pool 'a'\n\toption b 'c'\n").unwrap();
    tx.commit_and_wait_files().unwrap();
    compare(&home, &store);
    assert!(shown(&attach(&home), "network").is_empty());
}

#[test]
fn an_edit_by_others_is_never_hidden() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap().map();
    let read = || Reader::open(&home.location()).unwrap().get(&key("network.lan.mtu"));
    assert_eq!(read(), Some(Value::scalar("1500")));
    home.write("network", &NETWORK.replace("1500", "1501"));
    assert_eq!(read(), None, "the segment is not current: the store is to be asked");
    store.snapshot().unwrap();
    assert_eq!(read(), Some(Value::scalar("1501")));
    compare(&home, &store);
}

#[test]
fn it_is_built_anew_when_it_is_missing_or_damaged_or_of_another_log() {
    let home = Home::new(&[("network", NETWORK)]);
    let directory = home.location().run().join("segment");
    let store = home.open();
    store.snapshot().unwrap().map();
    let look = |why: &str| {
        let store = home.open();
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.get(&key("network.lan.mtu")).unwrap(), Some(Value::scalar("1500")), "{why}");
        compare(&home, &store);
    };
    fs::remove_dir_all(home.location().run()).unwrap();
    // One that had it open goes on.
    commit(&store, "network.lan.proto", "dhcp").unwrap();
    look("the runtime directory was removed");
    for is_root in [false, true] {
        let mut files = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path());
        let path = files.find(|path| path.ends_with("root") == is_root).unwrap();
        let length = fs::metadata(&path).unwrap().len() as usize;
        fs::remove_file(&path).unwrap();
        fs::write(&path, vec![0x5a; length]).unwrap();
        look("a file holds something else");
    }
    fs::write(directory.join("root"), b"").unwrap();
    look("the root is empty");
    fs::remove_dir_all(home.state()).unwrap();
    look("the log is another one");
}

#[test]
fn one_of_an_earlier_boot_is_not_believed() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap().map();
    let root = home.location().run().join("segment").join("root");
    let mut bytes = fs::read(&root).unwrap();
    assert!(Reader::open(&home.location()).is_some());
    // Another boot's digest, and the check over it.
    bytes[16] ^= 1;
    let check = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&check.to_le_bytes());
    fs::write(&root, bytes).unwrap();
    assert!(Reader::open(&home.location()).is_none());
    let store = home.open();
    store.snapshot().unwrap().map();
    compare(&home, &store);
    assert!(Reader::open(&home.location()).is_some());
}

#[test]
fn a_snapshot_reads_one_state_while_commits_go_on() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let before = store.snapshot().unwrap();
    assert_eq!(before.get(&key("network.lan.mtu")).unwrap(), Some(Value::scalar("1500")));
    commit(&store, "network.lan.mtu", "1400").unwrap();
    assert_eq!(before.get(&key("network.lan.mtu")).unwrap(), Some(Value::scalar("1500")));
    assert_eq!(before.get(&key("network.@route[0].target")).unwrap(), Some(Value::scalar("10.0.0.0/8")));
    assert_eq!(before.get(&key("network.lan.dns")).unwrap(), Some(Value::list(["1.1.1.1"])));
    assert_eq!(before.get(&key("network.lan")).unwrap(), Some(Value::scalar("interface")));
    assert_eq!(before.get(&key("network.lan.none")).unwrap(), None);
    assert!(before.get(&key("none.lan.none")).unwrap_err().is_not_found());
    assert_eq!(store.snapshot().unwrap().get(&key("network.lan.mtu")).unwrap(), Some(Value::scalar("1400")));
}

#[test]
fn a_bound_key_follows_commits_of_other_handles() {
    let home = Home::new(&[("network", NETWORK)]);
    let (store, other) = (home.open(), home.open());
    let mut mtu = store.bind::<u16>(&key("network.lan.mtu")).unwrap();
    assert_eq!(mtu.get().unwrap(), Some(&1500));
    assert!(!mtu.changed().unwrap());
    commit(&other, "network.lan.proto", "dhcp").unwrap();
    assert!(!mtu.changed().unwrap(), "another option changed");
    commit(&other, "network.lan.mtu", "1400").unwrap();
    assert!(mtu.changed().unwrap() && !mtu.changed().unwrap());
    assert_eq!(mtu.get().unwrap(), Some(&1400));
    commit(&other, "network.lan.mtu", "lots").unwrap();
    for _ in 0..2 {
        assert!(mtu.get().unwrap_err().to_string().contains("network.lan.mtu"));
    }
    assert!(mtu.changed().is_err());
    commit(&other, "network.lan.mtu", "1450").unwrap();
    assert_eq!(mtu.get().unwrap(), Some(&1450));
    fs::remove_dir_all(home.location().run()).unwrap();
    commit(&other, "network.lan.mtu", "1300").unwrap();
    let mut again = store.bind::<u16>(&key("network.lan.mtu")).unwrap();
    assert_eq!(again.get().unwrap(), Some(&1300));
    assert!(store.bind::<u16>(&key("network.wan.mtu")).is_err_and(|error| error.is_not_found()));
}

#[test]
fn a_package_that_not_everybody_may_read_lies_apart() {
    let home =
        Home::new(&[("network", NETWORK), ("secret", "config key 'k'\n\toption value 'hidden-word'\n")]);
    let path = home.config().join("secret");
    let modes = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let exposed = || {
        let files = fs::read_dir(home.location().run().join("segment")).unwrap();
        let mut open = files
            .map(|file| file.unwrap().path())
            .filter(|path| fs::metadata(path).unwrap().permissions().mode() & 0o044 != 0);
        open.any(|path| fs::read(path).unwrap().windows(11).any(|bytes| bytes == b"hidden-word"))
    };
    modes(0o600);
    let store = home.open();
    let read = |store: &Store| store.snapshot().unwrap().get(&key("secret.k.value")).unwrap();
    assert_eq!(read(&store), Some(Value::scalar("hidden-word")));
    assert!(!exposed());
    compare(&home, &store);
    // Published, and withdrawn again.
    modes(0o644);
    assert_eq!(read(&home.open()), Some(Value::scalar("hidden-word")));
    modes(0o600);
    assert_eq!(read(&home.open()), Some(Value::scalar("hidden-word")));
    assert!(!exposed());
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "secret.k.value", "hidden-word-2");
    tx.commit_and_wait_files().unwrap();
    assert!(!exposed());
    compare(&home, &home.open());
}

#[test]
fn a_full_runtime_directory_hinders_nobody() {
    let home = Home::new(&[("network", NETWORK)]);
    let run = home.location().run().parent().unwrap().to_owned();
    fs::create_dir_all(&run).unwrap();
    for size in [4096, 16_384, 32_768, 65_536, 131_072] {
        let Some(_mount) = cms_testkit::Mount::tmpfs(&run, size) else {
            eprintln!("this user may not mount");
            return;
        };
        let store = home.open();
        for round in 0..40 {
            let value = format!("{size}-{round}-{}", "x".repeat(400));
            commit(&store, "network.lan.descr", &value).unwrap();
            let now = home.open().snapshot().unwrap().get(&key("network.lan.descr")).unwrap();
            assert_eq!(now, Some(Value::scalar(value)), "{size} bytes, round {round}");
        }
    }
}

/// A store whose packages may have `limit` bytes of text to have a segment.
fn open_with(home: &Home, limit: u64) -> Store {
    Store::open(&home.location(), Options { segment_limit: Some(limit), ..Options::default() }).unwrap()
}

fn has_segment(home: &Home) -> bool {
    home.location().run().join("segment").exists()
}

/// What the segment notes as the length of all texts.
fn noted_text(home: &Home) -> i64 {
    match attach(home).get_in(b"", b"\x01text").unwrap() {
        Some(Entry::Int(text)) => text,
        other => panic!("the length is {other:?}"),
    }
}

#[test]
fn beyond_the_limit_there_is_none_and_everything_works() {
    let home = Home::new(&[("network", NETWORK)]);
    let limit = NETWORK.len() as u64 + 100;
    let store = open_with(&home, limit);
    store.snapshot().unwrap().map();
    compare(&home, &store);

    let long = "x".repeat(200);
    commit(&store, "network.lan.descr", &long).unwrap();
    assert!(!has_segment(&home), "a commit beyond the limit takes it away");
    assert!(Reader::open(&home.location()).is_none());
    for store in [&store, &open_with(&home, limit)] {
        let snapshot = store.snapshot().unwrap();
        snapshot.map();
        assert_eq!(snapshot.get(&key("network.lan.descr")).unwrap(), Some(Value::scalar(long.clone())));
        assert!(!has_segment(&home), "nobody builds it");
        let Err(Error::Unmapped { text, limit: told, bound }) = store.memory() else {
            panic!("it is not said why there is none");
        };
        assert_eq!((text, told, bound), (home.read("network").len() as u64, limit, SegmentBound::Setting));
    }
    commit(&store, "network.lan.mtu", "1492").unwrap();
    assert!(home.read("network").contains("mtu '1492'"));
    assert!(!has_segment(&home));
}

#[test]
fn it_comes_back_when_the_packages_shrink() {
    let home = Home::new(&[("network", NETWORK)]);
    let limit = NETWORK.len() as u64 + 100;
    let (store, other) = (open_with(&home, limit), open_with(&home, limit));
    store.snapshot().unwrap().map();
    commit(&store, "network.lan.descr", &"x".repeat(200)).unwrap();
    assert!(!has_segment(&home));
    commit(&other, "network.lan.descr", "short").unwrap();
    assert!(has_segment(&home));
    compare(&home, &store);
    assert!(Reader::open(&home.location()).is_some());
}

#[test]
fn the_limit_is_for_all_packages_together() {
    let home = Home::new(&[("network", NETWORK)]);
    let limit = 2 * NETWORK.len() as u64 + 20;
    let store = open_with(&home, limit);
    store.snapshot().unwrap().map();
    let add = |name: &str| {
        let mut tx = store.transaction().unwrap();
        tx.replace_text(&package(name), NETWORK.as_bytes()).unwrap();
        tx.commit_and_wait_files().unwrap();
    };
    add("second");
    assert!(has_segment(&home));
    assert_eq!(noted_text(&home), 2 * NETWORK.len() as i64);
    add("third");
    assert!(!has_segment(&home));
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("second")).unwrap();
    tx.commit_and_wait_files().unwrap();
    assert!(has_segment(&home));
    assert_eq!(noted_text(&home), 2 * NETWORK.len() as i64);
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("third")).unwrap();
    tx.commit_and_wait_files().unwrap();
    assert_eq!(noted_text(&home), NETWORK.len() as i64);
    compare(&home, &store);
}

#[test]
fn with_a_limit_of_nothing_there_never_is_one() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = open_with(&home, 0);
    let cut_short = home.location().run().join("segment");
    fs::create_dir_all(&cut_short).unwrap();
    fs::write(cut_short.join(".1"), "half of one").unwrap();
    store.snapshot().unwrap().map();
    assert!(!has_segment(&home));
    commit(&store, "network.lan.mtu", "1492").unwrap();
    assert!(!has_segment(&home));
    let mut bound = store.bind::<i64>(&key("network.lan.mtu")).unwrap();
    assert_eq!(bound.get().unwrap(), Some(&1492));
    commit(&store, "network.lan.mtu", "1400").unwrap();
    assert_eq!(bound.get().unwrap(), Some(&1400));
}

//! Transactions: all or nothing, their own view, conflicts, and what stays as it was.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use cms::model::{TypeName, Value};
use support::{Home, NETWORK, commit, get, key, name, now, package, section, set};

#[test]
fn the_first_use_imports_and_later_ones_read() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system\n\toption hostname 'gw'\n")]);
    let store = home.open();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.revision().unwrap().0, 1);
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1500"));
    assert_eq!(get(&snapshot, "system.@system[0].hostname").as_deref(), Some("gw"));
    assert_eq!(home.open().head().unwrap().0, 1, "a second use imports nothing");
}

#[test]
fn a_commit_changes_only_its_bytes() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let committed = commit(&store, "network.lan.mtu", "1492").unwrap();
    assert_eq!((committed.revision.0, committed.changes()), (2, 1));
    assert_eq!(home.read("network"), NETWORK.replace("'1500'", "'1492'"));
    assert_eq!(home.listing(), ["network"]);
    assert_eq!(now(&home.open(), "network.lan.mtu").as_deref(), Some("1492"));
}

#[test]
fn a_transaction_sees_itself_and_others_do_not() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "9000");
    let lan = section("lan");
    assert_eq!(
        tx.draft(&package("network")).unwrap().get(&lan, Some(&name("mtu"))),
        Some(Value::scalar("9000"))
    );
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1500"));
    drop(tx);
    assert_eq!(store.head().unwrap().0, 1);
}

#[test]
fn many_packages_are_one_commit() {
    let home =
        Home::new(&[("network", NETWORK), ("system", "config system 'main'\n\toption hostname 'gw'\n")]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1400");
    set(&mut tx, "system.main.hostname", "edge");
    tx.create_package(&package("dhcp"))
        .unwrap()
        .set_type(&section("lan"), &TypeName::new("dhcp").unwrap())
        .unwrap();
    let committed = tx.message("all three").commit_and_wait_files().unwrap();
    assert_eq!(committed.packages.len(), 3);
    assert_eq!(committed.revision.0, 2);
    assert!(home.read("dhcp").contains("config dhcp 'lan'"));
    assert!(home.read("system").contains("edge"));
}

#[test]
fn independent_changes_merge_and_the_same_option_conflicts() {
    let home = Home::new(&[("network", NETWORK)]);
    let (one, two) = (home.open(), home.open());
    let mut first = one.transaction().unwrap();
    let mut second = two.transaction().unwrap();
    let mut third = two.transaction().unwrap();
    set(&mut first, "network.lan.mtu", "1400");
    set(&mut second, "network.lan.proto", "dhcp");
    set(&mut third, "network.lan.mtu", "1300");
    first.commit_and_wait_files().unwrap();
    second.commit_and_wait_files().unwrap();
    let error = third.commit().unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(error.to_string().contains("network.lan.mtu"), "{error}");
    let snapshot = one.snapshot().unwrap();
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1400"));
    assert_eq!(get(&snapshot, "network.lan.proto").as_deref(), Some("dhcp"));
    assert_eq!(snapshot.revision().unwrap().0, 3);
}

#[test]
fn deleting_and_making_packages() {
    let home = Home::new(&[("network", NETWORK), ("old", "config a\n")]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("old")).unwrap();
    assert!(tx.create_package(&package("network")).unwrap_err().to_string().contains("network"));
    tx.commit_and_wait_files().unwrap();
    assert_eq!(home.listing(), ["network"]);
    assert!(!home.open().snapshot().unwrap().contains(&package("old")));
    let mut tx = store.transaction().unwrap();
    assert!(tx.draft(&package("old")).unwrap_err().is_not_found());
    tx.create_package(&package("old")).unwrap().add(&TypeName::new("b").unwrap()).unwrap();
    tx.commit_and_wait_files().unwrap();
    assert!(home.read("old").contains("config b"));
}

#[test]
fn nothing_to_do_makes_no_revision() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let committed = commit(&store, "network.lan.mtu", "1500").unwrap();
    assert!(committed.is_empty());
    assert_eq!(store.head().unwrap().0, 1);
    assert_eq!(home.read("network"), NETWORK);
}

#[test]
fn a_plan_changes_nothing_and_tells_all() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1400");
    let plan = tx.plan().unwrap();
    assert_eq!(plan.packages[0].1[0].key, "network.lan.mtu");
    assert_eq!(plan.packages[0].1[0].old, Some(Value::scalar("1500")));
    assert_eq!(store.head().unwrap().0, 1);
}

#[test]
fn threads_that_change_different_options_lose_nothing() {
    let sections: String = (0..8).map(|n| format!("config a 's{n}'\n\toption o '-'\n\n")).collect();
    let home = Home::new(&[("test", &sections)]);
    let store = home.open();
    store.snapshot().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = store.clone();
            scope.spawn(move || {
                for round in 0..20 {
                    commit(&store, &format!("test.s{thread}.o{round}"), &round.to_string()).unwrap();
                }
            });
        }
    });
    let snapshot = home.open().snapshot().unwrap();
    for thread in 0..8 {
        for round in 0..20 {
            let key = format!("test.s{thread}.o{round}");
            assert_eq!(get(&snapshot, &key), Some(round.to_string()), "{key}");
        }
    }
    assert_eq!(snapshot.revision().unwrap().0, 161);
    let text = home.read("test");
    assert_eq!(snapshot.package(&package("test")).unwrap().text(), text.as_bytes());
}

#[test]
fn a_snapshot_never_changes_and_old_ones_can_be_read() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let before = store.snapshot().unwrap();
    for round in 0..300 {
        let mut tx = store.transaction().unwrap();
        set(&mut tx, "network.lan.mtu", &(2000 + round).to_string());
        tx.commit().unwrap();
    }
    assert_eq!(get(&before, "network.lan.mtu").as_deref(), Some("1500"));
    for revision in [1, 2, 100, 129, 130, 257, 301] {
        let then = home.open().snapshot_at(cms::Revision(revision)).unwrap();
        let expected = if revision == 1 { 1500 } else { 2000 + revision - 2 };
        assert_eq!(get(&then, "network.lan.mtu"), Some(expected.to_string()), "at {revision}");
    }
    assert!(store.snapshot_at(cms::Revision(302)).err().unwrap().is_not_found());
    // The next use writes what was pending.
    home.open().snapshot().unwrap();
    assert!(home.read("network").contains("'2299'"));
}

#[test]
fn keys_that_are_not_there_are_named() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let error = store.blame(&key("network.wan")).unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("network.wan"), "{error}");
}

#[test]
fn a_look_at_one_file_does_not_leave_the_others_behind() {
    let home =
        Home::new(&[("network", NETWORK), ("system", "config system 'main'\n\toption hostname 'gw'\n")]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "system.main.hostname", "edge");
    tx.commit().unwrap();
    drop(store);

    let next = home.open();
    next.snapshot_of(Some(&[package("network")])).unwrap();
    next.snapshot().unwrap();
    assert!(home.read("system").contains("edge"), "{}", home.read("system"));
}

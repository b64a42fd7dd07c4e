//! Staged changes: durable, private, published once, and told when they are stale.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use cms::model::{TypeName, Value};
use cms::{CommitOptions, Store};
use support::{Home, NETWORK, commit, key, name, now, package, section};

fn stage(store: &Store, option: &str, value: &str) {
    let mut stage = store.stage().unwrap();
    let draft = stage.draft(&package("network")).unwrap();
    draft.set_option(&section("lan"), &name(option), Value::scalar(value)).unwrap();
    stage.save().unwrap();
}

#[test]
fn staged_changes_survive_and_are_not_seen_by_others() {
    let home = Home::new(&[("network", NETWORK)]);
    stage(&home.open(), "mtu", "1400");
    let store = home.open();
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1500"));
    let mut stage = store.stage().unwrap();
    let changes = stage.changes(&package("network")).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].key, "network.lan.mtu");
    let committed = stage.commit(None, &CommitOptions::default()).unwrap();
    assert_eq!(committed.changes(), 1);
    drop(stage);
    assert!(home.read("network").contains("'1400'"));
    assert!(store.stage().unwrap().packages().is_empty());
    assert!(store.stage().unwrap().commit(None, &CommitOptions::default()).unwrap().is_empty());
}

#[test]
fn a_new_section_keeps_the_name_it_was_shown_under() {
    let home = Home::new(&[("network", NETWORK)]);
    let shown = {
        let store = home.open();
        let mut stage = store.stage().unwrap();
        let draft = stage.draft(&package("network")).unwrap();
        let id = draft.add(&TypeName::new("route").unwrap()).unwrap();
        let shown = draft.display_name(id).unwrap();
        stage.save().unwrap();
        shown
    };
    // Somebody else adds a section meanwhile, which takes the place.
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    tx.draft(&package("network")).unwrap().add(&TypeName::new("rule").unwrap()).unwrap();
    tx.commit_and_wait_files().unwrap();
    let mut stage = store.stage().unwrap();
    let draft = stage.draft(&package("network")).unwrap();
    draft.set_option(&cms::model::Selector::Named(shown), &name("target"), Value::scalar("::/0")).unwrap();
    stage.save().unwrap();
    stage.commit(None, &CommitOptions::default()).unwrap();
    assert_eq!(now(&store, "network.@route[1].target").as_deref(), Some("::/0"));
    assert_eq!(now(&store, "network.@rule[0].target"), None);
}

#[test]
fn a_stale_stage_is_a_conflict_and_stays() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    stage(&store, "mtu", "1400");
    commit(&store, "network.lan.mtu", "1300").unwrap();
    let mut stage = store.stage().unwrap();
    let error = stage.commit(None, &CommitOptions::default()).unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(stage.packages(), [package("network")]);
    assert_eq!(stage.revert(&key("network")).unwrap(), 1);
    assert!(stage.packages().is_empty());
}

#[test]
fn revert_takes_back_what_it_names() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    stage(&store, "mtu", "1400");
    stage(&store, "proto", "dhcp");
    let mut held = store.stage().unwrap();
    assert_eq!(held.revert(&key("network.lan.mtu")).unwrap(), 1);
    assert_eq!(held.revert(&key("network.lan.metric")).unwrap(), 0);
    drop(held);
    let mut held = home.open().stage().unwrap();
    let changes = held.changes(&package("network")).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].key, "network.lan.proto");
}

#[test]
fn one_package_can_be_committed_alone() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 's'\n")]);
    let store = home.open();
    stage(&store, "mtu", "1400");
    let mut held = store.stage().unwrap();
    let draft = held.draft(&package("system")).unwrap();
    draft.set_option(&section("s"), &name("hostname"), Value::scalar("gw")).unwrap();
    held.save().unwrap();
    held.commit(Some(&package("system")), &CommitOptions::default()).unwrap();
    assert_eq!(held.packages(), [package("network")]);
    drop(held);
    assert_eq!(home.open().stage().unwrap().packages(), [package("network")]);
    assert!(home.read("network").contains("'1500'"));
}

#[test]
fn what_was_published_before_the_clean_up_is_not_published_again() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut held = store.stage().unwrap();
    held.draft(&package("network")).unwrap().add(&TypeName::new("route").unwrap()).unwrap();
    held.save().unwrap();
    let user = rustix::process::geteuid().as_raw().to_string();
    let file = home.location().state().join("stage").join(user).join("stage");
    let kept = std::fs::read(&file).unwrap();
    held.commit(None, &CommitOptions::default()).unwrap();
    drop(held);
    std::fs::write(&file, kept).unwrap();
    let mut held = home.open().stage().unwrap();
    assert!(held.packages().is_empty());
    assert!(held.commit(None, &CommitOptions::default()).unwrap().is_empty());
    let network = home.open().snapshot().unwrap().package(&package("network")).unwrap();
    assert_eq!(network.sections().filter(|section| section.kind() == "route").count(), 2);
}

#[test]
fn a_cut_tail_is_dropped_and_damage_is_named() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    stage(&store, "mtu", "1400");
    stage(&store, "proto", "dhcp");
    let user = rustix::process::geteuid().as_raw().to_string();
    let file = home.location().state().join("stage").join(user).join("stage");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    assert_eq!(store.stage().unwrap().raw_changes(&package("network")).len(), 1);
    let mut damaged = whole.clone();
    damaged[30] ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    let error = store.stage().err().unwrap();
    assert!(error.to_string().contains("byte 16"), "{error}");
    for length in 0..whole.len() {
        std::fs::write(&file, &whole[..length]).unwrap();
        store.stage().unwrap();
    }
}

//! History, blame, diff, rollback and undo.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use cms::{CommitOptions, HistoryQuery, Revision};
use support::{Home, NETWORK, commit, get, key, now, package, set};

fn options() -> CommitOptions {
    CommitOptions::default()
}

#[test]
fn a_rollback_restores_the_exact_bytes() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    let mut tx = store.transaction().unwrap();
    tx.replace_text(&package("network"), b"config interface 'wan' # all new\n").unwrap();
    tx.commit_and_wait_files().unwrap();
    let committed = store.rollback(Revision(1), None, &options()).unwrap();
    assert_eq!(committed.revision.0, 4);
    assert_eq!(home.read("network"), NETWORK);
    assert!(store.rollback(Revision(1), None, &options()).unwrap().is_empty());
}

#[test]
fn a_rollback_of_one_option_leaves_the_others() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    commit(&store, "network.lan.proto", "dhcp").unwrap();
    store.rollback(Revision(1), Some(&key("network.lan.mtu")), &options()).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1500"));
    assert_eq!(get(&snapshot, "network.lan.proto").as_deref(), Some("dhcp"));
}

#[test]
fn undo_reverses_only_its_commits() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    commit(&store, "network.lan.proto", "dhcp").unwrap();
    store.undo(Revision(2)..=Revision(2), &options()).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1500"));
    assert_eq!(get(&snapshot, "network.lan.proto").as_deref(), Some("dhcp"));
    commit(&store, "network.lan.proto", "ppp").unwrap();
    let error = store.undo(Revision(3)..=Revision(3), &options()).unwrap_err();
    assert!(error.is_conflict(), "{error}");
    store.undo(Revision(2)..=store.head().unwrap(), &options()).unwrap();
    assert_eq!(home.read("network"), NETWORK);
}

#[test]
fn undoing_twice_changes_nothing_the_second_time() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    commit(&store, "network.lan.proto", "dhcp").unwrap();
    assert_eq!(store.undo(Revision(2)..=Revision(2), &options()).unwrap().changes(), 1);
    assert!(store.undo(Revision(2)..=Revision(2), &options()).unwrap().is_empty());
}

#[test]
fn history_follows_a_key_through_renames() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    let mut tx = store.transaction().unwrap();
    let draft = tx.draft(&package("network")).unwrap();
    draft.rename_section(&support::section("lan"), &support::name("home")).unwrap();
    tx.message("a better name").commit().unwrap();
    commit(&store, "network.home.mtu", "1300").unwrap();
    let query = |text: &str| {
        let query = HistoryQuery { key: Some(key(text)), ..HistoryQuery::default() };
        store.history(&query).unwrap()
    };
    let entries = query("network.home.mtu");
    let keys: Vec<&str> = entries.iter().map(|entry| entry.changes[0].key.as_str()).collect();
    assert_eq!(keys, ["network.home.mtu", "network.lan.mtu", "network.lan.mtu"]);
    assert_eq!(query("network.home")[1].message, "a better name");
    assert_eq!(query("network")[..].len(), 4);
    let limited = HistoryQuery { limit: Some(2), ..HistoryQuery::default() };
    assert_eq!(store.history(&limited).unwrap().len(), 2);
}

#[test]
fn blame_names_the_commit_of_each_option() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1400");
    tx.message("tunnel").author("alice").commit().unwrap();
    let lines = store.blame(&key("network.lan")).unwrap();
    let of = |wanted: &str| {
        let line = lines.iter().find(|line| line.key == wanted).unwrap();
        line.commit.clone().unwrap()
    };
    assert_eq!(of("network.lan.mtu").author, "alice");
    assert_eq!(of("network.lan.mtu").message, "tunnel");
    assert_eq!(of("network.lan.proto").author, "external");
    assert_eq!(of("network.lan").revision, Revision(1));
}

#[test]
fn diff_between_revisions() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system\n")]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    commit(&store, "network.lan.metric", "5").unwrap();
    let diffs = store.diff(Revision(1), Revision(3), None).unwrap();
    assert_eq!(diffs.len(), 1);
    assert_eq!(diffs[0].changes.len(), 2);
    let back = store.diff(Revision(3), Revision(1), Some(&key("network.lan.metric"))).unwrap();
    assert_eq!(back[0].changes.len(), 1);
    assert!(store.diff(Revision(2), Revision(2), None).unwrap().is_empty());
}

#[test]
fn retention_forgets_old_commits_and_keeps_the_state() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    for round in 0..200 {
        let mut tx = store.transaction().unwrap();
        set(&mut tx, "network.lan.mtu", &(1000 + round).to_string());
        tx.commit().unwrap();
    }
    let given_up = store.retain(cms::Retention { commits: Some(10), ..Default::default() }).unwrap();
    assert!(given_up > 100, "{given_up}");
    let store = home.open();
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1199"));
    assert!(store.snapshot_at(Revision(5)).err().unwrap().is_not_found());
    let then = store.snapshot_at(Revision(store.head().unwrap().0 - 5)).unwrap();
    assert_eq!(get(&then, "network.lan.mtu").as_deref(), Some("1194"));
    commit(&store, "network.lan.mtu", "1").unwrap();
    let findings = store.doctor(&mut |_, _, _| {}).unwrap();
    assert!(findings.iter().all(|found| found.severity < cms::FindingSeverity::Warning), "{findings:?}");
    let blame = store.blame(&key("network.lan.proto")).unwrap();
    assert!(blame[0].commit.is_none());
}

/// Commits without waiting for the file.
fn quickly(store: &cms::Store, text: &str, value: &str) {
    let mut tx = store.transaction().unwrap();
    set(&mut tx, text, value);
    tx.commit().unwrap();
}

/// What the changes of all commits say happened at an option, the newest first.
fn told(all: &[cms::HistoryEntry], option: &str) -> Vec<Revision> {
    let at = |entry: &&cms::HistoryEntry| entry.changes.iter().any(|change| change.key == option);
    all.iter().filter(at).map(|entry| entry.revision).collect()
}

#[test]
fn the_history_of_a_key_is_that_of_all_keys_with_the_rest_left_out() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 'main'\n")]);
    let store = home.open();
    let options = ["network.lan.mtu", "network.lan.proto", "network.lan.rare", "system.main.zone"];
    for round in 0..700 {
        let option = match round {
            5 | 300 | 690 => options[2],
            _ if round % 100 == 3 => options[3],
            _ => options[round % 2],
        };
        quickly(&store, option, &format!("{round}"));
    }
    drop(store);
    let store = home.open();
    let all = store.history(&HistoryQuery::default()).unwrap();
    for option in options {
        let query = HistoryQuery { key: Some(key(option)), ..Default::default() };
        let revisions = |query: &HistoryQuery| -> Vec<Revision> {
            store.history(query).unwrap().iter().map(|entry| entry.revision).collect()
        };
        let mut expected = told(&all, option);
        let newest = *expected.first().unwrap();
        assert_eq!(
            store.blame(&key(option)).unwrap()[0].commit.as_ref().unwrap().revision,
            newest,
            "{option}"
        );
        let found = revisions(&query);
        // The import made the whole package, with the options that were there.
        assert_eq!(found[..expected.len()], expected, "{option}");
        assert!(found.len() <= expected.len() + 1, "{option}: {found:?}");
        expected.truncate(2);
        assert_eq!(revisions(&HistoryQuery { limit: Some(2), ..query.clone() }), expected, "{option}");
        let upto = HistoryQuery { until: Some(Revision(newest.0 - 1)), since: Some(Revision(1)), ..query };
        let older: Vec<Revision> = told(&all, option).into_iter().skip(1).collect();
        assert_eq!(revisions(&upto), older, "{option}");
    }
    // Of a whole package each line is as it is of its key.
    for line in store.blame(&key("network")).unwrap().iter().filter(|line| line.key.contains(".lan.")) {
        let alone = store.blame(&key(&line.key)).unwrap();
        let revision = |line: &cms::BlameLine| line.commit.as_ref().map(|commit| commit.revision);
        assert_eq!(revision(line), revision(&alone[0]), "{}", line.key);
    }
}

#[test]
fn a_rollback_far_back_restores_the_exact_bytes_too() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 'main'\n")]);
    let store = home.open();
    commit(&store, "system.main.zone", "y").unwrap();
    for round in 0..1100 {
        quickly(&store, "network.lan.mtu", &round.to_string());
    }
    let before = home.read("system");
    let text = store.snapshot_at(Revision(600)).unwrap().package(&package("network")).unwrap().text();
    for to in [Revision(600), Revision(2)] {
        let done = store.rollback(to, None, &options()).unwrap();
        assert_eq!(done.packages.len(), 1, "the other one is as it was");
        assert_eq!(home.read("system"), before);
        if to == Revision(600) {
            assert_eq!(home.read("network").into_bytes(), text);
        }
    }
    assert_eq!(home.read("network"), NETWORK);
}

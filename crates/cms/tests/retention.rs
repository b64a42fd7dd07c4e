//! What a log gives up by itself, and what it keeps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use cms::{Confirm, Notice, Pattern, Retention, Revision, Store};
use support::{Home, NETWORK, commit, now, set};

/// How long a test waits for what happens in the background.
const PATIENCE: Duration = Duration::from_secs(20);

fn few(commits: u64) -> Retention {
    Retention { commits: Some(commits), ..Retention::default() }
}

/// Makes so many commits to one option.
fn many(store: &Store, count: u64) {
    for number in 0..count {
        let mut tx = store.transaction().unwrap();
        set(&mut tx, "network.lan.mtu", &format!("{number}"));
        tx.commit().unwrap();
    }
}

fn can_read(store: &Store, revision: u64) -> bool {
    store.snapshot_at(Revision(revision)).is_ok()
}

/// Goes on committing until the state of a revision is given up; answers whether it was in time.
fn is_given_up(store: &Store, revision: u64) -> bool {
    let start = Instant::now();
    while can_read(store, revision) {
        if start.elapsed() > PATIENCE {
            return false;
        }
        many(store, 64);
    }
    true
}

#[test]
fn a_log_gives_up_by_itself_what_its_retention_does_not_ask_for() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.set_retention(Some(few(300))).unwrap();
    many(&store, 1000);
    assert!(is_given_up(&store, 5));
    drop(store);
    let store = home.open();
    assert_eq!(store.retention().unwrap(), few(300), "it is kept in the log");
    let head = store.head().unwrap().0;
    assert!(can_read(&store, head - 300), "what it asks for is there");
    let last = now(&store, "network.lan.mtu").unwrap();
    commit(&store, "network.lan.proto", "dhcp").unwrap();
    assert_eq!(now(&store, "network.lan.mtu"), Some(last));
    let findings = store.doctor(&mut |_, _, _| {}).unwrap();
    assert!(findings.iter().all(|found| found.severity < cms::FindingSeverity::Warning), "{findings:?}");
}

#[test]
fn a_log_keeps_a_hundred_thousand_commits_where_nobody_says_otherwise() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    assert_eq!(store.retention().unwrap(), Retention::STANDARD);
    many(&store, 800);
    drop(store);
    let store = home.open();
    assert!(can_read(&store, 0) && can_read(&store, 1));
}

#[test]
fn what_is_young_is_kept_however_much_it_is() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let month = Some(30 * 24 * 3600 * 1_000_000);
    store.set_retention(Some(Retention { age_us: month, ..few(10) })).unwrap();
    many(&store, 1200);
    drop(store);
    let store = home.open();
    assert!(can_read(&store, 1));
    // And an age alone gives up what is older than it.
    store.set_retention(Some(Retention { age_us: Some(1), ..Retention::default() })).unwrap();
    assert!(is_given_up(&store, 5));
}

#[test]
fn the_size_forces_even_young_commits_out() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.set_retention(Some(Retention { bytes: Some(256 << 10), ..Retention::STANDARD })).unwrap();
    many(&store, 3000);
    assert!(is_given_up(&store, 5));
    // Now at once, and below what was asked for.
    store.retain(Retention { bytes: Some(128 << 10), ..Retention::STANDARD }).unwrap();
    assert!(!can_read(&store, store.head().unwrap().0 / 2));
    assert!(now(&store, "network.lan.mtu").is_some());
}

#[test]
fn what_awaits_confirmation_can_always_be_rolled_back() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    many(&store, 20);
    store.set_retention(Some(few(10))).unwrap();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.proto", "dhcp");
    let confirm = Confirm { volatile: true, ..Confirm::within(Duration::from_secs(3600)) };
    let armed = tx.confirm(confirm).commit().unwrap();
    let restore = armed.armed.unwrap().restore();
    many(&store, 1500);
    drop(store);
    let store = home.open();
    assert!(can_read(&store, restore.0), "the restore point");
    store.cancel(None).unwrap();
    assert_eq!(now(&store, "network.lan.proto").as_deref(), Some("static"));
}

#[test]
fn a_cursor_holds_back_what_it_has_not_seen_up_to_a_quota() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    many(&store, 20);
    store.cursor("slow").unwrap().acknowledge(Revision(10)).unwrap();
    store.set_retention(Some(few(10))).unwrap();
    many(&store, 1200);
    drop(store);
    let store = home.open();
    assert!(can_read(&store, 10));
    store.set_retention(Some(Retention { unacknowledged: Some(300), ..few(10) })).unwrap();
    assert!(is_given_up(&store, 10));
    let mut watch = store.watch([Pattern::new("network.**").unwrap()], Some(Revision(10))).unwrap();
    let Some(Notice::Compacted { after, resume }) = watch.next(Some(PATIENCE)).unwrap() else {
        panic!("silence");
    };
    assert_eq!(after, Revision(10));
    assert!(can_read(&store, resume.0), "a state to go on from");
}

/// The log's path is taken away, so nothing that opens it anew succeeds; whoever has it open goes on.
#[test]
fn what_fails_in_the_background_fails_no_commit() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.set_retention(Some(few(10))).unwrap();
    many(&store, 200);
    let log = home.location().log();
    let away = log.with_extension("away");
    std::fs::rename(&log, &away).unwrap();
    for number in 0..400 {
        let committed = commit(&store, "network.lan.mtu", &format!("x{number}")).unwrap();
        assert!(!committed.is_empty());
    }
    std::fs::rename(&away, &log).unwrap();
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("x399"));
    assert!(can_read(&store, 5), "nothing was given up");
    assert!(is_given_up(&store, 5), "it is tried again");
}

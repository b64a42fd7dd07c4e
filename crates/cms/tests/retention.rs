//! What a log gives up by itself, and what it keeps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use cms::{CommitOptions, Confirm, HistoryQuery, Notice, Pattern, Retention, Revision, Store, WouldRetain};
use support::{Home, NETWORK, commit, get, key, now, package, set};

const MTU: &str = "network.lan.mtu";

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

/// A commit whose value is its revision.
fn step(store: &Store) -> Revision {
    let mut tx = store.transaction().unwrap();
    let next = store.head().unwrap().next();
    set(&mut tx, MTU, &next.to_string());
    let committed = tx.message(format!("step {next}")).commit().unwrap();
    assert_eq!(committed.revision, next);
    next
}

fn steps(store: &Store, count: u64) -> Revision {
    for _ in 0..count {
        step(store);
    }
    store.head().unwrap()
}

/// The store with so many commits after the import, which is revision 1.
fn stepped(count: u64) -> (Home, Store) {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    steps(&store, count);
    assert_eq!(store.head().unwrap().0, count + 1);
    (home, store)
}

#[track_caller]
fn compacted(error: &cms::Error, first: Revision) {
    assert_eq!(error.first_kept(), Some(first), "{error:?}");
    assert!(error.is_not_found());
}

/// Everything from the oldest state on can be read, told, and gone back to, and nothing before it: in a log of `step`s.
#[track_caller]
fn past_is_whole(store: &Store) {
    let (first, head) = (store.oldest().unwrap(), store.head().unwrap());
    assert_eq!(now(store, MTU), Some(head.to_string()));
    for revision in [first.0.max(2), (first.0 + head.0) / 2, head.0] {
        let then = store.snapshot_at(Revision(revision)).unwrap();
        assert_eq!(get(&then, MTU), Some(revision.to_string()));
    }
    let entries = store.history(&HistoryQuery::default()).unwrap();
    let kept: Vec<u64> = (first.0.max(1)..=head.0).rev().collect();
    assert!(entries.iter().map(|entry| entry.revision.0).eq(kept), "{first} to {head}");
    assert!(entries.iter().all(|entry| {
        entry.revision.0 < 2
            || entry.message == format!("step {}", entry.revision) && entry.changes.len() == 1
    }));
    let lines = store.blame(&key("network.lan")).unwrap();
    let blamed = |key: &str| {
        let line = lines.iter().find(|line| line.key == key).unwrap();
        line.commit.as_ref().map(|commit| commit.revision)
    };
    assert_eq!(blamed(MTU), Some(head));
    let is_import_kept = first <= Revision(1);
    assert_eq!(blamed("network.lan.proto"), is_import_kept.then_some(Revision(1)));
    let diff = store.diff(first, head, None).unwrap();
    assert_eq!(diff.len(), usize::from(first < head));

    let options = CommitOptions::default();
    if head.0 > first.0 + 2 {
        let error = store.undo(Revision(head.0 - 1)..=Revision(head.0 - 1), &options).unwrap_err();
        assert!(error.is_conflict(), "the next one changed the same: {error:?}");
        store.undo(head..=head, &options).unwrap();
        assert_eq!(now(store, MTU), Some((head.0 - 1).to_string()));
    }
    store.rollback(first, None, &options).unwrap();
    let oldest = get(&store.snapshot_at(first).unwrap(), MTU);
    assert_eq!(now(store, MTU), oldest);
    if let Some(before) = first.0.checked_sub(1).map(Revision) {
        compacted(&store.snapshot_at(before).err().unwrap(), first);
        compacted(&store.rollback(before, None, &options).unwrap_err(), first);
        compacted(&store.diff(before, head, None).unwrap_err(), first);
        compacted(&store.undo(first..=first, &options).unwrap_err(), first);
        let query = HistoryQuery { until: Some(before), ..HistoryQuery::default() };
        compacted(&store.history(&query).unwrap_err(), first);
    }
    let findings = store.doctor(&mut |_, _, _| {}).unwrap();
    let is_sound = |found: &cms::Finding| {
        found.severity < cms::FindingSeverity::Warning || matches!(found.kind, cms::FindingKind::Behind)
    };
    assert!(findings.iter().all(is_sound), "{findings:?}");
}

#[test]
fn a_number_of_commits_is_kept_to_the_last_one() {
    let (home, store) = stepped(40);
    for (keep, given_up) in [(100, 0), (41, 0), (40, 0), (39, 1), (25, 14), (25, 0), (24, 1), (1, 23), (0, 1)]
    {
        let before = store.oldest().unwrap();
        let would = store.would_retain(few(keep)).unwrap();
        assert_eq!(would, WouldRetain { commits: given_up, is_estimate: false }, "{keep}");
        assert_eq!(store.retain(few(keep)).unwrap(), given_up, "{keep}");
        let first = Revision(41_u64.saturating_sub(keep));
        assert_eq!(store.oldest().unwrap(), before.max(first), "{keep}");
    }
    past_is_whole(&store);
    drop(store);
    let store = home.open();
    assert_eq!(store.oldest().unwrap(), Revision(41));
    assert_eq!(store.retain(Retention::default()).unwrap(), 0, "who asks for nothing keeps all");
    for keep in [9, 3] {
        let last = steps(&store, 10);
        store.retain(few(keep)).unwrap();
        assert_eq!(store.oldest().unwrap(), Revision(last.0 - keep));
        past_is_whole(&store);
    }
}

#[test]
fn an_age_keeps_what_is_younger_and_the_state_that_it_began_with() {
    let (_home, store) = stepped(20);
    let old = store.head().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    let last = steps(&store, 10);
    let age = |seconds: i64| Retention { age_us: Some(seconds * 1_000_000), ..Retention::default() };
    assert_eq!(store.retain(age(3600)).unwrap(), 0);
    // What either asks for is kept.
    let both = Retention { commits: Some(15), ..age(1) };
    assert_eq!(store.retain(both).unwrap(), 15);
    assert_eq!(store.oldest().unwrap(), Revision(last.0 - 15));
    let both = Retention { commits: Some(3), ..age(1) };
    let given_up = store.retain(both).unwrap();
    if begun.elapsed() < Duration::from_secs(1) {
        assert_eq!((given_up, store.oldest().unwrap()), (5, old));
        assert_eq!(store.retain(age(1)).unwrap(), 0);
    }
    past_is_whole(&store);
    std::thread::sleep(Duration::from_millis(1100));
    let last = store.head().unwrap();
    store.retain(age(1)).unwrap();
    assert!(store.oldest().unwrap() > Revision(last.0 - 3), "the state stays");
    store.retain(age(0)).unwrap();
    assert_eq!(store.oldest().unwrap(), last);
    assert!(store.set_retention(Some(age(-1))).is_err());
}

#[test]
fn a_size_is_kept_to_and_not_much_less_whatever_the_others_say() {
    let (home, store) = stepped(6000);
    let begin = size(&home);
    assert!(begin > 600 << 10, "{begin}");
    let month = Some(30 * 24 * 3600 * 1_000_000);
    let most = |bytes: u64| Retention { bytes: Some(bytes), age_us: month, ..few(1_000_000) };
    assert_eq!(store.retain(most(begin)).unwrap(), 0);
    store.cursor("slow").unwrap().acknowledge(Revision(10)).unwrap();
    for bytes in [begin - 1, begin / 2, begin / 3] {
        let would = store.would_retain(most(bytes)).unwrap();
        assert!(would.is_estimate);
        let given_up = store.retain(most(bytes)).unwrap();
        assert!(given_up > 0 && given_up <= would.commits, "{given_up}, {would:?}");
        assert!(would.commits < given_up * 5 / 2, "{given_up}, {would:?}");
        let now = size(&home);
        assert!(now <= bytes, "{now} of {bytes}");
        // An eighth goes at a time.
        assert!(now > bytes * 3 / 4, "{now} of {bytes}");
    }
    // Where nothing is small enough, the newest state stays, and commits go on.
    let would = store.would_retain(most(1)).unwrap();
    assert_eq!(store.retain(most(1)).unwrap(), would.commits);
    assert_eq!(store.oldest().unwrap(), store.head().unwrap());
    steps(&store, 3);
    past_is_whole(&store);
}

#[test]
fn an_estimate_is_on_the_safe_side_where_texts_weigh_more_than_commits() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    for round in 0..60 {
        let name = package("fresh");
        let mut tx = store.transaction().unwrap();
        if round % 2 == 0 {
            let text: String =
                (0..500).map(|line| format!("config a\n\toption b '{round} {line}'\n")).collect();
            let text = cms::model::Package::parse(text.as_bytes()).unwrap();
            tx.replace_package(&name, text).unwrap();
        } else {
            tx.delete_package(&name).unwrap();
        }
        tx.commit().unwrap();
        steps(&store, 20);
    }
    for part in [2, 3] {
        let half = Retention { bytes: Some(size(&home) / part), ..Retention::default() };
        let would = store.would_retain(half).unwrap();
        let given_up = store.retain(half).unwrap();
        assert!(would.is_estimate && given_up > 0 && given_up <= would.commits, "{given_up}, {would:?}");
        assert!(size(&home) <= half.bytes.unwrap());
    }
}

#[test]
fn what_is_needed_stays_to_the_revision() {
    let (_home, store) = stepped(30);
    let bytes = |bytes: u64| Retention { bytes: Some(bytes), ..Retention::default() };
    // The state before what awaits confirmation, even where the size would have it go.
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.proto", "dhcp");
    let confirm = Confirm { volatile: true, ..Confirm::within(Duration::from_secs(3600)) };
    let armed = tx.confirm(confirm).commit().unwrap().armed.unwrap();
    assert_eq!(armed.restore(), Revision(31));
    steps(&store, 20);
    for retention in [few(0), bytes(1)] {
        store.retain(retention).unwrap();
        assert_eq!(store.oldest().unwrap(), Revision(31), "{retention:?}");
    }
    store.cancel(None).unwrap();
    assert_eq!(now(&store, "network.lan.proto").as_deref(), Some("static"));

    // What the slowest cursor has not acknowledged.
    let (slow, slower) = (store.cursor("slow").unwrap(), store.cursor("slower").unwrap());
    slow.acknowledge(Revision(45)).unwrap();
    slower.acknowledge(Revision(40)).unwrap();
    let quota = |unacknowledged: u64| Retention { unacknowledged: Some(unacknowledged), ..few(2) };
    let head = steps(&store, 20).0;
    let kept = |retention: Retention| {
        store.retain(retention).unwrap();
        store.oldest().unwrap().0
    };
    assert_eq!(kept(few(2)), 40);
    slower.acknowledge(Revision(43)).unwrap();
    assert_eq!(kept(few(2)), 43);
    slower.forget().unwrap();
    assert_eq!(kept(few(2)), 45);
    // As far as its quota goes.
    assert_eq!(kept(quota(head - 45)), 45);
    assert_eq!(kept(quota(head - 46)), 46);
    assert_eq!(kept(quota(0)), head - 2);
    // Before that, what the number and the age ask for.
    let watch = store.watch([Pattern::new("network.**").unwrap()], Some(Revision(45)));
    let notice = watch.unwrap().next(Some(PATIENCE)).unwrap();
    assert_eq!(notice, Some(Notice::Compacted { after: Revision(45), resume: Revision(head - 2) }));
    slow.acknowledge(Revision(head)).unwrap();
    assert_eq!(kept(few(1)), head - 1);
    assert_eq!(kept(few(0)), head);
}

#[test]
fn a_log_gives_up_by_itself_what_its_retention_does_not_ask_for() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.set_retention(Some(few(300))).unwrap();
    steps(&store, 1000);
    let start = Instant::now();
    while store.oldest().unwrap() < Revision(5) {
        assert!(start.elapsed() < PATIENCE);
        steps(&store, 64);
    }
    drop(store);
    let store = home.open();
    assert_eq!(store.retention().unwrap(), few(300), "it is kept in the log");
    let (first, head) = (store.oldest().unwrap().0, store.head().unwrap().0);
    assert!(first <= head - 300, "what it asks for is there");
    // It looks after every 256 commits, and gives up 256 at once or more.
    assert!(first + 300 + 256 + 256 + 128 > head, "{first} to {head}");
    past_is_whole(&store);
}

/// Processes that commit once and end, as on a machine without a daemon.
#[test]
fn short_processes_give_up_old_commits_between_them() {
    let home = Home::new(&[("network", NETWORK)]);
    home.open().set_retention(Some(few(20))).unwrap();
    for _ in 0..600 {
        let store = home.open();
        step(&store);
    }
    let store = home.open();
    let (first, head) = (store.oldest().unwrap().0, store.head().unwrap().0);
    assert!((256..=head - 20).contains(&first), "{first} to {head}");
    past_is_whole(&store);
}

#[test]
fn a_log_gives_up_by_itself_what_is_too_old() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let age = Duration::from_secs(2);
    let age_us = Some(age.as_micros() as i64);
    store.set_retention(Some(Retention { age_us, ..Retention::default() })).unwrap();
    steps(&store, 300);
    let old = store.head().unwrap();
    drop(store);
    std::thread::sleep(age);
    let store = home.open();
    let begun = Instant::now();
    steps(&store, 300);
    drop(store);
    let store = home.open();
    let first = store.oldest().unwrap();
    // On a machine that takes longer than that for them, some of these are too old as well.
    assert!(first > Revision(1) && (first <= old || begun.elapsed() > age), "{first}, {old}");
    past_is_whole(&store);
}

/// What a log takes, as it counts itself.
fn size(home: &Home) -> u64 {
    use cms_log::{Backend, Open, Sqlite};
    let read_only = Open { read_only: true, ..Open::default() };
    Sqlite::open(home.location().log(), read_only).unwrap().size().unwrap()
}

#[test]
fn a_log_keeps_to_its_size_by_itself_and_refuses_nothing() {
    let home = Home::new(&[("network", NETWORK)]);
    let most = 400 << 10;
    home.open().set_retention(Some(Retention { bytes: Some(most), ..Retention::STANDARD })).unwrap();
    let store = home.open();
    steps(&store, 4000);
    drop(store);
    let store = home.open();
    // What came since it looked, and a step in which nobody waits.
    assert!(size(&home) < most * 3 / 2, "{}", size(&home));
    let (first, head) = (store.oldest().unwrap().0, store.head().unwrap().0);
    assert!(first > 1 && head - first > 300, "{first} to {head}");
    past_is_whole(&store);
}

/// Long before there are so many that somebody would look for their number.
#[test]
fn a_few_commits_that_are_large_are_noticed() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let most = 8 << 20;
    store.set_retention(Some(Retention { bytes: Some(most), ..Retention::STANDARD })).unwrap();
    let mut noise = 1_u64;
    for number in 0..24 {
        let mut text = String::new();
        for section in 0..250 {
            text.push_str(&format!("config a 's{section}'\n\toption value '"));
            for _ in 0..250 {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(&format!("{:016x}", noise ^ noise >> 29));
            }
            text.push_str("'\n");
        }
        let mut tx = store.transaction().unwrap();
        tx.replace_package(&package("large"), cms::model::Package::parse(text.as_bytes()).unwrap()).unwrap();
        assert!(tx.commit().unwrap().revision.0 > number);
    }
    // It is seen to beside the commits, and gets as far as the processors let it.
    let given_up = || store.oldest().unwrap() > Revision(1);
    for _ in 0..1000 {
        if given_up() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(given_up(), "{} bytes", size(&home));
    // All of them take 96 MiB.
    assert!(size(&home) < 72 << 20, "{} bytes", size(&home));
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

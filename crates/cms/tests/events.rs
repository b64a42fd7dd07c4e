//! The contract of `docs/events.md`, a test for each of its words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use cms::{
    ChangeAction, CommitEvents, Error, EventLimits, EventManager, Notice, Options, Pattern, Retention,
    Revision, Start, Store, Watch,
};
use support::{Home, NETWORK, commit, name, package, section};

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn watch(store: &Store, text: &str, after: u64) -> Watch {
    store.watch([pattern(text)], Some(Revision(after))).unwrap()
}

fn next(watch: &mut Watch) -> Arc<CommitEvents> {
    match watch.next(Some(PATIENCE)).unwrap() {
        Some(Notice::Commit(commit)) => commit,
        other => panic!("{other:?}"),
    }
}

/// All that is there.
fn rest(watch: &mut Watch) -> Vec<Arc<CommitEvents>> {
    let mut commits = Vec::new();
    while let Some(notice) = watch.next(Some(Duration::ZERO)).unwrap() {
        match notice {
            Notice::Commit(commit) => commits.push(commit),
            other => panic!("{other:?}"),
        }
    }
    commits
}

/// A line for each event.
fn lines(commit: &CommitEvents) -> Vec<String> {
    let text = |value: &Option<cms::model::Value>| {
        let items = value.as_ref().map(|value| value.items().join(&b' ')).unwrap_or_default();
        String::from_utf8(items).unwrap()
    };
    let line = |event: &cms::Event| {
        let change = &event.change;
        format!("{} {} {:?} {:?}", change.action.word(), change.key, text(&change.old), text(&change.new))
    };
    commit.events.iter().map(line).collect()
}

fn revisions(commits: &[Arc<CommitEvents>]) -> Vec<u64> {
    commits.iter().map(|commit| commit.revision.0).collect()
}

/// Waits for the notices of a subscriber until one is of `last`.
fn until(notices: &Receiver<Notice>, last: u64) -> Vec<Notice> {
    let mut got = Vec::new();
    loop {
        let notice = notices.recv_timeout(PATIENCE).unwrap();
        let is_last = notice.revision() == Some(Revision(last));
        got.push(notice);
        if is_last {
            return got;
        }
    }
}

fn told(notices: &[Notice]) -> Vec<u64> {
    let of = |notice: &Notice| match notice {
        Notice::Commit(commit) => Some(commit.revision.0),
        _ => None,
    };
    notices.iter().filter_map(of).collect()
}

#[test]
fn every_change_is_told_with_what_was_there() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    let mut tx = store.transaction().unwrap();
    let draft = tx.draft(&package("network")).unwrap();
    draft.delete_section(&section("lan")).unwrap();
    tx.author("alice").message("gone").commit().unwrap();
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("network")).unwrap();
    tx.commit().unwrap();

    let mut watch = watch(&store, "**", 0);
    let created = next(&mut watch);
    let route = "network.cfg02c8b4";
    let anonymous = created.events.iter().find(|event| event.change.key.starts_with("network.cfg02"));
    let route = anonymous.map_or(route.to_owned(), |event| event.change.key.clone());
    assert_eq!(
        lines(&created),
        [
            "create-package network \"\" \"\"".to_owned(),
            "add-section network.lan \"\" \"interface\"".to_owned(),
            "set network.lan.proto \"\" \"static\"".to_owned(),
            "set network.lan.mtu \"\" \"1500\"".to_owned(),
            "set network.lan.dns \"\" \"1.1.1.1\"".to_owned(),
            format!("add-section {route} \"\" \"route\""),
            format!("set {route}.target \"\" \"10.0.0.0/8\""),
        ]
    );
    let changed = next(&mut watch);
    assert_eq!(lines(&changed), ["set network.lan.mtu \"1500\" \"1400\""]);
    assert_eq!(changed.events[0].package, package("network"));
    let deleted = next(&mut watch);
    assert_eq!((&*deleted.author, &*deleted.message), ("alice", "gone"));
    assert_eq!(
        lines(&deleted),
        [
            "unset network.lan.proto \"static\" \"\"",
            "unset network.lan.mtu \"1400\" \"\"",
            "unset network.lan.dns \"1.1.1.1\" \"\"",
            "delete-section network.lan \"interface\" \"\"",
        ]
    );
    let gone = next(&mut watch);
    assert_eq!(gone.events.first().unwrap().change.action, ChangeAction::Unset);
    assert_eq!(gone.events.last().unwrap().change.action, ChangeAction::DeletePackage);
    assert_eq!(watch.next(Some(Duration::ZERO)).unwrap(), None);
}

/// Whoever comes late passes over most options; whoever comes at a revision has the package of that revision.
#[test]
fn sections_have_the_names_of_their_time_however_late_they_are_told() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let set = |count: u64| {
        for number in 0..count {
            commit(&store, "network.@route[0].metric", &number.to_string()).unwrap();
        }
    };
    let draft = |change: &dyn Fn(&mut cms::model::Draft) -> cms::model::DraftResult| {
        let mut tx = store.transaction().unwrap();
        change(tx.draft(&package("network")).unwrap()).unwrap();
        tx.commit().unwrap();
    };
    for few_or_many in [1, 40, 70, 150] {
        set(few_or_many);
        // The route goes to the front, and so is called otherwise.
        draft(&|draft| draft.delete_section(&section("lan")));
        set(few_or_many);
        draft(&|draft| {
            draft.set_type(&section("lan"), &cms::model::TypeName::new("interface").unwrap()).unwrap();
            draft.reorder(&section("lan"), 0)
        });
        draft(&|draft| draft.rename_section(&section("lan"), &name("wan")));
        set(1);
        draft(&|draft| draft.rename_section(&section("wan"), &name("lan")));
    }
    let told = rest(&mut watch(&store, "**", 1));
    let keys = |commit: &CommitEvents| {
        commit.events.iter().map(|event| event.change.key.clone()).collect::<Vec<_>>()
    };
    let routes: std::collections::BTreeSet<_> =
        told.iter().flat_map(|commit| keys(commit)).filter(|key| key.ends_with(".metric")).collect();
    assert_eq!(routes.len(), 2, "{routes:?}");
    for late in &told {
        let at_once = next(&mut watch(&store, "**", late.revision.0 - 1));
        assert_eq!((late.revision, lines(late)), (at_once.revision, lines(&at_once)));
    }
}

#[test]
fn a_rename_is_told_to_who_asked_for_either_name_or_what_is_below() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut all = watch(&store, "network.*.mtu", 0);
    assert_eq!(lines(&next(&mut all)), ["set network.lan.mtu \"\" \"1500\""]);
    let mut tx = store.transaction().unwrap();
    tx.draft(&package("network")).unwrap().rename_section(&section("lan"), &name("home")).unwrap();
    tx.commit().unwrap();
    commit(&store, "network.home.mtu", "1400").unwrap();
    for (topic, expected) in [
        ("network.lan.mtu", vec!["rename-section network.lan \"lan\" \"home\""]),
        (
            "network.home",
            vec!["rename-section network.lan \"lan\" \"home\"", "set network.home.mtu \"1500\" \"1400\""],
        ),
        ("network.wan", vec![]),
    ] {
        let got: Vec<String> =
            rest(&mut watch(&store, topic, 1)).iter().flat_map(|commit| lines(commit)).collect();
        assert_eq!(got, expected, "{topic}");
    }
}

#[test]
fn ordered() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let head = store.snapshot().unwrap().revision().unwrap();
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    let (sender, notices) = channel();
    events
        .subscribe("a", pattern("network"), Start::Now, move |notice| sender.send(notice.clone()).unwrap())
        .unwrap();
    std::thread::scope(|scope| {
        for (option, store) in [("mtu", store.clone()), ("proto", home.open()), ("metric", store.clone())] {
            scope.spawn(move || {
                for number in 0..30 {
                    commit(&store, &format!("network.lan.{option}"), &number.to_string()).unwrap();
                }
            });
        }
    });
    let last = head.0 + 90;
    assert_eq!(told(&until(&notices, last)), (head.0 + 1..=last).collect::<Vec<_>>());
}

#[test]
fn unique() {
    // What comes from the log and what comes while that is read must not overlap.
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    for number in 0..200 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    let (sender, notices) = channel();
    events
        .subscribe("late", pattern("network.lan"), Start::After(Revision(0)), move |notice| {
            sender.send(notice.clone()).unwrap();
        })
        .unwrap();
    for number in 0..50 {
        commit(&store, "network.lan.mtu", &format!("1{number}")).unwrap();
    }
    let last = store.head().unwrap().0;
    assert_eq!(told(&until(&notices, last)), (1..=last).collect::<Vec<_>>());
    drop(events);
    assert!(notices.try_recv().is_err(), "something was told twice");
}

#[test]
fn reliable() {
    // A subscriber that is too slow for its queue is told so, and gets all of it.
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let head = store.snapshot().unwrap().revision().unwrap().0;
    let limits = EventLimits { queued: 10, ..EventLimits::default() };
    let events = EventManager::new(&store, limits).unwrap();
    let gate = Arc::new((Barrier::new(2), Barrier::new(2)));
    let (sender, slow) = channel();
    let held = gate.clone();
    let mut is_first = true;
    events
        .subscribe("slow", pattern("network"), Start::Now, move |notice| {
            if std::mem::take(&mut is_first) {
                held.0.wait();
                held.1.wait();
            }
            sender.send(notice.clone()).unwrap();
        })
        .unwrap();
    let (sender, quick) = channel();
    events
        .subscribe("quick", pattern("**"), Start::Now, move |notice| sender.send(notice.clone()).unwrap())
        .unwrap();
    commit(&store, "network.lan.mtu", "0").unwrap();
    gate.0.wait();
    for number in 1..100 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    let all: Vec<u64> = (head + 1..=head + 100).collect();
    assert_eq!(told(&until(&quick, head + 100)), all, "a slow one holds up nobody");
    assert!(events.queued() <= 10, "{}", events.queued());
    gate.1.wait();
    let got = until(&slow, head + 100);
    assert_eq!(told(&got), all);
    assert!(got.iter().any(|notice| matches!(notice, Notice::Lagged { .. })), "{got:?}");
}

#[test]
fn one_that_is_called_alone_holds_up_nobody_either() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 'main'\n")]);
    let store = home.open();
    let head = store.snapshot().unwrap().revision().unwrap().0;
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    let gate = Arc::new((Barrier::new(2), Barrier::new(2)));
    let held = gate.clone();
    events
        .subscribe("slow", pattern("network"), Start::Now, move |_| {
            held.0.wait();
            held.1.wait();
        })
        .unwrap();
    let (sender, quick) = channel();
    events
        .subscribe("quick", pattern("system"), Start::Now, move |notice| sender.send(notice.clone()).unwrap())
        .unwrap();
    commit(&store, "network.lan.mtu", "0").unwrap();
    gate.0.wait();
    // Nobody leads any more, until the kernel says that the call lasts.
    commit(&store, "system.main.hostname", "gw").unwrap();
    let told = quick.recv_timeout(Duration::from_secs(10));
    gate.1.wait();
    assert_eq!(told.unwrap().revision().map(|revision| revision.0), Some(head + 2));
}

#[test]
fn atomic() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 'main'\n")]);
    let store = home.open();
    let mut watch = watch(&store, "*.*.mtu", store.snapshot().unwrap().revision().unwrap().0);
    let mut tx = store.transaction().unwrap();
    for name in ["network", "system"] {
        let draft = tx.draft(&package(name)).unwrap();
        let at = section(if name == "network" { "lan" } else { "main" });
        draft.set_option(&at, &support::name("mtu"), cms::model::Value::scalar("9000")).unwrap();
        draft.set_option(&at, &support::name("other"), cms::model::Value::scalar("1")).unwrap();
    }
    tx.commit().unwrap();
    let keys: Vec<String> = next(&mut watch).events.iter().map(|event| event.change.key.clone()).collect();
    assert_eq!(keys, ["network.lan.mtu", "system.main.mtu"]);
}

#[test]
fn resumable() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    for number in 0..10 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    assert_eq!(revisions(&rest(&mut watch(&store, "network", 4))), (5..=11).collect::<Vec<_>>());
    let error = store.watch([pattern("network")], Some(Revision(99))).err().unwrap();
    assert!(error.to_string().contains("there is no revision 99 yet, the newest is 11"), "{error}");

    // A cursor goes on after what was acknowledged, in another process as well: at least once.
    let cursor = store.cursor("reader").unwrap();
    assert_eq!(cursor.revision().unwrap(), None);
    cursor.acknowledge(Revision(7)).unwrap();
    cursor.acknowledge(Revision(3)).unwrap();
    drop(store);
    let store = home.open();
    let after = store.cursor("reader").unwrap().revision().unwrap();
    assert_eq!(after, Some(Revision(7)));
    let mut again = store.watch([pattern("network")], after).unwrap();
    assert_eq!(next(&mut again).revision.0, 8);
    assert_eq!(store.cursors().unwrap()[0].name, "reader");
    assert!(store.cursor("reader").unwrap().acknowledge(Revision(99)).is_err());
    assert!(matches!(store.cursor("a b"), Err(Error::Invalid { .. })));

    // Of a subscriber, what its closure has returned from is acknowledged.
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    let (sender, notices) = channel();
    let cursor = store.cursor("reader").unwrap();
    events
        .subscribe("s", pattern("network"), Start::At(cursor.clone()), move |notice| {
            sender.send(notice.clone()).unwrap();
        })
        .unwrap();
    assert_eq!(told(&until(&notices, 11)), [8, 9, 10, 11]);
    drop(events);
    assert_eq!(cursor.revision().unwrap(), Some(Revision(11)));
    cursor.forget().unwrap();
    assert_eq!(store.cursors().unwrap(), []);
}

#[test]
fn bookmarkable() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 'main'\n")]);
    let store = home.open();
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    events.subscribe("s", pattern("system.main.zone"), Start::Now, |_| {}).unwrap();
    let mut watch = watch(&store, "system.main.zone", 0);
    for number in 0..5 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    let head = store.head().unwrap();
    assert_eq!(rest(&mut watch).len(), 0);
    assert_eq!(watch.revision(), head, "nothing up to here was for us");
    let mut patience = 6000;
    while events.revision("s") != Some(head) && patience > 0 {
        patience -= 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(events.revision("s"), Some(head));
    assert_eq!(events.revision("nobody"), None);
}

#[test]
fn what_the_log_no_longer_has_is_said() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    for number in 0..30 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    let mut early = watch(&store, "network.lan.mtu", 2);
    store.retain(Retention { commits: Some(10), ..Retention::default() }).unwrap();
    for watch in [&mut early, &mut watch(&store, "network.lan.mtu", 2)] {
        let Some(Notice::Compacted { after, resume }) = watch.next(Some(PATIENCE)).unwrap() else { panic!() };
        assert_eq!((after, resume), (Revision(2), Revision(21)));
        let snapshot = store.snapshot_at(resume).unwrap();
        assert_eq!(support::get(&snapshot, "network.lan.mtu").as_deref(), Some("19"));
        assert_eq!(lines(&next(watch)), ["set network.lan.mtu \"19\" \"20\""]);
        assert_eq!(rest(watch).len(), 9);
    }
}

#[test]
fn what_a_cursor_has_not_acknowledged_is_kept_up_to_a_quota() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    for number in 0..40 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    store.cursor("slow").unwrap().acknowledge(Revision(5)).unwrap();
    store.retain(Retention { commits: Some(10), ..Retention::default() }).unwrap();
    assert_eq!(rest(&mut watch(&store, "network", 5)).len(), 36);
    store.retain(Retention { commits: Some(10), unacknowledged: Some(20), ..Retention::default() }).unwrap();
    assert_eq!(rest(&mut watch(&store, "network", 21)).len(), 20);
    assert!(matches!(watch(&store, "network", 5).next(None).unwrap(), Some(Notice::Compacted { .. })));
}

#[test]
fn a_topic_has_so_many_subscribers_and_no_more() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    let (sender, calls) = channel();
    for number in 0..1000 {
        let sender = sender.clone();
        events
            .subscribe(&number.to_string(), pattern("network.**"), Start::Now, move |_| {
                sender.send(number).unwrap()
            })
            .unwrap();
    }
    let error = events.subscribe("1000", pattern("network.**"), Start::Now, |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Subscribers { topic, limit: 1000 } if topic == "network.**"), "{error}");
    assert!(error.to_string().contains("network.** has 1000 subscribers"), "{error}");
    let error = events.subscribe("7", pattern("system"), Start::Now, |_| {}).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    events.subscribe("other", pattern("system"), Start::Now, |_| {}).unwrap();
    commit(&store, "network.lan.mtu", "1").unwrap();
    let mut called: Vec<i32> = (0..1000).map(|_| calls.recv_timeout(PATIENCE).unwrap()).collect();
    called.sort_unstable();
    assert_eq!(called, (0..1000).collect::<Vec<_>>());
    assert!(events.unsubscribe("7") && !events.unsubscribe("7"));
    assert_eq!(events.subscribers(&pattern("network.**")), 999);
}

#[test]
fn a_callback_that_panics_ends_only_its_own_subscription() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let head = store.snapshot().unwrap().revision().unwrap().0;
    let events = EventManager::new(&store, EventLimits::default()).unwrap();
    events.subscribe("bad", pattern("**"), Start::Now, |_| panic!("on purpose")).unwrap();
    let (sender, notices) = channel();
    events
        .subscribe("good", pattern("**"), Start::Now, move |notice| sender.send(notice.clone()).unwrap())
        .unwrap();
    for number in 0..3 {
        commit(&store, "network.lan.mtu", &number.to_string()).unwrap();
    }
    assert_eq!(told(&until(&notices, head + 3)).len(), 3);
}

#[test]
fn without_a_segment_the_log_is_asked() {
    let home = Home::new(&[("network", NETWORK)]);
    let none = Options { segment_limit: Some(0), ..Options::default() };
    let open = || Store::open(&home.location(), none).unwrap();
    let (store, other) = (open(), open());
    let mut watch = watch(&store, "network", store.snapshot().unwrap().revision().unwrap().0);
    let writer = std::thread::spawn(move || commit(&other, "network.lan.mtu", "1400").unwrap());
    assert_eq!(lines(&next(&mut watch)), ["set network.lan.mtu \"1500\" \"1400\""]);
    writer.join().unwrap();
}

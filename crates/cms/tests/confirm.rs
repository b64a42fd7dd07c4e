//! Commits that await confirmation, through the engine: the rules of joining, of rolling back, and of what is kept.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use cms::model::{Name, PackageName, Selector, Value};
use cms::{CommitKind, CommitOptions, Confirm, Error, HistoryQuery, Outcome, Retention, Revision, Store};
use cms_testkit::alter_pending;
use tempfile::TempDir;

const SYSTEM: &str = "config system 'main'\n\toption hostname 'a'\n\toption zone 'x'\n\tlist server '1'\n";

struct World {
    home: TempDir,
    store: Store,
}

impl World {
    fn new() -> World {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("config")).unwrap();
        std::fs::write(home.path().join("config/system"), SYSTEM).unwrap();
        let store = World::open(&home);
        store.snapshot().unwrap();
        World { home, store }
    }

    fn open(home: &TempDir) -> Store {
        let dirs = cms::Dirs { state: Some(home.path().join("state")), run: Some(home.path().join("run")) };
        let location = cms::Location::find(&home.path().join("config"), &dirs).unwrap();
        Store::open(&location, cms::Options::default()).unwrap()
    }

    fn set(&self, option: &str, value: &str, confirm: Option<Confirm>) -> cms::Committed {
        let mut tx = self.store.transaction().unwrap();
        let draft = tx.draft(&package("system")).unwrap();
        let main = Selector::Named(Name::new("main").unwrap());
        draft.set_option(&main, &Name::new(option).unwrap(), Value::scalar(value)).unwrap();
        let tx = match confirm {
            Some(confirm) => tx.confirm(confirm),
            None => tx,
        };
        tx.commit_and_wait_files().unwrap()
    }

    fn file(&self, package: &str) -> Option<String> {
        std::fs::read_to_string(self.home.path().join("config").join(package)).ok()
    }

    fn let_time_pass(&self) {
        alter_pending(&self.home.path().join("state"), |pending| pending.deadline_us = 0);
    }
}

fn package(name: &str) -> PackageName {
    PackageName::new(name).unwrap()
}

fn hour() -> Option<Confirm> {
    Some(Confirm { volatile: true, ..Confirm::within(Duration::from_secs(3600)) })
}

#[test]
fn opening_rolls_back_what_is_due() {
    let world = World::new();
    let armed = world.set("hostname", "b", hour()).armed.unwrap();
    assert_eq!((armed.restore(), &armed.revisions[..]), (Revision(1), &[Revision(2)][..]));
    assert!(world.store.time_left(&armed).unwrap() > Duration::from_secs(3000));
    World::open(&world.home);
    assert_eq!(world.store.pending().unwrap(), std::slice::from_ref(&armed), "it is not due");
    world.let_time_pass();
    let store = World::open(&world.home);
    assert_eq!(world.file("system").as_deref(), Some(SYSTEM));
    let settled = &store.settled().unwrap()[0];
    assert_eq!((settled.outcome, settled.undone, settled.seen), (Outcome::Expired, Some(Revision(3)), false));
    let newest = &store.history(&HistoryQuery { limit: Some(1), ..Default::default() }).unwrap()[0];
    assert_eq!(newest.kind, CommitKind::Undo { from: Revision(2), to: Revision(2) });
    assert_eq!(newest.tool, "cms confirm");
    let error = store.confirm(Some(&armed.tokens[0])).unwrap_err();
    assert!(matches!(error, Error::Settled(settled) if settled.undone == Some(Revision(3))));
    store.acknowledge(&store.settled().unwrap()).unwrap();
    assert!(!store.may_be_pending());
    assert!(matches!(store.confirm(None).unwrap_err(), Error::NotPending { token: None }));
}

#[test]
fn what_is_due_is_not_joined() {
    let world = World::new();
    world.set("hostname", "b", hour());
    world.let_time_pass();
    let armed = world.set("zone", "y", hour()).armed.unwrap();
    assert_eq!(armed.revisions, [Revision(4)], "the rollback came first");
    assert!(world.file("system").unwrap().contains("hostname 'a'"));
    world.store.cancel(None).unwrap();
    assert_eq!(world.file("system").as_deref(), Some(SYSTEM));
}

#[test]
fn a_window_out_of_bounds_commits_nothing() {
    let world = World::new();
    for window in [Duration::ZERO, Duration::from_millis(999), Confirm::LONGEST + Duration::from_secs(1)] {
        let mut tx = world.store.transaction().unwrap();
        tx.replace_text(&package("system"), b"config other\n").unwrap();
        let refused = tx.confirm(Confirm { volatile: true, ..Confirm::within(window) }).commit();
        assert!(matches!(refused.unwrap_err(), Error::Invalid { .. }));
    }
    assert_eq!(world.store.head().unwrap(), Revision(1));
    assert!(world.store.pending().unwrap().is_empty());
}

#[test]
fn packages_that_were_made_and_removed_come_and_go_again() {
    let world = World::new();
    let mut tx = world.store.transaction().unwrap();
    tx.create_package(&package("new")).unwrap();
    tx.replace_text(&package("new"), b"config n 'n'\n").unwrap();
    tx.delete_package(&package("system")).unwrap();
    tx.confirm(hour().unwrap()).commit_and_wait_files().unwrap();
    assert_eq!((world.file("system"), world.file("new").is_some()), (None, true));
    let settled = world.store.cancel(None).unwrap();
    assert_eq!(settled.conflicts, Vec::<String>::new());
    assert_eq!((world.file("system").as_deref(), world.file("new")), (Some(SYSTEM), None));
}

#[test]
fn what_others_changed_in_between_stays_theirs() {
    let world = World::new();
    world.set("hostname", "b", hour());
    world.set("zone", "theirs", None);
    // Joins the first, on top of what the others did.
    let armed = world.set("zone", "mine", hour()).armed.unwrap();
    assert_eq!(armed.revisions, [Revision(2), Revision(4)]);
    let settled = world.store.cancel(None).unwrap();
    assert_eq!(settled.conflicts, Vec::<String>::new());
    let text = world.file("system").unwrap();
    assert!(text.contains("hostname 'a'") && text.contains("zone 'theirs'"), "{text}");
}

#[test]
fn a_rollback_without_anything_left_to_reverse_makes_no_commit() {
    let world = World::new();
    world.set("hostname", "b", hour());
    world.store.undo(Revision(2)..=Revision(2), &CommitOptions::default()).unwrap();
    let settled = world.store.cancel(None).unwrap();
    assert_eq!(settled.undone, None);
    assert_eq!(world.file("system").as_deref(), Some(SYSTEM));
}

#[test]
fn retention_keeps_the_restore_point() {
    let world = World::new();
    world.set("hostname", "b", None);
    let before = world.file("system");
    world.set("hostname", "c", hour());
    for number in 0..20 {
        world.set("zone", &number.to_string(), None);
    }
    let newest = Retention { commits: Some(0), ..Retention::default() };
    world.store.retain(newest).unwrap();
    world.store.snapshot_at(Revision(2)).unwrap();
    assert!(world.store.snapshot_at(Revision(1)).is_err());
    let settled = world.store.cancel(None).unwrap();
    assert_eq!(settled.conflicts, Vec::<String>::new());
    assert_eq!(world.file("system"), before.map(|text| text.replace("zone 'x'", "zone '19'")));
    world.store.retain(newest).unwrap();
    assert!(world.store.snapshot_at(Revision(2)).is_err());
}

#[test]
fn a_guardian_in_a_thread_of_ones_own() {
    let world = World::new();
    world.set("hostname", "b", hour());
    let store = World::open(&world.home);
    let guardian = std::thread::spawn(move || store.guard(&mut |_| {}).unwrap());
    while !world.store.is_guarded() {
        std::thread::sleep(Duration::from_millis(10));
    }
    world.let_time_pass();
    guardian.join().unwrap();
    assert_eq!(world.file("system").as_deref(), Some(SYSTEM));
    assert!(!world.store.is_guarded());
    World::open(&world.home).guard(&mut |_| {}).unwrap();
}

#[test]
fn only_one_waits_to_take_over() {
    let world = World::new();
    world.set("hostname", "b", hour());
    let guardians: Vec<_> = (0..6)
        .map(|_| {
            let store = World::open(&world.home);
            std::thread::spawn(move || store.guard(&mut |_| {}).unwrap())
        })
        .collect();
    while guardians.iter().filter(|guardian| !guardian.is_finished()).count() > 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    world.store.confirm(None).unwrap();
    guardians.into_iter().for_each(|guardian| guardian.join().unwrap());
}

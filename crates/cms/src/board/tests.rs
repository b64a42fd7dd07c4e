//! Two stores that are open on one directory are to each other what two processes are: each has its own locks and its own seat.

use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};

use cms_model::{ChangeKind, Key, Name, Selector, Value};
use rustix::process::geteuid;

use super::*;
use crate::commit::{Signature, Wanted, prepare};
use crate::location::Dirs;
use crate::store::{Options, Store};

const HOSTS: &str =
    "config host 'a'\n\toption v '0'\n\nconfig host 'b'\n\toption v '0'\n\nconfig host\n\toption v '0'\n";

struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        let home = Home { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(home.path("config")).unwrap();
        std::fs::write(home.path("config/hosts"), HOSTS).unwrap();
        drop(home.open().snapshot().unwrap());
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn location(&self) -> Location {
        let dirs = Dirs { state: Some(self.path("state")), run: Some(self.path("run")) };
        Location::find(&self.path("config"), &dirs).unwrap()
    }

    fn open(&self) -> Store {
        Store::open(&self.location(), Options::default()).unwrap()
    }

    fn board(&self) -> PathBuf {
        self.location().run().join("board")
    }

    /// What the options of all hosts are, and how many commits there are.
    fn state(&self) -> (Vec<String>, u64) {
        let store = self.open();
        let snapshot = store.snapshot().unwrap();
        let value = |key: &str| match snapshot.get(&Key::parse(key).unwrap()).unwrap().unwrap() {
            Value::Scalar(value) => String::from_utf8_lossy(&value).into_owned(),
            Value::List(_) => "a list".to_owned(),
        };
        let keys = ["hosts.a.v", "hosts.b.v", "hosts.@host[2].v"];
        (keys.map(value).into(), store.head().unwrap().0)
    }
}

fn named(name: &str) -> Selector {
    Selector::Named(Name::new(name).unwrap())
}

fn commit(store: &Store, section: &Selector, value: &str) -> Result<Committed> {
    let mut tx = store.transaction()?;
    let draft = tx.draft(&"hosts".parse().unwrap())?;
    draft.set_option(section, &Name::new("v").unwrap(), Value::scalar(value)).unwrap();
    tx.author("ada").message("why").commit()
}

fn signature() -> Signature {
    Signature {
        kind: CommitKind::Normal,
        author: "ada".to_owned(),
        tool: String::new(),
        message: String::new(),
        origin: cms_log::Origin::Direct,
        confirm: None,
        at_most: cms_model::schema::Mode::Off,
        at_least: cms_model::schema::Mode::Off,
    }
}

fn shown(committed: &Committed) -> Vec<String> {
    committed.all().map(|change| change.key.clone()).collect()
}

/// Waits until so many have posted at the board of a store.
fn posts(log: &Log, count: usize) {
    let board = loop {
        match log.desk.board(true) {
            Some(board) => break board,
            None => thread::yield_now(),
        }
    };
    while board.waiting() < count {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Has `other` commit while `leads` has the lock, and does `lead` with its post.
fn lead_for<T>(
    leads: &Store,
    other: &Store,
    section: &Selector,
    lead: impl FnOnce(&Log, Writing<'_>, Posted) -> T,
) -> (Result<Committed>, T) {
    let log = leads.log("test").unwrap();
    thread::scope(|scope| {
        let writing = log.write().unwrap();
        let waiting: ScopedJoinHandle<'_, Result<Committed>> =
            scope.spawn(|| commit(other, section, "posted"));
        posts(log, 1);
        let posted = log.desk.take().pop().unwrap();
        let answer = lead(log, writing, posted);
        (waiting.join().unwrap(), answer)
    })
}

/// Appends the commit that was posted, as a leader does.
fn append(store: &Store, log: &Log, writing: &mut Writing<'_>, posted: &Posted) {
    let Posted { taken, request } = posted;
    let (prepared, _) = prepare(log, &writing.head, &request.wanted, request.signature.clone()).unwrap();
    let built = store.build(log, &writing.head, prepared).unwrap();
    taken.note(note_of(&built.commit, request));
    let _ = store.append_built(log, writing, built).unwrap();
}

#[test]
fn who_has_the_lock_commits_for_those_who_wait() {
    let home = Home::new();
    let stores: Vec<Store> = (0..3).map(|_| home.open()).collect();
    let log = stores[0].log("test").unwrap();
    let sections = [named("a"), named("b"), Selector::Nth { kind: None, index: 2 }];
    let mut made: Vec<(u64, Vec<String>)> = thread::scope(|scope| {
        let writing = log.write().unwrap();
        let mut others = Vec::new();
        for (store, section) in stores[1..].iter().zip(&sections[1..]) {
            others.push(scope.spawn(|| commit(store, section, "1").unwrap()));
        }
        posts(log, 2);
        drop(writing);
        let own = commit(&stores[0], &sections[0], "1").unwrap();
        let others = others.into_iter().map(|other| other.join().unwrap());
        others.chain([own]).map(|made| (made.revision.0, shown(&made))).collect()
    });
    assert_eq!(home.state(), (vec!["1".to_owned(); 3], 4));
    made.sort();
    assert_eq!(made.iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [2, 3, 4]);
    let mut keys: Vec<String> = made.into_iter().flat_map(|(_, keys)| keys).collect();
    keys.sort();
    assert_eq!(keys, ["hosts.a.v", "hosts.b.v", "hosts.cfg03fe63.v"]);
}

#[test]
fn a_holder_that_dies_before_it_appends_leaves_one_commit() {
    let home = Home::new();
    let (made, ()) = lead_for(&home.open(), &home.open(), &named("a"), |_, writing, posted| {
        std::mem::forget(posted.taken);
        drop(writing);
    });
    assert_eq!(made.unwrap().revision, Revision(2));
    assert_eq!(home.state().1, 2);
    assert_eq!(home.state().0[0], "posted");
}

#[test]
fn a_holder_that_dies_after_it_appended_leaves_one_commit() {
    for does_refuse in [false, true] {
        let home = Home::new();
        let (leads, other) = (home.open(), home.open());
        let (made, ()) = lead_for(&leads, &other, &named("a"), |log, mut writing, posted| {
            append(&leads, log, &mut writing, &posted);
            // A sync that failed is answered so.
            if does_refuse {
                posted.taken.refuse()
            } else {
                std::mem::forget(posted.taken)
            }
            drop(writing);
        });
        let made = made.unwrap();
        assert_eq!((made.revision, shown(&made)), (Revision(2), vec!["hosts.a.v".to_owned()]));
        assert_eq!(home.state().1, 2);
        assert_eq!(home.state().0[0], "posted");
    }
}

#[test]
fn a_holder_that_dies_between_leaves_its_note_to_nobody() {
    let home = Home::new();
    let (leads, other) = (home.open(), home.open());
    let (made, ()) = lead_for(&leads, &other, &named("a"), |log, writing, posted| {
        let request = &posted.request;
        let (prepared, _) = prepare(log, &writing.head, &request.wanted, request.signature.clone()).unwrap();
        let built = leads.build(log, &writing.head, prepared).unwrap();
        posted.taken.note(note_of(&built.commit, request));
        std::mem::forget(posted.taken);
        drop(writing);
        // Another commit gets the revision. Its process does not wait for the post's.
        commit(&home.open(), &named("b"), "2").unwrap();
    });
    let mut revisions = [made.unwrap().revision.0, 0];
    revisions[1] = 5 - revisions[0];
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3]);
    let (values, head) = home.state();
    assert_eq!((&values[..2], head), (&["posted".to_owned(), "2".to_owned()][..], 3));
}

#[test]
fn a_lie_about_the_end_is_found_out() {
    // Of a commit that is another one, and of one that is not there.
    for note in [Note { first: 1, second: 6 }, Note { first: 9, second: 7 }] {
        let home = Home::new();
        let (leads, other) = (home.open(), home.open());
        let (made, ()) = lead_for(&leads, &other, &named("a"), |_, writing, posted| {
            posted.taken.note(note);
            posted.taken.done();
            drop(writing);
        });
        assert_eq!(made.unwrap().revision, Revision(2));
        assert_eq!(home.state().1, 2);
    }
}

/// Of a commit that did what was posted, and of one that did less.
#[test]
fn what_was_done_as_posted_is_noted_so() {
    for is_as_posted in [1, 0] {
        let home = Home::new();
        let (leads, other) = (home.open(), home.open());
        let (made, second) = lead_for(&leads, &other, &named("a"), |log, mut writing, mut posted| {
            if is_as_posted == 0
                && let Action::Changes { changes, .. } = &mut posted.request.wanted.packages[0].action
                && let ChangeKind::Set { old, .. } = &mut changes[0].1.kind
            {
                // What was there when it was posted is not what is there.
                *old = Some(Value::scalar("older"));
            }
            let Posted { taken, request } = posted;
            let (prepared, _) =
                prepare(log, &writing.head, &request.wanted, request.signature.clone()).unwrap();
            let built = leads.build(log, &writing.head, prepared).unwrap();
            let note = note_of(&built.commit, &request);
            taken.note(note);
            let (appended, _) = leads.append_built(log, &mut writing, built).unwrap();
            log.backend.sync(appended).unwrap();
            log.publish(Arc::new(writing.head.clone()));
            taken.done();
            drop(writing);
            note.second
        });
        let made = made.unwrap();
        assert_eq!(second & 1, is_as_posted);
        assert_eq!(shown(&made), ["hosts.a.v"]);
        assert_eq!(made.packages[0].1[0].new, Some(Value::scalar("posted")));
    }
}

#[test]
fn a_conflict_is_told_by_the_one_who_has_it() {
    let home = Home::new();
    let (leads, other) = (home.open(), home.open());
    let (made, ()) = lead_for(&leads, &other, &named("a"), |log, mut writing, mut posted| {
        // Somebody commits to the same before the post is looked at.
        for wanted in &mut posted.request.wanted.packages {
            if let Action::Changes { changes, .. } = &mut wanted.action
                && let ChangeKind::Set { new, .. } = &mut changes[0].1.kind
            {
                *new = Value::scalar("another");
            }
        }
        append(&leads, log, &mut writing, &posted);
        posted.taken.note(Note { first: 9, second: 9 });
        drop(posted);
        drop(writing);
    });
    assert!(made.unwrap_err().is_conflict());
    assert_eq!(home.state().1, 2);
}

/// Renames a section, as somebody who has the right to append.
fn rename(store: &Store, log: &Log, writing: &mut Writing<'_>, from: &str, to: &str) {
    let name = PackageName::new("hosts").unwrap();
    let package = writing.head.package(&*log.backend, &name).unwrap().unwrap();
    let mut draft = cms_model::Draft::new(Package::clone(&package), 1);
    draft.rename_section(&named(from), &Name::new(to).unwrap()).unwrap();
    let base = writing.head.revision;
    let changes = draft.changes().iter().map(|change| (base, change.clone())).collect();
    let wanted = Wanted { package: name, base, action: Action::Changes { changes, made: None } };
    let (prepared, _) = prepare(log, &writing.head, &vec![wanted].into(), signature()).unwrap();
    let _ = store.append(log, writing, prepared).unwrap();
}

/// Whoever gets the lock next, the one who waits, or another one who could take the post along.
#[test]
fn a_change_is_named_as_its_section_is_called_by_then() {
    let home = Home::new();
    let stores = [home.open(), home.open()];
    let log = stores[0].log("test").unwrap();
    for round in 0..30 {
        let (from, to) = if round % 2 == 0 { ("a", "z") } else { ("z", "a") };
        let made = thread::scope(|scope| {
            let mut writing = log.write().unwrap();
            let waiting = scope.spawn(|| commit(&stores[1], &named(from), &format!("posted {round}")));
            posts(log, 1);
            rename(&stores[0], log, &mut writing, from, to);
            log.publish(Arc::new(writing.head.clone()));
            drop(writing);
            commit(&stores[0], &named("b"), &format!("own {round}")).unwrap();
            waiting.join().unwrap().unwrap()
        });
        assert_eq!(shown(&made), [format!("hosts.{to}.v")]);
    }
}

/// What a checkpoint of the other one makes needless is not kept.
#[test]
fn what_others_have_done_is_kept_from_their_last_checkpoint_on() {
    let home = Home::new();
    std::fs::write(home.path("config/other"), "config host 'a'\n\toption v '0'\n").unwrap();
    let (busy, calm) = (home.open(), home.open());
    let edits = |store: &Store, name: &str| {
        let writing = store.log("test").unwrap().write().unwrap();
        writing.head.cell(&PackageName::new(name).unwrap()).unwrap().edits()
    };
    for round in 0..8 {
        for number in 0..100 {
            commit(&busy, &named("a"), &format!("{round}-{number}")).unwrap();
        }
        for number in 0..10 {
            let mut tx = calm.transaction().unwrap();
            let draft = tx.draft(&"other".parse().unwrap()).unwrap();
            let value = Value::scalar(format!("{round}-{number}"));
            draft.set_option(&named("a"), &Name::new("v").unwrap(), value).unwrap();
            tx.commit().unwrap();
        }
        assert!(edits(&calm, "hosts") <= 256, "round {round}: {}", edits(&calm, "hosts"));
    }
    assert_eq!(home.state().0[0], "7-99");
    let snapshot = calm.snapshot().unwrap();
    let value = snapshot.get(&Key::parse("hosts.a.v").unwrap()).unwrap();
    assert_eq!(value, Some(Value::scalar("7-99")));
    let text = |snapshot: &crate::Snapshot| snapshot.package(&"hosts".parse().unwrap()).unwrap().text();
    assert_eq!(text(&snapshot), text(&busy.snapshot().unwrap()));
}

#[test]
fn a_checkpoint_of_another_process_is_as_good_as_an_own_one() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    let checkpoints = || {
        let log = one.log("test").unwrap();
        log.backend.checkpoints(Revision(u64::MAX >> 1)).unwrap().len()
    };
    let before = checkpoints();
    for number in 0..12 {
        commit(&one, &named("a"), &format!("{number}")).unwrap();
    }
    assert_eq!(checkpoints(), before + 1);
    // Its own count has all commits since it was opened.
    commit(&other, &named("a"), "other").unwrap();
    assert_eq!(checkpoints(), before + 1);
    assert_eq!(home.state().0[0], "other");
}

#[test]
fn who_checks_by_other_schemas_does_not_commit_for_others() {
    let home = Home::new();
    let location = home.location().with_modules(vec![home.path("modules")]);
    let (leads, other) = (Store::open(&location, Options::default()).unwrap(), home.open());
    let log = leads.log("test").unwrap();
    let made = thread::scope(|scope| {
        let writing = log.write().unwrap();
        let waiting = scope.spawn(|| commit(&other, &named("a"), "1"));
        posts(log, 1);
        assert!(log.desk.take().is_empty());
        drop(writing);
        waiting.join().unwrap().unwrap()
    });
    assert_eq!(made.revision, Revision(2));
}

#[test]
fn what_lies_in_the_place_of_a_board_harms_nobody() {
    let home = Home::new();
    let good = {
        let (leads, other) = (home.open(), home.open());
        let (made, ()) = lead_for(&leads, &other, &named("a"), |_, writing, posted| {
            drop(posted);
            drop(writing);
        });
        made.unwrap();
        std::fs::read(home.board()).unwrap()
    };
    let mut random = cms_testkit::Random::for_test("board");
    let mut noise = good.clone();
    for byte in &mut noise[16..] {
        *byte = random.below(256) as u8;
    }
    let mut newer = good.clone();
    newer[8] = 2;
    let mut states = good.clone();
    // Every seat was taken, every state says something else, and every note is of revision 1.
    states[24..32].fill(255);
    for seat in 0..64 {
        states[4096 + seat * 64] = seat as u8;
        states[4096 + seat * 64 + 24] = 1;
    }
    for bytes in [&good[..100], &[], &newer, &noise, &states, b"something else"] {
        use std::os::unix::fs::PermissionsExt;
        let head = home.state().1;
        std::fs::remove_file(home.board()).unwrap();
        std::fs::write(home.board(), bytes).unwrap();
        std::fs::set_permissions(home.board(), std::fs::Permissions::from_mode(0o600)).unwrap();
        let stores = [home.open(), home.open(), home.open()];
        thread::scope(|scope| {
            for (number, store) in stores.iter().enumerate() {
                scope.spawn(move || {
                    let section = [named("a"), named("b"), Selector::Nth { kind: None, index: 2 }];
                    for round in 0..20 {
                        commit(store, &section[number], &format!("{head}-{round}")).unwrap();
                    }
                });
            }
        });
        assert_eq!(home.state(), (vec![format!("{head}-19"); 3], head + 60));
    }
}

#[test]
fn only_the_owner_uses_the_board_and_nobody_else_can_read_it() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let home = Home::new();
    let (leads, other) = (home.open(), home.open());
    let (made, ()) = lead_for(&leads, &other, &named("a"), |_, writing, posted| {
        drop(posted);
        drop(writing);
    });
    made.unwrap();
    let status = std::fs::metadata(home.board()).unwrap();
    assert_eq!((status.mode() & 0o7777, status.uid()), (0o600, geteuid().as_raw()));
    // One that somebody else could have written is replaced.
    std::fs::set_permissions(home.board(), std::fs::Permissions::from_mode(0o660)).unwrap();
    let log = other.log("test").unwrap();
    assert!(Board::open(&home.board(), geteuid().as_raw()).is_err());
    *log.desk.board.lock() = Known::default();
    assert!(log.desk.board(false).is_none() && log.desk.board(true).is_some());
    assert_eq!(std::fs::metadata(home.board()).unwrap().mode() & 0o7777, 0o600);
    if geteuid().is_root() {
        // Root in the store of another user.
        std::os::unix::fs::chown(home.path("config"), Some(4321), Some(4321)).unwrap();
        let foreign = home.open();
        assert!(foreign.log("test").unwrap().desk.board(true).is_none());
        assert!(commit(&foreign, &named("a"), "root's").is_ok());
    }
}

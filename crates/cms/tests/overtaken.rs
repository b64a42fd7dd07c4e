//! What others give up while somebody reads: the answer is right, or says from which revision on there is one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cms::model::Package;
use cms::{
    BackupOptions, BackupSource, CommitOptions, Error, HistoryQuery, Notice, Options, Pattern,
    RestoreOptions, Retention, Revision, Since, Snapshot, Store,
};
use support::{Home, NETWORK, commit, get, key, now, package, set};

const SYSTEM: &str = "config system 'main'\n\toption hostname 'attic'\n\toption zone 'x'\n";
const MTU: &str = "network.lan.mtu";
const HOST: &str = "system.main.hostname";

/// How long readers go on beside those who commit and give up.
const TRIAL: Duration = Duration::from_secs(3);

fn home() -> Home {
    Home::new(&[("network", NETWORK), ("system", SYSTEM)])
}

/// A commit whose value is its revision.
fn step(store: &Store, key: &str) -> Revision {
    let mut tx = store.transaction().unwrap();
    let next = store.head().unwrap().next();
    set(&mut tx, key, &next.to_string());
    assert_eq!(tx.commit().unwrap().revision, next, "there is one writer");
    next
}

fn steps(store: &Store, count: u64) -> Revision {
    for _ in 0..count {
        step(store, MTU);
    }
    store.head().unwrap()
}

/// Gives up all but so many commits.
fn keep(store: &Store, commits: u64) {
    store.retain(Retention { commits: Some(commits), ..Retention::default() }).unwrap();
}

/// The oldest revision that is kept, if an error says that what was asked for is older.
fn first_kept(error: &Error) -> Option<Revision> {
    match error {
        Error::Log(cms_log::Error::Compacted { revision, first }) if revision < first => Some(*first),
        _ => None,
    }
}

/// The answer, unless what was asked for is no longer kept.
#[track_caller]
fn unless_given_up<T>(outcome: cms::Result<T>) -> Option<T> {
    match outcome {
        Ok(answer) => Some(answer),
        Err(error) => {
            assert!(first_kept(&error).is_some(), "{error:?}");
            None
        }
    }
}

fn value(snapshot: &Snapshot, text: &str) -> cms::Result<String> {
    let value = snapshot.get(&key(text))?.unwrap();
    Ok(String::from_utf8(value.items()[0].to_vec()).unwrap())
}

fn all_is_well(store: &Store) {
    // Another use writes the files that nobody has waited for.
    Store::open(store.location(), Options::default()).unwrap().snapshot().unwrap();
    let findings = store.doctor(&mut |_, _, _| {}).unwrap();
    assert!(findings.iter().all(|found| found.severity < cms::FindingSeverity::Warning), "{findings:?}");
}

#[test]
fn a_snapshot_is_read_from_what_is_still_kept() {
    let home = home();
    let writer = home.open();
    let newest = steps(&writer, 20);
    let reader = home.open();
    // Neither has read a text yet, and what they would begin from is about to go.
    let (kept, gone) = (reader.snapshot_at(newest).unwrap(), reader.snapshot_at(newest).unwrap());
    keep(&writer, 0);
    let is_whole = |snapshot: &Snapshot| {
        assert_eq!(get(snapshot, MTU), Some(newest.to_string()));
        assert_eq!(get(snapshot, HOST).as_deref(), Some("attic"));
    };
    is_whole(&kept);
    let next = steps(&writer, 1);
    keep(&writer, 0);
    is_whole(&kept);
    let error = gone.package(&package("network")).unwrap_err();
    assert_eq!(first_kept(&error), Some(next), "{error:?}");
    let error = reader.snapshot_at(newest).err().unwrap();
    assert_eq!(first_kept(&error), Some(next), "{error:?}");
    assert!(error.is_not_found());
}

/// A process that was not asked for long knows a state that the log no longer leads on from.
#[test]
fn who_slept_meanwhile_reads_and_commits_on() {
    let home = home();
    let [reader, idle, watching] = [home.open(), home.open(), home.open()];
    let before = steps(&home.open(), 3);
    for store in [&reader, &idle, &watching] {
        assert_eq!(now(store, MTU), Some(before.to_string()));
    }
    let mut watch = watching.watch([Pattern::new("network.**").unwrap()], None).unwrap();
    let mut tx = idle.transaction().unwrap();
    set(&mut tx, HOST, "cellar");
    let writer = home.open();
    let newest = steps(&writer, 40);
    keep(&writer, 2);
    let first = Revision(newest.0 - 2);
    assert_eq!(now(&reader, MTU), Some(newest.to_string()));
    assert_eq!(reader.history(&HistoryQuery::default()).unwrap().len(), 3);
    // What it changed, nobody else did.
    assert_eq!(tx.commit().unwrap().revision, newest.next());
    assert_eq!(now(&idle, HOST).as_deref(), Some("cellar"));
    assert_eq!(now(&reader, HOST).as_deref(), Some("cellar"));
    let notice = watch.next(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(notice, Some(Notice::Compacted { after: before, resume: first }));
    for revision in [newest.0 - 1, newest.0] {
        let Some(Notice::Commit(told)) = watch.next(Some(Duration::from_secs(20))).unwrap() else {
            panic!("silence")
        };
        assert_eq!(told.revision.0, revision);
    }
    all_is_well(&writer);
}

/// Who changed what meanwhile cannot be told; whether somebody did, can.
#[test]
fn changes_made_on_a_state_that_is_gone_hold_where_nobody_else_changed_the_same() {
    let home = home();
    let (idle, writer) = (home.open(), home.open());
    steps(&writer, 3);
    let begin = |key: &str, value: &str| {
        let mut tx = idle.transaction().unwrap();
        set(&mut tx, key, value);
        tx
    };
    let (proto, same, gone) = (begin("network.lan.proto", "dhcp"), begin(HOST, "b"), begin(MTU, "1400"));
    let mut list = idle.transaction().unwrap();
    let lan = support::section("lan");
    list.draft(&package("network")).unwrap().add_list(&lan, &support::name("dns"), b"9.9.9.9").unwrap();
    let first = steps(&writer, 20);
    keep(&writer, 0);
    assert_eq!(proto.commit().unwrap().revision, first.next());
    same.commit().unwrap();
    list.commit().unwrap();
    let error = gone.commit().unwrap_err();
    assert_eq!(first_kept(&error), Some(first), "{error:?}");
    assert_eq!(now(&writer, "network.lan.dns").as_deref(), Some("1.1.1.1 9.9.9.9"));
    assert_eq!(now(&writer, "network.lan.proto").as_deref(), Some("dhcp"));
    assert_eq!(now(&writer, MTU), Some(first.to_string()));
}

/// A package that somebody watches, and that nobody touches for long, is told of when it is touched.
#[test]
fn a_watch_outlives_the_state_that_it_began_with() {
    let home = home();
    let (writer, watching) = (home.open(), home.open());
    commit(&writer, HOST, "loft").unwrap();
    let begun = steps(&writer, 5);
    // Of the state that it begins with it has read no text.
    let before = Revision(begun.0 - 1);
    let mut watch = watching.watch([Pattern::new("**").unwrap()], Some(before)).unwrap();
    let mut next = || watch.next(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(next(), Some(Notice::Commit(told)) if told.revision == begun));
    for _ in 0..4 {
        let newest = steps(&writer, 3);
        for revision in newest.0 - 2..=newest.0 {
            assert!(matches!(next(), Some(Notice::Commit(told)) if told.revision.0 == revision));
        }
        keep(&writer, 0);
    }
    let revision = commit(&writer, HOST, "cellar").unwrap().revision;
    let Some(Notice::Commit(told)) = next() else { panic!("silence") };
    assert_eq!((told.revision, told.events.len()), (revision, 1));
    assert_eq!(told.events[0].change.key, HOST);
    let old = told.events[0].change.old.as_ref().unwrap();
    assert_eq!(old.items()[0], *b"loft");
}

/// Of the oldest commit that is kept the state before it is not.
#[test]
fn the_history_of_the_oldest_commit_needs_no_state_before_it() {
    let home = home();
    let store = home.open();
    steps(&store, 3);
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("system")).unwrap();
    let gone = tx.commit().unwrap().revision;
    let history = |text: &str| {
        let query = HistoryQuery { key: Some(key(text)), ..HistoryQuery::default() };
        let entries = store.history(&query).unwrap();
        entries.into_iter().map(|entry| (entry.revision, entry.changes.len())).collect::<Vec<_>>()
    };
    assert_eq!(history(HOST)[0], (gone, 1));
    keep(&store, 0);
    assert_eq!(history(HOST), [(gone, 1)]);
    assert_eq!(history("system"), [(gone, 1)]);
    let error = store.undo(gone..=gone, &CommitOptions::default()).unwrap_err();
    assert_eq!(first_kept(&error), Some(gone), "{error:?}");
    let query = HistoryQuery::default();
    assert_eq!(store.history(&query).unwrap().len(), 1);
}

/// Ends the others when this one ends, however that is.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What another process has collected is stored again where a commit needs it, also when that comes between looking for it and
/// naming it.
#[test]
fn no_commit_is_refused_since_what_it_named_was_collected() {
    let home = home();
    let texts = [1, 2].map(|number| {
        let lines: String = (0..40).map(|line| format!("config a\n\toption b '{number} {line}'\n")).collect();
        Package::parse(lines.as_bytes()).unwrap()
    });
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let store = home.open();
            while !ends.load(Ordering::Relaxed) {
                keep(&store, 0);
            }
        });
        let _end = End(&ends);
        let store = home.open();
        let fresh = package("fresh");
        let begun = Instant::now();
        for round in 0.. {
            // Each text was there before, and given up with all that named it.
            let text = &texts[round % 2];
            let mut tx = store.transaction().unwrap();
            tx.replace_package(&fresh, text.clone()).unwrap();
            tx.commit().unwrap();
            assert_eq!(store.snapshot().unwrap().package(&fresh).unwrap().text(), text.text());
            let mut tx = store.transaction().unwrap();
            tx.delete_package(&fresh).unwrap();
            tx.commit().unwrap();
            if begun.elapsed() > TRIAL {
                break;
            }
        }
        ends.store(true, Ordering::Relaxed);
        collector.join().unwrap();
        all_is_well(&store);
    });
}

/// An edit by hand of a file that was last written before all that is kept.
#[test]
fn a_file_from_before_what_is_kept_can_be_edited() {
    let home = home();
    let writer = home.open();
    steps(&writer, 30);
    keep(&writer, 0);
    home.replace("system", &SYSTEM.replace("attic", "by hand"));
    assert_eq!(now(&home.open(), HOST).as_deref(), Some("by hand"));
    assert_eq!(now(&writer, HOST).as_deref(), Some("by hand"));
    assert!(now(&writer, MTU).is_some());
}

/// Commits, and gives up what is older than a few, until the readers have had enough; answers what they found.
fn beside_compaction<T: Send>(
    home: &Home,
    readers: impl IntoIterator<Item = impl FnOnce(&AtomicBool) -> T + Send>,
) -> Vec<T> {
    let ends = AtomicBool::new(false);
    let done = |ends: &AtomicBool| ends.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let store = home.open();
            while !done(&ends) {
                step(&store, MTU);
            }
        });
        // As if by a process of its own.
        let collector = scope.spawn(|| {
            let store = home.open();
            let mut commits = 0;
            while !done(&ends) {
                keep(&store, commits % 20);
                commits += 7;
                thread::sleep(Duration::from_millis(1));
            }
        });
        let ends = &ends;
        let readers: Vec<_> = readers.into_iter().map(|reader| scope.spawn(move || reader(ends))).collect();
        let begun = Instant::now();
        while begun.elapsed() < TRIAL && readers.iter().any(|reader| !reader.is_finished()) {
            thread::sleep(Duration::from_millis(10));
        }
        ends.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        collector.join().unwrap();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    })
}

type Reader<'a> = Box<dyn FnOnce(&AtomicBool) -> (u64, u64) + Send + 'a>;

/// Asks again and again until the end; counts the answers, and how often there was none any more.
fn again<'a>(store: Store, ask: impl Fn(&Store, Revision) -> bool + Send + 'a) -> Reader<'a> {
    Box::new(move |ends| {
        let (mut answers, mut given_up) = (0, 0);
        while !ends.load(Ordering::Relaxed) {
            let head = store.head().unwrap();
            if ask(&store, head) { answers += 1 } else { given_up += 1 }
        }
        (answers, given_up)
    })
}

#[test]
fn states_and_differences_are_right_or_given_up() {
    let home = home();
    steps(&home.open(), 30);
    let at = again(home.open(), |store, head| {
        let back = Revision(head.0 - head.0 % 9);
        let Some(snapshot) = unless_given_up(store.snapshot_at(back)) else { return false };
        // Both read the text only now.
        let read = unless_given_up(snapshot.package(&package("network")));
        let Some(other) = unless_given_up(value(&snapshot, HOST)) else { return false };
        assert_eq!(other, "attic");
        if read.is_some() {
            assert_eq!(get(&snapshot, MTU), Some(back.to_string()));
        }
        read.is_some()
    });
    let diff = again(home.open(), |store, head| {
        let old = Revision(head.0 - 4);
        let Some(diff) = unless_given_up(store.diff(old, head, None)) else { return false };
        let [only] = &diff[..] else { panic!("{diff:?}") };
        let change = &only.changes[0];
        assert_eq!(change.old.as_ref().unwrap().items()[0], old.to_string().as_bytes());
        assert_eq!(change.new.as_ref().unwrap().items()[0], head.to_string().as_bytes());
        true
    });
    let newest = again(home.open(), |store, head| {
        let snapshot = store.snapshot().unwrap();
        let revision = snapshot.revision().unwrap();
        assert!(revision >= head);
        let Some(found) = unless_given_up(value(&snapshot, MTU)) else { return false };
        assert_eq!(found, revision.to_string());
        true
    });
    for (answers, _) in beside_compaction(&home, [at, diff, newest]) {
        assert!(answers > 10, "{answers} answers");
    }
    all_is_well(&home.open());
}

#[test]
fn the_past_is_right_as_far_as_it_is_kept() {
    let home = home();
    steps(&home.open(), 30);
    let history = again(home.open(), |store, head| {
        let query = HistoryQuery { key: Some(key(MTU)), limit: Some(12), ..HistoryQuery::default() };
        let entries = store.history(&query).unwrap();
        assert!(entries.first().is_some_and(|entry| entry.revision >= head), "the newest is always kept");
        for entry in &entries {
            let new = entry.changes[0].new.as_ref().unwrap();
            assert_eq!(new.items()[0], entry.revision.to_string().as_bytes());
        }
        assert!(entries.windows(2).all(|two| two[0].revision.0 == two[1].revision.0 + 1), "{entries:?}");
        true
    });
    let blame = again(home.open(), |store, head| {
        let lines = store.blame(&key(MTU)).unwrap();
        let commit = lines[0].commit.as_ref();
        // It is the newest commit, or was while this was asked.
        if let Some(commit) = commit {
            assert!(commit.revision >= head);
            assert_eq!(lines[0].value.items()[0], commit.revision.to_string().as_bytes());
        }
        let old = store.blame(&key(HOST)).unwrap();
        assert!(old[0].commit.as_ref().is_none_or(|commit| commit.revision == Revision(1)), "{old:?}");
        commit.is_some()
    });
    for (answers, _) in beside_compaction(&home, [history, blame]) {
        assert!(answers > 10, "{answers} answers");
    }
}

#[test]
fn a_watch_misses_nothing_without_saying_so() {
    let home = home();
    let begin = steps(&home.open(), 10);
    let watching = |pause: Duration| -> Reader<'_> {
        let store = home.open();
        Box::new(move |ends| {
            let mut watch = store.watch([Pattern::new(MTU).unwrap()], Some(begin)).unwrap();
            let (mut at, mut told, mut skips) = (begin, 0, 0);
            while !ends.load(Ordering::Relaxed) {
                match watch.next(Some(Duration::from_millis(100))).unwrap() {
                    Some(Notice::Commit(commit)) => {
                        assert_eq!(commit.revision, at.next());
                        let new = commit.events[0].change.new.as_ref().unwrap();
                        assert_eq!(new.items()[0], commit.revision.to_string().as_bytes());
                        at = commit.revision;
                        told += 1;
                        // Now and then it stays behind.
                        if told % 50 == 0 {
                            thread::sleep(pause);
                        }
                    }
                    Some(Notice::Compacted { after, resume }) => {
                        assert!(after == at && resume > after, "{after} {resume} {at}");
                        at = resume;
                        skips += 1;
                    }
                    None => {}
                    other => panic!("{other:?}"),
                }
            }
            (told, skips)
        })
    };
    let found = beside_compaction(&home, [watching(Duration::ZERO), watching(Duration::from_millis(200))]);
    assert!(found.iter().all(|(told, _)| *told > 10), "{found:?}");
    assert!(found[1].1 > 0, "the second one stayed behind");
}

#[test]
fn a_rollback_restores_all_or_says_what_is_kept() {
    let home = home();
    steps(&home.open(), 10);
    let store = home.open();
    let roll: Reader<'_> = Box::new(move |ends| {
        let (mut done, mut given_up) = (0, 0);
        for number in 0.. {
            if ends.load(Ordering::Relaxed) {
                break;
            }
            let before = now(&store, HOST).unwrap();
            let to = store.head().unwrap();
            let made = commit(&store, HOST, &format!("h{number}")).unwrap().revision;
            let (options, host) = (CommitOptions::default(), key(HOST));
            let whole = key("system");
            let back = match number % 3 {
                0 => store.rollback(to, Some(&host), &options),
                1 => store.rollback(to, Some(&whole), &options),
                _ => store.undo(made..=made, &options),
            };
            match back {
                Ok(committed) => {
                    assert!(!committed.is_empty(), "nothing was rolled back");
                    assert_eq!(now(&store, HOST), Some(before));
                    done += 1;
                }
                Err(error) => {
                    assert!(first_kept(&error).is_some(), "{error:?}");
                    given_up += 1;
                }
            }
        }
        (done, given_up)
    });
    // The commits of the other writer are numbered by whoever is first.
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let store = home.open();
            for number in 0_u64.. {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                commit(&store, MTU, &number.to_string()).unwrap();
                keep(&store, number % 5);
            }
        });
        let ends = &ends;
        let rolling = scope.spawn(move || roll(ends));
        thread::sleep(TRIAL);
        ends.store(true, Ordering::Relaxed);
        beside.join().unwrap();
        let (done, _) = rolling.join().unwrap();
        assert!(done > 3, "{done} were rolled back");
    });
    all_is_well(&home.open());
}

/// Restores backups to a place of their own; answers what a key says there.
fn restored(files: &[Vec<u8>], text: &str) -> (Revision, String) {
    let other = Home::new(&[]);
    let mut readers: Vec<&[u8]> = files.iter().map(|file| &file[..]).collect();
    let mut sources: Vec<BackupSource<'_>> =
        readers.iter_mut().map(|reader| BackupSource { name: "a backup".into(), reader }).collect();
    let restored =
        Store::restore(&other.location(), &mut sources, &RestoreOptions::default(), &mut |_| {}).unwrap();
    assert!(restored.history);
    let store = Store::open(&other.location(), Options::default()).unwrap();
    all_is_well(&store);
    assert_eq!(store.head().unwrap(), restored.revision);
    let found = now(&store, text).unwrap();
    assert!(other.read("network").contains(&found), "the file has it, too");
    (restored.revision, found)
}

#[test]
fn a_backup_holds_the_log_as_it_was_when_it_was_begun() {
    let home = home();
    let (store, other) = (home.open(), home.open());
    let last = steps(&store, 40);
    let whole = {
        let mut file = Vec::new();
        let mut is_begun = false;
        let made = store.backup(&mut file, &BackupOptions::default(), &mut |_, _| {
            if !std::mem::replace(&mut is_begun, true) {
                // With the first record: all that it is about to read is given up.
                steps(&other, 5);
                keep(&other, 0);
            }
        });
        let made = made.unwrap();
        assert!(is_begun);
        assert_eq!((made.header.first, made.header.last, made.counts.commits), (Revision(0), last, last.0));
        file
    };
    assert_eq!(restored(&[whole], MTU), (last, last.to_string()));
    // What it would continue is gone, and it says so, with what there is.
    let since = Some(Since::Revision(last));
    let options = BackupOptions { since, ..BackupOptions::default() };
    let error = store.backup(&mut Vec::new(), &options, &mut |_, _| {}).unwrap_err();
    assert_eq!(first_kept(&error), Some(Revision(last.0 + 5)), "{error:?}");
}

#[test]
fn backups_are_made_beside_commits_and_compaction() {
    let home = home();
    steps(&home.open(), 30);
    let store = home.open();
    let back_up = move |ends: &AtomicBool| {
        let mut chains: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut last = None;
        while !ends.load(Ordering::Relaxed) {
            let mut file = Vec::new();
            let since = last.map(Since::Revision);
            let options = BackupOptions { since, ..BackupOptions::default() };
            match store.backup(&mut file, &options, &mut |_, _| {}) {
                Ok(made) => {
                    match last {
                        Some(_) => chains.last_mut().unwrap().push(file),
                        None => chains.push(vec![file]),
                    }
                    last = Some(made.header.last);
                    if chains.last().unwrap().len() == chains.len() % 3 + 1 {
                        // By then it is given up.
                        thread::sleep(Duration::from_millis(25));
                    }
                }
                Err(error) => {
                    // Only what was to be continued can be gone; a whole one always succeeds.
                    let base = last.take().unwrap();
                    assert!(first_kept(&error).unwrap() > base, "{error:?}");
                }
            }
        }
        chains
    };
    let chains = beside_compaction(&home, [back_up]).remove(0);
    let longest = chains.iter().map(Vec::len).max().unwrap();
    assert!(chains.len() > 3 && longest > 1, "{} chains, the longest of {longest}", chains.len());
    let (begin, end) = (&chains[..3], &chains[chains.len() - 3..]);
    let long = chains.iter().filter(|chain| chain.len() == longest).take(2);
    for chain in begin.iter().chain(end).chain(long) {
        let (revision, found) = restored(chain, MTU);
        assert_eq!(found, revision.to_string());
    }
    all_is_well(&home.open());
}

//! Giving up old commits: on a disk that is full or fills, in a process that is killed, and beside everything else.
//!
//! `CMS_TEST_KILLS` says how many kills there shall be (50 here), `CMS_TEST_SEED` repeats a run.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cms::model::{Key, Package, PackageName, Value};
use cms::{Dirs, HistoryQuery, Location, Options, Retention, Revision, Store};
use cms_testkit::{Answer, Call, Errno, Fault, Home, Mount, Random};

const NETWORK: &str = "config interface 'lan'\n\toption mtu '0'\n";
const SYSTEM: &str = "# attic\nconfig system 'main'\n\toption hostname 'attic'\n";
const SIGKILL: i32 = 9;

/// A home whose commits each set one value to their revision.
struct Trial {
    home: Home,
    /// What the history was when all of it was kept, as lines, by revision.
    past: Vec<(Revision, String)>,
}

impl Trial {
    fn new() -> Trial {
        Trial::on(Home::new(env!("CARGO_BIN_EXE_cms")))
    }

    fn on(home: Home) -> Trial {
        home.write("network", NETWORK);
        home.write("system", SYSTEM);
        home.cms(["list"]).run().success();
        Trial { home, past: Vec::new() }
    }

    fn open(&self) -> Store {
        let dirs = Dirs { state: Some(self.home.state_dir()), run: Some(self.home.run_dir()) };
        let location = Location::find(&self.home.config_dir(), &dirs).expect("the place");
        Store::open(&location, Options { writes: true, ..Options::default() }).expect("the store opens")
    }

    /// Commits as a process that lives on would; now and then whole packages come and go, with the objects that they need.
    fn grow(&self, count: u64) {
        self.grow_with(count, |revision, line| format!("{revision} {line}"));
    }

    fn grow_with(&self, count: u64, text_of: impl Fn(Revision, u64) -> String) {
        let store = self.open();
        let (network, fresh) = (name("network"), name("fresh"));
        let mtu = Key::parse("network.lan.mtu").expect("a key");
        for _ in 0..count {
            let mut tx = store.transaction().expect("a transaction");
            let next = store.head().expect("the head").next();
            let (section, option) = (mtu.section.clone().expect("a section"), mtu.option.clone());
            let value = Value::scalar(next.to_string());
            let draft = tx.draft(&network).expect("a draft");
            draft.set_option(&section, &option.expect("an option"), value).expect("a value");
            if next.0.is_multiple_of(5) {
                let lines = (0..60).map(|line| format!("config a\n\toption b '{}'\n", text_of(next, line)));
                let text: String = lines.collect();
                let text = Package::parse(text.as_bytes()).expect("a text");
                if tx.snapshot().contains(&fresh) {
                    tx.delete_package(&fresh).expect("no package");
                } else {
                    tx.replace_package(&fresh, text).expect("a package");
                }
            }
            tx.commit_and_wait_files().expect("a commit");
        }
    }

    /// Takes down what the history is.
    fn remember(&mut self) {
        let known = self.past.last().map(|(revision, _)| *revision);
        let query = HistoryQuery { since: known, ..HistoryQuery::default() };
        let entries = self.open().history(&query).expect("the history");
        self.past.extend(entries.into_iter().rev().map(|entry| (entry.revision, format!("{entry:?}"))));
    }

    /// The state is the newest, what is kept of the history is what it was, and the log is sound; answers from where on it is kept.
    #[track_caller]
    fn check(&self, situation: &str) -> Revision {
        self.home.cms(["doctor"]).run().success().stdout_has("all is well");
        let store = self.open();
        let (first, head) = (store.oldest().expect("the oldest"), store.head().expect("the head"));
        let value = store.snapshot().expect("a snapshot").get(&Key::parse("network.lan.mtu").expect("a key"));
        let value = value.expect("the value").expect("a value");
        assert_eq!(value.items()[0], *head.to_string().as_bytes(), "{situation}");
        let entries = store.history(&HistoryQuery::default()).expect("the history");
        let lines: Vec<_> =
            entries.into_iter().rev().map(|entry| (entry.revision, format!("{entry:?}"))).collect();
        // Of the oldest one the state before it is not kept, so what a whole package had held is not told.
        let kept = self.past.iter().filter(|(revision, _)| *revision >= first);
        assert!(lines.iter().eq(kept), "{situation}: {first} to {head}");
        for revision in [first, Revision((first.0 + head.0) / 2), head] {
            let then = store.snapshot_at(revision).expect("what is kept can be read");
            if revision.0 > 1 {
                let text = then.package(&name("network")).expect("the package").text();
                let line = format!("option mtu '{revision}'\n");
                assert!(String::from_utf8_lossy(&text).contains(&line), "{situation}, {revision}");
            }
        }
        first
    }

    fn set_and_commit(&self) -> Answer {
        let next = self.open().head().expect("the head").next();
        self.home.cms(["set", &format!("network.lan.mtu={next}")]).run().success();
        self.home.cms(["commit"]).run()
    }
}

fn name(text: &str) -> PackageName {
    PackageName::new(text).expect("a name")
}

fn few(commits: u64) -> Retention {
    Retention { commits: Some(commits), ..Retention::default() }
}

/// The error says something, and nothing has crashed.
#[track_caller]
fn clear(answer: &Answer) {
    assert!(answer.code().is_some_and(|code| code > 0 && code < 100), "{answer}");
    let text = answer.stderr();
    assert!(!text.trim().is_empty() && !text.contains("panicked"), "{answer}");
}

fn run(trial: &Trial, line: &str) -> Answer {
    trial.home.cms(line.split(' ')).run()
}

/// Compacts, after a dry run that says the same; answers how many commits were given up.
#[track_caller]
fn compact(trial: &Trial, line: &str) -> u64 {
    let number = |answer: Answer| {
        let answer: serde_json::Value = serde_json::from_str(&answer.success().stdout()).expect("JSON");
        (answer["commits"].as_u64().expect("a number"), answer["estimate"].as_bool())
    };
    let before = trial.open().oldest().expect("the oldest");
    let (would, is_estimate) = number(run(trial, &format!("compact {line} --dry-run --json")));
    let words = run(trial, &format!("compact {line} --dry-run")).success().stderr();
    assert_eq!(words.contains("about"), is_estimate == Some(true), "{words}");
    assert_eq!(trial.open().oldest().expect("the oldest"), before, "that was a dry run");
    let (given_up, _) = number(run(trial, &format!("compact {line} --json")));
    match is_estimate {
        Some(true) => assert!(given_up <= would, "{given_up} of {would}"),
        _ => assert_eq!(given_up, would),
    }
    given_up
}

#[test]
fn the_command_line_keeps_what_it_is_told_to_keep() {
    let mut trial = Trial::new();
    trial.grow(29);
    thread::sleep(Duration::from_millis(2500));
    trial.grow(10);
    trial.remember();
    let (old, head) = (Revision(30), Revision(40));
    assert_eq!(trial.past.last().expect("a commit").0, head);
    // What either asks for is kept.
    assert_eq!(compact(&trial, "--keep-commits 39"), 0);
    assert_eq!(compact(&trial, "--keep-age 1h"), 0);
    assert_eq!(compact(&trial, "--keep-commits 35 --keep-age 2s"), 4);
    assert_eq!(trial.check("the number"), Revision(5));
    assert_eq!(compact(&trial, "--keep-commits 100 --keep-age 2s --max-size 1G"), 0);
    compact(&trial, "--keep-commits 2 --keep-age 2s");
    let first = trial.check("the age");
    // Where 10 commits took longer than that, some of them are too old as well.
    assert!(first >= old && first <= Revision(38), "{first}");
    assert_eq!(compact(&trial, "--keep-commits 2"), 38 - first.0);
    assert_eq!(trial.check("the number"), Revision(38));
    run(&trial, "compact --keep-commits 1 --keep-age nonsense").exits(2);
    assert_eq!(trial.check("what is not understood"), Revision(38));

    // Nothing that can be packed.
    trial.grow_with(300, |revision, line| {
        let mut random = Random::new(revision.0 << 8 | line);
        (0..60).map(|_| format!("{:016x}", random.next())).collect()
    });
    trial.remember();
    let given_up = compact(&trial, "--keep-commits 100000 --keep-age 90d --max-size 1M");
    assert!(given_up > 0);
    assert_eq!(trial.check("the size"), Revision(38 + given_up));
    assert_eq!(compact(&trial, "--max-size 1M"), 0, "it is small enough");
}

#[test]
fn what_always_says_is_kept_to_without_being_asked() {
    let mut trial = Trial::new();
    trial.grow(10);
    run(&trial, "compact --keep-commits 25 --always").success().stderr_has("gave up 0 commits");
    run(&trial, "compact --show").success().stdout_has("--keep-commits 25\n");
    trial.grow(600);
    trial.remember();
    let first = trial.check("it was not asked");
    assert!((200..=586).contains(&first.0), "{first}");
    run(&trial, "compact --standard")
        .success()
        .stdout_has("--keep-commits 100000\n--keep-age 30d\n--max-size 1G\n");
    trial.grow(300);
    trial.remember();
    assert_eq!(trial.check("it keeps all again"), first);
}

/// Whatever asks for what is gone is told so, with what there is.
#[test]
fn what_is_no_longer_kept_is_said() {
    let mut trial = Trial::new();
    trial.grow(9);
    let backup = trial.home.root().join("tmp").join("backup");
    let backup = backup.to_string_lossy().into_owned();
    run(&trial, &format!("backup {backup}")).success();
    // Two of these are staged on a state that is gone when they are committed; the second changes what others changed.
    run(&trial, "set system.main.hostname=cellar").success();
    trial.grow(10);
    trial.remember();
    assert_eq!(compact(&trial, "--keep-commits 4"), 15);
    assert_eq!(trial.check("all but four"), Revision(16));
    for line in [
        "get network.lan.mtu --at 10",
        "export network --at head~6",
        "diff 10",
        "diff 2 18",
        "rollback 15",
        "rollback 15 network",
        "undo 12",
        "undo 16",
        "history --until 15",
        &format!("backup --since 10 {backup}"),
        &format!("backup --since {backup} {backup}2"),
    ] {
        let answer = run(&trial, line).exits(3).stderr_has("no longer kept, the oldest is 16");
        let is_backup = line.starts_with("backup");
        answer.stderr_has(if is_backup { "make a whole backup" } else { "from revision 16 on" });
    }
    run(&trial, "history --since 10").success().stderr_has("no commits before revision 16").stdout_has("r16");
    assert_eq!(run(&trial, "history --since 15").success().stderr(), "");
    run(&trial, "blame network.lan.mtu").success().stdout_has("20");
    run(&trial, "commit").success();
    run(&trial, "get system.main.hostname").success().stdout_is("cellar\n");
    run(&trial, "undo 21").success();
    run(&trial, "set network.lan.mtu=1").success();
    trial.grow(10);
    run(&trial, "compact --keep-commits 1").success();
    run(&trial, "commit").exits(3).stderr_has("no longer kept").stderr_has("`cms revert PACKAGE` drops it");
    run(&trial, "changes").success().stdout_has("network.lan.mtu");
    run(&trial, "revert network").success();
    run(&trial, "rollback 31").success();
    run(&trial, "doctor").success().stdout_has("all is well");
    run(&trial, &format!("backup {backup}")).success();
}

/// Fails, fills up or is killed at the first call, the second, and so on; the next one goes on.
#[test]
fn a_compaction_that_is_cut_short_anywhere_loses_nothing() {
    let mut trial = Trial::new();
    let kinds: [fn(u64) -> Fault; 6] = [
        |n| Fault::full(n, Errno::NOSPC),
        |n| Fault::full(n, Errno::DQUOT),
        |n| Fault::fail(n, Errno::IO),
        |n| Fault::fail_from(n, Errno::NOSPC),
        Fault::kill_after,
        Fault::short_kill,
    ];
    for kind in kinds {
        for n in 1.. {
            trial.grow(12);
            trial.remember();
            let fault = kind(n);
            let situation = fault.to_string();
            let answer = trial.home.cms(["compact", "--keep-commits", "3"]).fault(fault).run();
            let situation = format!("{situation}: {answer}");
            if answer.signal() != Some(SIGKILL) && !answer.is_success() {
                clear(&answer);
            }
            let head = trial.past.last().expect("a commit").0;
            let first = trial.check(&situation);
            assert!(first == Revision(head.0 - 3) || !answer.is_success(), "{situation}");
            // Nothing of it lies in the way, and it can be gone on with.
            trial.home.cms(["compact", "--keep-commits", "2"]).run().success();
            assert_eq!(trial.check(&situation), Revision(head.0 - 2));
            if answer.calls().len() < n as usize {
                assert!(n > 5, "compacting changes no file");
                break;
            }
        }
    }
}

/// The call by which a commit became durable: the first sync after it was appended, behind which it is kept beside the log as well.
fn synced(calls: &[Call]) -> Option<usize> {
    let ends = |call: &Call, suffix: &str| call.path.to_string_lossy().ends_with(suffix);
    let appended = calls.iter().position(|call| call.writes() && ends(call, "-newest"))?;
    let sync = |call: &Call| call.name.contains("sync") && ends(call, "-wal");
    Some(appended + 1 + calls[appended..].iter().position(sync)?)
}

/// The commit that gives up old ones behind itself was acknowledged before, whatever happens then.
#[test]
fn a_disk_that_fills_behind_a_commit_refuses_no_commit() {
    let mut trial = Trial::new();
    trial.open().set_retention(Some(few(40))).expect("a retention");
    let state = trial.home.state_dir();
    trial.grow(260);
    let (mut durable, mut calls) = (1, 0);
    for round in 0.. {
        let head = trial.open().head().expect("the head").0;
        // Who goes beyond a multiple of 256 sees to the log.
        trial.grow(255 - head % 256);
        let before = trial.open().oldest().expect("the oldest");
        // From somewhere behind the commit on; the first round says how far that goes.
        let n = durable + 4 * round as usize;
        let fault = if round == 0 { Fault::count() } else { Fault::full(n as u64, Errno::NOSPC) };
        let next = trial.open().head().expect("the head").next();
        trial.home.cms(["set", &format!("network.lan.mtu={next}")]).run().success();
        let answer = trial.home.cms(["commit"]).fault(fault.under(&state)).run();
        let situation = format!("round {round}, the disk full from call {n} on: {answer}");
        let synced = synced(answer.calls());
        if round == 0 {
            durable = synced.expect("a commit is synced");
            calls = answer.calls().len();
            assert!(calls > durable + 5, "there was something to do behind it: {calls}");
            assert!(trial.open().oldest().expect("the oldest") > before);
        }
        if answer.is_success() {
            assert_eq!(trial.open().head().expect("the head"), next);
        } else {
            clear(&answer);
            assert!(synced.is_none_or(|synced| n <= synced), "{situation}");
            trial.home.cms(["commit"]).run().success();
        }
        trial.past.clear();
        trial.remember();
        trial.check(&situation);
        if n > calls {
            break;
        }
    }
}

/// Fills a file system but for so many bytes.
fn fill(folder: &Path, but: u64) {
    fs::write(folder.join("filler"), vec![0; free(folder).saturating_sub(but) as usize]).expect("the filler");
}

/// Two logs of the same commits on two small disks; one of them is to be compacted.
#[test]
fn what_fits_is_committed_however_little_room_compaction_finds() {
    for free in [0, 24, 64, 160, 400, 1200].map(|kib| kib << 10) {
        let mut outcomes = Vec::new();
        for retention in [Retention::default(), few(20)] {
            let home = Home::new(env!("CARGO_BIN_EXE_cms"));
            let place = home.root().join("state");
            let Some(_mount) = Mount::tmpfs(&place, 16 << 20) else {
                eprintln!("not run: mounting a file system needs root");
                return;
            };
            let mut trial = Trial::on(home);
            trial.grow(506);
            trial.open().set_retention(Some(retention)).expect("a retention");
            trial.remember();
            fill(&place, free);
            // The sixth of them goes beyond a multiple of 256.
            let mut outcome = Vec::new();
            for _ in 0..20 {
                let next = trial.open().head().expect("the head").next();
                let staged = trial.home.cms(["set", &format!("network.lan.mtu={next}")]).run();
                let answer = trial.home.cms(["commit"]).run();
                if !answer.is_success() {
                    clear(&answer);
                }
                outcome.push(staged.is_success() && answer.is_success());
            }
            fs::remove_file(place.join("filler")).expect("room");
            trial.home.cms(["revert", "network"]).run();
            trial.remember();
            let situation = format!("{free} bytes free, {retention:?}, {outcome:?}");
            assert!(trial.set_and_commit().is_success(), "{situation}");
            trial.remember();
            let first = trial.check(&situation);
            if retention == Retention::default() {
                assert_eq!(first, Revision(0), "{situation}");
            } else {
                // Where there was no room there is now, and a later one goes on.
                trial.grow(256);
                trial.remember();
                let first = trial.check(&situation);
                assert!(first >= Revision(256), "{first}: {situation}");
            }
            outcomes.push(outcome);
        }
        let refused = outcomes[0].iter().zip(&outcomes[1]).position(|(without, with)| *without && !with);
        assert_eq!(refused, None, "{free} bytes free: {outcomes:?}");
    }
}

#[test]
fn compact_says_what_a_full_disk_lacks() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    let place = home.root().join("state");
    let Some(_mount) = Mount::tmpfs(&place, 4 << 20) else {
        eprintln!("not run: mounting a file system needs root");
        return;
    };
    let mut trial = Trial::on(home);
    trial.grow(120);
    trial.remember();
    fill(&place, 0);
    let answer = trial.home.cms(["compact", "--keep-commits", "5"]).run().fails();
    clear(&answer);
    answer.stderr_has("KiB of room").stderr_has("make some room");
    fs::remove_file(place.join("filler")).expect("room");
    trial.check("the disk was full");
    let head = trial.past.last().expect("a commit").0;
    trial.home.cms(["compact", "--keep-commits", "5"]).run().success();
    assert_eq!(trial.check("there is room"), Revision(head.0 - 5));
}

fn free(folder: &Path) -> u64 {
    let disk = rustix::fs::statvfs(folder).expect("the disk");
    disk.f_bavail * disk.f_frsize
}

/// It takes its steps as the room allows, so that others find some at any moment, and comes to its end all the same.
#[test]
fn compaction_leaves_most_of_the_room_to_others() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    let place = home.root().join("state");
    let Some(_mount) = Mount::tmpfs(&place, 64 << 20) else {
        eprintln!("not run: mounting a file system needs root");
        return;
    };
    let mut trial = Trial::on(home);
    // Thousands of texts that nothing names once these commits are gone.
    let store = trial.open();
    for round in 0..8 {
        let mut tx = store.transaction().expect("a transaction");
        for number in 0..400 {
            let text = format!("config a\n\toption b '{round} {number}'\n");
            let package = Package::parse(text.as_bytes()).expect("a text");
            tx.replace_package(&name(&format!("p{number}")), package).expect("a package");
        }
        tx.commit().expect("a commit");
        let mut tx = store.transaction().expect("a transaction");
        for number in 0..400 {
            tx.delete_package(&name(&format!("p{number}"))).expect("a package");
        }
        tx.commit().expect("a commit");
    }
    drop(store);
    trial.grow(30);
    trial.remember();
    let room = 800 << 10;
    fill(&place, room);
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let least = thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut least = free(&place);
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                least = least.min(free(&place));
                thread::sleep(Duration::from_micros(100));
            }
            least
        });
        let given_up = trial.open().retain(few(5));
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        let least = looking.join().expect("the least room");
        assert!(given_up.expect("it comes to its end") > 30);
        least
    });
    assert!(least > room / 2, "{least} of {room} bytes were left");
    let head = trial.past.last().expect("a commit").0;
    assert_eq!(trial.check("little room"), Revision(head.0 - 5));
}

/// At any moment, by `kill -9` from outside.
#[test]
fn kills_amid_compaction_lose_nothing() {
    let kills = std::env::var("CMS_TEST_KILLS").map_or(50, |text| text.parse().expect("a number"));
    let mut random = Random::for_test("kills_amid_compaction_lose_nothing");
    let mut trial = Trial::new();
    trial.grow(400);
    let (mut killed, mut amid, mut most) = (0, 0, 4_000);
    while killed < kills {
        trial.grow(80);
        trial.remember();
        let before = trial.open().oldest().expect("the oldest");
        let keep = 30 + random.below(40);
        let delay = Duration::from_micros(random.below(most));
        let running = trial.home.cms(["compact", "--keep-commits", &keep.to_string()]).spawn();
        thread::sleep(delay);
        running.kill();
        let answer = running.wait();
        let situation = format!("killed after {delay:?}, {answer}");
        if answer.signal() == Some(SIGKILL) {
            killed += 1;
            most += 400;
        } else {
            answer.success();
            most = (most / 2).max(2_000);
        }
        let first = trial.check(&situation);
        amid += u64::from(first > before);
        // Every third one is gone on with, the others are met half-way by the next.
        if killed % 3 == 0 {
            trial.home.cms(["compact", "--keep-commits", "30"]).run().success();
            trial.check(&situation);
        }
    }
    assert!(amid > 3, "{amid} of {kills} were killed after something had been given up");
    trial.home.cms(["compact", "--keep-commits", "0"]).run().success();
    let head = trial.past.last().expect("a commit").0;
    assert_eq!(trial.check("in the end"), head);
}

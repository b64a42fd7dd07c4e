//! A disk that fails: a clear error, the old file and what was staged still there, and the next try works.

use std::fs;
use std::path::Path;

use cms_testkit::{Answer, Call, Command, Errno, Fault, Home, Ledger, Mount};

const OPTIONS: usize = 4;
const ERRORS: [Errno; 5] = [Errno::NOSPC, Errno::IO, Errno::ROFS, Errno::DQUOT, Errno::MFILE];

/// A home in which something was committed before and something is staged.
struct Trial {
    home: Home,
    ledger: Ledger,
    value: u64,
}

impl Trial {
    fn new() -> Self {
        Self::on(Home::new(env!("CARGO_BIN_EXE_cms")))
    }

    fn on(home: Home) -> Self {
        let ledger = Ledger::new(&home, OPTIONS);
        let mut trial = Self { home, ledger, value: 0 };
        trial.set(0).run().success();
        trial.stage(0);
        trial.home.cms(["commit"]).run().success();
        trial.ledger.commit();
        trial.restage();
        trial
    }

    /// A command that stages a new value.
    fn set(&mut self, option: usize) -> Command {
        self.value += 1;
        self.home.cms(Ledger::set_command(option, self.value))
    }

    fn stage(&mut self, option: usize) {
        self.ledger.stage(option, self.value);
    }

    /// Makes sure that there is something to commit.
    fn restage(&mut self) {
        self.set(1).run().success();
        self.stage(1);
    }

    /// A `set` on the failing disk. Refused, it may have reached the disk or not; what was staged before stays.
    fn failing_set(&mut self, fail: impl Fn(Command) -> Command) -> Answer {
        let command = self.set(2);
        let answer = fail(command).run();
        let situation = answer.to_string();
        let before = self.ledger.clone();
        self.stage(2);
        if answer.is_success() {
            self.ledger.check(&self.home, &situation);
        } else {
            clear(&answer);
            self.ledger = before.either(self.ledger.clone(), &self.home, &situation);
            self.set(2).run().success();
            self.stage(2);
            self.ledger.check(&self.home, &format!("the next try after {situation}"));
        }
        answer
    }

    /// A `commit` on the failing disk. Refused, all of it or nothing of it has happened.
    fn failing_commit(&mut self, fail: impl Fn(Command) -> Command) -> Answer {
        let old = self.ledger.text();
        let mut after = self.ledger.clone();
        after.commit();
        let answer = fail(self.home.cms(["commit"])).run();
        let situation = answer.to_string();
        if answer.is_success() {
            after.check(&self.home, &situation);
        } else {
            clear(&answer);
            let file = self.home.read("store");
            assert!(file == old || file == after.text(), "{situation}: the file is\n{file}");
            self.ledger.clone().either(after.clone(), &self.home, &situation);
            self.home.cms(["commit"]).run().success();
            after.check(&self.home, &format!("the next try after {situation}"));
        }
        self.ledger = after;
        answer
    }
}

/// The error says something, and nothing has crashed.
fn clear(answer: &Answer) {
    assert!(answer.code().is_some_and(|code| code > 0 && code < 100), "{answer}");
    let text = answer.stderr();
    assert!(!text.trim().is_empty() && !text.contains("panicked"), "{answer}");
}

/// Tries a way of failing at the first call, the second, and so on, until the command no longer gets that far.
fn at_every_call(kind: impl Fn(u64) -> Fault) {
    let mut trial = Trial::new();
    for n in 1.. {
        let answer = trial.failing_set(|command| command.fault(kind(n)));
        if answer.calls().len() < n as usize {
            assert!(n > 1, "set changes no file");
            break;
        }
        refused_when_not_synced(&answer, n);
    }
    for n in 1.. {
        trial.restage();
        let answer = trial.failing_commit(|command| command.fault(kind(n)));
        if answer.calls().len() < n as usize {
            assert!(n > 2, "commit changes no file");
            break;
        }
        refused_when_not_synced(&answer, n);
    }
    trial.home.cms(["doctor"]).run().success();
}

/// When the sync failed that makes a change durable, the answer can never be 0: that of a package, of the staged
/// changes, or the only one of the log. (Where there are several, one belongs to the commit; others to notes on files before it, and
/// to upkeep behind it, which may fail.)
fn refused_when_not_synced(answer: &Answer, n: u64) {
    let sync = |call: &Call| ["fsync", "fdatasync"].contains(&call.name.as_str());
    let failed = &answer.calls()[n as usize - 1];
    let path = failed.path.to_string_lossy();
    let log = |call: &Call| sync(call) && call.path.to_string_lossy().ends_with("-wal");
    let needed = path.contains("/conf/")
        || path.ends_with("/conf")
        || path.contains("/stage/")
        || (log(failed) && answer.calls().iter().filter(|call| log(call)).count() == 1);
    let failing = answer.to_string().contains("[fail");
    assert!(
        !(sync(failed) && needed && failing && answer.is_success()),
        "{failed:?} failed, yet acknowledged: {answer}"
    );
}

#[test]
fn one_call_fails() {
    for errno in ERRORS {
        at_every_call(|n| Fault::fail(n, errno));
    }
}

#[test]
fn every_call_from_one_on_fails() {
    for errno in ERRORS {
        at_every_call(|n| Fault::fail_from(n, errno));
    }
}

#[test]
fn the_disk_or_the_quota_is_full() {
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        at_every_call(|n| Fault::full(n, errno));
    }
}

#[test]
fn a_write_is_short() {
    at_every_call(Fault::short);
}

#[test]
fn reading_fails() {
    for errno in [Errno::IO, Errno::MFILE] {
        at_every_call(|n| Fault::fail(n, errno).with_reads());
    }
}

#[test]
fn the_first_use_fails() {
    for errno in [Errno::NOSPC, Errno::IO] {
        for n in 1.. {
            let home = Home::new(env!("CARGO_BIN_EXE_cms"));
            let ledger = Ledger::new(&home, OPTIONS);
            let answer = home.cms(Ledger::set_command(0, 7)).fault(Fault::fail_from(n, errno)).run();
            assert_eq!(home.read("store"), ledger.text(), "{answer}");
            if !answer.is_success() {
                clear(&answer);
                home.cms(Ledger::set_command(0, 7)).run().success();
            }
            home.cms(["commit"]).run().success();
            home.cms(["get", "store.main.o0"]).run().success().stdout_is("7\n");
            if answer.calls().len() < n as usize {
                break;
            }
        }
    }
}

/// Reading needs no disk that can be written.
#[test]
fn reading_goes_on_when_nothing_can_be_written() {
    let trial = Trial::new();
    for errno in [Errno::NOSPC, Errno::IO, Errno::ROFS] {
        let get = |option: usize| {
            trial.home.cms(["get".into(), Ledger::key(option)]).fault(Fault::fail_from(1, errno))
        };
        get(0).run().success().stdout_is("1\n");
        get(1).run().success().stdout_is("2\n");
    }
}

/// Whether the caller ignores the signal that comes with the limit or not, it is an error and no death.
#[test]
fn files_may_not_grow() {
    for ignore in [true, false] {
        for blocks in [0, 1, 8, 16, 64, 128] {
            let mut trial = Trial::new();
            let limited = |command: Command| command.file_size_limit(blocks, ignore);
            let mut after = trial.ledger.clone();
            after.commit();
            let answer = limited(trial.home.cms(["commit"])).run();
            let situation = format!("a limit of {blocks} blocks, {answer}");
            if answer.is_success() {
                after.check(&trial.home, &situation);
                continue;
            }
            clear(&answer);
            trial.ledger = trial.ledger.either(after.clone(), &trial.home, &situation);
            trial.home.cms(["commit"]).run().success();
            after.check(&trial.home, &situation);
        }
    }
}

/// Fills a file system to its last byte.
fn fill(folder: &Path) {
    let mut bytes = vec![0_u8; 1 << 16];
    let path = folder.join("filler");
    let mut file = fs::File::create(&path).expect("the filler");
    while !bytes.is_empty() {
        match std::io::Write::write(&mut file, &bytes) {
            Ok(0) | Err(_) => bytes.truncate(bytes.len() / 2),
            Ok(_) => {}
        }
    }
}

/// A home with one of its folders on a small file system of its own; `None` when this user may not mount.
fn mounted(folder: &str) -> Option<(Mount, Home)> {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    let Some(mount) = Mount::tmpfs(&home.root().join(folder), 2 << 20) else {
        eprintln!("not run: mounting a file system needs root");
        return None;
    };
    Some((mount, home))
}

#[test]
fn a_real_disk_is_full() {
    for folder in ["state", "conf", "run"] {
        let Some((_mount, home)) = mounted(folder) else { return };
        let mut trial = Trial::on(home);
        let place = trial.home.root().join(folder);
        // In the configuration directory a filler must not look like a package.
        let filler = place.join(".filler");
        fill(&place);
        fs::rename(place.join("filler"), &filler).expect("the filler is renamed");
        let mut after = trial.ledger.clone();
        after.commit();
        let answer = trial.home.cms(["commit"]).run();
        let situation = format!("{folder} is full, {answer}");
        if !answer.is_success() {
            clear(&answer);
            assert!(
                trial.home.read("store") == trial.ledger.text() || trial.home.read("store") == after.text(),
                "{situation}"
            );
        }
        trial.home.cms(["get", "store.main.o1"]).run().success().stdout_is("2\n");
        fs::remove_file(&filler).expect("the filler is removed");
        trial.home.cms(["commit"]).run().success();
        after.check(&trial.home, &situation);
        trial.ledger = after;
    }
}

#[test]
fn a_real_file_system_is_read_only() {
    for folder in ["state", "conf"] {
        let Some((mount, home)) = mounted(folder) else { return };
        let trial = Trial::on(home);
        mount.read_only(true);
        let answer = trial.home.cms(["commit"]).run().fails();
        clear(&answer);
        trial.home.cms(["get", "store.main.o1"]).run().success().stdout_is("2\n");
        mount.read_only(false);
        trial.home.cms(["commit"]).run().success();
        let mut after = trial.ledger.clone();
        after.commit();
        after.check(&trial.home, &format!("{folder} was read-only, {answer}"));
    }
}

//! Many processes on one log, killed at any instruction, on a disk that fails at any call: no acknowledged commit is lost.
//!
//! The processes are this test binary itself, told by a variable to play the writer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which report by panicking")]

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    ops::ControlFlow,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use cms_log::{Backend, Commit, Open, Revision, Root, Sqlite, package_at, packages_at, store_package};
use cms_model::{Package, PackageName};
use cms_testkit::{
    Errno, Fault, Random,
    backend_suite::{Writer, plain_commit},
};

const FOLDER: &str = "CMS_LOG_TEST_FOLDER";
const COUNT: &str = "CMS_LOG_TEST_COUNT";

/// Plays the writer when the variable is set: appends commits and says which are acknowledged.
#[test]
fn writer() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let count: u64 = std::env::var(COUNT).unwrap().parse().unwrap();
    if let Err(error) = write(Path::new(&folder), count) {
        let mut cause: &dyn std::error::Error = &error;
        print!("\nfailed {cause}");
        while let Some(next) = cause.source() {
            print!(": {next}");
            cause = next;
        }
        println!();
    }
}

fn write(folder: &Path, count: u64) -> cms_log::Result<()> {
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let log =
        Sqlite::open(folder.join("log.db"), Open { create: true, read_only: false, ..Open::default() })?;
    lock.unlock().unwrap();
    let mut out = std::io::stdout();
    for number in 0..count {
        lock.lock().unwrap();
        let appended = append_next(&log, number);
        lock.unlock().unwrap();
        let durable = log.sync(appended?)?;
        let message = format!("{}:{number}", std::process::id());
        out.write_all(format!("\nack {} {message}\n", durable.revision()).as_bytes()).unwrap();
        out.flush().unwrap();
    }
    log.tidy()
}

/// Appends a plain commit, or now and then a package with a checkpoint.
fn append_next(log: &Sqlite, number: u64) -> cms_log::Result<cms_log::Appended> {
    let head = log.head()?;
    let message = format!("{}:{number}", std::process::id());
    let commit = Commit { message, ..plain_commit(head.0 + 1) };
    if number % 4 != 3 {
        return log.append(head, &commit, &[], None);
    }
    let text = Writer::new("network", 50 + (head.0 % 7) as usize * 10).text();
    let stored = store_package(log, &Package::parse(&text).unwrap())?;
    let name = PackageName::new("network").unwrap();
    let body = cms_log::EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None };
    let packages = vec![cms_log::PackageEntry { package: name.clone(), body }];
    let root = Root { packages: [(name, stored.manifest)].into() };
    log.append(head, &Commit { packages, ..commit }, &stored.objects, Some(&root))
}

fn spawn(folder: &Path, count: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture"])
        .env(FOLDER, folder)
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the acknowledgements in what a writer said.
fn acknowledged(said: impl BufRead) -> Vec<(u64, String)> {
    let lines = said.lines().map_while(Result::ok);
    let words = lines.filter_map(|line| {
        let (revision, message) = line.strip_prefix("ack ")?.split_once(' ')?;
        Some((revision.parse().unwrap(), message.to_owned()))
    });
    words.collect()
}

/// Checks that the log is whole and has what was acknowledged.
fn check(folder: &Path, acknowledged: &[(u64, String)]) {
    let log = Sqlite::open(folder.join("log.db"), Open { create: true, read_only: false, ..Open::default() })
        .unwrap();
    for (revision, message) in acknowledged {
        let commit = log.commit(Revision(*revision)).unwrap();
        assert_eq!(commit.map(|commit| commit.message).as_ref(), Some(message), "revision {revision}");
    }
    let head = log.head().unwrap();
    let mut last = 0;
    log.commits(Revision(0), head, &mut |commit| {
        last += 1;
        assert_eq!(commit.revision.0, last);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(last, head.0);
    for package in packages_at(&log, head).unwrap() {
        package_at(&log, &package, head).unwrap().unwrap();
    }
    let findings = log.verify(&mut |_| {}).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn processes_append_in_one_order_from_the_first_open_on() {
    for _ in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let mut children: Vec<Child> = (0..6).map(|_| spawn(folder.path(), 40)).collect();
        // One that just looks in, from before there is a log, must neither fail nor disturb.
        let path = folder.path().join("log.db");
        let mut seen = Revision::EMPTY;
        while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
            match Sqlite::open(&path, Open::default()) {
                Ok(log) => {
                    let head = log.head().unwrap();
                    assert!(head >= seen);
                    seen = head;
                    assert!(head == Revision::EMPTY || log.commit(head).unwrap().is_some());
                }
                Err(error) => assert!(error.is_absent(), "{error}"),
            }
        }
        let mut all = Vec::new();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let acknowledged = acknowledged(&output.stdout[..]);
            assert_eq!(acknowledged.len(), 40, "{}", String::from_utf8_lossy(&output.stdout));
            all.extend(acknowledged);
        }
        assert_eq!(all.len(), 240);
        check(folder.path(), &all);
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(11);
    let mut all = Vec::new();
    for round in 0..60 {
        let mut child = spawn(folder.path(), u64::MAX);
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut line = String::new();
            while said.read_line(&mut line).is_ok_and(|len| len > 0) {
                text.extend_from_slice(line.as_bytes());
                line.clear();
            }
            text
        });
        std::thread::sleep(Duration::from_micros(3000 + random.below(25_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        all.extend(acknowledged(&reader.join().unwrap()[..]));
        if round % 10 == 9 {
            check(folder.path(), &all);
        }
    }
    assert!(all.len() > 10, "only {} commits came about", all.len());
}

/// Runs the writer on a disk that misbehaves at the n-th call, for every n; then on a good one.
fn at_every_call(fault: impl Fn(u64) -> Fault) {
    // The fourth brings objects and a checkpoint.
    const WRITES: usize = 4;
    let run = |folder: &Path, fault: Option<Fault>| {
        let command = cms_testkit::Command::new(std::env::current_exe().unwrap(), folder)
            .args(["--exact", "writer", "--nocapture"])
            .env(FOLDER, folder)
            .env(COUNT, WRITES.to_string());
        match fault {
            Some(fault) => command.fault(fault.under(folder)),
            None => command,
        }
        .run()
    };
    let folder = tempfile::tempdir().unwrap();
    let calls = run(folder.path(), Some(Fault::count())).calls().len() as u64;
    assert!(calls > 30, "{calls} calls");
    for n in 1..=calls {
        let folder = tempfile::tempdir().unwrap();
        let answer = run(folder.path(), Some(fault(n)));
        let mut all = acknowledged(answer.stdout().as_bytes());
        if answer.signal().is_none() && all.len() < WRITES {
            let said = answer.stdout();
            let failed = said.lines().find(|line| line.starts_with("failed ") || line.contains("panicked"));
            assert!(failed.is_some() || said.contains("FAILED"), "call {n}: no error was reported: {said}");
        }
        let answer = run(folder.path(), None);
        let again = acknowledged(answer.stdout().as_bytes());
        assert_eq!(again.len(), WRITES, "after a fault at call {n}: {}", answer.stdout());
        all.extend(again);
        check(folder.path(), &all);
    }
}

#[test]
fn a_kill_before_any_call_loses_nothing() {
    at_every_call(Fault::kill_before);
}

#[test]
fn a_kill_inside_any_write_loses_nothing() {
    at_every_call(Fault::short_kill);
}

#[test]
fn an_error_of_any_call_is_reported_and_loses_nothing() {
    at_every_call(|n| Fault::fail(n, Errno::IO));
}

#[test]
fn a_disk_that_goes_away_loses_nothing() {
    at_every_call(|n| Fault::fail_from(n, Errno::IO));
}

#[test]
fn a_full_disk_loses_nothing() {
    at_every_call(|n| Fault::full(n, Errno::NOSPC));
}

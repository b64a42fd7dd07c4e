//! Many clients in several processes, some of them killed: nothing is lost, doubled, half there, stale or out of order.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use cms::{Dirs, HistoryQuery, Location, Options, Store};
use cms_testkit::Random;
use cms_testkit::history::{Logged, Operation, Outcome, Recorder, check, clock, recorded};
use support::{Home, key, set};

const TRANSACTIONS: usize = 12;

/// How many clients there are, in processes and threads, how often, and how many of the processes do not come to their end.
struct Crowd {
    processes: usize,
    threads: usize,
    rounds: usize,
    killed: usize,
}

/// Threads share the append in their process.
const THREADS: Crowd = Crowd { processes: 4, threads: 4, rounds: 6, killed: 1 };
/// Processes share it over the board.
const PROCESSES: Crowd = Crowd { processes: 12, threads: 1, rounds: 8, killed: 4 };
const KEYS: [&str; 6] = ["one.main.a", "one.main.b", "one.main.c", "two.main.a", "two.main.b", "two.main.c"];
const PACKAGE: &str = "config register 'main'\n\toption a '0'\n\toption b '0'\n\toption c '0'\n";

/// Names a client's folders: configuration, state, runtime, records, its name, and how many threads it has.
const CLIENT: &str = "CMS_TEST_CHECKED_CLIENT";

fn start(home: &Home, records: &Path, name: &str, threads: usize) -> Child {
    let state = home.state();
    let run = state.parent().unwrap().join("run");
    let (name, threads) = (PathBuf::from(name), PathBuf::from(threads.to_string()));
    let parts = [&home.config(), &state, &run, &records.to_owned(), &name, &threads];
    let parts: Vec<String> = parts.map(|part| part.display().to_string()).into();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_client", "--include-ignored", "--quiet"])
        .env(CLIENT, parts.join(":"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "it is what the test below starts"]
fn a_client() {
    let Ok(parts) = std::env::var(CLIENT) else { return };
    let [config, state, run, records, name, threads] =
        parts.split(':').collect::<Vec<_>>().try_into().unwrap();
    let dirs = Dirs { state: Some(state.into()), run: Some(run.into()) };
    let store = Store::open(&Location::find(Path::new(config), &dirs).unwrap(), Options::default()).unwrap();
    thread::scope(|scope| {
        for number in 0..threads.parse().unwrap() {
            let number: usize = number;
            let (store, client) = (store.clone(), format!("{name}.{number}"));
            let mut recorder = Recorder::new(&Path::new(records).join(&client));
            scope.spawn(move || {
                let mut random = Random::new(clock());
                for transaction in 0..TRANSACTIONS {
                    transact(&store, &client, transaction, &mut random, &mut recorder);
                }
            });
        }
    });
}

fn transact(store: &Store, client: &str, number: usize, random: &mut Random, recorder: &mut Recorder) {
    let mut operation = Operation { client: client.to_owned(), began: clock(), ..Operation::default() };
    operation.serializable = random.below(2) == 0;
    let mut tx = store.transaction().unwrap();
    operation.snapshot = tx.snapshot().revision().unwrap().0;
    for _ in 0..2 {
        let name = KEYS[random.below(KEYS.len() as u64) as usize];
        let asked = key(name);
        if operation.serializable {
            // By hand, to the option: a working copy counts as a read of the whole package.
            tx.require(&asked).unwrap();
        }
        let value = support::get(tx.snapshot(), name).unwrap();
        operation.reads.insert(name.to_owned(), value);
    }
    for write in 0..1 + random.below(2) {
        let name = KEYS[random.below(KEYS.len() as u64) as usize];
        let value = format!("{client}-{number}-{write}");
        set(&mut tx, name, &value);
        operation.writes.insert(name.to_owned(), value);
    }
    if random.below(4) == 0 {
        thread::sleep(Duration::from_micros(random.below(2000)));
    }
    recorder.note(&operation);
    operation.outcome = match tx.commit() {
        Ok(committed) => Outcome::Committed(committed.revision.0),
        Err(error) if error.is_conflict() => Outcome::Conflict,
        Err(error) => panic!("{client}: {error}"),
    };
    operation.ended = Some(clock());
    recorder.note(&operation);
}

#[test]
fn many_clients_and_kills_leave_a_history_that_one_client_could_have_made() {
    stay_consistent(&THREADS);
}

#[test]
fn processes_that_commit_for_each_other_and_are_killed_leave_such_a_history() {
    let home = stay_consistent(&PROCESSES);
    assert!(home.location().run().join("board").exists(), "they met on the board");
}

fn stay_consistent(crowd: &Crowd) -> Home {
    let home = Home::new(&[("one", PACKAGE), ("two", PACKAGE)]);
    let records = home.state().parent().unwrap().join("records");
    std::fs::create_dir(&records).unwrap();
    drop(home.open().snapshot().unwrap());
    let mut random = Random::for_test("checked_history");
    for round in 0..crowd.rounds {
        let name = |number| format!("{round}-{number}");
        let mut clients: Vec<Child> =
            (0..crowd.processes).map(|number| start(&home, &records, &name(number), crowd.threads)).collect();
        // Some of them do not come to their end.
        thread::sleep(Duration::from_millis(20 + random.below(100)));
        for client in &mut clients[..crowd.killed] {
            thread::sleep(Duration::from_millis(random.below(15)));
            client.kill().unwrap();
            client.wait().unwrap();
        }
        for mut client in clients.drain(crowd.killed..) {
            assert!(client.wait().unwrap().success());
        }
    }

    let store = home.open();
    let log = log_of(&store);
    let operations = recorded(&records);
    let initial = KEYS.map(|name| (name.to_owned(), "0".to_owned())).into();
    let violations = check(&initial, &log, &operations);
    assert!(violations.is_empty(), "{violations:#?}");

    let told = |wanted: fn(&Outcome) -> bool| operations.iter().filter(|one| wanted(&one.outcome)).count();
    let committed = told(|outcome| matches!(outcome, Outcome::Committed(_)));
    assert!(committed > TRANSACTIONS, "{committed} of {} were committed", operations.len());

    // The checker looks at what was really there: without one acknowledged commit it complains.
    let unloved = log.iter().position(|logged| {
        operations.iter().any(|operation| operation.outcome == Outcome::Committed(logged.revision))
    });
    let mut without = log.clone();
    without.remove(unloved.unwrap());
    assert!(!check(&initial, &without, &operations).is_empty());
    home
}

/// What each commit after the first, which imported the packages, set.
fn log_of(store: &Store) -> Vec<Logged> {
    let query = HistoryQuery { since: Some(cms::Revision(1)), ..HistoryQuery::default() };
    let mut log: Vec<Logged> = store
        .history(&query)
        .unwrap()
        .into_iter()
        .map(|entry| {
            let text = |value: cms::model::Value| String::from_utf8_lossy(&value.items()[0]).into_owned();
            let writes: BTreeMap<String, String> =
                entry.changes.into_iter().map(|change| (change.key, text(change.new.unwrap()))).collect();
            Logged { revision: entry.revision.0, writes }
        })
        .collect();
    log.reverse();
    log
}

//! `kill -9` at any moment: every acknowledged change is there, what was staged is staged, nothing lies about, and
//! the next command just works.
//!
//! `CMS_TEST_KILLS` says how many kills there shall be (500), `CMS_TEST_SEED` repeats a run.

use std::thread;
use std::time::{Duration, Instant};

use cms_testkit::{Answer, Command, Fault, Home, Ledger, Random};

const OPTIONS: usize = 9;
const SIGKILL: i32 = 9;

fn kills_wanted() -> usize {
    std::env::var("CMS_TEST_KILLS").map_or(500, |text| text.parse().expect("CMS_TEST_KILLS is a number"))
}

/// A home, what was acknowledged in it, and how often something was killed.
struct Trial {
    home: Home,
    ledger: Ledger,
    value: u64,
    kills: usize,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Set,
    Commit,
}

impl Trial {
    fn new() -> Self {
        let home = Home::new(env!("CARGO_BIN_EXE_cms"));
        let ledger = Ledger::new(&home, OPTIONS);
        Self { home, ledger, value: 0, kills: 0 }
    }

    /// What an operation would lead to, and its command.
    fn prepare(&mut self, operation: Operation, option: usize) -> (Ledger, Command) {
        let mut after = self.ledger.clone();
        match operation {
            Operation::Set => {
                self.value += 1;
                after.stage(option, self.value);
                (after, self.home.cms(Ledger::set_command(option, self.value)))
            }
            Operation::Commit => {
                after.commit();
                (after, self.home.cms(["commit"]))
            }
        }
    }

    /// Takes the answer of an operation into the ledger, and looks whether the home agrees.
    fn settle(&mut self, after: Ledger, answer: &Answer, situation: &str) {
        let before = self.ledger.clone();
        if answer.is_success() {
            after.check(&self.home, situation);
            self.ledger = after;
        } else {
            assert_eq!(answer.signal(), Some(SIGKILL), "{situation}: {answer}");
            self.kills += 1;
            self.ledger = before.either(after, &self.home, situation);
        }
    }

    fn run(&mut self, operation: Operation, option: usize, fault: Fault) -> Answer {
        let situation = format!("{operation:?}, {fault}");
        let (after, command) = self.prepare(operation, option);
        let answer = command.fault(fault).run();
        self.settle(after, &answer, &situation);
        answer
    }

    /// Kills from outside, after some time.
    fn run_and_kill(&mut self, operation: Operation, option: usize, delay: Duration) {
        let (after, command) = self.prepare(operation, option);
        let running = command.spawn();
        thread::sleep(delay);
        running.kill();
        let answer = running.wait();
        self.settle(after, &answer, &format!("{operation:?}, killed after {delay:?}"));
    }

    /// The history names every committed value, and nothing is damaged.
    fn finish(&self) {
        for option in (0..OPTIONS).filter(|option| self.ledger.committed(*option) > 0) {
            let value = self.ledger.committed(option).to_string();
            self.home.cms(["history", &Ledger::key(option)]).run().success().stdout_has(&value);
        }
        self.home.cms(["doctor"]).run().success();
    }
}

/// Within and after a call; before it is after the one before.
const KINDS: [fn(u64) -> Fault; 2] = [Fault::kill_after, Fault::short_kill];

/// Kills within and after the n-th call that changes a file, for every n, of a `set` and of a `commit`.
#[test]
fn at_every_call() {
    let mut trial = Trial::new();
    // The first use imports, and is a trial of its own below.
    trial.home.cms(["changes"]).run().success();
    for kind in KINDS {
        for operation in [Operation::Set, Operation::Commit] {
            for n in 1.. {
                if matches!(operation, Operation::Commit) {
                    // Something to commit.
                    trial.run(Operation::Set, n as usize % OPTIONS, Fault::count());
                }
                let kills = trial.kills;
                let answer = trial.run(operation, n as usize % OPTIONS, kind(n));
                if trial.kills == kills && answer.calls().len() < n as usize {
                    assert!(n > 2, "{operation:?} changes no file");
                    break;
                }
            }
        }
    }
    eprintln!("{} kills", trial.kills);
    trial.finish();
}

/// The same in the first command ever, which creates the log and imports the packages.
#[test]
fn in_the_first_use() {
    for kind in KINDS {
        for n in 1.. {
            let mut trial = Trial::new();
            let answer = trial.run(Operation::Set, 0, kind(n));
            trial.run(Operation::Commit, 0, Fault::count());
            if answer.is_success() && answer.calls().len() < n as usize {
                trial.finish();
                break;
            }
        }
    }
}

/// At random points, again and again in the same home, until there were enough.
#[test]
fn at_random() {
    let workers = thread::available_parallelism().map_or(2, usize::from).min(4);
    let wanted = kills_wanted().div_ceil(workers);
    let mut seeds = Random::for_test("kill9 at_random");
    let seeds: Vec<u64> = (0..workers).map(|_| seeds.next()).collect();
    thread::scope(|scope| {
        for seed in seeds {
            scope.spawn(move || until(wanted, Random::new(seed)));
        }
    });
}

fn until(wanted: usize, mut random: Random) {
    let mut trial = Trial::new();
    trial.home.cms(["changes"]).run().success();
    let start = Instant::now();
    trial.run(Operation::Set, 0, Fault::count());
    trial.run(Operation::Commit, 0, Fault::count());
    // Delays reach a little beyond the end of a command, so that also the end is hit.
    let longest = (start.elapsed() / 2).as_micros() as u64;
    while trial.kills < wanted {
        let operation = if random.below(3) == 0 { Operation::Commit } else { Operation::Set };
        let option = random.below(OPTIONS as u64) as usize;
        match random.below(4) {
            0 => {
                let n = 1 + random.below(30);
                let kind =
                    [Fault::kill_before, Fault::kill_after, Fault::short_kill][random.below(3) as usize];
                trial.run(operation, option, kind(n));
            }
            _ => trial.run_and_kill(operation, option, Duration::from_micros(random.below(longest))),
        }
    }
    trial.finish();
}

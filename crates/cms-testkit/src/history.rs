//! Checks what many clients did at once against a model that does one thing after the other.
//!
//! Each client writes down, for every transaction, what it read at which revision, what it wrote and what it was told. The
//! log says in which order the commits came. [`check`] replays the log and looks for whatever no strong snapshot isolation,
//! or for serializable transactions no order of one after the other, could have led to. No key may be set to the same value
//! twice.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// What a client did in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// Who, for messages.
    pub client: String,
    /// When it began, by a clock that all clients share.
    pub began: u64,
    /// When it was told the outcome; `None` if it was killed before.
    pub ended: Option<u64>,
    /// The revision of its snapshot.
    pub snapshot: u64,
    /// Whether it was to be serializable.
    pub serializable: bool,
    /// Keys and the values it found.
    pub reads: BTreeMap<String, String>,
    /// Keys and the values it set.
    pub writes: BTreeMap<String, String>,
    /// What it was told.
    pub outcome: Outcome,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Committed as this revision.
    Committed(u64),
    /// Refused because of another commit.
    Conflict,
    /// Nothing, or something that leaves it open.
    #[default]
    Unknown,
}

/// A commit of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Its revision.
    pub revision: u64,
    /// What it set.
    pub writes: BTreeMap<String, String>,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which sort.
    pub kind: Kind,
    /// The clients, keys and revisions.
    pub what: String,
}

/// A sort of violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Acknowledged, and not in the log.
    Lost,
    /// In the log more than once, or as another revision than the client was told, or though it was refused.
    Doubled,
    /// In the log in part, or with something that was not asked for.
    Half,
    /// In the log, and nobody's.
    Foreign,
    /// Revisions do not ascend, or not in the order in which clients were told of them.
    Disorder,
    /// A snapshot that is older than a commit acknowledged before it was taken.
    Stale,
    /// A value read that was not the snapshot's.
    WrongRead,
    /// A commit over a value that another one had set after the snapshot.
    LostUpdate,
    /// A serializable transaction that read what another one changed before it was committed.
    Skew,
    /// Refused although nobody changed what it read or wrote.
    Groundless,
}

/// Looks for violations.
pub fn check(initial: &BTreeMap<String, String>, log: &[Logged], operations: &[Operation]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |kind, what: String| found.push(Violation { kind, what });

    for pair in log.windows(2) {
        if pair[0].revision >= pair[1].revision {
            report(
                Kind::Disorder,
                format!("{} comes before {} in the log", pair[0].revision, pair[1].revision),
            );
        }
    }
    // Values are unique, so a key with its value names the operation that wrote it.
    let owner: HashMap<(&str, &str), usize> = operations
        .iter()
        .enumerate()
        .flat_map(|(number, operation)| {
            operation.writes.iter().map(move |(key, value)| ((key.as_str(), value.as_str()), number))
        })
        .collect();
    let mut revision_of: Vec<Option<u64>> = vec![None; operations.len()];
    for logged in log {
        let revision = logged.revision;
        let writes = logged.writes.iter();
        let Some(number) = writes.clone().find_map(|(key, value)| owner.get(&(key.as_str(), value.as_str())))
        else {
            report(Kind::Foreign, format!("revision {revision} is nobody's: {:?}", logged.writes));
            continue;
        };
        let operation = &operations[*number];
        if logged.writes != operation.writes {
            let (wanted, client) = (&operation.writes, &operation.client);
            report(
                Kind::Half,
                format!("{client} wrote {wanted:?}, and revision {revision} has {:?}", logged.writes),
            );
        }
        let told = match operation.outcome {
            Outcome::Committed(told) => told == revision,
            Outcome::Conflict => false,
            Outcome::Unknown => true,
        };
        if revision_of[*number].replace(revision).is_some() || !told {
            let (client, outcome) = (&operation.client, operation.outcome);
            report(Kind::Doubled, format!("{client} was told {outcome:?}, and it is revision {revision}"));
        }
    }
    for (operation, revision) in operations.iter().zip(&revision_of) {
        if let (Outcome::Committed(told), None) = (operation.outcome, revision) {
            report(Kind::Lost, format!("{}: revision {told} is not in the log", operation.client));
        }
    }
    in_time(operations, &revision_of, &mut report);
    reads(initial, log, operations, &mut report);
    between(log, operations, &revision_of, &mut report);
    found
}

/// Whoever begins after another one was told of a commit sees that commit, and comes after it.
fn in_time(operations: &[Operation], revision_of: &[Option<u64>], report: &mut impl FnMut(Kind, String)) {
    let mut told: Vec<(u64, u64)> = operations
        .iter()
        .filter_map(|operation| match operation.outcome {
            Outcome::Committed(revision) => Some((operation.ended?, revision)),
            _ => None,
        })
        .collect();
    told.sort_unstable();
    let mut newest = 0;
    for told in &mut told {
        newest = newest.max(told.1);
        told.1 = newest;
    }
    for (operation, revision) in operations.iter().zip(revision_of) {
        let before = told.partition_point(|(ended, _)| *ended < operation.began);
        let Some((_, known)) = before.checked_sub(1).and_then(|last| told.get(last)) else { continue };
        let client = &operation.client;
        if operation.snapshot < *known {
            report(
                Kind::Stale,
                format!("{client} read revision {} after {known} was told", operation.snapshot),
            );
        }
        if revision.is_some_and(|revision| revision <= *known) {
            report(Kind::Disorder, format!("{client} is revision {revision:?}, after {known} was told"));
        }
    }
}

/// What was read is what the snapshot's revision has.
fn reads(
    initial: &BTreeMap<String, String>,
    log: &[Logged],
    operations: &[Operation],
    report: &mut impl FnMut(Kind, String),
) {
    let mut by_snapshot: Vec<&Operation> = operations.iter().collect();
    by_snapshot.sort_by_key(|operation| operation.snapshot);
    let mut state = initial.clone();
    let mut next = log.iter().peekable();
    for operation in by_snapshot {
        while let Some(logged) = next.next_if(|logged| logged.revision <= operation.snapshot) {
            state.extend(logged.writes.clone());
        }
        for (key, value) in &operation.reads {
            if state.get(key) != Some(value) {
                let (client, snapshot) = (&operation.client, operation.snapshot);
                let there = state.get(key);
                report(
                    Kind::WrongRead,
                    format!("{client} read {key}={value} at {snapshot}, where it is {there:?}"),
                );
            }
        }
    }
}

/// What came between an operation's snapshot and its commit.
fn between(
    log: &[Logged],
    operations: &[Operation],
    revision_of: &[Option<u64>],
    report: &mut impl FnMut(Kind, String),
) {
    for (operation, revision) in operations.iter().zip(revision_of) {
        let end = match (revision, operation.outcome) {
            (Some(revision), _) => *revision,
            (None, Outcome::Conflict) => u64::MAX,
            (None, _) => continue,
        };
        let others = || {
            let first = log.partition_point(|logged| logged.revision <= operation.snapshot);
            log[first..].iter().take_while(|logged| logged.revision < end)
        };
        let touching = |keys: &BTreeMap<String, String>| {
            others()
                .find(|logged| logged.writes.keys().any(|key| keys.contains_key(key)))
                .map(|logged| logged.revision)
        };
        let (written, read) = (touching(&operation.writes), touching(&operation.reads));
        let (client, snapshot) = (&operation.client, operation.snapshot);
        match (revision, written, read) {
            (Some(revision), Some(other), _) => {
                report(
                    Kind::LostUpdate,
                    format!("{client}: {revision} on {snapshot} goes over what {other} wrote"),
                );
            }
            (Some(revision), None, Some(other)) if operation.serializable => {
                report(
                    Kind::Skew,
                    format!("{client}: {revision} on {snapshot} did not see what {other} wrote"),
                );
            }
            (None, None, None) => {
                report(Kind::Groundless, format!("{client} on {snapshot} was refused for nothing"));
            }
            (None, None, Some(_)) if !operation.serializable => {
                report(Kind::Groundless, format!("{client} on {snapshot} was refused for what it only read"));
            }
            _ => {}
        }
    }
}

/// Where a client writes down what it does, so that it is there after the client was killed.
#[derive(Debug)]
pub struct Recorder {
    file: File,
}

impl Recorder {
    /// Begins a record.
    pub fn new(path: &Path) -> Self {
        Self { file: File::options().append(true).create_new(true).open(path).unwrap() }
    }

    /// Writes an operation down: before its commit without an outcome, and again when the outcome is known.
    pub fn note(&mut self, operation: &Operation) {
        let pairs = |pairs: &BTreeMap<String, String>| {
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        };
        let outcome = match operation.outcome {
            Outcome::Committed(revision) => revision.to_string(),
            Outcome::Conflict => "conflict".into(),
            Outcome::Unknown => "-".into(),
        };
        let line = format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{outcome}\n",
            operation.client,
            operation.began,
            operation.ended.map_or("-".into(), |ended| ended.to_string()),
            operation.snapshot,
            operation.serializable,
            pairs(&operation.reads),
            pairs(&operation.writes),
        );
        self.file.write_all(line.as_bytes()).unwrap();
    }
}

/// Reads the records of a folder. Of an operation that was noted twice the second note counts; a note that a kill cut short
/// counts for nothing.
pub fn recorded(folder: &Path) -> Vec<Operation> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut operations: Vec<Operation> = Vec::new();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let operation = read(line);
            match operations.last_mut() {
                Some(last) if last.began == operation.began && last.client == operation.client => {
                    *last = operation
                }
                _ => operations.push(operation),
            }
        }
        all.extend(operations);
    }
    all
}

fn read(line: &str) -> Operation {
    let fields: Vec<&str> = line.split('\t').collect();
    let pairs = |text: &str| {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    Operation {
        client: fields[0].to_owned(),
        began: fields[1].parse().unwrap(),
        ended: fields[2].parse().ok(),
        snapshot: fields[3].parse().unwrap(),
        serializable: fields[4] == "true",
        reads: pairs(fields[5]),
        writes: pairs(fields[6]),
        outcome: match fields[7] {
            "-" => Outcome::Unknown,
            "conflict" => Outcome::Conflict,
            revision => Outcome::Committed(revision.parse().unwrap()),
        },
    }
}

/// Nanoseconds of a clock that all processes of the machine share and that never steps back.
pub fn clock() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> BTreeMap<String, String> {
        text.split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(k, v)| (k.into(), v.into()))
            .collect()
    }

    fn logged(revision: u64, writes: &str) -> Logged {
        Logged { revision, writes: pairs(writes) }
    }

    fn operation(times: [u64; 2], snapshot: u64, reads: &str, writes: &str, outcome: Outcome) -> Operation {
        Operation {
            client: format!("client at {}", times[0]),
            began: times[0],
            ended: (outcome != Outcome::Unknown).then_some(times[1]),
            snapshot,
            serializable: false,
            reads: pairs(reads),
            writes: pairs(writes),
            outcome,
        }
    }

    /// Two that follow each other, one that is refused and one that was killed after its commit.
    fn sound() -> (Vec<Logged>, Vec<Operation>) {
        let log = vec![logged(2, "a=1"), logged(3, "a=2 b=2"), logged(4, "b=4")];
        let operations = vec![
            operation([10, 20], 1, "a=0 b=0", "a=1", Outcome::Committed(2)),
            operation([30, 40], 2, "a=1", "a=2 b=2", Outcome::Committed(3)),
            operation([31, 50], 2, "b=0", "b=3", Outcome::Conflict),
            operation([60, 0], 3, "b=2", "b=4", Outcome::Unknown),
        ];
        (log, operations)
    }

    #[track_caller]
    fn expect(kinds: &[Kind], change: impl FnOnce(&mut Vec<Logged>, &mut Vec<Operation>)) {
        let (mut log, mut operations) = sound();
        change(&mut log, &mut operations);
        let found = check(&pairs("a=0 b=0"), &log, &operations);
        let mut seen: Vec<Kind> = Vec::new();
        for violation in &found {
            if !seen.contains(&violation.kind) {
                seen.push(violation.kind);
            }
        }
        assert_eq!(seen, kinds, "{found:#?}");
    }

    #[test]
    fn a_sound_history_passes() {
        expect(&[], |_, _| {});
    }

    #[test]
    fn a_commit_that_is_not_there_is_lost() {
        expect(&[Kind::Lost, Kind::WrongRead, Kind::Groundless], |log, operations| {
            log.remove(1);
            operations.pop();
            log.pop();
            operations.push(operation([70, 80], 3, "a=2", "c=9", Outcome::Unknown));
        });
    }

    #[test]
    fn a_commit_that_is_there_twice_is_found() {
        expect(&[Kind::Doubled, Kind::LostUpdate], |log, _| log.push(logged(5, "a=2 b=2")));
    }

    #[test]
    fn half_a_commit_is_found() {
        expect(&[Kind::Half, Kind::WrongRead, Kind::Groundless], |log, _| {
            log[1].writes.remove("b");
            log.pop();
        });
    }

    #[test]
    fn a_commit_of_nobody_is_found() {
        expect(&[Kind::Foreign], |log, _| log.push(logged(5, "c=5")));
    }

    #[test]
    fn a_refused_commit_that_is_there_is_found() {
        expect(&[Kind::Doubled], |log, operations| {
            operations[3].outcome = Outcome::Conflict;
            operations[3].ended = Some(70);
            operations[3].began = 32;
            log.truncate(3);
        });
    }

    #[test]
    fn commits_in_another_order_than_that_of_time_are_found() {
        expect(&[Kind::Stale, Kind::Disorder], |log, operations| {
            // The one that was told first is the later one in the log.
            log.extend([logged(5, "c=2"), logged(6, "d=1")]);
            operations.push(operation([60, 70], 4, "", "d=1", Outcome::Committed(6)));
            operations.push(operation([80, 90], 4, "", "c=2", Outcome::Committed(5)));
        });
    }

    #[test]
    fn an_old_snapshot_is_found() {
        expect(&[Kind::Stale, Kind::WrongRead], |_, operations| {
            operations.push(operation([70, 80], 2, "a=1", "z=1", Outcome::Unknown));
            operations.push(operation([71, 80], 3, "a=1", "y=1", Outcome::Unknown));
        });
    }

    #[test]
    fn a_commit_over_another_one_is_found() {
        expect(&[Kind::LostUpdate], |log, operations| {
            log.push(logged(5, "b=5"));
            operations.push(operation([60, 90], 3, "", "b=5", Outcome::Committed(5)));
        });
    }

    #[test]
    fn what_a_serializable_one_read_must_not_change() {
        let skew = |serializable| {
            move |log: &mut Vec<Logged>, operations: &mut Vec<Operation>| {
                log.push(logged(5, "c=5"));
                let mut skewed = operation([60, 90], 3, "b=2", "c=5", Outcome::Committed(5));
                skewed.serializable = serializable;
                operations.push(skewed);
            }
        };
        expect(&[Kind::Skew], skew(true));
        expect(&[], skew(false));
    }

    #[test]
    fn a_refusal_for_nothing_is_found() {
        expect(&[Kind::Groundless], |_, operations| {
            operations.push(operation([60, 90], 4, "", "a=9", Outcome::Conflict));
        });
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let (_, operations) = sound();
        let mut recorder = Recorder::new(&folder.path().join("one"));
        for operation in &operations {
            recorder.note(&Operation { ended: None, outcome: Outcome::Unknown, ..operation.clone() });
            recorder.note(operation);
        }
        recorder.file.write_all(b"cut sho").unwrap();
        assert_eq!(recorded(folder.path()), operations);
    }
}

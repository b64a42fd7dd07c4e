//! Reading while others commit: always one revision, whole.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use cms_testkit::Home;

const OPTIONS: usize = 40;
const COMMITS: u64 = 120;

/// A package whose options all have the same value at every revision.
fn text(value: u64) -> String {
    let options: String = (0..OPTIONS).map(|option| format!("\toption o{option} '{value}'\n")).collect();
    format!("config side 'main'\n{options}\n# end\n")
}

/// One transaction that gives every option of both packages a new value.
fn batch(value: u64) -> String {
    let mut lines = String::new();
    for package in ["left", "right"] {
        for option in 0..OPTIONS {
            lines.push_str(&format!("set {package}.main.o{option}={value}\n"));
        }
    }
    lines + "commit\n"
}

/// The one value that all lines have.
#[track_caller]
fn value_of<'a>(values: impl Iterator<Item = &'a str>, count: usize, what: &str) -> u64 {
    let values: Vec<&str> = values.collect();
    assert_eq!(values.len(), count, "torn: {what}");
    assert!(values.iter().all(|value| *value == values[0]), "mixed: {what}");
    values[0].parse().expect("a number")
}

fn quoted(line: &str) -> Option<&str> {
    line.split('\'').nth(1)
}

/// Tells the readers that the writer has ended, well or not.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn never_see_a_torn_or_mixed_state() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    for package in ["left", "right"] {
        home.write(package, text(0));
    }
    home.cms(["changes"]).run().success();
    let done = AtomicBool::new(false);
    let reads = AtomicU64::new(0);
    thread::scope(|scope| {
        // One writer: a user has one stage, so of two batches at once one could commit the half of the other.
        scope.spawn(|| {
            let _done = Done(&done);
            for value in 1..=COMMITS {
                home.cms(["batch"]).stdin(batch(value)).run().success();
            }
        });
        // Both packages by one command: one snapshot.
        for command in ["show", "export"] {
            let (home, done, reads) = (&home, &done, &reads);
            scope.spawn(move || {
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) {
                    let out = home.cms([command]).run().success().stdout();
                    let options = out.lines().filter(|line| line.contains(".o") || line.contains("option o"));
                    let value = value_of(options.filter_map(quoted), 2 * OPTIONS, &out);
                    assert!(value >= newest, "{command} went back from {newest} to {value}");
                    newest = value;
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // The files themselves, as other programs read them: each is whole.
        for package in ["left", "right"] {
            let (home, done) = (&home, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let file = home.read(package);
                    let options = file.lines().filter(|line| line.contains("option o"));
                    value_of(options.filter_map(quoted), OPTIONS, &file);
                    assert!(file.ends_with("# end\n"), "torn: {file}");
                    thread::yield_now();
                }
            });
        }
    });
    assert!(reads.load(Ordering::Relaxed) > 10, "too few reads to tell");
    assert_eq!((home.read("left"), home.read("right")), (text(COMMITS), text(COMMITS)));
}

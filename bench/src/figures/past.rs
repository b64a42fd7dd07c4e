//! `recover.1m`, `rollback.10k`, `blame.1m`: what a log of 100,000 commits costs those who open it, go back, or ask.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use cms::model::{Change, ChangeKind, Edit, Key, Name, Package, PackageName, Value};
use cms::{CommitKind, CommitOptions, Dirs, Location, Revision, Store};
use cms_log::{Backend, Commit, EntryBody, Open, Origin, PackageEntry, Sqlite, checkpoint_state, package_at};

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::{self, Bench};
use crate::measure::{Rounds, by_turns, seconds};
use crate::other::Other;
use crate::packages::{self, Shape};
use crate::world::{Disk, World};

const ROUNDS: usize = 5;
const PACKAGES: usize = 100;
const COMMITS: usize = 100_000;
/// A package of 10,000 options.
const EACH: Shape = Shape { sections: 1000, options: 10_000 };
/// Options that every section with a name has.
const OPTIONS: [&str; 8] = ["ip", "name", "mac", "leasetime", "enabled", "description", "gateway", "mtu"];
/// The sections of a package that have a name.
const SECTIONS: usize = 500;

/// One of the packages.
fn package(number: usize) -> String {
    if number == 0 { "hosts".to_owned() } else { format!("hosts{number:02}") }
}

/// What the commit of a number changes: the section and the option.
fn place(commit: usize) -> (String, &'static str) {
    let option = OPTIONS[commit / SECTIONS % OPTIONS.len()];
    (packages::host(commit * 7919 % SECTIONS), option)
}

/// A store of a million options, and in its log 100,000 commits of one option each, over `among` packages in turn.
///
/// They go into the log as a group goes in, a few hundred in one database transaction.
fn world_of_commits(among: usize) -> Result<World> {
    let world = World::new()?;
    for number in 0..PACKAGES {
        fs::write(world.package(&package(number)), packages::text(EACH))?;
    }
    // The first use imports the packages.
    drop(engine::open(&world)?.snapshot()?);
    let log = Sqlite::open(log_of(&world)?, Open { writes: true, ..Open::default() })?;
    let first = log.head()?;
    let mut states = Vec::new();
    for number in 0..among {
        let name = PackageName::new(&package(number))?;
        let state = package_at(&log, &name, first)?.ok_or("a package is missing")?;
        states.push((name, state));
    }
    let mut commits = Vec::new();
    for commit in 0..COMMITS {
        let (name, state) = &mut states[commit % among];
        commits.push(commit_to(name, state, first, commit)?);
        if commits.len() == 500 || commit + 1 == COMMITS {
            let group: Vec<&Commit> = commits.iter().collect();
            let appended = log.append_all(log.head()?, &group)?;
            log.sync(appended)?;
            commits.clear();
        }
        if (commit + 1).is_multiple_of(COMMITS / 10) {
            let head = log.head()?;
            let (root, objects) = checkpoint_state(&log, head)?;
            log.put_checkpoint(head, &root, &objects)?;
        }
    }
    // As the store does by itself after its commits.
    while log.index()? {}
    Ok(world)
}

/// Makes the commit of a number, which sets an option of a package, and brings the package's state up to it.
fn commit_to(name: &PackageName, state: &mut Package, first: Revision, commit: usize) -> Result<Commit> {
    let (section, option) = place(commit);
    let value = Value::scalar(format!("changed {commit}"));
    let found = state.find(&section).ok_or("a section is missing")?;
    let kind = ChangeKind::Set { option: Name::new(option)?, old: found.get(option), new: value, at: None };
    let wanted = Change { section: found.id(), kind };
    let before = state.clone();
    let change = state.apply(&wanted)?;
    let body = EntryBody::Edit { changes: vec![change], edit: Edit::between(&before, state) };
    Ok(Commit {
        revision: Revision(first.0 + 1 + commit as u64),
        time_us: 1_700_000_000_000_000 + commit as i64,
        author: "ada".into(),
        tool: "bench".into(),
        message: format!("change {commit}"),
        origin: Origin::Direct,
        kind: CommitKind::Normal,
        packages: vec![PackageEntry { package: name.clone(), body }],
        tables: Vec::new(),
        conflicts: Vec::new(),
    })
}

/// Where the log of a world is.
fn log_of(world: &World) -> Result<PathBuf> {
    let dirs = Dirs { state: Some(world.state()), run: Some(world.run()) };
    Ok(Location::find(&world.config(), &dirs)?.state().join("log.db"))
}

pub fn recover() -> Result<Vec<Figure>> {
    let world = world_of_commits(PACKAGES)?;
    let [config, state, run] =
        [world.config(), world.state(), world.run()].map(|folder| folder.to_string_lossy().into_owned());
    let key = Key::parse("hosts.host_000000.ip")?;
    let (mut opened, mut read) = (Rounds::default(), Rounds::default());
    for round in 0..=ROUNDS {
        let mut victim = Other::start("committer", &[&config, &state, &run, "3"])?;
        victim.hear()?;
        victim.order("for 60000")?;
        thread::sleep(std::time::Duration::from_millis(300 + 37 * round as u64));
        victim.kill()?;
        let (mine, ()) = seconds(|| {
            let store = engine::open(&world)?;
            if store.snapshot()?.get(&key)?.is_none() {
                return Err("an option is missing".into());
            }
            Ok(())
        })?;
        let (theirs, _) = seconds(|| {
            let mut bytes = 0;
            for number in 0..PACKAGES {
                bytes += fs::read(world.package(&package(number)))?.len();
            }
            Ok(bytes)
        })?;
        // The first round pays for caches that later ones find ready.
        if round > 0 {
            opened.push(mine);
            read.push(theirs);
        }
    }
    Ok(vec![Figure {
        id: "recover.1m",
        what: "open and read an option after kill -9 of a writer: 1M options, 100,000 commits in the log"
            .into(),
        unit: "s",
        value: opened,
        peer: "reading the package files, which does not even parse them".into(),
        peer_value: read,
        must: Limit::Below(1.0),
        goal: Limit::Below(0.1),
    }])
}

pub fn rollback() -> Result<Vec<Figure>> {
    const CHANGES: usize = 20;
    let world = world_of_commits(PACKAGES)?;
    let mut bench = Bench::new(&world, "hosts")?;
    let store = engine::open(&world)?;
    let mut disk = Disk::new(&world)?;
    let sections: Vec<String> = (0..SECTIONS).map(packages::host).collect();
    let (mut back, mut written) = (Rounds::default(), Rounds::default());
    for round in 0..=ROUNDS {
        let before = store.head()?;
        let changes = bench.change_all(&sections, CHANGES, &format!("bulk {round}"))?;
        assert_eq!(changes, 10_000, "another number of changes");
        let (mine, done) = seconds(|| Ok(store.rollback(before, None, &CommitOptions::default())?))?;
        assert_eq!(done.changes(), changes, "not all of it was rolled back");
        let text = fs::read(world.package("hosts"))?;
        let (theirs, ()) = seconds(|| {
            disk.append()?;
            disk.replace(&text)
        })?;
        if round > 0 {
            back.push(mine * 1e3);
            written.push(theirs * 1e3);
        }
    }
    Ok(vec![Figure {
        id: "rollback.10k",
        what: "rollback of a commit of 10,000 changes, log and package file on disk: 1M options, 100,000 commits in the log".into(),
        unit: "ms",
        value: back,
        peer: "append of 4 KiB + fdatasync, then writing the package's text, syncing and renaming it".into(),
        peer_value: written,
        must: Limit::Below(100.0),
        goal: Limit::Below(20.0),
    }])
}

pub fn blame() -> Result<Vec<Figure>> {
    let spread = world_of_commits(PACKAGES)?;
    let one = world_of_commits(1)?;
    let git = Git::new(&spread)?;
    let key = Key::parse("hosts")?;
    let (spread_store, one_store) = (engine::open(&spread)?, engine::open(&one)?);
    let ask = |store: &Store| {
        let (seconds, lines) = seconds(|| Ok(store.blame(&key)?))?;
        // The options, and a line for each section.
        assert!(lines.len() >= 10_000, "lines are missing");
        assert!(lines.iter().all(|line| line.commit.is_some()), "a line has no commit");
        Ok(seconds * 1e3)
    };
    let log = log_of(&one)?;
    let [mine, busy, theirs, bytes] = by_turns(
        ROUNDS,
        1,
        [&mut || ask(&spread_store), &mut || ask(&one_store), &mut || git.blame(), &mut || {
            Ok(seconds(|| Ok(fs::read(&log)?.len()))?.0 * 1e3)
        }],
    )?;
    let figure = |id, what: &str, value, peer: &str, peer_value| Figure {
        id,
        what: format!("blame of a package of 10,000 options, 100,000 commits in the log: {what}"),
        unit: "ms",
        value,
        peer: peer.into(),
        peer_value,
        must: Limit::Below(200.0),
        goal: Limit::Below(20.0),
    };
    Ok(vec![
        figure(
            "blame.1m",
            "1,000 of them to this package, the others to 99 more",
            mine,
            "git blame of the same text after as many commits",
            theirs,
        ),
        figure("blame.1m.one", "all of them to this package", busy, "reading the log's file", bytes),
    ])
}

/// A repository with the package, and as many commits to it and to others.
struct Git {
    folder: std::path::PathBuf,
}

impl Git {
    fn new(world: &World) -> Result<Git> {
        let folder = world.root().join("git");
        fs::create_dir(&folder)?;
        let git = Git { folder };
        git.run(&["init", "--quiet", "--initial-branch=main"])?;
        let mut import = git.command(&["fast-import", "--quiet", "--done"]).stdin(Stdio::piped()).spawn()?;
        let mut out = BufWriter::with_capacity(1 << 20, import.stdin.take().ok_or("no input")?);
        let mut lines: Vec<Vec<u8>> =
            packages::text(EACH).split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let settings: Vec<usize> =
            (0..lines.len()).filter(|line| lines[*line].starts_with(b"\toption ")).collect();
        for commit in 0..COMMITS {
            writeln!(
                out,
                "commit refs/heads/main\ncommitter ada <ada@example.org> {} +0000\ndata 0\n",
                1_700_000_000 + commit
            )?;
            if commit.is_multiple_of(PACKAGES) {
                let line = settings[commit / PACKAGES * 7919 % settings.len()];
                lines[line] = format!("\toption changed '{commit}'\n").into_bytes();
                let text = lines.concat();
                writeln!(out, "M 100644 inline hosts\ndata {}", text.len())?;
                out.write_all(&text)?;
            } else {
                let text = format!("changed {commit}\n");
                write!(out, "M 100644 inline {}\ndata {}\n{text}", package(commit % PACKAGES), text.len())?;
            }
            writeln!(out)?;
        }
        writeln!(out, "done")?;
        out.flush()?;
        drop(out);
        if !import.wait()?.success() {
            return Err("git fast-import failed".into());
        }
        git.run(&["reset", "--quiet", "--hard"])?;
        Ok(git)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).args(arguments).stdout(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command(arguments).stdin(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(format!("git {arguments:?}: {status}").into()) }
    }

    fn blame(&self) -> Result<f64> {
        Ok(seconds(|| self.run(&["blame", "--porcelain", "hosts"]))?.0 * 1e3)
    }
}

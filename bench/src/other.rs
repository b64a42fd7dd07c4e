//! The other process: what writes while this one reads, or waits while this one writes.
//!
//! It is this program again, told a role. It does what its standard input says, a line each, and answers each with a
//! line. It ends with its input, so that it outlives nobody.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cms::{EventLimits, EventManager, Notice, Pattern, Revision, Start};
use cms_segment::{Root, RootOptions, Value, Writer};
use cms_testkit::Random;
use rustix::thread::futex;

use crate::Result;
use crate::entries::Entries;
use crate::figures::engine::{self, Bench};
use crate::figures::{import_json, tx};
use crate::shared::{Words, clock, words};

/// Another process, seen from this one.
pub struct Other {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it in a role.
    pub fn start(role: &str, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--other", role])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output })
    }

    /// What it says next.
    pub fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the other process has ended".into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Tells it something, and answers what it says to that.
    pub fn tell(&mut self, what: &str) -> Result<String> {
        self.order(what)?;
        self.hear()
    }

    /// Tells it something; it answers when it has done that.
    pub fn order(&mut self, what: &str) -> Result<()> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{what}")?;
        input.flush()?;
        Ok(())
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Changes in a second of a busy writer.
pub const BUSY: u64 = 10_000;

/// Plays a role until the input ends.
pub fn run(role: &str, arguments: &[String]) -> Result<ExitCode> {
    let words_of = |path: &String| words(Path::new(path));
    match (role, arguments) {
        ("writer", [folder, count]) => write(Path::new(folder), count.parse()?)?,
        ("changer", [folder]) => change(Path::new(folder))?,
        ("committer", [config, state, run, number]) => {
            commit([config, state, run].map(Path::new), number.parse()?)?;
        }
        ("reader", [folder]) => read(Path::new(folder))?,
        ("waiter", [folder, file]) => wait(Path::new(folder), words_of(file)?)?,
        ("listener", [config, state, run, file, count]) => {
            listen([config, state, run].map(Path::new), words_of(file)?, count.parse()?)?;
        }
        ("drainer", [config, state, run, count]) => {
            drain([config, state, run].map(Path::new), count.parse()?)?;
        }
        ("json-parser", [file]) => say(&import_json::parse(Path::new(file))?.to_string())?,
        ("futex", [file]) => wait_bare(words_of(file)?)?,
        _ => return Err("no such role".into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn say(what: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{what}")?;
    output.flush()?;
    Ok(())
}

/// Loads entries, then changes them as it is told.
fn write(folder: &Path, count: usize) -> Result<()> {
    let root = Root::create(folder, &RootOptions::default())?;
    let entries = Entries::new(count);
    entries.load(root.writer()?.load(1)?)?;
    say("loaded")?;
    let mut random = Random::new(5);
    obey(&root, &mut |writer| overwrite(writer, &entries, random.below(count as u64) as usize))
}

/// Sets an option to the value of another, and makes that visible.
pub fn overwrite(writer: &mut Writer<'_>, entries: &Entries, number: usize) -> Result<()> {
    let revision = writer.head() + 1;
    // Another one each time, so that the bytes of all values stay about as many.
    let other = (number + revision as usize) % entries.len();
    let mut batch = writer.batch(revision)?;
    let (section, option) = (entries.section(number).as_bytes(), entries.option(number).as_bytes());
    entries.with_value(other, |value| batch.set_in(section, option, value))?;
    Ok(batch.publish()?)
}

/// Changes options named `metric` of a store that is there already.
fn change(folder: &Path) -> Result<()> {
    let root = Root::open(folder)?;
    let mut paths = Vec::new();
    for item in root.snapshot()?.iter() {
        let item = item?;
        if item.leaf == b"metric" {
            paths.push(item.path.to_vec());
        }
    }
    if paths.is_empty() {
        return Err("there is nothing to change".into());
    }
    say("opened")?;
    let mut random = Random::new(5);
    obey(&root, &mut |writer| {
        let revision = writer.head() + 1;
        let mut batch = writer.batch(revision)?;
        let path = &paths[random.below(paths.len() as u64) as usize];
        batch.set_in(path, b"metric", Value::String(revision.to_string().as_bytes()))?;
        Ok(batch.publish()?)
    })
}

/// `busy` begins changes at a steady rate and `quiet` ends them; `some N` makes so many at once.
fn obey(root: &Root, change: &mut (dyn FnMut(&mut Writer<'_>) -> Result<()> + Send)) -> Result<()> {
    let mut lines = std::io::stdin().lines();
    while let Some(line) = lines.next() {
        let line = line?;
        if let Some(count) = line.strip_prefix("some ") {
            let mut writer = root.writer()?;
            for _ in 0..count.parse::<u64>()? {
                change(&mut writer)?;
            }
            say("done")?;
            continue;
        }
        if line != "busy" {
            return Err(format!("what is {line:?}?").into());
        }
        let enough = AtomicBool::new(false);
        let made = std::thread::scope(|scope| {
            let changing = scope.spawn(|| steadily(root, &enough, change).map_err(|error| error.to_string()));
            say("busy")?;
            let quiet = lines.next();
            enough.store(true, Ordering::Relaxed);
            let made = changing.join().map_err(|_| "the writer panicked")?;
            if quiet.is_none() {
                Ok(None)
            } else {
                made.map(Some).map_err(Box::<dyn std::error::Error>::from)
            }
        })?;
        let Some((count, seconds)) = made else { return Ok(()) };
        say(&format!("{:.0}", count as f64 / seconds))?;
    }
    Ok(())
}

/// Makes changes at a steady rate; what it could not make in time it makes up for. Answers how many, and in what time.
fn steadily(
    root: &Root,
    enough: &AtomicBool,
    change: &mut (dyn FnMut(&mut Writer<'_>) -> Result<()> + Send),
) -> Result<(u64, f64)> {
    let mut writer = root.writer()?;
    let start = Instant::now();
    let mut made = 0;
    while !enough.load(Ordering::Relaxed) {
        while made < start.elapsed().as_micros() as u64 * BUSY / 1_000_000 {
            change(&mut writer)?;
            made += 1;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
    Ok((made, start.elapsed().as_secs_f64()))
}

/// `for N` commits changes for so many milliseconds, and answers how many.
fn commit([config, state, run]: [&Path; 3], number: usize) -> Result<()> {
    let mut bench = Bench::of(engine::open_in(config, state, run)?, "hosts")?;
    say("opened")?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let time = line.strip_prefix("for ").ok_or("what is to be done?")?.parse()?;
        let count = tx::commit_for(&mut bench, number, Duration::from_millis(time))?;
        say(&count.to_string())?;
    }
    Ok(())
}

/// Answers each key with the text that it has now.
fn read(folder: &Path) -> Result<()> {
    let root = Root::attach(folder)?;
    say("attached")?;
    for key in std::io::stdin().lines() {
        match root.snapshot()?.get(key?.as_bytes())? {
            Some(Value::String(text)) => say(&String::from_utf8_lossy(text))?,
            _ => say("")?,
        }
    }
    Ok(())
}

/// Waits for every change of a store and notes when it woke.
fn wait(folder: &Path, words: &'static Words) -> Result<()> {
    let root = Root::attach(folder)?;
    let mut seen = root.sequence();
    std::thread::spawn(move || {
        while let Ok(now) = root.wait(seen, None) {
            note(words);
            seen = now.unwrap_or(seen);
        }
    });
    until_told()
}

/// The same with a word and the kernel alone.
fn wait_bare(words: &'static Words) -> Result<()> {
    let mut seen = words.futex.load(Ordering::Acquire);
    std::thread::spawn(move || {
        loop {
            while words.futex.load(Ordering::Acquire) == seen {
                let _ = futex::wait(&words.futex, futex::Flags::empty(), seen, None);
            }
            note(words);
            seen = words.futex.load(Ordering::Acquire);
        }
    });
    until_told()
}

/// Subscribes closures to all changes, each of which notes when it was called.
fn listen([config, state, run]: [&Path; 3], words: &'static Words, count: usize) -> Result<()> {
    let store = engine::open_in(config, state, run)?;
    let events = EventManager::new(&store, EventLimits::default())?;
    for number in 0..count {
        events.subscribe(&number.to_string(), Pattern::new("hosts.**")?, Start::Now, move |_| {
            words.clock.fetch_max(clock(), Ordering::Relaxed);
            words.woken.fetch_add(1, Ordering::Release);
        })?;
    }
    until_told()
}

/// Subscribes to what was committed since the import, and answers how long so many events took, and the most memory that was in use.
fn drain([config, state, run]: [&Path; 3], count: usize) -> Result<()> {
    let store = engine::open_in(config, state, run)?;
    let events = EventManager::new(&store, EventLimits::default())?;
    let (sender, done) = std::sync::mpsc::channel();
    let (mut seen, mut last) = (0, 1);
    let start = Instant::now();
    events.subscribe("late", Pattern::new("hosts.**")?, Start::After(Revision(1)), move |notice| {
        let is_next = match notice {
            Notice::Commit(commit) => {
                seen += commit.events.len();
                last += 1;
                commit.revision.0 == last
            }
            _ => false,
        };
        if !is_next || seen == count {
            let _ = sender.send(is_next);
        }
    })?;
    if !done.recv()? {
        return Err("an event was lost, or came out of order".into());
    }
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    say(&format!("{seconds} {}", peak * 1024))
}

fn note(words: &Words) {
    words.clock.store(clock(), Ordering::Relaxed);
    words.woken.fetch_add(1, Ordering::Release);
}

fn until_told() -> Result<()> {
    say("waiting")?;
    for line in std::io::stdin().lines() {
        line?;
    }
    Ok(())
}

//! Running a program and looking at what it answered.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::fault::{Call, Fault};

/// Longer than any command of a test should take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program, its arguments, and a clean environment.
#[derive(Clone, Debug)]
pub struct Command {
    program: PathBuf,
    root: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    fault: Option<Fault>,
    shell: Option<String>,
}

impl Command {
    /// A program that runs in `root` and whose faults are those of files under `root`.
    pub fn new(program: impl AsRef<Path>, root: &Path) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let environment =
            vec![("PATH".into(), path), ("LC_ALL".into(), "C".into()), ("TERM".into(), "dumb".into())];
        Self {
            program: program.as_ref().to_owned(),
            root: root.to_owned(),
            arguments: Vec::new(),
            environment,
            stdin: Vec::new(),
            fault: None,
            shell: None,
        }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| OsString::from(argument.as_ref())));
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Gives the program something to read; without it, its input is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Lets the disk fail.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Limits the size of files that the program writes, in blocks of 512 bytes. With `ignore`, the signal that
    /// goes with it is ignored, and a write beyond the limit fails with EFBIG.
    pub fn file_size_limit(mut self, blocks: u64, ignore: bool) -> Self {
        let trap = if ignore { "trap '' XFSZ; " } else { "" };
        self.shell = Some(format!("{trap}ulimit -f {blocks} && exec \"$0\" \"$@\""));
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Answer {
        self.spawn().wait()
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let line = self.line();
        let mut command = match &self.shell {
            None => std::process::Command::new(&self.program),
            Some(script) => {
                let mut shell = std::process::Command::new("sh");
                shell.arg("-c").arg(script).arg(&self.program);
                shell
            }
        };
        command
            .args(&self.arguments)
            .current_dir(&self.root)
            .env_clear()
            .envs(self.environment.iter().cloned());
        let report = self.fault.as_ref().map(|fault| {
            let report = report_file(&self.root);
            command.envs(fault.environment(&self.root, &report));
            report
        });
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {line}: {error}"));
        let mut pipe = child.stdin.take().expect("a pipe");
        if !self.stdin.is_empty() {
            let bytes = self.stdin;
            // A program may end without reading all of it.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        Running { line, child, report }
    }

    fn line(&self) -> String {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = self.arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        let mut line = std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ");
        if let Some(fault) = &self.fault {
            line.push_str(&format!(" [{fault}]"));
        }
        line
    }
}

fn report_file(root: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    root.join(format!("calls-{}-{number}", std::process::id()))
}

/// A program that has been started.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    report: Option<PathBuf>,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has stopped itself (true) or has ended (false).
    pub fn wait_for_stop(&self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.rustix_pid()), options).expect("the child is ours");
        status.is_some_and(|status| status.stopped())
    }

    /// Lets a stopped program go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it at once, as `kill -9` does.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits for its end.
    pub fn wait(self) -> Answer {
        let pid = self.rustix_pid();
        let Self { line, child, report } = self;
        let (done, waiting) = channel::<()>();
        let watchdog = std::thread::spawn(move || {
            let late = waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            if late {
                let _ = kill_process(pid, Signal::KILL);
            }
            late
        });
        let output = child.wait_with_output().expect("the child is ours");
        drop(done);
        assert!(!watchdog.join().expect("the watchdog"), "{line}: no answer within {PATIENCE:?}");
        let calls = report.map(|report| {
            let calls = Call::read(&report);
            let _ = std::fs::remove_file(report);
            calls
        });
        Answer {
            line,
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
            calls: calls.unwrap_or_default(),
        }
    }

    fn signal(&self, signal: Signal) {
        // It may have ended by itself; it is not reaped before `wait`, so the id is still its own.
        let _ = kill_process(self.rustix_pid(), signal);
    }

    fn rustix_pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32).expect("a process id is not 0")
    }
}

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    line: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    calls: Vec<Call>,
}

impl Answer {
    /// Whether it exited with 0.
    pub fn is_success(&self) -> bool {
        self.status.success()
    }

    /// Its exit code; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Its standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The calls that were counted, when it ran with a fault.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.is_success(), "should succeed: {self}");
        self
    }

    /// Asserts an exit code other than 0, with a message, and no death by a signal.
    #[track_caller]
    pub fn fails(self) -> Self {
        assert!(self.code().is_some_and(|code| code != 0), "should fail: {self}");
        assert!(!self.stderr.is_empty(), "should say why it fails: {self}");
        self
    }

    /// Asserts an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    /// Asserts the whole standard output.
    #[track_caller]
    pub fn stdout_is(self, text: &str) -> Self {
        assert_eq!(self.stdout(), text, "{self}");
        self
    }

    /// Asserts a part of the standard output.
    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout().contains(text), "stdout should have {text:?}: {self}");
        self
    }

    /// Asserts a part of the standard error.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr().contains(text), "stderr should have {text:?}: {self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n{}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.status,
            self.stdout(),
            self.stderr()
        )
    }
}

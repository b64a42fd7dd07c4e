//! The guardian: the process that rolls back what nobody confirms. It outlives the call, the terminal and the login.
//!
//! Its steps are those of "Who rolls back" in `docs/commit-confirmed.md`.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use cms::{Location, Options};
use nix::sys::signal::{SigSet, Signal};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::text::msg;
use crate::trigger;

/// The verb by which the program calls itself.
pub(crate) const VERB: &str = "__guard";

/// How long it waits for its caller before it looks into the log.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// A guardian that waits for its caller to have committed. Dropped, it looks into the log; so it does when the caller dies.
pub(crate) struct Guardian {
    _until_then: Option<ChildStdin>,
}

/// Starts a guardian for a store, and waits until nothing that happens to the caller can reach it.
pub(crate) fn start(location: &Location) -> Result<Guardian, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Error, msg!("guardian-failed")).because(&error);
    // The program itself, also when its file has been replaced meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cms").arg("-c").arg(location.config());
    for (option, directory) in [("--state-dir", location.state()), ("--run-dir", location.run())] {
        // The options name what holds the directories of all stores.
        let base = std::path::absolute(directory.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        command.arg(option).arg(base);
    }
    command.arg(VERB).args(inheritable().map_err(failed)?.iter().map(ToString::to_string));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
    let mut child = command.spawn().map_err(failed)?;
    let mut ready = [0];
    let answer = child.stdout.take().map_or(Ok(0), |mut pipe| pipe.read(&mut ready)).map_err(failed)?;
    if answer == 0 {
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Guardian { _until_then: child.stdin.take() })
}

/// Becomes the guardian of the session's store, and closes the descriptors that it must not keep.
pub(crate) fn run(session: &Session, inherited: &[RawFd]) -> Result<Exit, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Error, msg!("guardian-failed")).because(&error);
    detach(inherited).map_err(failed)?;
    // Before the caller may go on: who cannot open the log cannot guard it.
    let store =
        session::open(&session.globals, Options { create: false, writes: true, ..Options::from_env()? })?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").map_err(failed)?;
    rustix::io::write(rustix::stdio::stdout(), b"\n").map_err(|error| failed(error.into()))?;
    rustix::stdio::dup2_stdout(&null).map_err(|error| failed(error.into()))?;
    loop {
        // Looked at before the log: what the caller has committed by then is in it.
        let is_alone = caller_is_done();
        if is_alone {
            rustix::stdio::dup2_stdin(&null).map_err(|error| failed(error.into()))?;
        }
        // A caller that hangs in the middle keeps nothing from being rolled back.
        store.guard(&mut |settled| {
            if let Err(error) = trigger::start_after(&store, &session.globals, settled) {
                tracing::error!(%error, "the triggers of a rollback could not be started");
            }
        })?;
        if is_alone {
            return Ok(Exit::Ok);
        }
    }
}

/// Leaves the caller's session, folder and descriptors.
fn detach(inherited: &[RawFd]) -> io::Result<()> {
    let mut deaf = SigSet::empty();
    deaf.add(Signal::SIGHUP);
    deaf.thread_block()?;
    // What a list of processes shows; a name is no reason to fail.
    let _ = rustix::thread::set_name(c"cms-guardian");
    rustix::process::setsid()?;
    rustix::process::chdir("/")?;
    for descriptor in inherited {
        // By number, as the caller's caller has left it: nothing in this process knows of it.
        let _ = nix::unistd::close(*descriptor);
    }
    Ok(())
}

/// Waits for a moment for the caller to let go of the pipe, by being done or by being killed.
fn caller_is_done() -> bool {
    let stdin = rustix::stdio::stdin();
    let mut pipe = [PollFd::new(&stdin, PollFlags::IN)];
    matches!(rustix::event::poll(&mut pipe, Some(&PAUSE)), Ok(1..))
}

/// What the caller's caller left open and would be left open in the guardian: a lock of a script, or the pipe for which a
/// remote shell waits.
fn inheritable() -> io::Result<Vec<RawFd>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(descriptor) = entry?.file_name().to_str().and_then(|number| number.parse::<RawFd>().ok())
        else {
            continue;
        };
        // One of them is the listing itself, which is closed in a moment.
        let Ok(about) = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")) else { continue };
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).unwrap_or(0);
        if descriptor > 2 && flags & OFlags::CLOEXEC.bits() == 0 {
            found.push(descriptor);
        }
    }
    Ok(found)
}

//! The other process of a measurement: it tells at what time it was woken.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use cms::{Location, Notice, Pattern};

use super::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

/// The verb by which the program calls itself.
pub(crate) const VERB: &str = "__bench";
/// What it does: answer bytes, or watch commits.
pub(crate) const ECHO: &str = "echo";
pub(crate) const WATCH: &str = "watch";

/// After so long a silence it looks whether anybody is left.
const SILENCE: Duration = Duration::from_secs(1);

pub(super) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
}

impl Peer {
    /// Starts it, and waits until it waits.
    pub(super) fn start(location: &Location, does: &str) -> io::Result<Peer> {
        // The program itself, also when its file has been replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("cms").arg("-c").arg(location.config());
        for (option, folder) in [("--state-dir", location.state()), ("--run-dir", location.run())] {
            command.arg(option).arg(folder.parent().unwrap_or(Path::new("/")));
        }
        command.args([VERB, does]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut peer = Peer { child, input, output };
        peer.time()?;
        Ok(peer)
    }

    pub(super) fn wake(&mut self) -> io::Result<()> {
        match &mut self.input {
            Some(input) => input.write_all(b"."),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// When it was woken.
    pub(super) fn time(&mut self) -> io::Result<u64> {
        let mut time = [0; 8];
        match &mut self.output {
            Some(output) => output.read_exact(&mut time)?,
            None => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        Ok(u64::from_le_bytes(time))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the other process.
pub(crate) fn run(does: &str, session: &mut Session) -> Result<Exit, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Error, msg!("bench-failed")).because(&error);
    let tell = |time: u64| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&time.to_le_bytes()).and_then(|()| stdout.flush()).map_err(Failure::output)
    };
    if does == ECHO {
        tell(clock())?;
        let mut byte = [0];
        while io::stdin().lock().read(&mut byte).map_err(failed)? == 1 {
            tell(clock())?;
        }
        return Ok(Exit::Ok);
    }
    let parent = rustix::process::getppid();
    let pattern = Pattern::new("**").map_err(|error| Failure::usage(msg!("internal")).because(&error))?;
    let mut watch = session.store()?.watch([pattern], None)?;
    tell(clock())?;
    while rustix::process::getppid() == parent {
        if let Some(Notice::Commit(_)) = watch.next(Some(SILENCE))? {
            tell(clock())?;
        }
    }
    Ok(Exit::Ok)
}

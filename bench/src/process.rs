//! Programs as processes: how long they take and how much memory they held at most.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::world::World;

/// The `cms` program on the directories of a world.
#[derive(Clone, Debug)]
pub struct Program {
    program: PathBuf,
    world: PathBuf,
    run: PathBuf,
    modules: Option<PathBuf>,
}

/// What a process cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Wall clock.
    pub seconds: f64,
    /// The most memory that was resident at a time, in bytes.
    pub peak: f64,
}

impl Program {
    /// The program that `CMS_BIN` names.
    pub fn new(world: &World) -> Result<Self> {
        let program =
            std::env::var_os("CMS_BIN").ok_or("CMS_BIN does not name the program (use `make bench`)")?;
        Ok(Self { program: program.into(), world: world.root().to_owned(), run: world.run(), modules: None })
    }

    /// The same with the schemas of a folder.
    pub fn with_modules(self, modules: &Path) -> Self {
        Self { modules: Some(modules.to_owned()), ..self }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", &self.world)
            .env("CMS_STATE_DIR", self.world.join("state"))
            .env("CMS_RUN_DIR", &self.run)
            .envs(self.modules.iter().map(|modules| ("CMS_MODULES", modules)))
            .arg("-c")
            .arg(self.world.join("config"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs it; its output is not looked at.
    pub fn run(&self, arguments: &[&str]) -> Result<()> {
        finish(&mut self.command(arguments))
    }

    /// Runs it and gives its output.
    pub fn output(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", output.status).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it from one file to another and gives what it cost.
    pub fn cost(&self, arguments: &[&str], input: Option<&Path>, output: Option<&Path>) -> Result<Cost> {
        let mut command = self.command(arguments);
        if let Some(input) = input {
            command.stdin(File::open(input)?);
        }
        if let Some(output) = output {
            command.stdout(File::create(output)?);
        }
        rusage::run(&mut command)
    }
}

/// Starts a program that does nothing and waits for it.
pub fn spawn_nothing() -> Result<()> {
    finish(Command::new("/bin/true").env_clear().stdin(Stdio::null()).stdout(Stdio::null()))
}

fn finish(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

mod rusage {
    #![allow(unsafe_code, reason = "the standard library does not tell a child's peak memory")]

    use std::mem::MaybeUninit;
    use std::process::Command;
    use std::time::Instant;

    use super::Cost;
    use crate::Result;

    /// Runs a command and asks the kernel what it used. The peak is at least that of this process, which the
    /// child is for a moment before it becomes the program; so this process stays small while it measures.
    pub fn run(command: &mut Command) -> Result<Cost> {
        let start = Instant::now();
        let child = command.spawn()?;
        let pid = libc::pid_t::try_from(child.id())?;
        let mut status = 0;
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both pointers are to live locals of the types that wait4 fills. The child is reaped here
        // and nowhere else: `Child` neither waits nor kills when it is dropped.
        let waited = unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) };
        let seconds = start.elapsed().as_secs_f64();
        if waited != pid || status != 0 {
            return Err(format!("{command:?}: wait status {status}").into());
        }
        // SAFETY: zeroed above, and all zeros are a valid rusage.
        let usage = unsafe { usage.assume_init() };
        Ok(Cost { seconds, peak: usage.ru_maxrss as f64 * 1024.0 })
    }
}

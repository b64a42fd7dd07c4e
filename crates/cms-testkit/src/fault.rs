//! A disk that fails at the n-th call.
//!
//! The program under test runs with a small C library before the system's own (`shim/fault.c`), which counts the
//! calls that change files under the home and acts at the chosen one. The library is compiled when first needed.

use std::ffi::OsString;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::io::Errno;

/// What happens at which call.
///
/// Calls are counted from 1; each process counts for itself.
#[derive(Clone, Debug)]
pub struct Fault {
    at: u64,
    action: String,
    folders: Vec<PathBuf>,
    reads: bool,
}

impl Fault {
    /// Nothing happens; the calls are counted and named ([`Answer::calls`](crate::Answer::calls)).
    pub fn count() -> Self {
        Self::new(0, "count".into())
    }

    /// The `n`-th call fails; later ones work again.
    pub fn fail(n: u64, errno: Errno) -> Self {
        Self::new(n, format!("fail:{}", errno.raw_os_error()))
    }

    /// The `n`-th call and every later one fails: the disk is gone.
    pub fn fail_from(n: u64, errno: Errno) -> Self {
        Self::new(n, format!("fail-from:{}", errno.raw_os_error()))
    }

    /// From the `n`-th call on, those fail that need new space: the disk or the quota is full.
    pub fn full(n: u64, errno: Errno) -> Self {
        Self::new(n, format!("full:{}", errno.raw_os_error()))
    }

    /// The `n`-th call, when it writes, writes half of its bytes and says so.
    pub fn short(n: u64) -> Self {
        Self::new(n, "short".into())
    }

    /// The `n`-th call, when it writes, writes half of its bytes; then the process is killed.
    pub fn short_kill(n: u64) -> Self {
        Self::new(n, "short-kill".into())
    }

    /// The process is killed before the `n`-th call.
    pub fn kill_before(n: u64) -> Self {
        Self::new(n, "kill-before".into())
    }

    /// The process is killed after the `n`-th call.
    pub fn kill_after(n: u64) -> Self {
        Self::new(n, "kill-after".into())
    }

    /// The process stops before the `n`-th call, until [`Running::go_on`](crate::Running::go_on).
    pub fn stop_before(n: u64) -> Self {
        Self::new(n, "stop-before".into())
    }

    /// The process stops after the `n`-th call.
    pub fn stop_after(n: u64) -> Self {
        Self::new(n, "stop-after".into())
    }

    /// Counts only calls on files under `folder`, in place of all in the home.
    pub fn under(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Counts opening for reading and reading as well.
    pub fn with_reads(mut self) -> Self {
        self.reads = true;
        self
    }

    fn new(at: u64, action: String) -> Self {
        Self { at, action, folders: Vec::new(), reads: false }
    }

    /// The variables that the library reads.
    pub(crate) fn environment(&self, root: &Path, report: &Path) -> Vec<(&'static str, OsString)> {
        let folders = if self.folders.is_empty() { vec![root.to_owned()] } else { self.folders.clone() };
        let folders: Vec<OsString> = folders.into_iter().map(PathBuf::into_os_string).collect();
        let mut environment = vec![
            ("LD_PRELOAD", library().into()),
            ("CMS_FAULT_UNDER", folders.join(OsString::from(":").as_os_str())),
            ("CMS_FAULT_REPORT", report.into()),
        ];
        if self.at > 0 {
            environment.push(("CMS_FAULT_AT", self.at.to_string().into()));
            environment.push(("CMS_FAULT_ACTION", self.action.clone().into()));
        }
        if self.reads {
            environment.push(("CMS_FAULT_READS", "1".into()));
        }
        environment
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at call {}", self.action, self.at)
    }
}

/// A call that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function's name.
    pub name: String,
    /// The file it was about.
    pub path: PathBuf,
}

impl Call {
    pub(crate) fn read(report: &Path) -> Vec<Self> {
        // No file: the process was not started, or counted nothing.
        let text = std::fs::read_to_string(report).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, path)| Self { name: name.into(), path: path.into() })
            .collect()
    }

    /// Whether it writes bytes.
    pub fn writes(&self) -> bool {
        self.name.contains("write")
    }
}

/// The compiled library; each version of its source has a file of its own beside the build's.
fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(compile).clone()
}

fn compile() -> PathBuf {
    const SOURCE: &str = include_str!("../shim/fault.c");
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let test = std::env::current_exe().expect("the path of the test");
    let folder = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let library = folder.join(format!("cms-fault-{:016x}.so", hasher.finish()));
    if !library.exists() {
        let workplace = tempfile::tempdir_in(folder).expect("a temporary directory");
        let (source, made) = (workplace.path().join("fault.c"), workplace.path().join("fault.so"));
        std::fs::write(&source, SOURCE).expect("the source is written");
        let output = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
            .args([&made, &source])
            .arg("-ldl")
            .output()
            .expect("the tests need a C compiler (cc)");
        assert!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        // Several tests may compile at once; each renames a whole file.
        std::fs::rename(made, &library).expect("the library is put in place");
    }
    library
}

//! A private world for one test: directories, a program, nothing of the machine's own configuration.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Command;

/// Directories of its own for one run of the program, removed with it.
#[derive(Debug)]
pub struct Home {
    root: TempDir,
}

impl Home {
    /// An empty home whose programs `cms` and `uci` are links to `program`, or to what `CMS_TEST_PROGRAM` names
    /// (an installed release, say).
    pub fn new(program: impl AsRef<Path>) -> Self {
        let other = std::env::var_os("CMS_TEST_PROGRAM").map(PathBuf::from);
        let program = other.unwrap_or_else(|| program.as_ref().to_owned());
        let program = fs::canonicalize(program).expect("the program is built");
        let root = tempfile::Builder::new().prefix("cms-home-").tempdir().expect("a temporary directory");
        let home = Self { root };
        for folder in ["conf", "state", "run", "save", "home", "tmp", "bin"] {
            fs::create_dir(home.root().join(folder)).expect("a folder of the home");
        }
        for name in ["cms", "uci"] {
            symlink(&program, home.root().join("bin").join(name)).expect("a link to the program");
        }
        home
    }

    /// A home with the packages of `examples/etc-config`.
    pub fn with_examples(program: impl AsRef<Path>) -> Self {
        let home = Self::new(program);
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/etc-config");
        for entry in fs::read_dir(examples).expect("the examples") {
            let entry = entry.expect("an example");
            fs::copy(entry.path(), home.config_dir().join(entry.file_name())).expect("a copy of an example");
        }
        home
    }

    /// The folder that holds all others; no path in it has a symbolic link, except those of `bin`.
    pub fn root(&self) -> PathBuf {
        fs::canonicalize(self.root.path()).expect("the home is there")
    }

    /// The configuration directory.
    pub fn config_dir(&self) -> PathBuf {
        self.root().join("conf")
    }

    /// `CMS_STATE_DIR`.
    pub fn state_dir(&self) -> PathBuf {
        self.root().join("state")
    }

    /// `CMS_RUN_DIR`.
    pub fn run_dir(&self) -> PathBuf {
        self.root().join("run")
    }

    /// The folder where `uci` stages (its `-t`).
    pub fn save_dir(&self) -> PathBuf {
        self.root().join("save")
    }

    /// The file of a package.
    pub fn path(&self, package: &str) -> PathBuf {
        self.config_dir().join(package)
    }

    /// Writes a package file in place, as an editor that truncates does.
    pub fn write(&self, package: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(package), text).expect("a package file is written");
    }

    /// The text of a package file.
    pub fn read(&self, package: &str) -> String {
        let path = self.path(package);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    /// All names in the configuration directory, hidden ones too, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.config_dir()).expect("the configuration directory");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// `cms -c DIR ARGUMENTS`.
    pub fn cms<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.program("cms").args(["-c", &self.config_dir().to_string_lossy()]).args(arguments)
    }

    /// `uci -c DIR -t SAVE ARGUMENTS`.
    pub fn uci<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let folders = (self.config_dir(), self.save_dir());
        self.program("uci")
            .args(["-c", &folders.0.to_string_lossy(), "-t", &folders.1.to_string_lossy()])
            .args(arguments)
    }

    /// A program of the home's `bin`, without arguments, in a clean environment.
    pub fn program(&self, name: &str) -> Command {
        let root = self.root();
        let mut command = Command::new(root.join("bin").join(name), &root);
        for (name, folder) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("CMS_STATE_DIR", "state"),
            ("CMS_RUN_DIR", "run"),
            ("CMS_MODULES", "modules"),
        ] {
            command = command.env(name, root.join(folder));
        }
        command
    }
}

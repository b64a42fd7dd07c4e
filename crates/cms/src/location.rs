//! Where a store lives: the configuration directory and, decided by its owner, the state directory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::user::User;

/// Overrides of the base directories.
///
/// ```
/// let dirs = cms::Dirs { state: Some("/tmp/state".into()), ..cms::Dirs::default() };
/// assert!(dirs.run.is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dirs {
    /// Base of state directories, in place of `/var/lib/cms` or `~/.local/state/cms`.
    pub state: Option<PathBuf>,
    /// Base of runtime directories, in place of `/run/cms` or `/run/user/UID/cms`.
    pub run: Option<PathBuf>,
}

impl Dirs {
    /// Reads `CMS_STATE_DIR` and `CMS_RUN_DIR`.
    ///
    /// Everybody who uses a store must use the same values: two state directories for one
    /// configuration directory are two logs that take each other's commits for edits.
    pub fn from_env() -> Dirs {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Dirs { state: var("CMS_STATE_DIR"), run: var("CMS_RUN_DIR") }
    }
}

/// The directories of one store and the identity of its configuration directory.
#[derive(Clone, Debug)]
pub struct Location {
    config: PathBuf,
    state: PathBuf,
    run: PathBuf,
    owner: u32,
    group: u32,
    device: u64,
    inode: u64,
    modules: Vec<PathBuf>,
}

impl Location {
    /// Finds the store of the configuration directory `dir`.
    ///
    /// The owner of the directory decides where the state lies, the same for every caller.
    ///
    /// # Errors
    /// [`Error::NoDirectory`] when `dir` is not a directory that can be reached.
    pub fn find(dir: &Path, dirs: &Dirs) -> Result<Location> {
        let missing = |source| Error::NoDirectory { path: dir.to_owned(), source };
        let config = fs::canonicalize(dir).map_err(missing)?;
        let meta = fs::metadata(&config).map_err(missing)?;
        if !meta.is_dir() {
            return Err(missing(std::io::ErrorKind::NotADirectory.into()));
        }
        let owner = meta.uid();
        let name = store_name(&config);
        let state = match &dirs.state {
            Some(base) => base.clone(),
            None if owner == 0 => PathBuf::from("/var/lib/cms"),
            None => home_of(owner)?.join(".local/state/cms"),
        };
        let run = match &dirs.run {
            Some(base) => base.clone(),
            None if owner == 0 => PathBuf::from("/run/cms"),
            None => PathBuf::from(format!("/run/user/{owner}/cms")),
        };
        Ok(Location {
            config,
            state: state.join(&name),
            run: run.join(&name),
            owner,
            group: meta.gid(),
            device: meta.dev(),
            inode: meta.ino(),
            modules: crate::modules::directories(),
        })
    }

    /// Looks for modules in these directories, the last of which wins, in place of those of `CMS_MODULES` or the system's.
    #[must_use]
    pub fn with_modules(self, directories: Vec<PathBuf>) -> Location {
        Location { modules: directories, ..self }
    }

    /// Returns the directories where modules are found, in order; the last one wins.
    pub fn modules(&self) -> &[PathBuf] {
        &self.modules
    }

    /// Returns the canonical path of the configuration directory.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Returns the directory of the log, the locks and the staged changes.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Returns the directory of what lives until the next reboot.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Returns the path of the log.
    pub fn log(&self) -> PathBuf {
        self.state.join("log.db")
    }

    /// Returns the user who owns the store.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Tells whether this process may open the log: it runs as the owner or as root.
    pub fn is_ours(&self) -> bool {
        let user = rustix::process::geteuid().as_raw();
        user == self.owner || user == 0
    }

    /// The identity that the log keeps: path, device and inode.
    pub(crate) fn identity(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        let mut identity = format!("{}:{}:", self.device, self.inode).into_bytes();
        identity.extend_from_slice(self.config.as_os_str().as_bytes());
        identity
    }

    /// Creates the state directory, private to the owner, where it is missing.
    pub(crate) fn create_state(&self) -> Result<()> {
        self.create_private(&self.state)
    }

    /// Creates `dir` and its parents with mode 0700 for the owner.
    pub(crate) fn create_private(&self, dir: &Path) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        if dir.is_dir() {
            return Ok(());
        }
        let failed = |source| Error::io("create the directory", dir, source);
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        self.give_to_owner(dir).map_err(failed)?;
        if let Some(parent) = dir.parent() {
            fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// Creates the runtime directory and the one that holds those of all stores, so that everybody may look into them. What
    /// lies above them is the system's to make.
    pub(crate) fn create_run(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let base = self.run.parent();
        for dir in base.into_iter().chain([&*self.run]) {
            match fs::DirBuilder::new().mode(0o755).create(dir) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(Error::io("create the directory", dir, source)),
            }
            self.give_to_owner(dir).map_err(|source| Error::io("create the directory", dir, source))?;
        }
        Ok(())
    }

    /// Returns the group of the configuration directory.
    pub(crate) fn group(&self) -> u32 {
        self.group
    }

    /// Hands a file that root made for somebody else's store over to that user.
    pub(crate) fn give_to_owner(&self, path: &Path) -> std::io::Result<()> {
        if self.owner != 0 && rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(path, Some(self.owner), Some(self.group))?;
        }
        Ok(())
    }
}

/// `/etc/config` is `etc-config`; any other path also gets eight digits of its hash, so that no two
/// paths share a name.
fn store_name(config: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let path = config.as_os_str().as_bytes();
    if path == b"/etc/config" {
        return "etc-config".to_owned();
    }
    let last: String = config
        .file_name()
        .map(|name| name.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).take(24).collect())
        .unwrap_or_default();
    let hash = Sha256::digest(path);
    let digits: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    if last.is_empty() { digits } else { format!("{last}-{digits}") }
}

fn home_of(user: u32) -> Result<PathBuf> {
    match User::find(user) {
        Some(user) => Ok(user.home),
        None => Err(Error::NoHome { user }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_for_paths_that_end_alike() {
        assert_eq!(store_name(Path::new("/etc/config")), "etc-config");
        let one = store_name(Path::new("/home/a/config"));
        let two = store_name(Path::new("/home/b/config"));
        assert!(one.starts_with("config-") && two.starts_with("config-") && one != two, "{one} {two}");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = Location::find(Path::new("/nonexistent/x"), &Dirs::default()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x"), "{error}");
    }

    #[test]
    fn a_link_to_the_directory_is_the_same_store() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("config");
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(&dir, home.path().join("link")).unwrap();
        let dirs = Dirs { state: Some(home.path().join("state")), run: None };
        let direct = Location::find(&dir, &dirs).unwrap();
        let linked = Location::find(&home.path().join("link"), &dirs).unwrap();
        assert_eq!(direct.state(), linked.state());
    }
}

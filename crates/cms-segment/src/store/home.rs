//! Where a store lies: its directory, what is written there about it, and its durable image.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Error, Result, Strategy, error::damaged};

/// The file of the entries.
pub(super) const ENTRIES: &str = "entries";
/// The file that says what the store is. It is written last, so a directory without it is none.
const ABOUT: &str = "about";
/// The newest layout of the directory.
const FORMAT: u32 = 1;

pub(super) struct Home {
    path: PathBuf,
    image: PathBuf,
}

/// What is known of a store without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub strategy: Strategy,
    pub durable: bool,
    /// The boot in which it was made.
    pub boot: String,
}

impl Home {
    /// The home of a name or a path.
    pub fn of(name: &str) -> Result<Self> {
        if name.contains('/') {
            let mut image = PathBuf::from(name).into_os_string();
            image.push(".image");
            return Ok(Home { path: name.into(), image: image.into() });
        }
        if name.is_empty() || name.starts_with('.') || name.contains('\0') || name.len() > 200 {
            return Err(Error::Invalid {
                what: "the name of a store is a file name that does not start with a dot",
            });
        }
        Ok(Home { path: directory()?.join(name), image: durable_directory()?.join(format!("{name}.image")) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn image(&self) -> PathBuf {
        self.image.clone()
    }

    pub fn about(&self) -> Result<About> {
        let path = self.path.join(ABOUT);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Error::Absent { path: self.path.clone() },
            _ => Error::io("read", &path, source),
        })?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.split_once('=').filter(|(found, _)| *found == name))
                .map(|pair| pair.1)
        };
        let format: u32 = field("format")
            .and_then(|format| format.parse().ok())
            .ok_or_else(|| Error::Foreign { path: path.clone() })?;
        if format > FORMAT {
            return Err(Error::NewerFormat { path, found: format, known: FORMAT });
        }
        let strategy = field("strategy").and_then(|byte| byte.parse().ok()).and_then(Strategy::of_byte);
        Ok(About {
            strategy: strategy.ok_or_else(|| damaged("the store is of no known strategy"))?,
            durable: field("durable") == Some("1"),
            boot: field("boot").unwrap_or_default().to_owned(),
        })
    }

    /// Makes the directory, with what a closure puts into it, in one step.
    pub fn make(&self, about: &About, replace: bool, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let parent = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|source| Error::io("make the directory", parent, source))?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = parent.join(format!(".new.{}.{count}", std::process::id()));
        fs::create_dir(&temporary).map_err(|source| Error::io("make the directory", &temporary, source))?;
        let made = || {
            fill(&temporary)?;
            let text = format!(
                "format={FORMAT}\nstrategy={}\ndurable={}\nboot={}\n",
                about.strategy as u8,
                u8::from(about.durable),
                about.boot
            );
            let path = temporary.join(ABOUT);
            fs::write(&path, text).map_err(|source| Error::io("write", &path, source))?;
            if replace {
                self.remove()?;
            }
            fs::rename(&temporary, &self.path).map_err(|source| match source.kind() {
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                    Error::Exists { path: self.path.clone() }
                }
                _ => Error::io("make", &self.path, source),
            })
        };
        made().inspect_err(|_| drop(fs::remove_dir_all(&temporary)))
    }

    /// Takes the directory away, in one step for whoever looks for it.
    pub fn remove(&self) -> Result<()> {
        self.about()?;
        let mut gone = self.path.clone().into_os_string();
        gone.push(format!(".gone.{}", std::process::id()));
        let gone = PathBuf::from(gone);
        fs::rename(&self.path, &gone).map_err(|source| Error::io("remove", &self.path, source))?;
        fs::remove_dir_all(&gone).map_err(|source| Error::io("remove", &gone, source))
    }
}

/// What tells one boot from another.
pub(super) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".into(), |id| id.trim().to_owned())
}

pub(super) fn directory() -> Result<PathBuf> {
    if let Some(dir) = set("CMS_RUN_DIR") {
        return Ok(dir.join("stores"));
    }
    if rustix::process::geteuid().is_root() {
        return Ok("/run/cms/stores".into());
    }
    match set("XDG_RUNTIME_DIR") {
        Some(dir) => Ok(dir.join("cms/stores")),
        None => Err(Error::Invalid { what: "neither CMS_RUN_DIR nor XDG_RUNTIME_DIR says where stores lie" }),
    }
}

fn durable_directory() -> Result<PathBuf> {
    if let Some(dir) = set("CMS_STATE_DIR") {
        return Ok(dir.join("stores"));
    }
    if rustix::process::geteuid().is_root() && set("CMS_RUN_DIR").is_none() {
        return Ok("/var/lib/cms/stores".into());
    }
    match (set("XDG_STATE_HOME"), set("HOME")) {
        (Some(dir), _) => Ok(dir.join("cms/stores")),
        (None, Some(home)) => Ok(home.join(".local/state/cms/stores")),
        (None, None) => {
            Err(Error::Invalid { what: "neither CMS_STATE_DIR nor HOME says where durable stores lie" })
        }
    }
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

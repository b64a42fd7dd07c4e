//! A private configuration directory with its store, for the tests of the engine.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses its part of this, and fails by panicking"
)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cms::model::{Key, Name, PackageName, Selector, Value};
use cms::{Committed, Dirs, Location, Options, Result, Snapshot, Store};

pub const NETWORK: &str = "# the uplink\n\nconfig interface 'lan'\n\toption proto 'static'\n\toption mtu '1500' # wire\n\tlist dns '1.1.1.1'\n\nconfig route\n\toption target '10.0.0.0/8'\n";

pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub fn new(files: &[(&str, &str)]) -> Home {
        let home = Home { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(home.config()).unwrap();
        for (name, text) in files {
            fs::write(home.config().join(name), text).unwrap();
        }
        home
    }

    pub fn config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub fn location(&self) -> Location {
        let dirs = Dirs { state: Some(self.state()), run: Some(self.directory.path().join("run")) };
        Location::find(&self.config(), &dirs).unwrap()
    }

    pub fn open(&self) -> Store {
        Store::open(&self.location(), Options::default()).unwrap()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.config().join(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.config().join(name), text).unwrap();
    }

    /// Replaces a file as `vi` and `dpkg` do.
    pub fn replace(&self, name: &str, text: &str) {
        let new = self.config().join(format!(".{name}.swp"));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.config().join(name)).unwrap();
    }

    /// What lies in the configuration directory.
    pub fn listing(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.config())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub fn package(name: &str) -> PackageName {
    PackageName::new(name).unwrap()
}

pub fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// The value at a key, as text; lists joined by blanks.
pub fn get(snapshot: &Snapshot, text: &str) -> Option<String> {
    let key = key(text);
    let package = snapshot.package(&key.package).ok()?;
    let draft = cms::model::Draft::new((*package).clone(), 0);
    let value = draft.get(key.section.as_ref()?, key.option.as_ref())?;
    Some(
        value
            .items()
            .iter()
            .map(|item| String::from_utf8_lossy(item).into_owned())
            .collect::<Vec<_>>()
            .join(" "),
    )
}

pub fn now(store: &Store, text: &str) -> Option<String> {
    get(&store.snapshot().unwrap(), text)
}

pub fn set(tx: &mut cms::Transaction, text: &str, value: &str) {
    let key = key(text);
    let draft = tx.draft(&key.package).unwrap();
    draft.set_option(&key.section.unwrap(), &key.option.unwrap(), Value::scalar(value)).unwrap();
}

pub fn commit(store: &Store, text: &str, value: &str) -> Result<Committed> {
    let mut tx = store.transaction()?;
    set(&mut tx, text, value);
    tx.commit_and_wait_files()
}

pub fn section(name: &str) -> Selector {
    Selector::Named(Name::new(name).unwrap())
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

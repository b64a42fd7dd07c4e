//! The store that is measured: beside the user's own, on the same file systems, and gone afterwards.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use cms::model::{Key, Value};
use cms::{Dirs, Location, Options, Store, Transaction};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::msg;

/// What the folders of measurements are called, before the number of their process.
const NAME: &str = ".bench-";
/// How many sections the package has.
const SECTIONS: usize = 64;
const PACKAGE: &str = "network";

pub(super) struct World {
    folders: Folders,
    location: Location,
}

impl World {
    pub(super) fn new(beside: &Location) -> Result<World, Failure> {
        let base = |folder: &Path| folder.parent().unwrap_or(Path::new("/")).to_owned();
        let state = base(beside.state());
        fs::create_dir_all(&state).map_err(|error| refused(&state, &error))?;
        let folder = make(&state)?;
        // Where there is no runtime directory yet, the segment lies with the rest: who may enter it is the store's to say.
        let run = make(&base(beside.run())).unwrap_or_else(|_| folder.join("run"));
        // From here on, whatever fails, the folders go.
        let folders = Folders(folder.clone(), run.clone());
        let config = folder.join("config");
        let made = fs::create_dir(&config)
            .and_then(|()| fs::create_dir_all(&run))
            .and_then(|()| fs::write(config.join(PACKAGE), text()));
        made.map_err(|error| Failure::file(&config, &error))?;
        let dirs = Dirs { state: Some(folder.join("state")), run: Some(run.clone()) };
        let location = Location::find(&config, &dirs)?;
        Ok(World { folders, location })
    }

    pub(super) fn store(&self) -> Result<Store, Failure> {
        let store = Store::open(&self.location, Options { writes: true, ..Options::from_env()? })?;
        store.snapshot()?.map();
        Ok(store)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folders.0
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// An option of each section.
    pub(super) fn keys(&self) -> Result<Vec<Key>, Failure> {
        let key = |number| crate::keys::key_of_bytes(format!("{PACKAGE}.if{number}.mtu").as_bytes());
        (0..SECTIONS).map(key).collect()
    }

    /// One option after the other, each with a value that it does not have.
    pub(super) fn changes<'k>(&self, keys: &'k [Key]) -> impl FnMut() -> (&'k Key, u64) {
        // No value of an earlier measurement comes again.
        let mut value = super::clock() / 1000 % 1_000_000_000;
        let mut all = keys.iter().cycle();
        move || {
            value += 1;
            (all.next().unwrap_or(&keys[0]), value)
        }
    }

    /// A transaction that changes one option.
    pub(super) fn begin(&self, store: &Store, key: &Key, value: u64) -> Result<Transaction, Failure> {
        let mut transaction = store.transaction()?;
        if let (Some(section), Some(option)) = (&key.section, &key.option) {
            let set = transaction.draft(&key.package)?.set_option(
                section,
                option,
                Value::scalar(value.to_string()),
            );
            set.map_err(|error| Failure::new(Exit::Error, msg!("internal")).because(&error))?;
        }
        Ok(transaction)
    }
}

/// Folders that go with this.
struct Folders(PathBuf, PathBuf);

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in [&self.0, &self.1] {
            if let Err(error) = fs::remove_dir_all(folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %folder.display(), %error, "a folder of a measurement is left");
            }
        }
    }
}

/// Makes a private folder below `base`, and removes those of measurements that were killed.
fn make(base: &Path) -> Result<PathBuf, Failure> {
    let refused = |error: io::Error| refused(base, &error);
    for entry in fs::read_dir(base).map_err(refused)?.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let folder = base.join(format!("{NAME}{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&folder).map_err(refused)?;
    Ok(folder)
}

fn refused(folder: &Path, error: &io::Error) -> Failure {
    Failure::file(folder, error).hint(msg!("bench-folder-hint"))
}

fn text() -> String {
    let section = |number| {
        format!(
            "config interface 'if{number}'\n\toption proto 'static'\n\toption mtu '{number}'\n\toption ipaddr '10.0.{number}.1'\n\n"
        )
    };
    (0..SECTIONS).map(section).collect()
}

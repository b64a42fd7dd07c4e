//! Where a figure is measured: directories of its own on the disk that holds the build.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;

/// The folder for temporary files: on a disk, where `/tmp` may be memory.
pub fn workplace() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    let _ = fs::create_dir_all(&place);
    fs::canonicalize(&place).unwrap_or(place)
}

/// The folder for what lives in memory, as runtime directories do; on the disk where the machine has no such folder.
pub fn memory() -> PathBuf {
    let place = Path::new("/dev/shm");
    if place.is_dir() { place.to_owned() } else { workplace() }
}

/// A folder in memory, removed with what is returned.
pub fn folder_in_memory() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("cms-bench-").tempdir_in(memory())?)
}

/// Directories for one store, removed with it.
#[derive(Debug)]
pub struct World {
    root: TempDir,
    run: TempDir,
}

impl World {
    /// An empty configuration directory, state directory and runtime directory.
    pub fn new() -> Result<Self> {
        let root = tempfile::Builder::new().prefix("world-").tempdir_in(workplace())?;
        let run = folder_in_memory()?;
        for folder in [root.path().join("config"), root.path().join("state"), run.path().join("run")] {
            fs::create_dir(folder)?;
        }
        Ok(Self { root, run })
    }

    /// The folder that holds all.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The configuration directory.
    pub fn config(&self) -> PathBuf {
        self.root().join("config")
    }

    /// The state directory (`CMS_STATE_DIR`).
    pub fn state(&self) -> PathBuf {
        self.root().join("state")
    }

    /// The runtime directory (`CMS_RUN_DIR`), in memory.
    pub fn run(&self) -> PathBuf {
        self.run.path().join("run")
    }

    /// The file of a package.
    pub fn package(&self, name: &str) -> PathBuf {
        self.config().join(name)
    }

    /// Writes a file without holding it in memory.
    pub fn write(
        &self,
        path: &Path,
        text: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        text(&mut out)?;
        out.flush()?;
        Ok(())
    }

    /// Forgets what the program knows of the configuration directory: the next use is the first.
    pub fn forget(&self) -> Result<()> {
        for folder in [self.state(), self.run()] {
            fs::remove_dir_all(&folder)?;
            fs::create_dir(&folder)?;
        }
        Ok(())
    }
}

/// What a disk can do at best: the peers of the commit figures.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    log: File,
    block: Vec<u8>,
}

impl Disk {
    /// Peers that write to the disk of a world.
    pub fn new(world: &World) -> Result<Self> {
        let folder = world.root().join("disk");
        fs::create_dir_all(&folder)?;
        let log = File::options().append(true).create(true).open(folder.join("log"))?;
        Ok(Self { folder, log, block: vec![0x5a; 4096] })
    }

    /// Appends 4 KiB and syncs them.
    pub fn append(&mut self) -> Result<()> {
        self.log.write_all(&self.block)?;
        self.log.sync_data()?;
        Ok(())
    }

    /// Replaces a file safely: write another, sync it, rename it, sync the folder.
    pub fn replace(&self, text: &[u8]) -> Result<()> {
        let new = self.folder.join("file.new");
        let mut file = File::create(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&new, self.folder.join("file"))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

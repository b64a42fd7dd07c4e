//! A lock between processes that the kernel frees when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};
use crate::location::Location;

/// Holds an exclusive lock on a lock file until dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock.
    pub(crate) fn wait(location: &Location, path: &Path) -> Result<FileLock> {
        let file = open(location, path)?;
        file.lock().map_err(|source| Error::io("lock", path, source))?;
        Ok(FileLock { _file: file })
    }
}

/// A lock file that stays open, for a process that locks often.
#[derive(Debug)]
pub(crate) struct LockFile {
    file: File,
    path: std::path::PathBuf,
}

impl LockFile {
    pub(crate) fn open(location: &Location, path: &Path) -> Result<LockFile> {
        Ok(LockFile { file: open(location, path)?, path: path.to_owned() })
    }

    /// Waits for the lock. The caller excludes the threads of its own process by a mutex, since the
    /// kernel's lock belongs to the open file, which they share.
    pub(crate) fn lock(&self) -> Result<Held<'_>> {
        self.file.lock().map_err(|source| Error::io("lock", &self.path, source))?;
        Ok(Held { file: &self.file })
    }

    /// Takes the lock if it is free.
    pub(crate) fn try_lock(&self) -> Result<Option<Held<'_>>> {
        match self.file.try_lock() {
            Ok(()) => Ok(Some(Held { file: &self.file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &self.path, source)),
        }
    }
}

/// The lock of a [`LockFile`], given back on drop.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    file: &'a File,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Unlocking an open file that holds the lock cannot fail; if it did, closing would free it.
        let _ = self.file.unlock();
    }
}

fn open(location: &Location, path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| Error::io("open the lock", path, source);
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
                .open(path)
                .map_err(failed)?;
            location.give_to_owner(path).map_err(failed)?;
            Ok(file)
        }
        Err(error) => Err(failed(error)),
    }
}

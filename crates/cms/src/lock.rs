//! A lock between processes that the kernel frees when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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

    /// Takes the lock if it is free.
    pub(crate) fn try_now(location: &Location, path: &Path) -> Result<Option<FileLock>> {
        let file = open(location, path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FileLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", path, source)),
        }
    }
}

/// A lock file that stays open once it was needed, for a process that locks often.
#[derive(Debug)]
pub(crate) struct LockFile {
    location: Location,
    path: PathBuf,
    file: OnceLock<File>,
}

impl LockFile {
    /// Names a lock; who only reads never opens it.
    pub(crate) fn new(location: &Location, path: PathBuf) -> LockFile {
        LockFile { location: location.clone(), path, file: OnceLock::new() }
    }

    /// Waits for the lock. The caller excludes the threads of its own process by a mutex, since the
    /// kernel's lock belongs to the open file, which they share.
    pub(crate) fn lock(&self) -> Result<Held<'_>> {
        let file = self.file()?;
        file.lock().map_err(|source| Error::io("lock", &self.path, source))?;
        Ok(Held { file })
    }

    /// Takes the lock if it is free.
    pub(crate) fn try_lock(&self) -> Result<Option<Held<'_>>> {
        let file = self.file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Held { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &self.path, source)),
        }
    }

    fn file(&self) -> Result<&File> {
        match self.file.get() {
            Some(file) => Ok(file),
            None => {
                let file = open(&self.location, &self.path)?;
                Ok(self.file.get_or_init(|| file))
            }
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

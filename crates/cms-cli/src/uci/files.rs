//! Files: opened under the reference's locks, and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::failure::Failure;

/// How often a lock is tried again because the file was replaced meanwhile.
const MOST_TRIES: usize = 10_000;

/// Reads a regular file under a shared lock; `NotFound` if it is none.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Err(Failure::NotFound);
    }
    let mut file = File::open(path).map_err(|_| Failure::Io)?;
    lock(&file, FlockOperation::LockShared)?;
    read_all(&mut file)
}

/// A file held under an exclusive lock until it is dropped.
#[derive(Debug)]
pub struct Locked {
    file: File,
    path: PathBuf,
    created: bool,
}

impl Locked {
    /// Opens a file that exists for reading and writing.
    pub fn open(path: &Path) -> Result<Locked, Failure> {
        Locked::acquire(path, OpenOptions::new().read(true).write(true)).map_err(|_| Failure::Io)
    }

    /// Opens a file for reading and writing; makes it, with this mode, if it is not there.
    pub fn open_or_create(path: &Path, mode: u32) -> Result<Locked, Failure> {
        let existed = fs::symlink_metadata(path).is_ok();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(mode);
        let mut locked = Locked::acquire(path, &options).map_err(|_| Failure::Io)?;
        locked.created = !existed;
        Ok(locked)
    }

    fn acquire(path: &Path, options: &OpenOptions) -> io::Result<Locked> {
        for _ in 0..MOST_TRIES {
            let file = options.open(path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            let mine = file.metadata()?;
            // While this process waited, the holder of the lock may have put another file there.
            match fs::metadata(path) {
                Ok(now) if (now.dev(), now.ino()) == (mine.dev(), mine.ino()) => {
                    return Ok(Locked { file, path: path.to_owned(), created: false });
                }
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Reads all of it.
    pub fn read(&mut self) -> Result<Vec<u8>, Failure> {
        self.file.seek(SeekFrom::Start(0)).map_err(|_| Failure::Io)?;
        read_all(&mut self.file)
    }

    /// Writes behind its first `length` bytes, durably, in place of what stands there. What a failed
    /// write left behind is taken away again.
    pub fn append(&mut self, length: u64, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = &self.file;
        let written = file
            .set_len(length)
            .and_then(|()| file.seek(SeekFrom::Start(length)))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.sync_data())
            .and_then(|()| if self.created { sync_parent(&self.path) } else { Ok(()) });
        written.map_err(|_| {
            // The failure that is reported is the first one.
            let _ = self.file.set_len(length);
            Failure::Io
        })
    }

    /// Empties it.
    pub fn clear(&mut self) -> Result<(), Failure> {
        self.file.set_len(0).and_then(|()| self.file.sync_data()).map_err(|_| Failure::Io)
    }

    /// Replaces the whole file: the new text is written beside it, made durable, and renamed over it.
    /// Mode and owner stay; of a symbolic link, the target is replaced.
    pub fn replace(&mut self, text: &[u8]) -> Result<(), Failure> {
        let replaced = self.try_replace(text);
        if replaced.is_err() && self.created {
            // The file was made only to be locked.
            let _ = fs::remove_file(&self.path);
        }
        replaced.map_err(|_| Failure::Io)
    }

    fn try_replace(&mut self, text: &[u8]) -> io::Result<()> {
        let target = fs::canonicalize(&self.path)?;
        let temporary = Temporary::beside(&target)?;
        let mut file = &temporary.file;
        let old = self.file.metadata()?;
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            // Only root may give files away; for others the new file is their own, as with the reference.
            let (uid, gid) = (Some(old.uid()), Some(old.gid()));
            if std::os::unix::fs::fchown(file, uid, gid).is_err() {
                let _ = std::os::unix::fs::fchown(file, None, gid);
            }
        }
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
        copy_attributes(&self.file, file);
        file.write_all(text)?;
        file.sync_all()?;
        temporary.rename(&target)?;
        sync_parent(&target)?;
        // Another process may have opened the old file and wait for its lock; it will read this one.
        if self.file.metadata()?.nlink() == 0 {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(text)?;
            self.file.set_len(text.len() as u64)?;
        }
        Ok(())
    }
}

/// A file that is removed unless it was renamed. Its name is fixed, so that one left by a killed
/// process goes with the next commit; who holds the package's lock is alone with it.
struct Temporary {
    file: File,
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    fn beside(target: &Path) -> io::Result<Temporary> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut hidden = b".".to_vec();
        hidden.extend_from_slice(name.as_bytes());
        hidden.extend_from_slice(b".uci-new");
        let path = target.with_file_name(std::ffi::OsStr::from_bytes(&hidden));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Temporary { file, path, renamed: false })
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes what happened to the names in a file's folder durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Copies extended attributes, such as security labels, as far as the file system lets this process.
fn copy_attributes(from: &File, to: &File) {
    let mut names = vec![0u8; 64 * 1024];
    let Ok(length) = rustix::fs::flistxattr(from, &mut names[..]) else { return };
    let mut value = vec![0u8; 64 * 1024];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if let Ok(length) = rustix::fs::fgetxattr(from, name, &mut value[..]) {
            let _ = rustix::fs::fsetxattr(to, name, &value[..length], rustix::fs::XattrFlags::empty());
        }
    }
}

fn lock(file: &File, operation: FlockOperation) -> Result<(), Failure> {
    flock(file, operation).map_err(|_| Failure::Io)
}

fn read_all(file: &mut File) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|_| Failure::Io)?;
    Ok(bytes)
}

//! Files under libuci's locks, and replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FlockOperation, flock};

use super::code::{Code, Result};

/// Reads a regular file under a shared lock; nothing if it is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(|_| Code::Io)?;
    flock(&file, FlockOperation::LockShared).map_err(|_| Code::Io)?;
    read_all(&mut file).map(Some)
}

fn read_all(file: &mut File) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut text)).map_err(|_| Code::Io)?;
    Ok(text)
}

/// A file under an exclusive lock, until it is dropped.
pub struct Locked {
    file: File,
    path: std::path::PathBuf,
}

impl Locked {
    /// Opens a file, or makes it with a mode if one is given.
    pub fn open(path: &Path, create: Option<u32>) -> Result<Locked> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        if let Some(mode) = create {
            options.create(true).truncate(false).mode(mode);
        }
        // Whoever held the lock may have put another file there meanwhile.
        for _ in 0..10_000 {
            let file = options.open(path).map_err(|_| Code::Io)?;
            flock(&file, FlockOperation::LockExclusive).map_err(|_| Code::Io)?;
            let mine = file.metadata().map_err(|_| Code::Io)?;
            if fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (mine.dev(), mine.ino())) {
                return Ok(Locked { file, path: path.to_owned() });
            }
        }
        Err(Code::Io)
    }

    pub fn read(&mut self) -> Result<Vec<u8>> {
        read_all(&mut self.file)
    }

    /// Writes behind the first `length` bytes, durably.
    pub fn append(&mut self, length: usize, bytes: &[u8]) -> Result<()> {
        let mut file = &self.file;
        let written = file
            .set_len(length as u64)
            .and_then(|()| file.seek(SeekFrom::Start(length as u64)))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.sync_data());
        written.map_err(|_| {
            let _ = self.file.set_len(length as u64);
            Code::Io
        })
    }

    pub fn clear(&mut self) -> Result<()> {
        self.append(0, b"")
    }

    /// Replaces the whole file by one written beside it, which is durable before it takes the place. Mode and owner stay; of a symbolic
    /// link, the target is replaced.
    pub fn replace(&mut self, text: &[u8]) -> Result<()> {
        self.try_replace(text).map_err(|_| Code::Io)
    }

    fn try_replace(&mut self, text: &[u8]) -> std::io::Result<()> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let target = fs::canonicalize(&self.path)?;
        let directory = target.parent().unwrap_or(Path::new("/"));
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Names that begin with a dot are no packages.
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = directory.join(format!(".{name}.uci-{}-{number}", std::process::id()));
        let like = self.file.metadata()?;
        let written = || {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            (&file).write_all(text)?;
            // Only root can give a file away; for others the owner is their own already.
            let _ = std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()));
            file.set_permissions(like.permissions())?;
            file.sync_all()?;
            fs::rename(&beside, &target)?;
            File::open(directory)?.sync_all()
        };
        written().inspect_err(|_| drop(fs::remove_file(&beside)))
    }
}

/// Whether there is a file of staged changes. Root takes none from a file or a folder of another user, who could stage whatever he likes where
/// all can write.
pub fn is_to_trust(folder: &Path, path: &Path) -> Result<bool> {
    let Some(file) = fs::metadata(path).ok().filter(fs::Metadata::is_file) else { return Ok(false) };
    let folder = fs::metadata(folder).map_err(|_| Code::Io)?;
    if is_trusted(&file) && is_trusted(&folder) { Ok(true) } else { Err(Code::Io) }
}

fn is_trusted(metadata: &fs::Metadata) -> bool {
    let caller = rustix::process::getuid().as_raw();
    !rustix::process::geteuid().is_root() || [0, caller].contains(&metadata.uid())
}

/// Makes the folder of staged changes if it is missing, with the mode of the configuration's.
pub fn make_folder(folder: &Path, like: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() && is_trusted(&metadata) => Ok(()),
        Ok(_) => Err(Code::Io),
        Err(_) => {
            let mode = fs::metadata(like).map_err(|_| Code::Io)?.mode() & 0o7777;
            match fs::DirBuilder::new().mode(mode).create(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Code::Io),
                Ok(()) | Err(_) => Ok(()),
            }
        }
    }
}

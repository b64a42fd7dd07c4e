//! Reading and replacing package files so that no text is lost, whoever else writes them.
//!
//! The steps are those of "Replacing a package file" in `docs/commit-protocol.md`.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cms_log::{Digest, Digester, FileView};
use cms_model::{Diagnostic, Package, PackageName, ReadError};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::error::{Error, Result};
use crate::lease::is_ours_alone;
use crate::status::{Status, is_absent};

/// Mode of a package file that did not exist before, as the reference `uci` makes it.
pub(crate) const NEW_FILE_MODE: u32 = 0o600;
const IN_PROGRESS_MODE: u32 = 0;

/// One package file: the path that users see and the file it leads to.
#[derive(Clone, Debug)]
pub(crate) struct PackageFile {
    path: PathBuf,
    target: PathBuf,
}

/// How a replacement ended.
#[derive(Debug)]
#[must_use]
pub(crate) enum Replacement {
    /// The new text is in place.
    Done(Status),
    /// The new text is in place, and the displaced file held a text that nobody expected: it waits
    /// under the temporary's name to be absorbed.
    Displaced,
    /// The file is not as expected and was left alone.
    Edited,
}

/// A temporary that a replacement left behind.
#[derive(Debug)]
pub(crate) enum Leftover {
    /// The text was not written to its end.
    Incomplete,
    /// A complete text: one that was never put in place, or one that was displaced.
    Text(Vec<u8>),
}

impl PackageFile {
    /// Follows a symbolic link, which a replacement must keep.
    pub(crate) fn new(config: &Path, package: &PackageName) -> PackageFile {
        let path = config.join(package.as_str());
        let target = match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => fs::canonicalize(&path).unwrap_or_else(|_| path.clone()),
            _ => path.clone(),
        };
        PackageFile { path, target }
    }

    /// As [`new`](PackageFile::new), and looks at the file's status, which is the same look for most files.
    pub(crate) fn look(config: &Path, package: &PackageName) -> (PackageFile, Result<Option<Status>>) {
        let path = config.join(package.as_str());
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => {
                (PackageFile { target: path.clone(), path }, Ok(Some(Status::from(&meta))))
            }
            Err(error) if is_absent(&error) => (PackageFile { target: path.clone(), path }, Ok(None)),
            _ => {
                let file = PackageFile::new(config, package);
                let status = file.status();
                (file, status)
            }
        }
    }

    /// Tells whether a temporary lies in the configuration directory, if there is one.
    pub(crate) fn is_beside_its_path(&self) -> bool {
        self.target == self.path
    }

    /// Returns the path as the user knows it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn status(&self) -> Result<Option<Status>> {
        Status::of(&self.path).map_err(|source| Error::io("look at", &self.path, source))
    }

    /// Returns the digest of the text and the status the file had, or `None` where there is no file.
    pub(crate) fn digest(&self) -> Result<Option<(Digest, Status)>> {
        self.read_steadily(|mut file| {
            let mut digester = Digester::new();
            io::copy(&mut file, &mut digester)?;
            Ok(digester.finish())
        })
    }

    /// Parses the text without ever holding all of it; returns its digest and the status the file had, too.
    #[expect(clippy::type_complexity, reason = "the three are taken apart where they arrive")]
    pub(crate) fn parse(&self) -> Result<Option<(Result<Package, Vec<Diagnostic>>, Digest, Status)>> {
        let read = self.read_steadily(|file| {
            let mut read = Tee { file, digester: Digester::new() };
            let package = match Package::read(&mut read) {
                Ok(package) => Ok(package),
                Err(ReadError::Parse(diagnostics)) => Err(diagnostics),
                Err(ReadError::Io(error)) => return Err(error),
            };
            // A text that does not parse may not have been read to its end.
            io::copy(&mut read, &mut io::sink())?;
            Ok((package, read.digester.finish()))
        })?;
        Ok(read.map(|((package, digest), status)| (package, digest, status)))
    }

    /// Reads the file, again and again while somebody writes it in place.
    fn read_steadily<T>(&self, read: impl Fn(&File) -> io::Result<T>) -> Result<Option<(T, Status)>> {
        let failed = |source| Error::io("read", &self.path, source);
        loop {
            let Some(file) = self.open_to_read()? else { return Ok(None) };
            let before = Status::of_file(&file).map_err(failed)?;
            let content = read(&file).map_err(failed)?;
            let after = Status::of_file(&file).map_err(failed)?;
            if before.same_content(&after) {
                return Ok(Some((content, after)));
            }
        }
    }

    /// Opens the file for reading under a shared lock, so that a `uci` in the middle of an in-place
    /// write is waited for; `None` where there is no regular file.
    pub(crate) fn open_to_read(&self) -> Result<Option<File>> {
        let failed = |source| Error::io("read", &self.path, source);
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Ok(None);
        }
        Ok(Some(file))
    }

    /// Replaces the file by the text of `package`, if it still is what `expected` says: the view's
    /// text, or absent for `None`.
    pub(crate) fn replace(&self, expected: Option<&FileView>, package: &Package) -> Result<Replacement> {
        match expected {
            None => self.create(package),
            Some(view) => self.exchange(view, package),
        }
    }

    fn create(&self, package: &Package) -> Result<Replacement> {
        if self.status()?.is_some() {
            return Ok(Replacement::Edited);
        }
        let temporary = self.temporary();
        let file = self.write_temporary(package, None)?;
        let failed = |source| Error::io("put in place", &self.path, source);
        match renameat_with(CWD, &temporary, CWD, &self.target, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => {
                self.remove_temporary()?;
                return Ok(Replacement::Edited);
            }
            // The file system knows no flags: a hard link does not replace either.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
                match fs::hard_link(&temporary, &self.target) {
                    Ok(()) => self.remove_temporary()?,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        self.remove_temporary()?;
                        return Ok(Replacement::Edited);
                    }
                    Err(error) => return Err(failed(error)),
                }
            }
            Err(error) => return Err(failed(error.into())),
        }
        self.sync_directory()?;
        Ok(Replacement::Done(Status::of_file(&file).map_err(failed)?))
    }

    fn exchange(&self, view: &FileView, package: &Package) -> Result<Replacement> {
        match self.hold()? {
            Some(held) => self.replace_held(held, view, package),
            None => Ok(Replacement::Edited),
        }
    }

    /// Replaces the file that is held, if it still is what the view says.
    pub(crate) fn replace_held(
        &self,
        old: HeldFile,
        view: &FileView,
        package: &Package,
    ) -> Result<Replacement> {
        if !self.is_expected(&old, view)? {
            return Ok(Replacement::Edited);
        }
        let temporary = self.temporary();
        let new = self.write_temporary(package, Some(&old.file))?;
        let failed = |source| Error::io("replace", &self.path, source);
        match renameat_with(CWD, &temporary, CWD, &self.target, RenameFlags::EXCHANGE) {
            Ok(()) => {
                let displaced = Status::of(&temporary).map_err(failed)?;
                if displaced.is_some_and(|displaced| !displaced.same_content(&old.status)) {
                    self.sync_directory()?;
                    return Ok(Replacement::Displaced);
                }
                self.remove_temporary()?;
            }
            Err(rustix::io::Errno::NOENT) => {
                // The file was removed after the look: that is an edit, too.
                self.remove_temporary()?;
                return Ok(Replacement::Edited);
            }
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
                fs::rename(&temporary, &self.target).map_err(failed)?;
            }
            Err(error) => return Err(failed(error.into())),
        }
        self.sync_directory()?;
        let status = Status::of_file(&new).map_err(failed)?;
        old.show(package);
        Ok(Replacement::Done(status))
    }

    /// Removes the file of a deleted package, if it still is what the view says.
    pub(crate) fn remove(&self, view: &FileView) -> Result<Replacement> {
        let Some(old) = self.hold()? else { return Ok(Replacement::Edited) };
        if !self.is_expected(&old, view)? {
            return Ok(Replacement::Edited);
        }
        let temporary = self.temporary();
        let failed = |source| Error::io("remove", &self.path, source);
        fs::rename(&self.target, &temporary).map_err(failed)?;
        let displaced = Status::of(&temporary).map_err(failed)?;
        if displaced.is_some_and(|displaced| !displaced.same_content(&old.status)) {
            self.sync_directory()?;
            return Ok(Replacement::Displaced);
        }
        self.remove_temporary()?;
        if self.path != self.target {
            fs::remove_file(&self.path).map_err(failed)?;
        }
        self.sync_directory()?;
        Ok(Replacement::Done(old.status))
    }

    /// Opens and locks the file as the reference `uci` does; `None` where there is none.
    pub(crate) fn hold(&self) -> Result<Option<HeldFile>> {
        let failed = |source| Error::io("open", &self.path, source);
        loop {
            let opened = OpenOptions::new().read(true).write(true).open(&self.target);
            let (file, writable) = match opened {
                Ok(file) => (file, true),
                Err(error) if is_absent(&error) => return Ok(None),
                // A read-only file is replaced all the same: the directory decides that.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    (File::open(&self.target).map_err(failed)?, false)
                }
                Err(error) => return Err(failed(error)),
            };
            flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
            let status = Status::of_file(&file).map_err(failed)?;
            // Whoever replaced the file while we waited left us the lock of a file that is gone.
            match Status::of(&self.target).map_err(failed)? {
                Some(now) if (now.inode, now.device) == (status.inode, status.device) => {
                    return Ok(Some(HeldFile { file, status, writable }));
                }
                Some(_) => continue,
                None => return Ok(None),
            }
        }
    }

    fn is_expected(&self, held: &HeldFile, view: &FileView) -> Result<bool> {
        let digest = || held.digest().map_err(|source| Error::io("read", &self.path, source));
        Ok(held.status.proves(view) || digest()? == view.digest)
    }

    /// Writes and syncs the temporary. Until it is complete its mode is 0, which tells it from a
    /// displaced file after a crash.
    fn write_temporary(&self, package: &Package, like: Option<&File>) -> Result<File> {
        let temporary = self.temporary();
        let failed = |source| Error::io("write", &temporary, source);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(IN_PROGRESS_MODE)
            .open(&temporary)
            .map_err(failed)?;
        // Memory that is not there yet costs more than writing a small text.
        let room = usize::try_from(package.text_len()).unwrap_or(usize::MAX).min(256 * 1024);
        let written = (|| {
            let mut buffered = io::BufWriter::with_capacity(room, &file);
            package.write_text(&mut buffered)?;
            buffered.flush()?;
            drop(buffered);
            let mode = match like {
                Some(old) => {
                    keep_owner(old, &file)?;
                    keep_attributes(old, &file)?;
                    old.metadata()?.permissions().mode() & 0o7777
                }
                None => NEW_FILE_MODE,
            };
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.sync_all()
        })();
        match written {
            Ok(()) => Ok(file),
            Err(error) => {
                // The text stays in the log; what could not be written is no use to anybody.
                let _ = fs::remove_file(&temporary);
                Err(failed(error))
            }
        }
    }

    /// Looks for a temporary of a replacement that was cut short. The caller holds `files.lock`.
    pub(crate) fn leftover(&self) -> Result<Option<Leftover>> {
        let temporary = self.temporary();
        let failed = |source| Error::io("read", &temporary, source);
        let meta = match fs::symlink_metadata(&temporary) {
            Ok(meta) => meta,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !meta.is_file() {
            return Err(failed(io::Error::other(
                "a temporary of cms is expected here, and this is no regular file",
            )));
        }
        if meta.permissions().mode() & 0o7777 == IN_PROGRESS_MODE {
            return Ok(Some(Leftover::Incomplete));
        }
        Ok(Some(Leftover::Text(fs::read(&temporary).map_err(failed)?)))
    }

    /// Tells whether there is a temporary, in use or left behind.
    pub(crate) fn has_leftover(&self) -> bool {
        fs::symlink_metadata(self.temporary()).is_ok()
    }

    /// Unlinks the temporary, if there is one.
    pub(crate) fn remove_temporary(&self) -> Result<()> {
        let temporary = self.temporary();
        match fs::remove_file(&temporary) {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(source) => Err(Error::io("remove", &temporary, source)),
        }
    }

    fn temporary(&self) -> PathBuf {
        let name =
            self.target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.target.with_file_name(format!(".{name}.cms~"))
    }

    fn sync_directory(&self) -> Result<()> {
        let directory = self.target.parent().unwrap_or(Path::new("."));
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| Error::io("sync the directory", directory, source))
    }
}

/// Tells whether a name in a configuration directory is that of a temporary.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b".") && name.ends_with(b".cms~")
}

/// Reads a file and digests what it reads.
struct Tee<'a> {
    file: &'a File,
    digester: Digester,
}

impl io::Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}

/// The file to be displaced, locked against every `uci` until dropped.
#[derive(Debug)]
pub(crate) struct HeldFile {
    file: File,
    status: Status,
    writable: bool,
}

impl HeldFile {
    fn digest(&self) -> io::Result<Digest> {
        use std::io::Seek;
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(0))?;
        let mut digester = Digester::new();
        io::copy(&mut file, &mut digester)?;
        Ok(digester.finish())
    }

    /// Writes the new text into the displaced inode where a `uci` waits for its lock: it will read from
    /// the file it has open, without looking whether that is still the one in the directory. Nobody else
    /// gets to see another text in a file that is open. The inode has no name any more, so nothing depends
    /// on this: a `uci` that comes too late for it is dealt with as an overtaken edit.
    fn show(mut self, package: &Package) {
        if !self.writable || is_ours_alone(&self.file) || !is_waited_for(self.status.inode) {
            return;
        }
        let text = package.text();
        let shown = (|| {
            use std::io::Seek;
            // Never shorter than both texts in between: a reader gets the old one, the new one, or a mix
            // for as long as one write takes.
            self.file.seek(io::SeekFrom::Start(0))?;
            self.file.write_all(&text)?;
            self.file.set_len(text.len() as u64)
        })();
        if let Err(error) = shown {
            tracing::debug!(%error, "could not show the new text to a waiting uci");
        }
    }
}

/// Tells whether somebody waits for the lock of a file, as `/proc/locks` has it (proc(5)): lines like
/// `1: -> FLOCK ADVISORY WRITE 4711 fe:00:131 0 EOF`, where the arrow means waiting.
fn is_waited_for(inode: u64) -> bool {
    let Ok(locks) = fs::read_to_string("/proc/locks") else { return false };
    locks.lines().any(|line| waits_for(line, inode))
}

fn waits_for(line: &str, inode: u64) -> bool {
    let mut words = line.split_ascii_whitespace().skip(1);
    if (words.next(), words.next()) != (Some("->"), Some("FLOCK")) {
        return false;
    }
    // The device is not compared: some file systems report another one there than stat does.
    let file = words.nth(3).and_then(|file| file.rsplit(':').next());
    file.and_then(|number| number.parse().ok()) == Some(inode)
}

fn keep_owner(old: &File, new: &File) -> io::Result<()> {
    let (old, made) = (old.metadata()?, new.metadata()?);
    let user = (old.uid() != made.uid()).then_some(old.uid());
    let group = (old.gid() != made.gid()).then_some(old.gid());
    if user.is_some() || group.is_some() {
        std::os::unix::fs::fchown(new, user, group)?;
    }
    Ok(())
}

fn keep_attributes(old: &File, new: &File) -> io::Result<()> {
    use xattr::FileExt;
    let names = match old.list_xattr() {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names {
        let Some(value) = old.get_xattr(&name)? else { continue };
        match new.set_xattr(&name, &value) {
            Ok(()) => {}
            // Labels in the namespaces of the kernel are set by its policy on the new file.
            Err(_) if name.to_string_lossy().starts_with("security.") => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_told_from_holding() {
        assert!(waits_for("1: -> FLOCK  ADVISORY  WRITE 4711 fe:00:131 0 EOF", 131));
        assert!(!waits_for("1: FLOCK  ADVISORY  WRITE 4711 fe:00:131 0 EOF", 131));
        assert!(!waits_for("1: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1310 0 EOF", 131));
        assert!(!waits_for("1: -> POSIX  ADVISORY  WRITE 4711 fe:00:131 0 EOF", 131));
        assert!(!waits_for("", 131));
    }

    #[test]
    fn the_kernel_tells_who_waits() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let status = Status::of(file.path()).unwrap().unwrap();
        flock(file.as_file(), FlockOperation::LockExclusive).unwrap();
        assert!(!is_waited_for(status.inode));
        let path = file.path().to_owned();
        let waiter = std::thread::spawn(move || {
            flock(File::open(path).unwrap(), FlockOperation::LockExclusive).unwrap();
        });
        let began = std::time::Instant::now();
        while !is_waited_for(status.inode) && began.elapsed().as_secs() < 10 {
            std::thread::yield_now();
        }
        assert!(is_waited_for(status.inode));
        flock(file.as_file(), FlockOperation::Unlock).unwrap();
        waiter.join().unwrap();
    }
}

//! The file of a user's staged changes. Its format is in "Staging" of `docs/commit-protocol.md`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cms_log::{Revision, checksum};
use cms_model::{Change, Name, PackageName, SectionId};

use crate::error::{Error, Result};
use crate::location::Location;

const MAGIC: &[u8; 8] = b"CMSSTAG1";
const HEADER: u64 = 16;
const FRAME_HEADER: usize = 8;

/// Tells whether the caller has staged changes, as far as the length of the file can tell.
pub(crate) fn holds_changes(location: &Location) -> bool {
    fs::metadata(directory(location).join("stage")).is_ok_and(|meta| meta.len() > HEADER)
}

/// The directory of the caller's staged changes.
pub(crate) fn directory(location: &Location) -> PathBuf {
    directory_of(location, rustix::process::geteuid().as_raw())
}

/// The directory of a user's staged changes.
pub(crate) fn directory_of(location: &Location, user: u32) -> PathBuf {
    location.state().join("stage").join(user.to_string())
}

/// The staged changes of one command to one package.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The revision that the changes were made on.
    pub base: Revision,
    pub package: PackageName,
    pub changes: Vec<Change>,
    /// The names under which new sections were shown to the user.
    pub pins: Vec<(SectionId, Name)>,
    /// Where the frame ends in the file; 0 until it is written.
    pub end: u64,
}

/// A user's stage file, locked by whoever holds its directory's lock.
#[derive(Debug)]
pub(crate) struct StageFile {
    path: PathBuf,
    /// Names this file in the log, so that what was published is not published again.
    pub identity: u64,
    /// The end of the last complete frame; 0 when there is no file.
    pub end: u64,
}

impl StageFile {
    /// Reads the frames. A last frame that is cut short was never acknowledged, and is dropped.
    pub(crate) fn read(location: &Location, path: &Path) -> Result<(StageFile, Vec<Frame>)> {
        let failed = |source| Error::io("read the staged changes in", path, source);
        let none = || StageFile { path: path.to_owned(), identity: crate::store::seed(), end: 0 };
        let mut file = match open_existing(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((none(), Vec::new())),
            Err(error) => return Err(failed(error)),
        };
        let owner = file.metadata().map_err(failed)?.uid();
        let caller = rustix::process::geteuid().as_raw();
        if owner != caller && owner != 0 && owner != location.owner() {
            return Err(Error::Untrusted { path: path.to_owned(), owner });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let identity = match (bytes.get(..8), bytes.get(8..16).and_then(|bytes| bytes.try_into().ok())) {
            (Some(magic), Some(identity)) if magic == MAGIC => u64::from_le_bytes(identity),
            // The header was cut short: nothing was acknowledged from it.
            (_, None) => return Ok((none(), Vec::new())),
            _ => return Err(Error::StageDamaged { path: path.to_owned(), offset: 0 }),
        };
        let mut frames = Vec::new();
        let mut at = HEADER as usize;
        while at < bytes.len() {
            match frame_at(&bytes, at) {
                Some((frame, end)) => {
                    frames.push(frame);
                    at = end;
                }
                None if is_tail(&bytes, at) => break,
                None => return Err(Error::StageDamaged { path: path.to_owned(), offset: at as u64 }),
            }
        }
        Ok((StageFile { path: path.to_owned(), identity, end: at as u64 }, frames))
    }

    /// Adds frames; they are on disk when this returns.
    pub(crate) fn append(&mut self, location: &Location, frames: &mut [Frame]) -> Result<()> {
        if self.end == 0 {
            return self.write_new(location, frames, self.identity);
        }
        let path = self.path.clone();
        let failed = |source| Error::io("stage in", &path, source);
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&self.path)
            .map_err(failed)?;
        // What lies behind the last complete frame was never acknowledged.
        file.set_len(self.end).map_err(failed)?;
        // A file that was emptied goes on under another identity, written together with its first frames: places
        // in it that the log names belong to what it held before.
        let starts = self.end == HEADER;
        let identity = if starts { crate::store::seed() } else { self.identity };
        let (at, mut bytes) = if starts { (0, header(identity)) } else { (self.end, Vec::new()) };
        for frame in frames.iter_mut() {
            encode(frame, &mut bytes);
            frame.end = at + bytes.len() as u64;
        }
        let written = file.write_all_at(&bytes, at).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Put back what was there; a tail that stays is dropped by the next reader.
            let _ = file.set_len(self.end);
            return Err(failed(error));
        }
        self.identity = identity;
        self.end = at + bytes.len() as u64;
        Ok(())
    }

    /// Replaces the file by one that holds these frames alone, under another identity; empties it
    /// when there are none. An empty one stays, for making a file costs more than writing to one.
    pub(crate) fn rewrite(&mut self, location: &Location, frames: &mut [Frame]) -> Result<()> {
        if frames.is_empty() {
            let emptied = OpenOptions::new()
                .write(true)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
                .open(&self.path)
                .and_then(|file| file.set_len(HEADER));
            return match emptied {
                Ok(()) => {
                    self.end = HEADER;
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.end = 0;
                    Ok(())
                }
                Err(source) => Err(Error::io("remove the staged changes in", &self.path, source)),
            };
        }
        self.write_new(location, frames, crate::store::seed())
    }

    fn write_new(&mut self, location: &Location, frames: &mut [Frame], identity: u64) -> Result<()> {
        let failed = |source| Error::io("stage in", &self.path, source);
        let mut bytes = header(identity);
        for frame in frames.iter_mut() {
            encode(frame, &mut bytes);
            frame.end = bytes.len() as u64;
        }
        let temporary = self.path.with_extension("new");
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
                .open(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            location.give_to_owner(&temporary)?;
            fs::rename(&temporary, &self.path)?;
            let directory = self.path.parent().unwrap_or(Path::new("."));
            File::open(directory)?.sync_all()
        })();
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(failed(error));
        }
        self.identity = identity;
        self.end = bytes.len() as u64;
        Ok(())
    }
}

fn open_existing(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32).open(path)
}

fn header(identity: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&identity.to_le_bytes());
    bytes
}

fn encode(frame: &Frame, out: &mut Vec<u8>) {
    let mut payload = frame.base.0.to_le_bytes().to_vec();
    let name = frame.package.as_bytes();
    put_length(&mut payload, name.len());
    payload.extend_from_slice(name);
    put_length(&mut payload, frame.pins.len());
    for (section, name) in &frame.pins {
        payload.extend_from_slice(&section.0.to_le_bytes());
        put_length(&mut payload, name.len());
        payload.extend_from_slice(name.as_bytes());
    }
    payload.extend_from_slice(&cms_log::encode_changes(&frame.changes));
    put_length(out, payload.len());
    out.extend_from_slice(&checksum(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // A stage of 4 GiB does not come from a command line; a longer one fails its checksum when read.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// Decodes the frame at `at`; `None` when it is cut short or damaged.
fn frame_at(bytes: &[u8], at: usize) -> Option<(Frame, usize)> {
    let mut header = Fields { bytes: bytes.get(at..at.checked_add(FRAME_HEADER)?)? };
    let length = header.u32()? as usize;
    let sum = header.u32()?;
    let start = at + FRAME_HEADER;
    let end = start.checked_add(length)?;
    let payload = bytes.get(start..end)?;
    if checksum(payload) != sum {
        return None;
    }
    let mut fields = Fields { bytes: payload };
    let base = Revision(fields.u64()?);
    let package = PackageName::new(fields.text()?).ok()?;
    let mut pins = Vec::new();
    for _ in 0..fields.u32()? {
        let section = SectionId(fields.u64()?);
        pins.push((section, Name::new(fields.text()?).ok()?));
    }
    let changes = cms_log::decode_changes(fields.bytes).ok()?;
    Some((Frame { base, package, changes, pins, end: end as u64 }, end))
}

/// Tells whether what starts at `at` can be a frame that was cut short: no complete frame follows.
fn is_tail(bytes: &[u8], at: usize) -> bool {
    let Some(header) = bytes.get(at..at + FRAME_HEADER) else { return true };
    let length = (Fields { bytes: header }).u32().unwrap_or(0) as usize;
    at + FRAME_HEADER + length >= bytes.len()
}

struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }
}

//! Frames: pieces of a file, each with its checksum, and a digest over all.

use std::io::{self, ErrorKind, Read, Write};

use sha2::{Digest as _, Sha256};

use super::BackupError;

pub(super) const MAGIC: [u8; 8] = *b"cmsbkp\r\n";

/// The largest payload: that of an object of the greatest length, and some.
const LIMIT: u64 = 80 << 20;

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = 1,
    Objects = 2,
    Commits = 3,
    Checkpoints = 4,
    End = 5,
    /// Behind the checkpoints; its number is that of a later version.
    Tables = 6,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Header, Kind::Objects, Kind::Commits, Kind::Checkpoints, Kind::End, Kind::Tables]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Writes frames.
pub(super) struct FrameWriter<'a> {
    out: &'a mut dyn Write,
    digest: Sha256,
    pub(super) written: u64,
}

impl<'a> FrameWriter<'a> {
    pub(super) fn begin(out: &'a mut dyn Write) -> io::Result<FrameWriter<'a>> {
        let mut writer = FrameWriter { out, digest: Sha256::new(), written: 0 };
        writer.put(&MAGIC)?;
        Ok(writer)
    }

    pub(super) fn frame(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).ok().filter(|length| u64::from(*length) <= LIMIT);
        let length = length.ok_or_else(|| io::Error::new(ErrorKind::FileTooLarge, "a record is too long"))?;
        let mut start = [kind as u8, 0, 0, 0, 0];
        start[1..].copy_from_slice(&length.to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&start);
        crc.update(payload);
        self.put(&start)?;
        self.put(payload)?;
        self.put(&crc.finalize().to_le_bytes())
    }

    /// The digest of all that was written.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Reads frames.
pub(super) struct FrameReader<'a> {
    input: &'a mut dyn Read,
    digest: Sha256,
    /// Where the next byte comes from.
    pub(super) offset: u64,
}

/// A frame that was read.
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
    /// Where its payload begins.
    pub(super) offset: u64,
    /// The digest of all bytes before it.
    pub(super) before: Option<[u8; 32]>,
}

impl<'a> FrameReader<'a> {
    pub(super) fn begin(input: &'a mut dyn Read) -> Result<FrameReader<'a>, BackupError> {
        let mut reader = FrameReader { input, digest: Sha256::new(), offset: 0 };
        let mut magic = Vec::with_capacity(MAGIC.len());
        Read::take(&mut reader.input, MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic.is_empty() || (magic.len() < MAGIC.len() && MAGIC.starts_with(&magic)) {
            return Err(BackupError::Unfinished { offset: magic.len() as u64 });
        }
        if magic != MAGIC {
            return Err(BackupError::NotABackup);
        }
        reader.digest.update(&magic);
        reader.offset = MAGIC.len() as u64;
        Ok(reader)
    }

    pub(super) fn next(&mut self) -> Result<Frame, BackupError> {
        let begin = self.offset;
        let damaged = |what: &str| BackupError::Damaged { offset: begin, what: what.to_owned() };
        let mut start = Vec::with_capacity(5);
        self.fill(&mut start, 5)?;
        let [kind, length @ ..] =
            <[u8; 5]>::try_from(&start[..]).map_err(|_| damaged("a frame is too short"))?;
        let length = u64::from(u32::from_le_bytes(length));
        if length > LIMIT {
            return Err(damaged("a frame says it is longer than any"));
        }
        let offset = self.offset;
        let mut payload = Vec::new();
        self.fill(&mut payload, length)?;
        let mut crc = Vec::with_capacity(4);
        self.fill(&mut crc, 4)?;
        let mut expected = crc32fast::Hasher::new();
        expected.update(&start);
        expected.update(&payload);
        if crc != expected.finalize().to_le_bytes() {
            return Err(damaged("the checksum of a frame does not agree"));
        }
        let kind = Kind::from_byte(kind).ok_or_else(|| damaged("the kind of a frame is unknown"))?;
        let before = (kind == Kind::End).then(|| self.digest.clone().finalize().into());
        self.digest.update(&start);
        self.digest.update(&payload);
        self.digest.update(&crc);
        Ok(Frame { kind, payload, offset, before })
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        loop {
            match self.input.read(&mut [0]) {
                Ok(read) => return Ok(read == 0),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads so many bytes; what a lying length asks for is never reserved.
    fn fill(&mut self, into: &mut Vec<u8>, length: u64) -> Result<(), BackupError> {
        let read = Read::take(&mut self.input, length).read_to_end(into)? as u64;
        self.offset += read;
        if read < length {
            return Err(BackupError::Unfinished { offset: self.offset });
        }
        Ok(())
    }
}

//! Reading backups: checking every byte, and taking what is in them into a log.

use std::{collections::HashSet, io::Read, sync::Arc};

use cms_model::table::{Definition, Row, TableName};

use super::{
    Backup, BackupCounts, BackupError, BackupHeader, StoreId, StoredCommit, StoredObject, WITH_TABLES,
    commit_digest,
    frame::{Frame, FrameReader, Kind},
    write::NO_COMMIT,
};
use crate::{
    Digest, Object, ObjectKind, Revision, Sqlite,
    codec::{
        self,
        table::{read_definition, read_row},
    },
    content,
    wire::{Decoded, Malformed, Reader},
};

/// Backups that follow each other, read one after the other.
///
/// ```
/// use cms_log::{Chain, Extent, Open, Revision, Sqlite, write_backup};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let log = Sqlite::open(directory.path().join("log.db"), Open { create: true, ..Open::default() })?;
/// let extent = Extent { store: [7; 16], since: None, known: 0, time_us: 0, place: "/etc/config".into() };
/// let mut file = Vec::new();
/// write_backup(&log, &mut file, &extent, &mut |_, _| {})?;
///
/// let read = Chain::default().read(&mut &file[..], None, &mut |_| {})?;
/// assert_eq!(read.header.last, Revision::EMPTY);
/// assert!(Chain::default().read(&mut &file[..20], None, &mut |_| {}).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Chain {
    /// The objects that were read.
    known: HashSet<Digest>,
    /// Whether it begins with a whole one, so that everything named must be among them.
    is_whole: bool,
    last: Option<(StoreId, Revision, Digest)>,
}

impl Chain {
    /// Reads the next backup to its end, and into a log that nobody else uses yet. `progress` is told how many bytes were read.
    ///
    /// Without a log the first of a chain may be an incremental one: what it builds on is then taken for granted.
    ///
    /// # Errors
    /// Why the backup is refused; the log has a part of it then, and is of no use.
    pub fn read(
        &mut self,
        input: &mut dyn Read,
        into: Option<&Sqlite>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Backup, BackupError> {
        let mut frames = FrameReader::begin(input)?;
        let first = frames.next()?;
        let header = read_header(&first)?;
        self.check_next(&header, into.is_some())?;
        let mut reading = Reading {
            expected: header.after(),
            end: if header.incremental { header.base } else { NO_COMMIT },
            header,
            counts: BackupCounts::default(),
            phase: Kind::Header,
        };
        if let (Some(log), false) = (into, reading.header.incremental) {
            log.begin_at(reading.header.first)?;
        }
        loop {
            let frame = frames.next()?;
            if frame.kind == Kind::End {
                reading.finish(&frame)?;
                if !frames.is_at_end()? {
                    let what = "something follows its end".to_owned();
                    return Err(BackupError::Damaged { offset: frames.offset, what });
                }
                break;
            }
            let records = self
                .take(&frame, &mut reading)
                .map_err(|reason| BackupError::Damaged { offset: frame.offset, what: reason.0.to_owned() })?;
            if let Some(log) = into {
                log.take_in(&records)?;
            }
            progress(frames.offset);
        }
        reading.counts.bytes = frames.offset;
        let Reading { header, counts, end, .. } = reading;
        self.last = Some((header.store, header.last, end));
        Ok(Backup { header, counts, end })
    }

    fn check_next(&mut self, header: &BackupHeader, must_be_whole: bool) -> Result<(), BackupError> {
        let not_next = |before| {
            let continues = header.incremental.then_some(header.first);
            Err(BackupError::NotNext { continues, before })
        };
        match self.last {
            None if header.incremental && must_be_whole => not_next(None),
            None => {
                self.is_whole = !header.incremental;
                Ok(())
            }
            Some((store, ..)) if store != header.store => Err(BackupError::OtherStore),
            Some((_, last, end)) if header.incremental && header.first == last && header.base == end => {
                Ok(())
            }
            Some((_, last, _)) => not_next(Some(last)),
        }
    }

    /// Decodes and checks the records of a frame.
    fn take(&mut self, frame: &Frame, reading: &mut Reading) -> Decoded<Records> {
        if (frame.kind as u8) < reading.phase as u8 || frame.kind == Kind::Header {
            return Err(Malformed("a frame is out of order"));
        }
        reading.phase = frame.kind;
        let mut reader = Reader(&frame.payload);
        let records = match frame.kind {
            Kind::Objects => {
                let objects = reader.list(|reader| {
                    let object = StoredObject {
                        kind: reader.u8()?,
                        digest: reader.digest()?,
                        data: reader.bytes()?.to_vec(),
                    };
                    self.check_object(&object)?;
                    Ok(object)
                })?;
                reading.counts.objects += objects.len() as u64;
                Records::Objects(objects)
            }
            Kind::Commits => {
                let commits = reader.list(|reader| {
                    let commit =
                        StoredCommit { header: reader.bytes()?.to_vec(), body: reader.bytes()?.to_vec() };
                    let (revision, time_us) = self.check_commit(&commit)?;
                    if revision != reading.expected.next() {
                        return Err(Malformed("a commit does not follow the one before it"));
                    }
                    reading.expected = revision;
                    reading.end = commit_digest(&commit.header);
                    Ok((revision, time_us, commit))
                })?;
                reading.counts.commits += commits.len() as u64;
                // A whole backup has the tables as they were in the end.
                let takes_rows = reading.header.incremental;
                Records::Commits { commits, takes_rows }
            }
            Kind::Tables => Records::Tables(reader.list(|reader| {
                let name = reader.name::<TableName>()?;
                let definition = read_definition(reader)?;
                if definition.name != name {
                    return Err(Malformed("a table has two names"));
                }
                let rows = reader.list(read_row)?;
                if rows.iter().any(|row| row.len() != definition.columns.len()) {
                    return Err(Malformed("a row has another number of values than its table columns"));
                }
                Ok((Arc::new(definition), rows))
            })?),
            _ => {
                let header = &reading.header;
                let checkpoints = reader.list(|reader| {
                    let (revision, root) = (Revision(reader.varint()?), reader.digest()?);
                    if revision < header.first || revision > header.last {
                        return Err(Malformed("a checkpoint is of a revision that is not in it"));
                    }
                    self.check_known(&root)?;
                    Ok((revision, root))
                })?;
                reading.counts.checkpoints += checkpoints.len() as u64;
                Records::Checkpoints(checkpoints)
            }
        };
        reader.end()?;
        Ok(records)
    }

    fn check_object(&mut self, stored: &StoredObject) -> Decoded<()> {
        let kind = ObjectKind::from_byte(stored.kind).ok_or(Malformed("the kind of an object is unknown"))?;
        let object = Object::new(kind, content::restore(&stored.digest, &stored.data)?);
        if object.digest() != stored.digest {
            return Err(Malformed("an object has another content than its name says"));
        }
        for child in content::children(kind, object.content())? {
            self.check_known(&child)?;
        }
        self.known.insert(stored.digest);
        Ok(())
    }

    fn check_commit(&self, stored: &StoredCommit) -> Decoded<(Revision, i64)> {
        let header = codec::decode_header(&stored.header)?;
        for named in codec::body_chunks(&header, &stored.body)?.into_iter().chain(header.manifests()) {
            self.check_known(&named)?;
        }
        Ok((header.header.revision, header.header.time_us))
    }

    fn check_known(&self, digest: &Digest) -> Decoded<()> {
        if !self.is_whole || self.known.contains(digest) {
            Ok(())
        } else {
            Err(Malformed("it names an object that is not in it"))
        }
    }
}

/// Records of a frame.
pub(crate) enum Records {
    Objects(Vec<StoredObject>),
    /// Whether the changes of rows are to be made, too.
    Commits {
        commits: Vec<(Revision, i64, StoredCommit)>,
        takes_rows: bool,
    },
    /// Tables, or more rows of one that came before.
    Tables(Vec<(Arc<Definition>, Vec<Row>)>),
    Checkpoints(Vec<(Revision, Digest)>),
}

/// A backup as far as it has been read.
struct Reading {
    header: BackupHeader,
    counts: BackupCounts,
    /// The newest commit read.
    expected: Revision,
    /// The name of it.
    end: Digest,
    phase: Kind,
}

impl Reading {
    /// Compares with what the end frame says.
    fn finish(&self, frame: &Frame) -> Result<(), BackupError> {
        let what = if self.counts.end(&frame.before.unwrap_or_default()) != frame.payload {
            "what it says of the whole at its end does not agree"
        } else if self.expected != self.header.last {
            "commits are missing"
        } else {
            return Ok(());
        };
        Err(BackupError::Damaged { offset: frame.offset, what: what.to_owned() })
    }
}

fn read_header(frame: &Frame) -> Result<BackupHeader, BackupError> {
    let damaged =
        |reason: Malformed| BackupError::Damaged { offset: frame.offset, what: reason.0.to_owned() };
    if frame.kind != Kind::Header {
        return Err(damaged(Malformed("it does not begin with its header")));
    }
    let mut reader = Reader(&frame.payload);
    let version = reader.varint().map_err(damaged)?;
    if version > WITH_TABLES {
        return Err(BackupError::Newer { found: version, known: WITH_TABLES });
    }
    BackupHeader::decode(reader).map_err(damaged)
}

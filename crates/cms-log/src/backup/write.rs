//! Writing a backup while others commit.

use std::{io::Write, ops::ControlFlow};

use super::{
    Backup, BackupCounts, BackupError, BackupHeader, FRAME_BYTES, StoreId, commit_digest,
    frame::{FrameWriter, Kind},
};
use cms_model::table::Row;

use crate::{
    Backend, Digest, Error, Order, Result, Revision,
    codec::table::{write_definition, write_row},
    tables::{TableStates, tables_at},
    wire::Writer,
};

/// What a backup is of.
#[derive(Clone, Debug)]
pub struct Extent {
    /// The store.
    pub store: StoreId,
    /// The revision to continue from; `None` for all that the log has.
    pub since: Option<Revision>,
    /// The newest object of the log when the backup to be continued was made, as [`write_backup`] answered then.
    pub known: u64,
    /// Microseconds since 1970.
    pub time_us: i64,
    /// The configuration directory.
    pub place: String,
}

/// Writes a backup of a log; answers with what was written, and the newest object of the log.
///
/// Others may commit and give up old states meanwhile: the log is [held](Backend::hold) as it is when the backup is begun, which
/// ends with the revision that is the head then. `progress` is told how many records are written, of how many.
///
/// # Errors
/// [`Error::Compacted`] if the log no longer has what the backup is to continue, or gives up what it was to hold after it could be
/// held no longer.
pub fn write_backup(
    log: &dyn Backend,
    out: &mut dyn Write,
    extent: &Extent,
    progress: &mut dyn FnMut(u64, u64),
) -> std::result::Result<(Backup, u64), BackupError> {
    let held = log.hold()?;
    let (log, last) = (held.log(), held.head());
    // Should it not be held to the end, the order matters: what belongs to the head is older than the newest object is then.
    let kept = log.first()?;
    let first = extent.since.unwrap_or(kept);
    check_range(first, kept, last)?;
    let header = BackupHeader {
        store: extent.store,
        incremental: extent.since.is_some(),
        first,
        base: match extent.since {
            Some(first) => digest_of(log, first)?,
            None => NO_COMMIT,
        },
        last,
        time_us: extent.time_us,
        place: extent.place.clone(),
    };
    let mut end = header.base;
    let mut checkpoints = log.checkpoints(last)?;
    checkpoints
        .retain(|(revision, _)| if header.incremental { *revision > first } else { *revision >= first });
    let newest = log.newest_object()?;
    let tables = if header.incremental { TableStates::new() } else { tables_at(log, last, None)? };
    let has_tables = !tables.is_empty() || touches_tables(log, header.after(), last)?;

    let mut frames = FrameWriter::begin(out)?;
    frames.frame(Kind::Header, &header.encode(has_tables))?;
    let mut counts = BackupCounts::default();
    let total = newest.saturating_sub(extent.known) + (last.0 - header.after().0);
    let mut failure = None;
    let mut batch = Batch::new(Kind::Objects);
    log.stored_objects(extent.known, newest, &mut |object| {
        batch.record(|writer| {
            writer.u8(object.kind);
            writer.digest(&object.digest);
            writer.bytes(&object.data);
        });
        counts.objects += 1;
        progress(counts.objects, total);
        flow(batch.write_if_full(&mut frames), &mut failure)
    })?;
    failure.map_or(Ok(()), Err)?;
    batch.write(&mut frames)?;

    let mut failure = None;
    let mut batch = Batch::new(Kind::Commits);
    let objects = newest.saturating_sub(extent.known);
    log.stored_commits(header.after(), last, &mut |commit| {
        batch.record(|writer| {
            writer.bytes(&commit.header);
            writer.bytes(&commit.body);
        });
        end = commit_digest(&commit.header);
        counts.commits += 1;
        progress(objects + counts.commits, total);
        flow(batch.write_if_full(&mut frames), &mut failure)
    })?;
    failure.map_or(Ok(()), Err)?;
    batch.write(&mut frames)?;

    let mut batch = Batch::new(Kind::Checkpoints);
    for (revision, root) in checkpoints {
        batch.record(|writer| {
            writer.varint(revision.0);
            writer.digest(&root);
        });
        counts.checkpoints += 1;
    }
    batch.write(&mut frames)?;

    let mut batch = Batch::new(Kind::Tables);
    for (name, (definition, rows)) in &tables {
        let rows: Vec<&Row> = rows.values().collect();
        // A table without rows is one as well.
        let mut pieces: Vec<&[&Row]> = rows.chunks(ROWS).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        for piece in pieces {
            batch.record(|writer| {
                writer.bytes(name.as_str().as_bytes());
                write_definition(writer, definition);
                writer.list(piece, |writer, row| write_row(writer, row));
            });
            batch.write_if_full(&mut frames)?;
        }
    }
    batch.write(&mut frames)?;

    // What was given up meanwhile may be missing in what was written.
    check_range(first, log.first()?, last)?;
    frames.frame(Kind::End, &counts.end(&frames.digest()))?;
    frames.flush()?;
    counts.bytes = frames.written;
    Ok((Backup { header, counts, end }, newest))
}

/// What stands for the commit before the first.
pub(super) const NO_COMMIT: Digest = Digest([0; 16]);

/// So many rows are in a record at most.
const ROWS: usize = 256;

/// Tells whether commits of a range changed tables.
fn touches_tables(log: &dyn Backend, after: Revision, upto: Revision) -> Result<bool> {
    let mut found = false;
    log.headers(after, upto, Order::Ascending, &mut |header| {
        found = !header.tables.is_empty();
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

fn check_range(first: Revision, kept: Revision, last: Revision) -> Result<()> {
    if first < kept {
        return Err(Error::Compacted { revision: first, first: kept });
    }
    if first > last {
        return Err(Error::NoSuchRevision { revision: first, head: last });
    }
    Ok(())
}

/// The name of a commit in a chain of backups.
pub(super) fn digest_of(log: &dyn Backend, revision: Revision) -> Result<Digest> {
    let mut digest = NO_COMMIT;
    if revision > Revision::EMPTY {
        log.stored_commits(Revision(revision.0 - 1), revision, &mut |commit| {
            digest = commit_digest(&commit.header);
            ControlFlow::Continue(())
        })?;
    }
    Ok(digest)
}

fn flow(written: std::io::Result<()>, failure: &mut Option<BackupError>) -> ControlFlow<()> {
    match written {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *failure = Some(error.into());
            ControlFlow::Break(())
        }
    }
}

/// Records of one kind on their way into a frame.
struct Batch {
    kind: Kind,
    count: u64,
    records: Writer,
}

impl Batch {
    fn new(kind: Kind) -> Batch {
        Batch { kind, count: 0, records: Writer::default() }
    }

    fn record(&mut self, write: impl FnOnce(&mut Writer)) {
        write(&mut self.records);
        self.count += 1;
    }

    fn write_if_full(&mut self, frames: &mut FrameWriter<'_>) -> std::io::Result<()> {
        if self.records.0.len() >= FRAME_BYTES { self.write(frames) } else { Ok(()) }
    }

    fn write(&mut self, frames: &mut FrameWriter<'_>) -> std::io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut payload = Writer(Vec::with_capacity(self.records.0.len() + 10));
        payload.varint(self.count);
        payload.0.append(&mut self.records.0);
        self.count = 0;
        frames.frame(self.kind, &payload.0)
    }
}

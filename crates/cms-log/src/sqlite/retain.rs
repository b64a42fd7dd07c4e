//! Giving up old states, and collecting what nothing names any more (`docs/log-format.md`, section 5).

use std::{collections::HashSet, sync::atomic::Ordering, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};

use super::{COPY_AT, Sqlite, open, signed};
use crate::{
    Backend, Digest, Error, Fault, ObjectKind, Reclaimed, Result, Revision, checkpoint_state,
    codec::{body_chunks, decode_header},
    content,
    wire::{Malformed, Writer},
};

/// How many rows a step deletes, where there is room for it.
const STEP: usize = 256;

/// Deleting writes to the WAL first. It takes no more than this part of what the disk has left: the rest is for commits.
const PART_OF_DISK: u64 = 4;

/// How many frames of the WAL a deleted row takes, about: its leaf, that of an index, and a page that leads there.
const FRAMES_OF_A_ROW: u64 = 3;

/// With room for fewer rows it is not worth while.
const LEAST_STEP: usize = 4;

/// The pause between steps, in which other processes write.
const PAUSE: Duration = Duration::from_millis(1);

/// What names comes before what is named.
const SWEEP_ORDER: [ObjectKind; 5] =
    [ObjectKind::Root, ObjectKind::Manifest, ObjectKind::Page, ObjectKind::Block, ObjectKind::Chunk];

impl Sqlite {
    pub(super) fn retain_from(&self, keep_from: Revision) -> Result<Reclaimed> {
        let outcome = self.retain_in_steps(keep_from);
        if let Err(Error::NoSpace(_)) = &outcome {
            // What was written of the step that failed shall not lie in the way of commits.
            if let Ok(connection) = open::connect(&self.path, self.file, false) {
                self.empty(&connection);
            }
        }
        outcome
    }

    pub(super) fn weigh(&self, from: Revision, before: Revision) -> Result<u64> {
        self.read(|connection| {
            let sum = |sql: &str| {
                connection
                    .prepare_cached(sql)
                    .and_then(|mut statement| {
                        statement.query_row(params![signed(from), signed(before)], |row| row.get::<_, i64>(0))
                    })
                    .map(i64::unsigned_abs)
                    .map_err(|error| self.fault("weigh commits", error))
            };
            // A row has about 20 bytes beside: its number, its time, the lengths of what is in it, and where it lies in its page.
            let commits = sum("SELECT ifnull(sum(length(header) + length(body) + 20), 0) FROM commits \
                 WHERE revision >= ?1 AND revision < ?2")?;
            // A log without an index has no such table.
            let index =
                sum("SELECT ifnull(sum(length(touches)), 0) FROM touches WHERE upto >= ?1 AND upto < ?2");
            Ok(commits + index.unwrap_or(0))
        })
    }

    fn retain_in_steps(&self, keep_from: Revision) -> Result<Reclaimed> {
        let head = self.head()?;
        if keep_from > head {
            return Err(Error::NoSuchRevision { revision: keep_from, head });
        }
        if keep_from > self.first()? {
            self.step("give up old states")?;
            if self.checkpoint(keep_from)?.is_none_or(|(revision, _)| revision != keep_from) {
                let (root, objects) = checkpoint_state(self, keep_from)?;
                self.put_checkpoint(keep_from, &root, &objects)?;
            }
            self.raise_first(keep_from)?;
            self.newest.forget();
        }
        let mut reclaimed = Reclaimed::default();
        self.drop_before(self.first()?, &mut reclaimed)?;
        self.collect(&mut reclaimed)?;
        Ok(reclaimed)
    }

    /// Returns how many rows the next step may delete.
    ///
    /// # Errors
    /// [`Error::NoSpace`] if the disk has no room for it.
    fn step(&self, attempt: &str) -> Result<usize> {
        let Ok(disk) = rustix::fs::statvfs(&self.path) else { return Ok(STEP) };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize) / PART_OF_DISK;
        let rows = |room: u64| (room / open::FRAME / FRAMES_OF_A_ROW).min(STEP as u64) as usize;
        let mut step = rows(free + self.write_ahead.room_behind(self.frames.load(Ordering::Relaxed)));
        if step < STEP && self.frames.load(Ordering::Relaxed) > 0 {
            // What has been copied back makes way.
            self.copy_back_beyond(0)?;
            step = rows(free + self.write_ahead.room_behind(self.frames.load(Ordering::Relaxed)));
        }
        if step >= LEAST_STEP {
            return Ok(step);
        }
        let wanted = LEAST_STEP as u64 * FRAMES_OF_A_ROW * open::FRAME * PART_OF_DISK;
        let source = format!("that needs {} KiB of room on the disk", wanted.div_ceil(1024));
        Err(Error::NoSpace(Fault {
            path: self.path.clone(),
            attempt: attempt.to_owned(),
            source: Some(source.into()),
        }))
    }

    /// Lets others write, and copies the WAL back before a step of so many rows makes it longer.
    fn pause(&self, step: usize) -> Result<()> {
        let limit = if step < STEP { 0 } else { COPY_AT / 2 };
        self.copy_back_beyond(limit)?;
        std::thread::sleep(PAUSE);
        Ok(())
    }

    /// Gives up the states before `keep_from`, unless another process has given up more.
    fn raise_first(&self, keep_from: Revision) -> Result<()> {
        let mut first = Writer::default();
        first.varint(keep_from.0);
        self.transaction("give up old states", |transaction| {
            if keep_from > self.first_of(transaction)? {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('first', ?1)")
                    .and_then(|mut statement| statement.execute([&first.0]))
                    .map_err(|error| self.fault("give up old states", error))?;
            }
            Ok(())
        })
    }

    fn drop_before(&self, first: Revision, reclaimed: &mut Reclaimed) -> Result<()> {
        let attempt = format!("delete commits before {first}");
        loop {
            let step = self.step(&attempt)?;
            let deleted = self.transaction(&attempt, |transaction| {
                let fault = |error| self.fault(attempt.clone(), error);
                let mut statement = transaction
                    .prepare_cached(
                        "DELETE FROM commits WHERE revision IN \
                         (SELECT revision FROM commits WHERE revision < ?1 ORDER BY revision LIMIT ?2) \
                         RETURNING length(header) + length(body)",
                    )
                    .map_err(fault)?;
                let lengths = statement
                    .query_map(params![signed(first), step as i64], |row| row.get::<_, i64>(0))
                    .map_err(fault)?;
                let lengths: Vec<i64> = lengths.collect::<rusqlite::Result<_>>().map_err(fault)?;
                Ok(lengths)
            })?;
            reclaimed.commits += deleted.len() as u64;
            reclaimed.bytes += deleted.iter().map(|len| len.unsigned_abs()).sum::<u64>();
            if deleted.len() < step {
                break;
            }
            self.pause(step)?;
        }
        self.transaction(&attempt, |transaction| {
            transaction
                .execute("DELETE FROM checkpoints WHERE revision < ?1", [signed(first)])
                .map_err(|error| self.fault(attempt.clone(), error))?;
            self.forget_runs_before(transaction, first)
        })
    }

    fn collect(&self, reclaimed: &mut Reclaimed) -> Result<()> {
        // A connection of its own: marking takes long, and others want to read and write meanwhile.
        let connection = open::connect(&self.path, self.file, false)?;
        let newest: i64 = connection
            .query_row("SELECT ifnull(max(id), 0) FROM objects", [], |row| row.get(0))
            .map_err(|error| self.fault("collect objects", error))?;
        // The newest one stays, so what it names has to: whoever finds it takes that for stored.
        let object = newest - 1;
        let mut marks = Marks { log: self, reached: HashSet::new(), commit: Revision::EMPTY, object };
        marks.absorb(&connection)?;
        for kind in SWEEP_ORDER {
            let mut after = 0;
            loop {
                let step = self.step("collect objects")?;
                let candidates = self.candidates(&connection, kind, after, newest, step)?;
                let Some((last, _)) = candidates.last() else { break };
                after = *last;
                if candidates.iter().all(|(_, digest)| marks.reached.contains(digest)) {
                    continue;
                }
                self.transaction("collect objects", |transaction| {
                    marks.absorb(transaction)?;
                    for (id, digest) in &candidates {
                        if !marks.reached.contains(digest) {
                            self.delete_object(transaction, *id, digest, reclaimed)?;
                        }
                    }
                    Ok(())
                })?;
                self.pause(step)?;
            }
        }
        Ok(())
    }

    /// Returns the next objects of a kind that are older than the newest one.
    fn candidates(
        &self,
        connection: &Connection,
        kind: ObjectKind,
        after: i64,
        newest: i64,
        step: usize,
    ) -> Result<Vec<(i64, Digest)>> {
        let fault = |error| self.fault("collect objects", error);
        let mut statement = connection
            .prepare_cached(
                "SELECT id, digest FROM objects WHERE id > ?1 AND id < ?2 AND kind = ?3 ORDER BY id LIMIT ?4",
            )
            .map_err(fault)?;
        let rows = statement
            .query_map(params![after, newest, kind as u8, step as i64], |row| {
                Ok((row.get(0)?, Digest(row.get(1)?)))
            })
            .map_err(fault)?;
        rows.collect::<rusqlite::Result<_>>().map_err(fault)
    }

    fn delete_object(
        &self,
        connection: &Connection,
        id: i64,
        digest: &Digest,
        reclaimed: &mut Reclaimed,
    ) -> Result<()> {
        let len: Option<i64> = connection
            .prepare_cached("DELETE FROM objects WHERE id = ?1 AND digest = ?2 RETURNING length(data)")
            .and_then(|mut statement| {
                statement.query_row(params![id, &digest.0[..]], |row| row.get(0)).optional()
            })
            .map_err(|error| self.fault(format!("delete object {digest}"), error))?;
        if let Some(len) = len {
            reclaimed.objects += 1;
            reclaimed.bytes += len.unsigned_abs();
        }
        Ok(())
    }
}

/// What is reachable, as far as the log has been looked at.
struct Marks<'a> {
    log: &'a Sqlite,
    reached: HashSet<Digest>,
    /// The newest commit whose references are marked.
    commit: Revision,
    /// The newest object that is marked for its youth, or older than the collection.
    object: i64,
}

impl Marks<'_> {
    /// Marks what was added to the log since the last call, and all that it leads to.
    fn absorb(&mut self, connection: &Connection) -> Result<()> {
        let log = self.log;
        let fault = |error| log.fault("mark what is in use", error);
        loop {
            let mut statement = connection
                .prepare_cached(
                    "SELECT revision, header, body FROM commits WHERE revision > ?1 ORDER BY revision LIMIT ?2",
                )
                .map_err(fault)?;
            let mut rows = statement.query(params![signed(self.commit), STEP as i64]).map_err(fault)?;
            let mut named = Vec::new();
            let mut count = 0;
            while let Some(row) = rows.next().map_err(fault)? {
                let row = super::CommitRow::of(row).map_err(fault)?;
                // Who cannot read a commit does not know what it needs, so nothing is collected.
                let damaged = |reason| log.damaged(format!("commit {}", row.revision), reason);
                let header = decode_header(&row.header).map_err(damaged)?;
                named.extend(header.manifests());
                named.extend(body_chunks(&header, &row.body).map_err(damaged)?);
                self.commit = row.revision;
                count += 1;
            }
            drop(rows);
            drop(statement);
            self.mark(connection, named)?;
            if count < STEP {
                break;
            }
        }
        let roots = self.digests(connection, "SELECT root, 0 FROM checkpoints WHERE ?1 = ?1", 0)?;
        self.mark(connection, roots.into_iter().map(|(digest, _)| digest).collect())?;
        let young = self.digests(connection, "SELECT digest, id FROM objects WHERE id > ?1", self.object)?;
        self.object = young.iter().map(|(_, id)| *id).fold(self.object, i64::max);
        self.mark(connection, young.into_iter().map(|(digest, _)| digest).collect())
    }

    fn digests(&self, connection: &Connection, sql: &str, after: i64) -> Result<Vec<(Digest, i64)>> {
        let fault = |error| self.log.fault("mark what is in use", error);
        let mut statement = connection.prepare_cached(sql).map_err(fault)?;
        let rows =
            statement.query_map([after], |row| Ok((Digest(row.get(0)?), row.get(1)?))).map_err(fault)?;
        rows.collect::<rusqlite::Result<_>>().map_err(fault)
    }

    fn mark(&mut self, connection: &Connection, mut named: Vec<Digest>) -> Result<()> {
        let log = self.log;
        while let Some(digest) = named.pop() {
            if !self.reached.insert(digest) {
                continue;
            }
            let kind: Option<u8> = connection
                .prepare_cached("SELECT kind FROM objects WHERE digest = ?1")
                .and_then(|mut statement| statement.query_row([&digest.0[..]], |row| row.get(0)).optional())
                .map_err(|error| log.fault("mark what is in use", error))?;
            let names_others = !matches!(
                kind.and_then(ObjectKind::from_byte),
                None | Some(ObjectKind::Block | ObjectKind::Chunk)
            );
            if !names_others {
                continue;
            }
            if let Some(object) = log.object_in(connection, &digest)? {
                let children = content::children(object.kind(), object.content())
                    .map_err(|reason: Malformed| log.damaged(format!("object {digest}"), reason))?;
                named.extend(children);
            }
        }
        Ok(())
    }
}

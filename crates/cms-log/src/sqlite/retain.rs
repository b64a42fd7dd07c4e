//! Giving up old states, and collecting what nothing names any more (`docs/log-format.md`, section 5).

use std::{collections::HashSet, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};

use super::{Sqlite, open, signed};
use crate::{
    Backend, Digest, Error, ObjectKind, Reclaimed, Result, Revision, checkpoint_state,
    codec::{body_chunks, decode_header},
    content,
    wire::{Malformed, Writer},
};

/// How many rows a step deletes.
const STEP: usize = 256;

/// The pause between steps, in which other processes write.
const PAUSE: Duration = Duration::from_millis(1);

/// What names comes before what is named.
const SWEEP_ORDER: [ObjectKind; 5] =
    [ObjectKind::Root, ObjectKind::Manifest, ObjectKind::Page, ObjectKind::Block, ObjectKind::Chunk];

impl Sqlite {
    pub(super) fn retain_from(&self, keep_from: Revision) -> Result<Reclaimed> {
        let head = self.head()?;
        if keep_from > head {
            return Err(Error::NoSuchRevision { revision: keep_from, head });
        }
        if keep_from > self.first()? {
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
                    .query_map(params![signed(first), STEP as i64], |row| row.get::<_, i64>(0))
                    .map_err(fault)?;
                let lengths: Vec<i64> = lengths.collect::<rusqlite::Result<_>>().map_err(fault)?;
                Ok(lengths)
            })?;
            reclaimed.commits += deleted.len() as u64;
            reclaimed.bytes += deleted.iter().map(|len| len.unsigned_abs()).sum::<u64>();
            if deleted.len() < STEP {
                break;
            }
            self.copy_back_aside()?;
            std::thread::sleep(PAUSE);
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
        let mut marks = Marks { log: self, reached: HashSet::new(), commit: Revision::EMPTY, object: newest };
        marks.absorb(&connection)?;
        for kind in SWEEP_ORDER {
            let mut after = 0;
            loop {
                let candidates = self.candidates(&connection, kind, after, newest)?;
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
                self.copy_back_aside()?;
                std::thread::sleep(PAUSE);
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
    ) -> Result<Vec<(i64, Digest)>> {
        let fault = |error| self.fault("collect objects", error);
        let mut statement = connection
            .prepare_cached(
                "SELECT id, digest FROM objects WHERE id > ?1 AND id < ?2 AND kind = ?3 ORDER BY id LIMIT ?4",
            )
            .map_err(fault)?;
        let rows = statement
            .query_map(params![after, newest, kind as u8, STEP as i64], |row| {
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

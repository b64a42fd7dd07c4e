//! Records in their stored form: out of a log into a backup, and into a log that is being made of one.

use std::ops::ControlFlow;
use std::path::Path;

use cms_model::table::{RowChange, TableChange, TableName};
use rusqlite::{Connection, params};

use super::{BATCH_BYTES, BATCH_ROWS, CommitRow, Sqlite, fault, signed};
use crate::{
    Digest, Error, Fault, Result, Revision,
    backup::{Records, StoredCommit, StoredObject},
    codec, table_changes,
    wire::{Malformed, Writer},
};

impl Sqlite {
    pub(super) fn newest_object_id(&self) -> Result<u64> {
        self.read(|connection| {
            connection
                .query_row("SELECT ifnull(max(id), 0) FROM objects", [], |row| row.get::<_, i64>(0))
                .map(i64::unsigned_abs)
                .map_err(|error| self.fault("find the newest object", error))
        })
    }

    pub(super) fn all_checkpoints(&self, upto: Revision) -> Result<Vec<(Revision, Digest)>> {
        self.read(|connection| {
            let fault = |error| self.fault("list the checkpoints", error);
            let mut statement = connection
                .prepare_cached(
                    "SELECT revision, root FROM checkpoints WHERE revision <= ?1 ORDER BY revision",
                )
                .map_err(fault)?;
            let rows = statement
                .query_map([signed(upto)], |row| {
                    Ok((Revision(row.get::<_, i64>(0)?.unsigned_abs()), Digest(row.get(1)?)))
                })
                .map_err(fault)?;
            rows.collect::<rusqlite::Result<_>>().map_err(fault)
        })
    }

    pub(super) fn visit_objects(
        &self,
        after: u64,
        upto: u64,
        visit: &mut dyn FnMut(StoredObject) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut after = i64::try_from(after).unwrap_or(i64::MAX);
        let upto = i64::try_from(upto).unwrap_or(i64::MAX);
        loop {
            let (last, objects) = self.read(|connection| self.next_objects(connection, after, upto))?;
            let Some(last) = last else { return Ok(()) };
            after = last;
            for object in objects {
                if visit(object).is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// Reads the next objects, a batch at most, and the number of the last of them.
    fn next_objects(
        &self,
        connection: &Connection,
        after: i64,
        upto: i64,
    ) -> Result<(Option<i64>, Vec<StoredObject>)> {
        let fault = |error| self.fault("read objects", error);
        let mut statement = connection
            .prepare_cached(
                "SELECT id, kind, digest, data FROM objects WHERE id > ?1 AND id <= ?2 ORDER BY id",
            )
            .map_err(fault)?;
        let mut rows = statement.query(params![after, upto]).map_err(fault)?;
        let (mut last, mut objects, mut bytes) = (None, Vec::new(), 0);
        while let Some(row) = rows.next().map_err(fault)? {
            let kind = u8::try_from(row.get::<_, i64>(1).map_err(fault)?).unwrap_or_default();
            let object = StoredObject {
                kind,
                digest: Digest(row.get(2).map_err(fault)?),
                data: row.get(3).map_err(fault)?,
            };
            last = Some(row.get(0).map_err(fault)?);
            bytes += object.data.len();
            objects.push(object);
            if objects.len() == BATCH_ROWS || bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok((last, objects))
    }

    pub(super) fn visit_commits(
        &self,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(StoredCommit) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut after = after;
        while after < upto {
            for commit in self.read(|connection| self.next_stored_commits(connection, after, upto))? {
                after = after.next();
                if visit(commit).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn next_stored_commits(
        &self,
        connection: &Connection,
        after: Revision,
        upto: Revision,
    ) -> Result<Vec<StoredCommit>> {
        let fault = |error| self.fault(format!("read commits after {after}"), error);
        let mut statement = connection
            .prepare_cached(
                "SELECT revision, header, body FROM commits WHERE revision > ?1 AND revision <= ?2 ORDER BY revision",
            )
            .map_err(fault)?;
        let mut rows = statement.query(params![signed(after), signed(upto)]).map_err(fault)?;
        let (mut commits, mut bytes, mut expected) = (Vec::new(), 0, after);
        while let Some(row) = rows.next().map_err(fault)? {
            expected = expected.next();
            if row.get::<_, i64>(0).map_err(fault)? != signed(expected) {
                break;
            }
            let commit =
                StoredCommit { header: row.get(1).map_err(fault)?, body: row.get(2).map_err(fault)? };
            bytes += commit.header.len() + commit.body.len();
            commits.push(commit);
            if commits.len() == BATCH_ROWS || bytes >= BATCH_BYTES {
                break;
            }
        }
        if commits.is_empty() {
            let first = self.first_of(connection)?;
            if after.next() < first {
                return Err(Error::Compacted { revision: after, first });
            }
            let what = format!("commit {}", after.next());
            return Err(self.damaged(what, Malformed("it is missing from the log")));
        }
        Ok(commits)
    }

    /// Says, in a log that is being made of a backup, which revision is the oldest that can be read.
    pub(crate) fn begin_at(&self, first: Revision) -> Result<()> {
        if first == Revision::EMPTY {
            return Ok(());
        }
        let mut value = Writer::default();
        value.varint(first.0);
        self.transaction("begin a log", |transaction| {
            transaction
                .execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('first', ?1)", [&value.0])
                .map_err(|error| self.fault("begin a log", error))?;
            Ok(())
        })
    }

    /// Takes records of a backup, which the caller has checked, into a log that nobody else uses.
    pub(crate) fn take_in(&self, records: &Records) -> Result<()> {
        let fault = |error| self.fault("take in a backup", error);
        self.transaction("take in a backup", |transaction| {
            match records {
                Records::Objects(objects) => {
                    let mut insert = transaction
                        .prepare_cached(
                            "INSERT OR IGNORE INTO objects (digest, kind, data) VALUES (?1, ?2, ?3)",
                        )
                        .map_err(fault)?;
                    for object in objects {
                        insert
                            .execute(params![&object.digest.0[..], object.kind, object.data])
                            .map_err(fault)?;
                    }
                }
                Records::Commits { commits, takes_rows } => {
                    let mut insert = transaction
                        .prepare_cached(
                            "INSERT INTO commits (revision, time_us, header, body) VALUES (?1, ?2, ?3, ?4)",
                        )
                        .map_err(fault)?;
                    for (revision, time_us, commit) in commits {
                        insert
                            .execute(params![signed(*revision), time_us, commit.header, commit.body])
                            .map_err(fault)?;
                        if *takes_rows {
                            self.take_rows(transaction, *revision, commit)?;
                        }
                    }
                }
                Records::Tables(tables) => {
                    let known = self.definitions(transaction)?;
                    let mut known: Vec<&TableName> = known.iter().map(|table| &table.name).collect();
                    for (table, rows) in tables {
                        let rows = rows.iter().map(|row| RowChange { old: None, new: Some(row.clone()) });
                        let mut change = TableChange::rows(table.clone(), rows.collect());
                        if !known.contains(&&table.name) {
                            known.push(&table.name);
                            change.old = None;
                        }
                        self.apply_change(transaction, &change)?;
                    }
                }
                Records::Checkpoints(checkpoints) => {
                    let mut insert = transaction
                        .prepare_cached("INSERT OR REPLACE INTO checkpoints (revision, root) VALUES (?1, ?2)")
                        .map_err(fault)?;
                    for (revision, root) in checkpoints {
                        insert.execute(params![signed(*revision), &root.0[..]]).map_err(fault)?;
                    }
                }
            }
            Ok(())
        })?;
        self.write(|connection| {
            self.copy_back(connection, 4 * super::COPY_AT);
            Ok(())
        })
    }

    /// Makes the changes that a commit made to tables.
    fn take_rows(&self, connection: &Connection, revision: Revision, stored: &StoredCommit) -> Result<()> {
        let damaged = |reason| self.damaged(format!("commit {revision}"), reason);
        if codec::decode_header(&stored.header).map_err(damaged)?.header.tables.is_empty() {
            return Ok(());
        }
        let row = CommitRow { revision, header: stored.header.clone(), body: stored.body.clone() };
        let commit = self.decode_commit(connection, &row)?;
        commit.tables.iter().try_for_each(|change| self.apply_change(connection, change))
    }

    /// Takes the commits after a revision out of a log that nobody else uses: they are as if they had never been.
    ///
    /// # Errors
    /// [`Error::Compacted`] and [`Error::NoSuchRevision`] for a revision that the log cannot end with.
    pub fn cut_after(&self, revision: Revision) -> Result<()> {
        let (head, first) = (crate::Backend::head(self)?, crate::Backend::first(self)?);
        if revision > head {
            return Err(Error::NoSuchRevision { revision, head });
        }
        if revision < first {
            return Err(Error::Compacted { revision, first });
        }
        let fault = |error| self.fault(format!("cut the log after revision {revision}"), error);
        let changes = table_changes(self, revision, head, None)?;
        self.transaction("cut the log", |transaction| {
            changes.iter().try_for_each(|change| self.apply_change(transaction, &change.inverse()))?;
            for table in ["commits", "checkpoints"] {
                transaction
                    .execute(&format!("DELETE FROM {table} WHERE revision > ?1"), [signed(revision)])
                    .map_err(fault)?;
            }
            self.forget_runs(transaction)
        })
    }
}

/// The log at a path, with nobody else at it, so that another can take its place.
///
/// Where the path leads elsewhere when this is dropped, whoever opened the old file meanwhile, and waited, finds that it is a log no more.
#[derive(Debug)]
pub struct Retired {
    connection: Connection,
}

impl Retired {
    /// Takes the log at `path` for this process alone. The caller holds the lock of those who write.
    ///
    /// # Errors
    /// [`Error::Busy`] while anybody, this process included, has it open.
    pub fn seize(path: &Path) -> Result<Retired> {
        let fault = |error| fault::of_sqlite(path, "take the log for oneself", error);
        let connection = Connection::open(path).map_err(fault)?;
        connection.busy_timeout(std::time::Duration::from_millis(200)).map_err(fault)?;
        // Leaving the WAL behind is what SQLite does only for the last one at the file.
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").map_err(fault)?;
        let mode: String =
            connection.query_row("PRAGMA journal_mode = MEMORY", [], |row| row.get(0)).map_err(fault)?;
        if mode != "memory" {
            let attempt = "take the log for oneself".to_owned();
            return Err(Error::Busy(Fault { path: path.to_owned(), attempt, source: None }));
        }
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT").map_err(fault)?;
        Ok(Retired { connection })
    }

    /// Makes the file no log any more, after another has taken its place.
    pub fn give_up(self) {
        // Nobody who comes by the path meets this file; so a failure concerns only who waited for it at this moment.
        let _ = self.connection.execute_batch("PRAGMA application_id = 1; PRAGMA user_version = -1");
    }
}

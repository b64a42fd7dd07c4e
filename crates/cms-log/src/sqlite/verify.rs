//! Checking everything.

use std::collections::HashSet;

use cms_model::PackageName;
use rusqlite::{Connection, params};

use super::{BATCH_ROWS, CommitRow, Sqlite, open};
use crate::{
    Backend, Digest, Error, Finding, Object, ObjectKind, Progress, Result, Revision, Severity,
    codec::decode_header, content, replay, tables::tables_at, wire::Malformed,
};

impl Sqlite {
    pub(super) fn verify_all(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>> {
        let connection = open::connect(&self.path, self.file, self.read_only)?;
        let mut check = Check { log: self, connection, findings: Vec::new(), missing: HashSet::new() };
        // In this order, because each stage leans on the one before.
        check.storage(progress)?;
        check.objects(progress)?;
        check.commits(progress)?;
        check.index()?;
        check.checkpoints(progress)?;
        check.replay(progress)?;
        check.tables(progress)?;
        Ok(check.findings)
    }
}

struct Check<'a> {
    log: &'a Sqlite,
    connection: Connection,
    findings: Vec<Finding>,
    /// Missing objects that were reported already.
    missing: HashSet<Digest>,
}

impl Check<'_> {
    fn find(&mut self, severity: Severity, place: impl Into<String>, what: impl Into<String>) {
        self.findings.push(Finding { severity, place: place.into(), what: what.into() });
    }

    /// Turns damage into a finding; other errors stop the check.
    fn note<T>(&mut self, severity: Severity, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged(fault)) => {
                let what = fault.source.map_or_else(|| "damaged".into(), |source| source.to_string());
                self.find(severity, fault.attempt, what);
                Ok(None)
            }
            Err(Error::ObjectMissing { digest }) => {
                self.require(severity, "the log", &digest)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn storage(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        progress(Progress { stage: "storage", done: 0, total: 1 });
        let log = self.log;
        let lines = {
            let fault = |error| log.fault("check the storage", error);
            let mut statement = self.connection.prepare("PRAGMA integrity_check(100)").map_err(fault)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(fault)?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map_err(fault)
        };
        match lines {
            Ok(lines) => {
                for line in lines.into_iter().filter(|line| line != "ok") {
                    self.find(Severity::Head, log.path.display().to_string(), line);
                }
            }
            Err(error) => {
                self.note(Severity::Head, Err::<(), _>(error))?;
            }
        }
        Ok(())
    }

    fn count(&self, table: &str) -> Result<u64> {
        self.connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .map_err(|error| self.log.fault(format!("count {table}"), error))
    }

    fn objects(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let (log, total) = (self.log, self.count("objects")?);
        let (mut after, mut done) = (0i64, 0);
        loop {
            progress(Progress { stage: "objects", done, total });
            let batch: Vec<(i64, Digest)> = {
                let fault = |error| log.fault("check objects", error);
                let mut statement = self
                    .connection
                    .prepare_cached("SELECT id, digest FROM objects WHERE id > ?1 ORDER BY id LIMIT ?2")
                    .map_err(fault)?;
                let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Digest(row.get(1)?)));
                let rows = statement.query_map(params![after, BATCH_ROWS as i64], row).map_err(fault)?;
                rows.collect::<rusqlite::Result<_>>().map_err(fault)?
            };
            let Some((last, _)) = batch.last() else { return Ok(()) };
            after = *last;
            done += batch.len() as u64;
            for (_, digest) in batch {
                let read = log.object_in(&self.connection, &digest);
                let Some(Some(object)) = self.note(Severity::History, read)? else { continue };
                let place = format!("object {digest}");
                let (kind, children) = (object.kind(), content::children(object.kind(), object.content()));
                if Object::new(kind, object.into_content()).digest() != digest {
                    self.find(Severity::History, place, "its content is not what its name says");
                    continue;
                }
                match children {
                    Ok(children) => {
                        for child in children {
                            self.require(Severity::History, &place, &child)?;
                        }
                    }
                    Err(Malformed(what)) => self.find(Severity::History, place, what),
                }
            }
        }
    }

    fn commits(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let (log, total) = (self.log, self.count("commits")?);
        let first = log.first_of(&self.connection)?;
        let mut last = Revision::EMPTY;
        let mut done = 0;
        loop {
            progress(Progress { stage: "commits", done, total });
            let batch: Vec<(CommitRow, i64)> = {
                let fault = |error| log.fault("check commits", error);
                let mut statement = self
                    .connection
                    .prepare_cached(
                        "SELECT revision, header, body, time_us FROM commits WHERE revision > ?1 \
                         ORDER BY revision LIMIT ?2",
                    )
                    .map_err(fault)?;
                let row = |row: &rusqlite::Row<'_>| Ok((CommitRow::of(row)?, row.get(3)?));
                let rows =
                    statement.query_map(params![last.0 as i64, BATCH_ROWS as i64], row).map_err(fault)?;
                rows.collect::<rusqlite::Result<_>>().map_err(fault)?
            };
            if batch.is_empty() {
                return Ok(());
            }
            done += batch.len() as u64;
            for (row, time_us) in batch {
                let place = format!("commit {}", row.revision);
                let expected = if last == Revision::EMPTY { first.max(Revision(1)) } else { last.next() };
                if row.revision > expected {
                    self.find(
                        Severity::History,
                        format!("commits {expected} to {}", row.revision.0 - 1),
                        "they are missing",
                    );
                }
                last = row.revision;
                let decoded = log.decode_commit(&self.connection, &row);
                if let Some(commit) = self.note(Severity::History, decoded)?
                    && commit.time_us != time_us
                {
                    self.find(Severity::Notice, &place, "its time differs between row and header");
                }
                if let Ok(header) = decode_header(&row.header) {
                    for manifest in header.manifests() {
                        self.require(Severity::History, &place, &manifest)?;
                    }
                }
            }
        }
    }

    /// The index only says where to look, so a fault in it loses nothing but must not go unseen.
    fn index(&mut self) -> Result<()> {
        let log = self.log;
        let wrong = log.wrong_runs(&self.connection);
        for (package, upto) in self.note(Severity::History, wrong)?.unwrap_or_default() {
            let place = format!("index of package {package} up to revision {upto}");
            self.find(Severity::Notice, place, "it is not what the commits say");
        }
        Ok(())
    }

    fn checkpoints(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let log = self.log;
        let roots: Vec<(i64, [u8; 16])> = {
            let fault = |error| log.fault("check checkpoints", error);
            let mut statement = self
                .connection
                .prepare("SELECT revision, root FROM checkpoints ORDER BY revision")
                .map_err(fault)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(fault)?;
            rows.collect::<rusqlite::Result<_>>().map_err(fault)?
        };
        let total = roots.len() as u64;
        for (done, (revision, root)) in roots.into_iter().enumerate() {
            progress(Progress { stage: "checkpoints", done: done as u64, total });
            let place = format!("checkpoint {revision}");
            let root = Digest(root);
            self.require(Severity::History, &place, &root)?;
            if let Ok(Some(object)) = log.object_in(&self.connection, &root)
                && object.kind() != ObjectKind::Root
            {
                self.find(Severity::History, place, "what it names is not a root");
            }
        }
        Ok(())
    }

    /// Rebuilds each package of the head from the oldest and from the newest checkpoint: the texts must be the same.
    fn replay(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let log = self.log;
        let (first, head) = (log.first()?, log.head()?);
        let Some(packages) = self.note(Severity::Head, crate::packages_at(log, head))? else { return Ok(()) };
        let packages: Vec<PackageName> = packages.into_iter().collect();
        let total = packages.len() as u64;
        for (done, package) in packages.into_iter().enumerate() {
            progress(Progress { stage: "replay", done: done as u64, total });
            let newest = replay(log, &package, head, head);
            let Some(newest) = self.note(Severity::Head, newest)? else { continue };
            let oldest = replay(log, &package, first, head);
            let Some(oldest) = self.note(Severity::History, oldest)? else { continue };
            let text = |package: &Option<cms_model::Package>| package.as_ref().map(|package| package.text());
            if text(&newest) != text(&oldest) {
                self.find(
                    Severity::Head,
                    format!("package {package}"),
                    format!(
                        "replay from revision {first} to {head} gives another text than the newest checkpoint"
                    ),
                );
            }
        }
        Ok(())
    }

    /// Takes back what all commits did to tables: each must find the rows as it left them.
    fn tables(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        progress(Progress { stage: "tables", done: 0, total: 1 });
        let oldest = tables_at(self.log, self.log.first()?, None);
        self.note(Severity::Head, oldest)?;
        Ok(())
    }

    fn require(&mut self, severity: Severity, place: &str, digest: &Digest) -> Result<()> {
        if !self.log.has_object_in(&self.connection, digest)? && self.missing.insert(*digest) {
            self.find(severity, place, format!("it names object {digest}, which is missing"));
        }
        Ok(())
    }
}

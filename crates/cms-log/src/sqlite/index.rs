//! Which commits touched a package, and where: kept in runs, after the fact (`docs/log-format.md`, section 10).
//!
//! The commits are the truth. The index says nothing that they do not, so it is written behind them, by whoever has time, and a
//! log without one, or with a damaged one, is read commit by commit.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use cms_model::PackageName;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{CommitRow, Sqlite, signed};
use crate::{
    Commit, Order, Result, Revision, Touch,
    check::checksum,
    codec::{self, is_long},
    touch::Run,
    wire::{Malformed, Reader, Writer},
};

/// How many commits a run holds. Those that are in none yet are at most about as many, and are looked at one by one.
const RUN: u64 = 256;

/// The note that says up to which revision there are runs.
const INDEXED: &str = "indexed";

/// A log that an earlier program made has no such table.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS touches (package TEXT NOT NULL, upto INTEGER NOT NULL, \
     touches BLOB NOT NULL, PRIMARY KEY (package, upto)) STRICT, WITHOUT ROWID";

/// What the newest commits touched, as far as this handle has appended them itself: they need not be read again.
#[derive(Default)]
pub(super) struct Fresh {
    commits: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    /// They follow each other.
    commits: VecDeque<(Revision, Touches)>,
    /// How many packages and places they touched together.
    touched: usize,
}

/// What a commit did to each of its packages.
type Touches = Vec<(PackageName, Touch)>;

/// How many commits are remembered: those of the next run, and some that come while it is written.
const REMEMBERED: usize = 2 * RUN as usize;

/// How many packages and places they may have touched together.
const TOUCHED: usize = 1 << 15;

impl Fresh {
    /// Remembers commits that have been appended.
    pub fn note<'a>(&self, appended: impl Iterator<Item = &'a Commit>) {
        let mut remembered = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        for commit in appended {
            if remembered.commits.back().is_some_and(|(last, _)| last.next() != commit.revision) {
                *remembered = Remembered::default();
            }
            let touches = Touch::all_of(commit).map(|(package, touch)| (package.clone(), touch)).collect();
            remembered.touched += weight(&touches);
            remembered.commits.push_back((commit.revision, touches));
            while remembered.commits.len() > REMEMBERED || remembered.touched > TOUCHED {
                let Some((_, oldest)) = remembered.commits.pop_front() else { break };
                remembered.touched -= weight(&oldest);
            }
        }
    }

    /// Returns the runs of the commits after `after` up to and including `upto`, if all of them are remembered, and forgets these.
    fn take_runs(&self, after: Revision, upto: Revision) -> Option<BTreeMap<PackageName, Run>> {
        let mut remembered = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { commits, touched } = &mut *remembered;
        let first = commits.front()?.0;
        let begin = usize::try_from(after.next().0.checked_sub(first.0)?).ok()?;
        let end = usize::try_from(upto.next().0.checked_sub(first.0)?).ok()?;
        if end > commits.len() {
            return None;
        }
        let mut taken: Vec<_> = commits.drain(..end).collect();
        *touched -= taken.iter().map(|(_, touches)| weight(touches)).sum::<usize>();
        drop(remembered);
        taken.drain(..begin);
        let mut runs: BTreeMap<PackageName, Run> = BTreeMap::new();
        for (package, touch) in taken.into_iter().rev().flat_map(|(_, touches)| touches) {
            runs.entry(package).or_insert_with(|| Run { after, touches: Vec::new() }).touches.push(touch);
        }
        Some(runs)
    }
}

fn weight(touches: &Touches) -> usize {
    touches.iter().map(|(_, touch)| 1 + touch.marks.as_ref().map_or(0, Vec::len)).sum()
}

impl Sqlite {
    /// Adds a run to the index if there are commits for one; answers whether there may be more.
    pub(super) fn index_next(&self) -> Result<bool> {
        let fault = |error| self.fault("index what commits touched", error);
        let (after, first, head) = self.read_aside(|connection| {
            Ok((self.indexed(connection)?, self.first_of(connection)?, self.head_of(connection)?))
        })?;
        // The oldest commit that is kept is the one that made the oldest state.
        let begin = after.unwrap_or(Revision::EMPTY).max(Revision(first.0.saturating_sub(1)));
        if head.0 < begin.0 + RUN {
            return Ok(false);
        }
        let upto = Revision(begin.0 + RUN);
        let runs = match self.fresh.take_runs(begin, upto) {
            Some(runs) => runs,
            None => {
                let mut runs = BTreeMap::new();
                self.read_aside(|connection| self.collect_touches(connection, begin, upto, &mut runs))?;
                runs
            }
        };
        let mut note = Writer::default();
        note.u32(0);
        note.varint(upto.0);
        let crc = checksum(&note.0[4..]);
        note.0[..4].copy_from_slice(&crc.to_le_bytes());
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
            if self.indexed(&transaction)? != after {
                // Another process did it meanwhile.
                return Ok(());
            }
            transaction.execute(TABLE, []).map_err(fault)?;
            {
                let mut insert = transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO touches (package, upto, touches) VALUES (?1, ?2, ?3)",
                    )
                    .map_err(fault)?;
                for (package, run) in &runs {
                    insert
                        .execute(params![package.as_str(), signed(upto), run.encode(upto)])
                        .map_err(fault)?;
                }
            }
            transaction
                .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")
                .and_then(|mut statement| statement.execute(params![INDEXED, note.0]))
                .map_err(fault)?;
            transaction.commit().map_err(fault)
        })?;
        self.copy_back_aside()?;
        Ok(head.0 >= upto.0 + RUN)
    }

    /// Visits the commits that touched a package, the newest first, up to and including `upto`.
    pub(super) fn visit_touches(
        &self,
        package: &PackageName,
        upto: Revision,
        visit: &mut dyn FnMut(Touch) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut upto = upto;
        // What is in no run yet.
        let indexed = self.read(|connection| Ok(self.indexed(connection)?.unwrap_or(Revision::EMPTY)))?;
        if self.visit_headers(package, indexed.min(upto), upto, visit)?.is_break() {
            return Ok(());
        }
        upto = indexed.min(upto);
        // A run that reaches beyond `upto` is the first.
        let mut below = indexed.next();
        while upto > Revision::EMPTY {
            let found = self.read(|connection| self.run_before(connection, package, below))?;
            let run = match found {
                None => return Ok(()),
                Some((end, Ok(run))) => {
                    below = end;
                    run
                }
                Some((end, Err(_))) => {
                    // How far down it goes is not known either, and the commits are the truth.
                    return self.visit_headers(package, Revision::EMPTY, end.min(upto), visit).map(drop);
                }
            };
            for touch in run.touches {
                if touch.revision <= upto && visit(touch).is_break() {
                    return Ok(());
                }
            }
            upto = upto.min(run.after);
        }
        Ok(())
    }

    fn visit_headers(
        &self,
        package: &PackageName,
        after: Revision,
        upto: Revision,
        visit: &mut dyn FnMut(Touch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let mut flow = ControlFlow::Continue(());
        crate::Backend::headers(self, after, upto, Order::Descending, &mut |header| {
            if header.packages.contains(package) {
                flow = visit(Touch { revision: header.revision, marks: None });
            }
            flow
        })?;
        Ok(flow)
    }

    /// Returns the newest run of a package that ends before a revision, and where it ends.
    fn run_before(
        &self,
        connection: &Connection,
        package: &PackageName,
        below: Revision,
    ) -> Result<Option<(Revision, std::result::Result<Run, Malformed>)>> {
        connection
            .prepare_cached(
                "SELECT upto, touches FROM touches WHERE package = ?1 AND upto < ?2 ORDER BY upto DESC LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![package.as_str(), signed(below)], |row| {
                        let upto = Revision(row.get::<_, i64>(0)?.unsigned_abs());
                        Ok((upto, Run::decode(row.get_ref(1)?.as_blob()?, upto)))
                    })
                    .optional()
            })
            .map_err(|error| self.fault(format!("find the commits to {package}"), error))
    }

    /// Returns up to which revision there are runs. A damaged note is as good as none: the runs are made again.
    fn indexed(&self, connection: &Connection) -> Result<Option<Revision>> {
        let Some(note) = self.meta_of(connection, INDEXED)? else { return Ok(None) };
        let mut reader = Reader(&note);
        let is_whole = reader.u32().is_ok_and(|crc| crc == checksum(reader.0));
        Ok(reader.varint().ok().filter(|_| is_whole).map(Revision))
    }

    /// Notes what the commits of a range touched.
    fn collect_touches(
        &self,
        connection: &Connection,
        after: Revision,
        upto: Revision,
        runs: &mut BTreeMap<PackageName, Run>,
    ) -> Result<()> {
        let fault = |error| self.fault(format!("index the commits after {after}"), error);
        let mut statement = connection
            .prepare_cached(
                "SELECT revision, header, body FROM commits WHERE revision > ?1 AND revision <= ?2 \
                 ORDER BY revision DESC",
            )
            .map_err(fault)?;
        let mut rows = statement.query(params![signed(after), signed(upto)]).map_err(fault)?;
        let mut note = |package: &PackageName, touch| {
            let run = runs.entry(package.clone());
            run.or_insert_with(|| Run { after, touches: Vec::new() }).touches.push(touch);
        };
        while let Some(row) = rows.next().map_err(fault)? {
            let row = CommitRow::of(row).map_err(fault)?;
            if is_long(&row.body) {
                // What many changes touched is told by the commit alone.
                let damaged = |reason| self.damaged(format!("commit {}", row.revision), reason);
                for package in codec::decode_header(&row.header).map_err(damaged)?.header.packages {
                    note(&package, Touch { revision: row.revision, marks: None });
                }
            } else {
                let commit = self.decode_commit(connection, &row)?;
                for (package, touch) in Touch::all_of(&commit) {
                    note(package, touch);
                }
            }
        }
        Ok(())
    }

    /// Reads commits by their revisions, in the given order; those that are not kept are passed over.
    pub(super) fn visit_commits_at(
        &self,
        revisions: &[Revision],
        visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<()> {
        for some in revisions.chunks(super::BATCH_ROWS) {
            let mut rest = some;
            while !rest.is_empty() {
                let (read, commits) = self.read(|connection| self.commits_at(connection, rest))?;
                rest = &rest[read..];
                for commit in commits {
                    if visit(commit).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the first of some commits, a batch at most, and says of how many.
    fn commits_at(&self, connection: &Connection, revisions: &[Revision]) -> Result<(usize, Vec<Commit>)> {
        let fault = |error| self.fault("read commits", error);
        // The pieces of a long body may be given up between two readings.
        let _moment = self.moment(connection, "read commits")?;
        let mut statement = connection
            .prepare_cached("SELECT revision, header, body FROM commits WHERE revision = ?1")
            .map_err(fault)?;
        let (mut commits, mut bytes) = (Vec::new(), 0);
        for (number, revision) in revisions.iter().enumerate() {
            let row = statement.query_row([signed(*revision)], CommitRow::of).optional().map_err(fault)?;
            let Some(row) = row else { continue };
            bytes += row.body.len();
            commits.push(self.decode_commit(connection, &row)?);
            if bytes >= super::BATCH_BYTES {
                return Ok((number + 1, commits));
            }
        }
        Ok((revisions.len(), commits))
    }

    /// Forgets the runs that are all about commits before `first`.
    pub(super) fn forget_runs_before(&self, connection: &Connection, first: Revision) -> Result<()> {
        if self.indexed(connection)?.is_some() {
            connection
                .execute("DELETE FROM touches WHERE upto < ?1", [signed(first)])
                .map_err(|error| self.fault("forget what old commits touched", error))?;
        }
        Ok(())
    }

    /// Forgets all runs; they are made again.
    pub(super) fn forget_runs(&self, connection: &Connection) -> Result<()> {
        if self.indexed(connection)?.is_none() {
            return Ok(());
        }
        let fault = |error| self.fault("forget what commits touched", error);
        connection.execute("DELETE FROM touches", []).map_err(fault)?;
        connection.execute("DELETE FROM meta WHERE name = ?1", [INDEXED]).map_err(fault)?;
        Ok(())
    }

    /// Compares the index with the commits; answers which runs are not as they should be.
    pub(super) fn wrong_runs(&self, connection: &Connection) -> Result<Vec<(PackageName, Revision)>> {
        if self.indexed(connection)?.is_none() {
            return Ok(Vec::new());
        }
        let first = self.first_of(connection)?;
        // Of what was given up some commits may still be there.
        let given_up = Revision(first.0.saturating_sub(1));
        let mut wrong = Vec::new();
        for (upto, runs) in self.all_runs(connection)? {
            let mut commits: Option<(Revision, BTreeMap<PackageName, Run>)> = None;
            for (package, run) in runs {
                let Ok(mut run) = run else {
                    wrong.push((package, upto));
                    continue;
                };
                run.touches.retain(|touch| touch.revision >= first);
                let (after, made) = commits.get_or_insert_with(|| (run.after, BTreeMap::new()));
                if made.is_empty() {
                    self.collect_touches(connection, run.after.max(given_up), upto, made)?;
                }
                let touches = made.get(&package).map_or(&[][..], |run| &run.touches);
                if *after != run.after || touches != run.touches {
                    wrong.push((package, upto));
                }
            }
        }
        Ok(wrong)
    }

    /// Reads all runs, by where they end.
    fn all_runs(&self, connection: &Connection) -> Result<BTreeMap<Revision, Vec<StoredRun>>> {
        let fault = |error| self.fault("check what commits touched", error);
        let mut statement =
            connection.prepare("SELECT package, upto, touches FROM touches").map_err(fault)?;
        let mut rows = statement.query([]).map_err(fault)?;
        let mut runs: BTreeMap<Revision, Vec<StoredRun>> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(fault)? {
            let package = row.get_ref(0).map_err(fault)?.as_bytes().unwrap_or_default();
            // A name that is none is asked for by nobody.
            let Ok(package) = PackageName::try_from(package) else { continue };
            let upto = Revision(row.get::<_, i64>(1).map_err(fault)?.unsigned_abs());
            let run = Run::decode(row.get_ref(2).map_err(fault)?.as_blob().unwrap_or_default(), upto);
            runs.entry(upto).or_default().push((package, run));
        }
        Ok(runs)
    }
}

/// A run as it is stored for a package, if it can be read.
type StoredRun = (PackageName, std::result::Result<Run, Malformed>);

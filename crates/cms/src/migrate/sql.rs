//! What migrations do to tables: running their SQL in the transaction of the migration, and taking it back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use cms_log::{Revision, ScriptLimits, tables_at, visit_table_commits};
use cms_model::schema::{SchemaVersion, SqlAction, SqlStep, Version};
use cms_model::table::{Query, TableChange, TableName};

use super::ModuleSchema;
use crate::error::{Error, Result, TableTouch};
use crate::snapshot::Snapshot;
use crate::transaction::Transaction;

/// How long one script of a migration may run. Others wait with their commits, so it is not without an end; a table has more rows than a
/// person's script looks at.
const TIME: Duration = Duration::from_secs(60);

/// A statement of SQL that a migration ran, and how many rows it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlCount {
    /// The version whose migration it belongs to.
    pub version: Version,
    /// Its number in there, from 1.
    pub statement: usize,
    /// The statement.
    pub text: String,
    /// How many rows it inserted, updated, deleted or wrote anew.
    pub rows: u64,
}

/// A table that a rollback brought to its earlier state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredTable {
    /// The table.
    pub table: TableName,
    /// How many rows differ.
    pub rows: u64,
}

/// What was done to tables.
#[derive(Default)]
pub(super) struct TableWork {
    pub sql: Vec<SqlCount>,
    pub restored: Vec<RestoredTable>,
}

/// Runs the SQL of versions, in order.
pub(super) fn forward(tx: &mut Transaction, module: &str, versions: &[SchemaVersion]) -> Result<TableWork> {
    let mut sql = Vec::new();
    for version in versions {
        let run = Run { tx, module, version: version.version, is_back: false };
        sql.extend(run.all(&version.migration.sql)?);
    }
    Ok(TableWork { sql, restored: Vec::new() })
}

/// The SQL of one migration, run in one direction.
struct Run<'a> {
    tx: &'a mut Transaction,
    module: &'a str,
    version: Version,
    is_back: bool,
}

impl Run<'_> {
    fn all(mut self, steps: &[SqlStep]) -> Result<Vec<SqlCount>> {
        let mut done = Vec::new();
        for step in steps {
            self.require(step)?;
            let first = done.len();
            let statements = step.statements();
            match self.rows(step) {
                Ok(rows) => done.extend(rows.into_iter().zip(&statements).enumerate().map(
                    |(number, (rows, text))| SqlCount {
                        version: self.version,
                        statement: first + number + 1,
                        text: (*text).to_owned(),
                        rows,
                    },
                )),
                Err(error) => {
                    let number = if statements.len() == 1 { 0 } else { self.culprit(&statements) };
                    let text = statements.get(number).copied().unwrap_or_default();
                    return Err(self.failure(error, first + number + 1, text));
                }
            }
        }
        Ok(done)
    }

    /// Makes the commit depend on the tables that a step reads or changes: rows that others add meanwhile are to be migrated as well.
    fn require(&mut self, step: &SqlStep) -> Result<()> {
        let known = self.tx.tables()?;
        let changed = step.tables();
        let is_named = |name: &str| match step.action() {
            SqlAction::Script(script) => script.names().contains(name),
            _ => changed.contains(name),
        };
        for table in known.iter().filter(|table| is_named(table.name.as_str())) {
            self.tx.require_table(table.name.as_str())?;
        }
        Ok(())
    }

    /// Takes a step; answers how many rows each of its statements changed.
    fn rows(&mut self, step: &SqlStep) -> Result<Vec<u64>> {
        Ok(match step.action() {
            SqlAction::Script(_) => {
                let answers = self.script(&step.to_string())?;
                answers.into_iter().map(|answer| answer.changed).collect()
            }
            SqlAction::Create(definition) => {
                self.tx.create_table(definition.clone())?;
                vec![0]
            }
            SqlAction::Alter(alteration) => {
                let mut table = self.tx.table(alteration.table.as_str())?;
                table.alter(|definition| alteration.apply(definition), &alteration.defaults())?;
                vec![table.query(&Query::default())?.len() as u64]
            }
            SqlAction::Drop(table) => {
                let count = self.tx.table(table.as_str())?.query(&Query::default())?.len();
                self.tx.drop_table(table.as_str())?;
                vec![count as u64]
            }
        })
    }

    fn script(&mut self, text: &str) -> Result<Vec<cms_log::ScriptAnswer>> {
        self.tx.execute_sql_within(text, ScriptLimits { time: TIME, ..ScriptLimits::default() })
    }

    /// Finds which statement of a script failed, which the failure of a whole does not always say: one after the other, in a transaction that
    /// nobody commits any more. If each goes by itself, it is what they come to, and the last is named.
    fn culprit(&mut self, statements: &[&str]) -> usize {
        let failed = statements.iter().position(|statement| self.script(statement).is_err());
        failed.unwrap_or(statements.len().saturating_sub(1))
    }

    /// Says where the SQL failed, if it is its fault.
    fn failure(&self, error: Error, statement: usize, text: &str) -> Error {
        let reason = match &error {
            Error::Script(error) => error.reason.clone(),
            Error::Table(_) | Error::NotFound { .. } | Error::Exists { .. } => error.to_string(),
            _ => return error,
        };
        Error::MigrationSql {
            module: self.module.to_owned(),
            version: self.version,
            is_back: self.is_back,
            statement,
            text: text.to_owned(),
            reason,
        }
    }
}

impl ModuleSchema {
    /// Takes back what versions did to tables, to come to version `to`: by their own SQL where all of them have it, else by what the log
    /// knows of the tables.
    pub(super) fn tables_back(
        &self,
        tx: &mut Transaction,
        to: Version,
        versions: &[SchemaVersion],
    ) -> Result<TableWork> {
        let is_untold = |version: &&SchemaVersion| {
            !version.migration.sql.is_empty() && version.migration.rollback_sql.is_none()
        };
        if let Some(untold) = versions.iter().rev().find(is_untold) {
            let restored = self.restore_tables(tx, to, versions, untold.version)?;
            return Ok(TableWork { sql: Vec::new(), restored });
        }
        let mut sql = Vec::new();
        for SchemaVersion { version, migration, .. } in versions.iter().rev() {
            let run = Run { tx, module: &self.name, version: *version, is_back: true };
            sql.extend(run.all(migration.rollback_sql.as_deref().unwrap_or_default())?);
        }
        Ok(TableWork { sql, restored: Vec::new() })
    }

    /// Gives the tables that migrations changed the rows that they had before, provided that nobody else has changed them since.
    fn restore_tables(
        &self,
        tx: &mut Transaction,
        to: Version,
        versions: &[SchemaVersion],
        untold: Version,
    ) -> Result<Vec<RestoredTable>> {
        let refusal = |changed: Vec<TableTouch>| Error::TablesKept {
            module: self.name.clone(),
            version: untold,
            to,
            changed,
        };
        let now = tx.snapshot().clone();
        let Some((before, own)) = self.since(to)? else { return Err(refusal(Vec::new())) };
        let backend = &*self.store.log("take a migration of tables back")?.backend;
        let head = match now.revision() {
            Some(revision) => revision,
            None => backend.head()?,
        };
        let mut touched: BTreeSet<String> = BTreeSet::new();
        let mut others: BTreeMap<String, TableTouch> = BTreeMap::new();
        visit_table_commits(backend, before, head, None, &mut |commit| {
            for name in commit.tables.iter().filter_map(|change| change.name().ok()) {
                if own.contains(&commit.revision) {
                    touched.insert(name.to_string());
                } else {
                    others.entry(name.to_string()).or_insert_with(|| TableTouch {
                        table: name.clone(),
                        revision: commit.revision,
                        author: commit.author.clone(),
                    });
                }
            }
            ControlFlow::Continue(())
        })?;
        // SQL that found no row to change would have found those that came since.
        touched.extend(versions.iter().flat_map(|version| &version.migration.sql).flat_map(SqlStep::tables));
        others.retain(|name, _| touched.contains(name));
        if !others.is_empty() {
            return Err(refusal(others.into_values().collect()));
        }
        let mut restored = Vec::new();
        for name in touched.iter().filter_map(|name| TableName::new(name).ok()) {
            let then = tables_at(backend, before, Some(&name))?.remove(&name);
            let table = now.find_table(&name)?;
            let today = match &table {
                Some(table) => Some((table.definition().clone(), table.rows()?)),
                None => None,
            };
            let change = TableChange::between(
                today.as_ref().map(|(definition, rows)| (definition, rows)),
                then.as_ref().map(|(definition, rows)| (definition, rows)),
            );
            tx.require_table(name.as_str())?;
            if let Some(change) = change {
                restored.push(RestoredTable { table: name, rows: change.rows.len() as u64 });
                tx.wish_table(change)?;
            }
        }
        Ok(restored)
    }

    /// The revision of the newest state of version `to`, and the commits since that brought the data from one version to another; `None` if
    /// the log has no state that is known to be of that version.
    fn since(&self, to: Version) -> Result<Option<(Revision, BTreeSet<Revision>)>> {
        let mut own = BTreeSet::new();
        let mut found: Option<(Revision, Option<Version>)> = None;
        self.each_stamp(|state: &Snapshot, before, after| {
            let Some(revision) = state.revision() else { return true };
            if before != after {
                own.insert(Revision(revision.0 + 1));
                if before.is_none_or(|before| before <= to) && after.is_some_and(|after| after > to) {
                    found = Some((revision, before));
                }
            }
            found.is_none()
        })?;
        Ok(found.and_then(|(revision, stamp)| {
            // Data of an older version, or one that does not say which, passes for this one where no SQL lies between.
            let path = self.registry.path(stamp.unwrap_or_else(|| self.registry.oldest()), to).ok()?;
            path.iter().all(|version| version.migration.sql.is_empty()).then_some((revision, own))
        }))
    }
}

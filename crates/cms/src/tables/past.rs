//! What was committed to tables, and taking it back.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, Commit, Revision, tables_at, visit_table_commits};
use cms_model::table::{Row, TableChange, TableName};

use super::WantedTable;
use super::check::creations;
use super::show::display;
use super::view::table_name;
use crate::describe::DisplayChange;
use crate::error::Result;
use crate::history::HistoryEntry;
use crate::store::Store;

/// Which commits to a table to list.
#[derive(Clone, Debug, Default)]
pub struct TableHistory {
    /// Only what happened to the row of this key.
    pub key: Option<Row>,
    /// Only commits after this revision.
    pub since: Option<Revision>,
    /// Only commits up to this revision.
    pub until: Option<Revision>,
    /// At most so many, the newest first.
    pub limit: Option<usize>,
}

impl Store {
    /// Lists the commits that touched a table, the newest first.
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) for those who may not read the log; [`cms_log::Error::Compacted`] if nothing up
    /// to [`until`](TableHistory::until) is kept.
    pub fn table_history(&self, name: &str, query: &TableHistory) -> Result<Vec<HistoryEntry>> {
        let name = table_name(name)?;
        let backend = &*self.log("read the history")?.backend;
        let head = backend.head()?;
        let until = query.until.unwrap_or(head).min(head);
        let asked = query.since.unwrap_or(Revision::EMPTY);
        let limit = query.limit.unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        if limit == 0 {
            return Ok(entries);
        }
        let mut add = |commit: Commit| {
            let mut changes = Vec::new();
            for mut change in commit.tables.into_iter().filter(|change| change.name() == Ok(&name)) {
                if let Some(key) = &query.key {
                    let rows = std::mem::take(&mut change.rows);
                    change.rows = rows.into_iter().filter(|row| change.key_of(row) == *key).collect();
                    if change.rows.is_empty() {
                        continue;
                    }
                }
                changes.extend(display(&change));
            }
            if !changes.is_empty() {
                entries.push(HistoryEntry {
                    revision: commit.revision,
                    time_us: commit.time_us,
                    author: commit.author,
                    tool: commit.tool,
                    message: commit.message,
                    kind: commit.kind,
                    changes,
                    lost: Vec::new(),
                });
            }
            if entries.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        loop {
            let first = backend.first()?;
            if query.until.is_some() && until < first {
                return Err(cms_log::Error::Compacted { revision: until, first }.into());
            }
            let since = asked.max(first);
            match visit_table_commits(backend, since, until, Some(&name), &mut add) {
                // More was given up before the first commit was read.
                Err(error) if error.is_compacted() && backend.first()? > since => {}
                visited => {
                    visited?;
                    return Ok(entries);
                }
            }
        }
    }

    /// Compares the tables of two states.
    ///
    /// # Errors
    /// As [`snapshot_at`](Store::snapshot_at).
    pub fn diff_tables(&self, old: Revision, new: Revision) -> Result<Vec<(TableName, Vec<DisplayChange>)>> {
        let backend = &*self.log("compare two states")?.backend;
        let (old, new) = (tables_at(backend, old, None)?, tables_at(backend, new, None)?);
        let changes = creations(&old, &new);
        Ok(changes.iter().filter_map(|change| Some((change.name().ok()?.clone(), display(change)))).collect())
    }
}

/// What takes back all that the commits after `after` up to `upto` did to tables.
pub(crate) fn undone(backend: &dyn Backend, after: Revision, upto: Revision) -> Result<Vec<WantedTable>> {
    let mut by_table: BTreeMap<TableName, Vec<TableChange>> = BTreeMap::new();
    for change in cms_log::table_changes(backend, after, upto, None)? {
        if let Ok(name) = change.name().cloned() {
            by_table.entry(name).or_default().push(change);
        }
    }
    let wanted = by_table.into_values().filter_map(|mut changes| {
        changes.reverse();
        let change = TableChange::joined(&changes)?.inverse();
        Some(WantedTable { base: upto, change: Arc::new(change) })
    });
    Ok(wanted.collect())
}

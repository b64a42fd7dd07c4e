//! What is wanted of tables, compared with the head.

use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, Revision, TableStates, visit_table_commits};
use cms_model::table::{Definition, Query, Row, RowChange, TableChange, TableName};

use super::WantedTable;
use super::show::row_key;
use crate::error::{Error, Result};

/// Returns what is left to do of what is wanted. The caller may append and nobody else.
///
/// # Errors
/// [`Error::Conflict`] if a row or a table is not what it was when the transaction saw it.
pub(crate) fn check_tables(backend: &dyn Backend, wanted: &[WantedTable]) -> Result<Vec<TableChange>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (head, tables) = backend.tables()?;
    let mut checked = Vec::new();
    for WantedTable { base, change } in wanted {
        let name = change.name()?;
        let current = tables.iter().find(|table| table.name == *name);
        if current != change.old.as_ref() {
            return Err(conflict(backend, *base, head, name, vec![format!("table.{name}")])?);
        }
        let rows = match current {
            Some(current) if change.is_rows() => {
                let (rows, lost) = unless_changed(backend, current, &change.rows)?;
                if !lost.is_empty() {
                    let keys = lost.iter().map(|key| row_key(name, key)).collect();
                    return Err(conflict(backend, *base, head, name, keys)?);
                }
                rows
            }
            Some(current) => {
                // All rows are named, so there must be no others.
                let read = backend.rows(current, &Query::default())?;
                let mut seen: Vec<&Row> = change.rows.iter().filter_map(|row| row.old.as_ref()).collect();
                seen.sort();
                let mut now = read.found.unwrap_or_default();
                now.sort();
                if !now.iter().eq(seen.iter().copied()) {
                    return Err(conflict(backend, *base, head, name, vec![format!("table.{name}")])?);
                }
                change.rows.clone()
            }
            None => change.rows.clone(),
        };
        let change = TableChange { old: change.old.clone(), new: change.new.clone(), rows };
        if !change.is_empty() {
            checked.push(change);
        }
    }
    Ok(checked)
}

/// Divides changes of rows into those that are still to be made, and the keys of rows that somebody else has changed.
pub(crate) fn unless_changed(
    backend: &dyn Backend,
    table: &Arc<Definition>,
    rows: &[RowChange],
) -> Result<(Vec<RowChange>, Vec<Row>)> {
    let keys: Vec<Row> = rows
        .iter()
        .map(|row| row.old.as_ref().or(row.new.as_ref()).map(|row| table.key_of(row)).unwrap_or_default())
        .collect();
    let Some(now) = backend.rows_by_key(table, &keys)?.found else { return Ok((Vec::new(), keys)) };
    let (mut left, mut lost) = (Vec::new(), Vec::new());
    for ((row, key), now) in rows.iter().zip(keys).zip(now) {
        if now == row.old {
            left.push(row.clone());
        } else if now != row.new {
            lost.push(key);
        }
    }
    Ok((left, lost))
}

/// Says that a table is not what it was at a revision, if it is not; without a name, any table.
pub(crate) fn unless_touched(backend: &dyn Backend, base: Revision, name: Option<&TableName>) -> Result<()> {
    let head = backend.head()?;
    let mut other = None;
    visit_table_commits(backend, base, head, name, &mut |commit| {
        other = Some(commit);
        ControlFlow::Break(())
    })?;
    let Some(commit) = other else { return Ok(()) };
    let touched = commit.tables.iter().filter_map(|change| change.name().ok());
    let keys = touched.filter(|touched| name.is_none_or(|name| name == *touched));
    Err(Error::Conflict {
        keys: keys.map(|name| format!("table.{name}")).collect(),
        revision: commit.revision,
        author: commit.author,
    })
}

fn conflict(
    backend: &dyn Backend,
    base: Revision,
    head: Revision,
    name: &TableName,
    keys: Vec<String>,
) -> Result<Error> {
    let mut other = (head, String::new());
    let base = base.max(backend.first()?);
    visit_table_commits(backend, base, head, Some(name), &mut |commit| {
        other = (commit.revision, commit.author);
        ControlFlow::Break(())
    })?;
    Ok(Error::Conflict { keys, revision: other.0, author: other.1 })
}

/// What makes the tables of one state those of another.
pub(crate) fn creations(now: &TableStates, then: &TableStates) -> Vec<TableChange> {
    let mut names: Vec<&TableName> = now.keys().chain(then.keys()).collect();
    names.sort();
    names.dedup();
    let side = |states: &'_ TableStates, name: &TableName| states.get(name).cloned();
    let changes = names.into_iter().filter_map(|name| {
        let (old, new) = (side(now, name), side(then, name));
        TableChange::between(
            old.as_ref().map(|(definition, rows)| (definition, rows)),
            new.as_ref().map(|(definition, rows)| (definition, rows)),
        )
    });
    changes.collect()
}

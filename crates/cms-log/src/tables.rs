//! Tables at any revision: those at the head, with the row changes of later commits taken back.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use cms_model::table::{Datum, Definition, Query, Row, Rows, Script, TableChange, TableError, TableName};

use crate::{Backend, Commit, Error, Fault, Order, Result, Revision};

/// Tables with all their rows.
pub type TableStates = BTreeMap<TableName, (Arc<Definition>, Rows)>;

/// How often a reader begins anew when commits keep overtaking it.
const LOOKS: usize = 64;

/// What was found in a table at the head.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRead<T> {
    /// The head, which was read in the same moment.
    pub head: Revision,
    /// What was found; `None` if the table is not (or no more) as the caller knows it.
    pub found: Option<T>,
}

/// What a script did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptRun {
    /// What changed, by table.
    pub changes: Vec<TableChange>,
    /// What each statement answered.
    pub answers: Vec<ScriptAnswer>,
}

/// What a statement of a script answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptAnswer {
    /// The names of the columns; none where it answers no rows.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// How many rows it inserted, updated or deleted.
    pub changed: u64,
}

/// What a script may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptLimits {
    /// How long it may run.
    pub time: std::time::Duration,
    /// How many rows its statements may answer together.
    pub rows: usize,
    /// How many bytes a value may have.
    pub bytes: i32,
}

impl Default for ScriptLimits {
    fn default() -> ScriptLimits {
        ScriptLimits { time: std::time::Duration::from_secs(5), rows: 100_000, bytes: 16 << 20 }
    }
}

/// A script, and the state that it runs on.
#[derive(Clone, Copy, Debug)]
pub struct ScriptTask<'a> {
    /// The head that `before` builds on.
    pub head: Revision,
    /// What is done to the tables of the head first, to bring them to the state that the script is for.
    pub before: &'a [TableChange],
    /// The script.
    pub script: &'a Script,
    /// What it may take.
    pub limits: ScriptLimits,
}

/// Returns the tables as they were at a revision; only the named one, if one is named.
///
/// # Errors
/// [`Error::NoSuchRevision`], and [`Error::Compacted`] where the commits since are not all kept.
pub fn tables_at(backend: &dyn Backend, revision: Revision, only: Option<&TableName>) -> Result<TableStates> {
    for _ in 0..LOOKS {
        let (head, definitions) = backend.tables()?;
        if revision > head {
            return Err(Error::NoSuchRevision { revision, head });
        }
        let first = backend.first()?;
        if revision < first {
            return Err(Error::Compacted { revision, first });
        }
        let mut states = TableStates::new();
        let mut is_one_moment = true;
        for definition in definitions {
            if only.is_some_and(|only| *only != definition.name) {
                continue;
            }
            let read = backend.rows(&definition, &Query::default())?;
            let Some(rows) = read.found.filter(|_| read.head == head) else {
                is_one_moment = false;
                break;
            };
            let rows = rows.into_iter().map(|row| (definition.key_of(&row), row)).collect();
            states.insert(definition.name.clone(), (definition, rows));
        }
        if is_one_moment {
            for change in table_changes(backend, revision, head, only)? {
                take_back(&mut states, &change).map_err(|error| disagree(backend, &error))?;
            }
            return Ok(states);
        }
    }
    let attempt = "read the tables while others commit".to_owned();
    Err(Error::Busy(Fault { path: backend.place().to_owned(), attempt, source: None }))
}

/// Returns what the commits after `after` up to `upto` did to tables, the newest first; to the named one, if one is named.
///
/// # Errors
/// [`Error::Compacted`] where these commits are not all kept.
pub fn table_changes(
    backend: &dyn Backend,
    after: Revision,
    upto: Revision,
    only: Option<&TableName>,
) -> Result<Vec<TableChange>> {
    let mut changes = Vec::new();
    visit_table_commits(backend, after, upto, only, &mut |commit| {
        let wanted = commit.tables.into_iter().rev();
        changes.extend(wanted.filter(|change| only.is_none_or(|only| change.name() == Ok(only))));
        ControlFlow::Continue(())
    })?;
    Ok(changes)
}

/// Calls `visit` with the commits of a range that touched tables (or the named one), the newest first, until it breaks.
///
/// # Errors
/// [`Error::Compacted`] where the commits of the range are not all kept.
pub fn visit_table_commits(
    backend: &dyn Backend,
    after: Revision,
    upto: Revision,
    only: Option<&TableName>,
    visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
) -> Result<()> {
    let mut revisions = Vec::new();
    backend.headers(after, upto, Order::Descending, &mut |header| {
        let is_wanted = match only {
            Some(only) => header.tables.contains(only),
            None => !header.tables.is_empty(),
        };
        if is_wanted {
            revisions.push(header.revision);
        }
        ControlFlow::Continue(())
    })?;
    let first = backend.first()?;
    if after < first && after < upto {
        return Err(Error::Compacted { revision: after, first });
    }
    backend.commits_at(&revisions, visit)
}

/// Takes a change back.
pub(crate) fn take_back(
    states: &mut TableStates,
    change: &TableChange,
) -> std::result::Result<(), TableError> {
    let name = change.name()?.clone();
    let (now, mut rows) = match states.remove(&name) {
        Some((now, rows)) => (Some(now), rows),
        None => (None, Rows::new()),
    };
    if now != change.new {
        return Err(TableError::new(name.as_str(), "it is not what the commit before made of it"));
    }
    change.inverse().apply(&mut rows)?;
    match &change.old {
        Some(old) => {
            states.insert(name, (old.clone(), rows));
        }
        None if !rows.is_empty() => {
            return Err(TableError::new(name.as_str(), "it has rows from before it was made"));
        }
        None => {}
    }
    Ok(())
}

pub(crate) fn disagree(backend: &dyn Backend, error: &TableError) -> Error {
    Error::Damaged(Fault {
        path: backend.place().to_owned(),
        attempt: format!("compare table {} with its commits", error.table),
        source: Some(error.to_string().into()),
    })
}

/// The key as conditions.
pub(crate) fn by_key(definition: &Definition, key: &[Datum]) -> Query {
    let conditions = definition.key.iter().zip(key).map(|(column, value)| cms_model::table::Condition {
        column: *column,
        comparison: cms_model::table::Comparison::Equal,
        value: value.clone(),
    });
    Query { conditions: conditions.collect(), ..Query::default() }
}

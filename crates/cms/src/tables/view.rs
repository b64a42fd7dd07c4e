//! A table as a snapshot has it.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use cms_log::{Backend, Order, Revision, TableRead, tables_at};
use cms_model::table::{Datum, Definition, Query, Row, Rows, TableName};

use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use crate::store::Store;

/// One table at one revision. It never changes.
///
/// Where nobody has changed the table since, it is read in the log with its indexes. An older state is made once, by taking
/// back what was committed since.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// use cms::model::table::{Datum, Definition, Query};
///
/// let mut tx = store.transaction()?;
/// tx.create_table(Definition::parse("hosts", &["name TEXT", "port INT between:1,65535"], &["name"])?)?;
/// tx.table("hosts")?.insert(vec![Datum::Text("www".into()), Datum::Int(443)])?;
/// tx.commit()?;
///
/// let hosts = store.snapshot()?.table("hosts")?;
/// let query = Query::parse(hosts.definition(), &["port>=80"])?;
/// assert_eq!(hosts.query(&query)?[0][0], Datum::Text("www".into()));
/// assert_eq!(hosts.get(&[Datum::Text("ftp".into())])?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Table {
    store: Store,
    definition: Arc<Definition>,
    revision: Revision,
    /// All rows, where later commits changed some.
    past: OnceLock<Arc<Rows>>,
}

impl Snapshot {
    /// Returns the tables that there are, in the order of their names.
    ///
    /// # Errors
    /// [`Error::NotOwner`] for those who may not read the log, and those of the log.
    pub fn tables(&self) -> Result<Vec<Arc<Definition>>> {
        let log = self.store().log("read the tables")?;
        let (head, tables) = log.backend.tables()?;
        let revision = self.revision().unwrap_or(head);
        if head == revision || !is_touched(&*log.backend, revision, head, None)? {
            return Ok(tables);
        }
        let states = tables_at(&*log.backend, revision, None)?;
        Ok(states.into_values().map(|(definition, _)| definition).collect())
    }

    /// Returns a table.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that name; as [`tables`](Snapshot::tables).
    pub fn table(&self, name: &str) -> Result<Table> {
        let name = table_name(name)?;
        match self.find_table(&name)? {
            Some(table) => Ok(table),
            None => Err(Error::not_found(format!("table {name}"))),
        }
    }

    pub(crate) fn find_table(&self, name: &TableName) -> Result<Option<Table>> {
        let definition = self.tables()?.into_iter().find(|table| table.name == *name);
        let revision = match self.revision() {
            Some(revision) => revision,
            None => self.store().log("read a table")?.backend.head()?,
        };
        let store = self.store().clone();
        Ok(definition.map(|definition| Table { store, definition, revision, past: OnceLock::new() }))
    }
}

/// Reads the name of a table.
pub(crate) fn table_name(name: &str) -> Result<TableName> {
    Ok(TableName::new(name)?)
}

/// Tells whether commits of a range touched a table, or any.
fn is_touched(
    backend: &dyn Backend,
    after: Revision,
    upto: Revision,
    name: Option<&TableName>,
) -> Result<bool> {
    let mut found = false;
    backend.headers(after, upto, Order::Descending, &mut |header| {
        found = match name {
            Some(name) => header.tables.contains(name),
            None => !header.tables.is_empty(),
        };
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

impl Table {
    /// Returns what the table is.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Returns the row of a key.
    ///
    /// # Errors
    /// Those of the log.
    pub fn get(&self, key: &[Datum]) -> Result<Option<Row>> {
        Ok(self.get_all(&[key.to_vec()])?.pop().flatten())
    }

    /// Returns the rows of keys, in their order.
    ///
    /// # Errors
    /// Those of the log.
    pub fn get_all(&self, keys: &[Row]) -> Result<Vec<Option<Row>>> {
        match self.now(|backend| backend.rows_by_key(&self.definition, keys))? {
            Some(rows) => Ok(rows),
            None => {
                let past = self.past()?;
                Ok(keys.iter().map(|key| past.get(key).cloned()).collect())
            }
        }
    }

    /// Returns the rows that a query asks for, in its order, and that of their keys.
    ///
    /// # Errors
    /// Those of the log.
    pub fn query(&self, query: &Query) -> Result<Vec<Row>> {
        match self.now(|backend| backend.rows(&self.definition, query))? {
            Some(rows) => Ok(rows),
            None => Ok(query.run(&self.definition, self.past()?.values().cloned())),
        }
    }

    /// Returns how many rows there are.
    ///
    /// # Errors
    /// Those of the log.
    pub fn count(&self) -> Result<u64> {
        match self.now(|backend| backend.count_rows(&self.definition))? {
            Some(count) => Ok(count),
            None => Ok(self.past()?.len() as u64),
        }
    }

    /// Says how the database answers a query: with which index, or by looking at all rows.
    ///
    /// # Errors
    /// Those of the log.
    pub fn explain(&self, query: &Query) -> Result<Vec<String>> {
        let log = self.store.log("read a table")?;
        Ok(log.backend.explain_rows(&self.definition, query)?)
    }

    /// Returns all rows by their keys.
    pub(crate) fn rows(&self) -> Result<Rows> {
        let rows = self.query(&Query::default())?;
        Ok(rows.into_iter().map(|row| (self.definition.key_of(&row), row)).collect())
    }

    /// Reads in the log; `None` if the table there is not the one of this revision any more.
    fn now<T>(&self, read: impl FnOnce(&dyn Backend) -> cms_log::Result<TableRead<T>>) -> Result<Option<T>> {
        if self.past.get().is_some() {
            return Ok(None);
        }
        let backend = &*self.store.log("read a table")?.backend;
        let TableRead { head, found } = read(backend)?;
        if head == self.revision || !is_touched(backend, self.revision, head, Some(&self.definition.name))? {
            return Ok(found);
        }
        Ok(None)
    }

    fn past(&self) -> Result<Arc<Rows>> {
        if let Some(past) = self.past.get() {
            return Ok(past.clone());
        }
        let backend = &*self.store.log("read a table")?.backend;
        let name = &self.definition.name;
        let state = tables_at(backend, self.revision, Some(name))?.remove(name);
        let rows = state.map(|(_, rows)| rows).unwrap_or_default();
        Ok(self.past.get_or_init(|| Arc::new(rows)).clone())
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.definition.name)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

//! What a transaction does to tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use cms_log::{Revision, ScriptAnswer, ScriptLimits, ScriptTask, table_changes};
use cms_model::table::{
    Column, Datum, Definition, Query, Row, RowChange, Rows, Script, TableChange, TableError, TableName,
};

use super::WantedTable;
use super::show::row_key;
use super::view::{Table, table_name};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// How often a script is begun anew when commits keep overtaking it.
const LOOKS: usize = 64;

/// The tables that a transaction changes.
pub(crate) type TableWorks = BTreeMap<TableName, TableWork>;

/// What is done to one table.
#[derive(Clone)]
pub(crate) struct TableWork {
    /// The table as the snapshot has it.
    base: Option<Table>,
    /// The table from then on.
    new: Option<Arc<Definition>>,
    /// The rows that change, by their keys; all rows where the definition changes.
    rows: BTreeMap<Row, RowChange>,
}

impl TableWork {
    fn on(table: Table) -> TableWork {
        TableWork { new: Some(table.definition().clone()), base: Some(table), rows: BTreeMap::new() }
    }

    fn of(base: Option<Table>, change: TableChange) -> TableWork {
        let keyed = |row: RowChange, change: &TableChange| (change.key_of(&row), row);
        let rows = change.rows.iter().cloned().map(|row| keyed(row, &change)).collect();
        TableWork { base, new: change.new, rows }
    }

    fn old(&self) -> Option<&Arc<Definition>> {
        self.base.as_ref().map(Table::definition)
    }

    fn is_rows(&self) -> bool {
        self.old() == self.new.as_ref()
    }

    pub(crate) fn change(&self) -> TableChange {
        TableChange {
            old: self.old().cloned(),
            new: self.new.clone(),
            rows: self.rows.values().cloned().collect(),
        }
    }

    /// Reads rows as the transaction sees them.
    fn get_all(&self, keys: &[Row]) -> Result<Vec<Option<Row>>> {
        let unknown: Vec<Row> = match &self.base {
            Some(_) if self.is_rows() => {
                keys.iter().filter(|key| !self.rows.contains_key(*key)).cloned().collect()
            }
            _ => Vec::new(),
        };
        let mut read = match &self.base {
            Some(base) if !unknown.is_empty() => base.get_all(&unknown)?.into_iter(),
            _ => Vec::new().into_iter(),
        };
        let asked = !unknown.is_empty();
        Ok(keys
            .iter()
            .map(|key| match self.rows.get(key) {
                Some(change) => change.new.clone(),
                None if asked => read.next().flatten(),
                None => None,
            })
            .collect())
    }

    /// Returns all rows as the transaction sees them.
    fn all(&self) -> Result<Rows> {
        let mut rows = match &self.base {
            Some(base) if self.is_rows() => base.rows()?,
            _ => Rows::new(),
        };
        for (key, change) in &self.rows {
            match &change.new {
                Some(row) => rows.insert(key.clone(), row.clone()),
                None => rows.remove(key),
            };
        }
        Ok(rows)
    }

    /// Notes that a row that was `old` a moment ago is `new` now.
    fn set(&mut self, key: Row, old: Option<Row>, new: Option<Row>) {
        let before = match self.rows.remove(&key) {
            Some(known) => known.old,
            None => old,
        };
        // Where the definition changes, a row that stays is named as well.
        let is_nothing = if self.is_rows() { before == new } else { before.is_none() && new.is_none() };
        if !is_nothing {
            self.rows.insert(key, RowChange { old: before, new });
        }
    }
}

/// Notes a whole change.
pub(crate) fn wish(works: &mut TableWorks, snapshot: &Snapshot, change: TableChange) -> Result<()> {
    let name = change.name()?.clone();
    let base = snapshot.find_table(&name)?;
    works.insert(name, TableWork::of(base, change));
    Ok(())
}

/// Returns the tables as a transaction sees them.
pub(crate) fn definitions(works: &TableWorks, snapshot: &Snapshot) -> Result<Vec<Arc<Definition>>> {
    let mut tables: BTreeMap<TableName, Arc<Definition>> =
        snapshot.tables()?.into_iter().map(|table| (table.name.clone(), table)).collect();
    for (name, work) in works {
        match &work.new {
            Some(new) => tables.insert(name.clone(), new.clone()),
            None => tables.remove(name),
        };
    }
    Ok(tables.into_values().collect())
}

/// What is wanted of the tables in the end.
pub(crate) fn wanted(works: &TableWorks, base: Revision) -> Vec<WantedTable> {
    let changes = works.values().map(TableWork::change).filter(|change| !change.is_empty());
    changes.map(|change| WantedTable { base, change: Arc::new(change) }).collect()
}

/// Makes a table.
pub(crate) fn create(works: &mut TableWorks, snapshot: &Snapshot, table: Definition) -> Result<()> {
    let taken = match works.get(&table.name) {
        Some(work) if work.new.is_none() => {
            return Err(wrong(
                &table.name,
                "it was dropped in this transaction, and is made anew in the next one",
            ));
        }
        Some(_) => true,
        None => snapshot.find_table(&table.name)?.is_some(),
    };
    if taken {
        return Err(Error::Exists { key: format!("table {}", table.name) });
    }
    // Checked again, since its parts are open to whoever made it.
    let table = Definition::new(table.name, table.columns, table.key, table.indexes)?;
    let work = TableWork { base: None, new: Some(Arc::new(table.clone())), rows: BTreeMap::new() };
    works.insert(table.name, work);
    Ok(())
}

/// Removes a table and its rows.
pub(crate) fn drop_table(works: &mut TableWorks, snapshot: &Snapshot, name: &TableName) -> Result<()> {
    let work = open(works, snapshot, name)?;
    if work.base.is_none() {
        works.remove(name);
        return Ok(());
    }
    let rows = before(work)?;
    work.rows = rows.into_iter().map(|(key, row)| (key, RowChange { old: Some(row), new: None })).collect();
    work.new = None;
    Ok(())
}

/// The rows that the snapshot has.
fn before(work: &TableWork) -> Result<Rows> {
    work.base.as_ref().map_or_else(|| Ok(Rows::new()), Table::rows)
}

fn open<'a>(works: &'a mut TableWorks, snapshot: &Snapshot, name: &TableName) -> Result<&'a mut TableWork> {
    if !works.contains_key(name) {
        let Some(table) = snapshot.find_table(name)? else {
            return Err(Error::not_found(format!("table {name}")));
        };
        works.insert(name.clone(), TableWork::on(table));
    }
    match works.get_mut(name) {
        Some(work) if work.new.is_some() => Ok(work),
        _ => Err(Error::not_found(format!("table {name}"))),
    }
}

fn wrong(table: &TableName, reason: impl Into<String>) -> Error {
    TableError::new(table.as_str(), reason).into()
}

/// A table of a [`Transaction`](crate::Transaction): its rows as the transaction sees them, and changing them.
pub struct TableEditor<'a> {
    work: &'a mut TableWork,
    name: TableName,
    definition: Arc<Definition>,
}

impl<'a> TableEditor<'a> {
    pub(crate) fn new(works: &'a mut TableWorks, snapshot: &Snapshot, name: &str) -> Result<TableEditor<'a>> {
        let name = table_name(name)?;
        let work = open(works, snapshot, &name)?;
        let Some(definition) = work.new.clone() else {
            return Err(Error::not_found(format!("table {name}")));
        };
        Ok(TableEditor { work, name, definition })
    }

    /// Returns what the table is.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Returns the row of a key.
    ///
    /// # Errors
    /// Those of the log.
    pub fn get(&self, key: &[Datum]) -> Result<Option<Row>> {
        Ok(self.work.get_all(&[key.to_vec()])?.pop().flatten())
    }

    /// Returns the rows that a query asks for.
    ///
    /// # Errors
    /// Those of the log.
    pub fn query(&self, query: &Query) -> Result<Vec<Row>> {
        match &self.work.base {
            Some(base) if self.work.is_rows() && self.work.rows.is_empty() => base.query(query),
            _ => Ok(query.run(&self.definition, self.work.all()?.into_values())),
        }
    }

    /// Inserts a row.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is a row of its key; [`Error::Table`] names the column and the rule that it breaks.
    pub fn insert(&mut self, row: Row) -> Result<()> {
        self.insert_all(vec![row])
    }

    /// Inserts rows: all, or none if one cannot be.
    ///
    /// # Errors
    /// As [`insert`](TableEditor::insert).
    pub fn insert_all(&mut self, rows: Vec<Row>) -> Result<()> {
        let keys = self.check(&rows)?;
        let known = self.work.get_all(&keys)?;
        if let Some((key, _)) = keys.iter().zip(&known).find(|(_, known)| known.is_some()) {
            return Err(Error::Exists { key: row_key(&self.name, key) });
        }
        let mut sorted: Vec<&Row> = keys.iter().collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::Exists { key: row_key(&self.name, pair[0]) });
        }
        for (key, row) in keys.into_iter().zip(rows) {
            self.work.set(key, None, Some(row));
        }
        Ok(())
    }

    /// Puts rows in the place of those of the same keys, and inserts the others. Answers how many were there.
    ///
    /// # Errors
    /// As [`insert`](TableEditor::insert).
    pub fn put_all(&mut self, rows: Vec<Row>) -> Result<usize> {
        let keys = self.check(&rows)?;
        let known = self.work.get_all(&keys)?;
        let count = known.iter().flatten().count();
        for ((key, known), row) in keys.into_iter().zip(known).zip(rows) {
            self.work.set(key, known, Some(row));
        }
        Ok(count)
    }

    /// Gives columns of a row other values. A key among them moves the row.
    ///
    /// # Errors
    /// [`Error::NotFound`]; as [`insert`](TableEditor::insert).
    pub fn update<S: AsRef<str>>(&mut self, key: &[Datum], values: &[(S, Datum)]) -> Result<()> {
        let Some(old) = self.get(key)? else {
            return Err(Error::not_found(row_key(&self.name, &key.to_vec())));
        };
        let mut new = old.clone();
        for (name, value) in values {
            let column = self.definition.column(name.as_ref())?;
            new[column] = value.clone();
        }
        self.definition.check(&new)?;
        let new_key = self.definition.key_of(&new);
        if new_key == key {
            self.work.set(new_key, Some(old), Some(new));
            return Ok(());
        }
        if self.get(&new_key)?.is_some() {
            return Err(Error::Exists { key: row_key(&self.name, &new_key) });
        }
        self.work.set(key.to_vec(), Some(old), None);
        self.work.set(new_key, None, Some(new));
        Ok(())
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn delete(&mut self, key: &[Datum]) -> Result<()> {
        match self.get(key)? {
            Some(old) => {
                self.work.set(key.to_vec(), Some(old), None);
                Ok(())
            }
            None => Err(Error::not_found(row_key(&self.name, &key.to_vec()))),
        }
    }

    /// Gives the table another shape: `change` alters the definition. Columns keep their values by their names; a new one has
    /// the value that `defaults` name for it, or NULL.
    ///
    /// # Errors
    /// [`Error::Table`] if the definition makes no sense or a row would break it; the table is as it was then.
    pub fn alter(
        &mut self,
        change: impl FnOnce(&mut Definition) -> std::result::Result<(), TableError>,
        defaults: &[(Column, Datum)],
    ) -> Result<()> {
        let mut new = Definition::clone(&self.definition);
        change(&mut new)?;
        let new = Definition::new(new.name, new.columns, new.key, new.indexes)?;
        if new.name != self.name || key_names(&new) != key_names(&self.definition) {
            return Err(wrong(
                &self.name,
                "neither the name nor the key of a table can be altered: make another one",
            ));
        }
        let new = Arc::new(new);
        let places: Vec<Result<usize, Datum>> = new
            .columns
            .iter()
            .map(|column| {
                let old = self.definition.columns.iter().position(|old| old.name == column.name);
                let default = || {
                    let found = defaults.iter().find(|(of, _)| of.name == column.name);
                    found.map_or(Datum::Null, |(_, value)| value.clone())
                };
                old.ok_or_else(default)
            })
            .collect();
        let now = self.work.all()?;
        let mut rows: BTreeMap<Row, RowChange> = before(self.work)?
            .into_iter()
            .map(|(key, old)| (key, RowChange { old: Some(old), new: None }))
            .collect();
        for (key, row) in now {
            let altered: Row = places
                .iter()
                .map(|place| match place {
                    Ok(column) => row.get(*column).cloned().unwrap_or(Datum::Null),
                    Err(default) => default.clone(),
                })
                .collect();
            new.check(&altered)?;
            rows.entry(key).or_insert(RowChange { old: None, new: None }).new = Some(altered);
        }
        self.work.rows = rows;
        self.work.new = Some(new.clone());
        if self.work.is_rows() {
            // Altered back to what it was.
            self.work.rows.retain(|_, row| row.old != row.new);
        }
        self.definition = new;
        Ok(())
    }

    /// Checks rows and returns their keys.
    fn check(&self, rows: &[Row]) -> Result<Vec<Row>> {
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            self.definition.check(row)?;
            keys.push(self.definition.key_of(row));
        }
        Ok(keys)
    }
}

fn key_names(table: &Definition) -> Vec<&str> {
    table.key.iter().map(|column| table.columns[*column].name.as_str()).collect()
}

/// Runs a script on the tables as a transaction sees them, and takes along what it changed.
pub(crate) fn execute(
    works: &mut TableWorks,
    snapshot: &Snapshot,
    script: &str,
    limits: ScriptLimits,
) -> Result<Vec<ScriptAnswer>> {
    let script = Script::parse(script).map_err(Error::Script)?;
    let backend = &*snapshot.store().log("run a script")?.backend;
    for _ in 0..LOOKS {
        let (head, _) = backend.tables()?;
        let revision = snapshot.revision().unwrap_or(head);
        // What others committed since is taken back, for the script to see what the transaction sees.
        let mut before: Vec<TableChange> = Vec::new();
        if revision < head {
            before.extend(table_changes(backend, revision, head, None)?.iter().map(TableChange::inverse));
        }
        before.extend(works.values().map(TableWork::change).filter(|change| !change.is_empty()));
        let task = ScriptTask { head, before: &before, script: &script, limits };
        match backend.run_script(&task) {
            Err(error) if error.is_head_moved() => continue,
            Err(error) => return Err(error.into()),
            Ok(run) => {
                for change in run.changes {
                    let name = change.name()?.clone();
                    let work = open(works, snapshot, &name)?;
                    for row in &change.rows {
                        work.set(change.key_of(row), row.old.clone(), row.new.clone());
                    }
                }
                return Ok(run.answers);
            }
        }
    }
    let reason = "others committed all the time while it ran: try again";
    Err(Error::Invalid { key: "script".to_owned(), reason: reason.to_owned() })
}

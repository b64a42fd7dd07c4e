//! Tables of users beside those of the log (`docs/log-format.md`, section 11).

use std::sync::Arc;

use cms_model::table::{
    ColumnType, Comparison, Datum, Definition, Index, Query, Row, TableChange, TableError, TableName,
    key_text,
};
use rusqlite::{
    Connection, OptionalExtension, Statement, ToSql, ffi, params_from_iter,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{Sqlite, open::WITH_TABLES};
use crate::{
    Error, Result, Revision, TableRead, codec::table as table_codec, tables::by_key, wire::Malformed,
};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS cms_tables (name TEXT PRIMARY KEY, definition BLOB NOT NULL) STRICT, WITHOUT ROWID";

impl Sqlite {
    pub(super) fn read_tables(&self) -> Result<(Revision, Vec<Arc<Definition>>)> {
        self.read(|connection| {
            let _moment = self.moment(connection, "read the tables")?;
            Ok((self.head_of(connection)?, self.definitions(connection)?))
        })
    }

    pub(super) fn read_rows(&self, table: &Definition, query: &Query) -> Result<TableRead<Vec<Row>>> {
        let (sql, values) = select(table, query);
        self.read(|connection| {
            let fault = |error| self.fault(format!("read table {}", table.name), error);
            let _moment = self.moment(connection, "read a table")?;
            let head = self.head_of(connection)?;
            if self.definition(connection, &table.name)?.as_ref() != Some(table) {
                return Ok(TableRead { head, found: None });
            }
            let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
            let mut found = statement.query(params_from_iter(values.iter())).map_err(fault)?;
            let mut rows = Vec::new();
            while let Some(row) = found.next().map_err(fault)? {
                rows.push(self.row_of(table, row)?);
            }
            Ok(TableRead { head, found: Some(rows) })
        })
    }

    pub(super) fn read_count(&self, table: &Definition) -> Result<TableRead<u64>> {
        self.read(|connection| {
            let fault = |error| self.fault(format!("count the rows of table {}", table.name), error);
            let _moment = self.moment(connection, "read a table")?;
            let head = self.head_of(connection)?;
            if self.definition(connection, &table.name)?.as_ref() != Some(table) {
                return Ok(TableRead { head, found: None });
            }
            let sql = format!("SELECT count(*) FROM main.{}", table.name.quoted());
            let count = connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(fault)?;
            Ok(TableRead { head, found: Some(count.unsigned_abs()) })
        })
    }

    pub(super) fn read_rows_by_key(
        &self,
        table: &Definition,
        keys: &[Row],
    ) -> Result<TableRead<Vec<Option<Row>>>> {
        self.read(|connection| {
            let fault = |error| self.fault(format!("read table {}", table.name), error);
            let _moment = self.moment(connection, "read a table")?;
            let head = self.head_of(connection)?;
            if self.definition(connection, &table.name)?.as_ref() != Some(table) {
                return Ok(TableRead { head, found: None });
            }
            let nulls = vec![Datum::Null; table.key.len()];
            let (sql, _) = select(table, &by_key(table, &nulls));
            let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
            let mut rows = Vec::with_capacity(keys.len());
            for key in keys {
                let mut found = statement.query(params_from_iter(key.iter().map(Bound))).map_err(fault)?;
                rows.push(match found.next().map_err(fault)? {
                    Some(row) => Some(self.row_of(table, row)?),
                    None => None,
                });
            }
            Ok(TableRead { head, found: Some(rows) })
        })
    }

    pub(super) fn explain_query(&self, table: &Definition, query: &Query) -> Result<Vec<String>> {
        let (sql, values) = select(table, query);
        self.read(|connection| {
            let fault = |error| self.fault(format!("explain a query of table {}", table.name), error);
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).map_err(fault)?;
            let lines = statement
                .query_map(params_from_iter(values.iter()), |row| row.get::<_, String>(3))
                .map_err(fault)?;
            lines.collect::<rusqlite::Result<_>>().map_err(fault)
        })
    }

    /// The definitions of all tables, in the order of their names.
    pub(super) fn definitions(&self, connection: &Connection) -> Result<Vec<Arc<Definition>>> {
        if !self.has_tables(connection)? {
            return Ok(Vec::new());
        }
        let fault = |error| self.fault("read the tables", error);
        let mut statement = connection
            .prepare_cached("SELECT name, definition FROM cms_tables ORDER BY name")
            .map_err(fault)?;
        let mut rows = statement.query([]).map_err(fault)?;
        let mut definitions = Vec::new();
        while let Some(row) = rows.next().map_err(fault)? {
            let name: String = row.get(0).map_err(fault)?;
            let stored = row.get_ref(1).map_err(fault)?.as_blob().unwrap_or_default();
            let definition = table_codec::restore_definition(stored)
                .map_err(|reason| self.damaged(format!("the definition of table {name}"), reason))?;
            definitions.push(Arc::new(definition));
        }
        Ok(definitions)
    }

    fn definition(&self, connection: &Connection, name: &TableName) -> Result<Option<Definition>> {
        if !self.has_tables(connection)? {
            return Ok(None);
        }
        let stored: Option<Vec<u8>> = connection
            .prepare_cached("SELECT definition FROM cms_tables WHERE name = ?1")
            .and_then(|mut statement| statement.query_row([name.as_str()], |row| row.get(0)).optional())
            .map_err(|error| self.fault(format!("read table {name}"), error))?;
        let decoded = stored.map(|stored| table_codec::restore_definition(&stored)).transpose();
        decoded.map_err(|reason| self.damaged(format!("the definition of table {name}"), reason))
    }

    /// Tells whether there was ever a table.
    fn has_tables(&self, connection: &Connection) -> Result<bool> {
        connection
            .prepare_cached("PRAGMA user_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i32>(0)))
            .map(|version| version >= WITH_TABLES)
            .map_err(|error| self.fault("read the version of the log", error))
    }

    /// Does to the tables what a commit says. The caller has begun a transaction.
    pub(super) fn apply_change(&self, connection: &Connection, change: &TableChange) -> Result<()> {
        let name = change.name().map_err(Error::table)?;
        let found = self.definition(connection, name)?;
        if found.as_ref() != change.old.as_deref() {
            let reason = match found {
                Some(_) => "the table is another one than the commit was made for",
                None => "there is no such table",
            };
            return Err(Error::table(TableError::new(name.as_str(), reason)));
        }
        let fault = |error| self.fault(format!("change table {name}"), error);
        if let (Some(old), true) = (&change.old, change.is_rows()) {
            return self.change_rows(connection, old, change);
        }
        if change.old.is_some() {
            connection.execute_batch(&format!("DROP TABLE main.{}", name.quoted())).map_err(fault)?;
            connection.execute("DELETE FROM cms_tables WHERE name = ?1", [name.as_str()]).map_err(fault)?;
        }
        let Some(new) = &change.new else { return Ok(()) };
        if !self.has_tables(connection)? {
            connection.execute_batch(&format!("PRAGMA user_version = {WITH_TABLES}")).map_err(fault)?;
        }
        connection.execute_batch(CREATE).map_err(fault)?;
        connection
            .execute(
                "INSERT INTO cms_tables (name, definition) VALUES (?1, ?2)",
                rusqlite::params![name.as_str(), table_codec::store_definition(new)],
            )
            .map_err(fault)?;
        connection.execute_batch(&create(new)).map_err(fault)?;
        self.insert_rows(connection, new, change.rows.iter().filter_map(|row| row.new.as_ref()))
    }

    fn change_rows(&self, connection: &Connection, table: &Definition, change: &TableChange) -> Result<()> {
        let fault = |error| self.fault(format!("change table {}", table.name), error);
        // All rows go before any comes: they may exchange the values of a unique index.
        let deletes = format!("DELETE FROM main.{} WHERE {}", table.name.quoted(), key_is(table));
        let mut statement = connection.prepare_cached(&deletes).map_err(fault)?;
        for old in change.rows.iter().filter_map(|row| row.old.as_ref()) {
            let key = table.key_of(old);
            if statement.execute(params_from_iter(key.iter().map(Bound))).map_err(fault)? != 1 {
                let error = table.error("there is no such row").in_row(key_text(&key));
                return Err(Error::table(error));
            }
        }
        self.insert_rows(connection, table, change.rows.iter().filter_map(|row| row.new.as_ref()))
    }

    fn insert_rows<'a>(
        &self,
        connection: &Connection,
        table: &Definition,
        rows: impl Iterator<Item = &'a Row>,
    ) -> Result<()> {
        let places: Vec<String> = (1..=table.columns.len()).map(|number| format!("?{number}")).collect();
        let sql = format!("INSERT INTO main.{} VALUES ({})", table.name.quoted(), places.join(", "));
        let fault = |error| self.fault(format!("insert into table {}", table.name), error);
        let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
        for row in rows {
            statement.execute(params_from_iter(row.iter().map(Bound))).map_err(|error| {
                match constraint(table, &error) {
                    Some(reason) => Error::table(table.error(reason).in_row(key_text(&table.key_of(row)))),
                    None => fault(error),
                }
            })?;
        }
        Ok(())
    }

    /// Reads a row of a table, whose columns come first and in order.
    pub(super) fn row_of(&self, table: &Definition, row: &rusqlite::Row<'_>) -> Result<Row> {
        self.row_from(table, row, 0)
    }

    /// Reads a row of a table whose columns begin at a place.
    pub(super) fn row_from(&self, table: &Definition, row: &rusqlite::Row<'_>, from: usize) -> Result<Row> {
        let fault = |error| self.fault(format!("read table {}", table.name), error);
        let mut values = Vec::with_capacity(table.columns.len());
        for (number, column) in table.columns.iter().enumerate() {
            let value = row.get_ref(from + number).map_err(fault)?;
            values.push(datum(column.kind, value).ok_or_else(|| {
                let what = format!("column {} of a row of table {}", column.name, table.name);
                self.damaged(what, Malformed("it has a value of another type"))
            })?);
        }
        Ok(values)
    }
}

/// Says which index a row broke, if it broke one.
pub(super) fn constraint(table: &Definition, error: &rusqlite::Error) -> Option<String> {
    let rusqlite::Error::SqliteFailure(failure, message) = error else { return None };
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE => {
            let prefix = format!("{}.", table.name);
            let message = message.as_deref().unwrap_or_default();
            let columns =
                message.split_once(": ").map_or(message, |(_, columns)| columns).replace(&prefix, "");
            Some(format!("another row has the same value, which is unique: {columns}"))
        }
        _ => None,
    }
}

/// The statements that make a table and its indexes.
fn create(table: &Definition) -> String {
    let columns = table.columns.iter().enumerate().map(|(number, column)| {
        let kind = match column.kind {
            ColumnType::Text | ColumnType::Time => "TEXT",
            ColumnType::Int | ColumnType::Bool => "INTEGER",
            ColumnType::Float => "REAL",
            ColumnType::Blob => "BLOB",
        };
        let required = if table.is_required(number) { " NOT NULL" } else { "" };
        format!("{} {kind}{required}", column.name.quoted())
    });
    let columns: Vec<String> = columns.collect();
    let mut sql = format!(
        "CREATE TABLE main.{} ({}, PRIMARY KEY ({})) STRICT, WITHOUT ROWID;",
        table.name.quoted(),
        columns.join(", "),
        names(table, &table.key)
    );
    for (number, Index { unique, columns }) in table.indexes.iter().enumerate() {
        let unique = if *unique { "UNIQUE " } else { "" };
        sql.push_str(&format!(
            "CREATE {unique}INDEX main.\"cms_index_{number}_{}\" ON {} ({});",
            table.name,
            table.name.quoted(),
            names(table, columns)
        ));
    }
    sql
}

pub(super) fn names(table: &Definition, columns: &[usize]) -> String {
    let names = columns.iter().filter_map(|column| table.columns.get(*column));
    names.map(|column| column.name.quoted()).collect::<Vec<_>>().join(", ")
}

fn key_is(table: &Definition) -> String {
    let columns = table.key.iter().filter_map(|column| table.columns.get(*column)).enumerate();
    let conditions: Vec<String> =
        columns.map(|(number, column)| format!("{} = ?{}", column.name.quoted(), number + 1)).collect();
    conditions.join(" AND ")
}

/// The statement of a query, and its values.
fn select(table: &Definition, query: &Query) -> (String, Vec<Value>) {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let mut sql = format!("SELECT {} FROM main.{}", names(table, &all), table.name.quoted());
    let mut values = Vec::new();
    let mut joint = " WHERE ";
    for condition in &query.conditions {
        let Some(column) = table.columns.get(condition.column) else { continue };
        let name = column.name.quoted();
        let mut bind = |value: &Datum| {
            values.push(to_value(value));
            format!("?{}", values.len())
        };
        let text = match condition.comparison {
            Comparison::Equal => format!("{name} = {}", bind(&condition.value)),
            Comparison::NotEqual => format!("{name} <> {}", bind(&condition.value)),
            Comparison::Less => format!("{name} < {}", bind(&condition.value)),
            Comparison::AtMost => format!("{name} <= {}", bind(&condition.value)),
            Comparison::Greater => format!("{name} > {}", bind(&condition.value)),
            Comparison::AtLeast => format!("{name} >= {}", bind(&condition.value)),
            // An index serves the lower bound; the rest is compared character by character.
            Comparison::Begins => {
                let start = bind(&condition.value);
                format!("({name} >= {start} AND substr({name}, 1, length({start})) = {start})")
            }
            Comparison::Null => format!("{name} IS NULL"),
            Comparison::NotNull => format!("{name} IS NOT NULL"),
        };
        sql.push_str(joint);
        sql.push_str(&text);
        joint = " AND ";
    }
    let by_key = table.key.iter().map(|column| (*column, false));
    let order = query.order.iter().copied().chain(by_key).filter_map(|(column, descending)| {
        let name = table.columns.get(column)?.name.quoted();
        Some(if descending { format!("{name} DESC") } else { name })
    });
    sql.push_str(" ORDER BY ");
    sql.push_str(&order.collect::<Vec<_>>().join(", "));
    if query.limit.is_some() || query.offset > 0 {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        sql.push_str(&format!(" LIMIT {} OFFSET {}", query.limit.map_or(-1, number), number(query.offset)));
    }
    (sql, values)
}

/// A value on its way into a statement.
pub(super) struct Bound<'a>(pub &'a Datum);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Datum::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Datum::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            other => ToSqlOutput::Owned(to_value(other)),
        })
    }
}

fn to_value(datum: &Datum) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Text(text) => Value::Text(text.clone()),
        Datum::Int(number) => Value::Integer(*number),
        Datum::Float(number) => Value::Real(*number),
        Datum::Bool(value) => Value::Integer((*value).into()),
        Datum::Blob(bytes) => Value::Blob(bytes.clone()),
        Datum::Time(_) => Value::Text(datum.text().into_owned()),
    }
}

/// A value of a column of some type; `None` if it is none.
pub(super) fn datum(kind: ColumnType, value: ValueRef<'_>) -> Option<Datum> {
    Some(match (kind, value) {
        (_, ValueRef::Null) => Datum::Null,
        (ColumnType::Int, ValueRef::Integer(number)) => Datum::Int(number),
        (ColumnType::Bool, ValueRef::Integer(number @ 0..=1)) => Datum::Bool(number == 1),
        (ColumnType::Float, ValueRef::Real(number)) => Datum::Float(number),
        (ColumnType::Text, ValueRef::Text(text)) => Datum::Text(String::from_utf8(text.to_vec()).ok()?),
        (ColumnType::Blob, ValueRef::Blob(bytes)) => Datum::Blob(bytes.to_vec()),
        (ColumnType::Time, ValueRef::Text(text)) => {
            let text = std::str::from_utf8(text).ok()?;
            // Only the one spelling that sorts as time does.
            ColumnType::Time.read(text).ok().filter(|time| time.text() == text)?
        }
        _ => return None,
    })
}

/// The rows that a prepared statement answers, with values of whatever types.
pub(super) fn loose_row(columns: usize, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let value = |number| {
        Ok(match row.get_ref(number)? {
            ValueRef::Null => Datum::Null,
            ValueRef::Integer(number) => Datum::Int(number),
            ValueRef::Real(number) => Datum::Float(number),
            ValueRef::Text(text) => Datum::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Datum::Blob(bytes.to_vec()),
        })
    };
    (0..columns).map(value).collect()
}

/// Returns the names of the columns that a statement answers.
pub(super) fn column_names(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

//! Tables: rows of typed columns, with an index on the first column and on those that the program asks for.

#![expect(unsafe_code, reason = "columns and values come from C as arrays")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use cms_segment::{Kind, Scalar, Snapshot, Table, TableRef, Value};

use super::handle::ConfigStore;
use super::layout::{Column, Datum, KeyValue, Type};
use super::view::{EntryView, Heads, row_entries};
use crate::border::{Out, given, guard, put, status};
use crate::status::{Failure, Result, Status};
use crate::text::Text;

fn name_of<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    if text.is_null() {
        return Err(Failure::invalid(format!("the {what} is null")));
    }
    // SAFETY: the header asks for strings here, which live until the call returns.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::invalid(format!("the {what} is not UTF-8")))
}

/// What C handed over as an array.
///
/// # Safety
/// `first` leads to `count` items, or is null.
unsafe fn items<'a, T>(first: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    match (first.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::invalid(format!("the {what} are null"))),
        // SAFETY: as the caller says; an array of C is aligned and no longer than half the address space.
        (false, count) => Ok(unsafe { std::slice::from_raw_parts(first, count) }),
    }
}

fn scalar<'a>(value: &'a Datum, kind: Kind, column: &str) -> Result<Scalar<'a>> {
    // SAFETY: which member of the union counts is what the column's type says; every pattern of bits is a number.
    Ok(unsafe {
        match kind {
            Kind::Int => Scalar::Int(value.int_value),
            Kind::Float => Scalar::Float(value.float_value),
            Kind::Bool => Scalar::Bool(value.int_value != 0),
            _ if value.str_value.is_null() => {
                return Err(Failure::invalid(format!(
                    "the value of column '{column}' is null; leave the column out"
                )));
            }
            _ => Scalar::String(CStr::from_ptr(value.str_value).to_bytes()),
        }
    })
}

fn columns_of(columns: &[Column]) -> Result<Vec<cms_segment::Column>> {
    columns
        .iter()
        .map(|column| {
            let kind = Type::of(column.kind)?.scalar()?;
            let made = cms_segment::Column::new(name_of(column.name, "name of a column")?, kind);
            // Of a truth there is no width.
            let most = if kind == Kind::Bool { 0 } else { column.size };
            let most = u32::try_from(most).map_err(|_| Failure::invalid("a column is wider than 4 GiB"))?;
            Ok(made.most(most))
        })
        .collect()
}

fn with_table<T>(
    snapshot: &Snapshot,
    name: &[u8],
    with: impl FnOnce(&Table, TableRef<'_>) -> Result<T>,
) -> Result<T> {
    let shown = || format!("table '{}'", String::from_utf8_lossy(name));
    match snapshot.get(name)? {
        Some(Value::Table(table)) => with(&table.open(&String::from_utf8_lossy(name))?, table),
        Some(other) => {
            Err(Failure::new(Status::Type, format!("{} is no table but a {}", shown(), other.kind())))
        }
        None => {
            let message = format!("{} is not in the store; make it with config_table_create", shown());
            Err(Failure::new(Status::NotFound, message))
        }
    }
}

fn columns(store: &ConfigStore, name: &[u8]) -> Result<Vec<cms_segment::Column>> {
    store.read(|snapshot| with_table(snapshot, name, |table, _| Ok(table.columns().to_vec())))
}

fn show(store: &ConfigStore, name: &[u8]) -> Result<*mut c_void> {
    let columns = columns(store, name)?;
    store.views(|mut views| views.show_table(name, &columns))
}

/// Makes a table, or opens it if there is one of the same columns.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_create(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    columns: *const Column,
    count: usize,
) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
        // SAFETY: the header asks for `count` columns.
        let wanted = columns_of(unsafe { items(columns, count, "columns") }?)?;
        let Some(first) = wanted.first().map(|column| column.name.clone()) else {
            return Err(Failure::invalid("a table has a column at least"));
        };
        let found = store.store.batch(|batch| {
            if let Some(cms_segment::Content::Table { columns, .. }) = batch.get(name)? {
                return Ok(Some(columns));
            }
            batch.create_table(name, wanted.clone(), &[(&first, true)])?;
            Ok(None)
        })?;
        if found.is_some_and(|found| found != wanted) {
            let message = format!(
                "table '{}' has other columns already; take it away with config_delete first",
                String::from_utf8_lossy(name)
            );
            return Err(Failure::new(Status::Exists, message));
        }
        show(store, name)
    })
}

/// Opens a table that is there.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_open(store: Option<&ConfigStore>, name: Text<'_>) -> *mut c_void {
    guard(ptr::null_mut(), || show(given(store, "store")?, name.bytes("name of the table")?))
}

/// Makes an index on a column.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_index(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    unique: bool,
) -> c_int {
    status(|| {
        let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
        let column = column.utf8("name of the column")?;
        Ok(store
            .store
            .batch(|batch| batch.table(name, |table, space| table.create_index(space, column, unique)))?)
    })
}

/// The values of a row, by the columns' types.
fn row<'a>(
    columns: &'a [cms_segment::Column],
    values: &'a [KeyValue],
    table: &[u8],
) -> Result<Vec<(&'a str, Scalar<'a>)>> {
    values
        .iter()
        .map(|value| {
            let name = name_of(value.key, "name of a column")?;
            let column = columns.iter().find(|column| column.name == name).ok_or_else(|| {
                let table = String::from_utf8_lossy(table);
                Failure::new(Status::NotFound, format!("table '{table}' has no column '{name}'"))
            })?;
            Ok((name, scalar(&value.value, column.kind, name)?))
        })
        .collect()
}

/// Adds a row.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_insert(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    values: *const KeyValue,
    count: usize,
) -> c_int {
    status(|| {
        let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
        let columns = columns(store, name)?;
        // SAFETY: the header asks for `count` values.
        let values = row(&columns, unsafe { items(values, count, "values") }?, name)?;
        store.store.batch(|batch| batch.table(name, |table, space| table.insert(space, &values)))?;
        Ok(())
    })
}

/// The column of a search, and what is looked for in it.
fn search<'a>(
    columns: &[cms_segment::Column],
    table: &[u8],
    column: &str,
    number: Option<i64>,
    text: Option<&'a [u8]>,
) -> Result<Scalar<'a>> {
    let table = String::from_utf8_lossy(table);
    let kind = columns.iter().find(|known| known.name == column).map(|known| known.kind);
    let kind = kind
        .ok_or_else(|| Failure::new(Status::NotFound, format!("table '{table}' has no column '{column}'")))?;
    match (kind, number, text) {
        (Kind::Int, Some(number), _) => Ok(Scalar::Int(number)),
        (Kind::Bool, Some(number), _) => Ok(Scalar::Bool(number != 0)),
        #[expect(clippy::cast_precision_loss, reason = "C would convert it so")]
        (Kind::Float, Some(number), _) => Ok(Scalar::Float(number as f64)),
        (Kind::String, _, Some(text)) => Ok(Scalar::String(text)),
        (kind, ..) => {
            let message = format!(
                "column '{column}' of table '{table}' is of type {kind}, which this call does not look for"
            );
            Err(Failure::new(Status::Type, message))
        }
    }
}

fn find(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    number: Option<i64>,
    text: Option<&[u8]>,
) -> *mut c_void {
    let found = guard(ptr::null_mut(), || {
        let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
        let column = column.utf8("name of the column")?;
        let found = store.read(|snapshot| {
            with_table(snapshot, name, |table, source| {
                let value = search(table.columns(), name, column, number, text)?;
                let mut rows = table.find(source.source(), column, value)?;
                rows.next().transpose()?.map(|found| entries(table, &found)).transpose()
            })
        })?;
        let Some((id, fields)) = found else {
            let table = String::from_utf8_lossy(name);
            return Err(Failure::new(Status::NotFound, format!("table '{table}' has no such row")));
        };
        let mut row = EntryView::new();
        row.add_entries(id.as_bytes(), fields)?;
        Ok(store.keep_row(name, row))
    });
    found.cast()
}

/// A row's number as text, and its fields.
fn entries(table: &Table, row: &cms_segment::Row<'_>) -> Result<(String, EntryView)> {
    let names = table.columns().iter().map(|column| column.name.as_str());
    Ok((row.id.to_string(), row_entries(names.zip(row.values().iter().copied()))?))
}

/// The first row with a number in a column.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_find(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    value: i64,
) -> *mut c_void {
    find(store, name, column, Some(value), None)
}

/// The first row with a text in a column.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_find_string(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    value: Text<'_>,
) -> *mut c_void {
    match value.optional() {
        Some(text) => find(store, name, column, None, Some(text.to_bytes())),
        None => guard(ptr::null_mut(), || Err(Failure::invalid("the value is null"))),
    }
}

/// The field of a row.
#[unsafe(no_mangle)]
pub extern "C" fn config_row_get(row: Option<&super::Entry>, column: Text<'_>) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let (row, column) = (given(row, "row")?, column.bytes("name of the column")?);
        if Type::of(row.value_type)? != Type::Table {
            return Err(Failure::new(Status::Type, "the entry is no row of a table"));
        }
        // SAFETY: a row's value leads to its fields, which stay with it.
        let fields = unsafe { EntryView::from_raw(row.value.ptr_value.cast()) };
        let fields = std::mem::ManuallyDrop::new(fields);
        let found: *mut c_void = fields.find(column).cast();
        if found.is_null() {
            let message = format!("the row has no value in column '{}'", String::from_utf8_lossy(column));
            return Err(Failure::new(Status::NotFound, message));
        }
        Ok(found)
    })
}

/// The numbers of the rows with a number in a column; changes each of them.
fn on_rows(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    number: i64,
    change: impl Fn(&mut Table, &mut dyn cms_segment::Space, u64) -> cms_segment::Result<()>,
) -> Result<()> {
    let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
    let column = column.utf8("name of the column")?;
    let wanted = search(&columns(store, name)?, name, column, Some(number), None)?;
    let changed = store.store.batch(|batch| {
        batch.table(name, |table, space| {
            let rows: Vec<u64> = table
                .find(&*space, column, wanted)?
                .map(|row| row.map(|row| row.id))
                .collect::<cms_segment::Result<_>>()?;
            rows.iter().try_for_each(|id| change(table, space, *id))?;
            Ok(rows.len())
        })
    })?;
    match changed {
        0 => {
            let table = String::from_utf8_lossy(name);
            Err(Failure::new(
                Status::NotFound,
                format!("table '{table}' has no row with {number} in '{column}'"),
            ))
        }
        _ => Ok(()),
    }
}

/// Changes the rows with a number in a column.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_update(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    value: i64,
    values: *const KeyValue,
    count: usize,
) -> c_int {
    status(|| {
        let known = columns(given(store, "store")?, name.bytes("name of the table")?)?;
        // SAFETY: the header asks for `count` values.
        let values =
            row(&known, unsafe { items(values, count, "values") }?, name.bytes("name of the table")?)?;
        on_rows(store, name, column, value, |table, space, id| table.update(space, id, &values))
    })
}

/// Takes the rows with a number in a column away.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_delete(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    column: Text<'_>,
    value: i64,
) -> c_int {
    status(|| on_rows(store, name, column, value, |table, space, id| table.delete(space, id)))
}

/// The number of rows.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_count(
    store: Option<&ConfigStore>,
    name: Text<'_>,
    count: Out<'_, usize>,
) -> c_int {
    status(|| {
        let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
        store.read(|snapshot| {
            with_table(snapshot, name, |table, _| {
                put(count, usize::try_from(table.len()).unwrap_or(usize::MAX));
                Ok(())
            })
        })
    })
}

/// All rows of a table, by their numbers.
pub fn rows(snapshot: &Snapshot, name: &[u8]) -> Result<EntryView> {
    with_table(snapshot, name, |table, source| {
        let mut view = EntryView::new();
        for found in table.rows(source.source()) {
            let (id, fields) = entries(table, &found?)?;
            view.add_entries(id.as_bytes(), fields)?;
        }
        Ok(view)
    })
}

/// Fills the rows of a table's view.
#[unsafe(no_mangle)]
pub extern "C" fn config_table_load(store: Option<&ConfigStore>, name: Text<'_>) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let (store, name) = (given(store, "store")?, name.bytes("name of the table")?);
        let columns = columns(store, name)?;
        let rows = store.read(|snapshot| rows(snapshot, name))?;
        store.views(|mut views| {
            let table = views.show_table(name, &columns)?;
            Heads::show_rows(table, rows);
            Ok(table)
        })
    })
}

//! Tables: rows of typed columns, found by row, by value and by range.
//!
//! A table is a record: its columns, the number of the next row, and trees. The rows' tree holds the places of the rows in
//! the order of their insertion, which is the order of their numbers, so that a row is found by its number. The tree of an
//! index holds the same places, sorted by the column's value and then by number; rows without a value in the column are
//! not in it. As with [`Array`](crate::Array), changing a table writes new pieces, and [`Table::encode`] is the record that makes the
//! change visible.
//!
//! ```text
//! varint columns; for each: u8 kind (0x10: required), varint most bytes (0: any), varint length and bytes of the name
//! varint next row
//! rows            tree: offset and count, 8 bytes each
//! varint indexes; for each: varint column, u8 unique, tree
//!
//! a row           varint length of what follows, varint number, one bit per column that has a value, the values (scalar.rs)
//! ```

use std::{
    cmp::Ordering,
    collections::HashMap,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

use crate::{
    Error, Kind, Result, Scalar, Source, Space, Tree, TreeIter,
    scalar::{content_at, read_varint, take, write_varint},
};

/// In a column's kind byte: every row must have a value.
const REQUIRED: u8 = 0x10;
/// Most columns of a table.
const MOST_COLUMNS: usize = 1024;

/// A column of a [`Table`].
///
/// ```
/// use cms_segment::{Column, Kind};
/// let name = Column::new("name", Kind::String).most(64).required();
/// assert_eq!(name.kind, Kind::String);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, different from the others'.
    pub name: String,
    /// The type of its values.
    pub kind: Kind,
    /// Most bytes of a value: of a string or bytes their length, of an int or a float its width. 0 is any number.
    pub most: u32,
    /// Whether every row must have a value.
    pub required: bool,
}

impl Column {
    /// A column of any size that a row may leave out.
    pub fn new(name: &str, kind: Kind) -> Self {
        Column { name: name.into(), kind, most: 0, required: false }
    }

    /// The same with a bound on the bytes of a value.
    pub fn most(mut self, bytes: u32) -> Self {
        self.most = bytes;
        self
    }

    /// The same, in which every row must have a value.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn accepts(&self, value: &Scalar<'_>) -> bool {
        match value {
            _ if self.most == 0 => true,
            Scalar::String(bytes) | Scalar::Bytes(bytes) => bytes.len() as u64 <= u64::from(self.most),
            Scalar::Int(value) if self.most < 8 => {
                let beyond = value >> (8 * self.most - 1);
                beyond == 0 || beyond == -1
            }
            Scalar::Float(value) if self.most < 8 => {
                f64::from(*value as f32).to_bits() == value.to_bits() || value.is_nan()
            }
            _ => true,
        }
    }
}

/// The number of a row: given once, in the order of insertion, never to another row of the table.
pub type RowId = u64;

/// A table: what is changed, and what reads it in a [`Source`]. Its name is the caller's, for messages.
///
/// ```
/// # use cms_segment::{Column, Error, Kind, Result, Scalar, Source, Space, Table};
/// # struct Memory(Vec<u8>);
/// # impl Source for Memory {
/// #     fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> { self.0.get(offset as usize..offset as usize + len) }
/// #     fn size(&self) -> u64 { self.0.len() as u64 }
/// # }
/// # impl Space for Memory {
/// #     fn append(&mut self, bytes: &[u8]) -> Result<u64> {
/// #         let offset = self.0.len() as u64;
/// #         self.0.extend(bytes);
/// #         Ok(offset)
/// #     }
/// # }
/// # let mut space = Memory(vec![0]);
/// let mut users = Table::new("users", vec![
///     Column::new("id", Kind::Int).required(),
///     Column::new("name", Kind::String).most(64),
///     Column::new("active", Kind::Bool),
/// ])?;
/// users.create_index(&mut space, "id", true)?;
/// users.insert(&mut space, &[("id", 1.into()), ("name", "admin".into()), ("active", true.into())])?;
///
/// let found = users.find(&space, "id", 1.into())?.next().unwrap()?;
/// assert_eq!(found.get("name"), Some("admin".into()));
///
/// let again = users.insert(&mut space, &[("id", 1.into())]);
/// assert_eq!(again.unwrap_err().to_string(), "column 'id' of table 'users' has a row with 1 already");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: String,
    columns: Arc<[Column]>,
    next: RowId,
    rows: Tree,
    indexes: Vec<Index>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    column: usize,
    unique: bool,
    tree: Tree,
}

impl Table {
    /// A table of no rows.
    ///
    /// # Errors
    /// [`Error::BadTable`] if it has no columns, more than 1,024, or two of one name.
    pub fn new(name: &str, columns: Vec<Column>) -> Result<Self> {
        let fault = |what: String| Err(Error::BadTable { table: name.to_owned(), what });
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return fault(format!("it has {} columns, not 1 to {MOST_COLUMNS}", columns.len()));
        }
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].iter().any(|other| other.name == column.name) {
                return fault(format!("it has two columns '{}'", column.name));
            }
        }
        Ok(Table {
            name: name.into(),
            columns: columns.into(),
            next: 1,
            rows: Tree::EMPTY,
            indexes: Vec::new(),
        })
    }

    /// Takes up the table that a record describes.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it describes none.
    pub fn load(name: &str, record: &[u8]) -> Result<Self> {
        let mut rest = record;
        let count = read_varint(&mut rest)?;
        if count == 0 || count > MOST_COLUMNS as u64 {
            return Err(damaged("a table has an impossible number of columns"));
        }
        let mut columns = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let byte = take(&mut rest, 1)?.first().copied().unwrap_or(0);
            let kind = Kind::from_byte(byte & !REQUIRED).ok_or_else(|| damaged("a column has no type"))?;
            let most = u32::try_from(read_varint(&mut rest)?).map_err(|_| damaged("a column is too wide"))?;
            let len = usize::try_from(read_varint(&mut rest)?).map_err(|_| damaged("a name is too long"))?;
            let name =
                std::str::from_utf8(take(&mut rest, len)?).map_err(|_| damaged("a name is not text"))?;
            columns.push(Column { name: name.into(), kind, most, required: byte & REQUIRED != 0 });
        }
        let next = read_varint(&mut rest)?;
        let rows = tree(&mut rest)?;
        let count = read_varint(&mut rest)?;
        if count > columns.len() as u64 {
            return Err(damaged("a table has more indexes than columns"));
        }
        let mut indexes = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let column = usize::try_from(read_varint(&mut rest)?).unwrap_or(usize::MAX);
            let unique = take(&mut rest, 1)? != [0];
            if column >= columns.len() || indexes.iter().any(|other: &Index| other.column == column) {
                return Err(damaged("an index is of no column"));
            }
            indexes.push(Index { column, unique, tree: tree(&mut rest)? });
        }
        Ok(Table { name: name.into(), columns: columns.into(), next, rows, indexes })
    }

    /// The record of the table.
    pub fn encode(&self) -> Vec<u8> {
        let mut record = Vec::new();
        write_varint(self.columns.len() as u64, &mut record);
        for column in self.columns.iter() {
            record.push(column.kind as u8 | if column.required { REQUIRED } else { 0 });
            write_varint(u64::from(column.most), &mut record);
            write_varint(column.name.len() as u64, &mut record);
            record.extend_from_slice(column.name.as_bytes());
        }
        write_varint(self.next, &mut record);
        record.extend(self.rows.encode());
        write_varint(self.indexes.len() as u64, &mut record);
        for index in &self.indexes {
            write_varint(index.column as u64, &mut record);
            record.push(u8::from(index.unique));
            record.extend(index.tree.encode());
        }
        record
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The indexed columns, and whether each index is unique.
    pub fn indexes(&self) -> impl Iterator<Item = (&Column, bool)> {
        self.indexes.iter().map(|index| (&self.columns[index.column], index.unique))
    }

    /// The number that the next row will be given.
    pub fn next_row(&self) -> RowId {
        self.next
    }

    /// The number of rows.
    pub fn len(&self) -> u64 {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row, and answers its number. Columns left out have no value.
    ///
    /// # Errors
    /// [`Error::NotUnique`] if a unique index has the value already, [`Error::NoSuchColumn`], [`Error::Mistyped`],
    /// [`Error::BadValue`] if a value is too large or a required one is missing. Then nothing has changed.
    pub fn insert(&mut self, space: &mut dyn Space, values: &[(&str, Scalar<'_>)]) -> Result<RowId> {
        let mut row = vec![None; self.columns.len()];
        self.take_values(&mut row, values)?;
        self.check_unique(space, &row, None)?;
        let mut changed = self.clone();
        let id = self.next;
        changed.next = id.checked_add(1).ok_or_else(|| damaged("a table has no more row numbers"))?;
        let place = append_row(space, id, &row)?;
        changed.rows = self.rows.push(space, place)?;
        for index in &mut changed.indexes {
            if let Some(value) = &row[index.column] {
                let position = index.position(space, &self.columns, value, Some(id))?;
                index.tree = index.tree.insert(space, position, place)?;
            }
        }
        *self = changed;
        Ok(id)
    }

    /// Adds many rows, and answers the number of the first. Into an empty table they are laid densely, and each index is
    /// sorted once.
    ///
    /// # Errors
    /// As with [`insert`](Table::insert); then none of the rows is in the table.
    pub fn insert_all<'v>(
        &mut self,
        space: &mut dyn Space,
        rows: impl IntoIterator<Item = &'v [(&'v str, Scalar<'v>)]>,
    ) -> Result<RowId> {
        let first = self.next;
        let mut changed = self.clone();
        if self.is_empty() {
            let mut places = Vec::new();
            for values in rows {
                let mut row = vec![None; self.columns.len()];
                self.take_values(&mut row, values)?;
                places.push(append_row(space, changed.next, &row)?);
                changed.next += 1;
            }
            changed.rows = Tree::build(space, places)?;
            for index in std::mem::take(&mut changed.indexes) {
                let built = changed.build_index(space, index.column, index.unique)?;
                changed.indexes.push(built);
            }
        } else {
            for values in rows {
                changed.insert(space, values)?;
            }
        }
        *self = changed;
        Ok(first)
    }

    /// Fills an empty table with rows that have numbers, and checks them as insertion does.
    pub(crate) fn restore_rows<'v>(
        &mut self,
        space: &mut dyn Space,
        next: RowId,
        rows: impl IntoIterator<Item = (RowId, Vec<Option<Scalar<'v>>>)>,
    ) -> Result<()> {
        let mut places = Vec::new();
        let mut least = 1;
        for (id, values) in rows {
            if id < least || id >= next || values.len() != self.columns.len() {
                return Err(damaged("the rows of a table are not in order"));
            }
            least = id + 1;
            let mut row = vec![None; values.len()];
            let columns = self.columns.clone();
            let named: Vec<(&str, Scalar<'v>)> = columns
                .iter()
                .zip(&values)
                .filter_map(|(column, value)| Some((column.name.as_str(), (*value)?)))
                .collect();
            self.take_values(&mut row, &named)?;
            places.push(append_row(space, id, &row)?);
        }
        self.next = next;
        self.rows = Tree::build(space, places)?;
        Ok(())
    }

    /// Gives some columns of a row other values.
    ///
    /// # Errors
    /// As with [`insert`](Table::insert), and [`Error::NoSuchRow`].
    pub fn update(&mut self, space: &mut dyn Space, id: RowId, values: &[(&str, Scalar<'_>)]) -> Result<()> {
        let (position, place) = self.place(space, id)?;
        let (old, old_size) = row_at(space, &self.columns, place)?;
        // The values outlive the changes of the space only as copies.
        let old: Vec<Option<Owned>> = old.values.iter().map(|value| value.map(Owned::from)).collect();
        let mut row: Vec<Option<Scalar<'_>>> =
            old.iter().map(|value| value.as_ref().map(Owned::as_scalar)).collect();
        self.take_values(&mut row, values)?;
        self.check_unique(space, &row, Some(id))?;
        let mut changed = self.clone();
        let new = append_row(space, id, &row)?;
        changed.rows = self.rows.replace(space, position, new)?;
        for index in &mut changed.indexes {
            let (before, after) = (old[index.column].as_ref().map(Owned::as_scalar), row[index.column]);
            if before == after {
                if let Some(value) = before {
                    let position = index.position_of(space, &self.columns, &value, id, place)?;
                    index.tree = index.tree.replace(space, position, new)?;
                }
                continue;
            }
            if let Some(value) = before {
                let position = index.position_of(space, &self.columns, &value, id, place)?;
                index.tree = index.tree.remove(space, position)?.0;
            }
            if let Some(value) = after {
                let position = index.position(space, &self.columns, &value, Some(id))?;
                index.tree = index.tree.insert(space, position, new)?;
            }
        }
        space.release(place, old_size);
        *self = changed;
        Ok(())
    }

    /// Takes a row away.
    ///
    /// # Errors
    /// [`Error::NoSuchRow`].
    pub fn delete(&mut self, space: &mut dyn Space, id: RowId) -> Result<()> {
        let (position, place) = self.place(space, id)?;
        let (row, size) = row_at(space, &self.columns, place)?;
        let values: Vec<Option<Owned>> = row.values.iter().map(|value| value.map(Owned::from)).collect();
        let mut changed = self.clone();
        changed.rows = self.rows.remove(space, position)?.0;
        for index in &mut changed.indexes {
            if let Some(value) = &values[index.column] {
                let position = index.position_of(space, &self.columns, &value.as_scalar(), id, place)?;
                index.tree = index.tree.remove(space, position)?.0;
            }
        }
        space.release(place, size);
        *self = changed;
        Ok(())
    }

    /// Takes all rows away; columns and indexes stay.
    pub fn clear(&mut self, space: &mut dyn Space) -> Result<()> {
        self.release(space)?;
        self.rows = Tree::EMPTY;
        self.indexes.iter_mut().for_each(|index| index.tree = Tree::EMPTY);
        Ok(())
    }

    /// Indexes a column, so that [`find`](Table::find) by it takes O(log n) and [`range`](Table::range) is possible.
    ///
    /// # Errors
    /// [`Error::NotUnique`] if the index is to be unique and two rows have one value, [`Error::NoSuchColumn`],
    /// [`Error::BadTable`] if the column has an index.
    pub fn create_index(&mut self, space: &mut dyn Space, column: &str, unique: bool) -> Result<()> {
        let column = self.column(column)?;
        if self.index(column).is_some() {
            let what = format!("column '{}' has an index already", self.columns[column].name);
            return Err(Error::BadTable { table: self.name.clone(), what });
        }
        let index = self.build_index(space, column, unique)?;
        self.indexes.push(index);
        Ok(())
    }

    /// Takes the index of a column away, and answers whether there was one.
    pub fn drop_index(&mut self, space: &mut dyn Space, column: &str) -> Result<bool> {
        let column = self.column(column)?;
        let Some(found) = self.indexes.iter().position(|index| index.column == column) else {
            return Ok(false);
        };
        self.indexes[found].tree.release(space)?;
        self.indexes.remove(found);
        Ok(true)
    }

    /// The row of a number.
    pub fn row<'a>(&self, source: &'a dyn Source, id: RowId) -> Result<Option<Row<'a>>> {
        match self.place(source, id) {
            Ok((_, place)) => row_at(source, &self.columns, place).map(|(row, _)| Some(row)),
            Err(Error::NoSuchRow { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every row in the order of insertion; goes backward as well.
    pub fn rows<'a>(&self, source: &'a dyn Source) -> Rows<'a> {
        Rows { source, columns: self.columns.clone(), places: self.rows.iter(source), wanted: None }
    }

    /// The rows that have a value in a column: through its index if it has one, else by looking at every row.
    pub fn find<'a>(&self, source: &'a dyn Source, column: &str, value: Scalar<'_>) -> Result<Rows<'a>> {
        let column = self.column(column)?;
        self.check_type(column, &value)?;
        if self.index(column).is_some() {
            return self.between(source, column, Bound::Included(value), Bound::Included(value));
        }
        Ok(Rows { wanted: Some((column, Owned::from(value))), ..self.rows(source) })
    }

    /// The rows that have a value of a range in a column, sorted by it; `..` sorts all that have a value.
    ///
    /// # Errors
    /// [`Error::NoIndex`] if the column has no index, [`Error::NoSuchColumn`], [`Error::Mistyped`].
    pub fn range<'a, 'v>(
        &self,
        source: &'a dyn Source,
        column: &str,
        range: impl RangeBounds<Scalar<'v>>,
    ) -> Result<Rows<'a>> {
        let column = self.column(column)?;
        for bound in [range.start_bound(), range.end_bound()] {
            if let Bound::Included(value) | Bound::Excluded(value) = bound {
                self.check_type(column, value)?;
            }
        }
        self.between(source, column, range.start_bound().cloned(), range.end_bound().cloned())
    }

    /// Names every piece outside the record by its place.
    pub fn places(&self, source: &dyn Source, visit: &mut dyn FnMut(u64, usize)) -> Result<()> {
        self.rows.nodes(source, visit)?;
        for place in self.rows.iter(source) {
            let place = place?;
            let (start, len) = content_at(source, place)?;
            visit(place, (start - place) as usize + len);
        }
        for index in &self.indexes {
            index.tree.nodes(source, visit)?;
        }
        Ok(())
    }

    /// Releases all that the table takes outside its record.
    pub fn release(&self, space: &mut dyn Space) -> Result<()> {
        let mut places = Vec::new();
        self.places(space, &mut |offset, size| places.push((offset, size)))?;
        for (offset, size) in places {
            space.release(offset, size);
        }
        Ok(())
    }

    /// The same table with all its pieces in another space.
    pub(crate) fn copy(&self, to: &mut dyn Space, from: &dyn Source) -> Result<Table> {
        let mut places = HashMap::new();
        let mut rows = Vec::new();
        for place in self.rows.iter(from) {
            let place = place?;
            let (start, len) = content_at(from, place)?;
            let size = usize::try_from(start - place).ok().and_then(|head| head.checked_add(len));
            let row =
                size.and_then(|size| from.bytes(place, size)).ok_or_else(|| damaged("a row lies outside"))?;
            let copied = to.append(row)?;
            places.insert(place, copied);
            rows.push(copied);
        }
        let mut table = self.clone();
        table.rows = Tree::build(to, rows)?;
        for index in &mut table.indexes {
            let sorted: Result<Vec<u64>> = index
                .tree
                .iter(from)
                .map(|place| places.get(&place?).copied().ok_or_else(|| damaged("an index of no row")))
                .collect();
            index.tree = Tree::build(to, sorted?)?;
        }
        Ok(table)
    }

    fn column(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| Error::NoSuchColumn { table: self.name.clone(), column: name.to_owned() })
    }

    fn index(&self, column: usize) -> Option<&Index> {
        self.indexes.iter().find(|index| index.column == column)
    }

    fn check_type(&self, column: usize, value: &Scalar<'_>) -> Result<()> {
        let wanted = &self.columns[column];
        if value.kind() == wanted.kind {
            return Ok(());
        }
        let what = format!("column '{}' of table '{}'", wanted.name, self.name);
        Err(Error::Mistyped { what, expected: wanted.kind, found: value.kind() })
    }

    /// Puts named values into their columns, and checks the row that results.
    fn take_values<'v>(&self, row: &mut [Option<Scalar<'v>>], values: &[(&str, Scalar<'v>)]) -> Result<()> {
        let fault = |column: &Column, what: String| {
            Err(Error::BadValue { table: self.name.clone(), column: column.name.clone(), what })
        };
        for (name, value) in values {
            let column = self.column(name)?;
            self.check_type(column, value)?;
            if !self.columns[column].accepts(value) {
                let most = self.columns[column].most;
                return fault(&self.columns[column], format!("{value} takes more than {most} bytes"));
            }
            row[column] = Some(*value);
        }
        match self.columns.iter().zip(&*row).find(|(column, value)| column.required && value.is_none()) {
            Some((column, _)) => fault(column, "a value is required".into()),
            None => Ok(()),
        }
    }

    /// Whether no row other than `own` has a value of a row in a column with a unique index.
    fn check_unique(
        &self,
        source: &dyn Source,
        row: &[Option<Scalar<'_>>],
        own: Option<RowId>,
    ) -> Result<()> {
        for index in self.indexes.iter().filter(|index| index.unique) {
            let Some(value) = &row[index.column] else { continue };
            let position = index.position(source, &self.columns, value, None)?;
            if let Some(place) = index.tree.get(source, position)? {
                let (found, id) = value_at(source, &self.columns, index.column, place)?;
                if found == *value && Some(id) != own {
                    return Err(self.not_unique(index.column, value));
                }
            }
        }
        Ok(())
    }

    fn not_unique(&self, column: usize, value: &Scalar<'_>) -> Error {
        Error::NotUnique {
            table: self.name.clone(),
            column: self.columns[column].name.clone(),
            value: value.to_string(),
        }
    }

    fn build_index(&self, space: &mut dyn Space, column: usize, unique: bool) -> Result<Index> {
        let mut found = Vec::new();
        for place in self.rows.iter(space) {
            let place = place?;
            let (row, _) = row_at(space, &self.columns, place)?;
            if let Some(value) = row.values[column] {
                found.push((value, row.id, place));
            }
        }
        found.sort_unstable();
        if let Some(pair) = found.windows(2).find(|pair| unique && pair[0].0 == pair[1].0) {
            return Err(self.not_unique(column, &pair[0].0));
        }
        let places: Vec<u64> = found.into_iter().map(|(_, _, place)| place).collect();
        Ok(Index { column, unique, tree: Tree::build(space, places)? })
    }

    /// The position and place of a row.
    fn place(&self, source: &dyn Source, id: RowId) -> Result<(u64, u64)> {
        let position =
            self.rows.partition_point(source, |place| Ok(content_of_row(source, place)?.0 < id))?;
        if let Some(place) = self.rows.get(source, position)?
            && content_of_row(source, place)?.0 == id
        {
            return Ok((position, place));
        }
        Err(Error::NoSuchRow { table: self.name.clone(), row: id })
    }

    fn between<'a>(
        &self,
        source: &'a dyn Source,
        column: usize,
        start: Bound<Scalar<'_>>,
        end: Bound<Scalar<'_>>,
    ) -> Result<Rows<'a>> {
        let index = self.index(column).ok_or_else(|| Error::NoIndex {
            table: self.name.clone(),
            column: self.columns[column].name.clone(),
        })?;
        let point = |value: &Scalar<'_>, behind: bool| {
            index.tree.partition_point(source, |place| {
                let found = value_at(source, &self.columns, column, place)?.0;
                Ok(found < *value || (behind && found == *value))
            })
        };
        let start = match &start {
            Bound::Unbounded => 0,
            Bound::Included(value) => point(value, false)?,
            Bound::Excluded(value) => point(value, true)?,
        };
        let end = match &end {
            Bound::Unbounded => index.tree.len(),
            Bound::Included(value) => point(value, true)?,
            Bound::Excluded(value) => point(value, false)?,
        };
        let places = index.tree.range(source, start, end);
        Ok(Rows { source, columns: self.columns.clone(), places, wanted: None })
    }
}

impl Index {
    /// Where a value stands or would stand: before the first row that has it, or behind those with smaller numbers.
    fn position(
        &self,
        source: &dyn Source,
        columns: &[Column],
        value: &Scalar<'_>,
        id: Option<RowId>,
    ) -> Result<u64> {
        self.tree.partition_point(source, |place| {
            let (found, number) = value_at(source, columns, self.column, place)?;
            Ok(match found.cmp(value) {
                Ordering::Equal => id.is_some_and(|id| number < id),
                order => order == Ordering::Less,
            })
        })
    }

    /// Where a row stands.
    fn position_of(
        &self,
        source: &dyn Source,
        columns: &[Column],
        value: &Scalar<'_>,
        id: RowId,
        place: u64,
    ) -> Result<u64> {
        let position = self.position(source, columns, value, Some(id))?;
        if self.tree.get(source, position)? != Some(place) {
            return Err(damaged("a row is missing in an index"));
        }
        Ok(position)
    }
}

/// A table as it lies in a source.
#[derive(Clone, Copy)]
pub struct TableRef<'a> {
    source: &'a dyn Source,
    record: &'a [u8],
}

impl<'a> TableRef<'a> {
    /// The table that a record describes; whether it does shows when it is [opened](TableRef::open).
    pub fn new(source: &'a dyn Source, record: &'a [u8]) -> Self {
        TableRef { source, record }
    }

    /// Where the pieces of the table lie, which the methods of [`Table`] want.
    pub fn source(&self) -> &'a dyn Source {
        self.source
    }

    /// The table, by the name that messages shall use.
    pub fn open(&self, name: &str) -> Result<Table> {
        Table::load(name, self.record)
    }
}

impl PartialEq for TableRef<'_> {
    /// Whether both are the same table in the same state; two tables of equal rows may differ.
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

impl std::fmt::Debug for TableRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TableRef").field(&self.record).finish()
    }
}

/// A row of a [`Table`].
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its number.
    pub id: RowId,
    columns: Arc<[Column]>,
    values: Vec<Option<Scalar<'a>>>,
}

impl<'a> Row<'a> {
    /// The value in a column; none if there is no such column or the row has no value there.
    pub fn get(&self, column: &str) -> Option<Scalar<'a>> {
        self.values[self.columns.iter().position(|known| known.name == column)?]
    }

    /// The values in the order of the columns.
    pub fn values(&self) -> &[Option<Scalar<'a>>] {
        &self.values
    }
}

/// Rows of a [`Table`], one after another.
pub struct Rows<'a> {
    source: &'a dyn Source,
    columns: Arc<[Column]>,
    places: TreeIter<'a>,
    wanted: Option<(usize, Owned)>,
}

impl<'a> Rows<'a> {
    fn look(&self, place: Result<u64>) -> Option<Result<Row<'a>>> {
        let row = place.and_then(|place| row_at(self.source, &self.columns, place));
        match (row, &self.wanted) {
            (Ok((row, _)), Some((column, value))) if row.values[*column] != Some(value.as_scalar()) => None,
            (row, _) => Some(row.map(|(row, _)| row)),
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let place = self.places.next()?;
            if let Some(row) = self.look(place) {
                return Some(row);
            }
        }
    }
}

impl DoubleEndedIterator for Rows<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let place = self.places.next_back()?;
            if let Some(row) = self.look(place) {
                return Some(row);
            }
        }
    }
}

/// A scalar that holds its bytes.
#[derive(Clone, Debug)]
enum Owned {
    String(Vec<u8>),
    Bytes(Vec<u8>),
    Word(Kind, u64),
}

impl From<Scalar<'_>> for Owned {
    fn from(value: Scalar<'_>) -> Self {
        match value {
            Scalar::String(bytes) => Owned::String(bytes.to_vec()),
            Scalar::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
            _ => Owned::Word(value.kind(), value.word().unwrap_or_default()),
        }
    }
}

impl Owned {
    fn as_scalar(&self) -> Scalar<'_> {
        match self {
            Owned::String(bytes) => Scalar::String(bytes),
            Owned::Bytes(bytes) => Scalar::Bytes(bytes),
            Owned::Word(kind, word) => {
                Scalar::of_word(*kind, *word).expect("the word was made by a scalar of the kind")
            }
        }
    }
}

fn append_row(space: &mut dyn Space, id: RowId, row: &[Option<Scalar<'_>>]) -> Result<u64> {
    let mut content = Vec::new();
    write_varint(id, &mut content);
    for part in row.chunks(8) {
        content.push(part.iter().enumerate().map(|(bit, value)| u8::from(value.is_some()) << bit).sum());
    }
    row.iter().flatten().for_each(|value| value.encode(&mut content));
    let mut record = Vec::with_capacity(content.len() + 2);
    write_varint(content.len() as u64, &mut record);
    record.extend(content);
    space.append(&record)
}

/// The number of the row at a place, and what follows the number.
fn content_of_row(source: &dyn Source, place: u64) -> Result<(RowId, &[u8], usize)> {
    let (start, len) = content_at(source, place)?;
    let mut content = source.bytes(start, len).ok_or_else(|| damaged("a row lies outside"))?;
    let id = read_varint(&mut content)?;
    Ok((id, content, (start - place) as usize + len))
}

fn row_at<'a>(source: &'a dyn Source, columns: &Arc<[Column]>, place: u64) -> Result<(Row<'a>, usize)> {
    let (id, mut content, size) = content_of_row(source, place)?;
    let present = take(&mut content, columns.len().div_ceil(8))?;
    let mut values = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let has = present[index / 8] >> (index % 8) & 1 == 1;
        values.push(if has { Some(Scalar::decode(column.kind, &mut content)?) } else { None });
    }
    Ok((Row { id, columns: columns.clone(), values }, size))
}

/// The value that the row at a place must have in an indexed column, and the row's number.
fn value_at<'a>(
    source: &'a dyn Source,
    columns: &[Column],
    wanted: usize,
    place: u64,
) -> Result<(Scalar<'a>, RowId)> {
    let (id, mut content, _) = content_of_row(source, place)?;
    let present = take(&mut content, columns.len().div_ceil(8))?;
    for (index, column) in columns.iter().enumerate().take(wanted + 1) {
        if present[index / 8] >> (index % 8) & 1 == 1 {
            let value = Scalar::decode(column.kind, &mut content)?;
            if index == wanted {
                return Ok((value, id));
            }
        }
    }
    Err(damaged("an index has a row without a value"))
}

fn tree(record: &mut &[u8]) -> Result<Tree> {
    let bytes = take(record, Tree::SIZE)?.first_chunk().ok_or_else(|| damaged("a table is cut short"))?;
    Ok(Tree::decode(bytes))
}

fn damaged(what: &'static str) -> Error {
    Error::Damaged { what }
}

#[cfg(test)]
mod tests;

//! Changes to a store that become visible at once.

use crate::{
    Array, Column, Content, Error, Kind, Result, Scalar, Space, Table, Value,
    strategy::{Draft, release},
    value,
};

/// Changes that become visible at once when [`Store::batch`](crate::Store::batch) returns. What is read here is what the
/// changes so far have made.
pub struct Changes<'a> {
    draft: &'a mut dyn Draft,
}

impl<'a> Changes<'a> {
    pub(super) fn new(draft: &'a mut dyn Draft) -> Self {
        Changes { draft }
    }

    /// The value of a key, with all its parts.
    pub fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Content>> {
        self.draft.get(key.as_ref())?.map(Content::of).transpose()
    }

    /// Gives a key a value; a new key comes after all others.
    pub fn set<'v>(&mut self, key: impl AsRef<[u8]>, value: impl Into<Scalar<'v>>) -> Result<()> {
        self.draft.set(key.as_ref(), value.into())
    }

    /// Gives a key a value with all its parts.
    pub fn put(&mut self, key: impl AsRef<[u8]>, content: &Content) -> Result<()> {
        self.draft.amend(key.as_ref(), content.weight(), &mut |old, space, record| {
            release(old, space)?;
            content.write(space, record)?;
            Ok(true)
        })
    }

    /// Takes a key away, and answers whether it was there.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.draft.delete(key.as_ref())
    }

    /// Gives a key a value if it has the expected one, or is absent if none is expected; answers whether it did.
    pub fn compare_and_set<'v>(
        &mut self,
        key: impl AsRef<[u8]>,
        expected: Option<Scalar<'_>>,
        value: impl Into<Scalar<'v>>,
    ) -> Result<bool> {
        let key = key.as_ref();
        let same = match (self.draft.get(key)?, expected) {
            (None, None) => true,
            (Some(found), Some(expected)) => found == Value::from(expected),
            _ => false,
        };
        if same {
            self.set(key, value)?;
        }
        Ok(same)
    }

    /// Adds to a number, which is 0 if absent, and answers the sum.
    pub fn add(&mut self, key: impl AsRef<[u8]>, number: i64) -> Result<i64> {
        let key = key.as_ref();
        let before = match self.draft.get(key)? {
            None => 0,
            Some(Value::Int(before)) => before,
            Some(other) => {
                return Err(Error::Mistyped {
                    what: key_name(key),
                    expected: Kind::Int,
                    found: other.kind(),
                });
            }
        };
        let sum = before.checked_add(number);
        let sum = sum.ok_or(Error::Invalid { what: "the sum does not fit into 64 bits" })?;
        self.set(key, sum)?;
        Ok(sum)
    }

    /// Gives a key an array of nothing.
    pub fn create_array(&mut self, key: impl AsRef<[u8]>, kind: Kind) -> Result<()> {
        self.put(key, &Content::Array { kind, elements: Vec::new() })
    }

    /// Changes an array: all that [`Array`] can do.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the key is absent, [`Error::Mistyped`] if it holds something else.
    pub fn array<T>(
        &mut self,
        key: impl AsRef<[u8]>,
        with: impl FnOnce(&mut Array, &mut dyn Space) -> Result<T>,
    ) -> Result<T> {
        let key = key.as_ref();
        let mut with = Some(with);
        let mut answer = None;
        self.draft.amend(key, PARTS, &mut |old, space, record| {
            let mut array = match old {
                Some(Value::Array(array)) => Array::load(array.source(), &array.encode())?,
                None => return Err(Error::NotFound { what: "array" }),
                Some(other) => return Err(mistyped(key, Kind::Array, other)),
            };
            answer = Some((with.take().ok_or(Error::Poisoned)?)(&mut array, space)?);
            value::encode_array(&array.encode(), record);
            Ok(true)
        })?;
        answer.ok_or(Error::Poisoned)
    }

    /// Gives a key a table of no rows, with indexes on some of its columns: their names, and whether each is unique.
    pub fn create_table(
        &mut self,
        key: impl AsRef<[u8]>,
        columns: Vec<Column>,
        indexes: &[(&str, bool)],
    ) -> Result<()> {
        let name = String::from_utf8_lossy(key.as_ref()).into_owned();
        self.draft.amend(key.as_ref(), PARTS, &mut |old, space, record| {
            let mut table = Table::new(&name, columns.clone())?;
            for (column, unique) in indexes {
                table.create_index(space, column, *unique)?;
            }
            release(old, space)?;
            value::encode_table(&table.encode(), record);
            Ok(true)
        })
    }

    /// Reads or changes a table: all that [`Table`] can do.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the key is absent, [`Error::Mistyped`] if it holds something else.
    pub fn table<T>(
        &mut self,
        key: impl AsRef<[u8]>,
        with: impl FnOnce(&mut Table, &mut dyn Space) -> Result<T>,
    ) -> Result<T> {
        let key = key.as_ref();
        let mut with = Some(with);
        let mut answer = None;
        self.draft.amend(key, PARTS, &mut |old, space, record| {
            let before = match old {
                Some(Value::Table(table)) => table.open(&String::from_utf8_lossy(key))?,
                None => return Err(Error::NotFound { what: "table" }),
                Some(other) => return Err(mistyped(key, Kind::Table, other)),
            };
            let mut table = before.clone();
            answer = Some((with.take().ok_or(Error::Poisoned)?)(&mut table, space)?);
            value::encode_table(&table.encode(), record);
            Ok(table != before)
        })?;
        answer.ok_or(Error::Poisoned)
    }
}

/// Room for what a call may do to an array or a table, to begin with.
const PARTS: u64 = 16 << 10;

fn mistyped(key: &[u8], expected: Kind, found: Value<'_>) -> Error {
    Error::Mistyped { what: key_name(key), expected, found: found.kind() }
}

/// A key in a message.
pub(super) fn key_name(key: &[u8]) -> String {
    format!("key '{}'", String::from_utf8_lossy(key))
}

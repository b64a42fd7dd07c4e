//! Changes to a store that become visible at once.

use crate::{
    Array, Column, Content, Error, Kind, Result, Scalar, Space, Table, Value, strategy::Draft, value,
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
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Content>> {
        self.draft.get(key.as_ref())?.map(Content::of).transpose()
    }

    /// Gives a key a value; a new key comes after all others.
    pub fn set<'v>(&mut self, key: impl AsRef<[u8]>, value: impl Into<Scalar<'v>>) -> Result<()> {
        let key = key.as_ref();
        let mut record = Vec::new();
        value::encode(value.into().into(), &mut record);
        self.release(key)?;
        self.draft.put(key, &record)
    }

    /// Gives a key a value with all its parts.
    pub fn put(&mut self, key: impl AsRef<[u8]>, content: &Content) -> Result<()> {
        let key = key.as_ref();
        let mut record = Vec::new();
        content.write(self.draft.space(), &mut record)?;
        self.release(key)?;
        self.draft.put(key, &record)
    }

    /// Takes a key away, and answers whether it was there.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.release(key.as_ref())?;
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
                return Err(Error::Mistyped { what: key_name(key), expected: Kind::Int, found: other.kind() });
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
        let mut array = match self.draft.get(key)? {
            Some(Value::Array(array)) => Array::load(array.source(), &array.encode())?,
            None => return Err(Error::NotFound { what: "array" }),
            Some(other) => {
                return Err(Error::Mistyped { what: key_name(key), expected: Kind::Array, found: other.kind() });
            }
        };
        let answer = with(&mut array, self.draft.space())?;
        let mut record = Vec::new();
        value::encode_array(&array.encode(), &mut record);
        self.draft.put(key, &record)?;
        Ok(answer)
    }

    /// Gives a key a table of no rows, with indexes on some of its columns: their names, and whether each is unique.
    pub fn create_table(
        &mut self,
        key: impl AsRef<[u8]>,
        columns: Vec<Column>,
        indexes: &[(&str, bool)],
    ) -> Result<()> {
        let key = key.as_ref();
        let mut table = Table::new(&String::from_utf8_lossy(key), columns)?;
        for (column, unique) in indexes {
            table.create_index(self.draft.space(), column, *unique)?;
        }
        let mut record = Vec::new();
        value::encode_table(&table.encode(), &mut record);
        self.release(key)?;
        self.draft.put(key, &record)
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
        let mut table = match self.draft.get(key)? {
            Some(Value::Table(table)) => table.open(&String::from_utf8_lossy(key))?,
            None => return Err(Error::NotFound { what: "table" }),
            Some(other) => {
                return Err(Error::Mistyped { what: key_name(key), expected: Kind::Table, found: other.kind() });
            }
        };
        let before = table.clone();
        let answer = with(&mut table, self.draft.space())?;
        if table != before {
            let mut record = Vec::new();
            value::encode_table(&table.encode(), &mut record);
            self.draft.put(key, &record)?;
        }
        Ok(answer)
    }

    /// Gives up the parts of the value that a key has.
    fn release(&mut self, key: &[u8]) -> Result<()> {
        enum Parts {
            Array(Array),
            Table(Table),
        }
        let parts = match self.draft.get(key)? {
            Some(Value::Array(array)) => Parts::Array(Array::load(array.source(), &array.encode())?),
            Some(Value::Table(table)) => Parts::Table(table.open("")?),
            _ => return Ok(()),
        };
        match parts {
            Parts::Array(array) => array.release(self.draft.space()),
            Parts::Table(table) => table.release(self.draft.space()),
        }
    }
}

/// A key in a message.
pub(super) fn key_name(key: &[u8]) -> String {
    format!("key '{}'", String::from_utf8_lossy(key))
}

//! What every strategy does for a store.

use std::{cmp::Ordering, ops::ControlFlow, time::Duration};

use crate::{Array, Result, Root, Scalar, Space, Value};

/// Keeps the entries of a store, by one strategy.
///
/// Reading hands values to a closure, because a strategy that reuses room knows only after the reading whether it was
/// overtaken: then it discards the answer and calls again. So a closure may be called more than once, and only its last
/// call counts.
pub(crate) trait Keeper: Send + Sync {
    /// What reading may borrow from, where nothing that was published is written over.
    fn root(&self) -> Option<&Root> {
        None
    }

    /// Reads the value of a key.
    fn read(&self, key: &[u8], with: &mut dyn FnMut(Option<Value<'_>>) -> Result<()>) -> Result<()>;

    /// Reads the values of several keys as they are between two batches.
    fn read_all(&self, keys: &[&[u8]], with: WithAll<'_>) -> Result<()>;

    /// Reads every entry in the order of insertion, until the closure breaks. The entries are those between
    /// two batches; an array or a table may be newer, and may be handed over again if it was overtaken.
    fn scan(&self, with: Each<'_>) -> Result<()>;

    /// Reads the entries whose keys are not below `start` and below `end`, sorted by key, as [`scan`](Keeper::scan) does.
    fn between(&self, start: &[u8], end: Option<&[u8]>, with: Each<'_>) -> Result<()>;

    /// The number of entries.
    fn len(&self) -> Result<u64>;

    /// Writes: what the closure does to the draft becomes visible at once when it answers, or not at all.
    fn write(&self, with: &mut dyn FnMut(&mut dyn Draft) -> Result<()>) -> Result<()>;

    /// Puts the entries into another order, by their keys and values.
    fn sort(&self, order: Order<'_>) -> Result<()>;

    /// Moves pieces together, so that what is free is in fewer and larger ones.
    fn defragment(&self) -> Result<()>;

    /// Changes the hard limit.
    fn resize(&self, limit: u64) -> Result<()>;

    /// What takes room.
    fn usage(&self) -> Result<Usage>;

    /// Looks at everything, and says what is wrong.
    fn check(&self) -> Result<Vec<String>>;

    /// A number that changes with every change.
    fn version(&self) -> u32;

    /// Waits until the number is another than `seen`, and answers it; nothing if time ran out.
    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Option<u32>>;
}

/// Changes that are not visible yet.
pub(crate) trait Draft {
    /// The value of a key, as changed so far.
    fn get(&mut self, key: &[u8]) -> Result<Option<Value<'_>>>;

    /// Gives a key a value without parts. Parts that the key had are given up.
    fn set(&mut self, key: &[u8], value: Scalar<'_>) -> Result<()>;

    /// Gives a key the value of a record that a closure writes, with its parts in the space that the closure is given, out of
    /// the value that the key had. Parts that the new value does not share with it are the closure's to release. Nothing
    /// changes if the closure answers no or fails. `weight` is about what the parts take.
    fn amend(&mut self, key: &[u8], weight: u64, with: Amend<'_>) -> Result<()>;

    /// Takes a key away with its parts, and answers whether it was there.
    fn delete(&mut self, key: &[u8]) -> Result<bool>;
}

/// What takes the values of several keys.
pub(crate) type WithAll<'a> = &'a mut dyn FnMut(&[Option<Value<'_>>]) -> Result<()>;

/// What takes one entry after another.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&[u8], Value<'_>) -> Result<ControlFlow<()>>;

/// Which of two entries comes first.
pub(crate) type Order<'a> = &'a mut dyn FnMut((&[u8], Value<'_>), (&[u8], Value<'_>)) -> Ordering;

/// What makes a value out of another: the value, the space of the parts, and the record to be written.
pub(crate) type Amend<'a> =
    &'a mut dyn FnMut(Option<Value<'_>>, &mut dyn Space, &mut Vec<u8>) -> Result<bool>;

/// Gives up the parts of a value.
pub(crate) fn release(value: Option<Value<'_>>, space: &mut dyn Space) -> Result<()> {
    match value {
        Some(Value::Array(array)) => Array::load(array.source(), &array.encode())?.release(space),
        Some(Value::Table(table)) => table.open("")?.release(space),
        _ => Ok(()),
    }
}

/// What takes room in a store, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// The entries.
    pub entries: u64,
    /// The hard limit.
    pub limit: u64,
    /// What the files take.
    pub files: u64,
    /// What entries, arrays, tables and the index take.
    pub live: u64,
    /// What can be given out without a file becoming longer.
    pub free: u64,
    /// The largest free piece.
    pub largest: u64,
    /// What was written over and comes back with the next generation; nothing where room is reused in place.
    pub garbage: u64,
    /// How badly free room is cut up: 0 if it is one piece, close to 1 if the largest piece is a small part of it.
    pub fragmentation: f64,
}

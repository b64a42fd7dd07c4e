//! What a commit does to a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::datum::key_text;
use super::{Definition, Row, TableError, TableName};

/// The rows of a table by their keys.
pub type Rows = BTreeMap<Row, Row>;

/// A row before and after. Neither is never the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The row before; `None` where it was inserted.
    pub old: Option<Row>,
    /// The row after; `None` where it was deleted.
    pub new: Option<Row>,
}

/// What happened to one table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableChange {
    /// The table before; `None` where it was made.
    pub old: Option<Arc<Definition>>,
    /// The table after; `None` where it was dropped.
    pub new: Option<Arc<Definition>>,
    /// The rows that changed; all rows where the table was made, altered or dropped.
    pub rows: Vec<RowChange>,
}

impl TableChange {
    /// Makes a change that leaves the definition as it is.
    pub fn rows(definition: Arc<Definition>, rows: Vec<RowChange>) -> TableChange {
        TableChange { old: Some(definition.clone()), new: Some(definition), rows }
    }

    /// Returns the name of the table.
    ///
    /// # Errors
    /// If there is no table before nor after, which no commit says.
    pub fn name(&self) -> Result<&TableName, TableError> {
        let definition = self.new.as_ref().or(self.old.as_ref());
        definition
            .map(|definition| &definition.name)
            .ok_or_else(|| TableError::new("?", "it is no table at all"))
    }

    /// Tells whether only rows changed.
    pub fn is_rows(&self) -> bool {
        self.old.is_some() && self.old == self.new
    }

    /// Tells whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.old == self.new && self.rows.is_empty()
    }

    /// Returns the change that takes this one back.
    pub fn inverse(&self) -> TableChange {
        let rows = self.rows.iter();
        TableChange {
            old: self.new.clone(),
            new: self.old.clone(),
            rows: rows.map(|row| RowChange { old: row.new.clone(), new: row.old.clone() }).collect(),
        }
    }

    /// Returns the key of a row change.
    pub fn key_of(&self, row: &RowChange) -> Row {
        let side = |definition: &Option<Arc<Definition>>, row: &Option<Row>| match (definition, row) {
            (Some(definition), Some(row)) => Some(definition.key_of(row)),
            _ => None,
        };
        side(&self.old, &row.old).or_else(|| side(&self.new, &row.new)).unwrap_or_default()
    }

    /// Returns what leads from one state of a table to another; `None` if they are the same.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cms_model::table::{Definition, Rows, TableChange};
    ///
    /// let table = Arc::new(Definition::parse("t", &["id INT", "name TEXT"], &["id"])?);
    /// let row = table.row_from_text(&[("id", "1"), ("name", "a")])?;
    /// let full = Rows::from([(table.key_of(&row), row)]);
    /// let change = TableChange::between(Some((&table, &Rows::new())), Some((&table, &full))).unwrap();
    /// assert!(change.is_rows());
    /// let mut rows = full.clone();
    /// change.inverse().apply(&mut rows)?;
    /// assert!(rows.is_empty());
    /// # Ok::<(), cms_model::table::TableError>(())
    /// ```
    pub fn between(
        old: Option<(&Arc<Definition>, &Rows)>,
        new: Option<(&Arc<Definition>, &Rows)>,
    ) -> Option<TableChange> {
        let definition =
            |side: Option<(&Arc<Definition>, &Rows)>| side.map(|(definition, _)| definition.clone());
        let (before, after) = (definition(old), definition(new));
        let is_same = before == after;
        let empty = Rows::new();
        let (old, new) = (old.map_or(&empty, |(_, rows)| rows), new.map_or(&empty, |(_, rows)| rows));
        let mut rows = Vec::new();
        for (key, row) in old {
            let now = new.get(key);
            if !(is_same && now == Some(row)) {
                rows.push(RowChange { old: Some(row.clone()), new: now.cloned() });
            }
        }
        for (_, row) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            rows.push(RowChange { old: None, new: Some(row.clone()) });
        }
        let change = TableChange { old: before, new: after, rows };
        (!change.is_empty()).then_some(change)
    }

    /// Does to rows what the commit did.
    ///
    /// # Errors
    /// If a row is not what it was before the commit.
    pub fn apply(&self, rows: &mut Rows) -> Result<(), TableError> {
        for change in &self.rows {
            let (Some(definition), Some(old)) = (&self.old, &change.old) else { continue };
            let key = definition.key_of(old);
            if rows.remove(&key).as_ref() != Some(old) {
                return Err(definition.error("the row is not what it was").in_row(key_text(&key)));
            }
        }
        for change in &self.rows {
            let (Some(definition), Some(new)) = (&self.new, &change.new) else { continue };
            let key = definition.key_of(new);
            if rows.insert(key.clone(), new.clone()).is_some() {
                return Err(definition.error("there is a row of this key already").in_row(key_text(&key)));
            }
        }
        Ok(())
    }

    /// Joins changes of one table, the older first, to the one that does the same at once; `None` if that is nothing.
    pub fn joined(changes: &[TableChange]) -> Option<TableChange> {
        let (first, last) = (changes.first()?, changes.last()?);
        let (mut before, mut after) = (Rows::new(), Rows::new());
        for change in changes {
            // A row that no earlier change made was there before all of them. Where the table was made, altered or dropped on
            // the way, that change names every row.
            for row in &change.rows {
                if let (Some(definition), Some(old)) = (&change.old, &row.old) {
                    let key = definition.key_of(old);
                    if after.remove(&key).is_none() {
                        before.insert(key, old.clone());
                    }
                }
            }
            for row in &change.rows {
                if let (Some(definition), Some(new)) = (&change.new, &row.new) {
                    after.insert(definition.key_of(new), new.clone());
                }
            }
        }
        TableChange::between(
            first.old.as_ref().map(|definition| (definition, &before)),
            last.new.as_ref().map(|definition| (definition, &after)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Datum;
    use proptest::prelude::*;

    fn table(columns: &[&str]) -> Arc<Definition> {
        Arc::new(Definition::parse("t", columns, &["id"]).expect("a definition"))
    }

    fn rows(values: &BTreeMap<i64, i64>) -> Rows {
        values.iter().map(|(id, n)| (vec![Datum::Int(*id)], vec![Datum::Int(*id), Datum::Int(*n)])).collect()
    }

    proptest! {
        #[test]
        fn changes_that_are_joined_do_what_they_did_one_by_one(
            states in prop::collection::vec((0..3u8, prop::collection::btree_map(0..6i64, 0..3i64, 0..6)), 1..6),
        ) {
            // 0: there is no table; 1 and 2: it has this or that definition.
            let shapes = [table(&["id INT", "n INT"]), table(&["id INT", "m INT"])];
            let states: Vec<_> = states
                .iter()
                .map(|(shape, values)| shape.checked_sub(1).map(|shape| (shapes[usize::from(shape)].clone(), rows(values))))
                .collect();
            let side = |state: &Option<(Arc<Definition>, Rows)>| state.clone();
            let changes: Vec<TableChange> = states
                .windows(2)
                .filter_map(|pair| {
                    let (old, new) = (side(&pair[0]), side(&pair[1]));
                    TableChange::between(old.as_ref().map(|(d, r)| (d, r)), new.as_ref().map(|(d, r)| (d, r)))
                })
                .collect();
            let (first, last) = (side(&states[0]), side(&states[states.len() - 1]));
            let direct = TableChange::between(first.as_ref().map(|(d, r)| (d, r)), last.as_ref().map(|(d, r)| (d, r)));
            let joined = TableChange::joined(&changes);
            // Row by row the same, in whatever order.
            let sorted = |change: Option<TableChange>| change.map(|mut change| {
                change.rows.sort_by(|a, b| (&a.old, &a.new).cmp(&(&b.old, &b.new)));
                change
            });
            prop_assert_eq!(sorted(joined.clone()), sorted(direct));
            if let Some(change) = joined {
                let mut now = last.map(|(_, rows)| rows).unwrap_or_default();
                change.inverse().apply(&mut now).expect("it fits");
                prop_assert_eq!(now, first.map(|(_, rows)| rows).unwrap_or_default());
            }
        }
    }
}

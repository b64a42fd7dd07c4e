//! Which rows are meant, and in which order.

use std::cmp::Ordering;

use super::{Datum, Definition, Row, TableError};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// Another one.
    NotEqual,
    /// Before it.
    Less,
    /// Not behind it.
    AtMost,
    /// Behind it.
    Greater,
    /// Not before it.
    AtLeast,
    /// Text that begins so.
    Begins,
    /// There is none.
    Null,
    /// There is one.
    NotNull,
}

/// A condition on one column. NULL meets [`Null`](Comparison::Null) and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column, by number.
    pub column: usize,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: Datum,
}

/// Rows that meet all conditions, in an order.
///
/// ```
/// use cms_model::table::{Definition, Query};
///
/// let hosts = Definition::parse("hosts", &["name TEXT", "port INT"], &["name"])?;
/// let query = Query::parse(&hosts, &["port>=80", "name^=www"])?.order_by(&hosts, "port", true)?.limit(10);
/// let row = hosts.row_from_text(&[("name", "www1"), ("port", "443")])?;
/// assert!(query.takes(&row));
/// assert!(Query::parse(&hosts, &["port=many"]).is_err());
/// # Ok::<(), cms_model::table::TableError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The conditions, all of which hold.
    pub conditions: Vec<Condition>,
    /// The columns to sort by, and whether backwards; the key decides between equals.
    pub order: Vec<(usize, bool)>,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// So many rows are passed over first.
    pub offset: u64,
}

/// How conditions are written, the longer first.
const OPERATORS: [(&str, Comparison); 8] = [
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("^=", Comparison::Begins),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("?", Comparison::NotNull),
];

impl Query {
    /// Reads conditions: `COLUMN=VALUE`, with `!=`, `<`, `<=`, `>`, `>=` or `^=` (begins with) for `=`; `COLUMN?` for any
    /// value and `!COLUMN?` for none.
    ///
    /// # Errors
    /// Which condition, and what is wrong with it.
    pub fn parse<S: AsRef<str>>(definition: &Definition, conditions: &[S]) -> Result<Query, TableError> {
        let mut query = Query::default();
        for text in conditions {
            query.conditions.push(Condition::parse(definition, text.as_ref())?);
        }
        Ok(query)
    }

    /// Adds a condition.
    ///
    /// # Errors
    /// If there is no such column, or the value is none of its type.
    pub fn filter(
        mut self,
        definition: &Definition,
        column: &str,
        comparison: Comparison,
        value: Datum,
    ) -> Result<Query, TableError> {
        let column = definition.column(column)?;
        self.conditions.push(Condition { column, comparison, value }.checked(definition)?);
        Ok(self)
    }

    /// Sorts by a column, after those named before.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn order_by(
        mut self,
        definition: &Definition,
        column: &str,
        descending: bool,
    ) -> Result<Query, TableError> {
        self.order.push((definition.column(column)?, descending));
        Ok(self)
    }

    /// Takes at most so many rows.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Query {
        self.limit = Some(limit);
        self
    }

    /// Passes over so many rows first.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Query {
        self.offset = offset;
        self
    }

    /// Tells whether a row meets all conditions.
    pub fn takes(&self, row: &[Datum]) -> bool {
        self.conditions.iter().all(|condition| condition.holds(row))
    }

    /// Picks and sorts rows of a table, as a database would.
    pub fn run(&self, definition: &Definition, rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
        let mut taken: Vec<Row> = rows.into_iter().filter(|row| self.takes(row)).collect();
        taken.sort_by(|a, b| {
            let by_order = self.order.iter().map(|(column, descending)| {
                let ordering = a.get(*column).cmp(&b.get(*column));
                if *descending { ordering.reverse() } else { ordering }
            });
            let unequal = by_order.into_iter().find(|ordering| *ordering != Ordering::Equal);
            unequal.unwrap_or_else(|| definition.key_of(a).cmp(&definition.key_of(b)))
        });
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        taken.into_iter().skip(offset).take(limit).collect()
    }
}

impl Condition {
    fn parse(definition: &Definition, text: &str) -> Result<Condition, TableError> {
        if let Some(column) = text.strip_prefix('!').and_then(|rest| rest.strip_suffix('?')) {
            let column = definition.column(column)?;
            return Ok(Condition { column, comparison: Comparison::Null, value: Datum::Null });
        }
        let end = text
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let found = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator));
        let Some((operator, comparison)) = found else {
            let reason = format!(
                "`{text}` is no condition: write COLUMN=VALUE, with != < <= > >= or ^= for =, or COLUMN? or !COLUMN?"
            );
            return Err(definition.error(reason));
        };
        let column = definition.column(name)?;
        let rest = &rest[operator.len()..];
        let value = match comparison {
            Comparison::NotNull if rest.is_empty() => Datum::Null,
            Comparison::NotNull => {
                return Err(definition.error(format!("`{text}`: nothing may follow `?`")).in_column(name));
            }
            _ => definition.datum_from_text(column, rest)?,
        };
        Condition { column, comparison: *comparison, value }.checked(definition)
    }

    fn checked(self, definition: &Definition) -> Result<Condition, TableError> {
        let Some(column) = definition.columns.get(self.column) else {
            return Err(definition.error(format!("there is no column number {}", self.column)));
        };
        let at = |reason: String| definition.error(reason).in_column(&column.name);
        column.kind.check(&self.value).map_err(at)?;
        if self.comparison == Comparison::Begins && !matches!(self.value, Datum::Text(_)) {
            return Err(at("`^=` is for text".to_owned()));
        }
        Ok(self)
    }

    fn holds(&self, row: &[Datum]) -> bool {
        let value = row.get(self.column).unwrap_or(&Datum::Null);
        if value.is_null() || self.value.is_null() {
            return match self.comparison {
                Comparison::Null => value.is_null(),
                Comparison::NotNull => !value.is_null(),
                _ => false,
            };
        }
        match self.comparison {
            Comparison::Equal => *value == self.value,
            Comparison::NotEqual => *value != self.value,
            Comparison::Less => *value < self.value,
            Comparison::AtMost => *value <= self.value,
            Comparison::Greater => *value > self.value,
            Comparison::AtLeast => *value >= self.value,
            Comparison::Begins => match (value, &self.value) {
                (Datum::Text(text), Datum::Text(start)) => text.starts_with(start.as_str()),
                _ => false,
            },
            Comparison::Null => false,
            Comparison::NotNull => true,
        }
    }
}

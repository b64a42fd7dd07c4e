//! What a table is: its columns with their rules, its key and its indexes.

use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;

use super::datum::key_text;
use super::{ColumnName, ColumnType, Datum, Row, TableError, TableName};
use crate::schema::{Measure, RuleSet, Rules};

/// The most columns, and indexes.
const COLUMNS: usize = 128;
const INDEXES: usize = 32;

/// The shape of a table's rows.
///
/// ```
/// use cms_model::table::{Definition, Index};
///
/// let mut leases = Definition::parse("leases", &["ip TEXT required|ipv4", "mac TEXT mac", "host TEXT"], &["ip"])?;
/// leases.add_index(&["mac"], true)?;
/// assert_eq!(leases.indexes[0], Index { unique: true, columns: vec![1] });
/// let error = Definition::parse("leases", &["ip TEXT ipv9"], &["ip"]).unwrap_err();
/// assert!(error.to_string().starts_with("table leases, column ip: "), "{error}");
/// # Ok::<(), cms_model::table::TableError>(())
/// ```
#[derive(Clone)]
pub struct Definition {
    /// The name.
    pub name: TableName,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The columns of the key, by number.
    pub key: Vec<usize>,
    /// The indexes besides the key.
    pub indexes: Vec<Index>,
    /// The rules of each column, compiled when they are first wanted.
    compiled: OnceLock<Result<Vec<(RuleSet, bool)>, TableError>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: ColumnName,
    /// Its type.
    pub kind: ColumnType,
    /// Its rules, as the schema language writes them; may be empty.
    pub rules: String,
}

/// Columns that rows are searched by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Whether no two rows have the same values in them.
    pub unique: bool,
    /// The columns, by number.
    pub columns: Vec<usize>,
}

impl Definition {
    /// Makes a definition, and checks that it makes sense.
    ///
    /// # Errors
    /// What is wrong, and with which column.
    pub fn new(
        name: TableName,
        columns: Vec<Column>,
        key: Vec<usize>,
        indexes: Vec<Index>,
    ) -> Result<Definition, TableError> {
        let definition = Definition::unchecked(name, columns, key, indexes);
        let wrong = |reason: &str| Err(TableError::new(definition.name.as_str(), reason));
        if definition.columns.is_empty() || definition.columns.len() > COLUMNS {
            return wrong("a table has 1 to 128 columns");
        }
        if definition.indexes.len() > INDEXES {
            return wrong("a table has at most 32 indexes");
        }
        let mut names = HashSet::new();
        if let Some(twice) = definition.columns.iter().find(|column| !names.insert(&column.name)) {
            return Err(definition.error("there are two columns of this name").in_column(&twice.name));
        }
        let lists = definition.indexes.iter().map(|index| &index.columns);
        for list in std::iter::once(&definition.key).chain(lists) {
            let mut seen = HashSet::new();
            if list.is_empty()
                || !list.iter().all(|column| *column < definition.columns.len() && seen.insert(column))
            {
                return wrong("a key or an index has one column or more, each once");
            }
        }
        for (number, index) in definition.indexes.iter().enumerate() {
            if definition.indexes[..number].iter().any(|other| other.columns == index.columns) {
                return wrong("there are two indexes of the same columns");
            }
        }
        definition.compiled()?;
        Ok(definition)
    }

    /// Makes a definition of what was checked before it was written down.
    pub fn unchecked(
        name: TableName,
        columns: Vec<Column>,
        key: Vec<usize>,
        indexes: Vec<Index>,
    ) -> Definition {
        Definition { name, columns, key, indexes, compiled: OnceLock::new() }
    }

    /// Makes a definition of columns written as `NAME TYPE [RULES]`. Without key columns, the first column is the key.
    ///
    /// # Errors
    /// As [`new`](Definition::new).
    pub fn parse<S: AsRef<str>>(name: &str, columns: &[S], key: &[S]) -> Result<Definition, TableError> {
        let name = TableName::new(name)?;
        let columns: Vec<Column> = columns
            .iter()
            .map(|column| {
                Column::parse(column.as_ref()).map_err(|reason| TableError::new(name.as_str(), reason))
            })
            .collect::<Result<_, _>>()?;
        let shape = Definition::unchecked(name, columns, Vec::new(), Vec::new());
        let key = if key.is_empty() { vec![0] } else { shape.columns_of(key)? };
        Definition::new(shape.name, shape.columns, key, Vec::new())
    }

    /// Adds an index over columns.
    ///
    /// # Errors
    /// If there is no such column, or the index already.
    pub fn add_index<S: AsRef<str>>(&mut self, columns: &[S], unique: bool) -> Result<(), TableError> {
        let mut indexes = self.indexes.clone();
        indexes.push(Index { unique, columns: self.columns_of(columns)? });
        *self = Definition::new(self.name.clone(), self.columns.clone(), self.key.clone(), indexes)?;
        Ok(())
    }

    /// Removes the index over columns.
    ///
    /// # Errors
    /// If there is none.
    pub fn drop_index<S: AsRef<str>>(&mut self, columns: &[S]) -> Result<(), TableError> {
        let columns = self.columns_of(columns)?;
        let count = self.indexes.len();
        self.indexes.retain(|index| index.columns != columns);
        if self.indexes.len() == count {
            Err(self.error("there is no index of these columns"))
        } else {
            Ok(())
        }
    }

    /// Adds a column at the end.
    ///
    /// # Errors
    /// As [`new`](Definition::new).
    pub fn add_column(&mut self, column: Column) -> Result<(), TableError> {
        let mut columns = self.columns.clone();
        columns.push(column);
        *self = Definition::new(self.name.clone(), columns, self.key.clone(), self.indexes.clone())?;
        Ok(())
    }

    /// Removes a column, and the indexes that it is in.
    ///
    /// # Errors
    /// If there is none, or it is in the key.
    pub fn drop_column(&mut self, name: &str) -> Result<(), TableError> {
        let number = self.column(name)?;
        if self.key.contains(&number) {
            return Err(self.error("a column of the key cannot be dropped").in_column(name));
        }
        let shift = |list: &[usize]| -> Vec<usize> {
            list.iter().map(|column| if *column > number { column - 1 } else { *column }).collect()
        };
        let mut columns = self.columns.clone();
        columns.remove(number);
        let kept = self.indexes.iter().filter(|index| !index.columns.contains(&number));
        let indexes =
            kept.map(|index| Index { unique: index.unique, columns: shift(&index.columns) }).collect();
        *self = Definition::new(self.name.clone(), columns, shift(&self.key), indexes)?;
        Ok(())
    }

    /// Returns the number of a column.
    ///
    /// # Errors
    /// If there is none, with the names that there are.
    pub fn column(&self, name: &str) -> Result<usize, TableError> {
        self.columns.iter().position(|column| column.name.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            self.error(format!("there is no such column; there are {}", names.join(", "))).in_column(name)
        })
    }

    fn columns_of<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<usize>, TableError> {
        names.iter().map(|name| self.column(name.as_ref())).collect()
    }

    /// Returns the key of a row.
    pub fn key_of(&self, row: &[Datum]) -> Row {
        self.key.iter().map(|column| row.get(*column).cloned().unwrap_or(Datum::Null)).collect()
    }

    /// Tells whether a column never is NULL.
    pub fn is_required(&self, column: usize) -> bool {
        self.key.contains(&column)
            || self
                .compiled()
                .is_ok_and(|compiled| compiled.get(column).is_some_and(|(_, required)| *required))
    }

    /// Makes a row of columns and values as text. Columns that are not named are NULL.
    ///
    /// # Errors
    /// Which column, and what is wrong with its value.
    pub fn row_from_text<S: AsRef<str>>(&self, values: &[(S, S)]) -> Result<Row, TableError> {
        let mut row = vec![Datum::Null; self.columns.len()];
        for (name, value) in values {
            let number = self.column(name.as_ref())?;
            row[number] = self.datum_from_text(number, value.as_ref())?;
        }
        self.check(&row)?;
        Ok(row)
    }

    /// Reads the value of a column.
    ///
    /// # Errors
    /// If the text is none of its type.
    pub fn datum_from_text(&self, column: usize, text: &str) -> Result<Datum, TableError> {
        let Some(found) = self.columns.get(column) else {
            return Err(self.error(format!("there is no column number {column}")));
        };
        found.kind.read(text).map_err(|reason| self.error(reason).in_column(&found.name))
    }

    /// Reads a key, given as the text of each of its columns.
    ///
    /// # Errors
    /// If there are more or less than the key has, or one is none of its type.
    pub fn key_from_text<S: AsRef<str>>(&self, texts: &[S]) -> Result<Row, TableError> {
        if texts.len() != self.key.len() {
            let names: Vec<&str> =
                self.key.iter().map(|column| self.columns[*column].name.as_str()).collect();
            let reason = format!("the key is {}: {} was given", names.join(","), texts.len());
            return Err(self.error(reason));
        }
        let pairs = self.key.iter().zip(texts);
        pairs.map(|(column, text)| self.datum_from_text(*column, text.as_ref())).collect()
    }

    /// Checks a row: its shape, types and rules.
    ///
    /// # Errors
    /// Names the row by its key, the column and the rule.
    pub fn check(&self, row: &[Datum]) -> Result<(), TableError> {
        if row.len() != self.columns.len() {
            let reason =
                format!("the row has {} values, the table {} columns", row.len(), self.columns.len());
            return Err(self.error(reason));
        }
        let compiled = self.compiled()?;
        for (number, ((column, datum), (rules, required))) in
            self.columns.iter().zip(row).zip(compiled).enumerate()
        {
            let at = |error: TableError| error.in_row(key_text(&self.key_of(row))).in_column(&column.name);
            if datum.is_null() {
                if self.key.contains(&number) {
                    return Err(at(self.error("a column of the key has no value")));
                }
                if *required {
                    return Err(at(self.error("it has no value").by_rule("required")));
                }
                continue;
            }
            column.kind.check(datum).map_err(|reason| at(self.error(reason)))?;
            if rules.is_empty() {
                continue;
            }
            let text = datum.text();
            if let Some((rule, complaint)) = rules.broken(text.as_bytes()) {
                return Err(at(self.error(format!("{text} {complaint}")).by_rule(rule)));
            }
        }
        Ok(())
    }

    fn compiled(&self) -> Result<&[(RuleSet, bool)], TableError> {
        let compiled = self.compiled.get_or_init(|| {
            let rules = Rules::default();
            let each = self.columns.iter().map(|column| {
                let measure = match column.kind {
                    ColumnType::Int => Some(Measure::Number),
                    ColumnType::Float => Some(Measure::Float),
                    _ => None,
                };
                RuleSet::parse_column(&column.rules, measure, &rules).map_err(|error| {
                    let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
                    let reason = format!("its rules cannot be read: {error}{hint}");
                    self.error(reason).in_column(&column.name).by_rule(column.rules.clone())
                })
            });
            each.collect()
        });
        compiled.as_deref().map_err(TableError::clone)
    }

    /// Begins to say what is wrong with the table.
    pub fn error(&self, reason: impl Into<String>) -> TableError {
        TableError::new(self.name.as_str(), reason)
    }
}

impl PartialEq for Definition {
    fn eq(&self, other: &Definition) -> bool {
        self.name == other.name
            && self.columns == other.columns
            && self.key == other.key
            && self.indexes == other.indexes
    }
}

impl Eq for Definition {}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("name", &self.name)
            .field("columns", &self.columns)
            .field("key", &self.key)
            .field("indexes", &self.indexes)
            .finish()
    }
}

impl Column {
    /// Reads `NAME TYPE [RULES]`.
    ///
    /// # Errors
    /// If it is not that.
    pub fn parse(text: &str) -> Result<Column, String> {
        let mut words = text.trim().splitn(3, char::is_whitespace).map(str::trim);
        let (name, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rules = words.next().unwrap_or_default().to_owned();
        let name = ColumnName::new(name)?;
        let kind = ColumnType::find(kind).ok_or_else(|| {
            let kinds = ColumnType::ALL.map(ColumnType::word).join(", ");
            format!("column {name}: `{kind}` is no type; a column is written NAME TYPE [RULES], with a type of {kinds}")
        })?;
        Ok(Column { name, kind, rules })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind.word())?;
        if self.rules.is_empty() { Ok(()) } else { write!(f, " {}", self.rules) }
    }
}

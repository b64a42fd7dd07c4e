//! What is wrong with a table, a row or a value, and where.

use std::fmt;

/// Why a definition, a row or a change of a table cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// The table.
    pub table: String,
    /// The key of the row, as text.
    pub row: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// The rule that does not hold.
    pub rule: Option<String>,
}

impl TableError {
    /// Says what is wrong with a table as a whole.
    pub fn new(table: impl Into<String>, reason: impl Into<String>) -> TableError {
        TableError { table: table.into(), row: None, column: None, reason: reason.into(), rule: None }
    }

    /// Names the row.
    #[must_use]
    pub fn in_row(mut self, row: impl Into<String>) -> TableError {
        self.row = Some(row.into());
        self
    }

    /// Names the column.
    #[must_use]
    pub fn in_column(mut self, column: impl fmt::Display) -> TableError {
        self.column = Some(column.to_string());
        self
    }

    /// Names the rule.
    #[must_use]
    pub fn by_rule(mut self, rule: impl Into<String>) -> TableError {
        self.rule = Some(rule.into());
        self
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.table)?;
        if let Some(row) = &self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.reason)?;
        match &self.rule {
            Some(rule) => write!(f, " (rule {rule})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TableError {}

//! Names of tables and columns: valid in SQLite and in PostgreSQL, and none of those that the log uses itself.

use std::fmt;

use super::TableError;

/// The longest name; PostgreSQL cuts off what is longer.
const LONGEST: usize = 63;

/// The log's own tables.
const TAKEN: [&str; 6] = ["commits", "objects", "checkpoints", "views", "meta", "touches"];

/// Beginnings of names that belong to the log and to the databases.
const TAKEN_PREFIXES: [&str; 3] = ["cms_", "sqlite_", "pg_"];

/// What SQLite calls its own column.
const TAKEN_COLUMNS: [&str; 3] = ["rowid", "oid", "_rowid_"];

/// The name of a table: `leases`, or `dhcp.leases` for one that belongs to a package.
///
/// ```
/// use cms_model::table::TableName;
///
/// assert!(TableName::new("dhcp.leases").is_ok());
/// assert!(TableName::new("Leases").is_err());
/// assert!(TableName::new("commits").unwrap_err().to_string().contains("belongs to the log"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName(Box<str>);

/// The name of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnName(Box<str>);

impl TableName {
    /// Makes a name of text.
    ///
    /// # Errors
    /// If it is no name of a table, or is taken by the log or a database.
    pub fn new(text: &str) -> Result<TableName, TableError> {
        let (package, name) = match text.split_once('.') {
            Some((package, name)) => (Some(package), name),
            None => (None, text),
        };
        let is_package = |text: &str| is_word(text, true);
        if text.len() > LONGEST || !is_word(name, false) || !package.is_none_or(is_package) {
            let reason = "is no name of a table: small letters, digits and `_`, a letter first, at most 63 bytes, and before it \
                          a package and a point if it belongs to one";
            return Err(TableError::new(text, reason));
        }
        let is_taken = package.is_none() && TAKEN.contains(&text)
            || TAKEN_PREFIXES.iter().any(|prefix| text.starts_with(prefix) || name.starts_with(prefix));
        if is_taken {
            return Err(TableError::new(text, "the name belongs to the log or a database: take another one"));
        }
        Ok(TableName(text.into()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as SQL quotes it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl ColumnName {
    /// Makes a name of text.
    ///
    /// # Errors
    /// If it is no name of a column.
    pub fn new(text: &str) -> Result<ColumnName, String> {
        if text.len() > LONGEST || !is_word(text, false) {
            return Err(format!(
                "`{text}` is no name of a column: small letters, digits and `_`, a letter first, at most 63 bytes"
            ));
        }
        if TAKEN_COLUMNS.contains(&text) {
            return Err(format!("`{text}` is what a database calls its own column: take another name"));
        }
        Ok(ColumnName(text.into()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as SQL quotes it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

fn is_word(text: &str, dash: bool) -> bool {
    text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || dash && byte == b'-'
        })
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for TableName {
    type Err = TableError;

    fn from_str(text: &str) -> Result<TableName, TableError> {
        TableName::new(text)
    }
}

impl<'a> TryFrom<&'a [u8]> for TableName {
    type Error = TableError;

    fn try_from(bytes: &'a [u8]) -> Result<TableName, TableError> {
        TableName::new(&String::from_utf8_lossy(bytes))
    }
}

impl<'a> TryFrom<&'a [u8]> for ColumnName {
    type Error = String;

    fn try_from(bytes: &'a [u8]) -> Result<ColumnName, String> {
        ColumnName::new(&String::from_utf8_lossy(bytes))
    }
}

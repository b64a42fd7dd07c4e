//! Tables: rows of one shape that belong to the commits of a store (`docs/tables.md`).
//!
//! In reading order: `name`, `datum` (a value and its type), `definition` (what a table is), `change` (what a commit does to
//! it), `query` (which rows are meant), `script` (which SQL may run).
//!
//! ```
//! use cms_model::table::{Datum, Definition};
//!
//! let leases = Definition::parse("leases", &["ip TEXT required|ipv4", "port INT between:1,9"], &["ip"])?;
//! let row = leases.row_from_text(&[("ip", "10.0.0.1"), ("port", "7")])?;
//! assert_eq!(row[1], Datum::Int(7));
//! let error = leases.row_from_text(&[("ip", "10.0.0.1"), ("port", "70")]).unwrap_err();
//! assert_eq!(error.to_string(), "table leases, row 10.0.0.1, column port: 70 is not a number from 1 to 9 (rule between:1,9)");
//! # Ok::<(), cms_model::table::TableError>(())
//! ```

mod change;
mod datum;
mod definition;
mod error;
mod name;
mod query;
mod script;

pub use change::{RowChange, Rows, TableChange};
pub use datum::{ColumnType, Datum, Row, key_text};
pub use definition::{Column, Definition, Index};
pub use error::TableError;
pub use name::{ColumnName, TableName};
pub use query::{Comparison, Condition, Query};
pub use script::{Script, ScriptError, is_allowed_function};

//! Tables: rows that belong to the commits of a store (`docs/tables.md`).
//!
//! `view` reads them at a snapshot's revision, `work` is what a transaction does to them, `check` compares that with the head,
//! `past` takes commits back, `show` says it in the words of a user.

mod check;
mod past;
mod show;
mod view;
pub(crate) mod work;

pub use self::past::TableHistory;
pub use self::view::Table;
pub use self::work::TableEditor;
pub(crate) use self::{
    check::{check_tables, creations, unless_changed, unless_touched},
    past::undone,
    show::{display, row_key},
    view::table_name,
    work::TableWorks,
};

use std::sync::Arc;

use cms_log::Revision;
use cms_model::table::TableChange;

use crate::commit::Wanted;

/// What a transaction wants to become of packages and tables.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub packages: Vec<Wanted>,
    pub tables: Vec<WantedTable>,
}

/// What a transaction wants to become of a table.
#[derive(Clone, Debug)]
pub(crate) struct WantedTable {
    /// The revision of the state it was made on.
    pub base: Revision,
    pub change: Arc<TableChange>,
}

impl From<Vec<Wanted>> for Wish {
    fn from(packages: Vec<Wanted>) -> Wish {
        Wish { packages, tables: Vec::new() }
    }
}

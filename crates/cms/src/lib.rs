//! The engine of `cms`: in what order things happen to a configuration.
//!
//! A [`Store`] is one configuration directory with its log. To read, hold a [`Snapshot`]; to change,
//! hold a [`Transaction`], or a [`Stage`] for changes that a user prepares over several commands.
//! What is committed is in the log, on disk, before anybody is told; package files follow, and what
//! other programs write into them becomes commits, too. The steps and what a crash leaves after
//! each are in `docs/commit-protocol.md`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
//! # let config = home.path().join("config");
//! # std::fs::create_dir(&config)?;
//! # std::fs::write(config.join("system"), "config system\n\toption hostname 'gw'\n")?;
//! use cms::{HistoryQuery, Location, Options, Store, model::Key};
//!
//! let store = Store::open(&Location::find(&config, &dirs)?, Options::default())?;
//! let system = store.snapshot()?.package(&"system".parse()?)?;
//! assert_eq!(system.nth(Some("system"), 0).unwrap().get("hostname").unwrap().as_bytes(), Some(&b"gw"[..]));
//!
//! let history = store.history(&HistoryQuery { key: Some(Key::parse("system")?), ..Default::default() })?;
//! assert_eq!(history[0].author, "external");
//! # Ok(())
//! # }
//! ```
//!
//! In reading order: `location` (where), `store` (what is open), `head` (the state), `snapshot`
//! (reading), `transaction`, `manager` and `stage` (changing), `commit`, `rebase` and `terms` (what a commit is made of and checked
//! against), `group`, `queue`, `amend`, `board` and `post` (its steps, for all who wait, in this process and in others),
//! `package_file`, `external` and `flush` (the files), `history`, `blame` and `rollback` (the past), `retention` and `upkeep` (how long it is kept), `confirm` (commits that
//! somebody has to confirm), `backup` and `restore` (the log in one file),
//! `modules` and `validate` (what schemas allow), `migrate` (data of their earlier versions), `tables` (rows), `events` (who is told), `doctor`.

mod amend;
mod author;
mod backup;
mod blame;
mod board;
mod bound;
mod commit;
mod confirm;
mod describe;
mod doctor;
mod error;
mod events;
mod external;
mod flush;
mod group;
mod head;
mod history;
mod latest;
mod lease;
mod location;
mod lock;
mod manager;
mod mapped;
mod memory;
mod migrate;
mod modules;
mod package_file;
mod post;
mod queue;
mod reader;
mod rebase;
mod recent;
mod restore;
mod retention;
mod rollback;
mod snapshot;
mod stage;
mod stage_file;
mod status;
mod store;
mod system_log;
mod tables;
mod terms;
mod transaction;
mod upkeep;
mod user;
mod validate;

pub use cms_log::{
    Backup, BackupCounts, BackupError, BackupHeader, CommitKind, Outcome, Pending, Revision, ScriptAnswer,
    ScriptLimits, Settled,
};
pub use cms_model as model;

pub use crate::author::{EXTERNAL, current_user};
pub use crate::backup::{BackupOptions, BackupSource, Since, verify_backups};
pub use crate::blame::{BlameCommit, BlameLine};
pub use crate::bound::{Bound, FromValue};
pub use crate::commit::Committed;
pub use crate::confirm::Confirm;
pub use crate::describe::{ChangeAction, DisplayChange, label};
pub use crate::doctor::{Finding, FindingKind, FindingSeverity, Health};
pub use crate::error::{Error, Result, TableTouch};
pub use crate::events::{
    Claim, CommitEvents, Cursor, CursorState, Event, EventLimits, EventManager, Notice, Pattern,
    PatternError, Start, Watch,
};
pub use crate::external::Warning;
pub use crate::history::{HistoryEntry, HistoryQuery, PackageDiff};
pub use crate::latest::Latest;
pub use crate::location::{Dirs, Location};
pub use crate::manager::{ActiveTransaction, TransactionManager};
pub use crate::mapped::limit::SegmentBound;
pub use crate::memory::{Extent, ExtentKind, MemoryFinding, PackageUsage, Statistics};
pub use crate::migrate::{
    MigrationOptions, MigrationReport, ModuleSchema, RestoredTable, SchemaState, SqlCount,
};
pub use crate::modules::{Modules, Registered};
pub use crate::reader::Reader;
pub use crate::restore::{RestoreOptions, RestorePoint, Restored};
pub use crate::retention::{Retention, WouldRetain};
pub use crate::snapshot::Snapshot;
pub use crate::stage::{CommitOptions, Stage};
pub use crate::store::{Options, Store};
pub use crate::tables::{Table, TableEditor, TableHistory};
pub use crate::transaction::{Isolation, RefusedCommit, Transaction, TransactionSavepoint};
pub use crate::validate::Effective;

//! The durable log of `cms`: who keeps the truth.
//!
//! Every change of a store is a [`Commit`] with a [`Revision`], appended to a log that is the truth; package files,
//! mapped segments and histories are views of it. This crate says what a home of the log must do ([`Backend`]), has
//! the embedded one ([`Sqlite`]), and knows how packages are kept in it ([`store_package`], [`package_at`]). The bytes
//! are specified in `docs/log-format.md`. It knows what a change is, and nothing of users, rights or package files.
//!
//! In reading order: [`revision`](Revision) and [`digest`](Digest) are the names, `commit` and `object` the things named,
//! `backend` the interface, `pending` what awaits confirmation, `record` a commit that is not decoded yet, `codec` the bytes and `check` their checksum, `package` the way from text to
//! objects and back, `tables` their state at a revision, `touch` what a history is found by, `schema_texts` what is kept of schemas, `sqlite` the
//! embedded home, `backup` a log in one file.

mod backend;
mod backup;
mod check;
mod codec;
mod commit;
mod content;
mod digest;
mod error;
mod object;
mod package;
mod pending;
mod record;
mod revision;
mod schema_texts;
mod sqlite;
mod tables;
mod touch;
mod views;
mod wire;

pub use crate::{
    backend::{
        Appended, Backend, Durable, FileView, Finding, Held, Note, Order, Progress, Reclaimed, Root, Severity,
    },
    backup::{
        Backup, BackupCounts, BackupError, BackupHeader, Chain, Extent, StoreId, StoredCommit, StoredObject,
        write_backup,
    },
    check::checksum,
    codec::{decode_changes, encode_changes},
    commit::{Commit, CommitKind, EntryBody, Header, Origin, PackageEntry},
    digest::{Digest, Digester},
    error::{Error, Fault, Result},
    object::{Object, ObjectKind},
    package::{
        StoredPackage, checkpoint_state, load_package, package_at, package_text_len, packages_at, steadily,
        store_package,
    },
    pending::{Confirmations, Outcome, Pending, Settled},
    record::{Record, Touched},
    revision::Revision,
    schema_texts::SchemaText,
    sqlite::{Open, Retired, Sqlite},
    tables::{
        ScriptAnswer, ScriptLimits, ScriptRun, ScriptTask, TableRead, TableStates, table_changes, tables_at,
        visit_table_commits,
    },
    touch::{Mark, Touch},
    views::{Look, Views},
};

pub(crate) use crate::package::replay;

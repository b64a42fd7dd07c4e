//! What one commit says.

use cms_model::{
    Change, Edit, PackageName,
    table::{TableChange, TableName},
};

use crate::{Digest, Revision};

/// One transaction as the log keeps it: who changed what, when, and the exact text edits.
///
/// A commit is immutable once appended. Its [`revision`](Commit::revision) names the state after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The state that this commit makes; always its predecessor's plus one.
    pub revision: Revision,
    /// Microseconds since 1970-01-01 UTC by the writer's clock. Clocks step back, so this need not ascend.
    pub time_us: i64,
    /// Who committed: the user's name.
    pub author: String,
    /// The program that committed, for instance `cms` or `uci`.
    pub tool: String,
    /// Why, in the author's words; empty if none were given.
    pub message: String,
    /// How the changes came to be committed.
    pub origin: Origin,
    /// What sort of commit it is.
    pub kind: CommitKind,
    /// The packages it touched, each at most once.
    pub packages: Vec<PackageEntry>,
    /// What it did to tables, each at most once.
    pub tables: Vec<TableChange>,
    /// Changes of an external edit that lost against an acknowledged commit: kept here and reported, not applied.
    pub conflicts: Vec<(PackageName, Change)>,
}

impl Commit {
    /// Returns the commit without its bodies.
    pub fn header(&self) -> Header {
        Header {
            revision: self.revision,
            time_us: self.time_us,
            author: self.author.clone(),
            tool: self.tool.clone(),
            message: self.message.clone(),
            origin: self.origin,
            kind: self.kind,
            packages: self.packages.iter().map(|entry| entry.package.clone()).collect(),
            tables: self.tables.iter().filter_map(|change| change.name().ok().cloned()).collect(),
        }
    }
}

/// A [`Commit`] without its bodies: what a list of the history shows, read without touching the changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// See [`Commit::revision`].
    pub revision: Revision,
    /// See [`Commit::time_us`].
    pub time_us: i64,
    /// See [`Commit::author`].
    pub author: String,
    /// See [`Commit::tool`].
    pub tool: String,
    /// See [`Commit::message`].
    pub message: String,
    /// See [`Commit::origin`].
    pub origin: Origin,
    /// See [`Commit::kind`].
    pub kind: CommitKind,
    /// The packages it touched, in the order of [`Commit::packages`].
    pub packages: Vec<PackageName>,
    /// The tables it touched, in the order of [`Commit::tables`].
    pub tables: Vec<TableName>,
}

/// How the changes of a commit came to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By a transaction of a program.
    Direct,
    /// From a user's stage. The log remembers it so that a stage whose file outlived its own commit is not published twice.
    Stage {
        /// The user id whose stage it was.
        owner: u32,
        /// The stage.
        stage: u64,
        /// The last staged change that the commit contains.
        upto: u64,
    },
}

/// What sort of commit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitKind {
    /// Changes made through a transaction.
    Normal,
    /// Changes found in the package files, made by another program.
    External,
    /// A return to the state of an older revision.
    Rollback {
        /// The revision whose state this commit restores.
        to: Revision,
    },
    /// A reversal of the commits `from..=to` only.
    Undo {
        /// The first commit reversed.
        from: Revision,
        /// The last commit reversed.
        to: Revision,
    },
    /// The first sight of package files.
    Import,
}

/// What a commit did to one package.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageEntry {
    /// The package.
    pub package: PackageName,
    /// What was done.
    pub body: EntryBody,
}

/// What was done to a package, in meaning and in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryBody {
    /// The package was edited.
    Edit {
        /// The changes in meaning; empty if only comments or spacing changed.
        changes: Vec<Change>,
        /// The edit of the bytes and of the section ids, which replay applies.
        edit: Edit,
    },
    /// The package was created, deleted or rewritten as a whole.
    Replace {
        /// The manifest of the package before; `None` if there was none.
        old: Option<Digest>,
        /// The manifest of the package after; `None` if there is none.
        new: Option<Digest>,
        /// The changes in meaning, if they were computed.
        changes: Option<Vec<Change>>,
    },
}

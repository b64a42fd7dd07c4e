//! What a migration did, and what it could not do.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Change, Package, PackageName};

/// More conflicts than this are counted, and not kept.
const KEPT: usize = 1000;

/// What became of packages.
#[derive(Debug, Clone, Default)]
pub struct Migrated {
    /// The packages that were changed.
    pub packages: BTreeMap<PackageName, MigratedPackage>,
    /// Each step that was to be taken, in order, and in how many places it was.
    pub steps: Vec<StepCount>,
    /// What could not be done; it was left as it was.
    pub conflicts: Vec<MigrationConflict>,
    /// How many conflicts there are besides.
    pub more_conflicts: usize,
}

/// A package after a migration.
#[derive(Debug, Clone)]
pub struct MigratedPackage {
    /// What it is now.
    pub package: Package,
    /// What led there, in order.
    pub changes: Vec<Change>,
    /// Whether there was no such package.
    pub is_new: bool,
}

/// A step, and how often it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCount {
    /// The step.
    pub step: String,
    /// In how many sections.
    pub taken: u64,
    /// In how many sections it could not be taken.
    pub conflicts: u64,
}

/// Something that a migration could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationConflict {
    /// Where.
    pub key: String,
    /// The step; empty where it is none's.
    pub step: String,
    /// Why not.
    pub kind: ConflictKind,
    /// The same in a sentence.
    pub message: String,
}

/// Why a step was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictKind {
    /// There is something else already where the result would go.
    Taken,
    /// The value is not of the form, does not split, or has no exact equivalent.
    Form,
    /// Some of the options are there and others are not.
    Incomplete,
    /// There is no section to move to.
    NoTarget,
    /// A default is not known.
    DefaultUnknown,
    /// The new schema does not allow it.
    Invalid,
    /// What was removed is nowhere.
    Lost,
}

impl ConflictKind {
    /// Returns the word for it.
    ///
    /// ```
    /// assert_eq!(cms_model::schema::ConflictKind::NoTarget.as_str(), "no-target");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            ConflictKind::Taken => "taken",
            ConflictKind::Form => "form",
            ConflictKind::Incomplete => "incomplete",
            ConflictKind::NoTarget => "no-target",
            ConflictKind::DefaultUnknown => "default-unknown",
            ConflictKind::Invalid => "invalid",
            ConflictKind::Lost => "lost",
        }
    }
}

impl fmt::Display for MigrationConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl Migrated {
    /// Tells whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Returns how many changes were made.
    pub fn changes(&self) -> usize {
        self.packages.values().map(|package| package.changes.len()).sum()
    }

    /// Adds a conflict that was found elsewhere, such as by a check of the result.
    pub fn add_conflict(&mut self, conflict: MigrationConflict) {
        self.conflict(|| conflict);
    }

    pub(super) fn conflict(&mut self, make: impl FnOnce() -> MigrationConflict) {
        if self.conflicts.len() < KEPT {
            self.conflicts.push(make());
        } else {
            self.more_conflicts += 1;
        }
    }
}

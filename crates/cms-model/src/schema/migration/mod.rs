//! Migrations: how the data of one version of a schema becomes data of a later one, and back.
//!
//! `docs/migrations.md` describes the steps and what each does where it cannot do it. Everything here is a function from
//! packages to packages with their changes: `step` is the language, `form` converts values, `section` takes a step within a
//! section, `run` goes over packages, `back` takes a path back, and `read` finds the migrations of a module file. What is done to tables
//! is only read here, by `sql`; running it needs a database.

mod across;
mod back;
mod form;
mod read;
mod report;
mod run;
mod section;
mod sql;
mod step;
mod words;

pub use back::roll_back;
pub use report::{ConflictKind, Migrated, MigratedPackage, MigrationConflict, StepCount};
pub use run::migrate;
pub use sql::{Alteration, SqlAction, SqlStep};
pub use step::{Step, StepError};

pub(super) use read::migrations;

use super::Version;

/// A version of a module's schema, and how data comes to it.
///
/// ```
/// use cms_model::{Package, schema::{Module, Rules, Version}};
///
/// let text = b"config module 'blog'\n\toption version '1.1.0'\n\
///              config migration\n\toption to '1.1.0'\n\tlist step 'rename site.colour theme'\n";
/// let blog = Module::read(&Package::parse(text).unwrap(), "blog", &Rules::default()).unwrap();
/// let newest = &blog.versions()[0];
/// assert_eq!(newest.version, Version { major: 1, minor: 1, patch: 0 });
/// assert_eq!(newest.migration.steps[0].to_string(), "rename site.colour theme");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaVersion {
    /// Which version the data has afterwards.
    pub version: Version,
    /// Why there is one.
    pub description: Option<String>,
    /// When it was made, as it was written.
    pub created_at: Option<String>,
    /// How data of an earlier version comes to it.
    pub migration: Migration,
}

/// What is done to the data of an earlier version, and what takes it back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Migration {
    /// The lowest version that it can begin with; `None` leaves that to its place among the others.
    pub from: Option<Version>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What takes it back; `None` derives it from the steps.
    pub rollback: Option<Vec<Step>>,
    /// What is done to tables, in order, after the steps.
    pub sql: Vec<SqlStep>,
    /// What takes that back; `None` leaves it to what the log knows of the tables.
    pub rollback_sql: Option<Vec<SqlStep>>,
}

impl Migration {
    /// Tells whether nothing is done.
    ///
    /// ```
    /// assert!(cms_model::schema::Migration::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.sql.is_empty()
    }
}

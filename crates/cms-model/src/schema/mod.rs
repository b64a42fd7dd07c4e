//! Schemas: what a package may hold.
//!
//! A schema is UCI text itself; docs/schema.md describes the language. [`Module::read`] compiles one, once; [`Schemas`]
//! holds those that there are; a [`Checker`] checks packages against them, whole or only what changed.
//!
//! ```
//! use cms_model::Package;
//! use cms_model::schema::{Checker, Module, Rules, Schemas};
//!
//! let schema = Package::parse(b"
//! config module 'blog'
//! config section 'site'
//! config fields
//!     option title 'required|max:80'
//!     option theme 'in:light,dark|default:light'
//! ").unwrap();
//! let mut schemas = Schemas::default();
//! schemas.insert(Module::read(&schema, "blog", &Rules::default()).unwrap());
//!
//! let blog = Package::parse(b"config site 'home'\n\toption title 'Home'\n\toption theme 'drak'\n").unwrap();
//! let found = Checker::new(&schemas, &()).check("blog", &blog);
//! assert_eq!(found[0].to_string(), "blog:3:15: `blog.home.theme`: `drak` is not one of `light`, `dark`");
//! assert_eq!(found[0].hint.as_deref(), Some("did you mean `dark`?"));
//! ```

// The language: words, rules, fields, modules.
mod compile;
mod field;
mod module;
mod net;
mod pattern;
mod plain;
mod quantity;
mod read;
mod read_field;
mod rule;
mod syntax;

// Checking.
mod check;
mod code;
mod place;
mod registry;
mod relation;
mod suggest;

// Versions, and what leads from one to another.
mod migration;
mod versions;

// Other forms.
mod infer;
mod json;
mod json_schema;

pub use check::Checker;
pub use code::Code;
pub use compile::{RuleError, RuleSet};
pub use field::{Access, Condition, Deprecation, Field, Kind, Reference, Typed};
pub use infer::infer;
pub use json::Json;
pub use json_schema::{Imported, LeftOut, LeftOutReason, from_json_schema};
pub use migration::{
    Alteration, ConflictKind, Migrated, MigratedPackage, Migration, MigrationConflict, SchemaVersion,
    SqlAction, SqlStep, Step, StepCount, StepError, migrate, roll_back,
};
pub use module::{Mode, Module, Naming, SectionType, Settings, Unknown, Version};
pub(crate) use plain::Measure;
pub use plain::rule_table;
pub use quantity::{parse_duration, parse_size};
pub use registry::{Lookup, Schemas};
pub use rule::{CustomRule, NameTaken, Rules};
pub use versions::{NoPath, SchemaRegistry, fill_defaults};

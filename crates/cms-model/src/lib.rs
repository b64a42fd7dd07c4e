//! The meaning of UCI configuration text: keys, packages, sections, options and changes.
//!
//! This crate is pure: it knows neither files nor time nor users. It reads text and says what it
//! means, or what is wrong with it and where.
//!
//! ```
//! use cms_model::{Command, SliceParser};
//!
//! let text = b"config interface 'lan'\n\toption proto 'static'\n";
//! let events: Vec<_> = SliceParser::new(text).collect::<Result<_, _>>().unwrap();
//! assert!(matches!(&events[1].command, Command::Option { name, .. } if name.raw() == b"proto"));
//! ```
#![forbid(unsafe_code)]

// The language.
mod delta;
mod diagnostic;
mod key;
mod lexer;
mod machine;
mod names;
mod parse_error;
mod parser;
mod print;
mod value;

pub use delta::{DeltaEntry, DeltaLine, DeltaOperation, DeltaReader};
pub use diagnostic::{Detail, Diagnostic, Severity};
pub use key::{Key, KeyError, KeyPart, KeyReason, Selector, generated_name, parse_generated, type_hash};
pub use lexer::{Word, unquote};
pub use names::{Name, NameError, PackageName, TypeName, is_name_byte, is_package_byte, is_type_byte};
pub use parse_error::{ParseError, Reason};
pub use parser::{Command, Dialect, Event, First, ParseOptions, Parser, SliceParser, Structure, WordLines};
pub use print::{Export, quote, write_quoted, write_type};
pub use value::{Value, is_valid_value};
// End of the language.

// The state.
mod adopt;
mod apply;
mod arrange;
mod batch;
mod block;
mod change;
mod conflict;
mod diff;
mod draft;
mod edit;
mod id;
mod index;
mod load;
mod package;
mod restore;
mod scan;
mod section;
mod text_edit;
mod within;

pub use apply::ApplyError;
pub use change::{Change, ChangeKind, PackageChange};
pub use conflict::{Footprint, conflicts};
pub use draft::{Draft, DraftError, DraftResult, Outcome, Savepoint};
pub use edit::{BlockPart, Edit, EditError, IdSplice, Splice};
pub use id::{IdSource, SectionId};
pub use load::{PartsError, ReadError};
pub use package::{Package, Sections};
pub use section::Section;
// End of the state.

// What a package may hold.
pub mod schema;

// Rows of one shape.
pub mod table;

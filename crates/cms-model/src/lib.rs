//! cms-model

// The state.
mod change;
mod edit;
mod id;

pub use change::{Change, ChangeKind, PackageChange};
pub use edit::{BlockPart, Edit, IdSplice, Splice};
pub use id::{IdSource, SectionId};
// End of the state.

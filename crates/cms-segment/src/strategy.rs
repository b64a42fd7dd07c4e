//! The ways of giving out room: which of them is right when is told in `docs/strategies.md`.

mod allocator;
mod append;
mod fit;
mod in_place;
mod keeper;
mod pool;
mod tlsf;

pub use keeper::Usage;

pub(crate) use allocator::{Allocator, Extent, GRANULE, allocator, gathering};
pub(crate) use append::Append;
pub(crate) use in_place::InPlace;
pub(crate) use keeper::{Amend, Draft, Keeper, release};

/// How a store gives out room; chosen when it is created, and kept in it.
///
/// The default appends: reads borrow from the map, snapshots can be pinned, and room comes back when a generation is
/// written anew. The others reuse room in place: they stay within a small hard limit however often values are
/// overwritten, and a read copies what it answers and checks that it was not overtaken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Strategy {
    /// Log-structured, with generations.
    #[default]
    Append = 0,
    /// Size-class pools.
    Pool = 1,
    /// Two-level segregated fit.
    Tlsf = 2,
    /// The smallest free piece that is large enough.
    BestFit = 3,
    /// The first free piece that is large enough.
    FirstFit = 4,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Strategy; 5] =
        [Strategy::Append, Strategy::Pool, Strategy::Tlsf, Strategy::BestFit, Strategy::FirstFit];

    /// The strategies that reuse room in place.
    pub const IN_PLACE: [Strategy; 4] =
        [Strategy::Pool, Strategy::Tlsf, Strategy::BestFit, Strategy::FirstFit];

    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| *strategy as u8 == byte)
    }
}

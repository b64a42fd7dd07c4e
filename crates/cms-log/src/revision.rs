//! The number of a state of the whole store.

use std::fmt;

/// Names a state of the whole store; every commit makes the next one.
///
/// Revision 0 is the empty store that no commit has made.
///
/// ```
/// use cms_log::Revision;
///
/// assert_eq!(Revision::EMPTY.next(), Revision(1));
/// assert_eq!(Revision(41).next().to_string(), "42");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The empty store.
    pub const EMPTY: Revision = Revision(0);

    /// Returns the revision that the next commit makes.
    pub const fn next(self) -> Revision {
        Revision(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

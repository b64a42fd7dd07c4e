//! Exit codes: a promise to scripts, documented in `docs/exit-codes.md`.

/// How a call of `cms` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The call did what it was asked to do.
    Ok = 0,
    /// It failed for a reason that has no code of its own (input and output, an internal fault).
    Error = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// A package, section, option or revision does not exist.
    NotFound = 3,
    /// A text does not parse or is not a valid configuration.
    Invalid = 4,
    /// Somebody else changed the same thing.
    Conflict = 5,
    /// The user may not do this.
    Permission = 6,
    /// The store cannot be used now (locked, out of space, from a newer version).
    Unavailable = 7,
    /// `diff --exit-code` found changes.
    Changes = 10,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> u8 {
        exit as u8
    }
}

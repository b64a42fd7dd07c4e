//! The identity of a section: what names it in changes, conflicts and the log.

use std::fmt;

/// The stable identity of a section within its package.
///
/// Names change and positions shift; an id stays with its section for as long as the section
/// exists. The sections of a freshly parsed text are numbered 1, 2, 3 and so on; a section created
/// later gets a number drawn by [`IdSource`], so that writers that know nothing of each other do
/// not choose the same one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionId(pub u64);

impl fmt::Debug for SectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:x}", self.0)
    }
}

impl fmt::Display for SectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:x}", self.0)
    }
}

/// Draws ids for sections that did not come from a text, from a seed given by the caller.
///
/// They have the highest bit set and so differ from those that a parse gives out.
#[derive(Debug, Clone)]
pub struct IdSource {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Begun(u64),
    /// Most drafts make no section, and a seed costs a call of the system.
    Unseeded(fn() -> u64),
}

impl IdSource {
    /// Starts a sequence; the same seed gives the same ids.
    pub fn new(seed: u64) -> IdSource {
        IdSource { state: State::Begun(seed) }
    }

    /// Starts a sequence whose seed is asked for with the first id.
    ///
    /// ```
    /// use cms_model::IdSource;
    ///
    /// assert_eq!(IdSource::seeded_by(|| 7).draw(), IdSource::new(7).draw());
    /// ```
    pub fn seeded_by(seed: fn() -> u64) -> IdSource {
        IdSource { state: State::Unseeded(seed) }
    }

    /// Returns the next id (splitmix64).
    pub fn draw(&mut self) -> SectionId {
        let state = match self.state {
            State::Begun(state) => state,
            State::Unseeded(seed) => seed(),
        };
        let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state = State::Begun(mixed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        SectionId((mixed ^ (mixed >> 31)) | 1 << 63)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_ids_differ_from_parsed_ones_and_from_each_other() {
        let mut source = IdSource::new(7);
        let drawn: std::collections::HashSet<_> = (0..10_000).map(|_| source.draw()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert!(drawn.iter().all(|id| id.0 >> 63 == 1));
    }
}

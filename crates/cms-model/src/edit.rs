//! The physical difference of two texts of a package, as the log keeps it.

use crate::SectionId;

/// What was done to a text and to the ids of its stanzas.
///
/// Applied to the text it was taken from it gives the other one, byte for byte and id for id; its
/// inverse leads back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// The text edits, ascending and disjoint.
    pub text: Vec<Splice>,
    /// The edits of the list of ids, ascending and disjoint.
    pub ids: Vec<IdSplice>,
}

/// Bytes replaced by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Where the removed bytes begin in the old text.
    pub offset: u64,
    /// The bytes that go.
    pub removed: Vec<u8>,
    /// The bytes that come in their place.
    pub inserted: Vec<u8>,
}

/// Ids replaced by others, in the list that has one id for each stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdSplice {
    /// The stanza in the old order, counted from 0; a stanza that re-opens a section counts too.
    pub index: u64,
    /// The ids that go.
    pub removed: Vec<SectionId>,
    /// The ids that come in their place.
    pub inserted: Vec<SectionId>,
}

/// A run of whole stanzas with their ids: what a snapshot of a package is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockPart {
    /// The text.
    pub text: Vec<u8>,
    /// One id for each stanza in it.
    pub ids: Vec<SectionId>,
}

impl Edit {
    /// Says whether the edit changes nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.ids.is_empty()
    }

    /// Returns the edit that takes this one back.
    pub fn inverse(&self) -> Edit {
        let mut shift = 0i64;
        let text = self.text.iter().map(|splice| {
            let offset = splice.offset.wrapping_add_signed(shift);
            shift += splice.inserted.len() as i64 - splice.removed.len() as i64;
            Splice { offset, removed: splice.inserted.clone(), inserted: splice.removed.clone() }
        });
        let text = text.collect();
        let mut shift = 0i64;
        let ids = self.ids.iter().map(|splice| {
            let index = splice.index.wrapping_add_signed(shift);
            shift += splice.inserted.len() as i64 - splice.removed.len() as i64;
            IdSplice { index, removed: splice.inserted.clone(), inserted: splice.removed.clone() }
        });
        Edit { text, ids: ids.collect() }
    }
}

//! The text of a block, in memory that goes from one block to the next.
//!
//! Every change of a package copies a block, and drops one soon after. An allocator keeps pieces of this size in common for all
//! threads, and sorts and joins them at every such step, which costs more than the copy.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::block::{BLOCK_LIMIT, BLOCK_SMALL};

/// How many pieces of memory are kept: half a megabyte at most.
const SPARE: usize = 16;

/// How much a copy may grow in place.
const ROOM: usize = 256;

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// The text of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Vec<u8>);

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Text {
        Text(text)
    }
}

impl Deref for Text {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Text {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Clone for Text {
    fn clone(&self) -> Text {
        let wanted = self.0.len() + ROOM;
        let mut copy = take(wanted).unwrap_or_else(|| Vec::with_capacity(wanted));
        copy.extend_from_slice(&self.0);
        Text(copy)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if is_fit(self.0.capacity()) {
            let mut text = std::mem::take(&mut self.0);
            text.clear();
            let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < SPARE {
                kept.push(text);
            }
        }
    }
}

/// Returns an empty piece of memory with so much room, if one is kept.
fn take(room: usize) -> Option<Vec<u8>> {
    if !is_fit(room) {
        return None;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    // The last one is the likeliest to be in the processor's cache.
    let found = kept.iter().rposition(|text| text.capacity() >= room)?;
    Some(kept.swap_remove(found))
}

/// Tells whether memory of this size is worth keeping.
fn is_fit(capacity: usize) -> bool {
    (BLOCK_SMALL..=BLOCK_LIMIT).contains(&capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_the_same_and_can_grow() {
        for length in [0, 1, BLOCK_SMALL, BLOCK_SMALL + 1, BLOCK_LIMIT - ROOM, BLOCK_LIMIT, 3 * BLOCK_LIMIT] {
            for byte in [b'a', b'b'] {
                let text = Text::from(vec![byte; length]);
                let mut copy = text.clone();
                assert_eq!(copy, text);
                copy.push(b'.');
                assert_eq!((text.len(), copy.len()), (length, length + 1));
            }
        }
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        drop((0..4 * SPARE).map(|_| Text::from(vec![0; BLOCK_LIMIT])).collect::<Vec<_>>());
        let kept = KEPT.lock().unwrap();
        assert!(kept.len() <= SPARE);
        assert!(kept.iter().all(|text| text.is_empty() && is_fit(text.capacity())));
    }
}

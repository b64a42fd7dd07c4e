//! Rosters: the groups of a segment and the entries of a large group, in order and sorted.
//!
//! A roster is the record of a versioned word: an [`Order`], a [`Tree`] of the same references sorted by name, and the
//! *recent* ones, which are in neither: 64 words at `recent * 4`, filled in order, the first 0 ending them. A new member costs a word; the trees
//! take 64 at once. References are offsets divided by 4.
//!
//! | bytes | what |
//! | --- | --- |
//! | 32 | order |
//! | 16 | sorted |
//! | 4 | recent, 0 if there are none |

use std::sync::atomic::Ordering as Memory;

use crate::{
    Order, Result, Tree,
    error::damaged,
    generation::Generation,
    value::{self, decode},
    version,
};

/// Members that wait to be taken into the trees.
pub(crate) const RECENT: usize = 64;

/// A roster at a revision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Roster {
    pub order: Order,
    pub sorted: Tree,
    /// Where the recent members lie, or 0.
    pub recent: u64,
}

const SIZE: usize = Order::SIZE + Tree::SIZE + 4;

impl Roster {
    /// The roster that a word leads to at a revision.
    pub fn read(generation: &Generation, word: u32, revision: u64) -> Result<Roster> {
        let record = version::resolve(&generation.map, generation.header.shift, word, revision)?;
        if record == 0 {
            return Ok(Roster::default());
        }
        let Some(value::Value::Bytes(bytes)) = decode(&*generation.map, record)? else {
            return Err(damaged("a roster of another kind"));
        };
        let (Some(order), Some(sorted), Some(recent)) = (
            bytes.first_chunk::<{ Order::SIZE }>(),
            bytes.get(Order::SIZE..).and_then(|rest| rest.first_chunk::<{ Tree::SIZE }>()),
            bytes.get(Order::SIZE + Tree::SIZE..).and_then(|rest| rest.first_chunk::<4>()),
        ) else {
            return Err(damaged("a roster is cut short"));
        };
        Ok(Roster {
            order: Order::decode(order),
            sorted: Tree::decode(sorted),
            recent: u64::from(u32::from_le_bytes(*recent)) << 2,
        })
    }

    /// The roster as a record.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE);
        bytes.extend_from_slice(&self.order.encode());
        bytes.extend_from_slice(&self.sorted.encode());
        bytes.extend_from_slice(&((self.recent >> 2) as u32).to_le_bytes());
        let mut record = Vec::with_capacity(SIZE + 3);
        value::encode(value::Value::Bytes(&bytes), &mut record);
        record
    }

    /// The recent members, in order.
    pub fn recent<'a>(&self, generation: &'a Generation) -> Result<impl Iterator<Item = u64> + use<'a>> {
        let words = match self.recent {
            0 => &[],
            place => {
                generation.map.words(place, RECENT).ok_or_else(|| damaged("recent members lie outside"))?
            }
        };
        let members = words.iter().map(|word| u64::from(word.load(Memory::Acquire)));
        Ok(members.take_while(|member| *member != 0).map(|member| member << 2))
    }

    /// The members at positions from `start` on, in order: offsets. The recent ones follow the last.
    pub fn iter<'a>(
        &self,
        generation: &'a Generation,
        start: u64,
    ) -> Result<impl Iterator<Item = Result<u64>> + use<'a>> {
        let recent = self.recent(generation)?;
        let start = start.min(self.order.len());
        let members = self.order.range(&*generation.map, start, self.order.len());
        Ok(members.map(|member| member.map(|member| member << 2)).chain(recent.map(Ok)))
    }
}

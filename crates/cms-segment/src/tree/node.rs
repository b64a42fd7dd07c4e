//! The bytes of a tree's node.
//!
//! ```text
//! u8 level        0: a leaf
//! u8 count        1..=64 entries
//! u8 per column   low nibble: bytes of an entry (0..=8, in a leaf 1..=8); high nibble: bytes of the base (0..=8)
//! bases           little endian, one per column
//! columns         count entries each, little endian; a value is its entry + the base of its column
//! ```
//! A leaf has one column, its payloads. An inner node has three: the offsets of its children, for each child the number of
//! payloads in it and all children before it, and the first payload of each child.

use super::damaged;
use crate::{Result, Source};

/// Most entries of a node.
pub(super) const CAPACITY: usize = 64;
/// Fewer entries than this are joined with a neighbour's.
pub(super) const SPARSE: usize = CAPACITY / 4;
/// Levels above this are a lie: 16 entries a node make 2^60 payloads at level 14.
pub(super) const LEVELS: u8 = 15;

/// A node as its parent knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub offset: u64,
    pub count: u64,
    pub first: u64,
}

/// A node in the bytes of a source, found consistent with what its parent says of it.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub level: u8,
    pub len: usize,
    /// Bytes that the node takes.
    pub size: usize,
    columns: [Column<'a>; 3],
}

#[derive(Clone, Copy)]
struct Column<'a> {
    base: u64,
    width: usize,
    bytes: &'a [u8],
}

impl Column<'_> {
    const EMPTY: Self = Column { base: 0, width: 0, bytes: &[] };

    fn at(&self, index: usize) -> u64 {
        let start = index * self.width;
        let delta = match self.bytes.get(start..start + self.width) {
            Some(bytes) => number(bytes),
            None => 0,
        };
        self.base.wrapping_add(delta)
    }
}

fn number(bytes: &[u8]) -> u64 {
    match *bytes {
        [] => 0,
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        _ => bytes.iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte)),
    }
}

impl<'a> Node<'a> {
    /// The node at `offset`, which must hold `count` payloads and stand on `level` (if the caller knows it).
    pub fn read(source: &'a dyn Source, offset: u64, count: u64, level: Option<u8>) -> Result<Self> {
        let header = source.bytes(offset, 3).ok_or_else(|| damaged("a node lies outside"))?;
        let (found, len) = (header[0], usize::from(header[1]));
        if level.is_some_and(|level| level != found) || found >= LEVELS || len == 0 || len > CAPACITY {
            return Err(damaged("a node's header makes no sense"));
        }
        let names = if found == 0 { 1 } else { 3 };
        let header = source.bytes(offset, 2 + names).ok_or_else(|| damaged("a node lies outside"))?;
        let mut size = 2 + names;
        for widths in &header[2..] {
            let (width, base) = (usize::from(widths & 15), usize::from(widths >> 4));
            // An entry of a leaf takes a byte at least, so that a count beyond the bytes there are is a lie.
            if width > 8 || base > 8 || (found == 0 && width == 0) {
                return Err(damaged("a node's entries have an impossible width"));
            }
            size += base + len * width;
        }
        let bytes = source.bytes(offset, size).ok_or_else(|| damaged("a node reaches outside"))?;
        let mut columns = [Column::EMPTY; 3];
        let (mut bases, mut rest) = (&bytes[2 + names..], &[][..]);
        let bases_len: usize = header[2..].iter().map(|widths| usize::from(widths >> 4)).sum();
        if bases.len() >= bases_len {
            (bases, rest) = bases.split_at(bases_len);
        }
        for (column, widths) in columns.iter_mut().zip(&header[2..]) {
            let (base, width) = (usize::from(widths >> 4), usize::from(widths & 15));
            let (value, others) =
                bases.split_at_checked(base).ok_or_else(|| damaged("a node is cut short"))?;
            let (entries, after) =
                rest.split_at_checked(len * width).ok_or_else(|| damaged("a node is cut short"))?;
            *column = Column { base: number(value), width, bytes: entries };
            (bases, rest) = (others, after);
        }
        let node = Node { level: found, len, size, columns };
        if node.count() != count {
            return Err(damaged("a node holds another number of payloads than its parent says"));
        }
        Ok(node)
    }

    /// The number of payloads below.
    pub fn count(&self) -> u64 {
        if self.level == 0 { self.len as u64 } else { self.columns[1].at(self.len - 1) }
    }

    /// The payload at an index of a leaf, or the first payload of a child of an inner node.
    pub fn payload(&self, index: usize) -> u64 {
        self.columns[if self.level == 0 { 0 } else { 2 }].at(index)
    }

    /// The number of payloads in the children before the one at `index`.
    pub fn before(&self, index: usize) -> u64 {
        if index == 0 { 0 } else { self.columns[1].at(index - 1) }
    }

    /// The child of an inner node at an index.
    pub fn child(&self, index: usize) -> Result<Child> {
        let count = self.columns[1].at(index).checked_sub(self.before(index)).filter(|count| *count > 0);
        let count = count.ok_or_else(|| damaged("the counts of a node do not rise"))?;
        Ok(Child { offset: self.columns[0].at(index), count, first: self.columns[2].at(index) })
    }

    /// The index of the child that holds the payload at `position`.
    pub fn child_of(&self, position: u64) -> usize {
        let mut low = 0;
        let mut high = self.len - 1;
        while low < high {
            let middle = (low + high) / 2;
            if self.columns[1].at(middle) > position {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    pub fn payloads(&self) -> Vec<u64> {
        (0..self.len).map(|index| self.payload(index)).collect()
    }

    pub fn children(&self) -> Result<Vec<Child>> {
        (0..self.len).map(|index| self.child(index)).collect()
    }
}

/// The bytes of a leaf.
pub(super) fn leaf(payloads: &[u64], into: &mut Vec<u8>) {
    into.clear();
    into.extend([0, payloads.len() as u8]);
    columns(1, &[payloads], into);
}

/// The bytes of an inner node.
pub(super) fn inner(level: u8, children: &[Child], into: &mut Vec<u8>) {
    let mut total = 0;
    let offsets: Vec<u64> = children.iter().map(|child| child.offset).collect();
    let firsts: Vec<u64> = children.iter().map(|child| child.first).collect();
    let ends: Vec<u64> = children
        .iter()
        .map(|child| {
            total += child.count;
            total
        })
        .collect();
    into.clear();
    into.extend([level, children.len() as u8]);
    columns(0, &[&offsets, &ends, &firsts], into);
}

fn columns(narrowest: usize, columns: &[&[u64]], into: &mut Vec<u8>) {
    let shapes = columns.iter().map(|column| {
        let low = column.iter().copied().min().unwrap_or(0);
        let high = column.iter().copied().max().unwrap_or(0);
        (low, width(low), width(high - low).max(narrowest))
    });
    into.extend(shapes.clone().map(|(_, base, entry)| (base << 4 | entry) as u8));
    for (low, base, _) in shapes.clone() {
        into.extend_from_slice(&low.to_le_bytes()[..base]);
    }
    for (column, (low, _, entry)) in columns.iter().zip(shapes) {
        for value in *column {
            into.extend_from_slice(&(value - low).to_le_bytes()[..entry]);
        }
    }
}

/// The bytes that a number takes.
fn width(value: u64) -> usize {
    (64 - value.leading_zeros() as usize).div_ceil(8)
}

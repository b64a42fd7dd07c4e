//! Memory that is written again: every access is to an atomic word, so that a race between a reader and a writer yields
//! wrong bytes, which the reader finds out, and never undefined ones.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crate::{Source, map::Map};

/// The bytes at an offset as they are now, if they lie inside.
pub(super) fn copy(map: &Map, offset: u64, len: usize) -> Option<Vec<u8>> {
    let skip = (offset % 8) as usize;
    let words = map.longs(offset - skip as u64, skip.checked_add(len)?.div_ceil(8))?;
    let mut bytes = Vec::with_capacity(words.len() * 8);
    for word in words {
        bytes.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    bytes.truncate(skip + len);
    bytes.drain(..skip);
    Some(bytes)
}

/// Whether the bytes at an offset, a multiple of 8, are these.
pub(super) fn equal(map: &Map, offset: u64, bytes: &[u8]) -> bool {
    let Some(words) = map.longs(offset, bytes.len().div_ceil(8)) else { return false };
    words.iter().zip(bytes.chunks(8)).all(|(word, chunk)| {
        let mut wanted = [0; 8];
        wanted[..chunk.len()].copy_from_slice(chunk);
        let found = word.load(Ordering::Relaxed).to_le_bytes();
        found[..chunk.len()] == wanted[..chunk.len()]
    })
}

/// Stores bytes at an offset, a multiple of 8, and zeros up to the next. Only the writer does.
pub(super) fn store(map: &Map, offset: u64, bytes: &[u8]) -> bool {
    let Some(words) = map.longs(offset, bytes.len().div_ceil(8)) else { return false };
    for (word, chunk) in words.iter().zip(bytes.chunks(8)) {
        let mut value = [0; 8];
        value[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_le_bytes(value), Ordering::Relaxed);
    }
    true
}

/// The word at an offset.
pub(super) fn word(map: &Map, offset: u64) -> Option<&AtomicU64> {
    map.long(offset)
}

/// A source over such memory: whatever is read is copied, and stays as it was read.
pub(super) struct Copies<'a> {
    map: &'a Map,
    held: Shelf,
}

impl<'a> Copies<'a> {
    pub fn new(map: &'a Map) -> Self {
        Copies { map, held: Shelf::default() }
    }
}

impl Source for Copies<'_> {
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        Some(self.held.put(copy(self.map, offset, len)?.into_boxed_slice()))
    }

    fn size(&self) -> u64 {
        self.map.length()
    }
}

type Row = Box<[OnceLock<Box<[u8]>>]>;

/// Byte strings that can be added while those added before are borrowed: rows of doubling length, each filled once.
pub(super) struct Shelf {
    rows: [OnceLock<Row>; 48],
    next: AtomicUsize,
}

impl Default for Shelf {
    fn default() -> Self {
        Shelf { rows: std::array::from_fn(|_| OnceLock::new()), next: AtomicUsize::new(0) }
    }
}

impl Shelf {
    pub fn put(&self, bytes: Box<[u8]>) -> &[u8] {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let row = number.ilog2() as usize;
        let place = &self.rows[row].get_or_init(|| (0..1 << row).map(|_| OnceLock::new()).collect())
            [number - (1 << row)];
        place.get_or_init(|| bytes)
    }

    /// Throws away what is held, if that is much.
    pub fn clear(&mut self) {
        if *self.next.get_mut() > 64 {
            *self = Shelf::default();
        }
    }
}

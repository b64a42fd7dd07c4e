//! Memory for what lasts as long as a package: taken in large pieces, and in huge pages where there is much of it.
//!
//! A million options lie in some hundred megabytes, and each lookup touches other places of them. In pages of the common size the
//! processor would have to find out anew where nearly each of these lies, which takes as long as the lookup itself.

#![expect(unsafe_code, reason = "raw memory is handed out")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// The size of a huge page.
const HUGE: usize = 2 << 20;
/// A multiple of the size of every page that is not huge.
const PAGE: usize = 1 << 16;
/// The size of a line of the processor's cache.
pub const LINE: usize = 64;

/// Zeroed memory that begins with a line of the cache.
pub struct Block {
    start: NonNull<u8>,
    length: usize,
    is_mapped: bool,
}

impl Block {
    pub fn new(length: usize) -> Block {
        if length >= HUGE
            && let Some(block) = Block::mapped(length)
        {
            return block;
        }
        let length = length.max(LINE);
        let Ok(layout) = Layout::from_size_align(length, LINE) else {
            handle_alloc_error(Layout::new::<u8>())
        };
        // SAFETY: it is not empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) });
        let Some(start) = start else { handle_alloc_error(layout) };
        Block { start, length, is_mapped: false }
    }

    /// A block of its own that begins with a huge page; nothing if the system has no room for that.
    fn mapped(length: usize) -> Option<Block> {
        let length = length.checked_next_multiple_of(PAGE)?;
        let (rights, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the kernel chooses addresses that nothing else uses, a huge page more than are needed.
        let whole =
            unsafe { mmap_anonymous(ptr::null_mut(), length.checked_add(HUGE)?, rights, flags) }.ok()?;
        let before = whole.addr().next_multiple_of(HUGE) - whole.addr();
        // SAFETY: `before` is less than a huge page, so that `length` bytes from there on are ours; what lies before and behind them is
        // nobody's. Where it cannot be given back it stays, untouched.
        unsafe {
            let start = whole.byte_add(before);
            let _ = before > 0 && munmap(whole, before).is_err();
            let _ = munmap(start.byte_add(length), HUGE - before);
            // Where there are none, pages of the common size do.
            let _ = madvise(start, length, Advice::LinuxHugepage);
            Some(Block { start: NonNull::new(start.cast())?, length, is_mapped: true })
        }
    }

    pub fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.is_mapped {
            // SAFETY: it was mapped by `mapped` with this length, and whoever owns it is the last to use it.
            let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
        } else if let Ok(layout) = Layout::from_size_align(self.length, LINE) {
            // SAFETY: it was allocated by `new` with this layout, and whoever owns it is the last to use it.
            unsafe { dealloc(self.start.as_ptr(), layout) };
        }
    }
}

/// What pieces of memory begin at a multiple of.
pub const UNIT: usize = 16;

/// The sizes of the first block and, however much there is, of one that follows.
const SMALLEST: usize = 4 << 10;
const GREATEST: usize = 32 << 20;

/// Pieces of memory that go all at once.
#[derive(Default)]
pub struct Room {
    blocks: Vec<Block>,
    /// How much of the last block is taken.
    taken: usize,
    /// The length of all blocks.
    length: usize,
}

impl Room {
    /// Takes a piece, which lasts as long as the room. It has room for a multiple of [`UNIT`] bytes, as all blocks have.
    pub fn take(&mut self, size: usize) -> NonNull<u8> {
        let size = size.next_multiple_of(UNIT);
        let left = self.blocks.last().map_or(0, |block| block.length - self.taken);
        if left < size {
            let block = Block::new(self.length.clamp(SMALLEST, GREATEST).max(size));
            self.length += block.length;
            self.taken = 0;
            self.blocks.push(block);
        }
        let Some(block) = self.blocks.last() else { return NonNull::dangling() };
        // SAFETY: there is so much left behind what is taken.
        let piece = unsafe { block.start.add(self.taken) };
        self.taken += size;
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_zeroed_and_may_be_written_to() {
        for length in [0, 1, 4096, HUGE - 1, HUGE, 3 * HUGE + 5] {
            let block = Block::new(length);
            assert!(block.start.addr().get().is_multiple_of(if length < HUGE { LINE } else { HUGE }));
            // SAFETY: the block has so many bytes.
            let bytes = unsafe { std::slice::from_raw_parts_mut(block.start.as_ptr(), length) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(7);
        }
    }

    #[test]
    fn pieces_do_not_overlap() {
        let mut room = Room::default();
        let mut pieces = Vec::new();
        for number in 0..4000_usize {
            let size = [1, 16, 89, 700, 5000, 70_000][number % 6];
            let piece = room.take(size);
            assert!(piece.addr().get().is_multiple_of(UNIT));
            // SAFETY: the piece has so many bytes.
            unsafe { piece.write_bytes(number as u8, size) };
            pieces.push((piece, size));
        }
        for (number, (piece, size)) in pieces.into_iter().enumerate() {
            // SAFETY: as above.
            let bytes = unsafe { std::slice::from_raw_parts(piece.as_ptr(), size) };
            assert!(bytes.iter().all(|byte| *byte == number as u8), "{number}");
        }
    }
}

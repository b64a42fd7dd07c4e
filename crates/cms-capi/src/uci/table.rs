//! A table of elements by their hashes: places in memory side by side, so that most searches look at one line.
//!
//! An element is at the slot that its hash says, or at the next that was free. The lowest bits of its address, which are always
//! zero, hold some of the hash, so that of the elements of other hashes on the way few are looked into.

#![expect(unsafe_code, reason = "the slots are raw memory")]

use std::marker::PhantomData;
use std::ptr;

use super::room::{Block, UNIT};

/// The bits of an address that hold some of the hash.
const TAG: usize = UNIT - 1;

pub struct Table<T> {
    /// The slots; null while there are none.
    slots: *mut *mut T,
    capacity: usize,
    count: usize,
    _block: Option<Block>,
    _elements: PhantomData<*mut T>,
}

impl<T> Table<T> {
    pub const fn new() -> Table<T> {
        Table { slots: ptr::null_mut(), capacity: 0, count: 0, _block: None, _elements: PhantomData }
    }

    /// An empty table with room for so many elements.
    pub fn with_room(count: usize) -> Table<T> {
        // Five of eight slots are taken then.
        let capacity = count + count * 3 / 5 + 4;
        let block = Block::new(capacity * size_of::<*mut T>());
        Table {
            slots: block.start().as_ptr().cast(),
            capacity,
            count: 0,
            _block: Some(block),
            _elements: PhantomData,
        }
    }

    #[inline(always)]
    fn home(&self, hash: u64) -> usize {
        // The upper bits of the hash; the tag is of the lower ones.
        ((u128::from(hash) * self.capacity as u128) >> 64) as usize
    }

    #[inline(always)]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.capacity { 0 } else { at + 1 }
    }

    #[inline(always)]
    fn slot(&self, at: usize) -> *mut T {
        debug_assert!(at < self.capacity);
        // SAFETY: `home` and `after` answer numbers less than the capacity.
        unsafe { *self.slots.add(at) }
    }

    fn put(&mut self, at: usize, slot: *mut T) {
        debug_assert!(at < self.capacity);
        // SAFETY: as above.
        unsafe { *self.slots.add(at) = slot };
    }

    /// Asks the processor for the first slot of a search.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        prefetch(self.slots.wrapping_add(self.home(hash)).cast());
    }

    /// An element that a search for this hash is likely to find, or null.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> *mut T {
        self.find(hash, |_| true)
    }

    /// The element of this hash that is the one, or null.
    #[inline(always)]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(*mut T) -> bool) -> *mut T {
        if self.capacity == 0 {
            return ptr::null_mut();
        }
        let mut at = self.home(hash);
        loop {
            // There is always a slot that is free.
            let slot = self.slot(at);
            if slot.is_null() {
                return slot;
            }
            if (slot.addr() ^ hash as usize) & TAG == 0 {
                let element = slot.map_addr(|address| address & !TAG);
                if is_it(element) {
                    return element;
                }
            }
            at = self.after(at);
        }
    }

    /// Adds an element that is not there; its address is a multiple of [`UNIT`].
    pub fn insert(&mut self, hash: u64, element: *mut T, hash_of: impl Fn(*mut T) -> u64) {
        if (self.count + 1) * 4 > self.capacity * 3 {
            let mut larger = Table::with_room(self.count * 2 + 4);
            for at in 0..self.capacity {
                let slot = self.slot(at);
                if !slot.is_null() {
                    let element = slot.map_addr(|address| address & !TAG);
                    larger.place(hash_of(element), element);
                }
            }
            *self = larger;
        }
        self.place(hash, element);
    }

    fn place(&mut self, hash: u64, element: *mut T) {
        let mut at = self.home(hash);
        while !self.slot(at).is_null() {
            at = self.after(at);
        }
        self.put(at, element.map_addr(|address| address | (hash as usize & TAG)));
        self.count += 1;
    }

    /// Takes an element out.
    pub fn remove(&mut self, hash: u64, element: *mut T, hash_of: impl Fn(*mut T) -> u64) {
        if self.capacity == 0 {
            return;
        }
        let mut free = self.home(hash);
        while self.slot(free).map_addr(|address| address & !TAG) != element {
            if self.slot(free).is_null() {
                return;
            }
            free = self.after(free);
        }
        self.count -= 1;
        // Those that follow without a gap move up, unless they would stand before their first slot then.
        let mut at = self.after(free);
        while !self.slot(at).is_null() {
            let home = self.home(hash_of(self.slot(at).map_addr(|address| address & !TAG)));
            let from_home = |at: usize| (at + self.capacity - home) % self.capacity;
            if from_home(free) < from_home(at) {
                self.put(free, self.slot(at));
                free = at;
            }
            at = self.after(at);
        }
        self.put(free, ptr::null_mut());
    }
}

/// Asks the processor for the line of an address, which need not lead anywhere.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint that never faults, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(16))]
    struct Element {
        hash: u64,
    }

    fn hash_of(element: *mut Element) -> u64 {
        // SAFETY: the elements of these tests live as long as their tables.
        unsafe { (*element).hash }
    }

    /// Elements of which many have the same first slot, also the last one, and the same tag; they last as long as the program.
    fn elements(count: usize) -> Vec<*mut Element> {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 31
        };
        let odd = [u64::MAX, 0, 1 << 63, u64::MAX - 16];
        let mut hash = |number: usize| if number.is_multiple_of(3) { odd[number % 4] } else { next() };
        (0..count).map(|number| &raw mut *Box::leak(Box::new(Element { hash: hash(number) }))).collect()
    }

    #[track_caller]
    fn check(table: &Table<Element>, elements: &[*mut Element], is_in: &[bool]) {
        for (element, is_in) in elements.iter().zip(is_in) {
            let found = table.find(hash_of(*element), |found| ptr::eq(found, *element));
            assert_eq!(found, if *is_in { *element } else { ptr::null_mut() });
        }
    }

    #[test]
    fn what_was_put_in_is_found_until_it_is_taken_out() {
        for with_room in [false, true] {
            let elements = elements(300);
            let mut table = if with_room { Table::with_room(300) } else { Table::new() };
            let mut is_in = vec![false; 300];
            check(&table, &elements, &is_in);
            assert!(table.guess(0).is_null());
            for (at, element) in elements.iter().enumerate() {
                table.insert(hash_of(*element), *element, hash_of);
                is_in[at] = true;
                check(&table, &elements, &is_in);
            }
            // In another order, and some of them again.
            for step in 0..900 {
                let at = step * 7 % 300;
                let element = elements[at];
                match is_in[at] {
                    true => table.remove(hash_of(element), element, hash_of),
                    false if step % 2 == 0 => table.insert(hash_of(element), element, hash_of),
                    false => continue,
                }
                is_in[at] = !is_in[at];
                check(&table, &elements, &is_in);
            }
            // What is not there is not taken out.
            let absent = elements[is_in.iter().position(|is_in| !is_in).unwrap_or_default()];
            table.remove(hash_of(absent), absent, hash_of);
            check(&table, &elements, &is_in);
        }
    }
}

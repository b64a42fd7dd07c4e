//! Where threads keep the newest state that they have read of a store, so that the next read finds it in a few steps.
//!
//! To ask for thread-local memory in a library that may be loaded at any time is a call, and to see that it is there and that nobody
//! uses it are some more steps: as much as a tenth of a read. So the most frequent reads look here first: the threads of a process
//! are told apart by the address of what the system keeps of each, which is one load, and have a seat each, as far as these reach. A
//! thread that finds its seat taken does without.

#![expect(unsafe_code, reason = "what belongs to a thread is not locked")]

use std::cell::{RefCell, UnsafeCell};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Weak};

use cms_segment::Snapshot;

/// How many threads can have a seat at a store.
const SEATS: usize = 32;

/// No thread, and a seat that is being changed: no thread has these for its number.
const NOBODY: usize = 0;
const CHANGING: usize = 1;

#[repr(align(64))]
struct Seat {
    /// Whose the snapshot is: whoever finds his own number here may use it, and nobody else.
    owner: AtomicUsize,
    snapshot: UnsafeCell<Option<Snapshot>>,
}

/// The seats at a store.
pub struct Seats([Seat; SEATS]);

// SAFETY: of a seat nothing is touched but by its owner, besides the owner's number. A snapshot may go from thread to thread.
unsafe impl Sync for Seats where Snapshot: Send {}

thread_local! {
    /// What a thread leaves when it ends.
    static TAKEN: RefCell<Taken> = const { RefCell::new(Taken(Vec::new())) };
}

struct Taken(Vec<Weak<Seats>>);

impl Drop for Taken {
    fn drop(&mut self) {
        for seats in self.0.iter().filter_map(Weak::upgrade) {
            seats.leave();
        }
    }
}

/// The number of this thread, which no other has that lives: an address.
#[inline(always)]
fn me() -> usize {
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux"))]
    {
        let me: usize;
        // SAFETY: the interface of ELF to thread-local memory has the address of the thread's block there.
        unsafe {
            std::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) me, options(pure, readonly, nostack, preserves_flags));
        }
        me
    }
    #[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux")))]
    {
        thread_local!(static HERE: u16 = const { 0 });
        HERE.with(|here| std::ptr::from_ref(here).addr())
    }
}

impl Seats {
    pub fn new() -> Arc<Seats> {
        let seat = || Seat { owner: AtomicUsize::new(NOBODY), snapshot: UnsafeCell::new(None) };
        Arc::new(Seats(std::array::from_fn(|_| seat())))
    }

    /// The seat that a thread has or may take.
    #[inline(always)]
    fn seat(&self, me: usize) -> &Seat {
        // The blocks of threads lie at distances that are alike: the upper bits of such a product tell them apart nevertheless.
        let mixed = (me as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SEATS.ilog2());
        &self.0[mixed as usize % SEATS]
    }

    /// Hands what this thread has left here to a closure, which calls nothing that changes it.
    #[inline(always)]
    pub fn glance<T>(&self, with: impl FnOnce(&Snapshot) -> Option<T>) -> Option<T> {
        let me = me();
        let seat = self.seat(me);
        if seat.owner.load(Ordering::Relaxed) != me {
            return None;
        }
        // SAFETY: this thread has written it, before its number, and nothing changes it meanwhile.
        with(unsafe { &*seat.snapshot.get() }.as_ref()?)
    }

    /// Whether this thread has a seat or may take one.
    pub fn is_open(&self) -> bool {
        let me = me();
        let owner = self.seat(me).owner.load(Ordering::Relaxed);
        owner == me || owner == NOBODY
    }

    /// Leaves a snapshot here for this thread, if it has a seat or can get one.
    pub fn keep(self: &Arc<Self>, snapshot: Snapshot) {
        let me = me();
        let seat = self.seat(me);
        match seat.owner.load(Ordering::Relaxed) {
            // A process that is forked off meanwhile has no such thread, but may get one of its number: that finds a seat in change.
            owner if owner == me => {
                seat.owner.store(CHANGING, Ordering::Relaxed);
                fence(Ordering::Release);
            }
            NOBODY => {
                // Without a way to leave it when the thread ends, it would be taken for ever.
                let noted = TAKEN.try_with(|taken| {
                    let Ok(mut taken) = taken.try_borrow_mut() else { return false };
                    taken.0.retain(|seats| seats.strong_count() > 0);
                    if !taken.0.iter().any(|seats| std::ptr::eq(seats.as_ptr(), Arc::as_ptr(self))) {
                        taken.0.push(Arc::downgrade(self));
                    }
                    true
                });
                let is_mine = || {
                    let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
                    seat.owner.compare_exchange(NOBODY, CHANGING, acquire, relaxed).is_ok()
                };
                if noted != Ok(true) || !is_mine() {
                    return;
                }
            }
            _ => return,
        }
        // SAFETY: whoever marked the seat as changing is alone with it.
        let old = unsafe { (*seat.snapshot.get()).replace(snapshot) };
        seat.owner.store(me, Ordering::Release);
        drop(old);
    }

    /// Gives this thread's seat up.
    pub fn leave(&self) {
        let me = me();
        let seat = self.seat(me);
        if seat.owner.load(Ordering::Relaxed) == me {
            seat.owner.store(CHANGING, Ordering::Relaxed);
            fence(Ordering::Release);
            // SAFETY: as above.
            let old = unsafe { (*seat.snapshot.get()).take() };
            seat.owner.store(NOBODY, Ordering::Release);
            drop(old);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that goes wrong ends")]

    use cms_segment::{Root, RootOptions, Value};

    use super::*;

    /// A store and its snapshots of two revisions.
    fn snapshots() -> (tempfile::TempDir, [Snapshot; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
        let mut writer = root.writer().unwrap();
        let both = [1, 2].map(|revision| {
            let mut batch = writer.batch(revision).unwrap();
            batch.set(b"a.b", Value::Int(7)).unwrap();
            batch.publish().unwrap();
            root.snapshot().unwrap()
        });
        (dir, both)
    }

    fn seen(seats: &Seats) -> Option<u64> {
        seats.glance(|snapshot| Some(snapshot.revision()))
    }

    #[test]
    fn a_thread_finds_what_it_left_and_nobody_elses() {
        let (_dir, [first, second]) = snapshots();
        let seats = Seats::new();
        assert_eq!(seen(&seats), None);
        seats.keep(first.clone());
        assert_eq!(seen(&seats), Some(1));
        // One after the other, so that many have the same number, and many at once, so that not all have a seat.
        for _ in 0..40 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    assert_eq!(seen(&seats), None);
                    seats.keep(second.clone());
                    assert!(matches!(seen(&seats), Some(2) | None));
                });
            });
        }
        let barrier = std::sync::Barrier::new(2 * SEATS);
        let seated = std::thread::scope(|scope| {
            let ask = || {
                seats.keep(second.clone());
                let found = seen(&seats);
                barrier.wait();
                assert_eq!(seen(&seats), found);
                assert_eq!(seats.is_open(), found.is_some());
                barrier.wait();
                usize::from(found == Some(2))
            };
            let threads: Vec<_> = (0..2 * SEATS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert!((1..SEATS).contains(&seated), "{seated}");
        assert_eq!(seen(&seats), Some(1));
        seats.keep(second);
        assert_eq!(seen(&seats), Some(2));
        seats.leave();
        assert_eq!(seen(&seats), None);
    }

    #[test]
    fn a_thread_that_ends_leaves_its_seat() {
        let (_dir, [first, _]) = snapshots();
        let seats = Seats::new();
        std::thread::scope(|scope| {
            scope.spawn(|| seats.keep(first.clone())).join().unwrap();
        });
        let taken = |seat: &&Seat| seat.owner.load(Ordering::Acquire) != NOBODY;
        assert_eq!(seats.0.iter().filter(taken).count(), 0);
        // Also where the store is closed first.
        std::thread::spawn(move || {
            seats.keep(first);
            drop(seats);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn every_seat_is_somebodys_and_is_noted_once() {
        let (_dir, [first, _]) = snapshots();
        let seats = Seats::new();
        let places: std::collections::BTreeSet<usize> = (0..10_000_usize)
            .map(|number| std::ptr::from_ref(seats.seat(0x7f00_0000_0000 + number * 0x21_000)).addr())
            .collect();
        assert_eq!(places.len(), SEATS);
        for _ in 0..100 {
            seats.keep(first.clone());
            seats.leave();
        }
        TAKEN.with(|taken| assert_eq!(taken.borrow().0.len(), 1));
    }
}

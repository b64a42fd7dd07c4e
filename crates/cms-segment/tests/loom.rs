//! The publication protocol under every interleaving and every order of loads that the memory model allows.
//!
//! The model has the shape of the real thing, and its orderings: words that lead to records, records of revision and
//! predecessor that are plain memory (so that loom tells a race on them), a journal, a head, generations. `docs/segment-format.md`
//! numbers the steps; `pen.rs`, `version.rs`, `batch.rs` and `writer.rs` are the real ones. One test with a weaker ordering shows that
//! the model would tell.

#![expect(unsafe_code, reason = "plain memory of the model is shared by its rules, which loom checks")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong ends")]

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

const SLOTS: usize = 2;
const RECORDS: usize = 8;

#[derive(Clone, Copy, Default)]
struct Record {
    revision: u64,
    predecessor: u32,
    value: u32,
}

/// What the processes share: one generation and the root.
struct Store {
    head: AtomicU64,
    slots: [AtomicU32; SLOTS],
    /// Word n leads to record n; 0 to nothing. A record is written before a word leads to it, and never again.
    records: [UnsafeCell<Record>; RECORDS],
    journal_revision: AtomicU64,
    journal_count: AtomicU64,
    journal: [AtomicU64; SLOTS],
    publish: Ordering,
}

// The records are shared by the rules above; loom tells if they do not hold.
unsafe impl Sync for Store {}
unsafe impl Send for Store {}

impl Store {
    fn new(publish: Ordering) -> Store {
        let store = Store {
            head: AtomicU64::new(1),
            slots: std::array::from_fn(|slot| AtomicU32::new(slot as u32 + 1)),
            records: std::array::from_fn(|_| UnsafeCell::new(Record::default())),
            journal_revision: AtomicU64::new(0),
            journal_count: AtomicU64::new(0),
            journal: std::array::from_fn(|_| AtomicU64::new(0)),
            publish,
        };
        for slot in 0..SLOTS {
            store.write(slot as u32 + 1, Record { revision: 1, predecessor: 0, value: 1 });
        }
        store
    }

    fn write(&self, word: u32, record: Record) {
        self.records[word as usize].with_mut(|place| unsafe { *place = record });
    }

    fn read(&self, word: u32) -> Record {
        self.records[word as usize].with(|place| unsafe { *place })
    }

    /// `version::resolve`.
    fn resolve(&self, slot: usize, revision: u64) -> u32 {
        let mut word = self.slots[slot].load(Ordering::Acquire);
        while word != 0 {
            let record = self.read(word);
            if record.revision <= revision {
                return record.value;
            }
            word = record.predecessor;
        }
        0
    }

    /// A batch that sets every slot to its revision, of which `stores` stores are done before the writer is killed.
    /// Answers whether it was published.
    fn batch(&self, revision: u64, first_record: u32, mut stores: u32) -> bool {
        let mut killed = || {
            let killed = stores == 0;
            stores = stores.saturating_sub(1);
            killed
        };
        if killed() {
            return false;
        }
        self.journal_revision.store(revision, Ordering::Release);
        for slot in 0..SLOTS {
            let old = self.slots[slot].load(Ordering::Relaxed);
            let word = first_record + slot as u32;
            // Nothing leads to the record yet.
            self.write(word, Record { revision, predecessor: old, value: revision as u32 });
            if killed() {
                return false;
            }
            self.journal[slot].store(u64::from(old), Ordering::Relaxed);
            if killed() {
                return false;
            }
            self.journal_count.store(slot as u64 + 1, Ordering::Release);
            if killed() {
                return false;
            }
            self.slots[slot].store(word, Ordering::Release);
        }
        if killed() {
            return false;
        }
        self.head.store(revision, self.publish);
        if killed() {
            return true;
        }
        self.journal_count.store(0, Ordering::Release);
        true
    }

    /// `pen::repair`.
    fn repair(&self) {
        let count = self.journal_count.load(Ordering::Acquire);
        if self.journal_revision.load(Ordering::Acquire) > self.head.load(Ordering::Acquire) {
            for slot in (0..count as usize).rev() {
                let old = self.journal[slot].load(Ordering::Relaxed);
                self.slots[slot].store(old as u32, Ordering::Release);
            }
        }
        self.journal_count.store(0, Ordering::Release);
    }

    /// A reader: pins the head, reads every slot, twice.
    fn look(&self) -> u64 {
        let pinned = self.head.load(Ordering::Acquire);
        for _ in 0..2 {
            for slot in 0..SLOTS {
                assert_eq!(u64::from(self.resolve(slot, pinned)), pinned, "slot {slot} at {pinned}");
            }
        }
        pinned
    }
}

fn readers_see_whole_batches(publish: Ordering) {
    loom::model(move || {
        let store = Arc::new(Store::new(publish));
        let writer = {
            let store = store.clone();
            thread::spawn(move || {
                assert!(store.batch(2, 3, u32::MAX));
            })
        };
        store.look();
        writer.join().unwrap();
        assert_eq!(store.look(), 2);
    });
}

#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    readers_see_whole_batches(Ordering::Release);
}

#[test]
#[should_panic]
fn a_head_without_release_would_be_told() {
    readers_see_whole_batches(Ordering::Relaxed);
}

/// A writer is killed after each of its stores; the next one repairs, and publishes a batch of the same revision.
#[test]
fn a_killed_writer_leaves_nothing_that_is_seen() {
    for stores in 0..=9 {
        loom::model(move || {
            let store = Arc::new(Store::new(Ordering::Release));
            let writer = {
                let store = store.clone();
                thread::spawn(move || {
                    let published = store.batch(2, 3, stores);
                    // The lock passes on: what the killed writer stored happened before what the next one does.
                    store.repair();
                    let next = if published { 3 } else { 2 };
                    assert!(store.batch(next, 5, u32::MAX));
                })
            };
            store.look();
            writer.join().unwrap();
            let head = store.look();
            assert_eq!(head, if stores >= 8 { 3 } else { 2 });
        });
    }
}

/// The root's view of two generations, the second of which is published with revision 2.
struct Swap {
    head: AtomicU64,
    current: AtomicU64,
    previous: AtomicU64,
    /// Content of generation n, which begins with revision n; written before the root names it.
    generations: [UnsafeCell<u64>; 3],
}

unsafe impl Sync for Swap {}
unsafe impl Send for Swap {}

#[test]
fn a_swap_is_seen_whole_or_not_at_all() {
    loom::model(|| {
        let swap = Arc::new(Swap {
            head: AtomicU64::new(1),
            current: AtomicU64::new(1),
            previous: AtomicU64::new(0),
            generations: std::array::from_fn(|_| UnsafeCell::new(0)),
        });
        swap.generations[1].with_mut(|place| unsafe { *place = 1 });
        let writer = {
            let swap = swap.clone();
            thread::spawn(move || {
                swap.generations[2].with_mut(|place| unsafe { *place = 2 });
                swap.previous.store(1, Ordering::Release);
                swap.current.store(2, Ordering::Release);
                swap.head.store(2, Ordering::Release);
                swap.previous.store(0, Ordering::Release);
            })
        };
        // `Shared::maps`.
        for _ in 0..2 {
            let head = swap.head.load(Ordering::Acquire);
            let mut number = swap.current.load(Ordering::Acquire);
            let since = |number: u64| number;
            if since(number) > head {
                number = swap.previous.load(Ordering::Acquire);
                if number == 0 {
                    // The head has moved: the reader tries again, with a newer head.
                    assert_eq!(swap.head.load(Ordering::Acquire), 2);
                    continue;
                }
            }
            let content = swap.generations[number as usize].with(|place| unsafe { *place });
            assert_eq!(content, number);
            assert!(since(number) <= head && (head < 2 || number == 2), "{number} at {head}");
        }
        writer.join().unwrap();
    });
}

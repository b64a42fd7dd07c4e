//! What a thread has found lately, for segments too large for a key table (`keys.rs`).
//!
//! A program asks for a few keys of many over and over. In a large segment each of their lookups goes through an index, a group and
//! a value that lie far from each other; here a key lies in one cache line with the place of its value. What is
//! remembered is where the value of one key at one revision of one generation lies, and that never changes: there is nothing to
//! keep up to date, and nothing that threads share. Another revision is looked up again, and takes the place of the older one.
//!
//! A thread takes room for it when it has looked for long: for one key of 64, up to a MiB. A walk over the store drives nothing out: a
//! slot is given to another key when that comes twice before the one that has it comes again. Where few keys come again, memory
//! is left alone for most of the time, so that it costs such a program little.

use std::{
    cell::{Cell, RefCell},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    generation::{GREATEST_ROOM, Generation},
    hash::Ends,
};

/// The fewest keys that a thread has room for, and the most. Powers of two.
const FEWEST: usize = 1024;
const MOST: usize = 16_384;
/// So many entries of a generation for each key.
const SHARE: u64 = 64;
/// Keys up to this length are remembered.
const GREATEST: usize = 39;
/// Lookups of a thread before it takes room.
const PATIENCE: u32 = 1000;
/// Lookups for each slot that may lead to nothing before memory is left alone. Each one that leads to something makes up
/// for two.
const BUDGET: u32 = 4;
/// For so many times as many lookups.
const LONG: u32 = 16;

/// Where the value of a key lies.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Slot {
    /// The number of the generation in this process; 0 if the slot is free.
    generation: u64,
    revision: u64,
    /// Where the record lies: a [`Place`] as a number; above it, a part of the hash of the last other key that was looked for
    /// here, unless the slot's own has come since.
    place: u64,
    length: u8,
    key: [u8; GREATEST],
}

/// Where a record lies, and what its first byte says: the record itself need not be looked at to hand it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub offset: u64,
    /// The length of a short string, or [`LONG_STRING`](crate::value::LONG_STRING) for every other value.
    pub length: u8,
}

/// Bits of an offset: the greatest segment has no more bytes.
const OFFSET: u32 = GREATEST_ROOM.ilog2();
/// Bits of a place.
const PLACE: u32 = OFFSET + 8;

impl Place {
    #[inline(always)]
    fn to_number(self) -> u64 {
        self.offset | u64::from(self.length) << OFFSET
    }

    #[inline(always)]
    fn of_number(number: u64) -> Self {
        Place { offset: number & ((1 << OFFSET) - 1), length: (number >> OFFSET) as u8 }
    }
}

const FREE: Slot = Slot { generation: 0, revision: 0, place: 0, length: 0, key: [0; GREATEST] };

impl Slot {
    /// Whether the slot is that of a key, of whichever generation.
    #[inline(always)]
    fn is_of(&self, key: &Ends<'_>) -> bool {
        let part = |at: usize| self.key.get(at..).and_then(|rest| rest.first_chunk());
        usize::from(self.length) == key.length
            && part(0) == Some(key.first)
            && part(key.middle_at()) == Some(key.middle)
            && part(key.last_at()) == Some(key.last)
    }

    /// Makes it the slot of a key.
    fn take(&mut self, key: &Ends<'_>) {
        self.length = key.length as u8;
        for (at, part) in [(0, key.first), (key.middle_at(), key.middle), (key.last_at(), key.last)] {
            if let Some(place) = self.key.get_mut(at..at + part.len()) {
                place.copy_from_slice(part);
            }
        }
    }
}

struct Hot {
    /// Lookups that may lead to nothing until memory is left alone.
    budget: u32,
    slots: Vec<Slot>,
}

thread_local! {
    /// Lookups until memory is asked again.
    static REST: Cell<u32> = const { Cell::new(PATIENCE) };
    static HOT: RefCell<Hot> = const { RefCell::new(Hot { budget: 0, slots: Vec::new() }) };
}

/// Whether memory is left alone in this lookup.
#[inline(always)]
pub(crate) fn rests() -> bool {
    REST.with(|rest| {
        let lookups = rest.get();
        rest.set(lookups.saturating_sub(1));
        lookups != 0
    })
}

/// What a thread's memory says of a key.
pub(crate) enum Recalled {
    /// Its record.
    At(Place),
    /// It should be remembered: the hash.
    Wanted(u64),
    Nothing,
}

/// A number that no other generation has that this process maps or has mapped.
pub(crate) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What the thread remembers of a key at a revision.
#[inline(always)]
pub(crate) fn recall(generation: &Generation, key: &[u8], revision: u64) -> Recalled {
    let recalled = HOT.try_with(|hot| {
        let Ok(mut hot) = hot.try_borrow_mut() else { return Recalled::Nothing };
        let hot = &mut *hot;
        if hot.budget == 0 {
            hot.begin(generation);
        }
        let Some(ends) = Ends::of(key).filter(|ends| ends.length <= GREATEST) else {
            return Recalled::Nothing;
        };
        let hash = generation.hasher.ends(&ends);
        let number = hash as usize & hot.slots.len().wrapping_sub(1);
        let most = hot.slots.len() as u32 * BUDGET;
        let Some(slot) = hot.slots.get_mut(number) else { return Recalled::Nothing };
        let is_same = slot.generation == generation.number && slot.revision == revision;
        if is_same && slot.is_of(&ends) {
            // Not stored over and over: a line that is written has to be written back.
            if slot.place >> PLACE != 0 {
                slot.place &= (1 << PLACE) - 1;
            }
            hot.budget = (hot.budget + 2).min(most);
            return Recalled::At(Place::of_number(slot.place));
        }
        hot.budget = hot.budget.saturating_sub(1);
        if hot.budget == 0 {
            REST.set(most * LONG);
        }
        // What was at another revision is worth nothing.
        let tag = hash >> PLACE;
        if !is_same || slot.place >> PLACE == tag {
            return Recalled::Wanted(hash);
        }
        slot.place = slot.place & ((1 << PLACE) - 1) | tag << PLACE;
        Recalled::Nothing
    });
    recalled.unwrap_or(Recalled::Nothing)
}

/// Remembers where the record of a key lies.
#[inline(never)]
pub(crate) fn remember(generation: &Generation, key: &[u8], hash: u64, revision: u64, place: Place) {
    let _ = HOT.try_with(|hot| {
        if let Ok(mut hot) = hot.try_borrow_mut()
            && let Some(ends) = Ends::of(key)
            && let number = hash as usize & hot.slots.len().wrapping_sub(1)
            && let Some(slot) = hot.slots.get_mut(number)
        {
            slot.take(&ends);
            (slot.generation, slot.revision, slot.place) = (generation.number, revision, place.to_number());
        }
    });
}

impl Hot {
    /// Begins to remember keys of a generation, with more room if it has more entries than those before.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, generation: &Generation) {
        let wanted = usize::try_from(generation.header.entries / SHARE).unwrap_or(MOST);
        let slots = wanted.clamp(FEWEST, MOST).next_power_of_two();
        if self.slots.len() < slots {
            self.slots = vec![FREE; slots];
        }
        self.budget = self.slots.len() as u32 * BUDGET;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Root, RootOptions, Snapshot, Value};

    /// What a key has at the revisions 1 to 3.
    fn text(key: &str, revision: u64) -> String {
        match key.len() % 3 {
            0 => key.repeat(6) + &revision.to_string(),
            _ => format!("{key}={revision}"),
        }
    }

    fn ask(snapshot: &Snapshot, keys: &[String]) {
        for _ in 0..6 {
            for key in keys {
                let expected = text(key, snapshot.revision());
                assert_eq!(
                    snapshot.get(key.as_bytes()).unwrap(),
                    Some(Value::String(expected.as_bytes())),
                    "{key}"
                );
            }
            assert_eq!(snapshot.get(b"network.section1.nothing_of_the_kind").unwrap(), None);
        }
    }

    #[test]
    fn every_snapshot_remembers_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(folder.path(), &RootOptions::default()).unwrap();
        let keys: Vec<String> = (0..12_000)
            .map(|number| match number % 3 {
                0 => format!("network.section{}.option{number}", number / 20),
                1 => format!("n.s{}.o{number}", number / 20),
                _ => format!("firewall.a_section_of_a_long_name{}.option{number}", number / 20),
            })
            .collect();
        let load = |revision| {
            keys.iter()
                .map(move |key| (key.rsplit_once('.').unwrap(), text(key, revision)))
                .collect::<Vec<_>>()
        };
        let rebuild = |revision| {
            let entries = load(revision);
            let entries =
                entries.iter().map(|((path, leaf), text)| (*path, *leaf, Value::String(text.as_bytes())));
            root.writer().unwrap().rebuild("", entries, revision).unwrap();
            root.snapshot().unwrap()
        };
        let asked = &keys[..900];
        let first = rebuild(1);
        let remembered = |snapshot: &Snapshot| {
            REST.set(0);
            ask(snapshot, asked);
            let generation = snapshot.maps().generation(0).unwrap();
            let is_at = |key: &&String| {
                matches!(recall(generation, key.as_bytes(), snapshot.revision()), Recalled::At(_))
            };
            asked.iter().filter(is_at).count()
        };
        ask(&first, asked);
        let newest = remembered(&first);
        let mut writer = root.writer().unwrap();
        let mut batch = writer.batch(2).unwrap();
        for key in &keys {
            batch.set(key.as_bytes(), Value::String(text(key, 2).as_bytes())).unwrap();
        }
        batch.publish().unwrap();
        drop(writer);
        let second = root.snapshot().unwrap();
        let third = rebuild(3);
        for _ in 0..2 {
            for snapshot in [&first, &second, &third] {
                ask(snapshot, asked);
            }
        }
        // Those that share a slot drive each other out, some are too long, and short ones or older values go other ways.
        let counts = [newest, remembered(&second), remembered(&third)];
        assert!(counts.iter().all(|count| (150..600).contains(count)), "{counts:?}");
        // Another generation with the same hashes at the same revision, as a store may have that was made anew.
        let generation = third.maps().generation(0).unwrap();
        let other = Generation {
            map: generation.map.clone(),
            header: generation.header,
            hasher: generation.hasher,
            number: number(),
        };
        for key in asked {
            assert!(!matches!(recall(&other, key.as_bytes(), third.revision()), Recalled::At(_)));
        }
        // Another thread begins with nothing, and reads the same.
        std::thread::scope(|scope| {
            scope.spawn(|| ask(&first, &asked[..10]));
        });
    }

    #[test]
    fn memory_is_left_alone_where_nothing_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(folder.path(), &RootOptions::default()).unwrap();
        let keys: Vec<String> =
            (0..30_000).map(|number| format!("network.section{}.option{number}", number / 20)).collect();
        let entries = keys.iter().map(|key| key.rsplit_once('.').unwrap());
        let entries = entries.map(|(path, leaf)| (path, leaf, Value::String(leaf.as_bytes())));
        root.writer().unwrap().rebuild("", entries, 1).unwrap();
        let snapshot = root.snapshot().unwrap();
        let rests = || REST.get() > 0;
        for key in &keys {
            snapshot.get(key.as_bytes()).unwrap();
        }
        assert!(rests());
        for _ in 0..100 {
            for key in &keys[..900] {
                snapshot.get(key.as_bytes()).unwrap();
            }
        }
        assert!(!rests(), "keys that come again are remembered after a while");
    }
}

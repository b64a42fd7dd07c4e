//! A store that is open in this process.

#![expect(unsafe_code, reason = "the members that the header shows are shared with C")]

use std::cell::{RefCell, UnsafeCell};
use std::collections::HashMap;
use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cms_segment::{Error, Root, Snapshot, Store, StoreOptions};

use super::layout::Shown;
use super::seats::Seats;
use super::view::{ArrayView, EntryView, Heads};
use crate::border::{given, guard, status};
use crate::status::{Failure, Result, Status};
use crate::text::{Text, owned};

/// `struct ConfigStore`, and behind what the header shows of it, what it does not.
#[repr(C)]
pub struct ConfigStore {
    /// C reads and, under the lock, changes these.
    shown: UnsafeCell<Shown>,
    /// Tells this store from any other that was ever open in this process.
    id: u64,
    /// What `segment_name` leads to.
    _name: CString,
    pub store: Store,
    root: Root,
    /// A snapshot on each map that a string was handed out of: such strings stay where they are.
    pins: Mutex<Vec<Snapshot>>,
    seats: Arc<Seats>,
}

// SAFETY: what is shown is only touched by those who hold its lock, or before anybody else has the store; the rest may be shared.
unsafe impl Sync for ConfigStore {}

/// How many stores a thread reads in turn without looking for their newest state anew.
const SLOTS: usize = 4;

thread_local! {
    /// The newest states that this thread has read, by the stores' ids.
    static SEEN: RefCell<[Option<(u64, Snapshot)>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
    /// What this thread was handed last, by store and key: arrays that it walks through, and rows that it found.
    static ARRAYS: RefCell<HashMap<(u64, Vec<u8>), ArrayView>> = RefCell::default();
    static ROWS: RefCell<HashMap<(u64, Vec<u8>), EntryView>> = RefCell::default();
}

impl ConfigStore {
    fn open(name: &str, limit: usize) -> Result<Box<ConfigStore>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let options = StoreOptions::new().limit(limit as u64);
        let store = match Store::open_or_create(name, &options) {
            // Who may not write may read.
            Err(Error::Denied { .. }) => Store::attach(name)?,
            opened => opened?,
        };
        let root = store.root().cloned().ok_or_else(|| {
            Failure::invalid(format!(
                "store '{name}' reuses room in place: pointers into it would not last; open it from Rust"
            ))
        })?;
        let snapshot = root.snapshot()?;
        let size = usize::try_from(store.usage()?.limit).unwrap_or(usize::MAX);
        let name = owned(name, "name of the store")?;
        let shown = Shown {
            segment_name: name.as_ptr().cast_mut(),
            segment_size: size,
            base_address: snapshot.base().map_or(ptr::null_mut(), |base| base.cast_mut().cast()),
            entries: ptr::null_mut(),
            arrays: ptr::null_mut(),
            tables: ptr::null_mut(),
            lock: libc::PTHREAD_RWLOCK_INITIALIZER,
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (pins, seats) = (Mutex::new(vec![snapshot]), Seats::new());
        let shown = UnsafeCell::new(shown);
        Ok(Box::new(ConfigStore { shown, id, _name: name, store, root, pins, seats }))
    }

    /// Hands the newest state to a closure. What the closure finds stays where it is in memory until the store is closed or trimmed.
    #[inline]
    pub fn read<T>(&self, with: impl FnOnce(&Snapshot) -> Result<T>) -> Result<T> {
        let mut with = Some(with);
        let seen = SEEN.try_with(|seen| {
            // Nobody is called back from here, so that nobody else has it borrowed.
            let Ok(mut seen) = seen.try_borrow_mut() else { return None };
            let slot = &mut seen[(self.id % SLOTS as u64) as usize];
            let snapshot = match slot {
                Some((id, snapshot)) if *id == self.id && snapshot.revision() == self.root.head() => snapshot,
                _ => match self.refresh() {
                    Ok(snapshot) => &slot.insert((self.id, snapshot)).1,
                    Err(failure) => return Some(Err(failure)),
                },
            };
            with.take().map(|with| with(snapshot))
        });
        match (seen, with) {
            (Ok(Some(answer)), _) => answer,
            // The thread is ending.
            (_, Some(with)) => with(&self.refresh()?),
            (_, None) => Err(Failure::new(Status::Internal, "a read was done twice")),
        }
    }

    /// Hands the state that this thread has read last to a closure, if it is still the newest. The closure does not read from here.
    #[inline(always)]
    pub fn glance<T>(&self, with: impl Fn(&Snapshot) -> Option<T>) -> Option<T> {
        let newest = |snapshot: &Snapshot| {
            if snapshot.revision() == self.root.head() { with(snapshot) } else { None }
        };
        self.seats.glance(newest)
    }

    /// The same for a thread that has no seat, and so keeps what it has read in its own memory alone.
    pub fn glance_unseated<T>(&self, with: impl Fn(&Snapshot) -> Option<T>) -> Option<T> {
        if self.seats.is_open() {
            return None;
        }
        let seen = SEEN.try_with(|seen| match &seen.try_borrow().ok()?[(self.id % SLOTS as u64) as usize] {
            Some((id, snapshot)) if *id == self.id && snapshot.revision() == self.root.head() => {
                with(snapshot)
            }
            _ => None,
        });
        seen.ok()?
    }

    /// Keeps the newest state where the next [`glance`](ConfigStore::glance) finds it.
    pub fn settle(&self) -> Result<()> {
        let head = self.root.head();
        let is_newest = |snapshot: &Snapshot| (snapshot.revision() == head).then_some(());
        if self.seats.is_open() && self.seats.glance(is_newest).is_none() {
            self.seats.keep(self.read(|snapshot| Ok(snapshot.clone()))?);
        }
        Ok(())
    }

    #[cold]
    fn refresh(&self) -> Result<Snapshot> {
        let snapshot = self.root.snapshot()?;
        let mut pins = self.pins.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !pins.iter().rev().any(|pin| pin.shares_maps(&snapshot)) {
            pins.push(snapshot.clone());
        }
        Ok(snapshot)
    }

    /// Hands the views to a closure, under the store's lock.
    pub fn views<T>(&self, with: impl FnOnce(Heads<'_>) -> Result<T>) -> Result<T> {
        let shown = self.shown.get();
        // SAFETY: the lock was initialized with the store, and lives with it.
        let locked = unsafe { libc::pthread_rwlock_wrlock(&raw mut (*shown).lock) };
        if locked != 0 {
            let message = "this thread holds the lock of the store's views already; unlock it first";
            return Err(Failure::new(Status::Busy, message));
        }
        // SAFETY: the heads are ours as long as we hold the lock; the header asks the same of C.
        let heads = unsafe {
            Heads {
                entries: &mut (*shown).entries,
                arrays: &mut (*shown).arrays,
                tables: &mut (*shown).tables,
            }
        };
        let answer = crate::border::caught(|| with(heads));
        // SAFETY: it was locked above.
        unsafe { libc::pthread_rwlock_unlock(&raw mut (*shown).lock) };
        answer
    }

    /// Keeps an array that this thread is about to walk through, in place of the one before, and answers the element behind another.
    pub fn walk(&self, key: &[u8], fresh: Option<ArrayView>, element: *mut c_void) -> *mut c_void {
        let walked = ARRAYS.try_with(|arrays| {
            let mut arrays = arrays.borrow_mut();
            let key = (self.id, key.to_vec());
            if let Some(fresh) = fresh {
                arrays.insert(key.clone(), fresh);
            }
            arrays.get(&key).map_or(ptr::null_mut(), |array| array.next(element))
        });
        walked.unwrap_or(ptr::null_mut())
    }

    /// Keeps a row that this thread found in a table, in place of the one before.
    pub fn keep_row(&self, table: &[u8], row: EntryView) -> *mut super::Entry {
        let head = row.head();
        let kept = ROWS.try_with(|rows| rows.borrow_mut().insert((self.id, table.to_vec()), row));
        kept.map_or(ptr::null_mut(), |_| head)
    }

    fn forget(&self) {
        self.seats.leave();
        let _ = SEEN.try_with(|seen| {
            for slot in seen.borrow_mut().iter_mut() {
                slot.take_if(|(id, _)| *id == self.id);
            }
        });
        let _ = ARRAYS.try_with(|arrays| arrays.borrow_mut().retain(|key, _| key.0 != self.id));
        let _ = ROWS.try_with(|rows| rows.borrow_mut().retain(|key, _| key.0 != self.id));
    }
}

impl Drop for ConfigStore {
    fn drop(&mut self) {
        self.forget();
        let shown = self.shown.get_mut();
        Heads { entries: &mut shown.entries, arrays: &mut shown.arrays, tables: &mut shown.tables }.clear();
        // SAFETY: nobody else has the store any more.
        unsafe { libc::pthread_rwlock_destroy(&raw mut shown.lock) };
    }
}

/// Opens a store, or makes it.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_init(name: Text<'_>, size: usize) -> Option<Box<ConfigStore>> {
    guard(None, || ConfigStore::open(name.utf8("name of the store")?, size).map(Some))
}

/// Closes a store.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_close(store: Option<Box<ConfigStore>>) {
    guard((), || {
        drop(store);
        Ok(())
    });
}

/// Takes a store away.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_destroy(name: Text<'_>) -> c_int {
    status(|| Ok(Store::destroy(name.utf8("name of the store")?)?))
}

/// Lets go of the maps that only strings handed out before are still in.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_trim(store: Option<&ConfigStore>) -> c_int {
    status(|| {
        let store = given(store, "store")?;
        store.forget();
        let newest = store.root.snapshot()?;
        let mut pins = store.pins.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // What another thread read last may lie in an older map at the same revision: it hands out more of it until it looks anew.
        pins.retain(|pin| !pin.is_last_on_its_maps());
        if !pins.iter().any(|pin| pin.shares_maps(&newest)) {
            pins.push(newest);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that goes wrong ends")]

    use cms_segment::Value;

    use super::*;

    #[test]
    fn what_another_thread_may_still_hand_out_is_not_trimmed() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join("store");
        let store = ConfigStore::open(name.to_str().unwrap(), 1 << 20).unwrap();
        let entries = || [("a", "b", Value::String(b"text"))];
        store.root.writer().unwrap().rebuild("", entries(), 1).unwrap();
        let barrier = std::sync::Barrier::new(2);
        let is_pinned = || {
            let pinned = |seen: &Snapshot| {
                let pins = store.pins.lock().unwrap();
                Some(pins.iter().any(|pin| pin.shares_maps(seen)))
            };
            store.glance(pinned)
        };
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                store.settle().unwrap();
                assert_eq!(is_pinned(), Some(true));
                barrier.wait();
                barrier.wait();
                // Still at the newest revision, and so handed out.
                assert_eq!(is_pinned(), Some(true));
            });
            barrier.wait();
            store.root.writer().unwrap().rebuild("", entries(), store.root.head()).unwrap();
            assert_eq!(config_store_trim(Some(&store)), 0);
            barrier.wait();
            // Until it has given back what it kept, too.
            reader.join().unwrap();
        });
        // Now nobody else is left.
        assert_eq!(config_store_trim(Some(&store)), 0);
        assert_eq!(store.pins.lock().unwrap().len(), 1);
    }
}

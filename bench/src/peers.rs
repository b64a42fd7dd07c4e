//! What keeps keys and values otherwise: uthash and LMDB, which are written in C, and hashbrown.

#![allow(unsafe_code, reason = "uthash and LMDB are C; nothing outside this file calls them")]

use std::ffi::{CString, c_char, c_int};
use std::hint::black_box;
use std::path::Path;

use hashbrown::HashTable;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline};

use crate::Result;
use crate::entries::{Entries, Questions};

#[repr(C)]
#[derive(Clone, Copy)]
struct Asked {
    text: *const u8,
    ends: *const u32,
    count: usize,
}

impl Asked {
    fn of(questions: &Questions) -> Self {
        Self { text: questions.text.as_ptr(), ends: questions.ends.as_ptr(), count: questions.len() }
    }
}

#[repr(C)]
struct CTable([u8; 0]);

#[repr(C)]
struct CStore([u8; 0]);

unsafe extern "C" {
    fn peer_uthash_new() -> *mut CTable;
    fn peer_uthash_set(table: *mut CTable, key: *const c_char, value: *const c_char) -> c_int;
    fn peer_uthash_ask(table: *const CTable, asked: Asked) -> u64;
    fn peer_uthash_ask_in_turn(table: *const CTable, asked: Asked, zero: usize) -> u64;
    fn peer_uthash_free(table: *mut CTable);
    fn peer_lmdb_open(path: *const c_char) -> *mut CStore;
    fn peer_lmdb_add(store: *mut CStore, key: *const c_char, value: *const c_char) -> c_int;
    fn peer_lmdb_loaded(store: *mut CStore) -> c_int;
    fn peer_lmdb_set(store: *mut CStore, key: *const c_char, value: *const c_char) -> c_int;
    fn peer_lmdb_ask(store: *mut CStore, asked: Asked) -> u64;
    fn peer_lmdb_scan(store: *mut CStore, bytes: *mut u64) -> u64;
    fn peer_lmdb_close(store: *mut CStore);
}

/// A hash table of uthash, without a lock.
pub struct Uthash(*mut CTable);

// SAFETY: the table is in the heap and belongs to nobody else; asking changes nothing in it.
unsafe impl Send for Uthash {}
// SAFETY: as above; setting takes `&mut`.
unsafe impl Sync for Uthash {}

impl Uthash {
    /// A table of the entries, in their order.
    pub fn new(entries: &Entries) -> Result<Self> {
        // SAFETY: takes nothing.
        let table = unsafe { peer_uthash_new() };
        if table.is_null() {
            return Err("uthash has no memory".into());
        }
        let mut table = Self(table);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for number in 0..entries.len() {
            entries.write_key(number, &mut key);
            value.clear();
            value.extend_from_slice(entries.text(number));
            table.set(&mut key, &mut value)?;
        }
        Ok(table)
    }

    /// Sets a key. Both lose and get a NUL at their end.
    fn set(&mut self, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<()> {
        key.push(0);
        value.push(0);
        // SAFETY: the table lives, and both strings end with a NUL; uthash keeps copies.
        let failed = unsafe { peer_uthash_set(self.0, key.as_ptr().cast(), value.as_ptr().cast()) };
        if failed == 0 { Ok(()) } else { Err("uthash has no memory".into()) }
    }

    /// Asks for all.
    pub fn ask(&self, questions: &Questions) {
        // SAFETY: the table lives, and the questions outlive the call.
        black_box(unsafe { peer_uthash_ask(self.0, Asked::of(questions)) });
    }

    /// Asks for one after the other.
    pub fn ask_in_turn(&self, questions: &Questions) {
        // SAFETY: as above.
        black_box(unsafe { peer_uthash_ask_in_turn(self.0, Asked::of(questions), black_box(0)) });
    }
}

impl Drop for Uthash {
    fn drop(&mut self) {
        // SAFETY: nobody has the table any more.
        unsafe { peer_uthash_free(self.0) };
    }
}

/// A store of LMDB, read in one long transaction.
pub struct Lmdb(*mut CStore);

impl Lmdb {
    /// A store of the entries in a file, written in their order.
    pub fn new(path: &Path, entries: &Entries) -> Result<Self> {
        let path = CString::new(path.as_os_str().as_encoded_bytes())?;
        // SAFETY: the path ends with a NUL.
        let store = unsafe { peer_lmdb_open(path.as_ptr()) };
        if store.is_null() {
            return Err("LMDB cannot open its file".into());
        }
        let store = Self(store);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for number in 0..entries.len() {
            entries.write_key(number, &mut key);
            key.push(0);
            value.clear();
            value.extend_from_slice(entries.text(number));
            value.push(0);
            // SAFETY: the store lives, and both strings end with a NUL; LMDB copies them.
            check(unsafe { peer_lmdb_add(store.0, key.as_ptr().cast(), value.as_ptr().cast()) })?;
        }
        // SAFETY: the store lives, and the load goes on since it was opened.
        check(unsafe { peer_lmdb_loaded(store.0) })?;
        Ok(store)
    }

    /// Asks for all.
    pub fn ask(&self, questions: &Questions) {
        // SAFETY: the store lives and is being read, and the questions outlive the call.
        black_box(unsafe { peer_lmdb_ask(self.0, Asked::of(questions)) });
    }

    /// Sets a key in a transaction of its own.
    pub fn set(&self, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Result<()> {
        key.push(0);
        value.push(0);
        // SAFETY: the store lives, and both strings end with a NUL; LMDB copies them.
        check(unsafe { peer_lmdb_set(self.0, key.as_ptr().cast(), value.as_ptr().cast()) })
    }

    /// Reads all, and answers how many there are.
    pub fn scan(&self) -> u64 {
        let mut bytes = 0;
        // SAFETY: the store lives and is being read.
        let count = unsafe { peer_lmdb_scan(self.0, &mut bytes) };
        black_box(bytes);
        count
    }
}

impl Drop for Lmdb {
    fn drop(&mut self) {
        // SAFETY: nobody has the store any more.
        unsafe { peer_lmdb_close(self.0) };
    }
}

fn check(failed: c_int) -> Result<()> {
    if failed == 0 { Ok(()) } else { Err(format!("LMDB fails with {failed}").into()) }
}

/// A key and its value.
type Pair = (Box<[u8]>, Box<[u8]>);

/// A table of hashbrown with rapidhash, private to the process.
pub struct Hashbrown {
    table: HashTable<Pair>,
    secrets: RapidSecrets,
}

impl Hashbrown {
    /// A table of the entries.
    pub fn new(entries: &Entries) -> Self {
        let secrets = RapidSecrets::seed(1);
        let hash = |key: &[u8]| rapidhash_v3_nano_inline::<true, false>(key, &secrets);
        let mut table: HashTable<Pair> = HashTable::with_capacity(entries.len());
        let mut key = Vec::new();
        for number in 0..entries.len() {
            entries.write_key(number, &mut key);
            let entry = (key.as_slice().into(), entries.text(number).into());
            table.insert_unique(hash(&key), entry, |entry| hash(&entry.0));
        }
        Self { table, secrets }
    }

    /// Asks for all.
    pub fn ask(&self, questions: &Questions) {
        let mut sum = 0;
        for at in 0..questions.len() {
            let key = questions.get(at);
            let hash = rapidhash_v3_nano_inline::<true, false>(key, &self.secrets);
            if let Some(entry) = self.table.find(hash, |entry| *entry.0 == *key) {
                sum += usize::from(entry.1.first().copied().unwrap_or_default());
            }
        }
        black_box(sum);
    }
}

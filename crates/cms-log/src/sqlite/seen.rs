//! What was read of the log and has not changed since.
//!
//! Every use of a store asks for the head and for what package files held. SQLite answers that with locks and statements; here
//! it is one look at the header of the WAL's index (<https://sqlite.org/walformat.html>, section 2.1), which every change of the
//! database changes, as its first 48 bytes hold the number of frames and their running checksum.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::open::open_unnoticed;
use crate::{Result, Revision, Views};

/// Bytes of the header; a second copy of it follows.
const HEADER: usize = 48;
/// Where the header counts changes of the database, a word.
const CHANGES: std::ops::Range<usize> = 8..12;
/// Where it says that it has been written.
const IS_INIT: usize = 12;
/// Where it counts the frames of the WAL, a word.
const FRAMES: std::ops::Range<usize> = 16..20;
/// Where the salts of the WAL are, two words that change when it is begun anew.
const SALTS: std::ops::Range<usize> = 32..40;

pub(super) type Stamp = [u8; HEADER];

/// How far a WAL is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub salts: [u8; 8],
    pub frames: u32,
}

impl Mark {
    /// Reads it from a header.
    pub fn of(stamp: &Stamp) -> Option<Mark> {
        let frames = stamp.get(FRAMES)?.try_into().ok().map(u32::from_ne_bytes)?;
        Some(Mark { salts: stamp.get(SALTS)?.try_into().ok()?, frames })
    }

    /// Says whether whoever has synced this far has synced so far, too. What a WAL held before it was begun anew is on disk,
    /// but not for this to tell.
    pub fn covers(self, other: Mark) -> bool {
        self.salts == other.salts && self.frames >= other.frames
    }

    pub fn encode(self) -> Vec<u8> {
        [&self.salts[..], &self.frames.to_ne_bytes()].concat()
    }

    pub fn decode(bytes: &[u8]) -> Option<Mark> {
        let (salts, frames) = bytes.split_first_chunk()?;
        Some(Mark { salts: *salts, frames: u32::from_ne_bytes(frames.try_into().ok()?) })
    }
}

/// The newest state that was read.
pub(super) struct Seen {
    path: PathBuf,
    index: OnceLock<File>,
    /// Whether a connection of ours keeps the index where it is.
    is_held: AtomicBool,
    state: Mutex<Option<(Stamp, Arc<State>)>>,
}

/// What is asked for at every use.
#[derive(Clone)]
pub(super) struct State {
    pub head: Revision,
    pub views: Arc<Views>,
}

impl Seen {
    pub fn new(database: &Path) -> Seen {
        let mut path = OsString::from(database);
        path.push("-shm");
        Seen {
            path: path.into(),
            index: OnceLock::new(),
            is_held: AtomicBool::new(false),
            state: Mutex::new(None),
        }
    }

    /// The state now. If it may have changed, `noted` is asked for the head and the mark of the notes on files at the moment when the
    /// index had a header, and then `read` for all of it.
    pub fn state(
        &self,
        noted: impl FnOnce(&Stamp) -> Option<(Revision, [u8; 8])>,
        read: impl FnOnce() -> Result<State>,
    ) -> Result<Arc<State>> {
        // Before reading: what changes meanwhile is read again the next time.
        let Some(stamp) = self.stamp() else { return read().map(Arc::new) };
        // Those who come at the same time wait for one of them to read.
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((then, state)) if *then == stamp => Ok(state.clone()),
            _ => {
                // Others append all the time, and take notes on files now and then.
                let same_views = known.as_ref().zip(noted(&stamp)).and_then(|((_, state), (head, mark))| {
                    (state.views.mark() == mark).then(|| State { head, views: state.views.clone() })
                });
                let state = Arc::new(same_views.map_or_else(read, Ok)?);
                *known = Some((stamp, state.clone()));
                Ok(state)
            }
        }
    }

    /// Says that a connection takes part in the index until the end of this handle, so that nobody deletes it or puts another log in this
    /// one's place.
    pub fn hold(&self) {
        // One that was opened before may be another one, deleted since.
        let is_the_one = self.index.get().is_none_or(is_in_place);
        self.is_held.store(is_the_one, Ordering::Relaxed);
    }

    /// The mark to hand to [`wrote`](Seen::wrote). To be taken through a connection that is set up for writing, since as long as it
    /// is open nobody makes the index anew, which would count its changes from the beginning.
    pub fn before_writing(&self) -> Option<Stamp> {
        self.stamp()
    }

    /// How far the WAL is written now.
    pub fn mark(&self) -> Option<Mark> {
        self.stamp().as_ref().and_then(Mark::of)
    }

    /// Brings the state up to a transaction of our own, if that is all that has changed since `before`. Then the state is that of
    /// the header that is returned.
    pub fn wrote(
        &self,
        before: Option<Stamp>,
        change: impl FnOnce(&mut State),
    ) -> Option<(Stamp, Arc<State>)> {
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let changes =
            |stamp: &Stamp| stamp.get(CHANGES).and_then(|word| word.try_into().ok()).map(u32::from_ne_bytes);
        if let Some((then, state)) = &mut *known
            && let (Some(before), Some(now)) = (before, self.stamp())
            && *then == before
            && let (Some(first), Some(last)) = (changes(&before), changes(&now))
            && last == first.wrapping_add(1)
        {
            change(Arc::make_mut(state));
            *then = now;
            return Some((now, state.clone()));
        }
        *known = None;
        None
    }

    /// The header, unless there is none or somebody is writing it.
    fn stamp(&self) -> Option<Stamp> {
        let index = match self.index.get() {
            Some(index) => index,
            None => {
                let index = open_unnoticed(&self.path, OpenOptions::new().read(true)).ok()?;
                self.index.get_or_init(|| index)
            }
        };
        let mut bytes = [0; 2 * HEADER];
        index.read_exact_at(&mut bytes, 0).ok()?;
        let (first, second) = bytes.split_at(HEADER);
        // Deleted with the last connection of all processes, and made anew by the next one.
        let is_in_use = || self.is_held.load(Ordering::Relaxed) || is_in_place(index);
        let is_whole = first == second && first.get(IS_INIT).is_some_and(|byte| *byte != 0) && is_in_use();
        if is_whole { first.try_into().ok() } else { None }
    }
}

fn is_in_place(index: &File) -> bool {
    index.metadata().is_ok_and(|index| index.nlink() > 0)
}

//! A board: places where processes that wait for the same lock leave work for whoever holds it.
//!
//! It knows of the lock only that there is one: what is said to be done *under the lock* must be done by its holder. Its
//! bytes, and why nothing is lost or done twice, are specified in `docs/commit-protocol.md`, "The board".
//!
//! Everything on a board is a word that changes at any time, so nothing is borrowed from it; what is copied is checked before it
//! is believed. A process that dies loses its seat, because the kernel frees the lock that the seat is.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
    time::{Duration, Instant},
};

use rustix::{io::Errno, thread::futex};

use crate::{Error, Result, check::checksum, map::Map, random, range_lock};

const MAGIC: &[u8; 8] = b"CMSBOARD";
const VERSION: u32 = 1;

/// How many processes can wait at a board at one time; others wait for the lock.
const SEATS: u32 = 64;
/// The greatest length of a work.
const ROOM: usize = 2048;

/// Where things are.
mod at {
    /// Which seats were ever taken, a bit for each.
    pub const TAKEN: u64 = 24;
    /// Who leads: the number of his seat, counted from 1, or 0.
    pub const LEAD: u64 = 32;
    /// How many works are likely to come. A hint, of the one who led last.
    pub const EXPECTED: u64 = 40;
    /// A number that the holders of the lock hand on.
    pub const LEFT: u64 = 48;
    /// The heads of the seats.
    pub const HEADS: u64 = 4096;
    pub const HEAD: u64 = 64;
    /// The work of the seats.
    pub const WORKS: u64 = HEADS + super::SEATS as u64 * HEAD;

    // In a head:
    pub const STATE: u64 = 0;
    pub const LENGTH: u64 = 4;
    pub const CHECK: u64 = 8;
    pub const NOTED: u64 = 16;
    pub const FIRST: u64 = 24;
    pub const SECOND: u64 = 32;
}

const LENGTH: u64 = at::WORKS + SEATS as u64 * ROOM as u64;

/// What a seat's word says, in its lowest bits. Those above count the posts, so that no answer is taken for that to another post.
mod state {
    pub const BITS: u32 = 3;
    /// There is no work.
    pub const IDLE: u32 = 0;
    /// Work waits.
    pub const POSTED: u32 = 1;
    /// Work waits, and its owner shall try to get the lock.
    pub const CALLED: u32 = 2;
    /// The holder of the lock does it.
    pub const TAKEN: u32 = 3;
    /// It is done.
    pub const DONE: u32 = 4;
    /// Its owner must do it.
    pub const REFUSED: u32 = 5;
}

/// A board that is open.
///
/// ```
/// use cms_segment::{Board, Note, Waited};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::os::unix::fs::MetadataExt;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("board");
/// # let status = directory.path().metadata()?;
/// # let (user, group) = (status.uid(), status.gid());
/// // A process that finds the lock taken.
/// let mut seat = Board::open_or_create(&path, user, group)?.sit().ok_or("no seat is free")?;
/// assert!(seat.post(b"what I want"));
///
/// // The one that has it.
/// for taken in Board::open(&path, user)?.take(64) {
///     assert_eq!(taken.work, b"what I want");
///     taken.note(Note { first: 17, second: 0 });
///     taken.done();
/// }
/// assert_eq!(seat.wait(Duration::from_secs(1)), Waited::Done);
/// assert_eq!(seat.note(), Some(Note { first: 17, second: 0 }));
/// seat.withdraw();
/// # Ok(())
/// # }
/// ```
pub struct Board {
    map: Map,
    path: PathBuf,
}

/// A place at a board, which belongs to this process until it is dropped, or the process dies.
pub struct Seat {
    board: Arc<Board>,
    number: u32,
    count: u32,
    /// Of its own, so that the lock on it is seen through the board's.
    _lock: File,
}

/// What has become of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It is done, and the note says what came of it.
    Done,
    /// Nobody does it.
    Refused,
    /// The lock may be free.
    Called,
    /// Nothing yet.
    Nothing,
}

/// Two numbers by which the owner of a work finds out whether it was done, should nobody come to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The first.
    pub first: u64,
    /// The second.
    pub second: u64,
}

/// Work that the holder of the lock has taken from a seat. Dropped without an answer, it is refused.
pub struct Taken {
    board: Arc<Board>,
    number: u32,
    tag: u32,
    /// The work.
    pub work: Vec<u8>,
    is_answered: bool,
}

impl Board {
    /// Opens the board at a path, if there is one of this version that `owner` made for himself alone.
    ///
    /// # Errors
    /// [`Error::Absent`], or what else makes that there is none to be used.
    pub fn open(path: &Path, owner: u32) -> Result<Arc<Board>> {
        let file = open_file(path)?;
        let status = file.metadata().map_err(|source| Error::io("examine", path, source))?;
        let is_private = status.file_type().is_file()
            && status.uid() == owner
            && status.mode() & 0o077 == 0
            && status.nlink() == 1;
        if !is_private || status.len() != LENGTH {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let mut start = [0; 24];
        Map::glance(&file, path, &mut start)?;
        if start[..16] != header() {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let map = Map::new(file, path, LENGTH, true)?;
        Ok(Arc::new(Board { map, path: path.to_owned() }))
    }

    /// Opens the board at a path, or puts one there. What else lies there is replaced, and whoever uses it finds that it
    /// [was](Board::is_in_place).
    ///
    /// # Errors
    /// [`Error::NoSpace`], and those of the file system.
    pub fn open_or_create(path: &Path, owner: u32, group: u32) -> Result<Arc<Board>> {
        match Board::open(path, owner) {
            Ok(board) => return Ok(board),
            Err(Error::Absent { .. } | Error::Foreign { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{:016x}~", u64::from_le_bytes(random::bytes()?)));
        let temporary = PathBuf::from(name);
        let made = make(&temporary, owner, group).and_then(|()| {
            // Of two who make one at a time the first one's stays.
            match std::fs::hard_link(&temporary, path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    match Board::open(path, owner) {
                        Ok(_) => Ok(()),
                        Err(_) => std::fs::rename(&temporary, path)
                            .map_err(|source| Error::io("replace", path, source)),
                    }
                }
                other => other.map_err(|source| Error::io("create", path, source)),
            }
        });
        // After a renaming it is gone.
        let _ = std::fs::remove_file(&temporary);
        made.and_then(|()| Board::open(path, owner))
    }

    /// Tells whether the board is still the one at its path, or at least at one.
    pub fn is_in_place(&self) -> bool {
        self.map.file().metadata().is_ok_and(|status| status.nlink() > 0)
    }

    /// Takes a seat, if one is free.
    pub fn sit(self: &Arc<Board>) -> Option<Seat> {
        let lock = open_file(&self.path).ok()?;
        let (ours, named) = (self.map.file().metadata().ok()?, lock.metadata().ok()?);
        if (ours.dev(), ours.ino()) != (named.dev(), named.ino()) {
            return None;
        }
        let number = (0..SEATS).find(|number| range_lock::try_lock(&lock, place_of_lock(*number)))?;
        let state = self.state(number)?;
        // The last owner may have died waiting. Who took his work finds another post here, or none.
        let count = count_of(state.load(Ordering::Acquire)).wrapping_add(1);
        state.store(word(count, state::IDLE), Ordering::Release);
        self.long(at::TAKEN)?.fetch_or(1 << number, Ordering::AcqRel);
        Some(Seat { board: self.clone(), number, count, _lock: lock })
    }

    /// Takes the work that waits, at most `limit` pieces. Under the lock.
    pub fn take(self: &Arc<Board>, limit: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        for number in self.seats_once_taken() {
            if taken.len() == limit {
                break;
            }
            taken.extend(self.take_from(number));
        }
        taken
    }

    fn take_from(self: &Arc<Board>, number: u32) -> Option<Taken> {
        let state = self.state(number)?;
        let found = state.load(Ordering::Acquire);
        if !matches!(state_of(found), state::POSTED | state::CALLED) {
            return None;
        }
        if !self.is_seated(number) {
            // Its owner is dead, and nobody waits for it.
            let left = word(count_of(found), state::IDLE);
            let _ = state.compare_exchange(found, left, Ordering::AcqRel, Ordering::Relaxed);
            return None;
        }
        let tag = word(count_of(found), state::TAKEN);
        state.compare_exchange(found, tag, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        let mut taken = Taken { board: self.clone(), number, tag, work: Vec::new(), is_answered: false };
        // Refused where the work is damaged: by being dropped.
        taken.work = self.work_of(number)?;
        fence(Ordering::Acquire);
        // The seat of one who died may have been taken by somebody else meanwhile, who has changed the word before the work.
        (state.load(Ordering::Relaxed) == tag).then_some(taken)
    }

    fn work_of(&self, number: u32) -> Option<Vec<u8>> {
        let length = self.word(number, at::LENGTH)?.load(Ordering::Relaxed) as usize;
        let check = self.word(number, at::CHECK)?.load(Ordering::Relaxed);
        if length > ROOM {
            return None;
        }
        let longs = self.map.longs(place_of_work(number), length.div_ceil(8))?;
        let mut work: Vec<u8> =
            longs.iter().flat_map(|long| long.load(Ordering::Relaxed).to_le_bytes()).collect();
        work.truncate(length);
        (checksum(&work) == check).then_some(work)
    }

    /// Calls one of those whose work waits, if nobody is called already. After the lock was given back.
    pub fn call(&self) {
        let seats = || self.seats_once_taken().filter_map(|number| self.state(number));
        let is_called = |word: &AtomicU32| state_of(word.load(Ordering::SeqCst)) == state::CALLED;
        if seats().any(is_called) {
            return;
        }
        for state in seats() {
            let found = state.load(Ordering::SeqCst);
            let called = word(count_of(found), state::CALLED);
            if state_of(found) == state::POSTED
                && state.compare_exchange(found, called, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                wake(state);
                return;
            }
        }
    }

    /// Returns the seat of whoever leads: who comes now had better post. Who died leading still does, so look whether he is
    /// [seated](Board::is_seated).
    pub fn lead(&self) -> Option<u32> {
        let lead = self.long(at::LEAD)?.load(Ordering::SeqCst);
        u32::try_from(lead.checked_sub(1)?).ok().filter(|number| *number < SEATS)
    }

    /// Says that the owner of a seat leads: from when he has the lock until what he took is answered, so that those who come
    /// meanwhile gather.
    pub fn set_lead(&self, number: u32) {
        if let Some(lead) = self.long(at::LEAD) {
            lead.store(u64::from(number) + 1, Ordering::SeqCst);
        }
    }

    /// Says that the owner of a seat leads no more.
    pub fn end_lead(&self, number: u32) {
        if let Some(lead) = self.long(at::LEAD) {
            let _ = lead.compare_exchange(u64::from(number) + 1, 0, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Returns how many works are likely to come, to judge by whoever led last.
    pub fn expected(&self) -> usize {
        let count = self.long(at::EXPECTED).map_or(0, |count| count.load(Ordering::Relaxed));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Says how many works are likely to come.
    pub fn expect(&self, count: usize) {
        if let Some(expected) = self.long(at::EXPECTED) {
            expected.store(count as u64, Ordering::Relaxed);
        }
    }

    /// Returns the number that a holder of the lock has left, or 0. A hint: what it stands for may be gone.
    pub fn left(&self) -> u64 {
        self.long(at::LEFT).map_or(0, |left| left.load(Ordering::Relaxed))
    }

    /// Leaves a number for those who hold the lock later.
    pub fn leave(&self, number: u64) {
        if let Some(left) = self.long(at::LEFT) {
            left.store(number, Ordering::Relaxed);
        }
    }

    /// Counts those whose work waits.
    pub fn waiting(&self) -> usize {
        let is_waiting = |number: &u32| {
            let word = self.state(*number).map_or(0, |word| word.load(Ordering::Relaxed));
            matches!(state_of(word), state::POSTED | state::CALLED)
        };
        self.seats_once_taken().filter(is_waiting).count()
    }

    /// Tells whether somebody has a seat.
    pub fn is_seated(&self, number: u32) -> bool {
        range_lock::is_locked(self.map.file(), place_of_lock(number))
    }

    fn seats_once_taken(&self) -> impl Iterator<Item = u32> + use<> {
        let mut bits = self.long(at::TAKEN).map_or(0, |taken| taken.load(Ordering::Acquire));
        std::iter::from_fn(move || {
            let number = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (number < SEATS).then_some(number)
        })
    }

    fn state(&self, number: u32) -> Option<&AtomicU32> {
        self.word(number, at::STATE)
    }

    fn word(&self, number: u32, offset: u64) -> Option<&AtomicU32> {
        self.map.word(place_of_head(number) + offset)
    }

    fn long(&self, offset: u64) -> Option<&AtomicU64> {
        self.map.long(offset)
    }
}

impl Seat {
    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Leaves work. `false` if it is too long.
    ///
    /// It must be [waited](Seat::wait) for until it is done or refused, or [withdrawn](Seat::withdraw).
    pub fn post(&mut self, work: &[u8]) -> bool {
        let board = &*self.board;
        let head = place_of_head(self.number);
        let (Some(state), Some(length), Some(check), Some(noted), Some(longs)) = (
            board.state(self.number),
            board.word(self.number, at::LENGTH),
            board.word(self.number, at::CHECK),
            board.long(head + at::NOTED),
            board.map.longs(place_of_work(self.number), work.len().div_ceil(8)),
        ) else {
            return false;
        };
        if work.len() > ROOM {
            return false;
        }
        self.count = self.count.wrapping_add(1);
        // Who still reads what was here before sees that it is over, or the new work's check does not agree.
        state.store(word(self.count, state::IDLE), Ordering::Relaxed);
        fence(Ordering::Release);
        noted.store(0, Ordering::Relaxed);
        length.store(work.len() as u32, Ordering::Relaxed);
        check.store(checksum(work), Ordering::Relaxed);
        for (long, bytes) in longs.iter().zip(work.chunks(8)) {
            let mut eight = [0; 8];
            eight[..bytes.len()].copy_from_slice(bytes);
            long.store(u64::from_le_bytes(eight), Ordering::Relaxed);
        }
        // Before the caller looks at the lock: whoever gives it back afterwards sees the post, and calls.
        state.store(word(self.count, state::POSTED), Ordering::SeqCst);
        true
    }

    /// Waits until something becomes of the post, or the time is over.
    pub fn wait(&self, timeout: Duration) -> Waited {
        let Some(state) = self.board.state(self.number) else { return Waited::Nothing };
        let deadline = Instant::now() + timeout;
        loop {
            let found = state.load(Ordering::Acquire);
            if count_of(found) != count_of(word(self.count, 0)) {
                return Waited::Refused;
            }
            match state_of(found) {
                state::DONE => return Waited::Done,
                state::POSTED | state::TAKEN => {}
                state::CALLED => {
                    let posted = word(self.count, state::POSTED);
                    let _ = state.compare_exchange(found, posted, Ordering::SeqCst, Ordering::Relaxed);
                    return Waited::Called;
                }
                _ => return Waited::Refused,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Waited::Nothing;
            }
            let left = futex::Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            // Without PRIVATE: those who wake us are other processes.
            match futex::wait(state, futex::Flags::empty(), found, Some(&left)) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
                // Where there is no futex the time passes all the same.
                Err(_) => std::thread::sleep(Duration::from_millis(1).min(timeout)),
            }
        }
    }

    /// What was noted of the post, if somebody has taken it.
    pub fn note(&self) -> Option<Note> {
        let head = place_of_head(self.number);
        let noted = self.board.long(head + at::NOTED)?.load(Ordering::Acquire);
        let first = self.board.long(head + at::FIRST)?.load(Ordering::Relaxed);
        let second = self.board.long(head + at::SECOND)?.load(Ordering::Relaxed);
        (noted == u64::from(word(self.count, state::TAKEN))).then_some(Note { first, second })
    }

    /// Takes the post back, whatever has become of it. What was noted stays to be read until the next post.
    ///
    /// Under the lock, unless it is done or refused: then nobody is about to do it, and nobody will.
    pub fn withdraw(&mut self) {
        if let Some(state) = self.board.state(self.number) {
            state.store(word(self.count, state::IDLE), Ordering::SeqCst);
        }
    }
}

impl Taken {
    /// Notes how its owner can find out whether it was done. Under the lock, and before it is done.
    pub fn note(&self, note: Note) {
        let head = place_of_head(self.number);
        let longs = [at::NOTED, at::FIRST, at::SECOND].map(|offset| self.board.long(head + offset));
        if let [Some(noted), Some(first), Some(second)] = longs {
            first.store(note.first, Ordering::Relaxed);
            second.store(note.second, Ordering::Relaxed);
            // With the number of the post: its owner may be dead, and another one in his seat.
            noted.store(self.tag.into(), Ordering::Release);
        }
    }

    /// Takes the note back: it was not done. Under the lock.
    pub fn forget(&self) {
        if let Some(noted) = self.board.long(place_of_head(self.number) + at::NOTED) {
            noted.store(0, Ordering::Release);
        }
    }

    /// Says that it is done.
    pub fn done(mut self) {
        self.answer(state::DONE);
    }

    /// Says that its owner must do it, or find out by the note whether it was done.
    pub fn refuse(mut self) {
        self.answer(state::REFUSED);
    }

    fn answer(&mut self, answer: u32) {
        self.is_answered = true;
        let Some(state) = self.board.state(self.number) else { return };
        let answer = word(count_of(self.tag), answer);
        // Fails where its owner has withdrawn it, or is another one.
        if state.compare_exchange(self.tag, answer, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            wake(state);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.is_answered {
            self.answer(state::REFUSED);
        }
    }
}

fn wake(word: &AtomicU32) {
    // One process has the seat, and one thread of it waits. There is nobody to tell if it fails.
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}

fn word(count: u32, state: u32) -> u32 {
    count << state::BITS | state
}

fn count_of(word: u32) -> u32 {
    word >> state::BITS
}

fn state_of(word: u32) -> u32 {
    word & ((1 << state::BITS) - 1)
}

fn place_of_head(number: u32) -> u64 {
    at::HEADS + u64::from(number) * at::HEAD
}

fn place_of_work(number: u32) -> u64 {
    at::WORKS + u64::from(number) * ROOM as u64
}

/// The byte of the file that is locked by whoever has a seat.
fn place_of_lock(number: u32) -> u64 {
    place_of_head(number)
}

/// Magic, version, and the number of seats.
fn header() -> [u8; 16] {
    let mut header = [0; 16];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..].copy_from_slice(&SEATS.to_le_bytes());
    header
}

fn open_file(path: &Path) -> Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).write(true).custom_flags(flags.bits() as i32).open(path);
    opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Absent { path: path.to_owned() },
        _ => Error::io("open", path, error),
    })
}

fn make(path: &Path, owner: u32, group: u32) -> Result<()> {
    let failed = |source| Error::io("create", path, source);
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    if rustix::process::geteuid().as_raw() != owner {
        fchown(&file, Some(owner), Some(group)).map_err(failed)?;
    }
    // All of it now: a page that the file system has no room for would kill who touches it.
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, LENGTH)
        .map_err(|error| Error::io("allocate", path, error.into()))?;
    std::os::unix::fs::FileExt::write_all_at(&file, &header(), 0).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("board")
        }

        /// What another process would have open.
        fn open(&self) -> Arc<Board> {
            Board::open_or_create(&self.path(), user(), 0).unwrap()
        }
    }

    fn user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    const NOTE: Note = Note { first: 5, second: 7 };
    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_posted_is_taken_noted_and_answered() {
        let place = Place::new();
        let (board, other) = (place.open(), place.open());
        let mut seat = other.sit().unwrap();
        assert!(board.take(64).is_empty());
        for length in [0, 1, 8, 100, ROOM] {
            let work: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            assert!(seat.post(&work) && board.waiting() == 1);
            let taken = board.take(64).pop().unwrap();
            assert_eq!((taken.work.as_slice(), board.waiting(), seat.note()), (&work[..], 0, None));
            assert!(board.take(64).is_empty(), "it is taken once");
            taken.note(NOTE);
            assert_eq!((seat.note(), seat.wait(SHORT)), (Some(NOTE), Waited::Nothing));
            taken.done();
            assert_eq!(seat.wait(SHORT), Waited::Done);
            seat.withdraw();
        }
        assert!(!seat.post(&[0; ROOM + 1]));
        assert!(seat.post(b"x"));
        drop(board.take(64));
        assert_eq!(seat.wait(SHORT), Waited::Refused);
    }

    #[test]
    fn an_answer_is_for_one_post() {
        let place = Place::new();
        let board = place.open();
        let mut seat = place.open().sit().unwrap();
        assert!(seat.post(b"first"));
        let late = board.take(64).pop().unwrap();
        seat.withdraw();
        assert!(seat.post(b"second"));
        late.note(NOTE);
        assert_eq!(seat.note(), None, "it is of the first");
        late.done();
        assert_eq!(seat.wait(SHORT), Waited::Nothing);
        assert_eq!(board.take(64).pop().unwrap().work, b"second");
    }

    #[test]
    fn the_seat_of_one_who_died_is_free_and_its_post_nobodys() {
        let place = Place::new();
        let board = place.open();
        let seats: Vec<Seat> = (0..SEATS).map(|_| place.open().sit().unwrap()).collect();
        assert!(place.open().sit().is_none(), "all are taken");
        drop(seats);
        let mut dead = place.open().sit().unwrap();
        assert_eq!(dead.number(), 0);
        assert!(dead.post(b"of a dead one"));
        drop(dead);
        assert!(!board.is_seated(0) && board.take(64).is_empty());
        assert_eq!(board.waiting(), 0, "it was cleared");

        let mut dead = place.open().sit().unwrap();
        assert!(dead.post(b"taken when he died"));
        let late = board.take(64).pop().unwrap();
        drop(dead);
        let mut next = place.open().sit().unwrap();
        assert!(next.number() == 0 && next.post(b"of the next one"));
        late.note(NOTE);
        late.done();
        assert_eq!((next.note(), next.wait(SHORT)), (None, Waited::Nothing));
    }

    #[test]
    fn one_of_those_who_wait_is_called() {
        let place = Place::new();
        let board = place.open();
        let mut seats = [place.open().sit().unwrap(), place.open().sit().unwrap()];
        board.call();
        for seat in &mut seats {
            assert!(seat.post(b"work"));
        }
        thread::scope(|scope| {
            let waiting = seats.iter().map(|seat| scope.spawn(|| seat.wait(Duration::from_millis(300))));
            let waiting: Vec<_> = waiting.collect();
            thread::sleep(Duration::from_millis(20));
            board.call();
            let mut came: Vec<Waited> = waiting.into_iter().map(|one| one.join().unwrap()).collect();
            came.sort_by_key(|waited| *waited == Waited::Called);
            assert_eq!(came, [Waited::Nothing, Waited::Called]);
        });
        assert_eq!(board.take(64).len(), 2, "they wait all the same");
    }

    #[test]
    fn who_leads_is_known_for_as_long_as_he_lives() {
        let place = Place::new();
        let board = place.open();
        let (one, other) = (place.open().sit().unwrap(), place.open().sit().unwrap());
        assert_eq!(board.lead(), None);
        board.set_lead(other.number());
        board.end_lead(one.number());
        assert_eq!(board.lead(), Some(other.number()), "he does not");
        drop(other);
        assert!(!board.is_seated(board.lead().unwrap()));
    }

    #[test]
    fn what_is_no_board_is_replaced_and_missed_by_those_who_use_it() {
        let place = Place::new();
        let board = place.open();
        assert!(board.is_in_place() && Board::open(&place.path(), user() + 1).is_err());
        let bytes = std::fs::read(place.path()).unwrap();
        assert_eq!(bytes.len() as u64, LENGTH);
        std::fs::remove_file(place.path()).unwrap();
        assert!(!board.is_in_place() && board.sit().is_none());
        let damaged = |place: usize| {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1;
            bytes
        };
        for bytes in [damaged(0), damaged(8), damaged(12), bytes[1..].to_vec(), Vec::new()] {
            std::fs::write(place.path(), bytes).unwrap();
            let open = || std::fs::File::options().write(true).open(place.path()).unwrap();
            rustix::fs::fchmod(open(), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
            assert!(matches!(Board::open(&place.path(), user()), Err(Error::Foreign { .. })));
            assert!(place.open().sit().is_some());
        }
        std::fs::remove_file(place.path()).unwrap();
        std::os::unix::fs::symlink("/dev/null", place.path()).unwrap();
        assert!(Board::open(&place.path(), user()).is_err());
        assert!(std::fs::read_dir(place.0.path()).unwrap().count() == 1, "nothing is left behind");
    }

    #[test]
    fn any_bytes_come_to_nothing_worse_than_a_refusal() {
        let place = Place::new();
        let board = place.open();
        let mut seat = place.open().sit().unwrap();
        let mut random = cms_testkit::Random::for_test("board");
        for _ in 0..200 {
            assert!(seat.post(b"work"));
            // All but the header.
            for offset in (16..LENGTH).step_by(4) {
                if random.below(8) == 0 {
                    let word = random.below(1 << 32) as u32;
                    let word = if random.below(2) == 0 { word & 0xff } else { word };
                    board.map.word(offset).unwrap().store(word, Ordering::Relaxed);
                }
            }
            let _ = (board.lead().map(|lead| board.is_seated(lead)), board.expected(), board.waiting());
            board.call();
            let taken = board.take(64);
            assert!(taken.len() <= 1, "the other seats are nobody's");
            taken.into_iter().for_each(Taken::done);
            let _ = (seat.wait(Duration::from_micros(10)), seat.note());
            seat.withdraw();
        }
        assert!(seat.post(b"work"));
        board.map.long(at::TAKEN).unwrap().store(1 << seat.number(), Ordering::Relaxed);
        assert_eq!(board.take(64).pop().unwrap().work, b"work");
    }
}

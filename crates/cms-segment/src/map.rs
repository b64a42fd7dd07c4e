//! Files mapped into memory: the one place where raw memory is touched.
//!
//! A [`Map`] is a window on a file that other processes write to. What it hands out is bounded by the length of the file, so
//! an offset read from the file itself can be followed without being believed. A place of a file is used in one of two
//! ways, and never in both:
//!
//! - *Words* are aligned and atomic, and change at any time: [`Map::word`], [`Map::words`], [`Map::long`], [`Map::longs`].
//! - *Bytes* are written once, before a word that leads to them is stored with release ordering, and never again:
//!   [`Map::bytes`]. So whoever loaded that word with acquire ordering may borrow them.
//!
//! Within a process this is enforced: bytes are written by the one [`Appender`] of a map, above its tail, and
//! [`Map::bytes`] hands out nothing above it. Between processes it is the writers' lock that lets only one of them append,
//! and the file's owner who lets only his programs write. Files are never cut while they may be mapped, and their room is
//! allocated before it is used, so that no access faults.

use std::{
    ffi::c_void,
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use rustix::{
    fs::FallocateFlags,
    mm::{MapFlags, ProtFlags},
};

use crate::{Error, Result, Source, Space, error::damaged};

/// A file in memory.
pub(crate) struct Map {
    base: NonNull<u8>,
    /// Addresses taken, which may reach beyond the end of the file, so that the file can grow under the map.
    reserved: usize,
    /// What may be accessed: no further than the end of the file, and for an appender's map no further than its tail.
    bound: AtomicUsize,
    /// Where windows may begin: a window before the bound.
    window_bound: AtomicUsize,
    /// Whether an appender holds the map, and moves the bound.
    claimed: AtomicBool,
    writable: bool,
    /// Whether huge pages of the file can be mapped as such.
    is_aligned: bool,
    /// Whether the file had a first page when it was mapped; files are never cut.
    has_front: bool,
    file: File,
    path: PathBuf,
}

/// Bytes of a huge page. Where a file in memory has them, a walk over all of a large segment costs a fraction of the misses
/// in the processor's table of pages, and so does making it.
const HUGE: usize = 2 << 20;

/// Bytes of a file's first page.
const FRONT: usize = 4096;

// SAFETY: the pointer is to a mapping that lives as long as the value and belongs to no thread; what is handed out of it is
// either atomic or never written while it is borrowed, as the module's description says.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps a file, leaving addresses for it to grow to `room` bytes.
    pub fn new(file: File, path: &Path, room: u64, writable: bool) -> Result<Self> {
        Self::with(file, path, room, 0, writable)
    }

    /// Maps a file that is about to become `expected` bytes long.
    pub fn with(file: File, path: &Path, room: u64, expected: u64, writable: bool) -> Result<Self> {
        let length = file.metadata().map_err(|source| Error::io("examine", path, source))?.len();
        let is_aligned = length.max(expected) >= HUGE as u64;
        let reserved = usize::try_from(room.max(length).max(1).next_multiple_of(4096))
            .map_err(|_| Error::Invalid { what: "a file larger than this machine's addresses" })?;
        let rights = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        let base = if is_aligned {
            map_aligned(&file, reserved, rights)
        } else {
            // SAFETY: the kernel chooses addresses that nothing else uses, and accesses are bounded below.
            unsafe { rustix::mm::mmap(std::ptr::null_mut(), reserved, rights, MapFlags::SHARED, &file, 0) }
        };
        let base = base.map_err(|source| Error::io("map", path, source.into()))?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| damaged("the kernel mapped a file at address 0"))?;
        let bound = usize::try_from(length).unwrap_or(usize::MAX).min(reserved);
        Ok(Map {
            base,
            reserved,
            bound: AtomicUsize::new(bound),
            window_bound: AtomicUsize::new(bound.saturating_sub(OVERREAD as usize)),
            claimed: AtomicBool::new(false),
            writable,
            is_aligned,
            has_front: bound >= FRONT,
            file,
            path: path.to_owned(),
        })
    }

    /// The file's path when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether words may be stored.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// How far the map can be read at present.
    pub fn length(&self) -> u64 {
        self.bound.load(Ordering::Relaxed) as u64
    }

    /// The place of `len` bytes, if they lie inside. The only way to an address.
    #[inline(always)]
    fn place(&self, offset: u64, len: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(len)?;
        if end > self.bound.load(Ordering::Relaxed) && !self.refresh(end) {
            return None;
        }
        // SAFETY: offset <= end <= bound <= reserved, the length of the one mapping that `base` begins.
        Some(unsafe { self.base.add(offset) })
    }

    /// Looks whether the file has grown to `end`. A word can lead to bytes of a file that grew after it was mapped.
    #[cold]
    #[inline(never)]
    fn refresh(&self, end: usize) -> bool {
        if end > self.reserved || self.claimed.load(Ordering::Relaxed) {
            return false;
        }
        let Ok(status) = self.file.metadata() else { return false };
        let length = usize::try_from(status.len()).unwrap_or(usize::MAX).min(self.reserved);
        // A file never becomes shorter, so that it does not matter which of two readers is the last here.
        self.set_bound(length);
        end <= length
    }

    /// Bytes that never change again.
    #[inline(always)]
    pub fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let place = self.place(offset, len)?;
        // SAFETY: the place holds `len` bytes of a mapping that lives as long as `self`; they are initialized, as all of a
        // file is. No appender of this process writes below the bound; other processes do not write to published bytes.
        Some(unsafe { std::slice::from_raw_parts(place.as_ptr(), len) })
    }

    /// A word that may change at any time.
    #[inline(always)]
    pub fn word(&self, offset: u64) -> Option<&AtomicU32> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        let place = self.place(offset, 4)?;
        // SAFETY: four bytes inside the mapping, aligned because the mapping's base is aligned to a page; places used as words
        // are used as nothing else.
        Some(unsafe { place.cast::<AtomicU32>().as_ref() })
    }

    /// Words that may change at any time.
    #[inline(always)]
    pub fn words(&self, offset: u64, count: usize) -> Option<&[AtomicU32]> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        let place = self.place(offset, count.checked_mul(4)?)?;
        // SAFETY: as for one word; the whole length was checked.
        Some(unsafe { std::slice::from_raw_parts(place.cast::<AtomicU32>().as_ptr(), count) })
    }

    /// A long word that may change at any time.
    #[inline(always)]
    pub fn long(&self, offset: u64) -> Option<&AtomicU64> {
        if !offset.is_multiple_of(8) {
            return None;
        }
        let place = self.place(offset, 8)?;
        // SAFETY: as for a word, with eight bytes.
        Some(unsafe { place.cast::<AtomicU64>().as_ref() })
    }

    /// A word in the first page of a file: a check without a way out that would look how long the file is by now.
    #[inline(always)]
    pub fn front_word(&self, offset: u64) -> Option<&AtomicU32> {
        if !self.has_front || !offset.is_multiple_of(4) || offset >= FRONT as u64 {
            return None;
        }
        // SAFETY: as for any word; the first page lies in the mapping and in the file.
        Some(unsafe { self.base.add(offset as usize).cast::<AtomicU32>().as_ref() })
    }

    /// A long word there.
    #[inline(always)]
    pub fn front_long(&self, offset: u64) -> Option<&AtomicU64> {
        if !self.has_front || !offset.is_multiple_of(8) || offset >= FRONT as u64 {
            return None;
        }
        // SAFETY: as for a word there, with eight bytes.
        Some(unsafe { self.base.add(offset as usize).cast::<AtomicU64>().as_ref() })
    }

    /// Long words that may change at any time.
    #[inline(always)]
    pub fn longs(&self, offset: u64, count: usize) -> Option<&[AtomicU64]> {
        if !offset.is_multiple_of(8) {
            return None;
        }
        let place = self.place(offset, count.checked_mul(8)?)?;
        // SAFETY: as for words, with eight bytes each.
        Some(unsafe { std::slice::from_raw_parts(place.cast::<AtomicU64>().as_ptr(), count) })
    }

    /// Bytes that never change again and words that may change at any time, the words behind the bytes.
    #[inline(always)]
    pub fn bytes_and_words(
        &self,
        bytes: u64,
        length: usize,
        words: u64,
        count: usize,
    ) -> Option<(&[u8], &[AtomicU32])> {
        let gap = usize::try_from(words.checked_sub(bytes)?).ok()?;
        if gap < length || !words.is_multiple_of(4) {
            return None;
        }
        let place = self.place(bytes, gap.checked_add(count.checked_mul(4)?)?)?;
        // SAFETY: both lie in the place that was checked, bytes first and not beyond the words, which are aligned; the rest as
        // for `bytes` and `words`.
        Some(unsafe {
            let words = place.add(gap).cast::<AtomicU32>();
            (
                std::slice::from_raw_parts(place.as_ptr(), length),
                std::slice::from_raw_parts(words.as_ptr(), count),
            )
        })
    }

    /// Asks the processor to fetch the line at an offset, which need not lie inside.
    #[inline(always)]
    pub fn prefetch(&self, offset: u64) {
        let address = self.base.as_ptr().wrapping_add(offset as usize);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch is a hint that never faults, whatever the address.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }

    /// Reads bytes by a system call, which can neither fault nor race: for a first look at a file.
    pub fn glance(file: &File, path: &Path, out: &mut [u8]) -> Result<bool> {
        match file.read_exact_at(out, 0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::io("read", path, error)),
        }
    }
}

/// Whether a file lies in a tmpfs, where its pages are all there is of it.
fn is_in_memory(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|status| status.f_type == libc::TMPFS_MAGIC)
}

/// Maps a file at a multiple of the size of a huge page.
fn map_aligned(file: &File, length: usize, rights: ProtFlags) -> rustix::io::Result<*mut c_void> {
    use rustix::mm::{mmap, mmap_anonymous, munmap};
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: the kernel chooses addresses that nothing else uses, a huge page more than are needed.
    let start = unsafe { mmap_anonymous(std::ptr::null_mut(), length + HUGE, ProtFlags::empty(), flags)? };
    let before = start.addr().next_multiple_of(HUGE) - start.addr();
    // SAFETY: `before` is less than a huge page, so that `length` bytes from there on are ours, to be replaced or given back.
    let base =
        unsafe { mmap(start.byte_add(before), length, rights, MapFlags::SHARED | MapFlags::FIXED, file, 0) };
    // SAFETY: what lies before and behind the map, or, if there is none, all of it, belongs to nobody.
    unsafe {
        match base {
            Ok(base) => {
                let behind = HUGE - before;
                let _ = before > 0 && munmap(start, before).is_err();
                let _ = munmap(base.byte_add(length), behind);
            }
            Err(_) => drop(munmap(start, length + HUGE)),
        }
    }
    base
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` with this length, and nothing borrowed from it outlives the value.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.reserved) };
    }
}

impl Source for Map {
    #[inline(always)]
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        Map::bytes(self, offset, len)
    }

    fn size(&self) -> u64 {
        self.length()
    }
}

/// Which of sixteen bytes are a given one: bit n for byte n.
#[inline(always)]
pub(crate) fn bytes_that_are(bytes: &[u8; 16], byte: u8) -> u16 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of every x86-64, and an unaligned load of sixteen bytes reads the array.
    unsafe {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
        let text = _mm_loadu_si128(bytes.as_ptr().cast());
        _mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8(byte as i8))) as u16
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let equal = |(position, other): (usize, &u8)| u16::from(*other == byte) << position;
        bytes.iter().enumerate().map(equal).fold(0, |bits, bit| bits | bit)
    }
}

/// Which of sixteen bytes are those of another sixteen: bit n for byte n.
#[inline(always)]
fn bytes_that_agree(bytes: &[u8; 16], others: &[u8; 16]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above, twice.
    unsafe {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8};
        let (bytes, others) =
            (_mm_loadu_si128(bytes.as_ptr().cast()), _mm_loadu_si128(others.as_ptr().cast()));
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, others)) as u16
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let equal = |(position, pair): (usize, (&u8, &u8))| u16::from(pair.0 == pair.1) << position;
        bytes.iter().zip(others).enumerate().map(equal).fold(0, |bits, bit| bits | bit)
    }
}

/// A short stretch of a map, checked once and then read at offsets that are confined rather than checked.
///
/// For the way from a key to its value, where every check counts.
#[derive(Clone, Copy)]
pub(crate) struct Window<'m> {
    start: NonNull<u8>,
    map: std::marker::PhantomData<&'m Map>,
}

/// A window that begins at a word.
#[derive(Clone, Copy)]
pub(crate) struct WordWindow<'m>(Window<'m>);

/// Offsets in a window are confined to this many bytes...
const WINDOW: usize = 1024;
/// ...and what is read there takes no more than these.
const READ: usize = 256;

/// How far behind its start a window may be read.
pub(crate) const OVERREAD: u64 = (WINDOW + READ) as u64;

/// What windows a map has at one time; what is added to the file later lies beyond.
#[derive(Clone, Copy)]
pub(crate) struct View<'m> {
    base: NonNull<u8>,
    bound: u64,
    map: std::marker::PhantomData<&'m Map>,
}

impl<'m> View<'m> {
    /// The window at an offset, unless it lies close to the end.
    #[inline(always)]
    pub fn window(&self, offset: u64) -> Option<Window<'m>> {
        if offset < self.bound {
            // SAFETY: offset + WINDOW + READ <= bound of the map <= reserved, the length of the mapping.
            let start = unsafe { self.base.add(offset as usize) };
            return Some(Window { start, map: std::marker::PhantomData });
        }
        None
    }

    /// The window at an offset that is a multiple of four.
    #[inline(always)]
    pub fn word_window(&self, offset: u64) -> Option<WordWindow<'m>> {
        self.window(offset & !3).map(WordWindow)
    }
}

impl Map {
    /// Where bytes that the map handed out lie in it.
    pub fn offset_of(&self, bytes: &[u8]) -> u64 {
        bytes.as_ptr().addr().wrapping_sub(self.base.addr().get()) as u64
    }

    /// The windows that the map has now.
    #[inline(always)]
    pub fn view(&self) -> View<'_> {
        let bound = self.window_bound.load(Ordering::Relaxed) as u64;
        View { base: self.base, bound, map: std::marker::PhantomData }
    }

    /// Sets how far the map can be read.
    fn set_bound(&self, bound: usize) {
        self.window_bound.store(bound.saturating_sub(OVERREAD as usize), Ordering::Relaxed);
        self.bound.store(bound, Ordering::Relaxed);
    }
}

impl<'m> Window<'m> {
    /// The place `at` bytes from the start, which is confined to the window.
    #[inline(always)]
    fn place(&self, at: usize) -> *const u8 {
        // SAFETY: below WINDOW, and the window lies in the mapping with READ bytes behind it.
        unsafe { self.start.as_ptr().add(at % WINDOW) }
    }

    /// Eight bytes that never change again.
    #[inline(always)]
    pub fn long(&self, at: usize) -> u64 {
        // SAFETY: eight bytes of the mapping, initialized as all of a file is, and not written any more.
        u64::from_le_bytes(unsafe { self.place(at).cast::<[u8; 8]>().read_unaligned() })
    }

    /// Which of sixteen bytes that never change again are the given ones: bit n for byte n.
    #[inline(always)]
    pub fn same(&self, at: usize, bytes: &[u8; 16]) -> u16 {
        // SAFETY: as above, with sixteen bytes.
        bytes_that_agree(unsafe { &*self.place(at).cast::<[u8; 16]>() }, bytes)
    }

    /// A byte that never changes again.
    #[inline(always)]
    pub fn byte(&self, at: usize) -> u8 {
        // SAFETY: as above, with one byte.
        unsafe { self.place(at).read() }
    }

    /// Bytes that never change again; of the length only seven bits count.
    #[inline(always)]
    pub fn short(&self, at: usize, length: u8) -> &'m [u8] {
        // SAFETY: less than READ bytes of the mapping, which the borrow keeps alive; as above.
        unsafe { std::slice::from_raw_parts(self.place(at), usize::from(length)) }
    }
}

impl<'m> WordWindow<'m> {
    /// The same for bytes.
    #[inline(always)]
    pub fn bytes(&self) -> Window<'m> {
        self.0
    }

    /// A word that may change at any time.
    #[inline(always)]
    pub fn word(&self, at: usize, order: Ordering) -> u32 {
        // SAFETY: four bytes of the mapping, aligned because the mapping, the window's offset in it and the masked offset in the
        // window are; places used as words are used as nothing else.
        unsafe { &*self.0.place(at & !3).cast::<AtomicU32>() }.load(order)
    }

    /// The long word at the start, which may change at any time.
    #[inline(always)]
    pub fn long_word(&self) -> u64 {
        let place = self.0.start.as_ptr().map_addr(|address| address & !7);
        // SAFETY: eight bytes of the mapping, which begins at a page, so that there are some before a place that is no multiple of
        // eight; aligned; places used as long words are used as nothing else.
        unsafe { &*place.cast::<AtomicU64>() }.load(Ordering::Acquire)
    }

    /// Which of eight words from the start on are a given one: bit n for word n.
    #[inline(always)]
    pub fn words_that_are(&self, word: u32) -> u32 {
        // SAFETY: 32 bytes of the mapping, aligned as above, used as words.
        words_that_are(unsafe { self.0.start.cast::<[AtomicU32; 8]>().as_ref() }, word)
    }

    /// Which of sixteen bytes, used as words, are a given one: bit n for byte n.
    #[inline(always)]
    pub fn bytes_that_are(&self, at: usize, byte: u8) -> u32 {
        // SAFETY: sixteen bytes of the mapping, aligned as above, used as words or else never changed.
        bytes_of_words_that_are(unsafe { &*self.0.place(at & !3).cast::<[AtomicU32; 4]>() }, byte)
    }
}

/// Which of eight words are a given one: bit n for word n.
///
/// The words are loaded as if one by one and relaxed, in any order.
#[inline(always)]
pub(crate) fn words_that_are(words: &[AtomicU32; 8], word: u32) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the loads read 32 bytes that the reference covers. To the language they are those of an assembly block: aligned
    // words that the processor reads whole, as relaxed loads are. SSE2 is part of every x86-64.
    unsafe {
        use std::arch::x86_64::{
            __m128i, _mm_cmpeq_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi32,
            _mm_setzero_si128,
        };
        let (low, high): (__m128i, __m128i);
        std::arch::asm!(
            "movdqu {low}, xmmword ptr [{place}]",
            "movdqu {high}, xmmword ptr [{place} + 16]",
            place = in(reg) words.as_ptr(),
            low = out(xmm_reg) low,
            high = out(xmm_reg) high,
            options(nostack, readonly, preserves_flags),
        );
        let wanted = _mm_set1_epi32(word as i32);
        let equal = _mm_packs_epi32(_mm_cmpeq_epi32(low, wanted), _mm_cmpeq_epi32(high, wanted));
        _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())) as u32
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let equal = |(position, other): (usize, &AtomicU32)| {
            u32::from(other.load(Ordering::Relaxed) == word) << position
        };
        words.iter().enumerate().map(equal).fold(0, |bits, bit| bits | bit)
    }
}

/// Which of the sixteen bytes of four words are a given one: bit n for byte n.
///
/// The words are loaded as if one by one and relaxed, in any order.
#[inline(always)]
pub(crate) fn bytes_of_words_that_are(words: &[AtomicU32; 4], byte: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above, with sixteen bytes.
    unsafe {
        use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
        let bytes: __m128i;
        std::arch::asm!(
            "movdqu {bytes}, xmmword ptr [{place}]",
            place = in(reg) words.as_ptr(),
            bytes = out(xmm_reg) bytes,
            options(nostack, readonly, preserves_flags),
        );
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))) as u32
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let mut bits = 0;
        for (position, word) in words.iter().enumerate() {
            for (number, other) in word.load(Ordering::Relaxed).to_le_bytes().into_iter().enumerate() {
                bits |= u32::from(other == byte) << (4 * position + number);
            }
        }
        bits
    }
}

/// The one that adds bytes to a map.
///
/// It lets go of the map when it is dropped.
pub(crate) struct Appender {
    map: Arc<Map>,
    tail: usize,
    /// The length of the file.
    allocated: usize,
    /// How long the file may become.
    limit: u64,
    /// Whether the map is held.
    is_awake: bool,
    /// Whether room is made in huge pages: for a file that nobody else has mapped, as long as the file system has them.
    is_huge: bool,
}

impl Appender {
    /// Begins to append at `tail`.
    ///
    /// # Errors
    /// [`Error::Busy`] if the map has an appender, [`Error::Damaged`] if the tail lies behind the file's end.
    pub fn new(map: Arc<Map>, tail: u64, limit: u64) -> Result<Self> {
        let length = map.file.metadata().map_err(|source| Error::io("examine", &map.path, source))?.len();
        if !map.writable {
            return Err(Error::ReadOnly);
        }
        if tail > length || length > map.reserved as u64 {
            return Err(damaged("the tail lies outside"));
        }
        if map.claimed.swap(true, Ordering::AcqRel) {
            return Err(Error::Busy);
        }
        map.set_bound(tail as usize);
        // Elsewhere a page in memory is no promise of a place on the disk.
        let is_huge = map.is_aligned && length == 0 && is_in_memory(&map.file);
        Ok(Appender { map, tail: tail as usize, allocated: length as usize, limit, is_awake: true, is_huge })
    }

    /// Lets go of the map, until [`wake`](Appender::wake): meanwhile another process may append.
    pub fn rest(&mut self) {
        if self.is_awake {
            self.is_awake = false;
            self.map.claimed.store(false, Ordering::Release);
        }
    }

    /// Takes hold of the map again. The caller knows that nobody else has appended.
    ///
    /// # Errors
    /// [`Error::Busy`] if the map has another appender.
    pub fn wake(&mut self) -> Result<()> {
        if !self.is_awake {
            if self.map.claimed.swap(true, Ordering::AcqRel) {
                return Err(Error::Busy);
            }
            self.map.set_bound(self.tail);
            self.is_awake = true;
        }
        Ok(())
    }

    /// The map.
    pub fn map(&self) -> &Arc<Map> {
        &self.map
    }

    /// Where the next bytes go.
    pub fn tail(&self) -> u64 {
        self.tail as u64
    }

    /// How many more bytes the map has addresses for.
    pub fn room(&self) -> u64 {
        (self.map.reserved - self.tail) as u64
    }

    /// How long the file may become.
    pub fn limit(&self) -> u64 {
        self.limit.min(self.map.reserved as u64)
    }

    /// Makes sure that `bytes` more can be appended without the file system having a say.
    pub fn reserve(&mut self, bytes: u64) -> Result<()> {
        let wanted = self.tail as u64 + bytes;
        if wanted <= self.allocated as u64 {
            return Ok(());
        }
        if wanted > self.limit || wanted > self.map.reserved as u64 {
            return Err(Error::Full { limit: self.limit.min(self.map.reserved as u64), wanted });
        }
        while self.is_huge && wanted > self.allocated as u64 {
            self.is_huge = self.reserve_huge_page()?;
        }
        if wanted <= self.allocated as u64 {
            return Ok(());
        }
        // In steps: fallocate costs a system call, and what lies unused is somebody else's memory.
        let step = (self.allocated as u64 / 64).clamp(16 << 10, 4 << 20);
        let generous = (wanted + step).next_multiple_of(4096).min(self.map.reserved as u64).min(self.limit);
        let length = generous.max(wanted);
        rustix::fs::fallocate(
            &self.map.file,
            FallocateFlags::empty(),
            self.allocated as u64,
            length - self.allocated as u64,
        )
        .map_err(|source| Error::io("allocate room for", &self.map.path, source.into()))?;
        self.allocated = length as usize;
        Ok(())
    }

    /// Makes room in a huge page, and answers whether there was one to be had.
    fn reserve_huge_page(&mut self) -> Result<bool> {
        let (start, end) = (self.allocated, self.allocated + HUGE);
        if end > self.map.reserved || end as u64 > self.limit || !start.is_multiple_of(HUGE) {
            return Ok(false);
        }
        let file = &self.map.file;
        let failed = |source| Error::io("allocate room for", &self.map.path, source);
        file.set_len(end as u64).map_err(failed)?;
        // The kernel joins small pages to a huge one, and wants to see one of them.
        let first = rustix::fs::fallocate(file, FallocateFlags::empty(), start as u64, 4096);
        // SAFETY: the bytes lie in the mapping and the file; their content stays as it is.
        let joined = first.is_ok()
            && unsafe { libc::madvise(self.map.base.as_ptr().add(start).cast(), HUGE, libc::MADV_COLLAPSE) }
                == 0;
        if joined {
            self.allocated = end;
        } else {
            file.set_len(start as u64).map_err(failed)?;
        }
        Ok(joined)
    }

    /// Appends the parts one behind the other, the first at a multiple of `align`, and answers where that is.
    #[inline]
    pub fn append(&mut self, align: usize, parts: &[&[u8]]) -> Result<u64> {
        if !self.is_awake {
            return Err(Error::Busy);
        }
        let start = self.tail.next_multiple_of(align);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let end = start.checked_add(length).ok_or_else(|| damaged("a record beyond all addresses"))?;
        if end > self.allocated {
            self.reserve((end - self.tail) as u64)?;
        }
        let mut at = start;
        for part in parts {
            // SAFETY: at + part.len() <= end <= allocated <= reserved, so the bytes lie in the mapping and the file; they
            // lie above the bound, so nothing borrows them, and `&mut self` of the map's only appender is held.
            unsafe {
                std::ptr::copy_nonoverlapping(part.as_ptr(), self.map.base.as_ptr().add(at), part.len());
            }
            at += part.len();
        }
        self.tail = end;
        // Whoever follows a word to these bytes loaded it with acquire, and so sees this bound as well.
        self.map.set_bound(end);
        Ok(start as u64)
    }

    /// Appends zeros.
    pub fn append_zeros(&mut self, align: usize, mut length: u64) -> Result<u64> {
        const ZEROS: [u8; 4096] = [0; 4096];
        self.reserve(length + align as u64)?;
        let start = self.append(align, &[])?;
        while length > 0 {
            let part = length.min(ZEROS.len() as u64);
            self.append(1, &[&ZEROS[..part as usize]])?;
            length -= part;
        }
        Ok(start)
    }

    /// Gives back the room behind the tail. Only for a file that nobody else has mapped.
    pub fn trim(&mut self) -> Result<()> {
        let length = self.tail.next_multiple_of(4096).min(self.allocated);
        self.map.file.set_len(length as u64).map_err(|source| Error::io("cut", &self.map.path, source))?;
        self.allocated = length;
        self.is_huge = false;
        Ok(())
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Source for Appender {
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.map.bytes(offset, len)
    }

    fn size(&self) -> u64 {
        self.map.length()
    }
}

impl Space for Appender {
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        Appender::append(self, 1, &[bytes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(length: u64, room: u64) -> (tempfile::TempDir, Arc<Map>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("map");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(length).unwrap();
        (dir, Arc::new(Map::new(file, &path, room, true).unwrap()))
    }

    #[test]
    fn nothing_outside_is_handed_out() {
        let (_dir, map) = map(100, 1 << 20);
        assert!(map.bytes(0, 100).is_some());
        assert!(map.bytes(100, 0).is_some());
        for (offset, len) in
            [(0, 101), (100, 1), (101, 0), (u64::MAX, 1), (1, usize::MAX), (u64::MAX, usize::MAX)]
        {
            assert!(map.bytes(offset, len).is_none(), "{offset} {len}");
        }
        assert!(map.word(96).is_some());
        assert!(map.word(100).is_none());
        assert!(map.word(2).is_none());
        assert!(map.long(92).is_none());
        assert!(map.long(96).is_none());
        assert!(map.words(0, 25).is_some());
        assert!(map.words(0, 26).is_none());
        assert!(map.words(0, usize::MAX).is_none());
        assert!(map.longs(8, usize::MAX / 8).is_none());
    }

    #[test]
    fn a_file_that_grows_is_read_further() {
        let (_dir, map) = map(100, 1 << 20);
        assert!(map.bytes(100, 50).is_none());
        map.file().set_len(200).unwrap();
        assert!(map.bytes(100, 50).is_some());
        // Never beyond the addresses taken.
        map.file().set_len(4 << 20).unwrap();
        assert!(map.bytes(0, 1 << 20).is_some());
        assert!(map.bytes(0, (1 << 20) + 1).is_none());
    }

    #[test]
    fn an_appender_is_alone_and_bounded() {
        let (_dir, map) = map(4096, 1 << 20);
        let mut appender = Appender::new(map.clone(), 64, 8192).unwrap();
        assert!(matches!(Appender::new(map.clone(), 64, 8192), Err(Error::Busy)));
        assert!(map.bytes(64, 1).is_none());
        assert_eq!(appender.append(8, &[b"abc", b"def"]).unwrap(), 64);
        assert_eq!(appender.append(8, &[b"x"]).unwrap(), 72);
        assert_eq!(map.bytes(64, 6), Some(&b"abcdef"[..]));
        assert!(matches!(appender.append_zeros(1, 8192), Err(Error::Full { limit: 8192, .. })));
        assert_eq!(appender.append_zeros(1, 8000).unwrap(), 73);
        assert_eq!(map.file().metadata().unwrap().len(), 8192);
        drop(appender);
        assert!(Appender::new(map.clone(), 9000, 8192).is_err());
        assert!(Appender::new(map, 8192, 8192).is_ok());
    }

    #[test]
    fn room_is_allocated_in_huge_pages_too() {
        use std::os::unix::fs::MetadataExt;
        let folders = [tempfile::tempdir(), tempfile::tempdir_in("/dev/shm")];
        for folder in folders.into_iter().flatten() {
            let path = folder.path().join("map");
            let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
            let map = Arc::new(Map::with(file, &path, 64 << 20, 5 << 20, true).unwrap());
            assert!(map.base.addr().get().is_multiple_of(HUGE));
            let mut appender = Appender::new(map.clone(), 0, 7 << 20).unwrap();
            for wanted in [1, 3 << 20, 6 << 20] {
                appender.reserve(wanted).unwrap();
                let status = map.file().metadata().unwrap();
                assert!(status.len() >= wanted && status.blocks() * 512 >= status.len(), "{status:?}");
            }
            // The last huge page would be beyond the limit, and is made of small ones.
            assert!(matches!(appender.reserve((7 << 20) + 1), Err(Error::Full { .. })));
            let place = appender.append(8, &[&[7; 5000]]).unwrap();
            appender.append_zeros(8, (6 << 20) - 8192).unwrap();
            appender.trim().unwrap();
            let other = Map::new(File::open(&path).unwrap(), &path, 0, false).unwrap();
            assert!(other.base.addr().get().is_multiple_of(HUGE));
            assert_eq!(other.bytes(place, 5000).unwrap(), [7; 5000]);
            assert!(other.bytes(place + 5000, 1 << 20).unwrap().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn words_of_two_maps_are_the_same_memory() {
        let (dir, map) = map(4096, 4096);
        let path = dir.path().join("map");
        let other = Map::new(File::open(&path).unwrap(), &path, 0, false).unwrap();
        map.long(8).unwrap().store(7, Ordering::Release);
        assert_eq!(other.long(8).unwrap().load(Ordering::Acquire), 7);
        assert!(matches!(Appender::new(Arc::new(other), 0, 1), Err(Error::ReadOnly)));
    }
}

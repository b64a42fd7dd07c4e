//! Writing a generation whole: what a bulk load, growing and defragmenting have in common.
//!
//! What is to be written is first gathered as a [`Draft`], which refers to the bytes where they are: in an old generation, or
//! in the memory that a bulk load collects them in. Then the layout is known and the file is written front to back:
//! header, index, symbols, groups with their values, rosters.

use std::{
    fs::{self, File},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use hashbrown::HashTable;

use crate::{
    Error, Order, Result, Source, Space, Tree, Value,
    block::{GREATEST_SMALL, LARGE, Shape, WIDE, record_at},
    copy,
    entry::Entry,
    error::damaged,
    generation::{self, GREATEST_ROOM, Generation, HEADER, Header, at},
    group::Group,
    hash::{Hasher, Leaf, join},
    hot,
    index::{self, Place, SLOTS},
    keys::{self, Found},
    map::{Appender, Map, OVERREAD},
    name::{self, GREATEST_NAME},
    random,
    root::Row,
    roster::Roster,
    scan::compare_paths,
    trial::step,
    value, version,
};

/// What short references to names reach: 2^16 times 8 bytes.
const NARROW: u64 = 1 << 19;
const NONE: u32 = u32::MAX;

/// A place in the bytes that a draft refers to.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: u64,
    len: u32,
}

struct GroupDraft {
    path: Span,
    first: u32,
    last: u32,
    count: u32,
}

struct EntryDraft {
    name: u32,
    /// The next entry of the group.
    next: u32,
    record: u64,
}

struct NameDraft {
    name: Span,
    /// How many entries have it.
    count: u32,
    /// Where it lies in the generation, once that is known.
    place: u64,
}

/// What a generation is to hold.
struct Draft<'a, S> {
    source: &'a S,
    groups: Vec<GroupDraft>,
    entries: Vec<EntryDraft>,
    names: Vec<NameDraft>,
}

/// A space in the memory of this process: for values of many pieces that are to be stored, and what a bulk load collects.
///
/// ```
/// use cms_segment::{Array, Heap, Kind, Root, RootOptions, Scalar, Value};
///
/// # let dir = tempfile::tempdir()?;
/// # let root = Root::create(dir.path(), &RootOptions::default())?;
/// let mut heap = Heap::new();
/// let mut servers = Array::new(Kind::String);
/// servers.extend(&mut heap, &[Scalar::String(b"1.1.1.1"), Scalar::String(b"8.8.8.8")])?;
/// let record = servers.encode();
///
/// let mut writer = root.writer()?;
/// let mut batch = writer.batch(1)?;
/// batch.set(b"network.lan.dns", Value::array(&heap, &record)?)?;
/// batch.publish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Heap {
    bytes: Vec<u8>,
}

impl Heap {
    /// An empty one.
    pub fn new() -> Self {
        // No piece lies at 0, which stands for nothing.
        Heap { bytes: vec![0; 8] }
    }
}

impl Source for Heap {
    #[inline]
    fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.bytes.get(start..start.checked_add(len)?)
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Space for Heap {
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        if self.bytes.is_empty() {
            self.bytes.resize(8, 0);
        }
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        Ok(offset)
    }
}

/// Collects entries for a bulk load.
pub(crate) struct Collector {
    heap: Heap,
    hasher: Hasher,
    groups: Vec<GroupDraft>,
    entries: Vec<EntryDraft>,
    names: Vec<NameDraft>,
    by_path: HashTable<u32>,
    by_name: HashTable<u32>,
    record: Vec<u8>,
    last: Option<u32>,
}

impl Collector {
    pub fn new(seed: u64) -> Self {
        Collector {
            heap: Heap::new(),
            hasher: Hasher::new(seed),
            groups: Vec::new(),
            entries: Vec::new(),
            names: Vec::new(),
            by_path: HashTable::new(),
            by_name: HashTable::new(),
            record: Vec::new(),
            last: None,
        }
    }

    /// Adds an entry behind those of its path.
    pub fn add(&mut self, path: &[u8], leaf: &[u8], value: Value<'_>) -> Result<()> {
        let group = match self.last {
            Some(last) if self.path_of(last) == path => last,
            _ => self.group(path)?,
        };
        self.last = Some(group);
        let name = self.name(group, leaf)?;
        self.record.clear();
        copy::encode(value, &mut self.heap, &mut self.record)?;
        let record = self.heap.append(&self.record)?;
        let entry = u32::try_from(self.entries.len()).ok().filter(|entry| *entry != NONE);
        let entry = entry.ok_or(Error::Invalid { what: "a segment holds at most 2^32 - 1 entries" })?;
        self.entries.push(EntryDraft { name, next: NONE, record });
        if let Some(draft) = self.groups.get_mut(group as usize) {
            if draft.count == 0 {
                draft.first = entry;
            } else if let Some(last) = self.entries.get_mut(draft.last as usize) {
                last.next = entry;
            }
            draft.last = entry;
            draft.count += 1;
        }
        Ok(())
    }

    fn path_of(&self, group: u32) -> &[u8] {
        let path = self.groups.get(group as usize).map(|group| group.path);
        path.and_then(|path| self.heap.bytes(path.at, path.len as usize)).unwrap_or(&[])
    }

    #[inline(never)]
    fn group(&mut self, path: &[u8]) -> Result<u32> {
        check_name("a path", path)?;
        let hash = self.hasher.path(path);
        let (heap, groups) = (&self.heap, &self.groups);
        let of = |group: &u32| -> &[u8] {
            let path = groups[*group as usize].path;
            heap.bytes(path.at, path.len as usize).unwrap_or(&[])
        };
        if let Some(group) = self.by_path.find(hash, |group| of(group) == path) {
            return Ok(*group);
        }
        let hasher = self.hasher;
        let group = self.groups.len() as u32;
        self.by_path.insert_unique(hash, group, |group| hasher.path(of(group)));
        let at = self.heap.append(path)?;
        let path = Span { at, len: path.len() as u32 };
        self.groups.push(GroupDraft { path, first: NONE, last: NONE, count: 0 });
        Ok(group)
    }

    #[inline]
    fn name(&mut self, group: u32, leaf: &[u8]) -> Result<u32> {
        // Sections of a kind have options of the same names in the same order, more often than not.
        if let Some(last) =
            self.groups.get(group as usize).and_then(|group| self.entries.get(group.last as usize))
            && let Some(guess) = self.names.get_mut(last.name as usize + 1)
            && guess.name.len as usize == leaf.len()
            && self.heap.bytes(guess.name.at, leaf.len()) == Some(leaf)
        {
            guess.count += 1;
            return Ok(last.name + 1);
        }
        check_name("a leaf", leaf)?;
        let hash = self.hasher.leaf(&Leaf::new(leaf)).symbol();
        let (heap, names) = (&self.heap, &self.names);
        let of = |name: &u32| -> &[u8] {
            let name = names[*name as usize].name;
            heap.bytes(name.at, name.len as usize).unwrap_or(&[])
        };
        if let Some(name) = self.by_name.find(hash, |name| of(name) == leaf) {
            let name = *name;
            self.names[name as usize].count += 1;
            return Ok(name);
        }
        let hasher = self.hasher;
        let name = self.names.len() as u32;
        self.by_name.insert_unique(hash, name, |name| hasher.leaf(&Leaf::new(of(name))).symbol());
        let at = self.heap.append(leaf)?;
        self.names.push(NameDraft { name: Span { at, len: leaf.len() as u32 }, count: 1, place: 0 });
        Ok(name)
    }
}

/// Refuses names that the format cannot hold.
pub(crate) fn check_name(what: &'static str, name: &[u8]) -> Result<()> {
    if name.len() > GREATEST_NAME {
        return Err(Error::TooLong { what, length: name.len(), greatest: GREATEST_NAME });
    }
    Ok(())
}

/// What is written where, and for whom.
pub(crate) struct Target<'a> {
    pub directory: &'a Path,
    pub row: &'a Row,
    pub identity: [u8; 16],
    pub number: u64,
    pub since: u64,
    /// Whether the content at `since` is final, so that a check over it can be written down.
    pub is_final: bool,
    /// For how many more places the index is to have room, as a share of those there are: a half, or a sixteenth.
    pub grows: bool,
}

/// Writes an empty generation.
pub(crate) fn write_empty(
    directory: &Path,
    row: &Row,
    identity: [u8; 16],
    number: u64,
    since: u64,
) -> Result<()> {
    let target = Target { directory, row, identity, number, since, is_final: true, grows: false };
    collected(Collector::new(seed()?), &target).map(drop)
}

/// A seed for the hash functions of a generation.
pub(crate) fn seed() -> Result<u64> {
    random::bytes().map(u64::from_le_bytes)
}

/// Writes what was collected.
pub(crate) fn collected(collector: Collector, target: &Target<'_>) -> Result<(Generation, Appender)> {
    let Collector { heap, groups, entries, names, by_path, by_name, .. } = collector;
    drop((by_path, by_name));
    let draft = Draft { source: &heap, groups, entries, names };
    write(draft, target)
}

/// Writes what can be read of a generation at a revision.
pub(crate) fn compacted(
    old: &Generation,
    revision: u64,
    target: &Target<'_>,
) -> Result<(Generation, Appender)> {
    let map = &*old.map;
    let mut draft = Draft { source: map, groups: Vec::new(), entries: Vec::new(), names: Vec::new() };
    draft.groups.reserve(usize::try_from(old.header.group_count).unwrap_or(0).min(1 << 24));
    draft.entries.reserve(usize::try_from(old.header.entries).unwrap_or(0).min(1 << 28));
    // Names by their place: the same symbol is at the same place.
    let mut by_place: HashTable<u32> = HashTable::new();
    let spread = |place: u64| place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let roster = Roster::read(old, old.groups_word(), revision)?;
    for member in roster.iter(old, 0)? {
        let Some(group) = Group::of_member(old, member?, revision)? else { continue };
        let first = draft.entries.len() as u32;
        let mut add = |name_place: u64, leaf: Span, record: u64, is_large: bool| -> Result<()> {
            let name = if is_large {
                None
            } else {
                by_place
                    .find(spread(name_place), |name| draft.names[*name as usize].place == name_place)
                    .copied()
            };
            let name = match name {
                Some(name) => name,
                None => {
                    let number = draft.names.len() as u32;
                    draft.names.push(NameDraft { name: leaf, count: 0, place: name_place });
                    if !is_large {
                        let names = &draft.names;
                        by_place.insert_unique(spread(name_place), number, |name| {
                            spread(names[*name as usize].place)
                        });
                    }
                    number
                }
            };
            draft.names[name as usize].count += 1;
            let next = draft.entries.len() as u32 + 1;
            draft.entries.push(EntryDraft { name, next, record });
            Ok(())
        };
        let block = group.block();
        if block.is_large() {
            for member in group.roster()?.iter(old, 0)? {
                let entry = Entry::read(map, member?)?;
                if let Some(record) = record_at(old, entry.slot(), revision)? {
                    let leaf = entry.leaf(map)?.len() as u64;
                    let at = entry.offset + entry.size(map)? - leaf;
                    add(entry.offset, Span { at, len: leaf as u32 }, record, true)?;
                }
            }
        } else {
            for position in block.positions(old, revision)?.as_slice() {
                let position = usize::from(*position);
                if let Some(record) = record_at(old, block.slot(position), revision)? {
                    let place = block.name_place(old, position);
                    let len = name::read(map, place)?.len() as u32;
                    add(place, Span { at: place - u64::from(len), len }, record, false)?;
                }
            }
        }
        let count = draft.entries.len() as u32 - first;
        if count > 0 {
            let at = block.offset + block.shape.path();
            let path = Span { at, len: group.path().len() as u32 };
            draft.groups.push(GroupDraft { path, first, last: first + count - 1, count });
        }
    }
    write(draft, target)
}

/// The buckets of an index for as many places.
fn buckets(places: u64) -> Result<u32> {
    // Not too full, so that searches rarely leave the first bucket, and as many to spare as a writer wants to see.
    let slots = 2 * places + 128;
    u32::try_from(slots.div_ceil(SLOTS as u64)).map_err(|_| damaged("more groups than an index can hold"))
}

struct Output<'a, S> {
    draft: Draft<'a, S>,
    generation: Generation,
    appender: Appender,
    check: crc32fast::Hasher,
    places: u64,
    /// For the key table: paths, names and targets of entries.
    targets: Vec<(Span, u32, u64)>,
    /// Blocks of groups, in order.
    blocks: Vec<u64>,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    block: Vec<u8>,
    names: Vec<u8>,
    records: Vec<u8>,
    entries: Vec<(u32, u64)>,
    slots: Vec<u32>,
    references: Vec<u32>,
    tags: Vec<u8>,
}

fn write<S: Source>(draft: Draft<'_, S>, target: &Target<'_>) -> Result<(Generation, Appender)> {
    let seed = seed()?;
    let hasher = Hasher::new(seed);
    let in_large: u64 = draft
        .groups
        .iter()
        .filter(|group| group.count as usize > GREATEST_SMALL)
        .map(|g| u64::from(g.count))
        .sum();
    // Names that one entry alone has are written beside it.
    let mut symbols: Vec<u32> =
        (0..draft.names.len() as u32).filter(|name| draft.names[*name as usize].count > 1).collect();
    symbols.sort_by_key(|name| std::cmp::Reverse(draft.names[*name as usize].count));
    let places = draft.groups.len() as u64 + in_large + symbols.len() as u64;
    let buckets = buckets(places + places / if target.grows { 2 } else { 16 })?;

    let index = HEADER;
    let keys = index + u64::from(buckets) * 64;
    let key_buckets = keys::buckets(draft.entries.len() as u64);
    let base = keys + keys::size(key_buckets);
    let rough = base + draft.source.size() + 32 * draft.entries.len() as u64 + 64 * draft.groups.len() as u64;
    let shift = (0..4)
        .find(|shift| rough >> shift < 1 << 30)
        .ok_or(Error::Full { limit: GREATEST_ROOM, wanted: rough })?;

    let path = target.directory.join(generation::file_name(&target.row.name, target.number));
    let made = (|| {
        let room = (4 * rough + (64 << 20)).min(GREATEST_ROOM);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(target.row.mode & 0o777)
            .open(&path)
            .map_err(|source| Error::io("make", &path, source))?;
        step("a generation's file is made");
        let map = Arc::new(Map::with(file, &path, room, rough, true)?);
        let mut appender = Appender::new(map.clone(), 0, target.row.limit.min(room))?;
        appender.append_zeros(1, base)?;
        let header = Header {
            identity: target.identity,
            number: target.number,
            since: target.since,
            seed,
            index,
            buckets,
            shift,
            names: base,
            base,
            groups: base,
            end: base,
            entries: draft.entries.len() as u64,
            group_count: draft.groups.len() as u64,
            room,
            body: 0,
            symbols: symbols.len() as u64,
            keys,
            key_buckets,
        };
        let generation = Generation { map, header, hasher, number: hot::number() };
        let mut output = Output {
            blocks: Vec::with_capacity(draft.groups.len()),
            draft,
            generation,
            appender,
            check: crc32fast::Hasher::new(),
            places: 0,
            targets: Vec::new(),
            scratch: Scratch::default(),
        };
        output.symbols(&symbols)?;
        step("the symbols are written");
        for group in 0..output.draft.groups.len() {
            output.group(group)?;
        }
        step("the groups are written");
        output.finish(target)
    })();
    if made.is_err() {
        let _ = fs::remove_file(&path);
    }
    made
}

impl<'a, S: Source> Output<'a, S> {
    fn text(&self, span: Span) -> Result<&'a [u8]> {
        self.draft.source.bytes(span.at, span.len as usize).ok_or_else(|| damaged("a name lies outside"))
    }

    fn index(&mut self, place: Place, hash: u64, offset: u64) -> Result<()> {
        let vacant = index::vacant(&self.generation, hash)?;
        for (at, word) in
            [(vacant + index::TO_PLACE, index::place(offset)?), (vacant, index::tag(place, hash))]
        {
            let slot = self.generation.map.word(at).ok_or_else(|| damaged("the index lies outside"))?;
            slot.store(word, Ordering::Relaxed);
        }
        self.places += 1;
        Ok(())
    }

    /// Symbols first, the commonest where short references reach them.
    fn symbols(&mut self, symbols: &[u32]) -> Result<()> {
        self.appender.append(8, &[])?;
        self.generation.header.names = self.appender.tail();
        let start = self.appender.tail();
        let mut bytes = Vec::new();
        for name in symbols {
            let Some(draft) = self.draft.names.get(*name as usize) else { continue };
            let text = self.text(draft.name)?;
            let place = name::encode(text, start, 8, &mut bytes);
            let hash = self.generation.hasher.leaf(&Leaf::new(text)).symbol();
            self.index(Place::Symbol, hash, place)?;
            if let Some(draft) = self.draft.names.get_mut(*name as usize) {
                draft.place = place;
            }
        }
        self.check.update(&bytes);
        self.appender.append(1, &[&bytes])?;
        self.generation.header.groups = self.appender.tail();
        // Those that were not written above have no place yet.
        for name in &mut self.draft.names {
            if name.count <= 1 {
                name.place = 0;
            }
        }
        Ok(())
    }

    fn group(&mut self, number: usize) -> Result<()> {
        let Some(group) = self.draft.groups.get(number) else { return Ok(()) };
        let (path, count, mut next) = (group.path, group.count, group.first);
        let mut entries = std::mem::take(&mut self.scratch.entries);
        entries.clear();
        for _ in 0..count {
            let Some(entry) = self.draft.entries.get(next as usize) else { break };
            entries.push((entry.name, entry.record));
            next = entry.next;
        }
        let written = if entries.len() > GREATEST_SMALL {
            self.large(path, &mut entries)
        } else {
            self.small(path, &mut entries)
        };
        self.scratch.entries = entries;
        written
    }

    fn small(&mut self, path: Span, entries: &mut Vec<(u32, u64)>) -> Result<()> {
        // Of two entries of one name, the first gives the place and the last the value.
        let mut at = 1;
        while at < entries.len() {
            let (name, record) = entries[at];
            if let Some(first) = entries[..at].iter_mut().find(|entry| entry.0 == name) {
                first.1 = record;
                entries.remove(at);
                self.generation.header.entries -= 1;
            } else {
                at += 1;
            }
        }
        let names = self.generation.header.names;
        let wide = entries.iter().any(|(name, _)| {
            self.draft
                .names
                .get(*name as usize)
                .is_none_or(|name| name.place == 0 || name.place - names >= NARROW)
        });
        let shape = Shape {
            path_length: path.len as usize,
            capacity: entries.len(),
            flags: if wide { WIDE } else { 0 },
        };
        let shift = self.generation.header.shift;
        let start = self.appender.tail().next_multiple_of(4);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.names.clear();
        scratch.records.clear();
        scratch.slots.clear();
        scratch.references.clear();
        scratch.tags.clear();

        let names_start = align(start + shape.size(), shift);
        for (name, _) in &*entries {
            let draft =
                self.draft.names.get(*name as usize).ok_or_else(|| damaged("a draft without a name"))?;
            let text = self.text(draft.name)?;
            scratch.tags.push(self.generation.hasher.leaf(&Leaf::new(text)).tag());
            let reference = if !wide {
                (draft.place - names) >> 3
            } else if draft.place != 0 {
                draft.place >> shift
            } else {
                name::encode(text, names_start, 1 << shift, &mut scratch.names) >> shift
            };
            scratch
                .references
                .push(u32::try_from(reference).map_err(|_| damaged("a name beyond the greatest segment"))?);
        }
        pad(&mut scratch.names, shift);
        let records_start = names_start + scratch.names.len() as u64;
        let mut pieces = false;
        for (_, record) in &*entries {
            let place = records_start + scratch.records.len() as u64;
            let length = value::record_length(self.draft.source, *record)?;
            let bytes =
                self.draft.source.bytes(*record, length).ok_or_else(|| damaged("a value lies outside"))?;
            pieces |= value::has_pieces(bytes);
            scratch.records.extend_from_slice(bytes);
            pad(&mut scratch.records, shift);
            scratch.slots.push(
                version::base_word(place, shift)
                    .ok_or(Error::Full { limit: GREATEST_ROOM, wanted: place })?,
            );
        }
        if pieces {
            return self.small_with_pieces(path, shape, entries, scratch);
        }
        self.put_block(path, shape, entries, start, scratch)
    }

    /// The same for a group with arrays or tables, whose pieces are written before it.
    #[inline(never)]
    fn small_with_pieces(
        &mut self,
        path: Span,
        shape: Shape,
        entries: &[(u32, u64)],
        mut scratch: Scratch,
    ) -> Result<()> {
        let shift = self.generation.header.shift;
        let old_start = self.appender.tail().next_multiple_of(4);
        let mut records = Vec::with_capacity(entries.len());
        for (_, record) in entries {
            let mut bytes = Vec::new();
            copy::record(self.draft.source, *record, &mut self.appender, &mut bytes)?;
            records.push(bytes);
        }
        let start = self.appender.tail().next_multiple_of(4);
        // Names beside the block move with it.
        let (old_names, names) = (align(old_start + shape.size(), shift), align(start + shape.size(), shift));
        if shape.flags & WIDE != 0 {
            for ((name, _), reference) in entries.iter().zip(&mut scratch.references) {
                if self.draft.names.get(*name as usize).is_some_and(|name| name.place == 0) {
                    let place = (u64::from(*reference) << shift) - old_names + names;
                    *reference = u32::try_from(place >> shift)
                        .map_err(|_| damaged("a name beyond the greatest segment"))?;
                }
            }
        }
        scratch.records.clear();
        scratch.slots.clear();
        let records_start = names + scratch.names.len() as u64;
        for bytes in records {
            let place = records_start + scratch.records.len() as u64;
            scratch.records.extend_from_slice(&bytes);
            pad(&mut scratch.records, shift);
            let word = version::base_word(place, shift);
            scratch.slots.push(word.ok_or(Error::Full { limit: GREATEST_ROOM, wanted: place })?);
        }
        self.put_block(path, shape, entries, start, scratch)
    }

    fn put_block(
        &mut self,
        path: Span,
        shape: Shape,
        entries: &[(u32, u64)],
        start: u64,
        mut scratch: Scratch,
    ) -> Result<()> {
        let shift = self.generation.header.shift;
        let text = self.text(path)?;
        let block = &mut scratch.block;
        block.clear();
        encode_block(shape, text, [0, 0], None, &scratch.tags, &scratch.references, &scratch.slots, block);
        let gap = (align(start + shape.size(), shift) - start - shape.size()) as usize;
        block.resize(block.len() + gap, 0);
        let hash = self.generation.hasher.path(text);
        self.check.update(text);
        self.check.update(&scratch.names);
        self.check.update(&scratch.records);
        let place = self.appender.append(4, &[&scratch.block, &scratch.names, &scratch.records])?;
        if place != start {
            return Err(damaged("a group was not written where it was meant to be"));
        }
        self.scratch = scratch;
        self.blocks.push(place);
        if self.generation.header.key_buckets != 0 {
            let slots = place + shape.size() - 4 * shape.capacity as u64;
            let target = |slot: usize| keys::target(slots + 4 * slot as u64, place);
            self.targets
                .extend(entries.iter().enumerate().map(|(slot, (name, _))| (path, *name, target(slot))));
        }
        self.index(Place::Group, hash, place)
    }

    fn large(&mut self, path: Span, entries: &mut [(u32, u64)]) -> Result<()> {
        let shift = self.generation.header.shift;
        let hasher = self.generation.hasher;
        let shape = Shape { path_length: path.len as usize, capacity: 0, flags: LARGE };
        let text = self.text(path)?;
        let mut block = Vec::new();
        encode_block(shape, text, [0, 0], None, &[], &[], &[], &mut block);
        let path_hash = hasher.path(text);
        self.check.update(text);
        let place = self.appender.append(8, &[&block])?;
        self.blocks.push(place);
        self.index(Place::Group, path_hash, place)?;

        let mut members = Vec::with_capacity(entries.len());
        let mut known = HashTable::with_capacity(entries.len());
        let mut last_of: Vec<u64> = Vec::new();
        // Of two entries of one name, the first gives the place and the last the value.
        let mut kept: Vec<(u32, u64)> = Vec::with_capacity(entries.len());
        let spread = |name: u32| u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (name, record) in &*entries {
            match known.find(spread(*name), |at: &u32| kept[*at as usize].0 == *name) {
                Some(at) => {
                    kept[*at as usize].1 = *record;
                    self.generation.header.entries -= 1;
                }
                None => {
                    let at = kept.len() as u32;
                    kept.push((*name, *record));
                    known.insert_unique(spread(*name), at, |at| spread(kept[*at as usize].0));
                }
            }
        }
        drop(known);
        last_of.clear();
        let mut bytes = Vec::new();
        let mut record = Vec::new();
        for (name, place_of_record) in kept {
            let span =
                self.draft.names.get(name as usize).ok_or_else(|| damaged("a draft without a name"))?.name;
            record.clear();
            copy::record(self.draft.source, place_of_record, &mut self.appender, &mut record)?;
            let leaf = self.text(span)?;
            let hash = hasher.leaf(&Leaf::new(leaf)).entry(path_hash);
            bytes.clear();
            Entry::encode(place, 0, None, leaf, &mut bytes);
            let at = self.appender.tail().next_multiple_of(4);
            let value = align(at + bytes.len() as u64, shift);
            bytes.resize((value - at) as usize, 0);
            let word = version::base_word(value, shift)
                .ok_or(Error::Full { limit: GREATEST_ROOM, wanted: value })?;
            bytes[4..8].copy_from_slice(&word.to_le_bytes());
            self.check.update(leaf);
            self.check.update(&record);
            let at = self.appender.append(4, &[&bytes, &record])?;
            self.index(Place::Entry, hash, at)?;
            if self.generation.header.key_buckets != 0 {
                self.targets.push((path, name, keys::target(at + 4, place)));
            }
            members.push(at);
        }
        let map = self.generation.map.clone();
        let order: Vec<u64> = members.iter().map(|member| member >> 2).collect();
        let mut sorted: Vec<(u64, &[u8], u64)> = Vec::with_capacity(members.len());
        for member in &members {
            let leaf = Entry::read(&map, *member)?.leaf(&map)?;
            sorted.push((front(leaf), leaf, member >> 2));
        }
        if !sorted.is_sorted() {
            sorted.sort_unstable();
        }
        let word = self.roster(&order, sorted.into_iter().map(|(_, _, member)| member))?;
        if let Some(order) = self.generation.map.word(place + 8) {
            order.store(word, Ordering::Relaxed);
        }
        Ok(())
    }

    fn roster(&mut self, order: &[u64], sorted: impl Iterator<Item = u64>) -> Result<u32> {
        let order = Order::build(&mut self.appender, order)?;
        let sorted = Tree::build(&mut self.appender, sorted)?;
        let record = Roster { order, sorted, recent: 0 }.encode();
        let place = self.appender.append(1 << self.generation.header.shift, &[&record])?;
        let word = version::base_word(place, self.generation.header.shift);
        word.ok_or(Error::Full { limit: GREATEST_ROOM, wanted: place })
    }

    /// The key table, of a small segment.
    fn keys(&mut self) -> Result<()> {
        let (mut key, mut record) = (Vec::new(), Vec::new());
        for (path, name, target) in std::mem::take(&mut self.targets) {
            let name =
                self.draft.names.get(name as usize).ok_or_else(|| damaged("a draft without a name"))?;
            let (path, leaf) = (self.text(path)?, self.text(name.name)?);
            if !self.generation.has_key_table(path, leaf) {
                continue;
            }
            join(path, leaf, &mut key);
            if let Found::Free(free) = self.generation.find_key(&key)? {
                record.clear();
                keys::encode(target, &key, &mut record);
                let place = self.appender.append(8, &[&record])?;
                for change in free.link(&self.generation, place)? {
                    let word = self.generation.map.word(change.place);
                    word.ok_or_else(|| damaged("the key table lies outside"))?
                        .store(change.word, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, target: &Target<'_>) -> Result<(Generation, Appender)> {
        let blocks = std::mem::take(&mut self.blocks);
        if !blocks.is_empty() {
            let order: Vec<u64> = blocks.iter().map(|block| block >> 2).collect();
            let mut sorted: Vec<(&[u8], u64)> = Vec::with_capacity(blocks.len());
            for (block, group) in blocks.iter().zip(&self.draft.groups) {
                let path = self.draft.source.bytes(group.path.at, group.path.len as usize);
                sorted.push((path.ok_or_else(|| damaged("a name lies outside"))?, block >> 2));
            }
            // Stable: it is quick where the groups come in runs, as sections of a package do.
            sorted.sort_by(|a, b| compare_paths(a.0, b.0));
            let sorted: Vec<u64> = sorted.into_iter().map(|(_, block)| block).collect();
            let word = self.roster(&order, sorted.into_iter())?;
            if let Some(groups) = self.generation.map.word(at::GROUPS) {
                groups.store(word, Ordering::Relaxed);
            }
        }
        self.keys()?;
        let Output { mut generation, mut appender, check, places, .. } = self;
        // Behind the last record, so that it is no exception to those who read a little further than they need.
        appender.append_zeros(8, OVERREAD)?;
        appender.trim()?;
        generation.header.end = appender.tail();
        if target.is_final {
            // 0 stands for a body without a check.
            generation.header.body = check.finalize().max(1);
        }
        let long = |at: u64, word: u64| {
            if let Some(long) = generation.map.long(at) {
                long.store(word, Ordering::Relaxed);
            }
        };
        long(at::TAIL, appender.tail());
        long(at::USED, places);
        long(at::ENTRIES, generation.header.entries);
        // Last, by a system call: without its header the file is nothing.
        step("all but the header is written");
        let file = generation.map.file();
        std::os::unix::fs::FileExt::write_all_at(file, &generation.header.encode(), 0)
            .map_err(|source| Error::io("write", generation.map.path(), source))?;
        file.set_permissions(fs::Permissions::from_mode(target.row.mode & 0o777))
            .map_err(|source| Error::io("set the mode of", generation.map.path(), source))?;
        if let Some((user, group)) = target.row.owner {
            std::os::unix::fs::fchown(file, Some(user), Some(group))
                .map_err(|source| Error::io("set the owner of", generation.map.path(), source))?;
        }
        step("the generation is written");
        Ok((generation, appender))
    }
}

/// The first bytes of a text as a number that sorts like them.
fn front(text: &[u8]) -> u64 {
    let mut word = [0; 8];
    let len = text.len().min(8);
    word[..len].copy_from_slice(&text[..len]);
    u64::from_be_bytes(word)
}

fn align(offset: u64, shift: u8) -> u64 {
    offset.next_multiple_of(1 << shift)
}

fn pad(bytes: &mut Vec<u8>, shift: u8) {
    bytes.resize(bytes.len().next_multiple_of(1 << shift), 0);
}

/// The bytes of a block.
#[expect(clippy::too_many_arguments, reason = "they are the fields of the block")]
pub(crate) fn encode_block(
    shape: Shape,
    path: &[u8],
    [forward, order]: [u32; 2],
    extension: Option<(u32, u32, u64)>,
    tags: &[u8],
    references: &[u32],
    slots: &[u32],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.extend_from_slice(&shape.first_word().to_le_bytes());
    out.extend_from_slice(&forward.to_le_bytes());
    out.extend_from_slice(&order.to_le_bytes());
    if let Some((anchor, history, since)) = extension {
        out.extend_from_slice(&anchor.to_le_bytes());
        out.extend_from_slice(&history.to_le_bytes());
        out.extend_from_slice(&since.to_le_bytes());
    }
    let pad = |out: &mut Vec<u8>| out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    out.extend_from_slice(tags);
    out.resize(out.len() + (shape.capacity - tags.len().min(shape.capacity)), 0);
    pad(out);
    out.extend_from_slice(path);
    pad(out);
    for position in 0..shape.capacity {
        let reference = references.get(position).copied().unwrap_or(0);
        if shape.flags & WIDE == 0 {
            out.extend_from_slice(&(reference as u16).to_le_bytes());
        } else {
            out.extend_from_slice(&reference.to_le_bytes());
        }
    }
    pad(out);
    for position in 0..shape.capacity {
        out.extend_from_slice(&slots.get(position).copied().unwrap_or(0).to_le_bytes());
    }
}

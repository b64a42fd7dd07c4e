//! Looking a store over: what takes how much, and whether it is sound.

use std::{collections::BTreeMap, fs};

use crate::{
    Error, Item, Result, Root, Snapshot, Value,
    block::{Block, record_at},
    entry::Entry,
    error::damaged,
    generation::{Generation, HEADER, at, file_name},
    group::Group,
    hash::{Leaf, cut},
    index::{self, Place, SLOTS},
    keys::{self, Found},
    name,
    roster::Roster,
    scan::compare_paths,
    value::{self, record_length},
    version::{Version, resolve},
};

/// What a segment takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The segment's name; empty for the first one.
    pub segment: String,
    /// The number of the generation.
    pub generation: u64,
    /// Entries.
    pub entries: u64,
    /// Groups that have an entry.
    pub groups: u64,
    /// Bytes of full keys and values.
    pub payload: u64,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes of the file that are in use at the snapshot's revision.
    pub live: u64,
    /// Bytes that only older revisions, or nothing, leads to: the next generation is without them.
    pub garbage: u64,
    /// Bytes allocated but not written yet.
    pub free: u64,
    /// Slots of the index, and how many of them are in use.
    pub slots: (u64, u64),
    /// What each first component of a path takes.
    pub packages: BTreeMap<Vec<u8>, PackageUsage>,
    /// The runs of bytes that are in use, by where they begin: a map of the segment.
    pub map: Vec<Extent>,
}

/// What the entries of one package take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageUsage {
    /// Entries.
    pub entries: u64,
    /// Bytes in use for them.
    pub bytes: u64,
}

/// Bytes in use, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// Where they begin.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
    /// What they are for.
    pub kind: ExtentKind,
}

/// What bytes of a segment are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ExtentKind {
    /// The header with the journal.
    Header,
    /// The index.
    Index,
    /// Names that groups share.
    Symbols,
    /// Groups, entries, values and rosters.
    Content,
}

impl Statistics {
    /// How much of what was written is no longer in use, from 0 to 1.
    pub fn fragmentation(&self) -> f64 {
        let written = (self.live + self.garbage).max(1);
        self.garbage as f64 / written as f64
    }
}

/// Something that is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The segment; empty for the first one.
    pub segment: String,
    /// What is wrong.
    pub what: String,
    /// Where in the segment's file.
    pub place: Option<u64>,
}

impl Snapshot {
    /// What the segments take, by looking at all of them.
    pub fn statistics(&self) -> Result<Vec<Statistics>> {
        let readable = self.maps().named().filter_map(|(name, _, generation)| Some((name, generation?)));
        readable.map(|(name, generation)| survey(name, generation, self.revision())).collect()
    }
}

impl Root {
    /// Looks the whole store over, and answers what is wrong with it: nothing, if all is well.
    ///
    /// Beside what every read checks, this compares the checks over base and versions, and finds what can no longer be found.
    pub fn check(&self) -> Result<Vec<Finding>> {
        let snapshot = self.snapshot()?;
        let mut findings = Vec::new();
        let mut named = Vec::new();
        for (segment, place, generation) in snapshot.maps().named() {
            let mut find = |what: String, place: Option<u64>| {
                findings.push(Finding { segment: segment.to_owned(), what, place });
            };
            let Some(generation) = generation else { continue };
            let (current, previous) = self.shared().generations(place);
            named.extend([file_name(segment, current), file_name(segment, previous)]);
            let mut check = Check { generation, revision: snapshot.revision(), find: &mut find };
            if let Err(error) = check.run() {
                find(error.to_string(), None);
            }
        }
        // What no segment names takes room for nothing; the next writer removes it.
        if let Ok(files) = fs::read_dir(self.directory()) {
            for file in files.flatten() {
                let name = file.file_name();
                let Some(name) = name.to_str() else { continue };
                let is_generation =
                    name.rsplit_once('.').is_some_and(|(_, number)| number.parse::<u64>().is_ok());
                if is_generation && !named.iter().any(|known| known == name) {
                    findings.push(Finding {
                        segment: String::new(),
                        what: format!("the file {name} belongs to nothing"),
                        place: None,
                    });
                }
            }
        }
        Ok(findings)
    }
}

fn survey(name: &str, generation: &Generation, revision: u64) -> Result<Statistics> {
    let map = &*generation.map;
    let header = &generation.header;
    let mut statistics = Statistics {
        segment: name.to_owned(),
        generation: header.number,
        slots: (u64::from(header.buckets) * SLOTS as u64, generation.long(at::USED)),
        ..Statistics::default()
    };
    let mut extents = vec![
        Extent { offset: 0, length: HEADER, kind: ExtentKind::Header },
        Extent { offset: header.index, length: u64::from(header.buckets) * 64, kind: ExtentKind::Index },
        Extent { offset: header.keys, length: keys::size(header.key_buckets), kind: ExtentKind::Index },
        Extent { offset: header.names, length: header.groups - header.names, kind: ExtentKind::Symbols },
    ];
    let mut content = |offset: u64, length: u64| {
        extents.push(Extent { offset, length, kind: ExtentKind::Content });
        length
    };
    for key in generation.keys() {
        let (record, key) = key?;
        content(record, keys::record_size(key));
    }
    let roster = Roster::read(generation, generation.groups_word(), revision)?;
    pieces_of(generation, &roster, &mut content)?;
    for member in roster.iter(generation, 0)? {
        let Some(group) = Group::of_member(generation, member?, revision)? else { continue };
        let block = group.block();
        let mut bytes = content(block.offset, block.shape.size());
        let mut entries = 0;
        if block.is_large() {
            let roster = group.roster()?;
            for member in roster.iter(generation, 0)? {
                let entry = Entry::read(map, member?)?;
                if record_at(generation, entry.slot(), revision)?.is_some() {
                    bytes += value_pieces(generation, entry.slot(), revision, &mut content)?;
                    bytes += content(entry.offset, entry.size(map)?);
                    entries += 1;
                }
            }
            pieces_of(generation, &roster, &mut content)?;
        } else {
            for position in 0..block.capacity() {
                if record_at(generation, block.slot(position), revision)?.is_some() {
                    bytes += value_pieces(generation, block.slot(position), revision, &mut content)?;
                    let place = block.name_place(generation, position);
                    if place >= header.groups {
                        let leaf = block.leaf(generation, position)?.len() as u64;
                        bytes += content(place - leaf, leaf + 1);
                    }
                    entries += 1;
                }
            }
        }
        if entries == 0 {
            continue;
        }
        for entry in group.iter() {
            let (leaf, value) = entry?;
            let value = match value {
                Value::String(bytes) | Value::Bytes(bytes) => bytes.len() as u64,
                Value::Bool(_) => 1,
                _ => 8,
            };
            let path = group.path();
            let key = if path.is_empty() { leaf.len() } else { path.len() + 1 + leaf.len() };
            statistics.payload += key as u64 + value;
        }
        statistics.entries += entries;
        statistics.groups += 1;
        let first = group.path().split(|byte| *byte == b'.').next().unwrap_or(&[]);
        let usage = statistics.packages.entry(first.to_vec()).or_default();
        usage.entries += entries;
        usage.bytes += bytes;
    }
    let size = map.file().metadata().map_err(|source| Error::io("examine", map.path(), source))?.len();
    let tail = generation.long(at::TAIL).min(size);
    statistics.map = merged(extents);
    statistics.live = statistics.map.iter().map(|extent| extent.length).sum();
    statistics.garbage = tail.saturating_sub(statistics.live);
    statistics.size = size;
    statistics.free = size.saturating_sub(tail);
    Ok(statistics)
}

/// Names the pieces of a slot's value, and answers what they take.
fn value_pieces(
    generation: &Generation,
    word: u32,
    revision: u64,
    content: &mut impl FnMut(u64, u64) -> u64,
) -> Result<u64> {
    let map = &*generation.map;
    let place = resolve(map, generation.header.shift, word, revision)?;
    if place == 0 {
        return Ok(0);
    }
    let length = record_length(map, place)? as u64;
    let mut bytes = match Version::read(map, word)? {
        Some(_) => {
            let version = place.checked_sub(16).ok_or_else(|| damaged("a version lies outside"))?;
            content(version, length + 16)
        }
        None => content(place, length),
    };
    let mut piece = |offset, length| bytes += content(offset, length as u64);
    match value::decode(map, place)? {
        Some(Value::Array(array)) => array.places(&mut piece)?,
        Some(Value::Table(table)) => table.open("")?.places(map, &mut piece)?,
        _ => {}
    }
    Ok(bytes)
}

fn pieces_of(
    generation: &Generation,
    roster: &Roster,
    content: &mut impl FnMut(u64, u64) -> u64,
) -> Result<()> {
    let map = &*generation.map;
    roster.order.places(map, &mut |offset, length| {
        content(offset, length as u64);
    })?;
    roster.sorted.nodes(map, &mut |offset, length| {
        content(offset, length as u64);
    })
}

/// Runs of bytes, those that touch or overlap made one.
fn merged(mut extents: Vec<Extent>) -> Vec<Extent> {
    extents.sort_unstable();
    let mut merged: Vec<Extent> = Vec::new();
    for extent in extents {
        match merged.last_mut() {
            // Up to three bytes between two pieces are there to align the second.
            Some(last) if last.kind == extent.kind && extent.offset <= last.offset + last.length + 3 => {
                last.length = last.length.max(extent.offset + extent.length - last.offset);
            }
            _ => merged.push(extent),
        }
    }
    merged
}

struct Check<'c> {
    generation: &'c Generation,
    revision: u64,
    find: &'c mut dyn FnMut(String, Option<u64>),
}

impl Check<'_> {
    fn run(&mut self) -> Result<()> {
        let generation = self.generation;
        let tail = generation.long(at::TAIL);
        let size = generation.map.file().metadata().map_or(0, |status| status.len());
        if tail < generation.header.end || tail > size {
            (self.find)(format!("the tail is {tail}"), Some(at::TAIL));
        }
        self.body()?;
        self.index()?;
        self.keys()?;
        self.groups()
    }

    /// The check over the base, which versions do not change: it is that of the first revision.
    fn body(&mut self) -> Result<()> {
        let generation = self.generation;
        let (map, header) = (&*generation.map, &generation.header);
        if header.body == 0 {
            return Ok(());
        }
        let mut check = crc32fast::Hasher::new();
        let outside = || damaged("a part of the base lies outside");
        let symbols = usize::try_from(header.groups - header.names).map_err(|_| outside())?;
        check.update(map.bytes(header.names, symbols).ok_or_else(outside)?);
        let align = |offset: u64| offset.next_multiple_of(1 << header.shift);
        let roster = Roster::read(generation, generation.groups_word(), header.since)?;
        for member in roster.iter(generation, 0)?.take(header.group_count as usize) {
            let block = Block::read(map, member?)?;
            check.update(block.path);
            if block.is_large() {
                let word = block.order(map);
                for member in Roster::read(generation, word, header.since)?.iter(generation, 0)? {
                    let entry = Entry::read(map, member?)?;
                    let record = resolve(map, header.shift, entry.slot(), header.since)?;
                    check.update(entry.leaf(map)?);
                    check.update(map.bytes(record, record_length(map, record)?).ok_or_else(outside)?);
                }
                continue;
            }
            let names = align(block.offset + block.shape.size());
            let first = resolve(map, header.shift, block.slot(0), header.since)?;
            let last =
                resolve(map, header.shift, block.slot(block.capacity().saturating_sub(1)), header.since)?;
            let end = align(last + record_length(map, last)? as u64);
            let length = end.checked_sub(names).filter(|_| names <= first && first <= last);
            let length = length.and_then(|length| usize::try_from(length).ok()).ok_or_else(outside)?;
            check.update(map.bytes(names, length).ok_or_else(outside)?);
        }
        if check.finalize().max(1) != header.body {
            (self.find)("the base does not agree with its check".to_owned(), None);
        }
        Ok(())
    }

    /// Whether everything that the index leads to is what it is said to be.
    fn index(&mut self) -> Result<()> {
        let generation = self.generation;
        let map = &*generation.map;
        for slot in index::slots(generation) {
            let (tag, offset) = slot?;
            let hash = if tag == index::tag(Place::Symbol, 0) | tag & (u32::MAX >> 2) {
                generation.hasher.leaf(&Leaf::new(name::read(map, offset)?)).symbol()
            } else if tag == index::tag(Place::Entry, 0) | tag & (u32::MAX >> 2) {
                let entry = Entry::read(map, offset)?;
                let path = Block::read(map, entry.group())?.path;
                generation.hasher.leaf(&Leaf::new(entry.leaf(map)?)).entry(generation.hasher.path(path))
            } else {
                generation.hasher.path(Block::read(map, offset)?.path)
            };
            if tag & (u32::MAX >> 2) != index::tag(Place::Symbol, hash) & (u32::MAX >> 2) {
                (self.find)("the index leads to something else".to_owned(), Some(offset));
            }
        }
        Ok(())
    }

    /// Whether the key table finds each of its keys, and with it the value that the key has.
    fn keys(&mut self) -> Result<()> {
        let generation = self.generation;
        for key in generation.keys() {
            let (record, key) = key?;
            let (path, leaf) = cut(key);
            let found = matches!(generation.find_key(key)?, Found::Record(found) if found == record);
            let value = match generation.by_key_table(key, self.revision) {
                Some(record) => generation.value_of_record(record)?,
                // It leaves the key to the index.
                None => generation.get(path, &leaf, self.revision)?,
            };
            if !found || value != generation.get(path, &leaf, self.revision)? {
                let key = key.escape_ascii();
                (self.find)(format!("the key table leads from '{key}' to something else"), Some(record));
            }
        }
        Ok(())
    }

    /// Whether every group and entry is found by its name, sorted, and has sound versions.
    fn groups(&mut self) -> Result<()> {
        let generation = self.generation;
        let map = &*generation.map;
        let roster = Roster::read(generation, generation.groups_word(), self.revision)?;
        let mut last: Option<&[u8]> = None;
        for member in roster.sorted.iter(map) {
            let path = Block::read(map, member? << 2)?.path;
            if last.is_some_and(|last| compare_paths(last, path).is_ge()) {
                (self.find)(format!("the group '{}' is not sorted", path.escape_ascii()), None);
            }
            last = Some(path);
        }
        if roster.sorted.len() != roster.order.len() {
            (self.find)("the roster of groups counts two ways".to_owned(), None);
        }
        for member in roster.iter(generation, 0)? {
            let member = member?;
            let Some(group) = Group::of_member(generation, member, self.revision)? else { continue };
            let path = group.path();
            let found = generation.newest_block(path, generation.hasher.path(path))?;
            if found.is_none() {
                (self.find)(format!("the group '{}' is not found", path.escape_ascii()), Some(member));
                continue;
            }
            let block = group.block();
            if block.is_large() {
                let roster = group.roster()?;
                for member in roster.iter(generation, 0)? {
                    let entry = Entry::read(map, member?)?;
                    self.versions(entry.slot())?;
                }
                let mut last: Option<&[u8]> = None;
                for member in roster.sorted.iter(map) {
                    let leaf = Entry::read(map, member? << 2)?.leaf(map)?;
                    if last.is_some_and(|last| last >= leaf) {
                        (self.find)(format!("the entry '{}' is not sorted", leaf.escape_ascii()), None);
                    }
                    last = Some(leaf);
                }
                if roster.sorted.len() != roster.order.len() {
                    (self.find)(format!("the group '{}' counts two ways", path.escape_ascii()), None);
                }
            } else {
                for position in 0..block.capacity() {
                    self.versions(block.slot(position))?;
                }
            }
            for entry in group.iter() {
                let (leaf, value) = entry?;
                if generation.get(path, &Leaf::new(leaf), self.revision)? != Some(value) {
                    let key = Item { path, leaf, value }.key();
                    (self.find)(format!("the entry '{}' is not found", key.escape_ascii()), None);
                }
            }
        }
        Ok(())
    }

    fn versions(&mut self, mut word: u32) -> Result<()> {
        let map = &*self.generation.map;
        let mut newer = u64::MAX;
        while let Some(version) = Version::read(map, word)? {
            let length = record_length(map, version.record())?;
            if !version.is_sound(map, length) || version.revision >= newer {
                (self.find)("a version does not agree with its check".to_owned(), Some(version.record()));
                break;
            }
            newer = version.revision;
            if !version.precedes(version.predecessor) {
                return Err(damaged("a version that is older than its predecessor"));
            }
            word = version.predecessor;
        }
        Ok(())
    }
}

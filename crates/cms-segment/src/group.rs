//! Groups: the entries of one path, in their order.

use crate::{
    Result, TreeIter, Value,
    block::{Block, Positions, record_at, value_at},
    entry::Entry,
    error::damaged,
    generation::Generation,
    hash::Leaf,
    roster::Roster,
    value::decode,
};

/// The entries of one path at one revision.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    generation: &'a Generation,
    block: Block<'a>,
    revision: u64,
}

impl<'a> Group<'a> {
    /// The group of a path, if it has an entry.
    pub(crate) fn find(generation: &'a Generation, path: &[u8], revision: u64) -> Result<Option<Group<'a>>> {
        let hash = generation.hasher.path(path);
        let Some(block) = generation.block(path, hash, revision)? else { return Ok(None) };
        let group = Group { generation, block, revision };
        Ok(group.iter().next().transpose()?.map(|_| group))
    }

    /// The group whose block the roster names, if it existed at the revision.
    pub(crate) fn of_member(
        generation: &'a Generation,
        anchor: u64,
        revision: u64,
    ) -> Result<Option<Group<'a>>> {
        let mut block = Block::read(&generation.map, anchor)?;
        let forward = block.forward(&generation.map);
        if forward != 0 {
            block = Block::read(&generation.map, forward)?;
        }
        if block.since(&generation.map) > revision {
            return Ok(generation.past_block(&block, revision)?.map(|block| Group {
                generation,
                block,
                revision,
            }));
        }
        Ok(Some(Group { generation, block, revision }))
    }

    pub(crate) fn block(&self) -> &Block<'a> {
        &self.block
    }

    /// The path that the entries share; empty for undotted keys.
    pub fn path(&self) -> &'a [u8] {
        self.block.path
    }

    /// The entries in their order.
    pub fn iter(&self) -> Entries<'a> {
        let mut entries = Entries { group: *self, next: 0, cursor: Cursor::Slots };
        if self.block.is_large() {
            entries.cursor = match self.roster() {
                Ok(roster) => Cursor::Members {
                    members: Box::new(roster.order.range(&*self.generation.map, 0, roster.order.len())),
                    recent: roster.recent,
                },
                Err(error) => Cursor::Failed(Some(error)),
            };
        } else if self.block.order(&self.generation.map) != 0 {
            entries.cursor = match self.block.positions(self.generation, self.revision) {
                Ok(positions) => Cursor::Listed(Box::new(positions)),
                Err(error) => Cursor::Failed(Some(error)),
            };
        }
        entries
    }

    /// The number of entries.
    pub fn len(&self) -> Result<u64> {
        if self.block.is_large() {
            let roster = self.roster()?;
            let mut count = roster.order.len();
            for member in roster.recent(self.generation)? {
                count += u64::from(self.exists(member)?);
            }
            return Ok(count);
        }
        let mut count = 0;
        for position in 0..self.block.capacity() {
            count +=
                u64::from(record_at(self.generation, self.block.slot(position), self.revision)?.is_some());
        }
        Ok(count)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.iter().next().transpose()?.is_none())
    }

    /// The value of a leaf.
    pub fn get(&self, leaf: &[u8]) -> Result<Option<Value<'a>>> {
        let leaf = &Leaf::new(leaf);
        let hash = self.generation.hasher.leaf(leaf);
        if self.block.is_large() {
            let hash = hash.entry(self.generation.hasher.path(self.block.path));
            return match self.generation.entry(&self.block, leaf, hash, self.revision)? {
                Some(entry) => entry.value(self.generation, self.revision),
                None => Ok(None),
            };
        }
        match self.block.find(self.generation, leaf, hash.tag(), self.revision)? {
            Some((_, record)) => decode(&*self.generation.map, record),
            None => Ok(None),
        }
    }

    /// How many entries stand before a leaf, if it is there.
    ///
    /// ```
    /// # use cms_segment::{Root, RootOptions, Value};
    /// # let dir = tempfile::tempdir()?;
    /// # let root = Root::create(dir.path(), &RootOptions::default())?;
    /// # let mut writer = root.writer()?;
    /// let mut batch = writer.batch(1)?;
    /// for leaf in ["lan", "wan", "guest"] {
    ///     batch.set(format!("network.{leaf}").as_bytes(), Value::String(b"interface"))?;
    /// }
    /// batch.move_to(b"network", b"guest", 0)?;
    /// batch.publish()?;
    ///
    /// let snapshot = root.snapshot()?;
    /// let network = snapshot.group(b"network")?.expect("it has three entries");
    /// assert_eq!(network.position(b"guest")?, Some(0));
    /// assert_eq!(network.at(1)?.map(|(leaf, _)| leaf), Some(&b"lan"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn position(&self, leaf: &[u8]) -> Result<Option<u64>> {
        if !self.block.is_large() {
            for (position, entry) in self.iter().enumerate() {
                if entry?.0 == leaf {
                    return Ok(Some(position as u64));
                }
            }
            return Ok(None);
        }
        let leaf = &Leaf::new(leaf);
        let hash = self.generation.hasher.leaf(leaf).entry(self.generation.hasher.path(self.block.path));
        let Some(entry) = self.generation.entry(&self.block, leaf, hash, self.revision)? else {
            return Ok(None);
        };
        if !self.exists(entry.offset)? {
            return Ok(None);
        }
        let roster = self.roster()?;
        let mut position = roster.order.len();
        for member in roster.recent(self.generation)? {
            if member == entry.offset {
                return Ok(Some(position));
            }
            position += u64::from(self.exists(member)?);
        }
        roster.order.position(&*self.generation.map, entry.offset >> 2)
    }

    /// The entry at a position.
    pub fn at(&self, position: u64) -> Result<Option<(&'a [u8], Value<'a>)>> {
        if !self.block.is_large() {
            return self.iter().nth(usize::try_from(position).unwrap_or(usize::MAX)).transpose();
        }
        let roster = self.roster()?;
        let members = roster.iter(self.generation, position)?;
        let mut skip = position.saturating_sub(roster.order.len());
        for member in members {
            if let Some(entry) = self.member(member?)? {
                if skip == 0 {
                    return Ok(Some(entry));
                }
                skip -= 1;
            }
        }
        Ok(None)
    }

    /// The entries from a leaf on, sorted by leaf.
    pub(crate) fn sorted(&self, start: &[u8]) -> Result<SortedEntries<'a>> {
        let mut listed = Vec::new();
        let mut members = None;
        let mut add = |leaf: &'a [u8], value: Value<'a>| {
            if leaf >= start {
                listed.push((leaf, value));
            }
        };
        if self.block.is_large() {
            let roster = self.roster()?;
            for member in roster.recent(self.generation)? {
                if let Some((leaf, value)) = self.member(member)? {
                    add(leaf, value);
                }
            }
            let map = &*self.generation.map;
            let first = roster
                .sorted
                .partition_point(map, |member| Ok(Entry::read(map, member << 2)?.leaf(map)? < start))?;
            members = Some(roster.sorted.range(map, first, roster.sorted.len()));
        } else {
            for position in 0..self.block.capacity() {
                if let Some(value) = value_at(self.generation, self.block.slot(position), self.revision)? {
                    add(self.block.leaf(self.generation, position)?, value);
                }
            }
        }
        // Backward, so that the next one is popped off the end.
        listed.sort_unstable_by(|a, b| b.0.cmp(a.0));
        Ok(SortedEntries { group: *self, listed, members, ahead: None })
    }

    pub(crate) fn roster(&self) -> Result<Roster> {
        Roster::read(self.generation, self.block.order(&self.generation.map), self.revision)
    }

    /// Whether an entry of a large group has a value.
    fn exists(&self, member: u64) -> Result<bool> {
        let entry = Entry::read(&self.generation.map, member)?;
        Ok(record_at(self.generation, entry.slot(), self.revision)?.is_some())
    }

    /// The entry of a large group at a place, if it has a value.
    fn member(&self, member: u64) -> Result<Option<(&'a [u8], Value<'a>)>> {
        let entry = Entry::read(&self.generation.map, member)?;
        match entry.value(self.generation, self.revision)? {
            Some(value) => Ok(Some((entry.leaf(&self.generation.map)?, value))),
            None => Ok(None),
        }
    }

    /// The entry of a small group in a slot, if it has a value.
    #[inline(always)]
    fn slot(&self, position: usize) -> Result<Option<(&'a [u8], Value<'a>)>> {
        let Some(value) = value_at(self.generation, self.block.slot(position), self.revision)? else {
            return Ok(None);
        };
        Ok(Some((self.block.leaf(self.generation, position)?, value)))
    }
}

impl std::fmt::Debug for Group<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("path", &String::from_utf8_lossy(self.path())).finish()
    }
}

impl<'a> IntoIterator for &Group<'a> {
    type Item = Result<(&'a [u8], Value<'a>)>;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

/// The entries of a group in their order: leaf and value.
pub struct Entries<'a> {
    group: Group<'a>,
    /// The next slot, place in the list, or recent member.
    next: usize,
    cursor: Cursor<'a>,
}

enum Cursor<'a> {
    Slots,
    Listed(Box<Positions>),
    Members { members: Box<TreeIter<'a>>, recent: u64 },
    Failed(Option<crate::Error>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(&'a [u8], Value<'a>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match &mut self.cursor {
                Cursor::Slots => {
                    if self.next >= self.group.block.capacity() {
                        return None;
                    }
                    self.next += 1;
                    self.group.slot(self.next - 1)
                }
                Cursor::Listed(positions) => {
                    let position = *positions.as_slice().get(self.next)?;
                    self.next += 1;
                    self.group.slot(usize::from(position))
                }
                Cursor::Members { members, recent } => match members.next() {
                    Some(Ok(member)) => self.group.member(member << 2),
                    Some(Err(error)) => Err(error),
                    None => {
                        if *recent == 0 || self.next >= crate::roster::RECENT {
                            return None;
                        }
                        let map = &self.group.generation.map;
                        let place = *recent + 4 * self.next as u64;
                        self.next += 1;
                        match map.word(place).map(|word| word.load(std::sync::atomic::Ordering::Acquire)) {
                            Some(0) => return None,
                            Some(member) => self.group.member(u64::from(member) << 2),
                            None => Err(damaged("recent members lie outside")),
                        }
                    }
                },
                Cursor::Failed(error) => return error.take().map(Err),
            };
            match entry {
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => {}
                Err(error) => {
                    self.cursor = Cursor::Failed(None);
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The entries of a group, sorted by leaf.
pub(crate) struct SortedEntries<'a> {
    group: Group<'a>,
    /// Entries that no tree holds, the next one last.
    listed: Vec<(&'a [u8], Value<'a>)>,
    members: Option<TreeIter<'a>>,
    /// The next one of the tree.
    ahead: Option<(&'a [u8], Value<'a>)>,
}

impl<'a> SortedEntries<'a> {
    /// The leaf of the next entry.
    pub fn peek(&mut self) -> Result<Option<&'a [u8]>> {
        while self.ahead.is_none()
            && let Some(members) = &mut self.members
        {
            match members.next() {
                Some(member) => self.ahead = self.group.member(member? << 2)?,
                None => self.members = None,
            }
        }
        Ok(match (&self.ahead, self.listed.last()) {
            (Some((a, _)), Some((b, _))) => Some(a.min(b)),
            (Some((leaf, _)), None) | (None, Some((leaf, _))) => Some(leaf),
            (None, None) => None,
        })
    }

    /// Takes the next entry.
    pub fn take(&mut self) -> Result<Option<(&'a [u8], Value<'a>)>> {
        self.peek()?;
        Ok(match (&self.ahead, self.listed.last()) {
            (Some((a, _)), Some((b, _))) if b < a => self.listed.pop(),
            (Some(_), _) => self.ahead.take(),
            (None, _) => self.listed.pop(),
        })
    }

    /// The path of the group.
    pub fn path(&self) -> &'a [u8] {
        self.group.path()
    }
}

/// The value of a record that is known to be there.
pub(crate) fn value_of(generation: &Generation, record: u64) -> Result<Value<'_>> {
    decode(&*generation.map, record)?.ok_or_else(|| damaged("a value that was there is deleted"))
}

//! What a batch does to one generation.

use std::sync::atomic::Ordering;

use crate::{
    Order, Result, Space, Tree, Value,
    block::{Block, EXTENDED, GREATEST_SMALL, LARGE, Shape, WIDE, record_at},
    entry::Entry,
    error::damaged,
    generation::at,
    hash::{GREATEST_KEY, Leaf, LeafHash, join},
    index::{self, Place, SLOTS},
    keys::{self, Found},
    load::encode_block,
    name,
    pen::Pen,
    roster::{RECENT, Roster},
    scan::compare_paths,
    value::{self, DELETED, record_length},
    version,
};

/// The first capacity of a group.
const FIRST: usize = 6;

/// What the members of a roster are.
#[derive(Clone, Copy)]
enum Members {
    Groups,
    Entries,
}

/// Where the entry of a key is.
enum Spot {
    /// In a slot of a small group.
    Slot(u64),
    /// An entry of a large group.
    Entry(u64),
}

impl Pen {
    /// Whether the file must be replaced by a larger one before more is written.
    pub fn is_cramped(&self, bytes: u64) -> bool {
        let slots = u64::from(self.generation.header.buckets) * SLOTS as u64;
        // A group that becomes large takes a slot for each of its entries.
        self.generation.long(at::USED).saturating_add(GREATEST_SMALL as u64 + 8) > slots - slots / 16
            || self.appender.room() < bytes.saturating_add(512 << 10)
    }

    /// Sets an entry to a record; a new one goes behind the others.
    pub fn set(&mut self, path: &[u8], leaf: &[u8], record: &[u8]) -> Result<()> {
        let leaf = &Leaf::new(leaf);
        let generation = self.generation.clone();
        let path_hash = generation.hasher.path(path);
        let leaf_hash = generation.hasher.leaf(leaf);
        let Some((place, block)) = generation.newest_block(path, path_hash)? else {
            return self.add_group(path, path_hash, leaf, leaf_hash, record);
        };
        if block.is_large() {
            return self.set_in_large(&block, path_hash, leaf, leaf_hash, record);
        }
        if let Some((position, _)) = block.find(&generation, leaf, leaf_hash.tag(), self.revision)? {
            return self.overwrite(block.slot_place(position), record);
        }
        self.add_to_small(place, &block, path_hash, leaf, leaf_hash, record)
    }

    /// Sets an entry to a record, and puts it to a position.
    pub fn insert(&mut self, path: &[u8], leaf: &[u8], record: &[u8], position: u64) -> Result<()> {
        let generation = self.generation.clone();
        let path_hash = generation.hasher.path(path);
        let new = Leaf::new(leaf);
        let leaf_hash = generation.hasher.leaf(&new);
        if let Some((_, block)) = generation.newest_block(path, path_hash)?
            && block.is_large()
            && self.spot(path, leaf)?.is_none()
        {
            // At once to where it belongs, which is half of the work.
            let member = self.new_entry(&block, path_hash, &new, leaf_hash, record)?;
            let place = block.order_place();
            let mut roster = self.flushed(place, Members::Entries)?;
            roster.order = roster.order.insert(&mut self.appender, position, member >> 2)?;
            let sorted = self.sorted_position(&roster.sorted, leaf, Members::Entries)?;
            roster.sorted = roster.sorted.insert(&mut self.appender, sorted, member >> 2)?;
            return self.set_roster(place, &roster);
        }
        self.set(path, leaf, record)?;
        self.move_to(path, leaf, position).map(drop)
    }

    /// Deletes an entry, and answers whether there was one.
    pub fn delete(&mut self, path: &[u8], leaf: &[u8]) -> Result<bool> {
        match self.spot(path, leaf)? {
            None => Ok(false),
            Some((_, Spot::Slot(slot))) => {
                self.entries -= 1;
                self.overwrite(slot, &[DELETED]).map(|()| true)
            }
            Some((block, Spot::Entry(member))) => {
                self.entries -= 1;
                let entry = Entry::read(&self.generation.clone().map, member)?.slot_place();
                self.remove_member(block, member)?;
                self.overwrite(entry, &[DELETED]).map(|()| true)
            }
        }
    }

    /// Deletes every entry of a group, and answers how many there were.
    pub fn delete_group(&mut self, path: &[u8]) -> Result<u64> {
        let generation = self.generation.clone();
        let Some(block) = self.block(path)? else { return Ok(0) };
        let block = Block::read(&generation.map, block)?;
        let mut slots = Vec::new();
        if block.is_large() {
            for member in self.roster(block.order_place())?.iter(&generation, 0)? {
                let entry = Entry::read(&generation.map, member?)?;
                if record_at(&generation, entry.slot(), self.revision)?.is_some() {
                    slots.push(entry.slot_place());
                }
            }
            self.set_roster(block.order_place(), &Roster::default())?;
        } else {
            for position in 0..block.capacity() {
                if record_at(&generation, block.slot(position), self.revision)?.is_some() {
                    slots.push(block.slot_place(position));
                }
            }
        }
        for slot in &slots {
            self.overwrite(*slot, &[DELETED])?;
        }
        self.entries -= slots.len() as i64;
        Ok(slots.len() as u64)
    }

    /// The entries of a group as they are in the batch: leaf and record, in order.
    pub fn entries_of(&self, path: &[u8]) -> Result<Vec<(Vec<u8>, u64)>> {
        let generation = &self.generation;
        let Some(block) = self.block(path)? else { return Ok(Vec::new()) };
        let block = Block::read(&generation.map, block)?;
        let mut entries = Vec::new();
        if block.is_large() {
            for member in self.roster(block.order_place())?.iter(generation, 0)? {
                let entry = Entry::read(&generation.map, member?)?;
                if let Some(record) = record_at(generation, entry.slot(), self.revision)? {
                    entries.push((entry.leaf(&generation.map)?.to_vec(), record));
                }
            }
        } else {
            for position in block.positions(generation, self.revision)?.as_slice() {
                let position = usize::from(*position);
                if let Some(record) = record_at(generation, block.slot(position), self.revision)? {
                    entries.push((block.leaf(generation, position)?.to_vec(), record));
                }
            }
        }
        Ok(entries)
    }

    /// The bytes of a record.
    pub fn record_bytes(&self, record: u64) -> Result<Vec<u8>> {
        let length = record_length(&*self.generation.map, record)?;
        let bytes = self.generation.map.bytes(record, length);
        Ok(bytes.ok_or_else(|| damaged("a value lies outside"))?.to_vec())
    }

    /// Moves an entry to a position, counted without it.
    pub fn move_to(&mut self, path: &[u8], leaf: &[u8], position: u64) -> Result<bool> {
        let generation = self.generation.clone();
        match self.spot(path, leaf)? {
            None => Ok(false),
            Some((block, Spot::Slot(slot))) => {
                let block = Block::read(&generation.map, block)?;
                let mut order = Vec::with_capacity(GREATEST_SMALL);
                let mut moved = None;
                for number in block.positions(&generation, self.revision)?.as_slice() {
                    let slot_of = usize::from(*number);
                    if block.slot_place(slot_of) == slot {
                        moved = Some(*number);
                    } else if record_at(&generation, block.slot(slot_of), self.revision)?.is_some() {
                        order.push(*number);
                    }
                }
                let moved = moved.ok_or_else(|| damaged("a slot without a position"))?;
                let position = usize::try_from(position).unwrap_or(usize::MAX).min(order.len());
                order.insert(position, moved);
                let mut record = Vec::with_capacity(GREATEST_SMALL + 2);
                value::encode(Value::Bytes(&order), &mut record);
                let order_place = block.order_place();
                let word = version::append(
                    &mut self.appender,
                    block.order(&generation.map),
                    self.revision,
                    &record,
                )?;
                self.switch(order_place, word).map(|()| true)
            }
            Some((block, Spot::Entry(member))) => {
                let place = Block::read(&generation.map, block)?.order_place();
                let mut roster = self.flushed(place, Members::Entries)?;
                roster.order = roster.order.shift(&mut self.appender, member >> 2, position)?;
                self.set_roster(place, &roster).map(|()| true)
            }
        }
    }

    /// The block of a group and the place of an entry that has a value in the batch.
    fn spot(&self, path: &[u8], leaf: &[u8]) -> Result<Option<(u64, Spot)>> {
        let generation = &self.generation;
        let path_hash = generation.hasher.path(path);
        let leaf = &Leaf::new(leaf);
        let leaf_hash = generation.hasher.leaf(leaf);
        let Some((_, block)) = generation.newest_block(path, path_hash)? else { return Ok(None) };
        if block.is_large() {
            let entry = generation.newest_entry(&block, leaf, leaf_hash.entry(path_hash))?;
            let Some((_, entry)) = entry else { return Ok(None) };
            let exists = record_at(generation, entry.slot(), self.revision)?.is_some();
            return Ok(exists.then_some((block.offset, Spot::Entry(entry.offset))));
        }
        let found = block.find(generation, leaf, leaf_hash.tag(), self.revision)?;
        Ok(found.map(|(position, _)| (block.offset, Spot::Slot(block.slot_place(position)))))
    }

    fn block(&self, path: &[u8]) -> Result<Option<u64>> {
        let hash = self.generation.hasher.path(path);
        Ok(self.generation.newest_block(path, hash)?.map(|(_, block)| block.offset))
    }

    /// Puts another version behind a slot.
    fn overwrite(&mut self, slot: u64, record: &[u8]) -> Result<()> {
        let word = self.word(slot)?;
        let word = version::append(&mut self.appender, word, self.revision, record)?;
        self.switch(slot, word)
    }

    fn add_to_index(&mut self, place: Place, hash: u64, offset: u64) -> Result<()> {
        let vacant = index::vacant(&self.generation, hash)?;
        self.switch(vacant + index::TO_PLACE, index::place(offset)?)?;
        self.switch(vacant, index::tag(place, hash))?;
        // Journaled like the slot: what is taken back is free again.
        let used = self.generation.long(at::USED);
        self.switch_long(at::USED, used.saturating_add(1))
    }

    /// Lets the key table lead to an entry; of one that lies elsewhere now, to where it is.
    fn tell_key(&mut self, path: &[u8], leaf: &[u8], slot: u64, block: u64) -> Result<()> {
        let generation = self.generation.clone();
        if !generation.has_key_table(path, leaf) {
            return Ok(());
        }
        let mut key = Vec::with_capacity(GREATEST_KEY);
        join(path, leaf, &mut key);
        let target = keys::target(slot, block);
        match generation.find_key(&key)? {
            Found::Record(record) => self.switch_long(record, target),
            Found::Free(free) => {
                let mut record = Vec::with_capacity(GREATEST_KEY + 9);
                keys::encode(target, &key, &mut record);
                let record = self.appender.append(8, &[&record])?;
                for change in free.link(&generation, record)? {
                    self.switch(change.place, change.word)?;
                }
                Ok(())
            }
            Found::Full => Ok(()),
        }
    }

    /// The reference to a leaf's name, written if it is new.
    fn symbol(&mut self, leaf: &Leaf<'_>, hash: LeafHash) -> Result<u32> {
        let generation = self.generation.clone();
        let shift = generation.header.shift;
        let found = index::find(&generation, Place::Symbol, hash.symbol(), |offset| {
            Ok(name::is(&generation.map, offset, leaf))
        })?;
        let place = match found {
            Some((_, place)) => place,
            None => {
                let mut bytes = Vec::with_capacity(leaf.text.len() + 32);
                let start = self.appender.append(8, &[])?;
                let place = name::encode(leaf.text, start, 8, &mut bytes);
                self.appender.append(1, &[&bytes])?;
                self.add_to_index(Place::Symbol, hash.symbol(), place)?;
                place
            }
        };
        u32::try_from(place >> shift).map_err(|_| damaged("a name beyond the greatest segment"))
    }

    /// Makes a group with its first entry.
    fn add_group(
        &mut self,
        path: &[u8],
        path_hash: u64,
        leaf: &Leaf<'_>,
        leaf_hash: LeafHash,
        record: &[u8],
    ) -> Result<()> {
        let reference = self.symbol(leaf, leaf_hash)?;
        let word = version::append(&mut self.appender, 0, self.revision, record)?;
        let shape = Shape { path_length: path.len(), capacity: FIRST, flags: WIDE };
        let mut bytes = Vec::with_capacity(shape.size() as usize);
        encode_block(shape, path, [0, 0], None, &[leaf_hash.tag()], &[reference], &[word], &mut bytes);
        let block = self.appender.append(4, &[&bytes])?;
        self.add_to_index(Place::Group, path_hash, block)?;
        self.tell_key(path, leaf.text, block + shape.size() - 4 * shape.capacity as u64, block)?;
        self.entries += 1;
        self.add_member(at::GROUPS, block, Members::Groups)
    }

    fn add_to_small(
        &mut self,
        index_place: u64,
        block: &Block<'_>,
        path_hash: u64,
        leaf: &Leaf<'_>,
        leaf_hash: LeafHash,
        record: &[u8],
    ) -> Result<()> {
        let generation = self.generation.clone();
        let used = (0..block.capacity())
            .rev()
            .find(|position| block.slot(*position) != 0)
            .map_or(0, |last| last + 1);
        // References of a block that a load wrote may be too short for a name from later.
        if used < block.capacity() && block.shape.flags & WIDE != 0 {
            let reference = self.symbol(leaf, leaf_hash)?;
            let word = version::append(&mut self.appender, 0, self.revision, record)?;
            block.name(used, leaf_hash.tag(), reference);
            self.entries += 1;
            self.switch(block.slot_place(used), word)?;
            return self.tell_key(block.path, leaf.text, block.slot_place(used), block.offset);
        }
        let mut live = Vec::with_capacity(GREATEST_SMALL);
        for position in block.positions(&generation, self.revision)?.as_slice() {
            let position = usize::from(*position);
            if record_at(&generation, block.slot(position), self.revision)?.is_some() {
                live.push(position);
            }
        }
        if live.len() >= GREATEST_SMALL {
            let large = self.enlarge(index_place, block, path_hash, &live)?;
            let large = Block::read(&generation.map, large)?;
            return self.set_in_large(&large, path_hash, leaf, leaf_hash, record);
        }
        let reference = self.symbol(leaf, leaf_hash)?;
        let word = version::append(&mut self.appender, 0, self.revision, record)?;
        let mut tags: Vec<u8> = live.iter().map(|position| block.tag(*position)).collect();
        let shift = generation.header.shift;
        let mut references: Vec<u32> =
            live.iter().map(|position| (block.name_place(&generation, *position) >> shift) as u32).collect();
        let mut slots: Vec<u32> = live.iter().map(|position| block.slot(*position)).collect();
        tags.push(leaf_hash.tag());
        references.push(reference);
        slots.push(word);
        let capacity = (slots.len() + slots.len() / 2).clamp(FIRST, GREATEST_SMALL);
        let shape = Shape { path_length: block.path.len(), capacity, flags: WIDE | EXTENDED };
        let anchor = block.anchor(&generation.map);
        // Readers of older revisions keep to the old block, which is not written to any more.
        let extension = Some(((anchor >> 2) as u32, 0, self.revision));
        let mut bytes = Vec::with_capacity(shape.size() as usize);
        encode_block(shape, block.path, [0, 0], extension, &tags, &references, &slots, &mut bytes);
        let place = self.appender.append(4, &[&bytes])?;
        let history = self.history(block.history(&generation.map), block.offset, place)?;
        self.fill(place + 16, history)?;
        self.replace_block(index_place, block, place)?;
        let new = Block::read(&generation.map, place)?;
        for position in 0..slots.len() {
            self.tell_key(block.path, new.leaf(&generation, position)?, new.slot_place(position), place)?;
        }
        self.entries += 1;
        Ok(())
    }

    /// Stores a word of something that nothing leads to yet.
    fn fill(&self, place: u64, word: u32) -> Result<()> {
        let found = self.generation.map.word(place).ok_or_else(|| damaged("a word lies outside"))?;
        found.store(word, Ordering::Release);
        Ok(())
    }

    /// A history in which `new` follows `old`.
    fn history(&mut self, history: u32, old: u64, new: u64) -> Result<u32> {
        let mut record = Vec::with_capacity(9);
        let mut word = history;
        if word == 0 {
            value::encode(Value::Int(old as i64), &mut record);
            word = version::append(&mut self.appender, 0, 0, &record)?;
            record.clear();
        }
        value::encode(Value::Int(new as i64), &mut record);
        version::append(&mut self.appender, word, self.revision, &record)
    }

    fn replace_block(&mut self, index_place: u64, old: &Block<'_>, new: u64) -> Result<()> {
        self.switch(index_place + index::TO_PLACE, index::place(new)?)?;
        self.switch(old.forward_place(), (new >> 2) as u32)?;
        let anchor = old.anchor(&self.generation.map);
        if anchor != old.offset {
            self.switch(anchor + 4, (new >> 2) as u32)?;
        }
        Ok(())
    }

    /// Makes a small group large.
    fn enlarge(
        &mut self,
        index_place: u64,
        block: &Block<'_>,
        path_hash: u64,
        live: &[usize],
    ) -> Result<u64> {
        let generation = self.generation.clone();
        let map = &generation.map;
        let shape = Shape { path_length: block.path.len(), capacity: 0, flags: LARGE | EXTENDED };
        let extension = Some(((block.anchor(map) >> 2) as u32, 0, self.revision));
        let mut bytes = Vec::with_capacity(shape.size() as usize);
        encode_block(shape, block.path, [0, 0], extension, &[], &[], &[], &mut bytes);
        let place = self.appender.append(8, &[&bytes])?;
        let history = self.history(block.history(map), block.offset, place)?;
        self.fill(place + 16, history)?;
        let mut order = Vec::with_capacity(live.len());
        let mut sorted = Vec::with_capacity(live.len());
        for position in live {
            let leaf = block.leaf(&generation, *position)?;
            bytes.clear();
            Entry::encode(place, block.slot(*position), None, leaf, &mut bytes);
            let entry = self.appender.append(4, &[&bytes])?;
            let hash = generation.hasher.leaf(&Leaf::new(leaf)).entry(path_hash);
            self.add_to_index(Place::Entry, hash, entry)?;
            self.tell_key(block.path, leaf, entry + 4, place)?;
            order.push(entry >> 2);
            sorted.push((leaf, entry >> 2));
        }
        sorted.sort_unstable();
        let order = Order::build(&mut self.appender, &order)?;
        let sorted = Tree::build(&mut self.appender, sorted.into_iter().map(|(_, entry)| entry))?;
        let roster = Roster { order, sorted, recent: 0 }.encode();
        let word = version::append(&mut self.appender, 0, self.revision, &roster)?;
        self.fill(place + 8, word)?;
        self.replace_block(index_place, block, place)?;
        Ok(place)
    }

    fn set_in_large(
        &mut self,
        block: &Block<'_>,
        path_hash: u64,
        leaf: &Leaf<'_>,
        leaf_hash: LeafHash,
        record: &[u8],
    ) -> Result<()> {
        let generation = self.generation.clone();
        let hash = leaf_hash.entry(path_hash);
        let found = generation.newest_entry(block, leaf, hash)?;
        if let Some((_, entry)) = &found
            && record_at(&generation, entry.slot(), self.revision)?.is_some()
        {
            return self.overwrite(entry.slot_place(), record);
        }
        let member = self.new_entry(block, path_hash, leaf, leaf_hash, record)?;
        self.add_member(block.order_place(), member, Members::Entries)
    }

    /// Makes an entry of a large group, which is in no roster yet. There is none with a value.
    fn new_entry(
        &mut self,
        block: &Block<'_>,
        path_hash: u64,
        leaf: &Leaf<'_>,
        leaf_hash: LeafHash,
        record: &[u8],
    ) -> Result<u64> {
        let generation = self.generation.clone();
        let hash = leaf_hash.entry(path_hash);
        let word = version::append(&mut self.appender, 0, self.revision, record)?;
        let mut bytes = Vec::with_capacity(leaf.text.len() + 40);
        let member = match generation.newest_entry(block, leaf, hash)? {
            Some((slot, old)) => {
                // Deleted and added again: another entry, behind the others.
                Entry::encode(block.offset, word, Some((0, self.revision)), leaf.text, &mut bytes);
                let member = self.appender.append(4, &[&bytes])?;
                let history = self.history(old.history(&generation.map), old.offset, member)?;
                self.fill(member + 8, history)?;
                self.switch(slot + index::TO_PLACE, index::place(member)?)?;
                member
            }
            None => {
                Entry::encode(block.offset, word, None, leaf.text, &mut bytes);
                let member = self.appender.append(4, &[&bytes])?;
                self.add_to_index(Place::Entry, hash, member)?;
                member
            }
        };
        self.tell_key(block.path, leaf.text, member + 4, block.offset)?;
        self.entries += 1;
        Ok(member)
    }

    fn roster(&self, place: u64) -> Result<Roster> {
        Roster::read(&self.generation, self.word(place)?, self.revision)
    }

    fn set_roster(&mut self, place: u64, roster: &Roster) -> Result<()> {
        let word = self.word(place)?;
        let word = version::append(&mut self.appender, word, self.revision, &roster.encode())?;
        self.switch(place, word)
    }

    /// Adds a member to the roster that the word at a place leads to.
    fn add_member(&mut self, place: u64, member: u64, members: Members) -> Result<()> {
        let roster = self.roster(place)?;
        let mut is_full = roster.recent == 0;
        if roster.recent != 0 {
            let count = roster.recent(&self.generation)?.count();
            if count < RECENT {
                return self.switch(roster.recent + 4 * count as u64, (member >> 2) as u32);
            }
            is_full = true;
        }
        let mut roster = if is_full { self.flushed(place, members)? } else { roster };
        roster.recent = self.appender.append_zeros(4, 4 * RECENT as u64)?;
        self.fill(roster.recent, (member >> 2) as u32)?;
        self.set_roster(place, &roster)
    }

    /// The roster with its recent members in the trees.
    fn flushed(&mut self, place: u64, members: Members) -> Result<Roster> {
        let generation = self.generation.clone();
        let map = &generation.map;
        let mut roster = self.roster(place)?;
        let mut recent = Vec::with_capacity(RECENT);
        for member in roster.recent(&generation)? {
            let name = match members {
                Members::Groups => Block::read(map, member)?.path,
                Members::Entries => {
                    let entry = Entry::read(map, member)?;
                    if record_at(&generation, entry.slot(), self.revision)?.is_none() {
                        continue;
                    }
                    entry.leaf(map)?
                }
            };
            recent.push((name, member >> 2));
        }
        roster.recent = 0;
        if recent.is_empty() {
            return Ok(roster);
        }
        let order: Vec<u64> = recent.iter().map(|(_, member)| *member).collect();
        roster.order = roster.order.extend(&mut self.appender, &order)?;
        let compare = |a: &[u8], b: &[u8]| match members {
            Members::Groups => compare_paths(a, b),
            Members::Entries => a.cmp(b),
        };
        recent.sort_unstable_by(|a, b| compare(a.0, b.0));
        let mut positions = Vec::with_capacity(recent.len());
        for (name, _) in &recent {
            positions.push(self.sorted_position(&roster.sorted, name, members)?);
        }
        // From the end, so that positions before stay what they are; neighbours at once.
        let mut end = recent.len();
        while end > 0 {
            let position = positions[end - 1];
            let start =
                positions[..end].iter().rposition(|other| *other != position).map_or(0, |other| other + 1);
            let run: Vec<u64> = recent[start..end].iter().map(|(_, member)| *member).collect();
            roster.sorted = roster.sorted.splice(&mut self.appender, position, position, &run)?;
            end = start;
        }
        Ok(roster)
    }

    fn sorted_position(&self, sorted: &Tree, name: &[u8], members: Members) -> Result<u64> {
        let map = &*self.generation.map;
        sorted.partition_point(map, |member| {
            Ok(match members {
                Members::Groups => compare_paths(Block::read(map, member << 2)?.path, name).is_lt(),
                Members::Entries => Entry::read(map, member << 2)?.leaf(map)? < name,
            })
        })
    }

    /// Takes an entry that is about to be deleted out of its group's roster.
    fn remove_member(&mut self, block: u64, member: u64) -> Result<()> {
        let generation = self.generation.clone();
        let place = Block::read(&generation.map, block)?.order_place();
        let mut roster = self.roster(place)?;
        if roster.recent(&generation)?.any(|recent| recent == member) {
            // Recent ones without a value are passed over, and left out when the trees take the others.
            return Ok(());
        }
        let leaf = Entry::read(&generation.map, member)?.leaf(&generation.map)?;
        let position = self.sorted_position(&roster.sorted, leaf, Members::Entries)?;
        let space: &mut dyn Space = &mut self.appender;
        if roster.sorted.get(space, position)? != Some(member >> 2) {
            return Err(damaged("an entry is missing in its group's sorted tree"));
        }
        roster.sorted = roster.sorted.remove(space, position)?.0;
        roster.order = roster.order.remove(space, member >> 2)?.0;
        self.set_roster(place, &roster)
    }
}

//! Blocks: the text of a package in pieces of a page or a few, each with a list of its stanzas.

use std::ops::Range;
use std::sync::OnceLock;

use crate::SectionId;
use crate::batch::NewStanza;
use crate::scan::{Head, Stanzas, place_of};

/// How large the blocks of a package are.
///
/// A change copies one block, and a pointer with some figures, 32 bytes, for each block there is. The two cost the same where a block
/// has the square root of 32 times the package's length; above 16 KiB the log would have to store too much of a package anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSize {
    /// What blocks are made with.
    pub target: usize,
    /// A block larger than this is split, if it has a second stanza.
    pub limit: usize,
    /// A block smaller than this joins its neighbour.
    pub small: usize,
}

impl BlockSize {
    /// Returns the size for packages of that many bytes.
    pub fn of(package: u64) -> BlockSize {
        let target = (package.saturating_mul(32).isqrt() as usize).clamp(4 << 10, 16 << 10);
        BlockSize { target, limit: 2 * target, small: target / 4 }
    }
}

/// The bytes of a word, from the start of the stanza; or its number among the odd words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Text { at: u32, len: u32 },
    Odd(u32),
}

/// What is known of a stanza without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub id: SectionId,
    /// Where the stanza starts in the block.
    pub start: u32,
    /// Where the keyword `config` stands, from there.
    pub keyword: u32,
    kind: Place,
    /// An empty name: the section is anonymous.
    name: Place,
    /// Whether the stanza goes on with a section that began before it.
    pub reopen: bool,
}

impl Entry {
    /// Says whether the `config` commands of two stanzas have their words at the same places, in one piece each.
    pub fn has_head_of(&self, other: &Entry) -> bool {
        let is_plain = |place| matches!(place, Place::Text { .. });
        let words = (self.keyword, self.kind, self.name);
        words == (other.keyword, other.kind, other.name) && is_plain(self.kind) && is_plain(self.name)
    }

    /// As [`head_len`](Entry::head_len), if the words are in one piece each.
    pub fn plain_head_len(&self) -> Option<usize> {
        self.has_head_of(self).then(|| self.head_len())
    }

    /// How much of the stanza leads up to the last word of its `config` command, with it.
    pub fn head_len(&self) -> usize {
        let end = |place| match place {
            Place::Text { at, len } => at as usize + len as usize,
            Place::Odd(_) => 0,
        };
        end(self.kind).max(end(self.name))
    }
}

/// A piece of a package's text that holds whole stanzas.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub text: Vec<u8>,
    pub entries: Vec<Entry>,
    /// Types and names that are not written in one piece, such as `a'b'`.
    odd: Vec<Box<str>>,
    /// Where the log keeps this block, once it does.
    pub stored: OnceLock<[u8; 16]>,
    /// How many sections there are of each type; made when first asked for.
    kinds: OnceLock<Vec<(u32, u32)>>,
}

impl Clone for Block {
    /// A copy is made to be changed, so it is not taken for what the log keeps.
    fn clone(&self) -> Block {
        let Block { text, entries, odd, .. } = self;
        let text = text.clone();
        Block {
            text,
            entries: entries.clone(),
            odd: odd.clone(),
            stored: OnceLock::new(),
            kinds: OnceLock::new(),
        }
    }
}

impl Block {
    /// Takes `text` apart; every stanza gets its id from `ids`, in order.
    ///
    /// Returns `None` if it does not parse or has another number of stanzas.
    pub fn scan(text: Vec<u8>, prologue: bool, ids: &[SectionId]) -> Option<Block> {
        let mut block = Block { entries: Vec::with_capacity(ids.len()), ..Block::default() };
        u32::try_from(text.len()).ok()?;
        let mut stanzas = Stanzas::new(&text, prologue);
        while let Some(head) = stanzas.next() {
            let id = *ids.get(block.entries.len())?;
            let entry = block.entry(&head.ok()?, 0, id);
            block.entries.push(entry);
        }
        if block.entries.len() != ids.len() {
            return None;
        }
        block.text = text;
        Some(block)
    }

    /// Makes an entry from what was found in a text of which offset `base` is the block's first byte.
    pub fn entry(&mut self, head: &Head<'_>, base: usize, id: SectionId) -> Entry {
        let mut place = |word: &crate::Word<'_>| match place_of(word) {
            Ok(range) => Place::Text { at: (range.start - head.start) as u32, len: range.len() as u32 },
            Err(value) => {
                self.odd.push(String::from_utf8_lossy(&value).into());
                Place::Odd(self.odd.len() as u32 - 1)
            }
        };
        let kind = place(&head.kind);
        let name = head.name.as_ref().map_or(Place::Text { at: 0, len: 0 }, place);
        let keyword = (head.keyword - head.start) as u32;
        Entry { id, start: (head.start - base) as u32, keyword, kind, name, reopen: false }
    }

    /// The type of the section that entry `index` belongs to.
    pub fn kind(&self, index: usize) -> &str {
        self.entries.get(index).map_or("", |entry| self.word(entry, entry.kind))
    }

    /// The name of the section that entry `index` belongs to; empty if it is anonymous.
    pub fn name(&self, index: usize) -> &str {
        self.entries.get(index).map_or("", |entry| self.word(entry, entry.name))
    }

    fn word(&self, entry: &Entry, place: Place) -> &str {
        match place {
            Place::Text { at, len } => {
                let start = entry.start as usize + at as usize;
                let bytes = self.text.get(start..start + len as usize).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Place::Odd(number) => self.odd.get(number as usize).map_or("", |word| word),
        }
    }

    /// Finds the first stanza with `id` that is not before entry `from`.
    pub fn find_id(&self, id: SectionId, from: usize) -> Option<usize> {
        self.entries.get(from..)?.iter().position(|entry| entry.id == id).map(|found| from + found)
    }

    /// Finds the first stanza with that name.
    pub fn find_name(&self, name: &str) -> Option<usize> {
        (0..self.entries.len()).find(|index| self.name(*index) == name)
    }

    /// The bytes of entry `index`, to the start of the next one or the end of the block.
    pub fn stanza(&self, index: usize) -> Range<usize> {
        self.start_of(index)..self.start_of(index + 1)
    }

    /// Where entry `index` starts; the end of the text if there is none.
    pub fn start_of(&self, index: usize) -> usize {
        self.entries.get(index).map_or(self.text.len(), |entry| entry.start as usize)
    }

    /// Says whether entry `index` starts a line; the end of the block counts as one.
    pub fn starts_line(&self, index: usize) -> bool {
        let start = self.start_of(index);
        start == 0 || start == self.text.len() || self.text.get(start - 1) == Some(&b'\n')
    }

    /// How many sections begin here.
    pub fn sections(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.reopen).count()
    }

    /// How many sections of a type begin here.
    pub fn sections_of(&self, kind: &str) -> usize {
        let kinds = self.kinds.get_or_init(|| self.count_kinds());
        kinds
            .iter()
            .find(|(entry, _)| self.kind(*entry as usize) == kind)
            .map_or(0, |(_, count)| *count as usize)
    }

    fn count_kinds(&self) -> Vec<(u32, u32)> {
        let mut counts: Vec<(u32, u32)> = Vec::new();
        let mut numbers = hashbrown::HashMap::<&str, usize, rapidhash::fast::RandomState>::default();
        for index in 0..self.entries.len() {
            if self.entries[index].reopen {
                continue;
            }
            let next = counts.len();
            let number = *numbers.entry(self.kind(index)).or_insert(next);
            if number == next {
                counts.push((index as u32, 0));
            }
            counts[number].1 += 1;
        }
        counts
    }

    /// Gives stanzas, in order, other texts that begin with the same `config` commands.
    pub fn rewrite(&mut self, stanzas: &[NewStanza]) {
        let mut text = Vec::with_capacity(self.text.len() + self.text.len() / 16);
        let (mut from, mut entry) = (0, 0);
        for (index, new) in stanzas {
            let old = self.stanza(*index);
            let moved = text.len() as i64 - from as i64;
            for known in &mut self.entries[entry..=*index] {
                known.start = (i64::from(known.start) + moved) as u32;
            }
            text.extend_from_slice(&self.text[from..old.start]);
            text.extend_from_slice(new);
            (from, entry) = (old.end, index + 1);
        }
        let moved = text.len() as i64 - from as i64;
        for known in &mut self.entries[entry..] {
            known.start = (i64::from(known.start) + moved) as u32;
        }
        text.extend_from_slice(&self.text[from..]);
        self.text = text;
        self.stored = OnceLock::new();
    }

    /// Replaces bytes within stanza `entry`, behind its `config` command.
    pub fn splice(&mut self, entry: usize, range: Range<usize>, bytes: &[u8]) {
        splice_bytes(&mut self.text, range.clone(), bytes);
        self.shift(entry + 1, bytes.len() as i64 - range.len() as i64);
        self.stored = OnceLock::new();
    }

    /// Inserts bytes before entry `entry`, at the end of what comes before it; returns where they end.
    pub fn insert(&mut self, entry: usize, offset: usize, bytes: &[u8]) -> usize {
        splice_bytes(&mut self.text, offset..offset, bytes);
        self.shift(entry, bytes.len() as i64);
        self.stored = OnceLock::new();
        offset + bytes.len()
    }

    /// Replaces stanzas and bytes; `range` covers the stanzas `entries`, and what stands in their
    /// place holds one stanza for each of `ids`. Says whether it does; otherwise nothing changes.
    pub fn replace(
        &mut self,
        entries: Range<usize>,
        range: Range<usize>,
        text: &[u8],
        prologue: bool,
        ids: &[SectionId],
    ) -> bool {
        let mut stanzas = Stanzas::new(text, prologue);
        let mut fresh = Vec::with_capacity(ids.len());
        while let Some(head) = stanzas.next() {
            let (Ok(head), Some(id)) = (head, ids.get(fresh.len())) else { return false };
            let mut entry = self.entry(&head, 0, *id);
            entry.start += range.start as u32;
            fresh.push(entry);
        }
        let new_len = self.text.len() - range.len() + text.len();
        if fresh.len() != ids.len() || u32::try_from(new_len).is_err() {
            return false;
        }
        splice_bytes(&mut self.text, range.clone(), text);
        self.shift(entries.end, text.len() as i64 - range.len() as i64);
        self.entries.splice(entries, fresh);
        self.stored = OnceLock::new();
        self.kinds = OnceLock::new();
        true
    }

    /// Cuts the block in two at entry `index`.
    pub fn split_off(&mut self, index: usize) -> Block {
        let cut = self.start_of(index);
        let mut entries = self.entries.split_off(index.min(self.entries.len()));
        for entry in &mut entries {
            entry.start -= cut as u32;
        }
        let text = self.text.split_off(cut);
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
        self.stored = OnceLock::new();
        self.kinds = OnceLock::new();
        Block { text, entries, odd: self.odd.clone(), ..Block::default() }
    }

    /// Puts the content of `other` behind this one's.
    pub fn append(&mut self, other: &Block) {
        let base = self.text.len() as u32;
        let odd = self.odd.len() as u32;
        let moved = |place| match place {
            Place::Odd(number) => Place::Odd(number + odd),
            place => place,
        };
        self.text.extend_from_slice(&other.text);
        self.odd.extend(other.odd.iter().cloned());
        self.entries.extend(other.entries.iter().map(|entry| Entry {
            start: entry.start + base,
            kind: moved(entry.kind),
            name: moved(entry.name),
            ..*entry
        }));
        self.stored = OnceLock::new();
        self.kinds = OnceLock::new();
    }

    /// Says that stanza `index` goes on with a section, or begins one.
    pub fn set_reopen(&mut self, index: usize, reopen: bool) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.reopen = reopen;
            self.kinds = OnceLock::new();
        }
    }

    /// Gives what was reserved and is not used back.
    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
        self.odd.shrink_to_fit();
    }

    fn shift(&mut self, from: usize, by: i64) {
        for entry in self.entries.iter_mut().skip(from) {
            entry.start = (i64::from(entry.start) + by) as u32;
        }
    }
}

/// Replaces a range of bytes with two moves at most.
fn splice_bytes(text: &mut Vec<u8>, range: Range<usize>, bytes: &[u8]) {
    let old_len = text.len();
    if bytes.len() > range.len() {
        let more = bytes.len() - range.len();
        if text.capacity() < old_len + more {
            // A block grows by little; doubling it would waste a quarter of the memory.
            text.reserve_exact(more + (old_len / 16).max(64));
        }
        text.resize(old_len + more, 0);
        text.copy_within(range.end..old_len, range.start + bytes.len());
    } else if bytes.len() < range.len() {
        text.copy_within(range.end..old_len, range.start + bytes.len());
        text.truncate(old_len - (range.len() - bytes.len()));
    }
    text[range.start..range.start + bytes.len()].copy_from_slice(bytes);
}

//! A text that came from elsewhere, and the ids that its sections had before.

use std::collections::VecDeque;

use rapidhash::fast::RandomState;

use crate::index::{Index, hash_id};
use crate::{Edit, IdSource, Name, Package, Section, SectionId, Value};

type Map<K, V> = hashbrown::HashMap<K, V, RandomState>;
type Content = (String, Vec<(Name, Value)>);

/// How far ahead a changed anonymous section is looked for.
const WINDOW: usize = 64;

impl Package {
    /// Takes over a text that somebody wrote in place of this package: gives its sections the ids of
    /// those they were.
    ///
    /// A named section is the one that had the name. An anonymous one is the first of equal type and
    /// options, or else, in order, one of the same type with at least half of its options unchanged.
    /// All others are new and draw their ids from `seed`. Blocks that are the same are shared.
    pub fn adopt(&self, text: Package, seed: u64) -> Package {
        let ids = self.matches(&text);
        let mut source = IdSource::new(seed);
        let mut fresh = || loop {
            let id = source.draw();
            if self.section(id).is_none() {
                return id;
            }
        };
        let ids: Map<SectionId, SectionId> = text
            .sections()
            .map(|section| section.id())
            .map(|id| (id, ids.get(&id).copied().unwrap_or_else(&mut fresh)))
            .collect();
        let target = text.with_ids(&ids);
        let mut shared = self.clone();
        match shared.apply_edit(&Edit::between(self, &target)) {
            Ok(()) => shared,
            Err(_) => target,
        }
    }

    /// Finds out which section of `text` is which one of this package.
    fn matches(&self, text: &Package) -> Map<SectionId, SectionId> {
        let mut matches = Map::default();
        let (old, new): (Vec<_>, Vec<_>) = (self.sections().collect(), text.sections().collect());
        // Mostly one place was edited: what is the same before and behind it need not be read.
        let same = |(old, new): &(&Section<'_>, &Section<'_>)| old.text() == new.text();
        let head = old.iter().zip(&new).take_while(same).count();
        let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(same).count();
        let (old_end, new_end) = (old.len() - tail, new.len() - tail);
        let pairs = old[..head].iter().zip(&new[..head]).chain(old[old_end..].iter().zip(&new[new_end..]));
        matches.extend(pairs.map(|(old, new)| (new.id(), old.id())));
        let mut taken: hashbrown::HashSet<SectionId, RandomState> = matches.values().copied().collect();
        let mut open: Vec<Section<'_>> = Vec::new();
        for section in &new[head..new_end] {
            match section.name() {
                Some(name) => {
                    if let Some(old) = self.find(name) {
                        matches.insert(section.id(), old.id());
                    }
                }
                None => open.push(*section),
            }
        }
        if open.is_empty() {
            return matches;
        }
        let old = || old[head..old_end].iter().filter(|section| section.is_anonymous());
        let mut same: Map<u64, VecDeque<Section<'_>>> = Map::default();
        for section in old() {
            same.entry(digest(section)).or_default().push_back(*section);
        }
        let mut changed = Vec::new();
        for section in open {
            let equal = same.get_mut(&digest(&section)).and_then(|old| old.pop_front());
            match equal.filter(|old| content(old) == content(&section)) {
                Some(old) => {
                    taken.insert(old.id());
                    matches.insert(section.id(), old.id());
                }
                None => changed.push(section),
            }
        }
        if changed.is_empty() {
            return matches;
        }
        let left = old().filter(|section| !taken.contains(&section.id()));
        let mut left: VecDeque<(SectionId, Content)> =
            left.map(|section| (section.id(), content(section))).collect();
        for section in changed {
            let wanted = content(&section);
            let found = left.iter().take(WINDOW).position(|(_, old)| is_alike(old, &wanted));
            if let Some(found) = found
                && let Some((old, _)) = left.drain(..=found).next_back()
            {
                matches.insert(section.id(), old);
            }
        }
        matches
    }

    /// Gives each section another id.
    fn with_ids(mut self, ids: &Map<SectionId, SectionId>) -> Package {
        let mut index = Index::default();
        for slot in 0..self.slots.len() {
            let uid = self.slots[slot].uid;
            for entry in &mut self.block_mut(slot).entries {
                entry.id = ids.get(&entry.id).copied().unwrap_or(entry.id);
                index.insert(hash_id(entry.id), uid);
            }
        }
        self.ids = index;
        self
    }
}

fn content(section: &Section<'_>) -> Content {
    (section.kind().to_owned(), section.options())
}

fn digest(section: &Section<'_>) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The seed is fixed: only equality within one call matters, and equality is checked.
    let mut hasher = rapidhash::fast::SeedableState::fixed().build_hasher();
    std::hash::Hash::hash(&content(section), &mut hasher);
    hasher.finish()
}

fn is_alike((old_kind, old): &Content, (new_kind, new): &Content) -> bool {
    if old_kind != new_kind {
        return false;
    }
    let values: Map<&Name, &Value> = old.iter().map(|(name, value)| (name, value)).collect();
    let equal = new.iter().filter(|(name, value)| values.get(name) == Some(&value)).count();
    equal * 2 >= old.len().max(new.len())
}

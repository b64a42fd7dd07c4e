//! Reading many entries: in order, or sorted by key.

use std::cmp::Ordering;

use crate::{
    Error, Result, Value,
    block::Block,
    generation::Generation,
    group::{Entries, Group, SortedEntries},
    hash::split,
    roster::Roster,
};

/// An entry: its key in two parts, and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item<'a> {
    /// The key up to its last dot; empty for an undotted key.
    pub path: &'a [u8],
    /// The key behind its last dot.
    pub leaf: &'a [u8],
    /// The value.
    pub value: Value<'a>,
}

impl Item<'_> {
    /// The whole key.
    pub fn key(&self) -> Vec<u8> {
        key(self.path, self.leaf)
    }
}

fn key(path: &[u8], leaf: &[u8]) -> Vec<u8> {
    if path.is_empty() { leaf.to_vec() } else { [path, b".", leaf].concat() }
}

type Members<'a> = Box<dyn Iterator<Item = Result<u64>> + Send + 'a>;

/// Every entry of a snapshot, group after group.
pub struct Ordered<'a> {
    /// Segments to come, the next one last.
    segments: Vec<&'a Generation>,
    revision: u64,
    groups: Option<(&'a Generation, Members<'a>)>,
    entries: Option<(&'a [u8], Entries<'a>)>,
}

impl<'a> Ordered<'a> {
    pub(crate) fn new(mut segments: Vec<&'a Generation>, revision: u64) -> Self {
        segments.reverse();
        Ordered { segments, revision, groups: None, entries: None }
    }

    /// The next group.
    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some((generation, members)) = &mut self.groups {
                for member in members {
                    let group = Group::of_member(generation, member?, self.revision)?;
                    if let Some(group) = group {
                        self.entries = Some((group.path(), group.iter()));
                        return Ok(true);
                    }
                }
            }
            let Some(generation) = self.segments.pop() else { return Ok(false) };
            let roster = Roster::read(generation, generation.groups_word(), self.revision)?;
            self.groups = Some((generation, Box::new(roster.iter(generation, 0)?)));
        }
    }

    fn fail(&mut self, error: Error) -> Option<Result<Item<'a>>> {
        self.segments.clear();
        self.groups = None;
        self.entries = None;
        Some(Err(error))
    }
}

impl<'a> Iterator for Ordered<'a> {
    type Item = Result<Item<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, entries)) = &mut self.entries {
                match entries.next() {
                    Some(Ok((leaf, value))) => return Some(Ok(Item { path, leaf, value })),
                    Some(Err(error)) => return self.fail(error),
                    None => self.entries = None,
                }
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return self.fail(error),
            }
        }
    }
}

/// The entries of a snapshot whose keys lie in a range, sorted by key.
pub struct Sorted<'a> {
    segments: Vec<Walk<'a>>,
    end: Option<Vec<u8>>,
    failed: bool,
}

impl<'a> Sorted<'a> {
    pub(crate) fn new(
        segments: Vec<&'a Generation>,
        revision: u64,
        start: Vec<u8>,
        end: Option<Vec<u8>>,
    ) -> Result<Self> {
        let walks = segments.into_iter().map(|generation| Walk::new(generation, revision, &start));
        Ok(Sorted { segments: walks.collect::<Result<_>>()?, end, failed: false })
    }

    fn step(&mut self) -> Result<Option<Item<'a>>> {
        let mut least: Option<(usize, Item<'a>)> = None;
        for (number, walk) in self.segments.iter_mut().enumerate() {
            if let Some(item) = walk.peek()?
                && least.as_ref().is_none_or(|(_, other)| compare(item, other) == Ordering::Less)
            {
                least = Some((number, *item));
            }
        }
        let Some((number, item)) = least else { return Ok(None) };
        if let Some(end) = &self.end
            && !is_before(&item, end)
        {
            self.segments.clear();
            return Ok(None);
        }
        if let Some(walk) = self.segments.get_mut(number) {
            walk.ahead = None;
        }
        Ok(Some(item))
    }
}

impl<'a> Iterator for Sorted<'a> {
    type Item = Result<Item<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}

/// A walk over one segment in the order of keys.
///
/// All keys of a group start with its path and a dot, and so do those of the groups below it: their keys lie among its own.
/// So the walk keeps a stack of groups, each below the one before it.
struct Walk<'a> {
    generation: &'a Generation,
    revision: u64,
    groups: std::iter::Peekable<Members<'a>>,
    /// The path of the next group of the roster, looked at but not begun.
    next_group: Option<(u64, &'a [u8])>,
    stack: Vec<SortedEntries<'a>>,
    ahead: Option<Item<'a>>,
}

impl<'a> Walk<'a> {
    fn new(generation: &'a Generation, revision: u64, start: &[u8]) -> Result<Self> {
        let roster = Roster::read(generation, generation.groups_word(), revision)?;
        let map = &*generation.map;
        // Groups whose keys may lie behind the start, though the group itself begins before it: those of its own paths.
        let mut stack = Vec::new();
        let mut path = split(start).0;
        let mut paths = Vec::new();
        if start.contains(&b'.') {
            paths.push(path);
            while path.contains(&b'.') {
                path = split(path).0;
                paths.push(path);
            }
        }
        if paths.last().is_none_or(|path| !path.is_empty()) {
            paths.push(b"");
        }
        for path in paths.into_iter().rev() {
            let rest = if path.is_empty() { start } else { start.get(path.len() + 1..).unwrap_or(&[]) };
            if let Some(group) = Group::find(generation, path, revision)? {
                stack.push(group.sorted(rest)?);
            }
        }
        let begins = |member: u64| -> Result<&'a [u8]> { Ok(Block::read(map, member)?.path) };
        // Those of the stack begin before the start, or with it: they are not begun again.
        let is_begun = |path: &[u8]| path.is_empty() || compare_start(path, start) != Ordering::Greater;
        let first = roster.sorted.partition_point(map, |member| Ok(is_begun(begins(member << 2)?)))?;
        let mut recent = Vec::new();
        for member in roster.recent(generation)? {
            let path = begins(member)?;
            if !is_begun(path) {
                recent.push((path, member));
            }
        }
        recent.sort_unstable_by(|a, b| compare_paths(a.0, b.0));
        let groups = Merge {
            generation,
            tree: roster.sorted.range(map, first, roster.sorted.len()),
            ahead: None,
            recent: recent.into_iter().peekable(),
        };
        let groups: Members<'a> = Box::new(groups);
        Ok(Walk { generation, revision, groups: groups.peekable(), next_group: None, stack, ahead: None })
    }

    fn peek(&mut self) -> Result<Option<&Item<'a>>> {
        while self.ahead.is_none() {
            if self.next_group.is_none()
                && let Some(member) = self.groups.next()
            {
                let member = member?;
                self.next_group = Some((member, Block::read(&self.generation.map, member)?.path));
            }
            let Some(top) = self.stack.last_mut() else {
                match self.next_group {
                    Some(_) => {
                        self.begin_group()?;
                        continue;
                    }
                    None => return Ok(None),
                }
            };
            let top_path = top.path();
            let leaf = top.peek()?;
            let below = match self.next_group {
                Some((_, path)) if is_below(path, top_path) => {
                    let rest = if top_path.is_empty() { path } else { &path[top_path.len() + 1..] };
                    // The keys below start with `rest` and a dot.
                    leaf.is_none_or(|leaf| compare_start(rest, leaf) != Ordering::Greater)
                }
                _ => false,
            };
            if below {
                self.begin_group()?;
            } else if leaf.is_none() {
                self.stack.pop();
            } else if let Some((leaf, value)) = top.take()? {
                self.ahead = Some(Item { path: top_path, leaf, value });
            }
        }
        Ok(self.ahead.as_ref())
    }

    fn begin_group(&mut self) -> Result<()> {
        if let Some((member, _)) = self.next_group.take()
            && let Some(group) = Group::of_member(self.generation, member, self.revision)?
        {
            self.stack.push(group.sorted(b"")?);
        }
        Ok(())
    }
}

/// The groups of the tree and the recent ones, merged.
struct Merge<'a> {
    generation: &'a Generation,
    tree: crate::TreeIter<'a>,
    ahead: Option<(&'a [u8], u64)>,
    recent: std::iter::Peekable<std::vec::IntoIter<(&'a [u8], u64)>>,
}

impl Iterator for Merge<'_> {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ahead.is_none() {
            match self.tree.next() {
                Some(Ok(member)) => match Block::read(&self.generation.map, member << 2) {
                    Ok(block) => self.ahead = Some((block.path, member << 2)),
                    Err(error) => return Some(Err(error)),
                },
                Some(Err(error)) => return Some(Err(error)),
                None => {}
            }
        }
        match (self.ahead, self.recent.peek()) {
            (Some((a, _)), Some((b, _))) if compare_paths(b, a) == Ordering::Less => {
                self.recent.next().map(|(_, member)| Ok(member))
            }
            (Some((_, member)), _) => {
                self.ahead = None;
                Some(Ok(member))
            }
            (None, _) => self.recent.next().map(|(_, member)| Ok(member)),
        }
    }
}

/// How the groups are sorted: by path with a dot behind it, which is where their keys begin. Undotted keys come first.
pub(crate) fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => {
            let common = a.len().min(b.len());
            a[..common].cmp(&b[..common]).then_with(|| {
                let next = |text: &[u8]| text.get(common).copied().unwrap_or(b'.');
                // Behind the shorter one stands a dot; a longer one with a dot there is below it, and follows.
                next(a).cmp(&next(b)).then(a.len().cmp(&b.len()))
            })
        }
    }
}

/// Compares `path` with a dot behind it to `other`.
fn compare_start(path: &[u8], other: &[u8]) -> Ordering {
    let common = path.len().min(other.len());
    path[..common].cmp(&other[..common]).then_with(|| {
        if other.len() > path.len() {
            b'.'.cmp(&other[common]).then_with(|| (path.len() + 1).cmp(&other.len()))
        } else {
            Ordering::Greater
        }
    })
}

/// Whether all keys of `path` lie among those of `above`.
fn is_below(path: &[u8], above: &[u8]) -> bool {
    above.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.first() == Some(&b'.'))
}

fn parts<'a>(item: &Item<'a>) -> impl Iterator<Item = u8> + use<'a> {
    let dot: &[u8] = if item.path.is_empty() { b"" } else { b"." };
    item.path.iter().chain(dot).chain(item.leaf).copied()
}

fn compare(a: &Item<'_>, b: &Item<'_>) -> Ordering {
    parts(a).cmp(parts(b))
}

fn is_before(item: &Item<'_>, end: &[u8]) -> bool {
    parts(item).cmp(end.iter().copied()) == Ordering::Less
}

//! A sequence of words that can be cut open anywhere: a counted B+-tree that copies the path it changes.
//!
//! A [`Tree`] is two words, an offset and a count, and it never changes: each change answers a new tree that shares all but
//! a path with the old one. So whoever holds the old pair reads the old sequence, and storing the new pair in one
//! place makes a change visible. The words, *payloads*, mean nothing to the tree: offsets of records, or numbers. A
//! sequence kept sorted is searched with [`Tree::partition_point`], whose closure resolves payloads.
//!
//! A node holds up to 64 entries, each in as few bytes as the node's smallest and largest need: a dense tree over a sorted file
//! takes 2 to 4 bytes a payload. The bytes are described in `node.rs`.

mod node;

use node::{CAPACITY, Child, LEVELS, Node, SPARSE};

use crate::{Error, Result, Source, Space};

/// A sequence of payloads in a [`Source`]; see the module's description.
///
/// ```
/// # use cms_segment::{Error, Source, Space, Tree};
/// # struct Memory(Vec<u8>);
/// # impl Source for Memory {
/// #     fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> { self.0.get(offset as usize..offset as usize + len) }
/// #     fn size(&self) -> u64 { self.0.len() as u64 }
/// # }
/// # impl Space for Memory {
/// #     fn append(&mut self, bytes: &[u8]) -> Result<u64, Error> {
/// #         let offset = self.0.len() as u64;
/// #         self.0.extend(bytes);
/// #         Ok(offset)
/// #     }
/// # }
/// # let mut space = Memory(vec![0]);
/// let tree = Tree::build(&mut space, [10, 30, 40])?;
/// let changed = tree.insert(&mut space, 1, 20)?;
///
/// assert_eq!(changed.iter(&space).collect::<Result<Vec<u64>, _>>()?, [10, 20, 30, 40]);
/// assert_eq!(changed.partition_point(&space, |payload| Ok(payload < 30))?, 2);
/// // The old sequence is still there.
/// assert_eq!(tree.iter(&space).count(), 3);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    offset: u64,
    count: u64,
}

impl Tree {
    /// The sequence of nothing.
    pub const EMPTY: Tree = Tree { offset: 0, count: 0 };

    /// Bytes of a tree's [`encoded`](Tree::encode) form.
    pub const SIZE: usize = 16;

    /// The tree whose root lies at `offset` and holds `count` payloads. Whether that is true shows when it is read.
    pub fn new(offset: u64, count: u64) -> Self {
        Tree { offset, count }
    }

    /// Where the root lies.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of payloads.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is no payload.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Offset and count as bytes, little endian.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..].copy_from_slice(&self.count.to_le_bytes());
        bytes
    }

    /// The tree that [`encode`](Tree::encode) wrote.
    pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| (0..8).rev().fold(0, |value, byte| value << 8 | u64::from(bytes[at + byte]));
        Tree { offset: word(0), count: word(8) }
    }

    /// Writes a dense tree of payloads in the order given.
    pub fn build(space: &mut dyn Space, payloads: impl IntoIterator<Item = u64>) -> Result<Self> {
        let mut builder = Builder::default();
        for payload in payloads {
            builder.push(space, payload)?;
        }
        builder.finish(space)
    }

    /// The payload at a position.
    pub fn get(&self, source: &dyn Source, position: u64) -> Result<Option<u64>> {
        if position >= self.count {
            return Ok(None);
        }
        let (leaf, start) = self.leaf(source, position)?;
        Ok(Some(leaf.payload((position - start) as usize)))
    }

    /// The number of leading payloads for which `before` holds; it must hold for none that follows one for which it
    /// does not. Takes O(log n) calls.
    pub fn partition_point(
        &self,
        source: &dyn Source,
        mut before: impl FnMut(u64) -> Result<bool>,
    ) -> Result<u64> {
        if self.count == 0 {
            return Ok(0);
        }
        let mut node = self.root(source)?;
        let mut passed = 0;
        loop {
            // Of an inner node, the first child's first payload was looked at one level above, and says nothing.
            let (mut low, mut high) = (usize::from(node.level > 0), node.len);
            while low < high {
                let middle = (low + high) / 2;
                if before(node.payload(middle))? {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if node.level == 0 {
                return Ok(passed + low as u64);
            }
            let child = node.child(low - 1)?;
            passed = later(passed, node.before(low - 1))?;
            node = Node::read(source, child.offset, child.count, Some(node.level - 1))?;
        }
    }

    /// Every payload in order; goes backward as well.
    pub fn iter<'a>(&self, source: &'a dyn Source) -> TreeIter<'a> {
        self.range(source, 0, self.count)
    }

    /// The payloads at positions `start..end`, forward or backward, in O(log n + k).
    pub fn range<'a>(&self, source: &'a dyn Source, start: u64, end: u64) -> TreeIter<'a> {
        let end = end.min(self.count);
        TreeIter { tree: *self, source, front: start.min(end), back: end, leaves: [None; 2] }
    }

    /// The sequence with a payload put before the one at `position`; a position beyond the end is the end.
    pub fn insert(&self, space: &mut dyn Space, position: u64, payload: u64) -> Result<Self> {
        if self.count == 0 {
            return Tree::build(space, [payload]);
        }
        let position = position.min(self.count);
        let edge = if position == self.count {
            Edge::Back
        } else if position == 0 {
            Edge::Front
        } else {
            Edge::None
        };
        let level = self.root(space)?.level;
        let made = insert(space, self.child(), level, position, payload, edge)?;
        match made {
            (child, None) => Ok(child.into()),
            (_, Some(_)) if level + 1 >= LEVELS => Err(damaged("a tree is too deep")),
            (first, Some(second)) => Ok(write_inner(space, level + 1, &[first, second])?.into()),
        }
    }

    /// The sequence with a payload put behind the last one.
    pub fn push(&self, space: &mut dyn Space, payload: u64) -> Result<Self> {
        self.insert(space, self.count, payload)
    }

    /// The sequence with another payload at `position`.
    ///
    /// # Errors
    /// [`Error::Damaged`] also if there is no such position.
    pub fn replace(&self, space: &mut dyn Space, position: u64, payload: u64) -> Result<Self> {
        if position >= self.count {
            return Err(damaged("there is no such position in a tree"));
        }
        let level = self.root(space)?.level;
        replace(space, self.child(), level, position, payload).map(Tree::from)
    }

    /// The sequence without the payload at `position`, and that payload.
    ///
    /// # Errors
    /// [`Error::Damaged`] also if there is no such position.
    pub fn remove(&self, space: &mut dyn Space, position: u64) -> Result<(Self, u64)> {
        if position >= self.count {
            return Err(damaged("there is no such position in a tree"));
        }
        let level = self.root(space)?.level;
        let (mut root, removed) = remove(space, self.child(), level, position)?;
        // A root of one child is that child.
        while let Some(child) = root {
            let node = Node::read(space, child.offset, child.count, None)?;
            if node.level == 0 || node.len > 1 {
                break;
            }
            let (only, size) = (node.child(0)?, node.size);
            space.release(child.offset, size);
            root = Some(only);
        }
        Ok((root.map_or(Tree::EMPTY, Tree::from), removed))
    }

    /// The sequence with the payload at `from` standing at `to`, positions counted without it.
    pub fn shift(&self, space: &mut dyn Space, from: u64, to: u64) -> Result<Self> {
        let (without, payload) = self.remove(space, from)?;
        without.insert(space, to, payload)
    }

    /// The sequence with the payloads at `start..end` replaced by others.
    ///
    /// A few are changed one by one; where that would cost more, what stays is written anew.
    pub fn splice(&self, space: &mut dyn Space, start: u64, end: u64, payloads: &[u64]) -> Result<Self> {
        self.check_count(space)?;
        let end = end.min(self.count);
        let start = start.min(end);
        let changes = (end - start).saturating_add(payloads.len() as u64);
        if changes.saturating_mul(16) < self.count {
            let mut tree = *self;
            let shared = (end - start).min(payloads.len() as u64);
            for (position, payload) in (start..).zip(&payloads[..shared as usize]) {
                tree = tree.replace(space, position, *payload)?;
            }
            for _ in start + shared..end {
                tree = tree.remove(space, start + shared)?.0;
            }
            for (position, payload) in (start + shared..).zip(&payloads[shared as usize..]) {
                tree = tree.insert(space, position, *payload)?;
            }
            return Ok(tree);
        }
        let mut builder = Builder::default();
        for (from, to, between) in [(0, start, payloads), (end, self.count, &[][..])] {
            let mut position = from;
            while position < to {
                let (leaf, first) = self.leaf(space, position)?;
                let last = (first + leaf.len as u64).min(to);
                let found: Vec<u64> =
                    (position..last).map(|position| leaf.payload((position - first) as usize)).collect();
                for payload in found {
                    builder.push(space, payload)?;
                }
                position = last;
            }
            for payload in between {
                builder.push(space, *payload)?;
            }
        }
        let tree = builder.finish(space)?;
        self.release(space)?;
        Ok(tree)
    }

    /// Releases every node. What the payloads refer to is the caller's.
    pub fn release(&self, space: &mut dyn Space) -> Result<()> {
        let mut nodes = Vec::new();
        self.nodes(space, &mut |offset, size| nodes.push((offset, size)))?;
        for (offset, size) in nodes {
            space.release(offset, size);
        }
        Ok(())
    }

    /// Names every node by its place, so that a walk can tell what is in use.
    pub fn nodes(&self, source: &dyn Source, visit: &mut dyn FnMut(u64, usize)) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.check_count(source)?;
        let level = self.root(source)?.level;
        nodes(source, self.child(), level, visit)
    }

    fn child(&self) -> Child {
        Child { offset: self.offset, count: self.count, first: 0 }
    }

    fn root<'a>(&self, source: &'a dyn Source) -> Result<Node<'a>> {
        Node::read(source, self.offset, self.count, None)
    }

    /// The leaf that holds a position, and the position of its first payload.
    fn leaf<'a>(&self, source: &'a dyn Source, position: u64) -> Result<(Node<'a>, u64)> {
        let mut node = self.root(source)?;
        let mut start = 0;
        while node.level > 0 {
            let index = node.child_of(position - start);
            let child = node.child(index)?;
            start = later(start, node.before(index))?;
            // The counts of a damaged node need not rise, and the search may end anywhere.
            if position < start || position - start >= child.count {
                return Err(damaged("the counts of a node do not rise"));
            }
            node = Node::read(source, child.offset, child.count, Some(node.level - 1))?;
        }
        Ok((node, start))
    }

    /// A walk ends after as many steps as the count says, so the count must be one that the space can hold: a
    /// payload takes a byte at least.
    fn check_count(&self, source: &dyn Source) -> Result<()> {
        if self.count > source.size() {
            return Err(damaged("a tree claims more payloads than its space can hold"));
        }
        Ok(())
    }
}

impl From<Child> for Tree {
    fn from(child: Child) -> Self {
        Tree { offset: child.offset, count: child.count }
    }
}

/// The payloads of a [`Tree`] between two positions. After an error it is at its end.
#[derive(Clone)]
pub struct TreeIter<'a> {
    tree: Tree,
    source: &'a dyn Source,
    front: u64,
    back: u64,
    /// The leaf last read at either end, with the position of its first payload.
    leaves: [Option<(Node<'a>, u64)>; 2],
}

impl TreeIter<'_> {
    fn at(&mut self, end: usize, position: u64) -> Result<u64> {
        if let Some((leaf, start)) = &self.leaves[end]
            && let Some(index) = position.checked_sub(*start)
            && index < leaf.len as u64
        {
            return Ok(leaf.payload(index as usize));
        }
        let found = self.tree.check_count(self.source).and_then(|()| self.tree.leaf(self.source, position));
        match found {
            Ok((leaf, start)) => {
                self.leaves[end] = Some((leaf, start));
                Ok(leaf.payload((position - start) as usize))
            }
            Err(error) => {
                self.front = self.back;
                Err(error)
            }
        }
    }
}

impl Iterator for TreeIter<'_> {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Result<u64>> {
        if self.front >= self.back {
            return None;
        }
        self.front += 1;
        Some(self.at(0, self.front - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.back - self.front).ok())
    }

    fn nth(&mut self, n: usize) -> Option<Result<u64>> {
        self.front = self.front.saturating_add(n as u64).min(self.back);
        self.next()
    }
}

impl DoubleEndedIterator for TreeIter<'_> {
    fn next_back(&mut self) -> Option<Result<u64>> {
        if self.front >= self.back {
            return None;
        }
        self.back -= 1;
        Some(self.at(1, self.back))
    }
}

/// Writes a dense tree from a stream, holding one open node per level.
#[derive(Default)]
struct Builder {
    leaf: Vec<u64>,
    levels: Vec<Vec<Child>>,
}

impl Builder {
    fn push(&mut self, space: &mut dyn Space, payload: u64) -> Result<()> {
        if self.leaf.len() == CAPACITY {
            let child = write_leaf(space, &self.leaf)?;
            self.leaf.clear();
            self.push_child(space, child, 0)?;
        }
        self.leaf.push(payload);
        Ok(())
    }

    fn push_child(&mut self, space: &mut dyn Space, mut child: Child, mut level: usize) -> Result<()> {
        loop {
            if self.levels.len() <= level {
                self.levels.push(Vec::with_capacity(CAPACITY));
            }
            let open = &mut self.levels[level];
            if open.len() < CAPACITY {
                open.push(child);
                return Ok(());
            }
            let full = write_inner(space, level as u8 + 1, open)?;
            open.clear();
            open.push(child);
            (child, level) = (full, level + 1);
        }
    }

    fn finish(mut self, space: &mut dyn Space) -> Result<Tree> {
        if self.leaf.is_empty() {
            return Ok(Tree::EMPTY);
        }
        let mut child = write_leaf(space, &self.leaf)?;
        let mut level = 0;
        while level < self.levels.len() {
            self.push_child(space, child, level)?;
            child = write_inner(space, level as u8 + 1, &self.levels[level])?;
            level += 1;
        }
        Ok(child.into())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    None,
    Front,
    Back,
}

impl Edge {
    /// Where to cut a node that has become too large. A sequence that grows at one end leaves full nodes behind.
    fn cut(self, len: usize) -> usize {
        match self {
            Edge::None => len / 2,
            Edge::Front => 1,
            Edge::Back => len - 1,
        }
    }
}

fn insert(
    space: &mut dyn Space,
    place: Child,
    level: u8,
    position: u64,
    payload: u64,
    edge: Edge,
) -> Result<(Child, Option<Child>)> {
    let node = Node::read(space, place.offset, place.count, Some(level))?;
    let size = node.size;
    let made = if level == 0 {
        let mut payloads = node.payloads();
        payloads.insert(position as usize, payload);
        if payloads.len() <= CAPACITY {
            (write_leaf(space, &payloads)?, None)
        } else {
            let (first, second) = payloads.split_at(edge.cut(payloads.len()));
            (write_leaf(space, first)?, Some(write_leaf(space, second)?))
        }
    } else {
        // The end of a child is as good a place as the start of the next, and fills what growth at the end left open.
        let index = node.child_of(if edge == Edge::Back { position - 1 } else { position });
        let start = node.before(index);
        let mut children = node.children()?;
        let child = children[index];
        let within = position.checked_sub(start).filter(|within| *within <= child.count);
        let within = within.ok_or_else(|| damaged("the counts of a node do not rise"))?;
        let (changed, extra) = insert(space, child, level - 1, within, payload, edge)?;
        children[index] = changed;
        if let Some(extra) = extra {
            children.insert(index + 1, extra);
        }
        if children.len() <= CAPACITY {
            (write_inner(space, level, &children)?, None)
        } else {
            let (first, second) = children.split_at(edge.cut(children.len()));
            (write_inner(space, level, first)?, Some(write_inner(space, level, second)?))
        }
    };
    space.release(place.offset, size);
    Ok(made)
}

fn replace(space: &mut dyn Space, place: Child, level: u8, position: u64, payload: u64) -> Result<Child> {
    let node = Node::read(space, place.offset, place.count, Some(level))?;
    let size = node.size;
    let made = if level == 0 {
        let mut payloads = node.payloads();
        payloads[position as usize] = payload;
        write_leaf(space, &payloads)?
    } else {
        let (index, within) = descend(&node, position)?;
        let mut children = node.children()?;
        children[index] = replace(space, children[index], level - 1, within, payload)?;
        write_inner(space, level, &children)?
    };
    space.release(place.offset, size);
    Ok(made)
}

fn remove(space: &mut dyn Space, place: Child, level: u8, position: u64) -> Result<(Option<Child>, u64)> {
    let node = Node::read(space, place.offset, place.count, Some(level))?;
    let size = node.size;
    let (made, removed) = if level == 0 {
        let mut payloads = node.payloads();
        let removed = payloads.remove(position as usize);
        (if payloads.is_empty() { None } else { Some(write_leaf(space, &payloads)?) }, removed)
    } else {
        let (index, within) = descend(&node, position)?;
        let mut children = node.children()?;
        let (changed, removed) = remove(space, children[index], level - 1, within)?;
        match changed {
            None => drop(children.remove(index)),
            Some(child) => {
                children[index] = child;
                join_sparse(space, &mut children, index, level - 1)?;
            }
        }
        (if children.is_empty() { None } else { Some(write_inner(space, level, &children)?) }, removed)
    };
    space.release(place.offset, size);
    Ok((made, removed))
}

/// Joins a child that has become sparse with a neighbour, or shares the neighbour's entries with it.
fn join_sparse(space: &mut dyn Space, children: &mut Vec<Child>, index: usize, level: u8) -> Result<()> {
    let read = |space: &dyn Space, child: Child| {
        Node::read(space, child.offset, child.count, Some(level)).map(|node| node.size)
    };
    let len = Node::read(space, children[index].offset, children[index].count, Some(level))?.len;
    if len >= SPARSE || children.len() < 2 {
        return Ok(());
    }
    let left = if index > 0 { index - 1 } else { 0 };
    let (first, second) = (children[left], children[left + 1]);
    let sizes = (read(space, first)?, read(space, second)?);
    let made = if level == 0 {
        let mut payloads = Node::read(space, first.offset, first.count, Some(0))?.payloads();
        payloads.extend(Node::read(space, second.offset, second.count, Some(0))?.payloads());
        if payloads.len() <= CAPACITY {
            (write_leaf(space, &payloads)?, None)
        } else {
            let (first, second) = payloads.split_at(payloads.len() / 2);
            (write_leaf(space, first)?, Some(write_leaf(space, second)?))
        }
    } else {
        let mut joined = Node::read(space, first.offset, first.count, Some(level))?.children()?;
        joined.extend(Node::read(space, second.offset, second.count, Some(level))?.children()?);
        if joined.len() <= CAPACITY {
            (write_inner(space, level, &joined)?, None)
        } else {
            let (first, second) = joined.split_at(joined.len() / 2);
            (write_inner(space, level, first)?, Some(write_inner(space, level, second)?))
        }
    };
    children[left] = made.0;
    match made.1 {
        Some(second) => children[left + 1] = second,
        None => drop(children.remove(left + 1)),
    }
    space.release(first.offset, sizes.0);
    space.release(second.offset, sizes.1);
    Ok(())
}

fn descend(node: &Node<'_>, position: u64) -> Result<(usize, u64)> {
    let index = node.child_of(position);
    let within = position.checked_sub(node.before(index));
    let within = within.filter(|within| node.child(index).is_ok_and(|child| *within < child.count));
    Ok((index, within.ok_or_else(|| damaged("the counts of a node do not rise"))?))
}

fn nodes(source: &dyn Source, place: Child, level: u8, visit: &mut dyn FnMut(u64, usize)) -> Result<()> {
    let node = Node::read(source, place.offset, place.count, Some(level))?;
    visit(place.offset, node.size);
    if level > 0 {
        for index in 0..node.len {
            nodes(source, node.child(index)?, level - 1, visit)?;
        }
    }
    Ok(())
}

fn write_leaf(space: &mut dyn Space, payloads: &[u64]) -> Result<Child> {
    let mut bytes = Vec::with_capacity(16 + payloads.len() * 8);
    node::leaf(payloads, &mut bytes);
    let first = payloads.first().copied().unwrap_or(0);
    Ok(Child { offset: space.append(&bytes)?, count: payloads.len() as u64, first })
}

fn write_inner(space: &mut dyn Space, level: u8, children: &[Child]) -> Result<Child> {
    let mut bytes = Vec::with_capacity(32 + children.len() * 12);
    let count = children.iter().try_fold(0u64, |sum, child| sum.checked_add(child.count));
    let count = count.ok_or_else(|| damaged("a tree claims more payloads than there are numbers"))?;
    node::inner(level, children, &mut bytes);
    let first = children.first().map_or(0, |child| child.first);
    Ok(Child { offset: space.append(&bytes)?, count, first })
}

/// A position some way behind another. The counts of a damaged node may lead beyond all numbers.
fn later(position: u64, by: u64) -> Result<u64> {
    position.checked_add(by).ok_or_else(|| damaged("the counts of a node do not rise"))
}

fn damaged(what: &'static str) -> Error {
    Error::Damaged { what }
}

#[cfg(test)]
mod tests;

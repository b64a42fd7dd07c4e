//! Arrays: utarray's operations on elements of one type.
//!
//! An array is a record. A short one holds its elements; a longer one holds a [`Tree`] whose payloads are the elements
//! themselves where they are words (ints, floats, bools), and the places of records elsewhere. [`ArrayRef`] reads it where it lies;
//! [`Array`] is what is changed: changing it writes new pieces beside the old ones, and [`Array::encode`] is the
//! record that makes the change visible once it replaces the old one.
//!
//! ```text
//! u8 form         low nibble: kind of the elements; 0x80: a tree follows, else elements
//! elements        varint count, then each element as in a row (`scalar.rs`)
//! tree            offset and count, 8 bytes each
//! ```

use std::cmp::Ordering;

use crate::{
    Error, Kind, Result, Scalar, Source, Space, Tree, TreeIter,
    scalar::{append_bytes, bytes_at, read_varint, write_varint},
};

/// More elements than this make a tree.
const SHORT: usize = 32;
/// More bytes of elements than this make a tree.
const SHORT_BYTES: usize = 512;
/// In the form byte: a tree follows.
const TREE: u8 = 0x80;

/// An array as it lies in a source.
///
/// Positions count from 0, and asking beyond the end answers nothing.
#[derive(Clone, Copy)]
pub struct ArrayRef<'a> {
    source: &'a dyn Source,
    kind: Kind,
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Short { count: usize, elements: &'a [u8] },
    Long(Tree),
}

impl<'a> ArrayRef<'a> {
    /// The array that a record describes.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it describes none.
    pub fn new(source: &'a dyn Source, record: &'a [u8]) -> Result<Self> {
        let (form, mut rest) = record.split_first().ok_or_else(|| damaged("an array has no bytes"))?;
        let kind =
            Kind::from_byte(form & !TREE).ok_or_else(|| damaged("an array's elements have no kind"))?;
        let form = if form & TREE == 0 {
            let count = usize::try_from(read_varint(&mut rest)?).unwrap_or(usize::MAX);
            if count > SHORT {
                return Err(damaged("a short array is long"));
            }
            Form::Short { count, elements: rest }
        } else {
            let tree = rest.first_chunk().ok_or_else(|| damaged("an array is cut short"))?;
            Form::Long(Tree::decode(tree))
        };
        Ok(ArrayRef { source, kind, form })
    }

    /// Where the pieces of the array lie.
    pub fn source(&self) -> &'a dyn Source {
        self.source
    }

    /// The type of the elements.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of elements.
    pub fn len(&self) -> u64 {
        match self.form {
            Form::Short { count, .. } => count as u64,
            Form::Long(tree) => tree.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at a position (`utarray_eltptr`).
    pub fn get(&self, position: u64) -> Result<Option<Scalar<'a>>> {
        match self.form {
            Form::Short { .. } => self.iter().nth(position as usize).transpose(),
            Form::Long(tree) => match tree.get(self.source, position)? {
                Some(payload) => element(self.source, self.kind, payload).map(Some),
                None => Ok(None),
            },
        }
    }

    /// The first element.
    pub fn front(&self) -> Result<Option<Scalar<'a>>> {
        self.get(0)
    }

    /// The last element.
    pub fn back(&self) -> Result<Option<Scalar<'a>>> {
        if self.is_empty() { Ok(None) } else { self.get(self.len() - 1) }
    }

    /// The position behind one, or the first; none behind the last (`utarray_next`).
    pub fn next(&self, position: Option<u64>) -> Option<u64> {
        let next = position.map_or(Some(0), |position| position.checked_add(1))?;
        (next < self.len()).then_some(next)
    }

    /// The position before one, or the last; none before the first (`utarray_prev`).
    pub fn prev(&self, position: Option<u64>) -> Option<u64> {
        position.unwrap_or(self.len()).min(self.len()).checked_sub(1)
    }

    /// Every element in order; goes backward as well.
    pub fn iter(&self) -> Elements<'a> {
        self.range(0, self.len())
    }

    /// The elements at positions `start..end`.
    pub fn range(&self, start: u64, end: u64) -> Elements<'a> {
        let end = end.min(self.len());
        let form = match self.form {
            Form::Long(tree) => Walk::Long(tree.range(self.source, start, end)),
            Form::Short { elements, .. } => {
                let mut walk = Elements {
                    source: self.source,
                    kind: self.kind,
                    form: Walk::Short { left: end as usize, elements },
                };
                walk.by_ref().take(start as usize).for_each(drop);
                return walk;
            }
        };
        Elements { source: self.source, kind: self.kind, form }
    }

    /// The position of an element equal to `wanted`, in an array sorted by the order of [`Scalar`] (`utarray_find`).
    pub fn find(&self, wanted: Scalar<'_>) -> Result<Option<u64>> {
        self.search(|element| element.cmp(&wanted))
    }

    /// The position of the first element for which `order` answers equal, in an array sorted accordingly.
    pub fn search(&self, mut order: impl FnMut(Scalar<'a>) -> Ordering) -> Result<Option<u64>> {
        let position = match self.form {
            Form::Long(tree) => tree.partition_point(self.source, |payload| {
                Ok(order(element(self.source, self.kind, payload)?) == Ordering::Less)
            })?,
            Form::Short { .. } => {
                let mut position = 0;
                for element in self.iter() {
                    if order(element?) != Ordering::Less {
                        break;
                    }
                    position += 1;
                }
                position
            }
        };
        Ok(match self.get(position)? {
            Some(element) if order(element) == Ordering::Equal => Some(position),
            _ => None,
        })
    }

    /// The record that describes the array.
    pub fn encode(&self) -> Vec<u8> {
        let mut record = Vec::new();
        match self.form {
            Form::Short { count, elements } => {
                record.push(self.kind as u8);
                write_varint(count as u64, &mut record);
                record.extend_from_slice(elements);
            }
            Form::Long(tree) => {
                record.push(self.kind as u8 | TREE);
                record.extend(tree.encode());
            }
        }
        record
    }

    /// Names every piece outside the record by its place.
    pub fn places(&self, visit: &mut dyn FnMut(u64, usize)) -> Result<()> {
        if let Form::Long(tree) = self.form {
            tree.nodes(self.source, visit)?;
            if !self.kind.is_word() {
                for payload in tree.iter(self.source) {
                    let payload = payload?;
                    visit(payload, bytes_at(self.source, payload)?.1);
                }
            }
        }
        Ok(())
    }
}

/// The elements of an array between two positions.
pub struct Elements<'a> {
    source: &'a dyn Source,
    kind: Kind,
    form: Walk<'a>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "an iterator lives on the stack, and boxing it would cost an allocation"
)]
enum Walk<'a> {
    Short {
        left: usize,
        elements: &'a [u8],
    },
    /// What was left of a short array when it was asked for its end, which shows only when all is read.
    Held(std::vec::IntoIter<Result<Scalar<'a>>>),
    Long(TreeIter<'a>),
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Scalar<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.form {
            Walk::Short { left, elements } => {
                *left = left.checked_sub(1)?;
                Some(Scalar::decode(self.kind, elements))
            }
            Walk::Held(elements) => elements.next(),
            Walk::Long(payloads) => {
                Some(payloads.next()?.and_then(|payload| element(self.source, self.kind, payload)))
            }
        }
    }
}

impl DoubleEndedIterator for Elements<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if let Walk::Short { .. } = self.form {
            let all: Vec<_> = self.by_ref().collect();
            self.form = Walk::Held(all.into_iter());
        }
        match &mut self.form {
            Walk::Short { .. } => None,
            Walk::Held(elements) => elements.next_back(),
            Walk::Long(payloads) => {
                Some(payloads.next_back()?.and_then(|payload| element(self.source, self.kind, payload)))
            }
        }
    }
}

/// An array that is being changed.
///
/// ```
/// # use cms_segment::{Array, ArrayRef, Error, Kind, Result, Scalar, Source, Space};
/// # struct Memory(Vec<u8>);
/// # impl Source for Memory {
/// #     fn bytes(&self, offset: u64, len: usize) -> Option<&[u8]> { self.0.get(offset as usize..offset as usize + len) }
/// #     fn size(&self) -> u64 { self.0.len() as u64 }
/// # }
/// # impl Space for Memory {
/// #     fn append(&mut self, bytes: &[u8]) -> Result<u64> {
/// #         let offset = self.0.len() as u64;
/// #         self.0.extend(bytes);
/// #         Ok(offset)
/// #     }
/// # }
/// # let mut space = Memory(vec![0]);
/// let mut ports = Array::new(Kind::Int);
/// ports.extend(&mut space, &[Scalar::Int(8080), Scalar::Int(80), Scalar::Int(443)])?;
/// ports.sort(&mut space)?;
///
/// let record = ports.encode();
/// let read = ArrayRef::new(&space, &record)?;
/// assert_eq!(read.find(Scalar::Int(443))?, Some(1));
/// assert_eq!(read.back()?, Some(Scalar::Int(8080)));
///
/// let wrong = ports.push(&mut space, Scalar::String(b"ssh"));
/// assert!(matches!(wrong, Err(Error::Mistyped { .. })));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Array {
    kind: Kind,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Short(Vec<Vec<u8>>),
    Long(Tree),
}

impl Array {
    /// An array of nothing (`utarray_new`).
    pub fn new(kind: Kind) -> Self {
        Array { kind, state: State::Short(Vec::new()) }
    }

    /// Takes an array up for changing.
    pub fn load(source: &dyn Source, record: &[u8]) -> Result<Self> {
        let array = ArrayRef::new(source, record)?;
        let state = match array.form {
            Form::Long(tree) => State::Long(tree),
            Form::Short { .. } => State::Short(
                array
                    .iter()
                    .map(|element| element.map(|element| encoded(&element)))
                    .collect::<Result<_>>()?,
            ),
        };
        Ok(Array { kind: array.kind, state })
    }

    /// Writes an array of another space, or of this one, again.
    pub fn copy(space: &mut dyn Space, array: ArrayRef<'_>) -> Result<Self> {
        let tree = match array.form {
            Form::Short { .. } => return Array::load(array.source, &array.encode()),
            Form::Long(_) if array.len() > array.source.size() => {
                return Err(damaged("an array claims more elements than its space can hold"));
            }
            Form::Long(tree) => tree,
        };
        let mut payloads = Vec::new();
        for payload in tree.iter(array.source) {
            let payload = payload?;
            payloads.push(match array.kind.is_word() {
                true => payload,
                false => append_bytes(space, bytes_at(array.source, payload)?.0)?,
            });
        }
        Ok(Array { kind: array.kind, state: State::Long(Tree::build(space, payloads)?) })
    }

    /// The record of the array.
    pub fn encode(&self) -> Vec<u8> {
        let mut record = Vec::new();
        match &self.state {
            State::Short(elements) => {
                record.push(self.kind as u8);
                write_varint(elements.len() as u64, &mut record);
                record.extend(elements.iter().flatten());
            }
            State::Long(tree) => {
                record.push(self.kind as u8 | TREE);
                record.extend(tree.encode());
            }
        }
        record
    }

    /// The type of the elements.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of elements.
    pub fn len(&self) -> u64 {
        match &self.state {
            State::Short(elements) => elements.len() as u64,
            State::Long(tree) => tree.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an element behind the last (`utarray_push_back`).
    pub fn push(&mut self, space: &mut dyn Space, element: Scalar<'_>) -> Result<()> {
        self.splice(space, self.len(), 0, &[element])
    }

    /// Adds elements behind the last (`utarray_concat`).
    pub fn extend(&mut self, space: &mut dyn Space, elements: &[Scalar<'_>]) -> Result<()> {
        self.splice(space, self.len(), 0, elements)
    }

    /// Takes the last element away, and answers whether there was one (`utarray_pop_back`).
    pub fn pop(&mut self, space: &mut dyn Space) -> Result<bool> {
        match self.len() {
            0 => Ok(false),
            len => self.splice(space, len - 1, 1, &[]).map(|()| true),
        }
    }

    /// Puts an element before the one at `position` (`utarray_insert`).
    pub fn insert(&mut self, space: &mut dyn Space, position: u64, element: Scalar<'_>) -> Result<()> {
        self.splice(space, position, 0, &[element])
    }

    /// Puts elements before the one at `position` (`utarray_inserta`).
    pub fn insert_all(
        &mut self,
        space: &mut dyn Space,
        position: u64,
        elements: &[Scalar<'_>],
    ) -> Result<()> {
        self.splice(space, position, 0, elements)
    }

    /// Puts another element in the place of the one at `position`, which must exist.
    pub fn set(&mut self, space: &mut dyn Space, position: u64, element: Scalar<'_>) -> Result<()> {
        if position >= self.len() {
            return Err(Error::NoSuchPosition { position, len: self.len() });
        }
        self.splice(space, position, 1, &[element])
    }

    /// Takes `len` elements from `position` on away (`utarray_erase`).
    pub fn erase(&mut self, space: &mut dyn Space, position: u64, len: u64) -> Result<()> {
        self.splice(space, position, len, &[])
    }

    /// Takes elements from the end away or adds copies of `fill` there until there are `len` (`utarray_resize`).
    pub fn resize(&mut self, space: &mut dyn Space, len: u64, fill: Scalar<'_>) -> Result<()> {
        match len.checked_sub(self.len()) {
            None => self.splice(space, len, self.len() - len, &[]),
            Some(more) => {
                let more = usize::try_from(more)
                    .ok()
                    .filter(|more| *more as u64 <= MOST)
                    .ok_or(Error::TooLarge { what: "an array", len, limit: MOST })?;
                self.splice(space, self.len(), 0, &vec![fill; more])
            }
        }
    }

    /// Takes all elements away (`utarray_clear`).
    pub fn clear(&mut self, space: &mut dyn Space) -> Result<()> {
        self.release(space)?;
        self.state = State::Short(Vec::new());
        Ok(())
    }

    /// Sorts the elements by the order of [`Scalar`] (`utarray_sort`).
    pub fn sort(&mut self, space: &mut dyn Space) -> Result<()> {
        self.sort_by(space, |one, other| one.cmp(other))
    }

    /// Sorts the elements by an order of the caller's; equal ones keep theirs.
    pub fn sort_by(
        &mut self,
        space: &mut dyn Space,
        mut order: impl FnMut(&Scalar<'_>, &Scalar<'_>) -> Ordering,
    ) -> Result<()> {
        let kind = self.kind;
        match &mut self.state {
            State::Short(elements) => {
                let mut found = Vec::with_capacity(elements.len());
                for element in elements.iter() {
                    found.push((Scalar::decode(kind, &mut &element[..])?, element));
                }
                found.sort_by(|one, other| order(&one.0, &other.0));
                *elements = found.into_iter().map(|(_, element)| element.clone()).collect();
            }
            State::Long(tree) => {
                let old = *tree;
                let source: &dyn Source = space;
                let mut found = Vec::new();
                for payload in old.iter(source) {
                    let payload = payload?;
                    found.push((element(source, kind, payload)?, payload));
                }
                found.sort_by(|one, other| order(&one.0, &other.0));
                let payloads: Vec<u64> = found.into_iter().map(|(_, payload)| payload).collect();
                *tree = Tree::build(space, payloads)?;
                old.release(space)?;
            }
        }
        Ok(())
    }

    /// Puts `elements` in the place of the `len` elements from `position` on; all other changes are cases of this one.
    ///
    /// # Errors
    /// [`Error::Mistyped`] if an element is not of the array's kind, [`Error::NoSuchPosition`] if `position` lies behind
    /// the end; then nothing has changed.
    pub fn splice(
        &mut self,
        space: &mut dyn Space,
        position: u64,
        len: u64,
        elements: &[Scalar<'_>],
    ) -> Result<()> {
        if position > self.len() {
            return Err(Error::NoSuchPosition { position, len: self.len() });
        }
        if let Some(wrong) = elements.iter().find(|element| element.kind() != self.kind) {
            return Err(Error::Mistyped {
                what: "an element of an array".into(),
                expected: self.kind,
                found: wrong.kind(),
            });
        }
        let end = position.saturating_add(len).min(self.len());
        let kind = self.kind;
        match &mut self.state {
            State::Short(short) => {
                let new = elements.iter().map(encoded);
                short.splice(position as usize..end as usize, new).for_each(drop);
                if short.len() > SHORT || short.iter().map(Vec::len).sum::<usize>() > SHORT_BYTES {
                    let mut payloads = Vec::with_capacity(short.len());
                    for element in short.iter() {
                        payloads.push(payload(space, Scalar::decode(kind, &mut &element[..])?)?);
                    }
                    self.state = State::Long(Tree::build(space, payloads)?);
                }
            }
            State::Long(tree) => {
                let old = tree.range(space, position, end).collect::<Result<Vec<u64>>>()?;
                let mut payloads = Vec::with_capacity(elements.len());
                for element in elements {
                    payloads.push(payload(space, *element)?);
                }
                *tree = tree.splice(space, position, end, &payloads)?;
                if !kind.is_word() {
                    for offset in old {
                        let size = bytes_at(space, offset)?.1;
                        space.release(offset, size);
                    }
                }
                if tree.is_empty() {
                    self.state = State::Short(Vec::new());
                }
            }
        }
        Ok(())
    }

    /// Releases all that the array takes outside its record (`utarray_free`).
    pub fn release(&self, space: &mut dyn Space) -> Result<()> {
        let record = self.encode();
        let mut places = Vec::new();
        ArrayRef::new(space, &record)?.places(&mut |offset, size| places.push((offset, size)))?;
        for (offset, size) in places {
            space.release(offset, size);
        }
        Ok(())
    }
}

/// Most elements that one call may add without naming them.
const MOST: u64 = 1 << 28;

fn element(source: &dyn Source, kind: Kind, payload: u64) -> Result<Scalar<'_>> {
    match kind {
        Kind::String => Ok(Scalar::String(bytes_at(source, payload)?.0)),
        Kind::Bytes => Ok(Scalar::Bytes(bytes_at(source, payload)?.0)),
        _ => Scalar::of_word(kind, payload),
    }
}

fn payload(space: &mut dyn Space, element: Scalar<'_>) -> Result<u64> {
    match (element.word(), element.as_bytes()) {
        (Some(word), _) => Ok(word),
        (None, bytes) => append_bytes(space, bytes.unwrap_or_default()),
    }
}

fn encoded(element: &Scalar<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    element.encode(&mut bytes);
    bytes
}

fn damaged(what: &'static str) -> Error {
    Error::Damaged { what }
}

#[cfg(test)]
mod tests {
    use cms_testkit::Random;

    use super::*;
    use crate::space::memory::Memory;

    /// Checks an array against a model of its elements, and that nothing but it is in use.
    fn check(space: &Memory, array: &Array, model: &[Vec<u8>]) {
        let record = array.encode();
        let read = ArrayRef::new(space, &record).unwrap();
        let found: Vec<Vec<u8>> = read.iter().map(|element| encoded(&element.unwrap())).collect();
        assert_eq!(found, model);
        assert!(read.iter().rev().map(|element| encoded(&element.unwrap())).eq(model.iter().rev().cloned()));
        assert_eq!(read.front().unwrap().map(|element| encoded(&element)).as_ref(), model.first());
        assert_eq!(read.back().unwrap().map(|element| encoded(&element)).as_ref(), model.last());
        let mut live = space.live.clone();
        read.places(&mut |offset, size| assert_eq!(live.remove(&offset), Some(size))).unwrap();
        assert_eq!(live, Default::default(), "leaked");
        let again = Array::load(space, &record).unwrap();
        assert_eq!(again.encode(), record);
        let (start, end) = (model.len() / 3, model.len() / 2);
        let part: Vec<Vec<u8>> =
            read.range(start as u64, end as u64).map(|element| encoded(&element.unwrap())).collect();
        assert_eq!(part, model[start..end]);
    }

    #[test]
    fn follows_a_vector() {
        let mut random = Random::for_test("arrays follow a vector");
        for round in 0..60 {
            let kind = [Kind::String, Kind::Bytes, Kind::Int, Kind::Float, Kind::Bool][round % 5];
            let mut space = Memory::new();
            let mut array = Array::new(kind);
            let mut model: Vec<Vec<u8>> = Vec::new();
            let texts: Vec<Vec<u8>> = (0..40).map(|len| vec![b'x'; len * len % 90]).collect();
            let any = |random: &mut Random| match kind {
                Kind::String => Scalar::String(&texts[random.below(40) as usize]),
                Kind::Bytes => Scalar::Bytes(&texts[random.below(40) as usize]),
                Kind::Int => Scalar::Int(random.next() as i64 >> random.below(64)),
                Kind::Float => Scalar::Float(random.next() as f64 / 3e9 - 2e9),
                _ => Scalar::Bool(random.next() & 1 == 1),
            };
            for _ in 0..120 {
                let len = model.len() as u64;
                match random.below(12) {
                    0..=2 => {
                        let element = any(&mut random);
                        array.push(&mut space, element).unwrap();
                        model.push(encoded(&element));
                    }
                    3 => {
                        assert_eq!(array.pop(&mut space).unwrap(), model.pop().is_some());
                    }
                    4 | 5 => {
                        let (at, element) = (random.below(len + 1), any(&mut random));
                        array.insert(&mut space, at, element).unwrap();
                        model.insert(at as usize, encoded(&element));
                    }
                    6 | 7 => {
                        let at = random.below(len + 1);
                        let new: Vec<Scalar<'_>> = (0..random.below(90)).map(|_| any(&mut random)).collect();
                        array.insert_all(&mut space, at, &new).unwrap();
                        model.splice(at as usize..at as usize, new.iter().map(encoded));
                    }
                    8 => {
                        let at = random.below(len + 1);
                        let erased = random.below(60);
                        array.erase(&mut space, at, erased).unwrap();
                        model.drain(at as usize..(at + erased).min(len) as usize);
                    }
                    9 => {
                        let (to, fill) = (random.below(300), any(&mut random));
                        array.resize(&mut space, to, fill).unwrap();
                        model.resize(to as usize, encoded(&fill));
                    }
                    10 if len > 0 => {
                        let (at, element) = (random.below(len), any(&mut random));
                        array.set(&mut space, at, element).unwrap();
                        model[at as usize] = encoded(&element);
                    }
                    _ => {
                        array.sort(&mut space).unwrap();
                        let decode =
                            |bytes: &Vec<u8>| Scalar::decode(kind, &mut &bytes.clone().leak()[..]).unwrap();
                        model.sort_by_key(decode);
                        let record = array.encode();
                        let read = ArrayRef::new(&space, &record).unwrap();
                        for bytes in model.iter().take(5) {
                            let wanted = decode(bytes);
                            let first = model.iter().position(|other| decode(other) == wanted);
                            assert_eq!(read.find(wanted).unwrap(), first.map(|first| first as u64));
                        }
                    }
                }
                assert_eq!(array.len(), model.len() as u64);
            }
            check(&space, &array, &model);
            array.clear(&mut space).unwrap();
            check(&space, &array, &[]);
        }
    }

    #[test]
    fn walks_as_utarray_does() {
        let mut space = Memory::new();
        let mut array = Array::new(Kind::Int);
        array.extend(&mut space, &[Scalar::Int(1), Scalar::Int(2)]).unwrap();
        let record = array.encode();
        let read = ArrayRef::new(&space, &record).unwrap();
        assert_eq!((read.next(None), read.next(Some(0)), read.next(Some(1))), (Some(0), Some(1), None));
        assert_eq!((read.prev(None), read.prev(Some(1)), read.prev(Some(0))), (Some(1), Some(0), None));
        assert!(matches!(
            array.set(&mut space, 2, Scalar::Int(1)),
            Err(Error::NoSuchPosition { position: 2, len: 2 })
        ));
        assert!(matches!(array.push(&mut space, Scalar::Bool(true)), Err(Error::Mistyped { .. })));
    }

    #[test]
    fn lies_are_survived() {
        let mut random = Random::for_test("lies in an array");
        for _ in 0..20_000 {
            let mut space = Memory::new();
            space.bytes = (0..200).map(|_| (random.next() % 9) as u8).collect();
            let mut record: Vec<u8> = (0..random.below(30)).map(|_| (random.next() % 9) as u8).collect();
            if let Some(form) = record.first_mut() {
                *form |= (random.next() & 0x80) as u8;
            }
            space.bytes.extend(&record);
            if let Ok(read) = ArrayRef::new(&space, &record) {
                let _ = read.iter().take(1_000).filter(Result::is_ok).count();
                let _ = read.find(Scalar::Int(3));
                let _ = read.back();
                let _ = read.places(&mut |_, _| {});
            }
        }
    }
}

//! An order that is told as well as asked: what stands at a position, and at which position something stands.
//!
//! A [`Tree`] answers the first in O(log n). For the second, every payload has a *label*, and labels rise along the order,
//! so that a payload's position is found by searching for its label. The label of a payload is computed from the payload
//! itself (so an order of records that were written one after another, as they are in a fresh generation, stores no
//! label at all) unless it stands elsewhere than its number says: then it is an exception, kept in a second tree of
//! records `{payload, label}` sorted by payload. Putting something at the front takes a label below the first, of which there
//! are 2^43; putting it between two takes the middle of their labels; where two labels touch, those around are spread,
//! further the more often it happens, which costs O(log n) exceptions for each such insertion in the long run.
//!
//! Everything is in trees, so an order is two of them, never changes, and a batch makes a new one visible at once.

use crate::{Error, Result, Source, Space, Tree, TreeIter};

/// Distinct payloads below 2^47 in an order of their own; see the module's description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    payloads: Tree,
    exceptions: Tree,
}

/// The label of payload 0. As much room lies before it as behind it.
const ORIGIN: u64 = 1 << 63;
/// Labels between two successive numbers.
const SPACING: u32 = 16;
/// What is left free before a payload that is put to the front.
const FRONT_STEP: u64 = 1 << 20;
/// What is left free behind a payload that is moved to the end: less than a record takes, so that new records, which
/// are put to the end as well, keep the labels of their numbers.
const BACK_STEP: u64 = 1 << 8;

impl Order {
    /// The order of nothing.
    pub const EMPTY: Order = Order { payloads: Tree::EMPTY, exceptions: Tree::EMPTY };

    /// Bytes of an order's [`encoded`](Order::encode) form.
    pub const SIZE: usize = 2 * Tree::SIZE;

    /// Writes an order densely. Where the payloads rise it takes 2 to 4 bytes each.
    pub fn build(space: &mut dyn Space, payloads: &[u64]) -> Result<Self> {
        let mut exceptions = Vec::new();
        let mut last = 0;
        for payload in payloads {
            let natural = natural(*payload)?;
            let label = if natural > last { natural } else { last.saturating_add(1 << (SPACING - 2)) };
            if label != natural {
                exceptions.push((*payload, label));
            }
            last = label;
        }
        if last > u64::MAX - FRONT_STEP {
            return Err(damaged("an order has more payloads than labels"));
        }
        exceptions.sort_unstable();
        let mut records = Vec::with_capacity(exceptions.len());
        for (payload, label) in exceptions {
            records.push(write_exception(space, payload, label)?);
        }
        Ok(Order {
            payloads: Tree::build(space, payloads.iter().copied())?,
            exceptions: Tree::build(space, records)?,
        })
    }

    /// The number of payloads.
    pub fn len(&self) -> u64 {
        self.payloads.len()
    }

    /// Whether there is no payload.
    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    /// The payload at a position.
    pub fn get(&self, source: &dyn Source, position: u64) -> Result<Option<u64>> {
        self.payloads.get(source, position)
    }

    /// Every payload in order.
    pub fn iter<'a>(&self, source: &'a dyn Source) -> TreeIter<'a> {
        self.payloads.iter(source)
    }

    /// The payloads at positions `start..end`.
    pub fn range<'a>(&self, source: &'a dyn Source, start: u64, end: u64) -> TreeIter<'a> {
        self.payloads.range(source, start, end)
    }

    /// The position at which a payload stands, in O(log n).
    pub fn position(&self, source: &dyn Source, payload: u64) -> Result<Option<u64>> {
        let wanted = self.label(source, payload)?;
        let position =
            self.payloads.partition_point(source, |other| Ok(self.label(source, other)? < wanted))?;
        Ok((self.payloads.get(source, position)? == Some(payload)).then_some(position))
    }

    /// The order with a payload behind the last one. It must not be in it.
    pub fn push(&self, space: &mut dyn Space, payload: u64) -> Result<Self> {
        self.insert(space, self.len(), payload)
    }

    /// The order with payloads behind the last one. They must not be in it.
    pub(crate) fn extend(&self, space: &mut dyn Space, payloads: &[u64]) -> Result<Self> {
        let mut last = self.label_before(space, self.len())?;
        let mut are_natural = true;
        for payload in payloads {
            let label = natural(*payload)?;
            are_natural &=
                last.is_none_or(|last| last < label) && self.exception(space, *payload)?.1.is_none();
            last = Some(label);
        }
        let mut order = *self;
        if are_natural {
            order.payloads = self.payloads.splice(space, self.len(), self.len(), payloads)?;
        } else {
            for payload in payloads {
                order = order.push(space, *payload)?;
            }
        }
        Ok(order)
    }

    /// The order with a payload before the one at `position`. It must not be in it.
    pub fn insert(&self, space: &mut dyn Space, position: u64, payload: u64) -> Result<Self> {
        let position = position.min(self.len());
        let mut order = *self;
        let label = match self.free_label(space, position, payload)? {
            Some(label) => label,
            None => {
                order = order.spread(space, position)?;
                match order.free_label(space, position, payload)? {
                    Some(label) => label,
                    None => return Err(damaged("the labels of an order contradict each other")),
                }
            }
        };
        order = order.set_label(space, payload, label)?;
        order.payloads = order.payloads.insert(space, position, payload)?;
        Ok(order)
    }

    /// The order without a payload, and the position at which that stood.
    ///
    /// # Errors
    /// [`Error::Damaged`] also if the payload is not in the order.
    pub fn remove(&self, space: &mut dyn Space, payload: u64) -> Result<(Self, u64)> {
        let position = self.position(space, payload)?;
        let position = position.ok_or_else(|| damaged("a payload is missing in its order"))?;
        let mut order = self.set_label(space, payload, natural(payload)?)?;
        order.payloads = order.payloads.remove(space, position)?.0;
        Ok((order, position))
    }

    /// The order with a payload moved to a position, counted without it.
    ///
    /// # Errors
    /// [`Error::Damaged`] also if the payload is not in the order.
    pub fn shift(&self, space: &mut dyn Space, payload: u64, to: u64) -> Result<Self> {
        self.remove(space, payload)?.0.insert(space, to, payload)
    }

    /// The order with another payload where one stood: a record that was written anew.
    ///
    /// # Errors
    /// [`Error::Damaged`] also if the old payload is not in the order.
    pub fn replace(&self, space: &mut dyn Space, old: u64, new: u64) -> Result<Self> {
        let (order, position) = self.remove(space, old)?;
        order.insert(space, position, new)
    }

    /// The two trees as bytes.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..Tree::SIZE].copy_from_slice(&self.payloads.encode());
        bytes[Tree::SIZE..].copy_from_slice(&self.exceptions.encode());
        bytes
    }

    /// The order that [`encode`](Order::encode) wrote.
    pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
        let mut halves = [[0; Tree::SIZE]; 2];
        halves[0].copy_from_slice(&bytes[..Tree::SIZE]);
        halves[1].copy_from_slice(&bytes[Tree::SIZE..]);
        Order { payloads: Tree::decode(&halves[0]), exceptions: Tree::decode(&halves[1]) }
    }

    /// Releases all that the order takes. What the payloads refer to is the caller's.
    pub fn release(&self, space: &mut dyn Space) -> Result<()> {
        let mut places = Vec::new();
        self.places(space, &mut |offset, size| places.push((offset, size)))?;
        for (offset, size) in places {
            space.release(offset, size);
        }
        Ok(())
    }

    /// Names every piece that the order takes by its place.
    pub fn places(&self, source: &dyn Source, visit: &mut dyn FnMut(u64, usize)) -> Result<()> {
        self.payloads.nodes(source, visit)?;
        self.exceptions.nodes(source, visit)?;
        for record in self.exceptions.iter(source) {
            visit(record?, EXCEPTION);
        }
        Ok(())
    }

    fn label(&self, source: &dyn Source, payload: u64) -> Result<u64> {
        match self.exception(source, payload)? {
            (_, Some((_, label))) => Ok(label),
            (_, None) => natural(payload),
        }
    }

    /// Where the exception of a payload stands or would stand, and its record and label if there is one.
    fn exception(&self, source: &dyn Source, payload: u64) -> Result<(u64, Option<(u64, u64)>)> {
        if self.exceptions.is_empty() {
            return Ok((0, None));
        }
        let position = self
            .exceptions
            .partition_point(source, |record| Ok(read_exception(source, record)?.0 < payload))?;
        if let Some(record) = self.exceptions.get(source, position)? {
            let (found, label) = read_exception(source, record)?;
            if found == payload {
                return Ok((position, Some((record, label))));
            }
        }
        Ok((position, None))
    }

    fn set_label(&self, space: &mut dyn Space, payload: u64, label: u64) -> Result<Self> {
        let mut order = *self;
        let (position, found) = self.exception(space, payload)?;
        let wanted = (label != natural(payload)?).then_some(label);
        match (found, wanted) {
            (None, None) => {}
            (Some((_, old)), Some(label)) if old == label => {}
            (None, Some(label)) => {
                let record = write_exception(space, payload, label)?;
                order.exceptions = self.exceptions.insert(space, position, record)?;
            }
            (Some((record, _)), Some(label)) => {
                let changed = write_exception(space, payload, label)?;
                order.exceptions = self.exceptions.replace(space, position, changed)?;
                space.release(record, EXCEPTION);
            }
            (Some((record, _)), None) => {
                order.exceptions = self.exceptions.remove(space, position)?.0;
                space.release(record, EXCEPTION);
            }
        }
        Ok(order)
    }

    /// A label between the neighbours of a position, the payload's own if that fits; none if the neighbours touch.
    fn free_label(&self, source: &dyn Source, position: u64, payload: u64) -> Result<Option<u64>> {
        let (low, high) = (self.label_before(source, position)?, self.label_at(source, position)?);
        let natural = natural(payload)?;
        let fits = |label: u64| low.is_none_or(|low| low < label) && high.is_none_or(|high| label < high);
        if fits(natural) {
            return Ok(Some(natural));
        }
        let label = match (low, high) {
            (None, None) => Some(natural),
            (None, Some(high)) => high.checked_sub(FRONT_STEP).or(high.checked_sub(1)),
            (Some(low), None) => low.checked_add(BACK_STEP).or(low.checked_add(1)),
            (Some(low), Some(high)) => high.checked_sub(low).map(|gap| low + gap / 2),
        };
        Ok(label.filter(|label| fits(*label)))
    }

    fn label_before(&self, source: &dyn Source, position: u64) -> Result<Option<u64>> {
        if position == 0 { Ok(None) } else { self.label_at(source, position - 1) }
    }

    fn label_at(&self, source: &dyn Source, position: u64) -> Result<Option<u64>> {
        match self.payloads.get(source, position)? {
            Some(payload) => self.label(source, payload).map(Some),
            None => Ok(None),
        }
    }

    /// Gives the payloads around a position labels with room between them.
    fn spread(&self, space: &mut dyn Space, position: u64) -> Result<Self> {
        let mut reach = 4u64;
        loop {
            let start = position.saturating_sub(reach);
            let end = position.saturating_add(reach).min(self.len());
            let low = self.label_before(space, start)?.unwrap_or(0);
            let high = self.label_at(space, end)?.unwrap_or(u64::MAX);
            let gap = high.saturating_sub(low) / (end - start + 1);
            // The wider the window, the more room it must offer, so that a window fills up no sooner than its halves
            // have: the rule that makes the cost of spreading logarithmic.
            let wanted = 1u64 << (8 + (reach.ilog2() / 2).min(10));
            let all = start == 0 && end == self.len();
            if gap >= wanted || (all && gap >= 4) {
                let window: Vec<u64> = self.payloads.range(space, start, end).collect::<Result<_>>()?;
                let mut order = *self;
                for (payload, index) in window.into_iter().zip(1..) {
                    order = order.set_label(space, payload, low + gap * index)?;
                }
                return Ok(order);
            }
            if all {
                return Err(damaged("the labels of an order contradict each other"));
            }
            reach *= 2;
        }
    }
}

/// Bytes of the record of an exception.
const EXCEPTION: usize = 16;

fn write_exception(space: &mut dyn Space, payload: u64, label: u64) -> Result<u64> {
    let mut bytes = [0; EXCEPTION];
    bytes[..8].copy_from_slice(&payload.to_le_bytes());
    bytes[8..].copy_from_slice(&label.to_le_bytes());
    space.append(&bytes)
}

fn read_exception(source: &dyn Source, offset: u64) -> Result<(u64, u64)> {
    let bytes = source.bytes(offset, EXCEPTION).and_then(|bytes| bytes.as_chunks::<8>().0.first_chunk::<2>());
    let [payload, label] = bytes.ok_or_else(|| damaged("an exception of an order lies outside"))?;
    Ok((u64::from_le_bytes(*payload), u64::from_le_bytes(*label)))
}

fn natural(payload: u64) -> Result<u64> {
    if payload >> (63 - SPACING) > 0 {
        return Err(damaged("a payload is too large for an order"));
    }
    Ok(ORIGIN | payload << SPACING)
}

fn damaged(what: &'static str) -> Error {
    Error::Damaged { what }
}

#[cfg(test)]
mod tests {
    use cms_testkit::Random;

    use super::*;
    use crate::space::memory::Memory;

    fn check(space: &Memory, order: &Order, model: &[u64]) {
        assert_eq!(order.iter(space).collect::<Result<Vec<_>>>().unwrap(), model);
        for (position, payload) in model.iter().enumerate() {
            assert_eq!(order.position(space, *payload).unwrap(), Some(position as u64));
        }
        let mut live = space.live.clone();
        order.places(space, &mut |offset, size| assert_eq!(live.remove(&offset), Some(size))).unwrap();
        assert_eq!(live, Default::default(), "leaked");
        assert_eq!(Order::decode(&order.encode()), *order);
    }

    #[test]
    fn follows_a_model() {
        let mut random = Random::for_test("order follows a model");
        for round in 0..12 {
            let mut space = Memory::new();
            let mut next = 100;
            let mut model: Vec<u64> = (0..random.below(300)).map(|index| 10 + index * 3 / 2).collect();
            model.dedup();
            if round % 3 == 0 {
                model.reverse();
            }
            next += model.len() as u64 * 2;
            let mut order = Order::build(&mut space, &model).unwrap();
            check(&space, &order, &model);
            // One spot for all, the ends, or anywhere.
            let spot = round % 4;
            for step in 0..400 {
                let len = model.len() as u64;
                let place = |random: &mut Random, len: u64| match spot {
                    0 => (len / 2).min(7),
                    1 => 0,
                    2 => len,
                    _ => random.below(len + 1),
                };
                match random.below(4) {
                    0 | 1 => {
                        next += 1 + random.below(30);
                        let at = place(&mut random, len);
                        order = order.insert(&mut space, at, next).unwrap();
                        model.insert(at as usize, next);
                    }
                    2 if len > 0 => {
                        let payload = model.remove(random.below(len) as usize);
                        let to = place(&mut random, len - 1);
                        order = order.shift(&mut space, payload, to).unwrap();
                        model.insert(to as usize, payload);
                    }
                    _ if len > 0 => {
                        let at = random.below(len) as usize;
                        let (changed, position) = order.remove(&mut space, model.remove(at)).unwrap();
                        assert_eq!(position, at as u64);
                        order = changed;
                    }
                    _ => {}
                }
                if step % 50 == 0 {
                    check(&space, &order, &model);
                }
            }
            check(&space, &order, &model);
            assert_eq!(order.position(&space, 1).unwrap(), None);
            order.release(&mut space).unwrap();
            assert!(space.live.is_empty());
        }
    }

    #[test]
    fn moving_costs_the_logarithm_wherever_it_goes() {
        for place in [0, 1, 5_000, 9_999] {
            let mut space = Memory::new();
            let payloads: Vec<u64> = (0..10_000).map(|index| 1_000 + index * 40).collect();
            let mut order = Order::build(&mut space, &payloads).unwrap();
            let before = space.bytes.len();
            let mut random = Random::new(place);
            for _ in 0..2_000 {
                order = order.shift(&mut space, payloads[random.below(10_000) as usize], place).unwrap();
            }
            let bytes = (space.bytes.len() - before) / 2_000;
            assert!(bytes < 12_000, "{bytes} bytes were written for each move to {place}");
            let live: usize = space.live.values().sum();
            eprintln!("to {place}: {bytes} bytes a move, {live} in use");
        }
    }

    #[test]
    fn a_fresh_order_takes_few_bytes() {
        let mut space = Memory::new();
        let payloads: Vec<u64> = (0..100_000).map(|index| 1_000 + index * 40).collect();
        Order::build(&mut space, &payloads).unwrap();
        let bytes: usize = space.live.values().sum();
        assert!(bytes < 250_000, "{bytes}");
    }
}

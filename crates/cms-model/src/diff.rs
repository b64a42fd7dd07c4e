//! The changes that lead from one state of a package to another.

use rapidhash::fast::RandomState;

use crate::edit::{changed_runs, increasing};
use crate::{Change, ChangeKind, Name, Package, Section, SectionId, TypeName, Value};

type Places = hashbrown::HashMap<SectionId, (usize, usize), RandomState>;

/// Lists that differ in more items than this are set as a whole.
const ITEM_LIMIT: usize = 64;

impl Package {
    /// Returns changes that lead from `old` to `new`, sections being the same that have the same id.
    ///
    /// Applied to `old` in order, they give `new` in meaning; comments and layout are not theirs. As
    /// few sections as possible move. Blocks that the two packages share cost nothing.
    pub fn diff(old: &Package, new: &Package) -> Vec<Change> {
        let mut diff = Diff { old, new, work: old.clone(), changes: Vec::new() };
        let runs = changed_runs(old, new);
        let (mut before, mut after) = (Places::default(), Places::default());
        let mut orders: Vec<Vec<SectionId>> = Vec::new();
        let mut touched: Vec<SectionId> = Vec::new();
        for (run, (old_run, new_run)) in runs.iter().enumerate() {
            place(old, old_run.clone(), run, &mut before);
            orders.push(place(new, new_run.clone(), run, &mut after));
            for slot in old_run.clone() {
                touched.extend(old.block(slot).entries.iter().map(|entry| entry.id));
            }
            for slot in new_run.clone() {
                touched.extend(new.block(slot).entries.iter().map(|entry| entry.id));
            }
        }
        let mut seen = hashbrown::HashSet::<SectionId, RandomState>::default();
        touched.retain(|id| seen.insert(*id));
        diff.deletions(&touched);
        diff.names_and_types(&touched);
        diff.places(&orders, &before, &after);
        for id in touched {
            if let (Some(old), Some(new)) = (old.section(id), new.section(id))
                && old.text() != new.text()
            {
                options(old, new, &mut diff.changes);
            }
        }
        diff.changes
    }
}

struct Diff<'a> {
    old: &'a Package,
    new: &'a Package,
    /// The old package as it becomes the new one, so far as sections go.
    work: Package,
    changes: Vec<Change>,
}

impl Diff<'_> {
    /// Carries a change out and notes it; says whether that was possible.
    fn make(&mut self, id: SectionId, kind: ChangeKind) -> bool {
        match self.work.apply(&Change::new(id, kind)) {
            Ok(change) => {
                // Sections that stand in other blocks than before need not have another place.
                if !matches!(&change.kind, ChangeKind::Move { old_after, new_after } if old_after == new_after)
                {
                    self.changes.push(change);
                }
                true
            }
            Err(_) => false,
        }
    }

    fn deletions(&mut self, touched: &[SectionId]) {
        for id in touched {
            if let Some(section) = self.old.section(*id)
                && self.new.section(*id).is_none()
                && let Ok(kind) = TypeName::new(section.kind())
            {
                self.make(*id, ChangeKind::Delete { kind, name: None, after: None, options: Vec::new() });
            }
        }
    }

    fn names_and_types(&mut self, touched: &[SectionId]) {
        let name_of = |section: &Section<'_>| section.name().and_then(|name| Name::new(name).ok());
        let mut renames: Vec<(SectionId, Option<Name>, Option<Name>)> = Vec::new();
        for id in touched {
            let (Some(old), Some(new)) = (self.old.section(*id), self.new.section(*id)) else { continue };
            if old.name() != new.name() {
                renames.push((*id, name_of(&old), name_of(&new)));
            }
            if old.kind() != new.kind()
                && let (Ok(old), Ok(new)) = (TypeName::new(old.kind()), TypeName::new(new.kind()))
            {
                self.make(*id, ChangeKind::Retype { old, new });
            }
        }
        // A name may be taken until its owner has been renamed; where names are swapped round, one
        // section goes without for a while.
        for _ in 0..2 {
            renames.retain(|(id, old, new)| {
                !self.make(*id, ChangeKind::Rename { old: old.clone(), new: new.clone() })
            });
        }
        for (id, old, _) in &renames {
            self.make(*id, ChangeKind::Rename { old: old.clone(), new: None });
        }
        for (id, _, new) in renames {
            self.make(id, ChangeKind::Rename { old: None, new });
        }
    }

    fn places(&mut self, orders: &[Vec<SectionId>], before: &Places, after: &Places) {
        let is_new = |id: &SectionId| !before.contains_key(id);
        let mut appended = hashbrown::HashSet::<SectionId, RandomState>::default();
        if let Some(order) = orders.last()
            && order.last().copied() == self.new.last_section()
        {
            appended.extend(order.iter().rev().take_while(|id| is_new(id)));
        }
        for (run, order) in orders.iter().enumerate() {
            let stays = |id: &&SectionId| before.get(*id).is_some_and(|(old_run, _)| *old_run == run);
            let candidates: Vec<SectionId> = order.iter().filter(stays).copied().collect();
            let keep = increasing(candidates.iter().map(|id| before[id].1));
            let kept: hashbrown::HashSet<SectionId, RandomState> =
                keep.into_iter().map(|index| candidates[index]).collect();
            let mut previous = order.first().and_then(|first| self.new.section_before(*first));
            for id in order {
                if is_new(id) && self.work.section(*id).is_none() {
                    self.add(*id, previous, appended.contains(id));
                } else if !kept.contains(id) {
                    self.make(*id, ChangeKind::Move { old_after: None, new_after: previous });
                }
                previous = Some(*id);
            }
        }
        debug_assert!(after.keys().all(|id| self.work.section(*id).is_some()));
    }

    fn add(&mut self, id: SectionId, after: Option<SectionId>, at_end: bool) {
        let Some(section) = self.new.section(id) else { return };
        let Ok(kind) = TypeName::new(section.kind()) else { return };
        let name = section.name().and_then(|name| Name::new(name).ok());
        self.make(id, ChangeKind::Add { kind, name, after, at_end, options: section.options() });
    }
}

/// Notes where the sections of a run begin, and returns them in order.
fn place(
    package: &Package,
    slots: std::ops::Range<usize>,
    run: usize,
    places: &mut Places,
) -> Vec<SectionId> {
    let entries = slots.flat_map(|slot| package.block(slot).entries.iter());
    let ids: Vec<SectionId> = entries.filter(|entry| !entry.reopen).map(|entry| entry.id).collect();
    places.extend(ids.iter().enumerate().map(|(position, id)| (*id, (run, position))));
    ids
}

/// The changes of the options of one section.
fn options(old: Section<'_>, new: Section<'_>, changes: &mut Vec<Change>) {
    let id = old.id();
    let (old, new) = (old.options(), new.options());
    let old_places: hashbrown::HashMap<&Name, usize, RandomState> =
        old.iter().enumerate().map(|(place, (name, _))| (name, place)).collect();
    let common: Vec<usize> = new.iter().filter_map(|(name, _)| old_places.get(name).copied()).collect();
    let mut stays = vec![false; old.len()];
    for index in increasing(common.iter().copied()) {
        stays[common[index]] = true;
    }
    let mut push = |kind| changes.push(Change::new(id, kind));
    // From the end, so that each position is the one it had at first.
    for (index, (option, value)) in old.iter().enumerate().rev().filter(|(index, _)| !stays[*index]) {
        push(ChangeKind::Unset { option: option.clone(), old: value.clone(), index: index as u32 });
    }
    let mut count = stays.iter().filter(|stays| **stays).count();
    for (place, (option, value)) in new.iter().enumerate() {
        match old_places.get(option).filter(|place| stays[**place]) {
            None => {
                let at = (place < count).then_some(place as u32);
                push(ChangeKind::Set { option: option.clone(), old: None, new: value.clone(), at });
                count += 1;
            }
            Some(old_place) => match (&old[*old_place].1, value) {
                (old, new) if old == new => {}
                (Value::List(old), Value::List(new)) if let Some(steps) = items(option, old, new) => {
                    steps.into_iter().for_each(&mut push);
                }
                (old, new) => {
                    let (old, new) = (Some(old.clone()), new.clone());
                    push(ChangeKind::Set { option: option.clone(), old, new, at: None });
                }
            },
        }
    }
}

/// The items that leave and join a list; none if that says more than both lists together.
fn items(option: &Name, old: &[Vec<u8>], new: &[Vec<u8>]) -> Option<Vec<ChangeKind>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    if old_middle.len().max(new_middle.len()) > ITEM_LIMIT {
        return None;
    }
    let common = longest_common(old_middle, new_middle);
    if head + tail + common.len() == 0 {
        return None;
    }
    let mut steps = Vec::new();
    for (index, item) in old_middle.iter().enumerate().rev() {
        if !common.iter().any(|(old, _)| *old == index) {
            let (option, index, item) = (option.clone(), (head + index) as u32, item.clone());
            steps.push(ChangeKind::RemoveItem { option, index, item, to_scalar: false, at: None });
        }
    }
    let mut count = head + tail + common.len();
    for (index, item) in new_middle.iter().enumerate() {
        if !common.iter().any(|(_, new)| *new == index) {
            let index = head + index;
            let at_end = index == count;
            let (option, index, item) = (option.clone(), index as u32, item.clone());
            steps.push(ChangeKind::InsertItem { option, index, at_end, item, was_scalar: false, at: None });
            count += 1;
        }
    }
    Some(steps)
}

/// A longest common subsequence, as pairs of positions.
fn longest_common(old: &[Vec<u8>], new: &[Vec<u8>]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut lengths = vec![0u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if old[i] == new[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

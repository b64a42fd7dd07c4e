//! Whether two changes, made without knowledge of each other, can both stand.
//!
//! `docs/conflicts.md` has the table of every pair; a test reads it from there.

use rapidhash::fast::RandomState;

use crate::{Change, ChangeKind, Name, SectionId};

type Map<K, V> = hashbrown::HashMap<K, V, RandomState>;

/// Says whether two changes of the same state exclude each other.
///
/// If not, they can be applied in either order, and nothing that one of them says is lost.
///
/// ```
/// use cms_model::{Change, ChangeKind, Name, SectionId, Value, conflicts};
///
/// let set = |option: &str, value: &str| {
///     let option = Name::new(option).unwrap();
///     let kind = ChangeKind::Set { option, old: None, new: Value::scalar(value), at: None };
///     Change::new(SectionId(1), kind)
/// };
/// assert!(conflicts(&set("mtu", "1400"), &set("mtu", "1500")));
/// assert!(!conflicts(&set("mtu", "1400"), &set("mtu", "1400")));
/// assert!(!conflicts(&set("mtu", "1400"), &set("proto", "dhcp")));
/// ```
pub fn conflicts(mine: &Change, theirs: &Change) -> bool {
    use ChangeKind::{Add, Delete, InsertItem, Move, RemoveItem, Rename, Retype, Set};
    if mine.section != theirs.section {
        return claimed_name(mine).is_some() && claimed_name(mine) == claimed_name(theirs);
    }
    match (&mine.kind, &theirs.kind) {
        (Add { .. } | Delete { .. }, _) | (_, Add { .. } | Delete { .. }) => true,
        (Rename { new: mine, .. }, Rename { new: theirs, .. }) => mine != theirs,
        (Retype { new: mine, .. }, Retype { new: theirs, .. }) => mine != theirs,
        (Move { new_after: mine, .. }, Move { new_after: theirs, .. }) => mine != theirs,
        (mine, theirs) if !share_option(mine, theirs) => false,
        (Set { new: mine, .. }, Set { new: theirs, .. }) => mine != theirs,
        (RemoveItem { item: mine, .. }, RemoveItem { item: theirs, .. }) => mine == theirs,
        (InsertItem { .. } | RemoveItem { .. }, InsertItem { .. } | RemoveItem { .. }) => false,
        _ => true,
    }
}

/// The name that a change gives to a section.
fn claimed_name(change: &Change) -> Option<&Name> {
    match &change.kind {
        ChangeKind::Add { name, .. } => name.as_ref(),
        ChangeKind::Rename { new, .. } => new.as_ref(),
        _ => None,
    }
}

/// The options that a change is about: none, one, or the two names of a renamed one.
fn options_of(kind: &ChangeKind) -> [Option<&Name>; 2] {
    match kind {
        ChangeKind::Set { option, .. }
        | ChangeKind::Unset { option, .. }
        | ChangeKind::InsertItem { option, .. }
        | ChangeKind::RemoveItem { option, .. } => [Some(option), None],
        ChangeKind::RenameOption { old, new } => [Some(old), Some(new)],
        _ => [None, None],
    }
}

fn share_option(mine: &ChangeKind, theirs: &ChangeKind) -> bool {
    let theirs = options_of(theirs);
    options_of(mine).into_iter().flatten().any(|option| theirs.contains(&Some(option)))
}

/// What many changes by others have touched, so that each of one's own is compared with all of them
/// at once.
#[derive(Debug, Clone, Default)]
pub struct Footprint<'a> {
    sections: Map<SectionId, SectionPrint<'a>>,
    /// The sections that a name was given to, with the change that did.
    names: Map<&'a Name, Pair<'a>>,
}

/// The first of some changes, and the first that says something else than that one.
#[derive(Debug, Clone, Copy, Default)]
struct Pair<'a> {
    first: Option<&'a Change>,
    other: Option<&'a Change>,
}

impl<'a> Pair<'a> {
    fn note(&mut self, change: &'a Change, differs: impl Fn(&Change, &Change) -> bool) {
        match self.first {
            None => self.first = Some(change),
            Some(first) if self.other.is_none() && differs(first, change) => self.other = Some(change),
            Some(_) => {}
        }
    }

    fn find(&self, hit: impl Fn(&Change) -> bool) -> Option<&'a Change> {
        self.first.filter(|change| hit(change)).or(self.other.filter(|change| hit(change)))
    }
}

#[derive(Debug, Clone, Default)]
struct SectionPrint<'a> {
    any: Option<&'a Change>,
    whole: Option<&'a Change>,
    renamed: Pair<'a>,
    retyped: Pair<'a>,
    moved: Pair<'a>,
    options: Map<&'a Name, OptionPrint<'a>>,
}

#[derive(Debug, Clone, Default)]
struct OptionPrint<'a> {
    any: Option<&'a Change>,
    set: Pair<'a>,
    /// Neither set nor about an item.
    other: Option<&'a Change>,
    inserted: Option<&'a Change>,
    removed: Map<&'a [u8], &'a Change>,
}

impl<'a> Footprint<'a> {
    /// Takes note of changes.
    pub fn new(theirs: impl IntoIterator<Item = &'a Change>) -> Footprint<'a> {
        let mut footprint = Footprint::default();
        for change in theirs {
            footprint.add(change);
        }
        footprint
    }

    /// Takes note of one more change.
    pub fn add(&mut self, change: &'a Change) {
        if let Some(name) = claimed_name(change) {
            self.names.entry(name).or_default().note(change, |first, next| first.section != next.section);
        }
        let section = self.sections.entry(change.section).or_default();
        section.any.get_or_insert(change);
        let pair = match &change.kind {
            ChangeKind::Add { .. } | ChangeKind::Delete { .. } => {
                section.whole.get_or_insert(change);
                return;
            }
            ChangeKind::Rename { .. } => &mut section.renamed,
            ChangeKind::Retype { .. } => &mut section.retyped,
            ChangeKind::Move { .. } => &mut section.moved,
            kind => {
                for option in options_of(kind).into_iter().flatten() {
                    section.options.entry(option).or_default().add(change);
                }
                return;
            }
        };
        pair.note(change, conflicts);
    }

    /// Returns a change that conflicts with `mine`, if there is one.
    pub fn conflict_with(&self, mine: &Change) -> Option<&'a Change> {
        let hit = |theirs: &Change| conflicts(mine, theirs);
        if let Some(name) = claimed_name(mine)
            && let Some(theirs) = self.names.get(name).and_then(|pair| pair.find(hit))
        {
            return Some(theirs);
        }
        let section = self.sections.get(&mine.section)?;
        if section.whole.is_some() {
            return section.whole;
        }
        match &mine.kind {
            ChangeKind::Add { .. } | ChangeKind::Delete { .. } => section.any,
            ChangeKind::Rename { .. } => section.renamed.find(hit),
            ChangeKind::Retype { .. } => section.retyped.find(hit),
            ChangeKind::Move { .. } => section.moved.find(hit),
            kind => {
                let options = options_of(kind).into_iter().flatten();
                options
                    .filter_map(|option| section.options.get(option))
                    .find_map(|print| print.conflict_with(mine))
            }
        }
    }
}

impl<'a> OptionPrint<'a> {
    fn add(&mut self, change: &'a Change) {
        self.any.get_or_insert(change);
        match &change.kind {
            ChangeKind::Set { .. } => self.set.note(change, conflicts),
            ChangeKind::InsertItem { .. } => {
                self.inserted.get_or_insert(change);
            }
            ChangeKind::RemoveItem { item, .. } => {
                self.removed.entry(item).or_insert(change);
            }
            _ => {
                self.other.get_or_insert(change);
            }
        }
    }

    fn conflict_with(&self, mine: &Change) -> Option<&'a Change> {
        let removed = || self.removed.values().next().copied();
        match &mine.kind {
            ChangeKind::Set { .. } => {
                let set = self.set.find(|theirs| conflicts(mine, theirs));
                set.or(self.other).or(self.inserted).or_else(removed)
            }
            ChangeKind::InsertItem { .. } => self.other.or(self.set.first),
            ChangeKind::RemoveItem { item, .. } => {
                self.other.or(self.set.first).or_else(|| self.removed.get(&item[..]).copied())
            }
            _ => self.any,
        }
    }
}

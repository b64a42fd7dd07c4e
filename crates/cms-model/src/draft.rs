//! The working copy of a package, with the verbs of `uci`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::{
    ApplyError, Change, ChangeKind, IdSource, Name, Package, SectionId, Selector, TypeName, Value,
    generated_name, parse_generated,
};

/// A package being changed: what it was, what it is now, and the changes between the two.
///
/// ```
/// use cms_model::{Draft, Name, Package, Selector, Value};
///
/// let base = Package::parse(b"config interface 'lan'\n\toption mtu '1500'\n").unwrap();
/// let mut draft = Draft::new(base, 1);
/// let lan = Selector::Named(Name::new("lan")?);
/// draft.set_option(&lan, &Name::new("mtu")?, Value::scalar("1400"))?;
/// assert_eq!(draft.changes().len(), 1);
/// assert_eq!(draft.package().text(), b"config interface 'lan'\n\toption mtu '1400'\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Draft {
    base: Arc<Package>,
    /// The package as it is now, put together when somebody looks at it. Until then every change gives another string to an option
    /// that has one: whoever commits carries them out on the newest state, and nobody needs them carried out here.
    now: OnceLock<Package>,
    ids: IdSource,
    changes: Vec<Change>,
    names: SessionNames,
    emptied: Vec<Emptied>,
}

/// The generated names that hold while a draft does: those of the base, then one for each section
/// created since.
#[derive(Debug, Clone, Default)]
struct SessionNames {
    created: Vec<(SectionId, Name)>,
    by_id: HashMap<SectionId, Name>,
    by_name: HashMap<Name, SectionId>,
}

/// As many changes are left to be carried out later at most, and with values of at most so many bytes.
const LEFT: usize = 16;
const LEFT_BYTES: usize = 4096;

/// In a package of at most so many bytes, where nothing can become too large by them.
const LEFT_IN: u64 = 1 << 30;

/// A list without items: no text can hold it, but until the commit it is there.
#[derive(Debug, Clone)]
struct Emptied {
    section: SectionId,
    option: Name,
    at: u32,
}

/// What a verb did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether anything is different now.
    pub changed: bool,
}

impl Outcome {
    const NOTHING: Outcome = Outcome { changed: false };
    const CHANGED: Outcome = Outcome { changed: true };
}

/// Why a verb could not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DraftError {
    /// There is no such section.
    NoSection {
        /// What was asked for.
        section: Selector,
    },
    /// The section has no such option.
    NoOption {
        /// The section.
        section: Selector,
        /// What was asked for.
        option: Name,
    },
    /// The change is not possible.
    Invalid(ApplyError),
}

impl DraftError {
    /// Says whether something that was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            DraftError::NoSection { .. }
                | DraftError::NoOption { .. }
                | DraftError::Invalid(
                    ApplyError::NoSection(_) | ApplyError::NoOption(_) | ApplyError::NoItem(_)
                )
        )
    }
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DraftError::NoSection { section } => write!(f, "there is no section `{section}`"),
            DraftError::NoOption { section, option } => {
                write!(f, "section `{section}` has no option `{option}`")
            }
            DraftError::Invalid(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DraftError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DraftError::Invalid(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ApplyError> for DraftError {
    fn from(error: ApplyError) -> DraftError {
        DraftError::Invalid(error)
    }
}

/// A state of a draft that it can go back to.
#[derive(Debug, Clone)]
pub struct Savepoint {
    now: OnceLock<Package>,
    changes: usize,
    names: SessionNames,
    emptied: Vec<Emptied>,
}

/// The outcome of a verb, or why it had none.
pub type DraftResult = Result<Outcome, DraftError>;

impl Draft {
    /// Begins to change `base`. Ids for new sections are drawn from `seed`, which must differ from one
    /// draft to the next.
    pub fn new(base: Package, seed: u64) -> Draft {
        Draft::on(Arc::new(base), IdSource::new(seed))
    }

    /// Begins to change a package that others read. Ids for new sections are drawn from `ids`, which must not give those of another
    /// draft.
    pub fn on(base: Arc<Package>, ids: IdSource) -> Draft {
        Draft {
            base,
            now: OnceLock::new(),
            ids,
            changes: Vec::new(),
            names: SessionNames::default(),
            emptied: Vec::new(),
        }
    }

    /// Takes a change that was made elsewhere as one of this draft: `now` is what `changes`, each as it took effect, made of `base`.
    pub fn from_parts(base: Package, now: Package, changes: Vec<Change>, seed: u64) -> Draft {
        let mut draft = Draft { now: OnceLock::from(now), ..Draft::new(base, seed) };
        for change in &changes {
            draft.name_created(change);
        }
        draft.changes = changes;
        draft
    }

    /// Returns the package as it is now.
    pub fn package(&self) -> &Package {
        self.now.get_or_init(|| self.put_together())
    }

    /// Returns the package as it is now if it was put together already: whoever carries the changes out himself needs it no more.
    pub fn made(&self) -> Option<&Package> {
        self.now.get()
    }

    fn put_together(&self) -> Package {
        let mut now = Package::clone(&self.base);
        for change in &self.changes {
            // That it can be was looked at when it was made.
            let carried_out = now.apply(change);
            debug_assert_eq!(carried_out.as_ref(), Ok(change));
        }
        now
    }

    /// The package as far as what was left to be carried out does not matter: sections, their names and types, which options they have.
    fn outline(&self) -> &Package {
        self.now.get().unwrap_or(&self.base)
    }

    /// Returns the package as it was.
    pub fn base(&self) -> &Package {
        &self.base
    }

    /// Returns what was changed, in order, each change as it took effect.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the base, the package as it is now if it was put together, and the changes.
    pub fn into_parts(self) -> (Arc<Package>, Option<Package>, Vec<Change>) {
        (self.base, self.now.into_inner(), self.changes)
    }

    /// Finds a section: by its name, by the generated name that it has in this draft, or by position.
    pub fn resolve(&self, selector: &Selector) -> Option<SectionId> {
        let name = match selector {
            Selector::Nth { kind, index } => {
                return self.outline().nth(kind.as_deref(), *index).map(|section| section.id());
            }
            Selector::Named(name) => name,
        };
        if let Some(section) = self.outline().find(name) {
            return Some(section.id());
        }
        let anonymous =
            |id: &SectionId| self.outline().section(*id).is_some_and(|section| section.is_anonymous());
        if let Some(id) = self.names.by_name.get(name).copied() {
            return Some(id).filter(anonymous);
        }
        let (ordinal, _) = parse_generated(name)?;
        let index = ordinal.checked_sub(1)?;
        if let Some(created) = index.checked_sub(self.base.len()) {
            let (id, known) = self.names.created.get(created)?;
            return (known == name).then_some(*id).filter(anonymous);
        }
        let section = self.base.nth(None, i64::try_from(index).ok()?)?;
        let matches = section.is_anonymous() && generated_name(ordinal, section.kind().as_bytes()) == *name;
        matches.then(|| section.id()).filter(anonymous)
    }

    /// Returns the name that a section goes by in this draft: its own, or the generated one, which
    /// does not change while the draft lasts.
    pub fn display_name(&self, id: SectionId) -> Option<Name> {
        let section = self.outline().section(id)?;
        if let Some(name) = section.name() {
            return Name::new(name).ok();
        }
        if let Some(name) = self.names.by_id.get(&id) {
            return Some(name.clone());
        }
        let position = self.base.position(id)?;
        let kind = self.base.section(id).map_or(section.kind(), |section| section.kind());
        Some(generated_name(position + 1, kind.as_bytes()))
    }

    /// Gives a section a name that holds in this draft alone, as a staged change has noted it.
    pub fn pin(&mut self, id: SectionId, name: &Name) {
        self.names.by_id.insert(id, name.clone());
        self.names.by_name.insert(name.clone(), id);
    }

    /// Returns the value of an option; without an option, the type of the section.
    pub fn get(&self, section: &Selector, option: Option<&Name>) -> Option<Value> {
        let id = self.resolve(section)?;
        match option {
            None => self.outline().section(id).map(|section| Value::scalar(section.kind())),
            Some(option) => self.value(id, option),
        }
    }

    /// Returns the options of a section, lists that have been emptied among them.
    pub fn options(&self, id: SectionId) -> Vec<(Name, Value)> {
        let mut options = self.package().section(id).map(|section| section.options()).unwrap_or_default();
        for emptied in self.emptied.iter().filter(|emptied| emptied.section == id) {
            let at = options.len().min(emptied.at as usize);
            options.insert(at, (emptied.option.clone(), Value::List(Vec::new())));
        }
        options
    }

    /// Sets an option. An empty value deletes it; a string takes the place of a list.
    ///
    /// # Errors
    /// If there is no such section, or text cannot express the value.
    pub fn set_option(&mut self, section: &Selector, option: &Name, value: Value) -> DraftResult {
        let id = self.find(section)?;
        let is_empty = match &value {
            Value::Scalar(bytes) => bytes.is_empty(),
            Value::List(items) => items.is_empty(),
        };
        match self.value(id, option) {
            None if is_empty => Ok(Outcome::NOTHING),
            Some(_) if is_empty => self.delete_option(section, option),
            Some(old) if old == value => Ok(Outcome::NOTHING),
            Some(old) if self.can_be_left(&old, &value) => {
                let kind = ChangeKind::Set { option: option.clone(), old: Some(old), new: value, at: None };
                self.changes.push(Change::new(id, kind));
                Ok(Outcome::CHANGED)
            }
            _ => {
                let at = self.forget_emptied(id, option);
                let kind = ChangeKind::Set { option: option.clone(), old: None, new: value, at };
                self.make(id, kind)
            }
        }
    }

    /// Sets the type of a section; creates the section if it is given by a name that does not exist.
    ///
    /// # Errors
    /// If there is no such section and it is not given by name.
    pub fn set_type(&mut self, section: &Selector, kind: &TypeName) -> DraftResult {
        let Some(id) = self.resolve(section) else {
            let Selector::Named(name) = section else { return Err(self.no_section(section)) };
            self.create(kind, Some(name.clone()))?;
            return Ok(Outcome::CHANGED);
        };
        match self.outline().section(id) {
            Some(section) if section.kind() == kind.as_str() => Ok(Outcome::NOTHING),
            _ => self.make(id, ChangeKind::Retype { old: kind.clone(), new: kind.clone() }),
        }
    }

    /// Appends an anonymous section.
    ///
    /// # Errors
    /// If the package would grow beyond what can be held.
    pub fn add(&mut self, kind: &TypeName) -> Result<SectionId, DraftError> {
        self.create(kind, None)
    }

    /// Appends a section, named or not, with its options.
    ///
    /// # Errors
    /// If the name is taken, or text cannot express a value.
    pub fn add_section(
        &mut self,
        kind: &TypeName,
        name: Option<Name>,
        options: Vec<(Name, Value)>,
    ) -> Result<SectionId, DraftError> {
        let id = self.fresh_id();
        let kind = ChangeKind::Add { kind: kind.clone(), name, after: None, at_end: true, options };
        self.make(id, kind)?;
        Ok(id)
    }

    /// Appends an item to a list; a string becomes a list, nothing becomes one too.
    ///
    /// # Errors
    /// If there is no such section, or text cannot express the item.
    pub fn add_list(&mut self, section: &Selector, option: &Name, item: &[u8]) -> DraftResult {
        let id = self.find(section)?;
        let at = self.forget_emptied(id, option);
        let (option, item) = (option.clone(), item.to_vec());
        self.make(id, ChangeKind::InsertItem { option, index: 0, at_end: true, item, was_scalar: false, at })
    }

    /// Removes every equal item from a list. Nothing happens if there is none or it is no list.
    ///
    /// # Errors
    /// If there is no such section.
    pub fn del_list(&mut self, section: &Selector, option: &Name, item: &[u8]) -> DraftResult {
        let id = self.find(section)?;
        let Some(Value::List(items)) = self.value(id, option) else { return Ok(Outcome::NOTHING) };
        let mut outcome = Outcome::NOTHING;
        for index in (0..items.len()).rev().filter(|index| items[*index] == item) {
            outcome = self.remove_item(id, option, index, item)?;
        }
        Ok(outcome)
    }

    /// Removes the item of a list at a position. Nothing happens if there is none.
    ///
    /// # Errors
    /// If there is no such section or option.
    pub fn delete_item(&mut self, section: &Selector, option: &Name, index: i64) -> DraftResult {
        let id = self.find(section)?;
        let value = self.value(id, option).ok_or_else(|| self.no_option(section, option))?;
        let Value::List(items) = value else { return Ok(Outcome::NOTHING) };
        match usize::try_from(index).ok().and_then(|index| Some((index, items.get(index)?))) {
            Some((index, item)) => self.remove_item(id, option, index, item),
            None => Ok(Outcome::NOTHING),
        }
    }

    /// Deletes a section with all its options.
    ///
    /// # Errors
    /// If there is no such section.
    pub fn delete_section(&mut self, section: &Selector) -> DraftResult {
        let id = self.find(section)?;
        self.delete(id)
    }

    /// Deletes the section with an id.
    ///
    /// # Errors
    /// If there is no such section.
    pub fn delete(&mut self, id: SectionId) -> DraftResult {
        let section = self.outline().section(id).ok_or(ApplyError::NoSection(id))?;
        let kind = TypeName::new(section.kind()).map_err(|_| ApplyError::NoSection(id))?;
        self.emptied.retain(|emptied| emptied.section != id);
        // What it was is read from the package when the change is made.
        self.make(id, ChangeKind::Delete { kind, name: None, after: None, options: Vec::new() })
    }

    /// Deletes an option.
    ///
    /// # Errors
    /// If there is no such section or option.
    pub fn delete_option(&mut self, section: &Selector, option: &Name) -> DraftResult {
        let id = self.find(section)?;
        if self.forget_emptied(id, option).is_some() {
            return Ok(Outcome::CHANGED);
        }
        let old = self.value(id, option).ok_or_else(|| self.no_option(section, option))?;
        self.make(id, ChangeKind::Unset { option: option.clone(), old, index: 0 })
    }

    /// Gives a section another name; an anonymous one gets its first.
    ///
    /// # Errors
    /// If there is no such section, or another one has the name.
    pub fn rename_section(&mut self, section: &Selector, name: &Name) -> DraftResult {
        let id = self.find(section)?;
        if self.outline().section(id).and_then(|section| section.name()) == Some(name.as_str()) {
            return Ok(Outcome::NOTHING);
        }
        self.make(id, ChangeKind::Rename { old: None, new: Some(name.clone()) })
    }

    /// Gives an option another name.
    ///
    /// # Errors
    /// If there is no such section or option, or the section has one of the new name.
    pub fn rename_option(&mut self, section: &Selector, option: &Name, name: &Name) -> DraftResult {
        let id = self.find(section)?;
        if self.value(id, option).is_none() {
            return Err(self.no_option(section, option));
        }
        if option == name {
            return Ok(Outcome::NOTHING);
        }
        let is_taken = self.outline().section(id).and_then(|section| section.get(name)).is_some();
        if is_taken {
            return Err(DraftError::Invalid(ApplyError::OptionTaken(name.clone())));
        }
        // A list without items is no option of the package: another one may take its name.
        self.forget_emptied(id, name);
        if let Some(emptied) =
            self.emptied.iter_mut().find(|known| known.section == id && known.option == *option)
        {
            emptied.option = name.clone();
            return Ok(Outcome::CHANGED);
        }
        self.make(id, ChangeKind::RenameOption { old: option.clone(), new: name.clone() })
    }

    /// Takes a section out and puts it in at a position among the others: past the end means last,
    /// negative means first.
    ///
    /// # Errors
    /// If there is no such section.
    pub fn reorder(&mut self, section: &Selector, position: i64) -> DraftResult {
        let id = self.find(section)?;
        let old = self.outline().position(id).unwrap_or_default();
        let new = usize::try_from(position).unwrap_or(0).min(self.outline().len().saturating_sub(1));
        if old == new {
            return Ok(Outcome::NOTHING);
        }
        // Behind the section that is before the new place once this one is out.
        let before = if new > old { Some(new) } else { new.checked_sub(1) };
        let before = before.and_then(|index| self.outline().nth(None, index as i64));
        let new_after = before.map(|section| section.id());
        self.make(id, ChangeKind::Move { old_after: None, new_after })
    }

    /// Applies a change that was made elsewhere or earlier, and returns it as it took effect.
    ///
    /// # Errors
    /// If it cannot be applied; the draft is then unchanged.
    pub fn replay(&mut self, change: &Change) -> Result<Change, ApplyError> {
        let mut now = self.now.take().unwrap_or_else(|| self.put_together());
        let applied = now.apply(change);
        self.now = OnceLock::from(now);
        let effective = applied?;
        self.name_created(&effective);
        self.changes.push(effective.clone());
        Ok(effective)
    }

    /// Gives a section that a change made its generated name.
    fn name_created(&mut self, change: &Change) {
        if let ChangeKind::Add { kind, .. } = &change.kind {
            let name = generated_name(self.base.len() + self.names.created.len() + 1, kind.as_bytes());
            self.names.created.push((change.section, name.clone()));
            self.names.by_id.entry(change.section).or_insert(name);
        }
    }

    /// Takes note of the present state.
    pub fn savepoint(&self) -> Savepoint {
        let Draft { now, changes, names, emptied, .. } = self;
        Savepoint { now: now.clone(), changes: changes.len(), names: names.clone(), emptied: emptied.clone() }
    }

    /// Goes back to a state noted before, in this draft.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let Savepoint { now, changes, names, emptied } = savepoint;
        self.now = now;
        self.changes.truncate(changes);
        self.names = names;
        self.emptied = emptied;
    }

    fn find(&self, section: &Selector) -> Result<SectionId, DraftError> {
        self.resolve(section).ok_or_else(|| self.no_section(section))
    }

    fn no_section(&self, section: &Selector) -> DraftError {
        DraftError::NoSection { section: section.clone() }
    }

    fn no_option(&self, section: &Selector, option: &Name) -> DraftError {
        DraftError::NoOption { section: section.clone(), option: option.clone() }
    }

    fn value(&self, id: SectionId, option: &Name) -> Option<Value> {
        if self.emptied.iter().any(|emptied| emptied.section == id && emptied.option == *option) {
            return Some(Value::List(Vec::new()));
        }
        if self.now.get().is_none() {
            let left = self.changes.iter().rev().find_map(|change| match &change.kind {
                ChangeKind::Set { option: known, new, .. } if change.section == id && known == option => {
                    Some(new)
                }
                _ => None,
            });
            if let Some(left) = left {
                return Some(left.clone());
            }
        }
        self.outline().section(id)?.get(option)
    }

    /// Tells whether giving an option another value is certain to be possible, and so need not be done before somebody looks.
    fn can_be_left(&self, old: &Value, new: &Value) -> bool {
        let is_plain = |bytes: &[u8]| bytes.len() <= LEFT_BYTES && !bytes.contains(&0);
        matches!((old, new), (Value::Scalar(_), Value::Scalar(new)) if is_plain(new))
            && self.now.get().is_none()
            && self.changes.len() < LEFT
            && self.base.text_len() <= LEFT_IN
    }

    /// Forgets that a list is there without items, and returns the place it held.
    fn forget_emptied(&mut self, id: SectionId, option: &Name) -> Option<u32> {
        let found = self.emptied.iter().position(|known| known.section == id && known.option == *option)?;
        Some(self.emptied.remove(found).at)
    }

    fn remove_item(&mut self, id: SectionId, option: &Name, index: usize, item: &[u8]) -> DraftResult {
        let (index, item, option) = (index as u32, item.to_vec(), option.clone());
        let kind = ChangeKind::RemoveItem { option: option.clone(), index, item, to_scalar: false, at: None };
        let effective = self.replay(&Change::new(id, kind))?;
        if let ChangeKind::RemoveItem { at: Some(at), .. } = effective.kind {
            self.emptied.push(Emptied { section: id, option, at });
        }
        Ok(Outcome::CHANGED)
    }

    fn create(&mut self, kind: &TypeName, name: Option<Name>) -> Result<SectionId, DraftError> {
        self.add_section(kind, name, Vec::new())
    }

    fn fresh_id(&mut self) -> SectionId {
        loop {
            let id = self.ids.draw();
            if self.outline().section(id).is_none() && self.base.section(id).is_none() {
                return id;
            }
        }
    }

    fn make(&mut self, id: SectionId, kind: ChangeKind) -> DraftResult {
        self.replay(&Change::new(id, kind))?;
        Ok(Outcome::CHANGED)
    }
}

//! What happened, who did it, and what differs between two states.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Commit, CommitKind, EntryBody, Order, Revision};
use cms_model::{Change, ChangeKind, Draft, Key, Name, Package, PackageName, SectionId, Selector, Value};

use crate::describe::{ChangeAction, DisplayChange, label};
use crate::error::{Error, Result};
use crate::store::{Log, Store};

/// Which commits to list.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// Only what happened at this key: a package, a section or an option.
    pub key: Option<Key>,
    /// Only commits after this revision.
    pub since: Option<Revision>,
    /// Only commits up to this revision.
    pub until: Option<Revision>,
    /// At most so many, the newest first.
    pub limit: Option<usize>,
}

/// One commit of the history.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// The revision that it made.
    pub revision: Revision,
    /// When, in microseconds since 1970 by the writer's clock.
    pub time_us: i64,
    /// Who.
    pub author: String,
    /// With which program.
    pub tool: String,
    /// Why.
    pub message: String,
    /// What sort of commit.
    pub kind: CommitKind,
    /// What changed, of what was asked for.
    pub changes: Vec<DisplayChange>,
    /// What an edit by another program meant to change and did not, since it contradicted a commit.
    pub lost: Vec<DisplayChange>,
}

/// Who gave an option the value it has.
#[derive(Clone, Debug)]
pub struct BlameLine {
    /// The dotted key of a section or an option.
    pub key: String,
    /// The value; of a section, its type.
    pub value: Value,
    /// The commit, or `None` when it is older than what the log keeps.
    pub commit: Option<BlameCommit>,
}

/// The commit of a [`BlameLine`].
#[derive(Clone, Debug)]
pub struct BlameCommit {
    /// Its revision.
    pub revision: Revision,
    /// Who.
    pub author: String,
    /// When, in microseconds since 1970.
    pub time_us: i64,
    /// Why.
    pub message: String,
}

/// How a package differs between two states.
#[derive(Clone, Debug)]
pub struct PackageDiff {
    /// The package.
    pub package: PackageName,
    /// The differences in meaning; empty when only comments or spacing differ.
    pub changes: Vec<DisplayChange>,
    /// The package in the older state, if it was there.
    pub old: Option<Arc<Package>>,
    /// The package in the newer state, if it is there.
    pub new: Option<Arc<Package>>,
}

impl Store {
    /// Lists commits, the newest first.
    ///
    /// # Errors
    /// [`Error::NotOwner`] for those who may not read the log.
    pub fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryEntry>> {
        let log = self.log("read the history")?;
        let backend = &*log.backend;
        let until = match query.until {
            Some(until) => until.min(backend.head()?),
            None => backend.head()?,
        };
        let since = query.since.unwrap_or(Revision::EMPTY);
        let limit = query.limit.unwrap_or(usize::MAX);
        let mut wanted = Vec::new();
        backend.headers(since, until, Order::Descending, &mut |header| {
            if query.key.as_ref().is_none_or(|key| header.packages.contains(&key.package)) {
                wanted.push(header.revision);
            }
            // A key below the package may not be touched by each of these, so they are only candidates.
            let enough = wanted.len() >= limit && query.key.as_ref().is_none_or(|key| key.section.is_none());
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let head = log.newest()?;
        let mut names = Names::default();
        let mut filter = KeyFilter::new(query.key.as_ref());
        let mut entries = Vec::new();
        for revision in wanted {
            let Some(commit) = backend.commit(revision)? else { continue };
            let mut changes = Vec::new();
            for entry in &commit.packages {
                if !filter.takes_package(&entry.package) {
                    continue;
                }
                let current = head.package(backend, &entry.package)?;
                let current = current.as_deref();
                if let Some(current) = current {
                    filter.find(current);
                }
                match &entry.body {
                    EntryBody::Edit { changes: made, .. } => {
                        for change in made.iter().rev() {
                            names.look(change);
                            if filter.takes(change) {
                                changes.push(names.describe(&entry.package, change, current));
                            }
                            names.step_back(change);
                        }
                    }
                    EntryBody::Replace { new, .. } => {
                        changes.extend(self.whole_package(
                            log,
                            &commit,
                            &entry.package,
                            new.is_some(),
                            &filter,
                        )?);
                    }
                }
            }
            changes.reverse();
            let lost: Vec<DisplayChange> = commit
                .conflicts
                .iter()
                .filter(|(package, change)| filter.takes_package(package) && filter.takes(change))
                .map(|(package, change)| {
                    let current = head.package(backend, package).ok().flatten();
                    names.describe(package, change, current.as_deref())
                })
                .collect();
            let text_only = query.key.as_ref().is_none_or(|key| key.section.is_none());
            if changes.is_empty() && lost.is_empty() && !text_only {
                continue;
            }
            entries.push(HistoryEntry {
                revision,
                time_us: commit.time_us,
                author: commit.author,
                tool: commit.tool,
                message: commit.message,
                kind: commit.kind,
                changes,
                lost,
            });
            if entries.len() >= limit {
                break;
            }
        }
        Ok(entries)
    }

    /// What a commit that made or removed a whole package did to the key asked for.
    fn whole_package(
        &self,
        log: &Log,
        commit: &Commit,
        name: &PackageName,
        created: bool,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<DisplayChange>> {
        let Some(selector) = filter.key.and_then(|key| key.section.as_ref()) else {
            return Ok(vec![match created {
                true => DisplayChange::package_created(name),
                false => DisplayChange::package_deleted(name),
            }]);
        };
        let at = if created { commit.revision } else { Revision(commit.revision.0.saturating_sub(1)) };
        let head = crate::head::Head::load(&*log.backend, Some(at))?;
        let Some(package) = head.package(&*log.backend, name)? else { return Ok(Vec::new()) };
        let section = filter.ids.iter().find_map(|id| package.section(*id)).or_else(|| {
            let id = resolve(&package, selector)?;
            package.section(id)
        });
        let Some(section) = section else { return Ok(Vec::new()) };
        let key = format!("{name}.{}", label(&package, &section));
        let side = |value: Option<Value>| if created { (None, value) } else { (value, None) };
        let shown = match filter.key.and_then(|key| key.option.as_ref()) {
            None => {
                let action = if created { ChangeAction::AddSection } else { ChangeAction::DeleteSection };
                let (old, new) = side(Some(Value::scalar(section.kind().as_bytes())));
                Some(DisplayChange { action, key, old, new })
            }
            Some(option) => section.get(option).map(|value| {
                let action = if created { ChangeAction::Set } else { ChangeAction::Unset };
                let (old, new) = side(Some(value));
                DisplayChange { action, key: format!("{key}.{option}"), old, new }
            }),
        };
        Ok(shown.into_iter().collect())
    }

    /// Tells for each option at a key which commit gave it its value.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotOwner`].
    pub fn blame(&self, key: &Key) -> Result<Vec<BlameLine>> {
        let log = self.log("read the history")?;
        let backend = &*log.backend;
        self.snapshot_of(Some(std::slice::from_ref(&key.package)))?;
        let head = log.newest()?;
        let package = head.package(backend, &key.package)?.ok_or_else(|| Error::not_found(&key.package))?;
        let only = match &key.section {
            Some(selector) => Some(resolve(&package, selector).ok_or_else(|| Error::not_found(key))?),
            None => None,
        };
        let mut lines = Vec::new();
        let mut open: HashMap<(SectionId, Option<Name>), usize> = HashMap::new();
        let sections: Vec<_> = match only {
            Some(id) => package.section(id).into_iter().collect(),
            None => package.sections().collect(),
        };
        for section in sections {
            let name = format!("{}.{}", key.package, label(&package, &section));
            if key.option.is_none() {
                open.insert((section.id(), None), lines.len());
                let value = Value::scalar(section.kind().as_bytes());
                lines.push(BlameLine { key: name.clone(), value, commit: None });
            }
            for (option, value) in section.options() {
                if key.option.as_ref().is_none_or(|only| *only == option) {
                    let line = BlameLine { key: format!("{name}.{option}"), value, commit: None };
                    open.insert((section.id(), Some(option)), lines.len());
                    lines.push(line);
                }
            }
        }
        if lines.is_empty() {
            return Err(Error::not_found(key));
        }
        let mut touched = Vec::new();
        backend.headers(Revision::EMPTY, head.revision, Order::Descending, &mut |header| {
            if header.packages.contains(&key.package) {
                touched.push(header.revision);
            }
            ControlFlow::Continue(())
        })?;
        for revision in touched {
            if open.is_empty() {
                break;
            }
            let Some(commit) = backend.commit(revision)? else { continue };
            let by = BlameCommit {
                revision,
                author: commit.author.clone(),
                time_us: commit.time_us,
                message: commit.message.clone(),
            };
            for entry in commit.packages.iter().filter(|entry| entry.package == key.package) {
                match &entry.body {
                    EntryBody::Replace { .. } => {
                        for (_, index) in open.drain() {
                            if let Some(line) = lines.get_mut(index) {
                                line.commit = Some(by.clone());
                            }
                        }
                    }
                    EntryBody::Edit { changes, .. } => {
                        for change in changes.iter().rev() {
                            for settled in settled_by(change, &mut open) {
                                if let Some(line) = lines.get_mut(settled) {
                                    line.commit = Some(by.clone());
                                }
                            }
                        }
                    }
                }
            }
        }
        Ok(lines)
    }

    /// Compares two states, package by package.
    ///
    /// # Errors
    /// As [`snapshot_at`](Store::snapshot_at).
    pub fn diff(&self, old: Revision, new: Revision, key: Option<&Key>) -> Result<Vec<PackageDiff>> {
        let (old, new) = (self.snapshot_at(old)?, self.snapshot_at(new)?);
        let names: BTreeSet<&PackageName> = old.packages().chain(new.packages()).collect();
        let mut diffs = Vec::new();
        for name in names {
            if key.is_some_and(|key| key.package != *name) {
                continue;
            }
            let before = if old.contains(name) { Some(old.package(name)?) } else { None };
            let after = if new.contains(name) { Some(new.package(name)?) } else { None };
            let diff = PackageDiff::new(name.clone(), before, after, key);
            if !diff.is_empty() {
                diffs.push(diff);
            }
        }
        Ok(diffs)
    }
}

impl PackageDiff {
    /// Compares two states of one package; of the key's section and option alone, if it names them.
    pub fn new(
        package: PackageName,
        old: Option<Arc<Package>>,
        new: Option<Arc<Package>>,
        key: Option<&Key>,
    ) -> PackageDiff {
        let changes = match (&old, &new) {
            (Some(before), Some(after)) if !Arc::ptr_eq(before, after) => {
                let mut filter = KeyFilter::new(key);
                filter.find(after);
                filter.find(before);
                let found = Package::diff(before, after);
                let kept = found.iter().filter(|change| filter.takes(change));
                kept.map(|change| DisplayChange::new(&package, change, Some(after), Some(before))).collect()
            }
            (None, Some(_)) => vec![DisplayChange::package_created(&package)],
            (Some(_), None) => vec![DisplayChange::package_deleted(&package)],
            _ => Vec::new(),
        };
        PackageDiff { package, changes, old, new }
    }

    /// Tells whether the two states are the same, bytes included.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && match (&self.old, &self.new) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new) || old.text() == new.text(),
                (None, None) => true,
                _ => false,
            }
    }
}

/// Finds a section in a state, by its name there.
pub(crate) fn resolve(package: &Package, selector: &Selector) -> Option<SectionId> {
    Draft::new(package.clone(), 0).resolve(selector)
}

/// Takes the lines out of `open` whose value a change, seen from the newest back, has given.
fn settled_by(change: &Change, open: &mut HashMap<(SectionId, Option<Name>), usize>) -> Vec<usize> {
    let section = change.section;
    let mut settled = Vec::new();
    match &change.kind {
        ChangeKind::Add { options, .. } => {
            settled.extend(open.remove(&(section, None)));
            for (option, _) in options {
                settled.extend(open.remove(&(section, Some(option.clone()))));
            }
        }
        ChangeKind::Rename { .. } | ChangeKind::Retype { .. } | ChangeKind::Move { .. } => {
            settled.extend(open.remove(&(section, None)));
        }
        ChangeKind::Set { option, .. }
        | ChangeKind::InsertItem { option, .. }
        | ChangeKind::RemoveItem { option, .. } => {
            settled.extend(open.remove(&(section, Some(option.clone()))));
        }
        ChangeKind::RenameOption { new, .. } => {
            settled.extend(open.remove(&(section, Some(new.clone()))));
        }
        ChangeKind::Delete { .. } | ChangeKind::Unset { .. } => {}
    }
    settled
}

/// The names that sections had, followed from the head back through renames and deletions.
#[derive(Default)]
struct Names {
    then: HashMap<SectionId, String>,
}

impl Names {
    /// Called before a change is described.
    fn look(&mut self, change: &Change) {
        if let ChangeKind::Delete { name: Some(name), .. } | ChangeKind::Add { name: Some(name), .. } =
            &change.kind
        {
            self.then.insert(change.section, name.to_string());
        }
    }

    /// Called when going on to what was before a change.
    fn step_back(&mut self, change: &Change) {
        if let ChangeKind::Rename { old, .. } = &change.kind {
            match old {
                Some(old) => self.then.insert(change.section, old.to_string()),
                None => self.then.remove(&change.section),
            };
        }
    }

    fn describe(&self, package: &PackageName, change: &Change, current: Option<&Package>) -> DisplayChange {
        let mut shown = DisplayChange::new(package, change, current, None);
        if let Some(name) = self.then.get(&change.section)
            && !matches!(change.kind, ChangeKind::Rename { .. })
        {
            let option = change.option().map(|option| format!(".{option}")).unwrap_or_default();
            shown.key = format!("{package}.{name}{option}");
        }
        shown
    }
}

/// Picks the changes at a key, also those of sections that had its name.
pub(crate) struct KeyFilter<'a> {
    key: Option<&'a Key>,
    ids: HashSet<SectionId>,
}

impl<'a> KeyFilter<'a> {
    pub(crate) fn new(key: Option<&'a Key>) -> KeyFilter<'a> {
        KeyFilter { key, ids: HashSet::new() }
    }

    /// Remembers the section of the key in one state.
    pub(crate) fn find(&mut self, package: &Package) {
        if let Some(selector) = self.key.and_then(|key| key.section.as_ref())
            && let Some(id) = resolve(package, selector)
        {
            self.ids.insert(id);
        }
    }

    fn takes_package(&self, package: &PackageName) -> bool {
        self.key.is_none_or(|key| key.package == *package)
    }

    pub(crate) fn takes(&self, change: &Change) -> bool {
        let Some(key) = self.key else { return true };
        let Some(selector) = &key.section else { return true };
        let named = |name: &Option<Name>| match (selector, name) {
            (Selector::Named(wanted), Some(name)) => wanted == name,
            _ => false,
        };
        let same_section = self.ids.contains(&change.section)
            || match &change.kind {
                ChangeKind::Add { name, .. } | ChangeKind::Delete { name, .. } => named(name),
                ChangeKind::Rename { old, new } => named(old) || named(new),
                _ => false,
            };
        if !same_section {
            return false;
        }
        let Some(option) = &key.option else { return true };
        match &change.kind {
            ChangeKind::Add { options, .. } | ChangeKind::Delete { options, .. } => {
                options.iter().any(|(name, _)| name == option)
            }
            ChangeKind::RenameOption { old, new } => old == option || new == option,
            _ => change.option() == Some(option),
        }
    }
}

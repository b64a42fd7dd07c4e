//! What happened, who did it, and what differs between two states.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Commit, CommitKind, EntryBody, Mark, Order, Revision, Touch};
use cms_model::{Change, ChangeKind, Draft, Key, Name, Package, PackageName, SectionId, Selector, Value};

use crate::describe::{ChangeAction, DisplayChange, label};
use crate::error::Result;
use crate::head::Head;
use crate::store::{Log, Store};
use crate::tables::display;

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
    /// Lists commits, the newest first, as far back as [the log keeps them](Store::oldest).
    ///
    /// # Errors
    /// [`Error::NotOwner`](crate::Error::NotOwner) for those who may not read the log; [`cms_log::Error::Compacted`] if nothing up
    /// to [`until`](HistoryQuery::until) is kept.
    pub fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryEntry>> {
        let log = self.log("read the history")?;
        loop {
            let head = log.backend.head()?;
            let until = query.until.unwrap_or(head).min(head);
            let entries = self.history_upto(log, query, until)?;
            let first = log.backend.first()?;
            if until >= first {
                return Ok(entries);
            }
            if query.until.is_some() {
                return Err(cms_log::Error::Compacted { revision: until, first }.into());
            }
            // All that was the history when this began was given up meanwhile.
        }
    }

    /// Returns the oldest revision whose state the log keeps: those before it were [given up](Store::retain).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("network"), "config interface 'lan'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// use cms::{Retention, Revision};
    ///
    /// store.snapshot()?;
    /// assert_eq!(store.oldest()?, Revision::EMPTY);
    /// store.retain(Retention { commits: Some(0), ..Retention::default() })?;
    /// assert_eq!(store.oldest()?, store.head()?);
    /// assert!(store.snapshot_at(Revision::EMPTY).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the log.
    pub fn oldest(&self) -> Result<Revision> {
        Ok(self.log("read the revision")?.backend.first()?)
    }

    fn history_upto(&self, log: &Log, query: &HistoryQuery, until: Revision) -> Result<Vec<HistoryEntry>> {
        let backend = &*log.backend;
        // What was given up a moment ago may still be there, and is history no more.
        let given_up = Revision(backend.first()?.0.saturating_sub(1));
        let since = query.since.unwrap_or(Revision::EMPTY).max(given_up);
        let mut listing = Listing {
            store: self,
            log,
            head: log.newest()?,
            names: Names::default(),
            filter: KeyFilter::new(query.key.as_ref()),
            limit: query.limit.unwrap_or(usize::MAX),
            wanted: Vec::new(),
            entries: Vec::new(),
        };
        let mut outcome = Ok(());
        let mut add = |revision, is_wanted: bool| match listing.add(revision, is_wanted) {
            Ok(flow) => flow,
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        };
        match &query.key {
            None => {
                backend.headers(since, until, Order::Descending, &mut |header| add(header.revision, true))?;
            }
            Some(key) => {
                let mut filter = KeyFilter::new(Some(key));
                if let Some(current) = log.newest()?.package(backend, &key.package)? {
                    filter.find(&current);
                }
                backend.touches(&key.package, until, &mut |touch| {
                    if touch.revision <= since {
                        return ControlFlow::Break(());
                    }
                    add(touch.revision, filter.may_take(&touch))
                })?;
            }
        }
        outcome?;
        listing.finish()
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
        let package = match cms_log::package_at(&*log.backend, name, at) {
            // The oldest commit is kept without the state before it, so what it removed is not known in detail.
            Err(error) if error.is_compacted() => {
                return Ok(vec![match created {
                    true => DisplayChange::package_created(name),
                    false => DisplayChange::package_deleted(name),
                }]);
            }
            package => package?,
        };
        let Some(package) = package else { return Ok(Vec::new()) };
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

/// A history that is being put together, from the newest commit back.
struct Listing<'a> {
    store: &'a Store,
    log: &'a Log,
    head: Arc<Head>,
    names: Names,
    filter: KeyFilter<'a>,
    limit: usize,
    /// Commits that may belong to it and have not been read.
    wanted: Vec<Revision>,
    entries: Vec<HistoryEntry>,
}

/// So many commits are read at a time; of a short history only as many as it may take.
const AT_A_TIME: usize = 256;

impl Listing<'_> {
    /// Takes a commit along that may belong to the history; stops when that has all it may have.
    fn add(&mut self, revision: Revision, is_wanted: bool) -> Result<ControlFlow<()>> {
        if is_wanted {
            self.wanted.push(revision);
        }
        let open = self.limit.saturating_sub(self.entries.len());
        if self.wanted.len() >= open.min(AT_A_TIME) {
            self.read()?;
        }
        Ok(if self.entries.len() >= self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn finish(mut self) -> Result<Vec<HistoryEntry>> {
        self.read()?;
        Ok(self.entries)
    }

    fn read(&mut self) -> Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        let log = self.log;
        let mut outcome = Ok(());
        log.backend.commits_at(&wanted, &mut |commit| {
            outcome = self.take(commit);
            let goes_on = outcome.is_ok() && self.entries.len() < self.limit;
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// Adds a commit, unless it did nothing to the key that was asked for.
    fn take(&mut self, commit: Commit) -> Result<()> {
        let Listing { store, log, head, names, filter, entries, .. } = self;
        let backend = &*log.backend;
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
                    changes.extend(store.whole_package(
                        log,
                        &commit,
                        &entry.package,
                        new.is_some(),
                        filter,
                    )?);
                }
            }
        }
        changes.reverse();
        if filter.key.is_none() {
            changes.extend(commit.tables.iter().flat_map(display));
        }
        let lost: Vec<DisplayChange> = commit
            .conflicts
            .iter()
            .filter(|(package, change)| filter.takes_package(package) && filter.takes(change))
            .map(|(package, change)| {
                let current = head.package(backend, package).ok().flatten();
                names.describe(package, change, current.as_deref())
            })
            .collect();
        let text_only = filter.key.is_none_or(|key| key.section.is_none());
        if changes.is_empty() && lost.is_empty() && !text_only {
            return Ok(());
        }
        entries.push(HistoryEntry {
            revision: commit.revision,
            time_us: commit.time_us,
            author: commit.author,
            tool: commit.tool,
            message: commit.message,
            kind: commit.kind,
            changes,
            lost,
        });
        Ok(())
    }
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

    /// Tells whether a commit may have done something at the key, by what is known of it without reading it.
    fn may_take(&self, touch: &Touch) -> bool {
        let (Some(key), Some(marks)) = (self.key, &touch.marks) else { return true };
        let Some(selector) = &key.section else { return true };
        let named = match selector {
            Selector::Named(name) => Some(Mark::of_name(name)),
            Selector::Nth { .. } => None,
        };
        let sections: Vec<Mark> = self.ids.iter().map(|id| Mark::of_section(*id)).chain(named).collect();
        marks.iter().any(|mark| {
            sections.iter().any(|section| mark.is_in(*section))
                && key.option.as_ref().is_none_or(|option| mark.may_be_option(option))
        })
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

//! From the commits of the log to events.

use std::collections::{HashMap, VecDeque, hash_map::Entry};
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, Commit, EntryBody, Revision};
use cms_model::{Change, ChangeKind, Edit, EditError, Name, Package, PackageName, Value};

use super::{CommitEvents, Event, Notice, Pattern};
use crate::describe::{ChangeAction, DisplayChange, label};
use crate::error::{Error, Result};
use crate::head::Head;
use crate::store::Store;

/// How many commits, and how many bytes in them, are read ahead.
const AHEAD: usize = 256;
const AHEAD_BYTES: usize = 1 << 20;

/// How many edits are kept to be made up for; more are read again from the log.
const BEHIND: usize = 64;

/// Reads commits in order, and tells what they changed of some topics.
pub(super) struct Feed {
    store: Store,
    patterns: Vec<Pattern>,
    /// The last revision that was looked at.
    revision: Revision,
    /// The state that packages are loaded from; `None` if the log no longer has it.
    base: Option<Head>,
    /// The packages that were asked for and changed since: sections are known by a number, and what that is called can be
    /// found in no commit.
    packages: HashMap<PackageName, Known>,
    ahead: VecDeque<Commit>,
}

impl Feed {
    /// Tells what comes after a revision.
    pub(super) fn new(store: &Store, patterns: Vec<Pattern>, after: Revision) -> Result<Feed> {
        let mut feed = Feed {
            store: store.clone(),
            patterns,
            revision: after,
            base: None,
            packages: HashMap::new(),
            ahead: VecDeque::new(),
        };
        feed.settle()?;
        Ok(feed)
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Asks for other topics from here on.
    pub(super) fn ask_for(&mut self, patterns: Vec<Pattern>) -> Result<()> {
        self.patterns = patterns;
        self.settle()
    }

    /// Goes back, to read again what was read.
    pub(super) fn go_to(&mut self, revision: Revision) -> Result<()> {
        self.revision = revision;
        self.ahead.clear();
        self.settle()
    }

    /// Takes the state at the revision as the one to load packages from.
    fn settle(&mut self) -> Result<()> {
        let log = self.store.log("watch")?;
        self.packages.clear();
        let head = log.backend.head()?;
        if self.revision > head {
            return Err(cms_log::Error::NoSuchRevision { revision: self.revision, head }.into());
        }
        self.base = None;
        let first = log.backend.first()?;
        if self.revision < first {
            return Ok(());
        }
        // The state that this process has is loaded already, as a rule.
        let newest = log.newest()?;
        if newest.revision == self.revision {
            self.base = Some(Head::clone(&newest));
            return Ok(());
        }
        match Head::load(&*log.backend, Some(self.revision)) {
            Ok(base) => self.base = Some(base),
            // It was given up in this moment.
            Err(Error::Log(error)) if error.is_compacted() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Returns the next commit up to `upto` that changed something that was asked for.
    pub(super) fn next(&mut self, upto: Revision) -> Result<Option<Notice>> {
        while self.revision < upto {
            if self.base.is_none() {
                return self.skip().map(Some);
            }
            if self.ahead.is_empty() {
                match self.read(upto) {
                    Ok(()) => {}
                    Err(Error::Log(error)) if error.is_compacted() => return self.skip().map(Some),
                    Err(error) => return Err(error),
                }
            }
            let Some(commit) = self.ahead.pop_front() else { break };
            let revision = commit.revision;
            let told = match self.tell(commit) {
                // A text that the commit names was given up with it.
                Err(Error::Log(error)) if error.is_overtaken() && self.is_given_up()? => {
                    return self.skip().map(Some);
                }
                told => told?,
            };
            self.revision = revision;
            if let Some(told) = told {
                return Ok(Some(Notice::Commit(Arc::new(told))));
            }
        }
        Ok(None)
    }

    /// Tells whether the log no longer has the state that the next commit is told by.
    fn is_given_up(&self) -> Result<bool> {
        Ok(self.revision < self.store.log("watch")?.backend.first()?)
    }

    /// Goes on at the oldest state that the log still has.
    fn skip(&mut self) -> Result<Notice> {
        let after = self.revision;
        let resume = self.store.log("watch")?.backend.first()?;
        self.go_to(resume)?;
        Ok(Notice::Compacted { after, resume })
    }

    fn read(&mut self, upto: Revision) -> Result<()> {
        let log = self.store.log("watch")?;
        let (ahead, mut bytes) = (&mut self.ahead, 0);
        log.backend.commits(self.revision, upto, &mut |commit| {
            bytes += size(&commit);
            ahead.push_back(commit);
            if ahead.len() >= AHEAD || bytes >= AHEAD_BYTES {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(())
    }

    /// Tells what a commit changed, and takes part in it.
    fn tell(&mut self, commit: Commit) -> Result<Option<CommitEvents>> {
        let log = self.store.log("watch")?;
        let backend = &*log.backend;
        let Commit { revision, time_us, author, message, packages, .. } = commit;
        let mut told = Teller {
            revision,
            time_us,
            author: author.as_str().into(),
            patterns: &self.patterns,
            events: Vec::new(),
        };
        for entry in packages {
            let name = entry.package;
            if !self.patterns.iter().any(|pattern| pattern.reaches(&name)) {
                continue;
            }
            let known = match self.packages.entry(name.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let cell = self.base.as_ref().and_then(|base| base.cell(&name));
                    let package = cell.map(|cell| cell.read(backend, &name, self.revision)).transpose()?;
                    place.insert(Known { package, behind: Some(Vec::new()) })
                }
            };
            match entry.body {
                EntryBody::Edit { changes, edit } if known.package.is_some() && leaves_sections(&changes) => {
                    let package = known.package.as_deref();
                    told.changes(&name, &changes, package, package);
                    known.fall_behind(edit);
                }
                body => {
                    let before = known.catch_up(backend, &name, self.revision)?;
                    let after = after(backend, revision, &body, &name, before.as_ref())?;
                    match &body {
                        EntryBody::Edit { changes, .. }
                        | EntryBody::Replace { changes: Some(changes), .. } => {
                            told.changes(&name, changes, before.as_deref(), after.as_deref());
                        }
                        EntryBody::Replace { changes: None, .. } => match (&before, &after) {
                            (Some(before), Some(after)) => {
                                told.changes(&name, &Package::diff(before, after), Some(before), Some(after));
                            }
                            (None, Some(after)) => told.created(&name, after),
                            (Some(before), None) => told.deleted(&name, before),
                            (None, None) => {}
                        },
                    }
                    known.package = after;
                }
            }
        }
        let Teller { author, events, .. } = told;
        Ok((!events.is_empty()).then_some(CommitEvents { revision, time_us, author, message, events }))
    }
}

/// A package by which changes are told.
struct Known {
    /// The package at some revision since which its sections have kept their names, types and places.
    package: Option<Arc<Package>>,
    /// What was done to their options since; nothing if that was too much to keep.
    behind: Option<Vec<Edit>>,
}

impl Known {
    /// Leaves an edit for when it is needed. Taking part in it costs more than telling it.
    fn fall_behind(&mut self, edit: Edit) {
        match &mut self.behind {
            Some(behind) if behind.len() < BEHIND => behind.push(edit),
            behind => *behind = None,
        }
    }

    /// The package at a revision, the one before the next.
    fn catch_up(
        &mut self,
        backend: &dyn Backend,
        name: &PackageName,
        revision: Revision,
    ) -> Result<Option<Arc<Package>>> {
        // Should any of this fail, it is read again the next time.
        match (self.behind.take(), &mut self.package) {
            (Some(behind), Some(package)) if !behind.is_empty() => {
                let package = Arc::make_mut(package);
                for edit in &behind {
                    package.apply_edit(edit).map_err(|error| does_not_fit(name, revision, &error))?;
                }
            }
            (Some(_), _) => {}
            (None, package) => {
                let head = Head::load(backend, Some(revision))?;
                *package = head.package(backend, name)?;
            }
        }
        self.behind = Some(Vec::new());
        Ok(self.package.clone())
    }
}

/// Whether changes leave all sections with their names, types and places.
fn leaves_sections(changes: &[Change]) -> bool {
    changes.iter().all(|change| match change.kind {
        ChangeKind::Set { .. }
        | ChangeKind::Unset { .. }
        | ChangeKind::RenameOption { .. }
        | ChangeKind::InsertItem { .. }
        | ChangeKind::RemoveItem { .. } => true,
        ChangeKind::Add { .. }
        | ChangeKind::Delete { .. }
        | ChangeKind::Rename { .. }
        | ChangeKind::Retype { .. }
        | ChangeKind::Move { .. } => false,
    })
}

fn does_not_fit(name: &PackageName, revision: Revision, error: &EditError) -> Error {
    let reason = format!("revision {revision} of the log does not fit the one before it: {error}");
    Error::Invalid { key: name.to_string(), reason }
}

/// Returns a package as a commit left it.
fn after(
    backend: &dyn Backend,
    revision: Revision,
    body: &EntryBody,
    name: &PackageName,
    before: Option<&Arc<Package>>,
) -> Result<Option<Arc<Package>>> {
    match body {
        EntryBody::Edit { edit, .. } => {
            let mut package = before.map(|package| Package::clone(package)).unwrap_or_default();
            package.apply_edit(edit).map_err(|error| does_not_fit(name, revision, &error))?;
            Ok(Some(Arc::new(package)))
        }
        EntryBody::Replace { new: Some(manifest), .. } => {
            Ok(Some(Arc::new(cms_log::load_package(backend, manifest)?)))
        }
        EntryBody::Replace { new: None, .. } => Ok(None),
    }
}

/// How many bytes a commit holds, about.
fn size(commit: &Commit) -> usize {
    let entries = commit.packages.iter().map(|entry| match &entry.body {
        EntryBody::Edit { changes, edit } => {
            let text: usize =
                edit.text.iter().map(|splice| splice.inserted.len() + splice.removed.len()).sum();
            100 * changes.len() + text
        }
        EntryBody::Replace { changes, .. } => 100 * changes.as_ref().map_or(0, Vec::len),
    });
    100 + entries.sum::<usize>()
}

/// Collects the events of a commit.
struct Teller<'a> {
    revision: Revision,
    time_us: i64,
    author: Arc<str>,
    patterns: &'a [Pattern],
    events: Vec<Event>,
}

impl Teller<'_> {
    fn changes(
        &mut self,
        name: &PackageName,
        changes: &[Change],
        before: Option<&Package>,
        after: Option<&Package>,
    ) {
        for change in changes {
            let shown = DisplayChange::new(name, change, after, before);
            match &change.kind {
                ChangeKind::Add { options, .. } => {
                    let key = shown.key.clone();
                    self.push(name, shown);
                    for (option, value) in options {
                        self.option(name, &key, option, None, Some(value));
                    }
                }
                ChangeKind::Delete { options, .. } => {
                    for (option, value) in options {
                        self.option(name, &shown.key, option, Some(value), None);
                    }
                    self.push(name, shown);
                }
                _ => self.push(name, shown),
            }
        }
    }

    fn created(&mut self, name: &PackageName, package: &Package) {
        self.push(name, DisplayChange::package_created(name));
        for section in package.sections() {
            let key = format!("{name}.{}", label(package, &section));
            let kind = Some(Value::scalar(section.kind().as_bytes()));
            let action = ChangeAction::AddSection;
            self.push(name, DisplayChange { action, key: key.clone(), old: None, new: kind });
            for (option, value) in section.options() {
                self.option(name, &key, &option, None, Some(&value));
            }
        }
    }

    fn deleted(&mut self, name: &PackageName, package: &Package) {
        for section in package.sections() {
            let key = format!("{name}.{}", label(package, &section));
            for (option, value) in section.options() {
                self.option(name, &key, &option, Some(&value), None);
            }
            let kind = Some(Value::scalar(section.kind().as_bytes()));
            self.push(name, DisplayChange { action: ChangeAction::DeleteSection, key, old: kind, new: None });
        }
        self.push(name, DisplayChange::package_deleted(name));
    }

    fn option(
        &mut self,
        name: &PackageName,
        section: &str,
        option: &Name,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let action = if new.is_some() { ChangeAction::Set } else { ChangeAction::Unset };
        let key = format!("{section}.{option}");
        self.push(name, DisplayChange { action, key, old: old.cloned(), new: new.cloned() });
    }

    fn push(&mut self, name: &PackageName, change: DisplayChange) {
        if self.patterns.iter().any(|pattern| pattern.takes(&change)) {
            self.events.push(Event {
                revision: self.revision,
                time_us: self.time_us,
                author: self.author.clone(),
                package: name.clone(),
                change,
            });
        }
    }
}

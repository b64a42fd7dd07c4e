//! Going back: to the state of a revision, or by reversing commits.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use cms_log::{Backend, CommitKind, EntryBody, Order, Origin, Revision};
use cms_model::schema::Mode;
use cms_model::{Change, Edit, Key, Package, PackageName};

use crate::author::current_user;
use crate::commit::{Action, Committed, Signature, Wanted};
use crate::error::{Error, Result};
use crate::history::KeyFilter;
use crate::rebase::{Interest, Theirs};
use crate::stage::CommitOptions;
use crate::store::Store;
use crate::tables::{Wish, undone};
use crate::terms::Terms;

impl Store {
    /// Makes a commit that restores the state of `to`: of everything, of a package, or of the
    /// section or option of a key. What is restored as a whole has its exact bytes back.
    ///
    /// # Errors
    /// As [`snapshot_at`](Store::snapshot_at) and [`commit`](crate::Transaction::commit).
    pub fn rollback(&self, to: Revision, key: Option<&Key>, options: &CommitOptions) -> Result<Committed> {
        let now = self.snapshot()?;
        let base = now.revision().unwrap_or(Revision::EMPTY);
        let then = self.snapshot_at(to)?;
        let mut names: Vec<PackageName> = now.packages().chain(then.packages()).cloned().collect();
        names.sort();
        names.dedup();
        if let Some(key) = key {
            names.retain(|name| *name == key.package);
            if names.is_empty() {
                return Err(Error::not_found(key));
            }
        }
        let since = Since::new(&*self.log("roll back")?.backend, to, base)?;
        let mut wanted = Vec::new();
        for name in names {
            let is_whole = key.is_none_or(|key| key.section.is_none());
            if is_whole && now.is_logged(&name) && then.is_logged(&name) {
                match since.edits(&name)? {
                    Edits::None => continue,
                    Edits::Some(edits) => {
                        if let Some((from, to)) = taken_back(now.package(&name)?, &edits) {
                            if from.text() != to.text() {
                                wanted.push(Wanted {
                                    package: name,
                                    base,
                                    action: Action::Restore { from, to },
                                });
                            }
                            continue;
                        }
                    }
                    Edits::Unknown => {}
                }
            }
            let current = if now.contains(&name) { Some(now.package(&name)?) } else { None };
            let old = if then.contains(&name) { Some(then.package(&name)?) } else { None };
            let action = match (current, old) {
                (Some(current), Some(old)) => match key.filter(|key| key.section.is_some()) {
                    Some(key) => restored(&current, &old, key, base),
                    None if current.text() == old.text() => continue,
                    None => Action::Rewrite(old),
                },
                (Some(_), None) => Action::Delete,
                (None, Some(old)) => Action::Create(old),
                (None, None) => continue,
            };
            wanted.push(Wanted { package: name, base, action });
        }
        let tables = match key {
            None => undone(since.backend, to, base)?,
            Some(_) => Vec::new(),
        };
        self.finish(Wish { packages: wanted, tables }, CommitKind::Rollback { to }, options)
    }

    /// Makes a commit that reverses the commits of a range, and only these.
    ///
    /// # Errors
    /// [`Error::Conflict`] when later commits changed the same; as [`rollback`](Store::rollback).
    pub fn undo(&self, range: RangeInclusive<Revision>, options: &CommitOptions) -> Result<Committed> {
        let log = self.log("undo")?;
        let (from, to) = (*range.start(), *range.end());
        let head = self.snapshot()?.revision().unwrap_or(Revision::EMPTY);
        if to > head || from > to || from == Revision::EMPTY {
            let revision = if to > head { to } else { from };
            return Err(cms_log::Error::NoSuchRevision { revision, head }.into());
        }
        let before = self.snapshot_at(Revision(from.0 - 1))?;
        let mut touched: BTreeMap<PackageName, Vec<Change>> = BTreeMap::new();
        let mut whole: BTreeMap<PackageName, bool> = BTreeMap::new();
        for revision in (from.0..=to.0).rev() {
            let commit = log.backend.commit(Revision(revision))?;
            let Some(commit) = commit else {
                unless_given_up(&*log.backend, before.revision().unwrap_or(from))?;
                return Err(cms_log::Error::NoSuchRevision { revision: Revision(revision), head }.into());
            };
            for entry in commit.packages {
                let changes = touched.entry(entry.package.clone()).or_default();
                match entry.body {
                    EntryBody::Edit { changes: made, .. } => {
                        changes.extend(made.iter().rev().map(Change::inverse));
                    }
                    EntryBody::Replace { .. } => {
                        whole.insert(entry.package, true);
                    }
                }
            }
        }
        let mut wanted = Vec::new();
        for (name, changes) in touched {
            let newest = log.newest()?;
            let later = Theirs::read(log, &name, to, newest.revision, &Interest::default())?;
            let untouched = later.newest(to).is_none();
            let action = if untouched || whole.contains_key(&name) {
                match (before.contains(&name), newest.cell(&name).is_some()) {
                    (true, true) => Action::Rewrite(before.package(&name)?),
                    (true, false) => Action::Create(before.package(&name)?),
                    (false, true) => Action::Delete,
                    (false, false) => continue,
                }
            } else {
                let changes = changes.into_iter().map(|change| (to, change)).collect();
                Action::Changes { changes, made: None }
            };
            wanted.push(Wanted { package: name, base: to, action });
        }
        let tables = undone(&*log.backend, Revision(from.0 - 1), to)?;
        self.finish(Wish { packages: wanted, tables }, CommitKind::Undo { from, to }, options)
    }

    fn finish(&self, wanted: Wish, kind: CommitKind, options: &CommitOptions) -> Result<Committed> {
        let signature = Signature {
            kind,
            author: current_user(),
            tool: options.tool.clone(),
            message: options.message.clone(),
            origin: Origin::Direct,
            confirm: options.confirm.clone(),
            // The way back is never closed.
            at_most: options.at_most.unwrap_or(Mode::Enforce).min(Mode::Warn),
            at_least: options.at_least.unwrap_or(Mode::Off),
        };
        if options.dry_run {
            return self.plan(&wanted, signature);
        }
        self.commit_with_files(wanted, signature, Terms::default())
    }
}

/// So many commits are taken back one by one; beyond, the older state is read and compared.
const TAKEN_BACK: usize = 1024;

/// What was committed after a revision.
struct Since<'a> {
    backend: &'a dyn Backend,
    after: Revision,
    upto: Revision,
    /// The commits to each package, the newest first, where they are few enough to be counted.
    touched: Option<BTreeMap<PackageName, Vec<Revision>>>,
}

/// What was done to the text of a package.
enum Edits {
    /// Nothing.
    None,
    /// Edits, the newest first.
    Some(Vec<Edit>),
    /// More than one wants to know, or a rewriting of all.
    Unknown,
}

impl Since<'_> {
    fn new(backend: &dyn Backend, after: Revision, upto: Revision) -> Result<Since<'_>> {
        let mut touched: BTreeMap<PackageName, Vec<Revision>> = BTreeMap::new();
        let is_few = upto.0.saturating_sub(after.0) <= TAKEN_BACK as u64;
        if is_few {
            backend.headers(after, upto, Order::Descending, &mut |header| {
                for package in header.packages {
                    touched.entry(package).or_default().push(header.revision);
                }
                ControlFlow::Continue(())
            })?;
            unless_given_up(backend, after)?;
        }
        Ok(Since { backend, after, upto, touched: is_few.then_some(touched) })
    }

    fn edits(&self, name: &PackageName) -> Result<Edits> {
        let mut revisions = Vec::new();
        match &self.touched {
            Some(touched) => revisions.extend(touched.get(name).into_iter().flatten().copied()),
            None => self.backend.touches(name, self.upto, &mut |touch| {
                if touch.revision > self.after {
                    revisions.push(touch.revision);
                }
                let goes_on = touch.revision > self.after && revisions.len() <= TAKEN_BACK;
                if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?,
        }
        if self.touched.is_none() {
            unless_given_up(self.backend, self.after)?;
        }
        if revisions.is_empty() {
            return Ok(Edits::None);
        }
        let mut edits = Vec::new();
        if revisions.len() <= TAKEN_BACK {
            self.backend.commits_at(&revisions, &mut |commit| {
                let entry = commit.packages.into_iter().find(|entry| entry.package == *name);
                match entry.map(|entry| entry.body) {
                    Some(EntryBody::Edit { edit, .. }) => {
                        edits.push(edit);
                        ControlFlow::Continue(())
                    }
                    _ => ControlFlow::Break(()),
                }
            })?;
        }
        Ok(if edits.len() == revisions.len() { Edits::Some(edits) } else { Edits::Unknown })
    }
}

/// Fails if the state of a revision is no longer kept: commits after it may then be missing in what was read of the log.
fn unless_given_up(backend: &dyn Backend, revision: Revision) -> Result<()> {
    let first = backend.first()?;
    if revision < first { Err(cms_log::Error::Compacted { revision, first }.into()) } else { Ok(()) }
}

/// Takes edits back, from the newest on; answers the package as it is and as it was. Nothing if they do not fit.
fn taken_back(current: Arc<Package>, edits: &[Edit]) -> Option<(Arc<Package>, Arc<Package>)> {
    let mut old = Package::clone(&current);
    for edit in edits {
        old.apply_edit(&edit.inverse()).ok()?;
    }
    Some((current, Arc::new(old)))
}

/// The changes that bring one section or option back.
fn restored(current: &Arc<Package>, old: &Package, key: &Key, base: Revision) -> Action {
    let mut filter = KeyFilter::new(Some(key));
    filter.find(current);
    filter.find(old);
    let changes = Package::diff(current, old).into_iter().filter(|change| filter.takes(change));
    Action::Changes { changes: changes.map(|change| (base, change)).collect(), made: None }
}

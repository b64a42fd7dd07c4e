//! The state of a store at one revision, with packages that load when they are asked for.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use cms_log::{Backend, Commit, Digest, EntryBody, Record, Revision, Root, Touched};
use cms_model::{Package, PackageName};

use crate::error::{Error, Result};

/// The packages of a store at a revision. Immutable; a commit makes the next one, which shares
/// every package that it did not touch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub revision: Revision,
    /// The revision of the checkpoint below, and what lies between in commits and in bytes of edits.
    pub replay: Replay,
    packages: BTreeMap<PackageName, Arc<Cell>>,
}

/// What opening a store has to replay on top of its checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replay {
    pub commits: usize,
    pub bytes: usize,
    /// When this process wrote the checkpoint, or found that another one had, if it did.
    pub since: Option<Instant>,
}

/// One package at a revision.
#[derive(Debug)]
pub(crate) struct Cell {
    /// The package to start from, where it was in memory once.
    begun: Option<Arc<Package>>,
    /// The manifest to start from otherwise; `None` when the package began as an empty one after the checkpoint.
    manifest: Option<Digest>,
    /// Commits that edited it since, oldest first.
    edits: Vec<Arc<Record>>,
    /// The newest revision that changed it; below a checkpoint only an upper bound is known.
    pub changed: Revision,
    /// Whether `changed` is known exactly.
    pub exact: bool,
    package: OnceLock<Arc<Package>>,
}

impl Cell {
    pub(crate) fn loaded(package: Arc<Package>, manifest: Option<Digest>, changed: Revision) -> Cell {
        let cell = OnceLock::new();
        // A fresh cell is empty.
        let _ = cell.set(package);
        Cell { manifest, edits: Vec::new(), begun: None, changed, exact: true, package: cell }
    }

    fn unread(manifest: Option<Digest>, changed: Revision, exact: bool) -> Cell {
        Cell { manifest, edits: Vec::new(), begun: None, changed, exact, package: OnceLock::new() }
    }

    /// Returns the package, read from the log at the first call, in the state of a revision.
    pub(crate) fn package(
        &self,
        backend: &dyn Backend,
        name: &PackageName,
        at: Revision,
    ) -> Result<Arc<Package>> {
        let package = self.read(backend, name, at)?;
        Ok(self.package.get_or_init(|| package).clone())
    }

    /// Returns the package without keeping it, for who goes over all of them.
    pub(crate) fn read(
        &self,
        backend: &dyn Backend,
        name: &PackageName,
        at: Revision,
    ) -> Result<Arc<Package>> {
        if let Some(package) = self.package.get() {
            return Ok(package.clone());
        }
        match self.put_together(backend, name) {
            Err(Error::Log(error)) if error.is_overtaken() => {
                // What it was to begin from is no longer kept. The state itself may be.
                let at = at.min(backend.head()?);
                let package = cms_log::package_at(backend, name, at)?;
                package.map(Arc::new).ok_or(Error::Log(error))
            }
            read => read,
        }
    }

    fn put_together(&self, backend: &dyn Backend, name: &PackageName) -> Result<Arc<Package>> {
        let mut package = match (&self.begun, &self.manifest) {
            (Some(package), _) => Package::clone(package),
            (None, Some(manifest)) => cms_log::load_package(backend, manifest)?,
            (None, None) => Package::empty(),
        };
        for record in &self.edits {
            record.apply_to(backend, name, &mut package)?;
        }
        Ok(Arc::new(package))
    }

    /// Returns the length of the package's text without reading it.
    fn text_len(&self, backend: &dyn Backend, name: &PackageName, at: Revision) -> Result<u64> {
        if let Some(package) = self.package.get() {
            return Ok(package.text_len());
        }
        let mut length = match (&self.begun, &self.manifest) {
            (Some(package), _) => package.text_len(),
            (None, Some(manifest)) => match cms_log::package_text_len(backend, manifest) {
                Err(error) if error.is_overtaken() => {
                    return self.read(backend, name, at).map(|package| package.text_len());
                }
                length => length?,
            },
            (None, None) => 0,
        };
        for record in &self.edits {
            let growth = record.edit(backend, name, growth)?;
            length = length.saturating_add_signed(growth.unwrap_or(0));
        }
        Ok(length)
    }

    /// The package after one more commit, which is carried out when somebody asks for it.
    fn edited(&self, record: Arc<Record>) -> Cell {
        let Cell { manifest, changed, exact, .. } = *self;
        let mut cell = match self.package.get() {
            Some(package) => Cell { begun: Some(package.clone()), ..Cell::unread(None, changed, exact) },
            None => {
                let mut edits = Vec::with_capacity(self.edits.len() + 1);
                edits.extend_from_slice(&self.edits);
                Cell { begun: self.begun.clone(), edits, ..Cell::unread(manifest, changed, exact) }
            }
        };
        cell.edit(record);
        cell
    }

    fn edit(&mut self, record: Arc<Record>) {
        // What led to a package that is in memory is not needed any more, however many commits these are.
        if let Some(package) = self.package.take() {
            self.begun = Some(package);
            self.manifest = None;
            self.edits.clear();
        }
        self.changed = record.revision();
        self.exact = true;
        self.edits.push(record);
    }

    /// The package, with a manifest that it had at a checkpoint for its start: then what led up to that is not kept. `None` where there is
    /// nothing to be spared.
    fn rested_on(&self, checkpoint: Revision, manifest: Digest) -> Option<Cell> {
        if !self.exact {
            // It was not edited since it was read from an older one.
            return None;
        }
        let (changed, exact) = (self.changed, self.exact);
        if changed <= checkpoint {
            return Some(Cell {
                package: self.package.clone(),
                ..Cell::unread(Some(manifest), changed, exact)
            });
        }
        // With an edit from before it, those kept are all that came after it. In memory it needs none of them.
        let reaches_back = self.edits.first().is_some_and(|first| first.revision() <= checkpoint);
        if !reaches_back || self.package.get().is_some() {
            return None;
        }
        let later = self.edits.iter().filter(|record| record.revision() > checkpoint);
        Some(Cell { edits: later.cloned().collect(), ..Cell::unread(Some(manifest), changed, exact) })
    }

    /// The package or an earlier state of it, if one is in memory.
    pub(crate) fn in_memory(&self) -> Option<&Arc<Package>> {
        self.package.get().or(self.begun.as_ref())
    }

    /// Returns how many commits are kept for it.
    #[cfg(test)]
    pub(crate) fn edits(&self) -> usize {
        self.edits.len()
    }

    /// Returns the manifest if nothing was edited since.
    fn clean_manifest(&self) -> Option<Digest> {
        self.manifest.filter(|_| self.edits.is_empty())
    }
}

impl Head {
    /// Reads the newest state, or that at `at`.
    pub(crate) fn load(backend: &dyn Backend, at: Option<Revision>) -> Result<Head> {
        let revision = match at {
            Some(revision) => revision,
            None => backend.head()?,
        };
        let is_overtaken = |error: &Error| matches!(error, Error::Log(error) if error.is_overtaken());
        cms_log::steadily(backend, revision, is_overtaken, || {
            let mut head = match backend.checkpoint(revision)? {
                Some((checkpoint, root)) => Head::at_checkpoint(checkpoint, &root),
                None => Head::default(),
            };
            head.follow(backend, revision)?;
            Ok(head)
        })
    }

    fn at_checkpoint(revision: Revision, root: &Root) -> Head {
        let packages = root
            .packages
            .iter()
            .map(|(name, manifest)| {
                let cell = Cell::unread(Some(*manifest), revision, false);
                (name.clone(), Arc::new(cell))
            })
            .collect();
        Head { revision, replay: Replay::default(), packages }
    }

    /// Reads and applies the commits up to `revision`.
    pub(crate) fn follow(&mut self, backend: &dyn Backend, revision: Revision) -> Result<()> {
        self.follow_with(backend, revision, |_| {})
    }

    /// As [`follow`](Head::follow), and hands out each commit.
    pub(crate) fn follow_with(
        &mut self,
        backend: &dyn Backend,
        revision: Revision,
        mut visit: impl FnMut(Arc<Record>),
    ) -> Result<()> {
        if revision <= self.revision {
            return Ok(());
        }
        backend.records(self.revision, revision, &mut |record| {
            let record = Arc::new(record);
            self.apply(&record);
            visit(record);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Moves on by the next commit of the log.
    pub(crate) fn apply(&mut self, record: &Arc<Record>) {
        let revision = record.revision();
        let put = |packages: &mut BTreeMap<PackageName, Arc<Cell>>, name: &str, cell| {
            // What the log holds was named once.
            if let Ok(name) = PackageName::new(name) {
                packages.insert(name, Arc::new(cell));
            }
        };
        record.packages(|name, touched| match (touched, self.packages.get_mut(name)) {
            (Touched::Edited, Some(cell)) => match Arc::get_mut(cell) {
                // Nobody else sees it yet.
                Some(cell) => cell.edit(record.clone()),
                None => *cell = Arc::new(cell.edited(record.clone())),
            },
            (Touched::Edited, None) => {
                let empty = Cell::unread(None, revision, true);
                put(&mut self.packages, name, empty.edited(record.clone()));
            }
            (Touched::Replaced(Some(manifest)), _) => {
                put(&mut self.packages, name, Cell::unread(Some(manifest), revision, true));
            }
            (Touched::Replaced(None), _) => {
                self.packages.remove(name);
            }
        });
        self.revision = revision;
        self.replay.commits += 1;
        self.replay.bytes += size(record);
    }

    /// Moves on by a commit of this process, whose packages are known already.
    pub(crate) fn advance(&mut self, commit: &Arc<Commit>, made: Vec<(PackageName, Option<Arc<Package>>)>) {
        for (name, package) in made {
            let Some(package) = package else {
                self.packages.remove(&name);
                continue;
            };
            let entry = commit.packages.iter().find(|entry| entry.package == name);
            let cell = match entry.map(|entry| &entry.body) {
                Some(EntryBody::Edit { edit, .. }) => {
                    self.replay.bytes += edit_size(edit);
                    // It rests on what is in memory: no manifest is of it.
                    Cell::loaded(package, None, commit.revision)
                }
                Some(EntryBody::Replace { new, .. }) => Cell::loaded(package, *new, commit.revision),
                None => continue,
            };
            self.packages.insert(name, Arc::new(cell));
        }
        self.revision = commit.revision;
        self.replay.commits += 1;
    }

    /// Makes the checkpoint's manifests the start of every package.
    pub(crate) fn rest_on(&mut self, root: &Root) {
        for (name, manifest) in &root.packages {
            if let Some(cell) = self.packages.get(name) {
                let package = OnceLock::new();
                if let Some(loaded) = cell.package.get() {
                    let _ = package.set(loaded.clone());
                }
                let (changed, exact) = (cell.changed, cell.exact);
                let rested = Cell { package, ..Cell::unread(Some(*manifest), changed, exact) };
                self.packages.insert(name.clone(), Arc::new(rested));
            }
        }
        self.replay = Replay { since: Some(Instant::now()), ..Replay::default() };
    }

    /// Goes over to a checkpoint that another process has written, unless it is older than the one that is known.
    pub(crate) fn adopt(&mut self, checkpoint: Revision, root: &Root) {
        if !self.count_from(checkpoint) {
            return;
        }
        for (name, manifest) in &root.packages {
            if let Some(cell) = self.packages.get(name)
                && let Some(rested) = cell.rested_on(checkpoint, *manifest)
            {
                self.packages.insert(name.clone(), Arc::new(rested));
            }
        }
    }

    /// Changes a package where it is, if it is in memory and nobody else holds it. It is another `Arc` from then on.
    pub(crate) fn change<T>(
        &mut self,
        name: &PackageName,
        work: impl FnOnce(&mut Package) -> T,
    ) -> Option<T> {
        let cell = Arc::get_mut(self.packages.get_mut(name)?)?;
        match Arc::try_unwrap(cell.package.take()?) {
            Ok(mut package) => {
                let outcome = work(&mut package);
                cell.package = OnceLock::from(Arc::new(package));
                Some(outcome)
            }
            Err(shared) => {
                cell.package = OnceLock::from(shared);
                None
            }
        }
    }

    /// Counts what has to be replayed from a checkpoint of another process; `false` if it is not newer than the one that is known.
    pub(crate) fn count_from(&mut self, checkpoint: Revision) -> bool {
        let Some(commits) = self.revision.0.checked_sub(checkpoint.0) else { return false };
        let commits = commits as usize;
        if commits >= self.replay.commits {
            return false;
        }
        // How much text was edited since is not known: as much as in as many commits before.
        let bytes = self.replay.bytes / self.replay.commits * commits;
        self.replay = Replay { commits, bytes, since: Some(Instant::now()) };
        true
    }

    /// Returns how many commits are kept for all packages together.
    pub(crate) fn kept_edits(&self) -> usize {
        self.packages.values().map(|cell| cell.edits.len()).sum()
    }

    pub(crate) fn cell(&self, name: &PackageName) -> Option<&Arc<Cell>> {
        self.packages.get(name)
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = (&PackageName, &Arc<Cell>)> {
        self.packages.iter()
    }

    /// Returns the package, or `None` where there is none of that name.
    pub(crate) fn package(&self, backend: &dyn Backend, name: &PackageName) -> Result<Option<Arc<Package>>> {
        self.packages.get(name).map(|cell| cell.package(backend, name, self.revision)).transpose()
    }

    /// Returns how much text the packages have together.
    pub(crate) fn text_len(&self, backend: &dyn Backend) -> Result<u64> {
        self.packages.iter().try_fold(0_u64, |sum, (name, cell)| {
            Ok(sum.saturating_add(cell.text_len(backend, name, self.revision)?))
        })
    }

    /// Returns how much text a checkpoint would have to look at, if all of it is in memory.
    pub(crate) fn unstored_bytes(&self) -> Option<u64> {
        let unstored = self.packages.values().filter(|cell| cell.clean_manifest().is_none());
        unstored.map(|cell| cell.in_memory().map(|package| package.text_len())).sum()
    }

    /// Lists each package's manifest, if it can be named without storing anything.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (&PackageName, Option<Digest>)> {
        self.packages.iter().map(|(name, cell)| (name, cell.clean_manifest()))
    }
}

/// By how much an edit makes a text longer.
pub(crate) fn growth(edit: &cms_model::Edit) -> i64 {
    edit.text.iter().map(|splice| splice.inserted.len() as i64 - splice.removed.len() as i64).sum()
}

/// What replaying a commit costs, about.
fn size(record: &Record) -> usize {
    let edits =
        record.decoded().into_iter().flat_map(|commit| &commit.packages).map(|entry| match &entry.body {
            EntryBody::Edit { edit, .. } => edit_size(edit),
            EntryBody::Replace { .. } => 0,
        });
    record.stored_len() + edits.sum::<usize>()
}

/// What replaying an edit costs, about.
fn edit_size(edit: &cms_model::Edit) -> usize {
    edit.text.iter().map(|splice| splice.inserted.len() + splice.removed.len() + 16).sum()
}

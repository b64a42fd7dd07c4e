//! Staged changes: what a user prepared with `cms set` and its kin, and has not committed yet.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use cms_log::{CommitKind, Origin, Revision};
use cms_model::schema::Mode;
use cms_model::{Change, Draft, Key, Package, PackageName, Selector};

use crate::author::current_user;
use crate::commit::{Action, Committed, Made, Signature, Wanted};
use crate::confirm::Confirm;
use crate::describe::DisplayChange;
use crate::error::{Error, Result};
use crate::lock::FileLock;
use crate::snapshot::Snapshot;
use crate::stage_file::{self, Frame, StageFile};
use crate::store::{Store, seed};
use crate::terms::Terms;

/// The caller's staged changes, locked against the caller's other processes until dropped.
///
/// Changes are made on a [`Draft`] and are durable after [`save`](Stage::save).
pub struct Stage {
    store: Store,
    snapshot: Snapshot,
    file: StageFile,
    frames: Vec<Frame>,
    drafts: BTreeMap<PackageName, Staged>,
    user: u32,
    /// `None` when the stage was opened to be read.
    lock: Option<FileLock>,
}

/// A package as its staged changes make it.
struct Staged {
    base: Arc<Package>,
    draft: Draft,
    /// How many of the draft's changes are in the file already.
    saved: usize,
    /// Changes that no longer fit what others committed since.
    stale: Vec<(Revision, Change)>,
}

/// How to commit.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// Why.
    pub message: String,
    /// The program that commits.
    pub tool: String,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Roll it back unless somebody confirms it in time.
    pub confirm: Option<Confirm>,
    /// What schemas may do at most, such as [`Mode::Warn`] to commit what they do not allow; as they say by default.
    pub at_most: Option<Mode>,
    /// What schemas do at least, such as [`Mode::Enforce`] to be refused what they would only tell of; as they say by default.
    pub at_least: Option<Mode>,
}

impl Store {
    /// Opens the caller's stage on the newest state; waits for the caller's other processes.
    ///
    /// # Errors
    /// [`Error::NotOwner`] for those who may not commit; [`Error::StageDamaged`].
    pub fn stage(&self) -> Result<Stage> {
        self.stage_for(None)
    }

    /// As [`stage`](Store::stage), comparing only the named packages with their files.
    ///
    /// # Errors
    /// As [`stage`](Store::stage).
    pub fn stage_for(&self, names: Option<&[PackageName]>) -> Result<Stage> {
        self.log("stage changes")?;
        let user = rustix::process::geteuid().as_raw();
        let directory = self.stage_directory(user);
        self.location().create_private(&self.location().state().join("stage"))?;
        self.location().create_private(&directory)?;
        let lock = FileLock::wait(self.location(), &directory.join("lock"))?;
        self.stage_with(names, user, Some(lock))
    }

    /// Opens the caller's stage to be read: without waiting, and without writing anything.
    ///
    /// # Errors
    /// As [`stage`](Store::stage).
    pub fn stage_to_read(&self, names: Option<&[PackageName]>) -> Result<Stage> {
        self.log("read the staged changes")?;
        self.stage_with(names, rustix::process::geteuid().as_raw(), None)
    }

    fn stage_with(&self, names: Option<&[PackageName]>, user: u32, lock: Option<FileLock>) -> Result<Stage> {
        // The file first: what is committed between the two looks is in the snapshot, and its frames
        // are known to be published.
        let (file, mut frames) = StageFile::read(self.location(), &self.stage_directory(user).join("stage"))?;
        let snapshot = self.snapshot_of(names)?;
        self.drop_published(&file, user, &mut frames, snapshot.revision().unwrap_or(Revision::EMPTY))?;
        Ok(Stage { store: self.clone(), snapshot, file, frames, drafts: BTreeMap::new(), user, lock })
    }

    fn stage_directory(&self, user: u32) -> PathBuf {
        stage_file::directory_of(self.location(), user)
    }

    /// Drops frames that a commit published whose clean-up was cut short.
    fn drop_published(
        &self,
        file: &StageFile,
        user: u32,
        frames: &mut Vec<Frame>,
        newest: Revision,
    ) -> Result<()> {
        let log = self.log("read the staged changes")?;
        let Some(oldest) = frames.iter().map(|frame| frame.base).min() else { return Ok(()) };
        let oldest = oldest.max(Revision(log.backend.first()?.0.saturating_sub(1)));
        log.backend.headers(oldest, newest, cms_log::Order::Ascending, &mut |header| {
            if let Origin::Stage { owner, stage, upto } = header.origin
                && owner == user
                && stage == file.identity
            {
                frames.retain(|frame| frame.end > upto || !header.packages.contains(&frame.package));
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }
}

impl Stage {
    /// Returns the state below the staged changes.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the working copy of a package: the newest state with the staged changes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unparsable`].
    pub fn draft(&mut self, name: &PackageName) -> Result<&mut Draft> {
        Ok(&mut self.staged(name)?.draft)
    }

    fn staged(&mut self, name: &PackageName) -> Result<&mut Staged> {
        if !self.drafts.contains_key(name) {
            let base = self.snapshot.package(name)?;
            let mut draft = Draft::new(Package::clone(&base), seed());
            let mut stale = Vec::new();
            for frame in self.frames.iter().filter(|frame| frame.package == *name) {
                for change in &frame.changes {
                    if draft.replay(change).is_err() {
                        stale.push((frame.base, change.clone()));
                    }
                }
                for (section, name) in &frame.pins {
                    draft.pin(*section, name);
                }
            }
            let saved = draft.changes().len();
            self.drafts.insert(name.clone(), Staged { base, draft, saved, stale });
        }
        self.drafts.get_mut(name).ok_or_else(|| Error::not_found(name))
    }

    /// Returns the package with its staged changes.
    ///
    /// # Errors
    /// As [`draft`](Stage::draft).
    pub fn package(&mut self, name: &PackageName) -> Result<&Package> {
        Ok(self.staged(name)?.draft.package())
    }

    /// Makes what was changed on the drafts durable.
    ///
    /// # Errors
    /// [`Error::Io`]: then nothing new is staged.
    pub fn save(&mut self) -> Result<()> {
        self.must_be_locked()?;
        let base = self.snapshot.revision().unwrap_or(Revision::EMPTY);
        let mut frames = Vec::new();
        for (name, staged) in &self.drafts {
            let Some(changes) = staged.draft.changes().get(staged.saved..) else { continue };
            if changes.is_empty() {
                continue;
            }
            let created =
                changes.iter().filter(|change| matches!(change.kind, cms_model::ChangeKind::Add { .. }));
            let pins = created
                .filter_map(|change| Some((change.section, staged.draft.display_name(change.section)?)));
            frames.push(Frame {
                base,
                package: name.clone(),
                pins: pins.collect(),
                changes: changes.to_vec(),
                end: 0,
            });
        }
        if frames.is_empty() {
            return Ok(());
        }
        self.file.append(self.store.location(), &mut frames)?;
        self.frames.extend(frames);
        for staged in self.drafts.values_mut() {
            staged.saved = staged.draft.changes().len();
        }
        Ok(())
    }

    fn must_be_locked(&self) -> Result<()> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(Error::Invalid {
                key: "the stage".to_owned(),
                reason: "it was opened to be read only".to_owned(),
            }),
        }
    }

    /// Lists the packages with staged changes.
    pub fn packages(&self) -> Vec<PackageName> {
        let mut names: Vec<PackageName> = self.frames.iter().map(|frame| frame.package.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns the staged changes of a package as made, in order.
    pub fn raw_changes(&self, name: &PackageName) -> Vec<Change> {
        let frames = self.frames.iter().filter(|frame| frame.package == *name);
        frames.flat_map(|frame| frame.changes.iter().cloned()).collect()
    }

    /// Returns the staged changes of a package for people to read, under the names that the stage
    /// shows.
    ///
    /// # Errors
    /// As [`draft`](Stage::draft).
    pub fn changes(&mut self, name: &PackageName) -> Result<Vec<DisplayChange>> {
        let changes = self.raw_changes(name);
        let staged = self.staged(name)?;
        let (after, before) = (staged.draft.package(), &*staged.base);
        Ok(changes
            .iter()
            .map(|change| {
                let mut shown = DisplayChange::new(name, change, Some(after), Some(before));
                let renamed = matches!(change.kind, cms_model::ChangeKind::Rename { .. });
                if !renamed && let Some(section) = staged.draft.display_name(change.section) {
                    let option = change.option().map(|option| format!(".{option}")).unwrap_or_default();
                    shown.key = format!("{name}.{section}{option}");
                }
                shown
            })
            .collect())
    }

    /// Returns the staged changes of a package that no longer fit what others committed.
    ///
    /// # Errors
    /// As [`draft`](Stage::draft).
    pub fn stale(&mut self, name: &PackageName) -> Result<Vec<DisplayChange>> {
        let staged = self.staged(name)?;
        let shown = staged.stale.iter().map(|(_, change)| {
            DisplayChange::new(name, change, Some(staged.draft.package()), Some(&staged.base))
        });
        Ok(shown.collect())
    }

    /// Takes back the staged changes at a key; returns how many there were.
    ///
    /// Changes that can no longer be made without the ones taken back go with them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the key names a section that is not there.
    pub fn revert(&mut self, key: &Key) -> Result<usize> {
        self.must_be_locked()?;
        let package = key.package.clone();
        let section = match &key.section {
            None => None,
            Some(selector) => match self.staged(&package) {
                Ok(staged) => match staged.draft.resolve(selector) {
                    Some(section) => Some(section),
                    // A section whose deletion is staged is found in the state below.
                    None => match find_in(&staged.base, selector) {
                        Some(section) => Some(section),
                        None => return Err(Error::not_found(key)),
                    },
                },
                Err(error) => return Err(error),
            },
        };
        let is_meant = |change: &Change| match (&section, &key.option) {
            (None, _) => true,
            (Some(section), None) => change.section == *section,
            (Some(section), Some(option)) => {
                change.section == *section
                    && match &change.kind {
                        cms_model::ChangeKind::RenameOption { old, new } => old == option || new == option,
                        _ => change.option() == Some(option),
                    }
            }
        };
        let mut reverted = 0;
        for frame in self.frames.iter_mut().filter(|frame| frame.package == package) {
            let before = frame.changes.len();
            frame.changes.retain(|change| !is_meant(change));
            reverted += before - frame.changes.len();
        }
        if reverted == 0 {
            return Ok(0);
        }
        self.drafts.remove(&package);
        if let Ok(staged) = self.staged(&package) {
            let stale: Vec<Change> = staged.stale.iter().map(|(_, change)| change.clone()).collect();
            for frame in self.frames.iter_mut().filter(|frame| frame.package == package) {
                let before = frame.changes.len();
                frame.changes.retain(|change| !stale.contains(change));
                reverted += before - frame.changes.len();
            }
        }
        self.frames.retain(|frame| !frame.changes.is_empty());
        self.drafts.remove(&package);
        self.file.rewrite(self.store.location(), &mut self.frames)?;
        Ok(reverted)
    }

    /// Commits the staged changes, of one package or of all, as one transaction, and waits for the
    /// package files. A commit with nothing staged answers with no changes.
    ///
    /// # Errors
    /// [`Error::Conflict`] when somebody else changed the same since it was staged: the changes stay
    /// staged.
    pub fn commit(&mut self, only: Option<&PackageName>, options: &CommitOptions) -> Result<Committed> {
        self.save()?;
        let names: Vec<PackageName> =
            self.packages().into_iter().filter(|name| only.is_none_or(|only| only == name)).collect();
        let base = self.snapshot.revision().unwrap_or(Revision::EMPTY);
        if names.is_empty() {
            return Ok(Committed::nothing(base, Vec::new()));
        }
        let mut wanted = Vec::new();
        for name in &names {
            let frames = self.frames.iter().filter(|frame| frame.package == *name);
            let changes: Vec<(Revision, Change)> = frames
                .flat_map(|frame| frame.changes.iter().map(|change| (frame.base, change.clone())))
                .collect();
            let all_fresh = changes.iter().all(|(made_on, _)| *made_on == base);
            let staged = self.staged(name)?;
            // Changes made on this very state need no second look if nobody committed meanwhile.
            let made = (all_fresh && staged.stale.is_empty()).then(|| Made {
                base: staged.base.clone(),
                result: staged.draft.made().cloned().map(Arc::new),
            });
            wanted.push(Wanted { package: name.clone(), base, action: Action::Changes { changes, made } });
        }
        let signature = Signature {
            kind: CommitKind::Normal,
            author: current_user(),
            tool: options.tool.clone(),
            message: options.message.clone(),
            origin: Origin::Stage { owner: self.user, stage: self.file.identity, upto: self.file.end },
            confirm: options.confirm.clone(),
            at_most: options.at_most.unwrap_or(Mode::Enforce),
            at_least: options.at_least.unwrap_or(Mode::Off),
        };
        if options.dry_run {
            return self.store.plan(&wanted.into(), signature);
        }
        let outcome = self.store.commit_with_files(wanted, signature, Terms::default());
        if outcome.as_ref().is_err_and(|error| !error.is_committed()) {
            return outcome;
        }
        self.frames.retain(|frame| !names.contains(&frame.package));
        for name in &names {
            self.drafts.remove(name);
        }
        if let Err(error) = self.file.rewrite(self.store.location(), &mut self.frames) {
            // The log knows what was published; the next command drops it.
            tracing::warn!(%error, "the staged changes could not be cleared");
        }
        outcome
    }
}

fn find_in(package: &Arc<Package>, selector: &Selector) -> Option<cms_model::SectionId> {
    Draft::new(Package::clone(package), 0).resolve(selector)
}

//! What a commit is made of: what is wanted, checked against the head, rebased onto it, and built.
//!
//! `group` takes the steps of "A commit" in `docs/commit-protocol.md` with it.

use std::sync::Arc;
use std::time::Duration;

use cms_log::{
    Appended, Commit, CommitKind, EntryBody, Note, Object, Origin, PackageEntry, Pending, Revision, Root,
};
use cms_model::schema::Mode;
use cms_model::table::{TableChange, TableName};
use cms_model::{Change, ChangeKind, Edit, Package, PackageName};

use crate::confirm::Confirm;
use crate::describe::{DisplayChange, key_of};
use crate::error::{Error, Result};
use crate::external::Warning;
use crate::head::Head;
use crate::rebase::{Interest, Theirs};
use crate::status::now_ns;
use crate::store::{Log, Store, Writing};
use crate::tables::{self, Wish, check_tables};
use crate::terms::Terms;
use crate::validate::{Bounds, Looked};

/// How much a store has to replay at most before the next checkpoint.
const REPLAYED_COMMITS: usize = 128;
const REPLAYED_BYTES: usize = 4 << 20;
/// From here on a checkpoint is written as soon as it is cheap: every command is an opening that replays.
const FEW_COMMITS: usize = 8;
/// With more edits kept, what led up to a checkpoint of others is given up.
const MOST_EDITS: usize = 2 * REPLAYED_COMMITS;
/// A checkpoint is cheap when it has no more text to store than this for each commit that it spares.
const CHEAP_BYTES: u64 = 16 << 10;
/// A process that commits all the time leaves so much between the cheap ones.
const REST: Duration = Duration::from_millis(200);

/// What a transaction wants to become of one package.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub package: PackageName,
    /// The revision of the state it was made on.
    pub base: Revision,
    pub action: Action,
}

impl Wanted {
    /// The oldest revision that something of it was made on.
    pub(crate) fn oldest(&self) -> Revision {
        match &self.action {
            Action::Changes { changes, .. } => {
                changes.iter().map(|(base, _)| *base).min().unwrap_or(self.base)
            }
            _ => self.base,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Action {
    /// Changes, each with the revision it was made on.
    Changes { changes: Vec<(Revision, Change)>, made: Option<Made> },
    /// A package that was not there.
    Create(Arc<Package>),
    /// Another text, whose sections have the ids of those they stem from.
    Rewrite(Arc<Package>),
    /// The text of `to`, which was made from `from` by taking edits back, and so shares its blocks.
    Restore { from: Arc<Package>, to: Arc<Package> },
    /// No such package any more.
    Delete,
}

/// What changes were made on.
#[derive(Debug)]
pub(crate) struct Made {
    pub base: Arc<Package>,
    /// Their result, if it was put together. It stands when nobody else committed to the package.
    pub result: Option<Arc<Package>>,
}

impl Made {
    /// The result, or what has the same sections by the same names, which is all that it takes to name a change.
    pub(crate) fn shown(&self) -> &Package {
        self.result.as_deref().unwrap_or(&self.base)
    }
}

/// Who commits, and why.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub kind: CommitKind,
    pub author: String,
    pub tool: String,
    pub message: String,
    pub origin: Origin,
    /// Whether it is rolled back unless somebody confirms it.
    pub confirm: Option<Confirm>,
    /// What schemas may do at most.
    pub at_most: Mode,
    /// What schemas do at least, up to that.
    pub at_least: Mode,
}

/// What a commit did.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The revision it made, or the head when there was nothing to change.
    pub revision: Revision,
    /// What changed, by package.
    pub packages: Vec<(PackageName, Vec<DisplayChange>)>,
    /// What changed, by table.
    pub tables: Vec<(TableName, Vec<DisplayChange>)>,
    /// What its user should know besides.
    pub warnings: Vec<Warning>,
    /// What rolls it back unless somebody confirms it.
    pub armed: Option<Pending>,
}

impl Committed {
    pub(crate) fn nothing(revision: Revision, warnings: Vec<Warning>) -> Committed {
        Committed { revision, packages: Vec::new(), tables: Vec::new(), warnings, armed: None }
    }

    /// Tells whether nothing was changed, so that no revision was made.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.tables.is_empty()
    }

    /// Returns how many changes were made.
    pub fn changes(&self) -> usize {
        self.all().count()
    }

    /// Returns all changes, those of packages first.
    pub fn all(&self) -> impl Iterator<Item = &DisplayChange> {
        let tables = self.tables.iter().flat_map(|(_, changes)| changes);
        self.packages.iter().flat_map(|(_, changes)| changes).chain(tables)
    }
}

/// A commit that is ready to be appended.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub kind: CommitKind,
    pub author: String,
    pub tool: String,
    pub message: String,
    pub origin: Origin,
    pub packages: Vec<PreparedPackage>,
    pub tables: Vec<TableChange>,
    pub conflicts: Vec<(PackageName, Change)>,
    /// Notes that the log keeps if it has the commit.
    pub notes: Vec<Note>,
}

/// A commit that can be appended to the head that it was built on.
pub(crate) struct Built {
    pub commit: Arc<Commit>,
    /// The state after it.
    pub next: Head,
    /// What it names that may not be in the log yet.
    pub objects: Vec<Object>,
    pub checkpoint: Option<Root>,
    /// What the log notes with it.
    pub notes: Vec<Note>,
}

#[derive(Debug)]
pub(crate) struct PreparedPackage {
    pub name: PackageName,
    body: PreparedBody,
    /// The package from then on; `None` where it is deleted.
    pub result: Option<Arc<Package>>,
}

#[derive(Debug)]
enum PreparedBody {
    Edit { changes: Vec<Change>, edit: Edit },
    Create,
    Delete,
}

impl Prepared {
    pub(crate) fn new(kind: CommitKind, author: String, origin: Origin) -> Prepared {
        Prepared {
            kind,
            author,
            tool: String::new(),
            message: String::new(),
            origin,
            packages: Vec::new(),
            tables: Vec::new(),
            conflicts: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A commit that does nothing yet, of whoever signs.
    pub(crate) fn signed(signature: Signature) -> Prepared {
        let mut prepared = Prepared::new(signature.kind, signature.author, signature.origin);
        prepared.tool = signature.tool;
        prepared.message = signature.message;
        prepared
    }

    /// Tells whether it would change nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.tables.is_empty()
    }

    /// Says what it does to tables.
    pub(crate) fn display_tables(&self) -> Vec<(TableName, Vec<DisplayChange>)> {
        let named = self.tables.iter().filter_map(|change| Some((change.name().ok()?.clone(), change)));
        named.map(|(name, change)| (name, tables::display(change))).collect()
    }
}

impl PreparedPackage {
    pub(crate) fn created(name: PackageName, package: Arc<Package>) -> PreparedPackage {
        PreparedPackage { name, body: PreparedBody::Create, result: Some(package) }
    }

    pub(crate) fn deleted(name: PackageName) -> PreparedPackage {
        PreparedPackage { name, body: PreparedBody::Delete, result: None }
    }

    /// An edit whose meaning is the difference of the two states.
    pub(crate) fn edited(name: PackageName, old: &Package, new: Package) -> PreparedPackage {
        let changes = Package::diff(old, &new);
        PreparedPackage::changed(name, old, Arc::new(new), changes)
    }

    pub(crate) fn changed(
        name: PackageName,
        old: &Package,
        new: Arc<Package>,
        changes: Vec<Change>,
    ) -> PreparedPackage {
        let edit = Edit::between(old, &new);
        PreparedPackage { name, body: PreparedBody::Edit { changes, edit }, result: Some(new) }
    }

    /// A package that was changed where it is, by changes that did to its bytes what `edit` says.
    pub(crate) fn amended(
        name: PackageName,
        changes: Vec<Change>,
        edit: Edit,
        result: Arc<Package>,
    ) -> PreparedPackage {
        PreparedPackage { name, body: PreparedBody::Edit { changes, edit }, result: Some(result) }
    }

    /// Returns what changes in a package that goes on.
    pub(crate) fn changes(&self) -> Option<&[Change]> {
        match &self.body {
            PreparedBody::Edit { changes, .. } => Some(changes),
            PreparedBody::Create | PreparedBody::Delete => None,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(&self.body, PreparedBody::Edit { changes, edit } if changes.is_empty() && edit.is_empty())
    }

    pub(crate) fn display(&self, old: Option<&Package>) -> Vec<DisplayChange> {
        match &self.body {
            PreparedBody::Edit { changes, .. } => {
                let shown = self.result.as_deref().or(old);
                changes.iter().map(|change| DisplayChange::new(&self.name, change, shown, old)).collect()
            }
            PreparedBody::Create => vec![DisplayChange::package_created(&self.name)],
            PreparedBody::Delete => vec![DisplayChange::package_deleted(&self.name)],
        }
    }
}

impl Store {
    /// Says what [`commit`](Store::commit) would do now.
    pub(crate) fn plan(&self, wanted: &Wish, signature: Signature) -> Result<Committed> {
        let log = self.log("plan a commit")?;
        let head = log.newest()?;
        let bounds = Bounds::of(&signature);
        let (prepared, packages) = prepare(log, &head, wanted, signature)?;
        let warnings = self.check(log, &head, &prepared, bounds, &mut Looked::new())?;
        let tables = prepared.display_tables();
        Ok(Committed { packages, tables, ..Committed::nothing(head.revision, warnings) })
    }

    /// Commits, and returns when the package files have it, too.
    pub(crate) fn commit_with_files(
        &self,
        wanted: impl Into<Wish>,
        signature: Signature,
        terms: Terms,
    ) -> Result<Committed> {
        let mut committed = self.commit(wanted, signature, terms)?;
        let names: Vec<PackageName> = committed.packages.iter().map(|(name, _)| name.clone()).collect();
        committed.warnings.extend(self.follow(committed.revision, &names)?);
        Ok(committed)
    }

    /// Does what follows a commit that others see already, for one that was asked for and for a rollback alike: replaces the
    /// package files.
    pub(crate) fn follow(&self, revision: Revision, names: &[PackageName]) -> Result<Vec<Warning>> {
        self.write_package_files(names)
            .map_err(|source| Error::FilesPending { revision, source: Box::new(source) })
    }

    /// Appends a prepared commit, with a checkpoint when one is due. Not yet durable.
    pub(crate) fn append(
        &self,
        log: &Log,
        writing: &mut Writing<'_>,
        prepared: Prepared,
    ) -> Result<(Appended, Arc<Commit>)> {
        let built = self.build(log, &writing.head, prepared)?;
        self.append_built(log, writing, built)
    }

    /// Appends a commit that was built on the head.
    pub(crate) fn append_built(
        &self,
        log: &Log,
        writing: &mut Writing<'_>,
        built: Built,
    ) -> Result<(Appended, Arc<Commit>)> {
        let Built { commit, mut next, objects, checkpoint, notes } = built;
        let appended = log.backend.append_noting(
            writing.head.revision,
            &commit,
            &objects,
            checkpoint.as_ref(),
            &notes,
        )?;
        if let Some(root) = &checkpoint {
            next.rest_on(root);
            log.desk.tell_checkpoint(commit.revision);
        }
        *writing.head = next;
        log.recent.push(commit.clone());
        Ok((appended, commit))
    }

    /// Makes the commit that follows `head`, with a checkpoint when one is due.
    pub(crate) fn build(&self, log: &Log, head: &Head, prepared: Prepared) -> Result<Built> {
        let backend = &*log.backend;
        let revision = head.revision.next();
        let mut objects = Vec::new();
        let mut entries = Vec::with_capacity(prepared.packages.len());
        let mut made = Vec::with_capacity(prepared.packages.len());
        for package in prepared.packages {
            let body = match package.body {
                PreparedBody::Edit { changes, edit } => EntryBody::Edit { changes, edit },
                PreparedBody::Create => {
                    let created = package.result.as_deref().cloned().unwrap_or_else(Package::empty);
                    let stored = cms_log::store_package(backend, &created)?;
                    objects.extend(stored.objects);
                    EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None }
                }
                PreparedBody::Delete => {
                    let old = head.package(backend, &package.name)?;
                    let old = match old {
                        Some(old) => {
                            let stored = cms_log::store_package(backend, &old)?;
                            objects.extend(stored.objects);
                            Some(stored.manifest)
                        }
                        None => None,
                    };
                    EntryBody::Replace { old, new: None, changes: None }
                }
            };
            entries.push(PackageEntry { package: package.name.clone(), body });
            made.push((package.name, package.result));
        }
        let commit = Arc::new(Commit {
            revision,
            time_us: now_ns() / 1000,
            author: prepared.author,
            tool: prepared.tool,
            message: prepared.message,
            origin: prepared.origin,
            kind: prepared.kind,
            packages: entries,
            tables: prepared.tables,
            conflicts: prepared.conflicts,
        });
        let mut next = Head::clone(head);
        next.advance(&commit, made);
        let told = || log.desk.checkpoint();
        let checkpoint = if is_checkpoint_due(&mut next, told, |upto| backend.checkpoint(upto)) {
            Some(root_of(log, &next, &mut objects)?)
        } else {
            None
        };
        Ok(Built { commit, next, objects, checkpoint, notes: prepared.notes })
    }
}

/// The newest checkpoint of the log, as far as it can be read.
type Newest = cms_log::Result<Option<(Revision, Root)>>;

/// Tells whether the commit that leads to `head` shall have a checkpoint. `told` says where the newest one is as far as others have told, and
/// `newest` reads it.
fn is_checkpoint_due(
    head: &mut Head,
    told: impl FnOnce() -> Option<Revision>,
    newest: impl FnOnce(Revision) -> Newest,
) -> bool {
    let seems_due = |head: &Head| {
        let commits = head.replay.commits;
        commits >= REPLAYED_COMMITS
            || head.replay.bytes >= REPLAYED_BYTES
            || commits >= FEW_COMMITS
                && head.replay.since.is_none_or(|since| since.elapsed() >= REST)
                && head.unstored_bytes().is_some_and(|bytes| bytes <= commits as u64 * CHEAP_BYTES)
    };
    if !seems_due(head) {
        return false;
    }
    // What is told is enough to leave it at that, but not for what was kept since the last one that was read.
    if head.kept_edits() <= MOST_EDITS
        && let Some(checkpoint) = told()
    {
        head.count_from(checkpoint);
        if !seems_due(head) {
            return false;
        }
    }
    // Of the checkpoints that other processes write this one hears no more until it is about to write one itself. One that cannot be read
    // is a reason to write one.
    match newest(head.revision) {
        Ok(Some((checkpoint, root))) => head.adopt(checkpoint, &root),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the newest checkpoint cannot be read; another one is written"),
    }
    seems_due(head)
}

/// Stores what the log does not have yet of every package, and names them all.
fn root_of(log: &Log, head: &Head, objects: &mut Vec<Object>) -> Result<Root> {
    let mut root = Root::default();
    for (name, manifest) in head.manifests() {
        let manifest = match manifest {
            Some(manifest) => manifest,
            None => {
                let Some(package) = head.package(&*log.backend, name)? else { continue };
                let stored = cms_log::store_package(&*log.backend, &package)?;
                objects.extend(stored.objects);
                stored.manifest
            }
        };
        root.packages.insert(name.clone(), manifest);
    }
    Ok(root)
}

pub(crate) type Display = Vec<(PackageName, Vec<DisplayChange>)>;

/// Checks what is wanted against the head and brings it there.
pub(crate) fn prepare(
    log: &Log,
    head: &Head,
    wanted: &Wish,
    signature: Signature,
) -> Result<(Prepared, Display)> {
    let backend = &*log.backend;
    let mut prepared = Prepared::signed(signature);
    prepared.tables = check_tables(backend, &wanted.tables)?;
    let mut display = Vec::new();
    for wanted in &wanted.packages {
        let name = &wanted.package;
        let current = head.package(backend, name)?;
        let oldest = wanted.oldest();
        let is_newest = head.cell(name).is_some_and(|cell| cell.changed <= oldest);
        let read = |interest| match is_newest {
            true => Ok(Theirs::default()),
            false => Theirs::read(log, name, oldest, head.revision, &interest),
        };
        // What is done to a package as a whole stands up to no change at all.
        let stands_alone = || whole_package_conflict(name, &read(Interest::default())?, wanted.base);
        let package = match (&wanted.action, current.as_ref()) {
            (Action::Changes { changes, made }, Some(current)) => {
                let mine = || changes.iter().map(|(_, change)| change);
                let apply = |theirs: &Theirs| apply_changes(name, current, changes, made.as_ref(), theirs);
                let is_alone = is_newest || log.recent.leaves_alone(name, mine(), oldest, head.revision);
                match if is_alone { apply(&Theirs::default()).ok() } else { None } {
                    Some(package) => package,
                    // Why not is told by what others have done.
                    None => match read(Interest::of(mine())) {
                        // The commits since are not all kept, but what they left there is what the changes were made on.
                        Err(Error::Log(error)) if error.is_compacted() && are_as_made(changes, current) => {
                            apply(&Theirs::default())?
                        }
                        theirs => apply(&theirs?)?,
                    },
                }
            }
            (Action::Rewrite(new), Some(current)) => {
                stands_alone()?;
                let result = crate::rebase::rewritten(current, new)?;
                PreparedPackage::edited(name.clone(), current, result)
            }
            (Action::Restore { from, to }, Some(current)) => {
                stands_alone()?;
                let result = if Arc::ptr_eq(from, current) {
                    Package::clone(to)
                } else {
                    crate::rebase::rewritten(current, to)?
                };
                PreparedPackage::edited(name.clone(), current, result)
            }
            (Action::Delete, Some(_)) => {
                stands_alone()?;
                PreparedPackage::deleted(name.clone())
            }
            (Action::Create(_), Some(_)) => {
                stands_alone()?;
                return Err(Error::Exists { key: name.to_string() });
            }
            (Action::Create(new), None) => PreparedPackage::created(name.clone(), new.clone()),
            (Action::Rewrite(_) | Action::Restore { .. } | Action::Changes { .. } | Action::Delete, None) => {
                stands_alone()?;
                return Err(Error::not_found(name));
            }
        };
        keep(&mut prepared, &mut display, package, current.as_deref());
    }
    Ok((prepared, display))
}

/// Takes a package into a commit, if there is anything to do about it.
fn keep(prepared: &mut Prepared, display: &mut Display, package: PreparedPackage, before: Option<&Package>) {
    if !package.is_empty() {
        display.push((package.name.clone(), package.display(before)));
        prepared.packages.push(package);
    }
}

/// Tells whether changes find what they change as it was when they were made.
fn are_as_made(changes: &[(Revision, Change)], current: &Package) -> bool {
    let mut result = Package::clone(current);
    changes.iter().all(|(_, change)| result.apply(change).is_ok_and(|effective| effective == *change))
}

fn apply_changes(
    name: &PackageName,
    current: &Arc<Package>,
    changes: &[(Revision, Change)],
    made: Option<&Made>,
    theirs: &Theirs,
) -> Result<PreparedPackage> {
    if let Some(Made { base, result: Some(result) }) = made
        && Arc::ptr_eq(base, current)
    {
        let changes = changes.iter().map(|(_, change)| change.clone()).collect();
        return Ok(PreparedPackage::changed(name.clone(), current, result.clone(), changes));
    }
    let mut result = Package::clone(current);
    let mut effective = Vec::with_capacity(changes.len());
    let mut lost: Vec<(String, Revision, String)> = Vec::new();
    let full_key = |change: &Change, result: &Package| {
        let section = key_of(name, change, result, Some(current));
        change.option().map_or(section.clone(), |option| format!("{section}.{option}"))
    };
    for (base, change) in changes {
        if let Some(their) = theirs.conflict(change, *base) {
            let key = full_key(change, &result);
            lost.push((key, their.revision(), their.author().to_owned()));
            continue;
        }
        match result.apply(change) {
            Ok(change) if changes_nothing(&change) => {}
            Ok(change) => effective.push(change),
            Err(error) => match theirs.newest(*base) {
                Some(their) => {
                    let key = full_key(change, &result);
                    lost.push((key, their.revision(), their.author().to_owned()));
                }
                None if lost.is_empty() => {
                    let key = full_key(change, &result);
                    return Err(Error::Invalid { key, reason: error.to_string() });
                }
                // It depends on a change that is in conflict itself.
                None => {}
            },
        }
    }
    if let Some((_, revision, author)) = lost.first().cloned() {
        let mut keys: Vec<String> = lost.into_iter().map(|(key, _, _)| key).collect();
        keys.sort();
        keys.dedup();
        return Err(Error::Conflict { keys, revision, author });
    }
    Ok(PreparedPackage::changed(name.clone(), current, Arc::new(result), effective))
}

/// Somebody else said the same already.
pub(crate) fn changes_nothing(effective: &Change) -> bool {
    match &effective.kind {
        ChangeKind::Set { old, new, .. } => old.as_ref() == Some(new),
        ChangeKind::Rename { old, new } => old == new,
        ChangeKind::Retype { old, new } => old == new,
        ChangeKind::Move { old_after, new_after } => old_after == new_after,
        _ => false,
    }
}

fn whole_package_conflict(name: &PackageName, theirs: &Theirs, base: Revision) -> Result<()> {
    match theirs.newest(base) {
        Some(their) => Err(Error::Conflict {
            keys: vec![name.to_string()],
            revision: their.revision(),
            author: their.author().to_owned(),
        }),
        None => Ok(()),
    }
}

/// A package whose file does not parse keeps its file: nothing is committed to it.
pub(crate) fn refuse_unparsable(warnings: &[Warning]) -> Result<()> {
    for warning in warnings {
        match warning {
            Warning::Unparsable { package, diagnostics } => {
                return Err(Error::Unparsable { package: package.clone(), diagnostics: diagnostics.clone() });
            }
            Warning::Unreadable { package, reason } => {
                return Err(Error::Invalid {
                    key: package.to_string(),
                    reason: format!(
                        "the package file cannot be read, so it is unknown what is in it: {reason}"
                    ),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(revision: u64, commits: usize) -> Head {
        let mut head = Head::default();
        head.revision = Revision(revision);
        head.replay.commits = commits;
        head
    }

    #[test]
    fn a_checkpoint_is_due_where_the_log_has_none_that_is_near_or_can_be_read() {
        let at = |revision| move |_| Ok(Some((Revision(revision), Root::default())));
        let untold = || None;
        let unread = |_| unreachable!("it is not asked for");
        assert!(!is_checkpoint_due(&mut head(300, FEW_COMMITS - 1), untold, unread));
        assert!(is_checkpoint_due(&mut head(300, 200), untold, |_| Ok(None)));
        assert!(is_checkpoint_due(&mut head(300, 200), untold, at(100)), "the one that is known");
        assert!(is_checkpoint_due(&mut head(300, 200), untold, at(110)), "it is far away, too");
        let mut near = head(300, 200);
        assert!(!is_checkpoint_due(&mut near, untold, at(290)));
        assert_eq!(near.replay.commits, 10);
        let unreadable = |_| Err(cms_log::Error::ObjectMissing { digest: cms_log::Digest([0; 16]) });
        assert!(is_checkpoint_due(&mut head(300, 200), untold, unreadable));
        // What others tell spares the reading, unless it says nothing new, or something that cannot be.
        let mut near = head(300, 200);
        assert!(!is_checkpoint_due(&mut near, || Some(Revision(290)), unread));
        assert_eq!(near.replay.commits, 10);
        for told in [0, 50, 100, 110, 301, u64::MAX] {
            assert!(is_checkpoint_due(&mut head(300, 200), || Some(Revision(told)), |_| Ok(None)), "{told}");
        }
    }
}

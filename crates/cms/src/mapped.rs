//! The segment of a store: what any process reads without opening the log.
//!
//! It is a view of the log. Whoever commits brings it up to date before the commit is acknowledged; whoever opens the log
//! and finds the segment missing, older or damaged builds it anew. Where that cannot be done the segment is marked
//! as stale, and readers go to the log and the files.

pub(crate) mod layout;

mod apply;
pub(crate) mod find;
pub(crate) mod limit;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cms_log::{Backend, Commit, Digest, EntryBody, FileView, Revision};
use cms_model::{Package, PackageName};
use cms_segment::{Error as SegmentError, Root, RootOptions, SegmentOptions, Snapshot, Value, Writer};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::head::{Head, growth};
use crate::location::Location;
use crate::lock::FileLock;
use crate::package_file::NEW_FILE_MODE;
use crate::recent::Recent;
use limit::{Beyond, Limit};

/// The note in the log that says which segment was built from it.
const SEGMENT: &str = "segment";

/// More commits than this are not put in one by one.
const FEW_COMMITS: u64 = 256;

/// The bits of a mode that let others read a file.
const WORLD_READABLE: u32 = 0o004;

/// The directory of a store's segments.
pub(crate) fn directory(location: &Location) -> PathBuf {
    location.run().join("segment")
}

/// Opens the store at `directory` if it was made since the machine was started. A runtime directory may lie on a disk, and
/// what a power failure leaves there of pages that were written at random is nobody's state.
fn of_this_boot(root: Root) -> Option<Root> {
    (root.identity()[..BOOT_BYTES] == boot()[..]).then_some(root)
}

/// Opens the segment of a store for reading, if it can be of use.
pub(crate) fn attach(directory: &Path) -> Option<Root> {
    Root::attach(directory).ok().and_then(of_this_boot).filter(|root| !root.is_stale())
}

/// The first bytes of a segment's identity: which start of the machine it was made after.
const BOOT_BYTES: usize = 8;

fn boot() -> [u8; BOOT_BYTES] {
    let id = fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut bytes = [0; BOOT_BYTES];
    bytes.copy_from_slice(&Digest::of(&id).0[..BOOT_BYTES]);
    bytes
}

/// Reads the revision of the log that a snapshot of the segment shows.
pub(crate) fn revision_of(snapshot: &Snapshot) -> Option<Revision> {
    match snapshot.get_in(b"", layout::REVISION) {
        Ok(Some(Value::Int(revision))) => u64::try_from(revision).ok().map(Revision),
        _ => None,
    }
}

/// Reads how many bytes of text the packages have that a snapshot of the segment shows.
fn text_of(snapshot: &Snapshot) -> Option<u64> {
    match snapshot.get_in(b"", layout::TEXT) {
        Ok(Some(Value::Int(text))) => u64::try_from(text).ok(),
        _ => None,
    }
}

/// The segment of a store whose log this process has.
pub(crate) struct Mapped {
    location: Location,
    limit: Limit,
    root: Mutex<Option<Root>>,
    /// The length of all texts at the revision for which that was last asked.
    measured: Mutex<Option<(Revision, u64)>>,
}

/// What brings a segment up to date, and may be short of room or find damage.
enum Outcome {
    Current,
    /// It has to be built anew.
    Unfit(SegmentError),
}

impl Mapped {
    pub(crate) fn new(location: &Location, limit: Limit) -> Mapped {
        Mapped { location: location.clone(), limit, root: Mutex::new(None), measured: Mutex::new(None) }
    }

    /// Returns the root, if there is one that was built from this log.
    fn existing(&self, backend: &dyn Backend) -> Option<Root> {
        let mut root = self.root.lock();
        if let Some(root) = &*root
            && !root.is_stale()
        {
            return Some(root.clone());
        }
        let opened = Root::open(&directory(&self.location)).ok().and_then(of_this_boot)?;
        if backend.meta(SEGMENT).ok()?.as_deref() != Some(&opened.identity()[..]) {
            return None;
        }
        *root = Some(opened.clone());
        Some(opened)
    }

    /// Returns a snapshot of the segment, if it shows `revision`.
    pub(crate) fn snapshot(&self, backend: &dyn Backend, revision: Revision) -> Option<Snapshot> {
        let root = self.existing(backend)?;
        if root.is_stale() {
            return None;
        }
        let snapshot = root.snapshot().ok()?;
        (revision_of(&snapshot) == Some(revision)).then_some(snapshot)
    }

    /// Returns the root, if the segment is in use.
    pub(crate) fn root(&self, backend: &dyn Backend) -> Option<Root> {
        self.existing(backend)
    }

    /// Brings the segment up to `head`, which `made` led to if they are given. It never fails: what cannot be shown is marked
    /// as stale.
    pub(crate) fn follow(&self, backend: &dyn Backend, head: &Head, recent: &Recent, made: &[Arc<Commit>]) {
        let outcome = match self.existing(backend) {
            Some(root) => self.catch_up(backend, &root, head, recent, made),
            None => Ok(Outcome::Unfit(SegmentError::Absent { path: directory(&self.location) })),
        };
        let built = match outcome {
            Ok(Outcome::Current) => return,
            Ok(Outcome::Unfit(reason)) => match self.beyond(backend, head) {
                Ok(Some(Beyond { text, limit, bound })) => {
                    tracing::debug!(text, limit, ?bound, "the packages have too much text for a segment");
                    self.withdraw();
                    return;
                }
                Ok(None) => {
                    tracing::debug!(%reason, revision = head.revision.0, "building the segment");
                    self.build_alone(backend, head, recent)
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = built {
            self.give_up(&error);
        }
    }

    /// Tells why there is to be no segment of `head`, if that is so. Nothing is loaded to find out.
    pub(crate) fn beyond(&self, backend: &dyn Backend, head: &Head) -> Result<Option<Beyond>> {
        Ok(self.limit.exceeded(self.text_len(backend, head)?, self.location.run()))
    }

    fn text_len(&self, backend: &dyn Backend, head: &Head) -> Result<u64> {
        let mut measured = self.measured.lock();
        match *measured {
            Some((revision, text)) if revision == head.revision => Ok(text),
            _ => {
                let text = head.text_len(backend)?;
                *measured = Some((head.revision, text));
                Ok(text)
            }
        }
    }

    /// Takes the segment away, if there is one.
    fn withdraw(&self) {
        let directory = directory(&self.location);
        let root = self.root.lock().take();
        match root.or_else(|| Root::open(&directory).ok()) {
            Some(root) => self.retire(&root),
            // What a build left behind that was cut short takes room, too.
            None => {
                if let Err(error) = fs::remove_dir_all(&directory)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::debug!(%error, "what is left of a segment could not be removed");
                }
            }
        }
    }

    /// Builds the segment, one process at a time: whoever had to wait finds it built.
    fn build_alone(&self, backend: &dyn Backend, head: &Head, recent: &Recent) -> Result<()> {
        let _building = FileLock::wait(&self.location, &self.location.state().join("segment.lock"))?;
        match self.existing(backend).map(|root| self.catch_up(backend, &root, head, recent, &[])) {
            Some(Ok(Outcome::Current)) => Ok(()),
            _ => self.build(backend, head),
        }
    }

    /// Notes what package files hold. Answers whether the segment had to be given up, because fewer people than before may
    /// read a file.
    pub(crate) fn note(&self, backend: &dyn Backend, views: &[(PackageName, Option<FileView>)]) -> bool {
        let Some(root) = self.existing(backend) else { return false };
        let noted = (|| {
            let mut writer = root.writer()?;
            let (next, snapshot) = (writer.head() + 1, root.snapshot()?);
            let mut batch = writer.batch(next)?;
            for (name, view) in views {
                // A package that the segment does not show yet gets its note when it does.
                if snapshot.get_in(&layout::note_path(name), layout::NOTE)?.is_some() {
                    apply::set_note(&mut batch, name, view.as_ref())?;
                }
            }
            batch.publish()
        })();
        if let Err(error) = noted {
            self.give_up(&error.into());
        }
        let mut exposed = views.iter().filter(|(name, view)| view.is_some() && self.is_exposed(&root, name));
        let is_exposed = exposed.next().is_some();
        if is_exposed {
            self.retire(&root);
        }
        is_exposed
    }

    /// Tells whether people can read a package in the segment who cannot read its file.
    fn is_exposed(&self, root: &Root, name: &PackageName) -> bool {
        let options = self.rights(name);
        if options.name.is_empty() {
            return false;
        }
        let segments = root.segments().unwrap_or_default();
        if !segments.contains(&options.name) {
            return true;
        }
        let files = fs::read_dir(root.directory()).into_iter().flatten().flatten();
        let mut ours = files.filter(|file| {
            let file = file.file_name();
            let file = file.to_string_lossy();
            file.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        });
        ours.any(|file| {
            file.metadata().is_ok_and(|meta| {
                meta.mode() & 0o777 != options.mode || options.owner != Some((meta.uid(), meta.gid()))
            })
        })
    }

    /// Says who may read the segment of a package: who may read its file. Packages that everybody may read share one.
    fn rights(&self, name: &PackageName) -> SegmentOptions {
        let (mode, owner) = match fs::metadata(self.location.config().join(name.as_str())) {
            Ok(meta) => (meta.mode(), (meta.uid(), meta.gid())),
            // The file is yet to be made.
            Err(_) => (NEW_FILE_MODE, (self.location.owner(), self.location.group())),
        };
        if mode & WORLD_READABLE != 0 {
            return SegmentOptions::default();
        }
        // The owner writes the segment, whatever the file's bits for the owner say.
        let mode = mode & 0o440 | 0o600;
        SegmentOptions { name: name.to_string(), mode, owner: Some(owner), ..SegmentOptions::default() }
    }

    /// Makes sure that a package has the segment that it belongs to.
    fn provide(&self, root: &Root, writer: &mut Writer<'_>, name: &PackageName) -> cms_segment::Result<()> {
        let options = self.rights(name);
        if options.name.is_empty() || root.segments()?.contains(&options.name) {
            return Ok(());
        }
        writer.add_segment(&options)
    }

    /// Says that a segment is not to be used any more, and takes its name away.
    fn retire(&self, root: &Root) {
        if let Ok(mut writer) = root.writer() {
            writer.set_stale(true);
        }
        *self.root.lock() = None;
        if let Err(error) = fs::remove_dir_all(root.directory()) {
            tracing::warn!(%error, "the segment could not be removed");
        }
    }

    fn give_up(&self, error: &Error) {
        let is_missing =
            matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
        if error.is_permission() || is_missing {
            // No runtime directory: there never is a segment here.
            tracing::debug!(%error, "there is no segment");
        } else {
            tracing::warn!(%error, "the segment could not be brought up to the log; reading goes on without it");
        }
        let root = self.root.lock().take();
        let root = root.or_else(|| Root::open(&directory(&self.location)).ok());
        if let Some(root) = root
            && let Ok(mut writer) = root.writer()
        {
            writer.set_stale(true);
        }
    }

    /// Puts in the commits that the segment lacks, in order.
    fn catch_up(
        &self,
        backend: &dyn Backend,
        root: &Root,
        head: &Head,
        recent: &Recent,
        made: &[Arc<Commit>],
    ) -> Result<Outcome> {
        let mut writer = match root.writer() {
            Ok(writer) => writer,
            Err(error) => return Ok(Outcome::Unfit(error)),
        };
        if root.is_stale() {
            return Ok(Outcome::Unfit(SegmentError::Busy));
        }
        let snapshot = match root.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return Ok(Outcome::Unfit(error)),
        };
        let Some(shown) = revision_of(&snapshot) else {
            return Ok(Outcome::Unfit(SegmentError::Damaged { what: "no revision" }));
        };
        if shown >= head.revision {
            // One that is ahead of the log was built from another one.
            return if backend.head()? >= shown {
                Ok(Outcome::Current)
            } else {
                Ok(Outcome::Unfit(SegmentError::Damaged { what: "the revision" }))
            };
        }
        let mut read = Vec::new();
        let is_next = made.first().is_some_and(|first| first.revision == shown.next())
            && made.last().is_some_and(|last| last.revision == head.revision);
        let commits: Vec<&Commit> = match made.first() {
            Some(_) if is_next => made.iter().map(|commit| &**commit).collect(),
            _ if head.revision.0 - shown.0 > FEW_COMMITS => {
                return Ok(Outcome::Unfit(SegmentError::Damaged { what: "the revision" }));
            }
            _ => {
                let outcome = recent.visit(backend, shown, head.revision, |commit| read.push(commit.clone()));
                match outcome {
                    Ok(()) => read.iter().map(|commit| &**commit).collect(),
                    Err(Error::Log(cms_log::Error::Compacted { .. })) => {
                        return Ok(Outcome::Unfit(SegmentError::Damaged { what: "the revision" }));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let Some(before) = text_of(&snapshot) else {
            return Ok(Outcome::Unfit(SegmentError::Damaged { what: "no length of the text" }));
        };
        let text = text_after(backend, before, &commits)?;
        if text > self.limit.greatest() {
            return Ok(Outcome::Unfit(SegmentError::Full { limit: self.limit.greatest(), wanted: text }));
        }
        for entry in commits.iter().flat_map(|commit| &commit.packages) {
            if matches!(entry.body, EntryBody::Replace { new: Some(_), .. })
                && let Err(error) = self.provide(root, &mut writer, &entry.package)
            {
                return Ok(Outcome::Unfit(error));
            }
        }
        match put(backend, &mut writer, &snapshot, head, &commits, text) {
            Ok(()) => Ok(Outcome::Current),
            Err(Error::Segment(reason)) => Ok(Outcome::Unfit(reason)),
            Err(error) => Err(error),
        }
    }

    /// Builds the segment from the head.
    fn build(&self, backend: &dyn Backend, head: &Head) -> Result<()> {
        let directory = directory(&self.location);
        let root = match self.existing(backend) {
            Some(root) => root,
            None => self.create(backend, &directory)?,
        };
        let mut writer = root.writer()?;
        let views = backend.views()?;
        let view = |name: &PackageName| views.iter().find(|(known, _)| known == name).map(|(_, view)| view);
        for (name, _) in head.cells() {
            self.provide(&root, &mut writer, name)?;
        }
        let next = writer.head() + 1;
        let mut load = writer.load(next)?;
        apply::load_state(&mut load, head.revision, self.text_len(backend, head)?)?;
        for (name, cell) in head.cells() {
            let package = cell.read(backend, name, head.revision)?;
            apply::load_package(&mut load, name, &package, view(name))?;
        }
        load.publish()?;
        writer.set_stale(false);
        drop(writer);
        tracing::info!(revision = head.revision.0, "built the segment");
        *self.root.lock() = Some(root);
        Ok(())
    }

    fn create(&self, backend: &dyn Backend, directory: &Path) -> Result<Root> {
        let failed = |source| Error::io("create", directory, source);
        if let Ok(old) = Root::open(directory) {
            // Of another log, or given up: who reads from it shall look for the new one.
            self.retire(&old);
        } else if directory.exists() {
            fs::remove_dir_all(directory).map_err(failed)?;
        }
        self.location.create_run()?;
        fs::DirBuilder::new().mode(0o755).recursive(true).create(directory).map_err(failed)?;
        let mut identity = [0; 16];
        identity[..BOOT_BYTES].copy_from_slice(&boot());
        identity[BOOT_BYTES..].copy_from_slice(&crate::store::seed().to_le_bytes());
        let owner = Some((self.location.owner(), self.location.group()));
        let options = RootOptions {
            identity: Some(identity),
            segment: SegmentOptions { owner, ..SegmentOptions::default() },
            ..RootOptions::default()
        };
        let root = Root::create(directory, &options)?;
        for path in [directory.to_owned(), directory.join("root")] {
            self.location.give_to_owner(&path).map_err(failed)?;
        }
        backend.set_meta(SEGMENT, Some(&identity))?;
        Ok(root)
    }
}

/// Returns how much text the packages have together after some commits.
fn text_after(backend: &dyn Backend, before: u64, commits: &[&Commit]) -> Result<u64> {
    let mut text = before;
    for entry in commits.iter().flat_map(|commit| &commit.packages) {
        match &entry.body {
            EntryBody::Edit { edit, .. } => text = text.saturating_add_signed(growth(edit)),
            EntryBody::Replace { old, new, .. } => {
                let length = |manifest: &Option<Digest>| match manifest {
                    Some(manifest) => cms_log::package_text_len(backend, manifest),
                    None => Ok(0),
                };
                text = text.saturating_sub(length(old)?).saturating_add(length(new)?);
            }
        }
    }
    Ok(text)
}

/// Puts commits into the segment as one batch.
fn put(
    backend: &dyn Backend,
    writer: &mut Writer<'_>,
    before: &Snapshot,
    head: &Head,
    commits: &[&Commit],
    text: u64,
) -> Result<()> {
    let mut names: Vec<&PackageName> =
        commits.iter().flat_map(|commit| commit.packages.iter().map(|entry| &entry.package)).collect();
    names.sort();
    names.dedup();
    let mut after: Vec<(&PackageName, Option<Arc<Package>>)> = Vec::new();
    for name in names {
        after.push((name, head.package(backend, name)?));
    }
    let package = |name: &PackageName| {
        after.iter().find(|(known, _)| *known == name).and_then(|(_, package)| package.clone())
    };
    if commits.iter().any(|commit| apply::wants_load(commit, &package)) {
        return Err(SegmentError::Invalid { what: "a whole package is loaded in bulk" }.into());
    }
    let next = writer.head() + 1;
    let mut batch = writer.batch(next)?;
    for (name, package) in &after {
        let bodies: Vec<&EntryBody> = commits
            .iter()
            .flat_map(|commit| commit.packages.iter().filter(|entry| entry.package == **name))
            .map(|entry| &entry.body)
            .collect();
        apply::put_package(&mut batch, name, &bodies, before, package.as_deref())?;
    }
    apply::set_revision(&mut batch, head.revision)?;
    if text_of(before) != Some(text) {
        apply::set_text(&mut batch, text)?;
    }
    tracing::trace!("publishing");
    batch.publish()?;
    Ok(())
}

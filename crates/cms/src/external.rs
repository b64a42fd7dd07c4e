//! Edits that other programs made to package files: finding them and bringing them into the log.
//!
//! The rules are those of "An edit by another program" in `docs/commit-protocol.md`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, CommitKind, Digest, FileView, Order, Origin, Revision, Views};
use cms_model::{Diagnostic, Package, PackageName};

use crate::author::EXTERNAL;
use crate::commit::{Prepared, PreparedPackage};
use crate::error::Result;
use crate::head::Head;
use crate::package_file::PackageFile;
use crate::rebase::{Interest, Theirs, rewritten};
use crate::status::Status;
use crate::store::{Files, Log, Store, Writing, seed, text_digest};

/// How long a `uci` may take from reading a file to replacing it: longer than any does that is not
/// stopped, shorter than a person takes to undo what was just committed.
const OVERTAKEN_US: i64 = 2_000_000;
/// How many edited texts are noted of a package, and how long a note is.
const EDITED_TEXTS: usize = 16;
const EDITED_LENGTH: usize = 40;
/// How many commits can come in between.
const OVERTAKEN_COMMITS: u64 = 512;

/// Something about a package that its user should know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// The file does not parse; the package is read as it was when it last did.
    Unparsable {
        /// The package.
        package: PackageName,
        /// Every fault found, in order.
        diagnostics: Vec<Diagnostic>,
    },
    /// The file is newer than the log, and this process may not, or could not yet, bring the edit in.
    NewerThanLog {
        /// The package.
        package: PackageName,
    },
    /// An edit of the file contradicted an acknowledged commit: the commit stands, and the lost
    /// changes are kept in the external commit.
    LostEdit {
        /// The package.
        package: PackageName,
        /// The external commit that keeps them.
        revision: Revision,
        /// How many changes were not applied.
        changes: usize,
    },
    /// What the commit changed is not what a schema allows, or a schema has faults.
    Findings {
        /// A package that was changed.
        package: PackageName,
        /// What was found, each with its file.
        diagnostics: Vec<Diagnostic>,
    },
    /// The file could not be read.
    Unreadable {
        /// The package.
        package: PackageName,
        /// Why.
        reason: String,
    },
}

impl Warning {
    /// The package that it is about.
    pub fn package(&self) -> &PackageName {
        match self {
            Warning::Unparsable { package, .. }
            | Warning::NewerThanLog { package }
            | Warning::LostEdit { package, .. }
            | Warning::Findings { package, .. }
            | Warning::Unreadable { package, .. } => package,
        }
    }
}

/// What the file of a package is, compared with the log.
#[derive(Debug)]
pub(crate) enum Finding {
    /// Nothing to do.
    Same,
    /// The content is known; the note to take. `behind` when the file must still be written.
    Seen { view: Option<FileView>, behind: bool },
    /// The log is ahead: the file must be written.
    Behind,
    /// The text is new.
    Edited(Box<Edited>),
    /// The file was deleted.
    Removed,
    /// The text is new and does not parse.
    Unparsable(Vec<Diagnostic>),
}

#[derive(Debug)]
pub(crate) struct Edited {
    pub text: Package,
    digest: Digest,
    status: Status,
    view: Option<FileView>,
}

/// What absorbing came to.
#[derive(Debug, Default)]
pub(crate) struct Absorbed {
    pub warnings: Vec<Warning>,
    /// Packages whose files have to be written.
    pub behind: Vec<PackageName>,
    pub committed: bool,
}

impl Store {
    /// All packages that have a file, a view or a place in the log.
    pub(crate) fn known_names(&self, log: &Log, head: &Head) -> Result<Vec<PackageName>> {
        Ok(all_names(&*self.files()?, &log.backend.look()?.views, head).into_owned())
    }

    /// Compares a package's file with the log.
    pub(crate) fn examine(&self, log: &Log, head: &Head, name: &PackageName) -> Result<Finding> {
        let view = log.view(name)?;
        self.examine_with(log, head, name, view)
    }

    fn examine_with(
        &self,
        log: &Log,
        head: &Head,
        name: &PackageName,
        view: Option<FileView>,
    ) -> Result<Finding> {
        let (file, status) = PackageFile::look(self.location().config(), name);
        self.compare(log, head, name, view, &file, status?)
    }

    /// Compares a package's file, as it was looked at, with the log.
    pub(crate) fn compare(
        &self,
        log: &Log,
        head: &Head,
        name: &PackageName,
        view: Option<FileView>,
        file: &PackageFile,
        status: Option<Status>,
    ) -> Result<Finding> {
        let backend = &*log.backend;
        let cell = head.cell(name);
        // Tells whether the log has a newer text than the view; a cell that rests on a checkpoint
        // knows only an upper bound of its last change, so then the texts decide.
        let behind = |view: &FileView| -> Result<bool> {
            match cell {
                Some(cell) if view.revision >= cell.changed => Ok(false),
                Some(cell) if cell.exact => Ok(true),
                Some(cell) => Ok(text_digest(&*cell.package(backend, name, head.revision)?) != view.digest),
                None => Ok(true),
            }
        };
        match (view, status) {
            (None, None) if cell.is_none() => Ok(Finding::Same),
            (None, None) => Ok(Finding::Behind),
            (Some(_), None) if cell.is_none() => Ok(Finding::Seen { view: None, behind: false }),
            (Some(view), None) => {
                if behind(&view)? {
                    Ok(Finding::Behind)
                } else {
                    Ok(Finding::Removed)
                }
            }
            (Some(view), Some(status)) if status.proves(&view) => {
                if cell.is_some_and(|cell| view.revision >= cell.changed) {
                    Ok(Finding::Same)
                } else if behind(&view)? {
                    Ok(Finding::Behind)
                } else {
                    Ok(Finding::Seen { view: Some(status.view(head.revision, view.digest)), behind: false })
                }
            }
            (view, Some(_)) => {
                let Some((digest, status)) = file.digest()? else {
                    // It went away between the two looks.
                    return self.examine_with(log, head, name, view);
                };
                if let Some(view) = &view
                    && view.digest == digest
                {
                    let behind = behind(view)?;
                    let seen = status.view(view.revision, digest);
                    // A note that the next look could not believe either is not worth its writing.
                    if !behind && (!status.proves(&seen) || status.equals(view) && log.confirm(name, &seen)) {
                        return Ok(Finding::Same);
                    }
                    return Ok(Finding::Seen { view: Some(seen), behind });
                }
                if let Some(known) = self.revision_of_text(log, head, name, view.as_ref(), digest)? {
                    let behind = known < head.revision
                        && cell.is_none_or(|cell| cell.changed > known)
                        && match cell {
                            Some(cell) => {
                                text_digest(&*cell.package(backend, name, head.revision)?) != digest
                            }
                            None => true,
                        };
                    return Ok(Finding::Seen { view: Some(status.view(known, digest)), behind });
                }
                match file.parse()? {
                    None => self.examine_with(log, head, name, view),
                    Some((Ok(text), digest, status)) => {
                        Ok(Finding::Edited(Box::new(Edited { text, digest, status, view })))
                    }
                    Some((Err(diagnostics), _, _)) => {
                        let path = file.path().display().to_string();
                        let placed = diagnostics.into_iter().map(|found| found.in_file(path.clone()));
                        Ok(Finding::Unparsable(placed.collect()))
                    }
                }
            }
        }
    }

    /// Finds the revision after the view whose text has this digest: a replacement that was cut
    /// short after the swap, or an edit that has been absorbed already.
    fn revision_of_text(
        &self,
        log: &Log,
        head: &Head,
        name: &PackageName,
        view: Option<&FileView>,
        digest: Digest,
    ) -> Result<Option<Revision>> {
        let backend = &*log.backend;
        if let Some(package) = head.package(backend, name)?
            && text_digest(&package) == digest
        {
            return Ok(Some(head.revision));
        }
        let mut edited = EditedText::read(backend, name)?.into_iter();
        if let Some(edited) =
            edited.find(|edited| edited.digest == digest && edited.revision <= head.revision)
        {
            // The log went on from that text when it merged it: the file is one revision behind.
            return Ok(Some(Revision(edited.revision.0.saturating_sub(1))));
        }
        let Some(view) = view else { return Ok(None) };
        let mut touched = Vec::new();
        backend.headers(view.revision, head.revision, Order::Ascending, &mut |header| {
            if header.packages.contains(name) {
                touched.push(header.revision);
            }
            ControlFlow::Continue(())
        })?;
        for revision in touched {
            if let Some(package) = still_kept(backend, name, revision)?
                && text_digest(&package) == digest
            {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// Brings edits of the named packages' files into the log.
    pub(crate) fn absorb(
        &self,
        log: &Log,
        writing: &mut Writing<'_>,
        names: &[PackageName],
    ) -> Result<Absorbed> {
        let mut absorbed = Absorbed::default();
        let mut views = Vec::new();
        let mut prepared = Prepared::new(CommitKind::External, EXTERNAL.to_owned(), Origin::Direct);
        if writing.head.revision == Revision::EMPTY {
            prepared.kind = CommitKind::Import;
        }
        let mut edited_views = Vec::new();
        for name in names {
            let finding = match self.examine(log, &writing.head, name) {
                Ok(finding) => finding,
                Err(crate::Error::Io { source, .. }) => {
                    let reason = source.to_string();
                    absorbed.warnings.push(Warning::Unreadable { package: name.clone(), reason });
                    continue;
                }
                Err(error) => return Err(error),
            };
            match finding {
                Finding::Same => {}
                Finding::Behind => absorbed.behind.push(name.clone()),
                Finding::Seen { view, behind } => {
                    views.push((name.clone(), view));
                    if behind {
                        absorbed.behind.push(name.clone());
                    }
                }
                Finding::Unparsable(diagnostics) => {
                    absorbed.warnings.push(Warning::Unparsable { package: name.clone(), diagnostics });
                }
                Finding::Removed => {
                    prepared.packages.push(PreparedPackage::deleted(name.clone()));
                    edited_views.push((name.clone(), None, false));
                }
                Finding::Edited(edited) => {
                    let (digest, status) = (edited.digest, edited.status);
                    let merged = self.merge(log, &writing.head, name, *edited, &mut prepared)?;
                    edited_views.push((name.clone(), Some((digest, status)), merged));
                }
            }
        }
        if !prepared.packages.is_empty() || !prepared.conflicts.is_empty() {
            let lost = prepared.conflicts.clone();
            let (appended, commit) = self.append(log, writing, prepared)?;
            let revision = appended.revision();
            log.backend.sync(appended)?;
            log.show(&log.publish(Arc::new(writing.head.clone())), &[commit]);
            absorbed.committed = true;
            tracing::info!(
                revision = revision.0,
                packages = edited_views.len(),
                "brought in edits by other programs"
            );
            for (name, seen, merged) in edited_views {
                if merged {
                    absorbed.behind.push(name.clone());
                }
                let changes = lost.iter().filter(|(package, _)| *package == name).count();
                if changes > 0 {
                    tracing::warn!(package = %name, changes, revision = revision.0, "an edit lost against a commit");
                    absorbed.warnings.push(Warning::LostEdit { package: name.clone(), revision, changes });
                }
                let of = if merged { Revision(revision.0.saturating_sub(1)) } else { revision };
                views.push((name, seen.map(|(digest, status)| status.view(of, digest))));
            }
        }
        log.note(&views);
        Ok(absorbed)
    }

    /// Prepares the commit of one edited file; tells whether the result differs from the file.
    fn merge(
        &self,
        log: &Log,
        head: &Head,
        name: &PackageName,
        edited: Edited,
        prepared: &mut Prepared,
    ) -> Result<bool> {
        let backend = &*log.backend;
        let Some(current) = head.package(backend, name)? else {
            prepared.packages.push(PreparedPackage::created(name.clone(), Arc::new(edited.text)));
            return Ok(false);
        };
        let (mut base, mut since) = self.base_of_edit(log, head, name, edited.view.as_ref(), &current)?;
        if let Some(older) = self.overtaken_base(log, name, &edited, since)? {
            (base, since) = older;
        }
        let adopted = base.adopt(edited.text, seed());
        if Arc::ptr_eq(&base, &current) {
            let result = rewritten(&current, &adopted)?;
            prepared.packages.push(PreparedPackage::edited(name.clone(), &current, result));
            return Ok(false);
        }
        // The edited text itself is the base of a further edit, and the sign that this one is in.
        let next = head.revision.next();
        EditedText::note(backend, name, next, edited.digest, &adopted)?;
        let theirs = Theirs::read(log, name, since, head.revision, &Interest::all())?;
        let mut result = Package::clone(&current);
        for change in Package::diff(&base, &adopted) {
            if theirs.conflict(&change, since).is_some() || result.apply(&change).is_err() {
                prepared.conflicts.push((name.clone(), change));
            }
        }
        prepared.packages.push(PreparedPackage::edited(name.clone(), &current, result));
        Ok(true)
    }

    /// The text that the editor had in front of it, and its revision.
    fn base_of_edit(
        &self,
        log: &Log,
        head: &Head,
        name: &PackageName,
        view: Option<&FileView>,
        current: &Arc<Package>,
    ) -> Result<(Arc<Package>, Revision)> {
        let Some(view) = view else { return Ok((current.clone(), head.revision)) };
        if text_digest(current) == view.digest {
            return Ok((current.clone(), head.revision));
        }
        let backend = &*log.backend;
        let mut edited = EditedText::read(backend, name)?.into_iter();
        let is_kept = view.revision >= backend.first()?;
        if is_kept
            && let Some(edited) = edited.find(|edited| edited.digest == view.digest)
            && let Some(package) = edited.text(backend)?
        {
            return Ok((package, view.revision));
        }
        if is_kept
            && view.revision < head.revision
            && let Some(package) = still_kept(backend, name, view.revision)?
        {
            return Ok((package, view.revision));
        }
        Ok((current.clone(), head.revision))
    }

    /// Finds the older text that an edit was made on when a replacement of ours overtook it.
    ///
    /// A reference `uci` that waits for its lock goes on with the file it has open, also when that is
    /// no longer the one in the directory, and so writes back what was there before. A file that was
    /// written within [`OVERTAKEN_US`] of commits, and that differs less from the text before them, is
    /// taken as an edit of that text: then it cannot undo what was acknowledged meanwhile. The old text
    /// itself is no such edit, but somebody who restores it. (Inodes tell nothing here: a new file often
    /// gets the number of one just removed.)
    fn overtaken_base(
        &self,
        log: &Log,
        name: &PackageName,
        edited: &Edited,
        base: Revision,
    ) -> Result<Option<(Arc<Package>, Revision)>> {
        let backend = &*log.backend;
        let written_us = edited.status.mtime_ns / 1000;
        let mut overtaking = Vec::new();
        backend.headers(
            Revision(base.0.saturating_sub(OVERTAKEN_COMMITS)),
            base,
            Order::Descending,
            &mut |header| {
                if header.time_us < written_us.saturating_sub(OVERTAKEN_US) {
                    return ControlFlow::Break(());
                }
                if header.packages.contains(name) {
                    overtaking.push(header.revision);
                }
                ControlFlow::Continue(())
            },
        )?;
        if overtaking.is_empty() {
            return Ok(None);
        }
        let distance =
            |package: &Package| Package::diff(package, &package.adopt(edited.text.clone(), 0)).len();
        let at_base = still_kept(backend, name, base)?;
        let mut least = at_base.map_or(usize::MAX, |package| distance(&package));
        let mut found = None;
        // What others wrote and read back without ever seeing a text of ours is a base, too.
        for edited in EditedText::read(backend, name)? {
            if least <= 1 || !overtaking.contains(&edited.revision) {
                continue;
            }
            let Some(package) = edited.text(backend)? else { continue };
            let changes = distance(&package);
            if changes > 0 && changes < least {
                least = changes;
                found = Some((package, Revision(edited.revision.0.saturating_sub(1))));
            }
        }
        for revision in overtaking {
            // Nothing can be nearer.
            if least <= 1 {
                break;
            }
            let before = Revision(revision.0.saturating_sub(1));
            if before < backend.first()? || before == Revision::EMPTY {
                break;
            }
            let Some(package) = still_kept(backend, name, before)? else { break };
            let changes = distance(&package);
            if changes > 0 && changes < least {
                least = changes;
                found = Some((package, before));
            }
        }
        Ok(found)
    }

    /// Absorbs a text that a replacement displaced: an edit of the view's text, whatever is in the file now.
    pub(crate) fn absorb_displaced(
        &self,
        log: &Log,
        writing: &mut Writing<'_>,
        name: &PackageName,
        text: &[u8],
    ) -> Result<Option<Warning>> {
        let digest = Digest::of(text);
        let view = log.backend.view(name)?;
        if view.as_ref().is_some_and(|view| view.digest == digest)
            || self.revision_of_text(log, &writing.head, name, view.as_ref(), digest)?.is_some()
        {
            return Ok(None);
        }
        let parsed = match Package::parse(text) {
            Ok(parsed) => parsed,
            Err(diagnostics) => {
                let kept = self.keep_rejected(name, text)?;
                let place = kept.display().to_string();
                let diagnostics = diagnostics.into_iter().map(|found| found.in_file(place.clone())).collect();
                return Ok(Some(Warning::Unparsable { package: name.clone(), diagnostics }));
            }
        };
        let status = Status { size: 0, mtime_ns: 0, ctime_ns: 0, device: 0, inode: 0, mode: 0 };
        let mut prepared = Prepared::new(CommitKind::External, EXTERNAL.to_owned(), Origin::Direct);
        self.merge(log, &writing.head, name, Edited { text: parsed, digest, status, view }, &mut prepared)?;
        let changes = prepared.conflicts.len();
        let (appended, commit) = self.append(log, writing, prepared)?;
        let revision = appended.revision();
        log.backend.sync(appended)?;
        log.show(&log.publish(Arc::new(writing.head.clone())), &[commit]);
        Ok((changes > 0).then_some(Warning::LostEdit { package: name.clone(), revision, changes }))
    }

    /// Keeps a displaced text that does not parse out of harm's way, in the state directory.
    fn keep_rejected(&self, name: &PackageName, text: &[u8]) -> Result<std::path::PathBuf> {
        let directory = self.location().state().join("rejected");
        self.location().create_private(&directory)?;
        let path = directory.join(format!("{name}-{}", Digest::of(text)));
        let written = std::fs::File::create(&path).and_then(|mut file| {
            std::io::Write::write_all(&mut file, text)?;
            file.sync_all()
        });
        written.map_err(|source| crate::Error::io("keep a rejected edit in", &path, source))?;
        Ok(path)
    }
}

/// All packages that have a file, a view or a place in the log, in order.
pub(crate) fn all_names<'a>(files: &'a Files, views: &Views, head: &Head) -> Cow<'a, [PackageName]> {
    let known = || head.cells().map(|(name, _)| name);
    if files.packages.iter().eq(known()) && views.names().eq(known()) {
        // As it is nearly always.
        return Cow::Borrowed(&files.packages);
    }
    let all = files.packages.iter().chain(views.names()).chain(known());
    let names: BTreeSet<&PackageName> = all.collect();
    Cow::Owned(names.into_iter().cloned().collect())
}

/// Returns a package as it was, unless there was none, or that state was given up.
fn still_kept(backend: &dyn Backend, name: &PackageName, revision: Revision) -> Result<Option<Arc<Package>>> {
    match cms_log::package_at(backend, name, revision) {
        Err(error) if error.is_compacted() => Ok(None),
        package => Ok(package?.map(Arc::new)),
    }
}

/// The note of an edit that was merged, so that what the log holds differs from the file's text.
struct EditedText {
    revision: Revision,
    digest: Digest,
    manifest: Digest,
}

impl EditedText {
    fn key(name: &PackageName) -> String {
        format!("edited:{name}")
    }

    /// Written before the commit, and so never younger than it: with the commit missing the
    /// revision is above the head, and the note means nothing.
    fn note(
        backend: &dyn Backend,
        name: &PackageName,
        revision: Revision,
        digest: Digest,
        text: &Package,
    ) -> Result<()> {
        let stored = cms_log::store_package(backend, text)?;
        backend.put_objects(&stored.objects)?;
        let mut note = revision.0.to_le_bytes().to_vec();
        note.extend_from_slice(&digest.0);
        note.extend_from_slice(&stored.manifest.0);
        let older = backend.meta(&EditedText::key(name))?.unwrap_or_default();
        note.extend_from_slice(&older[..older.len().min((EDITED_TEXTS - 1) * EDITED_LENGTH)]);
        backend.set_meta(&EditedText::key(name), Some(&note))?;
        Ok(())
    }

    /// Returns the text, unless it was given up: no commit names it.
    fn text(&self, backend: &dyn Backend) -> Result<Option<Arc<Package>>> {
        match cms_log::load_package(backend, &self.manifest) {
            Err(error) if error.is_object_missing() => Ok(None),
            package => Ok(Some(Arc::new(package?))),
        }
    }

    /// Reads the notes, the newest first.
    fn read(backend: &dyn Backend, name: &PackageName) -> Result<Vec<EditedText>> {
        let note = backend.meta(&EditedText::key(name))?.unwrap_or_default();
        let digest_of = |bytes: &[u8]| bytes.try_into().ok().map(Digest);
        let texts = note.chunks_exact(EDITED_LENGTH).filter_map(|note| {
            let (revision, digests) = note.split_first_chunk::<8>()?;
            let (digest, manifest) = digests.split_at_checked(16)?;
            Some(EditedText {
                revision: Revision(u64::from_le_bytes(*revision)),
                digest: digest_of(digest)?,
                manifest: digest_of(manifest)?,
            })
        });
        Ok(texts.collect())
    }
}

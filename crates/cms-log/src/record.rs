//! A commit as it is stored, for those who follow many and look into few.

use std::sync::{Arc, OnceLock};

use cms_model::{ChangeKind, Edit, Package, PackageName, SectionId};

use crate::{
    Backend, Commit, Digest, EntryBody, Error, Result, Revision,
    codec::{
        self,
        outline::{EditedPackage, Outline},
    },
    wire::{Decoded, Malformed},
};

/// A commit of the log of which no more is decoded than is asked for.
///
/// Whoever follows a log needs of nearly every commit what it did to the bytes of a package, once, and nothing else. A decoded commit
/// takes a dozen allocations, a record two. It is whole: its checksums were compared when it was read.
///
/// ```
/// # use std::sync::Arc;
/// # use cms_log::{Backend, Commit, CommitKind, EntryBody, Open, Origin, PackageEntry, Record, Revision, Sqlite, Touched};
/// # let directory = tempfile::tempdir()?;
/// # let log = Sqlite::open(&directory.path().join("log.db"), Open { create: true, ..Open::default() })?;
/// # let commit = Commit {
/// #     revision: Revision(1), time_us: 0, author: "ada".into(), tool: "test".into(), message: String::new(), origin: Origin::Direct,
/// #     kind: CommitKind::Normal, tables: Vec::new(), conflicts: Vec::new(),
/// #     packages: vec![PackageEntry {
/// #         package: "network".parse()?,
/// #         body: EntryBody::Edit { changes: Vec::new(), edit: cms_model::Edit::default() },
/// #     }],
/// # };
/// log.append(Revision::EMPTY, &commit, &[], None)?;
/// let mut records: Vec<Record> = Vec::new();
/// log.records(Revision::EMPTY, Revision(1), &mut |record| {
///     records.push(record);
///     std::ops::ControlFlow::Continue(())
/// })?;
/// let mut touched = Vec::new();
/// records[0].packages(|package, how| touched.push((package.to_owned(), how)));
/// assert_eq!(touched, [("network".to_owned(), Touched::Edited)]);
/// assert_eq!(records[0].commit(&log)?.author, "ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Record {
    revision: Revision,
    stored: Option<Stored>,
    /// From the beginning, where nothing is stored here.
    commit: OnceLock<Arc<Commit>>,
}

/// A commit as the log stores it.
#[derive(Debug)]
struct Stored {
    /// The header and the body.
    bytes: Box<[u8]>,
    header: usize,
    outline: Outline,
}

/// What a commit did to a package, as far as its header says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// It was edited.
    Edited,
    /// It was made, deleted or rewritten: the manifest that it has from then on, if it is still there.
    Replaced(Option<Digest>),
}

impl Record {
    /// Checks a stored commit; `None` if it is one of the few that are better decoded at once.
    pub(crate) fn of_stored(header: &[u8], body: &[u8], revision: Revision) -> Decoded<Option<Record>> {
        let Some(outline) = Outline::read(header, body)? else { return Ok(None) };
        if outline.revision != revision {
            return Err(Malformed("it says it is another revision"));
        }
        let bytes = [header, body].concat().into_boxed_slice();
        let stored = Some(Stored { bytes, header: header.len(), outline });
        Ok(Some(Record { revision, stored, commit: OnceLock::new() }))
    }

    /// Returns the state that the commit makes.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Returns how long the commit is where it is stored; 0 if it was decoded from the beginning.
    pub fn stored_len(&self) -> usize {
        self.stored.as_ref().map_or(0, |stored| stored.bytes.len())
    }

    /// Returns the commit if it has been decoded.
    pub fn decoded(&self) -> Option<&Arc<Commit>> {
        self.commit.get()
    }

    /// Returns the commit, decoded at the first call.
    ///
    /// # Errors
    /// Those of the log, which is asked where a record turns out to be something else than a commit.
    pub fn commit(&self, backend: &dyn Backend) -> Result<&Arc<Commit>> {
        if let Some(commit) = self.commit.get() {
            return Ok(commit);
        }
        let commit = match self.decode() {
            Some(commit) => commit,
            None => {
                let missing = Error::NoSuchRevision { revision: self.revision, head: self.revision };
                backend.commit(self.revision)?.ok_or(missing)?
            }
        };
        Ok(self.commit.get_or_init(|| Arc::new(commit)))
    }

    /// As [`commit`](Record::commit), for whoever needs nothing but that.
    ///
    /// # Errors
    /// As `commit`.
    pub fn into_commit(self, backend: &dyn Backend) -> Result<Commit> {
        let commit = self.commit(backend)?.clone();
        drop(self);
        Ok(Arc::unwrap_or_clone(commit))
    }

    /// Returns the commit as far as it is here.
    pub(crate) fn decode(&self) -> Option<Commit> {
        match (self.commit.get(), &self.stored) {
            (Some(commit), _) => Some(Commit::clone(commit)),
            (None, Some(stored)) => stored.decode().ok(),
            (None, None) => None,
        }
    }

    /// Calls `visit` with each package that the commit touched.
    pub fn packages(&self, mut visit: impl FnMut(&str, Touched)) {
        if let Some(stored) = &self.stored {
            return stored.packages().for_each(|(name, _)| visit(name, Touched::Edited));
        }
        for entry in self.commit.get().iter().flat_map(|commit| &commit.packages) {
            let touched = match &entry.body {
                EntryBody::Edit { .. } => Touched::Edited,
                EntryBody::Replace { new, .. } => Touched::Replaced(*new),
            };
            visit(entry.package.as_str(), touched);
        }
    }

    /// Carries out what the commit did to a package, if it edited that.
    ///
    /// # Errors
    /// As [`commit`](Record::commit); [`Error::Invalid`] if the package is not the one that the commit follows.
    pub fn apply_to(&self, backend: &dyn Backend, name: &PackageName, package: &mut Package) -> Result<()> {
        if let Some((offset, removed, inserted)) =
            self.edited(name).and_then(|(edited, body)| edited.splice(body))
            && package.apply_splice(offset, removed, inserted)
        {
            return Ok(());
        }
        let applied = self.edit(backend, name, |edit| package.apply_edit(edit))?;
        applied.unwrap_or(Ok(())).map_err(|error| Error::Invalid {
            what: format!("revision {} of {name} does not fit the one before it: {error}", self.revision),
        })
    }

    /// Hands out what the commit did to the bytes of a package, if it edited that; answers what `look` does.
    ///
    /// # Errors
    /// As [`commit`](Record::commit).
    pub fn edit<T>(
        &self,
        backend: &dyn Backend,
        package: &PackageName,
        look: impl FnOnce(&Edit) -> T,
    ) -> Result<Option<T>> {
        if self.commit.get().is_none() && self.stored.is_some() {
            match self.edited(package).map(|(edited, body)| edited.edit(body)) {
                None => return Ok(None),
                Some(Ok(edit)) => return Ok(Some(look(&edit))),
                // The log says what is wrong.
                Some(Err(_)) => {}
            }
        }
        let entries = &self.commit(backend)?.packages;
        let edit =
            entries.iter().filter(|entry| entry.package == *package).find_map(|entry| match &entry.body {
                EntryBody::Edit { edit, .. } => Some(edit),
                EntryBody::Replace { .. } => None,
            });
        Ok(edit.map(look))
    }

    /// What is stored of an edit of a package, and the body that it is in.
    fn edited(&self, package: &PackageName) -> Option<(&EditedPackage, &[u8])> {
        let stored = self.stored.as_ref()?;
        Some((stored.edited(package)?, stored.body()))
    }

    /// Calls `visit` with the section of each change of a package, and the name that the change gives to it. `false` if the package was made,
    /// deleted or rewritten as a whole.
    pub fn sections<'a>(
        &'a self,
        package: &PackageName,
        mut visit: impl FnMut(SectionId, Option<&'a [u8]>),
    ) -> bool {
        if let Some(stored) = &self.stored {
            // It was gone over when it was read.
            let edited = stored.edited(package);
            return edited.is_none_or(|edited| edited.sections(stored.body(), visit).is_ok());
        }
        let entries = self.commit.get().into_iter().flat_map(|commit| &commit.packages);
        entries.filter(|entry| entry.package == *package).all(|entry| match &entry.body {
            EntryBody::Edit { changes, .. } => {
                for change in changes {
                    let name = match &change.kind {
                        ChangeKind::Add { name, .. } | ChangeKind::Rename { new: name, .. } => name.as_ref(),
                        _ => None,
                    };
                    visit(change.section, name.map(|name| name.as_bytes()));
                }
                true
            }
            EntryBody::Replace { .. } => false,
        })
    }

    /// Tells whether sections of a package may be called otherwise after the commit.
    pub fn renames(&self, package: &PackageName) -> bool {
        if let Some(stored) = &self.stored {
            return stored.edited(package).is_some_and(|edited| edited.renames);
        }
        let entries = self.commit.get().into_iter().flat_map(|commit| &commit.packages);
        entries.filter(|entry| entry.package == *package).any(|entry| match &entry.body {
            EntryBody::Edit { changes, .. } => {
                changes.iter().any(|change| matches!(change.kind, ChangeKind::Rename { .. }))
            }
            EntryBody::Replace { .. } => true,
        })
    }
}

impl Stored {
    fn packages(&self) -> impl Iterator<Item = (&str, &EditedPackage)> {
        self.outline.packages(&self.bytes[..self.header])
    }

    fn edited(&self, package: &PackageName) -> Option<&EditedPackage> {
        self.packages().find(|(name, _)| package.as_str() == *name).map(|(_, edited)| edited)
    }

    fn body(&self) -> &[u8] {
        &self.bytes[self.header..]
    }

    fn decode(&self) -> Decoded<Commit> {
        let header = codec::decode_header(&self.bytes[..self.header])?;
        codec::decode(header, self.body(), |_, _| Err(Malformed("in pieces")))
    }
}

impl From<Arc<Commit>> for Record {
    fn from(commit: Arc<Commit>) -> Record {
        Record { revision: commit.revision, stored: None, commit: OnceLock::from(commit) }
    }
}

//! Packages in the log: from text to objects and back, and the state at any revision.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use cms_model::{BlockPart, Package, PackageName};

use crate::{
    Backend, Digest, EntryBody, Error, Fault, Object, ObjectKind, Order, Result, Revision, Root,
    content::{
        Manifest, Part, decode_block, decode_manifest, decode_page, encode_block, encode_manifest,
        encode_page,
    },
    wire::Malformed,
};

/// A block object holds no more text than this: larger blocks, which are one huge section, take several.
const TEXT_LIMIT: usize = 1 << 20;

/// A package of this many blocks has no pages.
const UNPAGED: usize = 128;

/// A page ends at this many blocks at the latest.
const PAGE_LIMIT: usize = 512;

/// Objects go to the backend when this much has come together, so that a package of any size passes through.
const BATCH: usize = 4 << 20;

/// A package on its way into the log.
#[derive(Debug)]
#[must_use = "the objects must be appended with the commit that names the manifest"]
pub struct StoredPackage {
    /// What names the package.
    pub manifest: Digest,
    /// Those of its objects that are not in the log yet: to be given to the append of the commit that names it.
    pub objects: Vec<Object>,
}

/// Makes the objects of a package that the log does not have yet.
///
/// All but the last few megabytes are stored while it goes, so memory stays bounded. A package that shares blocks with one
/// that was stored before costs what differs.
///
/// ```
/// use cms_log::{Open, Sqlite, Backend, load_package, store_package};
/// use cms_model::Package;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let log = Sqlite::open(directory.path().join("log.db"), Open { create: true, ..Open::default() })?;
/// let package = Package::parse(b"config system\n\toption hostname attic\n").map_err(|_| "does not parse")?;
/// let stored = store_package(&log, &package)?;
/// log.put_objects(&stored.objects)?;
/// assert_eq!(load_package(&log, &stored.manifest)?.text(), package.text());
/// # Ok(())
/// # }
/// ```
pub fn store_package(backend: &dyn Backend, package: &Package) -> Result<StoredPackage> {
    let lengths = (0..package.block_count()).map(|block| package.block_text(block).map_or(0, <[u8]>::len));
    let parts: usize = lengths.map(|len| len.div_ceil(TEXT_LIMIT).max(1)).sum();
    let mut storing =
        Storing { backend, package, run: Vec::new(), pages: Vec::new(), pending: Vec::new(), bytes: 0 };
    let paged = parts > UNPAGED;
    for block in 0..package.block_count() {
        storing.add_block(block);
        if paged && storing.is_page_complete() {
            storing.finish_page()?;
        }
    }
    let manifest = if paged {
        storing.finish_page()?;
        let parts = std::mem::take(&mut storing.pages);
        storing.finish_run(encode_manifest(&Manifest { paged, parts }))?
    } else {
        let parts = storing.run.iter().map(|piece| piece.part).collect();
        let manifest = encode_manifest(&Manifest { paged, parts });
        storing.finish_run(manifest)?
    };
    Ok(StoredPackage { manifest, objects: storing.pending })
}

struct Storing<'a> {
    backend: &'a dyn Backend,
    package: &'a Package,
    /// The pieces since the last page.
    run: Vec<Piece>,
    pages: Vec<Part>,
    /// Objects to be stored.
    pending: Vec<Object>,
    bytes: usize,
}

struct Piece {
    part: Part,
    source: Source,
}

/// Where the object of a piece is.
enum Source {
    /// Made just now.
    Fresh(Object),
    /// Made before, from this block: only its digest is at hand.
    Noted(usize),
}

impl Storing<'_> {
    fn add_block(&mut self, block: usize) {
        let text = self.package.block_text(block).unwrap_or_default();
        if text.len() <= TEXT_LIMIT
            && let Some(noted) = self.package.block_stored(block)
        {
            let ids = self.package.block_ids(block).count() as u64;
            let part = Part { digest: Digest(noted), text: text.len() as u64, ids, continued: false };
            return self.run.push(Piece { part, source: Source::Noted(block) });
        }
        let mut pieces = text.chunks(TEXT_LIMIT).peekable();
        let first = pieces.next().unwrap_or_default();
        let (object, ids) = encode_block(first, self.package.block_ids(block));
        if pieces.peek().is_none() {
            self.package.set_block_stored(block, object.digest().0);
        }
        let part = Part {
            digest: object.digest(),
            text: first.len() as u64,
            ids,
            continued: pieces.peek().is_some(),
        };
        self.run.push(Piece { part, source: Source::Fresh(object) });
        while let Some(text) = pieces.next() {
            let (object, ids) = encode_block(text, std::iter::empty());
            let part = Part {
                digest: object.digest(),
                text: text.len() as u64,
                ids,
                continued: pieces.peek().is_some(),
            };
            self.run.push(Piece { part, source: Source::Fresh(object) });
        }
    }

    /// A page ends where the content says so, hence at the same blocks after an edit elsewhere.
    fn is_page_complete(&self) -> bool {
        let last = self.run.last().map_or(0xff, |piece| piece.part.digest.0[15]);
        last < 2 || self.run.len() >= PAGE_LIMIT
    }

    fn finish_page(&mut self) -> Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        let parts: Vec<Part> = self.run.iter().map(|piece| piece.part).collect();
        let (text, ids) = parts.iter().fold((0, 0), |(text, ids), part| (text + part.text, ids + part.ids));
        let digest = self.finish_run(encode_page(&parts))?;
        self.pages.push(Part { digest, text, ids, continued: false });
        Ok(())
    }

    /// Stores what names the pieces of the run, and those of them that are not stored.
    fn finish_run(&mut self, parent: Object) -> Result<Digest> {
        let run = std::mem::take(&mut self.run);
        // What names them is stored only after them: if it is there, they are.
        if self.backend.has_object(&parent.digest())? {
            return Ok(parent.digest());
        }
        for piece in run {
            match piece.source {
                Source::Fresh(object) => {
                    self.push(object)?;
                }
                // It may have been noted for a transaction that failed, or for another log.
                Source::Noted(block) => {
                    if !self.backend.has_object(&piece.part.digest)? {
                        let text = self.package.block_text(block).unwrap_or_default();
                        self.push(encode_block(text, self.package.block_ids(block)).0)?;
                    }
                }
            }
        }
        self.push(parent)
    }

    fn push(&mut self, object: Object) -> Result<Digest> {
        let digest = object.digest();
        self.bytes += object.content().len();
        self.pending.push(object);
        if self.bytes >= BATCH {
            self.backend.put_objects(&self.pending)?;
            self.pending.clear();
            self.bytes = 0;
        }
        Ok(digest)
    }
}

/// Puts a package together from what the log has under its manifest.
///
/// # Errors
/// [`Error::ObjectMissing`] and [`Error::Damaged`], naming the object.
pub fn load_package(backend: &dyn Backend, manifest: &Digest) -> Result<Package> {
    let content = fetch(backend, manifest, ObjectKind::Manifest)?;
    let listed = decode_manifest(&content).map_err(|reason| damaged(backend, manifest, reason))?;
    let mut failure = None;
    let mut parts = Parts {
        whole: Vec::new(),
        backend,
        pages: if listed.paged { listed.parts.clone().into_iter() } else { Vec::new().into_iter() },
        blocks: if listed.paged { Vec::new().into_iter() } else { listed.parts.into_iter() },
    };
    let blocks = parts.by_ref().map_while(|part| part.map_err(|error| failure = Some(error)).ok());
    let package = Package::from_parts(blocks);
    if let Some(error) = failure {
        return Err(error);
    }
    let package = package
        .map_err(|_| damaged(backend, manifest, Malformed("its blocks have other ids than sections")))?;
    // So that storing it again after an edit costs what was edited.
    for (block, part) in parts.whole.iter().enumerate() {
        if package.block_text(block).is_some_and(|text| text.len() as u64 == part.text) && !part.continued {
            package.set_block_stored(block, part.digest.0);
        }
    }
    Ok(package)
}

/// Returns the length of a package's text, which its manifest says.
///
/// # Errors
/// [`Error::ObjectMissing`] and [`Error::Damaged`], naming the object.
pub fn package_text_len(backend: &dyn Backend, manifest: &Digest) -> Result<u64> {
    let content = fetch(backend, manifest, ObjectKind::Manifest)?;
    let listed = decode_manifest(&content).map_err(|reason| damaged(backend, manifest, reason))?;
    Ok(listed.parts.iter().fold(0, |length, part| length.saturating_add(part.text)))
}

/// The blocks of a package in order.
struct Parts<'a> {
    backend: &'a dyn Backend,
    /// The first part of each block read.
    whole: Vec<Part>,
    pages: std::vec::IntoIter<Part>,
    blocks: std::vec::IntoIter<Part>,
}

impl Parts<'_> {
    fn next_part(&mut self) -> Result<Option<Part>> {
        loop {
            if let Some(part) = self.blocks.next() {
                return Ok(Some(part));
            }
            let Some(page) = self.pages.next() else { return Ok(None) };
            let content = fetch(self.backend, &page.digest, ObjectKind::Page)?;
            let parts =
                decode_page(&content).map_err(|reason| damaged(self.backend, &page.digest, reason))?;
            self.blocks = parts.into_iter();
        }
    }

    fn next_block(&mut self) -> Result<Option<BlockPart>> {
        let Some(mut part) = self.next_part()? else { return Ok(None) };
        let mut block = self.read(&part)?;
        self.whole.push(part);
        while part.continued {
            let more = self.next_part()?;
            part =
                more.ok_or_else(|| damaged(self.backend, &part.digest, Malformed("its rest is missing")))?;
            block.text.extend_from_slice(&self.read(&part)?.text);
        }
        Ok(Some(block))
    }

    fn read(&self, part: &Part) -> Result<BlockPart> {
        let content = fetch(self.backend, &part.digest, ObjectKind::Block)?;
        decode_block(content)
            .and_then(|block| {
                let agrees = block.text.len() as u64 == part.text && block.ids.len() as u64 == part.ids;
                if agrees { Ok(block) } else { Err(Malformed("it has another length than its page says")) }
            })
            .map_err(|reason| damaged(self.backend, &part.digest, reason))
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<BlockPart>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_block().transpose()
    }
}

/// Returns a package as it was at a revision; `None` if there was none.
///
/// ```no_run
/// use cms_log::{Open, Revision, Sqlite, package_at};
/// use cms_model::PackageName;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = Sqlite::open("/var/lib/cms/config/log.db", Open::default())?;
/// if let Some(package) = package_at(&log, &PackageName::new("network")?, Revision(17))? {
///     package.write_text(&mut std::io::stdout())?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Compacted`] and [`Error::NoSuchRevision`] for a revision that is not, or not yet, in the log.
pub fn package_at(
    backend: &dyn Backend,
    package: &PackageName,
    revision: Revision,
) -> Result<Option<Package>> {
    steadily(backend, revision, Error::is_overtaken, || {
        check_revision(backend, revision)?;
        replay(backend, package, revision, revision)
    })
}

/// Returns the packages that there were at a revision.
pub fn packages_at(backend: &dyn Backend, revision: Revision) -> Result<BTreeSet<PackageName>> {
    steadily(backend, revision, Error::is_overtaken, || list_packages(backend, revision))
}

fn list_packages(backend: &dyn Backend, revision: Revision) -> Result<BTreeSet<PackageName>> {
    check_revision(backend, revision)?;
    let (from, root) = backend.checkpoint(revision)?.unwrap_or_default();
    let mut packages: BTreeSet<PackageName> = root.packages.into_keys().collect();
    for (name, last) in touched(backend, from, revision)? {
        // The last commit to touch it says whether there is one.
        match last.last().map(|revision| entry_of(backend, *revision, &name)).transpose()? {
            Some(EntryBody::Replace { new: None, .. }) => packages.remove(&name),
            Some(_) => packages.insert(name),
            None => false,
        };
    }
    Ok(packages)
}

/// Makes what a checkpoint at `revision` needs: the manifest of each package, and the objects not yet in the log.
pub fn checkpoint_state(backend: &dyn Backend, revision: Revision) -> Result<(Root, Vec<Object>)> {
    check_revision(backend, revision)?;
    let (from, mut root) = backend.checkpoint(revision)?.unwrap_or_default();
    let mut objects = Vec::new();
    for name in touched(backend, from, revision)?.into_keys() {
        match replay(backend, &name, revision, revision)? {
            Some(package) => {
                let stored = store_package(backend, &package)?;
                root.packages.insert(name, stored.manifest);
                objects.extend(stored.objects);
            }
            None => {
                root.packages.remove(&name);
            }
        }
        // Many packages must not pile up more than one may.
        if objects.iter().map(|object: &Object| object.content().len()).sum::<usize>() >= BATCH {
            backend.put_objects(&objects)?;
            objects.clear();
        }
    }
    Ok((root, objects))
}

/// Rebuilds a package at `revision` from the newest checkpoint at or before `base`.
pub(crate) fn replay(
    backend: &dyn Backend,
    package: &PackageName,
    base: Revision,
    revision: Revision,
) -> Result<Option<Package>> {
    let (from, root) = backend.checkpoint(base)?.unwrap_or_default();
    let mut state = match root.packages.get(package) {
        Some(manifest) => Some(load_package(backend, manifest)?),
        None => None,
    };
    for touching in touched(backend, from, revision)?.remove(package).unwrap_or_default() {
        let unfit = |what: &'static str| {
            damage(backend, format!("commit {touching} on package {package}"), Malformed(what))
        };
        match entry_of(backend, touching, package)? {
            EntryBody::Replace { new, .. } => {
                state = match new {
                    Some(manifest) => Some(load_package(backend, &manifest)?),
                    None => None,
                };
            }
            EntryBody::Edit { edit, .. } => {
                let package =
                    state.as_mut().ok_or_else(|| unfit("it edits a package that does not exist"))?;
                package.apply_edit(&edit).map_err(|_| unfit("its edit does not fit the text before it"))?;
            }
        }
    }
    Ok(state)
}

/// Returns the packages that commits of a range touched, each with these commits in order.
fn touched(
    backend: &dyn Backend,
    after: Revision,
    upto: Revision,
) -> Result<BTreeMap<PackageName, Vec<Revision>>> {
    let mut touched: BTreeMap<PackageName, Vec<Revision>> = BTreeMap::new();
    let mut last = after;
    backend.headers(after, upto, Order::Ascending, &mut |header| {
        if header.revision != last.next() {
            return ControlFlow::Break(());
        }
        last = header.revision;
        for package in header.packages {
            touched.entry(package).or_default().push(header.revision);
        }
        ControlFlow::Continue(())
    })?;
    if last < upto {
        return Err(missing_commit(backend, last.next())?);
    }
    Ok(touched)
}

fn entry_of(backend: &dyn Backend, revision: Revision, package: &PackageName) -> Result<EntryBody> {
    let Some(commit) = backend.commit(revision)? else {
        return Err(missing_commit(backend, revision)?);
    };
    let entry = commit.packages.into_iter().find(|entry| entry.package == *package);
    entry.map(|entry| entry.body).ok_or_else(|| {
        damage(backend, format!("commit {revision}"), Malformed("header and body name other packages"))
    })
}

/// Says why a commit that should be there is not: it was given up meanwhile, or lost.
fn missing_commit(backend: &dyn Backend, revision: Revision) -> Result<Error> {
    let first = backend.first()?;
    if revision <= first {
        return Ok(Error::Compacted { revision, first });
    }
    Ok(damage(backend, format!("commit {revision}"), Malformed("it is missing from the log")))
}

/// Reads a state in several steps, and again where others gave up between two of them what the reading began from, and not the
/// revision itself.
///
/// `is_overtaken` tells the errors that this can look like, for instance by [`Error::is_overtaken`].
///
/// # Errors
/// Those of `read`; [`Error::Compacted`] where the revision itself was given up.
pub fn steadily<T, E: From<Error>>(
    backend: &dyn Backend,
    revision: Revision,
    is_overtaken: impl Fn(&E) -> bool,
    mut read: impl FnMut() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    loop {
        let before = backend.first()?;
        match read() {
            Err(error) if is_overtaken(&error) => {
                let first = backend.first()?;
                if first > revision {
                    return Err(Error::Compacted { revision, first }.into());
                }
                if first == before {
                    return Err(error);
                }
            }
            outcome => return outcome,
        }
    }
}

fn check_revision(backend: &dyn Backend, revision: Revision) -> Result<()> {
    let (first, head) = (backend.first()?, backend.head()?);
    if revision < first {
        return Err(Error::Compacted { revision, first });
    }
    if revision > head {
        return Err(Error::NoSuchRevision { revision, head });
    }
    Ok(())
}

fn fetch(backend: &dyn Backend, digest: &Digest, kind: ObjectKind) -> Result<Vec<u8>> {
    let object = backend.object(digest)?.ok_or(Error::ObjectMissing { digest: *digest })?;
    if object.kind() == kind {
        Ok(object.into_content())
    } else {
        Err(damaged(backend, digest, Malformed("it is of another kind than it is used as")))
    }
}

fn damaged(backend: &dyn Backend, digest: &Digest, reason: Malformed) -> Error {
    damage(backend, format!("object {digest}"), reason)
}

fn damage(backend: &dyn Backend, what: String, reason: Malformed) -> Error {
    Error::Damaged(Fault { path: backend.place().to_owned(), attempt: what, source: Some(reason.0.into()) })
}

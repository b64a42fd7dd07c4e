//! One state of a store, to read from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use cms_log::{Revision, Views};
use cms_model::{Diagnostic, Draft, IdSource, Key, Package, PackageName, Value};

use crate::error::{Error, Result};
use crate::external::{Absorbed, Finding, Warning, all_names};
use crate::head::{Cell, Head};
use crate::mapped::find;
use crate::package_file::PackageFile;
use crate::store::{Log, Store};

/// How often a reader looks again when commits keep overtaking it.
const LOOKS: usize = 16;

/// The packages of a store at one moment. Immutable and cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    store: Store,
    inner: Arc<Content>,
}

struct Content {
    revision: Option<Revision>,
    /// What the log has.
    head: Arc<Head>,
    /// What counts instead: packages as their files have them.
    files: BTreeMap<PackageName, OnceLock<Arc<Package>>>,
    warnings: Vec<Warning>,
    /// Whether the segment may show the same state.
    is_newest: bool,
    /// That state, looked for when it is first wanted.
    mapped: OnceLock<Option<cms_segment::Snapshot>>,
}

impl Store {
    /// Takes a snapshot of the newest state.
    ///
    /// Edits that other programs made to package files are brought into the log first, if this
    /// process may and nobody else is about to; otherwise the snapshot holds the files' text and
    /// [`warnings`](Snapshot::warnings) says so.
    ///
    /// # Errors
    /// Those of the log. A package that does not parse is a warning.
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.snapshot_of(None)
    }

    /// Takes a snapshot in which only the named packages are compared with their files.
    ///
    /// For a reader of a single key, which need not look at every file of the directory.
    ///
    /// # Errors
    /// As [`snapshot`](Store::snapshot).
    pub fn snapshot_of(&self, names: Option<&[PackageName]>) -> Result<Snapshot> {
        let Some(log) = self.optional_log() else { return self.snapshot_of_files() };
        let mut from_files = BTreeMap::new();
        let mut warnings = Vec::new();
        let mut look = log.backend.look()?;
        let mut head = log.newest_of(look.head)?;
        // Who looked at some files knows nothing of the others.
        let are_all = names.is_none();
        let mut looked_again = false;
        for _ in 0..LOOKS {
            let files;
            let (names, has_temporary) = match names {
                // The first use imports everything at once.
                Some(names) if head.revision > Revision::EMPTY => (Cow::Borrowed(names), true),
                _ => {
                    files = self.files()?;
                    (all_names(&files, &look.views, &head), files.has_temporary)
                }
            };
            let Differences { different, unsettled, stray } =
                self.different(log, &head, &look.views, &names, has_temporary)?;
            if different.is_empty() && !unsettled && stray.is_empty() {
                log.caught_up.fetch_or(are_all, Ordering::Relaxed);
                break;
            }
            let now = log.backend.look()?;
            if !looked_again && !Arc::ptr_eq(&now.views, &look.views) {
                // Somebody else may have brought in what a file holds, or written it, before it was looked at.
                looked_again = true;
                head = log.newest_of(now.head)?;
                look = now;
                continue;
            }
            match self.settle(log, head.revision == Revision::EMPTY, &names, are_all, &stray) {
                Ok(Some(settled)) => {
                    warnings.extend(settled.warnings);
                    head = settled.head;
                    break;
                }
                Ok(None) => {}
                // Reading goes on where nothing can be written: from the files, as they are.
                Err(error) if error.is_storage() => {
                    tracing::warn!(%error, "edits could not be brought into the log");
                }
                Err(error) => return Err(error),
            }
            // Somebody else is writing. What looks like an edit may be his commit: look again.
            let now = log.backend.look()?;
            if now.head != look.head {
                head = log.newest_of(now.head)?;
                look = now;
                continue;
            }
            for (name, text) in different {
                warnings.push(match text {
                    Text::New(package) => {
                        from_files.insert(name.clone(), OnceLock::from(Arc::new(*package)));
                        Warning::NewerThanLog { package: name }
                    }
                    Text::Unparsable(diagnostics) => Warning::Unparsable { package: name, diagnostics },
                    Text::Gone => Warning::NewerThanLog { package: name },
                });
            }
            break;
        }
        let inner = Content {
            revision: Some(head.revision),
            head,
            files: from_files,
            warnings,
            is_newest: true,
            mapped: OnceLock::new(),
        };
        Ok(Snapshot { store: self.clone(), inner: Arc::new(inner) })
    }

    /// Takes a snapshot of an older state.
    ///
    /// # Errors
    /// [`cms_log::Error::Compacted`] and [`cms_log::Error::NoSuchRevision`] outside what the log keeps.
    pub fn snapshot_at(&self, revision: Revision) -> Result<Snapshot> {
        let log = self.log("read an older state")?;
        let newest = log.backend.head()?;
        if revision > newest {
            return Err(cms_log::Error::NoSuchRevision { revision, head: newest }.into());
        }
        let first = log.backend.first()?;
        if revision < first {
            return Err(cms_log::Error::Compacted { revision, first }.into());
        }
        let head = Head::load(&*log.backend, Some(revision))?;
        Ok(self.snapshot_from(Arc::new(head)))
    }

    pub(crate) fn snapshot_from(&self, head: Arc<Head>) -> Snapshot {
        let inner = Content {
            revision: Some(head.revision),
            head,
            files: BTreeMap::new(),
            warnings: Vec::new(),
            is_newest: false,
            mapped: OnceLock::new(),
        };
        Snapshot { store: self.clone(), inner: Arc::new(inner) }
    }

    fn snapshot_of_files(&self) -> Result<Snapshot> {
        let inner = Content {
            revision: None,
            head: Arc::default(),
            files: self.file_names()?.into_iter().map(|name| (name, OnceLock::new())).collect(),
            warnings: Vec::new(),
            is_newest: false,
            mapped: OnceLock::new(),
        };
        Ok(Snapshot { store: self.clone(), inner: Arc::new(inner) })
    }

    /// Brings the log up to the files and the files up to the log; `None` when somebody else is writing.
    fn settle(
        &self,
        log: &Log,
        wait: bool,
        names: &[PackageName],
        are_all: bool,
        stray: &[PackageName],
    ) -> Result<Option<Settled>> {
        let writing = if wait { Some(log.write()?) } else { log.try_write()? };
        let Some(mut writing) = writing else { return Ok(None) };
        let (mut warnings, before) = (Vec::new(), writing.head.revision);
        self.recover_displaced(log, &mut writing, stray, &mut warnings)?;
        let Absorbed { warnings: found, mut behind, committed } = self.absorb(log, &mut writing, names)?;
        let head = log.publish(Arc::new(writing.head.clone()));
        drop(writing);
        log.upkeep.after(before, head.revision, &log.backend);
        warnings.extend(found);
        behind.retain(|name| !is_unparsable(&warnings, name));
        let caught_up = log.caught_up.fetch_or(are_all, Ordering::Relaxed);
        if caught_up && !committed && stray.is_empty() {
            // What this process committed without waiting is written when somebody waits for it.
            behind.clear();
        }
        if let Err(error) = self.write_package_files(&behind) {
            // The log has everything; the next use tries again.
            tracing::warn!(%error, "package files could not be brought up to the log");
        }
        Ok(Some(Settled { head, warnings }))
    }

    /// Compares files with the log without changing anything.
    fn different(
        &self,
        log: &Log,
        head: &Head,
        views: &Views,
        names: &[PackageName],
        has_temporary: bool,
    ) -> Result<Differences> {
        let mut found = Differences::default();
        // What this process committed without waiting is written when somebody waits for it.
        let caught_up = log.caught_up.load(Ordering::Relaxed);
        for name in names {
            let (file, status) = PackageFile::look(self.location().config(), name);
            if (has_temporary || !file.is_beside_its_path()) && file.has_leftover() {
                found.stray.push(name.clone());
            }
            let view = log.view_in(views, name);
            match status.and_then(|status| self.compare(log, head, name, view, &file, status)) {
                Ok(Finding::Same) => {}
                Ok(Finding::Behind) => found.unsettled |= !caught_up,
                Ok(Finding::Seen { .. }) => found.unsettled = true,
                Ok(Finding::Edited(edited)) => {
                    found.different.push((name.clone(), Text::New(Box::new(edited.text))));
                }
                Ok(Finding::Unparsable(diagnostics)) => {
                    found.different.push((name.clone(), Text::Unparsable(diagnostics)));
                }
                Ok(Finding::Removed) | Err(Error::Io { .. }) => {
                    found.different.push((name.clone(), Text::Gone))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// The state after edits were brought in.
struct Settled {
    head: Arc<Head>,
    warnings: Vec<Warning>,
}

/// How package files differ from the log.
#[derive(Default)]
struct Differences {
    /// Files that hold something new.
    different: Vec<(PackageName, Text)>,
    /// Whether files have to be written, or views to be noted again.
    unsettled: bool,
    /// Packages with a temporary beside their file.
    stray: Vec<PackageName>,
}

/// What a file holds that the log does not.
enum Text {
    New(Box<Package>),
    Unparsable(Vec<Diagnostic>),
    Gone,
}

fn is_unparsable(warnings: &[Warning], name: &PackageName) -> bool {
    warnings.iter().any(|warning| {
        matches!(warning, Warning::Unparsable { package, .. } | Warning::Unreadable { package, .. } if package == name)
    })
}

impl Snapshot {
    /// Returns the revision of the state; `None` when it was read from the files without the log.
    pub fn revision(&self) -> Option<Revision> {
        self.inner.revision
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Lists the packages in byte order.
    pub fn packages(&self) -> impl Iterator<Item = &PackageName> {
        let Content { head, files, .. } = &*self.inner;
        let only_in_files = files.keys().filter(|name| head.cell(name).is_none()).peekable();
        let logged = head.cells().map(|(name, _)| name).peekable();
        Merged(logged, only_in_files)
    }

    /// Tells whether there is a package of that name.
    pub fn contains(&self, name: &PackageName) -> bool {
        self.inner.files.contains_key(name) || self.inner.head.cell(name).is_some()
    }

    /// The package of the log, where that counts.
    fn logged(&self, name: &PackageName) -> Option<&Arc<Cell>> {
        if self.inner.files.contains_key(name) { None } else { self.inner.head.cell(name) }
    }

    /// Tells whether it has the package as the log does.
    pub(crate) fn is_logged(&self, name: &PackageName) -> bool {
        self.logged(name).is_some()
    }

    /// Returns a package.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unparsable`] when it was never seen in a state that parses.
    pub fn package(&self, name: &PackageName) -> Result<Arc<Package>> {
        if let Some(package) = self.inner.files.get(name) {
            return match package.get() {
                Some(package) => Ok(package.clone()),
                None => {
                    let read = Arc::new(self.store.read_file(name)?);
                    Ok(package.get_or_init(|| read).clone())
                }
            };
        }
        match self.logged(name) {
            Some(cell) => {
                let log = self.store.log("read a package")?;
                cell.package(&*log.backend, name, self.inner.head.revision)
            }
            None => {
                for warning in self.warnings() {
                    match warning {
                        Warning::Unparsable { package, diagnostics } if package == name => {
                            let diagnostics = diagnostics.clone();
                            return Err(Error::Unparsable { package: name.clone(), diagnostics });
                        }
                        Warning::Unreadable { package, reason } if package == name => {
                            return Err(Error::io(
                                "read",
                                self.store.file(name).path(),
                                std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason.clone()),
                            ));
                        }
                        _ => {}
                    }
                }
                Err(Error::not_found(name))
            }
        }
    }

    /// Returns the value of an option, or the type of a section; `None` where there is none.
    ///
    /// It is read from the segment where that shows this state, without loading the package.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such package; those of the log.
    pub fn get(&self, key: &Key) -> Result<Option<Value>> {
        if self.is_logged(&key.package)
            && let Some(mapped) = self.mapped()
            && let Ok(value) = find::value(mapped, key)
        {
            return Ok(value);
        }
        let package = self.package(&key.package)?;
        let Some(selector) = &key.section else { return Ok(None) };
        let draft = Draft::on(package.clone(), IdSource::new(0));
        let section = draft.resolve(selector).and_then(|id| package.section(id));
        Ok(section.and_then(|section| match &key.option {
            None => Some(Value::scalar(section.kind())),
            Some(option) => section.get(option),
        }))
    }

    /// Makes sure that the segment shows this state, if it can, so that other processes read from there.
    pub fn map(&self) {
        let _ = self.mapped();
    }

    /// Returns this state as the segment has it, after bringing that up to the log if it lags behind.
    pub(crate) fn mapped(&self) -> Option<&cms_segment::Snapshot> {
        let look = || {
            let head = Some(&self.inner.head)
                .filter(|head| self.inner.is_newest && head.revision > Revision::EMPTY)?;
            let log = self.store.optional_log()?;
            log.mapped.snapshot(&*log.backend, head.revision).or_else(|| {
                log.show(head, &[]);
                log.mapped.snapshot(&*log.backend, head.revision)
            })
        };
        self.inner.mapped.get_or_init(look).as_ref()
    }

    /// Returns what the user should know of this state: files that do not parse, or are newer.
    pub fn warnings(&self) -> &[Warning] {
        &self.inner.warnings
    }
}

/// Two ordered sequences without a name in common, as one.
struct Merged<A: Iterator, B: Iterator>(Peekable<A>, Peekable<B>);

impl<'a, A, B> Iterator for Merged<A, B>
where
    A: Iterator<Item = &'a PackageName>,
    B: Iterator<Item = &'a PackageName>,
{
    type Item = &'a PackageName;

    fn next(&mut self) -> Option<&'a PackageName> {
        match (self.0.peek(), self.1.peek()) {
            (Some(one), Some(other)) if other < one => self.1.next(),
            (Some(_), _) => self.0.next(),
            (None, _) => self.1.next(),
        }
    }
}

impl Store {
    /// Reads a package from its file, for those who have no log.
    fn read_file(&self, name: &PackageName) -> Result<Package> {
        let file = self.file(name);
        let Some(opened) = file.open_to_read()? else { return Err(Error::not_found(name)) };
        match Package::read(opened) {
            Ok(package) => Ok(package),
            Err(cms_model::ReadError::Io(source)) => Err(Error::io("read", file.path(), source)),
            Err(cms_model::ReadError::Parse(diagnostics)) => {
                let path = file.path().display().to_string();
                let diagnostics = diagnostics.into_iter().map(|found| found.in_file(path.clone())).collect();
                Err(Error::Unparsable { package: name.clone(), diagnostics })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cms_log::Look;

    use super::*;
    use crate::location::{Dirs, Location};
    use crate::store::Options;

    /// Somebody reads the head, is held up, and looks at the files after another has brought them in.
    #[test]
    fn a_head_from_before_a_file_was_brought_in_is_not_taken_for_the_newest() {
        let home = tempfile::tempdir().unwrap();
        let [config, state, run] = ["config", "state", "run"].map(|name| home.path().join(name));
        std::fs::create_dir(&config).unwrap();
        let location = Location::find(&config, &Dirs { state: Some(state), run: Some(run) }).unwrap();
        let store = Store::open(&location, Options::default()).unwrap();
        let log = store.log("test").unwrap();
        let name = PackageName::new("network").unwrap();
        let is_settled = |head: &Head, look: &Look| {
            let names = std::slice::from_ref(&name);
            let found = store.different(log, head, &look.views, names, false).unwrap();
            found.different.is_empty() && !found.unsettled
        };
        for text in ["config interface 'lan'\n", "config interface 'wan'\n"] {
            let (before, look) = (log.newest().unwrap(), log.backend.look().unwrap());
            std::fs::write(config.join("network"), text).unwrap();
            let snapshot = store.snapshot().unwrap();
            assert!(!is_settled(&before, &look), "so it looks again, and sees that others have looked");
            let now = log.backend.look().unwrap();
            assert!(!Arc::ptr_eq(&look.views, &now.views));
            assert!(is_settled(&snapshot.inner.head, &now));
        }
    }
}

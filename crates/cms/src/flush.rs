//! Bringing package files up to the log.

use cms_log::FileView;
use cms_model::PackageName;

use crate::error::{Error, Result};
use crate::external::{Absorbed, Warning};
use crate::package_file::{Leftover, Replacement};
use crate::store::{Log, Store, text_digest};

/// How often files may be edited under our hands before we keep those away who lock them.
const POLITE_ATTEMPTS: usize = 2;
/// How often those who lock nothing may edit them before we give up for this time.
const ATTEMPTS: usize = 32;

impl Store {
    /// Writes the named packages' files, each once, however many commits are waiting for it.
    ///
    /// An edit that turns up meanwhile is absorbed first.
    pub(crate) fn write_package_files(&self, names: &[PackageName]) -> Result<Vec<Warning>> {
        let log = self.log("write package files")?;
        let mut warnings = Vec::new();
        let mut names = names.to_vec();
        for attempt in 0..ATTEMPTS {
            let disturbed = self.write_once(log, &names)?;
            if disturbed.is_empty() {
                return Ok(warnings);
            }
            let mut writing = log.write()?;
            self.recover_displaced(log, &mut writing, &disturbed, &mut warnings)?;
            let absorbed = if attempt < POLITE_ATTEMPTS {
                self.absorb(log, &mut writing, &disturbed)?
            } else {
                self.write_held(log, &mut writing, &disturbed)?
            };
            drop(writing);
            let unparsable = |name: &PackageName| {
                absorbed.warnings.iter().any(|warning| {
                    matches!(warning, Warning::Unparsable { package, .. } | Warning::Unreadable { package, .. }
                        if package == name)
                })
            };
            // Such a file is never overwritten.
            names = disturbed.into_iter().filter(|name| !unparsable(name)).collect();
            warnings.extend(absorbed.warnings);
        }
        match names.first() {
            Some(name) => Err(Error::Invalid {
                key: name.to_string(),
                reason: "another program keeps rewriting the package file".to_owned(),
            }),
            None => Ok(warnings),
        }
    }

    /// Writes what can be written; returns the packages whose files are not as expected.
    fn write_once(&self, log: &Log, names: &[PackageName]) -> Result<Vec<PackageName>> {
        let _writing = log.write_files()?;
        let head = log.newest()?;
        let backend = &*log.backend;
        let mut disturbed = Vec::new();
        let mut views: Vec<(PackageName, Option<FileView>)> = Vec::new();
        let mut failed = None;
        for name in names {
            let file = self.file(name);
            if file.leftover()?.is_some() {
                disturbed.push(name.clone());
                continue;
            }
            let view = log.view(name)?;
            let cell = head.cell(name);
            let outcome = match (cell, &view) {
                (Some(cell), Some(view)) if view.revision >= cell.changed && file.status()?.is_some() => {
                    continue;
                }
                (Some(cell), view) => {
                    let package = cell.package(backend, name, head.revision)?;
                    let digest = text_digest(&package);
                    if let Some(view) = view
                        && view.digest == digest
                        && let Some(status) = file.status()?
                        && status.equals(view)
                    {
                        views
                            .push((name.clone(), Some(FileView { revision: head.revision, ..view.clone() })));
                        continue;
                    }
                    file.replace(view.as_ref(), &package).map(|outcome| (outcome, Some(digest)))
                }
                (None, Some(view)) => file.remove(view).map(|outcome| (outcome, None)),
                (None, None) => continue,
            };
            match outcome {
                Ok((Replacement::Done(status), digest)) => {
                    tracing::debug!(package = %name, revision = head.revision.0, "wrote the package file");
                    views.push((name.clone(), digest.map(|digest| status.view(head.revision, digest))));
                }
                Ok((Replacement::Edited | Replacement::Displaced, _)) => disturbed.push(name.clone()),
                // The others may still be written.
                Err(error) => failed = Some(error),
            }
        }
        log.note(&views);
        match failed {
            Some(error) => Err(error),
            None => Ok(disturbed),
        }
    }

    /// Absorbs and writes under the files' own locks, so that a crowd of `uci` has to wait.
    fn write_held(
        &self,
        log: &Log,
        writing: &mut crate::store::Writing<'_>,
        names: &[PackageName],
    ) -> Result<Absorbed> {
        let _files = log.write_files()?;
        let mut all = Absorbed::default();
        for name in names {
            let file = self.file(name);
            let held = file.hold()?;
            let absorbed = self.absorb(log, writing, std::slice::from_ref(name))?;
            all.warnings.extend(absorbed.warnings);
            let (Some(held), Some(view)) = (held, log.backend.view(name)?) else { continue };
            let Some(package) = writing.head.package(&*log.backend, name)? else { continue };
            let digest = text_digest(&package);
            if digest == view.digest {
                continue;
            }
            if let Replacement::Done(status) = file.replace_held(held, &view, &package)? {
                let view = status.view(writing.head.revision, digest);
                log.note(&[(name.clone(), Some(view))]);
            }
        }
        Ok(all)
    }

    /// Deals with the temporaries of replacements that were cut short, or that displaced an edit.
    pub(crate) fn recover_displaced(
        &self,
        log: &Log,
        writing: &mut crate::store::Writing<'_>,
        names: &[PackageName],
        warnings: &mut Vec<Warning>,
    ) -> Result<bool> {
        let mut found = false;
        let _files = log.write_files()?;
        for name in names {
            let file = self.file(name);
            match file.leftover()? {
                None => continue,
                Some(Leftover::Incomplete) => {}
                Some(Leftover::Text(text)) => {
                    warnings.extend(self.absorb_displaced(log, writing, name, &text)?);
                }
            }
            found = true;
            file.remove_temporary()?;
        }
        Ok(found)
    }
}

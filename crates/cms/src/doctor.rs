//! Checking a store: the log, the files, the rights, and what to do about what is found.

mod kind;

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use cms_log::{Pending, Revision};

pub use kind::FindingKind;

use crate::error::Result;
use crate::external::Finding as FileFinding;
use crate::head::Head;
use crate::store::{Log, Store};

/// One thing that [`Store::doctor`] found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: FindingSeverity,
    /// Where.
    pub place: String,
    /// What it is, for those who say it in words of their own.
    pub kind: FindingKind,
    /// What is wrong, in English.
    pub what: String,
    /// What to do about it, in English; empty if there is nothing to do.
    pub advice: String,
}

impl Finding {
    fn new(severity: FindingSeverity, place: impl Into<String>, kind: FindingKind) -> Finding {
        let (what, advice) = (kind.to_string(), kind.advice().to_owned());
        Finding { severity, place: place.into(), kind, what, advice }
    }
}

/// What [`Store::health`] found, by where it looked. No finding says that all is well there.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The newest revision; `None` without a log.
    pub revision: Option<Revision>,
    /// The revision that the segment shows; `None` where there is none.
    pub segment: Option<Revision>,
    /// How many packages there are.
    pub packages: usize,
    /// The log and its rights.
    pub log: Vec<Finding>,
    /// Commits that await confirmation.
    pub pending: Vec<Finding>,
    /// The package files, beside the log.
    pub files: Vec<Finding>,
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingSeverity {
    /// All is well; worth saying.
    Note,
    /// Something to look at.
    Warning,
    /// Something is broken.
    Error,
}

impl Store {
    /// Checks the log, the package files and the rights; `progress` is told what is being done and
    /// how far it is. Changes nothing.
    ///
    /// # Errors
    /// Only when checking itself fails; what is found is the answer.
    pub fn doctor(&self, progress: &mut dyn FnMut(&str, u64, u64)) -> Result<Vec<Finding>> {
        let Some(log) = self.optional_log() else { return Ok(vec![self.without_log()]) };
        let mut findings = self.look_at_rights();
        for found in log.backend.verify(&mut |step| progress(step.stage, step.done, step.total))? {
            let what = found.what;
            let (severity, kind) = match found.severity {
                cms_log::Severity::Notice => (FindingSeverity::Note, FindingKind::LogNotice { what }),
                cms_log::Severity::History => (FindingSeverity::Warning, FindingKind::LogHistory { what }),
                cms_log::Severity::Head => (FindingSeverity::Error, FindingKind::LogHead { what }),
            };
            findings.push(Finding::new(severity, found.place, kind));
        }
        findings.extend(self.look_at_pending());
        let head = log.newest()?;
        findings.extend(self.look_at_files(log, &head)?);
        Ok(findings)
    }

    /// Looks at what an operator wants to know at a glance, in a time that does not grow with the history: the newest state in the
    /// log, what awaits confirmation, the package files, the segment. Changes nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("system"), "config system 'main'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// store.snapshot()?;
    /// std::fs::write(config.join("system"), "config system 'main\n")?;
    /// let health = store.health()?;
    /// assert!(health.log.is_empty() && health.pending.is_empty());
    /// assert_eq!(health.files[0].severity, cms::FindingSeverity::Error);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Only when looking itself fails; what is found is the answer.
    pub fn health(&self) -> Result<Health> {
        let Some(log) = self.optional_log() else {
            let packages = self.file_names()?.len();
            return Ok(Health { log: vec![self.without_log()], packages, ..Health::default() });
        };
        let head = log.newest()?;
        let mut findings = self.look_at_rights();
        for (name, cell) in head.cells() {
            if let Err(error) = cell.package(&*log.backend, name, head.revision) {
                let place = self.location().log().display().to_string();
                let kind =
                    FindingKind::PackageUnreadable { package: name.clone(), reason: error.to_string() };
                findings.push(Finding::new(FindingSeverity::Error, place, kind));
            }
        }
        let snapshot = crate::mapped::attach(&crate::mapped::directory(self.location()))
            .and_then(|root| root.snapshot().ok());
        Ok(Health {
            revision: Some(head.revision),
            segment: snapshot.as_ref().and_then(crate::mapped::revision_of),
            packages: head.cells().count(),
            log: findings,
            pending: self.look_at_pending(),
            files: self.look_at_files(log, &head)?,
        })
    }

    /// What a store without a log has to say.
    fn without_log(&self) -> Finding {
        let location = self.location();
        let place = location.config().display().to_string();
        if location.is_ours() {
            Finding::new(FindingSeverity::Warning, place, FindingKind::NoLog)
        } else {
            Finding::new(FindingSeverity::Note, place, FindingKind::NotOwner { owner: location.owner() })
        }
    }

    fn look_at_rights(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let location = self.location();
        let place = location.state().display().to_string();
        let Ok(meta) = std::fs::metadata(location.state()) else { return findings };
        let mode = meta.permissions().mode();
        if mode & 0o077 != 0 {
            let kind = FindingKind::StateOpen { mode: mode & 0o7777 };
            findings.push(Finding::new(FindingSeverity::Warning, place.clone(), kind));
        }
        if meta.uid() != location.owner() {
            let kind = FindingKind::StateOwner { owner: meta.uid(), expected: location.owner() };
            findings.push(Finding::new(FindingSeverity::Error, place, kind));
        }
        findings
    }

    fn look_at_pending(&self) -> Vec<Finding> {
        let location = self.location();
        let pending = match self.pending() {
            Ok(pending) => pending,
            Err(error) => {
                let kind = FindingKind::PendingUnknown { reason: error.to_string() };
                let place = location.log().display().to_string();
                return vec![Finding::new(FindingSeverity::Error, place, kind)];
            }
        };
        let finding = |pending: Pending| {
            let (revisions, tokens) = (pending.revisions.clone(), pending.tokens.clone());
            let is_overdue = self.time_left(&pending).is_ok_and(|left| left.is_zero());
            let place = location.config().display().to_string();
            if is_overdue {
                let kind = FindingKind::Overdue { revisions, tokens };
                Finding::new(FindingSeverity::Error, place, kind)
            } else {
                let kind = FindingKind::Awaiting { revisions, tokens, is_guarded: self.is_guarded() };
                Finding::new(FindingSeverity::Warning, place, kind)
            }
        };
        pending.into_iter().map(finding).collect()
    }

    fn look_at_files(&self, log: &Log, head: &Head) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for name in self.known_names(log, head)? {
            let file = self.file(&name);
            let place = file.path().display().to_string();
            if file.has_leftover() {
                findings.push(Finding::new(FindingSeverity::Note, place.clone(), FindingKind::CutShort));
            }
            let (severity, kind) = match self.examine(log, head, &name) {
                Ok(FileFinding::Same | FileFinding::Seen { behind: false, .. }) => continue,
                Ok(FileFinding::Behind | FileFinding::Seen { behind: true, .. }) => {
                    (FindingSeverity::Warning, FindingKind::Behind)
                }
                Ok(FileFinding::Edited(_) | FileFinding::Removed) => {
                    (FindingSeverity::Note, FindingKind::Edited)
                }
                Ok(FileFinding::Unparsable(diagnostics)) => {
                    let first = diagnostics.first().map(|first| Box::new(first.clone()));
                    (FindingSeverity::Error, FindingKind::Unparsable { first })
                }
                Err(error) => {
                    (FindingSeverity::Error, FindingKind::FileUnreadable { reason: error.to_string() })
                }
            };
            findings.push(Finding::new(severity, place, kind));
        }
        Ok(findings)
    }

    /// Returns the newest revision whose commit is not later than a time in microseconds since 1970.
    ///
    /// # Errors
    /// Those of the log.
    pub fn revision_at(&self, time_us: i64) -> Result<Revision> {
        Ok(self.log("read the history")?.backend.revision_at(time_us)?)
    }
}

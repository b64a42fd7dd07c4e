//! Checking a store: the log, the files, the rights, and what to do about what is found.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use cms_log::Revision;

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
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
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

const ADVICE_HISTORY: &str = "the newest state is whole; older ones cannot all be read. Look at the disk, then move log.db away \
                              to begin a new log from the package files";
const ADVICE_HEAD: &str = "the package files are whole if they are listed without a fault: move log.db away, and the next \
                           command begins a new log from them";

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
            let severity = match found.severity {
                cms_log::Severity::Notice => FindingSeverity::Note,
                cms_log::Severity::History => FindingSeverity::Warning,
                cms_log::Severity::Head => FindingSeverity::Error,
            };
            let advice = match found.severity {
                cms_log::Severity::Notice => "nothing",
                cms_log::Severity::History => ADVICE_HISTORY,
                cms_log::Severity::Head => ADVICE_HEAD,
            };
            findings.push(Finding {
                severity,
                place: found.place,
                what: found.what,
                advice: advice.to_owned(),
            });
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
            if let Err(error) = cell.package(&*log.backend, name) {
                findings.push(Finding {
                    severity: FindingSeverity::Error,
                    place: self.location().log().display().to_string(),
                    what: format!("package {name} cannot be read: {error}"),
                    advice: "cms doctor tells how far the log is damaged, and what to do".to_owned(),
                });
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
            Finding {
                severity: FindingSeverity::Warning,
                place,
                what: "there is no log: no history, and edits cannot be undone".to_owned(),
                advice: "any change through cms makes one; check that the state directory can be written"
                    .to_owned(),
            }
        } else {
            let what =
                format!("you are not its owner (user {}), so the log was not checked", location.owner());
            let advice = "run this as the owner or as root".to_owned();
            Finding { severity: FindingSeverity::Note, place, what, advice }
        }
    }

    fn look_at_rights(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |severity, place: String, what: String, advice: &str| {
            findings.push(Finding { severity, place, what, advice: advice.to_owned() });
        };
        let location = self.location();
        let state = location.state();
        if let Ok(meta) = std::fs::metadata(state) {
            if meta.permissions().mode() & 0o077 != 0 {
                let what = format!("others may enter it (mode {:04o})", meta.permissions().mode() & 0o7777);
                add(
                    FindingSeverity::Warning,
                    state.display().to_string(),
                    what,
                    "chmod 700 it: the log holds every value that ever was",
                );
            }
            if meta.uid() != location.owner() {
                let what = format!(
                    "it belongs to user {}, the configuration to user {}",
                    meta.uid(),
                    location.owner()
                );
                add(
                    FindingSeverity::Error,
                    state.display().to_string(),
                    what,
                    "chown -R it to the owner of the configuration directory",
                );
            }
        }
        findings
    }

    fn look_at_pending(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |severity, place: String, what: String, advice: &str| {
            findings.push(Finding { severity, place, what, advice: advice.to_owned() });
        };
        let location = self.location();
        let pending = match self.pending() {
            Ok(pending) => pending,
            Err(error) => {
                let place = location.log().display().to_string();
                add(
                    FindingSeverity::Error,
                    place,
                    error.to_string(),
                    "nothing is rolled back by itself; undo by hand what was not confirmed",
                );
                Vec::new()
            }
        };
        for pending in pending {
            let tokens = pending.tokens.join(", ");
            let revisions: Vec<String> = pending.revisions.iter().map(ToString::to_string).collect();
            let guarded = if self.is_guarded() { "" } else { ", and no guardian is there" };
            let place = location.config().display().to_string();
            let revisions = revisions.join(", ");
            if self.time_left(&pending).is_ok_and(|left| left.is_zero()) {
                add(
                    FindingSeverity::Error,
                    place,
                    format!("revision {revisions} was not confirmed and is not rolled back yet ({tokens})"),
                    "cms confirm --expire rolls it back, or says why it cannot",
                );
            } else {
                add(
                    FindingSeverity::Warning,
                    place,
                    format!("revision {revisions} awaits confirmation{guarded} ({tokens})"),
                    "cms confirm keeps it, cms confirm --cancel rolls it back",
                );
            }
        }
        findings
    }

    fn look_at_files(&self, log: &Log, head: &Head) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut add = |severity, place: String, what: String, advice: &str| {
            findings.push(Finding { severity, place, what, advice: advice.to_owned() });
        };
        for name in self.known_names(log, head)? {
            let file = self.file(&name);
            let place = file.path().display().to_string();
            if file.has_leftover() {
                add(
                    FindingSeverity::Note,
                    place.clone(),
                    "a replacement was cut short".to_owned(),
                    "the next command that reads this package finishes it",
                );
            }
            match self.examine(log, head, &name) {
                Ok(FileFinding::Same | FileFinding::Seen { behind: false, .. }) => {}
                Ok(FileFinding::Behind | FileFinding::Seen { behind: true, .. }) => {
                    add(
                        FindingSeverity::Warning,
                        place,
                        "the file is older than the log".to_owned(),
                        "any cms command writes it; if it stays, check the rights of the directory",
                    );
                }
                Ok(FileFinding::Edited(_) | FileFinding::Removed) => {
                    add(
                        FindingSeverity::Note,
                        place,
                        "the file was changed by another program".to_owned(),
                        "the next cms command brings the change into the log",
                    );
                }
                Ok(FileFinding::Unparsable(diagnostics)) => {
                    let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
                    let what = format!("the file does not parse: {first}");
                    add(
                        FindingSeverity::Error,
                        place,
                        what,
                        "mend the line; until then the package is read as it last was, and nothing is committed to it",
                    );
                }
                Err(error) => {
                    add(FindingSeverity::Error, place, error.to_string(), "check the rights of the file");
                }
            }
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

//! Checking a store: the log, the files, the rights, and what to do about what is found.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use cms_log::Revision;

use crate::error::Result;
use crate::external::Finding as FileFinding;
use crate::store::Store;

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
        let mut findings = Vec::new();
        let mut add = |severity, place: String, what: String, advice: &str| {
            findings.push(Finding { severity, place, what, advice: advice.to_owned() });
        };
        let location = self.location();
        let state = location.state();
        let Some(log) = self.optional_log() else {
            let place = location.config().display().to_string();
            if location.is_ours() {
                let what = "there is no log: no history, and edits cannot be undone".to_owned();
                add(
                    FindingSeverity::Warning,
                    place,
                    what,
                    "any change through cms makes one; check that the state directory can be written",
                );
            } else {
                let what =
                    format!("you are not its owner (user {}), so the log was not checked", location.owner());
                add(FindingSeverity::Note, place, what, "run this as the owner or as root");
            }
            return Ok(findings);
        };
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
        for found in log.backend.verify(&mut |step| progress(step.stage, step.done, step.total))? {
            let severity = match found.severity {
                cms_log::Severity::Notice => FindingSeverity::Note,
                cms_log::Severity::History => FindingSeverity::Warning,
                cms_log::Severity::Head => FindingSeverity::Error,
            };
            let advice = match found.severity {
                cms_log::Severity::Notice => "nothing",
                cms_log::Severity::History => {
                    "the newest state is whole; older ones cannot all be read. Look at the disk, then move log.db away \
                     to begin a new log from the package files"
                }
                cms_log::Severity::Head => {
                    "the package files are whole if they are listed without a fault: move log.db away, and the next \
                     command begins a new log from them"
                }
            };
            add(severity, found.place, found.what, advice);
        }
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
        let head = log.newest()?;
        for name in self.known_names(log, &head)? {
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
            match self.examine(log, &head, &name) {
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

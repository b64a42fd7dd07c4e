//! What an operator wants to know of a store at a glance, as a list of checks.

use std::path::Path;

use cms::{Error, Finding, FindingSeverity, Health, Store};

use crate::adopt;
use crate::failure;
use crate::finding;
use crate::globals::{DEFAULT_CONFIG, Globals};
use crate::text::{Message, msg, text};
use crate::trigger::{self, run as runner};

/// With less free room than this, or than the log takes, and less than a fifth of all, the next commits are in danger. How much of
/// a large disk is in use says nothing: a hundredth of it is more than a store ever needs.
const LITTLE_ROOM: u64 = 4 << 20;
/// With less than this, the next commit is.
const NO_ROOM: u64 = 256 << 10;

/// Where was looked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Log,
    Files,
    Segment,
    Confirm,
    Triggers,
    Room,
    Staged,
}

impl Area {
    /// The name of the area, for people and programs alike.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Area::Log => "log",
            Area::Files => "files",
            Area::Segment => "segment",
            Area::Confirm => "confirm",
            Area::Triggers => "triggers",
            Area::Room => "room",
            Area::Staged => "staged",
        }
    }
}

/// One thing that was looked at.
pub(crate) struct Check {
    pub(crate) area: Area,
    /// `None`: all is well.
    pub(crate) severity: Option<FindingSeverity>,
    pub(crate) what: String,
    pub(crate) advice: String,
}

impl Check {
    fn well(area: Area, what: &Message) -> Check {
        Check { area, severity: None, what: what.to_string(), advice: String::new() }
    }

    fn new(area: Area, severity: FindingSeverity, what: &Message, advice: &Message) -> Check {
        Check { area, severity: Some(severity), what: what.to_string(), advice: advice.to_string() }
    }

    pub(crate) fn failed(area: Area, what: String) -> Check {
        let advice = text("health-doctor");
        Check { area, severity: Some(FindingSeverity::Error), what, advice }
    }

    /// Whether somebody has to do something.
    pub(crate) fn is_ill(&self) -> bool {
        self.severity >= Some(FindingSeverity::Warning)
    }

    fn of(area: Area, finding: &Finding) -> Check {
        let what = format!("{}: {}", finding.place, finding::what(finding));
        Check { area, severity: Some(finding.severity), what, advice: finding::advice(finding) }
    }
}

/// Looks at everything.
pub(crate) fn checks(store: &Store, globals: &Globals) -> Result<Vec<Check>, failure::Failure> {
    let health = store.health()?;
    let mut checks = Vec::new();
    let revision = health.revision.map(|revision| revision.0.to_string()).unwrap_or_default();
    let log = msg!("health-log", revision = revision);
    area(&mut checks, Area::Log, &health.log, &log);
    area(&mut checks, Area::Files, &health.files, &msg!("health-files", count = health.packages));
    segment(&mut checks, store, &health);
    area(&mut checks, Area::Confirm, &health.pending, &msg!("confirm-none"));
    if store.has_log() {
        triggers(&mut checks, store)?;
    }
    room(&mut checks, store);
    if store.has_log() {
        staged(&mut checks, store)?;
    }
    staged_with_uci(&mut checks, globals);
    Ok(checks)
}

fn area(checks: &mut Vec<Check>, area: Area, findings: &[Finding], well: &Message) {
    checks.extend(findings.iter().map(|finding| Check::of(area, finding)));
    if findings.is_empty() {
        checks.push(Check::well(area, well));
    }
}

fn segment(checks: &mut Vec<Check>, store: &Store, health: &Health) {
    let Some(head) = health.revision.filter(|revision| revision.0 > 0) else { return };
    let name = |revision: cms::Revision| revision.0.to_string();
    checks.push(match health.segment {
        Some(segment) if segment == head => {
            Check::well(Area::Segment, &msg!("health-segment", revision = name(segment)))
        }
        Some(segment) => Check::new(
            Area::Segment,
            FindingSeverity::Note,
            &msg!("health-segment-old", segment = name(segment), head = name(head)),
            &msg!("health-segment-advice"),
        ),
        None => match store.memory() {
            // The next read would have made it, as this look has.
            Ok(_) => Check::well(Area::Segment, &msg!("health-segment", revision = name(head))),
            Err(Error::Unmapped { text, limit, bound }) => Check::new(
                Area::Segment,
                FindingSeverity::Note,
                &failure::unmapped(text, limit, bound),
                &msg!("memory-none-hint"),
            ),
            Err(error) => Check::new(
                Area::Segment,
                FindingSeverity::Warning,
                &msg!("health-segment-none", reason = error.to_string()),
                &msg!("health-segment-none-advice", folder = store.location().run()),
            ),
        },
    });
}

fn triggers(checks: &mut Vec<Check>, store: &Store) -> Result<(), failure::Failure> {
    let (triggers, faults) = trigger::read(store)?;
    let before = checks.len();
    for fault in faults {
        checks.push(Check::new(Area::Triggers, FindingSeverity::Error, &fault, &msg!("health-trigger-mend")));
    }
    let cursors = store.cursors()?;
    for trigger in &triggers {
        let Some(cursor) = cursors.iter().find(|cursor| cursor.name == trigger.cursor()) else { continue };
        let (name, revision) = (&trigger.name, cursor.revision.0.to_string());
        if !cursor.remark.is_empty() {
            let what =
                msg!("health-trigger-failed", trigger = name, revision = revision, reason = &cursor.remark);
            checks.push(Check::new(
                Area::Triggers,
                FindingSeverity::Error,
                &what,
                &msg!("health-trigger-run"),
            ));
        } else if runner::is_behind(store, trigger, cursor.revision)? {
            let what = msg!("health-trigger-behind", trigger = name, revision = revision);
            checks.push(Check::new(
                Area::Triggers,
                FindingSeverity::Note,
                &what,
                &msg!("health-trigger-run"),
            ));
        }
    }
    if checks.len() == before {
        checks.push(Check::well(Area::Triggers, &msg!("health-triggers", count = triggers.len())));
    }
    Ok(())
}

/// The free room where something is written: files, log, segment.
fn room(checks: &mut Vec<Check>, store: &Store) {
    let location = store.location();
    let mut least: Option<u64> = None;
    let before = checks.len();
    let log = std::fs::metadata(location.log()).map_or(0, |log| log.len());
    for folder in [location.config(), location.state(), location.run()] {
        // What is not there yet is made on what it is to lie on.
        let Some(folder) = folder.ancestors().find(|folder| folder.is_dir()) else { continue };
        let Ok(status) = rustix::fs::statvfs(folder) else { continue };
        let free = status.f_bavail.saturating_mul(status.f_frsize);
        let whole = status.f_blocks.saturating_mul(status.f_frsize);
        let has_files = status.f_files == 0 || status.f_favail > 0;
        least = Some(least.map_or(free, |least| least.min(free)));
        let severity = if free < NO_ROOM || !has_files {
            FindingSeverity::Error
        } else if free < LITTLE_ROOM.max(log).min(whole / 5) {
            FindingSeverity::Warning
        } else {
            continue;
        };
        let what = if has_files {
            msg!("health-room-little", folder = folder, free = (free >> 10).to_string())
        } else {
            msg!("health-room-files", folder = folder)
        };
        checks.push(Check::new(Area::Room, severity, &what, &msg!("health-room-advice")));
    }
    if checks.len() == before {
        let free = least.map(|free| (free >> 20).to_string()).unwrap_or_default();
        checks.push(Check::well(Area::Room, &msg!("health-room", free = free)));
    }
}

fn staged(checks: &mut Vec<Check>, store: &Store) -> Result<(), failure::Failure> {
    let mut stage = match store.stage_to_read(None) {
        Ok(stage) => stage,
        Err(error) => {
            checks.push(Check::failed(Area::Staged, error.to_string()));
            return Ok(());
        }
    };
    let mut count = 0;
    let mut stale = Vec::new();
    for package in stage.packages() {
        count += stage.raw_changes(&package).len();
        if stage.stale(&package).is_ok_and(|changes| !changes.is_empty()) {
            stale.push(package.to_string());
        }
    }
    checks.push(if !stale.is_empty() {
        let what = msg!("changes-stale", package = stale.join(", "));
        Check::new(Area::Staged, FindingSeverity::Warning, &what, &msg!("health-staged-advice"))
    } else if count > 0 {
        let what = msg!("health-staged", count = count);
        Check::new(Area::Staged, FindingSeverity::Note, &what, &msg!("health-staged-advice"))
    } else {
        Check::well(Area::Staged, &msg!("changes-none"))
    });
    Ok(())
}

/// What `uci` left in its folder, which is for the packages of /etc/config.
fn staged_with_uci(checks: &mut Vec<Check>, globals: &Globals) {
    let folder = Path::new(adopt::UCI_SAVE_DIR);
    if globals.config != Path::new(DEFAULT_CONFIG) {
        return;
    }
    let names: Vec<String> = adopt::staged_with_uci(folder).iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        let what = msg!("health-uci", folder = folder, packages = names.join(", "));
        checks.push(Check::new(Area::Staged, FindingSeverity::Note, &what, &msg!("health-uci-advice")));
    }
}

//! What can be wrong with a store, in words.

use std::fmt;

use cms_log::Revision;
use cms_model::{Diagnostic, PackageName};

/// What a [`Finding`](super::Finding) is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// The log has something to say, and all is well.
    LogNotice {
        /// What, in the words of the log.
        what: String,
    },
    /// Older states cannot all be read.
    LogHistory {
        /// What is damaged.
        what: String,
    },
    /// The newest state cannot be read.
    LogHead {
        /// What is damaged.
        what: String,
    },
    /// There is no log yet.
    NoLog,
    /// The log is somebody else's.
    NotOwner {
        /// The user whose it is.
        owner: u32,
    },
    /// Others may enter the directory with the log.
    StateOpen {
        /// Its mode.
        mode: u32,
    },
    /// The directory with the log belongs to somebody else than the configuration.
    StateOwner {
        /// The user whose it is.
        owner: u32,
        /// The user whose the configuration is.
        expected: u32,
    },
    /// The newest state of a package cannot be read from the log.
    PackageUnreadable {
        /// The package.
        package: PackageName,
        /// Why.
        reason: String,
    },
    /// What awaits confirmation cannot be read.
    PendingUnknown {
        /// Why.
        reason: String,
    },
    /// Commits were not confirmed in time, and are still there.
    Overdue {
        /// The commits.
        revisions: Vec<Revision>,
        /// The names under which they are pending.
        tokens: Vec<String>,
    },
    /// Commits await confirmation.
    Awaiting {
        /// The commits.
        revisions: Vec<Revision>,
        /// The names under which they are pending.
        tokens: Vec<String>,
        /// Whether somebody is there to roll them back.
        is_guarded: bool,
    },
    /// The replacement of a package file was cut short.
    CutShort,
    /// A package file is older than the log.
    Behind,
    /// A package file was changed by another program.
    Edited,
    /// A package file does not parse.
    Unparsable {
        /// The first fault.
        first: Option<Box<Diagnostic>>,
    },
    /// A package file cannot be read.
    FileUnreadable {
        /// Why.
        reason: String,
    },
}

impl FindingKind {
    /// Says in English what to do about it.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            FindingKind::LogNotice { .. } => "nothing",
            FindingKind::LogHistory { .. } => {
                "the newest state is whole; older ones cannot all be read. Look at the disk, then move log.db away to begin a new log \
                 from the package files"
            }
            FindingKind::LogHead { .. } => {
                "the package files are whole if they are listed without a fault: move log.db away, and the next command begins a new \
                 log from them"
            }
            FindingKind::NoLog => {
                "any change through cms makes one; check that the state directory can be written"
            }
            FindingKind::NotOwner { .. } => "run this as the owner or as root",
            FindingKind::StateOpen { .. } => "chmod 700 it: the log holds every value that ever was",
            FindingKind::StateOwner { .. } => "chown -R it to the owner of the configuration directory",
            FindingKind::PackageUnreadable { .. } => {
                "cms doctor tells how far the log is damaged, and what to do"
            }
            FindingKind::PendingUnknown { .. } => {
                "nothing is rolled back by itself; undo by hand what was not confirmed"
            }
            FindingKind::Overdue { .. } => "cms confirm --expire rolls it back, or says why it cannot",
            FindingKind::Awaiting { .. } => "cms confirm keeps it, cms confirm --cancel rolls it back",
            FindingKind::CutShort => "the next command that reads this package finishes it",
            FindingKind::Behind => {
                "any cms command writes it; if it stays, check the rights of the directory"
            }
            FindingKind::Edited => "the next cms command brings the change into the log",
            FindingKind::Unparsable { .. } => {
                "mend the line; until then the package is read as it last was, and nothing is committed to it"
            }
            FindingKind::FileUnreadable { .. } => "check the rights of the file",
        }
    }
}

/// Says in English what is wrong.
impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |revisions: &[Revision]| revisions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            FindingKind::LogNotice { what }
            | FindingKind::LogHistory { what }
            | FindingKind::LogHead { what } => f.write_str(what),
            FindingKind::NoLog => f.write_str("there is no log: no history, and edits cannot be undone"),
            FindingKind::NotOwner { owner } => {
                write!(f, "you are not its owner (user {owner}), so the log was not checked")
            }
            FindingKind::StateOpen { mode } => write!(f, "others may enter it (mode {mode:04o})"),
            FindingKind::StateOwner { owner, expected } => {
                write!(f, "it belongs to user {owner}, the configuration to user {expected}")
            }
            FindingKind::PackageUnreadable { package, reason } => {
                write!(f, "package {package} cannot be read: {reason}")
            }
            FindingKind::PendingUnknown { reason } | FindingKind::FileUnreadable { reason } => {
                f.write_str(reason)
            }
            FindingKind::Overdue { revisions, tokens } => {
                let (revisions, tokens) = (list(revisions), tokens.join(", "));
                write!(f, "revision {revisions} was not confirmed and is not rolled back yet ({tokens})")
            }
            FindingKind::Awaiting { revisions, tokens, is_guarded } => {
                let (revisions, tokens) = (list(revisions), tokens.join(", "));
                let guardian = if *is_guarded { "" } else { ", and no guardian is there" };
                write!(f, "revision {revisions} awaits confirmation{guardian} ({tokens})")
            }
            FindingKind::CutShort => f.write_str("a replacement was cut short"),
            FindingKind::Behind => f.write_str("the file is older than the log"),
            FindingKind::Edited => f.write_str("the file was changed by another program"),
            FindingKind::Unparsable { first } => {
                f.write_str("the file does not parse: ")?;
                first.iter().try_for_each(|first| first.fmt(f))
            }
        }
    }
}

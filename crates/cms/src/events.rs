//! Events: what commits changed, told to whoever asked, from the log.
//!
//! `docs/events.md` has the contract. In reading order: `pattern` (topics), `feed` (from commits to events), `wake` (waiting for the next
//! commit), `watch` (asking for events), `cursor` (where a reader was), `manager` (being called with events).

mod alarm;
mod cursor;
mod feed;
mod manager;
mod pattern;
mod wake;
mod watch;

use std::sync::Arc;

use cms_log::Revision;
use cms_model::PackageName;

use crate::describe::DisplayChange;

pub use cursor::{Claim, Cursor, CursorState};
pub use manager::{EventLimits, EventManager, Start};
pub use pattern::{Pattern, PatternError};
pub use watch::Watch;

pub(crate) use cursor::lowest;

/// One change of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The revision that the commit made.
    pub revision: Revision,
    /// When, in microseconds since 1970 by the writer's clock.
    pub time_us: i64,
    /// Who.
    pub author: Arc<str>,
    /// The package.
    pub package: PackageName,
    /// What happened to which key.
    pub change: DisplayChange,
}

/// The events of one commit that somebody asked for, in the order of its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitEvents {
    /// The revision that the commit made.
    pub revision: Revision,
    /// When, in microseconds since 1970 by the writer's clock.
    pub time_us: i64,
    /// Who.
    pub author: Arc<str>,
    /// Why.
    pub message: String,
    /// What changed; never empty.
    pub events: Vec<Event>,
}

/// What a reader of events is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A commit changed something that was asked for.
    Commit(Arc<CommitEvents>),
    /// The subscriber was too slow for its queue. What it has missed follows, read from the log.
    Lagged {
        /// The last revision that it was told of.
        after: Revision,
        /// The newest revision then.
        upto: Revision,
    },
    /// The log no longer has the commits after `after`: take the state of `resume`, every event after it follows.
    Compacted {
        /// The last revision that the reader was told of.
        after: Revision,
        /// The oldest revision that can be read, with [`Store::snapshot_at`](crate::Store::snapshot_at).
        resume: Revision,
    },
    /// The log cannot be read any more; nothing follows.
    Stopped {
        /// Why.
        reason: Arc<str>,
    },
}

impl Notice {
    /// Returns the revision up to which a reader knows everything once it has dealt with this.
    pub fn revision(&self) -> Option<Revision> {
        match self {
            Notice::Commit(commit) => Some(commit.revision),
            Notice::Compacted { resume, .. } => Some(*resume),
            Notice::Lagged { .. } | Notice::Stopped { .. } => None,
        }
    }
}

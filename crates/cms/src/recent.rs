//! The newest commits, kept in memory: what a commit is checked against is nearly always among them.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, Commit, EntryBody, Revision};
use parking_lot::Mutex;

use crate::error::Result;

/// How many commits are kept at most, and how many changes in them.
const COMMITS: usize = 1024;
const CHANGES: usize = 1 << 16;

/// With how many there are no more kept of those that others made: who only follows has few transactions open.
const LEARNED: usize = 64;

/// Commits that follow each other up to the newest that this process knows, in the log or about to be.
#[derive(Default)]
pub(crate) struct Recent {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    commits: VecDeque<Arc<Commit>>,
    changes: usize,
}

impl Recent {
    /// Keeps a commit; what does not lead up to it is forgotten.
    pub(crate) fn push(&self, commit: Arc<Commit>) {
        let mut kept = self.kept.lock();
        kept.forget_from(commit.revision);
        kept.push(commit);
    }

    /// Keeps a commit that was read from the log, unless it is known: there may be others after it that are about to be appended.
    pub(crate) fn learn(&self, commit: Arc<Commit>) {
        let mut kept = self.kept.lock();
        if kept.commits.back().is_none_or(|last| last.revision < commit.revision) {
            kept.push(commit);
            if kept.commits.len() > LEARNED {
                kept.forget_oldest();
            }
        }
    }

    /// Returns the commits after `after` up to and including `upto`, oldest first, if all of them are kept.
    pub(crate) fn between(&self, after: Revision, upto: Revision) -> Option<Vec<Arc<Commit>>> {
        let kept = self.kept.lock();
        let first = kept.commits.front()?.revision;
        let begin = usize::try_from((after.0 + 1).checked_sub(first.0)?).ok()?;
        let end = usize::try_from((upto.0 + 1).checked_sub(first.0)?).ok()?;
        (begin <= end && end <= kept.commits.len()).then(|| kept.commits.range(begin..end).cloned().collect())
    }

    /// Forgets the commits from `revision` on: they did not come to be in the log.
    pub(crate) fn forget_from(&self, revision: Revision) {
        self.kept.lock().forget_from(revision);
    }

    /// Calls `visit` with each commit after `after` up to and including `upto`, oldest first.
    pub(crate) fn visit(
        &self,
        backend: &dyn Backend,
        after: Revision,
        upto: Revision,
        mut visit: impl FnMut(&Arc<Commit>),
    ) -> Result<()> {
        // Taken first: what is not among them is in the log.
        let kept: Vec<Arc<Commit>> = {
            let kept = self.kept.lock();
            let wanted = |commit: &&Arc<Commit>| commit.revision > after && commit.revision <= upto;
            kept.commits
                .iter()
                .rev()
                .skip_while(|commit| commit.revision > upto)
                .take_while(wanted)
                .cloned()
                .collect()
        };
        let first = kept.last().map_or(upto.next(), |commit| commit.revision);
        let reaches = kept.first().is_none_or(|last| last.revision == upto);
        if !reaches || first.0 > after.0 + 1 {
            let end = if reaches { Revision(first.0 - 1) } else { upto };
            backend.commits(after, end, &mut |commit| {
                visit(&Arc::new(commit));
                ControlFlow::Continue(())
            })?;
            if !reaches {
                return Ok(());
            }
        }
        for commit in kept.iter().rev() {
            visit(commit);
        }
        Ok(())
    }
}

impl Kept {
    fn push(&mut self, commit: Arc<Commit>) {
        if self.commits.back().is_some_and(|last| last.revision.next() != commit.revision) {
            *self = Kept::default();
        }
        self.changes += weight(&commit);
        self.commits.push_back(commit);
        while self.commits.len() > COMMITS || self.changes > CHANGES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.commits.pop_front() {
            self.changes -= weight(&oldest);
        }
    }

    fn forget_from(&mut self, revision: Revision) {
        while self.commits.back().is_some_and(|last| last.revision >= revision) {
            if let Some(last) = self.commits.pop_back() {
                self.changes -= weight(&last);
            }
        }
    }
}

/// How much room a commit takes, in changes.
fn weight(commit: &Commit) -> usize {
    let changes = commit.packages.iter().map(|entry| match &entry.body {
        EntryBody::Edit { changes, edit } => changes.len() + edit.text.len() + edit.ids.len(),
        EntryBody::Replace { changes, .. } => changes.as_ref().map_or(0, Vec::len),
    });
    let rows = commit.tables.iter().map(|change| change.rows.len());
    1 + changes.sum::<usize>() + rows.sum::<usize>() + commit.conflicts.len()
}

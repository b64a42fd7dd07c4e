//! Who gave each option the value it has.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use cms_log::{Backend, Commit, EntryBody, Mark, Revision, Touch};
use cms_model::{Change, ChangeKind, Key, Name, PackageName, SectionId, Value};

use crate::describe::label;
use crate::error::{Error, Result};
use crate::history::resolve;
use crate::store::Store;

/// So many commits are read at a time.
const AT_A_TIME: usize = 256;

/// Who gave an option the value it has.
#[derive(Clone, Debug)]
pub struct BlameLine {
    /// The dotted key of a section or an option.
    pub key: String,
    /// The value; of a section, its type.
    pub value: Value,
    /// The commit, or `None` when it is older than what the log keeps.
    pub commit: Option<BlameCommit>,
}

/// The commit of a [`BlameLine`].
#[derive(Clone, Debug)]
pub struct BlameCommit {
    /// Its revision.
    pub revision: Revision,
    /// Who.
    pub author: String,
    /// When, in microseconds since 1970.
    pub time_us: i64,
    /// Why.
    pub message: String,
}

impl Store {
    /// Tells for each option at a key which commit gave it its value.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotOwner`].
    pub fn blame(&self, key: &Key) -> Result<Vec<BlameLine>> {
        let log = self.log("read the history")?;
        let backend = &*log.backend;
        self.snapshot_of(Some(std::slice::from_ref(&key.package)))?;
        let head = log.newest()?;
        let package = head.package(backend, &key.package)?.ok_or_else(|| Error::not_found(&key.package))?;
        let only = match &key.section {
            Some(selector) => Some(resolve(&package, selector).ok_or_else(|| Error::not_found(key))?),
            None => None,
        };
        let mut lines = Vec::new();
        let mut open = Open::default();
        let sections: Vec<_> = match only {
            Some(id) => package.section(id).into_iter().collect(),
            None => package.sections().collect(),
        };
        for section in sections {
            let name = format!("{}.{}", key.package, label(&package, &section));
            if key.option.is_none() {
                open.insert(section.id(), None, lines.len());
                let value = Value::scalar(section.kind().as_bytes());
                lines.push(BlameLine { key: name.clone(), value, commit: None });
            }
            for (option, value) in section.options() {
                if key.option.as_ref().is_none_or(|only| *only == option) {
                    let line = BlameLine { key: format!("{name}.{option}"), value, commit: None };
                    open.insert(section.id(), Some(option), lines.len());
                    lines.push(line);
                }
            }
        }
        if lines.is_empty() {
            return Err(Error::not_found(key));
        }
        let mut search = Search {
            backend,
            package: &key.package,
            open,
            lines,
            candidates: Vec::new(),
            doubtful: Vec::new(),
            promised: HashSet::new(),
        };
        let mut outcome = Ok(());
        let first = backend.first()?;
        backend.touches(&key.package, head.revision, &mut |touch| {
            // What was given up a moment ago may still be there.
            if touch.revision < first {
                return ControlFlow::Break(());
            }
            outcome = search.add(touch);
            let goes_on = outcome.is_ok() && !search.open.is_empty();
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome?;
        search.read()?;
        Ok(search.lines)
    }
}

/// The lines whose commit is not known yet.
#[derive(Default)]
struct Open {
    lines: HashMap<(SectionId, Option<Name>), usize>,
    /// How many of them have a mark.
    marks: HashMap<Mark, usize>,
}

impl Open {
    fn mark(section: SectionId, option: Option<&Name>) -> Mark {
        option.map_or(Mark::of_section(section), |option| Mark::of_option(section, option))
    }

    fn insert(&mut self, section: SectionId, option: Option<Name>, line: usize) {
        *self.marks.entry(Open::mark(section, option.as_ref())).or_default() += 1;
        self.lines.insert((section, option), line);
    }

    fn take(&mut self, section: SectionId, option: Option<Name>) -> Option<usize> {
        let mark = Open::mark(section, option.as_ref());
        let line = self.lines.remove(&(section, option))?;
        if let Some(count) = self.marks.get_mut(&mark) {
            *count -= 1;
            if *count == 0 {
                self.marks.remove(&mark);
            }
        }
        Some(line)
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes out the lines whose value a change, seen from the newest back, has given.
    fn settled_by(&mut self, change: &Change) -> Vec<usize> {
        let section = change.section;
        let mut settled = Vec::new();
        match &change.kind {
            ChangeKind::Add { options, .. } => {
                settled.extend(self.take(section, None));
                for (option, _) in options {
                    settled.extend(self.take(section, Some(option.clone())));
                }
            }
            ChangeKind::Rename { .. } | ChangeKind::Retype { .. } | ChangeKind::Move { .. } => {
                settled.extend(self.take(section, None));
            }
            ChangeKind::Set { option, .. }
            | ChangeKind::InsertItem { option, .. }
            | ChangeKind::RemoveItem { option, .. } => {
                settled.extend(self.take(section, Some(option.clone())));
            }
            ChangeKind::RenameOption { new, .. } => {
                settled.extend(self.take(section, Some(new.clone())));
            }
            ChangeKind::Delete { .. } | ChangeKind::Unset { .. } => {}
        }
        settled
    }

    /// Takes out all.
    fn drain(&mut self) -> Vec<usize> {
        self.marks.clear();
        self.lines.drain().map(|(_, line)| line).collect()
    }
}

/// A walk from the newest commit back, which reads those alone that can settle a line.
struct Search<'a> {
    backend: &'a dyn Backend,
    package: &'a PackageName,
    open: Open,
    lines: Vec<BlameLine>,
    /// Commits to be read.
    candidates: Vec<Revision>,
    /// What they will settle, by their marks.
    promised: HashSet<Mark>,
    /// Commits that can settle nothing but what is promised: to be read if a promise is not kept, since a mark may stand for
    /// another place, too.
    doubtful: Vec<Revision>,
}

impl Search<'_> {
    fn add(&mut self, touch: Touch) -> Result<()> {
        match &touch.marks {
            None => {
                // It may settle all, so what is promised by newer ones is redeemed before.
                if !self.promised.is_empty() {
                    self.read()?;
                }
                self.candidates.push(touch.revision);
            }
            Some(marks) => {
                let (mut hits, mut news) = (false, false);
                for mark in marks.iter().filter(|mark| self.open.marks.contains_key(mark)) {
                    hits = true;
                    news |= self.promised.insert(*mark);
                }
                if news {
                    self.candidates.push(touch.revision);
                } else if hits {
                    self.doubtful.push(touch.revision);
                }
            }
        }
        let is_all_promised = self.promised.len() >= self.open.marks.len();
        if self.candidates.len() >= AT_A_TIME || is_all_promised && !self.candidates.is_empty() {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        let candidates = std::mem::take(&mut self.candidates);
        self.settle_by(&candidates)?;
        let doubtful = std::mem::take(&mut self.doubtful);
        let promised = std::mem::take(&mut self.promised);
        if promised.iter().any(|mark| self.open.marks.contains_key(mark)) {
            self.settle_by(&doubtful)?;
        }
        Ok(())
    }

    fn settle_by(&mut self, revisions: &[Revision]) -> Result<()> {
        let backend = self.backend;
        backend.commits_at(revisions, &mut |commit| {
            self.settle(&commit);
            if self.open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(())
    }

    fn settle(&mut self, commit: &Commit) {
        for entry in commit.packages.iter().filter(|entry| entry.package == *self.package) {
            let settled = match &entry.body {
                EntryBody::Replace { .. } => self.open.drain(),
                EntryBody::Edit { changes, .. } => {
                    changes.iter().rev().flat_map(|change| self.open.settled_by(change)).collect()
                }
            };
            for line in settled {
                if let Some(line) = self.lines.get_mut(line) {
                    line.commit = Some(BlameCommit {
                        revision: commit.revision,
                        author: commit.author.clone(),
                        time_us: commit.time_us,
                        message: commit.message.clone(),
                    });
                }
            }
        }
    }
}

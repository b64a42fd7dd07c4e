//! The newest commits, kept in memory: what a commit is checked against is nearly always among them.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, Commit, EntryBody, Record, Revision};
use cms_model::{Change, Name, PackageName, SectionId};
use parking_lot::Mutex;
use rapidhash::v3::rapidhash_v3;

use crate::error::Result;
use crate::rebase::name_taken;

/// How many commits are kept at most, and how many changes in them.
const COMMITS: usize = 1024;
const CHANGES: usize = 1 << 16;

/// How many bytes of a stored commit count as a change.
const CHANGE_BYTES: usize = 64;

/// With how many there are no more kept of those that others made: who only follows has few transactions open.
const LEARNED: u64 = 64;

/// Commits that follow each other up to the newest that this process knows, in the log or about to be.
#[derive(Default)]
pub(crate) struct Recent {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Each with its weight, for it grows when it is decoded.
    records: VecDeque<(Arc<Record>, usize)>,
    weight: usize,
    places: Places,
}

/// Where commits have changed something, so that whoever is about to commit need not look through all of them.
#[derive(Default)]
struct Places {
    /// The newest commit at each place, or one that was newer and did not come to be. A place is a number made of what it is: where two
    /// have the same, the commits themselves are looked at.
    newest: HashMap<u64, Revision>,
    /// Of the commits up to here nothing is known: they are not decoded.
    unknown: Revision,
}

/// More places than this are forgotten.
const PLACES: usize = 1 << 17;

impl Recent {
    /// Keeps a commit; what does not lead up to it is forgotten.
    pub(crate) fn push(&self, commit: Arc<Commit>) {
        let mut kept = self.kept.lock();
        kept.forget_from(commit.revision);
        kept.push(Arc::new(Record::from(commit)));
    }

    /// Keeps a commit that was read from the log, unless it is known: there may be others after it that are about to be appended.
    pub(crate) fn learn(&self, record: Arc<Record>) {
        let mut kept = self.kept.lock();
        if kept.last().is_none_or(|last| last < record.revision()) {
            kept.push(record);
            if kept.records.len() as u64 > LEARNED {
                kept.forget_oldest();
            }
        }
    }

    /// Keeps the commits up to `upto` that came after those that are kept, if they are few: else those that are kept would be of no use.
    pub(crate) fn catch_up(&self, backend: &dyn Backend, upto: Revision) {
        let last = self.kept.lock().last();
        if let Some(last) = last
            && (1..=LEARNED).contains(&upto.0.saturating_sub(last.0))
        {
            // Who needs one that is not kept reads it, and says so if he cannot.
            let _ = backend.records(last, upto, &mut |record| {
                self.learn(Arc::new(record));
                ControlFlow::Continue(())
            });
        }
    }

    /// Keeps the commits up to `upto` after all those bases from which it is not far: those that others made while this process only read.
    pub(crate) fn reach_back(
        &self,
        backend: &dyn Backend,
        bases: impl Iterator<Item = Revision>,
        upto: Revision,
    ) {
        let near = bases.filter(|base| upto.0.saturating_sub(base.0) <= LEARNED);
        let Some(after) = near.min() else { return };
        let first = self.kept.lock().first();
        let end = first.map_or(upto, |first| Revision(first.0.saturating_sub(1)).min(upto));
        if after >= end {
            return;
        }
        let mut older = Vec::new();
        let read = backend.records(after, end, &mut |record| {
            older.push(Arc::new(record));
            ControlFlow::Continue(())
        });
        // Who needs one that is not kept reads it, and says so if he cannot.
        if read.is_ok() {
            self.kept.lock().push_older(older);
        }
    }

    /// Tells whether it is certain that no commit after `after` up to and including `upto` can be in conflict with changes of a package.
    pub(crate) fn leaves_alone<'a>(
        &self,
        package: &PackageName,
        mut changes: impl Iterator<Item = &'a Change> + Clone,
        after: Revision,
        upto: Revision,
    ) -> bool {
        let kept = self.kept.lock();
        let Some(mut between) = kept.between(after, upto) else { return false };
        // Those whose places are not noted are gone through.
        let unknown = kept.places.unknown.max(after);
        let mine: Vec<(SectionId, Option<&Name>)> = match after < unknown {
            true => changes.clone().map(|change| (change.section, name_taken(change))).collect(),
            false => Vec::new(),
        };
        let is_left_by = |record: &Arc<Record>| {
            let mut is_left = true;
            let is_edit = record.sections(package, |section, name| {
                is_left &= !mine.iter().any(|(my_section, my_name)| {
                    *my_section == section || name.is_some() && my_name.map(|name| name.as_bytes()) == name
                });
            });
            is_edit && is_left
        };
        let is_old = |place| kept.places.newest.get(&place).is_none_or(|newest| *newest <= unknown);
        (after >= unknown
            || between.by_ref().take_while(|record| record.revision() <= unknown).all(is_left_by))
            && is_old(whole_of(package))
            && changes.all(|change| places_of(package, change).all(is_old))
    }

    /// Tells whether it is certain that no commit after `after` up to and including `upto` has renamed a section of a package.
    pub(crate) fn leaves_names(&self, package: &PackageName, after: Revision, upto: Revision) -> bool {
        let kept = self.kept.lock();
        kept.between(after, upto).is_some_and(|mut all| all.all(|record| !record.renames(package)))
    }

    /// Returns the commits after `after` up to and including `upto`, oldest first, if all of them are kept.
    pub(crate) fn between(&self, after: Revision, upto: Revision) -> Option<Vec<Arc<Record>>> {
        let kept = self.kept.lock();
        let records = kept.between(after, upto)?.cloned().collect();
        Some(records)
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
        self.visit_records(backend, after, upto, |record| {
            visit(record.commit(backend)?);
            Ok(())
        })
    }

    /// As [`visit`](Recent::visit), without decoding the commits.
    pub(crate) fn visit_records(
        &self,
        backend: &dyn Backend,
        after: Revision,
        upto: Revision,
        mut visit: impl FnMut(&Arc<Record>) -> Result<()>,
    ) -> Result<()> {
        // Taken first: what is not among them is in the log.
        let newest: Vec<Arc<Record>> = {
            let kept = self.kept.lock();
            let first = kept.first().map_or(upto, |first| Revision(first.0.saturating_sub(1)));
            kept.between(first.max(after), upto).into_iter().flatten().cloned().collect()
        };
        let end = newest.first().map_or(upto, |first| Revision(first.revision().0 - 1));
        let mut outcome = Ok(());
        backend.records(after, end, &mut |record| {
            outcome = visit(&Arc::new(record));
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome?;
        newest.iter().try_for_each(visit)
    }
}

impl Kept {
    fn first(&self) -> Option<Revision> {
        self.records.front().map(|(record, _)| record.revision())
    }

    fn last(&self) -> Option<Revision> {
        self.records.back().map(|(record, _)| record.revision())
    }

    /// The commits after `after` up to and including `upto`, if all of them are kept.
    fn between(&self, after: Revision, upto: Revision) -> Option<impl Iterator<Item = &Arc<Record>>> {
        let first = self.first()?;
        let begin = usize::try_from((after.0 + 1).checked_sub(first.0)?).ok()?;
        let end = usize::try_from((upto.0 + 1).checked_sub(first.0)?).ok()?;
        let is_kept = begin <= end && end <= self.records.len();
        is_kept.then(|| self.records.range(begin..end).map(|(record, _)| record))
    }

    fn push(&mut self, record: Arc<Record>) {
        if self.last().is_some_and(|last| last.next() != record.revision()) {
            *self = Kept::default();
        }
        let weight = weight(&record);
        self.places.note(&record);
        self.weight += weight;
        self.records.push_back((record, weight));
        while self.records.len() > COMMITS || self.weight > CHANGES {
            self.forget_oldest();
        }
    }

    /// Keeps commits that come before those that are kept, and are in the log. As many as are [`LEARNED`] need not be weighed.
    fn push_older(&mut self, records: Vec<Arc<Record>>) {
        let Some(newest) = records.last().map(|record| record.revision()) else { return };
        if self.first().is_some_and(|first| first != newest.next()) {
            return;
        }
        for record in records.into_iter().rev() {
            let weight = weight(&record);
            self.weight += weight;
            self.records.push_front((record, weight));
        }
        self.places.unknown = self.places.unknown.max(newest);
    }

    fn forget_oldest(&mut self) {
        if let Some((record, weight)) = self.records.pop_front() {
            self.weight -= weight;
            self.places.forget(&record);
        }
    }

    fn forget_from(&mut self, revision: Revision) {
        while self.last().is_some_and(|last| last >= revision) {
            if let Some((_, weight)) = self.records.pop_back() {
                self.weight -= weight;
            }
        }
    }
}

impl Places {
    fn note(&mut self, record: &Record) {
        let revision = record.revision();
        if self.newest.len() > PLACES {
            *self = Places { unknown: Revision(revision.0.saturating_sub(1)), ..Places::default() };
        }
        match record.decoded() {
            Some(commit) => visit_places(commit, |place| {
                self.newest.insert(place, revision);
            }),
            None => self.unknown = revision,
        }
    }

    /// Forgets the oldest commit.
    fn forget(&mut self, record: &Record) {
        let Some(commit) = record.decoded() else { return };
        visit_places(commit, |place| {
            if self.newest.get(&place) == Some(&record.revision()) {
                self.newest.remove(&place);
            }
        });
    }
}

fn visit_places(commit: &Commit, mut visit: impl FnMut(u64)) {
    for entry in &commit.packages {
        match &entry.body {
            EntryBody::Edit { changes, .. } => {
                changes.iter().flat_map(|change| places_of(&entry.package, change)).for_each(&mut visit);
            }
            EntryBody::Replace { .. } => visit(whole_of(&entry.package)),
        }
    }
}

/// The places that a change may meet another one at: its section, and the name that it gives to one.
fn places_of(package: &PackageName, change: &Change) -> impl Iterator<Item = u64> {
    let section = place(package, &change.section.0.to_le_bytes());
    let name = name_taken(change).map(|name| place(package, &[b"=", name.as_bytes()].concat()));
    std::iter::once(section).chain(name)
}

fn whole_of(package: &PackageName) -> u64 {
    place(package, b"")
}

fn place(package: &PackageName, what: &[u8]) -> u64 {
    rapidhash_v3(package.as_bytes()) ^ rapidhash_v3(what).rotate_left(32)
}

/// How much room a commit takes, in changes.
fn weight(record: &Record) -> usize {
    match record.decoded() {
        Some(commit) => weight_of(commit),
        None => 1 + record.stored_len() / CHANGE_BYTES,
    }
}

fn weight_of(commit: &Commit) -> usize {
    let changes = commit.packages.iter().map(|entry| match &entry.body {
        EntryBody::Edit { changes, edit } => changes.len() + edit.text.len() + edit.ids.len(),
        EntryBody::Replace { changes, .. } => changes.as_ref().map_or(0, Vec::len),
    });
    let rows = commit.tables.iter().map(|change| change.rows.len());
    1 + changes.sum::<usize>() + rows.sum::<usize>() + commit.conflicts.len()
}

#[cfg(test)]
mod tests {
    use cms_log::{CommitKind, Origin, PackageEntry};
    use cms_model::{ChangeKind, Edit, Name, SectionId, TypeName, Value};
    use cms_testkit::Random;

    use super::*;

    fn change(random: &mut Random) -> Change {
        let name = |random: &mut Random| Name::new(&format!("n{}", random.below(6))).unwrap();
        let kind = match random.below(4) {
            0 => ChangeKind::Rename { old: None, new: Some(name(random)) },
            1 => ChangeKind::Add {
                kind: TypeName::new("host").unwrap(),
                name: Some(name(random)),
                after: None,
                at_end: true,
                options: Vec::new(),
            },
            _ => {
                let new = Value::scalar(random.below(3).to_string());
                ChangeKind::Set { option: name(random), old: None, new, at: None }
            }
        };
        Change { section: SectionId(random.below(12)), kind }
    }

    fn package(random: &mut Random) -> PackageName {
        PackageName::new(["network", "dhcp"][random.below(2) as usize]).unwrap()
    }

    fn commit(revision: u64, random: &mut Random) -> Commit {
        let body = match random.below(12) {
            0 => EntryBody::Replace { old: None, new: None, changes: None },
            _ => {
                let changes = (0..1 + random.below(2)).map(|_| change(random)).collect();
                EntryBody::Edit { changes, edit: Edit::default() }
            }
        };
        Commit {
            revision: Revision(revision),
            time_us: 0,
            author: String::new(),
            tool: String::new(),
            message: String::new(),
            origin: Origin::Direct,
            kind: CommitKind::Normal,
            packages: vec![PackageEntry { package: package(random), body }],
            tables: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    fn is_in_conflict(commits: &[Commit], after: Revision, package: &PackageName, mine: &[Change]) -> bool {
        let later =
            commits.iter().filter(|commit| commit.revision > after).flat_map(|commit| &commit.packages);
        later.filter(|entry| entry.package == *package).any(|entry| match &entry.body {
            EntryBody::Edit { changes, .. } => {
                changes.iter().any(|their| mine.iter().any(|mine| cms_model::conflicts(mine, their)))
            }
            EntryBody::Replace { .. } => true,
        })
    }

    /// Commits come, some are taken back, some are only read and not decoded, and the oldest are forgotten.
    #[test]
    fn what_is_said_to_be_left_alone_is_in_conflict_with_nothing() {
        let mut random = Random::for_test("recent");
        let mut alone = 0;
        for round in 0..200 {
            let recent = Recent::default();
            let mut commits: Vec<Commit> = Vec::new();
            for _ in 0..120 {
                let next = commit(commits.len() as u64 + 1, &mut random);
                commits.push(next.clone());
                if round % 3 == 2 && random.below(9) == 0 {
                    let record = Arc::new(Record::from(Arc::new(next)));
                    recent.kept.lock().places.unknown = record.revision();
                    recent.learn(record);
                } else {
                    recent.push(Arc::new(next));
                }
                if random.below(8) == 0 {
                    let back = commits.len() - random.below(3.min(commits.len() as u64)) as usize;
                    commits.truncate(back);
                    recent.forget_from(Revision(back as u64 + 1));
                }
                if round % 2 == 1 && recent.kept.lock().records.len() > 20 {
                    recent.kept.lock().forget_oldest();
                }
                let head = Revision(commits.len() as u64);
                let after = Revision(head.0 - random.below(25.min(head.0 + 1)));
                let (package, mine) = (package(&mut random), [change(&mut random)]);
                if recent.leaves_alone(&package, mine.iter(), after, head) {
                    assert!(
                        !is_in_conflict(&commits, after, &package, &mine),
                        "round {round}: {mine:?} after {after}"
                    );
                    alone += u64::from(after < head);
                }
            }
        }
        assert!(alone > 1000, "it is nearly always said where it is so: {alone}");
    }
}

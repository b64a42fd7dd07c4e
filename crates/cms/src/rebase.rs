//! Bringing changes made on an older state onto the head: finding conflicts, and moving text.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cms_log::{Commit, EntryBody, Revision};
use cms_model::{Change, ChangeKind, Edit, IdSplice, Name, Package, PackageName, SectionId, Splice};

use crate::error::{Error, Result};
use crate::store::Log;

/// What others committed to one package since a revision.
#[derive(Debug, Default)]
pub(crate) struct Theirs {
    /// Those that were asked for.
    changes: Vec<Their>,
    /// Of all changes, the first and the last.
    ends: Option<(Their, Their)>,
    by_section: HashMap<SectionId, Vec<usize>>,
    by_name: HashMap<Name, Vec<usize>>,
    /// Commits that created, deleted or rewrote the package as a whole.
    whole: Vec<Their>,
}

/// A change of a commit, or all that it did to a package.
#[derive(Debug, Clone)]
pub(crate) struct Their {
    commit: Arc<Commit>,
    entry: usize,
    change: Option<usize>,
}

impl Their {
    pub(crate) fn revision(&self) -> Revision {
        self.commit.revision
    }

    pub(crate) fn author(&self) -> &str {
        &self.commit.author
    }

    fn change(&self) -> Option<&Change> {
        match &self.commit.packages.get(self.entry)?.body {
            EntryBody::Edit { changes, .. } => changes.get(self.change?),
            EntryBody::Replace { .. } => None,
        }
    }
}

/// Where in a package something may have been changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// Anywhere.
    Package,
    /// In a section.
    Section(SectionId),
    /// At an option, or its section as a whole.
    Option(SectionId, &'a Name),
    /// At whatever came to have a name.
    Name(&'a Name),
}

/// Which of their changes are to be looked at. Of a package that many commit to, most are of no interest.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    is_all: bool,
    sections: HashSet<SectionId>,
    names: HashSet<Name>,
}

impl Interest {
    /// In every change.
    pub(crate) fn all() -> Interest {
        Interest { is_all: true, ..Interest::default() }
    }

    /// In what may be in conflict with changes.
    pub(crate) fn of<'a>(changes: impl Iterator<Item = &'a Change>) -> Interest {
        let mut interest = Interest::default();
        for change in changes {
            interest.sections.insert(change.section);
            interest.names.extend(name_taken(change).cloned());
        }
        interest
    }

    /// In what touches a place.
    pub(crate) fn at(place: Place<'_>) -> Interest {
        let mut interest = Interest::default();
        match place {
            // Any change does, so the first one.
            Place::Package => {}
            Place::Section(id) | Place::Option(id, _) => {
                interest.sections.insert(id);
            }
            Place::Name(name) => {
                interest.names.insert(name.clone());
            }
        }
        interest
    }

    fn takes(&self, change: &Change) -> bool {
        self.is_all
            || self.sections.contains(&change.section)
            || name_taken(change).is_some_and(|name| self.names.contains(name))
    }
}

impl Theirs {
    /// Reads the commits to `package` after `after` up to `upto`.
    pub(crate) fn read(
        log: &Log,
        package: &PackageName,
        after: Revision,
        upto: Revision,
        interest: &Interest,
    ) -> Result<Theirs> {
        Theirs::read_except(log, package, after, upto, interest, &[])
    }

    /// As [`read`](Theirs::read), without the commits of `ours`.
    pub(crate) fn read_except(
        log: &Log,
        package: &PackageName,
        after: Revision,
        upto: Revision,
        interest: &Interest,
        ours: &[Revision],
    ) -> Result<Theirs> {
        let mut theirs = Theirs::default();
        if after >= upto {
            return Ok(theirs);
        }
        log.recent.visit(&*log.backend, after, upto, |commit| {
            if ours.contains(&commit.revision) {
                return;
            }
            for (entry, of) in
                commit.packages.iter().enumerate().filter(|(_, entry)| entry.package == *package)
            {
                let their = |change| Their { commit: commit.clone(), entry, change };
                match &of.body {
                    EntryBody::Edit { changes, .. } => {
                        if let Some(last) = changes.len().checked_sub(1) {
                            let last = their(Some(last));
                            match &mut theirs.ends {
                                Some((_, end)) => *end = last,
                                ends => *ends = Some((their(Some(0)), last)),
                            }
                        }
                        for (number, _) in
                            changes.iter().enumerate().filter(|(_, change)| interest.takes(change))
                        {
                            theirs.add(their(Some(number)));
                        }
                    }
                    EntryBody::Replace { .. } => theirs.whole.push(their(None)),
                }
            }
        })?;
        Ok(theirs)
    }

    fn add(&mut self, their: Their) {
        let Some(change) = their.change() else { return };
        let index = self.changes.len();
        self.by_section.entry(change.section).or_default().push(index);
        if let Some(name) = name_taken(change) {
            self.by_name.entry(name.clone()).or_default().push(index);
        }
        self.changes.push(their);
    }

    /// Returns the commit after `base` that `mine` conflicts with, if there is one.
    pub(crate) fn conflict(&self, mine: &Change, base: Revision) -> Option<&Their> {
        if let Some(whole) = self.whole.iter().find(|their| their.revision() > base) {
            return Some(whole);
        }
        let same_section = self.by_section.get(&mine.section).into_iter().flatten();
        let same_name = name_taken(mine).and_then(|name| self.by_name.get(name)).into_iter().flatten();
        same_section.chain(same_name).filter_map(|index| self.changes.get(*index)).find(|their| {
            their.revision() > base && their.change().is_some_and(|change| cms_model::conflicts(mine, change))
        })
    }

    /// Returns the first commit that changed something at a place.
    pub(crate) fn touching(&self, place: Place<'_>) -> Option<&Their> {
        let in_section = |id: SectionId| {
            self.by_section.get(&id).into_iter().flatten().filter_map(|index| self.changes.get(*index))
        };
        let found = match place {
            Place::Package => self.ends.as_ref().map(|(first, _)| first),
            Place::Section(id) => in_section(id).next(),
            Place::Option(id, option) => in_section(id).find(|their| {
                their.change().is_some_and(|change| match &change.kind {
                    // The place of a section is not what its options are.
                    ChangeKind::Move { .. } => false,
                    ChangeKind::RenameOption { old, new } => old == option || new == option,
                    _ => change.option().is_none_or(|changed| changed == option),
                })
            }),
            Place::Name(name) => self
                .by_name
                .get(name)
                .and_then(|claims| claims.first())
                .and_then(|index| self.changes.get(*index)),
        };
        self.whole.first().or(found)
    }

    /// Returns the newest commit after `base`, if there is any.
    pub(crate) fn newest(&self, base: Revision) -> Option<&Their> {
        let last = self.ends.as_ref().map(|(_, last)| last);
        let all = self.whole.last().into_iter().chain(last);
        all.filter(|their| their.revision() > base).max_by_key(|their| their.revision())
    }
}

/// The section name that a change lays claim to: two sections of one name cannot be.
pub(crate) fn name_taken(change: &Change) -> Option<&Name> {
    match &change.kind {
        ChangeKind::Add { name, .. } => name.as_ref(),
        ChangeKind::Rename { new, .. } => new.as_ref(),
        _ => None,
    }
}

/// Returns `old` with the text and the sections of `new`, keeping every block that both have in
/// common, so that the log stores the difference alone.
pub(crate) fn rewritten(old: &Package, new: &Package) -> Result<Package> {
    let (old_text, old_ids) = whole(old);
    let (new_text, new_ids) = whole(new);
    let mut edit = Edit::default();
    if let Some((at, removed, inserted)) = difference(&old_text, &new_text) {
        edit.text.push(Splice { offset: at as u64, removed: removed.to_vec(), inserted: inserted.to_vec() });
    }
    if let Some((at, removed, inserted)) = difference(&old_ids, &new_ids) {
        edit.ids.push(IdSplice { index: at as u64, removed: removed.to_vec(), inserted: inserted.to_vec() });
    }
    let mut result = old.clone();
    result.apply_edit(&edit).map_err(|error| Error::Invalid {
        key: "text".to_owned(),
        reason: format!("the new text does not fit the old one: {error}"),
    })?;
    Ok(result)
}

fn whole(package: &Package) -> (Vec<u8>, Vec<SectionId>) {
    let mut text = Vec::new();
    let mut ids = Vec::new();
    for part in package.to_parts() {
        text.extend_from_slice(&part.text);
        ids.extend_from_slice(&part.ids);
    }
    (text, ids)
}

/// What lies between the common start and the common end of two sequences.
fn difference<'a, T: PartialEq>(old: &'a [T], new: &'a [T]) -> Option<(usize, &'a [T], &'a [T])> {
    if old == new {
        return None;
    }
    let start = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - start;
    let end =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    Some((start, &old[start..old.len() - end], &new[start..new.len() - end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_as_short_as_its_ends_allow() {
        assert_eq!(difference(b"abc", b"abc"), None);
        assert_eq!(difference(b"abxc", b"abyyc"), Some((2, &b"x"[..], &b"yy"[..])));
        assert_eq!(difference(b"aaa", b"aa"), Some((2, &b"a"[..], &b""[..])));
    }

    #[test]
    fn rewriting_gives_the_new_text() {
        let old = Package::parse(b"# head\n\nconfig a 'x'\n\toption o '1'\n\nconfig b\n").unwrap();
        let text = b"# head\n\nconfig a 'x'\n\toption o '2' # two\n\nconfig c 'n'\n\nconfig b\n";
        let new = old.adopt(Package::parse(text).unwrap(), 7);
        let result = rewritten(&old, &new).unwrap();
        assert_eq!(result.text(), text);
        assert_eq!(result.find("x").unwrap().id(), old.find("x").unwrap().id());
        assert_eq!(result.nth(Some("b"), 0).unwrap().id(), old.nth(Some("b"), 0).unwrap().id());
    }
}

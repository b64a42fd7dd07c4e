//! Bringing changes made on an older state onto the head: finding conflicts, and moving text.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, EntryBody, Revision};
use cms_model::{Change, ChangeKind, Edit, IdSplice, Name, Package, PackageName, SectionId, Splice};

use crate::error::{Error, Result};

/// What others committed to one package since a revision.
#[derive(Debug, Default)]
pub(crate) struct Theirs {
    changes: Vec<Their>,
    by_section: HashMap<SectionId, Vec<usize>>,
    by_name: HashMap<Name, Vec<usize>>,
    /// Commits that created, deleted or rewrote the package as a whole.
    whole: Vec<Their>,
}

#[derive(Debug, Clone)]
pub(crate) struct Their {
    pub revision: Revision,
    pub author: Arc<str>,
    change: Option<Change>,
}

impl Theirs {
    /// Reads the commits to `package` after `after` up to `upto`.
    pub(crate) fn read(
        backend: &dyn Backend,
        package: &PackageName,
        after: Revision,
        upto: Revision,
    ) -> Result<Theirs> {
        Theirs::read_except(backend, package, after, upto, &[])
    }

    /// As [`read`](Theirs::read), without the commits of `ours`.
    pub(crate) fn read_except(
        backend: &dyn Backend,
        package: &PackageName,
        after: Revision,
        upto: Revision,
        ours: &[Revision],
    ) -> Result<Theirs> {
        let mut theirs = Theirs::default();
        if after >= upto {
            return Ok(theirs);
        }
        backend.commits(after, upto, &mut |commit| {
            if ours.contains(&commit.revision) {
                return ControlFlow::Continue(());
            }
            let author: Arc<str> = commit.author.as_str().into();
            for entry in commit.packages {
                if entry.package != *package {
                    continue;
                }
                let changes = match entry.body {
                    EntryBody::Edit { changes, .. } => changes,
                    EntryBody::Replace { .. } => {
                        let revision = commit.revision;
                        theirs.whole.push(Their { revision, author: author.clone(), change: None });
                        continue;
                    }
                };
                for change in changes {
                    theirs.add(Their {
                        revision: commit.revision,
                        author: author.clone(),
                        change: Some(change),
                    });
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(theirs)
    }

    fn add(&mut self, their: Their) {
        let Some(change) = &their.change else { return };
        let index = self.changes.len();
        self.by_section.entry(change.section).or_default().push(index);
        if let Some(name) = name_taken(change) {
            self.by_name.entry(name.clone()).or_default().push(index);
        }
        self.changes.push(their);
    }

    /// Returns the commit after `base` that `mine` conflicts with, if there is one.
    pub(crate) fn conflict(&self, mine: &Change, base: Revision) -> Option<&Their> {
        if let Some(whole) = self.whole.iter().find(|their| their.revision > base) {
            return Some(whole);
        }
        let same_section = self.by_section.get(&mine.section).into_iter().flatten();
        let same_name = name_taken(mine).and_then(|name| self.by_name.get(name)).into_iter().flatten();
        same_section.chain(same_name).filter_map(|index| self.changes.get(*index)).find(|their| {
            their.revision > base
                && their.change.as_ref().is_some_and(|change| cms_model::conflicts(mine, change))
        })
    }

    /// Returns the newest commit after `base`, if there is any.
    pub(crate) fn newest(&self, base: Revision) -> Option<&Their> {
        let all = self.whole.iter().chain(&self.changes);
        all.filter(|their| their.revision > base).max_by_key(|their| their.revision)
    }
}

/// The section name that a change lays claim to: two sections of one name cannot be.
fn name_taken(change: &Change) -> Option<&Name> {
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

//! From a commit, or from all packages, to the entries of a segment.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use cms_log::{Commit, EntryBody};
use cms_model::{Change, ChangeKind, Name, Package, PackageName, SectionId, Value};
use cms_segment::{Batch, Error, Load, Result, Snapshot, Value as Mapped};

use super::layout::{
    NOTE, REVISION, TEXT, leaf, leaf_of, note_of, note_path, section_entry, section_path, with_value,
};
use cms_log::{FileView, Revision};

/// More options than this are loaded in bulk, with everything else, instead of being put in one by one.
const FEW_OPTIONS: usize = 10_000;

/// Tells whether a commit is better shown by loading everything anew.
pub(super) fn wants_load(
    commit: &Commit,
    after: &dyn Fn(&PackageName) -> Option<std::sync::Arc<Package>>,
) -> bool {
    commit.packages.iter().any(|entry| match &entry.body {
        EntryBody::Replace { new: Some(_), .. } => {
            after(&entry.package).is_some_and(|package| package.option_count() > FEW_OPTIONS)
        }
        _ => false,
    })
}

/// Puts the revision that the segment shows.
pub(super) fn set_revision(batch: &mut Batch<'_, '_>, revision: Revision) -> Result<()> {
    batch.set_in(b"", REVISION, number(revision.0))
}

/// Puts the length of all texts.
pub(super) fn set_text(batch: &mut Batch<'_, '_>, text: u64) -> Result<()> {
    batch.set_in(b"", TEXT, number(text))
}

fn number(number: u64) -> Mapped<'static> {
    Mapped::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Puts the note on a package's file.
pub(super) fn set_note(
    batch: &mut Batch<'_, '_>,
    package: &PackageName,
    view: Option<&FileView>,
) -> Result<()> {
    batch.set_in(&note_path(package), NOTE, Mapped::Bytes(&note_of(view)))
}

/// Loads the revision and the length of all texts.
pub(super) fn load_state(load: &mut Load<'_, '_>, revision: Revision, text: u64) -> Result<()> {
    load.add(b"", REVISION, number(revision.0))?;
    load.add(b"", TEXT, number(text))
}

/// Loads a package and the note on its file.
pub(super) fn load_package(
    load: &mut Load<'_, '_>,
    name: &PackageName,
    package: &Package,
    view: Option<&FileView>,
) -> Result<()> {
    load.add(&note_path(name), NOTE, Mapped::Bytes(&note_of(view)))?;
    for section in package.sections() {
        let leaf = leaf(&section);
        load.add(
            name.as_bytes(),
            leaf.as_bytes(),
            Mapped::Bytes(&section_entry(section.id(), section.kind())),
        )?;
        let path = section_path(name, &leaf);
        for (option, value) in section.options() {
            with_value(&value, |value| load.add(path.as_bytes(), option.as_bytes(), value))?;
        }
    }
    Ok(())
}

/// Puts what commits changed in one package. `before` is the segment without them, `after` the package with all of them.
pub(super) fn put_package(
    batch: &mut Batch<'_, '_>,
    name: &PackageName,
    bodies: &[&EntryBody],
    before: &Snapshot,
    after: Option<&Package>,
) -> Result<()> {
    let mut changes: Vec<&Change> = Vec::new();
    let mut is_replaced = false;
    for body in bodies {
        match body {
            EntryBody::Edit { changes: more, .. } => changes.extend(more),
            EntryBody::Replace { .. } => is_replaced = true,
        }
    }
    if is_replaced {
        remove_package(batch, name, before)?;
        return match after {
            Some(package) => add_package(batch, name, package),
            None => Ok(()),
        };
    }
    let Some(package) = after else {
        return Err(Error::NotFound { what: "package" });
    };
    put_changes(batch, name, &changes, package)
}

fn remove_package(batch: &mut Batch<'_, '_>, name: &PackageName, before: &Snapshot) -> Result<()> {
    if let Some(sections) = before.group(name.as_bytes())? {
        for section in sections.iter() {
            let (leaf, _) = section?;
            batch.delete_group(&[name.as_bytes(), b".", leaf].concat())?;
        }
        batch.delete_group(name.as_bytes())?;
    }
    batch.delete_in(&note_path(name), NOTE)?;
    Ok(())
}

fn add_package(batch: &mut Batch<'_, '_>, name: &PackageName, package: &Package) -> Result<()> {
    set_note(batch, name, None)?;
    for section in package.sections() {
        let leaf = leaf(&section);
        batch.set_in(
            name.as_bytes(),
            leaf.as_bytes(),
            Mapped::Bytes(&section_entry(section.id(), section.kind())),
        )?;
        put_options(batch, &section_path(name, &leaf), &section.options())?;
    }
    Ok(())
}

fn put_options(batch: &mut Batch<'_, '_>, path: &str, options: &[(Name, Value)]) -> Result<()> {
    for (option, value) in options {
        with_value(value, |value| batch.set_in(path.as_bytes(), option.as_bytes(), value))?;
    }
    Ok(())
}

/// Puts changes: those of sections one after the other, as they were made; options as they are at the end.
fn put_changes(
    batch: &mut Batch<'_, '_>,
    package: &PackageName,
    changes: &[&Change],
    after: &Package,
) -> Result<()> {
    let root = package.as_bytes();
    // In the order in which they were touched, which is that of new options.
    let mut touched: Vec<(SectionId, &Name, Option<&Value>)> = Vec::new();
    let mut dropped: BTreeSet<(SectionId, &Name)> = BTreeSet::new();
    let mut reordered: BTreeSet<SectionId> = BTreeSet::new();
    let mut placed: Vec<SectionId> = Vec::new();
    // What a section is called while the changes are made; those that keep their name are found in the end state.
    let mut names: BTreeMap<SectionId, Option<&Name>> = BTreeMap::new();
    for change in changes {
        if let ChangeKind::Rename { old: name, .. } | ChangeKind::Delete { name, .. } = &change.kind {
            names.entry(change.section).or_insert(name.as_ref());
        }
    }
    let name_now = |names: &BTreeMap<SectionId, Option<&Name>>, id: SectionId| match names.get(&id) {
        Some(name) => leaf_of(id, name.map(Name::as_str)),
        None => leaf_of(id, after.section(id).and_then(|section| section.name())),
    };
    for change in changes {
        let id = change.section;
        match &change.kind {
            ChangeKind::Add { kind, name, at_end, options, .. } => {
                let leaf = leaf_of(id, name.as_ref().map(Name::as_str));
                names.insert(id, name.as_ref());
                batch.set_in(root, leaf.as_bytes(), Mapped::Bytes(&section_entry(id, kind.as_str())))?;
                put_options(batch, &section_path(package, &leaf), options)?;
                if !at_end {
                    placed.push(id);
                }
            }
            ChangeKind::Delete { name, .. } => {
                let leaf = leaf_of(id, name.as_ref().map(Name::as_str));
                batch.delete_group(section_path(package, &leaf).as_bytes())?;
                batch.delete_in(root, leaf.as_bytes())?;
                placed.retain(|placed| *placed != id);
            }
            ChangeKind::Rename { old, new } => {
                let old = leaf_of(id, old.as_ref().map(Name::as_str));
                let leaf = leaf_of(id, new.as_ref().map(Name::as_str));
                names.insert(id, new.as_ref());
                let entry = match batch.get(&[root, b".", old.as_bytes()].concat())? {
                    Some(Mapped::Bytes(entry)) => entry.to_vec(),
                    _ => return Err(Error::NotFound { what: "section" }),
                };
                match batch.rename_group(
                    section_path(package, &old).as_bytes(),
                    section_path(package, &leaf).as_bytes(),
                ) {
                    // A section without options has no group.
                    Ok(()) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
                batch.delete_in(root, old.as_bytes())?;
                batch.set_in(root, leaf.as_bytes(), Mapped::Bytes(&entry))?;
                placed.push(id);
            }
            ChangeKind::Retype { new, .. } => {
                let leaf = name_now(&names, id);
                batch.set_in(root, leaf.as_bytes(), Mapped::Bytes(&section_entry(id, new.as_str())))?;
            }
            ChangeKind::Move { .. } => placed.push(id),
            ChangeKind::Set { option, new, at, .. } => {
                touched.push((id, option, Some(new)));
                if at.is_some() {
                    reordered.insert(id);
                }
            }
            ChangeKind::InsertItem { option, at, .. } => {
                touched.push((id, option, None));
                if at.is_some() {
                    reordered.insert(id);
                }
            }
            ChangeKind::Unset { option, .. } => {
                touched.push((id, option, None));
                dropped.insert((id, option));
            }
            ChangeKind::RemoveItem { option, at, .. } => {
                touched.push((id, option, None));
                if at.is_some() {
                    dropped.insert((id, option));
                }
            }
            ChangeKind::RenameOption { .. } => {
                reordered.insert(id);
            }
        }
    }
    for (id, option) in &dropped {
        // One that came back stands at another place.
        if after.section(*id).is_some_and(|section| section.get(option.as_str()).is_some()) {
            reordered.insert(*id);
        }
    }
    for (id, option, set) in touched {
        // A section that a later change deleted took its options along.
        let Some(section) = after.section(id) else { continue };
        if reordered.contains(&id) {
            continue;
        }
        let path = section_path(package, &leaf(&section));
        let mut put = |value: &Value| {
            with_value(value, |value| batch.set_in(path.as_bytes(), option.as_bytes(), value))
        };
        // What another change has made of it since is put after it.
        match set
            .map_or_else(|| section.get(option.as_str()).map(Cow::Owned), |value| Some(Cow::Borrowed(value)))
        {
            Some(value) => put(&value)?,
            None => {
                batch.delete_in(path.as_bytes(), option.as_bytes())?;
            }
        }
    }
    for id in reordered {
        let Some(section) = after.section(id) else { continue };
        let path = section_path(package, &leaf(&section));
        batch.delete_group(path.as_bytes())?;
        put_options(batch, &path, &section.options())?;
    }
    place(batch, root, &placed, after)
}

/// Brings sections to their places.
fn place(batch: &mut Batch<'_, '_>, root: &[u8], placed: &[SectionId], after: &Package) -> Result<()> {
    let ids: BTreeSet<SectionId> = placed.iter().copied().collect();
    if let [id] = ids.iter().copied().collect::<Vec<_>>()[..] {
        let (Some(section), Some(position)) = (after.section(id), after.position(id)) else { return Ok(()) };
        return batch.move_to(root, leaf(&section).as_bytes(), position as u64);
    }
    if ids.is_empty() {
        return Ok(());
    }
    // In ascending order of their places, each is counted among those that are where they belong: first all of them go
    // to the end, then one by one to the place.
    let mut sections: Vec<(usize, String)> =
        ids.iter().filter_map(|id| Some((after.position(*id)?, leaf(&after.section(*id)?)))).collect();
    sections.sort();
    for (_, leaf) in &sections {
        batch.move_to(root, leaf.as_bytes(), u64::MAX)?;
    }
    for (position, leaf) in &sections {
        batch.move_to(root, leaf.as_bytes(), *position as u64)?;
    }
    Ok(())
}

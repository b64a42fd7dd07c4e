//! What it takes to reverse some commits, and only these, as far as later ones let it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use cms_log::{Backend, EntryBody, Order, Revision};
use cms_model::table::{TableChange, TableName};
use cms_model::{Change, Package, PackageName};

use crate::commit::{PreparedPackage, changes_nothing};
use crate::describe::key_of;
use crate::error::Result;
use crate::head::Head;
use crate::rebase::{Interest, Theirs, rewritten};
use crate::store::Log;
use crate::tables::{WantedTable, check_tables, row_key, unless_changed};

/// What to commit, and what stays as later commits have made it.
#[derive(Debug, Default)]
pub(super) struct Reversal {
    pub packages: Vec<PreparedPackage>,
    pub tables: Vec<TableChange>,
    /// The keys that stay.
    pub conflicts: Vec<String>,
}

/// What the commits did to one package.
struct Touched {
    /// The first of them that touched it.
    first: Revision,
    /// The inverse of their changes, the newest first, each with the revision that it reverses.
    inverse: Vec<(Revision, Change)>,
    /// Whether one of them created or deleted it.
    whole: bool,
}

/// Reverses `revisions`, which ascend, on top of `head`. Nothing is written into packages of `locked`.
pub(super) fn reverse(
    log: &Log,
    head: &Head,
    revisions: &[Revision],
    locked: &[PackageName],
) -> Result<Reversal> {
    let backend = &*log.backend;
    let mut reversal = Reversal::default();
    for (name, touched) in touched(backend, revisions, &mut reversal.conflicts)? {
        let current = head.package(backend, &name)?;
        if locked.contains(&name) {
            reversal.conflicts.push(name.to_string());
        } else if !touched_by_others(backend, &name, touched.first, head.revision, revisions)? {
            let before = Head::load(backend, Some(Revision(touched.first.0 - 1)))?.package(backend, &name)?;
            match (before, current) {
                (Some(before), Some(current)) => {
                    if before.text() != current.text() {
                        let result = rewritten(&current, &before)?;
                        reversal.packages.push(PreparedPackage::edited(name, &current, result));
                    }
                }
                (Some(before), None) => reversal.packages.push(PreparedPackage::created(name, before)),
                (None, Some(_)) => reversal.packages.push(PreparedPackage::deleted(name)),
                (None, None) => {}
            }
        } else if touched.whole {
            // Somebody has built on what was created, or made anew what was deleted.
            reversal.conflicts.push(name.to_string());
        } else if let Some(current) = current {
            let theirs =
                Theirs::read_except(log, &name, touched.first, head.revision, &Interest::all(), revisions)?;
            let mut result = Package::clone(&current);
            let mut effective = Vec::new();
            for (revision, change) in touched.inverse {
                let contradicted = theirs.conflict(&change, revision).is_some();
                match (contradicted, if contradicted { None } else { result.apply(&change).ok() }) {
                    (false, Some(change)) if changes_nothing(&change) => {}
                    (false, Some(change)) => effective.push(change),
                    // A later commit contradicts it, or it depends on a change that one contradicts.
                    _ => {
                        let section = key_of(&name, &change, &result, Some(&current));
                        let option = change.option().map(|option| format!(".{option}"));
                        reversal.conflicts.push(section + &option.unwrap_or_default());
                    }
                }
            }
            if !effective.is_empty() {
                let package = PreparedPackage::changed(name, &current, result.into(), effective);
                reversal.packages.push(package);
            }
        } else {
            reversal.conflicts.push(name.to_string());
        }
    }
    reverse_tables(backend, revisions, &mut reversal)?;
    reversal.conflicts.sort();
    reversal.conflicts.dedup();
    Ok(reversal)
}

fn touched(
    backend: &dyn Backend,
    revisions: &[Revision],
    gone: &mut Vec<String>,
) -> Result<BTreeMap<PackageName, Touched>> {
    let mut all: BTreeMap<PackageName, Touched> = BTreeMap::new();
    for revision in revisions.iter().rev() {
        let Some(commit) = backend.commit(*revision)? else {
            gone.push(format!("revision {revision}"));
            continue;
        };
        for entry in commit.packages {
            let touched = all.entry(entry.package).or_insert_with(|| Touched {
                first: *revision,
                inverse: Vec::new(),
                whole: false,
            });
            touched.first = *revision;
            match entry.body {
                EntryBody::Edit { changes, .. } => {
                    touched.inverse.extend(changes.iter().rev().map(|made| (*revision, made.inverse())));
                }
                EntryBody::Replace { .. } => touched.whole = true,
            }
        }
    }
    Ok(all)
}

/// Reverses what `revisions` did to tables, row by row.
fn reverse_tables(backend: &dyn Backend, revisions: &[Revision], reversal: &mut Reversal) -> Result<()> {
    let mut by_table: BTreeMap<TableName, Vec<TableChange>> = BTreeMap::new();
    for revision in revisions {
        let commit = backend.commit(*revision)?;
        for change in commit.into_iter().flat_map(|commit| commit.tables) {
            if let Ok(name) = change.name().cloned() {
                by_table.entry(name).or_default().push(change);
            }
        }
    }
    for (name, changes) in by_table {
        let whole = format!("table.{name}");
        let (first, last) = (revisions[0], revisions[revisions.len() - 1]);
        let mut alone = true;
        backend.headers(first, last, Order::Ascending, &mut |header| {
            alone &= !header.tables.contains(&name) || revisions.contains(&header.revision);
            ControlFlow::Continue(())
        })?;
        // Where somebody else's commits lie between them, what they did together cannot be told from what he did.
        if !alone && changes.len() > 1 {
            reversal.conflicts.push(whole);
            continue;
        }
        let Some(change) = TableChange::joined(&changes).map(|change| change.inverse()) else { continue };
        let rows_only = change.old.clone().filter(|_| change.is_rows());
        let (_, tables) = backend.tables()?;
        match rows_only {
            Some(table) if tables.contains(&table) => {
                let (rows, lost) = unless_changed(backend, &table, &change.rows)?;
                reversal.conflicts.extend(lost.iter().map(|key| row_key(&name, key)));
                if !rows.is_empty() {
                    reversal.tables.push(TableChange::rows(table, rows));
                }
            }
            Some(_) => reversal.conflicts.push(whole),
            None => {
                let wanted = WantedTable { base: last, change: Arc::new(change) };
                match check_tables(backend, &[wanted]) {
                    Ok(tables) => reversal.tables.extend(tables),
                    Err(error) if error.is_conflict() => reversal.conflicts.push(whole),
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(())
}

/// Tells whether a commit that is not one of `revisions` touched the package after `first`, be it in a comment.
fn touched_by_others(
    backend: &dyn Backend,
    name: &PackageName,
    first: Revision,
    upto: Revision,
    revisions: &[Revision],
) -> Result<bool> {
    let mut found = false;
    backend.headers(first, upto, Order::Ascending, &mut |header| {
        found = header.packages.contains(name) && !revisions.contains(&header.revision);
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

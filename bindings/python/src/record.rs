//! What happened, as tuples that the Python half makes records of.

use cms::model::Value;
use cms::{Committed, DisplayChange, Pending, Settled, Store, Warning};
use pyo3::prelude::*;

use crate::value::raw;

/// Action, key, and the values before and after.
pub(crate) type Change<'py> = (&'static str, String, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// Tokens, revisions, packages, seconds left, and when it ends, in microseconds since 1970.
pub(crate) type Armed = (Vec<String>, Vec<u64>, Vec<String>, f64, i64);

/// Revision, changes, warnings, and what awaits confirmation.
pub(crate) type Commit<'py> = (u64, Vec<Change<'py>>, Vec<String>, Option<Armed>);

/// Tokens, revisions, whether it was confirmed, and the commit that rolled it back.
pub(crate) type Outcome = (Vec<String>, Vec<u64>, bool, Option<u64>);

pub(crate) fn change<'py>(py: Python<'py>, change: &DisplayChange) -> PyResult<Change<'py>> {
    let show = |value: &Option<Value>| value.as_ref().map(|value| raw(py, value)).transpose();
    Ok((change.action.word(), change.key.clone(), show(&change.old)?, show(&change.new)?))
}

pub(crate) fn changes<'a, 'py>(
    py: Python<'py>,
    changes: impl IntoIterator<Item = &'a DisplayChange>,
) -> PyResult<Vec<Change<'py>>> {
    changes.into_iter().map(|one| change(py, one)).collect()
}

pub(crate) fn commit<'py>(py: Python<'py>, store: &Store, done: &Committed) -> PyResult<Commit<'py>> {
    let all = changes(py, done.packages.iter().flat_map(|(_, changes)| changes))?;
    let armed = done.armed.as_ref().map(|pending| armed(store, pending));
    Ok((done.revision.0, all, warnings(&done.warnings), armed))
}

pub(crate) fn armed(store: &Store, pending: &Pending) -> Armed {
    let left = store.time_left(pending).map_or(0.0, |left| left.as_secs_f64());
    let revisions = pending.revisions.iter().map(|revision| revision.0).collect();
    let packages = pending.packages.iter().map(ToString::to_string).collect();
    (pending.tokens.clone(), revisions, packages, left, pending.until_us)
}

pub(crate) fn outcome(settled: &Settled) -> Outcome {
    let revisions = settled.revisions.iter().map(|revision| revision.0).collect();
    let undone = settled.undone.map(|revision| revision.0);
    (settled.tokens.clone(), revisions, settled.outcome.is_confirmed(), undone)
}

pub(crate) fn warnings(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().flat_map(warning).collect()
}

fn warning(warning: &Warning) -> Vec<String> {
    match warning {
        Warning::Unparsable { package, diagnostics } => {
            let first = diagnostics.first().map_or_else(String::new, |first| format!(": {first}"));
            vec![format!("the file of {package} does not parse; its last good text is read{first}")]
        }
        Warning::NewerThanLog { package } => {
            vec![format!("the file of {package} is newer than the log")]
        }
        Warning::LostEdit { package, revision, changes } => {
            vec![format!(
                "{changes} edits of the file of {package} contradicted a commit; revision {revision} keeps them"
            )]
        }
        Warning::Findings { diagnostics, .. } => diagnostics.iter().map(ToString::to_string).collect(),
        Warning::Unreadable { package, reason } => {
            vec![format!("the file of {package} cannot be read: {reason}")]
        }
        other => vec![format!("something is to be known of the package {}", other.package())],
    }
}

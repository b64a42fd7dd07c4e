//! `import --dry-run`: what would change, as the package files would show it, and what schemas say of it.

use std::sync::Arc;

use cms::model::{Package, PackageName};
use cms::{Committed, PackageDiff, Stage, Transaction};
use serde_json::json;

use super::super::commit;
use crate::change_line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::{self, Session};
use crate::text::msg;
use crate::text_diff;

/// Shows what a transaction would commit.
pub(super) fn transaction(
    mut transaction: Transaction,
    names: &[PackageName],
    session: &mut Session,
) -> Result<Exit, Failure> {
    // What a schema does not allow is shown all the same, before the refusal.
    let planned = transaction.plan();
    if !session.globals.json {
        session.output.page();
        for name in names {
            let old = match transaction.snapshot().contains(name) {
                true => transaction.snapshot().package(name)?.text(),
                false => Vec::new(),
            };
            let new = transaction.view(name)?.package().text();
            show(name, &old, &new, ("head", "import"), session)?;
        }
    }
    report(&planned?, session)
}

/// What schemas say of it, and how much it is.
fn report(planned: &Committed, session: &mut Session) -> Result<Exit, Failure> {
    if session.globals.json || planned.is_empty() {
        return commit::report(planned, true, session);
    }
    session.warn_all(&planned.warnings);
    let names: Vec<&str> = planned.packages.iter().map(|(package, _)| package.as_str()).collect();
    let changes = msg!("count-changes", count = planned.changes()).to_string();
    session.output.say(&msg!("commit-planned", changes = changes, packages = names.join(", ")));
    Ok(Exit::Ok)
}

/// What a merge has found different in one package.
pub(super) struct Merged {
    pub(super) name: PackageName,
    /// The package with what was staged before.
    pub(super) before: Package,
}

/// Shows what a merge would stage.
pub(super) fn merge(stage: &mut Stage, merged: &[Merged], session: &mut Session) -> Result<Exit, Failure> {
    let (mut count, mut packages) = (0, Vec::new());
    session.output.page();
    for Merged { name, before } in merged {
        let after = session::staged(stage, name)?.package().clone();
        let (old, new) = (Arc::new(before.clone()), Arc::new(after));
        let difference = PackageDiff::new(name.clone(), Some(old.clone()), Some(new.clone()), None);
        count += difference.changes.len();
        if session.globals.json {
            let changes: Vec<_> = difference.changes.iter().map(change_line::to_json).collect();
            packages.push(json!({ "name": name.as_str(), "changes": changes }));
        } else {
            show(name, &old.text(), &new.text(), ("staged", "import"), session)?;
        }
    }
    if session.globals.json {
        let answer = json!({ "dry_run": true, "packages": packages });
        session.output.line(Json::answer("changes", answer).to_string())?;
    } else {
        session.output.say(&msg!("import-would-stage", count = count));
    }
    Ok(Exit::Ok)
}

fn show(
    name: &PackageName,
    old: &[u8],
    new: &[u8],
    names: (&str, &str),
    session: &mut Session,
) -> Result<(), Failure> {
    let paint = session.output.paint;
    session.output.write(&text_diff::unified(name, old, new, names, paint))
}

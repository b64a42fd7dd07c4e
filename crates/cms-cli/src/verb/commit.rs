//! `commit`: makes the caller's staged changes one revision.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use cms::model::PackageName;
use cms::model::table::TableName;
use cms::{CommitOptions, Committed, Confirm, DisplayChange, Transaction, Warning};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::adopt;
use crate::arguments::{Help, help};
use crate::change_line;
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::report::to_json as finding_to_json;
use crate::session::Session;
use crate::text::msg;
use crate::trigger;
use crate::validation;

pub(super) const VERB: Verb = Verb { name: "commit", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    validation::options(confirmation::options(command, help), help)
        .arg(super::key(help).value_name("PACKAGE").help(help!("commit-package", help)))
        .arg(super::message(help))
        .arg(super::dry_run(help))
        .arg(
            Arg::new("adopt-uci")
                .long("adopt-uci")
                .value_name("DIR")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value(adopt::UCI_SAVE_DIR)
                .value_parser(clap::value_parser!(PathBuf))
                .help(help!("commit-adopt-uci", help)),
        )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    session.commits = true;
    // As for `uci`, a section or an option stands for its package.
    let package = super::optional_key(matches)?.map(|key| key.package);
    let dry_run = matches.get_flag("dry-run");
    let mut stage = session.stage(package.as_ref().map(std::slice::from_ref))?;
    if let Some(folder) = matches.get_one::<PathBuf>("adopt-uci") {
        let adopted = adopt::adopt(&mut stage, folder, package.as_ref(), session)?;
        session.output.say(&msg!("commit-adopted", count = adopted));
    }
    let options = options(matches, "cms commit")?;
    let store = session.store()?;
    let guardian = confirmation::guardian(options.confirm.as_ref(), options.dry_run, &store)?;
    let committed = stage.commit(package.as_ref(), &options).inspect_err(|error| {
        confirmation::report_unwritten(error, &store, session);
    });
    let committed = committed.map_err(|error| match error.first_kept() {
        Some(_) => Failure::from(error).hint(msg!("commit-base-gone-hint")),
        None => error.into(),
    })?;
    drop(guardian);
    report(&committed, dry_run, session)
}

/// Message, tool, `--dry-run` and `--confirm` of a call that makes a commit.
pub(crate) fn options(matches: &ArgMatches, tool: &str) -> Result<CommitOptions, Failure> {
    Ok(CommitOptions {
        message: super::text_of(matches, "message").unwrap_or_default().to_owned(),
        tool: tool.to_owned(),
        dry_run: matches.get_flag("dry-run"),
        confirm: confirmation::asked(matches)?,
        at_most: validation::asked(matches),
        at_least: validation::asked(matches),
    })
}

/// Commits a transaction, or says what it would do; it is rolled back unless confirmed, if that was asked for.
pub(super) fn finish_transaction(
    transaction: Transaction,
    confirm: Option<Confirm>,
    dry_run: bool,
    session: &mut Session,
) -> Result<Exit, Failure> {
    if dry_run {
        let planned = transaction.plan()?;
        return report(&planned, true, session);
    }
    let committed = commit_transaction(transaction, confirm, session)?;
    report(&committed, dry_run, session)
}

/// Commits a transaction, and says nothing of it yet.
pub(super) fn commit_transaction(
    transaction: Transaction,
    confirm: Option<Confirm>,
    session: &mut Session,
) -> Result<Committed, Failure> {
    let store = session.store()?;
    let guardian = confirmation::guardian(confirm.as_ref(), false, &store)?;
    let committed = transaction.confirm(confirm).commit_and_wait_files().inspect_err(|error| {
        confirmation::report_unwritten(error, &store, session);
    })?;
    drop(guardian);
    Ok(committed)
}

/// Has the triggers run for what was committed.
pub(super) fn start_triggers(
    committed: &Committed,
    dry_run: bool,
    session: &mut Session,
) -> Result<(), Failure> {
    if !dry_run && let Err(error) = trigger::start(&session.store()?, &session.globals, committed) {
        session.output.warn(&msg!("trigger-not-started", reason = error.to_string()));
    }
    Ok(())
}

/// The changes of a commit by package, for programs.
pub(super) fn packages_to_json(committed: &Committed) -> Vec<JsonValue> {
    let package = |(package, changes): &(PackageName, Vec<DisplayChange>)| {
        let changes: Vec<_> = changes.iter().map(change_line::to_json).collect();
        json!({ "name": package.as_str(), "changes": changes })
    };
    committed.packages.iter().map(package).collect()
}

/// The changes of tables, for programs.
pub(super) fn tables_to_json(tables: &[(TableName, Vec<DisplayChange>)]) -> Vec<JsonValue> {
    let table = |(table, changes): &(TableName, Vec<DisplayChange>)| {
        let changes: Vec<_> = changes.iter().map(change_line::to_json).collect();
        json!({ "name": table.as_str(), "changes": changes })
    };
    tables.iter().map(table).collect()
}

/// What schemas found in a commit, for programs.
pub(super) fn findings_to_json(committed: &Committed) -> Vec<JsonValue> {
    let findings = committed.warnings.iter().filter_map(|warning| match warning {
        Warning::Findings { diagnostics, .. } => Some(diagnostics),
        _ => None,
    });
    findings.flatten().map(finding_to_json).collect()
}

/// Names what was committed and the revision.
pub(crate) fn report(committed: &Committed, dry_run: bool, session: &mut Session) -> Result<Exit, Failure> {
    session.warn_all(&committed.warnings);
    start_triggers(committed, dry_run, session)?;
    let revision = committed.revision.0.to_string();
    let store = session.store()?;
    let mut others = if store.may_be_pending() { store.pending().unwrap_or_default() } else { Vec::new() };
    others.retain(|other| committed.armed.as_ref().is_none_or(|armed| armed.tokens != other.tokens));
    if session.globals.json {
        let made = !committed.is_empty() && !dry_run;
        let mut answer = json!({
            "revision": made.then_some(committed.revision.0),
            "dry_run": dry_run,
            "packages": packages_to_json(committed),
            "findings": findings_to_json(committed),
        });
        if !committed.tables.is_empty() {
            answer["tables"] = tables_to_json(&committed.tables).into();
        }
        if let Some(armed) = &committed.armed {
            answer["confirm"] = confirmation::pending_to_json(armed, &store);
        }
        if !others.is_empty() {
            let others = others.iter().map(|other| confirmation::pending_to_json(other, &store));
            answer["pending"] = others.collect();
        }
        session.output.line(Json::answer("commit", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    if committed.is_empty() {
        session.output.say(&msg!("commit-nothing"));
        return Ok(Exit::Ok);
    }
    if dry_run {
        let paint = session.output.paint;
        for change in committed.all() {
            session.output.line(change_line::line_with_old(change, paint))?;
        }
    }
    let packages = committed.packages.iter().map(|(package, _)| package.as_str());
    let names: Vec<&str> = packages.chain(committed.tables.iter().map(|(table, _)| table.as_str())).collect();
    let (changes, names) = (msg!("count-changes", count = committed.changes()).to_string(), names.join(", "));
    session.output.say(&if dry_run {
        msg!("commit-planned", changes = changes, packages = names)
    } else {
        msg!("commit-done", changes = changes, packages = names, revision = revision)
    });
    confirmation::report(committed.armed.as_ref(), &others, session);
    Ok(Exit::Ok)
}

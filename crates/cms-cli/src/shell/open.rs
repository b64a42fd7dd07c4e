//! What the verbs of the command line do while a transaction is open: edits are made in it, reads see them, `commit` commits it.

use clap::ArgMatches;
use cms::{RefusedCommit, Transaction};
use serde_json::json;

use super::Open;
use crate::change_line;
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::session::{self, Session};
use crate::text::msg;
use crate::validation;
use crate::verb::edit::{self, Edit};
use crate::verb::{self, Verb};

/// Verbs that stage or commit by themselves, and what is staged: neither is in the transaction.
const APART: [&str; 8] = ["batch", "import", "revert", "rollback", "undo", "restore", "compact", "table"];

/// Runs a verb; tells also whether the transaction is still open.
pub(super) fn run(
    open: &mut Open,
    verb: &Verb,
    matches: &ArgMatches,
    session: &mut Session,
) -> Result<(Exit, bool), Failure> {
    if APART.contains(&verb.name) || (verb.name == "diff" && matches.get_one::<String>("from").is_none()) {
        let hint = if verb.name == "diff" { msg!("shell-changes-hint") } else { msg!("shell-end-first") };
        return Err(Failure::usage(msg!("shell-not-in-transaction", verb = verb.name)).hint(hint));
    }
    if Edit::is_verb(verb.name) {
        return make(&mut open.transaction, &edit::edits(verb.name, matches)?, session)
            .map(|exit| (exit, true));
    }
    match verb.name {
        "changes" => changes(&open.transaction, matches, session).map(|exit| (exit, true)),
        "commit" => commit(open, matches, session),
        _ => read(open, verb, matches, session).map(|exit| (exit, true)),
    }
}

/// Lets a verb read in the transaction.
fn read(open: &mut Open, verb: &Verb, matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    lend(open, session)?;
    let done = (verb.run)(matches, session);
    if let Some(transaction) = session.transaction.take() {
        open.transaction = transaction;
    }
    done
}

/// Gives the session the transaction to read in, and the shell an empty one as long.
fn lend(open: &mut Open, session: &mut Session) -> Result<(), Failure> {
    let empty = Box::new(session.store()?.transaction_on(open.transaction.snapshot().clone()));
    session.transaction = Some(std::mem::replace(&mut open.transaction, empty));
    Ok(())
}

/// Makes all edits of a line or none.
fn make(transaction: &mut Transaction, edits: &[Edit], session: &mut Session) -> Result<Exit, Failure> {
    let savepoint = transaction.savepoint();
    let mut outcomes = Vec::new();
    let mut failed = None;
    for edit in edits {
        let snapshot = transaction.snapshot().clone();
        let draft = transaction
            .draft(edit.package())
            .map_err(|error| session::absent(error, edit.package(), &snapshot));
        match draft.and_then(|draft| edit.apply(draft)) {
            Ok(outcome) => outcomes.push(outcome),
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
    }
    if let Some(failure) = failed {
        transaction.rollback_to(savepoint)?;
        transaction.release(savepoint);
        return Err(failure);
    }
    transaction.release(savepoint);
    for outcome in outcomes {
        outcome.tell(session)?;
    }
    Ok(Exit::Ok)
}

/// What the transaction changes, with the values from before.
fn changes(transaction: &Transaction, matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let only = verb::optional_key(matches)?.map(|key| key.package);
    let mut changes = transaction.changes();
    changes.retain(|change| {
        only.as_ref().is_none_or(|only| {
            keys::key_of_bytes(change.key.as_bytes()).is_ok_and(|key| key.package == *only)
        })
    });
    if session.globals.json {
        let changes: Vec<_> = changes.iter().map(change_line::to_json).collect();
        let answer = json!({ "transaction": transaction.id(), "changes": changes });
        session.output.line(Json::answer("transaction", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    let paint = session.output.paint;
    for change in &changes {
        session.output.line(change_line::line_with_old(change, paint))?;
    }
    if changes.is_empty() {
        session.output.say(&msg!("shell-no-changes"));
    }
    Ok(Exit::Ok)
}

/// Commits the transaction. One that is refused stays open, to be looked at.
fn commit(open: &mut Open, matches: &ArgMatches, session: &mut Session) -> Result<(Exit, bool), Failure> {
    if verb::optional_key(matches)?.is_some() || matches.contains_id("adopt-uci") {
        return Err(Failure::usage(msg!("shell-commit-whole")).hint(msg!("shell-end-first")));
    }
    let options = verb::commit::options(matches, "cms shell")?;
    let store = session.store()?;
    validation::apply(options.at_most, &mut open.transaction);
    if options.dry_run {
        let planned = open.transaction.plan().map_err(refusal)?;
        return verb::commit::report(&planned, true, session).map(|exit| (exit, true));
    }
    let guardian = confirmation::guardian(options.confirm.as_ref(), false, &store)?;
    lend(open, session)?;
    let Some(transaction) = session.transaction.take() else {
        return Err(Failure::new(Exit::Error, msg!("internal")));
    };
    let transaction = transaction.message(&*options.message).confirm(options.confirm);
    match transaction.try_commit() {
        Ok(committed) => {
            drop(guardian);
            // Others see it: whatever becomes of the answer, the transaction is over.
            match verb::commit::report(&committed, false, session) {
                Ok(exit) => Ok((exit, false)),
                Err(failure) => {
                    session.tell(&failure);
                    Ok((session.exit, false))
                }
            }
        }
        Err(refused) => {
            let RefusedCommit { error, transaction } = *refused;
            confirmation::report_unwritten(&error, &store, session);
            match transaction {
                Some(transaction) => {
                    *open.transaction = transaction;
                    open.is_refused = true;
                    Err(refusal(error))
                }
                None => {
                    session.tell(&error.into());
                    Ok((session.exit, false))
                }
            }
        }
    }
}

/// Why the transaction was not committed, and what can be done within it.
fn refusal(error: cms::Error) -> Failure {
    let is_conflict = error.is_conflict();
    let failure = Failure::from(error);
    if is_conflict { failure.hint(msg!("shell-conflict-hint")) } else { failure }
}

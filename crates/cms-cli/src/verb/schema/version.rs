//! What the actions about versions of data share: `schema status`, `plan`, `migrate` and `rollback`.

pub(super) mod migrate;
pub(super) mod status;

use clap::{Arg, ArgMatches, Command};
use cms::model::schema::{MigrationConflict, Version};
use cms::{MigrationOptions, MigrationReport, ModuleSchema, Store};
use serde_json::{Value as JsonValue, json};

use crate::arguments::{Help, help};
use crate::failure::Failure;
use crate::session::Session;
use crate::spelling;
use crate::text::msg;

/// The module that an action is about.
fn module(help: Help) -> Arg {
    Arg::new("module").value_name("MODULE").help(help!("schema-version-module", help))
}

/// `--to V` and `--from V`.
fn versions(command: Command, help: Help) -> Command {
    let version = |name: &'static str| Arg::new(name).long(name).value_name("VERSION");
    command
        .arg(version("to").help(help!("schema-to", help)))
        .arg(version("from").help(help!("schema-from", help)))
}

fn wish(matches: &ArgMatches) -> Result<MigrationOptions, Failure> {
    let version = |name: &str| match matches.try_get_one::<String>(name).ok().flatten() {
        None => Ok(None),
        Some(text) => match Version::parse(text) {
            Some(version) => Ok(Some(version)),
            None => Err(Failure::usage(msg!("schema-no-version", version = text))
                .hint(msg!("schema-no-version-hint"))),
        },
    };
    Ok(MigrationOptions { to: version("to")?, from: version("from")? })
}

/// Finds a module by its name, or says which may have been meant.
fn find(store: &Store, name: &str) -> Result<ModuleSchema, Failure> {
    match store.schema(name) {
        Err(cms::Error::NotFound { .. }) => {
            let known = store.modules().list()?;
            let nearest = spelling::nearest(name, known.iter().map(|module| module.name.as_str()));
            Err(Failure::not_found(msg!("module-none", module = name))
                .hint(msg!("module-list-hint"))
                .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name))))
        }
        found => Ok(found?),
    }
}

/// The modules that a call is about: the one that was named, or all whose data is not of their version.
fn wanted(matches: &ArgMatches, store: &Store) -> Result<Vec<ModuleSchema>, Failure> {
    if let Some(name) = super::super::text_of(matches, "module") {
        return Ok(vec![find(store, name)?]);
    }
    let states = store.schema_states()?;
    let behind = states.iter().filter(|state| state.data < state.schema || state.is_newer());
    let behind =
        behind.filter(|state| state.is_stamped || !state.pending.is_empty() || state.obstacle.is_some());
    behind.map(|state| find(store, &state.module)).collect()
}

/// Says which steps were taken how often, and what could not be done.
fn tell(report: &MigrationReport, session: &mut Session) -> Result<(), Failure> {
    let (from, to) = (report.from.to_string(), report.to.to_string());
    session.output.say(&msg!("schema-versions", module = &report.module, from = from, to = to));
    for count in &report.steps {
        session.output.say(&msg!(
            "schema-step",
            step = &count.step,
            count = usize::try_from(count.taken).unwrap_or(usize::MAX)
        ));
    }
    for done in &report.sql {
        session.output.say(&msg!(
            "schema-sql",
            statement = one_line(&done.text),
            count = usize::try_from(done.rows).unwrap_or(usize::MAX)
        ));
    }
    for restored in &report.restored {
        session.output.say(&msg!(
            "schema-table-restored",
            table = restored.table.as_str(),
            count = usize::try_from(restored.rows).unwrap_or(usize::MAX)
        ));
    }
    for conflict in &report.conflicts {
        let words = conflict_words(conflict);
        session.output.warn(&msg!("schema-conflict", key = &conflict.key, reason = words));
    }
    if report.more_conflicts > 0 {
        session.output.warn(&msg!("schema-more-conflicts", count = report.more_conflicts));
    }
    Ok(())
}

/// A statement without the breaks and the indentation of its lines.
fn one_line(statement: &str) -> String {
    statement.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Why a step was not taken, in the language of the user; of what a schema finds, the finding.
fn conflict_words(conflict: &MigrationConflict) -> String {
    let kind = conflict.kind.as_str();
    let words = match kind {
        "invalid" => return conflict.message.clone(),
        "taken" => msg!("schema-conflict-taken"),
        "form" => msg!("schema-conflict-form"),
        "incomplete" => msg!("schema-conflict-incomplete"),
        "no-target" => msg!("schema-conflict-no-target"),
        "default-unknown" => msg!("schema-conflict-default-unknown"),
        _ => msg!("schema-conflict-lost"),
    };
    match conflict.step.is_empty() {
        true => words.to_string(),
        false => format!("{words} ({})", conflict.step),
    }
}

fn to_json(report: &MigrationReport) -> JsonValue {
    let steps = report
        .steps
        .iter()
        .map(|count| json!({ "step": count.step, "taken": count.taken, "conflicts": count.conflicts }));
    let conflicts = report.conflicts.iter().map(|conflict| {
        json!({ "key": conflict.key, "step": conflict.step, "kind": conflict.kind.as_str(), "message": conflict.message })
    });
    let sql = report.sql.iter().map(|done| {
        json!({ "version": done.version.to_string(), "number": done.statement, "statement": done.text, "rows": done.rows })
    });
    let restored = report
        .restored
        .iter()
        .map(|restored| json!({ "table": restored.table.as_str(), "rows": restored.rows }));
    json!({
        "module": report.module,
        "from": report.from.to_string(),
        "to": report.to.to_string(),
        "path": report.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
        "sql": sql.collect::<Vec<_>>(),
        "restored": restored.collect::<Vec<_>>(),
        "conflicts": conflicts.collect::<Vec<_>>(),
        "more_conflicts": report.more_conflicts,
        "revision": (!report.committed.is_empty()).then_some(report.committed.revision.0),
        "packages": super::super::commit::packages_to_json(&report.committed),
        "tables": super::super::commit::tables_to_json(&report.committed.tables),
    })
}

//! `schema plan`, `migrate` and `rollback`: the data of modules, brought to another version.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::{CommitOptions, MigrationOptions, MigrationReport, ModuleSchema};
use serde_json::json;

use super::super::super::action::Action;
use super::super::super::{commit, dry_run, message};
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::text::msg;
use crate::text_diff;
use crate::validation;

pub(in crate::verb::schema) const PLAN: Action =
    Action { name: "plan", arguments: plan_arguments, run: run_plan };

pub(in crate::verb::schema) const MIGRATE: Action = Action {
    name: "migrate",
    arguments: |command, help| validation::options(arguments(super::versions(command, help), help), help),
    run: |matches, session| run(matches, session, "schema-migrate", ModuleSchema::migrate),
};

pub(in crate::verb::schema) const ROLLBACK: Action = Action {
    name: "rollback",
    arguments: |command, help| {
        let to = Arg::new("to").long("to").value_name("VERSION").help(help!("schema-back-to", help));
        arguments(command.arg(to), help)
    },
    run: |matches, session| run(matches, session, "schema-rollback", ModuleSchema::rollback),
};

type Go = fn(&ModuleSchema, &MigrationOptions, &CommitOptions) -> cms::Result<MigrationReport>;

fn arguments(command: Command, help: Help) -> Command {
    confirmation::options(command, help).arg(super::module(help)).arg(message(help)).arg(dry_run(help))
}

fn plan_arguments(command: Command, help: Help) -> Command {
    let back = Arg::new("back").long("back").action(ArgAction::SetTrue).help(help!("schema-plan-back", help));
    super::versions(command, help).arg(super::module(help)).arg(back)
}

/// What would change, the steps, and what could not be done.
fn run_plan(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let store = session.store()?;
    let wish = super::wish(matches)?;
    let go: Go = if matches.get_flag("back") { ModuleSchema::plan_rollback } else { ModuleSchema::plan };
    let mut reports = Vec::new();
    for schema in wanted(matches, session, matches.get_flag("back"))? {
        reports.push(go(&schema, &wish, &CommitOptions::default())?);
    }
    if session.globals.json {
        let modules: Vec<_> = reports.iter().map(super::to_json).collect();
        session.output.line(Json::answer("schema-plan", json!({ "modules": modules })).to_string())?;
        return Ok(Exit::Ok);
    }
    drop(store);
    session.output.page();
    for report in &reports {
        super::tell(report, session)?;
        show_changes(report, session)?;
    }
    if reports.is_empty() {
        session.output.say(&msg!("schema-nothing"));
    }
    Ok(Exit::Ok)
}

fn run(matches: &ArgMatches, session: &mut Session, answer: &str, go: Go) -> Result<Exit, Failure> {
    session.commits = true;
    let wish = super::wish(matches)?;
    let options = commit::options(matches, &format!("cms {}", answer.replace('-', " ")))?;
    let store = session.store()?;
    let schemas = wanted(matches, session, answer == "schema-rollback")?;
    let mut reports = Vec::new();
    for schema in &schemas {
        let guardian = confirmation::guardian(options.confirm.as_ref(), options.dry_run, &store)?;
        let report = go(schema, &wish, &options).inspect_err(|error| {
            confirmation::report_unwritten(error, &store, session);
        })?;
        drop(guardian);
        session.warn_all(&report.committed.warnings);
        commit::start_triggers(&report.committed, options.dry_run, session)?;
        if !session.globals.json {
            finish(&report, options.dry_run, session)?;
        }
        reports.push(report);
    }
    if session.globals.json {
        let modules = reports.iter().map(|report| {
            let mut module = super::to_json(report);
            if options.dry_run {
                module["revision"] = serde_json::Value::Null;
            }
            if let Some(armed) = &report.committed.armed {
                module["confirm"] = confirmation::pending_to_json(armed, &store);
            }
            module
        });
        let modules: Vec<_> = modules.collect();
        let members = json!({ "dry_run": options.dry_run, "modules": modules });
        session.output.line(Json::answer(answer, members).to_string())?;
    } else if reports.is_empty() {
        session.output.say(&msg!("schema-nothing"));
    }
    Ok(Exit::Ok)
}

/// The modules that a call is about. Nothing is rolled back that was not named.
fn wanted(matches: &ArgMatches, session: &mut Session, back: bool) -> Result<Vec<ModuleSchema>, Failure> {
    let store = session.store()?;
    if back && super::super::super::text_of(matches, "module").is_none() {
        let states = store.schema_states()?;
        let stamped: Vec<&str> =
            states.iter().filter(|state| state.is_stamped).map(|state| state.module.as_str()).collect();
        return match stamped[..] {
            [only] => Ok(vec![super::find(&store, only)?]),
            [] => Err(Failure::not_found(msg!("schema-rollback-none"))),
            _ => {
                Err(Failure::usage(msg!("schema-rollback-which"))
                    .hint(msg!("one-of", names = stamped.join(" "))))
            }
        };
    }
    super::wanted(matches, &store)
}

fn finish(report: &MigrationReport, is_dry: bool, session: &mut Session) -> Result<(), Failure> {
    super::tell(report, session)?;
    if is_dry {
        return show_changes(report, session);
    }
    if report.committed.is_empty() {
        session.output.say(&msg!("schema-nothing"));
        return Ok(());
    }
    let changes = msg!("count-changes", count = report.committed.changes()).to_string();
    let packages = report.committed.packages.iter().map(|(name, _)| name.as_str());
    let names: Vec<&str> =
        packages.chain(report.committed.tables.iter().map(|(table, _)| table.as_str())).collect();
    let revision = report.committed.revision.0.to_string();
    session.output.say(&msg!(
        "commit-done",
        changes = changes,
        packages = names.join(", "),
        revision = revision
    ));
    confirmation::report(report.committed.armed.as_ref(), &[], session);
    Ok(())
}

/// How the package files would change.
fn show_changes(report: &MigrationReport, session: &mut Session) -> Result<(), Failure> {
    let paint = session.output.paint;
    let (from, to) = (report.from.to_string(), report.to.to_string());
    for (name, old, new) in &report.changed {
        session.output.write(&text_diff::unified(name, &old.text(), &new.text(), (&from, &to), paint))?;
    }
    if report.committed.is_empty() {
        session.output.say(&msg!("schema-nothing"));
    }
    Ok(())
}

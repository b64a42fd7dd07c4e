//! `health`: a store at a glance, for an operator or a monitor.

use clap::{ArgMatches, Command};
use cms::{FindingSeverity as Severity, Options};
use serde_json::json;

use super::Verb;
use crate::arguments::Help;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::health::{self, Area, Check};
use crate::json::Json;
use crate::paint::Paint;
use crate::session::{self, Session};
use crate::text::text;

pub(super) const VERB: Verb =
    Verb { name: "health", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, _help: Help) -> Command {
    command
}

fn run(_: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    // Not through the session, which would make a log where there is none.
    let checks = session::open(&session.globals, Options { create: false, ..Options::from_env()? })
        .and_then(|store| health::checks(&store, &session.globals));
    let checks = match checks {
        Ok(checks) => checks,
        // That it cannot be used is what was asked for.
        Err(failure) => vec![Check::failed(Area::Log, failure.words())],
    };
    let is_healthy = !checks.iter().any(Check::is_ill);
    if session.globals.json {
        let checks: Vec<_> = checks
            .iter()
            .map(|check| {
                let advice = (!check.advice.is_empty()).then_some(&check.advice);
                json!({
                    "check": check.area.name(),
                    "state": word(check.severity),
                    "what": check.what,
                    "advice": advice,
                })
            })
            .collect();
        let answer = json!({ "healthy": is_healthy, "checks": checks });
        session.output.line(Json::answer("health", answer).to_string())?;
    } else {
        let paint = session.output.paint;
        for check in &checks {
            let label = format!("{:<9}", label(check.severity));
            let place = paint.place(&format!("{:<9}", check.area.name()));
            session.output.line(format!("{}{place}{}", colour(paint, check.severity, &label), check.what))?;
            if !check.advice.is_empty() {
                let advice = paint.hint(&text("label-advice"));
                session.output.line(format!("{:18}{advice}: {}", "", check.advice))?;
            }
        }
    }
    Ok(if is_healthy { Exit::Ok } else { Exit::Error })
}

fn word(severity: Option<Severity>) -> &'static str {
    match severity {
        None => "ok",
        Some(Severity::Note) => "note",
        Some(Severity::Warning) => "warning",
        Some(Severity::Error) => "error",
    }
}

fn label(severity: Option<Severity>) -> String {
    match severity {
        None => text("label-ok"),
        Some(Severity::Note) => text("label-note"),
        Some(Severity::Warning) => text("label-warning"),
        Some(Severity::Error) => text("label-error"),
    }
}

fn colour(paint: Paint, severity: Option<Severity>, words: &str) -> String {
    match severity {
        None | Some(Severity::Note) => paint.added(words),
        Some(Severity::Warning) => paint.warning(words),
        Some(Severity::Error) => paint.error(words),
    }
}

//! `doctor`: looks at the log, the files and the rights, and says what to do.

use clap::{ArgMatches, Command};
use cms::FindingSeverity as Severity;
use serde_json::json;

use super::Verb;
use crate::arguments::Help;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::finding;
use crate::json::Json;
use crate::session::Session;
use crate::text::{msg, text};

pub(super) const VERB: Verb =
    Verb { name: "doctor", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, _help: Help) -> Command {
    command
}

fn run(_: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let findings = session.store()?.doctor(&mut |_, _, _| {})?;
    let worst = findings.iter().map(|finding| finding.severity).max();
    if session.globals.json {
        let findings: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "severity": word(finding.severity),
                    "what": finding::what(finding),
                    "place": finding.place,
                    "advice": finding::advice(finding),
                })
            })
            .collect();
        session.output.line(Json::answer("doctor", json!({ "findings": findings })).to_string())?;
    } else {
        let paint = session.output.paint;
        for finding in &findings {
            let label = match finding.severity {
                Severity::Error => paint.error(&text("label-error")),
                Severity::Warning => paint.warning(&text("label-warning")),
                Severity::Note => paint.added(&text("label-note")),
            };
            session.output.line(format!("{label}: {}: {}", finding.place, finding::what(finding)))?;
            let advice = finding::advice(finding);
            if !advice.is_empty() {
                session.output.line(format!("  {}: {advice}", paint.hint(&text("label-advice"))))?;
            }
        }
        if findings.is_empty() {
            session
                .output
                .line(msg!("doctor-well", folder = session.globals.config.as_path()).to_string())?;
        }
    }
    Ok(if worst == Some(Severity::Error) { Exit::Error } else { Exit::Ok })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

//! What `doctor` and `health` find, in the user's language.

use cms::{Finding, FindingKind as Kind, Revision};

use crate::report;
use crate::text::{msg, text};

/// What is wrong.
pub(crate) fn what(finding: &Finding) -> String {
    let list =
        |revisions: &[Revision]| revisions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let message = match &finding.kind {
        Kind::NoLog => msg!("doctor-no-log"),
        Kind::NotOwner { owner } => msg!("doctor-not-owner", owner = owner.to_string()),
        Kind::StateOpen { mode } => msg!("doctor-state-open", mode = format!("{mode:04o}")),
        Kind::StateOwner { owner, expected } => {
            msg!("doctor-state-owner", owner = owner.to_string(), expected = expected.to_string())
        }
        Kind::PackageUnreadable { package, reason } => {
            msg!("doctor-package-unreadable", package = package.as_str(), reason = reason)
        }
        Kind::Overdue { revisions, tokens } => {
            msg!("doctor-overdue", revisions = list(revisions), tokens = tokens.join(", "))
        }
        Kind::Awaiting { revisions, tokens, is_guarded: true } => {
            msg!("doctor-awaiting", revisions = list(revisions), tokens = tokens.join(", "))
        }
        Kind::Awaiting { revisions, tokens, is_guarded: false } => {
            msg!("doctor-awaiting-unguarded", revisions = list(revisions), tokens = tokens.join(", "))
        }
        Kind::CutShort => msg!("doctor-cut-short"),
        Kind::Behind => msg!("doctor-behind"),
        Kind::Edited => msg!("doctor-edited"),
        Kind::Unparsable { first } => {
            let fault = first
                .as_ref()
                .map(|first| format!("{}:{}: {}", first.line, first.column, report::message(first)));
            msg!("doctor-unparsable", fault = fault.unwrap_or_default())
        }
        // What the log and the system say is said in their own words.
        _ => return finding.what.clone(),
    };
    message.to_string()
}

/// What to do about it.
pub(crate) fn advice(finding: &Finding) -> String {
    text(match &finding.kind {
        Kind::LogNotice { .. } => "doctor-log-notice-advice",
        Kind::LogHistory { .. } => "doctor-log-history-advice",
        Kind::LogHead { .. } => "doctor-log-head-advice",
        Kind::NoLog => "doctor-no-log-advice",
        Kind::NotOwner { .. } => "doctor-not-owner-advice",
        Kind::StateOpen { .. } => "doctor-state-open-advice",
        Kind::StateOwner { .. } => "doctor-state-owner-advice",
        Kind::PackageUnreadable { .. } => "doctor-package-unreadable-advice",
        Kind::PendingUnknown { .. } => "doctor-pending-unknown-advice",
        Kind::Overdue { .. } => "doctor-overdue-advice",
        Kind::Awaiting { .. } => "doctor-awaiting-advice",
        Kind::CutShort => "doctor-cut-short-advice",
        Kind::Behind => "doctor-behind-advice",
        Kind::Edited => "doctor-edited-advice",
        Kind::Unparsable { .. } => "doctor-unparsable-advice",
        Kind::FileUnreadable { .. } => "doctor-file-unreadable-advice",
        _ => return finding.advice.clone(),
    })
}

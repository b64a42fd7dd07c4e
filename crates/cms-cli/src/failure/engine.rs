//! The one table from the engine's errors to messages and exit codes.

use cms::model::{Diagnostic, Severity};
use cms::{BackupError, Error, SegmentBound};

use super::Failure;
use crate::confirmation;
use crate::exit::Exit;
use crate::text::{Message, msg, text_if_any};

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::Io { attempt, path, source } => {
                let exit = if error.is_permission() { Exit::Permission } else { exit_of_io(source) };
                let id = format!("attempt-{}", attempt.replace(' ', "-"));
                let attempt = text_if_any(&id).unwrap_or_else(|| (*attempt).to_owned());
                let message = msg!("io-failed", attempt = attempt, file = path.as_path());
                Failure::new(exit, message).because(source)
            }
            Error::NoDirectory { path, source } => {
                let exit = if error.is_permission() { Exit::Permission } else { Exit::NotFound };
                Failure::new(exit, msg!("no-directory", folder = path.as_path()))
                    .because(source)
                    .hint(msg!("no-directory-hint"))
            }
            Error::NoHome { user } => {
                Failure::new(Exit::Unavailable, msg!("no-home", user = user.to_string()))
                    .hint(msg!("no-home-hint"))
            }
            Error::NotFound { key } => Failure::not_found(msg!("key-not-found", key = key)),
            Error::Exists { key } => Failure::new(Exit::Conflict, msg!("key-exists", key = key)),
            Error::Invalid { key, reason } => {
                Failure::new(Exit::Invalid, msg!("key-invalid", key = key, reason = reason))
            }
            Error::Table(error) => {
                Failure::new(Exit::Invalid, msg!("table-refused", reason = error.to_string()))
            }
            Error::Script(error) => {
                Failure::new(Exit::Invalid, msg!("table-script-refused", reason = error.to_string()))
                    .hint(msg!("table-script-hint"))
            }
            Error::Unparsable { package, diagnostics } => {
                Failure::invalid(msg!("package-unparsable", package = package.as_str()), diagnostics.clone())
                    .hint(msg!("package-unparsable-hint"))
            }
            Error::Refused { diagnostics } => refused(diagnostics),
            Error::NewerSchema { module, data, schema } => {
                let (data, schema) = (data.to_string(), schema.to_string());
                Failure::new(
                    Exit::Unavailable,
                    msg!("schema-newer", module = module, data = &data, schema = schema),
                )
                .hint(msg!("schema-newer-hint", data = data))
            }
            Error::NoMigration { module, path } => Failure::new(
                Exit::Invalid,
                msg!("schema-no-path", module = module, reason = path.to_string()),
            )
            .hint(msg!("schema-no-path-hint")),
            Error::Migration { module, conflicts } => {
                let first = conflicts.first().map(ToString::to_string).unwrap_or_default();
                Failure::new(
                    Exit::Invalid,
                    msg!("schema-conflicts", module = module, count = conflicts.len(), first = first),
                )
                .hint(msg!("schema-conflicts-hint", module = module))
            }
            Error::MigrationSql { module, version, is_back, statement, text, reason } => {
                let (version, number) = (version.to_string(), statement.to_string());
                let message = match is_back {
                    false => msg!(
                        "schema-sql-failed",
                        module = module,
                        version = version,
                        number = number,
                        reason = reason
                    ),
                    true => msg!(
                        "schema-sql-back-failed",
                        module = module,
                        version = version,
                        number = number,
                        reason = reason
                    ),
                };
                Failure::new(Exit::Invalid, message).hint(msg!("schema-sql-failed-hint", statement = text))
            }
            Error::TablesKept { module, version, to, changed } => {
                let version = version.to_string();
                let touched = changed.iter().map(|touch| {
                    let (table, revision) = (touch.table.as_str(), touch.revision.0.to_string());
                    msg!("schema-table-changed", table = table, revision = revision, author = &touch.author)
                        .to_string()
                });
                let tables = touched.collect::<Vec<_>>().join(", ");
                let message = match changed.is_empty() {
                    true => msg!(
                        "schema-tables-forgotten",
                        module = module,
                        version = &version,
                        to = to.to_string()
                    ),
                    false => {
                        msg!("schema-tables-changed", module = module, version = &version, tables = tables)
                    }
                };
                Failure::new(Exit::Conflict, message).hint(msg!("schema-tables-hint", version = version))
            }
            Error::Conflict { keys, revision, author } => {
                let (keys, revision) = (keys.join(", "), revision.0.to_string());
                Failure::new(
                    Exit::Conflict,
                    msg!("conflict", keys = keys, revision = revision, author = author),
                )
                .hint(msg!("conflict-hint"))
            }
            Error::Expired { transaction, limit } => {
                let (transaction, limit) = (transaction.to_string(), format!("{limit:?}"));
                Failure::new(
                    Exit::Unavailable,
                    msg!("transaction-expired", transaction = transaction, limit = limit),
                )
                .hint(msg!("transaction-expired-hint"))
            }
            Error::Subscribers { topic, limit } => Failure::new(
                Exit::Unavailable,
                msg!("too-many-subscribers", topic = topic, limit = limit.to_string()),
            )
            .hint(msg!("too-many-subscribers-hint")),
            Error::NotOwner { path, owner, .. } => {
                let owner = owner.to_string();
                Failure::new(Exit::Permission, msg!("not-owner", folder = path.as_path(), owner = owner))
                    .hint(msg!("not-owner-hint"))
            }
            Error::Untrusted { path, owner } => {
                let owner = owner.to_string();
                Failure::new(Exit::Permission, msg!("untrusted", file = path.as_path(), owner = owner))
            }
            Error::StageDamaged { path, offset } => {
                let offset = offset.to_string();
                Failure::new(Exit::Error, msg!("stage-damaged", file = path.as_path(), offset = offset))
                    .hint(msg!("stage-damaged-hint", file = path.as_path()))
            }
            Error::NoLog { path } => Failure::not_found(msg!("no-log", folder = path.as_path())),
            Error::NoSurvival { path, kind } => Failure::new(
                Exit::Permission,
                msg!("confirm-no-survival", file = path.as_path(), kind = *kind),
            )
            .hint(msg!("confirm-no-survival-hint")),
            Error::NotPending { token: Some(token) } => {
                Failure::not_found(msg!("confirm-unknown", token = token)).hint(msg!("confirm-list-hint"))
            }
            Error::NotPending { token: None } => Failure::not_found(msg!("confirm-none")),
            Error::SeveralPending { tokens } => {
                Failure::usage(msg!("confirm-several", tokens = tokens.join(", ")))
                    .hint(msg!("confirm-list-hint"))
            }
            Error::Settled(settled) => {
                let outcome = confirmation::rolled_back(settled).to_string();
                let failure = Failure::new(Exit::Conflict, msg!("confirm-settled", outcome = outcome));
                if settled.outcome.is_confirmed() {
                    failure.hint(msg!("confirm-undo-hint"))
                } else {
                    failure.hint(msg!("confirm-again-hint"))
                }
            }
            Error::FilesPending { revision, source } => {
                let exit = if error.is_permission() { Exit::Permission } else { Exit::Error };
                Failure::new(exit, msg!("files-pending", revision = revision.0.to_string()))
                    .because(&**source)
                    .hint(msg!("files-pending-hint"))
            }
            Error::Unmapped { text, limit, bound } => {
                Failure::new(Exit::Unavailable, unmapped(*text, *limit, *bound))
                    .hint(msg!("memory-none-hint"))
            }
            Error::Backup { name, source } => backup(name, source),
            Error::Log(log) => {
                let (exit, message) = if log.is_no_space() {
                    (Exit::Unavailable, msg!("log-full"))
                } else if log.is_permission() {
                    (Exit::Permission, msg!("log-denied"))
                } else if log.is_busy() {
                    (Exit::Unavailable, msg!("log-busy"))
                } else if log.is_damaged() {
                    (Exit::Error, msg!("log-damaged"))
                } else if error.is_not_found() {
                    (Exit::NotFound, msg!("log-no-revision"))
                } else if error.is_conflict() {
                    (Exit::Conflict, msg!("log-moved"))
                } else {
                    (Exit::Unavailable, msg!("log-failed"))
                };
                let hint = match error.first_kept() {
                    Some(first) => Some(msg!("log-compacted-hint", first = first.to_string())),
                    None => log.is_damaged().then(|| msg!("log-damaged-hint")),
                };
                Failure::new(exit, message).because(log).hint_if_any(hint)
            }
            // A kind of error that this program does not know yet: the engine's own words.
            _ => Failure::new(Exit::Error, msg!("failed")).because(&error),
        }
    }
}

/// Why schemas do not allow a commit, or a schema is none.
fn refused(diagnostics: &[Diagnostic]) -> Failure {
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let code = diagnostics.first().map_or("", |found| found.code);
    // A schema with faults is no commit that could be made all the same.
    if code.starts_with("CMS01") {
        Failure::invalid(msg!("refused", count = errors), diagnostics.to_vec())
            .hint(msg!("refused-hint", code = code))
    } else {
        Failure::invalid(msg!("schema-invalid", count = errors), diagnostics.to_vec())
            .hint(msg!("explain-hint", code = code))
    }
}

/// Why a backup was not written, or is not restored.
fn backup(name: &str, error: &BackupError) -> Failure {
    let numbers = |offset: &u64| offset.to_string();
    match error {
        BackupError::Io(source) => {
            let message = msg!("backup-failed", file = name);
            let denied = source.kind() == std::io::ErrorKind::PermissionDenied;
            Failure::new(if denied { Exit::Permission } else { exit_of_io(source) }, message).because(source)
        }
        BackupError::NotABackup => Failure::new(Exit::Invalid, msg!("backup-none", file = name)),
        BackupError::Newer { found, known } => {
            let (found, known) = (numbers(found), numbers(known));
            Failure::new(Exit::Unavailable, msg!("backup-newer", file = name, found = found, known = known))
                .hint(msg!("backup-newer-hint"))
        }
        BackupError::Unfinished { offset } => {
            Failure::new(Exit::Invalid, msg!("backup-unfinished", file = name, offset = numbers(offset)))
                .hint(msg!("backup-damaged-hint"))
        }
        BackupError::Damaged { offset, what } => {
            let offset = numbers(offset);
            Failure::new(Exit::Invalid, msg!("backup-damaged", file = name, offset = offset, what = what))
                .hint(msg!("backup-damaged-hint"))
        }
        BackupError::NotNext { continues: Some(continues), .. } => {
            let continues = continues.0.to_string();
            Failure::usage(msg!("backup-not-next", file = name, revision = continues))
                .hint(msg!("backup-not-next-hint"))
        }
        BackupError::NotNext { .. } => Failure::usage(msg!("backup-whole-later", file = name)),
        BackupError::OtherStore => Failure::new(Exit::Conflict, msg!("backup-other-store", file = name))
            .hint(msg!("backup-other-store-hint")),
        BackupError::OtherHistory { revision } => {
            let revision = revision.0.to_string();
            Failure::new(Exit::Conflict, msg!("backup-other-history", file = name, revision = revision))
                .hint(msg!("backup-other-history-hint"))
        }
        other => Failure::new(Exit::Error, msg!("backup-failed", file = name)).because(other),
    }
}

/// Why a store has no segment.
pub(crate) fn unmapped(text: u64, limit: u64, bound: SegmentBound) -> Message {
    let (text, limit) = (text.to_string(), limit.to_string());
    match bound {
        SegmentBound::Setting => msg!("memory-none-setting", text = text, limit = limit),
        SegmentBound::Room => msg!("memory-none-room", text = text, limit = limit),
        SegmentBound::Memory => msg!("memory-none-memory", text = text, limit = limit),
    }
}

fn exit_of_io(error: &std::io::Error) -> Exit {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::TimedOut => Exit::Unavailable,
        _ => Exit::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_too_long_or_is_too_much_says_what_helps() {
        let check = |error: Error, words: &str| {
            let failure = Failure::from(error);
            assert_eq!(failure.exit, Exit::Unavailable);
            assert!(failure.words().contains(words), "{}", failure.words());
        };
        let limit = std::time::Duration::from_secs(5);
        check(Error::Expired { transaction: 7, limit }, "transaction 7 was to be committed within 5s");
        let topic = "network.*".to_owned();
        check(Error::Subscribers { topic, limit: 1000 }, "the topic network.* has 1000 subscribers");
    }
}

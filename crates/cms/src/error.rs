//! What can go wrong with a store, by what the caller can do about it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use cms_log::{BackupError, Revision, Settled};
use cms_model::schema::{MigrationConflict, NoPath, Version};
use cms_model::table::{ScriptError, TableError, TableName};
use cms_model::{Diagnostic, PackageName};

use crate::mapped::limit::SegmentBound;

/// The result of an operation on a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who changed a table, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTouch {
    /// The table.
    pub table: TableName,
    /// The commit.
    pub revision: Revision,
    /// Who made it.
    pub author: String,
}

/// Why an operation on a store failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A system call on a file failed.
    Io {
        /// What was attempted, as a verb.
        attempt: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The configuration directory cannot be reached.
    NoDirectory {
        /// The directory asked for.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The owner of the configuration directory has no home directory to keep the state in.
    NoHome {
        /// The owner's user id.
        user: u32,
    },
    /// The log refused or failed.
    Log(cms_log::Error),
    /// There is no such package, section or option.
    NotFound {
        /// The key as asked for.
        key: String,
    },
    /// There is something at that key already.
    Exists {
        /// The key.
        key: String,
    },
    /// The change makes no sense for what is there.
    Invalid {
        /// The key.
        key: String,
        /// Why it cannot be.
        reason: String,
    },
    /// A table or a row cannot be as it was asked for; nothing was changed.
    Table(Box<TableError>),
    /// A script of SQL is not allowed or failed; nothing was changed.
    Script(ScriptError),
    /// A package file does not parse, so nothing can be committed to the package.
    Unparsable {
        /// The package.
        package: PackageName,
        /// Every fault found, in order.
        diagnostics: Vec<Diagnostic>,
    },
    /// A schema that is enforced does not allow it, or the schema itself has faults; nothing was changed.
    Refused {
        /// Every finding, errors first.
        diagnostics: Vec<Diagnostic>,
    },
    /// The data of a module belongs to a newer schema than there is; nothing was changed.
    NewerSchema {
        /// The module.
        module: String,
        /// The version of its data.
        data: Version,
        /// The version of its schema.
        schema: Version,
    },
    /// No migrations lead from the version of a module's data to the one asked for; nothing was changed.
    NoMigration {
        /// The module.
        module: String,
        /// Where the path ends.
        path: NoPath,
    },
    /// A migration would leave something as it is that it should change, and that was not to be; nothing was changed.
    Migration {
        /// The module.
        module: String,
        /// What could not be done.
        conflicts: Vec<MigrationConflict>,
    },
    /// A statement of a migration's SQL failed; nothing was changed.
    MigrationSql {
        /// The module.
        module: String,
        /// The version whose migration it belongs to.
        version: Version,
        /// Whether it was to take the migration back.
        is_back: bool,
        /// The number of the statement in there, from 1.
        statement: usize,
        /// The statement.
        text: String,
        /// Why it failed.
        reason: String,
    },
    /// What a migration did to tables cannot be taken back: it has no SQL for that, and the log cannot tell; nothing was changed.
    TablesKept {
        /// The module.
        module: String,
        /// The version whose migration has no SQL to take it back.
        version: Version,
        /// Where the rollback was to go.
        to: Version,
        /// The tables that somebody has changed since. If there are none, the log has no state of version `to`.
        changed: Vec<TableTouch>,
    },
    /// The topic has as many subscribers as it may have.
    Subscribers {
        /// The topic.
        topic: String,
        /// How many it may have.
        limit: usize,
    },
    /// Another commit changed what this one builds on; nothing was committed.
    Conflict {
        /// The keys that both changed.
        keys: Vec<String>,
        /// The other commit.
        revision: Revision,
        /// Who made it.
        author: String,
    },
    /// The deadline of a transaction has passed; nothing was committed.
    Expired {
        /// The transaction.
        transaction: u64,
        /// How long it could have taken.
        limit: Duration,
    },
    /// Only the owner of the configuration directory, or root, may do this without the daemon.
    NotOwner {
        /// What was attempted.
        attempt: &'static str,
        /// The configuration directory.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
    },
    /// Somebody else owns a directory or file that was about to be trusted.
    Untrusted {
        /// The directory or file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The staged changes are damaged.
    StageDamaged {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
    },
    /// There is no log yet, so there is no history either.
    NoLog {
        /// The configuration directory.
        path: PathBuf,
    },
    /// The segment refused or failed. Nothing depends on it: it is built anew from the log.
    Segment(cms_segment::Error),
    /// There is no segment: it would take more than it may. Everything is read from the log.
    Unmapped {
        /// How many bytes of text the packages have together.
        text: u64,
        /// How many they may have.
        limit: u64,
        /// What sets that limit.
        bound: SegmentBound,
    },
    /// The log would not be there after a reboot, so a commit that awaits confirmation would not be rolled back.
    NoSurvival {
        /// The log.
        path: PathBuf,
        /// What it lies on.
        kind: &'static str,
    },
    /// Nothing of that name awaits confirmation, or nothing at all.
    NotPending {
        /// The token asked for.
        token: Option<String>,
    },
    /// Several things await confirmation, so that one has to be named.
    SeveralPending {
        /// A token of each.
        tokens: Vec<String>,
    },
    /// It does not await confirmation any more.
    Settled(Box<Settled>),
    /// A backup could not be written or was refused; nothing was changed.
    Backup {
        /// The backup, as the caller calls it.
        name: String,
        /// The cause.
        source: BackupError,
    },
    /// The commit is in the log, and its package files could not be written; the next use tries again.
    FilesPending {
        /// The commit.
        revision: Revision,
        /// What went wrong.
        source: Box<Error>,
    },
}

impl Error {
    pub(crate) fn io(attempt: &'static str, path: &Path, source: io::Error) -> Error {
        Error::Io { attempt, path: path.to_owned(), source }
    }

    pub(crate) fn not_found(key: impl fmt::Display) -> Error {
        Error::NotFound { key: key.to_string() }
    }

    /// Returns whether another commit came first; reading again and repeating the change may succeed.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Error::Conflict { .. }) || matches!(self, Error::Log(error) if error.is_head_moved())
    }

    /// Returns whether there is nothing at the key, revision or directory asked for.
    pub fn is_not_found(&self) -> bool {
        match self {
            Error::NotFound { .. }
            | Error::NoDirectory { .. }
            | Error::NoLog { .. }
            | Error::NotPending { .. } => true,
            Error::Log(error) => {
                matches!(error, cms_log::Error::NoSuchRevision { .. } | cms_log::Error::Compacted { .. })
            }
            _ => false,
        }
    }

    /// Returns the oldest revision that can be read, if what was asked for is older: the log no longer keeps it.
    pub fn first_kept(&self) -> Option<Revision> {
        match self {
            Error::Log(cms_log::Error::Compacted { first, .. }) => Some(*first),
            _ => None,
        }
    }

    /// Returns whether the caller lacks the right, or the file system is read-only.
    pub fn is_permission(&self) -> bool {
        match self {
            Error::NotOwner { .. } | Error::Untrusted { .. } => true,
            Error::Io { source, .. } | Error::NoDirectory { source, .. } => {
                matches!(source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
            }
            Error::Log(error) => error.is_permission(),
            Error::FilesPending { source, .. } => source.is_permission(),
            _ => false,
        }
    }

    /// Returns whether a package file or a text handed in does not parse.
    pub fn is_parse(&self) -> bool {
        matches!(self, Error::Unparsable { .. })
    }

    /// Returns whether the storage refused, and reading may go on without it.
    pub(crate) fn is_storage(&self) -> bool {
        match self {
            Error::Io { .. } => true,
            Error::Log(error) => {
                error.is_no_space()
                    || error.is_permission()
                    || error.is_busy()
                    || error.is_poisoned()
                    || matches!(error, cms_log::Error::Io(_))
            }
            _ => false,
        }
    }

    /// Returns whether the commit is durable in the log although something after that failed.
    pub fn is_committed(&self) -> bool {
        matches!(self, Error::FilesPending { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { attempt, path, .. } => write!(f, "{attempt} {}", path.display()),
            Error::NoDirectory { path, .. } => {
                write!(f, "use the configuration directory {}", path.display())
            }
            Error::NoHome { user } => write!(
                f,
                "user {user} owns the configuration directory and has no home directory; set CMS_STATE_DIR"
            ),
            Error::Log(error) => error.fmt(f),
            Error::Backup { name, source } => write!(f, "backup {name}: {source}"),
            Error::Segment(error) => error.fmt(f),
            Error::Unmapped { text, limit, bound } => {
                let by = match bound {
                    SegmentBound::Setting => "by its setting",
                    SegmentBound::Room => "by the free room in the runtime directory",
                    SegmentBound::Memory => "by the available memory",
                };
                write!(f, "there is no segment for {text} bytes of text: it is limited to {limit} {by}")
            }
            Error::NotFound { key } => write!(f, "{key} not found"),
            Error::Exists { key } => write!(f, "{key} exists already"),
            Error::Invalid { key, reason } => write!(f, "{key}: {reason}"),
            Error::Table(error) => error.fmt(f),
            Error::Script(error) => error.fmt(f),
            Error::Unparsable { package, diagnostics } => {
                write!(f, "package {package} does not parse")?;
                match diagnostics.first() {
                    Some(first) => write!(f, ": line {}: {}", first.line, first.message),
                    None => Ok(()),
                }
            }
            Error::Refused { diagnostics } => match diagnostics.first() {
                Some(first) => write!(f, "refused: {}", first.message),
                None => f.write_str("refused by a schema"),
            },
            Error::NewerSchema { module, data, schema } => write!(
                f,
                "the data of module {module} has version {data}, its schema only {schema}: install the schema of version {data}"
            ),
            Error::NoMigration { module, path } => write!(f, "module {module}: {path}"),
            Error::Migration { module, conflicts } => {
                write!(f, "module {module} was not migrated: {} conflicts", conflicts.len())?;
                match conflicts.first() {
                    Some(first) => write!(f, ", the first: {first}"),
                    None => Ok(()),
                }
            }
            Error::MigrationSql { module, version, is_back, statement, reason, .. } => {
                let way = if *is_back { "back from" } else { "to" };
                write!(
                    f,
                    "module {module}: statement {statement} of the SQL {way} version {version}: {reason}"
                )
            }
            Error::TablesKept { module, version, to, changed } => {
                write!(
                    f,
                    "module {module} is not rolled back: what version {version} did to tables cannot be taken back, because "
                )?;
                if changed.is_empty() {
                    return write!(f, "the log has no state of version {to}");
                }
                f.write_str("they were changed since:")?;
                changed.iter().try_for_each(|touch| {
                    write!(f, " {} in revision {} by {}", touch.table, touch.revision.0, touch.author)
                })
            }
            Error::Subscribers { topic, limit } => write!(
                f,
                "the topic {topic} has {limit} subscribers, as many as it may have; end one of them or raise EventLimits::subscribers"
            ),
            Error::Conflict { keys, revision, author } => {
                write!(f, "revision {revision} by {author} changed the same: {}", keys.join(", "))
            }
            Error::Expired { transaction, limit } => {
                write!(
                    f,
                    "transaction {transaction} was to be committed within {limit:?}; it was rolled back"
                )
            }
            Error::NotOwner { attempt, path, owner } => write!(
                f,
                "{attempt} in {}: only its owner (user {owner}) and root may, as long as no cmsd serves it",
                path.display()
            ),
            Error::Untrusted { path, owner } => {
                write!(f, "{} belongs to user {owner} and is not trusted", path.display())
            }
            Error::StageDamaged { path, offset } => {
                write!(f, "the staged changes in {} are damaged at byte {offset}", path.display())
            }
            Error::NoLog { path } => write!(f, "{} has no log yet", path.display()),
            Error::NoSurvival { path, kind } => write!(
                f,
                "the log {} lies on {kind}, which does not survive a reboot: an unconfirmed commit would not be rolled back",
                path.display()
            ),
            Error::NotPending { token: Some(token) } => {
                write!(f, "nothing called {token} awaits confirmation")
            }
            Error::NotPending { token: None } => f.write_str("nothing awaits confirmation"),
            Error::SeveralPending { tokens } => {
                write!(f, "several commits await confirmation: {}", tokens.join(", "))
            }
            Error::Settled(settled) => {
                let outcome = if settled.outcome.is_confirmed() { "confirmed" } else { "rolled back" };
                write!(f, "{} was {outcome} already", settled.tokens.join(", "))
            }
            Error::FilesPending { revision, .. } => write!(
                f,
                "revision {revision} is committed, but its package files are not written yet (the next command tries again)"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } | Error::NoDirectory { source, .. } => Some(source),
            Error::Log(error) => std::error::Error::source(error),
            Error::Backup { source, .. } => std::error::Error::source(source),
            Error::Segment(error) => std::error::Error::source(error),
            Error::FilesPending { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<cms_segment::Error> for Error {
    fn from(error: cms_segment::Error) -> Error {
        Error::Segment(error)
    }
}

impl From<cms_log::Error> for Error {
    fn from(error: cms_log::Error) -> Error {
        match error {
            cms_log::Error::Table(error) => Error::Table(error),
            cms_log::Error::Script(error) => Error::Script(error),
            error => Error::Log(error),
        }
    }
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Error {
        Error::Table(Box::new(error))
    }
}

//! Running a script of a user: on the tables alone, within limits, and without a trace (`docs/tables.md`, "SQL").

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use cms_model::table::{
    Definition, Row, RowChange, ScriptError, TableChange, TableError, is_allowed_function,
};
use rusqlite::{
    Connection, ErrorCode,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use super::{
    Sqlite, open,
    tables::{column_names, constraint, datum, loose_row, names},
};
use crate::{Error, Fault, Result, ScriptAnswer, ScriptRun, ScriptTask};

/// What the names of our notes and triggers begin with. No table of a user begins so, and no word of a script may.
const OURS: &str = "cms_";

/// The clock is looked at after so many steps of SQLite's machine.
const STEPS: i32 = 1000;

impl Sqlite {
    pub(super) fn run_script_aside(&self, task: &ScriptTask<'_>) -> Result<ScriptRun> {
        if self.read_only {
            return Err(Error::ReadOnly(Fault {
                path: self.path.clone(),
                attempt: "run a script on a log opened for reading".into(),
                source: None,
            }));
        }
        if let Some(ours) = task.script.names().iter().find(|name| name.starts_with(OURS)) {
            let reason = format!("{ours} is not allowed: names that begin with {OURS} are the log's own");
            return Err(Error::Script(ScriptError { line: 1, reason }));
        }
        let fault = |error| self.fault("prepare a script", error);
        // A connection of its own: what is set on it for a script goes with it, and closing it takes everything back.
        let mut connection = open::connect(&self.path, self.file, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).map_err(fault)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(fault)?;
        // LIKE as in PostgreSQL.
        connection
            .execute_batch("PRAGMA case_sensitive_like = ON; PRAGMA recursive_triggers = ON; BEGIN IMMEDIATE")
            .map_err(fault)?;
        let head = self.head_of(&connection)?;
        if head != task.head {
            return Err(Error::HeadMoved { expected: task.head, head });
        }
        task.before.iter().try_for_each(|change| self.apply_change(&connection, change))?;
        let named: Vec<Arc<Definition>> = self
            .definitions(&connection)?
            .into_iter()
            .filter(|definition| task.script.names().contains(definition.name.as_str()))
            .collect();
        for (number, table) in named.iter().enumerate() {
            connection.execute_batch(&note_changes(number, table)).map_err(fault)?;
        }
        let answers = self.run_statements(&mut connection, task, &named)?;
        let mut changes = Vec::new();
        for (number, table) in named.iter().enumerate() {
            let rows = self.noted(&connection, number, table)?;
            if !rows.is_empty() {
                changes.push(TableChange::rows(table.clone(), rows));
            }
        }
        connection.execute_batch("ROLLBACK").map_err(fault)?;
        Ok(ScriptRun { changes, answers })
    }

    fn run_statements(
        &self,
        connection: &mut Connection,
        task: &ScriptTask<'_>,
        named: &[Arc<Definition>],
    ) -> Result<Vec<ScriptAnswer>> {
        let fault = |error| self.fault("prepare a script", error);
        let guard = Arc::new(Guard::new(connection, named).map_err(fault)?);
        let limits = task.limits;
        for limit in [Limit::SQLITE_LIMIT_LENGTH, Limit::SQLITE_LIMIT_SQL_LENGTH] {
            connection.set_limit(limit, limits.bytes).map_err(fault)?;
        }
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(fault)?;
        let asked = guard.clone();
        let deadline = Instant::now().checked_add(limits.time);
        let is_late = move || deadline.is_some_and(|deadline| Instant::now() > deadline);
        connection.progress_handler(STEPS, Some(is_late)).map_err(fault)?;
        connection.authorizer(Some(move |context: AuthContext<'_>| asked.decide(&context))).map_err(fault)?;
        let mut answers = Vec::new();
        let mut room = limits.rows;
        let mut outcome = Ok(());
        for (line, sql) in task.script.statements() {
            match run_statement(connection, sql, &mut room) {
                Ok(answer) => answers.push(answer),
                Err(Stop::TooMany) => {
                    let reason = format!(
                        "the script answers more than {} rows: ask for less with WHERE or LIMIT",
                        limits.rows
                    );
                    outcome = Err(Error::Script(ScriptError { line: *line, reason }));
                }
                Err(Stop::Sqlite(error)) => {
                    outcome = Err(self.script_error(*line, error, &guard, task, named));
                }
            }
            if outcome.is_err() {
                break;
            }
        }
        let none: Option<fn(AuthContext<'_>) -> Authorization> = None;
        connection.authorizer(none).map_err(fault)?;
        let none: Option<fn() -> bool> = None;
        connection.progress_handler(0, none).map_err(fault)?;
        outcome.map(|()| answers)
    }

    /// Says what went wrong in a statement.
    fn script_error(
        &self,
        line: usize,
        error: rusqlite::Error,
        guard: &Guard,
        task: &ScriptTask<'_>,
        named: &[Arc<Definition>],
    ) -> Error {
        let script = |reason: String| Error::Script(ScriptError { line, reason });
        if let Some(refused) = guard.take_refused() {
            return script(refused);
        }
        if let Some(unique) = named.iter().find_map(|table| {
            let is_here = error.to_string().contains(&format!("{}.", table.name));
            constraint(table, &error).filter(|_| is_here).map(|reason| table.error(reason))
        }) {
            return Error::table(unique);
        }
        let code = error.sqlite_error_code();
        match (&error, code) {
            (_, Some(ErrorCode::OperationInterrupted)) => script(format!(
                "it ran for more than {:?} and was stopped; nothing was changed: make it smaller",
                task.limits.time
            )),
            (_, Some(ErrorCode::TooBig)) => {
                script(format!("a value has more than {} bytes, which is the most", task.limits.bytes))
            }
            (rusqlite::Error::SqlInputError { msg, .. }, _) => script(msg.clone()),
            (
                rusqlite::Error::SqliteFailure(_, Some(message)),
                Some(
                    ErrorCode::ConstraintViolation
                    | ErrorCode::Unknown
                    | ErrorCode::TypeMismatch
                    | ErrorCode::ApiMisuse
                    | ErrorCode::ParameterOutOfRange,
                ),
            ) => script(message.clone()),
            _ => self.fault(format!("run line {line} of a script"), error),
        }
    }

    /// Compares the rows that were there first with those that are there now.
    fn noted(&self, connection: &Connection, number: usize, table: &Definition) -> Result<Vec<RowChange>> {
        let fault = |error| self.fault(format!("compare the rows of table {}", table.name), error);
        let count = table.columns.len();
        let joined: Vec<String> = table
            .key
            .iter()
            .enumerate()
            .map(|(place, column)| format!("t.{} = n.k{place}", table.columns[*column].name.quoted()))
            .collect();
        let olds: Vec<String> = (0..count).map(|column| format!("n.c{column}")).collect();
        let news: Vec<String> =
            table.columns.iter().map(|column| format!("t.{}", column.name.quoted())).collect();
        let sql = format!(
            "SELECT n.had, t.{} IS NOT NULL, {}, {} FROM temp.{OURS}noted_{number} AS n LEFT JOIN main.{} AS t ON {}",
            table.columns[table.key[0]].name.quoted(),
            olds.join(", "),
            news.join(", "),
            table.name.quoted(),
            joined.join(" AND "),
        );
        let mut statement = connection.prepare(&sql).map_err(fault)?;
        let mut found = statement.query([]).map_err(fault)?;
        let mut changes = Vec::new();
        while let Some(row) = found.next().map_err(fault)? {
            let (had, has): (bool, bool) = (row.get(0).map_err(fault)?, row.get(1).map_err(fault)?);
            let old = if had { Some(self.row_from(table, row, 2)?) } else { None };
            let new = if has { Some(self.written_row(table, row, 2 + count)?) } else { None };
            if old != new {
                changes.push(RowChange { old, new });
            }
        }
        Ok(changes)
    }

    /// Reads a row that a script has written, which may hold what its column must not.
    fn written_row(&self, table: &Definition, row: &rusqlite::Row<'_>, from: usize) -> Result<Row> {
        let fault = |error| self.fault(format!("read table {}", table.name), error);
        let loose = loose_row(from + table.columns.len(), row).map_err(fault)?;
        let shown = |column: &usize| loose[from + *column].to_string();
        let key = table.key.iter().map(shown).collect::<Vec<_>>().join(",");
        let mut values = Vec::with_capacity(table.columns.len());
        for (number, column) in table.columns.iter().enumerate() {
            let value = datum(column.kind, row.get_ref(from + number).map_err(fault)?);
            let value = value.ok_or_else(|| {
                let reason = format!("{} is no {}", loose[from + number], column.kind.word());
                Error::table(
                    TableError::new(table.name.as_str(), reason).in_row(&*key).in_column(&column.name),
                )
            })?;
            values.push(value);
        }
        table.check(&values).map_err(Error::table)?;
        Ok(values)
    }
}

/// Why a statement was stopped.
enum Stop {
    TooMany,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Sqlite(error)
    }
}

fn run_statement(
    connection: &Connection,
    sql: &str,
    room: &mut usize,
) -> std::result::Result<ScriptAnswer, Stop> {
    let before = connection.total_changes();
    let mut statement = connection.prepare(sql)?;
    let columns = column_names(&statement);
    let mut rows = Vec::new();
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        *room = room.checked_sub(1).ok_or(Stop::TooMany)?;
        rows.push(loose_row(columns.len(), row)?);
    }
    drop(found);
    let is_reading = statement.readonly();
    // Changes by triggers count in the total, and ours write notes.
    let changed = if is_reading || connection.total_changes() == before { 0 } else { connection.changes() };
    Ok(ScriptAnswer { columns, rows, changed })
}

/// What a script may touch.
struct Guard {
    /// The tables that it may.
    tables: HashSet<String>,
    /// What there is besides.
    others: HashSet<String>,
    /// The first thing that was refused.
    refused: Mutex<Option<String>>,
}

impl Guard {
    fn new(connection: &Connection, named: &[Arc<Definition>]) -> rusqlite::Result<Guard> {
        let tables: HashSet<String> = named.iter().map(|table| table.name.to_string()).collect();
        let mut statement = connection.prepare(
            "SELECT lower(name) FROM main.sqlite_schema UNION SELECT lower(name) FROM temp.sqlite_schema",
        )?;
        let all = statement
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<HashSet<_>>>()?;
        let others = all.difference(&tables).cloned().collect();
        Ok(Guard { tables, others, refused: Mutex::new(None) })
    }

    fn take_refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Decides on something that a statement compiles to. What is not known is refused.
    fn decide(&self, context: &AuthContext<'_>) -> Authorization {
        let schema = context.database_name;
        let is_ours = context.accessor.is_some_and(|accessor| accessor.starts_with(OURS));
        let may = |table: &str| {
            let is_table = self.tables.contains(&table.to_ascii_lowercase())
                && schema.is_none_or(|schema| schema == "main");
            // Our triggers write our notes.
            is_table || is_ours && table.starts_with(OURS) && schema == Some("temp")
        };
        let refusal = match context.action {
            AuthAction::Select | AuthAction::Recursive => None,
            AuthAction::Read { table_name, column_name } => {
                // What a WITH gives a name is read as a table of no schema, without a column.
                let is_with = column_name.is_empty() && schema.is_none() && !self.is_special(table_name);
                (!may(table_name) && !is_with).then(|| unknown_table(table_name))
            }
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => (!may(table_name)).then(|| unknown_table(table_name)),
            AuthAction::Function { function_name } => (!is_allowed_function(function_name)).then(|| {
                format!(
                    "the function {function_name} is not allowed: it does not mean the same on SQLite and on PostgreSQL, \
                     or reaches beyond the tables"
                )
            }),
            other => Some(format!("{} is not allowed in a script", action_word(&other))),
        };
        match refusal {
            None => Authorization::Allow,
            Some(reason) => {
                self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
                Authorization::Deny
            }
        }
    }

    /// Tells whether a name is that of something that the database has besides the tables.
    fn is_special(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let own = ["sqlite_", "pragma_", "json", "dbstat", "bytecode", "tables_used", "fts", OURS];
        self.others.contains(&name) || own.iter().any(|own| name.starts_with(own))
    }
}

fn unknown_table(name: &str) -> String {
    format!("{name} is no table of the store: see `cms table list`")
}

fn action_word(action: &AuthAction<'_>) -> &'static str {
    match action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => "reaching another database",
        AuthAction::Pragma { .. } => "PRAGMA",
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => "beginning or ending a transaction",
        _ => "defining anything",
    }
}

/// The statements that note, for each key that is touched, the row that was there first.
fn note_changes(number: usize, table: &Definition) -> String {
    let notes = format!("{OURS}noted_{number}");
    let on = table.name.quoted();
    let key: Vec<String> = (0..table.key.len()).map(|place| format!("k{place}")).collect();
    let columns: Vec<String> = (0..table.columns.len()).map(|column| format!("c{column}")).collect();
    let key_columns = |side: &str| -> Vec<String> {
        let names = table.key.iter().map(|column| table.columns[*column].name.quoted());
        names.map(|name| format!("{side}.{name}")).collect()
    };
    let note = |side: &str, had: bool| {
        let values: Vec<String> = table
            .columns
            .iter()
            .map(|column| if had { format!("{side}.{}", column.name.quoted()) } else { "NULL".to_owned() })
            .collect();
        let is_noted: Vec<String> =
            key.iter().zip(key_columns(side)).map(|(noted, own)| format!("{noted} = {own}")).collect();
        format!(
            "INSERT INTO {notes} SELECT {}, {}, {} WHERE NOT EXISTS (SELECT 1 FROM {notes} WHERE {});",
            key_columns(side).join(", "),
            u8::from(had),
            values.join(", "),
            is_noted.join(" AND "),
        )
    };
    let trigger = |event: &str, body: String| {
        format!(
            "CREATE TEMP TRIGGER {notes}_{event} AFTER {event} ON main.{on} FOR EACH ROW BEGIN {body} END;"
        )
    };
    debug_assert!(!names(table, &table.key).is_empty(), "a table has a key");
    [
        format!(
            "CREATE TEMP TABLE {notes} ({}, had, {}, PRIMARY KEY ({})) WITHOUT ROWID;",
            key.join(", "),
            columns.join(", "),
            key.join(", "),
        ),
        trigger("INSERT", note("NEW", false)),
        trigger("DELETE", note("OLD", true)),
        trigger("UPDATE", note("OLD", true) + &note("NEW", false)),
    ]
    .concat()
}

//! `table sql`: a script on the tables.

use cms::ScriptAnswer;
use serde_json::json;

use super::{Words, change, look};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::text::msg;

pub(super) fn run(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let script = match crate::verb::text_of(words.matches, "script") {
        Some(file) if words.name.is_none() => change::read(file)?,
        // A script in words: the first stands where other actions have the name of a table.
        None if words.name.is_some() => {
            words.name.into_iter().chain(words.rest.iter().copied()).collect::<Vec<_>>().join(" ")
        }
        _ => return Err(Failure::usage(msg!("table-no-script")).hint(msg!("table-no-script-hint"))),
    };
    let mut transaction = words.transaction(session)?;
    let answers = transaction.execute_sql(&script)?;
    let changes = !transaction.changes().is_empty();
    if session.globals.json {
        let answer = |answer: &ScriptAnswer| {
            let rows = look::rows_to_json(&answer.columns, &answer.rows);
            json!({ "columns": answer.columns, "rows": rows, "changed": answer.changed })
        };
        let answers: Vec<_> = answers.iter().map(answer).collect();
        session.output.line(Json::answer("sql", json!({ "answers": answers })).to_string())?;
    } else {
        for answer in answers.iter().filter(|answer| !answer.columns.is_empty()) {
            look::print(&answer.columns, &answer.rows, session)?;
        }
    }
    // Who only asked is told nothing of commits.
    if changes { words.finish(transaction, session) } else { Ok(Exit::Ok) }
}

//! `table list`, `show`, `query` and `history`.

use cms::TableHistory;
use cms::model::table::{Definition, Query, Row};
use serde_json::{Map, Value as JsonValue, json};

use super::{Words, columns, key, to_json};
use crate::csv;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::Session;
use crate::table as grid;
use crate::text::{msg, text};
use crate::verb::{history as commits, unknown_format};

/// What `--format` may be for rows.
const FORMATS: [&str; 2] = ["table", "csv"];

pub(super) fn list(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let snapshot = words.snapshot(session)?;
    let mut rows = Vec::new();
    let mut answers = Vec::new();
    for table in snapshot.tables()? {
        let count = snapshot.table(table.name.as_str())?.count()?;
        answers.push(definition_to_json(&table, count));
        let columns: Vec<String> = table.columns.iter().map(ToString::to_string).collect();
        rows.push(vec![table.name.to_string(), count.to_string(), columns.join(", ")]);
    }
    if session.globals.json {
        session.output.line(Json::answer("tables", json!({ "tables": answers })).to_string())?;
    } else if rows.is_empty() {
        session.output.say(&msg!("table-none"));
    } else {
        let titles = ["title-table", "title-rows", "title-columns"].map(text);
        session.output.line(grid::draw(&titles, rows))?;
    }
    Ok(Exit::Ok)
}

pub(super) fn show(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let table = words.snapshot(session)?.table(words.table()?)?;
    let count = table.count()?;
    let definition = table.definition();
    if session.globals.json {
        let answer = json!({ "tables": [definition_to_json(definition, count)] });
        session.output.line(Json::answer("tables", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    // As `table create` takes it.
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut line = format!("cms table create {}", definition.name);
    for column in &definition.columns {
        line.push_str(&format!(" {}", quoted(&column.to_string())));
    }
    line.push_str(&format!(" --key {}", names(definition, &definition.key)));
    for index in &definition.indexes {
        let option = if index.unique { "unique" } else { "index" };
        line.push_str(&format!(" --{option} {}", names(definition, &index.columns)));
    }
    session.output.line(line)?;
    session.output.say(&msg!("table-rows", count = usize::try_from(count).unwrap_or(usize::MAX)));
    Ok(Exit::Ok)
}

pub(super) fn query(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let table = words.snapshot(session)?.table(words.table()?)?;
    let definition = table.definition().clone();
    let mut query = Query::parse(&definition, &words.rest).map_err(cms::Error::from)?;
    for list in words.all("order") {
        for column in columns(list) {
            let (name, descending) = column.strip_prefix('-').map_or((column, false), |name| (name, true));
            query = query.order_by(&definition, name, descending).map_err(cms::Error::from)?;
        }
    }
    query.limit = words.matches.get_one("limit").copied();
    query.offset = words.matches.get_one("offset").copied().unwrap_or_default();
    let names: Vec<String> = definition.columns.iter().map(|column| column.name.to_string()).collect();
    let rows = table.query(&query)?;
    if session.globals.json {
        let answer = json!({ "table": definition.name.as_str(), "rows": rows_to_json(&names, &rows) });
        session.output.line(Json::answer("rows", answer).to_string())?;
        return Ok(Exit::Ok);
    }
    print(&names, &rows, session)?;
    Ok(Exit::Ok)
}

pub(super) fn history(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let name = words.table()?;
    let mut query = TableHistory {
        limit: words.matches.get_one::<u64>("limit").and_then(|limit| usize::try_from(*limit).ok()),
        ..TableHistory::default()
    };
    if let Some(at) = crate::verb::text_of(words.matches, "at") {
        query.until = Some(session.revision(at)?);
    }
    let store = session.store()?;
    if let Some(text) = words.rest.first() {
        // A table that was dropped has a key of text at least.
        let snapshot = words.snapshot(session)?;
        query.key = Some(key(snapshot.table(name)?.definition(), text)?);
    }
    let entries = store.table_history(name, &query)?;
    commits::print(entries, session)
}

/// Prints rows as was asked for.
pub(super) fn print(names: &[String], rows: &[Row], session: &mut Session) -> Result<(), Failure> {
    session.output.page();
    match session.globals.format.as_deref() {
        None | Some("table") => {
            let cells = |row: &Row| -> Vec<String> {
                row.iter().map(|datum| grid::cell(datum.text().as_bytes())).collect()
            };
            session.output.line(grid::draw(names, rows.iter().map(cells).collect()))
        }
        Some("csv") => {
            session.output.line(csv::line(names.iter().map(|name| Some(name.into()))))?;
            for row in rows {
                let fields = row.iter().map(|datum| (!datum.is_null()).then(|| datum.text()));
                session.output.line(csv::line(fields))?;
            }
            Ok(())
        }
        Some(other) => Err(unknown_format(other, &FORMATS)),
    }
}

/// Rows for programs: an object each.
pub(super) fn rows_to_json(names: &[String], rows: &[Row]) -> Vec<JsonValue> {
    let row = |row: &Row| {
        let members = names.iter().zip(row).map(|(name, datum)| (name.clone(), to_json(datum)));
        JsonValue::Object(members.collect::<Map<_, _>>())
    };
    rows.iter().map(row).collect()
}

fn names(table: &Definition, columns: &[usize]) -> String {
    let names = columns.iter().filter_map(|column| table.columns.get(*column));
    names.map(|column| column.name.as_str()).collect::<Vec<_>>().join(",")
}

fn definition_to_json(table: &Definition, rows: u64) -> JsonValue {
    let list = |columns: &[usize]| -> Vec<&str> {
        columns
            .iter()
            .filter_map(|column| table.columns.get(*column))
            .map(|column| column.name.as_str())
            .collect()
    };
    let columns: Vec<JsonValue> = table
        .columns
        .iter()
        .map(|column| json!({ "name": column.name.as_str(), "type": column.kind.word(), "rules": column.rules }))
        .collect();
    let indexes: Vec<JsonValue> = table
        .indexes
        .iter()
        .map(|index| json!({ "unique": index.unique, "columns": list(&index.columns) }))
        .collect();
    json!({
        "name": table.name.as_str(),
        "columns": columns,
        "key": list(&table.key),
        "indexes": indexes,
        "rows": rows,
    })
}

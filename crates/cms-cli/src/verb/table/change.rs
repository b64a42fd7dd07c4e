//! `table insert`, `update` and `delete`.

use std::io::Read;

use cms::model::table::{Datum, Definition, Row};

use super::{Words, assignment, key};
use crate::csv;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

pub(super) fn insert(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let mut transaction = words.transaction(session)?;
    let mut table = transaction.table(words.table()?)?;
    let definition = table.definition().clone();
    let rows = match crate::verb::text_of(words.matches, "csv") {
        Some(file) => from_csv(&definition, &read(file)?)?,
        None => {
            let values: Vec<(&str, &str)> =
                words.rest.iter().map(|text| assignment(text)).collect::<Result<_, _>>()?;
            vec![definition.row_from_text(&values).map_err(cms::Error::from)?]
        }
    };
    if words.matches.get_flag("replace") {
        table.put_all(rows)?;
    } else {
        table.insert_all(rows)?;
    }
    words.finish(transaction, session)
}

pub(super) fn update(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let mut transaction = words.transaction(session)?;
    let mut table = transaction.table(words.table()?)?;
    let definition = table.definition().clone();
    let Some((first, rest)) = words.rest.split_first() else { return Err(no_key()) };
    let key = key(&definition, first)?;
    let mut values = Vec::new();
    for text in rest {
        let (name, value) = assignment(text)?;
        let column = definition.column(name).map_err(cms::Error::from)?;
        values.push((name, definition.datum_from_text(column, value).map_err(cms::Error::from)?));
    }
    values.extend(words.all("null").into_iter().map(|name| (name, Datum::Null)));
    table.update(&key, &values)?;
    words.finish(transaction, session)
}

pub(super) fn delete(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    if words.rest.is_empty() {
        return Err(no_key());
    }
    let mut transaction = words.transaction(session)?;
    let mut table = transaction.table(words.table()?)?;
    let definition = table.definition().clone();
    for text in &words.rest {
        table.delete(&key(&definition, text)?)?;
    }
    words.finish(transaction, session)
}

fn no_key() -> Failure {
    Failure::usage(msg!("table-no-key")).hint(msg!("table-no-key-hint"))
}

/// Reads a file, or `-` for what comes in.
pub(super) fn read(file: &str) -> Result<String, Failure> {
    let path = std::path::Path::new(file);
    let mut text = String::new();
    let outcome = if file == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    match outcome {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::file(path, &error)),
    }
}

/// Makes rows of comma-separated values whose first line names the columns.
fn from_csv(table: &Definition, text: &str) -> Result<Vec<Row>, Failure> {
    let invalid = |message| Failure::new(Exit::Invalid, message);
    let mut lines = csv::read(text).map_err(invalid)?.into_iter();
    let Some((_, names)) = lines.next() else { return Ok(Vec::new()) };
    let columns: Vec<usize> = names
        .iter()
        .map(|name| table.column(name.as_deref().unwrap_or_default()))
        .collect::<Result<_, _>>()
        .map_err(cms::Error::from)?;
    let mut rows = Vec::new();
    for (line, fields) in lines {
        if fields.len() != columns.len() {
            let (found, wanted) = (fields.len().to_string(), columns.len().to_string());
            return Err(invalid(msg!("csv-fields", line = line, found = found, wanted = wanted)));
        }
        let mut row = vec![Datum::Null; table.columns.len()];
        for (column, field) in columns.iter().zip(fields) {
            if let Some(field) = field {
                row[*column] = table
                    .datum_from_text(*column, &field)
                    .map_err(|error| invalid(msg!("csv-value", line = line, reason = error.to_string())))?;
            }
        }
        table
            .check(&row)
            .map_err(|error| invalid(msg!("csv-value", line = line, reason = error.to_string())))?;
        rows.push(row);
    }
    Ok(rows)
}

//! `table create`, `alter` and `drop`.

use cms::model::table::{Column, Definition, TableError};

use super::{Words, assignment, columns};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

pub(super) fn create(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let key: Vec<&str> = words.all("key").into_iter().flat_map(columns).collect();
    let mut table = Definition::parse(words.table()?, &words.rest, &key).map_err(cms::Error::from)?;
    add_indexes(&mut table, words).map_err(cms::Error::from)?;
    let mut transaction = words.transaction(session)?;
    transaction.create_table(table)?;
    words.finish(transaction, session)
}

pub(super) fn alter(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let mut transaction = words.transaction(session)?;
    let mut table = transaction.table(words.table()?)?;
    let wrong = |reason: String| cms::Error::from(table.definition().error(reason));
    let added: Vec<Column> = words
        .all("add")
        .into_iter()
        .map(|column| Column::parse(column).map_err(wrong))
        .collect::<Result<_, _>>()?;
    let mut defaults = Vec::new();
    for text in words.all("default") {
        let (name, value) = assignment(text)?;
        let Some(column) = added.iter().find(|column| column.name.as_str() == name) else {
            return Err(wrong(format!("--default {text}: there is no --add of a column {name}")).into());
        };
        defaults.push((column.clone(), column.kind.read(value).map_err(wrong)?));
    }
    let change = |definition: &mut Definition| -> Result<(), TableError> {
        words.all("no-index").into_iter().try_for_each(|list| definition.drop_index(&columns(list)))?;
        words.all("drop").into_iter().try_for_each(|column| definition.drop_column(column))?;
        added.into_iter().try_for_each(|column| definition.add_column(column))?;
        add_indexes(definition, words)
    };
    table.alter(change, &defaults)?;
    words.finish(transaction, session)
}

pub(super) fn drop_table(words: &Words<'_>, session: &mut Session) -> Result<Exit, Failure> {
    let mut transaction = words.transaction(session)?;
    transaction.drop_table(words.table()?)?;
    words.finish(transaction, session)
}

fn add_indexes(table: &mut Definition, words: &Words<'_>) -> Result<(), TableError> {
    for (option, unique) in [("unique", true), ("index", false)] {
        words.all(option).into_iter().try_for_each(|list| table.add_index(&columns(list), unique))?;
    }
    Ok(())
}

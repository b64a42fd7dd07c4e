//! Changes of rows in the words of their user.

use cms_model::Value;
use cms_model::table::{Definition, Row, TableChange, TableName, key_text};

use crate::describe::{ChangeAction, DisplayChange};

/// What a row is called in messages: `table.leases.10.0.0.7`.
pub(crate) fn row_key(table: &TableName, key: &Row) -> String {
    format!("table.{table}.{}", key_text(key))
}

/// Describes what happened to a table.
pub(crate) fn display(change: &TableChange) -> Vec<DisplayChange> {
    let Ok(name) = change.name() else { return Vec::new() };
    let mut shown = Vec::new();
    let action = match (&change.old, &change.new) {
        (None, _) => Some(ChangeAction::CreateTable),
        (_, None) => Some(ChangeAction::DropTable),
        (old, new) if old != new => Some(ChangeAction::AlterTable),
        _ => None,
    };
    if let Some(action) = action {
        let columns = |definition: &Definition| {
            let columns: Vec<String> = definition.columns.iter().map(ToString::to_string).collect();
            Value::scalar(columns.join(", "))
        };
        let old = change.old.as_deref().map(columns);
        let new = change.new.as_deref().map(columns);
        shown.push(DisplayChange { action, key: format!("table.{name}"), old, new });
    }
    for row in &change.rows {
        let key = row_key(name, &change.key_of(row));
        let (action, old, new) = match (&change.old, &row.old, &change.new, &row.new) {
            (Some(before), Some(old), Some(after), Some(new)) => {
                let (old, new) = (cells(before, old), cells(after, new));
                let other = |these: &[(String, String)], those: &[(String, String)]| {
                    these.iter().filter(|cell| !those.contains(cell)).cloned().collect::<Vec<_>>()
                };
                let (old, new) = (other(&old, &new), other(&new, &old));
                if old.is_empty() && new.is_empty() {
                    continue;
                }
                (ChangeAction::UpdateRow, Some(words(&old)), Some(words(&new)))
            }
            (_, None, Some(after), Some(new)) => {
                (ChangeAction::InsertRow, None, Some(words(&cells(after, new))))
            }
            (Some(before), Some(old), _, None) => {
                (ChangeAction::DeleteRow, Some(words(&cells(before, old))), None)
            }
            _ => continue,
        };
        shown.push(DisplayChange { action, key, old, new });
    }
    shown
}

/// The values that a row has, with the names of their columns.
fn cells(table: &Definition, row: &Row) -> Vec<(String, String)> {
    let cells = table.columns.iter().zip(row).filter(|(_, datum)| !datum.is_null());
    cells.map(|(column, datum)| (column.name.to_string(), datum.to_string())).collect()
}

fn words(cells: &[(String, String)]) -> Value {
    let words: Vec<String> = cells.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Value::scalar(words.join(" "))
}

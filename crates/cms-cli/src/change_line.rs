//! A change as a line: the notation of `cms changes`, `commit`, `history` and `diff`.

use cms::model::{Value, quote};
use cms::{ChangeAction, DisplayChange};
use serde_json::{Value as JsonValue, json};

use crate::json;
use crate::paint::Paint;
use crate::table;
use crate::text::text;

/// Writes a change in the notation of `uci changes`, made unambiguous: an addition of a section has a
/// `+` before it, a rename an `@`, a move a `^`.
pub(crate) fn line(change: &DisplayChange, paint: Paint) -> Vec<u8> {
    let key = &change.key;
    let (mark, text): (fn(Paint, &str) -> String, String) = match change.action {
        ChangeAction::CreatePackage => (Paint::added, format!("+{key}")),
        ChangeAction::DropTable | ChangeAction::DeleteRow => (Paint::removed, format!("-{key}")),
        ChangeAction::CreateTable | ChangeAction::InsertRow => (Paint::added, format!("+{key}=")),
        ChangeAction::AlterTable | ChangeAction::UpdateRow => (Paint::changed, format!("{key}=")),
        ChangeAction::AddSection => (Paint::added, format!("+{key}=")),
        ChangeAction::DeletePackage | ChangeAction::DeleteSection | ChangeAction::Unset => {
            (Paint::removed, format!("-{key}"))
        }
        ChangeAction::RenameSection | ChangeAction::RenameOption => (Paint::changed, format!("@{key}=")),
        ChangeAction::MoveSection => (Paint::changed, format!("^{key}=")),
        ChangeAction::RetypeSection => (Paint::changed, format!("{key}=")),
        ChangeAction::Set if change.old.is_none() => (Paint::added, format!("{key}=")),
        ChangeAction::Set => (Paint::changed, format!("{key}=")),
        ChangeAction::AddItem => (Paint::added, format!("{key}+=")),
        ChangeAction::RemoveItem => (Paint::removed, format!("{key}-=")),
    };
    let mut line = mark(paint, &text).into_bytes();
    match change.action {
        ChangeAction::CreatePackage
        | ChangeAction::DeletePackage
        | ChangeAction::DeleteSection
        | ChangeAction::DropTable
        | ChangeAction::DeleteRow
        | ChangeAction::Unset => {}
        ChangeAction::RemoveItem => line.extend(quoted(change.old.as_ref())),
        _ => line.extend(quoted(change.new.as_ref())),
    }
    line
}

/// The same, with what was there before, for those who look back.
pub(crate) fn line_with_old(change: &DisplayChange, paint: Paint) -> Vec<u8> {
    let mut line = line(change, paint);
    let tells_old = matches!(
        change.action,
        ChangeAction::Set
            | ChangeAction::Unset
            | ChangeAction::RetypeSection
            | ChangeAction::UpdateRow
            | ChangeAction::DeleteRow
    );
    if tells_old && let Some(old) = &change.old {
        line.extend_from_slice(paint.faint("  # ").as_bytes());
        line.extend(quoted(Some(old)));
    }
    line
}

/// The change as a program reads it; specified in `docs/json.md`.
pub(crate) fn to_json(change: &DisplayChange) -> JsonValue {
    json!({
        "action": change.action.word(),
        "key": change.key,
        "old": change.old.as_ref().map(json::value),
        "new": change.new.as_ref().map(json::value),
    })
}

fn quoted(value: Option<&Value>) -> Vec<u8> {
    let items: Vec<Vec<u8>> =
        value.map(Value::items).unwrap_or_default().iter().map(|item| quote(item)).collect();
    items.join(&b' ')
}

/// The columns of a table of changes.
pub(crate) fn titles() -> Vec<String> {
    vec![text("title-action"), text("title-key"), text("title-old"), text("title-new")]
}

/// A change as a row of that table.
pub(crate) fn cells(change: &DisplayChange) -> Vec<String> {
    let shown = |value: &Option<Value>| {
        value.as_ref().map(|value| table::cell(&value.items().join(&b' '))).unwrap_or_default()
    };
    vec![change.action.word().to_owned(), change.key.clone(), shown(&change.old), shown(&change.new)]
}

//! What the manual says beyond the help: `man/prose.txt`, which holds texts under ids.
//!
//! A line `= ID` begins a text. In it, empty lines separate paragraphs, `TERM :: WORDS` is an entry of a
//! list, and words in backticks are typed as they stand.

const TEXTS: &str = include_str!("../../man/prose.txt");

/// The text of an id; nothing if there is none.
pub(super) fn of(id: &str) -> &'static str {
    texts().find(|(known, _)| *known == id).map(|(_, text)| text).unwrap_or_default()
}

/// All ids, in their order.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    texts().map(|(id, _)| id)
}

fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    // What stands before the first id is no text.
    TEXTS.split("\n= ").skip(1).filter_map(|text| text.split_once('\n')).map(|(id, text)| (id, text.trim()))
}

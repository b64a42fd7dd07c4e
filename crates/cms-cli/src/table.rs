//! Tables for people: `--format table`, and what `history` shows on a terminal.

use comfy_table::{ContentArrangement, Table, presets};

/// Draws rows under titles, as wide as the terminal.
pub(crate) fn draw(titles: &[String], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(titles);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// Bytes as a cell shows them: text, with what would break a table escaped.
pub(crate) fn cell(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|c| {
            let escaped = c.is_control() && c != '\n';
            let plain = (!escaped).then_some(c);
            plain.into_iter().chain(escaped.then(|| c.escape_default()).into_iter().flatten())
        })
        .collect()
}

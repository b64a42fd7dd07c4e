//! The pages about schemas say what the program does.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::PathBuf;

use cms_model::schema::{Code, rule_table};

fn page(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).join(name)
}

/// Compares a page with what it has to be; with `CMS_WRITE_DOCUMENTS` set, writes it.
fn check(name: &str, wanted: &str) {
    if std::env::var_os("CMS_WRITE_DOCUMENTS").is_some() {
        fs::write(page(name), wanted).unwrap();
    }
    let found = fs::read_to_string(page(name)).unwrap();
    assert!(found == wanted, "docs/{name} is not up to date: run this test with CMS_WRITE_DOCUMENTS=1");
}

#[test]
fn the_index_of_findings_is_that_of_the_program() {
    check("diagnostics.md", &Code::index());
}

#[test]
fn the_table_of_plain_rules_is_that_of_the_program() {
    const ABOVE: &str = "### Plain types\n\n";
    const BELOW: &str = "\nA rule of your own";
    let text = fs::read_to_string(page("schema.md")).unwrap();
    let start = text.find(ABOVE).unwrap() + ABOVE.len();
    let end = text.find(BELOW).unwrap();
    check("schema.md", &format!("{}{}{}", &text[..start], rule_table(), &text[end..]));
}

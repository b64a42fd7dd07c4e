//! Reading the `config migration` sections of a module file.

use super::super::code::{MIGRATION, SCHEMA_VALUE, SQL, STEP};
use super::super::module::Version;
use super::super::place::{Line, Place, head};
use super::super::read::{Reader, holds};
use super::{SchemaVersion, SqlStep, Step};
use crate::Section;

const OPTIONS: &[&str] =
    &["to", "from", "description", "created_at", "step", "rollback", "sql", "rollback_sql"];

/// Reads all migrations of a module, from the oldest version.
pub(in super::super) fn migrations<'a>(
    reader: &mut Reader<'a>,
    sections: &[Section<'a>],
    current: Version,
) -> Vec<SchemaVersion> {
    let mut versions: Vec<SchemaVersion> = Vec::new();
    for section in sections {
        let (version, place) = migration(reader, *section);
        let Some((version, to)) = version.zip(place) else { continue };
        if version.version > current {
            let message = format!("the migration leads to {}, the module is only {current}", version.version);
            reader.fault(to, MIGRATION, message, Some("raise the `version` of the module".to_owned()));
        } else if versions.iter().any(|known| known.version == version.version) {
            let message = format!("a second migration to {}", version.version);
            reader.fault(to, MIGRATION, message, Some("put the steps in one migration".to_owned()));
        } else {
            versions.push(version);
        }
    }
    versions.sort_by_key(|version| version.version);
    versions
}

/// The migration, and the place of its `to`.
fn migration<'a>(reader: &mut Reader<'a>, section: Section<'a>) -> (Option<SchemaVersion>, Option<Place>) {
    let mut version = SchemaVersion::default();
    let (mut to, mut from) = (None, None);
    for line in reader.lines(section) {
        let Some(text) = reader.text(&line) else { continue };
        match Reader::name(&line).as_str() {
            "to" => {
                version.version = version_of(reader, &line, &text);
                to = Some(line.value_place());
            }
            "from" => {
                version.migration.from = Some(version_of(reader, &line, &text));
                from = Some(line.value_place());
            }
            "description" => version.description = Some(text),
            "created_at" if ["date", "datetime"].iter().any(|kind| holds(kind, &text)) => {
                version.created_at = Some(text);
            }
            "created_at" => reader.wrong(&line, "a date, or a date and time"),
            "step" => version.migration.steps.extend(step_of(reader, &line, &text)),
            "rollback" => {
                let steps = step_of(reader, &line, &text);
                version.migration.rollback.get_or_insert_default().extend(steps);
            }
            "sql" => version.migration.sql.extend(sql_of(reader, &line, &text)),
            "rollback_sql" => {
                let sql = sql_of(reader, &line, &text);
                version.migration.rollback_sql.get_or_insert_default().extend(sql);
            }
            _ => reader.unknown_option(&line, "migration", OPTIONS),
        }
    }
    if to.is_none() {
        let hint = Some("write `option to 'MAJOR.MINOR.PATCH'`".to_owned());
        reader.fault(head(reader.package, section), MIGRATION, "a migration that leads to no version", hint);
        return (None, None);
    }
    if let (Some(begins), Some(place)) = (version.migration.from, from)
        && begins >= version.version
    {
        let message = format!("the migration begins with {begins}, which is not below {}", version.version);
        reader.fault(place, MIGRATION, message, None);
    }
    (Some(version), to)
}

fn version_of(reader: &mut Reader<'_>, line: &Line<'_>, text: &str) -> Version {
    Version::parse(text).unwrap_or_else(|| {
        let message = format!("`{}` is `{text}`, not a version such as 1.2.0", Reader::name(line));
        reader.fault(line.value_place(), SCHEMA_VALUE, message, None);
        Version::default()
    })
}

fn step_of(reader: &mut Reader<'_>, line: &Line<'_>, text: &str) -> Option<Step> {
    match Step::parse(text) {
        Ok(step) => Some(step),
        Err(error) => {
            reader.fault(line.part_place(&error.at), STEP, error.message, error.hint);
            None
        }
    }
}

fn sql_of(reader: &mut Reader<'_>, line: &Line<'_>, text: &str) -> Option<SqlStep> {
    match SqlStep::parse(text) {
        Ok(step) => Some(step),
        Err(error) => {
            reader.fault(line.part_place(&error.at), SQL, error.message, error.hint);
            None
        }
    }
}

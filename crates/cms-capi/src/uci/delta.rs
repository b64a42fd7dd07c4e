//! Staged changes: applied to a draft, kept in files.

use std::path::Path;

use cms::model::{DeltaLine, DeltaOperation, DeltaReader, Draft, Name, Selector, TypeName, Value};

use super::code::{Code, Result};
use super::files::{Locked, is_to_trust, make_folder};

/// Applies a change, and says whether anything is different now.
pub fn apply(draft: &mut Draft, line: &DeltaLine) -> Result<bool> {
    let section = Selector::Named(line.section.clone());
    let value = line.value.as_deref().unwrap_or_default();
    let is_there = draft.resolve(&section).is_some();
    let outcome = match (line.operation, &line.option) {
        (DeltaOperation::Set | DeltaOperation::Add, None) if value.is_empty() => {
            if !is_there {
                return Ok(false);
            }
            draft.delete_section(&section)?
        }
        (DeltaOperation::Add, None) if !is_there => {
            let id = draft.add(&type_name(value)?)?;
            draft.pin(id, &line.section);
            return Ok(true);
        }
        (DeltaOperation::Set | DeltaOperation::Add, None) => draft.set_type(&section, &type_name(value)?)?,
        (_, _) if !is_there => {
            return Err(match line.operation {
                DeltaOperation::Delete | DeltaOperation::Rename | DeltaOperation::Reorder => Code::NotFound,
                _ => Code::Invalid,
            });
        }
        (DeltaOperation::Set | DeltaOperation::Add, Some(option)) => {
            draft.set_option(&section, option, Value::scalar(value))?
        }
        (DeltaOperation::Delete, None) => draft.delete_section(&section)?,
        (DeltaOperation::Delete, Some(option)) => {
            let is_list = draft.get(&section, Some(option)).ok_or(Code::NotFound)?.is_list();
            if is_list && !value.is_empty() {
                draft.delete_item(&section, option, number(value)?)?
            } else {
                draft.delete_option(&section, option)?
            }
        }
        (DeltaOperation::Rename, option) => {
            let name = Name::try_from(value).map_err(|_| Code::Invalid)?;
            match option {
                None => draft.rename_section(&section, &name)?,
                Some(option) => draft.rename_option(&section, option, &name)?,
            }
        }
        (DeltaOperation::Reorder, _) => draft.reorder(&section, number(value).unwrap_or(0))?,
        (DeltaOperation::AddList, Some(option)) => draft.add_list(&section, option, value)?,
        (DeltaOperation::DelList, Some(option)) => draft.del_list(&section, option, value)?,
        (DeltaOperation::AddList | DeltaOperation::DelList, None) => return Err(Code::Invalid),
    };
    Ok(outcome.changed)
}

fn type_name(value: &[u8]) -> Result<TypeName> {
    TypeName::try_from(value).map_err(|_| Code::Invalid)
}

fn number(value: &[u8]) -> Result<i64> {
    std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok()).ok_or(Code::Invalid)
}

/// What is staged for a package in a folder; nothing if there is no such file.
pub fn read(folder: &Path, package: &str) -> Result<Vec<DeltaLine>> {
    let path = folder.join(package);
    if !is_to_trust(folder, &path)? {
        return Ok(Vec::new());
    }
    let text = super::files::read(&path)?.unwrap_or_default();
    Ok(DeltaLine::parse(&text, package).collect())
}

/// Appends changes to the file of a package.
pub fn append(folder: &Path, package: &str, config: &Path, mode: u32, lines: &[DeltaLine]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    make_folder(folder, config)?;
    let mut file = Locked::open(&folder.join(package), Some(mode))?;
    let known = file.read()?;
    let mut length = known.len();
    let mut text = Vec::new();
    if let Some(last) = DeltaReader::new(&known, package).last() {
        // What was cut short within quotes was never acknowledged, and would swallow what follows.
        if last.torn {
            length -= last.raw.len();
        } else if !known.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    for line in lines {
        line.write(package, &mut text).map_err(|_| Code::Io)?;
    }
    file.append(length, &text)
}

/// Whether a change is about what is reverted.
pub fn is_about(line: &DeltaLine, section: Option<&str>, option: Option<&str>) -> bool {
    section.is_none_or(|section| line.section == *section)
        && option.is_none_or(|option| line.option.as_ref().is_some_and(|own| *own == *option))
}

/// Drops changes from the file of a package.
pub fn revert(folder: &Path, package: &str, section: Option<&str>, option: Option<&str>) -> Result<()> {
    let path = folder.join(package);
    if !is_to_trust(folder, &path)? {
        return Ok(());
    }
    let mut file = Locked::open(&path, None)?;
    let text = file.read()?;
    let mut kept = Vec::with_capacity(text.len());
    for entry in DeltaReader::new(&text, package) {
        // Damaged lines stay, unless all of the package is meant.
        let goes = match &entry.line {
            Some(line) => is_about(line, section, option),
            None => section.is_none(),
        };
        if !goes {
            kept.extend_from_slice(entry.raw);
        }
    }
    match kept.len() {
        0 => file.clear(),
        length if length == text.len() => Ok(()),
        _ => file.replace(&kept),
    }
}

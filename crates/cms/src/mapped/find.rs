//! Finding a section or an option in the segment.

use cms_model::{Key, PackageName, SectionId, Selector, Value, generated_name, parse_generated};
use cms_segment::{Group, Result, Snapshot};

use super::layout::{read_section, read_value, section_path};

/// A section as the segment has it.
pub(crate) struct Found<'a> {
    pub id: SectionId,
    pub kind: &'a str,
    pub leaf: &'a [u8],
}

/// Finds the section that a selector means.
pub(crate) fn section<'a>(
    snapshot: &'a Snapshot,
    package: &PackageName,
    selector: &'a Selector,
) -> Result<Option<Found<'a>>> {
    let Some(sections) = snapshot.group(package.as_bytes())? else { return Ok(None) };
    match selector {
        Selector::Named(name) => {
            if let Some((id, kind)) = sections.get(name.as_bytes())?.as_ref().and_then(read_section) {
                return Ok(Some(Found { id, kind, leaf: name.as_bytes() }));
            }
            // What uci calls an anonymous section says where it stands.
            let Some((ordinal, _)) = parse_generated(name) else { return Ok(None) };
            let Some(position) = ordinal.checked_sub(1) else { return Ok(None) };
            let found = at(&sections, position as u64)?;
            Ok(found.filter(|found| {
                found.leaf.starts_with(b"@") && generated_name(ordinal, found.kind.as_bytes()) == *name
            }))
        }
        Selector::Nth { kind: None, index } => match position(*index, sections.len()?) {
            Some(position) => at(&sections, position),
            None => Ok(None),
        },
        Selector::Nth { kind: Some(kind), index } => {
            let mut found = Vec::new();
            for section in sections.iter() {
                let (leaf, entry) = section?;
                let Some((id, other)) = read_section(&entry) else { continue };
                if other != kind.as_str() {
                    continue;
                }
                if usize::try_from(*index) == Ok(found.len()) {
                    return Ok(Some(Found { id, kind: other, leaf }));
                }
                found.push((id, other, leaf));
            }
            let found = position(*index, found.len() as u64).and_then(|index| found.get(index as usize));
            Ok(found.map(|(id, kind, leaf)| Found { id: *id, kind, leaf }))
        }
    }
}

fn at<'a>(sections: &Group<'a>, position: u64) -> Result<Option<Found<'a>>> {
    let Some((leaf, entry)) = sections.at(position)? else { return Ok(None) };
    Ok(read_section(&entry).map(|(id, kind)| Found { id, kind, leaf }))
}

/// Turns an index that may count from the end into a position.
fn position(index: i64, count: u64) -> Option<u64> {
    match u64::try_from(index) {
        Ok(index) => Some(index).filter(|index| *index < count),
        Err(_) => count.checked_sub(index.unsigned_abs()),
    }
}

/// Reads the value of an option, or the type of a section.
pub(crate) fn value(snapshot: &Snapshot, key: &Key) -> Result<Option<Value>> {
    let Some(selector) = &key.section else { return Ok(None) };
    let Some(found) = section(snapshot, &key.package, selector)? else { return Ok(None) };
    match &key.option {
        None => Ok(Some(Value::scalar(found.kind))),
        Some(option) => {
            let Ok(leaf) = std::str::from_utf8(found.leaf) else { return Ok(None) };
            let path = section_path(&key.package, leaf);
            match snapshot.get_in(path.as_bytes(), option.as_bytes())? {
                Some(value) => read_value(&value),
                None => Ok(None),
            }
        }
    }
}

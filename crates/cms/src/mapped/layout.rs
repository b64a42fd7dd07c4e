//! Where things of a store lie in its segment (`docs/segment-view.md`).
//!
//! | path | leaf | value |
//! | --- | --- | --- |
//! | empty | `\x01revision` | the revision of the log that the segment shows |
//! | empty | `\x01text` | how many bytes of text the packages have together |
//! | `PACKAGE.\x01` | `note` | what the package's file holds, as the log notes it; empty where nothing is known |
//! | `PACKAGE` | SECTION | id (LEB128) and type of the section; the entries stand in the order of the sections |
//! | `PACKAGE.SECTION` | option | a string, or an array of strings |
//!
//! SECTION is the name of a section, or `@` and its id in hexadecimal digits: what `uci` calls an anonymous section depends on
//! its position.

use cms_log::FileView;
use cms_model::{PackageName, Section, SectionId, Value};
use cms_segment::{Array, Heap, Kind, Scalar, Value as Mapped};

/// The leaf, beside no path, under which the revision lies.
pub(crate) const REVISION: &[u8] = b"\x01revision";

/// The leaf, beside no path, under which the length of all texts lies.
pub(crate) const TEXT: &[u8] = b"\x01text";

/// The leaf under which the note on a package's file lies.
pub(crate) const NOTE: &[u8] = b"note";

/// Returns the path beside the sections of a package.
pub(crate) fn note_path(package: &PackageName) -> Vec<u8> {
    format!("{package}.\x01").into_bytes()
}

/// Returns the note as it is kept.
pub(crate) fn note_of(view: Option<&FileView>) -> Vec<u8> {
    view.map(FileView::encode).unwrap_or_default()
}

/// Returns the leaf of a section.
pub(crate) fn leaf_of(id: SectionId, name: Option<&str>) -> String {
    match name {
        Some(name) => name.to_owned(),
        None => format!("@{:x}", id.0),
    }
}

/// Returns the leaf of a section.
pub(crate) fn leaf(section: &Section<'_>) -> String {
    leaf_of(section.id(), section.name())
}

/// Returns the path of a section's options.
pub(crate) fn section_path(package: &PackageName, leaf: &str) -> String {
    format!("{package}.{leaf}")
}

/// Returns the entry of a section.
pub(crate) fn section_entry(id: SectionId, kind: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(kind.len() + 2);
    let mut rest = id.0;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend_from_slice(kind.as_bytes());
    bytes
}

/// Reads the entry of a section.
pub(crate) fn read_section<'a>(entry: &Mapped<'a>) -> Option<(SectionId, &'a str)> {
    let Mapped::Bytes(bytes) = entry else { return None };
    let mut id = 0_u64;
    let mut end = None;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        id |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            end = Some(place + 1);
            break;
        }
    }
    Some((SectionId(id), std::str::from_utf8(bytes.get(end?..)?).ok()?))
}

/// Hands a value on in the form that it has in the segment.
pub(crate) fn with_value<T>(
    value: &Value,
    hand_on: impl FnOnce(Mapped<'_>) -> cms_segment::Result<T>,
) -> cms_segment::Result<T> {
    match value {
        Value::Scalar(bytes) => hand_on(Mapped::String(bytes)),
        Value::List(items) => {
            let mut heap = Heap::new();
            let mut array = Array::new(Kind::String);
            let items: Vec<Scalar<'_>> = items.iter().map(|item| Scalar::String(item)).collect();
            array.extend(&mut heap, &items)?;
            let record = array.encode();
            hand_on(Mapped::Array(cms_segment::ArrayRef::new(&heap, &record)?))
        }
    }
}

/// Reads a value; `None` if it is nothing that an option can have.
pub(crate) fn read_value(value: &Mapped<'_>) -> cms_segment::Result<Option<Value>> {
    match value {
        Mapped::String(bytes) => Ok(Some(Value::Scalar(bytes.to_vec()))),
        Mapped::Array(array) => {
            let mut items = Vec::new();
            for item in array.iter() {
                match item? {
                    Scalar::String(bytes) => items.push(bytes.to_vec()),
                    _ => return Ok(None),
                }
            }
            Ok(Some(Value::List(items)))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_as_they_were_written() {
        for id in [0, 1, 127, 128, 1 << 40, u64::MAX] {
            let entry = section_entry(SectionId(id), "wifi-iface");
            assert_eq!(read_section(&Mapped::Bytes(&entry)), Some((SectionId(id), "wifi-iface")));
        }
        assert_eq!(read_section(&Mapped::Bytes(&[])), None);
        assert_eq!(read_section(&Mapped::Bytes(&[0x80; 20])), None);
        assert_eq!(read_section(&Mapped::Int(1)), None);
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        for value in [Value::scalar(""), Value::scalar("a b"), Value::list(["x"]), Value::list(["", "y z"])] {
            let read = with_value(&value, |mapped| read_value(&mapped)).unwrap();
            assert_eq!(read, Some(value));
        }
    }
}

//! The bytes of tables (`docs/log-format.md`, section 11).

use std::sync::Arc;

use cms_model::table::{Column, ColumnType, Datum, Definition, Index, Row, RowChange, TableChange};

use crate::{
    check::checksum,
    wire::{Decoded, Malformed, Reader, Writer},
};

const ROWS: u8 = 0;
const MADE: u8 = 1;
const ALTERED: u8 = 2;
const DROPPED: u8 = 3;

/// Writes what a commit did to a table.
pub(crate) fn write_change(writer: &mut Writer, change: &TableChange) {
    let (kind, written) = match (&change.old, &change.new) {
        (Some(old), Some(new)) if old == new => (ROWS, [Some(old), None]),
        (Some(old), Some(new)) => (ALTERED, [Some(old), Some(new)]),
        (Some(old), None) => (DROPPED, [Some(old), None]),
        (None, new) => (MADE, [None, new.as_ref()]),
    };
    writer.u8(kind);
    written.into_iter().flatten().for_each(|definition| write_definition(writer, definition));
    writer.list(&change.rows, |writer, row| {
        writer.option(row.old.as_ref(), write_row);
        writer.option(row.new.as_ref(), write_row);
    });
}

/// Reads what a commit did to a table.
pub(crate) fn read_change(reader: &mut Reader<'_>) -> Decoded<TableChange> {
    let definition = |reader: &mut Reader<'_>| read_definition(reader).map(Arc::new);
    let (old, new) = match reader.u8()? {
        ROWS => {
            let definition = definition(reader)?;
            (Some(definition.clone()), Some(definition))
        }
        MADE => (None, Some(definition(reader)?)),
        ALTERED => (Some(definition(reader)?), Some(definition(reader)?)),
        DROPPED => (Some(definition(reader)?), None),
        _ => return Err(Malformed("a change of a table is of an unknown kind")),
    };
    let rows = reader.list(|reader| {
        let side = |reader: &mut Reader<'_>, definition: &Option<Arc<Definition>>| {
            let row = reader.option(read_row)?;
            match (&row, definition) {
                (Some(row), Some(definition)) if row.len() == definition.columns.len() => Ok(()),
                (Some(_), _) => Err(Malformed("a row has another number of values than its table columns")),
                (None, _) => Ok(()),
            }?;
            Ok(row)
        };
        let row = RowChange { old: side(reader, &old)?, new: side(reader, &new)? };
        match row {
            RowChange { old: None, new: None } => Err(Malformed("a change of a row is none")),
            row => Ok(row),
        }
    })?;
    Ok(TableChange { old, new, rows })
}

/// Encodes a definition as its note in the log.
pub(crate) fn store_definition(definition: &Definition) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u32(0);
    write_definition(&mut writer, definition);
    let crc = checksum(&writer.0[4..]);
    writer.0[..4].copy_from_slice(&crc.to_le_bytes());
    writer.0
}

/// Decodes the note of a definition.
pub(crate) fn restore_definition(stored: &[u8]) -> Decoded<Definition> {
    let mut reader = Reader(stored);
    if reader.u32()? != checksum(reader.0) {
        return Err(Malformed("its checksum does not agree"));
    }
    let definition = read_definition(&mut reader)?;
    reader.end()?;
    Ok(definition)
}

pub(crate) fn write_definition(writer: &mut Writer, definition: &Definition) {
    writer.bytes(definition.name.as_str().as_bytes());
    writer.list(&definition.columns, |writer, column| {
        writer.bytes(column.name.as_str().as_bytes());
        writer.u8(ColumnType::ALL.iter().position(|kind| *kind == column.kind).unwrap_or_default() as u8);
        writer.bytes(column.rules.as_bytes());
    });
    writer.list(&definition.key, |writer, column| writer.varint(*column as u64));
    writer.list(&definition.indexes, |writer, index| {
        writer.bool(index.unique);
        writer.list(&index.columns, |writer, column| writer.varint(*column as u64));
    });
}

pub(crate) fn read_definition(reader: &mut Reader<'_>) -> Decoded<Definition> {
    let name = reader.name()?;
    let columns = reader.list(|reader| {
        let name = reader.name()?;
        let kind = ColumnType::ALL.get(usize::from(reader.u8()?)).copied();
        let kind = kind.ok_or(Malformed("a column is of an unknown type"))?;
        Ok(Column { name, kind, rules: reader.text()? })
    })?;
    let number = |reader: &mut Reader<'_>| {
        let number = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
        if number < columns.len() { Ok(number) } else { Err(Malformed("a table has no such column")) }
    };
    let key = reader.list(number)?;
    let indexes = reader.list(|reader| {
        let unique = reader.bool()?;
        Ok(Index { unique, columns: reader.list(number)? })
    })?;
    if key.is_empty() {
        return Err(Malformed("a table has no key"));
    }
    // Its rules were checked when it was made; a program that knows other rules must still be able to read the rows.
    Ok(Definition::unchecked(name, columns, key, indexes))
}

pub(crate) fn write_row(writer: &mut Writer, row: &Row) {
    writer.list(row, |writer, datum| match datum {
        Datum::Null => writer.u8(0),
        Datum::Text(text) => {
            writer.u8(1);
            writer.bytes(text.as_bytes());
        }
        Datum::Int(number) => {
            writer.u8(2);
            writer.zigzag(*number);
        }
        Datum::Float(number) => {
            writer.u8(3);
            writer.0.extend_from_slice(&number.to_le_bytes());
        }
        Datum::Bool(value) => writer.u8(if *value { 5 } else { 4 }),
        Datum::Blob(bytes) => {
            writer.u8(6);
            writer.bytes(bytes);
        }
        Datum::Time(seconds) => {
            writer.u8(7);
            writer.zigzag(*seconds);
        }
    });
}

pub(crate) fn read_row(reader: &mut Reader<'_>) -> Decoded<Row> {
    reader.list(|reader| {
        Ok(match reader.u8()? {
            0 => Datum::Null,
            1 => Datum::Text(reader.text()?),
            2 => Datum::Int(reader.zigzag()?),
            3 => {
                let bytes = <[u8; 8]>::try_from(reader.take(8)?).map_err(|_| Malformed("it is cut short"))?;
                Datum::Float(f64::from_le_bytes(bytes))
            }
            4 => Datum::Bool(false),
            5 => Datum::Bool(true),
            6 => Datum::Blob(reader.bytes()?.to_vec()),
            7 => Datum::Time(reader.zigzag()?),
            _ => return Err(Malformed("a value is of an unknown type")),
        })
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cms_model::table::TableName;
    use proptest::{collection::vec, option, prelude::*, sample::subsequence};

    fn datum() -> impl Strategy<Value = Datum> {
        prop_oneof![
            Just(Datum::Null),
            ".{0,8}".prop_map(Datum::Text),
            any::<i64>().prop_map(Datum::Int),
            (-1e300..1e300f64).prop_map(Datum::Float),
            any::<bool>().prop_map(Datum::Bool),
            vec(any::<u8>(), 0..8).prop_map(Datum::Blob),
            any::<i64>().prop_map(Datum::Time),
        ]
    }

    fn definition(name: TableName) -> impl Strategy<Value = Arc<Definition>> {
        let kinds = vec((0..6usize, prop_oneof![Just(""), Just("required"), Just("len:1,9")]), 1..5);
        kinds.prop_flat_map(move |kinds| {
            let columns: Vec<Column> = kinds
                .into_iter()
                .enumerate()
                .map(|(number, (kind, rules))| {
                    let name = format!("c{number}");
                    Column {
                        name: name.as_bytes().try_into().unwrap(),
                        kind: ColumnType::ALL[kind],
                        rules: rules.to_owned(),
                    }
                })
                .collect();
            let name = name.clone();
            let all: Vec<usize> = (0..columns.len()).collect();
            let some = move || subsequence(all.clone(), 1..=all.len());
            let indexes = vec((any::<bool>(), some()), 0..3);
            (some(), indexes).prop_map(move |(key, indexes)| {
                let indexes =
                    indexes.into_iter().map(|(unique, columns)| Index { unique, columns }).collect();
                Arc::new(Definition::unchecked(name.clone(), columns.clone(), key, indexes))
            })
        })
    }

    /// Any change of a table.
    pub(crate) fn change() -> impl Strategy<Value = TableChange> {
        "[a-z]{1,6}[0-9]".prop_flat_map(|name| {
            let name = TableName::new(&name).unwrap();
            let kinds = (definition(name.clone()), definition(name), 0..4u8);
            kinds.prop_flat_map(|(old, new, kind)| {
                let (old, new) = match kind {
                    ROWS => (Some(old.clone()), Some(old)),
                    MADE => (None, Some(new)),
                    ALTERED => (Some(old), Some(new)),
                    _ => (Some(old), None),
                };
                let row = |definition: &Option<Arc<Definition>>| match definition {
                    Some(definition) => {
                        let count = definition.columns.len();
                        option::of(vec(datum(), count..=count)).boxed()
                    }
                    None => Just(None).boxed(),
                };
                let rows = (row(&old), row(&new)).prop_map(|(old, new)| RowChange { old, new });
                vec(rows, 0..5).prop_map(move |rows| {
                    let rows = rows.into_iter().filter(|row| row.old.is_some() || row.new.is_some());
                    TableChange { old: old.clone(), new: new.clone(), rows: rows.collect() }
                })
            })
        })
    }

    proptest! {
        #[test]
        fn a_definition_comes_back_as_it_was(definition in definition(TableName::new("t").unwrap())) {
            let mut stored = store_definition(&definition);
            prop_assert_eq!(&restore_definition(&stored).unwrap(), &*definition);
            let last = stored.len() - 1;
            stored[last] ^= 1;
            prop_assert!(restore_definition(&stored).is_err());
        }
    }
}

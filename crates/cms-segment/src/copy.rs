//! Values of many pieces, taken from one space to another.

use crate::{
    Array, Error, Result, Source, Space, Value,
    error::damaged,
    value::{self, GREATEST_VALUE},
};

/// Appends the record of a value, after putting what it consists of into the space.
pub(crate) fn encode(value: Value<'_>, space: &mut dyn Space, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Array(array) => {
            value::encode_array(&Array::copy(space, array)?.encode(), out);
        }
        Value::Table(table) => {
            let copy = table.open("")?.copy(space, table.source())?;
            value::encode_table(&copy.encode(), out);
        }
        Value::String(bytes) | Value::Bytes(bytes) if bytes.len() > GREATEST_VALUE => {
            return Err(Error::TooLong { what: "a value", length: bytes.len(), greatest: GREATEST_VALUE });
        }
        plain => value::encode(plain, out),
    }
    Ok(())
}

/// The record at a place as it has to be in another space.
pub(crate) fn record<S: Source>(
    source: &S,
    place: u64,
    space: &mut dyn Space,
    out: &mut Vec<u8>,
) -> Result<()> {
    let length = value::record_length(source, place)?;
    let bytes = source.bytes(place, length).ok_or_else(|| damaged("a value lies outside"))?;
    if !value::has_pieces(bytes) {
        out.extend_from_slice(bytes);
        return Ok(());
    }
    match value::decode(source, place)? {
        Some(value) => encode(value, space, out),
        None => Err(damaged("a deleted value has pieces")),
    }
}

//! Values and their records.
//!
//! A record is a header byte, then what the byte says; its length is known from its first bytes alone.
//!
//! | header | then | value |
//! | --- | --- | --- |
//! | `00`-`7f` | that many bytes, a NUL | string |
//! | `80` | length (varint), bytes, a NUL | string |
//! | `90`-`98` | 0 to 8 bytes, little endian, sign extended | integer |
//! | `a0` | 8 bytes, little endian | float |
//! | `a1`, `a2` | nothing | false, true |
//! | `b0` | length (varint), bytes | bytes |
//! | `b1`, `b2` | length (varint), bytes | array, table |
//! | `ff` | nothing | the entry is deleted |

use std::fmt;

use crate::{ArrayRef, Kind, Result, Source, TableRef, error::damaged};

/// A typed value, borrowed from the map it was read from or from the caller that stores it.
///
/// ```
/// use cms_segment::Value;
///
/// let value = Value::String(b"static");
/// assert_eq!(value.as_str(), Some("static"));
/// assert_eq!(value.as_int(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text of any bytes. In the map a NUL stands behind it, for C.
    String(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Bytes, without a NUL behind them.
    Bytes(&'a [u8]),
    /// An array.
    Array(ArrayRef<'a>),
    /// A table.
    Table(TableRef<'a>),
}

impl<'a> Value<'a> {
    /// The type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Value::String(_) => Kind::String,
            Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            Value::Bool(_) => Kind::Bool,
            Value::Bytes(_) => Kind::Bytes,
            Value::Array(_) => Kind::Array,
            Value::Table(_) => Kind::Table,
        }
    }

    /// The array that a record describes, whose pieces lie in `source`.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) if the record describes none.
    pub fn array(source: &'a dyn Source, record: &'a [u8]) -> Result<Value<'a>> {
        ArrayRef::new(source, record).map(Value::Array)
    }

    /// The table that a record describes, whose pieces lie in `source`.
    pub fn table(source: &'a dyn Source, record: &'a [u8]) -> Value<'a> {
        Value::Table(TableRef::new(source, record))
    }

    /// The bytes of a string or of bytes.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Value::String(bytes) | Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text of a string, if it is UTF-8.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Value::String(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The number of an integer.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The number of a float.
    pub fn as_float(&self) -> Option<f64> {
        match *self {
            Value::Float(number) => Some(number),
            _ => None,
        }
    }

    /// The truth of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<ArrayRef<'a>> {
        match *self {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn as_table(&self) -> Option<TableRef<'a>> {
        match *self {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident($convert:expr)),* $(,)?) => { $(
        impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Self {
                Value::$variant($convert(value))
            }
        }
    )* };
}

from! {
    &'a str => String(str::as_bytes),
    &'a [u8] => String(std::convert::identity),
    i64 => Int(std::convert::identity),
    f64 => Float(std::convert::identity),
    bool => Bool(std::convert::identity),
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Value::String(value)
    }
}

impl PartialEq for ArrayRef<'_> {
    /// Whether both have equal elements in the same order.
    fn eq(&self, other: &Self) -> bool {
        let mut others = other.iter();
        self.kind() == other.kind()
            && self.len() == other.len()
            && self.iter().all(|element| matches!((element, others.next()), (Ok(a), Some(Ok(b))) if a == b))
    }
}

impl fmt::Debug for ArrayRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

pub(crate) const LONG_STRING: u8 = 0x80;
const INT: u8 = 0x90;
const FLOAT: u8 = 0xa0;
const FALSE: u8 = 0xa1;
const TRUE: u8 = 0xa2;
const BYTES: u8 = 0xb0;
const ARRAY: u8 = 0xb1;
const TABLE: u8 = 0xb2;

/// The record of a deleted entry.
pub(crate) const DELETED: u8 = 0xff;

/// The greatest length of a value in bytes.
pub(crate) const GREATEST_VALUE: usize = u32::MAX as usize / 2;

/// Appends the record of a value.
pub(crate) fn encode(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::String(bytes) => {
            match u8::try_from(bytes.len()) {
                Ok(short) if short < LONG_STRING => out.push(short),
                _ => {
                    out.push(LONG_STRING);
                    encode_length(bytes.len(), out);
                }
            }
            out.extend_from_slice(bytes);
            out.push(0);
        }
        Value::Int(number) => {
            let bytes = number.to_le_bytes();
            let mut len = 8;
            while len > 0 && sign_extend(&bytes[..len - 1]) == number {
                len -= 1;
            }
            out.push(INT + len as u8);
            out.extend_from_slice(&bytes[..len]);
        }
        Value::Float(number) => {
            out.push(FLOAT);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Bool(truth) => out.push(if truth { TRUE } else { FALSE }),
        Value::Bytes(bytes) => encode_long(BYTES, bytes, out),
        // Their pieces lie in a space: `encode_array` and `encode_table` name what was written there.
        Value::Array(_) | Value::Table(_) => out.push(DELETED),
    }
}

/// Whether a record may refer to pieces that lie elsewhere.
#[inline]
pub(crate) fn has_pieces(record: &[u8]) -> bool {
    matches!(record.first(), Some(&(ARRAY | TABLE)))
}

/// Appends the record of an array whose pieces lie in the segment, or which has none.
pub(crate) fn encode_array(root: &[u8], out: &mut Vec<u8>) {
    encode_long(ARRAY, root, out);
}

/// Appends the record of a table whose pieces lie in the segment.
pub(crate) fn encode_table(root: &[u8], out: &mut Vec<u8>) {
    encode_long(TABLE, root, out);
}

fn encode_long(header: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(header);
    encode_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends a length as a varint: seven bits to a byte, the lowest first.
pub(crate) fn encode_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn sign_extend(bytes: &[u8]) -> i64 {
    let mut word = match bytes.last() {
        Some(high) if high & 0x80 != 0 => [0xff; 8],
        _ => [0; 8],
    };
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}

/// The value of the record at an offset; nothing if the record says that the entry is deleted.
#[inline(always)]
pub(crate) fn decode<S: Source>(source: &S, offset: u64) -> Result<Option<Value<'_>>> {
    let Some(&[header]) = source.bytes(offset, 1) else {
        return Err(damaged("a value lies outside"));
    };
    if header < LONG_STRING {
        let bytes = source.bytes(offset + 1, usize::from(header));
        return bytes.map(|bytes| Some(Value::String(bytes))).ok_or_else(|| damaged("a string lies outside"));
    }
    decode_other(source, offset, header)
}

#[inline(never)]
fn decode_other<S: Source>(source: &S, offset: u64, header: u8) -> Result<Option<Value<'_>>> {
    let outside = || damaged("a value lies outside");
    let value = match header {
        LONG_STRING | BYTES | ARRAY | TABLE => {
            let (length, width) = decode_length(source, offset + 1)?;
            let bytes = source.bytes(offset + 1 + width, length).ok_or_else(outside)?;
            match header {
                LONG_STRING => Value::String(bytes),
                BYTES => Value::Bytes(bytes),
                ARRAY => Value::Array(ArrayRef::new(source, bytes)?),
                _ => Value::Table(TableRef::new(source, bytes)),
            }
        }
        INT..=0x98 => {
            Value::Int(sign_extend(source.bytes(offset + 1, usize::from(header - INT)).ok_or_else(outside)?))
        }
        FLOAT => {
            let bytes = source.bytes(offset + 1, 8).and_then(|bytes| bytes.try_into().ok());
            Value::Float(f64::from_le_bytes(bytes.ok_or_else(outside)?))
        }
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        DELETED => return Ok(None),
        _ => return Err(damaged("a value of no known kind")),
    };
    Ok(Some(value))
}

/// The bytes that the record at an offset takes.
pub(crate) fn record_length<S: Source>(source: &S, offset: u64) -> Result<usize> {
    let Some(&[header]) = source.bytes(offset, 1) else {
        return Err(damaged("a value lies outside"));
    };
    Ok(match header {
        0..LONG_STRING => usize::from(header) + 2,
        LONG_STRING | BYTES | ARRAY | TABLE => {
            let (length, width) = decode_length(source, offset + 1)?;
            1 + width as usize + length + usize::from(header == LONG_STRING)
        }
        INT..=0x98 => 1 + usize::from(header - INT),
        FLOAT => 9,
        FALSE | TRUE | DELETED => 1,
        _ => return Err(damaged("a value of no known kind")),
    })
}

/// The length that a varint at an offset tells, and the bytes that the varint takes.
#[inline]
pub(crate) fn decode_length<S: Source + ?Sized>(source: &S, offset: u64) -> Result<(usize, u64)> {
    let mut length = 0;
    for width in 0..5 {
        let Some(&[byte]) = source.bytes(offset + width, 1) else {
            return Err(damaged("a length lies outside"));
        };
        length |= usize::from(byte & 0x7f) << (7 * width);
        if byte < 0x80 {
            return if length <= GREATEST_VALUE {
                Ok((length, width + 1))
            } else {
                Err(damaged("a length beyond every segment"))
            };
        }
    }
    Err(damaged("a length of too many bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Space;
    use crate::space::memory::Memory;

    #[track_caller]
    fn check(value: Value<'_>, length: usize) {
        let mut record = Vec::new();
        encode(value, &mut record);
        assert_eq!(record.len(), length);
        let mut memory = Memory::new();
        let offset = memory.append(&record).unwrap();
        assert_eq!(decode(&memory, offset).unwrap(), Some(value));
        assert_eq!(record_length(&memory, offset).unwrap(), length);
        // Cut short, a record is never read over its end.
        for cut in 0..length {
            let mut memory = Memory::new();
            let offset = memory.append(&record[..cut]).unwrap();
            match (decode(&memory, offset), value) {
                (Err(_), _) => {}
                // The NUL is not part of the value.
                (Ok(found), Value::String(_)) => assert_eq!((found, cut), (Some(value), length - 1)),
                (Ok(found), _) => panic!("{found:?} from {cut} of {length} bytes"),
            }
        }
    }

    #[test]
    fn records_take_few_bytes() {
        check(Value::String(b""), 2);
        check(Value::String(b"static"), 8);
        check(Value::String(&[b'x'; 127]), 129);
        check(Value::String(&[b'x'; 128]), 1 + 2 + 128 + 1);
        check(Value::Int(0), 1);
        check(Value::Int(-1), 2);
        check(Value::Int(127), 2);
        check(Value::Int(128), 3);
        check(Value::Int(i64::MIN), 9);
        check(Value::Int(i64::MAX), 9);
        check(Value::Float(0.5), 9);
        check(Value::Bool(true), 1);
        check(Value::Bytes(b"\0\xff"), 4);
    }

    #[test]
    fn unknown_records_are_damage() {
        for header in [0x81, 0x99, 0xa3, 0xb3, 0xfe] {
            let mut memory = Memory::new();
            let offset = memory.append(&[header, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
            assert!(decode(&memory, offset).is_err(), "{header:x}");
            assert!(record_length(&memory, offset).is_err(), "{header:x}");
        }
        let mut memory = Memory::new();
        let offset = memory.append(&[0xb0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).unwrap();
        assert!(decode(&memory, offset).is_err());
    }
}

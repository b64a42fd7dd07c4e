//! The values that have no parts: what arrays hold and rows consist of.

use std::{cmp::Ordering, fmt};

use crate::{Error, Result, Source, Space, Value};

/// The type of a [`Value`]; the first five are those of a [`Scalar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Bytes that are meant to be read as text.
    String = 1,
    /// Bytes of any sort.
    Bytes = 2,
    /// A whole number of 64 bits.
    Int = 3,
    /// A number of 64 bits with a fraction.
    Float = 4,
    /// True or false.
    Bool = 5,
    /// An array, of which a value may consist but no element.
    Array = 6,
    /// A table, of which a value may consist but no element.
    Table = 7,
}

/// A value without parts.
///
/// Scalars of one kind are ordered: bytes as bytes, floats by the total order of IEEE 754 (so that -0 comes before 0,
/// and what is not a number at the ends). Scalars of two kinds are ordered by kind.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'a> {
    /// Bytes that are meant to be read as text; nothing checks that they are UTF-8.
    String(&'a [u8]),
    /// Bytes of any sort.
    Bytes(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
}

impl Kind {
    /// The kind that a byte of a format names.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Kind::String, Kind::Bytes, Kind::Int, Kind::Float, Kind::Bool]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }

    /// Whether a scalar of this kind is a word, or else bytes that lie elsewhere.
    pub(crate) fn is_word(self) -> bool {
        matches!(self, Kind::Int | Kind::Float | Kind::Bool)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Bool => "bool",
            Kind::Array => "array",
            Kind::Table => "table",
        })
    }
}

impl<'a> Scalar<'a> {
    /// The type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Scalar::String(_) => Kind::String,
            Scalar::Bytes(_) => Kind::Bytes,
            Scalar::Int(_) => Kind::Int,
            Scalar::Float(_) => Kind::Float,
            Scalar::Bool(_) => Kind::Bool,
        }
    }

    /// The bytes of a string or of bytes.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Scalar::String(bytes) | Scalar::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number of an int.
    pub fn as_int(&self) -> Option<i64> {
        if let Scalar::Int(value) = self { Some(*value) } else { None }
    }

    /// The number of a float.
    pub fn as_float(&self) -> Option<f64> {
        if let Scalar::Float(value) = self { Some(*value) } else { None }
    }

    /// The truth of a bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Scalar::Bool(value) = self { Some(*value) } else { None }
    }

    /// A word of which the order is that of the values, for kinds that are words.
    pub(crate) fn word(&self) -> Option<u64> {
        match self {
            Scalar::String(_) | Scalar::Bytes(_) => None,
            Scalar::Int(value) => Some(*value as u64 ^ 1 << 63),
            Scalar::Float(value) => {
                let bits = value.to_bits();
                Some(if bits >> 63 == 1 { !bits } else { bits | 1 << 63 })
            }
            Scalar::Bool(value) => Some(u64::from(*value)),
        }
    }

    /// The value of which [`word`](Scalar::word) made this word.
    pub(crate) fn of_word(kind: Kind, word: u64) -> Result<Scalar<'static>> {
        match kind {
            Kind::Int => Ok(Scalar::Int((word ^ 1 << 63) as i64)),
            Kind::Float => {
                Ok(Scalar::Float(f64::from_bits(if word >> 63 == 1 { word & !(1 << 63) } else { !word })))
            }
            Kind::Bool if word < 2 => Ok(Scalar::Bool(word == 1)),
            _ => Err(damaged("a word is no value of its kind")),
        }
    }

    /// Puts the value into a record: a word as a varint of its zigzag or its bytes, bytes with their length before them
    /// and a NUL behind, which is for C.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Scalar::String(bytes) | Scalar::Bytes(bytes) => {
                write_varint(bytes.len() as u64, into);
                into.extend_from_slice(bytes);
                into.push(0);
            }
            Scalar::Int(value) => write_varint(((value << 1) ^ (value >> 63)) as u64, into),
            Scalar::Float(value) => into.extend_from_slice(&value.to_bits().to_le_bytes()),
            Scalar::Bool(value) => into.push(u8::from(*value)),
        }
    }

    /// Takes a value that [`encode`](Scalar::encode) put there off the front of a record.
    pub(crate) fn decode(kind: Kind, record: &mut &'a [u8]) -> Result<Self> {
        Ok(match kind {
            Kind::String | Kind::Bytes => {
                let len =
                    usize::try_from(read_varint(record)?).map_err(|_| damaged("a length is too large"))?;
                let bytes = take(record, len)?;
                if take(record, 1)? != [0] {
                    return Err(damaged("a value has no end"));
                }
                if kind == Kind::String { Scalar::String(bytes) } else { Scalar::Bytes(bytes) }
            }
            Kind::Int => {
                let zigzag = read_varint(record)?;
                Scalar::Int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
            }
            Kind::Float => match take(record, 8)?.first_chunk() {
                Some(bytes) => Scalar::Float(f64::from_bits(u64::from_le_bytes(*bytes))),
                None => return Err(damaged("a number is cut short")),
            },
            Kind::Bool => match take(record, 1)? {
                [0] => Scalar::Bool(false),
                [1] => Scalar::Bool(true),
                _ => return Err(damaged("a truth is neither 0 nor 1")),
            },
            Kind::Array | Kind::Table => return Err(damaged("a value without parts has parts")),
        })
    }
}

impl<'a> From<Scalar<'a>> for Value<'a> {
    fn from(value: Scalar<'a>) -> Self {
        match value {
            Scalar::String(bytes) => Value::String(bytes),
            Scalar::Bytes(bytes) => Value::Bytes(bytes),
            Scalar::Int(value) => Value::Int(value),
            Scalar::Float(value) => Value::Float(value),
            Scalar::Bool(value) => Value::Bool(value),
        }
    }
}

impl PartialEq for Scalar<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scalar<'_> {}

impl PartialOrd for Scalar<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scalar<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.kind()
            .cmp(&other.kind())
            .then_with(|| self.as_bytes().cmp(&other.as_bytes()).then_with(|| self.word().cmp(&other.word())))
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::String(bytes) => write!(f, "'{}'", String::from_utf8_lossy(bytes)),
            Scalar::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Scalar::Int(value) => value.fmt(f),
            Scalar::Float(value) => value.fmt(f),
            Scalar::Bool(value) => value.fmt(f),
        }
    }
}

impl<'a> From<&'a str> for Scalar<'a> {
    fn from(value: &'a str) -> Self {
        Scalar::String(value.as_bytes())
    }
}

impl From<i64> for Scalar<'_> {
    fn from(value: i64) -> Self {
        Scalar::Int(value)
    }
}

impl From<f64> for Scalar<'_> {
    fn from(value: f64) -> Self {
        Scalar::Float(value)
    }
}

impl From<bool> for Scalar<'_> {
    fn from(value: bool) -> Self {
        Scalar::Bool(value)
    }
}

/// Puts bytes into a space as a record of their own, with their length before them and a NUL behind.
pub(crate) fn append_bytes(space: &mut dyn Space, bytes: &[u8]) -> Result<u64> {
    let mut record = Vec::with_capacity(bytes.len() + 4);
    Scalar::Bytes(bytes).encode(&mut record);
    space.append(&record)
}

/// The place of a record that starts with its length: where its content starts, and the content's length.
pub(crate) fn content_at(source: &dyn Source, offset: u64) -> Result<(u64, usize)> {
    let mut len = 0u64;
    for index in 0..9 {
        let at = offset.checked_add(index).ok_or_else(outside)?;
        let byte = *source.bytes(at, 1).and_then(<[u8]>::first).ok_or_else(outside)?;
        len |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((at + 1, usize::try_from(len).map_err(|_| outside())?));
        }
    }
    Err(outside())
}

/// The bytes that [`append_bytes`] put at `offset`, and how many bytes they take there in all.
pub(crate) fn bytes_at(source: &dyn Source, offset: u64) -> Result<(&[u8], usize)> {
    let (start, len) = content_at(source, offset)?;
    let bytes = source.bytes(start, len.checked_add(1).ok_or_else(outside)?).ok_or_else(outside)?;
    match bytes.split_last() {
        Some((0, content)) => Ok((content, (start - offset) as usize + bytes.len())),
        _ => Err(damaged("a value has no end")),
    }
}

pub(crate) fn write_varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

pub(crate) fn read_varint(record: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = *take(record, 1)?.first().ok_or_else(|| damaged("a record is cut short"))?;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(damaged("a number has more than 64 bits"))
}

pub(crate) fn take<'a>(record: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    let (taken, rest) = record.split_at_checked(len).ok_or_else(|| damaged("a record is cut short"))?;
    *record = rest;
    Ok(taken)
}

fn outside() -> Error {
    damaged("a value lies outside")
}

fn damaged(what: &'static str) -> Error {
    Error::Damaged { what }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_keep_order_and_value(a: i64, b: i64, x: f64, y: f64) {
            prop_assert_eq!(Scalar::Int(a).word().cmp(&Scalar::Int(b).word()), a.cmp(&b));
            prop_assert_eq!(Scalar::Float(x).word().cmp(&Scalar::Float(y).word()), x.total_cmp(&y));
            for value in [Scalar::Int(a), Scalar::Float(x), Scalar::Bool(a > b)] {
                prop_assert_eq!(Scalar::of_word(value.kind(), value.word().unwrap()).unwrap(), value);
            }
        }

        #[test]
        fn what_is_written_is_read(bytes: Vec<u8>, int: i64, float: f64, bool: bool, lies: Vec<u8>) {
            let values = [
                Scalar::String(&bytes), Scalar::Bytes(&bytes), Scalar::Int(int), Scalar::Float(float), Scalar::Bool(bool),
            ];
            let mut record = Vec::new();
            values.iter().for_each(|value| value.encode(&mut record));
            let mut rest = &record[..];
            for value in values {
                prop_assert_eq!(Scalar::decode(value.kind(), &mut rest).unwrap(), value);
                let _ = Scalar::decode(value.kind(), &mut &lies[..]);
            }
            prop_assert!(rest.is_empty());
        }
    }
}

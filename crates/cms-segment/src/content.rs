//! Values that hold all they consist of, apart from any store.

use crate::{
    Array, Column, Error, Kind, Result, RowId, Scalar, Space, Table, Value,
    error::damaged,
    scalar::{read_varint, take, write_varint},
    value,
};

/// A value with all its parts, in the memory of the process.
///
/// ```
/// use cms_segment::{Content, Kind};
/// let port = Content::Int(8080);
/// assert_eq!(port.kind(), Kind::Int);
/// assert_eq!(port.as_scalar().and_then(|port| port.as_int()), Some(8080));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text of any bytes.
    String(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Elements of one kind.
    Array {
        /// The type of the elements.
        kind: Kind,
        /// The elements, none of which is an array or a table.
        elements: Vec<Content>,
    },
    /// Rows of typed columns.
    Table {
        /// The columns.
        columns: Vec<Column>,
        /// The indexed columns, and whether each index is unique.
        indexes: Vec<(String, bool)>,
        /// The number of the next row.
        next: RowId,
        /// The rows with their numbers.
        rows: Vec<(RowId, Vec<Option<Content>>)>,
    },
}

impl Content {
    /// Takes a value with its parts out of a store.
    pub fn of(value: Value<'_>) -> Result<Self> {
        Ok(match value {
            Value::String(text) => Content::String(text.to_vec()),
            Value::Bytes(bytes) => Content::Bytes(bytes.to_vec()),
            Value::Int(value) => Content::Int(value),
            Value::Float(value) => Content::Float(value),
            Value::Bool(value) => Content::Bool(value),
            Value::Array(array) => Content::Array {
                kind: array.kind(),
                elements: array.iter().map(|element| element.map(Content::from)).collect::<Result<_>>()?,
            },
            Value::Table(table) => {
                let open = table.open("")?;
                let rows = open.rows(table.source()).map(|row| {
                    let row = row?;
                    Ok((row.id, row.values().iter().map(|value| value.map(Content::from)).collect()))
                });
                Content::Table {
                    columns: open.columns().to_vec(),
                    indexes: open.indexes().map(|(column, unique)| (column.name.clone(), unique)).collect(),
                    next: open.next_row(),
                    rows: rows.collect::<Result<_>>()?,
                }
            }
        })
    }

    /// The type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Content::String(_) => Kind::String,
            Content::Bytes(_) => Kind::Bytes,
            Content::Int(_) => Kind::Int,
            Content::Float(_) => Kind::Float,
            Content::Bool(_) => Kind::Bool,
            Content::Array { .. } => Kind::Array,
            Content::Table { .. } => Kind::Table,
        }
    }

    /// The value, if it has no parts.
    pub fn as_scalar(&self) -> Option<Scalar<'_>> {
        match self {
            Content::String(text) => Some(Scalar::String(text)),
            Content::Bytes(bytes) => Some(Scalar::Bytes(bytes)),
            Content::Int(value) => Some(Scalar::Int(*value)),
            Content::Float(value) => Some(Scalar::Float(*value)),
            Content::Bool(value) => Some(Scalar::Bool(*value)),
            Content::Array { .. } | Content::Table { .. } => None,
        }
    }

    /// About what the parts take in a space.
    pub(crate) fn weight(&self) -> u64 {
        let scalar = |content: &Content| {
            16 + content.as_scalar().and_then(|scalar| scalar.as_bytes()).map_or(0, <[u8]>::len)
        };
        let bytes: usize = match self {
            Content::Array { elements, .. } => elements.iter().map(scalar).sum(),
            Content::Table { rows, .. } => {
                rows.iter().map(|row| 32 + row.1.iter().flatten().map(scalar).sum::<usize>()).sum()
            }
            plain => scalar(plain),
        };
        bytes as u64
    }

    /// Writes the parts into a space, and the value's record into `record`.
    pub(crate) fn write(&self, space: &mut dyn Space, record: &mut Vec<u8>) -> Result<()> {
        match self {
            Content::Array { kind, elements } => {
                let mut array = Array::new(*kind);
                let elements: Option<Vec<Scalar<'_>>> = elements.iter().map(Content::as_scalar).collect();
                array.extend(space, &elements.ok_or(NESTED)?)?;
                value::encode_array(&array.encode(), record);
            }
            Content::Table { columns, indexes, next, rows } => {
                let mut table = Table::new("", columns.clone())?;
                table.restore_rows(
                    space,
                    *next,
                    rows.iter().map(|(id, values)| {
                        let values: Vec<Option<Scalar<'_>>> =
                            values.iter().map(|value| value.as_ref().and_then(Content::as_scalar)).collect();
                        (*id, values)
                    }),
                )?;
                for (column, unique) in indexes {
                    table.create_index(space, column, *unique)?;
                }
                value::encode_table(&table.encode(), record);
            }
            scalar => match scalar.as_scalar() {
                Some(scalar) => value::encode(scalar.into(), record),
                None => return Err(NESTED),
            },
        }
        Ok(())
    }

    /// Puts the value into an image.
    pub(crate) fn encode(&self, image: &mut Vec<u8>) {
        image.push(self.kind() as u8);
        match self {
            Content::Array { kind, elements } => {
                image.push(*kind as u8);
                write_varint(elements.len() as u64, image);
                elements.iter().filter_map(Content::as_scalar).for_each(|element| element.encode(image));
            }
            Content::Table { columns, indexes, next, rows } => {
                write_varint(columns.len() as u64, image);
                for column in columns {
                    image.push(column.kind as u8);
                    image.push(u8::from(column.required));
                    write_varint(u64::from(column.most), image);
                    Scalar::String(column.name.as_bytes()).encode(image);
                }
                write_varint(indexes.len() as u64, image);
                for (column, unique) in indexes {
                    Scalar::String(column.as_bytes()).encode(image);
                    image.push(u8::from(*unique));
                }
                write_varint(*next, image);
                write_varint(rows.len() as u64, image);
                for (id, values) in rows {
                    write_varint(*id, image);
                    for value in values {
                        image.push(u8::from(value.is_some()));
                        value.iter().filter_map(Content::as_scalar).for_each(|value| value.encode(image));
                    }
                }
            }
            scalar => scalar.as_scalar().iter().for_each(|scalar| scalar.encode(image)),
        }
    }

    /// Takes a value off the front of an image.
    pub(crate) fn decode(image: &mut &[u8]) -> Result<Self> {
        let kind = byte(image)?;
        if let Some(kind) = Kind::from_byte(kind) {
            return Scalar::decode(kind, image).map(Content::from);
        }
        if kind == Kind::Array as u8 {
            let kind =
                Kind::from_byte(byte(image)?).ok_or_else(|| damaged("an array's elements have no kind"))?;
            // A count may lie: the bytes run out before memory does.
            let elements = (0..read_varint(image)?)
                .map(|_| Scalar::decode(kind, image).map(Content::from))
                .collect::<Result<_>>()?;
            return Ok(Content::Array { kind, elements });
        }
        if kind != Kind::Table as u8 {
            return Err(damaged("a value of no known kind"));
        }
        let mut columns = Vec::new();
        for _ in 0..read_varint(image)? {
            let kind = Kind::from_byte(byte(image)?).ok_or_else(|| damaged("a column has no type"))?;
            let required = byte(image)? == 1;
            let most = u32::try_from(read_varint(image)?).map_err(|_| damaged("a column is too wide"))?;
            columns.push(Column { name: name(image)?, kind, most, required });
        }
        let mut indexes = Vec::new();
        for _ in 0..read_varint(image)? {
            indexes.push((name(image)?, byte(image)? == 1));
        }
        let next = read_varint(image)?;
        let mut rows = Vec::new();
        for _ in 0..read_varint(image)? {
            let id = read_varint(image)?;
            let mut values = Vec::with_capacity(columns.len());
            for column in &columns {
                values.push(match byte(image)? {
                    0 => None,
                    _ => Some(Scalar::decode(column.kind, image)?.into()),
                });
            }
            rows.push((id, values));
        }
        Ok(Content::Table { columns, indexes, next, rows })
    }
}

const NESTED: Error = Error::Invalid { what: "an array or a table cannot be part of another" };

fn byte(image: &mut &[u8]) -> Result<u8> {
    take(image, 1)?.first().copied().ok_or_else(|| damaged("an image is cut short"))
}

fn name(image: &mut &[u8]) -> Result<String> {
    match Scalar::decode(Kind::String, image)? {
        Scalar::String(name) => String::from_utf8(name.to_vec()).map_err(|_| damaged("a name is not text")),
        _ => Err(damaged("a name is not text")),
    }
}

impl From<Scalar<'_>> for Content {
    fn from(value: Scalar<'_>) -> Self {
        match value {
            Scalar::String(text) => Content::String(text.to_vec()),
            Scalar::Bytes(bytes) => Content::Bytes(bytes.to_vec()),
            Scalar::Int(value) => Content::Int(value),
            Scalar::Float(value) => Content::Float(value),
            Scalar::Bool(value) => Content::Bool(value),
        }
    }
}

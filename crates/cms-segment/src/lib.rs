//! The mapped store of `cms`: where the bytes are.

#![deny(unsafe_code)]

mod array;
mod block;
mod error;
mod generation;
mod hash;
mod index;
#[expect(unsafe_code, reason = "raw memory is touched here and nowhere else")]
mod map;
mod name;
mod order;
mod scalar;
mod space;
mod strategy;
mod table;
mod tree;
mod trial;
mod value;
mod version;

pub use crate::{
    array::{Array, ArrayRef, Elements},
    error::{Error, Result},
    order::Order,
    scalar::{Kind, Scalar},
    space::{Source, Space},
    strategy::{Strategy, Usage},
    table::{Column, Row, RowId, Rows, Table, TableRef},
    tree::{Tree, TreeIter},
    value::Value,
};

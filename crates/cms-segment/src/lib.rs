//! The mapped store of `cms`: where the bytes are.

mod array;
mod error;
mod order;
mod scalar;
mod space;
mod table;
mod tree;

pub use crate::{
    array::{Array, ArrayRef, Elements},
    error::{Error, Result},
    order::Order,
    scalar::{Kind, Scalar},
    space::{Source, Space},
    table::{Column, Row, RowId, Rows, Table, TableRef},
    tree::{Tree, TreeIter},
};

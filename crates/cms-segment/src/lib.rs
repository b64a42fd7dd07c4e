//! The mapped store of `cms`: where the bytes are.

#![deny(unsafe_code)]

mod array;
mod block;
mod content;
mod error;
mod generation;
mod hash;
mod image;
mod index;
#[expect(unsafe_code, reason = "raw memory is touched here and nowhere else")]
mod map;
mod name;
mod order;
pub mod record;
mod scalar;
mod space;
mod steps;
mod store;
mod strategy;
mod table;
mod tree;

mod value;
mod version;

/// Stopping at a step, for tests of what a killed writer leaves.
#[cfg(feature = "trial")]
#[doc(hidden)]
pub use crate::steps::trial;
pub use crate::{
    array::{Array, ArrayRef, Elements},
    content::Content,
    error::{Error, Result},
    order::Order,
    record::{Field, FieldInfo, Record, RecordSource, RecordTarget, Text},
    scalar::{Kind, Scalar},
    space::{Source, Space},
    store::{Batch, Store, StoreOptions},
    strategy::{Strategy, Usage},
    table::{Column, Row, RowId, Rows, Table, TableRef},
    tree::{Tree, TreeIter},
    value::Value,
};

pub use cms_derive::Record;

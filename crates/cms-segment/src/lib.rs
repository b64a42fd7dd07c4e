//! The mapped store of `cms`: where the bytes are.

#![deny(unsafe_code)]

mod array;
mod batch;
mod block;
mod copy;
mod edit;
mod entry;
mod error;
mod fast;
mod generation;
mod group;
mod handle;
mod hash;
mod index;
mod load;
mod lookup;
#[expect(unsafe_code, reason = "raw memory is touched here and nowhere else")]
mod map;
mod name;
mod order;
mod pen;
mod root;
mod roster;
mod scalar;
mod scan;
mod snapshot;
mod space;
mod strategy;
mod table;
mod tree;
mod trial;
mod value;
mod version;
mod writer;

#[cfg(feature = "trial")]
#[doc(hidden)]
pub use crate::trial::stop_after;
pub use crate::{
    array::{Array, ArrayRef, Elements},
    batch::Batch,
    error::{Error, Result},
    group::{Entries, Group},
    handle::Handle,
    load::Heap,
    order::Order,
    root::{Root, RootOptions, SegmentOptions},
    scalar::{Kind, Scalar},
    scan::{Item, Ordered, Sorted},
    snapshot::Snapshot,
    space::{Source, Space},
    strategy::{Strategy, Usage},
    table::{Column, Row, RowId, Rows, Table, TableRef},
    tree::{Tree, TreeIter},
    value::Value,
    writer::{Load, Writer},
};

//! The mapped store of `cms`: where the bytes are.

#![deny(unsafe_code)]

mod array;
mod batch;
mod block;
mod content;
mod copy;
mod edit;
mod entry;
mod error;
mod fast;
mod generation;
mod group;
mod handle;
mod hash;
mod image;
mod index;
mod load;
mod lookup;
#[expect(unsafe_code, reason = "raw memory is touched here and nowhere else")]
mod map;
mod name;
mod order;
mod pen;
pub mod record;
mod root;
mod roster;
mod scalar;
mod scan;
mod snapshot;
mod space;
mod store;
mod strategy;
mod survey;
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
    content::Content,
    error::{Error, Result},
    group::{Entries, Group},
    handle::Handle,
    load::Heap,
    order::Order,
    record::{Field, FieldInfo, Record, RecordSource, RecordTarget, Text},
    root::{Root, RootOptions, SegmentOptions},
    scalar::{Kind, Scalar},
    scan::{Item, Ordered, Sorted},
    snapshot::Snapshot,
    space::{Source, Space},
    store::{Changes, Store, StoreOptions},
    strategy::{Strategy, Usage},
    survey::{Extent, ExtentKind, Finding, PackageUsage, Statistics},
    table::{Column, Row, RowId, Rows, Table, TableRef},
    tree::{Tree, TreeIter},
    value::Value,
    writer::{Load, Writer},
};
pub use cms_derive::Record;

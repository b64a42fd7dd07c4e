//! The mapped store of `cms`: where the bytes are.
//!
//! Any process that may read the files of a store reads its entries in tens of nanoseconds, without a lock and without writing
//! anything, while one process at a time writes. A [`Snapshot`] shows one revision for as long as it is held; a [`Batch`]
//! becomes visible at once or not at all; a writer that is killed leaves nothing that the next one does not put right. This crate
//! knows nothing of UCI, logs or users: keys are dotted bytes, values are typed.
//!
//! ```
//! use cms_segment::{Root, RootOptions, Value};
//!
//! # let dir = tempfile::tempdir()?;
//! let root = Root::create(dir.path(), &RootOptions::default())?;
//! let mut writer = root.writer()?;
//! let mut batch = writer.batch(1)?;
//! batch.set(b"network.lan", Value::String(b"interface"))?;
//! batch.set(b"network.lan.mtu", Value::Int(1500))?;
//! batch.publish()?;
//!
//! let snapshot = root.snapshot()?;
//! assert_eq!(snapshot.get(b"network.lan.mtu")?, Some(Value::Int(1500)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In reading order. The memory: `map`, `space`. What lies in it: `value`, `version`, `name`, `index`, `block`, `entry`, `tree`, `order`,
//! `roster`, `generation`. Reading: `root`, `snapshot`, `lookup` and its short way `fast`, `group`, `scan`, `handle`. Writing: `writer`,
//! `batch`, `pen`, `edit`, `load`. Looking it over: `survey`. Values of many pieces: `array`, `table`, `copy`. Stores
//! that stand alone: `store`, `strategy`, `image`, `record`. The bytes are specified in `docs/segment-format.md`.

#![deny(unsafe_code)]

mod array;
mod batch;
mod block;
mod board;
mod check;
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
mod hot;
mod image;
mod index;
mod keys;
mod load;
mod lookup;
#[expect(unsafe_code, reason = "raw memory is touched here and nowhere else")]
mod map;
mod name;
mod order;
mod pen;
mod random;
#[expect(
    unsafe_code,
    reason = "neither the standard library nor rustix has locks of open files on single bytes"
)]
mod range_lock;
pub mod record;
mod root;
mod roster;
mod routes;
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
    board::{Board, Note, Seat, Taken, Waited},
    content::Content,
    error::{Error, Result},
    group::{Entries, Group},
    handle::{Bound, Handle},
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

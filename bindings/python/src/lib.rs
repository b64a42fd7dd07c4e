//! The native half of the Python package `cms`: the engine's `Store`, snapshots, transactions, watches and handles as Python sees
//! them. What needs no speed and no lock is Python, beside it in `python/cms`.
//!
//! In reading order: `store` (what is open, and the fast way to a value), `snapshot` (reading), `transaction` (changing), `watch`,
//! `handle`, `past` (history and what awaits confirmation), `value` and `record` (between the two languages), `error`.
//!
//! The interpreter's lock is given up wherever a call may wait: for a lock, a disk or a commit. No mutex of ours is held there,
//! because whoever waits for that mutex may have the interpreter's lock.

mod error;
mod handle;
mod past;
mod record;
mod snapshot;
mod store;
mod transaction;
mod value;
mod watch;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<store::Store>()?;
    module.add_class::<snapshot::Snapshot>()?;
    module.add_class::<snapshot::Sections>()?;
    module.add_class::<transaction::Transaction>()?;
    module.add_class::<watch::Watch>()?;
    module.add_class::<handle::Handle>()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}

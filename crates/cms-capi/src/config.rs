//! Stores that stand alone: typed values, arrays and tables on the mapped segment, under the names that C programs know.
//!
//! In reading order: `layout` (what the header shows of them), `view` (uthash's containers), `seats` (what threads have read),
//! `handle` (a store that is open), `scalar`, `array`, `table` (the calls), `load` (a whole store in containers, and back).

mod array;
mod handle;
mod layout;
mod load;
mod scalar;
mod seats;
mod table;
mod view;

pub use layout::Entry;
pub use view::{ArrayView, EntryView, content_of};

//! The mapped store of `cms`: where the bytes are.

mod error;
mod order;
mod space;
mod tree;

pub use crate::{
    error::{Error, Result},
    order::Order,
    space::{Source, Space},
    tree::{Tree, TreeIter},
};

//! The mapped store of `cms`: where the bytes are.

mod array;
mod error;
mod order;
mod scalar;
mod space;
mod tree;

pub use crate::{
    array::{Array, ArrayRef, Elements},
    error::{Error, Result},
    order::Order,
    scalar::{Kind, Scalar},
    space::{Source, Space},
    tree::{Tree, TreeIter},
};

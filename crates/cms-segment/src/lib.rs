//! The mapped store of `cms`: where the bytes are.

#![deny(unsafe_code)]

mod error;
#[expect(unsafe_code, reason = "raw memory is touched here and nowhere else")]
mod map;
mod space;
mod value;

pub use crate::{
    error::{Error, Result},
    space::{Source, Space},
    value::{ArrayRef, Kind, TableRef, Value},
};

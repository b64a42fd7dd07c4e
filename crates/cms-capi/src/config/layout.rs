//! What the header shows of a store's parts, laid out as it says.

use std::ffi::{c_char, c_int, c_void};

use cms_segment::Kind;

use crate::status::{Failure, Result, Status};

/// `enum ValueType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Type {
    String = 0,
    Int = 1,
    Float = 2,
    Bool = 3,
    Array = 4,
    Table = 5,
}

impl Type {
    /// The type that a number of the caller's names.
    pub fn of(number: c_int) -> Result<Type> {
        let known = [Type::String, Type::Int, Type::Float, Type::Bool, Type::Array, Type::Table];
        let found = known.into_iter().find(|known| *known as c_int == number);
        found.ok_or_else(|| {
            Failure::invalid(format!("{number} is no value type; use TYPE_STRING to TYPE_TABLE"))
        })
    }

    /// The kind of an element or a column of this type.
    pub fn scalar(self) -> Result<Kind> {
        match self {
            Type::String => Ok(Kind::String),
            Type::Int => Ok(Kind::Int),
            Type::Float => Ok(Kind::Float),
            Type::Bool => Ok(Kind::Bool),
            Type::Array | Type::Table => {
                Err(Failure::new(Status::Type, "an array or a table cannot be part of another"))
            }
        }
    }

    pub fn of_kind(kind: Kind) -> Type {
        match kind {
            Kind::String | Kind::Bytes => Type::String,
            Kind::Int => Type::Int,
            Kind::Float => Type::Float,
            Kind::Bool => Type::Bool,
            Kind::Array => Type::Array,
            Kind::Table => Type::Table,
        }
    }

    /// The bytes of a value of this type in C.
    pub fn natural_size(self) -> usize {
        match self {
            Type::Bool => 1,
            Type::String | Type::Array | Type::Table => size_of::<*const c_char>(),
            Type::Int | Type::Float => 8,
        }
    }
}

/// `union ConfigValue`.
#[derive(Clone, Copy)]
#[repr(C)]
pub union Datum {
    pub str_value: *const c_char,
    pub int_value: i64,
    pub float_value: f64,
    pub ptr_value: *mut c_void,
}

/// `struct ConfigHashEntry`, up to its handle, which only uthash looks into.
#[repr(C)]
pub struct Entry {
    pub key: *mut c_char,
    pub value: Datum,
    pub value_type: c_int,
    pub flags: u32,
}

/// `Column`.
#[repr(C)]
pub struct Column {
    pub name: *const c_char,
    pub kind: c_int,
    pub size: usize,
}

/// `KeyValue`.
#[repr(C)]
pub struct KeyValue {
    pub key: *const c_char,
    pub value: Datum,
}

/// `struct ConfigStore`: the members that the header shows.
#[repr(C)]
pub struct Shown {
    pub segment_name: *mut c_char,
    pub segment_size: usize,
    pub base_address: *mut c_void,
    pub entries: *mut c_void,
    pub arrays: *mut c_void,
    pub tables: *mut c_void,
    pub lock: libc::pthread_rwlock_t,
}

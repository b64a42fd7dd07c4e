//! Values without parts.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;

use cms_segment::{Kind, Scalar, Snapshot, Value};

use super::handle::ConfigStore;
use super::layout::Type;
use crate::border::{Out, given, guard, put, status};
use crate::status::{Failure, Result, Status};
use crate::text::Text;

fn key_name(key: &[u8]) -> String {
    format!("key '{}'", String::from_utf8_lossy(key))
}

/// The value of another type than was asked for.
#[cold]
fn mistyped(key: &[u8], expected: Type, found: Kind) -> Failure {
    let read = match Type::of_kind(found) {
        Type::String => "config_get_string",
        Type::Int => "config_get_int",
        Type::Float => "config_get_float",
        Type::Bool => "config_get_bool",
        Type::Array => "config_array_next",
        Type::Table => "config_table_find",
    };
    let expected = expected.scalar().map_or_else(|_| String::new(), |kind| kind.to_string());
    let message =
        format!("{} holds a value of type {found}, not {expected}; read it with {read}", key_name(key));
    Failure::new(Status::Type, message)
}

#[cold]
fn absent(key: &[u8]) -> Failure {
    Failure::new(Status::NotFound, format!("{} is not in the store", key_name(key)))
}

fn get<T>(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    default: T,
    kind: Type,
    of: impl Fn(Value<'_>) -> Option<T>,
) -> T {
    guard(default, || {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        store.read(|snapshot| match snapshot.get(key)? {
            None => Err(absent(key)),
            Some(value) => of(value).ok_or_else(|| mistyped(key, kind, value.kind())),
        })
    })
}

fn set(store: Option<&ConfigStore>, key: Text<'_>, value: impl FnOnce() -> Result<Scalar<'static>>) -> c_int {
    status(|| Ok(given(store, "store")?.store.set(key.bytes("key")?, value()?)?))
}

/// The text of a key.
#[unsafe(no_mangle)]
pub extern "C" fn config_get_string(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    default: *mut c_char,
) -> *mut c_char {
    // What most calls do, and what cannot go wrong on the way.
    if let (Some(store), Some(key)) = (store, key.optional())
        && let Some(text) = store.glance(|snapshot| text_at(snapshot, key))
    {
        return text;
    }
    look_for_text(store, key, default)
}

#[inline(always)]
fn text_at(snapshot: &Snapshot, key: &CStr) -> Option<*mut c_char> {
    snapshot.glance_at_text(key.to_bytes()).map(|text| text.as_ptr().cast_mut().cast())
}

/// By itself, so that what most calls do needs little room on the stack.
#[cold]
#[inline(never)]
fn look_for_text(store: Option<&ConfigStore>, key: Text<'_>, default: *mut c_char) -> *mut c_char {
    if let (Some(store), Some(key)) = (store, key.optional())
        && let Some(text) = store.glance_unseated(|snapshot| text_at(snapshot, key))
    {
        return text;
    }
    guard(default, || {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        store.settle()?;
        store.read(|snapshot| match snapshot.get(key)? {
            Some(Value::String(text)) => match snapshot.with_nul(text) {
                Some(text) => Ok(text.as_ptr().cast_mut().cast()),
                None => Err(Failure::new(Status::Damaged, "a string of the store does not end")),
            },
            None => Err(absent(key)),
            Some(value) => Err(mistyped(key, Type::String, value.kind())),
        })
    })
}

/// The whole number of a key.
#[unsafe(no_mangle)]
pub extern "C" fn config_get_int(store: Option<&ConfigStore>, key: Text<'_>, default: i64) -> i64 {
    get(store, key, default, Type::Int, |value| value.as_int())
}

/// The number with a fraction of a key.
#[unsafe(no_mangle)]
pub extern "C" fn config_get_float(store: Option<&ConfigStore>, key: Text<'_>, default: f64) -> f64 {
    get(store, key, default, Type::Float, |value| value.as_float())
}

/// The truth of a key.
#[unsafe(no_mangle)]
pub extern "C" fn config_get_bool(store: Option<&ConfigStore>, key: Text<'_>, default: bool) -> bool {
    get(store, key, default, Type::Bool, |value| value.as_bool())
}

/// Gives a key a text.
#[unsafe(no_mangle)]
pub extern "C" fn config_set_string(store: Option<&ConfigStore>, key: Text<'_>, value: Text<'_>) -> c_int {
    status(|| {
        let value = Scalar::String(value.bytes("value")?);
        Ok(given(store, "store")?.store.set(key.bytes("key")?, value)?)
    })
}

/// Gives a key a whole number.
#[unsafe(no_mangle)]
pub extern "C" fn config_set_int(store: Option<&ConfigStore>, key: Text<'_>, value: i64) -> c_int {
    set(store, key, || Ok(Scalar::Int(value)))
}

/// Gives a key a number with a fraction.
#[unsafe(no_mangle)]
pub extern "C" fn config_set_float(store: Option<&ConfigStore>, key: Text<'_>, value: f64) -> c_int {
    set(store, key, || Ok(Scalar::Float(value)))
}

/// Gives a key a truth.
#[unsafe(no_mangle)]
pub extern "C" fn config_set_bool(store: Option<&ConfigStore>, key: Text<'_>, value: bool) -> c_int {
    set(store, key, || Ok(Scalar::Bool(value)))
}

/// Takes a key away, with whatever it holds.
#[unsafe(no_mangle)]
pub extern "C" fn config_delete(store: Option<&ConfigStore>, key: Text<'_>) -> c_int {
    status(|| {
        let key = key.bytes("key")?;
        let was_there = given(store, "store")?.store.batch(|batch| {
            batch.delete(super::array::width_key(key))?;
            batch.delete(key)
        })?;
        if was_there { Ok(()) } else { Err(absent(key)) }
    })
}

/// The type of what a key holds.
#[unsafe(no_mangle)]
pub extern "C" fn config_type(store: Option<&ConfigStore>, key: Text<'_>, kind: Out<'_, c_int>) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        store.read(|snapshot| match snapshot.get(key)? {
            None => Err(absent(key)),
            Some(value) => {
                put(kind, Type::of_kind(value.kind()) as c_int);
                Ok(())
            }
        })
    })
}

/// Adds to a number in one step.
#[unsafe(no_mangle)]
pub extern "C" fn config_add_int(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    number: i64,
    sum: Out<'_, i64>,
) -> c_int {
    status(|| {
        put(sum, given(store, "store")?.store.add(key.bytes("key")?, number)?);
        Ok(())
    })
}

/// Gives a key a number if it has the expected one.
#[unsafe(no_mangle)]
pub extern "C" fn config_compare_and_set_int(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    expected: i64,
    value: i64,
) -> c_int {
    status(|| {
        let key = key.bytes("key")?;
        if given(store, "store")?.store.compare_and_set(key, Some(Scalar::Int(expected)), value)? {
            return Ok(());
        }
        Err(Failure::new(Status::Conflict, format!("{} does not hold {expected} any more", key_name(key))))
    })
}

/// Gives a key a text if it has the expected one, or none if none is expected.
#[unsafe(no_mangle)]
pub extern "C" fn config_compare_and_set_string(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    expected: Text<'_>,
    value: Text<'_>,
) -> c_int {
    status(|| {
        let key = key.bytes("key")?;
        let expected = expected.optional().map(|text| Scalar::String(text.to_bytes()));
        let value = Scalar::String(value.bytes("value")?);
        if given(store, "store")?.store.compare_and_set(key, expected, value)? {
            return Ok(());
        }
        Err(Failure::new(
            Status::Conflict,
            format!("{} does not hold the expected text any more", key_name(key)),
        ))
    })
}

/// Writes an image of the store to a file.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_backup(store: Option<&ConfigStore>, path: Text<'_>) -> c_int {
    status(|| Ok(given(store, "store")?.store.backup(Path::new(path.utf8("path")?))?))
}

/// Makes a store of an image.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_restore(name: Text<'_>, path: Text<'_>) -> c_int {
    status(|| {
        let (name, path) = (name.utf8("name of the store")?, path.utf8("path")?);
        cms_segment::Store::restore(name, Path::new(path), None)?;
        Ok(())
    })
}

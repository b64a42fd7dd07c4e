//! What holds: the value of an option, or the default that its schema declares where it is not set.

use std::ffi::{c_char, c_int};
use std::ptr;

use cms::FromValue;
use cms::model::schema::Typed;
use cms::model::{Key, Value};

use crate::border::{Out, given, guard, put, status, wanted};
use crate::owned::List;
use crate::status::{Failure, Result, Status};
use crate::store::{Seen, mistyped, text_of};
use crate::text::Text;

/// What holds at the key of an option, and whether that is the default.
fn effective(snapshot: Option<&Seen>, key: Text<'_>) -> Result<(Key, cms::Effective, Value)> {
    let key = Key::parse(key.utf8("key")?)?;
    let seen = given(snapshot, "snapshot")?;
    let found = seen.store.effective(&seen.snapshot, &key)?;
    let Some(value) = found.value().cloned() else {
        let message = format!("{key}: it is not set, and no schema declares a default");
        return Err(Failure::new(Status::NotFound, message));
    };
    Ok((key, found, value))
}

/// Reads a value as its schema says it is, or as the rest of cms reads it where no schema says so.
fn typed<T: FromValue>(
    snapshot: Option<&Seen>,
    key: Text<'_>,
    out: Out<'_, T>,
    is_default: Out<'_, bool>,
    of: impl FnOnce(&Typed) -> Option<T>,
) -> c_int {
    status(|| {
        let out = wanted(out)?;
        let (key, found, value) = effective(snapshot, key)?;
        let declared = found.field().and_then(|field| field.typed(&value).ok());
        let read = declared.as_ref().and_then(of).or_else(|| T::from_value(&value));
        out.write(read.ok_or_else(|| mistyped::<T>(&key, &value))?);
        put(is_default, found.is_default());
        Ok(())
    })
}

/// The text that holds.
#[unsafe(no_mangle)]
pub extern "C" fn cms_effective_string(
    snapshot: Option<&Seen>,
    key: Text<'_>,
    is_default: Out<'_, bool>,
) -> *mut c_char {
    guard(ptr::null_mut(), || {
        let (key, found, value) = effective(snapshot, key)?;
        let text = text_of(&key, value)?;
        put(is_default, found.is_default());
        Ok(text)
    })
}

/// The items that hold.
#[unsafe(no_mangle)]
pub extern "C" fn cms_effective_list(
    snapshot: Option<&Seen>,
    key: Text<'_>,
    is_default: Out<'_, bool>,
) -> Option<Box<List>> {
    guard(None, || {
        let (_, found, value) = effective(snapshot, key)?;
        put(is_default, found.is_default());
        Ok(Some(List::new(value.items())))
    })
}

/// The whole number that holds; a size in bytes, a duration in seconds.
#[unsafe(no_mangle)]
pub extern "C" fn cms_effective_int(
    snapshot: Option<&Seen>,
    key: Text<'_>,
    value: Out<'_, i64>,
    is_default: Out<'_, bool>,
) -> c_int {
    typed(snapshot, key, value, is_default, |typed| match typed {
        Typed::Int(number) => Some(*number),
        Typed::Size(bytes) => i64::try_from(*bytes).ok(),
        Typed::Duration(time) if time.subsec_nanos() == 0 => i64::try_from(time.as_secs()).ok(),
        _ => None,
    })
}

/// The number that holds; a size in bytes, a duration in seconds.
#[unsafe(no_mangle)]
pub extern "C" fn cms_effective_float(
    snapshot: Option<&Seen>,
    key: Text<'_>,
    value: Out<'_, f64>,
    is_default: Out<'_, bool>,
) -> c_int {
    typed(snapshot, key, value, is_default, |typed| match typed {
        Typed::Float(number) => Some(*number),
        Typed::Int(number) => Some(*number as f64),
        Typed::Size(bytes) => Some(*bytes as f64),
        Typed::Duration(time) => Some(time.as_secs_f64()),
        _ => None,
    })
}

/// The truth that holds.
#[unsafe(no_mangle)]
pub extern "C" fn cms_effective_bool(
    snapshot: Option<&Seen>,
    key: Text<'_>,
    value: Out<'_, bool>,
    is_default: Out<'_, bool>,
) -> c_int {
    typed(snapshot, key, value, is_default, |typed| match typed {
        Typed::Bool(truth) => Some(*truth),
        _ => None,
    })
}

//! Arrays: elements of one type, in the width that the program gave them.
//!
//! The segment keeps 64 bits of a number whatever its width in C. A width that is not the type's natural one is an entry of its own
//! beside the array, written in the same batch (`docs/c-library.md`).

#![expect(unsafe_code, reason = "elements come from C as bytes of a width that it names")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use cms_segment::{Scalar, Snapshot, Value};

use super::handle::ConfigStore;
use super::layout::Type;
use super::view::ArrayView;
use crate::border::{Out, given, guard, put, status};
use crate::status::{Failure, Result, Status};
use crate::text::Text;

/// The key that holds the width of an array's elements.
pub fn width_key(key: &[u8]) -> Vec<u8> {
    [b"\x01", key].concat()
}

/// Whether a key is one of those.
pub fn is_width_key(key: &[u8]) -> bool {
    key.first() == Some(&1)
}

fn checked_width(kind: Type, size: usize) -> Result<usize> {
    let allowed: &[usize] = match kind {
        Type::Int => &[1, 2, 4, 8],
        Type::Float => &[4, 8],
        Type::Bool => &[1],
        Type::String => &[size_of::<*const c_char>()],
        Type::Array | Type::Table => &[],
    };
    if allowed.contains(&size) {
        return Ok(size);
    }
    kind.scalar()?;
    let allowed: Vec<String> = allowed.iter().map(usize::to_string).collect();
    Err(Failure::invalid(format!("an element of this type has {} bytes, not {size}", allowed.join(" or "))))
}

/// The type and width of the elements of an array.
fn shape(snapshot: &Snapshot, key: &[u8]) -> Result<(Type, usize)> {
    let name = || format!("array '{}'", String::from_utf8_lossy(key));
    let kind = match snapshot.get(key)? {
        Some(Value::Array(array)) => Type::of_kind(array.kind()),
        Some(other) => {
            return Err(Failure::new(Status::Type, format!("{} is no array but a {}", name(), other.kind())));
        }
        None => {
            let message = format!("{} is not in the store; make it with config_array_create", name());
            return Err(Failure::new(Status::NotFound, message));
        }
    };
    let width = match snapshot.get(&width_key(key))? {
        Some(Value::Int(width)) => usize::try_from(width).unwrap_or_default(),
        _ => kind.natural_size(),
    };
    Ok((
        kind,
        checked_width(kind, width)
            .map_err(|_| Failure::new(Status::Damaged, name() + " has an odd width"))?,
    ))
}

/// A view of an array as it is now.
pub fn view(snapshot: &Snapshot, key: &[u8]) -> Result<(ArrayView, Type, usize)> {
    let (kind, size) = shape(snapshot, key)?;
    match snapshot.get(key)? {
        Some(Value::Array(array)) => Ok((ArrayView::of(key, array, kind, size)?, kind, size)),
        _ => Err(Failure::new(Status::Internal, "an array went out of a snapshot")),
    }
}

fn show(store: &ConfigStore, key: &[u8]) -> Result<*mut c_void> {
    let (array, kind, size) = store.read(|snapshot| view(snapshot, key))?;
    store.views(|mut views| views.show_array(key, array, kind, size))
}

/// Makes an array of nothing, in place of what the key holds.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_create(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    kind: c_int,
    size: usize,
) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let (store, key, kind) = (given(store, "store")?, key.bytes("key")?, Type::of(kind)?);
        let size = checked_width(kind, size)?;
        let scalar = kind.scalar()?;
        store.store.batch(|batch| {
            match i64::try_from(size) {
                Ok(width) if size != kind.natural_size() => batch.set(width_key(key), width)?,
                _ => {
                    batch.delete(width_key(key))?;
                }
            }
            batch.create_array(key, scalar)
        })?;
        show(store, key)
    })
}

/// Shows an array as it is now among the store's views.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_open(store: Option<&ConfigStore>, key: Text<'_>) -> *mut c_void {
    guard(ptr::null_mut(), || show(given(store, "store")?, key.bytes("key")?))
}

/// The elements that C handed over.
///
/// # Safety
/// `elements` leads to `count` elements of `size` bytes, aligned as C aligns them, each string among them a string or null.
unsafe fn elements<'a>(
    elements: *const c_void,
    count: usize,
    kind: Type,
    size: usize,
) -> Result<Vec<Scalar<'a>>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if elements.is_null() {
        return Err(Failure::invalid("the elements are null"));
    }
    (0..count)
        .map(|at| {
            // SAFETY: `at` is below the count; what is read has the size that was checked when the array was made.
            unsafe {
                let element = elements.cast::<u8>().add(at * size);
                Ok(match (kind, size) {
                    (Type::Int, 1) => Scalar::Int(element.cast::<i8>().read_unaligned().into()),
                    (Type::Int, 2) => Scalar::Int(element.cast::<i16>().read_unaligned().into()),
                    (Type::Int, 4) => Scalar::Int(element.cast::<i32>().read_unaligned().into()),
                    (Type::Int, _) => Scalar::Int(element.cast::<i64>().read_unaligned()),
                    (Type::Float, 4) => Scalar::Float(element.cast::<f32>().read_unaligned().into()),
                    (Type::Float, _) => Scalar::Float(element.cast::<f64>().read_unaligned()),
                    (Type::Bool, _) => Scalar::Bool(element.read() != 0),
                    _ => {
                        let text = element.cast::<*const c_char>().read_unaligned();
                        if text.is_null() {
                            return Err(Failure::invalid(format!("element {at} is null")));
                        }
                        Scalar::String(CStr::from_ptr(text).to_bytes())
                    }
                })
            }
        })
        .collect()
}

/// Appends elements.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_push(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    pushed: *const c_void,
    count: usize,
) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        let (kind, size) = store.read(|snapshot| shape(snapshot, key))?;
        // SAFETY: the header asks for `count` elements of the array's type and width.
        let pushed = unsafe { elements(pushed, count, kind, size) }?;
        Ok(store.store.batch(|batch| batch.array(key, |array, space| array.extend(space, &pushed)))?)
    })
}

/// Puts another element at a position.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_set(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    position: usize,
    element: *const c_void,
) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        let (kind, size) = store.read(|snapshot| shape(snapshot, key))?;
        // SAFETY: the header asks for one element of the array's type and width.
        let element = unsafe { elements(element, 1, kind, size) }?;
        Ok(store.store.batch(|batch| {
            batch.array(key, |array, space| {
                element.iter().try_for_each(|element| array.set(space, position as u64, *element))
            })
        })?)
    })
}

/// Takes elements out.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_erase(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    position: usize,
    count: usize,
) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        Ok(store.store.batch(|batch| {
            batch.array(key, |array, space| array.erase(space, position as u64, count as u64))
        })?)
    })
}

/// Takes all elements out.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_clear(store: Option<&ConfigStore>, key: Text<'_>) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        Ok(store.store.batch(|batch| batch.array(key, |array, space| array.clear(space)))?)
    })
}

/// Sorts an array.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_sort(store: Option<&ConfigStore>, key: Text<'_>) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        Ok(store.store.batch(|batch| batch.array(key, |array, space| array.sort(space)))?)
    })
}

/// The number of elements.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_length(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    length: Out<'_, usize>,
) -> c_int {
    status(|| {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        store.read(|snapshot| {
            shape(snapshot, key)?;
            if let Some(Value::Array(array)) = snapshot.get(key)? {
                put(length, usize::try_from(array.len()).unwrap_or(usize::MAX));
            }
            Ok(())
        })
    })
}

/// The element behind another; the first behind a null, a null behind the last.
#[unsafe(no_mangle)]
pub extern "C" fn config_array_next(
    store: Option<&ConfigStore>,
    key: Text<'_>,
    element: *mut c_void,
) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let (store, key) = (given(store, "store")?, key.bytes("key")?);
        let fresh = match element.is_null() {
            true => Some(store.read(|snapshot| view(snapshot, key))?.0),
            false => None,
        };
        Ok(store.walk(key, fresh, element))
    })
}

//! A whole store in uthash's containers, and back.

#![expect(unsafe_code, reason = "entries come back from C")]

use std::ffi::{CStr, c_int};

use cms_segment::Value;

use super::array::{is_width_key, view};
use super::handle::ConfigStore;
use super::layout::{Entry, Type};
use super::table;
use super::view::{EntryView, Heads, content_of};
use crate::border::{given, guard, status};
use crate::status::{Failure, Status};

/// Fills the store's views.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_load(store: Option<&ConfigStore>) -> c_int {
    status(|| {
        let store = given(store, "store")?;
        let mut entries = EntryView::new();
        let mut arrays = Vec::new();
        let mut tables = Vec::new();
        store.read(|snapshot| {
            for item in snapshot.iter() {
                let item = item?;
                let key = item.key().clone();
                match item.value {
                    _ if is_width_key(&key) => {}
                    Value::Array(_) => arrays.push((key.to_vec(), view(snapshot, &key)?)),
                    Value::Table(found) => {
                        let columns = found.open("")?.columns().to_vec();
                        tables.push((key.to_vec(), columns, table::rows(snapshot, &key)?));
                    }
                    Value::String(text) | Value::Bytes(text) => {
                        entries.add_scalar(&key, cms_segment::Scalar::String(text))?;
                    }
                    Value::Int(number) => entries.add_scalar(&key, number.into())?,
                    Value::Float(number) => entries.add_scalar(&key, number.into())?,
                    Value::Bool(truth) => entries.add_scalar(&key, truth.into())?,
                }
            }
            Ok(())
        })?;
        store.views(|mut views| {
            views.clear();
            *views.entries = entries.into_raw().cast();
            for (key, (array, kind, size)) in arrays {
                views.show_array(&key, array, kind, size)?;
            }
            for (name, columns, rows) in tables {
                let table = views.show_table(&name, &columns)?;
                Heads::show_rows(table, rows);
            }
            Ok(())
        })
    })
}

/// Writes entries in one batch.
#[unsafe(no_mangle)]
pub extern "C" fn config_store_save(store: Option<&ConfigStore>, entries: *mut Entry) -> c_int {
    status(|| {
        let store = given(store, "store")?;
        // SAFETY: the header asks for a table of entries, or null for one without any. It stays the caller's.
        let entries = std::mem::ManuallyDrop::new(unsafe { EntryView::from_raw(entries) });
        let mut contents = Vec::new();
        entries.each(|entry| {
            if entry.key.is_null() {
                return Err(Failure::invalid("the key of an entry is null"));
            }
            // SAFETY: not null, and then a string.
            let key = unsafe { CStr::from_ptr(entry.key) }.to_bytes().to_vec();
            if Type::of(entry.value_type)? == Type::Array {
                let key = String::from_utf8_lossy(&key);
                let message = format!("'{key}' is an array; write it with config_array_push");
                return Err(Failure::new(Status::Type, message));
            }
            contents.push((key, content_of(entry)?));
            Ok(())
        })?;
        Ok(store
            .store
            .batch(|batch| contents.iter().try_for_each(|(key, content)| batch.put(key, content)))?)
    })
}

/// Gives entries up that were handed over to the program.
#[unsafe(no_mangle)]
pub extern "C" fn config_entries_free(entries: *mut Entry) {
    guard((), || {
        // SAFETY: the header asks for a table that the library handed over, with whatever the program added in the same way.
        drop(unsafe { EntryView::from_raw(entries) });
        Ok(())
    });
}

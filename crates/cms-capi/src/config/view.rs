//! Views of a store in uthash's and utarray's containers, which `c/views.c` makes. They belong to the process.

#![expect(unsafe_code, reason = "the containers are C's")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use cms_segment::{ArrayRef, Content, Kind, Scalar};

use super::layout::{Datum, Entry, Type};
use crate::status::{Failure, Result, Status};
use crate::text::owned;

unsafe extern "C" {
    fn cms_view_free(head: *mut Entry);
    fn cms_view_add(
        head: *mut *mut Entry,
        key: *const c_char,
        key_length: usize,
        kind: c_int,
        flags: u32,
        value: Datum,
        text_length: usize,
    ) -> c_int;
    fn cms_view_find(head: *mut Entry, key: *const c_char, length: usize) -> *mut Entry;
    fn cms_view_each(
        head: *mut Entry,
        each: unsafe extern "C" fn(*mut c_void, *const Entry) -> c_int,
        context: *mut c_void,
    ) -> c_int;
    fn cms_view_array(kind: c_int, size: usize) -> *mut c_void;
    fn cms_view_array_push(array: *mut c_void, element: *const c_void);
    fn cms_view_array_next(array: *mut c_void, element: *mut c_void) -> *mut c_void;
    fn cms_view_array_free(array: *mut c_void);
    fn cms_view_add_array(
        head: *mut *mut c_void,
        key: *const c_char,
        length: usize,
        array: *mut c_void,
        kind: c_int,
        size: usize,
    ) -> c_int;
    fn cms_view_find_array(head: *mut c_void, key: *const c_char, length: usize) -> *mut c_void;
    fn cms_view_replace_array(view: *mut c_void, array: *mut c_void, kind: c_int, size: usize);
    fn cms_view_free_arrays(head: *mut c_void);
    fn cms_view_table(
        head: *mut *mut c_void,
        name: *const c_char,
        length: usize,
        columns: usize,
    ) -> *mut c_void;
    fn cms_view_set_column(
        view: *mut c_void,
        column: usize,
        name: *const c_char,
        length: usize,
        kind: c_int,
        size: usize,
    ) -> c_int;
    fn cms_view_set_rows(view: *mut c_void, rows: *mut Entry);
    fn cms_view_free_tables(head: *mut c_void);
}

fn no_memory() -> Failure {
    Failure::new(Status::Full, "there is no memory for a view")
}

/// A uthash table of `struct ConfigHashEntry`.
pub struct EntryView(*mut Entry);

impl EntryView {
    pub fn new() -> EntryView {
        EntryView(ptr::null_mut())
    }

    /// Takes over what C hands back.
    ///
    /// # Safety
    /// The entries must have been handed out by [`into_raw`](EntryView::into_raw), or been added to such by the program's uthash.
    pub unsafe fn from_raw(head: *mut Entry) -> EntryView {
        EntryView(head)
    }

    pub fn into_raw(self) -> *mut Entry {
        let head = self.0;
        std::mem::forget(self);
        head
    }

    /// The first entry.
    pub fn head(&self) -> *mut Entry {
        self.0
    }

    fn add(&mut self, key: &[u8], kind: Type, value: Datum, text_length: usize) -> Result<()> {
        // SAFETY: the head is null or one that these functions made; the key is copied; a string's bytes live until the call returns.
        let added = unsafe {
            cms_view_add(&mut self.0, key.as_ptr().cast(), key.len(), kind as c_int, 0, value, text_length)
        };
        if added == 0 { Err(no_memory()) } else { Ok(()) }
    }

    /// Adds a value without parts.
    pub fn add_scalar(&mut self, key: &[u8], value: Scalar<'_>) -> Result<()> {
        match value {
            Scalar::String(text) | Scalar::Bytes(text) => {
                // Checked for a NUL, which would end it for C.
                let text = owned(text, "value")?;
                let length = text.as_bytes().len();
                self.add(key, Type::String, Datum { str_value: text.as_ptr() }, length)
            }
            Scalar::Int(number) => self.add(key, Type::Int, Datum { int_value: number }, 0),
            Scalar::Float(number) => self.add(key, Type::Float, Datum { float_value: number }, 0),
            Scalar::Bool(truth) => self.add(key, Type::Bool, Datum { int_value: i64::from(truth) }, 0),
        }
    }

    /// Adds an array.
    pub fn add_array(&mut self, key: &[u8], array: ArrayView) -> Result<()> {
        self.add(key, Type::Array, Datum { ptr_value: array.0.as_ptr() }, 0)?;
        std::mem::forget(array);
        Ok(())
    }

    /// Adds a row, or something else that consists of entries.
    pub fn add_entries(&mut self, key: &[u8], entries: EntryView) -> Result<()> {
        self.add(key, Type::Table, Datum { ptr_value: entries.0.cast() }, 0)?;
        std::mem::forget(entries);
        Ok(())
    }

    /// The entry of a key.
    pub fn find(&self, key: &[u8]) -> *mut Entry {
        // SAFETY: the head is null or one that these functions made.
        unsafe { cms_view_find(self.0, key.as_ptr().cast(), key.len()) }
    }

    /// Visits each entry in order, until an error.
    pub fn each(&self, mut visit: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
        struct Visit<'a> {
            visit: &'a mut dyn FnMut(&Entry) -> Result<()>,
            failure: Option<Failure>,
        }
        unsafe extern "C" fn each(context: *mut c_void, entry: *const Entry) -> c_int {
            // SAFETY: the context is the one below, which lives until all were visited; C hands over an entry of its table.
            let (context, entry) = unsafe { (&mut *context.cast::<Visit<'_>>(), &*entry) };
            match crate::border::caught(|| (context.visit)(entry)) {
                Ok(()) => 0,
                Err(failure) => {
                    context.failure = Some(failure);
                    1
                }
            }
        }
        let mut context = Visit { visit: &mut visit, failure: None };
        // SAFETY: the head is null or a table of entries; nobody else has the context meanwhile.
        unsafe { cms_view_each(self.0, each, (&raw mut context).cast()) };
        context.failure.map_or(Ok(()), Err)
    }
}

impl Drop for EntryView {
    fn drop(&mut self) {
        // SAFETY: the entries are ours, and nothing leads to them any more.
        unsafe { cms_view_free(self.0) }
    }
}

/// A `UT_array` of elements of one type and size.
pub struct ArrayView(NonNull<c_void>);

impl ArrayView {
    pub fn new(kind: Type, size: usize) -> Result<ArrayView> {
        // SAFETY: it takes numbers and answers an array of its own.
        NonNull::new(unsafe { cms_view_array(kind as c_int, size) }).map(ArrayView).ok_or_else(no_memory)
    }

    /// The elements of an array in a store.
    pub fn of(key: &[u8], array: ArrayRef<'_>, kind: Type, size: usize) -> Result<ArrayView> {
        let mut view = ArrayView::new(kind, size)?;
        for element in array.iter() {
            view.push(key, element?, size)?;
        }
        Ok(view)
    }

    /// The texts of a list.
    pub fn of_texts(texts: &[Vec<u8>]) -> Result<ArrayView> {
        let mut view = ArrayView::new(Type::String, Type::String.natural_size())?;
        for text in texts {
            view.push(b"", Scalar::String(text), Type::String.natural_size())?;
        }
        Ok(view)
    }

    /// Appends an element of `size` bytes, as the array was made for.
    fn push(&mut self, key: &[u8], element: Scalar<'_>, size: usize) -> Result<()> {
        let does_not_fit = |number: i64| {
            let key = String::from_utf8_lossy(key);
            Failure::new(Status::Type, format!("{number} in array '{key}' does not fit into {size} bytes"))
        };
        match element {
            Scalar::String(text) | Scalar::Bytes(text) => {
                let text = owned(text, "element")?;
                self.push_raw(&text.as_ptr());
            }
            Scalar::Int(number) => match size {
                1 => self.push_raw(&i8::try_from(number).map_err(|_| does_not_fit(number))?),
                2 => self.push_raw(&i16::try_from(number).map_err(|_| does_not_fit(number))?),
                4 => self.push_raw(&i32::try_from(number).map_err(|_| does_not_fit(number))?),
                _ => self.push_raw(&number),
            },
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the array was made for numbers of that width"
            )]
            Scalar::Float(number) if size == 4 => self.push_raw(&(number as f32)),
            Scalar::Float(number) => self.push_raw(&number),
            Scalar::Bool(truth) => self.push_raw(&truth),
        }
        Ok(())
    }

    fn push_raw<T>(&mut self, element: &T) {
        // SAFETY: `push` chooses a type of the size that the array was made for; C copies that many bytes, and of a string its text.
        unsafe { cms_view_array_push(self.0.as_ptr(), (&raw const *element).cast()) }
    }

    /// The element behind another, or the first; a null behind the last.
    pub fn next(&self, element: *mut c_void) -> *mut c_void {
        // SAFETY: the array is ours; of the element C takes only the address.
        unsafe { cms_view_array_next(self.0.as_ptr(), element) }
    }
}

impl Drop for ArrayView {
    fn drop(&mut self) {
        // SAFETY: the array is ours, and nothing leads to it any more.
        unsafe { cms_view_array_free(self.0.as_ptr()) }
    }
}

/// The views that hang on a store, by the heads of their tables. Whoever changes them holds the store's lock.
pub struct Heads<'a> {
    pub entries: &'a mut *mut c_void,
    pub arrays: &'a mut *mut c_void,
    pub tables: &'a mut *mut c_void,
}

impl Heads<'_> {
    /// Gives everything up.
    pub fn clear(&mut self) {
        let take = |head: &mut *mut c_void| std::mem::replace(head, ptr::null_mut());
        // SAFETY: the heads are null or those of tables that were made here, and the program knows that they go.
        unsafe {
            cms_view_free(take(self.entries).cast());
            cms_view_free_arrays(take(self.arrays));
            cms_view_free_tables(take(self.tables));
        }
    }

    /// Shows an array, and answers its `struct ConfigArray`. One that is shown already stays where it is.
    pub fn show_array(
        &mut self,
        key: &[u8],
        array: ArrayView,
        kind: Type,
        size: usize,
    ) -> Result<*mut c_void> {
        let (text, length) = (key.as_ptr().cast(), key.len());
        let raw = array.0.as_ptr();
        // SAFETY: the head is null or that of arrays that were shown here; the array is handed over once.
        let found = unsafe {
            let found = cms_view_find_array(*self.arrays, text, length);
            if found.is_null() {
                if cms_view_add_array(self.arrays, text, length, raw, kind as c_int, size) == 0 {
                    return Err(no_memory());
                }
                cms_view_find_array(*self.arrays, text, length)
            } else {
                cms_view_replace_array(found, raw, kind as c_int, size);
                found
            }
        };
        std::mem::forget(array);
        Ok(found)
    }

    /// Shows a table with its columns, and answers its `struct ConfigTable`.
    pub fn show_table(&mut self, name: &[u8], columns: &[cms_segment::Column]) -> Result<*mut c_void> {
        // SAFETY: the head is null or that of tables that were shown here; names are copied, and a column is one of those asked for.
        unsafe {
            let view = cms_view_table(self.tables, name.as_ptr().cast(), name.len(), columns.len());
            if view.is_null() {
                return Err(no_memory());
            }
            for (number, column) in columns.iter().enumerate() {
                let kind = Type::of_kind(column.kind);
                let size = match column.most {
                    0 => kind.natural_size(),
                    most => most as usize,
                };
                let (text, length) = (column.name.as_ptr().cast(), column.name.len());
                if cms_view_set_column(view, number, text, length, kind as c_int, size) == 0 {
                    return Err(no_memory());
                }
            }
            Ok(view)
        }
    }

    /// Gives a table that is shown its rows.
    pub fn show_rows(table: *mut c_void, rows: EntryView) {
        // SAFETY: the table is one that `show_table` answered, under the lock that is still held.
        unsafe { cms_view_set_rows(table, rows.into_raw()) }
    }
}

/// The row of a table, as entries by the names of columns. What a row leaves out is missing.
pub fn row_entries<'v>(values: impl Iterator<Item = (&'v str, Option<Scalar<'v>>)>) -> Result<EntryView> {
    let mut entries = EntryView::new();
    for (column, value) in values {
        if let Some(value) = value {
            entries.add_scalar(column.as_bytes(), value)?;
        }
    }
    Ok(entries)
}

/// The value of an entry that a program hands over.
pub fn content_of(entry: &Entry) -> Result<Content> {
    let key = || if entry.key.is_null() { "" } else { "an entry" };
    let kind = Type::of(entry.value_type)?;
    // SAFETY: which member of the union counts is what the type says; a string ends with a NUL.
    Ok(unsafe {
        match kind {
            Type::String if entry.value.str_value.is_null() => {
                return Err(Failure::invalid(format!("the string of {} is null", key())));
            }
            Type::String => {
                Content::String(std::ffi::CStr::from_ptr(entry.value.str_value).to_bytes().to_vec())
            }
            Type::Int => Content::Int(entry.value.int_value),
            Type::Float => Content::Float(entry.value.float_value),
            Type::Bool => Content::Bool(entry.value.int_value != 0),
            Type::Array => Content::Array { kind: Kind::String, elements: texts_of(entry.value.ptr_value) },
            Type::Table => return Err(Failure::new(Status::Type, "a table is written by its rows")),
        }
    })
}

/// The texts of a `UT_array` of strings.
///
/// # Safety
/// The pointer is null or leads to an array that was made for strings.
unsafe fn texts_of(array: *mut c_void) -> Vec<Content> {
    let mut texts = Vec::new();
    let Some(array) = NonNull::new(array) else { return texts };
    let array = std::mem::ManuallyDrop::new(ArrayView(array));
    let mut element = array.next(ptr::null_mut());
    while !element.is_null() {
        // SAFETY: an element of such an array is a pointer to a string, or null.
        let text = unsafe { *element.cast::<*const c_char>() };
        if !text.is_null() {
            // SAFETY: as above.
            texts.push(Content::String(unsafe { std::ffi::CStr::from_ptr(text) }.to_bytes().to_vec()));
        }
        element = array.next(element);
    }
    texts
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::super::layout::{Column, KeyValue, Shown};
    use super::*;

    unsafe extern "C" {
        fn cms_view_size(which: c_int) -> usize;
    }

    #[test]
    fn both_languages_lay_things_out_alike() {
        // SAFETY: it takes a number and answers one.
        let size = |which| unsafe { cms_view_size(which) };
        assert_eq!(size(0), size_of::<Shown>());
        assert_eq!(size(1), size_of::<Column>());
        assert_eq!(size(2), size_of::<KeyValue>());
        assert_eq!(size(3), size_of::<Entry>());
        assert_eq!(size(4), offset_of!(Shown, lock));
        assert_eq!(size(5), crate::transaction::SHOWN);
        assert_eq!(size(6), size_of::<crate::manager::Shown>());
        assert_eq!(size(7), size_of::<crate::events::Shown>());
        assert_eq!(size(8), size_of::<crate::schema::Shown>());
        assert_eq!(size(9), size_of::<crate::schema::State>());
    }

    #[test]
    fn entries_keep_their_order_and_are_found() {
        let mut view = EntryView::new();
        view.add_scalar(b"b", Scalar::Int(1)).unwrap();
        view.add_scalar(b"a", Scalar::String(b"text")).unwrap();
        assert!(view.add_scalar(b"c", Scalar::String(b"a\0b")).is_err());
        let mut found = Vec::new();
        view.each(|entry| {
            found.push(content_of(entry)?);
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [Content::Int(1), Content::String(b"text".to_vec())]);
        assert!(!view.find(b"a").is_null());
        assert!(view.find(b"c").is_null());
    }
}

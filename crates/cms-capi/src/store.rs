//! A configuration: opening it, reading snapshots of it, keys that are read again and again, its history, and what schemas say of it.

use std::ffi::{CString, c_char, c_int};
use std::path::Path;
use std::ptr;

use cms::model::{Key, Package, PackageName, Section, Selector, Value};
use cms::{Dirs, FromValue, HistoryQuery, Location, Options, Revision, Snapshot, Store};

use crate::border::{Out, given, guard, put, status, wanted};
use crate::config::{ArrayView, Entry, EntryView};
use crate::owned::{Findings, History, List};
use crate::status::{Failure, Result, Status};
use crate::text::{Text, owned};

/// `cms_store`.
pub struct Handle {
    pub store: Store,
}

/// `cms_snapshot`.
pub struct Seen {
    pub store: Store,
    pub snapshot: Snapshot,
}

/// Opens a configuration.
#[unsafe(no_mangle)]
pub extern "C" fn cms_open(directory: Text<'_>) -> Option<Box<Handle>> {
    guard(None, || {
        let directory = match directory.optional() {
            None => "/etc/config",
            Some(_) => directory.utf8("path of the configuration directory")?,
        };
        let location = Location::find(Path::new(directory), &Dirs::from_env())?;
        let store = Store::open(&location, Options { writes: true, ..Options::from_env()? })?;
        Ok(Some(Box::new(Handle { store })))
    })
}

/// Closes it.
#[unsafe(no_mangle)]
pub extern "C" fn cms_close(store: Option<Box<Handle>>) {
    guard((), || {
        drop(store);
        Ok(())
    });
}

/// The newest revision.
#[unsafe(no_mangle)]
pub extern "C" fn cms_revision(store: Option<&Handle>, revision: Out<'_, u64>) -> c_int {
    status(|| {
        put(revision, given(store, "store")?.store.head()?.0);
        Ok(())
    })
}

/// Takes a snapshot of the newest state.
#[unsafe(no_mangle)]
pub extern "C" fn cms_snapshot_take(store: Option<&Handle>) -> Option<Box<Seen>> {
    guard(None, || {
        let store = &given(store, "store")?.store;
        Ok(Some(Box::new(Seen { store: store.clone(), snapshot: store.snapshot()? })))
    })
}

/// Takes a snapshot of an earlier state.
#[unsafe(no_mangle)]
pub extern "C" fn cms_snapshot_at(store: Option<&Handle>, revision: u64) -> Option<Box<Seen>> {
    guard(None, || {
        let store = &given(store, "store")?.store;
        let snapshot = store.snapshot_at(Revision(revision))?;
        Ok(Some(Box::new(Seen { store: store.clone(), snapshot })))
    })
}

/// Frees a snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn cms_snapshot_free(snapshot: Option<Box<Seen>>) {
    guard((), || {
        drop(snapshot);
        Ok(())
    });
}

/// The revision that a snapshot shows; 0 where there is no log.
#[unsafe(no_mangle)]
pub extern "C" fn cms_snapshot_revision(snapshot: Option<&Seen>) -> u64 {
    guard(0, || Ok(given(snapshot, "snapshot")?.snapshot.revision().map_or(0, |revision| revision.0)))
}

/// The section that a selector names, also by its generated name.
fn section_of<'p>(package: &'p Package, selector: &Selector) -> Option<Section<'p>> {
    match selector {
        Selector::Nth { kind, index } => package.nth(kind.as_ref().map(|kind| kind.as_str()), *index),
        Selector::Named(name) => package.find(name).or_else(|| {
            let (ordinal, _) = cms::model::parse_generated(name)?;
            let section = package.sections().nth(ordinal.checked_sub(1)?)?;
            let generated = cms::model::generated_name(ordinal, section.kind().as_bytes());
            (section.is_anonymous() && generated == *name).then_some(section)
        }),
    }
}

fn absent(key: &Key) -> Failure {
    Failure::new(Status::NotFound, format!("{key}: there is no such key"))
}

/// The value of a key: of an option its value, of a section its type.
pub fn value_of(package: &Package, key: &Key) -> Option<Value> {
    let section = section_of(package, key.section.as_ref()?)?;
    match &key.option {
        Some(option) => section.get(option),
        None => Some(Value::scalar(section.kind())),
    }
}

fn read<T>(snapshot: Option<&Seen>, key: Text<'_>, of: impl FnOnce(&Key, Value) -> Result<T>) -> Result<T> {
    let key = Key::parse(key.utf8("key")?)?;
    let package = given(snapshot, "snapshot")?.snapshot.package(&key.package)?;
    let value = value_of(&package, &key).ok_or_else(|| absent(&key))?;
    of(&key, value)
}

fn typed<T: FromValue>(snapshot: Option<&Seen>, key: Text<'_>, out: Out<'_, T>) -> c_int {
    status(|| {
        let out = wanted(out)?;
        read(snapshot, key, |key, value| {
            let read = T::from_value(&value).ok_or_else(|| mistyped::<T>(key, &value))?;
            out.write(read);
            Ok(())
        })
    })
}

/// The failure to read a value as a type.
pub fn mistyped<T: FromValue>(key: &Key, value: &Value) -> Failure {
    let shown = String::from_utf8_lossy(&value.items().join(&b' ')).into_owned();
    Failure::new(Status::Type, format!("{key}: '{shown}' is no {}", T::NAME))
}

/// The one text of a value.
pub fn text_of(key: &Key, value: Value) -> Result<*mut c_char> {
    match value {
        Value::Scalar(text) => Ok(owned(text, "value")?.into_raw()),
        Value::List(_) => {
            Err(Failure::new(Status::Type, format!("{key} is a list; read it with cms_get_list")))
        }
    }
}

/// The text of a key.
#[unsafe(no_mangle)]
pub extern "C" fn cms_get_string(snapshot: Option<&Seen>, key: Text<'_>) -> *mut c_char {
    guard(ptr::null_mut(), || read(snapshot, key, text_of))
}

/// The whole number of a key.
#[unsafe(no_mangle)]
pub extern "C" fn cms_get_int(snapshot: Option<&Seen>, key: Text<'_>, value: Out<'_, i64>) -> c_int {
    typed(snapshot, key, value)
}

/// The number with a fraction of a key.
#[unsafe(no_mangle)]
pub extern "C" fn cms_get_float(snapshot: Option<&Seen>, key: Text<'_>, value: Out<'_, f64>) -> c_int {
    typed(snapshot, key, value)
}

/// The truth of a key.
#[unsafe(no_mangle)]
pub extern "C" fn cms_get_bool(snapshot: Option<&Seen>, key: Text<'_>, value: Out<'_, bool>) -> c_int {
    typed(snapshot, key, value)
}

/// The items of a key.
#[unsafe(no_mangle)]
pub extern "C" fn cms_get_list(snapshot: Option<&Seen>, key: Text<'_>) -> Option<Box<List>> {
    guard(None, || read(snapshot, key, |_, value| Ok(Some(List::new(value.items())))))
}

/// The packages.
#[unsafe(no_mangle)]
pub extern "C" fn cms_packages(snapshot: Option<&Seen>) -> Option<Box<List>> {
    guard(None, || {
        Ok(Some(List::new(given(snapshot, "snapshot")?.snapshot.packages().map(|name| name.as_str()))))
    })
}

/// The sections of a package, as keys name them.
#[unsafe(no_mangle)]
pub extern "C" fn cms_sections(snapshot: Option<&Seen>, package: Text<'_>) -> Option<Box<List>> {
    guard(None, || {
        let name = PackageName::new(package.utf8("name of the package")?)?;
        let package = given(snapshot, "snapshot")?.snapshot.package(&name)?;
        Ok(Some(List::new(package.sections().map(|section| cms::label(&package, &section)))))
    })
}

/// The options of a section.
#[unsafe(no_mangle)]
pub extern "C" fn cms_options(snapshot: Option<&Seen>, section: Text<'_>) -> Option<Box<List>> {
    guard(None, || {
        let key = Key::parse(section.utf8("key of the section")?)?;
        let package = given(snapshot, "snapshot")?.snapshot.package(&key.package)?;
        let found = key.section.as_ref().and_then(|selector| section_of(&package, selector));
        let found = found.ok_or_else(|| absent(&key))?;
        Ok(Some(List::new(found.options().iter().map(|(name, _)| name.as_str()))))
    })
}

/// A package in a uthash table.
#[unsafe(no_mangle)]
pub extern "C" fn cms_package_load(snapshot: Option<&Seen>, package: Text<'_>) -> *mut Entry {
    guard(ptr::null_mut(), || {
        let name = PackageName::new(package.utf8("name of the package")?)?;
        let package = given(snapshot, "snapshot")?.snapshot.package(&name)?;
        let mut view = EntryView::new();
        for section in package.sections() {
            let label = cms::label(&package, &section);
            view.add_scalar(label.as_bytes(), section.kind().into())?;
            for (option, value) in section.options() {
                let key = format!("{label}.{option}");
                match &value {
                    Value::Scalar(text) => {
                        view.add_scalar(key.as_bytes(), cms_segment::Scalar::String(text))?;
                    }
                    Value::List(items) => view.add_array(key.as_bytes(), ArrayView::of_texts(items)?)?,
                }
            }
        }
        Ok(view.into_raw())
    })
}

/// What was committed, the newest first.
#[unsafe(no_mangle)]
pub extern "C" fn cms_history(
    store: Option<&Handle>,
    key: Text<'_>,
    since: u64,
    limit: usize,
) -> Option<Box<History>> {
    guard(None, || {
        let key = key.optional().map(|_| key.utf8("key")).transpose()?;
        let query = HistoryQuery {
            key: key.map(Key::parse).transpose()?,
            since: (since > 0).then_some(Revision(since)),
            until: None,
            limit: (limit > 0).then_some(limit),
        };
        Ok(Some(History::new(&given(store, "store")?.store.history(&query)?)))
    })
}

/// What schemas find in a package, or in all.
#[unsafe(no_mangle)]
pub extern "C" fn cms_validate(snapshot: Option<&Seen>, package: Text<'_>) -> Option<Box<Findings>> {
    guard(None, || {
        let seen = given(snapshot, "snapshot")?;
        let names = match package.optional() {
            Some(_) => Some([PackageName::new(package.utf8("name of the package")?)?]),
            None => None,
        };
        if let Some([name]) = &names
            && !seen.snapshot.contains(name)
        {
            return Err(Failure::new(Status::NotFound, format!("there is no package '{name}'")));
        }
        let found = seen.store.validate(&seen.snapshot, names.as_ref().map(|names| &names[..]))?;
        Ok(Some(Findings::new(&found)))
    })
}

/// `cms_handle`: a key that is read again and again.
pub enum Bound {
    Int(cms::Bound<i64>),
    Float(cms::Bound<f64>),
    Bool(cms::Bound<bool>),
    String(cms::Bound<String>, CString),
}

fn bind<T: FromValue>(
    store: Option<&Handle>,
    key: Text<'_>,
    of: impl FnOnce(cms::Bound<T>) -> Bound,
) -> Option<Box<Bound>> {
    guard(None, || {
        let key = Key::parse(key.utf8("key")?)?;
        Ok(Some(Box::new(of(given(store, "store")?.store.bind(&key)?))))
    })
}

/// Binds a key to whole numbers.
#[unsafe(no_mangle)]
pub extern "C" fn cms_bind_int(store: Option<&Handle>, key: Text<'_>) -> Option<Box<Bound>> {
    bind(store, key, Bound::Int)
}

/// Binds a key to numbers with a fraction.
#[unsafe(no_mangle)]
pub extern "C" fn cms_bind_float(store: Option<&Handle>, key: Text<'_>) -> Option<Box<Bound>> {
    bind(store, key, Bound::Float)
}

/// Binds a key to truths.
#[unsafe(no_mangle)]
pub extern "C" fn cms_bind_bool(store: Option<&Handle>, key: Text<'_>) -> Option<Box<Bound>> {
    bind(store, key, Bound::Bool)
}

/// Binds a key to texts.
#[unsafe(no_mangle)]
pub extern "C" fn cms_bind_string(store: Option<&Handle>, key: Text<'_>) -> Option<Box<Bound>> {
    bind(store, key, |bound| Bound::String(bound, CString::default()))
}

fn other_type() -> Failure {
    Failure::new(Status::Type, "the handle was bound to another type")
}

fn missing(key: &Key) -> Failure {
    Failure::new(Status::NotFound, format!("{key}: there is no such option"))
}

macro_rules! reads {
    ($($function:ident($variant:ident) -> $type:ty;)*) => {$(
        #[doc = "The value of a bound key."]
        #[unsafe(no_mangle)]
        pub extern "C" fn $function(handle: Option<&mut Bound>, default: $type) -> $type {
            // By itself, so that what most calls do needs no room on the stack.
            #[cold]
            #[inline(never)]
            fn look(handle: Option<&mut Bound>, default: $type) -> $type {
                guard(default, || match given(handle, "handle")? {
                    Bound::$variant(bound) => match bound.get()? {
                        Some(value) => Ok(*value),
                        None => Err(missing(bound.key())),
                    },
                    _ => Err(other_type()),
                })
            }
            if let Some(Bound::$variant(bound)) = &handle
                && let Some(value) = bound.settled()
            {
                return *value;
            }
            look(handle, default)
        }
    )*};
}

reads! {
    cms_handle_int(Int) -> i64;
    cms_handle_float(Float) -> f64;
    cms_handle_bool(Bool) -> bool;
}

/// The text of a bound key.
#[unsafe(no_mangle)]
pub extern "C" fn cms_handle_string(handle: Option<&mut Bound>, default: *const c_char) -> *const c_char {
    guard(default, || match given(handle, "handle")? {
        Bound::String(bound, kept) => {
            let key = bound.key().clone();
            let value = bound.get()?.ok_or_else(|| missing(&key))?;
            if kept.as_bytes() != value.as_bytes() {
                *kept = owned(value.as_bytes(), "value")?;
            }
            Ok(kept.as_ptr())
        }
        _ => Err(other_type()),
    })
}

/// Whether the value may have changed since this was last asked.
#[unsafe(no_mangle)]
pub extern "C" fn cms_handle_changed(handle: Option<&mut Bound>) -> bool {
    guard(false, || {
        Ok(match given(handle, "handle")? {
            Bound::Int(bound) => bound.changed()?,
            Bound::Float(bound) => bound.changed()?,
            Bound::Bool(bound) => bound.changed()?,
            Bound::String(bound, _) => bound.changed()?,
        })
    })
}

/// Frees a handle.
#[unsafe(no_mangle)]
pub extern "C" fn cms_handle_free(handle: Option<Box<Bound>>) {
    guard((), || {
        drop(handle);
        Ok(())
    });
}

//! Changes that become one commit, or none.

#![expect(unsafe_code, reason = "lists and entries come from C")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use cms::model::{Draft, Key, Name, PackageName, Selector, TypeName, Value};
use cms::{TransactionSavepoint, model};

use crate::border::{Out, given, guard, put, status};
use crate::config::{Entry, EntryView, content_of};
use crate::owned::{Findings, List};
use crate::status::{Failure, Result, Status};
use crate::store::{Handle, text_of};
use crate::text::{Text, shown};

/// A change as `struct Transaction` shows it.
#[repr(C)]
struct Shown {
    old_value: *mut c_void,
    new_value: *mut c_void,
    key: *mut c_char,
}

/// `struct Transaction`, and behind what the header shows of it, what it does not.
#[repr(C)]
pub struct Transaction {
    id: u64,
    start_time: libc::time_t,
    state: c_int,
    changes: *mut Shown,
    change_count: usize,
    /// The program's own, for a table of transactions.
    hash_handle: [*mut c_void; 6],
    hash_numbers: [u32; 2],
    inner: Option<cms::Transaction>,
    savepoints: Vec<TransactionSavepoint>,
    shown: Vec<Shown>,
    texts: Vec<CString>,
    conflicts: Box<List>,
    diagnostics: Box<Findings>,
}

const ACTIVE: c_int = 0;
const COMMITTED: c_int = 1;
const ROLLED_BACK: c_int = 2;

/// Bytes of what the header shows, for a test that compares.
#[cfg(test)]
pub const SHOWN: usize = std::mem::offset_of!(Transaction, inner);

impl Transaction {
    pub fn begin(store: &cms::Store) -> Result<Box<Transaction>> {
        let inner = store.transaction()?.tool("libcms");
        let mut begun = Transaction::shown(inner.id(), inner.started());
        begun.inner = Some(inner);
        Ok(begun)
    }

    /// One that is only shown: an active transaction of somebody else's.
    pub fn shown(id: u64, started: SystemTime) -> Box<Transaction> {
        let seconds = started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Box::new(Transaction {
            id,
            start_time: libc::time_t::try_from(seconds).unwrap_or_default(),
            state: ACTIVE,
            changes: ptr::null_mut(),
            change_count: 0,
            hash_handle: [ptr::null_mut(); 6],
            hash_numbers: [0; 2],
            inner: None,
            savepoints: Vec::new(),
            shown: Vec::new(),
            texts: Vec::new(),
            conflicts: List::new::<&str>([]),
            diagnostics: Findings::new(&[]),
        })
    }

    pub fn inner(&mut self) -> Result<&mut cms::Transaction> {
        let why = match self.state {
            COMMITTED => "was committed already",
            ROLLED_BACK => "was rolled back already",
            _ => "is shown only; who began it can use it",
        };
        let id = self.id;
        self.inner.as_mut().ok_or_else(|| Failure::invalid(format!("transaction {id} {why}")))
    }

    /// Whether it can be changed and committed.
    pub fn is_open(&self) -> bool {
        self.inner.is_some()
    }

    /// Hands the package of a key to a closure, with the parts of the key.
    pub fn edit<T>(
        &mut self,
        key: &Key,
        change: impl FnOnce(&mut Draft, &Selector, Option<&Name>) -> Result<T>,
    ) -> Result<T> {
        let inner = self.inner()?;
        let Some(section) = &key.section else {
            return Err(Failure::invalid(format!("{key} names a package; name a section or an option")));
        };
        let draft = inner.draft(&key.package)?;
        change(draft, section, key.option.as_ref())
            .map_err(|failure| Failure::new(failure.status, format!("{key}: {}", failure.message)))
    }

    /// Commits. What was refused can be changed further; what there is to tell is kept.
    pub fn commit(&mut self, revision: Out<'_, u64>) -> Result<()> {
        self.inner()?;
        self.conflicts = List::new::<&str>([]);
        self.diagnostics = Findings::new(&[]);
        let Some(inner) = self.inner.take() else { return Ok(()) };
        let refused = match inner.try_commit() {
            Ok(committed) => {
                self.state = COMMITTED;
                put(revision, committed.revision.0);
                return Ok(());
            }
            Err(refused) => *refused,
        };
        match refused.transaction {
            Some(inner) => self.inner = Some(inner),
            None => self.state = COMMITTED,
        }
        match &refused.error {
            cms::Error::Conflict { keys, .. } => self.conflicts = List::new(keys),
            cms::Error::Refused { diagnostics } | cms::Error::Unparsable { diagnostics, .. } => {
                self.diagnostics = Findings::new(diagnostics);
            }
            cms::Error::FilesPending { revision: made, .. } => put(revision, made.0),
            _ => {}
        }
        Err(refused.error.into())
    }

    /// Changes what the transaction says of itself.
    fn with(&mut self, change: impl FnOnce(cms::Transaction) -> cms::Transaction) -> Result<()> {
        self.inner()?;
        self.inner = self.inner.take().map(change);
        Ok(())
    }

    fn keep(&mut self, text: CString) -> *mut c_char {
        let place = text.as_ptr().cast_mut();
        self.texts.push(text);
        place
    }

    fn show(&mut self) -> Result<()> {
        let changes = self.inner()?.changes();
        self.texts.clear();
        let text = |value: Option<Value>| {
            value.map(|value| shown(&String::from_utf8_lossy(&value.items().join(&b'\n'))))
        };
        let mut all = Vec::new();
        for change in changes {
            all.push(Shown {
                old_value: text(change.old).map_or(ptr::null_mut(), |text| self.keep(text)).cast(),
                new_value: text(change.new).map_or(ptr::null_mut(), |text| self.keep(text)).cast(),
                key: self.keep(shown(&change.key)),
            });
        }
        self.shown = all;
        self.changes = self.shown.as_mut_ptr();
        self.change_count = self.shown.len();
        Ok(())
    }
}

/// Begins a transaction.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_begin(store: Option<&Handle>) -> Option<Box<Transaction>> {
    guard(None, || Transaction::begin(&given(store, "store")?.store).map(Some))
}

/// Frees a transaction; one that is active is rolled back.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_free(transaction: Option<Box<Transaction>>) {
    guard((), || {
        drop(transaction);
        Ok(())
    });
}

/// Ends a transaction without a change.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_rollback(transaction: Option<&mut Transaction>) -> c_int {
    status(|| {
        let transaction = given(transaction, "transaction")?;
        transaction.inner()?;
        transaction.inner = None;
        transaction.state = ROLLED_BACK;
        Ok(())
    })
}

/// Says why and by whom.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_describe(
    transaction: Option<&mut Transaction>,
    message: Text<'_>,
    author: Text<'_>,
    tool: Text<'_>,
) -> c_int {
    status(|| {
        let transaction = given(transaction, "transaction")?;
        let word = |text: Text<'_>| text.optional().map(|text| text.to_string_lossy().into_owned());
        if let Some(message) = word(message) {
            transaction.with(|inner| inner.message(message))?;
        }
        if let Some(author) = word(author) {
            transaction.with(|inner| inner.author(author))?;
        }
        if let Some(tool) = word(tool) {
            transaction.with(|inner| inner.tool(tool))?;
        }
        Ok(())
    })
}

/// Fills the changes of the transaction.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_changes(transaction: Option<&mut Transaction>) -> c_int {
    status(|| given(transaction, "transaction")?.show())
}

/// Marks the changes made so far.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_savepoint(
    transaction: Option<&mut Transaction>,
    savepoint: Out<'_, usize>,
) -> c_int {
    status(|| {
        let transaction = given(transaction, "transaction")?;
        let made = transaction.inner()?.savepoint();
        put(savepoint, transaction.savepoints.len());
        transaction.savepoints.push(made);
        Ok(())
    })
}

/// Takes the changes after a mark back.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_rollback_to(
    transaction: Option<&mut Transaction>,
    savepoint: usize,
) -> c_int {
    status(|| {
        let transaction = given(transaction, "transaction")?;
        let made = transaction.savepoints.get(savepoint).copied();
        let made =
            made.ok_or_else(|| Failure::new(Status::NotFound, format!("there is no savepoint {savepoint}")))?;
        Ok(transaction.inner()?.rollback_to(made)?)
    })
}

/// Commits.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_commit(
    transaction: Option<&mut Transaction>,
    revision: Out<'_, u64>,
) -> c_int {
    status(|| given(transaction, "transaction")?.commit(revision))
}

/// The keys of the conflict that the last commit met.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_conflicts(transaction: Option<&Transaction>) -> Option<&List> {
    guard(None, || Ok(Some(&*given(transaction, "transaction")?.conflicts)))
}

/// What a schema or the parser found at the last commit.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_diagnostics(transaction: Option<&Transaction>) -> Option<&Findings> {
    guard(None, || Ok(Some(&*given(transaction, "transaction")?.diagnostics)))
}

fn edit<T>(
    transaction: Option<&mut Transaction>,
    key: Text<'_>,
    change: impl FnOnce(&mut Draft, &Selector, Option<&Name>) -> Result<T>,
) -> Result<T> {
    let key = Key::parse(key.utf8("key")?)?;
    given(transaction, "transaction")?.edit(&key, change)
}

fn option(option: Option<&Name>) -> Result<&Name> {
    option.ok_or_else(|| Failure::invalid("the key names a section; name an option"))
}

/// The text of a key as the transaction sees it.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transaction_get(transaction: Option<&mut Transaction>, key: Text<'_>) -> *mut c_char {
    guard(ptr::null_mut(), || {
        let key = Key::parse(key.utf8("key")?)?;
        let value = given(transaction, "transaction")?.inner()?.get(&key)?;
        let absent = || Failure::new(Status::NotFound, format!("{key}: there is no such key"));
        text_of(&key, value.ok_or_else(absent)?)
    })
}

/// Gives an option a value, or a section a type.
#[unsafe(no_mangle)]
pub extern "C" fn cms_set(transaction: Option<&mut Transaction>, key: Text<'_>, value: Text<'_>) -> c_int {
    status(|| {
        edit(transaction, key, |draft, section, option| {
            match option {
                Some(option) => draft.set_option(section, option, Value::scalar(value.bytes("value")?))?,
                None => draft.set_type(section, &TypeName::new(value.utf8("type")?)?)?,
            };
            Ok(())
        })
    })
}

/// Gives an option a list.
#[unsafe(no_mangle)]
pub extern "C" fn cms_set_list(
    transaction: Option<&mut Transaction>,
    key: Text<'_>,
    items: *const *const c_char,
    count: usize,
) -> c_int {
    status(|| {
        if items.is_null() && count > 0 {
            return Err(Failure::invalid("the items are null"));
        }
        let mut list = Vec::new();
        for at in 0..count {
            // SAFETY: the header asks for `count` strings.
            let item = unsafe { *items.add(at) };
            if item.is_null() {
                return Err(Failure::invalid(format!("item {at} is null")));
            }
            // SAFETY: as above.
            list.push(unsafe { CStr::from_ptr(item) }.to_bytes());
        }
        edit(transaction, key, |draft, section, name| {
            draft.set_option(section, option(name)?, Value::list(list))?;
            Ok(())
        })
    })
}

/// Appends an item to a list.
#[unsafe(no_mangle)]
pub extern "C" fn cms_add_list(
    transaction: Option<&mut Transaction>,
    key: Text<'_>,
    item: Text<'_>,
) -> c_int {
    status(|| {
        edit(transaction, key, |draft, section, name| {
            draft.add_list(section, option(name)?, item.bytes("item")?)?;
            Ok(())
        })
    })
}

/// Takes an item out of a list.
#[unsafe(no_mangle)]
pub extern "C" fn cms_del_list(
    transaction: Option<&mut Transaction>,
    key: Text<'_>,
    item: Text<'_>,
) -> c_int {
    status(|| {
        edit(transaction, key, |draft, section, name| {
            draft.del_list(section, option(name)?, item.bytes("item")?)?;
            Ok(())
        })
    })
}

/// Takes a section or an option away.
#[unsafe(no_mangle)]
pub extern "C" fn cms_delete(transaction: Option<&mut Transaction>, key: Text<'_>) -> c_int {
    status(|| {
        edit(transaction, key, |draft, section, option| {
            match option {
                Some(option) => draft.delete_option(section, option)?,
                None => draft.delete_section(section)?,
            };
            Ok(())
        })
    })
}

/// Gives a section or an option another name.
#[unsafe(no_mangle)]
pub extern "C" fn cms_rename(transaction: Option<&mut Transaction>, key: Text<'_>, name: Text<'_>) -> c_int {
    status(|| {
        edit(transaction, key, |draft, section, option| {
            let name = Name::new(name.utf8("name")?)?;
            match option {
                Some(option) => draft.rename_option(section, option, &name)?,
                None => draft.rename_section(section, &name)?,
            };
            Ok(())
        })
    })
}

/// Moves a section.
#[unsafe(no_mangle)]
pub extern "C" fn cms_reorder(transaction: Option<&mut Transaction>, key: Text<'_>, position: i64) -> c_int {
    status(|| {
        edit(transaction, key, |draft, section, _| {
            draft.reorder(section, position)?;
            Ok(())
        })
    })
}

/// Adds a section, and answers its name.
#[unsafe(no_mangle)]
pub extern "C" fn cms_add(
    transaction: Option<&mut Transaction>,
    package: Text<'_>,
    kind: Text<'_>,
    name: Text<'_>,
    made: Out<'_, *mut c_char>,
) -> c_int {
    status(|| {
        let package = PackageName::new(package.utf8("name of the package")?)?;
        let kind = TypeName::new(kind.utf8("type")?)?;
        let name = name.optional().map(|_| name.utf8("name of the section")).transpose()?;
        let name = name.map(Name::new).transpose()?;
        let draft = given(transaction, "transaction")?.inner()?.draft(&package)?;
        let id = draft.add_section(&kind, name, Vec::new())?;
        if made.is_some() {
            let label = draft.display_name(id).map(|name| shown(&name));
            put(made, label.unwrap_or_default().into_raw());
        }
        Ok(())
    })
}

/// Makes a package.
#[unsafe(no_mangle)]
pub extern "C" fn cms_create_package(transaction: Option<&mut Transaction>, package: Text<'_>) -> c_int {
    status(|| {
        let package = PackageName::new(package.utf8("name of the package")?)?;
        given(transaction, "transaction")?.inner()?.create_package(&package)?;
        Ok(())
    })
}

/// Takes a package away.
#[unsafe(no_mangle)]
pub extern "C" fn cms_delete_package(transaction: Option<&mut Transaction>, package: Text<'_>) -> c_int {
    status(|| {
        let package = PackageName::new(package.utf8("name of the package")?)?;
        Ok(given(transaction, "transaction")?.inner()?.delete_package(&package)?)
    })
}

/// Gives a package another text.
#[unsafe(no_mangle)]
pub extern "C" fn cms_replace_text(
    transaction: Option<&mut Transaction>,
    package: Text<'_>,
    text: Text<'_>,
) -> c_int {
    status(|| {
        let transaction = given(transaction, "transaction")?;
        let package = PackageName::new(package.utf8("name of the package")?)?;
        let replaced = transaction.inner()?.replace_text(&package, text.bytes("text")?);
        if let Err(cms::Error::Unparsable { diagnostics, .. }) = &replaced {
            transaction.diagnostics = Findings::new(diagnostics);
        }
        Ok(replaced?)
    })
}

/// Writes a uthash table back into its package: what is other there is set, what is missing there is taken away.
#[unsafe(no_mangle)]
pub extern "C" fn cms_package_save(
    transaction: Option<&mut Transaction>,
    package: Text<'_>,
    entries: *mut Entry,
) -> c_int {
    status(|| {
        let package = PackageName::new(package.utf8("name of the package")?)?;
        let draft = given(transaction, "transaction")?.inner()?.draft(&package)?;
        // SAFETY: the header asks for a table of entries, or null for one without any. It stays the caller's.
        let entries = std::mem::ManuallyDrop::new(unsafe { EntryView::from_raw(entries) });
        let mut wanted = Vec::new();
        entries.each(|entry| {
            if entry.key.is_null() {
                return Err(Failure::invalid("the key of an entry is null"));
            }
            // SAFETY: not null, and then a string.
            let key = unsafe { CStr::from_ptr(entry.key) }.to_string_lossy().into_owned();
            let key = Key::parse(&format!("{package}.{key}"))?;
            wanted.push((key, written(entry)?));
            Ok(())
        })?;
        save(draft, &package, &wanted)
    })
}

/// The value that an entry is written as.
fn written(entry: &Entry) -> Result<Value> {
    use cms_segment::Content;
    Ok(match content_of(entry)? {
        Content::String(text) | Content::Bytes(text) => Value::Scalar(text),
        Content::Int(number) => Value::scalar(number.to_string()),
        Content::Float(number) => Value::scalar(number.to_string()),
        Content::Bool(truth) => Value::scalar(if truth { "1" } else { "0" }),
        Content::Array { elements, .. } => Value::List(
            elements
                .into_iter()
                .filter_map(|element| match element {
                    Content::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
        ),
        Content::Table { .. } => return Err(Failure::new(Status::Type, "a table is no value of an option")),
    })
}

fn save(draft: &mut Draft, package: &PackageName, wanted: &[(Key, Value)]) -> Result<()> {
    // References count sections as they are now: all are looked up before anything changes.
    let before = model::Package::clone(draft.package());
    let mut kept = Vec::new();
    for (key, value) in wanted {
        let Some(selector) = &key.section else { continue };
        match (&key.option, draft.resolve(selector)) {
            (None, None) => {
                let kind = TypeName::new(&String::from_utf8_lossy(value.as_bytes().unwrap_or_default()))?;
                draft.set_type(selector, &kind)?;
            }
            (None, Some(_)) => {}
            (Some(option), _) => {
                draft.set_option(selector, option, value.clone())?;
            }
        }
        if let Some(id) = draft.resolve(selector) {
            kept.push((id, key.option.clone()));
        }
    }
    for section in before.sections() {
        let selector = Selector::parse(&cms::label(&before, &section)).map_err(Failure::from)?;
        if !kept.iter().any(|(id, _)| *id == section.id()) {
            continue;
        }
        for (option, _) in section.options() {
            let is_kept = kept.iter().any(|(id, kept)| *id == section.id() && kept.as_ref() == Some(&option));
            if !is_kept {
                draft.delete_option(&selector, &option)?;
            }
        }
    }
    let gone: Vec<_> = before
        .sections()
        .map(|section| section.id())
        .filter(|id| !kept.iter().any(|(kept, _)| kept == id))
        .collect();
    for id in gone {
        draft.delete(id).map_err(|error| {
            let failure = Failure::from(error);
            Failure::new(failure.status, format!("{package}: {}", failure.message))
        })?;
    }
    Ok(())
}

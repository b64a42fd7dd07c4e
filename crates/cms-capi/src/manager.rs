//! Which transactions there are, and changes that need none of their own: `struct TransactionManager`.

#![expect(unsafe_code, reason = "the header shows its members, and callbacks are C's")]

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cms::Store;
use cms::model::{Key, TypeName, Value};

use crate::border::{Out, given, guard, put, status};
use crate::lock::Lock;
use crate::status::{Failure, Result, Status};
use crate::store::Handle;
use crate::text::Text;
use crate::transaction::Transaction;

unsafe extern "C" {
    fn cms_active_add(head: *mut *mut c_void, transaction: *mut c_void) -> c_int;
    fn cms_active_clear(head: *mut *mut c_void);
}

/// What the header shows.
#[repr(C)]
pub struct Shown {
    active: UnsafeCell<*mut c_void>,
    lock: Lock,
    last_id: UnsafeCell<u64>,
    auto_commit: UnsafeCell<bool>,
}

/// `struct TransactionManager`.
#[repr(C)]
pub struct Manager {
    shown: Shown,
    store: Store,
    state: Mutex<State>,
}

struct State {
    auto_commit: bool,
    /// What was changed without auto-commit.
    open: Option<Box<Transaction>>,
    /// The transactions that are shown.
    all: Vec<*mut Transaction>,
}

/// What makes a change; it answers 0, or why it did not.
type Change = unsafe extern "C" fn(transaction: *mut Transaction, context: *mut c_void) -> c_int;

impl Manager {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows that a transaction was begun.
    fn note(&self, id: u64) {
        let _held = self.shown.lock.hold();
        // SAFETY: whoever looks at it or changes it holds the lock.
        unsafe {
            let last = self.shown.last_id.get();
            *last = id.max(*last);
        }
    }

    fn begin(&self) -> Result<Box<Transaction>> {
        let mut begun = Transaction::begin(&self.store)?;
        self.note(begun.inner()?.id());
        Ok(begun)
    }

    /// Shows these transactions, and no others any more.
    fn show(&self, state: &mut State, transactions: &[cms::ActiveTransaction]) -> Result<()> {
        let _held = self.shown.lock.hold();
        // SAFETY: the lock is held; what is in the table was put there below, and is freed once it is out of it.
        unsafe {
            cms_active_clear(self.shown.active.get());
            for gone in state.all.drain(..) {
                drop(Box::from_raw(gone));
            }
            for transaction in transactions {
                let transaction = Box::into_raw(Transaction::shown(transaction.id, transaction.started));
                if cms_active_add(self.shown.active.get(), transaction.cast()) == 0 {
                    drop(Box::from_raw(transaction));
                    return Err(Failure::new(Status::Full, "there is no memory to show transactions with"));
                }
                state.all.push(transaction);
            }
        }
        Ok(())
    }

    /// Makes a change in a transaction of its own, or in the one that is open. A change that fails leaves that one as it was.
    fn change(
        &self,
        revision: Out<'_, u64>,
        change: impl FnOnce(&mut Box<Transaction>) -> Result<()>,
    ) -> Result<()> {
        let mut state = self.state();
        if state.auto_commit {
            drop(state);
            let mut transaction = self.begin()?;
            change(&mut transaction)?;
            if !transaction.is_open() {
                // It was committed or rolled back by what changed it.
                put(revision, 0);
                return Ok(());
            }
            return transaction.commit(revision);
        }
        let mut open = match state.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let before = open.inner()?.savepoint();
        let changed = change(&mut open);
        if open.is_open() {
            let inner = open.inner()?;
            match &changed {
                Ok(()) => inner.release(before),
                Err(_) => inner.rollback_to(before)?,
            }
            state.open = Some(open);
        }
        if changed.is_ok() {
            put(revision, 0);
        }
        changed
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let mut state = State { auto_commit: true, open: None, all: Vec::new() };
        std::mem::swap(&mut state, &mut self.state());
        // Nothing is added, so nothing can fail.
        let _ = self.show(&mut state, &[]);
    }
}

/// Makes a manager; auto-commit is on.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_new(store: Option<&Handle>) -> Option<Box<Manager>> {
    guard(None, || {
        Ok(Some(Box::new(Manager {
            shown: Shown {
                active: UnsafeCell::new(ptr::null_mut()),
                lock: Lock::new(),
                last_id: UnsafeCell::new(0),
                auto_commit: UnsafeCell::new(true),
            },
            store: given(store, "store")?.store.clone(),
            state: Mutex::new(State { auto_commit: true, open: None, all: Vec::new() }),
        })))
    })
}

/// Frees a manager; what is open is rolled back.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_free(manager: Option<Box<Manager>>) {
    guard((), || {
        drop(manager);
        Ok(())
    });
}

/// Begins a transaction of the caller's own.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_begin(manager: Option<&Manager>) -> Option<Box<Transaction>> {
    guard(None, || given(manager, "transaction manager")?.begin().map(Some))
}

/// Shows which transactions are active now.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_load(manager: Option<&Manager>) -> c_int {
    status(|| {
        let manager = given(manager, "transaction manager")?;
        let active = manager.store.active_transactions();
        manager.show(&mut manager.state(), &active)?;
        if let Some(last) = active.last() {
            manager.note(last.id);
        }
        Ok(())
    })
}

/// Chooses whether each change is committed by itself.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_set_auto_commit(
    manager: Option<&Manager>,
    on: bool,
    revision: Out<'_, u64>,
) -> c_int {
    status(|| {
        let manager = given(manager, "transaction manager")?;
        let mut state = manager.state();
        match &mut state.open {
            Some(open) if on => {
                let done = open.commit(revision);
                if !open.is_open() {
                    state.open = None;
                }
                done?;
            }
            _ => put(revision, 0),
        }
        state.auto_commit = on;
        let _held = manager.shown.lock.hold();
        // SAFETY: whoever looks at it or changes it holds the lock.
        unsafe { *manager.shown.auto_commit.get() = on };
        Ok(())
    })
}

/// Makes a change by a callback.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_change(
    manager: Option<&Manager>,
    change: Option<Change>,
    context: *mut c_void,
    revision: Out<'_, u64>,
) -> c_int {
    let mut answer = 0;
    let done = status(|| {
        let manager = given(manager, "transaction manager")?;
        let change = given(change, "change")?;
        manager.change(revision, |transaction| {
            // SAFETY: the header asks for a function of this type, which does not free the transaction.
            answer = unsafe { change(&raw mut **transaction, context) };
            match answer {
                0 => Ok(()),
                // What the callback's own call has kept is told, if it has.
                code if code == crate::status::cms_last_status() => Err(crate::status::last()),
                code => {
                    Err(Failure::invalid(format!("the change was given up: its callback answered {code}")))
                }
            }
        })
    });
    if answer != 0 { answer } else { done }
}

/// Gives an option a value, or a section a type.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_set(
    manager: Option<&Manager>,
    key: Text<'_>,
    value: Text<'_>,
    revision: Out<'_, u64>,
) -> c_int {
    status(|| {
        let key = Key::parse(key.utf8("key")?)?;
        given(manager, "transaction manager")?.change(revision, |transaction| {
            transaction.edit(&key, |draft, section, option| {
                match option {
                    Some(option) => {
                        draft.set_option(section, option, Value::scalar(value.bytes("value")?))?
                    }
                    None => draft.set_type(section, &TypeName::new(value.utf8("type")?)?)?,
                };
                Ok(())
            })
        })
    })
}

/// Takes a section or an option away.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_delete(
    manager: Option<&Manager>,
    key: Text<'_>,
    revision: Out<'_, u64>,
) -> c_int {
    status(|| {
        let key = Key::parse(key.utf8("key")?)?;
        given(manager, "transaction manager")?.change(revision, |transaction| {
            transaction.edit(&key, |draft, section, option| {
                match option {
                    Some(option) => draft.delete_option(section, option)?,
                    None => draft.delete_section(section)?,
                };
                Ok(())
            })
        })
    })
}

/// Commits what is open.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_commit(manager: Option<&Manager>, revision: Out<'_, u64>) -> c_int {
    status(|| {
        let mut state = given(manager, "transaction manager")?.state();
        let Some(open) = &mut state.open else {
            put(revision, 0);
            return Ok(());
        };
        let done = open.commit(revision);
        if !open.is_open() {
            state.open = None;
        }
        done
    })
}

/// Takes back what is open.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_rollback(manager: Option<&Manager>) -> c_int {
    status(|| {
        given(manager, "transaction manager")?.state().open = None;
        Ok(())
    })
}

/// What is open; null if nothing is.
#[unsafe(no_mangle)]
pub extern "C" fn cms_transactions_open(manager: Option<&Manager>) -> *mut Transaction {
    guard(ptr::null_mut(), || {
        let mut state = given(manager, "transaction manager")?.state();
        Ok(state.open.as_deref_mut().map_or(ptr::null_mut(), ptr::from_mut))
    })
}

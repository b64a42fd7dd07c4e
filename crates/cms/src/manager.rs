//! Which transactions there are, and changes that need none of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::commit::Committed;
use crate::error::Result;
use crate::store::Store;
use crate::transaction::Transaction;

/// A transaction that is neither committed nor rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveTransaction {
    /// Its number, unique in its process.
    pub id: u64,
    /// When it began.
    pub started: SystemTime,
    /// Whose it is.
    pub author: String,
}

/// The transactions of a store that this process has begun.
#[derive(Debug, Default)]
pub(crate) struct Active {
    last: AtomicU64,
    all: Mutex<BTreeMap<u64, ActiveTransaction>>,
}

/// The place of one among them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    active: Arc<Active>,
    id: u64,
    started: SystemTime,
}

impl Registered {
    pub(crate) fn new(active: &Arc<Active>, author: &str) -> Registered {
        let id = active.last.fetch_add(1, Ordering::Relaxed) + 1;
        let started = SystemTime::now();
        active.all.lock().insert(id, ActiveTransaction { id, started, author: author.to_owned() });
        Registered { active: active.clone(), id, started }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn started(&self) -> SystemTime {
        self.started
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.active.all.lock().remove(&self.id);
    }
}

impl Store {
    /// Lists the transactions that this process has begun in this store and not ended, the oldest first.
    pub fn active_transactions(&self) -> Vec<ActiveTransaction> {
        self.inner.active.all.lock().values().cloned().collect()
    }
}

/// Makes changes in transactions that it begins and ends by itself.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// let manager = cms::TransactionManager::new(&store);
/// assert!(manager.change(|tx| tx.create_package(&"dhcp".parse().unwrap()).map(drop))?.is_some());
///
/// manager.set_auto_commit(false)?;
/// assert!(manager.change(|tx| tx.create_package(&"mwan3".parse().unwrap()).map(drop))?.is_none());
/// assert!(manager.change(|tx| tx.create_package(&"sqm".parse().unwrap()).map(drop))?.is_none());
/// let committed = manager.commit()?.expect("two packages were made");
/// assert_eq!(committed.packages.len(), 2);
/// # Ok(())
/// # }
/// ```
pub struct TransactionManager {
    store: Store,
    state: Mutex<State>,
}

struct State {
    auto_commit: bool,
    /// What was changed without auto-commit.
    open: Option<Transaction>,
}

impl TransactionManager {
    /// Manages changes of a store; auto-commit is on.
    pub fn new(store: &Store) -> TransactionManager {
        TransactionManager {
            store: store.clone(),
            state: Mutex::new(State { auto_commit: true, open: None }),
        }
    }

    /// Begins a transaction of the caller's own.
    ///
    /// # Errors
    /// As [`Store::transaction`].
    pub fn begin(&self) -> Result<Transaction> {
        self.store.transaction()
    }

    /// Lists the active transactions of the store.
    pub fn active(&self) -> Vec<ActiveTransaction> {
        self.store.active_transactions()
    }

    /// Returns the number of the transaction begun last; 0 before the first.
    pub fn last_id(&self) -> u64 {
        self.store.inner.active.last.load(Ordering::Relaxed)
    }

    /// Tells whether each change is committed by itself.
    pub fn auto_commit(&self) -> bool {
        self.state.lock().auto_commit
    }

    /// Chooses whether each change is committed by itself. Turning it on commits what is open.
    ///
    /// # Errors
    /// Those of that commit; auto-commit stays off then, and what was open is rolled back.
    pub fn set_auto_commit(&self, on: bool) -> Result<Option<Committed>> {
        let mut state = self.state.lock();
        let committed = match state.open.take_if(|_| on) {
            Some(open) => Some(open.commit()?),
            None => None,
        };
        state.auto_commit = on;
        Ok(committed)
    }

    /// Makes a change: commits it with auto-commit, or adds it to what is open. A change that fails leaves what was open as it
    /// was.
    ///
    /// # Errors
    /// Those of the change and of its commit.
    pub fn change(&self, change: impl FnOnce(&mut Transaction) -> Result<()>) -> Result<Option<Committed>> {
        let mut state = self.state.lock();
        if state.auto_commit {
            drop(state);
            let mut transaction = self.store.transaction()?;
            change(&mut transaction)?;
            return transaction.commit().map(Some);
        }
        let open = match &mut state.open {
            Some(open) => open,
            None => state.open.insert(self.store.transaction()?),
        };
        let before = open.savepoint();
        if let Err(error) = change(open) {
            open.rollback_to(before)?;
            return Err(error);
        }
        open.release(before);
        Ok(None)
    }

    /// Commits what is open.
    ///
    /// # Errors
    /// Those of the commit; what was open is rolled back then.
    pub fn commit(&self) -> Result<Option<Committed>> {
        let open = self.state.lock().open.take();
        open.map(Transaction::commit).transpose()
    }

    /// Takes back what is open.
    pub fn rollback(&self) {
        self.state.lock().open = None;
    }
}

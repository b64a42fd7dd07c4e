//! Changes over many packages that become one commit, or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use cms_log::{CommitKind, Origin, Revision};
use cms_model::{Change, Draft, Package, PackageName};

use crate::author::current_user;
use crate::commit::{Action, Committed, Signature, Wanted};
use crate::confirm::Confirm;
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use crate::store::{Store, seed};

/// Collects changes on a snapshot, sees them itself, and commits them all or not at all.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// use cms::model::{Name, Selector, Value};
///
/// let mut tx = store.transaction()?;
/// let network = tx.draft(&"network".parse()?)?;
/// network.set_option(&Selector::Named(Name::new("lan")?), &Name::new("mtu")?, Value::scalar("1492"))?;
/// let committed = tx.message("room for PPPoE").commit_and_wait_files()?;
///
/// assert_eq!(committed.packages[0].1[0].key, "network.lan.mtu");
/// assert!(std::fs::read_to_string(config.join("network"))?.contains("option mtu '1492'"));
/// # Ok(())
/// # }
/// ```
pub struct Transaction {
    store: Store,
    snapshot: Snapshot,
    works: BTreeMap<PackageName, Work>,
    signature: Signature,
}

/// What a transaction does to one package.
enum Work {
    Edit { base: Arc<Package>, draft: Box<Draft> },
    Create { draft: Box<Draft> },
    Rewrite { text: Arc<Package> },
    Delete,
}

impl Store {
    /// Begins a transaction on the newest state.
    ///
    /// # Errors
    /// [`Error::NotOwner`] for those who may not commit; else as [`snapshot`](Store::snapshot).
    pub fn transaction(&self) -> Result<Transaction> {
        self.log("begin a transaction")?;
        Ok(self.transaction_on(self.snapshot()?))
    }

    /// Begins a transaction on a state seen before, so that what was decided on it is checked
    /// against everything committed since.
    pub fn transaction_on(&self, snapshot: Snapshot) -> Transaction {
        let signature = Signature {
            kind: CommitKind::Normal,
            author: current_user(),
            tool: String::new(),
            message: String::new(),
            origin: Origin::Direct,
            confirm: None,
        };
        Transaction { store: self.clone(), snapshot, works: BTreeMap::new(), signature }
    }
}

impl Transaction {
    /// Returns the state that the transaction was begun on.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the working copy of a package.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unparsable`].
    pub fn draft(&mut self, name: &PackageName) -> Result<&mut Draft> {
        if !self.works.contains_key(name) {
            let base = self.snapshot.package(name)?;
            let draft = Box::new(Draft::new(Package::clone(&base), seed()));
            self.works.insert(name.clone(), Work::Edit { base, draft });
        }
        match self.works.get_mut(name) {
            Some(Work::Edit { draft, .. } | Work::Create { draft }) => Ok(draft),
            Some(Work::Rewrite { .. }) => Err(Error::Invalid {
                key: name.to_string(),
                reason: "the package is rewritten as a whole in this transaction".to_owned(),
            }),
            Some(Work::Delete) | None => Err(Error::not_found(name)),
        }
    }

    /// Begins a package that is not there yet.
    ///
    /// # Errors
    /// [`Error::Exists`].
    pub fn create_package(&mut self, name: &PackageName) -> Result<&mut Draft> {
        let taken = match self.works.get(name) {
            Some(Work::Delete) => false,
            Some(_) => true,
            None => self.snapshot.contains(name),
        };
        if taken {
            return Err(Error::Exists { key: name.to_string() });
        }
        let work = Work::Create { draft: Box::new(Draft::new(Package::empty(), seed())) };
        match self.works.entry(name.clone()).insert_entry(work).into_mut() {
            Work::Create { draft } => Ok(draft),
            _ => Err(Error::Exists { key: name.to_string() }),
        }
    }

    /// Deletes a package.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn delete_package(&mut self, name: &PackageName) -> Result<()> {
        match self.works.get(name) {
            Some(Work::Create { .. }) => {
                self.works.remove(name);
                return Ok(());
            }
            Some(Work::Delete) => return Err(Error::not_found(name)),
            _ if !self.snapshot.contains(name) => return Err(Error::not_found(name)),
            _ => {}
        }
        self.works.insert(name.clone(), Work::Delete);
        Ok(())
    }

    /// Gives a package another text, or makes it with that text. Sections keep their identity where
    /// the new text has them again.
    ///
    /// # Errors
    /// [`Error::Unparsable`] with every fault of the text.
    pub fn replace_text(&mut self, name: &PackageName, text: &[u8]) -> Result<()> {
        let parsed = Package::parse(text)
            .map_err(|diagnostics| Error::Unparsable { package: name.clone(), diagnostics })?;
        self.replace_package(name, parsed)
    }

    /// As [`replace_text`](Transaction::replace_text) for a text that is parsed already.
    ///
    /// # Errors
    /// Those of reading the package that is there.
    pub fn replace_package(&mut self, name: &PackageName, parsed: Package) -> Result<()> {
        let work =
            if self.snapshot.contains(name) && !matches!(self.works.get(name), Some(Work::Create { .. })) {
                let base = self.snapshot.package(name)?;
                Work::Rewrite { text: Arc::new(base.adopt(parsed, seed())) }
            } else {
                Work::Create { draft: Box::new(Draft::new(parsed, seed())) }
            };
        self.works.insert(name.clone(), work);
        Ok(())
    }

    /// Says why.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Transaction {
        self.signature.message = message.into();
        self
    }

    /// Names the program that commits.
    #[must_use]
    pub fn tool(mut self, tool: impl Into<String>) -> Transaction {
        self.signature.tool = tool.into();
        self
    }

    /// Names somebody else than the user of this process as the author, for whoever acts for others.
    #[must_use]
    pub fn author(mut self, author: impl Into<String>) -> Transaction {
        self.signature.author = author.into();
        self
    }

    /// Asks for the commit to be rolled back unless somebody confirms it in time.
    #[must_use]
    pub fn confirm(mut self, confirm: Confirm) -> Transaction {
        self.signature.confirm = Some(confirm);
        self
    }

    /// Says what a commit would do now, and whether it would be in conflict.
    ///
    /// # Errors
    /// As [`commit`](Transaction::commit).
    pub fn plan(&self) -> Result<Committed> {
        self.store.plan(&self.wanted(), self.signature.clone())
    }

    /// Commits; returns when the log has it on disk.
    ///
    /// # Errors
    /// [`Error::Conflict`] when somebody else changed the same since the transaction began: nothing
    /// was committed. [`Error::Unparsable`] when a touched package's file does not parse.
    pub fn commit(self) -> Result<Committed> {
        self.store.commit(&self.wanted(), self.signature.clone())
    }

    /// Commits; returns when the package files have it, too.
    ///
    /// # Errors
    /// As [`commit`](Transaction::commit); [`Error::FilesPending`] when the commit is in the log and
    /// its files could not be written.
    pub fn commit_and_wait_files(self) -> Result<Committed> {
        self.store.commit_with_files(&self.wanted(), self.signature.clone())
    }

    fn wanted(&self) -> Vec<Wanted> {
        let base = self.snapshot.revision().unwrap_or(Revision::EMPTY);
        let each = self.works.iter().filter_map(|(name, work)| {
            let action = match work {
                Work::Edit { base: package, draft } => {
                    if draft.changes().is_empty() {
                        return None;
                    }
                    let changes: Vec<(Revision, Change)> =
                        draft.changes().iter().map(|change| (base, change.clone())).collect();
                    let made = Some((package.clone(), Arc::new(draft.package().clone())));
                    Action::Changes { changes, made }
                }
                Work::Create { draft } => match self.snapshot.package(name) {
                    // Deleted and made anew: the same package with another text.
                    Ok(base) => Action::Rewrite(Arc::new(base.adopt(draft.package().clone(), seed()))),
                    Err(_) => Action::Create(Arc::new(draft.package().clone())),
                },
                Work::Rewrite { text } => Action::Rewrite(text.clone()),
                Work::Delete => Action::Delete,
            };
            Some(Wanted { package: name.clone(), base, action })
        });
        each.collect()
    }
}

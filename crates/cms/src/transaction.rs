//! Changes over many packages that become one commit, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cms_log::{CommitKind, Origin, Revision, ScriptAnswer, ScriptLimits};
use cms_model::schema::Mode;
use cms_model::table::{Definition, TableChange};
use cms_model::{Change, Draft, IdSource, Key, Package, PackageName, Value};

use crate::author::current_user;
use crate::commit::{Action, Committed, Made, Signature, Wanted};
use crate::confirm::Confirm;
use crate::describe::DisplayChange;
use crate::error::{Error, Result};
use crate::manager::Registered;
use crate::snapshot::Snapshot;
use crate::store::{Store, seed};
use crate::tables::{TableEditor, TableWorks, Wish, table_name, work};
use crate::terms::{Deadline, Requirement, Terms};

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
    works: Works,
    tables: TableWorks,
    signature: Signature,
    terms: Terms,
    isolation: Isolation,
    savepoints: Vec<(u64, Works, TableWorks)>,
    /// Savepoints that there were, so that none is taken for another.
    marks: u64,
    registered: Registered,
}

/// A commit that was refused, with the transaction to go on with: see [`Transaction::try_commit`].
pub struct RefusedCommit {
    /// Why.
    pub error: Error,
    /// The transaction as it was; `None` where the commit is in the log all the same.
    pub transaction: Option<Transaction>,
}

impl fmt::Debug for RefusedCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedCommit").field("error", &self.error).finish_non_exhaustive()
    }
}

type Works = BTreeMap<PackageName, Work>;

/// What a transaction is checked against when it is committed (`docs/transactions.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// What it changed, and what was [required](Transaction::require).
    #[default]
    Snapshot,
    /// Besides, all that was read through it.
    Serializable,
}

/// A mark in a transaction, to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionSavepoint(u64);

/// What a transaction does to one package.
#[derive(Clone)]
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
            at_most: Mode::Enforce,
            at_least: Mode::Off,
        };
        let registered = Registered::new(&self.inner.active, &signature.author);
        Transaction {
            store: self.clone(),
            snapshot,
            works: BTreeMap::new(),
            tables: TableWorks::new(),
            signature,
            terms: Terms::default(),
            isolation: Isolation::Snapshot,
            savepoints: Vec::new(),
            marks: 0,
            registered,
        }
    }
}

impl Transaction {
    /// Returns the state that the transaction was begun on.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Limits what schemas may do: with [`Mode::Warn`] what they do not allow is a warning, with [`Mode::Off`] nothing is checked.
    pub fn check_at_most(&mut self, mode: Mode) {
        self.signature.at_most = mode;
    }

    /// Has schemas do more than they say: with [`Mode::Enforce`] the commit is refused where a schema would only have told of an
    /// error. What [`check_at_most`](Transaction::check_at_most) says comes first.
    pub fn check_at_least(&mut self, mode: Mode) {
        self.signature.at_least = mode;
    }

    /// Returns the number of the transaction, unique in its process.
    pub fn id(&self) -> u64 {
        self.registered.id()
    }

    /// Returns when it began.
    pub fn started(&self) -> SystemTime {
        self.registered.started()
    }

    /// Chooses what the commit is checked against.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Transaction {
        self.isolation = isolation;
        self
    }

    /// Sets how long from now the transaction may take. After that it makes no more changes and does not commit.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Transaction {
        let at = Instant::now().checked_add(limit);
        self.terms.deadline = at.map(|at| Deadline { transaction: self.id(), limit, at });
        self
    }

    /// Makes the commit depend on what a key names being as the snapshot has it: an option, a section with all its
    /// options, or a package. What is not there must stay away.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption proto 'static'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// use cms::model::{Key, Name, Selector, Value};
    ///
    /// let proto = Key::parse("network.lan.proto")?;
    /// let set = |tx: &mut cms::Transaction, option: &str, value: &str| -> Result<(), Box<dyn std::error::Error>> {
    ///     let lan = Selector::Named(Name::new("lan")?);
    ///     Ok(tx.draft(&"network".parse()?)?.set_option(&lan, &Name::new(option)?, Value::scalar(value)).map(drop)?)
    /// };
    /// let mut address = store.transaction()?;
    /// address.require(&proto)?;
    /// set(&mut address, "ipaddr", "10.0.0.1")?;
    ///
    /// let mut other = store.transaction()?;
    /// set(&mut other, "proto", "dhcp")?;
    /// other.commit()?;
    /// assert!(address.commit().unwrap_err().is_conflict(), "an address makes no sense any more");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of reading the package.
    pub fn require(&mut self, key: &Key) -> Result<()> {
        let requirement = Requirement::new(&self.snapshot, key)?;
        if !self.terms.requirements.contains(&requirement) {
            self.terms.requirements.push(requirement);
        }
        Ok(())
    }

    /// Reads a key as the transaction sees it: its own change, or the snapshot. A section's value is its type.
    ///
    /// # Errors
    /// Those of reading the package.
    pub fn get(&mut self, key: &Key) -> Result<Option<Value>> {
        self.note_read(key)?;
        let Some(section) = &key.section else {
            return Ok(None);
        };
        let from = |draft: &Draft| draft.get(section, key.option.as_ref());
        match self.works.get(&key.package) {
            Some(Work::Edit { draft, .. } | Work::Create { draft }) => Ok(from(draft)),
            Some(Work::Rewrite { text }) => Ok(from(&Draft::new(Package::clone(text), 0))),
            Some(Work::Delete) => Ok(None),
            None if !self.snapshot.contains(&key.package) => Ok(None),
            None => self.snapshot.get(key),
        }
    }

    /// Returns the packages that there are for the transaction, in order.
    pub fn packages(&self) -> Vec<PackageName> {
        let mut names: BTreeSet<PackageName> = self.snapshot.packages().cloned().collect();
        for (name, work) in &self.works {
            match work {
                Work::Create { .. } => names.insert(name.clone()),
                Work::Delete => names.remove(name),
                Work::Edit { .. } | Work::Rewrite { .. } => false,
            };
        }
        names.into_iter().collect()
    }

    /// Returns a copy of a package as the transaction sees it, with the names that its sections have there. Nothing that is done to
    /// the copy is committed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("system"), "config system 'main'\n")?;
    /// # std::fs::write(config.join("dhcp"), "config dnsmasq\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// let mut tx = store.transaction()?;
    /// tx.draft(&"system".parse()?)?.add(&"led".parse()?)?;
    /// tx.delete_package(&"dhcp".parse()?)?;
    /// tx.create_package(&"network".parse()?)?;
    ///
    /// let names: Vec<String> = tx.packages().iter().map(ToString::to_string).collect();
    /// assert_eq!(names, ["network", "system"]);
    /// assert_eq!(tx.view(&"system".parse()?)?.package().sections().count(), 2);
    /// assert!(tx.view(&"dhcp".parse()?).unwrap_err().is_not_found());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unparsable`].
    pub fn view(&mut self, name: &PackageName) -> Result<Draft> {
        self.note_read(&Key { package: name.clone(), section: None, option: None })?;
        match self.works.get(name) {
            Some(Work::Edit { draft, .. } | Work::Create { draft }) => Ok(Draft::clone(draft)),
            Some(Work::Rewrite { text }) => Ok(Draft::on(text.clone(), IdSource::new(0))),
            Some(Work::Delete) => Err(Error::not_found(name)),
            None => Ok(Draft::on(self.snapshot.package(name)?, IdSource::new(0))),
        }
    }

    fn note_read(&mut self, key: &Key) -> Result<()> {
        match self.isolation {
            Isolation::Snapshot => Ok(()),
            Isolation::Serializable => self.require(key),
        }
    }

    /// Tells what the transaction changes, with the values before and after.
    pub fn changes(&self) -> Vec<DisplayChange> {
        let mut all = Vec::new();
        for (name, work) in &self.works {
            match work {
                Work::Edit { base, draft } => {
                    let changes = draft.changes().iter();
                    all.extend(
                        changes.map(|change| {
                            DisplayChange::new(name, change, Some(draft.package()), Some(base))
                        }),
                    );
                }
                Work::Create { .. } => all.push(DisplayChange::package_created(name)),
                Work::Rewrite { text } => {
                    if let Ok(base) = self.snapshot.package(name) {
                        let changes = Package::diff(&base, text);
                        all.extend(
                            changes
                                .iter()
                                .map(|change| DisplayChange::new(name, change, Some(text), Some(&base))),
                        );
                    }
                }
                Work::Delete => all.push(DisplayChange::package_deleted(name)),
            }
        }
        all.extend(self.tables.values().flat_map(|work| crate::tables::display(&work.change())));
        all
    }

    /// Marks the changes made so far.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("system"), "config system 'main'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// let mut tx = store.transaction()?;
    /// tx.create_package(&"dhcp".parse()?)?;
    /// let savepoint = tx.savepoint();
    /// tx.delete_package(&"system".parse()?)?;
    /// tx.rollback_to(savepoint)?;
    /// assert_eq!(tx.changes().len(), 1, "the new package is still there, and system stays");
    /// # Ok(())
    /// # }
    /// ```
    pub fn savepoint(&mut self) -> TransactionSavepoint {
        self.marks += 1;
        self.savepoints.push((self.marks, self.works.clone(), self.tables.clone()));
        TransactionSavepoint(self.marks)
    }

    /// Takes back the changes made after a savepoint, and forgets the savepoints after it. What was read or required since
    /// stays so.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the transaction has gone back to an earlier one meanwhile.
    pub fn rollback_to(&mut self, savepoint: TransactionSavepoint) -> Result<()> {
        let Some(at) = self.savepoints.iter().position(|(mark, ..)| *mark == savepoint.0) else {
            return Err(Error::not_found(format!("savepoint {} of transaction {}", savepoint.0, self.id())));
        };
        self.savepoints.truncate(at + 1);
        if let Some((_, works, tables)) = self.savepoints.last() {
            self.works = works.clone();
            self.tables = tables.clone();
        }
        Ok(())
    }

    /// Forgets a savepoint, and those after it. The changes stay.
    pub fn release(&mut self, savepoint: TransactionSavepoint) {
        self.savepoints.retain(|(mark, ..)| *mark < savepoint.0);
    }

    /// Ends the transaction without a change, as dropping it does.
    pub fn rollback(self) {}

    /// Returns the working copy of a package.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unparsable`], [`Error::Expired`].
    pub fn draft(&mut self, name: &PackageName) -> Result<&mut Draft> {
        if let Some(deadline) = &self.terms.deadline {
            deadline.hold()?;
        }
        if self.isolation == Isolation::Serializable {
            // What is read in the working copy is not seen here.
            self.require(&Key { package: name.clone(), section: None, option: None })?;
        }
        if !self.works.contains_key(name) {
            let base = self.snapshot.package(name)?;
            let draft = Box::new(Draft::on(base.clone(), IdSource::seeded_by(seed)));
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

    /// Returns the tables that there are for the transaction, in the order of their names.
    ///
    /// # Errors
    /// As [`Snapshot::tables`].
    pub fn tables(&self) -> Result<Vec<Arc<Definition>>> {
        work::definitions(&self.tables, &self.snapshot)
    }

    /// Returns a table, to read it as the transaction sees it and to change its rows.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// use cms::model::table::{Datum, Definition};
    ///
    /// let mut tx = store.transaction()?;
    /// tx.create_table(Definition::parse("leases", &["ip TEXT ipv4", "host TEXT required"], &["ip"])?)?;
    /// let mut leases = tx.table("leases")?;
    /// let row = leases.definition().row_from_text(&[("ip", "10.0.0.7"), ("host", "printer")])?;
    /// leases.insert(row)?;
    /// leases.update(&[Datum::Text("10.0.0.7".into())], &[("host", Datum::Text("scanner".into()))])?;
    /// let error = leases.insert(vec![Datum::Text("10.0.0.8".into()), Datum::Null]).unwrap_err();
    /// assert_eq!(error.to_string(), "table leases, row 10.0.0.8, column host: it has no value (rule required)");
    ///
    /// let committed = tx.message("a device").commit()?;
    /// assert_eq!(committed.tables[0].1[1].key, "table.leases.10.0.0.7");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Expired`]; as [`Snapshot::table`].
    pub fn table(&mut self, name: &str) -> Result<TableEditor<'_>> {
        self.hold()?;
        if self.isolation == Isolation::Serializable {
            self.require_table(name)?;
        }
        TableEditor::new(&mut self.tables, &self.snapshot, name)
    }

    /// Makes the commit depend on a table being as the snapshot has it, with all its rows.
    ///
    /// # Errors
    /// [`Error::Table`] if it is no name of a table.
    pub fn require_table(&mut self, name: &str) -> Result<()> {
        let base = self.snapshot.revision().unwrap_or(Revision::EMPTY);
        self.terms.tables.insert(Some(table_name(name)?), base);
        Ok(())
    }

    /// Makes a table.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Expired`]; [`Error::Table`] if the definition makes no sense.
    pub fn create_table(&mut self, table: Definition) -> Result<()> {
        self.hold()?;
        work::create(&mut self.tables, &self.snapshot, table)
    }

    /// Removes a table and its rows.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Expired`].
    pub fn drop_table(&mut self, name: &str) -> Result<()> {
        self.hold()?;
        work::drop_table(&mut self.tables, &self.snapshot, &table_name(name)?)
    }

    /// Runs a script of SQL on the tables (`docs/tables.md` says which SQL). What it changes belongs to the transaction.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// use cms::model::table::{Datum, Definition};
    ///
    /// let mut tx = store.transaction()?;
    /// tx.create_table(Definition::parse("hosts", &["name TEXT", "port INT"], &["name"])?)?;
    /// let answers = tx.execute_sql("INSERT INTO hosts VALUES ('www', 443), ('ftp', 21); SELECT sum(port) FROM hosts")?;
    /// assert_eq!((answers[0].changed, &answers[1].rows[0][0]), (2, &Datum::Int(464)));
    /// assert!(tx.execute_sql("SELECT * FROM commits").unwrap_err().to_string().contains("is no table of the store"));
    /// assert_eq!(tx.commit()?.tables[0].1.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Script`] with the line of what is not allowed or failed, [`Error::Table`] for a row that breaks a
    /// rule. The transaction is as it was then.
    pub fn execute_sql(&mut self, script: &str) -> Result<Vec<ScriptAnswer>> {
        self.execute_sql_within(script, ScriptLimits::default())
    }

    /// As [`execute_sql`](Transaction::execute_sql), within other limits.
    ///
    /// # Errors
    /// As `execute_sql`.
    pub fn execute_sql_within(&mut self, script: &str, limits: ScriptLimits) -> Result<Vec<ScriptAnswer>> {
        self.hold()?;
        if self.isolation == Isolation::Serializable {
            self.terms.tables.insert(None, self.snapshot.revision().unwrap_or(Revision::EMPTY));
        }
        work::execute(&mut self.tables, &self.snapshot, script, limits)
    }

    /// Takes along a change of a table as a whole.
    pub(crate) fn wish_table(&mut self, change: TableChange) -> Result<()> {
        work::wish(&mut self.tables, &self.snapshot, change)
    }

    fn hold(&self) -> Result<()> {
        self.terms.deadline.as_ref().map_or(Ok(()), crate::terms::Deadline::hold)
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
    pub fn confirm(mut self, confirm: impl Into<Option<Confirm>>) -> Transaction {
        self.signature.confirm = confirm.into();
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
    /// was committed. [`Error::Expired`] after the deadline. [`Error::Unparsable`] when a touched package's file does not parse.
    pub fn commit(self) -> Result<Committed> {
        let Transaction { store, snapshot, works, tables, signature, terms, registered, .. } = self;
        let base = snapshot.revision().unwrap_or(Revision::EMPTY);
        let packages = works.into_iter().filter_map(|(name, work)| match work {
            Work::Edit { base: package, draft } => {
                let (_, now, changes) = draft.into_parts();
                edited(name, base, package, now, changes)
            }
            work => other_wanted(&snapshot, &name, base, &work),
        });
        let wish = Wish { packages: packages.collect(), tables: work::wanted(&tables, base) };
        let committed = store.commit(wish, signature, terms);
        // Until now it was active.
        drop(registered);
        committed
    }

    /// Commits; returns when the package files have it, too.
    ///
    /// # Errors
    /// As [`commit`](Transaction::commit); [`Error::FilesPending`] when the commit is in the log and
    /// its files could not be written.
    pub fn commit_and_wait_files(self) -> Result<Committed> {
        self.store.commit_with_files(self.wanted(), self.signature.clone(), self.terms.clone())
    }

    /// As [`commit_and_wait_files`](Transaction::commit_and_wait_files), and gives the transaction back if it is refused: for
    /// whoever wants to see what it would have changed, go back to a savepoint, or try again.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
    /// # let config = home.path().join("config");
    /// # std::fs::create_dir(&config)?;
    /// # std::fs::write(config.join("system"), "config system 'main'\n\toption hostname 'gw'\n")?;
    /// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
    /// # use cms::model::{Name, Selector, Value};
    /// # let set = |tx: &mut cms::Transaction, value: &str| -> Result<(), Box<dyn std::error::Error>> {
    /// #     let main = Selector::Named(Name::new("main")?);
    /// #     tx.draft(&"system".parse()?)?.set_option(&main, &Name::new("hostname")?, Value::scalar(value))?;
    /// #     Ok(())
    /// # };
    /// let (mut first, mut second) = (store.transaction()?, store.transaction()?);
    /// set(&mut first, "attic")?;
    /// set(&mut second, "cellar")?;
    /// first.commit()?;
    ///
    /// let refused = second.try_commit().unwrap_err();
    /// assert!(refused.error.is_conflict());
    /// assert_eq!(refused.transaction.unwrap().changes()[0].key, "system.main.hostname");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `commit_and_wait_files`, with the transaction.
    pub fn try_commit(self) -> Result<Committed, Box<RefusedCommit>> {
        let done = self.store.commit_with_files(self.wanted(), self.signature.clone(), self.terms.clone());
        done.map_err(|error| {
            let transaction = (!error.is_committed()).then_some(self);
            Box::new(RefusedCommit { error, transaction })
        })
    }

    fn wanted(&self) -> Wish {
        let base = self.snapshot.revision().unwrap_or(Revision::EMPTY);
        let each = self.works.iter().filter_map(|(name, work)| match work {
            Work::Edit { base: package, draft } => {
                let changes = draft.changes().to_vec();
                edited(name.clone(), base, package.clone(), draft.made().cloned(), changes)
            }
            work => other_wanted(&self.snapshot, name, base, work),
        });
        Wish { packages: each.collect(), tables: work::wanted(&self.tables, base) }
    }
}

/// What becomes of a package that was edited, if it was.
fn edited(
    package: PackageName,
    base: Revision,
    before: Arc<Package>,
    after: Option<Package>,
    changes: Vec<Change>,
) -> Option<Wanted> {
    if changes.is_empty() {
        return None;
    }
    let changes = changes.into_iter().map(|change| (base, change)).collect();
    let action = Action::Changes { changes, made: Some(Made { base: before, result: after.map(Arc::new) }) };
    Some(Wanted { package, base, action })
}

/// What becomes of a package as a whole.
fn other_wanted(snapshot: &Snapshot, name: &PackageName, base: Revision, work: &Work) -> Option<Wanted> {
    let action = match work {
        Work::Edit { .. } => return None,
        Work::Create { draft } => match snapshot.package(name) {
            // Deleted and made anew: the same package with another text.
            Ok(base) => Action::Rewrite(Arc::new(base.adopt(draft.package().clone(), seed()))),
            Err(_) => Action::Create(Arc::new(draft.package().clone())),
        },
        Work::Rewrite { text } => Action::Rewrite(text.clone()),
        Work::Delete => Action::Delete,
    };
    Some(Wanted { package: name.clone(), base, action })
}

//! Migrations of the data of modules (`docs/migrations.md`): which version it has, what leads to another, and going there.

mod check;
mod sql;
pub(crate) mod stamp;

pub use self::sql::{RestoredTable, SqlCount};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cms_log::{Revision, SchemaText};
use cms_model::schema::{
    ConflictKind, Migrated, MigrationConflict, Mode, Module, SchemaRegistry, SchemaVersion, Step, Version,
    fill_defaults,
};
use cms_model::{Draft, Key, Package, PackageName};

use crate::commit::Committed;
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use crate::stage::CommitOptions;
use crate::store::{Store, seed};
use crate::transaction::Transaction;

/// How often a migration is planned anew because somebody else committed meanwhile.
const ATTEMPTS: usize = 8;

/// A module with what is known of its versions, to migrate its data.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("blog"), "config site 'home'\n\toption colour 'dark' # at night\n")?;
/// # use cms::{CommitOptions, Location, MigrationOptions, Options, Store};
/// # let location = Location::find(&config, &dirs)?.with_modules(vec![home.path().join("modules")]);
/// # let store = Store::open(&location, Options::default())?;
/// store.modules().add("blog", b"config module 'blog'
///     option version '1.1.0'
/// config migration
///     option to '1.1.0'
///     list step 'rename site.colour theme'
/// config fields 'site'
///     option theme 'in:light,dark'
/// ")?;
/// let blog = store.schema("blog")?;
/// assert_eq!(blog.state()?.data.to_string(), "0.0.0");
///
/// let report = blog.migrate(&MigrationOptions::default(), &CommitOptions::default())?;
/// assert_eq!(report.steps[0].taken, 1);
/// assert_eq!(std::fs::read_to_string(config.join("blog"))?, "config site 'home'\n\toption theme 'dark' # at night\n");
/// assert_eq!(blog.state()?.data.to_string(), "1.1.0");
///
/// blog.rollback(&MigrationOptions::default(), &CommitOptions::default())?;
/// assert_eq!(std::fs::read_to_string(config.join("blog"))?, "config site 'home'\n\toption colour 'dark' # at night\n");
/// # Ok(())
/// # }
/// ```
pub struct ModuleSchema {
    store: Store,
    name: String,
    module: Arc<Module>,
    /// The module file, as it is to be registered.
    text: Vec<u8>,
    registry: SchemaRegistry,
    /// The schemas of the versions that were registered, as far as they can be read.
    texts: BTreeMap<Version, Arc<Module>>,
}

/// Where the data of a module stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// The module.
    pub module: String,
    /// The version of the data.
    pub data: Version,
    /// Whether the data says so itself; else it counts as that.
    pub is_stamped: bool,
    /// The version of the module.
    pub schema: Version,
    /// The versions whose migrations are to come, in order.
    pub pending: Vec<Version>,
    /// Why there is no path to the module's version, if there is none.
    pub obstacle: Option<String>,
}

impl SchemaState {
    /// Tells whether the data belongs to a newer schema than there is.
    pub fn is_newer(&self) -> bool {
        self.data > self.schema
    }
}

/// Where a migration goes.
#[derive(Debug, Clone, Default)]
pub struct MigrationOptions {
    /// To which version; to the module's own, or back to the one before.
    pub to: Option<Version>,
    /// Which version the data has, where it does not say so itself.
    pub from: Option<Version>,
}

/// What a migration did, or would do.
#[derive(Debug, Clone)]
pub struct MigrationReport {
    /// The module.
    pub module: String,
    /// The version that the data had.
    pub from: Version,
    /// The version that it has now.
    pub to: Version,
    /// The versions whose migrations were taken, in the order of taking.
    pub path: Vec<Version>,
    /// Each step, and in how many places it was taken.
    pub steps: Vec<cms_model::schema::StepCount>,
    /// Each statement of SQL, and how many rows it changed.
    pub sql: Vec<SqlCount>,
    /// The tables that a rollback brought to their earlier state.
    pub restored: Vec<RestoredTable>,
    /// What could not be done, and was kept.
    pub conflicts: Vec<MigrationConflict>,
    /// How many conflicts there are besides.
    pub more_conflicts: usize,
    /// The packages that change: as they were, and as they are then.
    pub changed: Vec<(PackageName, Package, Package)>,
    /// The commit.
    pub committed: Committed,
}

/// In which direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Back,
}

/// A migration that is ready to be committed.
struct Prepared {
    tx: Transaction,
    report: MigrationReport,
}

impl Store {
    /// Returns a module with its versions: those of its file, and those that were registered before.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if its schema has faults; those of the log.
    pub fn schema(&self, module: &str) -> Result<ModuleSchema> {
        let registered = self.modules().get(module)?;
        let text = self.modules().text(module)?;
        let own = registered.module.map_err(|diagnostics| Error::Refused { diagnostics })?;
        let mut registry = SchemaRegistry::new(module, &own);
        let mut texts = BTreeMap::new();
        let mut add = |read: Arc<Module>| {
            registry.add(&read);
            texts.insert(read.settings().version, read);
        };
        add(own.clone());
        if let Some(log) = self.optional_log() {
            for kept in SchemaText::read(&*log.backend, module)?.into_iter().rev() {
                if kept.version == own.settings().version {
                    continue;
                }
                // What was registered once and cannot be read any more is as good as unknown.
                if let Ok(read) = self.modules().read(&kept.text, module) {
                    add(Arc::new(read));
                }
            }
        }
        Ok(ModuleSchema { store: self.clone(), name: module.to_owned(), module: own, text, registry, texts })
    }

    /// Says of every module where its data stands; of those whose schema has faults nothing.
    ///
    /// # Errors
    /// Those of reading the modules and the package `cms`.
    pub fn schema_states(&self) -> Result<Vec<SchemaState>> {
        let readable = self.modules().list()?.into_iter().filter(|registered| registered.module.is_ok());
        readable.map(|registered| self.schema(&registered.name)?.state()).collect()
    }
}

impl ModuleSchema {
    /// Returns the versions that are known.
    pub fn registry(&self) -> &SchemaRegistry {
        &self.registry
    }

    /// Returns the module.
    pub fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// Says where the data stands now.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the stamp is no version; those of reading.
    pub fn state(&self) -> Result<SchemaState> {
        let snapshot = self.store.snapshot_of(Some(&[stamp::package()]))?;
        let stamp = stamp::read(&snapshot, &self.name)?;
        let data = stamp.unwrap_or_else(|| self.registry.oldest());
        let (pending, obstacle) = match self.registry.path(data, self.registry.current()) {
            Ok(path) => (path.iter().map(|version| version.version).collect(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Ok(SchemaState {
            module: self.name.clone(),
            data,
            is_stamped: stamp.is_some(),
            schema: self.registry.current(),
            pending,
            obstacle,
        })
    }

    /// Says what a migration would do; nothing is changed.
    ///
    /// # Errors
    /// As [`migrate`](ModuleSchema::migrate).
    pub fn plan(&self, wish: &MigrationOptions, options: &CommitOptions) -> Result<MigrationReport> {
        self.go(Direction::Forward, wish, &CommitOptions { dry_run: true, ..options.clone() })
    }

    /// Migrates the data to a version, by one commit over all packages with the stamp. Data that is there already is left alone.
    ///
    /// # Errors
    /// [`Error::NewerSchema`] if the data belongs to a newer schema; [`Error::NoMigration`] without a path; [`Error::Migration`] with
    /// the conflicts, if [`CommitOptions::at_least`] says to enforce; [`Error::MigrationSql`] with the statement that failed;
    /// [`Error::Invalid`] for a version that is none to go to; those of a commit.
    pub fn migrate(&self, wish: &MigrationOptions, options: &CommitOptions) -> Result<MigrationReport> {
        self.go(Direction::Forward, wish, options)
    }

    /// Says what a rollback would do; nothing is changed.
    ///
    /// # Errors
    /// As [`rollback`](ModuleSchema::rollback).
    pub fn plan_rollback(&self, wish: &MigrationOptions, options: &CommitOptions) -> Result<MigrationReport> {
        self.go(Direction::Back, wish, &CommitOptions { dry_run: true, ..options.clone() })
    }

    /// Takes migrations back: to a version, or to the one that the data had before.
    ///
    /// # Errors
    /// As [`migrate`](ModuleSchema::migrate); [`Error::TablesKept`] if what they did to tables cannot be taken back.
    pub fn rollback(&self, wish: &MigrationOptions, options: &CommitOptions) -> Result<MigrationReport> {
        self.go(Direction::Back, wish, options)
    }

    fn go(
        &self,
        direction: Direction,
        wish: &MigrationOptions,
        options: &CommitOptions,
    ) -> Result<MigrationReport> {
        if !options.dry_run {
            self.store.modules().keep(&self.name, self.registry.current(), &self.text)?;
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Prepared { mut tx, mut report } = self.prepare(direction, wish)?;
            let is_strict = options.at_least == Some(Mode::Enforce);
            let is_refused = is_strict && options.at_most.is_none_or(|most| most == Mode::Enforce);
            if is_refused && !report.conflicts.is_empty() {
                return Err(Error::Migration { module: self.name.clone(), conflicts: report.conflicts });
            }
            // What the new schema does not allow is among the conflicts.
            tx.check_at_most(Mode::Off);
            let message = match &*options.message {
                "" => {
                    let verb = if direction == Direction::Forward { "migrate" } else { "roll back" };
                    format!("{verb} {} from {} to {}", self.name, report.from, report.to)
                }
                message => message.to_owned(),
            };
            let tx = tx.message(message).tool(options.tool.clone()).confirm(options.confirm.clone());
            let done = if options.dry_run { tx.plan() } else { tx.commit_and_wait_files() };
            match done {
                Ok(committed) => {
                    report.committed = committed;
                    return Ok(report);
                }
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn prepare(&self, direction: Direction, wish: &MigrationOptions) -> Result<Prepared> {
        let mut tx = self.store.transaction()?;
        let snapshot = tx.snapshot().clone();
        let stamp = stamp::read(&snapshot, &self.name)?;
        let from = self.data_version(stamp, wish.from)?;
        let to = self.target(direction, from, wish.to)?;
        let (low, high) = match direction {
            Direction::Forward => (from, to),
            Direction::Back => (to, from),
        };
        let path = self.registry.path(low, high);
        let path = path.map_err(|path| Error::NoMigration { module: self.name.clone(), path })?;
        let (versions, unknown) = self.with_defaults(low, &path);
        let module: Vec<PackageName> =
            self.module.settings().packages.iter().filter_map(|name| PackageName::new(name).ok()).collect();
        let names = packages_of(&module, &versions);
        let packages = contents(&snapshot, &names)?;
        let mut migrated = match direction {
            Direction::Forward => {
                let steps: Vec<Step> =
                    versions.iter().flat_map(|version| version.migration.steps.clone()).collect();
                cms_model::schema::migrate(&module, &packages, &steps, seed())
            }
            Direction::Back => {
                let before = self.before(&snapshot, low)?;
                let before = before.map(|before| contents(&before, &names)).transpose()?;
                cms_model::schema::roll_back(&module, &packages, before.as_ref(), &versions, seed())
            }
        };
        for step in unknown {
            migrated.add_conflict(MigrationConflict {
                key: self.name.clone(),
                step,
                kind: ConflictKind::DefaultUnknown,
                message: "the schema of one of the versions is not known, or declares no default; values stay as they are"
                    .to_owned(),
            });
        }
        if direction == Direction::Forward && to == self.registry.current() {
            check::add_findings(&self.store, &snapshot, &packages, &mut migrated)?;
        }
        for name in names.iter().filter(|name| snapshot.contains(name)).chain([&stamp::package()]) {
            tx.require(&Key { package: name.clone(), section: None, option: None })?;
        }
        let path: Vec<Version> = match direction {
            Direction::Forward => path.iter().map(|version| version.version).collect(),
            Direction::Back => path.iter().rev().map(|version| version.version).collect(),
        };
        let Migrated { packages: changed, steps, conflicts, more_conflicts } = migrated;
        let mut texts = Vec::new();
        for (name, done) in changed {
            let base = match packages.get(&name) {
                Some(base) => base.clone(),
                None => Package::empty(),
            };
            let draft = if done.is_new { tx.create_package(&name)? } else { tx.draft(&name)? };
            texts.push((name.clone(), base.clone(), done.package.clone()));
            *draft = Draft::from_parts(base, done.package, done.changes, seed());
        }
        let tables = match direction {
            Direction::Forward => sql::forward(&mut tx, &self.name, &versions)?,
            Direction::Back => self.tables_back(&mut tx, to, &versions)?,
        };
        if stamp != Some(to) {
            stamp::write(&mut tx, &self.name, to)?;
        }
        let committed = Committed::nothing(snapshot.revision().unwrap_or(Revision::EMPTY), Vec::new());
        let module = self.name.clone();
        let report = MigrationReport {
            module,
            from,
            to,
            path,
            steps,
            sql: tables.sql,
            restored: tables.restored,
            conflicts,
            more_conflicts,
            changed: texts,
            committed,
        };
        Ok(Prepared { tx, report })
    }

    /// Which version the data has.
    fn data_version(&self, stamp: Option<Version>, told: Option<Version>) -> Result<Version> {
        let (module, schema) = (self.name.clone(), self.registry.current());
        match (stamp, told) {
            (Some(data), _) if data > schema => Err(Error::NewerSchema { module, data, schema }),
            (Some(data), Some(told)) if told != data => {
                let reason = format!("its data says that it has version {data}, and that counts; not {told}");
                Err(Error::Invalid { key: format!("module {module}"), reason })
            }
            (None, Some(told)) if told > schema => Err(Error::NewerSchema { module, data: told, schema }),
            (Some(data), _) => Ok(data),
            (None, Some(told)) => Ok(told),
            (None, None) => Ok(self.registry.oldest()),
        }
    }

    /// To which version to go.
    fn target(&self, direction: Direction, from: Version, wish: Option<Version>) -> Result<Version> {
        let current = self.registry.current();
        let refused = |reason: String| Error::Invalid { key: format!("module {}", self.name), reason };
        match (direction, wish) {
            (Direction::Forward, None) => Ok(current),
            (Direction::Forward, Some(to)) if to > current => {
                Err(refused(format!("there is no version {to}: the module is {current}")))
            }
            (Direction::Forward, Some(to)) if to < from => {
                Err(refused(format!("its data has version {from}; to go back to {to}, roll it back")))
            }
            (Direction::Back, Some(to)) if to > from => {
                Err(refused(format!("its data has version {from}; to go on to {to}, migrate it")))
            }
            (_, Some(to)) => Ok(to),
            (Direction::Back, None) => self.version_before(from),
        }
    }

    /// The version that the data had before it came to `version`.
    fn version_before(&self, version: Version) -> Result<Version> {
        let mut found = None;
        self.each_stamp(|_, before, after| {
            if after == Some(version) && before != after {
                found = Some(before.unwrap_or_else(|| self.registry.oldest()));
            }
            found.is_none()
        })?;
        if let Some(before) = found.filter(|before| *before < version) {
            return Ok(before);
        }
        // The history does not reach back so far, or the stamp came with a copy of the files.
        let path = self.registry.path(self.registry.oldest(), version).unwrap_or_default();
        match path.iter().rev().map(|known| known.version).find(|known| *known < version) {
            Some(before) => Ok(before),
            None if self.registry.oldest() < version => Ok(self.registry.oldest()),
            None => Err(Error::Invalid {
                key: format!("module {}", self.name),
                reason: format!("there is no version before {version} to go back to"),
            }),
        }
    }

    /// The newest state in which the data had `version` or an older one, if the log still has it.
    fn before(&self, now: &Snapshot, version: Version) -> Result<Option<Snapshot>> {
        let mut found = None;
        let is_old = |stamp: Option<Version>| stamp.is_none_or(|stamp| stamp <= version);
        if is_old(stamp::read(now, &self.name)?) {
            return Ok(Some(now.clone()));
        }
        self.each_stamp(|state, before, after| {
            if is_old(before) && !is_old(after) {
                found = Some(state.clone());
            }
            found.is_none()
        })?;
        Ok(found)
    }

    /// Goes over the commits that touched the stamps, the newest first, with the state before each, and the stamps before and after.
    fn each_stamp(
        &self,
        mut visit: impl FnMut(&Snapshot, Option<Version>, Option<Version>) -> bool,
    ) -> Result<()> {
        let log = self.store.log("read the history of a module")?;
        let (name, first) = (stamp::package(), log.backend.first()?);
        let mut revisions: Vec<Revision> = Vec::new();
        log.backend.touches(&name, log.backend.head()?, &mut |touch| {
            revisions.push(touch.revision);
            std::ops::ControlFlow::Continue(())
        })?;
        let stamp_in = |state: &Snapshot| stamp::read(state, &self.name);
        // Nothing touched the stamps between a commit and the next one that did.
        let mut after: Option<Option<Version>> = None;
        for revision in revisions {
            let before = Revision(revision.0.saturating_sub(1));
            if before < first || before == Revision::EMPTY {
                break;
            }
            let state = self.store.snapshot_at(before)?;
            let stamp_before = stamp_in(&state)?;
            let stamp_after = match after {
                Some(stamp) => stamp,
                None => stamp_in(&self.store.snapshot_at(revision)?)?,
            };
            if !visit(&state, stamp_before, stamp_after) {
                break;
            }
            after = Some(stamp_before);
        }
        Ok(())
    }

    /// The versions of a path with the defaults that their schemas declare, and the steps for which that is not known.
    fn with_defaults<'a>(
        &'a self,
        from: Version,
        path: &[&SchemaVersion],
    ) -> (Vec<SchemaVersion>, Vec<String>) {
        let (mut versions, mut unknown, mut at) = (Vec::new(), Vec::new(), from);
        for version in path {
            let mut version = (*version).clone();
            let to = version.version;
            // Not every version was ever registered; what its neighbours declare is what it declared.
            let old = self.texts.range(..=at).next_back().or_else(|| self.texts.range(at..to).next());
            let new = self.texts.range(to..).next();
            let of = |known: Option<(&Version, &'a Arc<Module>)>| known.map(|(_, module)| &**module);
            unknown.extend(fill_defaults(&mut version.migration.steps, of(old), of(new)));
            versions.push(version);
            at = to;
        }
        (versions, unknown)
    }
}

/// The packages of a module and those that steps name besides.
fn packages_of(module: &[PackageName], versions: &[SchemaVersion]) -> BTreeSet<PackageName> {
    let mut names: BTreeSet<PackageName> = module.iter().cloned().collect();
    for SchemaVersion { migration, .. } in versions {
        let steps = migration.steps.iter().chain(migration.rollback.iter().flatten());
        names.extend(steps.flat_map(Step::packages).cloned());
    }
    names
}

fn contents(snapshot: &Snapshot, names: &BTreeSet<PackageName>) -> Result<BTreeMap<PackageName, Package>> {
    let there = names.iter().filter(|name| snapshot.contains(name));
    there.map(|name| Ok((name.clone(), Package::clone(&*snapshot.package(name)?)))).collect()
}

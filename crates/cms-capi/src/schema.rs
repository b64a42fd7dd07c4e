//! The versions of a module, and bringing its data to them: `struct SchemaRegistry`.

#![expect(unsafe_code, reason = "the header shows its members")]

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use cms::model::schema::{Mode, SchemaVersion, Version};
use cms::{CommitOptions, MigrationOptions, MigrationReport, ModuleSchema, Store};

use crate::border::{Out, given, guard, put, status, wanted};
use crate::lock::Lock;
use crate::moment::seconds;
use crate::owned::{Change, List, Texts};
use crate::status::{Failure, Result, Status};
use crate::store::Handle;
use crate::text::{Text, shown};

unsafe extern "C" {
    fn cms_versions_add(
        head: *mut *mut c_void,
        numbers: *const u32,
        description: *const c_char,
        created_at: libc::time_t,
        sql: *const c_char,
        rollback: *const c_char,
    ) -> c_int;
    fn cms_versions_find(head: *mut c_void, numbers: *const u32) -> *mut c_void;
    fn cms_versions_free(head: *mut c_void);
}

/// What the header shows.
#[repr(C)]
pub struct Shown {
    versions: UnsafeCell<*mut c_void>,
    current: UnsafeCell<[u32; 3]>,
    module_name: *const c_char,
    lock: Lock,
}

/// `struct SchemaRegistry`.
#[repr(C)]
pub struct Registry {
    shown: Shown,
    store: Store,
    name: CString,
    schema: Mutex<Arc<ModuleSchema>>,
}

/// A table of versions that is not shown yet, or not any more.
struct Versions(*mut c_void);

impl Drop for Versions {
    fn drop(&mut self) {
        // SAFETY: it was made below, and nobody else has it.
        unsafe { cms_versions_free(self.0) };
    }
}

impl Versions {
    fn new(schema: &ModuleSchema) -> Result<Versions> {
        let mut made = Versions(ptr::null_mut());
        for version in schema.registry().versions() {
            let text = |text: Option<String>| text.map(|text| shown(&text));
            let place = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
            let migration = &version.migration;
            let description = text(version.description.clone());
            let sql = text(script(&migration.sql));
            let back = text(migration.rollback_sql.as_deref().and_then(script));
            let created = version.created_at.as_deref().and_then(seconds).unwrap_or_default();
            let created = libc::time_t::try_from(created).unwrap_or_default();
            let numbers = numbers(version.version);
            // SAFETY: the strings are null or live until the call returns, which copies them.
            let is_added = unsafe {
                let (description, sql, back) = (place(&description), place(&sql), place(&back));
                cms_versions_add(&raw mut made.0, numbers.as_ptr(), description, created, sql, back)
            };
            if is_added == 0 {
                return Err(Failure::new(Status::Full, "there is no memory to show the versions with"));
            }
        }
        Ok(made)
    }
}

fn numbers(version: Version) -> [u32; 3] {
    [version.major, version.minor, version.patch]
}

/// Statements as one script, each on lines of its own; none if there are none.
fn script(statements: &[impl ToString]) -> Option<String> {
    let lines: Vec<String> = statements.iter().map(|statement| statement.to_string() + "\n").collect();
    (!lines.is_empty()).then(|| lines.concat())
}

impl Registry {
    fn schema(&self) -> Arc<ModuleSchema> {
        self.schema.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows what is known of the versions now.
    fn show(&self) -> Result<()> {
        let schema = self.schema();
        let mut made = Versions::new(&schema)?;
        let _held = self.shown.lock.hold();
        // SAFETY: whoever looks at the members or changes them holds the lock. What was shown before is freed.
        unsafe {
            ptr::swap(&raw mut made.0, self.shown.versions.get());
            *self.shown.current.get() = numbers(schema.registry().current());
        }
        drop(made);
        Ok(())
    }

    fn version(&self, version: [u32; 3]) -> Result<SchemaVersion> {
        let [major, minor, patch] = version;
        let found = self.schema().registry().version(Version { major, minor, patch }).cloned();
        found.ok_or_else(|| self.unknown(version))
    }

    fn unknown(&self, [major, minor, patch]: [u32; 3]) -> Failure {
        let module = self.name.to_string_lossy();
        Failure::new(
            Status::NotFound,
            format!("module {module}: version {major}.{minor}.{patch} is not known"),
        )
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(Versions(*self.shown.versions.get_mut()));
    }
}

/// Opens what is known of the versions of a module.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_open(store: Option<&Handle>, module: Text<'_>) -> Option<Box<Registry>> {
    guard(None, || {
        let store = given(store, "store")?.store.clone();
        let module = module.utf8("name of the module")?;
        let schema = Arc::new(store.schema(module)?);
        let name = shown(module);
        let shown = Shown {
            versions: UnsafeCell::new(ptr::null_mut()),
            current: UnsafeCell::new([0; 3]),
            module_name: name.as_ptr(),
            lock: Lock::new(),
        };
        let registry = Box::new(Registry { shown, store, name, schema: Mutex::new(schema) });
        registry.show()?;
        Ok(Some(registry))
    })
}

/// Frees it.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_free(registry: Option<Box<Registry>>) {
    guard((), || {
        drop(registry);
        Ok(())
    });
}

/// Reads the module anew.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_load(registry: Option<&Registry>) -> c_int {
    status(|| {
        let registry = given(registry, "schema registry")?;
        let schema = Arc::new(registry.store.schema(&registry.name.to_string_lossy())?);
        *registry.schema.lock().unwrap_or_else(PoisonError::into_inner) = schema;
        registry.show()
    })
}

/// What is shown of a version.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_find(
    registry: Option<&Registry>,
    major: u32,
    minor: u32,
    patch: u32,
) -> *mut c_void {
    guard(ptr::null_mut(), || {
        let registry = given(registry, "schema registry")?;
        let numbers = [major, minor, patch];
        let _held = registry.shown.lock.hold();
        // SAFETY: the lock is held, so the table stays as it is.
        let found = unsafe { cms_versions_find(*registry.shown.versions.get(), numbers.as_ptr()) };
        if found.is_null() { Err(registry.unknown(numbers)) } else { Ok(found) }
    })
}

/// The steps that lead to a version, or back from it.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_steps(
    registry: Option<&Registry>,
    major: u32,
    minor: u32,
    patch: u32,
    back: bool,
) -> Option<Box<List>> {
    guard(None, || {
        let version = given(registry, "schema registry")?.version([major, minor, patch])?;
        let steps =
            if back { version.migration.rollback.unwrap_or_default() } else { version.migration.steps };
        Ok(Some(List::new(steps.iter().map(ToString::to_string))))
    })
}

/// `cms_schema_state`.
#[repr(C)]
pub struct State {
    data: [u32; 3],
    is_stamped: bool,
    pending: usize,
}

/// Where the data stands.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_ask(registry: Option<&Registry>, state: Out<'_, State>) -> c_int {
    status(|| {
        let out = wanted(state)?;
        let found = given(registry, "schema registry")?.schema().state()?;
        out.write(State {
            data: numbers(found.data),
            is_stamped: found.is_stamped,
            pending: found.pending.len(),
        });
        Ok(())
    })
}

/// `cms_migration_step`.
#[repr(C)]
struct Step {
    step: *const c_char,
    taken: u64,
    conflicts: u64,
}

/// `cms_migration_conflict`.
#[repr(C)]
struct Conflict {
    key: *const c_char,
    step: *const c_char,
    message: *const c_char,
}

/// `cms_migration`.
#[repr(C)]
pub struct Migration {
    from: *const c_char,
    to: *const c_char,
    revision: u64,
    step_count: usize,
    steps: *const Step,
    conflict_count: usize,
    conflicts: *const Conflict,
    more_conflicts: usize,
    change_count: usize,
    changes: *const Change,
    _steps: Vec<Step>,
    _conflicts: Vec<Conflict>,
    _changes: Vec<Change>,
    _texts: Texts,
}

impl Migration {
    fn new(report: &MigrationReport) -> Box<Migration> {
        let mut texts = Texts::default();
        let mut steps: Vec<Step> = report
            .steps
            .iter()
            .map(|step| Step { step: texts.add(&step.step), taken: step.taken, conflicts: step.conflicts })
            .collect();
        steps.extend(report.sql.iter().map(|sql| Step {
            step: texts.add(&sql.text),
            taken: sql.rows,
            conflicts: 0,
        }));
        let conflicts: Vec<Conflict> = report
            .conflicts
            .iter()
            .map(|conflict| Conflict {
                key: texts.add(&conflict.key),
                step: texts.add(&conflict.step),
                message: texts.add(&conflict.message),
            })
            .collect();
        let committed = &report.committed;
        let packages = committed.packages.iter().flat_map(|(_, changes)| changes);
        let tables = committed.tables.iter().flat_map(|(_, changes)| changes);
        let changes: Vec<Change> =
            packages.chain(tables).map(|change| Change::new(change, &mut texts)).collect();
        Box::new(Migration {
            from: texts.add(&report.from.to_string()),
            to: texts.add(&report.to.to_string()),
            revision: committed.revision.0,
            step_count: steps.len(),
            steps: steps.as_ptr(),
            conflict_count: conflicts.len(),
            conflicts: conflicts.as_ptr(),
            more_conflicts: report.more_conflicts,
            change_count: changes.len(),
            changes: changes.as_ptr(),
            _steps: steps,
            _conflicts: conflicts,
            _changes: changes,
            _texts: texts,
        })
    }
}

/// Frees a report.
#[unsafe(no_mangle)]
pub extern "C" fn cms_migration_free(migration: Option<Box<Migration>>) {
    guard((), || {
        drop(migration);
        Ok(())
    });
}

/// `CMS_DRY_RUN`.
const DRY_RUN: u32 = 1;
/// `CMS_STRICT`.
const STRICT: u32 = 2;

fn go(
    registry: Option<&Registry>,
    to: Text<'_>,
    flags: u32,
    report: Out<'_, Option<Box<Migration>>>,
    go: impl FnOnce(&ModuleSchema, &MigrationOptions, &CommitOptions) -> cms::Result<MigrationReport>,
) -> c_int {
    status(|| {
        let registry = given(registry, "schema registry")?;
        if flags & !(DRY_RUN | STRICT) != 0 {
            return Err(Failure::invalid(format!("{flags} is no set of CMS_DRY_RUN and CMS_STRICT")));
        }
        let version = |text: &str| {
            let invalid = || Failure::invalid(format!("'{text}' is no version; write one as 1.2.3"));
            Version::parse(text).ok_or_else(invalid)
        };
        let to = to.optional().map(|_| to.utf8("version")).transpose()?.map(version).transpose()?;
        let options = CommitOptions {
            tool: "libcms".to_owned(),
            dry_run: flags & DRY_RUN != 0,
            at_least: (flags & STRICT != 0).then_some(Mode::Enforce),
            ..CommitOptions::default()
        };
        let done = go(&registry.schema(), &MigrationOptions { to, from: None }, &options)?;
        put(report, Some(Migration::new(&done)));
        Ok(())
    })
}

/// Brings the data to a version.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_migrate(
    registry: Option<&Registry>,
    to: Text<'_>,
    flags: u32,
    report: Out<'_, Option<Box<Migration>>>,
) -> c_int {
    go(registry, to, flags, report, ModuleSchema::migrate)
}

/// Takes migrations back.
#[unsafe(no_mangle)]
pub extern "C" fn cms_schema_rollback(
    registry: Option<&Registry>,
    to: Text<'_>,
    flags: u32,
    report: Out<'_, Option<Box<Migration>>>,
) -> c_int {
    go(registry, to, flags, report, ModuleSchema::rollback)
}

//! The modules of a store: where schemas are found, and which of them concern a package.
//!
//! The language of schemas is in `docs/schema.md`, and so is the order of the directories.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use cms_log::{Backend, SchemaText};
use cms_model::schema::{CustomRule, Module, NameTaken, Rules, Schemas, Version};
use cms_model::{Change, ChangeKind, Diagnostic, Package, PackageName, SliceParser};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::status::{Status, is_absent, now_ns};

/// The variable that names the directories, separated by colons; later ones win.
const DIRECTORIES: &str = "CMS_MODULES";

/// Where modules are found unless the variable says otherwise: those of the system, those of local programs, the administrator's.
const DEFAULT_DIRECTORIES: [&str; 3] =
    ["/usr/share/cms/modules", "/usr/local/share/cms/modules", "/etc/cms/modules"];

/// How often files that seem to have nothing to do with a package are looked at again.
const ATTENTION: Duration = Duration::from_secs(1);

/// A directory or file whose time of change is younger than this may change again without showing it.
const CLOCK_NS: i64 = 20_000_000;

/// How many sets of modules are kept ready.
const READY: usize = 64;

/// The section types of a schema that lies in the package it describes.
const SCHEMA_TYPES: [&str; 4] = ["module", "section", "fields", "field"];

/// The directories where modules are found by default: those of `CMS_MODULES`, or else the system's.
pub(crate) fn directories() -> Vec<PathBuf> {
    match std::env::var_os(DIRECTORIES) {
        Some(paths) => std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => DEFAULT_DIRECTORIES.iter().map(PathBuf::from).collect(),
    }
}

/// The modules that are registered for a store: schemas in files, one to a module.
///
/// A file is noticed when it is added, changed or removed, at the next use.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// use cms::{Location, Options, Store};
///
/// let location = Location::find(&config, &dirs)?.with_modules(vec![home.path().join("modules")]);
/// let store = Store::open(&location, Options::default())?;
/// store.modules().add("blog", b"config module 'blog'\nconfig fields 'site'\n\toption port 'port'\n")?;
/// let blog = store.modules().get("blog")?;
/// assert!(blog.module.unwrap().field("site", "port").is_some());
/// # Ok(())
/// # }
/// ```
pub struct Modules {
    directories: Vec<PathBuf>,
    state: Mutex<State>,
    /// Where the texts of their versions are kept.
    kept: Option<Arc<dyn Backend>>,
}

#[derive(Default)]
struct State {
    rules: Rules,
    looked: Option<Look>,
    /// The files by name; of two, that of the later directory.
    files: BTreeMap<String, Arc<Source>>,
    /// What concerns a set of packages.
    ready: HashMap<Vec<PackageName>, Relevant>,
    /// The modules that lie in packages, each with the state of the package that it was last looked for in.
    embedded: HashMap<PackageName, (Weak<Package>, Embedded)>,
}

type Embedded = Option<std::result::Result<Arc<Module>, Vec<Diagnostic>>>;

/// What the directories were when they were last read.
struct Look {
    directories: Vec<Option<DirectoryStatus>>,
    time: Instant,
    /// Whether something was so young that it may have changed since without showing it.
    is_young: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct DirectoryStatus {
    inode: u64,
    changed_ns: i64,
}

/// A file with a module.
struct Source {
    path: PathBuf,
    status: Status,
    text: Vec<u8>,
    module: OnceLock<std::result::Result<Arc<Module>, Vec<Diagnostic>>>,
}

/// The modules that concern some packages.
#[derive(Clone)]
pub(crate) struct Relevant {
    pub schemas: Arc<Schemas>,
    /// What is wrong with schemas that should have been among them.
    pub faults: Arc<[Diagnostic]>,
    sources: Vec<Arc<Source>>,
}

/// A module as it is registered.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its name: that of the file.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The schema, or all that is wrong with it.
    pub module: std::result::Result<Arc<Module>, Vec<Diagnostic>>,
}

impl Modules {
    pub(crate) fn new(directories: Vec<PathBuf>, kept: Option<Arc<dyn Backend>>) -> Modules {
        Modules { directories, state: Mutex::default(), kept }
    }

    /// The modules that any store of this machine has: those in the directories that `CMS_MODULES` names, or else in the system's.
    /// No configuration has to be there.
    ///
    /// ```
    /// for module in cms::Modules::from_env().list()? {
    ///     println!("{} is registered in {}", module.name, module.path.display());
    /// }
    /// # Ok::<(), cms::Error>(())
    /// ```
    pub fn from_env() -> Modules {
        Modules::new(directories(), None)
    }

    /// Returns the directories where modules are found, in order; the last one wins, and new ones go there.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Adds a rule of the program's own, which schemas can then use by its name.
    ///
    /// # Errors
    /// If there is a rule of that name.
    pub fn register_rule(
        &self,
        name: &str,
        rule: impl CustomRule + 'static,
    ) -> std::result::Result<(), NameTaken> {
        let mut state = self.state.lock();
        state.rules.register(name, rule)?;
        let rules = std::mem::take(&mut state.rules);
        *state = State { rules, ..State::default() };
        Ok(())
    }

    /// Lists the modules by name, those whose schema has faults, too.
    ///
    /// # Errors
    /// If a directory or file cannot be read.
    pub fn list(&self) -> Result<Vec<Registered>> {
        let mut state = self.state.lock();
        state.refresh(&self.directories, true)?;
        let State { files, rules, .. } = &*state;
        Ok(files.iter().map(|(name, source)| source.registered(name, rules)).collect())
    }

    /// Returns a module.
    ///
    /// # Errors
    /// [`Error::NotFound`]; if it cannot be read.
    pub fn get(&self, name: &str) -> Result<Registered> {
        let mut state = self.state.lock();
        state.refresh(&self.directories, true)?;
        let State { files, rules, .. } = &*state;
        let source = files.get(name).ok_or_else(|| Error::not_found(format!("module {name}")))?;
        Ok(source.registered(name, rules))
    }

    /// Returns the text of a module's file.
    ///
    /// # Errors
    /// As [`get`](Modules::get).
    pub fn text(&self, name: &str) -> Result<Vec<u8>> {
        let mut state = self.state.lock();
        state.refresh(&self.directories, true)?;
        let source = state.files.get(name).ok_or_else(|| Error::not_found(format!("module {name}")))?;
        Ok(source.text.clone())
    }

    /// Keeps the text of a version, for migrations to come.
    pub(crate) fn keep(&self, name: &str, version: Version, text: &[u8]) -> Result<()> {
        if let Some(backend) = &self.kept {
            SchemaText::keep(&**backend, name, version, text)?;
        }
        Ok(())
    }

    /// Keeps the text of a module as it is now, if it has no faults.
    fn keep_present(&self, name: &str) -> Result<()> {
        let Ok(registered) = self.get(name) else { return Ok(()) };
        let (Ok(module), Ok(text)) = (registered.module, self.text(name)) else { return Ok(()) };
        self.keep(name, module.settings().version, &text)
    }

    /// Returns the schemas of all modules that have no faults.
    ///
    /// # Errors
    /// If a directory or file cannot be read.
    pub fn schemas(&self) -> Result<Schemas> {
        let mut schemas = Schemas::default();
        for module in self.list()?.into_iter().filter_map(|registered| registered.module.ok()) {
            schemas.insert(module);
        }
        Ok(schemas)
    }

    /// Reads a schema without registering it; `file` names it in what is wrong with it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(&self, text: &[u8], file: &str) -> std::result::Result<Module, Vec<Diagnostic>> {
        read(text, file, &self.state.lock().rules)
    }

    /// Registers a module, in the place of one of the same name: writes its schema into the last directory. Returns the file. The texts
    /// of both versions are kept with the log, for migrations.
    ///
    /// # Errors
    /// [`Error::Refused`] with all that is wrong with the schema; [`Error::Invalid`] for a name that no package could have;
    /// if the file cannot be written.
    pub fn add(&self, name: &str, text: &[u8]) -> Result<PathBuf> {
        let name = PackageName::new(name)
            .map_err(|error| Error::Invalid { key: format!("module {name}"), reason: error.to_string() })?;
        let read = self.read(text, name.as_str()).map_err(|diagnostics| Error::Refused { diagnostics })?;
        self.keep_present(name.as_str())?;
        let Some(directory) = self.directories.last() else {
            return Err(Error::Invalid {
                key: format!("module {name}"),
                reason: format!("there is no directory for modules; name one in {DIRECTORIES}"),
            });
        };
        fs::create_dir_all(directory)
            .map_err(|source| Error::io("create the directory", directory, source))?;
        let path = directory.join(name.as_str());
        // Several may add at the same time; each writes a file of its own, and the last one to rename wins.
        let temporary = directory.join(format!(".{name}.{}.cms~", std::process::id()));
        let write = || {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            fs::File::open(directory)?.sync_all()
        };
        write().map_err(|source| {
            let _ = fs::remove_file(&temporary);
            Error::io("write", &path, source)
        })?;
        self.keep(name.as_str(), read.settings().version, text)?;
        Ok(path)
    }

    /// Takes a module away: removes its file, of several that of the last directory. Returns the file.
    ///
    /// # Errors
    /// [`Error::NotFound`]; if the file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<PathBuf> {
        let path = self.get(name)?.path;
        fs::remove_file(&path).map_err(|source| Error::io("remove", &path, source))?;
        Ok(path)
    }

    /// Returns the modules that have a say in changes of some packages: theirs, and those that refer to them.
    pub(crate) fn of(&self, names: &[PackageName]) -> Result<Relevant> {
        let mut state = self.state.lock();
        let is_current = state.refresh(&self.directories, false)?;
        if let Some(relevant) = state.ready.get(names).filter(|_| is_current).cloned() {
            if relevant.sources.iter().all(|source| source.is_unchanged()) {
                return Ok(relevant);
            }
            state.refresh(&self.directories, true)?;
        }
        let sources: Vec<Arc<Source>> =
            state.files.values().filter(|source| source.mentions(names)).cloned().collect();
        let (mut schemas, mut faults) = (Schemas::default(), Vec::new());
        for source in &sources {
            match source.module(&state.rules) {
                Ok(module) => drop(schemas.insert(module.clone())),
                Err(found) => faults.extend(found.iter().cloned()),
            }
        }
        let relevant = Relevant { schemas: Arc::new(schemas), faults: faults.into(), sources };
        if state.ready.len() >= READY {
            state.ready.clear();
        }
        state.ready.insert(names.to_vec(), relevant.clone());
        Ok(relevant)
    }

    /// Returns the module that lies in a package itself. `changes` led to `package` from `before`, which saves looking
    /// through all of it where the answer for that is known.
    pub(crate) fn embedded(
        &self,
        name: &PackageName,
        before: Option<&Arc<Package>>,
        package: &Arc<Package>,
        changes: &[Change],
    ) -> Embedded {
        let mut state = self.state.lock();
        let is = |known: &Weak<Package>, package: &Arc<Package>| {
            std::ptr::eq(known.as_ptr(), Arc::as_ptr(package))
        };
        let known = match state.embedded.get(name) {
            Some((known, embedded)) if is(known, package) => return embedded.clone(),
            // Without one it stays unless a section of its types comes.
            Some((known, None)) => {
                before.is_some_and(|before| is(known, before)) && !changes.iter().any(makes_schema)
            }
            _ => false,
        };
        let embedded = if known {
            None
        } else {
            match Module::embedded(package, name.as_str(), &state.rules) {
                Ok(module) => module.map(|module| Ok(Arc::new(module))),
                Err(faults) => Some(Err(faults)),
            }
        };
        state.embedded.insert(name.clone(), (Arc::downgrade(package), embedded.clone()));
        embedded
    }
}

impl Modules {
    /// Takes note that a package was changed where it is, and what it was before: where there was no module in it, there is none now.
    pub(crate) fn changed(
        &self,
        name: &PackageName,
        before: &Weak<Package>,
        now: &Arc<Package>,
        change: &Change,
    ) {
        if let Some((known, None)) = self.state.lock().embedded.get_mut(name)
            && known.ptr_eq(before)
            && !makes_schema(change)
        {
            *known = Arc::downgrade(now);
        }
    }
}

/// Tells whether a change may make a schema of sections that were none.
fn makes_schema(change: &Change) -> bool {
    match &change.kind {
        ChangeKind::Add { kind, .. } => SCHEMA_TYPES.contains(&kind.as_str()),
        ChangeKind::Retype { new, .. } => SCHEMA_TYPES.contains(&new.as_str()),
        _ => false,
    }
}

fn read(text: &[u8], file: &str, rules: &Rules) -> std::result::Result<Module, Vec<Diagnostic>> {
    match Package::parse(text) {
        Ok(package) => Module::read(&package, file, rules),
        Err(_) => {
            let faults = SliceParser::new(text).filter_map(std::result::Result::err);
            Err(faults.map(|fault| fault.diagnostic().in_file(file)).collect())
        }
    }
}

impl Source {
    fn registered(&self, name: &str, rules: &Rules) -> Registered {
        Registered { name: name.to_owned(), path: self.path.clone(), module: self.module(rules).clone() }
    }

    fn module(&self, rules: &Rules) -> &std::result::Result<Arc<Module>, Vec<Diagnostic>> {
        self.module.get_or_init(|| read(&self.text, &self.path.display().to_string(), rules).map(Arc::new))
    }

    /// Tells whether the schema may be for one of these packages or refer to it. Then a line of it names the package as a module,
    /// as the package that it is for, or in a reference; compiling all that merely speak of it would cost a commit milliseconds.
    fn mentions(&self, names: &[PackageName]) -> bool {
        let has = |text: &[u8], word: &[u8]| memchr::memmem::find(text, word).is_some();
        let names = |text: &[u8]| names.iter().any(|name| has(text, name.as_str().as_bytes()));
        let tells =
            |line: &[u8]| [&b"module"[..], b"package", b"ref", b"name"].iter().any(|word| has(line, word));
        let is_in_a_line = || self.text.split(|byte| *byte == b'\n').any(|line| names(line) && tells(line));
        names(&self.text) && (has(&self.text, b"\\\n") || is_in_a_line())
    }

    fn is_unchanged(&self) -> bool {
        Status::of(&self.path).is_ok_and(|status| status == Some(self.status))
    }
}

impl State {
    /// Reads the directories if they may have changed. Says whether what is ready still is.
    fn refresh(&mut self, directories: &[PathBuf], thorough: bool) -> Result<bool> {
        let now: Vec<Option<DirectoryStatus>> =
            directories.iter().map(|path| directory_status(path)).collect();
        let is_same = |look: &Look| {
            look.directories == now
                && !look.is_young
                && (!thorough && look.time.elapsed() < ATTENTION
                    || self.files.values().all(|source| source.is_unchanged()))
        };
        if let Some(look) = &mut self.looked
            && is_same(look)
        {
            if look.time.elapsed() >= ATTENTION {
                look.time = Instant::now();
            }
            return Ok(true);
        }
        let started = now_ns();
        let mut files = BTreeMap::new();
        for (directory, status) in directories.iter().zip(&now) {
            if status.is_some() {
                self.read_directory(directory, &mut files)?;
            }
        }
        let is_young = |changed_ns: i64| started.saturating_sub(changed_ns) < CLOCK_NS;
        let is_young = now.iter().flatten().any(|status| is_young(status.changed_ns))
            || files.values().any(|source: &Arc<Source>| is_young(source.status.ctime_ns));
        self.files = files;
        self.ready.clear();
        self.looked = Some(Look { directories: now, time: Instant::now(), is_young });
        Ok(false)
    }

    fn read_directory(&self, directory: &Path, files: &mut BTreeMap<String, Arc<Source>>) -> Result<()> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(source) => return Err(Error::io("list the modules in", directory, source)),
        };
        for entry in entries {
            let path = entry.map_err(|source| Error::io("list the modules in", directory, source))?.path();
            // What editors and package managers leave beside a file is no module.
            let Some(name) =
                path.file_name().and_then(|name| PackageName::try_from(name.as_encoded_bytes()).ok())
            else {
                continue;
            };
            let failed = |source| Error::io("read the module", &path, source);
            let Some(status) = Status::of(&path).map_err(failed)? else { continue };
            let known = self.files.get(name.as_str());
            let source = match known.filter(|known| known.path == path && known.status == status) {
                Some(known) => known.clone(),
                None => match fs::read(&path) {
                    Ok(text) => {
                        Arc::new(Source { path: path.clone(), status, text, module: OnceLock::new() })
                    }
                    Err(error) if is_absent(&error) => continue,
                    Err(error) => return Err(failed(error)),
                },
            };
            files.insert(name.as_str().to_owned(), source);
        }
        Ok(())
    }
}

fn directory_status(path: &Path) -> Option<DirectoryStatus> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::metadata(path).ok()?;
    let changed_ns = meta.ctime().saturating_mul(1_000_000_000).saturating_add(meta.ctime_nsec());
    Some(DirectoryStatus { inode: meta.ino(), changed_ns })
}

//! A store by its name: typed values that every process of the user reads, without a log behind them.
//!
//! A store is a directory in the runtime directory, which memory backs: it survives the processes that use it. Whether it
//! survives a reboot as well is chosen when it is created: then [`Store::sync`] puts an image of it on disk, and the store is
//! made from the image again when it is opened after a reboot.

mod changes;
mod home;

use std::{
    cmp::Ordering,
    fs,
    ops::{Bound, ControlFlow, RangeBounds},
    path::Path,
    time::Duration,
};

pub use self::changes::Changes;
use self::home::{About, Home};
use crate::{
    Content, Error, Kind, Result, Root, Scalar, Strategy, Usage, Value,
    image::Image,
    strategy::{Append, InPlace, Keeper},
};

/// How a store is made.
///
/// ```
/// use cms_segment::{StoreOptions, Strategy};
/// let options = StoreOptions::new().limit(1 << 20).strategy(Strategy::Tlsf).durable();
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct StoreOptions {
    strategy: Strategy,
    limit: u64,
    durable: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { strategy: Strategy::default(), limit: 64 << 20, durable: false }
    }
}

impl StoreOptions {
    /// A store of at most 64 MiB that does not survive a reboot.
    pub fn new() -> Self {
        StoreOptions::default()
    }

    /// How it gives out room.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The hard limit in bytes, of all that the store takes while it runs.
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Makes it survive reboots, as it was at the last [`Store::sync`].
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }
}

/// An open store. Threads and processes may share it as they like.
///
/// A name is a file name in the runtime directory (`/run/cms/stores` for root, `$XDG_RUNTIME_DIR/cms/stores` for others,
/// `$CMS_RUN_DIR/stores` if that is set); what contains a slash is a path.
///
/// ```
/// use cms_segment::{Error, Kind, Scalar, Store, StoreOptions};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("app_config");
/// # let name = path.to_str().unwrap();
/// let store = Store::create(name, &StoreOptions::new().limit(1 << 20))?;
/// store.set("server.host", "localhost")?;
/// store.set("server.port", 8080)?;
/// store.set("server.timeout", 30.5)?;
///
/// assert_eq!(store.get_string("server.host")?.as_deref(), Some("localhost"));
/// assert_eq!(store.get_int("server.port")?, Some(8080));
/// assert!(matches!(store.get_int("server.host"), Err(Error::Mistyped { .. })));
///
/// store.batch(|batch| {
///     batch.create_array("allowed_ports", Kind::Int)?;
///     batch.array("allowed_ports", |ports, space| {
///         ports.extend(space, &[Scalar::Int(80), Scalar::Int(443), Scalar::Int(8080)])
///     })?;
///     batch.add("server.starts", 1)
/// })?;
/// assert_eq!(store.count()?, 5);
/// # Ok::<(), Error>(())
/// ```
pub struct Store {
    home: Home,
    about: About,
    keeper: Box<dyn Keeper>,
}

impl Store {
    /// Makes a store.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one; [`Error::Denied`], [`Error::NoSpace`], [`Error::Io`] from the file system.
    pub fn create(name: &str, options: &StoreOptions) -> Result<Store> {
        let home = Home::of(name)?;
        let strategy = options.strategy;
        Self::make(&home, strategy, options.limit, options.durable, &[], false)?;
        let store = Self::open_home(home, true)?;
        if options.durable {
            // From now on it can be made again.
            store.sync()?;
        }
        Ok(store)
    }

    /// Opens a store for reading and writing. After a reboot a durable one is made from its image first.
    ///
    /// # Errors
    /// [`Error::Absent`] if there is none, [`Error::NewerFormat`] if a newer version of the program made it.
    pub fn open(name: &str) -> Result<Store> {
        Self::open_home(Home::of(name)?, true)
    }

    /// Opens a store, or makes it if there is none.
    pub fn open_or_create(name: &str, options: &StoreOptions) -> Result<Store> {
        match Self::open(name) {
            Err(Error::Absent { .. }) => match Self::create(name, options) {
                // Somebody else was faster.
                Err(Error::Exists { .. }) => Self::open(name),
                store => store,
            },
            store => store,
        }
    }

    /// Opens a store for reading, which needs no right to write.
    pub fn attach(name: &str) -> Result<Store> {
        Self::open_home(Home::of(name)?, false)
    }

    /// Makes a store from an image that [`backup`](Store::backup) wrote, of any format up to the newest. Strategy and limit
    /// are those of the image unless options say otherwise.
    pub fn restore(name: &str, image: &Path, options: Option<&StoreOptions>) -> Result<Store> {
        let home = Home::of(name)?;
        let image = Image::read(image)?;
        let strategy = options.map_or(image.strategy, |options| options.strategy);
        let limit = options.map_or(image.limit, |options| options.limit);
        let durable = options.is_some_and(|options| options.durable);
        Self::make(&home, strategy, limit, durable, &image.entries, false)?;
        let store = Self::open_home(home, true)?;
        if durable {
            store.sync()?;
        }
        Ok(store)
    }

    /// Takes a store away, with its durable image. Who has it open keeps what is there until he closes it.
    pub fn destroy(name: &str) -> Result<()> {
        let home = Home::of(name)?;
        let image = fs::remove_file(home.image());
        let about = home.remove();
        match (about, image) {
            (Err(Error::Absent { .. }), Ok(())) => Ok(()),
            (answer, _) => answer,
        }
    }

    fn make(
        home: &Home,
        strategy: Strategy,
        limit: u64,
        durable: bool,
        entries: &[(Vec<u8>, Content)],
        replace: bool,
    ) -> Result<()> {
        let about = About { strategy, durable, boot: home::boot() };
        home.make(&about, replace, |dir| {
            let path = dir.join(home::ENTRIES);
            match strategy {
                Strategy::Append => Append::create(&path, limit)?,
                _ => InPlace::create(&path, strategy, limit)?,
            }
            let keeper = keeper(&path, strategy, true)?;
            // In parts, so that what is decided at once stays small beside the store.
            for part in entries.chunks(1_000) {
                keeper.write(&mut |draft| {
                    let mut changes = Changes::new(draft);
                    part.iter().try_for_each(|(key, content)| changes.put(key, content))
                })?;
            }
            Ok(())
        })
    }

    fn open_home(home: Home, writable: bool) -> Result<Store> {
        for _ in 0..3 {
            let found = home.about();
            let stale = match &found {
                Ok(about) => about.boot != home::boot(),
                Err(Error::Absent { .. }) => true,
                Err(_) => false,
            };
            if stale && home.image().exists() {
                let image = Image::read(&home.image())?;
                let made =
                    Self::make(&home, image.strategy, image.limit, true, &image.entries, found.is_ok());
                match made {
                    Ok(()) | Err(Error::Exists { .. }) => continue,
                    Err(error) => return Err(error),
                }
            }
            let about = found?;
            if stale {
                // It was not to survive the reboot, and what is left of it was never synced.
                return Err(Error::Absent { path: home.path().to_owned() });
            }
            let keeper = keeper(&home.path().join(home::ENTRIES), about.strategy, writable)?;
            return Ok(Store { home, about, keeper });
        }
        Err(Error::Busy)
    }

    /// Where the store lies.
    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// How it gives out room.
    pub fn strategy(&self) -> Strategy {
        self.about.strategy
    }

    /// What lies under a store that appends: for reading without a copy, from snapshots and handles. Nothing for the strategies that
    /// reuse room in place.
    ///
    /// ```
    /// use cms_segment::{Store, StoreOptions, Strategy, Value};
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let name = dir.path().join("app_config");
    /// let store = Store::create(name.to_str().unwrap(), &StoreOptions::new())?;
    /// store.set("server.host", "localhost")?;
    /// let snapshot = store.root().unwrap().snapshot()?;
    /// assert_eq!(snapshot.get(b"server.host")?, Some(Value::String(b"localhost")));
    /// # Ok::<(), cms_segment::Error>(())
    /// ```
    pub fn root(&self) -> Option<&Root> {
        self.keeper.root()
    }

    /// Whether it survives reboots.
    pub fn is_durable(&self) -> bool {
        self.about.durable
    }

    /// A number that changes with every change of the store.
    pub fn version(&self) -> u32 {
        self.keeper.version()
    }

    /// Waits until the store is no longer what it was when its [`version`](Store::version) was `seen`, and answers the new one;
    /// nothing if time ran out. It costs nothing to wait, and a change wakes whoever waits in microseconds.
    pub fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Option<u32>> {
        self.keeper.wait(seen, timeout)
    }

    /// The value of a key, with all its parts.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Content>> {
        let mut found = None;
        self.keeper.read(key.as_ref(), &mut |value| {
            found = value.map(Content::of).transpose()?;
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands the value of a key to a closure, which reads of an array or a table only what it asks for. The closure may be
    /// called again if the value was replaced meanwhile; its last answer counts.
    pub fn read<T>(
        &self,
        key: impl AsRef<[u8]>,
        mut with: impl FnMut(Option<Value<'_>>) -> Result<T>,
    ) -> Result<T> {
        let mut answer = None;
        self.keeper.read(key.as_ref(), &mut |value| {
            answer = Some(with(value)?);
            Ok(())
        })?;
        answer.ok_or(Error::Busy)
    }

    /// The values of several keys as they are between two batches.
    pub fn get_all<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Option<Content>>> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let mut found = Vec::new();
        self.keeper.read_all(&keys, &mut |values| {
            found = values.iter().map(|value| value.map(Content::of).transpose()).collect::<Result<_>>()?;
            Ok(())
        })?;
        Ok(found)
    }

    /// The text of a key; what is not UTF-8 in it is replaced.
    ///
    /// # Errors
    /// [`Error::Mistyped`] if the value is of another type, as with the other typed reads.
    pub fn get_string(&self, key: impl AsRef<[u8]>) -> Result<Option<String>> {
        self.typed(key.as_ref(), Kind::String, |value| {
            value.as_bytes().map(|text| String::from_utf8_lossy(text).into_owned())
        })
    }

    /// The bytes of a key.
    pub fn get_bytes(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.typed(key.as_ref(), Kind::Bytes, |value| value.as_bytes().map(<[u8]>::to_vec))
    }

    /// The whole number of a key.
    pub fn get_int(&self, key: impl AsRef<[u8]>) -> Result<Option<i64>> {
        self.typed(key.as_ref(), Kind::Int, |value| value.as_int())
    }

    /// The number with a fraction of a key.
    pub fn get_float(&self, key: impl AsRef<[u8]>) -> Result<Option<f64>> {
        self.typed(key.as_ref(), Kind::Float, |value| value.as_float())
    }

    /// The truth of a key.
    pub fn get_bool(&self, key: impl AsRef<[u8]>) -> Result<Option<bool>> {
        self.typed(key.as_ref(), Kind::Bool, |value| value.as_bool())
    }

    fn typed<T>(&self, key: &[u8], kind: Kind, of: impl Fn(Value<'_>) -> Option<T>) -> Result<Option<T>> {
        let mut found = Ok(None);
        self.keeper.read(key, &mut |value| {
            found = match value {
                None => Ok(None),
                Some(value) if value.kind() == kind => Ok(of(value)),
                Some(value) => Err(value.kind()),
            };
            Ok(())
        })?;
        found.map_err(|found| Error::Mistyped { what: changes::key_name(key), expected: kind, found })
    }

    /// Gives a key a value; a new key comes after all others.
    ///
    /// # Errors
    /// [`Error::Full`] if the hard limit does not allow it; then nothing has changed.
    pub fn set<'v>(&self, key: impl AsRef<[u8]>, value: impl Into<Scalar<'v>>) -> Result<()> {
        let value = value.into();
        self.batch(|batch| batch.set(key.as_ref(), value))
    }

    /// Takes a key away, and answers whether it was there.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.batch(|batch| batch.delete(key.as_ref()))
    }

    /// Gives a key a value if it has the expected one, or is absent if none is expected; answers whether it did.
    pub fn compare_and_set<'v>(
        &self,
        key: impl AsRef<[u8]>,
        expected: Option<Scalar<'_>>,
        value: impl Into<Scalar<'v>>,
    ) -> Result<bool> {
        let value = value.into();
        self.batch(|batch| batch.compare_and_set(key.as_ref(), expected, value))
    }

    /// Adds to a number, which is 0 if absent, and answers the sum.
    pub fn add(&self, key: impl AsRef<[u8]>, number: i64) -> Result<i64> {
        self.batch(|batch| batch.add(key.as_ref(), number))
    }

    /// Makes several changes visible at once, or none of them if the closure fails. The closure must not write to the
    /// store in another way: it would wait for itself.
    pub fn batch<T>(&self, with: impl FnOnce(&mut Changes<'_>) -> Result<T>) -> Result<T> {
        let mut with = Some(with);
        let mut answer = None;
        self.keeper.write(&mut |draft| {
            let with = with.take().ok_or(Error::Poisoned)?;
            answer = Some(with(&mut Changes::new(draft))?);
            Ok(())
        })?;
        answer.ok_or(Error::Poisoned)
    }

    /// Sets many keys in one batch.
    pub fn load<'v, K: AsRef<[u8]>, V: Into<Scalar<'v>>>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        self.batch(|batch| entries.into_iter().try_for_each(|(key, value)| batch.set(key, value)))
    }

    /// The number of entries.
    pub fn count(&self) -> Result<u64> {
        self.keeper.len()
    }

    /// Hands every entry to a closure in the order of insertion, until it breaks. An array or a table that is replaced
    /// meanwhile may be handed over again.
    pub fn for_each(&self, mut with: impl FnMut(&[u8], Value<'_>) -> Result<ControlFlow<()>>) -> Result<()> {
        self.keeper.scan(&mut with)
    }

    /// Every entry that a closure selects, in the order of insertion.
    pub fn select(
        &self,
        mut wanted: impl FnMut(&[u8], &Value<'_>) -> bool,
    ) -> Result<Vec<(Vec<u8>, Content)>> {
        let mut found: Vec<(Vec<u8>, Content)> = Vec::new();
        self.keeper.scan(&mut |key, value| {
            if found.last().is_some_and(|last| last.0 == key) {
                found.pop();
            }
            if wanted(key, &value) {
                found.push((key.to_vec(), Content::of(value)?));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Every entry in the order of insertion.
    pub fn entries(&self) -> Result<Vec<(Vec<u8>, Content)>> {
        self.select(|_, _| true)
    }

    /// The entries whose keys start with a prefix, sorted by key. Where the store appends, this costs what it answers;
    /// elsewhere it looks at every entry.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, Content)>> {
        let prefix = prefix.as_ref();
        // The first key behind all that start so: the prefix with its last byte that can be raised raised.
        let raised = prefix.iter().rposition(|byte| *byte != u8::MAX);
        let end = raised.map(|at| [&prefix[..at], &[prefix[at] + 1]].concat());
        self.between(prefix, end.as_deref())
    }

    /// The entries whose keys lie in a range, sorted by key, at the cost of [`prefix`](Store::prefix).
    pub fn range<'k>(&self, range: impl RangeBounds<&'k [u8]>) -> Result<Vec<(Vec<u8>, Content)>> {
        // The key behind another is that with a NUL at its end.
        let behind = |key: &[u8]| [key, b"\0"].concat();
        let start = match range.start_bound() {
            Bound::Included(start) => start.to_vec(),
            Bound::Excluded(start) => behind(start),
            Bound::Unbounded => Vec::new(),
        };
        let end = match range.end_bound() {
            Bound::Included(end) => Some(behind(end)),
            Bound::Excluded(end) => Some(end.to_vec()),
            Bound::Unbounded => None,
        };
        self.between(&start, end.as_deref())
    }

    fn between(&self, start: &[u8], end: Option<&[u8]>) -> Result<Vec<(Vec<u8>, Content)>> {
        let mut found: Vec<(Vec<u8>, Content)> = Vec::new();
        self.keeper.between(start, end, &mut |key, value| {
            let content = Content::of(value)?;
            match found.last_mut() {
                Some(last) if last.0 == key => last.1 = content,
                _ => found.push((key.to_vec(), content)),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Puts the entries into another order, in which they then are for everybody.
    pub fn sort_by(
        &self,
        mut order: impl FnMut((&[u8], Value<'_>), (&[u8], Value<'_>)) -> Ordering,
    ) -> Result<()> {
        self.keeper.sort(&mut order)
    }

    /// Makes the store as it is now survive reboots: when this returns, its image is on disk.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it was not created as durable.
    pub fn sync(&self) -> Result<()> {
        if !self.about.durable {
            return Err(Error::Invalid { what: "the store was not created to survive reboots" });
        }
        self.backup(&self.home.image())
    }

    /// Writes an image of the store to a file, whole or not at all.
    pub fn backup(&self, path: &Path) -> Result<()> {
        let limit = self.keeper.usage()?.limit;
        // Under the lock all entries are of one moment, those with parts as well.
        let mut entries = Vec::new();
        let locked = self.keeper.write(&mut |_| {
            entries = self.entries()?;
            Ok(())
        });
        match locked {
            Err(Error::ReadOnly) => entries = self.entries()?,
            answer => answer?,
        }
        Image { strategy: self.about.strategy, limit, entries }.write(path)
    }

    /// What takes room.
    pub fn usage(&self) -> Result<Usage> {
        self.keeper.usage()
    }

    /// Looks at everything, and says what is wrong: nothing in a sound store.
    pub fn check(&self) -> Result<Vec<String>> {
        self.keeper.check()
    }

    /// Moves what is stored together, while readers go on.
    pub fn defragment(&self) -> Result<()> {
        self.keeper.defragment()
    }

    /// Changes the hard limit, while readers go on.
    ///
    /// # Errors
    /// [`Error::Full`] if the store takes more than the new limit.
    pub fn resize(&self, limit: u64) -> Result<()> {
        self.keeper.resize(limit)
    }
}

fn keeper(path: &Path, strategy: Strategy, writable: bool) -> Result<Box<dyn Keeper>> {
    Ok(match strategy {
        Strategy::Append => Box::new(Append::open(path, writable)?),
        _ => Box::new(InPlace::open(path, writable)?),
    })
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.home.path())
            .field("strategy", &self.about.strategy)
            .finish()
    }
}

#[cfg(test)]
mod tests;

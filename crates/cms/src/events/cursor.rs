//! Cursors: where a reader of events was, kept in the log across restarts.

use cms_log::{Backend, Revision};

use crate::error::{Error, Result};
use crate::lock::FileLock;
use crate::status::now_ns;
use crate::store::{Log, Store};

/// The note that lists the cursors.
const NAMES: &str = "cursors";
const NAME_LENGTH: usize = 64;

/// A named place in the log: everything up to it was dealt with. It survives the process.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: None };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n")?;
/// # let store = cms::Store::open(&cms::Location::find(&config, &dirs)?, cms::Options::default())?;
/// # store.snapshot()?;
/// use cms::{Notice, Pattern, Revision};
///
/// let cursor = store.cursor("firewall")?;
/// let mut watch = store.watch([Pattern::new("network")?], cursor.revision()?.or(Some(Revision(0))))?;
/// while let Some(notice) = watch.next(Some(std::time::Duration::ZERO))? {
///     // Work on it, and only then:
///     if let Some(revision) = notice.revision() {
///         cursor.acknowledge(revision)?;
///     }
/// }
/// assert_eq!(cursor.revision()?, Some(store.head()?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cursor {
    store: Store,
    name: String,
}

/// A cursor as [`Store::cursors`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorState {
    /// Its name.
    pub name: String,
    /// The last acknowledged revision.
    pub revision: Revision,
    /// When that was, in microseconds since 1970.
    pub time_us: i64,
    /// Why it has not come further, if its reader has said so.
    pub remark: String,
}

/// The right to read at a cursor; it ends with its holder.
#[must_use = "others may read at the cursor when this is dropped"]
pub struct Claim {
    _lock: FileLock,
}

impl Store {
    /// Names a cursor. It comes to be when something is acknowledged.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the name is none, [`Error::NotOwner`] for those who may not read the log.
    pub fn cursor(&self, name: &str) -> Result<Cursor> {
        self.log("use a cursor")?;
        let is_valid = (1..=NAME_LENGTH).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !is_valid {
            return Err(Error::Invalid {
                key: name.to_owned(),
                reason: format!(
                    "the name of a cursor has 1 to {NAME_LENGTH} letters, digits, `-`, `_` and `.`"
                ),
            });
        }
        Ok(Cursor { store: self.clone(), name: name.to_owned() })
    }

    /// Lists the cursors, by name.
    ///
    /// # Errors
    /// Those of the log.
    pub fn cursors(&self) -> Result<Vec<CursorState>> {
        let log = self.log("list the cursors")?;
        let mut cursors = Vec::new();
        for name in names(&*log.backend)? {
            if let Some(Place { revision, time_us, remark }) = place(&*log.backend, &name)? {
                cursors.push(CursorState { name, revision, time_us, remark });
            }
        }
        Ok(cursors)
    }
}

impl Cursor {
    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the last acknowledged revision, if there is one.
    ///
    /// # Errors
    /// Those of the log.
    pub fn revision(&self) -> Result<Option<Revision>> {
        Ok(place(&*self.log()?.backend, &self.name)?.map(|place| place.revision))
    }

    /// Says that everything up to a revision was dealt with. An older one than before changes nothing.
    ///
    /// # Errors
    /// [`Error::Log`] if there is no such revision yet, and those of the log.
    pub fn acknowledge(&self, revision: Revision) -> Result<()> {
        let log = self.log()?;
        let known = place(&*log.backend, &self.name)?;
        if known.as_ref().is_some_and(|known| known.revision >= revision && known.remark.is_empty()) {
            return Ok(());
        }
        let revision = known.as_ref().map_or(revision, |known| known.revision.max(revision));
        let head = log.backend.head()?;
        if revision > head {
            return Err(cms_log::Error::NoSuchRevision { revision, head }.into());
        }
        if known.is_none() {
            self.enlist(log, true)?;
        }
        self.put(log, &Place { revision, time_us: now_ns() / 1000, remark: String::new() })
    }

    /// Notes why its reader has not come further; the next acknowledgement removes that. Without an acknowledgement so far, nothing
    /// is noted.
    ///
    /// # Errors
    /// Those of the log.
    pub fn remark(&self, why: &str) -> Result<()> {
        let log = self.log()?;
        match place(&*log.backend, &self.name)? {
            Some(known) => self.put(log, &Place { remark: why.to_owned(), ..known }),
            None => Ok(()),
        }
    }

    /// Takes the cursor for this reader alone; `None` if somebody has it and `wait` is not asked for. Nobody is kept from acknowledging
    /// who does not ask.
    ///
    /// # Errors
    /// [`Error::Io`] if there can be no lock.
    pub fn claim(&self, wait: bool) -> Result<Option<Claim>> {
        let location = self.store.location();
        let path = location.state().join(format!("{}.cursor", self.name));
        let lock =
            if wait { Some(FileLock::wait(location, &path)?) } else { FileLock::try_now(location, &path)? };
        Ok(lock.map(|lock| Claim { _lock: lock }))
    }

    /// Forgets the cursor, so that nothing is kept for it.
    ///
    /// # Errors
    /// Those of the log.
    pub fn forget(&self) -> Result<()> {
        let log = self.log()?;
        log.backend.set_meta(&note(&self.name), None)?;
        self.enlist(log, false)
    }

    fn log(&self) -> Result<&Log> {
        self.store.log("use a cursor")
    }

    fn put(&self, log: &Log, place: &Place) -> Result<()> {
        let mut value = place.revision.0.to_le_bytes().to_vec();
        value.extend_from_slice(&place.time_us.to_le_bytes());
        value.extend_from_slice(place.remark.as_bytes());
        Ok(log.backend.set_meta(&note(&self.name), Some(&value))?)
    }

    /// Puts the name into the list, or takes it out.
    fn enlist(&self, log: &Log, is_there: bool) -> Result<()> {
        let _writing = log.write()?;
        let mut names = names(&*log.backend)?;
        match names.binary_search(&self.name) {
            Err(at) if is_there => names.insert(at, self.name.clone()),
            Ok(at) if !is_there => {
                names.remove(at);
            }
            _ => return Ok(()),
        }
        let list: String = names.iter().map(|name| format!("{name}\n")).collect();
        Ok(log.backend.set_meta(NAMES, Some(list.as_bytes()))?)
    }
}

/// Returns the lowest acknowledged revision of all cursors.
pub(crate) fn lowest(backend: &dyn Backend) -> Result<Option<Revision>> {
    let mut lowest: Option<Revision> = None;
    for name in names(backend)? {
        if let Some(Place { revision, .. }) = place(backend, &name)? {
            lowest = Some(lowest.map_or(revision, |lowest| lowest.min(revision)));
        }
    }
    Ok(lowest)
}

fn names(backend: &dyn Backend) -> Result<Vec<String>> {
    let list = backend.meta(NAMES)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&list).lines().map(str::to_owned).collect())
}

fn note(name: &str) -> String {
    format!("cursor.{name}")
}

/// What the note of a cursor holds.
struct Place {
    revision: Revision,
    time_us: i64,
    remark: String,
}

/// Reads where a cursor is; one that is damaged is as good as none.
fn place(backend: &dyn Backend, name: &str) -> Result<Option<Place>> {
    let Some(value) = backend.meta(&note(name))? else { return Ok(None) };
    let Some((revision, rest)) = value.split_first_chunk::<8>() else { return Ok(None) };
    let Some((time, remark)) = rest.split_first_chunk::<8>() else { return Ok(None) };
    Ok(Some(Place {
        revision: Revision(u64::from_le_bytes(*revision)),
        time_us: i64::from_le_bytes(*time),
        remark: String::from_utf8_lossy(remark).into_owned(),
    }))
}

//! Keys that are read again and again.

use std::fmt;

use cms_model::{Key, Value};
use cms_segment::Handle;

use crate::error::{Error, Result};
use crate::mapped::{find, layout};
use crate::store::Store;

/// A type that an option can be read as.
pub trait FromValue: Sized {
    /// What the type is called in messages.
    const NAME: &'static str;

    /// Reads the value; `None` if it is nothing of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()?).ok()
}

macro_rules! parsed {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            const NAME: &'static str = stringify!($type);

            fn from_value(value: &Value) -> Option<Self> {
                text(value)?.trim().parse().ok()
            }
        }
    )*};
}

parsed!(
    u8,
    u16,
    u32,
    u64,
    i8,
    i16,
    i32,
    i64,
    f32,
    f64,
    std::net::IpAddr,
    std::net::Ipv4Addr,
    std::net::Ipv6Addr
);

impl FromValue for String {
    const NAME: &'static str = "text";

    fn from_value(value: &Value) -> Option<Self> {
        text(value).map(str::to_owned)
    }
}

impl FromValue for Vec<String> {
    const NAME: &'static str = "list of texts";

    /// A string is a list of one.
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Scalar(_) => Some(vec![text(value)?.to_owned()]),
            Value::List(items) => items.iter().map(|item| String::from_utf8(item.clone()).ok()).collect(),
        }
    }
}

impl FromValue for bool {
    const NAME: &'static str = "bool";

    /// The words of OpenWrt's `config_get_bool` (`/lib/functions.sh`).
    fn from_value(value: &Value) -> Option<Self> {
        match text(value)? {
            "1" | "on" | "true" | "yes" | "enabled" => Some(true),
            "0" | "off" | "false" | "no" | "disabled" => Some(false),
            _ => None,
        }
    }
}

/// A key bound to a store: reading it again while nothing has changed is a look at one word of memory.
///
/// What is bound is the section, not its place: `firewall.@rule[0].target` stays with the rule that was the first when it was
/// bound. A commit by any process is seen at the next look; an edit of the package file is seen once some process has taken
/// it into the log.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: Some(home.path().join("run")) };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
/// use cms::{Location, Options, Store, model::Key};
///
/// let store = Store::open(&Location::find(&config, &dirs)?, Options::default())?;
/// let mut mtu = store.bind::<u16>(&Key::parse("network.lan.mtu")?)?;
/// assert_eq!(mtu.get()?, Some(&1500));
///
/// let mut tx = store.transaction()?;
/// let key = Key::parse("network.lan.mtu")?;
/// tx.draft(&key.package)?.set_option(key.section.as_ref().unwrap(), key.option.as_ref().unwrap(), cms::model::Value::scalar("1400"))?;
/// tx.commit()?;
/// assert!(mtu.changed()?);
/// assert_eq!(mtu.get()?, Some(&1400));
/// assert!(!mtu.changed()?);
/// # Ok(())
/// # }
/// ```
pub struct Bound<T> {
    store: Store,
    key: Key,
    source: Source,
    /// Of a segment: none also as long as it has to be read.
    value: Option<T>,
    /// Whether the value moved since [`changed`](Bound::changed) was last asked.
    has_moved: bool,
}

enum Source {
    Segment {
        handle: Handle,
        root: cms_segment::Root,
        /// What [`Handle::moves`] said when the value was read; none if it has to be read.
        moves: Option<u64>,
    },
    /// There is no segment: every look is a snapshot.
    Store,
}

impl Store {
    /// Binds a key, so that reading it again costs next to nothing.
    ///
    /// # Errors
    /// Those of [`snapshot`](Store::snapshot), and [`Error::NotFound`] if there is no such section. There need not be such an
    /// option.
    pub fn bind<T: FromValue>(&self, key: &Key) -> Result<Bound<T>> {
        let source = self.source_of(key)?;
        let mut bound =
            Bound { store: self.clone(), key: key.clone(), source, value: None, has_moved: false };
        bound.look()?;
        bound.has_moved = false;
        Ok(bound)
    }

    fn source_of(&self, key: &Key) -> Result<Source> {
        let (Some(selector), Some(option)) = (&key.section, &key.option) else {
            return Err(Error::Invalid {
                key: key.to_string(),
                reason: "a bound key names an option".into(),
            });
        };
        let snapshot = self.snapshot_of(Some(std::slice::from_ref(&key.package)))?;
        let package = snapshot.package(&key.package)?;
        if let (Some(mapped), Some(log)) = (snapshot.mapped(), self.optional_log())
            && let Some(root) = log.mapped.root(&*log.backend)
        {
            let Some(found) = find::section(mapped, &key.package, selector)? else {
                return Err(Error::not_found(key));
            };
            let leaf = String::from_utf8_lossy(found.leaf);
            let path = format!("{}.{option}", layout::section_path(&key.package, &leaf));
            return Ok(Source::Segment { handle: root.bind(path.as_bytes()), root, moves: None });
        }
        match cms_model::Draft::new((*package).clone(), 0).resolve(selector) {
            Some(_) => Ok(Source::Store),
            None => Err(Error::not_found(key)),
        }
    }
}

impl<T: FromValue> Bound<T> {
    /// Returns the value now; `None` if there is no such option.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the value is nothing of the type, and those of the segment or of the store.
    #[inline]
    pub fn get(&mut self) -> Result<Option<&T>> {
        self.look()?;
        Ok(self.value.as_ref())
    }

    /// Returns the value if nothing was published since the last look: what [`get`](Bound::get) does most of the time, and all that can be
    /// done without a failure. Nothing says that there is no value or that it is to be looked for.
    #[inline]
    pub fn settled(&self) -> Option<&T> {
        match &self.source {
            // While it has to be read there is none.
            Source::Segment { handle, .. } if handle.is_settled() => self.value.as_ref(),
            _ => None,
        }
    }

    /// Tells whether the value may have moved since this was last asked, or since it was bound; one that was set to what it was
    /// counts as moved.
    ///
    /// # Errors
    /// As [`get`](Bound::get).
    #[inline]
    pub fn changed(&mut self) -> Result<bool> {
        self.look()?;
        Ok(std::mem::take(&mut self.has_moved))
    }

    /// Returns the key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    #[inline]
    fn look(&mut self) -> Result<()> {
        match &self.source {
            Source::Segment { handle, moves: Some(_), .. } if handle.is_settled() => Ok(()),
            _ => self.look_again(),
        }
    }

    /// Something was published, or went wrong last time.
    #[inline(never)]
    fn look_again(&mut self) -> Result<()> {
        if let Source::Segment { root, .. } = &self.source
            && root.is_stale()
        {
            self.source = self.store.source_of(&self.key)?;
            self.value = None;
        }
        let (value, moved) = match &mut self.source {
            Source::Segment { handle, moves, .. } => {
                let now = handle.moves()?;
                if *moves == Some(now) {
                    return Ok(());
                }
                // Until the value has been read and understood, every look tries again.
                *moves = None;
                self.value = None;
                let value = match handle.value()? {
                    Some(value) => layout::read_value(&value)?,
                    None => None,
                };
                (value, Some(now))
            }
            Source::Store => {
                let package = std::slice::from_ref(&self.key.package);
                (self.store.snapshot_of(Some(package))?.get(&self.key)?, None)
            }
        };
        self.has_moved = true;
        self.value = None;
        if let Some(value) = value {
            self.value = Some(T::from_value(&value).ok_or_else(|| Error::Invalid {
                key: self.key.to_string(),
                reason: format!("its value is no {}", T::NAME),
            })?);
        }
        if let Source::Segment { moves, .. } = &mut self.source {
            *moves = moved;
        }
        Ok(())
    }
}

impl<T: fmt::Debug> fmt::Debug for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("key", &self.key.to_string()).field("value", &self.value).finish()
    }
}

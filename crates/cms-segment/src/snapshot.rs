//! Reading: a state of the store that stays as it is.

use std::sync::Arc;

use crate::{
    Error, Result, Value,
    generation::Generation,
    group::Group,
    hash::{Leaf, cut},
    root::{Row, Shared},
    routes::Routes,
    scan::{Ordered, Sorted},
    value::LONG_STRING,
};

/// The maps that snapshots of one time share.
pub(crate) struct Maps {
    /// In the order of the root's table; what may not be read is missing.
    segments: Vec<Segment>,
    /// All but the first segment.
    routes: Routes,
}

struct Segment {
    row: Row,
    generation: Option<Arc<Generation>>,
}

impl Maps {
    /// Whether the root still names these maps, and they can be read at `head`.
    pub fn are_current(&self, root: &Shared, head: u64) -> bool {
        let count = root.long(crate::root::at::SEGMENTS).load(std::sync::atomic::Ordering::Acquire);
        count == self.segments.len() as u64
            && self.segments.iter().all(|segment| {
                let (current, _) = root.generations(segment.row.place);
                match &segment.generation {
                    Some(generation) => {
                        generation.header.number == current && generation.header.since <= head
                    }
                    // Rights may have changed since.
                    None => false,
                }
            })
    }

    /// Opens what the root names; nothing if a generation was swapped away meanwhile.
    pub fn open(root: &Shared, head: u64, known: Option<&Maps>) -> Result<Option<Maps>> {
        let mut segments = Vec::new();
        let mut routes = Vec::new();
        for (position, row) in root.rows()?.into_iter().enumerate() {
            let (current, previous) = root.generations(row.place);
            let open = |number: u64| -> Result<Arc<Generation>> {
                let same = known.and_then(|maps| maps.segments.get(position)?.generation.as_ref());
                match same {
                    Some(generation) if generation.header.number == number => Ok(generation.clone()),
                    _ => match root.open_generation(&row, number, root.is_writable()) {
                        // A store that may be written to may have segments that may not.
                        Err(Error::Denied { .. }) if root.is_writable() => {
                            root.open_generation(&row, number, false).map(Arc::new)
                        }
                        opened => opened.map(Arc::new),
                    },
                }
            };
            let mut opened = open(current);
            if let Ok(generation) = &opened
                && generation.header.since > head
            {
                if previous == 0 {
                    return Ok(None);
                }
                opened = open(previous);
            }
            let generation = match opened {
                Ok(generation) if generation.header.since <= head => Some(generation),
                Ok(_) => return Ok(None),
                Err(Error::Denied { .. }) => None,
                Err(Error::Absent { path }) => {
                    // Swapped away, or deleted with all its directory.
                    return if root.generations(row.place) == (current, previous) && root.head() == head {
                        Err(Error::Absent { path })
                    } else {
                        Ok(None)
                    };
                }
                Err(error) => return Err(error),
            };
            if position > 0 {
                routes.push((row.name.clone().into_bytes(), position));
            }
            segments.push(Segment { row, generation });
        }
        Ok(Some(Maps { segments, routes: Routes::new(routes) }))
    }

    /// The generation that holds the keys of a path: the segment of its first component, or the first one.
    #[inline(always)]
    pub fn route(&self, path: &[u8]) -> Result<&Generation> {
        match self.segments.get(self.route_position(path)) {
            Some(Segment { generation: Some(generation), .. }) => Ok(generation),
            Some(segment) => Err(Error::Denied { path: segment.row.name.clone().into() }),
            None => Err(Error::NotFound { what: "segment" }),
        }
    }

    /// The generation that holds the entry of a key, if it may be read.
    #[inline(always)]
    pub fn holder(&self, key: &[u8]) -> Option<&Generation> {
        self.segments.get(self.routes.of_key(key))?.generation.as_deref()
    }

    /// The position of the segment for a path. Undotted keys lie in the first one.
    pub fn route_position(&self, path: &[u8]) -> usize {
        self.routes.of_path(path)
    }

    /// The generations that may be read.
    pub fn readable(&self) -> impl Iterator<Item = &Generation> {
        self.segments.iter().filter_map(|segment| segment.generation.as_deref())
    }

    /// The names of the segments, with their generations where they may be read.
    pub fn named(&self) -> impl Iterator<Item = (&str, u64, Option<&Arc<Generation>>)> {
        self.segments
            .iter()
            .map(|segment| (segment.row.name.as_str(), segment.row.place, segment.generation.as_ref()))
    }

    /// The generation at a position.
    pub fn generation(&self, position: usize) -> Option<&Arc<Generation>> {
        self.segments.get(position)?.generation.as_ref()
    }

    /// The place of the row of the segment at a position.
    pub fn place(&self, position: usize) -> u64 {
        self.segments.get(position).map_or(0, |segment| segment.row.place)
    }
}

/// A state of a store, which no writer changes: one revision over all segments.
///
/// It is cheap to make, to clone and to send to other threads, and keeps the maps that it reads from. What it answers is
/// borrowed from them.
#[derive(Clone)]
pub struct Snapshot {
    revision: u64,
    maps: Arc<Maps>,
    /// The generation, if there is but one segment.
    only: Option<Arc<Generation>>,
}

impl Snapshot {
    pub(crate) fn new(revision: u64, maps: Arc<Maps>) -> Self {
        let only = match &maps.segments[..] {
            [Segment { generation, .. }] => generation.clone(),
            _ => None,
        };
        Snapshot { revision, maps, only }
    }

    pub(crate) fn maps(&self) -> &Maps {
        &self.maps
    }

    /// The revision that the snapshot shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether both read from the same maps, so that what one answers lives as long as the other.
    pub fn shares_maps(&self, other: &Snapshot) -> bool {
        Arc::ptr_eq(&self.maps, &other.maps)
    }

    /// Whether no other snapshot or handle of the process reads in the same maps, so that they go with this one.
    pub fn is_last_on_its_maps(&self) -> bool {
        Arc::strong_count(&self.maps) == 1
    }

    /// Where the map of the first segment begins in the memory of the process, if it may be read.
    pub fn base(&self) -> Option<*const u8> {
        let generation = self.maps.generation(0)?;
        generation.map.bytes(0, 1).map(<[u8]>::as_ptr)
    }

    /// The text of a string that this snapshot answered, with the NUL that stands behind it in the map; nothing if there is none.
    ///
    /// ```
    /// # use cms_segment::{Root, RootOptions, Value};
    /// # let dir = tempfile::tempdir()?;
    /// # let root = Root::create(dir.path(), &RootOptions::default())?;
    /// # let mut writer = root.writer()?;
    /// let mut batch = writer.batch(1)?;
    /// batch.set(b"server.host", Value::String(b"localhost"))?;
    /// batch.publish()?;
    ///
    /// let snapshot = root.snapshot()?;
    /// let host = snapshot.get(b"server.host")?.and_then(|host| host.as_bytes()).unwrap();
    /// assert_eq!(snapshot.with_nul(host), Some(&b"localhost\0"[..]));
    /// assert_eq!(snapshot.with_nul(b"elsewhere"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn with_nul(&self, text: &[u8]) -> Option<&[u8]> {
        let length = text.len().checked_add(1)?;
        // What lies elsewhere has an offset outside.
        self.maps.segments.iter().filter_map(|segment| segment.generation.as_ref()).find_map(|generation| {
            let bytes = generation.map.bytes(generation.map.offset_of(text), length)?;
            (bytes.last() == Some(&0)).then_some(bytes)
        })
    }

    /// The text of a key with the NUL that stands behind it in the map, if it is a string that is found at once; of every other
    /// [`get`](Snapshot::get) tells.
    ///
    /// ```
    /// # use cms_segment::{Root, RootOptions, Value};
    /// # let dir = tempfile::tempdir()?;
    /// # let root = Root::create(dir.path(), &RootOptions::default())?;
    /// root.writer()?.rebuild("", [("server", "host", Value::String(b"localhost")), ("server", "port", Value::Int(80))], 1)?;
    /// let snapshot = root.snapshot()?;
    /// assert_eq!(snapshot.glance_at_text(b"server.host"), Some(&b"localhost\0"[..]));
    /// assert_eq!(snapshot.glance_at_text(b"server.port"), None);
    /// assert_eq!(snapshot.glance_at_text(b"server.user"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn glance_at_text(&self, key: &[u8]) -> Option<&[u8]> {
        let generation = self.holder(key)?;
        let text = generation.glance(key, self.revision)?;
        if text.len() >= usize::from(LONG_STRING) {
            return None;
        }
        let text = generation.map.bytes(generation.map.offset_of(text), text.len() + 1)?;
        (text.last() == Some(&0)).then_some(text)
    }

    /// The generation that holds the entry of a key, if it may be read.
    #[inline(always)]
    fn holder(&self, key: &[u8]) -> Option<&Generation> {
        match &self.only {
            Some(generation) => Some(&**generation),
            None => self.maps.holder(key),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`Error::Denied`] if the caller may not read the segment that the key would be in, [`Error::Damaged`] if the way to
    /// the value leads astray.
    #[inline(always)]
    pub fn get(&self, key: &[u8]) -> Result<Option<Value<'_>>> {
        if let Some(generation) = self.holder(key)
            && let Some(record) = generation.glance(key, self.revision)
        {
            return generation.value_of_record(record);
        }
        self.get_the_long_way(key)
    }

    #[inline(never)]
    fn get_the_long_way(&self, key: &[u8]) -> Result<Option<Value<'_>>> {
        let (path, leaf) = cut(key);
        self.maps.route(path)?.get(path, &leaf, self.revision)
    }

    /// The value of a key whose path and leaf are known apart.
    #[inline]
    pub fn get_in(&self, path: &[u8], leaf: &[u8]) -> Result<Option<Value<'_>>> {
        self.maps.route(path)?.get(path, &Leaf::new(leaf), self.revision)
    }

    /// The group of all entries `path.…`, if it has an entry.
    ///
    /// ```
    /// # use cms_segment::{Root, RootOptions, Value};
    /// # let dir = tempfile::tempdir()?;
    /// # let root = Root::create(dir.path(), &RootOptions::default())?;
    /// # let mut writer = root.writer()?;
    /// let mut batch = writer.batch(1)?;
    /// batch.set(b"network.lan", Value::String(b"interface"))?;
    /// batch.set(b"network.wan", Value::String(b"interface"))?;
    /// batch.publish()?;
    ///
    /// let snapshot = root.snapshot()?;
    /// let network = snapshot.group(b"network")?.expect("two entries were set");
    /// let leaves = network.iter().map(|entry| Ok(entry?.0)).collect::<cms_segment::Result<Vec<_>>>()?;
    /// assert_eq!(leaves, [b"lan", b"wan"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn group(&self, path: &[u8]) -> Result<Option<Group<'_>>> {
        Group::find(self.maps.route(path)?, path, self.revision)
    }

    /// Every entry: group after group as they came into being, each in its order.
    pub fn iter(&self) -> Ordered<'_> {
        Ordered::new(self.maps.readable().collect(), self.revision)
    }

    /// Every entry whose key starts with `prefix`, sorted by key.
    pub fn prefix(&self, prefix: &[u8]) -> Result<Sorted<'_>> {
        // The first key behind all that start with the prefix: the prefix with its last byte below 255 raised.
        let end = prefix.iter().rposition(|byte| *byte != 0xff).map(|last| {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            end
        });
        Sorted::new(self.maps.readable().collect(), self.revision, prefix.to_vec(), end)
    }

    /// Every entry whose key lies in `start..end`, sorted by key as bytes; no end means to the last.
    pub fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Sorted<'_>> {
        Sorted::new(self.maps.readable().collect(), self.revision, start.to_vec(), end.map(<[u8]>::to_vec))
    }

    /// The number of entries; counted, which takes time.
    pub fn count(&self) -> Result<u64> {
        self.iter().try_fold(0, |count, entry| entry.map(|_| count + 1))
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("revision", &self.revision).finish()
    }
}

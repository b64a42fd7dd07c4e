//! The appending strategy as the home of a stand-alone store.

use std::{path::Path, time::Duration};

use super::{
    Usage,
    keeper::{Amend, Draft, Each, Keeper, Order, WithAll},
};
use crate::{Batch, Content, Result, Root, RootOptions, Scalar, SegmentOptions, Value};

/// The entries of a store under a root, all in its first segment.
pub(crate) struct Append {
    root: Root,
}

impl Append {
    /// Makes a store in a directory.
    pub fn create(directory: &Path, limit: u64) -> Result<()> {
        let segment = SegmentOptions { limit, ..SegmentOptions::default() };
        Root::create(directory, &RootOptions { segment, ..RootOptions::default() }).map(drop)
    }

    /// Opens a store for reading, and for writing if asked for.
    pub fn open(directory: &Path, writable: bool) -> Result<Self> {
        let root = if writable { Root::open(directory)? } else { Root::attach(directory)? };
        Ok(Append { root })
    }
}

impl Keeper for Append {
    fn root(&self) -> Option<&Root> {
        Some(&self.root)
    }

    fn read(&self, key: &[u8], with: &mut dyn FnMut(Option<Value<'_>>) -> Result<()>) -> Result<()> {
        with(self.root.snapshot()?.get(key)?)
    }

    fn read_all(&self, keys: &[&[u8]], with: WithAll<'_>) -> Result<()> {
        let snapshot = self.root.snapshot()?;
        with(&keys.iter().map(|key| snapshot.get(key)).collect::<Result<Vec<_>>>()?)
    }

    fn scan(&self, with: Each<'_>) -> Result<()> {
        for item in self.root.snapshot()?.iter() {
            let item = item?;
            if with(&item.key(), item.value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn between(&self, start: &[u8], end: Option<&[u8]>, with: Each<'_>) -> Result<()> {
        for item in self.root.snapshot()?.range(start, end)? {
            let item = item?;
            if with(&item.key(), item.value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        self.root.snapshot()?.count()
    }

    fn write(&self, with: &mut dyn FnMut(&mut dyn Draft) -> Result<()>) -> Result<()> {
        let mut writer = self.root.writer()?;
        let revision = writer.head() + 1;
        let mut appending = Appending { batch: writer.batch(revision)?, changed: false };
        with(&mut appending)?;
        if appending.changed { appending.batch.publish() } else { Ok(()) }
    }

    fn sort(&self, order: Order<'_>) -> Result<()> {
        let mut writer = self.root.writer()?;
        let snapshot = self.root.snapshot()?;
        let mut items = Vec::new();
        for item in snapshot.iter() {
            let item = item?;
            items.push((item.key(), item));
        }
        items.sort_by(|one, other| order((&one.0, one.1.value), (&other.0, other.1.value)));
        let revision = writer.head() + 1;
        writer.rebuild("", items.into_iter().map(|(_, item)| (item.path, item.leaf, item.value)), revision)
    }

    fn defragment(&self) -> Result<()> {
        self.root.writer()?.defragment("")
    }

    fn resize(&self, limit: u64) -> Result<()> {
        self.root.writer()?.resize("", limit)
    }

    fn usage(&self) -> Result<Usage> {
        let (limit, tail, garbage) = self.root.room()?;
        let mut files = 0;
        for file in std::fs::read_dir(self.root.directory()).into_iter().flatten().flatten() {
            files += file.metadata().map_or(0, |status| status.len());
        }
        let free = files.saturating_sub(tail);
        Ok(Usage {
            entries: self.len()?,
            limit,
            files,
            live: tail.saturating_sub(garbage),
            free,
            largest: free,
            garbage,
            fragmentation: 0.0,
        })
    }

    fn check(&self) -> Result<Vec<String>> {
        let snapshot = self.root.snapshot()?;
        let mut findings = Vec::new();
        for item in snapshot.iter() {
            match item {
                Ok(item) => {
                    if let Err(error) = Content::of(item.value) {
                        findings.push(format!(
                            "the value of '{}': {error}",
                            String::from_utf8_lossy(&item.key())
                        ));
                    }
                }
                Err(error) => findings.push(error.to_string()),
            }
        }
        Ok(findings)
    }

    fn version(&self) -> u32 {
        self.root.sequence()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Option<u32>> {
        self.root.wait(seen, timeout)
    }
}

/// A batch that is being written.
struct Appending<'w, 'r> {
    batch: Batch<'w, 'r>,
    changed: bool,
}

impl Draft for Appending<'_, '_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Value<'_>>> {
        self.batch.get(key)
    }

    fn set(&mut self, key: &[u8], value: Scalar<'_>) -> Result<()> {
        self.changed = true;
        self.batch.set(key, value.into())
    }

    fn amend(&mut self, key: &[u8], weight: u64, with: Amend<'_>) -> Result<()> {
        self.changed = true;
        self.batch.amend(key, weight, with)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        self.changed = true;
        self.batch.delete(key)
    }
}

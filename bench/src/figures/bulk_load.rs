//! `bulk.load`: a million entries at once.

use cms_segment::{Root, RootOptions};

use crate::Result;
use crate::entries::Entries;
use crate::figure::{Figure, Limit};
use crate::measure::{by_turns, core_seconds, rate};
use crate::peers::{Lmdb, Uthash};
use crate::world::folder_in_memory;

const COUNT: usize = 1_000_000;

pub fn measure() -> Result<Vec<Figure>> {
    let entries = Entries::new(COUNT);
    let folder = folder_in_memory()?;
    let root = Root::create(folder.path(), &RootOptions::default())?;
    let load = || {
        let mut writer = root.writer()?;
        let revision = writer.head() + 1;
        Ok(core_seconds(|| entries.load(writer.load(revision)?))?.0)
    };
    let other = folder_in_memory()?;
    let [ours, theirs, lmdb] = by_turns(
        5,
        1,
        [
            &mut || load(),
            &mut || {
                // Freeing the table is no part of it.
                let (seconds, table) = core_seconds(|| Uthash::new(&entries))?;
                drop(table);
                Ok(seconds)
            },
            &mut || {
                let path = other.path().join("lmdb");
                let (seconds, store) = core_seconds(|| Lmdb::new(&path, &entries))?;
                drop(store);
                std::fs::remove_file(&path)?;
                Ok(seconds)
            },
        ],
    )?;
    let millions = COUNT as f64 / 1e6;
    Ok(vec![Figure {
        id: "bulk.load",
        what: format!(
            "bulk load of {COUNT} entries; LMDB in one transaction {:.2} M/s",
            rate(&lmdb, millions).median()
        ),
        unit: "M/s",
        value: rate(&ours, millions),
        peer: "uthash, key and value copied".into(),
        peer_value: rate(&theirs, millions),
        must: Limit::AtLeast(1.0),
        goal: Limit::AtLeast(3.0),
    }])
}

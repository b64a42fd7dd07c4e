//! `commit.structural.segment`: adding, deleting and moving sections at the front of the segment, among many and among few.

use cms_segment::{Batch, Root, RootOptions, Value};
use tempfile::TempDir;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Plan, Rounds, scaled, side_by_side};
use crate::world::folder_in_memory;

const FEW: u64 = 100;
const MANY: u64 = 100_000;
/// Adding comes before deleting, so that the few stay about as many as they were.
const PLAN: Plan = Plan { rounds: 7, turns: 3, operations: 500 };
const OPTIONS: [&str; 4] = ["proto", "ipaddr", "netmask", "gateway"];

type Operation = fn(&mut Bench) -> Result<()>;

/// A store of sections that have options.
struct Bench {
    root: Root,
    _folder: TempDir,
    added: u64,
    deleted: u64,
    moved: u64,
}

impl Bench {
    fn new(sections: u64) -> Result<Self> {
        let folder = folder_in_memory()?;
        let root = Root::create(folder.path(), &RootOptions::default())?;
        let mut writer = root.writer()?;
        let mut load = writer.load(1)?;
        for number in 0..sections {
            let section = format!("host_{number:06}");
            load.add(b"network", section.as_bytes(), Value::Bytes(b"\x01host"))?;
            let path = format!("network.{section}");
            for option in OPTIONS {
                load.add(path.as_bytes(), option.as_bytes(), Value::String(b"192.168.17.23"))?;
            }
        }
        load.publish()?;
        drop(writer);
        Ok(Self { root, _folder: folder, added: 0, deleted: 0, moved: 0 })
    }

    fn change(&self, edit: impl FnOnce(&mut Batch<'_, '_>) -> Result<()>) -> Result<()> {
        let mut writer = self.root.writer()?;
        let revision = writer.head() + 1;
        let mut batch = writer.batch(revision)?;
        edit(&mut batch)?;
        Ok(batch.publish()?)
    }

    fn add(&mut self) -> Result<()> {
        self.added += 1;
        let section = format!("new_{:06}", self.added);
        self.change(|batch| {
            batch.insert_at(b"network", section.as_bytes(), Value::Bytes(b"\x01host"), 0)?;
            let path = format!("network.{section}");
            for option in OPTIONS {
                batch.set_in(path.as_bytes(), option.as_bytes(), Value::String(b"10.0.0.1"))?;
            }
            Ok(())
        })
    }

    fn reorder(&mut self) -> Result<()> {
        // Both stores have these; each is moved to the front from where the ones before it have pushed it.
        self.moved = (self.moved + 1) % FEW;
        let section = format!("host_{:06}", self.moved);
        self.change(|batch| Ok(batch.move_to(b"network", section.as_bytes(), 0)?))
    }

    fn delete(&mut self) -> Result<()> {
        self.deleted += 1;
        let section = format!("new_{:06}", self.deleted);
        self.change(|batch| {
            assert!(batch.delete_in(b"network", section.as_bytes())?, "{section} is missing");
            batch.delete_group(format!("network.{section}").as_bytes())?;
            Ok(())
        })
    }
}

pub fn measure() -> Result<Vec<Figure>> {
    let operations: [(&str, Operation); 3] =
        [("add", Bench::add), ("reorder", Bench::reorder), ("delete", Bench::delete)];
    let (mut among_few, mut among_many) = (Bench::new(FEW)?, Bench::new(MANY)?);
    let mut measured: Vec<(&str, Rounds, Rounds)> = Vec::new();
    for (name, operation) in operations {
        let (value, peer) = side_by_side(PLAN, || operation(&mut among_many), || operation(&mut among_few))?;
        measured.push((name, scaled(&value, 1e6), scaled(&peer, 1e6)));
    }
    let ratio = |(_, value, peer): &(&str, Rounds, Rounds)| value.over(peer).median();
    let each: Vec<String> = measured.iter().map(|one| format!("{} {:.2}x", one.0, ratio(one))).collect();
    let (worst, value, peer_value) = measured
        .iter()
        .max_by(|a, b| ratio(a).total_cmp(&ratio(b)))
        .cloned()
        .ok_or("nothing was measured")?;
    Ok(vec![Figure {
        id: "commit.structural.segment",
        what: format!(
            "{worst} at the front of {MANY} sections of the segment, the slowest of: {}",
            each.join(", ")
        ),
        unit: "us",
        value,
        peer: format!("the same among {FEW} sections"),
        peer_value,
        must: Limit::AtMostTimes(3.0),
        goal: Limit::AtMostTimes(1.3),
    }])
}

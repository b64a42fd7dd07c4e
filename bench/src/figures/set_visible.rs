//! `set.visible`: one value after the other, each visible to other processes at once, none durable.

use cms_segment::{Root, RootOptions, Value, Writer};
use cms_testkit::Random;

use crate::Result;
use crate::entries::Entries;
use crate::figure::{Figure, Limit};
use crate::measure::{by_turns, core_seconds, rate};
use crate::other::Other;
use crate::peers::Lmdb;
use crate::world::folder_in_memory;

const COUNT: usize = 100_000;
const SETS: usize = 300_000;
const OTHERS: usize = 30_000;

pub fn measure() -> Result<Vec<Figure>> {
    let entries = Entries::new(COUNT);
    let folder = folder_in_memory()?;
    let root = Root::create(folder.path(), &RootOptions::default())?;
    entries.load(root.writer()?.load(1)?)?;
    let mut reader = Other::start("reader", &[&folder.path().to_string_lossy()])?;
    reader.hear()?;
    let lmdb = Lmdb::new(&folder.path().join("lmdb"), &entries)?;

    let (mut random, mut kept_random, mut lmdb_random) = (Random::new(3), Random::new(3), Random::new(3));
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let reader = std::cell::RefCell::new(reader);
    let sees = |last: (usize, u64)| -> Result<()> {
        let mut key = Vec::new();
        entries.write_key(last.0, &mut key);
        let text = reader.borrow_mut().tell(&String::from_utf8_lossy(&key))?;
        assert_eq!(text, value_of(last.1), "the other process does not see the last value");
        Ok(())
    };
    let [kept, taken, theirs] = by_turns(
        5,
        1,
        [
            &mut || {
                let (seconds, last) = core_seconds(|| {
                    let mut writer = root.writer()?;
                    let mut last = (0, 0);
                    for _ in 0..SETS {
                        last = set(&mut writer, &entries, &mut random)?;
                    }
                    Ok(last)
                })?;
                sees(last)?;
                Ok(seconds)
            },
            &mut || {
                let (seconds, last) = core_seconds(|| {
                    let mut last = (0, 0);
                    for _ in 0..SETS {
                        last = set(&mut root.writer()?, &entries, &mut kept_random)?;
                    }
                    Ok(last)
                })?;
                sees(last)?;
                Ok(seconds)
            },
            &mut || {
                let (seconds, ()) = core_seconds(|| {
                    for number in 0..OTHERS {
                        entries.write_key(lmdb_random.below(COUNT as u64) as usize, &mut key);
                        value.clear();
                        value.extend_from_slice(value_of(number as u64).as_bytes());
                        lmdb.set(&mut key, &mut value)?;
                    }
                    Ok(())
                })?;
                Ok(seconds * SETS as f64 / OTHERS as f64)
            },
        ],
    )?;
    let thousands = SETS as f64 / 1e3;
    let first = Figure {
        id: "set.visible",
        what: format!(
            "random options of {COUNT} set, each a commit of its own, by a program that stays the writer"
        ),
        unit: "k/s",
        value: rate(&kept, thousands),
        peer: "LMDB, a transaction for each, without a sync".into(),
        peer_value: rate(&theirs, thousands),
        must: Limit::AtLeast(500.0),
        goal: Limit::AtLeast(1000.0),
    };
    let second = Figure {
        id: "set.visible.locked",
        what: "the same by a program that becomes the writer for each".into(),
        unit: "k/s",
        value: rate(&taken, thousands),
        peer: "the same".into(),
        peer_value: rate(&theirs, thousands),
        must: Limit::Works,
        goal: Limit::AtLeast(500.0),
    };
    Ok(vec![first, second])
}

fn value_of(number: u64) -> String {
    format!("value {number:08}")
}

/// Sets one and answers which, and at what revision.
fn set(writer: &mut Writer<'_>, entries: &Entries, random: &mut Random) -> Result<(usize, u64)> {
    let number = random.below(entries.len() as u64) as usize;
    let revision = writer.head() + 1;
    let mut batch = writer.batch(revision)?;
    let value = value_of(revision);
    let (section, option) = (entries.section(number).as_bytes(), entries.option(number).as_bytes());
    batch.set_in(section, option, Value::String(value.as_bytes()))?;
    batch.publish()?;
    Ok((number, revision))
}

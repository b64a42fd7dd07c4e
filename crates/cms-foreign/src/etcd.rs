//! What `etcdctl get --prefix '' -w json` prints.

use std::borrow::Cow;

use serde::Deserialize;

use crate::dump;
use crate::fault::{Faults, Line, Number};
use crate::lines::without_mark;
use crate::options::Options;
use crate::packages::Packages;

#[derive(Deserialize)]
struct Dump<'a> {
    // Without it, this is another document.
    #[serde(rename = "header")]
    _header: serde::de::IgnoredAny,
    #[serde(borrow, default)]
    kvs: Vec<Entry<'a>>,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    count: u64,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
    #[serde(default)]
    lease: i64,
}

pub(crate) fn read(text: &[u8], options: &Options<'_>, packages: &mut Packages<'_>, faults: &mut Faults) {
    let Some(text) = without_mark(text, faults) else { return };
    let dump: Dump<'_> = match serde_json::from_slice(text) {
        Ok(dump) => dump,
        Err(error) => return faults.json(text, &error),
    };
    if dump.more || dump.count > dump.kvs.len() as u64 {
        let number = Number::Entry("kvs", dump.kvs.len());
        faults.add("part-of-dump", Line { number, text: b"" }, 0..0);
    }
    for (number, entry) in dump.kvs.iter().enumerate() {
        if faults.is_enough() {
            return;
        }
        let number = Number::Entry("kvs", number);
        let encoded = Line { number, text: entry.key.as_bytes() };
        let Some(key) = dump::decode(&entry.key, encoded, faults) else { continue };
        let key = Line { number, text: &key };
        let Some(value) = dump::decode(entry.value.as_deref().unwrap_or_default(), key, faults) else {
            continue;
        };
        packages.notes.marked += usize::from(entry.lease != 0);
        dump::entry(key, &value, options, packages, faults);
    }
}

//! What `consul kv export` prints.

use std::borrow::Cow;

use serde::Deserialize;

use crate::dump;
use crate::fault::{Faults, Line, Number};
use crate::lines::without_mark;
use crate::options::Options;
use crate::packages::Packages;

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(default)]
    flags: u64,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
}

pub(crate) fn read(text: &[u8], options: &Options<'_>, packages: &mut Packages<'_>, faults: &mut Faults) {
    let Some(text) = without_mark(text, faults) else { return };
    let entries: Vec<Entry<'_>> = match serde_json::from_slice(text) {
        Ok(entries) => entries,
        Err(error) => return faults.json(text, &error),
    };
    for (number, entry) in entries.iter().enumerate() {
        if faults.is_enough() {
            return;
        }
        let key = Line { number: Number::Entry("", number), text: entry.key.as_bytes() };
        let Some(value) = dump::decode(entry.value.as_deref().unwrap_or_default(), key, faults) else {
            continue;
        };
        packages.notes.marked += usize::from(entry.flags != 0);
        dump::entry(key, &value, options, packages, faults);
    }
}

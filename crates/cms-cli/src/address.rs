//! How the sections of a package are addressed when all of them are shown.

use std::collections::HashMap;

use cms::model::{Draft, Section};

use crate::keys;

/// Gives each section its address, in order: its name, or `@type[n]`, where n counts the named
/// sections of the type too.
pub(crate) struct Addresses<'d> {
    draft: &'d Draft,
    generated: bool,
    counts: HashMap<&'d str, usize>,
}

impl<'d> Addresses<'d> {
    /// With `generated`, anonymous sections go by their generated names (`cfg0392bd`).
    pub(crate) fn new(draft: &'d Draft, generated: bool) -> Addresses<'d> {
        Addresses { draft, generated, counts: HashMap::new() }
    }

    /// The address of the next section of the package.
    pub(crate) fn next(&mut self, section: Section<'d>) -> String {
        let count = self.counts.entry(section.kind()).or_insert(0);
        let index = *count;
        *count += 1;
        match section.name() {
            Some(name) => name.to_owned(),
            None if self.generated => keys::shown_name(self.draft, section),
            None => format!("@{}[{index}]", section.kind()),
        }
    }
}

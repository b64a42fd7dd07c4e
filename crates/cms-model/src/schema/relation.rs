//! What the options of a section say together, and what sections say of each other: references and what is unique.

use hashbrown::HashSet;
use rapidhash::fast::RandomState;

use crate::{Package, Section};

use super::field::{Field, Reference};
use super::place::{lines, stanzas};
use super::rule::words;

/// The values that references may have.
pub(super) type Targets = HashSet<Box<[u8]>, RandomState>;

/// Says whether sections of that type are meant.
pub(super) fn is_kind(reference: &Reference, kind: &str) -> bool {
    match reference.kind.as_deref() {
        None => true,
        Some(wanted) => match wanted.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => wanted == kind,
        },
    }
}

/// Goes over all values that a reference may have in a package, until one is enough.
pub(super) fn each_target(package: &Package, reference: &Reference, mut visit: impl FnMut(&[u8]) -> bool) {
    for section in package.sections().filter(|section| is_kind(reference, section.kind())) {
        let Some(option) = reference.option.as_deref() else {
            if section.name().is_some_and(|name| visit(name.as_bytes())) {
                return;
            }
            continue;
        };
        if each_value(package, section, option, &mut visit) {
            return;
        }
    }
}

/// Returns all values that a reference may have in a package.
pub(super) fn targets(package: &Package, reference: &Reference) -> Targets {
    let mut targets = Targets::default();
    each_target(package, reference, |value| {
        targets.insert(value.into());
        false
    });
    targets
}

/// Goes over the values of an option, and the words in each; says whether one was enough.
fn each_value(
    package: &Package,
    section: Section<'_>,
    option: &str,
    visit: &mut impl FnMut(&[u8]) -> bool,
) -> bool {
    // The last `option` line takes the place of what was before.
    let mut found = Vec::new();
    for line in stanzas(package, section).into_iter().flat_map(|spot| lines(package, spot)) {
        if *line.name.value() == *option.as_bytes() {
            if !line.list {
                found.clear();
            }
            found.extend(line.value.map(|value| value.value()));
        }
    }
    found.iter().any(|value| visit(value) || words(value).any(&mut *visit))
}

/// Says whether something has that value.
pub(super) fn exists(package: &Package, reference: &Reference, value: &[u8]) -> bool {
    if reference.option.is_none() {
        let section = std::str::from_utf8(value).ok().and_then(|name| package.find(name));
        return section.is_some_and(|section| is_kind(reference, section.kind()));
    }
    let mut found = false;
    each_target(package, reference, |target| {
        found |= target == value;
        found
    });
    found
}

/// Says whether a section has that value in an option, as an item or a word of it.
pub(super) fn has_value(
    package: &Package,
    section: Section<'_>,
    field: &Field,
    option: &str,
    value: &[u8],
) -> bool {
    let mut is_same = |found: &[u8]| found == value;
    if !field.words {
        let items = section.get(option);
        return items.is_some_and(|items| items.items().iter().any(|item| is_same(item)));
    }
    each_value(package, section, option, &mut is_same)
}

//! How sections and options are found by their names.

#![expect(unsafe_code, reason = "the elements are C's to walk through")]

use std::cell::Cell;

use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline};

use super::element::{Choice, Section};
use super::table::Table;

/// The sections of a package by their names, and its options by the names of their sections and their own.
///
/// What is in it is not freed, and its names change through it alone. One table has the options of all sections, so that the search for an
/// option need not wait for that of its section: what a lookup touches is fetched at once, first the slots, then the elements.
pub struct Index {
    /// Random, so that nobody can prepare names that collide.
    secrets: RapidSecrets,
    sections: Table<Section>,
    options: Table<Choice>,
    /// How far behind its section an option of a name lay when one was found last, by the lowest bits of the hash of the name. Sections of
    /// a type mostly have the same options in the same order, so this tells where to look before the table does.
    distances: [Cell<isize>; DISTANCES],
}

const DISTANCES: usize = 64;

/// Whether both are the same, at once if they have few bytes.
#[inline(always)]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (words(one), words(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// The bytes of a name as two words, which no other name of the same length has; nothing if there are more than sixteen.
#[inline(always)]
fn words(name: &[u8]) -> Option<[u64; 2]> {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let words = [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
        return (name.len() <= 16).then_some(words);
    }
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return Some([u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()]);
    }
    let byte = |at: usize| name.get(at).copied().map_or(0, u64::from);
    Some([byte(0) | byte(1) << 8, byte(2)])
}

#[inline(always)]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// The hash of a name.
#[inline(always)]
fn hash(secrets: &RapidSecrets, name: &[u8]) -> u64 {
    match words(name) {
        Some([first, last]) => {
            let [one, other, ..] = secrets.secrets;
            fold(first ^ one ^ name.len() as u64, last ^ other)
        }
        None => long_hash(secrets, name),
    }
}

#[inline(never)]
fn long_hash(secrets: &RapidSecrets, name: &[u8]) -> u64 {
    rapidhash_v3_nano_inline::<true, false>(name, secrets)
}

/// The hash of an option of a section, by the hashes of both names.
#[inline(always)]
fn pair(section: u64, option: u64) -> u64 {
    fold(section ^ 0x9e37_79b9_7f4a_7c15, option | 1)
}

impl Index {
    pub fn new(seed: u64) -> Index {
        let distances = [const { Cell::new(0) }; DISTANCES];
        let (sections, options) = (Table::new(), Table::new());
        Index { secrets: RapidSecrets::seed(seed), sections, options, distances }
    }

    #[inline(always)]
    pub fn hash(&self, name: &[u8]) -> u64 {
        hash(&self.secrets, name)
    }

    /// Adds all options of a package at once, each with the hash of its name.
    pub fn fill(&mut self, options: &[(*mut Choice, u64)]) {
        let mut table = Table::with_room(options.len());
        for (choice, hash) in options {
            table.insert(pair(section_hash(*choice), *hash), *choice, |_| 0);
        }
        self.options = table;
    }

    /// Takes all sections out, and none of the options.
    pub fn clear_sections(&mut self, count: usize) {
        self.sections = Table::with_room(count);
    }

    /// Adds a section. A name that is a section's own, and not the one that an anonymous section goes by, leads to that one.
    pub fn add_section(&mut self, section: *mut Section) {
        let hash_of = |section: *mut Section| {
            // SAFETY: a section in the index.
            unsafe { (*section).hash }
        };
        // SAFETY: a section that is not freed.
        let (name, hash, is_anonymous) =
            unsafe { (Section::name(section), (*section).hash, (*section).shown.anonymous) };
        let known = self.section(name);
        if !known.is_null() {
            // SAFETY: a section in the index.
            if is_anonymous && !unsafe { (*known).shown.anonymous } {
                return;
            }
            self.sections.remove(hash, known, hash_of);
        }
        self.sections.insert(hash, section, hash_of);
    }

    pub fn add_option(&mut self, choice: *mut Choice) {
        let hash = self.hash_of(choice);
        let secrets = self.secrets;
        self.options.insert(hash, choice, |choice| hash_of(&secrets, choice));
    }

    pub fn remove_option(&mut self, choice: *mut Choice) {
        let hash = self.hash_of(choice);
        let secrets = self.secrets;
        self.options.remove(hash, choice, |choice| hash_of(&secrets, choice));
    }

    fn hash_of(&self, choice: *mut Choice) -> u64 {
        hash_of(&self.secrets, choice)
    }

    /// Gives a section another name; its place among the sections is for the caller to see to.
    pub fn rename(&mut self, section: *mut Section, name: &[u8]) {
        // SAFETY: a section of this package and its options.
        unsafe {
            // Each is found by the name that its section has.
            if Section::name(section) != name {
                let options = Section::options(section);
                options.iter().for_each(|choice| self.remove_option(*choice));
                Section::set_name(section, name);
                (*section).hash = self.hash(name);
                options.iter().for_each(|choice| self.add_option(*choice));
            }
        }
    }

    /// The section of a name, or null.
    #[inline]
    pub fn section(&self, name: &[u8]) -> *mut Section {
        self.section_by(self.hash(name), name)
    }

    #[inline(never)]
    fn section_by(&self, hash: u64, name: &[u8]) -> *mut Section {
        // SAFETY: sections in the index are not freed.
        self.sections.find(hash, |section| is_same(unsafe { Section::name(section) }, name))
    }

    /// The option of a section, or null.
    #[inline]
    pub fn option(&self, section: *mut Section, name: &[u8]) -> *mut Choice {
        // SAFETY: a section that is not freed.
        self.option_by(pair(unsafe { (*section).hash }, self.hash(name)), section, name)
    }

    #[inline(never)]
    fn option_by(&self, hash: u64, section: *mut Section, name: &[u8]) -> *mut Choice {
        self.options.find(hash, |choice| is_option(choice, section, name))
    }

    /// A section and an option of it, each null if it is not there.
    #[inline(always)]
    pub fn both(&self, section: &[u8], option: &[u8]) -> (*mut Section, *mut Choice) {
        let (hash, of_option) = (self.hash(section), self.hash(option));
        let both = pair(hash, of_option);
        self.sections.prefetch(hash);
        self.options.prefetch(both);
        let one = self.sections.guess(hash);
        let distance = &self.distances[of_option as usize % DISTANCES];
        Section::fetch(one);
        Choice::fetch(one.wrapping_byte_offset(distance.get()).cast());
        let other = self.options.guess(both);
        Choice::fetch(other);
        distance.set(other.addr().wrapping_sub(one.addr()).cast_signed());
        // SAFETY: what is in the index is not freed.
        let is_it = !one.is_null() && is_same(unsafe { Section::name(one) }, section);
        let section = if is_it { one } else { self.section_by(hash, section) };
        if section.is_null() {
            return (section, std::ptr::null_mut());
        }
        let is_it = !other.is_null() && is_option(other, section, option);
        (section, if is_it { other } else { self.option_by(both, section, option) })
    }
}

/// Whether an option is that of a section and a name.
#[inline(always)]
fn is_option(choice: *mut Choice, section: *mut Section, name: &[u8]) -> bool {
    // SAFETY: options in the index are not freed.
    unsafe { std::ptr::eq((*choice).shown.section, section.cast()) && is_same(Choice::name(choice), name) }
}

fn section_hash(choice: *mut Choice) -> u64 {
    // SAFETY: options and their sections are not freed while they are in the index.
    unsafe { (*(*choice).shown.section.cast::<Section>()).hash }
}

fn hash_of(secrets: &RapidSecrets, choice: *mut Choice) -> u64 {
    // SAFETY: as above.
    let name = unsafe { Choice::name(choice) };
    pair(section_hash(choice), hash(secrets, name))
}

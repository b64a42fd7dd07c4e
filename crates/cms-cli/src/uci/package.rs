//! A package in memory, as the reference keeps it: sections in order, options in order, and the
//! generated names given when they were created.
//!
//! A run of the tool reads a file once, uses it, and ends; what the store's packages do beyond that
//! (stable ids, shared text, minimal edits) would only slow its start, and `uci` writes files anew.

use std::collections::HashMap;

use cms::model::{Name, TypeName, Value, generated_name};

use super::failure::Failure;

/// A section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name, real or generated.
    pub name: Vec<u8>,
    /// Its type.
    pub kind: Vec<u8>,
    /// Whether the name is generated.
    pub anonymous: bool,
    /// Its options, in order.
    pub options: Vec<(Vec<u8>, Value)>,
}

impl Section {
    /// Finds an option.
    pub fn option(&self, name: &[u8]) -> Option<&Value> {
        self.options.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    fn slot(&mut self, name: &[u8]) -> Option<&mut Value> {
        self.options.iter_mut().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Sets an option, in place if it exists; says whether that changed anything.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        match self.slot(name) {
            Some(Value::Scalar(old)) if old == value => false,
            Some(slot) => {
                *slot = Value::scalar(value);
                true
            }
            None => {
                self.options.push((name.to_vec(), Value::scalar(value)));
                true
            }
        }
    }

    /// Appends an item to a list, which is made of a string or of nothing if need be.
    pub fn add_item(&mut self, name: &[u8], item: &[u8]) {
        match self.slot(name) {
            Some(Value::List(items)) => items.push(item.to_vec()),
            Some(slot) => {
                let old = std::mem::replace(slot, Value::List(Vec::new()));
                *slot = Value::list([old.items(), &[item.to_vec()]].concat());
            }
            None => self.options.push((name.to_vec(), Value::list([item]))),
        }
    }

    /// Removes every item equal to `item`; says whether the option is a list.
    pub fn remove_items(&mut self, name: &[u8], item: &[u8]) -> bool {
        let Some(Value::List(items)) = self.slot(name) else { return false };
        items.retain(|other| other != item);
        true
    }

    /// Removes the N-th item of a list; says whether there was one.
    pub fn remove_item(&mut self, name: &[u8], index: i64) -> bool {
        let Some(Value::List(items)) = self.slot(name) else { return false };
        match usize::try_from(index) {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Removes an option.
    pub fn remove(&mut self, name: &[u8]) {
        if let Some(at) = self.options.iter().position(|(other, _)| other == name) {
            self.options.remove(at);
        }
    }
}

/// A package. Its sections are pointed at by their places.
#[derive(Debug, Clone)]
pub struct Package {
    sections: Vec<Section>,
    /// How many sections were ever created: generated names count them.
    created: usize,
    /// The place of each section by its name, while the order stays as it is.
    places: Option<HashMap<Vec<u8>, usize>>,
}

impl Default for Package {
    fn default() -> Package {
        Package { sections: Vec::new(), created: 0, places: Some(HashMap::new()) }
    }
}

impl Package {
    /// Returns the sections in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Returns the section at a place.
    pub fn section(&self, at: usize) -> &Section {
        &self.sections[at]
    }

    /// Returns the section at a place, to change its options.
    pub fn section_mut(&mut self, at: usize) -> &mut Section {
        &mut self.sections[at]
    }

    /// Finds a section by its name, real or generated.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(name).copied(),
            None => self.sections.iter().position(|section| section.name == name),
        }
    }

    /// Finds the N-th section of a type, or of all types; from the end if N is negative.
    pub fn nth(&self, kind: Option<&[u8]>, index: i64) -> Option<usize> {
        let mut matching =
            (0..self.sections.len()).filter(|at| kind.is_none_or(|kind| self.sections[*at].kind == kind));
        match usize::try_from(index) {
            Ok(index) => matching.nth(index),
            Err(_) => matching.rev().nth(usize::try_from(-(index + 1)).ok()?),
        }
    }

    /// Creates a section at the end; without a name it is anonymous.
    pub fn create(&mut self, kind: &[u8], name: Option<&[u8]>) -> usize {
        self.created += 1;
        let at = self.sections.len();
        let section = Section {
            name: match name {
                Some(name) => name.to_vec(),
                None => self.free_name(kind),
            },
            kind: kind.to_vec(),
            anonymous: name.is_none(),
            options: Vec::new(),
        };
        if let Some(places) = &mut self.places {
            places.insert(section.name.clone(), at);
        }
        self.sections.push(section);
        at
    }

    /// Sets a section's type, creating it if need be. Says whether that changed anything.
    pub fn set_type(&mut self, name: &[u8], kind: &[u8], anonymous: bool) -> Result<bool, Failure> {
        if !TypeName::is_valid(kind) {
            return Err(Failure::Invalid);
        }
        match self.find(name) {
            Some(at) => {
                let section = &mut self.sections[at];
                section.anonymous |= anonymous;
                let changed = section.kind != kind;
                section.kind = kind.to_vec();
                Ok(changed)
            }
            None if Name::is_valid(name) => {
                let at = self.create(kind, Some(name));
                self.sections[at].anonymous = anonymous;
                Ok(true)
            }
            None => Err(Failure::NotFound),
        }
    }

    /// Removes a section.
    pub fn remove(&mut self, at: usize) {
        self.sections.remove(at);
        self.places = None;
    }

    /// Renames a section, which is no longer anonymous then.
    pub fn rename(&mut self, at: usize, name: &[u8]) {
        let section = &mut self.sections[at];
        section.name = name.to_vec();
        section.anonymous = false;
        self.places = None;
    }

    /// Moves a section to a place among the others; past the end means last, a negative one first.
    /// Says whether that changed anything.
    pub fn reorder(&mut self, at: usize, position: i64) -> bool {
        let to = usize::try_from(position).unwrap_or(0).min(self.sections.len() - 1);
        if to == at {
            return false;
        }
        let section = self.sections.remove(at);
        self.sections.insert(to, section);
        self.places = None;
        true
    }

    /// Makes the generated name of the section just counted. A section that bears this name already
    /// keeps it, and the next number is taken.
    fn free_name(&mut self, kind: &[u8]) -> Vec<u8> {
        loop {
            let name = generated_name(self.created, kind).as_str().as_bytes().to_vec();
            if self.find(&name).is_none() {
                return name;
            }
            self.created += 1;
        }
    }
}

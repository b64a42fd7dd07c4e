//! Steps that look at several sections: an option moved to another one, a section renamed.

use super::report::{ConflictKind, MigrationConflict};
use super::run::{Work, label};
use super::section::Shape;
use super::step::{Action, Step, Target, TargetSection};
use crate::{ChangeKind, Name, Package, PackageName, Section, SectionId, Value};

const TAKEN: &str = "there is another value already where this one would go; both stay";
const NAME_TAKEN: &str = "there is a section of the new name; both keep theirs";
const NO_TARGET: &str = "there is no section to move it to; it stays";
const NAMELESS: &str = "the section has no name by which one in another package could be found; it stays";
const NO_PACKAGE: &str = "there is no such package to move it to; it stays";
const LOST: &str = "it is not known which section it came from; it stays where it is";

/// An option that is to be moved.
struct Mover {
    section: SectionId,
    name: Option<String>,
    value: Value,
}

impl Work {
    /// Takes a step that is not local, number `number`.
    pub fn across(&mut self, step: &Step, number: usize) {
        let names: Vec<PackageName> =
            self.packages.keys().filter(|name| self.is_about(step, name)).cloned().collect();
        for name in names {
            match &step.action {
                Action::Move { option, target } => self.move_all(&name, step, option, target, number),
                Action::RenameSection { old, new } => self.rename_section(&name, step, old, new, number),
                _ => {}
            }
        }
    }

    fn rename_section(&mut self, name: &PackageName, step: &Step, old: &Name, new: &Name, number: usize) {
        let Some(package) = self.packages.get(name) else { return };
        let Some(section) = package.find(old).filter(|section| step.selects(&Shape::of(*section))) else {
            return;
        };
        let id = section.id();
        if old == new {
            return;
        }
        if package.find(new).is_some() {
            return self.refuse(name, id, None, step, number, (ConflictKind::Taken, NAME_TAKEN));
        }
        self.count(number, true);
        self.apply(name, vec![(id, vec![ChangeKind::Rename { old: None, new: Some(new.clone()) }])]);
    }

    fn move_all(&mut self, name: &PackageName, step: &Step, option: &Name, target: &Target, number: usize) {
        let Some(package) = self.packages.get(name) else { return };
        let movers: Vec<Mover> = package
            .sections()
            .filter(|section| step.is_about(section.kind()))
            .filter_map(|section| {
                let value = section.get(option)?;
                let moves = step.selects(&Shape::of(section));
                let name = section.name().map(str::to_owned);
                moves.then(|| Mover { section: section.id(), name, value })
            })
            .collect();
        let into = target.package.as_ref().unwrap_or(name).clone();
        if movers.is_empty() {
            return;
        }
        // Looked for once where it is the same for all: to count to the n-th section takes a look at every block.
        let mut common: Option<SectionId> = None;
        for Mover { section, name: own, value } in movers {
            if !self.packages.contains_key(&into) {
                if target.make.is_none() {
                    self.refuse(
                        name,
                        section,
                        Some(option),
                        step,
                        number,
                        (ConflictKind::NoTarget, NO_PACKAGE),
                    );
                    continue;
                }
                self.packages.insert(into.clone(), Package::empty());
            }
            let found = match common {
                Some(found) => Ok(Some(found)),
                None => self.find(&into, &target.section, own.as_deref()),
            };
            let found = match found {
                Err(why) => {
                    self.refuse(name, section, Some(option), step, number, (ConflictKind::NoTarget, why));
                    continue;
                }
                Ok(found) => found,
            };
            if !matches!(target.section, TargetSection::Same) {
                common = found;
            }
            match found {
                Some(there) if there == section && target.option == *option && into == *name => continue,
                Some(there) => {
                    let known = self.section(&into, there).and_then(|section| section.get(&target.option));
                    match known {
                        Some(known) if known != value => {
                            self.refuse(
                                name,
                                section,
                                Some(option),
                                step,
                                number,
                                (ConflictKind::Taken, TAKEN),
                            );
                            continue;
                        }
                        Some(_) => {}
                        None => {
                            let set = ChangeKind::Set {
                                option: target.option.clone(),
                                old: None,
                                new: value,
                                at: None,
                            };
                            self.apply(&into, vec![(there, vec![set])]);
                        }
                    }
                }
                None => {
                    let made = self.make(&into, target, own.as_deref(), value);
                    let Some(made) = made else {
                        self.refuse(
                            name,
                            section,
                            Some(option),
                            step,
                            number,
                            (ConflictKind::NoTarget, NO_TARGET),
                        );
                        continue;
                    };
                    if !matches!(target.section, TargetSection::Same) {
                        common = Some(made);
                    }
                }
            }
            self.count(number, true);
            self.unset(name, section, option);
        }
    }

    /// Moves an option back, to the sections that had it before; `before` are the packages as they were, if that is known.
    pub fn move_back(
        &mut self,
        step: &Step,
        number: usize,
        before: Option<&std::collections::BTreeMap<PackageName, Package>>,
    ) {
        let Action::Move { option, target } = &step.action else { return };
        let names: Vec<PackageName> =
            self.packages.keys().filter(|name| self.is_about(step, name)).cloned().collect();
        for name in names {
            let into = target.package.as_ref().unwrap_or(&name).clone();
            let sources = match before.map(|before| before.get(&name)) {
                Some(None) => continue,
                Some(Some(before)) => sources(step, before, option),
                None => self.guessed_sources(&name, &into, step, target),
            };
            let mut emptied: Vec<SectionId> = Vec::new();
            for (section, own) in sources {
                let Ok(Some(there)) = self.find(&into, &target.section, own.as_deref()) else { continue };
                let Some(value) = self.section(&into, there).and_then(|there| there.get(&target.option))
                else {
                    continue;
                };
                // What was at the target before the migration, and in the source as well, stays there.
                let was_there = before
                    .and_then(|before| before.get(&into)?.section(there)?.get(&target.option))
                    .is_some();
                let Some(source) = self.section(&name, section) else { continue };
                if source.get(option).is_none() {
                    let set = ChangeKind::Set { option: option.clone(), old: None, new: value, at: None };
                    self.apply(&name, vec![(section, vec![set])]);
                    self.count(number, true);
                }
                if !was_there && !emptied.contains(&there) {
                    emptied.push(there);
                }
            }
            for there in emptied {
                self.unset(&into, there, &target.option);
                let is_made = target.make.is_some()
                    && before.is_none_or(|before| {
                        before.get(&into).is_none_or(|package| package.section(there).is_none())
                    });
                if is_made
                    && let Some(section) = self.section(&into, there)
                    && section.option_count() == 0
                    && let Ok(kind) = crate::TypeName::new(section.kind())
                {
                    let delete = ChangeKind::Delete { kind, name: None, after: None, options: Vec::new() };
                    self.apply(&into, vec![(there, vec![delete])]);
                }
            }
        }
    }

    /// Renames a section back, if it had the old name before.
    pub fn rename_section_back(
        &mut self,
        step: &Step,
        number: usize,
        before: Option<&std::collections::BTreeMap<PackageName, Package>>,
    ) {
        let Action::RenameSection { old, new } = &step.action else { return };
        let names: Vec<PackageName> =
            self.packages.keys().filter(|name| self.is_about(step, name)).cloned().collect();
        for name in names {
            let Some(section) = self.packages.get(&name).and_then(|package| package.find(new)) else {
                continue;
            };
            let id = section.id();
            let known = before.and_then(|before| before.get(&name)?.section(id));
            if known.is_none_or(|known| known.name() == Some(old)) {
                self.rename_section(&name, step, new, old, number);
            }
        }
    }

    /// Which section an option came from, where no earlier state says so: the only one that there is.
    fn guessed_sources(
        &mut self,
        name: &PackageName,
        into: &PackageName,
        step: &Step,
        target: &Target,
    ) -> Vec<(SectionId, Option<String>)> {
        let Some(package) = self.packages.get(name) else { return Vec::new() };
        let of_kind = package.sections().filter(|section| step.is_about(section.kind()));
        let all: Vec<_> = of_kind.map(|section| (section.id(), section.name().map(str::to_owned))).collect();
        if matches!(target.section, TargetSection::Same) {
            return all.into_iter().filter(|(_, name)| name.is_some()).collect();
        }
        if all.len() == 1 {
            return all;
        }
        if let Ok(Some(there)) = self.find(into, &target.section, None)
            && self.section(into, there).is_some_and(|there| there.get(&target.option).is_some())
        {
            let key = self.packages.get(into).map(|package| label(into, package, there)).unwrap_or_default();
            let key = format!("{key}.{}", target.option);
            self.report.conflict(|| MigrationConflict {
                key,
                step: step.to_string(),
                kind: ConflictKind::Lost,
                message: LOST.to_owned(),
            });
        }
        Vec::new()
    }

    fn section(&self, name: &PackageName, id: SectionId) -> Option<Section<'_>> {
        self.packages.get(name)?.section(id)
    }

    fn find(
        &self,
        into: &PackageName,
        target: &TargetSection,
        own: Option<&str>,
    ) -> Result<Option<SectionId>, &'static str> {
        let Some(package) = self.packages.get(into) else { return Ok(None) };
        let found = match target {
            TargetSection::Named(name) => package.find(name),
            TargetSection::Nth { kind, index } => package.nth(Some(kind), *index),
            TargetSection::Same => package.find(own.ok_or(NAMELESS)?),
        };
        Ok(found.map(|section| section.id()))
    }

    /// Makes the section that an option goes to, with the option.
    fn make(
        &mut self,
        into: &PackageName,
        target: &Target,
        own: Option<&str>,
        value: Value,
    ) -> Option<SectionId> {
        let kind = target.make.clone()?;
        let name = match &target.section {
            TargetSection::Named(name) => Some(name.clone()),
            TargetSection::Same => Some(Name::new(own?).ok()?),
            TargetSection::Nth { index, .. } => {
                // Only the next one in line can be made.
                let package = self.packages.get(into)?;
                let is_next = match index {
                    0 => true,
                    index => package.nth(Some(&kind), index - 1).is_some(),
                };
                if !is_next {
                    return None;
                }
                None
            }
        };
        let id = self.fresh_id(into);
        let options = vec![(target.option.clone(), value)];
        self.apply(
            into,
            vec![(id, vec![ChangeKind::Add { kind, name, after: None, at_end: true, options }])],
        );
        self.section(into, id).map(|section| section.id())
    }

    fn fresh_id(&mut self, name: &PackageName) -> SectionId {
        loop {
            let id = self.ids.draw();
            if self.section(name, id).is_none() {
                return id;
            }
        }
    }

    fn unset(&mut self, name: &PackageName, section: SectionId, option: &Name) {
        let Some(old) = self.section(name, section).and_then(|section| section.get(option)) else { return };
        self.apply(name, vec![(section, vec![ChangeKind::Unset { option: option.clone(), old, index: 0 }])]);
    }

    fn refuse(
        &mut self,
        name: &PackageName,
        section: SectionId,
        option: Option<&Name>,
        step: &Step,
        number: usize,
        (kind, message): (ConflictKind, &str),
    ) {
        self.count(number, false);
        let mut key =
            self.packages.get(name).map(|package| label(name, package, section)).unwrap_or_default();
        if let Some(option) = option {
            key = format!("{key}.{option}");
        }
        let (step, message) = (step.to_string(), message.to_owned());
        self.report.conflict(|| MigrationConflict { key, step, kind, message });
    }
}

/// The sections of a package that a step moves an option out of.
fn sources(step: &Step, package: &Package, option: &Name) -> Vec<(SectionId, Option<String>)> {
    let of_kind = package.sections().filter(|section| step.is_about(section.kind()));
    of_kind
        .filter(|section| section.get(option).is_some() && step.selects(&Shape::of(*section)))
        .map(|section| (section.id(), section.name().map(str::to_owned)))
        .collect()
}

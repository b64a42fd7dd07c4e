//! A path of migrations, taken back.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{ConflictKind, Migrated, MigrationConflict};
use super::run::{Segment, Work, label, segments};
use super::section::{Outcome, Shape, forward, recall};
use super::step::{Action, Step};
use super::{Migration, SchemaVersion};
use crate::{ChangeKind, Name, Package, PackageName, SectionId, TypeName};

const LOST: &str = "what the step removed is in no state that is known, and does not come back";
const NAME_TAKEN: &str = "the section that was dropped does not come back: there is one of its name now";

/// Takes a path of versions back: `versions` are those whose migrations were taken, in the order of taking.
///
/// `before` are the packages as they were before the first of them, if that is known: what the steps do not say of themselves is taken
/// from there. A migration with rollback steps of its own is taken back by these.
///
/// ```
/// use std::collections::BTreeMap;
/// use cms_model::{Package, PackageName, schema::{Migration, SchemaVersion, Step, migrate, roll_back}};
///
/// let name = PackageName::new("blog").unwrap();
/// let before = BTreeMap::from([(name.clone(), Package::parse(b"config site\n\toption draft 'yes'\n").unwrap())]);
/// let steps = vec![Step::parse("retype site.draft bool bool").unwrap()];
/// let after = migrate(&[name.clone()], &before, &steps, 1).packages.remove(&name).unwrap().package;
/// assert_eq!(after.text(), b"config site\n\toption draft '1'\n");
///
/// let version = SchemaVersion { migration: Migration { steps, ..Default::default() }, ..Default::default() };
/// let after = BTreeMap::from([(name.clone(), after)]);
/// let back = roll_back(&[name.clone()], &after, Some(&before), &[version], 2);
/// assert_eq!(back.packages[&name].package.text(), b"config site\n\toption draft 'yes'\n");
/// ```
pub fn roll_back(
    module: &[PackageName],
    packages: &BTreeMap<PackageName, Package>,
    before: Option<&BTreeMap<PackageName, Package>>,
    versions: &[SchemaVersion],
    seed: u64,
) -> Migrated {
    let mut work = Work::new(module, packages, seed);
    let legs = legs(versions);
    let is_derived = legs.iter().all(|leg| matches!(leg, Leg::Derived(_)));
    let mut restored = BTreeSet::new();
    // The states that each leg began with.
    let mut states = Vec::new();
    if let Some(before) = before {
        let mut replay = Work::new(module, before, seed);
        for leg in &legs {
            states.push(replay.packages.clone());
            let steps: Vec<&Step> = leg.steps().collect();
            for segment in segments(&steps) {
                replay.forward(segment);
            }
        }
        if is_derived {
            restored = restore(&mut work, before, &replay.packages, &legs);
        }
    }
    for (number, leg) in legs.iter().enumerate().rev() {
        match leg {
            Leg::Told(_, rollback) => {
                let steps: Vec<&Step> = rollback.iter().collect();
                let first = work.report.steps.len();
                work.counts(&steps);
                for segment in segments(&steps) {
                    work.forward(Segment { first: first + segment.first, ..segment });
                }
            }
            Leg::Derived(steps) => {
                let first = work.report.steps.len();
                work.counts(steps);
                work.leg_back(steps, first, before.and(states.get(number)), &restored);
            }
        }
    }
    work.finish(packages)
}

/// A part of a path that is taken back in one way.
enum Leg<'a> {
    /// By reversing its steps.
    Derived(Vec<&'a Step>),
    /// By other steps.
    Told(&'a [Step], &'a [Step]),
}

impl<'a> Leg<'a> {
    fn steps(&self) -> Box<dyn Iterator<Item = &'a Step> + '_> {
        match self {
            Leg::Derived(steps) => Box::new(steps.iter().copied()),
            Leg::Told(steps, _) => Box::new(steps.iter()),
        }
    }
}

fn legs(versions: &[SchemaVersion]) -> Vec<Leg<'_>> {
    let mut legs: Vec<Leg<'_>> = Vec::new();
    for SchemaVersion { migration: Migration { steps, rollback, .. }, .. } in versions {
        match (rollback, legs.last_mut()) {
            (Some(rollback), _) => legs.push(Leg::Told(steps, rollback)),
            (None, Some(Leg::Derived(known))) => known.extend(steps),
            (None, _) => legs.push(Leg::Derived(steps.iter().collect())),
        }
    }
    legs
}

/// Gives packages that nobody has changed since back as they were. An option that was moved may have been changed where it is now, so
/// where steps move any, it is all packages or none. Returns which these are.
fn restore(
    work: &mut Work,
    before: &BTreeMap<PackageName, Package>,
    after: &BTreeMap<PackageName, Package>,
    legs: &[Leg<'_>],
) -> BTreeSet<PackageName> {
    let moves = legs.iter().flat_map(Leg::steps).any(|step| matches!(step.action, Action::Move { .. }));
    let same = |name: &PackageName| match (after.get(name), work.packages.get(name)) {
        (Some(after), Some(now)) => same_text(after, now),
        (None, None) => true,
        _ => false,
    };
    let names: Vec<PackageName> = before.keys().chain(work.packages.keys()).cloned().collect();
    let all_same = names.iter().all(same);
    let names: BTreeSet<PackageName> =
        names.into_iter().filter(|name| if moves { all_same } else { same(name) }).collect();
    for name in &names {
        if let (Some(before), Some(now)) = (before.get(name), work.packages.get(name)) {
            let changes = Package::diff(now, before);
            work.replace(name, before.clone(), changes);
        }
    }
    names
}

fn same_text(left: &Package, right: &Package) -> bool {
    left.text_len() == right.text_len() && left.chunks().flatten().eq(right.chunks().flatten())
}

impl Work {
    fn leg_back(
        &mut self,
        steps: &[&Step],
        first: usize,
        before: Option<&BTreeMap<PackageName, Package>>,
        restored: &BTreeSet<PackageName>,
    ) {
        let segments = segments(steps);
        let mut states: Vec<BTreeMap<PackageName, Package>> = Vec::new();
        if let Some(before) = before {
            let mut replay = self.alike(before);
            for segment in &segments {
                states.push(replay.packages.clone());
                replay.forward(*segment);
            }
        }
        for (number, segment) in segments.iter().enumerate().rev() {
            let before = states.get(number);
            if segment.is_local {
                let names: Vec<PackageName> =
                    self.packages.keys().filter(|name| !restored.contains(*name)).cloned().collect();
                for name in names {
                    let before = before.map(|before| before.get(&name));
                    self.sections_back(&name, *segment, first, before);
                }
            } else if let Some(step) = segment.steps.first() {
                self.move_back(step, first + segment.first, before);
                self.rename_section_back(step, first + segment.first, before);
            }
        }
    }

    /// `before` is the package as it was: `None` if that is not known, `Some(None)` if there was none.
    fn sections_back(
        &mut self,
        name: &PackageName,
        segment: Segment<'_>,
        first: usize,
        before: Option<Option<&Package>>,
    ) {
        let steps: Vec<(usize, &Step)> = segment
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| self.is_about(step, name))
            .map(|(at, step)| (first + segment.first + at, *step))
            .collect();
        if steps.is_empty() {
            return;
        }
        let plain: Vec<&Step> = steps.iter().map(|(_, step)| *step).collect();
        let Some(package) = self.packages.get(name).cloned() else { return };
        let known = before.flatten();
        let mut made: Vec<(SectionId, Vec<ChangeKind>)> = Vec::new();
        for section in package.sections() {
            let was = known.and_then(|before| before.section(section.id())).map(Shape::of);
            let now = Shape::of(section);
            let (mut shape, mut kinds) = (now.clone(), Vec::new());
            for (number, step) in steps.iter().rev() {
                match shape.take_back(step, &mut kinds) {
                    Outcome::Taken => self.count(*number, true),
                    Outcome::Nothing => {}
                    // What does not come back by itself may be known.
                    Outcome::Conflict { .. } if was.is_some() => {}
                    Outcome::Conflict { kind, option, message } => {
                        self.count(*number, false);
                        let key = format!("{}.{option}", label(name, &package, section.id()));
                        self.report.conflict(|| MigrationConflict {
                            key,
                            step: step.to_string(),
                            kind,
                            message: message.to_owned(),
                        });
                    }
                }
            }
            if let Some(was) = &was {
                let wanted = recall(&now, &shape, was, &plain);
                shape.become_as(&wanted, &mut kinds);
            }
            if !kinds.is_empty() {
                made.push((section.id(), kinds));
            }
        }
        self.apply(name, made);
        match before {
            Some(before) => {
                if let Some(before) = before {
                    self.dropped_sections_back(name, before, &plain);
                }
            }
            None => {
                for (number, step) in steps.iter().filter(|(_, step)| step.loses()) {
                    self.count(*number, false);
                    self.report.conflict(|| MigrationConflict {
                        key: name.to_string(),
                        step: step.to_string(),
                        kind: ConflictKind::Lost,
                        message: LOST.to_owned(),
                    });
                }
            }
        }
    }

    /// Brings back sections that the steps dropped.
    fn dropped_sections_back(&mut self, name: &PackageName, before: &Package, steps: &[&Step]) {
        if !steps.iter().any(|step| matches!(step.action, Action::DropSection)) {
            return;
        }
        for section in before.sections() {
            let Some(package) = self.packages.get(name) else { return };
            if package.section(section.id()).is_some() || !forward(&Shape::of(section), steps).gone {
                continue;
            }
            let Ok(kind) = TypeName::new(section.kind()) else { continue };
            let own = section.name().and_then(|name| Name::new(name).ok());
            if own.as_ref().is_some_and(|own| package.find(own).is_some()) {
                let key = label(name, before, section.id());
                self.report.conflict(|| MigrationConflict {
                    key,
                    step: String::new(),
                    kind: ConflictKind::Taken,
                    message: NAME_TAKEN.to_owned(),
                });
                continue;
            }
            let after = before.section_before(section.id());
            let add = ChangeKind::Add { kind, name: own, after, at_end: false, options: section.options() };
            self.apply(name, vec![(section.id(), vec![add])]);
        }
    }
}

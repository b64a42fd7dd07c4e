//! A path of migrations, taken: from packages to what they are afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{ConflictKind, Migrated, MigratedPackage, MigrationConflict, StepCount};
use super::section::{Outcome, Shape};
use super::step::Step;
use crate::{Change, ChangeKind, IdSource, Package, PackageName, SectionId};

/// Takes steps in packages.
///
/// `module` are the packages that the steps are about unless they name others, `packages` all that there are of these and of those
/// that the steps name. Ids for new sections are drawn from `seed`.
///
/// ```
/// use std::collections::BTreeMap;
/// use cms_model::{Package, PackageName, schema::{Step, migrate}};
///
/// let name = PackageName::new("blog").unwrap();
/// let blog = Package::parse(b"config site 'home'\n\toption colour 'dark' # at night\n").unwrap();
/// let steps = [Step::parse("rename site.colour theme").unwrap()];
/// let done = migrate(&[name.clone()], &BTreeMap::from([(name.clone(), blog)]), &steps, 1);
/// assert_eq!(done.packages[&name].package.text(), b"config site 'home'\n\toption theme 'dark' # at night\n");
/// assert_eq!(done.steps[0].taken, 1);
/// ```
pub fn migrate(
    module: &[PackageName],
    packages: &BTreeMap<PackageName, Package>,
    steps: &[Step],
    seed: u64,
) -> Migrated {
    let mut work = Work::new(module, packages, seed);
    let steps: Vec<&Step> = steps.iter().collect();
    work.counts(&steps);
    for segment in segments(&steps) {
        work.forward(segment);
    }
    work.finish(packages)
}

/// Steps that are taken together, section by section; or one that looks at several sections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub steps: &'a [&'a Step],
    /// The number of the first.
    pub first: usize,
    pub is_local: bool,
}

pub(super) fn segments<'a>(steps: &'a [&'a Step]) -> Vec<Segment<'a>> {
    let mut segments = Vec::new();
    let mut first = 0;
    while first < steps.len() {
        let is_local = steps[first].is_local();
        let len = match is_local {
            true => steps[first..].iter().take_while(|step| step.is_local()).count(),
            false => 1,
        };
        segments.push(Segment { steps: &steps[first..first + len], first, is_local });
        first += len;
    }
    segments
}

/// Packages while steps are taken.
pub(super) struct Work {
    /// Those that steps are about which name none.
    module: BTreeSet<PackageName>,
    pub packages: BTreeMap<PackageName, Package>,
    changes: BTreeMap<PackageName, Vec<Change>>,
    pub ids: IdSource,
    pub report: Migrated,
}

impl Work {
    pub fn new(module: &[PackageName], packages: &BTreeMap<PackageName, Package>, seed: u64) -> Work {
        Work {
            module: module.iter().cloned().collect(),
            packages: packages.clone(),
            changes: BTreeMap::new(),
            ids: IdSource::new(seed),
            report: Migrated::default(),
        }
    }

    /// The same for another state of the packages.
    pub fn alike(&self, packages: &BTreeMap<PackageName, Package>) -> Work {
        Work { module: self.module.clone(), ..Work::new(&[], packages, 0) }
    }

    /// Takes another state of a package for the present one.
    pub fn replace(&mut self, name: &PackageName, package: Package, changes: Vec<Change>) {
        self.packages.insert(name.clone(), package);
        self.changes.entry(name.clone()).or_default().extend(changes);
    }

    pub fn counts(&mut self, steps: &[&Step]) {
        let count = |step: &&Step| StepCount { step: step.to_string(), taken: 0, conflicts: 0 };
        self.report.steps.extend(steps.iter().map(count));
    }

    pub fn finish(self, before: &BTreeMap<PackageName, Package>) -> Migrated {
        let Work { mut packages, changes, mut report, .. } = self;
        for (name, changes) in changes {
            if let Some(package) = packages.remove(&name)
                && !changes.is_empty()
            {
                let is_new = !before.contains_key(&name);
                report.packages.insert(name, MigratedPackage { package, changes, is_new });
            }
        }
        report
    }

    pub fn is_about(&self, step: &Step, package: &PackageName) -> bool {
        match &step.package {
            Some(own) => own == package,
            None => self.module.contains(package),
        }
    }

    pub fn forward(&mut self, segment: Segment<'_>) {
        if !segment.is_local {
            for step in segment.steps {
                self.across(step, segment.first);
            }
            return;
        }
        let names: Vec<PackageName> = self.packages.keys().cloned().collect();
        for name in names {
            let numbered = segment.steps.iter().enumerate().map(|(at, step)| (segment.first + at, *step));
            let steps: Vec<(usize, &Step)> =
                numbered.filter(|(_, step)| self.is_about(step, &name)).collect();
            if !steps.is_empty() {
                self.in_sections(&name, &steps);
            }
        }
    }

    fn in_sections(&mut self, name: &PackageName, steps: &[(usize, &Step)]) {
        let Some(package) = self.packages.get(name).cloned() else { return };
        let mut made: Vec<(SectionId, Vec<ChangeKind>)> = Vec::new();
        // Types are few: what concerns one is looked up by it.
        let mut of_kind: BTreeMap<String, bool> = BTreeMap::new();
        for section in package.sections() {
            let kind = section.kind();
            let concerns = match of_kind.get(kind) {
                Some(concerns) => *concerns,
                None => {
                    let concerns = steps.iter().any(|(_, step)| step.is_about(kind));
                    of_kind.insert(kind.to_owned(), concerns);
                    concerns
                }
            };
            if !concerns {
                continue;
            }
            let (mut shape, mut kinds) = (Shape::of(section), Vec::new());
            for (number, step) in steps {
                match shape.take(step, &mut kinds) {
                    Outcome::Nothing => {}
                    Outcome::Taken => self.count(*number, true),
                    Outcome::Conflict { kind, option, message } => {
                        self.count(*number, false);
                        let key = || format!("{}.{option}", label(name, &package, section.id()));
                        self.report.conflict(|| MigrationConflict {
                            key: key(),
                            step: step.to_string(),
                            kind,
                            message: message.to_owned(),
                        });
                    }
                }
            }
            if !kinds.is_empty() {
                made.push((section.id(), kinds));
            }
        }
        self.apply(name, made);
    }

    pub fn count(&mut self, number: usize, taken: bool) {
        if let Some(count) = self.report.steps.get_mut(number) {
            if taken { count.taken += 1 } else { count.conflicts += 1 }
        }
    }

    /// Carries changes out, section by section.
    pub fn apply(&mut self, name: &PackageName, made: Vec<(SectionId, Vec<ChangeKind>)>) {
        if made.is_empty() {
            return;
        }
        let package = self.packages.entry(name.clone()).or_default();
        let done = self.changes.entry(name.clone()).or_default();
        for (id, error) in package.apply_in_sections(made, done) {
            let key = label(name, package, id);
            self.report.conflict(|| MigrationConflict {
                key,
                step: String::new(),
                kind: ConflictKind::Taken,
                message: format!("the change could not be made: {error}"),
            });
        }
    }
}

/// What a section is called: by its name, or by its place among those of its type.
pub(super) fn label(name: &PackageName, package: &Package, id: SectionId) -> String {
    match package.section(id) {
        None => name.to_string(),
        Some(section) => match section.name() {
            Some(own) => format!("{name}.{own}"),
            None => format!("{name}.@{}[{}]", section.kind(), package.index_of_kind(section)),
        },
    }
}

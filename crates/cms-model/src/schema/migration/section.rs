//! A step within a section: taken, and taken back.

use super::form::split;
use super::report::ConflictKind;
use super::step::{Action, Cut, Step};
use crate::{ChangeKind, Name, Section, TypeName, Value};

/// A section while steps are taken in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub kind: String,
    pub name: Option<String>,
    pub options: Vec<(Name, Value)>,
    /// Whether it was dropped.
    pub gone: bool,
}

/// What became of a step in a section.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Nothing,
    Taken,
    Conflict { kind: ConflictKind, option: Name, message: &'static str },
}

const TAKEN: &str = "there is another value already where this one would go; both stay";
const NOT_OF_FORM: &str =
    "the value is not of the form that the step reads, or has no exact equivalent; it stays as it is";
const NO_SPLIT: &str = "the value does not come apart into as many parts; it stays as it is";
const NO_LIST: &str = "a list is neither split nor merged; it stays as it is";
const INCOMPLETE: &str = "some of the options that would be merged are missing; the others stay";

impl Shape {
    pub fn of(section: Section<'_>) -> Shape {
        Shape {
            kind: section.kind().to_owned(),
            name: section.name().map(str::to_owned),
            options: section.options(),
            gone: false,
        }
    }

    pub fn get(&self, option: &Name) -> Option<&Value> {
        self.place(option).and_then(|at| self.options.get(at)).map(|(_, value)| value)
    }

    fn place(&self, option: &Name) -> Option<usize> {
        self.options.iter().position(|(name, _)| name == option)
    }

    /// Says whether the two mean the same, in whatever order.
    pub fn means(&self, other: &Shape) -> bool {
        if (&self.kind, self.gone, self.options.len()) != (&other.kind, other.gone, other.options.len()) {
            return false;
        }
        if self.options == other.options {
            return true;
        }
        let sorted = |shape: &Shape| {
            let mut options = shape.options.clone();
            options.sort_by(|left, right| left.0.cmp(&right.0));
            options
        };
        sorted(self) == sorted(other)
    }

    fn set(&mut self, made: &mut Vec<ChangeKind>, option: &Name, new: Value, at: Option<usize>) {
        let place = self.place(option);
        let old = match place.and_then(|at| self.options.get_mut(at)) {
            Some((_, value)) if *value == new => return,
            Some((_, value)) => Some(std::mem::replace(value, new.clone())),
            None => {
                let at = at.unwrap_or(self.options.len()).min(self.options.len());
                self.options.insert(at, (option.clone(), new.clone()));
                None
            }
        };
        let at = if old.is_some() { None } else { at.map(|at| at as u32) };
        made.push(ChangeKind::Set { option: option.clone(), old, new, at });
    }

    fn unset(&mut self, made: &mut Vec<ChangeKind>, option: &Name) {
        if let Some(at) = self.place(option) {
            let (option, old) = self.options.remove(at);
            made.push(ChangeKind::Unset { option, old, index: at as u32 });
        }
    }

    /// The new name must be free.
    fn rename(&mut self, made: &mut Vec<ChangeKind>, old: &Name, new: &Name) {
        if let Some(at) = self.place(old)
            && let Some((name, _)) = self.options.get_mut(at)
        {
            *name = new.clone();
            made.push(ChangeKind::RenameOption { old: old.clone(), new: new.clone() });
        }
    }

    /// Takes a step, if it is about this section.
    pub fn take(&mut self, step: &Step, made: &mut Vec<ChangeKind>) -> Outcome {
        if self.gone || !step.selects(self) {
            return Outcome::Nothing;
        }
        self.act(&step.action, made)
    }

    /// Takes a step back, if what that gives is a section that the step would have been taken in.
    pub fn take_back(&mut self, step: &Step, made: &mut Vec<ChangeKind>) -> Outcome {
        let Some(inverse) = inverse(step) else { return Outcome::Nothing };
        if let Action::RenameType { .. } = &inverse
            && !matches!(&step.action, Action::RenameType { new } if new.as_str() == self.kind)
        {
            return Outcome::Nothing;
        }
        if !matches!(inverse, Action::RenameType { .. }) && !step.is_about(&self.kind) {
            return Outcome::Nothing;
        }
        let (mut trial, mut trial_made) = (self.clone(), Vec::new());
        let outcome = trial.act(&inverse, &mut trial_made);
        if outcome == Outcome::Taken && step.selects(&trial) {
            *self = trial;
            made.append(&mut trial_made);
            return outcome;
        }
        if outcome == Outcome::Taken { Outcome::Nothing } else { outcome }
    }

    fn act(&mut self, action: &Action, made: &mut Vec<ChangeKind>) -> Outcome {
        let so_far = made.len();
        let done = match action {
            Action::Rename { old, new } => self.act_rename(old, new, made),
            Action::RenameType { new } => {
                if self.kind != new.as_str() {
                    let old = TypeName::new(&self.kind).unwrap_or_else(|_| new.clone());
                    self.kind = new.to_string();
                    made.push(ChangeKind::Retype { old, new: new.clone() });
                }
                Ok(())
            }
            Action::Retype { option, read, write } => match self.get(option) {
                None => Ok(()),
                Some(value) => match read.convert(value, write) {
                    Some(new) => {
                        self.set(made, option, new, None);
                        Ok(())
                    }
                    None => Err((ConflictKind::Form, option, NOT_OF_FORM)),
                },
            },
            Action::Default { option, change: Some((old, new)) } => {
                if self.get(option).is_some_and(|value| same_default(value, old)) {
                    self.set(made, option, new.clone(), None);
                }
                Ok(())
            }
            Action::Set { option, value } => {
                if self.get(option).is_none() {
                    self.set(made, option, value.clone(), None);
                }
                Ok(())
            }
            Action::Unset { option, value } => {
                if self.get(option) == Some(value) {
                    self.unset(made, option);
                }
                Ok(())
            }
            Action::Map { option, pairs } => {
                let mapped = |item: &Vec<u8>| {
                    let pair = pairs.iter().find(|(old, _)| old == item);
                    pair.map_or_else(|| item.clone(), |(_, new)| new.clone())
                };
                let new = match self.get(option) {
                    None => return Outcome::Nothing,
                    Some(Value::Scalar(bytes)) => Value::Scalar(mapped(bytes)),
                    Some(Value::List(items)) => Value::List(items.iter().map(mapped).collect()),
                };
                self.set(made, option, new, None);
                Ok(())
            }
            Action::Split { option, cut, into } => self.act_split(option, cut, into, made),
            Action::Merge { options, with, into } => self.act_merge(options, with, into, made),
            Action::Drop { option } => {
                self.unset(made, option);
                Ok(())
            }
            Action::DropSection => {
                self.gone = true;
                if let Ok(kind) = TypeName::new(&self.kind) {
                    // What it was is read from the package when the change is made.
                    made.clear();
                    made.push(ChangeKind::Delete { kind, name: None, after: None, options: Vec::new() });
                }
                return Outcome::Taken;
            }
            Action::Default { change: None, .. } | Action::Move { .. } | Action::RenameSection { .. } => {
                Ok(())
            }
        };
        match done {
            Err((kind, option, message)) => Outcome::Conflict { kind, option: option.clone(), message },
            Ok(()) if made.len() > so_far => Outcome::Taken,
            Ok(()) => Outcome::Nothing,
        }
    }

    fn act_rename<'a>(&mut self, old: &'a Name, new: &Name, made: &mut Vec<ChangeKind>) -> Acted<'a> {
        match (self.get(old), self.get(new)) {
            (None, _) => Ok(()),
            _ if old == new => Ok(()),
            (Some(_), None) => {
                self.rename(made, old, new);
                Ok(())
            }
            (Some(value), Some(known)) if value == known => {
                self.unset(made, old);
                Ok(())
            }
            (Some(_), Some(_)) => Err((ConflictKind::Taken, old, TAKEN)),
        }
    }

    fn act_split<'a>(
        &mut self,
        option: &'a Name,
        cut: &Cut,
        into: &[Name],
        made: &mut Vec<ChangeKind>,
    ) -> Acted<'a> {
        let bytes = match self.get(option) {
            None => return Ok(()),
            Some(Value::List(_)) => return Err((ConflictKind::Form, option, NO_LIST)),
            Some(Value::Scalar(bytes)) => bytes,
        };
        let parts = cut.apart(bytes, into.len()).filter(|parts| parts.iter().all(|part| !part.is_empty()));
        let Some(parts) = parts else {
            // Where the option is one of its own parts, what is left of an earlier split is no conflict.
            let is_split = into.contains(option) && into.iter().all(|name| self.get(name).is_some());
            return if is_split { Ok(()) } else { Err((ConflictKind::Form, option, NO_SPLIT)) };
        };
        let values: Vec<Value> = parts.into_iter().map(Value::Scalar).collect();
        let is_taken = |(name, value): (&Name, &Value)| {
            name != option && self.get(name).is_some_and(|known| known != value)
        };
        if into.iter().zip(&values).any(is_taken) {
            return Err((ConflictKind::Taken, option, TAKEN));
        }
        // The first part takes the option's line, and so its place and comment.
        if !into.contains(option)
            && let Some(first) = into.first()
            && self.get(first).is_none()
        {
            self.rename(made, option, first);
        }
        let mut at = into.iter().find_map(|name| self.place(name));
        for (name, value) in into.iter().zip(values) {
            let known = self.place(name);
            self.set(made, name, value, at);
            at = known.or(at).map(|at| at + 1);
        }
        if !into.contains(option) {
            self.unset(made, option);
        }
        Ok(())
    }

    fn act_merge<'a>(
        &mut self,
        options: &'a [Name],
        with: &[u8],
        into: &Name,
        made: &mut Vec<ChangeKind>,
    ) -> Acted<'a> {
        let (mut parts, mut missing): (Vec<&[u8]>, bool) = (Vec::new(), false);
        let mut present = None;
        for option in options {
            match self.get(option) {
                Some(Value::Scalar(bytes)) => {
                    parts.push(bytes);
                    present = Some(option);
                }
                Some(Value::List(_)) => return Err((ConflictKind::Form, option, NO_LIST)),
                None => missing = true,
            }
        }
        let Some(present) = present else { return Ok(()) };
        if missing {
            // Where the result is one of its own parts, what is left of an earlier merge is no conflict.
            let is_merged = parts.len() == 1 && present == into;
            return if is_merged { Ok(()) } else { Err((ConflictKind::Incomplete, present, INCOMPLETE)) };
        }
        let whole = Value::Scalar(parts.join(with));
        if !options.contains(into) {
            match self.get(into) {
                Some(known) if *known != whole => return Err((ConflictKind::Taken, present, TAKEN)),
                Some(_) => {}
                None => {
                    if let Some(first) = options.first() {
                        self.rename(made, first, into);
                    }
                }
            }
        }
        self.set(made, into, whole, None);
        for option in options.iter().filter(|option| *option != into) {
            self.unset(made, option);
        }
        Ok(())
    }

    /// Makes this section what another is, where it is not that already.
    pub fn become_as(&mut self, other: &Shape, made: &mut Vec<ChangeKind>) {
        if self.kind != other.kind
            && let (Ok(old), Ok(new)) = (TypeName::new(&self.kind), TypeName::new(&other.kind))
        {
            made.push(ChangeKind::Retype { old, new });
            self.kind.clone_from(&other.kind);
        }
        let gone: Vec<Name> = self
            .options
            .iter()
            .map(|(name, _)| name)
            .filter(|name| other.get(name).is_none())
            .cloned()
            .collect();
        for name in gone {
            self.unset(made, &name);
        }
        for (at, (name, value)) in other.options.iter().enumerate() {
            self.set(made, name, value.clone(), Some(at));
        }
    }

    /// Returns the options of `names` as another section has them, in the place of this one's own.
    pub fn with_options_of(&self, other: &Shape, names: &[&Name]) -> Shape {
        let mut shape = self.clone();
        shape.options.retain(|(name, _)| !names.contains(&name));
        for (at, (name, value)) in other.options.iter().enumerate() {
            if names.contains(&name) {
                shape.options.insert(at.min(shape.options.len()), (name.clone(), value.clone()));
            }
        }
        shape
    }
}

type Acted<'a> = Result<(), (ConflictKind, &'a Name, &'static str)>;

/// A default that is a list may be written as one value if it has one item.
fn same_default(value: &Value, default: &Value) -> bool {
    value == default || value.items() == default.items()
}

impl Cut {
    fn apart(&self, bytes: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
        match self {
            Cut::By(separator) => {
                let mut parts = split(bytes, separator);
                if parts.len() > count {
                    let rest = parts.split_off(count - 1).join(&separator[..]);
                    parts.push(rest);
                }
                (parts.len() == count).then_some(parts)
            }
            Cut::Like(pattern) => {
                let found = pattern.captures(bytes)?;
                found.iter().skip(1).map(|group| group.map(|group| group.as_bytes().to_vec())).collect()
            }
        }
    }
}

/// What takes an action back, if that can be said without knowing what was there.
fn inverse(step: &Step) -> Option<Action> {
    Some(match &step.action {
        Action::Rename { old, new } => Action::Rename { old: new.clone(), new: old.clone() },
        Action::RenameType { .. } => Action::RenameType { new: step.kind.clone()? },
        Action::Retype { option, read, write } => {
            Action::Retype { option: option.clone(), read: write.clone(), write: read.clone() }
        }
        Action::Default { option, change } => Action::Default {
            option: option.clone(),
            change: change.as_ref().map(|(old, new)| (new.clone(), old.clone())),
        },
        Action::Set { option, value } => Action::Unset { option: option.clone(), value: value.clone() },
        Action::Unset { option, value } => Action::Set { option: option.clone(), value: value.clone() },
        Action::Map { option, pairs } => Action::Map {
            option: option.clone(),
            pairs: pairs.iter().map(|(old, new)| (new.clone(), old.clone())).collect(),
        },
        Action::Split { option, cut: Cut::By(separator), into } => {
            Action::Merge { options: into.clone(), with: separator.clone(), into: option.clone() }
        }
        Action::Merge { options, with, into } if !with.is_empty() => {
            Action::Split { option: into.clone(), cut: Cut::By(with.clone()), into: options.clone() }
        }
        Action::Split { .. }
        | Action::Merge { .. }
        | Action::Drop { .. }
        | Action::DropSection
        | Action::Move { .. }
        | Action::RenameSection { .. } => return None,
    })
}

/// Takes steps in a section and says what that gives; conflicts leave it as it is.
pub(super) fn forward(shape: &Shape, steps: &[&Step]) -> Shape {
    let (mut shape, mut made) = (shape.clone(), Vec::new());
    for step in steps {
        shape.take(step, &mut made);
        made.clear();
    }
    shape
}

/// The section as it was, so far as that makes no difference to what it is now.
///
/// `now` is the section as it is, `back` what taking the steps back gives, `before` what it was before they were taken. The answer has
/// as much of `before` as possible: all of it where nobody changed the section since; else all but the options that were changed and
/// those that steps connect with them; else what can come back option by option.
pub(super) fn recall(now: &Shape, back: &Shape, before: &Shape, steps: &[&Step]) -> Shape {
    let gives_now = |candidate: &Shape| forward(candidate, steps).means(now);
    let migrated = forward(before, steps);
    let about: Vec<Vec<&Name>> = steps
        .iter()
        .filter(|step| [before, &migrated, now].iter().any(|shape| step.is_about(&shape.kind)))
        .map(|step| step.options())
        .collect();
    let names = now.options.iter().chain(&migrated.options).map(|(name, _)| name);
    let mut touched: Vec<&Name> = names.filter(|name| now.get(name) != migrated.get(name)).collect();
    let own: Vec<&Name> =
        touched.iter().filter(|name| !about.iter().any(|options| options.contains(*name))).copied().collect();
    touched.retain(|name| !own.contains(name));
    loop {
        let known = touched.len();
        for options in &about {
            if options.iter().any(|name| touched.contains(name)) {
                let more: Vec<&Name> =
                    options.iter().filter(|name| !touched.contains(name)).copied().collect();
                touched.extend(more);
            }
        }
        if touched.len() == known {
            break;
        }
    }
    let kind = if migrated.kind == now.kind { &before.kind } else { &back.kind };
    let untouched = Shape { kind: kind.clone(), name: now.name.clone(), ..before.with_options_of(now, &own) };
    if gives_now(&untouched) {
        return untouched;
    }
    let mixed = untouched.with_options_of(back, &touched);
    if gives_now(&mixed) {
        return mixed;
    }
    let mut best = back.clone();
    for options in about.iter().rev().filter(|options| !options.is_empty()) {
        let candidate = best.with_options_of(before, options);
        if !candidate.means(&best) && gives_now(&candidate) {
            best = candidate;
        }
    }
    best
}

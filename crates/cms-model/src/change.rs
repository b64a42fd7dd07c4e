//! Changes: what differs between two states of a package, in the terms of its user.
//!
//! A change names its section by id and carries what was there before, so that it can be shown,
//! reverted, and compared with the change of somebody else.

use crate::{Name, PackageName, SectionId, TypeName, Value};

/// One change of one section.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// The section that changes.
    pub section: SectionId,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// What happens to a section.
///
/// Positions among options and items are hints: they say where a thing was, so that taking the
/// change back puts it there again. `None` means at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The section comes into being.
    Add {
        /// Its type.
        kind: TypeName,
        /// Its name; none if it is anonymous.
        name: Option<Name>,
        /// The section it stands behind; none if it is the first.
        after: Option<SectionId>,
        /// Whether it was appended: then it goes to the end, wherever the end is by then.
        at_end: bool,
        /// Its options, in order.
        options: Vec<(Name, Value)>,
    },
    /// The section ceases to be. All of it is kept here.
    Delete {
        /// Its type.
        kind: TypeName,
        /// Its name; none if it was anonymous.
        name: Option<Name>,
        /// The section it stood behind; none if it was the first.
        after: Option<SectionId>,
        /// Its options, in order.
        options: Vec<(Name, Value)>,
    },
    /// The section gets, changes or loses its name.
    Rename {
        /// The name so far; none if it was anonymous.
        old: Option<Name>,
        /// The name from now on; none if it becomes anonymous.
        new: Option<Name>,
    },
    /// The section changes its type.
    Retype {
        /// The type so far.
        old: TypeName,
        /// The type from now on.
        new: TypeName,
    },
    /// The section goes to another place.
    Move {
        /// The section it stood behind; none if it was the first.
        old_after: Option<SectionId>,
        /// The section it is to stand behind; none if it is to be the first.
        new_after: Option<SectionId>,
    },
    /// An option is created or gets another value.
    Set {
        /// The option.
        option: Name,
        /// The value so far; none if there was no such option.
        old: Option<Value>,
        /// The value from now on, never empty.
        new: Value,
        /// Where a created option goes among the options.
        at: Option<u32>,
    },
    /// An option ceases to be.
    Unset {
        /// The option.
        option: Name,
        /// Its value.
        old: Value,
        /// Its position among the options.
        index: u32,
    },
    /// An option changes its name and keeps its place and value.
    RenameOption {
        /// The name so far.
        old: Name,
        /// The name from now on.
        new: Name,
    },
    /// An item joins a list. Creates the list when there is none; a string becomes a list with the
    /// string as its first item.
    InsertItem {
        /// The option.
        option: Name,
        /// The position of the item in the list.
        index: u32,
        /// Whether it was appended: then it goes to the end, wherever the end is by then.
        at_end: bool,
        /// The item.
        item: Vec<u8>,
        /// Whether the option was a string before.
        was_scalar: bool,
        /// Where the option goes among the options if this item creates it.
        at: Option<u32>,
    },
    /// An item leaves a list. The list goes with its last item.
    RemoveItem {
        /// The option.
        option: Name,
        /// The position of the item in the list.
        index: u32,
        /// The item.
        item: Vec<u8>,
        /// Whether the one item that remains becomes a string.
        to_scalar: bool,
        /// The position of the option among the options, if the item was the last one.
        at: Option<u32>,
    },
}

impl Change {
    /// Makes a change of `section`.
    pub fn new(section: SectionId, kind: ChangeKind) -> Change {
        Change { section, kind }
    }

    /// Returns the change that takes this one back.
    ///
    /// It is exact for an *effective* change, as [`Package::apply`](crate::Package::apply) returns
    /// it: applied right after it, the inverse restores the meaning of the package. (The bytes are
    /// restored by the inverse of an [`Edit`](crate::Edit).)
    pub fn inverse(&self) -> Change {
        let kind = match self.kind.clone() {
            ChangeKind::Add { kind, name, after, at_end: _, options } => {
                ChangeKind::Delete { kind, name, after, options }
            }
            ChangeKind::Delete { kind, name, after, options } => {
                ChangeKind::Add { kind, name, after, at_end: false, options }
            }
            ChangeKind::Rename { old, new } => ChangeKind::Rename { old: new, new: old },
            ChangeKind::Retype { old, new } => ChangeKind::Retype { old: new, new: old },
            ChangeKind::Move { old_after, new_after } => {
                ChangeKind::Move { old_after: new_after, new_after: old_after }
            }
            ChangeKind::Set { option, old: Some(old), new, at } => {
                ChangeKind::Set { option, old: Some(new), new: old, at }
            }
            ChangeKind::Set { option, old: None, new, at } => {
                ChangeKind::Unset { option, old: new, index: at.unwrap_or(u32::MAX) }
            }
            ChangeKind::Unset { option, old, index } => {
                ChangeKind::Set { option, old: None, new: old, at: Some(index) }
            }
            ChangeKind::RenameOption { old, new } => ChangeKind::RenameOption { old: new, new: old },
            ChangeKind::InsertItem { option, index, at_end: _, item, was_scalar, at } => {
                ChangeKind::RemoveItem { option, index, item, to_scalar: was_scalar, at }
            }
            ChangeKind::RemoveItem { option, index, item, to_scalar, at } => {
                ChangeKind::InsertItem { option, index, at_end: false, item, was_scalar: to_scalar, at }
            }
        };
        Change { section: self.section, kind }
    }

    /// Says whether it changes the value of an option, and nothing else.
    pub fn is_of_a_value(&self) -> bool {
        matches!(
            self.kind,
            ChangeKind::Set { .. }
                | ChangeKind::Unset { .. }
                | ChangeKind::InsertItem { .. }
                | ChangeKind::RemoveItem { .. }
        )
    }

    /// Returns the option that the change is about, under the name it has before the change.
    pub fn option(&self) -> Option<&Name> {
        match &self.kind {
            ChangeKind::Set { option, .. }
            | ChangeKind::Unset { option, .. }
            | ChangeKind::InsertItem { option, .. }
            | ChangeKind::RemoveItem { option, .. } => Some(option),
            ChangeKind::RenameOption { old, .. } => Some(old),
            _ => None,
        }
    }
}

/// One change, and the package it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PackageChange {
    /// The package.
    pub package: PackageName,
    /// The change.
    pub change: Change,
}

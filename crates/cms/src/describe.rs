//! Changes in the words of their user: keys, and values before and after.

use cms_model::{Change, ChangeKind, Package, PackageName, Section, Value, generated_name};

/// One change for people and programs to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayChange {
    /// What happened.
    pub action: ChangeAction,
    /// The dotted key: `network.lan.mtu`, `network.lan`, or `network`.
    pub key: String,
    /// What was there before: a value, a type, a name or a place.
    pub old: Option<Value>,
    /// What is there now.
    pub new: Option<Value>,
}

/// What happened at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeAction {
    /// A package came to be.
    CreatePackage,
    /// A package went away.
    DeletePackage,
    /// A section came to be; `new` is its type.
    AddSection,
    /// A section went away; `old` is its type.
    DeleteSection,
    /// A section has another name.
    RenameSection,
    /// A section has another type.
    RetypeSection,
    /// A section has another place; the values name the sections before it.
    MoveSection,
    /// An option has a value, or another one.
    Set,
    /// An option went away.
    Unset,
    /// An option has another name.
    RenameOption,
    /// A list has one item more; `new` is the item.
    AddItem,
    /// A list has one item less; `old` is the item.
    RemoveItem,
    /// A table came to be; `new` is its columns.
    CreateTable,
    /// A table has other columns or indexes.
    AlterTable,
    /// A table went away; `old` is its columns.
    DropTable,
    /// A row came to be; `new` is its values.
    InsertRow,
    /// A row has other values; `old` and `new` are those that differ.
    UpdateRow,
    /// A row went away; `old` is its values.
    DeleteRow,
}

impl ChangeAction {
    /// The word for programs, as JSON output has it.
    pub fn word(self) -> &'static str {
        match self {
            ChangeAction::CreatePackage => "create-package",
            ChangeAction::DeletePackage => "delete-package",
            ChangeAction::AddSection => "add-section",
            ChangeAction::DeleteSection => "delete-section",
            ChangeAction::RenameSection => "rename-section",
            ChangeAction::RetypeSection => "retype-section",
            ChangeAction::MoveSection => "move-section",
            ChangeAction::Set => "set",
            ChangeAction::Unset => "unset",
            ChangeAction::RenameOption => "rename-option",
            ChangeAction::AddItem => "add-item",
            ChangeAction::RemoveItem => "remove-item",
            ChangeAction::CreateTable => "create-table",
            ChangeAction::AlterTable => "alter-table",
            ChangeAction::DropTable => "drop-table",
            ChangeAction::InsertRow => "insert-row",
            ChangeAction::UpdateRow => "update-row",
            ChangeAction::DeleteRow => "delete-row",
        }
    }
}

impl DisplayChange {
    /// Describes a change; `after` and `before` are states to look section names up in.
    pub(crate) fn new(
        package: &PackageName,
        change: &Change,
        after: Option<&Package>,
        before: Option<&Package>,
    ) -> DisplayChange {
        let text = |text: &str| Some(Value::scalar(text.as_bytes()));
        let place = |after_id: &Option<cms_model::SectionId>| match after_id {
            Some(id) => {
                let found = after.and_then(|state| state.section(*id).map(|section| label(state, &section)));
                Some(Value::scalar(found.unwrap_or_else(|| id.to_string())))
            }
            None => Some(Value::scalar("first")),
        };
        let (action, old, new) = match &change.kind {
            ChangeKind::Add { kind, .. } => (ChangeAction::AddSection, None, text(kind)),
            ChangeKind::Delete { kind, .. } => (ChangeAction::DeleteSection, text(kind), None),
            ChangeKind::Rename { old, new } => (
                ChangeAction::RenameSection,
                old.as_ref().and_then(|name| text(name)),
                new.as_ref().and_then(|name| text(name)),
            ),
            ChangeKind::Retype { old, new } => (ChangeAction::RetypeSection, text(old), text(new)),
            ChangeKind::Move { old_after, new_after } => {
                (ChangeAction::MoveSection, place(old_after), place(new_after))
            }
            ChangeKind::Set { old, new, .. } => (ChangeAction::Set, old.clone(), Some(new.clone())),
            ChangeKind::Unset { old, .. } => (ChangeAction::Unset, Some(old.clone()), None),
            ChangeKind::RenameOption { old, new } => (ChangeAction::RenameOption, text(old), text(new)),
            ChangeKind::InsertItem { item, .. } => {
                (ChangeAction::AddItem, None, Some(Value::scalar(item.clone())))
            }
            ChangeKind::RemoveItem { item, .. } => {
                (ChangeAction::RemoveItem, Some(Value::scalar(item.clone())), None)
            }
        };
        let mut key = match after {
            Some(after) => key_of(package, change, after, before),
            None => key_of(package, change, &Package::empty(), before),
        };
        if let Some(option) = change.option() {
            key = format!("{key}.{option}");
        }
        DisplayChange { action, key, old, new }
    }

    pub(crate) fn package_created(package: &PackageName) -> DisplayChange {
        DisplayChange { action: ChangeAction::CreatePackage, key: package.to_string(), old: None, new: None }
    }

    pub(crate) fn package_deleted(package: &PackageName) -> DisplayChange {
        DisplayChange { action: ChangeAction::DeletePackage, key: package.to_string(), old: None, new: None }
    }
}

/// The key of the section that a change is about, in the words of the user.
pub(crate) fn key_of(
    package: &PackageName,
    change: &Change,
    after: &Package,
    before: Option<&Package>,
) -> String {
    let found = |state: &Package| state.section(change.section).map(|section| label(state, &section));
    let own = match &change.kind {
        ChangeKind::Add { name: Some(name), .. } | ChangeKind::Delete { name: Some(name), .. } => {
            Some(name.to_string())
        }
        ChangeKind::Rename { old: Some(name), .. } => Some(name.to_string()),
        _ => None,
    };
    let section = own.or_else(|| found(after)).or_else(|| before.and_then(found)).unwrap_or_else(|| {
        match &change.kind {
            ChangeKind::Add { kind, .. } | ChangeKind::Delete { kind, .. } => format!("@{kind}"),
            _ => change.section.to_string(),
        }
    });
    format!("{package}.{section}")
}

/// The name of a section, or the generated one of its place.
pub fn label(package: &Package, section: &Section<'_>) -> String {
    match section.name() {
        Some(name) => name.to_owned(),
        None => {
            let place = package.position(section.id()).unwrap_or(0);
            generated_name(place + 1, section.kind().as_bytes()).to_string()
        }
    }
}

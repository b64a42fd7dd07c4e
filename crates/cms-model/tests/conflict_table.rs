//! `docs/conflicts.md` against the code, and both against what really happens.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::HashMap;

use cms_model::{Change, ChangeKind, Footprint, Name, Package, SectionId, TypeName, Value, conflicts};
use proptest::prelude::*;

const DOCUMENT: &str = include_str!("../../../docs/conflicts.md");
const BASE: &[u8] = b"config a one\n\toption x 1\n\tlist l i\n\tlist l j\n\tlist l k\n\toption y 2\n\
config a two\n\toption x 1\nconfig b three\n";

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn kind(text: &str) -> TypeName {
    TypeName::new(text).unwrap()
}

/// Changes of every kind, those of one kind about different things.
fn samples() -> Vec<Change> {
    let mut changes = Vec::new();
    for section in [SectionId(1), SectionId(2)] {
        let mut push = |kind| changes.push(Change::new(section, kind));
        push(ChangeKind::Delete { kind: kind("a"), name: None, after: None, options: vec![] });
        for new in ["n", "m"] {
            push(ChangeKind::Rename { old: None, new: Some(name(new)) });
            push(ChangeKind::Retype { old: kind("a"), new: kind(new) });
        }
        push(ChangeKind::Rename { old: None, new: None });
        push(ChangeKind::Move { old_after: None, new_after: Some(SectionId(3)) });
        push(ChangeKind::Move { old_after: None, new_after: None });
        for option in ["x", "l", "fresh"] {
            for value in [Value::scalar("v"), Value::scalar("w"), Value::list(["v"])] {
                push(ChangeKind::Set { option: name(option), old: None, new: value, at: None });
            }
            for (item, at_end) in [("i", true), ("new", false)] {
                let (option, item) = (name(option), item.into());
                push(ChangeKind::InsertItem { option, index: 0, at_end, item, was_scalar: false, at: None });
            }
        }
        push(ChangeKind::Unset { option: name("x"), old: Value::scalar("1"), index: 0 });
        if section == SectionId(1) {
            push(ChangeKind::Unset { option: name("l"), old: Value::scalar("1"), index: 0 });
            push(ChangeKind::RenameOption { old: name("l"), new: name("fresh") });
            for (index, item) in [(0, "i"), (1, "j")] {
                let (option, item) = (name("l"), item.into());
                push(ChangeKind::RemoveItem { option, index, item, to_scalar: false, at: None });
            }
        }
        push(ChangeKind::RenameOption { old: name("x"), new: name("fresh") });
        push(ChangeKind::RenameOption { old: name("x"), new: name("z") });
    }
    for (section, new) in [(8, Some("n")), (8, None), (9, Some("n")), (9, Some("p"))] {
        let name = new.map(name);
        let options = vec![(Name::new("x").unwrap(), Value::scalar("1"))];
        let kind =
            ChangeKind::Add { kind: kind("a"), name, after: Some(SectionId(1)), at_end: false, options };
        changes.push(Change::new(SectionId(section), kind));
    }
    changes
}

fn word(change: &Change) -> &'static str {
    match change.kind {
        ChangeKind::Add { .. } => "Add",
        ChangeKind::Delete { .. } => "Delete",
        ChangeKind::Rename { .. } => "Rename",
        ChangeKind::Retype { .. } => "Retype",
        ChangeKind::Move { .. } => "Move",
        ChangeKind::Set { .. } => "Set",
        ChangeKind::Unset { .. } => "Unset",
        ChangeKind::RenameOption { .. } => "RenameOption",
        ChangeKind::InsertItem { .. } => "InsertItem",
        ChangeKind::RemoveItem { .. } => "RemoveItem",
    }
}

/// Reads the table under a heading: what stands where a row and a column meet.
fn table(heading: &str) -> HashMap<(String, String), String> {
    let part = DOCUMENT.split(heading).nth(1).expect("the heading is there");
    let lines: Vec<&str> = part.lines().filter(|line| !line.is_empty()).collect();
    let rows: Vec<Vec<&str>> = lines
        .iter()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut cells = HashMap::new();
    for row in &rows[2..] {
        assert_eq!(row.len(), rows[0].len());
        for (column, cell) in rows[0].iter().zip(row).skip(1) {
            cells.insert((row[0].to_owned(), (*column).to_owned()), (*cell).to_owned());
        }
    }
    cells
}

fn options_of(change: &Change) -> Vec<&Name> {
    match &change.kind {
        ChangeKind::RenameOption { old, new } => vec![old, new],
        _ => change.option().into_iter().collect(),
    }
}

fn claimed(change: &Change) -> Option<&Name> {
    match &change.kind {
        ChangeKind::Add { name, .. } | ChangeKind::Rename { new: name, .. } => name.as_ref(),
        _ => None,
    }
}

fn says_the_same(mine: &Change, theirs: &Change) -> bool {
    use ChangeKind::{Move, Rename, Retype, Set};
    match (&mine.kind, &theirs.kind) {
        (Rename { new: a, .. }, Rename { new: b, .. }) => a == b,
        (Retype { new: a, .. }, Retype { new: b, .. }) => a == b,
        (Move { new_after: a, .. }, Move { new_after: b, .. }) => a == b,
        (Set { new: a, .. }, Set { new: b, .. }) => a == b,
        _ => false,
    }
}

/// What the document says of a pair.
fn documented(mine: &Change, theirs: &Change, same: &Table, different: &Table) -> bool {
    let same_option = options_of(mine).iter().any(|option| options_of(theirs).contains(option));
    let (row, column) = (word(mine), word(theirs));
    if mine.section != theirs.section {
        let class =
            |word: &str| if ["Add", "Rename"].contains(&word) { word.to_owned() } else { "others".into() };
        return match different[&(class(row), class(column))].as_str() {
            "name" => claimed(mine).is_some() && claimed(mine) == claimed(theirs),
            "never" => false,
            other => panic!("what is {other:?}?"),
        };
    }
    match same[&(row.to_owned(), column.to_owned())].as_str() {
        "always" => true,
        "never" => false,
        "differ" => !says_the_same(mine, theirs),
        "option" => same_option,
        "option, differ" => same_option && !says_the_same(mine, theirs),
        "option, item" => match (&mine.kind, &theirs.kind) {
            (ChangeKind::RemoveItem { item: a, .. }, ChangeKind::RemoveItem { item: b, .. }) => {
                same_option && a == b
            }
            _ => panic!("only items can be the same"),
        },
        other => panic!("what is {other:?}?"),
    }
}

type Table = HashMap<(String, String), String>;

/// A section as its user sees it.
type Seen = (SectionId, String, Option<String>, Vec<(Name, Value)>);

/// A package without regard to places.
fn content(package: &Package) -> Vec<Seen> {
    let mut sections: Vec<_> = package
        .sections()
        .map(|section| {
            let mut options = section.options();
            for (_, value) in &mut options {
                if let Value::List(items) = value {
                    items.sort();
                }
            }
            options.sort();
            (section.id(), section.kind().to_owned(), section.name().map(str::to_owned), options)
        })
        .collect();
    sections.sort();
    sections
}

fn in_order(first: &Change, second: &Change) -> Option<Package> {
    let mut package = Package::parse(BASE).unwrap();
    package.apply(first).ok()?;
    package.apply(second).ok()?;
    Some(package)
}

#[test]
fn the_document_is_what_the_code_does() {
    let (same, different) = (table("## The same section"), table("## Different sections"));
    let samples = samples();
    let mut seen = std::collections::HashSet::new();
    for mine in &samples {
        for theirs in &samples {
            let conflict = conflicts(mine, theirs);
            assert_eq!(conflict, documented(mine, theirs, &same, &different), "{mine:?}\n{theirs:?}");
            assert_eq!(conflict, conflicts(theirs, mine), "{mine:?}\n{theirs:?}");
            if mine.section == theirs.section {
                seen.insert((word(mine).to_owned(), word(theirs).to_owned()));
            }
        }
    }
    let missing: Vec<_> = same.keys().filter(|(a, b)| !seen.contains(&(a.clone(), b.clone()))).collect();
    // A section cannot be added and exist, so no state has samples of both; the code answers anyway.
    assert!(missing.iter().all(|(a, b)| a == "Add" || b == "Add"), "{missing:?}");
}

#[test]
fn what_does_not_conflict_gives_the_same_in_both_orders() {
    let samples = samples();
    for mine in &samples {
        for theirs in &samples {
            if conflicts(mine, theirs) {
                continue;
            }
            let (one, other) = (in_order(mine, theirs), in_order(theirs, mine));
            let (Some(one), Some(other)) = (one, other) else {
                panic!("not possible:\n{mine:?}\n{theirs:?}")
            };
            assert_eq!(content(&one), content(&other), "{mine:?}\n{theirs:?}");
        }
    }
}

#[test]
fn what_conflicts_is_impossible_or_loses_something() {
    let samples = samples();
    let alone = |change: &Change| {
        let mut package = Package::parse(BASE).unwrap();
        package.apply(change).unwrap();
        content(&package)
    };
    for mine in &samples {
        for theirs in samples.iter().filter(|theirs| conflicts(mine, theirs)) {
            let (one, other) = (in_order(mine, theirs), in_order(theirs, mine));
            let excused = match (&one, &other) {
                (Some(one), Some(other)) => {
                    // The orders differ, or one of the two might as well not have been made.
                    content(one) != content(other)
                        || content(one) == alone(mine)
                        || content(one) == alone(theirs)
                }
                _ => true,
            };
            assert!(excused, "why do these conflict?\n{mine:?}\n{theirs:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_footprint_finds_what_comparing_each_would(picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let samples = samples();
        let theirs: Vec<Change> = picks.iter().map(|pick| pick.get(&samples).clone()).collect();
        let footprint = Footprint::new(&theirs);
        for mine in &samples {
            let found = footprint.conflict_with(mine);
            prop_assert_eq!(found.is_some(), theirs.iter().any(|theirs| conflicts(mine, theirs)), "{:?}", mine);
            if let Some(found) = found {
                prop_assert!(conflicts(mine, found));
            }
        }
    }
}

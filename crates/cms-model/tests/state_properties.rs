//! What must hold for any package and any changes, against a model that is a plain list of sections.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use cms_model::{
    BlockPart, Change, ChangeKind, Draft, Edit, IdSource, Name, Package, SectionId, Selector, TypeName, Value,
};
use proptest::prelude::*;

type Options = Vec<(String, Value)>;

#[derive(Debug, Clone, PartialEq)]
struct ModelSection {
    kind: String,
    name: Option<String>,
    options: Options,
}

/// One piece of a text, in whatever way it is written.
#[derive(Debug, Clone)]
enum Piece {
    Trivia(&'static str),
    Config { kind: usize, name: Option<usize>, style: usize },
    Option { name: usize, value: usize, list: bool, style: usize },
}

const KINDS: [&str; 3] = ["rule", "zone", "a#b"];
const NAMES: [&str; 5] = ["lan", "wan", "x", "y", "z"];
const OPTIONS: [&str; 4] = ["p", "q", "r", "s"];
const VALUES: [&str; 8] = ["1", "2", "two words", "it's", "\"\\", "a\nconfig rule x\nb", "", "#;"];

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        2 => prop::sample::select(vec!["\n", "# c\n", "  \n", "\t# d 'x\n", "package p\n", "\r\n"])
            .prop_map(Piece::Trivia),
        2 => (0..3usize, prop::option::of(0..5usize), 0..7usize)
            .prop_map(|(kind, name, style)| Piece::Config { kind, name, style }),
        5 => (0..4usize, 0..8usize, any::<bool>(), 0..7usize)
            .prop_map(|(name, value, list, style)| Piece::Option { name, value, list, style }),
    ]
}

fn word(text: &str, style: usize) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !text.is_empty();
    match style % 4 {
        0 if plain => text.to_owned(),
        1 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        2 if plain => format!("''{}\"{}\"", &text[..1], &text[1..]),
        _ => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Writes the pieces down, and reads them the simple way.
fn render(pieces: &[Piece], finished: bool) -> (String, Vec<ModelSection>) {
    let mut text = String::new();
    let mut model: Vec<ModelSection> = Vec::new();
    let mut current = None;
    for piece in pieces {
        let (line, style) = match piece {
            Piece::Trivia(trivia) => {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(trivia);
                continue;
            }
            Piece::Config { kind, name, style } => {
                // A section that is opened again keeps its type.
                let name = name.map(|name| NAMES[name]);
                let known =
                    model.iter().position(|section| name.is_some() && section.name.as_deref() == name);
                let kind = known.map_or(KINDS[*kind].to_owned(), |known| model[known].kind.clone());
                let mut line = format!("config {}", word(&kind, *style));
                if let Some(name) = name {
                    line += &format!(" {}", word(name, style + 1));
                }
                current = Some(known.unwrap_or_else(|| {
                    model.push(ModelSection { kind, name: name.map(str::to_owned), options: Vec::new() });
                    model.len() - 1
                }));
                (line, *style)
            }
            Piece::Option { name, value, list, style } => {
                let Some(current) = current else { continue };
                let keyword = if *list { "list" } else { "option" };
                let (name, value) = (OPTIONS[*name], VALUES[*value]);
                merge(&mut model[current].options, name, value, *list);
                (
                    format!(
                        "{}{keyword} {} {}",
                        "\t".repeat(style % 3),
                        word(name, *style),
                        word(value, style + 2)
                    ),
                    *style,
                )
            }
        };
        text.push_str(&line);
        text.push_str(["\n", "\n", " # e\n", "\r\n", "; ", " ;", " \\\n\n"][style]);
    }
    if !finished {
        while text.ends_with('\n') {
            text.pop();
        }
    }
    (text, model)
}

fn merge(options: &mut Options, name: &str, value: &str, list: bool) {
    let known = options.iter().position(|(known, _)| known == name);
    match (known, list) {
        (_, false) if value.is_empty() => {}
        (Some(known), false) => options[known].1 = Value::scalar(value),
        (Some(known), true) => {
            let mut items = options[known].1.items().to_vec();
            items.push(value.into());
            options[known].1 = Value::List(items);
        }
        (None, true) => options.push((name.into(), Value::list([value]))),
        (None, false) => options.push((name.into(), Value::scalar(value))),
    }
}

fn meaning(package: &Package) -> Vec<ModelSection> {
    let options = |section: cms_model::Section<'_>| {
        section.options().into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    };
    package
        .sections()
        .map(|section| ModelSection {
            kind: section.kind().into(),
            name: section.name().map(str::to_owned),
            options: options(section),
        })
        .collect()
}

fn ids(package: &Package) -> Vec<SectionId> {
    package.to_parts().into_iter().flat_map(|part| part.ids).collect()
}

#[derive(Debug, Clone)]
struct Step {
    verb: usize,
    section: usize,
    other: usize,
    option: usize,
    value: usize,
    place: usize,
}

fn step() -> impl Strategy<Value = Step> {
    (0..14usize, 0..8usize, 0..5usize, 0..4usize, 0..8usize, 0..6usize).prop_map(
        |(verb, section, other, option, value, place)| Step { verb, section, other, option, value, place },
    )
}

/// Makes the change that a step stands for; none if it has no meaning here.
fn change_of(step: &Step, package: &Package, ids: &mut IdSource) -> Option<Change> {
    let name = |text: &str| Name::new(text).unwrap();
    let kind = |text: &str| TypeName::new(text).unwrap();
    let pick =
        |index: usize| package.nth(None, (index % package.len().max(1)) as i64).map(|section| section.id());
    let option = name(OPTIONS[step.option]);
    let value = Value::scalar(VALUES[step.value]);
    let item = VALUES[step.value].as_bytes().to_vec();
    let at = (step.place < 3).then_some(step.place as u32);
    let id = pick(step.section);
    let change = match step.verb {
        0 | 1 => {
            let name = (step.other < 4 && step.verb == 0).then(|| name(NAMES[step.other]));
            let after = pick(step.place).filter(|_| step.place > 0);
            let at_end = step.place > 4;
            let options =
                vec![(option, Value::scalar("new")), (Name::new("r").unwrap(), Value::list(["i", "j"]))];
            let kind = ChangeKind::Add { kind: kind(KINDS[step.value % 3]), name, after, at_end, options };
            return Some(Change::new(ids.draw(), kind));
        }
        2 => ChangeKind::Delete { kind: kind("x"), name: None, after: None, options: Vec::new() },
        3 => ChangeKind::Rename { old: None, new: (step.other < 4).then(|| name(NAMES[step.other])) },
        4 => ChangeKind::Retype { old: kind("x"), new: kind(KINDS[step.value % 3]) },
        5 | 6 => ChangeKind::Move { old_after: None, new_after: pick(step.other).filter(|_| step.place > 0) },
        7 | 8 => ChangeKind::Set { option, old: None, new: value, at },
        9 => {
            let items = (0..step.place + 1).map(|index| VALUES[(step.value + index) % 8]);
            ChangeKind::Set { option, old: None, new: Value::list(items), at }
        }
        10 => ChangeKind::Unset { option, old: value, index: 0 },
        11 => ChangeKind::RenameOption { old: option, new: name(OPTIONS[step.other % 4]) },
        12 => {
            let (index, at_end) = (step.place as u32, step.other > 2);
            ChangeKind::InsertItem { option, index, at_end, item, was_scalar: false, at }
        }
        _ => ChangeKind::RemoveItem { option, index: step.place as u32, item, to_scalar: false, at: None },
    };
    Some(Change::new(id?, change))
}

/// The same, on the model. Positions are looked up with `order`, the ids of the sections.
fn apply_to_model(
    change: &Change,
    model: &mut Vec<ModelSection>,
    order: &mut Vec<SectionId>,
) -> Result<(), ()> {
    let here = order.iter().position(|id| *id == change.section);
    let place = |after: &Option<SectionId>, order: &[SectionId]| match after {
        None => 0,
        Some(after) => order.iter().position(|id| id == after).map_or(order.len(), |place| place + 1),
    };
    let taken = |name: &Option<Name>, model: &[ModelSection]| {
        name.as_ref()
            .is_some_and(|name| model.iter().any(|known| known.name.as_deref() == Some(name.as_str())))
    };
    if let ChangeKind::Add { kind, name, after, at_end, options } = &change.kind {
        if here.is_some() || taken(name, model) {
            return Err(());
        }
        let place = if *at_end { order.len() } else { place(after, order) };
        let mut merged: Options = Vec::new();
        for (option, value) in options {
            let list = value.is_list();
            value
                .items()
                .iter()
                .for_each(|item| merge(&mut merged, option, std::str::from_utf8(item).unwrap(), list));
        }
        let name = name.as_ref().map(|name| name.to_string());
        model.insert(place, ModelSection { kind: kind.to_string(), name, options: merged });
        order.insert(place, change.section);
        return Ok(());
    }
    let here = here.ok_or(())?;
    let find =
        |options: &Options, option: &Name| options.iter().position(|(known, _)| known == option.as_str());
    match &change.kind {
        ChangeKind::Delete { .. } => {
            model.remove(here);
            order.remove(here);
        }
        ChangeKind::Rename { new, .. } => {
            let new_name = new.as_ref().map(|name| name.to_string());
            if model[here].name != new_name && taken(new, model) {
                return Err(());
            }
            model[here].name = new_name;
        }
        ChangeKind::Retype { new, .. } => model[here].kind = new.to_string(),
        ChangeKind::Move { new_after, .. } if *new_after == Some(change.section) => {}
        ChangeKind::Move { new_after, .. } => {
            let (section, id) = (model.remove(here), order.remove(here));
            let place = place(new_after, order);
            model.insert(place, section);
            order.insert(place, id);
        }
        ChangeKind::Set { option, new, at, .. } => {
            let options = &mut model[here].options;
            let empty = match new {
                Value::Scalar(bytes) => bytes.is_empty(),
                Value::List(items) => items.is_empty(),
            };
            if empty {
                return Err(());
            }
            match find(options, option) {
                Some(known) => options[known].1 = new.clone(),
                None => {
                    let at = at.map_or(options.len(), |at| options.len().min(at as usize));
                    options.insert(at, (option.to_string(), new.clone()));
                }
            }
        }
        ChangeKind::Unset { option, .. } => {
            let known = find(&model[here].options, option).ok_or(())?;
            model[here].options.remove(known);
        }
        ChangeKind::RenameOption { old, new } => {
            let known = find(&model[here].options, old).ok_or(())?;
            if old != new && find(&model[here].options, new).is_some() {
                return Err(());
            }
            model[here].options[known].0 = new.to_string();
        }
        ChangeKind::InsertItem { option, index, at_end, item, at, .. } => {
            let options = &mut model[here].options;
            let known = find(options, option).unwrap_or_else(|| {
                let at = at.map_or(options.len(), |at| options.len().min(at as usize));
                options.insert(at, (option.to_string(), Value::List(Vec::new())));
                at
            });
            let mut items = options[known].1.items().to_vec();
            let index = if *at_end { items.len() } else { items.len().min(*index as usize) };
            items.insert(index, item.clone());
            options[known].1 = Value::List(items);
        }
        ChangeKind::RemoveItem { option, index, item, to_scalar, .. } => {
            let known = find(&model[here].options, option).ok_or(())?;
            let mut items = model[here].options[known].1.items().to_vec();
            let index = match items.get(*index as usize) == Some(item) {
                true => *index as usize,
                false => items.iter().position(|known| known == item).ok_or(())?,
            };
            items.remove(index);
            match &items[..] {
                [] => drop(model[here].options.remove(known)),
                [last] if *to_scalar && !last.is_empty() => {
                    model[here].options[known].1 = Value::scalar(last.clone())
                }
                _ => model[here].options[known].1 = Value::List(items),
            }
        }
        ChangeKind::Add { .. } => unreachable!("handled above"),
    }
    Ok(())
}

fn check_same(package: &Package, model: &[ModelSection], order: &[SectionId], what: &dyn std::fmt::Debug) {
    let text = String::from_utf8_lossy(&package.text()).into_owned();
    assert_eq!(meaning(package), model, "{what:?}\n{text}");
    let found: Vec<_> = package.sections().map(|section| section.id()).collect();
    assert_eq!(found, order);
    assert_eq!(package.len(), order.len());
    assert_eq!(package.text_len() as usize, text.len());
    let again =
        Package::parse(&package.text()).unwrap_or_else(|errors| panic!("{what:?} {errors:?}\n{text}"));
    assert_eq!(meaning(&again), model, "read again after {what:?}: {text}");
    for (position, id) in order.iter().enumerate() {
        assert_eq!(package.position(*id), Some(position));
        assert_eq!(package.section_before(*id), position.checked_sub(1).map(|before| order[before]));
        if let Some(name) = package.section(*id).unwrap().name() {
            assert_eq!(package.find(name).unwrap().id(), *id);
        }
    }
    for (number, kind) in KINDS.iter().enumerate() {
        let all: Vec<_> =
            order.iter().zip(model).filter(|(_, m)| m.kind == *kind).map(|(id, _)| *id).collect();
        for (index, id) in all.iter().enumerate() {
            assert_eq!(package.nth(Some(kind), index as i64).map(|s| s.id()), Some(*id), "{number}");
            assert_eq!(package.nth(Some(kind), index as i64 - all.len() as i64).map(|s| s.id()), Some(*id));
        }
        assert!(package.nth(Some(kind), all.len() as i64).is_none());
        assert!(package.nth(Some(kind), -1 - all.len() as i64).is_none());
    }
}

fn same_bytes_and_ids(a: &Package, b: &Package) {
    assert_eq!(String::from_utf8_lossy(&a.text()), String::from_utf8_lossy(&b.text()));
    assert_eq!(ids(a), ids(b));
    assert_eq!(meaning(a), meaning(b));
}

/// Bytes that a text begins and ends with beyond one section stay, wherever its stanzas are.
fn outside_stays(before: &Package, after: &Package, change: &Change) {
    if !matches!(
        change.kind,
        ChangeKind::Set { .. } | ChangeKind::Unset { .. } | ChangeKind::RenameOption { .. }
    ) {
        return;
    }
    for section in before.sections().filter(|section| section.id() != change.section) {
        let (old, new) = (section.text(), after.section(section.id()).unwrap().text());
        // A line that the two share is broken up.
        if !old.contains(&b';') {
            assert_eq!(String::from_utf8_lossy(&old), String::from_utf8_lossy(&new), "{change:?}");
        }
    }
}

/// Large values make the blocks split.
fn inflate(package: &mut Package, source: &mut IdSource) {
    for number in 0..40 {
        let option = (Name::new("big").unwrap(), Value::scalar("b".repeat(number * 100)));
        let kind = ChangeKind::Add {
            kind: TypeName::new("zone").unwrap(),
            name: None,
            after: package.nth(None, number as i64 / 2).map(|section| section.id()),
            at_end: number % 3 == 0,
            options: vec![option],
        };
        let _ = package.apply(&Change::new(source.draw(), kind));
    }
}

proptest! {
    // Four times what `PROPTEST_CASES` says.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 4, ..ProptestConfig::default() })]

    #[test]
    fn texts_and_changes_mean_what_the_model_says(
        pieces in prop::collection::vec(piece(), 0..25),
        steps in prop::collection::vec(step(), 0..12),
        finished: bool,
        large in prop::bool::weighted(0.1),
    ) {
        let (text, model) = render(&pieces, finished);
        let mut package = Package::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
        prop_assert_eq!(package.text(), text.as_bytes());
        let mut source = IdSource::new(1);
        let mut model = model;
        if large {
            inflate(&mut package, &mut source);
            model = meaning(&package);
        }
        let mut order: Vec<_> = package.sections().map(|section| section.id()).collect();
        check_same(&package, &model, &order, &text);
        let first = package.clone();
        for step in &steps {
            let Some(change) = change_of(step, &package, &mut source) else { continue };
            let before = package.clone();
            let (mut expected, mut expected_order) = (model.clone(), order.clone());
            let possible = apply_to_model(&change, &mut expected, &mut expected_order).is_ok();
            let mut amended = before.clone();
            if let Some(outcome) = amended.amend(&change) {
                let mut applied = before.clone();
                match (outcome, applied.apply(&change)) {
                    (Ok((effective, edit)), Ok(expected)) => {
                        prop_assert_eq!(effective, expected);
                        let mut redone = before.clone();
                        redone.apply_edit(&edit).unwrap();
                        same_bytes_and_ids(&redone, &applied);
                        same_bytes_and_ids(&amended, &applied);
                        amended.apply_edit(&edit.inverse()).unwrap();
                    }
                    (amended, applied) => prop_assert_eq!(amended.err(), applied.err()),
                }
            }
            same_bytes_and_ids(&amended, &before);
            match package.apply(&change) {
                Ok(effective) => {
                    prop_assert!(possible, "{:?}", change);
                    check_same(&package, &expected, &expected_order, &change);
                    outside_stays(&before, &package, &change);
                    // The inverse leads back, and so does that of the edit, byte for byte.
                    let mut back = package.clone();
                    let undone = back.apply(&effective.inverse());
                    prop_assert!(undone.is_ok(), "{:?} {:?}", effective, undone);
                    prop_assert_eq!(meaning(&back), &model[..], "{:?}", effective);
                    let edit = Edit::between(&before, &package);
                    let mut redone = before.clone();
                    redone.apply_edit(&edit).unwrap();
                    same_bytes_and_ids(&redone, &package);
                    redone.apply_edit(&edit.inverse()).unwrap();
                    same_bytes_and_ids(&redone, &before);
                }
                Err(_) => {
                    prop_assert!(!possible, "{:?}", change);
                    same_bytes_and_ids(&package, &before);
                    continue;
                }
            }
            (model, order) = (expected, expected_order);
        }
        // The whole way at once.
        let edit = Edit::between(&first, &package);
        let mut redone = first.clone();
        redone.apply_edit(&edit).unwrap();
        same_bytes_and_ids(&redone, &package);
        redone.apply_edit(&edit.inverse()).unwrap();
        same_bytes_and_ids(&redone, &first);
        let parts: Vec<BlockPart> = package.to_parts();
        let restored = Package::from_parts(parts.clone()).unwrap();
        same_bytes_and_ids(&restored, &package);
        prop_assert_eq!(restored.to_parts(), parts);
        let mut patched = first.clone();
        for change in Package::diff(&first, &package) {
            patched.apply(&change).unwrap();
        }
        prop_assert_eq!(meaning(&patched), meaning(&package));
        prop_assert_eq!(
            patched.sections().map(|s| s.id()).collect::<Vec<_>>(),
            package.sections().map(|s| s.id()).collect::<Vec<_>>()
        );
    }

    /// Whether somebody looks at a draft after each verb or only at the end.
    #[test]
    fn a_draft_is_the_same_whenever_it_is_looked_at(
        pieces in prop::collection::vec(piece(), 0..25),
        verbs in prop::collection::vec((0..6usize, 0..4usize, 0..8usize, 0..8usize), 0..30),
    ) {
        let (text, _) = render(&pieces, true);
        let base = Package::parse(text.as_bytes()).unwrap();
        let mut looked_at = Draft::new(base.clone(), 1);
        let mut left = Draft::new(base, 1);
        let mut savepoint = None;
        for (section, option, value, verb) in verbs {
            let section = Selector::Nth { kind: None, index: section as i64 };
            let (option, text) = (Name::new(OPTIONS[option]).unwrap(), VALUES[value]);
            match verb {
                6 => savepoint = Some((looked_at.savepoint(), left.savepoint())),
                7 => {
                    if let Some((a, b)) = savepoint.take() {
                        looked_at.rollback_to(a);
                        left.rollback_to(b);
                    }
                }
                _ => {
                    let act = |draft: &mut Draft| match verb {
                        4 => draft.add_list(&section, &option, b"item"),
                        5 => draft.set_option(&section, &option, Value::list([text])),
                        _ => draft.set_option(&section, &option, Value::scalar(text)),
                    };
                    prop_assert_eq!(act(&mut looked_at).map(|did| did.changed), act(&mut left).map(|did| did.changed));
                }
            }
            looked_at.package();
            prop_assert_eq!(looked_at.get(&section, Some(&option)), left.get(&section, Some(&option)));
            prop_assert_eq!(looked_at.changes(), left.changes());
        }
        same_bytes_and_ids(looked_at.package(), left.package());
    }

    #[test]
    fn any_two_texts_differ_by_an_edit_and_by_changes(
        old in prop::collection::vec(piece(), 0..30),
        new in prop::collection::vec(piece(), 0..30),
    ) {
        let old = Package::parse(render(&old, true).0.as_bytes()).unwrap();
        let new = Package::parse(render(&new, false).0.as_bytes()).unwrap();
        let adopted = old.adopt(new.clone(), 5);
        prop_assert_eq!(adopted.text(), new.text());
        prop_assert_eq!(meaning(&adopted), meaning(&new));
        let mut patched = old.clone();
        for change in Package::diff(&old, &adopted) {
            let effective = patched.apply(&change).unwrap();
            let mut back = patched.clone();
            back.apply(&effective.inverse()).unwrap();
        }
        prop_assert_eq!(meaning(&patched), meaning(&adopted));
        let edit = Edit::between(&old, &adopted);
        let mut redone = old.clone();
        redone.apply_edit(&edit).unwrap();
        same_bytes_and_ids(&redone, &adopted);
    }

    #[test]
    fn no_bytes_and_no_edit_bring_it_down(
        text: Vec<u8>,
        lines in prop::collection::vec("(config|option|list|#|;|'|\"|\\\\| |\t|[ab]|\n){1,8}", 0..20),
        offset in 0..200u64,
        index in 0..10u64,
    ) {
        let _ = Package::parse(&text);
        let text = lines.concat();
        let whole = Package::parse(text.as_bytes());
        let read = Package::read(text.as_bytes());
        prop_assert_eq!(whole.is_ok(), read.is_ok());
        if let Ok(mut package) = whole {
            let edit = Edit {
                text: vec![cms_model::Splice { offset, removed: vec![], inserted: b"config a\n".to_vec() }],
                ids: vec![cms_model::IdSplice { index, removed: vec![], inserted: vec![SectionId(99)] }],
            };
            let before = package.clone();
            if package.apply_edit(&edit).is_err() {
                same_bytes_and_ids(&package, &before);
            }
            let _ = Package::from_parts([BlockPart { text: text.into_bytes(), ids: vec![SectionId(1)] }]);
        }
    }
}

#[test]
fn a_draft_goes_back_to_its_savepoint() {
    let base = Package::parse(b"config rule\n\tlist p 1\n\nconfig rule lan\n").unwrap();
    let mut draft = Draft::new(base, 3);
    let named = |text: &str| Selector::Named(Name::new(text).unwrap());
    let option = Name::new("p").unwrap();
    let first = draft.display_name(SectionId(1)).unwrap();
    assert_eq!(first.as_str(), "cfg0192bd");
    let savepoint = draft.savepoint();
    assert!(draft.del_list(&named("cfg0192bd"), &option, b"1").unwrap().changed);
    assert_eq!(draft.get(&named("cfg0192bd"), Some(&option)), Some(Value::List(vec![])));
    draft.delete_section(&named("lan")).unwrap();
    let added = draft.add(&TypeName::new("rule").unwrap()).unwrap();
    assert_eq!(draft.display_name(added).unwrap().as_str(), "cfg0392bd");
    assert_eq!(draft.resolve(&named("cfg0392bd")), Some(added));
    draft.rollback_to(savepoint);
    assert_eq!(draft.package().text(), draft.base().text());
    assert!(draft.changes().is_empty());
    assert_eq!(draft.resolve(&named("cfg0392bd")), None);
    assert_eq!(draft.get(&named("cfg0192bd"), Some(&option)), Some(Value::list(["1"])));
}

//! What always holds of migrations: they can be taken back, taking them twice is taking them once, and nothing is lost.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use cms_model::schema::{Migration, SchemaVersion, Step, migrate, roll_back};
use cms_model::{Change, ChangeKind, Name, Package, PackageName, Value};
use proptest::prelude::*;

type Packages = BTreeMap<PackageName, Package>;

fn name(text: &str) -> PackageName {
    PackageName::new(text).unwrap()
}

const OPTIONS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const KINDS: [&str; 3] = ["t", "u", "v"];

/// Steps that can be taken any number of times: what they read they do not write.
const REPEATABLE: [&str; 20] = [
    "rename t.a b",
    "rename *.b c if a",
    "rename u.c d if !e",
    "rename-type t u",
    "rename-type v t if a=1",
    "retype t.a bool bool:yes,no",
    "retype *.b int:16 int:16",
    "retype t.c scalar:, list",
    "default t.a 1 0",
    "set u.f new",
    "set t.f new if a=1 and b!=2",
    "unset t.b 2",
    "map t.a 1=one 2=one",
    "split t.c by , into d e",
    "split *.d like ([a-z]+)([0-9]+) into e f",
    "merge t.a b with - into f",
    "drop u.a",
    "drop-section v if !c",
    "move t.e @w[0].e as w",
    "rename-section s0 renamed",
];

/// Such as count on the version.
const ONCE: [&str; 6] = [
    "retype *.a size:k size",
    "map t.a 1=2 2=1",
    "rename t.a b if c",
    "split t.a by , into a b",
    "merge t.b c with , into b",
    "move u.d other.*.d as copy",
];

/// Such as leave every value as it is.
const KEEPING: [&str; 9] = [
    "rename t.a b",
    "rename *.b c if a",
    "rename u.c d if !e",
    "rename-type t u",
    "set u.f new",
    "move t.e @w[0].e as w",
    "move u.d other.*.d as copy",
    "move *.a s1.b",
    "rename-section s0 s1",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("1"),
        Just("2"),
        Just("yes"),
        Just("off"),
        Just("0x1F"),
        Just("a,b"),
        Just("a1"),
        Just("new"),
        Just("x-y"),
        Just("7")
    ]
    .prop_map(str::to_owned)
}

prop_compose! {
    fn section()(
        kind in 0..3usize,
        named in any::<bool>(),
        options in prop::collection::btree_map(0..6usize, (value(), any::<bool>()), 0..5),
    ) -> Drawn {
        (kind, named, options)
    }
}

/// The number of a type, whether there is a name, and options with values that may be lists.
type Drawn = (usize, bool, BTreeMap<usize, (String, bool)>);

fn package(sections: &[Drawn]) -> Package {
    let mut text = String::from("# of the package\n\n");
    for (number, (kind, named, options)) in sections.iter().enumerate() {
        let own = if *named { format!(" 's{number}'") } else { String::new() };
        text += &format!("config {}{own}\n", KINDS[*kind]);
        for (option, (value, list)) in options {
            let option = OPTIONS[*option];
            match list {
                false => text += &format!("\toption {option} '{value}' # why\n"),
                true => text += &format!("\tlist {option} '{value}'\n\tlist {option} 'more'\n"),
            }
        }
        text += "\n";
    }
    Package::parse(text.as_bytes()).unwrap()
}

/// Packages that show themselves as text.
#[derive(Clone)]
struct Sample(Packages);

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, package) in &self.0 {
            writeln!(f, "package {name}\n{}", String::from_utf8_lossy(&package.text()))?;
        }
        Ok(())
    }
}

prop_compose! {
    fn packages()(one in prop::collection::vec(section(), 0..6), two in prop::collection::vec(section(), 0..3)) -> Sample {
        Sample(BTreeMap::from([(name("one"), package(&one)), (name("other"), package(&two))]))
    }
}

fn all() -> impl Strategy<Value = Vec<&'static str>> {
    let every: Vec<&'static str> = REPEATABLE.iter().chain(&ONCE).copied().collect();
    prop::collection::vec(prop::sample::select(every), 1..6)
}

fn read(steps: &[&str]) -> Vec<Step> {
    steps.iter().map(|text| Step::parse(text).unwrap()).collect()
}

/// What packages say: sections by id with type, name and options in the order of their names.
type Meaning = Vec<(String, u64, String, Option<String>, BTreeMap<String, Value>)>;

fn meaning(packages: &Packages) -> Meaning {
    let mut all = Vec::new();
    for (package, content) in packages {
        for section in content.sections() {
            let options =
                section.options().into_iter().map(|(name, value)| (name.to_string(), value)).collect();
            let own = section.name().map(str::to_owned);
            all.push((package.to_string(), section.id().0, section.kind().to_owned(), own, options));
        }
    }
    all.sort_by_key(|(package, id, ..)| (package.clone(), *id));
    all
}

fn after(before: &Packages, steps: &[Step], seed: u64) -> Packages {
    let mut packages = before.clone();
    for (name, done) in migrate(&[name("one")], before, steps, seed).packages {
        packages.insert(name, done.package);
    }
    packages
}

fn versions(steps: &[Step]) -> Vec<SchemaVersion> {
    let version = |steps: &[Step]| SchemaVersion {
        migration: Migration { steps: steps.to_vec(), ..Migration::default() },
        ..SchemaVersion::default()
    };
    let (first, second) = steps.split_at(steps.len() / 2);
    vec![version(first), version(second)]
}

fn back(now: &Packages, before: Option<&Packages>, steps: &[Step]) -> Packages {
    let mut packages = now.clone();
    for (name, done) in roll_back(&[name("one")], now, before, &versions(steps), 9).packages {
        packages.insert(name, done.package);
    }
    packages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_rollback_gives_back_every_byte(Sample(before) in packages(), steps in all()) {
        let steps = read(&steps);
        let now = after(&before, &steps, 5);
        let back = back(&now, Some(&before), &steps);
        for (name, package) in &before {
            prop_assert_eq!(String::from_utf8(back[name].text()).unwrap(), String::from_utf8(package.text()).unwrap());
        }
    }

    #[test]
    fn the_changes_lead_to_the_result(Sample(before) in packages(), steps in all()) {
        let steps = read(&steps);
        let done = migrate(&[name("one")], &before, &steps, 5);
        for (name, done) in done.packages {
            let mut package = before[&name].clone();
            for change in &done.changes {
                prop_assert_eq!(&package.apply(change).unwrap(), change);
            }
            prop_assert_eq!(package.text(), done.package.text());
        }
    }

    #[test]
    fn taking_it_twice_is_taking_it_once(Sample(before) in packages(), step in prop::sample::select(&REPEATABLE[..])) {
        let step = &read(&[step]);
        let once = after(&before, step, 5);
        let twice = after(&once, step, 6);
        prop_assert_eq!(meaning(&once), meaning(&twice));
    }

    #[test]
    fn what_changed_since_stays_and_the_rest_comes_back(Sample(before) in packages(), steps in all()) {
        let steps = read(&steps);
        // The new option is none that a step has heard of.
        let touch = |packages: &Packages| {
            let mut packages = packages.clone();
            for package in packages.values_mut() {
                let ids: Vec<_> = package.sections().map(|section| section.id()).collect();
                for section in ids {
                    let option = Name::new("own").unwrap();
                    let kind = ChangeKind::Set { option, old: None, new: Value::scalar("mine"), at: None };
                    package.apply(&Change { section, kind }).unwrap();
                }
            }
            packages
        };
        let now = touch(&after(&before, &steps, 5));
        let back = meaning(&back(&now, Some(&before), &steps));
        let wanted = meaning(&touch(&before));
        let is_old = |id: u64, package: &str| before[&name(package)].section(cms_model::SectionId(id)).is_some();
        let dropped = |id: u64, package: &str| now[&name(package)].section(cms_model::SectionId(id)).is_none();
        for (package, id, kind, own, mut options) in wanted {
            if dropped(id, &package) {
                options.remove("own");
            }
            let found = back.iter().find(|known| known.0 == package && known.1 == id);
            prop_assert_eq!(found, Some(&(package, id, kind, own, options)));
        }
        // A section that was made for a move is not deleted with what somebody wrote into it.
        for (package, id, _, _, options) in &back {
            prop_assert!(is_old(*id, package) || options.keys().eq(["own"]), "{options:?}");
        }
    }

    #[test]
    fn nothing_is_lost_but_what_is_dropped(Sample(before) in packages(), steps in prop::collection::vec(prop::sample::select(&KEEPING[..]), 1..6)) {
        let values = |packages: &Packages| {
            let sections = packages.values().flat_map(Package::sections);
            let mut all: Vec<Vec<u8>> =
                sections.flat_map(|section| section.options()).flat_map(|(_, value)| value.items().to_vec()).collect();
            all.sort();
            all.dedup();
            all
        };
        let (old, new) = (values(&before), values(&after(&before, &read(&steps), 5)));
        prop_assert!(old.iter().all(|value| new.contains(value)), "{old:?} {new:?}");
    }

    #[test]
    fn steps_and_forms_are_read_without_a_panic(text in "\\PC{0,40}", verb in prop::sample::select(&["rename ", "split ", "move ", "retype ", "map ", ""][..])) {
        let text = format!("{verb}{text}");
        if let Err(error) = Step::parse(&text) {
            prop_assert!(text.get(error.at.clone()).is_some(), "{error:?}");
        }
    }
}

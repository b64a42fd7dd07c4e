//! The dependency arrows between our crates: one way, toward the model.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Who may use whom. A crate that is not named here may not exist: decide first whose question it answers
/// (see ARCHITECTURE.md).
const MAY_USE: &[(&str, &[&str])] = &[
    ("cms-model", &[]),
    ("cms-derive", &[]),
    ("cms-segment", &["cms-derive"]),
    ("cms-log", &["cms-model"]),
    ("cms", &["cms-model", "cms-segment", "cms-log"]),
    ("cms-foreign", &["cms-model"]),
    ("cms-cli", &["cms", "cms-foreign"]),
    ("cms-capi", &["cms", "cms-segment"]),
    ("cms-python", &["cms"]),
    ("cms-testkit", &["cms-model", "cms-log", "cms"]),
];

/// Crates from elsewhere that one crate alone may name.
///
/// Two owners of SQLite in one process lose each other's file locks: whoever wants the log asks `cms-log`.
const ONE_OWNER: &[(&str, &str)] = &[("rusqlite", "cms-log")];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Normal,
    Dev,
}

type Arrows = BTreeSet<(String, Kind, String)>;

#[test]
fn arrows_point_toward_the_model() {
    assert_eq!(faults(&arrows()), Vec::<String>::new());
}

#[test]
fn a_wrong_arrow_is_found() {
    let check = |from: &str, kind, to: &str| faults(&Arrows::from([(from.into(), kind, to.into())]));
    assert_eq!(check("cms-model", Kind::Normal, "cms-log"), ["cms-model must not use cms-log"]);
    assert_eq!(check("cms-cli", Kind::Normal, "cms-log"), ["cms-cli must not use cms-log"]);
    assert_eq!(check("cms", Kind::Normal, "cms-testkit"), ["cms must not use cms-testkit"]);
    assert_eq!(check("cms-new", Kind::Normal, "cms"), ["cms-new is not in the table of crates"]);
    assert_eq!(check("cms", Kind::Normal, "rusqlite"), ["cms must not use rusqlite: cms-log owns it"]);
    assert_eq!(check("cms", Kind::Dev, "cms-testkit"), Vec::<String>::new());
    assert_eq!(check("cms-derive", Kind::Normal, "cms-segment"), ["cms-derive must not use cms-segment"]);
    assert_eq!(check("cms-log", Kind::Normal, "rusqlite"), Vec::<String>::new());
}

fn faults(arrows: &Arrows) -> Vec<String> {
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut faults = Vec::new();
    for (from, kind, to) in arrows {
        let Some(allowed) = may_use.get(from.as_str()) else {
            faults.push(format!("{from} is not in the table of crates"));
            continue;
        };
        let ours = to == "cms" || to.starts_with("cms-");
        // A crate that names itself asks for a feature of its own in its tests.
        let for_tests = *kind == Kind::Dev && (to == "cms-testkit" || to == from);
        if ours && !for_tests && !allowed.contains(&to.as_str()) {
            faults.push(format!("{from} must not use {to}"));
        }
        for (owned, owner) in ONE_OWNER {
            if to == owned && from != owner {
                faults.push(format!("{from} must not use {owned}: {owner} owns it"));
            }
        }
    }
    faults
}

/// Every arrow from a member of the workspace, from `cargo metadata`.
fn arrows() -> Arrows {
    let answer = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--locked"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .expect("cargo runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("cargo writes JSON");
    let mut arrows = Arrows::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let from = package["name"].as_str().expect("name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let kind = if dependency["kind"].as_str() == Some("dev") { Kind::Dev } else { Kind::Normal };
            arrows.insert((from.to_owned(), kind, dependency["name"].as_str().expect("name").to_owned()));
        }
    }
    assert!(arrows.len() > 10, "cargo metadata names no dependencies");
    arrows
}

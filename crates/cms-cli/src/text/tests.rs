//! The catalogues are complete, agree with each other, and hold every id that the code uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

#[test]
fn every_language_has_every_id_with_the_same_variables() {
    let english = variables(Language::English);
    for language in Language::ALL {
        let other = variables(language);
        let ids = |of: &BTreeMap<String, BTreeSet<String>>| of.keys().cloned().collect::<BTreeSet<_>>();
        let missing: Vec<_> = ids(&english).difference(&ids(&other)).cloned().collect();
        let extra: Vec<_> = ids(&other).difference(&ids(&english)).cloned().collect();
        assert!(missing.is_empty() && extra.is_empty(), "{language:?}: missing {missing:?}, extra {extra:?}");
        for (id, names) in &english {
            assert_eq!(names, &other[id], "variables of {id} in {language:?}");
        }
    }
}

#[test]
fn every_message_that_the_code_makes_is_in_the_catalogue_with_its_variables() {
    let catalogue = variables(Language::English);
    let mut seen = 0;
    for (path, source) in sources() {
        for call in calls(&source) {
            seen += 1;
            let Some(expected) = catalogue.get(&call.id) else {
                panic!("{path}: no message {}", call.id);
            };
            if let Some(given) = call.variables {
                assert_eq!(&given, expected, "{path}: variables of {}", call.id);
            }
        }
    }
    assert!(seen > 50, "the search for messages found only {seen}");
}

#[test]
fn every_verb_and_its_arguments_are_explained() {
    for verb in crate::verb::VERBS {
        for id in [format!("verb-{}", verb.name), format!("examples-{}", verb.name)] {
            assert!(text_if_any(&id).is_some(), "no message {id}");
        }
        let command = crate::arguments::command(verb, crate::arguments::Help::Wanted);
        for action in command.get_subcommands() {
            let about = action.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.contains(' '), "{} {}: {about:?}", verb.name, action.get_name());
        }
        let all = std::iter::once(&command).chain(command.get_subcommands());
        for argument in all.flat_map(clap::Command::get_arguments) {
            let id = argument.get_id().as_str();
            if id == "help" {
                continue;
            }
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(' '), "{} {id}: help is {help:?}", verb.name);
        }
    }
}

#[test]
fn no_message_is_without_use() {
    let sources: String = sources().into_iter().map(|(_, source)| source).collect();
    let prefixes =
        ["verb-", "examples-", "diagnostic-", "attempt-", "advice-", "code-", "action-", "explanation-"];
    for id in variables(Language::English).keys() {
        let used = sources.contains(&format!("\"{id}\"")) || prefixes.iter().any(|p| id.starts_with(p));
        assert!(used, "{id} is in the catalogue and nowhere else");
    }
}

#[test]
fn a_plural_follows_its_count() {
    let render =
        |count: usize| render_in(Language::English, "count-changes", &[("count", Argument::Count(count))]);
    assert_eq!(render(1).as_deref(), Some("1 change"));
    assert_eq!(render(2).as_deref(), Some("2 changes"));
}

#[test]
fn every_message_can_be_said_alone() {
    for language in Language::ALL {
        for (id, names) in variables(language) {
            let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
            let count = names.contains(&"count");
            let value = |name: &&str| {
                if count && *name == "count" {
                    Argument::Count(3)
                } else {
                    Argument::Text("VALUE".to_owned())
                }
            };
            let arguments: Vec<(&'static str, Argument)> =
                names.iter().map(|name| (*name, value(name))).collect();
            let said = render_in(language, &id, &arguments).unwrap_or_else(|| panic!("{language:?}: {id}"));
            assert!(!said.is_empty() && !said.contains("{$"), "{language:?} {id}: {said}");
            let all_said = names.iter().all(|name| *name == "count" || said.contains("VALUE"));
            assert!(all_said, "{language:?} {id}: {said}");
        }
    }
}

struct Call {
    id: String,
    /// `None` where the call has no variables of its own to compare (a help text).
    variables: Option<BTreeSet<String>>,
}

/// The uses of `msg!`, `help!` and `text` in a source, found by their shape.
fn calls(source: &str) -> Vec<Call> {
    let mut found = Vec::new();
    for (macro_name, has_variables) in [("msg!(", true), ("help!(", false), ("text(", false)] {
        for (start, _) in source.match_indices(macro_name) {
            let rest = source[start + macro_name.len()..].trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let Some((id, rest)) = rest.split_once('"') else { continue };
            let variables = has_variables.then(|| names_given(rest));
            found.push(Call { id: id.to_owned(), variables });
        }
    }
    found
}

/// `, name = value, other = value)`: the names at the call's own depth of brackets.
fn names_given(rest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut depth = 0;
    let mut part = String::new();
    let mut in_string = false;
    for c in rest.chars() {
        match c {
            '"' => in_string = !in_string,
            _ if in_string => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => part.clear(),
            '=' if depth == 0 => {
                let name = part.trim();
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    names.insert(name.to_owned());
                }
                part.clear();
            }
            _ if depth == 0 => part.push(c),
            _ => {}
        }
    }
    names
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "uci" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().unwrap() != "tests.rs" {
                let source = std::fs::read_to_string(&path).unwrap();
                // An example in a comment, or the macro's own definition, is no message.
                let code: Vec<&str> =
                    source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                if path.file_name().unwrap() != "text.rs" {
                    found.push((path.display().to_string(), code.join("\n")));
                }
            }
        }
    }
    found
}

/// Each message of a catalogue with the variables that it uses.
fn variables(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    if let Err((_, errors)) = FluentResource::try_new(language.catalogue().to_owned()) {
        panic!("{language:?}: {errors:?}");
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in language.catalogue().lines() {
        if line.starts_with('#') {
            continue;
        }
        if line.starts_with(|c: char| c.is_ascii_alphabetic())
            && let Some((id, _)) = line.split_once(" =")
        {
            current = id.to_owned();
            assert!(found.insert(current.clone(), BTreeSet::new()).is_none(), "{language:?}: {id} twice");
        }
        for (start, _) in line.match_indices("{ $") {
            let name: String =
                line[start + 3..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            found.get_mut(&current).unwrap().insert(name);
        }
    }
    found
}

//! What schemas have names for: modules, the packages that they are for, types, options, and the codes of findings.

use std::ffi::OsStr;
use std::sync::Arc;

use clap_complete::engine::CompletionCandidate;
use cms::Modules;
use cms::model::schema::{Code, Field, Module};

use crate::report;
use crate::section_type;

/// Modules, those with faults too: they can be shown and removed.
pub(super) fn modules(typed: &OsStr) -> Vec<CompletionCandidate> {
    let all = Modules::from_env().list().unwrap_or_default();
    candidates(typed, all.into_iter().map(|module| module.name))
}

/// Packages that there is a schema for.
pub(super) fn packages(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, all_packages(&read()))
}

/// `PACKAGE.TYPE.OPTION`, one part further.
pub(super) fn keys(typed: &OsStr) -> Vec<CompletionCandidate> {
    let modules = read();
    let Some((package, rest)) = typed.to_str().and_then(|typed| typed.split_once('.')) else {
        return candidates(typed, all_packages(&modules).into_iter().map(|package| format!("{package}.")));
    };
    let governing = || modules.iter().filter(|module| module.governs(package));
    match rest.rsplit_once('.') {
        None => {
            let types = governing().flat_map(|module| section_type::of(module));
            candidates(typed, types.map(|shape| format!("{package}.{}.", section_type::kind(shape))))
        }
        Some((kind, _)) => {
            let options = governing().filter_map(|module| {
                let shape = module.section_type(kind).or(module.undeclared())?;
                Some(module.fields_of(shape).map(Field::name))
            });
            candidates(typed, options.flatten().map(|option| format!("{package}.{kind}.{option}")))
        }
    }
}

/// Codes of findings, each with what it says.
pub(super) fn codes(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy().to_ascii_lowercase();
    let found = Code::all().filter(|code| code.id.to_ascii_lowercase().starts_with(&typed));
    let titled = |code: &Code| report::title(code.id).unwrap_or_else(|| code.title.to_owned());
    found.map(|code| CompletionCandidate::new(code.id).help(Some(titled(code).into()))).collect()
}

fn read() -> Vec<Arc<Module>> {
    let all = Modules::from_env().list().unwrap_or_default();
    all.into_iter().filter_map(|registered| registered.module.ok()).collect()
}

fn all_packages(modules: &[Arc<Module>]) -> Vec<String> {
    let mut names: Vec<String> =
        modules.iter().flat_map(|module| module.settings().packages.iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn candidates(typed: &OsStr, names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    names.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

//! What the shell offers on TAB. The only place that knows the completion library, whose interface is
//! not yet stable.

mod schema_names;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Command;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter, complete,
};
use cms::model::{Draft, PackageName, Selector};
use cms::{Dirs, Location, Options, Store};

use crate::address::Addresses;
use crate::arguments::{self, Help};
use crate::globals::DEFAULT_CONFIG;
use crate::verb::VERBS;

/// Where the keys come from that are offered.
#[derive(Clone)]
pub(crate) enum Keys {
    /// The store of a configuration directory, which is opened when somebody asks.
    Of(PathBuf),
    /// A store that is open, and the packages that its transaction has changed.
    Open(Store, Arc<BTreeMap<PackageName, Draft>>),
}

impl Keys {
    /// The store of `-c DIR` among the words that are complete.
    pub(crate) fn of_words(words: &[OsString]) -> Keys {
        let place = words.iter().position(|word| word == "-c" || word == "--config");
        let folder = place.and_then(|place| words.get(place + 1));
        Keys::Of(folder.map_or_else(|| PathBuf::from(DEFAULT_CONFIG), PathBuf::from))
    }

    fn store(&self) -> Option<Store> {
        match self {
            Keys::Open(store, _) => Some(store.clone()),
            Keys::Of(config) => {
                let location = Location::find(config, &Dirs::from_env()).ok()?;
                // Pressing TAB makes nothing: no log where there is none.
                Store::open(&location, Options { create: false, ..Options::from_env().ok()? }).ok()
            }
        }
    }

    fn draft(&self, name: &PackageName) -> Option<Draft> {
        if let Keys::Open(_, drafts) = self
            && let Some(draft) = drafts.get(name)
        {
            return Some(draft.clone());
        }
        let (store, names) = (self.store()?, std::slice::from_ref(name));
        if store.has_log() {
            return store.stage_to_read(Some(names)).ok()?.draft(name).ok().cloned();
        }
        Some(Draft::new((*store.snapshot_of(Some(names)).ok()?.package(name).ok()?).clone(), 0))
    }
}

/// The candidates for the last of the words behind the program's name, one a line, with an explanation
/// behind a tab where there is one.
pub(crate) fn candidates(words: Vec<OsString>, keys: &Keys) -> Vec<String> {
    let mut tree = Command::new("cms").disable_help_subcommand(true).disable_help_flag(true);
    for verb in VERBS.iter().filter(|verb| !verb.hidden) {
        let command = arguments::command(verb, Help::Wanted).name(verb.name).aliases(verb.aliases);
        tree = tree.subcommand(with_completers(command, verb.name, keys));
    }
    let mut all = vec![OsString::from("cms")];
    all.extend(words);
    let last = all.len() - 1;
    let found = complete(&mut tree, all, last, None).unwrap_or_default();
    found.iter().map(line).collect()
}

/// Has the arguments of a verb and of its actions offer what there is.
fn with_completers(mut command: Command, verb: &'static str, keys: &Keys) -> Command {
    for name in ["key", "words", "package", "names"] {
        let keys = keys.clone();
        let shape = Shape::of(verb);
        command = completed(command, name, move |typed| match verb {
            "explain" => schema_names::codes(typed).into_iter().chain(offered(typed, shape, &keys)).collect(),
            _ => offered(typed, shape, &keys),
        });
    }
    command = completed(command, "module", schema_names::modules);
    command = completed(command, "schema-package", schema_names::packages);
    command = completed(command, "schema-key", schema_names::keys);
    for name in ["files", "document"] {
        command = completed(command, name, |typed| PathCompleter::file().complete(typed));
    }
    let actions: Vec<String> = command.get_subcommands().map(|action| action.get_name().to_owned()).collect();
    actions.into_iter().fold(command, |command, action| {
        command.mut_subcommand(action, |action| with_completers(action, verb, keys))
    })
}

/// Has an argument, if there is one of that name, offer what a function finds.
fn completed(
    command: Command,
    name: &'static str,
    find: impl Fn(&OsStr) -> Vec<CompletionCandidate> + Send + Sync + 'static,
) -> Command {
    if !command.get_arguments().any(|argument| argument.get_id() == name) {
        return command;
    }
    command.mut_arg(name, |argument| argument.add(ArgValueCompleter::new(find)))
}

fn line(candidate: &CompletionCandidate) -> String {
    let value = candidate.get_value().to_string_lossy();
    match candidate.get_help() {
        Some(help) => format!("{value}\t{}", help.to_string().lines().next().unwrap_or_default()),
        None => value.into_owned(),
    }
}

/// How far a key goes that a verb takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Package,
    Section,
    Option,
    /// An option, and `=` behind it.
    Assignment,
    /// A section, and `=` behind it.
    SectionAssignment,
}

impl Shape {
    fn of(verb: &str) -> Shape {
        match verb {
            "add" | "changes" | "commit" | "export" | "import" | "schema" | "validate" => Shape::Package,
            "list" => Shape::Section,
            "set" | "add_list" | "del_list" | "rename" => Shape::Assignment,
            "reorder" => Shape::SectionAssignment,
            _ => Shape::Option,
        }
    }
}

/// Keys that begin with what is typed, one part further.
fn offered(typed: &OsStr, shape: Shape, keys: &Keys) -> Vec<CompletionCandidate> {
    // What has a slash is a file to those verbs that take one.
    if typed.as_encoded_bytes().contains(&b'/') {
        return PathCompleter::file().complete(typed);
    }
    let Some(typed) = typed.to_str().filter(|typed| !typed.contains('=')) else { return Vec::new() };
    find(typed, shape, keys).unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}

/// What there is; `None` when it cannot be known. A completion has no place for an error.
fn find(typed: &str, shape: Shape, keys: &Keys) -> Option<Vec<String>> {
    let Some((package, rest)) = typed.split_once('.') else {
        let end = if shape == Shape::Package { "" } else { "." };
        let snapshot = keys.store()?.snapshot().ok()?;
        let names = snapshot.packages().filter(|name| name.starts_with(typed));
        return Some(names.map(|name| format!("{name}{end}")).collect());
    };
    let draft = keys.draft(&PackageName::new(package).ok()?)?;
    let Some((section, option)) = rest.split_once('.') else {
        return Some(sections(&draft, package, rest, shape));
    };
    let id = draft.resolve(&Selector::parse(section).ok()?)?;
    let end = if shape == Shape::Assignment { "=" } else { "" };
    let options = draft.options(id).into_iter().filter(|(name, _)| name.starts_with(option));
    Some(options.map(|(name, _)| format!("{package}.{section}.{name}{end}")).collect())
}

fn sections(draft: &Draft, package: &str, typed: &str, shape: Shape) -> Vec<String> {
    let end = match shape {
        Shape::Option | Shape::Assignment => ".",
        Shape::SectionAssignment => "=",
        Shape::Package | Shape::Section => "",
    };
    let mut addresses = Addresses::new(draft, false);
    let all = draft.package().sections().map(|section| addresses.next(section));
    all.filter(|address| address.starts_with(typed))
        .map(|address| format!("{package}.{address}{end}"))
        .collect()
}

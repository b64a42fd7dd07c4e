//! `validate`: checks packages, and files that are yet to be packages, against the schemas that are for them.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::schema::Lookup;
use cms::model::{Diagnostic, Package, PackageName, ReadError, Severity};
use cms::{Snapshot, Store, Warning};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::keys;
use crate::report;
use crate::session::{Session, View};
use crate::text::msg;

pub(super) const VERB: Verb =
    Verb { name: "validate", aliases: &[], uci: false, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("names")
                .value_name("PACKAGE|FILE")
                .num_args(0..)
                .value_parser(clap::value_parser!(OsString))
                .help(help!("validate-names", help)),
        )
        .arg(Arg::new("as").long("as").value_name("PACKAGE").help(help!("validate-as", help)))
        .arg(super::at(help))
        .arg(
            Arg::new("limit")
                .long("limit")
                .short('l')
                .value_name("N")
                .value_parser(clap::value_parser!(usize))
                .help(help!("validate-limit", help)),
        )
        .arg(
            Arg::new("deny-warnings")
                .long("deny-warnings")
                .action(ArgAction::SetTrue)
                .help(help!("validate-deny-warnings", help)),
        )
}

/// What is checked: as which package, from where.
struct Item {
    name: PackageName,
    file: String,
    package: Arc<Package>,
    /// The modules that are for it.
    modules: Vec<String>,
}

/// The packages as they will be: what is checked and what is staged, over what is committed.
struct Seen {
    snapshot: Snapshot,
    own: HashMap<String, Arc<Package>>,
}

impl Lookup for Seen {
    fn package(&self, name: &str) -> Option<Arc<Package>> {
        self.own.get(name).cloned().or_else(|| Lookup::package(&self.snapshot, name))
    }
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let words: Vec<&OsString> = matches.get_many("names").into_iter().flatten().collect();
    let (files, names): (Vec<&OsString>, Vec<&OsString>) = words.into_iter().partition(|word| is_file(word));
    let known_as = super::text_of(matches, "as").map(|name| keys::package(name.as_ref())).transpose()?;
    if known_as.is_some() && files.len() != 1 {
        return Err(Failure::usage(msg!("validate-as-one")));
    }
    let names = names.into_iter().map(|name| keys::package(name)).collect::<Result<Vec<_>, _>>()?;
    let mut view = look(session, super::text_of(matches, "at"), &names, &files)?;
    let mut found = Vec::new();
    let mut items = read_packages(&mut view, names, files.is_empty(), &mut found, session)?;
    for file in files {
        match read_file(file, known_as.as_ref()) {
            Ok((name, package)) => {
                let (file, package) = (file.to_string_lossy().into_owned(), Arc::new(package));
                items.push(Item { name, file, package, modules: Vec::new() });
            }
            Err(Unread::Faults(faults)) => found.extend(faults),
            Err(Unread::Failure(failure)) => session.tell(&failure),
        }
    }
    let seen = seen(&mut view, &items);
    let store = session.store()?;
    for item in &mut items {
        check(&store, &seen, item, &mut found)?;
    }
    report(&items, &found, matches, session)
}

/// What has a slash is a file: no package has one in its name.
pub(super) fn is_file(word: &OsStr) -> bool {
    word.as_encoded_bytes().contains(&b'/')
}

/// The state to check in. Files can be checked where there is no configuration at all, as on the machine where they are written.
fn look(
    session: &mut Session,
    at: Option<&str>,
    names: &[PackageName],
    files: &[&OsString],
) -> Result<View, Failure> {
    let folder = files.first().filter(|_| names.is_empty()).and_then(|file| Path::new(file).parent());
    if let Some(folder) = folder.filter(|_| !session.globals.config.exists()) {
        session.globals.config = PathBuf::from(folder);
        session.leaves_nothing = true;
    }
    session.look(None, at)
}

/// The packages of the store that are named, or all.
fn read_packages(
    view: &mut View,
    names: Vec<PackageName>,
    all: bool,
    found: &mut Vec<Diagnostic>,
    session: &mut Session,
) -> Result<Vec<Item>, Failure> {
    let is_all = names.is_empty() && all;
    let names = if is_all { view.packages() } else { names };
    let mut items = Vec::new();
    for name in names {
        // What does not parse is a fault of its own; the state from before is nothing to speak of.
        if let Some(faults) = unparsable(view.snapshot(), &name) {
            found.extend(faults.iter().cloned());
            continue;
        }
        let package = match view.draft(&name) {
            Ok(draft) => Arc::new(draft.package().clone()),
            Err(failure) if is_all => {
                session.tell(&failure);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let file = session.globals.config.join(name.as_str()).display().to_string();
        items.push(Item { name, file, package, modules: Vec::new() });
    }
    Ok(items)
}

fn unparsable<'a>(snapshot: &'a Snapshot, name: &PackageName) -> Option<&'a [Diagnostic]> {
    snapshot.warnings().iter().find_map(|warning| match warning {
        Warning::Unparsable { package, diagnostics } if package == name => Some(diagnostics.as_slice()),
        _ => None,
    })
}

/// Why a file is not checked.
pub(super) enum Unread {
    /// It does not parse.
    Faults(Vec<Diagnostic>),
    Failure(Failure),
}

/// Reads a file as the package of its own name, or of another.
pub(super) fn read_file(
    file: &OsStr,
    known_as: Option<&PackageName>,
) -> Result<(PackageName, Package), Unread> {
    let path = Path::new(file);
    let name = match known_as {
        Some(name) => Ok(name.clone()),
        None => keys::package(path.file_name().unwrap_or_default()),
    };
    let name = name.map_err(Unread::Failure)?;
    let input = std::fs::File::open(path).map_err(|error| Unread::Failure(Failure::file(path, &error)))?;
    match Package::read(input) {
        Ok(package) => Ok((name, package)),
        Err(ReadError::Parse(faults)) => {
            let place = path.display().to_string();
            Err(Unread::Faults(faults.into_iter().map(|fault| fault.in_file(place.clone())).collect()))
        }
        Err(ReadError::Io(error)) => Err(Unread::Failure(Failure::file(path, &error))),
    }
}

/// The packages that references are followed in.
fn seen(view: &mut View, items: &[Item]) -> Seen {
    let mut own = HashMap::new();
    for name in view.changed() {
        if let Ok(draft) = view.draft(&name) {
            own.insert(name.to_string(), Arc::new(draft.package().clone()));
        }
    }
    own.extend(items.iter().map(|item| (item.name.to_string(), item.package.clone())));
    Seen { snapshot: view.snapshot().clone(), own }
}

fn check(store: &Store, seen: &Seen, item: &mut Item, found: &mut Vec<Diagnostic>) -> Result<(), Failure> {
    let schemas = store.schemas_of(&item.name, Some(&item.package))?;
    item.modules = schemas.of(item.name.as_str()).map(|module| module.name().to_owned()).collect();
    for finding in store.validate_packages(seen, &[(item.name.clone(), item.package.clone())])? {
        // A schema with faults is one finding, however many packages it is for.
        if finding.code.starts_with("CMS02") && found.contains(&finding) {
            continue;
        }
        let is_here = finding.file.as_deref() == Some(item.name.as_str());
        found.push(if is_here { finding.in_file(item.file.clone()) } else { finding });
    }
    Ok(())
}

fn report(
    items: &[Item],
    found: &[Diagnostic],
    matches: &ArgMatches,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let errors = found.iter().filter(|found| found.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(usize::MAX);
    if session.globals.json {
        let checked: Vec<_> = items
            .iter()
            .map(|item| json!({ "package": item.name.as_str(), "file": item.file, "modules": item.modules }))
            .collect();
        let answer = json!({
            "checked": checked,
            "errors": errors,
            "warnings": warnings,
            "findings": found.iter().take(limit).map(report::to_json).collect::<Vec<_>>(),
        });
        session.output.line(Json::answer("validate", answer).to_string())?;
    } else {
        if !found.is_empty() {
            session.output.page();
            let drawn = report::render_all(found, Some(limit), session.output.paint);
            session.output.line(drawn)?;
        }
        let unknown = items.iter().filter(|item| item.modules.is_empty());
        let unknown: Vec<&str> = unknown.map(|item| item.name.as_str()).collect();
        if !unknown.is_empty() {
            session.output.say(&msg!("validate-no-schema", packages = unknown.join(", ")));
        }
        session.output.say(&msg!(
            "validate-done",
            packages = msg!("count-packages", count = items.len()).to_string(),
            errors = msg!("count-errors", count = errors).to_string(),
            warnings = msg!("count-warnings", count = warnings).to_string()
        ));
        if let Some(first) = found.first() {
            session.output.advise(&msg!("explain-hint", code = first.code));
        }
    }
    let is_bad = errors > 0 || (warnings > 0 && matches.get_flag("deny-warnings"));
    Ok(if is_bad { Exit::Invalid } else { session.exit })
}

//! The commands.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use cms::model::{DeltaLine, DeltaOperation, Name, TypeName};

use super::address::{Address, SectionRef, leading_number, parse_place};
use super::failure::Failure;
use super::files::{self, Locked};
use super::options::Options;
use super::package::Package;
use super::show::Printer;
use super::{Session, batch, import, staging, text, usage};

/// Runs a command.
pub fn run(session: &mut Session<'_>, words: &[Vec<u8>]) -> Result<(), Failure> {
    let Some((verb, words)) = words.split_first() else { return Err(Failure::Usage) };
    let verb = verb.to_ascii_lowercase();
    match (&verb[..], words) {
        (b"batch", _) if !session.in_batch => batch::run(session),
        (b"help", _) => {
            usage(session.program);
            Ok(())
        }
        (b"import", []) => import::run(session, None),
        (b"import", [name]) => import::run(session, Some(name)),
        (b"add", [package, kind]) => add(session, package, kind).map_err(Failure::numbered),
        (b"show", words @ ([] | [_])) => on_packages(session, &verb, words, show),
        (b"export", words @ ([] | [_])) => on_packages(session, &verb, words, export),
        (b"changes", words @ ([] | [_])) => on_packages(session, &verb, words, changes),
        (b"commit", words @ ([] | [_])) => on_packages(session, &verb, words, commit),
        (b"get", [word]) => get(session, word),
        (b"revert", [word]) => revert(session, word),
        (b"set", [word]) => change(session, word, set),
        (b"add_list", [word]) => change(session, word, add_list),
        (b"del_list", [word]) => change(session, word, del_list),
        (b"delete" | b"del", [word]) => change(session, word, delete),
        (b"rename" | b"ren", [word]) => change(session, word, rename),
        (b"reorder", [word]) => change(session, word, reorder),
        _ => Err(Failure::Usage),
    }
}

/// A package with its staged changes applied.
pub struct Loaded {
    /// The state to work on.
    pub package: Package,
    name: String,
    path: PathBuf,
    /// Whether it lies in the configuration folder, so that changes are staged.
    staged: bool,
    lines: Vec<DeltaLine>,
}

impl Loaded {
    /// Loads a package by its name, or by the path of its file.
    pub fn read(options: &Options, name: &[u8]) -> Result<Loaded, Failure> {
        let staged = match name {
            [b'.', b'/', ..] | [b'/', ..] => false,
            [b'.', ..] => return Err(Failure::NotFound),
            _ => true,
        };
        let path =
            if staged { Loaded::config_path(options, name) } else { PathBuf::from(OsStr::from_bytes(name)) };
        let text = files::read(&path)?;
        let name = if staged { name } else { name.rsplit(|byte| *byte == b'/').next().unwrap_or_default() };
        let valid = TypeName::is_valid(name);
        let name = String::from_utf8(name.to_vec()).ok().filter(|_| valid).ok_or(Failure::Invalid)?;
        let mut package = text::load(&text, options.lenient)?;
        let lines = if staged { staging::read(options, &name, false)?.lines } else { Vec::new() };
        staging::apply(&mut package, &lines);
        Ok(Loaded { package, name, path, staged, lines })
    }

    /// Returns where the file of a package is, or would be made.
    pub fn config_path(options: &Options, name: &[u8]) -> PathBuf {
        let name = OsStr::from_bytes(name);
        let overriding = options.override_dir.as_ref().map(|dir| dir.join(name));
        match overriding.filter(|path| path.exists()) {
            Some(path) => path,
            None => options.config_dir.join(name),
        }
    }

    /// Stages changes, or writes them at once to a file outside the configuration folder.
    pub fn save(&self, options: &Options, changes: &[DeltaLine]) -> Result<(), Failure> {
        if self.staged {
            return staging::append(options, &self.name, &self.path, changes);
        }
        let mut file = Locked::open(&self.path)?;
        let mut package = text::load(&file.read()?, options.lenient)?;
        staging::apply(&mut package, changes);
        replace(&mut file, &package, options)
    }

    fn commit(&self, options: &Options) -> Result<(), Failure> {
        if !self.staged {
            return self.save(options, &[]);
        }
        let mut file = Locked::open(&self.path)?;
        let mut package = text::load(&file.read()?, options.lenient)?;
        let staged = staging::read(options, &self.name, true)?;
        if staging::apply(&mut package, &staged.lines) == 0 {
            return Ok(());
        }
        replace(&mut file, &package, options)?;
        // Only now that the new file is durable.
        staged.file.map_or(Ok(()), |mut file| file.clear())
    }
}

fn replace(file: &mut Locked, package: &Package, options: &Options) -> Result<(), Failure> {
    let mut text = Vec::new();
    text::write(&mut text, package, None, options.export_names).map_err(|_| Failure::Io)?;
    file.replace(&text)
}

/// What an address points at in a loaded package.
struct Target {
    loaded: Loaded,
    address: Address,
    /// The name of the section; as it was typed if there is no such section.
    name: Vec<u8>,
    /// The place of the section.
    at: Option<usize>,
    /// Whether all that was named exists.
    complete: bool,
}

impl Target {
    fn find(options: &Options, word: &[u8]) -> Result<Target, Failure> {
        let address = Address::parse(word)?;
        let loaded = Loaded::read(options, &address.package)?;
        let package = &loaded.package;
        let (mut name, at) = match &address.section {
            None => (Vec::new(), None),
            Some(SectionRef::Name(name)) => (name.clone(), package.find(name)),
            Some(SectionRef::Extended(text)) => {
                let (kind, index) = parse_place(text)?;
                (text.clone(), package.nth(kind, index))
            }
        };
        if let Some(at) = at {
            name.clone_from(&package.section(at).name);
        }
        let option_found = match (&address.option, at) {
            (Some(option), Some(at)) => package.section(at).option(option).is_some(),
            (option, _) => option.is_none(),
        };
        let complete = (address.section.is_none() || at.is_some()) && option_found;
        Ok(Target { address, name, at, complete, loaded })
    }

    fn option(&self) -> Option<&[u8]> {
        self.address.option.as_deref()
    }

    fn value(&self) -> Result<&[u8], Failure> {
        self.address.value.as_deref().ok_or(Failure::Invalid)
    }

    fn section(&self) -> Result<usize, Failure> {
        self.at.ok_or(Failure::Invalid)
    }

    /// Makes the line that stages a change to this target.
    fn line(&self, operation: DeltaOperation, value: Option<&[u8]>) -> Result<DeltaLine, Failure> {
        let section = Name::try_from(&self.name[..]).map_err(|_| Failure::NotFound)?;
        let option = self.option().map(Name::try_from).transpose().map_err(|_| Failure::Invalid)?;
        Ok(DeltaLine { operation, section, option, value: value.map(<[u8]>::to_vec) })
    }
}

fn printed(result: std::io::Result<()>) -> Result<(), Failure> {
    // The end of the run flushes once more and tells.
    result.map_err(|_| Failure::Silent)
}

// ---- commands on packages

type OnPackage = fn(&mut Session<'_>, Target) -> Result<(), Failure>;

/// Runs a command on the package named, or on each one of the configuration folder.
fn on_packages(
    session: &mut Session<'_>,
    verb: &[u8],
    words: &[Vec<u8>],
    command: OnPackage,
) -> Result<(), Failure> {
    if let [word] = words {
        let target = Target::find(&session.options, word)?;
        return command(session, target);
    }
    let mut result = Ok(());
    for name in list_packages(&session.options.config_dir)? {
        let done = Target::find(&session.options, &name).and_then(|target| command(session, target));
        if let Err(failure) = done {
            // The others go on. To the reference, the run counts as done; but who asked for a commit
            // must learn that files could not be written.
            if matches!((verb, &failure), (b"commit", Failure::Io)) {
                result = Err(Failure::Silent);
            }
            session.report(failure);
        }
    }
    result
}

/// Lists the packages of a folder in byte order. A folder without any file is as bad as none.
fn list_packages(dir: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let mut empty = true;
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|_| Failure::NotFound)? {
        let entry = entry.map_err(|_| Failure::Io)?;
        let name = entry.file_name().into_vec();
        if name.starts_with(b".") {
            continue;
        }
        empty = false;
        let valid = TypeName::is_valid(&name) && !name.contains(&b'.');
        // A link to nowhere is listed, so that its failure is seen.
        if valid && fs::metadata(entry.path()).map_or(true, |metadata| metadata.is_file()) {
            names.push(name);
        }
    }
    if empty {
        return Err(Failure::NotFound);
    }
    names.sort_unstable();
    Ok(names)
}

fn show(session: &mut Session<'_>, target: Target) -> Result<(), Failure> {
    if !target.complete {
        return Err(Failure::NotFound);
    }
    let Loaded { package, name, .. } = &target.loaded;
    let mut printer = Printer { out: &mut session.out, delimiter: &session.options.delimiter };
    printed(match (target.at.map(|at| package.section(at)), target.option()) {
        (None, _) => printer.package(name, package, session.options.extended),
        (Some(section), None) => printer.section(name, section),
        (Some(section), Some(option)) => match section.option(option) {
            Some(value) => printer.option(name, &section.name, option, value),
            None => return Err(Failure::NotFound),
        },
    })
}

fn export(session: &mut Session<'_>, target: Target) -> Result<(), Failure> {
    let Loaded { package, name, .. } = &target.loaded;
    printed(text::write(&mut session.out, package, Some(name), session.options.export_names))
}

fn changes(session: &mut Session<'_>, target: Target) -> Result<(), Failure> {
    let Loaded { name, lines, .. } = &target.loaded;
    let mut printer = Printer { out: &mut session.out, delimiter: &session.options.delimiter };
    printed(lines.iter().try_for_each(|line| printer.change(name, line)))
}

fn commit(session: &mut Session<'_>, target: Target) -> Result<(), Failure> {
    if session.options.no_commit { Ok(()) } else { target.loaded.commit(&session.options) }
}

// ---- commands on sections and options

fn get(session: &mut Session<'_>, word: &[u8]) -> Result<(), Failure> {
    let target = Target::find(&session.options, word)?;
    if target.address.value.is_some() {
        return Err(Failure::Silent);
    }
    if !target.complete {
        return Err(Failure::NotFound);
    }
    let Some(section) = target.at.map(|at| target.loaded.package.section(at)) else { return Ok(()) };
    let mut printer = Printer { out: &mut session.out, delimiter: &session.options.delimiter };
    printed(match target.option() {
        None => printer.value(&cms::model::Value::scalar(&section.kind[..]), false),
        Some(option) => match section.option(option) {
            Some(value) => printer.value(value, false),
            None => return Err(Failure::NotFound),
        },
    })
}

fn revert(session: &mut Session<'_>, word: &[u8]) -> Result<(), Failure> {
    let target = Target::find(&session.options, word)?;
    if target.address.value.is_some() {
        return Err(Failure::Silent);
    }
    if !target.loaded.staged {
        return Ok(());
    }
    let section = target.address.section.as_ref().map(|_| &target.name[..]);
    staging::revert(&session.options, &target.loaded.name, section, target.option())
}

fn add(session: &mut Session<'_>, package: &[u8], kind: &[u8]) -> Result<(), Failure> {
    let mut loaded = Loaded::read(&session.options, package)?;
    if !TypeName::is_valid(kind) {
        // The reference makes a section here that can never be loaded.
        return Err(Failure::Invalid);
    }
    let at = loaded.package.create(kind, None);
    let name = loaded.package.section(at).name.clone();
    let section = Name::try_from(&name[..]).map_err(|_| Failure::Invalid)?;
    let line =
        DeltaLine { operation: DeltaOperation::Add, section, option: None, value: Some(kind.to_vec()) };
    loaded.save(&session.options, &[line])?;
    let mut printer = Printer { out: &mut session.out, delimiter: b"" };
    printed(printer.value(&cms::model::Value::Scalar(name), false))
}

/// Finds out what a command changes, and stages it. Nothing is staged where nothing changes.
fn change(
    session: &mut Session<'_>,
    word: &[u8],
    command: fn(&mut Target) -> Result<Option<DeltaLine>, Failure>,
) -> Result<(), Failure> {
    let mut target = Target::find(&session.options, word)?;
    match command(&mut target)? {
        Some(line) => target.loaded.save(&session.options, &[line]),
        None => Ok(()),
    }
}

fn set(target: &mut Target) -> Result<Option<DeltaLine>, Failure> {
    let value = target.value()?.to_vec();
    if target.at.is_none() && (target.address.option.is_some() || target.address.section.is_none()) {
        return Err(Failure::Invalid);
    }
    if value.is_empty() {
        return if target.complete { delete_whole(target) } else { Ok(None) };
    }
    let line = target.line(DeltaOperation::Set, Some(&value));
    let changed = match (&target.address.option, target.at) {
        (Some(option), Some(at)) => target.loaded.package.section_mut(at).set(option, &value),
        _ => target.loaded.package.set_type(&target.name, &value, false)?,
    };
    if changed { line.map(Some) } else { Ok(None) }
}

fn add_list(target: &mut Target) -> Result<Option<DeltaLine>, Failure> {
    target.section()?;
    target.option().ok_or(Failure::Invalid)?;
    target.line(DeltaOperation::AddList, Some(target.value()?)).map(Some)
}

fn del_list(target: &mut Target) -> Result<Option<DeltaLine>, Failure> {
    let at = target.section()?;
    let value = target.value()?;
    let list = target.option().and_then(|option| target.loaded.package.section(at).option(option));
    match list {
        Some(list) if list.is_list() => target.line(DeltaOperation::DelList, Some(value)).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn delete(target: &mut Target) -> Result<Option<DeltaLine>, Failure> {
    let index = match target.address.value.as_deref() {
        None | Some(b"") => None,
        Some(value) => match leading_number(value) {
            Some((index, b"")) => Some((index, value.to_vec())),
            Some(_) | None => return Err(Failure::Silent),
        },
    };
    if !target.complete {
        return Err(Failure::NotFound);
    }
    let at = target.section()?;
    let list = target.option().and_then(|option| target.loaded.package.section(at).option(option));
    match (index, list) {
        (Some((index, value)), Some(list)) if list.is_list() => {
            let exists = usize::try_from(index).is_ok_and(|index| index < list.items().len());
            if exists { target.line(DeltaOperation::Delete, Some(&value)).map(Some) } else { Ok(None) }
        }
        // A number behind a section means nothing; the reference deletes the section all the same.
        (Some(_), None) => Err(Failure::Invalid),
        _ => delete_whole(target),
    }
}

fn delete_whole(target: &Target) -> Result<Option<DeltaLine>, Failure> {
    target.section()?;
    target.line(DeltaOperation::Delete, None).map(Some)
}

fn rename(target: &mut Target) -> Result<Option<DeltaLine>, Failure> {
    if !target.complete {
        return Err(Failure::NotFound);
    }
    let at = target.section()?;
    let new = target.value()?.to_vec();
    let option = target.address.option.clone();
    staging::rename(&mut target.loaded.package, at, option.as_deref(), &new)?;
    target.line(DeltaOperation::Rename, Some(&new)).map(Some)
}

fn reorder(target: &mut Target) -> Result<Option<DeltaLine>, Failure> {
    let (Some(at), Some(value)) = (target.at, target.address.value.clone()) else {
        return Err(Failure::NotFound);
    };
    let Some((position, b"")) = leading_number(&value) else { return Err(Failure::Invalid) };
    let Ok(section) = Name::try_from(&target.name[..]) else { return Err(Failure::NotFound) };
    let moved = target.loaded.package.reorder(at, position);
    let value = Some(position.to_string().into_bytes());
    Ok(moved.then_some(DeltaLine { operation: DeltaOperation::Reorder, section, option: None, value }))
}

//! Staged changes: read from the delta path, applied to a package, appended to the save folder.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use cms::model::{DeltaLine, DeltaOperation, DeltaReader, Name};

use super::address::leading_number;
use super::failure::Failure;
use super::files::{self, Locked};
use super::options::Options;
use super::package::Package;

/// What the delta path holds for a package.
#[derive(Debug, Default)]
pub struct Staged {
    /// The changes, in the order in which they apply.
    pub lines: Vec<DeltaLine>,
    /// The save folder's file, locked, if there is one and it is to be emptied.
    pub file: Option<Locked>,
}

/// Reads the staged changes of a package. For a commit, the save folder's file stays locked.
pub fn read(options: &Options, package: &str, for_commit: bool) -> Result<Staged, Failure> {
    let mut staged = Staged::default();
    let save_dir = options.save_dir();
    for dir in &options.delta_path {
        let path = file_in(dir, package);
        if !is_file_to_trust(dir, &path)? {
            continue;
        }
        let text = if for_commit && dir == save_dir {
            let mut file = Locked::open(&path)?;
            let text = file.read()?;
            staged.file = Some(file);
            text
        } else {
            files::read(&path)?
        };
        staged.lines.extend(DeltaLine::parse(&text, package));
    }
    Ok(staged)
}

/// Applies staged changes; says how many could be.
pub fn apply(package: &mut Package, lines: &[DeltaLine]) -> usize {
    lines.iter().filter(|line| apply_line(package, line).is_ok()).count()
}

fn apply_line(package: &mut Package, line: &DeltaLine) -> Result<(), Failure> {
    let name = line.section.as_bytes();
    let option = line.option.as_deref().map(str::as_bytes);
    let value = line.value.as_deref();
    let section = package.find(name);
    match (line.operation, option, value) {
        (DeltaOperation::Set | DeltaOperation::Add, None, Some(kind)) if !kind.is_empty() => {
            package.set_type(name, kind, line.operation == DeltaOperation::Add)?;
        }
        (DeltaOperation::Set | DeltaOperation::Add, Some(option), Some(value)) if !value.is_empty() => {
            package.section_mut(section.ok_or(Failure::Invalid)?).set(option, value);
        }
        (DeltaOperation::Set | DeltaOperation::Add, option, _) => {
            // An empty value deletes, or does nothing when there is nothing.
            match (section, option) {
                (Some(at), Some(option)) => package.section_mut(at).remove(option),
                (Some(at), None) => package.remove(at),
                (None, Some(_)) => return Err(Failure::Invalid),
                (None, None) => {}
            }
        }
        (DeltaOperation::Delete, None, _) => package.remove(section.ok_or(Failure::NotFound)?),
        (DeltaOperation::Delete, Some(option), value) => {
            let section = package.section_mut(section.ok_or(Failure::NotFound)?);
            let list = section.option(option).ok_or(Failure::NotFound)?.is_list();
            match value {
                Some(index) if list && !index.is_empty() => {
                    let (index, _) = leading_number(index).ok_or(Failure::Invalid)?;
                    section.remove_item(option, index);
                }
                _ => section.remove(option),
            }
        }
        (DeltaOperation::Rename, option, Some(new)) => {
            let at = section.ok_or(Failure::NotFound)?;
            rename(package, at, option, new)?;
        }
        (DeltaOperation::Reorder, _, Some(position)) => {
            let position = leading_number(position).map_or(0, |(position, _)| position);
            package.reorder(section.ok_or(Failure::NotFound)?, position);
        }
        (DeltaOperation::AddList, Some(option), Some(item)) => {
            package.section_mut(section.ok_or(Failure::Invalid)?).add_item(option, item);
        }
        (DeltaOperation::DelList, Some(option), Some(item)) => {
            package.section_mut(section.ok_or(Failure::Invalid)?).remove_items(option, item);
        }
        (DeltaOperation::Rename | DeltaOperation::Reorder, _, None)
        | (DeltaOperation::AddList | DeltaOperation::DelList, _, _) => return Err(Failure::Invalid),
    }
    Ok(())
}

/// Renames a section or an option. The reference lets two bear one name, and the next load merges
/// them; here that is refused.
pub fn rename(package: &mut Package, at: usize, option: Option<&[u8]>, new: &[u8]) -> Result<(), Failure> {
    if !Name::is_valid(new) {
        return Err(Failure::Invalid);
    }
    match option {
        None => {
            if package.find(new).is_some_and(|other| other != at) {
                return Err(Failure::Invalid);
            }
            package.rename(at, new);
        }
        Some(option) => {
            let options = &mut package.section_mut(at).options;
            let found = options.iter().position(|(name, _)| name == option).ok_or(Failure::NotFound)?;
            if options.iter().any(|(name, _)| name == new) && new != option {
                return Err(Failure::Invalid);
            }
            options[found].0 = new.to_vec();
        }
    }
    Ok(())
}

/// Appends changes to the save folder, durably.
pub fn append(options: &Options, package: &str, config: &Path, lines: &[DeltaLine]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let dir = options.save_dir();
    match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() && is_trusted(&metadata) => {}
        Ok(_) => return Err(Failure::Io),
        Err(_) => {
            let like = fs::metadata(&options.config_dir).map_err(|_| Failure::Io)?;
            match fs::DirBuilder::new().mode(like.mode() & 0o7777).create(dir) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(Failure::Io),
                Ok(()) | Err(_) => {}
            }
        }
    }
    let mode = fs::metadata(config).map_or(0o600, |metadata| metadata.mode() & 0o777);
    let mut file = Locked::open_or_create(&file_in(dir, package), mode)?;
    let known = file.read()?;
    let mut text = Vec::new();
    let mut length = known.len();
    if let Some(last) = DeltaReader::new(&known, package).last() {
        // Behind a line without an end, the new one would be lost with it. One that was cut short
        // within quotes goes: whoever wrote it was never told that it was staged.
        if last.torn {
            length -= last.raw.len();
        } else if !known.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    for line in lines {
        line.write(package, &mut text).map_err(|_| Failure::Io)?;
    }
    file.append(length as u64, &text)
}

/// Drops the changes to a package, a section or an option from the save folder's file. Damaged lines
/// stay, unless all of the package is meant.
pub fn revert(
    options: &Options,
    package: &str,
    section: Option<&[u8]>,
    option: Option<&[u8]>,
) -> Result<(), Failure> {
    let path = file_in(options.save_dir(), package);
    if !is_file_to_trust(options.save_dir(), &path)? {
        return Ok(());
    }
    let mut file = Locked::open(&path)?;
    let text = file.read()?;
    let Some(section) = section else { return file.clear() };
    let mut kept = Vec::with_capacity(text.len());
    for entry in DeltaReader::new(&text, package) {
        let matches = entry.line.is_some_and(|line| {
            line.section.as_bytes() == section
                && option.is_none_or(|option| line.option.is_some_and(|own| own.as_bytes() == option))
        });
        if !matches {
            kept.extend_from_slice(entry.raw);
        }
    }
    if kept.is_empty() {
        file.clear()
    } else if kept != text {
        file.replace(&kept)
    } else {
        Ok(())
    }
}

/// Says whether there is a delta file. Root takes no changes from a file or folder of another user, who
/// could stage whatever he likes in a folder that all can write to.
fn is_file_to_trust(dir: &Path, path: &Path) -> Result<bool, Failure> {
    let Some(file) = fs::metadata(path).ok().filter(fs::Metadata::is_file) else { return Ok(false) };
    let dir = fs::metadata(dir).map_err(|_| Failure::Io)?;
    if is_trusted(&file) && is_trusted(&dir) { Ok(true) } else { Err(Failure::Io) }
}

fn is_trusted(metadata: &fs::Metadata) -> bool {
    let caller = rustix::process::getuid().as_raw();
    !rustix::process::geteuid().is_root() || [0, caller].contains(&metadata.uid())
}

fn file_in(dir: &Path, package: &str) -> PathBuf {
    dir.join(std::ffi::OsStr::from_bytes(package.as_bytes()))
}

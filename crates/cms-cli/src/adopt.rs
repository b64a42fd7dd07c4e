//! Takes over what `uci` has staged: its delta files become staged changes of the caller.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cms::Stage;
use cms::model::{DeltaLine, DeltaOperation, Draft, DraftError, PackageName, Selector, TypeName, Value};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::text::msg;

/// The folder where everybody's `uci` stages.
pub(crate) const UCI_SAVE_DIR: &str = "/tmp/.uci";

/// Stages what lies in `folder`, of one package or of all, and then empties the delta files: a crash
/// between the two repeats changes and loses none. Returns how many changes there were.
pub(crate) fn adopt(
    stage: &mut Stage,
    folder: &Path,
    only: Option<&PackageName>,
    session: &mut Session,
) -> Result<usize, Failure> {
    let mut adopted = 0;
    for name in staged_with_uci(folder).into_iter().filter(|name| only.is_none_or(|only| only == name)) {
        let path = folder.join(name.as_str());
        // Everybody can write to /tmp: what somebody else put there is not root's wish.
        check_owner(folder)?;
        check_owner(&path)?;
        let (file, lines) = read(&path, &name).map_err(|error| Failure::file(&path, &error))?;
        let draft = session::staged(stage, &name)?;
        let mut skipped = 0;
        for line in &lines {
            match apply(draft, line) {
                Ok(()) => adopted += 1,
                Err(_) => skipped += 1,
            }
        }
        stage.save()?;
        file.set_len(0).map_err(|error| Failure::file(&path, &error))?;
        if skipped > 0 {
            session.output.warn(&msg!("adopt-skipped", count = skipped, package = name.as_str()));
        }
    }
    Ok(adopted)
}

/// The packages of which `uci` has staged something.
pub(crate) fn staged_with_uci(folder: &Path) -> Vec<PackageName> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut names: Vec<PackageName> = entries
        .flatten()
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0))
        .filter_map(|entry| PackageName::new(entry.file_name().to_str()?).ok())
        .collect();
    names.sort();
    names
}

fn check_owner(path: &Path) -> Result<(), Failure> {
    let owner = path.symlink_metadata().map_err(|error| Failure::file(path, &error))?.uid();
    if owner == 0 || owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Failure::new(Exit::Permission, msg!("adopt-refused", file = path, owner = owner.to_string())))
}

/// Reads a delta file under the lock that `uci` takes to write it.
fn read(path: &Path, package: &str) -> std::io::Result<(File, Vec<DeltaLine>)> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    file.lock()?;
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    let lines = DeltaLine::parse(&text, package).collect();
    Ok((file, lines))
}

/// Makes one change of `uci`'s, by the rules for reading its deltas.
fn apply(draft: &mut Draft, line: &DeltaLine) -> Result<(), DraftError> {
    let section = Selector::Named(line.section.clone());
    let text = line.value.as_deref().unwrap_or_default();
    let number = || std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    match (line.operation, &line.option) {
        (DeltaOperation::Set, Some(option)) => draft.set_option(&section, option, Value::scalar(text))?,
        (DeltaOperation::Delete, Some(option)) if line.value.is_some() => {
            draft.delete_item(&section, option, number())?
        }
        (DeltaOperation::Delete, Some(option)) => draft.delete_option(&section, option)?,
        (DeltaOperation::Delete, None) => draft.delete_section(&section)?,
        (DeltaOperation::AddList, Some(option)) => draft.add_list(&section, option, text)?,
        (DeltaOperation::DelList, Some(option)) => draft.del_list(&section, option, text)?,
        (DeltaOperation::Reorder, _) => draft.reorder(&section, number())?,
        (DeltaOperation::Set | DeltaOperation::Add, None) if text.is_empty() => {
            draft.delete_section(&section)?
        }
        (DeltaOperation::Add, _) => {
            let id = draft.add(&kind(text, &section)?)?;
            draft.pin(id, &line.section);
            return Ok(());
        }
        (DeltaOperation::Set, None) => draft.set_type(&section, &kind(text, &section)?)?,
        (DeltaOperation::Rename, option) => {
            let refused = || DraftError::NoSection { section: section.clone() };
            let name = cms::model::Name::try_from(text).map_err(|_| refused())?;
            match option {
                Some(option) => draft.rename_option(&section, option, &name)?,
                None => draft.rename_section(&section, &name)?,
            }
        }
        (DeltaOperation::AddList | DeltaOperation::DelList, None) => {
            return Err(DraftError::NoSection { section });
        }
    };
    Ok(())
}

fn kind(text: &[u8], section: &Selector) -> Result<TypeName, DraftError> {
    TypeName::try_from(text).map_err(|_| DraftError::NoSection { section: section.clone() })
}

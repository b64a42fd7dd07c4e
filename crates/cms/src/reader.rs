//! Reading without the log: from the segment, for as long as it is proven to be current.

use std::os::unix::fs::MetadataExt;

use cms_log::FileView;
use cms_model::{Change, ChangeKind, Key, PackageName, SectionId, Value};
use cms_segment::{Snapshot, Value as Mapped};

use crate::confirm;
use crate::error::Result;
use crate::location::Location;
use crate::lock::FileLock;
use crate::mapped::{self, find, layout};
use crate::package_file::PackageFile;
use crate::stage_file::{self, Frame, StageFile};
use crate::status::COMPARED;

/// Reads values from the segment of a store.
///
/// That costs a few system calls, whatever the size of the configuration, and no right but to read. The price is that it does
/// not answer every question: whenever the segment is not proven to show what a [`Snapshot`](crate::Snapshot) of the store would,
/// the answer is `None`, and the store is to be asked.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dirs = cms::Dirs { state: Some(home.path().join("state")), run: Some(home.path().join("run")) };
/// # let config = home.path().join("config");
/// # std::fs::create_dir(&config)?;
/// # std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n")?;
/// use cms::{Location, Options, Reader, Store, model::{Key, Value}};
///
/// let location = Location::find(&config, &dirs)?;
/// assert!(Reader::open(&location).is_none());
/// Store::open(&location, Options::default())?.snapshot()?;
///
/// let reader = Reader::open(&location).expect("the snapshot made the segment");
/// assert_eq!(reader.get(&Key::parse("network.lan.mtu")?), Some(Value::scalar("1500")));
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    location: Location,
    snapshot: Snapshot,
}

impl Reader {
    /// Opens the segment, unless there is none, it lags behind, the caller has staged changes, which it does not show, or
    /// something awaits confirmation, which may be due.
    pub fn open(location: &Location) -> Option<Reader> {
        if location.is_ours() && (stage_file::holds_changes(location) || confirm::is_marked(location)) {
            return None;
        }
        let directory = mapped::directory(location);
        // A segment that somebody else could have made is not believed.
        let owner = std::fs::metadata(&directory).ok()?.uid();
        if owner != 0 && owner != location.owner() {
            return None;
        }
        let snapshot = mapped::attach(&directory)?.snapshot().ok()?;
        Some(Reader { location: location.clone(), snapshot })
    }

    /// Returns the value of an option, or the type of a section, if the segment is proven to show it. `None` says nothing.
    pub fn get(&self, key: &Key) -> Option<Value> {
        if !self.is_current(&key.package) {
            return None;
        }
        find::value(&self.snapshot, key).ok()?
    }

    /// Stages values for options, all or none, as a [`Stage`](crate::Stage) would, and answers whether it did. When it did not, nothing
    /// is staged and the stage is to be used, which also says why something cannot be.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io): then nothing new is staged.
    pub fn stage(&self, values: &[(Key, Vec<u8>)]) -> Result<bool> {
        let mut frames: Vec<Frame> = Vec::new();
        for (key, value) in values {
            let Some((section, change)) = self.change(key, value) else { return Ok(false) };
            let change = Change::new(section, change);
            match frames.iter_mut().find(|frame| frame.package == key.package) {
                // Two changes in one package may depend on each other.
                Some(_) => return Ok(false),
                None => {
                    let Some(base) = mapped::revision_of(&self.snapshot) else { return Ok(false) };
                    let package = key.package.clone();
                    frames.push(Frame { base, package, changes: vec![change], pins: Vec::new(), end: 0 });
                }
            }
        }
        let directory = stage_file::directory(&self.location);
        if !self.location.is_ours() || !directory.is_dir() {
            return Ok(false);
        }
        let _lock = FileLock::wait(&self.location, &directory.join("lock"))?;
        let (mut file, staged) = StageFile::read(&self.location, &directory.join("stage"))?;
        if !staged.is_empty() {
            return Ok(false);
        }
        file.append(&self.location, &mut frames)?;
        Ok(true)
    }

    /// Returns what has to change for an option to have a value, in the simple case: its section exists, and text can express
    /// the value without a second thought.
    fn change(&self, key: &Key, value: &[u8]) -> Option<(SectionId, ChangeKind)> {
        let (selector, option) = (key.section.as_ref()?, key.option.as_ref()?);
        if value.is_empty() || value.iter().any(u8::is_ascii_control) || !self.is_current(&key.package) {
            return None;
        }
        let section = find::section(&self.snapshot, &key.package, selector).ok()??;
        let old = find::value(&self.snapshot, key).ok()?;
        let new = Value::Scalar(value.to_vec());
        if old.as_ref() == Some(&new) {
            return None;
        }
        Some((section.id, ChangeKind::Set { option: option.clone(), old, new, at: None }))
    }

    /// Tells whether the file of a package holds what the segment shows, or an older text that a commit is about to replace.
    fn is_current(&self, package: &PackageName) -> bool {
        let note = self.snapshot.get_in(&layout::note_path(package), layout::NOTE);
        let Ok(Some(Mapped::Bytes(note))) = note else { return false };
        let Some(view) = FileView::decode(note) else { return false };
        let file = PackageFile::new(self.location.config(), package);
        let Ok(Some(status)) = file.status() else { return false };
        if file.has_leftover() {
            return false;
        }
        status.proves(&view)
            || status.equals(&view)
                && status.size <= COMPARED
                && matches!(file.digest(), Ok(Some((digest, _))) if digest == view.digest)
    }
}

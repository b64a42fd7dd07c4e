//! What is known of package files.

use std::{collections::BTreeMap, sync::OnceLock};

use cms_model::PackageName;

use crate::{Digester, FileView, Revision};

/// The notes of a log on package files, as they were at one moment.
///
/// ```
/// use cms_log::{Backend, Open, Revision, Sqlite};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let log = Sqlite::open(directory.path().join("log.db"), Open { create: true, ..Open::default() })?;
/// let look = log.look()?;
/// assert_eq!(look.head, Revision::EMPTY);
/// assert!(look.views.get(&"network".parse()?).is_none() && look.views.names().next().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Views {
    each: BTreeMap<PackageName, FileView>,
    mark: OnceLock<[u8; 8]>,
}

/// What is asked for at every use of a log, at one moment.
#[derive(Clone, Debug)]
pub struct Look {
    /// The newest revision.
    pub head: Revision,
    /// What is known of package files.
    pub views: std::sync::Arc<Views>,
}

impl Views {
    pub(crate) fn new(each: BTreeMap<PackageName, FileView>) -> Views {
        Views { each, mark: OnceLock::new() }
    }

    /// Returns what is known of a package's file.
    pub fn get(&self, package: &PackageName) -> Option<&FileView> {
        self.each.get(package)
    }

    /// Lists the packages whose files something is known of, in order.
    pub fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.each.keys()
    }

    pub(crate) fn each(&self) -> &BTreeMap<PackageName, FileView> {
        &self.each
    }

    /// The notes, to be changed.
    pub(crate) fn change(&mut self) -> &mut BTreeMap<PackageName, FileView> {
        self.mark = OnceLock::new();
        &mut self.each
    }

    /// What tells them from other notes.
    pub(crate) fn mark(&self) -> [u8; 8] {
        *self.mark.get_or_init(|| {
            let mut digester = Digester::new();
            for (name, view) in &self.each {
                let view = view.encode();
                for part in [name.as_str().as_bytes(), &view] {
                    digester.update(&(part.len() as u64).to_le_bytes());
                    digester.update(part);
                }
            }
            let mut mark = [0; 8];
            mark.copy_from_slice(&digester.finish().0[..8]);
            mark
        })
    }
}

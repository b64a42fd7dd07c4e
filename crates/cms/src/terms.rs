//! What must hold when a transaction is committed, beside that nobody changed the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cms_log::Revision;
use cms_model::table::TableName;
use cms_model::{Key, Name, PackageName, SectionId, Selector};

use crate::error::{Error, Result};
use crate::head::Head;
use crate::history::resolve;
use crate::post::{Reader, Writer};
use crate::rebase::{Interest, Place, Theirs};
use crate::snapshot::Snapshot;
use crate::store::Log;
use crate::tables::unless_touched;

/// The terms of a commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub requirements: Vec<Requirement>,
    /// Tables that must be as they were at a revision; without a name, all of them.
    pub tables: BTreeMap<Option<TableName>, Revision>,
    pub deadline: Option<Deadline>,
}

/// When a transaction is too late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub transaction: u64,
    pub limit: Duration,
    pub at: Instant,
}

impl Deadline {
    pub(crate) fn hold(&self) -> Result<()> {
        if Instant::now() < self.at {
            return Ok(());
        }
        Err(Error::Expired { transaction: self.transaction, limit: self.limit })
    }
}

/// Something that must be as a snapshot had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    package: PackageName,
    base: Revision,
    /// None: the whole package.
    section: Option<Required>,
    option: Option<Name>,
    key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Required {
    /// The section that there was.
    Section(SectionId),
    /// No section of the name.
    Absent(Name),
    /// The section at a place, which any change of the package may have moved.
    Anywhere,
}

impl Requirement {
    /// That what `key` names is as in `snapshot`.
    pub(crate) fn new(snapshot: &Snapshot, key: &Key) -> Result<Requirement> {
        let base = snapshot.revision().unwrap_or(Revision::EMPTY);
        let section = match &key.section {
            None => None,
            Some(selector) => {
                let package = if snapshot.contains(&key.package) {
                    Some(snapshot.package(&key.package)?)
                } else {
                    None
                };
                let found = package.and_then(|package| resolve(&package, selector));
                Some(match (found, selector) {
                    // Which section a place means depends on all before it.
                    (_, Selector::Nth { .. }) => Required::Anywhere,
                    (Some(id), _) => Required::Section(id),
                    (None, Selector::Named(name)) => Required::Absent(name.clone()),
                })
            }
        };
        let option = key.option.clone().filter(|_| !matches!(section, Some(Required::Anywhere)));
        Ok(Requirement { package: key.package.clone(), base, section, option, key: key.to_string() })
    }

    /// Writes it down for another process, if it has room.
    pub(crate) fn write(&self, writer: &mut Writer) -> Option<()> {
        writer.text(self.package.as_str())?;
        writer.long(self.base.0);
        match &self.section {
            None => writer.byte(0),
            Some(Required::Anywhere) => writer.byte(1),
            Some(Required::Section(id)) => {
                writer.byte(2);
                writer.long(id.0);
            }
            Some(Required::Absent(name)) => {
                writer.byte(3);
                writer.text(name)?;
            }
        }
        // No name is empty.
        writer.text(self.option.as_deref().unwrap_or_default())?;
        writer.text(&self.key)
    }

    /// Reads what [`write`](Requirement::write) wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Requirement> {
        let package = PackageName::new(reader.text()?).ok()?;
        let base = Revision(reader.long()?);
        let section = match reader.byte()? {
            0 => None,
            1 => Some(Required::Anywhere),
            2 => Some(Required::Section(SectionId(reader.long()?))),
            3 => Some(Required::Absent(Name::new(reader.text()?).ok()?)),
            _ => return None,
        };
        let option = match reader.text()? {
            "" => None,
            name => Some(Name::new(name).ok()?),
        };
        Some(Requirement { package, base, section, option, key: reader.text()?.to_owned() })
    }

    fn hold(&self, log: &Log, head: &Head) -> Result<()> {
        let is_untouched = head.cell(&self.package).is_some_and(|cell| cell.changed <= self.base);
        if is_untouched || self.base >= head.revision {
            return Ok(());
        }
        let place = match &self.section {
            None | Some(Required::Anywhere) => Place::Package,
            Some(Required::Absent(name)) => Place::Name(name),
            Some(Required::Section(id)) => match &self.option {
                None => Place::Section(*id),
                Some(option) => Place::Option(*id, option),
            },
        };
        let theirs = Theirs::read(log, &self.package, self.base, head.revision, &Interest::at(place))?;
        match theirs.touching(place) {
            None => Ok(()),
            Some(their) => Err(Error::Conflict {
                keys: vec![self.key.clone()],
                revision: their.revision(),
                author: their.author().to_owned(),
            }),
        }
    }
}

impl Terms {
    /// Tells whether they hold at the head.
    pub(crate) fn hold(&self, log: &Log, head: &Head) -> Result<()> {
        if let Some(deadline) = &self.deadline {
            deadline.hold()?;
        }
        let backend = &*log.backend;
        for (name, base) in &self.tables {
            unless_touched(backend, *base, name.as_ref())?;
        }
        self.requirements.iter().try_for_each(|requirement| requirement.hold(log, head))
    }
}

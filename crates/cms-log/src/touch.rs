//! What commits touched, so that the history of a key is found without reading every commit (`docs/log-format.md`, section 10).

use cms_model::{Change, ChangeKind, Name, SectionId};

use crate::{
    Commit, EntryBody, Revision,
    check::checksum,
    wire::{Decoded, Malformed, Reader, Writer},
};

/// The version of a run's bytes.
const VERSION: u8 = 1;

/// A commit that touches more places of a package than this is said to touch any.
const MARKS: usize = 256;

/// A place in a package, cut down to a number: equal places have equal marks, and others nearly never.
///
/// ```
/// use cms_log::Mark;
/// use cms_model::{Name, SectionId};
///
/// let mtu = Mark::of_option(SectionId(7), &Name::new("mtu")?);
/// assert!(mtu.is_in(Mark::of_section(SectionId(7))));
/// assert!(!mtu.is_in(Mark::of_section(SectionId(8))));
/// # Ok::<(), cms_model::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    section: u32,
    part: u16,
}

/// The part that stands for the section itself: that it is there, its name, its type, its place.
const ITSELF: u16 = 0;
/// The part that stands for all of a section.
const ALL: u16 = u16::MAX;

impl Mark {
    /// The section itself: whether there is one, its name, its type and its place.
    pub fn of_section(id: SectionId) -> Mark {
        Mark { section: fold(fnv(&id.0.to_le_bytes())), part: ITSELF }
    }

    /// An option of a section.
    pub fn of_option(id: SectionId, option: &Name) -> Mark {
        Mark { part: Mark::part_of(option), ..Mark::of_section(id) }
    }

    /// All of a section that has, or had, a name.
    pub fn of_name(name: &Name) -> Mark {
        Mark { section: fold(fnv(name.as_str().as_bytes())), part: ALL }
    }

    /// Tells whether this is a place in the section of the other mark.
    pub fn is_in(self, section: Mark) -> bool {
        self.section == section.section
    }

    /// Tells whether this may be an option, or all, of some section.
    pub fn may_be_option(self, option: &Name) -> bool {
        self.part == ALL || self.part == Mark::part_of(option)
    }

    fn part_of(option: &Name) -> u16 {
        let hash = fold(fnv(option.as_str().as_bytes()));
        let part = (hash >> 16) as u16 ^ hash as u16;
        // The two that have a meaning of their own are taken out.
        part.clamp(ITSELF + 1, ALL - 1)
    }
}

/// FNV-1a, 64 bits: quick on a few bytes, and the same on every machine.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn fold(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}

/// A commit that touched a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The commit.
    pub revision: Revision,
    /// Where it touched the package, ascending; `None` if that may be anywhere.
    pub marks: Option<Vec<Mark>>,
}

impl Touch {
    /// What a commit did to each of its packages, as far as it can be told in a few marks.
    pub(crate) fn all_of(commit: &Commit) -> impl Iterator<Item = (&cms_model::PackageName, Touch)> {
        commit.packages.iter().map(|entry| {
            let lost = commit.conflicts.iter().filter(|(package, _)| *package == entry.package);
            let marks = match &entry.body {
                EntryBody::Edit { changes, .. } => few(changes.iter().chain(lost.map(|(_, change)| change))),
                EntryBody::Replace { .. } => None,
            };
            (&entry.package, Touch { revision: commit.revision, marks })
        })
    }
}

/// The marks of some changes, unless there are many.
fn few<'a>(changes: impl Iterator<Item = &'a Change>) -> Option<Vec<Mark>> {
    let mut marks = Vec::new();
    for change in changes {
        mark(change, &mut marks);
        if marks.len() > 4 * MARKS {
            return None;
        }
    }
    marks.sort_unstable();
    marks.dedup();
    (marks.len() <= MARKS).then_some(marks)
}

fn mark(change: &Change, marks: &mut Vec<Mark>) {
    let section = Mark::of_section(change.section);
    let option = |option: &Name| Mark { part: Mark::part_of(option), ..section };
    match &change.kind {
        ChangeKind::Add { name, options, .. } | ChangeKind::Delete { name, options, .. } => {
            marks.push(section);
            marks.extend(name.as_ref().map(Mark::of_name));
            marks.extend(options.iter().map(|(name, _)| option(name)));
        }
        ChangeKind::Rename { old, new } => {
            marks.push(section);
            marks.extend(old.iter().chain(new).map(Mark::of_name));
        }
        ChangeKind::Retype { .. } | ChangeKind::Move { .. } => marks.push(section),
        ChangeKind::RenameOption { old, new } => marks.extend([option(old), option(new)]),
        ChangeKind::Set { .. }
        | ChangeKind::Unset { .. }
        | ChangeKind::InsertItem { .. }
        | ChangeKind::RemoveItem { .. } => marks.extend(change.option().map(option)),
    }
}

/// What a run of commits did to one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The revision before the first commit of the run.
    pub after: Revision,
    /// Those of its commits that touched the package, the newest first.
    pub touches: Vec<Touch>,
}

impl Run {
    /// The bytes of the run, whose last commit is `upto`.
    pub(crate) fn encode(&self, upto: Revision) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u32(0);
        writer.u8(VERSION);
        writer.varint(upto.0 - self.after.0);
        let mut last = upto;
        writer.list(&self.touches, |writer, touch| {
            writer.varint(last.0 - touch.revision.0);
            last = touch.revision;
            match &touch.marks {
                None => writer.varint(0),
                Some(marks) => {
                    writer.varint(marks.len() as u64 + 1);
                    for mark in marks {
                        writer.u32(mark.section);
                        writer.u8(mark.part as u8);
                        writer.u8((mark.part >> 8) as u8);
                    }
                }
            }
        });
        let crc = checksum(&writer.0[4..]);
        writer.0[..4].copy_from_slice(&crc.to_le_bytes());
        writer.0
    }

    /// Reads the bytes of a run whose last commit is `upto`.
    pub(crate) fn decode(stored: &[u8], upto: Revision) -> Decoded<Run> {
        let mut reader = Reader(stored);
        if reader.u32()? != checksum(reader.0) {
            return Err(Malformed("its checksum does not agree"));
        }
        if reader.u8()? != VERSION {
            return Err(Malformed("its version is unknown"));
        }
        let early = Malformed("it names a commit outside its run");
        let after = Revision(upto.0.checked_sub(reader.varint()?).ok_or(early)?);
        let mut last = upto;
        let touches = reader.list(|reader| {
            last = Revision(last.0.checked_sub(reader.varint()?).ok_or(early)?);
            if last <= after {
                return Err(early);
            }
            let marks = match reader.varint()? {
                0 => None,
                count if count > MARKS as u64 + 1 => return Err(Malformed("a commit has too many marks")),
                count => {
                    let mut marks = Vec::with_capacity(count as usize - 1);
                    for _ in 1..count {
                        let section = reader.u32()?;
                        marks.push(Mark { section, part: u16::from_le_bytes([reader.u8()?, reader.u8()?]) });
                    }
                    Some(marks)
                }
            };
            Ok(Touch { revision: last, marks })
        })?;
        reader.end()?;
        Ok(Run { after, touches })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let mtu = Mark::of_option(SectionId(3), &Name::new("mtu").unwrap());
        Run {
            after: Revision(4),
            touches: vec![
                Touch { revision: Revision(9), marks: Some(vec![mtu]) },
                Touch { revision: Revision(8), marks: None },
                Touch {
                    revision: Revision(5),
                    marks: Some(vec![Mark::of_section(SectionId(u64::MAX)), mtu]),
                },
            ],
        }
    }

    #[test]
    fn a_run_comes_back_as_it_was() {
        for upto in [9, 260] {
            assert_eq!(Run::decode(&run().encode(Revision(upto)), Revision(upto)), Ok(run()));
        }
    }

    #[test]
    fn no_byte_of_a_run_can_change_unnoticed() {
        let stored = run().encode(Revision(9));
        for place in 0..stored.len() {
            let mut damaged = stored.clone();
            damaged[place] ^= 0x10;
            assert!(Run::decode(&damaged, Revision(9)).is_err(), "byte {place}");
            assert!(Run::decode(&stored[..place], Revision(9)).is_err(), "cut at {place}");
        }
        assert!(Run::decode(&stored, Revision(2)).is_err(), "a run that ends before it begins");
    }

    #[test]
    fn a_commit_of_many_changes_may_have_touched_anything() {
        let change = |section| Change {
            section: SectionId(section),
            kind: ChangeKind::Move { old_after: None, new_after: None },
        };
        let all: Vec<Change> = (0..MARKS as u64 + 1).map(change).collect();
        assert_eq!(few(all[1..].iter()).map(|marks| marks.len()), Some(MARKS));
        assert_eq!(few(all.iter()), None);
    }
}

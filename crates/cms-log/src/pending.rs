//! The note on what awaits confirmation (`docs/log-format.md`, section 9).

use cms_model::PackageName;

use crate::{
    Note, Revision,
    check::checksum,
    wire::{Decoded, Malformed, Reader, Writer},
};

const VERSION: u8 = 1;

/// How many settled entries are remembered.
const REMEMBERED: usize = 16;

/// Which commits await confirmation, and what became of the last ones that did.
///
/// ```
/// use cms_log::Confirmations;
///
/// let none = Confirmations::default();
/// let note = none.encode();
/// assert_eq!(note.name, Confirmations::NOTE);
/// assert_eq!(Confirmations::decode(&note.value.unwrap()), Some(none));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmations {
    /// What is rolled back unless it is confirmed, in the order of arming.
    pub pending: Vec<Pending>,
    /// What was settled, the newest last.
    pub settled: Vec<Settled>,
}

/// Commits that are rolled back together unless they are confirmed in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its names; the first is the oldest.
    pub tokens: Vec<String>,
    /// Its commits, ascending; never empty.
    pub revisions: Vec<Revision>,
    /// The packages that they touched.
    pub packages: Vec<PackageName>,
    /// The boot in which it was armed: in any other it is due.
    pub boot: String,
    /// When it is due, in microseconds of `CLOCK_BOOTTIME`.
    pub deadline_us: u64,
    /// How much time there was to confirm it, in microseconds.
    pub window_us: u64,
    /// The end of the window by the wall clock, in microseconds since 1970, to be shown and for nothing else.
    pub until_us: i64,
    /// The command whose success confirms it.
    pub probe: Option<String>,
    /// How often it was armed.
    pub round: u64,
}

impl Pending {
    /// Returns the state that a rollback leads back to: the one before its first commit.
    pub fn restore(&self) -> Revision {
        Revision(self.revisions.first().map_or(0, |first| first.0.saturating_sub(1)))
    }

    /// Tells whether `token` is one of its names; capitals do not matter.
    pub fn is_called(&self, token: &str) -> bool {
        self.tokens.iter().any(|own| own.eq_ignore_ascii_case(token))
    }
}

/// What became of an entry that was pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// See [`Pending::tokens`].
    pub tokens: Vec<String>,
    /// See [`Pending::revisions`].
    pub revisions: Vec<Revision>,
    /// What became of it.
    pub outcome: Outcome,
    /// When, in microseconds since 1970.
    pub time_us: i64,
    /// The commit that rolled it back; `None` if there was nothing to reverse, or no rollback.
    pub undone: Option<Revision>,
    /// Keys that later commits changed again, and that stayed as those made them.
    pub conflicts: Vec<String>,
    /// How the probe failed the last time; empty if it did not.
    pub probe_failure: String,
    /// Whether somebody has seen it.
    pub seen: bool,
}

impl Settled {
    /// Tells whether `token` is one of its names; capitals do not matter.
    pub fn is_called(&self, token: &str) -> bool {
        self.tokens.iter().any(|own| own.eq_ignore_ascii_case(token))
    }
}

/// How an entry was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody confirmed it.
    Confirmed,
    /// Its probe succeeded.
    Proven,
    /// Somebody cancelled it: it was rolled back.
    Cancelled,
    /// Nobody confirmed it in time: it was rolled back.
    Expired,
    /// The machine was restarted before anybody confirmed it: it was rolled back.
    Rebooted,
}

impl Outcome {
    const ALL: [Outcome; 5] =
        [Outcome::Confirmed, Outcome::Proven, Outcome::Cancelled, Outcome::Expired, Outcome::Rebooted];

    /// Tells whether the commits stand.
    pub fn is_confirmed(self) -> bool {
        matches!(self, Outcome::Confirmed | Outcome::Proven)
    }
}

impl Confirmations {
    /// The name of the note.
    pub const NOTE: &str = "confirm";

    /// Encodes the note, with a checksum; the oldest of many settled entries are forgotten.
    pub fn encode(&self) -> Note {
        let mut writer = Writer::default();
        writer.u32(0);
        writer.u8(VERSION);
        writer.list(&self.pending, |writer, pending| {
            names(writer, &pending.tokens, &pending.revisions);
            writer.list(&pending.packages, |writer, package| writer.bytes(package.as_str().as_bytes()));
            writer.bytes(pending.boot.as_bytes());
            writer.varint(pending.deadline_us);
            writer.varint(pending.window_us);
            writer.zigzag(pending.until_us);
            writer.option(pending.probe.as_deref(), |writer, probe| writer.bytes(probe.as_bytes()));
            writer.varint(pending.round);
        });
        let kept = &self.settled[self.settled.len().saturating_sub(REMEMBERED)..];
        writer.list(kept, |writer, settled| {
            names(writer, &settled.tokens, &settled.revisions);
            writer.u8(settled.outcome as u8);
            writer.zigzag(settled.time_us);
            writer.option(settled.undone, |writer, revision| writer.varint(revision.0));
            writer.list(&settled.conflicts, |writer, key| writer.bytes(key.as_bytes()));
            writer.bytes(settled.probe_failure.as_bytes());
            writer.bool(settled.seen);
        });
        let crc = checksum(&writer.0[4..]);
        writer.0[..4].copy_from_slice(&crc.to_le_bytes());
        Note::new(Confirmations::NOTE, writer.0)
    }

    /// Decodes the note; `None` if it is damaged or of a newer version.
    pub fn decode(note: &[u8]) -> Option<Confirmations> {
        let mut reader = Reader(note);
        let decoded: Decoded<Confirmations> = (|| {
            if reader.u32()? != checksum(reader.0) {
                return Err(Malformed("its checksum does not agree"));
            }
            if reader.u8()? != VERSION {
                return Err(Malformed("its version is unknown"));
            }
            let pending = reader.list(pending)?;
            let settled = reader.list(settled)?;
            reader.end()?;
            Ok(Confirmations { pending, settled })
        })();
        decoded.ok()
    }
}

fn names(writer: &mut Writer, tokens: &[String], revisions: &[Revision]) {
    writer.list(tokens, |writer, token| writer.bytes(token.as_bytes()));
    writer.list(revisions, |writer, revision| writer.varint(revision.0));
}

fn pending(reader: &mut Reader<'_>) -> Decoded<Pending> {
    let pending = Pending {
        tokens: reader.list(Reader::text)?,
        revisions: revisions(reader)?,
        packages: reader.list(Reader::name)?,
        boot: reader.text()?,
        deadline_us: reader.varint()?,
        window_us: reader.varint()?,
        until_us: reader.zigzag()?,
        probe: reader.option(Reader::text)?,
        round: reader.varint()?,
    };
    if pending.tokens.is_empty() || pending.revisions.is_empty() {
        return Err(Malformed("a pending entry has no name or no commit"));
    }
    Ok(pending)
}

fn settled(reader: &mut Reader<'_>) -> Decoded<Settled> {
    Ok(Settled {
        tokens: reader.list(Reader::text)?,
        revisions: revisions(reader)?,
        outcome: *Outcome::ALL.get(usize::from(reader.u8()?)).ok_or(Malformed("an outcome is unknown"))?,
        time_us: reader.zigzag()?,
        undone: reader.option(|reader| reader.varint().map(Revision))?,
        conflicts: reader.list(Reader::text)?,
        probe_failure: reader.text()?,
        seen: reader.bool()?,
    })
}

fn revisions(reader: &mut Reader<'_>) -> Decoded<Vec<Revision>> {
    let revisions: Vec<Revision> = reader.list(|reader| reader.varint().map(Revision))?;
    if revisions.windows(2).any(|pair| pair[0] >= pair[1]) || revisions.first() == Some(&Revision::EMPTY) {
        return Err(Malformed("its revisions do not ascend from 1"));
    }
    Ok(revisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Confirmations {
        let pending = Pending {
            tokens: vec!["k7m2x9qd".into(), "second".into()],
            revisions: vec![Revision(4), Revision(9)],
            packages: vec![PackageName::new("network").unwrap()],
            boot: "0c2f".into(),
            deadline_us: 90_000_000,
            window_us: 90_000_000,
            until_us: -1,
            probe: Some("ping -c 1 gw".into()),
            round: 2,
        };
        let settled = Outcome::ALL.map(|outcome| Settled {
            tokens: vec![format!("{outcome:?}")],
            revisions: vec![Revision(1)],
            outcome,
            time_us: 1,
            undone: (!outcome.is_confirmed()).then_some(Revision(2)),
            conflicts: vec!["network.lan.mtu".into()],
            probe_failure: "exit code 1: ü".into(),
            seen: outcome.is_confirmed(),
        });
        Confirmations { pending: vec![pending], settled: settled.into() }
    }

    #[test]
    fn a_note_comes_back_as_it_was() {
        let note = example().encode().value.unwrap();
        assert_eq!(Confirmations::decode(&note), Some(example()));
        assert_eq!(example().pending[0].restore(), Revision(3));
        assert!(example().pending[0].is_called("K7M2X9QD") && !example().pending[0].is_called("k7m2"));
    }

    #[test]
    fn a_note_that_was_cut_or_flipped_is_none() {
        let note = example().encode().value.unwrap();
        for len in 0..note.len() {
            assert_eq!(Confirmations::decode(&note[..len]), None);
        }
        for at in 0..note.len() {
            let mut flipped = note.clone();
            flipped[at] ^= 0x10;
            assert_eq!(Confirmations::decode(&flipped), None);
        }
    }

    #[test]
    fn a_note_of_a_sound_checksum_may_still_lie() {
        let whole = example().encode().value.unwrap();
        for at in 4..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut lie = whole.clone();
                lie[at] = value;
                let crc = checksum(&lie[4..]);
                lie[..4].copy_from_slice(&crc.to_le_bytes());
                let _ = Confirmations::decode(&lie);
            }
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let settled = example().settled[0].clone();
        let many = (1..=40).map(|number| Settled { time_us: number, ..settled.clone() }).collect();
        let note = Confirmations { pending: Vec::new(), settled: many }.encode().value.unwrap();
        let times: Vec<i64> =
            Confirmations::decode(&note).unwrap().settled.iter().map(|settled| settled.time_us).collect();
        assert_eq!(times, (25..=40).collect::<Vec<_>>());
    }
}

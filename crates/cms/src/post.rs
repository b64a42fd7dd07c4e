//! A commit as a process leaves it on the board for another one to make ("What a post says" in `docs/commit-protocol.md`).

use cms_log::{CommitKind, Digest, Origin, Revision};
use cms_model::schema::Mode;
use cms_model::{Change, PackageName};

use crate::commit::{Action, Signature, Wanted};
use crate::group::Request;
use crate::tables::Wish;
use crate::terms::{Requirement, Terms};

/// Writes a request down, if it is one that another process can make: changes of packages, made on one revision, without anything
/// that only its own process can see to.
pub(crate) fn encode(world: &Digest, request: &Request) -> Option<Vec<u8>> {
    let Request { wanted, signature, terms } = request;
    let is_usual = signature.kind == CommitKind::Normal
        && signature.origin == Origin::Direct
        && signature.confirm.is_none()
        && wanted.tables.is_empty()
        && terms.tables.is_empty()
        && terms.deadline.is_none();
    if !is_usual || wanted.packages.is_empty() {
        return None;
    }
    let mut writer = Writer(Vec::with_capacity(256));
    writer.0.extend_from_slice(&world.0);
    writer.0.extend([signature.at_most as u8, signature.at_least as u8]);
    for text in [&signature.author, &signature.tool, &signature.message] {
        writer.text(text)?;
    }
    writer.count(terms.requirements.len())?;
    for requirement in &terms.requirements {
        requirement.write(&mut writer)?;
    }
    writer.count(wanted.packages.len())?;
    for Wanted { package, base, action } in &wanted.packages {
        let Action::Changes { changes, .. } = action else { return None };
        if changes.iter().any(|(made_on, _)| made_on != base) {
            return None;
        }
        let changes: Vec<Change> = changes.iter().map(|(_, change)| change.clone()).collect();
        writer.text(package.as_str())?;
        writer.long(base.0);
        writer.bytes(&cms_log::encode_changes(&changes))?;
    }
    Some(writer.0)
}

/// Reads what [`encode`] wrote in the same world; `None` of everything else.
pub(crate) fn decode(world: &Digest, work: &[u8]) -> Option<Request> {
    let mut reader = Reader(work);
    if reader.take(world.0.len())? != world.0 {
        return None;
    }
    let (at_most, at_least) = (mode(reader.byte()?)?, mode(reader.byte()?)?);
    let (author, tool, message) = (reader.text()?, reader.text()?, reader.text()?);
    let mut terms = Terms::default();
    for _ in 0..reader.count()? {
        terms.requirements.push(Requirement::read(&mut reader)?);
    }
    let mut packages = Vec::new();
    for _ in 0..reader.count()? {
        let package = PackageName::new(reader.text()?).ok()?;
        let base = Revision(reader.long()?);
        let changes = cms_log::decode_changes(reader.bytes()?).ok()?;
        let changes = changes.into_iter().map(|change| (base, change)).collect();
        packages.push(Wanted { package, base, action: Action::Changes { changes, made: None } });
    }
    if !reader.0.is_empty() || packages.is_empty() {
        return None;
    }
    let signature = Signature {
        kind: CommitKind::Normal,
        author: author.to_owned(),
        tool: tool.to_owned(),
        message: message.to_owned(),
        origin: Origin::Direct,
        confirm: None,
        at_most,
        at_least,
    };
    Some(Request { wanted: Wish { packages, tables: Vec::new() }, signature, terms })
}

fn mode(byte: u8) -> Option<Mode> {
    [Mode::Off, Mode::Warn, Mode::Enforce].into_iter().find(|mode| *mode as u8 == byte)
}

/// Numbers are little endian; texts and bytes have their length before them, in two bytes.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn long(&mut self, long: u64) {
        self.0.extend_from_slice(&long.to_le_bytes());
    }

    pub(crate) fn count(&mut self, count: usize) -> Option<()> {
        self.0.extend_from_slice(&u16::try_from(count).ok()?.to_le_bytes());
        Some(())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.count(bytes.len())?;
        self.0.extend_from_slice(bytes);
        Some(())
    }

    pub(crate) fn text(&mut self, text: &str) -> Option<()> {
        self.bytes(text.as_bytes())
    }
}

pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(crate) fn long(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(crate) fn count(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length.into())
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use cms_model::{ChangeKind, Key, Name, SectionId, Value};
    use proptest::prelude::*;

    use super::*;
    use crate::{Dirs, Location, Options, Store};

    const WORLD: Digest = Digest([7; 16]);

    fn request() -> Request {
        let change = |value: &str| Change {
            section: SectionId(5),
            kind: ChangeKind::Set {
                option: Name::new("mtu").unwrap(),
                old: Some(Value::scalar("1500")),
                new: Value::scalar(value),
                at: None,
            },
        };
        let wanted = |package: &str, value| Wanted {
            package: PackageName::new(package).unwrap(),
            base: Revision(9),
            action: Action::Changes { changes: vec![(Revision(9), change(value))], made: None },
        };
        let signature = Signature {
            kind: CommitKind::Normal,
            author: "ada".to_owned(),
            tool: "test".to_owned(),
            message: "why".to_owned(),
            origin: Origin::Direct,
            confirm: None,
            at_most: Mode::Warn,
            at_least: Mode::Off,
        };
        let packages = vec![wanted("network", "1492"), wanted("wireless", "9000")];
        Request { wanted: Wish { packages, tables: Vec::new() }, signature, terms: Terms::default() }
    }

    #[test]
    fn what_was_written_is_read_in_the_same_world_alone() {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        std::fs::create_dir(&config).unwrap();
        std::fs::write(config.join("network"), "config interface 'lan'\n\toption mtu '1500'\n").unwrap();
        let dirs = Dirs { state: Some(home.path().join("state")), run: Some(home.path().join("run")) };
        let store = Store::open(&Location::find(&config, &dirs).unwrap(), Options::default()).unwrap();
        let snapshot = store.snapshot().unwrap();
        let mut request = request();
        for key in ["network", "network.lan", "network.lan.mtu", "network.wan.mtu", "network.@interface[0]"] {
            let requirement = Requirement::new(&snapshot, &Key::parse(key).unwrap()).unwrap();
            request.terms.requirements.push(requirement);
        }
        let work = encode(&WORLD, &request).unwrap();
        let read = decode(&WORLD, &work).unwrap();
        assert_eq!(format!("{:?}", read.wanted), format!("{:?}", request.wanted));
        assert_eq!(format!("{:?}", read.signature), format!("{:?}", request.signature));
        assert_eq!(read.terms.requirements, request.terms.requirements);
        assert!(decode(&Digest([8; 16]), &work).is_none());
        for end in 0..work.len() {
            assert!(decode(&WORLD, &work[..end]).is_none(), "cut at {end}");
        }
        assert!(decode(&WORLD, &[&work[..], b"x"].concat()).is_none());
    }

    #[test]
    fn what_only_its_own_process_can_see_to_is_not_written() {
        let changed = |change: fn(&mut Request)| {
            let mut request = request();
            change(&mut request);
            encode(&WORLD, &request)
        };
        assert!(changed(|_| {}).is_some());
        assert!(changed(|request| request.signature.kind = CommitKind::External).is_none());
        assert!(
            changed(|request| request.signature.origin = Origin::Stage { owner: 0, stage: 1, upto: 2 })
                .is_none()
        );
        assert!(changed(|request| request.wanted.packages[1].action = Action::Delete).is_none());
        assert!(changed(|request| request.wanted.packages[1].base = Revision(8)).is_none());
        assert!(changed(|request| request.wanted.packages.clear()).is_none());
        assert!(
            changed(|request| {
                request.terms.tables.insert(None, Revision(9));
            })
            .is_none()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&WORLD, &[&WORLD.0[..], &bytes].concat());
        }

        #[test]
        fn a_damaged_request_does_no_harm(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut work = encode(&WORLD, &request()).unwrap();
            let place = place.index(work.len());
            work[place] = byte;
            let _ = decode(&WORLD, &work);
        }
    }
}

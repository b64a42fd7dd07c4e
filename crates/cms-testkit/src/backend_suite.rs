//! What every home of the log must do, as one suite that all of them pass.
//!
//! ```no_run
//! use cms_log::{Open, Sqlite};
//!
//! cms_testkit::backend_suite(&|name| {
//!     let path = std::env::temp_dir().join(format!("{name}.db"));
//!     Box::new(Sqlite::open(path, Open { create: true, read_only: false, ..Open::default() }).unwrap())
//! });
//! ```

use std::{collections::BTreeMap, ops::ControlFlow, sync::Mutex};

use cms_log::{
    Backend, Commit, CommitKind, Digest, EntryBody, Error, FileView, Header, Mark, Note, Object, ObjectKind,
    Order, Origin, PackageEntry, Revision, Root, checkpoint_state, load_package, package_at, packages_at,
    store_package,
};
use cms_model::{Change, ChangeKind, Edit, Name, Package, PackageName, SectionId, TypeName, Value};

use crate::table_suite;

/// A check of one rule, on an empty log of its own.
type Check = fn(&dyn Backend);

/// Runs the whole suite. `make` opens a new, empty log each time; it is given a name to tell them apart.
pub fn backend_suite(make: &dyn Fn(&str) -> Box<dyn Backend>) {
    let checks: [(&str, Check); 24] = [
        ("empty", an_empty_log_is_at_revision_zero),
        ("append", commits_come_back_as_they_were),
        ("conflict", only_one_commit_follows_a_revision),
        ("group", commits_in_a_group_are_all_or_nothing),
        ("ranges", ranges_are_exact),
        ("time", a_time_finds_its_revision),
        ("objects", objects_are_kept_under_their_content),
        ("closure", nothing_names_what_is_not_there),
        ("long", long_bodies_come_back),
        ("packages", packages_of_every_shape_come_back),
        ("replay", every_revision_reads_as_it_was),
        ("notes", notes_are_kept),
        ("noting", notes_come_with_their_commit_or_not_at_all),
        ("retention", retention_keeps_what_is_readable),
        ("collect", collection_spares_what_writers_add),
        ("touches", what_commits_touched_is_found),
        ("marks", a_mark_is_never_missing),
        ("rows", table_suite::rows_change_with_their_commit),
        ("misfit", table_suite::a_commit_that_does_not_fit_changes_nothing),
        ("tables", table_suite::tables_read_as_they_were),
        ("kept-rows", table_suite::retention_keeps_every_row),
        ("scripts", table_suite::scripts_answer_what_they_would_change),
        ("attacks", table_suite::scripts_reach_nothing_but_the_tables),
        ("threads", threads_append_in_one_order),
    ];
    for (name, check) in checks {
        let backend = make(name);
        check(&*backend);
        let findings = backend.verify(&mut |_| {}).unwrap();
        assert!(findings.is_empty(), "{name}: {findings:?}");
    }
    noted_blocks_are_stored_in_every_log(&*make("noted-a"), &*make("noted-b"));
    storage_is_smaller_than_copies(&*make("small"));
}

/// Makes a commit that changes nothing.
pub fn plain_commit(revision: u64) -> Commit {
    Commit {
        revision: Revision(revision),
        time_us: 1_700_000_000_000_000 + revision as i64 * 1000,
        author: "ada".into(),
        tool: "suite".into(),
        message: format!("commit {revision} — ü"),
        origin: Origin::Direct,
        kind: CommitKind::Normal,
        packages: vec![],
        tables: vec![],
        conflicts: vec![],
    }
}

fn append(backend: &dyn Backend, commit: &Commit) -> Revision {
    let appended = backend.append(Revision(commit.revision.0 - 1), commit, &[], None).unwrap();
    backend.sync(appended).unwrap().revision()
}

fn name(name: &str) -> PackageName {
    PackageName::new(name).unwrap()
}

/// A package under edit, which makes the commits of its history.
pub struct Writer {
    name: PackageName,
    package: Package,
    edits: u64,
}

impl Writer {
    /// Starts with `sections` sections.
    pub fn new(package: &str, sections: usize) -> Writer {
        let mut text = String::from("# a package of the suite\n\n");
        for section in 0..sections {
            text += &format!("config interface 'if{section}'\n\toption proto 'static'\n");
            text += &format!("\toption ipaddr '10.{}.{}.1' # keep\n\n", section / 256, section % 256);
        }
        Writer { name: name(package), package: Package::parse(text.as_bytes()).unwrap(), edits: 0 }
    }

    /// Returns the text now.
    pub fn text(&self) -> Vec<u8> {
        self.package.text()
    }

    /// Creates the package with the next commit.
    pub fn create(&self, backend: &dyn Backend) -> Revision {
        let stored = store_package(backend, &self.package).unwrap();
        let head = backend.head().unwrap();
        let body = EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None };
        let packages = vec![PackageEntry { package: self.name.clone(), body }];
        let commit = Commit { packages, kind: CommitKind::Import, ..plain_commit(head.0 + 1) };
        let appended = backend.append(head, &commit, &stored.objects, None).unwrap();
        backend.sync(appended).unwrap().revision()
    }

    /// Makes the next edit: sets, adds and deletes in turn.
    pub fn edit(&mut self) -> EntryBody {
        self.edits += 1;
        if self.package.len() < 3 && self.edits % 5 == 4 {
            self.edits += 1;
        }
        let sections = self.package.len() as i64;
        let section = self.package.nth(None, (self.edits as i64 * 7) % sections).unwrap().id();
        let option = Name::new("ipaddr").unwrap();
        let kind = match self.edits % 5 {
            3 => ChangeKind::Add {
                kind: TypeName::new("route").unwrap(),
                name: Some(Name::new(&format!("route{}", self.edits)).unwrap()),
                after: self.package.last_section(),
                at_end: true,
                options: vec![(option, Value::scalar("10.0.0.1"))],
            },
            4 => ChangeKind::Delete {
                kind: TypeName::new("interface").unwrap(),
                name: None,
                after: None,
                options: vec![],
            },
            _ => {
                let new = Value::scalar(format!("192.168.{}.1", self.edits));
                ChangeKind::Set { option, old: None, new, at: None }
            }
        };
        let section = if self.edits % 5 == 3 { SectionId(1 << 63 | self.edits) } else { section };
        let old = self.package.clone();
        let change = self.package.apply(&Change { section, kind }).unwrap();
        EntryBody::Edit { changes: vec![change], edit: Edit::between(&old, &self.package) }
    }

    /// Makes the next edit the next commit.
    pub fn commit(&mut self, backend: &dyn Backend) -> Revision {
        let head = backend.head().unwrap();
        let packages = vec![PackageEntry { package: self.name.clone(), body: self.edit() }];
        append(backend, &Commit { packages, ..plain_commit(head.0 + 1) })
    }
}

fn an_empty_log_is_at_revision_zero(backend: &dyn Backend) {
    assert_eq!(backend.head().unwrap(), Revision::EMPTY);
    assert_eq!(backend.first().unwrap(), Revision::EMPTY);
    assert_eq!(backend.commit(Revision(1)).unwrap(), None);
    assert_eq!(backend.checkpoint(Revision(9)).unwrap(), None);
    assert_eq!(backend.revision_at(i64::MAX).unwrap(), Revision::EMPTY);
    assert_eq!(backend.views().unwrap(), []);
    assert!(packages_at(backend, Revision::EMPTY).unwrap().is_empty());
    assert!(package_at(backend, &name("network"), Revision::EMPTY).unwrap().is_none());
    assert!(matches!(
        package_at(backend, &name("network"), Revision(1)),
        Err(Error::NoSuchRevision { revision: Revision(1), head: Revision(0) })
    ));
}

fn commits_come_back_as_they_were(backend: &dyn Backend) {
    let mut writer = Writer::new("network", 8);
    let kinds = [
        CommitKind::Normal,
        CommitKind::External,
        CommitKind::Rollback { to: Revision(1) },
        CommitKind::Undo { from: Revision(1), to: Revision(2) },
        CommitKind::Import,
    ];
    writer.create(backend);
    let mut commits = Vec::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        let body = writer.edit();
        let EntryBody::Edit { changes, .. } = &body else { unreachable!("an edit is an edit") };
        let conflicts = changes.iter().map(|change| (name("network"), change.clone())).collect();
        let packages = vec![PackageEntry { package: name("network"), body }];
        let origin = Origin::Stage { owner: u32::MAX, stage: u64::MAX, upto: 3 };
        let commit = Commit { kind, origin, packages, conflicts, ..plain_commit(number as u64 + 2) };
        append(backend, &commit);
        commits.push(commit);
    }
    for commit in &commits {
        assert_eq!(backend.commit(commit.revision).unwrap().as_ref(), Some(commit));
    }
    let mut found = Vec::new();
    backend
        .commits(Revision(1), Revision(6), &mut |commit| {
            found.push(commit);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(found, commits);
}

fn only_one_commit_follows_a_revision(backend: &dyn Backend) {
    append(backend, &plain_commit(1));
    let error = backend.append(Revision(0), &plain_commit(1), &[], None).unwrap_err();
    assert!(matches!(error, Error::HeadMoved { expected: Revision(0), head: Revision(1) }), "{error}");
    // A gap is refused like a conflict: nothing may follow a revision that is not there.
    assert!(backend.append(Revision(7), &plain_commit(8), &[], None).unwrap_err().is_head_moved());
    assert!(matches!(backend.append(Revision(1), &plain_commit(3), &[], None), Err(Error::Invalid { .. })));
    assert_eq!(backend.head().unwrap(), Revision(1));
    append(backend, &plain_commit(2));
}

fn commits_in_a_group_are_all_or_nothing(backend: &dyn Backend) {
    let group: Vec<Commit> = (1..=20).map(plain_commit).collect();
    let appended = backend.append_all(Revision(0), &group.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(backend.sync(appended).unwrap().revision(), Revision(20));
    assert!(backend.append_all(Revision(0), &group.iter().collect::<Vec<_>>()).unwrap_err().is_head_moved());
    let mut broken: Vec<Commit> = (21..=23).map(plain_commit).collect();
    let missing = EntryBody::Replace { old: None, new: Some(Digest([7; 16])), changes: None };
    broken[2].packages.push(PackageEntry { package: name("gone"), body: missing });
    assert!(
        backend.append_all(Revision(20), &broken.iter().collect::<Vec<_>>()).unwrap_err().is_object_missing()
    );
    assert_eq!(backend.head().unwrap(), Revision(20));
    assert!(backend.append_all(Revision(20), &[]).is_err());
}

fn ranges_are_exact(backend: &dyn Backend) {
    const COUNT: u64 = 700;
    let commits: Vec<Commit> = (1..=COUNT).map(plain_commit).collect();
    let appended = backend.append_all(Revision(0), &commits.iter().collect::<Vec<_>>()).unwrap();
    backend.sync(appended).unwrap();
    let read = |after: u64, upto: u64| {
        let mut found = Vec::new();
        backend
            .commits(Revision(after), Revision(upto), &mut |commit| {
                found.push(commit.revision.0);
                ControlFlow::Continue(())
            })
            .unwrap();
        found
    };
    for (after, upto) in [(0, COUNT), (0, 1), (5, 5), (9, 3), (255, 257), (256, 512), (COUNT - 1, COUNT)] {
        assert_eq!(read(after, upto), (after + 1..=upto).collect::<Vec<_>>());
        for order in [Order::Ascending, Order::Descending] {
            let mut found: Vec<Header> = Vec::new();
            backend
                .headers(Revision(after), Revision(upto), order, &mut |header| {
                    found.push(header);
                    ControlFlow::Continue(())
                })
                .unwrap();
            let mut expected: Vec<Header> =
                (after + 1..=upto).map(|revision| plain_commit(revision).header()).collect();
            if order == Order::Descending {
                expected.reverse();
            }
            assert_eq!(found, expected);
        }
    }
    let mut seen = 0;
    backend
        .commits(Revision(0), Revision(COUNT), &mut |_| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 3);
    let beyond = backend.commits(Revision(0), Revision(COUNT + 1), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(beyond, Err(Error::NoSuchRevision { .. })));
}

fn a_time_finds_its_revision(backend: &dyn Backend) {
    // The third was written while the clock was behind.
    for (revision, time_us) in [(1, 100), (2, 200), (3, 150), (4, 300)] {
        append(backend, &Commit { time_us, ..plain_commit(revision) });
    }
    for (time, revision) in [(99, 0), (100, 1), (149, 1), (150, 3), (299, 3), (300, 4), (i64::MAX, 4)] {
        assert_eq!(backend.revision_at(time).unwrap(), Revision(revision), "at {time}");
    }
}

fn objects_are_kept_under_their_content(backend: &dyn Backend) {
    let small = Object::new(ObjectKind::Chunk, b"small".to_vec());
    let large = Object::new(ObjectKind::Chunk, b"0123456789".repeat(100_000));
    let empty = Object::new(ObjectKind::Chunk, Vec::new());
    let same = Object::new(ObjectKind::Block, Vec::new());
    assert_ne!(empty.digest(), same.digest(), "the kind is part of the name");
    for _ in 0..2 {
        backend.put_objects(&[small.clone(), large.clone(), empty.clone()]).unwrap();
    }
    for object in [&small, &large, &empty] {
        assert!(backend.has_object(&object.digest()).unwrap());
        assert_eq!(backend.object(&object.digest()).unwrap().as_ref(), Some(object));
    }
    assert!(!backend.has_object(&same.digest()).unwrap());
    assert_eq!(backend.object(&same.digest()).unwrap(), None);
}

fn nothing_names_what_is_not_there(backend: &dyn Backend) {
    // A root that names a manifest that is not there: one package, named `a`.
    let mut content = vec![1, 1, b'a'];
    content.extend_from_slice(&[7; 16]);
    let root = Object::new(ObjectKind::Root, content);
    let missing = Digest([7; 16]);
    assert!(
        matches!(backend.put_objects(std::slice::from_ref(&root)), Err(Error::ObjectMissing { digest }) if digest == missing)
    );
    assert!(!backend.has_object(&root.digest()).unwrap());

    let body = EntryBody::Replace { old: None, new: Some(missing), changes: None };
    let commit = Commit { packages: vec![PackageEntry { package: name("a"), body }], ..plain_commit(1) };
    assert!(backend.append(Revision(0), &commit, &[], None).unwrap_err().is_object_missing());
    let state = Root { packages: BTreeMap::from([(name("a"), missing)]) };
    let refused = backend.append(Revision(0), &plain_commit(1), &[], Some(&state));
    assert!(refused.unwrap_err().is_object_missing());
    assert_eq!(backend.head().unwrap(), Revision(0));
    assert!(matches!(
        backend.put_checkpoint(Revision(1), &Root::default(), &[]),
        Err(Error::NoSuchRevision { .. })
    ));
}

fn long_bodies_come_back(backend: &dyn Backend) {
    let mut revision = 0;
    for len in [500, 5_000, 65_000, 70_000, 300_000, 3_000_000] {
        for compressible in [true, false] {
            revision += 1;
            let mut state = 7u64;
            let noise = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if compressible { b'x' } else { (state >> 56) as u8 }
            };
            let new = Value::Scalar((0..len).map(noise).collect());
            let option = Name::new("blob").unwrap();
            let kind = ChangeKind::Set { option, old: None, new, at: None };
            let changes = vec![Change { section: SectionId(1), kind }];
            let body = EntryBody::Replace { old: None, new: None, changes: Some(changes) };
            let packages = vec![PackageEntry { package: name("blobs"), body }];
            let commit = Commit { packages, ..plain_commit(revision) };
            append(backend, &commit);
            assert_eq!(backend.commit(Revision(revision)).unwrap(), Some(commit));
        }
    }
}

fn packages_of_every_shape_come_back(backend: &dyn Backend) {
    let huge_option = format!("config blob 'huge'\n\toption data '{}'\n", "0123456789abcdef".repeat(200_000));
    let texts = [
        String::new(),
        "# only a comment\n".to_owned(),
        "config a\n".to_owned(),
        "config a 'x'\n\toption b 'c'\nconfig a 'x'\n\toption d 'e'".to_owned(),
        format!("config first\n\n{huge_option}\nconfig last\n"),
        String::from_utf8(Writer::new("network", 30_000).text()).unwrap(),
        String::from_utf8(Writer::new("network", 100_000).text()).unwrap(),
    ];
    for text in texts {
        let package = Package::parse(text.as_bytes()).unwrap();
        let stored = store_package(backend, &package).unwrap();
        backend.put_objects(&stored.objects).unwrap();
        let loaded = load_package(backend, &stored.manifest).unwrap();
        assert!(loaded.text() == text.as_bytes());
        let ids = |package: &Package| package.sections().map(|section| section.id()).collect::<Vec<_>>();
        assert!(ids(&loaded) == ids(&package));
        // The same again is nothing new.
        assert!(store_package(backend, &package).unwrap().objects.is_empty());
        // What was loaded and changed costs what changed, however long the package is.
        if let Some(section) = loaded.nth(None, loaded.len() as i64 / 2).map(|section| section.id()) {
            let mut changed = package.clone();
            let (option, new) = (Name::new("added").unwrap(), Value::scalar("1"));
            let kind = ChangeKind::Set { option, old: None, new, at: None };
            changed.apply(&Change { section, kind }).unwrap();
            let stored = store_package(backend, &changed).unwrap();
            if text.len() < 1 << 20 || text.len() > 4 << 20 {
                let bytes: usize = stored.objects.iter().map(|object| object.content().len()).sum();
                assert!(bytes < 100_000, "{bytes} bytes for a change of one option");
            }
            backend.put_objects(&stored.objects).unwrap();
            assert!(load_package(backend, &stored.manifest).unwrap().text() == changed.text());
        }
    }
    assert!(load_package(backend, &Digest([1; 16])).unwrap_err().is_object_missing());
}

fn every_revision_reads_as_it_was(backend: &dyn Backend) {
    let mut writers = [Writer::new("network", 40), Writer::new("dhcp", 10)];
    let mut states: Vec<BTreeMap<PackageName, Vec<u8>>> = vec![BTreeMap::new()];
    for step in 0..60 {
        let mut state = states[states.len() - 1].clone();
        let writer = &mut writers[step % 3 / 2];
        if !state.contains_key(&writer.name) {
            writer.create(backend);
        } else if step == 50 {
            let head = backend.head().unwrap();
            let body = EntryBody::Replace { old: None, new: None, changes: None };
            let packages = vec![PackageEntry { package: writer.name.clone(), body }];
            append(backend, &Commit { packages, ..plain_commit(head.0 + 1) });
        } else {
            writer.commit(backend);
        }
        if step == 50 {
            state.remove(&writer.name);
        } else {
            state.insert(writer.name.clone(), writer.text());
        }
        states.push(state);
        if step % 20 == 19 {
            let head = backend.head().unwrap();
            let (root, objects) = checkpoint_state(backend, head).unwrap();
            backend.put_checkpoint(head, &root, &objects).unwrap();
            assert_eq!(backend.checkpoint(head).unwrap(), Some((head, root)));
        }
    }
    check_states(backend, &states, 0);
}

/// Checks every revision from `first` on against what it should be.
fn check_states(backend: &dyn Backend, states: &[BTreeMap<PackageName, Vec<u8>>], first: usize) {
    for (revision, state) in states.iter().enumerate() {
        let at = Revision(revision as u64);
        if revision < first {
            assert!(packages_at(backend, at).unwrap_err().is_compacted());
            assert!(package_at(backend, &name("network"), at).unwrap_err().is_compacted());
            continue;
        }
        assert_eq!(packages_at(backend, at).unwrap(), state.keys().cloned().collect());
        for (package, text) in state {
            assert_eq!(package_at(backend, package, at).unwrap().unwrap().text(), *text, "{package} at {at}");
        }
    }
}

fn notes_come_with_their_commit_or_not_at_all(backend: &dyn Backend) {
    let kept = |name: &str| backend.meta(name).unwrap();
    let armed = |value: &str| [Note::new("armed", value), Note::new("other", "x")];
    let appended = backend.append_noting(Revision(0), &plain_commit(1), &[], None, &armed("1")).unwrap();
    assert_eq!(backend.sync(appended).unwrap().revision(), Revision(1));
    assert_eq!((kept("armed").as_deref(), kept("other").as_deref()), (Some(&b"1"[..]), Some(&b"x"[..])));

    // A commit that is refused, for whatever reason, arms nothing.
    let late = backend.append_noting(Revision(0), &plain_commit(1), &[], None, &armed("late"));
    assert!(late.unwrap_err().is_head_moved());
    let missing = Object::new(ObjectKind::Block, b"\0missing".to_vec()).digest();
    let body = EntryBody::Replace { old: None, new: Some(missing), changes: None };
    let packages = vec![PackageEntry { package: name("network"), body }];
    let incomplete = Commit { packages, ..plain_commit(2) };
    let refused = backend.append_noting(Revision(1), &incomplete, &[], None, &armed("2"));
    assert!(refused.unwrap_err().is_object_missing());
    assert_eq!(kept("armed").as_deref(), Some(&b"1"[..]));
    assert_eq!(backend.head().unwrap(), Revision(1));

    // Without a commit, and removed: all together, too.
    let removed = Note { name: "other".into(), value: None };
    let noted = backend.keep_notes(&[Note::new("armed", "3"), removed]).unwrap();
    assert_eq!(backend.sync(noted).unwrap().revision(), Revision(1));
    assert_eq!((kept("armed").as_deref(), kept("other")), (Some(&b"3"[..]), None));
}

fn notes_are_kept(backend: &dyn Backend) {
    let view = FileView {
        revision: Revision(3),
        digest: Digest::of(b"text"),
        size: 4,
        mtime_ns: -1,
        ctime_ns: i64::MAX,
        dev: 66,
        inode: u64::MAX,
        mode: 0o100_644,
        checked_ns: 1,
    };
    let (a, b) = (name("network"), name("dhcp"));
    backend.record_views(&[(a.clone(), Some(view.clone())), (b.clone(), Some(view.clone()))]).unwrap();
    assert_eq!(backend.view(&a).unwrap(), Some(view.clone()));
    assert_eq!(backend.views().unwrap(), [(b.clone(), view.clone()), (a.clone(), view.clone())]);
    let newer = FileView { revision: Revision(4), ..view };
    backend.record_views(&[(a.clone(), Some(newer.clone())), (b.clone(), None)]).unwrap();
    assert_eq!(backend.view(&a).unwrap(), Some(newer));
    assert_eq!(backend.view(&b).unwrap(), None);

    assert_eq!(backend.meta("identity").unwrap(), None);
    backend.set_meta("identity", Some(b"66:7")).unwrap();
    backend.set_meta("identity", Some(b"66:8")).unwrap();
    assert_eq!(backend.meta("identity").unwrap().as_deref(), Some(&b"66:8"[..]));
    backend.set_meta("identity", None).unwrap();
    assert_eq!(backend.meta("identity").unwrap(), None);
}

fn retention_keeps_what_is_readable(backend: &dyn Backend) {
    let mut writer = Writer::new("network", 60);
    let mut states = vec![BTreeMap::new()];
    for step in 0..50 {
        if step == 0 {
            writer.create(backend);
        } else if step % 17 == 16 {
            // A rewrite as a whole: its manifests are named by the commit alone.
            writer.package =
                Package::parse(format!("# rewritten\nconfig a 's{step}'\n\toption ipaddr '1'\n").as_bytes())
                    .unwrap();
            let stored = store_package(backend, &writer.package).unwrap();
            let head = backend.head().unwrap();
            let body = EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None };
            let packages = vec![PackageEntry { package: name("network"), body }];
            let commit = Commit { packages, ..plain_commit(head.0 + 1) };
            let appended = backend.append(head, &commit, &stored.objects, None).unwrap();
            backend.sync(appended).unwrap();
        } else {
            writer.commit(backend);
        }
        states.push(BTreeMap::from([(name("network"), writer.text())]));
    }
    backend.put_objects(&[Object::new(ObjectKind::Chunk, b"nobody names me".repeat(1000))]).unwrap();
    backend.put_objects(&[Object::new(ObjectKind::Chunk, b"nor me".repeat(1000))]).unwrap();
    assert!(matches!(backend.retain(Revision(51)), Err(Error::NoSuchRevision { .. })));
    let mut reclaimed = Vec::new();
    for keep_from in [0, 5, 5, 20, 40, 50] {
        reclaimed.push(backend.retain(Revision(keep_from)).unwrap());
        assert_eq!(backend.first().unwrap(), Revision(keep_from));
        check_states(backend, &states, keep_from as usize);
        let findings = backend.verify(&mut |_| {}).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
    }
    assert_eq!(reclaimed.iter().map(|reclaimed| reclaimed.commits).sum::<u64>(), 49);
    assert!(reclaimed.iter().any(|reclaimed| reclaimed.objects > 0));
    // What is given up stays given up, and the log goes on.
    assert_eq!(backend.retain(Revision(3)).unwrap().commits, 0);
    assert_eq!(backend.first().unwrap(), Revision(50));
    writer.commit(backend);
    assert_eq!(package_at(backend, &name("network"), Revision(51)).unwrap().unwrap().text(), writer.text());
    let compacted = backend.commits(Revision(0), Revision(51), &mut |_| ControlFlow::Continue(()));
    assert!(compacted.unwrap_err().is_compacted());
}

fn collection_spares_what_writers_add(backend: &dyn Backend) {
    let writer = Writer::new("network", 400);
    writer.create(backend);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            for _ in 0..15 {
                let head = backend.head().unwrap();
                backend.retain(Revision(head.0.saturating_sub(3).max(1))).unwrap();
            }
        });
        // Packages whose objects come and go, so that a writer meets its own garbage again.
        let mut round = 0;
        while !collector.is_finished() {
            round += 1;
            let again = Writer::new("network", 300 + round % 3);
            let stored = store_package(backend, &again.package).unwrap();
            let head = backend.head().unwrap();
            let body = EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None };
            let packages = vec![PackageEntry { package: name("again"), body }];
            let commit = Commit { packages, ..plain_commit(head.0 + 1) };
            match backend.append(head, &commit, &stored.objects, None) {
                Ok(appended) => {
                    backend.sync(appended).unwrap();
                    let head = backend.head().unwrap();
                    let read = package_at(backend, &name("again"), head).unwrap().unwrap();
                    assert!(read.text() == again.text());
                }
                // Collected between the look and the append: nothing was changed, and storing again helps.
                Err(error) => assert!(error.is_object_missing(), "{error}"),
            }
        }
    });
}

/// The commits that touched a package, the newest first, as their headers say.
fn touching(backend: &dyn Backend, package: &str, upto: u64) -> Vec<Revision> {
    let mut found = Vec::new();
    backend
        .headers(Revision(0), Revision(upto), Order::Descending, &mut |header| {
            if header.packages.contains(&name(package)) {
                found.push(header.revision);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn check_touches(backend: &dyn Backend, head: u64) {
    for package in ["often", "rarely", "never"] {
        for upto in [0, 1, 100, 255, 256, 257, 300, 512, head - 1, head] {
            let mut found = Vec::new();
            backend
                .touches(&name(package), Revision(upto), &mut |touch| {
                    found.push(touch.revision);
                    ControlFlow::Continue(())
                })
                .unwrap();
            found.retain(|revision| backend.commit(*revision).unwrap().is_some());
            assert_eq!(found, touching(backend, package, upto), "{package} up to {upto}");
        }
    }
}

fn what_commits_touched_is_found(backend: &dyn Backend) {
    let (mut often, mut rarely) = (Writer::new("often", 30), Writer::new("rarely", 3));
    often.create(backend);
    let mut head = rarely.create(backend).0;
    while head < 700 {
        for _ in 0..70 {
            head = if head % 40 == 0 { rarely.commit(backend) } else { often.commit(backend) }.0;
        }
        check_touches(backend, head);
        // A run at a time, as long as there is one.
        backend.index().unwrap();
        check_touches(backend, head);
    }
    // It stops where it is told to.
    let mut first = None;
    backend
        .touches(&name("often"), Revision(400), &mut |touch| {
            first = Some(touch.revision);
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(first.as_ref(), touching(backend, "often", 400).first());
    let some = [Revision(3), Revision(head), Revision(head + 1), Revision(2)];
    let mut read = Vec::new();
    backend
        .commits_at(&some, &mut |commit| {
            read.push(commit.revision);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(read, [Revision(3), Revision(head), Revision(2)]);
    // What is given up is not there any more, and the rest still is.
    let size = backend.size().unwrap();
    backend.retain(Revision(600)).unwrap();
    assert!(backend.size().unwrap() < size);
    check_touches(backend, head);
    for _ in 0..600 {
        head = often.commit(backend).0;
    }
    while backend.index().unwrap() {}
    check_touches(backend, head);
}

fn a_mark_is_never_missing(backend: &dyn Backend) {
    let mut writer = Writer::new("often", 30);
    writer.create(backend);
    while backend.head().unwrap() < Revision(600) {
        writer.commit(backend);
    }
    while backend.index().unwrap() {}
    let mut told = 0;
    backend
        .touches(&name("often"), Revision(600), &mut |touch| {
            let commit = backend.commit(touch.revision).unwrap().unwrap();
            let (Some(marks), EntryBody::Edit { changes, .. }) = (touch.marks, &commit.packages[0].body)
            else {
                return ControlFlow::Continue(());
            };
            told += 1;
            for change in changes {
                let section = Mark::of_section(change.section);
                assert!(marks.iter().any(|mark| mark.is_in(section)), "{change:?}");
                if let Some(option) = change.option() {
                    assert!(marks.contains(&Mark::of_option(change.section, option)), "{change:?}");
                }
                if let ChangeKind::Add { name: Some(name), .. } = &change.kind {
                    assert!(marks.iter().any(|mark| mark.is_in(Mark::of_name(name))), "{change:?}");
                }
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(told >= 400, "{told}: what has been indexed is told in marks");
}

fn threads_append_in_one_order(backend: &dyn Backend) {
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for number in 0..25 {
                    let message = format!("{thread}:{number}");
                    let appended = loop {
                        let head = backend.head().unwrap();
                        let commit = Commit { message: message.clone(), ..plain_commit(head.0 + 1) };
                        match backend.append(head, &commit, &[], None) {
                            Ok(appended) => break appended,
                            Err(error) => assert!(error.is_head_moved(), "{error}"),
                        }
                    };
                    let durable = backend.sync(appended).unwrap();
                    acknowledged.lock().unwrap().push((durable.revision(), message));
                }
            });
        }
    });
    let mut acknowledged = acknowledged.into_inner().unwrap();
    acknowledged.sort();
    let mut found = Vec::new();
    backend
        .commits(Revision(0), Revision(200), &mut |commit| {
            found.push((commit.revision, commit.message));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(found, acknowledged);
}

fn noted_blocks_are_stored_in_every_log(first: &dyn Backend, second: &dyn Backend) {
    // A block remembers that it was stored. Stored where, and whether it lasted, it does not know.
    let package = Package::parse(&Writer::new("network", 1000).text()).unwrap();
    let stored = store_package(first, &package).unwrap();
    first.put_objects(&stored.objects).unwrap();
    let stored = store_package(second, &package).unwrap();
    second.put_objects(&stored.objects).unwrap();
    assert!(load_package(second, &stored.manifest).unwrap().text() == package.text());
}

fn storage_is_smaller_than_copies(backend: &dyn Backend) {
    let mut writer = Writer::new("network", 2000);
    writer.create(backend);
    let mut copies = writer.text().len() as u64;
    let mut stored = 0;
    for _ in 0..100 {
        writer.commit(backend);
        copies += writer.text().len() as u64;
        let head = backend.head().unwrap();
        let (root, objects) = checkpoint_state(backend, head).unwrap();
        stored += objects.iter().map(|object| object.content().len() as u64).sum::<u64>();
        backend.put_checkpoint(head, &root, &objects).unwrap();
    }
    assert!(stored * 3 < copies, "{stored} bytes for checkpoints of {copies} bytes of text");
}

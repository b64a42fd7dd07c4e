use super::*;
use crate::{
    Backend, Commit, CommitKind, EntryBody, Open, Origin, PackageEntry, Root, Sqlite, package_at,
    store_package,
};
use cms_model::{Edit, Package, PackageName};

const STORE: StoreId = [3; 16];

fn log(folder: &tempfile::TempDir, name: &str) -> Sqlite {
    Sqlite::open(folder.path().join(name), Open { create: true, ..Open::default() }).unwrap()
}

fn name() -> PackageName {
    PackageName::new("system").unwrap()
}

/// A log of some commits: the first makes a package, the others edit it.
fn grow(log: &Sqlite, commits: u64) {
    for _ in 0..commits {
        let head = log.head().unwrap();
        let old = package_at(log, &name(), head).unwrap();
        let number = head.0 + 1;
        let text = format!("config system 'main'\n\toption number '{number}'\n");
        let new = Package::parse(text.as_bytes()).unwrap();
        let mut objects = Vec::new();
        let body = match old {
            None => {
                let stored = store_package(log, &new).unwrap();
                objects = stored.objects;
                EntryBody::Replace { old: None, new: Some(stored.manifest), changes: None }
            }
            Some(old) => {
                let new = old.adopt(new, 5);
                EntryBody::Edit { changes: Package::diff(&old, &new), edit: Edit::between(&old, &new) }
            }
        };
        let commit = Commit {
            revision: head.next(),
            time_us: number as i64,
            author: "root".into(),
            tool: "test".into(),
            message: String::new(),
            origin: Origin::Direct,
            kind: CommitKind::Normal,
            packages: vec![PackageEntry { package: name(), body }],
            tables: Vec::new(),
            conflicts: Vec::new(),
        };
        let appended = log.append(head, &commit, &objects, None).unwrap();
        log.sync(appended).unwrap();
    }
}

fn write(log: &Sqlite, since: Option<Revision>, known: u64) -> (Vec<u8>, u64) {
    let extent = Extent { store: STORE, since, known, time_us: 1, place: "/etc/config".into() };
    let mut file = Vec::new();
    let (written, newest) = write_backup(log, &mut file, &extent, &mut |_, _| {}).unwrap();
    assert_eq!(written.counts.bytes, file.len() as u64);
    if since.is_none() {
        let read = Chain::default().read(&mut &file[..], None, &mut |_| {}).unwrap();
        assert_eq!(read, written);
    }
    (file, newest)
}

fn text(log: &Sqlite, revision: u64) -> Vec<u8> {
    package_at(log, &name(), Revision(revision)).unwrap().unwrap().text().to_vec()
}

#[test]
fn a_chain_brings_every_revision_back() {
    let folder = tempfile::tempdir().unwrap();
    let source = log(&folder, "source.db");
    grow(&source, 3);
    let (whole, newest) = write(&source, None, 0);
    grow(&source, 4);
    let (root, objects) = crate::checkpoint_state(&source, Revision(6)).unwrap();
    source.put_checkpoint(Revision(6), &root, &objects).unwrap();
    let (more, newest) = write(&source, Some(Revision(3)), newest);
    let (nothing, _) = write(&source, Some(Revision(7)), newest);
    let (all, _) = write(&source, Some(Revision(3)), 0);
    assert!(all.len() > more.len() && more.len() > nothing.len());

    let target = log(&folder, "target.db");
    let mut chain = Chain::default();
    for file in [&whole, &more, &nothing] {
        chain.read(&mut &file[..], Some(&target), &mut |_| {}).unwrap();
    }
    for revision in 1..=7 {
        assert_eq!(text(&target, revision), text(&source, revision));
        assert_eq!(target.commit(Revision(revision)).unwrap(), source.commit(Revision(revision)).unwrap());
    }
    assert_eq!(target.checkpoint(Revision(7)).unwrap(), source.checkpoint(Revision(7)).unwrap());
    assert_eq!(target.verify(&mut |_| {}).unwrap(), []);
    target.cut_after(Revision(2)).unwrap();
    assert_eq!(target.head().unwrap(), Revision(2));
    assert_eq!(target.verify(&mut |_| {}).unwrap(), []);

    let refused = |files: &[&[u8]], into: Option<&Sqlite>| {
        let mut chain = Chain::default();
        files.iter().find_map(|file| chain.read(&mut &file[..], into, &mut |_| {}).err()).unwrap()
    };
    let fresh = log(&folder, "fresh.db");
    assert!(matches!(refused(&[&more], Some(&fresh)), BackupError::NotNext { before: None, .. }));
    assert!(matches!(refused(&[&whole, &nothing], None), BackupError::NotNext { before: Some(_), .. }));
    assert!(matches!(refused(&[&whole, &whole], None), BackupError::NotNext { continues: None, .. }));
}

#[test]
fn what_was_given_up_is_not_in_it_and_the_rest_is() {
    let folder = tempfile::tempdir().unwrap();
    let source = log(&folder, "source.db");
    grow(&source, 6);
    source.retain(Revision(4)).unwrap();
    let (file, _) = write(&source, None, 0);
    let target = log(&folder, "target.db");
    let read = Chain::default().read(&mut &file[..], Some(&target), &mut |_| {}).unwrap();
    assert_eq!((read.header.first, read.header.last, read.counts.commits), (Revision(4), Revision(6), 3));
    assert_eq!(target.first().unwrap(), Revision(4));
    assert_eq!(text(&target, 5), text(&source, 5));
    assert_eq!(target.verify(&mut |_| {}).unwrap(), []);
    read.check_continued_by(&source).unwrap();
    let other = log(&folder, "other.db");
    grow(&other, 6);
    other.put_checkpoint(Revision(6), &Root::default(), &[]).unwrap();
    let extent =
        Extent { store: STORE, since: Some(Revision(2)), known: 0, time_us: 1, place: String::new() };
    let gone = write_backup(&source, &mut Vec::new(), &extent, &mut |_, _| {}).unwrap_err();
    assert!(matches!(gone, BackupError::Log(crate::Error::Compacted { .. })), "{gone}");
}

#[test]
fn no_byte_changes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let source = log(&folder, "source.db");
    grow(&source, 3);
    let (file, newest) = write(&source, None, 0);
    grow(&source, 2);
    let (more, _) = write(&source, Some(Revision(3)), newest);
    for file in [file, more] {
        Chain::default().read(&mut &file[..], None, &mut |_| {}).unwrap();
        for place in 0..file.len() {
            for bit in [0x01, 0x80] {
                let mut changed = file.clone();
                changed[place] ^= bit;
                let error = Chain::default().read(&mut &changed[..], None, &mut |_| {}).unwrap_err();
                assert!(error.is_refusal(), "byte {place}: {error}");
            }
            let error = Chain::default().read(&mut &file[..place], None, &mut |_| {}).unwrap_err();
            assert!(matches!(error, BackupError::Unfinished { .. }), "cut at {place}: {error}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(Chain::default().read(&mut &longer[..], None, &mut |_| {}).is_err());
    }
}

#[test]
fn a_newer_one_says_so() {
    let mut file = Vec::new();
    let mut frames = frame::FrameWriter::begin(&mut file).unwrap();
    frames.frame(frame::Kind::Header, &[9, 1, 2, 3]).unwrap();
    let error = Chain::default().read(&mut &file[..], None, &mut |_| {}).unwrap_err();
    assert!(matches!(error, BackupError::Newer { found: 9, known: 2 }), "{error}");
    let other = Chain::default().read(&mut &b"#!/bin/sh\n"[..], None, &mut |_| {}).unwrap_err();
    assert!(matches!(other, BackupError::NotABackup), "{other}");
}

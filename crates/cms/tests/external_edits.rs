//! Edits by other programs: each enters the log before anything is built on it, and none is lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cms::model::Key;
use cms::{HistoryQuery, Options, Warning};
use support::{Home, NETWORK, commit, get, inode, key, now, package, set};

fn authors(store: &cms::Store, key: &str) -> Vec<String> {
    let query = HistoryQuery { key: Some(Key::parse(key).unwrap()), ..HistoryQuery::default() };
    store.history(&query).unwrap().into_iter().map(|entry| entry.author).collect()
}

#[test]
fn an_edit_in_place_and_one_by_rename_become_commits() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap();
    home.write("network", &NETWORK.replace("1500", "1501"));
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1501"));
    assert_eq!(store.head().unwrap().0, 2);
    home.replace("network", &NETWORK.replace("1500", "1502"));
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1502"));
    assert_eq!(authors(&store, "network.lan.mtu"), ["external", "external", "external"]);
    assert_eq!(home.read("network"), NETWORK.replace("1500", "1502"), "the editor's bytes stay");
}

#[test]
fn a_commit_builds_on_the_edit() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.proto", "dhcp");
    home.write("network", &format!("{NETWORK}\toption metric '5'\n"));
    tx.commit_and_wait_files().unwrap();
    let text = home.read("network");
    assert!(text.contains("metric '5'") && text.contains("'dhcp'"), "{text}");
    assert_eq!(store.head().unwrap().0, 3);
}

#[test]
fn an_edit_that_contradicts_a_pending_commit_is_kept_and_reported() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1400");
    tx.commit().unwrap();
    // The file is not written yet; its editor saw 1500.
    home.write("network", &NETWORK.replace("1500", "1600").replace("static", "dhcp"));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1400"), "the acknowledged commit stands");
    assert_eq!(get(&snapshot, "network.lan.proto").as_deref(), Some("dhcp"), "the rest of the edit is in");
    assert!(
        snapshot.warnings().iter().any(|warning| matches!(warning, Warning::LostEdit { changes: 1, .. }))
    );
    let history = store.history(&HistoryQuery::default()).unwrap();
    assert_eq!(history[0].lost.len(), 1);
    assert_eq!(history[0].lost[0].key, "network.lan.mtu");
    let text = home.read("network");
    assert!(text.contains("1400") && text.contains("dhcp"), "{text}");
    let head = store.head().unwrap();
    home.open().snapshot().unwrap();
    assert_eq!(store.head().unwrap(), head, "nothing is absorbed twice");
}

#[test]
fn an_anonymous_section_added_beside_a_pending_commit_comes_once() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1400");
    tx.commit().unwrap();
    home.write("network", &format!("{NETWORK}\nconfig route\n\toption target '172.16.0.0/12'\n"));
    for _ in 0..3 {
        let network = home.open().snapshot().unwrap().package(&package("network")).unwrap();
        assert_eq!(network.sections().filter(|section| section.kind() == "route").count(), 2);
    }
}

#[test]
fn deletion_and_creation_by_hand() {
    let home = Home::new(&[("network", NETWORK), ("old", "config a\n")]);
    let store = home.open();
    store.snapshot().unwrap();
    fs::remove_file(home.config().join("old")).unwrap();
    home.write("new", "config b 'x'\n\toption o '1'\n");
    let snapshot = store.snapshot().unwrap();
    assert!(!snapshot.contains(&package("old")));
    assert_eq!(get(&snapshot, "new.x.o").as_deref(), Some("1"));
    assert_eq!(home.listing(), ["network", "new"]);
}

#[test]
fn a_file_that_does_not_parse_harms_nobody_else_and_is_never_written() {
    let home = Home::new(&[("network", NETWORK), ("system", "config system 's'\n\toption hostname 'gw'\n")]);
    let store = home.open();
    store.snapshot().unwrap();
    let broken = NETWORK.replace("option mtu '1500'", "optoin mtu '1501");
    home.write("network", &broken);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1500"), "the last good state");
    let warned = snapshot.warnings().iter().any(|warning| match warning {
        Warning::Unparsable { package, diagnostics } => {
            package.as_str() == "network" && diagnostics[0].line == 5 && diagnostics[0].file.is_some()
        }
        _ => false,
    });
    assert!(warned, "{:?}", snapshot.warnings());
    let error = commit(&store, "network.lan.mtu", "1400").unwrap_err();
    assert!(error.is_parse(), "{error}");
    commit(&store, "system.s.hostname", "edge").unwrap();
    assert_eq!(home.read("network"), broken);
    home.write("network", &NETWORK.replace("1500", "1501"));
    commit(&store, "network.lan.proto", "dhcp").unwrap();
    assert!(home.read("network").contains("'1501'"));
}

#[test]
fn mode_links_and_attributes_stay() {
    let home = Home::new(&[("network", NETWORK)]);
    let real = home.config().parent().unwrap().join("real-network");
    fs::rename(home.config().join("network"), &real).unwrap();
    std::os::unix::fs::symlink(&real, home.config().join("network")).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let attributes = xattr::set(&real, "user.note", b"mine").is_ok();
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    assert!(fs::symlink_metadata(home.config().join("network")).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("1400"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, 0o640);
    if attributes {
        assert_eq!(xattr::get(&real, "user.note").unwrap().as_deref(), Some(&b"mine"[..]));
    }
}

#[test]
fn the_file_is_replaced_as_a_whole() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap();
    let open = fs::File::open(home.config().join("network")).unwrap();
    let before = inode(&home.config().join("network"));
    commit(&store, "network.lan.mtu", "1400").unwrap();
    assert_ne!(inode(&home.config().join("network")), before);
    // Whoever has the old file open goes on reading the old text.
    assert_eq!(std::io::read_to_string(&open).unwrap(), NETWORK);
}

#[test]
fn leftovers_of_a_replacement_are_told_apart() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    let temporary = home.config().join(".network.cms~");
    // Incomplete: gone.
    fs::write(&temporary, "config interface 'l").unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o0)).unwrap();
    store.snapshot().unwrap();
    assert_eq!(home.listing(), ["network"]);
    // The text of some revision: gone.
    fs::write(&temporary, NETWORK.replace("1500", "1400")).unwrap();
    store.snapshot().unwrap();
    assert_eq!(home.listing(), ["network"]);
    assert_eq!(store.head().unwrap().0, 2);
    // A displaced edit: absorbed, then gone.
    fs::write(&temporary, NETWORK.replace("1500", "1400").replace("static", "dhcp")).unwrap();
    assert_eq!(now(&store, "network.lan.proto").as_deref(), Some("dhcp"));
    assert_eq!(home.listing(), ["network"]);
    assert!(home.read("network").contains("dhcp"));
}

#[test]
fn another_directory_at_the_same_path_wins() {
    let home = Home::new(&[("network", NETWORK), ("old", "config a\n")]);
    home.open().snapshot().unwrap();
    fs::rename(home.config(), home.config().with_extension("before")).unwrap();
    fs::create_dir(home.config()).unwrap();
    home.write("network", &NETWORK.replace("1500", "1400"));
    let store = home.open();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(get(&snapshot, "network.lan.mtu").as_deref(), Some("1400"));
    assert!(!snapshot.contains(&package("old")));
    assert_eq!(home.listing(), ["network"]);
    assert_eq!(authors(&store, "old"), ["external", "external"]);
}

#[test]
fn comments_and_blank_lines_are_commits_without_changes() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap();
    home.write("network", &format!("# a note\n{NETWORK}"));
    store.snapshot().unwrap();
    let history = store.history(&HistoryQuery { key: Some(key("network")), ..Default::default() }).unwrap();
    assert_eq!(history.len(), 2);
    assert!(history[0].changes.is_empty());
}

#[test]
fn comments_survive_the_loss_of_the_file() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    store.snapshot().unwrap();
    fs::remove_file(home.config().join("network")).unwrap();
    store.snapshot().unwrap();
    store.undo(cms::Revision(2)..=cms::Revision(2), &cms::CommitOptions::default()).unwrap();
    assert_eq!(home.read("network"), NETWORK);
}

#[test]
fn who_commits_believes_a_file_that_was_compared_and_notes_it_once() {
    let home = Home::new(&[("network", NETWORK)]);
    let store = home.open();
    commit(&store, "network.lan.mtu", "1400").unwrap();
    drop(store);
    // From now on the file's times can be believed, but the note was taken too soon after the writing.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let wal = home.location().log().with_extension("db-wal");
    let frames = || fs::metadata(&wal).unwrap().len();
    let before = frames();
    let options = Options { writes: true, ..Options::default() };
    let store = cms::Store::open(&home.location(), options).unwrap();
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1400"));
    assert_eq!(frames(), before, "the look is not noted");
    home.write("network", &home.read("network").replace("1400", "1401"));
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.proto", "dhcp");
    home.write("network", &home.read("network").replace("1401", "1402"));
    tx.commit_and_wait_files().unwrap();
    let text = home.read("network");
    assert!(text.contains("1402") && text.contains("dhcp"), "an edit after the look is found: {text}");
    assert_eq!(now(&home.open(), "network.lan.mtu").as_deref(), Some("1402"));
}

//! Entries that are deleted and added again, in segments with a key table and without, are found as they are by every way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cms_segment::{Root, RootOptions, Snapshot, Value};

const KEYS: [&str; 8] = [
    "host",
    "a.b",
    "network.lan.ip",
    "network.lan.ipaddr",
    "network.lan.persistent_keepalive",
    "wireless.default_radio0.encryption",
    "firewall.a_section_with_a_name_of_many_bytes.target",
    "firewall.another_section_with_a_name_of_many_bytes.and_an_option_of_many",
];

fn text(snapshot: &Snapshot, key: &str) -> Option<String> {
    let by_key = snapshot.get(key.as_bytes()).unwrap();
    let (path, leaf) = key.rsplit_once('.').unwrap_or(("", key));
    assert_eq!(by_key, snapshot.get_in(path.as_bytes(), leaf.as_bytes()).unwrap(), "{key}");
    by_key.map(|value| String::from_utf8(value.as_bytes().unwrap().to_vec()).unwrap())
}

#[test]
fn what_is_added_again_is_found() {
    for others in [0, 20, 70, 10_000] {
        for in_one in [1, others.max(1)] {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
            let mut writer = root.writer().unwrap();
            // Some beside those keys in their groups, the rest for themselves.
            let others: Vec<(String, String)> = (0..others)
                .map(|number| match number % in_one {
                    0 => ("network.lan".to_owned(), format!("other{number}")),
                    _ => (format!("other.other{}", number / 10), format!("other{number}")),
                })
                .collect();
            writer.rebuild("", others.iter().map(|(path, leaf)| (path, leaf, Value::Int(1))), 1).unwrap();
            let mut revision = 1;
            let mut pinned = Vec::new();
            for round in 0..6 {
                for key in KEYS {
                    for value in [Some(format!("first {round}")), Some(format!("second {round}")), None] {
                        revision += 1;
                        let mut batch = writer.batch(revision).unwrap();
                        match &value {
                            Some(text) => batch.set(key.as_bytes(), Value::String(text.as_bytes())).unwrap(),
                            None => assert!(batch.delete(key.as_bytes()).unwrap()),
                        }
                        batch.publish().unwrap();
                        let snapshot = root.snapshot().unwrap();
                        assert_eq!(text(&snapshot, key), value, "{key}, round {round}");
                        pinned.push((snapshot, key, value));
                    }
                }
            }
            for (snapshot, key, value) in pinned {
                assert_eq!(text(&snapshot, key), value, "{key} at {}", snapshot.revision());
            }
            assert_eq!(root.check().unwrap(), []);
        }
    }
}

#[test]
fn a_key_is_found_by_the_path_and_leaf_that_it_is_cut_into_alone() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
    let mut writer = root.writer().unwrap();
    writer.rebuild("", [("network", "lan.ipaddr", Value::Int(1))], 1).unwrap();
    let snapshot = root.snapshot().unwrap();
    assert_eq!(snapshot.get_in(b"network", b"lan.ipaddr").unwrap(), Some(Value::Int(1)));
    assert_eq!(snapshot.get(b"network.lan.ipaddr").unwrap(), None);
    let mut batch = writer.batch(2).unwrap();
    batch.set_in(b"network.lan", b"ipaddr", Value::Int(2)).unwrap();
    batch.publish().unwrap();
    let snapshot = root.snapshot().unwrap();
    assert_eq!(snapshot.get(b"network.lan.ipaddr").unwrap(), Some(Value::Int(2)));
    assert_eq!(snapshot.get_in(b"network", b"lan.ipaddr").unwrap(), Some(Value::Int(1)));
}

#[test]
fn what_is_set_after_its_group_was_moved_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::create(dir.path(), &RootOptions::default()).unwrap();
    let mut writer = root.writer().unwrap();
    writer.rebuild("", [("network.lan", "ipaddr", Value::String(b"first"))], 1).unwrap();
    for (revision, key) in [(2, "network.lan.proto"), (3, "network.lan.ipaddr")] {
        let mut batch = writer.batch(revision).unwrap();
        batch.set(key.as_bytes(), Value::String(b"second")).unwrap();
        batch.publish().unwrap();
    }
    assert_eq!(text(&root.snapshot().unwrap(), "network.lan.ipaddr"), Some("second".to_owned()));
}

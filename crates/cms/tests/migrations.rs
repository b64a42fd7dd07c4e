//! Migrations of a store: one commit with the stamp, what is kept and reported, and the way back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use cms::model::schema::{ConflictKind, Mode, Version};
use cms::{CommitOptions, Confirm, Error, MigrationOptions, MigrationReport, Options, Revision, Store};
use support::{Home, commit, package, set};

const OLD: &str = "config module 'net'\n\toption version '1.0.0'\n\nconfig fields 'interface'\n\toption ifname 'string'\n\
                   \toption mtu 'uint|default:1500'\n\toption proto 'in:static,pppoe'\n";

const NEW: &str = "config module 'net'
	option version '1.2.0'

config migration
	option from '1.0.0'
	option to '1.1.0'
	option description 'devices'
	list step 'rename interface.ifname device'
	list step 'map interface.proto pppoe=ppp'

config migration
	option to '1.2.0'
	list step 'default interface.mtu'
	list step 'drop interface.hint'
	list step 'move interface.steer globals.steer as globals'

config fields 'interface'
	option device 'string'
	option mtu 'uint|default:1492|max:9000'
	option proto 'in:static,ppp'
	option note 'string'

config fields 'globals'
	option steer 'bool'
";

const DATA: &str = "# by hand

config interface 'lan'
	option ifname 'br0' # the bridge
	option proto 'static'
	option mtu '1500'

config interface 'wan'
	option ifname 'eth1'
	option proto 'pppoe'
	option mtu '1400'
	option hint 'upstairs'
	option steer '1'
";

const MIGRATED: &str = "# by hand

config interface 'lan'
	option device 'br0' # the bridge
	option proto 'static'
	option mtu '1492'

config interface 'wan'
	option device 'eth1'
	option proto 'ppp'
	option mtu '1400'

config globals 'globals'
	option steer '1'
";

fn open(home: &Home) -> Store {
    let location = home.location().with_modules(vec![home.config().with_file_name("modules")]);
    Store::open(&location, Options::default()).unwrap()
}

fn with(data: &str) -> (Home, Store) {
    let home = Home::new(&[("net", data)]);
    let store = open(&home);
    store.modules().add("net", OLD.as_bytes()).unwrap();
    store.modules().add("net", NEW.as_bytes()).unwrap();
    (home, store)
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn to(text: &str) -> MigrationOptions {
    MigrationOptions { to: Some(version(text)), from: None }
}

fn migrate(store: &Store, wish: &MigrationOptions) -> cms::Result<MigrationReport> {
    store.schema("net")?.migrate(wish, &CommitOptions::default())
}

fn rollback(store: &Store, wish: &MigrationOptions) -> cms::Result<MigrationReport> {
    store.schema("net")?.rollback(wish, &CommitOptions::default())
}

fn data_version(store: &Store) -> String {
    store.schema("net").unwrap().state().unwrap().data.to_string()
}

#[test]
fn data_and_stamp_are_one_commit() {
    let (home, store) = with(DATA);
    let before = store.snapshot().unwrap().revision().unwrap();
    let state = store.schema("net").unwrap().state().unwrap();
    assert_eq!((state.data, state.is_stamped), (version("1.0.0"), false));
    assert_eq!(state.pending, [version("1.1.0"), version("1.2.0")]);

    let report = migrate(&store, &MigrationOptions::default()).unwrap();
    assert_eq!(report.conflicts, []);
    assert_eq!(report.committed.revision, Revision(before.0 + 1));
    let taken: Vec<u64> = report.steps.iter().map(|step| step.taken).collect();
    assert_eq!(taken, [2, 1, 1, 1, 1]);
    assert_eq!(home.read("net"), MIGRATED);
    assert_eq!(home.read("cms"), "\nconfig schema 'net'\n\toption version '1.2.0'\n\n");
    let state = store.schema("net").unwrap().state().unwrap();
    assert_eq!((state.data, state.is_stamped, state.pending), (version("1.2.0"), true, Vec::new()));

    // The stamp says that it was done, so that nothing is done twice.
    let again = migrate(&store, &MigrationOptions::default()).unwrap();
    assert!(again.committed.is_empty() && again.steps.is_empty());
    assert_eq!(store.snapshot().unwrap().revision(), Some(report.committed.revision));

    // An older state has the older stamp: none.
    let old = store.snapshot_at(before).unwrap();
    assert!(!old.contains(&package("cms")));
}

#[test]
fn a_plan_changes_nothing() {
    let (home, store) = with(DATA);
    let report = store.schema("net").unwrap().plan(&to("1.1.0"), &CommitOptions::default()).unwrap();
    assert_eq!((report.from, report.to), (version("1.0.0"), version("1.1.0")));
    assert_eq!(report.committed.changes(), 3 + 1);
    assert_eq!(home.read("net"), DATA);
    assert_eq!(home.listing(), ["net"]);
}

#[test]
fn step_by_step_there_and_back_to_the_byte() {
    let (home, store) = with(DATA);
    migrate(&store, &to("1.1.0")).unwrap();
    let between = home.read("net");
    assert!(between.contains("option device 'br0' # the bridge\n"));
    migrate(&store, &to("1.2.0")).unwrap();
    assert_eq!(home.read("net"), MIGRATED);
    let report = rollback(&store, &MigrationOptions::default()).unwrap();
    assert_eq!((report.from, report.to), (version("1.2.0"), version("1.1.0")));
    assert_eq!(home.read("net"), between);
    assert_eq!(data_version(&store), "1.1.0");
    rollback(&store, &MigrationOptions::default()).unwrap();
    assert_eq!(home.read("net"), DATA);
    assert_eq!(data_version(&store), "1.0.0");

    migrate(&store, &MigrationOptions::default()).unwrap();
    rollback(&store, &to("1.0.0")).unwrap();
    assert_eq!(home.read("net"), DATA);
}

#[test]
fn what_was_changed_since_is_kept_and_what_was_dropped_comes_back() {
    let (home, store) = with(DATA);
    migrate(&store, &MigrationOptions::default()).unwrap();
    for (key, value) in [("net.wan.device", "eth9"), ("net.lan.note", "mine"), ("net.globals.steer", "0")] {
        commit(&store, key, value).unwrap();
    }
    let report = rollback(&store, &to("1.0.0")).unwrap();
    assert_eq!(report.conflicts, []);
    let text = home.read("net");
    let expected = "config interface 'lan'\n\toption ifname 'br0' # the bridge\n\toption proto 'static'\n\toption mtu '1500'\n\toption note 'mine'\n";
    assert!(text.contains(expected), "{text}");
    for line in [
        "option ifname 'eth9'",
        "option proto 'pppoe'",
        "option mtu '1400'",
        "option hint 'upstairs'",
        "option steer '0'",
    ] {
        assert!(text.contains(line), "{line} {text}");
    }
    assert!(!text.contains("globals"), "{text}");
}

#[test]
fn without_the_earlier_state_what_was_dropped_is_reported() {
    let (home, store) = with(MIGRATED);
    // As after an upgrade that kept the files and lost the log.
    home.write("cms", "config schema 'net'\n\toption version '1.2.0'\n");
    let report = rollback(&store, &to("1.0.0")).unwrap();
    let kinds: Vec<ConflictKind> = report.conflicts.iter().map(|conflict| conflict.kind).collect();
    assert!(kinds.contains(&ConflictKind::Lost), "{kinds:?}");
    assert!(home.read("net").contains("option ifname 'br0' # the bridge"));
    assert_eq!(data_version(&store), "1.0.0");
}

#[test]
fn a_value_of_the_users_own_is_kept_and_reported_where_the_new_schema_does_not_allow_it() {
    let (home, store) = with(&DATA.replace("mtu '1400'", "mtu '9999'"));
    let report = migrate(&store, &MigrationOptions::default()).unwrap();
    let [conflict] = &report.conflicts[..] else { panic!("{:?}", report.conflicts) };
    assert_eq!((&*conflict.key, conflict.kind), ("net.wan.mtu", ConflictKind::Invalid));
    assert!(home.read("net").contains("option mtu '9999'"));

    let (home, store) = with(&DATA.replace("mtu '1400'", "mtu '9999'"));
    let strict = CommitOptions { at_least: Some(Mode::Enforce), ..CommitOptions::default() };
    let refused = store.schema("net").unwrap().migrate(&MigrationOptions::default(), &strict);
    assert!(matches!(refused, Err(Error::Migration { conflicts, .. }) if conflicts.len() == 1));
    assert_eq!(home.listing(), ["net"]);
}

#[test]
fn a_default_whose_schema_nobody_has_kept_is_reported() {
    let home = Home::new(&[("net", DATA)]);
    let store = open(&home);
    store.modules().add("net", NEW.as_bytes()).unwrap();
    let report = migrate(&store, &MigrationOptions::default()).unwrap();
    let [conflict] = &report.conflicts[..] else { panic!("{:?}", report.conflicts) };
    assert_eq!((conflict.kind, &*conflict.step), (ConflictKind::DefaultUnknown, "default interface.mtu"));
    assert!(home.read("net").contains("mtu '1500'"));
}

#[test]
fn newer_data_is_refused_and_told_of() {
    let (home, store) = with(DATA);
    home.write("cms", "config schema 'net'\n\toption version '2.0.0'\n");
    for outcome in [migrate(&store, &MigrationOptions::default()), rollback(&store, &to("1.0.0"))] {
        match outcome {
            Err(Error::NewerSchema { data, schema, .. }) => {
                assert_eq!((data, schema), (version("2.0.0"), version("1.2.0")));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(home.read("net"), DATA);
    let state = store.schema("net").unwrap().state().unwrap();
    assert!(state.is_newer() && state.pending.is_empty());
    let found = store.validate(&store.snapshot().unwrap(), Some(&[package("net")])).unwrap();
    assert_eq!(found[0].code, "CMS0130");
    home.write("cms", "config schema 'net'\n\toption version 'new'\n");
    assert!(matches!(migrate(&store, &MigrationOptions::default()), Err(Error::Invalid { .. })));
}

#[test]
fn a_stamp_that_cannot_be_a_name_is_an_option() {
    let (home, store) = with(DATA);
    home.write("cms", "config trigger 'net'\n\toption run 'true'\n");
    migrate(&store, &MigrationOptions::default()).unwrap();
    assert!(home.read("cms").contains("config schema\n\toption module 'net'\n\toption version '1.2.0'\n"));
    assert_eq!(data_version(&store), "1.2.0");
    rollback(&store, &to("1.1.0")).unwrap();
    assert!(home.read("cms").contains("\toption version '1.1.0'\n"));
    assert_eq!(data_version(&store), "1.1.0");
}

#[test]
fn from_is_for_data_that_does_not_say() {
    let (home, store) = with(DATA);
    let wish = MigrationOptions { from: Some(version("1.1.0")), to: None };
    migrate(&store, &wish).unwrap();
    assert!(home.read("net").contains("option ifname 'br0'"), "a step of 1.1.0 was not taken");
    assert!(matches!(migrate(&store, &wish), Err(Error::Invalid { .. })));
    assert!(matches!(migrate(&store, &to("1.1.0")), Err(Error::Invalid { .. })));
    assert!(matches!(migrate(&store, &to("1.3.0")), Err(Error::Invalid { .. })));
    let (_home, store) = with(DATA);
    let early = MigrationOptions { from: Some(version("0.9.0")), to: None };
    assert!(matches!(migrate(&store, &early), Err(Error::NoMigration { .. })));
}

#[test]
fn migrations_of_texts_that_were_registered_earlier_are_known() {
    let (_home, store) = with(DATA);
    let newest = NEW.replace("1.2.0", "1.3.0");
    let at = newest.find("config migration").unwrap();
    let fields = newest.find("config fields").unwrap();
    let newest = format!(
        "{}config migration\n\toption to '1.3.0'\n\tlist step 'rename interface.note remark'\n\n{}",
        &newest[..at],
        &newest[fields..]
    );
    store.modules().add("net", newest.as_bytes()).unwrap();
    let schema = store.schema("net").unwrap();
    let known: Vec<String> =
        schema.registry().versions().map(|version| version.version.to_string()).collect();
    assert_eq!(known, ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    let report = schema.migrate(&MigrationOptions::default(), &CommitOptions::default()).unwrap();
    assert_eq!(report.path, [version("1.1.0"), version("1.2.0"), version("1.3.0")]);
    assert_eq!(report.conflicts, []);
}

#[test]
fn a_migration_can_await_confirmation() {
    let (home, store) = with(DATA);
    let confirm = Some(Confirm::within(Duration::from_secs(600)));
    let options = CommitOptions { confirm, ..CommitOptions::default() };
    let report = store.schema("net").unwrap().migrate(&MigrationOptions::default(), &options).unwrap();
    let token = report.committed.armed.unwrap().tokens[0].clone();
    store.cancel(Some(&token)).unwrap();
    assert_eq!(home.read("net"), DATA);
    assert_eq!(data_version(&store), "1.0.0");
}

#[test]
fn what_others_commit_meanwhile_is_migrated_too() {
    let (home, store) = with(DATA);
    // Planned on a state, then somebody else commits, then it goes on: the transaction is refused and planned anew.
    let writer = store.clone();
    let other = std::thread::spawn(move || {
        for number in 0..20 {
            let mut tx = writer.transaction().unwrap();
            set(&mut tx, "net.lan.note", &number.to_string());
            tx.commit().unwrap();
        }
    });
    let mut outcome = migrate(&store, &MigrationOptions::default());
    for _ in 0..20 {
        match outcome {
            Err(error) if error.is_conflict() => outcome = migrate(&store, &MigrationOptions::default()),
            done => {
                outcome = done;
                break;
            }
        }
    }
    other.join().unwrap();
    outcome.unwrap();
    assert!(!home.read("net").contains("ifname"), "{}", home.read("net"));
    assert_eq!(data_version(&store), "1.2.0");
}

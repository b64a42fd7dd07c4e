//! Migrations of tables: rows, options and the stamp in one commit, and the way back by SQL or by the log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use cms::model::schema::Version;
use cms::model::table::{Datum, Definition, Query};
use cms::{CommitOptions, Confirm, Error, MigrationOptions, MigrationReport, Options, Revision, Store};
use support::Home;

const OPTIONS: &str = "config pool 'lan'\n\toption first '10.0.0.1'\n";

fn open(home: &Home) -> Store {
    let location = home.location().with_modules(vec![home.config().with_file_name("modules")]);
    Store::open(&location, Options::default()).unwrap()
}

/// A module of two migrations; each says what stands in it besides `to`.
fn module(first: &str, second: &str) -> String {
    let mut text = "config module 'dhcp'\n\toption version '1.2.0'\n".to_owned();
    for (version, lines) in [("1.1.0", first), ("1.2.0", second)] {
        text += &format!("\nconfig migration\n\toption to '{version}'\n");
        for line in lines.lines() {
            text += &format!("\tlist {}\n", line.trim());
        }
    }
    text
}

/// A store with two leases and a module.
fn with(first: &str, second: &str) -> (Home, Store) {
    let home = Home::new(&[("dhcp", OPTIONS)]);
    let store = open(&home);
    let mut tx = store.transaction().unwrap();
    tx.create_table(
        Definition::parse("leases", &["ip TEXT required|ipv4", "host TEXT len:1,20"], &["ip"]).unwrap(),
    )
    .unwrap();
    tx.execute_sql("INSERT INTO leases VALUES ('10.0.0.1', 'Printer'), ('10.0.0.2', 'camera')").unwrap();
    tx.commit().unwrap();
    store.modules().add("dhcp", module(first, second).as_bytes()).unwrap();
    (home, store)
}

fn to(text: &str) -> MigrationOptions {
    MigrationOptions { to: Version::parse(text), from: None }
}

fn migrate(store: &Store, wish: &MigrationOptions) -> cms::Result<MigrationReport> {
    store.schema("dhcp")?.migrate(wish, &CommitOptions::default())
}

fn rollback(store: &Store, wish: &MigrationOptions) -> cms::Result<MigrationReport> {
    store.schema("dhcp")?.rollback(wish, &CommitOptions::default())
}

fn all() -> MigrationOptions {
    MigrationOptions::default()
}

fn data_version(store: &Store) -> String {
    store.schema("dhcp").unwrap().state().unwrap().data.to_string()
}

fn run(store: &Store, script: &str) {
    let mut tx = store.transaction().unwrap();
    tx.execute_sql(script).unwrap();
    tx.commit().unwrap();
}

/// The rows of a table, a line each.
fn rows(store: &Store, table: &str) -> String {
    let rows = store.snapshot().unwrap().table(table).unwrap().query(&Query::default()).unwrap();
    let line = |row: Vec<Datum>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

const LOWER: &str = "sql 'UPDATE leases SET host = lower(host) WHERE host <> lower(host)'";

#[test]
fn rows_options_and_stamp_are_one_commit() {
    let (home, store) = with(&format!("step 'rename pool.first start'\n{LOWER}"), "");
    let before = store.snapshot().unwrap().revision().unwrap();
    let plan = store.schema("dhcp").unwrap().plan(&all(), &CommitOptions::default()).unwrap();
    let [done] = &plan.sql[..] else { panic!("{:?}", plan.sql) };
    assert_eq!((done.version.to_string().as_str(), done.statement, done.rows), ("1.1.0", 1, 1));
    assert_eq!(done.text, "UPDATE leases SET host = lower(host) WHERE host <> lower(host)");
    assert_eq!(
        (rows(&store, "leases").as_str(), &*home.read("dhcp")),
        ("10.0.0.1 Printer\n10.0.0.2 camera", OPTIONS)
    );

    let report = migrate(&store, &all()).unwrap();
    assert_eq!(report.sql, plan.sql);
    assert_eq!(report.committed.revision, Revision(before.0 + 1));
    assert_eq!(report.committed.tables[0].1[0].key, "table.leases.10.0.0.1");
    assert_eq!(rows(&store, "leases"), "10.0.0.1 printer\n10.0.0.2 camera");
    assert_eq!(home.read("dhcp"), OPTIONS.replace("first", "start"));
    assert_eq!(data_version(&store), "1.2.0");
    assert!(migrate(&store, &all()).unwrap().committed.is_empty());

    let report = rollback(&store, &all()).unwrap();
    assert_eq!((report.restored[0].table.as_str(), report.restored[0].rows), ("leases", 1));
    assert_eq!(report.committed.revision, Revision(before.0 + 2));
    assert_eq!(rows(&store, "leases"), "10.0.0.1 Printer\n10.0.0.2 camera");
    assert_eq!(home.read("dhcp"), OPTIONS);
    assert_eq!(data_version(&store), "0.0.0");
}

#[test]
fn tables_are_made_altered_and_dropped_between_scripts() {
    let first = r#"sql 'alter table leases add "name TEXT len:1,20" default none'
        sql 'UPDATE leases SET name = lower(host)'
        sql 'alter table leases drop host index name'"#;
    let second = r#"sql 'create table devices "name TEXT required" "ip TEXT ipv4" unique ip'
        sql 'INSERT INTO devices SELECT name, ip FROM leases; DELETE FROM leases'
        sql 'drop table leases'"#;
    let (_home, store) = with(first, second);
    let report = migrate(&store, &to("1.1.0")).unwrap();
    assert_eq!(report.sql.iter().map(|done| done.rows).collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(rows(&store, "leases"), "10.0.0.1 printer\n10.0.0.2 camera");
    let between = store.snapshot().unwrap().table("leases").unwrap().definition().clone();
    let columns: Vec<String> = between.columns.iter().map(ToString::to_string).collect();
    assert_eq!(columns, ["ip TEXT required|ipv4", "name TEXT len:1,20"]);

    let report = migrate(&store, &all()).unwrap();
    let counts: Vec<(usize, u64)> = report.sql.iter().map(|done| (done.statement, done.rows)).collect();
    assert_eq!(counts, [(1, 0), (2, 2), (3, 2), (4, 0)]);
    assert_eq!(rows(&store, "devices"), "camera 10.0.0.2\nprinter 10.0.0.1");
    assert!(store.snapshot().unwrap().table("leases").is_err());

    rollback(&store, &all()).unwrap();
    assert_eq!(store.snapshot().unwrap().table("leases").unwrap().definition(), &between);
    assert_eq!(rows(&store, "leases"), "10.0.0.1 printer\n10.0.0.2 camera");
    assert!(store.snapshot().unwrap().table("devices").is_err());
    rollback(&store, &all()).unwrap();
    assert_eq!(rows(&store, "leases"), "10.0.0.1 Printer\n10.0.0.2 camera");

    // Both at once, and back at once.
    migrate(&store, &all()).unwrap();
    rollback(&store, &all()).unwrap();
    assert_eq!(rows(&store, "leases"), "10.0.0.1 Printer\n10.0.0.2 camera");
    assert!(store.snapshot().unwrap().table("devices").is_err());
}

#[test]
fn its_own_sql_takes_it_back_whoever_changed_the_table_since() {
    let first =
        "sql 'UPDATE leases SET host = lower(host)'\nrollback_sql 'UPDATE leases SET host = upper(host)'";
    let second = "sql 'DELETE FROM leases WHERE ip = \"x\"'".replace("\"x\"", "host");
    let second = format!("{second}\nrollback_sql 'SELECT 1'");
    let (_home, store) = with(first, &second);
    migrate(&store, &all()).unwrap();
    run(&store, "INSERT INTO leases VALUES ('10.0.0.3', 'scanner')");
    let report = rollback(&store, &all()).unwrap();
    let order: Vec<String> = report.sql.iter().map(|done| done.version.to_string()).collect();
    assert_eq!((order.join(" ").as_str(), report.sql[1].rows), ("1.2.0 1.1.0", 3));
    assert_eq!(rows(&store, "leases"), "10.0.0.1 PRINTER\n10.0.0.2 CAMERA\n10.0.0.3 SCANNER");
    assert_eq!(data_version(&store), "0.0.0");
}

#[test]
fn without_it_a_table_that_was_changed_since_refuses_the_rollback() {
    let (home, store) = with(&format!("step 'rename pool.first start'\n{LOWER}"), "");
    migrate(&store, &all()).unwrap();
    let migrated = home.read("dhcp");
    // Another table is no concern of it.
    let mut tx = store.transaction().unwrap();
    tx.create_table(Definition::parse("notes", &["id INT"], &["id"]).unwrap()).unwrap();
    tx.commit().unwrap();
    run(&store, "INSERT INTO leases VALUES ('10.0.0.3', 'scanner')");
    let changed_in = store.snapshot().unwrap().revision().unwrap();
    let schema = store.schema("dhcp").unwrap();
    for outcome in [rollback(&store, &all()), schema.plan_rollback(&all(), &CommitOptions::default())] {
        match outcome {
            Err(Error::TablesKept { version, changed, .. }) => {
                assert_eq!(version.to_string(), "1.1.0");
                assert_eq!((changed.len(), changed[0].table.as_str()), (1, "leases"));
                assert_eq!(changed[0].revision, changed_in);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((home.read("dhcp"), data_version(&store).as_str()), (migrated, "1.2.0"));
    // A text that says how is the way out.
    let told = module(
        &format!(
            "step 'rename pool.first start'\n{LOWER}\nrollback_sql 'UPDATE leases SET host = upper(host)'"
        ),
        "",
    );
    store.modules().add("dhcp", told.as_bytes()).unwrap();
    rollback(&store, &all()).unwrap();
    assert_eq!(rows(&store, "leases"), "10.0.0.1 PRINTER\n10.0.0.2 CAMERA\n10.0.0.3 SCANNER");
    assert_eq!(home.read("dhcp"), OPTIONS);

    // Rows that come where the SQL found none count as well.
    let (_home, store) = with("sql 'UPDATE leases SET host = NULL WHERE ip = host'", "");
    migrate(&store, &all()).unwrap();
    run(&store, "INSERT INTO leases VALUES ('10.0.0.3', 'scanner')");
    assert!(matches!(rollback(&store, &all()), Err(Error::TablesKept { .. })));
}

#[test]
fn a_state_that_never_was_is_not_made_up() {
    let (_home, store) = with(LOWER, "sql 'DELETE FROM leases'");
    migrate(&store, &all()).unwrap();
    match rollback(&store, &to("1.1.0")) {
        Err(error @ Error::TablesKept { .. }) => assert!(
            error.to_string().ends_with("what version 1.2.0 did to tables cannot be taken back, because the log has no state of version 1.1.0"),
            "{error}"
        ),
        other => panic!("{other:?}"),
    }
    rollback(&store, &all()).unwrap();
    assert_eq!(rows(&store, "leases"), "10.0.0.1 Printer\n10.0.0.2 camera");
}

#[test]
fn what_fails_is_named_and_nothing_is_changed() {
    let check = |second: &str, statement: usize, reason: &str| {
        let (home, store) = with(&format!("step 'rename pool.first start'\n{LOWER}"), second);
        match migrate(&store, &all()) {
            Err(Error::MigrationSql { module, version, statement: number, reason: why, .. }) => {
                assert_eq!(
                    (&*module, version.to_string().as_str(), number),
                    ("dhcp", "1.2.0", statement),
                    "{why}"
                );
                assert!(why.contains(reason), "{why}");
            }
            other => panic!("{second}: {other:?}"),
        }
        assert_eq!(rows(&store, "leases"), "10.0.0.1 Printer\n10.0.0.2 camera");
        assert_eq!((home.read("dhcp").as_str(), data_version(&store).as_str()), (OPTIONS, "0.0.0"));
    };
    check("sql 'DELETE FROM leases; UPDATE lease SET host = NULL'", 2, "lease");
    check("sql 'SELECT 1'\nsql 'SELECT * FROM commits'", 2, "is no table of the store");
    // A rule is broken by the second of three statements on one line.
    check("sql 'SELECT 1; INSERT INTO leases (ip) VALUES (host2()); SELECT 2'", 2, "host2");
    check(
        r#"sql "SELECT 1; UPDATE leases SET host = replace(host, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaa'); SELECT 2""#,
        2,
        "column host",
    );
    check("sql 'drop table nothing'", 1, "table nothing");
    check(r#"sql 'create table leases "a INT"'"#, 1, "exists already");
    check(r#"sql 'alter table leases drop mac'"#, 1, "mac");
    check(r#"sql 'alter table leases add "mac TEXT required"'"#, 1, "column mac");
    check("sql 'INSERT INTO leases SELECT * FROM leases'", 1, "which is unique: ip");
}

#[test]
fn rows_that_others_add_meanwhile_are_migrated_too() {
    // The count takes long enough for a row to come after the update looked for rows.
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(i) FROM n";
    let (_home, store) = with(&format!("{LOWER}\nsql '{count}'"), "");
    let writer = store.clone();
    let (started, start) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        for number in 3..=22 {
            let mut tx = writer.transaction().unwrap();
            let row = [format!("10.0.0.{number}"), format!("New{number}")].map(Datum::Text);
            tx.table("leases").unwrap().insert(row.to_vec()).unwrap();
            tx.commit().unwrap();
            started.send(()).unwrap();
        }
    });
    start.recv().unwrap();
    let mut outcome = migrate(&store, &all());
    while outcome.as_ref().is_err_and(Error::is_conflict) {
        outcome = migrate(&store, &all());
    }
    let report = outcome.unwrap();
    other.join().unwrap();
    let state = store.snapshot_at(report.committed.revision).unwrap();
    let rows = state.table("leases").unwrap().query(&Query::default()).unwrap();
    assert!(rows.len() > 2, "{}", rows.len());
    for row in rows {
        let host = row[1].to_string();
        assert_eq!(host, host.to_lowercase());
    }
}

#[test]
fn it_can_await_confirmation() {
    let (home, store) = with(&format!("step 'rename pool.first start'\n{LOWER}"), "");
    let confirm = Some(Confirm::within(Duration::from_secs(600)));
    let options = CommitOptions { confirm, ..CommitOptions::default() };
    let report = store.schema("dhcp").unwrap().migrate(&all(), &options).unwrap();
    store.cancel(Some(&report.committed.armed.unwrap().tokens[0])).unwrap();
    assert_eq!(rows(&store, "leases"), "10.0.0.1 Printer\n10.0.0.2 camera");
    assert_eq!((home.read("dhcp").as_str(), data_version(&store).as_str()), (OPTIONS, "0.0.0"));
}

#[test]
fn the_sql_of_texts_that_were_registered_earlier_is_known() {
    let (_home, store) = with(LOWER, "sql 'DELETE FROM leases WHERE host IS NULL'");
    let newest = "config module 'dhcp'\n\toption version '1.3.0'\n\nconfig migration\n\toption to '1.3.0'\n\
                  \tlist sql 'SELECT count(*) FROM leases'\n";
    store.modules().add("dhcp", newest.as_bytes()).unwrap();
    let report = migrate(&store, &all()).unwrap();
    let order: Vec<String> = report.sql.iter().map(|done| done.version.to_string()).collect();
    assert_eq!(order, ["1.1.0", "1.2.0", "1.3.0"]);
    let schema = store.schema("dhcp").unwrap();
    let first = schema.registry().version(Version { major: 1, minor: 1, patch: 0 }).unwrap();
    assert_eq!(first.migration.sql[0].statements().len(), 1);
    assert!(first.migration.rollback_sql.is_none());
}

//! What every home of the log must do with tables; a part of the suite of backends.

use std::sync::Arc;

use cms_log::{
    Backend, Commit, Error, Revision, ScriptLimits, ScriptRun, ScriptTask, checkpoint_state, tables_at,
};
use cms_model::table::{Datum, Definition, Query, Row, RowChange, Script, TableChange, TableName};

use crate::backend_suite::plain_commit;

/// The table of these tests.
pub fn leases() -> Arc<Definition> {
    let columns = [
        "ip TEXT required|ipv4",
        "mac TEXT mac",
        "host TEXT",
        "seen INT",
        "active BOOL",
        "until TIME",
        "share FLOAT",
    ];
    let mut table = Definition::parse("leases", &columns, &["ip"]).unwrap();
    table.add_index(&["mac"], true).unwrap();
    table.add_index(&["host", "seen"], false).unwrap();
    Arc::new(table)
}

/// A row of it.
pub fn lease(number: u8, host: &str) -> Row {
    let (ip, mac) = (format!("10.0.0.{number}"), format!("02:00:00:00:00:{number:02x}"));
    let seen = number.to_string();
    let values = [
        ("ip", ip.as_str()),
        ("mac", &mac),
        ("host", host),
        ("seen", &seen),
        ("active", "true"),
        ("until", "2026-11-23T09:30:00Z"),
        ("share", "0.5"),
    ];
    leases().row_from_text(&values).unwrap()
}

/// Commits changes of tables.
pub fn commit_tables(backend: &dyn Backend, tables: Vec<TableChange>) -> Result<Revision, Error> {
    let head = backend.head()?;
    let commit = Commit { tables, ..plain_commit(head.0 + 1) };
    let appended = backend.append(head, &commit, &[], None)?;
    let durable = backend.sync(appended)?;
    assert_eq!(backend.commit(durable.revision())?, Some(commit));
    Ok(durable.revision())
}

fn insert(row: &Row) -> RowChange {
    RowChange { old: None, new: Some(row.clone()) }
}

fn delete(row: &Row) -> RowChange {
    RowChange { old: Some(row.clone()), new: None }
}

fn update(old: &Row, new: &Row) -> RowChange {
    RowChange { old: Some(old.clone()), new: Some(new.clone()) }
}

fn rows(changes: Vec<RowChange>) -> Vec<TableChange> {
    vec![TableChange::rows(leases(), changes)]
}

fn make(backend: &dyn Backend, filled: &[Row]) -> Revision {
    let change = TableChange { old: None, new: Some(leases()), rows: filled.iter().map(insert).collect() };
    commit_tables(backend, vec![change]).unwrap()
}

fn found(backend: &dyn Backend, conditions: &[&str]) -> Vec<Row> {
    let query = Query::parse(&leases(), conditions).unwrap();
    let read = backend.rows(&leases(), &query).unwrap();
    assert_eq!(read.head, backend.head().unwrap());
    read.found.unwrap()
}

pub(crate) fn rows_change_with_their_commit(backend: &dyn Backend) {
    assert_eq!(backend.tables().unwrap(), (Revision::EMPTY, vec![]));
    assert_eq!(backend.rows(&leases(), &Query::default()).unwrap().found, None);
    let (one, two) = (lease(1, "attic"), lease(2, "cellar"));
    make(backend, std::slice::from_ref(&one));
    assert_eq!(backend.tables().unwrap(), (Revision(1), vec![leases()]));
    let moved = lease(1, "roof");
    commit_tables(backend, rows(vec![update(&one, &moved), insert(&two)])).unwrap();
    assert_eq!(found(backend, &[]), [moved.clone(), two.clone()]);
    assert_eq!(found(backend, &["host=cellar", "seen>=2", "active=true"]), std::slice::from_ref(&two));
    assert_eq!(found(backend, &["host^=ro", "until<2027-01-01T00:00:00Z"]), std::slice::from_ref(&moved));
    assert_eq!(found(backend, &["!host?"]), Vec::<Row>::new());
    assert_eq!(backend.count_rows(&leases()).unwrap().found, Some(2));
    let keys = [leases().key_of(&two), vec![Datum::Text("10.9.9.9".into())]];
    assert_eq!(backend.rows_by_key(&leases(), &keys).unwrap().found, Some(vec![Some(two), None]));
    // As the database sorts, so does the model.
    let query = Query::default().order_by(&leases(), "host", true).unwrap().offset(1).limit(5);
    let sorted = backend.rows(&leases(), &query).unwrap().found.unwrap();
    assert_eq!(sorted, query.run(&leases(), found(backend, &[])));
}

pub(crate) fn a_commit_that_does_not_fit_changes_nothing(backend: &dyn Backend) {
    let (one, two) = (lease(1, "attic"), lease(2, "cellar"));
    make(backend, &[one.clone(), two.clone()]);
    let refused = |changes: Vec<TableChange>, words: &str| {
        let error = commit_tables(backend, changes).unwrap_err();
        assert!(matches!(&error, Error::Table(_)) && error.to_string().contains(words), "{error}");
        assert_eq!(backend.head().unwrap(), Revision(1));
        assert_eq!(found(backend, &[]), [one.clone(), two.clone()]);
    };
    let three = lease(3, "roof");
    refused(rows(vec![insert(&three), delete(&lease(9, "-"))]), "row 10.0.0.9: there is no such row");
    let mut same_ip = three.clone();
    same_ip[0] = one[0].clone();
    refused(
        rows(vec![insert(&same_ip)]),
        "row 10.0.0.1: another row has the same value, which is unique: ip",
    );
    let mut same_mac = three;
    same_mac[1] = one[1].clone();
    refused(
        rows(vec![insert(&same_mac)]),
        "row 10.0.0.3: another row has the same value, which is unique: mac",
    );
    let mut other = Definition::clone(&leases());
    other.drop_column("share").unwrap();
    refused(vec![TableChange::rows(Arc::new(other), vec![])], "the table is another one");
    // Two rows may exchange what is unique.
    let (mut first, mut second) = (one.clone(), two.clone());
    (first[1], second[1]) = (two[1].clone(), one[1].clone());
    commit_tables(backend, rows(vec![update(&one, &first), update(&two, &second)])).unwrap();
    assert_eq!(found(backend, &[]), [first, second]);
}

pub(crate) fn tables_read_as_they_were(backend: &dyn Backend) {
    let (one, two) = (lease(1, "attic"), lease(2, "cellar"));
    make(backend, std::slice::from_ref(&one));
    commit_tables(backend, rows(vec![update(&one, &lease(1, "roof")), insert(&two)])).unwrap();
    let states: Vec<_> =
        (0..=2).map(|revision| tables_at(backend, Revision(revision), None).unwrap()).collect();
    assert!(states[0].is_empty());
    let name = TableName::new("leases").unwrap();
    assert_eq!(states[1][&name].1.values().cloned().collect::<Vec<_>>(), [one]);
    let now = &states[2][&name];
    // Altered, dropped, and made anew by taking both back.
    let mut wider = Definition::clone(&leases());
    wider.add_column("note TEXT".parse_column()).unwrap();
    let wider = Arc::new(wider);
    let widened = |row: &Row| {
        let mut row = row.clone();
        row.push(Datum::Null);
        row
    };
    let altered = TableChange {
        old: Some(leases()),
        new: Some(wider.clone()),
        rows: now.1.values().map(|row| update(row, &widened(row))).collect(),
    };
    commit_tables(backend, vec![altered.clone()]).unwrap();
    let dropped = TableChange {
        old: Some(wider),
        new: None,
        rows: now.1.values().map(|row| delete(&widened(row))).collect(),
    };
    commit_tables(backend, vec![dropped.clone()]).unwrap();
    assert!(backend.tables().unwrap().1.is_empty());
    assert_eq!(&tables_at(backend, Revision(2), None).unwrap(), &states[2]);
    commit_tables(backend, vec![TableChange::joined(&[dropped.inverse(), altered.inverse()]).unwrap()])
        .unwrap();
    assert_eq!(&tables_at(backend, backend.head().unwrap(), Some(&name)).unwrap(), &states[2]);
    assert!(matches!(tables_at(backend, Revision(99), None), Err(Error::NoSuchRevision { .. })));
}

/// Spares the tests a match.
trait ParseColumn {
    fn parse_column(self) -> cms_model::table::Column;
}

impl ParseColumn for &str {
    fn parse_column(self) -> cms_model::table::Column {
        cms_model::table::Column::parse(self).unwrap()
    }
}

pub(crate) fn retention_keeps_every_row(backend: &dyn Backend) {
    make(backend, &[lease(1, "attic")]);
    for number in 2..20 {
        commit_tables(backend, rows(vec![insert(&lease(number, "cellar"))])).unwrap();
    }
    let head = backend.head().unwrap();
    let (root, objects) = checkpoint_state(backend, Revision(15)).unwrap();
    backend.put_checkpoint(Revision(15), &root, &objects).unwrap();
    backend.retain(Revision(15)).unwrap();
    assert_eq!(found(backend, &[]).len(), 19);
    let name = TableName::new("leases").unwrap();
    assert_eq!(tables_at(backend, Revision(15), None).unwrap()[&name].1.len(), 15);
    assert!(tables_at(backend, Revision(14), None).unwrap_err().is_compacted());
    assert_eq!(backend.head().unwrap(), head);
}

fn run(backend: &dyn Backend, before: &[TableChange], script: &str) -> Result<ScriptRun, Error> {
    let script = Script::parse(script).map_err(Error::Script)?;
    let task = ScriptTask {
        head: backend.head()?,
        before,
        script: &script,
        limits: ScriptLimits { time: std::time::Duration::from_millis(300), rows: 50, bytes: 1 << 20 },
    };
    backend.run_script(&task)
}

pub(crate) fn scripts_answer_what_they_would_change(backend: &dyn Backend) {
    let (one, two) = (lease(1, "attic"), lease(2, "cellar"));
    make(backend, &[one.clone(), two.clone()]);
    let script = "UPDATE leases SET host = upper(host) WHERE seen > 1; \
                  INSERT INTO leases (ip, mac, active) VALUES ('10.0.0.3', '02:00:00:00:00:03', FALSE); \
                  UPDATE leases SET ip = '10.0.0.4' WHERE ip = '10.0.0.1'; \
                  INSERT INTO leases (ip) VALUES ('10.0.0.9'); DELETE FROM leases WHERE ip = '10.0.0.9'; \
                  WITH few AS (SELECT ip FROM leases WHERE host LIKE 'CEL%') SELECT count(*) AS n FROM few";
    let done = run(backend, &[], script).unwrap();
    assert_eq!(done.answers.iter().map(|answer| answer.changed).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0]);
    assert_eq!(done.answers[5].columns, ["n"]);
    assert_eq!(done.answers[5].rows, [[Datum::Int(1)]]);
    let [change] = &done.changes[..] else { panic!("{:?}", done.changes) };
    let mut moved = one.clone();
    moved[0] = Datum::Text("10.0.0.4".into());
    let mut made = vec![Datum::Null; 7];
    (made[0], made[1], made[4]) =
        (Datum::Text("10.0.0.3".into()), lease(3, "")[1].clone(), Datum::Bool(false));
    let mut found_changes = change.rows.clone();
    found_changes.sort_by(|a, b| (&a.old, &a.new).cmp(&(&b.old, &b.new)));
    let mut expected = vec![delete(&one), insert(&moved), update(&two, &lease(2, "CELLAR")), insert(&made)];
    expected.sort_by(|a, b| (&a.old, &a.new).cmp(&(&b.old, &b.new)));
    assert_eq!(found_changes, expected);
    // Nothing of it is there, and it can be committed.
    assert_eq!(found(backend, &[]), [one.clone(), two.clone()]);
    commit_tables(backend, done.changes).unwrap();
    assert_eq!(found(backend, &[]).len(), 3);
    // On a state that is not committed.
    let before = rows(vec![insert(&lease(7, "shed"))]);
    let seen = run(backend, &before, "SELECT host FROM leases WHERE ip = '10.0.0.7'").unwrap();
    assert_eq!(seen.answers[0].rows, [[Datum::Text("shed".into())]]);
    assert!(seen.changes.is_empty());
    // LIKE tells the case of letters, as PostgreSQL does.
    let seen = run(backend, &[], "SELECT ip FROM leases WHERE host LIKE 'cel%'").unwrap();
    assert!(seen.answers[0].rows.is_empty());
}

pub(crate) fn scripts_reach_nothing_but_the_tables(backend: &dyn Backend) {
    make(backend, &[lease(1, "attic")]);
    let (head, size) = (backend.head().unwrap(), found(backend, &[]));
    let refused = |script: &str, words: &str| {
        let error = run(backend, &[], script).unwrap_err();
        assert!(matches!(error, Error::Script(_) | Error::Table(_)), "{script}: {error:?}");
        assert!(error.to_string().contains(words), "{script}: {error}");
        assert_eq!((backend.head().unwrap(), found(backend, &[])), (head, size.clone()), "{script}");
    };
    refused("ATTACH DATABASE '/tmp/x' AS x", "ATTACH");
    refused("PRAGMA writable_schema = ON", "PRAGMA");
    refused("CREATE TRIGGER t AFTER INSERT ON leases BEGIN SELECT 1; END", "cms table create");
    refused("DROP TABLE leases", "cms table create");
    refused("SELECT count(*) FROM commits", "commits is no table");
    refused("SELECT header FROM commits", "commits is no table");
    refused("SELECT (SELECT max(revision) FROM main.commits)", "commits is no table");
    refused("WITH leases AS (SELECT value FROM meta) SELECT * FROM leases", "meta is no table");
    refused("DELETE FROM objects", "objects is no table");
    refused("UPDATE commits SET time_us = 0", "commits is no table");
    refused("INSERT INTO cms_tables VALUES ('x', 'y')", "the log's own");
    refused("SELECT * FROM cms_noted_0, leases", "the log's own");
    refused("SELECT sql FROM sqlite_schema", "only the tables");
    refused("SELECT * FROM \"sqlite_schema\"", "is no table");
    refused("SELECT * FROM sqlite_temp_master", "is no table");
    refused("SELECT count(*) FROM \"sqlite_master\"", "is no table");
    refused("SELECT name FROM pragma_table_info('commits')", "is no table");
    refused("SELECT count(*) FROM pragma_table_list", "is no table");
    refused("SELECT * FROM json_each('[1]')", "is no table");
    refused("SELECT load_extension('/tmp/x.so')", "load_extension");
    refused("SELECT randomblob(1000)", "randomblob is not allowed");
    refused("SELECT sqlite_version()", "sqlite_version");
    refused("INSERT OR REPLACE INTO leases (ip) VALUES ('10.0.0.1')", "ON CONFLICT");
    refused("SELECT \"no such column\" FROM leases", "no such column");
    refused("SELECT * FROM nowhere", "no such table: nowhere");
    refused(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "stopped",
    );
    refused(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "more than 50 rows",
    );
    refused(
        "WITH RECURSIVE n(t) AS (SELECT 'abcdefgh' UNION ALL SELECT t || t FROM n) SELECT length(t) FROM n LIMIT 40",
        "more than 1048576 bytes",
    );
    // Types, rules and indexes hold for scripts.
    refused("UPDATE leases SET mac = 'none'", "row 10.0.0.1, column mac: none is not");
    refused("UPDATE leases SET until = 'tomorrow'", "row 10.0.0.1, column until: tomorrow is no TIME");
    refused("UPDATE leases SET active = 7", "row 10.0.0.1, column active: 7 is no BOOL");
    refused("UPDATE leases SET seen = 'often'", "cannot store TEXT value in INTEGER column");
    refused(
        "INSERT INTO leases (ip, mac) VALUES ('10.0.0.2', '02:00:00:00:00:01')",
        "another row has the same value, which is unique: mac",
    );
    // A failure late in a script takes all of it back.
    refused("DELETE FROM leases; SELECT nowhere_to_be_found", "no such column");
}

//! Tables through the engine: rows and options in one commit, conflicts, the past, scripts, backups.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use cms::model::table::{Column, Comparison, Datum, Definition, Query, Row};
use cms::{
    BackupOptions, BackupSource, CommitOptions, Committed, Confirm, Error, FindingSeverity, HistoryQuery,
    Isolation, Options, RestoreOptions, Revision, ScriptLimits, Snapshot, Store, TableHistory, Transaction,
};
use support::{Home, NETWORK, key, set};

fn leases() -> Definition {
    let columns = ["ip TEXT required|ipv4", "host TEXT len:1,20", "uses INT between:0,200"];
    let mut table = Definition::parse("leases", &columns, &["ip"]).unwrap();
    table.add_index(&["host"], true).unwrap();
    table
}

fn ip(number: u8) -> Row {
    vec![Datum::Text(format!("10.0.0.{number}"))]
}

fn lease(number: u8, host: &str) -> Row {
    let mut row = ip(number);
    row.extend([Datum::Text(host.to_owned()), Datum::Int(number.into())]);
    row
}

fn store() -> (Home, Store) {
    let home = Home::new(&[("network", NETWORK)]);
    let store = Store::open(&home.location(), Options::default()).unwrap();
    (home, store)
}

/// A store with a table of these rows.
fn filled(rows: &[Row]) -> (Home, Store) {
    let (home, store) = store();
    commit(&store, |tx| {
        tx.create_table(leases())?;
        tx.table("leases")?.insert_all(rows.to_vec())
    })
    .unwrap();
    (home, store)
}

fn commit(store: &Store, work: impl FnOnce(&mut Transaction) -> cms::Result<()>) -> cms::Result<Committed> {
    let mut tx = store.transaction()?;
    work(&mut tx)?;
    tx.commit()
}

fn hosts_in(snapshot: &Snapshot) -> String {
    let table = snapshot.table("leases").unwrap();
    let rows = table.query(&Query::default()).unwrap();
    rows.iter().map(|row| row[1].to_string()).collect::<Vec<_>>().join(" ")
}

fn hosts(store: &Store) -> String {
    hosts_in(&store.snapshot().unwrap())
}

fn at(store: &Store, revision: Revision) -> String {
    hosts_in(&store.snapshot_at(revision).unwrap())
}

fn rename(tx: &mut Transaction, number: u8, host: &str) -> cms::Result<()> {
    tx.table("leases")?.update(&ip(number), &[("host", Datum::Text(host.to_owned()))])
}

fn sound(store: &Store) {
    let mut findings = store.doctor(&mut |_, _, _| {}).unwrap();
    // That a file is behind is none of its business: nobody waited for it.
    findings.retain(|finding| finding.severity == FindingSeverity::Error);
    assert!(findings.is_empty(), "{findings:?}");
}

fn options() -> CommitOptions {
    CommitOptions::default()
}

#[test]
fn rows_and_options_are_one_commit() {
    let (home, store) = filled(&[lease(1, "attic")]);
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1400");
    rename(&mut tx, 1, "roof").unwrap();
    tx.table("leases").unwrap().insert(lease(2, "cellar")).unwrap();
    let committed = tx.message("both").commit_and_wait_files().unwrap();
    assert_eq!(committed.revision, Revision(3));
    assert_eq!(committed.changes(), 3);
    assert!(std::fs::read_to_string(home.config().join("network")).unwrap().contains("1400"));
    let history = store.history(&HistoryQuery { limit: Some(1), ..Default::default() }).unwrap();
    let keys: Vec<&str> = history[0].changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["network.lan.mtu", "table.leases.10.0.0.1", "table.leases.10.0.0.2"]);
    let entries =
        store.table_history("leases", &TableHistory { key: Some(ip(1)), ..Default::default() }).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.revision.0).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(entries[0].changes[0].old.as_ref().unwrap().as_bytes(), Some(&b"host=attic"[..]));
    // What came after is not seen by those who look at what was before.
    assert_eq!(at(&store, Revision(2)), "attic");
    assert_eq!(hosts(&store), "roof cellar");
    let diff = store.diff_tables(Revision(2), Revision(3)).unwrap();
    assert_eq!(diff[0].1.len(), 2);
    // Another process reads the same.
    let again = Store::open(&home.location(), Options::default()).unwrap();
    assert_eq!(hosts(&again), "roof cellar");
}

#[test]
fn a_transaction_sees_its_snapshot_and_its_own_rows() {
    let (_home, store) = filled(&[lease(1, "attic"), lease(2, "cellar")]);
    let snapshot = store.snapshot().unwrap();
    let mut tx = store.transaction().unwrap();
    commit(&store, |tx| rename(tx, 1, "roof")).unwrap();
    assert_eq!(hosts_in(&snapshot), "attic cellar");
    let table = tx.table("leases").unwrap();
    assert_eq!(table.get(&ip(1)).unwrap(), Some(lease(1, "attic")));
    let savepoint = tx.savepoint();
    tx.table("leases").unwrap().delete(&ip(2)).unwrap();
    tx.table("leases").unwrap().insert(lease(3, "shed")).unwrap();
    let definition = tx.table("leases").unwrap().definition().clone();
    let query = Query::default()
        .filter(&definition, "uses", Comparison::AtLeast, Datum::Int(1))
        .unwrap()
        .order_by(&definition, "host", true)
        .unwrap();
    assert_eq!(tx.table("leases").unwrap().query(&query).unwrap(), [lease(3, "shed"), lease(1, "attic")]);
    let answers = tx.execute_sql("SELECT host FROM leases ORDER BY ip").unwrap();
    assert_eq!(answers[0].rows, [[Datum::Text("attic".into())], [Datum::Text("shed".into())]]);
    tx.rollback_to(savepoint).unwrap();
    assert!(tx.changes().is_empty());
    assert!(tx.table("leases").unwrap().get(&ip(2)).unwrap().is_some());
}

#[test]
fn the_same_row_is_a_conflict_and_another_one_is_not() {
    let (_home, store) = filled(&[lease(1, "attic"), lease(2, "cellar")]);
    let (mut mine, mut same, mut other) =
        (store.transaction().unwrap(), store.transaction().unwrap(), store.transaction().unwrap());
    rename(&mut mine, 1, "shed").unwrap();
    rename(&mut same, 1, "roof").unwrap();
    rename(&mut other, 2, "garage").unwrap();
    commit(&store, |tx| rename(tx, 1, "roof")).unwrap();
    match mine.commit() {
        Err(Error::Conflict { keys, revision, .. }) => {
            assert_eq!((keys, revision), (vec!["table.leases.10.0.0.1".to_owned()], Revision(3)));
        }
        other => panic!("{other:?}"),
    }
    assert!(same.commit().unwrap().is_empty(), "somebody said the same already");
    other.commit().unwrap();
    assert_eq!(hosts(&store), "roof garage");
    // Two inserts of one key, a deletion beside an update, and a merge that would break an index.
    let (mut first, mut second) = (store.transaction().unwrap(), store.transaction().unwrap());
    first.table("leases").unwrap().insert(lease(3, "barn")).unwrap();
    second.table("leases").unwrap().insert(lease(3, "tower")).unwrap();
    let mut gone = store.transaction().unwrap();
    gone.table("leases").unwrap().delete(&ip(2)).unwrap();
    let mut twice = store.transaction().unwrap();
    twice.table("leases").unwrap().insert(lease(9, "barn")).unwrap();
    first.commit().unwrap();
    assert!(second.commit().unwrap_err().is_conflict());
    let error = twice.commit().unwrap_err().to_string();
    assert_eq!(error, "table leases, row 10.0.0.9: another row has the same value, which is unique: host");
    commit(&store, |tx| rename(tx, 2, "yard")).unwrap();
    assert!(gone.commit().unwrap_err().is_conflict());
    // A table that became another one.
    let mut stale = store.transaction().unwrap();
    rename(&mut stale, 1, "loft").unwrap();
    let note = Column::parse("note TEXT").unwrap();
    commit(&store, |tx| {
        let default = (note.clone(), Datum::Text("-".into()));
        tx.table("leases")?.alter(|table| table.add_column(note), &[default])
    })
    .unwrap();
    assert!(stale.commit().unwrap_err().is_conflict());
    assert_eq!(
        store.snapshot().unwrap().table("leases").unwrap().get(&ip(1)).unwrap().unwrap()[3].to_string(),
        "-"
    );
}

#[test]
fn threads_that_insert_lose_no_row() {
    let (_home, store) = filled(&[]);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..10 {
                    let number = thread * 10 + number + 1;
                    let mut tx = store.transaction().unwrap();
                    tx.table("leases").unwrap().insert(lease(number, &format!("h{number}"))).unwrap();
                    if number % 3 == 0 {
                        set(&mut tx, &format!("network.lan.o{number}"), "1");
                    }
                    tx.commit().unwrap();
                }
            });
        }
    });
    let table = store.snapshot().unwrap().table("leases").unwrap();
    assert_eq!(table.query(&Query::default()).unwrap().len(), 40);
    let options = store.snapshot().unwrap().package(&"network".parse().unwrap()).unwrap().option_count();
    assert!(options >= 13, "{options}");
    sound(&store);
}

#[test]
fn the_past_comes_back() {
    let (_home, store) = filled(&[lease(1, "attic"), lease(2, "cellar")]);
    commit(&store, |tx| rename(tx, 1, "roof")).unwrap();
    commit(&store, |tx| tx.table("leases")?.insert(lease(3, "shed"))).unwrap();
    // Undo of one commit keeps what came after, and is refused where that stands on it.
    store.undo(Revision(3)..=Revision(3), &options()).unwrap();
    assert_eq!(hosts(&store), "attic cellar shed");
    commit(&store, |tx| rename(tx, 3, "barn")).unwrap();
    assert!(store.undo(Revision(4)..=Revision(4), &options()).unwrap_err().is_conflict());
    // A table that was dropped, with every row.
    commit(&store, |tx| tx.drop_table("leases")).unwrap();
    assert!(store.snapshot().unwrap().table("leases").unwrap_err().is_not_found());
    assert_eq!(at(&store, Revision(6)), "attic cellar barn");
    store.undo(Revision(7)..=Revision(7), &options()).unwrap();
    assert_eq!(hosts(&store), "attic cellar barn");
    // Of everything, over the change of a definition.
    commit(&store, |tx| tx.table("leases")?.alter(|table| table.drop_column("uses"), &[])).unwrap();
    assert_eq!(store.snapshot().unwrap().table("leases").unwrap().get(&ip(1)).unwrap().unwrap().len(), 2);
    let planned = store.rollback(Revision(3), None, &CommitOptions { dry_run: true, ..options() }).unwrap();
    assert!(!planned.tables.is_empty());
    store.rollback(Revision(3), None, &options()).unwrap();
    assert_eq!(hosts(&store), "roof cellar");
    store.rollback(Revision(1), None, &options()).unwrap();
    assert!(store.snapshot().unwrap().tables().unwrap().is_empty());
    store.rollback(Revision(4), None, &options()).unwrap();
    assert_eq!(hosts(&store), "roof cellar shed");
    let states: Vec<usize> = (1..=11)
        .map(|revision| store.snapshot_at(Revision(revision)).unwrap().tables().unwrap().len())
        .collect();
    assert_eq!(states, [0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0]);
    sound(&store);
}

#[test]
fn rows_that_nobody_confirms_come_back() {
    let (_home, store) = filled(&[lease(1, "attic"), lease(2, "cellar")]);
    let mut tx = store.transaction().unwrap();
    rename(&mut tx, 1, "roof").unwrap();
    rename(&mut tx, 2, "yard").unwrap();
    let confirm = Confirm { volatile: true, ..Confirm::within(Duration::from_secs(600)) };
    let committed = tx.confirm(confirm).commit().unwrap();
    commit(&store, |tx| rename(tx, 2, "barn")).unwrap();
    let settled = store.cancel(committed.armed.unwrap().tokens.first().map(String::as_str)).unwrap();
    assert_eq!(settled.conflicts, ["table.leases.10.0.0.2"], "what somebody has changed since stays");
    assert_eq!(hosts(&store), "attic barn");
}

#[test]
fn what_was_read_of_a_table_can_be_required() {
    let (_home, store) = filled(&[lease(1, "attic")]);
    let read = |serializable: bool, required: bool| {
        let isolation = if serializable { Isolation::Serializable } else { Isolation::Snapshot };
        let mut tx = store.transaction().unwrap().isolation(isolation);
        if required {
            tx.require_table("leases").unwrap();
        }
        let count = tx.table("leases").unwrap().query(&Query::default()).unwrap().len();
        set(&mut tx, "network.lan.count", &format!("{count}{serializable}{required}"));
        tx
    };
    let (plain, required, serial) = (read(false, false), read(false, true), read(true, false));
    let mut script = store.transaction().unwrap().isolation(Isolation::Serializable);
    script.execute_sql("SELECT 1").unwrap();
    set(&mut script, "network.lan.script", "1");
    commit(&store, |tx| tx.table("leases")?.insert(lease(2, "cellar"))).unwrap();
    for refused in [required, serial, script] {
        match refused.commit() {
            Err(Error::Conflict { keys, .. }) => assert_eq!(keys, ["table.leases"]),
            other => panic!("{other:?}"),
        }
    }
    plain.commit().unwrap();
    read(true, true).commit().unwrap();
}

#[test]
fn scripts_change_what_the_transaction_commits() {
    let (_home, store) = filled(&[lease(1, "attic"), lease(2, "cellar")]);
    let mut tx = store.transaction().unwrap();
    // Somebody commits after the transaction began: the script sees the transaction's state.
    commit(&store, |tx| tx.table("leases")?.insert(lease(7, "tower"))).unwrap();
    set(&mut tx, "network.lan.mtu", "1300");
    let answers =
        tx.execute_sql("UPDATE leases SET host = host || '-' || uses; SELECT count(*) FROM leases").unwrap();
    assert_eq!((answers[0].changed, answers[1].rows[0][0].to_string()), (2, "2".to_owned()));
    tx.execute_sql(
        "INSERT INTO leases VALUES ('10.0.0.5', 'five', 5); DELETE FROM leases WHERE ip = '10.0.0.5'",
    )
    .unwrap();
    for (script, words) in [
        ("UPDATE leases SET host = '' WHERE uses = 1", "row 10.0.0.1, column host:  has 0 characters"),
        ("SELECT * FROM commits", "is no table of the store"),
        ("UPDATE leases SET uses = 'many'", "cannot store TEXT"),
    ] {
        let error = tx.execute_sql(script).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let limits = ScriptLimits { time: Duration::from_millis(50), ..ScriptLimits::default() };
    assert!(tx.execute_sql_within(slow, limits).unwrap_err().to_string().contains("was stopped"));
    let committed = tx.commit().unwrap();
    assert_eq!(
        committed.changes(),
        3,
        "an update of two rows, an option, and nothing of what was taken back"
    );
    assert_eq!(hosts(&store), "attic-1 cellar-2 tower");
    // A script conflicts as any other change does.
    let mut late = store.transaction().unwrap();
    late.execute_sql("DELETE FROM leases WHERE uses = 1").unwrap();
    commit(&store, |tx| rename(tx, 1, "roof")).unwrap();
    assert!(late.commit().unwrap_err().is_conflict());
    let value = store.snapshot().unwrap().get(&key("network.lan.mtu")).unwrap().unwrap();
    assert_eq!(value.as_bytes(), Some(&b"1300"[..]));
}

#[test]
fn wrong_rows_and_definitions_are_refused_with_their_place() {
    let (_home, store) = filled(&[lease(1, "attic")]);
    let mut tx = store.transaction().unwrap();
    let refused = |outcome: cms::Result<()>, words: &str| {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let mut table = tx.table("leases").unwrap();
    refused(table.insert(lease(1, "roof")), "table.leases.10.0.0.1 exists already");
    refused(table.insert_all(vec![lease(4, "a"), lease(4, "b")]), "table.leases.10.0.0.4 exists already");
    refused(table.insert(vec![Datum::Null; 3]), "column ip: a column of the key has no value");
    let many = vec![Datum::Text("10.0.0.4".into()), Datum::Null, Datum::Int(201)];
    refused(table.insert(many), "column uses: 201 is not a number from 0 to 200 (rule between:0,200)");
    refused(table.insert(ip(4)), "the row has 1 values, the table 3 columns");
    refused(table.update(&ip(1), &[("host", Datum::Int(4))]), "column host: 4 is INT, the column is TEXT");
    refused(
        table.update(&ip(1), &[("hots", Datum::Null)]),
        "there is no such column; there are ip, host, uses",
    );
    refused(table.update(&ip(9), &[("host", Datum::Null)]), "table.leases.10.0.0.9 not found");
    refused(table.delete(&ip(9)), "not found");
    refused(table.alter(|table| table.drop_column("ip"), &[]), "a column of the key cannot be dropped");
    let column = Column::parse("kind TEXT required").unwrap();
    refused(table.alter(|table| table.add_column(column), &[]), "row 10.0.0.1, column kind: it has no value");
    refused(tx.create_table(leases()), "table leases exists already");
    refused(tx.drop_table("nothing"), "table nothing not found");
    refused(tx.table("no such").map(drop), "is no name of a table");
    assert!(tx.commit().unwrap().is_empty());
}

#[test]
fn a_backup_has_the_tables() {
    let (home, store) = filled(&[lease(1, "attic")]);
    let mut file = Vec::new();
    store.backup(&mut file, &BackupOptions::default(), &mut |_, _| {}).unwrap();
    commit(&store, |tx| tx.drop_table("leases")).unwrap();
    let restore = |location: &cms::Location, options: &RestoreOptions| {
        let mut reader = &file[..];
        let source = BackupSource { name: "b".to_owned(), reader: &mut reader };
        Store::restore(location, &mut [source], options, &mut |_| {}).unwrap()
    };
    // Over the store, as a commit.
    let restored = restore(&home.location(), &RestoreOptions::default());
    assert!(!restored.history && !restored.committed.tables.is_empty());
    assert_eq!(hosts(&store), "attic");
    // Into a place of its own, with the history.
    let empty = Home::new(&[]);
    restore(&empty.location(), &RestoreOptions::default());
    let copy = Store::open(&empty.location(), Options::default()).unwrap();
    assert_eq!(hosts(&copy), "attic");
    assert!(copy.snapshot_at(Revision(1)).unwrap().tables().unwrap().is_empty());
}

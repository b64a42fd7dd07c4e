//! Tables in SQLite: the indexes that queries use, the version of the file, backups, cutting, and what `verify` finds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cms_log::{Backend, Chain, Error, Extent, Open, Revision, Sqlite, TableStates, tables_at, write_backup};
use cms_model::table::{Definition, Query, RowChange, TableChange};
use cms_testkit::backend_suite::plain_commit;
use cms_testkit::table_suite::{commit_tables, lease, leases};
use rusqlite::Connection;

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, Open { create: true, ..Open::default() }).unwrap()
}

fn insert(number: u8) -> TableChange {
    let row = RowChange { old: None, new: Some(lease(number, "attic")) };
    TableChange::rows(leases(), vec![row])
}

fn made() -> TableChange {
    TableChange { old: None, new: Some(leases()), rows: Vec::new() }
}

fn version(path: &Path) -> i32 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_query_uses_the_key_and_the_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder.path().join("log.db"));
    commit_tables(&log, vec![made()]).unwrap();
    let plan = |conditions: &[&str], order: &str| {
        let mut query = Query::parse(&leases(), conditions).unwrap();
        if !order.is_empty() {
            query = query.order_by(&leases(), order, false).unwrap();
        }
        log.explain_rows(&leases(), &query).unwrap().join("; ")
    };
    assert_eq!(plan(&["ip=10.0.0.1"], ""), "SEARCH main.leases USING PRIMARY KEY (ip=?)");
    assert_eq!(
        plan(&["mac=02:00:00:00:00:01"], ""),
        "SEARCH main.leases USING INDEX cms_index_0_leases (mac=?)"
    );
    assert_eq!(
        plan(&["host=attic", "seen>3"], "seen"),
        "SEARCH main.leases USING INDEX cms_index_1_leases (host=? AND seen>?)"
    );
    assert!(
        plan(&["host^=at"], "host").starts_with("SEARCH main.leases USING INDEX cms_index_1_leases (host>?)")
    );
    assert_eq!(plan(&["active=true"], ""), "SCAN main.leases");
}

#[test]
fn a_log_without_tables_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let log = open(&path);
    let appended = log.append(Revision::EMPTY, &plain_commit(1), &[], None).unwrap();
    log.sync(appended).unwrap();
    assert_eq!(log.tables().unwrap().1, []);
    log.verify(&mut |_| {}).unwrap();
    drop(log);
    assert_eq!(version(&path), 1);
    let record: Vec<u8> = Connection::open(&path)
        .unwrap()
        .query_row("SELECT header FROM commits WHERE revision = 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(record[0], 1);
    let log = open(&path);
    commit_tables(&log, vec![made()]).unwrap();
    drop(log);
    assert_eq!(version(&path), 2, "programs that know nothing of tables refuse it");
    // And what comes after this program is refused by it.
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 3").unwrap();
    assert!(matches!(
        Sqlite::open(&path, Open::default()),
        Err(Error::NewerFormat { found: 3, known: 2, .. })
    ));
}

fn states(log: &Sqlite) -> Vec<TableStates> {
    let (first, head) = (log.first().unwrap(), log.head().unwrap());
    (first.0..=head.0).map(|revision| tables_at(log, Revision(revision), None).unwrap()).collect()
}

#[test]
fn backups_have_the_rows_and_can_be_cut() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder.path().join("log.db"));
    commit_tables(&log, vec![made()]).unwrap();
    for number in 1..6 {
        commit_tables(&log, vec![insert(number)]).unwrap();
    }
    // The oldest commits are gone, and with them what made the rows.
    let (root, objects) = cms_log::checkpoint_state(&log, Revision(4)).unwrap();
    log.put_checkpoint(Revision(4), &root, &objects).unwrap();
    log.retain(Revision(4)).unwrap();
    let backup = |since, known| {
        let extent = Extent { store: [3; 16], since, known, time_us: 1, place: "/etc/config".into() };
        let mut file = Vec::new();
        let (_, newest) = write_backup(&log, &mut file, &extent, &mut |_, _| {}).unwrap();
        (file, newest)
    };
    let (whole, known) = backup(None, 0);
    let middle = log.head().unwrap();
    for number in 6..9 {
        commit_tables(&log, vec![insert(number)]).unwrap();
    }
    let dropped = TableChange {
        old: Some(leases()),
        new: None,
        rows: tables_at(&log, log.head().unwrap(), None)
            .unwrap()
            .into_values()
            .next()
            .unwrap()
            .1
            .into_values()
            .map(|row| RowChange { old: Some(row), new: None })
            .collect(),
    };
    commit_tables(&log, vec![dropped]).unwrap();
    let (rest, _) = backup(Some(middle), known);
    assert_eq!((whole[13], rest[13]), (2, 2), "the version of both");
    let copy = open(&folder.path().join("copy.db"));
    let mut chain = Chain::default();
    for file in [&whole, &rest] {
        chain.read(&mut &file[..], Some(&copy), &mut |_| {}).unwrap();
    }
    assert_eq!(states(&copy), states(&log));
    assert_eq!(copy.verify(&mut |_| {}).unwrap(), []);
    let at_seven = tables_at(&copy, Revision(7), None).unwrap();
    copy.cut_after(Revision(7)).unwrap();
    assert_eq!(tables_at(&copy, Revision(7), None).unwrap(), at_seven);
    assert_eq!(copy.head().unwrap(), Revision(7));
    assert_eq!(copy.verify(&mut |_| {}).unwrap(), []);
    // A byte of a row that is not what it was.
    let mut damaged = whole.clone();
    let at = damaged.len() - 120;
    damaged[at] ^= 1;
    assert!(Chain::default().read(&mut &damaged[..], None, &mut |_| {}).is_err());
}

/// Commits of every kind that version 2 has.
fn fill(log: &Sqlite) {
    commit_tables(log, vec![made()]).unwrap();
    commit_tables(log, vec![insert(1)]).unwrap();
    let moved = RowChange { old: Some(lease(1, "attic")), new: Some(lease(1, "roof")) };
    let second = RowChange { old: None, new: Some(lease(2, "cellar")) };
    commit_tables(log, vec![TableChange::rows(leases(), vec![moved, second])]).unwrap();
    let mut narrow = Definition::clone(&leases());
    narrow.drop_column("share").unwrap();
    let narrow = Arc::new(narrow);
    let row = |number, host: &str| lease(number, host)[..6].to_vec();
    let rows = [(1, "roof"), (2, "cellar")]
        .map(|(number, host)| RowChange { old: Some(lease(number, host)), new: Some(row(number, host)) });
    let altered = TableChange { old: Some(leases()), new: Some(narrow.clone()), rows: rows.to_vec() };
    commit_tables(log, vec![altered]).unwrap();
    let rows = [(1, "roof"), (2, "cellar")]
        .map(|(number, host)| RowChange { old: Some(row(number, host)), new: None });
    commit_tables(log, vec![TableChange { old: Some(narrow), new: None, rows: rows.to_vec() }]).unwrap();
    commit_tables(log, vec![made()]).unwrap();
    commit_tables(log, vec![insert(3)]).unwrap();
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v2.db")
}

/// Writes the fixture of version 2, which was done once: `cargo test -p cms-log --test tables -- --ignored`.
#[test]
#[ignore = "the fixture of a released format is never written again"]
fn write_fixture() {
    let log = open(&fixture());
    fill(&log);
    log.tidy().unwrap();
}

#[test]
fn the_fixture_of_version_2_opens_and_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    std::fs::copy(fixture(), &path).unwrap();
    let log = Sqlite::open(&path, Open::default()).unwrap();
    assert_eq!(log.verify(&mut |_| {}).unwrap(), []);
    let fresh = open(&folder.path().join("fresh.db"));
    fill(&fresh);
    assert_eq!(states(&log), states(&fresh));
    for revision in 1..=log.head().unwrap().0 {
        assert_eq!(log.commit(Revision(revision)).unwrap(), fresh.commit(Revision(revision)).unwrap());
    }
    commit_tables(&log, vec![insert(4)]).unwrap();
}

#[test]
fn verify_finds_a_row_that_no_commit_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let log = open(&path);
    commit_tables(&log, vec![made()]).unwrap();
    commit_tables(&log, vec![insert(1)]).unwrap();
    drop(log);
    Connection::open(&path).unwrap().execute_batch("UPDATE leases SET host = 'cellar'").unwrap();
    let findings = open(&path).verify(&mut |_| {}).unwrap();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].what.contains("row 10.0.0.1: the row is not what it was"), "{findings:?}");
}

#[test]
fn several_commits_with_rows_are_appended_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder.path().join("log.db"));
    commit_tables(&log, vec![made()]).unwrap();
    let commit =
        |revision: u64, number| cms_log::Commit { tables: vec![insert(number)], ..plain_commit(revision) };
    let twice = [commit(2, 1), commit(3, 1)];
    assert!(matches!(log.append_all(Revision(1), &[&twice[0], &twice[1]]), Err(Error::Table(_))));
    assert_eq!(log.head().unwrap(), Revision(1));
    let both = [commit(2, 1), commit(3, 2)];
    let appended = log.append_all(Revision(1), &[&both[0], &both[1]]).unwrap();
    log.sync(appended).unwrap();
    let table = Arc::clone(&leases());
    assert_eq!(log.rows(&table, &Query::default()).unwrap().found.unwrap().len(), 2);
}

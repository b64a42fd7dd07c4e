//! What rows in the log cost beside plain SQLite: `cargo run --release -p cms-log --example table_rows [ROWS]`.
//!
//! The same rows, with the same key and index, go into a table of SQLite in one transaction, and into a table of the log in one
//! commit, which keeps the row changes for the history as well. Both are synced. Then single rows, one commit each.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cms_log::{Backend, Commit, CommitKind, Open, Origin, Revision, Sqlite};
use cms_model::table::{Datum, Definition, Row, RowChange, TableChange};
use rusqlite::{Connection, params};

const SINGLE: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let rows: Vec<Row> = (0..count + SINGLE).map(row).collect();

    let mut plain = Connection::open(folder.path().join("plain.db"))?;
    plain.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    plain.execute_batch(
        "PRAGMA synchronous = FULL;
         CREATE TABLE leases (ip TEXT PRIMARY KEY, host TEXT, seen INTEGER) STRICT, WITHOUT ROWID;
         CREATE INDEX by_host ON leases (host);",
    )?;
    let begin = Instant::now();
    insert(&mut plain, &rows[..count])?;
    let plain_bulk = begin.elapsed();
    let begin = Instant::now();
    for row in &rows[count..] {
        insert(&mut plain, std::slice::from_ref(row))?;
    }
    let plain_single = begin.elapsed();

    let log =
        Sqlite::open(folder.path().join("log.db"), Open { create: true, writes: true, ..Open::default() })?;
    let mut table = Definition::parse("leases", &["ip TEXT", "host TEXT", "seen INT"], &["ip"])?;
    table.add_index(&["host"], false)?;
    let table = Arc::new(table);
    commit(&log, TableChange { old: None, new: Some(table.clone()), rows: Vec::new() })?;
    let inserts = |rows: &[Row]| {
        let rows = rows.iter().map(|row| RowChange { old: None, new: Some(row.clone()) });
        TableChange::rows(table.clone(), rows.collect())
    };
    let begin = Instant::now();
    commit(&log, inserts(&rows[..count]))?;
    let ours_bulk = begin.elapsed();
    let begin = Instant::now();
    for row in &rows[count..] {
        commit(&log, inserts(std::slice::from_ref(row)))?;
    }
    let ours_single = begin.elapsed();

    let rate = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
    println!(
        "{count} rows in one transaction, rows/s: log {:.0}, SQLite {:.0}",
        rate(count, ours_bulk),
        rate(count, plain_bulk)
    );
    println!(
        "{SINGLE} transactions of one row, µs each: log {:.0}, SQLite {:.0}",
        1e6 / rate(SINGLE, ours_single),
        1e6 / rate(SINGLE, plain_single)
    );
    Ok(())
}

fn row(number: usize) -> Row {
    let ip = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    vec![
        Datum::Text(ip),
        Datum::Text(format!("host-{}", number.wrapping_mul(7919) % 10_007)),
        Datum::Int(number as i64),
    ]
}

fn insert(plain: &mut Connection, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let transaction = plain.transaction()?;
    {
        let mut statement = transaction.prepare_cached("INSERT INTO leases VALUES (?1, ?2, ?3)")?;
        for row in rows {
            if let [Datum::Text(ip), Datum::Text(host), Datum::Int(seen)] = &row[..] {
                statement.execute(params![ip, host, seen])?;
            }
        }
    }
    Ok(transaction.commit()?)
}

fn commit(log: &Sqlite, change: TableChange) -> Result<Revision, Box<dyn Error>> {
    let head = log.head()?;
    let commit = Commit {
        revision: head.next(),
        time_us: 0,
        author: "ada".into(),
        tool: "table_rows".into(),
        message: String::new(),
        origin: Origin::Direct,
        kind: CommitKind::Normal,
        packages: Vec::new(),
        tables: vec![change],
        conflicts: Vec::new(),
    };
    let appended = log.append(head, &commit, &[], None)?;
    Ok(log.sync(appended)?.revision())
}

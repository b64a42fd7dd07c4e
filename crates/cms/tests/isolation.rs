//! What a transaction is checked against, its savepoints, its deadline, and changes without a transaction of their own.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, SystemTime};

use cms::{Error, Isolation, Transaction, TransactionManager};
use support::{Home, commit, key, now, package, set};

const DUTY: &str =
    "config duty 'rota'\n\toption alice 'on'\n\toption bob 'on'\n\nconfig duty 'other'\n\toption eve 'on'\n";

fn home() -> Home {
    Home::new(&[("rota", DUTY)])
}

fn text(tx: &mut Transaction, name: &str) -> Option<String> {
    let value = tx.get(&key(name)).unwrap()?;
    Some(String::from_utf8_lossy(&value.items()[0]).into_owned())
}

#[track_caller]
fn refused(tx: Transaction, keys: &[&str]) {
    match tx.commit() {
        Err(Error::Conflict { keys: found, .. }) => assert_eq!(found, keys),
        other => panic!("{other:?}"),
    }
}

#[test]
fn snapshot_isolation_lets_writes_skew() {
    let home = home();
    let store = home.open();
    let (mut first, mut second) = (store.transaction().unwrap(), store.transaction().unwrap());
    assert_eq!(text(&mut first, "rota.rota.bob").as_deref(), Some("on"));
    assert_eq!(text(&mut second, "rota.rota.alice").as_deref(), Some("on"));
    set(&mut first, "rota.rota.alice", "off");
    set(&mut second, "rota.rota.bob", "off");
    first.commit().unwrap();
    second.commit().unwrap();
}

#[test]
fn serializable_transactions_do_not_skew() {
    let home = home();
    let store = home.open();
    let begin = || store.transaction().unwrap().isolation(Isolation::Serializable);
    let (mut first, mut second) = (begin(), begin());
    assert_eq!(text(&mut first, "rota.rota.bob").as_deref(), Some("on"));
    assert_eq!(text(&mut second, "rota.rota.alice").as_deref(), Some("on"));
    set(&mut first, "rota.rota.alice", "off");
    set(&mut second, "rota.rota.bob", "off");
    first.commit().unwrap();
    refused(second, &["rota.rota.alice"]);
    assert_eq!(now(&store, "rota.rota.bob").as_deref(), Some("on"));
}

#[test]
fn what_is_required_must_stay() {
    let home = home();
    let store = home.open();
    let requiring = |required: &str| {
        let mut tx = store.transaction().unwrap();
        tx.require(&key(required)).unwrap();
        set(&mut tx, "rota.other.eve", "off");
        tx
    };
    let (option, section, whole) = (requiring("rota.rota.alice"), requiring("rota.rota"), requiring("rota"));
    let (neighbour, absent) = (requiring("rota.rota.bob"), requiring("rota.night.shift"));
    commit(&store, "rota.rota.alice", "off").unwrap();
    refused(option, &["rota.rota.alice"]);
    refused(section, &["rota.rota"]);
    refused(whole, &["rota"]);
    neighbour.commit().unwrap();

    let mut tx = store.transaction().unwrap();
    tx.draft(&package("rota"))
        .unwrap()
        .set_type(&support::section("night"), &cms::model::TypeName::new("duty").unwrap())
        .unwrap();
    tx.commit().unwrap();
    refused(absent, &["rota.night.shift"]);
}

#[test]
fn a_requirement_holds_where_only_places_changed() {
    let home = home();
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    tx.require(&key("rota.rota.alice")).unwrap();
    set(&mut tx, "rota.other.eve", "off");
    let mut other = store.transaction().unwrap();
    other.draft(&package("rota")).unwrap().reorder(&support::section("rota"), 1).unwrap();
    other.commit().unwrap();
    tx.commit().unwrap();
}

#[test]
fn who_begins_after_a_commit_sees_it() {
    let home = home();
    let (one, other) = (home.open(), home.open());
    for number in 0..20 {
        commit(&one, "rota.rota.alice", &number.to_string()).unwrap();
        let mut tx = other.transaction().unwrap();
        assert_eq!(text(&mut tx, "rota.rota.alice"), Some(number.to_string()));
    }
}

#[test]
fn a_transaction_goes_back_to_its_savepoints() {
    let home = home();
    let store = home.open();
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "rota.rota.alice", "one");
    let one = tx.savepoint();
    set(&mut tx, "rota.rota.alice", "two");
    tx.create_package(&package("new")).unwrap();
    let two = tx.savepoint();
    tx.delete_package(&package("rota")).unwrap();
    assert_eq!(text(&mut tx, "rota.rota.alice"), None);

    tx.rollback_to(two).unwrap();
    assert_eq!(text(&mut tx, "rota.rota.alice").as_deref(), Some("two"));
    tx.rollback_to(one).unwrap();
    assert_eq!(text(&mut tx, "rota.rota.alice").as_deref(), Some("one"));
    assert!(matches!(tx.rollback_to(two), Err(Error::NotFound { .. })), "it was forgotten");
    tx.rollback_to(one).unwrap();

    let changes = tx.changes();
    let value = |text: &str| Some(cms::model::Value::scalar(text));
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].key.as_str(), &changes[0].old, &changes[0].new),
        ("rota.rota.alice", &value("on"), &value("one"))
    );
    let committed = tx.commit_and_wait_files().unwrap();
    assert_eq!(committed.changes(), 1);
    assert_eq!(home.listing(), ["rota"]);
}

#[test]
fn after_its_deadline_a_transaction_is_over() {
    let home = home();
    let store = home.open();
    let mut tx = store.transaction().unwrap().deadline(Duration::from_secs(3600));
    set(&mut tx, "rota.rota.alice", "off");
    tx.commit().unwrap();

    let mut tx = store.transaction().unwrap();
    set(&mut tx, "rota.rota.alice", "late");
    let mut tx = tx.deadline(Duration::ZERO);
    let id = tx.id();
    assert!(
        matches!(tx.draft(&package("rota")), Err(Error::Expired { transaction, .. }) if transaction == id)
    );
    assert!(matches!(tx.commit(), Err(Error::Expired { .. })));
    assert_eq!(now(&store, "rota.rota.alice").as_deref(), Some("off"));
}

#[test]
fn transactions_are_active_until_they_end() {
    let home = home();
    let store = home.open();
    let before = SystemTime::now();
    let mut all: Vec<Transaction> = (0..1000).map(|_| store.transaction().unwrap()).collect();
    let active = store.active_transactions();
    assert_eq!(active.len(), 1000);
    assert!(active.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(active.iter().all(|one| one.started >= before && one.author == cms::current_user()));

    let last = all.pop().unwrap();
    let id = last.id();
    last.rollback();
    assert!(store.active_transactions().iter().all(|one| one.id != id));
    for (number, mut tx) in all.into_iter().enumerate() {
        set(&mut tx, &format!("rota.rota.o{number}"), "1");
        tx.commit().unwrap();
    }
    assert_eq!(store.active_transactions(), []);
    assert_eq!(now(&store, "rota.rota.o998").as_deref(), Some("1"));
}

#[test]
fn a_manager_commits_each_change_or_collects_them() {
    let home = home();
    let store = home.open();
    let manager = TransactionManager::new(&store);
    let change = |name: &'static str, value: &'static str| {
        move |tx: &mut Transaction| {
            set(tx, name, value);
            Ok(())
        }
    };
    assert!(manager.auto_commit());
    let first = manager.change(change("rota.rota.alice", "1")).unwrap().unwrap();
    assert_eq!((first.revision.0, manager.last_id()), (2, 1));

    manager.set_auto_commit(false).unwrap();
    assert!(manager.change(change("rota.rota.alice", "2")).unwrap().is_none());
    let failed = manager.change(|tx| {
        set(tx, "rota.rota.bob", "2");
        tx.delete_package(&package("none"))
    });
    assert!(matches!(failed, Err(Error::NotFound { .. })));
    assert_eq!(manager.active().len(), 1);
    assert_eq!(now(&store, "rota.rota.alice").as_deref(), Some("1"));
    let second = manager.set_auto_commit(true).unwrap().unwrap();
    assert_eq!((second.revision.0, second.changes()), (3, 1), "the change that failed is not in it");

    manager.set_auto_commit(false).unwrap();
    manager.change(change("rota.rota.alice", "3")).unwrap();
    manager.rollback();
    assert!(manager.commit().unwrap().is_none());
    assert_eq!(now(&store, "rota.rota.alice").as_deref(), Some("2"));
}

#[test]
fn of_many_threads_each_has_its_own_answer() {
    let home = home();
    let store = home.open();
    let all: Vec<Transaction> = (0..64)
        .map(|number| {
            let mut tx = store.transaction().unwrap();
            // Every fourth one wants what another one wants.
            let name = if number % 4 == 0 { "same".to_owned() } else { format!("own{number}") };
            set(&mut tx, &format!("rota.rota.{name}"), &number.to_string());
            tx
        })
        .collect();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = all.into_iter().map(|tx| scope.spawn(move || tx.commit())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut revisions = Vec::new();
    let mut same = 0;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(committed) => {
                revisions.push(committed.revision.0);
                same += usize::from(number % 4 == 0);
                assert_eq!(committed.changes(), 1);
            }
            Err(Error::Conflict { keys, .. }) => {
                assert_eq!((number % 4, &keys[..]), (0, &["rota.rota.same".to_owned()][..]))
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(same, 1, "one of those who wanted the same");
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=50).collect::<Vec<u64>>());
    for number in (0..64).filter(|number| number % 4 != 0) {
        assert_eq!(now(&store, &format!("rota.rota.own{number}")), Some(number.to_string()));
    }
}

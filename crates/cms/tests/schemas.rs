//! Schemas at a commit: what they allow, what they tell, and that they lock nobody out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::PathBuf;

use cms::model::schema::{Mode, Typed};
use cms::model::{Diagnostic, Key, Package, Severity, TypeName};
use cms::{CommitOptions, Committed, Error, Options, Store, Warning};
use support::{Home, NETWORK, key, now, package, set};

const SCHEMA: &str = "config module 'network'\n\toption mode 'enforce'\n\nconfig fields 'interface'\n\toption proto 'in:static,dhcp'\n\
                      \toption mtu 'uint|between:68,9200'\n\toption metric 'uint|default:7'\n\tlist dns 'ip'\n";

fn modules(home: &Home) -> PathBuf {
    home.config().with_file_name("modules")
}

fn open(home: &Home) -> Store {
    let location = home.location().with_modules(vec![home.config().with_file_name("vendor"), modules(home)]);
    Store::open(&location, Options::default()).unwrap()
}

fn with_schema(schema: &str) -> (Home, Store) {
    let home = Home::new(&[("network", NETWORK)]);
    let store = open(&home);
    store.modules().add("network", schema.as_bytes()).unwrap();
    (home, store)
}

fn commit(store: &Store, changes: &[(&str, &str)]) -> cms::Result<Committed> {
    let mut tx = store.transaction().unwrap();
    for (key, value) in changes {
        set(&mut tx, key, value);
    }
    tx.commit()
}

fn add(tx: &mut cms::Transaction, section: &str, kind: &str) {
    let key = key(section);
    let selector = key.section.unwrap();
    tx.draft(&key.package).unwrap().set_type(&selector, &TypeName::new(kind).unwrap()).unwrap();
}

fn refused(outcome: cms::Result<Committed>) -> Vec<Diagnostic> {
    match outcome {
        Err(Error::Refused { diagnostics }) => diagnostics,
        other => panic!("not refused: {other:?}"),
    }
}

fn told(committed: &Committed) -> Vec<String> {
    let findings = committed.warnings.iter().flat_map(|warning| match warning {
        Warning::Findings { diagnostics, .. } => diagnostics.clone(),
        other => panic!("{other:?}"),
    });
    findings
        .map(|found| {
            assert_eq!(found.severity, Severity::Warning);
            found.message
        })
        .collect()
}

#[test]
fn what_an_enforced_schema_does_not_allow_is_refused_as_a_whole() {
    let (home, store) = with_schema(SCHEMA);
    let found = refused(commit(&store, &[("network.lan.mtu", "1400"), ("network.lan.proto", "statc")]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].file.as_deref(), Some(home.config().join("network").to_str().unwrap()));
    assert_eq!((found[0].line, found[0].severity), (4, Severity::Error));
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `static`?"));
    assert_eq!(now(&store, "network.lan.mtu").as_deref(), Some("1500"), "nothing of it was committed");
    assert_eq!(store.head().unwrap().0, 1);
    let committed = commit(&store, &[("network.lan.mtu", "1400")]).unwrap();
    assert!(committed.warnings.is_empty(), "{:?}", committed.warnings);
}

#[test]
fn by_default_it_is_told_and_committed() {
    let (_home, store) = with_schema(&SCHEMA.replace("\toption mode 'enforce'\n", ""));
    let committed = commit(&store, &[("network.lan.proto", "statc"), ("network.lan.mut", "1400")]).unwrap();
    assert_eq!(
        told(&committed),
        [
            "`network.lan.proto`: `statc` is not one of `static`, `dhcp`",
            "`network.lan.mut` is no option of `interface`"
        ]
    );
    let (_home, store) = with_schema(&SCHEMA.replace("enforce", "off"));
    assert!(commit(&store, &[("network.lan.proto", "statc")]).unwrap().warnings.is_empty());
}

#[test]
fn whoever_says_so_commits_all_the_same() {
    let (_home, store) = with_schema(SCHEMA);
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.proto", "statc");
    tx.check_at_most(Mode::Warn);
    assert_eq!(told(&tx.commit().unwrap()).len(), 1);
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.mtu", "1");
    tx.check_at_most(Mode::Off);
    assert!(tx.commit().unwrap().warnings.is_empty());
}

#[test]
fn whoever_wants_to_be_stopped_is_stopped() {
    for mode in ["warn", "off"] {
        let (_home, store) = with_schema(&SCHEMA.replace("enforce", mode));
        let mut tx = store.transaction().unwrap();
        set(&mut tx, "network.lan.proto", "statc");
        tx.check_at_least(Mode::Enforce);
        assert_eq!(refused(tx.commit()).len(), 1, "{mode}");
    }
    let (_home, store) = with_schema(SCHEMA);
    let mut tx = store.transaction().unwrap();
    set(&mut tx, "network.lan.proto", "statc");
    tx.check_at_least(Mode::Enforce);
    tx.check_at_most(Mode::Warn);
    assert_eq!(told(&tx.commit().unwrap()).len(), 1);
}

#[test]
fn the_way_back_is_never_closed() {
    let home = Home::new(&[("network", &NETWORK.replace("static", "statc"))]);
    let store = open(&home);
    let before = store.snapshot().unwrap().revision().unwrap();
    commit(&store, &[("network.lan.proto", "dhcp")]).unwrap();
    store.modules().add("network", SCHEMA.as_bytes()).unwrap();
    let back = store.rollback(before, None, &CommitOptions::default()).unwrap();
    assert_eq!(told(&back).len(), 1);
    assert_eq!(now(&store, "network.lan.proto").as_deref(), Some("statc"));
}

#[test]
fn what_was_wrong_before_does_not_stop_a_commit_that_does_not_touch_it() {
    let home = Home::new(&[("network", &NETWORK.replace("static", "statc"))]);
    let store = open(&home);
    store.modules().add("network", SCHEMA.as_bytes()).unwrap();
    assert!(commit(&store, &[("network.lan.mtu", "1400")]).unwrap().warnings.is_empty());
    let found = store.validate(&store.snapshot().unwrap(), None).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("statc"), "{found:?}");
}

#[test]
fn what_others_refer_to_cannot_be_taken_away() {
    const FIREWALL: &str = "config zone\n\toption network 'lan'\n";
    let home = Home::new(&[("network", NETWORK), ("firewall", FIREWALL)]);
    let store = open(&home);
    let firewall = "config module 'firewall'\n\toption mode 'enforce'\n\nconfig fields 'zone'\n\toption network 'ref:network.interface'\n";
    store.modules().add("firewall", firewall.as_bytes()).unwrap();
    let delete = |name: &str| {
        let mut tx = store.transaction().unwrap();
        let draft = tx.draft(&package("network")).unwrap();
        draft.delete_section(key(&format!("network.{name}")).section.as_ref().unwrap()).unwrap();
        tx
    };
    let found = refused(delete("lan").commit());
    assert_eq!(found[0].file.as_deref(), Some(home.config().join("firewall").to_str().unwrap()), "{found:?}");
    // Both at once is fine.
    let mut tx = delete("lan");
    add(&mut tx, "network.uplink", "interface");
    set(&mut tx, "firewall.@zone[0].network", "uplink");
    tx.commit().unwrap();
    let found = refused(commit(&store, &[("firewall.@zone[0].network", "lan")]));
    assert!(found[0].message.contains("`lan`"), "{found:?}");
    let mut tx = store.transaction().unwrap();
    tx.delete_package(&package("network")).unwrap();
    assert_eq!(refused(tx.commit()).len(), 1);
}

#[test]
fn a_schema_is_noticed_when_it_comes_changes_and_goes() {
    let (home, store) = with_schema(SCHEMA);
    let faulty = [("network.lan.proto", "statc")];
    refused(commit(&store, &faulty));
    let path = modules(&home).join("network");
    // In place, as some editors write.
    fs::write(&path, SCHEMA.replace("static,dhcp", "static,statc,dhcp")).unwrap();
    assert!(commit(&store, &faulty).unwrap().warnings.is_empty());
    fs::write(home.config().with_file_name("vendor"), "").unwrap();
    fs::remove_file(home.config().with_file_name("vendor")).unwrap();
    fs::create_dir(home.config().with_file_name("vendor")).unwrap();
    fs::write(home.config().with_file_name("vendor").join("network"), SCHEMA).unwrap();
    assert!(
        commit(&store, &[("network.lan.mtu", "1300"), ("network.lan.proto", "dhcp")])
            .unwrap()
            .warnings
            .is_empty()
    );
    assert!(commit(&store, &faulty).unwrap().warnings.is_empty(), "the later directory wins");
    store.modules().remove("network").unwrap();
    refused(commit(&store, &[("network.lan.proto", "stat")]));
    store.modules().remove("network").unwrap();
    assert!(store.modules().remove("network").unwrap_err().is_not_found());
    assert!(commit(&store, &[("network.lan.proto", "stat")]).unwrap().warnings.is_empty());
}

#[test]
fn a_schema_with_faults_is_told_of_and_locks_nobody_out() {
    let (home, store) = with_schema(SCHEMA);
    let faulty = SCHEMA.replace("in:static", "inn:static");
    let faults = match store.modules().add("network", faulty.as_bytes()) {
        Err(Error::Refused { diagnostics }) => diagnostics,
        other => panic!("{other:?}"),
    };
    assert_eq!(faults[0].to_string(), "network:5:16: there is no rule `inn`");
    fs::write(modules(&home).join("network"), &faulty).unwrap();
    let committed = commit(&store, &[("network.lan.proto", "statc")]).unwrap();
    assert_eq!(told(&committed), ["there is no rule `inn`"]);
    assert!(store.modules().get("network").unwrap().module.is_err());
    fs::write(modules(&home).join("network"), "config module 'network\n").unwrap();
    assert_eq!(told(&commit(&store, &[("network.lan.proto", "dhcp")]).unwrap()).len(), 1);
}

#[test]
fn a_schema_can_lie_in_the_package_it_describes() {
    const AUTH: &str = "config module 'auth'\n\toption mode 'enforce'\n\nconfig fields 'user'\n\toption name 'required|alpha_num'\n\n\
                        config user\n\toption name 'root'\n";
    let home = Home::new(&[("auth", AUTH), ("blog", "config site\n")]);
    let store = open(&home);
    refused(commit(&store, &[("auth.@user[0].name", "no blanks here")]));
    commit(&store, &[("auth.@user[0].name", "toor")]).unwrap();
    // A package that gets one later.
    commit(&store, &[("blog.@site[0].port", "many")]).unwrap();
    let mut tx = store.transaction().unwrap();
    add(&mut tx, "blog.blog", "module");
    set(&mut tx, "blog.blog.mode", "enforce");
    add(&mut tx, "blog.site", "fields");
    set(&mut tx, "blog.site.port", "port");
    tx.commit().unwrap();
    refused(commit(&store, &[("blog.@site[0].port", "more")]));
    commit(&store, &[("blog.@site[0].port", "80")]).unwrap();
}

#[test]
fn an_edit_by_another_program_is_taken_as_it_is() {
    let (home, store) = with_schema(SCHEMA);
    home.replace("network", &NETWORK.replace("static", "statc"));
    assert_eq!(now(&store, "network.lan.proto").as_deref(), Some("statc"));
    let committed = commit(&store, &[("network.lan.mtu", "1400")]).unwrap();
    assert!(committed.warnings.is_empty(), "{:?}", committed.warnings);
}

#[test]
fn a_default_holds_where_nothing_is_configured() {
    let (_home, store) = with_schema(SCHEMA);
    let snapshot = store.snapshot().unwrap();
    let metric = store.effective(&snapshot, &Key::parse("network.lan.metric").unwrap()).unwrap();
    assert!(metric.is_default());
    assert_eq!(metric.typed().unwrap(), Some(Typed::Int(7)));
    let dns = store.effective(&snapshot, &Key::parse("network.lan.dns").unwrap()).unwrap();
    assert!(!dns.is_default());
    assert_eq!(dns.typed().unwrap(), Some(Typed::List(vec![Typed::Text(b"1.1.1.1".to_vec())])));
    assert!(
        store
            .effective(&snapshot, &Key::parse("network.wan.mtu").unwrap())
            .is_err_and(|error| error.is_not_found())
    );
    let text = Package::parse(b"config interface x\n\toption mtu 'large'\n").unwrap();
    assert_eq!(store.validate_text(&snapshot, &package("network"), &text).unwrap().len(), 1);
}

/// Of many that commit at once, those in one group are checked and carried out one after the other on the same package.
#[test]
fn what_is_refused_among_many_leaves_nothing_behind() {
    let schema = "config module 'network'\n\toption mode 'enforce'\n\nconfig fields 'interface'\n\toption mtu 'uint|between:68,9200'\n";
    let text: String = (0..12)
        .map(|number| {
            format!("config interface 'i{number}'\n\toption mtu '100'\n\toption note 'of {number}'\n\n")
        })
        .collect();
    let home = Home::new(&[("network", &text)]);
    let store = open(&home);
    store.modules().add("network", schema.as_bytes()).unwrap();
    let last: Vec<u32> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..12_u32)
            .map(|number| {
                let store = store.clone();
                scope.spawn(move || {
                    let mut last = 100;
                    for round in 0..60 {
                        let is_allowed = (round + number) % 4 != 3;
                        let value = if is_allowed { 1000 + round } else { 10_000 + round };
                        let key = format!("network.i{number}.mtu");
                        let outcome = commit(&store, &[(&key, &value.to_string())]);
                        if is_allowed {
                            let committed = outcome.unwrap();
                            let told: Vec<_> = committed.all().collect();
                            assert_eq!((told.len(), &told[0].key), (1, &key));
                            last = value;
                        } else {
                            assert!(refused(outcome)[0].message.contains(&value.to_string()));
                        }
                    }
                    last
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let expected: String = (0..12)
        .zip(last)
        .map(|(number, last)| {
            format!("config interface 'i{number}'\n\toption mtu '{last}'\n\toption note 'of {number}'\n\n")
        })
        .collect();
    // What this process has in memory, and what another one makes of the log.
    for store in [store, open(&home)] {
        let network = store.snapshot().unwrap().package(&package("network")).unwrap();
        assert_eq!(String::from_utf8(network.text()).unwrap(), expected);
    }
}

/// A rule of the program's own may have a fault. Whoever led a group then made commits that never came to be; nothing may be built on them.
#[test]
fn a_rule_that_panics_leaves_what_the_log_has() {
    let schema = "config module 'network'\n\toption mode 'enforce'\n\nconfig fields 'interface'\n\toption mtu 'fragile'\n";
    let text = |values: &[String]| -> String {
        let section = |(number, value): (usize, &String)| {
            format!("config interface 'i{number}'\n\toption mtu '{value}'\n\toption note 'of {number}'\n\n")
        };
        values.iter().enumerate().map(section).collect()
    };
    const WRITERS: usize = 8;
    let home = Home::new(&[("network", &text(&vec!["100".to_owned(); WRITERS]))]);
    let open_with_rule = || {
        let store = open(&home);
        let fragile = |value: &[u8], _: &[String]| {
            if value.len() > 6 {
                std::panic::resume_unwind(Box::new("fragile"));
            }
            Ok(())
        };
        store.modules().register_rule("fragile", fragile).unwrap();
        store
    };
    let (store, other) = (open_with_rule(), open_with_rule());
    store.modules().add("network", schema.as_bytes()).unwrap();
    let panics = std::sync::atomic::AtomicUsize::new(0);
    for round in 0..8 {
        std::thread::scope(|scope| {
            for number in 0..WRITERS {
                let (store, panics) = (store.clone(), &panics);
                scope.spawn(move || {
                    for step in 0..12 {
                        let value = "7".repeat(1 + (step + round + number) % 7);
                        let commit =
                            || commit(&store, &[(&format!("network.i{number}.mtu"), &value)]).is_ok();
                        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(commit));
                        panics.fetch_add(usize::from(outcome.is_err()), std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        // The next to commit is another process in every other round.
        let values: Vec<String> = (0..WRITERS).map(|number| format!("{round}{number}")).collect();
        for (number, value) in values.iter().enumerate() {
            let next = if (round + number) % 2 == 0 { &other } else { &store };
            commit(next, &[(&format!("network.i{number}.mtu"), value)]).unwrap();
        }
        for store in [&store, &other, &open(&home)] {
            let network = store.snapshot().unwrap().package(&package("network")).unwrap();
            assert_eq!(String::from_utf8(network.text()).unwrap(), text(&values), "round {round}");
        }
    }
    assert!(panics.into_inner() > 0);
}

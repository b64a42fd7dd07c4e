//! `cms health`: what is well, and each thing that is not.

use cms_testkit::{Answer, Home};

fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", "config interface 'lan'\n\toption mtu '1500'\n");
    run(&home, "list").success();
    home
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

#[test]
fn a_store_that_is_well() {
    let home = home();
    run(&home, "health")
        .success()
        .stdout_has("log      revision 1, its newest state can be read")
        .stdout_has("files    1 package file is in step with the log")
        .stdout_has("segment  at revision 1, as the log")
        .stdout_has("confirm  nothing awaits confirmation")
        .stdout_has("triggers there are none")
        .stdout_has("room     ")
        .stdout_has("staged   nothing is staged");
    let answer = run(&home, "health --json").success();
    let first = r#"{"schema":"cms.health.v1","healthy":true,"checks":[{"check":"log","state":"ok","#;
    assert!(answer.stdout().starts_with(first), "{answer}");
}

#[test]
fn looking_makes_nothing() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", "config interface 'lan'\n");
    run(&home, "health")
        .exits(1)
        .stdout_has("there is no log")
        .stdout_has("any change through cms makes one");
    assert_eq!(std::fs::read_dir(home.state_dir()).map_or(0, Iterator::count), 0);
    home.cms(["-c", "/nonexistent", "health"])
        .run()
        .exits(1)
        .stdout_has("error    log      there is no configuration directory");
}

#[test]
fn a_file_that_does_not_parse_is_an_error() {
    let home = home();
    home.write("network", "config interface 'lan\n");
    run(&home, "health")
        .exits(1)
        .stdout_has("error    files    ")
        .stdout_has("the file does not parse: ")
        .stdout_has("mend the line");
    home.write("network", "config interface 'lan'\n");
    // A change by hand is none: the next command takes it into the log.
    run(&home, "health").success().stdout_has("note     files    ");
}

#[test]
fn what_is_staged_is_worth_a_note_and_what_contradicts_a_commit_a_warning() {
    let home = home();
    run(&home, "set network.lan.mtu=1492").success();
    run(&home, "health")
        .success()
        .stdout_has("note     staged   you have 1 change staged")
        .stdout_has("`cms changes` shows them");
    home.write("network", "config interface 'wan'\n");
    run(&home, "list").success();
    run(&home, "health --json")
        .exits(1)
        .stdout_has(r#""healthy":false"#)
        .stdout_has(r#"{"check":"staged","state":"warning","#);
}

#[test]
fn what_awaits_confirmation_is_a_warning() {
    let home = home();
    run(&home, "set network.lan.mtu=1492").success();
    home.cms(["commit", "--force", "--confirm", "1h"]).run().success();
    run(&home, "health").exits(1).stdout_has("warning  confirm  ").stdout_has("awaits confirmation");
    run(&home, "confirm").success();
    run(&home, "health").success();
}

#[test]
fn a_trigger_that_failed_is_an_error() {
    let home = home();
    home.write("cms", "config trigger 'hook'\n\tlist pattern 'network'\n\toption exec 'exit 3'\n");
    run(&home, "list").success();
    run(&home, "trigger run");
    run(&home, "set network.lan.mtu=1492").success();
    run(&home, "commit").success();
    run(&home, "trigger run");
    run(&home, "health")
        .exits(1)
        .stdout_has("error    triggers trigger hook failed after revision")
        .stdout_has("`cms trigger run` tries again");
}

#[test]
fn a_log_that_cannot_be_read_is_an_error() {
    let home = home();
    let state = std::fs::read_dir(home.state_dir()).expect("a state").flatten().map(|entry| entry.path());
    let store = state.into_iter().find(|path| path.is_dir()).expect("the store's own");
    let log = store.join("log.db");
    let _ = std::fs::remove_file(store.join("log.db-wal"));
    std::fs::write(&log, vec![7; 8192]).expect("a damaged log");
    run(&home, "health").exits(1).stdout_has("error    log      ").stdout_has("`cms doctor` looks deeper");
}

#[test]
fn what_the_doctor_finds_is_said_in_german_too() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", "config interface 'lan'\n");
    home.cms(["list"]).run().success();
    home.write("network", "config interface 'lan'\n\toptoin mtu '1500'\n");
    let german = |verb: &str| home.cms([verb]).env("LC_ALL", "de_DE.UTF-8").run();
    let found = german("doctor").exits(1);
    for words in
        ["Fehler: ", "die Datei ist nicht lesbar: 2:2: ungültiger Befehl", "Abhilfe: die Zeile berichtigen"]
    {
        assert!(found.stdout().contains(words), "{words}: {}", found.stdout());
    }
    assert!(german("health").stdout().contains("die Datei ist nicht lesbar"));
    let english = home.cms(["doctor", "--json"]).run().exits(1);
    assert!(english.stdout().contains("\"what\":\"the file does not parse: 2:2: "), "{}", english.stdout());
    std::fs::remove_file(home.path("network")).expect("it was there");
    home.write("network", "config interface 'wan'\n");
    assert!(german("doctor").success().stdout().contains("Hinweis: "));
}

//! The verbs that look back and go back: history, diff, blame, `--at`, rollback, undo.

use cms_testkit::{Answer, Home};

const ATTIC: &str = "# attic\nconfig system 'main'\n\toption hostname 'a'\t# short\n\toption zone 'x'\n";

/// Revision 1 is the import, 2 renames the host, 3 moves the zone, 4 is an edit by hand.
fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("system", ATTIC);
    run(&home, "list").success();
    run(&home, "set system.main.hostname=b").success();
    run(&home, "commit -m renamed").success();
    run(&home, "set system.main.zone=y").success();
    run(&home, "commit -m moved").success();
    let text = home.read("system");
    home.write("system", text + "\toption log '64'\n");
    run(&home, "list").success();
    home
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

#[test]
fn history_tells_who_did_what_and_why() {
    let home = home();
    let all = run(&home, "history").success().stdout();
    let place = |words: &str| all.find(words).unwrap_or_else(|| panic!("{words} in {all}"));
    assert!(place("r4  ") < place("r3  ") && place("r3  ") < place("r2  ") && place("r2  ") < place("r1  "));
    assert!(place("edited by another program") < place("system.main.log='64'"));
    assert!(place("    renamed\n    system.main.hostname='b'  # 'a'\n") > place("moved"));
    let one = run(&home, "history system.main.zone").success().stdout();
    assert!(one.contains("moved") && !one.contains("renamed"), "{one}");
    assert_eq!(run(&home, "history --limit 1 --json").success().stdout().matches("\"revision\"").count(), 1);
    run(&home, "history --since 2 --until 3 --json")
        .success()
        .stdout_has(r#"{"schema":"cms.history.v1","commits":[{"revision":3,"time":"#)
        .stdout_has(
            r#""kind":"normal","changes":[{"action":"set","key":"system.main.zone","old":"x","new":"y"}]"#,
        );
    run(&home, "history --format table").success().stdout_has("renamed");
    run(&home, "history --since never").exits(2);
}

#[test]
fn the_past_can_be_read() {
    let home = home();
    run(&home, "get system.main.hostname --at 1").success().stdout_is("a\n");
    run(&home, "get system.main.hostname --at r2").success().stdout_is("b\n");
    run(&home, "get system.main.zone --at head~2").success().stdout_is("x\n");
    run(&home, "show system.main --at 1").success().stdout_has("hostname='a'");
    run(&home, "export system --at 1").success().stdout_is(&format!("package system\n{ATTIC}"));
    run(&home, "get system.main.hostname --at 99").exits(3);
    run(&home, "get system.main.hostname --at head~99").exits(3);
    run(&home, "get system.main.hostname --at 2100-01-01T00:00:00Z").success().stdout_is("b\n");
}

#[test]
fn diff_compares_two_states() {
    let home = home();
    run(&home, "diff 1 3")
        .success()
        .stdout_is("system.main.hostname='b'  # 'a'\nsystem.main.zone='y'  # 'x'\n");
    run(&home, "diff 3").success().stdout_is("system.main.log='64'\n");
    run(&home, "diff head~1 head --format unified")
        .success()
        .stdout_has("--- system (r3)\n+++ system (r4)\n")
        .stdout_has("+\toption log '64'\n");
    run(&home, "diff 1 3 --json").success().stdout_has(
        r#"{"schema":"cms.diff.v1","from":"r1","to":"r3","packages":[{"name":"system","changes":["#,
    );
    run(&home, "diff 1 3 --key system.main.zone").success().stdout_is("system.main.zone='y'  # 'x'\n");
    run(&home, "diff 1 3 --exit-code").exits(10);
    run(&home, "diff 3 3 --exit-code").exits(0).stdout_is("");
    run(&home, "diff --exit-code").exits(0).stdout_is("");
    run(&home, "set system.main.zone=z").success();
    run(&home, "diff --exit-code").exits(10).stdout_is("system.main.zone='z'  # 'y'\n");
    run(&home, "diff 1 99").exits(3);
    run(&home, "diff --format xml").exits(2);
}

#[test]
fn blame_names_the_last_hand() {
    let home = home();
    let lines = run(&home, "blame system.main").success().stdout();
    let line =
        |words: &str| lines.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{lines}"));
    assert!(line("system.main.hostname='b'").starts_with("r2 "), "{lines}");
    assert!(line("system.main.log='64'").contains("external"), "{lines}");
    run(&home, "blame system.main.zone --json")
        .success()
        .stdout_has(r#""revision":3"#)
        .stdout_has(r#""message":"moved""#);
    run(&home, "blame system.main --format table").success().stdout_has("renamed");
    run(&home, "blame system.none").exits(3);
    run(&home, "blame none").exits(3);
}

#[test]
fn rollback_restores_a_state_with_a_new_commit() {
    let home = home();
    run(&home, "rollback 1 --dry-run").success().stdout_has("-system.main.log").stderr_has("would commit");
    run(&home, "rollback 1 -m back").success().stderr_has("as revision 5");
    assert_eq!(home.read("system"), ATTIC, "with its exact bytes");
    run(&home, "history --limit 1").success().stdout_has("back");
    run(&home, "rollback 1").success().stderr_has("nothing");
    run(&home, "rollback 3 system.main.zone").success();
    run(&home, "get system.main.zone").success().stdout_is("y\n");
    run(&home, "get system.main.hostname").success().stdout_is("a\n");
    run(&home, "rollback 99").exits(3);
    run(&home, "rollback x").exits(2);
}

#[test]
fn undo_reverses_one_commit_and_no_other() {
    let home = home();
    run(&home, "undo 2").success().stderr_has("as revision 5");
    run(&home, "get system.main.hostname").success().stdout_is("a\n");
    run(&home, "get system.main.zone").success().stdout_is("y\n");
    run(&home, "undo 3..4").success();
    run(&home, "show system")
        .success()
        .stdout_is("system.main=system\nsystem.main.hostname='a'\nsystem.main.zone='x'\n");
    run(&home, "set system.main.hostname=c").success();
    run(&home, "commit").success();
    run(&home, "undo 2").exits(5).stderr_has("system.main");
    run(&home, "get system.main.hostname").success().stdout_is(
        "c
",
    );
    run(&home, "undo 99").exits(3);
}

#[test]
fn a_sound_store_has_nothing_to_complain_about() {
    let home = home();
    run(&home, "doctor").success().stdout_has("all is well");
    run(&home, "doctor --json").success().stdout_is("{\"schema\":\"cms.doctor.v1\",\"findings\":[]}\n");
    home.write("system", "optoin\n");
    run(&home, "doctor").exits(1).stdout_has("does not parse");
    run(&home, "doctor --json").exits(1).stdout_has(r#""severity":"error""#);
}

#[test]
fn what_the_history_need_not_keep_is_given_up() {
    let home = home();
    run(&home, "compact").exits(2).stderr_has("`cms compact --keep-commits 1000` keeps the newest");
    run(&home, "compact --keep-age 90").exits(2).stderr_has("write 12h, 90d or 8w");
    run(&home, "compact --max-size 64").exits(2).stderr_has("write 64M or 1G");
    run(&home, "compact --max-size 1.5M").exits(2).stderr_has("write 64M or 1G");
    run(&home, "compact --keep-commits 1 --dry-run").success().stderr_has("would give up 2 commits");
    // Whatever is younger than a day, and so everything.
    run(&home, "compact --keep-commits 1 --keep-age 1d").success().stderr_has("gave up 0 commits");
    run(&home, "get system.main.hostname --at 1").stdout_is("a\n");
    run(&home, "compact --keep-commits 1 --json")
        .success()
        .stdout_has(r#"{"schema":"cms.compact.v1","commits":2,"before":"#);
    run(&home, "get system.main.zone --at 3").stdout_is("y\n");
    run(&home, "get system.main.hostname --at 1").exits(3);
    run(&home, "get system.main.log").stdout_is("64\n");
    run(&home, "doctor").success();
}

#[test]
fn what_a_log_keeps_by_itself_is_said_and_shown() {
    let home = home();
    run(&home, "compact --show")
        .success()
        .stdout_is("--keep-commits 100000\n--keep-age 30d\n--max-size 1G\n");
    run(&home, "compact --keep-commits 2 --keep-age 36h --max-size 64M --always").success();
    run(&home, "compact --show").stdout_is("--keep-commits 2\n--keep-age 36h\n--max-size 64M\n");
    run(&home, "compact --show --json")
        .stdout_is("{\"schema\":\"cms.retention.v1\",\"commits\":2,\"seconds\":129600,\"bytes\":67108864}\n");
    // What is given up once says nothing of what is kept from then on.
    run(&home, "compact --keep-commits 1").success();
    run(&home, "compact --show").stdout_has("--keep-commits 2\n");
    run(&home, "compact --max-size 1G --always").success();
    run(&home, "compact --show").stdout_is("--keep-commits -\n--keep-age -\n--max-size 1G\n");
    run(&home, "compact --standard").stdout_has("--keep-age 30d\n");
    run(&home, "compact --show --keep-commits 1").exits(2);
    run(&home, "compact --keep-commits 1 --always --dry-run").exits(2);
}

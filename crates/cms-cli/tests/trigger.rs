//! Triggers: what commits have done by detached processes, and how that is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cms_testkit::{Answer, Command, Home};

const NETWORK: &str = "config interface 'lan'\n\toption mtu '1500'\n";

fn home(options: &str) -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", NETWORK);
    home.write("cms", format!("config trigger 'hook'\n\tlist pattern 'network.*.mtu'\n{options}"));
    run(&home, "list").success();
    // From here on, not from the first commit on.
    run(&home, "trigger run");
    home
}

/// With the programs of `bin` before the others.
fn command(home: &Home, line: &str) -> Command {
    let path = format!("{}:{}", home.root().join("bin").display(), std::env::var("PATH").unwrap_or_default());
    home.cms(line.split(' ')).env("PATH", path).env("OUT", home.root().join("out"))
}

fn run(home: &Home, line: &str) -> Answer {
    command(home, line).run()
}

fn commit(home: &Home, change: &str) {
    run(home, &format!("set {change}")).success();
    run(home, "commit").success();
}

/// What the triggers have written, after those that are under way have come to their end.
fn written(home: &Home) -> String {
    run(home, "trigger run");
    fs::read_to_string(home.root().join("out")).unwrap_or_default()
}

/// Until a trigger has written something, but not forever.
fn wait_for_output(home: &Home) {
    let mut patience = 6000;
    while !home.root().join("out").exists() && patience > 0 {
        patience -= 1;
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_commit_has_it_done_once_with_the_new_file_in_place() {
    let home =
        home("\toption exec 'echo $CMS_TRIGGER $CMS_REVISION $CMS_KEYS $(grep -c event.v1) >> $OUT'\n");
    commit(&home, "network.lan.proto=dhcp");
    commit(&home, "network.lan.mtu=1400");
    // Nobody but the commit starts it.
    wait_for_output(&home);
    assert_eq!(written(&home), "hook 3 network.lan.mtu 1\n");
    run(&home, "rollback 1").success();
    assert_eq!(written(&home), "hook 3 network.lan.mtu 1\nhook 4 network.lan.mtu 1\n");
    run(&home, "undo 4").success();
    assert_eq!(
        written(&home),
        "hook 3 network.lan.mtu 1\nhook 4 network.lan.mtu 1\nhook 5 network.lan.mtu 1\n"
    );
    run(&home, "trigger status").success().stdout_has("current");
    run(&home, "trigger --json")
        .success()
        .stdout_has(r#""revision":5,"#)
        .stdout_has(r#""behind":false,"failure":null"#);
}

#[test]
fn who_runs_them_by_hand_finds_all_of_it_done() {
    let home = home(
        "\toption exec 'echo run >> $OUT; while ! [ -e $OUT.go ]; do sleep 0.01; done; echo $CMS_REVISION >> $OUT'\n",
    );
    commit(&home, "network.lan.mtu=1400");
    wait_for_output(&home);
    // The process of this commit waits for that of the first one.
    commit(&home, "network.lan.mtu=1300");
    std::thread::sleep(Duration::from_millis(200));
    let by_hand = command(&home, "trigger run").spawn();
    std::thread::sleep(Duration::from_millis(50));
    fs::write(home.root().join("out.go"), "").expect("a file");
    by_hand.wait().success();
    let out = fs::read_to_string(home.root().join("out")).expect("what the trigger wrote");
    assert_eq!(out, "run\n2\nrun\n3\n");
}

#[test]
fn it_runs_once_for_all_that_was_committed_since() {
    let home = home("\toption exec 'echo $CMS_REVISION $CMS_KEYS $(grep -c event.v1) >> $OUT'\n");
    // As long as it cannot be used, nothing is done and nothing is lost.
    commit(&home, "cms.hook.debounce=soon");
    run(&home, "trigger status").exits(4).stderr_has("cms.hook.debounce cannot be used: soon");
    commit(&home, "network.lan.mtu=1400");
    run(&home, "set network.wan=interface").success();
    commit(&home, "network.wan.mtu=9000");
    assert_eq!(written(&home), "");
    commit(&home, "cms.hook.debounce=1ms");
    run(&home, "trigger status").success().stdout_has("behind");
    assert_eq!(written(&home), "4 network.lan.mtu network.wan.mtu 2\n");
}

#[test]
fn one_that_fails_fails_no_commit_and_is_tried_again() {
    let home = home("\toption exec 'exit 3'\n");
    commit(&home, "network.lan.mtu=1400");
    run(&home, "trigger run").exits(1).stderr_has("trigger hook failed for revision 2: exit status: 3");
    run(&home, "trigger status").success().stdout_has("failed: exit status: 3");
    run(&home, "trigger --json")
        .success()
        .stdout_has(r#""revision":1,"#)
        .stdout_has(r#""behind":true,"failure":"exit status: 3""#);
    run(&home, "set cms.hook.exec=true").success();
    run(&home, "commit").success();
    run(&home, "trigger run").success().stderr_has("trigger hook was run for revision");
    run(&home, "trigger status").success().stdout_has("current");
}

#[test]
fn a_service_is_reloaded_or_restarted() {
    let home = home("\toption service 'firewall'\n");
    let bin = home.root().join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let program = bin.join("systemctl");
    fs::write(&program, "#!/bin/sh\necho \"$@\" >> $OUT\n").expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    commit(&home, "network.lan.mtu=1400");
    assert_eq!(written(&home), "reload firewall\n");
    commit(&home, "cms.hook.action=restart");
    commit(&home, "network.lan.mtu=1300");
    assert_eq!(written(&home), "reload firewall\nrestart firewall\n");
}

#[test]
fn what_is_wrong_with_a_trigger_is_said() {
    let home = home(
        "\toption exec 'true'\n\nconfig trigger\n\tlist pattern 'a..b'\n\nconfig trigger 'odd'\n\tlist pattern 'a..b'\n\toption exec 'true'\n\nconfig trigger 'idle'\n\tlist pattern 'a'\n",
    );
    run(&home, "trigger status")
        .exits(4)
        .stdout_has("hook")
        .stderr_has("has no name")
        .stderr_has("cms.odd.pattern cannot be used: the pattern a..b: an empty part at position 3")
        .stderr_has("cms.idle lacks an option: exec | service");
    run(&home, "commit").success();
}

#[test]
fn restoring_over_a_store_has_it_done_whoever_reads_the_answer() {
    let home = home("\toption exec 'echo $CMS_REVISION >> $OUT'\n");
    let backup = home.root().join("backup").display().to_string();
    run(&home, &format!("backup {backup}")).success();
    for answer in ["", " --json"] {
        let runs = || fs::read_to_string(home.root().join("out")).unwrap_or_default().lines().count();
        commit(&home, "network.lan.mtu=1400");
        written(&home);
        let before = runs();
        run(&home, &format!("restore {backup}{answer}")).success();
        // Nobody but the restore starts it.
        let mut patience = 3000;
        while runs() == before && patience > 0 {
            patience -= 1;
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(runs(), before + 1, "restore{answer}");
    }
}

#[test]
fn a_debounced_trigger_waits_for_what_else_is_committed() {
    let home = home("\toption exec 'echo $CMS_REVISION $CMS_KEYS >> $OUT'\n\toption debounce '2s'\n");
    let begin = std::time::Instant::now();
    // The process that the first commit starts waits; what the others start finds it waiting, and goes.
    for mtu in ["1400", "1300", "1200"] {
        commit(&home, &format!("network.lan.mtu={mtu}"));
    }
    let committed = begin.elapsed();
    let mut patience = 600;
    while !run(&home, "trigger --json").success().stdout().contains(r#""revision":4,"#) && patience > 0 {
        patience -= 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(begin.elapsed() >= Duration::from_secs(2), "it did not wait");
    let written = fs::read_to_string(home.root().join("out")).unwrap_or_default();
    // On a machine that is so slow, the wait for more may have been over before there was more.
    if committed < Duration::from_secs(2) {
        assert_eq!(written, "4 network.lan.mtu\n", "it ran more than once");
    }
    run(&home, "trigger status").success().stdout_has("current");
}

//! Commits that are rolled back unless somebody confirms them: by whom, when, and what is left of it.
//!
//! No test waits for a deadline that it could miss: windows are long, and the note in the log is altered to let time pass.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cms_testkit::{Answer, Fault, Home, Mount, alter_pending};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

const SYSTEM: &str = "# attic\nconfig system 'main'\n\toption hostname 'a'\t# short\n\toption zone 'x'\n";
const NETWORK: &str = "config interface 'lan'\n\toption mtu '1500'\n";

/// Longer than anything should take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("system", SYSTEM);
    home.write("network", NETWORK);
    run(&home, "list").success();
    home
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

fn set(home: &Home, words: &str) {
    run(home, &format!("set {words}")).success();
}

/// Commits what is staged with `--confirm`, in a home that may lie on a tmpfs; returns the token.
fn commit(home: &Home, options: &str) -> String {
    let line = format!("commit --force --confirm {options}");
    let answer = run(home, &line).success().stderr_has("unless it is confirmed");
    let told = answer.stderr().to_owned();
    let command =
        told.lines().find_map(|line| line.split_once("unless it is confirmed: ")).expect("a command");
    command.1.split(' ').next_back().expect("a token").to_owned()
}

fn list(home: &Home) -> String {
    run(home, "confirm --list --json").success().stdout()
}

fn nothing_pending(home: &Home) -> bool {
    list(home).contains("\"pending\":[]")
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The guardians of a home: processes with its folders among their words.
fn guardians(home: &Home) -> Vec<Pid> {
    let folder = home.config_dir().display().to_string();
    let all = fs::read_dir("/proc").expect("the processes").flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = ids.filter(|id| {
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        words.iter().any(|word| word == "__guard") && words.iter().any(|word| *word == folder)
    });
    ours.filter_map(Pid::from_raw).collect()
}

/// Kills every guardian, and waits until the kernel has freed what they held.
fn kill_guardians(home: &Home) {
    wait_until("a guardian", || !guardians(home).is_empty());
    end_guardians(home);
}

fn end_guardians(home: &Home) {
    for guardian in guardians(home) {
        let _ = kill_process(guardian, Signal::KILL);
    }
    wait_until("no guardian", || guardians(home).is_empty());
}

fn let_time_pass(home: &Home) {
    alter_pending(&home.state_dir(), |pending| pending.deadline_us = 0);
}

fn restart(home: &Home) {
    alter_pending(&home.state_dir(), |pending| pending.boot = "another".to_owned());
}

#[test]
fn what_is_confirmed_in_time_stays() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let token = commit(&home, "1h");
    run(&home, "doctor").success().stdout_has("awaits confirmation").stdout_has(&token);
    let pending = list(&home);
    for words in ["\"revisions\":[2]", "\"restore\":1", "\"packages\":[\"system\"]", &token] {
        assert!(pending.contains(words), "{words} in {pending}");
    }
    run(&home, "get system.main.hostname").success().stdout_is("b\n");
    run(&home, "history --limit 1").success().stdout_has("r2 ");
    run(&home, "confirm").success().stderr_has("r2 confirmed");
    run(&home, &format!("confirm {token}")).success().stderr_has("r2 confirmed");
    run(&home, &format!("confirm --cancel {token}")).exits(5).stderr_has("r2 confirmed");
    run(&home, "confirm").exits(3).stderr_has("nothing awaits confirmation");
    wait_until("the guardian goes", || guardians(&home).is_empty());
    assert!(home.read("system").contains("hostname 'b'"));
    run(&home, "history --limit 1").success().stdout_has("r2 ");
    run(&home, "doctor").success().stdout_has("all is well");
}

#[test]
fn the_guardian_rolls_back_although_its_caller_and_everything_around_is_gone() {
    let home = home();
    set(&home, "system.main.hostname=b");
    // A login: a session's process group, with a lock of its own that must not be inherited.
    let lock = home.root().join("lock");
    let script = format!(
        "exec 9>'{}' 123>'{0}'; '{}' -c '{}' commit --force --confirm 3s 2>&1; sleep 1000",
        lock.display(),
        home.root().join("bin/cms").display(),
        home.config_dir().display(),
    );
    let mut login = Command::new("bash");
    login.arg("-c").arg(script).process_group(0).stdout(Stdio::piped()).stdin(Stdio::null());
    login.env("CMS_STATE_DIR", home.state_dir()).env("CMS_RUN_DIR", home.run_dir()).env("LC_ALL", "C");
    let mut login = login.spawn().expect("bash starts");
    let mut told = BufReader::new(login.stdout.take().expect("a pipe")).lines();
    assert!(told.next().expect("a line").expect("text").contains("committed 1 change"));
    for guardian in guardians(&home) {
        let open: Vec<_> = fs::read_dir(format!("/proc/{}/fd", guardian.as_raw_nonzero()))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .collect();
        assert!(!open.contains(&lock), "{open:?}");
        let _ = kill_process(guardian, Signal::HUP);
    }
    let group = Pid::from_raw(login.id() as i32).expect("a process id");
    kill_process_group(group, Signal::HUP).expect("the group is ours");
    let _ = kill_process_group(group, Signal::KILL);
    login.wait().expect("the login ends");
    // No other cms runs: only the file is looked at.
    wait_until("the file is the old one", || home.read("system") == SYSTEM);
    wait_until("the guardian goes", || guardians(&home).is_empty());
    run(&home, "history --limit 1")
        .success()
        .stdout_has("cms confirm")
        .stdout_has("rolled back revision 2: not confirmed within 3 s")
        .stderr_has("r2 ROLLED BACK");
}

#[test]
fn the_next_command_rolls_back_where_the_guardian_was_killed() {
    for line in ["get system.main.hostname", "list", "commit", "export system", "confirm --expire"] {
        let home = home();
        set(&home, "system.main.hostname=b");
        commit(&home, "1h");
        run(&home, "get system.main.hostname").success().stdout_is("b\n");
        kill_guardians(&home);
        let_time_pass(&home);
        assert!(home.read("system").contains("hostname 'b'"));
        run(&home, line).success().stderr_has("r2 ROLLED BACK").stderr_has("not confirmed in time");
        assert_eq!(home.read("system"), SYSTEM, "{line}");
        // Told until somebody has seen it; the list counts as seeing.
        run(&home, "get system.main.hostname").success().stdout_is("a\n").stderr_has("r2 ROLLED BACK");
        run(&home, "confirm --list").success().stdout_has("r2 ROLLED BACK");
        assert_eq!(run(&home, "get system.main.hostname").success().stderr(), "");
    }
}

#[test]
fn a_guardian_that_was_killed_is_replaced() {
    let home = home();
    set(&home, "system.main.hostname=b");
    commit(&home, "1h");
    kill_guardians(&home);
    run(&home, "get system.main.hostname").success().stdout_is("b\n");
    wait_until("a new one", || list(&home).contains("\"guarded\":true"));
    let_time_pass(&home);
    wait_until("the new one rolls back", || home.read("system") == SYSTEM);
}

#[test]
fn confirming_needs_no_guardian() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let token = commit(&home, "1h");
    kill_guardians(&home);
    run(&home, &format!("confirm {token}")).success().stderr_has("r2 confirmed");
    assert!(guardians(&home).is_empty() && nothing_pending(&home));
    assert!(home.read("system").contains("hostname 'b'"));
}

#[test]
fn a_caller_that_hangs_holds_up_nothing() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let store = fs::read_dir(home.state_dir()).expect("the state directory").next().expect("a store");
    let stage = store.expect("a store").path().join("stage");
    // It locks the stage, commits, and is stopped when it goes to clear the stage.
    let fault = Fault::stop_before(2).under(stage);
    let caller = home.cms(["commit", "--force", "--confirm", "1h"]).fault(fault).spawn();
    assert!(caller.wait_for_stop());
    assert!(home.read("system").contains("hostname 'b'"));
    let_time_pass(&home);
    wait_until("the file is the old one", || home.read("system") == SYSTEM);
    caller.go_on();
    caller.wait().success();
    assert_eq!(home.read("system"), SYSTEM);
}

#[test]
fn a_reboot_counts_as_unconfirmed() {
    let home = home();
    set(&home, "system.main.hostname=b");
    commit(&home, "24h");
    kill_guardians(&home);
    restart(&home);
    // What lives until the reboot is gone.
    fs::remove_dir_all(home.run_dir()).expect("the runtime directory");
    fs::create_dir(home.run_dir()).expect("the runtime directory");
    for entry in fs::read_dir(home.state_dir()).expect("the state directory") {
        let _ = fs::remove_file(entry.expect("a store").path().join("pending"));
    }
    run(&home, "confirm --expire").success().stderr_has("r2 ROLLED BACK").stderr_has("restarted");
    assert_eq!(home.read("system"), SYSTEM);
    run(&home, "confirm --expire --json").success().stdout_has("\"outcome\":\"rebooted\"");
    run(&home, "confirm --list").success();
    run(&home, "confirm --expire").success().stderr_has("nothing is due");
}

#[test]
fn the_boot_unit_makes_nothing_where_nothing_is() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("system", SYSTEM);
    run(&home, "confirm --expire").success().stderr_has("nothing is due");
    run(&home, "confirm --list").success();
    run(&home, "confirm").exits(3);
    assert_eq!(fs::read_dir(home.state_dir()).expect("the state directory").count(), 0);
}

#[test]
fn too_late_is_said_clearly() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let token = commit(&home, "1h");
    kill_guardians(&home);
    let_time_pass(&home);
    run(&home, &format!("confirm {token}")).exits(5).stderr_has("too late: r2 ROLLED BACK");
    assert_eq!(home.read("system"), SYSTEM);
    run(&home, &format!("confirm {token}")).exits(5).stderr_has("too late");
    run(&home, &format!("confirm {token} --json"))
        .exits(5)
        .stderr_has("cms.error.v1")
        .stderr_has("\"exit\":5");
    run(&home, &format!("confirm --cancel {token}")).success();
    run(&home, "confirm nonsense").exits(3).stderr_has("nothing called nonsense");
}

#[test]
fn cancelling_rolls_back_at_once() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let token = commit(&home, "1h");
    run(&home, &format!("confirm --cancel {}", token.to_uppercase())).success().stderr_has("r2 cancelled");
    assert_eq!(home.read("system"), SYSTEM);
    run(&home, "history --limit 1").success().stdout_has("cancelled");
    assert_eq!(run(&home, "list").success().stderr(), "", "whoever cancels knows");
    run(&home, &format!("confirm --cancel {token}")).success();
    run(&home, &format!("confirm {token}")).exits(5);
    wait_until("the guardian goes", || guardians(&home).is_empty());
}

#[test]
fn a_probe_that_succeeds_confirms() {
    let home = home();
    let gate = home.root().join("gate");
    set(&home, "system.main.hostname=b");
    let script = format!("test -e {}", gate.display());
    home.cms(["commit", "--force", "--confirm", "1h", "--probe", &script]).run().success();
    assert!(!nothing_pending(&home));
    fs::write(&gate, "open").expect("the gate");
    wait_until("the probe confirms", || nothing_pending(&home));
    assert!(list(&home).contains("\"outcome\":\"proven\""));
    assert!(home.read("system").contains("hostname 'b'"));
}

#[test]
fn how_a_probe_fails_is_in_the_history() {
    let home = home();
    let runs = home.root().join("runs");
    set(&home, "system.main.hostname=b");
    let script = format!("echo run >> {}; echo no route; exit 3", runs.display());
    home.cms(["commit", "--force", "--confirm", "1h", "--probe", &script]).run().success();
    // When the second run has begun, the first is known to have failed.
    wait_until("two runs", || fs::read_to_string(&runs).unwrap_or_default().lines().count() > 1);
    assert!(!nothing_pending(&home));
    let_time_pass(&home);
    wait_until("the rollback", || home.read("system") == SYSTEM);
    run(&home, "history --limit 1").success().stdout_has("failed: exit code 3: no route");
    assert!(list(&home).contains("\"probe_failure\":\"exit code 3: no route\""));
}

#[test]
fn a_probe_that_hangs_holds_up_nothing() {
    let home = home();
    let started = home.root().join("started");
    set(&home, "system.main.hostname=b");
    let script = format!("echo $$ > {}; sleep 1000; true", started.display());
    home.cms(["commit", "--force", "--confirm", "1h", "--probe", &script]).run().success();
    let number = || fs::read_to_string(&started).ok()?.trim().parse::<i32>().ok();
    wait_until("the probe runs", || number().is_some());
    let_time_pass(&home);
    wait_until("the rollback", || home.read("system") == SYSTEM);
    wait_until("the probe is gone", || {
        number().is_some_and(|number| !Path::new(&format!("/proc/{number}")).exists())
    });
    run(&home, "history --limit 1").success().stdout_has("the probe");
}

#[test]
fn a_follow_up_extends_the_window_and_keeps_the_first_restore_point() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let first = commit(&home, "1h --probe false");
    set(&home, "system.main.hostname=c");
    let second = commit(&home, "2h");
    assert_eq!(first, second);
    let pending = list(&home);
    for words in ["\"revisions\":[2,3]", "\"restore\":1", "\"window_seconds\":7200", "\"probe\":\"false\""] {
        assert!(pending.contains(words), "{words} in {pending}");
    }
    kill_guardians(&home);
    let_time_pass(&home);
    run(&home, "list").success().stderr_has("r2, r3 ROLLED BACK");
    assert_eq!(home.read("system"), SYSTEM, "with its exact bytes");
}

#[test]
fn several_stand_on_their_own() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let system = commit(&home, "1h");
    set(&home, "network.lan.mtu=9000");
    let network = commit(&home, "1h");
    assert_ne!(system, network);
    run(&home, "confirm").exits(2).stderr_has(&system).stderr_has(&network);
    run(&home, "confirm --cancel").exits(2);
    run(&home, &format!("confirm {system}")).success();
    run(&home, "confirm --cancel").success().stderr_has("r3");
    assert!(home.read("system").contains("hostname 'b'"));
    assert_eq!(home.read("network"), NETWORK);
}

#[test]
fn what_is_named_or_built_upon_is_joined() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let system = commit(&home, "1h");
    set(&home, "network.lan.mtu=9000");
    assert_eq!(commit(&home, &format!("1h --join {system}")), system);
    run(&home, "confirm --cancel").success().stderr_has("r2, r3");
    assert_eq!((home.read("system"), home.read("network")), (SYSTEM.to_owned(), NETWORK.to_owned()));

    // One commit on top of two makes them one: each token confirms it.
    set(&home, "system.main.hostname=b");
    let system = commit(&home, "1h");
    set(&home, "network.lan.mtu=9000");
    let network = commit(&home, "1h");
    set(&home, "system.main.zone=y network.lan.proto=static");
    commit(&home, "1h");
    assert!(list(&home).contains(&format!("\"tokens\":[\"{system}\",\"{network}\"]")));
    run(&home, &format!("confirm --cancel {network}")).success();
    assert_eq!((home.read("system"), home.read("network")), (SYSTEM.to_owned(), NETWORK.to_owned()));
    run(&home, &format!("confirm {system}")).exits(5);
}

#[test]
fn a_plain_commit_neither_confirms_nor_disarms() {
    let home = home();
    set(&home, "system.main.hostname=b");
    let token = commit(&home, "1h");
    set(&home, "system.main.log=64");
    run(&home, "commit").success().stderr_has("this confirms nothing").stderr_has(&token);
    set(&home, "system.main.log=65");
    run(&home, "commit --json").success().stdout_has("\"pending\":[{\"tokens\":").stdout_has(&token);
    kill_guardians(&home);
    let_time_pass(&home);
    run(&home, "list").success().stderr_has("r2 ROLLED BACK");
    run(&home, "show system").success().stdout_is(
        "system.main=system\nsystem.main.hostname='a'\nsystem.main.zone='x'\nsystem.main.log='65'\n",
    );
}

#[test]
fn a_later_commit_keeps_its_own_key_and_nothing_else() {
    let home = home();
    set(&home, "system.main.hostname=b system.main.zone=y network.lan.mtu=9000");
    commit(&home, "1h");
    set(&home, "system.main.hostname=c");
    run(&home, "commit").success();
    kill_guardians(&home);
    let_time_pass(&home);
    run(&home, "list")
        .success()
        .stderr_has("r2 ROLLED BACK")
        .stderr_has("NOT rolled back")
        .stderr_has("system.main.hostname");
    assert_eq!(home.read("network"), NETWORK);
    run(&home, "get system.main.zone").success().stdout_is("x\n");
    run(&home, "get system.main.hostname").success().stdout_is("c\n");
    run(&home, "history --limit 1")
        .success()
        .stdout_has("NOT rolled back")
        .stdout_has("system.main.hostname");
}

#[test]
fn a_broken_file_keeps_no_other_from_being_rolled_back() {
    let home = home();
    set(&home, "system.main.hostname=b network.lan.mtu=9000");
    commit(&home, "1h");
    kill_guardians(&home);
    home.write("network", "optoin\n");
    let_time_pass(&home);
    run(&home, "list system").success().stderr_has("NOT rolled back").stderr_has("network");
    assert_eq!(home.read("system"), SYSTEM);
    assert_eq!(home.read("network"), "optoin\n", "never overwritten");
}

#[test]
fn an_edit_by_hand_meanwhile_is_kept() {
    let home = home();
    set(&home, "system.main.hostname=b");
    commit(&home, "1h");
    kill_guardians(&home);
    home.write("system", home.read("system") + "\toption log '64'\n");
    let_time_pass(&home);
    run(&home, "list").success().stderr_has("r2 ROLLED BACK");
    assert_eq!(home.read("system"), SYSTEM.to_owned() + "\toption log '64'\n");
}

#[test]
fn a_commit_that_fails_arms_nothing() {
    let home = home();
    let refuse = |line: &str, code: i32, words: &str| {
        run(&home, line).exits(code).stderr_has(words);
        assert!(list(&home).contains("\"pending\":[],\"settled\":[]"), "{line}");
        wait_until("no guardian", || guardians(&home).is_empty());
    };
    set(&home, "system.main.hostname=b");
    refuse("commit --confirm 0", 2, "`0` is no time");
    refuse("commit --confirm 25h", 2, "90s, 5m, 1h");
    refuse("commit --confirm soon", 2, "`soon`");
    refuse("commit --probe true", 2, "--confirm");
    refuse("commit --force --confirm 1h --join nope", 3, "nope");
    run(&home, "commit --confirm 1h --force --dry-run").success().stderr_has("would commit");
    assert!(nothing_pending(&home));
    home.write("system", "optoin\n");
    refuse("commit --force --confirm 1h", 4, "does not parse");
    home.write("system", SYSTEM.replace("'a'", "'other'"));
    refuse("commit --force --confirm 1h", 5, "system.main.hostname");
    run(&home, "revert system").success();
    run(&home, "commit --force --confirm 1h").success().stderr_has("nothing was staged");
    assert!(nothing_pending(&home));
}

#[test]
fn undo_and_rollback_can_be_on_probation_too() {
    let home = home();
    set(&home, "system.main.hostname=b");
    run(&home, "commit").success();
    for line in ["undo 2 --confirm 1h --force", "rollback 1 --confirm 1h --force"] {
        run(&home, line).success().stderr_has("unless it is confirmed");
        assert_eq!(home.read("system"), SYSTEM);
        run(&home, "confirm --cancel").success();
        assert!(home.read("system").contains("hostname 'b'"), "{line}");
    }
}

#[test]
fn a_log_that_does_not_survive_a_reboot_is_refused() {
    let home = home();
    let Some(_mount) = Mount::tmpfs(&home.state_dir(), 64 << 20) else {
        eprintln!("this user may not mount");
        return;
    };
    set(&home, "system.main.hostname=b");
    run(&home, "commit --confirm 1h").exits(6).stderr_has("a tmpfs").stderr_has("--force");
    assert_eq!(home.read("system"), SYSTEM);
    assert!(nothing_pending(&home));
    commit(&home, "1h");
    run(&home, "confirm --cancel").success();
    wait_until("the guardian goes", || guardians(&home).is_empty());
}

/// Kills within and after the n-th call that changes a file, for every n: never a commit without its arming.
#[test]
fn a_commit_and_its_arming_are_one() {
    for kind in [Fault::kill_after, Fault::short_kill] {
        let home = home();
        let mut value = 0;
        for n in 1.. {
            value += 1;
            set(&home, &format!("system.main.zone={value}"));
            let before = home.cms(["history", "--json", "--limit", "1"]).run().success().stdout();
            let answer = home.cms(["commit", "--force", "--confirm", "1h"]).fault(kind(n)).run();
            // Killed between writing the commit and announcing it, it leaves a commit that those do not see who have the log
            // open, as the guardian that was started before has. Who opens the log next, with nobody else at it, finds it.
            end_guardians(&home);
            let after = home.cms(["history", "--json", "--limit", "1"]).run().success().stdout();
            let is_committed = before != after;
            let pending = list(&home);
            assert_eq!(
                is_committed,
                !pending.contains("\"pending\":[]"),
                "call {n}: {answer}\n{pending}\nbefore {before}\nafter {after}"
            );
            if answer.is_success() && answer.calls().len() < n as usize {
                assert!(n > 5, "commit changes no file");
                break;
            }
            if is_committed {
                run(&home, "confirm --cancel").success();
            }
            run(&home, "revert system").success();
            run(&home, "get system.main.zone").success().stdout_is("x\n");
        }
        run(&home, "confirm --cancel").success();
    }
}

/// The same in the command that rolls back: the rollback is there or not, and the next one finishes it.
#[test]
fn a_rollback_that_was_cut_short_is_finished() {
    for kind in [Fault::kill_after, Fault::short_kill] {
        let home = home();
        for n in 1.. {
            set(&home, "system.main.zone=y");
            commit(&home, "1h");
            kill_guardians(&home);
            let_time_pass(&home);
            let answer = home.cms(["list"]).fault(kind(n)).run();
            run(&home, "list").success().stderr_has("ROLLED BACK");
            assert_eq!(home.read("system"), SYSTEM, "call {n}: {answer}");
            assert!(nothing_pending(&home));
            let rolled_back = run(&home, "history --limit 2").success().stdout();
            assert_eq!(rolled_back.matches("rolled back revision").count(), 1, "once: {rolled_back}");
            if answer.is_success() && answer.calls().len() < n as usize {
                assert!(n > 5, "a rollback changes no file");
                break;
            }
        }
    }
}

#[test]
fn at_random_moments_too() {
    let home = home();
    let start = Instant::now();
    set(&home, "system.main.zone=y");
    commit(&home, "1h");
    run(&home, "confirm --cancel").success();
    let longest = start.elapsed() / 2;
    for round in 0..40_u32 {
        set(&home, &format!("system.main.zone={round}"));
        let running = home.cms(["commit", "--force", "--confirm", "1h"]).spawn();
        std::thread::sleep(longest * round / 40);
        running.kill();
        running.wait();
        let pending = list(&home);
        let is_armed = !pending.contains("\"pending\":[]");
        let zone = run(&home, "export system --at head").success().stdout();
        assert_eq!(is_armed, zone.contains(&format!("zone '{round}'")), "{round}: {pending}\n{zone}");
        if is_armed {
            // A kill of the caller leaves a guardian at any moment.
            wait_until("a guardian", || !guardians(&home).is_empty());
            run(&home, "confirm --cancel").success();
        }
        run(&home, "revert system").success();
    }
}

#[test]
fn a_rollback_runs_the_triggers() {
    let home = home();
    let ran = home.state_dir().parent().unwrap().join("ran");
    home.write(
        "cms",
        format!(
            "config trigger 'zone'\n\tlist pattern 'system.*.hostname'\n\toption exec 'echo \"$CMS_REVISION\" >> {}'\n",
            ran.display()
        ),
    );
    let runs = || std::fs::read_to_string(&ran).unwrap_or_default().lines().count();
    set(&home, "system.main.hostname=b");
    commit(&home, "3s");
    wait_until("the commit's trigger runs", || runs() >= 1);
    // No other `cms` is run: it is the guardian that rolls back and tells the service.
    wait_until("the file is the old one", || home.read("system") == SYSTEM);
    wait_until("the rollback's trigger runs", || runs() >= 2);
}

#[test]
fn an_import_and_a_batch_are_confirmed_like_a_commit() {
    let home = home();
    let changed = NETWORK.replace("1500", "1400");
    home.cms(["import", "network", "--force", "--confirm", "1h"])
        .stdin(changed.as_str())
        .run()
        .success()
        .stderr_has("unless it is confirmed: ");
    assert_eq!(home.read("network"), changed);
    run(&home, "confirm --cancel").success();
    assert_eq!(home.read("network"), NETWORK);

    let batch = home.cms(["batch", "--force", "--confirm", "1h", "--probe", "true"]);
    batch.stdin("set network.lan.mtu=1300\ncommit\n").run().success().stderr_has("unless it is confirmed: ");
    wait_until("the probe confirms", || nothing_pending(&home));
    assert_eq!(run(&home, "get network.lan.mtu").stdout(), "1300\n");

    // What cannot be confirmed is refused, and nothing is done.
    home.cms(["batch", "--confirm", "1h"])
        .stdin("set network.lan.mtu=1200\n")
        .run()
        .exits(2)
        .stderr_has("no line of the batch commits");
    home.cms(["import", "network", "--merge", "--confirm", "1h"])
        .stdin(changed.as_str())
        .run()
        .exits(2)
        .stderr_has("--confirm and --merge exclude each other");
    home.cms(["import", "network", "--dry-run", "--force", "--confirm", "1h"]).stdin(changed).run().success();
    run(&home, "changes").stdout_is("");
    assert_eq!(run(&home, "get network.lan.mtu").stdout(), "1300\n");
    assert!(nothing_pending(&home));
}

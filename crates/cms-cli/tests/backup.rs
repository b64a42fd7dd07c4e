//! Backups: whole, continued, damaged, cut short, made while others commit; and restoring them.

use std::fs;
use std::path::PathBuf;
use std::thread;

use cms_testkit::{Answer, Errno, Fault, Home, Random};

const ATTIC: &str = "# attic\nconfig system 'main'\n\toption hostname 'a'\t# short\n\toption zone 'x'\n";
const LAN: &str = "\nconfig interface lan\n\tlist dns '1.1.1.1'\n\tlist dns \"9.9.9.9\"\n";

fn new() -> Home {
    Home::new(env!("CARGO_BIN_EXE_cms"))
}

/// Revision 1 is the import of two packages, 2 and 3 are commits.
fn home() -> Home {
    let home = new();
    home.write("system", ATTIC);
    home.write("network", LAN);
    run(&home, "list").success();
    set(&home, "b");
    set(&home, "c");
    home
}

fn set(home: &Home, value: &str) {
    run(home, &format!("set system.main.hostname={value}")).success();
    run(home, &format!("commit -m {value}")).success();
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

/// A file of the home that is no package.
fn file(home: &Home, name: &str) -> PathBuf {
    home.root().join("tmp").join(name)
}

fn call(home: &Home, words: &[&str], files: &[&PathBuf]) -> Answer {
    let files = files.iter().map(|path| path.to_string_lossy().into_owned());
    home.cms(words.iter().map(|word| (*word).to_owned()).chain(files)).run()
}

fn history(home: &Home) -> String {
    run(home, "history --json").success().stdout()
}

/// What a restore that was refused must not have changed.
fn state(home: &Home) -> (Vec<String>, Vec<String>, usize) {
    let names = home.names();
    let texts = names.iter().map(|name| home.read(name)).collect();
    (names, texts, fs::read_dir(home.state_dir()).expect("the state directory").count())
}

#[test]
fn an_empty_place_gets_every_byte_and_all_of_the_history() {
    let home = home();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success().stderr_has("revision 3").stderr_has("3 commits");
    call(&home, &["backup", "--verify", "--json"], &[&backup])
        .success()
        .stdout_has(r#"{"schema":"cms.backup.v1","backups":[{"file":"#)
        .stdout_has(r#""incremental":false,"first":0,"last":3,"commits":3"#);
    let copy = new();
    fs::remove_dir(copy.config_dir()).unwrap();
    call(&copy, &["restore", "--dry-run"], &[&backup]).success().stderr_has("would restore revision 3");
    assert!(!copy.config_dir().exists());
    assert_eq!(fs::read_dir(copy.state_dir()).unwrap().count(), 0);
    call(&copy, &["restore"], &[&backup]).success().stderr_has("2 packages");
    assert_eq!(copy.names(), ["network", "system"]);
    for package in ["system", "network"] {
        assert_eq!(copy.read(package), home.read(package));
    }
    assert_eq!(history(&copy), history(&home));
    run(&copy, "get system.main.hostname --at 1").success().stdout_is("a\n");
    run(&copy, "rollback 2").success();
    run(&copy, "get system.main.hostname").success().stdout_is("b\n");
    run(&copy, "doctor").success().stdout_has("all is well");
}

#[test]
fn a_chain_is_restored_in_order_and_to_any_revision() {
    let home = home();
    let [whole, next, last] = ["whole", "next", "last"].map(|name| file(&home, name));
    call(&home, &["backup"], &[&whole]).success();
    set(&home, "d");
    call(&home, &["backup", "--since", &whole.to_string_lossy()], &[&next]).success().stderr_has("1 commit ");
    home.write("system", home.read("system").replace("zone 'x'", "zone 'by hand'"));
    call(&home, &["backup", "--since", "4"], &[&last]).success().stderr_has("revision 5");
    assert!(fs::metadata(&next).unwrap().len() < fs::metadata(&whole).unwrap().len());

    let copy = new();
    call(&copy, &["restore"], &[&next]).exits(2).stderr_has("revision 3");
    call(&copy, &["restore"], &[&whole, &last]).exits(2).stderr_has("revision 4");
    call(&copy, &["restore"], &[&whole, &whole]).exits(2);
    assert_eq!(state(&copy), (vec![], vec![], 0));
    call(&copy, &["restore"], &[&whole, &next, &last]).success();
    assert_eq!(history(&copy), history(&home));
    assert_eq!(copy.read("system"), home.read("system"));

    for (at, host) in [("1", "a"), ("head~3", "b"), ("r4", "d"), ("2100-01-01", "d")] {
        let copy = new();
        call(&copy, &["restore", "--at", at], &[&whole, &next, &last]).success();
        run(&copy, "get system.main.hostname").success().stdout_is(&format!("{host}\n"));
        run(&copy, "doctor").success().stdout_has("all is well");
    }
    call(&new(), &["restore", "--at", "99"], &[&whole]).exits(3);
    call(&home, &["backup", "--since", "99"], &[&next]).exits(3);
    call(&home, &["backup", "--since", &file(&home, "none").to_string_lossy()], &[&next]).exits(3);
}

#[test]
fn over_a_store_it_is_one_commit_that_can_be_undone() {
    let home = home();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success();
    set(&home, "d");
    fs::remove_file(home.path("network")).unwrap();
    home.write("fresh", "config a\n");
    let before = home.read("system");
    let dry = call(&home, &["restore", "--dry-run"], &[&backup]).success().stderr_has("would commit");
    assert!(dry.stdout().contains("system.main.hostname='c'"), "{dry}");
    assert_eq!(home.read("system"), before);
    call(&home, &["restore"], &[&backup]).success().stderr_has("as revision 6");
    assert_eq!(home.names(), ["network", "system"]);
    assert_eq!(home.read("network"), LAN);
    assert!(home.read("system").contains("hostname 'c'\t# short"));
    run(&home, "history --limit 1").success().stdout_has("restored from").stdout_has("cms restore");
    call(&home, &["restore"], &[&backup]).success().stderr_has("nothing");
    run(&home, "undo 6").success();
    assert_eq!(home.names(), ["fresh", "system"]);
    assert_eq!(home.read("system"), before);
}

#[test]
fn the_history_is_replaced_only_when_asked_twice() {
    let home = home();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success();
    let past = history(&home);
    set(&home, "d");
    home.write("fresh", "config a\n");
    run(&home, "set system.main.zone=staged").success();
    call(&home, &["restore", "--replace-history"], &[&backup]).exits(2).stderr_has("--yes");
    call(&home, &["restore", "--replace-history", "--dry-run"], &[&backup]).success();
    run(&home, "get system.main.hostname").success().stdout_is("d\n");
    call(&home, &["restore", "--replace-history", "--yes"], &[&backup]).success().stderr_has("revision 3");
    assert_eq!(home.names(), ["network", "system"]);
    run(&home, "get system.main.hostname").success().stdout_is("c\n");
    run(&home, "get system.main.zone").success().stdout_is("x\n");
    assert_eq!(history(&home), past);
    run(&home, "doctor").success().stdout_has("all is well");
    set(&home, "e");
    run(&home, "get system.main.hostname").success().stdout_is("e\n");
    run(&home, "history --limit 1 --json").success().stdout_has(r#""revision":4"#);
}

#[test]
fn a_foreign_backup_needs_a_yes() {
    let (home, other) = (home(), new());
    other.write("system", "config system 'main'\n\toption hostname 'other'\n");
    run(&other, "list").success();
    let [mine, theirs] = ["mine", "theirs"].map(|name| file(&home, name));
    call(&home, &["backup"], &[&mine]).success();
    call(&other, &["backup"], &[&theirs]).success();
    let before = state(&home);
    call(&home, &["restore"], &[&theirs]).exits(5).stderr_has("another store").stderr_has("--yes");
    assert_eq!(state(&home), before);
    call(&home, &["restore", "--yes"], &[&theirs]).success();
    run(&home, "get system.main.hostname").success().stdout_is("other\n");
    call(&home, &["backup", "--since", &theirs.to_string_lossy()], &[&mine]).exits(5);
    // A store that went back and on again has another revision 3.
    let copy = new();
    call(&copy, &["restore", "--at", "2"], &[&mine]).success();
    set(&copy, "z");
    call(&copy, &["backup", "--since", &mine.to_string_lossy()], &[&theirs])
        .exits(5)
        .stderr_has("revision 3");
}

#[test]
fn what_is_no_sound_backup_changes_nothing() {
    let home = home();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success();
    let sound = fs::read(&backup).unwrap();
    set(&home, "d");
    let before = state(&home);
    let bad = file(&home, "bad");
    let check = |bytes: &[u8], words: &str| {
        fs::write(&bad, bytes).unwrap();
        for line in [&["restore"][..], &["backup", "--verify"], &["restore", "--replace-history", "--yes"]] {
            call(&home, line, &[&bad]).exits(4).stderr_has(words).stderr_has("nothing was changed");
        }
    };
    check(&sound[..sound.len() - 1], "before its end");
    check(&sound[..100], "before its end");
    check(b"", "before its end");
    check(b"config system\n", "not a backup");
    let mut random = Random::for_test("what_is_no_sound_backup_changes_nothing");
    for _ in 0..20 {
        let mut bytes = sound.clone();
        let place = random.below(bytes.len() as u64) as usize;
        bytes[place] ^= 1 << random.below(8);
        check(&bytes, "nothing was changed");
    }
    call(&home, &["restore"], &[&file(&home, "none")]).exits(3);
    call(&home, &["restore"], &[&home.config_dir()]).fails();
    assert_eq!(state(&home).0, before.0);
    assert_eq!(state(&home).1, before.1);
    run(&home, "doctor").success();
}

#[test]
fn a_backup_goes_through_a_pipe() {
    let home = home();
    let answer = run(&home, "backup -").success();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success();
    assert!(answer.stdout().starts_with("cmsbkp\r\n"));
    let copy = new();
    copy.cms(["restore", "-"]).stdin(fs::read(&backup).unwrap()).run().success();
    assert_eq!(history(&copy), history(&home));
    run(&home, "backup - --json").exits(2);
    run(&home, "backup a b").exits(2);
}

/// The revision that a backup ends with is complete, whatever others commit meanwhile.
#[test]
fn others_commit_meanwhile() {
    let home = home();
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..25).for_each(|value| set(&home, &format!("v{value}"))));
        let mut number = 0;
        while !writer.is_finished() {
            number += 1;
            let backup = file(&home, &format!("backup{number}"));
            call(&home, &["backup"], &[&backup]).success();
        }
        writer.join().unwrap();
        for number in [1, number / 2 + 1, number] {
            let copy = new();
            call(&copy, &["restore"], &[&file(&home, &format!("backup{number}"))]).success();
            run(&copy, "doctor").success().stdout_has("all is well");
            let host = run(&copy, "get system.main.hostname").success().stdout();
            assert!(run(&copy, "history --limit 1").success().stdout().contains(host.trim()));
        }
    });
}

/// Whole ones and such that go on from them, beside processes that commit and give up what is old.
#[test]
fn others_give_up_old_commits_meanwhile() {
    let home = home();
    // The values ascend with the revisions.
    let value = |home: &Home| run(home, "get system.main.zone").success().stdout().trim().parse::<u64>().ok();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..40 {
                run(&home, &format!("set system.main.zone={number}")).success();
                run(&home, &format!("commit -m {number}")).success();
                run(&home, &format!("compact --keep-commits {}", number % 4)).success();
            }
        });
        let (mut chains, mut count): (Vec<Vec<PathBuf>>, usize) = (Vec::new(), 0);
        while !writer.is_finished() {
            count += 1;
            // Now and then what it would go on from is gone when it comes.
            if count % 7 == 0 {
                thread::sleep(std::time::Duration::from_millis(120));
            }
            let backup = file(&home, &format!("backup{count}"));
            let last = chains.last().and_then(|chain| chain.last());
            let Some(last) = last else {
                call(&home, &["backup"], &[&backup]).success();
                chains.push(vec![backup]);
                continue;
            };
            let answer = call(&home, &["backup", "--since", &last.to_string_lossy()], &[&backup]);
            if answer.is_success() {
                chains.last_mut().unwrap().push(backup);
            } else {
                // The only reason, and the next one is whole.
                answer.exits(3).stderr_has("no longer kept").stderr_has("make a whole backup");
                assert!(!backup.exists());
                chains.push(Vec::new());
            }
        }
        writer.join().unwrap();
        chains.retain(|chain| !chain.is_empty());
        assert!(chains.len() > 1 && chains.iter().any(|chain| chain.len() > 1), "{chains:?}");
        let mut before = None;
        for chain in [chains.first(), chains.get(chains.len() / 2), chains.last()].into_iter().flatten() {
            let copy = new();
            let files: Vec<&PathBuf> = chain.iter().collect();
            call(&copy, &["restore"], &files).success();
            run(&copy, "doctor").success().stdout_has("all is well");
            let found = value(&copy);
            assert!(found >= before, "{found:?} after {before:?}");
            if let Some(found) = found {
                run(&copy, "history --limit 1").success().stdout_has(&format!("zone='{found}'"));
            }
            before = found;
        }
    });
}

/// Killed or refused at every call, a backup leaves the old file or the new one.
#[test]
fn a_backup_that_is_cut_short_leaves_the_old_file_or_the_new_one() {
    let home = home();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success();
    let kinds: [fn(u64) -> Fault; 4] = [
        Fault::kill_after,
        Fault::short_kill,
        |n| Fault::full(n, Errno::NOSPC),
        |n| Fault::fail(n, Errno::IO),
    ];
    for kind in kinds {
        for n in 1.. {
            let answer = home.cms(["backup", &backup.to_string_lossy()]).fault(kind(n)).run();
            assert!(!answer.stderr().contains("panicked"), "{answer}");
            call(&home, &["backup", "--verify"], &[&backup]).success();
            if answer.calls().len() < n as usize && answer.is_success() {
                break;
            }
        }
    }
    call(&home, &["backup"], &[&backup]).success();
    assert_eq!(fs::read_dir(backup.parent().unwrap()).unwrap().count(), 1, "nothing lies about");
    run(&home, "doctor").success();
}

/// Killed or refused at every call, a restore leaves the old state or the new one, and the next one works.
#[test]
fn a_restore_that_is_cut_short_leaves_the_old_state_or_the_new_one() {
    let source = home();
    let backup = file(&source, "whole");
    call(&source, &["backup"], &[&backup]).success();
    let bytes = fs::read(&backup).unwrap();
    // A full disk stays full, so one call in some shows as much as each.
    let kinds: [fn(u64) -> Fault; 2] = [Fault::kill_after, |n| Fault::full(n, Errno::NOSPC)];
    for replace in [false, true] {
        for (kind, step) in kinds.into_iter().zip([1, 5]) {
            for n in (1..).step_by(step) {
                let home = new();
                let backup = file(&home, "whole");
                fs::write(&backup, &bytes).unwrap();
                if replace {
                    home.write("system", ATTIC);
                    run(&home, "list").success();
                    set(&home, "old");
                }
                let backup = backup.to_string_lossy().into_owned();
                let mut words = vec!["restore", &backup];
                if replace {
                    words.extend(["--replace-history", "--yes"]);
                }
                let answer = home.cms(&words).fault(kind(n)).run();
                assert!(!answer.stderr().contains("panicked"), "{answer}");
                // The next use sees all or nothing.
                let seen = run(&home, "get system.main.hostname");
                let is_new = seen.stdout() == "c\n";
                match replace {
                    true => assert!(is_new || seen.stdout() == "old\n", "{answer}{seen}"),
                    false => assert!(is_new || seen.code() == Some(3), "{answer}{seen}"),
                }
                assert!(is_new || !answer.is_success(), "{answer}");
                if is_new {
                    assert_eq!(history(&home), history(&source), "{answer}");
                } else {
                    home.cms(&words).run().success();
                }
                run(&home, "list").success();
                assert_eq!(home.read("network"), LAN, "{answer}");
                run(&home, "doctor").success();
                if answer.calls().len() < n as usize && answer.is_success() {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_log_that_is_in_use_is_not_replaced() {
    let home = home();
    let backup = file(&home, "whole");
    call(&home, &["backup"], &[&backup]).success();
    set(&home, "d");
    run(&home, "set system.main.zone=y").success();
    // A commit that stands still in the middle has the log open.
    let running = home.cms(["commit"]).fault(Fault::stop_before(1).under(home.config_dir())).spawn();
    assert!(running.wait_for_stop());
    let words = ["restore", &backup.to_string_lossy(), "--replace-history", "--yes"];
    let waiting = home.cms(words).spawn();
    running.go_on();
    running.wait().success();
    // It waited for the writer, or found the log in use; either way nothing is lost in between.
    let answer = waiting.wait();
    let host = run(&home, "get system.main.hostname").success().stdout();
    assert_eq!(host, if answer.is_success() { "c\n" } else { "d\n" }, "{answer}");
    run(&home, "doctor").success();
}

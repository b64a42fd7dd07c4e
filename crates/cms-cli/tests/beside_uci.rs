//! Beside programs that change the package files themselves: the reference `uci`, and an editor.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cms_testkit::{Fault, Home, Ledger};

const OPTIONS: usize = 6;

/// Replaces or adds a line `option NAME 'VALUE'` in the first section.
fn edited(text: &str, option: &str, value: &str) -> String {
    let start = format!("\toption {option} ");
    let new = format!("\toption {option} '{value}'");
    if text.lines().any(|line| line.starts_with(&start)) {
        let lines =
            text.lines().map(|line| if line.starts_with(&start) { new.clone() } else { line.to_owned() });
        return lines.map(|line| line + "\n").collect();
    }
    let (head, tail) = text.split_once("config store 'main'\n").expect("the first section");
    format!("{head}config store 'main'\n{new}\n{tail}")
}

/// Changes an option as the reference does: lock the file, read it again from what was locked, write a
/// temporary file beside it, rename.
fn change_as_uci(home: &Home, option: &str, value: &str, number: usize) {
    let mut file =
        File::options().read(true).write(true).open(home.path("store")).expect("the package is there");
    file.lock().expect("flock");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("the package is read");
    let temporary = home.config_dir().join(format!(".store.uci-{option}{number}"));
    let mut new = File::create(&temporary).expect("a temporary file");
    new.write_all(edited(&text, option, value).as_bytes()).expect("it is written");
    new.sync_all().expect("it is synced");
    fs::rename(&temporary, home.path("store")).expect("it is renamed");
}

/// A writer that has not yet ended, well or not.
struct AtWork<'a>(&'a AtomicUsize);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn nothing_acknowledged_is_lost_beside_the_reference() {
    const WRITERS: usize = 4;
    const CHANGES: usize = 30;
    /// The real one starts two processes for a change, which takes about as long.
    const PAUSE: Duration = Duration::from_millis(4);
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    Ledger::new(&home, OPTIONS);
    home.cms(["changes"]).run().success();
    let at_work = AtomicUsize::new(WRITERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (home, at_work) = (&home, &at_work);
            scope.spawn(move || {
                let mut change = 0;
                while at_work.load(Ordering::Relaxed) > 0 {
                    change_as_uci(home, &format!("theirs{writer}"), &format!("t{change}"), change);
                    change += 1;
                    thread::sleep(PAUSE);
                }
            });
            scope.spawn(move || {
                let _done = AtWork(at_work);
                for change in 0..CHANGES {
                    home.cms(["set", &format!("store.main.ours{writer}_{change}=v{change}")]).run().success();
                    home.cms(["commit"]).run().success();
                }
            });
        }
    });
    home.cms(["changes"]).run().success().stdout_is("");
    let file = home.read("store");
    for writer in 0..WRITERS {
        for change in 0..CHANGES {
            let (option, value) = (format!("ours{writer}_{change}"), format!("v{change}"));
            home.cms(["history", &format!("store.main.{option}")]).run().success().stdout_has(&value);
            assert!(
                file.contains(&format!("option {option} '{value}'")),
                "{option} is not in the file:\n{file}"
            );
        }
        // The reference loses changes of its own kind; that some of each writer's arrive shows that it took part.
        assert!(file.contains(&format!("option theirs{writer} 't")), "theirs{writer} is not in the file");
    }
    assert_eq!(home.names(), ["store"]);
}

/// How an editor saves.
#[derive(Clone, Copy, Debug)]
enum Save {
    /// Truncates the file and writes it again.
    InPlace,
    /// Writes another file and renames it.
    Rename,
    /// Renames the old file to a backup, writes a new one, and removes the backup.
    Backup,
}

fn save(home: &Home, how: Save, value: &str) {
    let path = home.path("store");
    let text = edited(&home.read("store"), "by_hand", value);
    match how {
        Save::InPlace => fs::write(path, text).expect("the editor writes"),
        Save::Rename => {
            let new = home.root().join("tmp/store.new");
            fs::write(&new, text).expect("the editor writes");
            fs::rename(new, path).expect("the editor renames");
        }
        Save::Backup => {
            let backup = home.config_dir().join("store~");
            fs::rename(&path, &backup).expect("the editor makes a backup");
            fs::write(&path, text).expect("the editor writes");
            fs::remove_file(backup).expect("the editor removes the backup");
        }
    }
}

/// Stops a commit after each of its steps, saves the file in an editor, and lets the commit go on or kills it:
/// neither the edit nor the commit is lost.
fn edit_at_every_step(how: Save, kill: bool) {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    Ledger::new(&home, OPTIONS);
    home.cms(["changes"]).run().success();
    for n in 1.. {
        let value = format!("v{n}");
        home.cms(["set", &format!("store.main.o1={value}")]).run().success();
        let running = home.cms(["commit", "-m", &format!("step {n}")]).fault(Fault::stop_after(n)).spawn();
        let stopped = running.wait_for_stop();
        if !stopped {
            assert!(n > 2, "commit changes no file");
            running.wait().success();
            break;
        }
        let situation = format!("{how:?}, after step {n}, kill: {kill}");
        save(&home, how, &value);
        if kill {
            running.kill();
            running.wait();
        } else {
            running.go_on();
            let answer = running.wait();
            assert!(answer.is_success(), "{situation}: {answer}");
        }
        // Killed before its end, the change may still be staged: the next try publishes it.
        home.cms(["commit"]).run().success();
        home.cms(["changes"]).run().success().stdout_is("");
        home.cms(["get", "store.main.o1"]).run().success().stdout_is(&format!("{value}\n"));
        home.cms(["get", "store.main.by_hand"]).run().success().stdout_is(&format!("{value}\n"));
        let file = home.read("store");
        assert!(
            file.contains(&format!("option o1 '{value}'")),
            "{situation}: the commit is not in the file:\n{file}"
        );
        assert!(
            file.contains(&format!("option by_hand '{value}'")),
            "{situation}: the edit is not in the file:\n{file}"
        );
        assert!(file.starts_with("# Kept by hand."), "{situation}: the comment is gone:\n{file}");
        for option in ["o1", "by_hand"] {
            let answer = home.cms(["history", &format!("store.main.{option}")]).run().success();
            assert!(answer.stdout().contains(&value), "{situation}: not in the log: {answer}");
        }
        assert_eq!(home.names(), ["store"], "{situation}");
    }
    home.cms(["doctor"]).run().success();
}

#[test]
fn an_edit_in_place_at_every_step() {
    edit_at_every_step(Save::InPlace, false);
}

#[test]
fn an_edit_in_place_at_every_step_of_a_killed_commit() {
    edit_at_every_step(Save::InPlace, true);
}

#[test]
fn an_edit_by_rename_at_every_step() {
    edit_at_every_step(Save::Rename, false);
}

#[test]
fn an_edit_by_rename_at_every_step_of_a_killed_commit() {
    edit_at_every_step(Save::Rename, true);
}

#[test]
fn an_edit_with_a_backup_at_every_step() {
    edit_at_every_step(Save::Backup, false);
}

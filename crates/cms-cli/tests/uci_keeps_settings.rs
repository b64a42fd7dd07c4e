//! Called as `uci`, the program keeps what the reference loses.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new(package: &str) -> Home {
        let dir = tempfile::tempdir().unwrap();
        symlink(env!("CARGO_BIN_EXE_cms"), dir.path().join("uci")).unwrap();
        fs::create_dir(dir.path().join("conf")).unwrap();
        fs::write(dir.path().join("conf/test"), package).unwrap();
        Home { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("uci"));
        command.args(["-c", "conf", "-t", "save"]).args(args).current_dir(self.dir.path());
        command
    }

    fn run(&self, args: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = [stdout, stderr].concat();
        (
            status.code().unwrap(),
            String::from_utf8(text).unwrap().replace(&self.dir.path().display().to_string(), ""),
        )
    }

    fn check(&self, args: &[&str], output: &str) {
        assert_eq!(self.run(args), (0, output.to_owned()), "{args:?}");
    }

    fn refuse(&self, args: &[&str]) {
        let (code, output) = self.run(args);
        assert!(code > 0 && output.contains(": "), "{args:?}: {code} {output}");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn conf(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(self.path("conf")).unwrap().map(name).collect();
        names.sort();
        names
    }
}

#[test]
fn commands_behind_a_semicolon_are_not_dropped() {
    let home = Home::new("config a x\n\toption o v; option p w\n\toption q \\\n  z; list l ; option r 1;\n");
    home.check(&["show"], "test.x=a\ntest.x.o='v'\ntest.x.p='w'\ntest.x.q='z'\ntest.x.l=''\ntest.x.r='1'\n");
}

#[test]
fn a_type_that_needs_quotes_survives_a_commit() {
    let home = Home::new("config 'a#b\"c' x\n");
    home.check(&["set", "test.x.o=1"], "");
    home.check(&["commit"], "");
    home.check(&["show"], "test.x=a#b\"c\ntest.x.o='1'\n");
}

#[test]
fn what_could_never_be_applied_is_refused() {
    let home = Home::new("config a x\n\toption o 1\n\toption p 2\nconfig b y\n");
    for word in ["test.x=y", "test.x.o=p", "test.x=no-name", "test.x.o="] {
        home.refuse(&["rename", word]);
    }
    home.refuse(&["reorder", "test.x=one"]);
    home.refuse(&["set", "test.@a[7]=b"]);
    home.refuse(&["add", "test", "no type"]);
    home.refuse(&["delete", "test.x=1"]);
    home.refuse(&["import", "a.b"]);
    home.check(&["changes"], "");
}

#[test]
fn a_change_staged_behind_an_unfinished_line_is_not_lost() {
    let home = Home::new("config a x\n");
    fs::create_dir(home.path("save")).unwrap();
    fs::write(home.path("save/test"), "test.x.o='1'").unwrap();
    home.check(&["set", "test.x.p=2"], "");
    home.check(&["show"], "test.x=a\ntest.x.o='1'\ntest.x.p='2'\n");
}

#[test]
fn damaged_staged_lines_do_not_stop_a_revert() {
    let home = Home::new("config a x\n");
    fs::create_dir(home.path("save")).unwrap();
    fs::write(home.path("save/test"), "rubbish\ntest.x.o='1'\ntest.x.p='2'\n").unwrap();
    home.check(&["revert", "test.x.o"], "");
    assert_eq!(home.read("save/test"), "rubbish\ntest.x.p='2'\n");
}

#[test]
fn a_file_of_nul_bytes_is_an_error_and_stays() {
    let home = Home::new("config a x\n\0\0\0\n");
    home.refuse(&["show", "test"]);
    home.refuse(&["set", "test.x.o=1"]);
    assert_eq!(home.read("conf/test"), "config a x\n\0\0\0\n");
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let home = Home::new("config a x\n");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = home.command(&["show"]).stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert!(!status.success());
}

/// Runs a command that may write no file longer than 512 bytes.
fn run_with_small_files(home: &Home, args: &[&str]) -> bool {
    let script = "ulimit -f 1; exec \"$@\"";
    let status = Command::new("sh")
        .args(["-c", script, "sh", "./uci", "-c", "conf", "-t", "save"])
        .args(args)
        .current_dir(home.dir.path())
        .stderr(std::process::Stdio::null())
        .status();
    status.unwrap().success()
}

#[test]
fn a_commit_that_cannot_write_keeps_the_file_and_the_staged_change() {
    let text = format!("config a x\n\toption long '{}'\n", "v".repeat(2000));
    let home = Home::new(&text);
    home.check(&["set", "test.x.o=1"], "");
    assert!(!run_with_small_files(&home, &["commit"]));
    assert_eq!(home.read("conf/test"), text);
    home.check(&["changes"], "test.x.o='1'\n");

    home.check(&["commit"], "");
    home.check(&["get", "test.x.o"], "1\n");
    assert_eq!(home.read("save/test"), "");
    assert_eq!(home.conf(), ["test"]);
}

#[test]
fn a_change_that_cannot_be_staged_leaves_no_part_of_itself() {
    let home = Home::new("config a x\n");
    home.check(&["set", "test.x.o=1"], "");
    let long = format!("test.x.p={}", "v".repeat(5000));
    assert!(!run_with_small_files(&home, &["set", &long]));
    home.check(&["set", "test.x.q=2"], "");
    home.check(&["show"], "test.x=a\ntest.x.o='1'\ntest.x.q='2'\n");
}

#[test]
fn a_file_left_by_a_killed_commit_is_removed_by_the_next() {
    let home = Home::new("config a x\n");
    fs::write(home.path("conf/.test.uci-new"), "half a fi").unwrap();
    home.check(&["show"], "test.x=a\n");
    home.check(&["set", "test.x.o=1"], "");
    home.check(&["commit"], "");
    assert_eq!(home.conf(), ["test"]);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 15;
    let home = Home::new("config a x\n");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let home = &home;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    home.check(&["set", &format!("test.x.o_{writer}_{round}=1")], "");
                    home.check(&["commit", "test"], "");
                }
            });
        }
    });
    let kept = home.read("conf/test").matches("\toption o_").count();
    assert_eq!(kept, WRITERS * ROUNDS);
    assert_eq!(home.read("save/test"), "");
    assert!(Path::new(&home.path("conf/test")).is_file());
}

#[test]
fn root_takes_no_changes_from_another_user() {
    let home = Home::new("config a x\n");
    home.check(&["set", "test.x.o=1"], "");
    if std::os::unix::fs::chown(home.path("save/test"), Some(65534), None).is_err() {
        return; // Only root can set this up, and only root is at risk.
    }
    home.refuse(&["commit"]);
    home.refuse(&["set", "test.x.p=1"]);
    assert_eq!(home.read("conf/test"), "config a x\n");
}

#[test]
fn messages_that_cannot_be_written_stop_nothing() {
    let home = Home::new("config a x\n");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = home.command(&["get", "test.y"]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

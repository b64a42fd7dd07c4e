//! The failing disk itself: a shell whose calls are known.

use cms_testkit::{Answer, Command, Errno, Fault};
use tempfile::TempDir;

struct Shell(TempDir);

impl Shell {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn command(&self, script: &str) -> Command {
        let root = std::fs::canonicalize(self.0.path()).expect("the directory is there");
        Command::new("/bin/sh", &root).args(["-c", script])
    }

    fn run(&self, script: &str, fault: Fault) -> Answer {
        self.command(script).fault(fault).run()
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.path().join(name)).ok()
    }
}

/// open, write, then the calls of `mv`, which is a process with a count of its own.
const SAVE: &str = "echo hello > new && mv new file && echo saved";

fn names(answer: &Answer) -> Vec<String> {
    let last =
        |call: &cms_testkit::Call| call.path.file_name().expect("a name").to_string_lossy().into_owned();
    answer.calls().iter().map(|call| format!("{} {}", call.name, last(call))).collect()
}

#[test]
fn counts_and_names_calls() {
    let shell = Shell::new();
    let answer = shell.run(SAVE, Fault::count()).success().stdout_is("saved\n");
    assert_eq!(names(&answer), ["open new", "write new", "renameat2 file"]);
}

#[test]
fn leaves_other_folders_alone() {
    let shell = Shell::new();
    let answer = shell.run(SAVE, Fault::fail_from(1, Errno::IO).under("/nowhere")).success();
    assert_eq!(names(&answer), Vec::<String>::new());
}

#[test]
fn a_folder_is_not_a_prefix_of_its_neighbour() {
    let shell = Shell::new();
    let folder = std::fs::canonicalize(shell.0.path()).unwrap().join("ne");
    shell.run(SAVE, Fault::fail_from(1, Errno::IO).under(folder)).success();
}

#[test]
fn fails_one_call() {
    let shell = Shell::new();
    shell.run("echo a > one; echo b > two", Fault::fail(1, Errno::NOSPC)).stderr_has("one").success();
    assert_eq!((shell.read("one"), shell.read("two")), (None, Some("b\n".into())));
}

#[test]
fn fails_every_call_from_one_on() {
    let shell = Shell::new();
    shell.run("echo a > one; echo b > two; echo c > three", Fault::fail_from(3, Errno::ROFS)).fails();
    assert_eq!((shell.read("one"), shell.read("two"), shell.read("three")), (Some("a\n".into()), None, None));
}

#[test]
fn a_full_disk_can_still_delete() {
    let shell = Shell::new();
    shell.command("echo a > one").run().success();
    shell.run("rm one; echo b > two", Fault::full(1, Errno::NOSPC)).fails().stderr_has("two");
    assert_eq!((shell.read("one"), shell.read("two")), (None, None));
}

#[test]
fn shortens_a_write() {
    let shell = Shell::new();
    shell.run("echo abcdefg > file", Fault::short(2));
    let text = shell.read("file").unwrap();
    // A careful writer goes on with the rest, a careless one loses it: both prove that the call came back short.
    assert!(text == "abcdefg\n" || text == "abcd", "{text:?}");
    shell.run("echo abcdefg > file", Fault::short_kill(2));
    assert_eq!(shell.read("file").unwrap(), "abcd");
}

#[test]
fn kills_before_and_after() {
    let shell = Shell::new();
    let before = shell.run("echo a > one; echo b > two", Fault::kill_before(3));
    assert_eq!((before.signal(), shell.read("one"), shell.read("two")), (Some(9), Some("a\n".into()), None));
    let after = shell.run("echo a > one; echo b > two", Fault::kill_after(3));
    assert_eq!((after.signal(), shell.read("two")), (Some(9), Some(String::new())));
}

#[test]
fn stops_and_goes_on() {
    let shell = Shell::new();
    let running = shell.command("echo a > one; echo b > two").fault(Fault::stop_after(2)).spawn();
    assert!(running.wait_for_stop());
    assert_eq!((shell.read("one"), shell.read("two")), (Some("a\n".into()), None));
    running.go_on();
    running.wait().success();
    assert_eq!(shell.read("two").unwrap(), "b\n");
    let running = shell.command("echo c > one").fault(Fault::stop_before(2)).spawn();
    assert!(running.wait_for_stop());
    running.kill();
    assert_eq!(running.wait().signal(), Some(9));
    assert_eq!(shell.read("one").unwrap(), "");
}

#[test]
fn a_program_that_does_not_get_there_ends() {
    let shell = Shell::new();
    let running = shell.command("echo a > one").fault(Fault::stop_before(9)).spawn();
    assert!(!running.wait_for_stop());
    running.wait().success();
}

#[test]
fn counts_reads_when_asked() {
    let shell = Shell::new();
    shell.command("echo a > one").run().success();
    let calls = shell.run("read x < one", Fault::count()).success().calls().len();
    assert_eq!(calls, 0);
    shell.run("read x < one", Fault::fail(1, Errno::MFILE).with_reads()).fails();
}

#[test]
fn limits_the_size_of_files() {
    let shell = Shell::new();
    let script = "head -c 4096 /dev/zero > file";
    let answer = shell.command(script).file_size_limit(2, true).run().fails();
    assert!(answer.stderr().contains("File too large"), "{answer}");
    assert_eq!(shell.read("file").unwrap().len(), 1024);
}

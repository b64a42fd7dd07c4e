//! `cms shell`: as a script, and as a person sees it at a terminal.

use std::io::{BufRead, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cms_testkit::{Answer, Home};

const NETWORK: &str = "config interface 'lan'\n\toption mtu '1500'\n\toption proto 'static'\n";

/// Longer than a shell takes for a line, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Revision 1 is the import.
fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", NETWORK);
    run(&home, "list").success();
    home
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

fn script(home: &Home, lines: &str) -> Answer {
    home.cms(["shell"]).stdin(lines).run()
}

#[test]
fn verbs_are_used_as_outside() {
    let home = home();
    script(
        &home,
        "# a comment\nget network.lan.mtu\nset network.lan.mtu='1492'; changes\ncms commit -m smaller\nhistory --limit 1\nget network.lan.mtu --at 1\n",
    )
    .success()
    .stdout_has("1500\nnetwork.lan.mtu='1492'\nr2  ")
    .stdout_has("\n    smaller\n    network.lan.mtu='1492'  # '1500'\n\n1500\n");
}

#[test]
fn a_transaction_sees_itself_and_nobody_else_does_before_its_commit() {
    let home = home();
    let lines = "begin\nset network.lan.mtu=1492 network.wan=interface\nget network.lan.mtu\nshow network\nlist network\n\
                 search 1492 --values\nexport network\nchanges\n";
    let answer =
        script(&home, lines).exits(1).stderr_has("the transaction was not committed: 2 changes were dropped");
    let expected = "1492\nnetwork.lan=interface\nnetwork.lan.mtu='1492'\nnetwork.lan.proto='static'\nnetwork.wan=interface\n";
    assert!(answer.stdout().starts_with(expected), "{answer}");
    assert!(answer.stdout().contains("option mtu '1492'"), "{answer}");
    assert!(
        answer.stdout().ends_with("network.lan.mtu='1492'  # '1500'\n+network.wan='interface'\n"),
        "{answer}"
    );
    assert_eq!(home.read("network"), NETWORK);
    run(&home, "changes").success().stdout_is("");

    script(&home, &format!("{lines}commit -m both\n")).success().stderr_has("as revision 2");
    run(&home, "history --limit 1").success().stdout_has("cms shell").stdout_has("both");
    run(&home, "get network.lan.mtu").success().stdout_is("1492\n");
}

#[test]
fn savepoints_take_back_what_came_after() {
    let home = home();
    script(
        &home,
        "begin\nset network.lan.mtu=1\nsavepoint a\nset network.lan.mtu=2\nsavepoint\nset network.lan.proto=none\n\
         rollback to a\nget network.lan.mtu\nget network.lan.proto\nset network.lan.mtu=3\nrollback to a\ncommit\n",
    )
    .success()
    .stdout_has("1\nstatic\n")
    .stderr_has("savepoint a\n")
    .stderr_has("savepoint 2\n");
    run(&home, "get network.lan.mtu").stdout_is("1\n");
    script(&home, "begin\nsavepoint here\nrollback to her\n").exits(3).stderr_has("did you mean `here`?");
}

#[test]
fn what_is_dropped_is_dropped() {
    let home = home();
    for end in ["abort", "rollback"] {
        script(&home, &format!("begin\nset network.lan.mtu=1\n{end}\nget network.lan.mtu\n"))
            .success()
            .stdout_is("1500\n")
            .stderr_has("1 change was dropped");
    }
    // All edits of a line are made, or none.
    script(&home, "begin\nset network.lan.mtu=1 network.none.mtu=2\nget network.lan.mtu\nabort\n")
        .exits(3)
        .stderr_has("line 2: there is no section `none`");
    home.cms(["shell", "--keep-going"])
        .stdin("begin\nset network.lan.mtu=1 network.none.mtu=2\nget network.lan.mtu\nabort\n")
        .run()
        .exits(3)
        .stdout_is("1500\n")
        .stderr_has("the transaction had no changes");
}

#[test]
fn a_conflict_is_named_and_leaves_the_transaction_open() {
    let home = home();
    let mut shell = std::process::Command::new(env!("CARGO_BIN_EXE_cms"))
        .args(store_words(&home))
        .args(["shell", "--keep-going"])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = shell.stdin.take().expect("its input");
    let mut stdout = std::io::BufReader::new(shell.stdout.take().expect("its output"));
    stdin.write_all(b"begin\nsavepoint before\nset network.lan.mtu=1\nget network.lan.mtu\n").expect("lines");
    let mut answer = String::new();
    stdout.read_line(&mut answer).expect("a value");
    assert_eq!(answer, "1\n");
    run(&home, "set network.lan.mtu=2").success();
    run(&home, "commit").success();
    let rest = "commit\nchanges\nget network.lan.mtu --at head\nrollback to before\nset network.lan.proto=none\ncommit\n";
    stdin.write_all(rest.as_bytes()).expect("lines");
    drop(stdin);
    let mut answer = String::new();
    stdout.read_to_string(&mut answer).expect("an answer");
    let output = shell.wait_with_output().expect("an end");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), answer.as_str()),
        (Some(5), "network.lan.mtu='1'  # '1500'\n2\n"),
        "{told}"
    );
    assert!(told.contains("line 5: network.lan.mtu was changed by"), "{told}");
    assert!(told.contains("in revision 2 too") && told.contains("the transaction is still open"), "{told}");
    run(&home, "get network.lan.proto").stdout_is("none\n");
}

/// The options that name a home's store.
fn store_words(home: &Home) -> Vec<String> {
    let folders =
        [("--config", home.config_dir()), ("--state-dir", home.state_dir()), ("--run-dir", home.run_dir())];
    folders.iter().flat_map(|(option, folder)| [(*option).to_owned(), folder.display().to_string()]).collect()
}

#[test]
fn a_script_ends_at_its_first_error_unless_it_is_to_go_on() {
    let home = home();
    let lines = "get network.lan.mtu\nget network.none.mtu\nbogus\nget network.lan.proto\n";
    script(&home, lines).exits(3).stdout_is("1500\n").stderr_has("line 2: there is no section `none`");
    home.cms(["shell", "--keep-going"])
        .stdin(lines)
        .run()
        .exits(3)
        .stdout_is("1500\nstatic\n")
        .stderr_has("line 3: there is no command `bogus`");
    let file = home.root().join("script");
    std::fs::write(
        &file,
        "diff 1 1 --exit-code\nset network.lan.mtu='two\nlines'\nget network.lan.mtu\nexit\nbogus\n",
    )
    .expect("a script");
    home.cms(["shell", "-f", &file.display().to_string()]).run().success().stdout_is("two\nlines\n");
    script(&home, "set network.lan.mtu='open").exits(4).stderr_has("the text ends within quotes");
}

#[test]
fn what_has_no_place_in_a_transaction_is_said() {
    let home = home();
    for (line, words) in [
        ("begin", "a transaction is open already"),
        ("undo 1", "`undo` is not possible in an open transaction"),
        ("rollback 1", "`rollback` is not possible"),
        ("batch", "`batch` is not possible"),
        ("diff", "`changes` shows what the transaction changes"),
        ("commit network", "a transaction is committed as a whole"),
        ("shell", "cannot be called from within the shell"),
        ("begin now", "this is not how `begin` is called"),
    ] {
        script(&home, &format!("begin\n{line}\n")).exits(2).stderr_has(words);
    }
    for (line, words) in [("abort", "no transaction is open"), ("savepoint", "no transaction is open")] {
        script(&home, line).exits(2).stderr_has(words);
    }
}

#[test]
fn every_verb_has_help() {
    let home = home();
    let overview = script(&home, "help\n").success().stdout();
    assert!(overview.contains("Only in the shell") && overview.contains("history"), "{overview}");
    for verb in
        ["begin", "savepoint", "rollback to", "rollback", "abort", "exit", "help", "commit", "get", "watch"]
    {
        let help = script(&home, &format!("help {verb}\n")).success().stdout();
        assert!(help.contains(verb), "{verb}: {help}");
    }
    script(&home, "help comit\n").exits(2).stderr_has("did you mean `commit`?");
}

#[test]
fn json_is_for_programs_that_keep_a_shell_open() {
    let home = home();
    home.cms(["--json", "shell"])
        .stdin("begin\nset network.lan.mtu=1\nchanges\ncommit\n")
        .run()
        .success()
        .stdout_has(r#"{"schema":"cms.transaction.v1","transaction":1,"changes":[{"action":"set","key":"network.lan.mtu","old":"1500","new":"1"}]}"#)
        .stdout_has(r#"{"schema":"cms.commit.v1","revision":2"#);
}

/// A shell at a terminal of its own, which `script` makes.
struct Terminal {
    child: Child,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn new(home: &Home) -> Terminal {
        let words = format!("{} {} shell", env!("CARGO_BIN_EXE_cms"), store_words(home).join(" "));
        let mut child = std::process::Command::new("script")
            .args(["-qec", &words, "/dev/null"])
            .env("TERM", "xterm")
            .env("LC_ALL", "C")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let mut stdout = child.stdout.take().expect("its output");
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut terminal = Terminal { child, output, seen: String::new() };
        terminal.prompt("cms> ");
        terminal
    }

    fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().expect("its input");
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("a terminal that takes keys");
    }

    /// Waits for the words to be shown, behind all that was waited for before.
    fn expect(&mut self, words: &str) {
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.seen.find(words) {
                self.seen.drain(..place + words.len());
                return;
            }
            let left = patience.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left).unwrap_or_default();
            assert!(!bytes.is_empty(), "no {words:?} in {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Waits for the shell to ask for the next line, and not only to draw this one anew.
    fn prompt(&mut self, words: &str) {
        self.expect("\u{1b}[?2004h");
        self.expect(words);
    }

    /// Waits for its end, which has to come soon; returns its exit code.
    fn ends(mut self) -> Option<i32> {
        let patience = Instant::now() + PATIENCE;
        // Its input stays open: the end of that would be one more Ctrl-D.
        loop {
            if let Some(status) = self.child.try_wait().expect("an end") {
                return status.code();
            }
            assert!(Instant::now() < patience, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_prompt_counts_and_tab_completes_real_keys() {
    let home = home();
    let mut terminal = Terminal::new(&home);
    terminal.types("get netw\t");
    terminal.expect("get network.");
    terminal.types("lan.m\t");
    terminal.expect("get network.lan.mtu");
    terminal.types("\r");
    terminal.expect("1500");
    terminal.prompt("cms> ");
    terminal.types("set network.lan.mtu=1400\r");
    terminal.prompt("cms(1)> ");
    terminal.types("revert network\r");
    terminal.prompt("cms> ");
    terminal.types("beg\t\r");
    terminal.prompt("cms(+0)*> ");
    terminal.types("set network.guest=interface network.guest.vlan=7\r");
    terminal.prompt("cms(+2)*> ");
    // What only the transaction has is offered, too.
    terminal.types("get network.g\tv\t\r");
    terminal.expect("network.guest.vlan");
    terminal.expect("7\r\n");
    terminal.prompt("cms(+2)*> ");
    terminal.types("savepoint half\r");
    terminal.prompt("cms(+2)*> ");
    terminal.types("rollback to h\t\r");
    terminal.expect("rollback to half");
    terminal.prompt("cms(+2)*> ");
    // Another commit to the same makes the commit fail, which the prompt shows.
    terminal.types("set network.lan.mtu=1\r");
    terminal.prompt("cms(+3)*> ");
    run(&home, "set network.lan.mtu=2").success();
    run(&home, "commit").success();
    terminal.types("commit\r");
    terminal.expect("network.lan.mtu was changed by");
    terminal.prompt("cms(+3)!> ");
    terminal.types("abort\r");
    terminal.prompt("cms> ");
    terminal.types("exit\r");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn ctrl_c_abandons_the_line_and_ctrl_d_asks_before_it_drops_a_transaction() {
    let home = home();
    let mut terminal = Terminal::new(&home);
    terminal.types("bogus\u{3}");
    terminal.prompt("cms> ");
    terminal.types("begin; set network.lan.mtu=1\r");
    terminal.prompt("cms(+1)*> ");
    terminal.types("\u{4}");
    terminal.expect("leaving once more drops it");
    terminal.prompt("cms(+1)*> ");
    terminal.types("\u{4}");
    terminal.expect("1 change was dropped");
    assert_eq!(terminal.ends(), Some(0));
    assert_eq!(home.read("network"), NETWORK);
}

#[test]
fn lines_are_remembered_for_their_user_alone_but_those_behind_a_blank() {
    let home = home();
    let mut terminal = Terminal::new(&home);
    terminal.types("get network.lan.proto\r");
    terminal.expect("static");
    terminal.prompt("cms> ");
    terminal.types(" get network.lan.mtu\r");
    terminal.expect("1500");
    terminal.prompt("cms> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends(), Some(0));
    let file = home.state_dir().join("shell-history");
    let mode = std::fs::metadata(&file).expect("a history").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(&file).expect("a history");
    assert!(kept.contains("get network.lan.proto") && !kept.contains("mtu"), "{kept}");

    let mut terminal = Terminal::new(&home);
    // Up: the line of the earlier shell.
    terminal.types("\u{1b}[A");
    terminal.expect("get network.lan.proto");
    terminal.types("\r");
    terminal.expect("static");
    terminal.prompt("cms> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends(), Some(0));
}

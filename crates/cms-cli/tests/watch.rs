//! `watch` in one process, commits in others.

use cms_testkit::{Answer, Home};

const NETWORK: &str = "config interface 'lan'\n\toption mtu '1500'\n\toption proto 'static'\n";

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

fn commit(home: &Home, change: &str) {
    run(home, &format!("set {change}")).success();
    run(home, "commit").success();
}

#[test]
fn a_commit_of_another_process_is_told() {
    let home = home();
    // Whether it is there before the commit or after it, it is told the same.
    let watch = home.cms(["watch", "network.*.mtu", "--since", "1", "--count", "2"]).spawn();
    commit(&home, "network.lan.proto=dhcp");
    commit(&home, "network.lan.mtu=1400");
    commit(&home, "network.lan.mtu=1300");
    let lines = watch.wait().success().stdout();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("r3  ") && lines[0].ends_with("network.lan.mtu='1400'  # '1500'"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("r4  ") && lines[1].ends_with("network.lan.mtu='1300'  # '1400'"),
        "{lines:?}"
    );
}

#[test]
fn programs_get_a_line_of_json_for_each_event() {
    let home = home();
    run(&home, "set network.wan=interface").success();
    commit(&home, "network.wan.mtu=9000");
    run(&home, "watch --since 1 --count 1 --json")
        .success()
        .stdout_has(r#"{"schema":"cms.event.v1","revision":2,"time":""#)
        .stdout_has(r#""package":"network","number":1,"count":2,"action":"add-section","key":"network.wan","old":null,"new":"interface"}"#)
        .stdout_has(r#""number":2,"count":2,"action":"set","key":"network.wan.mtu","old":null,"new":"9000"}"#);
}

#[test]
fn a_command_runs_once_for_each_commit_and_may_fail() {
    let home = home();
    commit(&home, "network.lan.mtu=1400");
    commit(&home, "network.lan.mtu=1300");
    let command = "echo $CMS_REVISION $CMS_KEYS; grep -c cms.event.v1; test $CMS_REVISION != 2";
    home.cms(["watch", "--since", "1", "--count", "2", "--exec", command])
        .run()
        .success()
        .stdout_is("2 network.lan.mtu\n1\n3 network.lan.mtu\n1\n")
        .stderr_has("the command for revision 2 failed (exit status: 1)");
    // One that reads nothing is no failure.
    home.cms(["watch", "--since", "1", "--count", "1", "--exec", "true"]).run().success().stdout_is("");
}

#[test]
fn a_cursor_goes_on_where_it_was() {
    let home = home();
    commit(&home, "network.lan.mtu=1400");
    commit(&home, "network.lan.mtu=1300");
    let watch = "watch network --cursor reader --since 1 --count 1 --json";
    run(&home, watch).success().stdout_has(r#""revision":2,"#);
    run(&home, watch).success().stdout_has(r#""revision":3,"#);
    let next = home.cms(watch.split(' ')).spawn();
    commit(&home, "network.lan.mtu=1200");
    next.wait().success().stdout_has(r#""revision":4,"#);
}

#[test]
fn what_cannot_be_watched_is_said() {
    let home = home();
    run(&home, "watch network..mtu").exits(2).stderr_has("an empty part at position 9");
    run(&home, "watch a.b.c.d").exits(2).stderr_has("position 7");
    run(&home, "watch --since 99").exits(3);
    run(&home, "watch --cursor a/b").exits(4).stderr_has("the name of a cursor");
}

#[test]
fn an_interrupt_leaves_whole_lines_and_a_usable_store() {
    let home = home();
    let watch = home.cms(["watch", "--json"]).spawn();
    let pid = watch.pid().to_string();
    let interrupt = std::process::Command::new("kill").args(["-INT", &pid]).status();
    assert!(interrupt.is_ok_and(|status| status.success()));
    let answer = watch.wait();
    assert_eq!(answer.signal(), Some(2), "{answer}");
    assert!(answer.stdout().is_empty() || answer.stdout().ends_with('\n'), "{answer}");
    commit(&home, "network.lan.mtu=1400");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let home = home();
    let mut watch = std::process::Command::new(env!("CARGO_BIN_EXE_cms"))
        .args(["--config", &home.config_dir().display().to_string()])
        .args(["--state-dir", &home.state_dir().display().to_string()])
        .args(["--run-dir", &home.run_dir().display().to_string()])
        .args(["watch", "--since", "1"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("a watch");
    commit(&home, "network.lan.mtu=1400");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(watch.stdout.take().expect("its output"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    assert!(line.contains("network.lan.mtu='1400'"), "{line}");
    drop(stdout);
    // Nobody reads any more, which it learns when it has something to say.
    commit(&home, "network.lan.mtu=1300");
    let output = watch.wait_with_output().expect("an end");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_callback_is_called_for_what_another_process_commits() {
    let home = home();
    let dirs = cms::Dirs { state: Some(home.state_dir()), run: Some(home.run_dir()) };
    let location = cms::Location::find(&home.config_dir(), &dirs).expect("a store");
    let store = cms::Store::open(&location, cms::Options::default()).expect("a store");
    let manager = cms::EventManager::new(&store, cms::EventLimits::default()).expect("a manager");
    let (send, told) = std::sync::mpsc::channel();
    let topic = cms::Pattern::new("network.*.mtu").expect("a pattern");
    manager
        .subscribe("here", topic, cms::Start::Now, move |notice| {
            if let cms::Notice::Commit(commit) = notice {
                let keys: Vec<String> = commit.events.iter().map(|event| event.change.key.clone()).collect();
                let _ = send.send((commit.revision.0, keys));
            }
        })
        .expect("a subscriber");
    for (revision, change) in
        [(2, "network.lan.mtu=1400"), (3, "network.lan.proto=dhcp"), (4, "network.lan.mtu=1300")]
    {
        commit(&home, change);
        if change.contains("mtu") {
            let one = told.recv_timeout(std::time::Duration::from_secs(60)).expect("a call");
            assert_eq!(one, (revision, vec!["network.lan.mtu".to_owned()]));
        }
    }
    assert!(manager.unsubscribe("here"));
    assert!(told.try_recv().is_err(), "every commit is told once, and the others not at all");
}

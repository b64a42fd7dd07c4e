//! `cms bench`: what it answers, and that nothing of it is left.

use cms_testkit::{Answer, Home};

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn each_figure_stands_beside_its_limit_and_the_users_store_is_as_it_was() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", "config interface 'lan'\n\toption mtu '1500'\n");
    run(&home, "list").success();
    let before = (names(&home.config_dir()), names(&home.state_dir()), names(&home.run_dir()));
    // What a measurement left that was killed goes with the next one; no process has this number.
    std::fs::create_dir(home.state_dir().join(".bench-4999999")).expect("a folder");
    let answer = run(&home, "bench --seconds 1 --json").success().stdout();
    for figure in ["get", "handle", "commit", "commit-files", "wake"] {
        assert!(
            answer.contains(&format!(r#"{{"figure":"{figure}","nanoseconds":{{"p50":"#)),
            "{figure}: {answer}"
        );
    }
    assert!(answer.starts_with(r#"{"schema":"cms.bench.v1","figures":["#), "{answer}");
    assert_eq!((names(&home.config_dir()), names(&home.state_dir()), names(&home.run_dir())), before);
    run(&home, "history --json").success().stdout_has(r#""revision":1,"#);
    run(&home, "bench --seconds 0").exits(2);
}

#[test]
fn people_get_a_table_and_what_it_means() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    run(&home, "bench --seconds 1")
        .success()
        .stdout_has("durable commit of one option")
        .stdout_has("write and fdatasync")
        .stderr_has("how many times the limit");
}

//! The verbs that read: what they print, plain, as a table and as JSON.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use cms_testkit::{Answer, Home};

fn home() -> Home {
    Home::with_examples(env!("CARGO_BIN_EXE_cms"))
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

#[test]
fn get_prints_a_value_or_a_type() {
    let home = home();
    run(&home, "get network.lan.proto").success().stdout_is("static\n");
    run(&home, "get network.lan").success().stdout_is("interface\n");
    run(&home, "get firewall.@zone[1].network").success().stdout_is("wan wan6\n");
    run(&home, "-d, get firewall.@zone[1].network").success().stdout_is("wan,wan6\n");
    run(&home, "get network.lan.proto --json")
        .success()
        .stdout_is("{\"schema\":\"cms.get.v1\",\"key\":\"network.lan.proto\",\"value\":\"static\"}\n");
    run(&home, "get firewall.@zone[1].network --json").success().stdout_has(r#""value":["wan","wan6"]"#);
    run(&home, "get network.lan.prto").exits(3).stderr_has("did you mean `proto`?");
}

#[test]
fn show_is_that_of_uci() {
    let home = home();
    for key in ["network", "network.lan", "network.lan.proto", "firewall.@rule[-1]", "wireless"] {
        let reference = home.uci(["show", key]).run().success().stdout();
        run(&home, &format!("show {key}")).success().stdout_is(&reference);
    }
    let reference = home.uci(["-X", "show", "firewall"]).run().success().stdout();
    run(&home, "-X show firewall").success().stdout_is(&reference);
    let all = home.uci(["show"]).run().success().stdout();
    run(&home, "show").success().stdout_is(&all);
}

#[test]
fn show_answers_programs() {
    let home = home();
    run(&home, "show network.wan --json").success().stdout_has(
        r#"{"schema":"cms.show.v1","packages":[{"name":"network","sections":[{"type":"interface","name":"wan","address":"wan","generated":null,"options":{"#,
    );
    run(&home, "show firewall.@zone[0] --json")
        .success()
        .stdout_has(r#""name":null,"address":"@zone[0]","generated":"cfg"#);
    run(&home, "show network.lan.proto --json").success().stdout_has(r#""options":{"proto":"static"}"#);
    run(&home, "show network.lan --format table").success().stdout_has("network.lan.proto");
}

#[test]
fn list_names_what_is_below() {
    let home = home();
    run(&home, "list").success().stdout_is("dhcp\nexample\nfirewall\nnetwork\nsystem\nwireless\n");
    run(&home, "list network").success().stdout_has("lan\nwan\nwan6\n@device[1]\n");
    run(&home, "list network.wan6").success().stdout_has("proto\n");
    run(&home, "list --json").success().stdout_has(r#""packages":[{"name":"dhcp","sections":"#);
    run(&home, "list network --json")
        .success()
        .stdout_has(r#"{"name":"lan","address":"lan","type":"interface","options":"#);
    run(&home, "list network.lan.proto").exits(2);
    run(&home, "list nothing").exits(3);
}

#[test]
fn search_finds_keys_and_values() {
    let home = home();
    run(&home, "search br-lan").success().stdout_has("network.lan.device='br-lan'\n");
    run(&home, "search *.lan.proto --keys").success().stdout_is("network.lan.proto='static'\n");
    run(&home, "search 192.168.1.* --values").success().stdout_has("network.lan.ipaddr='192.168.1.1'\n");
    run(&home, "search --regex ^network\\.wan6?$")
        .success()
        .stdout_is("network.wan=interface\nnetwork.wan6=interface\n");
    run(&home, "search BR-LAN").exits(3).stdout_is("").stderr_has("nothing matches");
    run(&home, "search -i BR-LAN").success();
    run(&home, "search --regex (").exits(2);
    run(&home, "search br-lan --json")
        .success()
        .stdout_has(r#"{"schema":"cms.search.v1","pattern":"br-lan","matches":["#);
}

#[test]
fn values_are_bytes_on_the_way_out() {
    let home = home();
    let mut text = b"config a 'b'\n\toption o 'x".to_vec();
    text.extend_from_slice(b"\xff\xfe\n\"y'\n\tlist l '\xc3'\n");
    home.write("odd", &text);
    let output = Command::new(env!("CARGO_BIN_EXE_cms"))
        .args(["-c".as_ref(), home.config_dir().as_os_str(), "get".as_ref(), "odd.b.o".as_ref()])
        .env("CMS_STATE_DIR", home.state_dir())
        .env("CMS_RUN_DIR", home.run_dir())
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"x\xff\xfe\n\"y\n");
    run(&home, "get odd.b.o --json").success().stdout_has(r#""value":{"base64":"eP/+CiJ5"}"#);
    run(&home, "show odd.b --json").success().stdout_has(r#""l":[{"base64":"ww=="}]"#);
}

#[test]
fn bytes_that_are_no_utf8_can_be_set() {
    let home = home();
    let word = std::ffi::OsStr::from_bytes(b"network.lan.note=\xff\xfe");
    let status = Command::new(env!("CARGO_BIN_EXE_cms"))
        .args(["-c".as_ref(), home.config_dir().as_os_str(), "set".as_ref(), word])
        .env("CMS_STATE_DIR", home.state_dir())
        .env("CMS_RUN_DIR", home.run_dir())
        .status()
        .unwrap();
    assert!(status.success());
    run(&home, "commit").success();
    let file = std::fs::read(home.path("network")).unwrap();
    assert!(
        file.windows(20)
            .any(|window| window == b"option note '\xff\xfe'\n\nco" || window.ends_with(b"'\xff\xfe'"))
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = home();
    let mut text = String::new();
    for number in 0..20_000 {
        text.push_str(&format!("config a 's{number}'\n\toption o '{number}'\n"));
    }
    home.write("large", text);
    let mut child = Command::new(env!("CARGO_BIN_EXE_cms"))
        .args(["-c".as_ref(), home.config_dir().as_os_str(), "show".as_ref(), "large".as_ref()])
        .env("CMS_STATE_DIR", home.state_dir())
        .env("CMS_RUN_DIR", home.run_dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_pipe_of_output_is_an_error() {
    let home = home();
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let output = Command::new(env!("CARGO_BIN_EXE_cms"))
        .args(["-c".as_ref(), home.config_dir().as_os_str(), "show".as_ref()])
        .env("CMS_STATE_DIR", home.state_dir())
        .env("CMS_RUN_DIR", home.run_dir())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the output"));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let home = home();
    run(&home, "set network.lan.proto=dhcp").success();
    let painted = |command: cms_testkit::Command| command.run().success().stdout().contains('\u{1b}');
    assert!(!painted(home.cms(["changes"])), "a pipe is no terminal");
    assert!(painted(home.cms(["changes", "--color", "always"])));
    assert!(painted(home.cms(["changes"]).env("FORCE_COLOR", "1")));
    assert!(!painted(home.cms(["changes"]).env("FORCE_COLOR", "1").env("NO_COLOR", "1")));
    assert!(!painted(home.cms(["changes", "--color", "never"]).env("FORCE_COLOR", "1")));
}

#[test]
fn help_begins_with_examples() {
    let home = home();
    home.program("cms").run().success().stdout_has("Examples\n  cms show network");
    home.program("cms").args(["help"]).run().success().stdout_has("rollback");
    let help = home.program("cms").args(["help", "set"]).run().success().stdout();
    let place = |words: &str| help.find(words).unwrap_or_else(|| panic!("{words} in {help}"));
    assert!(place("Examples") < place("Usage"));
    assert_eq!(home.program("cms").args(["set", "--help"]).run().success().stdout(), help);
    home.program("cms").args(["help", "ste"]).run().exits(2).stderr_has("did you mean `set`?");
    home.program("cms").args(["--version"]).run().success().stdout_has("cms ");
}

#[test]
fn german_is_spoken_to_those_who_read_it() {
    let home = home();
    let say = |language: &str, variable: &str| {
        home.cms(["get", "network.lna.proto"]).env("LC_ALL", "").env(variable, language).run().exits(3)
    };
    say("de_DE.UTF-8", "LANG")
        .stderr_has("es gibt keine Sektion `lna` im Paket network")
        .stderr_has("meinten Sie `lan`?");
    say("de_AT", "LC_MESSAGES").stderr_has("es gibt keine Sektion");
    say("de", "LC_ALL").stderr_has("es gibt keine Sektion");
    say("fr_FR.UTF-8", "LANG").stderr_has("there is no section");
    home.cms(["help", "commit"])
        .env("LC_ALL", "de_DE.UTF-8")
        .run()
        .success()
        .stdout_has("Allgemeine Optionen")
        .stdout_has("Beispiele");
    home.uci(["get", "network.lna.proto"])
        .env("LC_ALL", "de_DE.UTF-8")
        .run()
        .fails()
        .stderr_has("uci: Entry not found");
}

#[test]
fn the_log_of_the_program_tells_no_values() {
    let home = home();
    let answer = home.cms(["set", "wireless.radio0.key=hunter2"]).env("CMS_LOG", "trace").run().success();
    assert!(!answer.stderr().contains("hunter2"), "{answer}");
    let answer = home.cms(["-vvv", "commit"]).run().success();
    assert!(!answer.stderr().contains("hunter2"), "{answer}");
}

#[test]
fn completion_offers_what_is_there() {
    let home = home();
    let config = home.config_dir().to_string_lossy().into_owned();
    let offered = |words: &[&str]| {
        let all = [&["__candidates", "--", "-c", config.as_str()], words].concat();
        let answer = home.program("cms").args(all).run().success().stdout();
        answer.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(offered(&["hist"]).contains(&"history".to_owned()));
    assert_eq!(offered(&["get", "netw"]), ["network."]);
    assert_eq!(offered(&["get", "network.wa"]), ["network.wan.", "network.wan6."]);
    assert_eq!(offered(&["get", "network.lan.pro"]), ["network.lan.proto"]);
    assert_eq!(offered(&["set", "network.lan.pro"]), ["network.lan.proto="]);
    assert_eq!(offered(&["commit", "netw"]), ["network"]);
    assert!(offered(&["get", "firewall.@ru"]).contains(&"firewall.@rule[0].".to_owned()));
    assert!(offered(&["diff", "--form"]).contains(&"--format".to_owned()));
    assert_eq!(offered(&["completion", "z"]), ["zsh"]);
    assert_eq!(offered(&["get", "nothing."]), Vec::<String>::new());
}

#[test]
fn completion_scripts_are_those_of_their_shells() {
    let home = home();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.program("cms").args(["completion", shell]).run().success().stdout();
        assert!(script.contains("__candidates --"), "{shell}");
        let Ok(mut child) =
            Command::new(shell).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
        else {
            continue;
        };
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    }
    home.program("cms").args(["completion", "tcsh"]).run().exits(2).stderr_has("one of: bash zsh fish");
}

#[test]
fn bash_completes_a_key() {
    let home = home();
    let root = home.root();
    let script = format!(
        "source <(cms completion bash)\n\
         COMP_LINE='cms -c {0} get firewall.@zone[1].na' COMP_POINT=${{#COMP_LINE}}\n\
         COMP_WORDS=(cms -c {0} get 'firewall.' '@' 'zone[1].na') COMP_CWORD=6\n\
         _cms cms 'zone[1].na' '@'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        home.config_dir().display()
    );
    let output = Command::new("bash")
        .arg("-c")
        .arg(script)
        .env("PATH", format!("{}:/usr/bin:/bin", root.join("bin").display()))
        .env("CMS_STATE_DIR", home.state_dir())
        .env("CMS_RUN_DIR", home.run_dir())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "zone[1].name\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn long_output_is_paged_on_a_terminal_only() {
    let home = home();
    let page = |option: &str| {
        let command = format!("cms -c {} {option} show network.lan", home.config_dir().display());
        let output = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("PATH", format!("{}:/usr/bin:/bin", home.root().join("bin").display()))
            .env("PAGER", "sed 's/^/PAGED /'")
            .env("CMS_STATE_DIR", home.state_dir())
            .env("CMS_RUN_DIR", home.run_dir())
            .stdin(Stdio::null())
            .output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // `script` gives a terminal; without it there is nothing to show here.
    let Ok(paged) = page("") else { return };
    assert!(paged.contains("PAGED network.lan.proto='static'"), "{paged}");
    assert!(page("--no-pager").unwrap().contains("\nnetwork.lan.proto='static'"));
    assert!(
        !home.cms(["show", "network.lan"]).env("PAGER", "sed s/^/PAGED/").run().stdout().contains("PAGED")
    );
}

#[test]
fn memory_tells_what_the_segment_takes() {
    let home = home();
    run(&home, "memory").success().stdout_has("network").stdout_has("In use");
    run(&home, "memory map").success().stdout_has("(shared)").stdout_has("#");
    run(&home, "memory check").success().stdout_is("the segment is sound\n");
    run(&home, "memory defrag").success();
    run(&home, "memory --json")
        .success()
        .stdout_has("\"schema\":\"cms.memory.v1\"")
        .stdout_has("\"payload\":");
    run(&home, "memory shrink").exits(2);
    run(&home, "get network.lan.proto").success().stdout_is("static\n");
}

#[test]
fn memory_says_why_there_is_no_segment() {
    let home = home();
    let limited = |line: &str, limit: &str| home.cms(line.split(' ')).env("CMS_SEGMENT_LIMIT", limit).run();
    limited("memory", "100")
        .success()
        .stdout_has("there is no segment: the packages have ")
        .stdout_has(" it is made for 100 at most")
        .stderr_has("CMS_SEGMENT_LIMIT");
    limited("memory --json", "100").success().stdout_has("\"limit\":100,\"bound\":\"setting\"");
    for action in ["map", "check", "defrag"] {
        limited(&format!("memory {action}"), "100").exits(7).stderr_has("there is no segment");
    }
    limited("get network.lan.proto", "100").success().stdout_is("static\n");
    limited("set network.lan.proto=dhcp", "100").success();
    limited("commit", "100").success();
    limited("export network", "100").success().stdout_has("'dhcp'");
    limited("get network.lan.proto", "0").success().stdout_is("dhcp\n");
    assert_eq!(std::fs::read_dir(home.run_dir()).map_or(0, Iterator::count), 0, "something was built");
    limited("memory", "1M").success().stdout_has("network");
    limited("memory", "much").exits(4).stderr_has("CMS_SEGMENT_LIMIT: much is no number of bytes");
}

//! The verbs that stage, and those that show and publish what is staged: success, failure, exit code.

use cms_testkit::Home;

const NETWORK: &str = "\
# the network of the attic
config interface 'lan'
	option proto 'static'	# by hand
	option ipaddr '192.168.1.1'
	list dns '1.1.1.1'
	list dns '9.9.9.9'

config interface 'wan'
	option proto 'dhcp'

config rule
	option name 'first'

config rule
	option name 'second'
";

fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", NETWORK);
    home
}

/// Runs one command line: words are separated by blanks.
fn run(home: &Home, line: &str) -> cms_testkit::Answer {
    home.cms(line.split(' ')).run()
}

/// Makes changes, and compares what `show` says of the key then and what the file is after the commit.
#[track_caller]
fn check(commands: &[&str], key: &str, shown: &str) {
    let home = home();
    for command in commands {
        run(&home, command).success();
    }
    run(&home, &format!("show {key}")).success().stdout_is(shown);
    assert_eq!(home.read("network"), NETWORK, "nothing is in the file before the commit");
    run(&home, "commit").success().stderr_has("as revision 2");
    run(&home, &format!("show {key}")).success().stdout_is(shown);
    assert!(home.read("network").starts_with("# the network of the attic\n"), "comments stay");
}

/// Runs one command that must fail, with a code and words, and changes nothing.
#[track_caller]
fn refuse(command: &str, code: i32, words: &str) {
    let home = home();
    run(&home, command).exits(code).stdout_is("").stderr_has(words);
    run(&home, "changes").success().stdout_is("");
}

#[test]
fn set_changes_creates_and_deletes() {
    check(&["set network.lan.proto=dhcp"], "network.lan.proto", "network.lan.proto='dhcp'\n");
    check(&["set network.lan.mtu=1492"], "network.lan.mtu", "network.lan.mtu='1492'\n");
    check(
        &["set network.guest=interface network.guest.proto=static"],
        "network.guest",
        "network.guest=interface\nnetwork.guest.proto='static'\n",
    );
    check(
        &["set network.lan.proto="],
        "network.lan",
        "network.lan=interface\nnetwork.lan.ipaddr='192.168.1.1'\nnetwork.lan.dns='1.1.1.1' '9.9.9.9'\n",
    );
    check(&["set network.lan.dns=8.8.8.8"], "network.lan.dns", "network.lan.dns='8.8.8.8'\n");
    check(&["set network.@rule[-1].name=third"], "network.@rule[1].name", "network.cfg0492bd.name='third'\n");
}

#[test]
fn a_change_rewrites_its_own_bytes_only() {
    let home = home();
    run(&home, "set network.lan.proto=dhcp").success();
    run(&home, "commit").success();
    assert_eq!(home.read("network"), NETWORK.replacen("'static'", "'dhcp'", 1));
}

#[test]
fn several_sets_are_made_together_or_not_at_all() {
    refuse("set network.lan.mtu=1 network.lna.mtu=2", 3, "did you mean `lan`?");
}

#[test]
fn what_changes_nothing_says_so() {
    for (command, words) in [
        ("set network.lan.proto=static", "is so already"),
        ("set network.lan.nothing=", "there is no network.lan.nothing"),
        ("del_list network.lan.dns=8.8.8.8", "has no such item"),
        ("reorder network.lan=0", "at that place already"),
        ("rename network.lan=lan", "is called lan already"),
        ("revert network", "nothing was staged"),
        ("commit", "nothing was staged"),
        ("changes", "nothing is staged"),
    ] {
        let home = home();
        run(&home, command).success().stdout_is("").stderr_has(words);
    }
}

#[test]
fn sections_are_added_renamed_and_moved() {
    let home = home();
    run(&home, "add network rule").success().stdout_is("cfg0592bd\n");
    run(&home, "set network.cfg0592bd.name=third").success();
    run(&home, "get network.@rule[-1].name").success().stdout_is("third\n");
    run(&home, "rename network.@rule[-1]=third").success();
    run(&home, "reorder network.third=0").success();
    run(&home, "list network").success().stdout_is("third\nlan\nwan\n@rule[1]\n@rule[2]\n");
    run(&home, "commit -m order").success();
    run(&home, "list network").success().stdout_is("third\nlan\nwan\n@rule[1]\n@rule[2]\n");
    check(
        &["rename network.lan.ipaddr=address"],
        "network.lan.address",
        "network.lan.address='192.168.1.1'\n",
    );
}

#[test]
fn lists_grow_and_shrink() {
    check(
        &["add_list network.lan.dns=8.8.8.8"],
        "network.lan.dns",
        "network.lan.dns='1.1.1.1' '9.9.9.9' '8.8.8.8'\n",
    );
    check(&["add_list network.wan.dns=8.8.8.8"], "network.wan.dns", "network.wan.dns='8.8.8.8'\n");
    check(&["add_list network.wan.proto=x"], "network.wan.proto", "network.wan.proto='dhcp' 'x'\n");
    check(&["del_list network.lan.dns=1.1.1.1"], "network.lan.dns", "network.lan.dns='9.9.9.9'\n");
    check(&["delete network.lan.dns=0"], "network.lan.dns", "network.lan.dns='9.9.9.9'\n");
}

#[test]
fn deleting_what_is_not_there_fails() {
    refuse("delete network.lan.mtu", 3, "there is no option network.lan.mtu");
    refuse("delete network.lna", 3, "did you mean `lan`?");
    refuse("delete network.@rule[7]", 3, "there are 2 sections of type rule");
    refuse("delete network.lan.dns=5", 3, "no item number 5");
    refuse("delete netwrok.lan", 3, "did you mean `network`?");
    refuse("del network", 2, "is a package");
    refuse("rename network.lan.mtu=mtu6", 3, "there is no option");
    refuse("reorder network.lna=1", 3, "did you mean `lan`?");
    refuse("add_list network.lna.dns=1", 3, "did you mean `lan`?");
}

#[test]
fn wrong_words_are_usage_errors() {
    refuse("set network.lan.proto", 2, "lacks `=` and a value");
    refuse("set network=x", 2, "where a section is wanted");
    refuse("set network.lan.pro-to=x", 2, "`-` is not allowed");
    refuse("set network.@rule.name=x", 2, "no index in brackets");
    refuse("set network.@rule[x].name=x", 2, "is not a number");
    refuse("set a.b.c.d=x", 2, "more than three parts");
    refuse("set network.lan.x=a\u{1}b", 2, "control character");
    refuse("rename network.lan=a-b", 2, "invalid name `a-b`");
    refuse("reorder network.lan=first", 2, "`first` is not a number");
    refuse("add_list network.lan=x", 2, "where an option is wanted");
    refuse("add network", 2, "`add` lacks");
    refuse("get network.lan.proto extra", 2, "`extra` is a word too many");
    refuse("gte network.lan.proto", 2, "did you mean `get`?");
    refuse("get --jsno network.lan.proto", 2, "did you mean `--json`?");
    refuse("show --format xml", 2, "there is no format `xml`");
    refuse("get network.lan --at someday", 2, "no revision and no time");
    refuse("history --limit many", 2, "`many` is not possible");
    refuse("get --at", 2, "lacks its value");
    refuse("get network", 2, "`cms show network`");
    refuse("--frobnicate", 2, "there is no option");
}

#[test]
fn verbs_may_be_written_in_capitals_and_short() {
    let home = home();
    run(&home, "GET network.lan.proto").success().stdout_is("static\n");
    run(&home, "ren network.lan.proto=protocol").success();
    run(&home, "del network.lan.protocol").success();
    run(&home, "get network.lan.protocol").exits(3);
}

#[test]
fn changes_shows_what_is_staged_in_three_ways() {
    let home = home();
    run(&home, "set network.lan.proto=dhcp").success();
    run(&home, "delete network.wan").success();
    run(&home, "add_list network.lan.dns=8.8.8.8").success();
    run(&home, "changes")
        .success()
        .stdout_is("network.lan.proto='dhcp'\n-network.wan\nnetwork.lan.dns+='8.8.8.8'\n");
    run(&home, "changes network --diff")
        .success()
        .stdout_has("--- network (head)\n+++ network (staged)\n")
        .stdout_has("-\toption proto 'static'\t# by hand\n+\toption proto 'dhcp'\t# by hand\n");
    run(&home, "changes --json").success().stdout_has(
        r#"{"schema":"cms.changes.v1","packages":[{"name":"network","changes":[{"action":"set","key":"network.lan.proto","old":"static","new":"dhcp"}"#,
    );
    run(&home, "changes netwrok").exits(3).stderr_has("did you mean `network`?");
}

#[test]
fn revert_takes_back_a_package_a_section_or_an_option() {
    let home = home();
    run(&home, "set network.lan.proto=dhcp network.lan.mtu=1 network.wan.mtu=2").success();
    run(&home, "revert network.lan.mtu").success();
    run(&home, "changes").success().stdout_is("network.lan.proto='dhcp'\nnetwork.wan.mtu='2'\n");
    run(&home, "revert network.wan").success();
    run(&home, "changes").success().stdout_is("network.lan.proto='dhcp'\n");
    run(&home, "revert network").success();
    run(&home, "changes").success().stdout_is("");
    run(&home, "revert netwrok").exits(3);
}

#[test]
fn commit_names_what_it_did() {
    let home = home();
    home.write("dhcp", "config host 'a'\n");
    run(&home, "set network.lan.mtu=1 dhcp.a.ip=2").success();
    run(&home, "commit --dry-run")
        .success()
        .stdout_has("network.lan.mtu='1'\n")
        .stderr_has("would commit 2 changes to dhcp, network");
    assert_eq!(home.read("dhcp"), "config host 'a'\n");
    run(&home, "commit dhcp -m why").success().stderr_has("committed 1 change to dhcp as revision 2");
    run(&home, "changes").success().stdout_is("network.lan.mtu='1'\n");
    run(&home, "commit --json").success().stdout_is(
        "{\"schema\":\"cms.commit.v1\",\"revision\":3,\"dry_run\":false,\"packages\":[{\"name\":\"network\",\"changes\":[{\"action\":\"set\",\"key\":\"network.lan.mtu\",\"old\":null,\"new\":\"1\"}]}],\"findings\":[]}\n",
    );
    run(&home, "commit --json")
        .success()
        .stdout_is("{\"schema\":\"cms.commit.v1\",\"revision\":null,\"dry_run\":false,\"packages\":[],\"findings\":[]}\n");
    run(&home, "commit netwrok").success().stderr_has("nothing was staged");
}

#[test]
fn somebody_elses_commit_of_the_same_option_is_a_conflict() {
    let home = home();
    run(&home, "set network.lan.proto=dhcp").success();
    home.write("network", NETWORK.replacen("'static'", "'none'", 1));
    run(&home, "commit")
        .exits(5)
        .stderr_has("network.lan")
        .stderr_has("by external")
        .stderr_has("cms revert");
    run(&home, "changes").success().stdout_has("network.lan.proto='dhcp'\n");
    run(&home, "revert network").success();
    run(&home, "get network.lan.proto").success().stdout_is("none\n");
}

#[test]
fn a_package_that_does_not_parse_is_shown_as_it_was_and_not_changed() {
    let home = home();
    home.write("dhcp", "config host 'a'\n");
    run(&home, "list").success().stdout_is("dhcp\nnetwork\n");
    let broken = NETWORK.replacen("option proto 'dhcp'", "optoin proto 'dhcp'", 1);
    home.write("network", &broken);
    run(&home, "get network.wan.proto")
        .success()
        .stdout_is("dhcp\n")
        .stderr_has("network does not parse")
        .stderr_has("optoin proto 'dhcp'")
        .stderr_has("^^^^^^")
        .stderr_has("did you mean `option`?");
    run(&home, "get dhcp.a").success().stdout_is("host\n");
    run(&home, "set network.wan.mtu=1");
    run(&home, "commit").exits(4);
    assert_eq!(home.read("network"), broken);
}

#[test]
fn errors_are_json_when_json_is_asked_for() {
    let home = home();
    let answer = run(&home, "get network.lna --json").exits(3);
    assert_eq!(
        answer.stderr(),
        "{\"schema\":\"cms.error.v1\",\"exit\":3,\"message\":\"there is no section `lna` in package network\",\"hint\":\"did you mean `lan`?\",\"diagnostics\":[]}\n"
    );
}

#[test]
fn quiet_is_quiet_and_the_code_still_tells() {
    let home = home();
    assert_eq!(run(&home, "-q get network.lan.none").exits(3).stderr(), "");
    assert_eq!(run(&home, "-q set network.lan.proto=static").success().stderr(), "");
    assert_eq!(run(&home, "-q gte").exits(2).stderr(), "");
}

#[test]
fn a_directory_that_is_not_there_is_not_found() {
    let home = home();
    home.program("cms").args(["-c", "/nowhere/at/all", "list"]).run().exits(3).stderr_has("/nowhere/at/all");
}

#[test]
fn with_the_folders_of_uci_the_call_is_one_of_uci() {
    let home = home();
    let save = home.save_dir().to_string_lossy().into_owned();
    home.cms(["-t", &save, "set", "network.lan.proto=dhcp"]).run().success();
    assert_eq!(
        std::fs::read_to_string(home.save_dir().join("network")).unwrap(),
        "network.lan.proto='dhcp'\n"
    );
    run(&home, "changes").success().stdout_is("");
    home.cms(["-t", &save, "changes"]).run().success().stdout_is("network.lan.proto='dhcp'\n");
    home.cms(["-t", &save, "history"]).run().exits(2).stderr_has("no command of uci");
    home.cms(["-t", &save, "--json", "get", "network.lan"]).run().exits(2).stderr_has("no option of uci");
}

#[test]
fn what_uci_staged_is_taken_over_on_request() {
    let home = home();
    for command in [
        ["set", "network.lan.proto=dhcp"],
        ["set", "network.guest=interface"],
        ["add_list", "network.lan.dns=8.8.8.8"],
        ["del_list", "network.lan.dns=1.1.1.1"],
        ["delete", "network.wan.proto"],
        ["rename", "network.wan=uplink"],
        ["reorder", "network.guest=0"],
    ] {
        home.uci(command).run().success();
    }
    let name = home.uci(["add", "network", "rule"]).run().success().stdout();
    home.uci(["set", &format!("network.{}.name=third", name.trim())]).run().success();
    let expected = home.uci(["show", "network"]).run().success().stdout();
    run(&home, "commit").success().stderr_has("nothing was staged");
    let adopt = format!("commit --adopt-uci={}", home.save_dir().display());
    run(&home, &adopt).success().stderr_has("took over 9 changes").stderr_has("as revision 2");
    run(&home, "show network").success().stdout_is(&expected);
    assert_eq!(std::fs::read(home.save_dir().join("network")).unwrap(), b"");
    run(&home, &adopt).success().stderr_has("nothing was staged");
    home.uci(["show", "network"]).run().success().stdout_is(&expected);
}

#[test]
fn a_call_without_standard_streams_writes_its_words_into_no_file() {
    let home = home();
    std::os::unix::fs::symlink("/bin/sh", home.root().join("bin/sh")).unwrap();
    let without = |streams: &str, line: &str| {
        let directory = home.config_dir();
        let call = format!("exec \"$HOME/../bin/cms\" -c {} {line} {streams}", directory.display());
        home.program("sh").args(["-c", &call]).run().success();
    };
    for streams in ["<&-", "<&- >&-", "<&- >&- 2>&-", ">&- 2>&-", "2>&-"] {
        without(streams, "set network.lan.metric=1");
        without(streams, "commit");
        without(streams, "set network.lan.metric=2");
        without(streams, "commit");
    }
    run(&home, "get network.lan.metric").success().stdout_is("2\n");
    run(&home, "doctor").success();
    assert!(home.read("network").starts_with("# the network of the attic\n"));
}

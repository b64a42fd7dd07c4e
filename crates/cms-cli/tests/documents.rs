//! Whole packages in and out, and many commands as one.

use cms_testkit::{Answer, Home};

fn home() -> Home {
    Home::with_examples(env!("CARGO_BIN_EXE_cms"))
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

fn feed(home: &Home, line: &str, text: impl Into<Vec<u8>>) -> Answer {
    home.cms(line.split(' ')).stdin(text).run()
}

#[test]
fn every_format_reads_what_it_wrote() {
    for format in ["uci", "json", "yaml", "toml"] {
        let (from, to) = (home(), Home::new(env!("CARGO_BIN_EXE_cms")));
        let text = run(&from, &format!("export --format {format}")).success().stdout();
        feed(&to, &format!("import --format {format}"), text.clone()).success().stderr_has("as revision 1");
        run(&to, &format!("export --format {format}")).success().stdout_is(&text);
        run(&to, "show").success().stdout_is(&run(&from, "show").stdout());
        assert_eq!(from.names(), to.names());
        if format == "uci" {
            for package in from.names() {
                assert_eq!(from.read(&package), to.read(&package), "comments and all");
            }
        }
    }
}

#[test]
fn export_is_that_of_uci_for_canonical_files() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("a", "\nconfig x 'y'\n\toption o '1'\n\n");
    home.write("b", "\nconfig x\n\tlist o '1'\n\n");
    let reference = home.uci(["export", "a"]).run().success().stdout();
    run(&home, "export a").success().stdout_is(&reference);
    let named = home.uci(["-n", "export", "b"]).run().success().stdout();
    run(&home, "-n export b").success().stdout_is(&named);
    run(&home, "export c").exits(3);
    run(&home, "export a --format xml").exits(2).stderr_has("one of: uci json yaml toml");
}

#[test]
fn import_replaces_packages_at_once() {
    let home = home();
    feed(&home, "import dhcp", "config host 'a'\n\toption ip '1'\n").success();
    assert_eq!(home.read("dhcp"), "config host 'a'\n\toption ip '1'\n");
    feed(&home, "import", "package dhcp\nconfig host 'b'\npackage new\nconfig n\n").success();
    run(&home, "show dhcp").success().stdout_is("dhcp.b=host\n");
    run(&home, "show new").success().stdout_is("new.@n[0]=n\n");
    feed(&home, "import dhcp --dry-run", "config host 'c'\n").success().stderr_has("would commit");
    run(&home, "show dhcp").success().stdout_is("dhcp.b=host\n");
    feed(&home, "import", "").success().stderr_has("nothing was imported");
    feed(&home, "import empty", "").success();
    run(&home, "list empty").success().stdout_is("");
}

#[test]
fn the_end_of_a_files_name_says_its_format() {
    let home = home();
    let path = home.root().join("more.yml");
    std::fs::write(&path, run(&home, "export dhcp --format yaml").success().stdout()).unwrap();
    let line = format!("import copy -f {}", path.display());
    run(&home, &line).success();
    run(&home, "list copy").success().stdout_is(&run(&home, "list dhcp").stdout());
}

#[test]
fn what_cannot_be_imported_changes_nothing() {
    let home = home();
    let before = home.read("dhcp");
    let refuse = |line: &str, text: &str, code: i32, words: &str| {
        feed(&home, line, text).exits(code).stderr_has(words);
        assert_eq!(home.read("dhcp"), before);
    };
    refuse("import dhcp", "config host 'a'\n\toption ip\n\toptoin\n", 4, "3");
    refuse("import", "config host\n", 2, "which package");
    refuse("import --format json", "{}", 4, "cannot be read as json");
    refuse("import --format json", r#"{"cms":9,"packages":[]}"#, 4, "version 9");
    refuse(
        "import --format json",
        r#"{"cms":1,"packages":[{"name":"a/b","sections":[]}]}"#,
        4,
        "packages[0].name",
    );
    refuse("import --format yaml", "cms: 1\npackages: no", 4, "yaml");
    refuse("import --format xml", "", 2, "xml");
    refuse("import dhcp.lan", "", 2, "more than the name");
    refuse("import -f /nowhere", "", 3, "/nowhere");
    feed(&home, "import", "package dhcp\nconfig a\npackage dhcp\nconfig b\n").exits(4).stderr_has("twice");
}

#[test]
fn merging_stages_what_differs() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("a", "config x 'y'\n\toption o '1'\n\toption same 's'\n\tlist l 'i'\n");
    feed(
        &home,
        "import a --merge",
        "config x 'y'\n\toption o '2'\n\toption same 's'\n\tlist l 'j'\nconfig z\n\toption p 'q'\n",
    )
    .success()
    .stderr_has("staged");
    run(&home, "show a")
        .success()
        .stdout_is("a.y=x\na.y.o='2'\na.y.same='s'\na.y.l='i' 'j'\na.@z[0]=z\na.@z[0].p='q'\n");
    assert!(home.read("a").contains("option o '1'"), "not committed yet");
    run(&home, "revert a").success();
    feed(&home, "-m import a", "config x 'y'\n\toption o '1'\n").success().stderr_has("nothing was staged");
    feed(&home, "import b --merge", "config x\n").exits(3);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let home = home();
    feed(
        &home,
        "batch",
        "set network.lan.proto=dhcp\n\n# a comment\nset network.lna.mtu=1\nset network.lan.mtu=1\n",
    )
    .exits(3)
    .stderr_has("line 4: there is no section `lna`")
    .stderr_has("did you mean `lan`?");
    run(&home, "changes").success().stdout_is("");
    feed(&home, "batch", "set network.lan.note='two words'\nget network.lan.note\nadd firewall rule\n")
        .success()
        .stdout_has("two words\ncfg");
    run(&home, "get network.lan.note").success().stdout_is("two words\n");
    feed(&home, "batch --dry-run", "set network.lan.proto=dhcp\n").success().stderr_has("would succeed");
    run(&home, "get network.lan.proto").success().stdout_is("static\n");
}

#[test]
fn a_batch_commits_what_its_commit_lines_cover() {
    let home = home();
    feed(
        &home,
        "batch -m together",
        "set network.lan.proto=dhcp\nset dhcp.lan.start=7\ncommit\nset network.lan.mtu=1\nshow network.lan.mtu\nexit\nnonsense\n",
    )
    .success()
    .stdout_is("network.lan.mtu='1'\n")
    .stderr_has("committed 2 changes to dhcp, network as revision 2");
    run(&home, "changes").success().stdout_is("network.lan.mtu='1'\n");
    run(&home, "history --limit 1").success().stdout_has("together");
    feed(&home, "batch", "set network.lan.mtu=2\ncommit network\n")
        .exits(5)
        .stderr_has("line 2")
        .stderr_has("from before");
    run(&home, "changes").success().stdout_is("network.lan.mtu='1'\n");
}

#[test]
fn what_is_no_command_of_a_batch_is_refused_with_its_line() {
    let home = home();
    for (text, code, words) in [
        ("set network.lan.proto=dhcp\nnonsense\n", 2, "line 2: there is no command `nonsense`"),
        ("rollback 1\n", 2, "line 1: `rollback` cannot be part of a batch"),
        ("get\n", 2, "line 1"),
        ("set network.lan.proto='dhcp\n", 4, "line 1"),
        ("set a=b c=d\n", 2, "line 1"),
    ] {
        feed(&home, "batch", text).exits(code).stderr_has(words);
        run(&home, "changes").success().stdout_is("");
    }
}

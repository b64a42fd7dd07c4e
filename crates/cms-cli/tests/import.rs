//! `import` from the outside: what it would do, and what comes from other worlds.

use cms_testkit::{Answer, Home};

fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_cms"))
}

fn run(home: &Home, line: &str) -> Answer {
    home.cms(line.split(' ')).run()
}

fn feed(home: &Home, line: &str, text: impl Into<Vec<u8>>) -> Answer {
    home.cms(line.split(' ')).stdin(text).run()
}

#[test]
fn a_dry_run_shows_the_difference_and_touches_nothing() {
    let home = home();
    let text = "config host 'a'\n\toption ip '1'\n";
    home.write("dhcp", text);
    run(&home, "list").success();
    let revisions = run(&home, "history").success().stdout();
    let expected = "--- dhcp (head)\n+++ dhcp (import)\n@@ -1,2 +1,2 @@\n config host 'a'\n-\toption ip '1'\n+\toption ip '2'\n";
    let new = text.replace('1', "2");
    feed(&home, "import dhcp --dry-run", new.clone())
        .success()
        .stdout_is(expected)
        .stderr_has("would commit 1 change to dhcp");
    let json = r#"{"cms":1,"packages":[{"name":"new","sections":[{"type":"t","options":{"o":"v"}}]}]}"#;
    feed(&home, "import --format json --dry-run", json)
        .success()
        .stdout_has("--- new (head)\n+++ new (import)\n@@ -0,0 +1,4 @@\n+\n+config t\n+\toption o 'v'\n");
    feed(&home, "import dhcp --dry-run --json", new.clone())
        .success()
        .stdout_has(r#""schema":"cms.commit.v1","revision":null,"dry_run":true"#)
        .stdout_has(r#""key":"dhcp.a.ip","old":"1","new":"2""#);
    feed(&home, "import dhcp --dry-run", "config host 'a'\n\toptoin\n").exits(4).stderr_has("stdin:2:2");
    feed(&home, "import dhcp --dry-run", text).success().stdout_is("");
    // A merge would stage, and stages not.
    feed(&home, "import dhcp --merge --dry-run", new.clone())
        .success()
        .stdout_is(&expected.replace("(head)", "(staged)"))
        .stderr_has("would stage 1 change");
    feed(&home, "import dhcp --merge --dry-run --json", new).success().stdout_has(r#""key":"dhcp.a.ip""#);
    run(&home, "changes").success().stdout_is("");
    assert_eq!(home.names(), ["dhcp"]);
    assert_eq!(home.read("dhcp"), text);
    run(&home, "history").success().stdout_is(&revisions);
}

#[test]
fn a_dry_run_says_what_a_schema_would_not_allow() {
    let home = home();
    let modules = home.root().join("modules");
    std::fs::create_dir(&modules).unwrap();
    let schema = |mode: &str| {
        let text = format!(
            "config module 'dhcp'\n\toption mode '{mode}'\n\nconfig fields 'host'\n\toption ip 'ipv4'\n"
        );
        std::fs::write(modules.join("dhcp"), text).unwrap();
    };
    home.write("dhcp", "config host 'a'\n\toption ip '10.0.0.1'\n");
    let wrong = "config host 'a'\n\toption ip 'ten'\n";
    schema("enforce");
    feed(&home, "import dhcp --dry-run", wrong)
        .exits(4)
        .stdout_has("+\toption ip 'ten'")
        .stderr_has("error[CMS01");
    feed(&home, "import dhcp --dry-run --json", wrong).exits(4).stderr_has(r#""code":"CMS01"#);
    feed(&home, "import dhcp --dry-run --no-validate", wrong).success();
    schema("warn");
    feed(&home, "import dhcp --dry-run", wrong).success().stderr_has("warning[CMS01");
    feed(&home, "import dhcp --dry-run --json", wrong).success().stdout_has(r#""findings":[{"code":"CMS01"#);
    assert!(home.read("dhcp").contains("10.0.0.1"));
}

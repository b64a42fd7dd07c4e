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

/// Imports a text into `app`, and shows what became of it.
#[track_caller]
fn takes_over(line: &str, text: impl Into<Vec<u8>>, shown: &str) {
    let home = home();
    feed(&home, line, text).success().stderr_has("as revision 1");
    run(&home, "show app").success().stdout_is(shown);
}

/// Imports a text that has faults, each at a place; nothing of it is there afterwards.
#[track_caller]
fn refuses(line: &str, text: impl Into<Vec<u8>>, places: &[&str]) {
    let home = home();
    let mut answer = feed(&home, line, text).exits(4).stderr_has("cannot be taken over");
    for place in places {
        answer = answer.stderr_has(place);
    }
    assert!(home.names().is_empty(), "{:?}", home.names());
}

#[test]
fn ini_is_taken_over() {
    let text = "\u{feff}; the app\r\nname = x\r\n[db]\r\nhost = \"a b\" ; why\r\nport = 1\r\nport = 2\r\n[remote \"origin\"]\r\nurl = y\r\n";
    takes_over(
        "import app --format ini",
        text,
        "app.main=section\napp.main.name='x'\napp.db=section\napp.db.host='a b'\napp.db.port='1' '2'\napp.origin=remote\napp.origin.url='y'\n",
    );
    refuses(
        "import app --format ini",
        "[a.b]\nkey\nc = d ; e\n",
        &["stdin:1:3", "stdin:2:1", "stdin:3:7", "--fit-names", "--inline-comments"],
    );
    refuses("import app --format ini", "[a]\nb = c\0d\n", &["stdin:2:1", "NUL"]);
    refuses("import app --format ini", b"\xff\xfe[\0a\0]\0", &["UTF-16"]);
}

#[test]
fn env_is_taken_over() {
    let home = home();
    let path = home.root().join(".env");
    std::fs::write(&path, "export A=1 # x\nB='two\nlines'\nC=\"$HOME\"\nD=\nE=\"gr\u{fc}n\"\n").unwrap();
    run(&home, &format!("import app -f {}", path.display()))
        .success()
        .stderr_has("1 value holds a variable")
        .stderr_has("1 value is empty")
        .stderr_has("committed");
    run(&home, "get app.main.B").success().stdout_is("two\nlines\n");
    run(&home, "get app.main.C").success().stdout_is("$HOME\n");
    run(&home, "get app.main.E").success().stdout_is("gr\u{fc}n\n");
    refuses("import app --format env", "A='x\n", &["stdin:1:3", "ends within quotes"]);
    refuses("import app --format env", "A=1\nB=2\nA=3\n", &["stdin:3:1", "the first is at 1"]);
    // Bytes that are no UTF-8 stay what they are.
    takes_over("import app --format env --section s --type t", b"A=\xff\n", "app.s=t\napp.s.A='\u{fffd}'\n");
}

#[test]
fn sysctl_is_taken_over() {
    takes_over(
        "import app --format sysctl",
        "# x\nnet.ipv4.ip_forward = 1\n-vm/swappiness=10\n",
        "app.net=section\napp.net.ipv4_ip_forward='1'\napp.vm=section\napp.vm.swappiness='10'\n",
    );
    refuses(
        "import app --format sysctl",
        "a = 1\nnet.*.x = 1\nb.c\n",
        &["stdin:1:1", "stdin:2:5", "stdin:3:1"],
    );
}

#[test]
fn a_table_is_taken_over() {
    takes_over(
        "import app --format csv --type host --name-column n --separator ;",
        "n;ip;tag;tag\na;1;x;y\n;2;;\"z;\"\n",
        "app.a=host\napp.a.ip='1'\napp.a.tag='x' 'y'\napp.@host[1]=host\napp.@host[1].ip='2'\napp.@host[1].tag='z;'\n",
    );
    refuses("import app --format csv --type host", "a,b\n1\n\"2,3\n", &["stdin:2:1", "stdin:3:1"]);
    refuses("import app --format csv --type host --name-column x", "a,b\n", &["no such column"]);
}

#[test]
fn dumps_are_taken_over() {
    // /config/app/db = server, /config/app/db/port = 5432, /other/x/y = 1
    let etcd = r#"{"header":{"revision":9},"kvs":[{"key":"L2NvbmZpZy9hcHAvZGI=","value":"c2VydmVy"},{"key":"L2NvbmZpZy9hcHAvZGIvcG9ydA==","value":"NTQzMg=="},{"key":"L290aGVyL3gveQ==","value":"MQ=="}],"count":3}"#;
    takes_over("import --format etcd --prefix /config", etcd, "app.db=server\napp.db.port='5432'\n");
    refuses("import --format etcd", etcd.replace(r#""count":3"#, r#""count":4"#), &["not whole"]);
    refuses("import --format etcd", etcd.replace("MQ==", "?"), &["stdin kvs[2]:1:1", "no base64"]);
    refuses("import --format etcd", etcd.replace("MQ==", "AA=="), &["stdin kvs[2]:1:10", "NUL"]);
    let consul =
        r#"[{"key":"app/","flags":0,"value":""},{"key":"app/db-1/port","flags":7,"value":"NTQzMg=="}]"#;
    refuses("import --format consul", consul, &["stdin [1]:1:7", "--fit-names"]);
    takes_over("import --format consul --fit-names", consul, "app.db_1=section\napp.db_1.port='5432'\n");
    refuses("import --format consul", "[".repeat(100_000), &["stdin:1:"]);
    refuses("import --format consul", "[{\"key\":\"a/b/c\",\n\"value\":1}]", &["stdin:2:9"]);
    let home = home();
    feed(&home, "import --format json", etcd).exits(4).stderr_has("--format etcd");
    feed(&home, "import --format json", consul).exits(4).stderr_has("--format consul");
}

#[test]
fn a_section_keeps_the_type_that_it_has() {
    let home = home();
    home.write("app", "config server 'db'\n\toption port '1'\n");
    feed(&home, "import app --format ini --dry-run", "[db]\nport = 2\n")
        .success()
        .stdout_has(" config server 'db'\n-\toption port '1'\n+\toption port '2'");
    feed(&home, "import app --format ini --merge", "[db]\nhost = x\n")
        .success()
        .stderr_has("staged 1 change");
    run(&home, "show app").success().stdout_is("app.db=server\napp.db.port='1'\napp.db.host='x'\n");
}

#[test]
fn another_directory_is_taken_over_as_one_commit_or_not_at_all() {
    let (home, other) = (home(), Home::with_examples(env!("CARGO_BIN_EXE_cms")));
    std::fs::write(other.config_dir().join(".hidden"), "x").unwrap();
    std::fs::create_dir(other.config_dir().join("folder")).unwrap();
    let line = format!("import --format uci {}", other.config_dir().display());
    run(&home, &format!("{line} --dry-run")).success().stdout_has("+++ network (import)");
    assert!(home.names().is_empty());
    run(&home, &line)
        .success()
        .stderr_has("2 entries of the directory are no packages")
        .stderr_has("as revision 1");
    for package in ["network", "dhcp", "system"] {
        assert_eq!(home.read(package), other.read(package));
    }
    let (home, folder) = (Home::new(env!("CARGO_BIN_EXE_cms")), other.config_dir());
    // The faults of all files are told at once.
    // The faults of all files are told at once.
    other.write("broken", "config x\n\toptoin\n");
    other.write("worse", "option x 'y\n");
    run(&home, &line).exits(4).stderr_has("broken:2:2").stderr_has("worse:1:").stderr_has("broken, worse");
    assert!(home.names().is_empty());
    run(&home, &format!("import network -f {}", folder.display())).success();
    assert_eq!(home.names(), ["network"]);
    run(&home, &format!("import nothing -f {}", folder.display())).exits(3);
    run(&home, &format!("import -f {} --format json", folder.display()))
        .exits(2)
        .stderr_has("is a directory");
}

#[test]
fn calls_that_make_no_sense_are_told_apart() {
    let home = home();
    for (line, words) in [
        ("import --format ini", "--package"),
        ("import app --format csv", "--type"),
        ("import app --format ini --prefix x", "--prefix is not for the format ini"),
        ("import app --type x", "--type is not for the format uci"),
        ("import app --format csv --type x --separator ab", "--separator"),
        ("import app --format ini --section a-b", "a-b"),
        ("import app --format ini --inline-comments maybe", "maybe"),
        ("import app --package b", "exclude each other"),
        ("import ./x -f y", "exclude each other"),
        ("import --format xml", "consul"),
        ("export --format ini", "one of: uci json yaml toml"),
    ] {
        feed(&home, line, "a=1\n").exits(2).stderr_has(words);
    }
    run(&home, "import --format ini app -f ./nothing").exits(3).stderr_has("nothing");
    feed(&home, "import - --format env --package app", "A=1\n").success();
    assert_eq!(home.names(), ["app"]);
    run(&home, "help import").success().stdout_has("--name-column").stdout_has("consul kv export");
}

#[test]
fn large_texts_are_taken_over() {
    let home = home();
    let text: String =
        (0..20_000).map(|number| format!("[s{number}]\na = {number}\nb = x\nb = y\n")).collect();
    feed(&home, "import app --format ini", text).success().stderr_has("as revision 1");
    run(&home, "get app.s19999.b").success().stdout_is("x y\n");
    let text: String = (0..50_000).map(|number| format!("K{number}=\"v\n{number}\"\n")).collect();
    feed(&home, "import env --format env", text).success();
    run(&home, "get env.main.K49999").success().stdout_is("v\n49999\n");
    let faults: String = (0..5_000).map(|_| "x\n").collect();
    feed(&home, "import app --format ini", faults).exits(4).stderr_has("and 980 more");
}

#[test]
fn documents_are_read_as_other_systems_write_them_or_refused_as_a_whole() {
    let json = "{\"cms\":1,\r\n\"packages\":[{\"name\":\"app\",\"sections\":[{\"options\":{\"o\":\"v\"},\"name\":\"s\",\"type\":\"t\"}]}]}";
    let yaml = "cms: 1\r\npackages:\r\n  - name: app\r\n    sections:\r\n      - type: t\r\n        name: s\r\n        options:\r\n          o: 'v'\r\n";
    let toml = "cms = 1\r\n[[packages]]\r\nname = 'app'\r\n[[packages.sections]]\r\ntype = 't'\r\nname = 's'\r\n[packages.sections.options]\r\no = 'v'\r\n";
    for (format, text) in [("json", json), ("yaml", yaml), ("toml", toml)] {
        let line = format!("import --format {format}");
        for text in [text.to_owned(), format!("\u{feff}{text}")] {
            takes_over(&line, text, "app.s=t\napp.s.o='v'\n");
        }
        let home = home();
        let broken = text.replace('v', "\u{1}").into_bytes();
        for text in [
            text.replace('v', "\0").into_bytes(),
            broken.iter().map(|byte| if *byte == 1 { 0xff } else { *byte }).collect(),
            [text.as_bytes(), b"\0"].concat(),
            "[".repeat(100_000).into_bytes(),
            text.replace("'v'", &"[".repeat(100_000)).replace("\"v\"", &"[".repeat(100_000)).into_bytes(),
            text.as_bytes()[..text.len() / 2].to_vec(),
        ] {
            let shown = String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned();
            let answer = feed(&home, &line, text).exits(4);
            assert!(!answer.stderr().is_empty(), "{format}: {shown}");
        }
        assert!(home.names().is_empty(), "{format}: {:?}", home.names());
    }
    // Members in any order; what is there twice, unknown or missing is refused.
    let home = home();
    let section =
        |members: &str| format!(r#"{{"packages":[{{"sections":[{{{members}}}],"name":"a"}}],"cms":1}}"#);
    for (members, words) in [
        (r#""type":"t","type":"t""#, "duplicate field `type`"),
        (r#""type":"t","options":{},"options":{}"#, "duplicate field `options`"),
        (r#""options":{}"#, "missing field `type`"),
        (r#""type":"t","x":1"#, "unknown field `x`"),
        (r#""type":"t","name":"a-b""#, "sections[0].name"),
        (r#""type":"t","options":{"o":["a",["b"]]}"#, "cannot hold a list"),
    ] {
        feed(&home, "import --format json", section(members)).exits(4).stderr_has(words);
    }
    let options: String = (0..100).chain([7]).map(|number| format!("\"o{number}\":\"v\",")).collect();
    let members = format!(r#""type":"t","options":{{{}}}"#, options.trim_end_matches(','));
    feed(&home, "import --format json", section(&members))
        .exits(4)
        .stderr_has("options.o7")
        .stderr_has("twice");
    feed(&home, "import --format json", section(r#""name":null,"type":"t""#)).success();
}

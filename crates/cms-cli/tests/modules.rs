//! Modules and schemas from the outside: registering them, looking at them, drafting them, and what they say of a key.

use cms_testkit::{Answer, Command, Home};

const SITES: &str = "config site 'home'\n\toption title 'Home'\n\toption port '8080'\n\nconfig site 'work'\n\toption title 'Work'\n";
const BLOG: &str = "config module 'blog'\n\toption version '1.2.0'\n\toption description 'Where people write.'\n\n\
                    config section\n\toption type 'site'\n\toption naming 'named'\n\n\
                    config fields\n\toption title 'required|max:80'\n\toption port 'port|default:8080'\n\toption theme 'in:light,dark'\n\
                    \toption password 'string|secret'\n\tlist admin 'email'\n\n\
                    config field\n\toption name 'wait'\n\toption type 'duration'\n\toption unit 's'\n\toption default '90'\n\
                    \toption description 'How long a reader waits.'\n\tlist required_if 'theme=dark'\n";

/// A home with two directories for modules, the second of which wins.
fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("blog", SITES);
    std::fs::create_dir(home.root().join("system")).expect("a folder");
    home
}

fn with_modules(home: &Home, command: Command) -> Command {
    let folders = [home.root().join("system"), home.root().join("own")];
    command.env("CMS_MODULES", std::env::join_paths(folders).expect("paths"))
}

fn command<S: AsRef<str>>(home: &Home, words: impl IntoIterator<Item = S>) -> Command {
    with_modules(home, home.cms(words))
}

fn run(home: &Home, line: &str) -> Answer {
    command(home, line.split(' ')).run()
}

fn feed(home: &Home, line: &str, text: &str) -> Answer {
    command(home, line.split(' ')).stdin(text).run()
}

fn lacks(text: &str, words: &str) {
    assert!(!text.contains(words), "{words}: {text}");
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.stdout()).expect("an answer for programs")
}

#[test]
fn modules_are_added_listed_shown_and_removed() {
    let home = home();
    run(&home, "module").success().stderr_has("no module is registered in");
    let file = home.root().join("draft");
    std::fs::write(&file, BLOG).expect("a file");
    run(&home, &format!("module add {}", file.display()))
        .success()
        .stderr_has("module blog 1.2.0 is registered in")
        .stderr_has("own/blog")
        .stderr_has("`cms validate blog` checks");
    assert_eq!(std::fs::read_to_string(home.root().join("own/blog")).expect("the module"), BLOG);
    let left: Vec<_> = std::fs::read_dir(home.root().join("own")).expect("the folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
    run(&home, "module list").success().stdout_has("1.2.0").stdout_has("warn");
    run(&home, "module show blog")
        .success()
        .stdout_has("blog 1.2.0\n")
        .stdout_has("Where people write.")
        .stdout_has("site");
    run(&home, "module remove blog").success().stderr_has("own/blog");
    run(&home, "module remove blog").exits(3).stderr_has("there is no module blog");
    run(&home, "module show blgo").exits(3).stderr_has("`cms module list`");
    run(&home, "modul").exits(2).stderr_has("did you mean `module`?");
    run(&home, "module ad").exits(2).stderr_has("did you mean `add`?");
}

#[test]
fn a_module_with_faults_is_not_added_and_one_that_stands_is_shown_with_them() {
    let home = home();
    let wrong = BLOG.replace("'email'", "'emial'");
    feed(&home, "module add -", &wrong)
        .exits(4)
        .stderr_has("error[CMS0205]")
        .stderr_has("stdin:14:")
        .stderr_has("^^^^^")
        .stderr_has("did you mean `email`?");
    assert!(!home.root().join("own").exists());
    std::fs::write(home.root().join("system/blog"), &wrong).expect("a file");
    run(&home, "module list").success().stdout_has("system/blog").stderr_has("`cms module show blog`");
    run(&home, "module show blog").exits(4).stdout_has("error[CMS0205]");
    let shown = run(&home, "module show blog --json").exits(4);
    assert_eq!(json(&shown)["faults"][0]["code"], "CMS0205");
    assert_eq!(json(&shown)["version"], serde_json::Value::Null);
    run(&home, "schema show blog").exits(4).stderr_has("error[CMS0205]");
}

#[test]
fn a_newer_version_stays_unless_forced_and_what_was_hidden_comes_back() {
    let home = home();
    std::fs::write(home.root().join("system/blog"), BLOG).expect("a file");
    let older = BLOG.replace("1.2.0", "1.1.9");
    feed(&home, "module add -", &older)
        .exits(5)
        .stderr_has("module blog 1.1.9 is older than 1.2.0")
        .stderr_has("system/blog");
    feed(&home, "module add - --force", &older)
        .success()
        .stderr_has("it hides that in")
        .stderr_has("system/blog");
    feed(&home, "module add -", BLOG).success().stderr_has("it takes the place of version 1.1.9");
    let removed = run(&home, "module remove blog --json").success();
    assert!(json(&removed)["remains"].as_str().is_some_and(|path| path.ends_with("system/blog")));
    run(&home, "module remove blog").success().stderr_has("system/blog");
    let added = feed(&home, "module add - --json", BLOG).success();
    assert_eq!(json(&added)["replaced"], serde_json::Value::Null);
    assert_eq!(json(&added)["version"], "1.2.0");
    let listed = json(&run(&home, "module list --json").success());
    assert_eq!(listed["schema"], "cms.module.v1");
    assert_eq!(listed["modules"][0]["packages"], serde_json::json!(["blog"]));
    assert_eq!(listed["modules"][0]["faults"], serde_json::json!([]));
}

#[test]
fn a_schema_is_shown_as_far_as_it_is_asked_for() {
    let home = home();
    feed(&home, "module add -", BLOG).success();
    run(&home, "schema show blog")
        .success()
        .stdout_has("blog 1.2.0 (warn)")
        .stdout_has("site")
        .stdout_has("named");
    run(&home, "schema show blog.site")
        .success()
        .stdout_has("in:light,dark")
        .stdout_has("list of email")
        .stdout_has("secret")
        .stdout_has("How long a reader waits.");
    run(&home, "schema show blog.site.wait")
        .success()
        .stdout_has("duration")
        .stdout_has("90")
        .stdout_has("`theme` is `dark`");
    run(&home, "schema show blgo").exits(3).stderr_has("did you mean `blog`?");
    run(&home, "schema show other").exits(3).stderr_has("`cms schema infer other` drafts one");
    run(&home, "schema show blog.siet").exits(3).stderr_has("did you mean `site`?");
    run(&home, "schema show blog.site.prot").exits(3).stderr_has("did you mean `port`?");
    let shown = json(&run(&home, "schema show blog.site.wait --json").success());
    let field = &shown["modules"][0]["types"][0]["fields"][0];
    assert_eq!(
        (&field["name"], &field["unit"], &field["default"]),
        (&"wait".into(), &"s".into(), &"90".into())
    );
    assert_eq!(shown["modules"][0]["types"][0]["fields"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_schema_in_the_package_itself_is_found_too() {
    let home = home();
    home.write(
        "self",
        format!("{}\nconfig site 'x'\n\toption title 'y'\n", BLOG.replace("'blog'", "'self'")),
    );
    run(&home, "schema show self.site.port").success().stdout_has("8080");
    run(&home, "schema export self").success().stdout_has("\"title\": \"self\"");
    run(&home, "schema export self --format uci").exits(2).stderr_has("`cms export self`");
    run(&home, "explain self.x.port").success().stdout_has("8080").stdout_has("self 1.2.0");
}

#[test]
fn what_is_drafted_is_sound_and_holds_for_what_it_was_drafted_from() {
    let home = Home::with_examples(env!("CARGO_BIN_EXE_cms"));
    std::fs::create_dir(home.root().join("system")).expect("a folder");
    for package in home.names() {
        let draft = run(&home, &format!("schema infer {package}")).success().stdout();
        feed(&home, "schema check -", &draft).success().stderr_has("no fault");
        run(&home, &format!("schema infer {package} --add")).success();
    }
    run(&home, "validate").success().stderr_has("0 errors, 0 warnings");
    run(&home, "schema infer network dhcp").exits(2).stderr_has("--as PACKAGE");
    run(&home, "schema infer network dhcp --as both").success().stdout_has("config module 'both'");
    let path = home.path("network").display().to_string();
    let of_file = run(&home, &format!("-c /nowhere schema infer {path}")).success().stdout();
    assert_eq!(of_file, run(&home, "schema infer network").success().stdout());
    run(&home, "schema infer netwrk").exits(3).stderr_has("did you mean `network`?");
}

#[test]
fn schemas_are_checked_before_they_are_registered() {
    let home = home();
    let folder = home.root().join("system");
    std::fs::write(folder.join("good"), BLOG).expect("a file");
    std::fs::write(folder.join("bad"), "config module 'b'\nconfig fields 's'\n\toption a 'prot'\n")
        .expect("a file");
    let path = |name: &str| folder.join(name).display().to_string();
    run(&home, &format!("schema check {}", path("good")))
        .success()
        .stderr_has("module blog 1.2.0, 6 fields, no fault");
    run(&home, &format!("schema check {} {}", path("good"), path("bad")))
        .exits(4)
        .stdout_has("error[CMS0205]")
        .stdout_has("bad:3:");
    run(&home, &format!("schema check {}", path("none"))).exits(3);
    let answer = json(&run(&home, &format!("schema check --json {} {}", path("good"), path("bad"))).exits(4));
    assert_eq!(answer["sound"][0]["fields"], 6);
    assert_eq!(answer["findings"][0]["code"], "CMS0205");
    run(&home, "schema").exits(2).stderr_has("one of: show check infer export import");
}

#[test]
fn a_key_is_explained_with_its_value_its_schema_and_its_history() {
    let home = home();
    feed(&home, "module add -", BLOG).success();
    run(&home, "set blog.home.port=8081").success();
    run(&home, "explain blog.home.port").success().stdout_has("8081").stdout_has("staged, not committed yet");
    home.write("cms", "config trigger 'web'\n\tlist pattern 'blog.*.port'\n\toption exec 'true'\n");
    command(&home, ["commit", "blog", "-m", "another port"]).run().success();
    let root = run(&home, "explain blog.home.port").success();
    for words in [
        "Value",
        "8081",
        "configured",
        "site",
        "port",
        "8080",
        "blog 1.2.0 (warn)",
        "r2",
        "another port",
        "web: true",
    ] {
        assert!(root.stdout().contains(words), "{words}: {}", root.stdout());
    }
    let answer = json(&run(&home, "explain blog.home.port --json").success());
    assert_eq!(answer["schema"], "cms.explain-key.v1");
    assert_eq!((&answer["value"], &answer["origin"]), (&"8081".into(), &"configured".into()));
    assert_eq!(answer["last_change"]["message"], "another port");
    assert_eq!(answer["last_change"]["revision"], 2);
    assert_eq!(answer["triggers"][0]["name"], "web");
    assert_eq!(answer["module"]["version"], "1.2.0");
    assert_eq!(answer["field"]["type"], "port");
    let of = |key: &str| json(&run(&home, &format!("explain {key} --json")).success());
    let default = of("blog.work.port");
    assert_eq!((&default["value"], &default["origin"]), (&"8080".into(), &"default".into()));
    assert_eq!(default["last_change"], serde_json::Value::Null);
    assert_eq!(of("blog.work.theme")["origin"], "absent");
    assert_eq!(of("blog.work")["type"]["naming"], "named");
    run(&home, "explain blog.work.tehme").exits(3).stderr_has("did you mean `theme`?");
    run(&home, "explain blog.wrok.theme").exits(3).stderr_has("did you mean `work`?");
    run(&home, "set blog.work.extra=1").success();
    run(&home, "explain blog.work.extra").success().stdout_has("no schema knows it");
}

#[test]
fn secrets_are_not_explained_away() {
    let home = home();
    feed(&home, "module add -", &BLOG.replace("string|secret", "string|secret|default:hunter2")).success();
    run(&home, "set blog.home.password=hunter3").success();
    for line in [
        "explain blog.home.password",
        "explain blog.work.password",
        "schema show blog.site",
        "schema show blog.site.password",
    ] {
        for json in ["", " --json"] {
            lacks(&run(&home, &format!("{line}{json}")).success().stdout(), "hunter");
        }
    }
    run(&home, "explain blog.home.password").success().stdout_has("(secret)");
}

#[test]
fn get_prints_the_default_where_it_is_asked_for() {
    let home = home();
    feed(&home, "module add -", BLOG).success();
    run(&home, "get blog.work.port").exits(3);
    run(&home, "get blog.work.port --default").success().stdout_is("8080\n");
    run(&home, "get blog.home.title --default").success().stdout_is("Home\n");
    run(&home, "get blog.work.theme --default").exits(3).stderr_has("there is no option blog.work.theme");
    run(&home, "get blog.none.port --default").exits(3).stderr_has("there is no section");
    let answer = |key: &str| json(&run(&home, &format!("get {key} --default --json")).success());
    assert_eq!(answer("blog.work.port")["default"], true);
    assert_eq!(answer("blog.home.port")["default"], false);
    run(&home, "set blog.work.wait=5").success();
    run(&home, "show blog --default").success().stdout_is(
        "blog.home=site\nblog.home.title='Home'\nblog.home.port='8080'\nblog.home.wait='90'\n\
         blog.work=site\nblog.work.title='Work'\nblog.work.wait='5'\nblog.work.port='8080'\n",
    );
    run(&home, "show blog.work.port --default").success().stdout_is("blog.work.port='8080'\n");
    run(&home, "show blog.work.port").exits(3);
    run(&home, "changes").success().stdout_is("blog.work.wait='5'\n");
    run(&home, "get blog.home.port --json")
        .success()
        .stdout_is("{\"schema\":\"cms.get.v1\",\"key\":\"blog.home.port\",\"value\":\"8080\"}\n");
}

#[test]
fn all_of_it_is_said_in_german_too() {
    let home = home();
    let german = |line: &str| command(&home, line.split(' ')).env("LC_ALL", "de_DE.UTF-8");
    german("module add -").stdin(BLOG).run().success().stderr_has("Modul blog 1.2.0 ist registriert in");
    german("module list").run().success().stdout_has("Version").stdout_has("Pakete");
    german("module show blog").run().success().stdout_has("Beschreibung").stdout_has("mit Namen");
    german("schema show blog.site.wait").run().success().stdout_has("Vorgabe").stdout_has("Einheit");
    german("explain blog.work.port").run().success().stdout_has("Vorgabe: sie ist nicht gesetzt");
    german("explain CMS0105").run().success().stdout_has("Der Wert ist nicht, was die Regel verlangt");
    german("explain CMS0105 --json").run().success().stdout_has("was die Regel verlangt");
    german("help schema")
        .run()
        .success()
        .stdout_has("Sagen, was an Schemas falsch ist")
        .stdout_has("cms schema import");
    german("help module").run().success().stdout_has("Ein Schema prüfen und registrieren");
    german("module remove blog").run().success().stderr_has("Modul blog ist entfernt");
}

#[test]
fn what_is_typed_is_completed() {
    let home = home();
    feed(&home, "module add -", BLOG).success();
    let offered = |line: &str| {
        let words = ["__candidates", "--"].into_iter().chain(line.split(' '));
        let config = home.config_dir().display().to_string();
        let words: Vec<String> = words.map(|word| word.replace("HOME", &config)).collect();
        command(&home, words).run().success().stdout()
    };
    for (line, expected) in [
        ("modu", "module"),
        ("module re", "remove\t"),
        ("module show b", "blog\n"),
        ("schema ex", "export\t"),
        ("schema export ", "blog\n"),
        ("schema show ", "blog.\n"),
        ("schema show blog.", "blog.site.\n"),
        ("schema show blog.site.po", "blog.site.port\n"),
        ("schema infer -c HOME bl", "blog\n"),
        ("explain cms010", "CMS0108\t"),
        ("explain -c HOME blog.ho", "blog.home."),
        ("module add - --fo", "--force"),
    ] {
        let found = offered(line);
        assert!(found.contains(expected), "{line}: {found}");
    }
}

#[test]
fn shipped_schemas_survive_json_schema_and_what_cannot_be_said_is_named() {
    let home = home();
    let shipped = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas"));
    for entry in std::fs::read_dir(shipped).expect("the schemas") {
        let path = entry.expect("a schema").path();
        std::fs::copy(&path, home.root().join("system").join(path.file_name().expect("a name")))
            .expect("a copy");
    }
    let names: Vec<String> = json(&run(&home, "module list --json").success())["modules"]
        .as_array()
        .expect("modules")
        .iter()
        .filter_map(|module| Some(module["name"].as_str()?.to_owned()))
        .collect();
    assert_eq!(names.len(), 7);
    for name in &names {
        let exported = run(&home, &format!("schema export {name}")).success().stdout();
        let imported = feed(&home, "schema import -", &exported).success();
        assert_eq!(imported.stderr(), "", "{name}");
        feed(&home, "schema import - --add --json", &exported).success().stdout_has("\"left_out\":[]");
        run(&home, &format!("schema export {name}")).success().stdout_is(&exported);
        run(&home, &format!("schema export {name} --format uci")).success().stdout_is(&imported.stdout());
    }
    let foreign = r#"{"title": "blog", "properties": {"site": {"items": {"properties": {"port": {"type": "integer", "multipleOf": 5}}}}}}"#;
    feed(&home, "schema import -", foreign)
        .success()
        .stdout_has("option naming 'anonymous'")
        .stderr_has("left out: /properties/site/properties/port: `multipleOf` is not taken over");
    command(&home, ["schema", "import", "-"])
        .env("LC_ALL", "de_DE.UTF-8")
        .stdin(foreign)
        .run()
        .success()
        .stderr_has("weggelassen: /properties/site/properties/port: `multipleOf` wird nicht übernommen");
    feed(&home, "schema import -", "{\"a\":\n x}").exits(4).stderr_has("line 2, column 2");
    feed(&home, "schema import -", "[]").exits(4).stderr_has("describes no section types");
    feed(&home, "schema import -", &foreign.replace("title", "other")).exits(2).stderr_has("--as PACKAGE");
}

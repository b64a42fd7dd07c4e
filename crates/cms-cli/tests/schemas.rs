//! Schemas from the outside: what is told and refused at a commit, `validate`, and what its codes mean.

use cms_testkit::{Answer, Command, Home};

const NETWORK: &str = "config interface 'lan'\n\toption proto 'static'\n\toption mtu '1500'\n";
const SCHEMA: &str = "config module 'network'\n\toption mode 'enforce'\n\nconfig fields 'interface'\n\toption proto 'in:static,dhcp'\n\
                      \toption mtu 'uint|between:68,9200'\n\toption password 'secret|len:4'\n";

fn home(schema: &str) -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", NETWORK);
    let modules = home.root().join("modules");
    std::fs::create_dir(&modules).expect("a folder");
    std::fs::write(modules.join("network"), schema).expect("a schema");
    home
}

fn command<S: AsRef<str>>(home: &Home, words: impl IntoIterator<Item = S>) -> Command {
    home.cms(words).env("CMS_MODULES", home.root().join("modules"))
}

fn run(home: &Home, line: &str) -> Answer {
    command(home, line.split(' ')).run()
}

fn lacks(text: &str, words: &str) {
    assert!(!text.contains(words), "{words}: {text}");
}

#[test]
fn an_enforced_schema_refuses_a_commit_and_the_stage_stays() {
    let home = home(SCHEMA);
    run(&home, "set network.lan.proto=statc").success();
    run(&home, "commit")
        .exits(4)
        .stderr_has("a schema does not allow this: nothing was committed")
        .stderr_has("error[CMS0108]")
        .stderr_has("network:2:")
        .stderr_has("did you mean `static`?")
        .stderr_has("rule: in:static,dhcp")
        .stderr_has("`cms explain CMS0108`");
    run(&home, "commit --dry-run").exits(4);
    assert_eq!(home.read("network"), NETWORK);
    run(&home, "changes").success().stdout_has("network.lan.proto='statc'");
    run(&home, "commit --json")
        .exits(4)
        .stderr_has(r#""code":"CMS0108""#)
        .stderr_has(r#""value":"statc""#)
        .stderr_has(r#""choices":["static","dhcp"]"#);
    run(&home, "-q commit").exits(4);
    run(&home, "commit --validate warn").success().stderr_has("warning[CMS0108]");
    assert!(home.read("network").contains("statc"));
}

#[test]
fn a_schema_that_warns_tells_and_lets_it_pass_unless_told_otherwise() {
    let home = home(&SCHEMA.replace("enforce", "warn"));
    run(&home, "set network.lan.mtu=70000").success();
    run(&home, "commit --validate enforce").exits(4).stderr_has("error[CMS0106]");
    run(&home, "commit").success().stderr_has("warning[CMS0106]").stderr_has("as revision 2");
    run(&home, "set network.lan.mtu=70001").success();
    let answer = run(&home, "commit --json").success().stdout_has(r#""findings":[{"code":"CMS0106""#);
    lacks(&answer.stderr(), "CMS0106");
    run(&home, "set network.lan.mtu=70002").success();
    lacks(&run(&home, "commit --no-validate").success().stderr(), "CMS0106");
    run(&home, "commit --no-validate --validate warn").exits(2).stderr_has("exclude each other");
    run(&home, "commit --validate maybe").exits(2);
}

#[test]
fn imports_batches_and_restores_are_checked_too() {
    let home = home(SCHEMA);
    run(&home, "list").success();
    let feed = |line: &str, text: &str| command(&home, line.split(' ')).stdin(text).run();
    let wrong = NETWORK.replace("static", "statc");
    feed("import network", &wrong).exits(4).stderr_has("error[CMS0108]");
    feed("batch", "set network.lan.proto=statc\ncommit\n").exits(4).stderr_has("error[CMS0108]");
    assert_eq!(home.read("network"), NETWORK);
    feed("import network --no-validate", &wrong).success();
    let backup = home.root().join("backup").display().to_string();
    run(&home, &format!("backup {backup}")).success();
    feed("batch --validate off", "set network.lan.proto=dhcp\ncommit\n").success();
    run(&home, &format!("restore {backup} --validate enforce")).exits(4).stderr_has("error[CMS0108]");
    run(&home, &format!("restore {backup}")).success().stderr_has("warning[CMS0108]");
    assert!(home.read("network").contains("statc"));
}

#[test]
fn typos_are_found_with_the_schemas_that_are_shipped() {
    let home = Home::with_examples(env!("CARGO_BIN_EXE_cms"));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas");
    let run = |line: &str| home.cms(line.split(' ')).env("CMS_MODULES", shipped).run();
    let answer = run("validate --json").success();
    assert!(answer.stdout().contains(r#""errors":0"#), "{}", answer.stdout());
    let file = home.root().join("new");
    std::fs::create_dir(&file).expect("a folder");
    let text = "config interface 'lan'\n\toption prot 'static'\n\toption proto 'statc'\n\toption netmask '255.255.0.255'\n";
    std::fs::write(file.join("network"), text).expect("a file");
    let path = file.join("network").display().to_string();
    run(&format!("validate {path}"))
        .exits(4)
        .stdout_has("did you mean `proto`?")
        .stdout_has("did you mean `static`?")
        .stdout_has("network:4:")
        .stderr_has("1 package checked: 2 errors");
    run(&format!("validate {path} --limit 1")).exits(4).stdout_has("and 2 more");
}

#[test]
fn validate_checks_what_is_staged_and_answers_programs() {
    let home = home(SCHEMA);
    run(&home, "validate").success().stderr_has("1 package checked: 0 errors, 0 warnings");
    run(&home, "set network.lan.mtu=7").success();
    run(&home, "set network.lan.mut=7").success();
    run(&home, "validate network")
        .exits(4)
        .stdout_has("network:3:")
        .stdout_has("CMS0101")
        .stderr_has("1 package checked: 1 error, 1 warning");
    run(&home, "validate --json")
        .exits(4)
        .stdout_has(r#""schema":"cms.validate.v1""#)
        .stdout_has(r#""modules":["network"]"#)
        .stdout_has(r#""errors":1,"warnings":1"#)
        .stdout_has(r#""key":"network.lan.mtu","rule":"between:68,9200","value":"7""#)
        .stdout_has(r#""hint":"did you mean `mtu`?""#);
    run(&home, "validate --at 1").success();
    run(&home, "set network.lan.mtu=1500").success();
    run(&home, "validate").success().stderr_has("0 errors, 1 warning");
    run(&home, "validate --deny-warnings").exits(4);
    run(&home, "validate netwrok").exits(3).stderr_has("did you mean `network`?");
    home.write("other", "config x\n");
    run(&home, "validate other").success().stderr_has("there is no schema for other");
    home.write("other", "config x\n\toptoin a 'b'\n");
    run(&home, "validate other").exits(4).stdout_has("other:2:");
}

#[test]
fn a_file_is_checked_without_a_configuration_and_leaves_nothing() {
    let home = home(SCHEMA);
    let folder = home.root().join("elsewhere");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("draft"), NETWORK.replace("static", "statc")).expect("a file");
    let nowhere = home.root().join("nowhere").display().to_string();
    let path = folder.join("draft").display().to_string();
    let check = |words: &[&str]| {
        home.program("cms")
            .args(["-c", nowhere.as_str()])
            .args(words)
            .env("CMS_MODULES", home.root().join("modules"))
            .run()
    };
    check(&["validate", &path, "--as", "network"]).exits(4).stdout_has("draft:2:");
    check(&["validate", &path]).success().stderr_has("there is no schema for draft");
    check(&["validate", &path, &path, "--as", "network"]).exits(2).stderr_has("--as is for one file");
    check(&["validate", &format!("{nowhere}/x")]).exits(3);
    let made: Vec<_> = std::fs::read_dir(home.state_dir()).expect("the folder").collect();
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn secrets_are_not_shown() {
    let home = home(SCHEMA);
    run(&home, "set network.lan.password=hunter2").success();
    for line in ["commit", "commit --json", "validate", "validate --json"] {
        let answer = run(&home, line).exits(4);
        lacks(&(answer.stdout() + &answer.stderr()), "hunter2");
    }
}

#[test]
fn codes_are_explained_in_the_users_language() {
    let home = home(SCHEMA);
    run(&home, "explain cms0108").success().stdout_has("CMS0108 (error): not one of the values");
    run(&home, "explain").success().stdout_has("invalid-command").stdout_has("CMS0215");
    run(&home, "explain CMS0108 --json").success().stdout_has(r#""codes":[{"code":"CMS0108""#);
    run(&home, "explain CMS9999").exits(3).stderr_has("`cms explain` lists the codes");
    run(&home, "set network.lan.proto=statc").success();
    let german = |line: &str| command(&home, line.split(' ')).env("LC_ALL", "de_DE.UTF-8").run();
    german("commit")
        .exits(4)
        .stderr_has("ein Schema erlaubt das nicht")
        .stderr_has("`network.lan.proto` = `statc`: keiner der möglichen Werte")
        .stderr_has("Regel: in:static,dhcp");
    german("validate").exits(4).stderr_has("1 Paket geprüft: 1 Fehler, 0 Warnungen");
    german("explain CMS0108").success().stdout_has("(Fehler): keiner der möglichen Werte");
}

//! Migrations from the outside: status, plan, migrate, rollback, and what is said when they cannot be.

use cms_testkit::{Answer, Command, Fault, Home};

const OLD: &str = "config module 'blog'\n\toption version '1.0.0'\n\nconfig fields 'site'\n\toption colour 'string'\n\toption lines 'uint|default:10'\n";
const NEW: &str = "config module 'blog'\n\toption version '1.1.0'\n\nconfig migration\n\toption to '1.1.0'\n\
                   \tlist step 'rename site.colour theme'\n\tlist step 'default site.lines'\n\tlist step 'drop site.old'\n\n\
                   config fields 'site'\n\toption theme 'in:light,dark'\n\toption lines 'uint|default:20|max:50'\n";
const DATA: &str =
    "# mine\nconfig site 'home'\n\toption colour 'dark' # at night\n\toption lines '10'\n\toption old 'x'\n";
const MIGRATED: &str = "# mine\nconfig site 'home'\n\toption theme 'dark' # at night\n\toption lines '20'\n";

fn home(data: &str) -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("blog", data);
    // Versions are kept with the log, so there has to be one.
    run(&home, "history").success();
    add(&home, OLD);
    add(&home, NEW);
    home
}

fn add(home: &Home, schema: &str) {
    command(home, ["module", "add", "-"]).stdin(schema).run().success();
}

fn command<S: AsRef<str>>(home: &Home, words: impl IntoIterator<Item = S>) -> Command {
    home.cms(words).env("CMS_MODULES", home.root().join("modules"))
}

fn run(home: &Home, line: &str) -> Answer {
    command(home, line.split(' ')).run()
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.stdout()).expect("an answer for programs")
}

#[test]
fn there_and_back() {
    let home = home(DATA);
    run(&home, "schema status")
        .success()
        .stdout_has("(0.0.0)")
        .stdout_has("1.1.0")
        .stderr_has("`cms schema plan`");
    run(&home, "schema plan")
        .success()
        .stdout_has("-\toption colour 'dark' # at night")
        .stdout_has("+\toption theme 'dark' # at night")
        .stderr_has("rename site.colour theme: 1 section");
    run(&home, "schema migrate --dry-run").success().stdout_has("+\toption lines '20'");
    assert_eq!(home.read("blog"), DATA);

    run(&home, "schema migrate -m upgrade").success().stderr_has("module blog: from 0.0.0 to 1.1.0");
    assert_eq!(home.read("blog"), MIGRATED);
    run(&home, "get cms.blog.version").success().stdout_is("1.1.0\n");
    run(&home, "history cms").success().stdout_has("upgrade");
    run(&home, "schema migrate").success().stderr_has("nothing to migrate");
    run(&home, "schema migrate blog").success().stderr_has("nothing to migrate");

    run(&home, "schema plan --back blog").success().stdout_has("+\toption old 'x'");
    run(&home, "schema rollback").success().stderr_has("module blog: from 1.1.0 to 0.0.0");
    assert_eq!(home.read("blog"), DATA);
}

#[test]
fn programs_are_told_the_same() {
    let home = home(&DATA.replace("'dark'", "'blue'"));
    let status = json(&run(&home, "schema status blog --json").success());
    assert_eq!(status["schema"], "cms.schema-status.v1");
    assert_eq!(status["modules"][0]["pending"][0], "1.1.0");
    assert_eq!(status["modules"][0]["stamped"], false);
    let plan = json(&run(&home, "schema plan --json").success());
    assert_eq!(plan["modules"][0]["conflicts"][0]["kind"], "invalid");
    assert_eq!(plan["modules"][0]["conflicts"][0]["key"], "blog.home.theme");
    let done = json(&run(&home, "schema migrate --json").success());
    assert_eq!(done["modules"][0]["steps"][0]["taken"], 1);
    assert!(done["modules"][0]["revision"].is_u64());
    assert_eq!(json(&run(&home, "schema migrate --json").success())["modules"][0], serde_json::Value::Null);
}

#[test]
fn what_cannot_be_is_refused_with_a_word_that_helps() {
    let home = home(&DATA.replace("'dark'", "'blue'"));
    run(&home, "schema migrate --validate enforce")
        .exits(4)
        .stderr_has("module blog is not migrated: 1 conflict")
        .stderr_has("`cms schema plan blog` shows all");
    assert!(home.read("blog").contains("colour"));
    run(&home, "schema migrate blag").exits(3).stderr_has("there is no module blag").stderr_has("blog");
    run(&home, "schema migrate --to new").exits(2).stderr_has("new is no version");
    run(&home, "schema migrate blog --to 3.0.0")
        .exits(4)
        .stderr_has("there is no version 3.0.0: the module is 1.1.0");
    run(&home, "schema rollback").exits(3).stderr_has("no module has data that says its version");
    home.write("cms", "config schema 'blog'\n\toption version '2.0.0'\n");
    run(&home, "schema migrate blog")
        .exits(7)
        .stderr_has("the data of module blog has version 2.0.0, its schema only 1.1.0")
        .stderr_has("install the schema of version 2.0.0");
    run(&home, "schema status").success().stderr_has("its schema only 1.1.0");
    run(&home, "validate blog").stdout_has("CMS0130");
}

#[test]
fn a_migration_awaits_confirmation() {
    let home = home(DATA);
    run(&home, "schema migrate --confirm 10m").success().stderr_has("it is rolled back at");
    assert_eq!(home.read("blog"), MIGRATED);
    run(&home, "confirm --cancel").success();
    assert_eq!(home.read("blog"), DATA);
    run(&home, "schema status").success().stdout_has("(0.0.0)");
}

#[test]
fn a_fault_in_a_step_has_its_place() {
    let home = home(DATA);
    command(&home, ["schema", "check", "-"])
        .stdin(NEW.replace("drop site.old", "dorp site.old"))
        .run()
        .exits(4)
        .stdout_has("there is no step `dorp`")
        .stdout_has("did you mean `drop`?")
        .stdout_has("dorp site.old");
}

/// Kills within and after the n-th call that changes a file, for every n: there is the old state or the new one, never data without its
/// stamp, and the next call finishes.
#[test]
fn kill_9_leaves_the_old_state_or_the_new() {
    let (mut old, mut new) = (0, 0);
    for kind in [Fault::kill_after as fn(u64) -> Fault, Fault::short_kill] {
        for number in 1.. {
            let home = home(DATA);
            run(&home, "get blog.home.lines").success();
            let answer = command(&home, ["schema", "migrate"]).fault(kind(number)).run();
            if answer.is_success() {
                assert_eq!(home.read("blog"), MIGRATED);
                break;
            }
            assert_eq!(answer.signal(), Some(9), "{number}: {answer}");
            let theme = run(&home, "get blog.home.theme").is_success();
            let stamp = run(&home, "get cms.blog.version").is_success();
            assert_eq!(theme, stamp, "{number}");
            match theme {
                true => new += 1,
                false => old += 1,
            }
            run(&home, "schema migrate blog").success();
            run(&home, "get blog.home.lines").success().stdout_is("20\n");
            assert_eq!(home.read("blog"), MIGRATED, "{number}");
            run(&home, "doctor").success();
        }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
}

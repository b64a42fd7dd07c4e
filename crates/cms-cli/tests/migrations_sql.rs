//! Migrations of tables from the outside: what a plan shows, what is refused, and what a kill leaves.

use cms_testkit::{Answer, Command, Fault, Home};

const OPTIONS: &str = "config pool 'lan'\n\toption first '10.0.0.1'\n";
const SCHEMA: &str = "config module 'dhcp'\n\toption version '1.1.0'\n\nconfig migration\n\toption to '1.1.0'\n\
                      \tlist step 'rename pool.first start'\n\
                      \tlist sql 'alter table leases add \"name TEXT len:1,20\"'\n\
                      \tlist sql 'UPDATE leases SET name = lower(host)\n\t\tWHERE host <> lower(host);\n\t\tDELETE FROM leases WHERE name IS NULL'\n";
const OLD: &str = "10.0.0.1 Printer\n10.0.0.2 camera\n";

fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("dhcp", OPTIONS);
    command(&home, ["table", "create", "leases", "ip TEXT ipv4", "host TEXT", "--key", "ip"]).run().success();
    run(&home, "table insert leases ip=10.0.0.1 host=Printer").success();
    run(&home, "table insert leases ip=10.0.0.2 host=camera").success();
    add(&home, SCHEMA).success();
    home
}

fn add(home: &Home, schema: &str) -> Answer {
    command(home, ["module", "add", "-"]).stdin(schema).run()
}

fn command<S: AsRef<str>>(home: &Home, words: impl IntoIterator<Item = S>) -> Command {
    home.cms(words).env("CMS_MODULES", home.root().join("modules"))
}

fn run(home: &Home, line: &str) -> Answer {
    command(home, line.split(' ')).run()
}

fn hosts(home: &Home) -> String {
    let script = "SELECT ip || ' ' || host AS line FROM leases ORDER BY ip";
    let answer = command(home, ["table", "sql", "--json", script]).run().success();
    let answer: serde_json::Value = serde_json::from_str(&answer.stdout()).expect("an answer for programs");
    let rows = answer["answers"][0]["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| format!("{}\n", row["line"].as_str().unwrap_or_default())).collect()
}

#[test]
fn a_plan_shows_the_statements_and_how_many_rows_change() {
    let home = home();
    run(&home, "schema plan")
        .success()
        .stdout_has("+\toption start '10.0.0.1'")
        .stderr_has("alter table leases add \"name TEXT len:1,20\": 2 rows")
        .stderr_has("UPDATE leases SET name = lower(host) WHERE host <> lower(host): 1 row")
        .stderr_has("DELETE FROM leases WHERE name IS NULL: 1 row");
    assert_eq!(hosts(&home), OLD);
    let plan = run(&home, "schema plan --json").success();
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout()).expect("an answer for programs");
    let sql = &plan["modules"][0]["sql"];
    assert_eq!(
        (&sql[2]["version"], &sql[2]["number"], &sql[2]["rows"]),
        (&"1.1.0".into(), &3.into(), &1.into())
    );
    assert_eq!(plan["modules"][0]["tables"][0]["name"], "leases");

    run(&home, "schema migrate").success().stderr_has("leases");
    assert_eq!(hosts(&home), "10.0.0.1 Printer\n");
    run(&home, "history").success().stdout_has("table.leases.10.0.0.2");
    run(&home, "schema plan --back dhcp").success().stderr_has("table leases as it was: 2 rows");
    run(&home, "schema rollback").success().stderr_has("table leases as it was: 2 rows");
    assert_eq!((hosts(&home).as_str(), &*home.read("dhcp")), (OLD, OPTIONS));
}

#[test]
fn what_cannot_be_is_refused_with_a_word_that_helps() {
    let home = home();
    run(&home, "schema migrate").success();
    run(&home, "table insert leases ip=10.0.0.3 host=new").success();
    run(&home, "schema rollback")
        .exits(5)
        .stderr_has("what version 1.1.0 did to tables cannot be taken back, because they were changed since: leases in revision")
        .stderr_has("give the migration to 1.1.0 `rollback_sql`");
    command(&home, ["schema", "rollback"])
        .env("LC_ALL", "de_DE.UTF-8")
        .run()
        .exits(5)
        .stderr_has("weil sie seither geändert wurden: leases in Revision");

    let failing = SCHEMA.replace("1.1.0", "1.2.0").replace("WHERE host <> lower(host)", "WHERE hots = 1");
    add(&home, &failing).success();
    run(&home, "schema migrate dhcp")
        .exits(4)
        .stderr_has("module dhcp: statement 1 of the SQL to version 1.2.0")
        .stderr_has("nothing was changed; the statement: alter table leases add");

    command(&home, ["schema", "check", "-"])
        .stdin(SCHEMA.replace("DELETE FROM leases", "PRAGMA user_version"))
        .run()
        .exits(4)
        .stdout_has("CMS0232")
        .stdout_has("PRAGMA is not allowed: it is SQLite's own")
        .stdout_has("PRAGMA user_version WHERE name IS NULL");
    run(&home, "explain CMS0232").success().stdout_has("rollback_sql");
}

/// Kills within and after the n-th call that changes a file, for every n: rows, options and the stamp are all old or all new, and the next
/// call finishes.
#[test]
fn kill_9_leaves_the_old_state_or_the_new() {
    let (mut old, mut new) = (0, 0);
    for kind in [Fault::kill_after as fn(u64) -> Fault, Fault::short_kill] {
        for number in 1.. {
            let home = home();
            run(&home, "get dhcp.lan.first").success();
            let answer = command(&home, ["schema", "migrate"]).fault(kind(number)).run();
            if answer.is_success() {
                assert_eq!(hosts(&home), "10.0.0.1 Printer\n");
                break;
            }
            assert_eq!(answer.signal(), Some(9), "{number}: {answer}");
            let is_new = run(&home, "get dhcp.lan.start").is_success();
            assert_eq!(run(&home, "get cms.dhcp.version").is_success(), is_new, "{number}");
            match is_new {
                true => new += 1,
                false => old += 1,
            }
            assert_eq!(hosts(&home), if is_new { "10.0.0.1 Printer\n" } else { OLD }, "{number}");
            run(&home, "schema migrate dhcp").success();
            assert_eq!(hosts(&home), "10.0.0.1 Printer\n", "{number}");
            run(&home, "doctor").success();
        }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
}

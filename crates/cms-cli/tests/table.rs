//! Tables from the outside: `cms table` with the real program, its answers, and what a kill leaves.

use cms_testkit::{Answer, Fault, Home};

fn run<const N: usize>(home: &Home, words: [&str; N]) -> Answer {
    home.cms(std::iter::once("table").chain(words)).run()
}

fn home() -> Home {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("network", "config interface 'lan'\n\toption mtu '1500'\n");
    run(
        &home,
        [
            "create",
            "leases",
            "ip TEXT required|ipv4",
            "mac TEXT mac",
            "host TEXT",
            "until TIME",
            "--key",
            "ip",
            "--unique",
            "mac",
            "--index",
            "host",
            "-m",
            "who has what",
        ],
    )
    .success()
    .stderr_has("committed 1 change to leases as revision 2");
    home
}

#[test]
fn rows_go_in_and_come_out() {
    let home = home();
    run(
        &home,
        ["insert", "leases", "ip=10.0.0.1", "mac=02:00:00:00:00:01", "until=2026-11-23T10:30:00+01:00"],
    )
    .success();
    run(&home, ["insert", "leases", "ip=10.0.0.2", "host=cellar, left"]).success();
    run(&home, ["query", "leases", "--format", "csv"]).success().stdout_is(
        "ip,mac,host,until\n10.0.0.1,02:00:00:00:00:01,,2026-11-23T09:30:00Z\n10.0.0.2,,\"cellar, left\",\n",
    );
    run(&home, ["query", "leases", "host?", "--json"]).success().stdout_is(
        "{\"schema\":\"cms.rows.v1\",\"table\":\"leases\",\"rows\":[{\"ip\":\"10.0.0.2\",\"mac\":null,\"host\":\"cellar, left\",\"until\":null}]}\n",
    );
    run(&home, ["update", "leases", "10.0.0.1", "host=attic", "--null", "until"]).success();
    run(&home, ["query", "leases", "--order", "-host", "--limit", "1", "--format", "csv"])
        .success()
        .stdout_has("10.0.0.2");
    run(&home, ["query", "leases", "host^=att"]).success().stdout_has("10.0.0.1");
    run(&home, ["history", "leases", "10.0.0.1"])
        .success()
        .stdout_has("table.leases.10.0.0.1='host=attic'")
        .stdout_has("+table.leases.10.0.0.1='ip=10.0.0.1 mac=02:00:00:00:00:01 until=2026-11-23T09:30:00Z'");
    run(&home, ["delete", "leases", "10.0.0.2"]).success();
    run(&home, ["query", "leases", "--at", "head~1", "--format", "csv"]).success().stdout_has("cellar");
    home.cms(["diff", "head~1"]).run().success().stdout_has("-table.leases.10.0.0.2");
    home.cms(["history", "--limit", "1"]).run().success().stdout_has("-table.leases.10.0.0.2");
    home.cms(["undo", "head"]).run().success();
    home.cms(["rollback", "2"]).run().success().stderr_has("leases");
    run(&home, ["list"]).success().stdout_has("leases").stdout_has("ip TEXT required|ipv4, mac TEXT mac");
    run(&home, ["list", "--json"]).success().stdout_has("\"rows\":0");
    run(&home, ["drop", "leases", "--dry-run"]).success().stdout_has("-table.leases");
    run(&home, ["drop", "leases"]).success();
    run(&home, ["list"]).success().stderr_has("there are no tables");
    home.cms(["doctor"]).run().success();
}

#[test]
fn what_show_prints_makes_the_same_table() {
    let home = home();
    let shown = run(&home, ["show", "leases"]).success().stdout();
    assert_eq!(
        shown,
        "cms table create leases 'ip TEXT required|ipv4' 'mac TEXT mac' 'host TEXT' 'until TIME' --key ip --unique mac --index host\n"
    );
    run(
        &home,
        ["alter", "leases", "--add", "kind TEXT required|in:a,b", "--default", "kind=a", "--drop", "until"],
    )
    .success();
    run(&home, ["alter", "leases", "--no-index", "host"]).success();
    run(&home, ["show", "leases"])
        .success()
        .stdout_has("'host TEXT' 'kind TEXT required|in:a,b' --key ip --unique mac\n");
}

#[test]
fn csv_goes_in_as_it_came_out() {
    let home = home();
    let csv = "host,ip\nattic,10.0.0.1\n\"\",10.0.0.2\n,10.0.0.3\n";
    let insert = |csv: &str, more: &[&str]| {
        let words = ["table", "insert", "leases", "--csv", "-"].into_iter().chain(more.iter().copied());
        home.cms(words).stdin(csv).run()
    };
    insert(csv, &[]).success().stderr_has("committed 3 changes");
    let out = run(&home, ["query", "leases", "--format", "csv"]).success().stdout();
    assert_eq!(out, "ip,mac,host,until\n10.0.0.1,,attic,\n10.0.0.2,,\"\",\n10.0.0.3,,,\n");
    insert(&out, &[]).exits(5).stderr_has("there is a table.leases.10.0.0.1 already");
    insert(&out.replace("attic", "roof"), &["--replace"])
        .success()
        .stderr_has("committed 1 change to leases");
    insert("ip,mac\n10.0.0.4,none\n", &[]).exits(4).stderr_has("line 2 of the CSV").stderr_has("rule mac");
    insert("ip,mac\n10.0.0.4\n", &[]).exits(4).stderr_has("has 1 fields, the first line 2");
    insert("ip,name\n", &[]).exits(4).stderr_has("column name: there is no such column");
}

#[test]
fn scripts_run_on_the_tables_alone() {
    let home = home();
    let sql = |script: &str| run(&home, ["sql", script]);
    sql("INSERT INTO leases (ip, host) VALUES ('10.0.0.1', 'attic'), ('10.0.0.2', 'cellar')")
        .success()
        .stderr_has("committed 2 changes to leases as revision 3");
    sql("SELECT count(*) AS n FROM leases WHERE host LIKE 'att%'").success().stdout_has("n").stdout_has("1");
    run(&home, ["sql", "DELETE FROM leases WHERE ip = '10.0.0.2' RETURNING host", "--json"])
        .success()
        .stdout_has("{\"schema\":\"cms.sql.v1\",\"answers\":[{\"columns\":[\"host\"],\"rows\":[{\"host\":\"cellar\"}],\"changed\":1}]}\n{\"schema\":\"cms.commit.v1\"");
    for (script, words) in [
        ("SELECT * FROM commits", "commits is no table of the store"),
        ("PRAGMA user_version = 1", "PRAGMA is not allowed"),
        ("ATTACH '/etc/passwd' AS p", "ATTACH is not allowed"),
        ("CREATE TABLE x (a INT)", "cms table create"),
        ("UPDATE leases SET mac = 'x'", "table leases, row 10.0.0.1, column mac: x is not"),
    ] {
        sql(script).exits(4).stderr_has(words);
    }
    run(&home, ["sql"]).exits(2).stderr_has("the script is missing");
    let log = home.cms(["history", "--json"]).run().success().stdout();
    assert_eq!(log.matches("\"revision\"").count(), 4, "what was refused left no commit");
}

#[test]
fn what_is_wrong_is_said() {
    let home = home();
    run(&home, ["create", "leases", "a INT"]).exits(5).stderr_has("there is a table leases already");
    run(&home, ["create", "commits", "a INT"]).exits(4).stderr_has("the name belongs to the log");
    run(&home, ["create", "x", "a NUMBER"]).exits(4).stderr_has("`NUMBER` is no type");
    run(&home, ["create", "x", "a INT ipv9"]).exits(4).stderr_has("column a: its rules cannot be read");
    run(&home, ["insert", "leases", "ip=10.0.0.300"]).exits(4).stderr_has("rule ipv4");
    run(&home, ["insert", "leases", "10.0.0.3"]).exits(2).stderr_has("gives no column a value");
    run(&home, ["query", "leases", "host~x"]).exits(4).stderr_has("is no condition");
    run(&home, ["query", "nothing"]).exits(3).stderr_has("table nothing");
    run(&home, ["delete", "leases", "10.0.0.9"]).exits(3).stderr_has("table.leases.10.0.0.9");
    run(&home, ["show"]).exits(2).stderr_has("the table is missing");
    home.cms(["help", "table"]).env("LC_ALL", "de_DE.UTF-8").run().success().stdout_has("sofort fest");
}

/// Kills within and after every call that changes a file: the rows of a commit are all there, or none.
#[test]
fn a_kill_leaves_the_old_rows_or_the_new_ones() {
    let home = home();
    let count = || {
        let answer =
            run(&home, ["sql", "SELECT count(*) AS n, count(DISTINCT host) AS h FROM leases", "--json"]);
        let text = answer.success().stdout();
        let number = |name: &str| -> u64 {
            let (_, rest) = text.split_once(&format!("\"{name}\":")).expect("a count");
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().expect("a number")
        };
        (number("n"), number("h"))
    };
    let mut generation = 0;
    let mut kills = 0;
    for kind in [Fault::kill_before, Fault::kill_after, Fault::short_kill] {
        for call in 1.. {
            generation += 1;
            // Ten rows come, and those of the time before go.
            let rows: Vec<String> =
                (0..10).map(|row| format!("('10.1.{}.{row}', 'g{generation}')", generation % 250)).collect();
            let script =
                format!("DELETE FROM leases; INSERT INTO leases (ip, host) VALUES {}", rows.join(", "));
            let before = count();
            let answer = home.cms(["table", "sql", &script]).fault(kind(call)).run();
            let was_killed = answer.signal() == Some(9);
            kills += u64::from(was_killed);
            let now = count();
            assert!(now == (10, 1) || was_killed && now == before, "{call}: {now:?} after {before:?}");
            if !was_killed {
                answer.success();
                run(&home, ["query", "leases", &format!("host=g{generation}"), "--limit", "1"])
                    .success()
                    .stdout_has("10.1.");
                break;
            }
        }
    }
    assert!(kills > 10, "{kills}");
    home.cms(["doctor"]).run().success();
}

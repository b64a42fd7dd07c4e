//! Many programs change different options at once: none of the changes is lost.

use std::thread;

use cms_testkit::{Answer, Home};

const WRITERS: usize = 8;
const CHANGES: usize = 60;

fn package() -> String {
    let mut text = String::from("# shared by all\n");
    for writer in 0..WRITERS {
        text.push_str(&format!("\nconfig counter 'w{writer}'\n\toption start '0'\n"));
    }
    text
}

/// Eight writers, each with its section; every command must answer 0, so every change counts as acknowledged.
fn hammer(home: &Home, run: impl Fn(&Home, &[&str]) -> Answer + Sync) {
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let run = &run;
            scope.spawn(move || {
                for change in 0..CHANGES {
                    run(home, &["set", &format!("counters.w{writer}.o{change}=v{writer}_{change}")])
                        .success();
                    run(home, &["commit", "counters"]).success();
                }
            });
        }
    });
    let file = home.read("counters");
    let lost: Vec<String> = all()
        .filter(|(_, option, value)| !file.contains(&format!("option {option} '{value}'")))
        .map(|(section, option, _)| format!("{section}.{option}"))
        .collect();
    assert!(lost.is_empty(), "{} of {} are not in the file: {lost:?}", lost.len(), WRITERS * CHANGES);
    assert_eq!(home.names(), ["counters"]);
}

fn all() -> impl Iterator<Item = (String, String, String)> {
    let pairs = (0..WRITERS).flat_map(|writer| (0..CHANGES).map(move |change| (writer, change)));
    pairs.map(|(writer, change)| (format!("w{writer}"), format!("o{change}"), format!("v{writer}_{change}")))
}

#[test]
fn cms_loses_none() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("counters", package());
    hammer(&home, |home, arguments| home.cms(arguments).run());
    for (section, option, value) in all() {
        home.cms(["history", &format!("counters.{section}.{option}")]).run().success().stdout_has(&value);
    }
    home.cms(["changes"]).run().success().stdout_is("");
    assert!(home.read("counters").starts_with("# shared by all\n"), "the comment is gone");
}

#[test]
fn uci_loses_none_either() {
    let home = Home::new(env!("CARGO_BIN_EXE_cms"));
    home.write("counters", package());
    hammer(&home, |home, arguments| home.uci(arguments).run());
    for (section, option, value) in all() {
        home.uci(["get", &format!("counters.{section}.{option}")])
            .run()
            .success()
            .stdout_is(&format!("{value}\n"));
    }
}

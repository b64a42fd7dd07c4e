//! The manual: every command has a page, which says all that its help says and which man(1) formats without a word.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cms_testkit::Home;

fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_cms"))
}

/// Has the program write its pages; gives the directory of the manual.
fn manual(home: &Home) -> PathBuf {
    let folder = home.root().join("man");
    home.cms(["__man", folder.to_str().unwrap()]).run().success();
    folder
}

fn pages_by_hand() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/man");
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What man(1) makes of a page, in lines so long that none is broken.
fn format(manual: &Path, page: &Path) -> Output {
    Command::new("man")
        .args(["--warnings", "-E", "UTF-8", "-l"])
        .arg(page)
        .current_dir(manual)
        .env("LC_ALL", "C.UTF-8")
        .env("MANWIDTH", "2000")
        .env("MAN_KEEP_FORMATTING", "")
        .env("GROFF_NO_SGR", "1")
        .output()
        .expect("man(1) is needed: scripts/deps.sh test installs it")
}

/// A formatted page as text: without the backspaces that make letters bold.
fn text(output: &Output) -> String {
    let mut text = String::new();
    for letter in String::from_utf8(output.stdout.clone()).unwrap().chars() {
        if letter == '\u{8}' {
            text.pop();
        } else {
            text.push(letter);
        }
    }
    text
}

/// The commands that the overview names.
fn commands(home: &Home) -> Vec<String> {
    let overview = home.cms(["help"]).run().success().stdout();
    let list = overview.split_once("\nCommands\n").unwrap().1.split_once("\n\n").unwrap().0;
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_page_with_all_of_its_help() {
    let home = home();
    let manual = manual(&home);
    let commands = commands(&home);
    assert!(commands.len() > 30, "{commands:?}");
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for command in &commands {
        let output = format(&manual, &manual.join(format!("man1/cms-{command}.1")));
        let page = text(&output);
        let lines: BTreeSet<String> = page.lines().map(squeeze).collect();
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXAMPLES",
            "EXIT STATUS",
            "ENVIRONMENT",
            "FILES",
            "SEE ALSO",
        ] {
            assert!(lines.contains(section), "{command}: no {section}");
        }
        let flat = squeeze(&page);
        let help = home.cms(["help", command]).run().success().stdout();
        for line in help.lines().filter(|line| line.starts_with("  ")) {
            // Options and arguments stand in two columns, between which there is more than one blank.
            for part in line.trim().split("  ").filter(|part| !part.is_empty()) {
                let part =
                    squeeze(part).replace('`', "").replace(['<', '>'], "").replace("COMMAND]", "ACTION]");
                let place = flat.replace(['<', '>', '`'], "");
                assert!(place.contains(&part), "cms-{command}(1) lacks {part:?}");
            }
        }
    }
}

#[test]
fn man_formats_every_page_without_a_word() {
    let home = home();
    let manual = manual(&home);
    let made = std::fs::read_dir(manual.join("man1")).unwrap().map(|entry| entry.unwrap().path());
    for page in made.chain(pages_by_hand()) {
        let output = format(&manual, &page);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", page.display());
        assert!(text(&output).contains("NAME"), "{} is empty", page.display());
    }
}

#[test]
fn every_page_that_is_referred_to_is_there() {
    let home = home();
    let manual = manual(&home);
    let made: Vec<PathBuf> =
        std::fs::read_dir(manual.join("man1")).unwrap().map(|e| e.unwrap().path()).collect();
    let all: Vec<PathBuf> = made.into_iter().chain(pages_by_hand()).collect();
    let names: BTreeSet<String> =
        all.iter().map(|page| page.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for page in &all {
        for word in text(&format(&manual, page)).split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != ')');
            let Some((name, section)) = word.strip_suffix(')').and_then(|word| word.split_once('(')) else {
                continue;
            };
            if name.starts_with("cms-") && section.len() == 1 {
                assert!(names.contains(&format!("{name}.{section}")), "{}: {word}", page.display());
            }
        }
    }
}

#[test]
fn the_pages_are_english_and_always_the_same() {
    let home = home();
    let read = |manual: PathBuf| std::fs::read_to_string(manual.join("man1/cms-get.1")).unwrap();
    let english = read(manual(&home));
    let folder = home.root().join("german");
    home.cms(["__man", folder.to_str().unwrap()]).env("LC_ALL", "de_DE.UTF-8").run().success();
    assert_eq!(read(folder), english);
}

#[test]
fn the_page_on_schemas_knows_every_word_of_the_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = text(&format(&folder, &folder.join("man/cms-schema.5")));
    let document = std::fs::read_to_string(folder.join("schema.md")).unwrap();
    // The tables of the language end where those on JSON Schema begin.
    let tables = document.split_once("\n## JSON Schema").unwrap().0;
    let mut seen = 0;
    for row in tables.lines().filter(|line| line.starts_with("| `")) {
        let first = row.split(" | ").next().unwrap();
        for word in first.split('`').skip(1).step_by(2) {
            let name = word.split([':', '(']).next().unwrap();
            assert!(page.contains(name), "cms-schema(5) lacks {word}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

//! `cms`, the command line of the configuration management system; called as `uci` it is `uci`.
//!
//! - `personality`: from the words of a call to its exit code
//! - `arguments`, `globals`, `usage`, `verb`: what a person types, and what it does
//! - `keys`, `address`, `when`, `window`, `spelling`: how packages, revisions and times are named
//! - `session`: the store that a call works on
//! - `format`: packages as UCI text, JSON, YAML and TOML
//! - `output`, `paint`, `table`, `lines`, `report`, `change_line`, `text_diff`, `json`, `progress`: what a call prints
//! - `field`, `section_type`: what schemas say
//! - `event_line`, `event_command`: what is told of a commit, and to whom
//! - `trigger`: what is done when something was committed
//! - `text`, `language`: the messages and their language
//! - `failure`, `exit`: how a call fails, and with which code
//! - `validation`: what a commit does with what schemas find
//! - `confirmation`, `guardian`: commits that somebody has to confirm, and who rolls them back
//! - `bench`: a measurement of the user's machine
//! - `health`, `finding`: a store at a glance, and what is wrong with it
//! - `completion`: what the shell offers on TAB
//! - `shell`: our own shell
//! - `manual`: the manual pages, made of the help
//! - `journal`: the program's own log
//! - `uci`: the other personality
//! - `start`: from the C library to `run`, and back

#![cfg_attr(not(test), no_main)]

mod address;
mod adopt;
mod arguments;
mod base64;
mod bench;
mod change_line;
mod completion;
mod confirmation;
mod csv;
mod event_command;
mod event_line;
mod exit;
mod failure;
mod field;
mod finding;
mod format;
mod globals;
mod guardian;
mod health;
mod journal;
mod json;
mod keys;
mod language;
mod lines;
mod manual;
mod output;
mod paint;
mod personality;
mod progress;
mod report;
mod section_type;
mod session;
mod shell;
mod spelling;
mod start;
mod table;
mod text;
mod text_diff;
mod trigger;
mod uci;
mod usage;
mod validation;
mod verb;
mod when;
mod window;

use std::ffi::OsString;
use std::path::Path;

/// Does what the words of a call ask for, the first of which is the program's name; returns the exit code.
#[cfg_attr(test, allow(dead_code, reason = "tests are started by their own harness"))]
fn run(words: Vec<OsString>) -> u8 {
    let mut words = words.into_iter();
    let program = words.next().unwrap_or_else(|| OsString::from("cms"));
    let words: Vec<OsString> = words.collect();
    // A link called `uci` is the program under its old name.
    if Path::new(&program).file_name().is_some_and(|name| name == "uci") {
        return uci::run(&program.to_string_lossy(), words);
    }
    personality::run(words)
}

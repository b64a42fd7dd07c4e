//! `cms`, the command line of the configuration management system; called as `uci` it is `uci`.
//!
//! - `arguments`, `verb`: what a person types
//! - `session`: the store that a call works on
//! - `format`: packages as UCI text, JSON, YAML and TOML
//! - `output`, `paint`, `table`, `report`, `json`: what a call prints
//! - `text`, `language`: the messages and their language
//! - `failure`, `exit`: how a call fails, and with which code
//! - `completion`: what the shell offers on TAB

mod arguments;
mod base64;
mod completion;
mod exit;
mod failure;
mod format;
mod journal;
mod json;
mod keys;
mod language;
mod output;
mod paint;
mod personality;
mod report;
mod session;
mod signals;
mod spelling;
mod table;
mod text;
mod uci;
mod verb;
mod when;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    signals::ignore_file_size_limit();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if is_called_uci(arguments.first()) { uci::run("uci", arguments) } else { personality::run(arguments) }
}

/// Whether the program was called by its old name, as a link called `uci` does.
fn is_called_uci(name: Option<&OsString>) -> bool {
    name.is_some_and(|name| Path::new(name).file_name().is_some_and(|base| base == "uci"))
}

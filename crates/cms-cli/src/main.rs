//! `cms`, the command line of the configuration management system; called as `uci` it is `uci`.

mod uci;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_else(|| OsString::from("cms"));
    if Path::new(&program).file_name().is_some_and(|name| name == "uci") {
        return uci::run(&program.to_string_lossy(), arguments.collect());
    }
    ExitCode::from(2)
}

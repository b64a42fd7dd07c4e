//! The personality `uci`: the command line tool of OpenWrt, word for word, on its files and folders.
//!
//! It needs no store and keeps no log. Where the reference loses data it does better: every write is
//! checked, a new file is durable before it takes the old one's place, and staged changes are dropped
//! only after that.
//!
//! - `options`: what stands before the command
//! - `verbs`: the commands; `batch` and `import` read more of them, or whole packages
//! - `address`: what the commands point at
//! - `package`, `text`: a package in memory, read and written
//! - `staging`: the delta files
//! - `files`: locks, and files replaced as a whole
//! - `show`: what is printed
//! - `failure`: the messages and exit codes

mod address;
mod batch;
mod failure;
mod files;
mod import;
mod options;
mod package;
mod show;
mod staging;
mod text;
mod verbs;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};

use failure::Failure;
use options::{Given, Options};

/// Does what the arguments say, as `uci` would. `program` is the name it was called by, which its
/// messages begin with.
pub fn run(program: &str, args: Vec<OsString>) -> u8 {
    let options = match options::parse(args) {
        Ok(Given::Command(options)) => options,
        Ok(Given::Usage) => {
            usage(program);
            return 0;
        }
        Err(Failure::Usage) => {
            usage(program);
            return Failure::Usage.exit_code();
        }
        Err(failure) => {
            print_error(format_args!("{failure}"));
            return 1;
        }
    };
    let mut session = Session::new(program, options);
    let code = match session.run() {
        Ok(()) => 0,
        Err(failure) => session.report(failure),
    };
    session.finish(code)
}

/// One run of the tool: its options, its output, and its input.
struct Session<'a> {
    program: &'a str,
    options: Options,
    out: BufWriter<io::Stdout>,
    input: import::Input,
    in_batch: bool,
}

impl<'a> Session<'a> {
    fn new(program: &'a str, mut options: Options) -> Session<'a> {
        let input = import::Input::new(options.input.take());
        Session { program, options, out: BufWriter::new(io::stdout()), input, in_batch: false }
    }

    fn run(&mut self) -> Result<(), Failure> {
        let words = std::mem::take(&mut self.options.words);
        verbs::run(self, &words)
    }

    /// Prints a failure's message, and returns its exit code.
    fn report(&mut self, failure: Failure) -> u8 {
        let code = failure.exit_code();
        match failure {
            Failure::Silent => {}
            Failure::Usage => usage(self.program),
            failure => self.complain(&failure),
        }
        code
    }

    /// Prints a message of the tool, unless it was told to be quiet.
    fn complain(&mut self, failure: &Failure) {
        let program = self.program;
        self.say(format_args!("{program}: {failure}"));
    }

    fn say(&mut self, message: std::fmt::Arguments<'_>) {
        // What was printed before comes first, also where both go to one place; a failure of the
        // output is told at the end.
        let _ = self.out.flush();
        if !self.options.quiet {
            print_error(message);
        }
    }

    /// Ends the output. Output that could not be written is a failure too; only a reader that went
    /// away is told nothing.
    fn finish(mut self, code: u8) -> u8 {
        match self.out.flush() {
            Ok(()) => code,
            Err(error) => {
                if error.kind() != io::ErrorKind::BrokenPipe && !self.options.quiet {
                    print_error(format_args!("{}: {}", self.program, Failure::Io));
                }
                code.max(1)
            }
        }
    }
}

/// Prints a line to standard error. Where that cannot be written either, the exit code must do.
fn print_error(message: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{message}");
}

fn usage(program: &str) {
    print_error(format_args!(
        "Usage: {program} [<options>] <command> [<arguments>]\n\n\
         Commands:\n\
         \tbatch\n\
         \texport     [<config>]\n\
         \timport     [<config>]\n\
         \tchanges    [<config>]\n\
         \tcommit     [<config>]\n\
         \tadd        <config> <section-type>\n\
         \tadd_list   <config>.<section>.<option>=<string>\n\
         \tdel_list   <config>.<section>.<option>=<string>\n\
         \tshow       [<config>[.<section>[.<option>]]]\n\
         \tget        <config>.<section>[.<option>]\n\
         \tset        <config>.<section>[.<option>]=<value>\n\
         \tdelete     <config>[.<section>[[.<option>][=<id>]]]\n\
         \trename     <config>.<section>[.<option>]=<name>\n\
         \trevert     <config>[.<section>[.<option>]]\n\
         \treorder    <config>.<section>=<position>\n\
         \thelp\n\n\
         Options:\n\
         \t-c <path>  set the search path for config files (default: /etc/config)\n\
         \t-C <path>  set the search path for config override files (default: /var/run/uci)\n\
         \t-d <str>   set the delimiter for list values in uci show\n\
         \t-f <file>  use <file> as input instead of stdin\n\
         \t-m         when importing, merge data into an existing package\n\
         \t-n         name unnamed sections on export (default)\n\
         \t-N         don't name unnamed sections\n\
         \t-p <path>  add a search path for config change files\n\
         \t-P <path>  add a search path for config change files and use as default\n\
         \t-t <path>  set save path for config change files\n\
         \t-q         quiet mode (don't print error messages)\n\
         \t-s         force strict mode (stop on parser errors, default)\n\
         \t-S         disable strict mode\n\
         \t-X         do not use extended syntax on 'show'\n"
    ));
}

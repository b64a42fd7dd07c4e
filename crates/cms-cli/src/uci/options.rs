//! The arguments before the command, read as the C library's `getopt` reads them: flags may be
//! combined, their arguments glued on, and they may also stand behind the command.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::failure::Failure;

/// Where staged changes are always looked for.
const DEFAULT_SAVE_DIR: &str = "/tmp/.uci";

/// What the arguments ask for.
pub enum Given {
    /// To run a command.
    Command(Options),
    /// To show how the tool is used.
    Usage,
}

/// The options of a run, and the words of its command.
pub struct Options {
    /// The folder of the package files.
    pub config_dir: PathBuf,
    /// The folder of the package files that take precedence, if any.
    pub override_dir: Option<PathBuf>,
    /// What stands between list items.
    pub delimiter: Vec<u8>,
    /// What `import` and `batch` read, in place of standard input.
    pub input: Option<File>,
    /// Whether `import` merges.
    pub merge: bool,
    /// Whether anonymous sections are written with their generated names.
    pub export_names: bool,
    /// Folders searched for staged changes, in order; the last is the save folder.
    pub delta_path: Vec<PathBuf>,
    /// Whether `commit` does nothing.
    pub no_commit: bool,
    /// Whether messages are left out.
    pub quiet: bool,
    /// Whether bad lines are reported and skipped.
    pub lenient: bool,
    /// Whether anonymous sections are shown as `@TYPE[N]`.
    pub extended: bool,
    /// The command and its arguments.
    pub words: Vec<Vec<u8>>,
}

impl Options {
    fn new() -> Options {
        Options {
            config_dir: "/etc/config".into(),
            override_dir: Some("/var/run/uci".into()),
            delimiter: b" ".to_vec(),
            input: None,
            merge: false,
            export_names: false,
            delta_path: vec![DEFAULT_SAVE_DIR.into()],
            no_commit: false,
            quiet: false,
            lenient: false,
            extended: true,
            words: Vec::new(),
        }
    }

    /// The folder that changes are staged in.
    pub fn save_dir(&self) -> &PathBuf {
        self.delta_path.last().expect("the delta path begins with the default folder and only grows")
    }

    fn set_save_dir(&mut self, dir: PathBuf) {
        self.delta_path.retain(|known| *known != dir);
        self.delta_path.push(dir);
    }

    fn add_delta_dir(&mut self, dir: PathBuf) {
        if !self.delta_path.contains(&dir) {
            self.delta_path.insert(self.delta_path.len() - 1, dir);
        }
    }
}

/// Reads the arguments behind the program's name.
pub fn parse(args: Vec<OsString>) -> Result<Given, Failure> {
    let mut options = Options::new();
    let mut args = args.into_iter().map(OsString::into_vec);
    while let Some(arg) = args.next() {
        if arg == b"--" {
            options.words.extend(args.by_ref());
        } else if arg.len() < 2 || arg[0] != b'-' {
            options.words.push(arg);
        } else {
            let mut flags = &arg[1..];
            while let [flag, rest @ ..] = flags {
                flags = rest;
                if b"cCdfpPt".contains(flag) {
                    let argument = if rest.is_empty() { args.next() } else { Some(rest.to_vec()) };
                    let Some(argument) = argument else { return Err(Failure::Usage) };
                    set(&mut options, *flag, argument)?;
                    break;
                }
                if !switch(&mut options, *flag) {
                    // `--help` and `-h` are asked for; anything else is a mistake.
                    return if *flag == b'h' || arg == b"--help" {
                        Ok(Given::Usage)
                    } else {
                        Err(Failure::Usage)
                    };
                }
            }
        }
    }
    Ok(if options.words.is_empty() { Given::Usage } else { Given::Command(options) })
}

fn set(options: &mut Options, flag: u8, argument: Vec<u8>) -> Result<(), Failure> {
    let path = || PathBuf::from(std::ffi::OsStr::from_bytes(&argument));
    match flag {
        b'c' => options.config_dir = path(),
        b'C' => options.override_dir = Some(path()).filter(|path| !path.as_os_str().is_empty()),
        b'd' => options.delimiter = argument,
        b'f' if options.input.is_some() => return Err(Failure::TooManyInputs),
        b'f' => options.input = Some(File::open(path()).map_err(|_| Failure::Io)?),
        b'p' => options.add_delta_dir(path()),
        b'P' => {
            options.set_save_dir(path());
            options.no_commit = true;
        }
        _ => options.set_save_dir(path()),
    }
    Ok(())
}

fn switch(options: &mut Options, flag: u8) -> bool {
    match flag {
        b'm' => options.merge = true,
        b'n' => options.export_names = true,
        b'N' => options.export_names = false,
        b'q' => options.quiet = true,
        b's' => options.lenient = false,
        b'S' => options.lenient = true,
        b'X' => options.extended = false,
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Options {
        match parse(args.iter().map(OsString::from).collect()) {
            Ok(Given::Command(options)) => options,
            Ok(Given::Usage) | Err(_) => panic!("{args:?}"),
        }
    }

    #[test]
    fn flags_combine_glue_and_follow_the_command() {
        let options = parsed(&["-qXd,", "show", "-c", "/x", "a", "--", "-n"]);
        assert!(options.quiet && !options.extended && !options.export_names);
        assert_eq!(options.delimiter, b",");
        assert_eq!(options.config_dir, PathBuf::from("/x"));
        assert_eq!(options.words, [&b"show"[..], b"a", b"-n"]);
    }

    #[test]
    fn the_save_folder_stays_last_on_the_path() {
        let options = parsed(&["-p", "a", "-t", "b", "-p", "c", "-p", "a", "-P", "d", "show"]);
        let path: Vec<_> = options.delta_path.iter().map(|dir| dir.to_str().unwrap()).collect();
        assert_eq!(path, ["a", "/tmp/.uci", "c", "b", "d"]);
        assert!(options.no_commit);
    }
}

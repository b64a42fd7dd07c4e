//! A person at a terminal: editing, history, completion. The only place that knows the library for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cms::Dirs;
use cms::model::{Draft, PackageName};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Helper};

use super::source::Line;
use super::{Shell, known_verbs, own, words};
use crate::completion::{self, Keys};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::msg;

/// How many lines the history keeps.
const REMEMBERED: usize = 1000;

pub(super) struct Editor {
    library: rustyline::Editor<Helps, FileHistory>,
    /// Where the lines are kept.
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn open(session: &mut Session, without_history: bool) -> Result<Editor, Failure> {
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(failed)?
            // What is typed behind a blank is not kept: it may hold a secret.
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut library = rustyline::Editor::with_config(config).map_err(failed)?;
        let history = if without_history { None } else { history_file(session) };
        if let Some(path) = &history
            && let Err(error) = library.load_history(path)
        {
            session.output.warn(&msg!("shell-history", file = path.as_path(), reason = error.to_string()));
        }
        Ok(Editor { library, history })
    }

    pub(super) fn next(&mut self, shell: &mut Shell) -> Result<Line, Failure> {
        self.library.set_helper(Some(Helps::of(shell)));
        match self.library.readline(&shell.prompt()) {
            Ok(text) => {
                let _ = self.library.add_history_entry(text.as_str());
                Ok(Line::Text { text: text.into_bytes(), number: 0 })
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Ok(Line::Abandoned),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(failed(error)),
        }
    }

    /// Keeps the lines.
    pub(super) fn close(mut self, session: &mut Session) {
        if let Some(path) = &self.history
            && let Err(error) = self.library.append_history(path)
        {
            session.output.warn(&msg!("shell-history", file = path.as_path(), reason = error.to_string()));
        }
    }
}

fn failed(error: ReadlineError) -> Failure {
    Failure::new(Exit::Error, msg!("shell-terminal")).because(&error)
}

/// The file of the history, private to the user; none if it cannot be made.
fn history_file(session: &mut Session) -> Option<PathBuf> {
    let path = history_folder(session.globals.state.as_deref())?.join("shell-history");
    match make_private(&path) {
        Ok(()) => Some(path),
        Err(error) => {
            session.output.warn(&msg!("shell-history", file = path.as_path(), reason = error.to_string()));
            None
        }
    }
}

/// Where the state lies, but the caller's own, whoever owns the store.
fn history_folder(typed: Option<&Path>) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(state) = typed.map(PathBuf::from).or(Dirs::from_env().state) {
        return Some(state);
    }
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/cms"));
    }
    let state = variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
    state.or_else(|| Some(variable("HOME")?.join(".local/state"))).map(|state| state.join("cms"))
}

fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Not what a link leads to, which may be anybody's.
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_link).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// What the library asks while a line is typed.
struct Helps {
    keys: Keys,
    savepoints: Vec<String>,
    is_open: bool,
}

impl Helps {
    fn of(shell: &mut Shell) -> Helps {
        let mut drafts: BTreeMap<PackageName, Draft> = BTreeMap::new();
        let mut savepoints = Vec::new();
        if let Some(open) = &mut shell.open {
            savepoints.extend(open.savepoints.iter().map(|(name, _)| name.clone()));
            let changed: Vec<PackageName> = open
                .transaction
                .changes()
                .iter()
                .filter_map(|change| PackageName::new(change.key.split('.').next()?).ok())
                .collect();
            for name in changed {
                if !drafts.contains_key(&name)
                    && let Ok(draft) = open.transaction.view(&name)
                {
                    drafts.insert(name, draft);
                }
            }
        }
        let keys = Keys::Open(shell.store.clone(), Arc::new(drafts));
        Helps { keys, savepoints, is_open: shell.open.is_some() }
    }

    /// What the last word can become.
    fn candidates(&self, before: Vec<OsString>, typed: &str) -> Vec<String> {
        let begins = |name: &&str| name.starts_with(typed);
        let verbs = || known_verbs().map(|verb| verb.name);
        let words: Vec<&str> = before.iter().map(|word| word.to_str().unwrap_or_default()).collect();
        match words[..] {
            [] => {
                let mut names: Vec<&str> = own::NAMES.into_iter().chain(verbs()).filter(begins).collect();
                names.sort_unstable();
                names.dedup();
                names.into_iter().map(|name| format!("{name} ")).collect()
            }
            ["help"] => own::NAMES.into_iter().chain(verbs()).filter(begins).map(str::to_owned).collect(),
            ["rollback"] if self.is_open => vec!["to ".to_owned()],
            ["rollback", "to"] if self.is_open => {
                let names = self.savepoints.iter().filter(|name| name.starts_with(typed));
                names.cloned().collect()
            }
            _ => {
                let mut all = before;
                all.push(OsString::from(typed));
                let candidates = completion::candidates(all, &self.keys);
                let value = |line: String| line.split('\t').next().map(str::to_owned);
                candidates.into_iter().filter_map(value).collect()
            }
        }
    }
}

impl Completer for Helps {
    type Candidate = Pair;

    fn complete(&self, line: &str, place: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some((before, typed, start)) = line.get(..place).and_then(words::before) else {
            return Ok((place, Vec::new()));
        };
        let mut candidates = self.candidates(before, &typed);
        if let [only] = &mut candidates[..]
            && !only.ends_with(['.', '=', ' '])
        {
            only.push(' ');
        }
        let candidates = candidates.into_iter();
        let pair = |name: String| Pair { display: name.trim_end().to_owned(), replacement: name };
        Ok((start, candidates.map(pair).collect()))
    }
}

impl Validator for Helps {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let line = format!("{}\n", context.input());
        Ok(if words::wants_more(line.as_bytes()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Hinter for Helps {
    type Hint = String;
}

impl Highlighter for Helps {}

impl Helper for Helps {}

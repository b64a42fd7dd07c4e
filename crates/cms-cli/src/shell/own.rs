//! The verbs that only the shell has: transactions over several lines, help, and leaving.

use std::ffi::OsString;

use super::{Next, Open, Shell, known_verbs};
use crate::failure::Failure;
use crate::output::Output;
use crate::spelling;
use crate::text::{msg, text};
use crate::verb;

/// The names of the verbs, for help and completion; `rollback` and `commit` are those of the command line outside of a transaction.
pub(super) const NAMES: [&str; 6] = ["begin", "savepoint", "rollback to", "abort", "help", "exit"];

/// A line that only the shell understands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Own {
    Begin,
    Savepoint(Option<String>),
    RollbackTo(String),
    Abort,
    Help(Option<String>),
    Exit,
}

impl Own {
    /// Reads the words of a line; `None` where they are those of a verb of the command line.
    pub(super) fn parse(words: &[OsString], is_open: bool) -> Result<Option<Own>, Failure> {
        let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let first = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        Ok(Some(match (first.as_str(), &words[1..]) {
            ("begin", []) => Own::Begin,
            ("savepoint", []) => Own::Savepoint(None),
            ("savepoint", [name]) => Own::Savepoint(Some((*name).to_owned())),
            ("rollback", [to, name]) if is_open && to.eq_ignore_ascii_case("to") => {
                Own::RollbackTo((*name).to_owned())
            }
            ("abort", []) => Own::Abort,
            ("rollback", []) if is_open => Own::Abort,
            ("exit" | "quit", []) => Own::Exit,
            ("help", []) => Own::Help(None),
            ("help", [name]) => Own::Help(Some((*name).to_owned())),
            ("help", ["rollback", "to"]) => Own::Help(Some("rollback to".to_owned())),
            ("begin" | "savepoint" | "abort" | "exit" | "quit" | "help", _) => {
                return Err(Failure::usage(msg!("wrong-words", verb = first)).hint(msg!("shell-see-help")));
            }
            _ => return Ok(None),
        }))
    }
}

impl Shell {
    pub(super) fn own(&mut self, own: Own) -> Result<Next, Failure> {
        match own {
            Own::Begin => {
                if self.open.is_some() {
                    return Err(Failure::usage(msg!("shell-open-already")).hint(msg!("shell-end-first")));
                }
                let transaction = Box::new(self.store.transaction()?.tool("cms shell"));
                self.open = Some(Open { transaction, savepoints: Vec::new(), is_refused: false });
                Ok(Next::Line)
            }
            Own::Savepoint(name) => {
                let open = self.open.as_mut().ok_or_else(not_open)?;
                let name = name.unwrap_or_else(|| (open.savepoints.len() + 1).to_string());
                let savepoint = open.transaction.savepoint();
                // The older one of a name comes to light again when the transaction goes back behind the newer.
                open.savepoints.push((name.clone(), savepoint));
                self.print(|output| {
                    output.say(&msg!("shell-savepoint", name = name));
                    Ok(())
                })?;
                Ok(Next::Line)
            }
            Own::RollbackTo(name) => {
                let open = self.open.as_mut().ok_or_else(not_open)?;
                let place =
                    open.savepoints.iter().rposition(|(known, _)| *known == name).ok_or_else(|| {
                        let names = open.savepoints.iter().map(|(known, _)| known.as_str());
                        let nearest = spelling::nearest(&name, names);
                        Failure::not_found(msg!("shell-no-savepoint", name = name.as_str()))
                            .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name)))
                    })?;
                open.transaction.rollback_to(open.savepoints[place].1)?;
                open.savepoints.truncate(place + 1);
                open.is_refused = false;
                Ok(Next::Line)
            }
            Own::Abort => {
                let open = self.open.take().ok_or_else(not_open)?;
                let count = open.transaction.changes().len();
                self.print(|output| {
                    output.say(&msg!("shell-aborted", count = count));
                    Ok(())
                })?;
                Ok(Next::Line)
            }
            Own::Help(name) => {
                self.print(|output| match name {
                    None => overview(output),
                    Some(name) => help(&name, output),
                })?;
                Ok(Next::Line)
            }
            Own::Exit => Ok(Next::Leave),
        }
    }
}

fn not_open() -> Failure {
    Failure::usage(msg!("shell-not-open")).hint(msg!("shell-begin-first"))
}

/// What `help` shows: the verbs of the shell, then those of the command line.
pub(super) fn overview(output: &mut Output) -> Result<(), Failure> {
    output.page();
    output.line(text("shell-help"))?;
    verb::help::overview(output)
}

fn help(name: &str, output: &mut Output) -> Result<(), Failure> {
    let lowered = name.to_ascii_lowercase();
    let own = match lowered.as_str() {
        "begin" => Some(text("shell-help-begin")),
        "savepoint" => Some(text("shell-help-savepoint")),
        "rollback to" => Some(text("shell-help-rollback-to")),
        "abort" => Some(text("shell-help-abort")),
        "help" => Some(text("shell-help-help")),
        "exit" | "quit" => Some(text("shell-help-exit")),
        _ => None,
    };
    if let Some(own) = own {
        return output.line(own);
    }
    let Some(verb) = verb::find(name).filter(|verb| !verb.hidden) else {
        let names = NAMES.into_iter().chain(known_verbs().map(|verb| verb.name));
        let nearest = spelling::nearest(name, names);
        return Err(Failure::usage(msg!("unknown-verb", name = name))
            .hint(msg!("shell-see-help"))
            .hint_if_any(nearest.map(|name| msg!("did-you-mean", name = name))));
    };
    verb::help::of(verb, output)?;
    match verb.name {
        "commit" => output.line(text("shell-help-commit")),
        "rollback" => output.line(text("shell-help-rollback-to")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_shell_are_told_from_verbs() {
        let check = |line: &str, is_open: bool, expected: Option<Own>| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(Own::parse(&words, is_open).unwrap(), expected, "{line}");
        };
        check("begin", false, Some(Own::Begin));
        check("savepoint a", true, Some(Own::Savepoint(Some("a".to_owned()))));
        check("rollback to a", true, Some(Own::RollbackTo("a".to_owned())));
        check("rollback", true, Some(Own::Abort));
        check("rollback 3", true, None);
        // Outside of a transaction, a revision is meant.
        check("rollback to network", false, None);
        check("rollback", false, None);
        check("commit", true, None);
        check("quit", false, Some(Own::Exit));
        for wrong in ["begin now", "abort 3", "exit 4", "help a b"] {
            let words: Vec<OsString> = wrong.split(' ').map(OsString::from).collect();
            assert!(Own::parse(&words, true).is_err(), "{wrong}");
        }
    }
}

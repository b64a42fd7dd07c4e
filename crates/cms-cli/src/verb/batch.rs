//! `batch`: many commands as one. All of them take effect, or none.
//!
//! The commands work on drafts in memory. Only when the last one has succeeded is anything written:
//! what `commit` lines cover becomes one commit, everything else is staged.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use clap::{ArgMatches, Command};
use cms::model::schema::Mode;
use cms::model::{Change, Draft, PackageName, WordLines};
use cms::{Confirm, Stage};

use super::Verb;
use super::edit::{Edit, Outcome};
use super::{get, show};
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::session::{self, Session};
use crate::text::{Message, msg};
use crate::validation;

pub(super) const VERB: Verb = Verb { name: "batch", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    validation::options(confirmation::options(command, help), help)
        .arg(super::message(help))
        .arg(super::dry_run(help).help(help!("batch-dry-run", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let confirm = confirmation::asked(matches)?;
    let (_, input) = super::import::input(session)?;
    let text = input.into_bytes();
    let mut stage = session.stage(None)?;
    let mut batch = Batch { delimiter: session.globals.delimiter.as_bytes().to_owned(), ..Batch::default() };
    let mut lines = WordLines::new(&text);
    let mut number = 1;
    while lines.next_line() {
        let words = words(&mut lines).map_err(|failure| failure.in_line(number))?;
        let newlines = lines.line().iter().filter(|byte| **byte == b'\n').count();
        if words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"exit")) {
            break;
        }
        batch.command(&words, &mut stage).map_err(|failure| failure.in_line(number))?;
        number += newlines;
    }
    if confirm.is_some() && batch.works.values().all(|work| work.committed.is_empty()) {
        return Err(Failure::usage(msg!("batch-no-commit")).hint(msg!("batch-no-commit-hint")));
    }
    if matches.get_flag("dry-run") {
        batch.notes.push(msg!("batch-checked"));
    } else {
        let message = super::text_of(matches, "message").unwrap_or_default();
        batch.finish(stage, message, (confirm, validation::asked(matches)), session)?;
    }
    session.output.write(&batch.output)?;
    for note in &batch.notes {
        session.output.say(note);
    }
    Ok(Exit::Ok)
}

fn words(lines: &mut WordLines<'_>) -> Result<Vec<Vec<u8>>, Failure> {
    let mut words = Vec::new();
    loop {
        let word = lines
            .next_word()
            .map_err(|error| Failure::invalid(msg!("batch-unreadable"), vec![error.diagnostic()]))?;
        if word.raw().is_empty() {
            return Ok(words);
        }
        words.push(word.value().into_owned());
    }
}

/// The packages that the commands have touched, and what they have printed.
#[derive(Default)]
struct Batch {
    works: BTreeMap<PackageName, Work>,
    delimiter: Vec<u8>,
    output: Vec<u8>,
    notes: Vec<Message>,
}

/// What becomes of one package.
struct Work {
    /// The package as the commands so far have made it; its names are those since the last commit.
    draft: Draft,
    /// How many of the draft's changes are not of this batch, or are in `committed`.
    known: usize,
    /// The changes that a `commit` line covers.
    committed: Vec<Change>,
}

impl Batch {
    fn command(&mut self, words: &[Vec<u8>], stage: &mut Stage) -> Result<(), Failure> {
        let Some((first, rest)) = words.split_first() else { return Ok(()) };
        let typed = String::from_utf8_lossy(first);
        let verb = super::find(&typed).ok_or_else(|| {
            Failure::usage(msg!("unknown-verb", name = typed.as_ref())).hint(msg!("see-help"))
        })?;
        match (verb.name, rest) {
            (name, _) if Edit::is_verb(name) => self.edit(name, rest, stage),
            ("get", [key]) => {
                let key = keys::key_of_bytes(key)?;
                let value = get::value(self.draft(&key.package, stage)?, &key)?;
                self.output.extend(get::joined(&value, &self.delimiter));
                self.output.push(b'\n');
                Ok(())
            }
            ("show", [key]) => {
                let key = keys::key_of_bytes(key)?;
                let mut output = Vec::new();
                let delimiter = self.delimiter.clone();
                let draft = self.draft(&key.package, stage)?;
                let inner = key.section.is_some().then_some(&key);
                show::lines(draft, &key.package, inner, false, |address, value| {
                    output.extend(show::line(address, value, &delimiter));
                    output.push(b'\n');
                })?;
                self.output.extend(output);
                Ok(())
            }
            ("commit", []) => {
                let names: Vec<PackageName> = self.works.keys().cloned().chain(stage.packages()).collect();
                names.iter().try_for_each(|name| self.commit(name, stage))
            }
            ("commit", [key]) => self.commit(&keys::key_of_bytes(key)?.package, stage),
            ("get" | "show" | "commit", _) => Err(Failure::usage(msg!("wrong-words", verb = verb.name))),
            (name, _) => Err(Failure::usage(msg!("batch-verb", verb = name)).hint(msg!("batch-verb-hint"))),
        }
    }

    fn edit(&mut self, verb: &str, words: &[Vec<u8>], stage: &mut Stage) -> Result<(), Failure> {
        let edit = Edit::parse(verb, words)?;
        match edit.apply(self.draft(edit.package(), stage)?)? {
            Outcome::Changed => {}
            Outcome::Unchanged(why) => self.notes.push(why),
            Outcome::Created(name) => {
                self.output.extend_from_slice(name.as_bytes());
                self.output.push(b'\n');
            }
        }
        Ok(())
    }

    fn draft(&mut self, package: &PackageName, stage: &mut Stage) -> Result<&mut Draft, Failure> {
        if !self.works.contains_key(package) {
            let draft = session::staged(stage, package)?.clone();
            let known = draft.changes().len();
            self.works.insert(package.clone(), Work { draft, known, committed: Vec::new() });
        }
        match self.works.get_mut(package) {
            Some(work) => Ok(&mut work.draft),
            None => Err(Failure::new(Exit::Error, msg!("internal"))),
        }
    }

    /// Marks what was done to a package so far as to be committed. Its anonymous sections have the
    /// names from here on that they have after a commit.
    fn commit(&mut self, package: &PackageName, stage: &mut Stage) -> Result<(), Failure> {
        if stage.packages().contains(package) {
            return Err(Failure::new(Exit::Conflict, msg!("batch-staged", package = package.as_str()))
                .hint(msg!("batch-staged-hint")));
        }
        self.draft(package, stage)?;
        let Some(work) = self.works.get_mut(package) else { return Ok(()) };
        work.committed.extend_from_slice(&work.draft.changes()[work.known..]);
        work.draft = Draft::new(work.draft.package().clone(), seed(work.committed.len()));
        work.known = 0;
        Ok(())
    }

    /// Commits what is to be committed and stages the rest.
    fn finish(
        &self,
        mut stage: Stage,
        message: &str,
        (confirm, validate): (Option<Confirm>, Option<Mode>),
        session: &mut Session,
    ) -> Result<(), Failure> {
        if self.works.values().any(|work| !work.committed.is_empty()) {
            // What comes after the commit is staged on its result.
            drop(stage);
            let mut transaction = session.store()?.transaction()?.message(message).tool("cms batch");
            validation::apply(validate, &mut transaction);
            for (package, work) in self.works.iter().filter(|(_, work)| !work.committed.is_empty()) {
                replay(transaction.draft(package)?, &work.committed, package)?;
            }
            super::commit::finish_transaction(transaction, confirm, false, session)?;
            stage = session.stage(None)?;
        }
        for (package, work) in &self.works {
            replay(session::staged(&mut stage, package)?, &work.draft.changes()[work.known..], package)?;
        }
        Ok(stage.save()?)
    }
}

fn replay(draft: &mut Draft, changes: &[Change], package: &PackageName) -> Result<(), Failure> {
    for change in changes {
        draft.replay(change).map_err(|error| {
            Failure::new(Exit::Conflict, msg!("edit-refused", key = package.as_str())).because(&error)
        })?;
    }
    Ok(())
}

/// A seed for the ids of new sections that no other draft has: time, process, and place in the batch.
fn seed(place: usize) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let process = u64::from(std::process::id());
    (now.as_nanos() as u64).rotate_left(17) ^ process << 32 ^ place as u64
}

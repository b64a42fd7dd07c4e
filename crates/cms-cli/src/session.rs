//! The store that a call works on, opened when the verb first needs it.

use std::collections::BTreeMap;

use cms::model::{Draft, PackageName};
use cms::{Dirs, Location, Options, Reader, Revision, Snapshot, Stage, Store, Transaction, Warning};

use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::keys;
use crate::output::Output;
use crate::report;
use crate::text::msg;
use crate::when::When;

/// One call: its options, where it writes, and the store.
pub(crate) struct Session {
    pub(crate) globals: Globals,
    pub(crate) output: Output,
    /// How the call ends if nothing else fails.
    pub(crate) exit: Exit,
    /// Whether the verb commits.
    pub(crate) commits: bool,
    /// Whether the call makes no log where there is none.
    pub(crate) leaves_nothing: bool,
    /// The transaction that is open in the shell: what is read is read in it.
    pub(crate) transaction: Option<Box<Transaction>>,
    store: Option<Store>,
    /// Whether what the store has to tell was told.
    told: bool,
}

impl Session {
    pub(crate) fn new(globals: Globals, output: Output) -> Session {
        Session {
            globals,
            output,
            exit: Exit::Ok,
            commits: false,
            leaves_nothing: false,
            transaction: None,
            store: None,
            told: false,
        }
    }

    /// A call on a store that is open already, and whether what it has to tell was told.
    pub(crate) fn on(store: Store, told: bool, globals: Globals, output: Output) -> Session {
        Session { store: Some(store), told, ..Session::new(globals, output) }
    }

    /// The store of the configuration directory. Cheap to call again.
    pub(crate) fn store(&mut self) -> Result<Store, Failure> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => {
                let (writes, create) = (self.commits, !self.leaves_nothing);
                open(&self.globals, Options { writes, create, ..Options::from_env()? })?
            }
        };
        if !self.told {
            self.told = true;
            self.store = Some(store.clone());
            confirmation::tell(self, &store);
        }
        Ok(store)
    }

    /// What can be read without opening the log, if anything can.
    pub(crate) fn reader(&self) -> Result<Option<Reader>, Failure> {
        if self.transaction.is_some() {
            return Ok(None);
        }
        Ok(Reader::open(&locate(&self.globals)?))
    }

    /// Opens the caller's stage, to change it.
    pub(crate) fn stage(&mut self, names: Option<&[PackageName]>) -> Result<Stage, Failure> {
        let stage = self.store()?.stage_for(names)?;
        self.warn_all(stage.snapshot().warnings());
        Ok(stage)
    }

    /// What the caller sees: the head and the caller's own staged changes, or with `at` the past. Where
    /// one package is all that is asked for, the files of the others are not looked at.
    pub(crate) fn view(&mut self, only: Option<&PackageName>, at: Option<&str>) -> Result<View, Failure> {
        let view = self.look(only, at)?;
        if view.seen.is_none() {
            self.warn_all(view.snapshot.warnings());
        }
        Ok(view)
    }

    /// The same, without a word about files that do not parse.
    pub(crate) fn look(&mut self, only: Option<&PackageName>, at: Option<&str>) -> Result<View, Failure> {
        if let (None, Some(transaction)) = (at, &mut self.transaction) {
            return View::of(transaction, only);
        }
        let store = self.store()?;
        let only = only.map(std::slice::from_ref);
        let (snapshot, stage) = match at {
            Some(at) => (store.snapshot_at(self.revision(at)?)?, None),
            None if store.has_log() => {
                let stage = store.stage_to_read(only)?;
                let staged = stage.packages();
                (stage.snapshot().clone(), (!staged.is_empty()).then_some((stage, staged)))
            }
            None => (store.snapshot_of(only)?, None),
        };
        Ok(View { snapshot, stage, drafts: BTreeMap::new(), seen: None })
    }

    /// The revision that `REV`, `head~N` or a time means.
    pub(crate) fn revision(&mut self, text: &str) -> Result<Revision, Failure> {
        let Some(when) = When::parse(text) else {
            return Err(Failure::usage(msg!("not-a-revision", text = text)).hint(msg!("revision-hint")));
        };
        let store = self.store()?;
        match when {
            When::Revision(number) => Ok(Revision(number)),
            When::Head(back) => match store.head()?.0.checked_sub(back) {
                Some(number) => Ok(Revision(number)),
                None => Err(Failure::not_found(msg!("no-revision", revision = text))),
            },
            When::Time(time) => Ok(store.revision_at(time.as_microsecond())?),
        }
    }

    /// Reports a failure that does not end the call, but decides how it ends.
    pub(crate) fn tell(&mut self, failure: &Failure) {
        failure.tell(&mut self.output, self.globals.json);
        if self.exit == Exit::Ok {
            self.exit = failure.exit;
        }
    }

    /// Passes on what the store says about its files.
    pub(crate) fn warn_all(&mut self, warnings: &[Warning]) {
        for warning in warnings {
            match warning {
                Warning::Unparsable { package, diagnostics } => {
                    self.output.warn(&msg!("warning-unparsable", package = package.as_str()));
                    let drawn = report::render_all(diagnostics, None, self.output.stderr_paint);
                    self.output.complain(&drawn);
                }
                Warning::NewerThanLog { package } => {
                    self.output.warn(&msg!("warning-newer", package = package.as_str()));
                }
                Warning::LostEdit { package, revision, changes } => {
                    let revision = revision.0.to_string();
                    self.output.warn(&msg!(
                        "warning-lost-edit",
                        package = package.as_str(),
                        revision = revision,
                        count = *changes
                    ));
                }
                Warning::Unreadable { package, reason } => {
                    self.output.warn(&msg!(
                        "warning-unreadable",
                        package = package.as_str(),
                        reason = reason
                    ));
                }
                // In an answer for programs they are part of it.
                Warning::Findings { .. } if self.globals.json => {}
                Warning::Findings { diagnostics, .. } => {
                    let drawn = report::render_all(diagnostics, None, self.output.stderr_paint);
                    self.output.complain(&drawn);
                    if let Some(found) = diagnostics.first() {
                        self.output.advise(&msg!("explain-hint", code = found.code));
                    }
                }
                other => self.output.warn(&msg!("warning-other", words = format!("{other:?}"))),
            }
        }
    }
}

/// Opens the store that the options name.
pub(crate) fn open(globals: &Globals, options: Options) -> Result<Store, Failure> {
    Ok(Store::open(&locate(globals)?, options)?)
}

/// Where the store lies that the options name.
pub(crate) fn locate(globals: &Globals) -> Result<Location, Failure> {
    let mut dirs = Dirs::from_env();
    dirs.state = globals.state.clone().or(dirs.state);
    dirs.run = globals.run.clone().or(dirs.run);
    Ok(Location::find(&globals.config, &dirs)?)
}

/// The working copy of a package in a stage.
pub(crate) fn staged<'s>(stage: &'s mut Stage, name: &PackageName) -> Result<&'s mut Draft, Failure> {
    if let Err(error) = stage.package(name) {
        return Err(absent(error, name, stage.snapshot()));
    }
    Ok(stage.draft(name)?)
}

/// Says which package may have been meant by one that is not there.
pub(crate) fn absent(error: cms::Error, name: &PackageName, snapshot: &Snapshot) -> Failure {
    if matches!(error, cms::Error::NotFound { .. }) {
        keys::no_package(name, snapshot.packages().map(PackageName::as_str))
    } else {
        error.into()
    }
}

/// Packages to read: a state of all of them, each with the names that its sections have there.
pub(crate) struct View {
    snapshot: Snapshot,
    /// The caller's staged changes, if there are any, and of which packages.
    stage: Option<(Stage, Vec<PackageName>)>,
    drafts: BTreeMap<PackageName, Draft>,
    /// The packages as an open transaction sees them, each with what kept it from being read.
    seen: Option<BTreeMap<PackageName, Result<Draft, Failure>>>,
}

impl View {
    /// What a transaction sees: of one package, or of all.
    fn of(transaction: &mut Transaction, only: Option<&PackageName>) -> Result<View, Failure> {
        let names = match only {
            Some(name) => vec![name.clone()],
            None => transaction.packages(),
        };
        let snapshot = transaction.snapshot().clone();
        let mut seen = BTreeMap::new();
        for name in names {
            let draft = transaction.view(&name).map_err(|error| absent(error, &name, &snapshot));
            seen.insert(name, draft);
        }
        Ok(View { snapshot, stage: None, drafts: BTreeMap::new(), seen: Some(seen) })
    }

    /// The state that the view is made on.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The packages with changes that are not committed.
    pub(crate) fn changed(&self) -> Vec<PackageName> {
        match (&self.seen, &self.stage) {
            (Some(seen), _) => seen.keys().cloned().collect(),
            (None, Some((_, staged))) => staged.clone(),
            (None, None) => Vec::new(),
        }
    }

    /// Makes sure that there is a segment for the next reader.
    pub(crate) fn map(&self) {
        self.snapshot.map();
    }

    /// The packages there are, in order.
    pub(crate) fn packages(&self) -> Vec<PackageName> {
        if let Some(seen) = &self.seen {
            return seen.keys().cloned().collect();
        }
        self.snapshot.packages().cloned().collect()
    }

    /// A package of the view.
    pub(crate) fn draft(&mut self, name: &PackageName) -> Result<&Draft, Failure> {
        if let Some(seen) = &mut self.seen {
            if seen.get(name).is_some_and(Result::is_err)
                && let Some(Err(failure)) = seen.remove(name)
            {
                return Err(failure);
            }
            return match seen.get(name) {
                Some(Ok(draft)) => Ok(draft),
                _ => Err(keys::no_package(name, self.snapshot.packages().map(PackageName::as_str))),
            };
        }
        if let Some((stage, staged_packages)) = &mut self.stage
            && staged_packages.contains(name)
        {
            return staged(stage, name).map(|draft| &*draft);
        }
        let package = match self.snapshot.package(name) {
            Ok(package) => package,
            Err(error) => return Err(absent(error, name, &self.snapshot)),
        };
        // Nothing is made in it; it knows the names of anonymous sections.
        let draft = Draft::new((*package).clone(), 0);
        Ok(self.drafts.entry(name.clone()).insert_entry(draft).into_mut())
    }
}

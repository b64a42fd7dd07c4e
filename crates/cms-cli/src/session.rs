//! The store that a call works on, opened when the verb first needs it.

use std::sync::Arc;

use cms::model::{Draft, Key, Package, PackageName};
use cms::{Dirs, Location, Revision, Snapshot, Stage, Store};

use crate::arguments::Globals;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::output::Output;
use crate::text::msg;
use crate::when::When;

/// One call: its options, where it writes, and the store.
pub(crate) struct Session {
    pub(crate) globals: Globals,
    pub(crate) output: Output,
    /// How the call ends if nothing else fails.
    pub(crate) exit: Exit,
    store: Option<Store>,
}

impl Session {
    pub(crate) fn new(globals: Globals, output: Output) -> Session {
        Session { globals, output, exit: Exit::Ok, store: None }
    }

    pub(crate) fn store(&mut self) -> Result<&Store, Failure> {
        if self.store.is_none() {
            self.store = Some(open(&self.globals)?);
        }
        self.store.as_ref().ok_or_else(|| Failure::new(Exit::Error, msg!("internal")))
    }

    /// Opens the caller's stage, to change it.
    pub(crate) fn stage(&mut self) -> Result<Stage, Failure> {
        Ok(self.store()?.stage()?)
    }

    /// What the caller sees: the head and the caller's own staged changes, or with `at` the past.
    pub(crate) fn view(&mut self, at: Option<&str>) -> Result<View, Failure> {
        let view = match at {
            None => View { source: Source::Now(self.stage()?), drafts: Vec::new() },
            Some(at) => {
                let revision = self.revision(at)?;
                let snapshot = self.store()?.snapshot_at(revision)?;
                View { source: Source::Then(snapshot), drafts: Vec::new() }
            }
        };
        Ok(view)
    }

    /// Reports a failure that does not end the call, but decides how it ends.
    pub(crate) fn tell(&mut self, failure: &Failure) {
        failure.tell(&mut self.output, self.globals.json);
        if self.exit == Exit::Ok {
            self.exit = failure.exit;
        }
    }

    /// The revision that `REV`, `head~N` or a time means.
    pub(crate) fn revision(&mut self, text: &str) -> Result<Revision, Failure> {
        let Some(when) = When::parse(text) else {
            return Err(Failure::usage(msg!("not-a-revision", text = text)).hint(msg!("revision-hint")));
        };
        let store = self.store()?;
        match when {
            When::Revision(number) => Ok(Revision(number)),
            When::Head(back) => {
                let head = store.head()?;
                match head.0.checked_sub(back) {
                    Some(number) => Ok(Revision(number)),
                    None => Err(Failure::not_found(msg!("no-revision", revision = text))),
                }
            }
            When::Time(time) => Ok(store.revision_at(time.as_microsecond())?),
        }
    }
}

/// Opens the store that the options name.
pub(crate) fn open(globals: &Globals) -> Result<Store, Failure> {
    let mut dirs = Dirs::from_env();
    dirs.state = globals.state.clone().or(dirs.state);
    dirs.run = globals.run.clone().or(dirs.run);
    let location = Location::find(&globals.config, &dirs)?;
    Ok(Store::open(&location, cms::Options::default())?)
}

/// Packages to read: a state of all of them, each with the names its sections have there.
pub(crate) struct View {
    source: Source,
    drafts: Vec<(PackageName, Draft)>,
}

enum Source {
    Now(Stage),
    Then(Snapshot),
}

impl View {
    /// The packages there are, in order.
    pub(crate) fn packages(&self) -> Vec<PackageName> {
        match &self.source {
            Source::Now(stage) => stage.packages(),
            Source::Then(snapshot) => snapshot.packages(),
        }
    }

    /// A package of the view.
    pub(crate) fn draft(&mut self, name: &PackageName) -> Result<&Draft, Failure> {
        let opened = match &mut self.source {
            Source::Now(stage) => return stage.draft(name).map(|draft| &*draft).map_err(Failure::from),
            Source::Then(snapshot) => snapshot.package(name),
        };
        let package: Arc<Package> = match opened {
            Ok(package) => package,
            Err(error) if error.is_not_found() => {
                let packages = self.packages();
                return Err(keys::no_package(name, packages.iter().map(PackageName::as_str)));
            }
            Err(error) => return Err(error.into()),
        };
        self.drafts.push((name.clone(), Draft::new((*package).clone(), 0)));
        let (_, draft) = &self.drafts[self.drafts.len() - 1];
        Ok(draft)
    }

    /// The packages that a verb without a key goes over, or the one that the key names.
    pub(crate) fn selected(&self, key: Option<&Key>) -> Vec<PackageName> {
        match key {
            Some(key) => vec![key.package.clone()],
            None => self.packages(),
        }
    }
}

//! The Rust API as the figures use it.

use std::path::{Path, PathBuf};

use cms::model::{Draft, Key, Name, PackageName, Selector, TypeName, Value};
use cms::{Dirs, Location, Options, Store, Transaction};

use crate::Result;
use crate::world::World;

/// A store on the directories of a world, and the one package that a figure works on.
pub struct Bench {
    store: Store,
    package: PackageName,
    number: u64,
}

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The log has it on disk.
    Log,
    /// The package's file has it too.
    File,
}

/// Opens the store of a world; the first time, this imports its packages.
pub fn open(world: &World) -> Result<Store> {
    open_in(&world.config(), &world.state(), &world.run())
}

/// Opens the store of some directories.
pub fn open_in(config: &Path, state: &Path, run: &Path) -> Result<Store> {
    let dirs = Dirs { state: Some(state.to_owned()), run: Some(run.to_owned()) };
    Ok(Store::open(&Location::find(config, &dirs)?, Options::default())?)
}

/// Opens the store of a world, with schemas in a folder.
pub fn open_with_modules(world: &World, modules: &Path) -> Result<Store> {
    let dirs = Dirs { state: Some(world.state()), run: Some(world.run()) };
    let location = Location::find(&world.config(), &dirs)?.with_modules(vec![modules.to_owned()]);
    Ok(Store::open(&location, Options::default())?)
}

impl Bench {
    /// Opens the store and takes up one of its packages.
    pub fn new(world: &World, package: &str) -> Result<Self> {
        Self::of(open(world)?, package)
    }

    /// Works on a package of a store that is open.
    pub fn of(store: Store, package: &str) -> Result<Self> {
        Ok(Self { store, package: PackageName::new(package)?, number: 0 })
    }

    /// Commits one option with a value that it did not have.
    pub fn set(&mut self, section: &str, option: &str, until: Until) -> Result<()> {
        self.number += 1;
        let value = Value::scalar(self.number.to_string());
        let (section, option) = (Selector::Named(Name::new(section)?), Name::new(option)?);
        self.change(until, |draft| {
            draft.set_option(&section, &option, value)?;
            Ok(())
        })
    }

    /// Commits an option of several sections, each with a value that it did not have.
    pub fn set_all(&mut self, sections: &[String], option: &str) -> Result<()> {
        self.number += 1;
        let (value, option) = (self.number.to_string(), Name::new(option)?);
        self.change(Until::Log, |draft| {
            for section in sections {
                draft.set_option(
                    &Selector::Named(Name::new(section)?),
                    &option,
                    Value::scalar(value.as_str()),
                )?;
            }
            Ok(())
        })
    }

    /// Adds a section before all others.
    pub fn add_first(&mut self) -> Result<()> {
        let kind = TypeName::new("host")?;
        self.change(Until::Log, |draft| {
            draft.add(&kind)?;
            draft.reorder(&at(-1), 0)?;
            Ok(())
        })
    }

    /// Deletes the first section.
    pub fn delete_first(&mut self) -> Result<()> {
        self.change(Until::Log, |draft| {
            draft.delete_section(&at(0))?;
            Ok(())
        })
    }

    /// Moves the first section behind the second.
    pub fn move_first(&mut self) -> Result<()> {
        self.change(Until::Log, |draft| {
            draft.reorder(&at(0), 1)?;
            Ok(())
        })
    }

    /// Checks the package against its schema. Answers the rules that do not hold, or what else is wrong.
    pub fn validate(&self) -> Result<Vec<String>> {
        let found =
            self.store.validate(&self.store.snapshot()?, Some(std::slice::from_ref(&self.package)))?;
        Ok(found
            .into_iter()
            .map(|finding| finding.detail.and_then(|detail| detail.rule).unwrap_or(finding.message))
            .collect())
    }

    /// Begins a transaction that sets so many options of a section.
    pub fn begin(&mut self, section: &str, options: usize, value: &str) -> Result<Transaction> {
        let mut tx = self.store.transaction()?;
        let draft = tx.draft(&self.package)?;
        set_all(draft, section, options, value)?;
        Ok(tx)
    }

    /// Whether so many options of a section have a value.
    pub fn holds(&self, section: &str, options: usize, value: &str) -> Result<bool> {
        let snapshot = self.store.snapshot()?;
        for option in 0..options {
            let key = Key::parse(&format!("{}.{section}.o{option}", self.package))?;
            if snapshot.get(&key)? != Some(Value::scalar(value)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Commits so many options of each section in one transaction. Answers how many changes that is.
    pub fn change_all(&mut self, sections: &[String], options: usize, value: &str) -> Result<usize> {
        let mut tx = self.store.transaction()?;
        let draft = tx.draft(&self.package)?;
        for section in sections {
            set_all(draft, section, options, value)?;
        }
        tx.commit()?;
        Ok(sections.len() * options)
    }

    fn change(&mut self, until: Until, edit: impl FnOnce(&mut Draft) -> Result<()>) -> Result<()> {
        let mut tx = self.store.transaction()?;
        edit(tx.draft(&self.package)?)?;
        match until {
            Until::Log => tx.commit()?,
            Until::File => tx.commit_and_wait_files()?,
        };
        Ok(())
    }
}

fn set_all(draft: &mut Draft, section: &str, options: usize, value: &str) -> Result<()> {
    let section = Selector::Named(Name::new(section)?);
    for option in 0..options {
        draft.set_option(&section, &Name::new(&format!("o{option}"))?, Value::scalar(value))?;
    }
    Ok(())
}

/// The section at a place, from the end when negative.
fn at(index: i64) -> Selector {
    Selector::Nth { kind: None, index }
}

/// The folder of a world's segment.
pub fn segment(world: &World) -> Result<PathBuf> {
    let dirs = Dirs { state: Some(world.state()), run: Some(world.run()) };
    Ok(Location::find(&world.config(), &dirs)?.run().join("segment"))
}

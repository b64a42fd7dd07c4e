//! `migrate.1m` and `schema.store`: what it costs to bring a large package to another version of its schema, and to keep the versions.

use cms::model::schema::Version;
use cms::model::{Name, PackageName, Selector, Value};
use cms::{CommitOptions, MigrationOptions, Store};
use cms_log::{Backend, Open, SchemaText, Sqlite};

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine::open_with_modules;
use crate::measure::{Rounds, seconds};
use crate::world::World;

const SECTIONS: usize = 100_000;
const OPTIONS: usize = 10;
const ROUNDS: usize = 3;

/// How many versions are kept, of how many fields.
const VERSIONS: u32 = 1000;
const FIELDS: u32 = 50;

pub fn measure() -> Result<Vec<Figure>> {
    let text = text();
    let (mut migrating, mut back, mut committing) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let (_world, store) = opened(&text)?;
        let schema = store.schema("many")?;
        let (wish, options) = (MigrationOptions::default(), CommitOptions::default());
        let (time, report) = seconds(|| Ok(schema.migrate(&wish, &options)?))?;
        assert_eq!(report.steps.iter().map(|step| step.taken).sum::<u64>(), (SECTIONS * OPTIONS) as u64);
        assert_eq!(report.conflicts, []);
        migrating.push(time);
        back.push(seconds(|| Ok(schema.rollback(&wish, &options)?))?.0);
        drop(store);

        let (_world, store) = opened(&text)?;
        committing.push(seconds(|| commit(&store))?.0);
    }
    let figure = |id, what: &str, value, must| Figure {
        id,
        what: what.into(),
        unit: "s",
        value,
        peer: "a plain commit that gives as many options another value".into(),
        peer_value: committing.clone(),
        must,
        goal: Limit::Below(1.0),
    };
    Ok(vec![
        figure(
            "migrate.1m",
            "1M options renamed by a migration, in one commit, with the file",
            migrating,
            Limit::Below(5.0),
        ),
        figure("migrate.1m.back", "the same taken back, to the byte", back, Limit::Works),
        kept()?,
    ])
}

/// A package with a module whose migration renames every option.
fn opened(text: &str) -> Result<(World, Store)> {
    let world = World::new()?;
    std::fs::write(world.package("many"), text)?;
    let modules = world.root().join("modules");
    std::fs::create_dir(&modules)?;
    let mut schema =
        "config module 'many'\n\toption version '1.1.0'\n\nconfig migration\n\toption to '1.1.0'\n"
            .to_owned();
    for option in 0..OPTIONS {
        schema += &format!("\tlist step 'rename item.o{option} p{option}'\n");
    }
    schema += "\nconfig fields 'item'\n";
    for option in 0..OPTIONS {
        schema += &format!("\toption p{option} 'uint'\n");
    }
    std::fs::write(modules.join("many"), schema)?;
    let store = open_with_modules(&world, &modules)?;
    // The package is loaded when it is first asked for.
    store.snapshot()?.package(&PackageName::new("many")?)?;
    Ok((world, store))
}

fn text() -> String {
    let mut text = String::new();
    for section in 0..SECTIONS {
        text += &format!("config item 'i{section}'\n");
        for option in 0..OPTIONS {
            text += &format!("\toption o{option} '{}'\n", section + option);
        }
        text += "\n";
    }
    text
}

fn commit(store: &Store) -> Result<()> {
    let mut tx = store.transaction()?;
    let draft = tx.draft(&PackageName::new("many")?)?;
    let names: Vec<Name> =
        (0..OPTIONS).map(|option| Name::new(&format!("o{option}"))).collect::<std::result::Result<_, _>>()?;
    for section in 0..SECTIONS {
        let selector = Selector::Named(Name::new(&format!("i{section}"))?);
        for name in &names {
            draft.set_option(&selector, name, Value::scalar("7000000"))?;
        }
    }
    tx.commit_and_wait_files()?;
    Ok(())
}

/// Keeps versions of a module that differ in one field each, with the migration from the one before.
fn kept() -> Result<Figure> {
    let world = World::new()?;
    let log = Sqlite::open(world.root().join("log.db"), Open { create: true, ..Open::default() })?;
    let empty = log.size()?;
    let mut bare = 0;
    for number in 0..VERSIONS {
        let text = schema(number);
        bare += text.len();
        SchemaText::keep(&log, "many", Version { major: 1, minor: number, patch: 0 }, text.as_bytes())?;
    }
    assert_eq!(SchemaText::read(&log, "many")?.len(), VERSIONS as usize);
    let (mut value, mut peer_value) = (Rounds::default(), Rounds::default());
    value.push((log.size()? - empty) as f64 / 1e3);
    peer_value.push(bare as f64 / 1e3);
    Ok(Figure {
        id: "schema.store",
        what: format!("{VERSIONS} versions of a module of {FIELDS} fields, one changed in each, in the log"),
        unit: "kB",
        value,
        peer: "the texts".into(),
        peer_value,
        must: Limit::Below(1000.0),
        goal: Limit::Below(200.0),
    })
}

fn schema(version: u32) -> String {
    let mut text = format!("config module 'many'\n\toption version '1.{version}.0'\n\n");
    let changed = version % FIELDS;
    if version > 0 {
        text += &format!(
            "config migration\n\toption to '1.{version}.0'\n\tlist step 'default item.field_{changed}'\n\n"
        );
    }
    for field in 0..FIELDS {
        // How often the field was changed so far.
        let times = (version + FIELDS - field) / FIELDS;
        text += &format!(
            "config field\n\toption section 'item'\n\toption name 'field_{field}'\n\toption type 'uint'\n\toption default '{}'\n\
             \toption max '100000'\n\toption description 'What field {field} of an item is good for.'\n\n",
            field + times
        );
    }
    text
}

//! `backup.1m`, `restore.1m`: a million options into one file, checked and on disk, and back into an empty place.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use cms::{BackupOptions, BackupSource, Dirs, Location, RestoreOptions, Store, verify_backups};

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::figures::engine;
use crate::measure::{Rounds, seconds};
use crate::packages::{self, Shape};
use crate::world::World;

const ROUNDS: usize = 5;
const PACKAGES: u64 = 20;
const EACH: Shape = Shape { sections: 80_000 / PACKAGES, options: 1_000_000 / PACKAGES };
const PIECE: usize = 1 << 20;

pub fn measure() -> Result<Vec<Figure>> {
    let world = World::new()?;
    for number in 0..PACKAGES {
        world.write(&world.package(&format!("hosts{number}")), |out| packages::write(out, EACH))?;
    }
    let store = engine::open(&world)?;
    // The first use imports, which is another figure.
    drop(store.snapshot()?);
    let path = world.root().join("backup");
    let [mut made, mut back, mut copied, mut copied_back] = std::array::from_fn(|_| Rounds::default());
    for _ in 0..ROUNDS {
        made.push(seconds(|| backup(&store, &path))?.0);
        copied.push(seconds(|| copy(&path, &world.root().join("copy")))?.0);
        let place = World::new()?;
        back.push(seconds(|| restore(&path, &place))?.0);
        copied_back.push(seconds(|| copy_packages(&path, &world, &place))?.0);
        for number in 0..PACKAGES {
            let name = format!("hosts{number}");
            assert!(
                fs::read(world.package(&name))? == fs::read(place.package(&name))?,
                "package {name} came back different"
            );
        }
    }
    let figure = |id, what: &str, value, peer: &str, peer_value| Figure {
        id,
        what: format!("1M options in {PACKAGES} packages: {what}"),
        unit: "s",
        value,
        peer: peer.into(),
        peer_value,
        must: Limit::Below(5.0),
        goal: Limit::Below(1.0),
    };
    Ok(vec![
        figure(
            "backup.1m",
            "backup into a file, synced, read back and checked",
            made,
            "copying the backup and syncing it",
            copied,
        ),
        figure(
            "restore.1m",
            "restore into an empty place, log and files on disk",
            back,
            "copying the backup and the packages and syncing them",
            copied_back,
        ),
    ])
}

fn backup(store: &Store, path: &Path) -> Result<()> {
    let file = File::create(path)?;
    let mut out = BufWriter::with_capacity(PIECE, &file);
    store.backup(&mut out, &BackupOptions::default(), &mut |_, _| {})?;
    out.flush()?;
    file.sync_all()?;
    let mut reader = BufReader::with_capacity(PIECE, File::open(path)?);
    verify_backups(&mut [BackupSource { name: "backup".into(), reader: &mut reader }], &mut |_| {})?;
    Ok(())
}

fn restore(path: &Path, place: &World) -> Result<()> {
    let dirs = Dirs { state: Some(place.state()), run: Some(place.run()) };
    let location = Location::find(&place.config(), &dirs)?;
    let mut reader = BufReader::with_capacity(PIECE, File::open(path)?);
    let source = BackupSource { name: "backup".into(), reader: &mut reader };
    let restored = Store::restore(&location, &mut [source], &RestoreOptions::default(), &mut |_| {})?;
    assert!(restored.history, "the place was not empty");
    Ok(())
}

fn copy_packages(backup: &Path, world: &World, place: &World) -> Result<()> {
    copy(backup, &place.root().join("copy"))?;
    for number in 0..PACKAGES {
        let name = format!("hosts{number}");
        copy(&world.package(&name), &place.root().join(name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut copy = File::create(to)?;
    copy.write_all(&fs::read(from)?)?;
    copy.sync_all()?;
    Ok(())
}

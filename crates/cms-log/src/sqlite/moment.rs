//! Reading the log as it is at one moment, while others append to it and give up old states.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::AtomicU32,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, Transaction};

use super::{
    Access, Link, Sqlite,
    group::Group,
    index::Fresh,
    newest::Newest,
    open::{self, WriteAhead, wal_of},
    seen::Seen,
    shared_sync::SharedSync,
};
use crate::{Held, Result};

/// While somebody holds a moment the WAL cannot be begun anew, so it grows with what others write. Beyond so many bytes commits would
/// begin to wait for it (`COPY_INSISTENTLY_AT`).
const WAL_AT_MOST: u64 = 48 << 20;

/// Nor may it take more than this part of what the disk has left.
const PART_OF_DISK: u64 = 4;

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Sqlite {
    /// What is read while the answer is there belongs together.
    pub(super) fn moment<'a>(
        &self,
        connection: &'a Connection,
        attempt: &str,
    ) -> Result<Option<Transaction<'a>>> {
        // One that holds a moment already reads in that.
        if !connection.is_autocommit() {
            return Ok(None);
        }
        connection.unchecked_transaction().map(Some).map_err(|error| self.fault(attempt, error))
    }

    /// Opens the log once more, and holds it as it is now.
    pub(super) fn hold_now(&self) -> Result<Held> {
        let connection = open::connect(&self.path, self.file, self.read_only)?;
        let begun = connection.execute_batch("BEGIN");
        begun.map_err(|error| self.fault("hold the log as it is", error))?;
        // The moment is that of the first reading.
        let head = self.head_of(&connection)?;
        let main = Arc::new(Mutex::new(Link { connection: Some(connection), access: Access::Read }));
        let log = Sqlite {
            path: self.path.clone(),
            read_only: true,
            file: self.file,
            main: main.clone(),
            second: Mutex::new(None),
            group: Group::default(),
            write_ahead: WriteAhead::new(&self.path),
            frames: Arc::new(AtomicU32::new(0)),
            seen: Seen::new(&self.path),
            shared: SharedSync::new(&self.path),
            newest: Newest::new(&self.path, self.file),
            fresh: Fresh::default(),
        };
        let watch = Watch::begin(main, wal_of(&self.path));
        Ok(Held::new(Box::new(log), head, Box::new(watch)))
    }
}

/// Ends a moment that becomes too expensive for others. Its holder may be standing in a write to somebody who does not read.
struct Watch {
    end: Option<Sender<()>>,
    watcher: Option<JoinHandle<()>>,
}

impl Watch {
    fn begin(link: Arc<Mutex<Link>>, wal: PathBuf) -> Watch {
        let (end, ended) = channel();
        let spawned = thread::Builder::new().name("cms-moment".to_owned()).spawn({
            let link = link.clone();
            move || watch(&link, &wal, &ended)
        });
        if spawned.is_err() {
            // With nobody to end it, it does not last.
            let_go(&link);
        }
        Watch { end: Some(end), watcher: spawned.ok() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end = None;
        if let Some(watcher) = self.watcher.take() {
            // It panics nowhere; if it did, there would be nobody to tell.
            let _ = watcher.join();
        }
    }
}

fn watch(link: &Mutex<Link>, wal: &std::path::Path, ended: &Receiver<()>) {
    let length = || wal.metadata().map_or(0, |meta| meta.len());
    let before = length();
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK_EVERY) {
        let now = length();
        let free =
            rustix::fs::statvfs(wal).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let grown = now.saturating_sub(before);
        if grown > 0 && (now > WAL_AT_MOST || grown > free / PART_OF_DISK) {
            return let_go(link);
        }
    }
}

/// From here on each reading has its own moment.
fn let_go(link: &Mutex<Link>) {
    let link = link.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connection) = &link.connection
        && !connection.is_autocommit()
    {
        // Nothing was written. If it cannot be ended now, closing the connection does.
        let _ = connection.execute_batch("COMMIT");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{Backend, Open};

    fn is_holding(link: &Mutex<Link>) -> bool {
        !link.lock().unwrap().connection.as_ref().unwrap().is_autocommit()
    }

    #[test]
    fn a_moment_lasts_until_the_wal_has_grown_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let log = Sqlite::open(&path, Open { create: true, writes: true, ..Open::default() }).unwrap();
        log.set_meta("colour", Some(b"red")).unwrap();
        let connection = open::connect(&path, log.file, true).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        log.meta_of(&connection, "colour").unwrap();
        let link = Arc::new(Mutex::new(Link { connection: Some(connection), access: Access::Read }));
        // What grows is a file of its own here: nobody has to write 48 MiB through SQLite.
        let wal = folder.path().join("wal");
        std::fs::write(&wal, b"").unwrap();
        let watch = Watch::begin(link.clone(), wal.clone());
        thread::sleep(4 * LOOK_EVERY);
        log.set_meta("colour", Some(b"blue")).unwrap();
        let colour = || log.meta_of(link.lock().unwrap().connection.as_ref().unwrap(), "colour").unwrap();
        assert!(is_holding(&link));
        assert_eq!(colour().as_deref(), Some(&b"red"[..]));
        std::fs::File::options().write(true).open(&wal).unwrap().set_len(WAL_AT_MOST + 1).unwrap();
        let begun = std::time::Instant::now();
        while is_holding(&link) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is held on");
            thread::sleep(LOOK_EVERY);
        }
        assert_eq!(colour().as_deref(), Some(&b"blue"[..]));
        drop(watch);
    }
}

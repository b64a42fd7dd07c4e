//! What awaits confirmation, as time or a reboot would have left it.

use std::path::Path;

use cms_log::{Backend, Confirmations, Open, Pending, Sqlite};

/// Alters what is pending in the only log under `state`: `pending.deadline_us = 0` lets it be due, another `boot` is a reboot.
pub fn alter_pending(state: &Path, mut change: impl FnMut(&mut Pending)) {
    let stores = std::fs::read_dir(state).expect("the state directory");
    let logs: Vec<_> = stores
        .map(|store| store.expect("a store").path().join("log.db"))
        .filter(|log| log.exists())
        .collect();
    let [path] = &logs[..] else { panic!("not one log but {logs:?}") };
    let log = Sqlite::open(path, Open { writes: true, ..Open::default() }).expect("the log");
    let note = log.meta(Confirmations::NOTE).expect("the log").expect("a note on what awaits confirmation");
    let mut known = Confirmations::decode(&note).expect("a sound note");
    known.pending.iter_mut().for_each(&mut change);
    let noted = log.keep_notes(&[known.encode()]).expect("the note is kept");
    log.sync(noted).expect("the note is synced");
}

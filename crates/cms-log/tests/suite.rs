//! The log in SQLite passes the suite of all backends.

use cms_log::{Open, Sqlite};

#[test]
fn sqlite_passes_the_backend_suite() {
    let directory = tempfile::tempdir().unwrap();
    cms_testkit::backend_suite(&|name| {
        let path = directory.path().join(format!("{name}.db"));
        Box::new(Sqlite::open(path, Open { create: true, read_only: false, ..Open::default() }).unwrap())
    });
}

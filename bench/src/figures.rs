//! The figures, one to a file.

mod backup_1m;
mod bulk_load;
mod c;
mod commit_durable;
mod commit_large;
mod commit_process;
mod commit_structural;
mod commit_structural_segment;
pub mod engine;
mod event;
mod file_1g;
mod get;
mod get_busy;
mod get_handle;
mod get_hot;
mod get_process;
mod get_process_1m;
mod get_scale2;
pub mod import_json;
mod load_1m;
mod memory_ratio;
mod migrate;
mod parse_events;
mod past;
mod python;
mod rebuild_1m;
mod set_visible;
mod snapshot_scan;
pub mod tx;
mod validate;
mod wake_process;

use crate::Result;
use crate::figure::Figure;

/// Measures a figure, and those that come with it.
type Measure = fn() -> Result<Vec<Figure>>;

/// All figures by the id under which they are asked for.
pub const FIGURES: &[(&str, Measure)] = &[
    ("parse.events", parse_events::measure),
    ("load.1m", load_1m::measure),
    ("file.1g", file_1g::measure),
    ("commit.durable", commit_durable::measure),
    ("commit.process", commit_process::measure),
    ("commit.large", commit_large::measure),
    ("commit.structural", commit_structural::measure),
    ("get.process", get_process::measure),
    ("get.process.1m", get_process_1m::measure),
    ("get.1k", get::among_1k),
    ("get.100k", get::among_100k),
    ("get.1m", get::among_1m),
    ("get.hot", get_hot::measure),
    ("get.handle", get_handle::measure),
    ("get.scale2", get_scale2::measure),
    ("get.busy", get_busy::measure),
    ("snapshot.scan", snapshot_scan::measure),
    ("bulk.load", bulk_load::measure),
    ("set.visible", set_visible::measure),
    ("memory.ratio", memory_ratio::measure),
    ("wake.process", wake_process::measure),
    ("py.get", python::measure),
    ("c.get", c::measure),
    ("commit.structural.segment", commit_structural_segment::measure),
    ("rebuild.1m", rebuild_1m::measure),
    ("backup.1m", backup_1m::measure),
    ("tx.durable", tx::durable),
    ("tx.group", tx::group),
    ("tx.group.processes", tx::group_of_processes),
    ("tx.open1000", tx::open_at_once),
    ("bulk.durable", tx::bulk),
    ("validate", validate::measure),
    ("import.json", import_json::measure),
    ("migrate", migrate::measure),
    ("event.process", event::process),
    ("event.fanout", event::fanout),
    ("event.queue", event::queue),
    ("recover.1m", past::recover),
    ("rollback.10k", past::rollback),
    ("blame.1m", past::blame),
];

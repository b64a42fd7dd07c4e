//! The figures, one to a file.

mod commit_durable;
mod commit_large;
mod commit_process;
mod commit_structural;
mod engine;
mod file_1g;
mod get_process;
mod load_1m;
mod parse_events;

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
];

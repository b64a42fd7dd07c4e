//! The figures, one to a file.

mod commit_process;
mod file_1g;
mod get_process;
mod parse_events;

#[cfg(feature = "engine")]
mod commit_durable;
#[cfg(feature = "engine")]
mod commit_large;
#[cfg(feature = "engine")]
mod commit_structural;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod load_1m;

use crate::Result;
use crate::figure::Figure;

/// Measures a figure, and those that come with it.
type Measure = fn() -> Result<Vec<Figure>>;

/// All figures by the id under which they are asked for.
pub const FIGURES: &[(&str, Measure)] = &[
    ("parse.events", parse_events::measure),
    #[cfg(feature = "engine")]
    ("load.1m", load_1m::measure),
    ("file.1g", file_1g::measure),
    #[cfg(feature = "engine")]
    ("commit.durable", commit_durable::measure),
    ("commit.process", commit_process::measure),
    #[cfg(feature = "engine")]
    ("commit.large", commit_large::measure),
    #[cfg(feature = "engine")]
    ("commit.structural", commit_structural::measure),
    ("get.process", get_process::measure),
];

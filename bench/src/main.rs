//! The figures of `cms`: what each costs, beside a peer or a physical limit measured in the same minutes.
//!
//! `cms-bench [PART]...` measures the figures whose id holds one of the parts (all, without any), prints a table
//! and writes `target/bench/results.json`. Each figure is measured in a process of its own, so that the memory of
//! one does not show in another, and reads a segment that yet another process writes. `CMS_BIN` names the program for the figures about processes.

mod entries;
mod figure;
mod figures;
mod machine;
mod measure;
mod other;
mod packages;
mod peers;
mod process;
mod segment;
mod shared;
mod world;

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use figure::{Figure, Row};
use figures::FIGURES;

/// What a figure answers when it cannot be measured.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, [id])) if first == "--figure" => measure_one(id),
        Some((first, [role, arguments @ ..])) if first == "--other" => other::run(role, arguments),
        _ => measure_all(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cms-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// In the process of its own: measures a figure and writes its rows as JSON to standard output.
fn measure_one(id: &str) -> Result<ExitCode> {
    let (_, measure) = FIGURES.iter().find(|(known, _)| *known == id).ok_or("no such figure")?;
    let rows: Vec<Row> = measure()?.iter().map(Figure::row).collect();
    println!("{}", figure::to_json(&rows));
    Ok(ExitCode::SUCCESS)
}

fn measure_all(parts: &[String]) -> Result<ExitCode> {
    let wanted = |id: &str| parts.is_empty() || parts.iter().any(|part| id.contains(part.as_str()));
    println!("{}\n", machine::describe());
    println!("{}", Row::HEADER);
    let mut rows = Vec::new();
    let mut broken = false;
    for (id, _) in FIGURES.iter().filter(|(id, _)| wanted(id)) {
        let output = Command::new(std::env::current_exe()?)
            .args(["--figure", id])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            println!("{id:<20} could not be measured");
            broken = true;
            continue;
        }
        for row in figure::from_json(&output.stdout)? {
            println!("{row}");
            rows.push(row);
        }
    }
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench/results.json");
    std::fs::create_dir_all(results.parent().ok_or("no parent")?)?;
    std::fs::write(&results, figure::to_json(&rows) + "\n")?;
    println!("\n{} figures in target/bench/results.json", rows.len());
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

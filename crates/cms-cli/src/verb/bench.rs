//! `bench`: how fast it is on this machine, and what of that is the machine.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::arguments::{Help, help};
use crate::bench::{self, Figure, Times, What, peer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::session::{self, Session};
use crate::table;
use crate::text::{msg, text};

pub(super) const VERB: Verb = Verb { name: "bench", aliases: &[], uci: false, hidden: false, arguments, run };

/// The other process of a measurement.
pub(super) const PEER: Verb = Verb {
    name: peer::VERB,
    aliases: &[],
    uci: false,
    hidden: true,
    arguments: |command, help| {
        let does = Arg::new("does").required(true).value_parser([peer::ECHO, peer::WATCH]);
        command.arg(does.help(help!("bench-does", help)))
    },
    run: |matches, session| peer::run(super::text_of(matches, "does").unwrap_or_default(), session),
};

fn arguments(command: Command, help: Help) -> Command {
    command.arg(
        Arg::new("seconds")
            .long("seconds")
            .value_name("N")
            .value_parser(clap::value_parser!(u64).range(1..=600))
            .default_value("3")
            .help(help!("bench-seconds", help)),
    )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let seconds = matches.get_one::<u64>("seconds").copied().unwrap_or(3);
    let location = session::locate(&session.globals)?;
    let figures = bench::run(&location, Duration::from_secs(seconds))?;
    if session.globals.json {
        let figures: Vec<_> = figures.iter().map(to_json).collect();
        session.output.line(Json::answer("bench", json!({ "figures": figures })).to_string())?;
        return Ok(Exit::Ok);
    }
    let titles =
        ["title-figure", "title-median", "title-99", "title-limit", "title-limit-median", "title-ratio"]
            .map(text);
    let rows = figures.iter().map(|figure| {
        let (what, limit) = names(figure.what);
        vec![
            what,
            time(figure.ours.at(0.5)),
            time(figure.ours.at(0.99)),
            limit,
            time(figure.limit.at(0.5)),
            format!("{:.1}", figure.ratio()),
        ]
    });
    session.output.line(table::draw(&titles, rows.collect()))?;
    session.output.say(&msg!("bench-meaning", folder = location.state()));
    Ok(Exit::Ok)
}

/// What a figure is called, and its limit.
fn names(what: What) -> (String, String) {
    match what {
        What::Get => (text("bench-get"), text("bench-get-limit")),
        What::Handle => (text("bench-handle"), text("bench-handle-limit")),
        What::Commit => (text("bench-commit"), text("bench-commit-limit")),
        What::Files => (text("bench-files"), text("bench-commit-limit")),
        What::Wake => (text("bench-wake"), text("bench-wake-limit")),
    }
}

/// A time as people read it.
fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..100.0 => format!("{nanoseconds:.1} ns"),
        ..10_000.0 => format!("{nanoseconds:.0} ns"),
        ..10_000_000.0 => format!("{:.0} µs", nanoseconds / 1e3),
        _ => format!("{:.0} ms", nanoseconds / 1e6),
    }
}

fn to_json(figure: &Figure) -> JsonValue {
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    let times = |times: &Times| json!({ "p50": rounded(times.at(0.5)), "p99": rounded(times.at(0.99)), "count": times.count() });
    json!({
        "figure": figure.what.name(),
        "nanoseconds": times(&figure.ours),
        "limit": times(&figure.limit),
        "ratio": rounded(figure.ratio()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_their_unit() {
        let shown = [1.26, 99.0, 420.4, 9999.0, 10_400.0, 1_234_567.0, 12_345_678.0].map(time);
        assert_eq!(shown, ["1.3 ns", "99.0 ns", "420 ns", "9999 ns", "10 µs", "1235 µs", "12 ms"]);
    }
}

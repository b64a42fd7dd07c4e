//! `memory`: what the segment takes, a map of it, writing it anew, and looking it over.

use clap::{Arg, ArgMatches, Command};
use cms::{Error, ExtentKind, SegmentBound, Statistics};
use serde_json::json;

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::json::Json;
use crate::session::Session;
use crate::table;
use crate::text::{msg, text};

pub(super) const VERB: Verb =
    Verb { name: "memory", aliases: &[], uci: false, hidden: false, arguments, run };

/// How many characters a map takes.
const MAP_WIDTH: u64 = 64;
const MAP_LINES: u64 = 8;

fn arguments(command: Command, help: Help) -> Command {
    command.arg(
        Arg::new("action")
            .value_name("ACTION")
            .value_parser(["stats", "map", "defrag", "check"])
            .default_value("stats")
            .help(help!("memory-action", help)),
    )
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    match super::text_of(matches, "action").unwrap_or("stats") {
        "map" => map(session),
        "defrag" => defragment(session),
        "check" => check(session),
        _ => stats(session),
    }
}

fn name_of(segment: &str) -> String {
    if segment.is_empty() { text("memory-shared") } else { segment.to_owned() }
}

fn stats(session: &mut Session) -> Result<Exit, Failure> {
    let segments = match session.store()?.memory() {
        Err(Error::Unmapped { text, limit, bound }) => return no_stats(session, text, limit, bound),
        segments => segments?,
    };
    if session.globals.json {
        let segments: Vec<_> = segments.iter().map(to_json).collect();
        session
            .output
            .line(Json::answer("memory", json!({ "segments": segments, "none": null })).to_string())?;
        return Ok(Exit::Ok);
    }
    let titles =
        ["title-segment", "title-entries", "title-payload", "title-live", "title-garbage", "title-ratio"]
            .map(text);
    let rows = segments
        .iter()
        .map(|segment| {
            vec![
                name_of(&segment.segment),
                segment.entries.to_string(),
                segment.payload.to_string(),
                segment.live.to_string(),
                segment.garbage.to_string(),
                format!("{:.2}", segment.live as f64 / segment.payload.max(1) as f64),
            ]
        })
        .collect();
    session.output.line(table::draw(&titles, rows))?;
    let mut packages: Vec<Vec<String>> = Vec::new();
    for segment in &segments {
        for (package, usage) in &segment.packages {
            // What is beside the packages has no name.
            if !package.is_empty() {
                packages.push(vec![table::cell(package), usage.entries.to_string(), usage.bytes.to_string()]);
            }
        }
    }
    packages.sort();
    let titles = ["title-package", "title-entries", "title-live"].map(text);
    session.output.line("")?;
    session.output.line(table::draw(&titles, packages))?;
    Ok(Exit::Ok)
}

/// Says why there is no segment, which is an answer, too.
fn no_stats(session: &mut Session, text: u64, limit: u64, bound: SegmentBound) -> Result<Exit, Failure> {
    if session.globals.json {
        let bound = match bound {
            SegmentBound::Setting => "setting",
            SegmentBound::Room => "room",
            SegmentBound::Memory => "memory",
        };
        let none = json!({ "text": text, "limit": limit, "bound": bound });
        session.output.line(Json::answer("memory", json!({ "segments": [], "none": none })).to_string())?;
        return Ok(Exit::Ok);
    }
    session.output.line(failure::unmapped(text, limit, bound).to_string())?;
    session.output.say(&msg!("memory-none-hint"));
    Ok(Exit::Ok)
}

fn to_json(segment: &Statistics) -> serde_json::Value {
    let packages: serde_json::Map<String, serde_json::Value> = segment
        .packages
        .iter()
        .filter(|(package, _)| !package.is_empty())
        .map(|(package, usage)| {
            let usage = json!({ "entries": usage.entries, "bytes": usage.bytes });
            (String::from_utf8_lossy(package).into_owned(), usage)
        })
        .collect();
    json!({
        "segment": segment.segment,
        "generation": segment.generation,
        "entries": segment.entries,
        "groups": segment.groups,
        "payload": segment.payload,
        "size": segment.size,
        "live": segment.live,
        "garbage": segment.garbage,
        "free": segment.free,
        "fragmentation": segment.fragmentation(),
        "packages": packages,
    })
}

/// Draws each segment as lines of characters, each for the same number of bytes.
fn map(session: &mut Session) -> Result<Exit, Failure> {
    let segments = session.store()?.memory()?;
    if session.globals.json {
        let segments: Vec<_> = segments
            .iter()
            .map(|segment| {
                let extents: Vec<_> = segment
                    .map
                    .iter()
                    .map(|extent| json!({ "offset": extent.offset, "length": extent.length, "kind": word(extent.kind) }))
                    .collect();
                json!({ "segment": segment.segment, "size": segment.size, "extents": extents })
            })
            .collect();
        session.output.line(Json::answer("memory", json!({ "segments": segments })).to_string())?;
        return Ok(Exit::Ok);
    }
    for segment in &segments {
        let cell = segment.size.div_ceil(MAP_WIDTH * MAP_LINES).max(1);
        session.output.line(
            msg!("memory-map", segment = name_of(&segment.segment), bytes = cell.to_string()).to_string(),
        )?;
        let cells: Vec<char> =
            (0..segment.size.div_ceil(cell)).map(|at| mark(segment, at * cell, cell)).collect();
        for line in cells.chunks(MAP_WIDTH as usize) {
            session.output.line(line.iter().collect::<String>())?;
        }
    }
    Ok(Exit::Ok)
}

/// The character for what takes most of a run of bytes.
fn mark(segment: &Statistics, at: u64, length: u64) -> char {
    let mut taken = [(0, 'H'), (0, 'I'), (0, 'S'), (0, '#')];
    let first = segment.map.partition_point(|extent| extent.offset + extent.length <= at);
    for extent in segment.map.iter().skip(first).take_while(|extent| extent.offset < at + length) {
        let from = extent.offset.max(at);
        let to = (extent.offset + extent.length).min(at + length);
        let place = match extent.kind {
            ExtentKind::Header => 0,
            ExtentKind::Index => 1,
            ExtentKind::Symbols => 2,
            _ => 3,
        };
        taken[place].0 += to.saturating_sub(from);
    }
    let all: u64 = taken.iter().map(|(bytes, _)| bytes).sum();
    if all * 2 < length {
        return '.';
    }
    taken.iter().max_by_key(|(bytes, _)| *bytes).map_or('.', |(_, mark)| *mark)
}

fn word(kind: ExtentKind) -> &'static str {
    match kind {
        ExtentKind::Header => "header",
        ExtentKind::Index => "index",
        ExtentKind::Symbols => "symbols",
        _ => "content",
    }
}

fn defragment(session: &mut Session) -> Result<Exit, Failure> {
    let store = session.store()?;
    let size =
        |segments: &[Statistics]| segments.iter().map(|segment| segment.live + segment.garbage).sum::<u64>();
    let before = size(&store.memory()?);
    store.defragment()?;
    let after = size(&store.memory()?);
    if session.globals.json {
        let answer = json!({ "before": before, "after": after });
        session.output.line(Json::answer("memory", answer).to_string())?;
    } else {
        session.output.say(&msg!(
            "memory-defragmented",
            before = before.to_string(),
            after = after.to_string()
        ));
    }
    Ok(Exit::Ok)
}

fn check(session: &mut Session) -> Result<Exit, Failure> {
    let findings = session.store()?.check_memory()?;
    if session.globals.json {
        let findings: Vec<_> = findings
            .iter()
            .map(
                |finding| json!({ "segment": finding.segment, "what": finding.what, "place": finding.place }),
            )
            .collect();
        session.output.line(Json::answer("memory", json!({ "findings": findings })).to_string())?;
    } else {
        for finding in &findings {
            let label = session.output.paint.error(&text("label-error"));
            let segment = name_of(&finding.segment);
            let place = finding.place.map(|place| format!("+{place:#x}")).unwrap_or_default();
            session.output.line(format!("{label}: {segment}{place}: {}", finding.what))?;
        }
        if findings.is_empty() {
            session.output.line(msg!("memory-well").to_string())?;
        }
    }
    Ok(if findings.is_empty() { Exit::Ok } else { Exit::Error })
}

//! `parse.events`: a 100 MB package to events, beside a scan for the bytes that the grammar cares about.

use std::hint::black_box;

use cms_model::SliceParser;

use crate::Result;
use crate::figure::{Figure, Limit};
use crate::measure::{Rounds, seconds};
use crate::packages;

const BYTES: u64 = 100_000_000;
const ROUNDS: usize = 9;

pub fn measure() -> Result<Vec<Figure>> {
    let mut text = Vec::with_capacity(BYTES as usize + 4096);
    packages::write_bytes(&mut text, BYTES)?;
    let megabytes = text.len() as f64 / 1e6;
    let (mut value, mut peer_value) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let (parsing, events) = seconds(|| events(&text))?;
        let (scanning, bytes) = seconds(|| Ok(special_bytes(&text)))?;
        assert!(events > 2_000_000 && bytes > 2 * events, "{events} events, {bytes} special bytes");
        value.push(megabytes / parsing);
        peer_value.push(megabytes / scanning);
    }
    Ok(vec![Figure {
        id: "parse.events",
        what: "parse a 100 MB package to events".into(),
        unit: "MB/s",
        value,
        peer: "a scan for newline and both quotes (memchr)".into(),
        peer_value,
        must: Limit::AtLeast(400.0),
        goal: Limit::AtLeast(800.0),
    }])
}

fn events(text: &[u8]) -> Result<usize> {
    let mut count = 0;
    for event in SliceParser::new(text) {
        black_box(event.map_err(|error| error.to_string())?);
        count += 1;
    }
    Ok(count)
}

fn special_bytes(text: &[u8]) -> usize {
    let mut count = 0;
    for at in memchr::memchr3_iter(b'\n', b'\'', b'"', text) {
        black_box(at);
        count += 1;
    }
    count
}

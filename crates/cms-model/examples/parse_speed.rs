//! Measures the parser: `cargo run --release -p cms-model --example parse_speed [MEGABYTES]`.
//!
//! Prints the best of several rounds for the slice parser, the streaming parser, and a scan for the
//! grammar's special bytes, which is about what any parser can reach.

use std::hint::black_box;
use std::time::Instant;

use cms_model::{Parser, SliceParser};

const ROUNDS: usize = 9;

fn main() {
    let megabytes = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(100);
    let text = package(megabytes * 1_000_000);
    let events = SliceParser::new(&text).filter(Result::is_ok).count();
    println!("{} bytes, {events} events", text.len());

    report("scan", &text, || memchr::memchr3_iter(b'\'', b'"', b'\n', &text).count());
    report("slice", &text, || {
        SliceParser::new(&text)
            .fold(0, |sum, event| sum + event.map_or(0, |event| black_box(&event).line & 1))
    });
    report("stream", &text, || {
        let mut parser = Parser::new(&text[..]);
        let mut count = 0;
        while let Ok(Some(event)) = parser.next() {
            count += event.map_or(0, |event| black_box(&event).line & 1);
        }
        count
    });
}

/// Makes a package as the printer writes it: 12 options a section.
fn package(size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 1000);
    for section in 0.. {
        if text.len() >= size {
            break;
        }
        text.extend_from_slice(format!("\nconfig interface 'section{section}'\n").as_bytes());
        for option in 0..12 {
            let value = (section * 7919 + option * 104_729) % 1_000_000_007;
            text.extend_from_slice(format!("\toption option_{option:02} 'value{value:09}'\n").as_bytes());
        }
    }
    text.push(b'\n');
    text
}

fn report(what: &str, text: &[u8], run: impl Fn() -> usize) {
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{what:8} {:7.0} MB/s", text.len() as f64 / best.as_secs_f64() / 1e6);
}

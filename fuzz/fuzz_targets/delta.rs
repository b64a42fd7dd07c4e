//! Any bytes read as a delta file without a panic or a lost byte, and what was understood prints and
//! reads back as itself.
#![no_main]

use cms_model::{DeltaLine, DeltaReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let raw: Vec<u8> = DeltaReader::new(text, "p").flat_map(|entry| entry.raw.to_vec()).collect();
    assert_eq!(raw, text);

    let lines: Vec<_> = DeltaLine::parse(text, "p").collect();
    let mut printed = Vec::new();
    for line in &lines {
        line.write("p", &mut printed).expect("writing to memory cannot fail");
    }
    assert_eq!(DeltaLine::parse(&printed, "p").collect::<Vec<_>>(), lines);
});

//! Any text is read as any of the foreign formats without a panic: what comes out are packages that parse, or faults that have a place.
#![no_main]

use cms_foreign::{Format, Options, Refused, read};
use cms_model::Package;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, Option<bool>, &[u8])| {
    let (number, fit_names, inline_comments, text) = input;
    let format = Format::ALL[usize::from(number) % Format::ALL.len()];
    let options = Options {
        package: Some("p".parse().expect("a name")),
        kind: Some("t".parse().expect("a type")),
        name_column: (number > 127).then(|| b"n".to_vec()),
        fit_names,
        inline_comments,
        ..Options::default()
    };
    match read(format, text, &options) {
        Ok(read) => {
            let packages = read.packages.iter().map(|(_, text)| Package::parse(text).expect("it is UCI text"));
            assert!(packages.map(|package| package.option_count()).sum::<usize>() <= read.options);
        }
        Err(Refused::Faults(faults)) => {
            assert!(!faults.is_empty() && faults.iter().all(|fault| fault.line > 0 && fault.column > 0));
        }
        Err(other) => panic!("{other}"),
    }
});

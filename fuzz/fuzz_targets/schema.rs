//! Any text reads as a schema, or says why not, without a panic; what reads checks any package, exports and comes back. Any
//! text of rules compiles or says why not.
#![no_main]

use cms_model::Package;
use cms_model::schema::{Checker, Module, RuleSet, Rules, Schemas, from_json_schema};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8], &str)| {
    let (schema, text, rules) = input;
    if let Ok(rules) = RuleSet::parse(rules, &Rules::default()) {
        let _ = rules.check(text);
    }
    // A text that begins well gets further than bytes at random.
    let schema = [b"config module 'm'\n\toption package 'p'\n", schema].concat();
    let Ok(schema) = Package::parse(&schema) else { return };
    let Ok(module) = Module::read(&schema, "m", &Rules::default()) else { return };
    let imported = from_json_schema("p", &module.to_json_schema());
    let imported = Package::parse(imported.text.as_bytes()).expect("what was imported is a text");
    let _ = Module::read(&imported, "p", &Rules::default());
    let mut schemas = Schemas::default();
    schemas.insert(module);
    if let Ok(package) = Package::parse(text) {
        let _ = Checker::new(&schemas, &()).check("p", &package);
    }
});

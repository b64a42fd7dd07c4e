//! Measures what packages cost: `cargo run --release -p cms-model --example state_figures [MB]`.

use std::hint::black_box;
use std::time::Instant;

use cms_model::{
    Change, ChangeKind, Draft, Edit, IdSource, Name, Package, Selector, SliceParser, TypeName, Value,
};

fn text_of(megabytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(megabytes << 20);
    let mut number = 0u32;
    while text.len() < megabytes << 20 {
        let kind = ["interface", "rule", "host"][number as usize % 3];
        let name = if number.is_multiple_of(2) { format!(" 'section_{number}'") } else { String::new() };
        text.extend_from_slice(format!("\nconfig {kind}{name}\n").as_bytes());
        for option in 0..12 {
            let line = format!("\toption option_{option} 'value {} of {number}'\n", option * 7);
            text.extend_from_slice(line.as_bytes());
        }
        number += 1;
    }
    text.push(b'\n');
    text
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse::<usize>().ok()).unwrap_or(0)
        << 10
}

/// The time that this thread had a processor, in nanoseconds: other programs do not count.
fn processor_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn time<T>(what: &str, work: impl FnOnce() -> T) -> (T, f64) {
    let (start, before) = (Instant::now(), processor_time());
    let result = work();
    let wall = start.elapsed().as_secs_f64();
    let used = before.zip(processor_time()).map(|(before, after)| (after - before) as f64 / 1e9);
    println!("{what:50} {:10.3} ms", used.unwrap_or(wall) * 1e3);
    (result, used.unwrap_or(wall))
}

fn main() {
    let megabytes = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(100);
    let text = text_of(megabytes);
    let mb = text.len() as f64 / 1e6;
    let rate = |seconds: f64| println!("{:50} {:10.0} MB/s", "", mb / seconds);

    let (_, seconds) = time("parse to events alone", || SliceParser::new(&text).flatten().count());
    rate(seconds);
    let before = resident();
    let (package, seconds) = time("parse and index", || Package::parse(&text).expect("the text is sound"));
    rate(seconds);
    let more = resident().saturating_sub(before);
    println!("{:50} {:10.3} of the text", "memory", more as f64 / text.len() as f64);
    let (read, seconds) = time("read, streaming", || Package::read(&text[..]).expect("the text is sound"));
    rate(seconds);
    drop(read);
    let parts = package.to_parts();
    let (restored, seconds) = time("from_parts", || Package::from_parts(parts).expect("the parts are sound"));
    rate(seconds);
    drop(restored);
    let (options, _) =
        time("read all options", || package.sections().map(|s| s.options().len()).sum::<usize>());
    println!("{} sections, {options} options, {} blocks", package.len(), package.block_count());
    let (copy, _) = time("clone", || package.clone());
    drop(copy);

    let name = |text: &str| Name::new(text).expect("a name");
    let mut edited = package.clone();
    let ids: Vec<_> = package.sections().map(|section| section.id()).collect();
    let names: Vec<_> = (0..12).map(|option| name(&format!("option_{option}"))).collect();
    let edits = 1_000_000;
    let (_, seconds) = time("1M option edits", || {
        for edit in 0..edits {
            let section = ids[edit * 15_485_863 % ids.len()];
            let new = Value::scalar(format!("new {edit}"));
            let kind = ChangeKind::Set { option: names[edit % 12].clone(), old: None, new, at: None };
            edited.apply(&Change::new(section, kind)).expect("the option is there");
        }
    });
    println!("{:50} {:10.3} us each", "", seconds / edits as f64 * 1e6);
    let (edit, _) = time("Edit::between after them", || Edit::between(&package, &edited));
    println!("{} splices", edit.text.len());
    let mut redone = package.clone();
    let _ = time("apply_edit", || redone.apply_edit(&edit));
    let (changes, _) = time("diff after them", || Package::diff(&package, &edited));
    println!("{} changes", changes.len());
    let (adopted, _) = time("adopt", || package.adopt(edited.clone(), 1));
    black_box(adopted);
    let mut one = package.clone();
    let kind = ChangeKind::Set { option: names[0].clone(), old: None, new: Value::scalar("x"), at: None };
    time("one option in a fresh copy", || one.apply(&Change::new(ids[ids.len() / 2], kind)))
        .0
        .expect("applies");
    time("Edit::between after it", || Edit::between(&package, &one));

    for sections in [100usize, 100_000] {
        let text: String =
            (0..sections).map(|n| format!("\nconfig rule\n\toption a '{n}'\n\toption b 'x'\n")).collect();
        let package = Package::parse(text.as_bytes()).expect("the text is sound");
        let mut source = IdSource::new(1);
        let rounds = 1000;
        let (_, seconds) = time(&format!("add, reorder, delete at the front of {sections}"), || {
            for _ in 0..rounds {
                let mut draft = Draft::new(package.clone(), source.draw().0);
                let added = draft.add(&TypeName::new("rule").expect("a type")).expect("adds");
                let generated = draft.display_name(added).expect("is there");
                draft.reorder(&Selector::Named(generated), 0).expect("moves");
                let first = Selector::Nth { kind: None, index: 1 };
                draft.delete_section(&first).expect("deletes");
                draft.reorder(&first, 0).expect("moves");
                black_box(Edit::between(draft.base(), draft.package()));
            }
        });
        println!("{:50} {:10.3} us each", "", seconds / rounds as f64 * 1e6);
    }
    let mut list = Package::parse(b"config a s\n").expect("the text is sound");
    let items = Value::list((0..100_000).map(|n| format!("item {n}")));
    let kind = ChangeKind::Set { option: name("l"), old: None, new: items, at: None };
    let id = list.last_section().expect("is there");
    time("set a list of 100,000", || list.apply(&Change::new(id, kind))).0.expect("applies");
    time("add and remove 100 items of it", || {
        for n in 0..100u32 {
            let (option, item) = (name("l"), b"more".to_vec());
            let kind = ChangeKind::InsertItem {
                option,
                index: n * 900,
                at_end: false,
                item,
                was_scalar: false,
                at: None,
            };
            let made = list.apply(&Change::new(id, kind)).expect("applies");
            list.apply(&made.inverse()).expect("applies");
        }
    });
}

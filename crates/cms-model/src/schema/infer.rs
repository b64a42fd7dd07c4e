//! Drafting a schema from packages that there are.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::Package;

use super::plain::{self, Plain};
use super::rule::words;

/// A text with more different values than this has no list of them.
const CHOICES: usize = 6;
/// Fewer values than this say nothing of how many there may be.
const EVIDENCE: usize = 8;

/// Types that a value may turn out to be, narrow ones first.
const TYPES: &[&str] = &[
    "bool", "port", "uint", "int", "float", "netmask", "ipv4", "ipv6", "cidr", "mac", "date", "datetime",
    "uuid", "duration", "size", "email", "url", "file",
];

#[derive(Default)]
struct Seen {
    sections: usize,
    list: bool,
    values: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Type {
    sections: usize,
    named: usize,
    options: BTreeMap<String, Seen>,
    order: Vec<String>,
}

/// Drafts a schema for a package from one or more examples of it.
///
/// Types and lists are taken from the values, `required` from what every section has. Options whose names
/// sound like secrets are marked so. It is a draft: somebody who knows the program has to read it.
///
/// ```
/// use cms_model::{Package, schema::{Module, Rules, infer}};
///
/// let site = Package::parse(b"config site 'a'\n\toption port '8080'\n\tlist admin 'x@example.org'\n").unwrap();
/// let text = infer("blog", &[&site]);
/// assert!(text.contains("\toption port 'required|port'\n\tlist admin 'required|email'\n"));
/// let schema = Package::parse(text.as_bytes()).unwrap();
/// assert!(Module::read(&schema, "blog", &Rules::default()).is_ok());
/// ```
pub fn infer(name: &str, packages: &[&Package]) -> String {
    let mut types: Vec<(String, Type)> = Vec::new();
    for section in packages.iter().flat_map(|package| package.sections()) {
        let place = types.iter().position(|(kind, _)| kind == section.kind()).unwrap_or_else(|| {
            types.push((section.kind().to_owned(), Type::default()));
            types.len() - 1
        });
        let known = &mut types[place].1;
        known.sections += 1;
        known.named += usize::from(!section.is_anonymous());
        for (option, value) in section.options() {
            if !known.options.contains_key(option.as_str()) {
                known.order.push(option.to_string());
            }
            let seen = known.options.entry(option.to_string()).or_default();
            seen.sections += 1;
            seen.list |= value.is_list();
            seen.values.extend(value.items().iter().cloned());
        }
    }
    write(name, &types)
}

fn write(name: &str, types: &[(String, Type)]) -> String {
    let mut text = format!(
        "# Drafted from {} section types that there are: read it before it is enforced.\n\n",
        types.len()
    );
    // A module is named like its package, and a package may have a name that no section can have.
    let module: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    line(&mut text, "config module", &module);
    if module != name {
        option(&mut text, "package", name);
    }
    option(&mut text, "version", "0.1.0");
    option(&mut text, "mode", "warn");
    for (kind, known) in types {
        text.push_str("\nconfig section\n");
        option(&mut text, "type", kind);
        if known.sections > 1 && known.named == known.sections {
            option(&mut text, "naming", "named");
        } else if known.sections > 1 && known.named == 0 {
            option(&mut text, "naming", "anonymous");
        }
        if known.order.is_empty() {
            continue;
        }
        text.push_str("\nconfig fields\n");
        for name in &known.order {
            let Some(seen) = known.options.get(name) else { continue };
            let keyword = if seen.list { "list" } else { "option" };
            let rules = rules(name, seen, seen.sections == known.sections);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\t{keyword} {name} {}", quoted(&rules));
        }
    }
    text
}

fn rules(name: &str, seen: &Seen, always: bool) -> String {
    let mut rules: Vec<String> = Vec::new();
    if always {
        rules.push("required".to_owned());
    }
    if is_secret(name) {
        rules.push("string|secret".to_owned());
        return rules.join("|");
    }
    let values = || seen.values.iter().map(|value| &value[..]);
    let holds_for_all = |plain: &&&'static Plain| values().all(|value| (plain.test)(value));
    let candidates: Vec<_> = TYPES.iter().filter_map(|name| plain::find(name)).collect();
    // Numbers that are all 0 or 1 may well be truth values; all others have to look like their type.
    match candidates.iter().find(holds_for_all) {
        Some(plain) if plain.names[0] == "port" && !name.contains("port") => rules.push("uint".to_owned()),
        Some(plain) => rules.push(plain.names[0].to_owned()),
        None => {
            let mut different: Vec<&[u8]> = values().collect();
            different.sort_unstable();
            different.dedup();
            let simple = different
                .iter()
                .all(|value| value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)));
            if different.len() <= CHOICES
                && different.len() * 2 <= seen.values.len()
                && seen.values.len() >= EVIDENCE
                && simple
            {
                let texts: Vec<_> = different.iter().map(|value| String::from_utf8_lossy(value)).collect();
                rules.push(format!("in:{}", texts.join(",")));
            } else if !seen.list
                && values().any(|value| words(value).count() > 1)
                && values().all(|value| words(value).all(crate::Name::is_valid))
            {
                rules.push("words".to_owned());
            } else {
                rules.push("string".to_owned());
            }
        }
    }
    rules.join("|")
}

/// Says whether an option sounds like one whose value nobody should see.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts = ["password", "passwd", "secret", "private_key", "privatekey", "psk", "token", "pincode"];
    name == "key" || name == "pin" || parts.iter().any(|part| name.contains(part))
}

fn line(text: &mut String, command: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{command} {}", quoted(value));
}

fn option(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "\toption {name} {}", quoted(value));
}

/// A value in quotes, as the printer writes it.
fn quoted(value: &str) -> String {
    String::from_utf8_lossy(&crate::quote(value.as_bytes())).into_owned()
}

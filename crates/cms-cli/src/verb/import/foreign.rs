//! Other worlds: what has to be asked for, and what is said of what came.

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::model::{Diagnostic, PackageName, TypeName};
use cms_foreign::{Format as Foreign, Notes, Options, Refused};

use super::super::text_of;
use super::source::Origin;
use crate::arguments::{Help, help};
use crate::failure::Failure;
use crate::format::{Format, Imported, Input, Text};
use crate::keys;
use crate::session::Session;
use crate::text::msg;

/// The options that are for some formats only.
const ONLY_FOR: &[(&str, &[Foreign])] = &[
    ("type", &Foreign::ALL),
    ("fit-names", &Foreign::ALL),
    ("prefix", &[Foreign::Etcd, Foreign::Consul]),
    ("section", &[Foreign::Ini, Foreign::Env]),
    ("inline-comments", &[Foreign::Ini]),
    ("name-column", &[Foreign::Csv]),
    ("separator", &[Foreign::Csv]),
];

pub(super) fn options(command: Command, help: Help) -> Command {
    let value = |name: &'static str, word: &'static str| Arg::new(name).long(name).value_name(word);
    command
        .arg(value("package", "PACKAGE").help(help!("import-package-option", help)))
        .arg(value("prefix", "PREFIX").help(help!("import-prefix", help)))
        .arg(value("type", "TYPE").help(help!("import-type", help)))
        .arg(value("section", "NAME").help(help!("import-section", help)))
        .arg(value("name-column", "COLUMN").help(help!("import-name-column", help)))
        .arg(value("separator", "CHAR").help(help!("import-separator", help)))
        .arg(
            value("inline-comments", "yes|no")
                .value_parser(["yes", "no"])
                .hide_possible_values(true)
                .help(help!("import-inline-comments", help)),
        )
        .arg(
            Arg::new("fit-names")
                .long("fit-names")
                .action(ArgAction::SetTrue)
                .help(help!("import-fit-names", help)),
        )
}

/// Refuses options that the format has no use for.
pub(super) fn check(matches: &ArgMatches, origin: Origin) -> Result<(), Failure> {
    let given = |name: &&(&str, &[Foreign])| {
        matches.value_source(name.0) == Some(clap::parser::ValueSource::CommandLine)
    };
    for (option, formats) in ONLY_FOR.iter().filter(given) {
        let fits = matches!(origin, Origin::Foreign(format) if formats.contains(&format));
        if !fits {
            let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
            let option = format!("--{option}");
            return Err(Failure::usage(msg!("import-not-for", option = option, format = origin.name()))
                .hint(msg!("import-only-for", formats = names.join(", "))));
        }
    }
    Ok(())
}

/// What a document in JSON looks like that is a dump.
pub(super) fn looks_like(format: Format, input: &Input) -> Option<&'static str> {
    if format != Format::Json {
        return None;
    }
    let start: Vec<u8> =
        (0..64).map_while(|at| input.get(at)).filter(|byte| !byte.is_ascii_whitespace()).collect();
    match &start[..] {
        [b'[', ..] => Some(Foreign::Consul.name()),
        start if start.starts_with(b"{\"header\":") => Some(Foreign::Etcd.name()),
        _ => None,
    }
}

/// Reads packages, or says all that is in the way.
pub(super) fn read(
    format: Foreign,
    input: Input,
    name: Option<PackageName>,
    source: &str,
    matches: &ArgMatches,
    session: &mut Session,
) -> Result<Vec<Imported>, Failure> {
    let kind = text_of(matches, "type").map(|word| keys::type_name(word.as_bytes())).transpose()?;
    let section = text_of(matches, "section").map(|word| keys::new_name(word.as_bytes())).transpose()?;
    let snapshot = session.store()?.snapshot()?;
    let known = |package: &PackageName, section: &str| {
        let package = snapshot.package(package).ok()?;
        TypeName::new(package.find(section)?.kind()).ok()
    };
    let options = Options {
        package: name,
        prefix: text_of(matches, "prefix").map(|prefix| prefix.as_bytes().to_owned()),
        kind,
        section,
        name_column: text_of(matches, "name-column").map(|column| column.as_bytes().to_owned()),
        separator: separator(matches)?,
        fit_names: matches.get_flag("fit-names"),
        inline_comments: text_of(matches, "inline-comments").map(|word| word == "yes"),
        known: &known,
    };
    let read = cms_foreign::read(format, &input.into_bytes(), &options)
        .map_err(|error| refused(error, format, source))?;
    say(&read.notes, &options, session);
    let imported = |(package, text)| Imported { package, text: Text::from(text) };
    Ok(read.packages.into_iter().map(imported).collect())
}

fn separator(matches: &ArgMatches) -> Result<u8, Failure> {
    match text_of(matches, "separator") {
        None => Ok(b','),
        Some("tab") => Ok(b'\t'),
        Some(word) => match word.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
            _ => Err(Failure::usage(msg!("invalid-value", name = "--separator", value = word))
                .hint(msg!("import-separator-hint"))),
        },
    }
}

fn refused(error: Refused, format: Foreign, source: &str) -> Failure {
    match error {
        Refused::NoPackage => {
            Failure::usage(msg!("import-no-package", source = source)).hint(msg!("import-no-package-option"))
        }
        Refused::NoType => {
            Failure::usage(msg!("import-no-type", source = source)).hint(msg!("import-no-type-hint"))
        }
        Refused::Faults(faults) => {
            let placed = |fault: Diagnostic| match fault.file.clone() {
                Some(entry) => fault.in_file(format!("{source} {entry}")),
                None => fault.in_file(source),
            };
            let faults = faults.into_iter().map(placed).collect();
            Failure::invalid(msg!("import-refused", source = source, format = format.name()), faults)
        }
    }
}

/// Says what was read otherwise than it stands there.
fn say(notes: &Notes, options: &Options<'_>, session: &mut Session) {
    let prefix = options.prefix.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    if notes.outside > 0 {
        session.output.say(&msg!("import-outside", count = notes.outside, prefix = prefix.into_owned()));
    }
    if notes.empty > 0 {
        session.output.say(&msg!("import-empty", count = notes.empty));
    }
    if notes.marked > 0 {
        session.output.warn(&msg!("import-marked", count = notes.marked));
    }
    if notes.variables > 0 {
        session.output.warn(&msg!("import-variables", count = notes.variables));
    }
}

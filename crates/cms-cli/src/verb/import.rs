//! `import`: whole packages from a document; with `--merge`, changes that are staged.

mod preview;

use std::fs::File;

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::Stage;
use cms::model::{Package, PackageName, ReadError, Selector, Value};

use super::Verb;
use crate::arguments::{Help, help};
use crate::confirmation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::{self, Format, FormatError, Imported, Input};
use crate::keys;
use crate::session::{self, Session};
use crate::text::msg;
use crate::validation;

pub(super) const VERB: Verb = Verb { name: "import", aliases: &[], uci: true, hidden: false, arguments, run };

fn arguments(command: Command, help: Help) -> Command {
    validation::options(confirmation::options(command, help), help)
        .arg(super::key(help).value_name("PACKAGE").help(help!("import-package", help)))
        .arg(
            Arg::new("merge")
                .short('m')
                .long("merge")
                .action(ArgAction::SetTrue)
                .help(help!("import-merge", help)),
        )
        .arg(super::message(help).short(None))
        .arg(super::dry_run(help).help(help!("import-dry-run", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let dry_run = matches.get_flag("dry-run");
    session.commits = !dry_run;
    let name = match super::optional_key(matches)? {
        Some(key) if key.section.is_some() => {
            return Err(Failure::usage(msg!("package-wanted", key = key.to_string())));
        }
        key => key.map(|key| key.package),
    };
    let confirm = confirmation::asked(matches)?;
    if confirm.is_some() && matches.get_flag("merge") {
        return Err(Failure::usage(msg!("not-together", name = "--confirm", other = "--merge")));
    }
    let format = format_of(session)?;
    let (source, input) = input(session)?;
    let packages =
        format::read(format, input, name.as_ref()).map_err(|error| refused(format, &source, error))?;
    if packages.is_empty() {
        session.output.say(&msg!("import-nothing"));
        return Ok(Exit::Ok);
    }
    if matches.get_flag("merge") {
        return merge(session, &source, packages, dry_run);
    }
    let message = super::text_of(matches, "message").unwrap_or_default();
    let mut transaction = session.store()?.transaction()?.message(message).tool("cms import");
    validation::apply(validation::asked(matches), &mut transaction);
    let mut names = Vec::with_capacity(packages.len());
    for imported in packages {
        let (name, package) = parse(&source, imported)?;
        transaction.replace_package(&name, package)?;
        names.push(name);
    }
    if dry_run {
        return preview::transaction(transaction, &names, session);
    }
    super::commit::finish_transaction(transaction, confirm, false, session)
}

/// The format that `--format` names, or the file by the end of its name; UCI text otherwise.
fn format_of(session: &Session) -> Result<Format, Failure> {
    if let Some(name) = session.globals.format.as_deref() {
        return Format::from_name(name).ok_or_else(|| super::unknown_format(name, &Format::NAMES));
    }
    let end = session.globals.file.as_deref().and_then(|path| path.extension()?.to_str());
    Ok(match end {
        Some("yml") => Format::Yaml,
        Some(end) => Format::from_name(end).unwrap_or(Format::Uci),
        None => Format::Uci,
    })
}

/// Reads all of `-f FILE`, or of stdin.
pub(super) fn input(session: &Session) -> Result<(String, Input), Failure> {
    match &session.globals.file {
        Some(path) if path.as_os_str() != "-" => {
            let input = File::open(path).and_then(Input::read);
            Ok((path.display().to_string(), input.map_err(|error| Failure::file(path, &error))?))
        }
        _ => {
            let source = "stdin";
            let input = Input::read(std::io::stdin().lock());
            Ok((source.to_owned(), input.map_err(|error| Failure::file(source.as_ref(), &error))?))
        }
    }
}

fn parse(
    source: &str,
    Imported { package: name, text }: Imported,
) -> Result<(PackageName, Package), Failure> {
    match Package::read(text) {
        Ok(package) => Ok((name, package)),
        Err(ReadError::Parse(diagnostics)) => {
            let diagnostics = diagnostics.into_iter().map(|found| found.in_file(source)).collect();
            Err(Failure::invalid(msg!("package-unparsable", package = name.as_str()), diagnostics))
        }
        Err(ReadError::Io(error)) => Err(Failure::file(source.as_ref(), &error)),
    }
}

fn refused(format: Format, source: &str, error: FormatError) -> Failure {
    let name = format.name();
    match error {
        FormatError::Text(diagnostics) => {
            let diagnostics = diagnostics.into_iter().map(|found| found.in_file(source)).collect();
            Failure::invalid(msg!("import-unparsable", source = source), diagnostics)
        }
        FormatError::NoPackage => {
            Failure::usage(msg!("import-no-package", source = source)).hint(msg!("import-no-package-hint"))
        }
        FormatError::Syntax(cause) => Failure::invalid(
            msg!("import-wrong-format", source = source, format = name, cause = cause),
            Vec::new(),
        ),
        FormatError::Version(version) => Failure::invalid(
            msg!("import-version", source = source, version = version.to_string()),
            Vec::new(),
        ),
        FormatError::Place(place, cause) => {
            Failure::invalid(msg!("import-place", source = source, place = place, cause = cause), Vec::new())
        }
        FormatError::NotOne(count) => Failure::usage(msg!("import-not-one", source = source, count = count)),
        FormatError::Twice(package) => {
            Failure::invalid(msg!("import-twice", source = source, package = package.as_str()), Vec::new())
        }
    }
}

/// Stages what the document has and the packages have not: options override, list items are appended,
/// anonymous sections are added. With `dry_run`, shows it.
fn merge(
    session: &mut Session,
    source: &str,
    packages: Vec<Imported>,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let names: Vec<PackageName> = packages.iter().map(|imported| imported.package.clone()).collect();
    let mut stage = session.stage(Some(&names))?;
    let (mut changed, mut merged) = (0, Vec::new());
    for imported in packages {
        let (name, incoming) = parse(source, imported)?;
        if dry_run {
            let before = session::staged(&mut stage, &name)?.package().clone();
            merge_package(&mut stage, &name, &incoming)?;
            merged.push(preview::Merged { name, before });
        } else {
            changed += merge_package(&mut stage, &name, &incoming)?;
        }
    }
    if dry_run {
        return preview::merge(&mut stage, &merged, session);
    }
    stage.save()?;
    session.output.say(&msg!("import-staged", count = changed));
    Ok(Exit::Ok)
}

fn merge_package(stage: &mut Stage, name: &PackageName, incoming: &Package) -> Result<usize, Failure> {
    let draft = session::staged(stage, name)?;
    let before = draft.changes().len();
    for section in incoming.sections() {
        let kind = keys::type_name(section.kind().as_bytes())?;
        let refused = |error: cms::model::DraftError| {
            Failure::new(Exit::Invalid, msg!("edit-refused", key = name.as_str())).because(&error)
        };
        let selector = match section.name() {
            Some(own) => {
                let selector = Selector::Named(keys::new_name(own.as_bytes())?);
                draft.set_type(&selector, &kind).map_err(refused)?;
                selector
            }
            None => {
                let id = draft.add(&kind).map_err(refused)?;
                let Some(generated) = draft.display_name(id) else { continue };
                Selector::Named(generated)
            }
        };
        for (option, value) in section.options() {
            match value {
                Value::Scalar(_) => draft.set_option(&selector, &option, value).map_err(refused)?,
                Value::List(items) => {
                    let mut done = cms::model::Outcome { changed: false };
                    for item in items {
                        done = draft.add_list(&selector, &option, &item).map_err(refused)?;
                    }
                    done
                }
            };
        }
    }
    Ok(draft.changes().len() - before)
}
